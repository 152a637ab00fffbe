//! From a proved change to a branch and a pull request: each once, whatever happened before.

use super::answering::commit_of;
use super::change::Change;
use super::describing::{Circumstances, OverrideTexts, describe};
use super::fault::{Fault, Refusal};
use super::moving;
use super::reading::Reading;
use super::superseding::{Precedence, Supersede, merges};
use super::tell;
use super::trail::{Reached, Trail};
use crate::forge::{self, Account, Ending, Forge, Proposal, PullRequest, State};
use crate::git::{self, Identity};
use crate::model::{AppName, Artifact, BranchName, EnvironmentName, Finding, FindingCode};
use crate::registry::{ManifestReference, Registries};
use crate::report::documents::PullRequestBody;
use crate::report::promotion::changed_lines;
use crate::report::pull_request::{Text, commit_message, pull_request};

/// Title, body and commit messages of one change.
pub struct Texts {
    /// Title and body.
    pub text: Text,
    /// A message for each commit, in order.
    pub messages: Vec<String>,
}

/// What became of a change.
pub struct Publication {
    /// The branch.
    pub branch: BranchName,
    /// The pull request, where there is a forge.
    pub pull_request: Option<PullRequest>,
    /// What this run did.
    pub done: Done,
    /// Title and body.
    pub text: Text,
    /// What could not be set, or is to be known.
    pub findings: Vec<Finding>,
    /// What the promotion that is waited for moves already.
    pub held: Vec<(AppName, EnvironmentName)>,
}

/// What a run did for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// Nothing: `--dry-run`.
    Planned,
    /// It opened the pull request.
    Opened,
    /// It pushed the branch; there is no forge.
    Pushed,
    /// All was there.
    Nothing,
    /// Another promotion of the same app and environment is open, and is left: it is the one that is shown.
    Waiting,
}

impl Done {
    /// Tells whether something was written.
    pub fn is_change(self) -> bool {
        matches!(self, Self::Opened | Self::Pushed)
    }

    /// Tells whether it takes one of the places that `--limit` gives.
    pub fn is_new(self) -> bool {
        self == Self::Planned || self.is_change()
    }
}

impl Publication {
    /// Returns what a JSON document says about it.
    pub fn to_body(&self) -> PullRequestBody {
        let state = match (self.done, &self.pull_request) {
            (Done::Planned, _) => "planned",
            (_, Some(_)) => "open",
            (_, None) => "pushed",
        };
        PullRequestBody {
            number: self.pull_request.as_ref().map(|found| found.number),
            url: self.pull_request.as_ref().map(|found| found.url.clone()),
            branch: match (self.done, &self.pull_request) {
                (Done::Waiting, Some(open)) => open.head.clone(),
                _ => self.branch.to_string(),
            },
            state: state.to_owned(),
            title: self.text.title.clone(),
            body: self.text.body.clone(),
        }
    }
}

/// Writes title, body and commit messages.
///
/// # Errors
/// An override that can't be filled.
pub fn texts(change: &Change, circumstances: &Circumstances<'_>) -> Result<Texts, Fault> {
    let overrides = OverrideTexts::of(circumstances.reading);
    let promotion = describe(change, circumstances);
    let messages = promotion.moves.iter().map(|one| commit_message(&promotion, one, overrides.templates()));
    Ok(Texts { messages: messages.collect::<Result<_, _>>()?, text: pull_request(&promotion, overrides.templates())? })
}

/// Everything that publishing needs beside the change.
pub struct Press<'a> {
    /// The forge.
    pub forge: &'a dyn Forge,
    /// Registries, to look at the tag once more.
    pub registries: &'a Registries,
    /// Who commits.
    pub identity: &'a Identity,
    /// The open pull requests of ours.
    pub open: &'a [PullRequest],
    /// The labels that are set on ours.
    pub labels: &'a [String],
    /// Whose token it is; none if it is nobody's.
    pub own: Option<&'a Account>,
    /// Whether a pull request that somebody closed may be opened anew.
    pub reopen: bool,
    /// What may be closed for this one.
    pub supersede: Supersede,
    /// What this run has written so far.
    pub trail: &'a Trail,
}

