//! What the CI job around a run is told: annotations, summary and outputs in GitHub Actions, a dotenv report in GitLab.

use std::fs;

use insta::assert_snapshot;
use serde_json::json;

use crate::fleet::*;
use crate::support::forge::{Review, What};
use crate::support::{Run, Sandbox};

/// The same fleet in a job of GitHub Actions.
fn in_actions(fleet: Sandbox) -> Sandbox {
    let (output, summary) = (fleet.path("output"), fleet.path("summary"));
    // The runner makes them.
    fs::write(&output, "before=1\n").expect("a file");
    fs::write(&summary, "").expect("a file");
    fleet
        .variable("GITHUB_ACTIONS", "true")
        .variable("GITHUB_OUTPUT", &output.display().to_string())
        .variable("GITHUB_STEP_SUMMARY", &summary.display().to_string())
}

fn summary(fleet: &Sandbox) -> String {
    fleet.shown(&fs::read_to_string(fleet.path("summary")).expect("a summary"))
}

/// Reads outputs as the runner does: `name=value`, or lines up to a delimiter.
fn outputs(fleet: &Sandbox) -> Vec<(String, String)> {
    let text = fs::read_to_string(fleet.path("output")).expect("outputs");
    let mut lines = text.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        match line.split_once("<<") {
            Some((name, delimiter)) if !line.contains('=') => {
                let values: Vec<&str> = lines.by_ref().take_while(|line| *line != delimiter).collect();
                found.push((name.to_owned(), values.join("\n")));
            }
            _ => {
                let (name, value) = line.split_once('=').expect("an output");
                found.push((name.to_owned(), value.to_owned()));
            }
        }
    }
    found
}

fn output(fleet: &Sandbox, name: &str) -> String {
    let all = outputs(fleet);
    let last = all.iter().rev().find(|(known, _)| known == name);
    fleet.shown(&last.unwrap_or_else(|| panic!("no {name} in {all:?}")).1)
}

/// The workflow commands, as the runner reads them from both streams.
fn commands(run: &Run) -> String {
    let lines = run.stderr.lines().chain(run.stdout.lines()).filter(|line| line.starts_with("::"));
    run.shown(&lines.map(|line| format!("{line}\n")).collect::<String>())
}

