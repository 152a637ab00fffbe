//! The user's own configuration: registries, forges, proxy and certificates, each setting with its origin.
//!
//! [`Settings::merge`] takes the texts and lists that the caller read. The first origin that has a setting wins:
//! flag (the caller's), environment, Git's local configuration, `promote/config.yaml`, Git's global configuration.

mod file;
mod git;
mod value;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use url::Url;

use super::Fact;
use crate::model::{Exit, Problem};

/// The texts and lists to read.
#[derive(Clone, Debug, Default)]
pub struct Sources<'a> {
    /// `promote/config.yaml`: its path and its text.
    pub file: Option<(PathBuf, String)>,
    /// The root of the clone, which relative paths in Git's configuration start from.
    pub clone: Option<PathBuf>,
    /// Keys and values of Git's local configuration, in order.
    pub git_local: &'a [(String, String)],
    /// Keys and values of Git's global configuration, in order.
    pub git_global: &'a [(String, String)],
    /// Names and values of the process environment.
    pub environment: &'a [(String, String)],
}

/// What the user configured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// By host, with a port if one was written.
    pub registries: BTreeMap<String, Registry>,
    /// By host, with a port if one was written.
    pub forges: BTreeMap<String, Forge>,
    /// The proxy for every host that the environment's `HTTPS_PROXY` and its kin say nothing of.
    pub proxy: Option<Setting<Proxy>>,
    /// A file of certificates to trust beside the system's.
    pub ca: Option<Setting<PathBuf>>,
}

/// What is configured for one registry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Registry {
    /// A folder with an OCI layout for each repository, read in place of the registry.
    pub layout: Option<Setting<PathBuf>>,
    /// The host to ask in its place.
    pub mirror: Option<Setting<String>>,
    /// Whether it is spoken to over plain HTTP.
    pub plain_http: Option<Setting<bool>>,
    /// Hosts that may ask for its credentials.
    pub realms: Option<Setting<Vec<String>>>,
    /// A file of certificates to trust for it.
    pub ca: Option<Setting<PathBuf>>,
    /// A public key, or a folder with what the Secret holds that verifies signatures of its artifacts.
    pub verify_key: Option<Setting<PathBuf>>,
}

/// What is configured for one forge.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forge {
    /// What it is.
    pub kind: Option<Setting<ForgeKind>>,
    /// Where its API is, if not at the usual place.
    pub api: Option<Setting<Url>>,
    /// Whether it is spoken to over plain HTTP.
    pub plain_http: Option<Setting<bool>>,
    /// A file of certificates to trust for it.
    pub ca: Option<Setting<PathBuf>>,
}

/// The kinds of forges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ForgeKind {
    /// GitHub, github.com or Enterprise Server.
    Github,
    /// GitLab.
    Gitlab,
    /// Gitea.
    Gitea,
    /// Forgejo.
    Forgejo,
}

/// A proxy's URL, which may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    url: Url,
}

/// A value and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A variable of the environment.
    Environment {
        /// Its name.
        variable: String,
    },
    /// A key of the clone's own configuration.
    GitLocal {
        /// The key.
        key: String,
    },
    /// `promote/config.yaml`.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1, in characters.
        column: usize,
    },
    /// A key of the user's Git configuration.
    GitGlobal {
        /// The key.
        key: String,
    },
}

/// What is wrong with the user's configuration, and where.
#[derive(Debug, thiserror::Error)]
#[error("{origin}: {fact}")]
pub struct Error {
    /// Where.
    pub origin: Origin,
    /// What is wrong.
    pub fact: Box<Fact>,
}

impl Settings {
    /// Reads all sources and lets the first that has a setting win.
    ///
    /// # Errors
    /// [`Error`] for the first thing that is wrong in any of them, whether it would win or not.
    pub fn merge(sources: &Sources<'_>) -> Result<Self, Error> {
        let home = sources.environment.iter().find(|(name, _)| name == "HOME").map(|(_, value)| PathBuf::from(value));
        let root = value::Root { folder: sources.clone.clone(), home: home.clone() };
        let mut settings = from_environment(sources.environment, &root)?;
        settings.add(git::settings(sources.git_local, &root, |key| Origin::GitLocal { key })?);
        if let Some((path, text)) = &sources.file {
            let root = value::Root { folder: path.parent().map(PathBuf::from), home };
            settings.add(file::settings(path, text, &root)?);
        }
        settings.add(git::settings(sources.git_global, &root, |key| Origin::GitGlobal { key })?);
        Ok(settings)
    }

