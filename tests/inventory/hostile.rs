//! Bad input: findings with their place, never a crash, a hang or a silent skip.

use insta::assert_snapshot;
use promote::edit::{apply, edits_for};
use promote::model::{EntryKind, FindingCode};

use crate::repository::{Repository, findings, lines, scope, tag};

const SCOPE: &[(&str, &str)] = &[("production", "clusters/production")];

fn source(name: &str, reference: &str) -> String {
    format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {{name: {name}}}\nspec:\n  \
         url: oci://registry.example.com/{name}\n  ref: {reference}\n"
    )
}

fn kustomization(name: &str, path: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}}}\nspec:\n  \
         path: {path}\n  sourceRef: {{kind: GitRepository, name: flux-system}}\n"
    )
}

#[test]
fn paths_out_of_the_repository_and_missing_ones_are_findings() {
    let fleet = Repository::new(&[
        ("clusters/production/a.yaml", &kustomization("outside", "../../etc")),
        ("clusters/production/b.yaml", &kustomization("missing", "./nowhere")),
        ("clusters/production/c.yaml", &kustomization("control", "\"a\\0b\"")),
        ("clusters/production/d.yaml", &kustomization("overlay", "./overlay")),
        (
            "overlay/kustomization.yaml",
            "resources: [../../x, gone.yaml, 'https://example.com/x?ref=v1']\ncomponents: [../../y, ../gone]\n\
             patches: [{path: ../../z.yaml}, {path: gone.yaml}, {patch: 'a: ['}]\nhelmCharts: [{name: x}]\n\
             transformers: [other.yaml]\nconfigMapGenerator: [{name: c, envs: [gone.env], files: [../../q]}]\n",
        ),
    ]);
    assert_snapshot!(findings(&fleet.walk(&scope(SCOPE))), @r#"
    path-outside clusters/production/a.yaml:5:9 Kustomization `outside`: `../../etc` leads out of the repository
    path-missing clusters/production/a.yaml:5:9 Kustomization `outside`: `etc` does not exist
    path-missing clusters/production/b.yaml:5:9 Kustomization `missing`: `nowhere` does not exist
    path-outside clusters/production/c.yaml:5:9 Kustomization `control`: `a\u{0}b` holds a character that no path here may hold
    path-outside overlay/kustomization.yaml:1:13 `../../x` leads out of the repository
    path-missing overlay/kustomization.yaml:1:22 `overlay/gone.yaml` does not exist
    remote-base overlay/kustomization.yaml:1:33 `https://example.com/x?ref=v1` is outside the repository
    path-outside overlay/kustomization.yaml:2:14 `../../y` leads out of the repository
    path-missing overlay/kustomization.yaml:2:23 component `gone` does not exist
    path-outside overlay/kustomization.yaml:3:18 `../../z.yaml` leads out of the repository
    path-missing overlay/kustomization.yaml:3:40 patch `overlay/gone.yaml` does not exist
    unreadable-yaml overlay/kustomization.yaml:3:64 not YAML: unclosed bracket '['
    build-fails overlay/kustomization.yaml:4:21 `helmCharts` is not built by Flux, nor here: kustomize fails on this, and Flux applies nothing of it
    unsupported-transformer overlay/kustomization.yaml:5:16 transformer `other.yaml` can't be evaluated here
    path-missing overlay/kustomization.yaml:6:39 `overlay/gone.env` does not exist
    path-outside overlay/kustomization.yaml:6:58 `../../q` leads out of the repository
    "#);
}

#[test]
fn loops_end_with_a_finding() {
    let fleet = Repository::new(&[
        ("clusters/production/a.yaml", &kustomization("a", "./a")),
        ("clusters/production/self.yaml", &kustomization("self", "./clusters/production")),
        ("a/kustomization.yaml", "resources: [../b, a.yaml]\ncomponents: [../c]\n"),
        ("a/a.yaml", &source("a", "{tag: 1.0.0}")),
        ("b/kustomization.yaml", "resources: [../a]\n"),
        ("c/kustomization.yaml", "kind: Component\ncomponents: [../c]\n"),
    ]);
    let inventory = fleet.walk(&scope(SCOPE));
    assert_snapshot!(lines(&inventory), @"production a oci://registry.example.com/a pin 1.0.0 a/a.yaml:6:14");
    assert_snapshot!(findings(&inventory), @"
    invalid-object a/kustomization.yaml:1:1 `a` includes itself
    invalid-object c/kustomization.yaml:1:1 `c` includes itself
    ");
}

#[test]
fn doubling_at_each_level_is_stopped() {
    let mut fleet = Repository::new(&[("clusters/production/a.yaml", &kustomization("a", "./x"))]);
    for level in 1..40 {
        let text = "kind: Component\ncomponents: [x, x]\n";
        fleet = fleet.with(&format!("{}kustomization.yaml", "x/".repeat(level)), text);
    }
    let inventory = fleet.walk(&scope(SCOPE));
    assert!(inventory.findings.iter().any(|finding| finding.code == FindingCode::InvalidObject));
}

#[test]
fn a_bomb_beside_a_source_hides_nothing_else() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let one = format!("*a{}, ", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", one.repeat(10)));
    }
    let mut fleet = Repository::new(&[
        ("clusters/production/bomb.yaml", &bomb),
        ("clusters/production/deep.yaml", &"[".repeat(100_000)),
        ("clusters/production/large.yaml", &format!("a: {}\n", "x".repeat(5 * 1024 * 1024))),
        ("clusters/production/loop.yaml", "&a [*a]\n"),
        ("clusters/production/source.yaml", &source("my-app", "{tag: 1.0.0}")),
    ]);
    fleet.files.insert("clusters/production/wide.yaml".to_owned(), (EntryKind::File, b"\xff\xfea\0:\0".to_vec()));
    let inventory = fleet.walk(&scope(SCOPE));
    assert_snapshot!(lines(&inventory), @"production my-app oci://registry.example.com/my-app pin 1.0.0 clusters/production/source.yaml:6:14");
    assert_snapshot!(findings(&inventory), @"
    file-too-large clusters/production/bomb.yaml:5:45 the aliases of one document stand for more than 100000 nodes
    unreadable-yaml clusters/production/deep.yaml:1:129 not YAML: recursion limit exceeded
    file-too-large clusters/production/large.yaml:1:1 the file has 5242884 bytes, at most 4194304 are read
    unreadable-yaml clusters/production/loop.yaml:1:5 an alias stands for a node that holds the alias itself
    unreadable-encoding clusters/production/wide.yaml:1:1 the file is UTF-16, only UTF-8 is read
    ");
}

#[test]
fn links_are_followed_inside_and_never_written() {
    let mut fleet = Repository::new(&[
        ("apps/my-app.yaml", &source("my-app", "{tag: 1.0.0}")),
        ("clusters/production/out.yaml", ""),
    ]);
    let link = |target: &str| (EntryKind::Symlink, target.as_bytes().to_vec());
    fleet.files.insert("clusters/production/my-app.yaml".to_owned(), link("../../apps/my-app.yaml"));
    fleet.files.insert("clusters/production/out.yaml".to_owned(), link("../../../etc/passwd"));
    fleet.files.insert("clusters/production/self.yaml".to_owned(), link("self.yaml"));
    fleet.files.insert("clusters/production/vendor.yaml".to_owned(), (EntryKind::Submodule, Vec::new()));
    let inventory = fleet.walk(&scope(SCOPE));
    assert_snapshot!(lines(&inventory), @"production my-app oci://registry.example.com/my-app pin 1.0.0 apps/my-app.yaml:6:14");
    assert_snapshot!(findings(&inventory), @"
    path-outside clusters/production/out.yaml:1:1 a symbolic link: `../../../etc/passwd` leads out of the repository
    path-missing clusters/production/self.yaml:1:1 symbolic links in a circle
    remote-base clusters/production/vendor.yaml:1:1 `clusters/production/vendor.yaml` is a submodule
    ");
}

#[test]
fn what_flux_would_refuse_is_unknown() {
    let fleet = Repository::new(&[
        ("clusters/production/a.yaml", &source("a", "{digest: 'sha256:abc', tag: 1.0.0}")),
        ("clusters/production/b.yaml", &source("b", "{semver: '>=1.0.0 <'}")),
        ("clusters/production/c.yaml", &source("Upper", "{tag: 1.0.0}")),
        ("clusters/production/d.yaml", &source("d", "{tag: '<< inputs.tag >>'}")),
        (
            "clusters/production/e.yaml",
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {name: e}\n",
        ),
        (
            "clusters/production/f.yaml",
            "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSet\nmetadata: {name: f}\nspec: {inputs: [{tag: 1.0.0}]}\n",
        ),
    ]);
    let inventory = fleet.walk(&scope(SCOPE));
    assert_snapshot!(lines(&inventory), @"
    production a oci://registry.example.com/a unknown invalid-reference clusters/production/a.yaml:6:17
    production b oci://registry.example.com/b unknown invalid-reference clusters/production/b.yaml:6:17
    production Upper invalid-artifact pin 1.0.0 clusters/production/c.yaml:6:14
    production d oci://registry.example.com/d unknown unsupported-template clusters/production/d.yaml:6:14
    production e invalid-object floating latest -
    ");
    assert_snapshot!(findings(&inventory), @"
    invalid-reference clusters/production/a.yaml:6:17 `sha256:abc` is not `sha256:` followed by 64 lower-case hexadecimal digits
    shadowed-field clusters/production/a.yaml:6:36 Flux ignores `tag` of `a`: `digest` takes precedence
    invalid-reference clusters/production/b.yaml:6:17 `>=1.0.0 <`: `>=1.0.0 <` is no range that Flux reads: a version is missing at column 10
    invalid-artifact clusters/production/c.yaml:5:8 `registry.example.com/Upper` is no repository name: lower-case letters, digits, `.`, `_`, `-` and `/` only, 255 at most
    unsupported-template clusters/production/d.yaml:6:14 `<< inputs.tag >>` is filled in by something that is not seen here
    invalid-object clusters/production/e.yaml:1:13 OCIRepository `e` has no `url`
    unsupported-template clusters/production/f.yaml:1:13 the templates of ResourceSet `f` can't be evaluated
    ");
}

#[test]
fn edits_to_governing_files_and_pointers_are_refused() {
    let fleet = Repository::new(&[(".github/production/a.yaml", &source("a", "{tag: 1.0.0}"))]);
    let inventory = fleet.walk(&scope(&[("production", ".github/production")]));
    let edits = edits_for(&inventory.sources[0], &inventory, &tag("1.0.1"), None).expect("edits");
    assert_snapshot!(fleet.edited(&edits).err().expect("refused"), @"`.github/production/a.yaml` is configuration of Git or of the forge, which is never written");

    let fleet = Repository::new(&[("clusters/production/a.yaml", &source("a", "{tag: 1.0.0}"))]);
    let inventory = fleet.walk(&scope(SCOPE));
    let edits = edits_for(&inventory.sources[0], &inventory, &tag("1.0.1"), None).expect("edits");
    let refused = |bytes: &[u8]| apply(bytes, &[&edits[0]]).expect_err("refused").to_string();
    assert_snapshot!(refused(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n"), @"`clusters/production/a.yaml` is a Git LFS pointer, which is never written");
    assert_snapshot!(refused(source("a", "{tag: 2.0.0}").as_bytes()), @"clusters/production/a.yaml:6:14 does not hold `1.0.0`");
    assert_snapshot!(refused(b"a: 1\n"), @"clusters/production/a.yaml:6:14 is written in a way that can't be changed surely");
}
