//! From the words on the command line to the request that is planned.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::answering::Inquirer;
use super::fault::{Fault, Refusal};
use super::reading::{self, Reading};
use super::session::Session;
use crate::inventory::Reach;
use crate::model::{AppName, EnvironmentName, Plan, Tag};
use crate::planner::{self, Goal, Purpose, Request, app_named, environments_named};

/// What is due in a fleet that is only looked at.
pub struct Due {
    /// What was read, with what the tags showed about it.
    pub reading: Reading,
    /// What was asked.
    pub request: Request,
    /// The verdicts.
    pub plan: Plan,
}

/// Reads the fleet and plans all that is due for the apps that words mean; all, if there are no words.
///
/// # Errors
/// The repository can't be read or has no sources; a word means nothing.
pub async fn due(session: &Session, words: &[String]) -> Result<Due, Fault> {
    let mut reading = Reading::of(session, reading::Purpose::Look, Reach::Environments).await?;
    reading.must_have_sources()?;
    let request = to_look(session, &reading, words, Goal::FollowDue)?;
    let mut inquirer = Inquirer::of(session);
    let plan = inquirer.plan(&request, reading.fleet()).await;
    reading.findings.extend(inquirer.older_choices(&reading));
    Ok(Due { reading, request, plan })
}

/// Refuses a VERSION that no tag may spell.
///
/// # Errors
/// [`Refusal::Version`].
pub fn must_be_tag(version: &str) -> Result<(), Fault> {
    match version.parse::<Tag>() {
        Ok(_) => Ok(()),
        Err(source) => Err(Refusal::Version { version: version.escape_default().to_string(), source }.into()),
    }
}

/// Returns the apps that words mean; all, if there are no words.
///
/// # Errors
/// A word means no app, or several.
pub fn apps(reading: &Reading, words: &[String]) -> Result<Vec<AppName>, Fault> {
    if words.is_empty() {
        return Ok(planner::apps(&reading.inventory));
    }
    let mut apps = Vec::new();
    for word in words {
        let app = app_named(&reading.inventory, word)?;
        if !apps.contains(&app) {
            apps.push(app);
        }
    }
    Ok(apps)
}

/// Returns the environments that `--env` means; none for all.
///
/// # Errors
/// A word means no environment and no stage.
pub fn environments(session: &Session, reading: &Reading) -> Result<Option<BTreeSet<EnvironmentName>>, Fault> {
    let words = &session.global.environments;
    Ok(if words.is_empty() { None } else { Some(environments_named(&reading.stages, words)?) })
}

/// Returns the request of a command that only looks.
///
/// # Errors
/// A word means nothing.
pub fn to_look(session: &Session, reading: &Reading, words: &[String], goal: Goal) -> Result<Request, Fault> {
    Ok(Request {
        apps: apps(reading, words)?,
        environments: environments(session, reading)?,
        goal,
        purpose: Purpose::Look,
        reason: None,
        now: Timestamp::now(),
    })
}
