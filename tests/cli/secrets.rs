//! Tokens go to their own host, whatever the repository says.

use crate::fleet::*;
use crate::support::registry::Registry;
use crate::support::sandbox::ARTIFACT;

#[test]
fn in_actions_the_token_goes_to_its_own_server_only() {
    let fleet = on_github();
    let server = format!("http://{}", fleet.git_server.as_ref().expect("a server").host());
    let (api, token) = (fleet.forge.as_ref().expect("a forge").api(), fleet.canaries[1].secret.clone());
    let fleet = fleet
        .variable("GH_ENTERPRISE_TOKEN", "")
        .variable("GH_TOKEN", "")
        .variable("GITHUB_ACTIONS", "true")
        .variable("CI", "true")
        .variable("GITHUB_SERVER_URL", &server)
        .variable("GITHUB_API_URL", &api)
        .variable("GITHUB_REPOSITORY", "acme/fleet")
        .variable("GITHUB_TOKEN", &token);
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(fleet.pulls().len(), 1);
    // Who asks and who approves are both told what that token can't do.
    for text in [&run.stderr, &fleet.pulls()[0].body] {
        assert!(text.contains("required checks may not start until somebody approves them to run"), "{text}: {run}");
    }
}

#[test]
fn a_token_of_github_com_does_not_go_to_another_host() {
    let fleet = on_github().variable("GH_ENTERPRISE_TOKEN", "");
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 4, "{run}");
    let forge = fleet.forge.as_ref().expect("a forge");
    assert!(forge.requests().iter().all(|one| !one.headers.iter().any(|(name, _)| name == "authorization")));
}

#[test]
fn the_repository_cannot_say_where_credentials_go() {
    let stranger = Registry::start();
    let host = stranger.host();
    for (key, text) in [
        ("registries", format!("registries: {{registry.example.com: {{mirror: \"{host}\"}}}}\n")),
        ("forges", format!("forges: {{github.com: {{api: \"http://{host}\"}}}}\n")),
        ("proxy", format!("proxy: \"http://{host}\"\n")),
        ("ca", "ca: ca.pem\n".to_owned()),
    ] {
        let run = fleet().file("promote.yaml", &configured("", &text)).promote(&["my-app", "v1.2.3"]);
        assert_eq!(run.code, 2, "{key}: {run}");
        assert!(run.stderr.contains(key), "{key}: {run}");
    }
    assert!(stranger.requests().is_empty());
}

#[test]
fn a_manifest_that_names_another_host_gets_no_credentials_of_the_first() {
    let stranger = Registry::start();
    for tag in ["v1.2.1", "v1.2.3"] {
        stranger.artifact(ARTIFACT, tag);
    }
    let there = pin("v1.2.1").replace("registry.example.com", &stranger.host());
    let fleet = fleet().file(PIN, &there);
    let run = fleet.promote(&["my-app", "v1.2.3", "--to", "prod-eu"]);
    assert_ne!(run.code, 70, "{run}");
    assert!(!stranger.requests().is_empty(), "{run}");
    let said = |one: &crate::support::registry::Seen| format!("{one:?}");
    for canary in &fleet.canaries {
        assert!(stranger.requests().iter().all(|one| !said(one).contains(&canary.secret)), "{run}");
    }
    assert!(stranger.requests().iter().all(|one| !one.headers.contains_key("authorization")), "{run}");
}

#[test]
fn a_registry_that_redirects_elsewhere_takes_no_credentials_along() {
    let stranger = Registry::start();
    let fleet = fleet();
    let location = format!("http://{}/v2/my-app-config/tags/list", stranger.host());
    let redirect = crate::support::registry::Fault::Answer(307, vec![("location".to_owned(), location)], vec![]);
    fleet.registry.fault_at("/tags/list", redirect);
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert!(fleet.branches().is_empty(), "{run}");
    assert!(stranger.requests().iter().all(|one| !one.headers.contains_key("authorization")), "{run}");
}

#[test]
fn a_remote_with_a_password_in_its_url_does_not_show_it() {
    let fleet = on_github();
    fleet.settle();
    let host = fleet.git_server.as_ref().expect("a server").host();
    fleet.git("fleet", &["remote", "set-url", "origin", &format!("http://x:hunter2secret@{host}/acme/fleet.git")]);
    let (run, _) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert!(!run.to_string().contains("hunter2secret"), "{run}");
    assert!(!run.git_calls.iter().any(|call| call.contains("hunter2secret")), "{run}");
}

#[test]
fn a_pull_request_in_actions_tells_who_asked() {
    let fleet = on_github().variable("GITHUB_ACTOR", "release-eng");
    fleet.promote(&["my-app", "v1.2.3"]);
    let message = fleet.message(&fleet.branches()[0]);
    assert!(message.contains("Promote-Requested-By: release-eng"), "{message}");
    assert!(!message.contains("Promote-Requested-By: Ada"), "never from Git's configuration: {message}");
}
