//! The signatures that a source's own `spec.verify` demands.

use std::collections::BTreeMap;

use super::Place;

/// What a source's `spec.verify` demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verify {
    /// Who verifies, as written: `cosign`, `notation`.
    pub provider: String,
    /// What must hold.
    pub demand: Demand,
    /// Where it is written.
    pub place: Place,
}

/// What must hold of the signatures of some content: one of them is enough, as for Flux.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Demand {
    /// A signature by one of the public keys of a Secret (`*.pub`).
    Keys(Trust),
    /// A signature without a key, by one of these identities; by anybody if there are none.
    Identities {
        /// Who may have signed.
        any_of: Vec<SignerIdentity>,
        /// What is trusted instead of the public good instance of Sigstore (`trusted_root.json`).
        root: Option<Trust>,
    },
    /// A signature that a Secret's trust policy and certificates accept (`trustpolicy.json`, `*.crt`, `*.pem`).
    Policy(Trust),
    /// Something that nobody here can verify, and why.
    Unsupported(String),
}

/// Who signed without a key. Both are Go regular expressions, which match anywhere in the text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignerIdentity {
    /// Who vouches for the subject.
    pub issuer: String,
    /// The workflow or person.
    pub subject: String,
}

/// What a Secret of the cluster holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Trust {
    /// `namespace/name`.
    pub secret: String,
    /// Its keys and values, where the repository holds them in clear; else what is the matter with it.
    pub files: Result<BTreeMap<String, Vec<u8>>, String>,
}
