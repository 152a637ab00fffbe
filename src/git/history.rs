//! Who changed which files of the base branch, and when.

use std::collections::HashSet;
use std::sync::Arc;

use git2::{Oid, Repository};
use jiff::Timestamp;

use super::base::FETCH;
use super::{Base, CommitId, Depth, Error, Workspace, tree};
use crate::model::RepoPath;
use crate::process::arguments;

/// A commit on the base branch's own line that changed some of the files asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The commit: for a pull request that was merged, the merge.
    pub commit: Told,
    /// What it merged, newest first; the trailers of a promotion are there.
    pub merged: Vec<Told>,
    /// The files, in order of path.
    pub files: Vec<TouchedFile>,
}

/// What a commit tells of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its name.
    pub id: CommitId,
    /// When it was committed.
    pub time: Timestamp,
    /// Its author's name: what somebody's configuration says, not who it was.
    pub author: String,
    /// Its author's address.
    pub email: String,
    /// Its whole message.
    pub message: String,
}

/// A file before and after a commit; none where it wasn't there, or was no regular file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TouchedFile {
    /// Its path.
    pub path: RepoPath,
    /// Its bytes before.
    pub before: Option<Arc<[u8]>>,
    /// Its bytes after.
    pub after: Option<Arc<[u8]>>,
}

/// How far back a history goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// Newest first.
    pub touches: Vec<Touch>,
    /// Whether these are all there are; else older ones were not asked for.
    pub is_complete: bool,
}

/// Histories are fetched this deep, then the next, then whole.
const DEPTHS: [Option<usize>; 3] = [Some(300), Some(5000), None];
/// A pull request of ours has a few commits; of others no more than these are looked at.
const MERGED_LIMIT: usize = 100;

/// A commit, and the files that it changed, each with its blob before and after.
pub(super) struct Record {
    pub(super) told: Told,
    pub(super) parents: Vec<Oid>,
    pub(super) files: Vec<(RepoPath, Option<Oid>, Option<Oid>)>,
}

impl Record {
    /// Returns every blob that it names.
    pub(super) fn blobs(&self) -> impl Iterator<Item = Oid> + '_ {
        self.files.iter().flat_map(|(_, before, after)| [*before, *after]).flatten()
    }
}

impl Told {
    /// Returns each paragraph of trailers in the message, in order: a squash merge holds one of each commit.
    pub fn trailers(&self) -> Vec<Vec<(String, String)>> {
        let blocks = self.message.replace("\r\n", "\n");
        let of_block = |block: &str| -> Option<Vec<(String, String)>> {
            // Git reads trailers in the last paragraph behind a title.
            let trailers = git2::message_trailers_strs(&format!("title\n\n{}\n", block.trim_end())).ok()?;
            let trailers: Vec<_> = trailers.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
            (!trailers.is_empty()).then_some(trailers)
        };
        blocks.split("\n\n").filter_map(of_block).collect()
    }
}

impl Workspace {
    /// Returns the newest `limit` commits of the base that changed any of `paths`, with the files' bytes.
    ///
    /// # Errors
    /// [`Error`] if the history can't be fetched or read.
    pub async fn history(&mut self, base: &Base, paths: &[RepoPath], limit: usize) -> Result<History, Error> {
        let mut records = Vec::new();
        let mut is_whole = false;
        for depth in DEPTHS {
            if self.repository()?.is_shallow() {
                self.deepen(base, depth).await?;
            }
            is_whole = !self.repository()?.is_shallow();
            records = self.log(base, paths, limit).await?;
            if is_whole || records.len() >= limit {
                break;
            }
        }
        let is_complete = is_whole && records.len() < limit;
        let blobs: Vec<Oid> = records.iter().flat_map(Record::blobs).collect();
        let missing = self.missing_objects(&blobs)?;
        self.fetch_blobs(&missing).await?;
        let repository = self.repository()?;
        let merged = merged(&repository, base.commit.0, &records);
        let store = repository.odb().map_err(Error::object("the object database"))?;
        let read = |oid: Option<Oid>| {
            let bytes = oid.map(|oid| tree::bytes(&store, oid).map_err(Error::object(format!("blob {oid}"))));
            bytes.transpose()
        };
        let mut touches = Vec::new();
        for (record, merged) in records.into_iter().zip(merged) {
            let mut files = Vec::new();
            for (path, before, after) in record.files {
                files.push(TouchedFile { path, before: read(before)?, after: read(after)? });
            }
            touches.push(Touch { commit: record.told, merged, files });
        }
        Ok(History { touches, is_complete })
    }

    pub(super) async fn deepen(&self, base: &Base, depth: Option<usize>) -> Result<(), Error> {
        let mut command = arguments(FETCH);
        if self.depth == Some(Depth::Blobless) {
            command.push("--filter=blob:none".into());
        }
        command.push(depth.map_or_else(|| "--unshallow".into(), |depth| format!("--depth={depth}").into()));
        command.extend(arguments(["origin", &format!("+refs/heads/{0}:refs/history/{0}", base.branch)]));
        self.transport.must(&self.task(command, Vec::new())).await.map(drop)
    }

