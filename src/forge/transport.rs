//! The boundary to the HTTP client: a request goes out, an answer comes back.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// A secret.
#[derive(Clone)]
pub struct Token(SecretString);

impl Token {
    /// Takes a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into().into())
    }

    /// Returns the `Authorization` value `Bearer …` of this token.
    pub fn bearer(&self) -> Self {
        Self::new(format!("Bearer {}", self.expose()))
    }

    /// Returns the secret itself, for the one place that sends it.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(…)")
    }
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Headers beside `Authorization`.
    pub headers: HeaderMap,
    /// The body.
    pub body: Option<Bytes>,
    /// The whole value of the `Authorization` header.
    pub authorization: Option<Token>,
    /// How many bytes of the answer's body are read.
    pub cap: usize,
    /// Whether sending it twice is the same as sending it once.
    pub idempotent: bool,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Response {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub bytes: Bytes,
}

impl Response {
    /// Returns a header's value, if it is there and is visible ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Why no answer came.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The client could not be made, or the request could not be written.
    #[error("the request can't be sent")]
    Unsent,
    /// No answer, or half of one.
    #[error("`{host}` did not answer")]
    Cut {
        /// Who was asked.
        host: String,
    },
}

impl crate::model::Problem for Error {
    fn code(&self) -> &'static str {
        "unreachable"
    }

    fn exit(&self) -> crate::model::Exit {
        crate::model::Exit::Temporary
    }
}

/// The client.
#[derive(Clone, Debug)]
pub struct Http(reqwest::Client);

impl Http {
    /// Makes a client.
    ///
    /// # Errors
    /// [`Error::Unsent`] if the system's certificates can't be used.
    pub fn new() -> Result<Self, Error> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(60))
            .build()
            .map_err(|_| Error::Unsent)?;
        Ok(Self(client))
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// [`Error`] if none came.
    pub async fn send(&self, request: Request) -> Result<Response, Error> {
        let host = request.url.host_str().unwrap_or_default().to_owned();
        let mut headers = request.headers;
        if let Some(token) = &request.authorization {
            let mut value = HeaderValue::from_str(token.expose()).map_err(|_| Error::Unsent)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let mut builder = self.0.request(request.method, request.url).headers(headers);
        if let Some(body) = request.body {
            builder = builder.body(body);
        }
        let cut = |_| Error::Cut { host: host.clone() };
        let answer = builder.send().await.map_err(cut)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        Ok(Response { status, headers, bytes: answer.bytes().await.map_err(cut)? })
    }
}
