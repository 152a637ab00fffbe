//! Documents, and the nodes they are made of.

use std::collections::HashSet;
use std::sync::Arc;

use super::Error;
use crate::model::Form;

/// All documents of one text, and what could not be read of it.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// The documents that could be read, in order.
    pub documents: Vec<Document>,
    /// What could not be read.
    pub problems: Vec<Error>,
}

/// One document.
#[derive(Clone, Debug)]
pub struct Document {
    /// Which of the text's documents it is, from 0; those that can't be read count.
    pub index: usize,
    /// Its content.
    pub root: Node,
}

/// A position in a text: line and column count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
}

/// A scalar, a mapping, a sequence or an alias.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it begins.
    pub position: Position,
    /// What it is.
    pub content: Content,
    /// Its anchor.
    pub anchor: Option<Anchor>,
    /// Its tag, if one is written: `!!str`.
    pub tag: Option<Box<str>>,
}

/// An anchor, unique in its document even if its name is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Anchor(pub usize);

/// What a node is.
#[derive(Clone, Debug)]
pub enum Content {
    /// A scalar.
    Scalar(Scalar),
    /// Keys and values as written, duplicate and merge keys among them.
    Mapping(Vec<(Node, Node)>),
    /// The items.
    Sequence(Vec<Node>),
    /// Another node, by its anchor.
    Alias(Anchor, Arc<Node>),
}

/// A scalar and the bytes it stands in.
#[derive(Clone, Debug)]
pub struct Scalar {
    /// The decoded text.
    pub text: Arc<str>,
    /// How it is written.
    pub form: Form,
    /// The first byte, the quote included. Of a block scalar: the first byte of its content.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Position {
    /// The first character.
    pub const START: Self = Self { line: 1, column: 1 };
}

impl Node {
    /// Returns the node itself, or the one that this alias stands for.
    pub fn resolved(&self) -> &Self {
        let mut node = self;
        while let Content::Alias(_, target) = &node.content {
            node = target;
        }
        node
    }

    /// Returns the scalar that this is or stands for.
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.resolved().content {
            Content::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// Returns the text of a scalar that is not null.
    pub fn text(&self) -> Option<&str> {
        self.scalar().filter(|scalar| !scalar.is_null()).map(|scalar| &*scalar.text)
    }

    /// Returns the keys and values of a mapping as written; none for any other node.
    pub fn entries(&self) -> &[(Self, Self)] {
        match &self.resolved().content {
            Content::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// Returns the items of a sequence; none for any other node.
    pub fn items(&self) -> &[Self] {
        match &self.resolved().content {
            Content::Sequence(items) => items,
            _ => &[],
        }
    }

    /// Returns the value of a key as written (merge keys are not followed); the last one if it is written twice.
    pub fn field(&self, key: &str) -> Option<&Self> {
        self.entries().iter().rev().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
    }

    /// Returns the item or value in which a position stands, and which one it is; nodes stand in order.
    pub fn step_towards(&self, position: Position) -> Option<(usize, &Self)> {
        match &self.content {
            Content::Sequence(items) => {
                let at = items.partition_point(|item| item.position <= position).checked_sub(1)?;
                items.get(at).map(|item| (at, item))
            }
            Content::Mapping(entries) => {
                let at = entries.partition_point(|(key, _)| key.position <= position).checked_sub(1)?;
                entries.get(at).map(|(_, value)| (at, value))
            }
            Content::Scalar(_) | Content::Alias(..) => None,
        }
    }

    /// Returns the scalar that begins at a position.
    pub fn find(&self, position: Position) -> Option<&Scalar> {
        let mut node = self;
        loop {
            match &node.content {
                Content::Scalar(scalar) => return (node.position == position).then_some(scalar),
                _ => node = node.step_towards(position)?.1,
            }
        }
    }

    /// Returns where a key is written that stands in its mapping already, if there is one anywhere below.
    pub fn duplicate_key(&self) -> Option<Position> {
        match &self.content {
            Content::Scalar(_) | Content::Alias(..) => None,
            Content::Sequence(items) => items.iter().find_map(Self::duplicate_key),
            Content::Mapping(entries) => {
                let names = || entries.iter().filter_map(|(key, _)| Some((key, key.text()?)));
                let twice = if entries.len() <= 16 {
                    // Comparing few costs less than a table of them.
                    let before = |at: usize, name: &str| names().take(at).any(|(_, other)| other == name);
                    names()
                        .enumerate()
                        .find(|(at, (_, name))| *name != "<<" && before(*at, name))
                        .map(|(_, twice)| twice)
                } else {
                    let mut seen = HashSet::with_capacity(entries.len());
                    names().find(|(_, name)| *name != "<<" && !seen.insert(*name))
                };
                twice
                    .map(|(key, _)| key.position)
                    .or_else(|| entries.iter().find_map(|(_, value)| value.duplicate_key()))
            }
        }
    }

    /// Returns the text at a path of keys.
    pub fn text_at(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().try_fold(self, |node, key| node.field(key))?.text()
    }

    /// Tells whether it is nothing: null, or not written at all.
    pub fn is_null(&self) -> bool {
        self.scalar().is_some_and(Scalar::is_null)
    }
}

impl Scalar {
    /// Tells whether it stands for null.
    pub fn is_null(&self) -> bool {
        self.form == Form::Plain && matches!(&*self.text, "" | "~" | "null" | "Null" | "NULL")
    }
}
