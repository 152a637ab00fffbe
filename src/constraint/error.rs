//! Why a text is no range.

use crate::model::{Exit, Problem};

/// Why Flux rejects a text as a range.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConstraintError {
    /// More than 512 bytes.
    #[error("a range of {length} bytes is too long: Flux reads 512")]
    TooLong {
        /// How many bytes it has.
        length: usize,
    },
    /// More than 32 alternatives.
    #[error("a range of {groups} alternatives is too long: Flux reads 32")]
    TooManyGroups {
        /// How many it has.
        groups: usize,
    },
    /// Outside the grammar.
    #[error("`{text}` is no range that Flux reads: {fault} at column {column}")]
    Unreadable {
        /// The text, control characters escaped.
        text: String,
        /// Where it goes wrong, in characters from 1.
        column: usize,
        /// What is wrong there.
        fault: Fault,
        /// A text that works instead, if one can be told from this one.
        hint: Option<String>,
    },
}

/// What is wrong at a place of a range.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Fault {
    /// The text, a comma or an `||` ends where a version should be.
    #[error("a version is missing")]
    Missing,
    /// A run of operator characters that is no operator.
    #[error("`{0}` is no operator")]
    Operator(String),
    /// A word that is no version.
    #[error("`{0}` is no version")]
    Version(String),
    /// Two comparators, or a version and something else, without a space or comma between them.
    #[error("`{0}` follows without a space or comma")]
    Separator(String),
}

impl ConstraintError {
    /// Returns where the range goes wrong, in characters from 1, if it is at one place.
    pub fn column(&self) -> Option<usize> {
        match self {
            Self::Unreadable { column, .. } => Some(*column),
            Self::TooLong { .. } | Self::TooManyGroups { .. } => None,
        }
    }
}

impl Problem for ConstraintError {
    fn code(&self) -> &'static str {
        "invalid-range"
    }

    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { hint: Some(hint), .. } => Some(format!("write `{hint}`")),
            Self::Unreadable { hint: None, .. } => {
                Some("a range looks like `>=1.0.0`, `>=1.0.0 <2.0.0`, `~1.2` or `1.x || 2.x`".to_owned())
            }
            Self::TooLong { .. } | Self::TooManyGroups { .. } => {
                Some("write fewer alternatives, such as `>=1.0.0 <2.0.0`".to_owned())
            }
        }
    }
}

/// Returns a text for a message: on one line, without control characters.
pub(super) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() { printable.extend(char.escape_default()) } else { printable.push(char) }
    }
    printable
}
