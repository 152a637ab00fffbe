//! Forgejo's part of the test forge; it answers `null` for what is absent, as Forgejo does.

use serde_json::{Value, json};

use super::state::{Comment, Pull, PullState, State};
use super::{Asked, Reply};

/// How long a page is, unasked and at most: an administrator has lowered it.
const PAGE: (&str, usize, usize) = ("limit", 30, 20);

const TIME: &str = "2026-11-23T07:00:00Z";

/// Answers a request; none if it is outside the closed list.
pub fn answer(state: &mut State, asked: &Asked<'_>, authorization: Option<&str>) -> Option<Reply> {
    let repository = state.repository.clone();
    let (owner, name) = repository.split_once('/').expect("an owner");
    let rest: Vec<&str> = match asked.segments.as_slice() {
        ["user"] => vec!["user"],
        ["repos", one, two, rest @ ..] if (*one, *two) == (owner, name) => rest.to_vec(),
        ["repos", ..] => return Some(missing()),
        _ => return None,
    };
    let route: fn(&mut State, &Asked<'_>, u64) -> Reply = match (asked.method, rest.as_slice()) {
        ("GET", ["user"]) => |state, _, _| identity(state),
        ("GET", []) => |state, _, _| shown(state),
        ("GET", ["pulls"]) => |state, asked, _| list(state, asked),
        ("POST", ["pulls"]) => |state, asked, _| open(state, asked),
        ("GET", ["pulls", _]) => |state, _, number| show(state, number, 200),
        ("PATCH", ["pulls", _]) => close,
        ("GET", ["pulls", _, "files"]) => files,
        ("GET", ["pulls", _, "reviews"]) => reviews,
        ("POST", ["pulls", _, "requested_reviewers"]) => ask,
        ("POST", ["issues", _, "labels"]) => label,
        ("GET", ["issues", _, "comments"]) => |state, _, number| comments(state, number),
        ("POST", ["issues", _, "comments"]) => comment,
        ("GET", ["branches", _]) => |state, asked, _| branch(state, asked),
        ("GET", ["branch_protections", _]) => |state, _, _| protection(state),
        _ => return None,
    };
    if authorization != Some(format!("token {}", state.token).as_str()) {
        return Some(Reply::of(401, json!({"message": "token is required", "url": state.url})));
    }
    let number = match rest.as_slice() {
        ["pulls" | "issues", text, ..] => {
            let number = text.parse().unwrap_or(0);
            if state.pull(number).is_none() {
                return Some(missing());
            }
            number
        }
        _ => 0,
    };
    Some(route(state, asked, number))
}

fn protection(state: &State) -> Reply {
    if !state.rules.administers {
        return Reply::of(403, json!({"message": "user should be an admin", "url": state.url}));
    }
    Reply::of(
        200,
        json!({
            "rule_name": "main", "branch_name": "main", "required_approvals": state.approvals.unwrap_or(0),
            "dismiss_stale_approvals": state.rules.stale, "ignore_stale_approvals": false,
            "block_on_outdated_branch": state.rules.strict, "enable_push": !state.rules.pull_request,
            "apply_to_admins": !state.rules.bypass, "created_at": TIME, "updated_at": TIME,
        }),
    )
}

fn missing() -> Reply {
    Reply::of(404, json!({"message": "The target couldn't be found.", "url": "", "errors": null}))
}

fn person(state: &State, login: &str) -> Value {
    json!({
        "id": 1, "login": login, "login_name": "", "full_name": "", "email": format!("{login}@noreply.example.com"),
        "html_url": format!("{}/{login}", state.url), "active": false, "restricted": false, "visibility": "public",
    })
}

fn identity(state: &State) -> Reply {
    match &state.user {
        Some(login) => Reply::of(200, person(state, login)),
        None => Reply::of(403, json!({"message": "token does not have at least one of required scope(s)", "url": ""})),
    }
}

fn shown(state: &State) -> Reply {
    let permissions = state.push.map(|push| json!({"admin": false, "push": push, "pull": true}));
    Reply::of(
        200,
        json!({
            "id": 1, "name": "fleet", "full_name": state.repository, "archived": false, "default_branch": "main",
            "permissions": permissions, "default_merge_style":
                if state.rules.squash == Some("COMMIT_MESSAGES") { "merge" } else { "squash" },
        }),
    )
}

fn list(state: &mut State, asked: &Asked<'_>) -> Reply {
    let hidden = usize::from(state.stale_lists > 0);
    state.stale_lists = state.stale_lists.saturating_sub(1);
    let shown = state.pulls.len() - hidden.min(state.pulls.len());
    let fits = |pull: &&Pull| match asked.query("state") {
        Some("open") | None => pull.state == PullState::Open,
        Some("closed") => pull.state != PullState::Open,
        _ => true,
    };
    // As Gitea does: `head` is not looked at.
    let all = state.pulls[..shown].iter().rev().filter(fits).map(|pull| pull_request(state, pull)).collect();
    asked.page(all, PAGE)
}

