//! YAML with byte-exact positions: the one place that knows the parser.
//!
//! [`Stream::parse`] reads a file, or the text of a block scalar, into documents of [`Node`]s. Every scalar knows the
//! bytes it stands in, so that a change replaces these and nothing else: [`locate`] finds a part of a decoded text in
//! the bytes, [`written_as`] says how a new text is written there, [`Document::hazards`] what would make that unsafe.

mod error;
mod hazard;
mod node;
mod parse;
mod plain;
mod splice;

pub use error::Error;
pub use hazard::Hazard;
pub use node::{Anchor, Content, Document, Node, Position, Scalar, Stream};
pub use plain::{PlainKind, is_plain_string, is_string, kind_of_plain};
pub use splice::{escaped, in_flow, locate, written_as};

/// The most bytes of a file that is read.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;
/// The most collections inside one another, of block and of flow style each.
pub const MAX_DEPTH: usize = 128;
/// The most nodes that the aliases of one document may stand for.
pub const MAX_ALIASED_NODES: usize = 100_000;
/// The most scalars and collections of one file: each takes some hundred bytes of memory.
pub const MAX_NODES: usize = 400_000;
/// The most keys of one mapping.
pub const MAX_KEYS: usize = 10_000;
/// The most documents of one file.
pub const MAX_DOCUMENTS: usize = 10_000;
