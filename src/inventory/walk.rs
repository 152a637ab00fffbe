//! The walk of one environment: from its directory along the Flux Kustomizations.

use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;

use super::Scope;
use super::artifact::Copies;
use super::build::{Build, Builder, Overlay};
use super::files::is_yaml;
use super::glob::Glob;
use super::images::{self, Image};
use super::resource::Resource;
use super::substitute::Variables;
use super::text::Spot;
use super::tree::{Leaf, Tree};
use crate::model::{Environment, Extent, FindingCode, Place, RepoPath, Unknown};

/// The most Flux Kustomizations that one environment may follow.
const MAX_KUSTOMIZATIONS: usize = 10_000;

/// What one environment reconciles.
#[derive(Default)]
pub(super) struct Reconciled {
    /// The objects as they are applied, in the order in which Flux reaches them.
    pub objects: Vec<Applied>,
    /// The images that kustomizations give tags.
    pub images: Vec<(Image, Standing)>,
    /// Every file that was read on the way.
    pub files: HashSet<RepoPath>,
    /// Objects by kind and name.
    named: HashMap<String, HashMap<String, Vec<usize>>>,
}

/// An object as Flux applies it.
#[derive(Clone)]
pub(super) struct Applied {
    pub object: Rc<Resource>,
    pub standing: Standing,
    /// Whether it was only found below an environment's directory that has no kustomization file.
    pub swept: bool,
}

/// What the Kustomizations that lead to an object say about all that they apply.
#[derive(Clone, Default)]
pub(super) struct Standing {
    /// Where one of them is suspended.
    pub suspended: Option<Place>,
    /// Why it is not applied as it is written: one of them can't be built.
    pub unknown: Option<Rc<Unknown>>,
}

impl Reconciled {
    /// Adds an object.
    pub fn add(&mut self, applied: Applied) {
        self.name(&applied.object, self.objects.len());
        self.objects.push(applied);
    }

    fn name(&mut self, object: &Resource, at: usize) {
        if !self.named.contains_key(object.kind()) {
            self.named.insert(object.kind().to_owned(), HashMap::new());
        }
        if let Some(named) = self.named.get_mut(object.kind()) {
            named.entry(object.name().to_owned()).or_default().push(at);
        }
    }

    /// Returns the object of a kind and name, in this namespace if one is known.
    pub fn named(&self, kind: &str, namespace: Option<&str>, name: &str) -> Option<&Rc<Resource>> {
        let at = self.named.get(kind)?.get(name)?;
        let objects = || at.iter().filter_map(|at| self.objects.get(*at)).map(|applied| &applied.object);
        let exact = objects().find(|object| object.namespace() == namespace);
        // Without a namespace of its own an object lands where the Kustomization that applies it says.
        exact.or_else(|| objects().find(|object| object.namespace().is_none() || namespace.is_none()))
    }

    /// Drops what a sweep through a directory found if a Kustomization applies it too, with all that it adds.
    fn drop_swept(&mut self) {
        if !self.objects.iter().any(|applied| applied.swept) {
            return;
        }
        let place = |applied: &Applied| (applied.object.text.path.clone(), applied.object.document);
        let applied: HashSet<_> = self.objects.iter().filter(|applied| !applied.swept).map(place).collect();
        self.objects.retain(|object| !object.swept || !applied.contains(&place(object)));
        self.named.clear();
        for at in 0..self.objects.len() {
            if let Some(object) = self.objects.get(at).map(|applied| Rc::clone(&applied.object)) {
                self.name(&object, at);
            }
        }
    }
}

/// Where the source of a Kustomization is.
enum Origin {
    Here,
    /// In an artifact that is made of parts of this repository.
    Copied(Copies),
    Elsewhere,
    NotFound,
}

/// A Kustomization that was applied, with what its own one says.
type Waiting = Applied;

/// Kustomizations whose sources or ConfigMaps another one may apply, and the names of those.
#[derive(Default)]
struct Blocked {
    waiting: VecDeque<Waiting>,
    names: HashSet<String>,
    /// Whether one of them may go on after any object: an artifact's parts have other names than it.
    by_any: bool,
}

