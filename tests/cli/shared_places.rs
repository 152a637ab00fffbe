//! One place that decides the version of several environments.

use insta::assert_snapshot;

use crate::fleet::*;
use crate::support::Sandbox;

const KUSTOMIZATION: &str =
    "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../../base]\n";

fn sharing(sandbox: Sandbox, environments: &[&str]) -> Sandbox {
    let mut fleet =
        sandbox.file("base/kustomization.yaml", "resources: [my-app.yaml]\n").file("base/my-app.yaml", &pin("v1.2.1"));
    for environment in environments {
        fleet = fleet.file(&format!("clusters/{environment}/kustomization.yaml"), KUSTOMIZATION);
    }
    fleet.tags(&["v1.2.1", "v1.2.3"])
}

#[test]
fn clusters_of_one_stage_that_share_a_place_move_in_one_pull_request_named_after_the_stage() {
    let fleet = sharing(Sandbox::on_github(), &["prod-eu", "prod-us"])
        .file("promote.yaml", TWO)
        .file("clusters/staging/my-app.yaml", &range(STAGING));
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    let pulls = fleet.pulls();
    assert_eq!(pulls.len(), 1, "{run}");
    assert_eq!(pulls[0].title, "Promote my-app to v1.2.3 in production");
    assert!(pulls[0].head.starts_with("promote/production/my-app/v1.2.3-"), "{}", pulls[0].head);
    let message = fleet.message(&pulls[0].head);
    assert_eq!(message.matches("Promote-Environment: ").count(), 2, "{message}");
}

#[test]
fn one_of_them_alone_cannot_move() {
    let fleet = sharing(Sandbox::on_github(), &["prod-eu", "prod-us"])
        .file("promote.yaml", TWO)
        .file("clusters/staging/my-app.yaml", &range(STAGING));
    let run = fleet.promote(&["my-app", "v1.2.3", "--to", "prod-eu"]);
    // The place moves both, and the pull request says so: it is the stage's.
    assert_eq!(run.code, 0, "{run}");
    let pulls = fleet.pulls();
    assert_eq!(pulls.len(), 1, "{run}");
    assert!(pulls[0].title.ends_with("in production"), "{}", pulls[0].title);
    assert!(pulls[0].body.contains("prod-us"), "{}", pulls[0].body);
}

