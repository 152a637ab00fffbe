//! Where production's version lives: one small fleet a layout, walked, promoted and proved.

use std::path::PathBuf;

use insta::assert_snapshot;
use promote::edit::{Intent, edits_for, prove};
use promote::inventory::{Scope, environments_decided};
use promote::model::Inventory;

use crate::repository::{Repository, findings, lines, scope, tag};

const SCOPE: &[(&str, &str)] = &[("staging", "clusters/staging"), ("production", "clusters/production")];

fn layout(name: &str) -> (Repository, Inventory) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/layouts").join(name);
    let repository = Repository::read(&folder);
    let inventory = repository.walk(&scope(SCOPE));
    (repository, inventory)
}

/// Promotes a source of production, proves it, and shows the lines that changed.
fn promoted(repository: &Repository, before: &Inventory, name: &str, target: &str) -> String {
    let digest = format!("sha256:{}", "ab".repeat(32)).parse().expect("a digest");
    let source = before
        .sources
        .iter()
        .find(|source| source.environment.as_str() == "production" && source.id.name.contains(name))
        .expect("a source");
    let edits = match edits_for(source, before, &tag(target), Some(&digest)) {
        Ok(edits) => edits,
        Err(refusal) => return format!("refused: {refusal}"),
    };
    let after = match repository.edited(&edits) {
        Ok(after) => after,
        Err(refusal) => return format!("refused: {refusal}"),
    };
    let mut moved = Vec::new();
    for edit in &edits {
        moved.extend(environments_decided(before, &edit.slot).into_iter().cloned());
    }
    let intent =
        |environment| Intent { environment, source: source.id.clone(), tag: tag(target), digest: Some(digest.clone()) };
    let intents: Vec<Intent> = moved.into_iter().map(intent).collect();
    let proof = prove(before, &after.walk(&scope(SCOPE)), &edits, &intents);
    let mut shown = match proof {
        Ok(()) => String::new(),
        Err(refusal) => format!("not proved: {refusal}\n"),
    };
    for path in repository.files.keys() {
        for (old, new) in repository.text(path).lines().zip(after.text(path).lines()) {
            if old != new {
                shown.push_str(&format!("{path}\n-{old}\n+{new}\n"));
            }
        }
    }
    shown
}

