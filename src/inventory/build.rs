//! What kustomize builds a directory to.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::files::{Files, is_yaml, place};
use super::resource::Resource;
use super::text::Text;
use crate::model::{FindingCode, RepoPath};
use crate::yaml::Node;

/// The names that a kustomization file may have, in the order they are looked for.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// What a directory builds to.
#[derive(Clone, Default)]
pub(super) struct Build {
    /// The objects, in order.
    pub resources: Vec<Rc<Resource>>,
    /// Every file that was read on the way.
    pub files: Vec<RepoPath>,
    /// Whether something that belongs to it could not be read.
    pub incomplete: bool,
}

/// Builds directories, each once.
pub(super) struct Builder<'a> {
    pub files: &'a Files<'a>,
    built: RefCell<HashMap<RepoPath, Rc<Build>>>,
    /// The directories that are being built, to find loops.
    open: RefCell<Vec<RepoPath>>,
}

impl<'a> Builder<'a> {
    pub fn new(files: &'a Files<'a>) -> Self {
        Self { files, built: RefCell::default(), open: RefCell::default() }
    }

    /// Returns the kustomization file of a directory.
    pub fn kustomization(&self, directory: &RepoPath) -> Option<RepoPath> {
        NAMES.iter().filter_map(|name| directory.join(name).ok()).find(|path| self.files.is_file(path))
    }

    /// Builds a directory.
    pub fn directory(&self, directory: &RepoPath) -> Rc<Build> {
        if let Some(build) = self.built.borrow().get(directory) {
            return Rc::clone(build);
        }
        if self.open.borrow().contains(directory) {
            let message = format!("`{directory}` includes itself");
            self.files.say(
                FindingCode::InvalidObject,
                message,
                self.kustomization(directory).map(|path| place(&path, 1, 1)),
            );
            return Rc::default();
        }
        self.open.borrow_mut().push(directory.clone());
        let mut build = Build::default();
        match self.kustomization(directory) {
            Some(path) => self.kustomized(directory, &path, &mut build),
            None => self.bare(directory, &mut build),
        }
        self.open.borrow_mut().pop();
        let build = Rc::new(build);
        self.built.borrow_mut().insert(directory.clone(), Rc::clone(&build));
        build
    }

    /// Takes every manifest below a directory, as Flux generates a kustomization for it.
    fn bare(&self, directory: &RepoPath, build: &mut Build) {
        let mut nested: Vec<RepoPath> = Vec::new();
        let files: Vec<RepoPath> = self.files.snapshot.below(directory).map(|(path, _)| path.clone()).collect();
        for path in files {
            if nested.iter().any(|nested| path.is_within(nested)) {
                continue;
            }
            let mut parent = path.parent();
            let mut own = None;
            while parent != *directory && parent.is_within(directory) {
                if self.kustomization(&parent).is_some() {
                    own = Some(parent.clone());
                }
                parent = parent.parent();
            }
            match own {
                Some(own) => {
                    self.add(build, &self.directory(&own));
                    nested.push(own);
                }
                None if is_yaml(&path) => self.manifest(&path, build),
                None => {}
            }
        }
    }

    fn kustomized(&self, directory: &RepoPath, path: &RepoPath, build: &mut Build) {
        build.files.push(path.clone());
        let Some(text) = self.files.yaml(path) else { return };
        let Some(document) = text.stream.documents.first() else { return };
        for item in ["resources", "bases"].iter().filter_map(|key| document.root.field(key)).flat_map(Node::items) {
            let Some(target) = item.text() else { continue };
            self.resource(directory, target, &text, item, build);
        }
    }

    fn resource(&self, directory: &RepoPath, target: &str, text: &Rc<Text>, item: &Node, build: &mut Build) {
        let at = || Some(text.place(item.position));
        match directory.join(target) {
            Ok(path) if self.files.is_file(&path) => self.manifest(&path, build),
            Ok(path) if self.files.snapshot.is_directory(&path) && !target.contains("://") => {
                self.add(build, &self.directory(&path));
            }
            _ if is_remote(target) => {
                build.incomplete = true;
                self.files.say(FindingCode::RemoteBase, format!("`{target}` is outside the repository"), at());
            }
            Ok(path) => {
                build.incomplete = true;
                self.files.say(FindingCode::PathMissing, format!("`{path}` does not exist"), at());
            }
            Err(error) => {
                build.incomplete = true;
                self.files.say(FindingCode::PathOutside, error.to_string(), at());
            }
        }
    }

    /// Adds the objects of a manifest.
    pub fn manifest(&self, path: &RepoPath, build: &mut Build) {
        build.files.push(path.clone());
        let Some(text) = self.files.yaml(path) else { return };
        for document in &text.stream.documents {
            build
                .resources
                .extend(Resource::of_document(&text, document.index, &document.root).into_iter().map(Rc::new));
        }
        build.incomplete |= !text.stream.problems.is_empty();
    }

    fn add(&self, build: &mut Build, other: &Build) {
        build.resources.extend(other.resources.iter().cloned());
        build.files.extend(other.files.iter().cloned());
        build.incomplete |= other.incomplete;
    }
}

/// Tells whether kustomize would fetch it from elsewhere.
fn is_remote(target: &str) -> bool {
    target.contains("://")
        || target.contains("?ref=")
        || target.contains("git@")
        || ["github.com/", "gitlab.com/", "bitbucket.org/", "git::"].iter().any(|host| target.starts_with(host))
}
