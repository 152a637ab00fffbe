//! The main job against real servers: Debian's docker-registry, nginx with `git http-backend`, sshd; with
//! `PROMOTE_REAL_SERVERS=1` only.
//!
//! The forge is the test forge, which checks every request and answer against GitHub's own API description.

#[path = "support/mod.rs"]
mod support;

use std::path::PathBuf;

use support::oracles;
use support::sandbox::Sandbox;
use support::servers::{self, PASSWORD, RealGit, RealRegistry, USER};
use support::world::World;

const STAGES: &str = "version: 1
stages:
  - name: staging
    environments: [{name: staging, path: clusters/staging}]
  - name: production
    environments: [{name: production, path: clusters/production}]
";
const PIN: &str = "clusters/production/my-app.yaml";
const TAGS: [&str; 4] = ["v1.2.1", "v1.2.2", "v1.2.3", "v2.0.0-rc.1"];

/// A registry and a Git server, in a folder of their own: no process of theirs is one that a run has left.
struct Servers {
    registry: RealRegistry,
    git: RealGit,
    _folder: tempfile::TempDir,
}

/// How the clone reaches its remote.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Http,
    Ssh,
}

impl Servers {
    /// Starts them; none, after saying so, unless somebody asks for them.
    fn start(mode: &'static str) -> Option<Self> {
        if std::env::var_os("PROMOTE_REAL_SERVERS").is_none_or(|value| value != "1") {
            println!("skipped: PROMOTE_REAL_SERVERS is not 1");
            return None;
        }
        let shared: PathBuf = support::shared::path(".")?;
        let missing = servers::missing();
        assert!(missing.is_empty(), "the real servers need {}", missing.join(", "));
        let folder = tempfile::Builder::new().prefix("promote-servers-").tempdir().expect("a folder");
        let registry = RealRegistry::start(&shared, &folder.path().join("registry"), mode);
        let git = RealGit::start(&shared, &folder.path().join("git"));
        Some(Self { registry, git, _folder: folder })
    }

    /// Staging follows a range, production is pinned to v1.2.1, and the registry has versions up to v1.2.3.
    fn fleet(&self, way: Way) -> Sandbox {
        TAGS.into_iter().for_each(|tag| self.registry.push("acme/my-app-config", tag));
        let bare = self.git.bare("fleet", None);
        let sandbox =
            match way {
                Way::Http => Sandbox::on_server(&bare, &self.git.http_url("fleet"), &self.git.host, "git/fleet")
                    .git_login(&self.git.host, USER, PASSWORD),
                // The port of ssh says nothing of the forge.
                Way::Ssh => Sandbox::on_server(&bare, &self.git.ssh_url("fleet"), "127.0.0.1", "git/fleet")
                    .variable("GIT_SSH_COMMAND", &self.git.ssh_command),
            };
        sandbox
            .registry_login(&self.registry.host, USER, PASSWORD)
            .file("promote.yaml", STAGES)
            .file("clusters/staging/my-app.yaml", &self.source("semver: \">=1.0.0 <2.0.0\""))
            .file(PIN, &self.source("tag: v1.2.1 # moved by promote"))
    }

    fn source(&self, reference: &str) -> String {
        format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata:\n  name: my-app\nspec:\n  \
             interval: 5m\n  insecure: true\n  url: oci://{}/acme/my-app-config\n  ref:\n    {reference}\n",
            self.registry.host
        )
    }
}

/// A dry run, a run, and the same run again: each with every oracle asserted.
fn one_promotion(mode: &'static str, way: Way) {
    let Some(servers) = Servers::start(mode) else { return };
    let fleet = servers.fleet(way);
    fleet.settle();
    let (start, pushes) = (World::of(&fleet), changes(&servers.registry.requests()));

    let (dry, _) = fleet.promote_once(&["my-app", "v1.2.3", "--dry-run"]);
    assert_eq!(dry.code, 0, "{dry}");
    assert!(dry.stdout.contains("+    tag: v1.2.3 # moved by promote"), "{dry}");
    let after_dry = World::of(&fleet);
    let forge = fleet.forge.as_ref().expect("a forge");
    assert_eq!((&start.refs, &start.clone, &start.home), (&after_dry.refs, &after_dry.clone, &after_dry.home), "{dry}");
    assert_eq!(forge.writes(), Vec::<String>::new(), "{dry}");
    assert_eq!(receives(&servers), 0, "{dry}");

    let (run, wrote) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert_eq!((run.code, wrote), (0, true), "{run}");
    let pulls = fleet.pulls();
    let branches = fleet.branches();
    assert_eq!((pulls.len(), branches.len()), (1, 1), "{run}");
    assert_eq!((&pulls[0].head, pulls[0].base.as_str()), (&branches[0], "main"), "{run}");
    assert!(run.stdout.contains(&format!("/pull/{}", pulls[0].number)), "{run}");
    let text = fleet.text_on(&branches[0], PIN);
    assert_eq!(text, servers.source("tag: v1.2.3 # moved by promote"), "{run}");
    assert!(fleet.message(&branches[0]).contains("Promote-To: v1.2.3"), "{run}");
    let (written, received, world) = (forge.writes(), receives(&servers), World::of(&fleet));

    let (again, wrote) = fleet.promote_once(&["my-app", "v1.2.3"]);
    oracles::converged(&world, &again, &World::of(&fleet));
    assert!(!wrote, "{again}");
    assert_eq!(fleet.pulls().len(), 1, "{again}");
    assert_eq!(forge.writes(), written, "a second run writes nothing: {again}");
    assert_eq!(receives(&servers), received, "a second run pushes nothing: {again}");
    assert_eq!(changes(&servers.registry.requests()), pushes, "the registry is only ever read");
    forge.assert_clean();
}

/// How many requests of a registry's access log are there to change something.
fn changes(log: &[String]) -> usize {
    let changes = ["\"POST ", "\"PUT ", "\"PATCH ", "\"DELETE "];
    log.iter().filter(|line| changes.iter().any(|method| line.contains(method))).count()
}

/// How often somebody asked to push, over HTTP.
fn receives(servers: &Servers) -> usize {
    servers.git.requests().iter().filter(|line| line.contains("git-receive-pack")).count()
}

#[test]
fn one_pull_request_over_http_with_a_registry_that_asks_for_a_login() {
    one_promotion("basic", Way::Http);
}

#[test]
fn one_pull_request_over_ssh_with_a_registry_that_lets_everybody_in() {
    one_promotion("plain", Way::Ssh);
}
