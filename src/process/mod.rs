//! Other people's programs: found in absolute folders, run with a cleared environment, in a process group of their own,
//! with bounded output and a deadline.

mod child;
mod search;

pub use child::{Child, ChildError, Output, arguments, end_all};
pub use search::search;
