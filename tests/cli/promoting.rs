//! `promote APP VERSION` and `promote APP`: which bytes change, and which pull requests come of it.

use insta::assert_snapshot;

use crate::fleet::*;
use crate::support::Sandbox;
use crate::support::sandbox::ARTIFACT;

#[test]
fn a_pin_by_tag_moves_by_the_fewest_bytes() {
    let fleet = on_github();
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    let branches = fleet.branches();
    assert_eq!(branches.len(), 1, "{run}");
    assert_snapshot!(fleet.diff(&branches[0]).lines().skip(4).collect::<Vec<_>>().join("\n"), @r"
    @@ -10 +10 @@ spec:
    -    tag: v1.2.1 # moved by promote
    +    tag: v1.2.3 # moved by promote
    ");
}

#[test]
fn without_a_terminal_the_result_is_the_url_alone() {
    let fleet = on_github();
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_snapshot!(run.shown(&run.stdout), @"http://[forge]/acme/fleet/pull/1");
    assert_snapshot!(run.shown(&run.stderr), @"
    my-app   oci://registry.example.com/my-app-config   main [commit]

      staging   v1.2.3             follows >=1.0.0 <2.0.0
      prod-eu   v1.2.1 -> v1.2.3   pinned; this promotion

      clusters/prod-eu/my-app.yaml
      9        ref:
      10   -     tag: v1.2.1 # moved by promote
      10   +     tag: v1.2.3 # moved by promote

      ok     in prod-eu's registry, sha256:ca1813fe...5923d
      ok     staging selects exactly this content now
      ok     newer than v1.2.1, within the rules

    Pull request #1 opened
    base-unprotected   the rules of `main` ask for no approval: whoever may write may merge
    ");
}

#[test]
fn a_second_run_finds_its_pull_request_and_asks_the_forge_to_write_nothing() {
    let fleet = on_github();
    let (first, wrote) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert!(wrote && first.code == 0, "{first}");
    let writes = fleet.forge.as_ref().expect("a forge").writes();
    let (second, wrote) = fleet.promote_once(&["my-app", "v1.2.3", "-o", "json"]);
    assert!(!wrote && second.code == 0, "{second}");
    assert_eq!(fleet.forge.as_ref().expect("a forge").writes(), writes, "{second}");
    let document = second.json();
    assert_eq!(document["changed"], false);
    assert_eq!(document["steps"][1]["pullRequest"]["number"], 1, "{second}");
    assert_eq!(document["steps"][1]["pullRequest"]["state"], "open", "{second}");
    assert!(!second.git_calls.iter().any(|call| call.contains("push")), "{second}");
    let (third, _) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert_eq!(third.stdout, first.stdout, "{third}");
}

#[test]
fn the_pull_request_says_what_merging_does() {
    let fleet = on_github();
    fleet.promote(&["my-app", "v1.2.3", "--reason", "CHG-8813 spring pricing"]);
    let pulls = fleet.pulls();
    assert_eq!(pulls.len(), 1);
    assert_eq!(pulls[0].title, "Promote my-app to v1.2.3 in prod-eu");
    assert_eq!(pulls[0].base, "main");
    let visible = pulls[0].body.split("<details>").next().expect("a beginning");
    assert_snapshot!(visible, @r"
    **my-app** in **prod-eu**: `v1.2.1` → `v1.2.3`. Asked for by release-eng: *CHG-8813 spring pricing*.
    Merging this lets Flux deploy it to **prod-eu only**.

    | | |
    | --- | --- |
    | In production's registry | yes, `registry.example.com/my-app-config:v1.2.3` |
    | Content | `sha256:ca1813fe…5923d`, the same that staging selected |
    | In staging | it chooses exactly this now; **not known** since when. Staging is on v1.2.3 now |
    | Worked in staging | **not known**: nobody reports staging's health to promote |
    | Rules | newer than `v1.2.1`, not held, not frozen, within `*` |
    | Note | the rules of `main` ask for no approval: whoever may write may merge |
    | Before you merge | `promote check --pull-request` with its number asks all of this again; whether a required check does is **not known** |

    **What comes with it** (2 versions)
    `v1.2.1` → `v1.2.2` → `v1.2.3`

    **The change** (1 value in 1 file; nothing else differs, in any environment)
    ```diff
     clusters/prod-eu/my-app.yaml:10
       ref:
    -    tag: v1.2.1 # moved by promote
    +    tag: v1.2.3 # moved by promote
    ```

    **If it goes wrong**: revert this pull request (back to v1.2.1)
    ");
}

#[test]
fn the_commit_says_the_same_in_trailers() {
    let fleet = on_github();
    fleet.promote(&["my-app", "v1.2.3", "--reason", "CHG-8813 spring pricing"]);
    let message = fleet.message(&fleet.branches()[0]);
    let forge = fleet.git_server.as_ref().expect("a server").host();
    assert_snapshot!(message.replace(&forge, "[git]"), @"
    Promote my-app to v1.2.3 in prod-eu

    CHG-8813 spring pricing

    Promote-App: my-app
    Promote-Environment: prod-eu
    Promote-From: v1.2.1
    Promote-To: v1.2.3
    Promote-Digest: sha256:ca1813fe0655fe1079f8a20423d05411e144a390c029a91629d613153865923d
    Promote-Evidence: selected in staging
    Promote-Requested-By: release-eng ([git])
    Promote-Reason: CHG-8813 spring pricing
    ");
}

#[test]
fn labels_reviewers_and_teams_are_set() {
    let settings = "pull_request: {labels: [promotion, prod], reviewers: [sre-1], teams: [sre]}\n";
    let fleet = on_github().file("promote.yaml", &configured("", settings));
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    let pulls = fleet.pulls();
    assert_eq!(pulls[0].labels, ["promotion", "prod"]);
    assert_eq!(pulls[0].reviewers, ["sre-1"]);
    assert_eq!(pulls[0].teams, ["sre"]);
}

#[test]
fn a_reviewer_that_cannot_be_asked_is_a_finding_and_not_a_failure() {
    let fleet = on_github().file("promote.yaml", &configured("", "pull_request: {reviewers: [nobody]}\n"));
    let (run, wrote) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert!(wrote && run.code == 0, "{run}");
    assert!(run.stderr.contains("reviewers-not-set"), "{run}");
    assert_eq!(run.stdout.lines().count(), 1, "{run}");
}

#[test]
fn tag_and_digest_move_together() {
    let old = format!("tag: v1.2.1\ndigest: {}", digest_of("v1.2.1"));
    let fleet = fleet().file(PIN, &source(&old));
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    let text = fleet.text_on(&fleet.branches()[0], PIN);
    assert_eq!(text, source(&format!("tag: v1.2.3\ndigest: {}", digest_of("v1.2.3"))));
}

#[test]
fn an_equality_is_a_pin_and_keeps_its_operator() {
    for (before, after) in [("1.2.1", "v1.2.3"), ("= 1.2.1", "= v1.2.3"), ("=v1.2.1", "=v1.2.3"), ("v1.2.1", "v1.2.3")]
    {
        let fleet = fleet().file(PIN, &source(&format!("semver: \"{before}\"")));
        let run = fleet.promote(&["my-app", "v1.2.3"]);
        assert_eq!(run.code, 0, "{before}: {run}");
        let text = fleet.text_on(&fleet.branches()[0], PIN);
        assert_eq!(text, source(&format!("semver: \"{after}\"")), "{before}");
    }
}

#[test]
fn an_unquoted_equality_stays_a_text() {
    let fleet = fleet().file(PIN, &source("semver: 1.2.1"));
    let run = fleet.promote(&["my-app", "1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(fleet.text_on(&fleet.branches()[0], PIN), source("semver: v1.2.3"));
}

#[test]
fn a_fleet_that_only_follows_ranges_is_left_alone() {
    let fleet = fleet().file(PIN, &range(">=1.0.0"));
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert!(fleet.branches().is_empty(), "{run}");
    assert_snapshot!(run, @"
    --- stderr
    my-app   oci://registry.example.com/my-app-config   main [commit]

      staging   v1.2.3   follows >=1.0.0 <2.0.0
      prod-eu   v1.2.3   follows >=1.0.0

    Nothing to do.
    ");
}

#[test]
fn the_version_is_found_with_or_without_v() {
    let fleet = fleet().artifact(ARTIFACT, &["1.2.4"]);
    let run = fleet.promote(&["my-app", "v1.2.4"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(fleet.text_on(&fleet.branches()[0], PIN), pin("1.2.4"), "the tag is written as it is");
    let fleet = crate::fleet::fleet();
    let run = fleet.promote(&["my-app", "1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(fleet.text_on(&fleet.branches()[0], PIN), pin("v1.2.3"));
}

#[test]
fn of_two_spellings_with_one_digest_the_pins_style_is_taken() {
    for (pinned, asked, written) in [("v1.2.1", "1.2.3", "v1.2.3"), ("1.2.1", "v1.2.3", "1.2.3")] {
        let fleet = fleet().file(PIN, &pin(pinned));
        fleet.registry.tag(ARTIFACT, "1.2.1", &digest_of("v1.2.1"));
        fleet.registry.tag(ARTIFACT, "1.2.3", &digest_of("v1.2.3"));
        let run = fleet.promote(&["my-app", asked]);
        assert_eq!(run.code, 0, "{pinned} {asked}: {run}");
        assert_eq!(fleet.text_on(&fleet.branches()[0], PIN), pin(written), "{pinned} {asked}");
    }
}

#[test]
fn of_two_spellings_with_different_digests_none_is_taken() {
    let fleet = fleet().artifact(ARTIFACT, &["1.2.3"]);
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 3, "{run}");
    assert!(fleet.branches().is_empty(), "{run}");
    assert!(run.stderr.contains("with different content: `v1.2.3` is sha256:"), "{run}");
}

#[test]
fn what_runs_already_is_nothing_to_do() {
    let fleet = on_github();
    let run = fleet.promote(&["my-app", "v1.2.1"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(fleet.branches().is_empty() && fleet.pulls().is_empty(), "{run}");
    assert_snapshot!(run, @"
    --- stderr
    my-app   oci://registry.example.com/my-app-config   main [commit]

      staging   v1.2.3   follows >=1.0.0 <2.0.0
      prod-eu   v1.2.1   pinned; up to date

    Nothing to do.
    ");
}

#[test]
fn an_older_version_is_refused() {
    let fleet = fleet();
    let run = fleet.promote(&["my-app", "v1.2.0"]);
    assert!(fleet.branches().is_empty(), "{run}");
    assert_snapshot!(run, @"
    --- stderr
    my-app   oci://registry.example.com/my-app-config   main [commit]

      staging   v1.2.3   follows >=1.0.0 <2.0.0
      prod-eu   v1.2.1   pinned; may not move: older than v1.2.1, which is pinned

    error: my-app v1.2.0 may not go to prod-eu
      1  older than v1.2.1, which is pinned
         --> clusters/prod-eu/my-app.yaml:10:10
    help: promote why my-app --env prod-eu shows what may go there
    --- exit 3
    ");
}

#[test]
fn two_clusters_get_a_pull_request_each() {
    let fleet = two_clusters(Sandbox::on_github());
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    assert_snapshot!(run.shown(&run.stdout), @"
    http://[forge]/acme/fleet/pull/1
    http://[forge]/acme/fleet/pull/2
    ");
    let titles: Vec<_> = fleet.pulls().into_iter().map(|pull| pull.title).collect();
    assert_eq!(titles, ["Promote my-app to v1.2.3 in prod-eu", "Promote my-app to v1.2.3 in prod-us"]);
    for (pull, path) in fleet.pulls().iter().zip([PIN, OTHER_PIN]) {
        let changed = fleet.git("remote.git", &["diff", "--name-only", "main", &pull.head]);
        assert_eq!(changed.trim(), path);
    }
}

#[test]
fn one_cluster_is_named_by_to() {
    let fleet = two_clusters(Sandbox::on_github());
    let run = fleet.promote(&["my-app", "v1.2.3", "--to", "prod-us"]);
    assert_eq!(run.code, 0, "{run}");
    let titles: Vec<_> = fleet.pulls().into_iter().map(|pull| pull.title).collect();
    assert_eq!(titles, ["Promote my-app to v1.2.3 in prod-us"]);
}

#[test]
fn a_cluster_that_runs_it_is_left_out() {
    let fleet = two_clusters(Sandbox::on_github()).file(PIN, &pin("v1.2.3"));
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    let titles: Vec<_> = fleet.pulls().into_iter().map(|pull| pull.title).collect();
    assert_eq!(titles, ["Promote my-app to v1.2.3 in prod-us"]);
}

#[test]
fn with_two_pinned_stages_and_no_terminal_to_is_required() {
    let fleet = on_github().file("clusters/staging/my-app.yaml", &pin("v1.2.1"));
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert!(fleet.branches().is_empty(), "{run}");
    assert_snapshot!(run, @"
    --- stderr
    error: my-app is pinned in several stages, and `--to` doesn't say which one to move
    help: --to staging or --to production
    --- exit 2
    ");
    let run = fleet.promote(&["my-app", "v1.2.3", "--to", "staging"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(fleet.pulls()[0].title, "Promote my-app to v1.2.3 in staging");
}

#[test]
fn a_dry_run_shows_all_and_writes_nothing() {
    let fleet = on_github();
    let (run, wrote) = fleet.promote_once(&["my-app", "v1.2.3", "--dry-run"]);
    assert!(!wrote && run.code == 0, "{run}");
    assert!(fleet.forge.as_ref().expect("a forge").writes().is_empty(), "{run}");
    let shown = run.shown(&run.stdout);
    assert_snapshot!(shown.split("<details>").next().expect("a beginning"), @"
    my-app   oci://registry.example.com/my-app-config   main [commit]

      staging   v1.2.3             follows >=1.0.0 <2.0.0
      prod-eu   v1.2.1 -> v1.2.3   pinned; this promotion

      clusters/prod-eu/my-app.yaml
      9        ref:
      10   -     tag: v1.2.1 # moved by promote
      10   +     tag: v1.2.3 # moved by promote

      ok     in prod-eu's registry, sha256:ca1813fe...5923d
      ok     staging selects exactly this content now
      ok     newer than v1.2.1, within the rules

    Would push promote/prod-eu/my-app/v1.2.3-547806433318
    and open this pull request:

    Promote my-app to v1.2.3 in prod-eu

    **my-app** in **prod-eu**: `v1.2.1` → `v1.2.3`. Who asked is **not known**.
    Merging this lets Flux deploy it to **prod-eu only**.

    | | |
    | --- | --- |
    | In production's registry | yes, `registry.example.com/my-app-config:v1.2.3` |
    | Content | `sha256:ca1813fe…5923d`, the same that staging selected |
    | In staging | it chooses exactly this now; **not known** since when. Staging is on v1.2.3 now |
    | Worked in staging | **not known**: nobody reports staging's health to promote |
    | Rules | newer than `v1.2.1`, not held, not frozen, within `*` |
    | Before you merge | `promote check --pull-request` with its number asks all of this again; whether a required check does is **not known** |

    **What comes with it** (2 versions)
    `v1.2.1` → `v1.2.2` → `v1.2.3`

    **The change** (1 value in 1 file; nothing else differs, in any environment)
    ```diff
     clusters/prod-eu/my-app.yaml:10
       ref:
    -    tag: v1.2.1 # moved by promote
    +    tag: v1.2.3 # moved by promote
    ```

    **If it goes wrong**: revert this pull request (back to v1.2.1)
    ");
}

#[test]
fn the_reason_stands_in_commit_and_pull_request() {
    let fleet = on_github();
    fleet.promote(&["my-app", "v1.2.3", "--reason", "INC-7 @all closes #3"]);
    let message = fleet.message(&fleet.branches()[0]);
    assert!(message.contains("Promote-Reason: INC-7 "), "{message}");
    assert!(fleet.pulls()[0].body.contains("INC-7"), "{}", fleet.pulls()[0].body);
    for text in [message, fleet.pulls()[0].body.clone()] {
        assert!(!text.contains("@all") && !text.contains("closes #3"), "{text}");
    }
}

#[test]
fn without_a_forge_the_branch_is_pushed_and_the_text_printed() {
    let fleet = fleet();
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("Promote my-app to v1.2.3 in prod-eu\n\n**my-app** in **prod-eu**"), "{run}");
    assert!(run.stderr.contains("There is no forge"), "{run}");
    let fleet = on_github();
    let run = fleet.promote(&["my-app", "v1.2.3", "--forge", "none"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(fleet.branches().len(), 1);
    assert!(fleet.pulls().is_empty() && run.stdout.contains("**my-app** in **prod-eu**"), "{run}");
}

#[test]
fn a_version_without_v_is_shown_without_what_cannot_be_seen() {
    let fleet = fleet().file(PIN, &pin("1.2.1")).artifact(ARTIFACT, &["1.2.1", "1.2.4"]);
    let run = fleet.promote(&["my-app", "1.2.4"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("1.2.4"), "{run}");
}

#[test]
fn an_environment_that_ran_it_is_followed_without_a_version() {
    let fleet = on_github();
    let run = fleet.promote(&["my-app"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(fleet.pulls()[0].title, "Promote my-app to v1.2.3 in prod-eu");
}

#[test]
fn without_a_version_nothing_to_do_is_said() {
    let fleet = fleet().file(PIN, &pin("v1.2.3"));
    let run = fleet.promote(&["my-app"]);
    assert!(fleet.branches().is_empty(), "{run}");
    assert_snapshot!(run, @"
    --- stderr
    my-app   oci://registry.example.com/my-app-config   main [commit]

      staging   v1.2.3   follows >=1.0.0 <2.0.0
      prod-eu   v1.2.3   pinned; up to date

    Nothing to do.
    ");
}

#[test]
fn windows_lines_comments_and_a_missing_end_stay() {
    let text = pin("v1.2.1").replace('\n', "\r\n");
    let text = text.trim_end().to_owned();
    let fleet = fleet().file(PIN, &text);
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(fleet.text_on(&fleet.branches()[0], PIN), text.replace("v1.2.1", "v1.2.3"));
}

#[test]
fn the_base_that_moves_on_does_not_open_a_second_pull_request() {
    let fleet = on_github();
    let (first, _) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert_eq!(first.code, 0, "{first}");
    fleet.change("README.md", "something else\n");
    let (second, wrote) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert!(!wrote && second.code == 0, "{second}");
    assert_eq!(fleet.pulls().len(), 1);
    assert_eq!(first.stdout, second.stdout);
}

#[test]
fn after_the_merge_nothing_is_left_to_do() {
    let fleet = on_github();
    let (first, _) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert_eq!(first.code, 0, "{first}");
    fleet.forge.as_ref().expect("a forge").state().merge(1);
    let (second, wrote) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert!(!wrote && second.code == 0, "{second}");
    assert_eq!(fleet.pulls().len(), 1);
}

#[test]
fn what_somebody_closed_is_opened_again_only_on_request() {
    let fleet = on_github();
    fleet.promote_once(&["my-app", "v1.2.3"]);
    fleet.forge.as_ref().expect("a forge").state().close(1);
    let (refused, wrote) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert!(!wrote && refused.code == 3, "{refused}");
    assert!(refused.stderr.contains("--reopen"), "{refused}");
    let (reopened, wrote) = fleet.promote_once(&["my-app", "v1.2.3", "--reopen"]);
    assert!(wrote && reopened.code == 0, "{reopened}");
    assert!(fleet.branches().iter().any(|branch| branch.ends_with(".2")), "{:?}", fleet.branches());
}

#[test]
fn the_plan_is_for_the_remotes_newest_commit_not_for_the_clone() {
    let fleet = fleet();
    fleet.settle();
    fleet.change(PIN, &pin("v1.2.2"));
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(fleet.text_on(&fleet.branches()[0], PIN), pin("v1.2.3"));
    assert!(run.stderr.contains("v1.2.2 -> v1.2.3"), "{run}");
}

#[test]
fn ranges_that_select_another_version_are_named_where_no_pin_stands() {
    let fleet = fleet().file(PIN, &range(">=1.0.0"));
    let run = fleet.promote(&["my-app", "v1.2.2"]);
    assert!(fleet.branches().is_empty(), "{run}");
    assert_snapshot!(run, @"
    --- stderr
    my-app   oci://registry.example.com/my-app-config   main [commit]

      staging   v1.2.3   follows >=1.0.0 <2.0.0
      prod-eu   v1.2.3   follows >=1.0.0

    error: my-app may not move in staging
      1  no pin stands there: it follows >=1.0.0 <2.0.0, which selects v1.2.3
         --> clusters/staging/my-app.yaml:10:13
    help: promote tags my-app --env staging shows what its range selects

    error: my-app may not move in prod-eu
      1  no pin stands there: it follows >=1.0.0, which selects v1.2.3
         --> clusters/prod-eu/my-app.yaml:10:13
    help: promote tags my-app --env prod-eu shows what its range selects
    --- exit 3
    ");
}
