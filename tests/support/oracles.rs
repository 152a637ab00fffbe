//! What must hold after every run, whatever went wrong in it.
//!
//! | | |
//! | --- | --- |
//! | O1 | no secret leaves its host |
//! | O2 | only `refs/heads/promote/**` of the remote changes (and `refs/promote/observations`, by `observe` and `auto`) |
//! | O3 | the user's clone and home are untouched |
//! | O4 | a commit changes exactly the planned bytes |
//! | O5 | nothing approves or merges: the test forge refuses every route that could |
//! | O6 | the output is safe for terminals and CI logs |
//! | O7 | nothing is left behind: no file, no process |
//! | O8 | a second run changes nothing |

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::forge::{Forge, Logged, PullState};
use super::git_http::GitHttp;
use super::listener::forms;
use super::sandbox::{Owner, Run, Sandbox};
use super::world::World;

/// Asserts O1 to O7.
///
/// # Panics
/// Naming the oracle, for the first that doesn't hold.
pub fn assert_all(sandbox: &Sandbox, before: &World, run: &Run, after: &World) {
    no_secret_leaves_its_host(sandbox, before, run, after);
    only_our_refs_change(sandbox, before, run, after);
    the_clone_is_untouched(before, run, after);
    commits_change_what_is_planned(sandbox, before, run, after);
    the_output_is_safe(run);
    nothing_is_left_behind(before, run, after);
    if let Some(forge) = &sandbox.forge {
        let violations = forge.violations();
        assert!(violations.is_empty(), "O5: the forge was asked against its rules: {violations:?}: {run}");
    }
}

/// O8: asserts that a second run changed nothing.
///
/// # Panics
/// If it did, or did not say that all is well.
pub fn converged(before: &World, again: &Run, after: &World) {
    assert_eq!(before.refs, after.refs, "O8: a second run changed the remote: {again}");
    assert_eq!(before.pulls, after.pulls, "O8: a second run changed the pull requests: {again}");
    let open: Vec<&String> =
        after.pulls.iter().filter(|(_, state)| *state == PullState::Open).map(|(head, _)| head).collect();
    let branches: BTreeSet<_> = open.iter().collect();
    assert_eq!(open.len(), branches.len(), "O8: a branch has two open pull requests: {open:?}");
    assert_eq!(again.code, 0, "O8: a second run finds fault with the first: {again}");
}

/// O1.
fn no_secret_leaves_its_host(sandbox: &Sandbox, before: &World, run: &Run, after: &World) {
    let mut places: Vec<(&str, String)> = vec![
        ("standard output", run.stdout.clone()),
        ("standard error", run.stderr.clone()),
        ("git's arguments", run.git_calls.join("\n")),
        ("the remote's refs", after.refs.keys().cloned().collect::<Vec<_>>().join("\n")),
    ];
    for (_, target) in after.moved(before).into_iter().filter(|(name, _)| *name != "HEAD") {
        places
            .push(("a commit", sandbox.git("remote.git", &["log", "-p", "--format=fuller", target, "--not", "main"])));
    }
    for path in after.temporary.keys() {
        let bytes = fs::read(sandbox.path("tmp").join(path)).unwrap_or_default();
        places.push(("a temporary file", String::from_utf8_lossy(&bytes).into_owned()));
    }
    for path in ["output", "summary", "project/promote.env"] {
        places.push(("what the CI job is told", fs::read_to_string(sandbox.path(path)).unwrap_or_default()));
    }
    let servers = heard(sandbox, before.heard);
    for canary in &sandbox.canaries {
        let owner = canary.owner;
        for form in forms(&canary.user, &canary.secret) {
            for (place, text) in &places {
                assert!(!text.contains(&form), "O1: a secret of {owner:?} is in {place}: {run}");
            }
            for (server, text) in servers.iter().filter(|(server, _)| *server != owner) {
                assert!(!text.contains(&form), "O1: a secret of {owner:?} went to {server:?}");
            }
            if let Some(forge) = &sandbox.forge {
                let written = |one: &&Logged| one.path.contains(&form) || one.body.contains(&form);
                let told = forge.requests().into_iter().skip(before.heard[1]).find(|one| written(&one));
                assert!(told.is_none(), "O1: a secret of {owner:?} stands in a request to the forge: {told:?}");
            }
        }
    }
}

