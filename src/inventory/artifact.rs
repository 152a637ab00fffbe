//! Artifacts that Flux makes of parts of this repository, and where their paths lead back to.

use super::resource::Resource;
use super::tree::Tree;
use crate::model::RepoPath;

/// Directories of this repository that an `ArtifactGenerator` copies into an artifact.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Copies {
    /// Where in the artifact, and the directory that is copied there.
    copies: Vec<(RepoPath, RepoPath)>,
}

impl Copies {
    /// Reads what a generator copies into the artifact of a name; none if it makes no such artifact.
    ///
    /// `is_here` tells whether a source of the generator, by kind and name, is this repository.
    pub fn of(generator: &Resource, artifact: &str, is_here: impl Fn(&Tree) -> bool) -> Option<Self> {
        let artifacts = generator.tree.items(&["spec", "artifacts"]);
        let made = artifacts.iter().find(|made| made.text(&["name"]) == Some(artifact))?;
        let sources = generator.tree.items(&["spec", "sources"]);
        let here = |alias: &str| sources.iter().any(|source| source.text(&["alias"]) == Some(alias) && is_here(source));
        let copy = |item: &Tree| {
            let (alias, from) = item.text(&["from"])?.strip_prefix('@')?.split_once('/')?;
            let to = item.text(&["to"])?.strip_prefix("@artifact")?;
            // `dir/**` copies what is in the directory; without it the directory itself is copied.
            let (from, whole) = match from.strip_suffix("**") {
                Some(directory) => (directory, false),
                None => (from, true),
            };
            let from = RepoPath::root().join(from).ok()?;
            let to = RepoPath::root().join(to).ok()?;
            let to = if whole { to.join(from.file_name()).ok()? } else { to };
            here(alias).then_some((to, from))
        };
        Some(Self { copies: made.items(&["copy"]).iter().filter_map(copy).collect() })
    }

    /// Returns the directories of this repository that a path in the artifact may be.
    pub fn directories(&self, path: &RepoPath) -> Vec<RepoPath> {
        let directory = |(to, from): &(RepoPath, RepoPath)| {
            let below = path.is_within(to).then(|| path.as_str().get(to.as_str().len()..))??;
            from.join(below.trim_start_matches('/')).ok()
        };
        self.copies.iter().filter_map(directory).collect()
    }
}
