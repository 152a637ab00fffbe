//! Why no answer came, or none that may be used.

use std::error::Error as StdError;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{Exit, Problem};

use super::{Origin, Settings};

/// Why a request has no answer. Clones share their cause, so that one failure can answer everyone who waits for it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// No connection came about.
    #[error("`{origin}` can't be reached")]
    Connect {
        /// Who was asked.
        origin: Origin,
        /// The cause.
        source: Arc<reqwest::Error>,
    },
    /// Too slow: to connect, to say anything, or to end.
    #[error("`{origin}` did not answer within {} s", limit.as_secs_f64())]
    Timeout {
        /// Who was asked.
        origin: Origin,
        /// The limit that ran out.
        limit: Duration,
    },
    /// The answer broke off or was garbled.
    #[error("`{origin}` broke off its answer")]
    Cut {
        /// Who was asked.
        origin: Origin,
        /// The cause.
        source: Arc<dyn StdError + Send + Sync>,
    },
    /// The certificate is signed by nobody we trust, is for another host, or is out of date.
    #[error("the certificate of `{origin}` can't be trusted")]
    Certificate {
        /// Who was asked.
        origin: Origin,
        /// The cause.
        source: Arc<reqwest::Error>,
    },
    /// The handshake ended before any certificate was judged.
    #[error("`{origin}` does not speak TLS as it should")]
    Tls {
        /// Who was asked.
        origin: Origin,
        /// The cause.
        source: Arc<reqwest::Error>,
    },
    /// Only ever told to come again.
    #[error("`{origin}` is not available now: status {status}{}", waiting(*wait))]
    Unavailable {
        /// Who was asked.
        origin: Origin,
        /// The last status.
        status: u16,
        /// How long it asks to wait.
        wait: Option<Duration>,
    },
    /// More than may be read.
    #[error("the answer of `{url}` is larger than {cap} bytes")]
    TooLarge {
        /// What was asked.
        url: String,
        /// The limit.
        cap: usize,
    },
    /// A redirect that isn't followed: to another origin, or of a kind or method for which we don't.
    #[error("`{from}` has moved to `{to}`")]
    Moved {
        /// What was asked.
        from: String,
        /// Where it points.
        to: String,
    },
    /// A redirect to nowhere.
    #[error("`{url}` answered {status} without saying where to go")]
    Redirect {
        /// What was asked.
        url: String,
        /// The status.
        status: u16,
    },
    /// A chain of redirects.
    #[error("`{url}` redirects too often")]
    Redirects {
        /// The last of them.
        url: String,
    },
    /// Plain HTTP to a host for which the user didn't allow it.
    #[error("`{host}` would be asked over plain HTTP")]
    PlainHttp {
        /// The host, with its port.
        host: String,
    },
    /// Neither `https` nor `http`, or no host.
    #[error("`{url}` is no URL that can be asked")]
    Scheme {
        /// The URL.
        url: String,
    },
    /// A user name or password in the URL.
    #[error("`{url}` holds a user name or password")]
    Credentials {
        /// The URL without them.
        url: String,
    },
    /// The proxy wants a login.
    #[error("the proxy on the way to `{origin}` asks for a login")]
    ProxyAuthentication {
        /// Who was asked.
        origin: Origin,
    },
    /// The configured proxy is no URL.
    #[error("the configured proxy is no URL of a proxy")]
    Proxy,
    /// A certificate file that can't be used.
    #[error("`{}` holds no certificate that can be read", path.display())]
    Ca {
        /// The file.
        path: PathBuf,
        /// Why it could not be read, if that is the reason.
        source: Option<Arc<std::io::Error>>,
    },
    /// A secret with a character that no header may hold.
    #[error("a token or password holds a character that can't be sent, such as a line break")]
    Token,
    /// The client could not be made: no certificates of the system, most likely.
    #[error("the system's certificates can't be used")]
    Setup {
        /// The cause.
        source: Arc<reqwest::Error>,
    },
}

impl Error {
    /// Sorts what the client reports.
    pub(super) fn transport(origin: Origin, error: reqwest::Error, settings: &Settings) -> Self {
        // The URL may hold secrets in its query, and the message names the origin already.
        let source = Arc::new(error.without_url());
        if source.is_timeout() {
            let limit = if source.is_connect() { settings.connect_timeout } else { settings.idle_timeout };
            return Self::Timeout { origin, limit };
        }
        match cause::<rustls::Error>(&source) {
            Some(rustls::Error::InvalidCertificate(_)) => return Self::Certificate { origin, source },
            Some(_) => return Self::Tls { origin, source },
            None => {}
        }
        if texts(&source).any(|text| text.contains("proxy authorization required")) {
            return Self::ProxyAuthentication { origin };
        }
        if source.is_connect() { Self::Connect { origin, source } } else { Self::Cut { origin, source } }
    }

