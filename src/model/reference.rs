//! What a source asks for: its fields, where each is written, and which of them Flux obeys.

use super::{Digest, FindingCode, Place, Slot, Tag, Version};

/// A version-bearing field of a Flux object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FieldName {
    /// `OCIRepository.spec.ref.digest`, or the digest of an image.
    Digest,
    /// `spec.ref.semver`.
    Semver,
    /// `spec.ref.semverFilter`.
    SemverFilter,
    /// `spec.ref.tag`, or the tag of an image.
    Tag,
    /// A chart's `version`.
    Version,
    /// `GitRepository.spec.ref.commit`.
    Commit,
    /// `GitRepository.spec.ref.name`.
    Name,
    /// `GitRepository.spec.ref.branch`.
    Branch,
    /// A whole image reference, `name:tag@digest`.
    Image,
}

/// A value as Flux sees it, and the slots it came through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// The effective text, or why it can't be told.
    pub text: Result<String, Unknown>,
    /// From where Flux reads it to where it is written; the last one decides. Never empty for a written value.
    pub chain: Vec<Slot>,
    /// The field that Flux obeys instead, where that is so.
    pub shadowed_by: Option<FieldName>,
    /// The `$imagepolicy` marker beside the deciding slot: `namespace:name[:field]`.
    pub marker: Option<String>,
}

/// The fields of one source's reference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reference {
    /// Each field that is given, in the order of [`FieldName`].
    pub fields: Vec<(FieldName, Value)>,
}

/// Why something can't be told. Unknown is never yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The finding that says why.
    pub code: FindingCode,
    /// For people: what could not be read.
    pub message: String,
    /// Where that is.
    pub place: Option<Place>,
}

/// Which version a reference chooses, after all of Flux's precedence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A `tag` that parses as a version, an equality of three parts, or a digest.
    Pin {
        /// The field that decides.
        field: FieldName,
        /// The pinned tag as written (for `= 1.2.3` the version alone); none for a digest alone.
        tag: Option<Tag>,
        /// Its version; none for a digest alone.
        version: Option<Version>,
        /// The digest, if it stands in the reference.
        digest: Option<Digest>,
    },
    /// A `semver` or chart `version` that several versions may fit.
    Range {
        /// The field that decides.
        field: FieldName,
        /// The constraint as written.
        constraint: String,
        /// `semverFilter`, if given.
        filter: Option<String>,
    },
    /// A tag that is no version, a branch, a commit, nothing given: its version can't be told.
    Floating {
        /// The field that decides; none if nothing is given.
        field: Option<FieldName>,
        /// What stands there.
        text: String,
    },
    /// Something that decides could not be read.
    Unknown(Unknown),
}

impl Reference {
    /// Returns the value of a field, if it is given.
    pub fn field(&self, name: FieldName) -> Option<&Value> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }
}

impl Value {
    /// Returns the slot that decides: the end of the chain.
    pub fn deciding_slot(&self) -> Option<&Slot> {
        self.chain.last()
    }
}

impl FieldName {
    /// Returns the key as Flux writes it: `tag`, `semverFilter`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::Semver => "semver",
            Self::SemverFilter => "semverFilter",
            Self::Tag => "tag",
            Self::Version => "version",
            Self::Commit => "commit",
            Self::Name => "name",
            Self::Branch => "branch",
            Self::Image => "image",
        }
    }

    /// Returns the word of the JSON documents: `tag`, `semver`, `digest`, `version`, `commit`, `branch`, `image`.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::Semver | Self::SemverFilter => "semver",
            Self::Tag => "tag",
            Self::Version => "version",
            Self::Commit => "commit",
            Self::Name | Self::Branch => "branch",
            Self::Image => "image",
        }
    }
}
