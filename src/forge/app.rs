//! An installation of a GitHub App: signs as the App, and asks for tokens that may do in one repository what a
//! promotion does, and nothing else.
//!
//! The private key signs, and goes nowhere. A token lives for an hour; the next one is asked for a minute before.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use ::http::{Method, StatusCode};
use bytes::Bytes;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::sync::{Mutex, OnceCell};
use tokio::time::Instant;
use url::Url;

use super::call::{Call, recognise};
use super::gate::{GITHUB_API_VERSION, message};
use super::{Error, Kind};
use crate::http::{Http, Request, Response, Token};

/// What a promotion does with a repository; reading what everybody may read is always granted.
const NEEDED: [&str; 2] = ["contents", "pull_requests"];
/// How many bytes of an answer are read.
const CAP: usize = 1024 * 1024;
/// GitHub takes no signature of the future, and none that holds for more than ten minutes: one that begins a minute
/// ago passes with clocks that differ by less. <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app>
const BACKDATED: SignedDuration = SignedDuration::from_secs(60);
const VALIDITY: SignedDuration = SignedDuration::from_secs(540);
/// Clocks that differ by more are the likely reason for a refused signature.
const TOLERATED: SignedDuration = SignedDuration::from_secs(30);
/// How long before its end a token isn't used any more.
const MARGIN: Duration = Duration::from_secs(60);

/// An App, as it is installed on one repository. Clones share what was learnt and given.
#[derive(Clone)]
pub struct App {
    shared: Arc<Shared>,
}

struct Shared {
    /// Who signs, and by which variable it is known.
    signer: Signer,
    host: String,
    /// `owner/name`.
    repository: String,
    api: Url,
    http: Http,
    installation: OnceCell<Installation>,
    /// How far GitHub's clock is ahead of ours, as far as that mattered; the token in use.
    state: Mutex<State>,
}

/// An App's name for itself, and its key.
pub(super) struct Signer {
    /// The App's id, or its client id.
    pub(super) id: String,
    pub(super) key: EncodingKey,
    /// The variable that the id is from.
    pub(super) origin: &'static str,
}

#[derive(Default)]
struct State {
    skew: SignedDuration,
    issued: Option<Issued>,
}

struct Issued {
    token: Token,
    until: Instant,
}

/// What GitHub says of the installation on the repository.
#[derive(Debug, Deserialize)]
struct Installation {
    id: u64,
    app_slug: String,
    permissions: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Claims {
    /// A number for an id, a text for a client id, as GitHub's own examples have them.
    iss: Value,
    iat: i64,
    exp: i64,
}

#[derive(Deserialize)]
struct RawToken {
    token: String,
    expires_at: Timestamp,
}

impl App {
    pub(super) fn new(signer: Signer, host: &str, repository: &str, api: Url, http: Http) -> Self {
        let (host, repository) = (host.to_owned(), repository.to_owned());
        let (installation, state) = (OnceCell::new(), Mutex::default());
        Self { shared: Arc::new(Shared { signer, host, repository, api, http, installation, state }) }
    }

    /// Returns the variable that it is known by.
    pub(super) fn origin(&self) -> &'static str {
        self.shared.signer.origin
    }

    /// Returns the account that its tokens act as.
    ///
    /// # Errors
    /// GitHub refuses the signature, or the App isn't installed on the repository.
    pub(super) async fn account(&self) -> Result<String, Error> {
        self.installation().await?;
        Ok(self.known_account().unwrap_or_default())
    }

    fn known_account(&self) -> Option<String> {
        self.shared.installation.get().map(|known| format!("{}[bot]", known.app_slug))
    }

    /// Returns what it may do in the repository, `contents:write`, as far as it was asked.
    pub(super) fn granted(&self) -> Option<Vec<String>> {
        let granted = &self.shared.installation.get()?.permissions;
        Some(granted.iter().map(|(name, level)| format!("{name}:{level}")).collect())
    }

    /// Returns a token that is good for a minute at least.
    ///
    /// # Errors
    /// As [`App::account`].
    pub(super) async fn token(&self) -> Result<Token, Error> {
        self.token_but(None).await
    }

    /// Returns a token in place of one that was refused.
    ///
    /// # Errors
    /// As [`App::account`].
    pub(super) async fn token_after(&self, refused: &Token) -> Result<Token, Error> {
        self.token_but(Some(refused)).await
    }

