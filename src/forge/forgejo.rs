//! Forgejo and Gitea, which speak alike.

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

/// A repository on Forgejo or Gitea.
#[derive(Clone)]
pub(super) struct Forgejo {
    rest: Rest,
}

impl Forgejo {
    pub(super) fn new(gate: Gate) -> Self {
        Self { rest: Rest { gate: Arc::new(gate) } }
    }

    fn repository(&self, rest: &str) -> String {
        format!("/repos/{}{rest}", self.rest.gate.repository)
    }

    async fn list(&self, query: &str, most: usize) -> Result<Vec<PullRequest>, Error> {
        let path = self.repository(&format!("/pulls?{query}"));
        let found: Vec<RawPullRequest> = self.rest.pages(Call::PullRequests, &path, most).await?;
        Ok(found.into_iter().map(|raw| self.pull_request(raw)).collect())
    }

    fn pull_request(&self, raw: RawPullRequest) -> PullRequest {
        let ours = &self.rest.gate.repository;
        PullRequest {
            number: raw.number,
            url: raw.html_url,
            title: raw.title,
            body: raw.body.unwrap_or_default(),
            state: match (raw.merged.unwrap_or(false), raw.state.as_str()) {
                (true, _) => State::Merged,
                (false, "open") => State::Open,
                (false, _) => State::Closed,
            },
            draft: raw.draft.unwrap_or(false),
            own_branch: raw.head.repo.is_some_and(|repo| repo.full_name.eq_ignore_ascii_case(ours)),
            head: raw.head.name,
            head_commit: raw.head.sha,
            base: raw.base.name,
            author: raw.user.map(account),
            labels: raw.labels.unwrap_or_default().into_iter().map(|label| label.name).collect(),
            reviewers: raw.requested_reviewers.unwrap_or_default().into_iter().map(|user| user.login).collect(),
            teams: raw.requested_reviewers_teams.unwrap_or_default().into_iter().map(|team| team.name).collect(),
            created: raw.created_at,
            ended: raw.merged_at.or(raw.closed_at),
            closed_by: None,
            mergeable: raw.mergeable,
        }
    }
}

impl Forgejo {
    async fn all_rules(&self, branch: &str) -> Result<BranchRules, Error> {
        let path = self.repository(&format!("/branches/{}", encoded(branch)));
        let shown = match seen(self.rest.get::<Branch>(Call::Branch, &path).await)? {
            Ok(shown) => shown,
            Err(why) => return Ok(BranchRules::hidden(&why)),
        };
        let name = shown.effective_branch_protection_name.clone().filter(|name| !name.is_empty());
        let rule = match (shown.protected, name) {
            (false, _) => Ok(None),
            (true, None) => Err("the token isn't shown which rule protects the branch".to_owned()),
            (true, Some(name)) => {
                let path = self.repository(&format!("/branch_protections/{}", encoded(&name)));
                let read = seen(self.rest.get::<RawProtection>(Call::Protection, &path).await)?;
                read.map(Some).map_err(|_| "only administrators are shown the rule that protects the branch".to_owned())
            }
        };
        let merging = seen(self.rest.get::<Merging>(Call::Repository, &self.repository("")).await)?;
        let of_rule = |says: fn(&RawProtection) -> bool| match &rule {
            Ok(rule) => Seen::Is(rule.as_ref().is_some_and(says)),
            Err(why) => Seen::Hidden(why.clone()),
        };
        let asked = shown.required_approvals.unwrap_or(0);
        Ok(BranchRules {
            approvals: Seen::Is(if shown.protected { asked } else { 0 }),
            dismisses_stale: of_rule(|rule| {
                rule.dismiss_stale_approvals.unwrap_or(false) || rule.ignore_stale_approvals.unwrap_or(false)
            }),
            owners_approve: Seen::Absent("Forgejo asks owners for a review, and merges without it"),
            up_to_date: of_rule(|rule| rule.block_on_outdated_branch.unwrap_or(false)),
            takes_pushes: match &rule {
                Ok(rule) => Seen::Is(rule.as_ref().is_none_or(|rule| rule.enable_push.unwrap_or(false))),
                Err(why) => Seen::Hidden(why.clone()),
            },
            queue: Seen::Absent("Forgejo has no queue"),
            auto_merge: Seen::Absent("on Forgejo whoever may merge may also let it merge later"),
            keeps_trailers: match merging.map(|merging| merging.default_merge_style) {
                Ok(Some(style)) => Seen::Is(style != "squash"),
                Ok(None) => Seen::Hidden("the token isn't shown how the repository merges".to_owned()),
                Err(why) => Seen::Hidden(why),
            },
            bypass: match &rule {
                Ok(Some(rule)) => Seen::Is(!rule.apply_to_admins.unwrap_or(false)),
                Ok(None) => Seen::Is(false),
                Err(why) => Seen::Hidden(why.clone()),
            },
        })
    }
}

impl Forge for Forgejo {
    fn kind(&self) -> Kind {
        Kind::Forgejo
    }

