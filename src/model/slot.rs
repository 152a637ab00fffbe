//! Where a value is written, down to the bytes.

use std::ops::Range;

use super::{Place, RepoPath};

/// The place of one written value: a path of nested spans, from the file to the innermost text.
///
/// `file → scalar`, or `file → block scalar → scalar in its text → part of that scalar`, and so on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// Line and column, in the file, of the innermost scalar's first character as written (its quote); of a part
    /// of a scalar too.
    pub place: Place,
    /// From the outermost to the innermost; never empty.
    pub spans: Vec<Span>,
}

/// One step of a [`Slot`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Bytes in the text of the enclosing span: the file's bytes for the first, the decoded text of the
    /// enclosing scalar for the others. Quotes and block headers are inside it.
    pub start: usize,
    /// The end of those bytes, exclusive.
    pub end: usize,
    /// How the text is written there, which says how to write another.
    pub form: Form,
}

/// How a text is written in its enclosing text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// A YAML plain scalar.
    Plain,
    /// A YAML scalar in single quotes.
    SingleQuoted,
    /// A YAML scalar in double quotes.
    DoubleQuoted,
    /// A YAML literal block scalar, `|`.
    Literal,
    /// A YAML folded block scalar, `>`.
    Folded,
    /// A part of a text, verbatim: the default in `${V:-1.2.3}`, the tag in `name:1.2.3`, the value of an `.env` line.
    Part,
}

impl Slot {
    /// Returns the file.
    pub fn path(&self) -> &RepoPath {
        &self.place.path
    }
}

impl Span {
    /// Returns the bytes of the enclosing text.
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }
}