/// What each server has heard since, headers and bodies.
fn heard(sandbox: &Sandbox, before: [usize; 3]) -> Vec<(Owner, String)> {
    let shown = |requests: Vec<String>, before: usize| requests[before..].join("\n");
    let registry = sandbox.registry.requests().iter().map(|one| format!("{one:?}")).collect();
    let forge = sandbox.forge.as_ref().map(Forge::requests).unwrap_or_default();
    let forge = forge.iter().map(|one| format!("{one:?}")).collect();
    let git = sandbox.git_server.as_ref().map(GitHttp::requests).unwrap_or_default();
    vec![
        (Owner::Registry, shown(registry, before[0])),
        (Owner::Forge, shown(forge, before[1])),
        (Owner::Forge, shown(git, before[2])),
    ]
}

/// O2.
fn only_our_refs_change(sandbox: &Sandbox, before: &World, run: &Run, after: &World) {
    let observes = run.arguments.iter().any(|one| one == "observe" || one == "auto");
    let names: BTreeSet<&String> = before.refs.keys().chain(after.refs.keys()).collect();
    for name in names {
        let (old, new) = (before.refs.get(name), after.refs.get(name));
        if old == new || name == "refs/heads/main" && sandbox.base_moves() {
            continue;
        }
        let is_ours = name.starts_with("refs/heads/promote/") || observes && name == "refs/promote/observations";
        assert!(is_ours, "O2: {name} changed from {old:?} to {new:?}: {run}");
        let new = new.unwrap_or_else(|| panic!("O2: {name} was deleted: {run}"));
        if let Some(old) = old {
            let base = sandbox.git("remote.git", &["merge-base", old, new]);
            assert_eq!(base.trim(), old, "O2: {name} was moved by force: {run}");
        }
    }
}

/// O3.
fn the_clone_is_untouched(before: &World, run: &Run, after: &World) {
    let is_init = run.arguments.iter().any(|one| one == "init");
    let differences = differences(&before.clone, &after.clone);
    let unexpected: Vec<_> = differences
        .iter()
        .filter(|(path, old)| !(is_init && old.is_none() && path.as_str() == "promote.yaml"))
        .collect();
    assert!(unexpected.is_empty(), "O3: the clone changed: {unexpected:?}: {run}");
    let home = self::differences(&before.home, &after.home);
    assert!(home.is_empty(), "O3: the home changed: {home:?}: {run}");
}

fn differences(
    before: &BTreeMap<std::path::PathBuf, String>,
    after: &BTreeMap<std::path::PathBuf, String>,
) -> Vec<(String, Option<String>)> {
    let paths: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let changed = paths.into_iter().filter(|path| before.get(*path) != after.get(*path));
    changed.map(|path| (path.display().to_string(), before.get(path).cloned())).collect()
}