    /// Tells whether the other side speaks something else than HTTP, such as TLS.
    pub fn is_foreign(&self) -> bool {
        matches!(self, Self::Cut { source, .. } if texts(source).any(|text| text.contains("invalid HTTP version")))
    }

    /// Tells whether another try may go better.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Connect { .. } | Self::Timeout { .. } | Self::Cut { .. })
    }
}

impl Problem for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "unreachable",
            Self::Timeout { .. } => "timeout",
            Self::Cut { .. } => "answer-cut",
            Self::Certificate { .. } => "certificate-untrusted",
            Self::Tls { .. } => "tls-broken",
            Self::Unavailable { .. } => "unavailable",
            Self::TooLarge { .. } => "answer-too-large",
            Self::Moved { .. } => "moved",
            Self::Redirect { .. } | Self::Redirects { .. } => "redirect-broken",
            Self::PlainHttp { .. } => "plain-http",
            Self::Scheme { .. } => "url-unusable",
            Self::Credentials { .. } => "url-with-credentials",
            Self::ProxyAuthentication { .. } => "proxy-login",
            Self::Proxy => "proxy-unusable",
            Self::Ca { .. } => "ca-unusable",
            Self::Token => "token-unusable",
            Self::Setup { .. } => "certificates-missing",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Connect { .. } | Self::Timeout { .. } | Self::Cut { .. } | Self::Unavailable { .. } => {
                Exit::Temporary
            }
            Self::Certificate { .. }
            | Self::Tls { .. }
            | Self::TooLarge { .. }
            | Self::Moved { .. }
            | Self::Redirect { .. }
            | Self::Redirects { .. } => Exit::Untrusted,
            Self::ProxyAuthentication { .. } | Self::Token => Exit::Authentication,
            Self::PlainHttp { .. } | Self::Scheme { .. } | Self::Credentials { .. } | Self::Proxy => Exit::Usage,
            Self::Ca { .. } | Self::Setup { .. } => Exit::Local,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Connect { .. } => {
                "check the name and the network; behind a proxy set `HTTPS_PROXY`, or `proxy:` in your own configuration"
                    .to_owned()
            }
            Self::Certificate { origin, .. } => format!(
                "if `{0}` uses a CA of your own, set `SSL_CERT_FILE`, or `ca: FILE` for `{0}` in your own configuration",
                origin.authority()
            ),
            Self::Tls { origin, .. } => format!(
                "if `{0}` only speaks plain HTTP, set `plain_http: true` for `{0}` in your own configuration",
                origin.authority()
            ),
            Self::Timeout { .. } | Self::Cut { .. } => "run it again".to_owned(),
            Self::Unavailable { wait: Some(wait), .. } => format!("run it again in {}", seconds(*wait)),
            Self::Unavailable { wait: None, .. } => "run it again later".to_owned(),
            Self::Moved { .. } => "if the new address is right, write it where the old one stands".to_owned(),
            Self::PlainHttp { host } => {
                format!("use `https`, or set `plain_http: true` for `{host}` in your own configuration")
            }
            Self::Credentials { .. } => {
                "remove them from the URL; logins come from Docker's `config.json`, tokens or a credential helper"
                    .to_owned()
            }
            Self::ProxyAuthentication { .. } => {
                "give the proxy's user and password in `HTTPS_PROXY`, as `http://user:password@host:port`".to_owned()
            }
            Self::Proxy => "write it as `http://host:port`".to_owned(),
            Self::Ca { .. } => "name a file of certificates in PEM form".to_owned(),
            Self::Setup { .. } => "install your system's package `ca-certificates`, or set `SSL_CERT_FILE`".to_owned(),
            Self::TooLarge { .. }
            | Self::Redirect { .. }
            | Self::Redirects { .. }
            | Self::Scheme { .. }
            | Self::Token => return None,
        })
    }
}

fn waiting(wait: Option<Duration>) -> String {
    wait.map(|wait| format!(", it asks to wait {}", seconds(wait))).unwrap_or_default()
}

fn seconds(wait: Duration) -> String {
    format!("{} s", wait.as_secs().max(1))
}

/// Returns the first cause of a kind; an `io::Error` hides the one it carries from `source`.
fn cause<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    chain(error).find_map(|error| error.downcast_ref())
}

fn texts<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = String> + 'a {
    chain(error).map(ToString::to_string)
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    std::iter::from_fn(move || {
        let current = next?;
        let inner = current.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => current.source(),
        };
        Some(current)
    })
}
