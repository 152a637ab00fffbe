//! The harness catches what it is there to catch: each oracle fails a run that breaks its rule.

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use support::sandbox::{ARTIFACT, GitFault, REGISTRY};
use support::world::World;
use support::{Run, Sandbox, oracles};

const PINNED: &str = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata:\n  name: my-app\nspec:\n  \
                      url: oci://registry.example.com/my-app-config\n  ref:\n    tag: v1.2.1 # pinned\n";

fn fleet() -> Sandbox {
    let fleet = Sandbox::new().file("clusters/production/my-app.yaml", PINNED).tags(&["v1.2.1", "v1.2.3"]);
    fleet.settle();
    fleet
}

/// A run that did nothing and said nothing.
fn silent(fleet: &Sandbox) -> Run {
    let mut run = fleet.promote(&["--version"]);
    run.stdout.clear();
    run
}

/// Says what the oracles say of something that happens between two moments.
fn complaint(happens: impl FnOnce(&Sandbox, &mut Run)) -> String {
    let fleet = fleet();
    let run = silent(&fleet);
    complaint_in(&fleet, &run, happens)
}

/// The same in a fleet that may be used again, if what happens leaves it as it was.
fn complaint_in(fleet: &Sandbox, run: &Run, happens: impl FnOnce(&Sandbox, &mut Run)) -> String {
    let (mut run, before) = (run.clone(), World::of(fleet));
    happens(fleet, &mut run);
    let after = World::of(fleet);
    match catch_unwind(AssertUnwindSafe(|| oracles::assert_all(fleet, &before, &run, &after))) {
        Ok(()) => "nothing".to_owned(),
        Err(said) => said.downcast_ref::<String>().cloned().unwrap_or_default(),
    }
}

/// Pushes a branch as `promote` would, with a file changed.
fn push(fleet: &Sandbox, branch: &str, path: &str, text: &str) {
    fleet.git("seed", &["switch", "-q", "-c", "change", "origin/main"]);
    fs::create_dir_all(fleet.path("seed").join(path).parent().expect("a parent")).expect("a folder");
    fs::write(fleet.path("seed").join(path), text).expect("a file");
    fleet.git("seed", &["add", "-A"]);
    fleet.git("seed", &["commit", "-q", "-m", "Promote my-app"]);
    fleet.git("seed", &["push", "-q", "origin", &format!("HEAD:refs/heads/{branch}")]);
}

const FILE: &str = "clusters/production/my-app.yaml";
const BRANCH: &str = "promote/production/my-app/v1.2.3-0123456789ab";

#[test]
fn a_run_that_keeps_every_rule_passes() {
    assert_eq!(complaint(|_, _| {}), "nothing");
    assert_eq!(complaint(|fleet, _| push(fleet, BRANCH, FILE, &PINNED.replace("v1.2.1", "v1.2.3"))), "nothing");
    assert_eq!(complaint(|_, run| run.stdout = "https://git.example/pull/1\n".to_owned()), "nothing");
}

#[test]
fn a_secret_is_found_in_every_form_and_place() {
    let fleet = fleet();
    let (run, token) = (silent(&fleet), fleet.canaries[1].secret.clone());
    let said = |happens: &dyn Fn(&Sandbox, &mut Run)| complaint_in(&fleet, &run, happens);
    let of_error = said(&|_, run| run.stderr = format!("error: {token}"));
    assert!(of_error.starts_with("O1: a secret of Forge is in standard error"), "{of_error}");
    assert!(said(&|_, run| run.git_calls.push(format!("-c\thttp.extraHeader={token}"))).starts_with("O1"));
    for form in support::listener::forms(&fleet.canaries[0].user, &fleet.canaries[0].secret) {
        let said = said(&|_, run| run.stdout = format!("{form}\n"));
        assert!(said.starts_with("O1: a secret of Registry is in standard output"), "{form}: {said}");
    }
    let leaked = said(&|fleet, _| push(fleet, BRANCH, FILE, &PINNED.replace("v1.2.1", &token)));
    assert!(leaked.starts_with("O1: a secret of Forge is in a commit"), "{leaked}");
    assert!(said(&|fleet, _| fs::write(fleet.path("tmp/log"), &token).expect("a file")).starts_with("O1"));
}

