//! The environments of a repository that has no configuration.

use super::build::is_flux_itself;
use super::files::{Files, Parsed, is_yaml};
use super::resource::{group_and_version, is_flux_group};
use super::words::Rank;
use crate::model::{
    Environment, EnvironmentName, Extent, Finding, FindingCode, Order, Place, RepoPath, Rules, Snapshot, Stage, Stages,
};
use crate::yaml::Node;

/// The directories whose children are environments, if their names say so.
const PARENTS: [&str; 6] = ["clusters", "environments", "envs", "apps", "overlays", "deploy"];

/// What was found.
#[derive(Clone, Debug)]
pub struct Discovery {
    /// The environments: in guessed order, or in none.
    pub stages: Stages,
    /// The stage of those whose names tell no rank; it stands last.
    pub unranked: Option<EnvironmentName>,
    /// The branch that the bootstrap follows.
    pub bootstrap_branch: Option<String>,
    /// What was looked for, for people.
    pub looked_for: Vec<String>,
    /// What people should know.
    pub findings: Vec<Finding>,
}

/// What looking for environments answers.
#[derive(Debug)]
pub enum Look {
    /// What was found.
    Done(Box<Discovery>),
    /// Files that are to be put into the snapshot before looking again.
    Needs(Vec<RepoPath>),
}

/// A path that a bootstrap reconciles.
struct Bootstrap {
    path: RepoPath,
    place: Place,
}

/// Looks for the environments of a repository without configuration.
pub fn discover(snapshot: &Snapshot) -> Look {
    look(&Files::new(snapshot, &Parsed::default()))
}

/// Looks through files of which some may be parsed already.
pub(super) fn look(files: &Files<'_>) -> Look {
    let snapshot = files.snapshot;
    let mut bootstraps = Vec::new();
    let mut branch = None;
    for path in snapshot.entries.keys().filter(|path| is_yaml(path) && may_bootstrap(path) && !is_flux_itself(path)) {
        let Some(text) = files.yaml(path) else { continue };
        for document in &text.stream.documents {
            read_bootstrap(files, path, &document.root, &mut bootstraps, &mut branch);
        }
    }
    let needed = files.needed();
    if !needed.is_empty() {
        return Look::Needs(needed);
    }
    let mut looked_for =
        vec!["a bootstrap: `gotk-sync.yaml`, a Kustomization or FluxInstance `flux-system`".to_owned()];
    let mut environments = of_bootstraps(&bootstraps);
    if environments.is_empty() {
        let parents = PARENTS.map(|parent| format!("`{parent}/`")).join(", ");
        looked_for.push(format!("directories below {parents} named after an environment (dev, staging, production)"));
        environments = of_directories(snapshot);
    }
    if environments.is_empty() {
        environments = environment("default", RepoPath::root(), None).into_iter().collect();
    }
    let (stages, unranked) = ranked(environments);
    let mut findings: Vec<Finding> =
        files.findings().into_iter().filter(|finding| finding.code == FindingCode::PathMissing).collect();
    if stages.order == Order::Guessed && stages.stages.len() > 1 {
        let names: Vec<&str> = stages.stages.iter().map(|stage| stage.name.as_str()).collect();
        let message = format!("the order {} is a guess from names; write it down in promote.yaml", names.join(" < "));
        findings.push(Finding { code: FindingCode::GuessedOrder, message, place: None });
    }
    Look::Done(Box::new(Discovery { stages, unranked, bootstrap_branch: branch, looked_for, findings }))
}

/// Tells whether a file's name or place says that a bootstrap may stand in it; reading every file would be too much.
fn may_bootstrap(path: &RepoPath) -> bool {
    let told = |segment: &str| ["flux", "gotk", "bootstrap"].iter().any(|word| segment.contains(word));
    let lower = path.as_str().to_ascii_lowercase();
    lower.split('/').any(told) || path.parent().parent().file_name() == "clusters"
}

