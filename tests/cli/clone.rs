//! The clone it is started in: whatever state it is in, it is byte for byte the same afterwards.

use crate::fleet::*;
use crate::support::Sandbox;

/// A fleet with a clone to be put into some state.
fn settled() -> Sandbox {
    let fleet = on_github();
    fleet.settle();
    fleet
}

/// Reads, then writes; the oracles compare the clone before and after.
fn assert_untouched(fleet: &Sandbox) {
    let run = fleet.promote(&["status"]);
    assert_eq!(run.code, 0, "{run}");
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(fleet.pulls().len(), 1, "{run}");
}

#[test]
fn with_staged_changed_untracked_and_stashed_work() {
    assert_untouched(&settled());
}

#[test]
fn in_the_middle_of_a_rebase() {
    let fleet = settled();
    fleet.git("fleet", &["stash", "-q", "-u"]);
    for (branch, text) in [("one", "one\n"), ("two", "two\n")] {
        fleet.git("fleet", &["switch", "-q", "-C", branch, "origin/main"]);
        std::fs::write(fleet.path("fleet/conflict.txt"), text).expect("a file");
        fleet.git("fleet", &["add", "conflict.txt"]);
        fleet.git("fleet", &["commit", "-q", "-m", branch]);
    }
    let rebase = ["-c", "alias.try=!git rebase -q one || true", "try"];
    fleet.git("fleet", &rebase);
    assert!(fleet.path("fleet/.git/rebase-merge").exists());
    assert_untouched(&fleet);
}

#[test]
fn with_a_detached_head() {
    let fleet = settled();
    fleet.git("fleet", &["stash", "-q", "-u"]);
    fleet.git("fleet", &["checkout", "-q", "--detach", "origin/main"]);
    assert_untouched(&fleet);
}

#[test]
fn with_an_index_that_another_git_holds() {
    let fleet = settled();
    std::fs::write(fleet.path("fleet/.git/index.lock"), "").expect("a file");
    assert_untouched(&fleet);
}

#[test]
fn with_git_variables_of_another_repository() {
    let fleet = settled();
    fleet.git(".", &["init", "-q", "other"]);
    let other = fleet.path("other/.git").display().to_string();
    let fleet = fleet.variable("GIT_INDEX_FILE", &format!("{other}/index")).variable("GIT_PREFIX", "clusters/");
    assert_untouched(&fleet);
}

#[test]
fn with_git_dir_exported_as_in_a_hook() {
    let fleet = settled();
    let directory = fleet.path("fleet/.git").display().to_string();
    let fleet = fleet.variable("GIT_DIR", &directory);
    assert_untouched(&fleet);
}

#[test]
fn with_hooks_and_filters_that_would_run_programs() {
    let fleet = settled();
    let marker = fleet.path("tmp/ran").display().to_string();
    for hook in ["pre-push", "pre-commit", "post-checkout", "reference-transaction", "post-commit", "commit-msg"] {
        let path = fleet.path("fleet/.git/hooks").join(hook);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(&path, format!("#!/bin/sh\necho {hook} >>'{marker}'\n")).expect("a file");
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    assert_untouched(&fleet);
    assert!(!fleet.path("tmp/ran").exists());
}

#[test]
fn a_shallow_clone_will_do() {
    let fleet = settled();
    std::fs::remove_dir_all(fleet.path("fleet")).expect("a removal");
    let remote = format!("file://{}", fleet.path("remote.git").display());
    fleet.git(".", &["clone", "-q", "--depth", "1", &remote, "fleet"]);
    let run = fleet.promote(&["my-app", "v1.2.3", "--dry-run"]);
    // Its registry isn't known to this clone: what counts is that nothing was touched.
    assert_ne!(run.code, 70, "{run}");
}
