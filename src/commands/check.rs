//! `promote check`: whether the base is as it should be.

use std::collections::BTreeMap;

use super::answering::Inquirer;
use super::arguments;
use super::fault::Fault;
use super::reading::{Purpose, Reading};
use super::recording::Recorded;
use super::session::Session;
use super::{Outcome, asking, judging, print, print_verbatim, tell};
use crate::git::{Touch, Wanted};
use crate::inventory::Reach;
use crate::model::{AppName, CheckResult, Digest, EnvironmentName, Exit, Finding, FindingCode, Level, Tag};
use crate::planner::{Base, pinned_by_tag};
use crate::report;
use crate::report::documents::{CheckDocument, Document};
use crate::report::job::JobReport;

/// Checks the base, as HEAD has it; or judges a pull request.
///
/// # Errors
/// The repository can't be read, an unknown environment.
pub async fn run(session: &Session, arguments: &arguments::Check) -> Result<Outcome, Fault> {
    if let Some(number) = &arguments.pull_request {
        return judging::run(session, number.as_deref()).await;
    }
    let mut reading = Reading::of(session, Purpose::Check, Reach::Repository).await?;
    reading.must_have_sources()?;
    let environments = asking::environments(session, &reading)?;
    let approved = approved(session, &mut reading).await;
    let mut inquirer = Inquirer::of(session);
    let base = Base {
        fleet: reading.fleet(),
        environments: environments.as_ref(),
        approved: &approved,
        findings: &reading.findings,
    };
    let results = inquirer.check(&base).await;
    session.job.takes(JobReport::of_check(&results));
    if session.is_json() {
        print_verbatim(&Document::new("Check", CheckDocument::of(&results)).to_text());
    } else {
        tell(&format!("read {}\n", reading.title));
        print(&report::check::render(&results));
    }
    Ok(Outcome(exit(&results)))
}

/// What could not be read decides, then what is wrong.
pub(super) fn exit(results: &[CheckResult]) -> Exit {
    let failures = results.iter().filter_map(|result| result.failure.as_ref()).map(|failure| failure.exit);
    match Exit::gravest(failures) {
        Exit::Done if results.iter().any(|result| result.level == Level::Error) => Exit::Refused,
        exit => exit,
    }
}

/// A pin whose content a commit may have recorded.
struct Pinned {
    index: usize,
    wanted: Wanted,
    app: AppName,
    environment: EnvironmentName,
    tag: Tag,
}

/// Returns the content that was approved of each pin of a tag alone, as the commit that wrote it recorded it.
async fn approved(session: &Session, reading: &mut Reading) -> BTreeMap<usize, Digest> {
    let pinned: Vec<Pinned> = pinned_by_tag(reading.fleet())
        .filter_map(|(index, source, field, tag)| {
            let slot = source.reference.field(field)?.deciding_slot()?;
            let text = reading.inventory.written_at(slot)?.slot_text().trim().to_owned();
            let wanted = Wanted { path: slot.path().clone(), text };
            let (app, environment) = (source.app.clone(), source.environment.clone());
            Some(Pinned { index, wanted, app, environment, tag: tag.clone() })
        })
        .collect();
    let recorded = |at: usize, touch: &Touch| {
        let pin = pinned.get(at)?;
        let fits = |recorded: &Recorded| recorded.to == pin.tag && recorded.digest.is_some();
        Recorded::of(touch, &pin.app, &pin.environment, fits)?.digest
    };
    let wanted: Vec<Wanted> = pinned.iter().map(|pin| pin.wanted.clone()).collect();
    let found = reading.writers(session, &wanted, &|at, touch| recorded(at, touch).is_some()).await;
    let touches = match found {
        Ok(touches) => touches,
        Err(fault) => {
            let message = format!("what was approved can't be told: {}", fault.problem());
            reading.findings.push(Finding { code: FindingCode::HistoryUnread, message, place: None });
            Vec::new()
        }
    };
    let digests = touches
        .iter()
        .enumerate()
        .filter_map(|(at, touch)| Some((pinned.get(at)?.index, touch.as_ref().and_then(|touch| recorded(at, touch))?)));
    digests.collect()
}
