//! The keys of `promote.yaml` as people write them. What they mean is checked elsewhere.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, Visitor};

use crate::config::document::{Located, Named};

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Document {
    pub version: Option<Located<u64>>,
    pub stages: Option<Located<Vec<Located<Stage>>>>,
    pub environments: Option<Located<Vec<Located<Environment>>>>,
    pub apps: Named<App>,
    pub same: Option<Located<Vec<Located<String>>>>,
    pub auto: Option<Auto>,
    pub pull_request: Option<PullRequest>,
    pub links: Named<String>,
}

/// The keys that a stage and an environment share.
macro_rules! with_rules {
    ($(#[$attribute:meta])* pub struct $name:ident { $($field:ident: $type:ty,)* }) => {
        $(#[$attribute])*
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $(pub $field: $type,)*
            from: Option<Located<OneOrMany>>,
            range: Option<Located<String>>,
            evidence: Option<Located<Evidence>>,
            soak: Option<Located<IgnoredAny>>,
            digest: Option<Located<Digest>>,
            protection: Option<Located<Protection>>,
            freeze: Option<Vec<Located<Freeze>>>,
            reason: Option<Located<Reason>>,
        }

        impl $name {
            /// Returns the rules that are written here.
            pub fn rules(&self) -> Rules<'_> {
                Rules {
                    from: self.from.as_ref(),
                    range: self.range.as_ref(),
                    evidence: self.evidence.as_ref(),
                    soak: self.soak.as_ref(),
                    digest: self.digest.as_ref(),
                    protection: self.protection.as_ref(),
                    freeze: self.freeze.as_ref(),
                    reason: self.reason.as_ref(),
                }
            }
        }
    };
}

with_rules! {
    /// An entry of `stages:`.
    pub struct Stage {
        name: Located<String>,
        environments: Located<Vec<Located<Environment>>>,
    }
}

with_rules! {
    /// An entry of a stage's `environments:`, or of the short form.
    pub struct Environment {
        name: Located<String>,
        path: Located<String>,
    }
}

/// The rules of a stage or of an environment.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    pub from: Option<&'a Located<OneOrMany>>,
    pub range: Option<&'a Located<String>>,
    pub evidence: Option<&'a Located<Evidence>>,
    pub soak: Option<&'a Located<IgnoredAny>>,
    pub digest: Option<&'a Located<Digest>>,
    pub protection: Option<&'a Located<Protection>>,
    pub freeze: Option<&'a Vec<Located<Freeze>>>,
    pub reason: Option<&'a Located<Reason>>,
}

/// `evidence:`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    Admitted,
    Selected,
    Observed,
}

/// `digest:`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Digest {
    Keep,
    Required,
}

/// `protection:`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protection {
    Warn,
    Require,
}

/// An entry of `freeze:`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    pub days: Option<Vec<Located<String>>>,
    pub hours: Option<Located<String>>,
    pub from: Option<Located<String>>,
    pub until: Option<Located<String>>,
    pub zone: Option<Located<String>>,
    pub reason: Option<String>,
}

/// `reason:`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    #[serde(default)]
    pub required: bool,
    pub pattern: Option<Located<String>>,
}

/// An entry of `apps:`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    pub artifact: Option<Located<OneOrNamed>>,
    pub team: Option<Located<String>>,
    #[serde(default)]
    pub holds: Vec<Located<Hold>>,
    pub parts: Option<Located<Vec<Located<Part>>>>,
}

/// An entry of `parts:`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    pub artifact: Option<Located<OneOrNamed>>,
    pub chart: Option<Located<OneOrNamed>>,
    pub image: Option<Located<String>>,
}

/// An entry of `holds:`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    pub version: Located<String>,
    pub environment: Option<Located<String>>,
    pub reason: Option<String>,
    pub until: Option<Located<String>>,
}

/// `auto:`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auto {
    pub apps: Option<Vec<Located<String>>>,
    pub limit: Option<Located<usize>>,
    pub hours: Option<Located<String>>,
    pub zone: Option<Located<String>>,
}

/// `pull_request:`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PullRequest {
    pub labels: Option<Vec<Located<String>>>,
    #[serde(default)]
    pub reviewers: Vec<Located<String>>,
    #[serde(default)]
    pub teams: Vec<Located<String>>,
    #[serde(default)]
    pub draft: bool,
}

/// A name or a list of names.
#[derive(Debug)]
pub enum OneOrMany {
    One(String),
    Many(Vec<Located<String>>),
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = OneOrMany;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text or a list of texts")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany::One(text.to_owned()))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<OneOrMany, A::Error> {
                let mut many = Vec::new();
                while let Some(item) = items.next_element()? {
                    many.push(item);
                }
                Ok(OneOrMany::Many(many))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// A text for every environment, or one for each.
#[derive(Debug)]
pub enum OneOrNamed {
    One(String),
    Each(Named<String>),
}

impl<'de> Deserialize<'de> for OneOrNamed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = OneOrNamed;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text or a mapping from environments to texts")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOrNamed, E> {
                Ok(OneOrNamed::One(text.to_owned()))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<OneOrNamed, A::Error> {
                Named::deserialize(de::value::MapAccessDeserializer::new(map)).map(OneOrNamed::Each)
            }
        }

        deserializer.deserialize_any(Either)
    }
}
