//! Whether a pull request changes exactly the values of its promotion: computed anew from the base, and compared byte by
//! byte with what the merge would leave.

use std::collections::BTreeMap;

use super::moved::Moved;
use super::proposal::MergedFile;
use crate::edit::{self, Refusal};
use crate::model::{CheckResult, Choice, Edit, Inventory, Level, Place, Problem as _, ReasonCode, RepoPath, Snapshot};
use crate::report::pull_request::hunks;

/// What the moves take, and what the pull request does beside that.
#[derive(Default)]
pub struct Exactness {
    /// The edits that make the moves.
    pub edits: Vec<Edit>,
    /// What it does beside them; empty if it does exactly these.
    pub beside: Vec<CheckResult>,
}

/// Computes the edits that the moves take, and compares what they leave with what the merge would leave.
pub fn exactness(base: &Snapshot, inventory: &Inventory, moved: &[Moved<'_>], files: &[MergedFile]) -> Exactness {
    let mut exactness = Exactness::default();
    for one in moved {
        match edits_of(inventory, one) {
            Ok(edits) => {
                for edit in edits {
                    if !exactness.edits.contains(&edit) {
                        exactness.edits.push(edit);
                    }
                }
            }
            Err(refusal) => exactness.beside.push(not_editable(&refusal)),
        }
    }
    exactness.beside.extend(left_behind(inventory, moved));
    let expected = match edit::apply_all(base, &exactness.edits) {
        Ok(expected) => expected,
        Err(refusal) => {
            exactness.beside.push(not_editable(&refusal));
            return exactness;
        }
    };
    exactness.beside.extend(files.iter().flat_map(|file| beside(file, &expected)));
    let is_there = |path: &RepoPath| files.iter().any(|file| file.path.as_ref() == Some(path));
    for edit in exactness.edits.iter().filter(|edit| !is_there(edit.slot.path())) {
        let message = format!("leaves `{}` as it is, which the promotion moves", edit.before);
        exactness.beside.push(other(message, Some(edit.slot.place.clone())));
    }
    exactness
}

fn edits_of(inventory: &Inventory, moved: &Moved<'_>) -> Result<Vec<Edit>, Refusal> {
    match moved.tag() {
        Some(tag) => edit::edits_for(moved.before, inventory, &tag, moved.digest()),
        None => Ok(Vec::new()),
    }
}

/// All pins of one artifact in an environment move together: returns those that are left behind.
fn left_behind(inventory: &Inventory, moved: &[Moved<'_>]) -> Vec<CheckResult> {
    let mut results: Vec<CheckResult> = Vec::new();
    for one in moved {
        for sister in inventory.sources_of(one.app(), one.environment()) {
            let Choice::Pin { version: Some(version), .. } = &sister.choice else { continue };
            // Other parts of an app may have versions of their own.
            if sister.artifact.as_ref().ok() != one.before.artifact.as_ref().ok() {
                continue;
            }
            let is_there = one.to.version.as_ref().is_some_and(|to| to.precedence(version).is_eq());
            if is_there
                || moved.iter().any(|other| other.before.id == sister.id && other.environment() == one.environment())
            {
                continue;
            }
            let message = format!("leaves `{}` at {version}, which moves together with it", sister.id.name);
            let result = CheckResult::new(ReasonCode::PartsDiffer, Level::Error, message, Some(sister.place.clone()));
            if !results.contains(&result) {
                results.push(result);
            }
        }
    }
    results
}

/// What a file is beside what it should be.
fn beside(file: &MergedFile, expected: &BTreeMap<RepoPath, Vec<u8>>) -> Vec<CheckResult> {
    let at = |path: &RepoPath, line| Place { path: path.clone(), line, column: 1 };
    let wanted = file.path.as_ref().and_then(|path| Some((path, expected.get(path)?)));
    let (Some((path, wanted)), Some(found)) = (wanted, &file.edited) else {
        let place = file.path.as_ref().map(|path| at(path, 1));
        return vec![other(format!("changes {}, which is no part of the promotion", file.shown), place)];
    };
    if wanted.as_slice() == found.as_ref() {
        return Vec::new();
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let lines = hunks(path, &text(wanted), &text(found));
    let mut results: Vec<CheckResult> = lines
        .iter()
        .map(|hunk| other("changes more here than the version that it promotes".to_owned(), Some(at(path, hunk.line))))
        .collect();
    if results.is_empty() {
        // Line ends, or bytes that are no text.
        results.push(other("changes bytes beside the version that it promotes".to_owned(), Some(at(path, 1))));
    }
    results
}

fn other(message: String, place: Option<Place>) -> CheckResult {
    CheckResult::new(ReasonCode::OtherChange, Level::Error, message, place)
}

fn not_editable(refusal: &Refusal) -> CheckResult {
    let place = refusal.place().cloned();
    CheckResult::new(ReasonCode::NotEditable, Level::Error, refusal.to_string(), place)
}

/// Returns where edits are: `clusters/prod-eu/my-app.yaml:12-13`.
pub fn places(edits: &[Edit]) -> String {
    let mut by_path: BTreeMap<&RepoPath, (usize, usize)> = BTreeMap::new();
    for edit in edits {
        let line = edit.slot.place.line;
        let (first, last) = by_path.entry(edit.slot.path()).or_insert((line, line));
        (*first, *last) = ((*first).min(line), (*last).max(line));
    }
    let shown = by_path.into_iter().map(|(path, (first, last))| {
        if first == last { format!("{path}:{first}") } else { format!("{path}:{first}-{last}") }
    });
    shown.collect::<Vec<_>>().join(", ")
}
