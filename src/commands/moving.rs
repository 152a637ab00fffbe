//! The base branch that moves while a promotion is under way.

use super::change::Change;
use super::delivery::Delivery;
use super::fault::{Fault, Refusal};
use super::publishing::Done;
use super::reading::{CONFIGURATION, Reading};
use super::tell;
use crate::git;
use crate::model::{BranchName, RepoPath};

/// How often a plan is made again because the base moved.
const AGAIN: usize = 3;

/// Returns the base as it is now, if `tip` says that it moved, and it holds what the change was planned from.
///
/// # Errors
/// [`Refusal::BaseMoved`] if the files that the change edits, or the configuration, are not what they were; the branch
/// is gone; the remote can't be reached.
pub async fn base_now(
    reading: &mut Reading,
    change: &Change,
    base: &git::Base,
    tip: Option<git::CommitId>,
) -> Result<git::Base, Fault> {
    if tip.as_ref() == Some(&base.commit) {
        return Ok(base.clone());
    }
    let workspace = reading.workspace().ok_or(git::Error::NoRemote)?;
    // One that is gone is told as missing.
    let now = workspace.fetch_base(Some(&base.branch)).await?;
    let snapshot = workspace.snapshot(&now.commit)?.snapshot;
    let configuration = CONFIGURATION.parse::<RepoPath>().ok();
    let mut planned_from = change.files.keys().chain(&configuration);
    if planned_from.all(|path| snapshot.entry(path) == reading.snapshot.entry(path)) {
        Ok(now)
    } else {
        Err(Refusal::BaseMoved { branch: base.branch.clone() }.into())
    }
}

/// The rounds of one run: a plan that the base moved away from is made again.
#[derive(Default)]
pub struct Rounds {
    again: usize,
    done: Vec<(BranchName, Done)>,
}

impl Rounds {
    /// Returns how many pull requests the rounds before have opened.
    pub fn opened(&self) -> usize {
        self.done.len()
    }

    /// Tells whether everything is to be planned once more. If not, what earlier rounds did is told of this one.
    pub fn again(&mut self, delivery: &mut Delivery) -> bool {
        let faults = delivery.changes.iter().filter_map(|delivered| delivered.result.as_ref().err());
        let has_moved =
            faults.map(|fault| fault.problem().code()).any(|code| code == "base-moved" || code == "base-gone");
        let mut publications: Vec<_> =
            delivery.changes.iter_mut().filter_map(|delivered| delivered.result.as_mut().ok()).collect();
        if has_moved && self.again < AGAIN {
            self.again += 1;
            let done = publications.iter().filter(|one| one.done.is_change());
            self.done.extend(done.map(|one| (one.branch.clone(), one.done)));
            tell("The base moved meanwhile: it is read again\n");
            return true;
        }
        for publication in publications.iter_mut().filter(|one| one.done == Done::Nothing) {
            if let Some((_, done)) = self.done.iter().find(|(branch, _)| *branch == publication.branch) {
                publication.done = *done;
            }
        }
        false
    }
}
