//! Who says what of a pull request: the trailers of its commits, its reviews, and the base branch's rules.

use std::collections::BTreeMap;

use super::claims::Claims;
use super::moved::Moved;
use crate::commands::reading::Reading;
use crate::forge::{Forge, PullRequest, ReviewVerdict};
use crate::git::Proposed;
use crate::model::{CheckResult, Failure, FindingCode, Level, Protection, ReasonCode, Version};

/// Compares what the trailers say with what moves.
pub fn trailers(claims: &Claims, moved: &[Moved<'_>], proposed: &Proposed) -> Vec<CheckResult> {
    let mut results = Vec::new();
    let mut differ = |level, message: String, of: Option<&Moved<'_>>| {
        let app = of.map(|moved| (moved.app().clone(), moved.environment().clone()));
        results.push(CheckResult { app, ..CheckResult::new(ReasonCode::TrailersDiffer, level, message, None) });
    };
    for one in moved {
        let Some(claim) = claims.claim(one.app(), one.environment()) else {
            let message = format!("no trailer says that it moves {} in {}", one.app(), one.environment());
            differ(Level::Error, message, Some(one));
            continue;
        };
        // Of an app of several parts a trailer names the version of one of them.
        let is_part = |other: &&Moved<'_>| other.app() == one.app() && other.environment() == one.environment();
        let parts: Vec<&Moved<'_>> = moved.iter().filter(is_part).collect();
        let from = |part: &&Moved<'_>| part.from.version.clone();
        let to = |part: &&Moved<'_>| part.to.version.clone();
        let versions: [(_, _, Vec<Version>); 2] = [
            ("From", &claim.from, parts.iter().filter_map(from).collect()),
            ("To", &claim.to, parts.iter().filter_map(to).collect()),
        ];
        for (key, said, versions) in versions {
            if let (Some(said), Some(is)) = (said, versions.first())
                && !versions.iter().any(|version| is_version(said, version))
            {
                differ(Level::Error, format!("the trailer Promote-{key} says {said}, and it is {is}"), Some(one));
            }
        }
        if claim.to.is_none() {
            differ(Level::Error, "no trailer says to which version it moves".to_owned(), Some(one));
        }
    }
    let places = moved.iter().map(|one| (one.app(), one.environment()));
    for (app, environment) in claims.beside(places) {
        differ(Level::Error, format!("a trailer says that it moves {app} in {environment}, and it doesn't"), None);
    }
    if results.is_empty() && !moved.is_empty() {
        let message = "the trailers of its commits say the same".to_owned();
        results.push(CheckResult::new(ReasonCode::TrailersAgree, Level::Ok, message, None));
    }
    for commit in &claims.silent {
        let message = format!("the commit {commit} says nothing of a promotion");
        results.push(CheckResult::new(ReasonCode::TrailersDiffer, Level::Warning, message, None));
    }
    if proposed.commits.is_empty() && !moved.is_empty() {
        let message = "it changes something, and no commit of it says what".to_owned();
        results.push(CheckResult::new(ReasonCode::TrailersDiffer, Level::Error, message, None));
    }
    results
}

/// A text that is no version, such as a digest, contradicts none.
fn is_version(said: &str, is: &Version) -> bool {
    Version::parse_flux(&said.replace('_', "+")).map_or(true, |said| said.precedence(is).is_eq())
}

/// Asks for the base branch's rules where an environment wants them to ask for an approval.
pub async fn protection(forge: &dyn Forge, reading: &Reading, moved: &[Moved<'_>]) -> Option<CheckResult> {
    let base = reading.base.as_ref()?;
    let rule = moved.iter().find_map(|one| {
        let environment = reading.stages.environment(one.environment())?;
        environment.rules.protection.as_ref().filter(|rule| rule.value == Protection::Require)
    })?;
    let code = FindingCode::BaseUnprotected;
    match forge.approvals(&base.branch).await {
        Ok(approvals) => {
            let message = approvals.objection(&base.branch)?;
            Some(CheckResult::of_finding(code, Level::Error, message, rule.place.clone()))
        }
        Err(error) => Some(unreadable(code.as_str(), Failure::of(&error))),
    }
}

/// Says who has approved: nobody approves what they asked for, or opened.
pub async fn approvals(forge: &dyn Forge, pull: &PullRequest, claims: &Claims) -> CheckResult {
    let reviews = match forge.reviews(pull.number).await {
        Ok(reviews) => reviews,
        Err(error) => return unreadable(ReasonCode::NotApproved.as_str(), Failure::of(&error)),
    };
    // Of each person the last word counts; a comment is none.
    let mut words: BTreeMap<String, (String, ReviewVerdict)> = BTreeMap::new();
    for review in reviews.into_iter().filter(|review| review.verdict != ReviewVerdict::Other) {
        let name = review.author.map_or_else(|| "somebody whose account is gone".to_owned(), |author| author.name);
        words.insert(name.to_lowercase(), (name, review.verdict));
    }
    let approvers: Vec<&str> = words
        .values()
        .filter(|(_, verdict)| *verdict == ReviewVerdict::Approved)
        .map(|(name, _)| name.as_str())
        .collect();
    let mut interested: Vec<String> = claims.requesters.clone();
    // A program opens for whoever asked it to.
    let author = pull.author.as_ref().filter(|author| !author.bot).map(|author| author.name.clone());
    interested.extend(author.filter(|author| !interested.iter().any(|one| one.eq_ignore_ascii_case(author))));
    let own: Vec<&str> =
        approvers.iter().filter(|name| interested.iter().any(|one| one.eq_ignore_ascii_case(name))).copied().collect();
    let asked = match (claims.requesters.as_slice(), interested.as_slice()) {
        ([], _) if claims.is_by_rules => "due by the rules".to_owned(),
        ([], []) => "who asked for it isn't known".to_owned(),
        ([], opened) => format!("opened by {}", opened.join(", ")),
        (asked, _) => format!("asked for by {}", asked.join(", ")),
    };
    let (code, level, message) = if !own.is_empty() {
        (ReasonCode::ApprovedByRequester, Level::Error, format!("approved by {} themselves; {asked}", own.join(", ")))
    } else if approvers.is_empty() {
        (ReasonCode::NotApproved, Level::Warning, format!("not approved yet; {asked}"))
    } else {
        let level = if interested.is_empty() && !claims.is_by_rules { Level::Warning } else { Level::Ok };
        (ReasonCode::Approved, level, format!("approved by {}; {asked}", approvers.join(", ")))
    };
    CheckResult::new(code, level, message, None)
}

fn unreadable(code: &'static str, failure: Failure) -> CheckResult {
    let (message, level) = (failure.message.clone(), Level::Error);
    CheckResult { code, level, message, place: None, app: None, failure: Some(failure) }
}
