//! The closed list of calls that a forge may get from us.
//!
//! Nothing here approves, merges, enables auto-merge, writes rules or deletes. Every request is compared with this list
//! before it is sent: method, path, names in the query, names in the body, and their values where one is meant only.

use ::http::Method;
use serde_json::Value;

use super::{Error, Kind};

/// What may be asked of a forge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// Whose token is this?
    Identity,
    /// The installation of a GitHub App on the repository.
    Installation,
    /// Gives a GitHub App a token for the repository.
    IssueToken,
    /// The account of that name.
    Account,
    /// The repository, and what the token may do there.
    Repository,
    /// Pull requests of the repository.
    PullRequests,
    /// One pull request.
    PullRequest,
    /// The files that a pull request changes.
    Files,
    /// The reviews of a pull request.
    Reviews,
    /// The comments on a pull request.
    Comments,
    /// A branch, and whether it is protected.
    Branch,
    /// The rules of a branch.
    Rules,
    /// The protection of a branch: classic on GitHub, by a pattern elsewhere.
    Protection,
    /// What is wrong in the file of code owners.
    OwnerErrors,
    /// Opens a pull request.
    Open,
    /// Adds labels.
    AddLabels,
    /// Asks for reviews.
    AskReviewers,
    /// Writes a comment.
    AddComment,
    /// Closes a pull request without merging it.
    Close,
}

/// How a call is made with one kind of forge.
#[derive(Clone, Copy, Debug)]
struct Route {
    call: Call,
    method: &'static str,
    /// Below the API; `{repository}` is ours, `{number}` digits, `{name}` one encoded segment.
    path: &'static str,
    /// The names that the query may hold.
    query: &'static [&'static str],
    /// The names that the body may hold, and the only value where there is one.
    body: &'static [(&'static str, Option<&'static str>)],
}

