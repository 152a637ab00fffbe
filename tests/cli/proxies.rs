//! Proxies: registries and Git are reached through the same one, and this machine without any.

use crate::fleet::*;
use crate::support::Sandbox;
use crate::support::git_http::GitHttp;

/// Nobody listens there.
const DEAD: &str = "http://127.0.0.1:1";
const TOKEN: &str = "canary-git-reader-772";

/// A fleet and two hosts that no name server knows: only a proxy leads to them.
struct Behind {
    fleet: Sandbox,
    /// Answers for `git.corp` whatever asks it for that.
    git: GitHttp,
}

impl Behind {
    fn new() -> Self {
        let fleet = Sandbox::new();
        let git = GitHttp::start(&fleet.path("apps"), TOKEN);
        let fleet = fleet
            .git_login("git.corp", "reader", TOKEN)
            .setting("promote.git.corp.plain-http", "true")
            .setting("promote.reg.corp.plain-http", "true")
            .file("README.md", "x\n")
            .tags(&["v1.2.3"]);
        let logins = fleet.path("home/.docker/config.json");
        let text = std::fs::read_to_string(&logins).expect("the logins");
        std::fs::write(&logins, text.replace(&fleet.registry.host(), "reg.corp")).expect("a file");
        fleet.git(".", &["init", "-q", "--bare", "apps/acme/my-app.git"]);
        fleet.git(".", &["init", "-q", "app"]);
        fleet.git("app", &["commit", "-q", "--allow-empty", "-m", "one"]);
        fleet.git("app", &["tag", "v1.2.3"]);
        fleet.git("app", &["push", "-q", "../apps/acme/my-app.git", "refs/tags/v1.2.3"]);
        Self { fleet, git }
    }

    /// Whether the tags of both are read: the test registry and the test Git server are their own proxies.
    fn are_read(&self, variables: impl Fn(&str) -> Vec<(&'static str, String)>) -> [bool; 2] {
        [("oci://reg.corp/my-app-config", self.fleet.registry.host()), ("http://git.corp/acme/my-app", self.git.host())]
            .map(|(artifact, proxy)| {
                let variables = variables(&proxy);
                let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let (run, _) = self.fleet.promote_in(&variables, &["tags", artifact]);
                assert!(run.code == 0 || run.code == 5, "{artifact} {variables:?}: {run}");
                run.code == 0
            })
    }
}

#[test]
fn a_registry_and_a_git_server_are_reached_through_whatever_names_a_proxy() {
    let behind = Behind::new();
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        let read = behind.are_read(|proxy| vec![(name, format!("http://{proxy}")), ("HTTPS_PROXY", DEAD.to_owned())]);
        assert_eq!(read, [true, true], "{name}");
    }
    // As curl and Git take it.
    assert_eq!(behind.are_read(|proxy| vec![("ALL_PROXY", proxy.to_owned())]), [true, true]);
    let other = [("NO_PROXY", "reg.corp:5000,git.corp:5000,192.0.2.0/24,example.com".to_owned())];
    assert_eq!(
        behind.are_read(|proxy| [("ALL_PROXY", format!("http://{proxy}"))].into_iter().chain(other.clone()).collect()),
        [true, true]
    );
}

#[test]
fn a_proxy_of_the_environment_goes_before_one_of_the_configuration() {
    let behind = Behind::new();
    let file = behind.fleet.path("home/promote.yaml");
    let configured = |proxy: &str| {
        std::fs::write(&file, format!("proxy: http://{proxy}\n")).expect("a file");
        ("PROMOTE_CONFIG", file.display().to_string())
    };
    assert_eq!(behind.are_read(|proxy| vec![configured(proxy)]), [true, true]);
    assert_eq!(behind.are_read(|proxy| vec![configured(proxy), ("HTTPS_PROXY", DEAD.to_owned())]), [true, true]);
    assert_eq!(behind.are_read(|proxy| vec![configured(proxy), ("HTTP_PROXY", DEAD.to_owned())]), [false, false]);
}

#[test]
fn this_machine_is_reached_without_any_proxy() {
    let fleet = on_github().variable("ALL_PROXY", DEAD).variable("http_proxy", DEAD);
    fleet.git(".", &["config", "--file", "home/.gitconfig", "http.proxy", DEAD]);
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(fleet.pulls().len(), 1, "{run}");
}

#[test]
fn a_proxy_that_no_client_can_use_is_an_error_where_it_is_needed() {
    let behind = Behind::new();
    for (url, artifact) in
        [("ftp://ci:hunter2@proxy.corp", "oci://reg.corp/my-app-config"), ("http://", "oci://reg.corp/x")]
    {
        let (run, _) = behind.fleet.promote_in(&[("ALL_PROXY", url)], &["tags", artifact]);
        assert_eq!(run.code, 2, "{run}");
        assert!(run.stderr.contains("the configured proxy is no URL of a proxy"), "{run}");
        assert!(!run.stderr.contains("hunter2"), "{run}");
    }
    let (run, _) = behind.fleet.promote_in(&[("ALL_PROXY", "ftp://proxy.corp")], &["tags", "oci://127.0.0.1:1/x"]);
    assert_eq!(run.code, 5, "{run}");
}
