//! Runs a program that verifies, and tells what its failures mean.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::super::cloud::Cloud;
use super::super::{Error, Registries};
use crate::git::Scratch;
use crate::model::{Digest, Exit, OciRepository};
use crate::process::{Child, ChildError, Output, search};

/// Variables that a verifying program may see; besides these those of the registry's own cloud.
const ALLOWED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "DOCKER_CONFIG",
    "REGISTRY_AUTH_FILE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "XDG_RUNTIME_DIR",
    "XDG_CACHE_HOME",
    "DBUS_SESSION_BUS_ADDRESS",
    // Where the keys of Sigstore's public instance are kept between runs. Nothing else of cosign's: what it trusts and
    // where it looks must be what production trusts and where Flux looks.
    "TUF_ROOT",
    "SystemRoot",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "TEMP",
    "TMP",
];

/// Words in a complaint, and what they mean; the first that occurs decides. What a registry or the network did not
/// answer comes before what a signature lacks: programs put the one into the other's message.
const COMPLAINTS: &[(&[&str], Complaint)] = &[
    (
        &[
            "UNAUTHORIZED",
            "unauthorized",
            "DENIED",
            "denied:",
            "status code 401",
            "status code 403",
            "401 Unauthorized",
        ],
        Complaint::Login,
    ),
    (
        &[
            "dial tcp",
            "connection refused",
            "connection reset",
            "no such host",
            "timeout",
            "deadline exceeded",
            "TOOMANYREQUESTS",
            "status code 429",
            "status code 5",
            "tuf: failed",
            "unexpected EOF",
            "INTERNAL_ERROR",
        ],
        Complaint::Unreachable,
    ),
    (
        &[
            "no signatures found",
            "no matching signatures",
            "no matching attestations",
            "no certificate found",
            "none of the expected identities matched",
            "no signature is associated",
            "signature verification failed",
        ],
        Complaint::Signature,
    ),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Complaint {
    Login,
    Unreachable,
    Signature,
}

/// What is needed to verify content of one repository.
pub(super) struct Verifier<'a> {
    registries: &'a Registries,
    /// The repository that is asked: at the mirror, if there is one.
    asked: OciRepository,
    scratch: Scratch,
}

/// How a program ended.
pub(super) enum Ending {
    /// Well, and this is what it printed.
    Well(String),
    /// It found no signature that holds.
    Nothing,
}

impl<'a> Verifier<'a> {
    pub(super) fn of(registries: &'a Registries, repository: &OciRepository) -> Result<Self, Error> {
        let host = registries.shared.settings.host(repository.registry());
        if host.is_some_and(|host| host.layout.is_some()) {
            let why = "a folder that stands for a registry can't be asked for signatures".to_owned();
            return Err(Error::SignatureUnsupported { why });
        }
        let mirror = host.and_then(|host| host.mirror.as_deref());
        let asked = mirror.map_or_else(|| repository.clone(), |mirror| repository.at(mirror));
        let scratch = Scratch::create(&std::env::temp_dir())?;
        Ok(Self { registries, asked, scratch })
    }

    /// Returns the content's full name, which never begins with `-`.
    pub(super) fn reference(&self, digest: &Digest) -> String {
        format!("{}@{digest}", self.asked)
    }

    /// Tells whether the registry is spoken to over plain HTTP, as it was when it was asked for the manifest.
    pub(super) fn is_plain(&self) -> bool {
        let connection = self.registries.shared.connection(self.asked.registry(), Some(self.asked.repository()));
        connection.endpoint.origin().is_ok_and(|origin| origin.to_string().starts_with("http://"))
    }

    /// Returns the certificates that are trusted for the registry.
    pub(super) fn ca(&self) -> Option<&Path> {
        self.host()?.ca.as_deref()
    }

    fn host(&self) -> Option<&'a super::super::HostSettings> {
        self.registries.shared.settings.host(self.asked.registry())
    }

    /// Returns the private folder for what the program reads.
    pub(super) fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// Writes a file there.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Error> {
        let path = self.folder().join(name);
        let failed = |source| Error::TrustFile { path: path.clone(), source: std::sync::Arc::new(source) };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        std::fs::write(&path, bytes).map_err(failed)?;
        Ok(path)
    }

    /// Runs the program; with variables of its own besides.
    pub(super) async fn run(
        &self,
        name: &'static str,
        arguments: Vec<OsString>,
        more: &[(&str, &OsStr)],
    ) -> Result<Ending, Error> {
        let settings = &self.registries.shared.settings.credentials;
        let program = search(name, settings.path.as_deref().unwrap_or_default())
            .ok_or(Error::VerifierMissing { program: name })?;
        let mut environment: Vec<(OsString, OsString)> =
            settings.environment.iter().filter(|(variable, _)| self.may_see(variable)).cloned().collect();
        environment.push(("LC_ALL".into(), "C".into()));
        environment.extend(more.iter().map(|(name, value)| ((*name).into(), (*value).to_owned())));
        let child = Child {
            program: &program,
            arguments,
            directory: self.folder(),
            environment,
            input: Vec::new(),
            deadline: settings.verifier_timeout,
        };
        let _running = self.registries.shared.programs.acquire().await;
        let output = child.run().await.map_err(|error| failed(name, error))?;
        ending(name, &output)
    }

    fn may_see(&self, variable: &OsStr) -> bool {
        let Some(variable) = variable.to_str() else { return false };
        ALLOWED.contains(&variable) || Cloud::of_host(self.asked.registry()).is_some_and(|cloud| cloud.needs(variable))
    }
}

