//! Delivers what a plan says is to be moved: changes, one after the other, each to its pull request.

use std::collections::{BTreeSet, VecDeque};

use super::answering::Inquirer;
use super::change::Change;
use super::describing::{Circumstances, OverrideTexts};
use super::fault::{Fault, Refusal};
use super::publishing::{Done, Press, Publication, texts};
use super::reading::Reading;
use super::rivals::Others;
use super::session::Session;
use super::superseding::Supersede;
use super::tell;
use super::trail::Trail;
use crate::forge::{self, Account, Address, Forge, PullRequest};
use crate::git::Identity;
use crate::model::{AppName, EnvironmentName, Finding, FindingCode, Plan, Protection, Step};
use crate::planner::{self, Grouping, changes};
use crate::registry::Registries;
use crate::report;
use crate::report::documents::{ErrorBody, PlanDocument};
use crate::report::pull_request::{Hunk, Requester};

/// How to deliver.
pub struct Order {
    /// Whether it stops before the first write.
    pub mode: Mode,
    /// What goes into one pull request.
    pub grouping: Grouping,
    /// At most so many new pull requests.
    pub limit: Option<usize>,
    /// Why, as the person or job said.
    pub reason: Option<String>,
    /// Whether what somebody closed may be opened anew.
    pub reopen: bool,
    /// Which open promotions may be closed for a new one.
    pub supersede: Supersede,
}

/// Whether anything is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Stop before the first write.
    DryRun,
    /// Write.
    Write,
}

/// What became of one change.
pub struct Delivered {
    /// The apps and environments that it moves.
    pub moved: Vec<(AppName, EnvironmentName)>,
    /// The changed lines.
    pub hunks: Vec<Hunk>,
    /// What came of it.
    pub result: Result<Publication, Fault>,
}

/// What became of all of them.
#[derive(Default)]
pub struct Delivery {
    /// In the plan's order.
    pub changes: Vec<Delivered>,
    /// How many were left for the next run.
    pub over_limit: usize,
    /// What people should know of the forge.
    pub findings: Vec<Finding>,
}

/// What is connected before anything is written.
struct Post {
    forge: Box<dyn Forge>,
    address: Option<Address>,
    registries: Option<Registries>,
    identity: Option<Identity>,
    requester: Option<Requester>,
    own: Option<Account>,
    /// The open pull requests of ours.
    open: Vec<PullRequest>,
    /// Those of others.
    others: Others,
    notes: Vec<String>,
    /// Why nobody need approve on the base branch, or why that can't be told.
    unprotected: Option<String>,
    trail: Trail,
}

/// Makes each change, proves it, and publishes it unless it is only to be looked at.
///
/// # Errors
/// Whatever stops all of them: no forge token, no identity. What stops one of them is in its result.
pub async fn deliver(
    session: &Session,
    reading: &mut Reading,
    plan: &Plan,
    inquirer: &Inquirer,
    order: &Order,
) -> Result<Delivery, Fault> {
    let planned = changes(plan, &order.grouping);
    let mut delivery = Delivery::default();
    if planned.is_empty() {
        return Ok(delivery);
    }
    reading.load(session, &OverrideTexts::paths()).await?;
    let post = Post::open(session, reading, inquirer, order, &planned, &mut delivery.findings).await?;
    let mut opened = 0;
    let mut waiting = VecDeque::from(planned);
    while let Some(planned) = waiting.pop_front() {
        if order.limit.is_some_and(|limit| opened >= limit) {
            delivery.over_limit += 1;
            continue;
        }
        let (hunks, result) = match Change::prepare(session, reading, &planned).await {
            Ok(change) => {
                let result = match post.must_be_protected(reading, &change) {
                    Ok(()) => post.send(reading, plan, inquirer, order, &change).await,
                    Err(fault) => Err(fault),
                };
                (change.hunks, result)
            }
            Err(fault) => (Vec::new(), Err(fault)),
        };
        // Of a bundle only that waits which another promotion moves already.
        let held = result.as_ref().map_or(&[][..], |publication| publication.held.as_slice());
        let rest = if held.is_empty() { None } else { planned.without(held) };
        let is_left =
            |step: &Step| rest.as_ref().is_some_and(|rest| rest.steps.iter().any(|one| std::ptr::eq(*one, step)));
        let moved = planned.steps.iter().filter(|step| !is_left(step));
        let moved = moved.map(|step| (step.app.clone(), step.environment.clone())).collect();
        opened += usize::from(result.as_ref().is_ok_and(|publication| publication.done.is_new()));
        delivery.changes.push(Delivered { moved, hunks, result });
        waiting.extend(rest);
    }
    Ok(delivery)
}

