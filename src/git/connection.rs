//! What reaches one remote: programs, logins, proxies, and how long things may take.

use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::{Environment, Program, RemoteUrl, Settings};
use crate::model::Failure;

/// Everything needed to reach one remote.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The `git` that runs.
    pub program: Program,
    /// The variables it may know of.
    pub environment: Environment,
    /// The user's Git configuration.
    pub settings: Settings,
    /// The remote.
    pub remote: RemoteUrl,
    /// The forge's login for exactly this host, used over HTTP where no credential helper knows one.
    pub login: Option<HttpLogin>,
    /// Which proxy this remote is reached through; `None` leaves it to Git's own configuration.
    pub proxy: Option<Proxy>,
    /// A CA file of the user's own configuration; else Git's, else `SSL_CERT_FILE`.
    pub ca: Option<PathBuf>,
    /// How long things may take.
    pub limits: Limits,
}

/// How a remote is reached over HTTP, as our own client decided; a URL may hold a password.
#[derive(Clone, Debug)]
pub enum Proxy {
    /// Through none, whatever is configured.
    Excepted,
    /// Through this one unless Git's configuration names another, as for Git itself.
    Environment(SecretString),
    /// Through this one.
    Configured(SecretString),
}

/// A user name and a token for Git over HTTP.
#[derive(Clone)]
pub struct HttpLogin {
    /// What the forge wants as the user name: `x-access-token`, `oauth2`, …
    pub username: String,
    /// The token.
    pub password: Password,
}

/// A token, or who gives one.
#[derive(Clone)]
pub enum Password {
    /// It stays as it is.
    Fixed(SecretString),
    /// It lives for a while, and is asked for when it is needed.
    Asked(Ask),
}

/// Asks for a token: for another one, where the one that is given was refused.
pub type Ask = Arc<dyn Fn(Option<SecretString>) -> Asked + Send + Sync>;
/// The answer, when it comes: none if there is no other.
pub type Asked = Pin<Box<dyn Future<Output = Result<Option<SecretString>, Failure>> + Send>>;

impl From<SecretString> for Password {
    fn from(password: SecretString) -> Self {
        Self::Fixed(password)
    }
}

impl From<&str> for Password {
    fn from(password: &str) -> Self {
        Self::Fixed(password.into())
    }
}

/// How long things may take, and how often they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The end of one child, whatever it does; and of trying again.
    pub total: Duration,
    /// Seconds below 1 KiB/s over HTTP.
    pub idle_seconds: u16,
    /// How often a read is tried while the remote can't be reached.
    pub attempts: u32,
    /// The first wait before another try, on average twice as long as drawn; doubles with each try.
    pub backoff: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let (total, backoff) = (Duration::from_secs(120), Duration::from_millis(500));
        Self { total, idle_seconds: 30, attempts: 5, backoff }
    }
}

impl fmt::Debug for HttpLogin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "HttpLogin({}, Token(…))", self.username)
    }
}
