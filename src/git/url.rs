//! The address of a remote: parsed once, refused where it could inject something, shown without secrets.

use std::fmt;
use std::path::Path;

use super::escape;

/// How a remote is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Smart HTTP with TLS.
    Https,
    /// Plain HTTP: loopback, and hosts that the user listed.
    Http,
    /// `ssh://` and `user@host:path`.
    Ssh,
    /// A repository on this machine.
    File,
}

/// The address of a Git repository, without any secret.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RemoteUrl {
    scheme: Scheme,
    user: Option<String>,
    host: String,
    port: Option<u16>,
    /// As it was written, with its leading `/` except in the form `host:path`.
    path: String,
}

/// Why a text is no address that is used.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum RemoteUrlError {
    /// Nothing was given.
    #[error("the remote's URL is empty")]
    Empty,
    /// A control character or white space, also in its encoded form.
    #[error("`{text}` holds a control character or white space")]
    Character {
        /// The text, escaped, without user name and password.
        text: String,
    },
    /// A password, or a token in the place of the user name.
    #[error("the URL of `{host}` holds a password or token")]
    Secret {
        /// The host.
        host: String,
    },
    /// Another transport.
    #[error("`{scheme}` is no transport that is used")]
    Scheme {
        /// The scheme, escaped.
        scheme: String,
    },
    /// HTTP without TLS to a host that isn't listed for it.
    #[error("`{host}` would be reached without TLS")]
    PlainHttp {
        /// The host.
        host: String,
    },
    /// No host, or one with letters that hosts don't have.
    #[error("`{host}` is no host name")]
    Host {
        /// The host, escaped.
        host: String,
    },
    /// A user name with other letters, or one that would be read as an option.
    #[error("the URL of `{host}` holds a user name that can't be used")]
    User {
        /// The host.
        host: String,
    },
    /// A path that is empty, would be read as an option, or has a query.
    #[error("`{path}` is no path of a repository")]
    Path {
        /// The path, escaped.
        path: String,
    },
}

/// What the tokens of the forges begin with: a user name like this is one.
const TOKENS: &[&str] =
    &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "gloas-", "gldt-", "glrt-", "glptt-", "glcbt-"];

impl RemoteUrl {
    /// Parses a URL, `user@host:path`, or the path of a repository on this machine.
    ///
    /// `directory` is where a relative path begins. `plain_http` are hosts (`host` or `host:port`) that the user
    /// allows to be reached without TLS; loopback always is.
    ///
    /// # Errors
    /// [`RemoteUrlError`] for everything that isn't surely an address.
    pub fn parse(text: &str, directory: &Path, plain_http: &[String]) -> Result<Self, RemoteUrlError> {
        if text.is_empty() {
            return Err(RemoteUrlError::Empty);
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            return Self::parse_url(scheme, rest, text, plain_http);
        }
        // `ext::sh -c …`: the name of a program follows.
        if let Some((helper, _)) = text.split_once("::")
            && !helper.contains(['/', '['])
        {
            return Err(RemoteUrlError::Scheme { scheme: escape(helper, 40) + "::" });
        }
        match split_scp(text) {
            Some((authority, path)) => {
                check_characters(text)?;
                let (user, host, port) = parse_authority(authority)?;
                if path.is_empty() || path.starts_with('-') || port.is_some() {
                    return Err(RemoteUrlError::Path { path: escape(path, 200) });
                }
                let host = host.to_ascii_lowercase();
                Ok(Self { scheme: Scheme::Ssh, user, host, port: None, path: path.to_owned() })
            }
            None => Self::parse_path(text, directory),
        }
    }

