//! Arguments, environment variables and exit codes; shows errors and hints.

mod watch;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::commands::arguments::{
    Auto, Check, Demo, Explain, Global, Init, Output, Pins, Plan, Run, Status, Tags, Why,
};
use crate::commands::{self, Fault, Job, Outcome, Refusal, Session, Trail, print, print_verbatim, tell};
use crate::config::environment::ProcessEnvironment;
use crate::model::Exit;
use crate::report::documents::{Document, ErrorBody, ErrorDocument};
use crate::report::problem;

/// Promote a version from staging to production in a Flux repository, by pull request
#[derive(Debug, Parser)]
#[command(
    name = "promote",
    version,
    max_term_width = 100,
    disable_help_subcommand = true,
    override_usage = "promote [OPTIONS] APP [VERSION]\n       promote [OPTIONS] COMMAND",
    after_help = "`promote APP VERSION` opens a pull request for each environment that may advance to VERSION.\n\
                  `promote` alone shows what waits. It never approves, never merges, never pushes to the base branch."
)]
pub struct Arguments {
    /// Where to read, and how to print.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Open pull requests that move APP to VERSION, or to what the environment before runs
    #[command(display_order = 1)]
    Run(Run),
    /// Show what runs where, and what needs somebody
    #[command(display_order = 2)]
    Status(Status),
    /// Show for each tag whether it may go there, and each rule that says no
    #[command(display_order = 3)]
    Why(Why),
    /// Write what was found here as promote.yaml
    #[command(display_order = 4)]
    Init(Init),
    /// Check tokens, logins, branch rules, code owners, and who else writes the same places
    #[command(display_order = 8)]
    Doctor,
    /// Open the pull requests that are due; change nothing when none is
    #[command(display_order = 10)]
    Auto(Auto),
    /// Show who can advance where, and who can't
    #[command(display_order = 11)]
    Plan(Plan),
    /// Check the base, or with --pull-request judge a promotion again before it is merged
    #[command(display_order = 12)]
    Check(Check),
    /// List the tags of an artifact, newest version first
    #[command(display_order = 20)]
    Tags(Tags),
    /// List every place where a version is written
    #[command(display_order = 21)]
    Pins(Pins),
    /// Make a playground and run the main job in it
    #[command(display_order = 30)]
    Demo(Demo),
    /// Say what a code of the JSON documents means
    #[command(display_order = 31)]
    Explain(Explain),
    /// Print the completions of a shell
    #[command(display_order = 32)]
    Completions(Completions),
    /// Print the manual page
    #[command(display_order = 33)]
    Man,
}

/// `promote completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// Prints a shell's completions.
fn completions_of(arguments: &Completions) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "promote", &mut script);
    print(&String::from_utf8_lossy(&script));
    Outcome::default()
}

/// Prints the manual page, which is made in memory.
fn manual() -> Outcome {
    let mut page = Vec::new();
    if clap_mangen::Man::new(Arguments::command()).render(&mut page).is_ok() {
        print(&String::from_utf8_lossy(&page));
    }
    Outcome::default()
}

/// Names that become commands later: no app is promoted by such a name without `run`.
const RESERVED: [&str; 5] = ["rollback", "history", "schema", "observe", "help"];

/// Runs the program and returns its exit code.
pub fn run() -> ExitCode {
    let variables: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let arguments = match parse(std::env::args_os().collect()) {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    log(arguments.global.verbose);
    ExitCode::from(run_command(arguments, variables).code())
}

/// Has what happens told on standard error, if that was asked for: of this program only, never of its libraries.
fn log(verbosity: u8) {
    let level = match verbosity {
        0 => return,
        1 => "promote=debug",
        _ => "promote=trace",
    };
    let subscriber = tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).with_target(false);
    // A second subscriber in one process is refused; there is no first one.
    let _ = subscriber.with_env_filter(tracing_subscriber::EnvFilter::new(level)).try_init();
}

/// Runs what the arguments say and returns the exit code. Errors are shown here, once.
fn run_command(arguments: Arguments, variables: BTreeMap<String, String>) -> Exit {
    let output = arguments.global.output;
    let trail = Trail::default();
    let written = trail.clone();
    let ended = watch::supervise(move |stop| work(arguments, variables, &trail, stop));
    match ended {
        Ok(watch::End::Finished(exit)) => exit,
        Ok(watch::End::Abandoned(exit)) => {
            watch::without_waiting(commands::abandon);
            let last_words = move || show(&Refusal::Interrupted { exit, written: written.to_string() }.into(), output);
            watch::without_waiting(last_words);
            exit
        }
        Err(error) => {
            tell(&format!("error: this machine gives no threads: {error}\n"));
            Exit::Local
        }
    }
}

/// Runs a command until it ends or is to stop.
fn work(arguments: Arguments, variables: BTreeMap<String, String>, trail: &Trail, stop: watch::Stop) -> Exit {
    let output = arguments.global.output;
    let (job, ci) = (Job::default(), ProcessEnvironment::read(&variables).ci);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tell(&format!("error: this machine gives no threads: {error}\n"));
            return Exit::Local;
        }
    };
    let result = runtime.block_on(async {
        tokio::select! {
            result = dispatch(arguments, variables, trail, &job) => result,
            Ok(exit) = stop => Err(Refusal::Interrupted { exit, written: trail.to_string() }.into()),
        }
    });
    // A name that is still being looked up is waited for by nobody.
    runtime.shutdown_background();
    let (exit, fault) = match result {
        Ok(Outcome(exit)) => (exit, None),
        Err(fault) => {
            show(&fault, output);
            (fault.problem().exit(), Some(fault))
        }
    };
    job.end(ci.as_ref(), exit, fault.as_ref());
    exit
}

