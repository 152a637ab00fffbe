//! What is asked and what was answered.

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use url::Url;

use super::Token;

/// A request: everything that is sent, and how much of an answer is read.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where to; without user and password.
    pub url: Url,
    /// Headers beside `Authorization`; those that hold secrets marked sensitive.
    pub headers: HeaderMap,
    /// The body.
    pub body: Option<Bytes>,
    /// The whole value of the `Authorization` header: see [`Token::bearer`] and [`Token::basic`].
    pub authorization: Option<Token>,
    /// How many bytes of the answer's body are read, after decompression.
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
    /// Its body, decompressed.
    pub bytes: Bytes,
    /// The URL that answered: another path of the same origin after a redirect.
    pub url: Url,
}

impl Request {
    /// Makes a GET.
    pub fn get(url: Url, cap: usize) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: None,
            authorization: None,
            cap,
            idempotent: true,
        }
    }

    /// Makes a POST, which is sent at most once.
    pub fn post(url: Url, body: impl Into<Bytes>, cap: usize) -> Self {
        Self { method: Method::POST, body: Some(body.into()), idempotent: false, ..Self::get(url, cap) }
    }

    /// Sets the whole value of the `Authorization` header.
    #[must_use]
    pub fn authorized(mut self, authorization: Option<Token>) -> Self {
        self.authorization = authorization;
        self
    }
}

impl Response {
    /// Returns a header's value, if it is there and is visible ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Returns the beginning of the body for a message: 200 characters at most, escaped.
    pub fn excerpt(&self) -> String {
        let start = self.bytes.get(..self.bytes.len().min(800)).unwrap_or_default();
        String::from_utf8_lossy(start).trim().chars().take(200).flat_map(char::escape_default).take(200).collect()
    }
}
