//! GitLab: pull requests are merge requests there, numbered by project.

use std::sync::Arc;

use ::http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::call::Call;
use super::gate::Gate;
use super::rest::{Rest, encoded, seen};
use super::{
    Access, Account, Answer, Approvals, Comment, Error, Forge, Kind, OwnerError, Patience, Proposal, PullRequest,
    Review, ReviewVerdict, State, Told,
};
use crate::model::{BranchRules, Seen};

/// What is said where there are no rules of approval.
const NO_RULES: &str = "the project has no approval rules that this token may read";

/// A project on GitLab.
#[derive(Clone)]
pub(super) struct GitLab {
    rest: Rest,
    path: String,
}

impl GitLab {
    pub(super) fn new(gate: Gate, path: &str) -> Self {
        Self { rest: Rest { gate: Arc::new(gate) }, path: path.to_owned() }
    }

    fn project(&self, rest: &str) -> String {
        format!("/projects/{}{rest}", self.rest.gate.repository)
    }

    async fn list(&self, query: &str, most: usize) -> Result<Vec<PullRequest>, Error> {
        let path = self.project(&format!("/merge_requests?{query}"));
        let found: Vec<MergeRequest> = self.rest.pages(Call::PullRequests, &path, most).await?;
        Ok(found.into_iter().map(PullRequest::from).collect())
    }

    async fn show(&self, number: u64) -> Result<MergeRequest, Error> {
        self.rest.get(Call::PullRequest, &self.project(&format!("/merge_requests/{number}"))).await
    }

    async fn edit(&self, call: Call, number: u64, body: Value) -> Result<(), Error> {
        let path = self.project(&format!("/merge_requests/{number}"));
        self.rest.send::<Value>(call, Method::PUT, &path, &body).await.map(drop)
    }

    /// Returns an account's number, by which alone it can be asked.
    async fn number_of(&self, name: &str) -> Result<u64, Error> {
        let path = format!("/users?username={}", encoded(name));
        let found: Vec<User> = self.rest.get(Call::Account, &path).await?;
        let one = found.into_iter().find(|user| user.username.eq_ignore_ascii_case(name));
        one.map(|user| user.id).ok_or_else(|| Error::Refused {
            host: self.rest.gate.host.clone(),
            doing: Call::AskReviewers.doing(),
            status: 404,
            message: format!("there is no account {}", name.escape_default()),
        })
    }

    async fn all_rules(&self, branch: &str) -> Result<BranchRules, Error> {
        let approvals = seen(self.rules(branch).await)?;
        let path = self.project("/protected_branches");
        let protected = seen(self.rest.pages::<ProtectedBranch>(Call::Protection, &path, usize::MAX).await)?;
        let project = seen(self.rest.get::<Merging>(Call::Repository, &self.project("")).await)?;
        let protecting = protected.as_ref().map(|all| {
            let exact: Vec<_> = all.iter().filter(|one| one.name == branch).collect();
            // An exact name comes before the patterns that match, of which the most lenient counts.
            if exact.is_empty() { all.iter().filter(|one| one.covers(branch)).collect() } else { exact }
        });
        let hidden = |why: &String| Seen::Hidden(why.clone());
        Ok(BranchRules {
            approvals: match approvals {
                Ok(Approvals::Asked(count)) => Seen::Is(count),
                Ok(_) => Seen::Is(0),
                // GitLab Free has no rules, and there an approval never blocks.
                Err(_) => Seen::Hidden(NO_RULES.to_owned()),
            },
            dismisses_stale: Seen::Hidden("GitLab shows that on the project's settings of approvals only".to_owned()),
            owners_approve: match &protecting {
                Ok(ones) => Seen::Is(ones.iter().any(|one| one.code_owner_approval_required.unwrap_or(false))),
                Err(why) => hidden(why),
            },
            up_to_date: match project.as_ref().map(|project| project.merge_method.as_deref()) {
                Ok(Some(method)) => Seen::Is(matches!(method, "ff" | "rebase_merge")),
                Ok(None) => Seen::Hidden("the token isn't shown how the project merges".to_owned()),
                Err(why) => hidden(why),
            },
            takes_pushes: match &protecting {
                Ok(ones) => Seen::Is(ones.is_empty() || ones.iter().any(|one| one.takes_pushes())),
                Err(why) => hidden(why),
            },
            queue: Seen::Hidden("GitLab shows merge trains on the project's settings only".to_owned()),
            auto_merge: Seen::Absent("on GitLab whoever may merge may also let it merge later"),
            keeps_trailers: match &project {
                Ok(project) => project.keeps_trailers(),
                Err(why) => hidden(why),
            },
            bypass: Seen::Hidden("GitLab doesn't say who may change or pass by the rules".to_owned()),
        })
    }

