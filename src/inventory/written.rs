//! Every written version: where it stands, and what it decides.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use super::scan::Scan;
use super::sources::Found;
use super::text::{Spot, Text};
use crate::model::{EnvironmentName, FieldName, Form, RepoPath, Slot, WrittenValue};

/// The written values so far, in order of path and position.
#[derive(Default)]
pub(super) struct Written {
    values: BTreeMap<(RepoPath, usize, usize, Slot), WrittenValue>,
}

impl Written {
    /// Adds what stands in files at the fields that choose versions.
    pub fn add_files(&mut self, texts: &[Rc<Text>], reached: impl Fn(&RepoPath) -> Vec<EnvironmentName>) {
        let scan = Scan::of(texts);
        for (spot, kind) in scan.found() {
            let environments = reached(&spot.text.path);
            self.entry(spot, kind).environments = environments;
        }
    }

    /// Adds what a source was read from.
    pub fn add_source(&mut self, index: usize, found: &Found, reached: impl Fn(&RepoPath) -> Vec<EnvironmentName>) {
        for (field, spots) in &found.spots {
            let shadow = found.source.reference.field(*field).and_then(|value| value.shadowed_by);
            let shadow = shadow.and_then(|by| found.source.reference.field(by)?.deciding_slot());
            let filter = *field == FieldName::SemverFilter;
            for (at, spot) in spots.iter().enumerate().filter(|_| !filter) {
                // What can't be told decides nothing that anybody could rely on.
                let known = found.source.reference.field(*field).is_some_and(|value| value.text.is_ok());
                let deciding = known && at + 1 == spots.len();
                let kind = if at == 0 { field.kind() } else { "variable" };
                let value = self.entry(spot, kind);
                if value.environments.is_empty() {
                    value.environments = reached(&spot.text.path);
                }
                match shadow {
                    Some(slot) if deciding => value.shadowed_by = Some(slot.place.clone()),
                    None if deciding => value.decides.push((index, *field)),
                    _ => {}
                }
            }
        }
    }

    /// Returns all of them; what decides something anywhere is not shadowed.
    pub fn into_values(self) -> Vec<WrittenValue> {
        // A scalar of which a part decides is listed once, as that part.
        let scalar = |value: &WrittenValue, spans: usize| {
            (value.slot.path().clone(), value.slot.spans.get(..spans).unwrap_or_default().to_vec())
        };
        let is_part = |value: &&WrittenValue| value.slot.spans.last().is_some_and(|span| span.form == Form::Part);
        let in_parts: HashSet<_> =
            self.values.values().filter(is_part).map(|value| scalar(value, value.slot.spans.len() - 1)).collect();
        let mut values: Vec<WrittenValue> = self.values.into_values().collect();
        if !in_parts.is_empty() {
            values.retain(|value| {
                !value.decides.is_empty() || !in_parts.contains(&scalar(value, value.slot.spans.len()))
            });
        }
        for value in &mut values {
            if !value.decides.is_empty() {
                value.shadowed_by = None;
            }
        }
        values
    }

    fn entry(&mut self, spot: &Spot, kind: &'static str) -> &mut WrittenValue {
        let slot = spot.slot();
        let start = slot.spans.first().map_or(0, |span| span.start);
        let key = (slot.place.path.clone(), slot.place.line, start, slot.clone());
        self.values.entry(key).or_insert_with(|| written(spot, slot, kind))
    }
}

fn written(spot: &Spot, slot: Slot, kind_of_value: &'static str) -> WrittenValue {
    // Operations of a patch have no kind of their own: the object around them has.
    let mut around = Some(spot);
    while let Some(outer) = around.filter(|spot| spot.root().is_none_or(|root| root.field("kind").is_none())) {
        around = outer.outer();
    }
    let object = around.unwrap_or(spot);
    let text = |keys: &[&str]| object.root().and_then(|root| root.text_at(keys)).map(str::to_owned);
    WrittenValue {
        document: spot.file_document(),
        kind: text(&["kind"]).unwrap_or_default(),
        namespace: text(&["metadata", "namespace"]),
        name: text(&["metadata", "name"]),
        field: field(spot, object),
        text: spot.scalar_text().unwrap_or_default().to_owned(),
        kind_of_value,
        shadowed_by: None,
        decides: Vec::new(),
        environments: Vec::new(),
        slot,
    }
}

/// The path from the object to the scalar, through the scalars whose text it stands in.
fn field(spot: &Spot, object: &Spot) -> String {
    let own = spot.field().unwrap_or_default();
    if Rc::ptr_eq(&spot.text, &object.text) {
        return own;
    }
    match spot.outer() {
        Some(outer) if own.starts_with('[') => format!("{}{own}", field(outer, object)),
        Some(outer) => format!("{}.{own}", field(outer, object)),
        None => own,
    }
}
