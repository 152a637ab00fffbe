//! `promote auto`: what goes into one pull request, which apps a job looks at, and what an event may say of that.

use crate::fleet::*;
use crate::support::Sandbox;
use crate::support::forge::PullState;

/// Where the second production cluster has what the first one has.
const SECOND: &str = "clusters/prod-us";

/// Apps with one due version each, in both production clusters; `teams` are lines of `apps:`.
fn fleet_of(apps: &[&str], teams: &str) -> Sandbox {
    let mut fleet = Sandbox::on_github().file("promote.yaml", &format!("{TWO}apps:\n{teams}"));
    for app in apps {
        fleet = with(fleet, app);
    }
    fleet
}

fn with(fleet: Sandbox, app: &str) -> Sandbox {
    let artifact = format!("{app}-config");
    fleet
        .file(&format!("clusters/staging/{app}.yaml"), &of_app(app, &artifact, "semver: \"1.x\""))
        .file(&format!("clusters/prod-eu/{app}.yaml"), &of_app(app, &artifact, "tag: v1.0.0"))
        .file(&format!("{SECOND}/{app}.yaml"), &of_app(app, &artifact, "tag: v1.0.0"))
        .artifact(&artifact, &["v1.0.0", "v1.1.0"])
}

const TEAMS: &str = "  cart: {team: shop}\n  search: {team: shop}\n  ledger: {team: money}\n";

/// The branches of the open pull requests, without the hash, and what each one's commits move.
fn open(fleet: &Sandbox) -> Vec<(String, Vec<String>)> {
    let mut all: Vec<(String, Vec<String>)> = fleet
        .pulls()
        .into_iter()
        .filter(|pull| pull.state == PullState::Open)
        .map(|pull| {
            let log = fleet.git("remote.git", &["log", "--reverse", "--format=%s", &format!("main..{}", pull.head)]);
            let (name, _) = pull.head.rsplit_once('-').expect("a hash");
            (name.to_owned(), log.lines().map(str::to_owned).collect())
        })
        .collect();
    all.sort();
    all
}

