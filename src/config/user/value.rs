//! The values of settings, wherever they are written.

use std::path::{Path, PathBuf};

use url::Url;

use super::{Error, ForgeKind, Origin, Proxy, Setting};
use crate::config::{Fact, host};

/// What relative paths start from.
#[derive(Clone, Debug, Default)]
pub struct Root {
    /// The folder of the file, or the clone's root; none without a clone.
    pub folder: Option<PathBuf>,
    /// What `~/` stands for.
    pub home: Option<PathBuf>,
}

/// Parses a text that comes from somewhere.
pub fn setting<T>(
    text: &str,
    origin: Origin,
    parse: impl FnOnce(&str) -> Result<T, Fact>,
) -> Result<Setting<T>, Error> {
    match parse(text) {
        Ok(value) => Ok(Setting { value, origin }),
        Err(fact) => Err(Error { origin, fact: Box::new(fact) }),
    }
}

impl Root {
    /// Resolves a path.
    pub fn path(&self, text: &str) -> Result<PathBuf, Fact> {
        let malformed = |message: String| Fact::Malformed { message, help: "write an absolute path" };
        if text.is_empty() || text.contains('\0') {
            return Err(malformed("the path is empty".to_owned()));
        }
        let (folder, rest, missing) = match text.strip_prefix("~/") {
            Some(rest) => (&self.home, rest, "no home directory is known"),
            None => (&self.folder, text, "there is no clone that it could start from"),
        };
        if Path::new(text).is_absolute() {
            return Ok(PathBuf::from(text));
        }
        match folder {
            Some(folder) => Ok(folder.join(rest)),
            None => Err(malformed(format!("`{}` is relative, and {missing}", text.escape_debug()))),
        }
    }
}

/// Parses the host of a registry or a forge.
pub fn host(text: &str) -> Result<String, Fact> {
    host::parse(text).ok_or_else(|| Fact::Malformed {
        message: format!("`{}` is no host", text.escape_debug()),
        help: "write the host, and its port if it has one: `registry.example.com:5000`",
    })
}

/// Parses a truth value as Git writes them.
pub fn truth(text: &str) -> Result<bool, Fact> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err(Fact::unknown_word(text, ["true", "false"])),
    }
}

/// Parses the kind of a forge.
pub fn kind(text: &str) -> Result<ForgeKind, Fact> {
    let known = ForgeKind::ALL.map(ForgeKind::as_str);
    let kind = ForgeKind::ALL.into_iter().find(|kind| kind.as_str() == text);
    kind.ok_or_else(|| Fact::unknown_word(text, known))
}

/// Parses where an API is.
pub fn api(text: &str) -> Result<Url, Fact> {
    let help = "write it as `https://git.corp/api/v1`, without a user name or password";
    let malformed = |what: &str| Fact::Malformed { message: format!("the URL {what}"), help };
    let url = Url::parse(text).map_err(|_| malformed("can't be read"))?;
    if !url.username().is_empty() || url.password().is_some() {
        // Not echoed: it may be a password.
        return Err(malformed("holds a user name or password"));
    }
    if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
        return Err(malformed("is neither `https://` nor `http://`"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(malformed("has more than a path"));
    }
    Ok(url)
}

/// Parses a proxy's URL, which may hold a password and is never echoed.
pub fn proxy(text: &str) -> Result<Proxy, Fact> {
    let malformed =
        || Fact::Malformed { message: "the proxy is no URL".to_owned(), help: "write it as `http://proxy.corp:3128`" };
    // curl and Git take `proxy.corp:3128` for plain HTTP.
    let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&text).map_err(|_| malformed())?;
    let known = matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h");
    if known && url.host().is_some() { Ok(Proxy { url }) } else { Err(malformed()) }
}
