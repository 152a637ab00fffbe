//! The one HTTP client under registries and forges: deadlines, retries, redirects, proxies, CAs and secrets have one rule.
//!
//! Redirects are never left to the client: only 301, 307 and 308 to the same origin are followed, for GET and HEAD, so
//! no header can reach an origin that the caller didn't name.

mod client;
mod error;
mod origin;
mod proxy;
mod request;
mod retry;
mod settings;
mod token;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, HeaderMap, LOCATION};
use reqwest::{Method, StatusCode};
use tokio::sync::Semaphore;
use url::Url;

pub use self::error::Error;
pub use self::origin::{Origin, is_loopback};
pub use self::proxy::{Proxies, Route};
pub use self::request::{Request, Response};
pub use self::settings::{HostSettings, Settings};
pub use self::token::Token;

use self::client::Clients;
use self::origin::shown;
use crate::failpoint::{self, Needs};

/// How many redirects of one request are followed.
const REDIRECTS: usize = 3;
/// How many bytes of headers an answer may have.
const HEADER_CAP: usize = 64 * 1024;

/// The client. Clones share connections, limits and what is known about each origin.
#[derive(Clone)]
pub struct Http {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Settings,
    clients: Clients,
    origins: Mutex<HashMap<Origin, Arc<OriginState>>>,
}

struct OriginState {
    permits: Semaphore,
    /// What it asked everybody to wait, when it was last asked too much.
    quiet: Mutex<Option<Quiet>>,
    /// Since when every request failed, so that a dead origin doesn't cost each caller the whole budget.
    trouble: Mutex<Option<Trouble>>,
}

/// A wait that an origin asked for: who asks sooner only makes it longer.
#[derive(Clone, Copy)]
struct Quiet {
    until: Instant,
    status: u16,
}

/// Failures without a success between them.
struct Trouble {
    since: Instant,
    last: Instant,
}

impl Http {
    /// Makes a client; connections and certificates are opened when they are first needed.
    ///
    /// # Errors
    /// [`Error::Ca`] for a certificate file that can't be used.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        Ok(Self { shared: Arc::new(Shared { settings, clients: Clients::default(), origins: Mutex::default() }) })
    }

    /// Returns what it was made with.
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// Sends a request and reads the whole answer; any status but those that ask for another try is an answer.
    ///
    /// An idempotent request is tried again after 408, 429, 5xx, rate limits, timeouts and cut answers, as long as the
    /// budget lasts. Any other request is sent once, unless no connection came about.
    ///
    /// # Errors
    /// [`Error`], by what went wrong. [`Error::Unavailable`] if an idempotent request was only ever told to come again.
    pub async fn send(&self, mut request: Request) -> Result<Response, Error> {
        let started = Instant::now();
        for _ in 0..=REDIRECTS {
            self.permitted(&request.url)?;
            let response = self.persist(&request, started).await?;
            match redirect(&request, &response)? {
                Some(next) => request.url = next,
                None => return Ok(response),
            }
        }
        Err(Error::Redirects { url: shown(&request.url) })
    }

    fn permitted(&self, url: &Url) -> Result<(), Error> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::Credentials { url: shown(url) });
        }
        match (url.scheme(), url.host()) {
            (_, None) => Err(Error::Scheme { url: shown(url) }),
            ("https", _) => Ok(()),
            ("http", _) if is_loopback(url) || self.shared.settings.host(url).is_some_and(|host| host.plain_http) => {
                Ok(())
            }
            ("http", _) => Err(Error::PlainHttp { host: Origin::of(url).authority() }),
            _ => Err(Error::Scheme { url: shown(url) }),
        }
    }

    /// Tries one URL until it answers, fails for good, or the budget ends.
    async fn persist(&self, request: &Request, started: Instant) -> Result<Response, Error> {
        let settings = &self.shared.settings;
        let state = self.origin(&request.url);
        let mut tries = 0;
        loop {
            tries += 1;
            let outcome = self.once(request, &state, started).await;
            let Some(pause) = retry::pause(&outcome) else {
                if outcome.is_ok() {
                    *lock(&state.trouble) = None;
                }
                return outcome;
            };
            let unsent = matches!(outcome, Err(Error::Connect { .. }));
            if !request.idempotent && !unsent {
                return outcome;
            }
            let wait = pause.length(tries, settings.backoff);
            state.hush(&outcome, pause.asked.unwrap_or(wait));
            let spent = started.elapsed().max(state.troubled(settings.budget));
            // Who is told that it was too much comes again as long as the budget lasts, give or take.
            let attempts = if is_too_much(&outcome) { settings.attempts.saturating_mul(2) } else { settings.attempts };
            if tries >= attempts || spent.saturating_add(wait) > settings.budget {
                return outcome.and_then(|response| Err(unavailable(&request.url, &response, pause.asked)));
            }
            tracing::debug!(url = shown(&request.url), ?wait, tries, "waiting before another try");
            tokio::time::sleep(wait).await;
        }
    }

    async fn once(&self, request: &Request, state: &OriginState, started: Instant) -> Result<Response, Error> {
        let _permit = loop {
            // The semaphore is never closed, so there is always a permit in the end.
            let permit = state.permits.acquire().await.ok();
            let Some((left, status)) = state.quiet() else { break permit };
            drop(permit);
            let settings = &self.shared.settings;
            if started.elapsed().saturating_add(left) > settings.budget {
                return Err(Error::Unavailable { origin: Origin::of(&request.url), status, wait: Some(left) });
            }
            tokio::time::sleep(left.saturating_add(settings.backoff.mul_f64(fastrand::f64()))).await;
        };
        let limit = failpoint::deadline(self.shared.settings.request_timeout);
        match tokio::time::timeout(limit, self.exchange(request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::Timeout { origin: Origin::of(&request.url), limit }),
        }
    }

    async fn exchange(&self, request: &Request) -> Result<Response, Error> {
        let origin = Origin::of(&request.url);
        let client = self.shared.clients.of(&request.url, &self.shared.settings)?;
        let mut headers = request.headers.clone();
        if let Some(token) = &request.authorization {
            headers.insert(AUTHORIZATION, token.header()?);
        }
        let mut builder = client.request(request.method.clone(), request.url.clone()).headers(headers);
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        let failed = |error| Error::transport(origin.clone(), error, &self.shared.settings);
        let broken = |cause: std::io::Error| Error::Cut { origin: origin.clone(), source: Arc::new(cause) };
        let name = || format!("{} {}", request.method, shown(&request.url));
        let send = async { builder.send().await.map_err(failed) };
        let mut answer = failpoint::awaited(Needs::Others, name, broken, send).await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        tracing::debug!(method = %request.method, url = shown(&request.url), status = status.as_u16(), "answered");
        if size(&headers) > HEADER_CAP {
            return Err(Error::TooLarge { url: shown(&request.url), cap: HEADER_CAP });
        }
        if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            return Err(Error::ProxyAuthentication { origin });
        }
        let read = async {
            let mut bytes = Vec::new();
            while let Some(chunk) = answer.chunk().await.map_err(failed)? {
                if bytes.len().saturating_add(chunk.len()) > request.cap {
                    return Err(Error::TooLarge { url: shown(&request.url), cap: request.cap });
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(bytes)
        };
        let name = || format!("the answer to {} {}", request.method, shown(&request.url));
        let bytes = failpoint::awaited(Needs::Others, name, broken, read).await?;
        Ok(Response { status, headers, bytes: bytes.into(), url: request.url.clone() })
    }

    fn origin(&self, url: &Url) -> Arc<OriginState> {
        let fresh = || {
            let permits = Semaphore::new(self.shared.settings.per_origin.max(1));
            Arc::new(OriginState { permits, quiet: Mutex::new(None), trouble: Mutex::new(None) })
        };
        Arc::clone(lock(&self.shared.origins).entry(Origin::of(url)).or_insert_with(fresh))
    }
}

