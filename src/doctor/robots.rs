//! Other programs that write the same places: Renovate, pipelines, Flux's image automation, updatecli, Argo CD's updater.

use std::collections::BTreeMap;

use super::renovate::{self, PLACES};
use super::scripts::{self, editors, is_script, named};
use super::targets::Target;
use crate::model::{Check, Place, RepoPath, Snapshot, Subject};
use crate::yaml::{Node, Stream};

/// Tells which files say what other programs write, beside the manifests.
pub fn wanted(snapshot: &Snapshot) -> Vec<RepoPath> {
    let is_wanted = |path: &&RepoPath| PLACES.contains(&path.as_str()) || is_script(path) || is_updatecli(path);
    snapshot.entries.keys().filter(is_wanted).cloned().collect()
}

/// Judges who else writes the pinned places.
pub fn others(snapshot: &Snapshot, targets: &[Target]) -> Vec<Check> {
    let pins: Vec<Target> = targets.iter().filter(|target| target.is_pin).cloned().collect();
    let all = if pins.len() == 1 { "1 pinned place".to_owned() } else { format!("{} pinned places", pins.len()) };
    let mut checks = Vec::new();
    checks.extend(by_renovate(snapshot, &pins, &all));
    for path in snapshot.entries.keys().filter(|path| is_script(path)) {
        let Some(text) = text_of(snapshot, path) else { continue };
        checks.extend(editors(path, &text, &pins).into_iter().map(|editor| {
            let count = editor.targets.len();
            let message = if editor.is_certain {
                format!("{count} of {all} {} also written by {}", are(count), editor.program)
            } else {
                format!("{count} of {all} may also be written by {}: a variable says which", editor.program)
            };
            let help = "two writers undo each other: leave the places to promote, or leave them out of `apps:`";
            Check::warning(Subject::Others, message).at(&editor.place).help(help)
        }));
    }
    checks.extend(by_updatecli(snapshot, &pins, &all));
    let manifests: Vec<(&RepoPath, Stream)> = robots_in(snapshot).collect();
    for (path, stream) in &manifests {
        for document in &stream.documents {
            checks.extend(by_automation(path, &document.root, &pins, &all));
            checks.extend(by_argo(path, &document.root, &pins, &all));
        }
    }
    if checks.is_empty() {
        checks.push(Check::ok(Subject::Others, format!("nothing else was found that writes the {all}")));
    }
    checks
}

fn are(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

fn text_of(snapshot: &Snapshot, path: &RepoPath) -> Option<String> {
    snapshot.bytes(path).and_then(|bytes| std::str::from_utf8(bytes).ok()).map(str::to_owned)
}

fn by_renovate(snapshot: &Snapshot, pins: &[Target], all: &str) -> Option<Check> {
    // Renovate reads the first one.
    let path: RepoPath =
        PLACES.iter().filter_map(|path| path.parse().ok()).find(|path| snapshot.entry(path).is_some())?;
    let text = text_of(snapshot, &path)?;
    let known = |path: &RepoPath| text_of(snapshot, path);
    let touched = match renovate::touched(&text, pins, &known) {
        Ok(touched) => touched,
        Err(why) => {
            let message = format!("what Renovate writes can't be told: {path} can't be read: {why}");
            return Some(Check::warning(Subject::Others, message).at(&Place { path, line: 1, column: 1 }));
        }
    };
    let help = format!("promote init --print tells the lines to add to {path}");
    match (touched.targets.as_slice(), touched.presets.as_slice()) {
        ([], []) => None,
        ([], presets) => {
            let message = format!(
                "whether Renovate writes the {all} can't be told: {path} extends {}, which can't be read here",
                presets.join(", ")
            );
            Some(Check::warning(Subject::Others, message).at(&Place { path, line: 1, column: 1 }).help(help))
        }
        ([first, ..], _) => {
            let count = touched.targets.len();
            let message =
                format!("{count} of {all} {} also updated by {path} ({})", are(count), touched.managers.join(", "));
            let check = Check::warning(Subject::Others, message).help(help);
            Some(pins.get(*first).map_or(check.clone(), |target| check.at(&target.place)))
        }
    }
}

fn is_updatecli(path: &RepoPath) -> bool {
    let text = path.as_str();
    let is_manifest = [".yaml", ".yml", ".tpl"].iter().any(|end| text.ends_with(end));
    let below = text.starts_with("updatecli/") || text.starts_with("updatecli.d/") || text.contains("/updatecli.d/");
    is_manifest && (below || matches!(path.file_name(), "updatecli.yaml" | "updatecli.yml"))
}

/// Updatecli's manifests are templates, so their lines are read, not their YAML: the files below `targets:`.
fn by_updatecli(snapshot: &Snapshot, pins: &[Target], all: &str) -> Vec<Check> {
    let mut checks = Vec::new();
    for path in snapshot.entries.keys().filter(|path| is_updatecli(path)) {
        let Some(text) = text_of(snapshot, path) else { continue };
        let mut is_target = false;
        let mut lines: Vec<(usize, Vec<usize>)> = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            if line.starts_with(|char: char| char.is_alphabetic()) {
                is_target = line.starts_with("targets:");
            }
            let bare = line.trim_start().trim_start_matches("- ");
            if !is_target || bare.starts_with('#') {
                continue;
            }
            let found = named(&scripts::paths(bare), &[], pins);
            lines.extend((!found.is_empty()).then_some((number, found)));
        }
        let Some((line, _)) = lines.first() else { continue };
        let mut written: Vec<usize> = lines.iter().flat_map(|(_, found)| found.clone()).collect();
        written.sort_unstable();
        written.dedup();
        let message = format!("{} of {all} {} also written by updatecli", written.len(), are(written.len()));
        checks.push(Check::warning(Subject::Others, message).at(&Place { path: path.clone(), line: *line, column: 1 }));
    }
    checks
}