impl Blocked {
    fn add(&mut self, waiting: Waiting) {
        let source = waiting.object.tree.at(&["spec", "sourceRef"]);
        self.by_any |= source.is_none_or(|source| source.text(&["kind"]) == Some("ExternalArtifact"));
        let maps = waiting.object.tree.items(&["spec", "postBuild", "substituteFrom"]).iter();
        let names = source.into_iter().chain(maps).filter_map(|named| named.text(&["name"]));
        self.names.extend(names.map(str::to_owned));
        self.waiting.push_back(waiting);
    }

    /// Takes all of them if one of these objects may be what they wait for.
    fn take_for(&mut self, new: &[Applied]) -> VecDeque<Waiting> {
        let is_awaited = |new: &Applied| self.by_any || self.names.contains(new.object.name());
        if new.iter().any(is_awaited) { std::mem::take(self).waiting } else { VecDeque::new() }
    }
}

pub(super) struct EnvironmentWalk<'a> {
    builder: &'a Builder<'a>,
    scope: &'a Scope,
    environment: &'a Environment,
    reconciled: Reconciled,
    /// Which objects were looked at for Kustomizations.
    seen: usize,
    waiting: VecDeque<Waiting>,
    /// Those among them that name what is not applied yet.
    blocked: Blocked,
    visited: HashSet<(Option<String>, String, RepoPath)>,
    /// Whether everything below a directory is taken.
    sweeping: bool,
}

impl<'a> EnvironmentWalk<'a> {
    /// Walks an environment.
    pub fn run(builder: &'a Builder<'a>, scope: &'a Scope, environment: &'a Environment) -> Reconciled {
        let reconciled = Reconciled::default();
        let (waiting, blocked, visited) = (VecDeque::new(), Blocked::default(), HashSet::new());
        let mut walk =
            Self { builder, scope, environment, reconciled, seen: 0, waiting, blocked, visited, sweeping: false };
        walk.begin();
        walk.follow();
        walk.reconciled.drop_swept();
        walk.reconciled
    }

    fn begin(&mut self) {
        self.builder.eager.set(matches!(self.environment.extent, Extent::Directory(_)));
        match &self.environment.extent {
            Extent::Directory(directory) => {
                if !self.builder.files.snapshot.is_directory(directory) {
                    let message = format!("environment {}: `{directory}` does not exist", self.environment.name);
                    self.builder.files.say(FindingCode::PathMissing, message, self.environment.place.clone());
                    return;
                }
                self.builder.files.want_below(directory);
                self.sweeping = self.builder.kustomization(directory).is_none();
                self.root(directory);
                self.sweeping = false;
            }
            Extent::Glob(pattern) => {
                let snapshot = self.builder.files.snapshot;
                let glob = Glob::of(pattern);
                let below = glob.directory();
                let paths = snapshot.below(&below).map(|(path, _)| path);
                for path in paths.filter(|path| glob.matches(path.as_str())) {
                    let build = if self.builder.is_kustomization(path) {
                        self.builder.directory(&path.parent())
                    } else if is_yaml(path) {
                        let mut build = Build::default();
                        self.builder.manifest(path, &mut build);
                        Rc::new(build.into_separate_files())
                    } else {
                        continue;
                    };
                    self.apply(&build, &Variables::default(), &Standing::default());
                }
            }
        }
    }

    /// Applies the environment's own directory, with what its bootstrap's Kustomization says about it.
    fn root(&mut self, directory: &RepoPath) {
        let build = self.builder.directory(directory);
        let leads_here = |object: &&Rc<Resource>| {
            object.is_flux("Kustomization")
                && object.name() == "flux-system"
                && RepoPath::root().join(object.tree.text(&["spec", "path"]).unwrap_or_default()).as_ref()
                    == Ok(directory)
        };
        let Some(bootstrap) = build.resources.iter().find(leads_here).cloned() else {
            // Nothing says that Flux builds all that lies here as one.
            let build = if self.sweeping { Rc::new((*build).clone().into_separate_files()) } else { build };
            self.apply(&build, &Variables::default(), &Standing::default());
            return;
        };
        self.visited.insert((bootstrap.namespace().map(str::to_owned), bootstrap.name().to_owned(), directory.clone()));
        let overlay = self.overlay(&bootstrap);
        let build = if overlay.is_empty() { build } else { Rc::new(self.builder.with_overlay(directory, &overlay)) };
        // Its ConfigMaps are among the objects that it applies itself.
        let mut variables = Variables::default();
        self.variables(&bootstrap, &build.resources, &mut variables);
        self.apply(&build, &variables, &Standing { suspended: suspended(&bootstrap), unknown: None });
    }