    /// Who comes while a token is asked for waits for it.
    async fn token_but(&self, refused: Option<&Token>) -> Result<Token, Error> {
        let installation = self.installation().await?;
        let mut state = self.shared.state.lock().await;
        let is_good = |issued: &&Issued| {
            issued.until > Instant::now() && refused.is_none_or(|refused| refused.expose() != issued.token.expose())
        };
        if let Some(issued) = state.issued.as_ref().filter(is_good) {
            return Ok(issued.token.clone());
        }
        let name = self.shared.repository.rsplit('/').next().unwrap_or_default();
        // What isn't granted can't be asked for; a job that only looks needs less.
        let permissions: Map<String, Value> = NEEDED
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), Value::from(installation.permissions.get(name)?.as_str()))))
            .chain([("metadata".to_owned(), Value::from("read"))])
            .collect();
        let body = json!({"repositories": [name], "permissions": permissions}).to_string();
        let path = format!("/app/installations/{}/access_tokens", installation.id);
        let response = self.ask(&mut state, Method::POST, &path, body.into()).await?;
        let raw: RawToken = self.decoded(Call::IssueToken, &response)?;
        let left = raw.expires_at.duration_since(Timestamp::now()).saturating_sub(ahead(&response).unwrap_or_default());
        let left = Duration::try_from(left).unwrap_or_default().saturating_sub(MARGIN);
        let issued = Issued { token: Token::new(raw.token), until: Instant::now() + left };
        let token = issued.token.clone();
        state.issued = Some(issued);
        Ok(token)
    }

    async fn installation(&self) -> Result<&Installation, Error> {
        let ask = || async {
            let path = format!("/repos/{}/installation", self.shared.repository);
            let mut state = self.shared.state.lock().await;
            let response = self.ask(&mut state, Method::GET, &path, Bytes::new()).await?;
            self.decoded(Call::Installation, &response)
        };
        self.shared.installation.get_or_try_init(ask).await
    }

    /// Asks as the App itself; once more by GitHub's own clock where ours may be the reason for a refusal.
    async fn ask(&self, state: &mut State, method: Method, path: &str, body: Bytes) -> Result<Response, Error> {
        let call = recognise(Kind::GitHub, &self.shared.repository, &method, path, &body)?;
        let mut response = self.send(state.skew, &method, path, body.clone()).await?;
        let ahead = ahead(&response).unwrap_or_default();
        if response.status == StatusCode::UNAUTHORIZED && ahead.saturating_sub(state.skew).abs() > TOLERATED {
            tracing::debug!(host = self.shared.host, %ahead, "signing by the forge's clock");
            state.skew = ahead;
            response = self.send(state.skew, &method, path, body).await?;
        }
        self.judge(call, response)
    }

    async fn send(&self, skew: SignedDuration, method: &Method, path: &str, body: Bytes) -> Result<Response, Error> {
        let api = &self.shared.api;
        let outside = || Error::Outside { method: method.to_string(), path: path.escape_default().to_string() };
        let url = Url::parse(&format!("{}{path}", api.as_str().trim_end_matches('/'))).map_err(|_| outside())?;
        if url.origin() != api.origin() {
            return Err(outside());
        }
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
        headers.insert(GITHUB_API_VERSION.0, HeaderValue::from_static(GITHUB_API_VERSION.1));
        if !body.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let request = Request {
            method: method.clone(),
            url,
            headers,
            body: (!body.is_empty()).then_some(body),
            authorization: Some(self.shared.signer.signature(skew)?.bearer()),
            cap: CAP,
            // A token that nobody got to see ends by itself.
            idempotent: true,
        };
        self.shared.http.send(request).await.map_err(Error::Transport)
    }

    fn judge(&self, call: Call, response: Response) -> Result<Response, Error> {
        let (host, origin, doing) = (self.shared.host.clone(), self.origin().to_owned(), call.doing());
        let repository = self.shared.repository.clone();
        let status = response.status.as_u16();
        Err(match status {
            200..=299 => return Ok(response),
            300..=399 => Error::Moved { host, repository },
            401 => Error::AppRefused { host, origin, message: message(&response) },
            403 | 422 => Error::Forbidden { host, origin, doing, message: message(&response) },
            // So GitHub answers where it knows no App of that id.
            404 if message(&response).starts_with("Integration not found") => {
                Error::AppRefused { host, origin, message: message(&response) }
            }
            404 => Error::AppNotInstalled { host, origin, repository },
            _ => Error::Busy { host, status, wait: None },
        })
    }

    fn decoded<T: for<'a> Deserialize<'a>>(&self, call: Call, response: &Response) -> Result<T, Error> {
        serde_json::from_slice(&response.bytes).map_err(|_| {
            // A parser's complaint quotes what it read, and that may be a token.
            Error::Protocol { host: self.shared.host.clone(), doing: call.doing(), source: None }
        })
    }

    /// Returns the error of a token that is refused as soon as it was given.
    pub(super) fn refused(&self) -> Error {
        Error::AppRefused {
            host: self.shared.host.clone(),
            origin: self.origin().to_owned(),
            message: "it takes no token that it has just given".to_owned(),
        }
    }
}

impl Signer {
    /// Returns a signature that holds for some minutes.
    fn signature(&self, skew: SignedDuration) -> Result<Token, Error> {
        let now = Timestamp::now().saturating_add(skew).map_err(|_| self.unusable())?;
        let at = |offset: SignedDuration| now.as_second().saturating_add(offset.as_secs());
        let iss = self.id.parse::<u64>().map_or_else(|_| Value::from(self.id.as_str()), Value::from);
        let claims = Claims { iss, iat: at(-BACKDATED), exp: at(VALIDITY) };
        let text = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &self.key);
        text.map(Token::new).map_err(|_| self.unusable())
    }

    fn unusable(&self) -> Error {
        Error::AppKey { origin: self.origin.to_owned(), source: None }
    }
}

/// Returns how far GitHub's clock is ahead of ours.
fn ahead(response: &Response) -> Option<SignedDuration> {
    let date = DateTimeParser::new().parse_timestamp(response.header("date")?).ok()?;
    Some(date.duration_since(Timestamp::now()))
}

impl fmt::Debug for App {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "App({}, {})", self.shared.signer.origin, self.shared.repository)
    }
}
