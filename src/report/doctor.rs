//! What a check-up found, for people and as JSON.

use serde::Serialize;

use crate::model::{Check, Level, Subject};

/// The body of `kind: Doctor`.
#[derive(Serialize)]
pub struct DoctorDocument {
    checks: Vec<CheckBody>,
}

/// One check.
#[derive(Serialize)]
pub struct CheckBody {
    subject: &'static str,
    level: &'static str,
    message: String,
    help: Option<String>,
    path: Option<String>,
    line: Option<usize>,
}

impl DoctorDocument {
    /// Tells all that was looked at.
    pub fn of(checks: &[Check]) -> Self {
        Self { checks: checks.iter().map(CheckBody::from).collect() }
    }
}

impl From<&Check> for CheckBody {
    fn from(check: &Check) -> Self {
        Self {
            subject: check.subject.as_str(),
            level: check.level.as_str(),
            message: check.message.clone(),
            help: check.help.clone(),
            path: check.place.as_ref().map(|place| place.path.to_string()),
            line: check.place.as_ref().map(|place| place.line),
        }
    }
}

/// Where messages begin.
const INDENT: &str = "                 ";

/// Returns the checks as lines: what, how it is, and what helps below it.
pub fn render(checks: &[Check]) -> String {
    let mut text = String::new();
    let mut shown: Option<Subject> = None;
    for check in checks {
        let subject = if shown == Some(check.subject) { "" } else { check.subject.as_str() };
        shown = Some(check.subject);
        let level = match check.level {
            Level::Ok => "ok",
            Level::Warning => "warn",
            Level::Error => "FAIL",
        };
        let message = check.message.replace('\n', &format!("\n{INDENT}"));
        text.push_str(&format!("{subject:<10} {level:<5} {message}\n"));
        if let Some(place) = &check.place {
            text.push_str(&format!("{INDENT}--> {}:{}\n", place.path, place.line));
        }
        if let Some(help) = &check.help {
            text.push_str(&format!("{INDENT}help: {}\n", help.replace('\n', &format!("\n{INDENT}      "))));
        }
    }
    text
}
