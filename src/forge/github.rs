//! GitHub: octocrab makes the requests and reads the answers; what is sent goes through the gate.

mod rules;
mod wire;

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use octocrab::{AuthState, OctoBody, Octocrab, OctocrabBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tower::Service;
use url::Url;

use self::wire::{RawAccess, RawBranch, RawComment, RawFile, RawPullRequest, RawReview, RawRule, RawUser};
use super::address::Address;
use super::call::Call;
use super::gate::Gate;
use super::rest::encoded;
use super::{
    Access, Account, Answer, Approvals, Comment, Error, Forge, Kind, Login, OwnerError, Patience, Proposal,
    PullRequest, Review, ReviewVerdict, State, Told,
};
use crate::model::BranchRules;

/// What stands in for the parameters of a call that has none.
const NO_QUERY: [(&str, &str); 0] = [];
/// How many entries a page has.
const PAGE: usize = 100;
/// How many pages are read; a list that is longer is refused, not cut.
const PAGES: usize = 100;

/// A repository on GitHub.
#[derive(Clone)]
pub(super) struct GitHub {
    gate: Arc<Gate>,
    owner: String,
    name: String,
}

/// What octocrab calls instead of a client of its own.
#[derive(Clone)]
struct Door(Arc<Gate>);

impl Service<http::Request<OctoBody>> for Door {
    type Response = http::Response<Full<Bytes>>;
    type Error = Error;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<OctoBody>) -> Self::Future {
        let gate = Arc::clone(&self.0);
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let path = parts.uri.path_and_query().map_or("", |path| path.as_str()).to_owned();
            let foreign = parts.uri.authority().is_some();
            let body = body.collect().await.ok().map(http_body_util::Collected::to_bytes);
            let Some(body) = body.filter(|_| !foreign) else {
                return Err(Error::Outside {
                    method: parts.method.to_string(),
                    path: path.escape_default().to_string(),
                });
            };
            let answer = gate.send(parts.method, &path, body).await?;
            let mut response = http::Response::new(Full::new(answer.bytes));
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            Ok(response)
        })
    }
}

impl GitHub {
    pub(super) fn new(gate: Gate, address: &Address) -> Result<Self, Error> {
        let (owner, name) = address
            .owner_and_name()
            .ok_or_else(|| Error::NoRepository { remote: format!("{}/{}", address.host, address.path) })?;
        Ok(Self { owner: owner.to_owned(), name: name.to_owned(), gate: Arc::new(gate) })
    }

    /// Makes octocrab over the gate. Its worker needs the runtime, so it is made inside a call.
    fn octocrab(&self) -> Octocrab {
        let service = Door(Arc::clone(&self.gate));
        let Ok(octocrab) = OctocrabBuilder::new_empty().with_service(service).with_auth(AuthState::None).build();
        octocrab
    }

    /// Returns what an App may do, once it was asked.
    fn app_permissions(&self) -> Option<Vec<String>> {
        match &self.gate.login {
            Login::App(app) => app.granted(),
            Login::Token(..) => None,
        }
    }

    fn path(&self, rest: &str) -> String {
        format!("/repos/{}/{}{rest}", self.owner, self.name)
    }

    async fn get<T: DeserializeOwned>(&self, call: Call, path: &str, query: &impl Serialize) -> Result<T, Error> {
        self.octocrab().get::<T, _, _>(path, Some(query)).await.map_err(|error| self.read(call, error))
    }

    async fn post<T: DeserializeOwned>(&self, call: Call, path: &str, body: &Value) -> Result<T, Error> {
        self.octocrab().post::<_, T>(path, Some(body)).await.map_err(|error| self.read(call, error))
    }

