//! Which commit brought a text into a file.

use std::collections::{BTreeSet, HashSet};
use std::fs;

use git2::{DiffOptions, Oid, Repository};

use super::history::{Record, merged, told};
use super::{Base, Clone, Error, Touch, TouchedFile, Workspace, tree};
use crate::model::RepoPath;

/// A text in a file of the newest commit, whose writer is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The file.
    pub path: RepoPath,
    /// What stands in it.
    pub text: String,
}

/// Tells whether a commit that brought the text with this index is the one that is looked for.
pub type Accepts<'a> = dyn Fn(usize, &Touch) -> bool + Send + Sync + 'a;

/// A history is fetched this deep, then this deep: what was written before is as good as never recorded.
const DEPTHS: [usize; 2] = [300, 5000];
/// No more commits than these are looked at, of those that touch one of the files.
const RECORDS: usize = 2000;

impl Workspace {
    /// Returns, for each wanted text, the newest commit of the base's own line that brought it and is accepted.
    ///
    /// # Errors
    /// [`Error`] if the history can't be fetched or read.
    pub async fn writers(
        &mut self,
        base: &Base,
        wanted: &[Wanted],
        accepts: &Accepts<'_>,
    ) -> Result<Vec<Option<Touch>>, Error> {
        let mut found: Vec<Option<Touch>> = vec![None; wanted.len()];
        if wanted.is_empty() {
            return Ok(found);
        }
        for depth in DEPTHS {
            let is_shallow = self.repository()?.is_shallow();
            if is_shallow {
                self.deepen(base, Some(depth)).await?;
            }
            let records = touched(&self.repository()?, base.commit.0, wanted)?;
            let blobs: Vec<Oid> = records.iter().flat_map(Record::blobs).collect();
            let missing = self.missing_objects(&blobs)?;
            self.fetch_blobs(&missing).await?;
            found = search(&self.repository()?, base.commit.0, &records, wanted, accepts)?;
            if !is_shallow || found.iter().all(Option::is_some) || !self.repository()?.is_shallow() {
                break;
            }
        }
        Ok(found)
    }
}

impl Clone {
    /// Returns, for each wanted text, the newest commit on the line of `commit` that brought it and is accepted.
    ///
    /// # Errors
    /// [`Error`] if the clone can't be read. What it doesn't hold is not found.
    pub fn writers(&self, commit: &str, wanted: &[Wanted], accepts: &Accepts<'_>) -> Result<Vec<Option<Touch>>, Error> {
        let repository = self.repository()?;
        let tip = Oid::from_str(commit).map_err(Error::object(commit.to_owned()))?;
        let records = touched(&repository, tip, wanted)?;
        search(&repository, tip, &records, wanted, accepts)
    }
}

/// Lists the commits of the first-parent line that touch one of the wanted files, newest first.
fn touched(repository: &Repository, tip: Oid, wanted: &[Wanted]) -> Result<Vec<Record>, Error> {
    let failed = |what: Oid| Error::object(format!("the commit {what}"));
    let boundary = shallow_boundary(repository);
    let mut options = DiffOptions::new();
    options.disable_pathspec_match(true).skip_binary_check(true);
    for path in wanted.iter().map(|one| one.path.as_str()).collect::<BTreeSet<_>>() {
        options.pathspec(path);
    }
    let mut records = Vec::new();
    let mut next = Some(tip);
    for _ in 0..DEPTHS.iter().copied().max().unwrap_or_default() {
        let Some(id) = next.filter(|id| !boundary.contains(id) && records.len() < RECORDS) else { break };
        // Where the objects end, the history that can be told of ends.
        let Ok(commit) = repository.find_commit(id) else { break };
        let parents: Vec<Oid> = commit.parent_ids().collect();
        let before = match parents.first() {
            Some(parent) => match repository.find_commit(*parent).and_then(|parent| parent.tree()) {
                Ok(tree) => Some(tree),
                Err(_) => break,
            },
            None => None,
        };
        let after = commit.tree().map_err(failed(id))?;
        let diff = repository.diff_tree_to_tree(before.as_ref(), Some(&after), Some(&mut options));
        let diff = diff.map_err(failed(id))?;
        let blob = |file: git2::DiffFile<'_>| (file.mode() != git2::FileMode::Unreadable).then(|| file.id());
        let files: Vec<_> = diff
            .deltas()
            .filter_map(|delta| {
                let path = tree::repo_path(delta.new_file().path_bytes().or(delta.old_file().path_bytes())?)?;
                Some((path, blob(delta.old_file()), blob(delta.new_file())))
            })
            .collect();
        if !files.is_empty() {
            records.push(Record { told: told(&commit), parents: parents.clone(), files });
        }
        next = parents.first().copied();
    }
    Ok(records)
}

/// The commits whose parents were not fetched: they seem to have written everything.
fn shallow_boundary(repository: &Repository) -> HashSet<Oid> {
    let text = fs::read_to_string(repository.commondir().join("shallow")).unwrap_or_default();
    text.lines().filter_map(|line| Oid::from_str(line.trim()).ok()).collect()
}

fn search(
    repository: &Repository,
    tip: Oid,
    records: &[Record],
    wanted: &[Wanted],
    accepts: &Accepts<'_>,
) -> Result<Vec<Option<Touch>>, Error> {
    let store = repository.odb().map_err(Error::object("the object database"))?;
    let merged = merged(repository, tip, records);
    let mut found: Vec<Option<Touch>> = vec![None; wanted.len()];
    for (record, merged) in records.iter().zip(merged) {
        let mut files = Vec::new();
        for (path, before, after) in &record.files {
            // A blob that isn't there tells nothing: then this commit is none that can be told of.
            let read = |oid: &Option<Oid>| oid.map(|oid| tree::bytes(&store, oid)).transpose();
            if let (Ok(before), Ok(after)) = (read(before), read(after)) {
                files.push(TouchedFile { path: path.clone(), before, after });
            }
        }
        let touch = Touch { commit: record.told.clone(), merged, files };
        for (index, one) in wanted.iter().enumerate() {
            let slot = found.get_mut(index).filter(|slot| slot.is_none());
            if let Some(slot) = slot
                && touch.files.iter().any(|file| file.path == one.path && brings(file, &one.text))
                && accepts(index, &touch)
            {
                *slot = Some(touch.clone());
            }
        }
    }
    Ok(found)
}

/// Tells whether a text stands there more often than before.
fn brings(file: &TouchedFile, text: &str) -> bool {
    let count = |bytes: &Option<std::sync::Arc<[u8]>>| {
        bytes.as_ref().map_or(0, |bytes| String::from_utf8_lossy(bytes).matches(text).count())
    };
    count(&file.after) > count(&file.before)
}
