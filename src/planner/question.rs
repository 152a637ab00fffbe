//! What planning must know of registries, and what they answered.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::model::{Artifact, Demand, Digest, Failure, SourceKind};

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
    Tags(Arc<[String]>),
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
pub struct Answers {
    answers: HashMap<Question, Answer>,
    /// What ranges select among tags that were answered: planning asks it again after each batch.
    selected: RefCell<HashMap<Selector, Result<Selected, String>>>,
}

/// All that decides what a source selects, beside the tags of its artifact.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Selector {
    pub(super) artifact: Artifact,
    pub(super) kind: SourceKind,
    pub(super) helm_layer: bool,
    pub(super) constraint: String,
    pub(super) filter: Option<String>,
}

/// What a range selects.
#[derive(Clone, Debug)]
pub(super) struct Selected {
    /// The tag; none where nothing matches or where several tie.
    pub(super) tag: Option<String>,
    /// The tags that tie.
    pub(super) tied: Vec<String>,
}

impl Answers {
    /// Remembers an answer.
    pub fn insert(&mut self, question: Question, answer: Answer) {
        self.answers.insert(question, answer);
    }

    /// Returns the answer to a question, if it was given.
    pub fn to(&self, question: &Question) -> Option<&Answer> {
        self.answers.get(question)
    }

    /// Returns what a range selects; only the first to ask has it computed.
    pub(super) fn selected(
        &self,
        selector: Selector,
        select: impl FnOnce() -> Result<Selected, String>,
    ) -> Result<Selected, String> {
        self.selected.borrow_mut().entry(selector).or_insert_with(select).clone()
    }

    /// Returns every failure, in no order.
    pub fn failures(&self) -> impl Iterator<Item = (&Question, &Failure)> {
        self.answers.iter().filter_map(|(question, answer)| match answer {
            Answer::Failed(failure) => Some((question, failure)),
            _ => None,
        })
    }
}
