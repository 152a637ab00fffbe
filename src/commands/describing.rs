//! From a change to what its pull request says: facts only, each from the plan, the inventory or the registry.

use jiff::Timestamp;

use super::answering::Inquirer;
use super::change::{Change, CommitPlan};
use super::reading::Reading;
use crate::forge::{self, Address, Forge};
use crate::model::{
    Artifact, Choice, Chosen, EnvironmentName, Plan, ReasonCode, RepoPath, Stage, Step, Tag, Verdict, Version,
};
use crate::report::documents::{spelled, spelled_tag};
use crate::report::pull_request::{
    Before, Content, Direction, How, Kept, Link, Mate, Move, Next, Overrides, Promotion, Requester, Shelved, Standing,
    dashboard,
};
use crate::report::template::Template;

/// What is known beside the change itself.
pub struct Circumstances<'a> {
    /// What was read.
    pub reading: &'a Reading,
    /// The whole plan.
    pub plan: &'a Plan,
    /// What registries answered.
    pub inquirer: &'a Inquirer,
    /// The forge.
    pub forge: &'a dyn Forge,
    /// Where the repository is; none for a local one.
    pub address: Option<Address>,
    /// Who asked.
    pub requester: Option<Requester>,
    /// Why.
    pub reason: Option<String>,
    /// What else the approver must know.
    pub notes: Vec<String>,
}

/// Where templates may be overridden, at the base commit.
const BODY_OVERRIDE: &str = ".promote/pull-request.md";
const COMMIT_OVERRIDE: &str = ".promote/commit.txt";

/// The overrides that the base commit holds.
#[derive(Default)]
pub struct OverrideTexts {
    body: Option<String>,
    commit: Option<String>,
}

impl OverrideTexts {
    /// Returns the paths that must be read first.
    pub fn paths() -> Vec<RepoPath> {
        [BODY_OVERRIDE, COMMIT_OVERRIDE].iter().filter_map(|path| path.parse().ok()).collect()
    }

    /// Takes them from what was read.
    pub fn of(reading: &Reading) -> Self {
        let text = |path: &str| path.parse().ok().and_then(|path| reading.text(&path));
        Self { body: text(BODY_OVERRIDE), commit: text(COMMIT_OVERRIDE) }
    }

    /// Returns them as templates.
    pub fn templates(&self) -> Overrides<'_> {
        Overrides {
            body: self.body.as_deref().map(|text| Template { name: BODY_OVERRIDE, text }),
            commit: self.commit.as_deref().map(|text| Template { name: COMMIT_OVERRIDE, text }),
        }
    }
}

/// Returns all that is said about a change.
pub fn describe(change: &Change, circumstances: &Circumstances<'_>) -> Promotion {
    let reading = circumstances.reading;
    Promotion {
        direction: Direction::Forward,
        unit: circumstances.forge.kind().unit(),
        target: change.label.clone(),
        moves: change.commits.iter().filter_map(|commit| describe_move(commit, circumstances)).collect(),
        requester: circumstances.requester.clone(),
        reason: circumstances.reason.clone(),
        waived: Vec::new(),
        notes: circumstances.notes.clone(),
        hunks: change.hunks.clone(),
        values: change.edits.len(),
        base: reading.base.as_ref().map(|base| base.commit.to_string()).unwrap_or_default(),
        rules: rules_page(change, circumstances),
        can_be_judged: circumstances.forge.kind() != forge::Kind::None,
        now: Timestamp::now(),
    }
}

/// Returns the line of the base's `promote.yaml` from which the rules of the first environment that moves are written.
fn rules_page(change: &Change, circumstances: &Circumstances<'_>) -> Option<Link> {
    let (reading, forge) = (circumstances.reading, circumstances.forge);
    let environment = reading.stages.environment(&change.steps().next()?.environment)?;
    let (place, base) = (environment.place.as_ref()?, reading.base.as_ref()?);
    let url = forge::line_page(forge.kind(), &forge.page()?, &base.commit.to_string(), place)?;
    Some(Link { text: "rules".to_owned(), url })
}