fn open(state: &mut State, asked: &Asked<'_>) -> Reply {
    let text = |name: &str| asked.body[name].as_str().unwrap_or_default().to_owned();
    let (title, head, base) = (text("title"), text("head"), text("base"));
    if title.is_empty() || head.is_empty() || base.is_empty() {
        return Reply::of(422, json!({"message": "[Title]: Required", "url": state.url}));
    }
    if state.branch(&head).is_none() || state.branch(&base).is_none() {
        return missing();
    }
    let taken = state
        .pulls
        .iter()
        .find(|pull| pull.state == PullState::Open && pull.head == head && pull.base == base && !pull.fork);
    if let Some(taken) = taken {
        let message = format!("pull request already exists for these targets [id: {}]", taken.number);
        return Reply::of(409, json!({"message": message, "url": state.url}));
    }
    let author = state.user.clone().unwrap_or_else(|| "ci".to_owned());
    let number = state.open_as(&author, &title, &head, &base);
    let pull = state.pull(number).expect("it was opened");
    pull.body = text("body");
    pull.draft = ["WIP:", "[WIP]"].iter().any(|mark| title.starts_with(mark));
    show(state, number, 201)
}

fn show(state: &mut State, number: u64, status: u16) -> Reply {
    let pull = state.pull(number).expect("it exists").clone();
    Reply::of(status, pull_request(state, &pull))
}

fn close(state: &mut State, asked: &Asked<'_>, number: u64) -> Reply {
    if asked.body != json!({"state": "closed"}) {
        return Reply::of(422, json!({"message": "not what a promotion edits", "url": state.url}));
    }
    state.close(number);
    show(state, number, 201)
}

fn files(state: &mut State, asked: &Asked<'_>, number: u64) -> Reply {
    let pull = state.pull(number).expect("it exists").clone();
    let file = |name: String| {
        json!({
            "filename": name, "status": "changed", "additions": 1, "deletions": 1, "changes": 2,
            "html_url": state.url, "contents_url": state.url, "raw_url": state.url,
        })
    };
    let all = state.files(&pull.head, &pull.base).into_iter().map(file).collect();
    asked.page(all, PAGE)
}

fn reviews(state: &mut State, asked: &Asked<'_>, number: u64) -> Reply {
    let pull = state.pull(number).expect("it exists").clone();
    let review = |(index, (author, said)): (usize, (&str, &str))| {
        json!({
            "id": index + 1, "user": person(state, author), "team": null, "state": said, "body": "", "stale": false,
            "commit_id": pull.head_commit, "official": true, "dismissed": false, "comments_count": 0,
            "submitted_at": TIME, "updated_at": TIME, "html_url": state.url, "pull_request_url": state.url,
        })
    };
    let asked_for = pull.reviewers.iter().map(|name| (name.as_str(), "REQUEST_REVIEW"));
    let given = pull.reviews.iter().map(|review| {
        let said = match review.state.as_str() {
            "CHANGES_REQUESTED" => "REQUEST_CHANGES",
            "COMMENTED" => "COMMENT",
            other => other,
        };
        (review.author.as_str(), said)
    });
    let all = asked_for.chain(given).enumerate().map(review).collect();
    asked.page(all, PAGE)
}

fn ask(state: &mut State, asked: &Asked<'_>, number: u64) -> Reply {
    let names = |field: &str| -> Vec<String> {
        asked.body[field].as_array().into_iter().flatten().filter_map(|name| Some(name.as_str()?.to_owned())).collect()
    };
    let (people, teams) = (names("reviewers"), names("team_reviewers"));
    let known =
        people.iter().all(|name| state.people.contains(name)) && teams.iter().all(|team| state.teams.contains(team));
    if !known {
        return missing();
    }
    let pull = state.pull(number).expect("it exists");
    pull.reviewers.extend(people);
    pull.teams.extend(teams);
    Reply::of(201, json!([]))
}

fn label(state: &mut State, asked: &Asked<'_>, number: u64) -> Reply {
    let names = asked.body["labels"].as_array().into_iter().flatten().filter_map(Value::as_str);
    // Only labels of the repository can be set.
    let known: Vec<String> =
        names.filter(|name| state.labels.iter().any(|one| one == name)).map(str::to_owned).collect();
    let url = state.url.clone();
    let pull = state.pull(number).expect("it exists");
    for name in known {
        if !pull.labels.contains(&name) {
            pull.labels.push(name);
        }
    }
    Reply::of(200, pull.labels.iter().map(|name| label_value(&url, name)).collect())
}