impl OriginState {
    /// Has everybody wait who asks this origin, if it said that it was asked too much.
    fn hush(&self, outcome: &Result<Response, Error>, wait: Duration) {
        let (true, Ok(response), Some(until)) = (is_too_much(outcome), outcome, Instant::now().checked_add(wait))
        else {
            return;
        };
        let mut quiet = lock(&self.quiet);
        if quiet.is_none_or(|quiet| quiet.until < until) {
            *quiet = Some(Quiet { until, status: response.status.as_u16() });
        }
    }

    /// Returns how long it is still to be left alone, and with which status it said so.
    fn quiet(&self) -> Option<(Duration, u16)> {
        let quiet = (*lock(&self.quiet))?;
        let left = quiet.until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some((left, quiet.status))
    }

    /// Notes a failure and returns for how long there were only failures; what lies a whole budget back is forgotten.
    fn troubled(&self, budget: Duration) -> Duration {
        let now = Instant::now();
        let mut trouble = lock(&self.trouble);
        let recent = trouble.take().filter(|trouble| now.duration_since(trouble.last) < budget);
        let since = recent.map_or(now, |trouble| trouble.since);
        *trouble = Some(Trouble { since, last: now });
        now.duration_since(since)
    }
}

impl fmt::Debug for Http {
    /// Shows the settings alone: a proxy inside of the client would show its password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Http").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}

/// Tells whether an answer limits how often one may ask, whatever is asked.
fn is_too_much(outcome: &Result<Response, Error>) -> bool {
    outcome.as_ref().is_ok_and(|response| matches!(response.status.as_u16(), 403 | 429))
}

fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

fn unavailable(url: &Url, response: &Response, wait: Option<Duration>) -> Error {
    Error::Unavailable { origin: Origin::of(url), status: response.status.as_u16(), wait }
}

/// Returns where to ask instead, if the answer says so and that is safe.
fn redirect(request: &Request, response: &Response) -> Result<Option<Url>, Error> {
    if !matches!(response.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let from = shown(&request.url);
    let location = response.headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let Some(next) = location.and_then(|text| request.url.join(text).ok()) else {
        return Err(Error::Redirect { url: from, status: response.status.as_u16() });
    };
    let followed = matches!(response.status.as_u16(), 301 | 307 | 308)
        && (request.method == Method::GET || request.method == Method::HEAD)
        && Origin::of(&next) == Origin::of(&request.url)
        && next.username().is_empty()
        && next.password().is_none();
    if followed { Ok(Some(next)) } else { Err(Error::Moved { from, to: shown(&next) }) }
}

/// Locks even after a panic elsewhere: what the locks guard is whole between any two statements.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
