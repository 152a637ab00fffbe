//! Promoting as a GitHub App: signatures, installations, tokens that end.

use insta::assert_snapshot;

use crate::fleet::*;
use crate::support::Sandbox;
use crate::support::forge::{App, Logged};
use crate::support::sandbox::key_of_an_app;

/// Does something to the App, as its owner would.
fn with_app(fleet: &Sandbox, change: impl FnOnce(&mut App)) {
    change(fleet.forge.as_ref().expect("a forge").state().app.as_mut().expect("an App"));
}

fn given(fleet: &Sandbox) -> usize {
    fleet.forge.as_ref().expect("a forge").state().app.as_ref().expect("an App").given.len()
}

fn asked(fleet: &Sandbox, path: &str) -> Vec<Logged> {
    let requests = fleet.forge.as_ref().expect("a forge").requests();
    requests.into_iter().filter(|one| one.path.ends_with(path)).collect()
}

#[test]
fn a_promotion_goes_the_whole_way_with_one_token() {
    let fleet = on_github().by_app();
    let (run, _) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(fleet.pulls()[0].author, "fleet-app[bot]", "{run}");
    assert_eq!((given(&fleet), asked(&fleet, "/installation").len()), (1, 1), "{run}");
    let message = fleet.message(&fleet.branches()[0]);
    assert!(message.contains("Promote-Requested-By: fleet-app[bot] ("), "{message}");
    let server = fleet.git_server.as_ref().expect("a server");
    assert!(server.requests().iter().any(|one| one.contains("git-receive-pack")), "Git pushed with it: {run}");
    let again = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!((again.code, fleet.pulls().len()), (0, 1), "{again}");
}

#[test]
fn its_token_is_for_this_repository_and_for_what_a_promotion_does() {
    let fleet = on_github().by_app();
    with_app(&fleet, |app| {
        app.permissions.insert("administration".to_owned(), "write".to_owned());
        app.permissions.insert("workflows".to_owned(), "write".to_owned());
    });
    fleet.promote(&["my-app", "v1.2.3"]);
    let bodies: Vec<_> = asked(&fleet, "/access_tokens").into_iter().map(|one| one.body).collect();
    let body: serde_json::Value = serde_json::from_str(&bodies[0]).expect("JSON");
    assert_eq!(
        body,
        serde_json::json!({"repositories": ["fleet"],
            "permissions": {"contents": "write", "pull_requests": "write", "metadata": "read"}})
    );
}

#[test]
fn the_app_comes_before_a_token_and_its_key_may_be_a_file() {
    let fleet = on_github();
    let token = fleet.canaries[1].secret.clone();
    let (private, public) = key_of_an_app();
    let path = fleet.path("home/app.pem");
    std::fs::write(&path, &private).expect("a file");
    let fleet = fleet
        .by_app()
        .variable("GH_ENTERPRISE_TOKEN", &token)
        .variable("GITHUB_ENTERPRISE_APP_PRIVATE_KEY", "")
        .variable("GITHUB_ENTERPRISE_APP_PRIVATE_KEY_FILE", &path.display().to_string());
    fleet.forge.as_ref().expect("a forge").state().app = Some(App::new(&public));
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!((run.code, fleet.pulls()[0].author.as_str()), (0, "fleet-app[bot]"), "{run}");
}

#[test]
fn a_key_whose_lines_are_written_out_and_a_client_id_are_understood() {
    let (private, public) = key_of_an_app();
    let fleet = on_github()
        .by_app()
        .variable("GITHUB_ENTERPRISE_APP_ID", "Iv1.4242")
        .variable("GITHUB_ENTERPRISE_APP_PRIVATE_KEY", &private.replace('\n', "\\n"));
    fleet.forge.as_ref().expect("a forge").state().app = Some(App::new(&public));
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!((run.code, fleet.pulls().len()), (0, 1), "{run}");
}

#[test]
fn the_variables_of_github_com_are_for_no_other_host() {
    let fleet = on_github().by_app();
    let (private, _) = key_of_an_app();
    let fleet = fleet
        .variable("GITHUB_ENTERPRISE_APP_ID", "")
        .variable("GITHUB_APP_ID", "4242")
        .variable("GITHUB_APP_PRIVATE_KEY", &private);
    let (run, _) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 4, "{run}");
    assert!(fleet.forge.as_ref().expect("a forge").requests().is_empty(), "{run}");
}

