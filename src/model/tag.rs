//! A registry's tag: its text, and the version in it.

use std::fmt;
use std::str::FromStr;

use super::Version;

/// A tag as the OCI distribution specification allows it: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tag {
    text: String,
    version: Option<Version>,
}

/// Why a text is no tag.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TagError {
    /// Empty, too long, or a character outside the grammar.
    #[error("`{text}` is no tag: letters, digits, `.`, `_` and `-` only, not beginning with `.` or `-`, 128 at most")]
    Malformed {
        /// The text, escaped.
        text: String,
    },
}

impl Tag {
    /// Returns the tag as the registry spells it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the version in it, as Flux's `ParseVersion` reads it; none for `latest`.
    pub fn version(&self) -> Option<&Version> {
        self.version.as_ref()
    }
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let first = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let rest = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if !text.as_bytes().first().is_some_and(first) || text.len() > 128 || !text.bytes().all(rest) {
            return Err(TagError::Malformed { text: text.escape_default().to_string() });
        }
        Ok(Self { text: text.to_owned(), version: Version::parse_flux(text).ok() })
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}
