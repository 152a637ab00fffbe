//! For each tag: may it go there, and each rule that says no.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::evidence::{Before, Candidate};
use super::inquiry::Inquiry;
use super::judgement::judge;
use super::running::{Running, place_of, running, version_of};
use super::{Answers, Fleet, Question, Request};
use crate::model::{AppName, Environment, Reason, ReasonCode, Source, Tag, TagVerdict, Verdict, Version};

/// Every tag's verdict, or what must be asked first.
#[derive(Clone, Debug, PartialEq)]
pub enum Tagged {
    /// Newest version first within an environment, then what is no version.
    Done(Vec<TagVerdict>),
    /// These questions must be answered first.
    Needs(BTreeSet<Question>),
}

/// Judges every tag of an app for each asked environment that pins it.
///
/// Only tags are looked at, not their content: one listing answers all.
pub fn why(request: &Request, fleet: Fleet<'_>, answers: &Answers) -> Tagged {
    let inquiry = Inquiry::new(answers);
    let mut verdicts = Vec::new();
    for app in &request.apps {
        for environment in fleet.stages.environments() {
            let asked = request.environments.as_ref().is_none_or(|only| only.contains(&environment.name));
            let source = fleet.inventory.sources_of(app, &environment.name).next().filter(|_| asked);
            verdicts.extend(
                source
                    .and_then(|source| tags(request, fleet, &inquiry, (app, environment, source)))
                    .into_iter()
                    .flatten(),
            );
        }
    }
    let open = inquiry.into_open();
    if open.is_empty() { Tagged::Done(verdicts) } else { Tagged::Needs(open) }
}

fn tags<'a>(
    request: &Request,
    fleet: Fleet<'a>,
    inquiry: &Inquiry<'a>,
    (app, environment, source): (&'a AppName, &Environment, &Source),
) -> Option<Vec<TagVerdict>> {
    let Running::Pinned(chosen) = running(source, inquiry)? else { return Some(Vec::new()) };
    let (Ok(artifact), Some(pinned)) = (&source.artifact, &chosen.version) else { return Some(Vec::new()) };
    let Ok(listed) = inquiry.tags(artifact)? else { return Some(Vec::new()) };
    let mut tags: Vec<(Tag, Option<Version>)> = listed
        .iter()
        .filter_map(|tag| tag.parse::<Tag>().ok())
        .map(|tag| (tag.clone(), version_of(source, &tag)))
        .collect();
    tags.sort_by(|(one, this), (two, that)| match (this, that) {
        (Some(this), Some(that)) => that.precedence(this),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => one.as_str().cmp(two.as_str()),
    });
    tags.dedup_by(|(one, _), (two, _)| one == two);
    let sources: Vec<_> = fleet.inventory.sources.iter().filter(|source| source.app == *app).collect();
    let before = Before::of(&sources, environment, source, fleet);
    let mut verdicts = Vec::new();
    let mut newest: Option<Tag> = None;
    for (tag, version) in tags {
        let place = place_of(source);
        let reason = |code, message: String| Reason { code, message, place: place.clone() };
        let (verdict, mut reasons) = match &version {
            None => (Verdict::Blocked, vec![reason(ReasonCode::NotAVersion, "not a version".to_owned())]),
            Some(version) => match version.precedence(pinned) {
                Ordering::Equal => (Verdict::Current, vec![reason(ReasonCode::RunsVersion, "runs".to_owned())]),
                Ordering::Less => (Verdict::Blocked, vec![reason(ReasonCode::Older, "older".to_owned())]),
                Ordering::Greater => {
                    let candidate = Candidate { artifact, tag: &tag, version, digest: None };
                    let judgement = judge(request, fleet, inquiry, (source, environment, &before), &candidate)?;
                    (judgement.verdict(), judgement.into_reasons())
                }
            },
        };
        if verdict == Verdict::Advance {
            match &newest {
                Some(newest) => {
                    reasons.insert(0, reason(ReasonCode::NewerExists, format!("but {newest} is newer")));
                }
                None => newest = Some(tag.clone()),
            }
        }
        verdicts.push(TagVerdict { tag: tag.to_string(), environment: environment.name.clone(), verdict, reasons });
    }
    Some(verdicts)
}
