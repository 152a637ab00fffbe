//! From the parser's events to nodes, within limits.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput};

use super::{
    Anchor, Content, Document, Error, MAX_ALIASED_NODES, MAX_BYTES, MAX_DEPTH, MAX_DOCUMENTS, MAX_KEYS, MAX_NODES,
    Node, Position, Scalar, Stream,
};
use crate::model::Form;

impl Stream {
    /// Reads a file: UTF-8, with or without a byte-order mark.
    ///
    /// What can't be read is in [`Stream::problems`]; the documents beside it are there nonetheless.
    pub fn parse(bytes: &[u8]) -> Self {
        if bytes.len() > MAX_BYTES {
            return Self::refused(Error::TooLarge { bytes: bytes.len() });
        }
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) || bytes.get(..4).is_some_and(wide) {
            return Self::refused(Error::Encoding { encoding: "UTF-16", at: Position::START });
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::parse_text(text),
            Err(error) => {
                let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let at = position_at_end(&String::from_utf8_lossy(valid));
                Self::refused(Error::Encoding { encoding: "not UTF-8", at })
            }
        }
    }

    /// Reads a text that is YAML: the text of a block scalar.
    pub fn parse_text(text: &str) -> Self {
        let mut reader = Reader::new();
        reader.read(text);
        reader.stream
    }

    fn refused(problem: Error) -> Self {
        Self { documents: Vec::new(), problems: vec![problem] }
    }
}

/// UTF-16 without a byte-order mark: an ASCII character has a zero byte beside it.
fn wide(start: &[u8]) -> bool {
    matches!(start, [a, 0, b, 0] | [0, a, 0, b] if *a != 0 && *b != 0)
}

fn position_at_end(text: &str) -> Position {
    let line_start = text.rfind('\n').map_or(0, |at| at + 1);
    let column = text.get(line_start..).unwrap_or_default().chars().count() + 1;
    Position { line: text.matches('\n').count() + 1, column }
}

/// A collection that is not finished yet.
struct Open {
    node: Node,
    key: Option<Node>,
    /// The nodes in it, those behind aliases counted.
    size: usize,
}

struct Reader {
    stream: Stream,
    /// Documents begun so far.
    begun: usize,
    inside: bool,
    open: Vec<Open>,
    /// Anchored nodes that are finished, and how many nodes they stand for.
    anchored: HashMap<usize, (Arc<Node>, usize)>,
    aliased: usize,
    /// Nodes of all documents so far.
    nodes: usize,
    root: Option<Node>,
}

impl Reader {
    fn new() -> Self {
        Self {
            stream: Stream::default(),
            begun: 0,
            inside: false,
            open: Vec::new(),
            anchored: HashMap::new(),
            aliased: 0,
            nodes: 0,
            root: None,
        }
    }

    fn read(&mut self, text: &str) {
        let options = granit_parser::options! {
            emit_comments: false,
            block_nesting_limit: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
        };
        let mut parser = Parser::new_from_str_with_options(text, options);
        while let Some(next) = parser.next_event() {
            let problem = match next {
                Ok((Event::DocumentStart(..), span)) if self.begun >= MAX_DOCUMENTS => {
                    self.stream.problems.push(Error::Documents { at: position(&span) });
                    return;
                }
                Ok((event, span)) => match self.event(event, &span) {
                    Ok(()) => continue,
                    Err(problem) => problem,
                },
                Err(error) => {
                    let marker = error.marker();
                    let at = Position { line: marker.line().max(1), column: marker.col() + 1 };
                    Error::Syntax { message: error.info(), at }
                }
            };
            let is_full = matches!(problem, Error::Nodes { .. });
            self.stream.problems.push(problem);
            if is_full || !self.next_document(&mut parser) {
                return;
            }
        }
    }

