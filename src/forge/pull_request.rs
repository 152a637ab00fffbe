//! Pull requests, and what stands on them, as every forge has them.

use jiff::Timestamp;

use crate::model::BRANCH_PREFIX;

/// A pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number in the repository.
    pub number: u64,
    /// Its page.
    pub url: String,
    /// Its title.
    pub title: String,
    /// Its body.
    pub body: String,
    /// Open, closed or merged.
    pub state: State,
    /// Whether it is a draft.
    pub draft: bool,
    /// The branch it is from.
    pub head: String,
    /// The newest commit of that branch.
    pub head_commit: String,
    /// Whether that branch is in the same repository.
    pub own_branch: bool,
    /// The branch it goes to.
    pub base: String,
    /// Who opened it; none if the account is gone.
    pub author: Option<Account>,
    /// Its labels.
    pub labels: Vec<String>,
    /// Who is asked for a review.
    pub reviewers: Vec<String>,
    /// Which teams are asked for a review.
    pub teams: Vec<String>,
    /// When it was opened.
    pub created: Option<Timestamp>,
    /// When it was closed or merged.
    pub ended: Option<Timestamp>,
    /// Who closed it, where the forge says that together with it: GitLab.
    pub closed_by: Option<String>,
    /// Whether it can be merged without conflict; none if the forge has not said yet.
    pub mergeable: Option<bool>,
}

impl PullRequest {
    /// Tells whether it is ours: its branch is in this repository, below `promote/`.
    pub fn is_promotion(&self) -> bool {
        self.own_branch && self.head.starts_with(BRANCH_PREFIX)
    }
}

/// What became of a pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It can be merged.
    Open,
    /// It was closed without a merge.
    Closed,
    /// It was merged.
    Merged,
}

/// An account on a forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Whether it is a program's.
    pub bot: bool,
}

/// A pull request to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The branch with the change.
    pub head: String,
    /// The branch it goes to.
    pub base: String,
    /// The title.
    pub title: String,
    /// The body.
    pub body: String,
    /// Whether it is a draft.
    pub draft: bool,
    /// Labels to set.
    pub labels: Vec<String>,
    /// People to ask for a review.
    pub reviewers: Vec<String>,
    /// Teams to ask for a review.
    pub teams: Vec<String>,
}

/// A comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Who wrote it; none if the account is gone.
    pub author: Option<Account>,
    /// What it says.
    pub body: String,
    /// When it was written.
    pub created: Option<Timestamp>,
}

/// A review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// Who reviewed; none if the account is gone.
    pub author: Option<Account>,
    /// What they said.
    pub verdict: ReviewVerdict,
    /// When.
    pub submitted: Option<Timestamp>,
}

/// What a review says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReviewVerdict {
    /// Yes.
    Approved,
    /// No.
    ChangesRequested,
    /// Neither, or no longer.
    Other,
}

/// What a token may do in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Whether it may push branches; none if the forge does not say.
    pub push: Option<bool>,
    /// Whether nothing may be changed there any more.
    pub archived: bool,
}

/// What a forge finds wrong in a line of the file of code owners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerError {
    /// The file.
    pub path: String,
    /// Line and column, from 1.
    pub line: usize,
    /// See `line`.
    pub column: usize,
    /// What is wrong, for people.
    pub kind: String,
    /// The line as it is written.
    pub source: Option<String>,
}

/// Whether a branch's rules ask for an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approvals {
    /// As many as this.
    Asked(u64),
    /// None: whoever may write may merge.
    NotAsked,
    /// The rules can't be read, for this reason.
    Unreadable(String),
}

impl Approvals {
    /// Returns what is missing, for people; none if an approval is asked for.
    pub fn objection(&self, branch: &str) -> Option<String> {
        match self {
            Self::Asked(_) => None,
            Self::NotAsked => Some(format!("the rules of `{branch}` ask for no approval: whoever may write may merge")),
            Self::Unreadable(why) => Some(format!("whether `{branch}` asks for an approval can't be read: {why}")),
        }
    }
}
