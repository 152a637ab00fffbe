//! Apps whose versions are the tags of a Git repository.

use insta::assert_snapshot;

use crate::fleet::*;
use crate::support::Sandbox;
use crate::support::git_http::GitHttp;
use crate::support::listener::{Listener, assert_no_secret};

/// The one who may read the repository of the tests.
const TOKEN: &str = "canary-git-reader-771";

/// A fleet, and the server of a Git repository in which `my-app` is tagged.
struct Tagged {
    fleet: Sandbox,
    server: GitHttp,
    url: String,
}

/// A `GitRepository` with these lines as its `ref`.
fn source_at(url: &str, reference: &str) -> String {
    let lines: String = reference.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: my-app\n  \
         namespace: flux-system\nspec:\n  interval: 5m\n  url: {url}\n  ref:\n{lines}"
    )
}

/// Staging follows a range, production has this `ref`; the user's credential helper knows the server.
fn tagged(tags: &[&str], reference: impl Fn(&Tagged) -> String) -> Tagged {
    let fleet = Sandbox::new();
    std::fs::create_dir_all(fleet.path("apps/acme")).expect("a folder");
    let server = GitHttp::start(&fleet.path("apps"), TOKEN);
    let fleet = fleet.git_login(&server.host(), "reader", TOKEN);
    fleet.git(".", &["init", "-q", "--bare", "apps/acme/my-app.git"]);
    fleet.git(".", &["init", "-q", "app"]);
    let mut tagged = Tagged { url: format!("http://{}/acme/my-app", server.host()), server, fleet };
    for (number, tag) in tags.iter().enumerate() {
        tagged.tag(tag, number);
    }
    let pin = source_at(&tagged.url, &reference(&tagged));
    let range = source_at(&tagged.url, &format!("semver: \"{STAGING}\""));
    tagged.fleet = tagged.fleet.file("promote.yaml", ONE).file("clusters/staging/my-app.yaml", &range).file(PIN, &pin);
    tagged
}

impl Tagged {
    /// Commits and tags, every second time by a tag of its own, and pushes.
    fn tag(&self, tag: &str, number: usize) {
        let date = format!("2026-10-{:02}T09:00:00Z", 1 + number % 28);
        let commit = ["commit", "-q", "--allow-empty", "-m", tag, "--date", &date];
        self.fleet.git_with("app", &commit, &[("GIT_COMMITTER_DATE", &date)]);
        if number.is_multiple_of(2) {
            self.fleet.git("app", &["tag", "-f", tag]);
        } else {
            self.fleet.git_with("app", &["tag", "-f", "-a", "-m", tag, tag], &[("GIT_COMMITTER_DATE", &date)]);
        }
        self.fleet.git("app", &["push", "-q", "-f", "../apps/acme/my-app.git", &format!("refs/tags/{tag}")]);
    }

    fn commit(&self, tag: &str) -> String {
        self.fleet.git("app", &["rev-parse", &format!("{tag}^{{commit}}")]).trim().to_owned()
    }

    /// Commits differ in nothing that chance decides, but the address does.
    fn shown(&self, text: &str) -> String {
        text.replace(&self.server.host(), "git.example.com")
    }
}

const TAGS: [&str; 4] = ["v1.2.1", "v1.2.2", "v1.2.3", "v1.3.0-rc.1"];

