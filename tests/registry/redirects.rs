//! Redirects: nothing follows to another origin.

use super::*;

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

/// Every kind of address that is asked with a login.
const ENDPOINTS: [&str; 7] =
    ["/tags/list", "/manifests/v1.2.3", "/manifests/sha256", "/referrers/", "/token", "/charts/index.yaml", "/v2/"];

/// Asks for what an address is there for, and returns how that ended.
async fn ask(registries: &Registries, server: &Registry, endpoint: &str) -> (&'static str, Exit) {
    let digest: promote::model::Digest = registry::digest(b"").parse().unwrap();
    match endpoint {
        "/tags/list" | "/token" => code(&registries.tags(&app(server)).await),
        "/manifests/v1.2.3" => code(&registries.manifest(&app(server), &tag("v1.2.3")).await),
        "/manifests/sha256" => code(&registries.manifest(&app(server), &ManifestReference::Digest(digest)).await),
        "/referrers/" => code(&registries.referrers(&app(server), &digest).await),
        "/v2/" => {
            let problem = registries.probe(&server.host()).await.problem;
            problem.map_or(("ok", Exit::Done), |error| (error.code(), error.exit()))
        }
        _ => code(&registries.chart_versions(&format!("http://{}/charts", server.host()), "shop").await),
    }
}

#[tokio::test]
async fn no_redirect_takes_a_login_anywhere_else() {
    let other = Listener::json("{}");
    for endpoint in ENDPOINTS {
        for status in [301, 302, 303, 307, 308] {
            let login = if endpoint == "/token" { token_login() } else { basic() };
            let server = Registry::start().login(login);
            server.artifact("acme/my-app", "v1.2.3");
            let (host, port) = (server.host(), server.host().rsplit(':').next().unwrap().to_owned());
            for (target, followed) in [
                (format!("http://{}/v2/", other.host()), false),
                (format!("http://localhost:{port}/v2/"), false),
                (format!("https://{host}/v2/"), false),
                (format!("http://ci:x@{host}/v2/"), false),
                ("/v2/elsewhere".to_owned(), matches!(status, 301 | 307 | 308)),
            ] {
                server.heal();
                let registries = logged_in(&server);
                if endpoint != "/token" {
                    // It has asked for a login before: the redirect answers a request that carries one.
                    registries.probe(&host).await;
                }
                server.fault_at(endpoint, Fault::Answer(status, vec![("location".into(), target.clone())], Vec::new()));
                let (code, exit) = ask(&registries, &server, endpoint).await;
                let shown = format!("{endpoint} {status} {target}: {code}");
                assert_eq!((code, exit) == ("moved", Exit::Untrusted), !followed, "{shown}");
            }
            let hosts = server.requests().into_iter().map(|seen| seen.headers["host"].to_str().unwrap().to_owned());
            assert!(hosts.into_iter().all(|seen| seen == host), "{endpoint} {status}");
            let carried = server.requests().iter().filter(|seen| seen.headers.contains_key("authorization")).count();
            assert!(carried > 0, "{endpoint} {status}");
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
