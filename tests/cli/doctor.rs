//! `promote doctor`: everything a promotion needs is looked at, and nothing is written.

use std::fs;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::fleet::*;
use crate::support::Sandbox;
use crate::support::forge::{Rules, State, What};

const OWNERS: &str = ".github/CODEOWNERS";

/// A fleet with nothing to complain of: rules, owners, a token that may what it must.
fn sound() -> Sandbox {
    let fleet =
        two_clusters(Sandbox::on_github()).file(OWNERS, "* @acme/dev\n/clusters/ @acme/sre\n/.github/ @acme/sre\n");
    state(&fleet, |state| {
        state.approvals = Some(1);
        state.scopes = Some("repo".to_owned());
    });
    fleet.git_says("git version 2.51.0\n")
}

fn state(fleet: &Sandbox, change: impl FnOnce(&mut State)) {
    change(&mut fleet.forge.as_ref().expect("a forge").state());
}

/// The checks of a subject, as `level message`.
fn checks(document: &Value, subject: &str) -> Vec<String> {
    let all = document["checks"].as_array().expect("checks").iter();
    let one = |check: &Value| format!("{} {}", text(check, "level"), text(check, "message"));
    all.filter(|check| check["subject"] == subject).map(one).collect()
}

fn text<'a>(check: &'a Value, field: &str) -> &'a str {
    check[field].as_str().unwrap_or_default()
}

fn examined(fleet: &Sandbox, subject: &str) -> (i32, Vec<String>) {
    let run = fleet.promote(&["doctor", "-o", "json"]);
    (run.code, checks(&run.json(), subject).iter().map(|line| run.shown(line)).collect())
}

