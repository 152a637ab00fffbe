//! Which written version decides what, found by asking kustomize where each comes out.
//!
//! Every version that stands in a layout's files is replaced by a text of its own, whatever it is and wherever it
//! stands; each directory is built by kubectl; where such a text comes out, the place that it was written at decides.
//! The walk must say the same of the files as they are. kubectl's answers are recorded in
//! `tests/fixtures/provenance.txt` (`RECORD=1` writes them down); where it is, it is asked again.
//!
//! What Flux adds has no such program to ask: there the places are written by hand, and a change of any slot must change
//! what that slot decides, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use insta::assert_snapshot;
use promote::edit::apply;
use promote::inventory::{Walk, built};
use promote::model::{Edit, FieldName, Inventory, Source, SourceKind};
use regex::Regex;
use serde_yaml::Value;

use crate::oracle::{has_kubectl, write};
use crate::repository::{Repository, name, scope};

const SCOPE: &[(&str, &str)] = &[("staging", "clusters/staging"), ("production", "clusters/production")];

/// A version, without what may stand before it: `v`, an operator.
const VERSION: &str = r"sha256:[0-9a-f]{64}|[0-9]+\.(?:[0-9]+(?:\.[0-9]+)?|x)";

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn layouts() -> BTreeMap<String, Repository> {
    let folders = std::fs::read_dir(fixtures().join("layouts")).expect("the layouts");
    let layout = |folder: PathBuf| {
        let name = folder.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        (name, Repository::read(&folder))
    };
    folders.map(|folder| layout(folder.expect("a folder").path())).collect()
}

