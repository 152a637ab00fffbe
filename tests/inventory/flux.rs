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

#[test]
fn all_that_a_suspended_kustomization_applies_is_suspended() {
    let fleet = Repository::default()
        .with("clusters/production/apps.yaml", &kustomization("apps", "  suspend: true\n"))
        .with("apps/a.yaml", &source("a", "{tag: v1.0.0}"))
        .with("apps/child.yaml", &kustomization("child", ""))
        .with("child/b.yaml", &source("b", "{tag: v1.0.0}"));
    let inventory = fleet.walk(&scope(SCOPE));
    assert_snapshot!(lines(&inventory), @"
    production a oci://registry.example.com/a pin v1.0.0 apps/a.yaml:6:14
    production b oci://registry.example.com/b pin v1.0.0 child/b.yaml:6:14
    ");
    assert_snapshot!(findings(&inventory), @"
    suspended clusters/production/apps.yaml:8:12 `a` is suspended: a change has no effect until it is resumed
    suspended clusters/production/apps.yaml:8:12 `b` is suspended: a change has no effect until it is resumed
    ");
}

#[test]
fn what_comes_from_a_bucket_is_not_read_here_and_its_charts_have_no_version() {
    let bucket = "---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: Bucket\nmetadata: {name: artifacts, namespace: \
                  flux-system}\nspec: {bucketName: artifacts, endpoint: s3.example.com}\n";
    let apps = kustomization("apps", "")
        .replace("{kind: GitRepository, name: flux-system}", "{kind: Bucket, name: artifacts}");
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: shop, namespace: \
                   flux-system}\nspec:\n  chart:\n    spec: {chart: ./shop, version: 1.0.0, sourceRef: {kind: Bucket, \
                   name: artifacts}}\n";
    let fleet = Repository::default()
        .with("clusters/production/apps.yaml", &format!("{apps}{bucket}"))
        .with("clusters/production/shop.yaml", release)
        // A directory of the same name, which is not the one in the bucket.
        .with("apps/a.yaml", &source("a", "{tag: v1.0.0}"));
    let inventory = fleet.walk(&scope(SCOPE));
    assert_snapshot!(lines(&inventory), @"");
    assert_snapshot!(findings(&inventory), @"shadowed-field clusters/production/shop.yaml:6:36 Flux ignores the version of a chart from a Bucket");
    // Neither place decides anything.
    assert!(inventory.written.iter().all(|written| written.decides.is_empty()));
}

#[test]
fn values_from_elsewhere_do_not_hide_those_of_the_release() {
    let release = |values: &str| {
        format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: shop, namespace: shop}}\nspec:\n  \
             chartRef: {{kind: OCIRepository, name: a}}\n  valuesFrom: [{{kind: ConfigMap, name: values}}]\n{values}"
        )
    };
    let values = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: values, namespace: shop}\ndata:\n  values.yaml: |\n    \
                  image: {repository: registry.example.com/shop, tag: v0.9.0}\n";
    let fleet = |own: &str| {
        Repository::default()
            .with("clusters/production/a.yaml", &source("a", "{tag: v1.0.0}"))
            .with("clusters/production/shop.yaml", &release(own))
            .with("clusters/production/values.yaml", values)
    };
    // Flux merges a release's own values last.
    let own = "  values: {image: {repository: registry.example.com/shop, tag: v1.1.0}}\n";
    assert_snapshot!(lines(&fleet(own).walk(&scope(SCOPE))), @"
    production a oci://registry.example.com/a pin v1.0.0 clusters/production/a.yaml:6:14
    production registry.example.com/shop oci://registry.example.com/shop pin v1.1.0 clusters/production/shop.yaml:7:64
    ");
    // What a ConfigMap alone holds is a text of the chart's own: nothing is said about it.
    assert_snapshot!(lines(&fleet("").walk(&scope(SCOPE))), @"production a oci://registry.example.com/a pin v1.0.0 clusters/production/a.yaml:6:14");
}

#[test]
fn what_a_resource_set_makes_is_told_and_not_guessed() {
    let set = "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSet\nmetadata: {name: apps, namespace: \
               flux-system}\nspec:\n  inputsFrom: [{kind: ResourceSetInputProvider, name: tags}]\n  resources:\n  - \
               apiVersion: source.toolkit.fluxcd.io/v1\n    kind: OCIRepository\n    metadata: {name: made}\n    spec: \
               {url: oci://registry.example.com/made, ref: {tag: v1.0.0}}\n";
    let provider = "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSetInputProvider\nmetadata: {name: tags, \
                    namespace: flux-system}\nspec: {type: OCIArtifactTag, url: oci://registry.example.com/made, filter: \
                    {semver: 1.x}}\n";
    let fleet = Repository::default()
        .with("clusters/production/provider.yaml", provider)
        .with("clusters/production/set.yaml", set);
    let inventory = fleet.walk(&scope(SCOPE));
    assert_snapshot!(lines(&inventory), @"");
    assert_snapshot!(findings(&inventory), @"unsupported-template clusters/production/set.yaml:1:13 the templates of ResourceSet `apps` can't be evaluated");
    assert!(inventory.written.iter().all(|written| written.decides.is_empty()));
}

#[test]
fn an_image_that_no_container_has_decides_nothing() {
    let deployment = |image: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: shop}}\nspec: {{template: {{spec: {{containers: \
             [{{name: shop, image: {image}}}]}}}}}}\n"
        )
    };
    let fleet = |more: &str| {
        Repository::default()
            .with("clusters/production/apps.yaml", &kustomization("apps", "  images: [{name: other, newTag: v3.0.0}]\n"))
            .with(
                "apps/kustomization.yaml",
                &format!("resources: [shop.yaml]\nimages:\n- {{name: shop, newTag: v1.0.0}}\n- {{name: gone, newTag: v2.0.0}}\n{more}"),
            )
            .with("apps/shop.yaml", &deployment("shop:v0.9.0"))
    };
    let inventory = fleet("").walk(&scope(SCOPE));
    assert_snapshot!(lines(&inventory), @"production shop oci://index.docker.io/library/shop pin v1.0.0 apps/kustomization.yaml:3:24");
    assert_snapshot!(findings(&inventory), @"
    unused-image apps/kustomization.yaml:4:10 no container has the image `gone`: the entry decides nothing
    unused-image clusters/production/apps.yaml:8:19 no container has the image `other`: the entry decides nothing
    ");
    let written = inventory.written.iter().find(|written| written.text == "v2.0.0").expect("it is listed");
    assert!(written.decides.is_empty() && !written.environments.is_empty());
    // A container that a patch adds is one too, and what a remote base has can't be told.
    let patch = "patches:\n- target: {kind: Deployment}\n  patch: |\n    - {op: add, path: \
                 /spec/template/spec/containers/-, value: {name: x, image: 'gone:v1'}}\n";
    for more in [patch, "bases: ['https://example.com/base?ref=v1']\n"] {
        let inventory = fleet(more).walk(&scope(SCOPE));
        assert!(
            lines(&inventory).contains("gone pin v2.0.0") || lines(&inventory).contains("/gone pin v2.0.0"),
            "{more}"
        );
    }
}
