//! Logins: who gets them, and how often.

use super::*;

#[tokio::test]
async fn a_login_by_password_or_token_lets_in_and_a_wrong_one_does_not() {
    for login in [basic(), token_login()] {
        let server = Registry::start().login(login.clone());
        let digest = server.artifact("acme/my-app", "v1.2.3");
        let registries = logged_in(&server);
        assert_eq!(registries.tags(&app(&server)).await.unwrap()[..], ["v1.2.3"]);
        let manifest = registries.manifest(&app(&server), &tag("v1.2.3")).await.unwrap();
        assert_eq!(manifest.digest.to_string(), digest);

        let wrong = login_for(&server.host(), "ci", "wrong-password");
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
async fn however_many_ask_at_once_only_the_first_is_sent_without_the_login() {
    let server = Registry::start().login(basic());
    for number in 0..40 {
        server.artifact(&format!("acme/app-{number}"), "v1.0.0");
    }
    let (registries, host) = (logged_in(&server), server.host());
    let all = (0..40).map(|number| {
        let (registries, host) = (&registries, &host);
        async move { registries.tags(&OciRepository::parse(&format!("{host}/acme/app-{number}")).unwrap()).await }
    });
    assert!(futures_util::future::join_all(all).await.iter().all(Result::is_ok));
    let without = server.requests().iter().filter(|seen| !seen.headers.contains_key("authorization")).count();
    assert_eq!((server.requests().len(), without), (41, 1));
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
            credentials: login_for(&server.host(), "ci", PASSWORD),
            ..Settings::default()
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
    let other = Listener::json(r#"{"token":"anonymous"}"#);
    let port = other.host().rsplit(':').next().unwrap().to_owned();
    for realm in [
        "http://169.254.169.254/latest".to_owned(),
        "https://169.254.169.254/latest".to_owned(),
        "https://[::ffff:169.254.169.254]/".to_owned(),
        "https://[64:ff9b::a9fe:a9fe]/".to_owned(),
        format!("http://[::1]:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://0:{port}/"),
        format!("http://0.0.0.0:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://0x7f000001:{port}/"),
        format!("http://127.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://localhost.:{port}/"),
        format!("http://127。0。0。1:{port}/"),
        format!("https://{}/", other.host()),
        "http://169。254。169。254/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "gopher://127.0.0.1/".to_owned(),
        format!("http://u:p@{}/", other.host()),
        "//127.0.0.1/token".to_owned(),
        String::new(),
    ] {
        let login = Login::Token { realm: Some(realm.clone()), user: None, identity: None, lasts: 0, expires_in: 0 };
        let server = Registry::start().login(login);
        let outcome = logged_in(&server).tags(&app(&server)).await;
        // A header that isn't ASCII asks for nothing that could be understood.
        let understood = realm.is_ascii();
        let expected =
            if understood { ("realm-untrusted", Exit::Untrusted) } else { ("registry-denied", Exit::Authentication) };
        assert_eq!(code(&outcome), expected, "{realm}");
        for seen in server.requests() {
            assert_no_secret(&format!("{seen:?}"), "ci", PASSWORD);
        }
    }
    assert_eq!(other.heard(), "");
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
        ..Settings::default()
    };
    let app = OciRepository::parse(&format!("{}/acme/my-app", origin.host())).unwrap();
    assert_eq!(registries(settings).tags(&app).await.unwrap()[..], ["v1.2.3"]);
    assert_eq!(origin.heard(), "");
    for seen in mirror.requests() {
        assert_no_secret(&format!("{:?}", seen.headers), "root", "origin-secret");
    }
}

#[tokio::test]
async fn a_token_server_that_gives_no_token_is_an_error_of_its_kind() {
    let answer = |status, body: &str| Fault::Answer(status, Vec::new(), body.into());
    for (fault, expected) in [
        (answer(500, ""), Exit::Temporary),
        (answer(429, ""), Exit::Temporary),
        (Fault::Dropped, Exit::Temporary),
        (Fault::Silent, Exit::Temporary),
        (answer(401, "{}"), Exit::Authentication),
        (answer(403, "{}"), Exit::Authentication),
        (answer(404, "{}"), Exit::Untrusted),
        (answer(200, ""), Exit::Untrusted),
        (answer(200, "<html>"), Exit::Untrusted),
        (answer(200, "{}"), Exit::Untrusted),
        (answer(200, r#"{"token":""}"#), Exit::Untrusted),
        (answer(200, r#"{"token":7}"#), Exit::Untrusted),
        (answer(200, "{\"token\":\"a\\r\\nHost: evil\"}"), Exit::Authentication),
    ] {
        let server = Registry::start().login(token_login());
        server.artifact("acme/my-app", "v1.2.3");
        server.fault_at("/token", fault.clone());
        let credentials = login_for(&server.host(), "ci", PASSWORD);
        let http = Http::new(hasty(Duration::from_secs(1))).unwrap();
        let outcome = Registries::new(http, Settings { credentials, ..Settings::default() }).tags(&app(&server)).await;
        assert_eq!(code(&outcome).1, expected, "{fault:?}: {outcome:?}");
        assert_no_secret(&format!("{outcome:?}"), "ci", PASSWORD);
    }
}

#[test]
fn every_question_may_be_asked_from_another_thread() {
    fn may_move(_: impl Send) {}
    let (registries, artifact) = (anonymous(), OciRepository::parse("reg.example/acme/my-app").unwrap());
    let (reference, digest) = (tag("v1.2.3"), registry::digest(b"").parse().unwrap());
    may_move(registries.tags(&artifact));
    may_move(registries.manifest(&artifact, &reference));
    may_move(registries.manifest_again(&artifact, &reference));
    may_move(registries.referrers(&artifact, &digest));
    may_move(registries.chart_versions("https://charts.example", "shop"));
    may_move(registries.probe("reg.example"));
}
