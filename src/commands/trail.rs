//! What a run has written so far, for whoever interrupts it: remote state is the only state.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::BranchName;

/// How far a run has come with a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It is being pushed: nobody knows yet.
    Pushing,
    /// It is on the remote.
    Pushed,
    /// Its pull request is being opened: nobody knows yet.
    Opening,
    /// Its pull request is open, on this page.
    Open(String),
}

/// The branches that a run has come to, in order. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Trail(Arc<Mutex<Vec<(BranchName, Reached)>>>);

impl Trail {
    /// Notes how far a branch has come.
    pub fn note(&self, branch: &BranchName, reached: Reached) {
        let mut marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match marks.iter_mut().find(|(known, _)| known == branch) {
            Some((_, mark)) => *mark = reached,
            None => marks.push((branch.clone(), reached)),
        }
    }

    /// Forgets a branch that surely didn't come about.
    pub fn forget(&self, branch: &BranchName) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(known, _)| known != branch);
    }
}

impl fmt::Display for Trail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if marks.is_empty() {
            return formatter.write_str("nothing was written");
        }
        for (number, (branch, reached)) in marks.iter().enumerate() {
            if number > 0 {
                formatter.write_str("; ")?;
            }
            match reached {
                Reached::Pushing => write!(formatter, "the branch `{branch}` may be pushed or not")?,
                Reached::Pushed => write!(formatter, "the branch `{branch}` is pushed, without a pull request yet")?,
                Reached::Opening => {
                    write!(formatter, "the branch `{branch}` is pushed, its pull request may be open or not")?
                }
                Reached::Open(url) => {
                    write!(formatter, "the branch `{branch}` is pushed, its pull request is open: {url}")?
                }
            }
        }
        Ok(())
    }
}