#[test]
fn a_ref_that_is_not_ours_is_found() {
    let fleet = fleet();
    let run = silent(&fleet);
    let said = |arguments: &[&str]| {
        complaint_in(&fleet, &run, |fleet, _| {
            fleet.git("remote.git", arguments);
        })
    };
    assert!(said(&["tag", "v9", "main"]).starts_with("O2: refs/tags/v9 changed"));
    assert!(said(&["branch", "mine", "main"]).starts_with("O2: refs/heads/mine changed"));
    assert!(said(&["symbolic-ref", "HEAD", "refs/heads/other"]).starts_with("O2: HEAD changed"));
    let pushed = complaint(|fleet, _| push(fleet, "main", FILE, &PINNED.replace("v1.2.1", "v1.2.3")));
    assert!(pushed.starts_with("O2: refs/heads/main changed"), "{pushed}");
}

#[test]
fn a_branch_that_is_deleted_or_moved_by_force_is_found() {
    let of_existing = |then: &[&str]| {
        let fleet = fleet();
        push(&fleet, BRANCH, FILE, &PINNED.replace("v1.2.1", "v1.2.3"));
        let (run, before) = (silent(&fleet), World::of(&fleet));
        fleet.git("remote.git", then);
        let after = World::of(&fleet);
        let check = catch_unwind(AssertUnwindSafe(|| oracles::assert_all(&fleet, &before, &run, &after)));
        check.expect_err("a complaint").downcast_ref::<String>().cloned().unwrap_or_default()
    };
    let name = format!("refs/heads/{BRANCH}");
    assert!(of_existing(&["update-ref", "-d", &name]).contains("was deleted"));
    assert!(of_existing(&["update-ref", &name, "main"]).contains("was moved by force"));
}

#[test]
fn a_change_of_the_clone_or_the_home_is_found() {
    let fleet = fleet();
    let run = silent(&fleet);
    let said = |path: &str, text: &str| {
        complaint_in(&fleet, &run, |fleet, _| fs::write(fleet.path(path), text).expect("a file"))
    };
    assert!(said("fleet/untracked.txt", "theirs").starts_with("O3: the clone changed"));
    assert!(said("fleet/.git/HEAD", "ref: refs/heads/main\n").starts_with("O3: the clone changed"));
    assert!(said("fleet/.git/FETCH_HEAD", "").starts_with("O3: the clone changed"));
    assert!(said("fleet/promote.yaml", "").starts_with("O3: the clone changed"));
    assert!(said("home/.cache", "").starts_with("O3: the home changed"));
}

#[test]
fn a_commit_that_changes_more_than_a_value_is_found() {
    let said = |path: &'static str, text: String| complaint(|fleet, _| push(fleet, BRANCH, path, &text));
    let moved = PINNED.replace("v1.2.1", "v1.2.3");
    assert!(said(FILE, moved.replace(" # pinned", "")).contains("another comment"));
    assert!(said(FILE, moved.replace("    tag", "      tag")).contains("another indentation"));
    assert!(said(FILE, moved.replace("tag:", "semver:")).contains("another key"));
    assert!(said(FILE, moved.replace('\n', "\r\n")).contains("another end of line"));
    assert!(said(FILE, format!("{moved}more: x\n")).contains("another number of lines"));
    assert!(said("new.yaml", moved).contains("does more than change"));
    assert!(said("CODEOWNERS", "* @me\n".to_owned()).contains("O4"));
}

