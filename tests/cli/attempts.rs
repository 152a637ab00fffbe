//! What an earlier run, another run or a person has left on the remote and the forge, on every kind of forge.

use serde_json::json;

use crate::fleet::*;
use crate::support::forge::{Kind, Pull, PullState, What};
use crate::support::sandbox::{GitFault, Run};
use crate::support::{Sandbox, forge::Forge};

const PROMOTE: &[&str] = &["my-app", "v1.2.3"];
const MOVED: [&str; 2] = ["- tag: v1.2.1 # moved by promote", "+ tag: v1.2.3 # moved by promote"];

fn forge(fleet: &Sandbox) -> &Forge {
    fleet.forge.as_ref().expect("a forge")
}

/// A fleet with a promotion that is open.
fn promoted(kind: Kind) -> Sandbox {
    let fleet = on_forge(kind);
    let run = fleet.promote(PROMOTE);
    assert_eq!((run.code, open_heads(&fleet).len()), (0, 1), "{kind:?}: {run}");
    fleet
}

/// One branch with exactly the change, one open pull request from it, and its URL as the result.
fn is_one_promotion(kind: Kind, fleet: &Sandbox, run: &Run) {
    assert_eq!(run.code, 0, "{kind:?}: {run}");
    let (branches, pulls) = (fleet.branches(), fleet.pulls());
    assert_eq!((branches.len(), pulls.len()), (1, 1), "{kind:?}: {run}");
    assert_eq!(open_heads(fleet), branches, "{kind:?}: {run}");
    assert_eq!(changed_lines(fleet, &branches[0]), MOVED, "{kind:?}: {run}");
    assert!(run.stdout.trim_end().ends_with(&format!("/{}", pulls[0].number)), "{kind:?}: {run}");
}

#[test]
fn a_branch_with_exactly_the_change_is_adopted_and_not_pushed_again() {
    for kind in KINDS {
        let fleet = on_forge(kind);
        let (before, wrote) = fleet.promote_once(&[PROMOTE, &["--forge", "none"]].concat());
        assert!(before.code == 0 && wrote && fleet.pulls().is_empty(), "{kind:?}: {before}");
        let (run, wrote) = fleet.promote_once(PROMOTE);
        assert!(!wrote && run.pushes().is_empty(), "{kind:?}: {run}");
        is_one_promotion(kind, &fleet, &run);
    }
}

#[test]
fn a_branch_with_anything_else_is_a_conflict_that_names_both_ways_out() {
    for kind in KINDS {
        let fleet = on_forge(kind);
        fleet.promote_once(&[PROMOTE, &["--forge", "none"]].concat());
        let branch = fleet.branches().remove(0);
        fleet.git("seed", &["fetch", "-q", "origin", &branch]);
        fleet.git("seed", &["switch", "-q", "--detach", "FETCH_HEAD"]);
        std::fs::write(fleet.path("seed/more.txt"), "more\n").expect("a file");
        fleet.git("seed", &["add", "-A"]);
        fleet.git("seed", &["commit", "-q", "-m", "More"]);
        fleet.git("seed", &["push", "-q", "origin", &format!("HEAD:refs/heads/{branch}")]);
        let commit = fleet.git("seed", &["rev-parse", "HEAD"]).trim().to_owned();
        fleet.git("seed", &["switch", "-q", "main"]);

        let (run, wrote) = fleet.promote_once(PROMOTE);
        assert!(!wrote && run.code == 6, "{kind:?}: {run}");
        assert_eq!(forge(&fleet).writes(), Vec::<String>::new(), "{kind:?}: {run}");
        for words in [&branch, &commit, &format!("git push origin --delete {branch}")] {
            assert!(run.stderr.contains(words.as_str()), "{kind:?}: {words}: {run}");
        }
    }
}

