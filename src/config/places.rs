//! Where each value of a configuration file stands. Says nothing about what the values are: that is serde's part.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use granit_parser::{Event, Options, Parser, Span};

/// A position in a file: line and column count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
}

/// The place of a value, and those of the values in it, in the order they are written.
#[derive(Clone, Debug)]
pub struct Places {
    /// Where the value's first character stands (its quote, its anchor's value).
    pub at: Position,
    /// The places in it.
    pub inside: Inside,
}

/// The places in a value.
#[derive(Clone, Debug)]
pub enum Inside {
    /// A scalar holds none.
    Scalar,
    /// One for each item.
    Sequence(Rc<[Places]>),
    /// The key's and the value's for each entry.
    Mapping(Rc<[(Position, Places)]>),
}

/// Why the places of a text can't be told.
#[derive(Debug, PartialEq, Eq)]
pub enum Unplaced {
    /// A key stands twice in one mapping.
    Duplicate {
        /// The key.
        key: String,
        /// The second one.
        at: Position,
    },
    /// What serde_yaml reads and the events don't show, or nested too deeply.
    Unreadable,
}

/// serde_yaml stops at 128 as well, before this is asked.
const DEEPEST: usize = 130;

/// Returns the places of the first document; none for a document without a value.
pub fn places(text: &str) -> Result<Option<Places>, Unplaced> {
    let mut options = Options::default();
    options.emit_comments = false;
    let mut walk = Walk { events: Parser::new_from_str_with_options(text, options), anchors: HashMap::new() };
    loop {
        match walk.next()? {
            (Event::StreamStart | Event::DocumentStart(..), _) => {}
            (Event::StreamEnd | Event::DocumentEnd, _) => return Ok(None),
            (event, span) => return walk.node(event, span, 0).map(Some),
        }
    }
}

struct Walk<'text> {
    events: Parser<'text, granit_parser::StrInput<'text>>,
    anchors: HashMap<usize, Inside>,
}

impl<'text> Walk<'text> {
    fn next(&mut self) -> Result<(Event<'text>, Span), Unplaced> {
        match self.events.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(_)) | None => Err(Unplaced::Unreadable),
        }
    }

    fn node(&mut self, event: Event<'text>, span: Span, depth: usize) -> Result<Places, Unplaced> {
        if depth > DEEPEST {
            return Err(Unplaced::Unreadable);
        }
        let at = position(span);
        let (anchor, inside) = match event {
            Event::Scalar(_, _, anchor, _) => (anchor, Inside::Scalar),
            Event::SequenceStart(_, anchor, _) => (anchor, self.sequence(depth)?),
            Event::MappingStart(_, anchor, _) => (anchor, self.mapping(depth)?),
            Event::Alias(anchor) => {
                return Ok(Places { at, inside: self.anchors.get(&anchor).cloned().unwrap_or(Inside::Scalar) });
            }
            _ => return Err(Unplaced::Unreadable),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, inside.clone());
        }
        Ok(Places { at, inside })
    }

    fn sequence(&mut self, depth: usize) -> Result<Inside, Unplaced> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Inside::Sequence(items.into())),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Inside, Unplaced> {
        let mut entries = Vec::new();
        let mut seen = HashSet::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Inside::Mapping(entries.into()));
            }
            if let Some((key, _)) = event.scalar()
                && !seen.insert(key.to_owned())
            {
                return Err(Unplaced::Duplicate { key: key.to_owned(), at: position(span) });
            }
            let key = self.node(event, span, depth + 1)?;
            let (event, span) = self.next()?;
            entries.push((key.at, self.node(event, span, depth + 1)?));
        }
    }
}

fn position(span: Span) -> Position {
    Position { line: span.start.line(), column: span.start.col() + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(places: &Places) -> Vec<(usize, usize)> {
        let mut found = vec![(places.at.line, places.at.column)];
        match &places.inside {
            Inside::Scalar => {}
            Inside::Sequence(items) => found.extend(items.iter().flat_map(all)),
            Inside::Mapping(entries) => {
                for (key, value) in entries.iter() {
                    found.push((key.line, key.column));
                    found.extend(all(value));
                }
            }
        }
        found
    }

    #[test]
    fn lines_and_columns_count_from_one_in_characters_and_begin_at_the_quote() {
        let text = "# über\nkey: \"quoted\"\nlist:\n  - {ä: 1, b: two}\n";
        let found = places(text).expect("places").expect("a value");
        assert_eq!(all(&found), [(2, 1), (2, 1), (2, 6), (3, 1), (4, 3), (4, 5), (4, 6), (4, 9), (4, 12), (4, 15)]);
    }

    #[test]
    fn an_alias_stands_where_it_is_written_and_its_content_where_the_anchor_is() {
        let found = places("a: &one [x]\nb: *one\n").expect("places").expect("a value");
        assert_eq!(all(&found), [(1, 1), (1, 1), (1, 9), (1, 10), (2, 1), (2, 4), (1, 10)]);
    }

    #[test]
    fn a_key_that_stands_twice_is_named_at_its_second_place() {
        let found = places("a: 1\nb: {c: 1, c: 2}\n");
        let at = Position { line: 2, column: 11 };
        assert_eq!(found.expect_err("a duplicate"), Unplaced::Duplicate { key: "c".to_owned(), at });
    }
}
