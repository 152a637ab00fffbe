//! Real fleets, with answers from independent tools: a scanner's inventory, and what `kubectl kustomize` builds.
//!
//! They stand beside the project, and are read only if they are there.

use std::collections::BTreeMap;
use std::path::PathBuf;

use promote::inventory::{Reach, Scope, Walk, built};
use promote::model::{FieldName, Inventory, Snapshot, Source, SourceKind};
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
    fleets
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_default()
}

#[test]
fn every_written_version_is_found_at_its_line_and_column() {
    let (mut rows, mut missing) = (0, Vec::new());
    for fleet in fleets() {
        let inventory = fleet.inventory();
        let written: BTreeMap<(&str, u64, u64), &str> = inventory
            .written
            .iter()
            .map(|written| {
                let place = &written.slot.place;
                ((place.path.as_str(), place.line as u64, place.column as u64), written.text.as_str())
            })
            .collect();
        for row in fleet.rows("inventory").iter().filter(|row| row["class"] == "core") {
            rows += 1;
            let key = (text(row, "path"), row["line"].as_u64().unwrap_or(0), row["col"].as_u64().unwrap_or(0));
            if written.get(&key).copied() != Some(text(row, "value")) {
                missing.push(format!("{} {}:{}:{} {} {}", fleet.name, key.0, key.1, key.2, row["field"], row["value"]));
            }
        }
    }
    println!("{} of {rows} rows missing", missing.len());
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
            if !found {
                wrong.push(format!("{} {row}", fleet.name));
            }
        }
    }
    println!("{} of {rows} rows differ", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
