//! Whether the base is as it should be: production pinned, every pin in its registry with the content that was approved.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::inquiry::{Found, Inquiry};
use super::running::place_of;
use super::target::spellings;
use super::{Answers, Fleet, Question};
use crate::inventory::is_production;
use crate::model::{
    Artifact, CheckResult, Choice, Digest, EnvironmentName, FieldName, Finding, FindingCode, Level, Order, ReasonCode,
    Source, SourceKind, Stages, Tag,
};

/// Every answer, or what must be asked first.
#[derive(Clone, Debug, PartialEq)]
pub enum Checking {
    /// Nothing is open.
    Done(Vec<CheckResult>),
    /// These questions must be answered first.
    Needs(BTreeSet<Question>),
}

/// What is checked, beside the answers.
pub struct Base<'a> {
    /// The environments and what they run.
    pub fleet: Fleet<'a>,
    /// Only these environments; none: all.
    pub environments: Option<&'a BTreeSet<EnvironmentName>>,
    /// The content that was approved, by index of the source in the inventory, where it was recorded.
    pub approved: &'a BTreeMap<usize, Digest>,
    /// What was found beside the inventory's own findings.
    pub findings: &'a [Finding],
}

/// Returns the environments that are production: those named so, else the last stage if an order is known.
pub fn production(stages: &Stages) -> BTreeSet<&EnvironmentName> {
    let named = stages.stages.iter().flat_map(|stage| {
        let all = is_production(stage.name.as_str());
        stage.environments.iter().filter(move |one| all || is_production(one.name.as_str()))
    });
    let named: BTreeSet<&EnvironmentName> = named.map(|environment| &environment.name).collect();
    if !named.is_empty() || stages.order == Order::Unknown || stages.stages.len() < 2 {
        return named;
    }
    stages.stages.last().into_iter().flat_map(|stage| &stage.environments).map(|one| &one.name).collect()
}

/// Checks the base.
pub fn check(base: &Base<'_>, answers: &Answers) -> Checking {
    let inquiry = Inquiry::new(answers);
    let production = production(base.fleet.stages);
    let mut results = Vec::new();
    for (index, source) in base.fleet.inventory.sources.iter().enumerate() {
        if base.environments.is_some_and(|only| !only.contains(&source.environment)) {
            continue;
        }
        let checked = Checked { source, is_production: production.contains(&source.environment), inquiry: &inquiry };
        results.extend(checked.shadows());
        results.extend(checked.choice(base.approved.get(&index)));
    }
    let open = inquiry.into_open();
    if !open.is_empty() {
        return Checking::Needs(open);
    }
    let findings = base.fleet.inventory.findings.iter().chain(base.findings);
    results.extend(findings.filter_map(of_finding));
    let mut seen = HashSet::new();
    results.retain(|result| seen.insert((result.code, result.message.clone(), result.place.clone())));
    // The gravest first; of equal ones in the order of the inventory.
    results.sort_by_key(|result| std::cmp::Reverse(result.level));
    Checking::Done(results)
}

/// What stands in the repository and should be looked at; what a source says is told with the source.
fn of_finding(finding: &Finding) -> Option<CheckResult> {
    let says_production = || {
        let place = finding.place.as_ref()?;
        place.path.as_str().split(['/', '.']).any(is_production).then_some(())
    };
    match finding.code {
        FindingCode::ShadowedField | FindingCode::SharedSlot | FindingCode::ConfigurationDiffers => return None,
        FindingCode::UnreachedFile => says_production()?,
        _ => {}
    }
    let (message, place) = (finding.message.clone(), finding.place.clone());
    Some(CheckResult::of_finding(finding.code, Level::Warning, message, place))
}

/// One source.
struct Checked<'a, 'q> {
    source: &'a Source,
    is_production: bool,
    inquiry: &'q Inquiry<'a>,
}

impl Checked<'_, '_> {
    fn result(&self, code: ReasonCode, level: Level, what: &str) -> CheckResult {
        let (app, environment) = (self.source.app.clone(), self.source.environment.clone());
        let message = format!("{app} in {environment}: {what}");
        let place = place_of(self.source).unwrap_or_else(|| self.source.place.clone());
        CheckResult { app: Some((app, environment)), ..CheckResult::new(code, level, message, Some(place)) }
    }

    /// What is wrong with production is an error, elsewhere it is worth a look.
    fn level(&self) -> Level {
        if self.is_production { Level::Error } else { Level::Warning }
    }

    /// A version that Flux ignores: a tag under its own digest only tells people what runs.
    fn shadows(&self) -> Vec<CheckResult> {
        let mut results = Vec::new();
        for (field, value) in &self.source.reference.fields {
            let Some(by) = value.shadowed_by else { continue };
            if (*field, by) == (FieldName::Tag, FieldName::Digest) || by == FieldName::Commit {
                continue;
            }
            let what = format!("Flux ignores `{}`: `{}` takes precedence", field.key(), by.key());
            let place = value.deciding_slot().map(|slot| slot.place.clone());
            let result = self.result(ReasonCode::Shadowed, self.level(), &what);
            results.push(CheckResult { place, ..result });
        }
        results
    }

