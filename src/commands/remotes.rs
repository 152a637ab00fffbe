//! How Git remotes are reached: by the user's own Git, with what belongs to the remote's host and to no other.

use std::collections::BTreeMap;
use std::path::Path;

use super::session::Session;
use crate::config::user;
use crate::forge::{self, Address};
use crate::git::{self, RemoteUrl, RemoteUrlError};
use crate::http::{self, Route};

/// What every connection to a Git remote is made from.
#[derive(Clone)]
pub struct Remotes {
    program: git::Program,
    environment: git::Environment,
    git: git::Settings,
    user: user::Settings,
    variables: BTreeMap<String, String>,
    hosts: forge::Hosts,
    plain_http: Vec<String>,
    proxies: http::Proxies,
}

impl Remotes {
    /// Takes what the session knows.
    pub fn of(session: &Session) -> Self {
        Self {
            program: session.program.clone(),
            environment: session.environment.clone(),
            git: session.git.clone(),
            user: session.user.clone(),
            variables: session.variables.clone(),
            hosts: session.forge_hosts(),
            plain_http: session.plain_http(),
            proxies: session.http.settings().proxies.clone(),
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
        let kind = forge::kind_of(None, address.as_ref(), &self.variables, &self.hosts);
        let username = if matches!(kind, Ok(forge::Kind::GitLab)) { "oauth2" } else { "x-access-token" };
        let login = forge::token_for(&remote.authority(), &self.variables, &self.hosts)
            .map(|(token, _)| git::HttpLogin { username: username.to_owned(), password: token.secret() });
        let forge = self.user.forge(&remote.authority());
        let ca = forge.and_then(|forge| forge.ca.as_ref()).or(self.user.ca.as_ref());
        git::Connection {
            program: self.program.clone(),
            environment: self.environment.clone(),
            settings: self.git.clone(),
            login,
            proxy: self.proxy(&remote),
            ca: ca.map(|ca| ca.value.clone()),
            limits: git::Limits::default(),
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
