//! Kustomize itself as the judge: what `kubectl kustomize` builds, and what the walk says, must be one.
//!
//! `tests/fixtures/kustomize/*.txt` holds cases, each begun by `=== name` and made of files begun by `-- path --`; the
//! directory `top` is built. Where Flux's kustomize (5.8) builds what kubectl's (5.5) fails on, a case says
//! `=== name (flux: builds)`, and means that nothing is patched.
//! What kustomize makes of a case stands at its end, behind `-- built --`, so that it judges where kubectl is not there;
//! where it is, it is asked again. `RECORD=1` writes down the answers that are missing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use promote::inventory::{Walk, built};
use promote::model::{Choice, FieldName, FindingCode, Inventory, Source, SourceKind};
use serde_yaml::Value;

use crate::repository::{Repository, findings, name};

/// What a build comes to: a line an object, or that it fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Fails,
    Builds(Vec<String>),
}

/// Tells whether kubectl is there to be asked.
pub fn has_kubectl() -> bool {
    let there = Command::new("kubectl").args(["kustomize", "--help"]).output().is_ok_and(|run| run.status.success());
    if !there {
        assert!(std::env::var_os("PROMOTE_REQUIRE_KUBECTL").is_none(), "kubectl is required");
        println!("skipped: kubectl is not there");
    }
    there
}

/// Asks kustomize, as Flux calls it: without load restrictions.
pub fn kustomize(folder: &Path, directory: &str) -> (Outcome, String) {
    let run = Command::new("kubectl")
        .args(["kustomize", "--load-restrictor", "LoadRestrictionsNone"])
        .arg(folder.join(directory))
        .output()
        .expect("kubectl");
    let error = String::from_utf8_lossy(&run.stderr).into_owned();
    if !run.status.success() {
        return (Outcome::Fails, error);
    }
    let text = String::from_utf8(run.stdout).expect("UTF-8");
    let mut lines = Vec::new();
    for document in serde_yaml::Deserializer::from_str(&text) {
        let value: Value = serde::Deserialize::deserialize(document).expect("YAML");
        lines.extend(line_of_object(&value));
        images_of(&value, &mut lines);
    }
    lines.sort();
    lines.dedup();
    (Outcome::Builds(lines), error)
}

fn line_of_object(value: &Value) -> Option<String> {
    let kind = value["kind"].as_str()?;
    let (base, fields): (&Value, &[FieldName]) = match kind {
        "OCIRepository" => (&value["spec"]["ref"], &OCI),
        "GitRepository" => (&value["spec"]["ref"], &GIT),
        "HelmRelease" => (&value["spec"]["chart"]["spec"], &[FieldName::Version]),
        "HelmChart" => (&value["spec"], &[FieldName::Version]),
        _ => return None,
    };
    if kind.starts_with("Helm") && base["chart"].is_null() {
        return None;
    }
    let namespace = value["metadata"]["namespace"].as_str().unwrap_or("-");
    let mut line = format!("{kind} {namespace}/{}", value["metadata"]["name"].as_str().unwrap_or_default());
    for field in fields {
        match &base[field.key()] {
            Value::Null => {}
            Value::String(text) if text.is_empty() => {}
            Value::String(text) => line.push_str(&format!(" {}={}", field.key(), text.replace('\n', "\\n"))),
            _ => line.push_str(&format!(" {}=?", field.key())),
        }
    }
    Some(line)
}

const OCI: [FieldName; 4] = [FieldName::Digest, FieldName::Semver, FieldName::SemverFilter, FieldName::Tag];
const GIT: [FieldName; 5] = [FieldName::Semver, FieldName::Tag, FieldName::Commit, FieldName::Name, FieldName::Branch];

/// The images of an object's containers that name a tag or digest.
fn images_of(value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Mapping(entries) => {
            for (key, value) in entries {
                if matches!(key.as_str(), Some("containers" | "initContainers")) {
                    let images = value.as_sequence().into_iter().flatten().filter_map(|item| item["image"].as_str());
                    lines.extend(images.filter(|image| image.contains("chosen")).map(|image| format!("Image {image}")));
                }
                images_of(value, lines);
            }
        }
        Value::Sequence(items) => items.iter().for_each(|item| images_of(item, lines)),
        _ => {}
    }
}

/// Tells what the walk says of the same directory.
pub fn ours(repository: &Repository, directory: &str) -> (Outcome, Inventory) {
    let inventory = match built(&repository.snapshot(), &directory.parse().expect("a path"), &name("any")) {
        Walk::Done(inventory) => inventory,
        Walk::Needs(paths) => panic!("{paths:?}"),
    };
    let found = |code: FindingCode| inventory.findings.iter().any(|finding| finding.code == code);
    if found(FindingCode::BuildFails) {
        let known = |source: &Source| !matches!(source.choice, Choice::Unknown(_));
        assert!(!inventory.sources.iter().any(known), "known although the build fails");
        return (Outcome::Fails, inventory);
    }
    // What is not here is told, but the rest is read: the file may be there in the cluster's copy.
    if [FindingCode::PathMissing, FindingCode::UnreadableYaml, FindingCode::InvalidObject].into_iter().any(found) {
        return (Outcome::Fails, inventory);
    }
    let mut lines: Vec<String> = inventory.sources.iter().map(line_of_source).collect();
    lines.sort();
    lines.dedup();
    (Outcome::Builds(lines), inventory)
}

