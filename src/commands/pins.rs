//! `promote pins`: every place where a version is written, and what it decides.

use std::collections::BTreeSet;

use super::arguments;
use super::fault::Fault;
use super::reading::{Purpose, Reading};
use super::session::Session;
use super::{Outcome, print, print_verbatim, tell};
use crate::inventory::Reach;
use crate::model::{AppName, EnvironmentName, WrittenValue};
use crate::planner::{app_named, environments_named};
use crate::report;
use crate::report::documents::{Document, PinsDocument};

/// Lists the inventory.
///
/// # Errors
/// The repository can't be read, an unknown app or environment.
pub async fn run(session: &Session, arguments: &arguments::Pins) -> Result<Outcome, Fault> {
    let reach = if arguments.all { Reach::Repository } else { Reach::Environments };
    let reading = Reading::of(session, Purpose::Look, reach).await?;
    tell(&format!("read {}\n", reading.title));
    let inventory = &reading.inventory;
    let apps: BTreeSet<AppName> =
        arguments.apps.iter().map(|app| app_named(inventory, app)).collect::<Result<_, _>>()?;
    let environments = environments_named(&reading.stages, &session.global.environments)?;
    let shown = |written: &&WrittenValue| {
        let mut decided = written.decides.iter().filter_map(|(index, _)| inventory.sources.get(*index));
        let is_asked = |app: &AppName, environment: &EnvironmentName| {
            (apps.is_empty() || apps.contains(app)) && (environments.is_empty() || environments.contains(environment))
        };
        let nothing_asked = apps.is_empty() && environments.is_empty();
        (nothing_asked && (arguments.all || !written.decides.is_empty() || written.shadowed_by.is_some()))
            || decided.any(|source| is_asked(&source.app, &source.environment))
    };
    let written = inventory.written.iter().filter(shown);
    if session.is_json() {
        print_verbatim(&Document::new("Pins", PinsDocument::of(inventory, written)).to_text());
    } else {
        print(&report::pins::render(inventory, written));
    }
    Ok(Outcome::default())
}
