//! Somebody else's registry of OCI 1.1, which pages and lists referrers as the specification says.

use super::ferro_server::Ferro;
use super::*;

#[tokio::test]
async fn pages_of_a_real_registry_are_followed_also_when_the_last_one_is_exactly_full() {
    let ferro = Ferro::start();
    let (host, http) = (ferro.host(), Http::new(patient()).unwrap());
    let manifest = ferro.push_artifact(&http, "v1.0.0").await;
    let app = OciRepository::parse(&format!("{host}/acme/my-app")).unwrap();
    let mut pushed = 1;
    for upto in [1_000, 1_001] {
        for number in pushed..upto {
            ferro.push_manifest(&http, &format!("v1.{number}.0"), &manifest).await;
        }
        pushed = upto;
        assert_eq!(anonymous().tags(&app).await.unwrap().len(), upto);
    }
}

#[tokio::test]
async fn a_manifest_and_its_referrers_are_read_from_a_real_registry() {
    let ferro = Ferro::start();
    let (host, http) = (ferro.host(), Http::new(patient()).unwrap());
    let manifest = ferro.push_artifact(&http, "v1.0.0").await;
    let app = OciRepository::parse(&format!("{host}/acme/my-app")).unwrap();
    let registries = anonymous();
    let found = registries.manifest(&app, &tag("v1.0.0")).await.unwrap();
    assert_eq!((found.digest.to_string(), found.revision()), (registry::digest(&manifest), Some("v1.0.0@sha1:0123")));
    assert_eq!(registries.referrers(&app, &found.digest).await.unwrap(), []);
    let part = serde_json::json!({"mediaType": "application/vnd.oci.empty.v1+json", "size": 2,
        "digest": registry::digest(b"{}")});
    let signature = serde_json::json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "application/x-sig",
        "config": part, "layers": [part],
        "subject": {"mediaType": OCI_MANIFEST, "size": manifest.len(), "digest": registry::digest(&manifest)}});
    let bytes = signature.to_string().into_bytes();
    ferro.push_manifest(&http, &registry::digest(&bytes), &bytes).await;
    let referrers = registries.referrers(&app, &found.digest).await.unwrap();
    assert_eq!(referrers.len(), 1);
    assert_eq!(referrers[0].descriptor.digest, registry::digest(&bytes));
    let absent = registries.manifest(&app, &tag("v9.9.9")).await;
    assert_eq!(code(&absent), ("not-found", Exit::Refused));
}
