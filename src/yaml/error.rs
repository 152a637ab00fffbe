//! Why a file, or one document of it, can't be read.

use super::{MAX_ALIASED_NODES, MAX_BYTES, MAX_DOCUMENTS, MAX_KEYS, MAX_NODES, Position};
use crate::model::{Exit, FindingCode, Problem};

/// Why a file, or one document of it, can't be read.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// Not UTF-8: UTF-16, or bytes of another encoding.
    #[error("the file is {encoding}, only UTF-8 is read")]
    Encoding {
        /// What it seems to be.
        encoding: &'static str,
        /// The first byte that is not UTF-8.
        at: Position,
    },
    /// More than [`MAX_BYTES`].
    #[error("the file has {bytes} bytes, at most {MAX_BYTES} are read")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Outside YAML's grammar, or nested too deep.
    #[error("not YAML: {message}")]
    Syntax {
        /// What the parser says.
        message: String,
        /// Where.
        at: Position,
    },
    /// More than [`MAX_ALIASED_NODES`].
    #[error("the aliases of one document stand for more than {MAX_ALIASED_NODES} nodes")]
    Aliases {
        /// The alias that passed the limit.
        at: Position,
    },
    /// An alias to a node that holds it.
    #[error("an alias stands for a node that holds the alias itself")]
    Cycle {
        /// The alias.
        at: Position,
    },
    /// More than [`MAX_NODES`].
    #[error("the file has more than {MAX_NODES} values")]
    Nodes {
        /// The first value that is not read.
        at: Position,
    },
    /// More than [`MAX_KEYS`].
    #[error("a mapping has more than {MAX_KEYS} keys")]
    Keys {
        /// The first key that is not read.
        at: Position,
    },
    /// More than [`MAX_DOCUMENTS`].
    #[error("the file has more than {MAX_DOCUMENTS} documents")]
    Documents {
        /// The first document that is not read.
        at: Position,
    },
}

impl Error {
    /// Returns where it is.
    pub fn position(&self) -> Position {
        match self {
            Self::TooLarge { .. } => Position::START,
            Self::Encoding { at, .. }
            | Self::Syntax { at, .. }
            | Self::Aliases { at }
            | Self::Cycle { at }
            | Self::Nodes { at }
            | Self::Keys { at }
            | Self::Documents { at } => *at,
        }
    }

    /// Returns the finding that it is in a repository.
    pub fn finding(&self) -> FindingCode {
        match self {
            Self::Encoding { .. } => FindingCode::UnreadableEncoding,
            Self::TooLarge { .. }
            | Self::Aliases { .. }
            | Self::Nodes { .. }
            | Self::Keys { .. }
            | Self::Documents { .. } => FindingCode::FileTooLarge,
            Self::Syntax { .. } | Self::Cycle { .. } => FindingCode::UnreadableYaml,
        }
    }
}

impl Problem for Error {
    fn code(&self) -> &'static str {
        self.finding().as_str()
    }

    fn exit(&self) -> Exit {
        Exit::Refused
    }
}
