//! What content is known by: the registry's digests, and the commits of Git.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// A `sha256:` digest with 64 lower-case hexadecimal digits, or the commit of a Git repository as Flux writes it,
/// `sha1:` and 40 digits.
///
/// Only the first is parsed. Other algorithms and spellings are refused: Flux accepts no other in `spec.ref.digest`
/// (go-containerregistry `NewHash`), and we can only vouch for what we hash ourselves. A commit is named by
/// [`Digest::of_commit`], where a commit is expected.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(Content);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Content {
    Sha256([u8; 32]),
    Commit([u8; 20]),
}

/// What is wrong with a text that should be a digest.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DigestError {
    /// Neither the algorithm nor the length that is accepted.
    #[error("`{text}` is not `sha256:` followed by 64 lower-case hexadecimal digits")]
    Malformed {
        /// The text as it was given.
        text: String,
    },
    /// No full name of a commit.
    #[error("`{text}` is not the 40 lower-case hexadecimal digits of a commit")]
    Commit {
        /// The text as it was given.
        text: String,
    },
}

impl Digest {
    /// Computes the digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Content::Sha256(Sha256::digest(bytes).into()))
    }

    /// Takes the name of a commit: 40 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// [`DigestError::Commit`] for anything else, a shortened name included.
    pub fn of_commit(hex: &str) -> Result<Self, DigestError> {
        let bytes = unhex(hex).ok_or_else(|| DigestError::Commit { text: hex.to_owned() })?;
        Ok(Self(Content::Commit(bytes)))
    }

    /// Takes what a trailer or record of ours says: either kind, as it is displayed.
    pub fn recorded(text: &str) -> Option<Self> {
        match text.strip_prefix("sha1:") {
            Some(hex) => Self::of_commit(hex).ok(),
            None => text.parse().ok(),
        }
    }

    /// Tells whether it names a commit.
    pub fn is_commit(&self) -> bool {
        matches!(self.0, Content::Commit(_))
    }

    /// Returns the hexadecimal digits without the algorithm: 64, or 40 of a commit.
    pub fn hex(&self) -> String {
        let bytes: &[u8] = match &self.0 {
            Content::Sha256(bytes) => bytes,
            Content::Commit(bytes) => bytes,
        };
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Returns a form for people: `sha256:9e41f3d2...b7c07`.
    pub fn short(&self) -> String {
        let hex = self.hex();
        format!("{}:{}...{}", self.algorithm(), &hex[..8], &hex[hex.len() - 5..])
    }

    fn algorithm(&self) -> &'static str {
        if self.is_commit() { "sha1" } else { "sha256" }
    }
}

/// Reads exactly so many bytes of lower-case hexadecimal digits.
fn unhex<const LENGTH: usize>(hex: &str) -> Option<[u8; LENGTH]> {
    let lower_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if hex.len() != 2 * LENGTH || !hex.as_bytes().iter().all(lower_hex) {
        return None;
    }
    let mut bytes = [0; LENGTH];
    for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text.strip_prefix("sha256:").and_then(unhex);
        let malformed = || DigestError::Malformed { text: text.to_owned() };
        bytes.map(|bytes| Self(Content::Sha256(bytes))).ok_or_else(malformed)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.algorithm(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Digest({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lower_case_sha256_with_64_digits_is_a_digest() {
        let good = format!("sha256:{}", "0f".repeat(32));
        assert_eq!(good.parse::<Digest>().map(|digest| digest.to_string()), Ok(good.clone()));
        for bad in [
            good.to_uppercase(),
            good[..70].to_owned(),
            format!("{good}0"),
            good.replace("sha256", "sha512"),
            "0f".repeat(32),
            String::new(),
        ] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_commit_is_named_in_full_and_never_parsed_as_content() {
        let hex = "0f".repeat(20);
        let commit = Digest::of_commit(&hex).expect("a commit");
        assert_eq!((commit.to_string(), commit.hex()), (format!("sha1:{hex}"), hex.clone()));
        assert_eq!(commit.short(), "sha1:0f0f0f0f...f0f0f");
        for bad in ["0f0f0f0".to_owned(), hex.to_uppercase(), "0f".repeat(32), format!("sha1:{hex}")] {
            assert!(Digest::of_commit(&bad).is_err(), "{bad}");
        }
        assert!(format!("sha1:{hex}").parse::<Digest>().is_err());
        assert_eq!(Digest::recorded(&commit.to_string()), Some(commit));
        assert_eq!(Digest::recorded(&Digest::of(b"").to_string()), Some(Digest::of(b"")));
        assert_eq!(Digest::recorded(&hex), None);
    }

    #[test]
    fn the_digest_is_the_sha256_of_the_bytes() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of(b"").to_string(), empty);
    }
}
