//! `promote check --pull-request`: judges a promotion again at merge time, by the rules of the base as it is now.

mod claims;
mod exact;
mod moved;
mod people;
mod proposal;
mod rules;
mod stopped;

use std::collections::BTreeSet;

use self::claims::Claims;
use self::exact::{exactness, places};
use self::moved::{Direction, Moved};
use self::proposal::Merge;
use self::rules::Rules;
use self::stopped::Stopped;
use super::answering::Inquirer;
use super::check::exit;
use super::fault::Fault;
use super::reading::{CONFIGURATION, Purpose, Reading};
use super::recording::remember;
use super::session::Session;
use super::{Outcome, print, print_verbatim, tell};
use crate::config::job::{JobPullRequest, event_file, job_pull_request};
use crate::edit::{Difference, Fate, differences};
use crate::forge::{self, Address, Forge, PullRequest, State};
use crate::git::{self, Base, Proposed};
use crate::inventory::Reach;
use crate::model::{
    BRANCH_PREFIX, CheckResult, EnvironmentName, Inventory, Level, Order, Place, ReasonCode, Rules as Written, Stages,
    branch_name,
};
use crate::planner::production;
use crate::report;
use crate::report::documents::{CheckDocument, Document};
use crate::report::job::JobReport;

/// So often the base is read again if it moves meanwhile.
const ROUNDS: usize = 3;

/// What was judged, and each answer.
struct Judgement {
    heading: String,
    results: Vec<CheckResult>,
}

/// Judges a pull request.
///
/// # Errors
/// The repository, the forge or the pull request can't be read; it moved on while this ran.
pub async fn run(session: &Session, asked: Option<&str>) -> Result<Outcome, Fault> {
    let mut reading = Reading::of(session, Purpose::Write, Reach::Environments).await?;
    reading.must_have_sources()?;
    let (forge, job) = find(session, &mut reading, asked)?;
    let pull = forge.read(job.number).await?;
    if let Some(head) = job.head.filter(|head| pull.state == State::Open && *head != pull.head_commit) {
        return Err(Stopped::HeadMoved { number: pull.number, asked: head, now: pull.head_commit }.into());
    }
    let mut judgement = match without_looking(&pull, &reading) {
        Some(result) => Judgement { heading: String::new(), results: vec![result] },
        None => settled(session, &mut reading, forge.as_ref(), &pull).await?,
    };
    name_places(&mut judgement.results);
    let results = &judgement.results;
    session.job.takes(JobReport::of_check(results));
    if session.is_json() {
        print_verbatim(&Document::new("Check", CheckDocument::of(results)).to_text());
    } else {
        let sign = if forge.kind() == forge::Kind::GitLab { '!' } else { '#' };
        let heading = match judgement.heading.as_str() {
            "" => format!("{sign}{} {}", pull.number, pull.title),
            moves => format!("{moves} ({sign}{})", pull.number),
        };
        tell(&format!("read {}\n", reading.title));
        print(&report::check::judgement(&heading, results));
        tell(&advice(results).map(|advice| format!("help: {advice}\n")).unwrap_or_default());
    }
    Ok(Outcome(exit(results)))
}

/// Finds the forge and which pull request is meant: the argument's, else the CI job's.
fn find(
    session: &Session,
    reading: &mut Reading,
    asked: Option<&str>,
) -> Result<(Box<dyn Forge>, JobPullRequest), Fault> {
    let remote = reading.workspace().map(|workspace| workspace.connection().remote.to_string()).unwrap_or_default();
    let event = event_file(&session.variables).and_then(|path| std::fs::read_to_string(path).ok());
    let here = Address::of_remote(&remote).ok().flatten();
    // A job of another repository speaks of another pull request.
    let is_here = |job: &JobPullRequest| match (&job.repository, &here) {
        (Some(repository), Some(here)) => repository.eq_ignore_ascii_case(&here.path),
        _ => true,
    };
    let job = job_pull_request(&session.variables, event.as_deref()).filter(is_here);
    let job = match asked {
        Some(text) => {
            let number = text.trim_start_matches(['#', '!']).parse();
            let number = number.map_err(|_| Stopped::NotANumber { text: text.escape_default().to_string() })?;
            job.filter(|job| job.number == number).unwrap_or(JobPullRequest { number, head: None, repository: None })
        }
        None => job.ok_or(Stopped::NoNumber)?,
    };
    let forge = session.forge(session.forge_asked(), &remote)?;
    if forge.kind() == forge::Kind::None {
        return Err(Stopped::NoForge { number: job.number }.into());
    }
    Ok((forge, job))
}

