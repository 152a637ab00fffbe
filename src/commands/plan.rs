//! `promote plan`: who can advance where, and who can't.

use super::answering::Inquirer;
use super::arguments;
use super::fault::Fault;
use super::reading::{Purpose, Reading};
use super::session::Session;
use super::{Outcome, asking, print, print_verbatim, tell};
use crate::inventory::Reach;
use crate::model::{Exit, Plan, Verdict};
use crate::planner::Goal;
use crate::report;
use crate::report::documents::{Document, PlanDocument};

/// Plans all that is due and changes nothing.
///
/// # Errors
/// The repository can't be read, an unknown app or environment.
pub async fn run(session: &Session, arguments: &arguments::Plan) -> Result<Outcome, Fault> {
    let mut reading = Reading::of(session, Purpose::Look, Reach::Environments).await?;
    reading.must_have_sources()?;
    let request = asking::to_look(session, &reading, &arguments.apps, Goal::FollowDue)?;
    let mut inquirer = Inquirer::of(session);
    let plan = inquirer.plan(&request, reading.fleet()).await;
    reading.findings.extend(inquirer.older_choices(&reading));
    if session.is_json() {
        print_verbatim(&Document::new("Plan", PlanDocument::of(&plan)).to_text());
    } else {
        tell(&format!("read {}\n", reading.title));
        tell(&report::pins::findings(&reading.findings));
        for app in &request.apps {
            let steps: Vec<_> = plan.steps.iter().filter(|step| step.app == *app).collect();
            print(&format!("{app}\n{}\n", report::promotion::table(&steps, "may advance")));
        }
    }
    Ok(Outcome(exit(&plan, arguments.exit_code)))
}

/// A registry that could not be read decides; else whether something is due, if that was asked.
fn exit(plan: &Plan, tells_due: bool) -> Exit {
    let failures = plan.steps.iter().filter_map(|step| step.failure.as_ref()).map(|failure| failure.exit);
    let is_due = tells_due && plan.steps.iter().any(|step| step.verdict == Verdict::Advance);
    Exit::gravest(failures.chain(is_due.then_some(Exit::Due)))
}
