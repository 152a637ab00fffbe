//! What a pull request proposes: its commits, what it changes, and what becomes of a file when it is merged.

use git2::Oid;

use super::history::{Told, told};
use super::{Base, BranchDiff, CommitId, Error, Workspace};
use crate::process::arguments;

/// What a pull request proposes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposed {
    /// What it changes against the merge base.
    pub diff: BranchDiff,
    /// The base branch's newest commit: another one than the compared one if the branch has moved since it was read.
    pub base_now: CommitId,
    /// Its commits that the base doesn't hold, oldest first, without merges.
    pub commits: Vec<Told>,
    /// Whether something was merged into it, as "Update branch" does.
    pub holds_merges: bool,
    /// Whether there are more commits than were looked at.
    pub is_cut: bool,
}

/// No promotion has as many commits.
const COMMIT_LIMIT: usize = 1000;

impl Workspace {
    /// Fetches a ref of the remote, `refs/heads/promote/x` or `refs/pull/7/head`, and compares it with the base as it
    /// was read.
    ///
    /// # Errors
    /// [`Error::BranchMissing`] if the remote has no such ref, or why it can't be reached.
    pub async fn proposed(&mut self, head: &str, base: &Base) -> Result<Proposed, Error> {
        if !head.starts_with("refs/") || !git2::Reference::is_valid_name(head) {
            return Err(Error::BranchName { branch: super::escape(head, 200) });
        }
        let diff = self.compare(head, &base.branch, Some(&base.commit)).await?;
        let base_now = CommitId(self.compared("base")?);
        let listed = self.commits_beyond(&diff).await?;
        let repository = self.repository()?;
        let (mut commits, mut holds_merges) = (Vec::new(), false);
        for id in &listed {
            let commit = repository.find_commit(*id).map_err(Error::object(format!("the commit {id}")))?;
            if commit.parent_count() > 1 {
                holds_merges = true;
            } else {
                commits.push(told(&commit));
            }
        }
        let is_cut = listed.len() == COMMIT_LIMIT;
        Ok(Proposed { diff, base_now, commits, holds_merges, is_cut })
    }

    /// Lists the commits that the base doesn't hold, oldest first. `git` knows where a shallow history ends.
    async fn commits_beyond(&self, diff: &BranchDiff) -> Result<Vec<Oid>, Error> {
        let mut command = arguments(["rev-list", "--reverse", "--topo-order", &format!("--max-count={COMMIT_LIMIT}")]);
        command.extend(arguments([&diff.tip.to_string(), &format!("^{}", diff.base), "--"]));
        let output = self.transport.must(&self.task(command, Vec::new())).await?;
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines().map(|line| Oid::from_str(line.trim()).map_err(Error::object("the list of commits"))).collect()
    }
}

/// Merges two changes of one file line by line, as a merge of the branches would; none if they conflict.
pub fn merged_file(before: &[u8], ours: &[u8], theirs: &[u8]) -> Option<Vec<u8>> {
    fn input(content: &[u8]) -> git2::MergeFileInput<'_> {
        let mut input = git2::MergeFileInput::new();
        input.content(content);
        input
    }
    // Unlike all else in git2, merging two texts doesn't start the library.
    drop(git2::Buf::new());
    let merged = git2::merge_file(&input(before), &input(ours), &input(theirs), None).ok()?;
    merged.is_automergeable().then(|| merged.content().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_changes_of_a_file_are_kept_unless_they_meet() {
        let before = b"a: 1\nb: 2\nc: 3\nd: 4\ne: 5\n";
        let ours = b"a: 9\nb: 2\nc: 3\nd: 4\ne: 5\n";
        let theirs = b"a: 1\nb: 2\nc: 3\nd: 4\ne: 6\n";
        assert_eq!(merged_file(before, ours, theirs).as_deref(), Some(&b"a: 9\nb: 2\nc: 3\nd: 4\ne: 6\n"[..]));
        assert_eq!(merged_file(before, ours, b"a: 8\nb: 2\nc: 3\nd: 4\ne: 5\n"), None);
        assert_eq!(merged_file(b"", b"", b"a\r\nb").as_deref(), Some(&b"a\r\nb"[..]));
    }
}
