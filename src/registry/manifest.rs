//! What stands under a tag or digest, proved by its own bytes.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use oci_client::manifest::{
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE,
    OciImageIndex, OciImageManifest,
};
use serde::Deserialize;

use crate::http::Response;
use crate::model::{Digest, Tag};

use super::error::Subject;
use super::{Error, Progress, Session};

/// How many bytes a manifest may have.
pub(super) const CAP: usize = 4 * 1024 * 1024;

/// Which manifest: by tag or by digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ManifestReference {
    /// What a tag points at now.
    Tag(Tag),
    /// What has this digest.
    Digest(Digest),
}

/// A manifest whose bytes have the digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Computed from the bytes.
    pub digest: Digest,
    /// The media type that the registry and the manifest agree on.
    pub media_type: String,
    /// Whether it is one manifest or a list of them.
    pub kind: ManifestKind,
    /// What it is for, if it says so.
    pub artifact_type: Option<String>,
    /// The media type of its configuration: Flux's own for what `flux push artifact` pushed; none for an index.
    pub config_media_type: Option<String>,
    /// Its layers, or the manifests of an index.
    pub parts: Vec<Descriptor>,
    /// What the pusher wrote about it; anyone who may push decides it.
    pub annotations: BTreeMap<String, String>,
    /// The manifest itself.
    pub bytes: Bytes,
}

/// What a manifest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestKind {
    /// One artifact, image or chart.
    Image,
    /// A list of manifests, one for each platform.
    Index,
}

/// What a manifest points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Its media type.
    pub media_type: String,
    /// Its digest as written.
    pub digest: String,
    /// Its size in bytes.
    pub size: i64,
}

impl Manifest {
    /// Returns the address of the source code, if the pusher wrote it.
    pub fn source(&self) -> Option<&str> {
        self.annotation("org.opencontainers.image.source")
    }

    /// Returns the source's revision, if the pusher wrote it: `v1.2.3@sha1:…` by `flux push artifact`.
    pub fn revision(&self) -> Option<&str> {
        self.annotation("org.opencontainers.image.revision")
    }

    /// Returns when it was made, if the pusher wrote it.
    pub fn created(&self) -> Option<&str> {
        self.annotation("org.opencontainers.image.created")
    }

    fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.get(name).map(String::as_str)
    }

    /// Reads a manifest of a media type.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(bytes: Bytes, media_type: &str) -> Result<Self, &'static str> {
        let kind = kind_of(media_type).ok_or("a media type that is no manifest's")?;
        let shape: Shape = serde_json::from_slice(&bytes).map_err(|_| "no manifest")?;
        if shape.schema_version != 2 {
            return Err("a manifest of another schema than 2");
        }
        // One text must not be an image to us and an index to another client (CVE-2021-41190).
        if shape.media_type.as_deref().is_some_and(|inner| inner != media_type) {
            return Err("a manifest of another media type than announced");
        }
        if shape.manifests.is_some() && (shape.layers.is_some() || shape.config.is_some()) {
            return Err("something that is both a manifest and an index");
        }
        let digest = Digest::of(&bytes);
        let media_type = media_type.to_owned();
        match kind {
            ManifestKind::Image => {
                let image: OciImageManifest = serde_json::from_slice(&bytes).map_err(|_| "no manifest")?;
                let layers = image.layers.into_iter();
                Ok(Self {
                    parts: layers.map(|part| Descriptor::new(part.media_type, part.digest, part.size)).collect(),
                    artifact_type: image.artifact_type,
                    config_media_type: Some(image.config.media_type),
                    annotations: image.annotations.unwrap_or_default(),
                    digest,
                    media_type,
                    kind,
                    bytes,
                })
            }
            ManifestKind::Index => {
                let index: OciImageIndex = serde_json::from_slice(&bytes).map_err(|_| "no index")?;
                let manifests = index.manifests.into_iter();
                Ok(Self {
                    parts: manifests.map(|part| Descriptor::new(part.media_type, part.digest, part.size)).collect(),
                    artifact_type: index.artifact_type,
                    config_media_type: None,
                    annotations: index.annotations.unwrap_or_default(),
                    digest,
                    media_type,
                    kind,
                    bytes,
                })
            }
        }
    }
}

impl Descriptor {
    pub(super) fn new(media_type: String, digest: String, size: i64) -> Self {
        Self { media_type, digest, size }
    }
}

/// Only what tells the kinds apart.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    schema_version: u64,
    media_type: Option<String>,
    manifests: Option<serde::de::IgnoredAny>,
    layers: Option<serde::de::IgnoredAny>,
    config: Option<serde::de::IgnoredAny>,
}

fn kind_of(media_type: &str) -> Option<ManifestKind> {
    match media_type {
        OCI_IMAGE_MEDIA_TYPE | IMAGE_MANIFEST_MEDIA_TYPE => Some(ManifestKind::Image),
        OCI_IMAGE_INDEX_MEDIA_TYPE | IMAGE_MANIFEST_LIST_MEDIA_TYPE => Some(ManifestKind::Index),
        _ => None,
    }
}

/// Fetches a manifest; only status 200, bytes of the right digest and a manifest's media type say that it exists.
pub(super) async fn fetch(session: &Session<'_>, reference: &ManifestReference) -> Result<Manifest, Error> {
    let name = reference.to_string();
    let accept =
        [OCI_IMAGE_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, IMAGE_MANIFEST_LIST_MEDIA_TYPE];
    session.watch(Progress::Asking { artifact: &session.artifact });
    let response = session.get(&format!("manifests/{name}"), &accept.join(", "), CAP).await?;
    if response.status.as_u16() != 200 {
        return Err(session.refusal(&response, Subject::Reference(&name)).await);
    }
    let content_type = response.header("content-type").unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let manifest =
        Manifest::parse(response.bytes.clone(), &media_type).map_err(|problem| Error::answer(&response, problem))?;
    verify(session, reference, &response, &manifest.digest)?;
    session.watch(Progress::Resolved { artifact: &session.artifact });
    Ok(manifest)
}

fn verify(
    session: &Session<'_>,
    reference: &ManifestReference,
    response: &Response,
    sent: &Digest,
) -> Result<(), Error> {
    let differs =
        |announced: String| Error::DigestDiffers { artifact: session.asked.clone(), announced, sent: sent.clone() };
    if let ManifestReference::Digest(asked) = reference
        && asked != sent
    {
        return Err(differs(asked.to_string()));
    }
    for value in response.headers.get_all("docker-content-digest") {
        if value.as_bytes() != sent.to_string().as_bytes() {
            let text = String::from_utf8_lossy(value.as_bytes());
            return Err(differs(text.chars().take(100).flat_map(char::escape_default).collect()));
        }
    }
    Ok(())
}

impl fmt::Display for ManifestReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(formatter),
            Self::Digest(digest) => digest.fmt(formatter),
        }
    }
}
