//! Proxies: what goes through them, and what they may ask.

use super::*;

fn through(proxy: &str) -> Http {
    let plain = http::HostSettings { plain_http: true, ..http::HostSettings::default() };
    let hosts = [("reg.example".to_owned(), plain)].into();
    let proxies = http::Proxies::new(|_| None, Some(Token::new(proxy)));
    Http::new(http::Settings { proxies, hosts, ..patient() }).unwrap()
}

fn get(url: &str) -> http::Request {
    http::Request::get(url.parse().unwrap(), 1000)
}

#[tokio::test]
async fn a_configured_proxy_is_asked_for_all_but_loopback() {
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
    let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let proxy = Listener::start(refusal);
    let http = through(&format!("http://{}", proxy.host()));
    for url in ["http://reg.example/v2/", "https://reg.example/v2/"] {
        let error = http.send(get(url)).await.unwrap_err();
        assert_eq!((error.code(), error.exit()), ("proxy-login", Exit::Authentication), "{url}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_no_url_is_named() {
    let error = through("http://").send(get("http://reg.example/v2/")).await.unwrap_err();
    assert_eq!((error.code(), error.exit()), ("proxy-unusable", Exit::Usage));
}