#[test]
fn a_promotion_tells_its_pull_request() {
    let fleet = in_actions(on_github());
    let (run, _) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    assert_snapshot!(commands(&run), @"::warning title=promote%3A base-unprotected::the rules of `main` ask for no approval: whoever may write may merge");
    assert_snapshot!(summary(&fleet), @"
    ### promote

    | what | versions | state |
    | --- | --- | --- |
    | my-app in prod-eu | `v1.2.1 -> v1.2.3` | open [#1](http://[forge]/acme/fleet/pull/1) |

    - note base-unprotected: the rules of `main` ask for no approval: whoever may write may merge

    exit 0
    
    ");
    assert_snapshot!(output(&fleet, "pull-requests"), @"http://[forge]/acme/fleet/pull/1");
    let all: Vec<String> =
        ["before", "changed", "due", "exit-code", "branches"].map(|name| output(&fleet, name)).into();
    assert_snapshot!(all.join("\n"), @"
    1
    true
    1
    0
    promote/prod-eu/my-app/v1.2.3-547806433318
    ");
    let delimiters: Vec<String> = (0..2)
        .map(|_| {
            fleet.promote_once(&["my-app", "v1.2.3"]);
            let text = fs::read_to_string(fleet.path("output")).expect("outputs");
            text.lines().filter_map(|line| line.strip_prefix("branches<<")).next_back().expect("a list").to_owned()
        })
        .collect();
    assert_ne!(delimiters[0], delimiters[1], "nobody knows it before");
    assert_eq!(output(&fleet, "changed"), "false", "a second run changes nothing, and says what is open");
    assert_eq!(output(&fleet, "pull-requests"), "http://[forge]/acme/fleet/pull/1");
}

#[test]
fn a_refusal_is_an_error_at_its_place() {
    let fleet = in_actions(
        on_github()
            .file("promote.yaml", &configured("", "apps:\n  my-app:\n    holds: [{version: v1.2.3, reason: leaks}]\n")),
    );
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 3, "{run}");
    assert_snapshot!(commands(&run), @"::error file=promote.yaml,line=9,title=promote%3A blocked::my-app v1.2.3 may not go to prod-eu%0A  1  held: leaks%0A     --> promote.yaml:9:13");
    let table = "| my-app in prod-eu | `v1.2.1 -> v1.2.3` | blocked: held: leaks |\n";
    assert!(summary(&fleet).contains(table), "{}", summary(&fleet));
    assert_eq!((output(&fleet, "exit-code"), output(&fleet, "pull-requests")), ("3".to_owned(), String::new()));
}

#[test]
fn an_error_that_ends_the_run_is_told_too() {
    let fleet = in_actions(on_github().file("promote.yaml", "version: 1\nstagse: []\n"));
    let run = fleet.promote(&["auto"]);
    assert_eq!(run.code, 2, "{run}");
    assert_snapshot!(commands(&run), @"::error file=promote.yaml,line=2,title=promote%3A configuration-unknown-key::unknown key `stagse`%0Ahelp: did you mean `stages`?");
    assert_eq!(output(&fleet, "exit-code"), "2");
}

#[test]
fn auto_and_plan_tell_what_is_due_and_blocked_is_no_error() {
    let held = "apps:\n  cart:\n    holds: [{version: v1.1.0, reason: leaks}]\n";
    let fleet = in_actions(
        on_github()
            .file("promote.yaml", &configured("", held))
            .file("clusters/staging/cart.yaml", &of_app("cart", "cart-config", "semver: \"1.x\""))
            .file("clusters/prod-eu/cart.yaml", &of_app("cart", "cart-config", "tag: v1.0.0"))
            .artifact("cart-config", &["v1.0.0", "v1.1.0"]),
    );
    let run = fleet.promote(&["plan"]);
    assert_eq!((run.code, commands(&run)), (0, String::new()), "{run}");
    assert_eq!((output(&fleet, "due"), output(&fleet, "changed")), ("1".to_owned(), "false".to_owned()));
    fs::write(fleet.path("summary"), "").expect("a file");
    let (run, _) = fleet.promote_once(&["auto"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(!commands(&run).contains("::error"), "{run}");
    assert_eq!((output(&fleet, "due"), output(&fleet, "changed")), ("1".to_owned(), "true".to_owned()));
    assert_snapshot!(summary(&fleet), @"
    ### promote

    | what | versions | state |
    | --- | --- | --- |
    | cart in prod-eu | `v1.0.0 -> v1.1.0` | blocked: held: leaks |
    | my-app in prod-eu | `v1.2.1 -> v1.2.3` | open [#1](http://[forge]/acme/fleet/pull/1) |

    - note base-unprotected: the rules of `main` ask for no approval: whoever may write may merge

    exit 0
    
    ");
}

#[test]
fn a_check_annotates_the_lines_that_are_wrong() {
    let fleet = in_actions(on_github().file(PIN, &range(STAGING)));
    let run = fleet.promote(&["check"]);
    assert_eq!(run.code, 3, "{run}");
    assert_snapshot!(commands(&run), @"::error file=clusters/prod-eu/my-app.yaml,line=10,col=13,title=promote%3A not-pinned::my-app in prod-eu: not pinned: it follows `>=1.0.0 <2.0.0` and moves by itself");
    let row = "| error | my-app in prod-eu: not pinned: it follows `>=1.0.0 <2.0.0` and moves by itself | `clusters/prod-eu/my-app.yaml:10:13` |\n";
    assert!(summary(&fleet).contains(row), "{}", summary(&fleet));
}

#[test]
fn a_pull_request_that_is_judged_again_is_annotated() {
    let fleet = in_actions(on_github().variable("GITHUB_TRIGGERING_ACTOR", "release-eng"));
    fleet.promote(&["my-app", "v1.2.3"]);
    let review = Review { author: "release-eng".to_owned(), state: "APPROVED".to_owned() };
    fleet.forge.as_ref().expect("a forge").state().pull(1).expect("one").reviews.push(review);
    let run = fleet.promote(&["check", "--pull-request", "1"]);
    assert_eq!(run.code, 3, "{run}");
    assert!(commands(&run).starts_with("::error title=promote%3A approved-by-requester::"), "{run}");
}

const HOSTILE: &str =
    "x\n::set-output name=pull-requests::y\n::add-mask::z\r\n##[group]a\u{1b}[31m\u{202e}%0A::stop-commands::w";

#[test]
fn text_from_elsewhere_gets_no_line_of_its_own() {
    let fleet = in_actions(on_github());
    let forge = fleet.forge.as_ref().expect("a forge");
    forge.fail("POST", "/labels", What::Answer(422, vec![], json!({"message": HOSTILE})));
    let (run, _) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    let told = commands(&run);
    assert!(told.contains("labels-not-set") && told.lines().all(|line| line.starts_with("::warning ")), "{told}");
    assert!(!told.to_lowercase().contains("%0a::"), "{told}");
    let fleet = in_actions(on_github());
    let reason = serde_json::Value::from(HOSTILE).to_string();
    let held = format!("apps:\n  my-app:\n    holds: [{{version: v1.2.3, reason: {reason}}}]\n");
    let fleet = fleet.file("promote.yaml", &configured("", &held));
    for arguments in [&["my-app", "v1.2.3"][..], &["plan"], &["auto"], &["check"], &["status"]] {
        let run = fleet.promote(arguments);
        assert!(
            commands(&run).lines().all(|line| line.starts_with("::error ") || line.starts_with("::warning ")),
            "{run}"
        );
    }
    let text = summary(&fleet);
    assert!(!text.lines().any(|line| line.trim_start().starts_with("::") || line.contains('\u{1b}')), "{text}");
    let names: Vec<String> = outputs(&fleet).into_iter().map(|(name, _)| name).collect();
    let known = ["before", "changed", "due", "exit-code", "pull-requests", "branches"];
    assert!(names.iter().all(|name| known.contains(&name.as_str())), "{names:?}");
}

#[test]
fn files_that_cannot_be_written_are_a_warning() {
    let fleet = in_actions(on_github());
    let nowhere = fleet.path("missing/output").display().to_string();
    let fleet = fleet.variable("GITHUB_OUTPUT", &nowhere).variable("GITHUB_STEP_SUMMARY", "/dev/full");
    let (run, _) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert_eq!((run.code, fleet.pulls().len()), (0, 1), "{run}");
    assert_eq!(run.stderr.matches("warning: the job isn't told").count(), 2, "{run}");
}

#[test]
fn a_document_stays_the_only_thing_on_standard_output() {
    let fleet = in_actions(on_github());
    let (run, _) = fleet.promote_once(&["my-app", "v1.2.3", "-o", "json"]);
    assert_eq!(run.json()["changed"], true, "{run}");
    assert!(run.stderr.contains("::warning "), "{run}");
    let run = fleet.promote(&["nope", "-o", "json"]);
    assert_eq!(run.json()["kind"], "Error", "{run}");
    assert!(run.stderr.contains("::error "), "{run}");
}

#[test]
fn outside_of_a_job_nothing_is_told() {
    let fleet = in_actions(on_github()).variable("GITHUB_ACTIONS", "");
    let (run, _) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert_eq!((commands(&run), summary(&fleet)), (String::new(), String::new()), "{run}");
    assert_eq!(fs::read_to_string(fleet.path("output")).expect("outputs"), "before=1\n");
}

/// The same fleet in a job of GitLab, whose directory isn't the clone.
fn in_gitlab(fleet: Sandbox) -> Sandbox {
    fs::create_dir_all(fleet.path("project")).expect("a folder");
    let directory = fleet.path("project").display().to_string();
    fleet.variable("GITLAB_CI", "true").variable("CI_PROJECT_DIR", &directory)
}

fn dotenv(fleet: &Sandbox) -> String {
    fleet.shown(&fs::read_to_string(fleet.path("project/promote.env")).expect("a report"))
}

#[test]
fn a_job_of_gitlab_gets_a_dotenv_report() {
    let fleet = in_gitlab(on_forge(crate::support::forge::Kind::GitLab));
    let (run, _) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert_eq!((run.code, commands(&run)), (0, String::new()), "{run}");
    assert_snapshot!(dotenv(&fleet), @"
    PROMOTE_CHANGED=true
    PROMOTE_DUE=1
    PROMOTE_EXIT_CODE=0
    PROMOTE_PULL_REQUEST_COUNT=1
    PROMOTE_PULL_REQUESTS=http://[forge]/acme/fleet/-/merge_requests/1
    PROMOTE_BRANCHES=promote/prod-eu/my-app/v1.2.3-547806433318
    ");
    let (run, _) = fleet.promote_once(&["nope"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(dotenv(&fleet).contains("PROMOTE_EXIT_CODE=2\n"), "the last run's stands there");
}

#[test]
fn a_file_of_somebody_else_is_left_as_it_is() {
    let fleet = in_gitlab(on_forge(crate::support::forge::Kind::GitLab));
    fs::write(fleet.path("project/promote.env"), "MINE=1\n").expect("a file");
    let (run, _) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stderr.contains("promote.env` can't be written: it holds something else"), "{run}");
    assert_eq!(dotenv(&fleet), "MINE=1\n");
}
