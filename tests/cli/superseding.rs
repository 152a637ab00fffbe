//! One open pull request for an app and environment: a newer version takes the place of an older one.

use crate::fleet::{ONE, PIN, on_github, pin, two_clusters};
use crate::support::Sandbox;
use crate::support::forge::{Comment, Pull, PullState, Review};
use crate::support::sandbox::{ARTIFACT, Run};

#[test]
fn a_newer_version_closes_the_older_promotion_with_one_comment() {
    let fleet = on_github();
    let (first, _) = fleet.promote_once(&["my-app", "v1.2.2"]);
    assert_eq!(first.code, 0, "{first}");
    let (second, wrote) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert!(wrote && second.code == 0, "{second}");
    assert!(second.stderr.contains("takes the place of #1 (Promote my-app to v1.2.2 in prod-eu)"), "{second}");
    let pulls = fleet.pulls();
    let open: Vec<_> =
        pulls.iter().filter(|pull| pull.state == PullState::Open).map(|pull| pull.title.as_str()).collect();
    assert_eq!(open, ["Promote my-app to v1.2.3 in prod-eu"]);
    assert_eq!(pulls.len(), 2);
    let (third, wrote) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert!(!wrote && third.code == 0, "{third}");
}

#[test]
fn an_older_version_than_an_open_one_is_refused_unless_it_is_to_take_its_place() {
    let fleet = on_github();
    fleet.promote_once(&["my-app", "v1.2.3"]);
    let (refused, wrote) = fleet.promote_once(&["my-app", "v1.2.2"]);
    assert!(!wrote && refused.code == 6, "{refused}");
    assert!(refused.stderr.contains("--supersede"), "{refused}");
    let (taken, wrote) = fleet.promote_once(&["my-app", "v1.2.2", "--supersede"]);
    assert!(wrote && taken.code == 0, "{taken}");
    let pulls = fleet.pulls();
    let open: Vec<_> =
        pulls.iter().filter(|pull| pull.state == PullState::Open).map(|pull| pull.title.as_str()).collect();
    assert_eq!(open, ["Promote my-app to v1.2.2 in prod-eu"]);
}

/// Runs `auto`, lets somebody do something to its pull request, releases v1.2.4, and runs `auto` again.
fn after(touch: impl FnOnce(&Sandbox)) -> (Sandbox, Run) {
    let fleet = on_github();
    let (first, _) = fleet.promote_once(&["auto"]);
    assert_eq!(first.code, 0, "{first}");
    touch(&fleet);
    fleet.registry.artifact(ARTIFACT, "v1.2.4");
    let (second, _) = fleet.promote_once(&["auto"]);
    assert_eq!(second.code, 0, "{second}");
    (fleet, second)
}

fn open_titles(fleet: &Sandbox) -> Vec<String> {
    let open = fleet.pulls().into_iter().filter(|pull| pull.state == PullState::Open);
    open.map(|pull| pull.title).collect()
}

#[test]
fn a_job_supersedes_what_no_person_did_anything_with() {
    let (fleet, run) = after(|_| {});
    assert_eq!(open_titles(&fleet), ["Promote my-app to v1.2.4 in prod-eu"], "{run}");
    let older = &fleet.pulls()[0];
    assert_eq!(older.comments.len(), 1, "{run}");
    let url = format!("{}/acme/fleet/pull/2", fleet.forge.as_ref().expect("a forge").url);
    assert_eq!(older.comments[0].body, format!("Superseded by [#2]({url}), which `promote` opened."));
    let again = fleet.promote(&["auto"]);
    assert_eq!(again.code, 0, "{again}");
    assert_eq!(fleet.pulls()[0].comments.len(), 1, "{again}");
}

