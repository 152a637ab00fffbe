//! Deadlines, budgets, and what the user's own configuration says of proxies, CAs and plain HTTP.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::{Origin, Proxies};

/// How the client behaves. Only the user's own configuration decides it, never the repository's content.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long nothing may arrive.
    pub idle_timeout: Duration,
    /// How long one try of a request may take, its answer included.
    pub request_timeout: Duration,
    /// How long a request, or all requests to an origin that only fails, may go on trying.
    pub budget: Duration,
    /// How often a request is tried at most.
    pub attempts: u32,
    /// The first wait before another try, on average twice as long as drawn; doubles with each try.
    pub backoff: Duration,
    /// How many requests one origin gets at once.
    pub per_origin: usize,
    /// Which URLs are reached through a proxy.
    pub proxies: Proxies,
    /// Certificates that are trusted beside the system's, for every host.
    pub ca: Option<PathBuf>,
    /// What differs for one host; keys are `host` or `host:port`.
    pub hosts: BTreeMap<String, HostSettings>,
}

/// What the user's configuration says of one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostSettings {
    /// Certificates that are trusted beside the system's, for this host.
    pub ca: Option<PathBuf>,
    /// Whether the host may be asked over plain HTTP.
    pub plain_http: bool,
}

impl Settings {
    /// Returns the settings of a run that nobody watches: the budget is ten minutes.
    pub fn unattended() -> Self {
        Self { budget: Duration::from_secs(600), ..Self::default() }
    }

    /// Returns what differs for a URL's host: by `host:port` first, then by `host`.
    pub fn host(&self, url: &Url) -> Option<&HostSettings> {
        let host = url.host_str()?;
        let with_port = url.port_or_known_default().map(|port| format!("{host}:{port}"));
        with_port
            .and_then(|key| self.hosts.get(&key))
            .or_else(|| self.hosts.get(&Origin::of(url).authority()))
            .or_else(|| self.hosts.get(host))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(60),
            budget: Duration::from_secs(120),
            attempts: 5,
            backoff: Duration::from_millis(500),
            per_origin: 8,
            proxies: Proxies::default(),
            ca: None,
            hosts: BTreeMap::new(),
        }
    }
}
