//! The registries of the fleet: whether they answer, take the login, and list completely.

use crate::model::{Check, Failure, Subject};

/// What is known of a registry.
#[derive(Clone, Debug)]
pub struct RegistryFacts {
    /// The registry as references name it.
    pub host: String,
    /// How many apps come from it.
    pub apps: usize,
    /// Where the login is from, for people.
    pub login: String,
    /// What is asked instead: a mirror or a folder.
    pub instead: Option<String>,
    /// Whether it is asked over plain HTTP.
    pub plain_http: bool,
    /// Why the registry itself can't be asked, if so.
    pub problem: Option<Failure>,
    /// How the list of one artifact's tags went.
    pub listing: Listing,
}

/// How a list went.
#[derive(Clone, Debug)]
pub enum Listing {
    /// It is complete, with so many versions.
    Complete(usize),
    /// It can't be had.
    Failed(Failure),
}

/// What is known of a Helm repository over HTTP.
#[derive(Clone, Debug)]
pub struct ChartFacts {
    /// Its URL.
    pub repository: String,
    /// How many apps come from it.
    pub apps: usize,
    /// How its index went.
    pub listing: Listing,
}

/// Judges a registry.
pub fn registry(facts: &RegistryFacts) -> Check {
    let instead = facts.instead.as_ref().map(|instead| format!(" (asked at {instead})")).unwrap_or_default();
    let plain = if facts.plain_http { ", over plain HTTP" } else { "" };
    let said = format!("{}{instead}", facts.host);
    let failed = |failure: &Failure| Check {
        message: format!("{said}: {}; used by {}", failure.message, apps(facts.apps)),
        ..Check::failed(Subject::Registry, failure)
    };
    match (&facts.listing, &facts.problem) {
        (Listing::Failed(failure), None) => failed(failure),
        // Why the registry as such can't be asked says more than why one list of it can't be had.
        (Listing::Failed(_), Some(problem)) => failed(problem),
        (Listing::Complete(count), problem) => {
            let message = format!(
                "{said}: {}{plain}, lists {count} tags of one artifact; used by {}",
                facts.login,
                apps(facts.apps)
            );
            match problem {
                // Some registries have nothing to say for themselves and answer for their artifacts nonetheless.
                Some(problem) if problem.code == "login-withheld" => {
                    let message = format!("{message}; {}", problem.message);
                    Check { help: problem.hint.clone(), ..Check::warning(Subject::Registry, message) }
                }
                _ => Check::ok(Subject::Registry, message),
            }
        }
    }
}

/// Judges a Helm repository.
pub fn charts(facts: &ChartFacts) -> Check {
    let used = format!("used by {}", apps(facts.apps));
    match &facts.listing {
        Listing::Complete(count) => {
            let message = format!("{}: lists {count} versions of one chart; {used}", facts.repository);
            Check::ok(Subject::Registry, message)
        }
        Listing::Failed(failure) => Check {
            message: format!("{}: {}; {used}", facts.repository, failure.message),
            ..Check::failed(Subject::Registry, failure)
        },
    }
}

fn apps(count: usize) -> String {
    if count == 1 { "1 app".to_owned() } else { format!("{count} apps") }
}
