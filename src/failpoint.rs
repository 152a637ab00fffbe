//! The points that every effect of a promotion passes, so that a test can let each of them fail in turn.
//!
//! Without the feature `failpoints` an effect is just done. With it, points are counted as they are passed, and a
//! variable of the environment says which one breaks, when, and how: see `tests/failpoints.rs`.

#[cfg(feature = "failpoints")]
mod armed;
#[cfg(not(feature = "failpoints"))]
mod unarmed;

/// What an effect needs beside the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Room on the disk.
    Room,
    /// The network, another program, or whoever reads the output.
    Others,
}

#[cfg(feature = "failpoints")]
pub use armed::{awaited, deadline, passed, patience};
#[cfg(not(feature = "failpoints"))]
pub use unarmed::{awaited, deadline, passed, patience};
