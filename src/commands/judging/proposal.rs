//! What the base would be with a pull request merged: the files that differ from it, and what every environment runs.

use std::sync::Arc;

use crate::commands::fault::Fault;
use crate::commands::reading::Reading;
use crate::commands::session::Session;
use crate::git::{self, Change, Proposed, merged_file};
use crate::model::{BlobId, Entry, EntryKind, RepoPath, Snapshot};

/// The base with a pull request merged.
pub struct Merge {
    /// The files afterwards.
    pub snapshot: Snapshot,
    /// Those that differ from the base.
    pub files: Vec<MergedFile>,
    /// Those that can't be merged.
    pub conflicts: Vec<String>,
}

/// A file that differs from the base.
pub struct MergedFile {
    /// Its path for people.
    pub shown: String,
    /// Its path; none if it can't be used as one.
    pub path: Option<RepoPath>,
    /// Its bytes afterwards, if it is edited and stays what it is.
    pub edited: Option<Arc<[u8]>>,
}

/// What becomes of one file.
enum Fate {
    /// The base holds it already.
    Same,
    /// It is edited.
    Edited(Entry, Arc<[u8]>),
    /// It is added, deleted or turned into something else.
    Other(Option<Entry>),
    /// Both sides changed the same lines.
    Conflict,
}

impl Merge {
    /// Merges in memory, file by file, as a merge of the branches would.
    ///
    /// # Errors
    /// Files of the base can't be read.
    pub async fn of(session: &Session, reading: &mut Reading, proposed: &Proposed) -> Result<Self, Fault> {
        let paths: Vec<RepoPath> = proposed.diff.files.iter().filter_map(edited_path).cloned().collect();
        reading.load(session, &paths).await?;
        let mut merge = Self { snapshot: reading.snapshot.clone(), files: Vec::new(), conflicts: Vec::new() };
        let mut entries: Vec<(RepoPath, Option<Entry>)> = Vec::new();
        for file in &proposed.diff.files {
            let path = edited_path(file).cloned().or_else(|| file.path.parse().ok());
            let mut differs = |edited| {
                merge.files.push(MergedFile { shown: file.path.clone(), path: path.clone(), edited });
            };
            match fate(&reading.snapshot, path.as_ref(), file) {
                Fate::Same => {}
                Fate::Conflict => merge.conflicts.push(file.path.clone()),
                Fate::Other(entry) => {
                    differs(None);
                    entries.extend(path.map(|path| (path, entry)));
                }
                Fate::Edited(entry, bytes) => {
                    differs(Some(Arc::clone(&bytes)));
                    merge.snapshot.blobs.insert(entry.id.clone(), bytes);
                    entries.extend(path.map(|path| (path, Some(entry))));
                }
            }
        }
        merge.snapshot = merge.snapshot.with_entries(entries);
        Ok(merge)
    }
}

fn edited_path(file: &git::ChangedFile) -> Option<&RepoPath> {
    match &file.change {
        Change::Edited { path, .. } => Some(path),
        Change::Other => None,
    }
}

fn fate(base: &Snapshot, path: Option<&RepoPath>, file: &git::ChangedFile) -> Fate {
    let there = path.and_then(|path| base.entry(path));
    if path.is_some() && there == file.entry.as_ref() {
        return Fate::Same;
    }
    let (Change::Edited { before, after, .. }, Some(entry)) = (&file.change, &file.entry) else {
        return Fate::Other(file.entry.clone());
    };
    let Some(now) = path.and_then(|path| base.bytes(path)) else { return Fate::Conflict };
    // A file over the limit has the same bytes whatever it holds.
    let is_whole = [before, after, now].iter().all(|bytes| bytes.len() <= git::FILE_LIMIT);
    if now == before || !is_whole {
        return Fate::Edited(entry.clone(), Arc::clone(after));
    }
    match merged_file(before, now, after) {
        Some(bytes) if bytes.as_slice() == now.as_ref() => Fate::Same,
        Some(bytes) => {
            let id = BlobId(format!("merged:{}", file.path));
            Fate::Edited(Entry { id, kind: EntryKind::File }, bytes.into())
        }
        None => Fate::Conflict,
    }
}