    fn page(&self) -> Option<Url> {
        Url::parse(&format!("https://{}/{}", self.rest.gate.host, self.rest.gate.repository)).ok()
    }

    fn token_origin(&self) -> Option<&'static str> {
        Some(self.rest.gate.login.origin())
    }

    fn patience(&self) -> Patience {
        self.rest.gate.patience
    }

    fn identity(&self) -> Answer<'_, Option<Account>> {
        Box::pin(async {
            match self.rest.get::<User>(Call::Identity, "/user").await {
                Ok(user) => Ok(Some(account(user))),
                // A token without the scope `read:user` may still open pull requests.
                Err(Error::Forbidden { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        })
    }

    fn of_branch<'a>(&'a self, branch: &'a str) -> Answer<'a, Vec<PullRequest>> {
        Box::pin(async move {
            // Gitea ignores `head`, and the answer is sifted here.
            let mut found =
                self.list(&format!("state=all&sort=recentupdate&head={}", encoded(branch)), usize::MAX).await?;
            found.retain(|pull_request| pull_request.own_branch && pull_request.head == branch);
            found.sort_by_key(|pull_request| std::cmp::Reverse(pull_request.number));
            Ok(found)
        })
    }

    fn open_ones(&self) -> Answer<'_, Vec<PullRequest>> {
        Box::pin(self.list("state=open", usize::MAX))
    }

    fn ended_ones(&self, most: usize) -> Answer<'_, Vec<PullRequest>> {
        Box::pin(self.list("state=closed&sort=recentupdate", most))
    }

    fn access(&self) -> Answer<'_, Access> {
        Box::pin(async {
            let raw: RawAccess = self.rest.get(Call::Repository, &self.repository("")).await?;
            let push = raw.permissions.and_then(|permissions| permissions.push);
            Ok(Access { push, archived: raw.archived.unwrap_or(false) })
        })
    }

    fn told(&self) -> Told {
        self.rest.gate.told()
    }

    fn read(&self, number: u64) -> Answer<'_, PullRequest> {
        Box::pin(async move {
            let path = self.repository(&format!("/pulls/{number}"));
            Ok(self.pull_request(self.rest.get(Call::PullRequest, &path).await?))
        })
    }

    fn files(&self, number: u64) -> Answer<'_, Vec<String>> {
        Box::pin(async move {
            let path = self.repository(&format!("/pulls/{number}/files"));
            let files: Vec<File> = self.rest.pages(Call::Files, &path, usize::MAX).await?;
            Ok(files.into_iter().flat_map(|file| [Some(file.filename), file.previous_filename]).flatten().collect())
        })
    }

    fn reviews(&self, number: u64) -> Answer<'_, Vec<Review>> {
        Box::pin(async move {
            let path = self.repository(&format!("/pulls/{number}/reviews"));
            let reviews: Vec<RawReview> = self.rest.pages(Call::Reviews, &path, usize::MAX).await?;
            let review = |raw: RawReview| Review {
                author: raw.user.map(account),
                verdict: match (raw.state.as_str(), raw.dismissed.unwrap_or(false)) {
                    ("APPROVED", false) => ReviewVerdict::Approved,
                    ("REQUEST_CHANGES", false) => ReviewVerdict::ChangesRequested,
                    _ => ReviewVerdict::Other,
                },
                submitted: raw.submitted_at,
            };
            // Requests stand among the reviews, and drafts of the token's owner.
            let said = reviews.into_iter().filter(|raw| !matches!(raw.state.as_str(), "REQUEST_REVIEW" | "PENDING"));
            Ok(said.map(review).collect())
        })
    }

    fn comments(&self, number: u64) -> Answer<'_, Vec<Comment>> {
        Box::pin(async move {
            // This list has no pages.
            let path = self.repository(&format!("/issues/{number}/comments"));
            let comments: Vec<RawComment> = self.rest.get(Call::Comments, &path).await?;
            let comment = |raw: RawComment| Comment {
                author: raw.user.map(account),
                body: raw.body.unwrap_or_default(),
                created: raw.created_at,
            };
            Ok(comments.into_iter().map(comment).collect())
        })
    }

    fn approvals<'a>(&'a self, branch: &'a str) -> Answer<'a, Approvals> {
        Box::pin(async move {
            let path = self.repository(&format!("/branches/{}", encoded(branch)));
            match self.rest.get::<Branch>(Call::Branch, &path).await {
                Ok(branch) => match branch.required_approvals.unwrap_or(0) {
                    count if count > 0 && branch.protected => Ok(Approvals::Asked(count)),
                    _ => Ok(Approvals::NotAsked),
                },
                Err(error @ (Error::Forbidden { .. } | Error::NotFound { .. })) => {
                    Ok(Approvals::Unreadable(error.to_string()))
                }
                Err(error) => Err(error),
            }
        })
    }

    fn branch_rules<'a>(&'a self, branch: &'a str) -> Answer<'a, BranchRules> {
        Box::pin(self.all_rules(branch))
    }

    fn owner_errors<'a>(&'a self, _: &'a str) -> Answer<'a, Vec<OwnerError>> {
        // Forgejo has no such call.
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn create<'a>(&'a self, proposal: &'a Proposal) -> Answer<'a, Option<PullRequest>> {
        Box::pin(async move {
            let title = if proposal.draft { format!("WIP: {}", proposal.title) } else { proposal.title.clone() };
            let body = json!({"title": title, "head": proposal.head, "base": proposal.base, "body": proposal.body});
            let path = self.repository("/pulls");
            let opened = self.rest.send(Call::Open, Method::POST, &path, &body).await?;
            Ok(Some(self.pull_request(opened)))
        })
    }

    fn add_labels<'a>(&'a self, number: u64, labels: &'a [String]) -> Answer<'a, ()> {
        Box::pin(async move {
            let path = self.repository(&format!("/issues/{number}/labels"));
            let set: Vec<Label> =
                self.rest.send(Call::AddLabels, Method::POST, &path, &json!({"labels": labels})).await?;
            // A name that is no label is passed over without a word.
            let absent = |name: &&String| !set.iter().any(|label| label.name.eq_ignore_ascii_case(name));
            let absent: Vec<&str> = labels.iter().filter(absent).map(String::as_str).collect();
            if absent.is_empty() {
                return Ok(());
            }
            Err(Error::Refused {
                host: self.rest.gate.host.clone(),
                doing: Call::AddLabels.doing(),
                status: 404,
                message: format!("the repository has no label {}", absent.join(", ").escape_default()),
            })
        })
    }

    fn ask_reviewers<'a>(&'a self, number: u64, people: &'a [String], teams: &'a [String]) -> Answer<'a, ()> {
        Box::pin(async move {
            let path = self.repository(&format!("/pulls/{number}/requested_reviewers"));
            let teams: Vec<&str> = teams.iter().map(|team| team.rsplit('/').next().unwrap_or(team)).collect();
            let body = json!({"reviewers": people, "team_reviewers": teams});
            self.rest.send::<Value>(Call::AskReviewers, Method::POST, &path, &body).await.map(drop)
        })
    }

    fn comment<'a>(&'a self, number: u64, body: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            let path = self.repository(&format!("/issues/{number}/comments"));
            self.rest.send::<Value>(Call::AddComment, Method::POST, &path, &json!({"body": body})).await.map(drop)
        })
    }

    fn close(&self, number: u64) -> Answer<'_, ()> {
        Box::pin(async move {
            let path = self.repository(&format!("/pulls/{number}"));
            self.rest.send::<Value>(Call::Close, Method::PATCH, &path, &json!({"state": "closed"})).await.map(drop)
        })
    }
}

