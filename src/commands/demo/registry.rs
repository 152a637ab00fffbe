//! The playground's registry: an OCI image layout per artifact, with artifacts shaped as `flux push artifact` makes them.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use crate::model::Digest;

/// One small layer serves every version: what differs is the manifest, as a real artifact's annotations do.
const LAYER: &[u8] = include_bytes!("../../../templates/demo/layer.tar.gz");
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Writes the layout of one artifact and returns the digest of each tag, in order.
///
/// # Errors
/// What the file system says.
pub fn write(directory: &Path, repository: &str, tags: &[&str]) -> io::Result<Vec<(String, Digest)>> {
    let layout = directory.join(repository);
    fs::create_dir_all(layout.join("blobs/sha256"))?;
    fs::write(layout.join("oci-layout"), json!({"imageLayoutVersion": "1.0.0"}).to_string())?;
    let config = b"{}";
    let layers =
        json!([descriptor("application/vnd.cncf.flux.content.v1.tar+gzip", &blob(&layout, LAYER)?, LAYER.len())]);
    let config = descriptor("application/vnd.cncf.flux.config.v1+json", &blob(&layout, config)?, config.len());
    let mut digests = Vec::new();
    let mut entries = Vec::new();
    for (day, tag) in tags.iter().enumerate() {
        let revision = Digest::of(format!("{repository}:{tag}").as_bytes()).hex();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config,
            "layers": layers,
            "annotations": {
                "org.opencontainers.image.created": format!("2026-11-{:02}T09:00:00Z", day + 1),
                "org.opencontainers.image.source": format!("https://git.example.com/{repository}.git"),
                "org.opencontainers.image.revision": format!("{tag}@sha1:{}", revision.get(..40).unwrap_or(&revision)),
            },
        });
        let manifest = manifest.to_string();
        let digest = blob(&layout, manifest.as_bytes())?;
        let mut entry = descriptor(MANIFEST, &digest, manifest.len());
        if let Some(fields) = entry.as_object_mut() {
            fields.insert("annotations".to_owned(), json!({"org.opencontainers.image.ref.name": tag}));
        }
        entries.push(entry);
        digests.push(((*tag).to_owned(), digest));
    }
    let index =
        json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries});
    fs::write(layout.join("index.json"), index.to_string())?;
    Ok(digests)
}

fn blob(layout: &Path, bytes: &[u8]) -> io::Result<Digest> {
    let digest = Digest::of(bytes);
    fs::write(layout.join("blobs/sha256").join(digest.hex()), bytes)?;
    Ok(digest)
}

fn descriptor(media_type: &str, digest: &Digest, size: usize) -> Value {
    json!({"mediaType": media_type, "digest": digest.to_string(), "size": size})
}