impl Post {
    /// Connects to the forge, so that what is missing is found before anything is pushed.
    async fn open(
        session: &Session,
        reading: &mut Reading,
        inquirer: &Inquirer,
        order: &Order,
        planned: &[planner::Change<'_>],
        findings: &mut Vec<Finding>,
    ) -> Result<Self, Fault> {
        let mode = order.mode;
        let remote = reading.workspace().map(|workspace| workspace.connection().remote.to_string()).unwrap_or_default();
        let address = Address::of_remote(&remote).ok().flatten();
        let forge = match (session.forge(session.forge_asked(), &remote), mode) {
            (Ok(forge), _) => forge,
            // To look needs no token: the text is the same without the forge's answers.
            (Err(_), Mode::DryRun) => session.forge(Some(forge::Kind::None), &remote)?,
            (Err(error), Mode::Write) => return Err(error.into()),
        };
        let mut post = Self {
            address,
            registries: inquirer.registries().cloned(),
            identity: None,
            requester: None,
            own: None,
            open: Vec::new(),
            others: Others::new(Vec::new(), "", Vec::new()),
            unprotected: None,
            trail: session.trail.clone(),
            notes: forge::notices(forge.kind(), forge.token_origin(), &session.variables),
            forge,
        };
        if mode == Mode::Write {
            let told = |message: &String| Finding {
                code: FindingCode::ChecksMayNotStart,
                message: message.clone(),
                place: None,
            };
            findings.extend(post.notes.iter().map(told));
            post.identity = Some(Identity::of(&session.git, &session.environment)?);
        }
        let asks_forge = post.forge.kind() != forge::Kind::None && mode == Mode::Write;
        if asks_forge {
            post.own = post.forge.identity().await?;
        }
        let host = post.address.as_ref().map(|address| address.host.as_str()).unwrap_or_default();
        let requester = match order.supersede {
            Supersede::Untouched => Some(forge::job_requester(host, post.own.as_ref(), &session.variables)),
            Supersede::NotNewer | Supersede::All => forge::requester(host, post.own.as_ref(), &session.variables),
        };
        post.requester = requester.map(|one| Requester {
            is_by_rules: one.origin == forge::AUTO,
            name: one.name,
            origin: one.origin,
        });
        if asks_forge {
            let (ours, others) = post.forge.open_ones().await?.into_iter().partition(PullRequest::is_promotion);
            post.open = ours;
            if let Some(base) = &reading.base {
                post.others = Others::new(others, &base.branch, files_of(planned));
                post.look_at_rules(&base.branch, findings).await?;
            }
        } else if post.forge.kind() == forge::Kind::None && mode == Mode::Write {
            post.unprotected = Some("without a forge nobody can tell whether the base asks for an approval".to_owned());
        }
        Ok(post)
    }

    /// A base that asks for no approval is told of, in the output and in the pull request.
    async fn look_at_rules(&mut self, base: &str, findings: &mut Vec<Finding>) -> Result<(), Fault> {
        let Some(message) = self.forge.approvals(base).await?.objection(base) else { return Ok(()) };
        self.notes.push(message.clone());
        self.unprotected = Some(message.clone());
        findings.push(Finding { code: FindingCode::BaseUnprotected, message, place: None });
        Ok(())
    }

    /// Refuses a change of an environment that wants the base branch protected where it isn't.
    fn must_be_protected(&self, reading: &Reading, change: &Change) -> Result<(), Fault> {
        let Some(why) = &self.unprotected else { return Ok(()) };
        let rules = change.steps().filter_map(|step| {
            let environment = reading.stages.environment(&step.environment)?;
            environment.rules.protection.as_ref().filter(|rule| rule.value == Protection::Require)
        });
        match rules.last() {
            Some(rule) => {
                let refusal = Refusal::Unprotected { why: why.clone(), place: rule.place.clone() };
                Err(Fault::from(refusal).with_text(|place| reading.text(&place.path)))
            }
            None => Ok(()),
        }
    }

    async fn send(
        &self,
        reading: &mut Reading,
        plan: &Plan,
        inquirer: &Inquirer,
        order: &Order,
        change: &Change,
    ) -> Result<Publication, Fault> {
        let mut notes = self.notes.clone();
        let (Some(identity), Some(registries)) = (&self.identity, &self.registries) else {
            return Ok(Publication {
                branch: change.branch.clone(),
                pull_request: None,
                done: Done::Planned,
                text: texts(change, &self.circumstances(reading, plan, inquirer, order, notes))?.text,
                findings: Vec::new(),
                held: Vec::new(),
            });
        };
        let press = Press {
            forge: self.forge.as_ref(),
            registries,
            identity,
            open: &self.open,
            labels: &reading.configuration.pull_request.labels.clone(),
            own: self.own.as_ref(),
            reopen: order.reopen,
            supersede: order.supersede,
            trail: &self.trail,
        };
        let berth = match press.berth(reading, change).await? {
            Ok(berth) => berth,
            Err(waiting) => return Ok(waiting),
        };
        if !berth.is_open {
            let rivals = self.others.beside(self.forge.as_ref(), reading, change).await;
            tell(&report::pins::findings(&rivals));
            notes.extend(rivals.into_iter().map(|rival| rival.message));
        }
        let texts = texts(change, &self.circumstances(reading, plan, inquirer, order, notes))?;
        press.publish(reading, change, texts, berth).await
    }

    fn circumstances<'a>(
        &'a self,
        reading: &'a Reading,
        plan: &'a Plan,
        inquirer: &'a Inquirer,
        order: &Order,
        notes: Vec<String>,
    ) -> Circumstances<'a> {
        Circumstances {
            reading,
            plan,
            inquirer,
            forge: self.forge.as_ref(),
            address: self.address.clone(),
            requester: self.requester.clone(),
            reason: order.reason.clone(),
            notes,
        }
    }
}

