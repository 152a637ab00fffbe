//! One YAML document of configuration: values as serde_yaml reads them, each with its position.
//!
//! serde's data model has no room for positions, so the document is read into serde_yaml's `Value` first, and typed
//! from there by a deserializer that takes each value's position from the YAML room. [`Located`] asks it for that.

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, Unexpected, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_yaml::Value;

use super::Fact;
use crate::yaml::{Content, Node, Position, Stream};

/// No configuration needs more.
const LIMIT: usize = 4 * 1024 * 1024;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub at: Position,
}

/// What is wrong, and where as far as that is known yet.
#[derive(Debug)]
pub struct Failure {
    /// What is wrong.
    pub fact: Fact,
    /// Where.
    pub at: Option<Position>,
}

impl Failure {
    /// Makes a failure at a position.
    pub fn at(fact: Fact, at: Position) -> Self {
        Self { fact, at: Some(at) }
    }

    fn or_at(mut self, at: Position) -> Self {
        self.at.get_or_insert(at);
        self
    }

    /// Returns where it is: the file's beginning if nothing nearer is known.
    pub fn position(&self) -> Position {
        self.at.unwrap_or(Position::START)
    }
}

impl<T> Located<T> {
    /// Makes another value at the same position.
    pub fn with<U>(&self, value: U) -> Located<U> {
        Located { value, at: self.at }
    }

    /// Makes the failure that this value is wrong.
    pub fn wrong(&self, fact: Fact) -> Failure {
        Failure::at(fact, self.at)
    }
}

impl Located<String> {
    /// Parses the text, or says why it can't be parsed.
    ///
    /// # Errors
    /// The fact that `wrong` makes of the type's own error, at this position.
    pub fn parse<T: std::str::FromStr>(&self, wrong: fn(T::Err) -> Fact) -> Result<T, Failure> {
        self.value.parse().map_err(|error| self.wrong(wrong(error)))
    }
}

/// A mapping whose keys are names that people give, in the order they are written.
#[derive(Debug)]
pub struct Named<T>(pub Vec<(Located<String>, Located<T>)>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(NamedVisitor(PhantomData))
    }
}

struct NamedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for NamedVisitor<T> {
    type Value = Named<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a mapping")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Named(entries))
    }
}

/// Reads a document into a type; an empty one as the type's default.
///
/// # Errors
/// [`Failure`] for anything but one well-formed document of that type.
pub fn read<T: DeserializeOwned + Default>(bytes: &[u8]) -> Result<T, Failure> {
    if bytes.len() > LIMIT {
        return Err(Failure { fact: Fact::TooLarge { limit: LIMIT }, at: None });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).map(String::from_utf8_lossy).unwrap_or_default();
        Failure::at(Fact::Encoding, end_of(&valid))
    })?;
    let value = serde_yaml::from_str::<Value>(text).map_err(|error| syntax(text, &error))?;
    let stream = Stream::parse_text(text);
    if let Some(problem) = stream.problems.first() {
        return Err(Failure::at(Fact::Syntax { message: problem.to_string() }, problem.position()));
    }
    match (&value, stream.documents.first()) {
        (Value::Null, None) => Ok(T::default()),
        (Value::Null, Some(document)) if document.root.is_null() => Ok(T::default()),
        (value, Some(document)) => T::deserialize(At { value, node: &document.root }),
        (_, None) => Err(read_differently()),
    }
}

fn end_of(text: &str) -> Position {
    let last = text.rsplit('\n').next().unwrap_or(text);
    Position { line: text.matches('\n').count() + 1, column: last.chars().count() + 1 }
}

fn read_differently() -> Failure {
    let message = "the file uses YAML that two readers would read differently".to_owned();
    Failure { fact: Fact::Syntax { message }, at: None }
}

fn syntax(text: &str, error: &serde_yaml::Error) -> Failure {
    let stream = Stream::parse_text(text);
    if let Some((key, at)) = stream.documents.first().and_then(|document| duplicate(&document.root)) {
        return Failure::at(Fact::DuplicateKey { key }, at);
    }
    let written = error.to_string();
    // The parser appends its own positions to each half of the message; ours stands before it.
    let message = written.split(" at line ").next().unwrap_or(&written);
    let many = message.contains("more than one document");
    let message = if many { "the file holds more than one document" } else { message }.to_owned();
    let at = error.location().map(|at| Position { line: at.line(), column: at.column() });
    Failure { fact: Fact::Syntax { message }, at }
}

/// Returns the first key that stands twice in one mapping, and its second place.
fn duplicate(node: &Node) -> Option<(String, Position)> {
    match &node.content {
        Content::Scalar(_) | Content::Alias(..) => None,
        Content::Sequence(items) => items.iter().find_map(duplicate),
        Content::Mapping(entries) => {
            let mut seen = HashSet::new();
            entries.iter().find_map(|(key, value)| match key.scalar() {
                Some(scalar) if !seen.insert(&*scalar.text) => Some((scalar.text.to_string(), key.position)),
                _ => duplicate(value),
            })
        }
    }
}

/// A value at its place.
#[derive(Clone, Copy)]
struct At<'a> {
    value: &'a Value,
    node: &'a Node,
}

const LOCATED: &str = "$promote::Located";

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Located<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Both<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Both<T> {
            type Value = Located<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a value with its position")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
                let missing = || de::Error::custom("a position is missing");
                let line = parts.next_element()?.ok_or_else(missing)?;
                let column = parts.next_element()?.ok_or_else(missing)?;
                let value = parts.next_element()?.ok_or_else(missing)?;
                Ok(Located { value, at: Position { line, column } })
            }
        }

        deserializer.deserialize_newtype_struct(LOCATED, Both(PhantomData))
    }
}

