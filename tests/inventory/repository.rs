//! A repository in memory, and what the tests ask of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use promote::edit;
use promote::inventory::{Discovery, Look, Reach, Scope, Walk, discover, walk};
use promote::model::{
    BlobId, Choice, Edit, Entry, EntryKind, Environment, EnvironmentName, Extent, Inventory, Order, RepoPath, Rules,
    Snapshot, Source, Stage, Stages, Tag,
};

/// The files of a repository.
#[derive(Clone, Default)]
pub struct Repository {
    pub files: BTreeMap<String, (EntryKind, Vec<u8>)>,
}

impl Repository {
    pub fn new(files: &[(&str, &str)]) -> Self {
        let mut repository = Self::default();
        for (path, text) in files {
            repository.files.insert((*path).to_owned(), (EntryKind::File, text.as_bytes().to_vec()));
        }
        repository
    }

    pub fn with(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.to_owned(), (EntryKind::File, text.as_bytes().to_vec()));
        self
    }

    pub fn read(directory: &Path) -> Self {
        let mut repository = Self::default();
        repository.add(directory, directory);
        repository
    }

    fn add(&mut self, root: &Path, directory: &Path) {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                self.add(root, &path);
            } else {
                let name = path.strip_prefix(root).expect("inside").to_str().expect("UTF-8").to_owned();
                self.files.insert(name, (EntryKind::File, std::fs::read(&path).expect("a file")));
            }
        }
    }

    pub fn text(&self, path: &str) -> &str {
        std::str::from_utf8(&self.files[path].1).expect("UTF-8")
    }

    /// The snapshot without any blob, as a partial clone has it.
    pub fn bare_snapshot(&self) -> Snapshot {
        let entry = |path: &String, kind: EntryKind| Entry { id: BlobId(path.clone()), kind };
        let entries = self.files.iter().map(|(path, (kind, _))| (path.parse().expect("a path"), entry(path, *kind)));
        Snapshot { commit: String::new(), entries: Arc::new(entries.collect()), blobs: Default::default() }
    }

    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = self.bare_snapshot();
        for (path, (_, bytes)) in &self.files {
            snapshot.blobs.insert(BlobId(path.clone()), Arc::from(bytes.as_slice()));
        }
        snapshot
    }

    /// Walks as the commands do: fetches what is needed until there is an inventory. Also tells how many rounds.
    pub fn walk_rounds(&self, scope: &Scope) -> (Inventory, usize, usize) {
        let mut snapshot = self.bare_snapshot();
        for round in 1..60 {
            match walk(&snapshot, scope) {
                Walk::Done(inventory) => return (inventory, round, snapshot.blobs.len()),
                Walk::Needs(paths) => self.give(&mut snapshot, &paths),
            }
        }
        panic!("the walk does not end");
    }

    pub fn give(&self, snapshot: &mut Snapshot, paths: &[RepoPath]) {
        assert!(!paths.is_empty());
        for path in paths {
            let id = BlobId(path.as_str().to_owned());
            let new = snapshot.blobs.insert(id, Arc::from(self.files[path.as_str()].1.as_slice()));
            assert!(new.is_none(), "{path} was asked for twice");
        }
    }

    pub fn walk(&self, scope: &Scope) -> Inventory {
        self.walk_rounds(scope).0
    }

    pub fn discover(&self) -> Discovery {
        let mut snapshot = self.bare_snapshot();
        loop {
            match discover(&snapshot) {
                Look::Done(discovery) => return *discovery,
                Look::Needs(paths) => self.give(&mut snapshot, &paths),
            }
        }
    }

    /// The repository after the edits.
    pub fn edited(&self, edits: &[Edit]) -> Result<Self, edit::Refusal> {
        let mut after = self.clone();
        for (path, bytes) in edit::apply_all(&self.snapshot(), edits)? {
            after.files.insert(path.as_str().to_owned(), (EntryKind::File, bytes));
        }
        Ok(after)
    }
}

/// Environments, one a stage, in order: name and directory or glob.
pub fn scope(environments: &[(&str, &str)]) -> Scope {
    let stage = |(name, path): &(&str, &str)| Stage {
        name: name.parse().expect("a name"),
        environments: vec![environment(name, path)],
    };
    Scope {
        stages: Stages { order: Order::Configured, stages: environments.iter().map(stage).collect() },
        apps: Vec::new(),
        remotes: vec!["https://github.com/acme/fleet".to_owned()],
        reach: Reach::Environments,
    }
}

fn environment(name: &str, path: &str) -> Environment {
    let extent = if path.contains('*') {
        Extent::Glob(path.to_owned())
    } else {
        Extent::Directory(path.parse().expect("a path"))
    };
    Environment { name: name.parse().expect("a name"), extent, rules: Rules::default(), place: None }
}

pub fn name(text: &str) -> EnvironmentName {
    text.parse().expect("a name")
}

pub fn tag(text: &str) -> Tag {
    text.parse().expect("a tag")
}

/// One line for a source: what it is, what it chooses, and where that is decided.
pub fn line(source: &Source) -> String {
    let choice = match &source.choice {
        Choice::Pin { tag, digest, .. } => {
            let tag = tag.as_ref().map_or("-", Tag::as_str);
            let digest = digest.as_ref().map(|digest| format!("@{}", digest.short())).unwrap_or_default();
            format!("pin {tag}{digest}")
        }
        Choice::Range { constraint, .. } => format!("range {constraint}"),
        Choice::Floating { text, .. } => format!("floating {text}"),
        Choice::Unknown(unknown) => format!("unknown {}", unknown.code.as_str()),
    };
    let artifact =
        source.artifact.as_ref().map_or_else(|unknown| unknown.code.as_str().to_owned(), ToString::to_string);
    let deciding = source.reference.fields.iter().find(|(_, value)| value.shadowed_by.is_none());
    let place =
        deciding.and_then(|(_, value)| value.deciding_slot()).map_or("-".to_owned(), |slot| slot.place.to_string());
    format!("{} {} {artifact} {choice} {place}", source.environment, source.app)
}

pub fn lines(inventory: &Inventory) -> String {
    inventory.sources.iter().map(line).collect::<Vec<_>>().join("\n")
}

pub fn findings(inventory: &Inventory) -> String {
    let line = |finding: &promote::model::Finding| {
        let place = finding.place.as_ref().map_or("-".to_owned(), ToString::to_string);
        format!("{} {place} {}", finding.code.as_str(), finding.message)
    };
    inventory.findings.iter().map(line).collect::<Vec<_>>().join("\n")
}
