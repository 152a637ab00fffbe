//! Places that several environments share move them together, or not at all.

use std::collections::BTreeSet;

use super::Fleet;
use crate::model::{EnvironmentName, Plan, Reason, ReasonCode, Slot, Step, Verdict};

/// Blocks each step whose edits would move an environment outside its stage, or one that may not move.
pub(super) fn refuse_lone_moves(plan: &mut Plan, fleet: Fleet<'_>) {
    let mut refused = Vec::new();
    for (index, step) in plan.steps.iter().enumerate().filter(|(_, step)| step.verdict == Verdict::Advance) {
        for edit in &step.edits {
            if let Some(reason) = objection(step, &edit.slot, plan, fleet) {
                refused.push((index, reason));
            }
        }
    }
    for (index, reason) in refused {
        if let Some(step) = plan.steps.get_mut(index) {
            step.verdict = Verdict::Blocked;
            step.edits.clear();
            if !step.reasons.contains(&reason) {
                step.reasons.retain(|reason| reason.code == ReasonCode::SharedOutsideStage);
                step.reasons.push(reason);
            }
        }
    }
}

/// Returns the environments that a place decides.
pub(super) fn environments_of<'a>(slot: &Slot, fleet: Fleet<'a>) -> BTreeSet<&'a EnvironmentName> {
    let written = fleet.inventory.written.iter().filter(|written| written.slot == *slot);
    let sources =
        written.flat_map(|written| &written.decides).filter_map(|(index, _)| fleet.inventory.sources.get(*index));
    sources.map(|source| &source.environment).collect()
}

fn objection(step: &Step, slot: &Slot, plan: &Plan, fleet: Fleet<'_>) -> Option<Reason> {
    let rank = fleet.stages.rank(&step.environment);
    let blocked =
        |message| Some(Reason { code: ReasonCode::SharedOutsideStage, message, place: Some(slot.place.clone()) });
    for environment in environments_of(slot, fleet) {
        if *environment == step.environment {
            continue;
        }
        if fleet.stages.rank(environment) != rank {
            return blocked(format!("{environment} reads its version from the same place, and is of another stage"));
        }
        let sister = plan.steps.iter().find(|other| other.app == step.app && other.environment == *environment);
        if sister.is_some_and(|sister| !matches!(sister.verdict, Verdict::Advance | Verdict::Current)) {
            return blocked(format!("{environment} reads its version from the same place, and may not move"));
        }
    }
    None
}
