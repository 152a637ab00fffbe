//! What can go wrong between this program and Git.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::{GitVersion, RemoteUrlError};
use crate::model::{Exit, Failure, Place, Problem, RepoPath};
use crate::process::ChildError;

/// Why Git can't do what is asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No `git` in an absolute folder of `PATH`.
    #[error("`git` is not in PATH")]
    GitMissing,
    /// Something else is called `git`.
    #[error("`{}` does not say which version of git it is: {detail}", path.display())]
    GitUnknown {
        /// The program.
        path: PathBuf,
        /// What it said, escaped.
        detail: String,
    },
    /// Older than what is needed.
    #[error("`{}` is git {version}; {minimum} or newer is needed", path.display())]
    GitTooOld {
        /// The program.
        path: PathBuf,
        /// Its version.
        version: GitVersion,
        /// The oldest that works.
        minimum: GitVersion,
    },
    /// The configuration has a mistake.
    #[error("git's configuration can't be read: {detail}")]
    Settings {
        /// What `git` said, escaped.
        detail: String,
    },
    /// No Git repository in a directory or above it.
    #[error("`{}` is not in a Git repository", directory.display())]
    NotAClone {
        /// Where the search began.
        directory: PathBuf,
    },
    /// The clone can't be read.
    #[error("the Git repository `{}` can't be read", path.display())]
    Clone {
        /// Its `.git` directory.
        path: PathBuf,
        /// What libgit2 says.
        source: git2::Error,
    },
    /// The clone has no remote.
    #[error("this clone has no remote")]
    NoRemote,
    /// The clone has several remotes and none is chosen.
    #[error("this clone has several remotes: {}", known.join(", "))]
    RemoteAmbiguous {
        /// Their names.
        known: Vec<String>,
    },
    /// No remote of that name.
    #[error("this clone has no remote `{name}`")]
    RemoteUnknown {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// The remote's URL isn't used.
    #[error("the remote's URL is refused")]
    Url {
        /// The remote, if it has a name.
        remote: Option<String>,
        /// Why.
        source: RemoteUrlError,
    },
    /// There is no login to be had for the remote.
    #[error("{}", .0.message)]
    Login(Failure),
    /// The remote has no commit.
    #[error("`{remote}` has no commit yet")]
    Empty {
        /// The remote.
        remote: String,
    },
    /// The remote has no such branch.
    #[error("`{remote}` has no branch `{branch}`")]
    BranchMissing {
        /// The remote.
        remote: String,
        /// The branch.
        branch: String,
    },
    /// The remote's HEAD names a commit, not a branch.
    #[error("HEAD of `{remote}` is not a branch")]
    HeadDetached {
        /// The remote.
        remote: String,
    },
    /// The repository names objects by SHA-256.
    #[error("`{repository}` names its objects by SHA-256, which the library that builds commits can't write")]
    Sha256 {
        /// The repository.
        repository: String,
    },
    /// The clone has no such commit.
    #[error("this clone has no commit `{revision}`")]
    RevisionUnknown {
        /// As it was given, escaped.
        revision: String,
    },
    /// A partial clone lacks the bytes of a file.
    #[error("this clone lacks the content of `{path}`")]
    BlobMissing {
        /// The file.
        path: RepoPath,
    },
    /// Not a name that a branch may have.
    #[error("`{branch}` is no name for a branch")]
    BranchName {
        /// As it was given, escaped.
        branch: String,
    },
    /// Nobody told Git who commits.
    #[error("git does not know who you are: {missing} is not set")]
    Identity {
        /// The key.
        missing: &'static str,
    },
    /// A date variable that can't be read.
    #[error("{variable} is not a date")]
    Date {
        /// The variable.
        variable: &'static str,
    },
    /// A file that is never edited.
    #[error("`{path}` is {what}")]
    NotEditable {
        /// The file.
        path: RepoPath,
        /// What it is: a symbolic link, a submodule, …
        what: &'static str,
    },
    /// The commit could not be signed as Git is configured to.
    #[error("the commit can't be signed by {format}: {detail}")]
    Signing {
        /// openpgp, ssh or x509.
        format: &'static str,
        /// What the program said, escaped.
        detail: String,
    },
    /// The branch is there already, with another commit.
    #[error("branch `{branch}` exists already at {commit}")]
    BranchExists {
        /// The branch.
        branch: String,
        /// Its commit.
        commit: String,
    },
    /// Git can't have `a` and `a/b`.
    #[error("branch `{branch}` can't be created beside branch `{existing}`: one name is a directory of the other")]
    BranchBlocked {
        /// The branch.
        branch: String,
        /// The other one.
        existing: String,
    },
    /// A hook or rule of the server said no.
    #[error("the server rejected branch `{branch}`: {message}")]
    PushRejected {
        /// The branch.
        branch: String,
        /// What the server said, escaped.
        message: String,
    },
    /// The commit that ours stands on was removed from the remote.
    #[error("the base commit is no longer on the remote: its branch was rewritten")]
    BaseGone,
    /// Another run wrote records since they were read.
    #[error("somebody else recorded observations in the meantime")]
    ObservationsMoved,
    /// The repository takes no branches.
    #[error("`{remote}` is read only: {detail}")]
    ReadOnly {
        /// The remote.
        remote: String,
        /// What the server said, escaped.
        detail: String,
    },
    /// A login is missing or was refused.
    #[error("`{remote}` wants another login: {detail}")]
    Authentication {
        /// The remote.
        remote: String,
        /// What was said, escaped.
        detail: String,
    },
    /// The proxy wants a login.
    #[error("the proxy on the way to `{remote}` wants another login")]
    ProxyAuthentication {
        /// The remote.
        remote: String,
    },
    /// The server's ssh key is unknown or has changed.
    #[error("the ssh host key of `{remote}` is not the known one: {detail}")]
    HostKey {
        /// The remote.
        remote: String,
        /// What ssh said, escaped.
        detail: String,
    },
    /// Not there, or not to be seen with this login.
    #[error("there is no repository `{remote}`, or this login may not see it")]
    NotFound {
        /// The remote.
        remote: String,
    },
    /// No repository at a path of this machine.
    #[error("there is no Git repository at `{remote}`")]
    PathMissing {
        /// The remote.
        remote: String,
    },
    /// The repository belongs to another user of this machine.
    #[error("the repository `{remote}` belongs to somebody else")]
    Ownership {
        /// The remote.
        remote: String,
    },
    /// The server redirects to another address.
    #[error("`{remote}` has moved: the server answers with a redirect")]
    Moved {
        /// The remote.
        remote: String,
    },
    /// The certificate isn't trusted.
    #[error("the certificate of `{remote}` is not trusted: {detail}")]
    Certificate {
        /// The remote.
        remote: String,
        /// What was said, escaped.
        detail: String,
    },
    /// Objects that Git's checks refuse.
    #[error("`{remote}` sent objects that don't pass git's checks: {detail}")]
    Objects {
        /// The remote.
        remote: String,
        /// What was said, escaped.
        detail: String,
    },
    /// Too much was printed.
    #[error("`{command}` printed too much")]
    Output {
        /// The command.
        command: String,
    },
    /// Something else answers there.
    #[error("`{remote}` does not answer as a Git repository")]
    NotGit {
        /// The remote.
        remote: String,
    },
    /// Old HTTP servers that only give files.
    #[error("`{remote}` speaks no smart HTTP")]
    DumbHttp {
        /// The remote.
        remote: String,
    },
    /// The network or the server failed.
    #[error("`{remote}` could not be reached: {detail}")]
    Unreachable {
        /// The remote.
        remote: String,
        /// What was said, escaped.
        detail: String,
    },
    /// The deadline passed.
    #[error("`{command}` took longer than {} s", after.as_secs())]
    TimedOut {
        /// The command.
        command: String,
        /// The deadline.
        after: Duration,
    },
    /// The remote failed in a way that has no name here.
    #[error("git ended with an error at `{remote}`: {detail}")]
    Remote {
        /// The remote.
        remote: String,
        /// What was said, escaped.
        detail: String,
    },
    /// A program could not be started.
    #[error("`{command}` could not be started")]
    Start {
        /// The command.
        command: String,
        /// Why.
        source: io::Error,
    },
    /// The disk is full, read only, or not ours.
    #[error("no space or right to write: {detail}")]
    Disk {
        /// What was said, escaped.
        detail: String,
    },
    /// A file of this machine can't be read or written.
    #[error("`{}` can't be used", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// libgit2 can't read or write an object.
    #[error("{what} can't be read or written")]
    Object {
        /// What it was about.
        what: String,
        /// What libgit2 says.
        source: git2::Error,
    },
}