#[test]
fn in_actions_the_app_of_its_own_server_is_asked() {
    let fleet = on_github();
    let server = format!("http://{}", fleet.git_server.as_ref().expect("a server").host());
    let (private, public) = key_of_an_app();
    let fleet = fleet
        .by_app()
        .variable("GITHUB_ENTERPRISE_APP_ID", "")
        .variable("GITHUB_APP_ID", "4242")
        .variable("GITHUB_APP_PRIVATE_KEY", &private)
        .variable("GITHUB_ACTIONS", "true")
        .variable("GITHUB_TRIGGERING_ACTOR", "release-eng")
        .variable("GITHUB_SERVER_URL", &server);
    fleet.forge.as_ref().expect("a forge").state().app = Some(App::new(&public));
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!((run.code, fleet.pulls().len()), (0, 1), "{run}");
    let message = fleet.message(&fleet.branches()[0]);
    assert!(
        message.contains("Promote-Requested-By: release-eng (GitHub Actions)"),
        "who asked, not the App: {message}"
    );
}

#[test]
fn a_token_that_ends_at_any_request_is_renewed_once() {
    for uses in 0..200 {
        let fleet = on_github().by_app();
        with_app(&fleet, |app| app.ends = vec![uses]);
        let (run, _) = fleet.promote_once(&["my-app", "v1.2.3"]);
        assert_eq!((run.code, fleet.pulls().len(), fleet.branches().len()), (0, 1, 1), "after {uses} uses: {run}");
        if given(&fleet) == 1 {
            assert!(uses > 10, "a promotion asks for more: {run}");
            return;
        }
        assert_eq!(given(&fleet), 2, "after {uses} uses: {run}");
    }
    panic!("a promotion never asks as often");
}

#[test]
fn a_token_that_is_about_to_end_is_not_used_any_more() {
    let fleet = on_github().by_app();
    with_app(&fleet, |app| app.lifetime = 59);
    let (run, _) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert_eq!((run.code, fleet.pulls().len()), (0, 1), "{run}");
    assert!(given(&fleet) > 2, "{run}");
}

#[test]
fn tokens_that_are_refused_as_soon_as_they_are_given_end_the_run() {
    let fleet = on_github().by_app();
    with_app(&fleet, |app| app.gives_dead_tokens = true);
    let (run, wrote) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert_eq!((run.code, wrote), (4, false), "{run}");
    assert!(given(&fleet) <= 3, "{}: {run}", given(&fleet));
}

