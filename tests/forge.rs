//! Pull requests on a forge: opened once, furnished, found again.

mod support {
    pub mod contract;
    pub mod forge;
    pub mod shared;
}

use std::collections::BTreeMap;
use std::time::Duration;

use promote::forge::{
    self, Account, Approvals, Ending, Error, Forge, Host, Hosts, Kind, Logins, Patience, Proposal, State, Touch,
};
use promote::http::{Http, Settings};
use promote::model::{Exit, FindingCode, Problem};
use serde_json::json;
use support::forge::{Comment, Forge as TestForge, Kind as TestKind, PullState, Review, What};

const TOKEN: &str = "canary-github-token";
const BRANCH: &str = "promote/prod-eu/my-app/v1.2.3-9f31c07a2b44";

fn server() -> TestForge {
    TestForge::github("acme/fleet", None, TOKEN)
}

fn servers() -> [TestForge; 3] {
    [server(), TestForge::gitlab("acme/fleet", None, TOKEN), TestForge::forgejo("acme/fleet", None, TOKEN)]
}

fn quick() -> Patience {
    Patience {
        read_back: Duration::from_millis(200),
        first_look: Duration::from_millis(1),
        limit: Duration::from_millis(200),
        pace: Duration::ZERO,
    }
}

fn http() -> Http {
    let settings = Settings { attempts: 2, backoff: Duration::from_millis(1), ..Settings::default() };
    Http::new(settings).expect("a client")
}

fn client_with(server: &TestForge, token: &str) -> Box<dyn Forge> {
    let api = server.api().parse().expect("a URL");
    let (kind, variable) = match server.kind() {
        TestKind::GitHub => (Kind::GitHub, "GH_ENTERPRISE_TOKEN"),
        TestKind::GitLab => (Kind::GitLab, "GITLAB_TOKEN"),
        TestKind::Forgejo => (Kind::Forgejo, "FORGEJO_TOKEN"),
    };
    let hosts = Hosts::from([("forge.test".to_owned(), Host { kind: Some(kind), api: Some(api), ..Host::default() })]);
    let environment = BTreeMap::from([(variable.to_owned(), token.to_owned())]);
    let logins = Logins::new(environment, hosts, http());
    forge::connect(None, "git@forge.test:acme/fleet.git", &logins, quick()).expect("a forge")
}

fn client(server: &TestForge) -> Box<dyn Forge> {
    client_with(server, TOKEN)
}

fn proposal() -> Proposal {
    Proposal {
        head: BRANCH.to_owned(),
        base: "main".to_owned(),
        title: "Promote my-app to v1.2.3 in prod-eu".to_owned(),
        body: "body".to_owned(),
        draft: false,
        labels: vec!["promotion".to_owned()],
        reviewers: vec!["sre-1".to_owned()],
        teams: Vec::new(),
    }
}

#[tokio::test]
async fn a_pull_request_is_opened_once_with_labels_and_reviewers() {
    for server in servers() {
        let forge = client(&server);

        let first = forge::publish(&*forge, &proposal()).await.expect("a pull request");
        let written = server.writes().len();
        let second = forge::publish(&*forge, &proposal()).await.expect("the same pull request");

        assert!(first.created && !second.created);
        assert!(first.findings.is_empty() && second.findings.is_empty(), "{:?}", first.findings);
        let (first, second) = (first.pull_request.expect("one"), second.pull_request.expect("one"));
        assert_eq!((first.number, &first.url), (second.number, &second.url));
        assert_eq!((second.labels, second.reviewers), (vec!["promotion".to_owned()], vec!["sre-1".to_owned()]));
        assert_eq!((second.title, second.body, second.base), (proposal().title, "body".to_owned(), "main".to_owned()));
        assert_eq!((server.pulls().len(), server.openings()), (1, 1));
        assert_eq!(server.writes().len(), written, "the second run changes nothing");
        server.assert_clean();
    }
}

