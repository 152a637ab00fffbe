//! Manifests: what counts as existing.

use super::*;

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
