//! What can be wrong with a configuration, whichever file it stands in.

use crate::constraint::ConstraintError;
use crate::model::{ArtifactError, NameError, Problem as _, RepoPathError, VersionError};

/// What is wrong with a value or a key.
#[derive(Debug, thiserror::Error)]
pub enum Fact {
    /// Bytes that are no UTF-8.
    #[error("the text is not UTF-8")]
    Encoding,
    /// More bytes than any configuration needs.
    #[error("the file is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// YAML that can't be read.
    #[error("{message}")]
    Syntax {
        /// What the parser says.
        message: String,
    },
    /// A key that stands twice in one mapping.
    #[error("the key `{key}` stands here twice")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A key that means nothing here.
    #[error("unknown key `{key}`")]
    UnknownKey {
        /// The key, escaped.
        key: String,
        /// The known key that is nearest to it, if one is near.
        nearest: Option<String>,
        /// Every key that may stand here.
        known: Vec<String>,
    },
    /// A key of the contract whose rule this version can't obey.
    #[error("`{rule}` is not built yet, and no rule is ever ignored")]
    NotBuilt {
        /// The key, or key and value.
        rule: String,
    },
    /// A key that must be there.
    #[error("the key `{key}` is missing")]
    MissingKey {
        /// The key.
        key: String,
    },
    /// A value of another type.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What may stand here.
        expected: String,
        /// What stands here.
        found: String,
    },
    /// A word that is none of those that may stand here.
    #[error("`{word}` is not one of {}", quoted(.known))]
    UnknownWord {
        /// The word, escaped.
        word: String,
        /// The one that is nearest to it, if one is near.
        nearest: Option<String>,
        /// Every word that may stand here.
        known: Vec<String>,
    },
    /// A text that its type refuses.
    #[error("{message}")]
    Malformed {
        /// Why.
        message: String,
        /// What to write instead.
        help: &'static str,
    },
    /// A `version:` of the file that this program doesn't know.
    #[error("version {version} of this file is not known here")]
    FileVersion {
        /// The version.
        version: u64,
    },
    /// Both forms of the same thing.
    #[error("`{one}` and `{other}` exclude each other")]
    Both {
        /// One key.
        one: &'static str,
        /// The other.
        other: &'static str,
    },
    /// A name that was given before.
    #[error("the name `{name}` is given twice")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A stage and an environment of one name that are not the same.
    #[error("`{name}` names a stage and an environment that is not all of it")]
    AmbiguousName {
        /// The name.
        name: String,
    },
    /// A name that is neither an environment nor a stage.
    #[error("no environment and no stage is called `{name}`")]
    UnknownPlace {
        /// The name.
        name: String,
        /// The name that is nearest to it, if one is near.
        nearest: Option<String>,
    },
    /// `from` names the environment itself.
    #[error("`{name}` can't wait for itself")]
    FromItself {
        /// The environment.
        name: String,
    },
    /// `from` names a later stage.
    #[error("`{name}` comes later than `{environment}`")]
    FromLater {
        /// What `from` names.
        name: String,
        /// The environment whose rule it is.
        environment: String,
    },
    /// Environments that wait for one another.
    #[error("{} wait for one another", quoted(.names))]
    FromCycle {
        /// The environments of the cycle.
        names: Vec<String>,
    },
    /// A name's grammar.
    #[error(transparent)]
    Name(NameError),
    /// A path's grammar.
    #[error(transparent)]
    Path(RepoPathError),
    /// An artifact's grammar.
    #[error(transparent)]
    Artifact(ArtifactError),
    /// A range's grammar.
    #[error(transparent)]
    Range(ConstraintError),
    /// A version's grammar.
    #[error(transparent)]
    Version(VersionError),
}

