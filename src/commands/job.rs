//! Tells the CI job around a run what came of it, in the ways of GitHub Actions and GitLab CI.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::fault::Fault;
use super::{progress, tell};
use crate::config::environment::{Ci, GithubActions};
use crate::model::Exit;
use crate::report::job::JobReport;

/// What a run has to tell so far. Clones share it.
#[derive(Clone, Default)]
pub struct Job(Arc<Mutex<JobReport>>);

impl Job {
    /// Takes what a command has to tell.
    pub fn takes(&self, report: JobReport) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = report;
    }

    /// Tells the job, if there is one. What can't be written there is told, and fails nothing.
    pub fn end(&self, ci: Option<&Ci>, exit: Exit, fault: Option<&Fault>) {
        let mut report = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(fault) = fault {
            report.add_problem(fault.problem());
        }
        match ci {
            Some(Ci::Github(actions)) => tell_actions(actions, &report, exit),
            Some(Ci::Gitlab(job)) => {
                let Some(path) = &job.dotenv else { return };
                warn_unless(path, replace(path, &report.dotenv(exit)));
            }
            Some(Ci::Other) | None => {}
        }
    }
}

fn tell_actions(actions: &GithubActions, report: &JobReport, exit: Exit) {
    command(&report.annotations());
    if let Some(path) = &actions.summary {
        warn_unless(path, append(path, &report.summary(exit)));
    }
    if let Some(path) = &actions.output {
        warn_unless(path, append(path, &report.outputs(exit, &delimiter())));
    }
}

/// Writes workflow commands, which the runner reads from standard error as well: standard output is the result's.
fn command(text: &str) {
    progress::clear();
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

fn warn_unless(path: &Path, written: io::Result<()>) {
    if let Err(error) = written {
        tell(&format!("warning: the job isn't told, `{}` can't be written: {error}\n", path.display()));
    }
}

/// Several steps' worth of text may stand in one file.
fn append(path: &Path, text: &str) -> io::Result<()> {
    std::fs::OpenOptions::new().append(true).create(true).open(path)?.write_all(text.as_bytes())
}

/// Writes over a report of an earlier run in the same job, and over nothing else.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    match std::fs::read_to_string(path) {
        Ok(old) if !old.lines().all(|line| line.starts_with("PROMOTE_")) => {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "it holds something else"));
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    std::fs::write(path, text)
}

/// Returns a line that nobody could know before: each state hashes with a key that the system drew by chance.
fn delimiter() -> String {
    let word = || RandomState::new().build_hasher().finish();
    format!("promote_{:016x}{:016x}", word(), word())
}
