//! Others do something at the same time: the same promotion, another one, or a change of the base.

#[path = "support/mod.rs"]
mod support;

use support::forge::PullState;
use support::{Run, Sandbox};

const SOURCE: &str = "\
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata:
  name: my-app
  namespace: apps
spec:
  interval: 5m
  url: oci://registry.example.com/my-app-config
  ref:
    semver: \">=1.0.0 <2.0.0\"
";
const PRODUCTION: &str = "clusters/production/my-app.yaml";
const PROMOTE: &[&str] = &["my-app", "v1.2.3", "--to", "production"];
/// No command calls Git as often.
const ENOUGH: usize = 100;

fn pinned(tag: &str) -> String {
    SOURCE.replace("semver: \">=1.0.0 <2.0.0\"", &format!("tag: {tag} # reviewed"))
}

/// Staging follows a range that selects v1.2.3; production pins v1.2.1.
fn fleet() -> Sandbox {
    Sandbox::on_github()
        .file("clusters/staging/my-app.yaml", SOURCE)
        .file(PRODUCTION, &pinned("v1.2.1"))
        .tags(&["v1.2.1", "v1.2.2", "v1.2.3"])
}

/// How many requests to open a pull request went well.
fn opened(fleet: &Sandbox) -> usize {
    let forge = fleet.forge.as_ref().expect("a forge");
    let opens = |one: &&support::forge::Logged| one.method == "POST" && one.path.ends_with("/pulls");
    forge.requests().iter().filter(opens).filter(|one| one.status == 201).count()
}

fn open(fleet: &Sandbox) -> Vec<String> {
    fleet.pulls().into_iter().filter(|pull| pull.state == PullState::Open).map(|pull| pull.head).collect()
}

