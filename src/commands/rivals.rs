//! Other people's pull requests that change the same place: named before another one is opened.

use tokio::sync::OnceCell;

use super::change::Change;
use super::reading::Reading;
use super::superseding::places_in_common;
use crate::forge::{self, Forge, Kind, PullRequest, Rival, Rivals};
use crate::git;
use crate::model::{Finding, FindingCode};

/// The open pull requests of others, looked into once a run, and only if something is to be opened.
pub struct Others {
    open: Vec<PullRequest>,
    base: String,
    files: Vec<String>,
    found: OnceCell<Result<Rivals, String>>,
}

impl Others {
    /// Takes every open pull request, the base branch, and all files that the run may change.
    pub fn new(open: Vec<PullRequest>, base: &str, files: Vec<String>) -> Self {
        Self { open, base: base.to_owned(), files, found: OnceCell::new() }
    }

    /// Returns what must be known of those that change a place of this change. What can't be read stops nothing.
    pub async fn beside(&self, forge: &dyn Forge, reading: &mut Reading, change: &Change) -> Vec<Finding> {
        let look = || async {
            let found = forge::rivals(forge, &self.base, &self.open, &self.files).await;
            found.map_err(|error| error.to_string())
        };
        let rivals = match self.found.get_or_init(look).await {
            Ok(rivals) => rivals,
            Err(why) => {
                let unit = forge.kind().unit();
                return vec![finding(format!("whether another {unit} changes the same place can't be read: {why}"))];
            }
        };
        let mut findings = Vec::new();
        for rival in &rivals.found {
            let shared = |file: &&String| change.files.keys().any(|path| path.as_str() == file.as_str());
            let files: Vec<&str> = rival.files.iter().filter(shared).map(String::as_str).collect();
            if !files.is_empty()
                && let Some(said) = said(forge.kind(), reading, change, rival, &files).await
            {
                findings.push(finding(said));
            }
        }
        if rivals.unread > 0 {
            let unit = forge.kind().unit();
            findings.push(finding(format!("{} older {unit}s were not looked into for the same place", rivals.unread)));
        }
        findings
    }
}

fn finding(message: String) -> Finding {
    Finding { code: FindingCode::RivalPullRequest, message, place: None }
}

/// Says what a rival changes; nothing if it changes other lines of the same files.
async fn said(kind: Kind, reading: &mut Reading, change: &Change, rival: &Rival, files: &[&str]) -> Option<String> {
    let other = &rival.pull_request;
    let by = other.author.as_ref().map_or_else(|| "somebody".to_owned(), |by| git::escape(&by.name, 100));
    let named = format!("{} by {by}, which is not promote's, changes", kind.name_of(other.number));
    let head = match (other.own_branch, kind) {
        (true, _) => format!("refs/heads/{}", other.head),
        (false, Kind::GitLab) => format!("refs/merge-requests/{}/head", other.number),
        (false, _) => format!("refs/pull/{}/head", other.number),
    };
    let base = reading.base.clone()?;
    let proposed = match reading.workspace() {
        Some(workspace) => workspace.proposed(&head, &base).await.ok(),
        None => None,
    };
    match proposed {
        Some(proposed) => {
            let places = places_in_common(reading, change, &proposed.diff);
            (!places.is_empty()).then(|| format!("{named} the same place: {}", places.join(", ")))
        }
        None => Some(format!("{named} the same file, perhaps the same place: {}", files.join(", "))),
    }
}
