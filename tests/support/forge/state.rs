//! What the test forge holds: pull requests, and the branches of a bare repository.

use std::path::{Path, PathBuf};

use super::app::App;

/// Everything it holds.
pub struct State {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// `owner/name`.
    pub repository: String,
    pub bare: Option<PathBuf>,
    pub token: String,
    /// Whose token it is; none for an installation's.
    pub user: Option<String>,
    /// In order of number, from 1.
    pub pulls: Vec<Pull>,
    /// How many lists still show the state before the newest pull request.
    pub stale_lists: usize,
    /// How many approvals the rules of the base ask for; none: they can't be read.
    pub approvals: Option<u64>,
    /// Accounts that exist; only these can be asked for a review.
    pub people: Vec<String>,
    pub teams: Vec<String>,
    /// Whether the token may push; none: the forge does not say.
    pub push: Option<bool>,
    /// What the forge says the token may do, in a header.
    pub scopes: Option<String>,
    /// Labels of the repository, where a forge has no others.
    pub labels: Vec<String>,
    /// What else the rules of the base ask for.
    pub rules: Rules,
    /// The App that is known here, beside the token.
    pub app: Option<App>,
    /// How many seconds its clock is ahead of ours.
    pub clock: i64,
}

/// What the rules of the base ask for, beside approvals, and who is shown them.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Whether a change needs a pull request where no approval is asked for.
    pub pull_request: bool,
    /// Whether a push takes approvals back.
    pub stale: bool,
    /// Whether owners must approve.
    pub owners: bool,
    /// Whether a branch must hold the newest base.
    pub strict: bool,
    /// Whether merges go through a queue.
    pub queue: bool,
    /// Whether all this is classic protection, which only administrators are shown.
    pub classic: bool,
    /// Whether the token is an administrator's.
    pub administers: bool,
    /// Whether administrators pass by.
    pub bypass: bool,
    /// How rules that can't be read are refused.
    pub refusal: u16,
    /// What a squashed commit says; none: the token isn't shown how the repository merges.
    pub squash: Option<&'static str>,
    /// Mistakes in the file of code owners: line, kind, text.
    pub owner_errors: Vec<(usize, &'static str, &'static str)>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            pull_request: false,
            stale: true,
            owners: true,
            strict: false,
            queue: false,
            classic: false,
            administers: false,
            bypass: false,
            refusal: 403,
            squash: Some("COMMIT_MESSAGES"),
            owner_errors: Vec::new(),
        }
    }
}

/// A pull request.
#[derive(Clone, Debug)]
pub struct Pull {
    pub number: u64,
    pub title: String,
    pub body: String,
    pub head: String,
    pub head_commit: String,
    pub base: String,
    pub draft: bool,
    pub state: PullState,
    pub author: String,
    pub labels: Vec<String>,
    pub reviewers: Vec<String>,
    pub teams: Vec<String>,
    pub comments: Vec<Comment>,
    pub reviews: Vec<Review>,
    /// Whether its branch is in a fork.
    pub fork: bool,
    /// Whether nobody but its people may talk about it any more.
    pub locked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullState {
    Open,
    Closed,
    Merged,
}

#[derive(Clone, Debug)]
pub struct Comment {
    pub author: String,
    pub body: String,
}

#[derive(Clone, Debug)]
pub struct Review {
    pub author: String,
    /// `APPROVED`, `CHANGES_REQUESTED`, `COMMENTED`.
    pub state: String,
}

impl State {
    pub fn new(url: &str, repository: &str, bare: Option<&Path>, token: &str) -> Self {
        Self {
            url: url.to_owned(),
            repository: repository.to_owned(),
            bare: bare.map(Path::to_owned),
            token: token.to_owned(),
            user: Some("release-eng".to_owned()),
            pulls: Vec::new(),
            stale_lists: 0,
            approvals: Some(0),
            people: ["release-eng", "sre-1", "sre-2"].map(str::to_owned).to_vec(),
            teams: ["sre", "sre-oncall"].map(str::to_owned).to_vec(),
            push: Some(true),
            scopes: None,
            labels: vec!["promotion".to_owned()],
            rules: Rules::default(),
            app: None,
            clock: 0,
        }
    }

    /// Returns who opens and comments.
    pub fn actor(&self) -> String {
        let bot = || self.app.as_ref().map_or("github-actions[bot]".to_owned(), |app| format!("{}[bot]", app.slug));
        self.user.clone().unwrap_or_else(bot)
    }

    /// Tells whether a token may do something; if not, with which status that is refused.
    pub fn admits(&mut self, token: &str, permission: &str, level: &str) -> Result<(), u16> {
        if token == self.token {
            return Ok(());
        }
        self.app.as_mut().ok_or(401_u16)?.admits(token, permission, level)
    }

