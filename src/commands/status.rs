//! `promote status`: what runs where, and what needs somebody.

use super::answering::Inquirer;
use super::arguments;
use super::fault::Fault;
use super::reading::{Purpose, Reading};
use super::session::Session;
use super::{Outcome, asking, print, print_verbatim, tell};
use crate::inventory::Reach;
use crate::model::Exit;
use crate::planner::Goal;
use crate::report;
use crate::report::counted;
use crate::report::documents::{Document, StatusDocument};
use crate::report::status::Show;

/// Shows where every app stands.
///
/// # Errors
/// The repository can't be read, an unknown app or environment.
pub async fn run(session: &Session, arguments: &arguments::Status) -> Result<Outcome, Fault> {
    let mut reading = Reading::of(session, Purpose::Look, Reach::Environments).await?;
    reading.must_have_sources()?;
    let request = asking::to_look(session, &reading, &arguments.apps, Goal::FollowDue)?;
    let mut inquirer = Inquirer::of(session);
    let plan = inquirer.plan(&request, reading.fleet()).await;
    reading.findings.extend(inquirer.older_choices(&reading));
    if session.is_json() {
        let body = StatusDocument::of(&reading.stages, &reading.inventory, &plan, &reading.findings);
        print_verbatim(&Document::new("Status", body).to_text());
    } else {
        let show = if arguments.all || !arguments.apps.is_empty() { Show::All } else { Show::Open };
        let (apps, environments) = (request.apps.len(), reading.stages.environments().count());
        let (apps, environments) = (counted(apps, "app"), counted(environments, "environment"));
        print(&format!("{}   {apps}, {environments}\n\n", reading.title));
        print(&report::status::render(&reading.stages, &reading.inventory, &plan, show));
        tell(&report::pins::findings(&reading.findings));
    }
    Ok(Outcome(Exit::gravest(plan.steps.iter().filter_map(|step| step.failure.as_ref()).map(|failure| failure.exit))))
}