    /// Drops what was read of the present document, and goes on behind it.
    fn next_document<'a>(&mut self, parser: &mut Parser<'a, StrInput<'a>>) -> bool {
        if !self.inside {
            self.begun += 1;
        }
        self.inside = false;
        self.clear();
        self.stream.problems.len() <= MAX_DOCUMENTS && parser.proceed_next_document().unwrap_or(false)
    }

    fn clear(&mut self) {
        self.open.clear();
        self.anchored.clear();
        self.aliased = 0;
        self.root = None;
    }

    fn event(&mut self, event: Event<'_>, span: &Span) -> Result<(), Error> {
        let position = position(span);
        if matches!(event, Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..) | Event::Alias(_)) {
            self.nodes += 1;
            if self.nodes > MAX_NODES {
                return Err(Error::Nodes { at: position });
            }
            let is_full =
                |open: &Open| matches!(&open.node.content, Content::Mapping(entries) if entries.len() >= MAX_KEYS);
            if self.open.last().is_some_and(is_full) {
                return Err(Error::Keys { at: position });
            }
        }
        match event {
            Event::DocumentStart(..) => {
                self.clear();
                self.begun += 1;
                self.inside = true;
            }
            Event::DocumentEnd => {
                self.inside = false;
                if let Some(root) = self.root.take() {
                    self.stream.documents.push(Document { index: self.begun.saturating_sub(1), root });
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let range = span.byte_range().unwrap_or_default();
                // The parser writes `~` for a scalar that isn't there.
                let text = if range.is_empty() && style == ScalarStyle::Plain { "".into() } else { text };
                let scalar = Scalar { text: Arc::from(&*text), form: form(style), start: range.start, end: range.end };
                let tag = tag.map(|tag| tag.original().into());
                let node = Node { position, content: Content::Scalar(scalar), anchor: anchored(anchor), tag };
                self.finish(node, 1);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.begin(position, Content::Sequence(Vec::new()), anchor, tag.map(|tag| tag.original()));
            }
            Event::MappingStart(_, anchor, tag) => {
                self.begin(position, Content::Mapping(Vec::new()), anchor, tag.map(|tag| tag.original()));
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(mut open) = self.open.pop() {
                    // Most collections hold less than what a vector begins with, and a fleet has very many.
                    match &mut open.node.content {
                        Content::Sequence(items) => items.shrink_to_fit(),
                        Content::Mapping(entries) => entries.shrink_to_fit(),
                        Content::Scalar(_) | Content::Alias(..) => {}
                    }
                    self.finish(open.node, open.size + 1);
                }
            }
            Event::Alias(anchor) => {
                let Some((target, size)) = self.anchored.get(&anchor) else {
                    return Err(Error::Cycle { at: position });
                };
                self.aliased += size;
                if self.aliased > MAX_ALIASED_NODES {
                    return Err(Error::Aliases { at: position });
                }
                let content = Content::Alias(Anchor(anchor), Arc::clone(target));
                let size = *size;
                self.finish(Node { position, content, anchor: None, tag: None }, size);
            }
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, position: Position, content: Content, anchor: usize, tag: Option<String>) {
        let node = Node { position, content, anchor: anchored(anchor), tag: tag.map(Into::into) };
        self.open.push(Open { node, key: None, size: 0 });
    }

    fn finish(&mut self, node: Node, size: usize) {
        if let Some(Anchor(anchor)) = node.anchor {
            self.anchored.insert(anchor, (Arc::new(node.clone()), size));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        open.size += size;
        match &mut open.node.content {
            Content::Sequence(items) => items.push(node),
            Content::Mapping(entries) => match open.key.take() {
                None => open.key = Some(node),
                Some(key) => entries.push((key, node)),
            },
            Content::Scalar(_) | Content::Alias(..) => {}
        }
    }
}

fn position(span: &Span) -> Position {
    Position { line: span.start.line().max(1), column: span.start.col() + 1 }
}

fn anchored(id: usize) -> Option<Anchor> {
    (id != 0).then_some(Anchor(id))
}

fn form(style: ScalarStyle) -> Form {
    match style {
        ScalarStyle::Plain => Form::Plain,
        ScalarStyle::SingleQuoted => Form::SingleQuoted,
        ScalarStyle::DoubleQuoted => Form::DoubleQuoted,
        ScalarStyle::Literal => Form::Literal,
        ScalarStyle::Folded => Form::Folded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(stream: &Stream) -> Vec<(usize, Option<String>)> {
        let text = |document: &Document| document.root.text_at(&["a"]).map(str::to_owned);
        stream.documents.iter().map(|document| (document.index, text(document))).collect()
    }

    #[test]
    fn one_bad_document_leaves_its_neighbours_readable() {
        let stream = Stream::parse(b"a: 1\n---\na: [\n---\na: 3\n---\n{{ if }}: {{\n---\na: 5\n");
        assert_eq!(texts(&stream), [(0, Some("1".into())), (2, Some("3".into())), (4, Some("5".into()))]);
        assert_eq!(stream.problems.len(), 2);
        assert_eq!(stream.problems[0].position().line, 3);
    }

    #[test]
    fn positions_count_characters_and_bytes_hold_the_quotes() {
        let text = "\u{feff}\u{fc}: 'x' # c\r\nb: |\r\n  y: 1\r\n  z: 2\r\n";
        let stream = Stream::parse(text.as_bytes());
        let root = &stream.documents[0].root;
        let quoted = root.field("\u{fc}").and_then(Node::scalar).expect("a scalar");
        assert_eq!((quoted.form, &text[quoted.start..quoted.end]), (Form::SingleQuoted, "'x'"));
        assert_eq!(root.field("\u{fc}").map(|node| node.position), Some(Position { line: 1, column: 4 }));
        assert_eq!(root.text_at(&["b"]), Some("y: 1\nz: 2\n"));
    }

    #[test]
    fn bombs_are_refused_with_their_place() {
        let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..10 {
            let one = format!("*a{}, ", level - 1);
            laughs.push_str(&format!("a{level}: &a{level} [{}]\n", one.repeat(10)));
        }
        let deep = "[".repeat(100_000);
        let dashes = "- ".repeat(100_000);
        let many = "--- 1\n".repeat(600_000);
        assert!(matches!(Stream::parse(laughs.as_bytes()).problems[..], [Error::Aliases { .. }]));
        assert!(matches!(Stream::parse(deep.as_bytes()).problems[..], [Error::Syntax { .. }]));
        assert!(matches!(Stream::parse(dashes.as_bytes()).problems[..], [Error::Syntax { .. }]));
        assert!(matches!(Stream::parse(many.as_bytes()).problems[..], [Error::Documents { .. }]));
        assert!(matches!(Stream::parse(b"&a [*a]").problems[..], [Error::Cycle { .. }]));
        assert!(matches!(Stream::parse(&[b' '; MAX_BYTES + 1]).problems[..], [Error::TooLarge { .. }]));
        assert!(matches!(Stream::parse(b"\xff\xfea\0").problems[..], [Error::Encoding { .. }]));
        assert!(matches!(Stream::parse(b"a: \xe4\n").problems[..], [Error::Encoding { .. }]));
    }
}
