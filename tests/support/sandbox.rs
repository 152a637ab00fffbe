//! A fleet to promote in, with everything around it: a home, a remote, a clone that is in the middle of other work, a
//! registry, and secrets that must not turn up anywhere.
//!
//! ```ignore
//! let fleet = Sandbox::new().file("clusters/staging/my-app.yaml", STAGING).tags(&["v1.2.3"]);
//! let run = fleet.promote(&["my-app", "v1.2.3"]);
//! ```
//!
//! [`Sandbox::promote`] asserts the oracles after the run, and a second run after one that wrote.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::forge::{App, Forge, Kind, Pull};
use super::git_http::GitHttp;
use super::oracles;
use super::registry::{Login, Registry};
use super::world::World;

/// The registry that manifests name; the user's configuration says where it really is.
pub const REGISTRY: &str = "registry.example.com";
/// The artifact that [`Sandbox::tags`] pushes.
pub const ARTIFACT: &str = "my-app-config";

/// No run takes as long; one that does hangs.
const DEADLINE: Duration = Duration::from_secs(300);

/// What a run started may end a moment after it.
const PATIENCE: Duration = Duration::from_secs(5);

/// A secret, whom it belongs to, and the one host that may hear it.
#[derive(Clone, Debug)]
pub struct Canary {
    pub user: String,
    pub secret: String,
    /// Who may hear it.
    pub owner: Owner,
}

/// What goes wrong at a call of Git.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GitFault {
    /// It does nothing and says so.
    Fail,
    /// It does everything, and its answer is lost.
    Lose,
    /// The program is killed before it.
    Kill,
    /// The program is killed after it.
    KillAfter,
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// It goes well, but somebody else does something before: see [`Sandbox::meanwhile`].
    Meanwhile,
}

impl GitFault {
    /// Every fault.
    pub const ALL: [Self; 6] = [Self::Fail, Self::Lose, Self::Kill, Self::KillAfter, Self::Interrupt, Self::Terminate];

    fn word(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Lose => "lose",
            Self::Kill => "kill",
            Self::KillAfter => "kill-after",
            Self::Interrupt => "interrupt",
            Self::Terminate => "terminate",
            Self::Meanwhile => "meanwhile",
        }
    }
}

/// Who may hear a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    Registry,
    /// The forge, and the Git server beside it.
    Forge,
    Nobody,
}

/// How a command ended, and what it printed.
#[derive(Clone, Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub arguments: Vec<String>,
    /// Arguments of every `git` it started, a line each.
    pub git_calls: Vec<String>,
    /// Processes that were still alive when it had ended.
    pub left_alive: Vec<String>,
    folder: String,
    hosts: Vec<(String, String)>,
}

/// A fleet and everything around it.
pub struct Sandbox {
    folder: tempfile::TempDir,
    pub registry: Registry,
    pub forge: Option<Forge>,
    pub git_server: Option<GitHttp>,
    /// What the clone calls its remote, if a server that the sandbox didn't start has it.
    remote_url: Option<String>,
    pub canaries: Vec<Canary>,
    variables: BTreeMap<String, String>,
    is_pushed: Cell<bool>,
    has_clone: Cell<bool>,
    base_moves: Cell<bool>,
    commits: Cell<usize>,
    settings: RefCell<Vec<(String, String)>>,
}

impl Sandbox {
    /// An empty repository whose clone is in the middle of other work, and a registry that asks for a login.
    pub fn new() -> Self {
        let password = "canary/registry \"+%1";
        let login = Login::Basic { user: "robot$ci".to_owned(), password: password.to_owned() };
        let sandbox = Self {
            folder: tempfile::Builder::new().prefix("promote-test-").tempdir().expect("a folder"),
            registry: Registry::start().login(login),
            forge: None,
            git_server: None,
            remote_url: None,
            canaries: vec![
                canary("robot$ci", password, Owner::Registry),
                canary("x-access-token", "ghp_canaryForge0123456789", Owner::Forge),
                canary("x-access-token", "glpat-canaryNobody987654", Owner::Nobody),
            ],
            variables: BTreeMap::new(),
            is_pushed: Cell::new(true),
            has_clone: Cell::new(false),
            base_moves: Cell::new(false),
            commits: Cell::new(0),
            settings: RefCell::new(Vec::new()),
        };
        sandbox.furnish();
        let mirror = sandbox.registry.host();
        sandbox.setting(&format!("promote.{REGISTRY}.mirror"), &mirror)
    }