fn line_of_source(source: &Source) -> String {
    let text = |field: FieldName| source.reference.field(field).map(|value| value.text.clone().unwrap_or("?".into()));
    if source.id.kind == SourceKind::Image {
        let tag = text(FieldName::Tag).map(|tag| format!(":{tag}")).unwrap_or_default();
        let digest = text(FieldName::Digest).map(|digest| format!("@{digest}")).unwrap_or_default();
        return format!("Image {}{tag}{digest}", source.id.name);
    }
    let namespace = source.id.namespace.as_deref().unwrap_or("-");
    let mut line = format!("{} {namespace}/{}", source.id.kind.as_str(), source.id.name);
    let fields: &[FieldName] = match source.id.kind {
        SourceKind::OciRepository => &OCI,
        SourceKind::GitRepository => &GIT,
        _ => &[FieldName::Version],
    };
    for field in fields {
        if let Some(text) = text(*field) {
            line.push_str(&format!(" {}={}", field.key(), text.replace('\n', "\\n")));
        }
    }
    line
}

/// Writes the files of a repository below a folder.
pub fn write(repository: &Repository, folder: &Path) {
    for (path, (_, bytes)) in &repository.files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    }
}

/// One case of a fixture, and what kubectl made of it when it was asked.
struct Case {
    /// The case as it is written, without the answer.
    text: String,
    repository: Repository,
    recorded: Option<Outcome>,
}

impl Case {
    fn of(case: &str) -> Self {
        let (text, recorded) = match case.split_once("-- built --\n") {
            Some((text, recorded)) => (text, Some(recorded.trim_end_matches('\n'))),
            None => (case, None),
        };
        let mut repository = Repository::default();
        for file in text.split("\n-- ").skip(1) {
            let (path, text) = file.split_once(" --\n").expect("a path");
            repository = repository.with(path, &format!("{}\n", text.trim_end_matches('\n')));
        }
        let recorded = recorded.map(|recorded| match recorded {
            "fails" => Outcome::Fails,
            lines => Outcome::Builds(lines.lines().map(str::to_owned).collect()),
        });
        Self { text: text.trim_end_matches('\n').to_owned(), repository, recorded }
    }

    /// Asks kubectl. Where only Flux's kustomize builds it, the objects are as they would be without the patch.
    fn asked(&self) -> (Outcome, String) {
        let folder = tempfile::tempdir().expect("a folder");
        write(&self.repository, folder.path());
        let (outcome, error) = kustomize(folder.path(), "top");
        let name = self.text.lines().next().unwrap_or_default();
        if outcome == Outcome::Fails && name.trim().ends_with("(flux: builds)") {
            std::fs::write(folder.path().join("top/kustomization.yaml"), "resources: [a.yaml]\n").expect("a file");
            return kustomize(folder.path(), "top");
        }
        (outcome, error)
    }

    /// The case as it is to be written.
    fn with_answer(&self, answer: &Outcome) -> String {
        let mut text = format!("=== {}\n-- built --\n", self.text);
        match answer {
            Outcome::Fails => text.push_str("fails\n"),
            Outcome::Builds(lines) => lines.iter().for_each(|line| {
                let _ = writeln!(text, "{line}");
            }),
        }
        text
    }
}

/// The cases of a fixture, by name.
fn cases(text: &str) -> BTreeMap<String, Case> {
    let mut cases = BTreeMap::new();
    for case in format!("\n{text}").split("\n=== ").skip(1) {
        let name = case.lines().next().expect("a name").trim().to_owned();
        assert!(cases.insert(name.clone(), Case::of(case)).is_none(), "{name} stands twice");
    }
    cases
}

/// Asks kubectl about the cases of a fixture that have no answer yet, and writes it down.
fn record(path: &Path) {
    let text = std::fs::read_to_string(path).expect("text");
    let case = |case: &str| {
        let case = Case::of(case);
        let answer = case.recorded.as_ref().map_or_else(|| case.asked().0, Outcome::clone);
        case.with_answer(&answer)
    };
    let cases: Vec<String> = format!("\n{text}").split("\n=== ").skip(1).map(case).collect();
    std::fs::write(path, cases.join("\n")).expect("a fixture that can be written");
}

#[test]
fn written_cases_build_to_what_kustomize_builds() {
    let has_kubectl = has_kubectl();
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kustomize");
    let only = std::env::var("CASE").ok();
    let (mut number, mut wrong) = (0, Vec::new());
    for file in std::fs::read_dir(fixtures).expect("fixtures") {
        let path = file.expect("a file").path();
        if has_kubectl && std::env::var_os("RECORD").is_some() {
            record(&path);
        }
        for (name, case) in cases(&std::fs::read_to_string(&path).expect("text")) {
            if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
                continue;
            }
            number += 1;
            let Some(wanted) = &case.recorded else {
                wrong.push(format!("{name}: kubectl's answer is not recorded"));
                continue;
            };
            let mut error = String::new();
            if has_kubectl {
                let (asked, why) = case.asked();
                if asked != *wanted {
                    wrong.push(format!("{name}: kubectl says {asked:?}, recorded is {wanted:?}"));
                }
                error = why.chars().take(300).collect();
            }
            let (got, inventory) = ours(&case.repository, "top");
            if *wanted != got {
                wrong.push(format!(
                    "{name}\n kustomize: {wanted:?} {error}\n ours:      {got:?}\n{}",
                    findings(&inventory)
                ));
            }
        }
    }
    println!("{number} cases, {}", if has_kubectl { "kubectl asked again" } else { "by kubectl's recorded answers" });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
