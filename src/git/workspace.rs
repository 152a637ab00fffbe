//! A private bare repository: commits are built in it and pushed from it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use git2::Repository;

use super::base::{FETCH, check_branch, open};
use super::branch::FIRST_DEPTH;
use super::scratch::Scratch;
use super::transport::{Task, Transport};
use super::{CommitId, Connection, Depth, Error, RemoteBranch, escape};
use crate::process::{Output, arguments};

/// A bare, shallow repository without the files' contents, in a private temporary folder that goes with it.
///
/// The user's clone is never used: nothing of it can be touched, and none of its hooks, filters or alternates count.
pub struct Workspace {
    pub(super) transport: Transport,
    pub(super) depth: Option<Depth>,
    /// The branches that were fetched as a base.
    pub(super) bases: BTreeSet<String>,
    scratch: Scratch,
}

impl Workspace {
    /// Makes an empty one for a remote, below `TMPDIR`, and removes what killed runs left there.
    ///
    /// # Errors
    /// [`Error::File`] if there is no folder to write in.
    pub fn create(connection: Connection) -> Result<Self, Error> {
        let parent = connection.environment.value("TMPDIR").map_or_else(std::env::temp_dir, PathBuf::from);
        // Children run elsewhere: a relative folder would be another one there.
        let parent = std::path::absolute(&parent).map_err(|source| Error::File { path: parent, source })?;
        let scratch = Scratch::create(&parent)?;
        let transport = Transport::new(connection, scratch.path())?;
        Ok(Self { transport, depth: None, bases: BTreeSet::new(), scratch })
    }

    /// Returns how the remote is reached.
    pub fn connection(&self) -> &Connection {
        self.transport.connection()
    }

    pub(super) fn folder(&self) -> &Path {
        self.scratch.path()
    }

    pub(super) fn repository_path(&self) -> PathBuf {
        self.folder().join("repository.git")
    }

    /// Opens the repository: each time anew, because children write into it.
    pub(super) fn repository(&self) -> Result<Repository, Error> {
        open(&self.repository_path(), || self.remote_text())
    }

    pub(super) fn remote_text(&self) -> String {
        self.connection().remote.to_string()
    }

    pub(super) fn remote_argument(&self) -> String {
        self.connection().remote.argument()
    }

