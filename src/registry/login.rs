//! Logging in at a registry: one handshake for each repository and run, shared by all who ask at the same time.

use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;
use url::form_urlencoded::Serializer;

use crate::http::{Origin, Request, Response, Token};

use super::Error;
use super::challenge::Challenge;
use super::connection::Connection;
use super::credentials::{Credential, LoginSource, LoginUsed};
use super::realm::{self, Trust};

/// How many bytes of a token server's answer are read.
const CAP: usize = 1024 * 1024;
/// How long before its end a token is no longer used.
const MARGIN: Duration = Duration::from_secs(10);

/// The login for one repository.
#[derive(Default)]
pub(super) struct Login {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    pass: Pass,
    refused: Option<Error>,
}

/// What a request carries to be let in.
#[derive(Clone, Debug, Default)]
pub(super) struct Pass {
    /// The value of the `Authorization` header; none for an anonymous request.
    pub(super) token: Option<Token>,
    /// The login behind it.
    pub(super) login: LoginUsed,
    /// How often the login was made; 0: never.
    generation: u64,
    until: Option<Instant>,
}

#[derive(Deserialize)]
struct Issued {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl Login {
    /// Returns what the next request carries: nothing before the registry has asked for something.
    pub(super) async fn pass(&self, connection: &Connection<'_>) -> Result<Pass, Error> {
        let mut state = self.state.lock().await;
        if let Some(error) = &state.refused {
            return Err(error.clone());
        }
        let fresh = state.pass.generation > 0 && state.pass.until.is_none_or(|until| Instant::now() < until);
        match connection.endpoint.challenge() {
            Some(challenge) if !fresh => state.log_in(connection, &challenge).await,
            _ => Ok(state.pass.clone()),
        }
    }

    /// Returns what to carry instead, after a request with `used` was answered with 401; none if nothing can help.
    pub(super) async fn renew(
        &self,
        connection: &Connection<'_>,
        response: &Response,
        used: &Pass,
    ) -> Result<Option<Pass>, Error> {
        let Some(challenge) = Challenge::of(response) else { return Ok(None) };
        let mut state = self.state.lock().await;
        if let Some(error) = &state.refused {
            return Err(error.clone());
        }
        if state.pass.generation != used.generation {
            return Ok(Some(state.pass.clone()));
        }
        let again = state.pass.generation > 0;
        connection.endpoint.remember(&challenge);
        let pass = state.log_in(connection, &challenge).await?;
        // The same user and password, or still no login, would only be refused again.
        let useless = pass.token.is_none() || (again && challenge == Challenge::Basic);
        Ok((!useless).then_some(pass))
    }

    /// Returns which login requests carry now.
    pub(super) async fn used(&self) -> LoginUsed {
        self.state.lock().await.pass.login.clone()
    }
}

impl State {
    async fn log_in(&mut self, connection: &Connection<'_>, challenge: &Challenge) -> Result<Pass, Error> {
        match handshake(connection, challenge).await {
            Ok(pass) => {
                self.pass = Pass { generation: self.pass.generation + 1, ..pass };
                Ok(self.pass.clone())
            }
            Err(error) => {
                if error.is_lasting() {
                    self.refused = Some(error.clone());
                }
                Err(error)
            }
        }
    }
}

async fn handshake(connection: &Connection<'_>, challenge: &Challenge) -> Result<Pass, Error> {
    let (credential, source) =
        connection.shared.credentials.of(connection.endpoint.host(), connection.path.as_deref()).await?;
    let carry = |token, source| Pass { token, login: LoginUsed { source, withheld: None }, ..Pass::default() };
    match (challenge, credential) {
        (Challenge::Other(scheme), _) => {
            Err(Error::LoginScheme { registry: connection.endpoint.host().to_owned(), scheme: scheme.clone() })
        }
        (_, Credential::Registry(token)) => Ok(carry(Some(token.bearer()), source)),
        (Challenge::Basic, Credential::Password { user, password }) => Ok(carry(Some(password.basic(&user)), source)),
        // Where no token server is, an identity token is a password without a user's name.
        (Challenge::Basic, Credential::Identity(token)) => Ok(carry(Some(token.basic("<token>")), source)),
        (Challenge::Basic, Credential::None) => Ok(Pass::default()),
        (Challenge::Bearer { realm, service }, credential) => {
            exchange(connection, realm, service.as_deref(), credential, source).await
        }
    }
}

/// Gets a token from the token server.
async fn exchange(
    connection: &Connection<'_>,
    realm: &str,
    service: Option<&str>,
    credential: Credential,
    source: LoginSource,
) -> Result<Pass, Error> {
    let registry = connection.endpoint.origin()?;
    let (url, trust) = realm::judge(realm, &registry, &connection.endpoint.realms).map_err(|reason| Error::Realm {
        registry: registry.authority(),
        realm: realm.chars().take(200).flat_map(char::escape_default).collect(),
        reason,
    })?;
    let server = Origin::of(&url).authority();
    let has_login = !matches!(credential, Credential::None);
    let (credential, login) = match trust {
        Trust::Login => (credential, LoginUsed { source, withheld: None }),
        Trust::Nothing => {
            (Credential::None, LoginUsed { source: LoginSource::Nowhere, withheld: has_login.then(|| server.clone()) })
        }
    };
    let request = ask(url, service, connection.path.as_deref(), &credential);
    let response = connection.shared.http.send(request).await?;
    match response.status.as_u16() {
        200 => {}
        400 | 401 | 403 => {
            let registry = registry.authority();
            return Err(Error::LoginRefused { server, registry, login: Box::new(login) });
        }
        _ => return Err(Error::answer(&response, "no token")),
    }
    let issued: Issued = serde_json::from_slice(&response.bytes).map_err(|_| Error::answer(&response, "no token"))?;
    let token = issued.token.filter(|text| !text.is_empty()).or(issued.access_token).filter(|text| !text.is_empty());
    let token = Token::new(token.ok_or_else(|| Error::answer(&response, "no token"))?).bearer();
    let life = issued.expires_in.map(|seconds| Duration::from_secs(seconds.min(86_400)).saturating_sub(MARGIN));
    // A token that lives for less than the margin is used once, not asked for over and over.
    let until = life.filter(|life| !life.is_zero()).map(|life| Instant::now() + life);
    Ok(Pass { token: Some(token), login, until, ..Pass::default() })
}

/// Asks for the right to read one repository, whatever right the registry said to ask for.
fn ask(mut url: Url, service: Option<&str>, repository: Option<&str>, credential: &Credential) -> Request {
    let scope = repository.map(|repository| format!("repository:{repository}:pull"));
    let asked = [("service", service), ("scope", scope.as_deref())];
    let asked = asked.iter().filter_map(|(name, value)| value.map(|value| (*name, value)));
    if let Credential::Identity(token) = credential {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "refresh_token").append_pair("client_id", "promote").extend_pairs(asked);
        form.append_pair("refresh_token", token.expose());
        let mut request = Request::post(url, form.finish(), CAP);
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        // Asking for a token twice gives two tokens and changes nothing.
        request.idempotent = true;
        return request;
    }
    url.query_pairs_mut().extend_pairs(asked);
    let authorization = match credential {
        Credential::Password { user, password } => Some(password.basic(user)),
        _ => None,
    };
    Request::get(url, CAP).authorized(authorization)
}
