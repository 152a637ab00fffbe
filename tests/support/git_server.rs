//! Real Git servers on loopback: smart HTTP behind nginx with a login, and sshd.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

/// `git http-backend` behind nginx and an sshd, for one folder of bare repositories; both end with it.
pub struct GitServer {
    home: tempfile::TempDir,
    script: PathBuf,
    http_port: u16,
    ssh_port: u16,
}

impl GitServer {
    /// Starts both where real servers are asked for by `PROMOTE_REAL_SERVERS=1`; says so where they are not.
    pub fn start() -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/bench/forge_git.sh");
        let is_asked_for = std::env::var_os("PROMOTE_REAL_SERVERS").is_some_and(|value| value == "1");
        let is_required = std::env::var_os("PROMOTE_REQUIRE_SHARED").is_some_and(|value| value == "1");
        assert!(script.exists() || !is_required, "{} is required", script.display());
        if !is_asked_for || !script.exists() {
            eprintln!("skipped: needs PROMOTE_REAL_SERVERS=1 and {}", script.display());
            return None;
        }
        let home = tempfile::tempdir().expect("a folder");
        let free =
            || TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
        let server = Self { home, script, http_port: free(), ssh_port: free() };
        server.run(&["up"]);
        Some(server)
    }

    /// Makes `NAME.git` from a repository.
    pub fn serve(&self, name: &str, source: &Path) {
        self.run(&["bare", name, &source.display().to_string()]);
    }

    /// The folder of a served repository.
    pub fn repository(&self, name: &str) -> PathBuf {
        self.home.path().join(format!("repos/{name}.git"))
    }

    /// Its address over HTTP. The login is `ci` with `s3cret`.
    pub fn http(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/git/{name}.git", self.http_port)
    }

    /// Its address over ssh.
    pub fn ssh(&self, name: &str) -> String {
        let user = Command::new("id").arg("-un").output().expect("id").stdout;
        let user = String::from_utf8_lossy(&user).trim().to_owned();
        format!("ssh://{user}@127.0.0.1:{}{}", self.ssh_port, self.repository(name).display())
    }

    /// An ssh command that logs in, and knows the server's key if `known_hosts` says so.
    pub fn ssh_command(&self, known_hosts: &str) -> String {
        let folder = self.home.path().join("ssh");
        format!(
            "ssh -F none -i {} -o UserKnownHostsFile={} -o GlobalKnownHostsFile=/dev/null -o IdentitiesOnly=yes",
            folder.join("id").display(),
            folder.join(known_hosts).display()
        )
    }

    fn run(&self, arguments: &[&str]) {
        let output = Command::new("bash")
            .arg(&self.script)
            .args(arguments)
            .env("GIT_HOME", self.home.path())
            .env("P_HTTP", self.http_port.to_string())
            .env("P_SSH", self.ssh_port.to_string())
            .output()
            .expect("bash");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        self.run(&["down"]);
    }
}
