//! The value that kustomize and Flux transform: each leaf knows where its text is written.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::text::{Spot, Text};
use crate::model::{FindingCode, Form, Unknown, Value};
use crate::yaml::{self, Content, Node, PlainKind};

/// A value.
#[derive(Clone)]
pub(super) enum Tree {
    /// A scalar.
    Leaf(Rc<Leaf>),
    /// Keys and values, in order; each key once.
    Map(Vec<(Arc<str>, Tree)>),
    /// Items.
    List(Vec<Tree>),
}

/// A scalar and the spots that its text came through.
#[derive(Clone)]
pub(super) struct Leaf {
    /// The effective text, or why it can't be told.
    pub text: Result<Arc<str>, Rc<Unknown>>,
    /// Whether it is null.
    pub null: bool,
    /// Whether it is written so that YAML reads it as a string, whatever its text is.
    pub quoted: bool,
    /// From where it is read to where it is written; empty for what a transformer made.
    pub chain: Vec<Spot>,
}

impl Leaf {
    /// Makes a leaf that is written nowhere.
    pub fn made(text: &str) -> Rc<Self> {
        Rc::new(Self { text: Ok(Arc::from(text)), null: false, quoted: true, chain: Vec::new() })
    }

    /// Makes a null that is written nowhere.
    pub fn null() -> Rc<Self> {
        Rc::new(Self { text: Ok(Arc::from("null")), null: true, quoted: false, chain: Vec::new() })
    }

    /// Tells as what kustomize and Flux read it, if not as a string: `1.10` without quotes is a number.
    pub fn retyped(&self) -> Option<&'static str> {
        let text = self.text.as_ref().ok().filter(|_| !self.quoted && !self.null)?;
        match yaml::kind_of_plain(text) {
            PlainKind::Number => Some("a number"),
            PlainKind::Boolean => Some("a boolean"),
            PlainKind::Timestamp => Some("a time"),
            PlainKind::String | PlainKind::Null | PlainKind::Special => None,
        }
    }

    /// Returns it as the model's value.
    pub fn value(&self) -> Value {
        let text = self.text.as_ref().map(|text| text.to_string()).map_err(|unknown| (**unknown).clone());
        Value {
            text,
            chain: self.chain.iter().map(Spot::slot).collect(),
            shadowed_by: None,
            marker: self.chain.last().and_then(Spot::marker),
        }
    }
}

impl Tree {
    /// Takes a node over; aliases and merge keys are followed.
    pub fn of(node: &Node, text: &Rc<Text>, document: usize) -> Self {
        match &node.resolved().content {
            Content::Scalar(scalar) => {
                let node = node.resolved();
                Self::Leaf(Rc::new(Leaf {
                    text: Ok(Arc::clone(&scalar.text)),
                    null: scalar.is_null(),
                    quoted: match node.tag.as_deref() {
                        Some("!!int" | "!!float" | "!!bool") => false,
                        tag => scalar.form != Form::Plain || tag == Some("!!str"),
                    },
                    chain: vec![Spot::of(text, document, node, scalar)],
                }))
            }
            Content::Sequence(items) => Self::List(items.iter().map(|item| Self::of(item, text, document)).collect()),
            Content::Mapping(entries) => {
                let mut map = Vec::with_capacity(entries.len());
                add_entries(&mut map, entries, text, document);
                Self::Map(map)
            }
            Content::Alias(..) => Self::List(Vec::new()),
        }
    }

