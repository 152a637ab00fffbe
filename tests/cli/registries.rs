//! Registries that are down, closed, or not what they say: unknown is never yes.

use insta::assert_snapshot;
use promote::http::{self, Http};

use crate::fleet::*;
use crate::support::Sandbox;
use crate::support::ferro::Ferro;
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
fn a_tag_that_moved_since_a_dry_run_is_judged_by_its_content_now() {
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

#[test]
fn what_only_the_registrys_other_name_has_is_not_mirrored_yet() {
    let there = |text: &str| text.replace("registry.example.com", "mirror.example.com:8443");
    let mirror = crate::support::registry::Registry::start();
    for tag in ["v1.2.1", "v1.2.3"] {
        mirror.artifact(ARTIFACT, tag);
    }
    for (same, code) in [("same: [oci://registry.example.com, oci://mirror.example.com:8443]\n", 5), ("", 3)] {
        let fleet = fleet()
            .tags(&["v1.2.5"])
            .file("promote.yaml", &configured("", same))
            .file("clusters/staging/my-app.yaml", &there(&range(">=1.0.0")))
            .file(PIN, &there(&pin("v1.2.1")))
            .setting("promote.mirror.example.com:8443.mirror", &mirror.host());
        let run = fleet.promote(&["my-app", "v1.2.5"]);
        assert_eq!(run.code, code, "{run}");
        assert_eq!(run.stderr.contains("doesn't have it yet"), code == 5, "{run}");
        assert!(fleet.branches().is_empty(), "{run}");
        let run = fleet.promote(&["my-app", "v1.2.3"]);
        assert_eq!(run.code, 0, "what the target's own registry has may go: {run}");
        // Neither name gets what belongs to the other.
        assert!(mirror.requests().iter().all(|seen| !seen.headers.contains_key("authorization")), "{run}");
    }
}

#[test]
fn a_plan_lists_each_artifact_once_and_fetches_a_manifest_for_each_due_step_and_nothing_else() {
    let mut fleet = fleet().tags(&[]);
    let mut expected = vec!["GET /v2/my-app-config/manifests/v1.2.3".to_owned()];
    expected.push("GET /v2/my-app-config/tags/list?n=1000".to_owned());
    for number in 0..24 {
        let (name, artifact) = (format!("shop-{number}"), format!("shop-{number}-config"));
        let pinned = if number % 3 == 0 { "v1.1.0" } else { "v1.0.0" };
        fleet = fleet
            .artifact(&artifact, &["v1.0.0", "v1.1.0", "v2.0.0"])
            .file(&format!("clusters/staging/{name}.yaml"), &of_app(&name, &artifact, "semver: 1.x"))
            .file(&format!("clusters/prod-eu/{name}.yaml"), &of_app(&name, &artifact, &format!("tag: {pinned}")));
        expected.push(format!("GET /v2/{artifact}/tags/list?n=1000"));
        if pinned == "v1.0.0" {
            expected.push(format!("GET /v2/{artifact}/manifests/v1.1.0"));
        }
    }
    let run = fleet.promote(&["plan", "-o", "json"]);
    assert_eq!(run.code, 0, "{run}");
    let due = run.json()["steps"].as_array().expect("steps").iter().filter(|step| step["verdict"] == "advance").count();
    assert_eq!(due, 17);
    // One request went out before it was known that a login is wanted.
    let refused = |seen: &crate::support::registry::Seen| !seen.headers.contains_key("authorization");
    assert_eq!(fleet.registry.requests().iter().filter(|seen| refused(seen)).count(), 1);
    let known = fleet.registry.requests().into_iter().filter(|seen| !refused(seen));
    let mut asked: Vec<String> = known.map(|seen| format!("{} {}", seen.method, seen.path)).collect();
    asked.sort();
    expected.sort();
    assert_eq!(asked, expected);
}

#[test]
fn whenever_a_tag_moves_during_a_run_no_other_content_is_promoted_than_was_last_seen() {
    let (first, mut requests) = (digest_of("v1.2.3"), 0);
    for after in 0.. {
        let fleet = fleet();
        let other = crate::support::registry::flux_manifest(ARTIFACT, "pushed again");
        let other = fleet.registry.put(ARTIFACT, OCI_MANIFEST, &other);
        fleet.registry.tag_after(after, ARTIFACT, "v1.2.3", &other);
        let (run, wrote) = fleet.promote_once(&["my-app", "v1.2.3"]);
        let paths = fleet.registry.paths();
        let last = paths.iter().rposition(|path| path.contains("/manifests/v1.2.3")).expect("a look") + 1;
        let (seen, moved) = if after < last { (&other, &first) } else { (&first, &other) };
        if wrote {
            let message = fleet.message(&fleet.branches()[0]);
            assert!(message.contains(&format!("Promote-Digest: {seen}")), "{after}: {message} {run}");
            assert!(!run.stdout.contains(moved.as_str()), "{after}: {run}");
        } else {
            assert_ne!(run.code, 0, "{after}: {run}");
            assert!(run.stderr.contains(&first) && run.stderr.contains(&other), "{after}: {run}");
        }
        requests = requests.max(paths.len());
        if after > requests {
            break;
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_hundred_thousand_tags_in_a_thousand_pages_need_little_memory() {
    use crate::support::registry::{Pages, Registry};
    let server = Registry::start().pages(Pages::Opaque(100));
    server.tags("acme/my-app", (0..100_000).map(|number| format!("v1.{}.{}", number / 100, number % 100)));
    let fleet = fleet();
    fleet.settle();
    let arguments = ["tags", &format!("oci://{}/acme/my-app", server.host()), "--range", "1.x", "-o", "json"];
    let program = fleet.command(&arguments);
    let mut limited = std::process::Command::new("/bin/sh");
    // 200 MiB of heap and stacks; a program that needs more ends.
    limited.args(["-c", "ulimit -d 204800 && exec \"$0\" \"$@\""]).arg(program.get_program()).args(program.get_args());
    limited.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = limited.current_dir(fleet.path("fleet")).output().expect("a shell");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {said}", output.status);
    let tags: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a document");
    assert_eq!((&tags["selected"], tags["tags"].as_array().map(Vec::len)), (&"v1.999.99".into(), Some(100_000)));
    assert_eq!(server.requests().len(), 1_000);
}

/// A registry that speaks TLS, and the file of the CA that signed for it.
fn over_tls(fleet: &Sandbox) -> (crate::support::registry::Registry, String, String) {
    let ca = fleet.path("ca.pem");
    crate::support::registry::certificate::write_ca(&ca);
    let server = crate::support::registry::Registry::start_tls();
    server.artifact("acme/my-app", "v1.2.3");
    let artifact = format!("oci://{}/acme/my-app", server.host().replace("127.0.0.1", "localhost"));
    (server, artifact, ca.display().to_string())
}

#[test]
fn a_ca_of_ones_own_is_trusted_by_variable_by_host_or_for_all_hosts_and_not_without() {
    let fleet = fleet();
    let (server, artifact, ca) = over_tls(&fleet);
    let host = artifact.trim_start_matches("oci://").split('/').next().expect("a host").to_owned();
    let run = fleet.promote(&["tags", &artifact]);
    assert_eq!((run.code, server.requests().len()), (7, 0), "{run}");
    assert!(run.stderr.contains("`ca: FILE`"), "{run}");
    let fleet = fleet.variable("SSL_CERT_FILE", &ca);
    assert_eq!(fleet.promote(&["tags", &artifact]).code, 0);
    for key in [format!("promote.{host}.ca"), "promote.ca".to_owned()] {
        let fleet = self::fleet().setting(&key, &ca);
        let run = fleet.promote(&["tags", &artifact]);
        assert_eq!((run.code, run.stdout.contains("v1.2.3")), (0, true), "{key}: {run}");
    }
}

#[test]
fn verbose_tells_what_is_asked_and_no_secret() {
    let run = fleet().promote(&["my-app", "v1.2.3", "-vv"]);
    assert_eq!(run.code, 0, "{run}");
    // The oracles look for secrets in every form.
    assert!(run.stderr.contains("/v2/my-app-config/manifests/v1.2.3"), "{run}");
}

#[test]
fn a_registry_that_nobody_here_wrote_is_listed_whole() {
    let registry = Ferro::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let http = Http::new(http::Settings::default()).expect("a client");
        let manifest = registry.push_artifact(&http, "v1.0.0").await;
        for number in 1..2503 {
            registry.push_manifest(&http, &format!("v1.0.{number}"), &manifest).await;
        }
    });
    let artifact = format!("oci://{}/acme/my-app", registry.host());
    let run = fleet().promote(&["tags", &artifact, "--range", "*", "-o", "json"]);
    assert_eq!(run.code, 0, "{run}");
    let tags = run.json();
    assert_eq!(tags["tags"].as_array().map(Vec::len), Some(2503));
    assert_eq!(tags["selected"], "v1.0.2502");
}