/// Tells whether it is one of ours: a branch of this repository below `promote/`.
fn is_ours(pull: &PullRequest) -> bool {
    pull.own_branch && pull.head.starts_with(BRANCH_PREFIX)
}

/// Returns the answer where the pull request itself says enough.
fn without_looking(pull: &PullRequest, reading: &Reading) -> Option<CheckResult> {
    let base = reading.base.as_ref().map_or("", |base| base.branch.as_str());
    let result = |code, level, message| Some(CheckResult::new(code, level, message, None));
    if pull.state == State::Merged {
        return result(ReasonCode::Merged, Level::Ok, "merged: nothing is left to judge".to_owned());
    }
    if pull.base == base {
        return None;
    }
    if is_ours(pull) {
        let message = format!("goes to `{}`: a promotion goes to `{base}`", pull.base);
        return result(ReasonCode::OtherBase, Level::Error, message);
    }
    let message = format!("no promotion: it goes to `{}`, and environments are read from `{base}`", pull.base);
    result(ReasonCode::NoPromotion, Level::Ok, message)
}

/// Judges it against a base that is still the newest when it was compared.
async fn settled(
    session: &Session,
    reading: &mut Reading,
    forge: &dyn Forge,
    pull: &PullRequest,
) -> Result<Judgement, Fault> {
    let mut branch = String::new();
    for round in 0..ROUNDS {
        if round > 0 {
            *reading = Reading::of(session, Purpose::Write, Reach::Environments).await?;
        }
        let base = reading.base.clone().ok_or(git::Error::NoRemote)?;
        let proposed = proposed(reading, forge, pull, &base).await?;
        if proposed.base_now == base.commit {
            return judge(session, reading, forge, pull, &proposed).await;
        }
        branch = base.branch;
    }
    Err(Stopped::BaseBusy { number: pull.number, branch }.into())
}

/// Fetches its head: the branch, or where the forge shows the heads of all pull requests.
async fn proposed(
    reading: &mut Reading,
    forge: &dyn Forge,
    pull: &PullRequest,
    base: &Base,
) -> Result<Proposed, Fault> {
    let workspace = reading.workspace().ok_or(git::Error::NoRemote)?;
    let branch = format!("refs/heads/{}", pull.head);
    let shown = forge.kind().head_ref(pull.number);
    let found = if pull.own_branch && pull.state == State::Open {
        workspace.proposed(&branch, base).await?
    } else {
        match workspace.proposed(&shown, base).await {
            Err(git::Error::BranchMissing { .. }) if pull.own_branch => workspace.proposed(&branch, base).await?,
            other => other?,
        }
    };
    let tip = found.diff.tip.to_string();
    if tip != pull.head_commit {
        let told = pull.head_commit.clone();
        return Err(Stopped::HeadUnsettled { number: pull.number, told, found: tip }.into());
    }
    Ok(found)
}

