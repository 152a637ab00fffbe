//! `promote check`: production pinned, each pin in its registry with the content that was approved.

use insta::assert_snapshot;

use crate::fleet::*;
use crate::support::Sandbox;
use crate::support::registry::{Fault, OCI_MANIFEST, flux_manifest};
use crate::support::sandbox::ARTIFACT;

/// Brings the clone to what the remote has, as a checkout in CI would be.
fn checked_out(fleet: &Sandbox) {
    fleet.settle();
    fleet.git("fleet", &["fetch", "-q", "../remote.git", "+main:refs/remotes/origin/main"]);
    fleet.git("fleet", &["merge", "-q", "--ff-only", "origin/main"]);
}

fn checked(fleet: &Sandbox) -> crate::support::sandbox::Run {
    checked_out(fleet);
    fleet.promote(&["check"])
}

#[test]
fn a_base_as_it_should_be_is_well() {
    assert_snapshot!(checked(&fleet()), @"
    ok     1 pin in the registry   -o json tells each
    --- stderr
    read HEAD [commit]
    ");
}

#[test]
fn every_answer_is_in_the_document() {
    let fleet = fleet();
    checked_out(&fleet);
    assert_snapshot!(fleet.promote(&["check", "-o", "json"]).stdout, @r#"
    {
      "apiVersion": "promote/v1",
      "kind": "Check",
      "results": [
        {
          "code": "in-registry",
          "level": "ok",
          "message": "my-app in prod-eu: v1.2.1 is in its registry; no commit recorded its content",
          "path": "clusters/prod-eu/my-app.yaml",
          "line": 10
        }
      ]
    }
    "#);
}

#[test]
fn production_that_moves_by_itself_is_an_error() {
    for reference in ["semver: \">=1.0.0\"", "tag: latest", "semver: \"\""] {
        let fleet = fleet().file(PIN, &source(reference));
        let run = checked(&fleet);
        assert_eq!(run.code, 3, "{reference}: {run}");
        assert!(run.stdout.contains("FAIL   clusters/prod-eu/my-app.yaml"), "{reference}: {run}");
    }
    let run = checked(&fleet().file(PIN, &range(">=1.0.0")));
    assert_snapshot!(run, @"
    FAIL   clusters/prod-eu/my-app.yaml:10:13   my-app in prod-eu: not pinned: it follows `>=1.0.0` and moves by itself
    --- stderr
    read HEAD [commit]
    --- exit 3
    ");
}

#[test]
fn a_pin_that_is_not_in_its_registry_is_an_error() {
    let run = checked(&fleet().file(PIN, &pin("v9.9.9")));
    assert_snapshot!(run, @"
    FAIL   clusters/prod-eu/my-app.yaml:10:10   my-app in prod-eu: oci://registry.example.com/my-app-config has no `v9.9.9`, which is pinned
    --- stderr
    read HEAD [commit]
    --- exit 3
    ");
}

/// Promoted and merged by way of a pull request.
fn promoted() -> Sandbox {
    let fleet = on_github();
    let (run, _) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    fleet.forge.as_ref().expect("a forge").state().merge(1);
    fleet
}

#[test]
fn what_was_promoted_has_the_content_that_was_approved() {
    let fleet = promoted();
    checked_out(&fleet);
    let run = fleet.promote(&["check", "-o", "json"]);
    let messages = run.json()["results"].to_string();
    assert!(messages.contains("v1.2.3 is in its registry, with the content that was approved"), "{run}");
    assert_eq!(run.code, 0, "{run}");
}

#[test]
fn a_tag_that_was_pushed_again_after_it_was_approved_is_an_error() {
    let fleet = promoted();
    fleet.registry.push(ARTIFACT, "v1.2.3", OCI_MANIFEST, &flux_manifest("other", "v1.2.1"));
    assert_snapshot!(checked(&fleet), @"
    FAIL   clusters/prod-eu/my-app.yaml:10:10   my-app in prod-eu: v1.2.3 was approved as sha256:ca1813fe...5923d, now it is sha256:f89ec6f2...b25f0: it was pushed again, and Flux follows a moved tag
    --- stderr
    read HEAD [commit]
    --- exit 3
    ");
}

#[test]
fn beside_a_digest_a_tag_that_was_pushed_again_is_worth_a_look() {
    let reference = format!("tag: v1.2.1\ndigest: {}", digest_of("v1.2.1"));
    let fleet = fleet().file(PIN, &source(&reference));
    fleet.registry.push(ARTIFACT, "v1.2.1", OCI_MANIFEST, &flux_manifest("other", "v1.2.1"));
    let run = checked(&fleet);
    assert_eq!(run.code, 0, "{run}");
    assert_snapshot!(run, @"
    warn   clusters/prod-eu/my-app.yaml:11:13   my-app in prod-eu: the tag v1.2.1 was pushed again as sha256:f89ec6f2...b25f0; Flux runs sha256:d966b07f...0770c, which is pinned
    --- stderr
    read HEAD [commit]
    ");
}

#[test]
fn a_pin_that_flux_ignores_is_an_error() {
    let run = checked(&fleet().file(PIN, &source("semver: \">=1.0.0\"\ntag: v1.2.1")));
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stdout.contains("Flux ignores `tag`: `semver` takes precedence"), "{run}");
}

#[test]
fn a_patch_that_says_production_and_that_nothing_reads_is_worth_a_look() {
    let dead = pin("v1.2.0");
    let run = checked(&fleet().file("old/production/my-app.yaml", &dead).file("old/notes/my-app.yaml", &dead));
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("no environment reads `old/production/my-app.yaml`"), "{run}");
    assert!(!run.stdout.contains("old/notes"), "{run}");
}

#[test]
fn a_registry_that_cannot_be_asked_is_never_well() {
    for (status, code) in [(401, 4), (403, 4), (503, 5), (500, 5)] {
        let fleet = fleet().variable("CI", "");
        fleet.registry.fault_at("/manifests/", Fault::Answer(status, Vec::new(), Vec::new()));
        let run = checked(&fleet);
        assert_eq!(run.code, code, "{status}: {run}");
    }
    let fleet = fleet();
    checked_out(&fleet);
    let run = fleet.promote(&["check", "--offline"]);
    assert_eq!(run.code, 5, "{run}");
}

#[test]
fn only_the_asked_environments_are_checked() {
    let fleet = two_clusters(Sandbox::new()).file(OTHER_PIN, &pin("v9.9.9"));
    checked_out(&fleet);
    assert_eq!(fleet.promote(&["check", "--env", "prod-eu"]).code, 0);
    assert_eq!(fleet.promote(&["check", "--env", "prod-us"]).code, 3);
    assert_eq!(fleet.promote(&["check", "--env", "production"]).code, 3);
    assert_eq!(fleet.promote(&["check", "--env", "nowhere"]).code, 2);
}

#[test]
fn it_reads_what_is_checked_out_unless_told_otherwise() {
    let fleet = fleet();
    checked_out(&fleet);
    fleet.change(PIN, &pin("v9.9.9"));
    assert_eq!(fleet.promote(&["check"]).code, 0);
    fleet.git("fleet", &["fetch", "-q"]);
    assert_eq!(fleet.promote(&["check", "--at", "origin/main"]).code, 3);
    let url = fleet.path("remote.git").display().to_string();
    assert_eq!(fleet.promote(&["check", "--repo", &url]).code, 3);
}

#[test]
fn what_one_error_keeps_from_being_told_stands_in_one_line() {
    let mut fleet = two_clusters(Sandbox::new());
    for app in ["cart", "orders", "search"] {
        let text = of_app(app, ARTIFACT, "tag: v1.2.1");
        fleet = fleet.file(&format!("clusters/prod-eu/{app}.yaml"), &text);
    }
    checked_out(&fleet);
    assert_snapshot!(fleet.promote(&["check", "--offline"]), @"
    FAIL   can't tell for cart in prod-eu, my-app in prod-eu, orders in prod-eu and 2 more: registries aren't asked with `--offline`
           help: run again without `--offline`
    --- stderr
    read HEAD [commit]
    --- exit 5
    ");
}
