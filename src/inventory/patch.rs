//! Patches: strategic merges and JSON 6902 operations.

use std::rc::Rc;

use super::named::Named;
use super::resource::Resource;
use super::selector::{Selector, is_same};
use super::text::{Spot, Text};
use super::tree::{Leaf, Tree};

/// The largest object into which a part of it is copied, in scalars and collections.
const MAX_COPIED: usize = 20_000;

/// A patch, and what it is for.
pub(super) struct Patch {
    pub content: Content,
    pub target: Option<Selector>,
    /// Where it is written.
    pub spot: Option<Spot>,
    /// Whether an object that it renames is still found by its former name: not with `patchesJson6902`.
    pub remembers_names: bool,
    /// What of an object's identity it may change.
    pub may_change: Identity,
}

/// `options` of a patch.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Identity {
    name: bool,
    kind: bool,
}

impl Identity {
    /// Reads the options of one entry of `patches`.
    pub fn of(item: &Tree) -> Self {
        let flag = |key: &str| item.text(&["options", key]) == Some("true");
        Self { name: flag("allowNameChange"), kind: flag("allowKindChange") }
    }
}

/// What a patch does.
pub(super) enum Content {
    /// Objects that are merged in.
    Merge(Vec<Resource>),
    /// Operations, in order.
    Operations(Vec<Tree>),
    /// Nothing: an empty file, list or mapping, which `patches` may hold since kustomize 5.8.
    Nothing,
}

/// Why kustomize fails on a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It names an object that isn't there.
    Unmatched,
    /// It names several objects.
    Ambiguous,
    /// One of its operations has nothing to work on.
    Impossible,
    /// It puts a mapping, a list or a scalar where another of them stands.
    Clash,
    /// A `test` of it fails.
    TestFails,
    /// Several merge patches with one target.
    Several,
}

impl Fault {
    /// Says it for people.
    pub fn message(self) -> &'static str {
        match self {
            Self::Unmatched => "the patch matches no object",
            Self::Ambiguous => "the patch matches several objects",
            Self::Impossible => "an operation of the patch has nothing to work on",
            Self::Clash => "the patch puts a mapping, a list or a scalar where another of them stands",
            Self::TestFails => "a `test` of the patch fails",
            Self::Several => "several merge patches can't share one target",
        }
    }
}

/// What became of an object.
enum Merged {
    Kept,
    Deleted,
}

impl Content {
    /// Reads a patch by its content, as kustomize does; none if it is neither, on which kustomize fails.
    pub fn of(text: &Rc<Text>) -> Option<Self> {
        // What begins like JSON must be JSON.
        if text.as_str().starts_with('[') && serde_json::from_str::<serde_json::Value>(text.as_str()).is_err() {
            return None;
        }
        if text.stream.documents.iter().all(|document| document.root.is_null()) {
            return Some(Self::Nothing);
        }
        let first = text.stream.documents.first()?;
        match Tree::of(&first.root, text, first.index) {
            Tree::List(operations) if operations.is_empty() => return Some(Self::Nothing),
            Tree::Map(entries) if entries.is_empty() => return Some(Self::Nothing),
            Tree::List(operations) => return Some(Self::Operations(operations)),
            _ => {}
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
        let named = |resource: &Resource| !resource.kind().is_empty() && !resource.name().is_empty();
        let documents = text.stream.documents.iter().filter(|document| !document.root.is_null());
        let resources: Vec<Resource> = documents.filter_map(resource).collect();
        (!resources.is_empty() && resources.iter().all(named)).then_some(Self::Merge(resources))
    }
}

/// Reads the text of a leaf as YAML; its scalars' spots are inside it where it is written as it is read.
pub(super) fn text_of(leaf: &Leaf) -> Option<Rc<Text>> {
    let text = leaf.text.as_ref().ok()?;
    let spot = leaf.chain.last()?;
    Some(Text::inside(spot.clone(), text))
}

impl Patch {
    /// Applies it; a target that matches nothing is no fault. `named` knows the names of these objects, or nothing.
    pub fn apply(&self, resources: &mut Vec<Rc<Resource>>, named: &mut Named) -> Result<(), Fault> {
        match (&self.content, &self.target) {
            (Content::Merge(patches), None) => {
                patches.iter().try_for_each(|patch| self.merge_into_named(patch, resources, named))
            }
            (Content::Merge(patches), Some(target)) => {
                let [patch] = patches.as_slice() else { return Err(Fault::Several) };
                let mut outcome = Ok(());
                let mut deleted = Vec::new();
                for at in target.candidates(resources, named) {
                    let Some(resource) = resources.get_mut(at).filter(|resource| target.admits(resource)) else {
                        continue;
                    };
                    let resource = Rc::make_mut(resource);
                    let merged = self.merge(resource, patch);
                    named.note(at, resource);
                    outcome = outcome.and(merged.as_ref().map(drop).map_err(|fault| *fault));
                    if matches!(merged, Ok(Merged::Deleted)) {
                        deleted.push(at);
                    }
                }
                remove(&deleted, resources, named);
                outcome
            }
            (Content::Nothing, _) => Ok(()),
            (Content::Operations(_), None) => Err(Fault::Unmatched),
            (Content::Operations(operations), Some(target)) => self.operate(operations, target, resources, named),
        }
    }

