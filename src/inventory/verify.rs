//! What a source's `spec.verify` demands, and the Secret with the keys for it.

use std::collections::BTreeMap;

use base64::Engine as _;

use super::resource::Resource;
use super::text::Spot;
use super::tree::Tree;
use super::walk::Reconciled;
use crate::model::{Demand, Place, SignerIdentity, SourceKind, Trust, Verify};

/// Reads what an object demands at `spec.verify`, or a chart template at `spec.chart.spec.verify`.
///
/// `namespace` is where Flux looks for the Secrets.
pub(super) fn demanded(
    kind: SourceKind,
    verify: &Tree,
    namespace: Option<&str>,
    object: &Resource,
    reconciled: &Reconciled,
) -> Option<Verify> {
    if verify.is_null() {
        return None;
    }
    let place = |tree: &Tree| tree.first_spot().map_or_else(|| object.place(), Spot::place);
    let secret = |key: &str| {
        let name = verify.text(&[key, "name"])?;
        Some(trust(namespace, name, reconciled))
    };
    let Some(provider) = verify.leaf(&["provider"]) else {
        // A GitRepository has a mode instead of a provider.
        let why = match kind {
            SourceKind::GitRepository => "OpenPGP signatures of Git are not verified here",
            _ => "it names no provider",
        };
        let provider = if kind == SourceKind::GitRepository { "Git" } else { "" }.to_owned();
        return Some(Verify { provider, demand: Demand::Unsupported(why.to_owned()), place: place(verify) });
    };
    let place = provider.chain.last().map_or_else(|| object.place(), Spot::place);
    let provider = match &provider.text {
        Ok(provider) => provider.to_string(),
        Err(unknown) => {
            let demand = Demand::Unsupported(unknown.message.clone());
            return Some(Verify { provider: "signature".to_owned(), demand, place });
        }
    };
    let demand = match (provider.as_str(), secret("secretRef")) {
        ("cosign", Some(keys)) => Demand::Keys(keys),
        ("cosign", None) => match identities(verify) {
            Some(any_of) => Demand::Identities { any_of, root: secret("trustedRootSecretRef") },
            None => Demand::Unsupported("an identity of `matchOIDCIdentity` can't be told".to_owned()),
        },
        ("notation", Some(policy)) => Demand::Policy(policy),
        ("notation", None) => Demand::Unsupported("it names no Secret with a trust policy".to_owned()),
        (other, _) => Demand::Unsupported(format!("`{other}` is no provider that is known here")),
    };
    Some(Verify { provider, demand, place })
}

/// Returns the identities; none if one of them lacks its issuer or subject, which Flux asks for both.
fn identities(verify: &Tree) -> Option<Vec<SignerIdentity>> {
    let identity = |item: &Tree| {
        let text = |key: &str| item.text(&[key]).map(str::to_owned);
        Some(SignerIdentity { issuer: text("issuer")?, subject: text("subject")? })
    };
    verify.items(&["matchOIDCIdentity"]).iter().map(identity).collect()
}

fn trust(namespace: Option<&str>, name: &str, reconciled: &Reconciled) -> Trust {
    let shown = namespace.map_or_else(|| name.to_owned(), |namespace| format!("{namespace}/{name}"));
    let files = match reconciled.named("Secret", namespace, name) {
        None => Err("is not in the repository".to_owned()),
        Some(secret) => clear(secret).map_err(|what| format!("{what} ({})", short(&secret.place()))),
    };
    Trust { secret: shown, files }
}

fn short(place: &Place) -> String {
    format!("{}:{}", place.path, place.line)
}

/// Returns what a Secret holds, if it stands there in clear.
fn clear(secret: &Resource) -> Result<BTreeMap<String, Vec<u8>>, &'static str> {
    if secret.tree.field("sops").is_some() {
        return Err("is encrypted");
    }
    let mut files = BTreeMap::new();
    let text = |value: &Tree| match value {
        Tree::Leaf(leaf) if !leaf.null => leaf.text.as_deref().ok().map(str::to_owned),
        _ => None,
    };
    for (key, value) in secret.tree.entries(&["data"]) {
        let text = text(value).ok_or("holds what can't be told")?;
        if text.starts_with("ENC[") {
            return Err("is encrypted");
        }
        let packed: String = text.split_whitespace().collect();
        let bytes = base64::engine::general_purpose::STANDARD.decode(packed).map_err(|_| "holds what is no base64")?;
        files.insert(key.to_string(), bytes);
    }
    for (key, value) in secret.tree.entries(&["stringData"]) {
        let text = text(value).ok_or("holds what can't be told")?;
        if text.starts_with("ENC[") {
            return Err("is encrypted");
        }
        files.insert(key.to_string(), text.into_bytes());
    }
    if files.is_empty() { Err("holds nothing that is written here") } else { Ok(files) }
}