    /// Returns what is configured for a registry.
    pub fn registry(&self, host: &str) -> Option<&Registry> {
        self.registries.get(&host.to_ascii_lowercase())
    }

    /// Returns what is configured for a forge.
    pub fn forge(&self, host: &str) -> Option<&Forge> {
        self.forges.get(&host.to_ascii_lowercase())
    }

    /// Returns the kind that a host's forge is said to be.
    pub fn forge_kind(&self, host: &str) -> Option<ForgeKind> {
        self.forge(host).and_then(|forge| forge.kind.as_ref()).map(|kind| kind.value)
    }

    fn of_registry(&mut self, host: String) -> &mut Registry {
        self.registries.entry(host).or_default()
    }

    fn of_forge(&mut self, host: String) -> &mut Forge {
        self.forges.entry(host).or_default()
    }

    /// Fills in what is not set yet.
    fn add(&mut self, weaker: Self) {
        for (host, other) in weaker.registries {
            let one = self.registries.entry(host).or_default();
            fill(&mut one.layout, other.layout);
            fill(&mut one.mirror, other.mirror);
            fill(&mut one.plain_http, other.plain_http);
            fill(&mut one.realms, other.realms);
            fill(&mut one.ca, other.ca);
            fill(&mut one.verify_key, other.verify_key);
        }
        for (host, other) in weaker.forges {
            let one = self.forges.entry(host).or_default();
            fill(&mut one.kind, other.kind);
            fill(&mut one.api, other.api);
            fill(&mut one.plain_http, other.plain_http);
            fill(&mut one.ca, other.ca);
        }
        fill(&mut self.proxy, weaker.proxy);
        fill(&mut self.ca, weaker.ca);
    }
}

fn fill<T>(stronger: &mut Option<T>, weaker: Option<T>) {
    if stronger.is_none() {
        *stronger = weaker;
    }
}

/// The variable that every program on the machine obeys. Those of proxies go by scheme and host, so that the HTTP client
/// obeys them itself, before `proxy`.
fn from_environment(environment: &[(String, String)], root: &value::Root) -> Result<Settings, Error> {
    let given = |names: &[&str]| {
        names.iter().find_map(|wanted| {
            environment
                .iter()
                .find(|(name, value)| name == wanted && !value.is_empty())
                .map(|(name, value)| (value.as_str(), Origin::Environment { variable: name.clone() }))
        })
    };
    let ca = match given(&["SSL_CERT_FILE"]) {
        Some((text, origin)) => Some(value::setting(text, origin, |text| root.path(text))?),
        None => None,
    };
    Ok(Settings { ca, ..Settings::default() })
}

impl Proxy {
    /// Returns the URL, with the password if it holds one: for the client that connects, never for people.
    pub fn expose(&self) -> &str {
        self.url.as_str()
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        write!(formatter, "{}://{}{port}", self.url.scheme(), self.url.host_str().unwrap_or_default())
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Proxy({self})")
    }
}

impl ForgeKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Github, Self::Gitlab, Self::Gitea, Self::Forgejo];

    /// Returns the word that the configuration uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Gitea => "gitea",
            Self::Forgejo => "forgejo",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment { variable } => write!(formatter, "the variable {variable}"),
            Self::GitLocal { key } => write!(formatter, "`{key}` in the clone's Git configuration"),
            Self::File { path, line, column } => write!(formatter, "{}:{line}:{column}", path.display()),
            Self::GitGlobal { key } => write!(formatter, "`{key}` in your Git configuration"),
        }
    }
}

impl Problem for Error {
    fn code(&self) -> &'static str {
        self.fact.code()
    }

    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(self.fact.hint())
    }
}

#[cfg(test)]
mod tests;
