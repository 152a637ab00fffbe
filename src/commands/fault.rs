//! What ends a command: any room's error, with the text of the file it stands in.

use crate::model::{Exit, Place, Problem};

/// An error of any room.
#[derive(Debug)]
pub struct Fault {
    problem: Box<dyn Problem>,
    text: Option<String>,
}

/// What a command itself refuses.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// `--at` or `--offline` with a command that writes.
    #[error("`{flag}` is for commands that only read")]
    ReadsOnly {
        /// The flag.
        flag: &'static str,
    },
    /// Several stages are pinned and nobody can be asked.
    #[error("{app} is pinned in several stages, and `--to` doesn't say which one to move")]
    StageOpen {
        /// The app.
        app: String,
        /// The stages that hold a pin.
        stages: Vec<String>,
    },
    /// Nothing of the app is found where it was asked for.
    #[error("no source or image of {app} is found in {}", environments.join(" or "))]
    NotThere {
        /// The app.
        app: String,
        /// The environments that were asked for.
        environments: Vec<String>,
    },
    /// The environments have no order.
    #[error("no order of environments is known here, and `--to` doesn't say which one to move")]
    NoOrder {
        /// Those that there are.
        environments: Vec<String>,
    },
    /// No environment holds a source.
    #[error("no environments with Flux sources were found")]
    NoEnvironments {
        /// What was looked for.
        looked_for: Vec<String>,
    },
    /// A file of the user's configuration can't be read.
    #[error("`{path}` can't be read")]
    UserFile {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file of an event can't be read.
    #[error("the event `{path}` can't be read")]
    EventFile {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file of an event holds something else.
    #[error("the event `{path}` is no JSON")]
    NoEvent {
        /// The file.
        path: String,
        /// Where it breaks off.
        source: serde_json::Error,
    },
    /// A VERSION that no tag may spell.
    #[error("`{version}` can't be a tag")]
    Version {
        /// The text.
        version: String,
        /// Why.
        source: crate::model::TagError,
    },
    /// `--stdin` can't be read.
    #[error("standard input can't be read")]
    StandardInput {
        /// What the system says.
        source: std::io::Error,
    },
    /// `promote explain` of a code that there is not.
    #[error("there is no code `{code}`")]
    UnknownCode {
        /// The text.
        code: String,
        /// The nearest one.
        nearest: Option<String>,
    },
    /// A folder for the playground that holds something.
    #[error("`{path}` is not empty")]
    NotEmpty {
        /// The folder.
        path: String,
    },
    /// A file of the playground can't be written.
    #[error("the playground can't be written in `{path}`")]
    Playground {
        /// The folder.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// A step of the playground's tour failed.
    #[error("`{command}` failed in the playground")]
    Tour {
        /// The command.
        command: String,
    },
    /// The signal to stop.
    #[error("interrupted: {written}")]
    Interrupted {
        /// Which signal.
        exit: Exit,
        /// What is on the remote and the forge by then.
        written: String,
    },
    /// A change without a step.
    #[error("nothing is to be moved")]
    NothingToMove,
    /// A branch of our name that holds something else.
    #[error("the branch `{branch}` exists at {commit} and holds something else than this promotion")]
    BranchTaken {
        /// The branch.
        branch: String,
        /// Its newest commit.
        commit: String,
    },
    /// The pull request of this promotion was closed by somebody.
    #[error("{name} for this promotion was closed{by}{when}: {url}")]
    ClosedByOthers {
        /// Its name: `pull request #12`.
        name: String,
        /// By whom, as ` by sre-1`, if the forge says so.
        by: String,
        /// When, as ` on 2026-11-23`, if the forge says so.
        when: String,
        /// Its page.
        url: String,
    },
    /// Another promotion of the same app and environment is open.
    #[error("{name} promotes {app} in {environment} to a newer version (`{branch}`): {url}")]
    RivalOpen {
        /// Its name: `pull request #12`.
        name: String,
        /// Its page.
        url: String,
        /// Its branch.
        branch: String,
        /// The app.
        app: String,
        /// The environment or stage.
        environment: String,
    },
    /// The base branch's rules ask for no approval, or can't be read, where a rule wants them.
    #[error("{why}, and nothing is promoted there without")]
    Unprotected {
        /// What is missing.
        why: String,
        /// The rule that wants it.
        place: Option<Place>,
    },
    /// What the plan was made from is not what the base branch holds any more.
    #[error("`{branch}` changed under this promotion again and again, in what it edits or in promote.yaml")]
    BaseMoved {
        /// The base branch.
        branch: String,
    },
    /// `promote.yaml` is there already.
    #[error("`{path}` is there already, and `init` writes only a new file")]
    AlreadyConfigured {
        /// The file.
        path: String,
    },
    /// Nowhere to write a file.
    #[error("there is no working tree to write `promote.yaml` into")]
    NoWorkingTree,
    /// A new file can't be written.
    #[error("`{path}` can't be written")]
    Unwritable {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The tag points at something else than when the plan was made.
    #[error("the tag `{tag}` moved while this ran: it was {was}, now it is {now}")]
    TagMoved {
        /// The tag.
        tag: String,
        /// The digest in the plan.
        was: String,
        /// The digest now.
        now: String,
    },
}

impl Problem for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::ReadsOnly { .. } => "reads-only",
            Self::StageOpen { .. } => "stage-open",
            Self::NotThere { .. } => "not-there",
            Self::NoOrder { .. } => "no-order",
            Self::NoEnvironments { .. } => "no-environments",
            Self::UserFile { .. } => "user-configuration-unreadable",
            Self::EventFile { .. } => "event-unreadable",
            Self::NoEvent { .. } => "no-event",
            Self::Version { .. } => "no-tag",
            Self::StandardInput { .. } => "stdin-unreadable",
            Self::UnknownCode { .. } => "unknown-code",
            Self::NotEmpty { .. } => "folder-not-empty",
            Self::Playground { .. } => "playground-unwritable",
            Self::Tour { .. } => "tour-failed",
            Self::Interrupted { .. } => "interrupted",
            Self::NothingToMove => "nothing-to-move",
            Self::BranchTaken { .. } => "branch-taken",
            Self::ClosedByOthers { .. } => "closed-by-others",
            Self::RivalOpen { .. } => "rival-open",
            Self::TagMoved { .. } => "tag-moved",
            Self::BaseMoved { .. } => "base-moved",
            Self::Unprotected { .. } => "base-unprotected",
            Self::AlreadyConfigured { .. } => "already-configured",
            Self::NoWorkingTree => "no-working-tree",
            Self::Unwritable { .. } => "file-unwritable",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::StandardInput { .. } | Self::Playground { .. } | Self::Unwritable { .. } => Exit::Local,
            Self::Tour { .. } | Self::NothingToMove => Exit::Bug,
            Self::BranchTaken { .. } | Self::RivalOpen { .. } | Self::BaseMoved { .. } => Exit::Conflict,
            Self::ClosedByOthers { .. } | Self::TagMoved { .. } | Self::Unprotected { .. } => Exit::Refused,
            Self::Interrupted { exit, .. } => *exit,
            _ => Exit::Usage,
        }
    }

    fn place(&self) -> Option<&Place> {
        match self {
            Self::Unprotected { place, .. } => place.as_ref(),
            _ => None,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unprotected { .. } => {
                "require an approval in the base branch's rules, and let the token read them".to_owned()
            }
            Self::AlreadyConfigured { .. } => "promote init --print shows what would be found without it".to_owned(),
            Self::NoWorkingTree => "promote init --print prints it".to_owned(),
            Self::ReadsOnly { flag } => {
                format!("leave out `{flag}`: what is written is built on the remote's newest commit")
            }
            Self::StageOpen { stages, .. } => format!("--to {}", stages.join(" or --to ")),
            Self::NotThere { app, .. } => format!("promote pins {app} shows where it is written"),
            Self::NoOrder { environments } => {
                format!("--to {}; or write the order down in promote.yaml", environments.join(" or --to "))
            }
            Self::NoEnvironments { looked_for } => format!(
                "looked for {};\nsay where they are in promote.yaml: environments: [{{name: production, path: clusters/production}}]",
                looked_for.join(";\n")
            ),
            Self::UnknownCode { nearest: Some(nearest), .. } => format!("did you mean `{nearest}`?"),
            Self::UnknownCode { nearest: None, .. } => "promote explain lists all".to_owned(),
            Self::BranchTaken { branch, commit } => {
                format!("look at it: git fetch origin {commit}; if nobody needs it: git push origin --delete {branch}")
            }
            Self::ClosedByOthers { .. } => "--reopen opens a new one".to_owned(),
            Self::RivalOpen { name, .. } => {
                format!("merge or close {name} first; or --supersede closes it for this one")
            }
            Self::BaseMoved { .. } => "run again when it has come to rest".to_owned(),
            Self::TagMoved { .. } => "find out who pushed it again; a new version is the safe way".to_owned(),
            Self::Interrupted { .. } => "run the same command again: it finishes what is missing".to_owned(),
            Self::NoEvent { .. } => "give the webhook's own body, or $GITHUB_EVENT_PATH".to_owned(),
            Self::NotEmpty { .. } => "name a new folder, or none: promote demo".to_owned(),
            _ => return None,
        })
    }
}

impl<E: Problem + 'static> From<E> for Fault {
    fn from(problem: E) -> Self {
        Self { problem: Box::new(problem), text: None }
    }
}

impl Fault {
    /// Returns what it is.
    pub fn problem(&self) -> &dyn Problem {
        self.problem.as_ref()
    }

    /// Returns the text of the file that its place is in.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// Keeps the text of the file that its place is in, so that the line can be shown.
    pub fn with_text(mut self, text: impl FnOnce(&Place) -> Option<String>) -> Self {
        self.text = self.problem.place().and_then(text);
        self
    }
}
