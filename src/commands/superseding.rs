//! At most one open pull request for an app and environment: which open ones a new one takes the place of.

use std::collections::BTreeSet;

use super::change::Change;
use super::fault::{Fault, Refusal};
use super::publishing::Press;
use super::reading::Reading;
use crate::forge::{self, PullRequest, Touch};
use crate::git;
use crate::model::{self, AppName, EnvironmentName, Tag, Version};

/// Which open promotions of the same app and environment may be closed for a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supersede {
    /// Those of older versions that no person asked for or did anything with: a job asks.
    Untouched,
    /// All but those of newer versions: a person asks.
    NotNewer,
    /// All: a person said so.
    All,
}

/// What the open promotions of the same app and environment mean for a new one.
pub enum Precedence<'a> {
    /// These give way.
    Over(Vec<&'a PullRequest>),
    /// This one stays, for this reason, and the new one waits for it: it moves these already.
    Under(&'a PullRequest, String, Vec<(AppName, EnvironmentName)>),
}

/// An open pull request of ours for the same app and environment, as its commits tell of it.
struct Overlap<'a> {
    open: &'a PullRequest,
    version: Compared,
    asked_by: Option<String>,
    pushed_by: Option<String>,
    merges: bool,
    /// What it moves of the new one; nothing if they have a place in common alone.
    moves: Vec<(AppName, EnvironmentName)>,
}

/// The version that an open pull request promotes, beside the one that is wanted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compared {
    Older,
    Same,
    Newer,
    NotKnown,
}