    pub(super) fn task(&self, arguments: Vec<OsString>, input: Vec<u8>) -> Task<'_> {
        let repository = self.depth.is_some().then(|| self.repository_path());
        Task { arguments, repository, directory: self.folder(), input }
    }

    /// Creates a branch on the remote; never changes one that is there.
    ///
    /// # Errors
    /// [`Error::BranchExists`], also if another run was faster; [`Error::BranchBlocked`]; [`Error::PushRejected`]
    /// with the server's words; else why the remote can't be reached. After a fault that leaves it open whether the
    /// branch was created, the remote is asked.
    pub async fn push_new(&self, commit: &CommitId, branch: &str) -> Result<(), Error> {
        check_branch(branch)?;
        let name = format!("refs/heads/{branch}");
        // A thin pack would need the old contents, which a blobless repository may not hold.
        let mut command = arguments([
            "push",
            "--porcelain",
            "--no-verify",
            "--no-thin",
            "--no-follow-tags",
            "--recurse-submodules=no",
        ]);
        // An empty expectation: the branch must not exist.
        command.push(format!("--force-with-lease={name}:").into());
        command.extend(arguments(["origin", &format!("{commit}:{name}")]));
        let mut pushed = self.transport.run(&self.task(command.clone(), Vec::new())).await;
        if matches!(&pushed, Ok(output) if lacks_objects(output)) {
            self.connect_bases().await?;
            pushed = self.transport.run(&self.task(command, Vec::new())).await;
        }
        let failure = match pushed {
            Ok(output) => match line_of(&output, &name) {
                Some(('*', _)) if output.success() => return Ok(()),
                Some(('!', reason)) if reason.contains("shallow update not allowed") || lacks_objects(&output) => {
                    Error::BaseGone
                }
                Some(('!', reason)) => {
                    Error::PushRejected { branch: branch.to_owned(), message: rejection(&output, &reason) }
                }
                _ => self.transport.failure(&output),
            },
            Err(error @ Error::Start { .. }) => return Err(error),
            Err(error) => error,
        };
        // The answer may be lost though the branch was created, or say less than the remote's branches do.
        let Ok(existing) = self.ls_remote(&blockers(branch)).await else { return Err(failure) };
        match existing.iter().find(|other| other.name == branch) {
            Some(own) if own.commit == *commit => return Ok(()),
            Some(other) => {
                return Err(Error::BranchExists { branch: branch.to_owned(), commit: other.commit.to_string() });
            }
            None => {}
        }
        let blocks = |other: &&RemoteBranch| {
            branch.starts_with(&format!("{}/", other.name)) || other.name.starts_with(&format!("{branch}/"))
        };
        match existing.iter().find(blocks) {
            Some(other) => Err(Error::BranchBlocked { branch: branch.to_owned(), existing: other.name.clone() }),
            None => Err(failure),
        }
    }

    /// Fetches the way from the base branches' newest commits to the commits that ours stand on. Git leaves out of a
    /// push only what the remote's branches reach as far as it knows them here: a base that has moved on since it was
    /// fetched is not known.
    async fn connect_bases(&self) -> Result<(), Error> {
        let mut command = arguments(FETCH);
        command.extend(arguments([&format!("--depth={FIRST_DEPTH}"), "--filter=blob:none", "origin"]));
        command.extend(self.bases.iter().map(|base| format!("+refs/heads/{base}:refs/moved/{base}").into()));
        self.transport.must(&self.task(command, Vec::new())).await.map(drop)
    }

    /// Lists the remote's branches whose name begins with `prefix`.
    ///
    /// # Errors
    /// [`Error`] if the remote can't be asked.
    pub async fn branches(&self, prefix: &str) -> Result<Vec<RemoteBranch>, Error> {
        let mut branches = self.ls_remote(&[format!("refs/heads/{}*", glob_literal(prefix))]).await?;
        branches.retain(|branch| branch.name.starts_with(prefix));
        Ok(branches)
    }

    /// Lists the remote's branches whose name begins with `prefix`, and the newest commit of another one beside them.
    ///
    /// # Errors
    /// [`Error`] if the remote can't be asked.
    pub async fn branches_beside(
        &self,
        prefix: &str,
        other: &str,
    ) -> Result<(Vec<RemoteBranch>, Option<CommitId>), Error> {
        let patterns = [format!("refs/heads/{}*", glob_literal(prefix)), format!("refs/heads/{}", glob_literal(other))];
        let mut branches = self.ls_remote(&patterns).await?;
        let commit = branches.iter().find(|branch| branch.name == other).map(|branch| branch.commit.clone());
        branches.retain(|branch| branch.name.starts_with(prefix));
        Ok((branches, commit))
    }

    /// Returns the newest commit of one of the remote's branches, if it is there.
    ///
    /// # Errors
    /// [`Error`] if the remote can't be asked.
    pub async fn remote_tip(&self, branch: &str) -> Result<Option<CommitId>, Error> {
        let branches = self.ls_remote(&[format!("refs/heads/{}", glob_literal(branch))]).await?;
        Ok(branches.into_iter().find(|found| found.name == branch).map(|found| found.commit))
    }

    /// Returns what a ref of the remote names, if it is there.
    pub(super) async fn remote_ref(&self, name: &str) -> Result<Option<CommitId>, Error> {
        let refs = self.ls_remote_refs(&[name.to_owned()]).await?;
        Ok(refs.into_iter().find(|(found, _)| found == name).map(|(_, commit)| commit))
    }

    async fn ls_remote(&self, patterns: &[String]) -> Result<Vec<RemoteBranch>, Error> {
        let branch = |(name, commit): (String, CommitId)| {
            Some(RemoteBranch { name: name.strip_prefix("refs/heads/")?.to_owned(), commit })
        };
        Ok(self.ls_remote_refs(patterns).await?.into_iter().filter_map(branch).collect())
    }

    async fn ls_remote_refs(&self, patterns: &[String]) -> Result<Vec<(String, CommitId)>, Error> {
        let mut command = arguments(["ls-remote", "--quiet", "--refs", "--", &self.remote_argument()]);
        command.extend(patterns.iter().map(OsString::from));
        let output = self.transport.must(&self.task(command, Vec::new())).await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let named = |line: &str| {
            let (oid, name) = line.split_once('\t')?;
            Some((name.to_owned(), CommitId(git2::Oid::from_str(oid).ok()?)))
        };
        Ok(text.lines().filter_map(named).collect())
    }
}

/// The branch itself, what is below it, and every directory of its name.
fn blockers(branch: &str) -> Vec<String> {
    let literal = glob_literal(branch);
    let parents = branch.match_indices('/').filter_map(|(index, _)| branch.get(..index));
    let mut patterns: Vec<String> = parents.map(|parent| format!("refs/heads/{}", glob_literal(parent))).collect();
    patterns.extend([format!("refs/heads/{literal}"), format!("refs/heads/{literal}/*")]);
    patterns
}

/// Names of branches hold no `*`, `?`, `[` or backslash; what isn't a name matches nothing.
fn glob_literal(name: &str) -> String {
    name.chars().map(|char| if matches!(char, '*' | '?' | '[' | '\\') { ' ' } else { char }).collect()
}

/// The flag of a ref in `--porcelain` output: `flag TAB from:to TAB summary (reason)`.
fn line_of(output: &Output, name: &str) -> Option<(char, String)> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().find_map(|line| {
        let mut fields = line.splitn(3, '\t');
        let (flag, refs, reason) = (fields.next()?, fields.next()?, fields.next()?);
        let (_, to) = refs.rsplit_once(':')?;
        (to == name).then(|| (flag.chars().next().unwrap_or(' '), reason.to_owned()))
    })
}

/// Tells whether Git wanted to send contents that a blobless repository doesn't hold.
fn lacks_objects(output: &Output) -> bool {
    let text = String::from_utf8_lossy(&output.stderr);
    !output.success() && (text.contains("from promisor remote") || text.contains("lazy fetching disabled"))
}

/// What the server said of a rejected branch: its own lines, then Git's reason.
fn rejection(output: &Output, reason: &str) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let said: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("remote:")).map(str::trim).collect();
    escape(&format!("{}\n{reason}", said.join("\n")), 2048)
}