/// What stands on the remote and the forge under one attempt's name.
enum Standing {
    /// Neither branch nor pull request.
    Free,
    /// A branch with exactly this change, and an open pull request, or none yet.
    Ours {
        /// Whether there is one.
        is_open: bool,
    },
    /// This attempt is over.
    Over,
}

/// Where a change goes, judged before anything is written.
pub struct Berth<'a> {
    branch: BranchName,
    is_pushed: bool,
    /// Whether its pull request is open already.
    pub is_open: bool,
    /// What it takes the place of.
    older: Vec<&'a PullRequest>,
    /// The base that it is built on.
    base: git::Base,
}

impl Press<'_> {
    /// Judges what stands under the change's name and beside it; a publication if another one is waited for.
    ///
    /// # Errors
    /// A branch that holds something else, a pull request that somebody closed, an open one for a newer version, a
    /// remote or forge that refuses or can't be reached.
    pub async fn berth(&self, reading: &mut Reading, change: &Change) -> Result<Result<Berth<'_>, Publication>, Fault> {
        let base = reading.base.clone().ok_or(git::Error::NoRemote)?;
        let workspace = reading.workspace().ok_or(git::Error::NoRemote)?;
        let (existing, tip) = workspace.branches_beside(change.branch.as_str(), &base.branch).await?;
        // A base that moved on is built on where it is now.
        let base = moving::base_now(reading, change, &base, tip).await?;
        let mut attempt = 1;
        let (branch, is_pushed, is_open) = loop {
            let name = change.branch.attempt(attempt);
            let exists = existing.iter().any(|branch| branch.name == name.as_str());
            match self.standing(reading, change, &name, exists, &base).await? {
                Standing::Free => break (name, false, false),
                Standing::Ours { is_open } => break (name, true, is_open),
                Standing::Over => attempt += 1,
            }
        };
        let older = match self.precedence(reading, change, branch.as_str(), &base).await? {
            Precedence::Over(older) => older,
            Precedence::Under(..) if is_open => Vec::new(),
            Precedence::Under(open, why, held) => {
                return Ok(Err(Publication { held, ..self.waiting(change, open, &why) }));
            }
        };
        Ok(Ok(Berth { branch, is_pushed, is_open, older, base }))
    }

    /// Pushes the branch and opens the pull request; finishes what an earlier run left undone.
    ///
    /// # Errors
    /// A tag that moved, a branch that somebody else made meanwhile, a remote or forge that refuses or can't be reached.
    pub async fn publish(
        &self,
        reading: &mut Reading,
        change: &Change,
        texts: Texts,
        berth: Berth<'_>,
    ) -> Result<Publication, Fault> {
        let Berth { branch, is_pushed, older, base, .. } = berth;
        for older in &older {
            let (kind, number, title, url) =
                (self.forge.kind(), older.number, git::escape(&older.title, 200), &older.url);
            tell(&format!("\nThis takes the place of {} ({title}), which is closed: {url}\n", kind.reference(number)));
        }
        let mut pushed_now = false;
        if !is_pushed {
            self.tags_stay(change).await?;
            pushed_now = self.push(reading, change, &texts, &branch, &base).await?;
        }
        let settings = &reading.configuration.pull_request;
        let proposal = Proposal {
            head: branch.to_string(),
            base: base.branch.clone(),
            title: texts.text.title.clone(),
            body: texts.text.body.clone(),
            draft: settings.draft,
            labels: settings.labels.clone(),
            reviewers: settings.reviewers.clone(),
            teams: settings.teams.clone(),
        };
        self.base_stays(reading, change, &base, &branch).await?;
        self.trail.note(&branch, Reached::Opening);
        let published = forge::publish(self.forge, &proposal).await.inspect_err(|_| {
            // What failed is told by the error; that half of the work is done, by this.
            tell(&format!("\nThe branch {branch} is pushed; run the same command again to finish its pull request\n"));
        })?;
        self.trail.note(
            &branch,
            match &published.pull_request {
                Some(open) => Reached::Open(open.url.clone()),
                None => Reached::Pushed,
            },
        );
        let done = match (&published.pull_request, published.created, pushed_now) {
            (Some(_), true, _) => Done::Opened,
            (None, _, true) => Done::Pushed,
            _ => Done::Nothing,
        };
        let (pull_request, mut findings) = (published.pull_request, published.findings);
        for (older, newer) in older.into_iter().zip(std::iter::repeat(&pull_request)) {
            let Some(newer) = newer else { continue };
            // The new one is the result: one that can't be closed is told, and closed by the next run.
            if let Err(error) = forge::supersede(self.forge, older, newer).await {
                let message = format!("{} could not be closed: {error}", self.forge.kind().reference(older.number));
                findings.push(Finding { code: FindingCode::NotSuperseded, message, place: None });
            }
        }
        Ok(Publication { branch, pull_request, done, text: texts.text, findings, held: Vec::new() })
    }

    /// Looks once more at the base: a pull request is opened only for what the base holds now.
    async fn base_stays(
        &self,
        reading: &mut Reading,
        change: &Change,
        base: &git::Base,
        branch: &BranchName,
    ) -> Result<(), Fault> {
        let Some(workspace) = reading.workspace() else { return Ok(()) };
        let tip = workspace.remote_tip(&base.branch).await?;
        if tip.as_ref() == Some(&base.commit) {
            return Ok(());
        }
        moving::base_now(reading, change, base, tip).await?;
        // Of a base whose history was rewritten the branch may show more than the plan.
        match self.standing(reading, change, branch, true, base).await? {
            Standing::Ours { .. } => Ok(()),
            Standing::Free | Standing::Over => Err(Refusal::BaseMoved { branch: base.branch.clone() }.into()),
        }
    }

    /// Nothing is written: an open promotion of the same app and environment is left, for this reason.
    fn waiting(&self, change: &Change, open: &PullRequest, why: &str) -> Publication {
        let message = format!("{} is open, and {why}", self.forge.kind().name_of(open.number));
        Publication {
            branch: change.branch.clone(),
            pull_request: Some(open.clone()),
            done: Done::Waiting,
            text: Text { title: open.title.clone(), body: open.body.clone() },
            findings: vec![Finding { code: FindingCode::WaitsForOpen, message, place: None }],
            held: Vec::new(),
        }
    }

    /// Judges what stands under one attempt's name.
    async fn standing(
        &self,
        reading: &mut Reading,
        change: &Change,
        name: &BranchName,
        exists: bool,
        base: &git::Base,
    ) -> Result<Standing, Fault> {
        let mut found = self.forge.of_branch(name.as_str()).await?;
        found.retain(|pull_request| pull_request.own_branch && pull_request.base == base.branch);
        let newest = found.iter().find(|one| one.state == State::Open).or(found.first());
        let ending = match newest {
            Some(newest) => Some((forge::ending(self.forge, newest, self.own).await?, newest)),
            None => None,
        };
        match ending {
            None if !exists => Ok(Standing::Free),
            Some((Ending::Closed, closed)) if !self.reopen => {
                let name = self.forge.kind().name_of(closed.number);
                let when = closed.ended.map_or(String::new(), |ended| ended.strftime(" on %Y-%m-%d").to_string());
                let by = closed.closed_by.as_ref().map_or(String::new(), |who| format!(" by {who}"));
                Err(Refusal::ClosedByOthers { name, by, when, url: closed.url.clone() }.into())
            }
            // The base still lacks the version: a rollback may have followed a merge.
            Some((Ending::Merged | Ending::Superseded | Ending::Conflicting | Ending::Closed, _)) => Ok(Standing::Over),
            Some((Ending::Open, _)) | None => {
                let Some(workspace) = reading.workspace() else { return Ok(Standing::Free) };
                let diff = workspace.diff_against_merge_base(name.as_str(), &base.branch).await?;
                if diff.files.is_empty() && diff.merge_base.as_ref() == Some(&diff.tip) {
                    return Ok(Standing::Over);
                }
                let is_ours = diff.files.len() == change.files.len()
                    && diff.files.iter().all(|file| is_planned(reading, change, file));
                if is_ours && !merges(reading, &diff) {
                    return Ok(Standing::Over);
                }
                if is_ours {
                    return Ok(Standing::Ours { is_open: newest.is_some() });
                }
                let (branch, commit) = (name.to_string(), diff.tip.to_string());
                Err(Refusal::BranchTaken { branch, commit }.into())
            }
        }
    }

    /// Looks once more at what each tag points at: what was judged is what is pushed.
    async fn tags_stay(&self, change: &Change) -> Result<(), Fault> {
        for step in change.steps() {
            let Some((artifact, to)) = step.artifact.as_ref().zip(step.to.as_ref()) else { continue };
            let Some((tag, digest)) = to.tag.clone().zip(to.digest.as_ref()) else { continue };
            let now = match artifact {
                Artifact::Oci(repository) => {
                    let reference = ManifestReference::Tag(tag.clone());
                    Some(self.registries.manifest_again(repository, &reference).await?.digest.clone())
                }
                Artifact::Git { url } => commit_of(&self.registries.git_tags_again(url).await?, tag.as_str()),
                // The index of a Helm repository is one file for all; it was read a moment ago.
                Artifact::HelmChart { .. } => continue,
            };
            if now.as_ref() != Some(digest) {
                let now = now.map_or_else(|| "gone".to_owned(), |now| now.to_string());
                return Err(Refusal::TagMoved { tag: tag.to_string(), was: digest.to_string(), now }.into());
            }
        }
        Ok(())
    }

    /// Commits on the base's tree and creates the branch; false if another run created the same one meanwhile.
    async fn push(
        &self,
        reading: &mut Reading,
        change: &Change,
        texts: &Texts,
        branch: &BranchName,
        base: &git::Base,
    ) -> Result<bool, Fault> {
        let Some(workspace) = reading.workspace() else { return Err(git::Error::NoRemote.into()) };
        let mut tip = base.commit.clone();
        for (commit, message) in change.commits.iter().zip(&texts.messages) {
            tip = workspace.commit(&tip, &commit.files, message, self.identity).await?;
        }
        self.trail.note(branch, Reached::Pushing);
        let pushed = workspace.push_new(&tip, branch.as_str()).await;
        match &pushed {
            Ok(()) => self.trail.note(branch, Reached::Pushed),
            // It is somebody else's, or there surely is none.
            Err(
                git::Error::BranchExists { .. }
                | git::Error::BranchBlocked { .. }
                | git::Error::PushRejected { .. }
                | git::Error::ReadOnly { .. }
                | git::Error::BaseGone,
            ) => self.trail.forget(branch),
            Err(_) => {}
        }
        match pushed {
            Ok(()) => Ok(true),
            Err(git::Error::BranchExists { .. }) => match self.standing(reading, change, branch, true, base).await? {
                Standing::Ours { .. } => Ok(false),
                Standing::Free | Standing::Over => {
                    Err(Refusal::BranchTaken { branch: branch.to_string(), commit: "another commit".to_owned() }.into())
                }
            },
            Err(error) => Err(error.into()),
        }
    }
}

/// Tells whether a branch's change of a file is exactly what is planned for it.
fn is_planned(reading: &Reading, change: &Change, file: &git::ChangedFile) -> bool {
    let git::Change::Edited { path, before, after } = &file.change else { return false };
    let (Some(planned), Some(now)) = (change.files.get(path), reading.snapshot.bytes(path)) else { return false };
    // The merge base may be older than the base: then other lines of the file may differ from it, but what the branch
    // changes must be what the plan changes.
    (after.as_ref() == planned.as_slice() && before == now)
        || changed_lines(before, after) == changed_lines(now, planned)
}