    /// The same, whose remote is a GitHub on loopback: `acme/fleet`, over HTTP with a token.
    pub fn on_github() -> Self {
        Self::on_forge(Kind::GitHub)
    }

    /// Logs in as a GitHub App in place of a token; the App is installed on the forge.
    pub fn by_app(mut self) -> Self {
        static KEY: std::sync::OnceLock<(String, String)> = std::sync::OnceLock::new();
        let (private, public) = KEY.get_or_init(key_of_an_app);
        self.forge.as_ref().expect("a forge").state().app = Some(App::new(public));
        self.forge.as_ref().expect("a forge").state().user = None;
        // No line of the key goes anywhere.
        let lines = private.lines().filter(|line| !line.starts_with("-----"));
        self.canaries.extend(lines.map(|line| canary("key", line, Owner::Nobody)));
        self.canaries.extend((1..=4).map(|nth| canary("x-access-token", &App::token(nth), Owner::Forge)));
        self.variable("GH_ENTERPRISE_TOKEN", "")
            .variable("GITHUB_ENTERPRISE_APP_ID", "4242")
            .variable("GITHUB_ENTERPRISE_APP_PRIVATE_KEY", private)
    }

    /// The same on a GitLab.
    pub fn on_gitlab() -> Self {
        Self::on_forge(Kind::GitLab)
    }

    /// The same on a Forgejo.
    pub fn on_forgejo() -> Self {
        Self::on_forge(Kind::Forgejo)
    }

    /// The same on a forge of another kind.
    pub fn on_forge(kind: Kind) -> Self {
        let sandbox = Self::new();
        let token = sandbox.canaries[1].secret.clone();
        let bare = sandbox.path("remote.git");
        let (forge, name, variable) = match kind {
            Kind::GitHub => (Forge::github("acme/fleet", Some(&bare), &token), "github", "GH_ENTERPRISE_TOKEN"),
            Kind::GitLab => (Forge::gitlab("acme/fleet", Some(&bare), &token), "gitlab", "GITLAB_TOKEN"),
            Kind::Forgejo => (Forge::forgejo("acme/fleet", Some(&bare), &token), "forgejo", "FORGEJO_TOKEN"),
        };
        let mut sandbox = sandbox.variable(variable, &token);
        fs::create_dir_all(sandbox.path("served/acme")).expect("a folder");
        // The remote keeps its place for those who look at it.
        fs::rename(sandbox.path("remote.git"), sandbox.path("served/acme/fleet.git")).expect("a move");
        link(&sandbox.path("served/acme/fleet.git"), &sandbox.path("remote.git"));
        let server = GitHttp::start_for(&sandbox.path("served"), forge.doorkeeper());
        let (host, api) = (server.host(), forge.api());
        sandbox.forge = Some(forge);
        sandbox.git_server = Some(server);
        sandbox.setting(&format!("promote.{host}.kind"), name).setting(&format!("promote.{host}.api"), &api)
    }

    /// The same, whose remote is an empty bare repository that a server has under a URL, with a GitHub beside it.
    ///
    /// `host` is the forge's in the user's configuration, `repository` its owner and name there.
    pub fn on_server(bare: &Path, url: &str, host: &str, repository: &str) -> Self {
        let mut sandbox = Self::new();
        let forge = Forge::github(repository, Some(bare), &sandbox.canaries[1].secret);
        let api = forge.api();
        // The remote keeps its place for those who look at it.
        fs::remove_dir_all(sandbox.path("remote.git")).expect("a folder");
        link(bare, &sandbox.path("remote.git"));
        sandbox.forge = Some(forge);
        sandbox.remote_url = Some(url.to_owned());
        sandbox.setting(&format!("promote.{host}.kind"), "github").setting(&format!("promote.{host}.api"), &api)
    }

