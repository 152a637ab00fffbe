//! All that is said about one pull request, as facts.

use jiff::{SignedDuration, Timestamp};
use url::Url;

use crate::model::{AppName, Chosen, EnvironmentName, Evidence, RepoPath, Tag};
use crate::report::template::Template;

/// All that is said about one pull request.
#[derive(Clone, Debug)]
pub struct Promotion {
    /// Forward or back.
    pub direction: Direction,
    /// The environment, or the stage if several move.
    pub target: EnvironmentName,
    /// Each app that moves; never empty.
    pub moves: Vec<Move>,
    /// Who asked, as the forge or the CI says; none if neither does.
    pub requester: Option<Requester>,
    /// Why, in the requester's words.
    pub reason: Option<String>,
    /// The rules that were waived.
    pub waived: Vec<Waived>,
    /// What else the approver must know: an unprotected base, checks that may not run.
    pub notes: Vec<String>,
    /// The changed lines.
    pub hunks: Vec<Hunk>,
    /// How many scalars are replaced.
    pub values: usize,
    /// The forge's word for its unit of review: `pull request` or `merge request`.
    pub unit: &'static str,
    /// The base commit.
    pub base: String,
    /// Where the rules are written.
    pub rules: Option<Link>,
    /// Whether `promote check --pull-request` can judge it again where it is opened.
    pub can_be_judged: bool,
    /// The time of writing.
    pub now: Timestamp,
}

/// Which way it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To a newer version.
    Forward,
    /// To a version that ran there before.
    Back,
}

/// Who asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requester {
    /// The account's name.
    pub name: String,
    /// Who says so: the forge's or the CI's host.
    pub origin: String,
    /// Whether the rules asked, and not a person.
    pub is_by_rules: bool,
}

/// A rule that was waived, and what it would have said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waived {
    /// `soak`, `freeze`, `from`, `range` or `hold`.
    pub rule: String,
    /// What is missing: "soak 0 of 24 h".
    pub message: String,
}

/// One app, in the environments that one slot decides.
#[derive(Clone, Debug)]
pub struct Move {
    /// The app.
    pub app: AppName,
    /// Where it moves; more than one if they share the deciding slot. Never empty.
    pub environments: Vec<EnvironmentName>,
    /// The stage of those.
    pub stage: EnvironmentName,
    /// What is pinned now.
    pub from: Option<Chosen>,
    /// What it moves to.
    pub to: Chosen,
    /// The tag where the target finds it.
    pub reference: Option<Shelved>,
    /// What the environments before ran; empty if no earlier stage has the app.
    pub before: Vec<Before>,
    /// What is known of a signature; none where none is demanded and none was found.
    pub signature: Option<String>,
    /// The rules that say yes: "newer than v1.2.1", "not held".
    pub rules: Vec<Kept>,
    /// The other environments of the stage.
    pub mates: Vec<Mate>,
    /// The versions between, oldest first; none if they could not be listed.
    pub skipped: Option<Vec<Tag>>,
    /// How many commits come with it, where that is known.
    pub commits: Option<usize>,
    /// The comparison of the two versions' sources.
    pub compare: Option<Link>,
    /// Dashboards of the environments.
    pub dashboards: Vec<Link>,
    /// Since when `from` has been there.
    pub since: Option<Timestamp>,
    /// What every environment runs.
    pub standing: Vec<Standing>,
    /// What the artifact says of itself.
    pub annotations: Vec<(String, String)>,
}

/// A tag, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shelved {
    /// In a registry, in full: `registry.example.com/my-app-config:v1.2.3`.
    InRegistry(String),
    /// In a Git repository: its URL, and the tag.
    InRepository(String, Tag),
}

/// A rule that says yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What it says: "not held", or "within" before a range.
    pub text: String,
    /// The range or version in it, shown as it is written.
    pub code: Option<String>,
}

/// What an environment before ran.
#[derive(Clone, Debug)]
pub struct Before {
    /// Its name.
    pub name: EnvironmentName,
    /// How that is known.
    pub evidence: Evidence,
    /// Whether its content is the same.
    pub content: Content,
    /// Since when it was seen there, and until when; none if nobody knows.
    pub seen: Option<(Timestamp, Option<Timestamp>)>,
    /// How long is asked for.
    pub asked: Option<SignedDuration>,
    /// What it is on now.
    pub now: Option<Tag>,
}

/// Is it the content that was tried before?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// The digests are equal.
    Same,
    /// One of the digests isn't known.
    NotKnown,
}

/// Another environment of the stage, and what becomes of it.
#[derive(Clone, Debug)]
pub struct Mate {
    /// Its name.
    pub name: EnvironmentName,
    /// What happens there.
    pub next: Next,
}

/// What happens in another environment of the stage.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Next {
    /// It follows in a pull request of its own, after this long.
    Follows(Option<SignedDuration>),
    /// It stays as it is.
    Stays,
    /// It runs the version already.
    Runs,
}

/// What an environment runs and how that is chosen.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Environments for which both are the same.
    pub names: Vec<EnvironmentName>,
    /// What runs; none if it isn't known.
    pub now: Option<String>,
    /// How it is chosen.
    pub how: How,
}

/// How a version is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// A pin.
    Pinned,
    /// A range, as written.
    Follows(String),
    /// Something whose version can't be told.
    Floating(String),
    /// It can't be told.
    NotKnown,
}

/// A link that we made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What is read.
    pub text: String,
    /// Where it leads.
    pub url: Url,
}

/// Changed lines of one file with what stands around them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk {
    /// The file.
    pub path: RepoPath,
    /// The line of the first change, from 1.
    pub line: usize,
    /// Each line, with ` `, `-` or `+` before it.
    pub lines: Vec<String>,
}

/// Replacements for our templates, read at the base commit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Overrides<'a> {
    /// What stands below the facts.
    pub body: Option<Template<'a>>,
    /// What stands above the trailers.
    pub commit: Option<Template<'a>>,
}

/// Title and body of a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The title.
    pub title: String,
    /// The body, in Markdown.
    pub body: String,
}
