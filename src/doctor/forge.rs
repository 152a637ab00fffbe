//! The forge, and what the token may do there.

use jiff::SignedDuration;

use crate::model::{Check, Exit, Failure, Subject};

/// Beyond this, soak and freeze would be judged by a wrong clock.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What is known of the forge.
#[derive(Clone, Debug)]
pub struct ForgeFacts {
    /// Its host.
    pub host: String,
    /// Its kind, for people.
    pub kind: String,
    /// The variable that the token is from.
    pub origin: String,
    /// Whose token it is; none if it is nobody's.
    pub account: Result<Option<String>, Failure>,
    /// Whether it may push branches (none: the forge doesn't say), and whether the repository is archived.
    pub access: Result<(Option<bool>, bool), Failure>,
    /// What the token may do.
    pub scopes: Scopes,
    /// How far the forge's clock is ahead of ours.
    pub skew: Option<SignedDuration>,
    /// What must be said of such a token.
    pub notices: Vec<String>,
}

/// What a token may do, as far as the forge says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scopes {
    /// The forge doesn't say.
    Untold,
    /// It may write contents and pull requests; these it needs not have.
    Enough(Vec<String>),
    /// It may not write what a promotion writes; these it has.
    TooFew(Vec<String>),
}

/// Judges the forge.
pub fn forge(facts: &ForgeFacts) -> Vec<Check> {
    let mut checks = Vec::new();
    match (&facts.account, &facts.access) {
        // One refusal of the token is enough.
        (Err(failure), Err(other)) if failure == other || failure.exit == Exit::Authentication => {
            checks.push(Check::failed(Subject::Forge, failure));
        }
        (account, access) => {
            checks.extend(access_of(facts, account.as_ref().ok().and_then(Option::as_deref), access));
            checks.extend(account.as_ref().err().map(|failure| Check::failed(Subject::Forge, failure)));
        }
    }
    match &facts.scopes {
        Scopes::TooFew(held) => {
            let held = if held.is_empty() { "none".to_owned() } else { held.join(", ") };
            let message =
                format!("the token of {} may not push and open pull requests: its scopes are {held}", facts.origin);
            let help =
                "give it the scope `repo`, or take a fine-grained one: contents and pull requests, read and write";
            checks.push(Check::error(Subject::Forge, Exit::Authentication, message).help(help));
        }
        Scopes::Enough(needless) if !needless.is_empty() => {
            let message =
                format!("the token of {} may do more than a promotion needs: {}", facts.origin, needless.join(", "));
            let help = "a GitHub App with contents and pull requests (write) and metadata (read) is enough";
            checks.push(Check::warning(Subject::Forge, message).help(help));
        }
        Scopes::Enough(_) | Scopes::Untold => {}
    }
    checks.extend(facts.notices.iter().map(|notice| Check::warning(Subject::Forge, notice.clone())));
    checks.extend(facts.skew.filter(|skew| skew.abs() > SKEW).map(|skew| {
        let minutes = skew.abs().as_mins();
        let side = if skew.is_negative() { "ahead of" } else { "behind" };
        let message =
            format!("this machine's clock is {minutes} min {side} {}'s: soak and freeze are unknown", facts.host);
        Check::warning(Subject::Forge, message).help("set this machine's clock")
    }));
    checks
}

fn access_of(facts: &ForgeFacts, account: Option<&str>, access: &Result<(Option<bool>, bool), Failure>) -> Vec<Check> {
    let whose = account.map_or_else(|| "a token that is nobody's".to_owned(), str::to_owned);
    let who = format!("{} at {} as {whose} ({})", facts.kind, facts.host, facts.origin);
    let one = match access {
        Ok((_, true)) => Check::error(Subject::Forge, Exit::Refused, format!("{who}; the repository is archived"))
            .help("a promotion needs a repository that can be written"),
        Ok((Some(false), _)) => {
            let message = format!("{who}; may not push branches");
            Check::error(Subject::Forge, Exit::Authentication, message).help("give the account the role that may write")
        }
        Ok((Some(true), _)) => {
            let sure = match facts.scopes {
                Scopes::Enough(_) => "can push branches, can open pull requests",
                Scopes::TooFew(_) => "the account may push branches",
                Scopes::Untold => {
                    "the account may push branches and open pull requests; whether its token may, too, isn't told"
                }
            };
            Check::ok(Subject::Forge, format!("{who}; {sure}"))
        }
        Ok((None, _)) => Check::warning(Subject::Forge, format!("{who}; what the token may do isn't told")),
        Err(failure) => {
            Check { message: format!("{who}: {}", failure.message), ..Check::failed(Subject::Forge, failure) }
        }
    };
    vec![one]
}
