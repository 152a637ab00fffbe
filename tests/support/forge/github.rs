//! GitHub's part of the test forge.

use serde_json::{Map, Value, json};

use super::state::{Comment, Pull, PullState, State};
use super::{Asked, Reply};

/// Answers a request; none if it is outside the closed list.
pub fn answer(state: &mut State, asked: &Asked<'_>, authorization: Option<&str>) -> Option<Reply> {
    let repository = state.repository.clone();
    let (owner, name) = repository.split_once('/').expect("an owner");
    if let Some(reply) = super::app::answer(state, asked, authorization) {
        return Some(reply);
    }
    let token = authorization.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default().to_owned();
    let rest: Vec<&str> = match asked.segments.as_slice() {
        ["user"] if asked.method == "GET" => {
            return Some(if state.admits(&token, "metadata", "read").is_ok() { user(state) } else { refused() });
        }
        ["repos", one, two, rest @ ..] if (*one, *two) == (owner, name) => rest.to_vec(),
        // Another repository is one that the token may not see.
        ["repos", ..] => return Some(reply(404, json!({"message": "Not Found"}))),
        _ => return None,
    };
    let number = |text: &str| text.parse::<u64>().ok();
    let route: fn(&mut State, &Asked<'_>, u64) -> Reply = match (asked.method, rest.as_slice()) {
        ("GET", []) => |state, _, _| shown(state),
        ("GET", ["pulls"]) => |state, asked, _| list(state, asked),
        ("POST", ["pulls"]) => |state, asked, _| open(state, asked),
        ("GET", ["pulls", _]) => |state, _, number| show(state, number),
        ("PATCH", ["pulls", _]) => close,
        ("GET", ["pulls", _, "files"]) => files,
        ("GET", ["pulls", _, "reviews"]) => reviews,
        ("POST", ["pulls", _, "requested_reviewers"]) => ask,
        ("POST", ["issues", _, "labels"]) => label,
        ("GET", ["issues", _, "comments"]) => comments,
        ("POST", ["issues", _, "comments"]) => comment,
        ("GET", ["rules", "branches", _]) => |state, _, _| rules(state),
        ("GET", ["branches", _]) => |state, asked, _| branch(state, asked),
        ("GET", ["branches", _, "protection"]) => |state, _, _| protection(state),
        ("GET", ["codeowners", "errors"]) => |state, _, _| owner_errors(state),
        _ => return None,
    };
    let permission = match rest.as_slice() {
        ["pulls" | "issues", ..] => "pull_requests",
        ["codeowners", ..] => "contents",
        ["branches", _, "protection"] => "administration",
        ["branches", ..] => "contents",
        _ => "metadata",
    };
    match state.admits(&token, permission, if asked.method == "GET" { "read" } else { "write" }) {
        Ok(()) => {}
        Err(401) => return Some(refused()),
        Err(status) => return Some(reply(status, json!({"message": "Resource not accessible by integration"}))),
    }
    let number = match rest.as_slice() {
        ["pulls" | "issues", text, ..] => number(text).unwrap_or(0),
        _ => 0,
    };
    let concerns_one = matches!(rest.as_slice(), ["pulls" | "issues", _, ..]);
    if concerns_one && state.pull(number).is_none() {
        return Some(reply(404, json!({"message": "Not Found"})));
    }
    Some(route(state, asked, number))
}

fn reply(status: u16, body: Value) -> Reply {
    Reply::of(status, body)
}

fn refused() -> Reply {
    let documentation = "https://docs.github.com/rest";
    reply(401, json!({"message": "Bad credentials", "documentation_url": documentation, "status": "401"}))
}

fn invalid(errors: Value) -> Reply {
    let documentation = "https://docs.github.com/rest/pulls/pulls#create-a-pull-request";
    reply(422, json!({"message": "Validation Failed", "errors": errors, "documentation_url": documentation}))
}

fn user(state: &State) -> Reply {
    match &state.user {
        Some(login) => {
            let mut user = person(state, login);
            let more = json!({
                "name": null, "company": null, "blog": null, "location": null, "email": null, "hireable": null,
                "bio": null, "public_repos": 1, "public_gists": 0, "followers": 0, "following": 0,
                "created_at": TIME, "updated_at": TIME, "user_view_type": "public",
            });
            user.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            reply(200, user)
        }
        None => reply(403, json!({"message": "Resource not accessible by integration"})),
    }
}