/// A text in place of each version, and where that stands.
fn marked(repository: &Repository) -> (Repository, BTreeMap<String, String>) {
    let version = Regex::new(VERSION).expect("an expression");
    let (mut marked, mut places) = (repository.clone(), BTreeMap::new());
    for path in repository.files.keys() {
        let lines = repository.text(path).split('\n').enumerate().map(|(at, line)| {
            let replaced = version.replace_all(line, |found: &regex::Captures<'_>| {
                let number = places.len();
                let mark = match found[0].starts_with("sha256:") {
                    true => format!("sha256:{number:064}"),
                    false => format!("9{number:04}.0.0"),
                };
                places.insert(mark.clone(), format!("{path}:{}", at + 1));
                mark
            });
            replaced.into_owned()
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        marked = marked.with(path, &text);
    }
    (marked, places)
}

/// The directories that kustomize builds by themselves.
fn directories(repository: &Repository) -> Vec<&str> {
    let kustomizations = repository.files.keys().filter(|path| path.ends_with("/kustomization.yaml"));
    let built = kustomizations.filter(|path| !repository.text(path).contains("kind: Component"));
    built.map(|path| path.strip_suffix("/kustomization.yaml").expect("its name")).collect()
}

/// The fields of an object that choose a version, as far as Flux obeys them.
fn deciding(object: &Value) -> Vec<(&'static str, String)> {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let reference = &object["spec"]["ref"];
    let first = |keys: &[&'static str]| {
        keys.iter().find_map(|key| Some((*key, text(&reference[*key])?))).into_iter().collect::<Vec<_>>()
    };
    match object["kind"].as_str() {
        Some("OCIRepository") => first(&["digest", "semver", "tag"]),
        Some("GitRepository") => first(&["commit", "name", "tag", "semver", "branch"]),
        Some("HelmRelease") => {
            text(&object["spec"]["chart"]["spec"]["version"]).map(|text| ("version", text)).into_iter().collect()
        }
        _ => {
            let containers = &object["spec"]["template"]["spec"]["containers"];
            let images = containers.as_sequence().into_iter().flatten().filter_map(|item| text(&item["image"]));
            images.map(|image| ("image", image)).collect()
        }
    }
}

/// What kustomize says of a layout: a line for each version that comes out of a directory.
fn asked(repository: &Repository) -> BTreeSet<String> {
    let (marked, places) = marked(repository);
    let version = Regex::new(VERSION).expect("an expression");
    let folder = tempfile::tempdir().expect("a folder");
    write(&marked, folder.path());
    let mut rows = BTreeSet::new();
    for directory in directories(repository) {
        let run = Command::new("kubectl")
            .args(["kustomize", "--load-restrictor", "LoadRestrictionsNone"])
            .arg(folder.path().join(directory))
            .output()
            .expect("kubectl");
        assert!(run.status.success(), "{directory}: {}", String::from_utf8_lossy(&run.stderr));
        for document in serde_yaml::Deserializer::from_str(&String::from_utf8(run.stdout).expect("UTF-8")) {
            let object: Value = serde::Deserialize::deserialize(document).expect("YAML");
            for (field, text) in deciding(&object) {
                for mark in version.find_iter(&text) {
                    let Some(place) = places.get(mark.as_str()) else { continue };
                    let (kind, name) = match field {
                        "image" => ("Image", text[..mark.start()].trim_end_matches(['v', ':', '@'])),
                        _ => (
                            object["kind"].as_str().expect("a kind"),
                            object["metadata"]["name"].as_str().expect("a name"),
                        ),
                    };
                    let name = name.split_once(':').map_or(name, |(name, _)| name);
                    let field = match (field, mark.as_str().starts_with("sha256:")) {
                        ("image", true) => "digest",
                        ("image", false) => "tag",
                        (field, _) => field,
                    };
                    rows.insert(format!("{directory}: {kind} {name} {field} {place}"));
                }
            }
        }
    }
    rows
}

/// What the walk says of the same directories.
fn told(repository: &Repository) -> BTreeSet<String> {
    let version = Regex::new(VERSION).expect("an expression");
    let mut rows = BTreeSet::new();
    for directory in directories(repository) {
        let directory_path = directory.parse().expect("a path");
        let Walk::Done(inventory) = built(&repository.snapshot(), &directory_path, &name("any")) else {
            panic!("everything is there");
        };
        for written in inventory.written.iter().filter(|written| version.is_match(&written.text)) {
            for (source, field) in &written.decides {
                let source = &inventory.sources[*source];
                // kustomize does not read a release's values as images.
                if source.id.kind == SourceKind::Image && written.field.contains("values") {
                    continue;
                }
                let place = &written.slot.place;
                rows.insert(format!(
                    "{directory}: {} {} {} {}:{}",
                    source.id.kind.as_str(),
                    source.id.name,
                    field.key(),
                    place.path,
                    place.line
                ));
            }
        }
    }
    rows
}

#[test]
fn the_walk_names_the_places_that_kustomize_takes_the_versions_from() {
    let path = fixtures().join("provenance.txt");
    let has_kubectl = has_kubectl();
    if has_kubectl && std::env::var_os("RECORD").is_some() {
        let rows = |(name, repository): (&String, &Repository)| {
            let rows: Vec<String> = asked(repository).into_iter().map(|row| format!("{row}\n")).collect();
            format!("=== {name}\n{}", rows.concat())
        };
        std::fs::write(&path, layouts().iter().map(rows).collect::<String>()).expect("a fixture that can be written");
    }
    let text = format!("\n{}", std::fs::read_to_string(path).expect("the recorded answers"));
    let recorded: BTreeMap<&str, BTreeSet<String>> = text
        .split("\n=== ")
        .skip(1)
        .map(|part| part.split_once('\n').unwrap_or((part, "")))
        .map(|(name, rows)| (name, rows.lines().map(str::to_owned).collect()))
        .collect();
    let layouts = layouts();
    assert_eq!(layouts.keys().collect::<Vec<_>>(), recorded.keys().collect::<Vec<_>>());
    for (name, repository) in &layouts {
        if has_kubectl {
            assert_eq!(asked(repository), recorded[name.as_str()], "{name}: kubectl's answer is another one");
        }
        assert_eq!(told(repository), recorded[name.as_str()], "{name}");
    }
    let rows: usize = recorded.values().map(BTreeSet::len).sum();
    println!("{rows} rows of {} layouts", layouts.len());
    assert!(rows > 40);
}

/// Every version of a source, by its field.
fn versions(source: &Source) -> Vec<(FieldName, Option<String>)> {
    let fields = source.reference.fields.iter();
    fields.map(|(field, value)| (*field, value.text.as_ref().ok().cloned())).collect()
}

/// The sources and fields that differ, without those that Flux does not obey.
fn changed(before: &Inventory, after: &Inventory) -> BTreeSet<String> {
    let mut rows = BTreeSet::new();
    assert_eq!(before.sources.len(), after.sources.len());
    for (old, new) in before.sources.iter().zip(&after.sources) {
        for (field, text) in versions(old) {
            let is_shadowed = old.reference.field(field).is_some_and(|value| value.shadowed_by.is_some());
            if !is_shadowed && !versions(new).contains(&(field, text)) {
                rows.insert(format!("{} {} {}", old.environment, old.id.name, field.key()));
            }
        }
    }
    rows
}

#[test]
fn a_slot_changes_what_it_decides_and_nothing_else() {
    let version = Regex::new(VERSION).expect("an expression");
    let (mut slots, mut deciding) = (0, 0);
    for (layout, repository) in layouts() {
        let before = repository.walk(&scope(SCOPE));
        for written in &before.written {
            let text = written.slot_text();
            // A ConfigMap's other values are no versions.
            if !version.is_match(text) {
                continue;
            }
            let mark = |found: &regex::Captures<'_>| match found[0].starts_with("sha256:") {
                true => format!("sha256:{}", "9".repeat(64)),
                false => "97.98.99".to_owned(),
            };
            let after = version.replace_all(text, mark).into_owned();
            let edit = Edit { slot: written.slot.clone(), field: String::new(), before: text.to_owned(), after };
            let path = written.slot.path().as_str();
            let bytes = apply(&repository.files[path].1, &[&edit]).expect("a slot that can be edited");
            let edited = repository.clone().with(path, &String::from_utf8(bytes).expect("UTF-8"));
            let wanted: BTreeSet<String> = written
                .decides
                .iter()
                .map(|(source, field)| (&before.sources[*source], field))
                .map(|(source, field)| format!("{} {} {}", source.environment, source.id.name, field.key()))
                .collect();
            assert_eq!(changed(&before, &edited.walk(&scope(SCOPE))), wanted, "{layout} {}", written.slot.place);
            slots += 1;
            deciding += usize::from(!wanted.is_empty());
        }
    }
    println!("{slots} slots, {deciding} of them decide something");
    assert!(deciding > 60 && slots > deciding);
}

