//! `promote check --pull-request`: a promotion is judged again at merge time.

use insta::assert_snapshot;

use crate::fleet::*;
use crate::support::Sandbox;
use crate::support::forge::{Kind, Review, What};
use crate::support::registry::{digest, flux_manifest};
use crate::support::sandbox::{ARTIFACT, Run};

const CHECK: &[&str] = &["check", "--pull-request", "1"];
/// A freeze that holds whenever this runs.
const FROZEN: &str = "freeze: [{from: 2020-01-01, until: 2099-12-31, reason: audit}]";

/// A fleet with a promotion of my-app to v1.2.3 in prod-eu, open as #1, asked for by release-eng.
fn promoted(kind: Kind) -> Sandbox {
    open(on_forge(kind))
}

fn open(fleet: Sandbox) -> Sandbox {
    let run = fleet.promote_once(&["my-app", "v1.2.3", "--to", "prod-eu", "--reason", "CHG-1 spring"]).0;
    assert_eq!((run.code, fleet.pulls().len()), (0, 1), "{run}");
    fleet
}

fn check(fleet: &Sandbox) -> Run {
    fleet.promote_once(CHECK).0
}

/// A text without the short names of commits.
fn shown(text: &str) -> String {
    let short = regex::Regex::new(r"(commit |\()[0-9a-f]{7,12}\b").expect("a pattern");
    short.replace_all(text, "${1}[short]").into_owned()
}

/// The codes of a level, in order.
fn codes(fleet: &Sandbox, level: &str) -> Vec<String> {
    let run = fleet.promote_once(&[CHECK, &["-o", "json"]].concat()).0;
    let document = run.json();
    assert_eq!(document["kind"], "Check", "{run}");
    let results = document["results"].as_array().cloned().unwrap_or_else(|| panic!("{run}"));
    let of_level = results.iter().filter(|result| result["level"] == level);
    of_level.map(|result| result["code"].as_str().expect("a code").to_owned()).collect()
}

fn review(fleet: &Sandbox, author: &str, state: &str) {
    let review = Review { author: author.to_owned(), state: state.to_owned() };
    fleet.forge.as_ref().expect("a forge").state().pull(1).expect("a pull request").reviews.push(review);
}

