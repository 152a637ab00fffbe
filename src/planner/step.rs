//! One app in one environment: its verdict, and each reason for it.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::evidence::{Before, Candidate};
use super::inquiry::{Found, Inquiry, Signature};
use super::judgement::{Judgement, judge};
use super::question::Facts;
use super::running::{Running, place_of, running, version_of};
use super::target::{Target, spellings, target};
use super::{Fleet, Goal, Request};
use crate::model::{
    AppName, Artifact, Choice, Chosen, Demand, Digest, DigestRule, Environment, EnvironmentName, Exit, Failure,
    FieldName, FindingCode, Move, OciRepository, Proof, Reason, ReasonCode, Source, Step, Tag, Verdict, Verify,
};

/// Gives verdicts; asks what it must know.
pub(super) struct Judge<'a, 'q> {
    pub(super) request: &'a Request,
    pub(super) fleet: Fleet<'a>,
    /// The sources of each app, in the inventory's order.
    pub(super) sources: &'q HashMap<&'a AppName, Vec<&'a Source>>,
    pub(super) inquiry: &'q Inquiry<'a>,
}

/// The verdict on one source of the step's app.
struct Part {
    artifact: Option<Artifact>,
    from: Option<Chosen>,
    to: Option<Chosen>,
    verdict: Verdict,
    reasons: Vec<Reason>,
    moves: Vec<Move>,
    proofs: Vec<Proof>,
    failure: Option<Failure>,
}

/// What a pin would move to.
enum Goals<'a> {
    /// This tag, with this content.
    To(Tag, &'a Facts),
    /// Nothing newer waits.
    Nothing,
    /// It can't go anywhere, or that can't be told.
    Stopped(Verdict, Reason, Option<Failure>),
}

impl<'a, 'q> Judge<'a, 'q> {
    /// Judges all sources of an app in an environment: they move together or not at all.
    pub(super) fn step(&self, app: &'a AppName, environment: &Environment) -> Option<Step> {
        let here = |source: &&&Source| source.environment == environment.name;
        let sources: Vec<&Source> = self.sources_of(app).iter().filter(here).copied().collect();
        let parts: Vec<_> = sources.iter().map(|source| self.part(app, environment, source)).collect();
        let parts: Vec<Part> = parts.into_iter().collect::<Option<_>>()?;
        // The gravest verdict is the step's: what is unknown or blocked stops the sisters, too.
        const GRAVEST_FIRST: [Verdict; 6] =
            [Verdict::Unknown, Verdict::Blocked, Verdict::Waits, Verdict::Advance, Verdict::Current, Verdict::Follows];
        let verdict = GRAVEST_FIRST.into_iter().find(|verdict| parts.iter().any(|part| part.verdict == *verdict))?;
        let deciding = parts.iter().position(|part| part.verdict == verdict)?;
        let mut step = Step {
            app: app.clone(),
            environment: environment.name.clone(),
            artifact: None,
            from: None,
            to: None,
            verdict,
            reasons: Vec::new(),
            waits: None,
            moves: Vec::new(),
            edits: Vec::new(),
            proofs: Vec::new(),
            failure: None,
        };
        for (index, part) in parts.into_iter().enumerate() {
            if index == deciding {
                (step.artifact, step.from, step.to) = (part.artifact, part.from, part.to);
            }
            step.failure = step.failure.or(part.failure);
            step.proofs.extend(part.proofs);
            for reason in part.reasons {
                if !step.reasons.contains(&reason) {
                    step.reasons.push(reason);
                }
            }
            step.moves.extend(part.moves);
        }
        Some(step)
    }

