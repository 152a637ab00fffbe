//! The one way to a forge: compares each request with the closed list, adds the token, reads what the status means.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use ::http::{Method, StatusCode};
use bytes::Bytes;
use jiff::SignedDuration;
use jiff::fmt::rfc2822::DateTimeParser;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use super::call::{Call, recognise};
use super::{Error, Kind, Login};
use crate::failpoint;
use crate::http::{Http, Request, Response, Token};

/// How many bytes of an answer are read.
const CAP: usize = 8 * 1024 * 1024;
/// The version of GitHub's API that is meant.
pub(super) const GITHUB_API_VERSION: (&str, &str) = ("x-github-api-version", "2022-11-28");
/// GitHub asks for a minute after a secondary limit that names no time.
const SECONDARY: Duration = Duration::from_secs(60);

/// How long a forge is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long to look for a pull request that must be there, before it is declared missing.
    pub read_back: Duration,
    /// The first wait between two looks; doubles.
    pub first_look: Duration,
    /// How long to wait where the forge says when to come again.
    pub limit: Duration,
    /// The time between two changes; GitHub asks for a second.
    pub pace: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            read_back: failpoint::patience(Duration::from_secs(30)),
            first_look: failpoint::patience(Duration::from_millis(500)),
            limit: Duration::from_secs(120),
            pace: Duration::from_secs(1),
        }
    }
}

/// The way to one repository on one forge. Clones share the pace.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    pub(super) kind: Kind,
    pub(super) host: String,
    /// The repository, as paths of the API write it.
    pub(super) repository: String,
    pub(super) api: Url,
    pub(super) login: Login,
    pub(super) http: Http,
    pub(super) patience: Patience,
    pub(super) last_change: Arc<Mutex<Option<Instant>>>,
    pub(super) told: Arc<std::sync::Mutex<Told>>,
}

/// What a forge's answers tell beside what was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// How far the forge's clock is ahead of ours.
    pub skew: Option<SignedDuration>,
    /// What the token may do, where the forge says so.
    pub scopes: Option<Vec<String>>,
}

impl Told {
    /// Returns the scopes that a promotion does not need.
    pub fn needless_scopes(&self) -> Vec<&str> {
        const NEEDED: [&str; 11] = [
            "repo",
            "repo:status",
            "public_repo",
            "read:org",
            "read:user",
            "user:email",
            "api",
            "read_user",
            "write_repository",
            "contents:write",
            "pull_requests:write",
        ];
        // What an App may only read is little, and its tokens are made without it.
        let is_needless = |scope: &&str| !NEEDED.contains(scope) && !scope.ends_with(":read");
        self.scopes.iter().flatten().map(String::as_str).filter(is_needless).collect()
    }

    /// Tells whether the scopes, where they are told, are enough to push branches and open pull requests.
    pub fn has_enough_scopes(&self) -> Option<bool> {
        let has = |scopes: &[String], wanted: &str| scopes.iter().any(|scope| scope == wanted);
        self.scopes.as_ref().map(|scopes| {
            has(scopes, "repo")
                || has(scopes, "public_repo")
                || has(scopes, "contents:write") && has(scopes, "pull_requests:write")
        })
    }
}

impl Gate {
    /// Sends a request; `path` stands below the API, with its query.
    pub(super) async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Response, Error> {
        let call = recognise(self.kind, &self.repository, &method, path, &body)?;
        let token = self.login.token().await?;
        let request = Request {
            method,
            url: self.url(path)?,
            headers: self.headers(&body),
            body: (!body.is_empty()).then_some(body),
            authorization: Some(self.authorization(&token)),
            cap: CAP,
            idempotent: call.is_read(),
        };
        // Changes go one after the other, so the pace is held until the answer is there.
        let mut last_change = if call.is_read() { None } else { Some(self.last_change.lock().await) };
        if let Some(last) = last_change.as_deref().copied().flatten() {
            tokio::time::sleep_until(last + self.patience.pace).await;
        }
        let answer = self.persist_with(call, request, &token).await;
        if let Some(last) = last_change.as_deref_mut() {
            *last = Some(Instant::now());
        }
        answer
    }

    /// Sends once more with another token, if the forge refuses this one: it says so before it acts.
    async fn persist_with(&self, call: Call, request: Request, token: &Token) -> Result<Response, Error> {
        match self.persist(call, request.clone()).await {
            Err(refused @ Error::TokenRefused { .. }) => {
                let Some(other) = self.login.token_after(token).await? else { return Err(refused) };
                let answer = self.persist(call, request.authorized(Some(self.authorization(&other)))).await;
                answer.map_err(|error| match (error, &self.login) {
                    (Error::TokenRefused { .. }, Login::App(app)) => app.refused(),
                    (error, _) => error,
                })
            }
            answer => answer,
        }
    }

    fn authorization(&self, token: &Token) -> Token {
        // Gitea knew this form before the other.
        if self.kind == Kind::Forgejo { Token::new(format!("token {}", token.expose())) } else { token.bearer() }
    }

    /// Sends again what the forge did not take because of a limit: it says so before it acts.
    async fn persist(&self, call: Call, request: Request) -> Result<Response, Error> {
        let started = Instant::now();
        loop {
            let response = self.http.send(request.clone()).await.map_err(Error::Transport)?;
            // A renamed repository answers under another path; a change would be refused there, so nothing begins.
            if response.url.path() != request.url.path() {
                return Err(Error::Moved { host: self.host.clone(), repository: self.repository.clone() });
            }
            self.note(&response);
            let Some(wait) = limited(&response) else { return self.judge(call, response) };
            // A forge that asks for no wait at all would be asked without end.
            let wait = wait.max(self.patience.first_look);
            if started.elapsed().saturating_add(wait) > self.patience.limit {
                let (host, status) = (self.host.clone(), response.status.as_u16());
                return Err(Error::Busy { host, status, wait: Some(wait) });
            }
            tracing::debug!(host = self.host, ?wait, "waiting for the forge's limit");
            tokio::time::sleep(wait).await;
        }
    }