/// The manifests that speak of a program that writes into the repository.
fn robots_in(snapshot: &Snapshot) -> impl Iterator<Item = (&RepoPath, Stream)> {
    let names = ["ImageUpdateAutomation", ARGO];
    let is_yaml = |path: &RepoPath| path.as_str().ends_with(".yaml") || path.as_str().ends_with(".yml");
    snapshot.entries.keys().filter(move |path| is_yaml(path)).filter_map(move |path| {
        let bytes = snapshot.bytes(path)?;
        let text = std::str::from_utf8(bytes).ok()?;
        names.iter().any(|name| text.contains(name)).then(|| (path, Stream::parse(bytes)))
    })
}

const ARGO: &str = "argocd-image-updater.argoproj.io/write-back-method";

fn by_automation(path: &RepoPath, root: &Node, pins: &[Target], all: &str) -> Option<Check> {
    if root.text_at(&["kind"]) != Some("ImageUpdateAutomation") || root.text_at(&["spec", "suspend"]) == Some("true") {
        return None;
    }
    let within: RepoPath = root.text_at(&["spec", "update", "path"]).unwrap_or(".").parse().ok()?;
    let mut policies: BTreeMap<&str, usize> = BTreeMap::new();
    for target in pins.iter().filter(|target| target.path().is_within(&within)) {
        if let Some(marker) = &target.marker {
            *policies.entry(marker.as_str()).or_default() += 1;
        }
    }
    let count: usize = policies.values().sum();
    if count == 0 {
        return None;
    }
    let name = root.text_at(&["metadata", "name"]).unwrap_or_default();
    let message =
        format!("{count} of {all} {} also written by the ImageUpdateAutomation `{name}` ($imagepolicy)", are(count));
    let help = "promote leaves these to the bot; remove the markers to have them promoted";
    Some(Check::warning(Subject::Others, message).at(&Place { path: path.clone(), line: 1, column: 1 }).help(help))
}

/// Argo CD's image updater, told by annotations to write into Git.
fn by_argo(path: &RepoPath, root: &Node, pins: &[Target], all: &str) -> Option<Check> {
    let annotations = root.field("metadata")?.field("annotations")?;
    let annotation = |name: &str| annotations.field(&format!("argocd-image-updater.argoproj.io/{name}"))?.text();
    if !annotation("write-back-method")?.starts_with("git") {
        return None;
    }
    let directory: RepoPath = root.text_at(&["spec", "source", "path"]).unwrap_or(".").parse().ok()?;
    // Without a target it writes a file of its own.
    let (kind, target) = match annotation("write-back-target")?.split_once(':') {
        Some((kind, target)) => (kind, target),
        None => (annotation("write-back-target")?, "."),
    };
    let written: RepoPath = match target.strip_prefix('/') {
        Some(rest) => rest.parse().ok()?,
        None => directory.join(target).ok()?,
    };
    let hits = |one: &&Target| match kind {
        "kustomization" => one.path().parent() == written && one.path().file_name().starts_with("kustomization."),
        _ => *one.path() == written,
    };
    let count = pins.iter().filter(hits).count();
    let message = format!("{count} of {all} {} also written by Argo CD's image updater", are(count));
    (count > 0).then(|| Check::warning(Subject::Others, message).at(&Place { path: path.clone(), line: 1, column: 1 }))
}