/// O4: on each new branch, a straight line of commits from the base, each of which only replaces texts inside lines.
fn commits_change_what_is_planned(sandbox: &Sandbox, before: &World, run: &Run, after: &World) {
    let planned = planned_edits(run);
    for (name, target) in after.moved(before) {
        if !name.starts_with("refs/heads/promote/") {
            continue;
        }
        let git = |arguments: &[&str]| sandbox.git("remote.git", arguments);
        // Somebody may have rewritten the base meanwhile.
        let base = before.refs.get("refs/heads/main").map_or("main", String::as_str);
        let merges = git(&["rev-list", "--merges", target, "--not", "main", base]);
        assert!(merges.is_empty(), "O4: {name} holds a merge: {run}");
        let commits = git(&["rev-list", "--reverse", target, "--not", "main", base]);
        assert!(!commits.is_empty(), "O4: {name} holds no commit: {run}");
        for commit in commits.lines() {
            let changes = git(&["diff-tree", "-r", "--no-commit-id", "--no-renames", commit]);
            assert!(!changes.is_empty(), "O4: {name} holds an empty commit: {run}");
            for change in changes.lines() {
                let (about, path) = change.split_once('\t').expect("a path");
                let about: Vec<&str> = about.trim_start_matches(':').split(' ').collect();
                let [old_mode, new_mode, _, _, status] = about[..] else { panic!("{change}") };
                assert_eq!(status, "M", "O4: {name} does more than change {path}: {run}");
                assert_eq!(old_mode, new_mode, "O4: {name} changes the mode of {path}: {run}");
                assert!(matches!(old_mode, "100644" | "100755"), "O4: {path} is no regular file: {run}");
                assert_writable(path, run);
                let file = |revision: &str| git(&["show", &format!("{revision}:{path}")]);
                only_texts_in_lines_differ(path, &file(&format!("{commit}^")), &file(commit), run);
            }
        }
        if !planned.is_empty() {
            assert_planned(sandbox, name, target, &planned, run);
        }
    }
}

/// Content that decides who approves and what runs in CI is never a promotion's.
fn assert_writable(path: &str, run: &Run) {
    let lower = path.to_ascii_lowercase();
    let first = lower.split('/').next().unwrap_or_default();
    let is_denied = lower.ends_with("codeowners")
        || lower == ".gitlab-ci.yml"
        || lower == "promote.yaml"
        || first.starts_with(".git")
        || matches!(first, ".gitea" | ".forgejo" | ".promote");
    assert!(!is_denied, "O4: {path} was changed: {run}");
}

/// The same lines with the same ends; a line that differs keeps its beginning up to a value, and its comment.
fn only_texts_in_lines_differ(path: &str, before: &str, after: &str, run: &Run) {
    let lines = |text: &str| text.split_inclusive('\n').map(str::to_owned).collect::<Vec<_>>();
    let (old, new) = (lines(before), lines(after));
    assert_eq!(old.len(), new.len(), "O4: {path} has another number of lines: {run}");
    for (old, new) in old.iter().zip(&new).filter(|(old, new)| old != new) {
        let end = |line: &str| line[line.trim_end_matches(['\r', '\n']).len()..].to_owned();
        assert_eq!(end(old), end(new), "O4: {path} has another end of line: {run}");
        let indent = |line: &str| line.len() - line.trim_start_matches([' ', '-', '\t']).len();
        assert_eq!(indent(old), indent(new), "O4: {path} has another indentation: {run}");
        let comment = |line: &str| line.split_once(" #").map(|(_, comment)| comment.to_owned());
        assert_eq!(comment(old), comment(new), "O4: {path} has another comment: {run}");
        let key = |line: &str| line.split_once(": ").map(|(key, _)| key.to_owned());
        let is_flow = old.contains('{');
        assert!(is_flow || key(old) == key(new), "O4: {path} has another key: `{old}` and `{new}`: {run}");
    }
}

/// Path, line, before and after of every edit, if the run printed them as JSON.
fn planned_edits(run: &Run) -> Vec<(String, usize, String, String)> {
    let Ok(document) = serde_json::from_str::<serde_json::Value>(&run.stdout) else { return Vec::new() };
    let steps = document["steps"].as_array().cloned().unwrap_or_default();
    let edits = steps.iter().flat_map(|step| step["edits"].as_array().cloned().unwrap_or_default());
    let text = |edit: &serde_json::Value, key: &str| edit[key].as_str().unwrap_or_default().to_owned();
    let line =
        |edit: &serde_json::Value| edit["line"].as_u64().and_then(|line| usize::try_from(line).ok()).unwrap_or(0);
    edits.map(|edit| (text(&edit, "path"), line(&edit), text(&edit, "before"), text(&edit, "after"))).collect()
}

