//! What a check of the base, or of a promotion, says.

use super::{AppName, EnvironmentName, Failure, FindingCode, Place, ReasonCode};

/// One answer of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckResult {
    /// Its stable name.
    pub code: &'static str,
    /// How grave it is.
    pub level: Level,
    /// For people, one line.
    pub message: String,
    /// Where it is.
    pub place: Option<Place>,
    /// The app that it is about, if it is about one.
    pub app: Option<(AppName, EnvironmentName)>,
    /// The error behind it, which decides the exit code.
    pub failure: Option<Failure>,
}

/// How grave an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// All is well.
    Ok,
    /// Somebody should look.
    Warning,
    /// It must not stay so.
    Error,
}

impl Level {
    /// Returns the word of the JSON documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl CheckResult {
    /// Makes one that is about nothing but what it says.
    pub fn new(code: ReasonCode, level: Level, message: String, place: Option<Place>) -> Self {
        Self { code: code.as_str(), level, message, place, app: None, failure: None }
    }

    /// Makes one of a finding.
    pub fn of_finding(code: FindingCode, level: Level, message: String, place: Option<Place>) -> Self {
        Self { code: code.as_str(), level, message, place, app: None, failure: None }
    }
}
