//! What a forge's rules ask for before something is merged into a branch.

/// A rule as far as it can be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen<T> {
    /// It says this.
    Is(T),
    /// It can't be seen, for this reason.
    Hidden(String),
    /// The forge has no such rule, for this reason.
    Absent(&'static str),
}

/// The rules of a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchRules {
    /// How many approvals are asked for.
    pub approvals: Seen<u64>,
    /// Whether a push takes back the approvals of what was there before.
    pub dismisses_stale: Seen<bool>,
    /// Whether an owner of what is changed must approve.
    pub owners_approve: Seen<bool>,
    /// Whether the branch must hold the newest base.
    pub up_to_date: Seen<bool>,
    /// Whether somebody may push to the branch without a pull request.
    pub takes_pushes: Seen<bool>,
    /// Whether merges go through a queue.
    pub queue: Seen<bool>,
    /// Whether a pull request may be told to merge itself.
    pub auto_merge: Seen<bool>,
    /// Whether a merge keeps the trailers of commits.
    pub keeps_trailers: Seen<bool>,
    /// Whether some may pass the rules by.
    pub bypass: Seen<bool>,
}

impl Seen<bool> {
    /// Returns what two places say together: yes if one does, hidden if one might.
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Is(true), _) | (_, Self::Is(true)) => Self::Is(true),
            (hidden @ Self::Hidden(_), _) | (_, hidden @ Self::Hidden(_)) => hidden,
            (is @ Self::Is(_), _) | (_, is @ Self::Is(_)) => is,
            (absent, _) => absent,
        }
    }
}

impl<T: Copy> Seen<T> {
    /// Returns what the rule says, if it can be seen.
    pub fn is(&self) -> Option<T> {
        match self {
            Self::Is(value) => Some(*value),
            Self::Hidden(_) | Self::Absent(_) => None,
        }
    }
}

impl BranchRules {
    /// Returns rules of which nothing can be seen.
    pub fn hidden(why: &str) -> Self {
        let hidden = || Seen::Hidden(why.to_owned());
        Self {
            approvals: Seen::Hidden(why.to_owned()),
            dismisses_stale: hidden(),
            owners_approve: hidden(),
            up_to_date: hidden(),
            takes_pushes: hidden(),
            queue: hidden(),
            auto_merge: hidden(),
            keeps_trailers: hidden(),
            bypass: hidden(),
        }
    }
}
