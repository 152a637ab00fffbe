//! Patches: strategic merges and JSON 6902 operations.

use std::rc::Rc;

use super::resource::Resource;
use super::selector::{Selector, is_same};
use super::text::{Spot, Text};
use super::tree::{Leaf, Tree};

/// A patch, and what it is for.
pub(super) struct Patch {
    pub content: Content,
    pub target: Option<Selector>,
    /// Where it is written.
    pub spot: Option<Spot>,
    /// Whether an object that it renames is still found by its former name: not with `patchesJson6902`.
    pub remembers_names: bool,
}

/// What a patch does.
pub(super) enum Content {
    /// Objects that are merged in.
    Merge(Vec<Resource>),
    /// Operations, in order.
    Operations(Vec<Tree>),
}

/// What became of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was applied; a target that matches nothing is no error.
    Applied,
    /// It names an object that isn't there: kustomize fails.
    Unmatched,
    /// One of its operations has nothing to work on: kustomize fails.
    Impossible,
}

/// What became of an object.
enum Merged {
    Kept,
    Deleted,
}

impl Content {
    /// Reads a patch by its content, as kustomize does; none if it is neither.
    pub fn of(text: &Rc<Text>) -> Option<Self> {
        let first = text.stream.documents.first()?;
        if let Tree::List(operations) = Tree::of(&first.root, text, first.index) {
            return Some(Self::Operations(operations));
        }
        let resource = |document: &crate::yaml::Document| {
            let tree = Tree::of(&document.root, text, document.index);
            matches!(tree, Tree::Map(_)).then(|| Resource {
                tree,
                before: Vec::new(),
                text: Rc::clone(text),
                document: document.index,
            })
        };
        let resources: Vec<Resource> = text.stream.documents.iter().filter_map(resource).collect();
        (!resources.is_empty()).then_some(Self::Merge(resources))
    }
}

/// Reads the text of a leaf as YAML; its scalars' spots are inside it where it is written as it is read.
pub(super) fn text_of(leaf: &Leaf) -> Option<Rc<Text>> {
    let text = leaf.text.as_ref().ok()?;
    let spot = leaf.chain.last()?;
    Some(Text::inside(spot.clone(), text))
}

impl Patch {
    /// Applies it.
    pub fn apply(&self, resources: &mut Vec<Rc<Resource>>) -> Outcome {
        match (&self.content, &self.target) {
            (Content::Merge(patches), None) => {
                let unmatched = patches.iter().filter(|patch| !merge_into_named(patch, resources)).count();
                if unmatched == 0 { Outcome::Applied } else { Outcome::Unmatched }
            }
            (Content::Merge(patches), Some(target)) => {
                for patch in patches {
                    resources.retain_mut(|resource| {
                        !target.admits(resource) || matches!(merge(Rc::make_mut(resource), patch), Merged::Kept)
                    });
                }
                Outcome::Applied
            }
            (Content::Operations(_), None) => Outcome::Unmatched,
            (Content::Operations(operations), Some(target)) => self.operate(operations, target, resources),
        }
    }

    fn operate(&self, operations: &[Tree], target: &Selector, resources: &mut [Rc<Resource>]) -> Outcome {
        let mut outcome = Outcome::Applied;
        for resource in resources.iter_mut().filter(|resource| target.admits(resource)) {
            let resource = Rc::make_mut(resource);
            let header_only = resource.is_header_only();
            let before = resource.id();
            for operation in operations {
                // Of objects that choose no version only the names are there.
                if operate(&mut resource.tree, operation).is_none() && !header_only {
                    outcome = Outcome::Impossible;
                }
            }
            if self.remembers_names {
                resource.renamed_from(before);
            }
        }
        outcome
    }
}

fn merge_into_named(patch: &Resource, resources: &mut Vec<Rc<Resource>>) -> bool {
    let id = patch.id();
    let current = resources.iter().position(|resource| is_same(&resource.id(), &id));
    let any = || resources.iter().position(|resource| resource.before.iter().any(|before| is_same(before, &id)));
    let Some(at) = current.or_else(any) else { return false };
    if let Some(resource) = resources.get_mut(at)
        && matches!(merge(Rc::make_mut(resource), patch), Merged::Deleted)
    {
        resources.remove(at);
    }
    true
}