/// Judges what is proposed.
async fn judge(
    session: &Session,
    reading: &mut Reading,
    forge: &dyn Forge,
    pull: &PullRequest,
    proposed: &Proposed,
) -> Result<Judgement, Fault> {
    let merge = Merge::of(session, reading, proposed).await?;
    let mut results = about_merging(pull, proposed, &merge);
    if results.iter().any(|result| result.level == Level::Error) {
        // What a merge would leave can't be told.
        return Ok(Judgement { heading: String::new(), results });
    }
    let is_ours = is_ours(pull);
    let claims = if is_ours { Claims::of(&proposed.commits) } else { Claims::default() };
    let before = reading.inventory.clone();
    let mut after = reading.inventory_at(session, merge.snapshot.clone()).await?;
    recall(&mut after, &before, &claims);
    let guarded = guarded(&reading.stages);
    let is_watched = |one: &Difference<'_>| is_ours || one.environment().is_some_and(|name| guarded.contains(name));
    let watched: Vec<Difference<'_>> = differences(&before, &after).into_iter().filter(is_watched).collect();
    if !is_ours && watched.iter().all(|one| one.fate() == Fate::Unpinned) {
        let message = "no promotion: it moves no version that a rule guards".to_owned();
        results.push(CheckResult::new(ReasonCode::NoPromotion, Level::Ok, message, None));
        return Ok(Judgement { heading: String::new(), results });
    }
    let mut moved: Vec<Moved<'_>> = watched.iter().filter_map(Moved::of).collect();
    let mut rules =
        Rules { session, reading: &mut *reading, inquirer: Inquirer::of(session), claims: &claims, is_ours };
    let said = rules.all(&mut moved, &watched).await?;
    if is_ours {
        results.extend(exact(reading, &before, &moved, &merge, proposed, pull));
    }
    results.extend(said);
    if is_ours {
        results.extend(people::trailers(&claims, &moved, proposed));
    }
    results.extend(people::protection(forge, reading, &moved).await);
    results.push(people::approvals(forge, pull, &claims).await);
    let mut seen: Vec<CheckResult> = Vec::new();
    results.retain(|result| {
        let is_new = !seen.contains(result);
        seen.push(result.clone());
        is_new
    });
    Ok(Judgement { heading: heading(&moved), results })
}

/// What is to be said of the merge itself, whatever it holds.
fn about_merging(pull: &PullRequest, proposed: &Proposed, merge: &Merge) -> Vec<CheckResult> {
    let mut results = Vec::new();
    let mut say = |code, level, message: String, place| results.push(CheckResult::new(code, level, message, place));
    if pull.state == State::Closed {
        let message = "closed: this is what would be said if it were opened again".to_owned();
        say(ReasonCode::Closed, Level::Warning, message, None);
    }
    if proposed.diff.merge_base.is_none() {
        let message = format!("has no commit in common with `{}`", pull.base);
        say(ReasonCode::NotMergeable, Level::Error, message, None);
    }
    for path in &merge.conflicts {
        say(ReasonCode::NotMergeable, Level::Error, format!("{path} conflicts with the base"), None);
    }
    if proposed.is_cut {
        let message = "has more commits than any promotion: not all of them were looked at".to_owned();
        say(ReasonCode::OtherChange, Level::Warning, message, None);
    }
    if !is_ours(pull) && merge.files.iter().any(|file| file.shown == CONFIGURATION) {
        let place = CONFIGURATION.parse().ok().map(|path| Place { path, line: 1, column: 1 });
        let message = "changes the rules themselves; it is judged by those of the base".to_owned();
        say(ReasonCode::RulesChange, Level::Warning, message, place);
    }
    results
}

/// A digest that is pinned alone has the version that the commit behind it says.
fn recall(after: &mut Inventory, before: &Inventory, claims: &Claims) {
    for source in &before.sources {
        let Some(claim) = claims.claim(&source.app, &source.environment) else { continue };
        let to = claim.to.as_deref().and_then(|to| to.parse().ok());
        if let (Some(digest), Some(to)) = (&claim.digest, &to) {
            remember(after, (&source.app, &source.environment, digest), to);
        }
    }
}

/// Returns the environments that rules guard: those with rules of their own, those after others, and production.
fn guarded(stages: &Stages) -> BTreeSet<EnvironmentName> {
    let production = production(stages);
    let later = stages
        .stages
        .iter()
        .enumerate()
        .flat_map(|(rank, stage)| stage.environments.iter().map(move |environment| (rank, environment)));
    let guarded = later.filter(|(rank, environment)| {
        let is_later = *rank > 0 && stages.order != Order::Unknown;
        is_later || environment.rules != Written::default() || production.contains(&environment.name)
    });
    guarded.map(|(_, environment)| environment.name.clone()).collect()
}

