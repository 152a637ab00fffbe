//! The walk of one environment: from its directory along the Flux Kustomizations.

use std::collections::HashSet;
use std::rc::Rc;

use super::build::{Build, Builder};
use super::files::is_yaml;
use super::resource::Resource;
use super::{Scope, glob};
use crate::model::{Environment, Extent, FindingCode, RepoPath};

/// The most Flux Kustomizations that one environment may follow.
const MAX_KUSTOMIZATIONS: usize = 10_000;

/// What one environment reconciles.
#[derive(Default)]
pub(super) struct Reconciled {
    /// The objects as they are applied, in the order in which Flux reaches them.
    pub objects: Vec<Rc<Resource>>,
    /// Every file that was read on the way.
    pub files: HashSet<RepoPath>,
}

/// Where the source of a Kustomization is.
enum Origin {
    Here,
    Elsewhere,
    NotFound,
}

pub(super) struct EnvironmentWalk<'a> {
    builder: &'a Builder<'a>,
    scope: &'a Scope,
    reconciled: Reconciled,
    /// Which objects were looked at for Kustomizations.
    seen: usize,
    waiting: Vec<Rc<Resource>>,
    followed: usize,
}

impl<'a> EnvironmentWalk<'a> {
    /// Walks an environment.
    pub fn run(builder: &'a Builder<'a>, scope: &'a Scope, environment: &Environment) -> Reconciled {
        let reconciled = Reconciled::default();
        let mut walk = Self { builder, scope, reconciled, seen: 0, waiting: Vec::new(), followed: 0 };
        walk.begin(environment);
        walk.follow();
        walk.reconciled
    }

    fn begin(&mut self, environment: &Environment) {
        match &environment.extent {
            Extent::Directory(directory) => {
                if !self.builder.files.snapshot.is_directory(directory) {
                    let message = format!("environment {}: `{directory}` does not exist", environment.name);
                    self.builder.files.say(FindingCode::PathMissing, message, environment.place.clone());
                    return;
                }
                self.builder.files.want_below(directory);
                let build = self.builder.directory(directory);
                self.apply(&build);
            }
            Extent::Glob(pattern) => {
                let snapshot = self.builder.files.snapshot;
                let matching = snapshot.entries.keys().filter(|path| glob::matches(pattern, path.as_str()));
                for path in matching {
                    let directory = path.parent();
                    if self.builder.kustomization(&directory).as_ref() == Some(path) {
                        let build = self.builder.directory(&directory);
                        self.apply(&build);
                    } else if is_yaml(path) {
                        let mut build = Build::default();
                        self.builder.manifest(path, &mut build);
                        self.apply(&build);
                    }
                }
            }
        }
    }

    fn apply(&mut self, build: &Build) {
        self.reconciled.files.extend(build.files.iter().cloned());
        self.reconciled.objects.extend(build.resources.iter().cloned());
    }

    fn follow(&mut self) {
        loop {
            let new = self.reconciled.objects.get(self.seen..).unwrap_or_default();
            let new: Vec<Rc<Resource>> = new.iter().filter(|object| object.is_flux("Kustomization")).cloned().collect();
            self.seen = self.reconciled.objects.len();
            self.waiting.extend(new);
            if self.waiting.is_empty() || self.followed >= MAX_KUSTOMIZATIONS {
                return;
            }
            // What it names may be applied by another Kustomization that is still waiting.
            let ready = self.waiting.iter().position(|kustomization| self.is_ready(kustomization)).unwrap_or_default();
            let kustomization = self.waiting.remove(ready);
            self.followed += 1;
            self.visit(&kustomization);
        }
    }

    fn is_ready(&self, kustomization: &Resource) -> bool {
        !matches!(self.origin(kustomization), Origin::NotFound)
    }

    fn visit(&mut self, kustomization: &Rc<Resource>) {
        let place = || {
            let path = kustomization.tree.leaf(&["spec", "path"]).and_then(|leaf| leaf.chain.last());
            Some(path.map_or_else(|| kustomization.place(), |spot| spot.place()))
        };
        let files = self.builder.files;
        let name = kustomization.name();
        let directory = match kustomization.tree.leaf(&["spec", "path"]).map(|leaf| leaf.text.clone()) {
            None => RepoPath::root(),
            Some(Err(unknown)) => {
                files.say(unknown.code, format!("where Kustomization `{name}` leads: {}", unknown.message), place());
                return;
            }
            Some(Ok(path)) => match RepoPath::root().join(&path) {
                Ok(directory) => directory,
                Err(error) => {
                    files.say(FindingCode::PathOutside, format!("Kustomization `{name}`: {error}"), place());
                    return;
                }
            },
        };
        let exists = files.snapshot.is_directory(&directory);
        match self.origin(kustomization) {
            Origin::Elsewhere => return,
            Origin::NotFound => {
                let source = kustomization.tree.text(&["spec", "sourceRef", "name"]).unwrap_or_default();
                let outcome = if exists { "its path is read from this repository" } else { "its path is not read" };
                let message = format!("Kustomization `{name}` names source `{source}`, which is not found: {outcome}");
                files.say(FindingCode::SourceMissing, message, Some(kustomization.place()));
            }
            Origin::Here => {}
        }
        if !exists {
            let message = format!("Kustomization `{name}`: `{directory}` does not exist");
            files.say(FindingCode::PathMissing, message, place());
            return;
        }
        files.want_below(&directory);
        let build = self.builder.directory(&directory);
        self.apply(&build);
    }

    /// Tells whether a Kustomization's source is this repository.
    fn origin(&self, kustomization: &Resource) -> Origin {
        let Some(reference) = kustomization.tree.at(&["spec", "sourceRef"]) else { return Origin::NotFound };
        let name = reference.text(&["name"]).unwrap_or_default();
        if name == "flux-system" {
            return Origin::Here;
        }
        let kind = reference.text(&["kind"]).unwrap_or("GitRepository");
        let namespace = reference.text(&["namespace"]).or(kustomization.namespace());
        let named = |object: &&Rc<Resource>| {
            object.is_flux(kind)
                && object.name() == name
                && (object.namespace() == namespace || object.namespace().is_none() || namespace.is_none())
        };
        match self.reconciled.objects.iter().find(named) {
            None => Origin::NotFound,
            Some(source) => match source.tree.text(&["spec", "url"]) {
                Some(url) if self.scope.remotes.iter().any(|remote| same_repository(remote, url)) => Origin::Here,
                _ => Origin::Elsewhere,
            },
        }
    }
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
