//! What a check-up finds: one line a thing, with what to do about it.

use super::{Exit, Failure, Level, Place};

/// What is looked at, in the order in which it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The `git` program, the remote, who commits, who signs.
    Git,
    /// The forge and the token for it.
    Forge,
    /// The rules of the base branch.
    Branch,
    /// Who owns the places that decide production.
    Owners,
    /// A registry.
    Registry,
    /// Other programs that write the same places.
    Others,
    /// What is odd in the repository.
    Repository,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub subject: Subject,
    /// How bad it is.
    pub level: Level,
    /// For people, one line.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Where it is, if it is in a file of the repository.
    pub place: Option<Place>,
    /// What kind of failure an error is.
    pub exit: Exit,
}

impl Subject {
    /// Returns the word that people and JSON see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Forge => "forge",
            Self::Branch => "branch",
            Self::Owners => "owners",
            Self::Registry => "registry",
            Self::Others => "others",
            Self::Repository => "repository",
        }
    }
}

impl Check {
    /// Says that something is as it should be.
    pub fn ok(subject: Subject, message: impl Into<String>) -> Self {
        Self::new(subject, Level::Ok, Exit::Done, message.into())
    }

    /// Says that somebody should look at something.
    pub fn warning(subject: Subject, message: impl Into<String>) -> Self {
        Self::new(subject, Level::Warning, Exit::Done, message.into())
    }

    /// Says that something would fail.
    pub fn error(subject: Subject, exit: Exit, message: impl Into<String>) -> Self {
        Self::new(subject, Level::Error, exit, message.into())
    }

    /// Says what went wrong when something was asked.
    pub fn failed(subject: Subject, failure: &Failure) -> Self {
        Self { help: failure.hint.clone(), ..Self::error(subject, failure.exit, failure.message.clone()) }
    }

    /// Adds what to do about it.
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// Adds where it is.
    pub fn at(self, place: &Place) -> Self {
        Self { place: Some(place.clone()), ..self }
    }

    /// Returns how a run ends that found these: done without an error, else as the gravest one.
    pub fn exit_of(checks: &[Self]) -> Exit {
        let errors = checks.iter().filter(|check| check.level == Level::Error);
        // What has no code of its own is a rule that says no.
        Exit::gravest(errors.map(|check| match check.exit {
            Exit::Done | Exit::Due | Exit::Usage => Exit::Refused,
            exit => exit,
        }))
    }

    fn new(subject: Subject, level: Level, exit: Exit, message: String) -> Self {
        Self { subject, level, message, help: None, place: None, exit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_end_well_and_the_gravest_error_decides() {
        let warning = Check::warning(Subject::Branch, "x");
        let usage = Check::error(Subject::Git, Exit::Usage, "x");
        let login = Check::error(Subject::Registry, Exit::Authentication, "x");
        let disk = Check::error(Subject::Git, Exit::Local, "x");
        assert_eq!(Check::exit_of(std::slice::from_ref(&warning)), Exit::Done);
        assert_eq!(Check::exit_of(&[warning.clone(), usage.clone()]), Exit::Refused);
        assert_eq!(Check::exit_of(&[usage.clone(), login.clone()]), Exit::Authentication);
        assert_eq!(Check::exit_of(&[login, usage, disk]), Exit::Local);
    }
}