    /// Returns the newest commit of a branch; without a repository every branch but `missing` exists.
    pub fn branch(&self, name: &str) -> Option<String> {
        let Some(bare) = &self.bare else {
            return (!name.contains("missing")).then(|| "4f1c2a94f1c2a94f1c2a94f1c2a94f1c2a94f1c2".to_owned());
        };
        let repository = git2::Repository::open_bare(bare).expect("the bare repository");
        let reference = repository.find_reference(&format!("refs/heads/{name}")).ok()?;
        reference.target().map(|id| id.to_string())
    }

    /// Tells whether the branch holds commits that the base does not.
    pub fn is_ahead(&self, head: &str, base: &str) -> bool {
        let Some(bare) = &self.bare else { return true };
        let repository = git2::Repository::open_bare(bare).expect("the bare repository");
        let id = |name: &str| repository.refname_to_id(&format!("refs/heads/{name}")).ok();
        match (id(head), id(base)) {
            (Some(head), Some(base)) => repository.graph_ahead_behind(head, base).is_ok_and(|(ahead, _)| ahead > 0),
            _ => false,
        }
    }

    /// Returns the paths that a branch changes since it left the base.
    pub fn files(&self, head: &str, base: &str) -> Vec<String> {
        let Some(bare) = &self.bare else { return vec!["clusters/prod-eu/my-app.yaml".to_owned()] };
        let repository = git2::Repository::open_bare(bare).expect("the bare repository");
        let id = |name: &str| repository.refname_to_id(&format!("refs/heads/{name}")).expect("a branch");
        let (head, base) = (id(head), id(base));
        let merge_base = repository.merge_base(head, base).expect("a merge base");
        let tree = |id| repository.find_commit(id).and_then(|commit| commit.tree()).expect("a tree");
        let diff = repository.diff_tree_to_tree(Some(&tree(merge_base)), Some(&tree(head)), None).expect("a diff");
        diff.deltas().filter_map(|delta| Some(delta.new_file().path()?.to_string_lossy().into_owned())).collect()
    }

    /// Tells whether the branch merges without conflict.
    pub fn mergeable(&self, head: &str, base: &str) -> bool {
        let Some(bare) = &self.bare else { return true };
        let repository = git2::Repository::open_bare(bare).expect("the bare repository");
        let commit = |name: &str| {
            repository.refname_to_id(&format!("refs/heads/{name}")).and_then(|id| repository.find_commit(id))
        };
        match (commit(base), commit(head)) {
            (Ok(base), Ok(head)) => {
                repository.merge_commits(&base, &head, None).is_ok_and(|index| !index.has_conflicts())
            }
            _ => false,
        }
    }

    pub fn pull(&mut self, number: u64) -> Option<&mut Pull> {
        self.pulls.iter_mut().find(|pull| pull.number == number)
    }

    /// Opens a pull request as somebody else would.
    pub fn open_as(&mut self, author: &str, title: &str, head: &str, base: &str) -> u64 {
        let number = self.pulls.len() as u64 + 1;
        let head_commit = self.branch(head).unwrap_or_else(|| "0".repeat(40));
        self.pulls.push(Pull {
            number,
            title: title.to_owned(),
            body: String::new(),
            head: head.to_owned(),
            head_commit,
            base: base.to_owned(),
            draft: false,
            state: PullState::Open,
            author: author.to_owned(),
            labels: Vec::new(),
            reviewers: Vec::new(),
            teams: Vec::new(),
            comments: Vec::new(),
            reviews: Vec::new(),
            fork: false,
            locked: false,
        });
        number
    }

    /// Closes a pull request, as its people would.
    pub fn close(&mut self, number: u64) {
        self.pull(number).expect("a pull request").state = PullState::Closed;
    }

    /// Merges a pull request, as its people would: a merge commit on the base branch.
    pub fn merge(&mut self, number: u64) {
        let pull = self.pull(number).expect("a pull request");
        pull.state = PullState::Merged;
        let (head, base, title) = (pull.head.clone(), pull.base.clone(), pull.title.clone());
        let Some(bare) = &self.bare else { return };
        let repository = git2::Repository::open_bare(bare).expect("the bare repository");
        let reference = format!("refs/heads/{base}");
        let commit = |name: &str| {
            let id = repository.refname_to_id(&format!("refs/heads/{name}")).expect("a branch");
            repository.find_commit(id).expect("a commit")
        };
        let (head, base) = (commit(&head), commit(&base));
        let mut index = repository.merge_commits(&base, &head, None).expect("a merge");
        assert!(!index.has_conflicts(), "#{number} does not merge");
        let tree = repository.find_tree(index.write_tree_to(&repository).expect("a tree")).expect("a tree");
        let time = git2::Time::new(1_795_000_000 + i64::try_from(number).expect("a number"), 0);
        let author = git2::Signature::new("sre-1", "sre-1@example.com", &time).expect("a signature");
        let message = format!("Merge pull request #{number}\n\n{title}");
        repository.commit(Some(&reference), &author, &author, &message, &tree, &[&base, &head]).expect("a commit");
    }
}
