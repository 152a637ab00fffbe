//! Why a change is refused.

use crate::model::{EnvironmentName, Exit, FindingCode, Place, Problem, RepoPath};

/// Why a change is refused. Nothing is written then.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Refusal {
    /// Other places would change with it.
    #[error("{place} is shared by an anchor that an alias uses: other values would change with it")]
    Aliased {
        /// The scalar.
        place: Place,
        /// Where the anchored node begins.
        anchor: Place,
    },
    /// A key on the way to it stands twice.
    #[error("{place} stands under a key that is written twice, again at {other}")]
    DuplicateKey {
        /// The scalar.
        place: Place,
        /// The other key.
        other: Place,
    },
    /// It stands under `<<`.
    #[error("{place} is merged into other mappings by `<<` at {merge}")]
    MergeKey {
        /// The scalar.
        place: Place,
        /// The merge key.
        merge: Place,
    },
    /// It has a tag that is not YAML's own.
    #[error("{place} has a tag of its own, whose meaning is unknown")]
    CustomTag {
        /// The scalar.
        place: Place,
    },
    /// The bytes are not what the inventory read.
    #[error("{place} does not hold `{expected}`")]
    Changed {
        /// The scalar.
        place: Place,
        /// The text that should stand there.
        expected: String,
    },
    /// The way from the text back to the bytes isn't certain.
    #[error("{place} is written in a way that can't be changed surely")]
    Unsure {
        /// The scalar.
        place: Place,
    },
    /// The file, after the change, does not read as planned.
    #[error("{place} would not read as `{after}` after the change")]
    Misread {
        /// The scalar.
        place: Place,
        /// The text that was to be written.
        after: String,
    },
    /// A path that is never written.
    #[error("`{path}` is {what}, which is never written")]
    Denied {
        /// The path.
        path: RepoPath,
        /// What it is.
        what: &'static str,
    },
    /// What it chooses is no pin, or can't be told.
    #[error("`{name}` holds no pin that could be moved: {why}")]
    NotPinned {
        /// The source.
        name: String,
        /// What it holds instead.
        why: String,
        /// Where that stands.
        place: Option<Place>,
    },
    /// A digest stands there and the target's is not known.
    #[error("a digest decides the version at {place}, and the target's digest is not known")]
    DigestUnknown {
        /// The digest.
        place: Place,
    },
    /// The effective text is put together of several texts.
    #[error("{place} is only a part of the version, and `{after}` does not fit around it")]
    Composed {
        /// The part.
        place: Place,
        /// The text that was to be written.
        after: String,
    },
    /// The inventory after the change differs by something that was not planned.
    #[error("the change would alter {what} in {environment}, which is not planned")]
    Unplanned {
        /// Source and field.
        what: String,
        /// The environment.
        environment: EnvironmentName,
        /// Where it is decided.
        place: Option<Place>,
    },
    /// The inventory after the change lacks something that was planned.
    #[error("the change would leave {what} in {environment} as it is")]
    Ineffective {
        /// Source and field.
        what: String,
        /// The environment.
        environment: EnvironmentName,
        /// Where it is decided.
        place: Option<Place>,
    },
}

impl Problem for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Aliased { .. } => "aliased-value",
            Self::DuplicateKey { .. } => "duplicate-key",
            Self::MergeKey { .. } => "merge-key",
            Self::CustomTag { .. } => "custom-tag",
            Self::Changed { .. } => "changed-value",
            Self::Unsure { .. } => "unsure-edit",
            Self::Misread { .. } => "misread-edit",
            Self::Denied { .. } => "denied-path",
            Self::NotPinned { .. } => "not-pinned",
            Self::DigestUnknown { .. } => "digest-unknown",
            Self::Composed { .. } => "composed-value",
            Self::Unplanned { .. } => "unplanned-change",
            Self::Ineffective { .. } => "ineffective-change",
        }
    }

    fn exit(&self) -> Exit {
        Exit::Refused
    }

    fn place(&self) -> Option<&Place> {
        match self {
            Self::Aliased { place, .. }
            | Self::DuplicateKey { place, .. }
            | Self::MergeKey { place, .. }
            | Self::CustomTag { place }
            | Self::Changed { place, .. }
            | Self::Unsure { place }
            | Self::Misread { place, .. }
            | Self::DigestUnknown { place }
            | Self::Composed { place, .. } => Some(place),
            Self::NotPinned { place, .. } | Self::Unplanned { place, .. } | Self::Ineffective { place, .. } => {
                place.as_ref()
            }
            Self::Denied { .. } => None,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Aliased { anchor, .. } => {
                Some(format!("write the value out where the alias stands, and remove the anchor at {anchor}"))
            }
            Self::DuplicateKey { other, .. } => Some(format!("remove one of the two keys, here or at {other}")),
            Self::MergeKey { merge, .. } => Some(format!("write the value out instead of merging it at {merge}")),
            Self::CustomTag { .. } => Some("remove the tag".to_owned()),
            Self::Unsure { .. } | Self::Misread { .. } => {
                Some("write the value as a plain or quoted scalar".to_owned())
            }
            Self::NotPinned { .. } => Some("write an exact tag or version there".to_owned()),
            Self::DigestUnknown { .. } => {
                Some("ask the registry for the digest, or remove the digest there".to_owned())
            }
            Self::Composed { .. } => Some("write the version as one value".to_owned()),
            Self::Changed { .. } => Some("run again: the file has changed since it was read".to_owned()),
            Self::Unplanned { .. } => {
                Some(format!("give the environment a patch of its own ({})", FindingCode::SharedSlot.as_str()))
            }
            Self::Ineffective { .. } => Some("run `promote pins` to see what decides the version".to_owned()),
            Self::Denied { .. } => None,
        }
    }
}
