//! Help, completions, codes: what needs no repository.

use insta::assert_snapshot;

use crate::fleet::*;
use crate::support::Sandbox;

#[test]
fn help_is_short_and_complete() {
    let run = Sandbox::new().file("x", "x").promote(&["-h"]);
    assert_eq!(run.code, 0);
    assert_snapshot!(run, @"");
}

#[test]
fn completions_are_printed_for_every_shell() {
    let fleet = Sandbox::new().file("x", "x");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = fleet.promote(&["completions", shell]);
        assert_eq!(run.code, 0, "{shell}: {}", run.stderr);
        assert!(run.stdout.contains("promote") && run.stdout.contains("status"), "{shell}");
    }
    assert_eq!(fleet.promote(&["completions", "tcsh"]).code, 2);
}

#[test]
fn the_manual_page_names_every_option() {
    let run = Sandbox::new().file("x", "x").promote(&["man"]);
    assert_eq!(run.code, 0);
    assert!(run.stdout.contains(".TH promote 1") && run.stdout.contains("offline"), "{run}");
}

#[test]
fn a_code_is_explained_and_a_misspelt_one_suggested() {
    let fleet = Sandbox::new().file("x", "x");
    assert_snapshot!(fleet.promote(&["explain", "digest-differs"]), @"");
    assert_snapshot!(fleet.promote(&["explain", "digest-difers"]), @"");
    let all = fleet.promote(&["explain"]);
    assert!(all.stdout.lines().count() > 40, "{all}");
}

#[test]
fn the_version_is_told() {
    let run = Sandbox::new().file("x", "x").promote(&["--version"]);
    assert_eq!(run.stdout, format!("promote {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_command_that_is_not_built_says_so() {
    assert_snapshot!(fleet().promote(&["rollback", "my-app"]), @"");
}

#[test]
fn an_unknown_option_is_usage() {
    let run = fleet().promote(&["my-app", "--no-such-option"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stdout.is_empty(), "{run}");
}

#[test]
fn the_demo_wants_an_empty_folder_and_ends_with_its_name() {
    let fleet = fleet();
    fleet.settle();
    let run = fleet.promote(&["demo", "../home"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("is not empty"), "{run}");
    let run = fleet.promote(&["demo", "../playground"]);
    assert_eq!(run.code, 0, "{run}");
    let last = run.stdout.lines().last().expect("a line");
    assert!(last.ends_with("/playground"), "{last}");
    for part in ["fleet", "fleet.git", "registry"] {
        assert!(fleet.path("playground").join(part).is_dir(), "{part}");
    }
}