/// The places that decide, one a line, of all environments.
fn decided(layout: &str) -> String {
    let inventory = layouts()[layout].walk(&scope(SCOPE));
    let row = |written: &promote::model::WrittenValue| {
        let sources = written.decides.iter().map(|(source, field)| (&inventory.sources[*source], field));
        let names: Vec<String> = sources
            .map(|(source, field)| format!("{}/{} {}", source.environment, source.id.name, field.key()))
            .collect();
        (!names.is_empty()).then(|| format!("{} {}: {}", written.slot.place, written.slot_text(), names.join(", ")))
    };
    inventory.written.iter().filter_map(row).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_flux_adds_decides_where_it_is_written() {
    // A Flux Kustomization's own patches, images and components.
    assert_snapshot!(decided("flux-kustomization"), @"
    apps/my-app.yaml:10:10 1.5.0: staging/my-app tag
    apps/pinned.yaml:10:13 *: staging/pinned semver
    apps/shop.yaml:18:16 2.1.0: staging/shop version
    clusters/production/apps.yaml:19:18 1.4.2: production/my-app tag
    clusters/production/apps.yaml:28:24 2.0.1: production/shop version
    clusters/production/apps.yaml:33:15 4.1.3: production/registry.example.com/shop tag
    components/pin/pin.yaml:4:22 = 1.0.3: production/pinned semver
    ");
    // Its variables: its own, a ConfigMap's, a default; `f` has no value, `s` may come from a Secret.
    assert_snapshot!(decided("variables"), @"
    apps/c.yaml:9:14 3.0.0: staging/c tag, production/c tag
    apps/g.yaml:10:10 1.0.0: staging/g tag, production/g tag
    clusters/production/apps.yaml:15:20 1.4.2: production/a tag, production/d tag, production/e tag
    clusters/production/vars.yaml:5:19 v2.1.0: production/b tag
    clusters/staging/apps.yaml:15:20 1.5.0-rc.1: staging/a tag, staging/d tag, staging/e tag
    clusters/staging/vars.yaml:5:19 v2.2.0: staging/b tag
    ");
    // Patches and variables of the bootstrap's own Kustomization.
    assert_snapshot!(decided("bootstrap"), @"
    clusters/production/flux-system/gotk-sync.yaml:4:36 trunk: production/flux-system branch
    clusters/production/flux-system/kustomization.yaml:11:33 1.4.2: production/my-app tag
    clusters/production/flux-system/kustomization.yaml:17:45 2.0.0: production/inner tag
    clusters/staging/apps.yaml:9:17 1.x: staging/my-app semver
    clusters/staging/flux-system/gotk-sync.yaml:4:36 trunk: staging/flux-system branch
    ");
    // Variables of an `.env` file that a generator makes a ConfigMap of.
    assert_snapshot!(decided("replacements"), @"
    envs/production/kustomization.yaml:9:9 1.4.2: production/my-app tag
    envs/production/kustomization.yaml:10:9 v4.1.3: production/shop tag
    envs/production/versions.env:2:7 3.1.0: production/other tag
    envs/staging/kustomization.yaml:9:9 1.5.0: staging/my-app tag
    envs/staging/kustomization.yaml:10:9 v4.2.0: staging/shop tag
    envs/staging/versions.env:2:7 3.2.0: staging/other tag
    ");
    // Images and charts of releases.
    assert_snapshot!(decided("helm-values"), @"
    clusters/production/release.yaml:10:12 v4.1.3: production/registry.example.com/shop tag
    clusters/production/release.yaml:12:14 1.0.0: production/registry.example.com/side tag
    clusters/production/release.yaml:12:14 sha256:2222222222222222222222222222222222222222222222222222222222222222: production/registry.example.com/side digest
    clusters/production/release.yaml:17:14 2.0.0: production/registry.example.com/worker tag
    clusters/production/release.yaml:17:14 sha256:3333333333333333333333333333333333333333333333333333333333333333: production/registry.example.com/worker digest
    clusters/production/release.yaml:26:14 1.0.0_build: production/shop-chart tag
    clusters/production/release.yaml:33:12 0.33.X: production/tools version
    clusters/staging/release.yaml:10:12 v4.2.0: staging/registry.example.com/shop tag
    clusters/staging/release.yaml:12:14 1.0.0: staging/registry.example.com/side tag
    clusters/staging/release.yaml:12:14 sha256:2222222222222222222222222222222222222222222222222222222222222222: staging/registry.example.com/side digest
    clusters/staging/release.yaml:17:14 2.0.0: staging/registry.example.com/worker tag
    clusters/staging/release.yaml:17:14 sha256:3333333333333333333333333333333333333333333333333333333333333333: staging/registry.example.com/worker digest
    clusters/staging/release.yaml:26:14 1.0.0_build: staging/shop-chart tag
    clusters/staging/release.yaml:33:12 0.33.X: staging/tools version
    ");
    assert_snapshot!(decided("service-instances"), @"
    deploy/production/01/patch.yaml:5:27 1.4.2: production/shop-01 version
    deploy/production/01/patch.yaml:8:12 v1.4.2: production/registry.example.com/shop tag
    deploy/production/02/patch.yaml:5:27 1.4.1: production/shop-02 version
    deploy/production/02/patch.yaml:8:12 v1.4.1: production/registry.example.com/shop tag
    deploy/staging/01/patch.yaml:5:27 1.5.0: staging/shop-01 version
    deploy/staging/01/patch.yaml:8:12 v1.5.0: staging/registry.example.com/shop tag
    ");
    assert_snapshot!(decided("sources"), @"
    clusters/production/git.yaml:8:10 v3.0.0: production/charts tag
    clusters/production/git.yaml:16:17 main: production/fleet branch
    clusters/production/source.yaml:10:10 1.4.2: production/app-prod tag
    clusters/staging/git.yaml:8:13 3.x: staging/charts semver
    clusters/staging/git.yaml:15:17 main: staging/fleet branch
    clusters/staging/source.yaml:10:10 latest: staging/app-staging tag
    mine/mine.yaml:9:14 1.0.0: staging/mine tag, production/mine tag
    unknown/unknown.yaml:9:14 1.0.0: staging/unknown tag, production/unknown tag
    ");
}
