//! Registries that are down, closed, or not what they say: unknown is never yes.

use insta::assert_snapshot;

use crate::fleet::*;
use crate::support::Sandbox;
use crate::support::registry::{Fault, OCI_MANIFEST};
use crate::support::sandbox::ARTIFACT;

fn answer(status: u16, media_type: &str, body: &str) -> Fault {
    Fault::Answer(status, vec![("content-type".to_owned(), media_type.to_owned())], body.as_bytes().to_vec())
}

/// Every command that asks the registry, with one code; nothing is written.
fn all_end_with(code: i32, fault: impl Fn() -> Fault) {
    for arguments in [
        &["my-app", "v1.2.3"][..],
        &["my-app"],
        &["plan", "--exit-code"],
        &["status"],
        &["why", "my-app", "v1.2.3"],
        &["why", "my-app"],
        &["auto"],
        &["tags", "my-app"],
        &[],
    ] {
        let fleet = fleet();
        fleet.registry.fault(0, fault());
        let run = fleet.promote(arguments);
        assert_eq!(run.code, code, "{arguments:?}: {run}");
        assert!(fleet.branches().is_empty(), "{arguments:?}: {run}");
    }
}

#[test]
fn a_registry_that_is_down_is_temporary() {
    let fleet = down();
    for arguments in [&["my-app", "v1.2.3"][..], &["why", "my-app"], &["status"], &["auto"], &[]] {
        let run = fleet.promote(arguments);
        assert_eq!(run.code, 5, "{arguments:?}: {run}");
        assert!(fleet.branches().is_empty(), "{arguments:?}: {run}");
    }
}

/// Nobody listens where the registry is said to be.
fn down() -> Sandbox {
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|one| one.local_addr()).expect("a port").port();
    let fleet = fleet();
    fleet.settle();
    let key = "promote.registry.example.com.mirror";
    fleet.git("fleet", &["config", "--replace-all", key, &format!("127.0.0.1:{port}")]);
    fleet
}

