//! `promote plan`: who can advance where, and who can't.

use super::arguments;
use super::asking::Due;
use super::fault::Fault;
use super::session::Session;
use super::{Outcome, asking, print, print_verbatim, tell};
use crate::model::{Exit, Plan, Verdict};
use crate::report;
use crate::report::documents::{Document, PlanDocument};
use crate::report::job::JobReport;

/// Plans all that is due and changes nothing.
///
/// # Errors
/// The repository can't be read, an unknown app or environment.
pub async fn run(session: &Session, arguments: &arguments::Plan) -> Result<Outcome, Fault> {
    let Due { reading, request, plan } = asking::due(session, &arguments.apps).await?;
    let document = PlanDocument::of(&plan);
    session.job.takes(JobReport::of_plan(&document, &[]));
    if session.is_json() {
        print_verbatim(&Document::new("Plan", document).to_text());
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
    let failures = plan.failed();
    let is_due = tells_due && plan.steps.iter().any(|step| step.verdict == Verdict::Advance);
    Exit::gravest(failures.chain(is_due.then_some(Exit::Due)))
}
