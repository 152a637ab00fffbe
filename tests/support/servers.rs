//! Real servers on loopback: Debian's docker-registry, and nginx with `git http-backend` beside sshd.
//!
//! The scripts that start them stand in the folder `shared` beside the repository. Each server has a folder and ports of
//! its own, and ends when it is dropped.
#![allow(dead_code)] // Each crate uses its own part of it.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Whom registry and Git server let in.
pub const USER: &str = "ci";
/// The password of the same.
pub const PASSWORD: &str = "s3cret";

/// Programs that the scripts need.
const PROGRAMS: [&str; 12] = [
    "bash",
    "curl",
    "docker-registry",
    "fcgiwrap",
    "git",
    "htpasswd",
    "jq",
    "nginx",
    "openssl",
    "ssh",
    "ssh-keygen",
    "sshd",
];

/// Returns what is missing of the programs that the scripts need.
pub fn missing() -> Vec<&'static str> {
    PROGRAMS.into_iter().filter(|name| !is_there(name)).collect()
}

/// Tells whether a program is there: servers stand where only an administrator's `PATH` looks.
pub fn is_there(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(usual).any(|folder| folder.join(name).is_file())
}

/// A running docker-registry.
pub struct RealRegistry {
    /// `127.0.0.1:PORT`.
    pub host: String,
    mode: &'static str,
    script: PathBuf,
    home: PathBuf,
    ports: Vec<(&'static str, String)>,
}

impl RealRegistry {
    /// Starts one: `plain` lets everybody in, `basic` asks for [`USER`] and [`PASSWORD`].
    pub fn start(shared: &Path, home: &Path, mode: &'static str) -> Self {
        let names = ["P_PLAIN", "P_BASIC", "P_TLS", "P_TOKEN", "P_AUTH", "P_OCI11"];
        let ports = ports(&names);
        let wanted = if mode == "basic" { "P_BASIC" } else { "P_PLAIN" };
        let port = ports.iter().find(|(name, _)| *name == wanted).map(|(_, port)| port.clone()).expect("a port");
        let host = format!("127.0.0.1:{port}");
        let script = shared.join("bench/registry.sh");
        let registry = Self { host, mode, script, home: home.to_owned(), ports };
        registry.run(&["up", mode]);
        registry
    }

    /// Pushes an artifact as `flux push artifact` does.
    pub fn push(&self, repository: &str, tag: &str) {
        let login = format!("{USER}:{PASSWORD}");
        let url = format!("http://{}", self.host);
        let mut arguments = vec!["push", &url, repository, tag];
        if self.mode == "basic" {
            arguments.extend(["-u", &login]);
        }
        self.run(&arguments);
    }

    /// Returns where it keeps what is pushed.
    pub fn store(&self) -> PathBuf {
        self.home.join(self.mode).join("data")
    }

    /// Returns the requests so far, as its access log has them.
    pub fn requests(&self) -> Vec<String> {
        lines(&self.home.join(self.mode).join("access.log"))
    }

    fn run(&self, arguments: &[&str]) {
        run(&self.script, arguments, &[("REG_HOME", self.home.display().to_string())], &self.ports, &self.home);
    }
}

impl Drop for RealRegistry {
    fn drop(&mut self) {
        self.run(&["down"]);
    }
}

/// Running Git servers for one folder of bare repositories: HTTP behind a login, and ssh.
pub struct RealGit {
    /// `127.0.0.1:PORT` of HTTP.
    pub host: String,
    /// Reaches [`RealGit::ssh_url`].
    pub ssh_command: String,
    ssh_port: String,
    script: PathBuf,
    home: PathBuf,
    ports: Vec<(&'static str, String)>,
}

impl RealGit {
    /// Starts both.
    pub fn start(shared: &Path, home: &Path) -> Self {
        let ports = ports(&["P_HTTP", "P_SSH"]);
        let port = |wanted: &str| ports.iter().find(|(name, _)| *name == wanted).map(|(_, port)| port.clone());
        let (http, ssh_port) = (port("P_HTTP").expect("a port"), port("P_SSH").expect("a port"));
        let script = shared.join("bench/forge_git.sh");
        let mut server = Self {
            host: format!("127.0.0.1:{http}"),
            ssh_command: String::new(),
            ssh_port,
            script,
            home: home.to_owned(),
            ports,
        };
        let said = server.run(&["up"]);
        let command = said.lines().find_map(|line| line.strip_prefix("GIT_SSH_COMMAND='")?.strip_suffix('\''));
        server.ssh_command = command.expect("the ssh command").to_owned();
        server.answer_as_a_forge();
        server
    }

