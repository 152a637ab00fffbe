//! A file a command: calls in a row, no decisions.

mod answering;
mod asking;
mod auto;
mod change;
mod delivery;
mod demo;
mod describing;
mod explain;
mod fault;
mod pins;
mod plan;
mod promotion;
mod publishing;
mod reading;
mod session;
mod status;
mod summary;
mod tags;
mod why;

use std::collections::BTreeMap;
use std::io::Write as _;

use crate::cli::{Arguments, Command, Output};
use crate::model::Exit;
use crate::report::documents::{Document, ErrorBody, ErrorDocument};
use crate::report::{inert, problem};

use fault::{Fault, Refusal};
use session::Session;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome(pub Exit);

impl Default for Outcome {
    fn default() -> Self {
        Self(Exit::Done)
    }
}

/// Runs what the arguments say and returns the exit code. Errors are shown here, once.
pub fn run(arguments: Arguments, variables: BTreeMap<String, String>) -> Exit {
    let output = arguments.global.output;
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tell(&format!("error: this machine gives no threads: {error}\n"));
            return Exit::Local;
        }
    };
    let result = runtime.block_on(async {
        tokio::select! {
            result = dispatch(arguments, variables) => result,
            exit = stopped() => Err(Refusal::Interrupted(exit).into()),
        }
    });
    match result {
        Ok(Outcome(exit)) => exit,
        Err(fault) => {
            show(&fault, output);
            fault.problem().exit()
        }
    }
}

async fn dispatch(arguments: Arguments, variables: BTreeMap<String, String>) -> Result<Outcome, Fault> {
    let Arguments { global, command } = arguments;
    let is_json = global.output == Output::Json;
    match &command {
        Some(Command::Tags(tags)) if tags.stdin => return tags::run_on_stdin(is_json, tags),
        Some(Command::Explain(explain)) => return explain::run(explain),
        Some(Command::Completions(completions)) => return explain::completions(completions),
        Some(Command::Man) => return explain::manual(),
        Some(Command::Demo(demo)) => return demo::run(demo, &variables).await,
        _ => {}
    }
    let session = Session::open(global, variables).await?;
    match &command {
        None => summary::run(&session).await,
        Some(Command::Run(run)) => promotion::run(&session, run).await,
        Some(Command::Status(status)) => status::run(&session, status).await,
        Some(Command::Why(why)) => why::run(&session, why).await,
        Some(Command::Auto(auto)) => auto::run(&session, auto).await,
        Some(Command::Plan(plan)) => plan::run(&session, plan).await,
        Some(Command::Tags(tags)) => tags::run(&session, tags).await,
        Some(Command::Pins(pins)) => pins::run(&session, pins).await,
        Some(Command::Demo(_) | Command::Explain(_) | Command::Completions(_) | Command::Man) => Ok(Outcome::default()),
    }
}

/// Waits for the signal to stop.
async fn stopped() -> Exit {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut interrupt), Ok(mut terminate)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        {
            return tokio::select! {
                _ = interrupt.recv() => Exit::Interrupted,
                _ = terminate.recv() => Exit::Terminated,
            };
        }
    }
    match tokio::signal::ctrl_c().await {
        Ok(()) => Exit::Interrupted,
        Err(_) => std::future::pending().await,
    }
}

fn show(fault: &Fault, output: Output) {
    if output == Output::Json {
        print(&Document::new("Error", ErrorDocument { error: ErrorBody::of(fault.problem()) }).to_text());
    }
    tell(&problem::render(fault.problem(), fault.text()));
}

/// Shows a usage error as the one JSON document.
pub fn print_usage_error(message: &str) {
    print(&Document::new("Error", ErrorDocument { error: ErrorBody::usage(message) }).to_text());
}

/// Prints the result. A reader that went away is no error: what was to be done is done.
fn print(text: &str) {
    let mut stdout = anstream::stdout().lock();
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}

/// Tells what isn't the result, on standard error; text from elsewhere can't steer the terminal or the CI.
fn tell(text: &str) {
    let mut stderr = anstream::stderr().lock();
    let _ = stderr.write_all(inert::terminal_lines(text).as_bytes());
    let _ = stderr.flush();
}
