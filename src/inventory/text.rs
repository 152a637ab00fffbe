//! A YAML text that was read, a file or the text of a scalar, and the spots in it.

use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use crate::model::{Form, Place, RepoPath, Slot, Span};
use crate::yaml::{self, Content, Document, Node, Position, Scalar, Stream};

/// A YAML text that was read.
pub(super) struct Text {
    /// The file.
    pub path: RepoPath,
    /// What stands in it.
    pub stream: Stream,
    /// The file's text, a byte-order mark included, or the decoded text; empty if the file is not UTF-8.
    content: Arc<str>,
    /// The scalar whose text this is; none for a file.
    outer: Option<Spot>,
}

/// One scalar, or a part of one, as it is written.
#[derive(Clone)]
pub(super) struct Spot {
    /// Where it is.
    pub text: Rc<Text>,
    /// Which document of the text.
    pub document: usize,
    /// The scalar.
    pub span: Span,
    /// Where the scalar begins in the text.
    pub position: Position,
    /// The part of its decoded text that is meant.
    pub part: Option<(usize, usize)>,
}

/// What a YAML file's bytes say, before anybody asks for it.
pub struct Read {
    stream: Stream,
    content: Arc<str>,
}

impl Read {
    /// Reads the bytes of a file.
    pub fn of(bytes: &[u8]) -> Self {
        Self { stream: Stream::parse(bytes), content: text_of(bytes) }
    }
}

impl Text {
    /// Makes the text of a file that was read.
    pub fn file(path: RepoPath, read: Read) -> Rc<Self> {
        Rc::new(Self { path, stream: read.stream, content: read.content, outer: None })
    }

    /// Makes a text of a file that is not YAML: an `.env`, a file of a generator.
    pub fn plain(path: RepoPath, bytes: &[u8]) -> Rc<Self> {
        Rc::new(Self { path, stream: Stream::default(), content: text_of(bytes), outer: None })
    }

    /// Reads the text of a scalar.
    pub fn inside(outer: Spot, decoded: &str) -> Rc<Self> {
        let stream = Stream::parse_text(decoded);
        Rc::new(Self { path: outer.text.path.clone(), stream, content: Arc::from(decoded), outer: Some(outer) })
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.content
    }

    /// Tells whether this is the text of a scalar.
    pub fn is_inside(&self) -> bool {
        self.outer.is_some()
    }

    /// Returns the document of that index.
    pub fn document(&self, index: usize) -> Option<&Document> {
        let documents = &self.stream.documents;
        documents.get(documents.binary_search_by_key(&index, |document| document.index).ok()?)
    }

    /// Returns the place in the file of a position in this text.
    pub fn place(&self, position: Position) -> Place {
        let Some(outer) = &self.outer else {
            return Place { path: self.path.clone(), line: position.line, column: position.column };
        };
        let start = self.as_str().split_inclusive('\n').take(position.line - 1).map(str::len).sum::<usize>();
        let line = self.as_str().get(start..).unwrap_or_default();
        let column = line.char_indices().nth(position.column - 1).map_or(0, |(at, _)| at);
        self.place_of(start + column..start + column).unwrap_or_else(|| outer.place())
    }

    /// Returns the place of some bytes; none if the way back to the file isn't certain.
    fn place_of(&self, range: Range<usize>) -> Option<Place> {
        let (file, range) = self.lifted(range)?;
        let before = file.as_str().get(..range.start)?;
        let before = before.strip_prefix('\u{feff}').unwrap_or(before);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.get(line_start..)?.chars().count() + 1;
        Some(Place { path: file.path.clone(), line, column })
    }

    /// Follows bytes of this text to the bytes of the file.
    fn lifted(&self, range: Range<usize>) -> Option<(&Self, Range<usize>)> {
        let Some(outer) = &self.outer else { return Some((self, range)) };
        let raw = outer.text.as_str().get(outer.span.range())?;
        let located = yaml::locate(raw, outer.span.form, self.as_str(), range)?;
        outer.text.lifted(outer.span.start + located.start..outer.span.start + located.end)
    }
}

impl Spot {
    /// Makes the spot of a scalar.
    pub fn of(text: &Rc<Text>, document: usize, node: &Node, scalar: &Scalar) -> Self {
        let span = Span { start: scalar.start, end: scalar.end, form: scalar.form };
        Self { text: Rc::clone(text), document, span, position: node.position, part: None }
    }

