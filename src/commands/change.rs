//! One pull request's change, made and proved before anything is written.

use std::collections::BTreeMap;

use super::fault::{Fault, Refusal};
use super::reading::Reading;
use super::session::Session;
use crate::edit::{self, Intent};
use crate::model::{BranchName, Edit, EnvironmentName, RepoPath, Step, branch_name};
use crate::planner;
use crate::report::documents::spelled;
use crate::report::pull_request::{Hunk, hunks};

/// The files of one commit: the steps that it moves and what the files are then.
pub struct CommitPlan {
    /// The steps, of one app.
    pub steps: Vec<Step>,
    /// Every file that it changes, with its bytes after it.
    pub files: Vec<(RepoPath, Vec<u8>)>,
}

/// What one pull request changes.
pub struct Change {
    /// The environment, or the stage if several move.
    pub label: EnvironmentName,
    /// One commit for each app (and environment, unless they share a place), in the plan's order.
    pub commits: Vec<CommitPlan>,
    /// Every edit, once.
    pub edits: Vec<Edit>,
    /// Every file that changes, with its bytes after all commits.
    pub files: BTreeMap<RepoPath, Vec<u8>>,
    /// The changed lines.
    pub hunks: Vec<Hunk>,
    /// The branch.
    pub branch: BranchName,
}

impl Change {
    /// Makes the change in memory and proves it: the files re-parse with exactly the planned scalars changed, and the
    /// inventory computed again differs by exactly the planned effective versions.
    ///
    /// # Errors
    /// An edit that can't be made surely; a proof that fails.
    pub async fn prepare(
        session: &Session,
        reading: &mut Reading,
        planned: &planner::Change<'_>,
    ) -> Result<Self, Fault> {
        let edits: Vec<Edit> = planned.edits().into_iter().cloned().collect();
        let mut commits = Vec::new();
        let mut so_far: Vec<Edit> = Vec::new();
        for group in groups(planned) {
            // Each commit is the base with its own edits and those of the commits before it.
            so_far.extend(group.edits().into_iter().cloned());
            let files = edit::apply_all(&reading.snapshot, &so_far)?;
            let steps = group.steps.into_iter().cloned().collect();
            commits.push(CommitPlan { steps, files: files.into_iter().collect() });
        }
        let files: BTreeMap<RepoPath, Vec<u8>> = edit::apply_all(&reading.snapshot, &edits)?;
        let changed: Vec<(RepoPath, Vec<u8>)> =
            files.iter().map(|(path, bytes)| (path.clone(), bytes.clone())).collect();
        let after = reading.inventory_with(session, &changed).await?;
        edit::prove(&reading.inventory, &after, &edits, &intents(reading, planned))?;
        let hunks = files.iter().flat_map(|(path, bytes)| {
            let before = reading.text(path).unwrap_or_default();
            hunks(path, &before, &String::from_utf8_lossy(bytes))
        });
        let hunks = hunks.collect();
        let label = planned.label(&reading.stages).ok_or(Refusal::NothingToMove)?;
        let base = reading.base.as_ref().map_or("", |base| base.branch.as_str());
        let branch = {
            let mut moves: Vec<(&crate::model::AppName, String)> = Vec::new();
            for step in &planned.steps {
                if moves.iter().all(|(app, _)| **app != step.app) {
                    moves.push((&step.app, step.to.as_ref().and_then(spelled).unwrap_or_default()));
                }
            }
            let moves: Vec<_> = moves.iter().map(|(app, version)| (*app, version.as_str())).collect();
            branch_name(&label, &moves, base, &edits)
        };
        Ok(Self { label, commits, edits, files, hunks, branch })
    }

    /// Returns the steps of all commits.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.commits.iter().flat_map(|commit| &commit.steps)
    }
}

/// One commit per app and environment; environments that share a place go into one.
fn groups<'a>(planned: &planner::Change<'a>) -> Vec<planner::Change<'a>> {
    let mut groups: Vec<planner::Change<'a>> = Vec::new();
    for step in &planned.steps {
        let shares = |group: &&mut planner::Change<'a>| {
            let mut others = group.steps.iter().filter(|other| other.app == step.app);
            others.any(|other| other.edits.iter().any(|edit| step.edits.iter().any(|mine| mine.slot == edit.slot)))
        };
        match groups.iter_mut().find(shares) {
            Some(group) => group.steps.push(step),
            None => groups.push(planner::Change { steps: vec![step] }),
        }
    }
    groups
}

/// What each moved source must choose afterwards.
fn intents(reading: &Reading, planned: &planner::Change<'_>) -> Vec<Intent> {
    let mut intents = Vec::new();
    for step in &planned.steps {
        let Some((tag, digest)) = step.to.as_ref().and_then(|to| Some((to.tag.clone()?, to.digest.clone()))) else {
            continue;
        };
        for source in reading.inventory.sources_of(&step.app, &step.environment) {
            let decided = step.edits.iter().any(|edit| {
                let mut values = source.reference.fields.iter().map(|(_, value)| value);
                values.any(|value| value.deciding_slot() == Some(&edit.slot))
            });
            if !decided {
                continue;
            }
            // Each part of an app may have a version of its own.
            let own = step.moves.iter().filter(|moved| moved.source == source.id);
            let mut own: Vec<_> = own.map(|moved| (moved.tag.clone(), moved.digest.clone())).collect();
            if own.is_empty() {
                own.push((tag.clone(), digest.clone()));
            }
            intents.extend(own.into_iter().map(|(tag, digest)| {
                let (environment, source) = (step.environment.clone(), source.id.clone());
                Intent { environment, source, tag, digest }
            }));
        }
    }
    intents
}
