//! Docker's credential helpers: programs that are asked for one login.

use std::ffi::OsStr;
use std::path::Path;

use serde::Deserialize;

use super::cloud::Cloud;
use super::credentials::Credential;
use super::{CredentialSettings, Error};
use crate::process::{Child, ChildError, Output, arguments, search};

/// How many bytes a helper's answer may have.
const CAP: usize = 64 * 1024;

/// Words beside which a secret may stand: what a helper says with one of them is not repeated.
const TELLTALES: [&str; 4] = ["secret", "passw", "token", "bearer"];

/// Variables that every helper may see.
const EVERYONE: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "GPG_TTY",
    "GNUPGHOME",
    "PASSWORD_STORE_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "DOCKER_CONFIG",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_DATA_HOME",
    "XDG_CACHE_HOME",
    "SystemRoot",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "TEMP",
    "TMP",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// Asks a helper for the login of a server.
pub(super) async fn run(name: &str, server: &str, settings: &CredentialSettings) -> Result<Credential, Error> {
    let failed = |reason: String| Error::Helper { name: name.escape_default().to_string(), reason };
    let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if name.is_empty() || !name.bytes().all(named) {
        return Err(failed("is no name of a program".to_owned()));
    }
    let program = search(&format!("docker-credential-{name}"), settings.path.as_deref().unwrap_or_default())
        .ok_or_else(|| failed("is not in PATH".to_owned()))?;
    match ask(&program, name, server, settings).await {
        Err(ChildError::TimedOut(limit)) => Err(failed(format!("did not answer within {} s", limit.as_secs_f64()))),
        Err(ChildError::Start(error)) => Err(failed(format!("can't be run: {error}"))),
        Err(ChildError::Output) => Err(failed("answered without end".to_owned())),
        Ok(output) if output.stdout.len() > CAP => Err(failed("answered without end".to_owned())),
        Ok(output) if output.success() => {
            let answer: Answer = serde_json::from_slice(&output.stdout)
                .map_err(|_| failed("did not answer with a user and a secret".to_owned()))?;
            Ok(Credential::of(answer.username, answer.secret))
        }
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout);
            if text.contains("credentials not found") {
                return Ok(Credential::None);
            }
            let lower = text.to_lowercase();
            let may_hold_secret = TELLTALES.iter().any(|word| lower.contains(word));
            let start: String = text.trim().chars().take(200).flat_map(char::escape_default).take(200).collect();
            let silent = may_hold_secret || start.is_empty();
            Err(failed(if silent { "refused".to_owned() } else { format!("refused: {start}") }))
        }
    }
}

async fn ask(program: &Path, name: &str, server: &str, settings: &CredentialSettings) -> Result<Output, ChildError> {
    let seen = settings.environment.iter().filter(|(variable, _)| may_see(name, variable));
    let child = Child {
        program,
        arguments: arguments(["get"]),
        // An absolute folder that is there for certain: nothing is looked up in the one we were started in.
        directory: program.parent().unwrap_or(Path::new("/")),
        environment: seen.cloned().collect(),
        input: format!("{server}\n").into_bytes(),
        deadline: settings.helper_timeout,
    };
    child.run().await
}

fn may_see(helper: &str, variable: &OsStr) -> bool {
    let Some(variable) = variable.to_str() else { return false };
    EVERYONE.contains(&variable) || Cloud::of_helper(helper).any(|cloud| cloud.needs(variable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_helper_sees_only_the_variables_that_it_needs() {
        let seen = |helper, variable: &str| may_see(helper, OsStr::new(variable));
        assert!(seen("ecr-login", "AWS_SECRET_ACCESS_KEY") && seen("pass", "HOME"));
        assert!(!seen("pass", "AWS_SECRET_ACCESS_KEY") && !seen("ecr-login", "GITHUB_TOKEN"));
        assert!(!seen("gcloud", "GIT_DIR") && !seen("desktop", "LD_PRELOAD"));
    }
}
