//! Bad input and bad surroundings: said once, with the place and the next command, and nothing written.

use insta::assert_snapshot;

use crate::fleet::*;
use crate::support::Sandbox;

#[test]
fn a_writing_command_needs_a_remote() {
    let fleet = fleet();
    fleet.settle();
    fleet.git("fleet", &["branch", "--unset-upstream"]);
    fleet.git("fleet", &["remote", "remove", "origin"]);
    assert_snapshot!(fleet.promote(&["my-app", "v1.2.3"]), @"
    --- stderr
    error: this clone has no remote
    help: git remote add origin URL
    --- exit 2
    ");
}

#[test]
fn a_directory_that_is_no_clone_is_told() {
    let fleet = fleet();
    fleet.settle();
    assert_snapshot!(fleet.promote(&["-C", "../home", "status"]), @"
    --- stderr
    error: `../home` is not in a Git repository
    help: go to a clone, or name one with `-C DIR` or the remote with `--repo URL`
    --- exit 2
    ");
    assert_snapshot!(fleet.promote(&["-C", "/no/such/directory", "status"]), @"
    --- stderr
    error: `/no/such/directory` is not in a Git repository
    help: go to a clone, or name one with `-C DIR` or the remote with `--repo URL`
    --- exit 2
    ");
}

#[test]
fn a_repository_without_environments_says_what_was_looked_for() {
    let fleet = Sandbox::new().file("README.md", "nothing here\n");
    assert_snapshot!(fleet.promote(&["status"]), @"
    --- stderr
    error: no environments with Flux sources were found
    help: looked for a bootstrap: `gotk-sync.yaml`, a Kustomization or FluxInstance `flux-system`;
          directories below `clusters/`, `environments/`, `envs/`, `apps/`, `overlays/`, `deploy/` named after an environment (dev, staging, production);
          say where they are in promote.yaml: environments: [{name: production, path: clusters/production}]
    --- exit 2
    ");
}

#[test]
fn an_empty_remote_is_told() {
    let fleet = Sandbox::new();
    fleet.file("x", "x").settle();
    let fleet = Sandbox::new().file("x", "x");
    fleet.settle();
    fleet.git(".", &["init", "-q", "--bare", "empty.git"]);
    fleet.git("fleet", &["remote", "set-url", "origin", &fleet.path("empty.git").display().to_string()]);
    let run = fleet.promote(&["status"]);
    assert!(matches!(run.code, 2 | 3), "{run}");
    assert!(run.stderr.starts_with("error: "), "{run}");
}

#[test]
fn an_unreadable_file_elsewhere_is_a_finding() {
    let fleet = fleet().file("clusters/prod-eu/broken.yaml", "a: [1\nb: {\n");
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    let run = fleet.promote(&["pins"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("unreadable-yaml") && run.stdout.contains("clusters/prod-eu/broken.yaml"), "{run}");
}

#[test]
fn a_broken_configuration_is_shown_with_its_line() {
    let fleet = fleet().file("promote.yaml", &format!("{ONE}    evidense: selected\n"));
    assert_snapshot!(fleet.promote(&["my-app", "v1.2.3"]), @"
    --- stderr
    error: unknown key `evidense`
     --> promote.yaml:7:5
      |
    7 |     evidense: selected
      |     ^^^^^^^^^
    help: did you mean `evidence`?
    --- exit 2
    ");
}

#[test]
fn a_rule_that_is_not_built_is_refused_and_never_ignored() {
    for rule in ["soak: 24h", "evidence: observed"] {
        let run = with_rules(rule).promote(&["my-app", "v1.2.3"]);
        assert_eq!(run.code, 2, "{rule}: {run}");
        assert!(run.stderr.contains("promote.yaml:7"), "{rule}: {run}");
    }
}

#[test]
fn a_configuration_that_is_no_yaml_is_shown_with_its_line() {
    let run = fleet().file("promote.yaml", "version: 1\nstages: [\n").promote(&["status"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("promote.yaml:"), "{run}");
}

#[test]
fn a_hook_that_rejects_the_push_is_quoted() {
    let fleet = fleet();
    fleet.settle();
    let hook = fleet.path("remote.git/hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().expect("a parent")).expect("a folder");
    std::fs::write(&hook, "#!/bin/sh\necho 'branches must be named feature/*' >&2\nexit 1\n").expect("a file");
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stderr.contains("branches must be named feature/*"), "{run}");
    assert!(fleet.branches().is_empty());
}

#[test]
fn a_missing_token_is_found_before_the_push() {
    let fleet = on_github().variable("GH_ENTERPRISE_TOKEN", "");
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 4, "{run}");
    assert!(run.stderr.contains("GH_ENTERPRISE_TOKEN"), "{run}");
    assert!(fleet.branches().is_empty(), "{run}");
}

#[test]
fn a_token_that_the_forge_refuses_is_found_before_the_push() {
    let fleet = on_github();
    let refused = crate::support::forge::What::Answer(401, vec![], serde_json::json!({"message": "Bad credentials"}));
    fleet.forge.as_ref().expect("a forge").fail("GET", "/user", refused);
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 4, "{run}");
    assert!(fleet.branches().is_empty(), "{run}");
}

#[test]
fn a_missing_identity_names_both_git_configs() {
    let fleet = fleet();
    fleet.settle();
    std::fs::write(fleet.path("home/.gitconfig"), "[init]\n\tdefaultBranch = main\n").expect("a file");
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("git config") && run.stderr.contains("user.email"), "{run}");
    assert!(fleet.branches().is_empty(), "{run}");
}

#[test]
fn a_version_that_can_be_no_tag_is_usage() {
    let fleet = fleet();
    for version in ["v1 2", "../x", ".v1", "v1.2.3:latest", "v1@sha256:0"] {
        let run = fleet.promote(&["my-app", version]);
        assert_eq!(run.code, 2, "{version}: {run}");
    }
    assert_snapshot!(fleet.promote(&["my-app", "v1 2"]), @"
    --- stderr
    error: `v1 2` can't be a tag: `v1 2` is no tag: letters, digits, `.`, `_` and `-` only, not beginning with `.` or `-`, 128 at most
    --- exit 2
    ");
    let run = fleet.promote(&["my-app", "v1\u{1b}[31m"]);
    assert_eq!(run.code, 2, "{run}");
    let run = fleet.promote(&["why", "my-app", "v1 2"]);
    assert_eq!(run.code, 2, "{run}");
}

#[test]
fn a_writing_command_reads_no_other_revision() {
    let fleet = fleet();
    assert_snapshot!(fleet.promote(&["my-app", "v1.2.3", "--at", "HEAD"]), @"
    --- stderr
    error: `--at` is for commands that only read
    help: leave out `--at`: what is written is built on the remote's newest commit
    --- exit 2
    ");
    for arguments in [&["my-app", "v1.2.3", "--offline"][..], &["auto", "--at", "worktree"], &["auto", "--offline"]] {
        let run = fleet.promote(arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {run}");
    }
}

#[test]
fn a_branch_of_our_name_with_another_content_is_a_conflict() {
    let fleet = on_github();
    let (run, _) = fleet.promote_once(&["my-app", "v1.2.3", "--dry-run", "-o", "json"]);
    let branch = run.json()["steps"][1]["pullRequest"]["branch"].as_str().expect("a branch").to_owned();
    fleet.git("seed", &["switch", "-q", "-c", "theirs"]);
    std::fs::write(fleet.path("seed/theirs.txt"), "theirs\n").expect("a file");
    fleet.git("seed", &["add", "-A"]);
    fleet.git("seed", &["commit", "-q", "-m", "Theirs"]);
    fleet.git("seed", &["push", "-q", "origin", &format!("HEAD:refs/heads/{branch}")]);
    let (run, wrote) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert!(!wrote && run.code == 6, "{run}");
    assert!(run.stderr.contains(&branch), "{run}");
}

#[test]
fn a_remote_that_does_not_answer_is_temporary_and_named() {
    let fleet = fleet();
    fleet.settle();
    fleet.git("fleet", &["remote", "set-url", "origin", &fleet.path("gone.git").display().to_string()]);
    let run = fleet.promote(&["status"]);
    assert!(run.code != 0 && run.code != 70, "{run}");
    assert!(run.stderr.contains("gone.git"), "{run}");
}

#[test]
fn an_unknown_base_or_remote_is_usage() {
    let fleet = fleet();
    for arguments in [&["status", "--base", "no-such-branch"][..], &["status", "--remote", "no-such-remote"]] {
        let run = fleet.promote(arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {run}");
        assert!(run.stderr.contains("no-such-"), "{run}");
    }
}