#[tokio::test]
async fn github_is_asked_for_labels_and_reviewers_apart() {
    let server = server();
    let proposal = Proposal { teams: vec!["acme/sre".to_owned()], ..proposal() };

    forge::publish(&*client(&server), &proposal).await.expect("a pull request");

    assert_eq!(server.pulls()[0].teams, ["sre"]);
    assert_eq!(
        server.writes(),
        [
            "POST /repos/acme/fleet/pulls",
            "POST /repos/acme/fleet/issues/1/labels",
            "POST /repos/acme/fleet/pulls/1/requested_reviewers",
        ]
    );
    server.assert_clean();
}

#[tokio::test]
async fn gitlab_keeps_the_reviewers_that_are_there_and_has_no_teams() {
    let server = TestForge::gitlab("acme/fleet", None, TOKEN);
    let forge = client(&server);
    server.state().open_as("release-eng", "Promote", BRANCH, "main");
    server.state().pull(1).expect("it").reviewers.push("sre-2".to_owned());
    let proposal = Proposal { teams: vec!["sre".to_owned()], ..proposal() };

    let published = forge::publish(&*forge, &proposal).await.expect("the merge request");

    assert_eq!(server.pulls()[0].reviewers, ["sre-2", "sre-1"]);
    let messages: Vec<&str> = published.findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(messages, ["#1: GitLab has no way to ask a team for a review"]);
    server.assert_clean();
}

#[tokio::test]
async fn forgejo_says_which_label_there_is_none_of() {
    let server = TestForge::forgejo("acme/fleet", None, TOKEN);
    let proposal = Proposal { labels: vec!["promotion".to_owned(), "risky".to_owned()], ..proposal() };

    let published = forge::publish(&*client(&server), &proposal).await.expect("a pull request");

    assert_eq!(server.pulls()[0].labels, ["promotion"]);
    assert_eq!(published.findings.len(), 1);
    assert!(published.findings[0].message.ends_with("the repository has no label risky"), "{:?}", published.findings);
    server.assert_clean();
}

#[tokio::test]
async fn a_draft_is_one_on_every_forge() {
    for server in servers() {
        let draft = Proposal { draft: true, ..proposal() };

        let published = forge::publish(&*client(&server), &draft).await.expect("a draft");

        assert!(published.pull_request.expect("one").draft);
        server.assert_clean();
    }
}

#[tokio::test]
async fn a_pull_request_that_another_run_opens_meanwhile_is_adopted() {
    for server in servers() {
        let forge = client(&server);
        // The first list is older than the other run's pull request.
        server.state().open_as("release-eng", "Promote my-app to v1.2.3 in prod-eu", BRANCH, "main");
        server.state().stale_lists = 3;

        let published = forge::publish(&*forge, &proposal()).await.expect("a pull request");

        assert!(!published.created);
        assert_eq!(server.pulls().len(), 1);
        assert_eq!(server.openings(), 1);
        server.assert_clean();
    }
}

#[tokio::test]
async fn a_lost_answer_is_read_back_and_never_sent_again() {
    for server in servers() {
        let forge = client(&server);
        server.fail("POST", server.pulls_path(), What::LoseAnswer);
        server.state().stale_lists = 4;

        let published = forge::publish(&*forge, &proposal()).await.expect("a pull request");

        assert!(published.created && published.findings.is_empty());
        assert_eq!(server.pulls()[0].labels, ["promotion"]);
        assert_eq!(server.openings(), 1);
        server.assert_clean();
    }
}

#[tokio::test]
async fn a_lost_request_is_temporary_and_the_next_run_finishes() {
    for server in servers() {
        let forge = client(&server);
        server.fail("POST", server.pulls_path(), What::LoseRequest);

        let error = forge::publish(&*forge, &proposal()).await.expect_err("nothing was opened");
        let again = forge::publish(&*forge, &proposal()).await.expect("a pull request");

        assert_eq!((error.code(), error.exit()), ("forge-unclear", Exit::Temporary));
        assert!(again.created);
        assert_eq!(server.pulls().len(), 1);
        server.assert_clean();
    }
}

#[tokio::test]
async fn a_server_error_after_the_change_is_read_back() {
    for server in servers() {
        let forge = client(&server);
        server.state().open_as("release-eng", "Promote", BRANCH, "main");
        server.state().stale_lists = 1;
        server.fail("POST", server.pulls_path(), What::Answer(502, vec![], json!({"message": "Server Error"})));

        let published = forge::publish(&*forge, &proposal()).await.expect("a pull request");

        assert_eq!(published.pull_request.expect("one").number, 1);
        assert_eq!(server.pulls().len(), 1);
    }
}

