//! Which stage a promotion moves: the first that holds a pin that is not there yet.

use std::collections::BTreeSet;

use crate::model::{EnvironmentName, Plan, ReasonCode, Stages, Step, Verdict};

/// Tells whether a step's environment holds a pin.
pub fn is_pinned(step: &Step) -> bool {
    step.from.is_some() && step.verdict != Verdict::Follows
}

/// Tells whether a step's pin is, or may be, older than what it would move to.
fn is_pending(step: &Step) -> bool {
    let has_moved_on =
        step.verdict == Verdict::Blocked && step.reasons.iter().any(|reason| reason.code == ReasonCode::Older);
    is_pinned(step) && step.verdict != Verdict::Current && !has_moved_on
}

/// Returns the environments of the first stage that holds a pin that is not there yet; none if every pin is.
///
/// Environments without rank stand in one stage: without an order there is no first one among them.
pub fn first_stage(plan: &Plan, stages: &Stages) -> Option<BTreeSet<EnvironmentName>> {
    stages.stages.iter().find_map(|stage| {
        let here = |step: &&Step| stage.environments.iter().any(|environment| environment.name == step.environment);
        let pending = plan.steps.iter().filter(here).any(is_pending);
        pending.then(|| stage.environments.iter().map(|environment| environment.name.clone()).collect())
    })
}

/// Returns how many stages hold a pin.
pub fn pinned_stages(plan: &Plan, stages: &Stages) -> usize {
    let ranks: BTreeSet<_> =
        plan.steps.iter().filter(|step| is_pinned(step)).map(|step| stages.rank(&step.environment)).collect();
    ranks.len()
}
