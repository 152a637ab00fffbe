//! Requests to one host, with the login for it.

use std::sync::Arc;

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, HeaderValue};
use url::Url;

use crate::http::{Request, Response};

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
        let response = self.get_url(self.endpoint.url(path)?, accept, cap).await?;
        if self.endpoint.learns_tls(&response) {
            return self.get_url(self.endpoint.url(path)?, accept, cap).await;
        }
        Ok(response)
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
        let pass = self.login.pass(self).await?;
        let response = ask(&pass).await?;
        if response.status != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        match self.login.renew(self, &response, &pass).await? {
            Some(pass) => Ok(ask(&pass).await?),
            None => Ok(response),
        }
    }
}
