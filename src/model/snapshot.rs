//! The files of one commit, as far as they were read.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use super::RepoPath;

/// The name of a blob: 40 hexadecimal digits for Git's SHA-1 object format.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BlobId(pub String);

/// What a path of the tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A regular file (modes 100644 and 100755).
    File,
    /// A symbolic link (mode 120000).
    Symlink,
    /// A submodule (mode 160000).
    Submodule,
}

/// A path of the tree and what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its blob.
    pub id: BlobId,
    /// What it is.
    pub kind: EntryKind,
}

/// Paths and blob ids of one commit, and the blobs given so far.
///
/// A walk over it is pure: it answers a result, or the blobs it still needs.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The commit's name; empty for a working tree.
    pub commit: String,
    /// Every file of the tree whose path is UTF-8.
    pub entries: Arc<BTreeMap<RepoPath, Entry>>,
    /// The contents given so far.
    pub blobs: HashMap<BlobId, Arc<[u8]>>,
}

impl Snapshot {
    /// Returns what stands at a path.
    pub fn entry(&self, path: &RepoPath) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// Returns the bytes of the file at a path, if they were given.
    pub fn bytes(&self, path: &RepoPath) -> Option<&Arc<[u8]>> {
        self.entries.get(path).and_then(|entry| self.blobs.get(&entry.id))
    }

    /// Returns the entries below a directory, in order of path.
    pub fn below<'a>(&'a self, directory: &'a RepoPath) -> impl Iterator<Item = (&'a RepoPath, &'a Entry)> {
        // Siblings such as `prod-us` sort between `prod` and `prod/…`: there may be many, so they are not passed by.
        let inside = if directory.as_str().is_empty() { String::new() } else { format!("{directory}/") };
        let beginning = (Bound::Excluded(inside.as_str()), Bound::Unbounded);
        let below = self.entries.range::<str, _>(beginning);
        let itself = self.entries.get_key_value(directory);
        itself.into_iter().chain(below.take_while(move |(path, _)| path.as_str().starts_with(&inside)))
    }

    /// Tells whether anything stands below a directory.
    pub fn is_directory(&self, directory: &RepoPath) -> bool {
        directory.as_str().is_empty() || self.below(directory).any(|(path, _)| path != directory)
    }

    /// Returns the same snapshot with something else, or nothing, at each of these paths.
    pub fn with_entries(&self, changes: impl IntoIterator<Item = (RepoPath, Option<Entry>)>) -> Self {
        let mut entries = (*self.entries).clone();
        for (path, entry) in changes {
            match entry {
                Some(entry) => entries.insert(path, entry),
                None => entries.remove(&path),
            };
        }
        Self { commit: self.commit.clone(), entries: Arc::new(entries), blobs: self.blobs.clone() }
    }

    /// Returns the same snapshot with one file's bytes replaced, as an edit would leave it.
    pub fn with_file(&self, path: &RepoPath, bytes: Vec<u8>) -> Self {
        let id = BlobId(format!("edited:{path}"));
        let mut entries = (*self.entries).clone();
        entries
            .entry(path.clone())
            .and_modify(|entry| entry.id = id.clone())
            .or_insert_with(|| Entry { id: id.clone(), kind: EntryKind::File });
        let mut blobs = self.blobs.clone();
        blobs.insert(id, bytes.into());
        Self { commit: self.commit.clone(), entries: Arc::new(entries), blobs }
    }
}