fn quoted(words: &[String]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

impl Fact {
    /// Makes the fact that a key is unknown, with the nearest known one.
    pub(super) fn unknown_key<'a>(key: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<String> = known.into_iter().map(str::to_owned).collect();
        let nearest = nearest(key, known.iter().map(String::as_str));
        Self::UnknownKey { key: key.escape_debug().to_string(), nearest, known }
    }

    /// Makes the fact that a word is unknown, with the nearest known one.
    pub(super) fn unknown_word<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<String> = known.into_iter().map(str::to_owned).collect();
        let nearest = nearest(word, known.iter().map(String::as_str));
        Self::UnknownWord { word: word.escape_debug().to_string(), nearest, known }
    }

    /// Returns a stable name: lower-case words with dashes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Encoding => "configuration-encoding",
            Self::TooLarge { .. } => "configuration-too-large",
            Self::Syntax { .. } => "configuration-syntax",
            Self::DuplicateKey { .. } => "configuration-duplicate-key",
            Self::UnknownKey { .. } => "configuration-unknown-key",
            Self::NotBuilt { .. } => "configuration-not-built",
            Self::MissingKey { .. } => "configuration-missing-key",
            Self::WrongType { .. } => "configuration-type",
            Self::FileVersion { .. } => "configuration-version",
            Self::Both { .. } => "configuration-contradiction",
            Self::DuplicateName { .. } | Self::AmbiguousName { .. } => "configuration-duplicate-name",
            Self::UnknownPlace { .. } => "configuration-unknown-environment",
            Self::FromItself { .. } | Self::FromLater { .. } | Self::FromCycle { .. } => "configuration-from",
            Self::UnknownWord { .. }
            | Self::Malformed { .. }
            | Self::Name(_)
            | Self::Path(_)
            | Self::Artifact(_)
            | Self::Range(_)
            | Self::Version(_) => "configuration-value",
        }
    }

    /// Returns what to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Encoding => "save the file as UTF-8".to_owned(),
            Self::TooLarge { .. } => "a configuration names environments and rules, nothing else".to_owned(),
            Self::Syntax { .. } => "the file must be one YAML document".to_owned(),
            Self::DuplicateKey { key } => format!("keep one `{key}`"),
            Self::UnknownKey { nearest: Some(nearest), .. }
            | Self::UnknownWord { nearest: Some(nearest), .. }
            | Self::UnknownPlace { nearest: Some(nearest), .. } => format!("did you mean `{nearest}`?"),
            Self::UnknownKey { known, .. } if known.is_empty() => "no key may stand here".to_owned(),
            Self::UnknownKey { known, .. } => format!("these keys may stand here: {}", quoted(known)),
            Self::UnknownWord { known, .. } => format!("write one of {}", quoted(known)),
            Self::NotBuilt { .. } => "remove it until a version of promote knows it".to_owned(),
            Self::MissingKey { key } => format!("add `{key}:`"),
            Self::WrongType { expected, found } => wrong_type_hint(expected, found),
            Self::Malformed { help, .. } => (*help).to_owned(),
            Self::FileVersion { .. } => "write `version: 1`, or use a newer promote".to_owned(),
            Self::Both { one, other } => format!("keep `{one}` or `{other}`"),
            Self::DuplicateName { .. } => "give each its own name".to_owned(),
            Self::AmbiguousName { .. } => "give the stage or the environment another name".to_owned(),
            Self::UnknownPlace { .. } => "names of environments and stages stand under `stages:`".to_owned(),
            Self::FromItself { .. } => "name an environment or a stage that comes before it".to_owned(),
            Self::FromLater { .. } => "name an earlier stage, or move it up: stages stand in order".to_owned(),
            Self::FromCycle { .. } => "let one of them wait for an earlier stage".to_owned(),
            Self::Name(_) => "write a name without control characters that does not begin with `-`".to_owned(),
            Self::Path(_) => "write a path below the repository's root, such as `clusters/production`".to_owned(),
            Self::Artifact(_) => "write it as `oci://registry.example.com/my-app`".to_owned(),
            Self::Range(error) => error.hint().unwrap_or_default(),
            Self::Version(_) => "write a whole version, such as `v1.2.3`".to_owned(),
        }
    }
}

fn wrong_type_hint(expected: &str, found: &str) -> String {
    if found == "nothing" {
        "give it a value, or remove the key".to_owned()
    } else if expected.starts_with("a text") && !found.starts_with("a list") && !found.starts_with("a mapping") {
        "put it in quotes".to_owned()
    } else {
        format!("write {expected}")
    }
}

/// Returns the known word that is nearest to a mistyped one, if one is near enough to be meant.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let normal = |text: &str| text.to_lowercase().replace('-', "_");
    let wanted = normal(word);
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&wanted, &normal(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count() / 4)
        .filter(|(distance, _)| *distance < wanted.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned())
}