fn read_bootstrap(
    files: &Files<'_>,
    file: &RepoPath,
    root: &Node,
    bootstraps: &mut Vec<Bootstrap>,
    branch: &mut Option<String>,
) {
    let group = group_and_version(root.text_at(&["apiVersion"]).unwrap_or_default()).0;
    let sync = file.file_name() == "gotk-sync.yaml";
    // A FluxInstance says what the cluster reconciles, whatever its name; the operator wants it to be `flux`.
    let instance = root.text_at(&["kind"]) == Some("FluxInstance");
    let named = root.text_at(&["metadata", "name"]) == Some("flux-system") || sync || instance;
    if !is_flux_group(group) || !named {
        return;
    }
    let (path, default) = match root.text_at(&["kind"]) {
        // A patch to the bootstrap's Kustomization has no source.
        Some("Kustomization") if root.text_at(&["spec", "sourceRef", "name"]).is_none() => return,
        Some("Kustomization") => (&["spec", "path"][..], Some("")),
        Some("FluxInstance") => (&["spec", "sync", "path"][..], None),
        Some("GitRepository") => {
            let reference = root.text_at(&["spec", "ref", "branch"]);
            *branch = branch.take().or_else(|| reference.map(str::to_owned));
            return;
        }
        _ => return,
    };
    if let Some(reference) = root.text_at(&["spec", "sync", "ref"]) {
        let reference = reference.strip_prefix("refs/heads/").unwrap_or(reference);
        *branch = branch.take().or_else(|| (!reference.contains("refs/")).then(|| reference.to_owned()));
    }
    let node = path.iter().try_fold(root, |node, key| node.field(key));
    let position = node.unwrap_or(root).position;
    let place = Place { path: file.clone(), line: position.line, column: position.column };
    let Some(text) = root.text_at(path).or(default) else { return };
    match RepoPath::root().join(text) {
        Ok(directory) if files.snapshot.is_directory(&directory) => {
            if !bootstraps.iter().any(|bootstrap| bootstrap.path == directory) {
                bootstraps.push(Bootstrap { path: directory, place });
            }
        }
        Ok(directory) => {
            let message = format!("the bootstrap's path `{directory}` does not exist");
            files.say(FindingCode::PathMissing, message, Some(place));
        }
        Err(error) => files.say(FindingCode::PathMissing, error.to_string(), Some(place)),
    }
}

/// Names each bootstrap's path by its last segments, as many as tell it from the others.
fn of_bootstraps(bootstraps: &[Bootstrap]) -> Vec<Environment> {
    let named = |bootstrap: &Bootstrap, segments: usize| {
        let all: Vec<&str> = bootstrap.path.as_str().split('/').filter(|segment| !segment.is_empty()).collect();
        let from = all.len().saturating_sub(segments);
        let name = all.get(from..).unwrap_or_default().join("-");
        if name.is_empty() { "default".to_owned() } else { name }
    };
    let unique = |bootstrap: &&Bootstrap, segments: usize| {
        let name = named(bootstrap, segments);
        bootstraps.iter().filter(|other| named(other, segments) == name).count() == 1
    };
    let made = |bootstrap: &Bootstrap| {
        let segments = (1..16).find(|segments| unique(&bootstrap, *segments)).unwrap_or(16);
        environment(&named(bootstrap, segments), bootstrap.path.clone(), Some(bootstrap.place.clone()))
    };
    bootstraps.iter().filter_map(made).collect()
}

/// So many files at once cost about as much as asking once more.
const LIKELY_LIMIT: usize = 2000;

/// Returns the manifests that a walk will likely need: those whose path holds an environment's word. None if they are
/// too many for a guess.
pub fn likely(snapshot: &Snapshot) -> Vec<RepoPath> {
    let named = snapshot.entries.keys().filter(|path| is_yaml(path) && Rank::is_told_by(path.as_str()));
    let found: Vec<RepoPath> = named.take(LIKELY_LIMIT + 1).cloned().collect();
    if found.len() > LIKELY_LIMIT { Vec::new() } else { found }
}

