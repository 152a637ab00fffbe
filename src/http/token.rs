//! Secrets that neither print nor serialise.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use super::Error;

/// A secret: a password, a token, or the whole value of an `Authorization` header.
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

    /// Returns the `Authorization` value `Basic …` of a user and this password.
    pub fn basic(&self, user: &str) -> Self {
        Self::new(format!("Basic {}", STANDARD.encode(format!("{user}:{}", self.expose()))))
    }

    /// Returns the secret itself, for the one place that sends it.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Returns the secret, for a child program that takes it as a secret of its own.
    pub fn secret(&self) -> SecretString {
        self.0.clone()
    }

    /// Returns it as the value of a header that is never logged.
    ///
    /// # Errors
    /// [`Error::Token`] if it holds a character that no header may hold, such as a line break.
    pub fn header(&self) -> Result<HeaderValue, Error> {
        let mut value = HeaderValue::from_str(self.expose()).map_err(|_| Error::Token)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl From<SecretString> for Token {
    fn from(secret: SecretString) -> Self {
        Self(secret)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_does_not_print() {
        assert_eq!(format!("{:?}", Some(Token::new("s3cret").basic("ci"))), "Some(Token(…))");
        assert_eq!(format!("{:?}", Token::new("s3cret").bearer().header()), "Ok(Sensitive)");
    }

    #[test]
    fn a_token_with_a_line_break_is_refused() {
        assert!(matches!(Token::new("a\r\nHost: b").header(), Err(Error::Token)));
    }
}
