//! `-o json`: one document, on failure too, with the fields of the contract.

use crate::fleet::*;

fn keys(value: &serde_json::Value) -> Vec<&str> {
    value.as_object().unwrap_or_else(|| panic!("{value} is no object")).keys().map(String::as_str).collect()
}

#[test]
fn a_plan_has_the_contracts_fields() {
    let fleet = on_github();
    let (run, _) = fleet.promote_once(&["my-app", "v1.2.3", "-o", "json"]);
    assert_eq!(run.code, 0, "{run}");
    let plan = run.json();
    assert_eq!(keys(&plan), ["apiVersion", "kind", "steps", "changed"]);
    assert_eq!((plan["apiVersion"].as_str(), plan["kind"].as_str()), (Some("promote/v1"), Some("Plan")));
    assert_eq!(plan["changed"], true);
    let step = &plan["steps"][1];
    let fields = "app environment from to digest verdict reasons waits edits pullRequest error";
    assert_eq!(keys(step), fields.split(' ').collect::<Vec<_>>());
    assert_eq!(step["verdict"], "advance");
    assert_eq!((&step["from"], &step["to"]), (&"v1.2.1".into(), &"v1.2.3".into()));
    assert_eq!(step["digest"], digest_of("v1.2.3"));
    let edit =
        serde_json::json!({"path": PIN, "line": 10, "field": "spec.ref.tag", "before": "v1.2.1", "after": "v1.2.3"});
    assert_eq!(step["edits"], serde_json::json!([edit]));
    let pull_request = &step["pullRequest"];
    assert_eq!(keys(pull_request), ["number", "url", "branch", "state", "title", "body"]);
    assert_eq!(pull_request["number"], 1);
    assert_eq!(pull_request["branch"], fleet.branches()[0]);
    assert_eq!(step["error"], serde_json::Value::Null);
    let staging = &plan["steps"][0];
    assert_eq!(
        (&staging["verdict"], &staging["from"], &staging["to"]),
        (&"follows".into(), &"v1.2.3".into(), &"v1.2.3".into())
    );
    assert!(run.stderr.lines().all(|line| !line.starts_with('{')), "{run}");
}

#[test]
fn a_blocked_step_says_why_with_path_and_line() {
    let run = with_rules("range: \"<1.2.3\"").promote(&["my-app", "v1.2.3", "-o", "json"]);
    assert_eq!(run.code, 3, "{run}");
    let step = &run.json()["steps"][1];
    assert_eq!(step["verdict"], "blocked");
    assert_eq!(step["reasons"][0]["code"], "outside-range");
    assert_eq!((&step["reasons"][0]["path"], &step["reasons"][0]["line"]), (&"promote.yaml".into(), &7.into()));
    assert_eq!(step["edits"], serde_json::json!([]));
}

#[test]
fn an_unknown_step_carries_its_error() {
    let fleet = fleet();
    fleet.registry.fault(0, crate::support::registry::Fault::Answer(401, vec![], b"{}".to_vec()));
    let run = fleet.promote(&["my-app", "v1.2.3", "-o", "json"]);
    assert_eq!(run.code, 4, "{run}");
    let step = &run.json()["steps"][1];
    assert_eq!(step["verdict"], "unknown");
    assert_eq!(step["error"]["exit"], 4, "{run}");
    assert_eq!(keys(&step["error"]), ["code", "exit", "message", "path", "line", "help"]);
}

#[test]
fn a_current_step_stays_where_it_is() {
    let run = fleet().promote(&["my-app", "v1.2.1", "-o", "json"]);
    assert_eq!(run.code, 0, "{run}");
    let step = &run.json()["steps"][1];
    assert_eq!((&step["verdict"], &step["from"], &step["to"]), (&"current".into(), &"v1.2.1".into(), &"v1.2.1".into()));
    assert_eq!(run.json()["changed"], false);
}

#[test]
fn a_dry_run_plans_its_pull_request() {
    let (run, _) = on_github().promote_once(&["my-app", "v1.2.3", "--dry-run", "-o", "json"]);
    let plan = run.json();
    assert_eq!(plan["changed"], false);
    assert_eq!(plan["steps"][1]["pullRequest"]["state"], "planned");
    assert_eq!(plan["steps"][1]["pullRequest"]["number"], serde_json::Value::Null);
}

#[test]
fn what_fails_for_one_pull_request_stands_in_its_step() {
    let fleet = on_github();
    fleet.promote_once(&["my-app", "v1.2.3"]);
    fleet.forge.as_ref().expect("a forge").state().close(1);
    let (run, _) = fleet.promote_once(&["my-app", "v1.2.3", "-o", "json"]);
    assert_eq!(run.code, 3, "{run}");
    assert_eq!(run.json()["steps"][1]["error"]["code"], "closed-by-others", "{run}");
}