fn shown(state: &State) -> Reply {
    let mut value = repository(state, &state.repository);
    let permissions = state.push.map(|push| json!({"admin": false, "push": push, "pull": true}));
    let more = json!({
        "network_count": 0, "subscribers_count": 0, "has_discussions": false, "permissions": permissions,
    });
    value.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    if let Some(squash) = state.rules.squash {
        let merging = json!({
            "allow_squash_merge": true, "allow_merge_commit": true, "allow_rebase_merge": true,
            "allow_auto_merge": false, "squash_merge_commit_message": squash,
        });
        value.as_object_mut().expect("an object").extend(merging.as_object().expect("an object").clone());
    }
    if permissions.is_none() {
        value.as_object_mut().expect("an object").remove("permissions");
    }
    let mut reply = reply(200, value);
    reply.headers.extend(state.scopes.clone().map(|scopes| ("x-oauth-scopes", scopes)));
    reply
}

fn list(state: &mut State, asked: &Asked<'_>) -> Reply {
    let hidden = usize::from(state.stale_lists > 0);
    state.stale_lists = state.stale_lists.saturating_sub(1);
    let wanted = asked.query("state").unwrap_or("open").to_owned();
    // GitHub ignores a head that does not name its owner.
    let head = asked
        .query("head")
        .and_then(|head| head.split_once(':'))
        .map(|(owner, name)| (owner.to_owned(), name.to_owned()));
    let owner = state.repository.split('/').next().unwrap_or_default().to_owned();
    let shown = state.pulls.len() - hidden.min(state.pulls.len());
    let fits = |pull: &&Pull| {
        let of_state = match wanted.as_str() {
            "open" => pull.state == PullState::Open,
            "closed" => pull.state != PullState::Open,
            _ => true,
        };
        let of_head = head.as_ref().is_none_or(|(user, name)| {
            name == &pull.head && if pull.fork { user == "somebody" } else { user == &owner }
        });
        of_state && of_head && asked.query("base").is_none_or(|base| base == pull.base)
    };
    let all = state.pulls[..shown].iter().rev().filter(fits).map(|pull| simple(state, pull)).collect();
    asked.page(all, PAGE)
}

fn open(state: &mut State, asked: &Asked<'_>) -> Reply {
    let text = |name: &str| asked.body[name].as_str().unwrap_or_default().to_owned();
    let (title, head, base) = (text("title"), text("head"), text("base"));
    if title.is_empty() || head.is_empty() || base.is_empty() {
        return invalid(json!([{"resource": "PullRequest", "code": "missing_field", "field": "title"}]));
    }
    for (field, name) in [("head", &head), ("base", &base)] {
        if state.branch(name).is_none() {
            return invalid(json!([{"resource": "PullRequest", "code": "invalid", "field": field}]));
        }
    }
    let taken = state
        .pulls
        .iter()
        .any(|pull| pull.state == PullState::Open && pull.head == head && pull.base == base && !pull.fork);
    if taken {
        let owner = state.repository.split('/').next().unwrap_or_default();
        let message = format!("A pull request already exists for {owner}:{head}.");
        return invalid(json!([{"resource": "PullRequest", "code": "custom", "message": message}]));
    }
    if !state.is_ahead(&head, &base) {
        let message = format!("No commits between {base} and {head}");
        return invalid(json!([{"resource": "PullRequest", "code": "custom", "message": message}]));
    }
    if text("body").len() > 65_536 {
        return invalid(json!([{"resource": "PullRequest", "code": "custom", "message": "body is too long"}]));
    }
    let author = state.actor();
    let number = state.open_as(&author, &title, &head, &base);
    let draft = asked.body["draft"].as_bool().unwrap_or(false);
    let pull = state.pull(number).expect("it was opened");
    pull.body = text("body");
    pull.draft = draft;
    let pull = pull.clone();
    reply(201, full(state, &pull))
}

fn show(state: &mut State, number: u64) -> Reply {
    let pull = state.pull(number).expect("it exists").clone();
    reply(200, full(state, &pull))
}

fn close(state: &mut State, asked: &Asked<'_>, number: u64) -> Reply {
    if asked.body == json!({"state": "closed"}) {
        state.close(number);
        return show(state, number);
    }
    invalid(json!([{"resource": "PullRequest", "code": "invalid", "field": "state"}]))
}

fn files(state: &mut State, asked: &Asked<'_>, number: u64) -> Reply {
    let pull = state.pull(number).expect("it exists").clone();
    let url = format!("{}/files", state.url);
    let file = |name: String| {
        json!({
            "sha": pull.head_commit, "filename": name, "status": "modified", "additions": 1, "deletions": 1, "changes": 2,
            "blob_url": url, "raw_url": url, "contents_url": url,
        })
    };
    asked.page(state.files(&pull.head, &pull.base).into_iter().map(file).collect(), PAGE)
}