#[test]
fn a_sound_fleet_is_told_to_be_so_and_nothing_is_written() {
    let fleet = sound();
    let run = fleet.promote(&["doctor"]);
    assert_snapshot!(run, @"
    git        ok    2.51.0, remote http://[git]/acme/fleet.git, fetch [time]
               ok    commits as Ada Example <ada@example.com>, not signed
    forge      ok    GitHub at [git] as release-eng (GH_ENTERPRISE_TOKEN); can push branches, can open pull requests
    branch     ok    main asks for 1 approval, of code owners, taken back by new pushes
                     help: `protection: require` in promote.yaml lets nothing be promoted should these rules go away
               ok    can't be seen: who may pass the rules by (only administrators are shown who may pass the rules by)
    owners     ok    the 2 files that decide production have owners in .github/CODEOWNERS (@acme/sre)
    registry   ok    registry.example.com (asked at [registry]): login from ~/.docker/config.json, over plain HTTP, lists 4 tags of one artifact; used by 1 app
    others     ok    nothing else was found that writes the 2 pinned places
    repository ok    no findings; 3 places decide versions
    ");
    assert!(fleet.forge.as_ref().expect("a forge").writes().is_empty());
    assert!(fleet.branches().is_empty());
}

#[test]
fn each_rule_that_is_missing_is_named_and_none_that_is_there() {
    let fleet = sound();
    for number in 0..16_u8 {
        let [approves, stale, owners, strict] = [1, 2, 4, 8].map(|bit| number & bit != 0);
        state(&fleet, |state| {
            state.approvals = Some(u64::from(approves));
            state.rules = Rules { pull_request: true, stale, owners, strict, ..Rules::default() };
        });
        let (code, said) = examined(&fleet, "branch");
        assert_eq!(code, 0, "{number}: {said:?}");
        let has = |text: &str| said.iter().any(|line| line.contains(text));
        assert_eq!(has("warning main asks for 0 approvals"), !approves, "{number}: {said:?}");
        assert_eq!(has("warning approvals on main stay"), approves && !stale, "{number}: {said:?}");
        assert_eq!(has("warning main asks for no code owner"), approves && !owners, "{number}: {said:?}");
        assert_eq!(has("must hold the newest base"), strict, "{number}: {said:?}");
        assert!(!has("takes pushes"), "{number}: {said:?}");
    }
}

#[test]
fn rules_that_are_absent_or_hidden_are_never_taken_for_good() {
    let fleet = sound();
    let set = |approvals: Option<u64>, rules: Rules| {
        state(&fleet, |state| (state.approvals, state.rules) = (approvals, rules));
        let (code, said) = examined(&fleet, "branch");
        assert_eq!(code, 0, "{said:?}");
        said
    };
    let empty = set(Some(0), Rules::default());
    assert!(empty[0].starts_with("warning main asks for 0 approvals: whoever may write may merge"), "{empty:?}");
    assert!(empty[1].starts_with("warning main takes pushes without a pull request"), "{empty:?}");
    for refusal in [403, 404] {
        let hidden = set(None, Rules { refusal, ..Rules::default() });
        assert!(hidden[0].starts_with("warning whether main asks for an approval can't be seen"), "{hidden:?}");
    }
    let classic = Rules { classic: true, ..Rules::default() };
    let hidden = set(Some(1), classic.clone());
    assert!(hidden[0].contains("only administrators are shown the classic protection"), "{hidden:?}");
    let shown = set(Some(1), Rules { administers: true, bypass: true, ..classic });
    assert!(shown[0].starts_with("ok main asks for 1 approval, of code owners"), "{shown:?}");
    assert!(shown[1].starts_with("warning administrators pass the rules of main by"), "{shown:?}");
    let squashed = set(Some(1), Rules { squash: Some("PR_BODY"), queue: true, ..Rules::default() });
    assert!(squashed.iter().any(|line| line.starts_with("warning squashed merges drop the trailers")), "{squashed:?}");
    assert!(squashed.iter().any(|line| line == "ok merges go through a queue"), "{squashed:?}");
}

#[test]
fn what_protection_requires_and_the_rules_lack_is_an_error() {
    let required = configured("protection: require", "");
    let fleet = sound().file("promote.yaml", &required);
    assert_eq!(fleet.promote(&["doctor"]).code, 0);
    for approvals in [Some(0), None] {
        state(&fleet, |state| state.approvals = approvals);
        let (code, said) = examined(&fleet, "branch");
        assert_eq!(code, 3, "{said:?}");
        assert!(
            said[0].starts_with("error") && said[0].contains("`protection: require` refuses to promote"),
            "{said:?}"
        );
    }
}

#[test]
fn gitlab_is_read_as_gitlab() {
    let owners = "[Production] @acme/sre\n/clusters/\nCODEOWNERS\n";
    let fleet = two_clusters(Sandbox::on_gitlab()).file("CODEOWNERS", owners).git_says("git version 2.51.0\n");
    state(&fleet, |state| {
        state.approvals = Some(2);
        state.rules.pull_request = true;
    });
    let run = fleet.promote(&["doctor"]);
    assert_snapshot!(run, @"
    git        ok    2.51.0, remote http://[git]/acme/fleet.git, fetch [time]
               ok    commits as Ada Example <ada@example.com>, not signed
    forge      ok    GitLab at [git] as release-eng (GITLAB_TOKEN); the account may push branches and open pull requests; whether its token may, too, isn't told
    branch     ok    main asks for 2 approvals, of code owners
                     help: `protection: require` in promote.yaml lets nothing be promoted should these rules go away
               warn  can't be seen: whether pushes take approvals back (GitLab shows that on the project's settings of approvals only)
               ok    can't be seen: who may pass the rules by (GitLab doesn't say who may change or pass by the rules)
               ok    can't be seen: whether there is a queue (GitLab shows merge trains on the project's settings only)
    owners     ok    the 2 files that decide production have owners in CODEOWNERS (@acme/sre)
    registry   ok    registry.example.com (asked at [registry]): login from ~/.docker/config.json, over plain HTTP, lists 4 tags of one artifact; used by 1 app
    others     ok    nothing else was found that writes the 2 pinned places
    repository ok    no findings; 3 places decide versions
    ");
    state(&fleet, |state| {
        (state.approvals, state.push) = (None, Some(false));
        state.rules = Rules { owners: false, squash: Some("BLANK"), ..Rules::default() };
    });
    let run = fleet.promote(&["doctor"]);
    assert_eq!(run.code, 4, "{run}");
    for said in [
        "may not push branches",
        "no approval rules that this token may read",
        "main takes pushes",
        "drop the trailers",
    ] {
        assert!(run.stdout.contains(said), "{said}: {run}");
    }
}

