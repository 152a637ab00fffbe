//! What every error answers: a stable code, an exit code, a place and a next step.

use super::Place;

/// The exit codes of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// Done, or nothing to do.
    Done,
    /// `--exit-code` found something due.
    Due,
    /// Usage, configuration, unknown app or environment.
    Usage,
    /// A rule said no.
    Refused,
    /// A login is missing or was refused.
    Authentication,
    /// Temporary: run again.
    Temporary,
    /// Somebody else changed it.
    Conflict,
    /// The other side broke protocol or trust.
    Untrusted,
    /// This machine: disk, `git` missing.
    Local,
    /// A bug in this program.
    Bug,
    /// Ended by Ctrl-C.
    Interrupted,
    /// Ended by SIGTERM.
    Terminated,
}

impl Exit {
    /// Returns the number that the process exits with.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Due => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Authentication => 4,
            Self::Temporary => 5,
            Self::Conflict => 6,
            Self::Untrusted => 7,
            Self::Local => 8,
            Self::Bug => 70,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// Returns the one of several failures that decides the exit code of a run: the first of
    /// 70, 8, 7, 6, 4, 5, else 3, 2, else done.
    pub fn gravest(all: impl IntoIterator<Item = Self>) -> Self {
        const ORDER: [Exit; 11] = [
            Exit::Terminated,
            Exit::Interrupted,
            Exit::Bug,
            Exit::Local,
            Exit::Untrusted,
            Exit::Conflict,
            Exit::Authentication,
            Exit::Temporary,
            Exit::Refused,
            Exit::Usage,
            Exit::Due,
        ];
        let all: Vec<Self> = all.into_iter().collect();
        ORDER.into_iter().find(|exit| all.contains(exit)).unwrap_or(Self::Done)
    }
}

/// What an error answers beside its message and its cause.
pub trait Problem: std::error::Error {
    /// A stable name: lower-case words with dashes.
    fn code(&self) -> &'static str;
    /// The exit code that this error ends a run with.
    fn exit(&self) -> Exit;
    /// Where it is, if it is in a file of the repository.
    fn place(&self) -> Option<&Place> {
        None
    }
    /// What to do next: text after `help: `; lower case unless it is a command.
    fn hint(&self) -> Option<String> {
        None
    }
}

/// Why something could not be told: an error as values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The error's stable code.
    pub code: &'static str,
    /// The exit code it would end a run with.
    pub exit: Exit,
    /// The message and its causes, for people.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl Failure {
    /// The code of a question that was not asked.
    pub const OFFLINE: &'static str = "offline";

    /// Keeps what an error says.
    pub fn of(problem: &dyn Problem) -> Self {
        let mut message = problem.to_string();
        let mut cause = problem.source();
        while let Some(error) = cause {
            message.push_str(": ");
            message.push_str(&error.to_string());
            cause = error.source();
        }
        Self { code: problem.code(), exit: problem.exit(), message, hint: problem.hint() }
    }

    /// Returns the answer of a run that asks nothing of the network.
    pub fn offline() -> Self {
        Self {
            code: Self::OFFLINE,
            exit: Exit::Temporary,
            message: "registries aren't asked with `--offline`".to_owned(),
            hint: Some("run again without `--offline`".to_owned()),
        }
    }
}