    async fn log(&self, base: &Base, paths: &[RepoPath], limit: usize) -> Result<Vec<Record>, Error> {
        let mut command =
            arguments(["--literal-pathspecs", "log", "-z", "--first-parent", "--diff-merges=first-parent"]);
        command.extend(arguments(["--raw", "--no-renames", "--no-abbrev", "--no-show-signature", "--no-notes"]));
        command.extend(arguments(["--format=%H%x00%P%x00%ct%x00%an%x00%ae%x00%B", &format!("-{limit}")]));
        command.extend(arguments([base.commit.to_string().as_str(), "--"]));
        command.extend(paths.iter().map(|path| path.as_str().into()));
        let output = self.transport.must(&self.task(command, Vec::new())).await?;
        parse(&output.stdout).ok_or_else(|| Error::Object {
            what: "the history".to_owned(),
            source: git2::Error::from_str("git log printed something else"),
        })
    }
}

/// Parses fields and raw lines, all ended by NUL, which neither messages nor paths can hold.
fn parse(output: &[u8]) -> Option<Vec<Record>> {
    let mut records = Vec::new();
    let mut fields = output.split(|byte| *byte == 0).peekable();
    while fields.peek().is_some_and(|field| !field.is_empty()) {
        let mut text = || fields.next().map(|field| String::from_utf8_lossy(field).into_owned());
        let (id, parents, time, author, email, message) = (text()?, text()?, text()?, text()?, text()?, text()?);
        let parents = parents.split_whitespace().map(Oid::from_str).collect::<Result<_, _>>().ok()?;
        let id = CommitId(Oid::from_str(&id).ok()?);
        let time = Timestamp::from_second(time.parse().ok()?).ok()?;
        let mut files = Vec::new();
        while let Some(line) = fields.next_if(|field| field.trim_ascii_start().starts_with(b":")) {
            let line = std::str::from_utf8(line).ok()?.trim_start().trim_start_matches(':');
            let mut columns = line.split(' ');
            let (old_mode, new_mode) = (columns.next()?, columns.next()?);
            let (before, after) = (columns.next()?, columns.next()?);
            let blob = |mode: &str, oid: &str| mode.starts_with("100").then(|| Oid::from_str(oid).ok()).flatten();
            let file = (blob(old_mode, before), blob(new_mode, after));
            if let Some(path) = tree::repo_path(fields.next()?) {
                files.push((path, file.0, file.1));
            }
        }
        records.push(Record { told: Told { id, time, author, email, message }, parents, files });
    }
    Some(records)
}

/// For each record the commits that it merged: what its other parents reach beside the branch's own line.
pub(super) fn merged(repository: &Repository, tip: Oid, records: &[Record]) -> Vec<Vec<Told>> {
    let mut line = OwnLine { next: Some(tip), seen: HashSet::new() };
    let mut merged = Vec::new();
    for record in records {
        let mut found = Vec::new();
        let mut waiting: Vec<Oid> = record.parents.iter().skip(1).copied().collect();
        let mut seen: HashSet<Oid> = HashSet::new();
        while let Some(oid) = waiting.pop() {
            let is_new = seen.len() < MERGED_LIMIT && seen.insert(oid);
            let Ok(commit) = repository.find_commit(oid) else { continue };
            if !is_new || line.holds(repository, oid, commit.time().seconds()) {
                continue;
            }
            waiting.extend(commit.parent_ids());
            if commit.parent_count() < 2 {
                found.push(told(&commit));
            }
        }
        merged.push(found);
    }
    merged
}

/// The branch's own line, followed only as far as it has to be.
struct OwnLine {
    next: Option<Oid>,
    seen: HashSet<Oid>,
}

impl OwnLine {
    /// Tells whether a commit stands on it. Clocks differ: only many older commits in a row say that it won't come.
    fn holds(&mut self, repository: &Repository, oid: Oid, time: i64) -> bool {
        const DAY: i64 = 24 * 60 * 60;
        const MANY: usize = 64;
        let mut older = 0;
        while !self.seen.contains(&oid) && older < MANY {
            let Some(commit) = self.next.and_then(|next| repository.find_commit(next).ok()) else { return false };
            older = if commit.time().seconds() < time - DAY { older + 1 } else { 0 };
            self.seen.insert(commit.id());
            self.next = commit.parent_id(0).ok();
        }
        self.seen.contains(&oid)
    }
}

pub(super) fn told(commit: &git2::Commit<'_>) -> Told {
    let author = commit.author();
    Told {
        id: CommitId(commit.id()),
        time: Timestamp::from_second(commit.time().seconds()).unwrap_or_default(),
        author: String::from_utf8_lossy(author.name_bytes()).into_owned(),
        email: String::from_utf8_lossy(author.email_bytes()).into_owned(),
        message: String::from_utf8_lossy(commit.message_bytes()).into_owned(),
    }
}
