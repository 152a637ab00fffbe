//! `git` children that talk to one remote: what they are told, and what their failures mean.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use base64::Engine as _;
use secrecy::{ExposeSecret as _, SecretString};

use super::complaint::classify;
use super::connection::{Connection, Limits, Password, Proxy};
use super::{Error, RemoteUrl, Scheme, ssh};
use crate::failpoint::{self, Needs};
use crate::model::{Failure, longest_wait};
use crate::process::{Child, Output};

const USERNAME: &str = "PROMOTE_GIT_USERNAME";
const PASSWORD: &str = "PROMOTE_GIT_PASSWORD";
/// A credential helper that answers from its environment and stores nothing: the token is in no argument and no file.
const HELPER: &str = r#"!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$PROMOTE_GIT_USERNAME" "$PROMOTE_GIT_PASSWORD"; }; f"#;

/// Runs `git` against one remote.
pub(super) struct Transport {
    connection: Connection,
    /// Set once the user's credential helpers had no login that the server takes.
    uses_token: AtomicBool,
    /// The tokens so far; the last one is in use.
    tokens: Mutex<Vec<SecretString>>,
    /// The file that takes the place of the user's configuration.
    global: PathBuf,
}

/// One command of `git`.
pub(super) struct Task<'a> {
    /// The command and its arguments: never a secret.
    pub arguments: Vec<OsString>,
    /// The repository, where there is one.
    pub repository: Option<PathBuf>,
    /// Where it runs.
    pub directory: &'a Path,
    /// What it reads.
    pub input: Vec<u8>,
}

impl Task<'_> {
    /// Tells whether it leaves the remote as it is, however often it runs.
    fn only_reads(&self) -> bool {
        let is_read = |command: &OsString| ["clone", "fetch", "ls-remote"].iter().any(|read| command == read);
        match self.arguments.as_slice() {
            [option, _, command, ..] if option == "-c" => is_read(command),
            [command, ..] => is_read(command),
            [] => false,
        }
    }
}

impl Transport {
    /// `folder` is private.
    pub fn new(connection: Connection, folder: &Path) -> Result<Self, Error> {
        let global = global_configuration(&connection, folder)?;
        let has_helper = || !connection.settings.credential_helpers(&connection.remote).is_empty();
        let uses_token = connection.login.is_some() && connection.remote.is_http() && !has_helper();
        let uses_token = AtomicBool::new(uses_token);
        Ok(Self { connection, uses_token, tokens: Mutex::default(), global })
    }

    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Reaches the same host at another path from now on.
    pub fn set_remote(&mut self, remote: RemoteUrl) {
        self.connection.remote = remote;
    }

    /// Runs a task to its end, whatever that is; one that only reads again while the remote can't be reached.
    pub async fn run(&self, task: &Task<'_>) -> Result<Output, Error> {
        let Limits { total, attempts, backoff, .. } = self.connection.limits;
        let started = Instant::now();
        let mut tries = 1;
        loop {
            let output = self.logged_in(task).await?;
            if output.success() || !task.only_reads() || tries >= attempts {
                return Ok(output);
            }
            let wait = longest_wait(backoff, tries).mul_f64(fastrand::f64());
            // What is slow to fail is slow again.
            let is_slow = started.elapsed().saturating_add(wait) > total / 4;
            if is_slow || !matches!(self.failure(&output), Error::Unreachable { .. }) {
                return Ok(output);
            }
            tracing::debug!(?wait, tries, "waiting before git tries again");
            tokio::time::sleep(wait).await;
            tries += 1;
        }
    }

    /// Runs a task; again with the forge's token where the helpers' login is refused, and with another token where that
    /// is.
    async fn logged_in(&self, task: &Task<'_>) -> Result<Output, Error> {
        // Who may look without a login needs none that can be had.
        let mut missing = None;
        if self.uses_token.load(Ordering::Relaxed) {
            missing = self.log_in(None).await.err();
        }
        let mut may_renew = true;
        loop {
            let output = self.once(task).await?;
            let is_refused = !output.success()
                && matches!(self.failure(&output), Error::Authentication { .. } | Error::NotFound { .. });
            if !is_refused || !self.connection.remote.is_http() {
                return Ok(output);
            }
            if let Some(failure) = missing {
                return Err(Error::Login(failure));
            }
            if !matches!(self.failure(&output), Error::Authentication { .. }) {
                return Ok(output);
            }
            let other = if !self.uses_token.swap(true, Ordering::Relaxed) {
                self.log_in(None).await
            } else if std::mem::take(&mut may_renew) {
                self.log_in(self.token()).await
            } else {
                Ok(false)
            };
            match other {
                Ok(true) => missing = None,
                Ok(false) => return Ok(output),
                Err(failure) => return Err(Error::Login(failure)),
            }
        }
    }

