//! `promote auto`: opens the pull requests that are due, for CI; changes nothing when none is.

use std::path::Path;

use jiff::Timestamp;

use super::answering::Inquirer;
use super::arguments::{self, Group};
use super::delivery::{Delivery, Mode, Order, deliver};
use super::fault::{Fault, Refusal};
use super::moving::Rounds;
use super::publishing::Done;
use super::reading::{Purpose, Reading};
use super::session::Session;
use super::superseding::Supersede;
use super::{Outcome, asking, print, print_verbatim, tell};
use crate::config::event::mentions;
use crate::inventory::Reach;
use crate::model::{AppName, Exit, Plan, Verdict};
use crate::planner::{self, Concerned, Goal, Grouping, Request};
use crate::report;
use crate::report::documents::Document;
use crate::report::job::JobReport;

/// GitHub's own events have 25 MB at most; what is cut is no JSON any more.
const EVENT_CAP: u64 = 25 * 1024 * 1024;

/// Opens what is due.
///
/// # Errors
/// The repository can't be read, an unknown app, no forge token. What stops one app is told, and the others go on.
pub async fn run(session: &Session, arguments: &arguments::Auto) -> Result<Outcome, Fault> {
    let mut rounds = Rounds::default();
    loop {
        if let Some(outcome) = round(session, arguments, &mut rounds).await? {
            return Ok(outcome);
        }
    }
}

/// Goes the whole way once; none if the base moved away from under a plan.
async fn round(session: &Session, arguments: &arguments::Auto, rounds: &mut Rounds) -> Result<Option<Outcome>, Fault> {
    let mut reading = Reading::of(session, Purpose::Write, Reach::Environments).await?;
    reading.must_have_sources()?;
    let now = Timestamp::now();
    if !reading.configuration.auto.is_open_at(now) {
        tell("outside the hours of `auto` in promote.yaml: nothing is opened now\n");
        if session.is_json() {
            print_verbatim(&Document::new("Plan", Delivery::default().document(&Plan::default())).to_text());
        }
        return Ok(Some(Outcome::default()));
    }
    let mut apps = asking::apps(&reading, &arguments.only)?;
    let except = if arguments.except.is_empty() { Vec::new() } else { asking::apps(&reading, &arguments.except)? };
    apps.retain(|app| !except.contains(app) && reading.configuration.auto.admits(app));
    apps.retain(|app| arguments.shard.is_none_or(|shard| shard.holds(app)));
    if let Some(path) = &arguments.event_file {
        leave_what_no_event_names(&mut apps, path, &reading)?;
    }
    let request = Request {
        apps,
        environments: asking::environments(session, &reading)?,
        goal: Goal::FollowDue,
        purpose: planner::Purpose::Write,
        reason: None,
        now,
    };
    let mut inquirer = Inquirer::of(session);
    let plan = inquirer.plan(&request, reading.fleet()).await;
    reading.findings.extend(inquirer.older_choices(&reading));
    let configured = reading.configuration.auto.limit.as_ref().map(|limit| limit.value);
    let order = Order {
        mode: if arguments.dry_run { Mode::DryRun } else { Mode::Write },
        grouping: grouping(arguments.group, &plan, &reading),
        limit: arguments.limit.or(configured).map(|limit| limit.saturating_sub(rounds.opened())),
        reason: None,
        reopen: false,
        supersede: Supersede::Untouched,
    };
    let mut delivery = deliver(session, &mut reading, &plan, &inquirer, &order).await?;
    if rounds.again(&mut delivery) {
        return Ok(None);
    }
    let document = delivery.document(&plan);
    session.job.takes(JobReport::of_plan(&document, &delivery.all_findings()));
    if session.is_json() {
        print_verbatim(&Document::new("Plan", document).to_text());
    } else {
        show(&reading, &plan, &delivery, order.mode);
    }
    let failures = plan.failed();
    let faults = delivery.changes.iter().filter_map(|delivered| delivered.result.as_ref().err());
    Ok(Some(Outcome(Exit::gravest(failures.chain(faults.map(|fault| fault.problem().exit()))))))
}