#[test]
fn a_place_that_another_stage_shares_is_refused() {
    let fleet = sharing(Sandbox::new(), &["staging", "prod-eu"]).file("promote.yaml", ONE);
    let run = fleet.promote(&["my-app", "v1.2.3", "--to", "production"]);
    assert!(fleet.branches().is_empty(), "{run}");
    assert_snapshot!(run, @"
    --- stderr
    my-app   oci://registry.example.com/my-app-config   main [commit]

      prod-eu   v1.2.1   pinned; may not move: staging is pinned to v1.2.1, not v1.2.3

    error: my-app v1.2.3 may not go to prod-eu
      1  staging is pinned to v1.2.1, not v1.2.3
         --> base/my-app.yaml:10:10
      2  staging reads its version from the same place, and is of another stage
         --> base/my-app.yaml:10:10
    help: give prod-eu a place of its own, and promote again; in the kustomization.yaml that only it reads, or under `spec` of its Flux Kustomization:
          patches:
            - target: {kind: OCIRepository, name: my-app}
              patch: |
                - op: add
                  path: /spec/ref/tag
                  value: \"v1.2.1\"
    --- exit 3
    ");
    // What is pasted changes nothing by itself; then that environment moves alone.
    let overlay = "clusters/prod-eu/kustomization.yaml";
    let pasted = format!("{KUSTOMIZATION}{}", pasted(&run.stderr));
    let fleet = fleet.file(overlay, &pasted);
    let run = fleet.promote(&["my-app", "v1.2.3", "--to", "production"]);
    assert_eq!(run.code, 3, "{run}");
    assert!(!run.stderr.contains("reads its version from the same place"), "{run}");
    let fleet = fleet.file("base/my-app.yaml", &pin("v1.2.3"));
    let run = fleet.promote(&["my-app", "v1.2.3", "--to", "production"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(fleet.text_on(&fleet.branches()[0], overlay), pasted.replace("v1.2.1", "v1.2.3"));
}

/// The lines of a `help:` behind its first one, as somebody would paste them.
fn pasted(stderr: &str) -> String {
    let help = stderr.lines().skip_while(|line| !line.starts_with("help: ")).skip(1);
    let lines = help.take_while(|line| line.starts_with("      "));
    lines.map(|line| format!("{}\n", line.strip_prefix("      ").unwrap_or(line))).collect()
}

#[test]
fn a_variable_that_another_stage_shares_is_refused_with_one_for_its_own() {
    let apps = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: \
                flux-system}\nspec:\n  path: ./base\n  sourceRef: {kind: GitRepository, name: flux-system}\n  \
                postBuild:\n    substituteFrom: [{kind: ConfigMap, name: versions}]\n";
    let versions = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: versions, namespace: flux-system}\ndata: \
                    {MY_APP: 1.2.1}\n";
    let cluster = "resources: [apps.yaml, ../../versions]\n";
    let mut fleet = Sandbox::new()
        .file("promote.yaml", ONE)
        .file("base/my-app.yaml", &source("tag: v${MY_APP}"))
        .file("versions/kustomization.yaml", "resources: [versions.yaml]\n")
        .file("versions/versions.yaml", versions)
        .tags(&["v1.2.1", "v1.2.3"]);
    for environment in ["staging", "prod-eu"] {
        fleet = fleet.file(&format!("clusters/{environment}/kustomization.yaml"), cluster);
        fleet = fleet.file(&format!("clusters/{environment}/apps.yaml"), apps);
    }
    let run = fleet.promote(&["my-app", "v1.2.3", "--to", "production"]);
    assert_eq!(run.code, 3, "{run}");
    let lines = pasted(&run.stderr);
    assert_eq!(lines, "postBuild:\n  substitute:\n    MY_APP: \"1.2.1\"\n", "{run}");
    let own = lines.lines().skip(1).map(|line| format!("  {line}\n")).collect::<String>();
    let fleet = fleet
        .file("clusters/prod-eu/apps.yaml", &format!("{apps}{own}"))
        .file("versions/versions.yaml", &versions.replace("1.2.1", "1.2.3"));
    let run = fleet.promote(&["my-app", "v1.2.3", "--to", "production"]);
    assert_eq!(run.code, 0, "{run}");
    let moved = fleet.text_on(&fleet.branches()[0], "clusters/prod-eu/apps.yaml");
    assert_eq!(moved, format!("{apps}{own}").replace("1.2.1", "1.2.3"));
}

#[test]
fn a_variable_of_the_flux_kustomization_is_where_the_version_is_written() {
    let flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: \
                flux-system}\nspec:\n  path: ./base\n  sourceRef: {kind: GitRepository, name: flux-system}\n  \
                postBuild:\n    substitute:\n      VERSION: v1.2.1\n";
    let fleet = fleet().file("base/my-app.yaml", &source("tag: ${VERSION}")).file(PIN, flux);
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(fleet.text_on(&fleet.branches()[0], PIN), flux.replace("v1.2.1", "v1.2.3"));
}

#[test]
fn a_sister_that_may_not_move_stops_the_one_that_shares_its_place() {
    let hold = format!("{TWO}apps:\n  my-app:\n    holds: [{{version: v1.2.3, environment: prod-us}}]\n");
    let fleet = sharing(Sandbox::on_github(), &["prod-eu", "prod-us"])
        .file("promote.yaml", &hold)
        .file("clusters/staging/my-app.yaml", &range(STAGING));
    let run = fleet.promote(&["my-app", "v1.2.3", "--to", "prod-eu"]);
    assert_eq!(run.code, 3, "{run}");
    assert!(fleet.branches().is_empty(), "{run}");
    assert!(run.stderr.contains("prod-us reads its version from the same place, and may not move"), "{run}");
}