#[tokio::test]
async fn labels_and_reviewers_that_can_not_be_set_are_findings() {
    let server = server();
    let forge = client(&server);
    server.fail("POST", "/labels", What::Answer(403, vec![], json!({"message": "Resource not accessible"})));
    let proposal = Proposal { reviewers: vec!["nobody".to_owned()], ..proposal() };

    let first = forge::publish(&*forge, &proposal).await.expect("a pull request");
    let second = forge::publish(&*forge, &proposal).await.expect("the same pull request");

    let codes =
        |published: &forge::Published| published.findings.iter().map(|finding| finding.code).collect::<Vec<_>>();
    assert_eq!(codes(&first), [FindingCode::LabelsNotSet, FindingCode::ReviewersNotSet]);
    assert_eq!(codes(&second), [FindingCode::ReviewersNotSet], "labels are tried again");
    assert_eq!(server.pulls()[0].labels, ["promotion"]);
    assert!(
        first.findings[1].message.contains("only be requested from collaborators"),
        "{}",
        first.findings[1].message
    );
    server.assert_clean();
}

#[tokio::test]
async fn who_has_reviewed_is_not_asked_again_and_nobody_reviews_their_own() {
    for server in servers() {
        let forge = client(&server);
        let proposal = Proposal { reviewers: vec!["sre-1".to_owned(), "release-eng".to_owned()], ..proposal() };
        forge::publish(&*forge, &proposal).await.expect("a pull request");
        assert_eq!(server.pulls()[0].reviewers, ["sre-1"]);
        {
            let mut state = server.state();
            let pull = state.pull(1).expect("the pull request");
            pull.reviewers.clear();
            pull.reviews.push(Review { author: "sre-1".to_owned(), state: "APPROVED".to_owned() });
        }
        let written = server.writes().len();

        let again = forge::publish(&*forge, &proposal).await.expect("the same pull request");

        assert!(again.findings.is_empty(), "{:?}", again.findings);
        assert_eq!(server.writes().len(), written);
        server.assert_clean();
    }
}

#[tokio::test]
async fn a_closed_or_merged_pull_request_is_not_taken_for_an_open_one() {
    for server in servers() {
        let forge = client(&server);
        let number = server.state().open_as("release-eng", "Promote", BRANCH, "main");
        server.state().close(number);

        let found = forge.of_branch(BRANCH).await.expect("a list");
        let published = forge::publish(&*forge, &proposal()).await.expect("a pull request");

        assert_eq!(found.iter().map(|one| one.state).collect::<Vec<_>>(), [State::Closed]);
        assert!(published.created);
        assert_eq!(
            server.pulls().iter().map(|pull| pull.state).collect::<Vec<_>>(),
            [PullState::Closed, PullState::Open]
        );
        server.assert_clean();
    }
}

#[tokio::test]
async fn only_open_ones_from_our_own_branches_are_promotions() {
    for server in servers() {
        let forge = client(&server);
        {
            let mut state = server.state();
            state.open_as("release-eng", "ours", BRANCH, "main");
            state.open_as("dev", "theirs", "renovate/my-app", "main");
            let fork = state.open_as("somebody", "a fork's", BRANCH, "main");
            state.pull(fork).expect("it").fork = true;
            for number in 0..150 {
                state.open_as("dev", "more", &format!("feature/{number}"), "main");
            }
        }

        let open = forge.open_ones().await.expect("a list");
        let ours: Vec<_> = open.into_iter().filter(forge::PullRequest::is_promotion).collect();
        let of_branch = forge.of_branch(BRANCH).await.expect("a list");

        assert_eq!(ours.iter().map(|one| one.number).collect::<Vec<_>>(), [1], "the oldest of 153, on the second page");
        assert_eq!(of_branch.len(), 1);
        server.assert_clean();
    }
}

