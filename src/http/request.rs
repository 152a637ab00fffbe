//! What is asked and what was answered.

use std::fmt;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use url::Url;

use super::Token;
use super::origin::shown;

/// A request: everything that is sent, and how much of an answer is read.
#[derive(Clone)]
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
#[derive(Clone)]
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

impl fmt::Debug for Request {
    /// Shows no header and no body: either may hold a secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, shown(&self.url))
    }
}

impl fmt::Debug for Response {
    /// Shows no header and no body: a token server's answer is a secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} ({} bytes)", self.status.as_u16(), shown(&self.url), self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_shows_neither_its_query_nor_its_body() {
        let url = Url::parse("https://user:s3cret@reg.example/token?secret=s3cret").unwrap();
        let request = Request::post(url, "refresh_token=s3cret", 10).authorized(Some(Token::new("s3cret")));
        assert_eq!(format!("{request:?}"), "POST https://reg.example/token");
    }

    #[test]
    fn an_excerpt_is_short_and_escaped() {
        let response = |bytes: &'static [u8]| Response {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            bytes: Bytes::from_static(bytes),
            url: Url::parse("https://reg.example/").unwrap(),
        };
        assert_eq!(response(b" \x1b[31m\xff\n::set-output \n").excerpt(), "\\u{1b}[31m\\u{fffd}\\n::set-output");
        assert_eq!(response(&[b'a'; 1_000]).excerpt().len(), 200);
        assert_eq!(response(b"").excerpt(), "");
    }
}
