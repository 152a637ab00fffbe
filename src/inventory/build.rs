//! What kustomize builds a directory to.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::files::{Files, is_yaml, place};
use super::images::{self, Image};
use super::kustomization::{Pipeline, Role, Transforms};
use super::resource::Resource;
use super::text::{Spot, Text};
use super::tree::{Leaf, Tree};
use crate::model::{FindingCode, Place, RepoPath, Unknown};

/// The names that a kustomization file may have, in the order they are looked for.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// The most directories that one build may go through, components counted each time.
const MAX_DIRECTORIES: usize = 20_000;
/// The most objects that builds may take over from one another.
const MAX_OBJECTS: usize = 200_000;
/// The deepest that kustomizations may include one another.
const MAX_DEPTH: usize = 64;

/// What a directory builds to.
#[derive(Clone, Default)]
pub(super) struct Build {
    /// The objects, in order.
    pub resources: Vec<Rc<Resource>>,
    /// The images that it gives tags.
    pub images: Vec<Image>,
    /// The names of images that stand in no object as it is written: those in patches, and new ones.
    pub image_names: HashSet<String>,
    /// Every file that was read on the way.
    pub files: HashSet<RepoPath>,
    /// Whether something that belongs to it could not be read.
    pub incomplete: bool,
    /// Why kustomize fails on it, so that Flux applies nothing of it.
    pub broken: Option<Rc<Unknown>>,
}

impl Build {
    /// Notes that kustomize fails on it; the first reason stays.
    pub fn fails(&mut self, reason: impl Into<String>, place: Option<Place>) {
        if self.broken.is_none() {
            let message = format!("{}: kustomize fails on this, and Flux applies nothing of it", reason.into());
            self.broken = Some(Rc::new(Unknown { code: FindingCode::BuildFails, message, place }));
        }
    }

    /// Returns it as files of which each stands for itself: one that can't be read hinders no other.
    pub fn into_separate_files(self) -> Self {
        Self { broken: None, ..self }
    }

    /// Says that kustomize fails on it, if it does.
    pub fn say(&self, files: &Files<'_>) {
        if let Some(broken) = &self.broken {
            files.say(broken.code, broken.message.clone(), broken.place.clone());
        }
    }
}

/// What a Flux Kustomization adds to the kustomization at its path.
#[derive(Default)]
pub(super) struct Overlay {
    pub namespace: Option<Rc<Leaf>>,
    pub prefix: Option<Rc<Leaf>>,
    pub suffix: Option<Rc<Leaf>>,
    /// The entries of `patches` as they are written.
    pub patches: Vec<Tree>,
    pub components: Vec<(String, Option<Spot>)>,
    pub images: Vec<images::Entry>,
    pub labels: Vec<(std::sync::Arc<str>, Tree)>,
}

impl Overlay {
    /// Tells whether it adds nothing.
    pub fn is_empty(&self) -> bool {
        self.namespace.is_none()
            && self.prefix.is_none()
            && self.suffix.is_none()
            && self.patches.is_empty()
            && self.components.is_empty()
            && self.images.is_empty()
            && self.labels.is_empty()
    }
}

/// Builds directories, each once.
pub(super) struct Builder<'a> {
    pub files: &'a Files<'a>,
    built: RefCell<HashMap<RepoPath, Rc<Build>>>,
    /// The directories that are being built, to find loops.
    open: RefCell<Vec<RepoPath>>,
    begun: Cell<usize>,
    /// How many objects and images were taken over so far.
    taken: Cell<usize>,
    /// Whether whole directories are fetched at once.
    pub eager: Cell<bool>,
}

impl<'a> Builder<'a> {
    pub fn new(files: &'a Files<'a>) -> Self {
        Self {
            files,
            built: RefCell::default(),
            open: RefCell::default(),
            begun: Cell::default(),
            taken: Cell::default(),
            eager: Cell::new(true),
        }
    }

    /// Returns the kustomization file of a directory.
    pub fn kustomization(&self, directory: &RepoPath) -> Option<RepoPath> {
        NAMES.iter().filter_map(|name| directory.join(name).ok()).find(|path| self.files.is_file(path))
    }

    /// Tells whether a file is the kustomization file of its directory.
    pub fn is_kustomization(&self, path: &RepoPath) -> bool {
        NAMES.contains(&path.file_name()) && self.kustomization(&path.parent()).as_ref() == Some(path)
    }