const fn read(call: Call, path: &'static str, query: &'static [&'static str]) -> Route {
    Route { call, method: "GET", path, query, body: &[] }
}

const PAGES: &[&str] = &["per_page", "page"];

const GITHUB: &[Route] = &[
    read(Call::Identity, "/user", &[]),
    read(Call::Installation, "/repos/{repository}/installation", &[]),
    Route {
        call: Call::IssueToken,
        method: "POST",
        path: "/app/installations/{number}/access_tokens",
        query: &[],
        body: &[("repositories", None), ("permissions", None)],
    },
    read(Call::Repository, "/repos/{repository}", &[]),
    read(Call::PullRequests, "/repos/{repository}/pulls", &["head", "state", "sort", "direction", "per_page", "page"]),
    read(Call::PullRequest, "/repos/{repository}/pulls/{number}", &[]),
    read(Call::Files, "/repos/{repository}/pulls/{number}/files", PAGES),
    read(Call::Reviews, "/repos/{repository}/pulls/{number}/reviews", PAGES),
    read(Call::Comments, "/repos/{repository}/issues/{number}/comments", PAGES),
    read(Call::Branch, "/repos/{repository}/branches/{name}", &[]),
    read(Call::Rules, "/repos/{repository}/rules/branches/{name}", PAGES),
    read(Call::Protection, "/repos/{repository}/branches/{name}/protection", &[]),
    read(Call::OwnerErrors, "/repos/{repository}/codeowners/errors", &["ref"]),
    Route {
        call: Call::Open,
        method: "POST",
        path: "/repos/{repository}/pulls",
        query: &[],
        body: &[("title", None), ("head", None), ("base", None), ("body", None), ("draft", None)],
    },
    Route {
        call: Call::AddLabels,
        method: "POST",
        path: "/repos/{repository}/issues/{number}/labels",
        query: &[],
        body: &[("labels", None)],
    },
    Route {
        call: Call::AskReviewers,
        method: "POST",
        path: "/repos/{repository}/pulls/{number}/requested_reviewers",
        query: &[],
        body: &[("reviewers", None), ("team_reviewers", None)],
    },
    Route {
        call: Call::AddComment,
        method: "POST",
        path: "/repos/{repository}/issues/{number}/comments",
        query: &[],
        body: &[("body", None)],
    },
    Route {
        call: Call::Close,
        method: "PATCH",
        path: "/repos/{repository}/pulls/{number}",
        query: &[],
        body: &[("state", Some("closed"))],
    },
];

const GITLAB: &[Route] = &[
    read(Call::Identity, "/user", &[]),
    read(Call::Account, "/users", &["username"]),
    read(
        Call::PullRequests,
        "/projects/{repository}/merge_requests",
        &["state", "source_branch", "order_by", "per_page", "page"],
    ),
    read(Call::Repository, "/projects/{repository}", &[]),
    read(Call::PullRequest, "/projects/{repository}/merge_requests/{number}", &[]),
    read(Call::Files, "/projects/{repository}/merge_requests/{number}/diffs", PAGES),
    read(Call::Reviews, "/projects/{repository}/merge_requests/{number}/approvals", &[]),
    read(
        Call::Comments,
        "/projects/{repository}/merge_requests/{number}/notes",
        &["sort", "order_by", "per_page", "page"],
    ),
    read(Call::Rules, "/projects/{repository}/approval_rules", PAGES),
    read(Call::Protection, "/projects/{repository}/protected_branches", PAGES),
    Route {
        call: Call::Open,
        method: "POST",
        path: "/projects/{repository}/merge_requests",
        query: &[],
        body: &[("source_branch", None), ("target_branch", None), ("title", None), ("description", None)],
    },
    Route {
        call: Call::AddLabels,
        method: "PUT",
        path: "/projects/{repository}/merge_requests/{number}",
        query: &[],
        body: &[("add_labels", None)],
    },
    Route {
        call: Call::AskReviewers,
        method: "PUT",
        path: "/projects/{repository}/merge_requests/{number}",
        query: &[],
        body: &[("reviewer_ids", None)],
    },
    Route {
        call: Call::AddComment,
        method: "POST",
        path: "/projects/{repository}/merge_requests/{number}/notes",
        query: &[],
        body: &[("body", None)],
    },
    Route {
        call: Call::Close,
        method: "PUT",
        path: "/projects/{repository}/merge_requests/{number}",
        query: &[],
        body: &[("state_event", Some("close"))],
    },
];

const FORGEJO: &[Route] = &[
    read(Call::Identity, "/user", &[]),
    read(Call::Repository, "/repos/{repository}", &[]),
    read(Call::PullRequests, "/repos/{repository}/pulls", &["head", "state", "sort", "limit", "page"]),
    read(Call::PullRequest, "/repos/{repository}/pulls/{number}", &[]),
    read(Call::Files, "/repos/{repository}/pulls/{number}/files", &["limit", "page"]),
    read(Call::Reviews, "/repos/{repository}/pulls/{number}/reviews", &["limit", "page"]),
    read(Call::Comments, "/repos/{repository}/issues/{number}/comments", &[]),
    read(Call::Branch, "/repos/{repository}/branches/{name}", &[]),
    read(Call::Protection, "/repos/{repository}/branch_protections/{name}", &[]),
    Route {
        call: Call::Open,
        method: "POST",
        path: "/repos/{repository}/pulls",
        query: &[],
        body: &[("title", None), ("head", None), ("base", None), ("body", None)],
    },
    Route {
        call: Call::AddLabels,
        method: "POST",
        path: "/repos/{repository}/issues/{number}/labels",
        query: &[],
        body: &[("labels", None)],
    },
    Route {
        call: Call::AskReviewers,
        method: "POST",
        path: "/repos/{repository}/pulls/{number}/requested_reviewers",
        query: &[],
        body: &[("reviewers", None), ("team_reviewers", None)],
    },
    Route {
        call: Call::AddComment,
        method: "POST",
        path: "/repos/{repository}/issues/{number}/comments",
        query: &[],
        body: &[("body", None)],
    },
    Route {
        call: Call::Close,
        method: "PATCH",
        path: "/repos/{repository}/pulls/{number}",
        query: &[],
        body: &[("state", Some("closed"))],
    },
];

impl Call {
    /// Returns what it does, after "asked to".
    pub fn doing(self) -> &'static str {
        match self {
            Self::Identity => "say whose token it is",
            Self::Installation => "show the App's installation",
            Self::IssueToken => "give the App a token",
            Self::Account => "look up an account",
            Self::Repository => "show the repository",
            Self::PullRequests => "list pull requests",
            Self::PullRequest => "show a pull request",
            Self::Files => "list the files of a pull request",
            Self::Reviews => "list the reviews of a pull request",
            Self::Comments => "list the comments on a pull request",
            Self::Branch => "show a branch",
            Self::Rules | Self::Protection => "show the rules of a branch",
            Self::OwnerErrors => "check the file of code owners",
            Self::Open => "open a pull request",
            Self::AddLabels => "add labels",
            Self::AskReviewers => "ask for reviews",
            Self::AddComment => "write a comment",
            Self::Close => "close a pull request",
        }
    }

    /// Tells whether it changes nothing.
    pub fn is_read(self) -> bool {
        !matches!(self, Self::Open | Self::AddLabels | Self::AskReviewers | Self::AddComment | Self::Close)
    }
}