impl Press<'_> {
    /// Judges the open pull requests of ours that move the same app in the same environment; `own` is the branch of
    /// the attempt that is to be published.
    ///
    /// # Errors
    /// An open one promotes a newer version, and nobody said that it may be closed; a branch that can't be read.
    pub async fn precedence(
        &self,
        reading: &mut Reading,
        change: &Change,
        own: &str,
        base: &git::Base,
    ) -> Result<Precedence<'_>, Fault> {
        let mut over = Vec::new();
        for open in self.open.iter().filter(|open| open.base == base.branch && open.head != own) {
            if change.branch.attempt_of(&open.head).is_none() && !may_move(reading, change, &open.head) {
                continue;
            }
            let Some(overlap) = self.overlap(reading, change, open, base).await? else { continue };
            match self.supersede {
                Supersede::All => {}
                Supersede::NotNewer if overlap.version != Compared::Newer => {}
                Supersede::NotNewer => return Err(self.rival(change, open)),
                Supersede::Untouched => {
                    if let Some(why) = self.to_be_left(&overlap).await? {
                        return Ok(Precedence::Under(open, why, overlap.moves));
                    }
                }
            }
            over.push(open);
        }
        Ok(Precedence::Over(over))
    }

    fn rival(&self, change: &Change, open: &PullRequest) -> Fault {
        let apps: BTreeSet<String> = change.steps().map(|step| step.app.to_string()).collect();
        Refusal::RivalOpen {
            name: self.forge.kind().name_of(open.number),
            url: open.url.clone(),
            branch: open.head.clone(),
            app: apps.into_iter().collect::<Vec<_>>().join(", "),
            environment: change.label.to_string(),
        }
        .into()
    }

    /// Reads what an open pull request moves; none if that is something else.
    async fn overlap<'a>(
        &self,
        reading: &mut Reading,
        change: &Change,
        open: &'a PullRequest,
        base: &git::Base,
    ) -> Result<Option<Overlap<'a>>, Fault> {
        let Some(workspace) = reading.workspace() else { return Ok(None) };
        let proposed = match workspace.proposed(&format!("refs/heads/{}", open.head), base).await {
            Ok(proposed) => proposed,
            // Who deletes a branch closes its pull request.
            Err(git::Error::BranchMissing { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let promoted: Vec<Promoted> = proposed.commits.iter().flat_map(Promoted::all_of).collect();
        let same: Vec<&Promoted> = promoted.iter().filter(|one| one.is_moved_by(change)).collect();
        if same.is_empty() && !touches_a_place_of(reading, change, &proposed.diff) {
            return Ok(None);
        }
        let foreign = proposed.commits.iter().find(|commit| Promoted::all_of(commit).is_empty());
        let pushed_by = foreign.map(|commit| git::escape(&commit.author, 100));
        let person = |one: &Promoted| match &one.requester {
            Some((_, origin)) if origin == forge::AUTO => None,
            Some((name, _)) => Some(git::escape(name, 100)),
            None => Some("somebody".to_owned()),
        };
        Ok(Some(Overlap {
            open,
            version: compared(&same, change),
            asked_by: promoted.iter().find_map(person),
            pushed_by: pushed_by.or(proposed.holds_merges.then(|| "somebody".to_owned())),
            merges: merges(reading, &proposed.diff),
            moves: moved_by_both(&promoted, change),
        }))
    }

    /// Returns why a job leaves an open pull request where it is.
    async fn to_be_left(&self, overlap: &Overlap<'_>) -> Result<Option<String>, Fault> {
        match overlap.version {
            Compared::Newer => return Ok(Some("it promotes a newer version".to_owned())),
            Compared::NotKnown => return Ok(Some("it doesn't tell which version it promotes".to_owned())),
            Compared::Same if overlap.merges => return Ok(Some("it promotes the same version".to_owned())),
            Compared::Same | Compared::Older => {}
        }
        if let Some(by) = &overlap.asked_by {
            return Ok(Some(format!("{by} asked for it")));
        }
        if let Some(by) = &overlap.pushed_by {
            return Ok(Some(format!("{by} pushed to it")));
        }
        let (reviews, comments) =
            (self.forge.reviews(overlap.open.number).await?, self.forge.comments(overlap.open.number).await?);
        let touches = forge::touches(overlap.open, &reviews, &comments, self.labels, self.own);
        Ok(touches.into_iter().next().map(|touch| match touch {
            Touch::Reviewed { by } => format!("{} reviewed it", git::escape(&by, 100)),
            Touch::Commented { by } => format!("{} commented on it", git::escape(&by, 100)),
            Touch::Labelled { label } => format!("somebody labelled it `{}`", git::escape(&label, 100)),
        }))
    }
}

/// What one commit of ours says that it moves.
struct Promoted {
    app: String,
    environments: Vec<String>,
    to: Option<String>,
    requester: Option<(String, String)>,
}

impl Promoted {
    fn all_of(commit: &git::Told) -> Vec<Self> {
        commit.trailers().iter().filter_map(|block| Self::of(block)).collect()
    }

    fn of(trailers: &[(String, String)]) -> Option<Self> {
        let all = |key: &str| {
            let wanted = format!("Promote-{key}");
            let found = trailers.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(&wanted));
            found.map(|(_, value)| value.trim().to_owned()).collect::<Vec<_>>()
        };
        let requester = all("Requested-By").into_iter().next().map(|text| {
            let parts = text.strip_suffix(')').and_then(|text| text.rsplit_once(" ("));
            let parts = parts.map(|(name, origin)| (name.to_owned(), origin.to_owned()));
            parts.unwrap_or((text, String::new()))
        });
        Some(Self {
            app: all("App").into_iter().next()?,
            environments: all("Environment"),
            to: all("To").into_iter().next(),
            requester,
        })
    }

    fn is_moved_by(&self, change: &Change) -> bool {
        change.steps().any(|step| {
            step.app.as_str() == self.app && self.environments.iter().any(|name| name == step.environment.as_str())
        })
    }
}

/// Returns the steps of a change that these commits move, too.
fn moved_by_both(promoted: &[Promoted], change: &Change) -> Vec<(AppName, EnvironmentName)> {
    let names = |one: &Promoted, step: &model::Step| {
        one.app == step.app.as_str() && one.environments.iter().any(|name| name == step.environment.as_str())
    };
    let steps = change.steps().filter(|step| promoted.iter().any(|one| names(one, step)));
    steps.map(|step| (step.app.clone(), step.environment.clone())).collect()
}