async fn dispatch(
    arguments: Arguments,
    variables: BTreeMap<String, String>,
    trail: &Trail,
    job: &Job,
) -> Result<Outcome, Fault> {
    let Arguments { global, command } = arguments;
    let is_json = global.output == Output::Json;
    match &command {
        Some(Command::Tags(tags)) if tags.stdin => return commands::tags::run_on_stdin(is_json, tags),
        Some(Command::Explain(explain)) => return commands::explain::run(explain),
        Some(Command::Completions(completions)) => return Ok(completions_of(completions)),
        Some(Command::Man) => return Ok(manual()),
        Some(Command::Demo(demo)) => return commands::demo::run(demo, &variables).await,
        Some(Command::Doctor) => return Ok(commands::doctor::run(global, variables).await),
        _ => {}
    }
    let session = Session::open(global, variables, trail.clone(), job.clone()).await?;
    match &command {
        None => commands::summary::run(&session).await,
        Some(Command::Run(run)) => commands::promotion::run(&session, run).await,
        Some(Command::Status(status)) => commands::status::run(&session, status).await,
        Some(Command::Why(why)) => commands::why::run(&session, why).await,
        Some(Command::Check(check)) => commands::check::run(&session, check).await,
        Some(Command::Init(init)) => commands::init::run(&session, init).await,
        Some(Command::Auto(auto)) => commands::auto::run(&session, auto).await,
        Some(Command::Plan(plan)) => commands::plan::run(&session, plan).await,
        Some(Command::Tags(tags)) => commands::tags::run(&session, tags).await,
        Some(Command::Pins(pins)) => commands::pins::run(&session, pins).await,
        Some(Command::Demo(_) | Command::Doctor | Command::Explain(_) | Command::Completions(_) | Command::Man) => {
            Ok(Outcome::default())
        }
    }
}

fn show(fault: &Fault, output: Output) {
    if output == Output::Json {
        print_verbatim(&Document::new("Error", ErrorDocument { error: ErrorBody::of(fault.problem()) }).to_text());
    }
    tell(&problem::render(fault.problem(), fault.text()));
}

/// Shows help and usage errors; `-o json` gets its one document here too.
fn refuse(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind;
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let wants_json = std::env::args_os()
        .zip(std::env::args_os().skip(1))
        .any(|(flag, value)| (flag == "-o" || flag == "--output") && value == "json")
        || std::env::args_os().any(|flag| flag == "--output=json" || flag == "-ojson" || flag == "-o=json");
    if wants_json {
        print_verbatim(
            &Document::new("Error", ErrorDocument { error: ErrorBody::usage(&error.to_string()) }).to_text(),
        );
    } else {
        tell(&error.render().to_string());
    }
    ExitCode::from(Exit::Usage.code())
}

/// Parses arguments. `promote APP …` is read as `promote run APP …` unless APP is a command's name.
fn parse(mut arguments: Vec<OsString>) -> Result<Arguments, clap::Error> {
    let command = Arguments::command();
    match first_positional(&command, &arguments) {
        Some(name) if RESERVED.contains(&name.as_str()) => {
            return Err(Arguments::command().error(
                clap::error::ErrorKind::InvalidSubcommand,
                format!("the command `{name}` is not built yet (an app of that name: promote run {name})"),
            ));
        }
        Some(name) if command.find_subcommand(&name).is_none() => arguments.insert(1, "run".into()),
        _ => {}
    }
    Arguments::try_parse_from(arguments)
}

/// Returns the first argument that is neither an option nor an option's value.
fn first_positional(command: &clap::Command, arguments: &[OsString]) -> Option<String> {
    let run = command.find_subcommand("run");
    let takes_value = |text: &str| {
        let known = command.get_arguments().chain(run.into_iter().flat_map(clap::Command::get_arguments));
        known.filter(|argument| !argument.is_positional()).any(|argument| {
            let long = argument.get_long().is_some_and(|long| text == format!("--{long}"));
            let short = argument.get_short().is_some_and(|short| text == format!("-{short}"));
            (long || short) && argument.get_action().takes_values()
        })
    };
    let mut rest = arguments.iter().skip(1);
    while let Some(argument) = rest.next() {
        let text = argument.to_string_lossy();
        if text == "--" {
            return rest.next().map(|name| name.to_string_lossy().into_owned());
        }
        if !text.starts_with('-') || text == "-" {
            return Some(text.into_owned());
        }
        if takes_value(&text) {
            rest.next();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Arguments, clap::Error> {
        parse(std::iter::once("promote").chain(line.split_whitespace()).map(OsString::from).collect())
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn an_app_needs_no_command_wherever_the_options_stand() {
        for line in [
            "my-app v1.2.3 --to prod",
            "--to prod my-app v1.2.3",
            "-C . my-app --to=prod v1.2.3",
            "run my-app v1.2.3 --to prod",
        ] {
            let arguments = parsed(line).expect(line);
            let Some(Command::Run(run)) = arguments.command else { panic!("{line}") };
            assert_eq!(
                (run.app.as_str(), run.version.as_deref(), run.to.as_deref()),
                ("my-app", Some("v1.2.3"), Some("prod")),
                "{line}"
            );
        }
    }

    #[test]
    fn a_commands_name_is_the_command() {
        assert!(matches!(parsed("-o json status my-app").expect("parses").command, Some(Command::Status(_))));
        assert!(parsed("").expect("parses").command.is_none());
        assert!(parsed("rollback my-app").is_err());
    }
}
