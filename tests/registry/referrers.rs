//! What points at a manifest.

use super::*;

fn signature(subject: &str) -> Vec<u8> {
    let empty = serde_json::json!({"mediaType": "application/vnd.oci.empty.v1+json", "size": 2,
        "digest": registry::digest(b"{}")});
    let manifest = serde_json::json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "artifactType": "application/vnd.dev.sigstore.bundle.v0.3+json", "config": empty, "layers": [empty],
        "subject": {"mediaType": OCI_MANIFEST, "digest": subject, "size": 1}});
    manifest.to_string().into_bytes()
}

#[tokio::test]
async fn referrers_are_found_by_the_api_or_by_the_tag_that_stands_for_it() {
    let with_api = Registry::start().with_referrers();
    let without = Registry::start();
    for server in [&with_api, &without] {
        let digest = server.artifact("acme/my-app", "v1.2.3");
        let bytes = signature(&digest);
        let signed = server.put("acme/my-app", OCI_MANIFEST, &bytes);
        let entry = serde_json::json!({"mediaType": OCI_MANIFEST, "digest": signed, "size": bytes.len(),
            "platform": {"architecture": "unknown", "os": "unknown"},
            "artifactType": "application/vnd.dev.sigstore.bundle.v0.3+json"});
        let index = serde_json::json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]});
        server.push("acme/my-app", &digest.replace(':', "-"), OCI_INDEX, index.to_string().as_bytes());
        let found = anonymous().referrers(&app(server), &digest.parse().unwrap()).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].descriptor.digest, signed);
        assert_eq!(found[0].artifact_type.as_deref(), Some("application/vnd.dev.sigstore.bundle.v0.3+json"));
    }
}

#[tokio::test]
async fn no_referrers_is_not_the_same_as_no_answer() {
    for server in [Registry::start(), Registry::start().with_referrers()] {
        let digest = server.artifact("acme/my-app", "v1.2.3").parse().unwrap();
        assert_eq!(anonymous().referrers(&app(&server), &digest).await.unwrap(), []);
        for (status, expected) in [(500, Exit::Temporary), (401, Exit::Authentication), (200, Exit::Untrusted)] {
            server.heal();
            server.fault(0, Fault::Answer(status, Vec::new(), b"<html></html>".to_vec()));
            assert_eq!(code(&anonymous().referrers(&app(&server), &digest).await).1, expected, "{status}");
        }
    }
}
