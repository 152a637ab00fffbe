//! What points at a manifest: signatures, attestations.

use std::collections::{BTreeMap, HashSet};

use oci_client::manifest::{OCI_IMAGE_INDEX_MEDIA_TYPE, OciImageIndex};

use crate::http::Response;
use crate::model::{Digest, Tag};

use super::error::Subject;
use super::link::{self, Next};
use super::manifest::{self, Descriptor, ManifestReference};
use super::tags::followed;
use super::{Error, Manifest, ManifestKind, Session};

/// How many pages a list of referrers may have.
const PAGES: usize = 100;

/// A manifest that names another one as its subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrer {
    /// Where it is.
    pub descriptor: Descriptor,
    /// What it is: `application/vnd.dev.sigstore.bundle.v0.3+json`.
    pub artifact_type: Option<String>,
    /// What its pusher wrote about it.
    pub annotations: BTreeMap<String, String>,
}

/// Lists what points at a digest: by the API of OCI 1.1, else by the tag that stands for it where there is no API.
pub(super) async fn list(session: &Session<'_>, digest: &Digest) -> Result<Vec<Referrer>, Error> {
    let mut response = session.get(&format!("referrers/{digest}"), OCI_IMAGE_INDEX_MEDIA_TYPE, manifest::CAP).await?;
    if matches!(response.status.as_u16(), 400 | 404 | 405 | 406) {
        return by_tag(session, digest).await;
    }
    let incomplete = |reason: String| Error::Pages { artifact: session.artifact.clone(), reason };
    let (mut all, mut visited) = (Vec::new(), HashSet::new());
    for _ in 0..PAGES {
        visited.insert(response.url.clone());
        all.extend(page(session, &response, digest).await?);
        let url = match link::next(&response.headers) {
            Next::None => return Ok(all),
            Next::Unreadable => return Err(incomplete("the link to the next page can't be read".to_owned())),
            Next::Page(target) => followed(&response.url, &target).map_err(incomplete)?,
        };
        if visited.contains(&url) {
            return Err(incomplete("its pages go in a circle".to_owned()));
        }
        response = session.connection.get_url(url, OCI_IMAGE_INDEX_MEDIA_TYPE, manifest::CAP).await?;
    }
    Err(incomplete(format!("it has more than {PAGES} pages")))
}

async fn page(session: &Session<'_>, response: &Response, digest: &Digest) -> Result<Vec<Referrer>, Error> {
    if response.status.as_u16() != 200 {
        return Err(session.refusal(response, Subject::Reference(&digest.to_string())).await);
    }
    let content_type = response.header("content-type").unwrap_or_default();
    if content_type.split(';').next().map(str::trim) != Some(OCI_IMAGE_INDEX_MEDIA_TYPE) {
        return Err(Error::answer(response, "no list of referrers"));
    }
    referrers(&response.bytes).map_err(|_| Error::answer(response, "no list of referrers"))
}

async fn by_tag(session: &Session<'_>, digest: &Digest) -> Result<Vec<Referrer>, Error> {
    let Ok(tag) = format!("sha256-{}", digest.hex()).parse::<Tag>() else { return Ok(Vec::new()) };
    match manifest::fetch(session, &ManifestReference::Tag(tag)).await {
        Ok(found) => Ok(of(&found)),
        Err(Error::NotFound { .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Returns what the manifest under a digest's tag lists; only an index lists anything.
pub(super) fn of(found: &Manifest) -> Vec<Referrer> {
    if found.kind == ManifestKind::Index { referrers(&found.bytes).unwrap_or_default() } else { Vec::new() }
}

/// Reads an index of referrers.
fn referrers(bytes: &[u8]) -> Result<Vec<Referrer>, serde_json::Error> {
    let index: OciImageIndex = serde_json::from_slice(bytes)?;
    let referrer = |entry: oci_client::manifest::ImageIndexEntry| Referrer {
        descriptor: Descriptor::new(entry.media_type, entry.digest, entry.size),
        artifact_type: entry.artifact_type,
        annotations: entry.annotations.unwrap_or_default(),
    };
    Ok(index.manifests.into_iter().map(referrer).collect())
}