#[tokio::test]
async fn everything_about_a_pull_request_is_read_back() {
    for server in servers() {
        let forge = client(&server);
        forge::publish(&*forge, &proposal()).await.expect("a pull request");
        server
            .state()
            .pull(1)
            .expect("it")
            .reviews
            .push(Review { author: "sre-1".to_owned(), state: "APPROVED".to_owned() });

        forge.comment(1, "superseded by #2").await.expect("a comment");
        let comments = forge.comments(1).await.expect("comments");
        let reviews = forge.reviews(1).await.expect("reviews");
        let files = forge.files(1).await.expect("files");
        forge.close(1).await.expect("closed");
        let read = forge.read(1).await.expect("the pull request");

        assert_eq!(comments[0].body, "superseded by #2");
        assert_eq!(comments[0].author.as_ref().expect("an author").name, "release-eng");
        assert_eq!(reviews[0].verdict, forge::ReviewVerdict::Approved);
        assert_eq!(files, ["clusters/prod-eu/my-app.yaml"]);
        assert_eq!((read.state, read.mergeable, read.draft), (State::Closed, Some(true), false));
        server.assert_clean();
    }
}

#[tokio::test]
async fn the_rules_of_the_base_are_asked_for_and_may_be_unreadable() {
    for server in servers() {
        let forge = client(&server);

        assert_eq!(forge.approvals("main").await.expect("an answer"), Approvals::NotAsked);
        server.state().approvals = Some(2);
        assert_eq!(forge.approvals("release/1").await.expect("an answer"), Approvals::Asked(2));
        server.state().approvals = None;
        assert!(matches!(forge.approvals("main").await.expect("an answer"), Approvals::Unreadable(_)));
        server.assert_clean();
    }
}

#[tokio::test]
async fn the_token_s_owner_is_known_unless_it_is_an_installation_s() {
    let server = server();
    let forge = client(&server);

    assert_eq!(forge.identity().await.expect("an answer").expect("somebody").name, "release-eng");
    server.state().user = None;
    assert_eq!(forge.identity().await.expect("an answer"), None);
    server.assert_clean();
}

#[tokio::test]
async fn a_refused_token_and_a_hidden_repository_are_told_apart_from_a_refusal() {
    let server = server();

    let error = forge::publish(&*client_with(&server, "wrong"), &proposal()).await.expect_err("401");
    assert_eq!((error.code(), error.exit()), ("forge-token-refused", Exit::Authentication));

    server.fail("GET", "/pulls", What::Answer(404, vec![], json!({"message": "Not Found"})));
    let error = forge::publish(&*client(&server), &proposal()).await.expect_err("404");
    assert_eq!((error.code(), error.exit()), ("forge-not-found", Exit::Authentication));
    assert!(error.hint().expect("a hint").contains("private repository"));

    let missing = Proposal { head: "promote/missing".to_owned(), ..proposal() };
    let error = forge::publish(&*client(&server), &missing).await.expect_err("422");
    assert_eq!((error.code(), error.exit()), ("forge-refused", Exit::Refused));
    server.assert_clean();
}

#[tokio::test]
async fn a_limit_is_waited_for_if_it_is_short_and_named_if_it_is_long() {
    for server in servers() {
        let forge = client(&server);
        let secondary = json!({"message": "You have exceeded a secondary rate limit"});
        server.fail("POST", server.pulls_path(), What::Answer(403, vec![("retry-after", "0")], secondary.clone()));

        assert!(forge::publish(&*forge, &proposal()).await.expect("a pull request").created);

        let other = Proposal { head: "promote/other".to_owned(), ..proposal() };
        server.fail("POST", server.pulls_path(), What::Answer(429, vec![("retry-after", "7200")], secondary));
        let error = forge::publish(&*forge, &other).await.expect_err("too long");
        assert_eq!((error.code(), error.exit()), ("forge-busy", Exit::Temporary));
        assert_eq!(error.hint().as_deref(), Some("run it again in 7200 s"));
        server.assert_clean();
    }
}

