//! GitHub, GitLab, Forgejo and Gitea, or none: who asks for a review, and what became of it.
//!
//! Every request goes through one gate, which knows a closed list of calls and adds the token for the forge's own API
//! only. None of the calls approves, merges, enables auto-merge, writes rules or deletes a branch.

mod address;
mod app;
mod attempt;
mod call;
mod error;
mod forgejo;
mod gate;
mod github;
mod gitlab;
mod login;
mod nowhere;
mod publish;
mod pull_request;
mod requester;
mod rest;
mod token;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use url::Url;

pub use address::{Address, Host, Hosts, Kind, comparison, kind_of, line_page};
pub use attempt::{Ending, Rival, Rivals, Touch, ending, rivals, supersede, touches};
pub use call::{Call, recognise};
pub use error::Error;
pub use gate::{Patience, Told};
pub use login::{Login, Logins};
pub use publish::{Published, publish};
pub use pull_request::{
    Access, Account, Approvals, Comment, OwnerError, Proposal, PullRequest, Review, ReviewVerdict, State,
};
pub use requester::{AUTO, Requester, job_requester, notices, requester};
pub use token::token_for;

use crate::model::BranchRules;
use gate::Gate;

/// What a forge answers, when it does.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Where a repository's pull requests are.
pub trait Forge: Send + Sync {
    /// Returns its kind.
    fn kind(&self) -> Kind;

    /// Returns the repository's page.
    fn page(&self) -> Option<Url>;

    /// Returns the variable that the token is from.
    fn token_origin(&self) -> Option<&'static str>;

    /// Returns whose token it is; none if it is nobody's, as in CI.
    fn identity(&self) -> Answer<'_, Option<Account>>;

    /// Returns the pull requests from a branch of this repository, whatever became of them, newest first.
    fn of_branch<'a>(&'a self, branch: &'a str) -> Answer<'a, Vec<PullRequest>>;

    /// Returns every open pull request, newest first.
    fn open_ones(&self) -> Answer<'_, Vec<PullRequest>>;

    /// Returns the pull requests that were closed or merged, most recently changed first: `most` of them, or a page more.
    fn ended_ones(&self, most: usize) -> Answer<'_, Vec<PullRequest>>;

    /// Returns what the token may do in the repository.
    fn access(&self) -> Answer<'_, Access>;

    /// Returns what answers told so far beside what was asked.
    fn told(&self) -> Told;

    /// Returns one pull request as it is now.
    fn read(&self, number: u64) -> Answer<'_, PullRequest>;

    /// Returns the paths that a pull request changes.
    fn files(&self, number: u64) -> Answer<'_, Vec<String>>;

    /// Returns the reviews of a pull request, oldest first.
    fn reviews(&self, number: u64) -> Answer<'_, Vec<Review>>;

    /// Returns the comments on a pull request, oldest first.
    fn comments(&self, number: u64) -> Answer<'_, Vec<Comment>>;

    /// Returns whether the rules of a branch ask for an approval. What can't be read is an answer, not an error.
    fn approvals<'a>(&'a self, branch: &'a str) -> Answer<'a, Approvals>;

    /// Returns all that the rules of a branch ask for. What can't be read is an answer, not an error.
    fn branch_rules<'a>(&'a self, branch: &'a str) -> Answer<'a, BranchRules>;

    /// Returns what the forge finds wrong in the file of code owners; nothing where it can't tell.
    fn owner_errors<'a>(&'a self, branch: &'a str) -> Answer<'a, Vec<OwnerError>>;

    /// Opens a pull request, without labels and reviewers; none where there is no forge. See [`publish()`].
    fn create<'a>(&'a self, proposal: &'a Proposal) -> Answer<'a, Option<PullRequest>>;

    /// Adds labels to those that are there.
    fn add_labels<'a>(&'a self, number: u64, labels: &'a [String]) -> Answer<'a, ()>;

    /// Asks people and teams for a review.
    fn ask_reviewers<'a>(&'a self, number: u64, people: &'a [String], teams: &'a [String]) -> Answer<'a, ()>;

    /// Writes a comment.
    fn comment<'a>(&'a self, number: u64, body: &'a str) -> Answer<'a, ()>;

    /// Closes a pull request without merging it.
    fn close(&self, number: u64) -> Answer<'_, ()>;

    /// Returns how long it is waited for.
    fn patience(&self) -> Patience;
}

/// Returns the forge of a remote. Nothing is asked of the network.
///
/// # Errors
/// [`Error`] if the remote is on no known forge, or there is no login for its host.
pub fn connect(
    asked: Option<Kind>,
    remote: &str,
    logins: &Logins,
    patience: Patience,
) -> Result<Box<dyn Forge>, Error> {
    // Without a forge the remote's form doesn't matter.
    if asked == Some(Kind::None) {
        return Ok(Box::new(nowhere::Nowhere));
    }
    let (environment, hosts) = (&logins.environment, &logins.hosts);
    let address = Address::of_remote(remote)?;
    let kind = kind_of(asked, address.as_ref(), environment, hosts)?;
    let Some(address) = address.filter(|_| kind != Kind::None) else {
        return if kind == Kind::None {
            Ok(Box::new(nowhere::Nowhere))
        } else {
            Err(Error::NoRepository { remote: remote.escape_default().to_string() })
        };
    };
    let login = logins.of(&address.host, Some(&address))?.ok_or_else(|| Error::TokenMissing {
        host: address.host.clone(),
        variables: token::variables_for(kind, &address.host, environment),
    })?;
    // Its documentation asks for a second between changes; servers of one's own have no such limit.
    let asks_for_a_pace = address.host == "github.com" || address.host.ends_with(".ghe.com");
    let gate = Gate {
        kind,
        host: address.host.clone(),
        // GitLab takes a project's whole path as one segment.
        repository: if kind == Kind::GitLab { address.path.replace('/', "%2F") } else { address.path.clone() },
        api: address::api_of(kind, &address, hosts)?,
        login,
        http: logins.http.clone(),
        patience: if asks_for_a_pace { patience } else { Patience { pace: Duration::ZERO, ..patience } },
        last_change: Arc::new(Mutex::new(None)),
        told: Arc::default(),
    };
    match kind {
        Kind::GitHub => Ok(Box::new(github::GitHub::new(gate, &address)?)),
        Kind::GitLab => Ok(Box::new(gitlab::GitLab::new(gate, &address.path))),
        Kind::Forgejo if address.owner_and_name().is_some() => Ok(Box::new(forgejo::Forgejo::new(gate))),
        Kind::Forgejo => Err(Error::NoRepository { remote: format!("{}/{}", address.host, address.path) }),
        Kind::None => Ok(Box::new(nowhere::Nowhere)),
    }
}