    async fn rules(&self, branch: &str) -> Result<Approvals, Error> {
        let rules: Vec<ApprovalRule> =
            self.rest.pages(Call::Rules, &self.project("/approval_rules"), usize::MAX).await?;
        let holds = |rule: &&ApprovalRule| {
            let named = rule.protected_branches.iter().flatten().any(|one| one.name == branch);
            let everywhere = rule.protected_branches.as_ref().is_none_or(Vec::is_empty);
            named || everywhere || rule.applies_to_all_protected_branches.unwrap_or(false)
        };
        let asked = rules.iter().filter(holds).filter_map(|rule| rule.approvals_required).max().unwrap_or(0);
        Ok(if asked > 0 { Approvals::Asked(asked) } else { Approvals::NotAsked })
    }
}

impl Forge for GitLab {
    fn kind(&self) -> Kind {
        Kind::GitLab
    }

    fn page(&self) -> Option<Url> {
        Url::parse(&format!("https://{}/{}", self.rest.gate.host, self.path)).ok()
    }

    fn token_origin(&self) -> Option<&'static str> {
        Some(self.rest.gate.login.origin())
    }

    fn patience(&self) -> Patience {
        self.rest.gate.patience
    }

    fn identity(&self) -> Answer<'_, Option<Account>> {
        Box::pin(async { Ok(Some(account(self.rest.get(Call::Identity, "/user").await?))) })
    }

    fn of_branch<'a>(&'a self, branch: &'a str) -> Answer<'a, Vec<PullRequest>> {
        Box::pin(async move {
            let mut found = self.list(&format!("state=all&source_branch={}", encoded(branch)), usize::MAX).await?;
            found.retain(|pull_request| pull_request.own_branch && pull_request.head == branch);
            Ok(found)
        })
    }

    fn open_ones(&self) -> Answer<'_, Vec<PullRequest>> {
        Box::pin(self.list("state=opened", usize::MAX))
    }

    fn ended_ones(&self, most: usize) -> Answer<'_, Vec<PullRequest>> {
        Box::pin(async move {
            let mut ended = self.list("state=merged&order_by=updated_at", most).await?;
            ended.extend(self.list("state=closed&order_by=updated_at", most).await?);
            ended.sort_by_key(|pull_request| std::cmp::Reverse(pull_request.ended));
            Ok(ended)
        })
    }

    fn access(&self) -> Answer<'_, Access> {
        Box::pin(async {
            let raw: Project = self.rest.get(Call::Repository, &self.project("")).await?;
            let permissions = raw.permissions.unwrap_or_default();
            let levels = [permissions.project_access, permissions.group_access];
            let level = levels.into_iter().flatten().filter_map(|access| access.access_level).max();
            // From 30, "Developer", on.
            Ok(Access { push: level.map(|level| level >= 30), archived: raw.archived.unwrap_or(false) })
        })
    }

    fn told(&self) -> Told {
        self.rest.gate.told()
    }

    fn read(&self, number: u64) -> Answer<'_, PullRequest> {
        Box::pin(async move { Ok(self.show(number).await?.into()) })
    }

    fn files(&self, number: u64) -> Answer<'_, Vec<String>> {
        Box::pin(async move {
            let path = self.project(&format!("/merge_requests/{number}/diffs"));
            let diffs: Vec<Diff> = self.rest.pages(Call::Files, &path, usize::MAX).await?;
            let mut files: Vec<String> = diffs.into_iter().flat_map(|diff| [diff.new_path, diff.old_path]).collect();
            files.sort_unstable();
            files.dedup();
            Ok(files)
        })
    }

    fn reviews(&self, number: u64) -> Answer<'_, Vec<Review>> {
        Box::pin(async move {
            // GitLab keeps no reviews but approvals.
            let path = self.project(&format!("/merge_requests/{number}/approvals"));
            let approvals: MergeRequestApprovals = self.rest.get(Call::Reviews, &path).await?;
            let review = |approved: ApprovedBy| Review {
                author: approved.user.map(account),
                verdict: ReviewVerdict::Approved,
                submitted: approved.approved_at,
            };
            Ok(approvals.approved_by.unwrap_or_default().into_iter().map(review).collect())
        })
    }

    fn comments(&self, number: u64) -> Answer<'_, Vec<Comment>> {
        Box::pin(async move {
            let path = self.project(&format!("/merge_requests/{number}/notes?sort=asc&order_by=created_at"));
            let notes: Vec<Note> = self.rest.pages(Call::Comments, &path, usize::MAX).await?;
            let comment = |note: Note| Comment {
                author: note.author.map(account),
                body: note.body.unwrap_or_default(),
                created: note.created_at,
            };
            // What GitLab itself writes down, such as "requested review", is no comment.
            Ok(notes.into_iter().filter(|note| !note.system.unwrap_or(false)).map(comment).collect())
        })
    }

    fn approvals<'a>(&'a self, branch: &'a str) -> Answer<'a, Approvals> {
        Box::pin(async move {
            match self.rules(branch).await {
                Err(Error::Forbidden { .. } | Error::NotFound { .. } | Error::Refused { .. }) => {
                    // GitLab Free has no rules, and there an approval never blocks.
                    Ok(Approvals::Unreadable(NO_RULES.to_owned()))
                }
                answer => answer,
            }
        })
    }

    fn branch_rules<'a>(&'a self, branch: &'a str) -> Answer<'a, BranchRules> {
        Box::pin(self.all_rules(branch))
    }

    fn owner_errors<'a>(&'a self, _: &'a str) -> Answer<'a, Vec<OwnerError>> {
        // GitLab has no such call.
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn create<'a>(&'a self, proposal: &'a Proposal) -> Answer<'a, Option<PullRequest>> {
        Box::pin(async move {
            let title = if proposal.draft { format!("Draft: {}", proposal.title) } else { proposal.title.clone() };
            let body = json!({
                "source_branch": proposal.head,
                "target_branch": proposal.base,
                "title": title,
                "description": proposal.body,
            });
            let path = self.project("/merge_requests");
            let opened: MergeRequest = self.rest.send(Call::Open, Method::POST, &path, &body).await?;
            Ok(Some(opened.into()))
        })
    }

    fn add_labels<'a>(&'a self, number: u64, labels: &'a [String]) -> Answer<'a, ()> {
        Box::pin(self.edit(Call::AddLabels, number, json!({"add_labels": labels.join(",")})))
    }

    fn ask_reviewers<'a>(&'a self, number: u64, people: &'a [String], teams: &'a [String]) -> Answer<'a, ()> {
        Box::pin(async move {
            if !people.is_empty() {
                // The list replaces the one that is there.
                let there = self.show(number).await?.reviewers.unwrap_or_default();
                let mut ids: Vec<u64> = there.into_iter().map(|user| user.id).collect();
                for name in people {
                    ids.push(self.number_of(name).await?);
                }
                self.edit(Call::AskReviewers, number, json!({"reviewer_ids": ids})).await?;
            }
            if teams.is_empty() {
                return Ok(());
            }
            Err(Error::Unsupported { kind: Kind::GitLab, doing: "ask a team for a review" })
        })
    }

    fn comment<'a>(&'a self, number: u64, body: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            let path = self.project(&format!("/merge_requests/{number}/notes"));
            self.rest.send::<Value>(Call::AddComment, Method::POST, &path, &json!({"body": body})).await.map(drop)
        })
    }

    fn close(&self, number: u64) -> Answer<'_, ()> {
        Box::pin(self.edit(Call::Close, number, json!({"state_event": "close"})))
    }
}

