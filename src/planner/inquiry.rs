//! Looks answers up, and notes the questions that are still open.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::question::{Selected, Selector};
use super::{Answer, Answers, Facts, Question};
use crate::model::{Artifact, Demand, Digest, Failure};

/// Answers so far, and what was asked without one.
///
/// Each look-up returns none while its question is open; a step that meets one is judged again later, and goes on
/// looking elsewhere meanwhile, so that one batch asks all that is known to be needed.
pub(super) struct Inquiry<'a> {
    answers: &'a Answers,
    open: RefCell<BTreeSet<Question>>,
}

/// What a manifest look-up gave.
pub(super) enum Found<'a> {
    Yes(&'a Facts),
    No,
    Failed(&'a Failure),
}

/// What verifying gave.
pub(super) enum Signature<'a> {
    Holds(&'a str),
    None(&'a str),
    Failed(&'a Failure),
}

impl<'a> Inquiry<'a> {
    pub(super) fn new(answers: &'a Answers) -> Self {
        Self { answers, open: RefCell::default() }
    }

    pub(super) fn into_open(self) -> BTreeSet<Question> {
        self.open.into_inner()
    }

    fn look_up(&self, question: Question) -> Option<&'a Answer> {
        let answer = self.answers.to(&question);
        if answer.is_none() {
            self.open.borrow_mut().insert(question);
        }
        answer
    }

    /// Returns the complete list of tags; an artifact that the registry doesn't have has none.
    pub(super) fn tags(&self, artifact: &Artifact) -> Option<Result<&'a [String], &'a Failure>> {
        Some(match self.look_up(Question::Tags(artifact.clone()))? {
            Answer::Tags(tags) => Ok(tags),
            Answer::Failed(failure) => Err(failure),
            _ => Ok(&[]),
        })
    }

    /// Returns what a range selects among tags that were answered; only the first to ask has it computed.
    pub(super) fn selected(
        &self,
        selector: Selector,
        select: impl FnOnce() -> Result<Selected, String>,
    ) -> Result<Selected, String> {
        self.answers.selected(selector, select)
    }

    /// Returns what stands under a tag or digest.
    pub(super) fn manifest(&self, artifact: &Artifact, reference: &str) -> Option<Found<'a>> {
        Some(match self.look_up(Question::Manifest(artifact.clone(), reference.to_owned()))? {
            Answer::Manifest(facts) => Found::Yes(facts),
            Answer::Failed(failure) => Found::Failed(failure),
            _ => Found::No,
        })
    }

    /// Returns whose signature some content carries, or why none holds.
    pub(super) fn signature(&self, artifact: &Artifact, digest: &Digest, demand: &Demand) -> Option<Signature<'a>> {
        let question = Question::Signature(artifact.clone(), digest.clone(), demand.clone());
        Some(match self.look_up(question)? {
            Answer::Signed(whose) => Signature::Holds(whose),
            Answer::Unsigned(why) => Signature::None(why),
            Answer::Failed(failure) => Signature::Failed(failure),
            // Whatever else was answered is no yes.
            _ => Signature::None("it is not there"),
        })
    }
}
