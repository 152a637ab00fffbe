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
