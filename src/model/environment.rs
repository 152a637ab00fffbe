//! Environments, the stages they form, and the rules that hold for them.

use jiff::{Timestamp, civil, tz::TimeZone};

use super::{AppName, Artifact, EnvironmentName, Place, RepoPath, Version};

/// All stages in order, the first one first.
#[derive(Clone, Debug, PartialEq)]
pub struct Stages {
    /// Where the order comes from.
    pub order: Order,
    /// In order; environments without rank stand in one stage.
    pub stages: Vec<Stage>,
}

/// Where the order of stages comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `promote.yaml` says so.
    Configured,
    /// Told from the environments' names.
    Guessed,
    /// No order is known: writing commands need `--to`.
    Unknown,
}

/// Environments of the same rank.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Its name.
    pub name: EnvironmentName,
    /// Its environments, in the order they were written.
    pub environments: Vec<Environment>,
}

/// One directory that one cluster reconciles.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    /// Its name, unique in the repository.
    pub name: EnvironmentName,
    /// Which files belong to it.
    pub extent: Extent,
    /// The rules that hold there; what a stage says is repeated in each of its environments.
    pub rules: Rules,
    /// Where it is written, if it is.
    pub place: Option<Place>,
}

/// Which files an environment begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The directory that Flux reconciles.
    Directory(RepoPath),
    /// A glob of manifests: `apps/*/staging.yaml`.
    Glob(String),
}

/// A rule and where it is written; no place for a default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule<T> {
    /// What it says.
    pub value: T,
    /// Where it is written.
    pub place: Option<Place>,
}

/// What must hold before a version may go to an environment.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Rules {
    /// Environments or stages that must have run it; none: the nearest earlier stage that has the app, any of it.
    pub from: Option<Rule<Vec<EnvironmentName>>>,
    /// The range of versions that may ever go there; none: `*`.
    pub range: Option<Rule<String>>,
    /// What counts as having run it; none: admitted for a typed version, selected for `auto`.
    pub evidence: Option<Rule<Evidence>>,
    /// Whether a digest must be pinned.
    pub digest: Option<Rule<DigestRule>>,
    /// Times when nothing may move.
    pub freeze: Vec<Rule<Freeze>>,
    /// What `--reason` must say.
    pub reason: Option<Rule<ReasonRule>>,
    /// Whether the base branch's rules must ask for an approval; none: it is told of if they don't.
    pub protection: Option<Rule<Protection>>,
}

/// What happens where the base branch's rules ask for no approval, or can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// It is told of.
    Warn,
    /// Nothing is promoted.
    Require,
}

/// What counts as an environment having run a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// Its range admits the version and selects it or a newer one now.
    Admitted,
    /// Its pin or range chooses exactly it now.
    Selected,
}

/// What happens to digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestRule {
    /// Tag and digest move together where both stand.
    Keep,
    /// A digest must stand beside the tag.
    Required,
}

/// What `--reason` must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReasonRule {
    /// Whether it must be given.
    pub required: bool,
    /// A regular expression that it must match somewhere.
    pub pattern: Option<String>,
}

/// A time when nothing may move.
#[derive(Clone, Debug, PartialEq)]
pub struct Freeze {
    /// The days of the week on which it begins; empty: every day of `dates`. With `dates` as well: those days in them.
    pub days: Vec<civil::Weekday>,
    /// From and until, as wall-clock times, no second one for midnight; none: the whole day. An end not after the
    /// beginning passes midnight.
    pub hours: Option<(civil::Time, Option<civil::Time>)>,
    /// First and last date, inclusive.
    pub dates: Option<(civil::Date, civil::Date)>,
    /// The zone of all these.
    pub zone: TimeZone,
    /// Why, for people.
    pub reason: Option<String>,
}

/// A version that may not go somewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Hold {
    /// The version.
    pub version: Version,
    /// The environment or stage; none: everywhere.
    pub environment: Option<EnvironmentName>,
    /// Why, for people.
    pub reason: Option<String>,
    /// The moment from which it no longer holds; none: until it is removed.
    pub until: Option<Timestamp>,
}

/// What `apps:` says about one app.
#[derive(Clone, Debug, PartialEq)]
pub struct AppDefinition {
    /// Its name.
    pub name: AppName,
    /// Its parts, which move together; one for a plain app, none if its sources are to be found by its name.
    pub parts: Vec<AppPart>,
    /// The team that owns it.
    pub team: Option<String>,
    /// Versions that may not go somewhere.
    pub holds: Vec<Rule<Hold>>,
    /// Where it is written.
    pub place: Place,
}

/// One artifact of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppPart {
    /// The same artifact everywhere.
    Everywhere(Artifact),
    /// An artifact per environment.
    PerEnvironment(Vec<(EnvironmentName, Artifact)>),
    /// An image of the containers, by where it is.
    Image(Artifact),
}

impl Stages {
    /// Returns every environment, in order.
    pub fn environments(&self) -> impl Iterator<Item = &Environment> {
        self.stages.iter().flat_map(|stage| &stage.environments)
    }

    /// Returns the environment of that name.
    pub fn environment(&self, name: &EnvironmentName) -> Option<&Environment> {
        self.environments().find(|environment| environment.name == *name)
    }

    /// Returns the rank of the stage that an environment belongs to, from 0.
    pub fn rank(&self, environment: &EnvironmentName) -> Option<usize> {
        self.stages.iter().position(|stage| stage.environments.iter().any(|one| one.name == *environment))
    }

    /// Returns the environments that a name stands for: one environment, or all of a stage.
    pub fn named(&self, name: &EnvironmentName) -> Vec<&Environment> {
        match self.environment(name) {
            Some(environment) => vec![environment],
            None => {
                self.stages.iter().filter(|stage| stage.name == *name).flat_map(|stage| &stage.environments).collect()
            }
        }
    }
}

impl<T> Rule<T> {
    /// Makes a rule that is written at a place.
    pub fn at(value: T, place: Place) -> Self {
        Self { value, place: Some(place) }
    }
}