#[test]
fn a_job_waits_for_what_a_person_did_something_with() {
    type Touched = fn(&Sandbox);
    let pull = |fleet: &Sandbox, change: fn(&mut Pull)| {
        change(fleet.forge.as_ref().expect("a forge").state().pull(1).expect("a pull request"));
    };
    let touches: [(&str, Touched); 5] = [
        ("sre-1 reviewed it", |fleet| {
            let review = Review { author: "sre-1".to_owned(), state: "APPROVED".to_owned() };
            fleet.forge.as_ref().expect("a forge").state().pull(1).expect("one").reviews.push(review);
        }),
        ("sre-1 commented on it", |fleet| {
            let comment = Comment { author: "sre-1".to_owned(), body: "wait".to_owned() };
            fleet.forge.as_ref().expect("a forge").state().pull(1).expect("one").comments.push(comment);
        }),
        ("somebody labelled it `urgent`", |fleet| {
            fleet.forge.as_ref().expect("a forge").state().pull(1).expect("one").labels.push("urgent".to_owned());
        }),
        ("Somebody Else pushed to it", |fleet| push_to(fleet, &fleet.branches()[0], "a note")),
        ("somebody pushed to it", |fleet| update_branch(fleet, &fleet.branches()[0])),
    ];
    for (why, touch) in touches {
        let (fleet, run) = after(touch);
        assert_eq!(open_titles(&fleet), ["Promote my-app to v1.2.3 in prod-eu"], "{run}");
        assert!(run.stderr.contains(&format!("pull request #1 is open, and {why}")), "{run}");
        assert!(run.stderr.contains("waiting    my-app in prod-eu"), "{run}");
        assert_eq!(fleet.branches().len(), 1, "{run}");
    }
    // A program's review is no person's.
    let (fleet, run) = after(|fleet| {
        let review = Review { author: "checker[bot]".to_owned(), state: "COMMENTED".to_owned() };
        fleet.forge.as_ref().expect("a forge").state().pull(1).expect("one").reviews.push(review);
    });
    pull(&fleet, |one| assert_eq!(one.state, PullState::Closed));
    assert_eq!(open_titles(&fleet), ["Promote my-app to v1.2.4 in prod-eu"], "{run}");
}

/// Commits something onto a branch, as somebody with a clone would.
fn push_to(fleet: &Sandbox, branch: &str, message: &str) {
    fleet.git("seed", &["fetch", "-q", "origin", branch]);
    let who = ["-c", "user.name=Somebody Else", "-c", "user.email=else@example.com"];
    let tree = fleet.git("seed", &["rev-parse", "FETCH_HEAD^{tree}"]);
    let mut commit = who.to_vec();
    commit.extend(["commit-tree", "-p", "FETCH_HEAD", "-m", message, tree.trim()]);
    let commit = fleet.git("seed", &commit);
    fleet.git("seed", &["push", "-q", "origin", &format!("{}:refs/heads/{branch}", commit.trim())]);
}

/// Merges the base into a branch, as the button "Update branch" does.
fn update_branch(fleet: &Sandbox, branch: &str) {
    fleet.change("README.md", "somebody else's\n");
    fleet.settle();
    fleet.git("seed", &["fetch", "-q", "origin", branch]);
    fleet.git("seed", &["switch", "-q", "--detach", "FETCH_HEAD"]);
    fleet.git("seed", &["merge", "-q", "-m", "Merge branch 'main'", "main"]);
    fleet.git("seed", &["push", "-q", "origin", &format!("HEAD:refs/heads/{branch}")]);
    fleet.git("seed", &["switch", "-q", "main"]);
}

