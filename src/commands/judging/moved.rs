//! A pin that a pull request moves: from what, to what, and what is known of the content.

use std::cmp::Ordering;

use crate::edit::{Difference, Fate};
use crate::model::{AppName, Choice, Chosen, Digest, EnvironmentName, FieldName, Source, Tag};
use crate::planner::spellings;
use crate::report::documents::spelled;

/// A pin that a pull request moves.
pub struct Moved<'a> {
    /// The source as the base has it.
    pub before: &'a Source,
    /// The source with the pull request merged.
    pub after: &'a Source,
    /// What is pinned now.
    pub from: Chosen,
    /// What would be pinned.
    pub to: Chosen,
    /// What the registry has now, if it was asked.
    pub now: Option<Digest>,
}

/// Which way it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// To a newer version.
    Forward,
    /// To an older one.
    Back,
    /// To the same, written or read otherwise.
    Same,
    /// One of the versions can't be told.
    Unknown,
}

impl<'a> Moved<'a> {
    /// Takes a difference that moves a pin.
    pub fn of(difference: &Difference<'a>) -> Option<Self> {
        let Fate::Moves { from, to } = difference.fate() else { return None };
        Some(Self { before: difference.before?, after: difference.after?, from, to, now: None })
    }

    /// Returns the app.
    pub fn app(&self) -> &'a AppName {
        &self.before.app
    }

    /// Returns the environment.
    pub fn environment(&self) -> &'a EnvironmentName {
        &self.before.environment
    }

    /// Returns the tag that would be pinned, as registries spell it.
    pub fn tag(&self) -> Option<Tag> {
        tag_of(&self.to)
    }

    /// Returns the digest that stands there afterwards, else the one that the registry has.
    pub fn digest(&self) -> Option<&Digest> {
        self.to.digest.as_ref().or(self.now.as_ref())
    }

    /// Returns which way it goes.
    pub fn direction(&self) -> Direction {
        match (&self.from.version, &self.to.version) {
            (Some(from), Some(to)) => match from.precedence(to) {
                Ordering::Less => Direction::Forward,
                Ordering::Greater => Direction::Back,
                Ordering::Equal => Direction::Same,
            },
            _ => Direction::Unknown,
        }
    }

    /// Returns both versions: `v1.2.1 -> v1.2.3`.
    pub fn versions(&self) -> String {
        let text = |chosen: &Chosen| spelled(chosen).unwrap_or_else(|| "?".to_owned());
        format!("{} -> {}", text(&self.from), text(&self.to))
    }
}

fn tag_of(chosen: &Chosen) -> Option<Tag> {
    // A chart's version may hold a `+`, which its tag spells `_`.
    let of_version = || chosen.version.as_ref()?.original().replace('+', "_").parse().ok();
    chosen.tag.clone().or_else(of_version)
}

/// Returns the tags, or the digest, under which the registry is asked for what a source pins.
pub fn references(source: &Source) -> Vec<String> {
    let Choice::Pin { field, tag, version, digest } = &source.choice else { return Vec::new() };
    let chosen = Chosen { tag: tag.clone(), version: version.clone(), digest: digest.clone() };
    match (field, tag_of(&chosen)) {
        (FieldName::Semver | FieldName::Version, Some(tag)) => spellings(tag.as_str()),
        (_, Some(tag)) => vec![tag.to_string()],
        (_, None) => digest.iter().map(ToString::to_string).collect(),
    }
}