/// Returns every file that one of the changes edits.
fn files_of(planned: &[planner::Change<'_>]) -> Vec<String> {
    let edits = planned.iter().flat_map(planner::Change::edits);
    let files: BTreeSet<String> = edits.map(|edit| edit.slot.path().to_string()).collect();
    files.into_iter().collect()
}

impl Delivery {
    /// Tells whether anything was written.
    pub fn is_change(&self) -> bool {
        self.changes.iter().filter_map(|delivered| delivered.result.as_ref().ok()).any(|one| one.done.is_change())
    }

    /// Returns what people should know of the forge and of each pull request.
    pub fn all_findings(&self) -> Vec<Finding> {
        let publications = self.changes.iter().filter_map(|delivered| delivered.result.as_ref().ok());
        self.findings.iter().chain(publications.flat_map(|one| &one.findings)).cloned().collect()
    }

    /// Returns what became of the change that moves a step.
    pub fn of(&self, step: &Step) -> Option<&Delivered> {
        let moves = |delivered: &&Delivered| {
            delivered.moved.iter().any(|(app, environment)| *app == step.app && *environment == step.environment)
        };
        self.changes.iter().find(moves)
    }

    /// Returns the JSON document of a plan and what became of it.
    pub fn document(&self, plan: &Plan) -> PlanDocument {
        let mut document = PlanDocument::of(plan);
        document.changed = self.is_change();
        for (body, step) in document.steps.iter_mut().zip(&plan.steps) {
            match self.of(step).map(|delivered| &delivered.result) {
                Some(Ok(publication)) => body.pull_request = Some(publication.to_body()),
                Some(Err(fault)) => body.error = Some(ErrorBody::of(fault.problem())),
                None => {}
            }
        }
        document
    }
}
