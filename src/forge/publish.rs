//! Opens a pull request once, however often it is asked for and whatever answers get lost.

use std::time::Duration;

use super::{Error, Forge, Proposal, PullRequest, State};
use crate::model::{Exit, Finding, FindingCode, Problem as _};

/// What came of it.
#[derive(Clone, Debug)]
pub struct Published {
    /// The pull request; none where there is no forge.
    pub pull_request: Option<PullRequest>,
    /// Whether it was opened now, and not before.
    pub created: bool,
    /// What could not be set on it.
    pub findings: Vec<Finding>,
}

/// Opens a pull request, or finds the open one from the same branch to the same base; then sets labels and reviewers.
///
/// # Errors
/// [`Error`] if the forge refuses it, or does not show it after its answer was lost. Labels and reviewers that can't be
/// set are findings.
pub async fn publish(forge: &dyn Forge, proposal: &Proposal) -> Result<Published, Error> {
    let (pull_request, created) = match find(forge, proposal).await? {
        Some(found) => (Some(found), false),
        None => open(forge, proposal).await?,
    };
    let findings = match &pull_request {
        Some(pull_request) => furnish(forge, pull_request, proposal, created).await,
        None => Vec::new(),
    };
    Ok(Published { pull_request, created, findings })
}

async fn find(forge: &dyn Forge, proposal: &Proposal) -> Result<Option<PullRequest>, Error> {
    let found = forge.of_branch(&proposal.head).await?;
    Ok(found.into_iter().find(|pull_request| pull_request.state == State::Open && pull_request.base == proposal.base))
}

async fn open(forge: &dyn Forge, proposal: &Proposal) -> Result<(Option<PullRequest>, bool), Error> {
    let error = match forge.create(proposal).await {
        Ok(opened) => {
            let created = opened.is_some();
            return Ok((opened, created));
        }
        Err(error) => error,
    };
    // The forge may have one already, by another run; and where the answer was lost, by this one. A second POST could
    // open a second one, so only reading decides.
    let lost = error.is_ambiguous();
    if !lost && !matches!(error, Error::Refused { .. }) {
        return Err(error);
    }
    if let Some(found) = look_again(forge, proposal, lost).await? {
        return Ok((Some(found), lost));
    }
    if !lost {
        return Err(error);
    }
    let host = forge.page().and_then(|page| page.host_str().map(str::to_owned)).unwrap_or_default();
    Err(Error::Unclear { host, doing: super::Call::Open.doing(), source: Some(Box::new(error)) })
}

/// Looks until it is there or patience ends: a forge's list may be older than its answers.
async fn look_again(forge: &dyn Forge, proposal: &Proposal, lost: bool) -> Result<Option<PullRequest>, Error> {
    let patience = forge.patience();
    let mut wait = patience.first_look;
    let mut waited = Duration::ZERO;
    loop {
        match find(forge, proposal).await {
            Ok(Some(found)) => return Ok(Some(found)),
            Ok(None) => {}
            Err(error) if lost && error.exit() == Exit::Temporary => {}
            Err(error) => return Err(error),
        }
        // Zero would look for ever.
        if wait.is_zero() || waited + wait > patience.read_back {
            return Ok(None);
        }
        tokio::time::sleep(wait).await;
        waited += wait;
        wait = wait.saturating_mul(2).min(Duration::from_secs(8));
    }
}

/// Sets the labels and reviewers that are missing. The pull request is the result: what fails here fails nothing.
async fn furnish(forge: &dyn Forge, opened: &PullRequest, proposal: &Proposal, created: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut note = |code: FindingCode, outcome: Result<(), Error>| {
        if let Err(error) = outcome {
            findings.push(Finding { code, message: format!("#{}: {error}", opened.number), place: None });
        }
    };
    let labels = missing(&proposal.labels, &opened.labels, |label| label.to_lowercase());
    if !labels.is_empty() {
        note(FindingCode::LabelsNotSet, forge.add_labels(opened.number, &labels).await);
    }
    note(FindingCode::ReviewersNotSet, ask(forge, opened, proposal, created).await);
    findings
}

async fn ask(forge: &dyn Forge, opened: &PullRequest, proposal: &Proposal, created: bool) -> Result<(), Error> {
    // A team may be named with its organisation.
    let short = |name: &str| name.rsplit('/').next().unwrap_or(name).to_lowercase();
    let mut people = missing(&proposal.reviewers, &opened.reviewers, short);
    let mut teams = missing(&proposal.teams, &opened.teams, short);
    // Nobody may review their own, and one such name would spoil the whole request.
    people.retain(|name| opened.author.as_ref().is_none_or(|author| short(&author.name) != short(name)));
    let anyone = !people.is_empty() || !teams.is_empty();
    if anyone && !created {
        // Who has reviewed is no longer asked, and must not be asked again. A member's review answers the request to
        // a team, too, and nothing says to which.
        let reviews = forge.reviews(opened.number).await?;
        let done: Vec<String> = reviews.into_iter().filter_map(|review| Some(review.author?.name)).collect();
        people = missing(&people, &done, short);
        if !done.is_empty() {
            teams.clear();
        }
    }
    if people.is_empty() && teams.is_empty() {
        return Ok(());
    }
    forge.ask_reviewers(opened.number, &people, &teams).await
}

/// Returns what of `wanted` is not there, compared as forges do: without regard to case.
fn missing(wanted: &[String], there: &[String], key: impl Fn(&str) -> String) -> Vec<String> {
    wanted.iter().filter(|name| !there.iter().any(|one| key(one) == key(name))).cloned().collect()
}