/// Pushes a commit of somebody else to a ref, on top of `from`; returns its name.
fn push(fleet: &Sandbox, from: &str, to: &str, files: &[(&str, &str)], message: &str) -> String {
    fleet.settle();
    fleet.git("seed", &["fetch", "-q", "origin"]);
    fleet.git("seed", &["checkout", "-q", "--detach", &format!("origin/{from}")]);
    for (path, text) in files {
        let path = fleet.path("seed").join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    fleet.git("seed", &["add", "-A"]);
    fleet.git("seed", &["commit", "-q", "--allow-empty", "-m", message]);
    let commit = fleet.git("seed", &["rev-parse", "HEAD"]).trim().to_owned();
    fleet.git("seed", &["push", "-q", "-f", "origin", &format!("HEAD:{to}")]);
    fleet.git("seed", &["checkout", "-q", "main"]);
    commit
}

/// Pushes one to the branch of #1.
fn push_to_it(fleet: &Sandbox, files: &[(&str, &str)], message: &str) {
    let branch = fleet.pulls()[0].head.clone();
    push(fleet, &branch, &format!("refs/heads/{branch}"), files, message);
}

/// A fleet with a pull request of somebody's own, with this file changed.
fn by_hand(fleet: Sandbox, path: &str, text: &str) -> Sandbox {
    push(&fleet, "main", "refs/heads/patch-1", &[(path, text)], "By hand");
    fleet.forge.as_ref().expect("a forge").state().open_as("somebody", "By hand", "patch-1", "main");
    fleet
}

#[test]
fn a_promotion_that_the_rules_still_allow_is_well_on_every_forge() {
    for kind in KINDS {
        let fleet = promoted(kind);
        review(&fleet, "sre-1", "APPROVED");
        let run = check(&fleet);
        assert_eq!(run.code, 0, "{kind:?}: {run}");
        assert!(run.stdout.contains("approved by sre-1; asked for by release-eng"), "{kind:?}: {run}");
        if kind == Kind::GitHub {
            assert_snapshot!(shown(&run.stdout), @"
            my-app v1.2.1 -> v1.2.3 in prod-eu (#1)
              ok   changes exactly clusters/prod-eu/my-app.yaml:10
              ok   tag v1.2.3 is still sha256:ca1813fe...5923d
              ok   staging selects exactly this content now                    clusters/staging/my-app.yaml:10:13
              ok   newer than v1.2.1, inside the range, not held, not frozen
              ok   the trailers of its commits say the same
              ok   approved by sre-1; asked for by release-eng
            ");
            assert_eq!(codes(&fleet, "warning"), Vec::<String>::new());
        }
    }
}

#[test]
fn nothing_is_written_and_few_things_are_asked() {
    let fleet = promoted(Kind::GitHub);
    let (writes, before) = (fleet.forge.as_ref().expect("a forge").writes(), fleet.pulls().len());
    check(&fleet);
    let forge = fleet.forge.as_ref().expect("a forge");
    assert_eq!((forge.writes(), fleet.pulls().len()), (writes, before));
    let asked: Vec<String> = forge.requests().iter().rev().take(2).map(|one| one.path.clone()).collect();
    assert!(asked[0].starts_with("/repos/acme/fleet/pulls/1/reviews"), "{asked:?}");
    assert!(asked[1].starts_with("/repos/acme/fleet/pulls/1"), "{asked:?}");
}

#[test]
fn a_tag_that_was_pushed_again_is_refused_on_every_forge() {
    for kind in KINDS {
        let fleet = promoted(kind);
        fleet.registry.tag(ARTIFACT, "v1.2.3", &digest_of("v1.2.2"));
        let run = check(&fleet);
        assert_eq!(run.code, 3, "{kind:?}: {run}");
        if kind == Kind::GitHub {
            assert_snapshot!(shown(&run.to_string()), @"
            my-app v1.2.1 -> v1.2.3 in prod-eu (#1)
              ok     changes exactly clusters/prod-eu/my-app.yaml:10
              FAIL   tag v1.2.3 is sha256:14c94769...6485d now; it was sha256:ca1813fe...5923d in the pull request
              ok     staging selects exactly this content now                                                        clusters/staging/my-app.yaml:10:13
              ok     newer than v1.2.1, inside the range, not held, not frozen
              ok     the trailers of its commits say the same
              warn   not approved yet; asked for by release-eng
            --- stderr
            read main [commit]
            help: find out who pushed the tag again; a new version is the safe way
            --- exit 3
            ");
        }
    }
}

#[test]
fn a_digest_that_is_pinned_is_compared_too() {
    let old = format!("tag: v1.2.1\ndigest: {}", digest_of("v1.2.1"));
    let fleet = open(on_github().file(PIN, &source(&old)));
    let run = check(&fleet);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains(&format!("changes exactly {PIN}:10-11")), "{run}");
    fleet.registry.tag(ARTIFACT, "v1.2.3", &digest_of("v1.2.2"));
    assert!(codes(&fleet, "error").contains(&"tag-moved".to_owned()));
}

#[test]
fn rules_that_came_since_are_asked() {
    for kind in KINDS {
        let fleet = promoted(kind);
        fleet.change("promote.yaml", &configured(FROZEN, ""));
        let run = check(&fleet);
        assert_eq!(run.code, 3, "{kind:?}: {run}");
        if kind == Kind::GitHub {
            assert_snapshot!(shown(&run.to_string()), @"
            my-app v1.2.1 -> v1.2.3 in prod-eu (#1)
              ok     changes exactly clusters/prod-eu/my-app.yaml:10
              ok     tag v1.2.3 is still sha256:ca1813fe...5923d
              FAIL   frozen until Fri 2100-01-01 00:00 UTC (audit)     promote.yaml:7:14
              ok     the trailers of its commits say the same
              warn   not approved yet; asked for by release-eng
            --- stderr
            read main [commit]
            help: run the check again when the rule is over: it judges by the time of its run
            --- exit 3
            ");
        }
    }
    for (rules, code) in [
        ("range: \"<1.2.3\"", "outside-range"),
        ("reason: {required: true, pattern: \"INC-[0-9]+\"}", "reason-pattern"),
        ("protection: require", "base-unprotected"),
        ("digest: required", "digest-required"),
    ] {
        let fleet = promoted(Kind::GitHub);
        fleet.change("promote.yaml", &configured(rules, ""));
        assert_eq!(codes(&fleet, "error"), [code], "{rules}");
    }
    let fleet = promoted(Kind::GitHub);
    fleet.change("promote.yaml", &configured("", "apps: {my-app: {holds: [{version: v1.2.3, reason: leaks}]}}\n"));
    assert_eq!(codes(&fleet, "error"), ["held"]);
    let fleet = promoted(Kind::GitHub);
    fleet.change("clusters/staging/my-app.yaml", &pin("v1.2.2"));
    assert_eq!(codes(&fleet, "error"), ["not-in-from"]);
}

#[test]
fn another_file_is_refused_on_every_forge() {
    for kind in KINDS {
        let fleet = promoted(kind);
        push_to_it(&fleet, &[("clusters/prod-eu/more.yaml", "kind: ConfigMap\n"), ("CODEOWNERS", "* @me\n")], "More");
        let run = check(&fleet);
        assert_eq!(run.code, 3, "{kind:?}: {run}");
        if kind == Kind::GitHub {
            assert_snapshot!(shown(&run.to_string()), @"
            my-app v1.2.1 -> v1.2.3 in prod-eu (#1)
              FAIL   changes CODEOWNERS, which is no part of the promotion                   CODEOWNERS:1:1
              FAIL   changes clusters/prod-eu/more.yaml, which is no part of the promotion   clusters/prod-eu/more.yaml:1:1
              ok     tag v1.2.3 is still sha256:ca1813fe...5923d
              ok     staging selects exactly this content now                                clusters/staging/my-app.yaml:10:13
              ok     newer than v1.2.1, inside the range, not held, not frozen
              ok     the trailers of its commits say the same
              warn   the commit [short] says nothing of a promotion
              warn   not approved yet; asked for by release-eng
            --- stderr
            read main [commit]
            help: close it, and promote again: a promotion's branch is never edited by hand
            --- exit 3
            ");
        }
    }
}

#[test]
fn another_line_of_the_same_file_is_refused_on_every_forge() {
    for kind in KINDS {
        let fleet = promoted(kind);
        push_to_it(&fleet, &[(PIN, &pin("v1.2.3").replace("5m", "1m"))], "Faster");
        let run = check(&fleet);
        assert_eq!(run.code, 3, "{kind:?}: {run}");
        if kind == Kind::GitHub {
            assert_snapshot!(shown(&run.to_string()), @"
            my-app v1.2.1 -> v1.2.3 in prod-eu (#1)
              FAIL   changes more here than the version that it promotes         clusters/prod-eu/my-app.yaml:7:1
              ok     tag v1.2.3 is still sha256:ca1813fe...5923d
              ok     staging selects exactly this content now                    clusters/staging/my-app.yaml:10:13
              ok     newer than v1.2.1, inside the range, not held, not frozen
              ok     the trailers of its commits say the same
              warn   the commit [short] says nothing of a promotion
              warn   not approved yet; asked for by release-eng
            --- stderr
            read main [commit]
            help: close it, and promote again: a promotion's branch is never edited by hand
            --- exit 3
            ");
        }
    }
}

#[test]
fn one_more_byte_is_refused() {
    for text in
        [pin("v1.2.3").replace("# moved", "#  moved"), pin("v1.2.3") + "\n", pin("v1.2.3").replace('\n', "\r\n")]
    {
        let fleet = promoted(Kind::GitHub);
        push_to_it(&fleet, &[(PIN, &text)], "Tidy up");
        assert!(codes(&fleet, "error").contains(&"other-change".to_owned()), "{text:?}");
    }
}

#[test]
fn other_content_under_an_approved_name_is_refused() {
    // Approved, then exchanged for another promotion that the rules would allow.
    let fleet = promoted(Kind::GitHub);
    review(&fleet, "sre-1", "APPROVED");
    let message = format!(
        "Promote\n\nPromote-App: my-app\nPromote-Environment: prod-eu\nPromote-From: v1.2.1\nPromote-To: v1.2.4\n\
         Promote-Digest: {}\nPromote-Requested-By: release-eng (x)\n",
        digest_of("v1.2.4")
    );
    let fleet = fleet.artifact(ARTIFACT, &["v1.2.4"]);
    push_to_it(&fleet, &[(PIN, &pin("v1.2.4"))], &message);
    assert_eq!(codes(&fleet, "error"), ["branch-differs"]);
}

#[test]
fn trailers_must_say_what_changes() {
    for (trailers, said) in [
        ("", "no trailer says that it moves my-app in prod-eu"),
        (
            "Promote-App: my-app\nPromote-Environment: prod-us\nPromote-To: v1.2.3",
            "that it moves my-app in prod-us, and it doesn't",
        ),
        ("Promote-App: my-app\nPromote-Environment: prod-eu\nPromote-To: v1.2.2", "Promote-To says v1.2.2"),
        ("Promote-App: my-app\nPromote-Environment: prod-eu", "no trailer says to which version"),
    ] {
        let fleet = promoted(Kind::GitHub);
        let branch = fleet.pulls()[0].head.clone();
        let message = format!("Promote my-app\n\n{trailers}\n");
        push(&fleet, "main", &format!("refs/heads/{branch}"), &[(PIN, &pin("v1.2.3"))], &message);
        let run = check(&fleet);
        assert_eq!(run.code, 3, "{run}");
        assert!(run.stdout.contains(said), "{said}: {run}");
    }
}

#[test]
fn who_asked_for_it_does_not_approve_it_on_any_forge() {
    for kind in KINDS {
        let fleet = promoted(kind);
        // A program has opened it, for release-eng.
        fleet.forge.as_ref().expect("a forge").state().pull(1).expect("it").author =
            "project_42_bot_1f0c9ab".to_owned();
        assert!(check(&fleet).stdout.contains("not approved yet; asked for by release-eng"), "{kind:?}");
        review(&fleet, "Release-Eng", "APPROVED");
        review(&fleet, "sre-1", "APPROVED");
        let run = check(&fleet);
        assert_eq!(run.code, 3, "{kind:?}: {run}");
        if kind == Kind::GitHub {
            assert_snapshot!(shown(&run.to_string()), @"
            my-app v1.2.1 -> v1.2.3 in prod-eu (#1)
              ok     changes exactly clusters/prod-eu/my-app.yaml:10
              ok     tag v1.2.3 is still sha256:ca1813fe...5923d
              ok     staging selects exactly this content now                       clusters/staging/my-app.yaml:10:13
              ok     newer than v1.2.1, inside the range, not held, not frozen
              ok     the trailers of its commits say the same
              FAIL   approved by Release-Eng themselves; asked for by release-eng
            --- stderr
            read main [commit]
            help: somebody else must approve; withdraw or dismiss that review, and run the check again
            --- exit 3
            ");
        }
    }
}

#[test]
fn a_word_that_was_taken_back_is_no_approval() {
    let fleet = promoted(Kind::GitHub);
    review(&fleet, "release-eng", "APPROVED");
    review(&fleet, "release-eng", "CHANGES_REQUESTED");
    assert_eq!(codes(&fleet, "warning"), ["not-approved"]);
}

#[test]
fn a_base_that_was_merged_in_is_fine_on_every_forge() {
    for kind in KINDS {
        let fleet = promoted(kind);
        fleet.change("clusters/prod-eu/other.yaml", &of_app("other", "other", "tag: v1.0.0"));
        fleet.settle();
        let branch = fleet.pulls()[0].head.clone();
        fleet.git("seed", &["fetch", "-q", "origin"]);
        fleet.git("seed", &["checkout", "-q", "--detach", &format!("origin/{branch}")]);
        fleet.git("seed", &["merge", "-q", "-m", "Merge branch main", "main"]);
        fleet.git("seed", &["push", "-q", "origin", &format!("HEAD:{branch}")]);
        fleet.git("seed", &["checkout", "-q", "main"]);
        let run = check(&fleet);
        assert_eq!(run.code, 0, "{kind:?}: {run}");
        assert!(run.stdout.contains(&format!("{PIN}:10 (something was merged into it: fine)")), "{kind:?}: {run}");
    }
}

#[test]
fn a_base_that_moved_on_in_the_same_file_is_merged_line_by_line() {
    let fleet = promoted(Kind::GitHub);
    fleet.change(PIN, &pin("v1.2.1").replace("interval: 5m", "interval: 1m"));
    let run = check(&fleet);
    assert_eq!(run.code, 0, "{run}");
    fleet.change(PIN, &pin("v1.2.2"));
    assert_eq!(codes(&fleet, "error"), ["not-mergeable"]);
}

#[test]
fn what_is_merged_or_closed_is_told() {
    for kind in KINDS {
        let fleet = promoted(kind);
        fleet.forge.as_ref().expect("a forge").state().close(1);
        let run = check(&fleet);
        assert_eq!(run.code, 0, "{kind:?}: {run}");
        assert!(run.stdout.contains("closed: this is what would be said if it were opened again"), "{kind:?}: {run}");
        fleet.forge.as_ref().expect("a forge").state().merge(1);
        let run = check(&fleet);
        assert_eq!(run.code, 0, "{kind:?}: {run}");
        assert!(run.stdout.contains("merged: nothing is left to judge"), "{kind:?}: {run}");
    }
}

#[test]
fn a_pull_request_that_moves_nothing_guarded_is_no_promotion() {
    for kind in KINDS {
        let fleet = by_hand(on_forge(kind), "README.md", "hello\n");
        let run = check(&fleet);
        assert_eq!(run.code, 0, "{kind:?}: {run}");
        if kind == Kind::GitHub {
            assert_snapshot!(shown(&run.stdout), @"
            #1 By hand
              ok   no promotion: it moves no version that a rule guards
            ");
        }
    }
    let fleet = by_hand(on_github(), "clusters/staging/my-app.yaml", &range("<3.0.0"));
    assert_eq!(codes(&fleet, "ok"), ["no-promotion"]);
    let fleet = by_hand(on_github(), "promote.yaml", &configured("range: \"*\"", ""));
    assert_eq!(
        (codes(&fleet, "ok"), codes(&fleet, "warning")),
        (vec!["no-promotion".to_owned()], vec!["rules-change".to_owned()])
    );
}

#[test]
fn a_foreign_one_that_moves_production_is_judged_all_the_same() {
    let fleet = by_hand(on_github(), PIN, &pin("v1.2.3"));
    let run = check(&fleet);
    assert_eq!(run.code, 0, "{run}");
    assert_snapshot!(shown(&run.stdout), @"
    my-app v1.2.1 -> v1.2.3 in prod-eu (#1)
      ok     tag v1.2.3 is sha256:ca1813fe...5923d; nothing says what it was before
      ok     staging selects exactly this content now                                 clusters/staging/my-app.yaml:10:13
      ok     newer than v1.2.1, inside the range, not held, not frozen
      warn   not approved yet; opened by somebody
    ");
    for (text, code) in [
        (pin("v9.9.9"), "not-found"),
        (pin("v1.2.0"), "never-ran"),
        (range(">=1.0.0"), "pin-lost"),
        (source("tag: latest"), "pin-lost"),
        (pin("v1.2.1").replace("my-app-config", "elsewhere"), "artifact-changed"),
    ] {
        let fleet = by_hand(on_github().artifact("elsewhere", &["v1.2.1"]), PIN, &text);
        let found = codes(&fleet, "error");
        assert!(found.contains(&code.to_owned()), "{code}: {found:?}");
    }
    let frozen = on_github().file("promote.yaml", &configured(FROZEN, ""));
    assert_eq!(codes(&by_hand(frozen, PIN, &pin("v1.2.3")), "error"), ["frozen"]);
}

#[test]
fn a_fork_is_read_where_the_forge_shows_it() {
    for (kind, shown) in [
        (Kind::GitHub, "refs/pull/1/head"),
        (Kind::GitLab, "refs/merge-requests/1/head"),
        (Kind::Forgejo, "refs/pull/1/head"),
    ] {
        let fleet = on_forge(kind);
        // A name like ours makes none of ours.
        let commit = push(&fleet, "main", shown, &[(PIN, &pin("v1.2.0"))], "Older");
        {
            let mut state = fleet.forge.as_ref().expect("a forge").state();
            let number = state.open_as("somebody", "Older", "promote/prod-eu/my-app/v1.2.0-000000000000", "main");
            let pull = state.pull(number).expect("a pull request");
            (pull.fork, pull.head_commit) = (true, commit);
        }
        assert_eq!(codes(&fleet, "error"), ["never-ran"], "{kind:?}");
    }
}

#[test]
fn what_ran_before_may_come_back_also_while_frozen() {
    let fleet = on_github().file(PIN, &pin("v1.2.2"));
    fleet.settle();
    fleet.change(PIN, &pin("v1.2.3"));
    fleet.change("promote.yaml", &configured(FROZEN, ""));
    let fleet = by_hand(fleet, PIN, &pin("v1.2.2"));
    let run = check(&fleet);
    assert_eq!(run.code, 0, "{run}");
    assert_snapshot!(shown(&run.stdout), @"
    my-app v1.2.3 -> v1.2.2 in prod-eu (#1)
      ok     tag v1.2.2 is sha256:14c94769...6485d; nothing says what it was before
      ok     older, and ran there before: v1.2.2 until 2026-11-02 09:00 UTC ([short])
      warn   not approved yet; opened by somebody
    ");
}

#[test]
fn a_pull_request_to_another_branch_moves_no_environment() {
    let fleet = promoted(Kind::GitHub);
    push(&fleet, "main", "refs/heads/develop", &[], "Develop");
    fleet.forge.as_ref().expect("a forge").state().pull(1).expect("it").base = "develop".to_owned();
    assert_eq!(codes(&fleet, "error"), ["other-base"]);
    let fleet = by_hand(on_github(), PIN, &pin("v9.9.9"));
    push(&fleet, "main", "refs/heads/develop", &[], "Develop");
    fleet.forge.as_ref().expect("a forge").state().pull(1).expect("it").base = "develop".to_owned();
    assert_eq!(codes(&fleet, "ok"), ["no-promotion"]);
}

#[test]
fn what_cannot_be_read_is_never_well() {
    let fleet = promoted(Kind::GitHub);
    let refused = || What::Answer(403, Vec::new(), serde_json::json!({"message": "Resource not accessible"}));
    fleet.forge.as_ref().expect("a forge").fail("GET", "/pulls/1/reviews", refused());
    let run = check(&fleet);
    assert_eq!(run.code, 4, "{run}");
    assert!(run.stdout.contains("FAIL"), "{run}");
    fleet.forge.as_ref().expect("a forge").fail("GET", "/pulls/1", refused());
    assert_eq!(check(&fleet).code, 4);
    let run = fleet.promote_once(&["check", "--pull-request", "7", "-o", "json"]).0;
    assert_eq!((run.code, run.json()["kind"].as_str()), (4, Some("Error")), "{run}");
    let run = fleet.promote_once(&["check", "--pull-request", "x"]).0;
    assert_eq!(run.code, 2, "{run}");
    let run = fleet.promote_once(&["check", "--pull-request"]).0;
    assert_snapshot!(shown(&run.to_string()), @"
    --- stderr
    error: which pull request to check is said neither by an argument nor by the CI
    help: promote check --pull-request 482
    --- exit 2
    ");
    let run = crate::fleet::fleet().promote_once(CHECK).0;
    assert_eq!(run.code, 2, "{run}");
}

#[test]
fn a_registry_that_does_not_answer_is_no_yes() {
    let fleet = promoted(Kind::GitHub).setting("promote.registry.example.com.mirror", "127.0.0.1:1");
    let run = check(&fleet);
    assert_eq!(run.code, 5, "{run}");
}

#[test]
fn ci_says_which_one_it_is() {
    let told = |fleet: Sandbox, variables: &[(&str, &str)]| {
        let fleet = variables.iter().fold(fleet, |fleet, (name, value)| fleet.variable(name, value));
        fleet.promote_once(&["check", "--pull-request"]).0
    };
    let github = [("GITHUB_ACTIONS", "true"), ("GITHUB_REF", "refs/pull/1/merge"), ("GITHUB_REPOSITORY", "acme/fleet")];
    assert_eq!(told(promoted(Kind::GitHub), &github).code, 0);
    assert_eq!(told(promoted(Kind::Forgejo), &github).code, 0);
    let gitlab = promoted(Kind::GitLab);
    let head = gitlab.pulls()[0].head_commit.clone();
    let merge_request = [("CI_MERGE_REQUEST_IID", "1"), ("CI_COMMIT_SHA", head.as_str())];
    assert_eq!(told(gitlab, &merge_request).code, 0);
    let other = [("GITHUB_REF", "refs/pull/1/merge"), ("GITHUB_REPOSITORY", "acme/other")];
    assert_eq!(told(promoted(Kind::GitHub), &other).code, 2);
}

#[test]
fn a_job_for_an_older_commit_judges_no_newer_one() {
    let fleet = promoted(Kind::GitHub);
    let event = fleet.path("event.json");
    let text = r#"{"pull_request": {"number": 1, "head": {"sha": "4f1c2a94f1c2a94f1c2a94f1c2a94f1c2a94f1c2"}}}"#;
    std::fs::write(&event, text).expect("a file");
    let fleet = fleet.variable("GITHUB_EVENT_PATH", &event.display().to_string());
    let run = fleet.promote_once(&["check", "--pull-request"]).0;
    assert_snapshot!(shown(&run.to_string()), @"
    --- stderr
    error: #1 has moved on: this job is for [commit], its newest commit is [commit] now
    help: the job for its newest commit judges it
    --- exit 6
    ");
}

#[test]
fn several_apps_in_one_pull_request_are_each_judged() {
    let both = |tag: &str| format!("{}---\n{}", pin(tag), of_app("cart", "cart", &format!("tag: {tag}")));
    let staging = format!("{}---\n{}", range(STAGING), of_app("cart", "cart", "semver: \">=1.0.0\""));
    let rules = format!("{TWO}    from: staging\n");
    // One place for both clusters, and neighbours in one file.
    let base = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../../base]\n";
    let fleet = Sandbox::on_github()
        .file("promote.yaml", &rules)
        .file("clusters/staging/all.yaml", &staging)
        .file("base/kustomization.yaml", "resources: [all.yaml]\n")
        .file("base/all.yaml", &both("v1.2.1"))
        .file("clusters/prod-eu/kustomization.yaml", base)
        .file("clusters/prod-us/kustomization.yaml", base)
        .tags(&["v1.2.1", "v1.2.3"])
        .artifact("cart", &["v1.2.1", "v1.2.3"]);
    let run = fleet.promote_once(&["auto"]).0;
    assert_eq!(run.code, 0, "{run}");
    for number in 1..=fleet.pulls().len() {
        let run = fleet.promote_once(&["check", "--pull-request", &format!("#{number}")]).0;
        assert_eq!(run.code, 0, "{run}");
        assert!(run.stdout.contains("in prod-eu, prod-us"), "{run}");
    }
    fleet.registry.tag("cart", "v1.2.3", &digest(&flux_manifest("cart", "v1.2.1")));
    let numbers: Vec<String> = (1..=fleet.pulls().len()).map(|number| number.to_string()).collect();
    let wrong = numbers.iter().filter(|number| {
        let run = fleet.promote_once(&["check", "--pull-request", number]).0;
        run.code == 3 && run.stdout.contains("cart in prod-us: tag v1.2.3 is")
    });
    assert_eq!(wrong.count(), 1);
}

#[test]
fn a_digest_alone_has_the_version_that_the_commit_says() {
    let pinned = |tag: &str| source(&format!("digest: {}", digest_of(tag)));
    let fleet = on_github().file(PIN, &pin("v1.2.0"));
    fleet.settle();
    let recorded = format!(
        "Promote\n\nPromote-App: my-app\nPromote-Environment: prod-eu\nPromote-To: v1.2.1\nPromote-Digest: {}\n",
        digest_of("v1.2.1")
    );
    push(&fleet, "main", "refs/heads/main", &[(PIN, &pinned("v1.2.1"))], &recorded);
    fleet.git("seed", &["pull", "-q", "--ff-only", "origin", "main"]);
    let fleet = open(fleet);
    let run = check(&fleet);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.starts_with("my-app v1.2.1 -> v1.2.3 in prod-eu"), "{run}");
}

#[test]
fn charts_and_equalities_are_judged_as_well() {
    for before in ["= 1.2.1", "v1.2.1"] {
        let fleet = open(on_github().file(PIN, &source(&format!("semver: \"{before}\""))));
        let run = check(&fleet);
        assert_eq!(run.code, 0, "{before}: {run}");
    }
}

#[test]
fn a_pin_that_is_made_must_be_there_and_one_that_goes_is_told() {
    let new = |tag: &str| of_app("cart", "cart", &format!("tag: {tag}"));
    let fleet = || on_github().artifact("cart", &["v1.0.0"]);
    let made = by_hand(fleet(), "clusters/prod-eu/cart.yaml", &new("v1.0.0"));
    assert_eq!((codes(&made, "error"), codes(&made, "warning")[0].as_str()), (Vec::new(), "new-pin"));
    let missing = by_hand(fleet(), "clusters/prod-eu/cart.yaml", &new("v1.0.1"));
    assert_eq!(codes(&missing, "error"), ["not-found"]);
    let gone = by_hand(fleet(), PIN, "{}\n");
    assert_eq!((codes(&gone, "error"), codes(&gone, "warning")[0].as_str()), (Vec::new(), "pin-removed"));
}

/// An app of a configuration and an image, each with a version of its own, promoted together.
fn shop() -> Sandbox {
    let parts = "apps:\n  shop:\n    parts:\n      - {artifact: oci://registry.example.com/shop-config}\n      - {image: registry.example.com/shop}\n";
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\nspec: {template: {spec: {containers: [{name: shop, image: registry.example.com/shop}]}}}\n";
    let images = |tag: &str| {
        format!(
            "resources: [config.yaml, deployment.yaml]\nimages:\n  - name: registry.example.com/shop\n    newTag: {tag}\n"
        )
    };
    Sandbox::on_github()
        .file("promote.yaml", &format!("{ONE}{parts}"))
        .file("clusters/staging/config.yaml", &of_app("shop", "shop-config", "tag: 4.2.0"))
        .file("clusters/staging/deployment.yaml", deployment)
        .file("clusters/staging/kustomization.yaml", &images("1.8.0"))
        .file("clusters/prod-eu/config.yaml", &of_app("shop", "shop-config", "tag: 4.1.3"))
        .file("clusters/prod-eu/deployment.yaml", deployment)
        .file("clusters/prod-eu/kustomization.yaml", &images("1.7.0"))
        .artifact("shop-config", &["4.1.3", "4.2.0"])
        .artifact("shop", &["1.7.0", "1.8.0"])
}

#[test]
fn parts_with_versions_of_their_own_are_each_judged() {
    let fleet = shop().variable("GITHUB_EVENT_NAME", "schedule");
    let run = fleet.promote_once(&["auto"]).0;
    assert_eq!((run.code, fleet.pulls().len()), (0, 1), "{run}");
    let run = check(&fleet);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("due by the rules"), "{run}");
    fleet.change(
        "promote.yaml",
        &fleet
            .text_on("main", "promote.yaml")
            .replace("    environments: [{name: prod-eu", &format!("    {FROZEN}\n    environments: [{{name: prod-eu")),
    );
    let errors = codes(&fleet, "error");
    assert_eq!(errors, ["frozen"]);
}
