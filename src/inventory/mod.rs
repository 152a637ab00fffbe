//! What each environment really runs, and where that is written.
//!
//! [`walk()`] goes from each environment's directory as Flux would: manifests, kustomizations, Flux Kustomizations and
//! their paths. It is pure: given a [`Snapshot`], it answers an [`Inventory`], or the files it still needs. Every value
//! on the way is a leaf that remembers its spots (`text::Spot`), so that in the end each field of each source has the
//! slots it came through. [`discover()`] tells the environments of a repository that has no configuration.

mod apps;
mod artifact;
mod build;
mod choice;
mod discover;
mod files;
mod generate;
mod glob;
mod images;
mod kustomization;
mod named;
mod patch;
mod release;
mod replace;
mod resource;
mod scan;
mod selector;
mod sources;
mod substitute;
mod text;
mod tree;
mod values;
mod verify;
mod walk;
mod words;
mod written;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

pub use apps::same_part;
pub use discover::{Discovery, Look, discover, likely};
pub use files::Edited;
pub use release::flux_releases;
pub use text::Read;

use build::{Builder, is_flux_itself};
use files::{Files, Parsed, is_yaml};
use sources::{Found, Objects};
use walk::{Applied, EnvironmentWalk, Reconciled, Standing};
use written::Written;

use crate::model::{
    AppDefinition, EntryKind, EnvironmentName, Finding, FindingCode, Form, Inventory, RepoPath, Slot, Snapshot, Span,
    Stages, WrittenValue,
};

/// Tells whether a name says production, by a whole word.
pub fn is_production(name: &str) -> bool {
    words::Rank::of_name(name) == Some(words::Rank::Production)
}

/// What to look at.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The environments.
    pub stages: Stages,
    /// What `apps:` says.
    pub apps: Vec<AppDefinition>,
    /// The URLs of the clone's remotes, which tell which sources are this repository.
    pub remotes: Vec<String>,
    /// Whether the files that no environment reads are listed too.
    pub reach: Reach,
}

/// Which files are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Those that an environment reads.
    Environments,
    /// Every YAML file of the repository.
    Repository,
}

/// What a walk answers.
#[derive(Debug)]
pub enum Walk {
    /// The inventory.
    Done(Inventory),
    /// Files that are to be put into the snapshot before walking again: few rounds of many files.
    Needs(Vec<RepoPath>),
}

/// Walks environments, round after round and before and after a change, and parses no file twice.
#[derive(Default)]
pub struct Walker {
    parsed: Parsed,
}

impl Walker {
    /// Returns the YAML files of a snapshot that were not parsed yet, and their bytes.
    ///
    /// A walk parses what it needs; where that is much, who has several processors reads it before by [`Read::of`] and
    /// gives it to [`Walker::keep`].
    pub fn missing(&self, snapshot: &Snapshot) -> Vec<(RepoPath, Arc<[u8]>)> {
        self.parsed.missing(snapshot)
    }

    /// Takes what was read of a file's bytes.
    pub fn keep(&self, path: &RepoPath, bytes: &Arc<[u8]>, read: Read) {
        self.parsed.keep(path, bytes, read);
    }

    /// Walks every environment, as Flux would reconcile it.
    pub fn walk(&self, snapshot: &Snapshot, scope: &Scope) -> Walk {
        walked(&Files::new(snapshot, &self.parsed), scope)
    }

