//! Certificates: whom we trust, and what we say when we don't.

use super::*;

fn named(server: &Registry) -> OciRepository {
    let port = server.host().split(':').nth(1).unwrap().to_owned();
    OciRepository::parse(&format!("localhost:{port}/acme/my-app")).unwrap()
}

fn trusting(host: &str, ca: PathBuf) -> Settings {
    let own = HostSettings { ca: Some(ca), ..HostSettings::default() };
    Settings { registries: [(host.to_owned(), own)].into(), ..Settings::default() }
}

#[tokio::test]
async fn a_certificate_is_trusted_through_the_ca_of_its_host_or_of_all_hosts() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    registry::certificate::write_ca(&ca);
    let server = Registry::start_tls();
    server.artifact("acme/my-app", "v1.2.3");
    let app = named(&server);
    let own = registries(trusting(app.registry(), ca.clone()));
    assert_eq!(own.tags(&app).await.unwrap()[..], ["v1.2.3"]);
    let http = Http::new(http::Settings { ca: Some(ca), ..patient() }).unwrap();
    let url = format!("https://{}/v2/", app.registry()).parse().unwrap();
    assert_eq!(http.send(http::Request::get(url, 1000)).await.unwrap().status.as_u16(), 200);
}

#[tokio::test]
async fn a_certificate_of_nobody_we_trust_is_refused_before_anything_is_sent() {
    let server = Registry::start_tls();
    let app = named(&server);
    let http = Http::new(patient()).unwrap();
    let url = format!("https://{}/v2/", app.registry()).parse().unwrap();
    let request = http::Request::get(url, 1000).authorized(Some(Token::new("Bearer secret")));
    let error = http.send(request).await.unwrap_err();
    assert_eq!((error.code(), error.exit()), ("certificate-untrusted", Exit::Untrusted));
    assert!(error.hint().unwrap().contains("`ca: FILE`"));
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn a_ca_that_is_no_file_of_certificates_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing").unwrap();
    for ca in [empty, folder.path().join("absent.pem")] {
        let outcome = registries(trusting("reg.example", ca)).tags(&"oci://reg.example/a".parse().unwrap()).await;
        assert_eq!(code(&outcome), ("ca-unusable", Exit::Local));
    }
}

#[tokio::test]
async fn tls_to_a_server_that_speaks_none_is_named() {
    let server = Registry::start();
    let http = Http::new(patient()).unwrap();
    let error = http.send(http::Request::get(format!("https://{}/v2/", server.host()).parse().unwrap(), 10)).await;
    assert_eq!(error.unwrap_err().code(), "tls-broken");
}

#[tokio::test]
async fn a_next_page_on_another_port_or_without_tls_is_refused_and_not_asked() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    registry::certificate::write_ca(&ca);
    let (secure, plain) = (Registry::start_tls(), Listener::json(r#"{"name":"acme/my-app","tags":["evil"]}"#));
    secure.tags("acme/my-app", ["evil"]);
    let port = |host: &str| host.rsplit(':').next().unwrap().to_owned();
    for origin in [
        format!("https://localhost:{}", port(&secure.host())),
        format!("http://localhost:{}", port(&plain.host())),
        "https://localhost".to_owned(),
    ] {
        let link = format!("<{origin}/v2/acme/my-app/tags/list?last=a>; rel=\"next\"");
        let server = Registry::start_tls().login(basic()).pages(Pages::Link(link));
        server.tags("acme/my-app", ["a"]);
        let app = named(&server);
        let mut settings = trusting(app.registry(), ca.clone());
        settings.credentials = login_for(app.registry(), "ci", PASSWORD);
        let outcome = registries(settings).tags(&app).await;
        assert_eq!(code(&outcome), ("list-incomplete", Exit::Untrusted), "{origin}");
    }
    assert_eq!((secure.requests().len(), plain.heard()), (0, String::new()));
}
