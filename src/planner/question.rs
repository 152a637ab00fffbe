//! What planning must know of registries, and what they answered.

use std::collections::{BTreeMap, HashMap};

use crate::model::{Artifact, Demand, Digest, Failure};

/// Something only a registry knows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// All tags of an artifact, completely.
    Tags(Artifact),
    /// The manifest under a tag or digest.
    Manifest(Artifact, String),
    /// Whether content carries a signature that is demanded.
    Signature(Artifact, Digest, Demand),
}

/// What was answered.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The tags, in the registry's order.
    Tags(Vec<String>),
    /// The manifest exists.
    Manifest(Facts),
    /// A signature holds: whose.
    Signed(String),
    /// None does: why.
    Unsigned(String),
    /// The registry says that there is none.
    Missing,
    /// It could not be told.
    Failed(Failure),
}

/// What a manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The digest, computed from its bytes.
    pub digest: Digest,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

/// All answers so far.
#[derive(Clone, Debug, Default)]
pub struct Answers(HashMap<Question, Answer>);

impl Answers {
    /// Remembers an answer.
    pub fn insert(&mut self, question: Question, answer: Answer) {
        self.0.insert(question, answer);
    }

    /// Returns the answer to a question, if it was given.
    pub fn to(&self, question: &Question) -> Option<&Answer> {
        self.0.get(question)
    }

    /// Returns every failure, in no order.
    pub fn failures(&self) -> impl Iterator<Item = (&Question, &Failure)> {
        self.0.iter().filter_map(|(question, answer)| match answer {
            Answer::Failed(failure) => Some((question, failure)),
            _ => None,
        })
    }
}