    /// Builds a directory.
    pub fn directory(&self, directory: &RepoPath) -> Rc<Build> {
        if let Some(build) = self.built.borrow().get(directory) {
            return Rc::clone(build);
        }
        let build = Rc::new(self.with_overlay(directory, &Overlay::default()));
        self.built.borrow_mut().insert(directory.clone(), Rc::clone(&build));
        build
    }

    /// Builds a directory with what a Flux Kustomization adds.
    pub fn with_overlay(&self, directory: &RepoPath, overlay: &Overlay) -> Build {
        let mut build = Build::default();
        self.entered(directory, &mut build, |build| match self.kustomization(directory) {
            Some(path) => {
                if let Some(text) = self.read(&path, build) {
                    let kustomization = Transforms::of(&text);
                    let several = NAMES.iter().filter_map(|name| directory.join(name).ok());
                    if several.filter(|path| self.files.is_file(path)).count() > 1 {
                        build.fails("the directory has several kustomization files", Some(place(&path, 1, 1)));
                    }
                    if let Some(flaw) = kustomization.flaw(Role::Kustomization) {
                        // Flux itself gives an empty one what is to be added.
                        build.fails(flaw, Some(place(&path, 1, 1)));
                    }
                    Pipeline { builder: self, directory, kustomization: &kustomization }.run(build, overlay);
                }
            }
            None => {
                self.bare(directory, build);
                let kustomization = Transforms::default();
                Pipeline { builder: self, directory, kustomization: &kustomization }.run(build, overlay);
            }
        });
        build
    }

    /// Applies a component to what was built so far.
    pub fn component(&self, directory: &RepoPath, build: &mut Build) {
        self.entered(directory, build, |build| {
            self.prefetch(directory);
            let Some(path) = self.kustomization(directory) else { return };
            if let Some(text) = self.read(&path, build) {
                let kustomization = Transforms::of(&text);
                if let Some(flaw) = kustomization.flaw(Role::Component) {
                    build.fails(flaw, Some(place(&path, 1, 1)));
                }
                let pipeline = Pipeline { builder: self, directory, kustomization: &kustomization };
                pipeline.run(build, &Overlay::default());
            }
        });
    }

    /// Reads a YAML file for a build; of a symbolic link also the file that it leads to.
    pub fn read(&self, path: &RepoPath, build: &mut Build) -> Option<Rc<Text>> {
        build.files.insert(path.clone());
        let text = self.files.yaml(path)?;
        if text.path != *path {
            build.files.insert(text.path.clone());
        }
        Some(text)
    }

    /// Runs `inside` unless the directory is being built already.
    fn entered(&self, directory: &RepoPath, build: &mut Build, inside: impl FnOnce(&mut Build)) {
        self.begun.set(self.begun.get() + 1);
        let loops = self.open.borrow().contains(directory);
        if loops || self.open.borrow().len() >= MAX_DEPTH || self.begun.get() > MAX_DIRECTORIES {
            let what = if loops { "includes itself" } else { "is included too deep or too often" };
            let at = self.kustomization(directory).map(|path| place(&path, 1, 1));
            self.lack(build, FindingCode::InvalidObject, format!("`{directory}` {what}"), at);
            return;
        }
        self.open.borrow_mut().push(directory.clone());
        inside(build);
        self.open.borrow_mut().pop();
    }

    /// Takes every manifest below a directory, as Flux generates a kustomization for it.
    fn bare(&self, directory: &RepoPath, build: &mut Build) {
        let mut nested: Option<RepoPath> = None;
        let files: Vec<RepoPath> = self.files.snapshot.below(directory).map(|(path, _)| path.clone()).collect();
        let mut kustomized: HashMap<RepoPath, Option<RepoPath>> = HashMap::new();
        for path in files {
            if nested.as_ref().is_some_and(|nested| path.is_within(nested)) {
                continue;
            }
            match self.outermost_kustomized(&path.parent(), directory, &mut kustomized) {
                Some(own) => {
                    self.add(build, &own);
                    nested = Some(own);
                }
                None if is_yaml(&path) => self.manifest(&path, build),
                None => {}
            }
        }
    }

