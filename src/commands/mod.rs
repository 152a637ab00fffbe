//! A file a command: calls in a row, no decisions.

mod answering;
pub mod arguments;
mod asking;
pub mod auto;
mod change;
pub mod check;
mod delivery;
pub mod demo;
mod describing;
pub mod doctor;
mod examining;
pub mod explain;
mod fault;
pub mod init;
mod job;
mod judging;
mod moving;
mod open;
mod parsing;
pub mod pins;
pub mod plan;
mod progress;
pub mod promotion;
mod publishing;
mod reading;
mod recording;
mod remotes;
mod rivals;
mod session;
pub mod status;
pub mod summary;
mod superseding;
pub mod tags;
mod trail;
pub mod why;

use std::io::Write as _;

use crate::failpoint::{self, Needs};
use crate::model::Exit;
use crate::report::{inert, paint};

pub use crate::git::abandon;
pub use fault::{Fault, Refusal};
pub use job::Job;
pub use parsing::parse_ahead;
pub use session::Session;
pub use trail::Trail;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome(pub Exit);

impl Default for Outcome {
    fn default() -> Self {
        Self(Exit::Done)
    }
}

/// Prints the result for people; text from elsewhere can't steer the terminal or the CI.
pub fn print(text: &str) {
    print_verbatim(&paint::painted(&inert::terminal_lines(text)));
}

/// Prints what is inert by the way it is made: a JSON document, a pull request's text, what another program reads.
///
/// A reader that went away is no error: what was to be done is done.
pub fn print_verbatim(text: &str) {
    progress::clear();
    let mut stdout = anstream::stdout().lock();
    let write = || stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    let _ = failpoint::passed(Needs::Others, "print the result", |cause| cause, write);
}

/// Tells what isn't the result, on standard error; text from elsewhere can't steer the terminal or the CI.
pub fn tell(text: &str) {
    progress::clear();
    let text = paint::painted(&inert::terminal_lines(text));
    let mut stderr = anstream::stderr().lock();
    let write = || stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
    let _ = failpoint::passed(Needs::Others, "tell", |cause| cause, write);
}
