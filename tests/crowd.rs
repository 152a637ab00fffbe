//! Others do something at the same time: the same promotion, another one, or a change of the base.

#[path = "support/mod.rs"]
mod support;

use support::fleet::{self, ONE, PIN, STAGING, changed_lines, of_app, on_github, open_heads, pin};
use support::{Run, Sandbox};

const PROMOTE: &[&str] = &["my-app", "v1.2.3", "--to", "prod-eu"];
/// No command calls Git as often, nor asks a forge.
const ENOUGH: usize = 100;

/// How many requests to open a pull request went well.
fn opened(fleet: &Sandbox) -> usize {
    let forge = fleet.forge.as_ref().expect("a forge");
    let opens = |one: &&support::forge::Logged| one.method == "POST" && one.path.ends_with("/pulls");
    forge.requests().iter().filter(opens).filter(|one| one.status == 201).count()
}

#[test]
fn twenty_runs_at_once_open_one_pull_request_and_all_name_it() {
    let rounds = std::env::var("PROMOTE_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    for round in 1..=rounds {
        let fleet = on_github();
        let runs = fleet.promote_at_once(&[PROMOTE; 20]);

        let (branches, pulls) = (fleet.branches(), fleet.pulls());
        assert_eq!((branches.len(), pulls.len(), opened(&fleet)), (1, 1, 1), "round {round}: {branches:?}");
        for run in &runs {
            assert_eq!(run.code, 0, "round {round}: {run}");
            assert_eq!(run.stdout, runs[0].stdout, "round {round}: another URL: {run}");
        }
        assert!(runs[0].stdout.ends_with(&format!("/pull/{}\n", pulls[0].number)), "round {round}: {}", runs[0]);
        let (again, wrote) = fleet.promote_once(PROMOTE);
        assert_eq!((again.code, wrote), (0, false), "round {round}: {again}");
    }
}

#[test]
fn two_versions_at_once_leave_the_newer_one_open() {
    for _ in 0..4 {
        let fleet = on_github();
        let older: &[&str] = &["my-app", "v1.2.2", "--to", "prod-eu"];
        let runs = fleet.promote_at_once(&[older, PROMOTE]);
        for run in &runs {
            assert!([0, 6].contains(&run.code), "{run}");
        }
        assert_eq!(runs[1].code, 0, "the newer version is never the one that waits: {}", runs[1]);
        // Who came to the forge at the same moment could not see the other: the next run puts that right.
        let (last, _) = fleet.promote_once(PROMOTE);
        assert_eq!(last.code, 0, "{last}");
        assert!(open_heads(&fleet).iter().any(|head| head.contains("/v1.2.3-")), "{:?}", fleet.pulls());
        assert_eq!(open_heads(&fleet).len(), 1, "one open for app and environment: {:?}", fleet.pulls());
    }
}

