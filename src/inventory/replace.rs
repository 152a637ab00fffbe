//! `replacements`: values that are copied from one object into others.

use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use super::generate::HASH;
use super::resource::Resource;
use super::selector::{Selector, unhashed};
use super::tree::{Leaf, Tree};

/// Applies one replacement; the error says what is missing, on which kustomize fails.
pub(super) fn apply(item: &Tree, resources: &mut [Rc<Resource>]) -> Result<(), String> {
    let value = match (item.field("source"), item.leaf(&["sourceValue"])) {
        (_, Some(leaf)) => Rc::clone(leaf),
        (Some(source), None) => source_value(source, resources)?,
        (None, None) => return Err("the replacement has no source".to_owned()),
    };
    if item.items(&["targets"]).is_empty() {
        return Err("the replacement has no target".to_owned());
    }
    for target in item.items(&["targets"]) {
        let Some(select) = target.field("select").map(Selector::of) else {
            return Err("a target of the replacement selects nothing".to_owned());
        };
        let rejects: Vec<Selector> = target.items(&["reject"]).iter().map(Selector::of).collect();
        let paths: Vec<Vec<String>> = match target.items(&["fieldPaths"]) {
            [] => vec![segments("metadata.name")],
            paths => paths.iter().filter_map(|path| text(path).map(segments)).collect(),
        };
        let options = target.field("options");
        let flag = |key: &str| options.and_then(|options| options.text(&[key]));
        let create = flag("create") == Some("true");
        for resource in resources.iter_mut() {
            if !select.admits(resource) || rejects.iter().any(|reject| reject.admits(resource)) {
                continue;
            }
            let header_only = resource.is_header_only();
            let resource = Rc::make_mut(resource);
            let before = resource.id();
            for path in &paths {
                if header_only && path.first().is_some_and(|first| first != "metadata") {
                    continue;
                }
                let mut clashes = false;
                let mut new = |old: Option<&Leaf>| {
                    let new = replaced(old, &value, options);
                    clashes |= old.is_some_and(|old| {
                        old.retyped() != new.retyped() && !old.null && !new.quoted && new.text.is_ok()
                    });
                    new
                };
                if !put(&mut resource.tree, path, create, &mut new) {
                    return Err(format!("{} `{}` has no `{}`", before.kind, before.name, path.join(".")));
                }
                if clashes {
                    return Err(format!("`{}` of {} `{}` is no text", path.join("."), before.kind, before.name));
                }
            }
            resource.renamed_from(before);
        }
    }
    Ok(())
}

fn text(tree: &Tree) -> Option<&str> {
    match tree {
        Tree::Leaf(leaf) => leaf.text.as_deref().ok(),
        _ => None,
    }
}

fn source_value(source: &Tree, resources: &[Rc<Resource>]) -> Result<Rc<Leaf>, String> {
    let selector = Selector::of(source);
    let name = source.text(&["name"]).unwrap_or_default();
    let mut found = resources.iter().filter(|resource| selector.admits(resource));
    let Some(resource) = found.next() else {
        return Err(format!("the replacement's source `{name}` is not found"));
    };
    if found.next().is_some() {
        return Err(format!("the replacement's source `{name}` is found more than once"));
    }
    let tree = resource.completed();
    let path = source.text(&["fieldPath"]).unwrap_or("metadata.name");
    let segments = segments(path);
    if segments.iter().any(|segment| segment == "*") {
        return Err(format!("the replacement's source `{path}` can't have a wildcard"));
    }
    let found = segments.iter().try_fold(&tree, |tree, segment| step(tree, segment));
    let Some(Tree::Leaf(leaf)) = found else {
        return Err(format!("the replacement's source `{name}` has no value at `{path}`"));
    };
    // The hash comes into a generated object's name at the very end, when everything is built.
    let hashed = leaf.text.as_deref().ok().filter(|text| path == "metadata.name" && text.contains(HASH));
    let bare = hashed.map(|text| Leaf::made(&unhashed(text)));
    let leaf = bare.as_ref().unwrap_or(leaf);
    let Some(options) = source.field("options") else { return Ok(Rc::clone(leaf)) };
    let Ok(text) = &leaf.text else { return Ok(Rc::clone(leaf)) };
    let Some(range) = part(text, options) else {
        return Err(format!("the replacement's source `{name}` has no such part"));
    };
    let value = text.get(range.clone()).unwrap_or_default();
    let mut chain = leaf.chain.clone();
    if let Some(last) = chain.last_mut().filter(|spot| spot.part.is_some() || spot.scalar_text() == Some(text)) {
        *last = last.part(range);
    }
    Ok(Rc::new(Leaf { text: Ok(Arc::from(value)), null: false, quoted: true, chain }))
}

