//! A branch of the remote, and how it differs from the base.

use std::sync::Arc;

use git2::{Delta, Oid};

use super::base::{FETCH, check_branch};
use super::{CommitId, Depth, Error, Workspace, tree};
use crate::model::{BlobId, Entry, EntryKind, RepoPath};
use crate::process::arguments;

/// A branch of the remote and its newest commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteBranch {
    /// Its name without `refs/heads/`.
    pub name: String,
    /// Its newest commit.
    pub commit: CommitId,
}

/// What a branch changes: its newest commit against the merge base with the base branch, as a pull request shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchDiff {
    /// The branch's newest commit.
    pub tip: CommitId,
    /// The base branch's newest commit.
    pub base: CommitId,
    /// Where they part; none if they have nothing in common, and then `files` is empty.
    pub merge_base: Option<CommitId>,
    /// Every file that differs, in order of path.
    pub files: Vec<ChangedFile>,
}

/// A file that a branch changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedFile {
    /// Its path, escaped if it can't be used as one.
    pub path: String,
    /// What happened to it.
    pub change: Change,
    /// What stands there on the branch; none if it was deleted.
    pub entry: Option<Entry>,
}

/// What happened to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A regular file with other bytes and the same mode.
    Edited {
        /// Its path.
        path: RepoPath,
        /// The bytes at the merge base.
        before: Arc<[u8]>,
        /// The bytes on the branch.
        after: Arc<[u8]>,
    },
    /// Added, deleted, with another mode, no regular file, or one of more than a thousand.
    Other,
}

/// Histories are fetched this deep first: a branch of ours is one commit beside a base that moves on.
pub(super) const FIRST_DEPTH: usize = 64;
/// No promotion edits as many files.
const EDIT_LIMIT: usize = 1000;

impl Workspace {
    /// Compares a branch of the remote with its merge base with the base branch, both as they are now.
    ///
    /// # Errors
    /// [`Error::BranchMissing`], or why the remote can't be reached.
    pub async fn diff_against_merge_base(&mut self, branch: &str, base: &str) -> Result<BranchDiff, Error> {
        check_branch(branch)?;
        check_branch(base)?;
        if self.depth.is_none() {
            self.fetch_base(Some(base)).await?;
        }
        self.compare(&format!("refs/heads/{branch}"), base, None).await
    }

    /// Compares a ref of the remote with its merge base with the base branch: with `at`, a commit on it, or as it is now.
    pub(super) async fn compare(&mut self, head: &str, base: &str, at: Option<&CommitId>) -> Result<BranchDiff, Error> {
        let mut depth = Some(FIRST_DEPTH);
        loop {
            self.fetch_histories(head, base, depth).await?;
            let (tip, newest) = (self.compared("head")?, self.compared("base")?);
            let base_tip = at.map_or(newest, |commit| commit.0);
            let merge_base = self.merge_base(tip, base_tip).await?;
            let is_whole = !self.repository()?.is_shallow();
            match (merge_base, depth) {
                (Some(merge_base), _) => return self.diff(tip, base_tip, merge_base).await,
                (None, Some(known)) if !is_whole => depth = Some(known * 16).filter(|next| *next < 1 << 20),
                (None, _) => {
                    let (tip, base) = (CommitId(tip), CommitId(base_tip));
                    return Ok(BranchDiff { tip, base, merge_base: None, files: Vec::new() });
                }
            }
        }
    }