    fn choice(&self, approved: Option<&Digest>) -> Option<CheckResult> {
        match &self.source.choice {
            Choice::Range { constraint, .. } if self.is_production => {
                let what = format!("not pinned: it follows `{constraint}` and moves by itself");
                Some(self.result(ReasonCode::NotPinned, Level::Error, &what))
            }
            Choice::Range { .. } => None,
            Choice::Floating { .. } if !self.is_production || self.is_bootstrap() => None,
            Choice::Floating { text, field: Some(_) } => {
                Some(self.result(ReasonCode::Floating, Level::Error, &format!("not pinned: it follows `{text}`")))
            }
            Choice::Floating { text, field: None } => {
                let what = format!("not pinned: nothing is asked for, and Flux takes `{text}`");
                Some(self.result(ReasonCode::Floating, Level::Error, &what))
            }
            Choice::Unknown(unknown) => {
                let what = format!("what it runs can't be told: {}", unknown.message);
                let result = self.result(ReasonCode::VersionUnknown, self.level(), &what);
                Some(CheckResult { place: unknown.place.clone(), ..result })
            }
            Choice::Pin { field, tag, version, digest } => {
                let spelled = match (tag, version) {
                    (Some(tag), _) if matches!(field, FieldName::Semver | FieldName::Version) => {
                        spellings(tag.as_str())
                    }
                    (Some(tag), _) => vec![tag.to_string()],
                    // A chart's version may hold a `+`, which its tag spells `_`.
                    (None, Some(version)) => vec![version.original().replace('+', "_")],
                    (None, None) => Vec::new(),
                };
                self.pin(&spelled, digest.as_ref(), approved)
            }
        }
    }

    /// The repository that everything is read from follows its branch: what comes to it was approved there.
    fn is_bootstrap(&self) -> bool {
        self.source.id.kind == SourceKind::GitRepository && self.source.id.name == "flux-system"
    }

    fn pin(&self, spelled: &[String], digest: Option<&Digest>, approved: Option<&Digest>) -> Option<CheckResult> {
        let artifact = match &self.source.artifact {
            Ok(artifact) => artifact,
            Err(unknown) => {
                let what = format!("where it is can't be told: {}", unknown.message);
                return Some(self.result(ReasonCode::ArtifactUnknown, self.level(), &what));
            }
        };
        let by_digest = digest.map(|digest| self.inquiry.manifest(artifact, &digest.to_string()));
        let by_tag: Vec<_> = spelled.iter().map(|tag| (tag, self.inquiry.manifest(artifact, tag))).collect();
        let mut now: Option<(&String, &Digest)> = None;
        for (tag, found) in by_tag {
            match found? {
                Found::Yes(facts) => now = now.or(Some((tag, &facts.digest))),
                Found::No => {}
                Found::Failed(failure) => return Some(self.unreadable(failure)),
            }
        }
        match (digest, by_digest) {
            (Some(digest), Some(found)) => match found? {
                Found::Failed(failure) => Some(self.unreadable(failure)),
                Found::No => Some(self.missing(artifact, &digest.to_string())),
                Found::Yes(_) => Some(self.beside_digest(digest, now)),
            },
            _ => match now {
                None => Some(self.missing(artifact, spelled.first().map_or("", String::as_str))),
                Some((tag, now)) => Some(self.content(tag, now, approved)),
            },
        }
    }

    fn unreadable(&self, failure: &crate::model::Failure) -> CheckResult {
        let result = self.result(ReasonCode::RegistryUnreadable, Level::Error, &failure.message);
        CheckResult { failure: Some(failure.clone()), ..result }
    }

    fn missing(&self, artifact: &Artifact, reference: &str) -> CheckResult {
        let what = format!("{artifact} has no `{reference}`, which is pinned");
        self.result(ReasonCode::NotFound, Level::Error, &what)
    }

    /// Flux runs the digest, whatever the tag is now.
    fn beside_digest(&self, digest: &Digest, tag: Option<(&String, &Digest)>) -> CheckResult {
        match tag {
            Some((tag, now)) if now != digest => {
                let (pinned, now) = (digest.short(), now.short());
                let what = format!("the tag {tag} was pushed again as {now}; Flux runs {pinned}, which is pinned");
                self.result(ReasonCode::DigestDiffers, Level::Warning, &what)
            }
            _ => {
                let what = format!("{} is in its registry", digest.short());
                self.result(ReasonCode::InRegistry, Level::Ok, &what)
            }
        }
    }

    fn content(&self, tag: &str, now: &Digest, approved: Option<&Digest>) -> CheckResult {
        match approved {
            Some(approved) if approved != now => {
                let (was, is) = (approved.short(), now.short());
                let what = format!(
                    "{tag} was approved as {was}, now it is {is}: it was pushed again, and Flux follows a moved tag"
                );
                self.result(ReasonCode::DigestDiffers, Level::Error, &what)
            }
            Some(_) => {
                let what = format!("{tag} is in its registry, with the content that was approved");
                self.result(ReasonCode::InRegistry, Level::Ok, &what)
            }
            None => {
                let what = format!("{tag} is in its registry; no commit recorded its content");
                self.result(ReasonCode::InRegistry, Level::Ok, &what)
            }
        }
    }
}

/// Returns each pin of a tag alone, whose content only a commit can have recorded: the source's index and the source.
pub fn pinned_by_tag(fleet: Fleet<'_>) -> impl Iterator<Item = (usize, &Source, FieldName, &Tag)> {
    fleet.inventory.sources.iter().enumerate().filter_map(|(index, source)| match &source.choice {
        Choice::Pin { field, tag: Some(tag), digest: None, .. } => Some((index, source, *field, tag)),
        _ => None,
    })
}