/// Takes the directories that are named after environments, if they make two stages.
fn of_directories(snapshot: &Snapshot) -> Vec<Environment> {
    let mut directories: Vec<RepoPath> = Vec::new();
    for path in snapshot.entries.keys().filter(|path| is_yaml(path)) {
        let mut directory = path.parent();
        while !directory.as_str().is_empty() {
            let parent = directory.parent();
            if PARENTS.contains(&parent.file_name()) && Rank::is_told_by(directory.file_name()) {
                directories.push(directory.clone());
            }
            directory = parent;
        }
    }
    directories.sort();
    directories.dedup();
    // The parents in the order of the contract, those nearer the root first, and all of them if no one is enough.
    let mut parents: Vec<RepoPath> = directories.iter().map(RepoPath::parent).collect();
    parents.sort_by_key(|parent| {
        let order = PARENTS.iter().position(|name| *name == parent.file_name());
        (parent.as_str().matches('/').count(), order, parent.clone())
    });
    parents.dedup();
    let below =
        |parent: &RepoPath| directories.iter().filter(|directory| directory.parent() == *parent).cloned().collect();
    let sets = parents.iter().map(below).chain([directories.clone()]);
    for set in sets {
        let set: Vec<RepoPath> = set;
        let mut ranks: Vec<Rank> = set.iter().filter_map(|directory| Rank::of_name(directory.file_name())).collect();
        ranks.sort_unstable();
        ranks.dedup();
        if ranks.len() > 1 {
            let bootstraps: Vec<Bootstrap> = set
                .into_iter()
                .map(|path| Bootstrap { place: Place { path: path.clone(), line: 1, column: 1 }, path })
                .collect();
            let mut environments = of_bootstraps(&bootstraps);
            environments.iter_mut().for_each(|environment| environment.place = None);
            return environments;
        }
    }
    Vec::new()
}

fn environment(name: &str, path: RepoPath, place: Option<Place>) -> Option<Environment> {
    let name = name.trim_start_matches('-').parse().ok()?;
    Some(Environment { name, extent: Extent::Directory(path), rules: Rules::default(), place })
}

/// Puts environments into stages by the ranks that their names tell; those without rank stand last, in one stage.
fn ranked(environments: Vec<Environment>) -> (Stages, Option<EnvironmentName>) {
    let mut ranks: Vec<(Option<Rank>, Vec<Environment>)> = Vec::new();
    for environment in environments {
        let rank = Rank::of_name(environment.name.as_str());
        match ranks.iter_mut().find(|(other, _)| *other == rank) {
            Some((_, environments)) => environments.push(environment),
            None => ranks.push((rank, vec![environment])),
        }
    }
    ranks.sort_by_key(|(rank, _)| (rank.is_none(), *rank));
    let order = if ranks.iter().any(|(rank, _)| rank.is_some()) { Order::Guessed } else { Order::Unknown };
    let mut unranked = None;
    let mut stages = Vec::new();
    for (rank, environments) in ranks {
        let taken: Vec<EnvironmentName> = environments.iter().map(|environment| environment.name.clone()).collect();
        let name = match (taken.as_slice(), rank) {
            ([only], _) => Some(only.clone()),
            // `--to production` must not mean one of them and all of them.
            (names, Some(rank)) if names.iter().any(|name| name.as_str() == rank.name()) => {
                format!("all-{}", rank.name()).parse().ok()
            }
            (_, Some(rank)) => rank.name().parse().ok(),
            (_, None) => "unranked".parse().ok(),
        };
        let Some(name) = name else { continue };
        if rank.is_none() {
            unranked = Some(name.clone());
        }
        stages.push(Stage { name, environments });
    }
    (Stages { order, stages }, unranked)
}
