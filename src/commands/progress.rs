//! Shows on a terminal what is asked of registries, once it takes longer than a second.

use std::io::IsTerminal as _;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::registry::Watch;
use crate::report::inert;

/// Nobody wants to see what is over in a moment.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line shows that it is alive.
const TICK: Duration = Duration::from_millis(120);

/// The line: a process has one terminal.
static LINE: OnceLock<ProgressBar> = OnceLock::new();
/// What is asked now; none once something was printed.
static ASKED: Mutex<Option<String>> = Mutex::new(None);

/// Returns who is told of progress: a line on the terminal, or nobody where standard error is none.
pub fn on_terminal() -> Watch {
    if !std::io::stderr().is_terminal() {
        return Watch::default();
    }
    let started = Instant::now();
    // Who is asked may say nothing for a long time, and then nobody tells of progress.
    std::thread::spawn(|| {
        std::thread::sleep(PATIENCE);
        if let Some(message) = asked().as_deref() {
            show(message);
        }
    });
    Watch::new(move |progress| {
        let message = inert::terminal(&progress.to_string());
        let mut asked = asked();
        if started.elapsed() > PATIENCE {
            show(&message);
        }
        *asked = Some(message);
    })
}

/// Takes the line away, so that it doesn't stand in what is printed.
pub fn clear() {
    let mut asked = asked();
    *asked = None;
    if let Some(line) = LINE.get() {
        line.finish_and_clear();
    }
}

fn show(message: &str) {
    let line = LINE.get_or_init(|| {
        let style = ProgressStyle::with_template("{spinner} {wide_msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
        ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style)
    });
    if line.is_finished() {
        line.reset();
    }
    line.set_message(message.to_owned());
    line.enable_steady_tick(TICK);
}

fn asked() -> std::sync::MutexGuard<'static, Option<String>> {
    ASKED.lock().unwrap_or_else(PoisonError::into_inner)
}