fn account(raw: User) -> Account {
    // Forgejo marks no account as a program's.
    Account { name: raw.login, bot: false }
}

#[derive(Deserialize)]
struct RawPullRequest {
    number: u64,
    html_url: String,
    title: String,
    body: Option<String>,
    state: String,
    merged: Option<bool>,
    draft: Option<bool>,
    head: Side,
    base: Side,
    user: Option<User>,
    labels: Option<Vec<Label>>,
    requested_reviewers: Option<Vec<User>>,
    requested_reviewers_teams: Option<Vec<Team>>,
    created_at: Option<Timestamp>,
    closed_at: Option<Timestamp>,
    merged_at: Option<Timestamp>,
    mergeable: Option<bool>,
}

#[derive(Deserialize)]
struct Side {
    #[serde(rename = "ref")]
    name: String,
    sha: String,
    /// None where a fork is gone.
    repo: Option<Repository>,
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
}

#[derive(Deserialize)]
struct User {
    login: String,
}

#[derive(Deserialize)]
struct Team {
    name: String,
}

#[derive(Deserialize)]
struct Label {
    name: String,
}

#[derive(Deserialize)]
struct File {
    filename: String,
    previous_filename: Option<String>,
}

#[derive(Deserialize)]
struct RawReview {
    user: Option<User>,
    state: String,
    dismissed: Option<bool>,
    submitted_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct RawComment {
    user: Option<User>,
    body: Option<String>,
    created_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Branch {
    protected: bool,
    required_approvals: Option<u64>,
    effective_branch_protection_name: Option<String>,
}

/// A rule that protects branches.
#[derive(Deserialize)]
struct RawProtection {
    apply_to_admins: Option<bool>,
    block_on_outdated_branch: Option<bool>,
    dismiss_stale_approvals: Option<bool>,
    enable_push: Option<bool>,
    ignore_stale_approvals: Option<bool>,
}

/// How a repository merges.
#[derive(Deserialize)]
struct Merging {
    default_merge_style: Option<String>,
}

#[derive(Deserialize)]
struct RawAccess {
    archived: Option<bool>,
    permissions: Option<Permissions>,
}

#[derive(Deserialize)]
struct Permissions {
    push: Option<bool>,
}
