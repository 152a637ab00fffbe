//! The files of a snapshot, read once each, and those that are still to be fetched.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use super::text::{Read, Text};
use crate::model::{Entry, EntryKind, Finding, FindingCode, Place, RepoPath, Snapshot};

/// The YAML files that were parsed so far: what holds the same bytes is not parsed again.
#[derive(Default)]
pub(super) struct Parsed(RefCell<HashMap<RepoPath, (Bytes, Rc<Text>)>>);

/// The bytes that a text was parsed from.
type Bytes = Arc<[u8]>;

/// Files as an edit would leave them.
pub type Edited = BTreeMap<RepoPath, Bytes>;

impl Parsed {
    /// Returns the text of a file.
    fn text(&self, path: &RepoPath, bytes: &Arc<[u8]>) -> Rc<Text> {
        if let Some((known, text)) = self.0.borrow().get(path)
            && Arc::ptr_eq(known, bytes)
        {
            return Rc::clone(text);
        }
        self.keep(path, bytes, Read::of(bytes))
    }

    /// Keeps what was read of a file's bytes.
    pub fn keep(&self, path: &RepoPath, bytes: &Bytes, read: Read) -> Rc<Text> {
        let text = Text::file(path.clone(), read);
        self.0.borrow_mut().insert(path.clone(), (Arc::clone(bytes), Rc::clone(&text)));
        text
    }

    /// Returns the YAML files of a snapshot that are not parsed.
    pub fn missing(&self, snapshot: &Snapshot) -> Vec<(RepoPath, Bytes)> {
        let parsed = self.0.borrow();
        let missing = |(path, entry): (&RepoPath, &Entry)| {
            let bytes = snapshot.blobs.get(&entry.id).filter(|_| entry.kind == EntryKind::File && is_yaml(path))?;
            let is_known = parsed.get(path).is_some_and(|(known, _)| Arc::ptr_eq(known, bytes));
            (!is_known).then(|| (path.clone(), Arc::clone(bytes)))
        };
        snapshot.entries.iter().filter_map(missing).collect()
    }
}

/// The files of a snapshot, as far as they were read, and what there is to say about them.
pub(super) struct Files<'a> {
    pub snapshot: &'a Snapshot,
    /// Other bytes in some of its regular files.
    edited: Option<&'a Edited>,
    parsed: &'a Parsed,
    texts: RefCell<HashMap<RepoPath, Option<Rc<Text>>>>,
    needed: RefCell<BTreeSet<RepoPath>>,
    /// The directories of which every file was asked for.
    wanted: RefCell<HashSet<RepoPath>>,
    findings: RefCell<Vec<Finding>>,
}

impl<'a> Files<'a> {
    pub fn new(snapshot: &'a Snapshot, parsed: &'a Parsed) -> Self {
        Self {
            snapshot,
            edited: None,
            parsed,
            texts: RefCell::default(),
            needed: RefCell::default(),
            wanted: RefCell::default(),
            findings: RefCell::default(),
        }
    }

    /// Reads other bytes in some regular files.
    pub fn with(self, edited: &'a Edited) -> Self {
        Self { edited: Some(edited), ..self }
    }

    /// Returns a YAML file; none if it isn't there, or not given yet.
    pub fn yaml(&self, path: &RepoPath) -> Option<Rc<Text>> {
        if let Some(known) = self.texts.borrow().get(path) {
            return known.clone();
        }
        let (path, bytes) = self.bytes(path)?;
        let text = self.parsed.text(&path, &bytes);
        for problem in &text.stream.problems {
            let at = problem.position();
            self.say(problem.finding(), problem.to_string(), Some(place(&path, at.line, at.column)));
        }
        self.texts.borrow_mut().insert(path, Some(Rc::clone(&text)));
        Some(text)
    }

    /// Returns a file that is no YAML; none if it isn't there, or not given yet.
    pub fn plain(&self, path: &RepoPath) -> Option<Rc<Text>> {
        let (path, bytes) = self.bytes(path)?;
        Some(Text::plain(path, &bytes))
    }

    /// Tells whether a file stands at a path.
    pub fn is_file(&self, path: &RepoPath) -> bool {
        self.snapshot.entry(path).is_some()
    }

    fn bytes(&self, path: &RepoPath) -> Option<(RepoPath, Arc<[u8]>)> {
        let mut path = path.clone();
        // As many links as Linux follows would be 40; a repository that needs more than 8 is a loop.
        for _ in 0..8 {
            let entry = self.snapshot.entry(&path)?;
            if entry.kind == EntryKind::Submodule {
                self.say(FindingCode::RemoteBase, format!("`{path}` is a submodule"), Some(place(&path, 1, 1)));
                return None;
            }
            let edited = self.edited.filter(|_| entry.kind == EntryKind::File).and_then(|edited| edited.get(&path));
            let Some(bytes) = edited.or_else(|| self.snapshot.blobs.get(&entry.id)) else {
                self.needed.borrow_mut().insert(path);
                return None;
            };
            if entry.kind == EntryKind::File {
                return Some((path, Arc::clone(bytes)));
            }
            match path.parent().join(&String::from_utf8_lossy(bytes)) {
                Ok(target) => path = target,
                Err(error) => {
                    let message = format!("a symbolic link: {error}");
                    self.say(FindingCode::PathOutside, message, Some(place(&path, 1, 1)));
                    return None;
                }
            }
        }
        self.say(FindingCode::PathMissing, "symbolic links in a circle".to_owned(), Some(place(&path, 1, 1)));
        None
    }

    /// Asks for every YAML file below a directory at once, so that few rounds are needed.
    pub fn want_below(&self, directory: &RepoPath) {
        if !self.wanted.borrow_mut().insert(directory.clone()) {
            return;
        }
        for (path, entry) in self.snapshot.below(directory) {
            if is_yaml(path) && entry.kind == EntryKind::File && !self.snapshot.blobs.contains_key(&entry.id) {
                self.needed.borrow_mut().insert(path.clone());
            }
        }
    }

    /// Notes a finding.
    pub fn say(&self, code: FindingCode, message: String, place: Option<Place>) {
        self.findings.borrow_mut().push(Finding { code, message, place });
    }

    /// Returns the files that were read.
    pub fn read(&self) -> Vec<Rc<Text>> {
        let mut texts: Vec<Rc<Text>> = self.texts.borrow().values().flatten().cloned().collect();
        texts.sort_by(|one, two| one.path.cmp(&two.path));
        texts
    }

    /// Returns the files that are still to be fetched.
    pub fn needed(&self) -> Vec<RepoPath> {
        self.needed.borrow().iter().cloned().collect()
    }

    /// Returns the findings, each once, in order of place.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = self.findings.borrow().clone();
        findings.sort_by(|one, two| (&one.place, one.code, &one.message).cmp(&(&two.place, two.code, &two.message)));
        findings.dedup();
        findings
    }
}

/// Tells whether Flux takes a file of this name for a manifest.
pub(super) fn is_yaml(path: &RepoPath) -> bool {
    path.as_str().ends_with(".yaml") || path.as_str().ends_with(".yml")
}

/// Makes a place.
pub(super) fn place(path: &RepoPath, line: usize, column: usize) -> Place {
    Place { path: path.clone(), line, column }
}