    fn apply(&mut self, build: &Build, variables: &Variables, standing: &Standing) {
        let substituted: Vec<Rc<Resource>> =
            build.resources.iter().map(|resource| variables.resource(resource)).collect();
        let rejected = build
            .resources
            .iter()
            .zip(&substituted)
            .find_map(|(before, after)| if Rc::ptr_eq(before, after) { None } else { after.tree.fault() });
        let fault = variables.fault().map(Rc::new).or(rejected);
        if let Some(fault) = &fault {
            self.builder.files.say(fault.code, fault.message.clone(), fault.place.clone());
        }
        let unknown = build.broken.clone().or(fault).or_else(|| standing.unknown.clone());
        let standing = Standing { unknown, ..standing.clone() };
        self.reconciled.files.extend(build.files.iter().cloned());
        build.say(self.builder.files);
        for object in substituted {
            if object.is_flux("ResourceSet") {
                let message = format!("the templates of ResourceSet `{}` can't be evaluated", object.name());
                self.builder.files.say(FindingCode::UnsupportedTemplate, message, Some(object.place()));
            }
            self.reconciled.add(Applied { object, standing: standing.clone(), swept: self.sweeping });
        }
        for image in &build.images {
            let mut image = image.clone();
            for leaf in [&mut image.tag, &mut image.digest].into_iter().flatten() {
                if let Some(new) = variables.leaf(leaf) {
                    *leaf = new;
                }
            }
            self.reconciled.images.push((image, standing.clone()));
        }
    }

    fn follow(&mut self) {
        loop {
            let new = self.reconciled.objects.get(self.seen..).unwrap_or_default();
            // In front, as they came first.
            for unblocked in self.blocked.take_for(new).into_iter().rev() {
                self.waiting.push_front(unblocked);
            }
            self.waiting.extend(new.iter().filter(|new| new.object.is_flux("Kustomization")).cloned());
            self.seen = self.reconciled.objects.len();
            let first = self.blocked.waiting.front().or(self.waiting.front());
            if let Some(next) = first.filter(|_| self.visited.len() >= MAX_KUSTOMIZATIONS) {
                let message = format!("more than {MAX_KUSTOMIZATIONS} Kustomizations in {}", self.environment.name);
                self.builder.files.say(FindingCode::InvalidObject, message, Some(next.object.place()));
                return;
            }
            // What it names may be applied by another Kustomization that is still waiting.
            let mut next = self.waiting.pop_front();
            while let Some(waiting) = next.take_if(|waiting| !self.is_ready(&waiting.object)) {
                self.blocked.add(waiting);
                next = self.waiting.pop_front();
            }
            let Some(waiting) = next.or_else(|| self.blocked.waiting.pop_front()) else { return };
            self.visit(&waiting);
        }
    }

    fn is_ready(&self, kustomization: &Resource) -> bool {
        let named = kustomization.tree.items(&["spec", "postBuild", "substituteFrom"]).iter();
        let missing = |from: &Tree| {
            from.text(&["kind"]) == Some("ConfigMap")
                && self.config_map(kustomization, from.text(&["name"]).unwrap_or_default(), &[]).is_none()
        };
        !matches!(self.origin(kustomization), Origin::NotFound) && !named.into_iter().any(missing)
    }