    /// Takes the token to use; another one, where this one was refused. Tells whether there is one.
    async fn log_in(&self, refused: Option<SecretString>) -> Result<bool, Failure> {
        let Some(login) = &self.connection.login else { return Ok(false) };
        let token = match &login.password {
            Password::Fixed(token) => refused.is_none().then(|| token.clone()),
            Password::Asked(ask) => ask(refused).await?,
        };
        let Some(token) = token else { return Ok(false) };
        let mut tokens = self.tokens();
        tokens.retain(|known| known.expose_secret() != token.expose_secret());
        tokens.push(token);
        Ok(true)
    }

    fn token(&self) -> Option<SecretString> {
        self.tokens().last().cloned()
    }

    /// Locks even after a panic elsewhere: the list is whole between any two statements.
    fn tokens(&self) -> MutexGuard<'_, Vec<SecretString>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a task that must end well.
    pub async fn must(&self, task: &Task<'_>) -> Result<Output, Error> {
        let output = self.run(task).await?;
        if output.success() { Ok(output) } else { Err(self.failure(&output)) }
    }

    async fn once(&self, task: &Task<'_>) -> Result<Output, Error> {
        let connection = &self.connection;
        let child = Child {
            program: connection.program.path(),
            arguments: task.arguments.clone(),
            directory: task.directory,
            environment: self.environment(task),
            input: task.input.clone(),
            deadline: connection.limits.total,
        };
        tracing::debug!(arguments = ?task.arguments, "git");
        let command = task.arguments.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        child.run().await.map_err(|error| Error::of_child(error, &format!("git {command}")))
    }

    fn environment(&self, task: &Task<'_>) -> Vec<(OsString, OsString)> {
        let connection = &self.connection;
        let remote = &connection.remote;
        let mut variables = connection.environment.allowed();
        let mut set = |name: &str, value: &dyn AsRef<std::ffi::OsStr>| {
            variables.push((name.into(), value.as_ref().to_owned()));
        };
        set("LC_ALL", &"C");
        set("GIT_TERMINAL_PROMPT", &"0");
        set("GIT_CONFIG_NOSYSTEM", &"1");
        set("GIT_CONFIG_GLOBAL", &self.global);
        set("GIT_ALLOW_PROTOCOL", &remote.scheme().as_str());
        // Objects are fetched in batches, by us: none is ever worth a connection of its own.
        set("GIT_NO_LAZY_FETCH", &"1");
        set("GIT_HTTP_LOW_SPEED_LIMIT", &"1024");
        set("GIT_HTTP_LOW_SPEED_TIME", &connection.limits.idle_seconds.to_string());
        match (&task.repository, task.directory.parent()) {
            (Some(repository), _) => set("GIT_DIR", &repository),
            (None, Some(parent)) => set("GIT_CEILING_DIRECTORIES", &parent),
            (None, None) => {}
        }
        if remote.scheme() == Scheme::Ssh {
            let (command, variant) = ssh::command(&connection.environment, &connection.settings);
            set("GIT_SSH_COMMAND", &command);
            if let Some(variant) = variant {
                set("GIT_SSH_VARIANT", &variant);
            }
        }
        if let Some((username, password)) = self.login_in_use() {
            set(USERNAME, &username);
            set(PASSWORD, &password.expose_secret());
        }
        let configuration = self.configuration();
        set("GIT_CONFIG_COUNT", &configuration.len().to_string());
        for (index, (key, value)) in configuration.iter().enumerate() {
            set(&format!("GIT_CONFIG_KEY_{index}"), key);
            set(&format!("GIT_CONFIG_VALUE_{index}"), value);
        }
        variables
    }

