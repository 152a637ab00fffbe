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
    fn fleet(&self, way: Way, name: &str) -> Sandbox {
        TAGS.into_iter().for_each(|tag| self.registry.push("acme/my-app-config", tag));
        let bare = self.git.bare(name, None);
        let sandbox = match way {
            Way::Http => Sandbox::on_server(&bare, &self.git.http_url(name), &self.git.host, &format!("git/{name}"))
                .git_login(&self.git.host, USER, PASSWORD),
            // The port of ssh says nothing of the forge.
            Way::Ssh => Sandbox::on_server(&bare, &self.git.ssh_url(name), "127.0.0.1", &format!("git/{name}"))
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
    let fleet = servers.fleet(way, "fleet");
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

/// A folder with an OpenPGP key of Ada's, and the agent that holds it.
struct Keyring(tempfile::TempDir);

impl Keyring {
    fn new() -> Self {
        // The agent's socket has a path of a hundred characters at most.
        let keyring = Self(tempfile::Builder::new().prefix("gpg").tempdir_in("/tmp").expect("a folder"));
        let user = "Ada Example <ada@example.com>";
        keyring.run("gpg", &["--batch", "--quiet", "--passphrase", "", "--quick-gen-key", user, "ed25519", "sign"]);
        keyring
    }

    fn home(&self) -> String {
        self.0.path().display().to_string()
    }

    /// The agent lives on, so nothing in its environment may be the sandbox's.
    fn run(&self, program: &str, arguments: &[&str]) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut command = std::process::Command::new(program);
        let command = command.args(arguments).env_clear().env("PATH", path).env("GNUPGHOME", self.0.path());
        let output =
            command.stdin(std::process::Stdio::null()).output().unwrap_or_else(|error| panic!("{program}: {error}"));
        assert!(output.status.success() || std::thread::panicking(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        self.run("gpgconf", &["--kill", "all"]);
    }
}

#[test]
fn a_commit_is_signed_as_git_signs_it_or_nothing_is_pushed() {
    let Some(servers) = Servers::start("plain") else { return };
    let keyring = Keyring::new();
    let openpgp = |fleet: Sandbox| {
        fleet.git(".", &["config", "--file", "home/.gitconfig", "commit.gpgSign", "true"]);
        fleet.variable("GNUPGHOME", &keyring.home())
    };
    let by_ssh: &dyn Fn(Sandbox) -> Sandbox = &Sandbox::sign_by_ssh;
    for (way, format, sign) in [(Way::Http, "ssh", by_ssh), (Way::Ssh, "openpgp", &openpgp)] {
        let fleet = sign(servers.fleet(way, &format!("{format}-fleet")));
        let run = fleet.promote(&["my-app", "v1.2.3"]);
        assert_eq!((run.code, fleet.pulls().len()), (0, 1), "{format}: {run}");
        let gnupg = [("GNUPGHOME", keyring.home())];
        let gnupg: Vec<(&str, &str)> = gnupg.iter().map(|(name, value)| (*name, value.as_str())).collect();
        fleet.git_with("remote.git", &["verify-commit", &fleet.branches()[0]], &gnupg);

        // Each time something that it takes is missing.
        for (key, value) in [
            ("gpg.program", "no-such-program"),
            ("gpg.ssh.program", "no-such-program"),
            ("user.signingKey", "~/absent"),
        ] {
            let fleet = sign(servers.fleet(way, &format!("{format}-{}", key.replace('.', "-"))));
            fleet.settle();
            let before = receives(&servers);
            fleet.git(".", &["config", "--file", "home/.gitconfig", key, value]);
            let is_needed = key == "user.signingKey" || key.starts_with("gpg.ssh") == (format == "ssh");
            let (run, wrote) = fleet.promote_once(&["my-app", "v1.2.3"]);
            assert_eq!((run.code, wrote), if is_needed { (8, false) } else { (0, true) }, "{format}: {key}: {run}");
            assert_eq!(fleet.branches().is_empty(), is_needed, "{format}: {key}: {run}");
            if is_needed {
                assert_eq!(receives(&servers), before, "{format}: {key}: {run}");
                assert!(run.stderr.contains("can't be signed"), "{format}: {key}: {run}");
            }
        }
    }
}

#[test]
fn what_the_users_git_would_run_or_send_elsewhere_has_no_effect() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(servers) = Servers::start("plain") else { return };
    for (way, name) in [(Way::Http, "hooked-http"), (Way::Ssh, "hooked-ssh")] {
        let fleet = servers.fleet(way, name);
        fleet.settle();
        let canary = fleet.path("canary").display().to_string();
        let plant = |path: PathBuf| {
            std::fs::write(&path, format!("#!/bin/sh\necho {} >>'{canary}'\n", path.display())).expect("a file");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
        };
        std::fs::create_dir_all(fleet.path("hooks")).expect("a folder");
        for hook in ["pre-push", "reference-transaction", "post-checkout", "pre-auto-gc", "commit-msg", "fsmonitor"] {
            plant(fleet.path("hooks").join(hook));
        }
        for program in ["git", "ssh", "gpg", "ssh-keygen", "git-remote-http"] {
            plant(fleet.path("fleet").join(program));
        }
        fleet.git(".", &["init", "-q", "--bare", "elsewhere.git"]);
        fleet.git(".", &["init", "-q", "other"]);
        let remote = fleet.git("fleet", &["remote", "get-url", "origin"]);
        let hooks = fleet.path("hooks").display().to_string();
        for (key, value) in [
            ("core.hooksPath", hooks.as_str()),
            ("core.fsmonitor", &format!("{hooks}/fsmonitor")),
            (&format!("url.{}.insteadOf", fleet.path("elsewhere.git").display()), remote.trim()),
            (&format!("url.{}.pushInsteadOf", fleet.path("elsewhere.git").display()), remote.trim()),
            ("core.pager", &format!("{hooks}/pre-push")),
            ("alias.push", &format!("!{hooks}/pre-push")),
            ("http.followRedirects", "true"),
            ("protocol.ext.allow", "always"),
        ] {
            fleet.git(".", &["config", "--file", "home/.gitconfig", key, value]);
        }
        let other = fleet.path("other/.git").display().to_string();
        let path = format!(".::{}:{}", fleet.path("bin").display(), std::env::var("PATH").expect("PATH"));
        let trace = fleet.path("trace").display().to_string();
        let mut fleet = fleet.variable("PATH", &path);
        for (name, value) in [
            ("GIT_DIR", other.as_str()),
            ("GIT_WORK_TREE", "/nonexistent"),
            ("GIT_INDEX_FILE", &format!("{other}/index")),
            ("GIT_OBJECT_DIRECTORY", "/nonexistent"),
            ("GIT_EXEC_PATH", "/nonexistent"),
            ("GIT_TRACE", &trace),
            ("GIT_TRACE_CURL", &trace),
            ("GIT_CONFIG_COUNT", "1"),
            ("GIT_CONFIG_KEY_0", "core.hooksPath"),
            ("GIT_CONFIG_VALUE_0", &hooks),
            ("GIT_ASKPASS", &format!("{hooks}/pre-push")),
            ("GIT_ALLOW_PROTOCOL", "ext"),
        ] {
            fleet = fleet.variable(name, value);
        }
        let run = fleet.promote(&["my-app", "v1.2.3"]);
        assert_eq!((run.code, fleet.pulls().len(), fleet.branches().len()), (0, 1, 1), "{name}: {run}");
        let ran = std::fs::read_to_string(fleet.path("canary")).unwrap_or_default();
        assert_eq!(ran, "", "{name}: {run}");
        assert!(!fleet.path("trace").exists(), "{name}: {run}");
        for untouched in ["elsewhere.git", "other"] {
            assert_eq!(fleet.git(untouched, &["for-each-ref"]), "", "{name}: {untouched}: {run}");
        }
        assert!(!fleet.path("other/.git/index").exists(), "{name}: {run}");
    }
}