#[test]
fn status_has_the_contracts_fields() {
    let run = fleet().promote(&["status", "-o", "json"]);
    assert_eq!(run.code, 0, "{run}");
    let status = run.json();
    assert_eq!(keys(&status), ["apiVersion", "kind", "environments", "apps", "findings"]);
    assert_eq!(status["environments"][1], serde_json::json!({"name": "prod-eu", "stage": "production"}));
    let app = &status["apps"][0];
    assert_eq!(keys(app), ["app", "artifact", "environments"]);
    let cell = &app["environments"]["prod-eu"];
    assert_eq!(keys(cell), ["reference", "version", "digest", "resolved", "behind", "pullRequests"]);
    assert_eq!(
        (&cell["reference"], &cell["version"], &cell["behind"]),
        (&"v1.2.1".into(), &"v1.2.1".into(), &true.into()),
        "{run}"
    );
    let staging = &app["environments"]["staging"];
    let told = (&staging["reference"], &staging["version"], &staging["resolved"]);
    assert_eq!(told, (&STAGING.into(), &"v1.2.3".into(), &true.into()), "{run}");
}

#[test]
fn pins_have_the_contracts_fields() {
    let run = fleet().promote(&["pins", "-o", "json"]);
    assert_eq!(run.code, 0, "{run}");
    let document = run.json();
    assert_eq!(keys(&document), ["apiVersion", "kind", "pins", "findings"]);
    let pin = &document["pins"][0];
    let fields =
        "path line column document kind namespace name field value type effective shadowedBy environments decides";
    assert_eq!(keys(pin), fields.split(' ').collect::<Vec<_>>());
    assert_eq!((&pin["path"], &pin["line"], &pin["column"]), (&PIN.into(), &10.into(), &10.into()));
    assert_eq!((&pin["value"], &pin["type"], &pin["effective"]), (&"v1.2.1".into(), &"tag".into(), &true.into()));
    let decides = &pin["decides"][0];
    assert_eq!(
        keys(decides),
        "environment app artifact kind namespace name field value".split(' ').collect::<Vec<_>>()
    );
    assert_eq!(decides["value"], "v1.2.1");
}

#[test]
fn why_has_the_contracts_fields() {
    let run = fleet().promote(&["why", "my-app", "-o", "json"]);
    let why = run.json();
    assert_eq!(keys(&why), ["apiVersion", "kind", "app", "tags"]);
    assert_eq!(keys(&why["tags"][0]), ["tag", "environment", "verdict", "reasons"]);
    let tags: Vec<_> = why["tags"].as_array().expect("tags").iter().map(|tag| tag["tag"].clone()).collect();
    assert_eq!(tags, ["v1.2.3", "v1.2.2", "v1.2.1", "v1.2.0"]);
}

#[test]
fn every_failure_is_one_document() {
    let fleet = fleet();
    for (arguments, code) in [
        (&["nope", "v1.2.3", "-o", "json"][..], 2),
        (&["my-app", "v1 2", "-o", "json"], 2),
        (&["my-app", "v1.2.3", "--bogus", "-o", "json"], 2),
        (&["-o", "json", "plan", "--no-such-flag"], 2),
        (&["-ojson", "tags"], 2),
        (&["--output=json", "tags", "my-app", "--range", ">>1"], 2),
        (&["rollback", "my-app", "-o", "json"], 2),
        (&["-C", "/no/such/directory", "status", "-o", "json"], 2),
        (&["my-app", "v1.2.3", "--offline", "-o", "json"], 2),
        (&["explain", "no-such-code", "-o", "json"], 2),
    ] {
        let run = fleet.promote(arguments);
        assert_eq!(run.code, code, "{arguments:?}: {run}");
        let document = run.json();
        assert_eq!(document["kind"], "Error", "{arguments:?}: {run}");
        assert_eq!(document["error"]["exit"], code, "{arguments:?}: {run}");
        assert_eq!(keys(&document["error"]), ["code", "exit", "message", "path", "line", "help"], "{arguments:?}");
    }
    let run = fleet.file("promote.yaml", "version: 1\nstagez: []\n").promote(&["status", "-o", "json"]);
    let error = &run.json()["error"];
    assert_eq!((&error["path"], &error["line"]), (&"promote.yaml".into(), &2.into()), "{run}");
}

#[test]
fn nothing_due_is_a_document_too() {
    let fleet = fleet().file(PIN, &pin("v1.2.3"));
    for arguments in [&["auto", "-o", "json"][..], &["plan", "-o", "json"], &["my-app", "-o", "json"]] {
        let run = fleet.promote(arguments);
        assert_eq!(run.code, 0, "{run}");
        assert_eq!(run.json()["kind"], "Plan", "{run}");
        assert_eq!(run.json()["changed"], false, "{run}");
    }
    let closed = fleet.file("promote.yaml", &configured("", "auto: {hours: \"00:00-00:01\", zone: UTC}\n"));
    let run = closed.promote(&["auto", "-o", "json"]);
    assert_eq!(run.json()["kind"], "Plan", "{run}");
}
