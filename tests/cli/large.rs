//! A large repository of which the environments follow little: nothing else of it is read.

use std::fs::{self, File};
use std::process::Command;

use crate::fleet::{ONE, STAGING, range};
use crate::support::Sandbox;

/// How many files the repository has.
const ALL: usize = 20_000;

const PATCH: &str = "apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: my-app, namespace: flux-system}
spec:
  ref: {semver: null, tag: v1.2.1}
";

/// A base, and two environments as overlays of it.
fn tree() -> Vec<(&'static str, String)> {
    vec![
        ("promote.yaml", ONE.to_owned()),
        ("apps/my-app/kustomization.yaml", "resources: [source.yaml]\n".to_owned()),
        ("apps/my-app/source.yaml", range(STAGING)),
        ("clusters/staging/kustomization.yaml", "resources: [../../apps/my-app]\n".to_owned()),
        (
            "clusters/prod-eu/kustomization.yaml",
            "resources: [../../apps/my-app]\npatches: [{path: pin.yaml}]\n".to_owned(),
        ),
        ("clusters/prod-eu/pin.yaml", PATCH.to_owned()),
    ]
}

/// Git's answer in the remote, to what a file tells it.
fn in_remote(fleet: &Sandbox, arguments: &[&str], input: &str) -> String {
    let file = fleet.path("input");
    fs::write(&file, input).expect("a file");
    let mut git = Command::new("git");
    let git = git.arg("--git-dir").arg(fleet.path("remote.git")).args(arguments).env_remove("GIT_DIR");
    let output = git.stdin(File::open(&file).expect("the file")).output().expect("git");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    fs::remove_file(&file).expect("the file");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Fills the remote's branch up with manifests that are there by their names alone: who reads one finds nothing.
fn fill(fleet: &Sandbox, count: usize) {
    fleet.settle();
    let mut folders = String::new();
    for number in 0..count {
        if number > 0 && number % 100 == 0 {
            folders.push('\n');
        }
        folders.push_str(&format!("100644 blob {:040x}\tcm-{number:05}.yaml\n", number + 1));
    }
    let trees = in_remote(fleet, &["mktree", "--missing", "--batch"], &folders);
    let listed: String =
        trees.lines().enumerate().map(|(number, tree)| format!("040000 tree {tree}\t{number:03}\n")).collect();
    let other = in_remote(fleet, &["mktree"], &listed);
    let root = format!("{}040000 tree {}\tplatform\n", in_remote(fleet, &["ls-tree", "main"], ""), other.trim());
    let root = in_remote(fleet, &["mktree"], &root);
    let commit = fleet.git("remote.git", &["commit-tree", root.trim(), "-p", "main", "-m", "Grow"]);
    fleet.git("remote.git", &["update-ref", "refs/heads/main", commit.trim()]);
}

#[test]
fn of_20_000_files_only_those_are_read_that_the_environments_follow() {
    let followed = tree();
    let mut fleet = Sandbox::on_github().tags(&["v1.2.0", "v1.2.1", "v1.2.2", "v1.2.3"]);
    for (path, text) in &followed {
        fleet = fleet.file(path, text);
    }
    fill(&fleet, ALL - followed.len());

    let pins = fleet.promote(&["pins"]);
    let plan = fleet.promote(&["plan", "my-app"]);
    let dry = fleet.promote(&["my-app", "v1.2.3", "--dry-run"]);

    let listed = in_remote(&fleet, &["ls-tree", "-r", "--name-only", "main"], "").lines().count();
    let objects = in_remote(&fleet, &["cat-file", "--batch-all-objects", "--batch-check=%(objecttype)"], "");
    let blobs = objects.lines().filter(|kind| *kind == "blob").count();
    assert_eq!((listed, blobs), (ALL, followed.len()), "the others can't be read");
    assert!(pins.code == 0 && pins.stdout.contains("v1.2.1"), "{pins}");
    assert!(plan.code == 0 && plan.stdout.contains("v1.2.3"), "{plan}");
    assert!(dry.code == 0 && dry.stdout.contains("tag: v1.2.3"), "{dry}");
}
