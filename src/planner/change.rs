//! Which steps go into one pull request.

use crate::model::{AppName, Edit, EnvironmentName, Plan, Stages, Step, Verdict};

/// The steps that one pull request moves: one app in one environment, unless places are shared.
#[derive(Clone, Debug)]
pub struct Change<'a> {
    /// In the plan's order.
    pub steps: Vec<&'a Step>,
}

/// What puts steps together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// One place decides both.
    SharedPlaces,
    /// Also neighbours: places within three lines of one another in one file would conflict when merged.
    Neighbours,
}

/// Groups the steps that advance, in the plan's order.
pub fn changes(plan: &Plan, grouping: Grouping) -> Vec<Change<'_>> {
    let mut changes: Vec<Change<'_>> = Vec::new();
    for step in plan.steps.iter().filter(|step| step.verdict == Verdict::Advance) {
        let (joined, apart): (Vec<_>, Vec<_>) = changes
            .into_iter()
            .partition(|change| change.steps.iter().any(|other| belong_together(step, other, grouping)));
        changes = apart;
        let mut steps: Vec<&Step> = joined.into_iter().flat_map(|change| change.steps).collect();
        steps.push(step);
        changes.push(Change { steps });
    }
    changes
}

fn belong_together(one: &Step, two: &Step, grouping: Grouping) -> bool {
    let near = |one: &Edit, two: &Edit| {
        let neighbours = one.slot.path() == two.slot.path() && one.slot.place.line.abs_diff(two.slot.place.line) <= 3;
        one.slot == two.slot || (grouping == Grouping::Neighbours && neighbours)
    };
    one.edits.iter().any(|edit| two.edits.iter().any(|other| near(edit, other)))
}

impl Change<'_> {
    /// Returns the environment's name if one environment moves, else its stage's.
    pub fn label(&self, stages: &Stages) -> Option<EnvironmentName> {
        let first = self.steps.first()?;
        if self.steps.iter().all(|step| step.environment == first.environment) {
            return Some(first.environment.clone());
        }
        let stage = stages
            .stages
            .iter()
            .find(|stage| stage.environments.iter().any(|environment| environment.name == first.environment));
        stage.map(|stage| stage.name.clone())
    }

    /// Returns the app, or none if several apps move.
    pub fn app(&self) -> Option<&AppName> {
        let first = self.steps.first()?;
        self.steps.iter().all(|step| step.app == first.app).then_some(&first.app)
    }

    /// Returns every edit once, in the plan's order.
    pub fn edits(&self) -> Vec<&Edit> {
        let mut edits: Vec<&Edit> = Vec::new();
        for edit in self.steps.iter().flat_map(|step| &step.edits) {
            if !edits.contains(&edit) {
                edits.push(edit);
            }
        }
        edits
    }
}
