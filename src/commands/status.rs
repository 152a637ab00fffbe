//! `promote status`: what runs where, and what needs somebody.

use super::arguments;
use super::asking::Due;
use super::fault::Fault;
use super::session::Session;
use super::{Outcome, asking, open, print, print_verbatim, tell};
use crate::model::Exit;
use crate::report;
use crate::report::counted;
use crate::report::documents::{Document, StatusDocument};
use crate::report::status::Show;

/// Shows where every app stands.
///
/// # Errors
/// The repository can't be read, an unknown app or environment.
pub async fn run(session: &Session, arguments: &arguments::Status) -> Result<Outcome, Fault> {
    let Due { mut reading, request, plan } = asking::due(session, &arguments.apps).await?;
    let open = open::promotions(session, &mut reading, &plan).await;
    if session.is_json() {
        let body = StatusDocument::of(&reading.stages, &reading.inventory, &plan, &reading.findings, &open);
        print_verbatim(&Document::new("Status", body).to_text());
    } else {
        let show = if arguments.all || !arguments.apps.is_empty() { Show::All } else { Show::Open };
        let (apps, environments) = (request.apps.len(), reading.stages.environments().count());
        let (apps, environments) = (counted(apps, "app"), counted(environments, "environment"));
        print(&format!("{}   {apps}, {environments}\n\n", reading.title));
        print(&report::status::render(&reading.stages, &reading.inventory, &plan, &open, show));
        tell(&report::pins::findings(&reading.findings));
    }
    Ok(Outcome(Exit::gravest(plan.failed())))
}
