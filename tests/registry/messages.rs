//! What people read when a registry can't be read.

use promote::http::Origin;
use promote::registry::{LoginSource, LoginUsed};

use super::*;

fn shown(errors: Vec<Error>) -> String {
    let line = |error: &Error| {
        let hint = error.hint().map(|hint| format!("\n  help: {hint}")).unwrap_or_default();
        format!("{} {}: {error}{hint}", error.exit().code(), error.code())
    };
    errors.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn origin() -> Origin {
    Origin::of(&"https://reg.example/v2/".parse().unwrap())
}

fn artifact() -> OciRepository {
    OciRepository::parse("reg.example/acme/my-app").unwrap()
}

fn used(source: LoginSource, withheld: Option<&str>) -> Box<LoginUsed> {
    Box::new(LoginUsed { source, withheld: withheld.map(str::to_owned) })
}

#[test]
fn what_is_not_there() {
    let (artifact, registry) = (artifact(), "reg.example".to_owned());
    let repository = "https://charts.example/stable".to_owned();
    insta::assert_snapshot!(shown(vec![
        Error::NoRepository { artifact: artifact.clone(), registry },
        Error::NotFound { artifact, reference: "v1.2.3".into() },
        Error::NoIndex { repository: repository.clone() },
        Error::NoChart { repository, chart: "shop".into() },
    ]), @r"
    3 repository-not-found: `reg.example` has no repository `acme/my-app`
    3 not-found: `reg.example/acme/my-app` has no `v1.2.3`
    3 index-not-found: `https://charts.example/stable` has no `index.yaml`
    3 chart-not-found: `https://charts.example/stable` has no chart `shop`
    ");
}

#[test]
fn who_is_not_let_in() {
    let denied = |login| Error::Denied { artifact: artifact(), registry: "reg.example".into(), status: 401, login };
    let file = || LoginSource::File("/home/ci/.docker/config.json".into());
    let helper = LoginSource::Helper { file: Some("/home/ci/.docker/config.json".into()), name: "ecr-login".into() };
    insta::assert_snapshot!(shown(vec![
        denied(used(LoginSource::Nowhere, None)),
        denied(used(helper, None)),
        denied(used(LoginSource::Nowhere, Some("auth.example"))),
        Error::LoginRefused { server: "auth.example".into(), registry: "reg.example".into(), login: used(file(), None) },
        Error::LoginScheme { registry: "reg.example".into(), scheme: "negotiate".into() },
        Error::Realm { registry: "reg.example".into(), realm: "https://10.0.0.1/".into(), reason: "is inside a private network" },
        Error::Withheld { registry: "reg.example".into(), server: "auth.example".into() },
        Error::IndexDenied { repository: "https://charts.example/stable".into(), status: 401, login: used(LoginSource::Nowhere, None) },
        Error::LoginFile { path: "/home/ci/.docker/config.json".into(), source: None },
        Error::Helper { name: "pass".into(), reason: "is not in PATH".into() },
    ]), @r"
    4 registry-denied: `reg.example` refuses to read `acme/my-app` with status 401 (no login)
      help: log in with `docker login reg.example`; registries answer the same for what does not exist
    4 registry-denied: `reg.example` refuses to read `acme/my-app` with status 401 (login from /home/ci/.docker/config.json (helper ecr-login))
      help: check that the login may read it, or log in again with `docker login reg.example`; registries answer the same for what does not exist
    4 registry-denied: `reg.example` refuses to read `acme/my-app` with status 401 (no login)
      help: if the token server `auth.example` belongs to the registry, and may get the login, add `realms: [auth.example]` for `reg.example` in your own configuration
    4 login-refused: `auth.example` refuses access (login from /home/ci/.docker/config.json)
      help: check that the login may read it, or log in again with `docker login reg.example`; registries answer the same for what does not exist
    4 login-unknown: `reg.example` asks for a login by `negotiate`, which is none that registries use
    7 realm-untrusted: `reg.example` sends logins to `https://10.0.0.1/`, which is inside a private network
      help: if that is right, add it to `realms:` of `reg.example` in your own configuration
    4 login-withheld: the login for `reg.example` was kept from the token server `auth.example`
      help: if the token server `auth.example` belongs to the registry, and may get the login, add `realms: [auth.example]` for `reg.example` in your own configuration
    4 index-denied: `https://charts.example/stable` refuses its `index.yaml` with status 401 (no login)
      help: log in with `docker login charts.example`; registries answer the same for what does not exist
    4 login-unreadable: the logins in `/home/ci/.docker/config.json` can't be read
      help: repair the file, or log in again with `docker login`
    4 helper-failed: the credential helper `docker-credential-pass` is not in PATH
      help: try `docker-credential-pass get` by hand
    ");
}

#[test]
fn what_is_not_trusted() {
    let digest: promote::model::Digest = registry::digest(b"").parse().unwrap();
    insta::assert_snapshot!(shown(vec![
        Error::Answer { url: "https://reg.example/v2/a/tags/list".into(), status: 200, problem: "no list of tags".into(), excerpt: "<html>".into() },
        Error::DigestDiffers { artifact: artifact(), announced: "sha256:00".into(), sent: digest },
        Error::Pages { artifact: artifact(), reason: "its pages go in a circle".into() },
        Error::Layout { path: "registry/acme/my-app/index.json".into(), problem: "is no index".into() },
        Error::LayoutFile { path: "registry".into(), source: std::sync::Arc::new(std::io::ErrorKind::NotFound.into()) },
        http::Error::TooLarge { url: "https://reg.example/v2/a/tags/list".into(), cap: 8_388_608 }.into(),
        http::Error::Moved { from: "https://reg.example/v2/a".into(), to: "https://new.example/v2/a".into() }.into(),
        http::Error::Redirect { url: "https://reg.example/v2/a".into(), status: 301 }.into(),
        http::Error::Redirects { url: "https://reg.example/v2/a".into() }.into(),
    ]), @r"
    7 answer-unusable: `https://reg.example/v2/a/tags/list` answered 200 with no list of tags: `<html>`
    7 digest-differs: `reg.example/acme/my-app` announced `sha256:00` and sent `sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855`
    7 list-incomplete: the tag list of `reg.example/acme/my-app` is incomplete: its pages go in a circle
      help: an incomplete list decides nothing; ask whoever runs the registry
    7 layout-broken: `registry/acme/my-app/index.json` is no index
    8 layout-unreadable: `registry` can't be read
      help: check `layout:` in your own configuration
    7 answer-too-large: the answer of `https://reg.example/v2/a/tags/list` is larger than 8388608 bytes
    7 moved: `https://reg.example/v2/a` has moved to `https://new.example/v2/a`
      help: if the new address is right, write it where the old one stands
    7 redirect-broken: `https://reg.example/v2/a` answered 301 without saying where to go
    7 redirect-broken: `https://reg.example/v2/a` redirects too often
    ");
}

#[test]
fn what_does_not_come_about() {
    insta::assert_snapshot!(shown(vec![
        http::Error::Timeout { origin: origin(), limit: Duration::from_secs(30) }.into(),
        http::Error::Unavailable { origin: origin(), status: 503, wait: None }.into(),
        http::Error::Unavailable { origin: origin(), status: 429, wait: Some(Duration::from_secs(3600)) }.into(),
        http::Error::PlainHttp { host: "reg.example:5000".into() }.into(),
        http::Error::Scheme { url: "ftp://reg.example".into() }.into(),
        http::Error::Credentials { url: "https://reg.example/".into() }.into(),
        http::Error::ProxyAuthentication { origin: origin() }.into(),
        http::Error::Proxy.into(),
        http::Error::Ca { path: "/etc/ca.pem".into(), source: None }.into(),
        http::Error::Token.into(),
    ]), @r"
    5 timeout: `https://reg.example` did not answer within 30 s
      help: run it again
    5 unavailable: `https://reg.example` is not available now: status 503
      help: run it again later
    5 unavailable: `https://reg.example` is not available now: status 429, it asks to wait 3600 s
      help: run it again in 3600 s
    2 plain-http: `reg.example:5000` would be asked over plain HTTP
      help: use `https`, or set `plain_http: true` for `reg.example:5000` in your own configuration
    2 url-unusable: `ftp://reg.example` is no URL that can be asked
    2 url-with-credentials: `https://reg.example/` holds a user name or password
      help: remove them from the URL; logins come from Docker's `config.json`, tokens or a credential helper
    4 proxy-login: the proxy on the way to `https://reg.example` asks for a login
      help: give the proxy's user and password in `HTTPS_PROXY`, as `http://user:password@host:port`
    2 proxy-unusable: the configured proxy is no URL of a proxy
      help: write it as `http://host:port`
    8 ca-unusable: `/etc/ca.pem` holds no certificate that can be read
      help: name a file of certificates in PEM form
    4 token-unusable: a token or password holds a character that can't be sent, such as a line break
    ");
}

#[tokio::test]
async fn what_the_connection_says() {
    let (_socket, gone) = refusing();
    let (dropped, tls, plain) = (Registry::start(), Registry::start_tls(), Registry::start());
    dropped.fault(0, Fault::Dropped);
    let http = Http::new(patient()).unwrap();
    let mut errors = Vec::new();
    for url in [
        format!("http://{gone}/v2/"),
        format!("http://{}/v2/", dropped.host()),
        format!("https://{}/v2/", tls.host()),
        format!("https://{}/v2/", plain.host()),
    ] {
        errors.push(http.send(http::Request::get(url.parse().unwrap(), 10)).await.unwrap_err().into());
    }
    let port = regex::Regex::new(r"127\.0\.0\.1:[0-9]+").unwrap();
    let text = port.replace_all(&shown(errors), "127.0.0.1:PORT").into_owned();
    insta::assert_snapshot!(text, @r"
    5 unreachable: `http://127.0.0.1:PORT` can't be reached
      help: check the name and the network; behind a proxy set `HTTPS_PROXY`, or `proxy:` in your own configuration
    5 answer-cut: `http://127.0.0.1:PORT` broke off its answer
      help: run it again
    7 certificate-untrusted: the certificate of `https://127.0.0.1:PORT` can't be trusted
      help: if `127.0.0.1:PORT` uses a CA of your own, set `SSL_CERT_FILE`, or `ca: FILE` for `127.0.0.1:PORT` in your own configuration
    7 tls-broken: `https://127.0.0.1:PORT` does not speak TLS as it should
      help: if `127.0.0.1:PORT` only speaks plain HTTP, set `plain_http: true` for `127.0.0.1:PORT` in your own configuration
    ");
}

#[test]
fn registries_of_clouds_have_a_way_in_of_their_own() {
    let hint = |registry: &str| {
        let registry = registry.to_owned();
        let login = used(LoginSource::Nowhere, None);
        Error::LoginRefused { server: registry.clone(), registry, login }.hint().unwrap()
    };
    for (registry, expected) in [
        ("1234.dkr.ecr.eu-west-1.amazonaws.com", "`ecr-login`"),
        ("europe-docker.pkg.dev", "`gcloud`"),
        ("eu.gcr.io", "`gcloud`"),
        ("acme.azurecr.io", "`az acr login --name acme`"),
        ("amazonaws.com.example", "`docker login amazonaws.com.example`"),
    ] {
        assert!(hint(registry).contains(expected), "{}", hint(registry));
    }
}
