//! Did the environment before run it?

use std::cmp::Ordering;

use super::inquiry::{Found, Inquiry};
use super::running::{Running, place_of, running, version_of};
use super::target::spellings;
use super::{Fleet, Request};
use crate::constraint::Constraint;
use crate::inventory::same_part;
use crate::model::{
    Artifact, Choice, Chosen, Digest, Environment, EnvironmentName, Evidence, Failure, Proof, Reason, ReasonCode,
    Source, Tag, Version,
};

/// The environments before one: each group must have run a version, and any environment of a group is enough.
pub(super) struct Before<'a> {
    groups: Vec<Group<'a>>,
}

struct Group<'a> {
    name: EnvironmentName,
    sources: Vec<&'a Source>,
}

/// What would be promoted.
pub(super) struct Candidate<'a> {
    pub(super) artifact: &'a Artifact,
    pub(super) tag: &'a Tag,
    pub(super) version: &'a Version,
    /// Its content; none where only the tag is looked at.
    pub(super) digest: Option<&'a Digest>,
}

/// What the environments before answer for a candidate.
pub(super) enum Verdict {
    /// They ran it: how surely, in words and as a fact.
    Yes(Reason, Vec<Proof>),
    /// One of them did not.
    No(Vec<Reason>),
    /// It can't be told, perhaps because a registry could not be read.
    Unknown(Reason, Option<Failure>),
}

impl<'a> Before<'a> {
    /// Finds the environments before one that have the app: what `from` names, else the nearest earlier stage. Of their
    /// sources those count that are the same part of the app.
    ///
    /// `sources` are all of the app.
    pub(super) fn of(sources: &[&'a Source], environment: &Environment, source: &Source, fleet: Fleet<'a>) -> Self {
        let stages = fleet.stages;
        let sources_in = |environments: Vec<&Environment>| -> Vec<&'a Source> {
            let has = |source: &&Source| environments.iter().any(|one| one.name == source.environment);
            sources.iter().copied().filter(has).collect()
        };
        let groups = match &environment.rules.from {
            Some(from) => {
                let named = from.value.iter().map(|name| Group {
                    name: name.clone(),
                    sources: sources_in(
                        stages.named(name).into_iter().filter(|one| one.name != environment.name).collect(),
                    ),
                });
                named.collect::<Vec<_>>()
            }
            None => {
                let rank = match stages.order {
                    crate::model::Order::Unknown => None,
                    _ => stages.rank(&environment.name),
                };
                let earlier = stages.stages.iter().take(rank.unwrap_or(0)).rev();
                let groups = earlier.map(|stage| Group {
                    name: stage.name.clone(),
                    sources: sources_in(stage.environments.iter().collect()),
                });
                groups.filter(|group| !group.sources.is_empty()).take(1).collect()
            }
        };
        // Named environments that all lack the app are as if no earlier stage had it.
        let mut groups = if groups.iter().all(|group| group.sources.is_empty()) { Vec::new() } else { groups };
        let definition = fleet.apps.iter().find(|definition| definition.name == source.app);
        for group in &mut groups {
            group.sources.retain(|other| same_part(definition, source, other));
        }
        Self { groups }
    }