    fn sources_of(&self, app: &AppName) -> &'q [&'a Source] {
        self.sources.get(app).map_or(&[], Vec::as_slice)
    }

    fn part(&self, app: &'a AppName, environment: &Environment, source: &Source) -> Option<Part> {
        let artifact = source.artifact.as_ref().ok().cloned();
        let part = |verdict, reasons| Part {
            artifact: artifact.clone(),
            from: None,
            to: None,
            verdict,
            reasons,
            moves: Vec::new(),
            proofs: Vec::new(),
            failure: None,
        };
        match running(source, self.inquiry)? {
            Running::Selected(chosen) => {
                let message = format!("follows {}", constraint_of(source));
                let reason = Reason { code: ReasonCode::FollowsRange, message, place: place_of(source) };
                let from = Some(chosen.clone());
                Some(Part { from, to: Some(chosen), ..part(Verdict::Follows, vec![reason]) })
            }
            Running::Pinned(chosen) => self.pin(app, environment, source, chosen),
            Running::Nothing(reason) => Some(part(Verdict::Unknown, vec![reason])),
            Running::Failed(failure, reason) => {
                Some(Part { failure: Some(failure.clone()), ..part(Verdict::Unknown, vec![reason]) })
            }
        }
    }

    /// Judges a pin: where could it go, and does a rule say no?
    fn pin(&self, app: &'a AppName, environment: &Environment, source: &Source, chosen: Chosen) -> Option<Part> {
        let place = place_of(source);
        let reason = |code, message: String| Reason { code, message, place: place.clone() };
        let mut part = Part {
            artifact: source.artifact.as_ref().ok().cloned(),
            from: Some(chosen.clone()),
            to: None,
            verdict: Verdict::Unknown,
            reasons: Vec::new(),
            moves: Vec::new(),
            proofs: Vec::new(),
            failure: None,
        };
        let artifact = match &source.artifact {
            Ok(artifact) => artifact,
            Err(unknown) => {
                part.reasons.push(reason(ReasonCode::ArtifactUnknown, unknown.message.clone()));
                return Some(part);
            }
        };
        let Some(pinned) = &chosen.version else {
            let is_commit = chosen.digest.as_ref().is_some_and(Digest::is_commit);
            let (what, who) = if is_commit { ("commit", "a tag") } else { ("digest", "the artifact") };
            let message =
                format!("a {what} alone is pinned: neither the commit that wrote it nor {who} says its version");
            part.reasons.push(reason(ReasonCode::VersionUnknown, message));
            return Some(part);
        };
        let before = Before::of(self.sources_of(app), environment, source, self.fleet);
        let (tag, facts) = match self.goal(environment, source, artifact, &chosen, &before)? {
            Goals::To(tag, facts) => (tag, facts),
            Goals::Nothing => {
                part.verdict = Verdict::Current;
                part.to = Some(chosen.clone());
                let message = format!("runs what {} runs, or newer", before.names());
                part.reasons.push(reason(ReasonCode::RunsVersion, message));
                return Some(part);
            }
            Goals::Stopped(verdict, why, failure) => {
                (part.verdict, part.failure) = (verdict, failure);
                part.reasons.push(why);
                return Some(part);
            }
        };
        let Some(version) = version_of(source, &tag) else {
            part.verdict = Verdict::Blocked;
            part.reasons.push(reason(ReasonCode::NotAVersion, format!("`{tag}` is not a version")));
            return Some(part);
        };
        part.to =
            Some(Chosen { tag: Some(tag.clone()), version: Some(version.clone()), digest: Some(facts.digest.clone()) });
        let candidate = Candidate { artifact, tag: &tag, version: &version, digest: Some(&facts.digest) };
        match version.precedence(pinned) {
            Ordering::Equal => {
                self.already_there(source, &chosen, &tag, facts, &mut part);
                return Some(part);
            }
            Ordering::Less => {
                part.verdict = Verdict::Blocked;
                let message = format!("older than {}, which is pinned", spelled(&chosen));
                part.reasons.push(reason(ReasonCode::Older, message));
                return Some(part);
            }
            Ordering::Greater => {}
        }
        self.advance(environment, source, &before, &candidate, part)
    }

    /// Finds the tag that a pin would move to.
    fn goal(
        &self,
        environment: &Environment,
        source: &Source,
        artifact: &Artifact,
        chosen: &Chosen,
        before: &Before<'a>,
    ) -> Option<Goals<'a>> {
        let stop =
            |verdict, code, message| Goals::Stopped(verdict, Reason { code, message, place: place_of(source) }, None);
        let pinned = chosen.tag.as_ref().map(Tag::as_str);
        let wanted = match &self.request.goal {
            Goal::Version(version) => spellings(version),
            Goal::FollowTyped | Goal::FollowDue if before.is_empty() => {
                let message = format!("no earlier stage than {} has the app", environment.name);
                return Some(stop(Verdict::Blocked, ReasonCode::NoEarlierStage, message));
            }
            Goal::FollowTyped | Goal::FollowDue if before.lacks().is_some() => {
                let name = before.lacks().map_or("", EnvironmentName::as_str);
                let message = format!("{name} has other parts of the app, and this one not");
                return Some(stop(Verdict::Blocked, ReasonCode::NotInFrom, message));
            }
            Goal::FollowTyped | Goal::FollowDue => match before.newest(self.inquiry)? {
                Ok((newest, ran)) => match (&newest.tag, &newest.version, &chosen.version) {
                    (_, Some(newest), Some(pinned)) if newest.precedence(pinned) != Ordering::Greater => {
                        return Some(Goals::Nothing);
                    }
                    // A tag is known by its spelling; the version of a range's equality may be spelled either way.
                    (Some(tag), _, _)
                        if ran.reference.field(FieldName::Semver).is_some_and(|_| newest_is_pinned(ran)) =>
                    {
                        spellings(tag.as_str())
                    }
                    (Some(tag), _, _) => vec![tag.to_string()],
                    (None, _, _) => {
                        let message = format!("{} pins content alone, and nothing says its version", ran.environment);
                        return Some(stop(Verdict::Unknown, ReasonCode::FromUnknown, message));
                    }
                },
                Err(Running::Failed(failure, reason)) => {
                    return Some(Goals::Stopped(Verdict::Unknown, reason, Some(failure.clone())));
                }
                Err(Running::Nothing(reason)) => {
                    let reason = Reason { code: ReasonCode::FromUnknown, ..reason };
                    return Some(Goals::Stopped(Verdict::Unknown, reason, None));
                }
                Err(Running::Pinned(_) | Running::Selected(_)) => return Some(Goals::Nothing),
            },
        };
        Some(match target(artifact, &wanted, pinned, self.inquiry)? {
            Target::Found(tag, facts) => Goals::To(tag, facts),
            Target::Refused(reason) if reason.code == ReasonCode::NotFound => {
                let (reason, failure) = self.not_mirrored(artifact, source, &wanted)?.unwrap_or((reason, None));
                Goals::Stopped(Verdict::Blocked, reason, failure)
            }
            Target::Refused(reason) => Goals::Stopped(Verdict::Blocked, reason, None),
            Target::Failed(failure) => {
                let message = failure.message.clone();
                let reason = Reason { code: ReasonCode::RegistryUnreadable, message, place: None };
                Goals::Stopped(Verdict::Unknown, reason, Some(failure.clone()))
            }
        })
    }

    /// A version that another name of the artifact has is not missing: it is not mirrored yet.
    fn not_mirrored(
        &self,
        artifact: &Artifact,
        source: &Source,
        wanted: &[String],
    ) -> Option<Option<(Reason, Option<Failure>)>> {
        let sisters = self.sources_of(&source.app).iter();
        let mut others: Vec<Artifact> = sisters.filter_map(|other| other.artifact.as_ref().ok().cloned()).collect();
        others.extend(names_of(artifact, self.fleet.same));
        others.retain(|other| other != artifact && other.is_same_but_for_host(artifact));
        others.sort();
        others.dedup();
        let asked = others.iter().flat_map(|other| wanted.iter().map(move |tag| (other, tag)));
        let found: Vec<_> = asked.map(|(other, tag)| (other, tag, self.inquiry.manifest(other, tag))).collect();
        for (other, tag, found) in found {
            if matches!(found?, Found::Yes(_)) {
                let message = format!("{other} has `{tag}`, {artifact} doesn't have it yet");
                let failure = Failure {
                    code: ReasonCode::NotMirrored.as_str(),
                    exit: Exit::Temporary,
                    message: message.clone(),
                    hint: Some("run again when it is mirrored".to_owned()),
                };
                let place = place_of(source);
                return Some(Some((Reason { code: ReasonCode::NotMirrored, message, place }, Some(failure))));
            }
        }
        Some(None)
    }

    /// The pin has this version: current, unless its content is another.
    fn already_there(&self, source: &Source, chosen: &Chosen, tag: &Tag, facts: &Facts, part: &mut Part) {
        let place = place_of(source);
        match &chosen.digest {
            Some(pinned) if *pinned != facts.digest => {
                part.verdict = Verdict::Blocked;
                let (pinned, now) = (pinned.short(), facts.digest.short());
                let (keeper, what) = match source.artifact {
                    Ok(Artifact::Git { .. }) => ("repository", "moved"),
                    _ => ("registry", "was pushed again"),
                };
                let message = format!("{tag} is pinned with {pinned}, the {keeper} has {now}: the tag {what}");
                part.reasons.push(Reason { code: ReasonCode::DigestDiffers, message, place });
            }
            _ => {
                part.verdict = Verdict::Current;
                part.to = Some(chosen.clone());
                let message = format!("runs {tag} already");
                part.reasons.push(Reason { code: ReasonCode::RunsVersion, message, place });
            }
        }
    }

    /// The version is newer than the pin: every rule is asked, so that all that say no are named at once.
    fn advance(
        &self,
        environment: &Environment,
        source: &Source,
        before: &Before<'a>,
        candidate: &Candidate<'_>,
        mut part: Part,
    ) -> Option<Part> {
        let parties = (source, environment, before);
        let mut judgement = judge(self.request, self.fleet, self.inquiry, parties, candidate)?;
        judgement.objections.extend(self.ownership(source));
        judgement.objections.extend(digest_rule(environment, source));
        if let Some(place) = &source.suspended {
            let message = "suspended: nothing happens until it is resumed".to_owned();
            judgement.grounds.push(Reason { code: ReasonCode::Suspended, message, place: Some(place.clone()) });
        }
        if let Some(verify) = &source.verify {
            self.signature(environment, verify, candidate, &mut judgement)?;
        }
        part.verdict = judgement.verdict();
        part.failure = judgement.failure.take();
        part.proofs = std::mem::take(&mut judgement.proofs);
        let (tag, digest) = (candidate.tag.clone(), candidate.digest.cloned());
        part.moves = vec![Move { source: source.id.clone(), tag, digest }];
        part.reasons = judgement.into_reasons();
        Some(part)
    }

    /// Production's own demand: only a signature that holds for exactly this content is yes.
    fn signature(
        &self,
        environment: &Environment,
        verify: &Verify,
        candidate: &Candidate<'_>,
        judgement: &mut Judgement,
    ) -> Option<()> {
        let (name, provider) = (&environment.name, &verify.provider);
        let reason = |code, message: String| Reason { code, message, place: Some(verify.place.clone()) };
        if let Demand::Unsupported(why) = &verify.demand {
            let message = format!("{name} asks for a {provider} signature: {why}");
            judgement.objections.push(reason(ReasonCode::SignatureUnverified, message));
            judgement.unknown = true;
            return Some(());
        }
        // Verifying starts a program: where others say no already, only a person who asks for this version waits for it.
        let is_moot = !judgement.objections.is_empty() && !matches!(self.request.goal, Goal::Version(_));
        let Some(digest) = candidate.digest.filter(|_| !is_moot) else { return Some(()) };
        match self.inquiry.signature(candidate.artifact, digest, &verify.demand)? {
            Signature::Holds(whose) => judgement.grounds.push(reason(ReasonCode::SignatureHolds, whose.to_owned())),
            Signature::None(why) => {
                let message = format!("{name} asks for a {provider} signature, and none holds: {why}");
                judgement.objections.push(reason(ReasonCode::SignatureMissing, message));
            }
            Signature::Failed(failure) => {
                let message =
                    format!("{name} asks for a {provider} signature, which can't be verified: {}", failure.message);
                judgement.objections.push(reason(ReasonCode::SignatureUnverified, message));
                judgement.unknown = true;
                judgement.failure = judgement.failure.take().or_else(|| Some(failure.clone()));
            }
        }
        Some(())
    }

    /// A value with a marker that an image update automation writes is the bot's.
    fn ownership(&self, source: &Source) -> Option<Reason> {
        let (_, value) = source.reference.fields.iter().find(|(_, value)| value.marker.is_some())?;
        let place = value.deciding_slot().map(|slot| slot.place.clone());
        let owned = self
            .fleet
            .inventory
            .findings
            .iter()
            .any(|finding| finding.code == FindingCode::OwnedByAutomation && finding.place == place);
        let policy = value.marker.as_deref().unwrap_or_default();
        let message = format!("an image update automation owns this value (`{policy}`)");
        owned.then_some(Reason { code: ReasonCode::OwnedByAutomation, message, place })
    }
}

