//! What a change that somebody else made does to the sources: which versions move, and which pins are lost.

use std::collections::{HashMap, VecDeque};

use super::proof::texts;
use crate::model::{Choice, Chosen, EnvironmentName, Inventory, Source, SourceId};

/// A source that a change alters, adds or removes.
#[derive(Clone, Copy, Debug)]
pub struct Difference<'a> {
    /// What it is before; none if it is new.
    pub before: Option<&'a Source>,
    /// What it is afterwards; none if it is gone.
    pub after: Option<&'a Source>,
}

/// What a difference does to a pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It pins something else.
    Moves {
        /// What was pinned.
        from: Chosen,
        /// What is pinned afterwards.
        to: Chosen,
    },
    /// It pins no more.
    Lost,
    /// There was none before.
    New(Chosen),
    /// The object is gone.
    Removed,
    /// There is none, before or afterwards.
    Unpinned,
}

/// Returns every source that differs, in the order of the inventory before; new ones come last.
pub fn differences<'a>(before: &'a Inventory, after: &'a Inventory) -> Vec<Difference<'a>> {
    let mut new: Vec<Option<&'a Source>> = after.sources.iter().map(Some).collect();
    let mut places: HashMap<_, VecDeque<usize>> = HashMap::new();
    for (at, source) in after.sources.iter().enumerate() {
        places.entry(key(source)).or_default().push_back(at);
    }
    let mut found: Vec<Difference<'a>> = Vec::new();
    for old in &before.sources {
        let at = places.get_mut(&key(old)).and_then(VecDeque::pop_front);
        let same = at.and_then(|at| new.get_mut(at)).and_then(Option::take);
        found.push(Difference { before: Some(old), after: same });
    }
    new.retain(Option::is_some);
    // What was renamed is known by what it reads.
    for lone in found.iter_mut().filter(|difference| difference.after.is_none()) {
        lone.after = lone.before.and_then(|old| {
            take(&mut new, |source| {
                let is_same = source.artifact.is_ok() && source.artifact.as_ref().ok() == old.artifact.as_ref().ok();
                source.environment == old.environment && source.id.kind == old.id.kind && is_same
            })
        });
    }
    found.extend(new.into_iter().flatten().map(|source| Difference { before: None, after: Some(source) }));
    found.retain(Difference::is_one);
    found
}

fn take<'a>(sources: &mut [Option<&'a Source>], fits: impl Fn(&Source) -> bool) -> Option<&'a Source> {
    sources.iter_mut().find(|source| source.is_some_and(&fits)).and_then(Option::take)
}

fn key(source: &Source) -> (&EnvironmentName, &SourceId) {
    (&source.environment, &source.id)
}

impl<'a> Difference<'a> {
    /// Returns the environment that it is in.
    pub fn environment(&self) -> Option<&'a EnvironmentName> {
        self.before.or(self.after).map(|source| &source.environment)
    }

    /// Tells whether the artifact is another one, or can no longer be told.
    pub fn reads_elsewhere(&self) -> bool {
        match (self.before, self.after) {
            (Some(old), Some(new)) => old.artifact.as_ref().ok() != new.artifact.as_ref().ok(),
            _ => false,
        }
    }

    /// Returns what becomes of the pin.
    pub fn fate(&self) -> Fate {
        match (self.before.and_then(pinned), self.before, self.after.and_then(pinned), self.after) {
            (Some(from), _, Some(to), _) => Fate::Moves { from, to },
            (Some(_), _, None, Some(_)) => Fate::Lost,
            (Some(_), _, None, None) => Fate::Removed,
            (None, _, Some(to), _) => Fate::New(to),
            (None, ..) => Fate::Unpinned,
        }
    }

    fn is_one(&self) -> bool {
        match (self.before, self.after) {
            (Some(old), Some(new)) => texts(old) != texts(new) || self.reads_elsewhere(),
            _ => true,
        }
    }
}

/// Returns what a source pins.
fn pinned(source: &Source) -> Option<Chosen> {
    match &source.choice {
        Choice::Pin { tag, version, digest, .. } => {
            Some(Chosen { tag: tag.clone(), version: version.clone(), digest: digest.clone() })
        }
        _ => None,
    }
}
