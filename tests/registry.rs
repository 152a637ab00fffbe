//! The registry room against a registry on loopback: what counts as existing, complete and trusted.

#[path = "support/listener.rs"]
mod listener;
#[path = "support/registry.rs"]
mod registry;

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

fn credentials(host: &str, user: &str, password: &str) -> CredentialSettings {
    use base64::Engine as _;
    let auth = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    let text = serde_json::json!({"auths": {host: {"auth": auth}}}).to_string();
    CredentialSettings { inline: Some(Token::new(text)), ..CredentialSettings::default() }
}

fn logged_in(registry: &Registry) -> Registries {
    let credentials = credentials(&registry.host(), "ci", PASSWORD);
    registries(Settings { credentials, ..Settings::default() })
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

// --- tag lists ----------------------------------------------------------------------------------

#[tokio::test]
async fn every_page_is_read_however_the_registry_cuts_its_list() {
    let expected: Vec<String> = (0..250).map(|n| format!("v1.{}.{}", 250 - n, n % 7)).collect();
    for pages in [
        Pages::Whole,
        Pages::Last(100),
        Pages::Last(50),
        Pages::Opaque(7),
        Pages::Relative(100),
        Pages::Absolute(100),
        Pages::Refusing(100),
        Pages::Refusing(50),
    ] {
        let shown = format!("{pages:?}");
        let server = Registry::start().pages(pages);
        server.tags("acme/my-app", &expected);
        let tags = anonymous().tags(&app(&server)).await.unwrap();
        assert_eq!(tags[..], expected[..], "{shown}");
    }
}

#[tokio::test]
async fn a_tag_that_two_pages_repeat_is_listed_once_where_it_came_first() {
    let server = Registry::start().pages(Pages::Opaque(3));
    server.tags("acme/my-app", ["b", "a", "c", "b", "a", "d"]);
    assert_eq!(anonymous().tags(&app(&server)).await.unwrap()[..], ["b", "a", "c", "d"]);
}

#[tokio::test]
async fn pages_that_never_end_are_an_error() {
    for pages in [Pages::Same, Pages::Circle, Pages::Endless] {
        let shown = format!("{pages:?}");
        let server = Registry::start().pages(pages);
        server.tags("acme/my-app", ["v1.0.0", "v1.1.0"]);
        let outcome = anonymous().tags(&app(&server)).await;
        assert_eq!(code(&outcome), ("list-incomplete", Exit::Untrusted), "{shown}");
        assert!(server.requests().len() <= 4, "{shown}");
    }
}

#[tokio::test]
async fn new_tags_for_ever_end_at_the_limit_of_pages() {
    let server = Registry::start().pages(Pages::Growing);
    server.tags("acme/my-app", ["v1.0.0"]);
    let outcome = anonymous().tags(&app(&server)).await;
    assert_eq!(code(&outcome), ("list-incomplete", Exit::Untrusted));
    assert_eq!(server.requests().len(), 2_001);
}

#[tokio::test]
async fn a_next_page_elsewhere_is_refused_and_not_asked() {
    let other = Listener::json(r#"{"name":"acme/my-app","tags":["evil"]}"#);
    for link in [
        format!("<http://{}/v2/acme/my-app/tags/list?last=a>; rel=\"next\"", other.host()),
        format!("<//{}/v2/acme/my-app/tags/list>; rel=next", other.host()),
        format!(r"<\\{}/v2/acme/my-app/tags/list>; rel=next", other.host()),
        "</v2/acme/other/tags/list?last=a>; rel=\"next\"".to_owned(),
        "</v2/acme/my-app/manifests/a>; rel=\"next\"".to_owned(),
        "/v2/acme/my-app/tags/list?last=a; rel=\"next\"".to_owned(),
    ] {
        let server = Registry::start().login(basic()).pages(Pages::Link(link.clone()));
        server.tags("acme/my-app", ["a"]);
        let outcome = logged_in(&server).tags(&app(&server)).await;
        assert_eq!(code(&outcome), ("list-incomplete", Exit::Untrusted), "{link}");
    }
    assert_eq!(other.heard(), "");
}

#[tokio::test]
async fn no_tags_is_a_complete_list_and_no_repository_is_an_error() {
    let server = Registry::start();
    server.tags("acme/my-app", [""; 0]);
    assert_eq!(anonymous().tags(&app(&server)).await.unwrap().len(), 0);
    let unknown = OciRepository::parse(&format!("{}/acme/unknown", server.host())).unwrap();
    assert_eq!(code(&anonymous().tags(&unknown).await), ("repository-not-found", Exit::Refused));
}

#[tokio::test]
async fn a_list_is_taken_only_as_a_list() {
    for (body, expected) in [
        ("", "answer-unusable"),
        ("<html>login</html>", "answer-unusable"),
        ("{}", "answer-unusable"),
        ("[]", "answer-unusable"),
        (r#"{"name":"a","tags":["a""#, "answer-unusable"),
        (r#"{"name":"a","tags":[1]}"#, "answer-unusable"),
        (r#"{"name":"a","tags":null}"#, "ok"),
        (r#"{"name":"a"}"#, "ok"),
    ] {
        let server = Registry::start();
        server.tags("acme/my-app", ["a"]);
        server.fault(0, Fault::Body(body.into()));
        assert_eq!(code(&anonymous().tags(&app(&server)).await).0, expected, "{body}");
    }
}

#[tokio::test]
async fn a_page_over_the_limit_is_refused() {
    let server = Registry::start();
    server.tags("acme/my-app", ["a"]);
    server.fault(0, Fault::Body(vec![b' '; 8 * 1024 * 1024 + 1]));
    assert_eq!(code(&anonymous().tags(&app(&server)).await), ("answer-too-large", Exit::Untrusted));
}

#[tokio::test]
async fn an_artifact_is_listed_once_and_a_manifest_fetched_once_however_many_ask() {
    let server = Registry::start();
    server.artifact("acme/my-app", "v1.0.0");
    let (registries, app, reference) = (anonymous(), app(&server), tag("v1.0.0"));
    let lists = futures_util::future::join_all((0..20).map(|_| registries.tags(&app)));
    let manifests = futures_util::future::join_all((0..20).map(|_| registries.manifest(&app, &reference)));
    let (lists, manifests) = tokio::join!(lists, manifests);
    assert!(lists.iter().all(Result::is_ok) && manifests.iter().all(Result::is_ok));
    assert_eq!(server.requests().len(), 2);
}

// --- manifests ----------------------------------------------------------------------------------

#[tokio::test]
async fn a_manifest_tells_its_digest_and_where_it_was_built() {
    let server = Registry::start();
    let digest = server.artifact("acme/my-app", "v1.2.3");
    let registries = anonymous();
    let manifest = registries.manifest(&app(&server), &tag("v1.2.3")).await.unwrap();
    assert_eq!(manifest.digest.to_string(), digest);
    assert_eq!(manifest.kind, ManifestKind::Image);
    assert_eq!(manifest.source(), Some("https://git.example/acme/my-app.git"));
    assert_eq!(manifest.revision(), Some("v1.2.3@sha1:0123456789abcdef0123456789abcdef01234567"));
    assert_eq!(manifest.created(), Some("2026-01-01T00:00:00Z"));
    assert_eq!(manifest.config_media_type.as_deref(), Some("application/vnd.cncf.flux.config.v1+json"));
    let by_digest = ManifestReference::Digest(digest.parse().unwrap());
    assert_eq!(registries.manifest(&app(&server), &by_digest).await.unwrap(), manifest);
}

#[tokio::test]
async fn the_digest_of_an_index_is_its_own() {
    let server = Registry::start();
    let digest = server.index("acme/my-app", "v1.2.3");
    let manifest = anonymous().manifest(&app(&server), &tag("v1.2.3")).await.unwrap();
    assert_eq!((manifest.digest.to_string(), manifest.kind), (digest, ManifestKind::Index));
}

#[tokio::test]
async fn a_second_look_sees_a_tag_that_moved() {
    let server = Registry::start();
    let first = server.artifact("acme/my-app", "v1.2.3");
    let registries = anonymous();
    let seen = registries.manifest(&app(&server), &tag("v1.2.3")).await.unwrap();
    let second = server.index("acme/my-app", "v1.2.3");
    assert_eq!(seen.digest.to_string(), first);
    assert_eq!(registries.manifest(&app(&server), &tag("v1.2.3")).await.unwrap().digest.to_string(), first);
    let again = registries.manifest_again(&app(&server), &tag("v1.2.3")).await.unwrap();
    assert_eq!(again.digest.to_string(), second);
}

#[tokio::test]
async fn only_verified_bytes_of_a_manifest_with_status_200_exist() {
    let manifest = registry::flux_manifest("acme/my-app", "v1.2.3");
    let half = manifest[..manifest.len() / 2].to_vec();
    let mut passed = Vec::new();
    for status in [200, 204, 206, 301, 400, 401, 403, 404, 405, 429, 500, 503] {
        for (kind, body) in [
            ("empty", Vec::new()),
            ("html", b"<html>200 OK</html>".to_vec()),
            ("json", b"{}".to_vec()),
            ("truncated", half.clone()),
            ("manifest", manifest.clone()),
        ] {
            let server = Registry::start();
            let headers = vec![("content-type".to_owned(), OCI_MANIFEST.to_owned())];
            server.fault(0, Fault::Answer(status, headers, if status == 204 { Vec::new() } else { body }));
            let outcome = anonymous().manifest(&app(&server), &tag("v1.2.3")).await;
            let expected = match status {
                200 if kind == "manifest" => Exit::Done,
                404 => Exit::Refused,
                401 | 403 => Exit::Authentication,
                429 | 500 | 503 => Exit::Temporary,
                _ => Exit::Untrusted,
            };
            assert_eq!(code(&outcome).1, expected, "{status} {kind}: {outcome:?}");
            if outcome.is_ok() {
                passed.push((status, kind));
            }
        }
    }
    assert_eq!(passed, [(200, "manifest")]);
}

#[tokio::test]
async fn a_digest_that_is_not_that_of_the_bytes_is_refused() {
    let other = format!("sha256:{}", "0".repeat(64));
    let server = Registry::start();
    let digest = server.artifact("acme/my-app", "v1.2.3");
    let wrong = [other.clone(), digest.to_uppercase(), digest.replace("sha256", "sha512"), digest[..40].to_owned()];
    for header in wrong.into_iter().chain(["md5:d41d8cd98f00b204e9800998ecf8427e".to_owned(), String::new()]) {
        server.heal();
        server.fault(0, Fault::Header("docker-content-digest".into(), header.clone()));
        let outcome = anonymous().manifest(&app(&server), &tag("v1.2.3")).await;
        assert_eq!(code(&outcome), ("digest-differs", Exit::Untrusted), "{header}");
    }
    server.heal();
    server.fault(
        0,
        Fault::Answer(200, vec![("content-type".into(), OCI_MANIFEST.into())], registry::flux_manifest("a", "b")),
    );
    let by_digest = ManifestReference::Digest(digest.parse().unwrap());
    let outcome = anonymous().manifest(&app(&server), &by_digest).await;
    assert_eq!(code(&outcome), ("digest-differs", Exit::Untrusted));
}

#[tokio::test]
async fn a_manifest_is_what_its_media_type_says_or_nothing() {
    let image = registry::flux_manifest("acme/my-app", "v1.2.3");
    let text = String::from_utf8(image.clone()).unwrap();
    let both = text.replacen("\"layers\"", "\"manifests\":[],\"layers\"", 1);
    for (content_type, body) in [
        ("text/html", text.clone()),
        ("application/json", text.clone()),
        ("", text.clone()),
        ("application/vnd.docker.distribution.manifest.v1+json", text.clone()),
        (OCI_INDEX, text.clone()),
        (OCI_MANIFEST, both),
        (OCI_MANIFEST, text.replace("\"schemaVersion\":2", "\"schemaVersion\":1")),
    ] {
        let server = Registry::start();
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        server.fault(0, Fault::Answer(200, headers, body.into_bytes()));
        let outcome = anonymous().manifest(&app(&server), &tag("v1.2.3")).await;
        assert_eq!(code(&outcome), ("answer-unusable", Exit::Untrusted), "{content_type}");
    }
}

#[tokio::test]
async fn a_manifest_is_found_by_asking_for_it_even_if_the_list_lacks_it() {
    let server = Registry::start();
    server.artifact("acme/my-app", "v1.2.3");
    server.fault_at("tags/list", Fault::Body(br#"{"name":"acme/my-app","tags":[]}"#.to_vec()));
    let registries = anonymous();
    assert_eq!(registries.tags(&app(&server)).await.unwrap().len(), 0);
    assert!(registries.manifest(&app(&server), &tag("v1.2.3")).await.is_ok());
    let absent = registries.manifest(&app(&server), &tag("v9.9.9")).await;
    assert_eq!(code(&absent), ("not-found", Exit::Refused));
}

// --- faults on the way --------------------------------------------------------------------------

#[tokio::test]
async fn a_fault_that_passes_is_not_seen() {
    let cut = [Fault::Dropped, Fault::Truncated, Fault::Silent];
    let busy = [408, 429, 500, 502, 503, 504].map(|status| Fault::Answer(status, Vec::new(), Vec::new()));
    for fault in cut.into_iter().chain(busy) {
        let server = Registry::start();
        server.artifact("acme/my-app", "v1.2.3");
        server.fault(1, fault.clone());
        let http = Http::new(hasty(Duration::from_secs(2))).unwrap();
        let outcome = Registries::new(http, Settings::default()).manifest(&app(&server), &tag("v1.2.3")).await;
        assert!(outcome.is_ok(), "{fault:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_fault_that_stays_is_temporary_and_ends() {
    let drip = Fault::Dripping(Duration::from_millis(20));
    for (fault, expected) in [
        (Fault::Dropped, "answer-cut"),
        (Fault::Truncated, "answer-cut"),
        (Fault::Silent, "timeout"),
        (drip, "timeout"),
        (Fault::Answer(503, Vec::new(), Vec::new()), "unavailable"),
    ] {
        let server = Registry::start();
        server.artifact("acme/my-app", "v1.2.3");
        server.fault(0, fault.clone());
        let http = Http::new(hasty(Duration::from_millis(500))).unwrap();
        let outcome = Registries::new(http, Settings::default()).manifest(&app(&server), &tag("v1.2.3")).await;
        assert_eq!(code(&outcome).1, Exit::Temporary, "{fault:?}");
        // A machine with much else to do may let any of them run into the deadline.
        assert!([expected, "timeout"].contains(&code(&outcome).0), "{fault:?}: {outcome:?}");
        assert_eq!(server.requests().len(), 3, "{fault:?}");
    }
}

#[tokio::test]
async fn a_registry_that_asks_to_wait_longer_than_the_budget_is_not_asked_again() {
    for (value, tries) in [("99999999", 1), ("0", 3), ("-1", 3), ("garbage", 3)] {
        let server = Registry::start();
        server.fault(0, Fault::Answer(429, vec![("retry-after".into(), value.into())], Vec::new()));
        let outcome = anonymous().tags(&app(&server)).await;
        assert_eq!(code(&outcome), ("unavailable", Exit::Temporary), "{value}");
        assert_eq!(server.requests().len(), tries, "{value}");
    }
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_temporary() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outcome = anonymous().tags(&OciRepository::parse(&format!("{gone}/acme/my-app")).unwrap()).await;
    assert_eq!(code(&outcome), ("unreachable", Exit::Temporary));
}

#[tokio::test]
async fn plain_http_is_for_loopback_and_listed_hosts() {
    let http = Http::new(patient()).unwrap();
    let ask = |url: &str| http.send(http::Request::get(url.parse().unwrap(), 1000));
    assert!(matches!(ask("http://reg.example/v2/").await, Err(http::Error::PlainHttp { .. })));
    assert!(matches!(ask("ftp://reg.example/").await, Err(http::Error::Scheme { .. })));
    assert!(matches!(ask("https://u:p@reg.example/").await, Err(http::Error::Credentials { .. })));
}

// --- redirects ----------------------------------------------------------------------------------

#[tokio::test]
async fn a_redirect_to_another_origin_is_named_and_never_followed() {
    let other = Listener::json("{}");
    for status in [301, 302, 303, 307, 308] {
        for target in [
            format!("http://{}/v2/", other.host()),
            format!("//{}/v2/", other.host()),
            format!("https://{}/v2/", other.host()),
            "https://moved.example/v2/acme/my-app?token=abc".to_owned(),
        ] {
            for login in [Login::None, basic(), token_login()] {
                let server = Registry::start().login(login);
                server.artifact("acme/my-app", "v1.2.3");
                let moved = Fault::Answer(status, vec![("location".into(), target.clone())], Vec::new());
                server.fault_at("/manifests/", moved.clone());
                server.fault_at("/token", moved);
                let registries = logged_in(&server);
                // The list makes it log in, so that the redirect is an answer to a request with a login.
                registries.tags(&app(&server)).await.ok();
                let outcome = registries.manifest(&app(&server), &tag("v1.2.3")).await;
                assert_eq!(code(&outcome), ("moved", Exit::Untrusted), "{status} {target}");
            }
        }
    }
    assert_eq!(other.heard(), "");
}

#[tokio::test]
async fn a_redirect_inside_the_origin_is_followed_three_times_at_most() {
    for (status, expected) in [(301, "ok"), (307, "ok"), (308, "ok"), (302, "moved"), (303, "moved")] {
        let server = Registry::start();
        server.artifact("acme/my-app", "v1.2.3");
        let location = vec![("location".into(), "/v2/acme/my-app/manifests/v1.2.3".into())];
        server.fault(1, Fault::Answer(status, location, Vec::new()));
        assert_eq!(code(&anonymous().manifest(&app(&server), &tag("v1.2.3")).await).0, expected, "{status}");
    }
    let server = Registry::start();
    server.fault(0, Fault::Answer(307, vec![("location".into(), "/v2/again".into())], Vec::new()));
    let outcome = anonymous().manifest(&app(&server), &tag("v1.2.3")).await;
    assert_eq!(code(&outcome), ("redirect-broken", Exit::Untrusted));
    assert_eq!(server.requests().len(), 4);
}

// --- logins -------------------------------------------------------------------------------------

#[tokio::test]
async fn a_login_by_password_or_token_lets_in_and_a_wrong_one_does_not() {
    for login in [basic(), token_login()] {
        let server = Registry::start().login(login.clone());
        let digest = server.artifact("acme/my-app", "v1.2.3");
        let registries = logged_in(&server);
        assert_eq!(registries.tags(&app(&server)).await.unwrap()[..], ["v1.2.3"]);
        let manifest = registries.manifest(&app(&server), &tag("v1.2.3")).await.unwrap();
        assert_eq!(manifest.digest.to_string(), digest);

        let wrong = credentials(&server.host(), "ci", "wrong-password");
        for credentials in [wrong, CredentialSettings::default()] {
            let outcome = self::registries(Settings { credentials, ..Settings::default() }).tags(&app(&server)).await;
            assert_eq!(code(&outcome).1, Exit::Authentication, "{login:?}");
            assert_no_secret(&format!("{outcome:?}"), "ci", "wrong-password");
        }
    }
}

#[tokio::test]
async fn one_handshake_serves_everyone_who_asks_at_the_same_time() {
    let server = Registry::start().login(token_login());
    for number in 0..20 {
        server.artifact("acme/my-app", &format!("v1.{number}.0"));
    }
    let (registries, app) = (logged_in(&server), app(&server));
    let all = (0..20).map(|number| {
        let (registries, app) = (&registries, &app);
        async move { registries.manifest(app, &tag(&format!("v1.{number}.0"))).await }
    });
    assert!(futures_util::future::join_all(all).await.iter().all(Result::is_ok));
    let tokens = server.paths().iter().filter(|path| path.contains("/token")).count();
    assert_eq!(tokens, 1);
}

#[tokio::test]
async fn a_token_that_ends_during_the_run_is_renewed() {
    let login = Login::Token {
        realm: None,
        user: Some(("ci".into(), PASSWORD.into())),
        identity: None,
        lasts: 3,
        expires_in: 0,
    };
    let server = Registry::start().login(login).pages(Pages::Last(1));
    server.tags("acme/my-app", ["a", "b", "c", "d", "e", "f", "g", "h"]);
    assert_eq!(logged_in(&server).tags(&app(&server)).await.unwrap().len(), 8);
    let tokens = server.paths().iter().filter(|path| path.contains("/token")).count();
    assert_eq!(tokens, 3);
}

#[tokio::test]
async fn only_the_right_to_read_this_repository_is_asked_for() {
    let server = Registry::start().login(token_login());
    server.artifact("acme/my-app", "v1.2.3");
    logged_in(&server).tags(&app(&server)).await.unwrap();
    let asked = server.paths().into_iter().find(|path| path.contains("/token")).unwrap();
    assert_eq!(asked, "GET /token?service=registry.test&scope=repository%3Aacme%2Fmy-app%3Apull");
}

#[tokio::test]
async fn an_identity_token_is_exchanged() {
    let login =
        Login::Token { realm: None, user: None, identity: Some("identity-secret".into()), lasts: 0, expires_in: 300 };
    let server = Registry::start().login(login);
    server.artifact("acme/my-app", "v1.2.3");
    let text = serde_json::json!({"auths": {server.host(): {"identitytoken": "identity-secret"}}}).to_string();
    let credentials = CredentialSettings { inline: Some(Token::new(text)), ..CredentialSettings::default() };
    let tags = registries(Settings { credentials, ..Settings::default() }).tags(&app(&server)).await;
    assert_eq!(tags.unwrap().len(), 1);
    assert!(server.paths().contains(&"POST /token".to_owned()));
}

#[tokio::test]
async fn a_token_server_of_another_name_gets_no_login_unless_the_user_listed_it() {
    let other = Listener::json(r#"{"token":"anonymous"}"#);
    let listed = Listener::json(r#"{"token":"anonymous"}"#);
    for (host, realms) in [(other.host(), vec![]), (listed.host(), vec![listed.host()])] {
        let realm = Some(format!("http://{host}/token"));
        let server =
            Registry::start().login(Login::Token { realm, user: None, identity: None, lasts: 0, expires_in: 0 });
        server.artifact("acme/my-app", "v1.2.3");
        let settings = Settings {
            registries: [(server.host(), HostSettings { realms, ..HostSettings::default() })].into(),
            credentials: credentials(&server.host(), "ci", PASSWORD),
        };
        let outcome = registries(settings).tags(&app(&server)).await;
        assert_ne!(code(&outcome).1, Exit::Done);
        assert_no_secret(&format!("{outcome:?}"), "ci", PASSWORD);
    }
    // Another port of loopback: inside a private network, so not even asked.
    assert_eq!(other.heard(), "");
    assert!(listed.heard().contains("authorization: Basic "), "{}", listed.heard());
}

#[tokio::test]
async fn a_realm_that_must_not_be_asked_is_named() {
    for realm in ["http://169.254.169.254/latest", "file:///etc/passwd", "http://u:p@127.0.0.1/", "http://localhost./t"]
    {
        let login = Login::Token { realm: Some(realm.into()), user: None, identity: None, lasts: 0, expires_in: 0 };
        let server = Registry::start().login(login);
        let outcome = logged_in(&server).tags(&app(&server)).await;
        assert_eq!(code(&outcome), ("realm-untrusted", Exit::Untrusted), "{realm}");
    }
}

#[tokio::test]
async fn a_mirror_is_asked_instead_with_its_own_login() {
    let origin = Listener::json("{}");
    let mirror = Registry::start().login(basic());
    mirror.artifact("acme/my-app", "v1.2.3");
    use base64::Engine as _;
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let text = serde_json::json!({"auths": {
        origin.host(): {"auth": encode("root:origin-secret")},
        mirror.host(): {"auth": encode(&format!("ci:{PASSWORD}"))},
    }});
    let settings = Settings {
        registries: [(origin.host(), HostSettings { mirror: Some(mirror.host()), ..HostSettings::default() })].into(),
        credentials: CredentialSettings { inline: Some(Token::new(text.to_string())), ..CredentialSettings::default() },
    };
    let app = OciRepository::parse(&format!("{}/acme/my-app", origin.host())).unwrap();
    assert_eq!(registries(settings).tags(&app).await.unwrap()[..], ["v1.2.3"]);
    assert_eq!(origin.heard(), "");
    for seen in mirror.requests() {
        assert_no_secret(&format!("{:?}", seen.headers), "root", "origin-secret");
    }
}

// --- files of logins and helper programs --------------------------------------------------------

#[cfg(unix)]
fn program(folder: &std::path::Path, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[cfg(unix)]
async fn helped(folder: &tempfile::TempDir, name: &str, path: &str) -> (Registry, Result<usize, Error>) {
    let server = Registry::start().login(basic());
    server.artifact("acme/my-app", "v1.2.3");
    let config = folder.path().join("config.json");
    std::fs::write(&config, serde_json::json!({"credHelpers": {server.host(): name}}).to_string()).unwrap();
    let credentials = CredentialSettings {
        files: vec![folder.path().join("absent.json"), config],
        path: Some(path.into()),
        environment: std::env::vars_os().chain([("GITHUB_TOKEN".into(), "canary".into())]).collect(),
        helper_timeout: Duration::from_secs(2),
        ..CredentialSettings::default()
    };
    let tags = registries(Settings { credentials, ..Settings::default() }).tags(&app(&server)).await;
    (server, tags.map(|tags| tags.len()))
}

#[cfg(unix)]
#[tokio::test]
async fn a_helper_gives_the_login_and_sees_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let password = PASSWORD.replace('"', "\\\"");
    let script = format!(
        "read server; env > {0}/env; echo \"$1 $server\" > {0}/asked\nprintf '%s' '{{\"Username\":\"ci\",\"Secret\":\"{password}\"}}'",
        folder.path().display()
    );
    program(folder.path(), "docker-credential-test", &script);
    let (server, outcome) = helped(&folder, "test", &format!("relative::{}", folder.path().display())).await;
    assert_eq!(outcome.unwrap(), 1);
    assert_eq!(std::fs::read_to_string(folder.path().join("asked")).unwrap(), format!("get {}\n", server.host()));
    assert!(!std::fs::read_to_string(folder.path().join("env")).unwrap().contains("canary"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_helper_that_gives_no_login_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    program(folder.path(), "docker-credential-hangs", "exec sleep 60");
    program(folder.path(), "docker-credential-talks", "echo hello");
    program(folder.path(), "docker-credential-fails", "echo 'no keychain'; exit 1");
    let here = folder.path().display().to_string();
    for (name, reason) in [
        ("absent", "the credential helper `docker-credential-absent` is not in PATH"),
        ("hangs", "the credential helper `docker-credential-hangs` did not answer within 2 s"),
        ("talks", "the credential helper `docker-credential-talks` did not answer with a user and a secret"),
        ("fails", "the credential helper `docker-credential-fails` refused: no keychain"),
        ("../x", "the credential helper `docker-credential-../x` is no name of a program"),
    ] {
        let (_, outcome) = helped(&folder, name, &here).await;
        let error = outcome.unwrap_err();
        assert_eq!((error.to_string().as_str(), error.exit()), (reason, Exit::Authentication));
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_helper_in_a_relative_folder_of_the_path_is_not_run() {
    let folder = tempfile::tempdir().unwrap();
    program(folder.path(), "docker-credential-planted", "echo planted");
    let depth = std::env::current_dir().unwrap().components().count() - 1;
    let relative = format!("{}{}", "../".repeat(depth), folder.path().display().to_string().trim_start_matches('/'));
    assert!(PathBuf::from(&relative).join("docker-credential-planted").exists());
    let (_, outcome) = helped(&folder, "planted", &relative).await;
    assert_eq!(outcome.unwrap_err().to_string(), "the credential helper `docker-credential-planted` is not in PATH");
}

#[tokio::test]
async fn a_login_for_a_namespace_goes_before_the_one_for_its_host() {
    use base64::Engine as _;
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let server = Registry::start().login(basic());
    server.artifact("acme/my-app", "v1.2.3");
    let text = serde_json::json!({"auths": {
        server.host(): {"auth": encode("ci:of-the-host")},
        format!("{}/acme", server.host()): {"auth": encode(&format!("ci:{PASSWORD}"))},
    }});
    let credentials =
        CredentialSettings { inline: Some(Token::new(text.to_string())), ..CredentialSettings::default() };
    assert!(registries(Settings { credentials, ..Settings::default() }).tags(&app(&server)).await.is_ok());
}

// --- image layouts ------------------------------------------------------------------------------

fn write_layout(folder: &std::path::Path, names: &[&str]) -> Vec<String> {
    std::fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
    std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    let mut entries = Vec::new();
    let mut digests = Vec::new();
    for name in names {
        let bytes = registry::flux_manifest("acme/my-app", name);
        let digest = registry::digest(&bytes);
        std::fs::write(folder.join("blobs/sha256").join(&digest[7..]), &bytes).unwrap();
        entries.push(serde_json::json!({"mediaType": OCI_MANIFEST, "digest": digest, "size": bytes.len(),
            "annotations": {"org.opencontainers.image.ref.name": name}}));
        digests.push(digest);
    }
    let index = serde_json::json!({"schemaVersion": 2, "manifests": entries});
    std::fs::write(folder.join("index.json"), index.to_string()).unwrap();
    digests
}

fn from_layout(folder: &std::path::Path) -> Registries {
    let host = HostSettings { layout: Some(folder.to_owned()), ..HostSettings::default() };
    registries(Settings { registries: [("reg.example".to_owned(), host)].into(), ..Settings::default() })
}

#[tokio::test]
async fn a_folder_of_layouts_stands_for_a_registry() {
    let folder = tempfile::tempdir().unwrap();
    let digests = write_layout(&folder.path().join("acme/my-app"), &["v1.2.3", "v1.2.4"]);
    let app = OciRepository::parse("reg.example/acme/my-app").unwrap();
    let registries = from_layout(folder.path());
    assert_eq!(registries.tags(&app).await.unwrap()[..], ["v1.2.3", "v1.2.4"]);
    assert_eq!(registries.manifest(&app, &tag("v1.2.4")).await.unwrap().digest.to_string(), digests[1]);
    let by_digest = ManifestReference::Digest(digests[0].parse().unwrap());
    assert!(registries.manifest(&app, &by_digest).await.is_ok());
    assert_eq!(code(&registries.manifest(&app, &tag("v9")).await), ("not-found", Exit::Refused));
    let other = OciRepository::parse("reg.example/acme/other").unwrap();
    assert_eq!(code(&registries.tags(&other).await), ("repository-not-found", Exit::Refused));
    assert_eq!(code(&from_layout(&folder.path().join("absent")).tags(&app).await), ("layout-unreadable", Exit::Local));
}

#[tokio::test]
async fn one_layout_may_hold_several_repositories_by_name() {
    let folder = tempfile::tempdir().unwrap();
    write_layout(folder.path(), &["acme/my-app:v1.2.3", "reg.example/acme/my-app:v1.2.4", "acme/other:v1.0.0"]);
    let app = OciRepository::parse("reg.example/acme/my-app").unwrap();
    assert_eq!(from_layout(folder.path()).tags(&app).await.unwrap()[..], ["v1.2.3", "v1.2.4"]);
}

#[tokio::test]
async fn a_layout_is_held_to_its_digests() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("acme/my-app");
    let digests = write_layout(&own, &["v1.2.3", "v1.2.4"]);
    std::fs::write(own.join("blobs/sha256").join(&digests[0][7..]), "{}").unwrap();
    std::fs::remove_file(own.join("blobs/sha256").join(&digests[1][7..])).unwrap();
    let app = OciRepository::parse("reg.example/acme/my-app").unwrap();
    for name in ["v1.2.3", "v1.2.4"] {
        let outcome = from_layout(folder.path()).manifest(&app, &tag(name)).await;
        assert_eq!(code(&outcome), ("layout-broken", Exit::Untrusted), "{name}");
    }
}