fn merge(resource: &mut Resource, patch: &Resource) -> Merged {
    match patch.tree.text(&["$patch"]) {
        Some("delete") => return Merged::Deleted,
        Some("replace") => {
            let name = resource.tree.at(&["metadata"]).cloned();
            resource.tree = patch.tree.clone();
            resource.tree.remove("$patch");
            if let Some(name) = name {
                resource.tree.set("metadata", name);
            }
            return Merged::Kept;
        }
        _ => {}
    }
    let Tree::Map(entries) = &patch.tree else { return Merged::Kept };
    for (key, value) in entries {
        match &**key {
            // A patch names the object, it does not rename it.
            "apiVersion" | "kind" => {}
            "metadata" => {
                let mut metadata = value.clone();
                metadata.remove("name");
                metadata.remove("namespace");
                let mut map = Tree::Map(vec![("metadata".into(), metadata)]);
                if let Some(metadata) = map.remove("metadata") {
                    merge_key(&mut resource.tree, "metadata", &metadata);
                }
            }
            // Of objects that choose no version only the names are kept.
            _ if resource.is_header_only() => {}
            key => merge_key(&mut resource.tree, key, value),
        }
    }
    Merged::Kept
}

/// Merges without a schema, as custom resources are: mappings by key, lists and scalars replaced, null removes.
fn merge_key(base: &mut Tree, key: &str, value: &Tree) {
    if value.is_null() {
        base.remove(key);
        return;
    }
    let Tree::Map(entries) = value else {
        base.set(key, value.clone());
        return;
    };
    match value.text(&["$patch"]) {
        Some("delete") => {
            base.remove(key);
            return;
        }
        Some("replace") => {
            let mut value = value.clone();
            value.remove("$patch");
            base.set(key, value);
            return;
        }
        _ => {}
    }
    if !matches!(base.field(key), Some(Tree::Map(_))) {
        base.set(key, Tree::Map(Vec::new()));
    }
    if let Some(base) = base.field_mut(key) {
        for (key, value) in entries.iter().filter(|(key, _)| !key.starts_with('$')) {
            merge_key(base, key, value);
        }
    }
}

/// Applies one operation of JSON 6902; none if it is impossible.
fn operate(tree: &mut Tree, operation: &Tree) -> Option<()> {
    let path = pointer(operation.text(&["path"])?)?;
    match operation.text(&["op"])? {
        "add" => insert(tree, &path, operation.field("value")?.clone(), true),
        "replace" => {
            let there = path.iter().try_fold(&*tree, |tree, key| child(tree, key)).is_some();
            // kubectl's kustomize adds what is missing, Flux's fails.
            insert(tree, &path, operation.field("value")?.clone(), !there)?;
            there.then_some(())
        }
        "test" => Some(()),
        "remove" => take(tree, &path).map(drop),
        "move" => {
            let value = take(tree, &pointer(operation.text(&["from"])?)?)?;
            insert(tree, &path, value, true)
        }
        "copy" => {
            let from = pointer(operation.text(&["from"])?)?;
            let value = from.iter().try_fold(&*tree, |tree, key| child(tree, key))?.clone();
            insert(tree, &path, value, true)
        }
        _ => None,
    }
}

fn pointer(path: &str) -> Option<Vec<String>> {
    if path.is_empty() {
        return Some(Vec::new());
    }
    let keys = path.strip_prefix('/')?.split('/');
    Some(keys.map(|key| key.replace("~1", "/").replace("~0", "~")).collect())
}

fn child<'a>(tree: &'a Tree, key: &str) -> Option<&'a Tree> {
    match tree {
        Tree::Map(_) => tree.field(key),
        Tree::List(items) => items.get(key.parse::<usize>().ok()?),
        Tree::Leaf(_) => None,
    }
}

fn child_mut<'a>(tree: &'a mut Tree, key: &str) -> Option<&'a mut Tree> {
    match tree {
        Tree::Map(_) => tree.field_mut(key),
        Tree::List(items) => items.get_mut(key.parse::<usize>().ok()?),
        Tree::Leaf(_) => None,
    }
}

fn insert(tree: &mut Tree, path: &[String], value: Tree, may_be_new: bool) -> Option<()> {
    let Some((last, parents)) = path.split_last() else {
        *tree = value;
        return Some(());
    };
    let parent = parents.iter().try_fold(tree, |tree, key| child_mut(tree, key))?;
    match parent {
        Tree::Map(_) if may_be_new || parent.field(last).is_some() => parent.set(last, value),
        Tree::List(items) => match last.parse::<usize>() {
            Ok(at) if !may_be_new => *items.get_mut(at)? = value,
            Ok(at) if at <= items.len() => items.insert(at, value),
            Err(_) if last == "-" && may_be_new => items.push(value),
            _ => return None,
        },
        _ => return None,
    }
    Some(())
}

fn take(tree: &mut Tree, path: &[String]) -> Option<Tree> {
    let (last, parents) = path.split_last()?;
    let parent = parents.iter().try_fold(tree, |tree, key| child_mut(tree, key))?;
    match parent {
        Tree::Map(_) => parent.remove(last),
        Tree::List(items) => {
            let at = last.parse::<usize>().ok().filter(|at| *at < items.len())?;
            Some(items.remove(at))
        }
        Tree::Leaf(_) => None,
    }
}