    /// Reads the pages of a list, until it ends or there is enough.
    async fn pages<T: DeserializeOwned>(
        &self,
        call: Call,
        path: &str,
        query: Value,
        most: usize,
    ) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        for page in 1..=PAGES {
            let mut query = query.clone();
            if let Some(query) = query.as_object_mut() {
                query.insert("per_page".to_owned(), PAGE.into());
                query.insert("page".to_owned(), page.into());
            }
            let more: Vec<T> = self.get(call, path, &query).await?;
            let last = more.len() < PAGE;
            all.extend(more);
            if last || all.len() >= most {
                return Ok(all);
            }
        }
        Err(Error::Protocol { host: self.gate.host.clone(), doing: call.doing(), source: None })
    }

    async fn list(&self, query: Value, most: usize) -> Result<Vec<PullRequest>, Error> {
        let raw: Vec<RawPullRequest> = self.pages(Call::PullRequests, &self.path("/pulls"), query, most).await?;
        Ok(raw.into_iter().map(|raw| self.pull_request(raw)).collect())
    }

    fn pull_request(&self, raw: RawPullRequest) -> PullRequest {
        let state = match (raw.merged_at, raw.state.as_str()) {
            (Some(_), _) => State::Merged,
            (None, "open") => State::Open,
            (None, _) => State::Closed,
        };
        let ours = format!("{}/{}", self.owner, self.name);
        PullRequest {
            number: raw.number,
            url: raw.html_url,
            title: raw.title,
            body: raw.body.unwrap_or_default(),
            state,
            draft: raw.draft.unwrap_or(false),
            own_branch: raw.head.repo.is_some_and(|repo| repo.full_name.eq_ignore_ascii_case(&ours)),
            head: raw.head.name,
            head_commit: raw.head.sha,
            base: raw.base.name,
            author: raw.user.map(account),
            labels: raw.labels.into_iter().filter_map(|label| label.name).collect(),
            reviewers: raw.requested_reviewers.unwrap_or_default().into_iter().map(|user| user.login).collect(),
            teams: raw.requested_teams.unwrap_or_default().into_iter().map(|team| team.slug).collect(),
            created: raw.created_at,
            ended: raw.merged_at.or(raw.closed_at),
            closed_by: None,
            mergeable: raw.mergeable,
        }
    }

    /// Finds our own error in octocrab's; what is left is an answer that could not be read.
    fn read(&self, call: Call, error: octocrab::Error) -> Error {
        match error {
            octocrab::Error::Service { source, .. } => match source.downcast::<Error>() {
                Ok(error) => *error,
                Err(source) => self.protocol(call, source),
            },
            error => self.protocol(call, Box::new(error)),
        }
    }

    fn protocol(&self, call: Call, source: Box<dyn std::error::Error + Send + Sync>) -> Error {
        Error::Protocol { host: self.gate.host.clone(), doing: call.doing(), source: Some(source) }
    }

    async fn rules(&self, branch: &str) -> Result<Approvals, Error> {
        let name = encoded(branch);
        let rules: Vec<RawRule> =
            self.pages(Call::Rules, &self.path(&format!("/rules/branches/{name}")), json!({}), usize::MAX).await?;
        let asked = rules
            .iter()
            .filter(|rule| rule.kind == "pull_request")
            .filter_map(|rule| rule.parameters.as_ref()?.get("required_approving_review_count")?.as_u64());
        if let Some(count) = asked.max().filter(|count| *count > 0) {
            return Ok(Approvals::Asked(count));
        }
        // Classic protection is not among the rules, and only administrators may read it.
        let branch: RawBranch = self.get(Call::Branch, &self.path(&format!("/branches/{name}")), &NO_QUERY).await?;
        if !branch.protected {
            return Ok(Approvals::NotAsked);
        }
        let path = self.path(&format!("/branches/{name}/protection"));
        let protection: Value = self.get(Call::Protection, &path, &NO_QUERY).await?;
        let count = protection
            .get("required_pull_request_reviews")
            .and_then(|reviews| reviews.get("required_approving_review_count"))
            .and_then(Value::as_u64)
            .unwrap_or(0);
        Ok(if count > 0 { Approvals::Asked(count) } else { Approvals::NotAsked })
    }
}

impl Forge for GitHub {
    fn kind(&self) -> Kind {
        Kind::GitHub
    }

    fn page(&self) -> Option<Url> {
        Url::parse(&format!("https://{}/{}", self.gate.host, self.gate.repository)).ok()
    }

