//! `promote APP [VERSION]`: a pull request for each environment of the first stage that may move.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::answering::Inquirer;
use super::arguments;
use super::delivery::{Delivered, Delivery, Mode, Order, deliver};
use super::fault::{Fault, Refusal};
use super::moving::Rounds;
use super::publishing::Done;
use super::reading::{Purpose, Reading};
use super::session::Session;
use super::superseding::Supersede;
use super::{Outcome, asking, print, print_verbatim, tell};
use crate::inventory::Reach;
use crate::model::{self, AppName, EnvironmentName, Exit, Inventory, Plan, Reason, ReasonCode, Step, Verdict};
use crate::planner::{
    self, Goal, Grouping, Request, app_named, environments_named, first_stage, is_pinned, nearest_tags, pinned_stages,
};
use crate::report;
use crate::report::documents::{Document, PlanDocument, spelled};
use crate::report::job::JobReport;
use std::io::IsTerminal as _;

/// Plans, edits, commits, pushes and opens pull requests; stops before the first write with `--dry-run`.
///
/// # Errors
/// An unknown app or environment, a repository that can't be read, `--to` missing where nobody can be asked.
pub async fn run(session: &Session, arguments: &arguments::Run) -> Result<Outcome, Fault> {
    if let Some(version) = &arguments.version {
        asking::must_be_tag(version)?;
    }
    let mut rounds = Rounds::default();
    loop {
        if let Some(outcome) = round(session, arguments, &mut rounds).await? {
            return Ok(outcome);
        }
    }
}

/// Goes the whole way once; none if the base moved away from under the plan.
async fn round(session: &Session, arguments: &arguments::Run, rounds: &mut Rounds) -> Result<Option<Outcome>, Fault> {
    let mut reading = Reading::of(session, Purpose::Write, Reach::Environments).await?;
    reading.must_have_sources()?;
    let app = app_named(&reading.inventory, &arguments.app)?;
    let asked = asked_environments(session, arguments, &reading)?;
    let goal = arguments.version.clone().map_or(Goal::FollowTyped, Goal::Version);
    let request = Request {
        apps: vec![app.clone()],
        environments: asked.clone(),
        goal,
        purpose: planner::Purpose::Write,
        reason: arguments.reason.clone(),
        now: Timestamp::now(),
    };
    let mut inquirer = Inquirer::of(session);
    let mut plan = inquirer.plan(&request, reading.fleet()).await;
    reading.findings.extend(inquirer.older_choices(&reading));
    match &asked {
        None => must_know_stage(&app, &plan, &reading)?,
        Some(asked) if plan.steps.is_empty() => {
            let environments = asked.iter().map(ToString::to_string).collect();
            return Err(Refusal::NotThere { app: app.to_string(), environments }.into());
        }
        Some(_) => {}
    }
    let stage = match arguments.to {
        // What one place moves along with an asked environment is planned, too.
        Some(_) => Some(plan.steps.iter().map(|step| step.environment.clone()).collect()),
        None => first_stage(&plan, &reading.stages),
    };
    leave_later_stages(&mut plan, stage.as_ref());
    let order = Order {
        mode: if arguments.dry_run { Mode::DryRun } else { Mode::Write },
        grouping: Grouping::SharedPlaces,
        limit: None,
        reason: arguments.reason.clone(),
        reopen: arguments.reopen,
        supersede: if arguments.supersede { Supersede::All } else { Supersede::NotNewer },
    };
    let mut delivery = deliver(session, &mut reading, &plan, &inquirer, &order).await?;
    if rounds.again(&mut delivery) {
        return Ok(None);
    }
    let mut open =
        if delivery.changes.is_empty() { left_open(&plan, stage.as_ref(), &request.goal) } else { Vec::new() };
    let exit = exit(&open, &delivery);
    let document = delivery.document(&plan);
    session.job.takes(told(&document, &open, &delivery));
    if session.is_json() {
        print_verbatim(&Document::new("Plan", document).to_text());
    } else {
        suggest(&mut inquirer, &request, &mut open).await;
        show(&app, &reading, &plan, &open, &delivery, order.mode);
    }
    Ok(Some(Outcome(exit)))
}

fn asked_environments(
    session: &Session,
    arguments: &arguments::Run,
    reading: &Reading,
) -> Result<Option<BTreeSet<EnvironmentName>>, Fault> {
    let words: Vec<String> = session.global.environments.iter().chain(&arguments.to).cloned().collect();
    Ok(if words.is_empty() { None } else { Some(environments_named(&reading.stages, &words)?) })
}