    fn parse_url(scheme: &str, rest: &str, text: &str, plain_http: &[String]) -> Result<Self, RemoteUrlError> {
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            "ssh" | "git+ssh" | "ssh+git" => Scheme::Ssh,
            "file" => Scheme::File,
            other => return Err(RemoteUrlError::Scheme { scheme: escape(other, 40) + "://" }),
        };
        check_characters(text)?;
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, ""),
        };
        if path.trim_matches('/').is_empty() || (path.contains(['?', '#']) && scheme != Scheme::File) {
            return Err(RemoteUrlError::Path { path: escape(path, 200) });
        }
        if scheme == Scheme::File {
            if !authority.is_empty() && authority != "localhost" {
                return Err(RemoteUrlError::Host { host: escape(authority, 100) });
            }
            return Ok(Self { scheme, user: None, host: String::new(), port: None, path: path.to_owned() });
        }
        let (user, host, port) = parse_authority(authority)?;
        let host = host.to_ascii_lowercase();
        let url = Self { scheme, user, host, port, path: path.to_owned() };
        if scheme == Scheme::Http && !url.is_loopback() && !plain_http.contains(&url.authority()) {
            let listed_for_all_ports = url.port.is_some() && plain_http.contains(&url.host);
            if !listed_for_all_ports {
                return Err(RemoteUrlError::PlainHttp { host: url.authority() });
            }
        }
        Ok(url)
    }

    /// A path becomes a `file://` URL: Git ignores depth and filter for plain paths.
    fn parse_path(text: &str, directory: &Path) -> Result<Self, RemoteUrlError> {
        let refused = || RemoteUrlError::Path { path: escape(text, 200) };
        if text.starts_with('-') {
            return Err(refused());
        }
        let absolute = std::path::absolute(directory.join(text)).map_err(|_| refused())?;
        // `a/../b` is resolved here: a URL has no working directory.
        let absolute = absolute.canonicalize().unwrap_or(absolute);
        let path = absolute.to_str().ok_or_else(refused)?;
        if path.chars().any(char::is_control) {
            return Err(RemoteUrlError::Character { text: escape(text, 200) });
        }
        let mut encoded = String::new();
        for char in path.replace(std::path::MAIN_SEPARATOR, "/").chars() {
            match char {
                '%' => encoded.push_str("%25"),
                ' ' => encoded.push_str("%20"),
                other => encoded.push(other),
            }
        }
        if !encoded.starts_with('/') {
            encoded.insert(0, '/');
        }
        Ok(Self { scheme: Scheme::File, user: None, host: String::new(), port: None, path: encoded })
    }

    /// Returns how it is reached.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the host in lower case; empty for a repository on this machine.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the host, and the port if one was written.
    pub fn authority(&self) -> String {
        self.port.map_or_else(|| self.host.clone(), |port| format!("{}:{port}", self.host))
    }

    /// Returns the repository's path on its host, as forges name it: `acme/fleet`.
    pub fn repository(&self) -> &str {
        let path = self.path.trim_matches('/');
        path.strip_suffix(".git").unwrap_or(path)
    }

    /// Returns the path of a repository on this machine.
    pub fn local_path(&self) -> Option<&str> {
        (self.scheme == Scheme::File).then_some(self.path.as_str())
    }

    /// Tells whether both name one repository, whatever the transport, user or port.
    pub fn is_same_repository(&self, other: &Self) -> bool {
        self.host == other.host && self.repository() == other.repository()
    }

    /// Tells whether the host is this machine.
    pub fn is_loopback(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Returns the user name of an HTTP URL, which goes to the credential helpers and nowhere else.
    pub(super) fn http_user(&self) -> Option<&str> {
        self.user.as_deref().filter(|_| self.is_http())
    }

    /// Tells whether it is reached by HTTP, with or without TLS.
    pub(super) fn is_http(&self) -> bool {
        matches!(self.scheme, Scheme::Https | Scheme::Http)
    }

    /// Returns the address that answers first for this repository over HTTP: asked without a login, it tells where the
    /// repository has moved to.
    pub fn info_refs(&self) -> Option<String> {
        self.is_http().then(|| format!("{}/info/refs?service=git-upload-pack", self.argument().trim_end_matches('/')))
    }

    /// Returns the same address with `.git` behind it, for HTTP addresses without.
    pub(super) fn with_suffix(&self) -> Option<Self> {
        let path = self.path.trim_end_matches('/');
        let is_bare = self.is_http() && !path.ends_with(".git");
        is_bare.then(|| Self { path: format!("{path}.git"), ..self.clone() })
    }

    /// Returns scheme, host and port: what credentials are bound to.
    pub(super) fn origin(&self) -> String {
        format!("{}://{}", self.scheme.as_str(), self.authority())
    }

    /// Returns the address as `git` takes it; for HTTP without the user name.
    pub(super) fn argument(&self) -> String {
        match self.scheme {
            Scheme::File => format!("file://{}", self.path),
            Scheme::Ssh => {
                let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
                // `host:path` begins in the home directory, which no URL can say.
                if self.path.starts_with('/') {
                    format!("ssh://{user}{}{}", self.authority(), self.path)
                } else {
                    format!("{user}{}:{}", self.host, self.path)
                }
            }
            Scheme::Https | Scheme::Http => format!("{}{}", self.origin(), self.path),
        }
    }

    /// Tells whether `pattern`, the URL in a key such as `http.<url>.proxy`, covers this remote, as Git's
    /// `urlmatch` decides it, and how closely: more of the host, then more of the path, then the user.
    pub(super) fn matched_by(&self, pattern: &str) -> Option<(usize, usize, bool)> {
        let (scheme, rest) = pattern.split_once("://")?;
        if !scheme.eq_ignore_ascii_case(self.scheme.as_str()) {
            return None;
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user, host_and_port) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        let (host, port) = match host_and_port.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().ok()),
            _ => (host_and_port, None),
        };
        if user.is_some() && user != self.user.as_deref() {
            return None;
        }
        let usual = if self.scheme == Scheme::Http { 80 } else { 443 };
        if port.unwrap_or(usual) != self.port.unwrap_or(usual) || !is_host_covered(host, &self.host) {
            return None;
        }
        let path = path.trim_end_matches('/');
        let is_below = self.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        is_below.then_some((host.len(), path.len(), user.is_some()))
    }
}