    /// Walks the environments as other bytes in some files leave them, and answers their sources, without what is
    /// written and found.
    ///
    /// `before` is the inventory of this snapshot in this scope: what an environment runs hangs on the bytes of the
    /// files that it reads and on nothing else, so one that reads none of these is taken over.
    pub fn walk_edited(&self, snapshot: &Snapshot, scope: &Scope, before: &Inventory, edited: &Edited) -> Walk {
        let is_file = |path: &RepoPath| snapshot.entry(path).is_some_and(|entry| entry.kind == EntryKind::File);
        if !edited.keys().all(is_file) {
            let with =
                |snapshot: Snapshot, (path, bytes): (&RepoPath, &Arc<[u8]>)| snapshot.with_file(path, bytes.to_vec());
            return self.walk(&edited.iter().fold(snapshot.clone(), with), scope);
        }
        let files = Files::new(snapshot, &self.parsed).with(edited);
        let builder = Builder::new(&files);
        let mut sources = Vec::new();
        for environment in scope.stages.environments() {
            let read = before.read.get(&environment.name);
            if read.is_some_and(|read| !edited.keys().any(|path| read.contains(path))) {
                sources.extend(before.sources.iter().filter(|source| source.environment == environment.name).cloned());
                continue;
            }
            let reconciled = EnvironmentWalk::run(&builder, scope, environment);
            let objects = Objects { environment: &environment.name, reconciled: &reconciled, files: &files };
            sources.extend(objects.sources().into_iter().map(|found| found.source));
        }
        let needed = files.needed();
        if !needed.is_empty() {
            return Walk::Needs(needed);
        }
        apps::name_apps(&mut sources, &scope.apps);
        Walk::Done(Inventory::new(sources, Vec::new(), Vec::new(), BTreeMap::new()))
    }

    /// Finds the environments of a repository that has no configuration; see [`discover()`].
    pub fn discover(&self, snapshot: &Snapshot) -> Look {
        discover::look(&Files::new(snapshot, &self.parsed))
    }
}

/// Walks every environment, as Flux would reconcile it.
pub fn walk(snapshot: &Snapshot, scope: &Scope) -> Walk {
    Walker::default().walk(snapshot, scope)
}

fn walked(files: &Files<'_>, scope: &Scope) -> Walk {
    let builder = Builder::new(files);
    let mut found: Vec<Found> = Vec::new();
    let mut read: FilesRead = BTreeMap::new();
    for environment in scope.stages.environments() {
        let reconciled = EnvironmentWalk::run(&builder, scope, environment);
        let objects = Objects { environment: &environment.name, reconciled: &reconciled, files };
        found.extend(objects.sources());
        read.entry(environment.name.clone()).or_default().extend(reconciled.files);
    }
    if scope.reach == Reach::Repository {
        files.want_below(&RepoPath::root());
    }
    let needed = files.needed();
    if !needed.is_empty() {
        return Walk::Needs(needed);
    }
    Walk::Done(inventory(files, scope, found, read))
}

/// Tells what kustomize alone builds a directory to, before Flux's own patches and variables.
pub fn built(snapshot: &Snapshot, directory: &RepoPath, environment: &EnvironmentName) -> Walk {
    let parsed = Parsed::default();
    let files = Files::new(snapshot, &parsed);
    let builder = Builder::new(&files);
    let build = builder.directory(directory);
    let mut reconciled = Reconciled::default();
    let standing = Standing { suspended: None, unknown: build.broken.clone() };
    let applied = |object: &Rc<_>| Applied { object: Rc::clone(object), standing: standing.clone(), swept: false };
    build.resources.iter().for_each(|object| reconciled.add(applied(object)));
    reconciled.images = build.images.iter().map(|image| (image.clone(), standing.clone())).collect();
    build.say(&files);
    let found = Objects { environment, reconciled: &reconciled, files: &files }.sources();
    let needed = files.needed();
    if !needed.is_empty() {
        return Walk::Needs(needed);
    }
    let stages = Stages { order: crate::model::Order::Unknown, stages: Vec::new() };
    let scope = Scope { stages, apps: Vec::new(), remotes: Vec::new(), reach: Reach::Environments };
    let read = BTreeMap::from([(environment.clone(), build.files.clone())]);
    Walk::Done(inventory(&files, &scope, found, read))
}

/// The files that each environment reads.
type FilesRead = BTreeMap<EnvironmentName, HashSet<RepoPath>>;

