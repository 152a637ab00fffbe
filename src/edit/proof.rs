//! The proof: the inventory computed again differs by exactly the plan.

use std::collections::{HashMap, HashSet};

use super::Refusal;
use crate::model::{Choice, Demand, Digest, Edit, EnvironmentName, FieldName, Inventory, Slot, Source, SourceId, Tag};

/// What is intended for each source.
type Intents<'a> = HashMap<(&'a EnvironmentName, &'a SourceId), Vec<&'a Intent>>;

/// What a source is to choose after the change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The environment.
    pub environment: EnvironmentName,
    /// The source in it.
    pub source: SourceId,
    /// The tag.
    pub tag: Tag,
    /// The digest, where one stands.
    pub digest: Option<Digest>,
}

/// Checks that the inventory after the change differs from the one before by exactly what was intended.
///
/// # Errors
/// [`Refusal::Ineffective`] for an intent that does not come true, [`Refusal::Unplanned`] for anything else that differs.
pub fn prove(before: &Inventory, after: &Inventory, edits: &[Edit], intended: &[Intent]) -> Result<(), Refusal> {
    let edited: HashSet<&Slot> = edits.iter().map(|edit| &edit.slot).collect();
    let mut intents: Intents<'_> = HashMap::new();
    for intent in intended {
        intents.entry((&intent.environment, &intent.source)).or_default().push(intent);
    }
    // The intents of which a source was found that is edited.
    let mut met: HashSet<(&EnvironmentName, &SourceId)> = HashSet::new();
    for (old, new) in before.sources.iter().zip(&after.sources) {
        if old.environment != new.environment || old.id != new.id {
            return Err(unplanned(old, "which objects are there"));
        }
        if old.artifact.as_ref().ok() != new.artifact.as_ref().ok() || old.artifact.is_ok() != new.artifact.is_ok() {
            return Err(unplanned(old, "the artifact"));
        }
        if old.suspended.is_some() != new.suspended.is_some()
            || old.helm_layer != new.helm_layer
            || demanded(old) != demanded(new)
        {
            return Err(unplanned(old, "what is around the version"));
        }
        let name = (&new.environment, &new.id);
        let for_it = intents.get(&name).filter(|_| is_edited(old, &edited)).map(Vec::as_slice).unwrap_or_default();
        if !for_it.is_empty() {
            met.insert(name);
        }
        match for_it {
            [] if texts(old) != texts(new) => return Err(unplanned(old, "the version")),
            [_, ..] if !for_it.iter().any(|intent| comes_true(intent, new)) => {
                return Err(Refusal::Ineffective {
                    what: format!("the version of `{}`", new.id.name),
                    environment: new.environment.clone(),
                    place: Some(new.place.clone()),
                });
            }
            _ => {}
        }
    }
    let (Some(longer), true) = (
        before.sources.get(after.sources.len()).or(after.sources.get(before.sources.len())),
        before.sources.len() != after.sources.len(),
    ) else {
        return all_met(&met, intended);
    };
    Err(unplanned(longer, "which objects are there"))
}

/// The signature that is demanded, wherever that is written.
fn demanded(source: &Source) -> Option<(&str, &Demand)> {
    source.verify.as_ref().map(|verify| (verify.provider.as_str(), &verify.demand))
}

/// Tells whether one of the places that decide a source is edited; its name alone may be another object's too.
fn is_edited(source: &Source, edited: &HashSet<&Slot>) -> bool {
    let mut slots = source.reference.fields.iter().filter_map(|(_, value)| value.deciding_slot());
    slots.any(|slot| edited.contains(slot))
}

fn all_met(met: &HashSet<(&EnvironmentName, &SourceId)>, intended: &[Intent]) -> Result<(), Refusal> {
    match intended.iter().find(|intent| !met.contains(&(&intent.environment, &intent.source))) {
        None => Ok(()),
        Some(missing) => Err(Refusal::Ineffective {
            what: format!("the version of `{}`", missing.source.name),
            environment: missing.environment.clone(),
            place: None,
        }),
    }
}

/// The effective texts, without where they are written: bytes before them may have moved.
pub(super) fn texts(source: &Source) -> Vec<(FieldName, Option<&str>)> {
    source.reference.fields.iter().map(|(field, value)| (*field, value.text.as_deref().ok())).collect()
}

fn comes_true(intent: &Intent, source: &Source) -> bool {
    let (tag, version, digest) = match &source.choice {
        Choice::Pin { tag, version, digest, .. } => (tag, version, digest),
        // A tag that is no version is chosen all the same.
        Choice::Floating { field: Some(FieldName::Tag), text } => return text == intent.tag.as_str(),
        _ => return false,
    };
    if intent.digest.is_some() && digest.is_some() && *digest != intent.digest {
        return false;
    }
    match (tag, version) {
        (Some(tag), _) if *tag == intent.tag => true,
        // A chart version writes `+` where the tag has `_`.
        (_, Some(version)) => version.original() == intent.tag.as_str().replace('_', "+"),
        (Some(_), None) => false,
        (None, None) => digest.is_some() && *digest == intent.digest,
    }
}

fn unplanned(source: &Source, what: &str) -> Refusal {
    Refusal::Unplanned {
        what: format!("{what} of `{}`", source.id.name),
        environment: source.environment.clone(),
        place: Some(source.place.clone()),
    }
}
