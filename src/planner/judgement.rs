//! Every rule's answer to one version for one environment, so that all that say no are named at once.

use super::evidence::{self, Before, Candidate};
use super::inquiry::Inquiry;
use super::{Fleet, Request, rules};
use crate::model::{Environment, Failure, Proof, Reason, ReasonCode, Source, Verdict};

/// What the rules say.
#[derive(Default)]
pub(super) struct Judgement {
    /// Each rule that says no.
    pub(super) objections: Vec<Reason>,
    /// What speaks for it, or is worth knowing.
    pub(super) grounds: Vec<Reason>,
    /// The environments before that ran it.
    pub(super) proofs: Vec<Proof>,
    /// Whether one of the objections is that something can't be told.
    pub(super) unknown: bool,
    /// The error behind that.
    pub(super) failure: Option<Failure>,
}

impl Judgement {
    /// Returns yes, no, or that it can't be told.
    pub(super) fn verdict(&self) -> Verdict {
        match (self.objections.is_empty(), self.unknown) {
            (true, _) => Verdict::Advance,
            (false, true) => Verdict::Unknown,
            (false, false) => Verdict::Blocked,
        }
    }

    /// Returns what to tell: what says no, else what speaks for it.
    pub(super) fn into_reasons(self) -> Vec<Reason> {
        if self.objections.is_empty() { self.grounds } else { self.objections }
    }
}

/// Asks each rule about a version that is newer than the pin.
pub(super) fn judge<'a>(
    request: &Request,
    fleet: Fleet<'a>,
    inquiry: &Inquiry<'a>,
    (source, environment, before): (&Source, &Environment, &Before<'a>),
    candidate: &Candidate<'_>,
) -> Option<Judgement> {
    let definition = fleet.apps.iter().find(|definition| definition.name == source.app);
    let objections = rules::objections(request, fleet.stages, definition, environment, candidate.version);
    let mut judgement = Judgement { objections, ..Judgement::default() };
    if before.is_empty() {
        let message = format!("no earlier stage than {} has the app", environment.name);
        let reason = Reason { code: ReasonCode::NoEarlierStage, message, place: None };
        let list = if request.goal.needs_earlier_stage() { &mut judgement.objections } else { &mut judgement.grounds };
        list.push(reason);
        return Some(judgement);
    }
    match before.judge(request, environment, candidate, inquiry)? {
        evidence::Verdict::Yes(reason, proofs) => {
            judgement.grounds.push(reason);
            judgement.proofs = proofs;
        }
        evidence::Verdict::No(reasons) => judgement.objections.extend(reasons),
        evidence::Verdict::Unknown(reason, failure) => {
            judgement.unknown = true;
            judgement.failure = failure;
            judgement.objections.push(reason);
        }
    }
    Some(judgement)
}