    fn operate(
        &self,
        operations: &[Tree],
        target: &Selector,
        resources: &mut [Rc<Resource>],
        named: &mut Named,
    ) -> Result<(), Fault> {
        let mut outcome = Ok(());
        for at in target.candidates(resources, named) {
            let Some(resource) = resources.get_mut(at).filter(|resource| target.admits(resource)) else { continue };
            let resource = Rc::make_mut(resource);
            let header_only = resource.is_header_only();
            let before = resource.id();
            for operation in operations {
                let operated = operate(&mut resource.tree, operation);
                // Of objects that choose no version only the names are there.
                if !header_only {
                    outcome = outcome.and(operated);
                }
            }
            if self.remembers_names {
                resource.renamed_from(before);
            }
            named.note(at, resource);
        }
        outcome
    }

    fn merge_into_named(
        &self,
        patch: &Resource,
        resources: &mut Vec<Rc<Resource>>,
        named: &mut Named,
    ) -> Result<(), Fault> {
        let id = patch.id();
        let is_it = |resource: &Rc<Resource>| {
            resource.kind() == id.kind
                && (is_same(&resource.id(), &id) || resource.before.iter().any(|before| is_same(before, &id)))
        };
        let called = named.called(&id.name, resources);
        let mut matching = called.into_iter().filter(|at| resources.get(*at).is_some_and(is_it));
        let at = matching.next().ok_or(Fault::Unmatched)?;
        if matching.next().is_some() {
            return Err(Fault::Ambiguous);
        }
        if let Some(resource) = resources.get_mut(at) {
            let resource = Rc::make_mut(resource);
            let merged = self.merge(resource, patch);
            named.note(at, resource);
            if matches!(merged?, Merged::Deleted) {
                remove(&[at], resources, named);
            }
        }
        Ok(())
    }

    fn merge(&self, resource: &mut Resource, patch: &Resource) -> Result<Merged, Fault> {
        match patch.tree.text(&["$patch"]) {
            Some("delete") => return Ok(Merged::Deleted),
            // kustomize does nothing for it at the root.
            Some("replace") => return Ok(Merged::Kept),
            _ => {}
        }
        let before = resource.id();
        let Tree::Map(entries) = &patch.tree else { return Ok(Merged::Kept) };
        for (key, value) in entries {
            match &**key {
                "kind" if self.may_change.kind => resource.tree.set("kind", value.clone()),
                // A patch names the object, it does not rename it.
                "apiVersion" | "kind" => {}
                "metadata" => self.merge_metadata(resource, value)?,
                // Of objects that choose no version only the names are kept.
                _ if resource.is_header_only() => {}
                key => merge_key(&mut resource.tree, key, value)?,
            }
        }
        resource.renamed_from(before);
        Ok(Merged::Kept)
    }

