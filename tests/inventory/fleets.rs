//! Real fleets, with answers from independent tools: a scanner's inventory, and what `kubectl kustomize` builds.
//!
//! They stand beside the project, and are read only if they are there.

use super::shared;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use promote::edit::{Intent, apply_all, edits_for, prove};
use promote::inventory::{Reach, Scope, Walk, built};
use promote::model::{
    Choice, Digest, Edit, FieldName, Inventory, Problem as _, Snapshot, Source, SourceKind, Span, Tag,
};
use serde_json::Value;

use crate::repository::{Repository, name};

/// One fleet and its answers.
struct Fleet {
    name: String,
    repository: Repository,
    folder: PathBuf,
}

impl Fleet {
    fn rows(&self, kind: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.join(kind).join(format!("{}.jsonl", self.name)));
        text.expect("the answers").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    fn inventory(&self) -> Inventory {
        let stages = self.repository.discover().stages;
        let scope = Scope { stages, apps: Vec::new(), remotes: Vec::new(), reach: Reach::Repository };
        self.repository.walk(&scope)
    }
}

fn fleets() -> Vec<Fleet> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/fleets");
    if !folder.is_dir() {
        assert!(std::env::var_os("PROMOTE_REQUIRE_SHARED").is_none(), "{} is required", folder.display());
        println!("skipped: {} is not there", folder.display());
        return Vec::new();
    }
    let mut fleets = Vec::new();
    for entry in std::fs::read_dir(folder.join("repos")).expect("the fleets") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        fleets.push(Fleet { name, repository: Repository::read(&path), folder: folder.clone() });
    }
    fleets.sort_by(|one, two| one.name.cmp(&two.name));
    let files = fleets.iter().map(|fleet| fleet.repository.files.len()).sum();
    shared::read(&format!("fleets/repos, {} of them", fleets.len()), files, "files");
    fleets
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_default()
}

/// What `promote pins --all -o json` says of a fleet as it lies there.
fn pins(fleet: &Fleet) -> Value {
    let home = tempfile::tempdir().expect("a folder");
    let output = Command::new(env!("CARGO_BIN_EXE_promote"))
        .args(["pins", "--all", "--at", "worktree", "-o", "json"])
        .current_dir(fleet.folder.join("repos").join(&fleet.name))
        .env("HOME", home.path())
        .stdin(Stdio::null())
        .output()
        .expect("the program");
    let said = String::from_utf8_lossy(&output.stderr);
    // Whatever a file holds, the scan goes on.
    assert_eq!(output.status.code(), Some(0), "{}: {said}", fleet.name);
    serde_json::from_slice(&output.stdout).expect("a document")
}