    /// Makes the spot of some bytes of a text that is not YAML.
    pub fn in_plain_text(text: &Rc<Text>, range: Range<usize>) -> Self {
        let span = Span { start: range.start, end: range.end, form: Form::Part };
        let place = text.place_of(range);
        let position = place.map_or(Position::START, |place| Position { line: place.line, column: place.column });
        Self { text: Rc::clone(text), document: 0, span, position, part: None }
    }

    /// Returns the spot of a part of the scalar's decoded text; of a part of this part if it is one.
    pub fn part(&self, range: Range<usize>) -> Self {
        let base = self.part.map_or(0, |(start, _)| start);
        Self { part: Some((base + range.start, base + range.end)), ..self.clone() }
    }

    /// Tells whether both are the same bytes.
    pub fn is_same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.text, &other.text) && self.span == other.span && self.part == other.part
    }

    /// Returns where the scalar begins in the file.
    pub fn place(&self) -> Place {
        if self.text.outer.is_none() {
            return self.text.place(self.position);
        }
        // A scalar of several lines has no single place of its own; its beginning has.
        let start = self.span.start;
        self.text.place_of(self.span.range()).or_else(|| self.text.place_of(start..start)).unwrap_or_else(|| {
            let outer = self.text.outer.as_ref();
            outer.map_or_else(|| self.text.place(self.position), Self::place)
        })
    }

    /// Returns the slot: every span from the file to the innermost text.
    pub fn slot(&self) -> Slot {
        let mut spans = Vec::new();
        self.push_spans(&mut spans);
        Slot { place: self.place(), spans }
    }

    fn push_spans(&self, spans: &mut Vec<Span>) {
        if let Some(outer) = &self.text.outer {
            outer.push_spans(spans);
        }
        spans.push(self.span);
        if let Some((start, end)) = self.part {
            spans.push(Span { start, end, form: Form::Part });
        }
    }

    /// Returns the root of the document that it stands in.
    pub fn root(&self) -> Option<&Node> {
        self.text.document(self.document).map(|document| &document.root)
    }

    /// Returns the whole scalar's decoded text.
    pub fn scalar_text(&self) -> Option<&str> {
        if self.span.form == Form::Part {
            return self.text.as_str().get(self.span.range());
        }
        self.root()?.find(self.position).map(|scalar| &*scalar.text)
    }

    /// Returns the path of keys to the scalar: `spec.ref.tag`, `images[0].newTag`.
    pub fn field(&self) -> Option<String> {
        if self.span.form == Form::Part {
            // A line of an `.env` file, by its key; a file that is a value as a whole has none.
            let before = self.text.as_str().get(..self.span.start)?;
            let key = before.rsplit('\n').next()?.strip_suffix('=')?;
            return Some(key.trim().to_owned());
        }
        let mut field = String::new();
        let mut node = self.root()?;
        loop {
            match &node.content {
                Content::Scalar(_) => return Some(field),
                Content::Alias(..) => return None,
                Content::Sequence(_) => {
                    let (at, item) = node.step_towards(self.position)?;
                    field.push_str(&format!("[{at}]"));
                    node = item;
                }
                Content::Mapping(entries) => {
                    let (at, value) = node.step_towards(self.position)?;
                    if !field.is_empty() {
                        field.push('.');
                    }
                    field.push_str(entries.get(at)?.0.text().unwrap_or_default());
                    node = value;
                }
            }
        }
    }

    /// Returns the document index in the file: an inner text counts as its outermost scalar.
    pub fn file_document(&self) -> usize {
        self.text.outer.as_ref().map_or(self.document, Self::file_document)
    }

    /// Returns the scalar whose text this stands in, if it stands in one.
    pub fn outer(&self) -> Option<&Self> {
        self.text.outer.as_ref()
    }

    /// Returns the comment that follows on the same line, without `#`.
    pub fn comment(&self) -> Option<&str> {
        let rest = self.text.as_str().get(self.span.end..)?;
        let line = rest.split(['\n', '\r']).next()?;
        line.strip_prefix([' ', '\t'])?.trim_start().strip_prefix('#').map(str::trim)
    }

    /// Returns the `$imagepolicy` marker in that comment: `namespace:name[:field]`.
    pub fn marker(&self) -> Option<String> {
        // Flux's automation sees comments of the file's own documents only, never those inside a block scalar.
        if self.text.is_inside() {
            return None;
        }
        let (_, rest) = self.comment()?.split_once("\"$imagepolicy\"")?;
        let value = rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
        value.split_once('"').map(|(marker, _)| marker.to_owned())
    }
}

fn text_of(bytes: &[u8]) -> Arc<str> {
    Arc::from(std::str::from_utf8(bytes).unwrap_or_default())
}