/// Without a person to see the plan first, `--to` decides where several stages are pinned or none comes first.
fn must_know_stage(app: &AppName, plan: &Plan, reading: &Reading) -> Result<(), Fault> {
    let names = |of: &dyn Fn(&Step) -> bool| -> Vec<String> {
        let mut names = Vec::new();
        for stage in &reading.stages.stages {
            let here = |step: &&Step| stage.environments.iter().any(|one| one.name == step.environment) && of(step);
            if plan.steps.iter().any(|step| here(&step)) {
                names.push(stage.name.to_string());
            }
        }
        names
    };
    if reading.stages.order == model::Order::Unknown && plan.steps.iter().filter(|step| is_pinned(step)).count() > 0 {
        let environments = plan.steps.iter().map(|step| step.environment.to_string()).collect();
        return Err(Refusal::NoOrder { environments }.into());
    }
    if pinned_stages(plan, &reading.stages) > 1 && !Session::is_attended() {
        return Err(Refusal::StageOpen { app: app.to_string(), stages: names(&is_pinned) }.into());
    }
    Ok(())
}

/// Only the first stage moves in this run: later ones come after it.
fn leave_later_stages(plan: &mut Plan, stage: Option<&BTreeSet<EnvironmentName>>) {
    for step in &mut plan.steps {
        if step.verdict == Verdict::Advance && stage.is_none_or(|stage| !stage.contains(&step.environment)) {
            step.verdict = Verdict::Waits;
            step.edits.clear();
            let message = "a stage before it comes first".to_owned();
            step.reasons = vec![Reason { code: ReasonCode::NotInFrom, message, place: None }];
        }
    }
}

/// What was asked for and did not come about decides.
fn exit(open: &[Step], delivery: &Delivery) -> Exit {
    let failures = delivery.changes.iter().filter_map(|delivered| delivered.result.as_ref().err());
    let failed = Exit::gravest(failures.map(|fault| fault.problem().exit()));
    let unknown = Exit::gravest(open.iter().filter_map(|step| step.failure.as_ref()).map(|failure| failure.exit));
    match (failed, unknown) {
        (Exit::Done, Exit::Done) if !open.is_empty() => Exit::Refused,
        (Exit::Done, unknown) => unknown,
        (failed, _) => failed,
    }
}

/// Returns the asked steps that neither moved nor run what was asked for, where nothing moved.
///
/// Where no pin stands at all, a range that selects another version is one of them: there is nothing to write.
fn left_open(plan: &Plan, stage: Option<&BTreeSet<EnvironmentName>>, goal: &Goal) -> Vec<Step> {
    let asked = || plan.steps.iter().filter(|step| stage.is_none_or(|stage| stage.contains(&step.environment)));
    let has_pins = asked().any(is_pinned);
    let open = asked().filter_map(|step| match step.verdict {
        Verdict::Current => None,
        Verdict::Follows if has_pins || selects(step, goal) => None,
        Verdict::Follows => Some(without_pin(step)),
        _ => Some(step.clone()),
    });
    open.collect()
}

/// Tells whether a range selects what was asked for.
fn selects(step: &Step, goal: &Goal) -> bool {
    let Goal::Version(asked) = goal else { return true };
    let Some(to) = &step.to else { return false };
    let is_tag = to.tag.as_ref().is_some_and(|tag| tag.as_str() == asked);
    let asked = model::Version::parse_flux(asked).ok();
    is_tag || asked.zip(to.version.as_ref()).is_some_and(|(asked, to)| asked.precedence(to).is_eq())
}

fn without_pin(step: &Step) -> Step {
    let follows = step.reasons.first();
    let how = follows.map_or("follows a range", |reason| reason.message.as_str());
    let selected = step.to.as_ref().and_then(spelled).unwrap_or_default();
    let message = format!("no pin stands there: it {how}, which selects {selected}");
    let place = follows.and_then(|reason| reason.place.clone());
    let reasons = vec![Reason { code: ReasonCode::NotPinned, message, place }];
    Step { verdict: Verdict::Blocked, to: None, reasons, ..step.clone() }
}

/// Returns what the CI job is told: what was asked for and refused is an error of it.
fn told(document: &PlanDocument, open: &[Step], delivery: &Delivery) -> JobReport {
    let mut report = JobReport::of_plan(document, &delivery.all_findings());
    for step in open.iter().filter(|step| step.failure.is_none()) {
        let place = step.reasons.iter().find_map(|reason| reason.place.as_ref());
        report.add_error(step.verdict.as_str(), &report::promotion::refusal(step), place);
    }
    report
}