#[test]
fn every_written_version_is_found_at_its_line_and_column() {
    let (mut rows, mut missing) = (0, Vec::new());
    for fleet in fleets() {
        let document = pins(&fleet);
        let place = |pin: &Value| (text(pin, "path").to_owned(), pin["line"].as_u64(), pin["column"].as_u64());
        let listed = document["pins"].as_array().expect("pins");
        let values: BTreeMap<_, &str> = listed.iter().map(|pin| (place(pin), text(pin, "value"))).collect();
        for row in fleet.rows("inventory").iter().filter(|row| row["class"] == "core") {
            rows += 1;
            let key = (text(row, "path").to_owned(), row["line"].as_u64(), row["col"].as_u64());
            if values.get(&key).copied() != Some(text(row, "value")) {
                missing.push(format!("{} {key:?} {} {}", fleet.name, row["field"], row["value"]));
            }
        }
    }
    println!("{} of {rows} rows missing", missing.len());
    shared::read("fleets/inventory", rows, "rows");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

fn kind(row: &Value) -> Option<SourceKind> {
    match text(row, "kind") {
        "OCIRepository" => Some(SourceKind::OciRepository),
        "GitRepository" => Some(SourceKind::GitRepository),
        "HelmRelease" => Some(SourceKind::HelmRelease),
        "HelmChart" => Some(SourceKind::HelmChart),
        _ => None,
    }
}

fn field(source: &Source, field: FieldName) -> Option<String> {
    source.reference.field(field).map(|value| value.text.clone().unwrap_or_else(|unknown| unknown.message))
}

fn build(snapshot: &Snapshot, directory: &str) -> Inventory {
    match built(snapshot, &directory.parse().expect("a path"), &name("any")) {
        Walk::Done(inventory) => inventory,
        Walk::Needs(paths) => panic!("{paths:?}"),
    }
}

/// What kustomize says, and what we say, of one object.
fn differences(row: &Value, source: &Source) -> Vec<String> {
    let wanted: Vec<(FieldName, &Value)> = match source.id.kind {
        SourceKind::HelmRelease | SourceKind::HelmChart => vec![(FieldName::Version, &row["version"])],
        _ => vec![
            (FieldName::Tag, &row["ref"]["tag"]),
            (FieldName::Semver, &row["ref"]["semver"]),
            (FieldName::SemverFilter, &row["ref"]["semverFilter"]),
            (FieldName::Digest, &row["ref"]["digest"]),
            (FieldName::Commit, &row["ref"]["commit"]),
            (FieldName::Branch, &row["ref"]["branch"]),
        ],
    };
    let mut differences = Vec::new();
    for (name, wanted) in wanted {
        let wanted = wanted.as_str().filter(|text| !text.is_empty() && !text.contains("${"));
        let found = field(source, name).filter(|text| !text.contains("${"));
        if wanted != found.as_deref() {
            differences.push(format!("{name:?}: kustomize {wanted:?}, here {found:?}"));
        }
    }
    differences
}

#[test]
fn effective_references_are_what_kustomize_builds() {
    let (mut rows, mut wrong) = (0, Vec::new());
    for fleet in fleets() {
        let snapshot = fleet.repository.snapshot();
        let mut inventories: BTreeMap<String, Inventory> = BTreeMap::new();
        for row in fleet.rows("effective").iter().filter(|row| row["ok"] == true) {
            let directory = text(row, "dir");
            let inventory = inventories.entry(directory.to_owned()).or_insert_with(|| build(&snapshot, directory));
            let Some(kind) = kind(row) else { continue };
            let is_chart = matches!(kind, SourceKind::HelmRelease | SourceKind::HelmChart);
            // Flux ignores the version of a chart from elsewhere, and a `chartRef` has none.
            let other = row["sourceRef"]["kind"].as_str().is_some_and(|kind| kind != "HelmRepository");
            if is_chart && (other || row["chart"].is_null()) {
                continue;
            }
            rows += 1;
            let same = inventory.sources.iter().filter(|source| {
                source.id.kind == kind
                    && source.id.name == text(row, "name")
                    && source.id.namespace.as_deref() == row["namespace"].as_str()
            });
            let differences: Vec<String> = same.map(|source| differences(row, source).join(", ")).collect();
            if !differences.iter().any(String::is_empty) {
                wrong.push(format!("{} {directory} {kind:?} {} {differences:?}", fleet.name, row["name"]));
            }
        }
    }
    println!("{} of {rows} rows differ", wrong.len());
    shared::read("fleets/effective", rows, "rows");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_deciding_slot_is_where_kustomize_takes_the_value_from() {
    let (mut rows, mut wrong) = (0, Vec::new());
    for fleet in fleets() {
        let snapshot = fleet.repository.snapshot();
        let mut inventories: BTreeMap<String, Inventory> = BTreeMap::new();
        for row in fleet.rows("provenance") {
            let directory = text(&row, "dir").to_owned();
            let inventory = inventories.entry(directory.clone()).or_insert_with(|| build(&snapshot, &directory));
            let field = match text(&row, "field").rsplit('.').next() {
                Some("tag") => FieldName::Tag,
                Some("semver") => FieldName::Semver,
                Some("digest") => FieldName::Digest,
                Some("commit") => FieldName::Commit,
                Some("branch") => FieldName::Branch,
                _ => FieldName::Version,
            };
            rows += 1;
            let found = inventory.sources.iter().any(|source| {
                Some(source.id.kind) == kind(&row)
                    && source.id.name == text(&row, "name")
                    && source.id.namespace.as_deref() == row["namespace"].as_str()
                    && source.reference.field(field).and_then(|value| value.deciding_slot()).is_some_and(|slot| {
                        slot.path().as_str() == text(&row, "path")
                            && Some(slot.place.line as u64) == row["line"].as_u64()
                    })
            });
            // The chart comes from a GitRepository: Flux ignores the version, which kustomize can't know.
            if !found && text(&row, "path") != "apps/base/code-server/release.yaml" {
                wrong.push(format!("{} {row}", fleet.name));
            }
        }
    }
    println!("{} of {rows} rows differ", wrong.len());
    shared::read("fleets/provenance", rows, "rows");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A version that is not there yet, in the style of the present one.
fn newer(tag: &Tag) -> Tag {
    let text = match tag.as_str().rsplit_once('.') {
        Some((rest, last)) if last.bytes().all(|byte| byte.is_ascii_digit()) => format!("{rest}.9{last}"),
        _ => format!("{tag}9"),
    };
    text.parse().expect("a tag")
}

#[test]
fn promoting_what_decides_changes_these_bytes_and_these_versions_only() {
    let (mut pins, mut refused, mut other): (usize, Vec<(&str, String)>, usize) = (0, Vec::new(), 0);
    let digest: Digest = format!("sha256:{}", "ab".repeat(32)).parse().expect("a digest");
    for fleet in fleets() {
        let before = fleet.inventory();
        let snapshot = fleet.repository.snapshot();
        let stages = fleet.repository.discover().stages;
        let scope = Scope { stages, apps: Vec::new(), remotes: Vec::new(), reach: Reach::Environments };
        let core: Vec<(String, u64)> = fleet
            .rows("inventory")
            .iter()
            .filter(|row| row["class"] == "core")
            .map(|row| (text(row, "path").to_owned(), row["line"].as_u64().unwrap_or(0)))
            .collect();
        let mut all: Vec<Edit> = Vec::new();
        let mut intents: Vec<Intent> = Vec::new();
        for (at, written) in before.written.iter().enumerate() {
            let key = (written.slot.path().as_str().to_owned(), written.slot.place.line as u64);
            let Some(source) = written.decides.first().and_then(|(source, _)| before.sources.get(*source)) else {
                continue;
            };
            if !core.contains(&key) {
                continue;
            }
            let Choice::Pin { tag: Some(tag), .. } = &source.choice else {
                other += 1;
                continue;
            };
            pins += 1;
            let target = newer(tag);
            let edits = edits_for(source, &before, &target, Some(&digest));
            let files = edits.and_then(|edits| Ok((apply_all(&snapshot, &edits)?, edits)));
            let (files, edits) = match files {
                Ok(files) => files,
                Err(refusal) => {
                    refused.push((refusal.code(), format!("{} {refusal}", fleet.name)));
                    continue;
                }
            };
            let paths: Vec<_> = files.keys().collect();
            let mut edited: Vec<_> = edits.iter().map(|edit| edit.slot.path()).collect();
            edited.sort();
            edited.dedup();
            assert_eq!(paths, edited);
            for (path, bytes) in &files {
                let scalars = edits.iter().filter(|edit| edit.slot.path() == path).map(|edit| edit.slot.spans[0]);
                let old = fleet.repository.text(path.as_str());
                stays_around(old, std::str::from_utf8(bytes).expect("UTF-8"), scalars.collect());
            }
            let moved: Vec<Intent> = before
                .sources
                .iter()
                .filter(|other| edits.iter().any(|edit| decides(&before, edit, other)))
                .map(|other| Intent {
                    environment: other.environment.clone(),
                    source: other.id.clone(),
                    tag: target.clone(),
                    digest: Some(digest.clone()),
                })
                .collect();
            // Each by itself would take minutes; all together at the end, and some by themselves.
            if fleet.repository.files.len() < 60 || at % 40 == 0 {
                let after = fleet.repository.edited(&edits).expect("the same again").walk(&scope);
                let proof = prove(&before, &after, &edits, &moved);
                assert!(proof.is_ok(), "{} {}: {proof:?}", fleet.name, written.slot.place);
            }
            if !edits.iter().any(|edit| all.iter().any(|other| other.slot == edit.slot)) {
                all.extend(edits);
                intents.extend(moved);
            }
        }
        let after = fleet.repository.edited(&all).expect("all of them").walk(&scope);
        let proof = prove(&before, &after, &all, &intents);
        assert!(proof.is_ok(), "{}: {proof:?}", fleet.name);
    }
    println!("{} of {pins} pins refused, {other} ranges and others", refused.len());
    let mut by_code: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    refused.iter().for_each(|(code, what)| by_code.entry(code).or_default().push(what));
    for (code, examples) in &by_code {
        println!("{code}: {}, such as {}", examples.len(), examples[0]);
    }
    shared::read("fleets/repos, each pin promoted", pins, "pins");
    assert!(refused.len() * 20 <= pins, "{by_code:?}");
}

/// Checks that whatever stands before, between and behind the edited scalars is there unchanged.
fn stays_around(old: &str, new: &str, mut scalars: Vec<Span>) {
    scalars.sort();
    scalars.dedup();
    let mut rest = new;
    let mut at = 0;
    for scalar in &scalars {
        let start = rest.find(&old[at..scalar.start]).filter(|start| at > 0 || *start == 0);
        rest = &rest[start.expect("the bytes before the scalar") + scalar.start - at..];
        at = scalar.end;
    }
    assert!(rest.ends_with(&old[at..]), "the bytes behind the last scalar");
    // A version is short: nothing else can have come in.
    let grown = new.len().abs_diff(old.len());
    assert!(grown <= scalars.len() * 80, "{grown} bytes more or less");
}

fn decides(inventory: &Inventory, edit: &Edit, source: &Source) -> bool {
    let written = inventory.written_at(&edit.slot);
    written.is_some_and(|written| {
        written.decides.iter().any(|(index, _)| std::ptr::eq(&inventory.sources[*index], source))
    })
}