fn names(fleet: &Sandbox) -> Vec<String> {
    open(fleet).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn a_stage_goes_into_one_pull_request_with_a_commit_for_each_move() {
    let fleet = fleet_of(&["cart", "search"], TEAMS);
    let run = fleet.promote(&["auto", "--group", "stage"]);
    assert_eq!(run.code, 0, "{run}");
    let commits = ["cart", "search"]
        .iter()
        .flat_map(|app| ["prod-eu", "prod-us"].map(|environment| format!("Promote {app} to v1.1.0 in {environment}")));
    assert_eq!(open(&fleet), [("promote/production/several".to_owned(), commits.collect::<Vec<_>>())], "{run}");
    let check = fleet.promote(&["check", "--pull-request", "1"]);
    assert_eq!(check.code, 0, "its own check takes it: {check}");
}

#[test]
fn a_team_has_one_pull_request_and_apps_of_nobody_their_own() {
    let fleet = fleet_of(&["cart", "search", "ledger", "other"], TEAMS);
    let run = fleet.promote(&["auto", "--group", "team", "--env", "prod-eu"]);
    assert_eq!(run.code, 0, "{run}");
    let expected = ["promote/prod-eu/ledger/v1.1.0", "promote/prod-eu/other/v1.1.0", "promote/prod-eu/several"];
    assert_eq!(names(&fleet), expected, "{run}");
    assert_eq!(open(&fleet)[2].1.len(), 2, "{run}");
}

#[test]
fn stages_never_share_a_pull_request() {
    let fleet = fleet_of(&["cart"], "  cart: {team: shop}\n");
    let stages = "version: 1\nstages:\n  - {name: dev, environments: [{name: dev, path: clusters/dev}]}\n  \
                  - {name: staging, environments: [{name: staging, path: clusters/staging}]}\n  \
                  - {name: production, environments: [{name: prod-eu, path: clusters/prod-eu}], from: [dev]}\n\
                  apps:\n  cart: {team: shop}\n";
    let fleet = fleet
        .file("promote.yaml", stages)
        .file("clusters/dev/cart.yaml", &of_app("cart", "cart-config", "semver: \"1.x\""))
        .file("clusters/staging/cart.yaml", &of_app("cart", "cart-config", "tag: v1.0.0"));
    let run = fleet.promote(&["auto", "--group", "team"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(names(&fleet), ["promote/prod-eu/cart/v1.1.0", "promote/staging/cart/v1.1.0"], "{run}");
}

#[test]
fn what_is_open_already_keeps_its_pull_request_and_the_rest_gets_another() {
    let fleet = fleet_of(&["cart", "search"], TEAMS);
    let run = fleet.promote(&["auto", "--group", "stage", "--env", "prod-eu"]);
    assert_eq!((run.code, names(&fleet)), (0, vec!["promote/prod-eu/several".to_owned()]), "{run}");
    let fleet = with(fleet, "ledger");
    let run = fleet.promote(&["auto", "--group", "stage", "--env", "prod-eu"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(names(&fleet), ["promote/prod-eu/ledger/v1.1.0", "promote/prod-eu/several"], "{run}");
    assert!(fleet.pulls().iter().all(|pull| pull.state == PullState::Open && pull.comments.is_empty()), "{run}");
}

#[test]
fn what_a_person_looks_at_is_waited_for_and_the_rest_goes_on() {
    let fleet = fleet_of(&["cart", "search"], TEAMS);
    fleet.promote(&["auto", "--group", "stage", "--env", "prod-eu"]);
    let comment = crate::support::forge::Comment { author: "sre-1".to_owned(), body: "I am on it".to_owned() };
    fleet.forge.as_ref().expect("a forge").state().pull(1).expect("one").comments.push(comment);
    fleet.registry.artifact("cart-config", "v1.2.0");
    let fleet = with(fleet, "ledger");
    let run = fleet.promote(&["auto", "--group", "stage", "--env", "prod-eu"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(names(&fleet), ["promote/prod-eu/ledger/v1.1.0", "promote/prod-eu/several"], "{run}");
    assert!(run.stderr.contains("waiting"), "{run}");
}

#[test]
fn an_older_group_that_nobody_touched_gives_way() {
    let fleet = fleet_of(&["cart", "search"], TEAMS);
    fleet.promote(&["auto", "--group", "stage", "--env", "prod-eu"]);
    fleet.registry.artifact("cart-config", "v1.2.0");
    let run = fleet.promote(&["auto", "--group", "stage", "--env", "prod-eu"]);
    assert_eq!(run.code, 0, "{run}");
    let states: Vec<_> = fleet.pulls().into_iter().map(|pull| pull.state).collect();
    assert_eq!(states, [PullState::Closed, PullState::Open], "{run}");
    let commits = ["Promote cart to v1.2.0 in prod-eu", "Promote search to v1.1.0 in prod-eu"].map(str::to_owned);
    assert_eq!(open(&fleet), [("promote/prod-eu/several".to_owned(), commits.to_vec())], "{run}");
}

#[test]
fn shards_share_the_apps_and_each_app_is_in_one() {
    let apps = ["cart", "search", "ledger", "other", "shop"];
    let fleet = fleet_of(&apps, TEAMS);
    let mut seen = 0;
    for shard in ["1/3", "2/3", "3/3"] {
        let (run, _) = fleet.promote_once(&["auto", "--env", "prod-eu", "--shard", shard]);
        assert_eq!(run.code, 0, "{run}");
        let now = fleet.pulls().len();
        assert_eq!(run.stderr.matches("opened ").count(), now - seen, "what another shard opened isn't its own: {run}");
        seen = now;
    }
    assert_eq!(fleet.pulls().len(), apps.len());
    for shard in ["0/3", "4/3", "3", "a/b"] {
        let (run, _) = fleet.promote_once(&["auto", "--shard", shard]);
        assert_eq!(run.code, 2, "{run}");
        assert!(run.stderr.contains("from 1 to n"), "{run}");
    }
}

/// What is opened because of an event.
fn opened_by(event: &str) -> (Vec<String>, String) {
    let fleet = fleet_of(&["cart", "search"], TEAMS);
    let path = fleet.path("event.json");
    std::fs::write(&path, event).expect("a file");
    let run = fleet.promote(&["auto", "--env", "prod-eu", "--event-file", &path.display().to_string()]);
    assert_eq!(run.code, 0, "{event}: {run}");
    let apps = names(&fleet).into_iter().map(|name| name.split('/').nth(2).unwrap_or_default().to_owned());
    (apps.collect(), run.stderr)
}

#[test]
fn an_event_names_the_apps_that_are_looked_at() {
    let both = ["cart", "search"];
    for (event, expected) in [
        (r#"{"client_payload": {"app": "cart"}}"#, &["cart"][..]),
        (r#"{"events": [{"target": {"repository": "search-config", "tag": "v1.1.0"}}]}"#, &["search"]),
        (r#"{"event_data": {"repository": {"repo_full_name": "cart-config"}}}"#, &["cart"]),
        (
            r#"{"client_payload": {"involvedObject": {"kind": "OCIRepository", "namespace": "flux-system", "name": "cart"}}}"#,
            &["cart"],
        ),
        (r#"{"involvedObject": {"kind": "Kustomization", "namespace": "flux-system", "name": "search"}}"#, &["search"]),
        // What such an object applies isn't told by its name.
        (r#"{"involvedObject": {"kind": "Kustomization", "namespace": "flux-system", "name": "apps"}}"#, &both),
        (r#"{"involvedObject": {"kind": "OCIRepository", "namespace": "elsewhere", "name": "cart"}}"#, &[]),
        (r#"{"schedule": "0 8 * * *"}"#, &both),
        (r#"{"client_payload": {"app": "nobody's"}}"#, &[]),
        (r#"{"client_payload": {"apps": ["cart", "nobody's"]}}"#, &["cart"]),
    ] {
        let (apps, told) = opened_by(event);
        assert_eq!(apps, expected, "{event}: {told}");
    }
}

#[test]
fn an_event_decides_nothing_but_where_to_look() {
    // Neither a version nor an environment of an event counts.
    let (apps, told) = opened_by(
        r#"{"client_payload": {"app": "cart", "version": "v9.9.9", "environment": "dev", "to": "prod-us",
            "metadata": {"revision": "v9.9.9@sha256:00"}}}"#,
    );
    assert_eq!(apps, ["cart"], "{told}");
    let hostile = "{\"client_payload\": {\"app\": \"x\\n::error::y\\n##[group]z\\u001b[31m\"}}";
    let (apps, told) = opened_by(hostile);
    assert!(apps.is_empty(), "{told}");
}

#[test]
fn an_event_narrows_what_only_and_the_configuration_leave() {
    let fleet = fleet_of(&["cart", "search"], "  cart: {team: shop}\nauto: {apps: [search]}\n");
    let path = fleet.path("event.json");
    std::fs::write(&path, r#"{"apps": ["cart"]}"#).expect("a file");
    let run = fleet.promote(&["auto", "--event-file", &path.display().to_string()]);
    assert_eq!((run.code, fleet.pulls().len()), (0, 0), "{run}");
}

#[test]
fn an_event_that_cannot_be_read_is_an_error() {
    let fleet = fleet_of(&["cart"], "  cart: {team: shop}\n");
    let path = fleet.path("event.json");
    let arguments = ["auto", "--event-file", &path.display().to_string()];
    for (text, says) in [(None, "can't be read"), (Some("app: cart"), "is no JSON"), (Some(""), "is no JSON")] {
        if let Some(text) = text {
            std::fs::write(&path, text).expect("a file");
        }
        let (run, wrote) = fleet.promote_once(&arguments);
        assert_eq!((run.code, wrote), (2, false), "{run}");
        assert!(run.stderr.contains(says), "{run}");
    }
}