/// Returns the call that a request makes; `path` stands below the API, with its query.
///
/// # Errors
/// [`Error::Outside`] for any request that the list doesn't hold.
pub fn recognise(kind: Kind, repository: &str, method: &Method, path: &str, body: &[u8]) -> Result<Call, Error> {
    let outside = || Error::Outside { method: method.to_string(), path: path.escape_default().to_string() };
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let routes = match kind {
        Kind::GitHub => GITHUB,
        Kind::GitLab => GITLAB,
        Kind::Forgejo => FORGEJO,
        Kind::None => &[],
    };
    let matching = |route: &&Route| {
        method == route.method
            && is_path(route.path, repository, path)
            && has_only(route, query)
            && is_body(route, body)
    };
    routes.iter().find(matching).map(|route| route.call).ok_or_else(outside)
}

fn is_path(pattern: &str, repository: &str, path: &str) -> bool {
    let pattern = pattern.replace("{repository}", repository);
    let (pattern, path): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len()
        && pattern.iter().zip(&path).all(|(pattern, segment)| match *pattern {
            "{number}" => !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit()),
            "{name}" => {
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'%');
                !matches!(*segment, "" | "." | "..") && segment.bytes().all(plain)
            }
            literal => literal == *segment,
        })
}

fn has_only(route: &Route, query: &str) -> bool {
    url::form_urlencoded::parse(query.as_bytes()).all(|(name, _)| route.query.contains(&name.as_ref()))
}

fn is_body(route: &Route, body: &[u8]) -> bool {
    if route.body.is_empty() || body.is_empty() {
        return route.body.is_empty() && body.is_empty();
    }
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else { return false };
    let allowed = |(name, value): (&String, &Value)| {
        let known = route.body.iter().find(|(known, _)| known == name);
        known.is_some_and(|(_, only)| only.is_none_or(|only| value.as_str() == Some(only))) && !commands(value)
    };
    !fields.is_empty() && fields.iter().all(allowed)
}

