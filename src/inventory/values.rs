//! Images in a `HelmRelease`'s values: `repository` beside `tag`, or an `$imagepolicy` marker.

use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use super::text::Spot;
use super::tree::{Leaf, Tree};
use crate::model::FieldName;

/// An image that a release's values choose.
pub(super) struct ValuesImage {
    /// Its name, if one stands beside the tag.
    pub name: Option<Rc<Leaf>>,
    /// A registry that stands beside it.
    pub registry: Option<Rc<Leaf>>,
    /// The marker, where nothing else tells the name.
    pub marker: Option<String>,
    /// Tag and digest.
    pub fields: Vec<(FieldName, Rc<Leaf>)>,
}

/// The parts of an image reference, or of a tag with a digest behind it.
pub(super) struct Parts {
    pub name: Option<Range<usize>>,
    pub tag: Option<Range<usize>>,
    pub digest: Option<Range<usize>>,
    whole: bool,
}

impl Parts {
    /// Splits a text: `kind` tells whether it begins with a name (`image`), a tag or a digest.
    pub fn of(text: &str, kind: &str) -> Self {
        let (before, digest) = match text.split_once('@') {
            Some((before, _)) => (before, Some(before.len() + 1..text.len())),
            None => (text, None),
        };
        let mut parts = Self { name: None, tag: None, digest, whole: false };
        match kind {
            "digest" => parts = Self { name: None, tag: None, digest: Some(0..text.len()), whole: true },
            "image" => {
                // A colon before the last slash belongs to a port.
                let slash = before.rfind('/').map_or(0, |at| at + 1);
                let colon = before.get(slash..).and_then(|last| last.find(':')).map(|at| slash + at);
                parts.name = Some(0..colon.unwrap_or(before.len()));
                parts.tag = colon.map(|at| at + 1..before.len());
            }
            _ => {
                parts.tag = (!before.is_empty()).then_some(0..before.len());
                parts.whole = parts.digest.is_none();
            }
        }
        parts
    }

    /// Returns the spots of tag and digest in a scalar.
    pub fn spots(&self, spot: &Spot) -> Vec<(Spot, &'static str)> {
        let part = |range: &Range<usize>| if self.whole { spot.clone() } else { spot.part(range.clone()) };
        let tag = self.tag.iter().map(|range| (part(range), "tag"));
        tag.chain(self.digest.iter().map(|range| (part(range), "digest"))).collect()
    }

    /// Returns tag and digest as leaves.
    fn leaves(&self, leaf: &Rc<Leaf>) -> Vec<(FieldName, Rc<Leaf>)> {
        let Ok(text) = &leaf.text else { return vec![(FieldName::Tag, Rc::clone(leaf))] };
        let of = |range: &Range<usize>| {
            if self.whole {
                return Rc::clone(leaf);
            }
            let mut chain = leaf.chain.clone();
            if let Some(last) = chain.last_mut().filter(|spot| spot.part.is_none() && spot.scalar_text() == Some(text))
            {
                *last = last.part(range.clone());
            }
            let text = Ok(Arc::from(text.get(range.clone()).unwrap_or_default()));
            Rc::new(Leaf { text, null: false, quoted: true, chain })
        };
        let digest = self.digest.iter().map(|range| (FieldName::Digest, of(range)));
        digest.chain(self.tag.iter().map(|range| (FieldName::Tag, of(range)))).collect()
    }
}

/// Tells what the scalar beside a marker is: an image, its tag or its digest; none for the name alone.
pub(super) fn kind_of_marker(marker: &str) -> Option<&'static str> {
    match marker.splitn(3, ':').nth(2) {
        None => Some("image"),
        Some("tag") => Some("tag"),
        Some("digest") => Some("digest"),
        Some(_) => None,
    }
}

/// Collects the images of a release's values, in order.
pub(super) fn images(values: &Tree, found: &mut Vec<ValuesImage>) {
    let leaf = |key: &str| values.leaf(&[key]).filter(|leaf| leaf.text.as_deref() != Ok(""));
    let mut taken = Vec::new();
    if let Some(name) = leaf("repository") {
        let mut fields = Vec::new();
        for (key, kind) in [("tag", "tag"), ("digest", "digest")] {
            if let Some(leaf) = leaf(key) {
                taken.push(key);
                fields.extend(parts_of(leaf, kind));
            }
        }
        if !fields.is_empty() {
            fields.sort_by_key(|(field, _)| *field);
            fields.dedup_by_key(|(field, _)| *field);
            let (name, registry) = (Some(Rc::clone(name)), leaf("registry").cloned());
            found.push(ValuesImage { name, registry, marker: None, fields });
        }
    }
    let entries = values.entries(&[]).iter().map(|(key, value)| (&**key, value));
    for (key, value) in entries.chain(values.items(&[]).iter().map(|item| ("", item))) {
        match value {
            Tree::Leaf(leaf) if !taken.contains(&key) => marked(leaf, found),
            Tree::Leaf(_) => {}
            _ => images(value, found),
        }
    }
}

fn marked(leaf: &Rc<Leaf>, found: &mut Vec<ValuesImage>) {
    let Some(marker) = leaf.chain.last().and_then(Spot::marker) else { return };
    let Some(kind) = kind_of_marker(&marker) else { return };
    let Ok(text) = &leaf.text else { return };
    let parts = Parts::of(text, kind);
    let name = parts.name.clone().and_then(|range| text.get(range)).map(Leaf::made);
    let fields = parts.leaves(leaf);
    if !fields.is_empty() {
        found.push(ValuesImage { name, registry: None, marker: Some(marker), fields });
    }
}

fn parts_of(leaf: &Rc<Leaf>, kind: &str) -> Vec<(FieldName, Rc<Leaf>)> {
    match &leaf.text {
        Ok(text) => Parts::of(text, kind).leaves(leaf),
        Err(_) if kind == "digest" => vec![(FieldName::Digest, Rc::clone(leaf))],
        Err(_) => vec![(FieldName::Tag, Rc::clone(leaf))],
    }
}