    /// Lets the one key reach repositories by the path that HTTP has them under, as forges do it: by a forced command.
    fn answer_as_a_forge(&self) {
        let serve = self.home.join("ssh/serve");
        let script = format!(
            "#!/bin/sh\nset -f -- $SSH_ORIGINAL_COMMAND\ncase $1 in git-upload-pack|git-receive-pack) ;; *) exit 1 ;; \
             esac\npath=${{2#\\'}} path=${{path%\\'}}\nexec git \"${{1#git-}}\" '{}'\"${{path#/git}}\"\n",
            self.repositories().display()
        );
        fs::write(&serve, script).expect("a file");
        let keys = self.home.join("ssh/authorized_keys");
        let key = fs::read_to_string(&keys).expect("the key");
        fs::write(&keys, format!("command=\"sh {}\" {key}", serve.display())).expect("a file");
    }

    /// Makes a bare repository, a clone of `source` if there is one, and returns where it is.
    pub fn bare(&self, name: &str, source: Option<&Path>) -> PathBuf {
        let source = source.map(|path| path.display().to_string());
        self.run(&[&["bare", name], source.as_deref().as_slice()].concat());
        self.repositories().join(format!("{name}.git"))
    }

    /// Returns the URL of a repository over HTTP, without a login.
    pub fn http_url(&self, name: &str) -> String {
        format!("http://{}/git/{name}.git", self.host)
    }

    /// Returns the URL of a repository over ssh.
    pub fn ssh_url(&self, name: &str) -> String {
        format!("ssh://git@127.0.0.1:{}/git/{name}.git", self.ssh_port).replace("git@", &format!("{}@", user()))
    }

    /// Returns the requests over HTTP so far, as its access log has them.
    pub fn requests(&self) -> Vec<String> {
        lines(&self.home.join("nginx/access.log"))
    }

    fn repositories(&self) -> PathBuf {
        self.home.join("repos")
    }

    fn run(&self, arguments: &[&str]) -> String {
        run(&self.script, arguments, &[("GIT_HOME", self.home.display().to_string())], &self.ports, &self.home)
    }
}

impl Drop for RealGit {
    fn drop(&mut self) {
        self.run(&["down"]);
    }
}

/// Who sshd lets in: the user that runs it.
fn user() -> String {
    let output = Command::new("id").arg("-un").output().expect("id");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Finds a free port for each name: all are held until the last is found.
fn ports(names: &[&'static str]) -> Vec<(&'static str, String)> {
    let held: Vec<_> =
        names.iter().map(|name| (*name, TcpListener::bind("127.0.0.1:0").expect("a free port"))).collect();
    let port = |listener: &TcpListener| listener.local_addr().expect("an address").port().to_string();
    held.iter().map(|(name, listener)| (*name, port(listener))).collect()
}

/// Runs a script to its end and returns what it prints. A file takes the output: servers that it starts hold a pipe open.
fn run(
    script: &Path,
    arguments: &[&str],
    home: &[(&str, String)],
    ports: &[(&'static str, String)],
    folder: &Path,
) -> String {
    fs::create_dir_all(folder).expect("a folder");
    let said = folder.join("said");
    let open = || fs::File::create(&said).expect("a file");
    let status = Command::new("bash")
        .arg(script)
        .args(arguments)
        .envs(home.iter().map(|(name, value)| (*name, value)))
        .envs(ports.iter().map(|(name, port)| (*name, port)))
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .stdin(Stdio::null())
        .stdout(open())
        .stderr(fs::File::create(folder.join("complaints")).expect("a file"))
        .status()
        .expect("bash");
    let complaints = || fs::read_to_string(folder.join("complaints")).unwrap_or_default();
    assert!(status.success() || std::thread::panicking(), "{} {arguments:?}: {}", script.display(), complaints());
    fs::read_to_string(&said).unwrap_or_default()
}