impl From<MergeRequest> for PullRequest {
    fn from(raw: MergeRequest) -> Self {
        let mergeable = match (raw.has_conflicts, raw.merge_status.as_deref()) {
            (Some(true), _) | (_, Some("cannot_be_merged")) => Some(false),
            (_, Some("can_be_merged")) => Some(true),
            // It is computed later.
            _ => None,
        };
        Self {
            number: raw.iid,
            url: raw.web_url,
            title: raw.title,
            body: raw.description.unwrap_or_default(),
            state: match raw.state.as_str() {
                "merged" => State::Merged,
                "closed" => State::Closed,
                // While GitLab merges it is `locked`.
                _ => State::Open,
            },
            draft: raw.draft.unwrap_or(false),
            head: raw.source_branch,
            head_commit: raw.sha.unwrap_or_default(),
            own_branch: raw.source_project_id.is_some() && raw.source_project_id == raw.target_project_id,
            base: raw.target_branch,
            author: raw.author.map(account),
            labels: raw.labels.unwrap_or_default(),
            reviewers: raw.reviewers.unwrap_or_default().into_iter().map(|user| user.username).collect(),
            teams: Vec::new(),
            created: raw.created_at,
            ended: raw.merged_at.or(raw.closed_at),
            closed_by: raw.closed_by.map(|user| user.username),
            mergeable,
        }
    }
}