#[test]
fn the_key_of_another_app_is_refused() {
    let (private, _) = key_of_an_app();
    let fleet = on_github().by_app().variable("GITHUB_ENTERPRISE_APP_PRIVATE_KEY", &private);
    let (run, wrote) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert!(!wrote, "{run}");
    assert_snapshot!(run, @"
    --- stderr
    error: `[git]` refuses the App of GITHUB_ENTERPRISE_APP_ID: A JSON web token could not be decoded
    help: the key must be one of the App that GITHUB_ENTERPRISE_APP_ID names, and this machine's clock right
    --- exit 4
    ");
}

#[test]
fn the_id_of_another_app_is_refused() {
    let fleet = on_github().by_app().variable("GITHUB_ENTERPRISE_APP_ID", "4243");
    let (run, wrote) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert!(!wrote, "{run}");
    assert_snapshot!(run, @"
    --- stderr
    error: `[git]` refuses the App of GITHUB_ENTERPRISE_APP_ID: Integration not found
    help: the key must be one of the App that GITHUB_ENTERPRISE_APP_ID names, and this machine's clock right
    --- exit 4
    ");
}

#[test]
fn an_app_that_is_not_installed_is_told_where_to_install_it() {
    let fleet = on_github().by_app();
    with_app(&fleet, |app| app.installation = None);
    let (run, wrote) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert!(!wrote, "{run}");
    assert_snapshot!(run, @"
    --- stderr
    error: the App of GITHUB_ENTERPRISE_APP_ID is not installed on `acme/fleet` at `[git]`
    help: on the App's page choose Install App, and give it `acme/fleet`: it needs contents and pull requests, read and write
    --- exit 4
    ");
}

#[test]
fn a_suspended_installation_says_so() {
    let fleet = on_github().by_app();
    with_app(&fleet, |app| app.is_suspended = true);
    let (run, wrote) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert!(!wrote && run.code == 4, "{run}");
    assert!(run.stderr.contains("This installation has been suspended"), "{run}");
}

#[test]
fn half_an_app_is_no_login() {
    let fleet = on_github().by_app().variable("GITHUB_ENTERPRISE_APP_PRIVATE_KEY", "");
    let (run, wrote) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert!(!wrote, "{run}");
    assert_snapshot!(run, @"
    --- stderr
    error: GITHUB_ENTERPRISE_APP_ID is set, and neither GITHUB_ENTERPRISE_APP_PRIVATE_KEY nor GITHUB_ENTERPRISE_APP_PRIVATE_KEY_FILE
    help: set GITHUB_ENTERPRISE_APP_PRIVATE_KEY to the App's private key, or GITHUB_ENTERPRISE_APP_PRIVATE_KEY_FILE to its file
    --- exit 4
    ");
}

#[test]
fn a_key_that_is_none_is_not_shown() {
    let key =
        "-----BEGIN RSA PRIVATE KEY-----\nbm90IGEga2V5IGF0IGFsbCwgYnV0IHNlY3JldA==\n-----END RSA PRIVATE KEY-----\n";
    let fleet = on_github().by_app().variable("GITHUB_ENTERPRISE_APP_PRIVATE_KEY", key);
    let (run, wrote) = fleet.promote_once(&["my-app", "v1.2.3", "-vv"]);
    assert!(!wrote && run.code == 4, "{run}");
    assert!(!run.to_string().contains("bm90"), "{run}");
    assert!(run.stderr.contains("GITHUB_ENTERPRISE_APP_PRIVATE_KEY holds no private key"), "{run}");
}

#[test]
fn clocks_that_differ_by_hours_are_allowed_for() {
    for hours in [-26, -1, 1, 26] {
        let fleet = on_github().by_app();
        fleet.forge.as_ref().expect("a forge").state().clock = hours * 3600;
        let (run, _) = fleet.promote_once(&["my-app", "v1.2.3"]);
        assert_eq!((run.code, fleet.pulls().len()), (0, 1), "{hours} h: {run}");
        assert_eq!(given(&fleet), 1, "its end is told by the forge's clock: {hours} h: {run}");
    }
}

#[test]
fn a_clock_that_is_half_a_minute_off_costs_nothing() {
    for seconds in [-45, 45] {
        let fleet = on_github().by_app();
        fleet.forge.as_ref().expect("a forge").state().clock = seconds;
        let (run, _) = fleet.promote_once(&["my-app", "v1.2.3"]);
        assert_eq!((run.code, asked(&fleet, "/installation").len()), (0, 1), "{seconds} s: {run}");
    }
}

#[test]
fn an_app_that_may_only_read_looks_and_opens_nothing() {
    let fleet = on_github().by_app();
    with_app(&fleet, |app| {
        app.permissions.insert("contents".to_owned(), "read".to_owned());
        app.permissions.insert("pull_requests".to_owned(), "read".to_owned());
    });
    let run = fleet.promote(&["status"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(!run.stderr.contains("can't be told"), "{run}");
    let (run, wrote) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert!(!wrote && run.code == 4, "{run}");
}

#[test]
fn the_doctor_says_who_the_app_is_and_what_it_may() {
    let fleet = on_github().by_app();
    let run = fleet.promote(&["doctor"]);
    let forge = |run: &crate::support::Run| {
        let lines = run.stdout.lines().skip_while(|line| !line.starts_with("forge"));
        run.shown(&lines.take_while(|line| !line.starts_with("branch")).collect::<Vec<_>>().join("\n"))
    };
    assert_snapshot!(forge(&run), @"forge      ok    GitHub at [git] as fleet-app[bot] (GITHUB_ENTERPRISE_APP_ID); can push branches, can open pull requests");
    with_app(&fleet, |app| {
        app.permissions.insert("administration".to_owned(), "write".to_owned());
        app.permissions.insert("checks".to_owned(), "read".to_owned());
    });
    let more = forge(&fleet.promote(&["doctor"]));
    assert!(more.contains("may do more than a promotion needs: administration:write\n"), "{more}");
    with_app(&fleet, |app| {
        app.permissions.insert("pull_requests".to_owned(), "read".to_owned());
    });
    let fewer = forge(&fleet.promote(&["doctor"]));
    assert!(
        fewer.contains("FAIL  the token of GITHUB_ENTERPRISE_APP_ID may not push and open pull requests"),
        "{fewer}"
    );
}

#[test]
fn its_own_older_promotion_is_superseded() {
    let fleet = on_github().by_app();
    let run = fleet.promote(&["auto"]);
    assert_eq!((run.code, fleet.pulls().len()), (0, 1), "{run}");
    fleet.registry.artifact(crate::support::sandbox::ARTIFACT, "v1.2.4");
    let run = fleet.promote(&["auto"]);
    assert_eq!((run.code, fleet.pulls().len()), (0, 2), "{run}");
    let comments = fleet.pulls()[0].comments.clone();
    assert_eq!(comments.len(), 1, "{run}");
    assert_eq!(comments[0].author, "fleet-app[bot]", "{run}");
}

#[test]
fn a_remote_on_no_forge_needs_no_app() {
    let fleet = fleet().variable("GITHUB_APP_ID", "4242");
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!((run.code, fleet.branches().len()), (0, 1), "{run}");
}
