//! Signatures of commits, by the program that Git is configured with.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Environment, Error, Identity, Settings, escape};
use crate::failpoint::{self, Needs};
use crate::process::{Child, Output, arguments, search};

/// Somebody may have to type a passphrase or touch a key.
const DEADLINE: Duration = Duration::from_secs(120);
/// What signers and their agents need beyond the usual.
const VARIABLES: &[&str] =
    &["GNUPGHOME", "GPG_TTY", "GPG_AGENT_INFO", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "TERM", "SSH_ASKPASS"];

/// How commits are signed.
pub(super) struct Signer<'a> {
    settings: &'a Settings,
    environment: &'a Environment,
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    OpenPgp,
    Ssh,
    X509,
}

impl<'a> Signer<'a> {
    /// Returns how commits are signed, if Git is configured to sign them.
    pub fn of(settings: &'a Settings, environment: &'a Environment) -> Result<Option<Self>, Error> {
        if !settings.is_true("commit.gpgsign") {
            return Ok(None);
        }
        let format = match settings.value("gpg.format") {
            None | Some("openpgp") => Format::OpenPgp,
            Some("ssh") => Format::Ssh,
            Some("x509") => Format::X509,
            Some(other) => {
                let detail = format!("`gpg.format` is `{}`", escape(other, 40));
                return Err(Error::Signing { format: "an unknown format", detail });
            }
        };
        Ok(Some(Self { settings, environment, format }))
    }

    /// Finds the program and the key, as far as they can be found without signing.
    fn find(&self) -> Result<(), Error> {
        self.program()?;
        if self.format == Format::Ssh {
            match self.settings.value("user.signingkey").map(|key| Key::parse(key, self.environment)) {
                Some(Key::File(path)) if !path.is_file() => {
                    return Err(self.refused(format!("`user.signingKey` is `{}`, which is no file", path.display())));
                }
                Some(_) => {}
                None if self.settings.value("gpg.ssh.defaultkeycommand").is_some() => {}
                None => return Err(self.refused("`user.signingKey` is not set".to_owned())),
            }
        }
        Ok(())
    }

    /// Returns the armoured signature of a commit's bytes. `folder` is private.
    pub async fn sign(&self, buffer: &[u8], identity: &Identity, folder: &Path) -> Result<String, Error> {
        match self.format {
            Format::OpenPgp | Format::X509 => self.by_gpg(buffer, identity, folder).await,
            Format::Ssh => self.by_ssh(buffer, folder).await,
        }
    }