/// Returns what is said about the app and environments of one commit.
fn describe_move(commit: &CommitPlan, circumstances: &Circumstances<'_>) -> Option<Move> {
    let step = commit.steps.first()?;
    let to = step.to.clone()?;
    let reading = circumstances.reading;
    let stage = stage_of(reading, &step.environment)?;
    let environments: Vec<EnvironmentName> = commit.steps.iter().map(|step| step.environment.clone()).collect();
    let links = reading.configuration.links.iter();
    let dashboards = links.flat_map(|link| {
        environments.iter().filter_map(|environment| dashboard(&link.template, &step.app, environment))
    });
    let annotations = annotations(step, circumstances.inquirer);
    Some(Move {
        app: step.app.clone(),
        stage: stage.name.clone(),
        from: step.from.clone(),
        reference: reference(step, &to),
        before: step.proofs.iter().map(before).collect(),
        signature: step
            .reasons
            .iter()
            .find(|reason| reason.code == ReasonCode::SignatureHolds)
            .map(|reason| reason.message.clone()),
        rules: rules(step, reading),
        mates: mates(step, &environments, stage, circumstances),
        skipped: skipped(step, circumstances.inquirer),
        commits: None,
        compare: compare(step, &annotations, circumstances),
        dashboards: dashboards.collect(),
        since: None,
        standing: standing(step, circumstances),
        annotations,
        environments,
        to,
    })
}

fn stage_of<'a>(reading: &'a Reading, environment: &EnvironmentName) -> Option<&'a Stage> {
    reading.stages.stages.iter().find(|stage| stage.environments.iter().any(|one| one.name == *environment))
}

fn reference(step: &Step, to: &Chosen) -> Option<Shelved> {
    match (&step.artifact, &to.tag) {
        (Some(Artifact::Oci(repository)), Some(tag)) => Some(Shelved::InRegistry(format!("{repository}:{tag}"))),
        (Some(Artifact::Git { url }), Some(tag)) => Some(Shelved::InRepository(url.clone(), tag.clone())),
        _ => None,
    }
}

fn before(proof: &crate::model::Proof) -> Before {
    Before {
        name: proof.environment.clone(),
        evidence: proof.evidence,
        content: if proof.same_content { Content::Same } else { Content::NotKnown },
        seen: None,
        asked: None,
        now: proof.now.clone(),
    }
}

fn rules(step: &Step, reading: &Reading) -> Vec<Kept> {
    let environment = reading.stages.environment(&step.environment);
    let range = environment.and_then(|environment| environment.rules.range.as_ref());
    let pinned = step.from.as_ref();
    let pinned = pinned.map(|from| spelled_tag(from.tag.as_ref(), from.version.as_ref(), from.digest.as_ref()));
    let kept = |text: &str, code: Option<String>| Kept { text: text.to_owned(), code };
    vec![
        kept("newer than", pinned),
        kept("not held", None),
        kept("not frozen", None),
        kept("within", Some(range.map_or("*", |range| range.value.as_str()).to_owned())),
    ]
}

/// What becomes of the other environments of the stage.
fn mates(step: &Step, moved: &[EnvironmentName], stage: &Stage, circumstances: &Circumstances<'_>) -> Vec<Mate> {
    let inventory = &circumstances.reading.inventory;
    let others = stage.environments.iter().map(|environment| &environment.name);
    let others = others.filter(|name| !moved.contains(name) && inventory.sources_of(&step.app, name).next().is_some());
    others
        .map(|name| {
            let planned =
                circumstances.plan.steps.iter().find(|other| other.app == step.app && other.environment == *name);
            let next = match planned.map(|other| other.verdict) {
                Some(Verdict::Current) => Next::Runs,
                Some(Verdict::Advance | Verdict::Waits) => Next::Follows(None),
                _ => Next::Stays,
            };
            Mate { name: name.clone(), next }
        })
        .collect()
}