    /// Fetches both histories: the first time with trees, of which only what differs is sent; deeper without.
    async fn fetch_histories(&self, head: &str, base: &str, depth: Option<usize>) -> Result<(), Error> {
        let mut command = arguments(FETCH);
        let filter = if depth == Some(FIRST_DEPTH) { "--filter=blob:none" } else { "--filter=tree:0" };
        if self.depth == Some(Depth::Blobless) {
            command.push(filter.into());
        }
        match depth {
            _ if self.depth == Some(Depth::Full) => {}
            Some(depth) => command.push(format!("--depth={depth}").into()),
            None => command.push("--unshallow".into()),
        }
        let base = format!("refs/heads/{base}");
        command.extend(arguments([
            "origin",
            &format!("+{head}:refs/compared/head"),
            &format!("+{base}:refs/compared/base"),
        ]));
        let output = self.transport.run(&self.task(command, Vec::new())).await?;
        if output.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stderr);
        let missing = [head, &base]
            .into_iter()
            .find(|name| text.contains("couldn't find remote ref") && text.trim_end().ends_with(&format!(" {name}")));
        match missing {
            Some(name) => {
                let branch = name.strip_prefix("refs/heads/").unwrap_or(name).to_owned();
                Err(Error::BranchMissing { remote: self.remote_text(), branch })
            }
            None => Err(self.transport.failure(&output)),
        }
    }

    /// Returns the newest commit of one of both histories.
    pub(super) fn compared(&self, side: &str) -> Result<Oid, Error> {
        let name = format!("refs/compared/{side}");
        self.repository()?.refname_to_id(&name).map_err(Error::object(name))
    }

    /// Asks `git`, because libgit2's walk doesn't stop where a shallow history does.
    async fn merge_base(&self, tip: Oid, base: Oid) -> Result<Option<Oid>, Error> {
        let command = arguments(["merge-base", &tip.to_string(), &base.to_string()]);
        let output = self.transport.run(&self.task(command, Vec::new())).await?;
        let text = String::from_utf8_lossy(&output.stdout);
        match (output.code, Oid::from_str(text.trim())) {
            (Some(0), Ok(merge_base)) => Ok(Some(merge_base)),
            (Some(1), _) => Ok(None),
            _ => Err(self.transport.failure(&output)),
        }
    }

    async fn diff(&mut self, tip: Oid, base: Oid, merge_base: Oid) -> Result<BranchDiff, Error> {
        let missing = self.missing_trees(&[tip, merge_base])?;
        if !missing.is_empty() {
            self.fetch_objects(&missing).await?;
        }
        let deltas = self.deltas(tip, merge_base)?;
        let edits: Vec<(Oid, Oid)> = deltas.iter().filter_map(|delta| delta.edit).collect();
        let is_few = edits.len() <= EDIT_LIMIT;
        if is_few {
            let blobs: Vec<Oid> = edits.iter().flat_map(|(before, after)| [*before, *after]).collect();
            let missing = self.missing_objects(&blobs)?;
            self.fetch_blobs(&missing).await?;
        }
        let repository = self.repository()?;
        let store = repository.odb().map_err(Error::object("the object database"))?;
        let read = |oid| tree::bytes(&store, oid).map_err(Error::object(format!("blob {oid}")));
        let mut files = Vec::new();
        for delta in deltas {
            let change = match (delta.edit, tree::repo_path(&delta.path)) {
                (Some((before, after)), Some(path)) if is_few => {
                    Change::Edited { path, before: read(before)?, after: read(after)? }
                }
                _ => Change::Other,
            };
            let path = super::escape(&String::from_utf8_lossy(&delta.path), 300);
            files.push(ChangedFile { path, change, entry: delta.entry });
        }
        Ok(BranchDiff { tip: CommitId(tip), base: CommitId(base), merge_base: Some(CommitId(merge_base)), files })
    }

    /// The root trees of commits that aren't here. A root that is here came with everything below it.
    fn missing_trees(&self, commits: &[Oid]) -> Result<Vec<Oid>, Error> {
        let repository = self.repository()?;
        let mut roots = Vec::new();
        for commit in commits {
            roots.push(repository.find_commit(*commit).map_err(Error::object(format!("commit {commit}")))?.tree_id());
        }
        drop(repository);
        self.missing_objects(&roots)
    }

    pub(super) fn missing_objects(&self, oids: &[Oid]) -> Result<Vec<Oid>, Error> {
        let repository = self.repository()?;
        let store = repository.odb().map_err(Error::object("the object database"))?;
        let mut missing: Vec<Oid> = oids.iter().copied().filter(|oid| !store.exists(*oid)).collect();
        missing.sort();
        missing.dedup();
        Ok(missing)
    }

    fn deltas(&self, tip: Oid, merge_base: Oid) -> Result<Vec<FileDelta>, Error> {
        let repository = self.repository()?;
        let tree = |commit| repository.find_commit(commit).and_then(|commit| commit.tree());
        let failed = || Error::object("the branch's changes");
        let (before, after) = (tree(merge_base).map_err(failed())?, tree(tip).map_err(failed())?);
        let diff = repository.diff_tree_to_tree(Some(&before), Some(&after), None).map_err(failed())?;
        let regular = |mode| matches!(mode, git2::FileMode::Blob | git2::FileMode::BlobExecutable);
        let file = |delta: git2::DiffDelta<'_>| {
            let (old, new) = (delta.old_file(), delta.new_file());
            let is_edit = delta.status() == Delta::Modified && regular(old.mode()) && old.mode() == new.mode();
            let path = new.path_bytes().or(old.path_bytes()).unwrap_or_default().to_vec();
            let kind = match new.mode() {
                git2::FileMode::Link => EntryKind::Symlink,
                git2::FileMode::Commit => EntryKind::Submodule,
                _ => EntryKind::File,
            };
            let is_there = delta.status() != Delta::Deleted;
            let entry = is_there.then(|| Entry { id: BlobId(new.id().to_string()), kind });
            FileDelta { path, edit: is_edit.then(|| (old.id(), new.id())), entry }
        };
        Ok(diff.deltas().map(file).collect())
    }
}

/// A path that differs, with the blobs before and after if it is a plain edit.
struct FileDelta {
    path: Vec<u8>,
    edit: Option<(Oid, Oid)>,
    entry: Option<Entry>,
}
