//! Folders in the form of the OCI image layout, read as if they were a registry.
//!
//! `DIR/acme/my-app` is the layout of `HOST/acme/my-app`; its tags are the `org.opencontainers.image.ref.name` of
//! `index.json`. If there is no such folder and `DIR` itself is a layout, its names are `acme/my-app:v1.2.3`, with or
//! without `HOST/` before them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use tokio::io::AsyncReadExt as _;

use crate::model::{Digest, OciRepository};

use super::{Error, Manifest, ManifestReference, Referrer, manifest, referrers};

const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// How many bytes an `index.json` may have.
const INDEX_CAP: usize = 64 * 1024 * 1024;

/// A folder that stands for a registry.
pub(super) struct Layout<'a> {
    root: &'a Path,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    media_type: String,
    digest: String,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marker {
    image_layout_version: String,
}

/// An entry of the repository that is asked for.
struct Named {
    tag: Option<String>,
    media_type: String,
    digest: String,
}

impl<'a> Layout<'a> {
    pub(super) fn new(root: &'a Path) -> Self {
        Self { root }
    }

    /// Returns every tag in the order of `index.json`, each once.
    pub(super) async fn tags(&self, repository: &OciRepository) -> Result<Vec<String>, Error> {
        let (_, entries) = self.entries(repository).await?;
        let mut tags: Vec<String> = Vec::new();
        let mut known = std::collections::HashSet::new();
        for tag in entries.into_iter().filter_map(|entry| entry.tag) {
            if known.insert(tag.clone()) {
                tags.push(tag);
            }
        }
        Ok(tags)
    }

    /// Returns a manifest, proved by its bytes.
    pub(super) async fn manifest(
        &self,
        repository: &OciRepository,
        reference: &ManifestReference,
    ) -> Result<Manifest, Error> {
        let (folder, entries) = self.entries(repository).await?;
        let not_found = || Error::NotFound { artifact: repository.clone(), reference: reference.to_string() };
        let wanted = |entry: &&Named| match reference {
            ManifestReference::Tag(tag) => entry.tag.as_deref() == Some(tag.as_str()),
            ManifestReference::Digest(digest) => entry.digest == digest.to_string(),
        };
        let mut found = entries.iter().filter(wanted);
        let entry = found.next().ok_or_else(not_found)?;
        let broken = |path: &Path, problem: &str| Error::Layout { path: path.to_owned(), problem: problem.to_owned() };
        if found.any(|other| other.digest != entry.digest) {
            return Err(broken(&folder.join("index.json"), &format!("gives `{reference}` to two manifests")));
        }
        let digest: Digest =
            entry.digest.parse().map_err(|_| broken(&folder.join("index.json"), "holds a digest that is none"))?;
        let path = folder.join("blobs/sha256").join(digest.hex());
        let bytes = match read(&path, manifest::CAP).await {
            Err(Error::LayoutFile { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                return Err(broken(&path, "is missing"));
            }
            other => other?,
        };
        if Digest::of(&bytes) != digest {
            return Err(broken(&path, "does not have the digest that is its name"));
        }
        Manifest::parse(bytes.into(), &entry.media_type).map_err(|problem| broken(&path, &format!("holds {problem}")))
    }

    /// Returns what the tag that stands for a digest lists, as in a registry without an API for it.
    pub(super) async fn referrers(&self, repository: &OciRepository, digest: &Digest) -> Result<Vec<Referrer>, Error> {
        let Ok(tag) = format!("sha256-{}", digest.hex()).parse() else { return Ok(Vec::new()) };
        match self.manifest(repository, &ManifestReference::Tag(tag)).await {
            Ok(found) => Ok(referrers::of(&found)),
            Err(Error::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Returns the layout's folder and what it holds of a repository.
    async fn entries(&self, repository: &OciRepository) -> Result<(PathBuf, Vec<Named>), Error> {
        let own = self.root.join(repository.repository());
        let exists = |folder: &Path| tokio::fs::try_exists(folder.join("index.json"));
        if exists(&own).await.unwrap_or(false) {
            let entries = index(&own).await?.into_iter().map(|entry| Named {
                tag: entry.annotations.get(REF_NAME).cloned(),
                media_type: entry.media_type,
                digest: entry.digest,
            });
            return Ok((own, entries.collect()));
        }
        if exists(self.root).await.unwrap_or(false) {
            let local = format!("{}:", repository.repository());
            let full = format!("{repository}:");
            let entries = index(self.root).await?.into_iter().filter_map(|entry| {
                let name = entry.annotations.get(REF_NAME)?;
                let tag = name.strip_prefix(&full).or_else(|| name.strip_prefix(&local))?;
                Some(Named { tag: Some(tag.to_owned()), media_type: entry.media_type, digest: entry.digest })
            });
            let entries: Vec<Named> = entries.collect();
            if !entries.is_empty() {
                return Ok((self.root.to_owned(), entries));
            }
        }
        // A folder that isn't there is a mistake of the configuration, not a registry without the repository.
        tokio::fs::metadata(self.root)
            .await
            .map_err(|source| Error::LayoutFile { path: self.root.to_owned(), source: Arc::new(source) })?;
        Err(Error::NoRepository { artifact: repository.clone(), registry: self.root.display().to_string() })
    }
}

async fn index(folder: &Path) -> Result<Vec<Entry>, Error> {
    let broken = |path: &Path, problem: &str| Error::Layout { path: path.to_owned(), problem: problem.to_owned() };
    let path = folder.join("oci-layout");
    let marker: Option<Marker> = serde_json::from_slice(&read(&path, 4096).await?).ok();
    if !marker.is_some_and(|marker| marker.image_layout_version.starts_with("1.")) {
        return Err(broken(&path, "is no image layout of version 1"));
    }
    let path = folder.join("index.json");
    let index: Index =
        serde_json::from_slice(&read(&path, INDEX_CAP).await?).map_err(|_| broken(&path, "is no index"))?;
    Ok(index.manifests)
}

async fn read(path: &Path, cap: usize) -> Result<Vec<u8>, Error> {
    let unreadable = |source| Error::LayoutFile { path: path.to_owned(), source: Arc::new(source) };
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(cap as u64 + 1).read_to_end(&mut bytes).await.map_err(unreadable)?;
    if bytes.len() > cap {
        return Err(Error::Layout { path: path.to_owned(), problem: format!("is larger than {cap} bytes") });
    }
    Ok(bytes)
}