#[tokio::test]
async fn an_answer_that_is_no_forge_s_is_not_trusted() {
    for answer in [json!("<html>"), json!([{"number": "one"}]), json!({"number": 1})] {
        let server = server();
        let forge = client(&server);
        server.fail("GET", "/pulls", What::Answer(200, vec![], answer));

        let error = forge::publish(&*forge, &proposal()).await.expect_err("no list");

        assert_eq!((error.code(), error.exit()), ("forge-protocol", Exit::Untrusted));
        assert!(server.writes().is_empty());
    }
}

#[tokio::test]
async fn a_repository_that_moved_gets_no_token() {
    for server in servers() {
        let other = TestForge::github("acme/fleet", None, TOKEN);
        let forge = client(&server);
        let location: &'static str = Box::leak(format!("{}/repos/acme/fleet/pulls", other.url).into_boxed_str());
        server.fail(
            "GET",
            server.pulls_path(),
            What::Answer(301, vec![("location", location)], json!({"message": "Moved"})),
        );

        let error = forge::publish(&*forge, &proposal()).await.expect_err("moved");

        assert_eq!(error.exit(), Exit::Untrusted);
        assert!(other.requests().is_empty());
    }
}

#[tokio::test]
async fn the_token_stands_in_one_header_and_nowhere_else() {
    for server in servers() {
        let forge = client(&server);
        forge::publish(&*forge, &proposal()).await.expect("a pull request");

        for request in server.requests() {
            let holding: Vec<&str> = request
                .headers
                .iter()
                .filter(|(_, value)| value.contains(TOKEN))
                .map(|(name, _)| name.as_str())
                .collect();
            assert_eq!(holding, ["authorization"]);
            assert!(!request.path.contains(TOKEN) && !request.body.contains(TOKEN));
        }
        let error = forge::publish(&*client_with(&server, "wrong-canary"), &proposal()).await.expect_err("401");
        assert!(!format!("{error:?} {error}").contains("wrong-canary"));
    }
}

#[test]
fn the_test_forge_tells_on_who_merges_or_approves() {
    let server = server();
    for (method, path) in [
        ("PUT", "/repos/acme/fleet/pulls/1/merge"),
        ("POST", "/repos/acme/fleet/pulls/1/reviews"),
        ("POST", "/graphql"),
        ("PUT", "/repos/acme/fleet/branches/main/protection"),
    ] {
        let before = server.violations().len();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let client = reqwest::Client::new();
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let request = client.request(method, format!("{}{path}", server.url)).bearer_auth(TOKEN);
        runtime.block_on(request.send()).expect("an answer");
        assert!(server.violations().len() > before, "{path}");
    }
}

#[test]
fn a_missing_token_is_found_before_anything_is_asked() {
    let hosts = Hosts::from([("forge.test".to_owned(), Host { kind: Some(Kind::GitHub), ..Host::default() })]);
    let none = Logins::new(BTreeMap::new(), hosts, http());
    let connect = |remote: &str, asked| forge::connect(asked, remote, &none, quick());

    let error = connect("https://github.com/acme/fleet", None).err().expect("no token");
    assert_eq!(error.exit(), Exit::Authentication);
    assert_eq!(error.hint().as_deref(), Some("set GH_TOKEN or GITHUB_TOKEN; or `--forge none`, which pushes only"));
    let error = connect("git@forge.test:acme/fleet.git", None).err().expect("no token");
    assert!(error.hint().expect("a hint").contains("GH_ENTERPRISE_TOKEN"));
    let error = connect("git@unknown.test:acme/fleet.git", None).err().expect("no kind");
    assert_eq!(error.exit(), Exit::Usage);
    for (remote, asked) in [("/srv/fleet.git", None), ("git@unknown.test:acme/fleet.git", Some(Kind::None))] {
        assert_eq!(connect(remote, asked).expect("no forge").kind(), Kind::None);
    }
    assert!(matches!(connect("/srv/fleet.git", Some(Kind::GitHub)), Err(Error::NoRepository { .. })));
}

#[tokio::test]
async fn without_a_forge_nothing_is_opened_and_nothing_fails() {
    let none = Logins::new(BTreeMap::new(), Hosts::new(), http());
    let forge = forge::connect(None, "/srv/fleet.git", &none, quick()).expect("no forge");

    let published = forge::publish(&*forge, &proposal()).await.expect("nothing");

    assert!(published.pull_request.is_none() && !published.created && published.findings.is_empty());
}