#[test]
fn a_registry_that_is_down_is_named() {
    let run = down().promote(&["my-app", "v1.2.3"]);
    let shown =
        regex::Regex::new(r"127\.0\.0\.1:\d+").expect("a pattern").replace_all(&run.to_string(), "[down]").into_owned();
    assert_snapshot!(shown, @"
    --- stderr
    my-app   oci://registry.example.com/my-app-config   main [commit]

      staging   ?        can't tell: what staging runs can't be told: `http://[down]` can't be reached: error sending request: client error (Connect): tcp connect error: Connection refused (os error 111)
      prod-eu   v1.2.1   can't tell: `http://[down]` can't be reached: error sending request: client error (Connect): tcp connect error: Connection refused (os error 111)

    error: my-app in prod-eu: can't tell
      1  `http://[down]` can't be reached: error sending request: client error (Connect): tcp connect error: Connection refused (os error 111)
    help: check the name and the network; behind a proxy set `HTTPS_PROXY`, or `proxy:` in your own configuration
    --- exit 5
    ");
}

#[test]
fn a_refused_login_is_an_authentication_failure() {
    all_end_with(4, || answer(401, "application/json", "{}"));
}

#[test]
fn a_refused_login_names_the_registry_and_the_next_step() {
    let fleet = fleet();
    fleet.registry.fault(0, answer(401, "application/json", "{}"));
    assert_snapshot!(fleet.promote(&["my-app", "v1.2.3"]), @"
    --- stderr
    my-app   oci://registry.example.com/my-app-config   main [commit]

      staging   ?        can't tell: what staging runs can't be told: `[registry]` refuses to read `my-app-config` with status 401 (no login)
      prod-eu   v1.2.1   can't tell: `[registry]` refuses to read `my-app-config` with status 401 (no login)

    error: my-app in prod-eu: can't tell
      1  `[registry]` refuses to read `my-app-config` with status 401 (no login)
    help: log in with `docker login [registry]`; registries answer the same for what does not exist
    --- exit 4
    ");
}

#[test]
fn a_login_page_is_no_registry() {
    all_end_with(7, || answer(200, "text/html", "<html>sign in</html>"));
}

#[test]
fn content_that_is_not_what_its_digest_says_is_not_trusted() {
    let fleet = fleet();
    let header = ("Docker-Content-Digest".to_owned(), digest_of("v1.2.2"));
    fleet.registry.fault_at("/manifests/v1.2.3", Fault::Header(header.0, header.1));
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert!(fleet.branches().is_empty());
    assert_eq!(run.code, 7, "{run}");
}

#[test]
fn a_tag_that_moves_between_the_plan_and_the_push_stops_it() {
    let fleet = fleet();
    fleet.settle();
    let other = fleet.registry.put(ARTIFACT, OCI_MANIFEST, &crate::support::registry::flux_manifest(ARTIFACT, "again"));
    let (before, _) = fleet.promote_once(&["my-app", "v1.2.3", "--dry-run"]);
    assert_eq!(before.code, 0, "{before}");
    fleet.registry.tag(ARTIFACT, "v1.2.3", &other);
    let (after, wrote) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert!(wrote && after.code == 0, "nothing was pinned before: {after}");
    assert!(after.stdout.contains(&other), "{after}");
}

#[test]
fn a_registry_that_asks_for_a_login_gets_the_users() {
    let fleet = fleet();
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    let authorized = |one: &crate::support::registry::Seen| one.headers.contains_key("authorization");
    assert!(fleet.registry.requests().iter().any(authorized), "{run}");
}

#[test]
fn a_registry_that_asks_for_a_login_nobody_has_is_an_authentication_failure() {
    let fleet = fleet().variable("DOCKER_CONFIG", "/nonexistent");
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 4, "{run}");
    assert!(run.stderr.contains("help:"), "{run}");
}

#[test]
fn a_registry_with_trouble_is_asked_again() {
    let fleet = fleet();
    fleet.registry.fault(1, answer(503, "application/json", "{}"));
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
}

#[test]
fn a_typed_version_lists_no_tags_where_no_range_must_be_resolved() {
    let fleet = fleet().file("clusters/staging/my-app.yaml", &pin("v1.2.3"));
    let run = fleet.promote(&["my-app", "v1.2.3", "--to", "prod-eu"]);
    assert_eq!(run.code, 0, "{run}");
    let listed = fleet.registry.paths().into_iter().filter(|path| path.contains("/tags/list")).count();
    assert_eq!(listed, 0, "{:?}", fleet.registry.paths());
}

#[test]
fn an_unknown_version_names_the_nearest() {
    assert_snapshot!(fleet().promote(&["my-app", "v1.2.4"]), @"
    --- stderr
    my-app   oci://registry.example.com/my-app-config   main [commit]

      staging   v1.2.3   follows >=1.0.0 <2.0.0
      prod-eu   v1.2.1   pinned; may not move: oci://registry.example.com/my-app-config has no tag `v1.2.4`

    error: my-app may not move in prod-eu
      1  oci://registry.example.com/my-app-config has no tag `v1.2.4`; there is v1.2.3, v1.2.2, v1.2.1
    help: promote tags my-app
    --- exit 3
    ");
}

#[test]
fn suggestions_are_left_out_when_tags_cannot_be_listed() {
    let fleet = fleet().file("clusters/staging/my-app.yaml", &pin("v1.2.3"));
    fleet.registry.fault_at("/tags/list", answer(401, "application/json", "{}"));
    let run = fleet.promote(&["my-app", "v1.2.4", "--to", "prod-eu"]);
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stderr.contains("has no tag `v1.2.4`"), "{run}");
}

#[test]
fn what_only_another_name_of_the_artifact_has_is_not_mirrored_yet() {
    let staging = source("semver: 1.x").replace("registry.example.com", "mirror.example.com");
    let fleet = fleet().file("clusters/staging/my-app.yaml", &staging);
    let host = fleet.registry.host();
    let other = crate::support::registry::Registry::start();
    for tag in ["v1.2.1", "v1.2.3", "v1.2.5"] {
        other.artifact(ARTIFACT, tag);
    }
    assert_ne!(host, other.host());
    let fleet = fleet.setting("promote.mirror.example.com.mirror", &other.host());
    let run = fleet.promote(&["my-app", "v1.2.5"]);
    assert_eq!(run.code, 5, "{run}");
    assert!(run.stderr.contains("doesn't have it yet"), "{run}");
}
