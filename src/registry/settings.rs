//! What the user's own configuration says of registries.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::git;
use crate::http::{self, Token};

use super::Watch;

/// The `registries:` of the user's own configuration, and where logins come from.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// By host, with a port if the reference has one.
    pub registries: BTreeMap<String, HostSettings>,
    /// Where logins come from.
    pub credentials: CredentialSettings,
    /// How Git repositories are reached whose tags are versions; none: they aren't.
    pub remotes: Option<Remotes>,
    /// Who is told of progress.
    pub progress: Watch,
}

/// Says how the Git repository behind a URL is reached, with what belongs to its host and to no other.
#[derive(Clone)]
pub struct Remotes(Arc<Connect>);

type Connect = dyn Fn(&str) -> Result<git::Connection, git::RemoteUrlError> + Send + Sync;

impl Remotes {
    /// Takes what says it.
    pub fn new(connect: impl Fn(&str) -> Result<git::Connection, git::RemoteUrlError> + Send + Sync + 'static) -> Self {
        Self(Arc::new(connect))
    }

    pub(super) fn connection(&self, url: &str) -> Result<git::Connection, git::RemoteUrlError> {
        (self.0)(url)
    }
}

impl fmt::Debug for Remotes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Remotes")
    }
}

/// What differs for one registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostSettings {
    /// A folder of OCI image layouts that is read instead: `DIR/acme/my-app` for `HOST/acme/my-app`.
    pub layout: Option<PathBuf>,
    /// The host that is asked instead, with its own login.
    pub mirror: Option<String>,
    /// Whether the host speaks plain HTTP.
    pub plain_http: bool,
    /// Token servers, `host` or `host:port`, that may get the login beside the registry itself.
    pub realms: Vec<String>,
    /// Certificates that are trusted for this host.
    pub ca: Option<PathBuf>,
    /// A public key, or a folder with what the Secret holds that verifies signatures of this host's artifacts.
    pub verify_key: Option<PathBuf>,
}

/// Where logins come from.
#[derive(Clone, Debug)]
pub struct CredentialSettings {
    /// Files in the form of Docker's `config.json`; the first that has a login for a registry decides.
    pub files: Vec<PathBuf>,
    /// The same in a text, as `DOCKER_AUTH_CONFIG` holds it; it is asked before the files.
    pub inline: Option<Token>,
    /// Where helper programs are looked for; only absolute entries count.
    pub path: Option<OsString>,
    /// The variables that helper programs may see, each only by the helpers that need it.
    pub environment: Vec<(OsString, OsString)>,
    /// How long a helper program may take.
    pub helper_timeout: Duration,
    /// How long a program that verifies signatures may take.
    pub verifier_timeout: Duration,
}

impl Settings {
    /// Returns what differs for a registry.
    pub fn host(&self, registry: &str) -> Option<&HostSettings> {
        let hub = ["docker.io", "registry-1.docker.io"];
        self.registries.get(registry).or_else(|| {
            (registry == "index.docker.io").then(|| hub.iter().find_map(|name| self.registries.get(*name)))?
        })
    }

    /// Returns what the HTTP client has to know of these hosts.
    pub fn http_hosts(&self) -> BTreeMap<String, http::HostSettings> {
        let settings = |host: &HostSettings| http::HostSettings { ca: host.ca.clone(), plain_http: host.plain_http };
        self.registries.iter().map(|(name, host)| (name.clone(), settings(host))).collect()
    }
}

impl CredentialSettings {
    /// Returns where Docker and podman keep logins, as the process's environment says.
    ///
    /// In order: `REGISTRY_AUTH_FILE`, `DOCKER_CONFIG` or `~/.docker`, podman's run-time file, podman's lasting file.
    pub fn from_environment() -> Self {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let home = variable("HOME").or_else(|| variable("USERPROFILE")).map(PathBuf::from);
        let below_home = |path: &str| home.as_ref().map(|home| home.join(path));
        let docker = variable("DOCKER_CONFIG").map(PathBuf::from).or_else(|| below_home(".docker"));
        let lasting = variable("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| below_home(".config"));
        let podman = |folder: PathBuf| folder.join("containers/auth.json");
        let files = [
            variable("REGISTRY_AUTH_FILE").map(PathBuf::from),
            docker.map(|folder| folder.join("config.json")),
            variable("XDG_RUNTIME_DIR").map(PathBuf::from).map(podman),
            lasting.map(podman),
        ];
        Self {
            files: files.into_iter().flatten().collect(),
            inline: std::env::var("DOCKER_AUTH_CONFIG").ok().filter(|text| !text.trim().is_empty()).map(Token::new),
            path: variable("PATH"),
            environment: std::env::vars_os().collect(),
            helper_timeout: Self::default().helper_timeout,
            verifier_timeout: Self::default().verifier_timeout,
        }
    }
}

impl Default for CredentialSettings {
    /// No logins at all.
    fn default() -> Self {
        Self {
            files: Vec::new(),
            inline: None,
            path: None,
            environment: Vec::new(),
            helper_timeout: Duration::from_secs(30),
            // As long as Flux takes for it.
            verifier_timeout: Duration::from_secs(60),
        }
    }
}