#[test]
fn a_job_waits_for_what_a_person_asked_for() {
    let fleet = on_github();
    fleet.promote_once(&["my-app", "v1.2.2"]);
    let (run, _) = fleet.promote_once(&["auto"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(open_titles(&fleet), ["Promote my-app to v1.2.2 in prod-eu"]);
    assert!(run.stderr.contains("pull request #1 is open, and release-eng asked for it"), "{run}");
    let document = fleet.promote_once(&["auto", "-o", "json"]).0.json();
    let step = &document["steps"].as_array().expect("steps").last().expect("a step").clone();
    assert_eq!((&step["pullRequest"]["number"], &step["error"]), (&1.into(), &serde_json::Value::Null), "{step}");
    assert_eq!(document["changed"], false);
    // A person who asks for more takes its place, and is told of what.
    let (person, _) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert!(person.stderr.contains("takes the place of #1"), "{person}");
}

#[test]
fn an_update_of_the_branch_is_adopted_by_the_same_promotion() {
    let fleet = on_github();
    fleet.promote_once(&["my-app", "v1.2.3"]);
    update_branch(&fleet, &fleet.branches()[0]);
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!((run.code, fleet.pulls().len(), fleet.branches().len()), (0, 1, 1), "{run}");
}

#[test]
fn a_stage_s_pull_request_and_an_environment_s_are_of_the_same_environment() {
    let shared = |path: &str| format!("resources: [../../{path}]\n");
    let fleet = two_clusters(Sandbox::on_github())
        .file("apps/my-app/my-app.yaml", &pin("v1.2.1"))
        .file("apps/my-app/kustomization.yaml", "resources: [my-app.yaml]\n")
        .file("clusters/prod-eu/kustomization.yaml", &shared("apps/my-app"))
        .file("clusters/prod-us/kustomization.yaml", &shared("apps/my-app"));
    let (first, _) = fleet.promote_once(&["my-app", "v1.2.2"]);
    assert_eq!(open_titles(&fleet), ["Promote my-app to v1.2.2 in production"], "{first}");
    fleet.change("clusters/prod-eu/kustomization.yaml", "resources: [my-app.yaml]\n");
    let (second, _) = fleet.promote_once(&["my-app", "v1.2.3", "--to", "prod-eu"]);
    assert_eq!(second.code, 0, "{second}");
    assert!(second.stderr.contains("takes the place of #1 (Promote my-app to v1.2.2 in production)"), "{second}");
    assert_eq!(open_titles(&fleet), ["Promote my-app to v1.2.3 in prod-eu"], "{second}");
}

#[test]
fn an_environment_with_a_new_name_is_found_by_the_place_that_both_change() {
    let fleet = on_github();
    fleet.promote_once(&["my-app", "v1.2.2"]);
    fleet.change("promote.yaml", &ONE.replace("name: prod-eu", "name: europe"));
    let (run, _) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stderr.contains("takes the place of #1"), "{run}");
    assert_eq!(open_titles(&fleet), ["Promote my-app to v1.2.3 in europe"]);
}

#[test]
fn an_attempt_that_no_longer_merges_gives_way_to_the_next() {
    let fleet = on_github();
    fleet.promote_once(&["my-app", "v1.2.3"]);
    // The line beside it.
    fleet.change(PIN, &pin("v1.2.1").replace("  ref:\n", "  ref: # by Flux\n"));
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    let heads: Vec<(String, PullState)> = fleet.pulls().into_iter().map(|pull| (pull.head, pull.state)).collect();
    assert_eq!(heads.len(), 2, "{run}");
    assert_eq!(heads[0].1, PullState::Closed, "{run}");
    assert_eq!((heads[1].0.clone(), heads[1].1), (format!("{}.2", heads[0].0), PullState::Open), "{run}");
}

#[test]
fn a_promotion_that_was_merged_and_rolled_back_is_a_second_attempt() {
    let fleet = on_github();
    fleet.promote_once(&["my-app", "v1.2.3"]);
    fleet.forge.as_ref().expect("a forge").state().merge(1);
    fleet.git("seed", &["pull", "-q", "origin", "main"]);
    fleet.change(PIN, &pin("v1.2.1"));
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    let pulls = fleet.pulls();
    assert_eq!(pulls[1].head, format!("{}.2", pulls[0].head), "{run}");
}

#[test]
fn another_s_pull_request_for_the_same_place_is_named_before_a_rival_is_opened() {
    let fleet = on_github();
    fleet.settle();
    for (branch, text) in [
        ("renovate/my-app", pin("v1.2.2")),
        ("renovate/interval", pin("v1.2.1").replace("interval: 5m", "interval: 9m")),
    ] {
        fleet.git("seed", &["switch", "-q", "-c", branch, "main"]);
        std::fs::write(fleet.path("seed").join(PIN), text).expect("a file");
        fleet.git("seed", &["commit", "-qam", "Update"]);
        fleet.git("seed", &["push", "-q", "origin", branch]);
        fleet.git("seed", &["switch", "-q", "main"]);
        fleet.forge.as_ref().expect("a forge").state().open_as("renovate[bot]", "Update", branch, "main");
    }
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    let place = "changes the same place: clusters/prod-eu/my-app.yaml:10";
    assert!(
        run.stderr.contains(&format!("pull request #1 by renovate[bot], which is not promote's, {place}")),
        "{run}"
    );
    assert!(!run.stderr.contains("#2 by renovate"), "another line: {run}");
    assert!(fleet.pulls()[2].body.contains("which is not promote's, changes the same place"), "{run}");
}
