//! Arguments, environment variables and exit codes; shows errors and hints.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::commands;
use crate::model::Exit;

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

/// Where to read, and how to print.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Read the clone that holds this directory
    #[arg(short = 'C', value_name = "DIR", global = true, help_heading = "Where")]
    pub directory: Option<PathBuf>,
    /// Read this repository, without a clone
    #[arg(long, value_name = "URL", global = true, conflicts_with = "directory", help_heading = "Where")]
    pub repo: Option<String>,
    /// Use this remote of the clone
    #[arg(long, value_name = "NAME", global = true, conflicts_with = "repo", help_heading = "Where")]
    pub remote: Option<String>,
    /// Use this base branch
    #[arg(long, value_name = "BRANCH", global = true, help_heading = "Where")]
    pub base: Option<String>,
    /// Narrow to this environment or stage; may be given more than once
    #[arg(long = "env", value_name = "ENV|STAGE", global = true, help_heading = "Where")]
    pub environments: Vec<String>,
    /// Read this revision, or `worktree`, instead of the remote's newest commit
    #[arg(long, value_name = "REV", global = true, help_heading = "Where")]
    pub at: Option<String>,
    /// Ask nothing of the network
    #[arg(long, global = true, help_heading = "Where")]
    pub offline: bool,
    /// Open pull requests there; `none` pushes the branch and prints the text
    #[arg(long, value_enum, value_name = "KIND", global = true, help_heading = "Where")]
    pub forge: Option<ForgeChoice>,
    /// Print for people or as JSON
    #[arg(
        short,
        long,
        value_enum,
        value_name = "FORMAT",
        default_value = "text",
        global = true,
        help_heading = "Output"
    )]
    pub output: Output,
}

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

/// The forge to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ForgeChoice {
    /// GitHub or GitHub Enterprise.
    Github,
    /// No forge: the branch is pushed and the pull request's text printed.
    None,
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
    /// Open the pull requests that are due; change nothing when none is
    #[command(display_order = 10)]
    Auto(Auto),
    /// Show who can advance where, and who can't
    #[command(display_order = 11)]
    Plan(Plan),
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

/// `promote APP [VERSION]`.
#[derive(Debug, Args)]
pub struct Run {
    /// An app's name, `namespace/name`, the last segment of its artifact, or `oci://...`
    pub app: String,
    /// A tag or version of its artifact; else what the environment before runs
    pub version: Option<String>,
    /// Move this environment or stage
    #[arg(long, value_name = "ENV|STAGE")]
    pub to: Option<String>,
    /// Say why, in the commit and the pull request
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Print plan, diff and pull request, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Open a new pull request where somebody closed the one before
    #[arg(long)]
    pub reopen: bool,
}

/// `promote status`.
#[derive(Debug, Args)]
pub struct Status {
    /// Only these apps
    pub apps: Vec<String>,
    /// Show apps that are level, too
    #[arg(long)]
    pub all: bool,
}

/// `promote why`.
#[derive(Debug, Args)]
pub struct Why {
    /// The app
    pub app: String,
    /// Only this version, with each rule that says no
    pub version: Option<String>,
    /// Show every tag
    #[arg(long)]
    pub all: bool,
}

/// `promote auto`.
#[derive(Debug, Args)]
pub struct Auto {
    /// Only these apps
    #[arg(long, value_name = "APP")]
    pub only: Vec<String>,
    /// All but these apps
    #[arg(long, value_name = "APP")]
    pub except: Vec<String>,
    /// Open at most this many pull requests
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Print plan, diff and pull requests, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `promote plan`.
#[derive(Debug, Args)]
pub struct Plan {
    /// Only these apps
    pub apps: Vec<String>,
    /// Exit with 1 if something is due
    #[arg(long)]
    pub exit_code: bool,
}

/// `promote tags`.
#[derive(Debug, Args)]
pub struct Tags {
    /// An app, or an artifact as `oci://...`
    #[arg(value_name = "APP|oci://...", required_unless_present = "stdin", conflicts_with = "stdin")]
    pub artifact: Option<String>,
    /// Show what Flux would select by this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    pub range: Option<String>,
    /// Consider only tags that this regular expression matches, as `semverFilter`
    #[arg(long, value_name = "REGEX", allow_hyphen_values = true)]
    pub filter: Option<String>,
    /// Read tags as `layerSelector.mediaType` says: Helm charts write `+` as `_`
    #[arg(long, value_name = "TYPE", allow_hyphen_values = true)]
    pub layer_media_type: Option<String>,
    /// Read tags from standard input, one a line
    #[arg(long)]
    pub stdin: bool,
}

/// `promote pins`.
#[derive(Debug, Args)]
pub struct Pins {
    /// Only these apps
    pub apps: Vec<String>,
    /// Show also those that no environment reaches
    #[arg(long)]
    pub all: bool,
}

/// `promote demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// An empty or new directory; else a new one below the temporary directory
    pub directory: Option<PathBuf>,
}

/// `promote explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// A code such as `digest-differs`; none lists all
    pub code: Option<String>,
}

/// `promote completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// Names that become commands later: no app is promoted by such a name without `run`.
const RESERVED: [&str; 8] = ["rollback", "history", "init", "doctor", "check", "schema", "observe", "help"];

/// Runs the program and returns its exit code.
pub fn run() -> ExitCode {
    let variables: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let arguments = match parse(std::env::args_os().collect()) {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    let exit = commands::run(arguments, variables);
    ExitCode::from(exit.code())
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
        commands::print_usage_error(&error.to_string());
    } else {
        let _ = error.print();
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