    async fn by_gpg(&self, buffer: &[u8], identity: &Identity, folder: &Path) -> Result<String, Error> {
        let committer = identity.committer();
        let key = self.settings.value("user.signingkey").unwrap_or(&committer);
        let arguments = arguments(["--status-fd=2", "-bsau", key]);
        let output = self.run(arguments, buffer.to_vec(), folder).await?;
        // The status line is the proof: some wrappers end with 0 whatever happened.
        let has_status =
            output.stderr.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"[GNUPG:] SIG_CREATED "));
        if !has_status {
            return Err(self.failed(&output));
        }
        String::from_utf8(output.stdout).map_err(|_| self.refused("the signature is not text".to_owned()))
    }

    async fn by_ssh(&self, buffer: &[u8], folder: &Path) -> Result<String, Error> {
        let key = self.ssh_key(folder).await?;
        let (message, key_file) = (folder.join("to-sign"), folder.join("signing-key.pub"));
        let signature = folder.join("to-sign.sig");
        let write = |path: &Path, bytes: &[u8]| {
            let failed = |source| Error::File { path: path.to_owned(), source };
            failpoint::passed(Needs::Room, "write for the signer", failed, || fs::write(path, bytes).map_err(failed))
        };
        // A signature of an earlier commit would make ssh-keygen ask.
        let _ = fs::remove_file(&signature);
        write(&message, buffer)?;
        let mut options: Vec<OsString> = arguments(["-Y", "sign", "-n", "git", "-f"]);
        match key {
            Key::Literal(text) => {
                write(&key_file, format!("{text}\n").as_bytes())?;
                // The private half is in the agent.
                options.extend([key_file.into(), "-U".into()]);
            }
            Key::File(path) => options.push(path.into()),
        }
        options.push(message.clone().into());
        let output = self.run(options, Vec::new(), folder).await?;
        fs::read_to_string(&signature).map_err(|_| self.failed(&output))
    }

    /// The key as `user.signingKey` or the program of `gpg.ssh.defaultKeyCommand` names it.
    async fn ssh_key(&self, folder: &Path) -> Result<Key, Error> {
        if let Some(key) = self.settings.value("user.signingkey") {
            return Ok(Key::parse(key, self.environment));
        }
        let Some(command) = self.settings.value("gpg.ssh.defaultkeycommand") else {
            return Err(self.refused("`user.signingKey` is not set".to_owned()));
        };
        let words: Vec<&str> = command.split_whitespace().collect();
        let (Some(program), rest) = (words.first(), words.get(1..).unwrap_or_default()) else {
            return Err(self.refused("`gpg.ssh.defaultKeyCommand` is empty".to_owned()));
        };
        let program = self.locate(program)?;
        let output = self.child(&program, arguments(rest), Vec::new(), folder).await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let is_key = |line: &&str| line.starts_with("key::") || line.starts_with("ssh-");
        match text.lines().find(is_key) {
            Some(line) if output.success() => Ok(Key::parse(line, self.environment)),
            _ => Err(self.refused("`gpg.ssh.defaultKeyCommand` names no key".to_owned())),
        }
    }

    fn program(&self) -> Result<PathBuf, Error> {
        let (keys, usual): (&[&str], _) = match self.format {
            Format::OpenPgp => (&["gpg.openpgp.program", "gpg.program"], "gpg"),
            Format::Ssh => (&["gpg.ssh.program"], "ssh-keygen"),
            Format::X509 => (&["gpg.x509.program"], "gpgsm"),
        };
        let program = self.locate(keys.iter().find_map(|key| self.settings.value(key)).unwrap_or(usual))?;
        if program.is_file() {
            return Ok(program);
        }
        Err(self.refused(format!("`{}` is no file", program.display())))
    }

    async fn run(&self, arguments: Vec<OsString>, input: Vec<u8>, folder: &Path) -> Result<Output, Error> {
        let program = self.program()?;
        let output = self.child(&program, arguments, input, folder).await?;
        if output.success() { Ok(output) } else { Err(self.failed(&output)) }
    }

    async fn child(
        &self,
        program: &Path,
        arguments: Vec<OsString>,
        input: Vec<u8>,
        folder: &Path,
    ) -> Result<Output, Error> {
        let environment = [self.environment.allowed(), self.environment.named(VARIABLES)].concat();
        let child = Child { program, arguments, directory: folder, environment, input, deadline: DEADLINE };
        child.run().await.map_err(|error| match Error::of_child(error, &program.display().to_string()) {
            Error::Start { source, .. } => self.refused(format!("`{}`: {source}", program.display())),
            Error::TimedOut { .. } => self.refused("nobody answered in time".to_owned()),
            other => other,
        })
    }

    fn locate(&self, name: &str) -> Result<PathBuf, Error> {
        let path = expand_home(name, self.environment);
        if path.is_absolute() {
            return Ok(path);
        }
        let found = search(name, self.environment.value("PATH").unwrap_or_default());
        found.ok_or_else(|| self.refused(format!("`{}` is not in PATH", escape(name, 100))))
    }

    fn failed(&self, output: &Output) -> Error {
        let text = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("[GNUPG:]")).collect();
        let detail = escape(&lines.join("\n"), 1024);
        self.refused(if detail.is_empty() { "the program gave no signature".to_owned() } else { detail })
    }

    fn refused(&self, detail: String) -> Error {
        Error::Signing { format: self.format.as_str(), detail }
    }
}

impl Format {
    fn as_str(self) -> &'static str {
        match self {
            Self::OpenPgp => "openpgp",
            Self::Ssh => "ssh",
            Self::X509 => "x509",
        }
    }
}

/// Returns in which format commits are signed, if Git is configured to sign them. Nothing is signed to find out.
///
/// # Errors
/// [`Error::Signing`] if the program or the key isn't there.
pub fn signing(settings: &Settings, environment: &Environment) -> Result<Option<&'static str>, Error> {
    let Some(signer) = Signer::of(settings, environment)? else { return Ok(None) };
    signer.find()?;
    Ok(Some(signer.format.as_str()))
}

enum Key {
    Literal(String),
    File(PathBuf),
}

impl Key {
    fn parse(text: &str, environment: &Environment) -> Self {
        match text.strip_prefix("key::") {
            Some(literal) => Self::Literal(literal.to_owned()),
            None if text.starts_with("ssh-") => Self::Literal(text.to_owned()),
            None => Self::File(expand_home(text, environment)),
        }
    }
}

fn expand_home(text: &str, environment: &Environment) -> PathBuf {
    match (text.strip_prefix("~/"), environment.value("HOME")) {
        (Some(rest), Some(home)) => Path::new(home).join(rest),
        _ => PathBuf::from(text),
    }
}