    /// Gives Docker's configuration a login for another registry, and asserts of its password what holds for secrets.
    pub fn registry_login(mut self, host: &str, user: &str, password: &str) -> Self {
        let path = self.path("home/.docker/config.json");
        let text = fs::read_to_string(&path).expect("the logins");
        let mut logins: serde_json::Value = serde_json::from_str(&text).expect("the logins");
        logins["auths"][host] = serde_json::json!({"auth": base64(&format!("{user}:{password}"))});
        fs::write(&path, logins.to_string()).expect("a file");
        self.canaries.push(canary(user, password, Owner::Nobody));
        self
    }

    /// Gives Git's own credential helper a login for a server, and asserts of its password what holds for secrets.
    pub fn git_login(mut self, host: &str, user: &str, password: &str) -> Self {
        let line = format!("http://{user}:{password}@{}\n", host.replace(':', "%3a"));
        fs::write(self.path("home/.git-credentials"), line).expect("a file");
        readable_by_the_owner_alone(&self.path("home/.git-credentials"));
        self.git(".", &["config", "--file", "home/.gitconfig", &format!("credential.http://{host}.helper"), "store"]);
        self.canaries.push(canary(user, password, Owner::Nobody));
        self
    }

    /// Makes the folders, the home and the remote.
    fn furnish(&self) {
        for name in ["home/.docker", "tmp", "bin", "layouts"] {
            fs::create_dir_all(self.path(name)).expect("a folder");
        }
        let identity = "[user]\n\tname = Ada Example\n\temail = ada@example.com\n[init]\n\tdefaultBranch = main\n";
        fs::write(self.path("home/.gitconfig"), identity).expect("a file");
        let logins = serde_json::json!({"auths": {self.registry.host(): {"auth": base64(&format!(
            "{}:{}", self.canaries[0].user, self.canaries[0].secret
        ))}}});
        fs::write(self.path("home/.docker/config.json"), logins.to_string()).expect("a file");
        self.log_calls_of_git();
        self.git(".", &["init", "-q", "--bare", "remote.git"]);
        self.git("remote.git", &["config", "uploadpack.allowFilter", "true"]);
        self.git("remote.git", &["config", "uploadpack.allowAnySHA1InWant", "true"]);
        self.git(".", &["init", "-q", "seed"]);
        self.git("seed", &["remote", "add", "origin", "../remote.git"]);
        // The bytes go in as they are, CRLF included.
        fs::write(self.path("seed/.git/info/attributes"), "* -text\n").expect("a file");
    }

    /// Puts a `git` first in `PATH` that writes down its arguments, breaks where it is told to, and else is the real one.
    fn log_calls_of_git(&self) {
        let script = format!(
            r#"#!/bin/sh
log='{log}' fault='{fault}' git='{git}' version='{version}'
{{ printf '%s\t' "$@"; echo; }} >>"$log"
if [ "$1" = --version ] && [ -f "$version" ]; then cat "$version"; exit 0; fi
if [ -f "$fault" ]; then
  read -r nth what <"$fault"
  if [ "$(wc -l <"$log")" -eq "$nth" ] || [ "$nth" -eq 0 ]; then
    echo "$what" >"$fault.hit"
    case $what in
      fail) echo 'fatal: broken on purpose' >&2; exit 128 ;;
      lose) "$git" "$@" >/dev/null 2>&1; echo 'fatal: lost on purpose' >&2; exit 128 ;;
      kill) kill -9 $PPID; exit 128 ;;
      kill-after) "$git" "$@"; kill -9 $PPID; exit 128 ;;
      interrupt) kill -2 $PPID ;;
      terminate) kill -15 $PPID ;;
      meanwhile) sh '{meanwhile}' >&2 || exit 99 ;;
    esac
  fi