/// Every changed line is a planned one, and differs by the planned text.
fn assert_planned(sandbox: &Sandbox, name: &str, target: &str, planned: &[(String, usize, String, String)], run: &Run) {
    let git = |arguments: &[&str]| sandbox.git("remote.git", arguments);
    let base = git(&["merge-base", "main", target]);
    let base = base.trim();
    for path in git(&["diff", "--name-only", "--no-renames", base, target]).lines() {
        let file = |revision: &str| git(&["show", &format!("{revision}:{path}")]);
        let (old, new) = (file(base), file(target));
        for (number, (old, new)) in old.lines().zip(new.lines()).enumerate().filter(|(_, (old, new))| old != new) {
            let fits = |(planned, line, before, after): &&(String, usize, String, String)| {
                planned == path && *line == number + 1 && old.contains(before.as_str()) && new.contains(after.as_str())
            };
            let is_planned = planned.iter().any(|edit| fits(&edit));
            assert!(is_planned, "O4: {name} changes {path}:{} beside the plan: {run}", number + 1);
        }
    }
}

/// O6.
fn the_output_is_safe(run: &Run) {
    let ours = ["::error", "::warning", "::notice", "::group::", "::endgroup::", "::stop-commands::"];
    for (stream, text) in [("standard output", &run.stdout), ("standard error", &run.stderr)] {
        if let Some(char) = text.chars().find(|char| is_unsafe(*char)) {
            panic!("O6: {stream} holds {}: {text}", char.escape_unicode());
        }
        for line in text.lines() {
            let is_command = line.starts_with("::") && !ours.iter().any(|start| line.starts_with(start));
            assert!(!is_command && !line.starts_with("##["), "O6: {stream} holds a command of the CI: {line}");
        }
    }
}

fn is_unsafe(char: char) -> bool {
    char.is_control() && char != '\n'
        || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// O7. A killed run can't clean up: what it leaves is nobody else's to read, and O1 has looked into it.
fn nothing_is_left_behind(before: &World, run: &Run, after: &World) {
    let left = differences(&before.temporary, &after.temporary);
    if run.code == KILLED {
        let open: Vec<_> = after
            .temporary
            .iter()
            .filter(|(path, about)| path.components().count() == 1 && !about.starts_with("40700 "))
            .collect();
        assert!(open.is_empty(), "O7: others may read what a killed run left: {open:?}: {run}");
    } else {
        assert!(left.is_empty(), "O7: temporary files are left: {left:?}: {run}");
    }
    assert!(run.left_alive.is_empty(), "O7: processes are left: {:?}: {run}", run.left_alive);
}

/// The exit code of a run that was ended by SIGKILL.
const KILLED: i32 = 128 + 9;

/// Returns the processes that were started in a sandbox and are alive: their environment names its folder.
///
/// A server whose last connection ended may need a moment to end as well: that is what the patience is for.
pub fn alive_in(folder: &Path, patience: Duration) -> Vec<String> {
    let start = Instant::now();
    loop {
        let alive = processes_in(folder);
        if alive.is_empty() || start.elapsed() > patience {
            return alive;
        }
        std::thread::yield_now();
    }
}

fn processes_in(folder: &Path) -> Vec<String> {
    let folder = folder.display().to_string();
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let command = |process: &Path| {
        // A process that ends meanwhile can't be read, and one that has ended has no environment.
        let environment = String::from_utf8_lossy(&fs::read(process.join("environ")).ok()?).into_owned();
        let is_ours = environment.split('\0').any(|variable| variable.contains(&folder));
        let command = fs::read(process.join("cmdline")).ok().filter(|_| is_ours)?;
        Some(String::from_utf8_lossy(&command).replace('\0', " "))
    };
    let is_process = |name: &std::ffi::OsStr| name.to_string_lossy().bytes().all(|byte| byte.is_ascii_digit());
    let found = processes.flatten().filter(|entry| is_process(&entry.file_name()));
    found.filter_map(|entry| command(&entry.path())).filter(|command| !command.is_empty()).collect()
}
