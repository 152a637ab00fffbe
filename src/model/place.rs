//! Where something stands in the repository.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// A file or directory below the repository's root: `/` between segments, no leading `/`, no `.` or `..`
/// segment, no control characters. The root itself is the empty path.
///
/// Every place, slot and finding has one: a clone shares the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoPath(Arc<str>);

/// Why a text is not a path inside the repository.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RepoPathError {
    /// The path leaves the repository by `..`.
    #[error("`{path}` leads out of the repository")]
    Outside {
        /// The path as it was given.
        path: String,
    },
    /// A control character, NUL or backslash.
    #[error("`{path}` holds a character that no path here may hold")]
    Character {
        /// The path as it was given, escaped.
        path: String,
    },
}

impl RepoPath {
    /// Returns the repository's root.
    pub fn root() -> Self {
        Self(Arc::default())
    }

    /// Returns the text with `/` between segments; empty for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the directory that holds this path; the root for the root.
    pub fn parent(&self) -> Self {
        Self(self.0.rsplit_once('/').map_or_else(Arc::default, |(parent, _)| Arc::from(parent)))
    }

    /// Returns the last segment.
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&*self.0, |(_, name)| name)
    }

    /// Resolves `relative` from this directory, as `cd` would: `.` and `..` are followed.
    ///
    /// # Errors
    /// [`RepoPathError::Outside`] if it leaves the repository, [`RepoPathError::Character`] for control characters.
    pub fn join(&self, relative: &str) -> Result<Self, RepoPathError> {
        if relative.chars().any(|char| char.is_control() || char == '\\') {
            return Err(RepoPathError::Character { path: relative.escape_default().to_string() });
        }
        let mut segments: Vec<&str> = self.0.split('/').filter(|segment| !segment.is_empty()).collect();
        for segment in relative.split('/') {
            match segment {
                "" | "." => {}
                ".." => {
                    if segments.pop().is_none() {
                        return Err(RepoPathError::Outside { path: relative.to_owned() });
                    }
                }
                name => segments.push(name),
            }
        }
        Ok(Self(segments.join("/").into()))
    }

    /// Tells whether this path is `directory` or stands somewhere below it.
    pub fn is_within(&self, directory: &Self) -> bool {
        directory.0.is_empty()
            || self.0 == directory.0
            || self.0.strip_prefix(&*directory.0).is_some_and(|rest| rest.starts_with('/'))
    }
}

impl FromStr for RepoPath {
    type Err = RepoPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::root().join(text)
    }
}

/// A path and its text are ordered and hashed alike.
impl Borrow<str> for RepoPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for RepoPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_empty() { "." } else { &self.0 })
    }
}

impl fmt::Debug for RepoPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RepoPath({self})")
    }
}

/// A position in a file: line and column count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file.
    pub path: RepoPath,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.path, self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_followed_as_cd_would_and_stays_inside() {
        let base: RepoPath = "./apps//production/".parse().expect("a path");
        assert_eq!(base.as_str(), "apps/production");
        assert_eq!(base.join("../base").map(|path| path.to_string()), Ok("apps/base".to_owned()));
        assert_eq!(base.join("../..").map(|path| path.to_string()), Ok(".".to_owned()));
        assert!(matches!(base.join("../../.."), Err(RepoPathError::Outside { .. })));
        assert!(matches!(base.join("a\u{0}b"), Err(RepoPathError::Character { .. })));
    }

    #[test]
    fn a_directory_holds_what_is_below_it_and_not_its_namesakes() {
        let prod: RepoPath = "clusters/prod".parse().expect("a path");
        let inside: RepoPath = "clusters/prod/app.yaml".parse().expect("a path");
        let beside: RepoPath = "clusters/prod-us/app.yaml".parse().expect("a path");
        assert!(inside.is_within(&prod) && prod.is_within(&prod) && inside.is_within(&RepoPath::root()));
        assert!(!beside.is_within(&prod));
    }
}
