//! Docker's credential helpers: programs that are asked for one login.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Stdio;

use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::cloud::Cloud;
use super::credentials::Credential;
use super::{CredentialSettings, Error};
use crate::process::search;

/// How many bytes of a helper's answer are read.
const CAP: u64 = 64 * 1024;

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
    let asked = ask(&program, name, server, settings);
    match tokio::time::timeout(settings.helper_timeout, asked).await {
        Err(_) => Err(failed(format!("did not answer within {} s", settings.helper_timeout.as_secs_f64()))),
        Ok(Err(error)) => Err(failed(format!("can't be run: {error}"))),
        Ok(Ok((true, output))) => {
            let answer: Answer = serde_json::from_slice(&output)
                .map_err(|_| failed("did not answer with a user and a secret".to_owned()))?;
            Ok(Credential::of(answer.username, answer.secret))
        }
        Ok(Ok((false, output))) => {
            let text = String::from_utf8_lossy(&output);
            if text.contains("credentials not found") {
                return Ok(Credential::None);
            }
            let secret = text.contains("Secret");
            let start: String = text.trim().chars().take(200).flat_map(char::escape_default).take(200).collect();
            Err(failed(if secret || start.is_empty() { "refused".to_owned() } else { format!("refused: {start}") }))
        }
    }
}

async fn ask(
    program: &PathBuf,
    name: &str,
    server: &str,
    settings: &CredentialSettings,
) -> std::io::Result<(bool, Vec<u8>)> {
    let mut child = Command::new(program)
        .arg("get")
        .env_clear()
        .envs(settings.environment.iter().filter(|(variable, _)| may_see(name, variable)).cloned())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that ends without reading is judged by what it answers.
        stdin.write_all(format!("{server}\n").as_bytes()).await.ok();
    }
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(CAP).read_to_end(&mut output).await?;
    }
    Ok((child.wait().await?.success(), output))
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