    fn token_origin(&self) -> Option<&'static str> {
        Some(self.gate.login.origin())
    }

    fn patience(&self) -> Patience {
        self.gate.patience
    }

    fn identity(&self) -> Answer<'_, Option<Account>> {
        Box::pin(async {
            if let Login::App(app) = &self.gate.login {
                return Ok(Some(Account { name: app.account().await?, bot: true }));
            }
            match self.get::<RawUser>(Call::Identity, "/user", &NO_QUERY).await {
                Ok(user) => Ok(Some(account(user))),
                // The token of an installation is nobody's.
                Err(Error::Forbidden { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        })
    }

    fn of_branch<'a>(&'a self, branch: &'a str) -> Answer<'a, Vec<PullRequest>> {
        Box::pin(async move {
            let head = format!("{}:{branch}", self.owner);
            let mut found = self.list(json!({"head": head, "state": "all"}), usize::MAX).await?;
            // A filter that GitHub can't read is one that it ignores.
            found.retain(|pull_request| pull_request.own_branch && pull_request.head == branch);
            Ok(found)
        })
    }

    fn open_ones(&self) -> Answer<'_, Vec<PullRequest>> {
        Box::pin(self.list(json!({"state": "open"}), usize::MAX))
    }

    fn ended_ones(&self, most: usize) -> Answer<'_, Vec<PullRequest>> {
        Box::pin(self.list(json!({"state": "closed", "sort": "updated", "direction": "desc"}), most))
    }

    fn access(&self) -> Answer<'_, Access> {
        Box::pin(async {
            let raw: RawAccess = self.get(Call::Repository, &self.path(""), &NO_QUERY).await?;
            // Of an App the repository tells nothing; its installation does.
            let granted = self.app_permissions();
            let push = match &granted {
                Some(granted) => Some(granted.iter().any(|one| one == "contents:write")),
                None => raw.permissions.map(|permissions| permissions.push),
            };
            Ok(Access { push, archived: raw.archived.unwrap_or(false) })
        })
    }

    fn told(&self) -> Told {
        let told = self.gate.told();
        Told { scopes: self.app_permissions().or(told.scopes), ..told }
    }

    fn read(&self, number: u64) -> Answer<'_, PullRequest> {
        Box::pin(async move {
            let path = self.path(&format!("/pulls/{number}"));
            Ok(self.pull_request(self.get(Call::PullRequest, &path, &NO_QUERY).await?))
        })
    }

    fn files(&self, number: u64) -> Answer<'_, Vec<String>> {
        Box::pin(async move {
            let path = self.path(&format!("/pulls/{number}/files"));
            let files: Vec<RawFile> = self.pages(Call::Files, &path, json!({}), usize::MAX).await?;
            Ok(files.into_iter().flat_map(|file| [Some(file.filename), file.previous_filename]).flatten().collect())
        })
    }

    fn reviews(&self, number: u64) -> Answer<'_, Vec<Review>> {
        Box::pin(async move {
            let path = self.path(&format!("/pulls/{number}/reviews"));
            let reviews: Vec<RawReview> = self.pages(Call::Reviews, &path, json!({}), usize::MAX).await?;
            let review = |raw: RawReview| Review {
                author: raw.user.map(account),
                verdict: match raw.state.as_str() {
                    "APPROVED" => ReviewVerdict::Approved,
                    "CHANGES_REQUESTED" => ReviewVerdict::ChangesRequested,
                    _ => ReviewVerdict::Other,
                },
                submitted: raw.submitted_at,
            };
            Ok(reviews.into_iter().map(review).collect())
        })
    }

    fn comments(&self, number: u64) -> Answer<'_, Vec<Comment>> {
        Box::pin(async move {
            let path = self.path(&format!("/issues/{number}/comments"));
            let comments: Vec<RawComment> = self.pages(Call::Comments, &path, json!({}), usize::MAX).await?;
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
            match self.rules(branch).await {
                Err(error @ (Error::Forbidden { .. } | Error::NotFound { .. } | Error::Refused { .. })) => {
                    Ok(Approvals::Unreadable(error.to_string()))
                }
                answer => answer,
            }
        })
    }

    fn branch_rules<'a>(&'a self, branch: &'a str) -> Answer<'a, BranchRules> {
        Box::pin(self.all_rules(branch))
    }

    fn owner_errors<'a>(&'a self, branch: &'a str) -> Answer<'a, Vec<OwnerError>> {
        Box::pin(self.errors_of_owners(branch))
    }

    fn create<'a>(&'a self, proposal: &'a Proposal) -> Answer<'a, Option<PullRequest>> {
        Box::pin(async move {
            let body = json!({
                "title": proposal.title,
                "head": proposal.head,
                "base": proposal.base,
                "body": proposal.body,
                "draft": proposal.draft,
            });
            let raw = self.post(Call::Open, &self.path("/pulls"), &body).await?;
            Ok(Some(self.pull_request(raw)))
        })
    }

    fn add_labels<'a>(&'a self, number: u64, labels: &'a [String]) -> Answer<'a, ()> {
        Box::pin(async move {
            // A pull request is an issue, too, and only as such it takes labels.
            let path = self.path(&format!("/issues/{number}/labels"));
            self.post::<Value>(Call::AddLabels, &path, &json!({"labels": labels})).await.map(drop)
        })
    }

    fn ask_reviewers<'a>(&'a self, number: u64, people: &'a [String], teams: &'a [String]) -> Answer<'a, ()> {
        Box::pin(async move {
            let path = self.path(&format!("/pulls/{number}/requested_reviewers"));
            // Teams are named without their organisation.
            let teams: Vec<&str> = teams.iter().map(|team| team.rsplit('/').next().unwrap_or(team)).collect();
            let body = json!({"reviewers": people, "team_reviewers": teams});
            self.post::<Value>(Call::AskReviewers, &path, &body).await.map(drop)
        })
    }

    fn comment<'a>(&'a self, number: u64, body: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            let path = self.path(&format!("/issues/{number}/comments"));
            self.post::<Value>(Call::AddComment, &path, &json!({"body": body})).await.map(drop)
        })
    }

    fn close(&self, number: u64) -> Answer<'_, ()> {
        Box::pin(async move {
            let path = self.path(&format!("/pulls/{number}"));
            let answer = self.octocrab().patch::<Value, _, _>(path, Some(&json!({"state": "closed"}))).await;
            answer.map(drop).map_err(|error| self.read(Call::Close, error))
        })
    }
}

fn account(raw: RawUser) -> Account {
    let bot = raw.kind.as_deref() == Some("Bot") || raw.login.ends_with("[bot]");
    Account { name: raw.login, bot }
}