fn account(raw: User) -> Account {
    // Tokens of projects and groups have accounts named `project_42_bot_…`; nothing else tells them.
    let bot =
        ["project_", "group_"].iter().any(|prefix| raw.username.starts_with(prefix)) && raw.username.contains("_bot");
    Account { name: raw.username, bot }
}

#[derive(Deserialize)]
struct MergeRequest {
    iid: u64,
    web_url: String,
    title: String,
    description: Option<String>,
    state: String,
    draft: Option<bool>,
    source_branch: String,
    target_branch: String,
    source_project_id: Option<u64>,
    target_project_id: Option<u64>,
    sha: Option<String>,
    author: Option<User>,
    labels: Option<Vec<String>>,
    reviewers: Option<Vec<User>>,
    created_at: Option<Timestamp>,
    closed_at: Option<Timestamp>,
    closed_by: Option<User>,
    merged_at: Option<Timestamp>,
    has_conflicts: Option<bool>,
    merge_status: Option<String>,
}

#[derive(Deserialize)]
struct User {
    id: u64,
    username: String,
}

#[derive(Deserialize)]
struct Diff {
    old_path: String,
    new_path: String,
}

#[derive(Deserialize)]
struct Note {
    body: Option<String>,
    author: Option<User>,
    created_at: Option<Timestamp>,
    system: Option<bool>,
}

#[derive(Deserialize)]
struct MergeRequestApprovals {
    approved_by: Option<Vec<ApprovedBy>>,
}

#[derive(Deserialize)]
struct ApprovedBy {
    user: Option<User>,
    approved_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct ApprovalRule {
    approvals_required: Option<u64>,
    applies_to_all_protected_branches: Option<bool>,
    protected_branches: Option<Vec<ProtectedBranch>>,
}

#[derive(Deserialize)]
struct ProtectedBranch {
    name: String,
    push_access_levels: Option<Vec<PushAccess>>,
    code_owner_approval_required: Option<bool>,
}

/// Who may push: a role by its level, 0 for nobody; or one person, group or key.
#[derive(Deserialize)]
struct PushAccess {
    access_level: Option<u64>,
    user_id: Option<u64>,
    group_id: Option<u64>,
    deploy_key_id: Option<u64>,
}

/// How a project merges.
#[derive(Deserialize)]
struct Merging {
    merge_method: Option<String>,
    squash_option: Option<String>,
    squash_commit_template: Option<String>,
}

impl ProtectedBranch {
    /// Tells whether a name matches: `*` is anything.
    fn covers(&self, branch: &str) -> bool {
        let mut rest = Some(branch);
        let mut parts = self.name.split('*');
        let first = parts.next().unwrap_or_default();
        rest = rest.and_then(|rest| rest.strip_prefix(first));
        let mut last = None;
        for part in parts {
            rest = rest.and_then(|rest| rest.find(part).and_then(|at| rest.get(at + part.len()..)));
            last = Some(part);
        }
        match last {
            None => rest.is_some_and(str::is_empty),
            Some(last) => rest.is_some() && branch.ends_with(last),
        }
    }

    fn takes_pushes(&self) -> bool {
        let may = |access: &PushAccess| {
            let somebody = access.user_id.is_some() || access.group_id.is_some() || access.deploy_key_id.is_some();
            somebody || access.access_level.is_some_and(|level| level > 0)
        };
        // Without a list GitLab lets maintainers push.
        self.push_access_levels.as_ref().is_none_or(|levels| levels.iter().any(may))
    }
}

impl Merging {
    /// A squashed commit has the template's text: by default the merge request's title alone.
    fn keeps_trailers(&self) -> Seen<bool> {
        let template = self.squash_commit_template.as_deref().unwrap_or_default();
        let keeps = template.contains("%{all_commits}") || template.contains("%{first_multiline_commit}");
        match self.squash_option.as_deref() {
            Some("never" | "default_off") => Seen::Is(true),
            Some("always" | "default_on") => Seen::Is(keeps),
            _ => Seen::Hidden("the token isn't shown how the project merges".to_owned()),
        }
    }
}

#[derive(Deserialize)]
struct Project {
    archived: Option<bool>,
    permissions: Option<Permissions>,
}

#[derive(Default, Deserialize)]
struct Permissions {
    project_access: Option<MemberAccess>,
    group_access: Option<MemberAccess>,
}

#[derive(Deserialize)]
struct MemberAccess {
    access_level: Option<u64>,
}
