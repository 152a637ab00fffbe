//! The places that decide versions, as far as others might write them.

use std::collections::BTreeSet;

use crate::model::{AppName, Choice, EnvironmentName, FieldName, Inventory, Place, RepoPath, Slot, SourceKind, Stages};
use crate::planner;

/// A place that decides a version of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where it is written.
    pub place: Place,
    /// The app it decides.
    pub app: AppName,
    /// The kind of object.
    pub source: SourceKind,
    /// The field of it.
    pub field: FieldName,
    /// The kind of the object as written there.
    pub written_in: String,
    /// The `$imagepolicy` marker beside it.
    pub marker: Option<String>,
    /// Whether it is a pin, which a promotion moves.
    pub is_pin: bool,
    /// Whether it decides production.
    pub in_production: bool,
}

impl Target {
    /// Returns the file.
    pub fn path(&self) -> &RepoPath {
        &self.place.path
    }
}

/// Returns the environments that are production; all of them where nothing tells which.
pub fn production(stages: &Stages) -> BTreeSet<&EnvironmentName> {
    let told = planner::production(stages);
    if told.is_empty() { stages.environments().map(|environment| &environment.name).collect() } else { told }
}

/// Returns every place that decides a version, each once, in order.
pub fn targets(inventory: &Inventory, stages: &Stages) -> Vec<Target> {
    let production = production(stages);
    let mut found: Vec<Target> = Vec::new();
    for source in &inventory.sources {
        for (field, value) in &source.reference.fields {
            let Some(slot) = value.deciding_slot().filter(|_| value.shadowed_by.is_none()) else { continue };
            let target = Target {
                place: slot.place.clone(),
                app: source.app.clone(),
                source: source.id.kind,
                field: *field,
                written_in: written_in(inventory, slot),
                marker: value.marker.clone(),
                is_pin: matches!(source.choice, Choice::Pin { .. }),
                in_production: production.contains(&source.environment),
            };
            match found.iter_mut().find(|known| known.place == target.place) {
                Some(known) => {
                    known.in_production |= target.in_production;
                    known.is_pin |= target.is_pin;
                }
                None => found.push(target),
            }
        }
    }
    found.sort_by(|one, two| one.place.cmp(&two.place));
    found
}

fn written_in(inventory: &Inventory, slot: &Slot) -> String {
    inventory.written_at(slot).map(|written| written.kind.clone()).unwrap_or_default()
}