fn inventory(files: &Files<'_>, scope: &Scope, mut found: Vec<Found>, read: FilesRead) -> Inventory {
    let mut readers: HashMap<&RepoPath, Vec<EnvironmentName>> = HashMap::new();
    let mut begun: HashSet<&EnvironmentName> = HashSet::new();
    // In the order of the stages, as people read them.
    let names = scope.stages.environments().map(|environment| &environment.name).chain(read.keys());
    for name in names.filter(|name| begun.insert(name)) {
        for path in read.get(name).into_iter().flatten() {
            readers.entry(path).or_default().push(name.clone());
        }
    }
    let reached = |path: &RepoPath| readers.get(path).cloned().unwrap_or_default();
    let mut written = Written::default();
    if scope.reach == Reach::Repository {
        for path in files.snapshot.entries.keys().filter(|path| is_yaml(path) && !is_flux_itself(path)) {
            files.yaml(path);
        }
    }
    written.add_files(&files.read(), reached);
    for (index, found) in found.iter().enumerate() {
        written.add_source(index, found, reached);
    }
    let mut sources: Vec<_> = found.drain(..).map(|found| found.source).collect();
    apps::name_apps(&mut sources, &scope.apps);
    let mut inventory = Inventory::new(sources, written.into_values(), files.findings(), read);
    let mut more = shared_slots(&inventory);
    if scope.reach == Reach::Repository {
        more.extend(unreached_files(&inventory));
    }
    inventory.findings.extend(more);
    inventory.findings.dedup();
    inventory
}

/// Finds the slots that decide versions of several environments.
fn shared_slots(inventory: &Inventory) -> Vec<Finding> {
    let finding = |written: &WrittenValue, beside: &[WrittenValue]| {
        let environments = decided(inventory, beside.iter(), &written.slot);
        (environments.len() > 1).then(|| {
            let names: Vec<&str> = environments.iter().map(|name| name.as_str()).collect();
            let message = format!("decides the version of {}: they move together", names.join(", "));
            Finding { code: FindingCode::SharedSlot, message, place: Some(written.slot.place.clone()) }
        })
    };
    // In order of position, the parts of one scalar stand side by side.
    let same_scalar = |one: &WrittenValue, two: &WrittenValue| {
        one.slot.path() == two.slot.path() && scalar(&one.slot) == scalar(&two.slot)
    };
    let scalars = inventory.written.chunk_by(same_scalar);
    scalars.flat_map(|beside| beside.iter().filter_map(|written| finding(written, beside))).collect()
}

/// Finds the files that hold versions which no environment reads.
fn unreached_files(inventory: &Inventory) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for written in inventory.written.iter().filter(|written| written.environments.is_empty()) {
        let place = &written.slot.place;
        if findings.last().and_then(|last| last.place.as_ref()).is_none_or(|last| last.path != place.path) {
            let message = format!("no environment reads `{}`: editing it changes nothing", place.path);
            findings.push(Finding { code: FindingCode::UnreachedFile, message, place: Some(place.clone()) });
        }
    }
    findings
}

/// Returns the environments whose versions a slot decides, each once.
pub fn environments_decided<'a>(inventory: &'a Inventory, slot: &Slot) -> Vec<&'a EnvironmentName> {
    let beside = inventory.written_in(slot.path()).iter().filter(|written| scalar(&written.slot) == scalar(slot));
    decided(inventory, beside, slot)
}

/// The environments that the parts of a scalar decide as far as they overlap a slot.
fn decided<'a>(
    inventory: &'a Inventory,
    beside: impl Iterator<Item = &'a WrittenValue>,
    slot: &Slot,
) -> Vec<&'a EnvironmentName> {
    let mut environments: Vec<&EnvironmentName> = Vec::new();
    let overlapping = beside.filter(|written| written.slot == *slot || overlap(&written.slot, slot));
    for (source, _) in overlapping.flat_map(|written| &written.decides) {
        if let Some(source) = inventory.sources.get(*source)
            && !environments.contains(&&source.environment)
        {
            environments.push(&source.environment);
        }
    }
    environments
}

/// The spans down to the scalar, without the part of it.
fn scalar(slot: &Slot) -> &[Span] {
    match slot.spans.split_last() {
        Some((last, scalars)) if last.form == Form::Part && !scalars.is_empty() => scalars,
        _ => &slot.spans,
    }
}

/// Two parts of one scalar are two slots unless they overlap; the whole overlaps any.
fn overlap(one: &Slot, two: &Slot) -> bool {
    let part = |slot: &Slot| slot.spans.last().filter(|span| span.form == Form::Part).map(|span| span.range());
    match (part(one), part(two)) {
        (Some(one), Some(two)) => one.start < two.end && two.start < one.end,
        _ => true,
    }
}
