//! What each command takes: the arguments behind its name.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::model::Shard;

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
    /// Tell what is asked of Git, registries and the forge; twice for more
    #[arg(short, long, action = clap::ArgAction::Count, global = true, help_heading = "Output")]
    pub verbose: u8,
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
    /// GitLab.
    Gitlab,
    /// Gitea.
    Gitea,
    /// Forgejo.
    Forgejo,
    /// No forge: the branch is pushed and the pull request's text printed.
    None,
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
    /// Close an open promotion of a newer version for this one
    #[arg(long)]
    pub supersede: bool,
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
    /// Open one pull request for all of a stage, or for a team's apps in a stage
    #[arg(long, value_enum, value_name = "team|stage")]
    pub group: Option<Group>,
    /// Look at one part of the apps only: the Ith of N
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
    /// Look at the apps only that this event names: JSON of a registry's webhook, of Flux, or of the CI job
    #[arg(long, value_name = "FILE")]
    pub event_file: Option<PathBuf>,
    /// Print plan, diff and pull requests, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// What goes into one pull request beside what must.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Group {
    /// The apps of one team, as `apps:` says whose they are.
    Team,
    /// All.
    Stage,
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
    /// An app, or an artifact: `oci://...`, `https://...#chart`, the URL of a Git repository
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

/// `promote check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Judge this pull request as it would be merged now, by the rules of the base; without N the one of the CI job
    #[arg(long, value_name = "N", num_args = 0..=1)]
    pub pull_request: Option<Option<String>>,
}

/// `promote init`.
#[derive(Debug, Args)]
pub struct Init {
    /// Print the file instead of writing it
    #[arg(long)]
    pub print: bool,
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
