//! Whether the rules allow now what a pull request moves: the plan is asked as if it were promoted today.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::claims::Claims;
use super::moved::{Direction, Moved, references};
use crate::commands::answering::Inquirer;
use crate::commands::fault::Fault;
use crate::commands::reading::Reading;
use crate::commands::session::Session;
use crate::edit::{Difference, Fate};
use crate::model::{
    AppName, Artifact, CheckResult, Choice, Digest, DigestRule, EnvironmentName, Failure, Inventory, Level, Place,
    ReasonCode, RepoPath, Source, Step, Verdict,
};
use crate::planner::{Fleet, Goal, Purpose, Request};

/// So many changes of a file are looked at for a version that ran before.
const CHANGES: usize = 50;
/// So many of them are computed.
const COMPUTED: usize = 20;

/// What judges moves.
pub struct Rules<'a> {
    /// The arguments and the clone.
    pub session: &'a Session,
    /// The base.
    pub reading: &'a mut Reading,
    /// The registries.
    pub inquirer: Inquirer,
    /// What the commits say.
    pub claims: &'a Claims,
    /// Whether it is one of ours.
    pub is_ours: bool,
}

impl Rules<'_> {
    /// Asks for the content of every pin that moves or is made, and every rule about those that move.
    ///
    /// # Errors
    /// Files that were there before can't be read.
    pub async fn all(
        &mut self,
        moved: &mut [Moved<'_>],
        watched: &[Difference<'_>],
    ) -> Result<Vec<CheckResult>, Fault> {
        let mut results = Vec::new();
        for one in &mut *moved {
            results.extend(self.content(one).await);
        }
        let moved = &*moved;
        results.splice(0..0, moved.iter().filter_map(|one| self.same_content(one, moved)));
        for (direction, group) in groups(moved) {
            results.extend(self.judge(&group, direction).await?);
        }
        for difference in watched {
            results.extend(of_fate(difference));
            if let (Fate::New(_), Some(source)) = (difference.fate(), difference.after) {
                results.extend(self.new_content(source).await);
            }
        }
        Ok(results)
    }

    /// What is pinned where no pin stood must be there, too.
    async fn new_content(&mut self, source: &Source) -> Option<CheckResult> {
        let error = |code, message| {
            let app = Some((source.app.clone(), source.environment.clone()));
            let result = CheckResult::new(code, Level::Error, message, Some(source.place.clone()));
            Some(CheckResult { app, ..result })
        };
        let artifact = match &source.artifact {
            Ok(artifact) => artifact,
            Err(unknown) => return error(ReasonCode::ArtifactUnknown, unknown.message.clone()),
        };
        let references = references(source);
        match self.inquirer.digest(artifact, &references).await {
            Ok(Some(_)) => None,
            Ok(None) => {
                let shown = references.first().map_or("", String::as_str);
                error(ReasonCode::NotFound, format!("{artifact} has no `{shown}`"))
            }
            Err(failure) => {
                let result = error(ReasonCode::RegistryUnreadable, failure.message.clone())?;
                Some(CheckResult { failure: Some(failure), ..result })
            }
        }
    }

    /// Looks at the content of a move, and keeps the registry's digest where none stands.
    async fn content(&mut self, moved: &mut Moved<'_>) -> Vec<CheckResult> {
        let artifact = match &moved.after.artifact {
            Ok(artifact) => artifact.clone(),
            Err(unknown) => {
                let place = unknown.place.clone();
                return vec![about(moved, ReasonCode::ArtifactUnknown, Level::Error, unknown.message.clone(), place)];
            }
        };
        let references = references(moved.after);
        let shown = references.first().cloned().unwrap_or_default();
        let now = match self.inquirer.digest(&artifact, &references).await {
            Ok(Some(now)) => now,
            Ok(None) => {
                let message = format!("{artifact} has no tag `{shown}`");
                return vec![about(moved, ReasonCode::NotFound, Level::Error, message, None)];
            }
            Err(failure) => return vec![unreadable(moved, failure)],
        };
        let mut results = Vec::new();
        if moved.before.artifact.as_ref().ok() != Some(&artifact) {
            results.push(self.elsewhere(moved, &artifact, &references, &now).await);
        }
        moved.now = Some(now);
        results
    }

    /// Compares the content with what stands in the file and in the trailers.
    fn same_content(&self, moved: &Moved<'_>, all: &[Moved<'_>]) -> Option<CheckResult> {
        let now = moved.now.as_ref()?;
        let shown = references(moved.after).first().cloned().unwrap_or_default();
        let claimed = self.claims.claim(moved.app(), moved.environment()).and_then(|claim| claim.digest.as_ref());
        // Of an app of several parts a trailer names the content of one of them.
        let is_sisters = |other: &Moved<'_>| {
            let is_part = other.app() == moved.app() && other.environment() == moved.environment();
            is_part
                && other.before.artifact.as_ref().ok() != moved.before.artifact.as_ref().ok()
                && other.now.as_ref() == claimed
        };
        let is_of_part = claimed.is_some() && claimed != Some(now) && all.iter().any(is_sisters);
        let recorded = [moved.to.digest.as_ref(), claimed.filter(|_| !is_of_part)];
        Some(self.compared(moved, &shown, now, recorded, is_of_part))
    }

    fn compared(
        &self,
        moved: &Moved<'_>,
        shown: &str,
        now: &Digest,
        recorded: [Option<&Digest>; 2],
        is_of_part: bool,
    ) -> CheckResult {
        match recorded.into_iter().flatten().find(|digest| *digest != now) {
            Some(was) => {
                let message = format!("tag {shown} is {} now; it was {} in the pull request", now.short(), was.short());
                about(moved, ReasonCode::TagMoved, Level::Error, message, None)
            }
            None if recorded.iter().any(Option::is_some) => {
                let message = format!("tag {shown} is still {}", now.short());
                about(moved, ReasonCode::SameContent, Level::Ok, message, None)
            }
            None if self.is_ours && !is_of_part => {
                let message = "no trailer says which content was promoted".to_owned();
                about(moved, ReasonCode::TrailersDiffer, Level::Error, message, None)
            }
            None => {
                let message = format!("tag {shown} is {}; nothing says what it was before", now.short());
                about(moved, ReasonCode::InRegistry, Level::Ok, message, None)
            }
        }
    }

    /// The same version of another artifact is the same only with the same content.
    async fn elsewhere(
        &mut self,
        moved: &Moved<'_>,
        artifact: &Artifact,
        references: &[String],
        now: &Digest,
    ) -> CheckResult {
        let before = moved.before.artifact.as_ref().ok().cloned();
        let was = match &before {
            Some(before) => self.inquirer.digest(before, references).await,
            None => Ok(None),
        };
        let place = Some(moved.after.place.clone());
        match was {
            Ok(Some(was)) if was == *now => {
                let message = format!("is pulled from {artifact} afterwards, the same content");
                about(moved, ReasonCode::ArtifactChanged, Level::Warning, message, place)
            }
            Ok(_) => {
                let message = format!("is pulled from {artifact} afterwards, and what was there before isn't the same");
                about(moved, ReasonCode::ArtifactChanged, Level::Error, message, place)
            }
            Err(failure) => unreadable(moved, failure),
        }
    }

    /// Judges moves of one app to one version, in one direction.
    async fn judge(&mut self, group: &[&Moved<'_>], direction: Direction) -> Result<Vec<CheckResult>, Fault> {
        let each =
            |judge: &dyn Fn(&Moved<'_>) -> Vec<CheckResult>| group.iter().flat_map(|moved| judge(moved)).collect();
        Ok(match direction {
            Direction::Forward => self.forward(group).await,
            Direction::Back => self.back(group).await?,
            Direction::Same => each(&|moved| self.same(moved)),
            Direction::Unknown => each(&|moved| {
                let message = "which version it is can't be told".to_owned();
                let place = Some(moved.after.place.clone());
                vec![about(moved, ReasonCode::VersionUnknown, Level::Error, message, place)]
            }),
        })
    }

    async fn forward(&mut self, group: &[&Moved<'_>]) -> Vec<CheckResult> {
        let Some((first, tag)) = group.first().and_then(|first| Some((first, first.tag()?))) else { return Vec::new() };
        let environments: BTreeSet<EnvironmentName> = group.iter().map(|moved| moved.environment().clone()).collect();
        let request = Request {
            apps: vec![first.app().clone()],
            environments: Some(environments),
            goal: Goal::Version(tag.to_string()),
            purpose: Purpose::Write,
            reason: self.claims.reason(),
            now: Timestamp::now(),
        };
        let narrowed = narrowed(&self.reading.inventory, group);
        let fleet = self.reading.fleet();
        let fleet = Fleet { inventory: narrowed.as_ref().unwrap_or(fleet.inventory), ..fleet };
        let plan = self.inquirer.plan(&request, fleet).await;
        let mut results = Vec::new();
        for moved in group {
            let step = plan.steps.iter().find(|step| step.environment == *moved.environment());
            results.extend(step.into_iter().flat_map(|step| verdict(moved, step)));
        }
        results
    }

    fn same(&self, moved: &Moved<'_>) -> Vec<CheckResult> {
        let place = Some(moved.after.place.clone());
        let rules = self.reading.stages.environment(moved.environment()).map(|environment| &environment.rules);
        let is_required =
            rules.and_then(|rules| rules.digest.as_ref()).is_some_and(|rule| rule.value == DigestRule::Required);
        match (&moved.from.digest, &moved.to.digest) {
            (Some(from), Some(to)) if from != to => {
                let message =
                    format!("the content under the same version changes from {} to {}", from.short(), to.short());
                vec![about(moved, ReasonCode::DigestDiffers, Level::Error, message, place)]
            }
            (Some(_), None) if is_required => {
                let message = "its digest would be gone, and a digest is required there".to_owned();
                vec![about(moved, ReasonCode::DigestRequired, Level::Error, message, place)]
            }
            (Some(_), None) => {
                let message = "its digest would be gone: whoever moves the tag moves what runs".to_owned();
                vec![about(moved, ReasonCode::PinLost, Level::Warning, message, place)]
            }
            _ => Vec::new(),
        }
    }

    /// Back goes only what ran there before: order, range and freeze don't apply.
    async fn back(&mut self, group: &[&Moved<'_>]) -> Result<Vec<CheckResult>, Fault> {
        let ran = self.ran_before(group).await?;
        let mut results = Vec::new();
        for moved in group {
            let shown = moved.tag().map(|tag| tag.to_string()).unwrap_or_default();
            results.push(match &ran {
                Some(until) => {
                    let message = format!("older, and ran there before: {shown} until {until}");
                    about(moved, ReasonCode::RanBefore, Level::Ok, message, None)
                }
                None => {
                    let place = Some(moved.before.place.clone());
                    let message =
                        format!("{shown} is older than what is pinned, and the history doesn't show that it ran there");
                    about(moved, ReasonCode::NeverRan, Level::Error, message, place)
                }
            });
        }
        Ok(results)
    }

    /// Returns until when the base pinned all of these, computed from the files as they were.
    async fn ran_before(&mut self, group: &[&Moved<'_>]) -> Result<Option<String>, Fault> {
        let slots = group
            .iter()
            .flat_map(|moved| moved.before.reference.fields.iter().filter_map(|(_, value)| value.deciding_slot()));
        let paths: BTreeSet<RepoPath> = slots.map(|slot| slot.path().clone()).collect();
        let paths: Vec<RepoPath> = paths.into_iter().collect();
        let Some(base) = self.reading.base.clone() else { return Ok(None) };
        let history = match self.reading.workspace() {
            Some(workspace) => workspace.history(&base, &paths, CHANGES).await?,
            None => return Ok(None),
        };
        let mut files = BTreeMap::new();
        let mut computed = 0;
        for touch in &history.touches {
            // What each file was before this change, and after all older ones.
            let earlier = touch.files.iter().filter_map(|file| Some((file.path.clone(), file.before.clone()?)));
            files.extend(earlier);
            if computed == COMPUTED || !names_version(group, files.values().map(AsRef::as_ref)) {
                continue;
            }
            computed += 1;
            let changed: Vec<(RepoPath, Vec<u8>)> =
                files.iter().map(|(path, bytes)| (path.clone(), bytes.to_vec())).collect();
            let inventory = self.reading.inventory_with(self.session, &changed).await?;
            if group.iter().all(|moved| pinned_in(&inventory, moved)) {
                let id: String = touch.commit.id.to_string().chars().take(7).collect();
                return Ok(Some(format!("{} ({id})", touch.commit.time.strftime("%Y-%m-%d %H:%M UTC"))));
            }
        }
        Ok(None)
    }
}

/// Groups moves by direction, app and version: one plan judges each group.
fn groups<'m, 'a>(moved: &'m [Moved<'a>]) -> Vec<(Direction, Vec<&'m Moved<'a>>)> {
    let mut groups: BTreeMap<(Direction, String, String), Vec<&'m Moved<'a>>> = BTreeMap::new();
    for one in moved {
        let tag = one.tag().map(|tag| tag.to_string()).unwrap_or_default();
        groups.entry((one.direction(), one.app().to_string(), tag)).or_default().push(one);
    }
    groups.into_iter().map(|((direction, ..), group)| (direction, group)).collect()
}

/// Parts of an app may have versions of their own: those that aren't in the group are not asked for its version.
fn narrowed(inventory: &Inventory, group: &[&Moved<'_>]) -> Option<Inventory> {
    let first = group.first()?;
    let is_other = |source: &Source| {
        let is_here = group.iter().any(|moved| *moved.environment() == source.environment);
        source.app == *first.app() && is_here && group.iter().all(|moved| moved.before.id != source.id)
    };
    if !inventory.sources.iter().any(is_other) {
        return None;
    }
    let name: AppName = format!("{} (its other parts)", first.app()).parse().ok()?;
    let mut sources = inventory.sources.clone();
    for source in sources.iter_mut().filter(|source| is_other(source)) {
        source.app = name.clone();
    }
    let (written, findings) = (inventory.written.clone(), inventory.findings.clone());
    Some(Inventory::new(sources, written, findings, inventory.read.clone()))
}

/// Tells whether some file names the version at all: only then it is worth a walk.
fn names_version<'f>(group: &[&Moved<'_>], files: impl Iterator<Item = &'f [u8]>) -> bool {
    let tags: Vec<String> = group.iter().filter_map(|moved| moved.tag()).map(|tag| tag.to_string()).collect();
    let texts: Vec<String> = files.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect();
    tags.iter().all(|tag| texts.iter().any(|text| text.contains(tag.trim_start_matches('v'))))
}

fn pinned_in(inventory: &Inventory, moved: &Moved<'_>) -> bool {
    let mut sources = inventory.sources_of(moved.app(), moved.environment());
    sources.any(|source| match &source.choice {
        Choice::Pin { version: Some(version), digest, .. } => {
            let is_version = moved.to.version.as_ref().is_some_and(|to| to.precedence(version).is_eq());
            let wanted = moved.digest();
            let is_content = digest.is_none() || wanted.is_none() || digest.as_ref() == wanted;
            source.id == moved.before.id && is_version && is_content
        }
        _ => false,
    })
}

/// What the plan says of a step, as if it were made today.
fn verdict(moved: &Moved<'_>, step: &Step) -> Vec<CheckResult> {
    let allowed = step.verdict == Verdict::Advance;
    let mut results: Vec<CheckResult> = step
        .reasons
        .iter()
        .map(|reason| {
            let level = match (allowed, reason.code) {
                (true, ReasonCode::FromSelects | ReasonCode::FromAdmits) => Level::Ok,
                (true, _) => Level::Warning,
                (false, _) => Level::Error,
            };
            let result = about(moved, reason.code, level, reason.message.clone(), reason.place.clone());
            CheckResult { failure: step.failure.clone().filter(|_| !allowed), ..result }
        })
        .collect();
    if allowed {
        let from = moved.versions().split(" -> ").next().unwrap_or_default().to_owned();
        let message = format!("newer than {from}, inside the range, not held, not frozen");
        results.push(about(moved, ReasonCode::WithinRules, Level::Ok, message, None));
    }
    results
}

/// What becomes of a pin that isn't moved but made, lost or removed.
fn of_fate(difference: &Difference<'_>) -> Option<CheckResult> {
    let source = difference.after.or(difference.before)?;
    let name = &source.id.name;
    let (code, level, message) = match difference.fate() {
        Fate::Lost => (ReasonCode::PinLost, Level::Error, format!("`{name}` would no longer be pinned")),
        Fate::Removed => (ReasonCode::PinRemoved, Level::Warning, format!("`{name}` would be gone")),
        Fate::New(_) => {
            let message = format!("`{name}` would be pinned where no pin stood: no rule can compare it");
            (ReasonCode::NewPin, Level::Warning, message)
        }
        Fate::Moves { .. } | Fate::Unpinned => return None,
    };
    let app = Some((source.app.clone(), source.environment.clone()));
    Some(CheckResult { app, ..CheckResult::new(code, level, message, Some(source.place.clone())) })
}

fn unreadable(moved: &Moved<'_>, failure: Failure) -> CheckResult {
    let result = about(moved, ReasonCode::RegistryUnreadable, Level::Error, failure.message.clone(), None);
    CheckResult { failure: Some(failure), ..result }
}

fn about(moved: &Moved<'_>, code: ReasonCode, level: Level, message: String, place: Option<Place>) -> CheckResult {
    let app = Some((moved.app().clone(), moved.environment().clone()));
    CheckResult { app, ..CheckResult::new(code, level, message, place) }
}
