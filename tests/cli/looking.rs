//! Commands that only look: `plan`, `status`, `pins`, `why`, and `promote` alone.

use insta::assert_snapshot;

use crate::fleet::*;
use crate::support::Sandbox;
use crate::support::forge::What;

fn rich() -> Sandbox {
    two_clusters(Sandbox::new())
        .file(OTHER_PIN, &pin("v1.2.3"))
        .file("clusters/staging/cart.yaml", &of_app("cart", "cart-config", "semver: 1.x"))
        .file("clusters/prod-eu/cart.yaml", &of_app("cart", "cart-config", "tag: v1.1.0"))
        .artifact("cart-config", &["v1.0.0", "v1.1.0"])
}

#[test]
fn a_plan_says_who_can_advance_where() {
    assert_snapshot!(rich().promote(&["plan"]), @"
    cart
      staging   v1.1.0   follows 1.x
      prod-eu   v1.1.0   pinned; up to date

    my-app
      staging   v1.2.3             follows >=1.0.0 <2.0.0
      prod-eu   v1.2.1 -> v1.2.3   pinned; may advance
      prod-us   v1.2.3             pinned; up to date

    --- stderr
    read main [commit]
    ");
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
    assert_snapshot!(rich().promote(&["status"]), @"
    main [commit]   2 apps, 3 environments

    TO PROMOTE   staging   prod-eu   prod-us   WHAT IT WAITS FOR
    my-app       v1.2.3    v1.2.1    v1.2.3    nothing: promote my-app

    1 app is level.   --all shows them, -o json everything
    ");
}

#[test]
fn status_of_all_shows_the_whole_matrix() {
    assert_snapshot!(rich().promote(&["status", "--all"]), @"
    main [commit]   2 apps, 3 environments

    TO PROMOTE   staging   prod-eu   prod-us   WHAT IT WAITS FOR
    my-app       v1.2.3    v1.2.1    v1.2.3    nothing: promote my-app

    LEVEL   staging   prod-eu   prod-us
    cart    v1.1.0    v1.1.0    -

    1 app is level.
    ");
}

#[test]
fn promote_alone_sums_up_and_names_three_next_commands() {
    assert_snapshot!(rich().promote(&[]), @"
    In this repository (main [commit]):

      3 environments   staging  |  prod-eu prod-us
      2 apps
      1 to promote     newer in the stage before than where they are pinned

      promote status              what is behind and why
      promote my-app              promote my-app to what the stage before runs (v1.2.3)
      promote pins                where each version is written
    ");
}

#[test]
fn pins_lists_every_place() {
    assert_snapshot!(rich().promote(&["pins"]), @"
    WHERE                                VALUE            FIELD             DECIDES
    clusters/prod-eu/cart.yaml:10:10     v1.1.0           spec.ref.tag      cart in prod-eu
    clusters/prod-eu/my-app.yaml:10:10   v1.2.1           spec.ref.tag      my-app in prod-eu
    clusters/prod-us/my-app.yaml:10:10   v1.2.3           spec.ref.tag      my-app in prod-us
    clusters/staging/cart.yaml:10:13     1.x              spec.ref.semver   cart in staging
    clusters/staging/my-app.yaml:10:13   >=1.0.0 <2.0.0   spec.ref.semver   my-app in staging
    --- stderr
    read main [commit]
    ");
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
    assert_snapshot!(fleet.promote(&["pins", "--env", "prod-eu"]), @"
    WHERE                                VALUE   FIELD             DECIDES
    clusters/prod-eu/my-app.yaml:11:13   1.2.1   spec.ref.semver   my-app in prod-eu

    shadowed-field   clusters/prod-eu/my-app.yaml:10:10   Flux ignores `tag` of `my-app`: `semver` takes precedence
    --- stderr
    read main [commit]
    ");
}

#[test]
fn what_is_odd_where_production_is_decided_is_told_first() {
    let reference = "tag: v1.2.1\nsemver: 1.2.1";
    // By path alone what stands in staging would be told first.
    let fleet = fleet()
        .file("promote.yaml", &ONE.replace("clusters/staging", "clusters/a").replace("clusters/prod-eu", "clusters/b"))
        .file("clusters/a/my-app.yaml", &source(reference))
        .file("clusters/b/my-app.yaml", &source(reference));
    let run = fleet.promote(&["pins"]);
    let found = |text: &str| {
        text.find("clusters/b/my-app.yaml:10:10   Flux").zip(text.find("clusters/a/my-app.yaml:10:10   Flux"))
    };
    assert!(found(&run.stdout).is_some_and(|(production, staging)| production < staging), "{run}");
    for command in ["pins", "status"] {
        let document = fleet.promote(&[command, "-o", "json"]).json();
        let paths: Vec<&str> =
            document["findings"].as_array().expect("findings").iter().filter_map(|one| one["path"].as_str()).collect();
        assert_eq!(paths, ["clusters/b/my-app.yaml", "clusters/a/my-app.yaml"], "{command}");
    }
}

#[test]
fn why_tells_of_each_tag_whether_it_may_go_there() {
    let rules = "range: \">=1.0.0 <2.0.0\"";
    let holds = "apps:\n  my-app:\n    holds: [{version: v1.2.2, reason: \"leaks memory\"}]\n";
    let fleet = fleet().file("promote.yaml", &configured(rules, holds)).tags(&[
        "v1.3.0-rc.1",
        "v2.0.0",
        "v1.1.0",
        "latest",
        "main-4f1c2a9",
    ]);
    assert_snapshot!(fleet.promote(&["why", "my-app", "--env", "prod-eu"]), @"
    prod-eu runs v1.2.1 and moves only by a change in Git: pinned
      --> clusters/prod-eu/my-app.yaml:10:10

    TAG           MAY IT GO TO PROD-EU?
    v2.0.0        no                      outside prod-eu's range `>=1.0.0 <2.0.0`                                                 promote.yaml:7
    v1.3.0-rc.1   no                      a pre-release; prod-eu's range `>=1.0.0 <2.0.0` has no -0, so pre-releases don't match   promote.yaml:7
    v1.2.3        YES                     staging selects exactly this version now
    v1.2.2        no                      held: leaks memory                                                                       promote.yaml:10
    v1.2.1        runs
    v1.2.0        no                      older                                                                                    and 1 more older, --all
    latest        -                       not a version                                                                            and 1 more no version, --all

    --- stderr
    read main [commit]
    ");
    let all = fleet.promote(&["why", "my-app", "--env", "prod-eu", "--all"]);
    for tag in ["v1.1.0", "v1.2.0", "latest", "main-4f1c2a9"] {
        assert!(all.stdout.contains(tag), "{all}");
    }
}

#[test]
fn why_of_one_version_names_each_rule_with_its_line() {
    let holds = "apps:\n  my-app:\n    holds: [{version: v1.3.0-rc.1, reason: \"leaks memory\"}]\n";
    let fleet = fleet().file("promote.yaml", &configured("range: \">=1.0.0 <2.0.0\"", holds)).tags(&["v1.3.0-rc.1"]);
    assert_snapshot!(fleet.promote(&["why", "my-app", "v1.3.0-rc.1", "--env", "prod-eu"]), @r#"
    no: v1.3.0-rc.1 may not go to prod-eu, for 3 reasons
      1  a pre-release; prod-eu's range `>=1.0.0 <2.0.0` has no -0, so pre-releases don't match
         --> promote.yaml:7:12
         7 |     range: ">=1.0.0 <2.0.0"
      2  held: leaks memory
         --> promote.yaml:10:13
         10 |     holds: [{version: v1.3.0-rc.1, reason: "leaks memory"}]
      3  staging never had it: its range `>=1.0.0 <2.0.0` has no -0, so pre-releases don't match
         --> clusters/staging/my-app.yaml:10:13
         10 |     semver: ">=1.0.0 <2.0.0"

    --- stderr
    read main [commit]
    "#);
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

#[test]
fn status_names_the_pull_request_that_an_app_waits_for() {
    let fleet = on_github();
    fleet.promote_once(&["my-app", "v1.2.3"]);
    let run = fleet.promote(&["status"]);
    assert!(run.stdout.contains("my-app       v1.2.3    v1.2.1    #1 v1.2.3 is open"), "{run}");
    let document = fleet.promote(&["status", "-o", "json"]).json();
    let of = |name: &str| document["apps"][0]["environments"][name]["pullRequests"].clone();
    assert_eq!((&of("prod-eu")[0]["number"], &of("prod-eu")[0]["state"]), (&1.into(), &"open".into()));
    assert_eq!(of("staging"), serde_json::json!([]));
}

#[test]
fn status_is_shown_though_the_forge_cannot_be_read() {
    let fleet = on_github();
    let refusal = What::Answer(403, Vec::new(), serde_json::json!({"message": "Resource not accessible"}));
    fleet.forge.as_ref().expect("a forge").fail("GET", "/pulls", refusal);
    let run = fleet.promote(&["status"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("nothing: promote my-app"), "{run}");
    assert!(run.stderr.contains("forge-unread"), "{run}");
}