    /// Returns the name of the first that has other parts of the app, and this one not.
    pub(super) fn lacks(&self) -> Option<&EnvironmentName> {
        self.groups.iter().find(|group| group.sources.is_empty()).map(|group| &group.name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Returns what they run, for people: `staging`, `prod-eu and prod-us`.
    pub(super) fn names(&self) -> String {
        self.groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>().join(" and ")
    }

    /// Returns the version that all of them came to: of each group the newest, of these the oldest.
    ///
    /// The error says why that can't be told.
    pub(super) fn newest(&self, inquiry: &Inquiry<'a>) -> Option<Result<(Chosen, &'a Source), Running<'a>>> {
        let mut oldest: Option<(Chosen, &'a Source)> = None;
        let mut open = false;
        for group in &self.groups {
            let mut newest: Option<(Chosen, &'a Source)> = None;
            let mut nothing = None;
            for source in &group.sources {
                let Some(now) = running(source, inquiry) else {
                    open = true;
                    continue;
                };
                match now.chosen() {
                    Some(chosen) if is_older(newest.as_ref(), chosen, Ordering::Less) => {
                        newest = Some((chosen.clone(), source));
                    }
                    Some(_) => {}
                    None => nothing = Some(now),
                }
            }
            match (newest, nothing) {
                // An unreadable sister may run something newer: that only delays, and never promotes too much.
                (Some(newest), _) => {
                    let first = oldest.is_none();
                    if first || !is_older(oldest.as_ref(), &newest.0, Ordering::Less) {
                        oldest = Some(newest);
                    }
                }
                (None, Some(nothing)) if !open => return Some(Err(nothing)),
                _ => {}
            }
        }
        if open { None } else { oldest.map(Ok) }
    }

    /// Judges whether all of them ran a candidate.
    pub(super) fn judge(
        &self,
        request: &Request,
        environment: &Environment,
        candidate: &Candidate<'_>,
        inquiry: &Inquiry<'a>,
    ) -> Option<Verdict> {
        let rule = environment.rules.evidence.as_ref();
        let asked = rule.map_or(request.goal.default_evidence(), |rule| rule.value);
        let mut objections = Vec::new();
        let mut unknown = None;
        let mut yes: Option<(Reason, Vec<Proof>)> = None;
        let mut open = false;
        for group in &self.groups {
            let verdicts: Vec<_> =
                group.sources.iter().map(|source| judge_source(source, asked, candidate, inquiry)).collect();
            open |= verdicts.iter().any(Option::is_none);
            let mut verdicts: Vec<_> = verdicts.into_iter().flatten().collect();
            let proven = verdicts.iter().position(|verdict| matches!(verdict, Verdict::Yes(..)));
            if let Some(Verdict::Yes(reason, proofs)) = proven.map(|index| verdicts.swap_remove(index)) {
                match &mut yes {
                    Some((_, all)) => all.extend(proofs),
                    None => yes = Some((reason, proofs)),
                }
                continue;
            }
            if verdicts.is_empty() {
                let message = format!("{} doesn't have the app", group.name);
                let place = environment.rules.from.as_ref().and_then(|from| from.place.clone());
                objections.push(Reason { code: ReasonCode::NotInFrom, message, place });
            }
            for verdict in verdicts {
                match verdict {
                    Verdict::No(reasons) => objections.extend(reasons),
                    Verdict::Unknown(reason, failure) => unknown = Some((reason, failure)),
                    Verdict::Yes(..) => {}
                }
            }
        }
        if open {
            return None;
        }
        if !objections.is_empty() {
            return Some(Verdict::No(objections));
        }
        let unknown = unknown.map(|(reason, failure)| Verdict::Unknown(reason, failure));
        unknown.or(yes.map(|(reason, proofs)| Verdict::Yes(reason, proofs)))
    }
}

/// Tells whether what stands compares like `ordering` with `chosen`; what has no version is older than all.
fn is_older(stands: Option<&(Chosen, &Source)>, chosen: &Chosen, ordering: Ordering) -> bool {
    match (stands.and_then(|(stands, _)| stands.version.as_ref()), chosen.version.as_ref()) {
        (Some(stands), Some(version)) => stands.precedence(version) == ordering,
        (None, _) => true,
        (Some(_), None) => false,
    }
}

/// Judges one environment's source.
fn judge_source(source: &Source, asked: Evidence, candidate: &Candidate<'_>, inquiry: &Inquiry<'_>) -> Option<Verdict> {
    let name = &source.environment;
    let place = place_of(source);
    let reason = |code, message: String| Reason { code, message, place: place.clone() };
    let now = running(source, inquiry)?;
    let chosen = match &now {
        Running::Pinned(chosen) | Running::Selected(chosen) => chosen,
        Running::Nothing(nothing) => {
            return Some(Verdict::Unknown(Reason { code: ReasonCode::FromUnknown, ..nothing.clone() }, None));
        }
        Running::Failed(failure, reason) => {
            return Some(Verdict::Unknown(reason.clone(), Some((*failure).clone())));
        }
    };
    let Some(runs) = &chosen.version else {
        let message = format!("{name} pins a digest, and nothing says its version");
        return Some(Verdict::Unknown(reason(ReasonCode::FromUnknown, message), None));
    };
    let spelled = chosen.tag.as_ref().map_or_else(|| runs.to_string(), Tag::to_string);
    match (runs.precedence(candidate.version), &source.choice) {
        (Ordering::Equal, _) => same_content(source, chosen, candidate, inquiry),
        (Ordering::Greater, Choice::Range { constraint, .. })
            if asked == Evidence::Admitted && admits(source, constraint, candidate) =>
        {
            let message =
                format!("{name} admits it (`{constraint}`, now on {spelled}); nobody knows whether it ran there");
            let proof = proof(source, chosen, Evidence::Admitted, false);
            Some(Verdict::Yes(reason(ReasonCode::FromAdmits, message), vec![proof]))
        }
        (_, Choice::Range { constraint, .. }) => {
            let message = if admits(source, constraint, candidate) {
                format!("{name} selects {spelled} now, not {}", candidate.tag)
            } else if candidate.version.is_pre_release() {
                format!("{name} never had it: its range `{constraint}` has no -0, so pre-releases don't match")
            } else {
                format!("{name} never had it: its range `{constraint}` doesn't admit it")
            };
            Some(Verdict::No(vec![reason(ReasonCode::NotInFrom, message)]))
        }
        _ => {
            let message = format!("{name} is pinned to {spelled}, not {}", candidate.tag);
            Some(Verdict::No(vec![reason(ReasonCode::NotInFrom, message)]))
        }
    }
}

fn admits(source: &Source, constraint: &str, candidate: &Candidate<'_>) -> bool {
    let version = version_of(source, candidate.tag).unwrap_or_else(|| candidate.version.clone());
    constraint.parse::<Constraint>().is_ok_and(|constraint| constraint.check(&version))
}

/// The same version is the same only with the same digest, where that is known or can be asked.
fn same_content(source: &Source, chosen: &Chosen, candidate: &Candidate<'_>, inquiry: &Inquiry<'_>) -> Option<Verdict> {
    let name = &source.environment;
    let reason = |code, message: String| Reason { code, message, place: place_of(source) };
    let verb = if matches!(source.choice, Choice::Range { .. }) { "selects" } else { "pins" };
    let Some(digest) = candidate.digest else {
        let message = format!("{name} {verb} exactly this version now");
        let proof = proof(source, chosen, Evidence::Selected, false);
        return Some(Verdict::Yes(reason(ReasonCode::FromSelects, message), vec![proof]));
    };
    let elsewhere = source.artifact.as_ref().ok().filter(|artifact| *artifact != candidate.artifact);
    let ran = match (&chosen.digest, elsewhere, &chosen.tag) {
        (Some(pinned), _, _) => pinned.clone(),
        (None, None, _) | (None, _, None) => digest.clone(),
        (None, Some(artifact), Some(tag)) => {
            let found: Vec<_> = spellings(tag.as_str()).iter().map(|tag| inquiry.manifest(artifact, tag)).collect();
            let mut ran = None;
            for found in found {
                match found? {
                    Found::Yes(facts) => ran = ran.or(Some(facts.digest.clone())),
                    Found::No => {}
                    Found::Failed(failure) => {
                        let message = format!("what {name} runs can't be told: {}", failure.message);
                        return Some(Verdict::Unknown(
                            reason(ReasonCode::RegistryUnreadable, message),
                            Some(failure.clone()),
                        ));
                    }
                }
            }
            match ran {
                Some(digest) => digest,
                None => {
                    let message = format!("{artifact} has no tag `{tag}`, which {name} asks for");
                    return Some(Verdict::Unknown(reason(ReasonCode::FromUnknown, message), None));
                }
            }
        }
    };
    if ran != *digest {
        let message = format!(
            "{} isn't what {name} runs: {name} has {}, the registry has {}",
            candidate.tag,
            ran.short(),
            digest.short()
        );
        return Some(Verdict::No(vec![reason(ReasonCode::DigestDiffers, message)]));
    }
    let message = format!("{name} {verb} exactly this content now");
    let proof = proof(source, chosen, Evidence::Selected, true);
    Some(Verdict::Yes(reason(ReasonCode::FromSelects, message), vec![proof]))
}

fn proof(source: &Source, chosen: &Chosen, evidence: Evidence, same_content: bool) -> Proof {
    Proof { environment: source.environment.clone(), evidence, same_content, now: chosen.tag.clone() }
}