    /// Returns the outermost directory with a kustomization file from `top` (not itself) down to `directory`.
    fn outermost_kustomized(
        &self,
        directory: &RepoPath,
        top: &RepoPath,
        known: &mut HashMap<RepoPath, Option<RepoPath>>,
    ) -> Option<RepoPath> {
        if directory == top || directory.as_str().is_empty() {
            return None;
        }
        if let Some(known) = known.get(directory) {
            return known.clone();
        }
        let found = self
            .outermost_kustomized(&directory.parent(), top, known)
            .or_else(|| self.kustomization(directory).map(|_| directory.clone()));
        known.insert(directory.clone(), found.clone());
        found
    }

    /// Notes that something that belongs to a build is not here: what it would decide can't be told.
    pub fn lack(&self, build: &mut Build, code: FindingCode, message: String, place: Option<Place>) {
        build.incomplete = true;
        self.files.say(code, message, place);
    }

    /// Asks for all that a directory holds, as most of it will be followed; not where little is to be read.
    fn prefetch(&self, directory: &RepoPath) {
        if self.eager.get() {
            self.files.want_below(directory);
        }
    }

    /// Adds what one entry of `resources` names.
    pub fn resource(&self, directory: &RepoPath, target: &str, spot: Option<&Spot>, build: &mut Build) {
        let at = || spot.map(Spot::place);
        match directory.join(target) {
            Ok(path) if self.files.is_file(&path) => self.manifest(&path, build),
            Ok(path) if !target.contains("://") && self.files.snapshot.is_directory(&path) => {
                self.prefetch(&path);
                if self.kustomization(&path).is_none() {
                    let message = format!("`{path}` is a directory without a kustomization file");
                    self.lack(build, FindingCode::PathMissing, message, at());
                    return;
                }
                self.add(build, &path);
            }
            _ if is_remote(target) => {
                build.incomplete = true;
                self.files.say(FindingCode::RemoteBase, format!("`{target}` is outside the repository"), at());
            }
            Ok(path) => self.lack(build, FindingCode::PathMissing, format!("`{path}` does not exist"), at()),
            Err(error) => self.lack(build, FindingCode::PathOutside, error.to_string(), at()),
        }
    }

    /// Adds the objects of a manifest.
    pub fn manifest(&self, path: &RepoPath, build: &mut Build) {
        if is_flux_itself(path) {
            // Some 10,000 lines of Flux's own definitions and controllers, in which no version of an app stands.
            build.files.insert(path.clone());
            build.incomplete = true;
            return;
        }
        let Some(text) = self.read(path, build) else { return };
        for document in &text.stream.documents {
            if let Some(flaw) = Resource::flaw(&document.root) {
                build.fails(flaw, Some(text.place(document.root.position)));
            } else if let Some(at) = document.root.duplicate_key() {
                build.fails("a key is written twice", Some(text.place(at)));
            }
            let resources = Resource::of_document(&text, document.index, &document.root);
            build.resources.extend(resources.into_iter().map(Rc::new));
        }
        build.incomplete |= !text.stream.problems.is_empty();
    }

    /// Adds what another directory builds to.
    fn add(&self, build: &mut Build, directory: &RepoPath) {
        let other = self.directory(directory);
        build.files.extend(other.files.iter().cloned());
        self.taken.set(self.taken.get() + other.resources.len() + other.images.len());
        if self.taken.get() > MAX_OBJECTS {
            let at = self.kustomization(directory).map(|path| place(&path, 1, 1));
            self.files.say(FindingCode::InvalidObject, format!("`{directory}` is included too often"), at);
            build.incomplete = true;
            return;
        }
        build.resources.extend(other.resources.iter().cloned());
        build.images.extend(other.images.iter().cloned());
        build.image_names.extend(other.image_names.iter().cloned());
        build.incomplete |= other.incomplete;
        build.broken = build.broken.take().or_else(|| other.broken.clone());
    }
}

/// Tells whether it is the file in which `flux bootstrap` installs Flux; nothing else is written into it.
pub(super) fn is_flux_itself(path: &RepoPath) -> bool {
    path.file_name() == "gotk-components.yaml"
}

/// Tells whether kustomize would fetch it from elsewhere.
fn is_remote(target: &str) -> bool {
    target.contains("://")
        || target.contains("?ref=")
        || target.contains("git@")
        || ["github.com/", "gitlab.com/", "bitbucket.org/", "git::"].iter().any(|host| target.starts_with(host))
}
