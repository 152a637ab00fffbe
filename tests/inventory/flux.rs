//! What Flux itself does between Git and the cluster, for which no program here can be asked.

use insta::assert_snapshot;

use crate::repository::{Repository, findings, lines, scope};

const SCOPE: &[(&str, &str)] = &[("production", "clusters/production")];

fn source(name: &str, reference: &str) -> String {
    format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {{name: {name}}}\nspec:\n  \
         url: oci://registry.example.com/{name}\n  ref: {reference}\n"
    )
}

fn kustomization(name: &str, more: &str) -> String {
    format!(
        "---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: \
         flux-system}}\nspec:\n  path: ./{name}\n  sourceRef: {{kind: GitRepository, name: flux-system}}\n{more}"
    )
}

fn substitute(variables: &str) -> String {
    format!("  postBuild:\n    substitute: {{{variables}}}\n")
}

/// What production runs of one source, with these variables.
fn substituted(reference: &str, variables: &str) -> String {
    let fleet = Repository::default()
        .with("clusters/production/apps.yaml", &kustomization("apps", &substitute(variables)))
        .with("apps/a.yaml", &source("a", reference))
        .with("apps/b.yaml", &source("b", "{tag: v1.0.0}"));
    lines(&fleet.walk(&scope(SCOPE)))
}

#[test]
fn a_value_is_read_again_after_substitution() {
    assert_snapshot!(substituted("{tag: '${TAG}'}", "TAG: '1.10'"), @"
    production a oci://registry.example.com/a unknown invalid-reference clusters/production/apps.yaml:9:23
    production b oci://registry.example.com/b pin v1.0.0 apps/b.yaml:6:14
    ");
    assert_snapshot!(substituted("{tag: '${TAG}'}", "TAG: '\"1.10.0\"'"), @"
    production a oci://registry.example.com/a pin 1.10.0 clusters/production/apps.yaml:9:23
    production b oci://registry.example.com/b pin v1.0.0 apps/b.yaml:6:14
    ");
    assert_snapshot!(substituted("{tag: '${TAG%-eu}'}", "TAG: 1.10.0-eu"), @"
    production a oci://registry.example.com/a pin 1.10.0 clusters/production/apps.yaml:9:23
    production b oci://registry.example.com/b pin v1.0.0 apps/b.yaml:6:14
    ");
}

#[test]
fn what_is_no_substitution_fails_the_whole_kustomization_and_no_other() {
    assert_snapshot!(substituted("{tag: '${TAG-v1.0.0}'}", "TAG: v1.1.0"), @"
    production a oci://registry.example.com/a unknown build-fails apps/a.yaml:6:14
    production b oci://registry.example.com/b unknown build-fails apps/b.yaml:6:14
    ");
    assert_snapshot!(substituted("{tag: '${TAG}'}", "TAG: v1.1.0, my-tag: v1"), @"
    production a oci://registry.example.com/a unknown build-fails clusters/production/apps.yaml:9:23
    production b oci://registry.example.com/b unknown build-fails apps/b.yaml:6:14
    ");
    // Without variables nothing is substituted, so nothing fails.
    assert_snapshot!(substituted("{tag: '${TAG-v1.0.0}'}", ""), @"
    production a oci://registry.example.com/a unknown unresolved-variable apps/a.yaml:6:14
    production b oci://registry.example.com/b pin v1.0.0 apps/b.yaml:6:14
    ");
}

#[test]
fn what_can_not_be_built_is_unknown_with_all_below_it() {
    let patch = "  patches:\n  - patch: |\n      - {op: replace, path: /spec/nope/semver, value: 1.x}\n    \
                 target: {kind: OCIRepository}\n";
    let fleet = Repository::default()
        .with("clusters/production/apps.yaml", &[kustomization("apps", patch), kustomization("other", "")].concat())
        .with("apps/a.yaml", &source("a", "{tag: v1.0.0}"))
        .with("apps/child.yaml", &kustomization("child", ""))
        .with("child/c.yaml", &source("c", "{tag: v1.0.0}"))
        .with("other/d.yaml", &source("d", "{tag: v1.0.0}"));
    let inventory = fleet.walk(&scope(SCOPE));
    assert_snapshot!(lines(&inventory), @"
    production a oci://registry.example.com/a unknown build-fails apps/a.yaml:6:14
    production d oci://registry.example.com/d pin v1.0.0 other/d.yaml:6:14
    production c oci://registry.example.com/c unknown build-fails child/c.yaml:6:14
    ");
    assert_snapshot!(findings(&inventory), @"build-fails clusters/production/apps.yaml:10:7 an operation of the patch has nothing to work on: kustomize fails on this, and Flux applies nothing of it");
}

#[test]
fn a_patch_of_flux_is_one_or_fails_or_is_empty() {
    let target = "    target: {kind: OCIRepository}\n";
    let patched = |patch: &str| {
        let fleet = Repository::default()
            .with(
                "clusters/production/apps.yaml",
                &kustomization("apps", &format!("  patches:\n  - patch: {patch}\n{target}")),
            )
            .with("apps/a.yaml", &source("a", "{tag: v1.0.0}"));
        lines(&fleet.walk(&scope(SCOPE)))
    };
    let known = "production a oci://registry.example.com/a pin v1.0.0 apps/a.yaml:6:14";
    let unknown = "production a oci://registry.example.com/a unknown build-fails apps/a.yaml:6:14";
    for (patch, expected) in [
        ("'[]'", known),
        ("'# nothing'", known),
        ("'{}'", known),
        ("''", unknown),
        ("no patch", unknown),
        ("'{kind: OCIRepository}'", unknown),
        ("'[{op: replace, path: /spec/ref/digest, value: null}]'", unknown),
        ("'[{\"op\": \"replace\", \"path\": \"/spec/ref/digest\", \"value\": null}]'", known),
    ] {
        assert_eq!(patched(patch).trim(), expected, "{patch}");
    }
}

#[test]
fn a_directory_without_kustomization_can_not_hold_one_object_twice() {
    let fleet = Repository::default()
        .with("clusters/production/apps.yaml", &kustomization("apps", ""))
        .with("apps/a.yaml", &source("a", "{tag: v1.0.0}"))
        .with("apps/old/a.yaml", &source("a", "{tag: v0.9.0}"));
    assert_snapshot!(findings(&fleet.walk(&scope(SCOPE))), @"build-fails apps/old/a.yaml:1:13 OCIRepository `a` is there twice: kustomize fails on this, and Flux applies nothing of it");
}

#[test]
fn a_flux_instance_says_what_its_cluster_reconciles() {
    let instance = |cluster: &str| {
        format!(
            "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata: {{name: flux, namespace: \
             flux-system}}\nspec:\n  sync: {{kind: GitRepository, path: clusters/{cluster}, ref: refs/heads/main}}\n"
        )
    };
    let fleet = Repository::default()
        .with("clusters/staging-eu/flux-system/flux-instance.yaml", &instance("staging-eu"))
        .with("clusters/prod-eu/flux-system/flux-instance.yaml", &instance("prod-eu"))
        .with("clusters/prod-eu/tenants.yaml", &kustomization("tenants", ""))
        .with("tenants/a.yaml", &source("a", "{tag: v1.0.0}"));
    let discovery = fleet.discover();
    let names: Vec<&str> = discovery.stages.stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(names, ["staging-eu", "prod-eu"]);
    assert_eq!(discovery.bootstrap_branch.as_deref(), Some("main"));
}
