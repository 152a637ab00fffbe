//! How Git remotes are reached: by the user's own Git, with what belongs to the remote's host and to no other.

use std::path::Path;
use std::sync::Arc;

use super::session::Session;
use crate::config::user;
use crate::forge::{self, Address, Login};
use crate::git::{self, RemoteUrl, RemoteUrlError};
use crate::http::{self, Route};
use crate::model::Failure;

/// What every connection to a Git remote is made from.
#[derive(Clone)]
pub struct Remotes {
    program: git::Program,
    environment: git::Environment,
    git: git::Settings,
    user: user::Settings,
    logins: forge::Logins,
    plain_http: Vec<String>,
    proxies: http::Proxies,
    limits: git::Limits,
}

impl Remotes {
    /// Takes what the session knows.
    pub fn of(session: &Session) -> Self {
        let &http::Settings { attempts, backoff, .. } = session.http.settings();
        Self {
            program: session.program.clone(),
            environment: session.environment.clone(),
            git: session.git.clone(),
            user: session.user.clone(),
            logins: session.logins.clone(),
            plain_http: session.plain_http(),
            proxies: session.http.settings().proxies.clone(),
            // Tried again as our own requests are.
            limits: git::Limits { attempts, backoff, ..git::Limits::default() },
        }
    }

    /// Says how the repository behind a URL is reached.
    ///
    /// # Errors
    /// [`RemoteUrlError`] if the URL is one that isn't used.
    pub fn connection_to(&self, url: &str) -> Result<git::Connection, RemoteUrlError> {
        RemoteUrl::parse(url, Path::new("/"), &self.plain_http).map(|remote| self.connection(remote))
    }

    /// Says how a remote is reached.
    pub fn connection(&self, remote: RemoteUrl) -> git::Connection {
        let address = Address::of_remote(&remote.to_string()).ok().flatten();
        let username = if self.logins.kind_of(None, address.as_ref()).is_ok_and(|kind| kind == forge::Kind::GitLab) {
            "oauth2"
        } else {
            "x-access-token"
        };
        let password = password(self.logins.of(&remote.authority(), address.as_ref()));
        let login = password.map(|password| git::HttpLogin { username: username.to_owned(), password });
        let forge = self.user.forge(&remote.authority());
        let ca = forge.and_then(|forge| forge.ca.as_ref()).or(self.user.ca.as_ref());
        git::Connection {
            program: self.program.clone(),
            environment: self.environment.clone(),
            settings: self.git.clone(),
            login,
            proxy: self.proxy(&remote),
            ca: ca.map(|ca| ca.value.clone()),
            limits: self.limits,
            remote,
        }
    }

    /// The way of our own client to the same place: what one of both reaches the other must not miss.
    fn proxy(&self, remote: &RemoteUrl) -> Option<git::Proxy> {
        let url = remote.info_refs()?.parse().ok()?;
        match self.proxies.route(&url) {
            Route::Open => None,
            Route::Excepted => Some(git::Proxy::Excepted),
            Route::Environment(proxy) => Some(git::Proxy::Environment(proxy.secret())),
            Route::Configured(proxy) => Some(git::Proxy::Configured(proxy.secret())),
        }
    }
}

/// Returns what Git gives as a password: the forge's token, or the one that an App is given when Git needs it.
fn password(login: Result<Option<Login>, forge::Error>) -> Option<git::Password> {
    let ask: git::Ask = match login {
        Ok(None) => return None,
        Ok(Some(Login::Token(token, _))) => return Some(git::Password::Fixed(token.secret())),
        Ok(Some(login @ Login::App(_))) => Arc::new(move |refused| {
            let login = login.clone();
            Box::pin(async move {
                let token = match refused {
                    None => login.token().await.map(Some),
                    Some(refused) => login.token_after(&http::Token::from(refused)).await,
                };
                token.map(|token| token.map(|token| token.secret())).map_err(|error| Failure::of(&error))
            })
        }),
        Err(error) => {
            let failure = Failure::of(&error);
            Arc::new(move |_| Box::pin(std::future::ready(Err(failure.clone()))))
        }
    };
    Some(git::Password::Asked(ask))
}
