//! Image tags that kustomizations choose: `images[].newTag` and `digest`.

use std::rc::Rc;

use super::text::Spot;
use super::tree::{Leaf, Tree};

/// An image, and the tag and digest that kustomizations give it.
#[derive(Clone)]
pub(super) struct Image {
    /// The name as it was last written.
    pub name: String,
    /// `newTag`.
    pub tag: Option<Rc<Leaf>>,
    /// `digest`.
    pub digest: Option<Rc<Leaf>>,
    /// Where it is written.
    pub spot: Option<Spot>,
}

/// One entry of `images`.
#[derive(Clone)]
pub(super) struct Entry {
    name: String,
    new_name: Option<String>,
    tag: Option<Rc<Leaf>>,
    digest: Option<Rc<Leaf>>,
    spot: Option<Spot>,
}

impl Entry {
    /// Returns what kustomize doesn't read as a string.
    pub fn retyped(&self) -> Option<&Rc<Leaf>> {
        [&self.tag, &self.digest].into_iter().flatten().find(|leaf| leaf.retyped().is_some())
    }
}

/// Reads a list of `images`.
pub(super) fn entries(items: &[Tree]) -> Vec<Entry> {
    let given = |item: &Tree, key: &str| item.leaf(&[key]).filter(|leaf| leaf.text.as_deref() != Ok("")).cloned();
    let entry = |item: &Tree| {
        Some(Entry {
            name: item.text(&["name"])?.to_owned(),
            new_name: item.text(&["newName"]).filter(|name| !name.is_empty()).map(str::to_owned),
            tag: given(item, "newTag"),
            digest: given(item, "digest"),
            spot: item.first_spot().cloned(),
        })
    };
    items.iter().filter_map(entry).collect()
}

/// Merges a Flux Kustomization's images into a kustomization's own, by name.
pub(super) fn merge(own: &mut Vec<Entry>, flux: &[Entry]) {
    for entry in flux {
        match own.iter_mut().find(|other| other.name == entry.name) {
            None => own.push(entry.clone()),
            Some(other) => {
                if entry.new_name.is_some() {
                    other.new_name.clone_from(&entry.new_name);
                }
                // Flux replaces both, so that a tag never stands beside another tag's digest.
                if entry.tag.is_some() || entry.digest.is_some() {
                    other.tag.clone_from(&entry.tag);
                    other.digest.clone_from(&entry.digest);
                    other.spot.clone_from(&entry.spot);
                }
            }
        }
    }
}

/// Applies entries to the images that the bases chose.
pub(super) fn apply(images: &mut Vec<Image>, entries: &[Entry]) {
    for entry in entries {
        let name = entry.new_name.clone().unwrap_or_else(|| entry.name.clone());
        let mut matched = false;
        for image in images.iter_mut().filter(|image| image.name == entry.name) {
            matched = true;
            image.name.clone_from(&name);
            if entry.tag.is_some() || entry.digest.is_some() {
                image.tag.clone_from(&entry.tag);
                image.digest.clone_from(&entry.digest);
                image.spot.clone_from(&entry.spot);
            }
        }
        if !matched && (entry.tag.is_some() || entry.digest.is_some()) {
            let (tag, digest, spot) = (entry.tag.clone(), entry.digest.clone(), entry.spot.clone());
            images.push(Image { name, tag, digest, spot });
        }
    }
}
