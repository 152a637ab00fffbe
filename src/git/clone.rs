//! The user's own clone: found from a directory upward, and only ever read.

use std::path::{Path, PathBuf};

use git2::{Oid, Repository};

use super::{Environment, Error, Listing, Program, RemoteUrl, Settings, escape, tree};
use crate::model::{RepoPath, Snapshot};

/// The user's clone. Nothing here writes, and no `GIT_*` variable moves it.
pub struct Clone {
    path: PathBuf,
    settings: Settings,
}

/// A branch of the remote as it was last fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// Its name on the remote.
    pub branch: String,
    /// The commit, as 40 digits.
    pub commit: String,
}

impl Clone {
    /// Finds the clone that `directory` is in: a working tree, a linked one, a bare repository, in any state.
    ///
    /// # Errors
    /// [`Error::NotAClone`], [`Error::Settings`].
    pub async fn open(program: &Program, environment: &Environment, directory: &Path) -> Result<Self, Error> {
        let nowhere: [&str; 0] = [];
        let path = Repository::discover_path(directory, nowhere)
            .map_err(|_| Error::NotAClone { directory: directory.to_owned() })?;
        let settings = Settings::read(program, environment, directory).await?;
        Ok(Self { path, settings })
    }

    /// Returns the Git configuration that holds in it.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the root of its working tree; none for a bare repository.
    ///
    /// # Errors
    /// [`Error::Clone`] if it can't be opened.
    pub fn root(&self) -> Result<Option<PathBuf>, Error> {
        Ok(self.repository()?.workdir().map(Path::to_owned))
    }

    /// Returns the name of the remote to promote in: `asked`, else the upstream's of the current branch, else
    /// `origin`, else the only one.
    ///
    /// # Errors
    /// [`Error::RemoteUnknown`], [`Error::RemoteAmbiguous`], [`Error::NoRemote`].
    pub fn choose_remote(&self, asked: Option<&str>) -> Result<String, Error> {
        let remotes = self.settings.remotes();
        let known = || remotes.iter().map(|name| escape(name, 100)).collect::<Vec<_>>();
        let has = |name: &str| remotes.contains(&name);
        if let Some(name) = asked {
            let unknown = || Error::RemoteUnknown { name: escape(name, 100), known: known() };
            return if has(name) { Ok(name.to_owned()) } else { Err(unknown()) };
        }
        let upstream = self.current_branch().and_then(|branch| {
            self.settings.value(&format!("branch.{branch}.remote")).filter(|name| has(name)).map(str::to_owned)
        });
        match (upstream, remotes.as_slice()) {
            (Some(name), _) => Ok(name),
            (None, []) => Err(Error::NoRemote),
            (None, _) if has("origin") => Ok("origin".to_owned()),
            (None, [only]) => Ok((*only).to_owned()),
            (None, _) => Err(Error::RemoteAmbiguous { known: known() }),
        }
    }

    /// Returns a remote's address.
    ///
    /// # Errors
    /// [`Error::Url`] if it is one that isn't used; see [`RemoteUrl::parse`].
    pub fn remote_url(&self, name: &str, plain_http: &[String]) -> Result<RemoteUrl, Error> {
        let text = self.settings.remote_url(name).unwrap_or_default();
        // A relative path begins at the root of the working tree, as `git fetch` reads it.
        let root = self.root().ok().flatten().unwrap_or_else(|| self.path.clone());
        RemoteUrl::parse(text, &root, plain_http).map_err(|source| Error::Url { remote: Some(name.to_owned()), source })
    }

    /// Returns the addresses of all remotes that can be used.
    pub fn remote_urls(&self, plain_http: &[String]) -> Vec<RemoteUrl> {
        self.settings.remotes().into_iter().filter_map(|name| self.remote_url(name, plain_http).ok()).collect()
    }

    /// Tells whether it has no remote at all.
    pub fn has_no_remote(&self) -> bool {
        self.settings.remotes().is_empty()
    }

    /// Returns the current branch; none if HEAD is detached, as in a rebase.
    pub fn current_branch(&self) -> Option<String> {
        let repository = self.repository().ok()?;
        let head = repository.find_reference("HEAD").ok()?;
        head.symbolic_target().ok().flatten()?.strip_prefix("refs/heads/").map(str::to_owned)
    }

    /// Lists the files of HEAD.
    ///
    /// # Errors
    /// [`Error::RevisionUnknown`] if there is no commit yet, [`Error::Clone`].
    pub fn head_snapshot(&self) -> Result<Listing, Error> {
        self.snapshot_at("HEAD")
    }

    /// Lists the files of a commit, named as `git rev-parse` takes it.
    ///
    /// # Errors
    /// [`Error::RevisionUnknown`], [`Error::Clone`].
    pub fn snapshot_at(&self, revision: &str) -> Result<Listing, Error> {
        let repository = self.repository()?;
        let unknown = |_| Error::RevisionUnknown { revision: escape(revision, 200) };
        let commit =
            repository.revparse_single(revision).and_then(|object| object.peel_to_commit()).map_err(unknown)?;
        tree::list(&repository, commit.id())
    }

    /// Returns a branch of a remote as last fetched; by default the one that the remote's HEAD names.
    ///
    /// # Errors
    /// [`Error::RevisionUnknown`] if it was never fetched.
    pub fn tracked(&self, remote: &str, branch: Option<&str>) -> Result<Tracked, Error> {
        let repository = self.repository()?;
        let prefix = format!("refs/remotes/{remote}/");
        let name = format!("{prefix}{}", branch.unwrap_or("HEAD"));
        let unknown =
            |_| Error::RevisionUnknown { revision: escape(&format!("{remote}/{}", branch.unwrap_or("HEAD")), 200) };
        let reference = repository.find_reference(&name).and_then(|found| found.resolve()).map_err(unknown)?;
        let commit = reference.peel_to_commit().map_err(unknown)?.id().to_string();
        let full = reference.name().unwrap_or(&name);
        Ok(Tracked { branch: full.strip_prefix(&prefix).unwrap_or(full).to_owned(), commit })
    }

    /// Gives the snapshot the bytes of files that the clone holds; see [`super::FILE_LIMIT`].
    ///
    /// # Errors
    /// [`Error::BlobMissing`] in a partial clone, which is never made to fetch.
    pub fn load(&self, snapshot: &mut Snapshot, paths: &[RepoPath]) -> Result<(), Error> {
        let wanted = tree::wanted(snapshot, paths);
        tree::read(&self.repository()?, snapshot, wanted)
    }

    /// Tells whether the clone holds a commit.
    pub fn has_commit(&self, commit: &str) -> bool {
        let Ok(oid) = Oid::from_str(commit) else { return false };
        self.repository().is_ok_and(|repository| repository.find_commit(oid).is_ok())
    }

    pub(super) fn repository(&self) -> Result<Repository, Error> {
        let is_sha256 = self.settings.value("extensions.objectformat").is_some_and(|name| name == "sha256");
        if is_sha256 {
            return Err(Error::Sha256 { repository: self.path.display().to_string() });
        }
        Repository::open(&self.path).map_err(|source| Error::Clone { path: self.path.clone(), source })
    }
}