/// Returns every name of an artifact in the registries that are one, if its own is among them.
fn names_of(artifact: &Artifact, same: &[String]) -> Vec<Artifact> {
    let Artifact::Oci(repository) = artifact else { return Vec::new() };
    // Parsed once more, since Docker Hub has several names itself.
    let at = |host: &String| OciRepository::parse(&format!("{host}/{}", repository.repository())).ok();
    let names: Vec<_> = same.iter().filter_map(at).collect();
    if names.contains(repository) { names.into_iter().map(Artifact::Oci).collect() } else { Vec::new() }
}

/// Tells whether a source's choice is an equality.
fn newest_is_pinned(source: &Source) -> bool {
    matches!(source.choice, Choice::Pin { field: FieldName::Semver | FieldName::Version, .. })
}

fn constraint_of(source: &Source) -> &str {
    match &source.choice {
        Choice::Range { constraint, .. } => constraint,
        _ => "a range",
    }
}

fn spelled(chosen: &Chosen) -> String {
    match (&chosen.tag, &chosen.version) {
        (Some(tag), _) => tag.to_string(),
        (None, Some(version)) => version.to_string(),
        (None, None) => chosen.digest.as_ref().map_or_else(String::new, |digest| digest.short()),
    }
}

/// `digest: required` wants a digest beside the tag; `promote` adds no key.
fn digest_rule(environment: &Environment, source: &Source) -> Option<Reason> {
    let rule = environment.rules.digest.as_ref().filter(|rule| rule.value == DigestRule::Required)?;
    if source.reference.field(FieldName::Digest).is_some() {
        return None;
    }
    let message = format!("{} requires a digest beside the tag, and none stands there", environment.name);
    Some(Reason { code: ReasonCode::DigestRequired, message, place: place_of(source).or_else(|| rule.place.clone()) })
}
