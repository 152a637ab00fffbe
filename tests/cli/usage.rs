//! Help, completions, codes: what needs no repository.

use insta::assert_snapshot;

use crate::fleet::*;
use crate::support::Sandbox;

#[test]
fn help_is_short_and_complete() {
    let run = Sandbox::new().file("x", "x").promote(&["-h"]);
    assert_eq!(run.code, 0);
    assert_snapshot!(run, @"
    Promote a version from staging to production in a Flux repository, by pull request

    Usage: promote [OPTIONS] APP [VERSION]
           promote [OPTIONS] COMMAND

    Commands:
      run          Open pull requests that move APP to VERSION, or to what the environment before runs
      status       Show what runs where, and what needs somebody
      why          Show for each tag whether it may go there, and each rule that says no
      init         Write what was found here as promote.yaml
      doctor       Check tokens, logins, branch rules, code owners, and who else writes the same places
      auto         Open the pull requests that are due; change nothing when none is
      plan         Show who can advance where, and who can't
      check        Check the base, or with --pull-request judge a promotion again before it is merged
      tags         List the tags of an artifact, newest version first
      pins         List every place where a version is written
      demo         Make a playground and run the main job in it
      explain      Say what a code of the JSON documents means
      completions  Print the completions of a shell
      man          Print the manual page

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version

    Where:
      -C <DIR>               Read the clone that holds this directory
          --repo <URL>       Read this repository, without a clone
          --remote <NAME>    Use this remote of the clone
          --base <BRANCH>    Use this base branch
          --env <ENV|STAGE>  Narrow to this environment or stage; may be given more than once
          --at <REV>         Read this revision, or `worktree`, instead of the remote's newest commit
          --offline          Ask nothing of the network
          --forge <KIND>     Open pull requests there; `none` pushes the branch and prints the text
                             [possible values: github, gitlab, gitea, forgejo, none]

    Output:
      -v, --verbose...       Tell what is asked of Git, registries and the forge; twice for more
      -o, --output <FORMAT>  Print for people or as JSON [default: text] [possible values: text, json]

    `promote APP VERSION` opens a pull request for each environment that may advance to VERSION.
    `promote` alone shows what waits. It never approves, never merges, never pushes to the base branch.
    ");
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
    assert_snapshot!(fleet.promote(&["explain", "digest-differs"]), @"digest-differs: The content under the tag is not what the environment before runs.");
    assert_snapshot!(fleet.promote(&["explain", "digest-difers"]), @"
    --- stderr
    error: there is no code `digest-difers`
    help: did you mean `digest-differs`?
    --- exit 2
    ");
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
    assert_snapshot!(fleet().promote(&["rollback", "my-app"]), @"
    --- stderr
    error: the command `rollback` is not built yet (an app of that name: promote run rollback)

    Usage: promote [OPTIONS] APP [VERSION]
           promote [OPTIONS] COMMAND

    For more information, try '--help'.
    --- exit 2
    ");
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