/// `*` stands for one label.
fn is_host_covered(pattern: &str, host: &str) -> bool {
    let (pattern, host): (Vec<_>, Vec<_>) = (pattern.split('.').collect(), host.split('.').collect());
    let is_covered = |(pattern, label): (&&str, &&str)| *pattern == "*" || pattern.eq_ignore_ascii_case(label);
    pattern.len() == host.len() && pattern.iter().zip(&host).all(is_covered)
}

impl Scheme {
    /// Returns the name that `GIT_ALLOW_PROTOCOL` and URLs use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::Ssh => "ssh",
            Self::File => "file",
        }
    }
}

impl fmt::Display for RemoteUrl {
    /// Without a user name in HTTP URLs: some people keep a token there.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&escape(&self.argument(), 500))
    }
}

impl fmt::Debug for RemoteUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RemoteUrl({self})")
    }
}

/// Splits `user@host:path` as Git does: a colon before any slash. A drive letter is a path.
fn split_scp(text: &str) -> Option<(&str, &str)> {
    let after_host = match text.find(']') {
        Some(bracket) if text.contains('[') => bracket,
        _ => 0,
    };
    let colon = text.get(after_host..)?.find(':')? + after_host;
    let (authority, path) = text.split_at(colon);
    let is_drive = cfg!(windows) && authority.len() == 1;
    (!authority.contains('/') && !is_drive).then(|| (authority, path.strip_prefix(':').unwrap_or(path)))
}

type Authority<'a> = (Option<String>, &'a str, Option<u16>);

fn parse_authority(authority: &str) -> Result<Authority<'_>, RemoteUrlError> {
    let (user, host_and_port) = match authority.rsplit_once('@') {
        Some((user, rest)) => (Some(user), rest),
        None => (None, authority),
    };
    let (host, port) = match host_and_port.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (host_and_port, None),
    };
    let shown = || escape(host, 100);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let is_address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_host = match is_address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(plain) && !host.starts_with(['-', '.']),
    };
    if !is_host {
        return Err(RemoteUrlError::Host { host: shown() });
    }
    let port = match port {
        Some(port) => Some(port.parse().map_err(|_| RemoteUrlError::Host { host: escape(host_and_port, 100) })?),
        None => None,
    };
    let Some(user) = user else { return Ok((None, host, port)) };
    if user.contains(':') || TOKENS.iter().any(|prefix| user.starts_with(prefix)) {
        return Err(RemoteUrlError::Secret { host: shown() });
    }
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+' | b'~');
    if user.is_empty() || user.starts_with('-') || !user.bytes().all(letter) {
        return Err(RemoteUrlError::User { host: shown() });
    }
    Ok((Some(user.to_owned()), host, port))
}