    /// Returns the value of a key.
    pub fn field(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.iter().find(|(name, _)| &**name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Returns the value of a key, to change it.
    pub fn field_mut(&mut self, key: &str) -> Option<&mut Self> {
        match self {
            Self::Map(entries) => entries.iter_mut().find(|(name, _)| &**name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Returns the value at a path of keys.
    pub fn at(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |tree, key| tree.field(key))
    }

    /// Returns the leaf at a path of keys, unless it is null.
    pub fn leaf(&self, keys: &[&str]) -> Option<&Rc<Leaf>> {
        match self.at(keys)? {
            Self::Leaf(leaf) if !leaf.null => Some(leaf),
            _ => None,
        }
    }

    /// Returns the known text at a path of keys.
    pub fn text(&self, keys: &[&str]) -> Option<&str> {
        self.leaf(keys)?.text.as_deref().ok()
    }

    /// Returns the items at a path of keys; none if there is no list.
    pub fn items(&self, keys: &[&str]) -> &[Self] {
        match self.at(keys) {
            Some(Self::List(items)) => items,
            _ => &[],
        }
    }

    /// Returns the keys and values at a path of keys; none if there is no mapping.
    pub fn entries(&self, keys: &[&str]) -> &[(Arc<str>, Self)] {
        match self.at(keys) {
            Some(Self::Map(entries)) => entries,
            _ => &[],
        }
    }

    /// Sets a key, where it stood or at the end.
    pub fn set(&mut self, key: &str, value: Self) {
        if !matches!(self, Self::Map(_)) {
            *self = Self::Map(Vec::new());
        }
        if let Self::Map(entries) = self {
            match entries.iter_mut().find(|(name, _)| &**name == key) {
                Some((_, old)) => *old = value,
                None => entries.push((Arc::from(key), value)),
            }
        }
    }

    /// Removes a key.
    pub fn remove(&mut self, key: &str) -> Option<Self> {
        match self {
            Self::Map(entries) => {
                let at = entries.iter().position(|(name, _)| &**name == key)?;
                Some(entries.remove(at).1)
            }
            _ => None,
        }
    }

    /// Tells whether both are a mapping, a list, or a scalar.
    pub fn is_alike(&self, other: &Self) -> bool {
        matches!(
            (self, other),
            (Self::Leaf(_), Self::Leaf(_)) | (Self::Map(_), Self::Map(_)) | (Self::List(_), Self::List(_))
        )
    }

    /// Tells whether both hold the same, wherever they are written; nothing equals what can't be told.
    pub fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Leaf(one), Self::Leaf(two)) => {
                let text = |leaf: &Leaf| leaf.text.as_ref().ok().map(|text| (leaf.null, leaf.retyped(), text.clone()));
                one.null && two.null || text(one).is_some() && text(one) == text(two)
            }
            (Self::List(one), Self::List(two)) => {
                one.len() == two.len() && one.iter().zip(two).all(|(one, two)| one.equals(two))
            }
            (Self::Map(one), Self::Map(two)) => {
                one.len() == two.len()
                    && one.iter().all(|(key, value)| other.field(key).is_some_and(|other| value.equals(other)))
            }
            _ => false,
        }
    }

    /// Returns why Flux fails on it, if it does.
    pub fn fault(&self) -> Option<Rc<Unknown>> {
        match self {
            Self::Leaf(leaf) => leaf.text.as_ref().err().filter(|why| why.code == FindingCode::BuildFails).cloned(),
            Self::Map(entries) => entries.iter().find_map(|(_, value)| value.fault()),
            Self::List(items) => items.iter().find_map(Self::fault),
        }
    }

    /// Tells whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Leaf(leaf) if leaf.null)
    }

    /// Counts the scalars and collections in it, as far as a limit.
    pub fn size(&self, limit: usize) -> usize {
        let add = |size: usize, item: &Self| match size < limit {
            true => size + item.size(limit - size),
            false => size,
        };
        match self {
            Self::Leaf(_) => 1,
            Self::Map(entries) => entries.iter().map(|(_, value)| value).fold(1, add),
            Self::List(items) => items.iter().fold(1, add),
        }
    }

    /// Returns the first spot in it, to say where it is.
    pub fn first_spot(&self) -> Option<&Spot> {
        match self {
            Self::Leaf(leaf) => leaf.chain.first(),
            Self::Map(entries) => entries.iter().find_map(|(_, value)| value.first_spot()),
            Self::List(items) => items.iter().find_map(Self::first_spot),
        }
    }
}

fn add_entries(map: &mut Vec<(Arc<str>, Tree)>, entries: &[(Node, Node)], text: &Rc<Text>, document: usize) {
    let mut merged = Vec::new();
    let mut places = Places::of(entries.len());
    for (key, value) in entries {
        let Some(name) = key.scalar() else { continue };
        if &*name.text == "<<" && name.form == Form::Plain {
            match &value.resolved().content {
                Content::Sequence(items) => merged.extend(items.iter().map(Node::entries)),
                _ => merged.push(value.entries()),
            }
            continue;
        }
        let value = Tree::of(value, text, document);
        match places.find(&name.text, map).and_then(|at| map.get_mut(at)) {
            Some((_, old)) => *old = value,
            None => places.push((Arc::clone(&name.text), value), map),
        }
    }
    if !merged.is_empty() {
        // However few keys stand here, many may be merged in.
        places = Places::Many(map.iter().enumerate().map(|(at, (key, _))| (Arc::clone(key), at)).collect());
    }
    for entries in merged {
        let mut below = Vec::new();
        add_entries(&mut below, entries, text, document);
        for (key, value) in below {
            if places.find(&key, map).is_none() {
                places.push((key, value), map);
            }
        }
    }
}

/// Where the keys of a mapping stand in it: few are found sooner by looking through them than in a table.
enum Places {
    Few,
    Many(HashMap<Arc<str>, usize>),
}

impl Places {
    fn of(entries: usize) -> Self {
        if entries <= 16 { Self::Few } else { Self::Many(HashMap::with_capacity(entries)) }
    }

    fn find(&self, key: &str, map: &[(Arc<str>, Tree)]) -> Option<usize> {
        match self {
            Self::Few => map.iter().position(|(name, _)| &**name == key),
            Self::Many(places) => places.get(key).copied(),
        }
    }

    fn push(&mut self, entry: (Arc<str>, Tree), map: &mut Vec<(Arc<str>, Tree)>) {
        if let Self::Many(places) = self {
            places.insert(Arc::clone(&entry.0), map.len());
        }
        map.push(entry);
    }
}