#[test]
fn what_the_forge_calls_open_already_is_found_and_is_the_result() {
    for kind in KINDS {
        let fleet = promoted(kind);
        // No list shows it until somebody tries to open another one.
        forge(&fleet).state().stale_lists = 3;
        let (run, _) = fleet.promote_once(PROMOTE);
        is_one_promotion(kind, &fleet, &run);
        assert_eq!(forge(&fleet).openings(), 2, "{kind:?}: {run}");

        // The same said in a sentence, under another status.
        for status in [409, 422] {
            let fleet = promoted(kind);
            forge(&fleet).state().stale_lists = 3;
            let sentence = json!({"message": "There is one for these branches already."});
            forge(&fleet).fail("POST", forge(&fleet).pulls_path(), What::Answer(status, Vec::new(), sentence));
            let (run, _) = fleet.promote_once(PROMOTE);
            is_one_promotion(kind, &fleet, &run);
        }
    }
}

#[test]
fn what_people_did_with_its_pull_request_decides_what_a_run_does() {
    type Touched = fn(&mut Pull);
    let opens_none: [(&str, Touched); 3] =
        [("open", |_| {}), ("a draft", |pull| pull.draft = true), ("locked", |pull| pull.locked = true)];
    for kind in KINDS {
        for (what, touch) in opens_none {
            let fleet = promoted(kind);
            touch(forge(&fleet).state().pull(1).expect("a pull request"));
            let writes = forge(&fleet).writes();
            let (run, wrote) = fleet.promote_once(PROMOTE);
            is_one_promotion(kind, &fleet, &run);
            assert!(!wrote && forge(&fleet).writes() == writes, "{kind:?}: {what}: {run}");
        }

        let fleet = promoted(kind);
        forge(&fleet).state().close(1);
        let (run, wrote) = fleet.promote_once(PROMOTE);
        assert!(!wrote && run.code == 3 && fleet.pulls().len() == 1, "{kind:?}: closed: {run}");
        // The others don't say who it was.
        let by = if kind == Kind::GitLab { "was closed by sre-1 on" } else { "was closed on" };
        assert!(run.stderr.contains(by) && run.stderr.contains("--reopen"), "{kind:?}: {run}");
        let run = fleet.promote(&[PROMOTE, &["--reopen"]].concat());
        is_second_attempt(kind, &fleet, &run, PullState::Closed);

        let fleet = promoted(kind);
        forge(&fleet).state().merge(1);
        let (run, wrote) = fleet.promote_once(PROMOTE);
        assert!(run.code == 0 && !wrote && fleet.pulls().len() == 1, "{kind:?}: merged: {run}");
        fleet.git("seed", &["pull", "-q", "origin", "main"]);
        fleet.change(PIN, &pin("v1.2.1"));
        let run = fleet.promote(PROMOTE);
        is_second_attempt(kind, &fleet, &run, PullState::Merged);
    }
}

fn is_second_attempt(kind: Kind, fleet: &Sandbox, run: &Run, first: PullState) {
    assert_eq!(run.code, 0, "{kind:?}: {run}");
    let pulls: Vec<_> = fleet.pulls().into_iter().map(|pull| (pull.head, pull.state)).collect();
    let second = format!("{}.2", pulls[0].0);
    assert_eq!(pulls[0].1, first, "{kind:?}: {run}");
    assert_eq!(pulls[1..], [(second.clone(), PullState::Open)], "{kind:?}: {run}");
    assert_eq!(changed_lines(fleet, &second), MOVED, "{kind:?}: {run}");
}

#[test]
fn a_base_that_has_the_version_is_nothing_to_do_and_nothing_is_written() {
    for kind in KINDS {
        let fleet = on_forge(kind).file(PIN, &pin("v1.2.3"));
        for arguments in [PROMOTE, &["my-app"], &["auto"]] {
            let (run, wrote) = fleet.promote_once(arguments);
            assert!(run.code == 0 && !wrote && run.pushes().is_empty(), "{kind:?}: {arguments:?}: {run}");
        }
        assert_eq!(forge(&fleet).writes(), Vec::<String>::new(), "{kind:?}");
        assert!(fleet.branches().is_empty(), "{kind:?}");
    }
}

