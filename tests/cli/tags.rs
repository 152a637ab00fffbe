//! `promote tags`: which tags there are, and which one Flux would select.

use std::io::Write as _;
use std::process::Stdio;

use insta::assert_snapshot;

use crate::fleet::*;
use crate::support::sandbox::ARTIFACT;
use crate::support::{Run, Sandbox};

fn on_stdin(tags: &str, arguments: &[&str]) -> Run {
    let fleet = Sandbox::new().file("README.md", "x\n");
    fleet.settle();
    let mut arguments = arguments.to_vec();
    arguments.splice(0..0, ["tags", "--stdin"]);
    let mut child = fleet.command(&arguments).stdin(Stdio::piped()).spawn().expect("the program");
    let mut input = child.stdin.take().expect("standard input");
    let text = tags.to_owned();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let run = fleet.finish(child, &arguments);
    writer.join().expect("a thread").ok();
    run
}

#[test]
fn tags_of_an_app_come_newest_first() {
    let fleet = fleet().artifact(ARTIFACT, &["latest", "v1.10.0", "main-4f1c2a9"]);
    assert_snapshot!(fleet.promote(&["tags", "my-app"]), @"
    v1.10.0        a version
    v1.2.3         a version
    v1.2.2         a version
    v1.2.1         a version
    v1.2.0         a version
    latest         `latest` is not a version
    main-4f1c2a9   `main-4f1c2a9` is not a version
    ");
}

#[test]
fn a_range_tells_which_one_flux_selects() {
    let fleet = fleet().artifact(ARTIFACT, &["v1.3.0-rc.1", "v2.0.0"]);
    assert_snapshot!(fleet.promote(&["tags", "my-app", "--range", "~1.2"]), @"
      v2.0.0        outside `~1.2`
      v1.3.0-rc.1   outside `~1.2`
    > v1.2.3        the newest that `~1.2` admits
      v1.2.2        `~1.2` admits it
      v1.2.1        `~1.2` admits it
      v1.2.0        `~1.2` admits it
    `~1.2` selects v1.2.3
    ");
}

#[test]
fn an_artifact_needs_no_app() {
    let run = fleet().promote(&["tags", "oci://registry.example.com/my-app-config", "-o", "json"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(run.json()["tags"][0]["tag"], "v1.2.3");
    let run = fleet().promote(&["tags", "oci://registry example.com/x"]);
    assert_eq!(run.code, 2, "{run}");
}

#[test]
fn a_range_that_flux_rejects_is_shown_with_its_column() {
    assert_snapshot!(on_stdin("v1.0.0\n", &["--range", ">=1.0.0 <<2"]), @"
    --- stderr
    error: `>=1.0.0 <<2` is no range that Flux reads: `<<` is no operator at column 9
    help: a range looks like `>=1.0.0`, `>=1.0.0 <2.0.0`, `~1.2` or `1.x || 2.x`
    --- exit 2
    ");
}

#[test]
fn a_filter_that_flux_rejects_is_shown_with_its_column() {
    assert_snapshot!(on_stdin("v1.0.0\n", &["--filter", "^v1(?=x)"]), @"
    --- stderr
    error: `^v1(?=x)` is no filter that Flux reads: a group that Go doesn't know at column 4
    help: Go's regular expressions have no look-around and no back-references: https://github.com/google/re2/wiki/Syntax
    --- exit 2
    ");
}

#[test]
fn values_may_begin_with_a_dash() {
    let run = on_stdin("v1.0.0\n", &["--range", "-1"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("`-1`"), "{run}");
}

#[test]
fn nothing_selected_is_no_failure() {
    let run = on_stdin("v1.0.0\nv1.1.0\n", &["--range", ">=2", "-o", "json"]);
    assert_eq!(run.code, 0, "{run}");
    let tags = run.json();
    assert_eq!((&tags["selected"], &tags["artifact"]), (&serde_json::Value::Null, &serde_json::Value::Null));
    assert_eq!(tags["matched"], serde_json::json!([]));
}

#[test]
fn tags_that_tie_are_named_and_none_is_selected() {
    let run = on_stdin("v1.0.0\n1.0.0\n", &["--range", "*", "-o", "json"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(run.json()["selected"], serde_json::Value::Null, "{run}");
    assert_eq!(run.json()["tied"].as_array().map(Vec::len), Some(2), "{run}");
}

#[test]
fn duplicates_blank_lines_and_windows_lines_are_nothing_new() {
    let run = on_stdin("v1.0.0\r\n\r\nv1.0.0\r\nv1.1.0\n\nnot a tag\n", &["--range", "*", "-o", "json"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(run.json()["selected"], "v1.1.0", "{run}");
    let tags = run.json()["tags"].as_array().expect("tags").iter().filter(|one| one["tag"] == "v1.0.0").count();
    assert_eq!(tags, 1, "{run}");
}

#[test]
fn a_hundred_thousand_tags_are_read() {
    let tags: String = (0..100_000).map(|number| format!("v1.{}.{}\n", number / 1000, number % 1000)).collect();
    let run = on_stdin(&tags, &["--range", ">=1.0.0 <1.99.0", "-o", "json"]);
    assert_eq!(run.code, 0);
    assert_eq!(run.json()["selected"], "v1.98.999");
    assert_eq!(run.json()["tags"].as_array().map(Vec::len), Some(100_000));
}

#[test]
fn names_that_are_no_versions_are_listed_last_and_never_selected() {
    let run = on_stdin("latest\nmain\nv1.0.0\n1.2\n20260101\n", &["--range", "*"]);
    assert_snapshot!(run, @"
    > v1.0.0     the newest that `*` admits
      1.2        `1.2` is not a version: three numbers are needed
      20260101   `20260101` is not a version: three numbers are needed
      latest     `latest` is not a version
      main       `main` is not a version
    `*` selects v1.0.0
    ");
}

#[test]
fn text_in_tags_cannot_steer_the_terminal() {
    let run = on_stdin("v1.0.0\n\u{1b}[31mred\n::error::x\n\u{202e}reversed\n", &[]);
    assert_eq!(run.code, 0, "{run}");
    assert!(!run.stdout.contains('\u{1b}') && !run.stdout.contains('\u{202e}'), "{run}");
    assert!(!run.stdout.lines().any(|line| line.trim_start().starts_with("::")), "{run}");
}

#[test]
fn stdin_and_an_app_exclude_one_another() {
    let fleet = fleet();
    assert_eq!(fleet.promote(&["tags", "my-app", "--stdin"]).code, 2);
    assert_eq!(fleet.promote(&["tags"]).code, 2);
}

#[test]
fn an_environment_asks_what_its_own_range_selects() {
    let run = fleet().promote(&["tags", "my-app", "--env", "staging", "-o", "json"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!((&run.json()["range"], &run.json()["selected"]), (&STAGING.into(), &"v1.2.3".into()));
}
