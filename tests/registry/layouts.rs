//! Folders that stand for registries.

use super::*;

fn write_layout(folder: &std::path::Path, names: &[&str]) -> Vec<String> {
    std::fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
    std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    let mut entries = Vec::new();
    let mut digests = Vec::new();
    for name in names {
        let bytes = registry::flux_manifest("acme/my-app", name);
        let digest = registry::digest(&bytes);
        std::fs::write(folder.join("blobs/sha256").join(&digest[7..]), &bytes).unwrap();
        entries.push(serde_json::json!({"mediaType": OCI_MANIFEST, "digest": digest, "size": bytes.len(),
            "annotations": {"org.opencontainers.image.ref.name": name}}));
        digests.push(digest);
    }
    let index = serde_json::json!({"schemaVersion": 2, "manifests": entries});
    std::fs::write(folder.join("index.json"), index.to_string()).unwrap();
    digests
}

fn from_layout(folder: &std::path::Path) -> Registries {
    let host = HostSettings { layout: Some(folder.to_owned()), ..HostSettings::default() };
    registries(Settings { registries: [("reg.example".to_owned(), host)].into(), ..Settings::default() })
}

#[tokio::test]
async fn a_folder_of_layouts_stands_for_a_registry() {
    let folder = tempfile::tempdir().unwrap();
    let digests = write_layout(&folder.path().join("acme/my-app"), &["v1.2.3", "v1.2.4"]);
    let app = OciRepository::parse("reg.example/acme/my-app").unwrap();
    let registries = from_layout(folder.path());
    assert_eq!(registries.tags(&app).await.unwrap()[..], ["v1.2.3", "v1.2.4"]);
    assert_eq!(registries.manifest(&app, &tag("v1.2.4")).await.unwrap().digest.to_string(), digests[1]);
    let by_digest = ManifestReference::Digest(digests[0].parse().unwrap());
    assert!(registries.manifest(&app, &by_digest).await.is_ok());
    assert_eq!(code(&registries.manifest(&app, &tag("v9")).await), ("not-found", Exit::Refused));
    let other = OciRepository::parse("reg.example/acme/other").unwrap();
    assert_eq!(code(&registries.tags(&other).await), ("repository-not-found", Exit::Refused));
    assert_eq!(code(&from_layout(&folder.path().join("absent")).tags(&app).await), ("layout-unreadable", Exit::Local));
}

#[tokio::test]
async fn one_layout_may_hold_several_repositories_by_name() {
    let folder = tempfile::tempdir().unwrap();
    write_layout(folder.path(), &["acme/my-app:v1.2.3", "reg.example/acme/my-app:v1.2.4", "acme/other:v1.0.0"]);
    let app = OciRepository::parse("reg.example/acme/my-app").unwrap();
    assert_eq!(from_layout(folder.path()).tags(&app).await.unwrap()[..], ["v1.2.3", "v1.2.4"]);
}

#[tokio::test]
async fn a_layout_is_held_to_its_digests() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("acme/my-app");
    let digests = write_layout(&own, &["v1.2.3", "v1.2.4"]);
    std::fs::write(own.join("blobs/sha256").join(&digests[0][7..]), "{}").unwrap();
    std::fs::remove_file(own.join("blobs/sha256").join(&digests[1][7..])).unwrap();
    let app = OciRepository::parse("reg.example/acme/my-app").unwrap();
    for name in ["v1.2.3", "v1.2.4"] {
        let outcome = from_layout(folder.path()).manifest(&app, &tag(name)).await;
        assert_eq!(code(&outcome), ("layout-broken", Exit::Untrusted), "{name}");
    }
}