impl Error {
    pub(super) fn of_child(error: ChildError, command: &str) -> Self {
        let command = command.to_owned();
        match error {
            ChildError::Start(source) => Self::Start { command, source },
            ChildError::TimedOut(after) => Self::TimedOut { command, after },
            ChildError::Output => Self::Output { command },
        }
    }

    pub(super) fn object(what: impl Into<String>) -> impl FnOnce(git2::Error) -> Self {
        let what = what.into();
        |source| Self::Object { what, source }
    }
}

impl Problem for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Login(failure) => failure.code,
            Self::GitMissing => "git-missing",
            Self::GitUnknown { .. } => "git-unknown",
            Self::GitTooOld { .. } => "git-too-old",
            Self::Settings { .. } => "git-configuration",
            Self::NotAClone { .. } => "not-a-clone",
            Self::Clone { .. } => "clone-unreadable",
            Self::NoRemote => "no-remote",
            Self::RemoteAmbiguous { .. } => "remote-ambiguous",
            Self::RemoteUnknown { .. } => "remote-unknown",
            Self::Url { .. } => "remote-url",
            Self::Empty { .. } => "remote-empty",
            Self::BranchMissing { .. } => "branch-missing",
            Self::HeadDetached { .. } => "remote-head-detached",
            Self::Sha256 { .. } => "sha256-repository",
            Self::RevisionUnknown { .. } => "revision-unknown",
            Self::BlobMissing { .. } => "blob-missing",
            Self::BranchName { .. } => "branch-name",
            Self::Identity { .. } => "no-identity",
            Self::Date { .. } => "identity-date",
            Self::NotEditable { .. } => "not-editable",
            Self::Signing { .. } => "not-signed",
            Self::BranchExists { .. } => "branch-exists",
            Self::BranchBlocked { .. } => "branch-blocked",
            Self::PushRejected { .. } => "push-rejected",
            Self::BaseGone => "base-gone",
            Self::ObservationsMoved => "observations-moved",
            Self::ReadOnly { .. } => "repository-read-only",
            Self::Authentication { .. } => "git-authentication",
            Self::ProxyAuthentication { .. } => "proxy-authentication",
            Self::HostKey { .. } => "host-key",
            Self::NotFound { .. } => "repository-not-found",
            Self::PathMissing { .. } => "no-repository",
            Self::Ownership { .. } => "repository-ownership",
            Self::Moved { .. } => "repository-moved",
            Self::Certificate { .. } => "certificate",
            Self::Objects { .. } => "corrupt-objects",
            Self::Output { .. } => "too-much-output",
            Self::NotGit { .. } => "not-git",
            Self::DumbHttp { .. } => "dumb-http",
            Self::Unreachable { .. } => "git-unreachable",
            Self::TimedOut { .. } => "git-timeout",
            Self::Remote { .. } => "git-remote",
            Self::Start { .. } => "program-start",
            Self::Disk { .. } => "disk",
            Self::File { .. } => "file",
            Self::Object { .. } => "git-object",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Login(failure) => failure.exit,
            Self::NotAClone { .. }
            | Self::NoRemote
            | Self::RemoteAmbiguous { .. }
            | Self::RemoteUnknown { .. }
            | Self::Url { .. }
            | Self::Empty { .. }
            | Self::BranchMissing { .. }
            | Self::HeadDetached { .. }
            | Self::Sha256 { .. }
            | Self::RevisionUnknown { .. }
            | Self::BranchName { .. }
            | Self::Identity { .. }
            | Self::Date { .. }
            | Self::PathMissing { .. }
            | Self::Ownership { .. }
            | Self::Settings { .. } => Exit::Usage,
            Self::NotEditable { .. }
            | Self::BranchBlocked { .. }
            | Self::PushRejected { .. }
            | Self::ReadOnly { .. } => Exit::Refused,
            Self::Authentication { .. }
            | Self::ProxyAuthentication { .. }
            | Self::HostKey { .. }
            | Self::NotFound { .. } => Exit::Authentication,
            Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Remote { .. }
            | Self::BaseGone
            | Self::ObservationsMoved => Exit::Temporary,
            Self::BranchExists { .. } => Exit::Conflict,
            Self::Moved { .. }
            | Self::Certificate { .. }
            | Self::Objects { .. }
            | Self::Output { .. }
            | Self::NotGit { .. } => Exit::Untrusted,
            Self::GitMissing
            | Self::GitUnknown { .. }
            | Self::GitTooOld { .. }
            | Self::Clone { .. }
            | Self::BlobMissing { .. }
            | Self::Signing { .. }
            | Self::DumbHttp { .. }
            | Self::Start { .. }
            | Self::Disk { .. }
            | Self::File { .. }
            | Self::Object { .. } => Exit::Local,
        }
    }

    fn place(&self) -> Option<&Place> {
        None
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Login(failure) => return failure.hint.clone(),
            Self::GitMissing => "install git 2.31 or newer, or add its folder to PATH".to_owned(),
            Self::GitUnknown { .. } | Self::GitTooOld { .. } => "put git 2.31 or newer first in PATH".to_owned(),
            Self::NotAClone { .. } => {
                "go to a clone, or name one with `-C DIR` or the remote with `--repo URL`".to_owned()
            }
            Self::Clone { path, source } if source.code() == git2::ErrorCode::Owner => {
                let directory = path.parent().filter(|_| path.ends_with(".git")).unwrap_or(path);
                format!("git config --global --add safe.directory '{}'", directory.display())
            }
            Self::NoRemote => "git remote add origin URL".to_owned(),
            Self::RemoteAmbiguous { .. } => "choose one with `--remote NAME`".to_owned(),
            Self::RemoteUnknown { known, .. } if known.is_empty() => "git remote add origin URL".to_owned(),
            Self::RemoteUnknown { known, .. } => format!("the remotes are {}", known.join(", ")),
            Self::Url { remote, source } => return url_hint(remote.as_deref().unwrap_or("origin"), source),
            Self::Empty { .. } => "push a first commit to it".to_owned(),
            Self::BranchMissing { .. } => "name a branch that exists with `--base BRANCH`".to_owned(),
            Self::HeadDetached { .. } => "name the branch with `--base BRANCH`".to_owned(),
            Self::Sha256 { .. } => "only repositories with SHA-1 object names can be promoted in".to_owned(),
            Self::BlobMissing { .. } => "read the remote instead: leave out `--offline` and `--at`".to_owned(),
            Self::Identity { .. } => {
                "git config --global user.name 'Your Name'\ngit config --global user.email you@example.com".to_owned()
            }
            Self::Signing { .. } => {
                "try `git commit -S --allow-empty -m test` in a clone; nothing is pushed unsigned".to_owned()
            }
            Self::BranchExists { branch, .. } => format!("git fetch origin {branch} && git log -p FETCH_HEAD"),
            Self::BranchBlocked { existing, .. } => format!("rename or delete branch `{existing}`"),
            Self::Authentication { .. } | Self::NotFound { .. } => {
                "log in with a credential helper or ssh key that may read and push, or set the forge's token: \
                 `GH_TOKEN` for github.com, `GH_ENTERPRISE_TOKEN`, `GITLAB_TOKEN` or `GITEA_TOKEN` for hosts that you name"
                    .to_owned()
            }
            Self::ProxyAuthentication { .. } => "set `http.proxy` in git's configuration, with a login".to_owned(),
            Self::HostKey { .. } => "compare the key with the forge's own page, then add it to known_hosts".to_owned(),
            Self::Ownership { remote } => {
                format!("git config --global --add safe.directory '{}'", remote.trim_start_matches("file://"))
            }
            Self::Moved { .. } => "git remote set-url origin NEW-URL".to_owned(),
            Self::Certificate { .. } => {
                "name the CA's file with `ca:` in the configuration, or in SSL_CERT_FILE".to_owned()
            }
            Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Remote { .. }
            | Self::BaseGone
            | Self::ObservationsMoved => "run again".to_owned(),
            Self::Disk { .. } => "free some space, or set TMPDIR to a folder with space".to_owned(),
            _ => return None,
        })
    }
}

fn url_hint(remote: &str, error: &RemoteUrlError) -> Option<String> {
    Some(match error {
        RemoteUrlError::Secret { .. } => format!(
            "git remote set-url {remote} URL-without-password, and keep the password in a credential helper; \
             change it if others could read it"
        ),
        RemoteUrlError::PlainHttp { host } => {
            format!("use https, or allow it: git config --global promote.{host}.plain-http true")
        }
        RemoteUrlError::Scheme { .. } => "use https, ssh, or a path on this machine".to_owned(),
        _ => format!("git remote set-url {remote} URL"),
    })
}
