//! Faults on the way: what passes is not seen, what stays ends.

use super::*;

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
    // Too much is said twice as often as trouble before it ends a run.
    let date = "Fri, 31 Dec 2100 23:59:59 GMT";
    for (value, tries) in [("99999999", 1), (date, 1), ("0", 6), ("-1", 6), ("garbage", 6)] {
        let server = Registry::start();
        server.fault(0, Fault::Answer(429, vec![("retry-after".into(), value.into())], Vec::new()));
        let outcome = anonymous().tags(&app(&server)).await;
        assert_eq!(code(&outcome), ("unavailable", Exit::Temporary), "{value}");
        assert_eq!(server.requests().len(), tries, "{value}");
    }
}

#[tokio::test]
async fn what_one_answer_asks_to_wait_everybody_waits() {
    let server = Registry::start();
    let wait = vec![("retry-after".to_owned(), "99999999".to_owned())];
    server.fault(0, Fault::Answer(429, wait, Vec::new()));
    let registries = anonymous();
    let all = (0..40).map(|number| {
        let (registries, app) = (&registries, app(&server));
        async move { registries.manifest(&app, &tag(&format!("v1.{number}.0"))).await }
    });
    for outcome in futures_util::future::join_all(all).await {
        assert_eq!(code(&outcome), ("unavailable", Exit::Temporary));
        assert!(outcome.unwrap_err().hint().unwrap().starts_with("run it again in 9999999"));
    }
    assert!(server.requests().len() <= 8, "{}", server.requests().len());
}

#[tokio::test]
async fn a_connection_that_says_nothing_ends_at_its_own_deadline() {
    // Connections come about, and nobody ever reads what they bring.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let limit = Duration::from_millis(300);
    let settings = http::Settings { connect_timeout: limit, ..patient() };
    let url = format!("https://{}/v2/", listener.local_addr().unwrap()).parse().unwrap();
    let error = Http::new(settings).unwrap().send(http::Request::get(url, 10)).await.unwrap_err();
    assert!(matches!(error, http::Error::Timeout { limit: passed, .. } if passed == limit), "{error:?}");
}

#[tokio::test]
async fn an_answer_that_ends_too_early_is_cut_however_its_length_was_announced() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Le",
    ] {
        let server = Listener::start(answer);
        let app = OciRepository::parse(&format!("{}/acme/my-app", server.host())).unwrap();
        let outcome = anonymous().manifest(&app, &tag("v1.2.3")).await;
        assert_eq!(code(&outcome), ("answer-cut", Exit::Temporary), "{answer}");
    }
}

#[tokio::test]
async fn a_server_that_speaks_neither_http_nor_tls_is_no_registry() {
    let server = Listener::start("220 smtp.example ESMTP\r\n");
    let app = OciRepository::parse(&format!("{}/acme/my-app", server.host())).unwrap();
    assert_eq!(code(&anonymous().manifest(&app, &tag("v1.2.3")).await), ("tls-broken", Exit::Untrusted));
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_temporary() {
    let (_socket, gone) = refusing();
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

#[tokio::test]
async fn an_answer_that_grows_when_it_is_unpacked_is_refused() {
    use std::io::Write as _;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&vec![b' '; 32 * 1024 * 1024]).unwrap();
    let packed = packed.finish().unwrap();
    assert!(packed.len() < 64 * 1024);
    let server = Registry::start();
    let headers = [("content-type", OCI_MANIFEST), ("content-encoding", "gzip")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    server.fault(0, Fault::Answer(200, headers, packed));
    let registries = anonymous();
    assert_eq!(code(&registries.tags(&app(&server)).await), ("answer-too-large", Exit::Untrusted));
    assert_eq!(code(&registries.manifest(&app(&server), &tag("v1")).await), ("answer-too-large", Exit::Untrusted));
}

#[tokio::test]
async fn headers_without_end_are_refused() {
    let server = Registry::start();
    server.artifact("acme/my-app", "v1.2.3");
    server.fault(0, Fault::Header("x-long".into(), "x".repeat(100 * 1024)));
    let outcome = anonymous().manifest(&app(&server), &tag("v1.2.3")).await;
    assert_eq!(code(&outcome), ("answer-too-large", Exit::Untrusted));
}

#[tokio::test]
async fn a_request_that_changes_something_is_sent_once() {
    let server = Registry::start();
    server.fault(0, Fault::Answer(503, Vec::new(), Vec::new()));
    let url = format!("http://{}/v2/", server.host());
    let http = Http::new(patient()).unwrap();
    let response = http.send(http::Request::post(url.parse().unwrap(), "{}", 1000)).await.unwrap();
    assert_eq!(response.status.as_u16(), 503);
    server.heal();
    server.fault(0, Fault::Dropped);
    let outcome = http.send(http::Request::post(url.parse().unwrap(), "{}", 1000)).await;
    assert_eq!(outcome.err().map(|error| error.code()), Some("answer-cut"));
    assert_eq!(server.paths(), ["POST /v2/", "POST /v2/"]);
}

#[tokio::test]
async fn eight_requests_at_once_are_the_most_that_an_origin_gets() {
    let server = Registry::start();
    server.artifact("acme/my-app", "v1.2.3");
    let registries = Registries::new(Http::new(hasty(Duration::from_secs(60))).unwrap(), Settings::default());
    // It is known that no login is wanted; until then there is one request.
    registries.manifest(&app(&server), &tag("v1.2.3")).await.unwrap();
    server.fault(0, Fault::Silent);
    let (registries, server) = (&registries, &server);
    let all =
        futures_util::future::join_all((0..40).map(|number| async move {
            registries.manifest(&app(server), &tag(&format!("v1.{number}.0"))).await.is_ok()
        }));
    // Nothing is ever answered, so whatever has come when the eighth is there is all that will come.
    let eighth = async {
        while server.requests().len() < 9 {
            tokio::task::yield_now().await;
        }
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = all => unreachable!("nothing was answered"),
        () = eighth => assert_eq!(server.requests().len(), 9),
    }
}