/// Compares what both promote: newer if any of it is newer.
fn compared(same: &[&Promoted], change: &Change) -> Compared {
    let mut found = Vec::new();
    for promoted in same {
        let step = change.steps().find(|step| step.app.as_str() == promoted.app);
        let wanted = step.and_then(|step| step.to.as_ref());
        let text = promoted.to.as_deref().unwrap_or_default();
        let open = text.parse::<Tag>().ok().and_then(|tag| tag.version().cloned());
        let open = open.or_else(|| Version::parse_flux(text).ok());
        found.push(match (open, wanted.and_then(|to| to.version.as_ref())) {
            (Some(open), Some(wanted)) => {
                let order = open.precedence(wanted);
                if order.is_lt() {
                    Compared::Older
                } else if order.is_gt() {
                    Compared::Newer
                } else {
                    Compared::Same
                }
            }
            (None, _) if wanted.is_some_and(|to| to.tag.as_ref().is_some_and(|tag| tag.as_str() == text)) => {
                Compared::Same
            }
            _ => Compared::NotKnown,
        });
    }
    [Compared::Newer, Compared::NotKnown, Compared::Older]
        .into_iter()
        .find(|one| found.contains(one))
        .unwrap_or(if found.is_empty() { Compared::NotKnown } else { Compared::Same })
}

/// Tells whether a branch of this name could move one of the change's apps in one of its environments: its name says
/// another environment or app that is known here, or it must be looked into.
fn may_move(reading: &Reading, change: &Change, head: &str) -> bool {
    let Some((target, app)) = model::branch_parts(head) else { return true };
    let stages = &reading.stages.stages;
    let is_target = |name: &model::EnvironmentName| model::branch_segment(name.as_str()) == target;
    let mut known = stages.iter().flat_map(|stage| {
        std::iter::once(&stage.name).chain(stage.environments.iter().map(|environment| &environment.name))
    });
    let of_step = |step: &model::Step| {
        let stage = stages.iter().find(|stage| stage.environments.iter().any(|one| one.name == step.environment));
        is_target(&step.environment) || stage.is_some_and(|stage| is_target(&stage.name))
    };
    if known.any(is_target) && !change.steps().any(of_step) {
        return false;
    }
    let Some(app) = app else { return true };
    let is_app = |name: &model::AppName| model::branch_segment(name.as_str()) == app;
    change.steps().any(|step| is_app(&step.app)) || !reading.inventory.sources.iter().any(|source| is_app(&source.app))
}

/// Tells whether both change the same line of the base.
pub fn touches_a_place_of(reading: &Reading, change: &Change, diff: &git::BranchDiff) -> bool {
    !places_in_common(reading, change, diff).is_empty()
}

/// Returns the places that both change, `path:line` of the base; a file whose change no longer merges counts whole.
pub fn places_in_common(reading: &Reading, change: &Change, diff: &git::BranchDiff) -> Vec<String> {
    let mut places = Vec::new();
    for file in &diff.files {
        let git::Change::Edited { path, before, after } = &file.change else { continue };
        let (Some(planned), Some(now)) = (change.files.get(path), reading.snapshot.bytes(path)) else { continue };
        match git::merged_file(before, now, after) {
            Some(merged) => {
                let theirs = removed_lines(now, &merged);
                let common = removed_lines(now, planned).into_iter().filter(|line| theirs.contains(line));
                places.extend(common.map(|line| format!("{path}:{line}")));
            }
            None => places.push(path.to_string()),
        }
    }
    places
}

/// Returns the numbers of the lines that a change replaces.
fn removed_lines(before: &[u8], after: &[u8]) -> BTreeSet<usize> {
    let diff = similar::TextDiff::from_lines(before, after);
    let removed = diff.iter_all_changes().filter(|change| change.tag() == similar::ChangeTag::Delete);
    removed.filter_map(|change| change.old_index().map(|index| index + 1)).collect()
}

/// Tells whether a branch merges into the base as it was read, as far as its files tell.
pub fn merges(reading: &Reading, diff: &git::BranchDiff) -> bool {
    diff.files.iter().all(|file| match &file.change {
        git::Change::Edited { path, before, after } => {
            reading.snapshot.bytes(path).is_none_or(|now| git::merged_file(before, now, after).is_some())
        }
        git::Change::Other => true,
    })
}
