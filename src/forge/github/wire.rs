//! GitHub's answers as they come, as far as they are read.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub(super) struct RawPullRequest {
    pub(super) number: u64,
    pub(super) html_url: String,
    pub(super) title: String,
    pub(super) body: Option<String>,
    pub(super) state: String,
    pub(super) draft: Option<bool>,
    pub(super) head: RawBranchOf,
    pub(super) base: RawBranchOf,
    pub(super) user: Option<RawUser>,
    #[serde(default)]
    pub(super) labels: Vec<RawLabel>,
    pub(super) requested_reviewers: Option<Vec<RawUser>>,
    pub(super) requested_teams: Option<Vec<RawTeam>>,
    pub(super) created_at: Option<Timestamp>,
    pub(super) closed_at: Option<Timestamp>,
    pub(super) merged_at: Option<Timestamp>,
    pub(super) mergeable: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct RawBranchOf {
    #[serde(rename = "ref")]
    pub(super) name: String,
    pub(super) sha: String,
    /// None where a fork is gone.
    pub(super) repo: Option<RawRepository>,
}

#[derive(Deserialize)]
pub(super) struct RawRepository {
    pub(super) full_name: String,
}

#[derive(Deserialize)]
pub(super) struct RawUser {
    pub(super) login: String,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct RawTeam {
    pub(super) slug: String,
}

#[derive(Deserialize)]
pub(super) struct RawLabel {
    pub(super) name: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct RawFile {
    pub(super) filename: String,
    pub(super) previous_filename: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct RawReview {
    pub(super) user: Option<RawUser>,
    pub(super) state: String,
    pub(super) submitted_at: Option<Timestamp>,
}

#[derive(Deserialize)]
pub(super) struct RawComment {
    pub(super) user: Option<RawUser>,
    pub(super) body: Option<String>,
    pub(super) created_at: Option<Timestamp>,
}

#[derive(Deserialize)]
pub(super) struct RawRule {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) parameters: Option<Value>,
}

#[derive(Deserialize)]
pub(super) struct RawBranch {
    pub(super) protected: bool,
}

#[derive(Deserialize)]
pub(super) struct RawAccess {
    pub(super) archived: Option<bool>,
    pub(super) permissions: Option<RawPermissions>,
}

#[derive(Deserialize)]
pub(super) struct RawPermissions {
    pub(super) push: bool,
}
