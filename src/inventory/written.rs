//! Every written version: where it stands, and what it decides.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use super::resource::{group_and_version, is_flux_group};
use super::sources::Found;
use super::text::{Spot, Text};
use crate::model::{EnvironmentName, FieldName, RepoPath, Slot, WrittenValue};
use crate::yaml::Node;

/// The written values so far, in order of path and position.
#[derive(Default)]
pub(super) struct Written {
    values: BTreeMap<(RepoPath, usize, usize, Slot), WrittenValue>,
}

impl Written {
    /// Adds what stands in a file at the fields that choose versions.
    pub fn add_file(&mut self, text: &Rc<Text>, environments: &[EnvironmentName]) {
        for (spot, kind) in spots(text) {
            let value = self.entry(&spot, kind);
            value.environments = environments.to_vec();
        }
    }

    /// Adds what a source was read from.
    pub fn add_source(&mut self, index: usize, found: &Found, reached: impl Fn(&RepoPath) -> Vec<EnvironmentName>) {
        for (field, spots) in &found.spots {
            let shadow = found.source.reference.field(*field).and_then(|value| value.shadowed_by);
            let shadow = shadow.and_then(|by| found.source.reference.field(by)?.deciding_slot());
            let filter = *field == FieldName::SemverFilter;
            for (at, spot) in spots.iter().enumerate().filter(|_| !filter) {
                let deciding = at + 1 == spots.len();
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
        let mut values: Vec<WrittenValue> = self.values.into_values().collect();
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

/// Returns the scalars of a file that stand at a field that chooses a version, and what each is.
fn spots(text: &Rc<Text>) -> Vec<(Spot, &'static str)> {
    let mut found = Vec::new();
    for document in &text.stream.documents {
        let mut collector = Collector { text, document: document.index, found: &mut found };
        collector.object(&document.root);
    }
    let mut seen = HashSet::new();
    found.retain(|(spot, _)| seen.insert((spot.span, spot.part)));
    found
}

struct Collector<'a> {
    text: &'a Rc<Text>,
    document: usize,
    found: &'a mut Vec<(Spot, &'static str)>,
}

impl Collector<'_> {
    fn object(&mut self, root: &Node) {
        let kind = root.text_at(&["kind"]).unwrap_or_default();
        let group = group_and_version(root.text_at(&["apiVersion"]).unwrap_or_default()).0;
        if kind.ends_with("List") {
            root.field("items").map(Node::items).unwrap_or_default().iter().for_each(|item| self.object(item));
        }
        if !is_flux_group(group) {
            return;
        }
        match kind {
            "OCIRepository" => self.fields(root, &["spec", "ref"], &["tag", "semver", "digest"]),
            "GitRepository" => self.fields(root, &["spec", "ref"], &["tag", "semver", "commit", "branch", "name"]),
            "HelmRelease" => self.fields(root, &["spec", "chart", "spec"], &["version"]),
            "HelmChart" => self.fields(root, &["spec"], &["version"]),
            _ => {}
        }
    }

    fn fields(&mut self, root: &Node, base: &[&str], keys: &[&'static str]) {
        let Some(parent) = base.iter().try_fold(root, |node, key| node.field(key)) else { return };
        for key in keys {
            let kind = if *key == "name" { "branch" } else { key };
            // A key that is written twice is a written version twice.
            for (_, value) in parent.entries().iter().filter(|(name, _)| name.text() == Some(key)) {
                self.scalar(value, kind);
            }
        }
    }

    fn scalar(&mut self, node: &Node, kind: &'static str) {
        let node = node.resolved();
        if let Some(scalar) = node.scalar().filter(|scalar| !scalar.is_null() && !scalar.text.is_empty()) {
            self.found.push((Spot::of(self.text, self.document, node, scalar), kind));
        }
    }
}
