//! The `promote.yaml` to start from: what was found, written down.

use serde::Serialize;

use super::columns::columns;
use super::template::{self, Template};
use crate::model::{Environment, EnvironmentName, Extent, Order, Stage, Stages};

const TEMPLATE: Template<'static> =
    Template { name: "promote.yaml", text: include_str!("../../templates/promote.yaml") };
/// No fleet has as many environments.
const LIMIT: usize = 1 << 20;

/// What is to be written down.
pub struct Draft<'a> {
    /// The environments, in the order that was guessed, if any.
    pub stages: &'a Stages,
    /// The stage of those whose names tell no rank.
    pub unranked: Option<&'a EnvironmentName>,
    /// The stage that an approval must stand before, if there is a forge that could ask for one.
    pub protected: Option<&'a EnvironmentName>,
    /// Writes a text as it must stand in a flow mapping.
    pub quote: fn(&str) -> String,
}

#[derive(Serialize)]
struct Context {
    order: &'static str,
    stages: Vec<StageContext>,
}

#[derive(Serialize)]
struct StageContext {
    name: String,
    environments: Vec<EnvironmentContext>,
    is_unranked: bool,
    is_protected: bool,
    is_last: bool,
}

#[derive(Serialize)]
struct EnvironmentContext {
    name: String,
    path: String,
}

impl Draft<'_> {
    /// Returns the text of the file.
    ///
    /// # Errors
    /// [`template::Error`] if it would be larger than any fleet needs.
    pub fn text(&self) -> Result<String, template::Error> {
        let last = self.stages.stages.iter().rposition(|stage| Some(&stage.name) != self.unranked);
        let stages = self.stages.stages.iter().enumerate();
        let stages = stages.map(|(index, stage)| StageContext {
            name: (self.quote)(stage.name.as_str()),
            environments: stage.environments.iter().map(|one| self.environment(one)).collect(),
            is_unranked: Some(&stage.name) == self.unranked && self.stages.order != Order::Unknown,
            is_protected: Some(&stage.name) == self.protected,
            is_last: Some(index) == last,
        });
        let order = match self.stages.order {
            Order::Configured => "configured",
            Order::Guessed => "guessed",
            Order::Unknown => "unknown",
        };
        template::fill(TEMPLATE, &Context { order, stages: stages.collect() }, LIMIT)
    }

    fn environment(&self, environment: &Environment) -> EnvironmentContext {
        let (name, path) = (environment.name.as_str(), path(environment));
        EnvironmentContext { name: (self.quote)(name), path: (self.quote)(path) }
    }
}

/// Returns the path as `promote.yaml` spells it.
fn path(environment: &Environment) -> &str {
    match &environment.extent {
        Extent::Directory(path) if path.as_str().is_empty() => ".",
        Extent::Directory(path) => path.as_str(),
        Extent::Glob(glob) => glob,
    }
}

/// Returns the stages as a table, for people.
pub fn table(stages: &[Stage]) -> String {
    let rows = stages.iter().flat_map(|stage| {
        stage.environments.iter().enumerate().map(|(index, environment)| {
            let stage = if index == 0 { stage.name.to_string() } else { String::new() };
            vec![stage, environment.name.to_string(), path(environment).to_owned()]
        })
    });
    columns(rows, 2)
}

/// Returns the rule that keeps Renovate away from files, as its configuration spells it.
pub fn renovate_rule(patterns: &[String]) -> String {
    let rule = serde_json::json!({"packageRules": [{
        "description": "promoted by promote",
        "matchFileNames": patterns,
        "enabled": false,
    }]});
    serde_json::to_string_pretty(&rule).unwrap_or_default()
}