/// Whether it changes exactly the values of its promotion, and its branch is called after them.
fn exact(
    reading: &Reading,
    before: &Inventory,
    moved: &[Moved<'_>],
    merge: &Merge,
    proposed: &Proposed,
    pull: &PullRequest,
) -> Vec<CheckResult> {
    let goes_on = moved.iter().any(|one| one.direction() != Direction::Same);
    let exactness = exactness(&reading.snapshot, before, moved, &merge.files);
    let mut results = exactness.beside;
    if !goes_on {
        let message = "is called a promotion, and moves no version".to_owned();
        results.insert(0, CheckResult::new(ReasonCode::NothingMoves, Level::Error, message, None));
    }
    if !results.is_empty() {
        return results;
    }
    let merged = if proposed.holds_merges { " (something was merged into it: fine)" } else { "" };
    let message = format!("changes exactly {}{merged}", places(&exactness.edits));
    results.push(CheckResult::new(ReasonCode::ExactChange, Level::Ok, message, None));
    if let Some(first) = moved.first() {
        let name = branch_name(first.environment(), &[], &pull.base, &exactness.edits);
        if !name.is_same_intent(&pull.head) {
            let message = format!("the branch `{}` is called after another change than it holds", pull.head);
            results.push(CheckResult::new(ReasonCode::BranchDiffers, Level::Error, message, None));
        }
    }
    results
}

/// Returns what moves where, a line for each app and version.
fn heading(moved: &[Moved<'_>]) -> String {
    let mut lines: Vec<(String, Vec<String>)> = Vec::new();
    for one in moved {
        let what = format!("{} {}", one.app(), one.versions());
        let environment = one.environment().to_string();
        match lines.iter_mut().find(|(known, _)| *known == what) {
            Some((_, environments)) if environments.contains(&environment) => {}
            Some((_, environments)) => environments.push(environment),
            None => lines.push((what, vec![environment])),
        }
    }
    let lines = lines.into_iter().map(|(what, environments)| format!("{what} in {}", environments.join(", ")));
    lines.collect::<Vec<_>>().join("\n")
}

/// Where several things move each answer says which one it is about.
fn name_places(results: &mut [CheckResult]) {
    let about: BTreeSet<_> = results.iter().filter_map(|result| result.app.clone()).collect();
    if about.len() < 2 {
        return;
    }
    for result in results {
        if let Some((app, environment)) = &result.app {
            result.message = format!("{app} in {environment}: {}", result.message);
        }
    }
}

/// Returns what to do about the first thing that is wrong.
fn advice(results: &[CheckResult]) -> Option<String> {
    let wrong: Vec<&CheckResult> = results.iter().filter(|result| result.level == Level::Error).collect();
    let has = |code: ReasonCode| wrong.iter().any(|result| result.code == code.as_str());
    if let Some(hint) = wrong.iter().find_map(|result| result.failure.as_ref()?.hint.clone()) {
        return Some(hint);
    }
    Some(
        if has(ReasonCode::TagMoved) {
            "find out who pushed the tag again; a new version is the safe way"
        } else if has(ReasonCode::OtherChange) || has(ReasonCode::BranchDiffers) || has(ReasonCode::TrailersDiffer) {
            "close it, and promote again: a promotion's branch is never edited by hand"
        } else if has(ReasonCode::ApprovedByRequester) {
            "somebody else must approve; withdraw or dismiss that review, and run the check again"
        } else if has(ReasonCode::Frozen) || has(ReasonCode::Held) {
            "run the check again when the rule is over: it judges by the time of its run"
        } else if has(ReasonCode::NotMergeable) {
            "bring the branch up to date with the base, or close it and promote again"
        } else {
            return None;
        }
        .to_owned(),
    )
}
