//! What became of earlier attempts, what people did with them, and who else changes the same files.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::{Account, Comment, Error, Forge, Kind, PullRequest, Review, State};

const LINE_START: &str = "Superseded by [";
const LINE_END: &str = ", which `promote` opened.";
/// How many open pull requests are looked into for rivals; each costs a request.
const RIVALS_READ: usize = 50;

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is open, and merges.
    Open,
    /// It is open, and no longer merges.
    Conflicting,
    /// It was merged.
    Merged,
    /// `promote` closed it, for a newer one.
    Superseded,
    /// Somebody else closed it.
    Closed,
}

/// What somebody did with a pull request of ours; such a one is not superseded unasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touch {
    /// Somebody reviewed it.
    Reviewed {
        /// Who.
        by: String,
    },
    /// Somebody commented on it.
    Commented {
        /// Who.
        by: String,
    },
    /// It has a label that `promote` does not set.
    Labelled {
        /// Which.
        label: String,
    },
}

/// A pull request that isn't ours and changes the same files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rival {
    /// The pull request.
    pub pull_request: PullRequest,
    /// The files that both change.
    pub files: Vec<String>,
}

/// The rivals that were found, and how many open pull requests were not looked into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rivals {
    /// Newest first.
    pub found: Vec<Rival>,
    /// The older ones beyond the limit.
    pub unread: usize,
}

/// Returns how an attempt ended; `own` is the token's account, if it has one.
///
/// # Errors
/// [`Error`] if the forge does not show its comments.
pub async fn ending(forge: &dyn Forge, attempt: &PullRequest, own: Option<&Account>) -> Result<Ending, Error> {
    match attempt.state {
        State::Merged => Ok(Ending::Merged),
        State::Open if attempt.mergeable == Some(false) => Ok(Ending::Conflicting),
        State::Open => Ok(Ending::Open),
        State::Closed => {
            let comments = forge.comments(attempt.number).await?;
            // The token of an installation is nobody's, but it is the one that opened the pull request.
            let own = own.or(attempt.author.as_ref());
            let last =
                comments.last().filter(|comment| comment.author.as_ref().is_some_and(|by| is_same(Some(by), own)));
            let superseded = last.is_some_and(|comment| is_superseding(&comment.body));
            Ok(if superseded { Ending::Superseded } else { Ending::Closed })
        }
    }
}

/// Closes an older pull request of ours with one comment that links the newer one; done twice, it is done once.
///
/// # Errors
/// [`Error`] if the forge refuses either. The comment stands before the close, so that a run that was cut off in
/// between is taken up again.
pub async fn supersede(forge: &dyn Forge, older: &PullRequest, newer: &PullRequest) -> Result<(), Error> {
    let line = superseding_line(forge.kind(), newer);
    let comments = forge.comments(older.number).await?;
    if comments.last().is_none_or(|comment| comment.body.trim() != line) {
        forge.comment(older.number, &line).await?;
    }
    forge.close(older.number).await
}

/// Returns what people did with a pull request of ours; `labels` are those that `promote` sets.
pub fn touches(
    attempt: &PullRequest,
    reviews: &[Review],
    comments: &[Comment],
    labels: &[String],
    own: Option<&Account>,
) -> Vec<Touch> {
    let own = own.or(attempt.author.as_ref());
    let person = |author: &Option<Account>| {
        let account = author.as_ref().filter(|account| !account.bot && !is_same(Some(account), own));
        account.map(|account| account.name.clone())
    };
    let reviewed = reviews.iter().filter_map(|review| person(&review.author)).map(|by| Touch::Reviewed { by });
    let commented = comments.iter().filter_map(|comment| person(&comment.author)).map(|by| Touch::Commented { by });
    let foreign = attempt.labels.iter().filter(|label| !labels.iter().any(|one| one.eq_ignore_ascii_case(label)));
    let labelled = foreign.map(|label| Touch::Labelled { label: label.clone() });
    let mut touches: Vec<Touch> = Vec::new();
    for touch in reviewed.chain(commented).chain(labelled) {
        if !touches.contains(&touch) {
            touches.push(touch);
        }
    }
    touches
}

/// Returns those of the open pull requests that go to the base, aren't ours and change one of these files.
///
/// # Errors
/// [`Error`] if the forge does not list their files.
pub async fn rivals(forge: &dyn Forge, base: &str, open: &[PullRequest], files: &[String]) -> Result<Rivals, Error> {
    let mut others = open.to_vec();
    others.retain(|one| one.base == base && !one.is_promotion());
    let unread = others.len().saturating_sub(RIVALS_READ);
    others.truncate(RIVALS_READ);
    let read = |pull_request: PullRequest| async move {
        let changed = forge.files(pull_request.number).await?;
        let files: Vec<String> = files.iter().filter(|file| changed.contains(file)).cloned().collect();
        Ok::<_, Error>(Rival { pull_request, files })
    };
    let all: Vec<Rival> = stream::iter(others.into_iter().map(read)).buffered(4).try_collect().await?;
    Ok(Rivals { found: all.into_iter().filter(|rival| !rival.files.is_empty()).collect(), unread })
}

/// Tells whether two accounts are one; forges compare names without regard to case.
fn is_same(one: Option<&Account>, other: Option<&Account>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if one.name.eq_ignore_ascii_case(&other.name))
}

fn superseding_line(kind: Kind, newer: &PullRequest) -> String {
    format!("{LINE_START}{}]({}){LINE_END}", kind.reference(newer.number), newer.url)
}

fn is_superseding(body: &str) -> bool {
    let body = body.trim();
    body.starts_with(LINE_START) && body.ends_with(LINE_END) && !body.contains('\n')
}