/// Tells whether a forge or a bot would read a command in a text: `/merge` on a line of its own.
fn commands(value: &Value) -> bool {
    let command = |line: &str| {
        line.trim_start()
            .strip_prefix('/')
            .is_some_and(|rest| rest.starts_with(|char: char| char.is_ascii_alphabetic()))
    };
    value.as_str().is_some_and(|text| text.split(['\n', '\r']).any(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gitlab_s_edits_do_one_thing_each() {
        let path = "/projects/acme%2Ffleet/merge_requests/7";
        let gitlab = |method: Method, path: &str, body: &str| {
            recognise(Kind::GitLab, "acme%2Ffleet", &method, path, body.as_bytes()).ok()
        };
        assert_eq!(gitlab(Method::PUT, path, r#"{"add_labels":"promotion"}"#), Some(Call::AddLabels));
        assert_eq!(gitlab(Method::PUT, path, r#"{"reviewer_ids":[1]}"#), Some(Call::AskReviewers));
        assert_eq!(gitlab(Method::PUT, path, r#"{"state_event":"close"}"#), Some(Call::Close));
        for (method, path, body) in [
            (Method::PUT, "/projects/acme%2Ffleet/merge_requests/7/merge", "{}"),
            (Method::POST, "/projects/acme%2Ffleet/merge_requests/7/approve", "{}"),
            (Method::PUT, path, "{}"),
            (Method::PUT, path, r#"{"state_event":"reopen"}"#),
            (Method::PUT, path, r#"{"target_branch":"main"}"#),
            (Method::PUT, path, r#"{"add_labels":"x","state_event":"close"}"#),
            (Method::POST, "/projects/acme%2Ffleet/merge_requests", r#"{"title":"t","auto_merge":true}"#),
            (Method::POST, "/projects/acme%2Ffleet/merge_requests/7/notes", r#"{"body":"ok\n/approve"}"#),
            (Method::GET, "/projects/acme%2Fother/merge_requests", ""),
        ] {
            assert_eq!(gitlab(method.clone(), path, body), None, "{method} {path} {body}");
        }
    }

    fn github(method: &str, path: &str, body: &str) -> Option<Call> {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        recognise(Kind::GitHub, "acme/fleet", &method, path, body.as_bytes()).ok()
    }

    #[test]
    fn calls_of_the_list_are_recognised() {
        assert_eq!(github("GET", "/user", ""), Some(Call::Identity));
        assert_eq!(
            github("GET", "/repos/acme/fleet/pulls?head=acme%3Ax&state=all&per_page=100&page=1", ""),
            Some(Call::PullRequests)
        );
        assert_eq!(
            github("POST", "/repos/acme/fleet/pulls", r#"{"title":"t","head":"h","base":"b"}"#),
            Some(Call::Open)
        );
        assert_eq!(github("PATCH", "/repos/acme/fleet/pulls/7", r#"{"state":"closed"}"#), Some(Call::Close));
        assert_eq!(github("GET", "/repos/acme/fleet/rules/branches/release%2F1", ""), Some(Call::Rules));
    }

    #[test]
    fn nothing_approves_merges_or_writes_rules() {
        for (method, path, body) in [
            ("PUT", "/repos/acme/fleet/pulls/7/merge", "{}"),
            ("POST", "/repos/acme/fleet/pulls/7/reviews", r#"{"event":"APPROVE"}"#),
            ("POST", "/repos/acme/fleet/merges", "{}"),
            ("POST", "/graphql", r#"{"query":"mutation{enablePullRequestAutoMerge}"}"#),
            ("PUT", "/repos/acme/fleet/branches/main/protection", "{}"),
            ("POST", "/repos/acme/fleet/rulesets", "{}"),
            ("DELETE", "/repos/acme/fleet/git/refs/heads/main", ""),
            ("PATCH", "/repos/acme/fleet/git/refs/heads/main", "{}"),
            ("PATCH", "/repos/acme/fleet/pulls/7", r#"{"base":"main"}"#),
            ("PATCH", "/repos/acme/fleet/pulls/7", r#"{"state":"open"}"#),
            ("PATCH", "/repos/acme/fleet/pulls/7", ""),
            ("POST", "/repos/acme/fleet/pulls", r#"{"title":"t","auto_merge":true}"#),
            ("POST", "/repos/acme/fleet/pulls", r#"["title"]"#),
            ("POST", "/repos/acme/fleet/pulls", r#"{"title":"t","body":"x\n  /merge"}"#),
            ("POST", "/repos/acme/fleet/issues/7/comments", r#"{"body":"/lgtm"}"#),
            ("POST", "/app/installations/7/access_tokens", ""),
            ("POST", "/app/installations/x/access_tokens", r#"{"repositories":["fleet"]}"#),
            ("POST", "/app/installations/7/access_tokens", r#"{"repository_ids":[1]}"#),
            ("DELETE", "/app/installations/7", ""),
            ("GET", "/repos/acme/other/installation", ""),
            ("GET", "/repos/acme/other/pulls", ""),
            ("GET", "/repos/acme/fleet/pulls/7/../../../other", ""),
            ("GET", "/repos/acme/fleet/branches/..", ""),
            ("GET", "/repos/acme/fleet/pulls?access_token=x", ""),
            ("GET", "/repos/acme/fleet/pulls/x7", ""),
            ("GET", "/repos/acme/fleet/pulls", "{}"),
        ] {
            assert_eq!(github(method, path, body), None, "{method} {path} {body}");
        }
    }
}
