//! A registry's address, and the login that it asks for.

use std::sync::Mutex;

use url::Url;

use crate::http::{self, Origin, Response, is_loopback};

use super::challenge::Challenge;
use super::{Error, Settings, lock};

/// One registry: where it is and what is known about it.
pub(super) struct Endpoint {
    host: String,
    scheme: Mutex<&'static str>,
    /// Whether the scheme is a guess: a registry on loopback, of which the user said nothing.
    guessed: bool,
    /// What the registry asked for, so that only the first request to it goes out without a login.
    challenge: Mutex<Option<Challenge>>,
    /// Whether somebody was answered; held by the first to ask until then.
    met: tokio::sync::Mutex<bool>,
    /// Token servers that the user listed.
    pub(super) realms: Vec<String>,
}

/// The right to ask a registry of which nothing is known; others wait as long as it is kept.
pub(super) struct First<'a>(tokio::sync::MutexGuard<'a, bool>);

impl First<'_> {
    /// Lets everybody ask: what the registry wants is known now, or why it says nothing.
    pub(super) fn done(mut self) {
        *self.0 = true;
    }
}

impl Endpoint {
    pub(super) fn new(host: &str, settings: &Settings) -> Self {
        let known = settings.host(host);
        let plain = known.is_some_and(|known| known.plain_http);
        let loopback = Url::parse(&format!("http://{host}/")).is_ok_and(|url| is_loopback(&url));
        let guessed = !plain && loopback && known.is_none_or(|known| known.ca.is_none());
        let scheme = if plain || guessed { "http" } else { "https" };
        Self {
            host: host.to_owned(),
            scheme: Mutex::new(scheme),
            guessed,
            challenge: Mutex::new(None),
            met: tokio::sync::Mutex::default(),
            realms: known.map(|known| known.realms.clone()).unwrap_or_default(),
        }
    }

    /// Returns the endpoint of a URL whose scheme is written, such as a Helm repository's; none without a host.
    pub(super) fn of(url: &Url, settings: &Settings) -> Option<Self> {
        let host = match url.port() {
            Some(port) => format!("{}:{port}", url.host_str()?),
            None => url.host_str()?.to_owned(),
        };
        let scheme = if url.scheme() == "http" { "http" } else { "https" };
        Some(Self { scheme: Mutex::new(scheme), guessed: false, ..Self::new(&host, settings) })
    }

    /// Returns the URL of a path.
    pub(super) fn url(&self, path: &str) -> Result<Url, Error> {
        let text = format!("{}://{}/{path}", *lock(&self.scheme), self.host);
        Url::parse(&text).map_err(|_| Error::Http(http::Error::Scheme { url: text }))
    }

    /// Returns the registry's origin.
    pub(super) fn origin(&self) -> Result<Origin, Error> {
        self.url("").map(|url| Origin::of(&url))
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Tells whether an answer says that a registry on loopback speaks TLS after all, and remembers it.
    pub(super) fn learns_tls(&self, answered: &Result<Response, Error>) -> bool {
        let refused = match answered {
            Ok(response) => {
                let says = |text: &[u8]| response.bytes.windows(text.len()).any(|window| window == text);
                // The texts of Go's server and of nginx.
                let refused = says(b"HTTP request to an HTTPS server") || says(b"HTTP request was sent to HTTPS port");
                response.status.as_u16() == 400 && refused
            }
            // Others answer with an alert of TLS.
            Err(Error::Http(error)) => error.is_foreign(),
            Err(_) => false,
        };
        let learned = self.guessed && *lock(&self.scheme) == "http" && refused;
        if learned {
            *lock(&self.scheme) = "https";
        }
        learned
    }

    /// Waits while somebody is asking for the first time; the first one gets what it must keep until it was answered.
    pub(super) async fn first(&self) -> Option<First<'_>> {
        let met = self.met.lock().await;
        (!*met).then_some(First(met))
    }

    pub(super) fn challenge(&self) -> Option<Challenge> {
        lock(&self.challenge).clone()
    }

    pub(super) fn remember(&self, challenge: &Challenge) {
        *lock(&self.challenge) = Some(challenge.clone());
    }
}
