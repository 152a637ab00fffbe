//! `promote.yaml` at the root of the repository: the stages, the rules of each environment, the apps.
//!
//! [`parse`] checks everything that can be checked without the repository's other files. What is wrong is an error
//! with file, line, column and a next step; a key that is unknown, or whose rule is not built yet, is never ignored.

mod apps;
mod pull_request;
mod schedule;
mod shape;
mod stages;

use jiff::{Timestamp, civil, tz::TimeZone};

use super::Fact;
use super::document::{self, Failure, Located};
use crate::model::{AppDefinition, Exit, Place, Problem, RepoPath, Rule, Stages};
use crate::yaml::Position;

/// What `promote.yaml` says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configuration {
    /// The stages and the rules of their environments; none: they are found in the repository.
    pub stages: Option<Stages>,
    /// The apps, in the order they are written.
    pub apps: Vec<AppDefinition>,
    /// Hosts that are names of one registry; empty: no two are.
    pub same: Option<Rule<Vec<String>>>,
    /// What `promote auto` may do.
    pub auto: Auto,
    /// How pull requests are opened.
    pub pull_request: PullRequest,
    /// Links to show beside an environment, in the order they are written.
    pub links: Vec<Link>,
}

/// What `promote auto` may do.
#[derive(Clone, Debug, PartialEq)]
pub struct Auto {
    /// Patterns of the apps' names, with `*` for any text.
    pub apps: Vec<String>,
    /// How many pull requests one run may open; none: all that are due.
    pub limit: Option<Rule<usize>>,
    /// The wall-clock times between which it may open any; none for the second: midnight.
    pub hours: Option<Rule<(civil::Time, Option<civil::Time>)>>,
    /// The zone of those times.
    pub zone: TimeZone,
}

/// How pull requests are opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// Labels to set.
    pub labels: Vec<String>,
    /// Accounts to ask for a review.
    pub reviewers: Vec<String>,
    /// Teams to ask for a review.
    pub teams: Vec<String>,
    /// Whether it is opened as a draft.
    pub draft: bool,
}

/// A link to show beside an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What people call it.
    pub name: String,
    /// The URL, with `{app}` and `{environment}` to be filled in.
    pub template: String,
    /// Where it is written.
    pub place: Place,
}

/// What is wrong with `promote.yaml`, and where.
#[derive(Debug, thiserror::Error)]
#[error("{fact}")]
pub struct Error {
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub fact: Box<Fact>,
}

impl Auto {
    /// Tells whether it may open pull requests at a moment. Hours may pass midnight.
    pub fn is_open_at(&self, now: Timestamp) -> bool {
        let time = now.to_zoned(self.zone.clone()).time();
        match self.hours.as_ref().map(|hours| hours.value) {
            None => true,
            Some((from, None)) => from <= time,
            Some((from, Some(until))) if from < until => from <= time && time < until,
            Some((from, Some(until))) => from <= time || time < until,
        }
    }
}

impl Default for Auto {
    fn default() -> Self {
        Self { apps: vec!["*".to_owned()], limit: None, hours: None, zone: TimeZone::UTC }
    }
}

impl Default for PullRequest {
    fn default() -> Self {
        Self { labels: vec!["promotion".to_owned()], reviewers: Vec::new(), teams: Vec::new(), draft: false }
    }
}

impl Problem for Error {
    fn code(&self) -> &'static str {
        self.fact.code()
    }

    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn place(&self) -> Option<&Place> {
        Some(&self.place)
    }

    fn hint(&self) -> Option<String> {
        Some(self.fact.hint())
    }
}

/// Reads `promote.yaml`, whose path is only used to say where something stands.
///
/// # Errors
/// [`Error`] for the first thing that is wrong.
pub fn parse(path: &RepoPath, bytes: &[u8]) -> Result<Configuration, Error> {
    configuration(&File { path }, bytes).map_err(|failure| {
        let place = File { path }.place(failure.position());
        Error { place, fact: Box::new(failure.fact) }
    })
}

fn configuration(file: &File<'_>, bytes: &[u8]) -> Result<Configuration, Failure> {
    let written: shape::Document = document::read(bytes)?;
    if let Some(version) = &written.version
        && version.value != 1
    {
        return Err(version.wrong(Fact::FileVersion { version: version.value }));
    }
    let stages = stages::stages(file, &written)?;
    Ok(Configuration {
        apps: apps::apps(file, &written, stages.as_ref())?,
        stages,
        same: written.same.as_ref().map(|same| apps::same(file, same)).transpose()?,
        auto: written.auto.as_ref().map(|auto| schedule::auto(file, auto)).transpose()?.unwrap_or_default(),
        pull_request: written.pull_request.as_ref().map(pull_request::settings).transpose()?.unwrap_or_default(),
        links: pull_request::links(file, &written)?,
    })
}

/// The file that is read.
struct File<'a> {
    path: &'a RepoPath,
}

impl File<'_> {
    fn place(&self, at: Position) -> Place {
        Place { path: self.path.clone(), line: at.line, column: at.column }
    }

    fn rule<T, U>(&self, written: &Located<T>, value: U) -> Rule<U> {
        Rule::at(value, self.place(written.at))
    }
}

#[cfg(test)]
mod tests;
