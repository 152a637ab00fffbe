//! The newest commit of the base branch, fetched as thinly as the server allows.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;

use git2::{Oid, Repository};

use super::transport::Task;
use super::{CommitId, Error, Listing, Workspace, tree};
use crate::model::{RepoPath, Snapshot};
use crate::process::arguments;

/// The base branch and its newest commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// The branch's name.
    pub branch: String,
    /// Its newest commit.
    pub commit: CommitId,
    /// How much was fetched with it.
    pub depth: Depth,
}

/// How much came with the base commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Its trees.
    Blobless,
    /// Its files: the server can't leave them out.
    Shallow,
    /// The whole history: the server can't leave it out.
    Full,
}

impl Depth {
    const ALL: [Self; 3] = [Self::Blobless, Self::Shallow, Self::Full];

    fn options(self) -> &'static [&'static str] {
        match self {
            Self::Blobless => &["--depth=1", "--filter=blob:none"],
            Self::Shallow => &["--depth=1"],
            Self::Full => &[],
        }
    }
}

impl Workspace {
    /// Fetches the newest commit of a branch, by default of the one that the remote's HEAD names.
    ///
    /// # Errors
    /// [`Error`] if the remote can't be reached, has no such branch, or names objects by SHA-256.
    pub async fn fetch_base(&mut self, branch: Option<&str>) -> Result<Base, Error> {
        if let Some(branch) = branch {
            check_branch(branch)?;
        }
        let base = match self.depth {
            Some(depth) => self.fetch_again(branch, depth).await,
            None => match (self.clone_base(branch, 0).await, self.connection().remote.with_suffix()) {
                // GitLab redirects `acme/fleet` to `acme/fleet.git`: the same host, so it is asked there.
                (Err(moved @ Error::Moved { .. }), Some(remote)) => {
                    let before = self.connection().remote.clone();
                    self.transport.set_remote(remote);
                    self.clone_base(branch, 0).await.map_err(|_| {
                        self.transport.set_remote(before);
                        moved
                    })
                }
                (cloned, _) => cloned,
            },
        }?;
        self.bases.insert(base.branch.clone());
        Ok(base)
    }