#[test]
fn a_change_beside_the_plan_is_found() {
    let plan = |line: usize| {
        let edit = serde_json::json!({"path": FILE, "line": line, "field": "spec.ref.tag", "before": "v1.2.1", "after": "v1.2.3"});
        serde_json::json!({"kind": "Plan", "steps": [{"edits": [edit]}]}).to_string()
    };
    let said = |line: usize| {
        complaint(|fleet, run| {
            push(fleet, BRANCH, FILE, &PINNED.replace("v1.2.1", "v1.2.3"));
            run.stdout = plan(line);
        })
    };
    assert_eq!(said(8), "nothing");
    assert!(said(7).contains("beside the plan"));
}

#[test]
fn output_that_could_drive_a_terminal_or_a_ci_is_found() {
    let fleet = fleet();
    let run = silent(&fleet);
    let said = |text: &str| complaint_in(&fleet, &run, |_, run| run.stderr = format!("{text}\n"));
    let colours = ["\u{1b}[31mred", "\u{9b}31m", "a\u{7}", "a\rb"];
    let invisible = ["a\u{202e}b", "a\u{200b}b"];
    for text in colours.into_iter().chain(invisible).chain(["::set-output name=a::b", "##[error]x"]) {
        assert!(said(text).starts_with("O6"), "{text:?}");
    }
    assert_eq!(said("::error file=a.yaml,line=1::held"), "nothing");
}

#[test]
fn a_file_or_a_process_that_is_left_is_found() {
    let left = complaint(|fleet, _| fs::create_dir(fleet.path("tmp/promote-1")).expect("a folder"));
    assert!(left.starts_with("O7: temporary files are left"), "{left}");
    let left = complaint(|_, run| run.left_alive.push("git fetch".to_owned()));
    assert!(left.starts_with("O7: processes are left"), "{left}");
}

#[test]
fn a_process_is_known_by_its_environment() {
    let fleet = fleet();
    let mut child = std::process::Command::new("cat")
        .env("HOME", fleet.path("home"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("cat");
    let found = oracles::alive_in(&fleet.path(""), Duration::ZERO);
    child.kill().expect("its end");
    child.wait().expect("its end");
    assert!(found.iter().any(|command| command.contains("cat")), "{found:?}");
    assert!(oracles::alive_in(&fleet.path(""), Duration::ZERO).is_empty());
}

#[test]
fn the_sandbox_has_a_registry_with_a_login_or_a_layout() {
    let fleet = fleet();
    let mirror = fleet.git("fleet", &["config", &format!("promote.{REGISTRY}.mirror")]);
    assert_eq!(mirror.trim(), fleet.registry.host());
    let layout = Sandbox::new().file(FILE, PINNED).with_layout(ARTIFACT, &["v1.2.1"]);
    layout.settle();
    assert!(layout.path("layouts/my-app-config/index.json").is_file());
    let status = layout.git("fleet", &["status", "--porcelain"]);
    assert_eq!(status, "AM mine.txt\n?? untracked.txt\n");
    assert!(!layout.git("fleet", &["stash", "list"]).is_empty());
}

/// Sends a request as some client would.
fn request(url: &str, method: &str, token: &str, body: &'static str) -> u16 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let method = method.parse().expect("a method");
        let request = reqwest::Client::new().request(method, url).bearer_auth(token).body(body);
        request.send().await.expect("an answer").status().as_u16()
    })
}

/// A fleet on a GitHub, and a run that did nothing there.
fn on_github() -> (Sandbox, Run) {
    let fleet = Sandbox::on_github().file(FILE, PINNED);
    let run = silent(&fleet);
    (fleet, run)
}

