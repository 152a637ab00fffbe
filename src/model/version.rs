//! Semantic versions as Masterminds/semver v3.5.0, the library inside Flux, reads and orders them.
//!
//! It is more lenient than the specification (`v1.2`, `01.2.3`), and it orders a numeric identifier above
//! 2^64−1 as a text. Parsed parts are kept in [`semver::Version`], which can hold all that is read here.

use std::cmp::Ordering;
use std::fmt;

use super::{Exit, Problem};

/// The bytes of the longest text that is read as a version.
const LONGEST: usize = 256;

/// A parsed version beside the text it was written as.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    original: String,
    parsed: semver::Version,
}

/// Why a text is no version.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum VersionError {
    /// Outside the grammar.
    #[error("`{text}` is not a version")]
    Malformed {
        /// The text as it was given.
        text: String,
    },
    /// Flux reads `1.2` as no version where three parts are needed.
    #[error("`{text}` is not a version: three numbers are needed")]
    Incomplete {
        /// The text as it was given.
        text: String,
    },
    /// A number that doesn't fit 64 bits.
    #[error("`{text}` is not a version: a number is above 18446744073709551615")]
    TooLarge {
        /// The text as it was given.
        text: String,
    },
    /// A leading zero where none may be: `1.2.3-01`.
    #[error("`{text}` is not a version: a number begins with 0")]
    LeadingZero {
        /// The text as it was given.
        text: String,
    },
    /// More than 256 bytes.
    #[error("a text of {length} bytes is not a version: 256 at most")]
    TooLong {
        /// How many bytes it has.
        length: usize,
    },
}

/// Which spellings of a version are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// `v`, missing parts and leading zeros are fine.
    Lenient,
    /// Exactly what the specification allows.
    Strict,
}

/// What is wrong, before the text is copied for the error.
enum Fault {
    Grammar,
    Large,
    Zero,
}

impl Version {
    /// Parses as Flux's `version.ParseVersion` does: at least two dots, then lenient.
    ///
    /// # Errors
    /// [`VersionError`] if Flux would skip such a tag.
    pub fn parse_flux(text: &str) -> Result<Self, VersionError> {
        // The dots may stand anywhere: `1.2-rc.1` has two and is 1.2.0-rc.1.
        if text.bytes().filter(|byte| *byte == b'.').nth(1).is_none() {
            Self::parse_lenient(text)?;
            return Err(VersionError::Incomplete { text: text.to_owned() });
        }
        Self::parse_lenient(text)
    }

    /// Parses as Masterminds' `NewVersion` does: `v1.2` and `01.2.3` are versions.
    ///
    /// # Errors
    /// [`VersionError`] for everything else.
    pub fn parse_lenient(text: &str) -> Result<Self, VersionError> {
        Self::parse(text, Spelling::Lenient)
    }

    /// Parses as Masterminds' `StrictNewVersion` does: exactly `1.2.3`, no `v`, no leading zeros.
    ///
    /// # Errors
    /// [`VersionError`] for everything else.
    pub fn parse_strict(text: &str) -> Result<Self, VersionError> {
        Self::parse(text, Spelling::Strict)
    }

    fn parse(text: &str, spelling: Spelling) -> Result<Self, VersionError> {
        if text.len() > LONGEST {
            return Err(VersionError::TooLong { length: text.len() });
        }
        match parts(text, spelling) {
            Ok(parsed) => Ok(Self { original: text.to_owned(), parsed }),
            Err(Fault::Grammar) => Err(VersionError::Malformed { text: text.to_owned() }),
            Err(Fault::Large) => Err(VersionError::TooLarge { text: text.to_owned() }),
            Err(Fault::Zero) => Err(VersionError::LeadingZero { text: text.to_owned() }),
        }
    }

    /// Returns the text as it was written.
    pub fn original(&self) -> &str {
        &self.original
    }

    /// Returns the first number.
    pub fn major(&self) -> u64 {
        self.parsed.major
    }

    /// Returns the second number.
    pub fn minor(&self) -> u64 {
        self.parsed.minor
    }

    /// Returns the third number.
    pub fn patch(&self) -> u64 {
        self.parsed.patch
    }

    /// Returns what follows the `-`; empty for a release.
    pub fn pre(&self) -> &str {
        self.parsed.pre.as_str()
    }

    /// Returns what follows the `+`; empty if nothing does.
    pub fn build(&self) -> &str {
        self.parsed.build.as_str()
    }

    /// Tells whether this is a pre-release.
    pub fn is_pre_release(&self) -> bool {
        !self.parsed.pre.is_empty()
    }

    /// Compares by precedence: build metadata never counts.
    pub fn precedence(&self, other: &Self) -> Ordering {
        self.core().cmp(&other.core()).then_with(|| compare_pre_releases(self.pre(), other.pre()))
    }

    /// Returns the three numbers, which decide first.
    pub fn core(&self) -> (u64, u64, u64) {
        (self.parsed.major, self.parsed.minor, self.parsed.patch)
    }
}

