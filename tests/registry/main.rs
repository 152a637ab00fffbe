//! The registry room against a registry on loopback: what counts as existing, complete and trusted.

#[path = "../support/ferro.rs"]
mod ferro_server;
#[path = "../support/listener.rs"]
mod listener;
#[path = "../support/registry.rs"]
mod registry;

mod credentials;
mod faults;
mod ferro;
mod helm;
mod http2;
mod layouts;
mod logins;
mod manifests;
mod messages;
mod probe;
mod proxy;
mod real;
mod redirects;
mod referrers;
#[cfg(unix)]
mod signatures;
mod tags;
mod tls;

use std::path::PathBuf;
use std::time::Duration;

use promote::http::{self, Http, Token};
use promote::model::{Exit, OciRepository, Problem};
use promote::registry::{
    CredentialSettings, Error, HostSettings, ManifestKind, ManifestReference, Registries, Settings,
};

use listener::{Listener, assert_no_secret};
use registry::{Fault, Login, OCI_INDEX, OCI_MANIFEST, Pages, Registry};

const PASSWORD: &str = "s3cr3t/ \"+%";

/// Settings in which no wait before another try is long; deadlines are, for machines with much else to do.
fn patient() -> http::Settings {
    http::Settings { attempts: 3, backoff: Duration::from_millis(1), ..http::Settings::default() }
}

/// Settings for a server that never says anything or never ends.
fn hasty(limit: Duration) -> http::Settings {
    http::Settings { idle_timeout: limit, request_timeout: limit * 2, ..patient() }
}

fn registries(settings: Settings) -> Registries {
    let http = http::Settings { hosts: settings.http_hosts(), ..patient() };
    Registries::new(Http::new(http).unwrap(), settings)
}

fn anonymous() -> Registries {
    registries(Settings::default())
}

fn login_for(host: &str, user: &str, password: &str) -> CredentialSettings {
    use base64::Engine as _;
    let auth = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    let text = serde_json::json!({"auths": {host: {"auth": auth}}}).to_string();
    CredentialSettings { inline: Some(Token::new(text)), ..CredentialSettings::default() }
}

fn logged_in(registry: &Registry) -> Registries {
    let credentials = login_for(&registry.host(), "ci", PASSWORD);
    registries(Settings { credentials, ..Settings::default() })
}

/// Returns a host that refuses connections for as long as the socket lives: its port is taken, and nobody listens.
fn refusing() -> (tokio::net::TcpSocket, String) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let host = socket.local_addr().unwrap().to_string();
    (socket, host)
}

fn app(registry: &Registry) -> OciRepository {
    OciRepository::parse(&format!("{}/acme/my-app", registry.host())).unwrap()
}

fn tag(text: &str) -> ManifestReference {
    ManifestReference::Tag(text.parse().unwrap())
}

fn code<T: std::fmt::Debug>(outcome: &Result<T, Error>) -> (&'static str, Exit) {
    match outcome {
        Ok(_) => ("ok", Exit::Done),
        Err(error) => (error.code(), error.exit()),
    }
}

fn basic() -> Login {
    Login::Basic { user: "ci".into(), password: PASSWORD.into() }
}

fn token_login() -> Login {
    Login::Token { realm: None, user: Some(("ci".into(), PASSWORD.into())), identity: None, lasts: 0, expires_in: 300 }
}