/// Line, column and value, as [`Located`] asks for them.
struct Parts<'a> {
    at: At<'a>,
    next: usize,
}

impl<'de> de::SeqAccess<'de> for Parts<'_> {
    type Error = Failure;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Failure> {
        self.next += 1;
        match self.next {
            1 => seed.deserialize(self.at.node.position.line.into_deserializer()).map(Some),
            2 => seed.deserialize(self.at.node.position.column.into_deserializer()).map(Some),
            _ => seed.deserialize(self.at).map(Some),
        }
    }
}

impl<'de> Deserializer<'de> for At<'_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let read = match (self.value, &self.node.resolved().content) {
            (Value::Null, _) => visitor.visit_unit(),
            (Value::Bool(value), _) => visitor.visit_bool(*value),
            (Value::String(value), _) => visitor.visit_str(value),
            (Value::Number(value), _) => match (value.as_u64(), value.as_i64(), value.as_f64()) {
                (Some(value), _, _) => visitor.visit_u64(value),
                (_, Some(value), _) => visitor.visit_i64(value),
                (_, _, value) => visitor.visit_f64(value.unwrap_or(f64::NAN)),
            },
            (Value::Sequence(values), Content::Sequence(nodes)) => {
                visitor.visit_seq(Items { items: values.iter().zip(nodes) })
            }
            (Value::Mapping(values), Content::Mapping(nodes)) => {
                visitor.visit_map(Entries { entries: values.iter().zip(nodes), value: None })
            }
            (Value::Tagged(tagged), _) => Err(Failure {
                fact: Fact::WrongType {
                    expected: "a value without a tag".to_owned(),
                    found: format!("the tag `{}`", tagged.tag),
                },
                at: None,
            }),
            (Value::Sequence(_) | Value::Mapping(_), _) => Err(read_differently()),
        };
        read.map_err(|failure| failure.or_at(self.node.position))
    }

    /// A key that stands there has a value: `soak:` with nothing behind it is a mistake, not an absence.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Failure> {
        if name == LOCATED {
            return visitor.visit_seq(Parts { at: self, next: 0 });
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let read = match self.value {
            Value::String(word) => {
                let word: de::value::StrDeserializer<'_, Failure> = word.as_str().into_deserializer();
                visitor.visit_enum(word)
            }
            _ => Err(wrong_type(self.value, "a word")),
        };
        read.map_err(|failure| failure.or_at(self.node.position))
    }

    /// Refuses a list, which serde would take for the struct's fields in order.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match self.value {
            Value::Mapping(_) => self.deserialize_any(visitor),
            _ => Err(wrong_type(self.value, "a mapping").or_at(self.node.position)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier
    }
}

struct Items<I> {
    items: I,
}

impl<'a, 'de, I: Iterator<Item = (&'a Value, &'a Node)>> de::SeqAccess<'de> for Items<I> {
    type Error = Failure;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Failure> {
        self.items.next().map(|(value, node)| seed.deserialize(At { value, node })).transpose()
    }
}

struct Entries<'a, I> {
    entries: I,
    value: Option<At<'a>>,
}

impl<'a, 'de, I: Iterator<Item = ((&'a Value, &'a Value), &'a (Node, Node))>> de::MapAccess<'de> for Entries<'a, I> {
    type Error = Failure;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Failure> {
        let Some(((key, value), (name, node))) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some(At { value, node });
        // Only texts: serde would take a number for the index of a field.
        if !key.is_string() {
            return Err(wrong_type(key, "a text as key").or_at(name.position));
        }
        let key = At { value: key, node: name };
        seed.deserialize(key).map(Some).map_err(|failure| failure.or_at(name.position))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Failure> {
        let value = self.value.take().ok_or_else(|| de::Error::custom("a value is asked for before its key"))?;
        seed.deserialize(value)
    }
}

fn wrong_type(value: &Value, expected: &str) -> Failure {
    let found = match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => format!("`{value}`"),
        Value::Number(value) => format!("the number {value}"),
        Value::String(_) => "a text".to_owned(),
        Value::Sequence(_) => "a list".to_owned(),
        Value::Mapping(_) => "a mapping".to_owned(),
        Value::Tagged(tagged) => format!("the tag `{}`", tagged.tag),
    };
    Failure { fact: Fact::WrongType { expected: expected.to_owned(), found }, at: None }
}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { fact: Fact::Syntax { message: message.to_string() }, at: None }
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self { fact: Fact::WrongType { expected: plainer(&expected.to_string()), found: found(unexpected) }, at: None }
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        Self { fact: Fact::unknown_word(word, known.iter().copied()), at: None }
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        Self { fact: Fact::unknown_key(key, known.iter().copied()), at: None }
    }

    fn missing_field(key: &'static str) -> Self {
        Self { fact: Fact::MissingKey { key: key.to_owned() }, at: None }
    }

    fn duplicate_field(key: &'static str) -> Self {
        Self { fact: Fact::DuplicateKey { key: key.to_owned() }, at: None }
    }
}

/// serde names Rust's types; people write YAML's.
fn plainer(expected: &str) -> String {
    match expected {
        "a string" => "a text",
        "a boolean" => "`true` or `false`",
        "a sequence" => "a list",
        "a map" => "a mapping",
        "usize" | "u64" | "u32" => "a number",
        name if name.starts_with("struct ") => "a mapping",
        other => other,
    }
    .to_owned()
}

fn found(unexpected: Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(value) => format!("the number {value}"),
        Unexpected::Signed(value) => format!("the number {value}"),
        Unexpected::Float(value) => format!("the number {value}"),
        Unexpected::Str(_) | Unexpected::Char(_) => "a text".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a mapping".to_owned(),
        other => other.to_string(),
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fact.fmt(formatter)
    }
}

impl std::error::Error for Failure {}
