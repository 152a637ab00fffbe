//! Inventory, versions and rules give a plan: each app and environment with its verdict and every reason.
//!
//! Planning is pure. What it must know of registries it asks as [`Question`]s; the caller answers them in one batch
//! and plans again, until nothing is asked. A failed answer makes what hangs on it unknown, and unknown is never yes.

mod asked;
mod change;
mod check;
mod choose;
mod concerned;
mod evidence;
mod inquiry;
mod judgement;
mod older;
mod question;
mod rules;
mod running;
mod step;
mod target;
mod why;

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use crate::model::{
    AppDefinition, AppName, Choice, Chosen, EnvironmentName, Evidence, Inventory, Plan, Source, Stages,
};

pub use asked::{AskError, app_named, apps, environments_named, nearest_tags};
pub use change::{Bundle, Change, Grouping, changes};
pub use check::{Base, Checking, check, pinned_by_tag, production};
pub use choose::{first_stage, is_pinned, pinned_stages};
pub use concerned::{Concerned, concerned};
pub use older::older_choices;
pub use question::{Answer, Answers, Facts, Question};
pub use target::spellings;
pub use why::{Tagged, why};

use inquiry::Inquiry;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// The apps, in the order of the plan.
    pub apps: Vec<AppName>,
    /// Only these environments; none: all.
    pub environments: Option<BTreeSet<EnvironmentName>>,
    /// Where each should go.
    pub goal: Goal,
    /// What it is for.
    pub purpose: Purpose,
    /// Why, as the person or job said.
    pub reason: Option<String>,
    /// The time for which freezes and holds are judged.
    pub now: Timestamp,
}

/// What a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To look: nobody gave a reason yet.
    Look,
    /// To write: a rule that asks for a reason holds.
    Write,
}

/// Where an environment should go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Goal {
    /// To this version, as a person typed it.
    Version(String),
    /// To what the environment before runs, because a person asked for the app.
    FollowTyped,
    /// To what the environment before runs, if that is due.
    FollowDue,
}

impl Goal {
    /// Returns what counts as evidence where no rule says.
    fn default_evidence(&self) -> Evidence {
        match self {
            Self::Version(_) => Evidence::Admitted,
            Self::FollowTyped | Self::FollowDue => Evidence::Selected,
        }
    }

    /// Tells whether a version may go on where no earlier stage has the app.
    fn needs_earlier_stage(&self) -> bool {
        !matches!(self, Self::Version(_))
    }
}

/// What a plan is made from, beside the answers.
#[derive(Clone, Copy, Debug)]
pub struct Fleet<'a> {
    /// The environments, their order and rules.
    pub stages: &'a Stages,
    /// What each of them runs.
    pub inventory: &'a Inventory,
    /// What `apps:` says.
    pub apps: &'a [AppDefinition],
    /// The registries that are one, by what `same:` says.
    pub same: &'a [String],
}

/// A plan, or what must be asked first.
#[derive(Clone, Debug, PartialEq)]
pub enum Planning {
    /// Nothing is open.
    Done(Plan),
    /// These questions must be answered first.
    Needs(BTreeSet<Question>),
}

/// Returns what a source chooses, as far as the answers tell it.
pub fn known(source: &Source, answers: &Answers) -> Option<Chosen> {
    let inquiry = Inquiry::new(answers);
    running::running(source, &inquiry).and_then(|running| running.chosen().cloned())
}

/// Plans every asked app in every asked environment that has it.
///
/// Steps come in the order of apps, then of environments.
pub fn plan(request: &Request, fleet: Fleet<'_>, answers: &Answers) -> Planning {
    let inquiry = Inquiry::new(answers);
    let sources = by_app(fleet.inventory);
    let judge = step::Judge { request, fleet, sources: &sources, inquiry: &inquiry };
    let mut steps = Vec::new();
    for app in &request.apps {
        let moved_along = moved_along(app, request, fleet);
        for environment in fleet.stages.environments() {
            let asked = request.environments.as_ref().is_none_or(|only| only.contains(&environment.name));
            let planned = asked || moved_along.contains(&environment.name);
            if planned {
                steps.extend(judge.step(app, environment));
            }
        }
    }
    let open = inquiry.into_open();
    if !open.is_empty() {
        return Planning::Needs(open);
    }
    Planning::Done(Plan { steps })
}

/// Finds the sources of each app once: a fleet has thousands of them, and each is asked for many times.
fn by_app(inventory: &Inventory) -> HashMap<&AppName, Vec<&Source>> {
    let mut sources: HashMap<&AppName, Vec<&Source>> = HashMap::new();
    for source in &inventory.sources {
        sources.entry(&source.app).or_default().push(source);
    }
    sources
}

/// Returns the environments of the asked ones' stages whose pin stands in the same place: one edit moves all of them.
fn moved_along<'a>(app: &AppName, request: &Request, fleet: Fleet<'a>) -> BTreeSet<&'a EnvironmentName> {
    let Some(asked) = &request.environments else { return BTreeSet::new() };
    let inventory = fleet.inventory;
    let is_asked = |source: &Source| {
        source.app == *app && asked.contains(&source.environment) && matches!(source.choice, Choice::Pin { .. })
    };
    let mut along = BTreeSet::new();
    for written in &inventory.written {
        let sources: Vec<_> = written.decides.iter().filter_map(|(index, _)| inventory.sources.get(*index)).collect();
        for source in sources.iter().filter(|source| is_asked(source)) {
            let rank = fleet.stages.rank(&source.environment);
            let sisters = sources.iter().map(|sister| &sister.environment);
            along.extend(sisters.filter(|sister| fleet.stages.rank(sister) == rank));
        }
    }
    along
}

#[cfg(test)]
mod tests;