#[test]
fn two_apps_in_one_file_at_once_get_a_pull_request_each() {
    let other = of_app("other", "other-config", "tag: v2.0.0 # moved by promote");
    let both = format!("{}---\n{}# the end\n# of\n# the first\n# app\n", other, pin("v1.2.1"));
    let fleet = Sandbox::on_github()
        .file("promote.yaml", ONE)
        .file("clusters/staging/my-app.yaml", &fleet::range(STAGING))
        .file("clusters/staging/other.yaml", &of_app("other", "other-config", "semver: \">=1.0.0 <3.0.0\""))
        .file("clusters/prod-eu/apps.yaml", &both)
        .tags(&["v1.2.1", "v1.2.3"])
        .artifact("other-config", &["v2.0.0", "v2.1.0"]);
    let runs = fleet.promote_at_once(&[PROMOTE, &["other", "v2.1.0", "--to", "prod-eu"]]);

    for run in &runs {
        assert_eq!(run.code, 0, "{run}");
    }
    let branches = fleet.branches();
    assert_eq!((branches.len(), open_heads(&fleet).len()), (2, 2), "{branches:?}");
    for branch in &branches {
        let of = if branch.contains("/my-app/") {
            ["- tag: v1.2.1 # moved by promote", "+ tag: v1.2.3 # moved by promote"]
        } else {
            ["- tag: v2.0.0 # moved by promote", "+ tag: v2.1.0 # moved by promote"]
        };
        assert_eq!(changed_lines(&fleet, branch), of, "{branch}");
    }

    // One is merged; the other goes on, whether its pull request still merges or not.
    fleet.git("seed", &["fetch", "-q", "origin"]);
    fleet.git("seed", &["merge", "-q", "--no-edit", &format!("origin/{}", branches[0])]);
    fleet.git("seed", &["push", "-q", "origin", "HEAD:main"]);
    let other = if branches[0].contains("/my-app/") { ["other", "v2.1.0"] } else { ["my-app", "v1.2.3"] };
    let (again, _) = fleet.promote_once(&[other[0], other[1], "--to", "prod-eu"]);
    assert_eq!(again.code, 0, "{again}");
    let waiting: Vec<String> =
        open_heads(&fleet).into_iter().filter(|head| head.contains(&format!("/{}/", other[0]))).collect();
    assert_eq!(waiting.len(), 1, "{:?}", fleet.pulls());
    fleet.git("seed", &["fetch", "-q", "origin"]);
    fleet.git("seed", &["merge", "-q", "--no-edit", &format!("origin/{}", waiting[0])]);
    let text = fleet.git("seed", &["show", "HEAD:clusters/prod-eu/apps.yaml"]);
    assert!(
        text.contains("tag: v1.2.3 # moved by promote") && text.contains("tag: v2.1.0 # moved by promote"),
        "{text}"
    );
}

/// Another run comes and goes before each call of Git in turn.
fn while_another_runs(own: &[&str], other: &[&str], holds: impl Fn(&str, &Sandbox, &Run)) {
    for nth in 1..ENOUGH {
        let fleet = on_github();
        fleet.meanwhile_promote(nth, other);
        let (run, _) = fleet.promote_once(own);
        if !fleet.mend_git() {
            assert!(nth > 6, "only {nth} calls of git: {run}");
            return;
        }
        let said = std::fs::read_to_string(fleet.path("said-meanwhile")).expect("what it said");
        holds(&format!("before call {nth} of git, after a run that said {said}"), &fleet, &run);
        fleet.forge.as_ref().expect("a forge").assert_clean();
    }
    panic!("more than {ENOUGH} calls of git");
}

const OLDER: &[&str] = &["my-app", "v1.2.2", "--to", "prod-eu"];

/// One pull request is open, for the newer version; the older one's branch, where there is one, is as it was pushed.
fn the_newer_is_open(when: &str, fleet: &Sandbox, run: &Run) {
    let open = open_heads(fleet);
    assert_eq!(open.len(), 1, "{when}: {:?}: {run}", fleet.pulls());
    assert!(open[0].contains("/v1.2.3-"), "{when}: {open:?}: {run}");
    for branch in fleet.branches() {
        let to = if branch.contains("/v1.2.3-") { "v1.2.3" } else { "v1.2.2" };
        let expected = ["- tag: v1.2.1 # moved by promote".to_owned(), format!("+ tag: {to} # moved by promote")];
        assert_eq!(changed_lines(fleet, &branch), expected, "{when}: {branch}: {run}");
    }
}

#[test]
fn a_newer_version_that_comes_at_any_step_of_an_older_one_s_run_stays_open() {
    while_another_runs(OLDER, PROMOTE, |when, fleet, run| {
        assert!([0, 6].contains(&run.code), "{when}: {run}");
        // Who had looked at the forge already could not see the other: the next run puts that right.
        let (last, _) = fleet.promote_once(PROMOTE);
        assert_eq!(last.code, 0, "{when}: {last}");
        the_newer_is_open(when, fleet, &last);
    });
}