fn grouping(group: Option<Group>, plan: &Plan, reading: &Reading) -> Grouping {
    let teams = &reading.configuration.apps;
    match group {
        None => Grouping::Neighbours,
        Some(Group::Stage) => Grouping::by_stage(plan, &reading.stages),
        Some(Group::Team) => Grouping::by_team(plan, &reading.stages, |app| {
            teams.iter().find(|one| one.name == *app).and_then(|one| one.team.as_deref())
        }),
    }
}

/// An event is a hint of others where to look: it makes nothing due.
fn leave_what_no_event_names(apps: &mut Vec<AppName>, path: &Path, reading: &Reading) -> Result<(), Fault> {
    let shown = || path.display().to_string();
    let text = read(path).map_err(|source| Refusal::EventFile { path: shown(), source })?;
    let mentions = mentions(&text).map_err(|source| Refusal::NoEvent { path: shown(), source })?;
    match planner::concerned(&reading.inventory, &mentions) {
        Concerned::All => tell("the event names no app: every one is looked at\n"),
        Concerned::Only(named) => {
            let names: Vec<String> = named.iter().map(ToString::to_string).collect();
            let names = if names.is_empty() { "no app of this repository".to_owned() } else { names.join(", ") };
            tell(&format!("the event names {names}\n"));
            apps.retain(|app| named.contains(app));
        }
    }
    Ok(())
}

fn read(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?.take(EVENT_CAP).read_to_string(&mut text)?;
    Ok(text)
}

fn show(reading: &Reading, plan: &Plan, delivery: &Delivery, mode: Mode) {
    tell(&format!("read {}\n", reading.title));
    tell(&report::pins::findings(&reading.findings));
    for delivered in &delivery.changes {
        let apps: Vec<String> =
            delivered.moved.iter().map(|(app, environment)| format!("{app} in {environment}")).collect();
        let apps = apps.join(", ");
        match &delivered.result {
            Ok(publication) => {
                let word = match publication.done {
                    Done::Planned => "would open",
                    Done::Opened => "opened",
                    Done::Pushed => "pushed",
                    Done::Nothing => "is open",
                    Done::Waiting => "waiting",
                };
                tell(&format!("{word:<10} {apps}   {}\n", publication.branch));
                if let Some(pull_request) = &publication.pull_request {
                    print(&format!("{}\n", pull_request.url));
                } else if publication.done != Done::Nothing {
                    if mode == Mode::DryRun {
                        print(&report::promotion::hunks(&delivered.hunks));
                    }
                    print_verbatim(&format!("{}\n\n{}\n", publication.text.title, publication.text.body));
                }
                tell(&report::pins::findings(&publication.findings));
            }
            Err(fault) => {
                tell(&format!("{:<10} {apps}\n{}", "failed", report::problem::render(fault.problem(), fault.text())))
            }
        }
    }
    let count = |verdict: Verdict| plan.steps.iter().filter(|step| step.verdict == verdict).count();
    let rows = [
        ("waiting", count(Verdict::Waits)),
        ("blocked", count(Verdict::Blocked)),
        ("unclear", count(Verdict::Unknown)),
        ("left", delivery.over_limit),
    ];
    for (word, number) in rows.into_iter().filter(|(_, number)| *number > 0) {
        tell(&format!("{word:<10} {number}\n"));
    }
    for step in plan.steps.iter().filter(|step| step.failure.is_some()) {
        tell(&format!("unclear    {}", report::promotion::refusal(step)));
    }
    if delivery.changes.is_empty() {
        tell("nothing is due\n");
    }
    tell(&report::pins::findings(&delivery.findings));
}

impl crate::config::repository::Auto {
    /// Tells whether `auto.apps` names an app.
    fn admits(&self, app: &AppName) -> bool {
        self.apps.iter().any(|pattern| is_match(pattern, app.as_str()))
    }
}

/// Matches a pattern in which `*` stands for any text.
fn is_match(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    let mut rest = rest;
    for part in middle {
        match rest.find(part) {
            Some(index) => rest = rest.get(index + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text) in
            [("*", "my-app"), ("my-*", "my-app"), ("*-app", "my-app"), ("m*-*p", "my-app"), ("my-app", "my-app")]
        {
            assert!(is_match(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("my", "my-app"), ("*-apps", "my-app"), ("your-*", "my-app"), ("ab*ba", "aba")] {
            assert!(!is_match(pattern, text), "{pattern} {text}");
        }
    }
}
