//! Which steps go into one pull request.

use std::collections::BTreeMap;

use crate::model::{AppName, Edit, EnvironmentName, Plan, Stages, Step, Verdict};

/// The steps that one pull request moves: one app in one environment, unless places are shared.
#[derive(Clone, Debug)]
pub struct Change<'a> {
    /// In the plan's order.
    pub steps: Vec<&'a Step>,
}

/// What puts steps together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// One place decides both.
    SharedPlaces,
    /// Also neighbours: places within three lines of one another in one file would conflict when merged.
    Neighbours,
    /// Also steps of one bundle; those of none stay apart.
    Bundles(BTreeMap<(AppName, EnvironmentName), Bundle>),
}

/// Steps that people want in one pull request: of one stage, and of one team there if that is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The stage: no pull request holds moves of two.
    pub stage: EnvironmentName,
    /// The team whose apps they are.
    pub team: Option<String>,
}

impl Grouping {
    /// Puts all of a stage together.
    pub fn by_stage(plan: &Plan, stages: &Stages) -> Self {
        Self::by(plan, stages, |_| Some(None))
    }

    /// Puts a team's apps of a stage together; `team` says whose an app is.
    pub fn by_team<'a>(plan: &Plan, stages: &Stages, team: impl Fn(&AppName) -> Option<&'a str>) -> Self {
        Self::by(plan, stages, |app| team(app).map(|team| Some(team.to_owned())))
    }

    fn by(plan: &Plan, stages: &Stages, team: impl Fn(&AppName) -> Option<Option<String>>) -> Self {
        let bundle = |step: &Step| {
            let mut all = stages.stages.iter();
            let stage = all.find(|stage| stage.environments.iter().any(|one| one.name == step.environment))?;
            let bundle = Bundle { stage: stage.name.clone(), team: team(&step.app)? };
            Some(((step.app.clone(), step.environment.clone()), bundle))
        };
        Self::Bundles(plan.steps.iter().filter_map(bundle).collect())
    }

    fn puts_together(&self, one: &Step, two: &Step) -> bool {
        let Self::Bundles(bundles) = self else { return false };
        let bundle = |step: &Step| bundles.get(&(step.app.clone(), step.environment.clone()));
        bundle(one).is_some_and(|first| bundle(two) == Some(first))
    }
}

/// Groups the steps that advance, in the plan's order.
pub fn changes<'a>(plan: &'a Plan, grouping: &Grouping) -> Vec<Change<'a>> {
    grouped(plan.steps.iter().filter(|step| step.verdict == Verdict::Advance), grouping)
}

fn grouped<'a>(steps: impl Iterator<Item = &'a Step>, grouping: &Grouping) -> Vec<Change<'a>> {
    let mut changes: Vec<Change<'a>> = Vec::new();
    for step in steps {
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

fn belong_together(one: &Step, two: &Step, grouping: &Grouping) -> bool {
    let near = |one: &Edit, two: &Edit| {
        let neighbours = one.slot.path() == two.slot.path() && one.slot.place.line.abs_diff(two.slot.place.line) <= 3;
        one.slot == two.slot || (*grouping != Grouping::SharedPlaces && neighbours)
    };
    let is_near = one.edits.iter().any(|edit| two.edits.iter().any(|other| near(edit, other)));
    is_near || grouping.puts_together(one, two)
}

impl<'a> Change<'a> {
    /// Returns the steps that may go on where some are held; none if each is, or has its place beside one that is.
    pub fn without(&self, held: &[(AppName, EnvironmentName)]) -> Option<Change<'a>> {
        let is_held = |step: &&Step| held.iter().any(|(app, name)| *app == step.app && *name == step.environment);
        let parts = grouped(self.steps.iter().copied(), &Grouping::Neighbours).into_iter();
        let free: Vec<&'a Step> =
            parts.filter(|part| !part.steps.iter().any(is_held)).flat_map(|part| part.steps).collect();
        // In the plan's order.
        let steps: Vec<&'a Step> =
            self.steps.iter().copied().filter(|step| free.iter().any(|one| std::ptr::eq(*one, *step))).collect();
        (!steps.is_empty() && steps.len() < self.steps.len()).then_some(Change { steps })
    }

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