fn reviews(state: &mut State, asked: &Asked<'_>, number: u64) -> Reply {
    let pull = state.pull(number).expect("it exists").clone();
    let link = json!({"href": state.url});
    let review = |(index, review): (usize, &super::Review)| {
        json!({
            "id": index + 1, "node_id": "R", "user": person(state, &review.author), "body": "", "state": review.state,
            "commit_id": pull.head_commit, "html_url": state.url, "pull_request_url": state.url,
            "_links": {"html": link, "pull_request": link}, "author_association": "MEMBER", "submitted_at": TIME,
        })
    };
    asked.page(pull.reviews.iter().enumerate().map(review).collect(), PAGE)
}

fn ask(state: &mut State, asked: &Asked<'_>, number: u64) -> Reply {
    let names = |field: &str| -> Vec<String> {
        asked.body[field].as_array().into_iter().flatten().filter_map(|name| Some(name.as_str()?.to_owned())).collect()
    };
    let (people, teams) = (names("reviewers"), names("team_reviewers"));
    let author = state.pull(number).expect("it exists").author.clone();
    if people.contains(&author) {
        return reply(422, json!({"message": "Review cannot be requested from pull request author.", "errors": []}));
    }
    let known =
        people.iter().all(|name| state.people.contains(name)) && teams.iter().all(|team| state.teams.contains(team));
    if !known {
        let message = "Reviews may only be requested from collaborators.";
        return reply(422, json!({"message": message, "errors": []}));
    }
    let pull = state.pull(number).expect("it exists");
    pull.reviewers.extend(people);
    pull.teams.extend(teams);
    let pull = pull.clone();
    reply(201, simple(state, &pull))
}

fn label(state: &mut State, asked: &Asked<'_>, number: u64) -> Reply {
    let names: Vec<String> = asked.body["labels"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|name| Some(name.as_str()?.to_owned()))
        .collect();
    let pull = state.pull(number).expect("it exists");
    for name in names {
        if !pull.labels.contains(&name) {
            pull.labels.push(name);
        }
    }
    let labels = pull.labels.clone();
    reply(200, labels.iter().map(|name| label_value(state, name)).collect())
}

fn comments(state: &mut State, asked: &Asked<'_>, number: u64) -> Reply {
    let pull = state.pull(number).expect("it exists").clone();
    let all = pull.comments.iter().enumerate().map(|(index, comment)| comment_value(state, index, comment)).collect();
    asked.page(all, PAGE)
}

fn comment(state: &mut State, asked: &Asked<'_>, number: u64) -> Reply {
    let author = state.actor();
    let comment = Comment { author, body: asked.body["body"].as_str().unwrap_or_default().to_owned() };
    let pull = state.pull(number).expect("it exists");
    pull.comments.push(comment.clone());
    let index = pull.comments.len();
    reply(201, comment_value(state, index, &comment))
}

fn rules(state: &State) -> Reply {
    let Some(count) = state.approvals else {
        return reply(state.rules.refusal, json!({"message": "Resource not accessible by personal access token"}));
    };
    if state.rules.classic {
        return reply(200, json!([]));
    }
    let of_ruleset = |kind: &str, parameters: Value| {
        let mut rule = json!({"type": kind, "ruleset_source_type": "Repository", "ruleset_source": state.repository,
            "ruleset_id": 1});
        if !parameters.is_null() {
            rule["parameters"] = parameters;
        }
        rule
    };
    let mut rules = Vec::new();
    if count > 0 || state.rules.pull_request {
        rules.push(of_ruleset("deletion", Value::Null));
        rules.push(of_ruleset(
            "pull_request",
            json!({
                "required_approving_review_count": count, "dismiss_stale_reviews_on_push": state.rules.stale,
                "require_code_owner_review": state.rules.owners, "require_last_push_approval": false,
                "required_review_thread_resolution": false,
            }),
        ));
    }
    if state.rules.strict {
        let checks =
            json!({"required_status_checks": [{"context": "promote"}], "strict_required_status_checks_policy": true});
        rules.push(of_ruleset("required_status_checks", checks));
    }
    if state.rules.queue {
        rules.push(of_ruleset(
            "merge_queue",
            json!({
                "check_response_timeout_minutes": 60, "grouping_strategy": "ALLGREEN", "max_entries_to_build": 5,
                "max_entries_to_merge": 5, "merge_method": "MERGE", "min_entries_to_merge": 1,
                "min_entries_to_merge_wait_minutes": 5,
            }),
        ));
    }
    reply(200, Value::Array(rules))
}