#[test]
fn a_run_that_ends_between_push_and_pull_request_is_finished_by_the_next() {
    for kind in KINDS {
        let (undisturbed, _) = on_forge(kind).promote_once(PROMOTE);
        let nth = undisturbed.push();
        for (fault, codes) in [(GitFault::Kill, 137), (GitFault::KillAfter, 137), (GitFault::Terminate, 143)] {
            let fleet = on_forge(kind);
            fleet.break_git(nth, fault);
            let (broken, _) = fleet.promote_once(PROMOTE);
            assert!(fleet.mend_git() && broken.code == codes, "{kind:?}: {fault:?}: {broken}");
            assert!(fleet.pulls().is_empty(), "{kind:?}: {fault:?}: {broken}");
            let (run, _) = fleet.promote_once(PROMOTE);
            is_one_promotion(kind, &fleet, &run);
        }

        let fleet = on_forge(kind);
        let refused = What::Answer(403, Vec::new(), json!({"message": "not today"}));
        forge(&fleet).fail("POST", forge(&fleet).pulls_path(), refused);
        let (broken, wrote) = fleet.promote_once(PROMOTE);
        assert!(wrote && broken.code == 4 && fleet.pulls().is_empty(), "{kind:?}: {broken}");
        let told = format!("The branch {} is pushed; run the same command again", fleet.branches()[0]);
        assert!(broken.stderr.contains(&told), "{kind:?}: {broken}");
        let (run, wrote) = fleet.promote_once(PROMOTE);
        assert!(!wrote && run.pushes().is_empty(), "{kind:?}: {run}");
        is_one_promotion(kind, &fleet, &run);
    }
}

#[test]
fn a_write_whose_answer_is_lost_is_read_back_and_never_sent_again() {
    for kind in KINDS {
        let (undisturbed, _) = on_forge(kind).promote_once(PROMOTE);
        let nth = undisturbed.push();
        let fleet = on_forge(kind);
        fleet.break_git(nth, GitFault::Lose);
        let (run, _) = fleet.promote_once(PROMOTE);
        assert!(fleet.mend_git() && run.pushes().len() == 1, "{kind:?}: {run}");
        is_one_promotion(kind, &fleet, &run);

        let fleet = on_forge(kind);
        forge(&fleet).fail("POST", forge(&fleet).pulls_path(), What::LoseAnswer);
        let (run, _) = fleet.promote_once(PROMOTE);
        is_one_promotion(kind, &fleet, &run);
        assert_eq!(forge(&fleet).openings(), 1, "{kind:?}: {run}");
    }
}

#[test]
fn a_list_that_lags_behind_is_looked_at_until_it_shows_the_pull_request() {
    for kind in KINDS {
        let fleet = on_forge(kind);
        let bound = forge(&fleet).pulls_path();
        forge(&fleet).fail("POST", bound, What::LoseAnswer);
        // There is nothing to hide before, so only what comes after the lost answer is stale.
        let lists = |fleet: &Sandbox| {
            let is_list = |one: &&crate::support::forge::Logged| {
                one.method == "GET" && one.path.split('?').next().is_some_and(|path| path.ends_with(bound))
            };
            forge(fleet).requests().iter().filter(is_list).count()
        };
        let (undisturbed, _) = on_forge(kind).promote_once(PROMOTE);
        assert_eq!(undisturbed.code, 0, "{undisturbed}");
        forge(&fleet).state().stale_lists = 5;
        let (run, _) = fleet.promote_once(PROMOTE);
        is_one_promotion(kind, &fleet, &run);
        assert_eq!(forge(&fleet).openings(), 1, "{kind:?}: {run}");
        assert!(lists(&fleet) > 5, "{kind:?}: only {} lists were asked for: {run}", lists(&fleet));
    }
}
