//! Image tags that kustomizations choose: `images[].newTag` and `digest`.

use std::collections::HashSet;
use std::rc::Rc;

use super::patch::Content;
use super::text::Spot;
use super::tree::{Leaf, Tree};
use crate::yaml::{self, Node};

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

    /// Returns the image that it is for.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the name that it gives the image.
    pub fn new_name(&self) -> Option<String> {
        self.new_name.clone()
    }

    /// Returns where it is written.
    pub fn spot(&self) -> Option<&Spot> {
        self.spot.as_ref()
    }

    /// Tells whether one of these images is what it is for; the new name is one of them then.
    pub fn is_used(&self, names: &mut HashSet<String>) -> bool {
        // kustomize takes the name for an expression: what is more than a name may mean any.
        let is_name = self.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-:".contains(&byte));
        let used = !is_name || names.contains(&self.name);
        if let Some(new) = self.new_name.as_ref().filter(|_| used) {
            names.insert(new.clone());
        }
        used
    }
}

/// Adds the names of the images that stand in an object as it is written.
pub(super) fn in_object(node: &Node, names: &mut HashSet<String>) {
    match &node.content {
        yaml::Content::Mapping(entries) => {
            for (key, value) in entries {
                if key.text() == Some("image") {
                    let text = value.text().or_else(|| value.text_at(&["reference"]));
                    names.extend(text.map(name_of));
                }
                in_object(value.resolved(), names);
            }
        }
        yaml::Content::Sequence(items) => items.iter().for_each(|item| in_object(item.resolved(), names)),
        yaml::Content::Scalar(_) | yaml::Content::Alias(..) => {}
    }
}

/// Adds whatever a patch may put in the place of an image: any text of it.
pub(super) fn in_patch(content: &Content, names: &mut HashSet<String>) {
    fn add(tree: &Tree, names: &mut HashSet<String>) {
        match tree {
            Tree::Leaf(leaf) => names.extend(leaf.text.as_deref().ok().map(name_of)),
            Tree::Map(entries) => entries.iter().for_each(|(_, value)| add(value, names)),
            Tree::List(items) => items.iter().for_each(|item| add(item, names)),
        }
    }
    match content {
        Content::Merge(resources) => {
            let others = resources.iter().filter(|resource| resource.is_header_only());
            others.filter_map(|resource| resource.tree.at(&["spec"])).for_each(|spec| add(spec, names));
        }
        Content::Operations(operations) => {
            operations.iter().filter_map(|operation| operation.field("value")).for_each(|value| add(value, names));
        }
        Content::Nothing => {}
    }
}

/// The name of an image, without tag and digest.
fn name_of(reference: &str) -> String {
    let name = reference.split('@').next().unwrap_or(reference);
    let tag = name.rfind(':').filter(|at| name.get(*at..).is_some_and(|rest| !rest.contains('/')));
    name.get(..tag.unwrap_or(name.len())).unwrap_or(name).to_owned()
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