fi
exec "$git" "$@"
"#,
            log = self.path("git-calls").display(),
            fault = self.path("git-fault").display(),
            version = self.path("git-version").display(),
            meanwhile = self.path("meanwhile.sh").display(),
            git = program("git").display()
        );
        let path = self.path("bin/git");
        fs::write(self.path("git-calls"), "").expect("a file");
        fs::write(&path, script).expect("a file");
        executable(&path);
    }

    /// Puts a shell script first in `PATH`.
    pub fn program(self, name: &str, script: &str) -> Self {
        let path = self.path("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a file");
        executable(&path);
        self
    }

    /// Lets Git say that it is of another version.
    pub fn git_says(self, text: &str) -> Self {
        fs::write(self.path("git-version"), text).expect("a file");
        self
    }

    /// Lets somebody else move the base branch before the `nth` call of Git in the next run, or before all for 0:
    /// `change` is shell, run in a clone of theirs, whose `main` is then pushed, by force if it was rewritten.
    pub fn meanwhile(&self, nth: usize, change: &str) {
        self.base_will_move(change);
        self.break_git(nth, GitFault::Meanwhile);
    }

    /// Lets somebody else move the base branch before the forge answers the request after `after` others.
    pub fn meanwhile_at_the_forge(&self, after: usize, change: &str) {
        let script = self.base_will_move(change);
        let action = super::forge::Action::new(move || {
            let done = Command::new("sh").arg(&script).stdin(Stdio::null()).output().expect("sh");
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        });
        self.forge.as_ref().expect("a forge").fail_after(after, "", "", super::forge::What::Meanwhile(action));
    }

    /// Lets another run of the program come and go before the `nth` call of Git in the next run.
    pub fn meanwhile_promote(&self, nth: usize, arguments: &[&str]) {
        self.settle();
        let command = self.command(arguments);
        let quoted = |text: &std::ffi::OsStr| format!("'{}'", text.to_string_lossy().replace('\'', r"'\''"));
        let variables = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
        let variables = variables.map(|(name, value)| format!("{}={}", name.display(), quoted(value)));
        let words: Vec<String> = std::iter::once(command.get_program()).chain(command.get_args()).map(quoted).collect();
        // How it ends is seen by what it leaves.
        let script = format!(
            "rm '{fault}'\ncd '{clone}'\nenv -i {variables} {words} >'{said}' 2>&1 || true\n",
            fault = self.path("git-fault").display(),
            clone = self.path("fleet").display(),
            variables = variables.collect::<Vec<_>>().join(" "),
            words = words.join(" "),
            said = self.path("said-meanwhile").display(),
        );
        fs::write(self.path("meanwhile.sh"), script).expect("a file");
        self.break_git(nth, GitFault::Meanwhile);
    }

    /// Lets somebody do something to the base branch, in shell, before the `nth` call of Git in the next run.
    pub fn meanwhile_script(&self, nth: usize, script: &str) {
        self.settle();
        fs::write(self.path("meanwhile.sh"), script).expect("a file");
        self.base_moves.set(true);
        self.break_git(nth, GitFault::Meanwhile);
    }

    /// Writes the script by which somebody else moves the base branch, and returns its path.
    fn base_will_move(&self, change: &str) -> PathBuf {
        self.settle();
        if !self.path("theirs").exists() {
            self.git(".", &["clone", "-q", "remote.git", "theirs"]);
        }
        let script = format!(
            "set -e\nexport HOME='{home}' PATH='{path}'\nunset GIT_DIR\nfor name in $(env | sed -n 's/^\\(GIT_[A-Z_0-9]*\\)=.*/\\1/p'); do \
             unset $name; done\ncd '{theirs}'\n{change}\ngit push -q --force origin HEAD:main\n",
            home = self.path("home").display(),
            path = std::env::var("PATH").expect("PATH"),
            theirs = self.path("theirs").display(),
        );
        let path = self.path("meanwhile.sh");
        fs::write(&path, script).expect("a file");
        self.base_moves.set(true);
        path
    }

    /// Tells whether somebody else may move the base branch during a run.
    pub fn base_moves(&self) -> bool {
        self.base_moves.get()
    }

    /// Lets the `nth` call of Git in the next run break; the first is 1.
    pub fn break_git(&self, nth: usize, what: GitFault) {
        fs::write(self.path("git-fault"), format!("{nth} {}\n", what.word())).expect("a file");
        fs::remove_file(self.path("git-fault.hit")).ok();
    }

    /// Takes that back, and tells whether it has happened.
    pub fn mend_git(&self) -> bool {
        fs::remove_file(self.path("git-fault")).ok();
        fs::remove_file(self.path("git-fault.hit")).is_ok()
    }

    /// Writes a file of the repository; it is committed and pushed before the next run.
    pub fn file(self, path: &str, text: &str) -> Self {
        self.change(path, text);
        self
    }

    /// Writes a file of the repository later on, as somebody else would: committed and pushed before the next run.
    pub fn change(&self, path: &str, text: &str) {
        let path = self.path("seed").join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
        self.is_pushed.set(false);
    }

    /// Pushes versions of the one artifact that most tests need.
    pub fn tags(self, tags: &[&str]) -> Self {
        self.artifact(ARTIFACT, tags)
    }

    /// Pushes versions of an artifact.
    pub fn artifact(self, repository: &str, tags: &[&str]) -> Self {
        for tag in tags {
            self.registry.artifact(repository, tag);
        }
        self
    }

    /// Sets a key of the clone's Git configuration.
    pub fn setting(self, key: &str, value: &str) -> Self {
        self.settings.borrow_mut().push((key.to_owned(), value.to_owned()));
        if self.has_clone.get() {
            self.git("fleet", &["config", "--add", key, value]);
        }
        self
    }

    /// Has Git sign commits with a new ssh key, whose owner is known to whoever verifies them.
    pub fn sign_by_ssh(self) -> Self {
        let key = self.path("home/key");
        let made = Command::new(program("ssh-keygen"))
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "ada", "-f"])
            .arg(&key)
            .stdin(Stdio::null())
            .output()
            .expect("ssh-keygen");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let public = fs::read_to_string(self.path("home/key.pub")).expect("a key");
        fs::write(self.path("home/allowed"), format!("ada@example.com {public}")).expect("a file");
        for (name, value) in [
            ("commit.gpgSign", "true"),
            ("gpg.format", "ssh"),
            ("user.signingKey", "~/key"),
            ("gpg.ssh.allowedSignersFile", "~/allowed"),
        ] {
            self.git(".", &["config", "--file", "home/.gitconfig", name, value]);
        }
        self
    }

    /// Sets a variable of the environment.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Serves the registry's repositories from an OCI layout in place of the test registry.
    pub fn with_layout(self, repository: &str, tags: &[&str]) -> Self {
        let folder = self.path("layouts").join(repository);
        layout(&folder, repository, tags);
        let layouts = self.path("layouts").display().to_string();
        self.settings.borrow_mut().retain(|(key, _)| !key.ends_with(".mirror"));
        self.setting(&format!("promote.{REGISTRY}.layout"), &layouts)
    }

    /// Runs the program in the clone and asserts all that must hold after every run.
    ///
    /// A run that wrote is followed by a second one, which must change nothing.
    pub fn promote(&self, arguments: &[&str]) -> Run {
        let (run, wrote) = self.promote_once(arguments);
        if wrote && run.code == 0 {
            let before = World::of(self);
            let (again, _) = self.promote_once(arguments);
            oracles::converged(&before, &again, &World::of(self));
        }
        run
    }

    /// Runs the program once and asserts all that must hold but the convergence; tells whether the remote changed.
    pub fn promote_once(&self, arguments: &[&str]) -> (Run, bool) {
        self.promote_in(&[], arguments)
    }

    /// The same, with variables for this run alone.
    pub fn promote_in(&self, variables: &[(&str, &str)], arguments: &[&str]) -> (Run, bool) {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        self.run(command, arguments)
    }

    /// The same, started by a shell script, which finds the program and its arguments in `"$@"`.
    pub fn promote_by(&self, script: &str, arguments: &[&str]) -> (Run, bool) {
        let words = [&["-c", script, "sh", env!("CARGO_BIN_EXE_promote")], arguments].concat();
        self.run(self.command_of("sh", &words), arguments)
    }

    fn run(&self, mut command: Command, arguments: &[&str]) -> (Run, bool) {
        self.settle();
        let before = World::of(self);
        fs::write(self.path("git-calls"), "").expect("a file");
        let child = command.spawn().expect("the program");
        let run = self.finish(child, arguments);
        let after = World::of(self);
        oracles::assert_all(self, &before, &run, &after);
        let wrote = before.refs != after.refs;
        (run, wrote)
    }

    /// Returns the command, to be started by a test that does something to it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(env!("CARGO_BIN_EXE_promote"), arguments)
    }

    fn command_of(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.path("fleet"))
            .env_clear()
            .envs(self.environment())
            .env("GH_ENTERPRISE_TOKEN", &self.canaries[1].secret)
            // Tokens of hosts that no test speaks to.
            .envs(
                ["GH_TOKEN", "GITHUB_TOKEN", "GITLAB_TOKEN", "GITEA_TOKEN", "FORGEJO_TOKEN"]
                    .map(|name| (name, &self.canaries[2].secret)),
            )
            .envs(&self.variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the program as many times at once, each with its own arguments, and asserts of every run what must hold.
    pub fn promote_at_once(&self, all: &[&[&str]]) -> Vec<Run> {
        self.settle();
        let before = World::of(self);
        fs::write(self.path("git-calls"), "").expect("a file");
        let children: Vec<_> = all.iter().map(|one| self.command(one).spawn().expect("the program")).collect();
        let outputs: Vec<Output> = std::thread::scope(|scope| {
            let wait = |(child, one): (_, &&[&str])| {
                let arguments: Vec<String> = one.iter().map(|word| (*word).to_owned()).collect();
                scope.spawn(move || {
                    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                    within_deadline(child, &arguments)
                })
            };
            let waiting: Vec<_> = children.into_iter().zip(all).map(wait).collect();
            waiting.into_iter().map(|thread| thread.join().expect("an output")).collect()
        });
        let after = World::of(self);
        let runs: Vec<Run> = outputs.into_iter().zip(all).map(|(output, one)| self.run_of(&output, one)).collect();
        for run in &runs {
            oracles::assert_all(self, &before, run, &after);
        }
        runs
    }

    /// Waits for a run that was started by [`Sandbox::command`].
    pub fn finish(&self, child: std::process::Child, arguments: &[&str]) -> Run {
        self.run_of(&within_deadline(child, arguments), arguments)
    }

    fn run_of(&self, output: &Output, arguments: &[&str]) -> Run {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let calls = fs::read_to_string(self.path("git-calls")).expect("the log");
        Run {
            code: code(output),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
            arguments: arguments.iter().map(|one| (*one).to_owned()).collect(),
            git_calls: calls.lines().map(str::to_owned).collect(),
            left_alive: oracles::alive_in(self.folder.path(), PATIENCE),
            folder: self.folder.path().display().to_string(),
            hosts: self.hosts(),
        }
    }

    /// Commits and pushes what was written, and makes the clone if there is none yet.
    pub fn settle(&self) {
        if !self.is_pushed.replace(true) {
            let number = self.commits.get();
            self.commits.set(number + 1);
            let date = format!("2026-11-{:02}T09:00:00Z", 1 + number % 28);
            self.git("seed", &["add", "-A"]);
            let commit = ["commit", "-q", "--allow-empty", "-m", "Change the fleet", "--date", &date];
            self.git_with("seed", &commit, &[("GIT_COMMITTER_DATE", &date)]);
            self.git("seed", &["push", "-q", "origin", "HEAD:main"]);
        }
        if !self.has_clone.replace(true) {
            self.git(".", &["clone", "-q", "remote.git", "fleet"]);
            if let Some(server) = &self.git_server {
                let url = format!("http://{}/acme/fleet.git", server.host());
                self.git("fleet", &["remote", "set-url", "origin", &url]);
            }
            if let Some(url) = &self.remote_url {
                self.git("fleet", &["remote", "set-url", "origin", url]);
            }
            for (key, value) in self.settings.borrow().iter() {
                self.git("fleet", &["config", "--add", key, value]);
            }
            self.leave_work_in_the_clone();
        }
    }

    /// Staged, unstaged, untracked and stashed work, on a branch of the user's own.
    fn leave_work_in_the_clone(&self) {
        self.git("fleet", &["switch", "-q", "-c", "my-work", "--track", "origin/main"]);
        let write = |name: &str, text: &str| fs::write(self.path("fleet").join(name), text).expect("a file");
        write("mine.txt", "stashed\n");
        self.git("fleet", &["add", "mine.txt"]);
        self.git("fleet", &["stash", "-q"]);
        write("mine.txt", "staged\n");
        self.git("fleet", &["add", "mine.txt"]);
        write("mine.txt", "staged, and changed again\n");
        write("untracked.txt", "mine\n");
    }

    /// Returns the files of a commit's tree that differ from the base branch, as a diff without context.
    pub fn diff(&self, branch: &str) -> String {
        self.git("remote.git", &["diff", "--unified=0", "--no-color", "--no-ext-diff", &format!("main...{branch}")])
    }

    /// Returns the forge's pull requests.
    pub fn pulls(&self) -> Vec<Pull> {
        self.forge.as_ref().map(Forge::pulls).unwrap_or_default()
    }

    /// Returns the branches that the remote has below `promote/`.
    pub fn branches(&self) -> Vec<String> {
        let format = ["for-each-ref", "--format=%(refname:short)", "refs/heads/promote"];
        self.git("remote.git", &format).lines().map(str::to_owned).collect()
    }

    /// Returns the message of a branch's newest commit.
    pub fn message(&self, branch: &str) -> String {
        self.git("remote.git", &["log", "-1", "--format=%B", branch])
    }

    /// Returns a file's text on a branch of the remote.
    pub fn text_on(&self, branch: &str, path: &str) -> String {
        self.git("remote.git", &["show", &format!("{branch}:{path}")])
    }

    /// Returns a path in the sandbox: `fleet`, `seed`, `remote.git`, `home`, `tmp`, `layouts`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs Git itself, as somebody else would, and returns what it prints.
    pub fn git(&self, directory: &str, arguments: &[&str]) -> String {
        self.git_with(directory, arguments, &[])
    }

    /// Runs Git with variables besides.
    pub fn git_with(&self, directory: &str, arguments: &[&str], variables: &[(&str, &str)]) -> String {
        let output = Command::new(program("git"))
            .args(arguments)
            .current_dir(self.path(directory))
            .env_clear()
            .envs(self.environment())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            // Who signs is the program, not the one who prepares its fleet.
            .envs([("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "commit.gpgSign"), ("GIT_CONFIG_VALUE_0", "false")])
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .output()
            .expect("git");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {}: {said}", arguments.join(" "));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Returns a text without what differs from run to run: folders, ports, commit names, ages.
    pub fn shown(&self, text: &str) -> String {
        without_chance(text, &self.folder.path().display().to_string(), &self.hosts())
    }

    /// Returns the servers' addresses and what is shown in their place.
    fn hosts(&self) -> Vec<(String, String)> {
        let forge = self.forge.as_ref().map(|forge| (forge.url.trim_start_matches("http://").to_owned(), "[forge]"));
        let git = self.git_server.as_ref().map(|server| (server.host(), "[git]"));
        let all = [Some((self.registry.host(), "[registry]")), forge, git];
        all.into_iter().flatten().map(|(host, name)| (host, name.to_owned())).collect()
    }

    fn environment(&self) -> BTreeMap<String, String> {
        let path = std::env::var("PATH").expect("PATH");
        BTreeMap::from([
            ("PATH".to_owned(), format!("{}:{path}", self.path("bin").display())),
            ("HOME".to_owned(), self.path("home").display().to_string()),
            ("TMPDIR".to_owned(), self.path("tmp").display().to_string()),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ])
    }
}

/// Standard output; then standard error and the exit code if there is something to say.
impl fmt::Display for Run {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.shown(&self.stdout))?;
        if !self.stderr.is_empty() {
            write!(formatter, "--- stderr\n{}", self.shown(&self.stderr))?;
        }
        if self.code != 0 {
            write!(formatter, "--- exit {}", self.code)?;
        }
        Ok(())
    }
}

impl Run {
    /// Returns a text without what differs from run to run: folders, ports, commit names, ages.
    pub fn shown(&self, text: &str) -> String {
        without_chance(text, &self.folder, &self.hosts)
    }

    /// Returns which calls of Git were pushes; the first is 1.
    pub fn pushes(&self) -> Vec<usize> {
        let calls = self.git_calls.iter().enumerate();
        let pushes = calls.filter(|(_, call)| call.split('\t').any(|word| word == "push"));
        pushes.map(|(index, _)| index + 1).collect()
    }

    /// Returns which call of Git was the first push.
    pub fn push(&self) -> usize {
        *self.pushes().first().unwrap_or_else(|| panic!("no push: {self}"))
    }

    /// Returns standard output as one JSON document.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }
}

fn without_chance(text: &str, folder: &str, hosts: &[(String, String)]) -> String {
    let mut shown = text.replace(folder, "[sandbox]");
    for (host, name) in hosts {
        shown = shown.replace(host, name);
    }
    for (pattern, name) in [
        (r"\b[0-9a-f]{40}\b", "[commit]"),
        (r"\b(main|HEAD) [0-9a-f]{7}\b", "$1 [commit]"),
        (r"\bbase [0-9a-f]{7}\b", "base [commit]"),
        (r"\b\d+ (s|min|h|days?) ago\b", "[age] ago"),
        (r"\bfetch \d+\.\d s\b", "fetch [time]"),
        (r"promote-test-\w+", "[sandbox]"),
    ] {
        shown = regex::Regex::new(pattern).expect("a pattern").replace_all(&shown, name).into_owned();
    }
    shown
}

/// Waits for a child; kills one that hangs.
fn within_deadline(child: std::process::Child, arguments: &[&str]) -> Output {
    let id = child.id();
    let (tell, told) = mpsc::channel();
    let waiter = std::thread::spawn(move || {
        let output = child.wait_with_output();
        tell.send(()).ok();
        output
    });
    if told.recv_timeout(DEADLINE).is_err() {
        Command::new("kill").args(["-9", &id.to_string()]).status().ok();
        panic!("promote {} hangs", arguments.join(" "));
    }
    waiter.join().expect("a thread").expect("an output")
}

#[cfg(unix)]
fn code(output: &Output) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or_default())
}

