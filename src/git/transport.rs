//! `git` children that talk to one remote: what they are told, and what their failures mean.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Environment, Error, Program, RemoteUrl, Scheme, Settings, escape};
use crate::failpoint::{self, Needs};
use crate::model::Failure;
use crate::process::{Child, Output, search};

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

/// How long one `git` child may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The end of it, whatever it does.
    pub total: Duration,
    /// Seconds below 1 KiB/s over HTTP.
    pub idle_seconds: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self { total: Duration::from_secs(120), idle_seconds: 30 }
    }
}

impl fmt::Debug for HttpLogin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "HttpLogin({}, Token(…))", self.username)
    }
}

const USERNAME: &str = "PROMOTE_GIT_USERNAME";
const PASSWORD: &str = "PROMOTE_GIT_PASSWORD";
/// A credential helper that answers from its environment and stores nothing: the token is in no argument and no file.
const HELPER: &str = r#"!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$PROMOTE_GIT_USERNAME" "$PROMOTE_GIT_PASSWORD"; }; f"#;
/// What ssh is told before anything the user tells it: the first value of an option wins.
const SSH_OPTIONS: &str = "-o BatchMode=yes -o StrictHostKeyChecking=yes";

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

    /// Runs a task to its end, whatever that is; again with the forge's token where the helpers' login is refused, and
    /// with another token where that is.
    pub async fn run(&self, task: &Task<'_>) -> Result<Output, Error> {
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
            let (command, variant) = self.ssh();
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

    /// The ssh command as Git would choose it, with our options added, and its variant if one is configured.
    fn ssh(&self) -> (OsString, Option<String>) {
        let Connection { environment, settings, .. } = &self.connection;
        let variant = environment.text("GIT_SSH_VARIANT").or_else(|| settings.value("ssh.variant")).map(str::to_owned);
        let command = environment
            .text("GIT_SSH_COMMAND")
            .or_else(|| settings.value("core.sshcommand"))
            .map(str::to_owned)
            .or_else(|| environment.text("GIT_SSH").map(quote))
            .or_else(|| search("ssh", environment.value("PATH").unwrap_or_default())?.to_str().map(quote))
            .unwrap_or_else(|| "ssh".to_owned());
        (with_ssh_options(&command, variant.as_deref()).into(), variant)
    }

    /// What a failed child's complaint means. Git has one exit code for all of it, so its words decide; they are
    /// untranslated by `LC_ALL=C`.
    pub fn failure(&self, output: &Output) -> Error {
        let text = self.redact(&String::from_utf8_lossy(&output.stderr));
        classify(&text, &self.connection.remote)
    }

    /// Removes the login in every form in which a server could echo it.
    fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let Some(login) = &self.connection.login else { return text };
        for token in self.tokens().iter() {
            let password = token.expose_secret();
            let basic = base64::engine::general_purpose::STANDARD.encode(format!("{}:{password}", login.username));
            let encoded: String = url::form_urlencoded::byte_serialize(password.as_bytes()).collect();
            for secret in [basic.as_str(), encoded.as_str(), password] {
                if !secret.is_empty() {
                    text = text.replace(secret, "…");
                }
            }
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

/// Whether any of some words occurs in a complaint.
fn classify(text: &str, remote: &RemoteUrl) -> Error {
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let remote_text = remote.to_string();
    let detail = summary(text);
    let is_moved = [301, 302, 303, 307, 308].iter().any(|code| text.contains(&format!("returned error: {code}")));
    let is_local = remote.scheme() == Scheme::File;
    let remote = remote_text;
    if is_moved || has(&["unable to update url base from redirection"]) {
        Error::Moved { remote }
    } else if has(&["returned error: 407", "HTTP code 407", "response 407"]) {
        Error::ProxyAuthentication { remote }
    } else if has(&["Host key verification failed", "REMOTE HOST IDENTIFICATION HAS CHANGED"]) {
        Error::HostKey { remote, detail }
    } else if has(&[
        "SSL certificate problem",
        "certificate verif",
        "SSL: no alternative certificate",
        "server certificate",
    ]) {
        Error::Certificate { remote, detail }
    } else if has(&["not our ref", "unadvertised object"]) {
        Error::Remote { remote, detail }
    } else if has(&["was archived so it is read-only", "repository is archived", "Repository is read-only"]) {
        Error::ReadOnly { remote, detail }
    } else if has(&[
        "Authentication failed",
        "could not read Username",
        "could not read Password",
        "returned error: 401",
        "returned error: 403",
        "Permission denied (",
        "Permission to ",
        "HTTP Basic: Access denied",
    ]) {
        Error::Authentication { remote, detail }
    } else if has(&["dubious ownership", "unsafe repository"]) {
        Error::Ownership { remote }
    } else if has(&["does not support shallow capabilities", "dumb http"]) {
        Error::DumbHttp { remote }
    } else if has(&["not valid: is this a git repository?"]) {
        Error::NotGit { remote }
    } else if is_disk(text) {
        Error::Disk { detail }
    } else if is_local && has(&["does not appear to be a git repository", "does not exist", "not a git repository"]) {
        Error::PathMissing { remote }
    } else if has(&[
        "repository '",
        "Repository not found",
        "returned error: 404",
        "does not appear to be a git repository",
        "could not be found",
    ]) && has(&["not found", "returned error: 404", "does not appear to be", "could not be found"])
    {
        Error::NotFound { remote }
    } else if has(&["fsck error", "index-pack failed", "bad object", "inflate", "did not send all necessary objects"])
        && !has(&["early EOF", "unexpected disconnect", "hung up unexpectedly", "RPC failed"])
    {
        Error::Objects { remote, detail }
    } else if has(&[
        "Could not resolve",
        "Failed to connect",
        "Connection refused",
        "Connection reset",
        "Connection timed out",
        "Operation timed out",
        "Operation too slow",
        "Couldn't connect",
        "Empty reply",
        "CONNECT tunnel failed",
        "Proxy CONNECT aborted",
        "early EOF",
        "unexpected disconnect",
        "hung up",
        "RPC failed",
        "returned error: 429",
        "returned error: 5",
        "Network is unreachable",
        "No route to host",
        "Could not read from remote repository",
    ]) {
        Error::Unreachable { remote, detail }
    } else {
        Error::Remote { remote, detail }
    }
}

/// Tells whether this machine's disk is what is complained of, and not the server's.
fn is_disk(text: &str) -> bool {
    const WORDS: [&str; 9] = [
        "No space left on device",
        "Disk quota exceeded",
        "Read-only file system",
        "Too many open files",
        "File too large",
        "write error",
        // Git doesn't always say why it can't.
        "failed to write new configuration file",
        "unable to write",
        "unable to create temporary",
    ];
    let mut here = text.lines().filter(|line| !line.starts_with("remote:"));
    here.any(|line| WORDS.iter().any(|word| line.contains(word)))
}

/// The lines of a complaint that say something, at most 2 KiB.
pub(super) fn summary(text: &str) -> String {
    let noise = |line: &&str| {
        let line = line.trim();
        line.is_empty()
            || line.starts_with("Cloning into")
            || line.starts_with("hint:")
            || line.starts_with("Please make sure you have the correct access rights")
            || line.starts_with("and the repository exists.")
    };
    let lines: Vec<&str> = text.lines().filter(|line| !noise(line)).collect();
    escape(&lines.join("\n"), 2048)
}

/// Quotes a word for the shell.
fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Adds our options right behind the program if that is surely OpenSSH, else at the end.
fn with_ssh_options(command: &str, variant: Option<&str>) -> String {
    let (assignments_and_program, rest) = split_program(command);
    let program = assignments_and_program.rsplit(['/', '\\', ' ']).next().unwrap_or_default();
    let name = program.trim_matches(['\'', '"']).trim_end_matches(".exe").to_ascii_lowercase();
    match (variant, name.as_str()) {
        (Some("plink" | "putty" | "tortoiseplink"), _) | (None | Some("auto"), "plink" | "putty" | "tortoiseplink") => {
            format!("{assignments_and_program} -batch{rest}")
        }
        (Some("simple"), _) => command.to_owned(),
        (_, "ssh") => format!("{assignments_and_program} {SSH_OPTIONS}{rest}"),
        _ => format!("{command} {SSH_OPTIONS}"),
    }
}

/// Splits a shell command behind its first word that isn't an assignment.
fn split_program(command: &str) -> (&str, &str) {
    let (mut quoted, mut escaped, mut in_word, mut is_assignment) = (None, false, false, false);
    for (index, char) in command.char_indices() {
        match (quoted, char) {
            _ if escaped => escaped = false,
            (None | Some('"'), '\\') => escaped = true,
            (Some(open), _) if open == char => quoted = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => (quoted, in_word) = (Some(char), true),
            (None, ' ' | '\t') if in_word && !is_assignment => return command.split_at(index),
            (None, ' ' | '\t') => (in_word, is_assignment) = (false, false),
            (None, '=') if in_word => is_assignment = true,
            (None, _) => in_word = true,
        }
    }
    (command, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_ssh_options_come_first_where_the_program_is_ssh() {
        let cases = [
            ("ssh -i key", None, "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -i key"),
            ("'/usr/bin/ssh'", None, "'/usr/bin/ssh' -o BatchMode=yes -o StrictHostKeyChecking=yes"),
            ("A='b c' ssh -v", None, "A='b c' ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -v"),
            ("exec ssh -v", None, "exec ssh -v -o BatchMode=yes -o StrictHostKeyChecking=yes"),
            ("my-wrapper", None, "my-wrapper -o BatchMode=yes -o StrictHostKeyChecking=yes"),
            ("plink -i key", None, "plink -batch -i key"),
            ("my-wrapper", Some("simple"), "my-wrapper"),
        ];
        for (command, variant, expected) in cases {
            assert_eq!(with_ssh_options(command, variant), expected, "{command}");
        }
    }

    #[test]
    fn gits_complaints_have_the_exit_codes_of_the_contract() {
        use crate::model::Problem as _;
        let https = RemoteUrl::parse("https://git.corp/a/b", Path::new("/"), &[]).expect("a url");
        let file = RemoteUrl::parse("file:///srv/a", Path::new("/"), &[]).expect("a url");
        let cases = [
            (&https, "fatal: unable to access 'https://git.corp/a/b/': The requested URL returned error: 302", 7),
            (&https, "fatal: unable to access 'x': SSL certificate problem: self-signed certificate", 7),
            (&https, "fatal: could not read Username for 'https://git.corp': terminal prompts disabled", 4),
            (&https, "fatal: Authentication failed for 'https://git.corp/a/b/'", 4),
            (&https, "remote: Repository not found.\nfatal: repository 'https://git.corp/a/b/' not found", 4),
            (&https, "fatal: unable to access 'x': Could not resolve host: git.corp", 5),
            (&https, "fatal: unable to access 'x': The requested URL returned error: 503", 5),
            (&https, "error: RPC failed; curl 18\nfatal: early EOF\nfatal: fetch-pack: invalid index-pack output", 5),
            (&https, "fatal: dumb http transport does not support shallow capabilities", 8),
            (&https, "fatal: write error: No space left on device", 8),
            (
                &https,
                "error: failed to write new configuration file /tmp/x/config.lock\nfatal: could not set 'a' to '0'",
                8,
            ),
            (&https, "remote: fatal: write error: No space left on device\nfatal: something new", 5),
            (&https, "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.", 4),
            (&https, "Host key verification failed.\nfatal: Could not read from remote repository.", 4),
            (&file, "fatal: '/srv/a' does not appear to be a git repository", 2),
            (&https, "error: object 12: missingEmail: invalid\nfatal: fsck error in packed object", 7),
            (&https, "remote: This repository was archived so it is read-only.\nfatal: returned error: 403", 3),
            (&https, "something new", 5),
        ];
        for (remote, text, exit) in cases {
            assert_eq!(classify(text, remote).exit().code(), exit, "{text}");
        }
    }
}
