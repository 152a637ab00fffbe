//! The `git` program, the remote, who commits and who signs.

use std::time::Duration;

use crate::model::{Check, Exit, Failure, Subject};

/// What is known of Git here.
#[derive(Clone, Debug)]
pub struct GitFacts {
    /// The version of the program.
    pub version: String,
    /// Whether it lacks the security fixes of July 2025.
    pub lacks_security_fixes: bool,
    /// The remote's URL.
    pub remote: Option<String>,
    /// How reading the base went.
    pub fetched: Fetched,
    /// Who commits, or why nobody can.
    pub identity: Result<String, Failure>,
    /// How commits are signed, if they are, or why they can't be.
    pub signing: Result<Option<&'static str>, Failure>,
}

/// How reading the base went.
#[derive(Clone, Debug)]
pub enum Fetched {
    /// It was fetched, in this time.
    Within(Duration),
    /// It was fetched in this time, and the server left nothing out.
    Whole(Duration),
    /// It was fetched in this time, and the server can't leave the files' contents out.
    WithFiles(Duration),
    /// It was not: `--offline`, another revision, no remote.
    Not(&'static str),
    /// It can't be.
    Failed(Failure),
}

/// Judges Git.
pub fn git(facts: &GitFacts) -> Vec<Check> {
    let mut checks = Vec::new();
    if facts.lacks_security_fixes {
        let message = format!(
            "git {} lacks the security fixes of July 2025 (CVE-2025-48384 and others), unless whoever packaged it has \
             added them",
            facts.version
        );
        let help = "install 2.43.7, 2.44.4, 2.45.4, 2.46.4, 2.47.3, 2.48.2, 2.49.1, 2.50.1 or newer";
        checks.push(Check::error(Subject::Git, Exit::Local, message).help(help));
    }
    let remote = facts.remote.as_deref().map_or_else(|| "no remote".to_owned(), |remote| format!("remote {remote}"));
    let said = format!("{}, {remote}", facts.version);
    checks.push(match &facts.fetched {
        Fetched::Within(time) => Check::ok(Subject::Git, format!("{said}, fetch {:.1} s", time.as_secs_f64())),
        Fetched::WithFiles(time) => {
            let message = format!(
                "{said}, fetch {:.1} s: the server can't leave the files' contents out, so each run fetches them all",
                time.as_secs_f64()
            );
            Check::warning(Subject::Git, message).help("on the server: git config uploadpack.allowFilter true")
        }
        Fetched::Whole(time) => {
            let message = format!(
                "{said}, fetch {:.1} s: the server can't leave the history out, so each run fetches it all",
                time.as_secs_f64()
            );
            Check::warning(Subject::Git, message).help("serve the repository over a protocol that knows shallow clones")
        }
        Fetched::Not(why) => {
            Check::warning(Subject::Git, format!("{said}; whether it can be fetched is unknown: {why}"))
        }
        Fetched::Failed(failure) => {
            Check { message: format!("{said}: {}", failure.message), ..Check::failed(Subject::Git, failure) }
        }
    });
    checks.push(match &facts.identity {
        Ok(who) => Check::ok(Subject::Git, format!("commits as {who}, {}", signed(facts))),
        Err(failure) => Check::failed(Subject::Git, failure),
    });
    if let Err(failure) = &facts.signing {
        checks.push(Check::failed(Subject::Git, failure));
    }
    checks
}

fn signed(facts: &GitFacts) -> String {
    match &facts.signing {
        Ok(Some(format)) => format!("signed ({format})"),
        Ok(None) => "not signed".to_owned(),
        Err(_) => "to be signed".to_owned(),
    }
}