    fn visit(&mut self, waiting: &Waiting) {
        let kustomization = &waiting.object;
        let path = kustomization.tree.leaf(&["spec", "path"]);
        let place = path.and_then(|leaf| leaf.chain.last()).map_or_else(|| kustomization.place(), Spot::place);
        let Some(directory) = self.directory(kustomization, path, &place) else { return };
        let id = (kustomization.namespace().map(str::to_owned), kustomization.name().to_owned(), directory.clone());
        if !self.visited.insert(id) {
            return;
        }
        let files = self.builder.files;
        let name = kustomization.name();
        let mut directory = directory;
        match self.origin(kustomization) {
            Origin::Elsewhere => return,
            Origin::Copied(copies) => {
                let candidates = copies.directories(&directory);
                let found = candidates.into_iter().find(|candidate| files.snapshot.is_directory(candidate));
                let Some(found) = found else {
                    let message = format!("Kustomization `{name}`: nothing here is copied to `{directory}`");
                    files.say(FindingCode::PathMissing, message, Some(place));
                    return;
                };
                directory = found;
            }
            Origin::NotFound => {
                let source = kustomization.tree.text(&["spec", "sourceRef", "name"]).unwrap_or_default();
                let exists = files.snapshot.is_directory(&directory);
                let outcome = if exists { "its path is read from this repository" } else { "its path is not read" };
                let message = format!("Kustomization `{name}` names source `{source}`, which is not found: {outcome}");
                files.say(FindingCode::SourceMissing, message, Some(kustomization.place()));
            }
            Origin::Here => {}
        }
        if !files.snapshot.is_directory(&directory) {
            let message = format!("Kustomization `{name}`: `{directory}` does not exist");
            files.say(FindingCode::PathMissing, message, Some(place));
            return;
        }
        let overlay = self.overlay(kustomization);
        files.want_below(&directory);
        let build = match overlay.is_empty() {
            true => self.builder.directory(&directory),
            false => Rc::new(self.builder.with_overlay(&directory, &overlay)),
        };
        let mut variables = Variables::default();
        self.variables(kustomization, &build.resources, &mut variables);
        let suspended = suspended(kustomization).or_else(|| waiting.standing.suspended.clone());
        self.apply(&build, &variables, &Standing { suspended, unknown: waiting.standing.unknown.clone() });
    }

    fn directory(&self, kustomization: &Resource, path: Option<&Rc<Leaf>>, place: &Place) -> Option<RepoPath> {
        let name = kustomization.name();
        let files = self.builder.files;
        match path.map(|leaf| leaf.text.clone()) {
            None => Some(RepoPath::root()),
            Some(Err(unknown)) => {
                let message = format!("where Kustomization `{name}` leads: {}", unknown.message);
                files.say(unknown.code, message, Some(place.clone()));
                None
            }
            Some(Ok(path)) => match RepoPath::root().join(&path) {
                Ok(directory) => Some(directory),
                Err(error) => {
                    let message = format!("Kustomization `{name}`: {error}");
                    files.say(FindingCode::PathOutside, message, Some(place.clone()));
                    // Flux joins securely: `..` at the root stays there.
                    RepoPath::root().join(path.trim_start_matches(['.', '/'])).ok()
                }
            },
        }
    }

    /// What a Kustomization adds to the kustomization at its path.
    fn overlay(&self, kustomization: &Resource) -> Overlay {
        let given = |key: &str| kustomization.tree.leaf(&["spec", key]).filter(|leaf| leaf.text.as_deref() != Ok(""));
        let component = |item: &Tree| match item {
            Tree::Leaf(leaf) => Some((leaf.text.as_deref().ok()?.to_owned(), leaf.chain.last().cloned())),
            _ => None,
        };
        Overlay {
            namespace: given("targetNamespace").cloned(),
            prefix: given("namePrefix").cloned(),
            suffix: given("nameSuffix").cloned(),
            patches: kustomization.tree.items(&["spec", "patches"]).to_vec(),
            components: kustomization.tree.items(&["spec", "components"]).iter().filter_map(component).collect(),
            images: images::entries(kustomization.tree.items(&["spec", "images"])),
            labels: kustomization.tree.entries(&["spec", "commonMetadata", "labels"]).to_vec(),
        }
    }

    /// The variables of a Kustomization: `substituteFrom` in order, then `substitute`.
    fn variables(&self, kustomization: &Resource, own: &[Rc<Resource>], variables: &mut Variables) {
        let Some(post_build) = kustomization.tree.at(&["spec", "postBuild"]) else { return };
        if post_build.text(&["substituteStrategy"]) == Some("Always") {
            variables.always();
        }
        for from in post_build.items(&["substituteFrom"]) {
            let name = from.text(&["name"]).unwrap_or_default();
            let place = from.first_spot().map(Spot::place);
            if from.text(&["kind"]) == Some("Secret") {
                let message = format!("it may come from Secret `{name}`, which is not read");
                variables.may_hold_more(Unknown { code: FindingCode::SecretValue, message, place });
                continue;
            }
            match self.config_map(kustomization, name, own) {
                Some(map) => {
                    for (key, value) in map.tree.entries(&["data"]) {
                        if let Tree::Leaf(leaf) = value {
                            variables.define(key, Rc::clone(leaf));
                        }
                    }
                }
                None if from.text(&["optional"]) == Some("true") => {}
                None => {
                    let message = format!("it may come from ConfigMap `{name}`, which is not in this repository");
                    variables.may_hold_more(Unknown { code: FindingCode::UnresolvedVariable, message, place });
                }
            }
        }
        for (name, value) in post_build.entries(&["substitute"]) {
            if let Tree::Leaf(leaf) = value {
                variables.define(name, Rc::clone(leaf));
            }
        }
    }