    /// Notes what answers tell beside what was asked.
    fn note(&self, response: &Response) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let date = response.header("date").and_then(|text| DateTimeParser::new().parse_timestamp(text).ok());
        if let Some(date) = date {
            told.skew = Some(date.duration_since(jiff::Timestamp::now()));
        }
        if let Some(scopes) = response.header("x-oauth-scopes") {
            let scopes = scopes.split(',').map(|scope| scope.trim().to_owned());
            told.scopes = Some(scopes.filter(|scope| !scope.is_empty()).collect());
        }
    }

    /// Returns what answers told so far.
    pub(super) fn told(&self) -> Told {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn judge(&self, call: Call, response: Response) -> Result<Response, Error> {
        let (host, doing) = (self.host.clone(), call.doing());
        let status = response.status.as_u16();
        Err(match status {
            200..=299 => return Ok(response),
            300..=399 => Error::Moved { host, repository: self.repository.clone() },
            401 => Error::TokenRefused { host, origin: self.origin() },
            403 => Error::Forbidden { host, origin: self.origin(), doing, message: message(&response) },
            404 => Error::NotFound { host, repository: self.repository.clone(), origin: self.origin(), doing },
            408 | 429 | 500..=599 => Error::Busy { host, status, wait: None },
            _ => Error::Refused { host, doing, status, message: message(&response) },
        })
    }

    fn origin(&self) -> String {
        self.login.origin().to_owned()
    }

    /// Joins by text, so that the API's own path stays and nothing in `path` can name another host.
    fn url(&self, path: &str) -> Result<Url, Error> {
        let outside = || Error::Outside { method: "URL".to_owned(), path: path.escape_default().to_string() };
        let url = Url::parse(&format!("{}{path}", self.api.as_str().trim_end_matches('/'))).map_err(|_| outside())?;
        if url.origin() == self.api.origin() { Ok(url) } else { Err(outside()) }
    }

    fn headers(&self, body: &Bytes) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let accept = if self.kind == Kind::GitHub { "application/vnd.github+json" } else { "application/json" };
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        if self.kind == Kind::GitHub {
            headers.insert(GITHUB_API_VERSION.0, HeaderValue::from_static(GITHUB_API_VERSION.1));
        }
        if !body.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        headers
    }
}

/// Returns how long the forge asks to wait, if it did not take the request because of a limit.
fn limited(response: &Response) -> Option<Duration> {
    let named = || {
        let text = response.header(RETRY_AFTER.as_str())?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let date = DateTimeParser::new().parse_timestamp(text).ok()?;
        let seconds = date.as_second().saturating_sub(jiff::Timestamp::now().as_second());
        Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
    };
    let spent = || {
        (response.header("x-ratelimit-remaining") == Some("0")).then(|| {
            let now = jiff::Timestamp::now().as_second();
            let reset = response.header("x-ratelimit-reset").and_then(|text| text.trim().parse::<i64>().ok());
            let seconds = reset.and_then(|reset| u64::try_from(reset.saturating_sub(now)).ok());
            seconds.map_or(SECONDARY, Duration::from_secs)
        })
    };
    let secondary = || response.bytes.windows(20).any(|window| window.eq_ignore_ascii_case(b"secondary rate limit"));
    match response.status {
        StatusCode::TOO_MANY_REQUESTS => Some(named().or_else(spent).unwrap_or(SECONDARY)),
        StatusCode::FORBIDDEN => named().or_else(spent).or_else(|| secondary().then_some(SECONDARY)),
        _ => None,
    }
}

/// Returns what the forge says, on one line of 300 letters at most, with nothing in it that a terminal obeys.
pub(super) fn message(response: &Response) -> String {
    let answer: Value = serde_json::from_slice(&response.bytes).unwrap_or(Value::Null);
    let mut said = Vec::new();
    for key in ["message", "error", "errors"] {
        texts(answer.get(key).unwrap_or(&Value::Null), &mut said);
    }
    if said.is_empty() {
        said.push(format!("status {}", response.status.as_u16()));
    }
    let seen = |char: char| char == ' ' || char.is_ascii_graphic() || char.is_alphanumeric();
    said.join("; ")
        .chars()
        .take(300)
        .flat_map(|char| {
            let escaped: Box<dyn Iterator<Item = char>> =
                if seen(char) { Box::new(std::iter::once(char)) } else { Box::new(char.escape_default()) };
            escaped
        })
        .collect()
}

fn texts(value: &Value, said: &mut Vec<String>) {
    match value {
        Value::String(text) if !said.contains(text) => said.push(text.clone()),
        Value::Array(values) => values.iter().take(5).for_each(|value| texts(value, said)),
        Value::Object(fields) => match fields.get("message") {
            Some(message) => texts(message, said),
            None => {
                let named = ["field", "code"].into_iter().filter_map(|name| fields.get(name).and_then(Value::as_str));
                let named = named.collect::<Vec<_>>().join(" ");
                if named.is_empty() {
                    fields.values().take(5).for_each(|value| texts(value, said));
                } else {
                    said.push(named);
                }
            }
        },
        _ => {}
    }
}