/// Names versions that are near to one that doesn't exist.
async fn suggest(inquirer: &mut Inquirer, request: &Request, open: &mut [Step]) {
    let Goal::Version(version) = &request.goal else { return };
    for step in open {
        let missing = step.reasons.iter_mut().find(|reason| reason.code == ReasonCode::NotFound);
        if let (Some(reason), Some(artifact)) = (missing, &step.artifact) {
            let nearest = nearest_tags(version, &inquirer.tags(artifact).await);
            if !nearest.is_empty() {
                reason.message.push_str(&format!("; there is {}", nearest.join(", ")));
            }
        }
    }
}

/// Shows the plan, the diff, the grounds and the pull requests. Without a terminal, the URLs alone are the result.
fn show(app: &AppName, reading: &Reading, plan: &Plan, open: &[Step], delivery: &Delivery, mode: Mode) {
    let is_result = std::io::stdout().is_terminal() || mode == Mode::DryRun;
    let say = |text: &str| if is_result { print(text) } else { tell(text) };
    let artifact = plan.steps.iter().find_map(|step| step.artifact.as_ref());
    let artifact = artifact.map(ToString::to_string).unwrap_or_default();
    let steps: Vec<&Step> = plan.steps.iter().collect();
    say(&format!("{app}   {artifact}   {}\n\n{}", reading.title, report::promotion::table(&steps, "this promotion")));
    tell(&report::pins::findings(&reading.findings));
    for delivered in &delivery.changes {
        say(&report::promotion::hunks(&delivered.hunks));
        for (app, environment) in &delivered.moved {
            let step = plan.steps.iter().find(|step| step.app == *app && step.environment == *environment);
            say(&step.map(|step| format!("\n{}", report::promotion::grounds(step))).unwrap_or_default());
        }
        end(delivered, mode, is_result);
    }
    if delivery.changes.is_empty() {
        conclude(open, &reading.inventory);
    }
    tell(&report::pins::findings(&delivery.findings));
}

fn end(delivered: &Delivered, mode: Mode, is_result: bool) {
    let publication = match &delivered.result {
        Ok(publication) => publication,
        Err(fault) => return tell(&report::problem::render(fault.problem(), fault.text())),
    };
    let text = format!("\n{}\n\n{}\n", publication.text.title, publication.text.body);
    let branch = &publication.branch;
    match (publication.done, &publication.pull_request) {
        (Done::Planned, _) => {
            print(&format!("\nWould push {branch}\nand open this pull request:\n"));
            print_verbatim(&text);
        }
        (Done::Opened, Some(opened)) if is_result => {
            print(&format!("\nPull request #{}   {}\n", opened.number, opened.url))
        }
        (Done::Nothing, Some(open)) if is_result => {
            let since = open
                .created
                .map_or(String::new(), |created| format!(" since {}", created.strftime("%Y-%m-%d %H:%M UTC")));
            print(&format!("\nPull request #{} is open{since}, nothing to do   {}\n", open.number, open.url));
        }
        (Done::Opened | Done::Nothing, Some(open)) => {
            print(&format!("{}\n", open.url));
            let word = if publication.done == Done::Opened { "opened" } else { "is open, nothing to do" };
            tell(&format!("\nPull request #{} {word}\n", open.number));
        }
        (Done::Waiting, _) => {}
        (Done::Nothing, None) => tell(&format!("\nThe branch {branch} is there already, nothing to do\n")),
        (Done::Pushed | Done::Opened, _) => {
            tell(&format!("\nPushed {branch}. There is no forge: open the pull request with this text\n"));
            print_verbatim(&text);
        }
    }
    tell(&report::pins::findings(&publication.findings));
    if mode == Mode::DryRun {
        tell("\nNothing was written.\n");
    }
}

/// Nothing moves: either all run it, or each rule that says no.
fn conclude(open: &[Step], inventory: &Inventory) {
    if open.is_empty() {
        return tell("\nNothing to do.\n");
    }
    for step in open {
        tell(&format!("\nerror: {}", report::promotion::refusal(step)));
        if let Some(hint) = step.failure.as_ref().and_then(|failure| failure.hint.as_ref()) {
            tell(&format!("help: {hint}\n"));
        } else if let Some(hint) = report::promotion::hint(step, inventory) {
            tell(&format!("help: {}\n", hint.replace('\n', "\n      ")));
        }
    }
}