/// Compares what follows the `-` of two versions with equal numbers; a release, which has nothing there, is greater.
fn compare_pre_releases(one: &str, two: &str) -> Ordering {
    match (one.is_empty(), two.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => compare_identifiers(one, two),
    }
}

/// Compares two lists of identifiers, as Masterminds' `comparePrerelease` does: a missing one is the least.
fn compare_identifiers(one: &str, two: &str) -> Ordering {
    if one == two {
        return Ordering::Equal;
    }
    let (mut ones, mut twos) = (one.split('.'), two.split('.'));
    loop {
        let order = match (ones.next(), twos.next()) {
            (None, None) => return Ordering::Equal,
            (one, two) => compare_identifier(one.unwrap_or_default(), two.unwrap_or_default()),
        };
        if order.is_ne() {
            return order;
        }
    }
}

fn compare_identifier(one: &str, two: &str) -> Ordering {
    if one.is_empty() || two.is_empty() {
        return one.len().cmp(&two.len());
    }
    // A number that doesn't fit 64 bits is a text to Masterminds.
    match (number(one), number(two)) {
        (Some(one), Some(two)) => one.cmp(&two),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => one.cmp(two),
    }
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn parts(text: &str, spelling: Spelling) -> Result<semver::Version, Fault> {
    let rest = match spelling {
        Spelling::Lenient => text.strip_prefix('v').unwrap_or(text),
        Spelling::Strict => text,
    };
    let (rest, build) = rest.split_once('+').map_or((rest, None), |(rest, build)| (rest, Some(build)));
    let (core, pre) = rest.split_once('-').map_or((rest, None), |(core, pre)| (core, Some(pre)));
    let pre = pre.map_or(Ok(semver::Prerelease::EMPTY), pre_release)?;
    let build = build.map_or(Ok(semver::BuildMetadata::EMPTY), |build| {
        if build.is_empty() { Err(Fault::Grammar) } else { build.parse().map_err(|_| Fault::Grammar) }
    })?;
    let mut numbers = [0; 3];
    let mut count = 0;
    for part in core.split('.') {
        let slot = numbers.get_mut(count).ok_or(Fault::Grammar)?;
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Fault::Grammar);
        }
        if spelling == Spelling::Strict && part.len() > 1 && part.starts_with('0') {
            return Err(Fault::Zero);
        }
        *slot = part.parse().map_err(|_| Fault::Large)?;
        count += 1;
    }
    if spelling == Spelling::Strict && count < 3 {
        return Err(Fault::Grammar);
    }
    let [major, minor, patch] = numbers;
    Ok(semver::Version { major, minor, patch, pre, build })
}

fn pre_release(text: &str) -> Result<semver::Prerelease, Fault> {
    if text.is_empty() {
        return Err(Fault::Grammar);
    }
    text.parse().map_err(|_| {
        let well_formed = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
            && text.split('.').all(|identifier| !identifier.is_empty());
        if well_formed { Fault::Zero } else { Fault::Grammar }
    })
}

impl fmt::Display for Version {
    /// Writes the version normalised: three numbers without `v` and leading zeros.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parsed.fmt(formatter)
    }
}

impl Problem for VersionError {
    fn code(&self) -> &'static str {
        "not-a-version"
    }

    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("a version has three numbers, as in `1.2.3` or `v1.2.3-rc.1`".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_a_version_where_flux_reads_one() {
        for (text, normal) in [
            ("v1.2.3", "1.2.3"),
            ("2025.02.03", "2025.2.3"),
            ("1.2-rc.1", "1.2.0-rc.1"),
            ("1-a.b.c", "1.0.0-a.b.c"),
            ("1.2.3--1+001", "1.2.3--1+001"),
        ] {
            assert_eq!(Version::parse_flux(text).map(|version| version.to_string()), Ok(normal.to_owned()));
        }
        for text in ["1.2", "v1", "V1.2.3", "1.2.3.4", " 1.2.3", "1.2.3-01", "1.2.3-", "1.2.3+", "latest", ""] {
            assert!(Version::parse_flux(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_number_above_64_bits_orders_as_a_text() {
        let version = |text: &str| Version::parse_lenient(text).expect("a version");
        let (small, large) = (version("1.0.0-9"), version("1.0.0-18446744073709551616"));
        assert_eq!(small.precedence(&large), Ordering::Less);
        assert_eq!(large.precedence(&version("1.0.0-2a")), Ordering::Less);
        assert!(Version::parse_lenient("18446744073709551616.0.0").is_err());
    }

    #[test]
    fn what_was_written_is_kept_beside_what_it_means() {
        let version = Version::parse_lenient("v01.2-rc+b").expect("a version");
        assert_eq!((version.original(), version.to_string().as_str()), ("v01.2-rc+b", "1.2.0-rc+b"));
        assert_eq!((version.core(), version.pre(), version.build()), ((1, 2, 0), "rc", "b"));
    }
}
