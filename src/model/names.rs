//! Names that people give: apps and environments.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// Why a text is no name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NameError {
    /// Nothing but white space.
    #[error("the name is empty")]
    Empty,
    /// A control character or a line break.
    #[error("`{name}` holds a control character")]
    Character {
        /// The name, escaped.
        name: String,
    },
    /// It would be read as an option.
    #[error("`{name}` begins with `-`")]
    Option {
        /// The name.
        name: String,
    },
}

fn checked(text: &str) -> Result<String, NameError> {
    if text.trim().is_empty() {
        return Err(NameError::Empty);
    }
    let invisible = |char: char| {
        char.is_control()
            || matches!(char, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    if text.chars().any(invisible) {
        return Err(NameError::Character { name: text.escape_default().to_string() });
    }
    if text.starts_with('-') {
        return Err(NameError::Option { name: text.to_owned() });
    }
    Ok(text.to_owned())
}

/// The name people promote by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct AppName(String);

/// The name of an environment or of a stage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct EnvironmentName(String);

impl AppName {
    /// Returns what an app is called whose sources have no name that can be told.
    pub fn nameless() -> Self {
        Self("(nameless)".to_owned())
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl EnvironmentName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AppName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        checked(text).map(Self)
    }
}

impl FromStr for EnvironmentName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        checked(text).map(Self)
    }
}

impl fmt::Display for AppName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for EnvironmentName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