    fn merge_metadata(&self, resource: &mut Resource, value: &Tree) -> Result<(), Fault> {
        let mut metadata = value.clone();
        if !self.may_change.name {
            metadata.remove("name");
        }
        metadata.remove("namespace");
        merge_key(&mut resource.tree, "metadata", &metadata)
    }
}

/// Removes the objects at these places, which stand in order.
fn remove(places: &[usize], resources: &mut Vec<Rc<Resource>>, named: &mut Named) {
    if !places.is_empty() {
        let mut at = 0..;
        resources.retain(|_| at.next().is_none_or(|at| places.binary_search(&at).is_err()));
        named.forget();
    }
}

/// Merges without a schema, as custom resources are: mappings by key, lists and scalars replaced, null removes.
fn merge_key(base: &mut Tree, key: &str, value: &Tree) -> Result<(), Fault> {
    if value.is_null() {
        base.remove(key);
        return Ok(());
    }
    let there = base.field(key).filter(|there| !there.is_null());
    if value.text(&["$patch"]) != Some("delete") && there.is_some_and(|there| !there.is_alike(value)) {
        return Err(Fault::Clash);
    }
    let Tree::Map(entries) = value else {
        let value = styled_as(there, value);
        base.set(key, value);
        return Ok(());
    };
    match value.text(&["$patch"]) {
        Some("delete") => {
            base.remove(key);
            return Ok(());
        }
        Some("replace") => {
            let mut value = value.clone();
            value.remove("$patch");
            base.set(key, value);
            return Ok(());
        }
        _ => {}
    }
    if !matches!(base.field(key), Some(Tree::Map(_))) {
        base.set(key, Tree::Map(Vec::new()));
    }
    if let Some(base) = base.field_mut(key) {
        for (key, value) in entries.iter().filter(|(key, _)| !key.starts_with('$')) {
            merge_key(base, key, value)?;
        }
    }
    Ok(())
}

/// What stands in quotes stays so, whatever a patch puts there: kustomize keeps the style of what it replaces.
fn styled_as(there: Option<&Tree>, value: &Tree) -> Tree {
    match (there, value) {
        (Some(Tree::Leaf(there)), Tree::Leaf(value)) if there.quoted && !value.quoted => {
            Tree::Leaf(Rc::new(Leaf { quoted: true, ..(**value).clone() }))
        }
        _ => value.clone(),
    }
}

/// Applies one operation of JSON 6902.
fn operate(tree: &mut Tree, operation: &Tree) -> Result<(), Fault> {
    let location = |key: &str| operation.text(&[key]).and_then(pointer).ok_or(Fault::Impossible);
    let value = || operation.field("value").cloned().unwrap_or_else(|| Tree::Leaf(Leaf::null()));
    let path = location("path")?;
    let there = |tree: &Tree, path: &[String]| path.iter().try_fold(tree, |tree, key| child(tree, key)).cloned();
    let done = match operation.text(&["op"]) {
        Some("add") => insert(tree, &path, value(), true),
        // A missing key of a mapping is added, as json-patch v4 does, the library inside kustomize.
        Some("replace") => insert(tree, &path, value(), false),
        Some("test") => {
            let equal = there(tree, &path).map_or_else(|| value().is_null(), |there| there.equals(&value()));
            return if equal { Ok(()) } else { Err(Fault::TestFails) };
        }
        Some("remove") => take(tree, &path).map(drop),
        Some("move") => take(tree, &location("from")?).and_then(|value| insert(tree, &path, value, true)),
        Some("copy") => copied(tree, &location("from")?)
            // Copies of copies double each time.
            .filter(|value| tree.size(MAX_COPIED) + value.size(MAX_COPIED) <= MAX_COPIED)
            .and_then(|value| insert(tree, &path, value, true)),
        _ => None,
    };
    done.ok_or(Fault::Impossible)
}

/// What an operation copies: json-patch v4 takes a missing key of a mapping for null.
fn copied(tree: &Tree, path: &[String]) -> Option<Tree> {
    let Some((last, parents)) = path.split_last() else { return Some(tree.clone()) };
    match parents.iter().try_fold(tree, |tree, key| child(tree, key))? {
        parent @ Tree::Map(_) => Some(parent.field(last).cloned().unwrap_or_else(|| Tree::Leaf(Leaf::null()))),
        parent => child(parent, last).cloned(),
    }
}

fn pointer(path: &str) -> Option<Vec<String>> {
    if path.is_empty() {
        return Some(Vec::new());
    }
    let keys = path.strip_prefix('/')?.split('/');
    Some(keys.map(|key| key.replace("~1", "/").replace("~0", "~")).collect())
}

/// Where an index points in a list of some length; a negative one counts from the end.
fn index(key: &str, length: usize) -> Option<usize> {
    match key.parse::<i64>().ok()? {
        at if at < 0 => length.checked_sub(usize::try_from(-at).ok()?),
        at => usize::try_from(at).ok(),
    }
}

fn child<'a>(tree: &'a Tree, key: &str) -> Option<&'a Tree> {
    match tree {
        Tree::Map(_) => tree.field(key),
        Tree::List(items) => items.get(index(key, items.len())?),
        Tree::Leaf(_) => None,
    }
}

fn child_mut<'a>(tree: &'a mut Tree, key: &str) -> Option<&'a mut Tree> {
    match tree {
        Tree::Map(_) => tree.field_mut(key),
        Tree::List(items) => {
            let at = index(key, items.len())?;
            items.get_mut(at)
        }
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
        Tree::Map(_) => parent.set(last, value),
        Tree::List(items) if !may_be_new => {
            let at = index(last, items.len())?;
            *items.get_mut(at)? = value;
        }
        Tree::List(items) if last == "-" => items.push(value),
        Tree::List(items) => {
            let at = index(last, items.len() + 1).filter(|at| *at <= items.len())?;
            items.insert(at, value);
        }
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
            let at = index(last, items.len()).filter(|at| *at < items.len())?;
            Some(items.remove(at))
        }
        Tree::Leaf(_) => None,
    }
}
