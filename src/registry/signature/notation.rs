//! Signatures of the Notary Project, by a trust policy and certificates.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

use serde::Deserialize;

use super::super::Error;
use super::verifier::{Ending, Verifier, unreadable};
use super::{POLICY, Signed, is_certificate};
use crate::model::Digest;

const PROGRAM: &str = "notation";

/// What is read of a trust policy: which stores its certificates are taken from.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Policy {
    trust_policies: Vec<Statement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    #[serde(default)]
    trust_stores: Vec<String>,
}

/// Lays out the policy and the certificates as notation has them, in a folder of their own, and lets it verify.
pub(super) async fn by_policy(
    verifier: &Verifier<'_>,
    digest: &Digest,
    files: &BTreeMap<String, Vec<u8>>,
    whence: &str,
) -> Result<Signed, Error> {
    let useless = |what: &str| Error::SignatureUnsupported { why: format!("{whence} {what}") };
    let policy = files.get(POLICY).ok_or_else(|| useless("has no `trustpolicy.json`"))?;
    let read: Policy = serde_json::from_slice(policy).map_err(|_| useless("has a trust policy that can't be read"))?;
    let stores = stores(&read).ok_or_else(|| useless("has a trust policy with a store that is none"))?;
    let certificates: Vec<&Vec<u8>> =
        files.iter().filter(|(name, _)| is_certificate(name)).map(|(_, bytes)| bytes).collect();
    if certificates.is_empty() {
        return Err(useless("has no certificate"));
    }
    verifier.write("notation/trustpolicy.json", policy)?;
    for store in &stores {
        // As Flux: every certificate of the Secret is in every store that the policy names.
        for (number, certificate) in certificates.iter().enumerate() {
            verifier.write(&format!("notation/truststore/x509/{store}/{number}.pem"), certificate)?;
        }
    }
    let mut arguments: Vec<OsString> = vec!["verify".into()];
    if verifier.is_plain() {
        arguments.push("--insecure-registry".into());
    }
    let reference = verifier.reference(digest);
    arguments.extend(["--".into(), reference.clone().into()]);
    let mut more: Vec<(&str, &OsStr)> = vec![("XDG_CONFIG_HOME", verifier.folder().as_os_str())];
    more.extend(verifier.ca().map(|ca| ("SSL_CERT_FILE", ca.as_os_str())));
    match verifier.run(PROGRAM, arguments, &more).await? {
        Ending::Nothing => Ok(Signed::No(format!("notation finds none that the trust policy of {whence} accepts"))),
        Ending::Well(text) => match said(&text, &reference) {
            Some(Said::Verified) => {
                Ok(Signed::Yes(format!("signed as the trust policy of {whence} asks, says notation")))
            }
            Some(Said::Skipped) => Err(useless("has a trust policy that skips this artifact")),
            None => Err(unreadable(PROGRAM)),
        },
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Said {
    Verified,
    Skipped,
}

/// Reads the one line that decides; it must name exactly this content.
fn said(text: &str, reference: &str) -> Option<Said> {
    text.lines()
        .find_map(|line| {
            let line = line.trim();
            if line.strip_prefix("Successfully verified signature for ")? == reference {
                Some(Said::Verified)
            } else {
                None
            }
        })
        .or_else(|| text.contains("configured to skip signature verification").then_some(Said::Skipped))
}

/// Returns the folders of the stores that a policy names: `ca/acme` of `ca:acme`.
fn stores(policy: &Policy) -> Option<BTreeSet<String>> {
    let named = policy.trust_policies.iter().flat_map(|statement| &statement.trust_stores);
    let folder = |store: &String| {
        let (kind, name) = store.split_once(':')?;
        let is_name = !name.is_empty()
            && !name.starts_with('.')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        (matches!(kind, "ca" | "signingAuthority" | "tsa") && is_name).then(|| format!("{kind}/{name}"))
    };
    named.map(folder).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_line_that_names_this_content_is_a_yes() {
        let reference = "127.0.0.1:5123/acme/app@sha256:82";
        assert_eq!(
            said(&format!("Successfully verified signature for {reference}\n"), reference),
            Some(Said::Verified)
        );
        assert_eq!(said("Successfully verified signature for 127.0.0.1:5123/acme/app@sha256:83\n", reference), None);
        assert_eq!(said(&format!("Successfully verified signature for {reference}0\n"), reference), None);
        assert_eq!(said("", reference), None);
        let skipped = format!("Trust policy is configured to skip signature verification for {reference}\n");
        assert_eq!(said(&skipped, reference), Some(Said::Skipped));
    }

    #[test]
    fn a_store_is_a_folder_and_leads_nowhere_else() {
        let read = |stores: &[&str]| {
            let policy = serde_json::json!({"trustPolicies": [{"trustStores": stores}]});
            super::stores(&serde_json::from_value(policy).expect("a policy")).map(Vec::from_iter)
        };
        assert_eq!(read(&["ca:acme", "tsa:acme"]), Some(vec!["ca/acme".to_owned(), "tsa/acme".to_owned()]));
        for bad in ["ca:../x", "ca:..", "ca:", "acme", "x:acme", "ca:a/b"] {
            assert_eq!(read(&[bad]), None, "{bad}");
        }
    }
}