fn protection(state: &State) -> Reply {
    if !state.rules.administers {
        return reply(404, json!({"message": "Not Found"}));
    }
    if !state.rules.classic {
        return reply(404, json!({"message": "Branch not protected"}));
    }
    let url = state.url.clone();
    reply(
        200,
        json!({
            "url": url, "enforce_admins": {"url": url, "enabled": !state.rules.bypass},
            "required_pull_request_reviews": {
                "url": url, "dismiss_stale_reviews": state.rules.stale, "require_code_owner_reviews": state.rules.owners,
                "required_approving_review_count": state.approvals.unwrap_or(0), "require_last_push_approval": false,
            },
        }),
    )
}

fn owner_errors(state: &State) -> Reply {
    let error = |(line, kind, source): &(usize, &str, &str)| {
        json!({"line": line, "column": 1, "kind": kind, "source": source, "suggestion": null,
            "message": format!("{kind} on line {line}"), "path": ".github/CODEOWNERS"})
    };
    reply(200, json!({"errors": state.rules.owner_errors.iter().map(error).collect::<Vec<_>>()}))
}

fn branch(state: &State, asked: &Asked<'_>) -> Reply {
    let name = asked.segments.last().copied().unwrap_or_default().replace("%2F", "/");
    let Some(commit) = state.branch(&name) else { return reply(404, json!({"message": "Branch not found"})) };
    let who = json!({"name": "x", "email": "x@example.com", "date": TIME});
    let commit = json!({
        "url": state.url, "sha": commit, "node_id": "C", "html_url": state.url, "comments_url": state.url,
        "commit": {"url": state.url, "author": who, "committer": who, "message": "x", "comment_count": 0,
            "tree": {"sha": commit, "url": state.url}},
        "author": person(state, "release-eng"), "committer": person(state, "release-eng"), "parents": [],
    });
    reply(
        200,
        json!({
            "name": name, "commit": commit, "_links": {"html": state.url, "self": state.url},
            "protected": state.rules.classic || state.approvals.is_some_and(|count| count > 0),
            "protection": {"enabled": state.rules.classic}, "protection_url": state.url,
        }),
    )
}

/// How long a page is, unasked and at most.
const PAGE: (&str, usize, usize) = ("per_page", 30, 100);

const TIME: &str = "2026-11-23T07:00:00Z";

fn urls(state: &State, names: &[&str]) -> Map<String, Value> {
    names.iter().map(|name| ((*name).to_owned(), Value::String(format!("{}/{name}", state.url)))).collect()
}

pub fn person(state: &State, login: &str) -> Value {
    let mut person = urls(
        state,
        &[
            "avatar_url",
            "events_url",
            "followers_url",
            "following_url",
            "gists_url",
            "html_url",
            "organizations_url",
            "received_events_url",
            "repos_url",
            "starred_url",
            "subscriptions_url",
            "url",
        ],
    );
    let kind = if login.ends_with("[bot]") { "Bot" } else { "User" };
    let own = json!({"id": 1, "node_id": "U", "login": login, "gravatar_id": "", "type": kind, "site_admin": false});
    person.extend(own.as_object().expect("an object").clone());
    Value::Object(person)
}

fn label_value(state: &State, name: &str) -> Value {
    json!({
        "id": 1, "node_id": "L", "url": state.url, "name": name, "description": "", "color": "ededed", "default": false,
    })
}

fn comment_value(state: &State, index: usize, comment: &Comment) -> Value {
    json!({
        "id": index + 1, "node_id": "IC", "url": state.url, "html_url": state.url, "issue_url": state.url,
        "body": comment.body, "user": person(state, &comment.author), "created_at": TIME, "updated_at": TIME,
        "author_association": "MEMBER",
    })
}

