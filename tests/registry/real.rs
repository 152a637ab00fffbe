//! Real servers, where they are installed and asked for.

use super::*;

/// The four servers of `registry.sh`, stopped when dropped.
struct RealServers {
    script: PathBuf,
    home: tempfile::TempDir,
    ports: [u16; 5],
}

impl RealServers {
    /// Starts them, if the run asks for it and they are installed here.
    fn start() -> Option<Self> {
        if std::env::var_os("PROMOTE_REAL_SERVERS").is_none() {
            println!("skipped: PROMOTE_REAL_SERVERS is not set");
            return None;
        }
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/bench/registry.sh");
        assert!(script.exists(), "PROMOTE_REAL_SERVERS is set, and `{}` is missing", script.display());
        let free: Vec<_> = (0..5).map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let ports = std::array::from_fn(|at| free[at].local_addr().unwrap().port());
        drop(free);
        let servers = Self { script, home: tempfile::tempdir().unwrap(), ports };
        servers.run(&["up", "all"]);
        Some(servers)
    }

    fn run(&self, arguments: &[&str]) -> String {
        let names = ["P_PLAIN", "P_BASIC", "P_TLS", "P_TOKEN", "P_AUTH"];
        let ports = names.iter().zip(self.ports).map(|(name, port)| (*name, port.to_string()));
        let output = std::process::Command::new("bash")
            .arg(&self.script)
            .args(arguments)
            .env("REG_HOME", self.home.path())
            .envs(ports)
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn ca(&self) -> PathBuf {
        self.home.path().join("certs/ca.crt")
    }
}

impl Drop for RealServers {
    fn drop(&mut self) {
        self.run(&["down"]);
    }
}

/// Curl's way past the token server: a token for pushing.
fn push_token(servers: &RealServers, repository: &str) -> String {
    let url = format!(
        "http://127.0.0.1:{}/token?service=promote-registry&scope=repository:{repository}:pull,push",
        servers.ports[4]
    );
    let output = std::process::Command::new("curl")
        .args(["-sS", "-f", "--retry", "20", "--retry-connrefused", "--retry-delay", "1", "-u", "ci:s3cret", &url])
        .output()
        .unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    format!("Authorization: Bearer {}", answer["token"].as_str().unwrap())
}

#[tokio::test]
async fn docker_registry_is_read_plain_by_password_over_tls_and_by_token() {
    let Some(servers) = RealServers::start() else { return };
    let [plain, basic, tls, token, auth] = servers.ports;
    let ca = servers.ca().display().to_string();
    let bearer = push_token(&servers, "acme/my-app");
    for (scheme, port, extra) in [
        ("http", plain, vec![]),
        ("http", basic, vec!["-u", "ci:s3cret"]),
        ("https", tls, vec!["--cacert", ca.as_str()]),
        ("http", token, vec!["-H", bearer.as_str()]),
    ] {
        let (url, host) = (format!("{scheme}://127.0.0.1:{port}"), format!("127.0.0.1:{port}"));
        let push = |tag: &str| servers.run(&[vec!["push", &url, "acme/my-app", tag], extra.clone()].concat());
        let digests = [push("v1.0.0"), push("v1.1.0")];
        let own = HostSettings {
            ca: (scheme == "https").then(|| servers.ca()),
            realms: vec![format!("127.0.0.1:{auth}")],
            ..HostSettings::default()
        };
        let settings = Settings {
            registries: [(host.clone(), own)].into(),
            credentials: login_for(&host, "ci", "s3cret"),
            ..Settings::default()
        };
        let registries = registries(settings);
        let app = OciRepository::parse(&format!("{host}/acme/my-app")).unwrap();
        let mut tags = registries.tags(&app).await.unwrap().to_vec();
        tags.sort();
        assert_eq!(tags, ["v1.0.0", "v1.1.0"], "{url}");
        let manifest = registries.manifest(&app, &self::tag("v1.1.0")).await.unwrap();
        assert_eq!(manifest.digest.to_string(), digests[1], "{url}");
        let by_digest = ManifestReference::Digest(digests[0].parse().unwrap());
        assert!(registries.manifest(&app, &by_digest).await.is_ok(), "{url}");
        let absent = registries.manifest(&app, &self::tag("v9.9.9")).await;
        assert_eq!(code(&absent), ("not-found", Exit::Refused), "{url}");
        let nobody = OciRepository::parse(&format!("{host}/acme/nobody")).unwrap();
        assert_eq!(code(&registries.tags(&nobody).await), ("repository-not-found", Exit::Refused), "{url}");
    }
    // Without the CA: found out to speak TLS, and not trusted.
    let app = OciRepository::parse(&format!("127.0.0.1:{tls}/acme/my-app")).unwrap();
    assert_eq!(code(&anonymous().tags(&app).await), ("certificate-untrusted", Exit::Untrusted));
}
