//! What can go wrong with a forge.

use std::time::Duration;

use super::Kind;
use crate::http;
use crate::model::{Exit, Problem};

/// Why a forge did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The remote is no repository on a forge.
    #[error("`{remote}` is no repository on a forge")]
    NoRepository {
        /// The remote's URL, without user and password.
        remote: String,
    },
    /// Nobody said what kind of forge a host is.
    #[error("nobody says which kind of forge `{host}` is")]
    KindUnknown {
        /// The host, with its port.
        host: String,
    },
    /// A kind that isn't known.
    #[error("`{text}` is no kind of forge")]
    NoKind {
        /// The text, escaped.
        text: String,
    },
    /// The forge has no such thing.
    #[error("{kind} has no way to {doing}")]
    Unsupported {
        /// Its kind.
        kind: Kind,
        /// What was asked.
        doing: &'static str,
    },
    /// No token for the host.
    #[error("there is no token for `{host}`")]
    TokenMissing {
        /// The host.
        host: String,
        /// The variables that would hold it.
        variables: &'static [&'static str],
    },
    /// The forge refuses the token.
    #[error("`{host}` refuses the token of `{origin}`")]
    TokenRefused {
        /// The host.
        host: String,
        /// The variable it is from.
        origin: String,
    },
    /// A GitHub App without a key.
    #[error("{id} is set, and neither {key} nor {file}")]
    AppIncomplete {
        /// The variable with its id.
        id: &'static str,
        /// The variable with its key.
        key: &'static str,
        /// The variable with the file of its key.
        file: &'static str,
    },
    /// The key of a GitHub App can't be used.
    #[error("{origin} holds no private key that can sign")]
    AppKey {
        /// The variable it is from.
        origin: String,
        /// Why its file can't be read.
        source: Option<std::io::Error>,
    },
    /// The forge doesn't take what a GitHub App signs, or the token that it gave it.
    #[error("`{host}` refuses the App of {origin}: {message}")]
    AppRefused {
        /// The host.
        host: String,
        /// The variable with its id.
        origin: String,
        /// What the forge says, escaped.
        message: String,
    },
    /// A GitHub App that isn't installed on the repository.
    #[error("the App of {origin} is not installed on `{repository}` at `{host}`")]
    AppNotInstalled {
        /// The host.
        host: String,
        /// The variable with its id.
        origin: String,
        /// The repository.
        repository: String,
    },
    /// The token may not do this.
    #[error("`{host}` does not allow the token of `{origin}` to {doing}: {message}")]
    Forbidden {
        /// The host.
        host: String,
        /// The variable it is from.
        origin: String,
        /// What was asked.
        doing: &'static str,
        /// What the forge says, escaped.
        message: String,
    },
    /// The repository, or what was asked of it, isn't there or isn't shown.
    #[error("`{host}` shows no `{repository}` to the token of `{origin}`, asked to {doing}")]
    NotFound {
        /// The host.
        host: String,
        /// The repository.
        repository: String,
        /// The variable the token is from.
        origin: String,
        /// What was asked.
        doing: &'static str,
    },
    /// The forge says no.
    #[error("`{host}` refuses to {doing}: {message}")]
    Refused {
        /// The host.
        host: String,
        /// What was asked.
        doing: &'static str,
        /// Its status.
        status: u16,
        /// What the forge says, escaped.
        message: String,
    },
    /// The forge asks to come again.
    #[error("`{host}` is not available now: status {status}")]
    Busy {
        /// The host.
        host: String,
        /// Its status.
        status: u16,
        /// How long it asks to wait.
        wait: Option<Duration>,
    },
    /// The answer to a change was lost, and reading back does not show it.
    #[error("`{host}` gave no answer when asked to {doing}, and does not show it as done")]
    Unclear {
        /// The host.
        host: String,
        /// What was asked.
        doing: &'static str,
        /// Why no answer came, if the connection was lost.
        source: Option<Box<Error>>,
    },
    /// An answer that is none.
    #[error("`{host}` did not answer as a forge does when asked to {doing}")]
    Protocol {
        /// The host.
        host: String,
        /// What was asked.
        doing: &'static str,
        /// What is wrong with it, if a parser says so.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The repository is elsewhere now.
    #[error("`{repository}` has moved on `{host}`")]
    Moved {
        /// The host.
        host: String,
        /// The repository.
        repository: String,
    },
    /// A request outside the closed list of calls.
    #[error("`{method} {path}` is no call that may be made")]
    Outside {
        /// The method.
        method: String,
        /// The path, escaped.
        path: String,
    },
    /// No answer came.
    #[error("the forge can't be asked")]
    Transport(#[source] http::Error),
}

impl Error {
    /// Tells whether the change may have been made although no good answer came.
    pub(super) fn is_ambiguous(&self) -> bool {
        match self {
            Self::Transport(http::Error::Cut { .. } | http::Error::Timeout { .. } | http::Error::TooLarge { .. })
            | Self::Protocol { .. } => true,
            Self::Busy { status, .. } => *status >= 500,
            _ => false,
        }
    }
}

impl Problem for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::NoRepository { .. } => "forge-no-repository",
            Self::KindUnknown { .. } | Self::NoKind { .. } => "forge-kind-unknown",
            Self::Unsupported { .. } => "forge-unsupported",
            Self::TokenMissing { .. } => "forge-token-missing",
            Self::TokenRefused { .. } => "forge-token-refused",
            Self::AppIncomplete { .. } => "forge-app-incomplete",
            Self::AppKey { .. } => "forge-app-key",
            Self::AppRefused { .. } => "forge-app-refused",
            Self::AppNotInstalled { .. } => "forge-app-not-installed",
            Self::Forbidden { .. } => "forge-forbidden",
            Self::NotFound { .. } => "forge-not-found",
            Self::Refused { .. } => "forge-refused",
            Self::Busy { .. } => "forge-busy",
            Self::Unclear { .. } => "forge-unclear",
            Self::Protocol { .. } => "forge-protocol",
            Self::Moved { .. } => "forge-moved",
            Self::Outside { .. } => "forge-call-unknown",
            Self::Transport(source) => source.code(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::NoRepository { .. } | Self::KindUnknown { .. } | Self::NoKind { .. } => Exit::Usage,
            Self::TokenMissing { .. }
            | Self::TokenRefused { .. }
            | Self::AppIncomplete { .. }
            | Self::AppKey { .. }
            | Self::AppRefused { .. }
            | Self::AppNotInstalled { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. } => Exit::Authentication,
            Self::Refused { .. } | Self::Unsupported { .. } => Exit::Refused,
            Self::Busy { .. } | Self::Unclear { .. } => Exit::Temporary,
            Self::Protocol { .. } | Self::Moved { .. } => Exit::Untrusted,
            Self::Outside { .. } => Exit::Bug,
            Self::Transport(source) => source.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoRepository { .. } => {
                "`--forge none` pushes only, and prints the text of the pull request".to_owned()
            }
            Self::KindUnknown { host } => format!(
                "git config --global promote.{host}.kind {}; or `--forge none`, which pushes only",
                Kind::WORDS.join("|")
            ),
            Self::NoKind { .. } => format!("one of {}", Kind::WORDS.join(", ")),
            Self::TokenMissing { variables, .. } => {
                format!("set {}; or `--forge none`, which pushes only", variables.join(" or "))
            }
            Self::TokenRefused { origin, .. } => format!("it may be expired or revoked: set another `{origin}`"),
            Self::AppIncomplete { key, file, .. } => {
                format!("set {key} to the App's private key, or {file} to its file")
            }
            Self::AppKey { .. } => {
                "GitHub gives private keys as files that begin with -----BEGIN RSA PRIVATE KEY-----; \
                                    give the whole of one, as it is"
                    .to_owned()
            }
            Self::AppRefused { origin, .. } => {
                format!("the key must be one of the App that {origin} names, and this machine's clock right")
            }
            Self::AppNotInstalled { repository, .. } => format!(
                "on the App's page choose Install App, and give it `{repository}`: it needs contents and pull requests, \
                 read and write"
            ),
            Self::Forbidden { .. } => {
                "the token needs to write pull requests and contents, and to read metadata, of this repository"
                    .to_owned()
            }
            Self::NotFound { origin, .. } => format!(
                "a private repository looks like none to a token without access: check the remote's URL, and whether \
                 the token of `{origin}` may read it"
            ),
            Self::Busy { wait: Some(wait), .. } => format!("run it again in {} s", wait.as_secs().max(1)),
            Self::Busy { .. } | Self::Unclear { .. } => {
                "run it again: what is done already is found and finished".to_owned()
            }
            Self::Moved { .. } => "set the remote to the repository's new address".to_owned(),
            Self::Transport(source) => return source.hint(),
            Self::Refused { .. } | Self::Unsupported { .. } | Self::Protocol { .. } | Self::Outside { .. } => {
                return None;
            }
        })
    }
}
