//! Helm repositories over HTTP.

use super::*;

const INDEX: &str = r#"
apiVersion: v1
entries:
  shop:
  - created: "2026-01-02T00:00:00Z"
    digest: 9e41f3d2000000000000000000000000000000000000000000000000000b7c07
    name: shop
    urls: [shop-1.1.0.tgz]
    version: 1.1.0
  - version: 1.0.0
generated: "2026-01-02T00:00:00Z"
"#;

fn serving(index: impl Into<Vec<u8>>) -> (Registry, String) {
    let server = Registry::start();
    server.file("/charts/index.yaml", "text/yaml", index);
    let repository = format!("http://{}/charts", server.host());
    (server, repository)
}

#[tokio::test]
async fn the_versions_of_a_chart_come_from_the_index_which_is_fetched_once() {
    let (server, repository) = serving(INDEX);
    let registries = anonymous();
    let versions = registries.chart_versions(&repository, "shop").await.unwrap();
    let digest = "sha256:9e41f3d2000000000000000000000000000000000000000000000000000b7c07";
    assert_eq!(versions[0].version, "1.1.0");
    assert_eq!(versions[0].created.as_deref(), Some("2026-01-02T00:00:00Z"));
    assert_eq!(versions[0].digest.as_ref().map(ToString::to_string).as_deref(), Some(digest));
    assert_eq!((versions[1].version.as_str(), &versions[1].digest), ("1.0.0", &None));
    assert_eq!(code(&registries.chart_versions(&repository, "absent").await), ("chart-not-found", Exit::Refused));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn what_is_no_index_is_an_error() {
    for index in ["", "<html>moved</html>", "apiVersion: v1", "entries: ["] {
        let (_server, repository) = serving(index);
        let outcome = anonymous().chart_versions(&repository, "shop").await;
        assert_eq!(code(&outcome), ("answer-unusable", Exit::Untrusted), "{index}");
    }
    let server = Registry::start();
    let outcome = anonymous().chart_versions(&format!("http://{}/charts", server.host()), "shop").await;
    assert_eq!(code(&outcome), ("index-not-found", Exit::Refused));
    let outcome = anonymous().chart_versions("http://charts.example/stable", "shop").await;
    assert_eq!(code(&outcome), ("plain-http", Exit::Usage));
    assert_eq!(code(&anonymous().chart_versions("no url", "shop").await), ("url-unusable", Exit::Usage));
}

#[tokio::test]
async fn a_helm_repository_may_ask_for_a_password() {
    let server = Registry::start().login(basic());
    server.file("/charts/index.yaml", "text/yaml", INDEX);
    let repository = format!("http://{}/charts", server.host());
    assert_eq!(logged_in(&server).chart_versions(&repository, "shop").await.unwrap().len(), 2);
    assert_eq!(code(&anonymous().chart_versions(&repository, "shop").await), ("index-denied", Exit::Authentication));
}