#[test]
fn an_older_version_that_comes_at_any_step_of_a_newer_one_s_run_gives_way() {
    while_another_runs(PROMOTE, OLDER, |when, fleet, run| {
        assert_eq!(run.code, 0, "{when}: {run}");
        let (last, _) = fleet.promote_once(PROMOTE);
        assert_eq!(last.code, 0, "{when}: {last}");
        the_newer_is_open(when, fleet, &last);
    });
}

/// Somebody moves the base before each call of Git in turn.
fn while_the_base_moves(change: &str, holds: impl Fn(&str, &Sandbox, &Run)) {
    for nth in 1..ENOUGH {
        let fleet = on_github();
        fleet.meanwhile(nth, change);
        let (run, _) = fleet.promote_once(PROMOTE);
        if !fleet.mend_git() {
            assert!(nth > 6, "only {nth} calls of git: {run}");
            return;
        }
        holds(&format!("before call {nth} of git"), &fleet, &run);
        fleet.forge.as_ref().expect("a forge").assert_clean();
    }
    panic!("more than {ENOUGH} calls of git");
}

/// Somebody moves the base before the forge answers each request in turn; a second run comes to rest.
fn while_the_base_moves_at_the_forge(change: &str, holds: impl Fn(&str, bool, &Sandbox, &Run)) {
    for nth in 0..ENOUGH {
        let fleet = on_github();
        fleet.meanwhile_at_the_forge(nth, change);
        let (run, _) = fleet.promote_once(PROMOTE);
        let forge = fleet.forge.as_ref().expect("a forge");
        if !forge.is_through() {
            assert!(nth > 6, "only {nth} requests to the forge: {run}");
            return;
        }
        let asked = forge.requests();
        // Between the last look at the base and the request to open nothing but a look at the forge has its place.
        let opening = asked.iter().position(|one| one.method == "POST");
        let is_late = opening.is_some_and(|opening| nth + 1 >= opening);
        let when = format!("before the answer to {} {}", asked[nth].method, asked[nth].path);
        assert_eq!(run.code, 0, "{when}: {run}");
        let (again, _) = fleet.promote_once(PROMOTE);
        assert_eq!(again.code, 0, "{when}: {again}\nbefore: {run}");
        holds(&when, is_late, &fleet, &again);
        forge.assert_clean();
    }
    panic!("more than {ENOUGH} requests to the forge");
}

fn commits(change: &str) -> String {
    format!("{change}\ngit add -A\ngit commit -q -m 'Change something'")
}

#[test]
fn a_base_that_moves_elsewhere_at_any_step_changes_nothing() {
    while_the_base_moves(&commits("echo more >>README.md"), |when, fleet, run| {
        assert_eq!(run.code, 0, "{when}: {run}");
        assert_eq!((fleet.branches().len(), open_heads(fleet).len(), opened(fleet)), (1, 1, 1), "{when}: {run}");
        let expected = ["- tag: v1.2.1 # moved by promote", "+ tag: v1.2.3 # moved by promote"];
        assert_eq!(changed_lines(fleet, &fleet.branches()[0]), expected, "{when}: {run}");
    });
}

#[test]
fn a_base_whose_pin_moves_at_any_step_is_planned_again() {
    let change = commits(&format!("sed -i 's/v1.2.1/v1.2.2/' {PIN}"));
    while_the_base_moves(&change, |when, fleet, run| {
        assert_eq!(run.code, 0, "{when}: {run}");
        let open = open_heads(fleet);
        assert_eq!((open.len(), opened(fleet)), (1, 1), "{when}: {run}");
        let expected = ["- tag: v1.2.2 # moved by promote", "+ tag: v1.2.3 # moved by promote"];
        assert_eq!(changed_lines(fleet, &open[0]), expected, "{when}: {run}");
    });
}