/// The bytes of the part that `delimiter` and `index` name.
fn part(text: &str, options: &Tree) -> Option<Range<usize>> {
    let delimiter = options.text(&["delimiter"]).filter(|delimiter| !delimiter.is_empty())?;
    let index: usize = options.text(&["index"]).unwrap_or("0").parse().ok()?;
    let mut start = 0;
    for (at, part) in text.split(delimiter).enumerate() {
        if at == index {
            return Some(start..start + part.len());
        }
        start += part.len() + delimiter.len();
    }
    None
}

/// The leaf that stands at a target afterwards.
fn replaced(old: Option<&Leaf>, value: &Rc<Leaf>, options: Option<&Tree>) -> Rc<Leaf> {
    let mut chain = old.map(|old| old.chain.clone()).unwrap_or_default();
    chain.extend(value.chain.iter().cloned());
    // A string stays one, whatever replaces it; so does a number, and what is none can't be written there.
    let quoted = match old.filter(|old| !old.null) {
        Some(old) => old.retyped().is_none(),
        None => value.quoted,
    };
    let whole = || Rc::new(Leaf { chain: chain.clone(), quoted, ..(**value).clone() });
    let (Some(options), Some(old), Ok(new)) = (options, old, &value.text) else { return whole() };
    let Ok(old_text) = &old.text else { return whole() };
    let Some(delimiter) = options.text(&["delimiter"]).filter(|delimiter| !delimiter.is_empty()) else {
        return whole();
    };
    let mut parts: Vec<&str> = old_text.split(delimiter).collect();
    match options.text(&["index"]).unwrap_or("0").parse::<i64>() {
        Ok(index) if index < 0 => parts.insert(0, new),
        Ok(index) => match usize::try_from(index).ok().and_then(|index| parts.get_mut(index)) {
            Some(part) => *part = new,
            None => parts.push(new),
        },
        Err(_) => return whole(),
    }
    Rc::new(Leaf { text: Ok(Arc::from(parts.join(delimiter))), null: false, quoted, chain })
}

/// Splits `spec.containers.[name=a.b].image` at the dots outside brackets; `\.` is a dot in a key.
fn segments(path: &str) -> Vec<String> {
    let mut segments = vec![String::new()];
    let mut depth = 0;
    let mut chars = path.chars().peekable();
    while let Some(char) = chars.next() {
        let last = segments.last_mut();
        match char {
            '\\' if chars.peek() == Some(&'.') => {
                chars.next();
                last.into_iter().for_each(|segment| segment.push('.'));
            }
            '.' if depth == 0 => segments.push(String::new()),
            _ => {
                depth += i32::from(char == '[') - i32::from(char == ']');
                last.into_iter().for_each(|segment| segment.push(char));
            }
        }
    }
    segments.retain(|segment| !segment.is_empty());
    segments
}

fn step<'a>(tree: &'a Tree, segment: &str) -> Option<&'a Tree> {
    match tree {
        Tree::Map(_) => tree.field(segment),
        Tree::List(items) => {
            items.iter().enumerate().find(|(at, item)| admits(item, *at, segment)).map(|(_, item)| item)
        }
        Tree::Leaf(_) => None,
    }
}

/// Tells whether `*`, an index or `[key=value]` means this item.
fn admits(item: &Tree, at: usize, segment: &str) -> bool {
    match segment.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(condition) => condition.split_once('=').is_some_and(|(key, value)| match key {
            "" => text(item) == Some(value),
            key => item.text(&[key]) == Some(value),
        }),
        None => segment == "*" || segment.parse() == Ok(at),
    }
}

/// Puts a value at every place that a path means; tells whether there is one.
fn put(tree: &mut Tree, path: &[String], create: bool, new: &mut dyn FnMut(Option<&Leaf>) -> Rc<Leaf>) -> bool {
    let Some((first, rest)) = path.split_first() else {
        let leaf = match tree {
            Tree::Leaf(leaf) => new(Some(&**leaf)),
            _ => new(None),
        };
        *tree = Tree::Leaf(leaf);
        return true;
    };
    match tree {
        Tree::Map(entries) => {
            if create && !entries.iter().any(|(key, _)| **key == **first) {
                entries.push((Arc::from(first.as_str()), Tree::Map(Vec::new())));
            }
            let field = entries.iter_mut().find(|(key, _)| **key == **first);
            field.is_some_and(|(_, value)| put(value, rest, create, new))
        }
        Tree::List(items) => {
            let meant = items.iter_mut().enumerate().filter(|(at, item)| admits(item, *at, first));
            meant.fold(false, |found, (_, item)| put(item, rest, create, new) || found)
        }
        Tree::Leaf(_) => false,
    }
}