#[test]
fn a_request_that_approves_or_merges_is_found() {
    let (fleet, run) = on_github();
    let said = complaint_in(&fleet, &run, |fleet, _| {
        let (forge, token) = (fleet.forge.as_ref().expect("a forge"), &fleet.canaries[1].secret);
        request(&format!("{}/repos/acme/fleet/pulls/1/merge", forge.api()), "PUT", token, "{}");
    });
    assert!(said.starts_with("O5: the forge was asked against its rules"), "{said}");
    let said = complaint_in(&fleet, &run, |fleet, _| {
        let (forge, token) = (fleet.forge.as_ref().expect("a forge"), &fleet.canaries[1].secret);
        request(&format!("{}/repos/acme/fleet/pulls/1/reviews", forge.api()), "POST", token, r#"{"event":"APPROVE"}"#);
    });
    assert!(said.contains("pulls/1/reviews is outside the closed list"), "{said}");
}

#[test]
fn a_secret_that_goes_to_another_host_is_found() {
    let (fleet, run) = on_github();
    let said = complaint_in(&fleet, &run, |fleet, _| {
        request(&format!("http://{}/v2/", fleet.registry.host()), "GET", &fleet.canaries[1].secret, "");
    });
    assert!(said.starts_with("O1: a secret of Forge went to Registry"), "{said}");
    let said = complaint_in(&fleet, &run, |fleet, _| {
        let forge = fleet.forge.as_ref().expect("a forge");
        request(&format!("{}/user", forge.api()), "GET", &fleet.canaries[2].secret, "");
    });
    assert!(said.starts_with("O1: a secret of Nobody went to Forge"), "{said}");
    let said = complaint_in(&fleet, &run, |fleet, _| {
        let forge = fleet.forge.as_ref().expect("a forge");
        assert_eq!(request(&format!("{}/user", forge.api()), "GET", &fleet.canaries[1].secret, ""), 200);
    });
    assert_eq!(said, "nothing");
}

#[test]
fn the_git_server_gives_and_takes_to_whoever_has_the_token() {
    let fleet = Sandbox::on_github().file(FILE, PINNED);
    fleet.settle();
    let url = format!(
        "http://x:{}@{}/acme/fleet.git",
        fleet.canaries[1].secret,
        fleet.git_server.as_ref().expect("a server").host()
    );
    fleet.git(".", &["clone", "-q", "--depth", "1", &url, "other"]);
    let read = fs::read_to_string(fleet.path("other").join(FILE)).expect("a file");
    assert_eq!(read, PINNED);
    fleet.git("other", &["push", "-q", "origin", &format!("HEAD:refs/heads/{BRANCH}")]);
    assert_eq!(fleet.branches(), [BRANCH]);

    let anonymous = format!(
        "http://{}/acme/fleet.git/info/refs?service=git-upload-pack",
        fleet.git_server.as_ref().expect("a server").host()
    );
    assert_eq!(request(&anonymous, "GET", "none", ""), 401);
}

#[test]
fn a_call_of_git_breaks_where_it_is_told_to() {
    let fleet = fleet();
    let git = |arguments: &[&str]| {
        let output = std::process::Command::new(fleet.path("bin/git")).args(arguments).output().expect("git");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    fs::write(fleet.path("git-calls"), "").expect("a file");
    fleet.break_git(2, GitFault::Lose);
    let remote = fleet.path("remote.git").display().to_string();
    assert_eq!(git(&["-C", &remote, "symbolic-ref", "HEAD"]), (Some(0), "refs/heads/main".to_owned()));
    assert_eq!(git(&["-C", &remote, "branch", "applied", "main"]), (Some(128), String::new()));
    assert!(fleet.git("remote.git", &["branch"]).contains("applied"));
    assert!(fleet.mend_git());

    fs::write(fleet.path("git-calls"), "").expect("a file");
    fleet.break_git(1, GitFault::Fail);
    assert_eq!(git(&["-C", &remote, "branch", "missing", "main"]), (Some(128), String::new()));
    assert!(!fleet.git("remote.git", &["branch"]).contains("missing"));
    fleet.break_git(9, GitFault::Kill);
    assert_eq!(git(&["--version"]).0, Some(0));
    fleet.mend_git();
    fleet.break_git(9, GitFault::Kill);
    assert!(!fleet.mend_git());
}