    /// Returns the ConfigMap of a name in the namespace of a Kustomization.
    fn config_map<'b>(&'b self, kustomization: &Resource, name: &str, own: &'b [Rc<Resource>]) -> Option<&'b Resource> {
        let namespace = kustomization.namespace();
        let is_it = |object: &&Rc<Resource>| {
            object.kind() == "ConfigMap"
                && object.name() == name
                && (object.namespace() == namespace || object.namespace().is_none() || namespace.is_none())
        };
        let applied = self.reconciled.named("ConfigMap", namespace, name);
        applied.or_else(|| own.iter().find(is_it)).map(|object| &**object)
    }

    /// Tells whether a Kustomization's source is this repository.
    fn origin(&self, kustomization: &Resource) -> Origin {
        match kustomization.tree.at(&["spec", "sourceRef"]) {
            Some(reference) => self.origin_of(reference, kustomization.namespace()),
            None => Origin::NotFound,
        }
    }

    fn origin_of(&self, reference: &Tree, namespace: Option<&str>) -> Origin {
        let name = reference.text(&["name"]).unwrap_or_default();
        let kind = reference.text(&["kind"]).unwrap_or("GitRepository");
        let namespace = reference.text(&["namespace"]).or(namespace);
        if kind == "ExternalArtifact" {
            let applied = self.reconciled.objects.iter().map(|applied| &applied.object);
            let is_here = |source: &Tree| {
                source.text(&["kind"]) != Some(kind) && matches!(self.origin_of(source, namespace), Origin::Here)
            };
            let mut copies = applied
                .filter(|object| object.is_flux("ArtifactGenerator"))
                .filter_map(|generator| Copies::of(generator, name, is_here));
            return copies.next().map_or(Origin::NotFound, Origin::Copied);
        }
        if name == "flux-system" {
            return Origin::Here;
        }
        match self.reconciled.named(kind, namespace, name) {
            None => Origin::NotFound,
            Some(source) => match source.tree.text(&["spec", "url"]) {
                Some(url) if self.scope.remotes.iter().any(|remote| same_repository(remote, url)) => Origin::Here,
                _ => Origin::Elsewhere,
            },
        }
    }
}

fn suspended(kustomization: &Resource) -> Option<Place> {
    let leaf = kustomization.tree.leaf(&["spec", "suspend"]).filter(|leaf| leaf.text.as_deref() == Ok("true"))?;
    Some(leaf.chain.last().map_or_else(|| kustomization.place(), Spot::place))
}

/// Tells whether two URLs name one Git repository, whatever their scheme, user and `.git`.
pub(super) fn same_repository(one: &str, two: &str) -> bool {
    fn bare(url: &str) -> String {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let rest = rest.split_once('@').map_or(rest, |(_, rest)| rest);
        let (host, path) = rest.split_once(['/', ':']).unwrap_or((rest, ""));
        // `ssh://host:22/path` has a port where `host:path` has its path.
        let path = match path.split_once('/') {
            Some((port, path)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => path,
            _ => path,
        };
        let path = path.trim_matches('/');
        format!("{}/{}", host.to_ascii_lowercase(), path.strip_suffix(".git").unwrap_or(path))
    }
    bare(one) == bare(two)
}

#[cfg(test)]
mod tests {
    use super::same_repository;

    #[test]
    fn a_repository_is_the_same_by_any_of_its_urls() {
        let https = "https://github.com/acme/fleet";
        for url in
            ["ssh://git@github.com/acme/fleet", "git@github.com:acme/fleet.git", "https://GitHub.com/acme/fleet/"]
        {
            assert!(same_repository(https, url), "{url}");
        }
        assert!(same_repository("ssh://git@git.corp:2222/a/b", "https://git.corp/a/b.git"));
        assert!(!same_repository(https, "https://github.com/acme/fleet2"));
    }
}