fn repository(state: &State, full_name: &str) -> Value {
    let mut repository = urls(
        state,
        &[
            "archive_url",
            "assignees_url",
            "blobs_url",
            "branches_url",
            "collaborators_url",
            "comments_url",
            "commits_url",
            "compare_url",
            "contents_url",
            "contributors_url",
            "deployments_url",
            "downloads_url",
            "events_url",
            "forks_url",
            "git_commits_url",
            "git_refs_url",
            "git_tags_url",
            "hooks_url",
            "html_url",
            "issue_comment_url",
            "issue_events_url",
            "issues_url",
            "keys_url",
            "labels_url",
            "languages_url",
            "merges_url",
            "milestones_url",
            "notifications_url",
            "pulls_url",
            "releases_url",
            "stargazers_url",
            "statuses_url",
            "subscribers_url",
            "subscription_url",
            "tags_url",
            "teams_url",
            "trees_url",
            "url",
            "clone_url",
            "git_url",
            "ssh_url",
            "svn_url",
        ],
    );
    let (owner, name) = full_name.split_once('/').expect("an owner");
    let own = json!({
        "id": 1, "node_id": "R", "name": name, "full_name": full_name, "owner": person(state, owner), "private": true,
        "description": null, "fork": false, "homepage": null, "language": null, "forks": 0, "forks_count": 0,
        "stargazers_count": 0, "watchers_count": 0, "watchers": 0, "size": 1, "default_branch": "main",
        "open_issues": 0, "open_issues_count": 0, "has_issues": true, "has_projects": false, "has_wiki": false,
        "has_pages": false, "has_downloads": false, "archived": false, "disabled": false, "mirror_url": null,
        "license": null, "pushed_at": TIME, "created_at": TIME, "updated_at": TIME,
    });
    repository.extend(own.as_object().expect("an object").clone());
    Value::Object(repository)
}

fn side(state: &State, full_name: &str, branch: &str, commit: &str) -> Value {
    let owner = full_name.split('/').next().unwrap_or_default();
    json!({
        "label": format!("{owner}:{branch}"), "ref": branch, "sha": commit, "user": person(state, owner),
        "repo": repository(state, full_name),
    })
}

fn team(state: &State, slug: &str) -> Value {
    json!({
        "id": 1, "node_id": "T", "url": state.url, "members_url": state.url, "name": slug, "description": null,
        "permission": "push", "html_url": state.url, "repositories_url": state.url, "slug": slug, "parent": null,
        "type": "organization",
    })
}

/// A pull request as lists have it.
fn simple(state: &State, pull: &Pull) -> Value {
    let mut value = urls(
        state,
        &[
            "url",
            "comments_url",
            "commits_url",
            "diff_url",
            "issue_url",
            "patch_url",
            "review_comment_url",
            "review_comments_url",
            "statuses_url",
        ],
    );
    let ended = if pull.state == PullState::Open { Value::Null } else { json!(TIME) };
    let merged = if pull.state == PullState::Merged { json!(TIME) } else { Value::Null };
    let link = json!({"href": state.url});
    let head_repository = if pull.fork { "somebody/fleet".to_owned() } else { state.repository.clone() };
    let base_commit = state.branch(&pull.base).unwrap_or_else(|| "0".repeat(40));
    // A branch that moved while its pull request is open moves the pull request, too.
    let head_commit = match pull.state {
        PullState::Open => state.branch(&pull.head).unwrap_or_else(|| pull.head_commit.clone()),
        _ => pull.head_commit.clone(),
    };
    let own = json!({
        "id": pull.number, "node_id": "PR", "number": pull.number, "title": pull.title, "body": pull.body,
        "html_url": format!("{}/{}/pull/{}", state.url, state.repository, pull.number),
        "state": if pull.state == PullState::Open { "open" } else { "closed" }, "locked": pull.locked,
        "draft": pull.draft, "user": person(state, &pull.author), "author_association": "MEMBER",
        "labels": pull.labels.iter().map(|name| label_value(state, name)).collect::<Vec<_>>(),
        "requested_reviewers": pull.reviewers.iter().map(|login| person(state, login)).collect::<Vec<_>>(),
        "requested_teams": pull.teams.iter().map(|slug| team(state, slug)).collect::<Vec<_>>(),
        "head": side(state, &head_repository, &pull.head, &head_commit),
        "base": side(state, &state.repository, &pull.base, &base_commit),
        "assignee": null, "milestone": null, "auto_merge": null, "merge_commit_sha": null,
        "created_at": TIME, "updated_at": TIME, "closed_at": ended, "merged_at": merged,
        "_links": {
            "comments": link, "commits": link, "statuses": link, "html": link, "issue": link, "review_comments": link,
            "review_comment": link, "self": link,
        },
    });
    value.extend(own.as_object().expect("an object").clone());
    Value::Object(value)
}

/// A pull request as it is shown alone.
fn full(state: &State, pull: &Pull) -> Value {
    let mut value = simple(state, pull);
    let mergeable = state.mergeable(&pull.head, &pull.base);
    let more = json!({
        "merged": pull.state == PullState::Merged, "mergeable": mergeable,
        "mergeable_state": if mergeable { "blocked" } else { "dirty" },
        "merged_by": null, "comments": pull.comments.len(), "review_comments": 0, "maintainer_can_modify": false,
        "commits": 1, "additions": 1, "deletions": 1, "changed_files": 1,
    });
    value.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    value
}