#[test]
fn forgejo_is_read_as_forgejo() {
    let fleet = two_clusters(Sandbox::on_forgejo()).file("CODEOWNERS", "clusters/.* @acme/sre\nCODEOWNERS @acme/sre\n");
    let fleet = fleet.git_says("git version 2.51.0\n");
    state(&fleet, |state| {
        state.approvals = Some(1);
        state.rules = Rules { administers: true, pull_request: true, ..Rules::default() };
    });
    let run = fleet.promote(&["doctor"]);
    assert_snapshot!(run, @"
    git        ok    2.51.0, remote http://[git]/acme/fleet.git, fetch [time]
               ok    commits as Ada Example <ada@example.com>, not signed
    forge      ok    Forgejo at [git] as release-eng (FORGEJO_TOKEN); the account may push branches and open pull requests; whether its token may, too, isn't told
    branch     ok    main asks for 1 approval, taken back by new pushes
                     help: `protection: require` in promote.yaml lets nothing be promoted should these rules go away
               warn  anybody's approval is enough for production: Forgejo asks owners for a review, and merges without it
                     help: Settings > Branches > main > name who may approve
    owners     ok    the 2 files that decide production have owners in CODEOWNERS (@acme/sre)
    registry   ok    registry.example.com (asked at [registry]): login from ~/.docker/config.json, over plain HTTP, lists 4 tags of one artifact; used by 1 app
    others     ok    nothing else was found that writes the 2 pinned places
    repository ok    no findings; 3 places decide versions
    ");
    state(&fleet, |state| state.rules.administers = false);
    let (_, said) = examined(&fleet, "branch");
    assert!(said.iter().any(|line| line.contains("only administrators are shown the rule")), "{said:?}");
}

#[test]
fn without_a_forge_that_is_said() {
    let fleet = two_clusters(Sandbox::new()).git_says("git version 2.51.0\n");
    let run = fleet.promote(&["doctor", "-o", "json"]);
    assert_eq!(run.code, 0, "{run}");
    let document = run.json();
    assert_eq!((text(&document, "apiVersion"), text(&document, "kind")), ("promote/v1", "Doctor"));
    assert_eq!(
        checks(&document, "forge"),
        ["ok no forge: branches are pushed, and the text of the pull request is printed"]
    );
    assert!(checks(&document, "branch")[0].contains("without a forge nobody can tell"), "{run}");
    assert!(checks(&document, "owners").is_empty(), "{run}");
}

#[test]
fn a_token_that_may_too_little_or_too_much_is_told_of() {
    let fleet = sound();
    state(&fleet, |state| state.scopes = Some("read:org, gist".to_owned()));
    let (code, said) = examined(&fleet, "forge");
    assert_eq!(code, 4, "{said:?}");
    assert!(said[1].contains("may not push and open pull requests: its scopes are read:org, gist"), "{said:?}");
    state(&fleet, |state| state.scopes = Some("repo, workflow, admin:org".to_owned()));
    let (code, said) = examined(&fleet, "forge");
    assert_eq!(code, 0, "{said:?}");
    assert!(said[1].starts_with("warning") && said[1].ends_with("workflow, admin:org"), "{said:?}");
    state(&fleet, |state| (state.scopes, state.push) = (None, Some(true)));
    let (_, said) = examined(&fleet, "forge");
    assert!(said[0].ends_with("whether its token may, too, isn't told"), "{said:?}");
    state(&fleet, |state| state.token = "another".to_owned());
    let (code, said) = examined(&fleet, "forge");
    assert_eq!(code, 4, "{said:?}");
    assert_eq!(said, ["error `[git]` refuses the token of `GH_ENTERPRISE_TOKEN`"]);
}

#[test]
fn a_job_s_own_token_has_its_limits() {
    let fleet = two_clusters(Sandbox::on_gitlab()).git_says("git version 2.51.0\n");
    let fleet = fleet.variable("GITLAB_TOKEN", "").variable("CI_JOB_TOKEN", "glcbt-0");
    let run = fleet.promote(&["doctor"]);
    assert_eq!(run.code, 4, "{run}");
    assert!(run.stdout.contains("help: set GITLAB_TOKEN") && run.stdout.contains("CI_JOB_TOKEN can't open"), "{run}");

    let fleet = sound();
    let token = fleet.canaries[1].secret.clone();
    let fleet = fleet.variable("GITHUB_ACTIONS", "true").variable("GITHUB_TOKEN", &token);
    let (code, said) = examined(&fleet, "forge");
    assert_eq!(code, 0, "{said:?}");
    assert!(said[1].contains("the workflow's own token: required checks may not start"), "{said:?}");
}

#[test]
fn a_wrong_clock_is_told_of() {
    let fleet = sound();
    let forge = fleet.forge.as_ref().expect("a forge");
    let long_ago = || vec![("date", "Sun, 22 Nov 2020 07:00:00 GMT"), ("x-oauth-scopes", "repo")];
    forge.fail("GET", "/user", What::Answer(200, long_ago(), json!({"login": "release-eng"})));
    let shown = json!({"permissions": {"push": true}, "archived": false});
    forge.fail("GET", "/repos/acme/fleet", What::Answer(200, long_ago(), shown));
    let (code, said) = examined(&fleet, "forge");
    assert_eq!(code, 0, "{said:?}");
    assert!(said[1].starts_with("warning this machine's clock is") && said[1].contains("ahead of"), "{said:?}");
}

#[test]
fn files_of_production_without_an_owner_are_grouped() {
    let owners = "* @acme/dev\n/clusters/prod-us/\n/clusters/prod-eu/ @acme/sre\n[ab] @acme/x\n";
    let fleet = sound().file(OWNERS, owners).file("CODEOWNERS", "* @acme/dev\n");
    state(&fleet, |state| state.rules.owner_errors = vec![(3, "Unknown owner", "/clusters/prod-eu/ @acme/sre")]);
    let run = fleet.promote(&["doctor", "-o", "json"]);
    let document = run.json();
    assert_eq!(
        checks(&document, "owners"),
        [
            "warning GitHub finds a mistake: Unknown owner: /clusters/prod-eu/ @acme/sre",
            "warning clusters/prod-us/** has no owner in .github/CODEOWNERS (other production files have @acme/sre)",
            "warning GitHub passes this line over: it reads no `[ ]` in patterns",
            "warning CODEOWNERS is passed over: the forge reads .github/CODEOWNERS first",
        ]
    );
    let all = document["checks"].as_array().expect("checks");
    let group = all.iter().find(|check| text(check, "message").starts_with("clusters/prod-us")).expect("a group");
    assert_eq!((text(group, "path"), &group["line"]), (OTHER_PIN, &json!(10)), "{run}");
    assert_eq!(text(group, "help"), "add to .github/CODEOWNERS: /clusters/prod-us/ @org/team");

    let fleet = on_github().git_says("git version 2.51.0\n");
    let (code, said) = examined(&fleet, "owners");
    assert_eq!(code, 0);
    assert_eq!(said, ["warning no CODEOWNERS: no one in particular is asked about the 1 file that decides production"]);
}

#[test]
fn other_programs_that_write_the_same_places_are_found() {
    let workflow = "on: push\njobs:\n  promote:\n    steps:\n      - run: |\n          \
                    yq -i \".spec.ref.tag = \\\"$TAG\\\"\" clusters/prod-eu/my-app.yaml\n";
    let automation = "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageUpdateAutomation\nmetadata: {name: bot}\n\
                      spec: {update: {path: ./clusters/prod-us}}\n";
    let marked = source("tag: v1.2.1 # {\"$imagepolicy\": \"flux-system:my-app:tag\"}");
    let fleet = sound()
        .file("renovate.json5", "// ours\n{flux: {managerFilePatterns: ['/clusters/.+\\\\.yaml$/']}}\n")
        .file(".github/workflows/promote.yml", workflow)
        .file("clusters/staging/automation.yaml", automation)
        .file(OTHER_PIN, &marked);
    let run = fleet.promote(&["doctor", "-o", "json"]);
    let document = run.json();
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(
        checks(&document, "others"),
        [
            "warning 2 of 2 pinned places are also updated by renovate.json5 (flux)",
            "warning 1 of 2 pinned places is also written by yq",
            "warning 1 of 2 pinned places is also written by the ImageUpdateAutomation `bot` ($imagepolicy)",
        ]
    );
    let all = document["checks"].as_array().expect("checks");
    let yq = all.iter().find(|check| text(check, "message").ends_with("by yq")).expect("a line");
    assert_eq!((text(yq, "path"), &yq["line"]), (".github/workflows/promote.yml", &json!(6)), "{run}");
}

#[test]
fn a_registry_that_does_not_answer_or_let_in_is_an_error() {
    let fleet = sound();
    let logins = fleet.path("home/.docker/config.json");
    fs::write(&logins, "{}").expect("a file");
    let (code, said) = examined(&fleet, "registry");
    assert_eq!(code, 4, "{said:?}");
    assert!(said[0].starts_with("error registry.example.com") && said[0].ends_with("used by 1 app"), "{said:?}");
    let helper = json!({"credHelpers": {fleet.registry.host(): "nowhere"}});
    fs::write(&logins, helper.to_string()).expect("a file");
    let (code, said) = examined(&fleet, "registry");
    assert!(code != 0 && said[0].contains("`docker-credential-nowhere` is not in PATH"), "{code} {said:?}");

    let gone = pin("v1.2.1").replace("registry.example.com", "127.0.0.1:1");
    let fleet = sound().file(OTHER_PIN, &gone);
    let (code, said) = examined(&fleet, "registry");
    assert_eq!(code, 5, "{said:?}");
    assert!(said[0].starts_with("error 127.0.0.1:1") && said[1].starts_with("ok registry.example.com"), "{said:?}");
}

#[test]
fn what_is_wrong_with_git_here_is_said() {
    for (version, says) in [
        ("git version 2.43.6\n", "git 2.43.6 lacks the security fixes of July 2025"),
        ("git version 2.17.1\n", "is git 2.17.1; 2.31.0 or newer is needed"),
        ("hub version 2.14.2\n", "does not say which version of git it is"),
    ] {
        let (code, said) = examined(&sound().git_says(version), "git");
        assert_eq!(code, 8, "{said:?}");
        assert!(said[0].starts_with("error") && said[0].contains(says), "{said:?}");
    }
    let fleet = sound().setting("commit.gpgsign", "true").setting("gpg.format", "ssh");
    let fleet = fleet.setting("user.signingkey", "/nowhere/key.pub");
    let (code, said) = examined(&fleet, "git");
    assert_eq!(code, 8, "{said:?}");
    assert!(said[2].contains("`/nowhere/key.pub`, which is no file"), "{said:?}");

    let fleet = sound();
    fleet.settle();
    fs::write(fleet.path("home/.gitconfig"), "").expect("a file");
    let (code, said) = examined(&fleet, "git");
    assert_eq!(code, 3, "{said:?}");
    assert_eq!(said[1], "error git does not know who you are: user.name is not set");
}

#[test]
fn a_remote_that_does_not_answer_leaves_the_rest_to_be_looked_at() {
    let fleet = two_clusters(Sandbox::new()).git_says("git version 2.51.0\n");
    fleet.settle();
    fleet.git("fleet", &["remote", "set-url", "origin", "http://127.0.0.1:1/acme/fleet.git"]);
    let run = fleet.promote(&["doctor", "--forge", "none", "-o", "json"]);
    let document = run.json();
    assert_eq!(run.code, 5, "{run}");
    assert!(checks(&document, "git")[0].starts_with("error 2.51.0, remote http://127.0.0.1:1"), "{run}");
    assert!(checks(&document, "registry")[0].starts_with("ok registry.example.com"), "{run}");
}

#[test]
fn offline_nothing_is_asked_and_unknown_is_said() {
    let fleet = sound();
    fleet.settle();
    fleet.git("fleet", &["remote", "set-head", "origin", "main"]);
    let asked = fleet.registry.requests().len();
    let run = fleet.promote(&["doctor", "--offline", "-o", "json"]);
    let document = run.json();
    assert_eq!(run.code, 0, "{run}");
    for subject in ["forge", "branch", "registry"] {
        let said = checks(&document, subject);
        assert!(said[0].starts_with("warning") && said[0].contains("isn't asked with `--offline`"), "{said:?}");
    }
    assert!(fleet.forge.as_ref().expect("a forge").requests().is_empty());
    assert_eq!(fleet.registry.requests().len(), asked);
}

#[test]
fn findings_where_production_is_decided_come_first() {
    let shadowed = source(&format!("tag: v1.2.1\ndigest: {}", digest_of("v1.2.1")));
    let fleet = two_clusters(Sandbox::new()).git_says("git version 2.51.0\n").file(PIN, &shadowed);
    let run = fleet.promote(&["doctor", "-o", "json"]);
    let document = run.json();
    let said = checks(&document, "repository");
    assert!(said[0].starts_with("warning 1 finding, 1 matters now"), "{said:?}");
    let all = document["checks"].as_array().expect("checks");
    assert!(all.iter().any(|check| text(check, "path") == PIN && check["line"].is_number()), "{run}");

    let broken = two_clusters(Sandbox::new()).git_says("git version 2.51.0\n").file("promote.yaml", "stagse: []\n");
    let run = broken.promote(&["doctor", "-o", "json"]);
    let document = run.json();
    let last = document["checks"].as_array().expect("checks").last().expect("a check").clone();
    assert_eq!((run.code, text(&last, "subject"), text(&last, "path")), (3, "repository", "promote.yaml"), "{run}");
}

#[test]
fn without_a_configuration_the_order_is_a_guess_that_init_writes_down() {
    let fleet = Sandbox::new()
        .file("clusters/staging/my-app.yaml", &range(STAGING))
        .file("clusters/production/my-app.yaml", &pin("v1.2.1"))
        .tags(&["v1.2.1"])
        .git_says("git version 2.51.0\n");
    let run = fleet.promote(&["doctor"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("no promote.yaml: the order staging, production is a guess"), "{run}");
    assert!(run.stdout.contains("help: promote init writes it down"), "{run}");
}
