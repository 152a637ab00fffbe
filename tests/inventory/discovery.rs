//! The environments of a repository without configuration, and the apps that its sources make.

use insta::assert_snapshot;
use promote::inventory::{Discovery, Scope};
use promote::model::{AppDefinition, AppPart, Artifact, Extent, Order, Place};

use crate::repository::{Repository, lines, name, scope};

fn shown(discovery: &Discovery) -> String {
    let mut lines = Vec::new();
    for stage in &discovery.stages.stages {
        for environment in &stage.environments {
            let Extent::Directory(path) = &environment.extent else { panic!("a directory") };
            let place = environment.place.as_ref().map_or("-".to_owned(), ToString::to_string);
            lines.push(format!("{}: {} {path} {place}", stage.name, environment.name));
        }
    }
    lines.push(format!(
        "{:?}, unranked {:?}",
        discovery.stages.order,
        discovery.unranked.as_ref().map(|name| name.as_str())
    ));
    lines.extend(discovery.looked_for.iter().map(|looked| format!("looked for {looked}")));
    lines.extend(discovery.findings.iter().map(|finding| format!("{} {}", finding.code.as_str(), finding.message)));
    lines.join("\n")
}

fn bootstrap(path: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: flux-system}}\nspec:\n  \
         path: {path}\n  sourceRef: {{kind: GitRepository, name: flux-system}}\n"
    )
}

fn files(paths: &[&str]) -> Repository {
    Repository::new(&paths.iter().map(|path| (*path, "a: 1\n")).collect::<Vec<_>>())
}

