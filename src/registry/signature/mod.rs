//! Whether content carries a signature that production's own `spec.verify` demands.
//!
//! The user's own `cosign` or `notation` verifies, about exactly one digest. Yes is said only where the program ended
//! well and its answer names that digest; no answer, another answer and every error are no yes.

mod cosign;
mod notation;
mod verifier;

use std::collections::BTreeMap;
use std::path::Path;

use super::{Error, Registries};
use crate::model::{Demand, Digest, OciRepository, Trust};

use self::verifier::Verifier;

/// Whether a signature holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signed {
    /// One does: whose, for people.
    Yes(String),
    /// None does: why, for people.
    No(String),
}

/// The name of a trust policy, in a Secret and in notation's folder.
const POLICY: &str = "trustpolicy.json";
/// The key of a Secret with the root of a Sigstore.
const ROOT: &str = "trusted_root.json";

/// Asks the program that a demand names.
pub(super) async fn verify(
    registries: &Registries,
    repository: &OciRepository,
    digest: &Digest,
    demand: &Demand,
) -> Result<Signed, Error> {
    let verifier = Verifier::of(registries, repository)?;
    match demand {
        Demand::Keys(trust) => {
            let (files, whence) = files(registries, repository, trust, is_key)?;
            cosign::by_keys(&verifier, digest, &files, &whence).await
        }
        Demand::Identities { any_of, root } => {
            let root = match root {
                Some(trust) => Some(files(registries, repository, trust, |name| name == ROOT)?.0),
                None => None,
            };
            let root = root.as_ref().and_then(|files| files.values().next());
            cosign::by_identities(&verifier, digest, any_of, root.map(Vec::as_slice)).await
        }
        Demand::Policy(trust) => {
            let (files, whence) = files(registries, repository, trust, |name| name == POLICY || is_certificate(name))?;
            notation::by_policy(&verifier, digest, &files, &whence).await
        }
        Demand::Unsupported(why) => Err(Error::SignatureUnsupported { why: why.clone() }),
    }
}

fn is_key(name: &str) -> bool {
    name.ends_with(".pub")
}

fn is_certificate(name: &str) -> bool {
    name.ends_with(".crt") || name.ends_with(".pem")
}

/// Returns what a Secret holds, and where that was read: as the repository shows it, else as the user supplies it.
fn files(
    registries: &Registries,
    repository: &OciRepository,
    trust: &Trust,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<(BTreeMap<String, Vec<u8>>, String), Error> {
    let supplied = registries.shared.settings.host(repository.registry()).and_then(|host| host.verify_key.as_deref());
    let (mut files, whence) = match (&trust.files, supplied) {
        (Ok(files), _) => (files.clone(), format!("Secret {}", trust.secret)),
        (Err(_), Some(path)) => (read(path)?, path.display().to_string()),
        (Err(why), None) => {
            return Err(Error::TrustUnknown {
                secret: trust.secret.clone(),
                why: why.clone(),
                registry: repository.registry().to_owned(),
            });
        }
    };
    files.retain(|name, _| is_wanted(name));
    if files.is_empty() {
        let why = format!("{whence} holds nothing that verifies a signature");
        return Err(Error::TrustUnknown {
            secret: trust.secret.clone(),
            why,
            registry: repository.registry().to_owned(),
        });
    }
    Ok((files, whence))
}

/// Reads a public key, or a folder with what the Secret holds.
fn read(path: &Path) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let failed = |source| Error::TrustFile { path: path.to_owned(), source: std::sync::Arc::new(source) };
    if !path.is_dir() {
        let key = std::fs::read(path).map_err(failed)?;
        return Ok(BTreeMap::from([("key.pub".to_owned(), key)]));
    }
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.path().is_file() {
            let bytes = std::fs::read(entry.path()).map_err(failed)?;
            files.insert(entry.file_name().to_string_lossy().into_owned(), bytes);
        }
    }
    Ok(files)
}