#[tokio::test]
async fn an_older_attempt_is_superseded_once_and_known_as_such() {
    for server in servers() {
        let forge = client(&server);
        for (title, head) in [("older", "promote/a"), ("newer", "promote/b"), ("theirs", "promote/c")] {
            server.state().open_as("release-eng", title, head, "main");
        }
        let (older, newer) = (forge.read(1).await.expect("one"), forge.read(2).await.expect("two"));

        forge::supersede(&*forge, &older, &newer).await.expect("superseded");
        forge::supersede(&*forge, &older, &newer).await.expect("superseded already");
        server.state().close(3);

        let comments = forge.comments(1).await.expect("comments");
        assert_eq!(comments.len(), 1);
        assert!(comments[0].body.contains(&newer.url), "{}", comments[0].body);
        let mut endings = Vec::new();
        for number in 1..=3 {
            let attempt = forge.read(number).await.expect("it");
            endings.push(forge::ending(&*forge, &attempt, None).await.expect("an ending"));
        }
        assert_eq!(endings, [Ending::Superseded, Ending::Open, Ending::Closed]);
        let sre = Account { name: "sre-1".to_owned(), bot: false };
        let attempt = forge.read(1).await.expect("it");
        let ending = forge::ending(&*forge, &attempt, Some(&sre)).await.expect("an ending");
        assert_eq!(ending, Ending::Closed, "the line counts only from our own account");
        server.assert_clean();
    }
}

#[tokio::test]
async fn what_a_person_did_with_a_pull_request_is_seen() {
    for server in servers() {
        let forge = client(&server);
        forge::publish(&*forge, &proposal()).await.expect("a pull request");
        let comment = |author: &str| Comment { author: author.to_owned(), body: "x".to_owned() };
        let touches = async || {
            let (attempt, reviews) = (forge.read(1).await.expect("it"), forge.reviews(1).await.expect("reviews"));
            let comments = forge.comments(1).await.expect("comments");
            forge::touches(&attempt, &reviews, &comments, &["promotion".to_owned()], None)
        };
        server.state().pull(1).expect("it").comments.push(comment("release-eng"));
        assert_eq!(touches().await, [], "our own comment is nobody's");
        {
            let mut state = server.state();
            let pull = state.pull(1).expect("it");
            pull.comments.push(comment("sre-2"));
            pull.labels.push("hold".to_owned());
            pull.reviews.push(Review { author: "sre-1".to_owned(), state: "APPROVED".to_owned() });
        }

        let expected = [
            Touch::Reviewed { by: "sre-1".to_owned() },
            Touch::Commented { by: "sre-2".to_owned() },
            Touch::Labelled { label: "hold".to_owned() },
        ];
        assert_eq!(touches().await, expected);
        server.assert_clean();
    }
}

/// A bare repository with `main`, one branch that changes `a.yaml`, and one that changes `b.yaml`.
fn fleet() -> (tempfile::TempDir, git2::Repository) {
    let folder = tempfile::tempdir().expect("a folder");
    let repository = git2::Repository::init_bare(folder.path()).expect("a repository");
    let who = git2::Signature::new("x", "x@example.com", &git2::Time::new(1_795_000_000, 0)).expect("a signature");
    let commit = |branch: &str, files: &[(&str, &str)], parent: Option<git2::Oid>| {
        let mut tree = repository.treebuilder(None).expect("a tree");
        for (name, text) in files {
            let blob = repository.blob(text.as_bytes()).expect("a blob");
            tree.insert(name, blob, 0o100_644).expect("an entry");
        }
        let tree = repository.find_tree(tree.write().expect("a tree")).expect("a tree");
        let parent = parent.map(|id| repository.find_commit(id).expect("a commit"));
        let parents: Vec<&git2::Commit<'_>> = parent.iter().collect();
        repository.commit(Some(&format!("refs/heads/{branch}")), &who, &who, "x", &tree, &parents).expect("a commit")
    };
    let base = commit("main", &[("a.yaml", "1"), ("b.yaml", "1")], None);
    commit(BRANCH, &[("a.yaml", "2"), ("b.yaml", "1")], Some(base));
    commit("renovate/a", &[("a.yaml", "3"), ("b.yaml", "1")], Some(base));
    commit("renovate/b", &[("a.yaml", "1"), ("b.yaml", "3")], Some(base));
    commit("level", &[("a.yaml", "1"), ("b.yaml", "1")], None);
    (folder, repository)
}

