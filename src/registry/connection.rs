//! Requests to one host, with the login for it.

use std::sync::Arc;

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, HeaderValue};
use url::Url;

use crate::http::{Request, Response};

use super::challenge::Challenge;
use super::endpoint::Endpoint;
use super::login::{Login, Pass};
use super::{Error, Shared};

/// A host, and the login for a path at it.
pub(super) struct Connection<'a> {
    pub(super) shared: &'a Shared,
    /// The repository for which a login is made; none: the registry itself.
    pub(super) path: Option<String>,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) login: Arc<Login>,
}

impl Connection<'_> {
    /// Asks for a path of the host.
    pub(super) async fn get(&self, path: &str, accept: &str, cap: usize) -> Result<Response, Error> {
        let answered = self.get_url(self.endpoint.url(path)?, accept, cap).await;
        if self.endpoint.learns_tls(&answered) {
            return self.get_url(self.endpoint.url(path)?, accept, cap).await;
        }
        answered
    }

    /// Asks for a URL of the host's own origin, logging in once if it wants that.
    pub(super) async fn get_url(&self, url: Url, accept: &str, cap: usize) -> Result<Response, Error> {
        let ask = |pass: &Pass| {
            let mut request = Request::get(url.clone(), cap).authorized(pass.token.clone());
            if let Ok(value) = HeaderValue::from_str(accept) {
                request.headers.insert(ACCEPT, value);
            }
            self.shared.http.send(request)
        };
        // A fleet asks for hundreds of things at once: all but one of them would be sent in vain to whoever wants a login.
        let first = self.endpoint.first().await;
        let pass = self.login.pass(self).await?;
        let answered = ask(&pass).await;
        if let Some(first) = first {
            if let Ok(response) = &answered
                && response.status == StatusCode::UNAUTHORIZED
                && let Some(challenge) = Challenge::of(response)
            {
                self.endpoint.remember(&challenge);
            }
            first.done();
        }
        let response = answered?;
        if response.status != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        match self.login.renew(self, &response, &pass).await? {
            Some(pass) => Ok(ask(&pass).await?),
            None => Ok(response),
        }
    }
}
