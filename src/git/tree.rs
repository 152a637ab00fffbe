//! The tree of a commit as a snapshot, and the bytes of its files.

use std::collections::BTreeMap;
use std::sync::Arc;

use git2::{ObjectType, Oid, Repository};

use super::{Error, escape};
use crate::model::{BlobId, Entry, EntryKind, RepoPath, Snapshot};

/// No larger file is read. The snapshot holds [`FILE_LIMIT`] + 1 NUL bytes in its place, so that whoever reads it
/// sees that it is too large, and whoever doesn't look can't take a part for the whole.
pub const FILE_LIMIT: usize = 4 << 20;
/// No repository that people work with has as many files; a few nested trees can pretend to have any number.
const ENTRY_LIMIT: usize = 3_000_000;

/// The files of one commit, and those whose names can't be used.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// What can be read.
    pub snapshot: Snapshot,
    /// Paths that are not UTF-8 or hold control characters or backslashes, escaped: left alone.
    pub skipped: Vec<String>,
}

/// Lists the tree of a commit without reading any blob.
pub(super) fn list(repository: &Repository, commit: Oid) -> Result<Listing, Error> {
    let failed = || Error::object(format!("the tree of {commit}"));
    let root = repository.find_commit(commit).and_then(|commit| commit.tree()).map_err(failed())?;
    let mut entries = Vec::new();
    let mut skipped = Vec::new();
    let mut waiting = vec![(Vec::new(), root)];
    let mut seen = 0_usize;
    while let Some((prefix, tree)) = waiting.pop() {
        for item in &tree {
            seen += 1;
            if seen > ENTRY_LIMIT {
                let source = git2::Error::from_str("more than three million entries");
                return Err(Error::Object { what: format!("the tree of {commit}"), source });
            }
            let mut path: Vec<u8> = prefix.clone();
            path.extend_from_slice(item.name_bytes());
            let kind = match (item.kind(), item.filemode()) {
                (Some(ObjectType::Tree), _) => {
                    path.push(b'/');
                    waiting.push((path, repository.find_tree(item.id()).map_err(failed())?));
                    continue;
                }
                (_, 0o120_000) => EntryKind::Symlink,
                (_, 0o160_000) => EntryKind::Submodule,
                _ => EntryKind::File,
            };
            match repo_path(&path) {
                Some(path) => entries.push((path, Entry { id: BlobId(item.id().to_string()), kind })),
                None => skipped.push(escape(&String::from_utf8_lossy(&path), 300)),
            }
        }
    }
    skipped.sort();
    let entries: BTreeMap<RepoPath, Entry> = entries.into_iter().collect();
    let snapshot = Snapshot { commit: commit.to_string(), entries: Arc::new(entries), blobs: Default::default() };
    Ok(Listing { snapshot, skipped })
}

/// Returns the path, if it is one that means the same when read as text.
pub(super) fn repo_path(bytes: &[u8]) -> Option<RepoPath> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.parse::<RepoPath>().ok().filter(|path| path.as_str() == text)
}

/// The blobs at `paths` whose bytes the snapshot lacks; a path that isn't there or is a submodule has none.
pub(super) fn wanted(snapshot: &Snapshot, paths: &[RepoPath]) -> Vec<(RepoPath, BlobId)> {
    let entry = |path: &RepoPath| {
        let entry = snapshot.entry(path).filter(|entry| entry.kind != EntryKind::Submodule)?;
        (!snapshot.blobs.contains_key(&entry.id)).then(|| (path.clone(), entry.id.clone()))
    };
    paths.iter().filter_map(entry).collect()
}

/// Those of `blobs` that the repository doesn't hold, each once.
pub(super) fn missing(repository: &Repository, blobs: &[(RepoPath, BlobId)]) -> Result<Vec<Oid>, Error> {
    let store = repository.odb().map_err(Error::object("the object database"))?;
    let mut oids = Vec::new();
    for (path, id) in blobs {
        let oid = Oid::from_str(&id.0).map_err(Error::object(format!("the blob of `{path}`")))?;
        // Without a refresh a miss costs no look at the disk.
        if !store.exists_ext(oid, git2::OdbLookupFlags::NO_REFRESH) {
            oids.push(oid);
        }
    }
    oids.sort();
    oids.dedup();
    Ok(oids)
}

/// Reads blobs that are there into the snapshot.
pub(super) fn read(
    repository: &Repository,
    snapshot: &mut Snapshot,
    blobs: Vec<(RepoPath, BlobId)>,
) -> Result<(), Error> {
    let store = repository.odb().map_err(Error::object("the object database"))?;
    for (path, id) in blobs {
        let oid = Oid::from_str(&id.0).map_err(Error::object(format!("the blob of `{path}`")))?;
        let bytes = bytes(&store, oid).map_err(|error| match error.code() {
            git2::ErrorCode::NotFound => Error::BlobMissing { path: path.clone() },
            _ => Error::Object { what: format!("the blob of `{path}`"), source: error },
        })?;
        snapshot.blobs.insert(id, bytes);
    }
    Ok(())
}

/// The bytes of a blob, or what stands for too many of them.
pub(super) fn bytes(store: &git2::Odb<'_>, oid: Oid) -> Result<Arc<[u8]>, git2::Error> {
    let (size, _) = store.read_header(oid)?;
    if size > FILE_LIMIT {
        return Ok(too_large());
    }
    Ok(store.read(oid)?.data().into())
}

/// What stands for the bytes of a file over the limit.
pub(super) fn too_large() -> Arc<[u8]> {
    vec![0; FILE_LIMIT + 1].into()
}
