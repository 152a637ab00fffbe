//! Signatures of Sigstore's cosign: by keys, or without by who signed.

use std::collections::BTreeMap;
use std::ffi::OsString;

use serde::Deserialize;

use super::super::Error;
use super::verifier::{Ending, Verifier, unreadable};
use super::{Signed, is_key};
use crate::model::{Digest, SignerIdentity};

const PROGRAM: &str = "cosign";

/// What `cosign verify --output json` prints for each signature that holds.
#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    image: Image,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Image {
    docker_manifest_digest: String,
}

/// Tries each key; one is enough.
pub(super) async fn by_keys(
    verifier: &Verifier<'_>,
    digest: &Digest,
    files: &BTreeMap<String, Vec<u8>>,
    whence: &str,
) -> Result<Signed, Error> {
    let mut failure = None;
    let keys = files.iter().filter(|(name, _)| is_key(name));
    let mut tried = Vec::new();
    for (number, (name, key)) in keys.enumerate() {
        // The name is anybody's, also one that leads elsewhere.
        let path = verifier.write(&format!("{number}.pub"), key)?;
        let mut key = OsString::from("--key=");
        key.push(path);
        // As Flux: of a key of its own it asks for no entry in a transparency log.
        match run(verifier, digest, vec![key, "--insecure-ignore-tlog=true".into()]).await {
            Ok(true) => return Ok(Signed::Yes(format!("signed by the key `{name}` of {whence}, says cosign"))),
            Ok(false) => tried.push(format!("`{name}`")),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    match failure {
        Some(error) => Err(error),
        None => Ok(Signed::No(format!("cosign finds none by {} of {whence}", tried.join(" or ")))),
    }
}

/// Tries each identity; one is enough, and none at all means anybody, as for Flux.
pub(super) async fn by_identities(
    verifier: &Verifier<'_>,
    digest: &Digest,
    any_of: &[SignerIdentity],
    root: Option<&[u8]>,
) -> Result<Signed, Error> {
    let root = match root {
        Some(bytes) => {
            let mut argument = OsString::from("--trusted-root=");
            argument.push(verifier.write("trusted_root.json", bytes)?);
            Some(argument)
        }
        None => None,
    };
    let anybody = [SignerIdentity { issuer: ".*".to_owned(), subject: ".*".to_owned() }];
    let identities = if any_of.is_empty() { &anybody } else { any_of };
    let mut failure = None;
    for identity in identities {
        // Both match anywhere in the text, in cosign as in Flux, which uses cosign's own code.
        let mut arguments: Vec<OsString> = vec![
            format!("--certificate-identity-regexp={}", identity.subject).into(),
            format!("--certificate-oidc-issuer-regexp={}", identity.issuer).into(),
        ];
        arguments.extend(root.clone());
        match run(verifier, digest, arguments).await {
            Ok(true) if any_of.is_empty() => {
                return Ok(Signed::Yes(
                    "signed by somebody, says cosign: who must have signed is not asked".to_owned(),
                ));
            }
            Ok(true) => {
                let SignerIdentity { issuer, subject } = identity;
                return Ok(Signed::Yes(format!("signed by `{subject}` of `{issuer}`, says cosign")));
            }
            Ok(false) => {}
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    match failure {
        Some(error) => Err(error),
        None if any_of.is_empty() => Ok(Signed::No("cosign finds none without a key".to_owned())),
        None => {
            let names: Vec<String> =
                any_of.iter().map(|one| format!("`{}` of `{}`", one.subject, one.issuer)).collect();
            Ok(Signed::No(format!("cosign finds none by {}", names.join(" or "))))
        }
    }
}

/// Tells whether a signature holds for exactly this digest.
async fn run(verifier: &Verifier<'_>, digest: &Digest, demand: Vec<OsString>) -> Result<bool, Error> {
    let mut arguments: Vec<OsString> = vec!["verify".into(), "--output=json".into()];
    arguments.extend(demand);
    if verifier.is_plain() {
        arguments.push("--allow-http-registry=true".into());
    }
    if let Some(ca) = verifier.ca() {
        let mut argument = OsString::from("--registry-cacert=");
        argument.push(ca);
        arguments.push(argument);
    }
    arguments.extend(["--".into(), verifier.reference(digest).into()]);
    match verifier.run(PROGRAM, arguments, &[]).await? {
        Ending::Nothing => Ok(false),
        Ending::Well(text) => holds(&text, digest).ok_or_else(|| unreadable(PROGRAM)),
    }
}

/// Tells whether every payload names the digest; none if there is no payload at all, or something else.
fn holds(text: &str, digest: &Digest) -> Option<bool> {
    let payloads: Vec<Payload> = serde_json::from_str(text.trim()).ok()?;
    let digest = digest.to_string();
    let is_it = |payload: &Payload| payload.critical.image.docker_manifest_digest == digest;
    (!payloads.is_empty()).then(|| payloads.iter().all(is_it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_payloads_of_this_digest_hold() {
        let (digest, other) = (Digest::of(b"1"), Digest::of(b"2"));
        // As cosign 3.1.3 prints them, of a signature in either form.
        let one = |digest: &Digest| {
            format!(
                r#"{{"critical":{{"identity":{{"docker-reference":"127.0.0.1:5123/acme/app"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"cosign container image signature"}},"optional":null}}"#
            )
        };
        let (same, else_) = (one(&digest), one(&other));
        assert_eq!(holds(&format!("\n[{same}]\n"), &digest), Some(true));
        assert_eq!(holds(&format!("[{same},{same}]"), &digest), Some(true));
        assert_eq!(holds(&format!("[{else_}]"), &digest), Some(false));
        assert_eq!(holds(&format!("[{same},{else_}]"), &digest), Some(false));
        for none in
            ["", "[]", "{}", "null", "[{}]", "[1]", "ok", &same, &format!("[{same}"), &format!("[{same}] [{same}]")]
        {
            assert_eq!(holds(none, &digest), None, "{none}");
        }
    }
}