#[cfg(not(unix))]
fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

fn canary(user: &str, secret: &str, owner: Owner) -> Canary {
    Canary { user: user.to_owned(), secret: secret.to_owned(), owner }
}

/// Makes a key of the form that GitHub gives: the private and the public half.
pub fn key_of_an_app() -> (String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |arguments: &[&str]| {
        let output = Command::new(program("ssh-keygen"))
            .args(arguments)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .output()
            .expect("ssh-keygen");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    run(&["-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "", "-C", "", "-f", "key"]);
    let public = run(&["-e", "-m", "PEM", "-f", "key.pub"]);
    (fs::read_to_string(folder.path().join("key")).expect("a key"), public)
}

#[cfg(unix)]
fn link(target: &Path, at: &Path) {
    std::os::unix::fs::symlink(target, at).expect("a link");
}

#[cfg(not(unix))]
fn link(target: &Path, at: &Path) {
    panic!("no link from {} to {} here", at.display(), target.display());
}

#[cfg(unix)]
fn executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a mode");
}

#[cfg(not(unix))]
fn executable(_: &Path) {}

#[cfg(unix)]
fn readable_by_the_owner_alone(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("a mode");
}

#[cfg(not(unix))]
fn readable_by_the_owner_alone(_: &Path) {}

/// Finds a program as the shell would.
///
/// A child with a `PATH` of its own whose program is only named is forked, with all of our memory, instead of spawned.
pub fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").expect("PATH");
    let candidates = std::env::split_paths(&path).map(|folder| folder.join(name));
    candidates.into_iter().find(|candidate| candidate.is_file()).expect("a program")
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// Writes an OCI image layout with artifacts as `flux push artifact` makes them.
fn layout(folder: &Path, repository: &str, tags: &[&str]) {
    use super::registry::{OCI_INDEX, OCI_MANIFEST, digest, flux_manifest};

    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs).expect("a folder");
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("a file");
    let entries: Vec<serde_json::Value> = tags
        .iter()
        .map(|tag| {
            let manifest = flux_manifest(repository, tag);
            let digest = digest(&manifest);
            fs::write(blobs.join(digest.trim_start_matches("sha256:")), &manifest).expect("a file");
            serde_json::json!({"mediaType": OCI_MANIFEST, "digest": digest, "size": manifest.len(),
                "annotations": {"org.opencontainers.image.ref.name": tag}})
        })
        .collect();
    let index = serde_json::json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries});
    fs::write(folder.join("index.json"), index.to_string()).expect("a file");
}