/// The lines that a branch changes in the base as it is now.
fn changed(fleet: &Sandbox, branch: &str) -> Vec<String> {
    let diff = fleet.diff(branch);
    let is_change = |line: &&str| line.starts_with(['+', '-']) && !line.starts_with("+++") && !line.starts_with("---");
    diff.lines().filter(is_change).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn twenty_runs_at_once_open_one_pull_request_and_all_name_it() {
    let rounds = std::env::var("PROMOTE_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    for round in 1..=rounds {
        let fleet = fleet();
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
        let fleet = fleet();
        let older: &[&str] = &["my-app", "v1.2.2", "--to", "production"];
        let runs = fleet.promote_at_once(&[older, PROMOTE]);
        for run in &runs {
            assert!([0, 6].contains(&run.code), "{run}");
        }
        assert_eq!(runs[1].code, 0, "the newer version is never the one that waits: {}", runs[1]);
        // Who came to the forge at the same moment could not see the other: the next run puts that right.
        let (last, _) = fleet.promote_once(PROMOTE);
        assert_eq!(last.code, 0, "{last}");
        assert!(open(&fleet).iter().any(|head| head.contains("/v1.2.3-")), "{:?}", fleet.pulls());
        assert_eq!(open(&fleet).len(), 1, "one open for app and environment: {:?}", fleet.pulls());
    }
}

#[test]
fn two_apps_in_one_file_at_once_get_a_pull_request_each() {
    let other = pinned("v2.0.0").replace("my-app", "other");
    let both = format!("{}---\n{}# the end\n# of\n# the first\n# app\n", other, pinned("v1.2.1"));
    let fleet = Sandbox::on_github()
        .file("clusters/staging/my-app.yaml", SOURCE)
        .file("clusters/staging/other.yaml", &SOURCE.replace("my-app", "other").replace("<2.0.0", "<3.0.0"))
        .file("clusters/production/apps.yaml", &both)
        .tags(&["v1.2.1", "v1.2.3"])
        .artifact("other-config", &["v2.0.0", "v2.1.0"]);
    let runs = fleet.promote_at_once(&[PROMOTE, &["other", "v2.1.0", "--to", "production"]]);

    for run in &runs {
        assert_eq!(run.code, 0, "{run}");
    }
    let branches = fleet.branches();
    assert_eq!((branches.len(), open(&fleet).len()), (2, 2), "{branches:?}");
    for branch in &branches {
        let of = if branch.contains("/my-app/") {
            ["- tag: v1.2.1 # reviewed", "+ tag: v1.2.3 # reviewed"]
        } else {
            ["- tag: v2.0.0 # reviewed", "+ tag: v2.1.0 # reviewed"]
        };
        assert_eq!(changed(&fleet, branch), of, "{branch}");
    }

    // One is merged; the other goes on, whether its pull request still merges or not.
    fleet.git("seed", &["fetch", "-q", "origin"]);
    fleet.git("seed", &["merge", "-q", "--no-edit", &format!("origin/{}", branches[0])]);
    fleet.git("seed", &["push", "-q", "origin", "HEAD:main"]);
    let other = if branches[0].contains("/my-app/") { ["other", "v2.1.0"] } else { ["my-app", "v1.2.3"] };
    let (again, _) = fleet.promote_once(&[other[0], other[1], "--to", "production"]);
    assert_eq!(again.code, 0, "{again}");
    let waiting: Vec<String> =
        open(&fleet).into_iter().filter(|head| head.contains(&format!("/{}/", other[0]))).collect();
    assert_eq!(waiting.len(), 1, "{:?}", fleet.pulls());
    fleet.git("seed", &["fetch", "-q", "origin"]);
    fleet.git("seed", &["merge", "-q", "--no-edit", &format!("origin/{}", waiting[0])]);
    let text = fleet.git("seed", &["show", "HEAD:clusters/production/apps.yaml"]);
    assert!(text.contains("tag: v1.2.3 # reviewed") && text.contains("tag: v2.1.0 # reviewed"), "{text}");
}

/// Somebody moves the base before each call of Git in turn.
fn while_the_base_moves(change: &str, holds: impl Fn(&str, &Sandbox, &Run)) {
    for nth in 1..ENOUGH {
        let fleet = fleet();
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

fn commits(change: &str) -> String {
    format!("{change}\ngit add -A\ngit commit -q -m 'Change something'")
}

#[test]
fn a_base_that_moves_elsewhere_at_any_step_changes_nothing() {
    while_the_base_moves(&commits("echo more >>README.md"), |when, fleet, run| {
        assert_eq!(run.code, 0, "{when}: {run}");
        assert_eq!((fleet.branches().len(), open(fleet).len(), opened(fleet)), (1, 1, 1), "{when}: {run}");
        let expected = ["- tag: v1.2.1 # reviewed", "+ tag: v1.2.3 # reviewed"];
        assert_eq!(changed(fleet, &fleet.branches()[0]), expected, "{when}: {run}");
    });
}

#[test]
fn a_base_whose_pin_moves_at_any_step_is_planned_again() {
    let change = commits(&format!("sed -i 's/v1.2.1/v1.2.2/' {PRODUCTION}"));
    while_the_base_moves(&change, |when, fleet, run| {
        assert_eq!(run.code, 0, "{when}: {run}");
        let open = open(fleet);
        assert_eq!((open.len(), opened(fleet)), (1, 1), "{when}: {run}");
        let expected = ["- tag: v1.2.2 # reviewed", "+ tag: v1.2.3 # reviewed"];
        assert_eq!(changed(fleet, &open[0]), expected, "{when}: {run}");
    });
}

#[test]
fn a_base_that_gets_the_version_at_any_step_needs_no_pull_request() {
    let change = commits(&format!("sed -i 's/v1.2.1/v1.2.3/' {PRODUCTION}"));
    while_the_base_moves(&change, |when, fleet, run| {
        assert_eq!(run.code, 0, "{when}: {run}");
        assert_eq!(open(fleet), Vec::<String>::new(), "{when}: {run}");
    });
}

#[test]
fn a_rule_that_comes_to_the_base_at_any_step_holds() {
    let configuration = "version: 1\\nstages:\\n  - name: staging\\n    environments: [{name: staging, path: clusters/staging}]\\n  \
         - name: production\\n    environments: [{name: production, path: clusters/production}]\\n    range: <1.2.3\\n";
    let change = commits(&format!("printf '{configuration}' >promote.yaml"));
    while_the_base_moves(&change, |when, fleet, run| {
        assert_eq!(run.code, 3, "{when}: {run}");
        assert_eq!(open(fleet), Vec::<String>::new(), "{when}: {run}");
    });
}

#[test]
fn a_base_whose_history_is_rewritten_at_any_step_is_never_merged_nor_shown() {
    let change = "git checkout -q --orphan rewritten\ngit rm -q --cached README.md 2>/dev/null || true\n\
                  git commit -q -m 'Begin anew'";
    while_the_base_moves(change, |when, fleet, run| {
        assert!([0, 6].contains(&run.code), "{when}: {run}");
        // A pull request shows the plan and nothing else of the old history.
        for branch in open(fleet) {
            let expected = ["- tag: v1.2.1 # reviewed", "+ tag: v1.2.3 # reviewed"];
            assert_eq!(changed(fleet, &branch), expected, "{when}: {run}");
            assert_eq!(fleet.git("remote.git", &["rev-list", &branch, "--not", "main"]).lines().count(), 1, "{when}");
        }
        assert_eq!(run.code == 0, open(fleet).len() == 1, "{when}: {run}");
    });
}

#[test]
fn a_base_that_never_rests_is_a_conflict() {
    let fleet = fleet();
    fleet.meanwhile(0, &commits(&format!("date +%s%N | sed 's/^/# /' >>{PRODUCTION}")));
    let (run, _) = fleet.promote_once(PROMOTE);

    assert_eq!(run.code, 6, "{run}");
    assert!(run.stderr.contains("`main` changed under this promotion again and again"), "{run}");
    assert_eq!(open(&fleet), Vec::<String>::new(), "{run}");
    fleet.mend_git();
    let (again, _) = fleet.promote_once(PROMOTE);
    assert_eq!((again.code, open(&fleet).len()), (0, 1), "{again}");
}
