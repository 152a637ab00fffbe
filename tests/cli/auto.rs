//! `promote auto`: what is due, and nothing else.

use insta::assert_snapshot;

use crate::fleet::*;
use crate::support::Sandbox;

/// Three apps, of which two are due.
fn three_apps() -> Sandbox {
    let mut fleet = on_github();
    for (name, pinned) in [("cart", "v1.0.0"), ("search", "v1.1.0")] {
        let artifact = format!("{name}-config");
        fleet = fleet
            .file(&format!("clusters/staging/{name}.yaml"), &of_app(name, &artifact, "semver: \"1.x\""))
            .file(&format!("clusters/prod-eu/{name}.yaml"), &of_app(name, &artifact, &format!("tag: {pinned}")))
            .artifact(&artifact, &["v1.0.0", "v1.1.0"]);
    }
    fleet
}

fn titles(fleet: &Sandbox) -> Vec<String> {
    fleet.pulls().into_iter().map(|pull| pull.title).collect()
}

#[test]
fn what_is_due_is_opened_one_pull_request_an_app_and_environment() {
    let fleet = three_apps();
    let run = fleet.promote(&["auto"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(titles(&fleet), ["Promote cart to v1.1.0 in prod-eu", "Promote my-app to v1.2.3 in prod-eu"]);
    assert_snapshot!(run, @"
    http://[forge]/acme/fleet/pull/1
    http://[forge]/acme/fleet/pull/2
    --- stderr
    read main [commit]
    opened     cart in prod-eu   promote/prod-eu/cart/v1.1.0-ffe81cd7c8d5
    opened     my-app in prod-eu   promote/prod-eu/my-app/v1.2.3-547806433318
    base-unprotected   the rules of `main` ask for no approval: whoever may write may merge
    ");
}

#[test]
fn a_limit_leaves_the_rest_for_the_next_run() {
    let fleet = three_apps();
    let (run, _) = fleet.promote_once(&["auto", "--limit", "1"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(titles(&fleet), ["Promote cart to v1.1.0 in prod-eu"]);
    assert!(run.stderr.contains("left       1"), "{run}");
    let (run, _) = fleet.promote_once(&["auto", "--limit", "1"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(titles(&fleet).len(), 2, "what is open already takes no place: {run}");
}

#[test]
fn only_and_except_choose_apps() {
    let fleet = three_apps();
    let run = fleet.promote(&["auto", "--only", "my-app"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(titles(&fleet), ["Promote my-app to v1.2.3 in prod-eu"]);
    let fleet = three_apps();
    let run = fleet.promote(&["auto", "--except", "my-app"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(titles(&fleet), ["Promote cart to v1.1.0 in prod-eu"]);
    let (run, _) = fleet.promote_once(&["auto", "--only", "nope"]);
    assert_eq!(run.code, 2, "{run}");
}

#[test]
fn nothing_due_is_no_failure_and_asks_for_no_token() {
    let fleet = on_github().file(PIN, &pin("v1.2.3"));
    let run = fleet.promote(&["auto"]);
    assert!(fleet.branches().is_empty(), "{run}");
    assert_snapshot!(run, @"
    --- stderr
    read main [commit]
    nothing is due
    ");
}

#[test]
fn blocked_apps_are_normal() {
    let fleet = on_github()
        .file("promote.yaml", &configured("", "apps:\n  my-app:\n    holds: [{version: v1.2.3, reason: leaks}]\n"));
    let run = fleet.promote(&["auto"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(fleet.branches().is_empty(), "{run}");
    assert!(run.stderr.contains("blocked    1"), "{run}");
}

#[test]
fn an_app_without_an_earlier_stage_is_never_due() {
    let fleet = on_github().file("clusters/prod-eu/lone.yaml", &of_app("lone", "lone-config", "tag: v1.0.0"));
    let fleet = fleet.artifact("lone-config", &["v1.0.0", "v1.1.0"]);
    let run = fleet.promote(&["auto", "--only", "lone"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(fleet.branches().is_empty(), "{run}");
    let run = fleet.promote(&["lone", "v1.1.0"]);
    assert_eq!(run.code, 0, "a typed version goes on: {run}");
    assert!(run.stderr.contains("no earlier stage than prod-eu has the app"), "{run}");
}

#[test]
fn neighbours_in_one_file_go_into_one_pull_request() {
    let both = format!("{}---\n{}", pin("v1.2.1"), of_app("cart", "cart-config", "tag: v1.0.0"));
    let near = both.replace("  interval: 5m\n", "");
    let fleet = on_github()
        .file(PIN, &near)
        .file("clusters/staging/cart.yaml", &of_app("cart", "cart-config", "semver: 1.x"))
        .artifact("cart-config", &["v1.0.0", "v1.1.0"]);
    let run = fleet.promote(&["auto"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(titles(&fleet).len(), 2, "ten lines apart: {run}");
}

#[test]
fn one_app_that_cannot_be_read_does_not_stop_the_others() {
    let fleet = three_apps();
    let broken = crate::support::registry::Fault::Answer(401, vec![], b"{}".to_vec());
    fleet.registry.fault_at("/v2/cart-config/", broken);
    let (run, _) = fleet.promote_once(&["auto"]);
    assert_eq!(run.code, 4, "{run}");
    assert_eq!(titles(&fleet), ["Promote my-app to v1.2.3 in prod-eu"], "{run}");
}

#[test]
fn a_dry_run_opens_nothing() {
    let fleet = three_apps();
    let (run, wrote) = fleet.promote_once(&["auto", "--dry-run"]);
    assert!(!wrote && run.code == 0, "{run}");
    assert!(run.stdout.contains("Promote cart to v1.1.0 in prod-eu"), "{run}");
    assert!(fleet.pulls().is_empty());
}

#[test]
fn without_a_forge_the_text_is_printed() {
    let fleet = fleet();
    let run = fleet.promote(&["auto"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.starts_with("Promote my-app to v1.2.3 in prod-eu\n\n**my-app**"), "{run}");
}