#[test]
fn a_merge_patch_of_the_overlay() {
    let (repository, inventory) = layout("overlay-merge-patch");
    assert_snapshot!(lines(&inventory), @"
    staging my-app oci://registry.example.com/my-app-config range >=1.0.0 base/source.yaml:10:13
    staging second oci://registry.example.com/second pin 2.0.0 base/second.yaml:10:10
    production my-app oci://registry.example.com/my-app-config pin v1.4.2 envs/production/kustomization.yaml:15:16
    production second oci://registry.example.com/second pin 2.1.0 envs/production/second-version.yaml:4:19
    ");
    assert_snapshot!(findings(&inventory), @"");
    assert_snapshot!(promoted(&repository, &inventory, "my-app", "v1.4.3"), @"
    envs/production/kustomization.yaml
    -          tag: v1.4.2    # production
    +          tag: v1.4.3    # production
    ");
    assert_snapshot!(promoted(&repository, &inventory, "second", "2.2"), @r#"
    envs/production/second-version.yaml
    -spec: {ref: {tag: "2.1.0"}}
    +spec: {ref: {tag: "2.2"}}
    "#);
}

#[test]
fn operations_of_json_6902() {
    let (repository, inventory) = layout("overlay-json-patch");
    assert_snapshot!(lines(&inventory), @"
    staging a oci://registry.example.com/a pin 1.0.0 base/a.yaml:10:10
    staging b oci://registry.example.com/b range 1.x base/b.yaml:10:13
    staging c oci://registry.example.com/c range >=1.0.0-0 envs/staging/kustomization.yaml:10:16
    production a oci://registry.example.com/a pin 1.4.2 envs/production/kustomization.yaml:12:16
    production b oci://registry.example.com/b pin 3.1.0 envs/production/b.json:1:54
    production c oci://registry.example.com/c pin -@sha256:00000000...00000 base/c.yaml:10:13
    ");
    assert_snapshot!(findings(&inventory), @"");
    assert_snapshot!(promoted(&repository, &inventory, "a", "1.10"), @r#"
    envs/production/kustomization.yaml
    -        value: 1.4.2
    +        value: "1.10"
    "#);
    assert_snapshot!(promoted(&repository, &inventory, "b", "3.2.0"), @r#"
    envs/production/b.json
    -[{"op": "add", "path": "/spec/ref", "value": {"tag": "3.1.0"}}]
    +[{"op": "add", "path": "/spec/ref", "value": {"tag": "3.2.0"}}]
    "#);
    assert_snapshot!(promoted(&repository, &inventory, "c", "1.0.0"), @"
    base/c.yaml
    -    digest: sha256:0000000000000000000000000000000000000000000000000000000000000000
    +    digest: sha256:abababababababababababababababababababababababababababababababab
    ");
}

#[test]
fn a_patch_with_nothing_but_the_chart_version() {
    let (repository, inventory) = layout("helm-release-patch");
    assert_snapshot!(lines(&inventory), @"
    staging podinfo https://stefanprodan.github.io/podinfo#podinfo range >=1.0.0-alpha apps/staging/podinfo-values.yaml:8:16
    production podinfo https://stefanprodan.github.io/podinfo#podinfo pin 6.8.0 apps/production/podinfo-values.yaml:8:16
    ");
    assert_snapshot!(findings(&inventory), @"");
    assert_snapshot!(promoted(&repository, &inventory, "podinfo", "6.9.0"), @"
    apps/production/podinfo-values.yaml
    -      version: 6.8.0   # chart
    +      version: 6.9.0   # chart
    ");
}

#[test]
fn variables_from_the_kustomization_a_config_map_and_a_default() {
    let (repository, inventory) = layout("variables");
    assert_snapshot!(lines(&inventory), @"
    staging a oci://registry.example.com/a pin 1.5.0-rc.1 clusters/staging/apps.yaml:15:20
    staging b oci://registry.example.com/b pin v2.2.0 clusters/staging/vars.yaml:5:19
    staging c oci://registry.example.com/c pin 3.0.0 apps/c.yaml:9:14
    staging d oci://registry.example.com/d pin v1.5.0-rc.1 clusters/staging/apps.yaml:15:20
    staging e oci://registry.example.com/e pin 2.5.0-rc.1 clusters/staging/apps.yaml:15:20
    staging f oci://registry.example.com/f unknown unresolved-variable apps/f.yaml:10:10
    staging g oci://registry.example.com/v3/g pin 1.0.0 apps/g.yaml:10:10
    production a oci://registry.example.com/a pin 1.4.2 clusters/production/apps.yaml:15:20
    production b oci://registry.example.com/b pin v2.1.0 clusters/production/vars.yaml:5:19
    production c oci://registry.example.com/c pin 3.0.0 apps/c.yaml:9:14
    production d oci://registry.example.com/d pin v1.4.2 clusters/production/apps.yaml:15:20
    production e oci://registry.example.com/e pin 2.4.2 clusters/production/apps.yaml:15:20
    production f oci://registry.example.com/f unknown unresolved-variable apps/f.yaml:10:10
    production g oci://registry.example.com/v3/g pin 1.0.0 apps/g.yaml:10:10
    production s oci://registry.example.com/s unknown secret-value secret/s.yaml:10:10
    ");
    assert_snapshot!(findings(&inventory), @"
    unresolved-variable apps/f.yaml:10:10 `${NOWHERE}` has no value in this repository
    secret-value clusters/production/secret.yaml:15:16 `${SECRET_VERSION}`: it may come from Secret `cluster-secrets`, which is not read
    shared-slot apps/c.yaml:9:14 decides the version of staging, production: they move together
    shared-slot apps/g.yaml:10:10 decides the version of staging, production: they move together
    ");
    assert_snapshot!(promoted(&repository, &inventory, "a", "1.4.3"), @r#"
    not proved: the change would alter the version of `d` in production, which is not planned
    clusters/production/apps.yaml
    -      APP_VERSION: "1.4.2"
    +      APP_VERSION: "1.4.3"
    "#);
    assert_snapshot!(promoted(&repository, &inventory, "b", "v2.1.1"), @"
    clusters/production/vars.yaml
    -  SECOND_VERSION: v2.1.0
    +  SECOND_VERSION: v2.1.1
    ");
    assert_snapshot!(promoted(&repository, &inventory, "c", "3.0.1"), @r#"
    apps/c.yaml
    -  ref: {tag: "${THIRD_VERSION:=3.0.0}"}
    +  ref: {tag: "${THIRD_VERSION:=3.0.1}"}
    "#);
    assert_snapshot!(promoted(&repository, &inventory, "d", "v1.4.3"), @r#"
    not proved: the change would alter the version of `a` in production, which is not planned
    clusters/production/apps.yaml
    -      APP_VERSION: "1.4.2"
    +      APP_VERSION: "1.4.3"
    "#);
    assert_snapshot!(promoted(&repository, &inventory, "d", "1.4.3"), @"refused: clusters/production/apps.yaml:15:20 is only a part of the version, and `1.4.3` does not fit around it");
}

#[test]
fn what_a_flux_kustomization_adds() {
    let (repository, inventory) = layout("flux-kustomization");
    assert_snapshot!(lines(&inventory), @"
    staging my-app oci://registry.example.com/my-app-config pin 1.5.0 apps/my-app.yaml:10:10
    staging pinned oci://registry.example.com/pinned range * apps/pinned.yaml:10:13
    staging shop oci://registry.example.com/charts/shop pin 2.1.0 apps/shop.yaml:18:16
    production my-app oci://registry.example.com/my-app-config pin 1.4.2 clusters/production/apps.yaml:19:18
    production pinned oci://registry.example.com/pinned pin 1.0.3 components/pin/pin.yaml:4:22
    production shop oci://registry.example.com/charts/shop pin 2.0.1 clusters/production/apps.yaml:28:24
    production registry.example.com/shop oci://registry.example.com/shop pin 4.1.3 clusters/production/apps.yaml:33:15
    ");
    assert_snapshot!(findings(&inventory), @"");
    assert_snapshot!(promoted(&repository, &inventory, "my-app", "1.4.3"), @r#"
    clusters/production/apps.yaml
    -          value: "1.4.2"
    +          value: "1.4.3"
    "#);
    assert_snapshot!(promoted(&repository, &inventory, "registry.example.com/shop", "4.2.0"), @"
    clusters/production/apps.yaml
    -      newTag: 4.1.3
    +      newTag: 4.2.0
    ");
    assert_snapshot!(promoted(&repository, &inventory, "pinned", "1.0.4"), @r#"
    components/pin/pin.yaml
    -spec: {ref: {semver: "= 1.0.3"}}
    +spec: {ref: {semver: "= 1.0.4"}}
    "#);
}

#[test]
fn components_images_and_renamed_objects() {
    let (repository, inventory) = layout("components");
    assert_snapshot!(lines(&inventory), @"
    staging my-app oci://registry.example.com/my-app-config pin 1.0.0 base/source.yaml:10:10
    staging mirror.corp/shop oci://mirror.corp/shop pin v4.2.0 envs/staging/kustomization.yaml:6:74
    production my-app oci://registry.example.com/my-app-config pin 1.4.2 components/pin/kustomization.yaml:8:25
    production registry.example.com/shop oci://registry.example.com/shop pin v4.1.3@sha256:11111111...11111 components/pin/kustomization.yaml:12:13
    ");
    assert_snapshot!(findings(&inventory), @"");
    assert_snapshot!(promoted(&repository, &inventory, "my-app", "1.4.3"), @"
    components/pin/kustomization.yaml
    -      spec: {ref: {tag: 1.4.2}}
    +      spec: {ref: {tag: 1.4.3}}
    ");
    assert_snapshot!(promoted(&repository, &inventory, "shop", "v4.2.0"), @"
    components/pin/kustomization.yaml
    -    newTag: v4.1.3
    +    newTag: v4.2.0
    components/pin/kustomization.yaml
    -    digest: sha256:1111111111111111111111111111111111111111111111111111111111111111
    +    digest: sha256:abababababababababababababababababababababababababababababababab
    ");
}

#[test]
fn replacements_generated_config_maps_and_env_files() {
    let (repository, inventory) = layout("replacements");
    assert_snapshot!(lines(&inventory), @"
    staging my-app oci://registry.example.com/my-app-config pin 1.5.0 envs/staging/kustomization.yaml:9:9
    staging shop oci://registry.example.com/shop-config pin v4.2.0 envs/staging/kustomization.yaml:10:9
    staging other oci://registry.example.com/other pin 3.2.0 envs/staging/versions.env:2:7
    production my-app oci://registry.example.com/my-app-config pin 1.4.2 envs/production/kustomization.yaml:9:9
    production shop oci://registry.example.com/shop-config pin v4.1.3 envs/production/kustomization.yaml:10:9
    production other oci://registry.example.com/other pin 3.1.0 envs/production/versions.env:2:7
    ");
    assert_snapshot!(findings(&inventory), @"");
    assert_snapshot!(promoted(&repository, &inventory, "my-app", "1.4.3"), @"
    envs/production/kustomization.yaml
    -      - version=1.4.2
    +      - version=1.4.3
    ");
    assert_snapshot!(promoted(&repository, &inventory, "shop", "v4.2.0"), @r#"
    envs/production/kustomization.yaml
    -      - image="registry.example.com/shop:v4.1.3"
    +      - image="registry.example.com/shop:v4.2.0"
    "#);
    let line = inventory.written.iter().find(|written| written.slot.path().as_str() == "envs/production/versions.env");
    let line = line.expect("the line of the file");
    assert_eq!((line.field.as_str(), line.text.as_str(), line.kind_of_value), ("OTHER", "3.1.0", "variable"));
    assert_snapshot!(promoted(&repository, &inventory, "other", "3.1.1"), @"
    envs/production/versions.env
    -OTHER=3.1.0
    +OTHER=3.1.1
    ");
}

#[test]
fn which_sources_are_this_repository() {
    let (repository, inventory) = layout("sources");
    assert_snapshot!(lines(&inventory), @"
    staging charts https://github.com/acme/charts range 3.x clusters/staging/git.yaml:8:13
    staging fleet ssh://git@github.com/acme/fleet.git floating main clusters/staging/git.yaml:15:17
    staging app oci://registry.example.com/my-app-config floating latest clusters/staging/source.yaml:10:10
    staging mine oci://registry.example.com/mine pin 1.0.0 mine/mine.yaml:9:14
    staging unknown oci://registry.example.com/unknown pin 1.0.0 unknown/unknown.yaml:9:14
    production charts https://github.com/acme/charts pin v3.0.0 clusters/production/git.yaml:8:10
    production fleet ssh://git@github.com/acme/fleet.git floating main clusters/production/git.yaml:16:17
    production app oci://registry.example.com/my-app-config pin 1.4.2 clusters/production/source.yaml:10:10
    production mine oci://registry.example.com/mine pin 1.0.0 mine/mine.yaml:9:14
    production unknown oci://registry.example.com/unknown pin 1.0.0 unknown/unknown.yaml:9:14
    ");
    assert_snapshot!(findings(&inventory), @"
    shadowed-field clusters/production/git.yaml:7:13 Flux ignores `branch` of `charts`: `tag` takes precedence
    shadowed-field clusters/production/git.yaml:9:13 Flux ignores `semver` of `charts`: `tag` takes precedence
    source-missing clusters/production/git.yaml:44:13 Kustomization `unknown` names source `nowhere`, which is not found: its path is read from this repository
    shadowed-field clusters/staging/git.yaml:7:13 Flux ignores `branch` of `charts`: `semver` takes precedence
    source-missing clusters/staging/git.yaml:43:13 Kustomization `unknown` names source `nowhere`, which is not found: its path is read from this repository
    shared-slot mine/mine.yaml:9:14 decides the version of staging, production: they move together
    shared-slot unknown/unknown.yaml:9:14 decides the version of staging, production: they move together
    ");
    assert_snapshot!(promoted(&repository, &inventory, "app-prod", "1.4.3"), @"
    clusters/production/source.yaml
    -    tag: 1.4.2
    +    tag: 1.4.3
    ");
    assert_snapshot!(promoted(&repository, &inventory, "charts", "v3.0.1"), @"
    clusters/production/git.yaml
    -    tag: v3.0.0
    +    tag: v3.0.1
    ");
}

#[test]
fn images_in_values_and_charts_by_reference() {
    let (repository, inventory) = layout("helm-values");
    assert_snapshot!(lines(&inventory), @"
    staging shop-chart oci://registry.example.com/charts/shop pin 1.0.0_build clusters/staging/release.yaml:26:14
    staging tools source-missing range 0.33.X clusters/staging/release.yaml:33:12
    staging registry.example.com/shop oci://registry.example.com/shop pin v4.2.0 clusters/staging/release.yaml:10:12
    staging registry.example.com/side oci://registry.example.com/side pin 1.0.0@sha256:22222222...22222 clusters/staging/release.yaml:12:14
    staging registry.example.com/worker oci://registry.example.com/worker pin 2.0.0@sha256:33333333...33333 clusters/staging/release.yaml:17:14
    production shop-chart oci://registry.example.com/charts/shop pin 1.0.0_build clusters/production/release.yaml:26:14
    production tools source-missing range 0.33.X clusters/production/release.yaml:33:12
    production registry.example.com/shop oci://registry.example.com/shop pin v4.1.3 clusters/production/release.yaml:10:12
    production registry.example.com/side oci://registry.example.com/side pin 1.0.0@sha256:22222222...22222 clusters/production/release.yaml:12:14
    production registry.example.com/worker oci://registry.example.com/worker pin 2.0.0@sha256:33333333...33333 clusters/production/release.yaml:17:14
    ");
    assert_snapshot!(findings(&inventory), @"
    suspended clusters/production/release.yaml:5:12 `registry.example.com/shop` is suspended: a change has no effect until it is resumed
    suspended clusters/production/release.yaml:5:12 `registry.example.com/side` is suspended: a change has no effect until it is resumed
    suspended clusters/production/release.yaml:5:12 `registry.example.com/worker` is suspended: a change has no effect until it is resumed
    suspended clusters/production/release.yaml:5:12 `shop-chart` is suspended: a change has no effect until it is resumed
    source-missing clusters/production/release.yaml:28:13 HelmRepository `nowhere` is not found in production
    source-missing clusters/staging/release.yaml:28:13 HelmRepository `nowhere` is not found in staging
    ");
    assert_snapshot!(promoted(&repository, &inventory, "registry.example.com/shop", "v4.2.0"), @r#"
    clusters/production/release.yaml
    -      tag: v4.1.3 # {"$imagepolicy": "flux-system:shop:tag"}
    +      tag: v4.2.0 # {"$imagepolicy": "flux-system:shop:tag"}
    "#);
    assert_snapshot!(promoted(&repository, &inventory, "side", "1.1.0"), @r#"
    clusters/production/release.yaml
    -      image: registry.example.com/side:1.0.0@sha256:2222222222222222222222222222222222222222222222222222222222222222 # {"$imagepolicy": "flux-system:side"}
    +      image: registry.example.com/side:1.1.0@sha256:abababababababababababababababababababababababababababababababab # {"$imagepolicy": "flux-system:side"}
    "#);
    assert_snapshot!(promoted(&repository, &inventory, "worker", "2.1.0"), @"
    clusters/production/release.yaml
    -        tag: 2.0.0@sha256:3333333333333333333333333333333333333333333333333333333333333333
    +        tag: 2.1.0@sha256:abababababababababababababababababababababababababababababababab
    ");
    assert_snapshot!(promoted(&repository, &inventory, "shop-chart", "1.1.0_build"), @"
    clusters/production/release.yaml
    -  ref: {tag: 1.0.0_build}
    +  ref: {tag: 1.1.0_build}
    ");
}

#[test]
fn the_bootstraps_own_patches_and_variables() {
    let (repository, inventory) = layout("bootstrap");
    assert_snapshot!(lines(&inventory), @"
    staging my-app oci://registry.example.com/my-app-config range 1.x clusters/staging/apps.yaml:9:17
    staging flux-system ssh://git@github.com/acme/fleet floating trunk clusters/staging/flux-system/gotk-sync.yaml:4:36
    production my-app oci://registry.example.com/my-app-config pin 1.4.2 clusters/production/flux-system/kustomization.yaml:11:33
    production flux-system ssh://git@github.com/acme/fleet floating trunk clusters/production/flux-system/gotk-sync.yaml:4:36
    production inner oci://registry.example.com/inner pin 2.0.0 clusters/production/flux-system/kustomization.yaml:17:45
    ");
    assert_snapshot!(findings(&inventory), @"");
    assert_snapshot!(promoted(&repository, &inventory, "my-app", "1.4.3"), @"
    clusters/production/flux-system/kustomization.yaml
    -          substitute: {VERSION: 1.4.2}
    +          substitute: {VERSION: 1.4.3}
    ");
    assert_snapshot!(promoted(&repository, &inventory, "inner", "2.0.1"), @"
    clusters/production/flux-system/kustomization.yaml
    -                value: {substitute: {INNER: 2.0.0}}
    +                value: {substitute: {INNER: 2.0.1}}
    ");
    let discovery = repository.discover();
    assert_eq!(discovery.bootstrap_branch.as_deref(), Some("trunk"));
    let found = Scope { stages: discovery.stages, ..scope(&[]) };
    assert_eq!(lines(&repository.walk(&found)), lines(&inventory));
}

#[test]
fn an_artifact_made_of_parts_of_the_repository() {
    let release = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {name: my-app}\nspec:\n  \
                   url: oci://registry.example.com/my-app\n  ref: {semver: \"1.x\"}\n";
    let repository = Repository::new(&[
        (
            "clusters/production/artifacts.yaml",
            "apiVersion: source.extensions.fluxcd.io/v1beta1\nkind: ArtifactGenerator\nmetadata: {name: a}\nspec:\n  \
             sources: [{alias: repo, kind: GitRepository, name: flux-system}]\n  artifacts:\n  - name: apps\n    copy:\n    \
             - {from: \"@repo/apps/base/**\", to: \"@artifact/base/\"}\n    \
             - {from: \"@repo/apps/production/**\", to: \"@artifact/production/\"}\n",
        ),
        (
            "clusters/production/apps.yaml",
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps}\nspec:\n  \
             path: ./production\n  sourceRef: {kind: ExternalArtifact, name: apps}\n",
        ),
        ("apps/base/kustomization.yaml", "resources: [source.yaml]\n"),
        ("apps/base/source.yaml", release),
        (
            "apps/production/kustomization.yaml",
            "resources: [../base]\npatches:\n- target: {kind: OCIRepository}\n  patch: |\n    \
             - {op: add, path: /spec/ref/semver, value: 1.2.3}\n",
        ),
    ]);
    let inventory = repository.walk(&scope(SCOPE));
    assert_snapshot!(lines(&inventory), @"production my-app oci://registry.example.com/my-app pin 1.2.3 apps/production/kustomization.yaml:5:48");
    assert_snapshot!(promoted(&repository, &inventory, "my-app", "1.2.4"), @"
    apps/production/kustomization.yaml
    -    - {op: add, path: /spec/ref/semver, value: 1.2.3}
    +    - {op: add, path: /spec/ref/semver, value: 1.2.4}
    ");
}
