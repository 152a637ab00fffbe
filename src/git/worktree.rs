//! The files of a directory as they are on the disk, with or without Git.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use git2::Repository;

use super::tree::{repo_path, too_large, wanted};
use super::{Error, FILE_LIMIT, Listing, escape};
use crate::model::{BlobId, Entry, EntryKind, RepoPath, Snapshot};

/// Returns the root of the working tree that a directory is in; the directory itself outside of Git.
pub fn worktree_root(directory: &Path) -> PathBuf {
    let nowhere: [&str; 0] = [];
    let root = Repository::discover_path(directory, nowhere)
        .and_then(Repository::open)
        .ok()
        .and_then(|repository| repository.workdir().map(Path::to_owned));
    root.unwrap_or_else(|| directory.to_owned())
}

/// Lists the files below a root as they are on the disk; what Git ignores is left out.
///
/// # Errors
/// [`Error::File`] if the root can't be read.
pub fn worktree_snapshot(root: &Path) -> Result<Listing, Error> {
    let ignores = Repository::open(root).ok().map(Ignores::of);
    let is_ignored = |path: &str| ignores.as_ref().is_some_and(|ignores| ignores.cover(path));
    let mut listing = Listing::default();
    let mut entries = Vec::new();
    let mut waiting = vec![(root.to_owned(), String::new())];
    while let Some((folder, prefix)) = waiting.pop() {
        let items = match fs::read_dir(&folder) {
            Ok(items) => items,
            Err(source) if prefix.is_empty() => return Err(Error::File { path: folder, source }),
            Err(_) => {
                listing.skipped.push(escape(&prefix, 300));
                continue;
            }
        };
        for item in items.flatten() {
            let name = item.file_name();
            let (Some(name), Ok(kind)) = (name.to_str(), item.file_type()) else {
                listing.skipped.push(escape(&format!("{prefix}{}", name.to_string_lossy()), 300));
                continue;
            };
            let path = format!("{prefix}{name}");
            if name == ".git" || is_ignored(&path) {
                continue;
            }
            let is_repository = kind.is_dir() && item.path().join(".git").exists();
            if kind.is_dir() && !is_repository {
                waiting.push((item.path(), format!("{path}/")));
                continue;
            }
            let kind = match (is_repository, kind.is_symlink()) {
                (true, _) => EntryKind::Submodule,
                (false, true) => EntryKind::Symlink,
                (false, false) if kind.is_file() => EntryKind::File,
                // Sockets and devices are in no commit.
                (false, false) => continue,
            };
            match repo_path(path.as_bytes()) {
                Some(path) => entries.push((path.clone(), Entry { id: BlobId(format!("worktree:{path}")), kind })),
                None => listing.skipped.push(escape(&path, 300)),
            }
        }
    }
    listing.skipped.sort();
    listing.snapshot.entries = Arc::new(entries.into_iter().collect());
    Ok(listing)
}

/// What Git ignores: never what it tracks.
struct Ignores {
    repository: Repository,
    tracked: BTreeSet<Vec<u8>>,
}

impl Ignores {
    fn of(repository: Repository) -> Self {
        let tracked = repository.index().map(|index| index.iter().map(|entry| entry.path).collect());
        Self { tracked: tracked.unwrap_or_default(), repository }
    }

    fn cover(&self, path: &str) -> bool {
        // Asking for the rules is slow, and nearly everything is tracked.
        if self.tracked.contains(path.as_bytes()) || !self.repository.is_path_ignored(path).unwrap_or(false) {
            return false;
        }
        let below = format!("{path}/").into_bytes();
        let is_above_tracked = self.tracked.range(below.clone()..).next().is_some_and(|next| next.starts_with(&below));
        !is_above_tracked
    }
}

/// Gives the snapshot of a working tree the bytes of files; see [`FILE_LIMIT`].
///
/// # Errors
/// [`Error::File`] if one can't be read.
pub fn load_worktree(root: &Path, snapshot: &mut Snapshot, paths: &[RepoPath]) -> Result<(), Error> {
    for (path, id) in wanted(snapshot, paths) {
        let file = root.join(path.as_str());
        let bytes = read(&file).map_err(|source| Error::File { path: file, source })?;
        snapshot.blobs.insert(id, bytes);
    }
    Ok(())
}

fn read(file: &Path) -> std::io::Result<Arc<[u8]>> {
    if file.symlink_metadata()?.is_symlink() {
        // A link's content in Git is where it points to.
        return Ok(fs::read_link(file)?.to_string_lossy().into_owned().into_bytes().into());
    }
    let mut bytes = Vec::new();
    fs::File::open(file)?.take(FILE_LIMIT as u64 + 1).read_to_end(&mut bytes)?;
    Ok(if bytes.len() > FILE_LIMIT { too_large() } else { bytes.into() })
}