fn label_value(url: &str, name: &str) -> Value {
    json!({"id": 1, "name": name, "color": "00aabb", "description": "", "url": url, "exclusive": false, "is_archived": false})
}

fn comment_value(state: &State, index: usize, comment: &Comment) -> Value {
    json!({
        "id": index + 1, "body": comment.body, "user": person(state, &comment.author), "created_at": TIME,
        "updated_at": TIME, "html_url": state.url, "issue_url": "", "pull_request_url": state.url, "assets": [],
        "original_author": "", "original_author_id": 0,
    })
}

fn comments(state: &mut State, number: u64) -> Reply {
    let pull = state.pull(number).expect("it exists").clone();
    let all = pull.comments.iter().enumerate().map(|(index, comment)| comment_value(state, index, comment)).collect();
    Reply::of(200, all)
}

fn comment(state: &mut State, asked: &Asked<'_>, number: u64) -> Reply {
    let author = state.user.clone().unwrap_or_else(|| "ci".to_owned());
    let comment = Comment { author, body: asked.body["body"].as_str().unwrap_or_default().to_owned() };
    let pull = state.pull(number).expect("it exists");
    pull.comments.push(comment.clone());
    let index = pull.comments.len();
    Reply::of(201, comment_value(state, index, &comment))
}

fn branch(state: &State, asked: &Asked<'_>) -> Reply {
    let name = asked.segments.last().copied().unwrap_or_default().replace("%2F", "/");
    let Some(approvals) = state.approvals else {
        return Reply::of(403, json!({"message": "token does not have the required scope", "url": state.url}));
    };
    if state.branch(&name).is_none() {
        return missing();
    }
    Reply::of(
        200,
        json!({
            "name": name, "protected": approvals > 0, "required_approvals": approvals, "enable_status_check": false,
            "status_check_contexts": [], "user_can_push": true, "user_can_merge": true,
            "effective_branch_protection_name": if approvals > 0 { "main" } else { "" },
        }),
    )
}

fn side(state: &State, full_name: &str, branch: &str, commit: &str) -> Value {
    let (owner, name) = full_name.split_once('/').expect("an owner");
    json!({
        "label": branch, "ref": branch, "sha": commit, "repo_id": 1,
        "repo": {
            "id": 1, "owner": person(state, owner), "name": name, "full_name": full_name, "private": true, "fork": false,
            "parent": null, "default_branch": "main", "html_url": format!("{}/{full_name}", state.url),
        },
    })
}

fn pull_request(state: &State, pull: &Pull) -> Value {
    let ended = if pull.state == PullState::Open { Value::Null } else { json!(TIME) };
    let merged = if pull.state == PullState::Merged { json!(TIME) } else { Value::Null };
    let head_repository = if pull.fork { "somebody/fleet".to_owned() } else { state.repository.clone() };
    let head_commit = match pull.state {
        PullState::Open => state.branch(&pull.head).unwrap_or_else(|| pull.head_commit.clone()),
        _ => pull.head_commit.clone(),
    };
    let base_commit = state.branch(&pull.base).unwrap_or_else(|| "0".repeat(40));
    let some = |all: Vec<Value>| if all.is_empty() { Value::Null } else { Value::Array(all) };
    json!({
        "id": pull.number, "number": pull.number, "title": pull.title, "body": pull.body, "user": person(state, &pull.author),
        "url": state.url, "html_url": format!("{}/{}/pulls/{}", state.url, state.repository, pull.number),
        "diff_url": state.url, "patch_url": state.url, "comments": pull.comments.len(),
        "state": if pull.state == PullState::Open { "open" } else { "closed" }, "draft": pull.draft, "is_locked": pull.locked,
        "labels": pull.labels.iter().map(|name| label_value(&state.url, name)).collect::<Vec<_>>(),
        "requested_reviewers": some(pull.reviewers.iter().map(|name| person(state, name)).collect()),
        "requested_reviewers_teams": some(pull.teams.iter().map(|name| json!({"id": 1, "name": name})).collect()),
        "milestone": null, "assignee": null, "assignees": null, "mergeable": state.mergeable(&pull.head, &pull.base),
        "merged": pull.state == PullState::Merged, "merged_at": merged, "merged_by": null, "merge_commit_sha": null,
        "allow_maintainer_edit": false, "base": side(state, &state.repository, &pull.base, &base_commit),
        "head": side(state, &head_repository, &pull.head, &head_commit), "merge_base": base_commit,
        "due_date": null, "created_at": TIME, "updated_at": TIME, "closed_at": ended, "pin_order": 0,
    })
}
