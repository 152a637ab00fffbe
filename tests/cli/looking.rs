//! Commands that only look: `plan`, `status`, `pins`, `why`, and `promote` alone.

use insta::assert_snapshot;

use crate::fleet::*;
use crate::support::Sandbox;

fn rich() -> Sandbox {
    two_clusters(Sandbox::new())
        .file(OTHER_PIN, &pin("v1.2.3"))
        .file("clusters/staging/cart.yaml", &of_app("cart", "cart-config", "semver: 1.x"))
        .file("clusters/prod-eu/cart.yaml", &of_app("cart", "cart-config", "tag: v1.1.0"))
        .artifact("cart-config", &["v1.0.0", "v1.1.0"])
}

#[test]
fn a_plan_says_who_can_advance_where() {
    assert_snapshot!(rich().promote(&["plan"]), @"");
}

#[test]
fn the_exit_code_of_a_plan_tells_whether_something_is_due() {
    let fleet = rich();
    assert_eq!(fleet.promote(&["plan", "--exit-code"]).code, 1);
    assert_eq!(fleet.promote(&["plan", "cart", "--exit-code"]).code, 0);
    assert_eq!(fleet.promote(&["plan"]).code, 0);
    assert_eq!(fleet.promote(&["plan", "--env", "prod-us", "--exit-code"]).code, 0);
}

#[test]
fn status_shows_what_needs_somebody() {
    assert_snapshot!(rich().promote(&["status"]), @"");
}

#[test]
fn status_of_all_shows_the_whole_matrix() {
    assert_snapshot!(rich().promote(&["status", "--all"]), @"");
}

#[test]
fn promote_alone_sums_up_and_names_three_next_commands() {
    assert_snapshot!(rich().promote(&[]), @"");
}

#[test]
fn pins_lists_every_place() {
    assert_snapshot!(rich().promote(&["pins"]), @"");
}

#[test]
fn all_pins_are_also_those_that_no_environment_reaches() {
    let fleet = fleet().file("old/my-app.yaml", &pin("v1.0.0"));
    assert!(!fleet.promote(&["pins"]).stdout.contains("old/my-app.yaml"));
    let run = fleet.promote(&["pins", "--all"]);
    assert!(run.stdout.contains("old/my-app.yaml:10:10"), "{run}");
    assert!(run.stdout.contains("no environment reaches it"), "{run}");
}

#[test]
fn pins_show_what_is_shadowed() {
    let fleet = fleet().file(PIN, &source("tag: v1.2.1\nsemver: 1.2.1"));
    assert_snapshot!(fleet.promote(&["pins", "--env", "prod-eu"]), @"");
}

#[test]
fn why_tells_of_each_tag_whether_it_may_go_there() {
    let rules = "range: \">=1.0.0 <2.0.0\"";
    let holds = "apps:\n  my-app:\n    holds: [{version: v1.2.2, reason: \"leaks memory\"}]\n";
    let fleet = fleet()
        .file("promote.yaml", &configured(rules, holds))
        .tags(&["v1.3.0-rc.1", "v2.0.0", "v1.1.0", "latest", "main-4f1c2a9"]);
    assert_snapshot!(fleet.promote(&["why", "my-app", "--env", "prod-eu"]), @"");
    let all = fleet.promote(&["why", "my-app", "--env", "prod-eu", "--all"]);
    for tag in ["v1.1.0", "v1.2.0", "latest", "main-4f1c2a9"] {
        assert!(all.stdout.contains(tag), "{all}");
    }
}

#[test]
fn why_of_one_version_names_each_rule_with_its_line() {
    let holds = "apps:\n  my-app:\n    holds: [{version: v1.3.0-rc.1, reason: \"leaks memory\"}]\n";
    let fleet = fleet().file("promote.yaml", &configured("range: \">=1.0.0 <2.0.0\"", holds)).tags(&["v1.3.0-rc.1"]);
    assert_snapshot!(fleet.promote(&["why", "my-app", "v1.3.0-rc.1", "--env", "prod-eu"]), @"");
}

#[test]
fn a_revision_or_the_working_tree_can_be_read_instead() {
    let fleet = fleet();
    fleet.settle();
    let before = fleet.promote(&["status", "my-app", "--at", "HEAD"]);
    assert!(before.stdout.contains("v1.2.1"), "{before}");
    fleet.change(PIN, &pin("v1.2.2"));
    let remote = fleet.promote(&["status", "my-app"]);
    assert!(remote.stdout.contains("v1.2.2"), "the remote's newest commit is read: {remote}");
    let old = fleet.promote(&["status", "my-app", "--at", "HEAD"]);
    assert!(old.stdout.contains("v1.2.1"), "{old}");
    let tree = fleet.promote(&["status", "my-app", "--at", "worktree"]);
    assert!(tree.stdout.contains("the working tree") && tree.stdout.contains("v1.2.1"), "{tree}");
    let missing = fleet.promote(&["status", "--at", "no-such-revision"]);
    assert_eq!(missing.code, 2, "{missing}");
}

#[test]
fn offline_asks_nothing_and_knows_no_range() {
    let fleet = fleet();
    fleet.settle();
    let (asked, calls) = (fleet.registry.requests().len(), "fetch");
    let run = fleet.promote(&["status", "--offline", "--all"]);
    assert_eq!(fleet.registry.requests().len(), asked, "{run}");
    assert!(!run.git_calls.iter().any(|call| call.contains(calls)), "{run}");
    assert!(run.stdout.contains("v1.2.1"), "{run}");
    let pins = fleet.promote(&["pins", "--offline"]);
    assert_eq!(pins.code, 0, "{pins}");
}

#[test]
fn without_a_remote_head_is_read() {
    let fleet = fleet();
    fleet.settle();
    fleet.git("fleet", &["branch", "--unset-upstream"]);
    fleet.git("fleet", &["remote", "remove", "origin"]);
    let run = fleet.promote(&["status", "my-app"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(format!("{run}").contains("there is no remote"), "{run}");
}

#[test]
fn a_repository_is_read_without_a_clone() {
    let fleet = fleet();
    fleet.settle();
    let url = fleet.path("remote.git").display().to_string();
    let layouts = fleet.with_layout("my-app-config", &["v1.2.1", "v1.2.3"]);
    let run = layouts.promote(&["plan", "--repo", &url, "--offline"]);
    assert_ne!(run.code, 70, "{run}");
    let run = layouts.promote(&["pins", "--repo", &url]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains(PIN), "{run}");
}

#[test]
fn a_directory_below_the_clone_will_do() {
    let fleet = fleet();
    fleet.settle();
    let run = fleet.promote(&["-C", "clusters/prod-eu", "pins"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains(PIN), "{run}");
}

#[test]
fn a_configuration_that_differs_in_the_working_tree_is_told() {
    let fleet = fleet();
    fleet.settle();
    fleet.change("promote.yaml", &configured("range: \"<1.2.3\"", ""));
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 3, "the base's configuration counts: {run}");
    assert!(run.stderr.contains("configuration-differs"), "{run}");
}
