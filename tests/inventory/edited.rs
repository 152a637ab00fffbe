//! The sources as an edit would leave them: environments that read none of the edited files are taken over, and yet it
//! is what walking everything again gives.

use std::collections::BTreeSet;

use promote::inventory::{Edited, Walk, Walker, walk};
use promote::model::{EntryKind, Inventory};

use crate::repository::{Repository, scope};

fn source(name: &str, tag: &str) -> String {
    format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {{name: {name}}}\nspec:\n  url: \
         oci://registry.example.com/{name}\n  ref: {{tag: {tag}}}\n"
    )
}

/// A file of its own, a base of two environments, and a variable behind a symbolic link in that base.
fn fleet() -> Repository {
    let mut fleet = Repository::new(&[
        ("apps/lone/dev.yaml", &source("lone", "1.2.3")),
        (
            "base/kustomization.yaml",
            "resources: [source.yaml]\nconfigMapGenerator:\n- {name: versions, envs: [v.env]}\n",
        ),
        ("base/source.yaml", &source("shared", "1.2.3")),
        ("values/v.env", "V=1.2.3\n"),
        ("clusters/staging/kustomization.yaml", "resources: [../../base]\n"),
        ("clusters/production/kustomization.yaml", "resources: [../../base, apps.yaml]\n"),
        (
            "clusters/production/apps.yaml",
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: more}\nspec:\n  path: \
             ./more\n  sourceRef: {kind: GitRepository, name: flux-system}\n  postBuild:\n    substituteFrom:\n    - \
             {kind: ConfigMap, name: versions}\n",
        ),
        ("more/source.yaml", &source("varied", "\"${V}\"")),
        ("unread/source.yaml", &source("unread", "1.2.3")),
    ]);
    let base = fleet.text("base/kustomization.yaml").to_owned();
    fleet =
        fleet.with("base/kustomization.yaml", &format!("{base}generatorOptions: {{disableNameSuffixHash: true}}\n"));
    fleet.files.insert("base/v.env".to_owned(), (EntryKind::Symlink, b"../values/v.env".to_vec()));
    fleet
}

/// The environments of which a source is another one.
fn moved(before: &Inventory, after: &Inventory) -> String {
    let both = before.sources.iter().zip(&after.sources);
    let names: BTreeSet<&str> =
        both.filter(|(old, new)| old.choice != new.choice).map(|(old, _)| old.environment.as_str()).collect();
    names.into_iter().collect::<Vec<_>>().join(" ")
}

#[test]
fn what_no_edited_file_reaches_is_taken_over_and_the_rest_walked_again() {
    let fleet = fleet();
    let scope =
        scope(&[("dev", "apps/*/dev.yaml"), ("staging", "clusters/staging"), ("production", "clusters/production")]);
    let snapshot = fleet.snapshot();
    let walker = Walker::default();
    let done = |walk: Walk| match walk {
        Walk::Done(inventory) => inventory,
        Walk::Needs(paths) => panic!("all files are there: {paths:?}"),
    };
    let before = done(walker.walk(&snapshot, &scope));
    let mut found = Vec::new();
    for (path, (kind, bytes)) in &fleet.files {
        let text = String::from_utf8_lossy(bytes).replace("1.2.3", "1.3.0");
        if *kind != EntryKind::File || text.as_bytes() == bytes {
            continue;
        }
        let file = path.parse().expect("a path");
        let whole = done(walk(&snapshot.with_file(&file, text.clone().into_bytes()), &scope));
        let edited = Edited::from([(file, text.into_bytes().into())]);
        let again = done(walker.walk_edited(&snapshot, &scope, &before, &edited));
        assert_eq!(again.sources, whole.sources, "{path}");
        found.push((path.as_str(), moved(&before, &again)));
    }
    let expected = [
        ("apps/lone/dev.yaml", "dev"),
        ("base/source.yaml", "production staging"),
        ("unread/source.yaml", ""),
        ("values/v.env", "production"),
    ];
    assert_eq!(found, expected.map(|(path, names)| (path, names.to_owned())));
}

#[test]
fn a_link_that_leads_elsewhere_and_a_new_file_are_walked_as_well() {
    let fleet = fleet().with("values/other.env", "V=2.0.0\n");
    let scope = scope(&[("production", "clusters/production")]);
    let snapshot = fleet.snapshot();
    let walker = Walker::default();
    let Walk::Done(before) = walker.walk(&snapshot, &scope) else { panic!("all files are there") };
    for (path, bytes) in
        [("base/v.env", "../values/other.env"), ("clusters/production/Kustomization", "resources: []\n")]
    {
        let file = path.parse().expect("a path");
        let changed = snapshot.with_file(&file, bytes.as_bytes().to_vec());
        let Walk::Done(whole) = walk(&changed, &scope) else { panic!("all files are there") };
        let edited = Edited::from([(file, bytes.as_bytes().into())]);
        let Walk::Done(again) = walker.walk_edited(&snapshot, &scope, &before, &edited) else { panic!("all there") };
        assert_eq!(again.sources, whole.sources, "{path}");
        assert_ne!(again.sources, before.sources, "{path}");
    }
}