#[tokio::test]
async fn a_foreign_pull_request_on_the_same_file_is_named() {
    let (folder, _repository) = fleet();
    let bare = Some(folder.path());
    for server in [
        TestForge::github("acme/fleet", bare, TOKEN),
        TestForge::gitlab("acme/fleet", bare, TOKEN),
        TestForge::forgejo("acme/fleet", bare, TOKEN),
    ] {
        let forge = client(&server);
        for head in ["renovate/a", "renovate/b"] {
            server.state().open_as("renovate", head, head, "main");
        }
        forge::publish(&*forge, &proposal()).await.expect("a pull request");

        let open = forge.open_ones().await.expect("a list");
        let rivals = forge::rivals(&*forge, "main", &open, &["a.yaml".to_owned()]).await.expect("rivals");

        let named: Vec<&str> = rivals.found.iter().map(|rival| rival.pull_request.head.as_str()).collect();
        assert_eq!((named, rivals.unread), (vec!["renovate/a"], 0));
        server.assert_clean();
    }
}

#[tokio::test]
async fn the_branches_of_the_repository_decide_what_can_be_opened_and_merged() {
    let (folder, repository) = fleet();
    let server = TestForge::github("acme/fleet", Some(folder.path()), TOKEN);
    let forge = client(&server);
    let nowhere = Proposal { head: "promote/nowhere".to_owned(), ..proposal() };
    assert_eq!(forge::publish(&*forge, &nowhere).await.expect_err("no branch").code(), "forge-refused");
    server.state().open_as("renovate", "first", "renovate/a", "main");
    let published = forge::publish(&*forge, &proposal()).await.expect("a pull request");
    let number = published.pull_request.expect("one").number;
    let before = repository.refname_to_id("refs/heads/main").expect("main");

    server.state().merge(1);

    assert_ne!(repository.refname_to_id("refs/heads/main").expect("main"), before);
    let attempt = forge.read(number).await.expect("it");
    assert_eq!(forge::ending(&*forge, &attempt, None).await.expect("an ending"), Ending::Conflicting);
    assert_eq!(forge.read(1).await.expect("it").state, State::Merged);
    server.assert_clean();
}

#[tokio::test]
async fn what_the_token_may_do_is_told() {
    for server in servers() {
        let forge = client(&server);

        assert_eq!(forge.access().await.expect("an answer").push, Some(true));
        server.state().push = Some(false);
        assert_eq!(forge.access().await.expect("an answer").push, Some(false));
        server.state().push = None;
        assert_eq!(forge.access().await.expect("an answer").push, None);
        server.assert_clean();
    }
}

#[tokio::test]
async fn a_token_that_may_do_more_than_needed_is_noticed() {
    let server = server();
    let forge = client(&server);
    server.state().scopes = Some("repo, admin:org, workflow".to_owned());

    forge.access().await.expect("an answer");

    assert_eq!(forge.told().needless_scopes(), ["admin:org", "workflow"]);
    let skew = forge.told().skew.expect("a date in the answer");
    assert!(skew.abs() < jiff::SignedDuration::from_mins(5), "{skew:?}: the forge's clock is this machine's");
    server.assert_clean();
}

#[tokio::test]
async fn ended_pull_requests_are_listed_without_the_open_ones() {
    for server in servers() {
        let forge = client(&server);
        for head in ["promote/a", "promote/b", "promote/c"] {
            server.state().open_as("release-eng", head, head, "main");
        }
        server.state().merge(1);
        server.state().close(2);

        let mut ended = forge.ended_ones(10).await.expect("a list");

        ended.sort_by_key(|one| one.number);
        assert_eq!(ended.iter().map(|one| one.state).collect::<Vec<_>>(), [State::Merged, State::Closed]);
        assert!(ended.iter().all(|one| one.ended.is_some()));
        server.assert_clean();
    }
}