    /// The whole configuration of the child: nothing of the user's reaches it otherwise.
    fn configuration(&self) -> Vec<(String, OsString)> {
        let Connection { settings, remote, proxy, ca, environment, .. } = &self.connection;
        let mut configuration: Vec<(String, OsString)> = [
            ("http.followRedirects", "false"),
            ("core.hooksPath", "/dev/null"),
            ("core.fsmonitor", "false"),
            ("core.symlinks", "false"),
            ("submodule.recurse", "false"),
            ("fetch.recurseSubmodules", "false"),
            ("transfer.fsckObjects", "true"),
            ("transfer.bundleURI", "false"),
            ("gc.auto", "0"),
            ("maintenance.auto", "false"),
            ("core.logAllRefUpdates", "false"),
            ("push.gpgSign", "false"),
            ("credential.helper", ""),
        ]
        .map(|(key, value)| (key.to_owned(), value.into()))
        .into();
        if !remote.is_http() {
            return configuration;
        }
        let origin = remote.origin();
        let mut set = |key: String, value: OsString| configuration.push((key, value));
        for (name, value) in settings.http(remote) {
            set(format!("http.{name}"), value.into());
        }
        let is_configured = |wanted: &str| settings.http(remote).into_iter().any(|(name, _)| name == wanted);
        let proxy = match proxy {
            // The empty text is Git's word for no proxy at all.
            Some(Proxy::Excepted) => Some(""),
            Some(Proxy::Environment(url)) if !is_configured("proxy") => Some(url.expose_secret()),
            Some(Proxy::Configured(url)) => Some(url.expose_secret()),
            Some(Proxy::Environment(_)) | None => None,
        };
        if let Some(proxy) = proxy {
            set("http.proxy".to_owned(), proxy.into());
        }
        // In Git, too, its variable wins over its configuration; `SSL_CERT_FILE` is the widest.
        let usual = || environment.value("SSL_CERT_FILE").filter(|_| !is_configured("sslcainfo"));
        let ca = ca.as_ref().map(|path| path.as_os_str());
        if let Some(ca) = ca.or_else(|| environment.value("GIT_SSL_CAINFO")).or_else(usual) {
            set("http.sslCAInfo".to_owned(), ca.into());
        }
        if self.login_in_use().is_some() {
            set(format!("credential.{origin}.helper"), HELPER.into());
            return configuration;
        }
        for helper in settings.credential_helpers(remote) {
            set(format!("credential.{origin}.helper"), helper.into());
        }
        for name in ["usehttppath", "username"] {
            let of_url = remote.http_user().filter(|_| name == "username");
            if let Some(value) = of_url.or_else(|| settings.credential(name, remote)) {
                set(format!("credential.{origin}.{name}"), value.into());
            }
        }
        configuration
    }

    fn login_in_use(&self) -> Option<(&str, SecretString)> {
        let login = self.connection.login.as_ref().filter(|_| self.connection.remote.is_http());
        let login = login.filter(|_| self.uses_token.load(Ordering::Relaxed))?;
        Some((login.username.as_str(), self.token()?))
    }

    /// What a failed child's complaint means.
    pub fn failure(&self, output: &Output) -> Error {
        let text = self.redact(&String::from_utf8_lossy(&output.stderr));
        classify(&text, &self.connection.remote)
    }

    /// Removes the login, and the proxy's, in every form in which a server could echo it.
    fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let Connection { login, proxy, .. } = &self.connection;
        let mut hide = |username: &str, password: &str| {
            let basic = base64::engine::general_purpose::STANDARD.encode(format!("{username}:{password}"));
            let encoded: String = url::form_urlencoded::byte_serialize(password.as_bytes()).collect();
            for secret in [basic.as_str(), encoded.as_str(), password] {
                if !secret.is_empty() {
                    text = text.replace(secret, "…");
                }
            }
        };
        for token in self.tokens().iter() {
            hide(login.as_ref().map_or("", |login| &login.username), token.expose_secret());
        }
        if let Some(Proxy::Environment(url) | Proxy::Configured(url)) = proxy
            && let Ok(url) = url::Url::parse(url.expose_secret())
            && let Some(password) = url.password()
        {
            hide(url.username(), password);
            hide(url.username(), &percent_encoding::percent_decode_str(password).decode_utf8_lossy());
        }
        text
    }
}

/// Returns `/dev/null`; for repositories on this machine a file with the user's `safe.directory`, which the other end
/// of the connection, a child of the child, takes from nowhere else.
fn global_configuration(connection: &Connection, folder: &Path) -> Result<PathBuf, Error> {
    let safe: Vec<&str> = connection.settings.values("safe.directory").collect();
    if connection.remote.scheme() != Scheme::File || safe.is_empty() {
        return Ok(PathBuf::from("/dev/null"));
    }
    let line = |value: &&str| format!("\tdirectory = \"{}\"\n", value.replace('\\', r"\\").replace('"', r#"\""#));
    let path = folder.join("gitconfig");
    let text = format!("[safe]\n{}", safe.iter().map(line).collect::<String>());
    let failed = |source| Error::File { path: path.clone(), source };
    failpoint::passed(Needs::Room, "write the configuration", failed, || std::fs::write(&path, text).map_err(failed))?;
    Ok(path)
}
