//! What a word on the command line means.

use insta::assert_snapshot;

use crate::fleet::*;
use crate::support::sandbox::ARTIFACT;

#[test]
fn an_app_is_known_by_each_of_its_names() {
    let fleet = fleet();
    for name in ["my-app", "flux-system/my-app", ARTIFACT, "oci://registry.example.com/my-app-config"] {
        let run = fleet.promote(&["plan", name, "-o", "json"]);
        assert_eq!(run.code, 0, "{name}: {run}");
        assert_eq!(run.json()["steps"][0]["app"], "my-app", "{name}");
    }
}

#[test]
fn an_unknown_app_names_the_nearest() {
    assert_snapshot!(fleet().promote(&["my-ap", "v1.2.3"]), @"
    --- stderr
    error: there is no app `my-ap`
    help: did you mean `my-app`?
    --- exit 2
    ");
}

#[test]
fn an_unknown_app_that_is_near_to_none_lists_those_there_are() {
    assert_snapshot!(fleet().promote(&["zzz", "v1.2.3"]), @"
    --- stderr
    error: there is no app `zzz`
    help: there is `my-app`
    --- exit 2
    ");
}

#[test]
fn a_word_that_means_two_apps_is_refused_with_both() {
    let fleet = fleet()
        .file("clusters/prod-eu/one.yaml", &of_app("one", "team/shared", "tag: v1.0.0"))
        .file("clusters/prod-eu/two.yaml", &of_app("two", "team/shared", "tag: v1.0.0"))
        .artifact("team/shared", &["v1.0.0", "v1.1.0"]);
    assert_snapshot!(fleet.promote(&["shared", "v1.1.0"]), @"
    --- stderr
    error: `shared` means more than one app: one, two
    help: say which: promote one ...
    --- exit 2
    ");
}

#[test]
fn an_app_that_is_named_like_a_command_is_reached_by_run() {
    let fleet = fleet()
        .file("clusters/staging/status.yaml", &of_app("status", "status-config", "semver: 1.x"))
        .file("clusters/prod-eu/status.yaml", &of_app("status", "status-config", "tag: v1.0.0"))
        .artifact("status-config", &["v1.0.0", "v1.1.0"]);
    let run = fleet.promote(&["run", "status", "v1.1.0"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(fleet.branches().len(), 1);
}

#[test]
fn environment_names_in_metadata_belong_to_no_app() {
    let fleet = fleet()
        .file("clusters/staging/cart.yaml", &of_app("cart-staging", "cart-config", "semver: 1.x"))
        .file("clusters/prod-eu/cart.yaml", &of_app("cart-prod-eu", "cart-config", "tag: v1.0.0"))
        .artifact("cart-config", &["v1.0.0", "v1.1.0"]);
    let run = fleet.promote(&["cart"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(fleet.branches().len(), 1);
}

#[test]
fn an_unknown_environment_lists_those_there_are() {
    assert_snapshot!(fleet().promote(&["my-app", "v1.2.3", "--to", "production-eu"]), @"
    --- stderr
    error: there is no environment or stage `production-eu`
    help: there are `staging`, `prod-eu`, `production`
    --- exit 2
    ");
    assert_snapshot!(fleet().promote(&["status", "--env", "nowhere"]), @"
    --- stderr
    error: there is no environment or stage `nowhere`
    help: there are `staging`, `prod-eu`, `production`
    --- exit 2
    ");
}

#[test]
fn without_configuration_the_folders_names_say_what_comes_first() {
    let fleet = crate::support::Sandbox::new()
        .file("clusters/dev/my-app.yaml", &range(DEV))
        .file("clusters/staging/my-app.yaml", &range(STAGING))
        .file("clusters/production/my-app.yaml", &pin("v1.2.1"))
        .tags(&["v1.2.1", "v1.2.3", "v1.3.0-rc.1"]);
    assert_snapshot!(fleet.promote(&[]), @"
    In this repository (main [commit]):

      3 environments   dev  |  staging  |  production   (the order is a guess from their names)
      1 app
      1 to promote     newer in the stage before than where they are pinned

      promote status              what is behind and why
      promote my-app              promote my-app to what the stage before runs (v1.2.3)
      promote pins                where each version is written
    ");
    let run = fleet.promote(&["my-app"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(fleet.branches()[0].starts_with("promote/production/my-app/v1.2.3-"));
}

#[test]
fn without_an_order_to_must_be_said() {
    let fleet = crate::support::Sandbox::new()
        .file("deploy/alpha/my-app.yaml", &pin("v1.2.1"))
        .file("deploy/beta/my-app.yaml", &pin("v1.2.1"))
        .tags(&["v1.2.1", "v1.2.3"]);
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("--to"), "{run}");
}
