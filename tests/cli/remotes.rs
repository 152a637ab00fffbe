//! Remotes that have rules of their own, or nothing to push to.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::json;

use crate::fleet::*;
use crate::support::Sandbox;
use crate::support::forge::What;
use crate::support::listener::{Listener, assert_no_secret};

const PROMOTE: &[&str] = &["my-app", "v1.2.3"];

/// Lets the remote run a script before it takes a push.
fn with_hook(fleet: &Sandbox, script: &str) {
    fleet.settle();
    let hook = fleet.path("remote.git/hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().expect("a parent")).expect("a folder");
    std::fs::write(&hook, format!("#!/bin/sh\n{script}\n")).expect("a file");
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("a mode");
}

/// Nothing was pushed, and no forge was asked to write.
fn is_untouched(fleet: &Sandbox) -> bool {
    fleet.branches().is_empty() && fleet.forge.as_ref().is_none_or(|forge| forge.writes().is_empty())
}

#[test]
fn what_a_hook_says_is_quoted_shortened_and_obeyed_by_nothing() {
    let words = "GL-HOOK-ERR: commits must be signed; names of branches must match ^(feature|hotfix)/";
    for kind in KINDS {
        let fleet = on_forge(kind);
        with_hook(
            &fleet,
            &format!(
                "echo '{words}' >&2\nprintf '\\033[2J\\033]8;;https://evil.example\\007x\\n::error::y\\n##[group]z\\n' >&2\n\
                 head -c 100000 /dev/zero | tr '\\0' a >&2\necho >&2\nexit 1"
            ),
        );
        let (run, wrote) = fleet.promote_once(PROMOTE);
        assert!(!wrote && run.code == 3 && is_untouched(&fleet), "{kind:?}: {run}");
        assert!(run.stderr.contains(words), "{kind:?}: {run}");
        let longest = run.stderr.lines().map(str::len).max().unwrap_or(0);
        assert!(longest < 4096 && run.stderr.len() < 8192, "{kind:?}: {} bytes", run.stderr.len());

        // Who takes the rule away finds the promotion as it would have been.
        std::fs::remove_file(fleet.path("remote.git/hooks/pre-receive")).expect("a hook");
        let again = fleet.promote(PROMOTE);
        assert_eq!((again.code, open_heads(&fleet).len()), (0, 1), "{kind:?}: {again}");
    }
}

#[test]
fn a_branch_that_stands_where_ours_have_their_folder_is_named() {
    for kind in KINDS {
        let fleet = on_forge(kind);
        fleet.settle();
        fleet.git("seed", &["push", "-q", "origin", "HEAD:refs/heads/promote"]);
        let (run, wrote) = fleet.promote_once(PROMOTE);
        assert!(!wrote && run.code == 3, "{kind:?}: {run}");
        assert!(run.stderr.contains("rename or delete branch `promote`"), "{kind:?}: {run}");
        assert!(fleet.pulls().is_empty(), "{kind:?}: {run}");
    }
}

#[test]
fn a_repository_that_takes_no_push_is_told_and_gets_no_pull_request() {
    let words = "This repository was archived so it is read-only.";
    for kind in KINDS {
        let fleet = on_forge(kind);
        fleet.git_server.as_ref().expect("a server").refuse_pushes(words);
        let (run, wrote) = fleet.promote_once(PROMOTE);
        assert!(!wrote && run.code == 3 && is_untouched(&fleet), "{kind:?}: {run}");
        assert!(run.stderr.contains("read-only") || run.stderr.contains("may not push"), "{kind:?}: {run}");
    }
}

#[test]
fn a_remote_that_is_down_for_a_moment_is_read_again() {
    for kind in KINDS {
        let fleet = on_forge(kind);
        fleet.settle();
        let server = fleet.git_server.as_ref().expect("a server");
        server.go_down(2);
        let run = fleet.promote(PROMOTE);
        assert_eq!((run.code, open_heads(&fleet).len()), (0, 1), "{kind:?}: {run}");
    }
}

#[test]
fn a_remote_that_stays_down_is_temporary_and_named() {
    let fleet = on_forge(KINDS[0]);
    fleet.settle();
    let server = fleet.git_server.as_ref().expect("a server");
    let before = server.requests().len();
    server.go_down(usize::MAX);
    let (run, wrote) = fleet.promote_once(PROMOTE);
    assert!(!wrote && run.code == 5 && is_untouched(&fleet), "{run}");
    assert!(run.stderr.contains(&server.host()) && run.stderr.contains("503"), "{run}");
    let asked = server.requests().len() - before;
    assert!((2..=10).contains(&asked), "{asked} requests: {run}");
}

#[test]
fn a_base_that_is_deleted_is_no_ground_to_push_from() {
    for kind in KINDS {
        let fleet = on_forge(kind);
        fleet.settle();
        fleet.git("seed", &["push", "-q", "origin", "HEAD:refs/heads/other"]);
        fleet.git("remote.git", &["update-ref", "-d", "refs/heads/main"]);
        let (run, wrote) = fleet.promote_once(&[PROMOTE, &["--base", "main"]].concat());
        assert!(!wrote && [2, 3].contains(&run.code) && is_untouched(&fleet), "{kind:?}: {run}");
        assert!(run.stderr.contains("main"), "{kind:?}: {run}");
    }
}

#[test]
fn a_base_that_is_deleted_while_a_run_lasts_stops_it() {
    let (undisturbed, _) = on_github().promote_once(PROMOTE);
    let push = undisturbed.push();
    for nth in [push - 1, push] {
        let fleet = on_github();
        let remote = fleet.path("remote.git").display().to_string();
        let deletes = format!("unset GIT_DIR; git --git-dir='{remote}' update-ref -d refs/heads/main");
        fleet.meanwhile_script(nth, &deletes);
        let (run, _) = fleet.promote_once(PROMOTE);
        assert!(fleet.mend_git() && [2, 3, 6].contains(&run.code), "before call {nth}: {run}");
        assert!(fleet.pulls().is_empty() && run.stderr.contains("error: "), "before call {nth}: {run}");
    }
}

#[test]
fn a_remote_without_a_commit_is_told() {
    for kind in KINDS {
        let fleet = on_forge(kind);
        fleet.settle();
        fleet.git("remote.git", &["update-ref", "-d", "refs/heads/main"]);
        let (run, wrote) = fleet.promote_once(PROMOTE);
        assert!(!wrote && [2, 3].contains(&run.code) && is_untouched(&fleet), "{kind:?}: {run}");
        assert!(run.stderr.contains("help: push a first commit to it"), "{kind:?}: {run}");
    }
}

#[test]
fn a_server_that_filters_nothing_and_gives_no_commit_by_name_is_served_all_the_same() {
    let fleet = on_github();
    fleet.settle();
    for key in ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant", "uploadpack.allowReachableSHA1InWant"] {
        fleet.git("remote.git", &["config", key, "false"]);
    }
    let run = fleet.promote(PROMOTE);
    assert_eq!((run.code, open_heads(&fleet).len()), (0, 1), "{run}");
}