/// The versions between, oldest first, if the tags were listed: pre-releases only where one is promoted.
fn skipped(step: &Step, inquirer: &Inquirer) -> Option<Vec<Tag>> {
    let (from, to) = (step.from.as_ref()?.version.as_ref()?, step.to.as_ref()?.version.as_ref()?);
    let listed = inquirer.listed(step.artifact.as_ref()?)?;
    let mut between: Vec<(Version, Tag)> = listed
        .iter()
        .filter_map(|tag| tag.parse::<Tag>().ok())
        .filter_map(|tag| Some((tag.version()?.clone(), tag)))
        .filter(|(version, _)| from.precedence(version).is_lt() && version.precedence(to).is_lt())
        .filter(|(version, _)| to.is_pre_release() || !version.is_pre_release())
        .collect();
    between.sort_by(|(one, _), (two, _)| one.precedence(two));
    Some(between.into_iter().map(|(_, tag)| tag).collect())
}

const SOURCE: &str = "org.opencontainers.image.source";
const REVISION: &str = "org.opencontainers.image.revision";

/// What the artifact says of itself: only the keys that people look for.
fn annotations(step: &Step, inquirer: &Inquirer) -> Vec<(String, String)> {
    let facts = step.artifact.as_ref().zip(step.to.as_ref().and_then(|to| to.tag.as_ref()));
    let facts = facts.and_then(|(artifact, tag)| inquirer.facts(artifact, tag.as_str()));
    let known = [SOURCE, REVISION, "org.opencontainers.image.created", "org.opencontainers.image.version"];
    let mut said = Vec::new();
    for key in known {
        if let Some(value) = facts.and_then(|facts| facts.annotations.get(key)) {
            said.push((key.rsplit('.').next().unwrap_or(key).to_owned(), value.clone()));
        }
    }
    said
}

/// The comparison of both sources, where that is a page of the fleet's own forge.
fn compare(step: &Step, annotations: &[(String, String)], circumstances: &Circumstances<'_>) -> Option<Link> {
    let said = |name: &str| annotations.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let pinned = step.from.as_ref()?.tag.as_ref()?;
    let host = circumstances.address.as_ref()?.host.as_str();
    let compared =
        |source: &str, from: &str, to: &str| forge::comparison(circumstances.forge.kind(), host, source, from, to);
    let (text, url) = match step.artifact.as_ref()? {
        // Here both commits are facts, not what somebody wrote.
        artifact @ Artifact::Git { url } => {
            let asked = circumstances.inquirer.facts(artifact, pinned.as_str()).map(|facts| &facts.digest);
            let (from, to) = (step.from.as_ref()?.digest.as_ref().or(asked)?, step.to.as_ref()?.digest.as_ref()?);
            compared(url, &from.hex(), &to.hex())?
        }
        artifact => {
            let before = circumstances.inquirer.facts(artifact, pinned.as_str())?;
            compared(said("source")?, before.annotations.get(REVISION)?, said("revision")?)?
        }
    };
    Some(Link { text, url })
}

/// What every environment runs, and how that is chosen.
fn standing(step: &Step, circumstances: &Circumstances<'_>) -> Vec<Standing> {
    let reading = circumstances.reading;
    let mut standing: Vec<(Standing, bool)> = Vec::new();
    for environment in reading.stages.environments() {
        let Some(source) = reading.inventory.sources_of(&step.app, &environment.name).next() else { continue };
        let how = match &source.choice {
            Choice::Pin { .. } => How::Pinned,
            Choice::Range { constraint, .. } => How::Follows(constraint.clone()),
            Choice::Floating { text, .. } => How::Floating(text.clone()),
            Choice::Unknown(_) => How::NotKnown,
        };
        let known = circumstances.inquirer.known(source).and_then(|chosen| spelled(&chosen));
        let moves =
            circumstances.plan.steps.iter().any(|one| {
                one.app == step.app && one.environment == environment.name && one.verdict == Verdict::Advance
            });
        let row =
            standing.iter_mut().find(|(row, others_move)| row.now == known && row.how == how && !moves && !others_move);
        match row {
            Some((row, _)) => row.names.push(environment.name.clone()),
            None => standing.push((Standing { names: vec![environment.name.clone()], now: known, how }, moves)),
        }
    }
    standing.into_iter().map(|(row, _)| row).collect()
}