#[test]
fn bootstraps_tell_the_environments() {
    let fleet = files(&["clusters/c3/a.yaml"])
        .with("clusters/eu/prod/flux-system/gotk-sync.yaml", &bootstrap("./clusters/eu/prod"))
        .with("clusters/us/prod/flux-system/gotk-sync.yaml", &bootstrap("./clusters/us/prod"))
        .with("clusters/staging/flux-system/gotk-sync.yaml", &bootstrap("./clusters/staging"))
        .with("clusters/gone/flux-system/gotk-sync.yaml", &bootstrap("./clusters/other"))
        .with(
            "clusters/c3/flux-system/instance.yaml",
            "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata: {name: flux-system}\n\
             spec: {sync: {kind: GitRepository, path: clusters/c3, ref: refs/heads/main}}\n",
        );
    let discovery = fleet.discover();
    assert_snapshot!(shown(&discovery), @r#"
    staging: staging clusters/staging clusters/staging/flux-system/gotk-sync.yaml:5:9
    production: eu-prod clusters/eu/prod clusters/eu/prod/flux-system/gotk-sync.yaml:5:9
    production: us-prod clusters/us/prod clusters/us/prod/flux-system/gotk-sync.yaml:5:9
    c3: c3 clusters/c3 clusters/c3/flux-system/instance.yaml:4:42
    Guessed, unranked Some("c3")
    looked for a bootstrap: `gotk-sync.yaml`, a Kustomization or FluxInstance `flux-system`
    path-missing the bootstrap's path `clusters/other` does not exist
    guessed-order the order staging < production < c3 is a guess from names; write it down in promote.yaml
    "#);
    assert_eq!(discovery.bootstrap_branch.as_deref(), Some("main"));
}

#[test]
fn directories_named_after_environments_do_if_they_make_two_stages() {
    let fleet =
        files(&["apps/base/a.yaml", "apps/uksouth-prod/a.yaml", "apps/westeurope-prd/a.yaml", "apps/dev/b/c.yaml"]);
    assert_snapshot!(shown(&fleet.discover()), @"
    dev: dev apps/dev -
    production: uksouth-prod apps/uksouth-prod -
    production: westeurope-prd apps/westeurope-prd -
    Guessed, unranked None
    looked for a bootstrap: `gotk-sync.yaml`, a Kustomization or FluxInstance `flux-system`
    looked for directories below `clusters/`, `environments/`, `envs/`, `apps/`, `overlays/`, `deploy/` named after an environment (dev, staging, production)
    guessed-order the order dev < production is a guess from names; write it down in promote.yaml
    ");
    let one = files(&["clusters/production/a.yaml", "clusters/lab/a.yaml"]);
    assert_snapshot!(shown(&one.discover()), @r#"
    default: default . -
    Unknown, unranked Some("default")
    looked for a bootstrap: `gotk-sync.yaml`, a Kustomization or FluxInstance `flux-system`
    looked for directories below `clusters/`, `environments/`, `envs/`, `apps/`, `overlays/`, `deploy/` named after an environment (dev, staging, production)
    "#);
    assert_eq!(one.discover().stages.order, Order::Unknown);
    let ambiguous = files(&["clusters/production/a.yaml", "clusters/production-eu/a.yaml", "clusters/stg/a.yaml"]);
    assert_snapshot!(shown(&ambiguous.discover()), @"
    stg: stg clusters/stg -
    all-production: production clusters/production -
    all-production: production-eu clusters/production-eu -
    Guessed, unranked None
    looked for a bootstrap: `gotk-sync.yaml`, a Kustomization or FluxInstance `flux-system`
    looked for directories below `clusters/`, `environments/`, `envs/`, `apps/`, `overlays/`, `deploy/` named after an environment (dev, staging, production)
    guessed-order the order stg < all-production is a guess from names; write it down in promote.yaml
    ");
}

fn source(name: &str, url: &str) -> String {
    format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {{name: {name}}}\nspec:\n  \
         url: {url}\n  ref: {{tag: 1.0.0}}\n"
    )
}

const SCOPE: &[(&str, &str)] = &[("staging", "clusters/staging"), ("production", "clusters/production")];

#[test]
fn an_app_is_a_name_without_its_environment_and_an_artifact_but_for_its_host() {
    let fleet = Repository::new(&[
        ("clusters/staging/a.yaml", &source("cart-staging", "oci://registry.example.com/cart")),
        ("clusters/production/a.yaml", &source("prod-cart", "oci://mirror.corp/cart")),
        ("clusters/staging/b.yaml", &source("chart-a", "oci://registry.example.com/app-template")),
        ("clusters/production/b.yaml", &source("chart-b", "oci://registry.example.com/app-template")),
        ("clusters/staging/c.yaml", &source("shop", "oci://registry.example.com/shop")),
        ("clusters/production/c.yaml", &source("shop", "oci://registry.example.com/other/shop")),
    ]);
    assert_snapshot!(lines(&fleet.walk(&scope(SCOPE))), @"
    staging cart oci://registry.example.com/cart pin 1.0.0 clusters/staging/a.yaml:6:14
    staging chart-a oci://registry.example.com/app-template pin 1.0.0 clusters/staging/b.yaml:6:14
    staging shop (shop) oci://registry.example.com/shop pin 1.0.0 clusters/staging/c.yaml:6:14
    production cart oci://mirror.corp/cart pin 1.0.0 clusters/production/a.yaml:6:14
    production chart-b oci://registry.example.com/app-template pin 1.0.0 clusters/production/b.yaml:6:14
    production shop (other/shop) oci://registry.example.com/other/shop pin 1.0.0 clusters/production/c.yaml:6:14
    ");
}

#[test]
fn what_apps_says_wins() {
    let fleet = Repository::new(&[
        ("clusters/staging/a.yaml", &source("x", "oci://registry.example.com/cart")),
        ("clusters/production/a.yaml", &source("y", "oci://mirror.corp/cart")),
        ("clusters/staging/b.yaml", &source("z", "oci://registry.example.com/charts/cart")),
        ("clusters/production/b.yaml", &source("cart", "oci://registry.example.com/unrelated")),
    ]);
    let artifact = |text: &str| -> Artifact { text.parse().expect("an artifact") };
    let cart = AppDefinition {
        name: "cart".parse().expect("a name"),
        parts: vec![
            AppPart::PerEnvironment(vec![
                (name("staging"), artifact("oci://registry.example.com/cart")),
                (name("production"), artifact("oci://mirror.corp/cart")),
            ]),
            AppPart::Everywhere(artifact("oci://registry.example.com/charts/cart")),
        ],
        team: None,
        holds: Vec::new(),
        place: Place { path: "promote.yaml".parse().expect("a path"), line: 1, column: 1 },
    };
    let scope = Scope { apps: vec![cart], ..scope(SCOPE) };
    assert_snapshot!(lines(&fleet.walk(&scope)), @"
    staging cart oci://registry.example.com/cart pin 1.0.0 clusters/staging/a.yaml:6:14
    staging cart oci://registry.example.com/charts/cart pin 1.0.0 clusters/staging/b.yaml:6:14
    production cart oci://mirror.corp/cart pin 1.0.0 clusters/production/a.yaml:6:14
    production cart (unrelated) oci://registry.example.com/unrelated pin 1.0.0 clusters/production/b.yaml:6:14
    ");
}