    /// Clones into the folder, thinner first.
    async fn clone_base(&mut self, branch: Option<&str>, first: usize) -> Result<Base, Error> {
        let mut refused = None;
        for depth in Depth::ALL.into_iter().skip(first) {
            // A clone that was killed leaves its folder.
            let _ = fs::remove_dir_all(self.repository_path());
            match self.clone_with(depth, branch).await {
                Ok(()) => {
                    self.depth = Some(depth);
                    return self.cloned_base(branch, depth);
                }
                // No other fault has to do with what the server can do.
                Err(error @ Error::Remote { .. }) => refused = refused.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        Err(refused.unwrap_or(Error::NoRemote))
    }

    async fn clone_with(&self, depth: Depth, branch: Option<&str>) -> Result<(), Error> {
        let mut command: Vec<OsString> =
            arguments(["clone", "--bare", "--quiet", "--single-branch", "--no-tags", "--template="]);
        command.extend(arguments(depth.options()));
        command.extend(branch.map(|branch| format!("--branch={branch}").into()));
        command.extend(["--".into(), self.remote_argument().into(), self.repository_path().into()]);
        let task = Task { arguments: command, repository: None, directory: self.folder(), input: Vec::new() };
        let output = self.transport.run(&task).await?;
        if output.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stderr);
        if let Some(branch) = branch
            && text.contains("Remote branch ")
            && text.contains(" not found in upstream")
        {
            return Err(Error::BranchMissing { remote: self.remote_text(), branch: branch.to_owned() });
        }
        Err(self.transport.failure(&output))
    }

    /// Reads what a clone has found out: the branch behind HEAD and its commit.
    fn cloned_base(&self, asked: Option<&str>, depth: Depth) -> Result<Base, Error> {
        let remote = self.remote_text();
        let repository = self.repository()?;
        let detached = || match asked {
            // `clone --branch` takes a tag, too.
            Some(branch) => Error::BranchMissing { remote: remote.clone(), branch: branch.to_owned() },
            None => Error::HeadDetached { remote: remote.clone() },
        };
        let head = repository.head().map_err(|error| match error.code() {
            git2::ErrorCode::UnbornBranch | git2::ErrorCode::NotFound => Error::Empty { remote: remote.clone() },
            _ => Error::Object { what: "HEAD".to_owned(), source: error },
        })?;
        let branch = head.name().ok().and_then(|name| name.strip_prefix("refs/heads/")).ok_or_else(detached)?;
        let commit = head.peel_to_commit().map_err(Error::object("HEAD"))?.id();
        Ok(Base { branch: branch.to_owned(), commit: CommitId(commit), depth })
    }

    /// Fetches into a repository that is there already: the base may have moved, or another branch is asked for.
    async fn fetch_again(&mut self, branch: Option<&str>, depth: Depth) -> Result<Base, Error> {
        let branch = match branch {
            Some(branch) => branch.to_owned(),
            None => self.cloned_base(None, depth)?.branch,
        };
        let target = format!("refs/base/{branch}");
        let mut command = arguments(FETCH);
        command.extend(arguments(depth.options()));
        command.extend(arguments(["origin", &format!("+refs/heads/{branch}:{target}")]));
        let task = self.task(command, Vec::new());
        let output = self.transport.run(&task).await?;
        if !output.success() {
            if String::from_utf8_lossy(&output.stderr).contains("couldn't find remote ref") {
                return Err(Error::BranchMissing { remote: self.remote_text(), branch });
            }
            return Err(self.transport.failure(&output));
        }
        let commit = self.repository()?.refname_to_id(&target).map_err(Error::object(target))?;
        Ok(Base { branch, commit: CommitId(commit), depth })
    }

    /// Lists the files of a commit that was fetched or built.
    ///
    /// # Errors
    /// [`Error::Object`] if its trees can't be read.
    pub fn snapshot(&self, commit: &CommitId) -> Result<Listing, Error> {
        tree::list(&self.repository()?, commit.0)
    }

    /// Gives the snapshot the bytes of files, in one batch. Paths that aren't there are left out; see
    /// [`super::FILE_LIMIT`] for files that are too large.
    ///
    /// A walk asks again and again, and a round costs more than a thousand small files: manifests that it is likely
    /// to ask for next are fetched in the same batch, but not read.
    ///
    /// # Errors
    /// [`Error`] if they can't be fetched.
    pub async fn load(&mut self, snapshot: &mut Snapshot, paths: &[RepoPath]) -> Result<(), Error> {
        let wanted = tree::wanted(snapshot, paths);
        let mut missing = tree::missing(&self.repository()?, &wanted)?;
        if !missing.is_empty() {
            let likely = tree::wanted(snapshot, &likely_next(snapshot, paths));
            missing.extend(tree::missing(&self.repository()?, &likely)?);
            missing.sort();
            missing.dedup();
        }
        self.fetch_blobs(&missing).await?;
        tree::read(&self.repository()?, snapshot, wanted)
    }

    /// Fetches blobs by name; where the server doesn't serve names, everything.
    pub(super) async fn fetch_blobs(&mut self, oids: &[Oid]) -> Result<(), Error> {
        if oids.is_empty() {
            return Ok(());
        }
        match self.fetch_objects(oids).await {
            Err(Error::Remote { .. }) if self.depth == Some(Depth::Blobless) => {}
            other => return other,
        }
        // Protocol version 0 without `uploadpack.allowAnySHA1InWant`: once more, with the files.
        let branch = self.cloned_base(None, Depth::Blobless)?.branch;
        let kept = self.repository_path().with_extension("blobless");
        let failed = |source| Error::File { path: kept.clone(), source };
        fs::rename(self.repository_path(), &kept).map_err(failed)?;
        self.clone_base(Some(&branch), 1).await?;
        // Commits that were built already are still needed.
        let alternates = self.repository_path().join("objects/info/alternates");
        let objects = format!("{}\n", kept.join("objects").display());
        fs::create_dir_all(alternates.with_file_name(""))
            .and_then(|()| fs::write(&alternates, objects))
            .map_err(failed)?;
        // The branch may have been rewritten in between.
        if self.missing_objects(oids)?.is_empty() { Ok(()) } else { Err(Error::BaseGone) }
    }

    /// Fetches objects by name, as Git's own lazy fetch does: no negotiation, one round.
    pub(super) async fn fetch_objects(&self, oids: &[Oid]) -> Result<(), Error> {
        let mut command = arguments(["-c", "fetch.negotiationAlgorithm=noop"]);
        command.extend(arguments(FETCH));
        command.extend(arguments(["--filter=blob:none", "--stdin", "origin"]));
        let input: String = oids.iter().map(|oid| format!("{oid}\n")).collect();
        self.transport.must(&self.task(command, input.into_bytes())).await.map(drop)
    }
}

/// Fetching this many small files more takes about as long as asking once more.
const LIKELY_LIMIT: usize = 2000;

/// All manifests of a small repository; of a large one those that stand beside the asked ones.
fn likely_next(snapshot: &Snapshot, paths: &[RepoPath]) -> Vec<RepoPath> {
    let is_manifest = |path: &&RepoPath| {
        let name = path.file_name();
        // No `.json`: where people keep any, most are dashboards, and large.
        [".yaml", ".yml", ".env"].iter().any(|end| name.ends_with(end)) || name == "Kustomization"
    };
    let manifests: Vec<&RepoPath> = snapshot.entries.keys().filter(is_manifest).collect();
    if manifests.len() <= LIKELY_LIMIT {
        return manifests.into_iter().cloned().collect();
    }
    let folders: HashSet<RepoPath> = paths.iter().map(RepoPath::parent).collect();
    let beside = manifests.into_iter().filter(|path| folders.contains(&path.parent()));
    beside.take(LIKELY_LIMIT).cloned().collect()
}

/// A fetch that writes objects and the refs it names, and nothing else.
pub(super) const FETCH: [&str; 5] = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance"];

/// Tells whether a name may be a branch's.
pub(super) fn check_branch(branch: &str) -> Result<(), Error> {
    let refused = || Error::BranchName { branch: super::escape(branch, 200) };
    let is_name = git2::Reference::is_valid_name(&format!("refs/heads/{branch}"));
    if branch.starts_with('-') || branch == "HEAD" || !is_name { Err(refused()) } else { Ok(()) }
}

/// Opens a repository that `git` made.
pub(super) fn open(path: &std::path::Path, shown: impl Fn() -> String) -> Result<Repository, Error> {
    let format =
        git2::Config::open(&path.join("config")).and_then(|config| config.get_string("extensions.objectformat"));
    if format.is_ok_and(|format| format.eq_ignore_ascii_case("sha256")) {
        return Err(Error::Sha256 { repository: shown() });
    }
    Repository::open_bare(path).map_err(|source| Error::Clone { path: path.to_owned(), source })
}