#[test]
fn a_tag_moves_and_its_commit_stands_for_its_digest() {
    let app = tagged(&TAGS, |_| "tag: v1.2.1 # moved".to_owned());
    let run = app.fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    let branches = app.fleet.branches();
    let [branch] = branches.as_slice() else { panic!("{branches:?}") };
    assert_snapshot!(app.shown(&app.fleet.diff(branch)).lines().skip(4).collect::<Vec<_>>().join("\n"), @"
    @@ -10 +10 @@ spec:
    -    tag: v1.2.1 # moved
    +    tag: v1.2.3 # moved
    ");
    assert_snapshot!(app.fleet.shown(&app.fleet.message(branch)), @"
    Promote my-app to v1.2.3 in prod-eu

    Promote-App: my-app
    Promote-Environment: prod-eu
    Promote-From: v1.2.1
    Promote-To: v1.2.3
    Promote-Digest: sha1:[commit]
    Promote-Evidence: selected in staging
    ");
    let body = run
        .shown(&app.shown(&run.stdout))
        .lines()
        .filter(|line| line.contains("v1.2.3"))
        .map(str::to_owned)
        .collect::<Vec<_>>();
    assert_snapshot!(body.join("\n"), @r#"
    Promote my-app to v1.2.3 in prod-eu
    **my-app** in **prod-eu**: `v1.2.1` → `v1.2.3`. Who asked is **not known**.
    | In production's Git repository | yes, `v1.2.3` of `http://git.example.com/acme/my-app` |
    | In staging | it chooses exactly this now; **not known** since when. Staging is on v1.2.3 now |
    `v1.2.1` → `v1.2.2` → `v1.2.3`
    +    tag: v1.2.3 # moved
    | staging | v1.2.3 | follows `>=1.0.0 <2.0.0` |
    | prod-eu | v1.2.1 → **v1.2.3** | pinned |
    {"apiVersion":"promote/v1","kind":"Promotion","app":"my-app","environment":"prod-eu","from":"v1.2.1","to":"v1.2.3"}
    "#);
}

#[test]
fn a_tag_and_its_commit_move_together() {
    let app = tagged(&TAGS, |app| format!("tag: v1.2.1\ncommit: {}", app.commit("v1.2.1")));
    let run = app.fleet.promote(&["my-app", "v1.2.2"]);
    assert_eq!(run.code, 0, "{run}");
    let branch = &app.fleet.branches()[0];
    let text = app.fleet.text_on(branch, PIN);
    assert!(text.contains("tag: v1.2.2\n"), "{text}");
    assert!(text.contains(&format!("commit: {}\n", app.commit("v1.2.2"))), "{text}");
}

#[test]
fn an_equality_of_a_semver_keeps_its_operator() {
    let app = tagged(&TAGS, |_| "semver: \"=v1.2.1\"".to_owned());
    let run = app.fleet.promote(&["my-app"]);
    assert_eq!(run.code, 0, "{run}");
    let text = app.fleet.text_on(&app.fleet.branches()[0], PIN);
    assert!(text.contains("semver: \"=v1.2.3\""), "{text}");
}

#[test]
fn a_commit_alone_has_the_version_of_its_tag() {
    let app = tagged(&TAGS, |app| format!("commit: {}", app.commit("v1.2.1")));
    let run = app.fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    let text = app.fleet.text_on(&app.fleet.branches()[0], PIN);
    assert!(text.contains(&format!("commit: {}\n", app.commit("v1.2.3"))), "{text}");
    let untagged = "0f".repeat(20);
    app.fleet.change(PIN, &source_at(&app.url, &format!("commit: {untagged}")));
    let run = app.fleet.promote(&["my-app", "v1.2.3", "--to", "production"]);
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stderr.contains("neither the commit that wrote it nor a tag says its version"), "{run}");
}

#[test]
fn a_tag_that_moved_away_from_its_pinned_commit_is_refused() {
    let app = tagged(&TAGS, |app| format!("tag: v1.2.1\ncommit: {}", app.commit("v1.2.1")));
    app.tag("v1.2.1", 9);
    let run = app.fleet.promote(&["my-app", "v1.2.1"]);
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stderr.contains("the tag moved"), "{run}");
}

#[test]
fn a_version_without_a_tag_names_the_nearest() {
    let app = tagged(&TAGS, |_| "tag: v1.2.1".to_owned());
    let run = app.fleet.promote(&["my-app", "v1.2.4"]);
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stderr.contains("has no tag `v1.2.4`; there is v1.2.3"), "{run}");
}

