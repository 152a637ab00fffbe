//! Tag lists: complete, or an error.

use promote::registry::{Progress, Watch};

use super::*;

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
        Pages::Unlinked(100),
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
async fn a_list_as_long_as_a_page_is_not_the_end_only_because_no_link_says_more() {
    for (pages, length, requests) in [
        (Pages::Whole, 99, 1),
        (Pages::Whole, 200, 1),
        // What follows the last tag, and one tag more: the same answer twice more.
        (Pages::Whole, 100, 3),
        (Pages::Whole, 1_000, 3),
        (Pages::Last(100), 200, 2),
        (Pages::Unlinked(100), 100, 2),
        (Pages::Unlinked(1_000), 1_000, 2),
        (Pages::Unlinked(1_000), 2_500, 3),
        (Pages::Deaf, 1_000, 3),
    ] {
        let shown = format!("{pages:?} {length}");
        let server = Registry::start().pages(pages);
        server.tags("acme/my-app", (0..length).map(|number| format!("v1.0.{number}")));
        assert_eq!(anonymous().tags(&app(&server)).await.unwrap().len(), length, "{shown}");
        assert_eq!(server.requests().len(), requests, "{shown}: {:?}", server.paths());
    }
}

#[tokio::test]
async fn a_list_that_is_cut_without_a_way_on_is_an_error() {
    let server = Registry::start().pages(Pages::Deaf);
    server.tags("acme/my-app", (0..1_001).map(|number| format!("v1.0.{number}")));
    let error = anonymous().tags(&app(&server)).await.unwrap_err();
    assert_eq!((error.code(), error.exit()), ("list-incomplete", Exit::Untrusted));
    assert!(error.to_string().ends_with("it is cut after 1000 tags, and no page follows"), "{error}");
    for (status, expected) in [
        (400, ("list-incomplete", Exit::Untrusted)),
        (404, ("list-incomplete", Exit::Untrusted)),
        (401, ("registry-denied", Exit::Authentication)),
        (403, ("registry-denied", Exit::Authentication)),
        (429, ("unavailable", Exit::Temporary)),
        (500, ("unavailable", Exit::Temporary)),
        (204, ("answer-unusable", Exit::Untrusted)),
    ] {
        let server = Registry::start().pages(Pages::Last(100));
        server.tags("acme/my-app", (0..250).map(|number| format!("v1.0.{number}")));
        server.fault_at("last=", Fault::Answer(status, Vec::new(), Vec::new()));
        assert_eq!(code(&anonymous().tags(&app(&server)).await), expected, "{status}");
    }
}

#[tokio::test]
async fn a_list_of_which_only_the_beginning_is_for_everybody_says_who_gets_the_rest() {
    let server = Registry::start().pages(Pages::Closed(1_000));
    server.tags("library/nginx", (0..1_500).map(|number| format!("1.{number}.0")));
    let repository = OciRepository::parse(&format!("{}/library/nginx", server.host())).unwrap();
    let error = anonymous().tags(&repository).await.unwrap_err();
    assert_eq!((error.code(), error.exit()), ("registry-denied", Exit::Authentication));
    let text = format!("{error}; {}", error.hint().unwrap()).replace(&server.host(), "[host]");
    insta::assert_snapshot!(text, @"`[host]` refuses what follows the first 1000 tags of `library/nginx` with status 403 (no login); log in with `docker login [host]`; registries answer the same for what does not exist");
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
        // Artifactory leaves out the repository key that the path begins with.
        "</v2/my-app/tags/list?last=a>; rel=\"next\"".to_owned(),
        format!("<http://ci:x@{}/v2/acme/my-app/tags/list?last=a>; rel=\"next\"", other.host()),
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

#[tokio::test]
async fn a_hundred_thousand_tags_in_a_thousand_pages_are_all_read() {
    let server = Registry::start().pages(Pages::Opaque(100));
    server.tags("acme/my-app", (0..100_000).map(|n| format!("v1.{}.{}", n / 100, n % 100)));
    let seen = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let told = std::sync::Arc::clone(&seen);
    let progress = Watch::new(move |progress| {
        if let Progress::Listing { tags, .. } = progress {
            told.fetch_max(tags, std::sync::atomic::Ordering::Relaxed);
        }
    });
    let registries = registries(Settings { progress, ..Settings::default() });
    assert_eq!(registries.tags(&app(&server)).await.unwrap().len(), 100_000);
    assert_eq!(server.requests().len(), 1_000);
    assert_eq!(seen.load(std::sync::atomic::Ordering::Relaxed), 100_000);
}
