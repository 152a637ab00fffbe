//! The message of a commit: a title, a reason, and trailers that nothing can override.

use jiff::Timestamp;
use serde::Serialize;

use super::promotion::{Before, Direction, Move, Overrides, Promotion};
use super::{BODY_LIMIT, exception, title, version, without_gaps};
use crate::model::{EnvironmentName, Evidence};
use crate::report::inert;
use crate::report::template::{self, Error, Template};

const COMMIT: Template<'static> =
    Template { name: "templates/commit.txt", text: include_str!("../../../templates/commit.txt") };

/// What a commit message's template sees.
#[derive(Serialize)]
struct CommitView {
    title: String,
    exception: Option<String>,
    reason: Option<String>,
    app: String,
    environments: Vec<String>,
    from: Option<String>,
    to: String,
}

/// Writes the message of the commit for one of the moves; its trailers can't be overridden.
///
/// # Errors
/// [`Error`] if an override can't be filled.
pub fn commit_message(promotion: &Promotion, one: &Move, overrides: Overrides<'_>) -> Result<String, Error> {
    let alone = Promotion { moves: vec![one.clone()], target: place_of(promotion, one), ..promotion.clone() };
    let view = CommitView {
        title: title(&alone),
        exception: exception(promotion).map(|text| inert::plain(&text)),
        reason: promotion.reason.as_deref().map(inert::plain),
        app: inert::plain(one.app.as_str()),
        environments: one.environments.iter().map(|name| inert::plain(name.as_str())).collect(),
        from: one.from.as_ref().map(version),
        to: version(&one.to),
    };
    let message = template::fill(overrides.commit.unwrap_or(COMMIT), &view, BODY_LIMIT)?;
    Ok(format!("{}\n\n{}\n", without_gaps(&message).trim_end(), trailers(promotion, one).join("\n")))
}

fn place_of(promotion: &Promotion, one: &Move) -> EnvironmentName {
    match one.environments.as_slice() {
        [only] => only.clone(),
        _ => promotion.target.clone(),
    }
}

fn trailers(promotion: &Promotion, one: &Move) -> Vec<String> {
    let mut trailers = vec![format!("Promote-App: {}", inert::plain(one.app.as_str()))];
    let mut add = |key: &str, value: String| {
        // Git reads a trailer's value to the end of its line; an inert text has no other.
        trailers.push(format!("Promote-{key}: {value}"));
    };
    for environment in &one.environments {
        add("Environment", inert::plain(environment.as_str()));
    }
    if let Some(from) = &one.from {
        add("From", version(from));
    }
    add("To", version(&one.to));
    if let Some(digest) = &one.to.digest {
        add("Digest", digest.to_string());
    }
    for before in &one.before {
        add("Evidence", evidence(before));
    }
    if let Some(requester) = &promotion.requester {
        add("Requested-By", format!("{} ({})", inert::plain(&requester.name), inert::plain(&requester.origin)));
    }
    if let Some(reason) = &promotion.reason {
        add("Reason", inert::plain(reason));
    }
    if !promotion.waived.is_empty() {
        let rules = promotion.waived.iter().map(|waived| inert::plain(&waived.rule)).collect::<Vec<_>>();
        add("Waived", rules.join(","));
    }
    if let (Direction::Back, Some(from)) = (promotion.direction, &one.from) {
        add("Rolled-Back", version(from));
    }
    trailers
}

fn evidence(before: &Before) -> String {
    let minutes = |time: &Timestamp| time.strftime("%Y-%m-%dT%H:%MZ").to_string();
    let word = match before.evidence {
        Evidence::Admitted => "admitted",
        Evidence::Selected => "selected",
    };
    let times = match &before.seen {
        Some((first, Some(left))) => format!(" {}..{}", minutes(first), minutes(left)),
        Some((first, None)) => format!(" since {}", minutes(first)),
        None => String::new(),
    };
    format!("{word} in {}{times}", inert::plain(before.name.as_str()))
}
