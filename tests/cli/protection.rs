//! `protection: require`: nothing is promoted where nobody need approve.

use insta::assert_snapshot;

use crate::fleet::*;
use crate::support::Sandbox;

const PROMOTE: &[&str] = &["my-app", "v1.2.3", "--to", "prod-eu"];

fn protected(sandbox: Sandbox) -> Sandbox {
    two_clusters(sandbox).file("promote.yaml", &configured("protection: require", ""))
}

/// A fleet on a forge whose rules ask for so many approvals; none: they can't be read.
fn asking_for(approvals: Option<u64>) -> Sandbox {
    let fleet = protected(Sandbox::on_github());
    fleet.forge.as_ref().expect("a forge").state().approvals = approvals;
    fleet
}

#[test]
fn rules_that_ask_for_an_approval_let_it_pass() {
    let fleet = asking_for(Some(1));
    let run = fleet.promote(PROMOTE);
    assert_eq!((run.code, fleet.pulls().len()), (0, 1), "{run}");
}

#[test]
fn rules_that_ask_for_none_stop_it_before_anything_is_pushed() {
    let fleet = asking_for(Some(0));
    let run = fleet.promote(PROMOTE);
    assert!(fleet.branches().is_empty() && fleet.pulls().is_empty(), "{run}");
    let told = run.stderr.split_once("error: ").expect("an error").1;
    assert_snapshot!(told, @"
    the rules of `main` ask for no approval: whoever may write may merge, and nothing is promoted there without
     --> promote.yaml:7:17
      |
    7 |     protection: require
      |                 ^^^^^^^
    help: require an approval in the base branch's rules, and let the token read them
    base-unprotected   the rules of `main` ask for no approval: whoever may write may merge
    ");
    assert_eq!(run.code, 3, "{run}");
}

#[test]
fn rules_that_cannot_be_read_are_no_rules() {
    let fleet = asking_for(None);
    let run = fleet.promote(PROMOTE);
    assert_eq!((run.code, fleet.branches().len()), (3, 0), "{run}");
    assert!(run.stderr.contains("can't be read"), "{run}");
}

#[test]
fn without_a_forge_nobody_can_tell() {
    let fleet = protected(Sandbox::new());
    let run = fleet.promote(PROMOTE);
    assert_eq!((run.code, fleet.branches().len()), (3, 0), "{run}");
    assert!(run.stderr.contains("without a forge nobody can tell"), "{run}");
}

#[test]
fn in_ci_the_others_go_on() {
    let two = configured("protection: require", "")
        + "  - name: second\n    environments: [{name: prod-us, path: clusters/prod-us}]\n    from: staging\n";
    let fleet = two_clusters(Sandbox::on_github()).file("promote.yaml", &two);
    let run = fleet.promote_once(&["auto", "-o", "json"]).0;
    let steps = run.json()["steps"].clone();
    let of = |name: &str| {
        steps.as_array().expect("steps").iter().find(|step| step["environment"] == name).cloned().expect(name)
    };
    assert_eq!(of("prod-eu")["error"]["code"], "base-unprotected", "{run}");
    assert_eq!(of("prod-us")["pullRequest"]["state"], "open", "{run}");
    assert_eq!(run.code, 3, "{run}");
}
