//! Shows on a terminal what is asked of registries, once it takes longer than a second.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget};

use crate::registry::Watch;
use crate::report::inert;

/// Nobody wants to see what is over in a moment.
const PATIENCE: Duration = Duration::from_secs(1);

/// Returns who is told of progress: a line on the terminal, or nobody where standard error is none.
pub fn on_terminal() -> Watch {
    if !std::io::stderr().is_terminal() {
        return Watch::default();
    }
    let started = Instant::now();
    let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    Watch::new(move |progress| {
        if started.elapsed() > PATIENCE {
            line.set_message(inert::terminal(&progress.to_string()));
            line.tick();
        }
    })
}
