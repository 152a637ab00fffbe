//! Rules that say no, each with its place.

use insta::assert_snapshot;

use crate::fleet::*;
use crate::support::sandbox::{ARTIFACT, REGISTRY};

#[test]
fn a_version_outside_the_range_may_not_go() {
    assert_snapshot!(with_rules("range: \">=1.0.0 <1.2.3\"").promote(&["my-app", "v1.2.3"]), @"
    --- stderr
    my-app   oci://registry.example.com/my-app-config   main [commit]

      staging   v1.2.3   follows >=1.0.0 <2.0.0
      prod-eu   v1.2.1   pinned; may not move: outside prod-eu's range `>=1.0.0 <1.2.3`

    error: my-app v1.2.3 may not go to prod-eu
      1  outside prod-eu's range `>=1.0.0 <1.2.3`
         --> promote.yaml:7:12
    help: promote why my-app v1.2.3 --env prod-eu
    --- exit 3
    ");
}

#[test]
fn the_default_range_takes_no_pre_release() {
    let fleet = fleet().file("clusters/staging/my-app.yaml", &range(DEV)).tags(&["v1.3.0-rc.1"]);
    assert_snapshot!(fleet.promote(&["my-app", "v1.3.0-rc.1"]), @"
    --- stderr
    my-app   oci://registry.example.com/my-app-config   main [commit]

      staging   v1.3.0-rc.1   follows >=1.0.0-0 <2.0.0-0
      prod-eu   v1.2.1        pinned; may not move: a pre-release; prod-eu's range `*` has no -0, so pre-releases don't match

    error: my-app v1.3.0-rc.1 may not go to prod-eu
      1  a pre-release; prod-eu's range `*` has no -0, so pre-releases don't match
    help: promote why my-app v1.3.0-rc.1 --env prod-eu
    --- exit 3
    ");
}

#[test]
fn a_range_with_a_pre_release_takes_it() {
    let fleet =
        with_rules("range: \">=1.0.0-0\"").file("clusters/staging/my-app.yaml", &range(DEV)).tags(&["v1.3.0-rc.1"]);
    let run = fleet.promote(&["my-app", "v1.3.0-rc.1"]);
    assert_eq!(run.code, 0, "{run}");
}

#[test]
fn a_hold_stands_until_its_time() {
    let held = |until: &str| {
        let hold = format!(
            "apps:\n  my-app:\n    holds: [{{version: v1.2.3, environment: prod-eu, reason: \"leaks memory, OPS-311\"{until}}}]\n"
        );
        fleet().file("promote.yaml", &configured("", &hold)).promote(&["my-app", "v1.2.3"])
    };
    assert_snapshot!(held(", until: 2199-12-01"), @"
    --- stderr
    my-app   oci://registry.example.com/my-app-config   main [commit]

      staging   v1.2.3   follows >=1.0.0 <2.0.0
      prod-eu   v1.2.1   pinned; may not move: held: leaks memory, OPS-311, until 2199-12-02 00:00 UTC

    error: my-app v1.2.3 may not go to prod-eu
      1  held: leaks memory, OPS-311, until 2199-12-02 00:00 UTC
         --> promote.yaml:9:13
    help: promote why my-app v1.2.3 --env prod-eu
    --- exit 3
    ");
    assert_eq!(held("").code, 3);
    assert_eq!(held(", until: 2020-12-01").code, 0);
}

#[test]
fn a_hold_of_a_stage_holds_its_environments() {
    let hold = "apps:\n  my-app:\n    holds: [{version: 1.2.3, environment: production}]\n";
    let run = fleet().file("promote.yaml", &configured("", hold)).promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 3, "{run}");
    let hold = hold.replace("production", "staging");
    let run = fleet().file("promote.yaml", &configured("", &hold)).promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
}

#[test]
fn a_freeze_says_until_when() {
    let rules = "freeze:\n  - {from: 2020-01-01, until: 2199-01-03, reason: \"year end\"}";
    assert_snapshot!(with_rules(rules).promote(&["my-app", "v1.2.3"]), @"
    --- stderr
    my-app   oci://registry.example.com/my-app-config   main [commit]

      staging   v1.2.3   follows >=1.0.0 <2.0.0
      prod-eu   v1.2.1   pinned; may not move: frozen until Fri 2199-01-04 00:00 UTC (year end)

    error: my-app v1.2.3 may not go to prod-eu
      1  frozen until Fri 2199-01-04 00:00 UTC (year end)
         --> promote.yaml:8:9
    help: promote why my-app v1.2.3 --env prod-eu
    --- exit 3
    ");
    let over = with_rules("freeze:\n  - {from: 2020-01-01, until: 2020-01-03}").promote(&["my-app", "v1.2.3"]);
    assert_eq!(over.code, 0, "{over}");
    let always = "freeze:\n  - {days: [Mon, Tue, Wed, Thu, Fri, Sat, Sun], zone: Europe/Berlin}";
    let run = with_rules(always).promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stderr.contains("Europe/Berlin"), "{run}");
}

#[test]
fn every_environment_of_a_list_must_have_run_it() {
    let rules = "version: 1
stages:
  - name: staging
    environments:
      - {name: staging-a, path: clusters/staging-a}
      - {name: staging-b, path: clusters/staging-b}
  - name: production
    environments: [{name: prod-eu, path: clusters/prod-eu}]
    from: [staging-a, staging-b]
";
    let fleet = |from: &str| {
        fleet()
            .file("promote.yaml", &rules.replace("[staging-a, staging-b]", from))
            .file("clusters/staging-a/my-app.yaml", &pin("v1.2.3"))
            .file("clusters/staging-b/my-app.yaml", &pin("v1.2.2"))
    };
    let run = fleet("[staging-a, staging-b]").promote(&["my-app", "v1.2.3", "--to", "prod-eu"]);
    assert_snapshot!(run, @"
    --- stderr
    my-app   oci://registry.example.com/my-app-config   main [commit]

      prod-eu   v1.2.1   pinned; may not move: staging-b is pinned to v1.2.2, not v1.2.3

    error: my-app v1.2.3 may not go to prod-eu
      1  staging-b is pinned to v1.2.2, not v1.2.3
         --> clusters/staging-b/my-app.yaml:10:10
    help: promote why my-app v1.2.3 --env prod-eu
    --- exit 3
    ");
    let run = fleet("staging").promote(&["my-app", "v1.2.3", "--to", "prod-eu"]);
    assert_eq!(run.code, 0, "of a stage any environment is enough: {run}");
    let run = fleet("staging-b").promote(&["my-app", "v1.2.2", "--to", "prod-eu"]);
    assert_eq!(run.code, 0, "{run}");
}

#[test]
fn admitted_is_enough_for_a_typed_version_unless_selected_is_asked() {
    let run = fleet().promote(&["my-app", "v1.2.2"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stderr.contains("nobody knows whether it ran there"), "{run}");
    let run = with_rules("evidence: selected").promote(&["my-app", "v1.2.2"]);
    assert_snapshot!(run, @"
    --- stderr
    my-app   oci://registry.example.com/my-app-config   main [commit]

      staging   v1.2.3   follows >=1.0.0 <2.0.0
      prod-eu   v1.2.1   pinned; may not move: staging selects v1.2.3 now, not v1.2.2

    error: my-app v1.2.2 may not go to prod-eu
      1  staging selects v1.2.3 now, not v1.2.2
         --> clusters/staging/my-app.yaml:10:13
    help: promote why my-app v1.2.2 --env prod-eu
    --- exit 3
    ");
    let run = with_rules("evidence: selected").promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
}

#[test]
fn a_pin_before_must_hold_exactly_this_version() {
    let fleet = || fleet().file("clusters/staging/my-app.yaml", &pin("v1.2.3"));
    let run = fleet().promote(&["my-app", "v1.2.2", "--to", "prod-eu"]);
    assert_snapshot!(run, @"
    --- stderr
    my-app   oci://registry.example.com/my-app-config   main [commit]

      prod-eu   v1.2.1   pinned; may not move: staging is pinned to v1.2.3, not v1.2.2

    error: my-app v1.2.2 may not go to prod-eu
      1  staging is pinned to v1.2.3, not v1.2.2
         --> clusters/staging/my-app.yaml:10:10
    help: promote why my-app v1.2.2 --env prod-eu
    --- exit 3
    ");
    assert_eq!(fleet().promote(&["my-app", "v1.2.3", "--to", "prod-eu"]).code, 0);
}

#[test]
fn a_required_digest_must_stand_there() {
    assert_snapshot!(with_rules("digest: required").promote(&["my-app", "v1.2.3"]), @"
    --- stderr
    my-app   oci://registry.example.com/my-app-config   main [commit]

      staging   v1.2.3   follows >=1.0.0 <2.0.0
      prod-eu   v1.2.1   pinned; may not move: prod-eu requires a digest beside the tag, and none stands there

    error: my-app v1.2.3 may not go to prod-eu
      1  prod-eu requires a digest beside the tag, and none stands there
         --> clusters/prod-eu/my-app.yaml:10:10
    help: promote why my-app v1.2.3 --env prod-eu
    --- exit 3
    ");
    let both = format!("tag: v1.2.1\ndigest: {}", digest_of("v1.2.1"));
    let run = with_rules("digest: required").file(PIN, &source(&both)).promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
}

#[test]
fn a_reason_is_asked_for_and_must_match() {
    let rules = "reason: {required: true, pattern: \"(CHG|INC)-[0-9]+\"}";
    assert_snapshot!(with_rules(rules).promote(&["my-app", "v1.2.3"]), @r#"
    --- stderr
    my-app   oci://registry.example.com/my-app-config   main [commit]

      staging   v1.2.3   follows >=1.0.0 <2.0.0
      prod-eu   v1.2.1   pinned; may not move: prod-eu asks for a reason: --reason TEXT

    error: my-app v1.2.3 may not go to prod-eu
      1  prod-eu asks for a reason: --reason TEXT
         --> promote.yaml:7:13
    help: say why: --reason "..."
    --- exit 3
    "#);
    let run = with_rules(rules).promote(&["my-app", "v1.2.3", "--reason", "because"]);
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stderr.contains("the reason doesn't match"), "{run}");
    let run = with_rules(rules).promote(&["my-app", "v1.2.3", "--reason", "CHG-1"]);
    assert_eq!(run.code, 0, "{run}");
}

#[test]
fn every_rule_that_says_no_is_named_at_once() {
    let rules = "range: \"<1.2.0\"
evidence: selected
digest: required
freeze:
  - {from: 2020-01-01, until: 2199-01-03}
reason: {required: true}";
    let holds = "apps:\n  my-app:\n    holds: [{version: v1.2.2, reason: \"leaks memory\"}]\n";
    let fleet = fleet().file("promote.yaml", &configured(rules, holds));
    assert_snapshot!(fleet.promote(&["my-app", "v1.2.2"]), @"
    --- stderr
    my-app   oci://registry.example.com/my-app-config   main [commit]

      staging   v1.2.3   follows >=1.0.0 <2.0.0
      prod-eu   v1.2.1   pinned; may not move: outside prod-eu's range `<1.2.0`

    error: my-app v1.2.2 may not go to prod-eu
      1  outside prod-eu's range `<1.2.0`
         --> promote.yaml:7:12
      2  held: leaks memory
         --> promote.yaml:15:13
      3  frozen until Fri 2199-01-04 00:00 UTC
         --> promote.yaml:11:9
      4  prod-eu asks for a reason: --reason TEXT
         --> promote.yaml:12:13
      5  staging selects v1.2.3 now, not v1.2.2
         --> clusters/staging/my-app.yaml:10:13
      6  prod-eu requires a digest beside the tag, and none stands there
         --> clusters/prod-eu/my-app.yaml:10:10
    help: promote why my-app v1.2.2 --env prod-eu
    --- exit 3
    ");
}

#[test]
fn a_tag_that_was_pushed_again_since_staging_ran_it_is_refused() {
    let staging = format!("tag: v1.2.3\ndigest: {}", digest_of("v1.2.3"));
    let fleet = fleet().file("clusters/staging/my-app.yaml", &source(&staging));
    fleet.registry.tag(ARTIFACT, "v1.2.3", &digest_of("v1.2.2"));
    let run = fleet.promote(&["my-app", "v1.2.3", "--to", "prod-eu"]);
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stderr.contains("v1.2.3 isn't what staging runs"), "{run}");
    assert!(run.stderr.contains("clusters/staging/my-app.yaml:"), "{run}");
    assert!(fleet.branches().is_empty());
}

#[test]
fn another_registry_must_hold_the_same_content() {
    let elsewhere = source("semver: 1.x").replace("my-app-config", "mirror/my-app-config");
    let fleet = fleet()
        .file("clusters/staging/my-app.yaml", &elsewhere)
        .file("promote.yaml", &configured("", &format!("apps:\n  my-app:\n    artifact: {{staging: \"oci://{REGISTRY}/mirror/my-app-config\", prod-eu: \"oci://{REGISTRY}/my-app-config\"}}\n")))
        .artifact("mirror/my-app-config", &["v1.2.3"]);
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 3, "its bytes are others there: {run}");
    assert!(run.stderr.contains("isn't what staging runs"), "{run}");
}

#[test]
fn a_suspended_source_goes_on_and_is_told() {
    let suspended = format!("{}  suspend: true\n", pin("v1.2.1"));
    let fleet = fleet().file(PIN, &suspended);
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stderr.contains("nothing happens until it is resumed"), "{run}");
}

#[test]
fn a_tag_that_a_semver_shadows_is_never_left_as_a_silent_no_op() {
    let fleet = fleet().file(PIN, &source("tag: v1.2.1\nsemver: 1.2.1"));
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(fleet.text_on(&fleet.branches()[0], PIN), source("tag: v1.2.3\nsemver: v1.2.3"));
}

#[test]
fn what_cannot_be_edited_surely_is_refused_with_its_place() {
    let anchored = source("tag: &version v1.2.1") + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n";
    let twice = anchored.replace("---\n", "  verify: {provider: *version}\n---\n");
    let fleet = fleet().file(PIN, &twice);
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stderr.contains("clusters/prod-eu/my-app.yaml:10"), "{run}");
    assert!(fleet.branches().is_empty());
}
