//! Proxies: what goes through them, and what they may ask.

use super::*;

/// Returns whether the environment decides about proxies here, so that a configured one doesn't count.
fn environment_decides() -> bool {
    let names = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
    names.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

fn through(proxy: &str) -> Http {
    let plain = http::HostSettings { plain_http: true, ..http::HostSettings::default() };
    let hosts = [("reg.example".to_owned(), plain)].into();
    Http::new(http::Settings { proxy: Some(Token::new(proxy)), hosts, ..patient() }).unwrap()
}

fn get(url: &str) -> http::Request {
    http::Request::get(url.parse().unwrap(), 1000)
}

#[tokio::test]
async fn a_configured_proxy_is_asked_for_all_but_loopback() {
    if environment_decides() {
        println!("skipped: the environment names a proxy");
        return;
    }
    let proxy = Listener::json("{}");
    let direct = Registry::start();
    let http = through(&format!("http://ci:proxy-secret@{}", proxy.host()));
    assert!(http.send(get("http://reg.example/v2/")).await.is_ok());
    assert!(http.send(get(&format!("http://{}/v2/", direct.host()))).await.is_ok());
    assert!(proxy.heard().starts_with("GET http://reg.example/v2/ HTTP/1.1"), "{}", proxy.heard());
    assert_eq!(direct.requests().len(), 1);
    assert_no_secret(&format!("{http:?}"), "ci", "proxy-secret");
}

#[tokio::test]
async fn a_proxy_that_wants_a_login_is_an_error_of_authentication() {
    if environment_decides() {
        println!("skipped: the environment names a proxy");
        return;
    }
    let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let proxy = Listener::start(refusal);
    let http = through(&format!("http://{}", proxy.host()));
    for url in ["http://reg.example/v2/", "https://reg.example/v2/"] {
        let error = http.send(get(url)).await.unwrap_err();
        assert_eq!((error.code(), error.exit()), ("proxy-login", Exit::Authentication), "{url}");
    }
}

#[test]
fn a_proxy_that_is_no_url_is_named() {
    if environment_decides() {
        println!("skipped: the environment names a proxy");
        return;
    }
    let outcome = Http::new(http::Settings { proxy: Some(Token::new("http://")), ..patient() });
    assert_eq!(outcome.err().map(|error| error.code()), Some("proxy-unusable"));
}