fn failed(program: &'static str, error: ChildError) -> Error {
    let (reason, exit) = match error {
        ChildError::Start(error) => (format!("can't be run: {error}"), Exit::Local),
        ChildError::TimedOut(after) => (format!("did not answer within {} s", after.as_secs_f64()), Exit::Temporary),
        ChildError::Output => ("printed more than anybody wants to read".to_owned(), Exit::Untrusted),
    };
    Error::Verifier { program, reason, exit }
}

/// The program's own words are never repeated: it knows logins.
fn ending(program: &'static str, output: &Output) -> Result<Ending, Error> {
    if output.success() {
        return match std::str::from_utf8(&output.stdout) {
            Ok(text) => Ok(Ending::Well(text.to_owned())),
            Err(_) => Err(unreadable(program)),
        };
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let complaint = COMPLAINTS.iter().find(|(words, _)| words.iter().any(|word| text.contains(word)));
    let (reason, exit) = match (complaint.map(|(_, complaint)| *complaint), output.code) {
        (Some(Complaint::Login), _) => ("was refused by the registry".to_owned(), Exit::Authentication),
        (Some(Complaint::Unreachable), _) => {
            ("could not reach the registry, or what Sigstore publishes".to_owned(), Exit::Temporary)
        }
        (Some(Complaint::Signature), _) => return Ok(Ending::Nothing),
        // cosign's own: no signature, no matching one, none with a certificate. 11, no such tag, is no answer to a digest.
        (None, Some(10 | 12 | 13)) if program == "cosign" => return Ok(Ending::Nothing),
        (None, Some(code)) => (format!("failed with exit code {code}"), Exit::Refused),
        (None, None) => ("was killed".to_owned(), Exit::Temporary),
    };
    Err(Error::Verifier { program, reason, exit })
}

/// Returns the error of an answer that is none.
pub(super) fn unreadable(program: &'static str) -> Error {
    let reason = "ended well, but its answer is none that can be read".to_owned();
    Error::Verifier { program, reason, exit: Exit::Untrusted }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(code: i32, stderr: &str) -> Result<Option<String>, Exit> {
        let output = Output { code: Some(code), stdout: b"x".to_vec(), stderr: stderr.as_bytes().to_vec() };
        match ending("cosign", &output) {
            Ok(Ending::Well(text)) => Ok(Some(text)),
            Ok(Ending::Nothing) => Ok(None),
            Err(Error::Verifier { exit, .. }) => Err(exit),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_complaint_of_cosign_is_no_signature_only_where_nothing_else_went_wrong() {
        // As cosign 3.1.3 says it.
        assert_eq!(ended(10, "Error: no signatures found\n"), Ok(None));
        assert_eq!(
            ended(12, "Error: no matching signatures: invalid signature when validating ASN.1 encoded signature"),
            Ok(None)
        );
        assert_eq!(
            ended(1, "Error: no matching attestations: failed to verify signature: Found: 0, Expected 1"),
            Ok(None)
        );
        assert_eq!(
            ended(1, "Error: Get \"https://h/v2/\": dial tcp 127.0.0.1:1: connect: connection refused"),
            Err(Exit::Temporary)
        );
        assert_eq!(
            ended(1, "Error: setting up clients and keys: tuf: failed to download 13.root.json"),
            Err(Exit::Temporary)
        );
        assert_eq!(
            ended(12, "Error: no matching signatures: Post \"https://rekor\": context deadline exceeded"),
            Err(Exit::Temporary)
        );
        assert_eq!(
            ended(1, "Error: GET https://h/v2/a/manifests/x: UNAUTHORIZED: authentication required"),
            Err(Exit::Authentication)
        );
        assert_eq!(ended(1, "Error: something new"), Err(Exit::Refused));
        assert_eq!(ended(0, "WARNING: Skipping tlog verification"), Ok(Some("x".to_owned())));
    }
}
