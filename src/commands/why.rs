//! `promote why`: for each tag, may it go there, and each rule that says no.

use super::answering::{Inquirer, Unanswered};
use super::arguments;
use super::fault::Fault;
use super::reading::{Purpose, Reading};
use super::session::Session;
use super::{Outcome, asking, print, print_verbatim, tell};
use crate::inventory::Reach;
use crate::model::TagVerdict;
use crate::planner::Goal;
use crate::report;
use crate::report::documents::{Document, WhyDocument};

/// Explains an app's tags, or one version.
///
/// # Errors
/// The repository can't be read, an unknown app or environment.
pub async fn run(session: &Session, arguments: &arguments::Why) -> Result<Outcome, Fault> {
    if let Some(version) = &arguments.version {
        asking::must_be_tag(version)?;
    }
    let reading = Reading::of(session, Purpose::Look, Reach::Environments).await?;
    reading.must_have_sources()?;
    let words = std::slice::from_ref(&arguments.app);
    let goal = match &arguments.version {
        Some(version) => Goal::Version(version.clone()),
        None => Goal::Version(String::new()),
    };
    let request = asking::to_look(session, &reading, words, goal)?;
    let mut inquirer = Inquirer::of(session);
    tell(&format!("read {}\n", reading.title));
    let fleet = reading.fleet();
    let (verdicts, failure) = match &arguments.version {
        Some(version) => {
            let plan = inquirer.plan(&request, fleet).await;
            let failure = plan.failures().next().map(|failure| failure.exit);
            let verdicts = plan.steps.into_iter().map(|step| TagVerdict {
                tag: step
                    .to
                    .as_ref()
                    .and_then(|to| to.tag.as_ref())
                    .map_or_else(|| version.clone(), ToString::to_string),
                environment: step.environment,
                verdict: step.verdict,
                reasons: step.reasons,
            });
            (verdicts.collect::<Vec<_>>(), failure)
        }
        None => {
            let verdicts = inquirer.why(&request, fleet).await;
            match inquirer.failure() {
                Some(failure) if verdicts.is_empty() => return Err(Unanswered(failure).into()),
                failure => (verdicts, failure.map(|failure| failure.exit)),
            }
        }
    };
    if session.is_json() {
        let app = request.apps.first().map(ToString::to_string).unwrap_or_default();
        print_verbatim(&Document::new("Why", WhyDocument::of(app, &verdicts)).to_text());
    } else if arguments.version.is_some() {
        print(&report::why::version(&arguments.app, &verdicts, &|path| reading.text(path)));
    } else {
        print(&report::why::tags(&reading.inventory, &request.apps, &verdicts, arguments.all));
    }
    Ok(Outcome(failure.unwrap_or(crate::model::Exit::Done)))
}
