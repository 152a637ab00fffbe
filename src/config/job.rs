//! The pull request that a CI job runs for, as its environment says.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

/// The pull request that a CI job runs for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobPullRequest {
    /// Its number.
    pub number: u64,
    /// Its newest commit when the job was started, where that is said.
    pub head: Option<String>,
    /// The repository that it is of, `owner/name`, where that is said.
    pub repository: Option<String>,
}

/// What is read of an event of GitHub, Gitea or Forgejo.
#[derive(Default, Deserialize)]
struct Event {
    pull_request: Option<EventPullRequest>,
}

#[derive(Deserialize)]
struct EventPullRequest {
    number: u64,
    head: Option<EventHead>,
}

#[derive(Deserialize)]
struct EventHead {
    sha: Option<String>,
}

/// Returns the file with the event that started the job.
pub fn event_file(variables: &BTreeMap<String, String>) -> Option<PathBuf> {
    let given = |name: &str| variables.get(name).filter(|value| !value.is_empty());
    given("FORGEJO_EVENT_PATH").or_else(|| given("GITHUB_EVENT_PATH")).map(PathBuf::from)
}

/// Finds the pull request in a job's variables and in the text of its event.
pub fn job_pull_request(variables: &BTreeMap<String, String>, event: Option<&str>) -> Option<JobPullRequest> {
    let given = |name: &str| variables.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    if let Some(number) = given("CI_MERGE_REQUEST_IID") {
        // In the pipeline of a merged result the job's own commit is the merge.
        let head = given("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA").or_else(|| given("CI_COMMIT_SHA"));
        let repository = given("CI_MERGE_REQUEST_PROJECT_PATH").or_else(|| given("CI_PROJECT_PATH"));
        return Some(JobPullRequest { number: number.parse().ok()?, head, repository });
    }
    let event: Event = event.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let repository = given("FORGEJO_REPOSITORY").or_else(|| given("GITHUB_REPOSITORY"));
    if let Some(found) = event.pull_request {
        let head = found.head.and_then(|head| head.sha);
        return Some(JobPullRequest { number: found.number, head, repository });
    }
    let number = given("FORGEJO_REF").or_else(|| given("GITHUB_REF")).and_then(|name| number_in(&name))?;
    Some(JobPullRequest { number, head: None, repository })
}

/// Returns the number in `refs/pull/7/merge`, or in the name of a merge queue's branch.
fn number_in(name: &str) -> Option<u64> {
    if let Some(rest) = name.strip_prefix("refs/pull/") {
        return rest.split('/').next()?.parse().ok();
    }
    let queued = name.strip_prefix("refs/heads/gh-readonly-queue/")?.rsplit('/').next()?;
    queued.strip_prefix("pr-")?.split('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)], event: Option<&str>) -> Option<(u64, Option<String>, Option<String>)> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        job_pull_request(&variables, event).map(|found| (found.number, found.head, found.repository))
    }

    #[test]
    fn each_ci_says_its_pull_request_in_its_own_way() {
        let text = |text: &str| Some(text.to_owned());
        let event = r#"{"action": "synchronize", "pull_request": {"number": 7, "head": {"sha": "4f1c2a9"}}}"#;
        let github = [("GITHUB_REF", "refs/heads/main"), ("GITHUB_REPOSITORY", "acme/fleet")];
        assert_eq!(found(&github, Some(event)), Some((7, text("4f1c2a9"), text("acme/fleet"))));
        assert_eq!(found(&[("GITHUB_REF", "refs/pull/12/merge")], None), Some((12, None, None)));
        assert_eq!(found(&[("FORGEJO_REF", "refs/pull/3/head")], Some("no event")), Some((3, None, None)));
        let queued = "refs/heads/gh-readonly-queue/release/1/pr-482-4f1c2a94f1c2a94f1c2a94f1c2a94f1c2a94f1c2";
        assert_eq!(found(&[("GITHUB_REF", queued)], Some(r#"{"merge_group": {}}"#)), Some((482, None, None)));
        let gitlab = [
            ("CI_MERGE_REQUEST_IID", "5"),
            ("CI_COMMIT_SHA", "5e1"),
            ("CI_MERGE_REQUEST_PROJECT_PATH", "acme/fleet"),
            ("CI_PROJECT_PATH", "somebody/fleet"),
        ];
        assert_eq!(found(&gitlab, None), Some((5, text("5e1"), text("acme/fleet"))));
        for nothing in ["refs/heads/main", "refs/pull/x/merge", "refs/heads/gh-readonly-queue/main/x", ""] {
            assert_eq!(found(&[("GITHUB_REF", nothing)], Some("{}")), None, "{nothing}");
        }
    }
}
