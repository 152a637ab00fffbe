//! Plain JSON over the gate, for forges whose lists say where they end.

use std::sync::Arc;

use ::http::Method;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::call::Call;
use super::gate::Gate;
use super::{Error, Kind};
use crate::http::Response;

/// How many pages are read; a list that is longer is refused, not cut.
const PAGES: usize = 200;

/// The calls that GitLab and Forgejo are asked in the same way.
#[derive(Clone)]
pub(super) struct Rest {
    pub(super) gate: Arc<Gate>,
}

impl Rest {
    pub(super) async fn get<T: DeserializeOwned>(&self, call: Call, path: &str) -> Result<T, Error> {
        let response = self.gate.send(Method::GET, path, Bytes::new()).await?;
        self.decoded(call, &response)
    }

    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        call: Call,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<T, Error> {
        let response = self.gate.send(method, path, Bytes::from(body.to_string())).await?;
        self.decoded(call, &response)
    }

    /// Reads the pages of a list, until it ends or there is enough; `path` may have a query.
    pub(super) async fn pages<T: DeserializeOwned>(
        &self,
        call: Call,
        path: &str,
        most: usize,
    ) -> Result<Vec<T>, Error> {
        let size = if self.gate.kind == Kind::GitLab { "per_page=100" } else { "limit=50" };
        let joined = if path.contains('?') { '&' } else { '?' };
        let mut all = Vec::new();
        for page in 1..=PAGES {
            let response =
                self.gate.send(Method::GET, &format!("{path}{joined}{size}&page={page}"), Bytes::new()).await?;
            let more: Vec<T> = self.decoded(call, &response)?;
            let last = more.is_empty() || is_last(&response);
            all.extend(more);
            if last || all.len() >= most {
                return Ok(all);
            }
        }
        Err(self.protocol(call, None))
    }

    fn decoded<T: DeserializeOwned>(&self, call: Call, response: &Response) -> Result<T, Error> {
        serde_json::from_slice(&response.bytes).map_err(|source| self.protocol(call, Some(Box::new(source))))
    }

    pub(super) fn protocol(&self, call: Call, source: Option<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Protocol { host: self.gate.host.clone(), doing: call.doing(), source }
    }
}

/// Tells whether the forge says that no page follows. A short page alone says nothing: servers lower the size of pages.
fn is_last(response: &Response) -> bool {
    if let Some(next) = response.header("x-next-page") {
        return next.trim().is_empty();
    }
    response.header("link").is_some_and(|link| !link.contains("rel=\"next\""))
}

/// Takes what a forge doesn't show, or doesn't have, as a reason and not as an error.
pub(super) fn seen<T>(answer: Result<T, Error>) -> Result<Result<T, String>, Error> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(error @ (Error::Forbidden { .. } | Error::NotFound { .. } | Error::Refused { .. })) => {
            Ok(Err(error.to_string()))
        }
        Err(error) => Err(error),
    }
}

/// Encodes a text as one segment of a path or one value of a query.
pub(super) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