#[test]
fn a_base_that_gets_the_version_at_any_step_needs_no_pull_request() {
    let change = commits(&format!("sed -i 's/v1.2.1/v1.2.3/' {PIN}"));
    while_the_base_moves(&change, |when, fleet, run| {
        assert_eq!(run.code, 0, "{when}: {run}");
        assert_eq!(open_heads(fleet), Vec::<String>::new(), "{when}: {run}");
    });
}

#[test]
fn a_base_that_moves_while_the_forge_is_asked_is_noticed_before_the_pull_request_or_by_the_next_run() {
    let elsewhere = commits("echo more >>README.md");
    while_the_base_moves_at_the_forge(&elsewhere, |when, _, fleet, run| {
        assert_eq!((fleet.branches().len(), open_heads(fleet).len(), opened(fleet)), (1, 1, 1), "{when}: {run}");
    });
    let pin_moves = commits(&format!("sed -i 's/v1.2.1/v1.2.2/' {PIN}"));
    while_the_base_moves_at_the_forge(&pin_moves, |when, is_late, fleet, run| {
        let open = open_heads(fleet);
        assert_eq!((open.len(), opened(fleet)), (1, if is_late { 2 } else { 1 }), "{when}: {run}");
        let expected = ["- tag: v1.2.2 # moved by promote", "+ tag: v1.2.3 # moved by promote"];
        assert_eq!(changed_lines(fleet, &open[0]), expected, "{when}: {run}");
    });
    let has_it = commits(&format!("sed -i 's/v1.2.1/v1.2.3/' {PIN}"));
    while_the_base_moves_at_the_forge(&has_it, |when, is_late, fleet, run| {
        assert_eq!(opened(fleet), usize::from(is_late), "{when}: {run}");
    });
}

#[test]
fn a_rule_that_comes_to_the_base_at_any_step_holds() {
    let configuration = "version: 1\\nstages:\\n  - name: staging\\n    environments: [{name: staging, path: clusters/staging}]\\n  \
         - name: production\\n    environments: [{name: prod-eu, path: clusters/prod-eu}]\\n    range: <1.2.3\\n";
    let change = commits(&format!("printf '{configuration}' >promote.yaml"));
    while_the_base_moves(&change, |when, fleet, run| {
        assert_eq!(run.code, 3, "{when}: {run}");
        assert_eq!(open_heads(fleet), Vec::<String>::new(), "{when}: {run}");
    });
}

#[test]
fn a_base_whose_history_is_rewritten_at_any_step_is_never_merged_nor_shown() {
    let change = "git checkout -q --orphan rewritten\ngit rm -q --cached README.md 2>/dev/null || true\n\
                  git commit -q -m 'Begin anew'";
    while_the_base_moves(change, |when, fleet, run| {
        assert!([0, 6].contains(&run.code), "{when}: {run}");
        // A pull request shows the plan and nothing else of the old history.
        for branch in open_heads(fleet) {
            let expected = ["- tag: v1.2.1 # moved by promote", "+ tag: v1.2.3 # moved by promote"];
            assert_eq!(changed_lines(fleet, &branch), expected, "{when}: {run}");
            assert_eq!(fleet.git("remote.git", &["rev-list", &branch, "--not", "main"]).lines().count(), 1, "{when}");
        }
        assert_eq!(run.code == 0, open_heads(fleet).len() == 1, "{when}: {run}");
    });
}

#[test]
fn a_base_that_never_rests_is_a_conflict() {
    let fleet = on_github();
    fleet.meanwhile(0, &commits(&format!("date +%s%N | sed 's/^/# /' >>{PIN}")));
    let (run, _) = fleet.promote_once(PROMOTE);

    assert_eq!(run.code, 6, "{run}");
    assert!(run.stderr.contains("`main` changed under this promotion again and again"), "{run}");
    assert_eq!(open_heads(&fleet), Vec::<String>::new(), "{run}");
    fleet.mend_git();
    let (again, _) = fleet.promote_once(PROMOTE);
    assert_eq!((again.code, open_heads(&fleet).len()), (0, 1), "{again}");
}
