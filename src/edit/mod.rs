//! From a plan to replaced bytes: which scalars change, what the file is then, and the proof that nothing else did.
//!
//! [`edits_for`] names the fewest existing scalars that make a source's effective version the target; [`apply()`] replaces
//! their bytes and nothing else, or refuses; [`prove`] compares the inventory before with the one computed again.

mod apply;
mod complete;
mod difference;
mod moves;
mod permit;
mod proof;
mod refusal;

pub use apply::{apply, apply_all};
pub use complete::complete;
pub use difference::{Difference, Fate, differences};
pub use moves::edits_for;
pub use permit::writable;
pub use proof::{Intent, prove};
pub use refusal::Refusal;
