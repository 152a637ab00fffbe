//! A plan gets its edits; what can't be edited surely, or would move somebody else, is blocked.

use std::collections::{BTreeSet, HashMap};

use super::edits_for;
use crate::model::{
    AppName, EnvironmentName, Inventory, Plan, Problem as _, Reason, ReasonCode, Slot, Stages, Step, Verdict,
};

/// The first step of each app and environment.
type StepsByName<'a> = HashMap<(&'a AppName, &'a EnvironmentName), &'a Step>;

/// Names the scalars that each step replaces. A step that can't be made, or whose place also decides an environment of
/// another stage or one that may not move, is blocked, with the reason beside those of other rules.
pub fn complete(plan: &mut Plan, inventory: &Inventory, stages: &Stages) {
    for step in &mut plan.steps {
        name_edits(step, inventory);
    }
    refuse_lone_moves(plan, inventory, stages);
    for step in plan.steps.iter_mut().filter(|step| step.verdict != Verdict::Advance) {
        step.edits.clear();
    }
}

fn name_edits(step: &mut Step, inventory: &Inventory) {
    for moved in &step.moves {
        let parts = inventory.sources_of(&step.app, &step.environment);
        for source in parts.filter(|source| source.id == moved.source) {
            match edits_for(source, inventory, &moved.tag, moved.digest.as_ref()) {
                Ok(edits) => step.edits.extend(edits),
                Err(refusal) => {
                    let place = refusal.place().cloned();
                    let reason = Reason { code: ReasonCode::NotEditable, message: refusal.to_string(), place };
                    if step.verdict == Verdict::Advance {
                        step.verdict = Verdict::Blocked;
                        step.reasons.clear();
                    }
                    step.reasons.push(reason);
                }
            }
        }
    }
    let mut seen = Vec::new();
    step.edits.retain(|edit| {
        let is_new = !seen.contains(edit);
        seen.push(edit.clone());
        is_new
    });
}

/// Blocks each step whose edits would move an environment outside its stage, or one that may not move.
fn refuse_lone_moves(plan: &mut Plan, inventory: &Inventory, stages: &Stages) {
    let mut by_name: StepsByName<'_> = HashMap::new();
    for step in &plan.steps {
        by_name.entry((&step.app, &step.environment)).or_insert(step);
    }
    let mut refused = Vec::new();
    for (index, step) in plan.steps.iter().enumerate() {
        for edit in &step.edits {
            if let Some(reason) = objection(step, &edit.slot, &by_name, inventory, stages) {
                refused.push((index, reason));
            }
        }
    }
    for (index, reason) in refused {
        let Some(step) = plan.steps.get_mut(index) else { continue };
        if step.verdict == Verdict::Advance {
            // What spoke for it is no reason to refuse it.
            step.reasons.clear();
            step.verdict = Verdict::Blocked;
        }
        step.edits.clear();
        if !step.reasons.contains(&reason) {
            step.reasons.push(reason);
        }
    }
}

/// Returns the environments that a place decides.
fn environments_of<'a>(slot: &Slot, inventory: &'a Inventory) -> BTreeSet<&'a EnvironmentName> {
    let written = inventory.written_in(slot.path()).iter().filter(|written| written.slot == *slot);
    let sources = written.flat_map(|written| &written.decides).filter_map(|(index, _)| inventory.sources.get(*index));
    sources.map(|source| &source.environment).collect()
}

fn objection(
    step: &Step,
    slot: &Slot,
    steps: &StepsByName<'_>,
    inventory: &Inventory,
    stages: &Stages,
) -> Option<Reason> {
    let rank = stages.rank(&step.environment);
    let blocked =
        |message| Some(Reason { code: ReasonCode::SharedOutsideStage, message, place: Some(slot.place.clone()) });
    for environment in environments_of(slot, inventory) {
        if *environment == step.environment {
            continue;
        }
        if stages.rank(environment) != rank {
            return blocked(format!("{environment} reads its version from the same place, and is of another stage"));
        }
        if step.verdict != Verdict::Advance {
            continue;
        }
        let sister = steps.get(&(&step.app, environment));
        if sister.is_some_and(|sister| !matches!(sister.verdict, Verdict::Advance | Verdict::Current)) {
            return blocked(format!("{environment} reads its version from the same place, and may not move"));
        }
    }
    None
}
