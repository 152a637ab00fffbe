//! Why a pull request can't be judged at all.

use crate::model::{Exit, Problem};

/// Why a pull request can't be judged at all.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// Neither the arguments nor the CI say which one.
    #[error("which pull request to check is said neither by an argument nor by the CI")]
    NoNumber,
    /// The argument is no number.
    #[error("`{text}` is no pull request's number")]
    NotANumber {
        /// The argument.
        text: String,
    },
    /// There is no forge.
    #[error("there is no forge here that could show pull request #{number}")]
    NoForge {
        /// The number.
        number: u64,
    },
    /// Somebody pushed to it since the job was started.
    #[error("#{number} has moved on: this job is for {asked}, its newest commit is {now} now")]
    HeadMoved {
        /// The number.
        number: u64,
        /// The commit that the job is for.
        asked: String,
        /// The newest one.
        now: String,
    },
    /// The forge and its Git repository say different things.
    #[error("the forge says that #{number} is at {told}, and Git has {found}")]
    HeadUnsettled {
        /// The number.
        number: u64,
        /// What the forge says.
        told: String,
        /// What was fetched.
        found: String,
    },
    /// The base moves faster than it is read.
    #[error("`{branch}` has moved each time that #{number} was compared with it")]
    BaseBusy {
        /// The number.
        number: u64,
        /// The base branch.
        branch: String,
    },
}

impl Problem for Stopped {
    fn code(&self) -> &'static str {
        match self {
            Self::NoNumber => "no-pull-request",
            Self::NotANumber { .. } => "not-a-number",
            Self::NoForge { .. } => "no-forge",
            Self::HeadMoved { .. } => "head-moved",
            Self::HeadUnsettled { .. } => "head-unsettled",
            Self::BaseBusy { .. } => "base-busy",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::NoNumber | Self::NotANumber { .. } | Self::NoForge { .. } => Exit::Usage,
            Self::HeadMoved { .. } => Exit::Conflict,
            Self::HeadUnsettled { .. } | Self::BaseBusy { .. } => Exit::Temporary,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoNumber | Self::NotANumber { .. } => "promote check --pull-request 482".to_owned(),
            Self::NoForge { .. } => {
                "--forge says which forge the remote is; promote check alone checks the base".to_owned()
            }
            Self::HeadMoved { .. } => "the job for its newest commit judges it".to_owned(),
            Self::HeadUnsettled { .. } | Self::BaseBusy { .. } => "run again".to_owned(),
        })
    }
}