/// Refuses what could end a line of the credential protocol or of a header.
fn check_characters(text: &str) -> Result<(), RemoteUrlError> {
    let is_bad = |char: char| char.is_whitespace() || super::untrusted::is_unsafe(char) || char == '\\';
    let mut encoded = text.split('%').skip(1).filter_map(|rest| rest.get(..2));
    let is_encoded_control = |hex: &str| u8::from_str_radix(hex, 16).is_ok_and(|byte| byte < 0x20 || byte == 0x7f);
    if text.chars().any(is_bad) || encoded.any(is_encoded_control) {
        return Err(RemoteUrlError::Character { text: escape(&without_userinfo(text), 200) });
    }
    Ok(())
}

fn without_userinfo(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if scheme.is_empty() { format!("{host}{path}") } else { format!("{scheme}://{host}{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RemoteUrl, RemoteUrlError> {
        RemoteUrl::parse(text, Path::new("/tmp"), &["git.corp".to_owned()])
    }

    #[test]
    fn every_usual_spelling_names_host_and_repository() {
        let cases = [
            ("https://github.com/acme/fleet.git", "github.com", "acme/fleet", "https://github.com/acme/fleet.git"),
            (
                "https://org@dev.azure.com/org/p/_git/r",
                "dev.azure.com",
                "org/p/_git/r",
                "https://dev.azure.com/org/p/_git/r",
            ),
            ("https://GitHub.com:8443/a/b/", "github.com", "a/b", "https://github.com:8443/a/b/"),
            ("git@github.com:acme/fleet.git", "github.com", "acme/fleet", "git@github.com:acme/fleet.git"),
            ("ssh://git@host:2222/acme/fleet", "host", "acme/fleet", "ssh://git@host:2222/acme/fleet"),
            ("ssh://git@host/acme/fleet", "host", "acme/fleet", "ssh://git@host/acme/fleet"),
            ("[::1]:fleet.git", "[::1]", "fleet", "[::1]:fleet.git"),
            ("http://127.0.0.1:5300/git/r.git", "127.0.0.1", "git/r", "http://127.0.0.1:5300/git/r.git"),
            ("http://[::1]/git/r.git", "[::1]", "git/r", "http://[::1]/git/r.git"),
            ("http://git.corp/r", "git.corp", "r", "http://git.corp/r"),
            ("file:///srv/r.git", "", "srv/r", "file:///srv/r.git"),
            ("/srv/no such.git", "", "srv/no%20such", "file:///srv/no%20such.git"),
            ("./100%.git", "", "tmp/100%25", "file:///tmp/100%25.git"),
        ];
        for (text, host, repository, argument) in cases {
            let url = parse(text).expect(text);
            assert_eq!((url.host(), url.repository(), url.argument().as_str()), (host, repository, argument), "{text}");
        }
    }

    #[test]
    fn what_could_inject_an_option_a_line_or_a_program_is_refused() {
        let refused = [
            "",
            "ext::sh -c id",
            "fd::17",
            "git://github.com/a/b",
            "ftp://host/a",
            "-oProxyCommand=id",
            "--upload-pack=id",
            "ssh://-oProxyCommand=id/a",
            "ssh://-u@host/a",
            "-u@host:a",
            "host:-a",
            "https:///a",
            "https://host",
            "https://host/",
            "https://host/a%0ab",
            "https://host/a%0Db",
            "https://host/a%00",
            "https://host%0a.evil/a",
            "https://ho\nst/a",
            "https://host/a b",
            "https://host/a\u{202e}b",
            "https://host\\@evil/a",
            "https://host/a?x=y",
            "https://host/a#y",
            "https://host:x/a",
            "http://git.example/a",
            "file://server/share",
            "https://us%20er@host/a",
            "git@ho st:a",
        ];
        for text in refused {
            assert!(parse(text).is_err(), "{text:?} was taken for {:?}", parse(text));
        }
    }

    #[test]
    fn a_password_or_token_is_refused_and_not_repeated() {
        for text in ["https://me:hunter2@host/a", "https://ghp_hunter2@host/a", "ssh://me:hunter2@host/a"] {
            let error = parse(text).expect_err(text);
            assert_eq!(error, RemoteUrlError::Secret { host: "host".into() });
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{text}");
        }
        let error = parse("https://me:hunter2@host/a b").expect_err("white space");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