#[test]
fn a_repository_with_everything_that_git_can_hold_is_changed_in_one_place() {
    let fleet = on_github();
    fleet.change(PIN, format!("\u{feff}{}", pin("v1.2.1").replace('\n', "\r\n")).trim_end());
    fleet.change(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n* text=auto eol=lf\n");
    fleet.change("big.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n");
    fleet.change("Case.txt", "one\n");
    fleet.change("case.txt", "other\n");
    fleet.change(".gitmodules", "[submodule \"lib\"]\n\tpath = lib\n\turl = https://git.example/lib.git\n");
    let seed = fleet.path("seed");
    std::os::unix::fs::symlink("../../etc/passwd", seed.join("link")).expect("a link");
    let odd = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"odd-\xff\xfe.txt");
    std::fs::write(seed.join(Path::new(odd)), "odd\n").expect("a file");
    std::fs::set_permissions(seed.join(PIN), std::fs::Permissions::from_mode(0o755)).expect("a mode");
    // A folder without anything in it stands for a submodule that nobody has fetched.
    std::fs::create_dir(seed.join("lib")).expect("a folder");
    let gitlink = "160000,0123456789abcdef0123456789abcdef01234567,lib";
    fleet.git("seed", &["update-index", "--add", "--cacheinfo", gitlink]);

    let run = fleet.promote(PROMOTE);
    assert_eq!((run.code, open_heads(&fleet).len()), (0, 1), "{run}");
    let branch = &fleet.branches()[0];
    let raw = fleet.git("remote.git", &["diff-tree", "-r", "main", branch]);
    assert!(raw.lines().count() == 1 && raw.starts_with(":100755 100755 ") && raw.trim_end().ends_with(PIN), "{raw}");
    let text = fleet.text_on(branch, PIN);
    assert!(
        text.starts_with('\u{feff}') && !text.ends_with('\n') && text.contains("tag: v1.2.3 # moved by promote"),
        "{text:?}"
    );
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{text:?}");
    let fsck = fleet.git("remote.git", &["fsck", "--no-dangling", "--connectivity-only", branch]);
    assert_eq!(fsck, "");
}

