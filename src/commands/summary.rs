//! `promote` alone: what waits here, and what to do next.

use std::collections::BTreeSet;

use super::answering::Inquirer;
use super::fault::Fault;
use super::reading::{Purpose, Reading};
use super::session::Session;
use super::{Outcome, asking, print, print_verbatim, tell};
use crate::inventory::Reach;
use crate::model::{Exit, Order, Verdict};
use crate::planner::Goal;
use crate::report::counted;
use crate::report::documents::{Document, StatusDocument, spelled};

/// Shows a summary of what waits and three next commands.
///
/// # Errors
/// The repository can't be read.
pub async fn run(session: &Session) -> Result<Outcome, Fault> {
    let reading = Reading::of(session, Purpose::Look, Reach::Environments).await?;
    reading.must_have_sources()?;
    let request = asking::to_look(session, &reading, &[], Goal::FollowDue)?;
    let plan = Inquirer::of(session).plan(&request, reading.fleet()).await;
    let failures = plan.failures();
    for failure in &failures.clone().map(|failure| &failure.message).collect::<BTreeSet<_>>() {
        tell(&format!("warning: {failure}\n"));
    }
    let outcome = Outcome(Exit::gravest(plan.failed()));
    if session.is_json() {
        let body = StatusDocument::of(&reading.stages, &reading.inventory, &plan, &reading.findings, &[]);
        print_verbatim(&Document::new("Status", body).to_text());
        return Ok(outcome);
    }
    let due: Vec<_> = plan.steps.iter().filter(|step| step.verdict == Verdict::Advance).collect();
    let unclear = plan.steps.iter().filter(|step| step.verdict == Verdict::Unknown).count();
    let stages = reading.stages.stages.iter().map(|stage| {
        stage.environments.iter().map(|environment| environment.name.as_str()).collect::<Vec<_>>().join(" ")
    });
    let guess = match reading.stages.order {
        Order::Configured => "",
        Order::Guessed => "   (the order is a guess from their names)",
        Order::Unknown => "   (no order known)",
    };
    let environments = reading.stages.environments().count();
    let line =
        format!("  {:<16} {}{guess}", counted(environments, "environment"), stages.collect::<Vec<_>>().join("  |  "));
    print(&format!("In this repository ({}):\n\n{line}\n", reading.title));
    let unclear = if unclear == 0 { String::new() } else { counted(unclear, "place") + " with something unclear" };
    print(format!("  {:<16} {unclear}", counted(request.apps.len(), "app")).trim_end());
    let mut apps: Vec<_> = due.iter().map(|step| &step.app).collect();
    apps.dedup();
    print(&format!(
        "\n  {:<16} newer in the stage before than where they are pinned\n\n",
        format!("{} to promote", apps.len())
    ));
    let next = due.first().map(|step| {
        let to = step.to.as_ref().and_then(spelled).unwrap_or_default();
        (format!("promote {}", step.app), format!("promote {} to what the stage before runs ({to})", step.app))
    });
    let commands = [
        Some(("promote status".to_owned(), "what is behind and why".to_owned())),
        next.or_else(|| {
            let app = request.apps.first()?;
            Some((format!("promote why {app}"), "for each version: may it go there".to_owned()))
        }),
        Some(("promote pins".to_owned(), "where each version is written".to_owned())),
    ];
    for (command, does) in commands.into_iter().flatten() {
        print(&format!("  {command:<27} {does}\n"));
    }
    Ok(outcome)
}