#[test]
fn tags_why_plan_and_status_know_them() {
    let app = tagged(&TAGS, |_| "tag: v1.2.1".to_owned());
    let tags = app.fleet.promote(&["tags", &app.url, "--range", "~1.2"]);
    assert_snapshot!(app.shown(&tags.to_string()), @"
      v1.3.0-rc.1   outside `~1.2`
    > v1.2.3        the newest that `~1.2` admits
      v1.2.2        `~1.2` admits it
      v1.2.1        `~1.2` admits it
    `~1.2` selects v1.2.3
    ");
    let why = app.fleet.promote(&["why", "my-app"]);
    assert_snapshot!(app.shown(&why.stdout), @"
    prod-eu runs v1.2.1 and moves only by a change in Git: pinned
      --> clusters/prod-eu/my-app.yaml:10:10

    TAG           MAY IT GO TO PROD-EU?
    v1.3.0-rc.1   no                      a pre-release; prod-eu's range `*` has no -0, so pre-releases don't match
    v1.2.3        YES                     staging selects exactly this version now
    v1.2.2        yes                     but v1.2.3 is newer
    v1.2.1        runs
    ");
    let plan = app.fleet.promote(&["plan"]);
    assert_snapshot!(app.shown(&plan.stdout), @"
    my-app
      staging   v1.2.3             follows >=1.0.0 <2.0.0
      prod-eu   v1.2.1 -> v1.2.3   pinned; may advance
    ");
    let status = app.fleet.promote(&["status", "--all"]);
    assert!(status.stdout.contains("v1.2.3") && status.stdout.contains("v1.2.1"), "{status}");
    let asked = app
        .server
        .requests()
        .iter()
        .filter(|request| request.contains("git-upload-pack HTTP") || request.starts_with("POST"))
        .count();
    assert!(asked <= 4, "each run lists the tags once, however many questions there are: {asked}");
}

#[test]
fn tags_that_tie_are_named_and_never_guessed() {
    let app = tagged(&["v1.2.1", "v1.2.3", "1.2.3"], |_| "tag: v1.2.1".to_owned());
    let run = app.fleet.promote(&["my-app"]);
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stderr.contains("tie and name different commits"), "{run}");
    assert!(run.stderr.contains("`1.2.3`") && run.stderr.contains("`v1.2.3`"), "{run}");
}

#[test]
fn a_repository_on_this_machine_is_asked_where_a_person_names_it_and_never_where_a_manifest_does() {
    let app = tagged(&TAGS, |_| "tag: v1.2.1".to_owned());
    let url = format!("file://{}", app.fleet.path("apps/acme/my-app.git").display());
    let run = app.fleet.promote(&["tags", &url, "-o", "json"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(run.json()["tags"][1]["tag"], "v1.2.3", "{run}");
    app.fleet.change(PIN, &source_at(&url, "tag: v1.2.1"));
    let run = app.fleet.promote(&["my-app", "v1.2.3", "--to", "production"]);
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stderr.contains("is none of `https://`, `http://` and `ssh://`"), "{run}");
}

#[test]
fn a_repository_that_is_missing_or_refuses_makes_it_unknown() {
    let app = tagged(&TAGS, |_| "tag: v1.2.1".to_owned());
    app.fleet.change(PIN, &source_at(&app.url.replace("my-app", "other"), "tag: v1.2.1"));
    app.fleet.change("clusters/staging/my-app.yaml", &source_at(&app.url.replace("my-app", "other"), "tag: v1.2.1"));
    let run = app.fleet.promote(&["my-app", "v1.2.3", "--to", "production"]);
    assert_eq!(run.code, 4, "{run}");
    assert!(run.stderr.contains("there is no repository") && run.stderr.contains("help: "), "{run}");
}

#[test]
fn a_password_in_the_url_is_neither_used_nor_shown() {
    let app = tagged(&TAGS, |_| "tag: v1.2.1".to_owned());
    app.fleet.change(PIN, &source_at(&app.url.replace("http://", "http://reader:hunter2secret@"), "tag: v1.2.1"));
    let run = app.fleet.promote(&["plan"]);
    assert!(!run.to_string().contains("hunter2secret"), "{run}");
    assert!(run.stdout.contains("the URL of GitRepository `my-app` holds a user name or password"), "{run}");
}

#[test]
fn a_foreign_host_gets_no_login_of_another_and_a_redirect_is_not_followed() {
    let target = Listener::json("{}");
    let redirect = format!(
        "HTTP/1.1 302 Found\r\nLocation: http://{}/acme/my-app/info/refs\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        target.host()
    );
    let foreign = Listener::start(redirect);
    let denying = Listener::start(
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"Git\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    );
    // The fleet's own server takes the forge's token, and a credential helper knows yet another host.
    let fleet = on_github().git_login("git.example.com", "reader", TOKEN);
    for (server, exit, says) in [(&foreign, 7, "write the new address into `url`"), (&denying, 4, "log in")] {
        let url = format!("http://{}/acme/my-app", server.host());
        fleet.change(PIN, &source_at(&url, "tag: v1.2.1"));
        fleet.change("clusters/staging/my-app.yaml", &source_at(&url, "tag: v1.2.3"));
        let run = fleet.promote(&["my-app", "v1.2.3", "--to", "production"]);
        assert_eq!(run.code, exit, "{run}");
        assert!(run.stderr.contains(says), "{run}");
        assert!(server.heard().contains("GET /acme/my-app"), "it was asked");
        for canary in &fleet.canaries {
            assert_no_secret(&server.heard(), &canary.user, &canary.secret);
        }
    }
    assert_eq!(target.heard(), "");
}

#[test]
fn a_hundred_thousand_tags_are_all_read() {
    let fleet = fleet();
    fleet.git(".", &["init", "-q", "--bare", "many.git"]);
    let tree = fleet.git("many.git", &["hash-object", "-w", "-t", "tree", "--stdin"]);
    let commit = fleet.git("many.git", &["commit-tree", "-m", "x", tree.trim()]);
    let line = |number: usize| format!("{} refs/tags/v1.{}.{}\n", commit.trim(), number / 1000, number % 1000);
    let mut lines: Vec<String> = (0..100_000).map(line).collect();
    lines.sort();
    std::fs::write(fleet.path("many.git/packed-refs"), lines.concat()).expect("a file");
    let url = format!("file://{}", fleet.path("many.git").display());
    let run = fleet.promote(&["tags", &url, "--range", "*", "-o", "json"]);
    assert_eq!((run.code, &run.json()["selected"]), (0, &"v1.99.999".into()), "{}", run.stderr);
    assert_eq!(run.json()["tags"].as_array().map(Vec::len), Some(100_000));
}