#[test]
fn a_pin_behind_a_link_is_changed_where_it_stands_and_one_in_large_file_storage_is_not() {
    let fleet = on_github().file("clusters/prod-eu/elsewhere.txt", &pin("v1.2.1"));
    std::fs::remove_file(fleet.path("seed").join(PIN)).expect("a file");
    std::os::unix::fs::symlink("elsewhere.txt", fleet.path("seed").join(PIN)).expect("a link");
    let run = fleet.promote(PROMOTE);
    assert_eq!((run.code, open_heads(&fleet).len()), (0, 1), "{run}");
    let raw = fleet.git("remote.git", &["diff-tree", "-r", "--name-only", "main", &fleet.branches()[0]]);
    assert_eq!(raw, "clusters/prod-eu/elsewhere.txt\n", "{run}");

    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    let fleet = on_github().file(PIN, pointer);
    let (run, wrote) = fleet.promote_once(&["my-app", "v1.2.3", "--to", "prod-eu"]);
    assert!(!wrote && [2, 3].contains(&run.code) && is_untouched(&fleet), "{run}");
    assert!(run.stderr.contains("prod-eu"), "{run}");
}

#[test]
fn an_app_that_is_not_where_it_was_asked_for_is_never_called_done() {
    let fleet = on_github().file(PIN, &of_app("other", "other-config", "tag: v1.0.0"));
    for arguments in [&["my-app", "v1.2.3", "--to", "prod-eu"][..], &["my-app", "--to", "production"]] {
        let (run, wrote) = fleet.promote_once(arguments);
        assert!(!wrote && run.code == 2 && is_untouched(&fleet), "{arguments:?}: {run}");
        assert!(run.stderr.contains("error: no source or image of my-app is found in prod-eu"), "{run}");
        assert!(run.stderr.contains("help: promote pins my-app shows where it is written"), "{run}");
    }
}

fn answer(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

#[test]
fn a_server_that_sends_elsewhere_gets_no_further_and_elsewhere_hears_no_secret() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Listener::json("{}");
        let target = format!("http://{}/acme/fleet.git/info/refs?service=git-upload-pack", elsewhere.host());
        let server = Listener::start(answer(status, &target));
        let fleet = on_github();
        let host = server.host();
        let api = fleet.forge.as_ref().expect("a forge").api();
        let fleet = fleet
            .git_login(&host, "reader", "canary-of-the-helper")
            .setting(&format!("promote.{host}.kind"), "github")
            .setting(&format!("promote.{host}.api"), &api);
        fleet.settle();
        fleet.git("fleet", &["remote", "set-url", "origin", &format!("http://{host}/acme/fleet.git")]);
        let (run, wrote) = fleet.promote_once(PROMOTE);
        assert!(!wrote && run.code == 7, "{status}: {run}");
        assert!(run.stderr.contains("has moved") && run.stderr.contains("git remote set-url"), "{status}: {run}");
        assert_eq!(elsewhere.heard(), "", "{status}: {run}");
        assert!(server.heard().contains("GET /acme/fleet.git"), "{status}: {run}");
        for canary in &fleet.canaries {
            assert_no_secret(&server.heard(), &canary.user, &canary.secret);
        }
    }
}

#[test]
fn a_forge_that_sends_elsewhere_is_not_followed_with_the_token() {
    for kind in KINDS {
        for status in [301, 302, 307, 308] {
            let elsewhere = Listener::json("{}");
            let fleet = on_forge(kind);
            let target = format!("http://{}/", elsewhere.host());
            let target: &'static str = Box::leak(target.into_boxed_str());
            let forge = fleet.forge.as_ref().expect("a forge");
            forge.fail("POST", forge.pulls_path(), What::Answer(status, vec![("location", target)], json!({})));
            let (run, _) = fleet.promote_once(PROMOTE);
            assert_eq!(run.code, 7, "{kind:?}: {status}: {run}");
            assert_eq!(elsewhere.heard(), "", "{kind:?}: {status}: {run}");
            let again = fleet.promote(PROMOTE);
            assert_eq!((again.code, open_heads(&fleet).len()), (0, 1), "{kind:?}: {status}: {again}");
        }
    }
}
