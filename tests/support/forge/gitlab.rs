//! GitLab's part of the test forge.

use serde_json::{Value, json};

use super::state::{Comment, Pull, PullState, State};
use super::{Asked, Reply};

/// How long a page is, unasked and at most.
const PAGE: (&str, usize, usize) = ("per_page", 20, 100);

const TIME: &str = "2026-11-23T07:00:00.000Z";

/// Answers a request; none if it is outside the closed list.
pub fn answer(state: &mut State, asked: &Asked<'_>, authorization: Option<&str>) -> Option<Reply> {
    let project = state.repository.replace('/', "%2F");
    let rest: Vec<&str> = match asked.segments.as_slice() {
        ["user" | "users"] => Vec::new(),
        ["projects", one, rest @ ..] if *one == project => rest.to_vec(),
        ["projects", ..] => return Some(Reply::of(404, json!({"message": "404 Project Not Found"}))),
        _ => return None,
    };
    let route: fn(&mut State, &Asked<'_>, u64) -> Reply = match (asked.method, asked.segments[0], rest.as_slice()) {
        ("GET", "user", []) => |state, _, _| identity(state),
        ("GET", "users", []) => |state, asked, _| users(state, asked),
        ("GET", "projects", []) => |state, _, _| shown(state),
        ("GET", _, ["merge_requests"]) => |state, asked, _| list(state, asked),
        ("POST", _, ["merge_requests"]) => |state, asked, _| open(state, asked),
        ("GET", _, ["merge_requests", _]) => |state, _, number| show(state, number, 200),
        ("PUT", _, ["merge_requests", _]) => edit,
        ("GET", _, ["merge_requests", _, "diffs"]) => diffs,
        ("GET", _, ["merge_requests", _, "approvals"]) => |state, _, number| approvals(state, number),
        ("GET", _, ["merge_requests", _, "notes"]) => notes,
        ("POST", _, ["merge_requests", _, "notes"]) => note,
        ("GET", _, ["approval_rules"]) => |state, asked, _| rules(state, asked),
        ("GET", _, ["protected_branches"]) => protected,
        _ => return None,
    };
    if authorization != Some(format!("Bearer {}", state.token).as_str()) {
        return Some(Reply::of(401, json!({"message": "401 Unauthorized"})));
    }
    let number = match rest.as_slice() {
        ["merge_requests", text, ..] => {
            let number = text.parse().unwrap_or(0);
            if state.pull(number).is_none() {
                return Some(Reply::of(404, json!({"message": "404 Not found"})));
            }
            number
        }
        _ => 0,
    };
    Some(route(state, asked, number))
}

/// Accounts have numbers here: their place among the people, from 1.
fn number_of(state: &State, name: &str) -> u64 {
    state.people.iter().position(|one| one == name).map_or(99, |index| index as u64 + 1)
}

fn person(state: &State, name: &str) -> Value {
    json!({
        "id": number_of(state, name), "username": name, "name": name, "state": "active", "locked": false,
        "avatar_url": null, "web_url": format!("{}/{name}", state.url),
    })
}

fn identity(state: &State) -> Reply {
    Reply::of(200, person(state, state.user.as_deref().unwrap_or("project_42_bot_1f0c9ab")))
}

fn users(state: &State, asked: &Asked<'_>) -> Reply {
    let name = asked.query("username").unwrap_or_default();
    let found =
        state.people.iter().filter(|one| one.eq_ignore_ascii_case(name)).map(|one| person(state, one)).collect();
    Reply::of(200, found)
}

fn shown(state: &State) -> Reply {
    let access = state.push.map(|push| json!({"access_level": if push { 30 } else { 20 }, "notification_level": 3}));
    Reply::of(
        200,
        json!({
            "id": 42, "path_with_namespace": state.repository, "archived": false, "default_branch": "main",
            "permissions": {"project_access": access, "group_access": null}, "merge_method": "merge",
            "squash_option": if state.rules.squash == Some("COMMIT_MESSAGES") { "default_off" } else { "always" },
            "squash_commit_template": null,
        }),
    )
}

fn list(state: &mut State, asked: &Asked<'_>) -> Reply {
    let hidden = usize::from(state.stale_lists > 0);
    state.stale_lists = state.stale_lists.saturating_sub(1);
    let shown = state.pulls.len() - hidden.min(state.pulls.len());
    let fits = |pull: &&Pull| {
        let of_state = match asked.query("state") {
            Some("opened") => pull.state == PullState::Open,
            Some("closed") => pull.state == PullState::Closed,
            Some("merged") => pull.state == PullState::Merged,
            _ => true,
        };
        of_state && asked.query("source_branch").is_none_or(|branch| branch == pull.head)
    };
    let all = state.pulls[..shown].iter().rev().filter(fits).map(|pull| merge_request(state, pull)).collect();
    asked.page(all, PAGE)
}

fn open(state: &mut State, asked: &Asked<'_>) -> Reply {
    let text = |name: &str| asked.body[name].as_str().unwrap_or_default().to_owned();
    let (title, head, base) = (text("title"), text("source_branch"), text("target_branch"));
    for (name, value) in [("title", &title), ("source_branch", &head), ("target_branch", &base)] {
        if value.is_empty() {
            return Reply::of(400, json!({"error": format!("{name} is missing")}));
        }
    }
    if state.branch(&head).is_none() {
        return Reply::of(422, json!({"message": {"source_branch": ["does not exist"]}}));
    }
    let taken = state
        .pulls
        .iter()
        .find(|pull| pull.state == PullState::Open && pull.head == head && pull.base == base && !pull.fork);
    if let Some(taken) = taken {
        let message = format!("Another open merge request already exists for this source branch: !{}", taken.number);
        return Reply::of(409, json!({"message": [message]}));
    }
    let author = state.user.clone().unwrap_or_else(|| "project_42_bot_1f0c9ab".to_owned());
    let number = state.open_as(&author, &title, &head, &base);
    let pull = state.pull(number).expect("it was opened");
    pull.body = text("description");
    pull.draft = ["Draft:", "[Draft]", "(Draft)"].iter().any(|mark| title.starts_with(mark));
    show(state, number, 201)
}

fn show(state: &mut State, number: u64, status: u16) -> Reply {
    let pull = state.pull(number).expect("it exists").clone();
    let mut value = merge_request(state, &pull);
    let more = json!({
        "subscribed": true, "changes_count": "1", "latest_build_started_at": null, "latest_build_finished_at": null,
        "first_deployed_to_production_at": null, "pipeline": null, "head_pipeline": null, "merge_error": null,
        "diff_refs": {"base_sha": pull.head_commit, "head_sha": pull.head_commit, "start_sha": pull.head_commit},
        "user": {"can_merge": true},
    });
    value.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    Reply::of(status, value)
}

fn edit(state: &mut State, asked: &Asked<'_>, number: u64) -> Reply {
    let fields: Vec<&String> = asked.body.as_object().into_iter().flat_map(serde_json::Map::keys).collect();
    let people = state.people.clone();
    let pull = state.pull(number).expect("it exists");
    match fields.as_slice() {
        [name] if *name == "add_labels" => {
            let labels = asked.body["add_labels"].as_str().unwrap_or_default();
            for label in labels.split(',') {
                if !pull.labels.iter().any(|one| one == label) {
                    pull.labels.push(label.to_owned());
                }
            }
        }
        [name] if *name == "reviewer_ids" => {
            let ids = asked.body["reviewer_ids"].as_array().into_iter().flatten().filter_map(Value::as_u64);
            // What does not exist is passed over without a word.
            let named = |id: u64| usize::try_from(id).ok().and_then(|id| people.get(id.checked_sub(1)?)).cloned();
            pull.reviewers = ids.filter_map(named).collect();
        }
        [name] if *name == "state_event" && asked.body["state_event"] == "close" => pull.state = PullState::Closed,
        _ => return Reply::of(400, json!({"error": "not what a promotion edits"})),
    }
    show(state, number, 200)
}

fn diffs(state: &mut State, asked: &Asked<'_>, number: u64) -> Reply {
    let pull = state.pull(number).expect("it exists").clone();
    let diff = |name: String| {
        json!({
            "old_path": name, "new_path": name, "a_mode": "100644", "b_mode": "100644", "diff": "@@ -1 +1 @@\n-a\n+b\n",
            "new_file": false, "renamed_file": false, "deleted_file": false, "generated_file": false,
        })
    };
    asked.page(state.files(&pull.head, &pull.base).into_iter().map(diff).collect(), PAGE)
}

fn approvals(state: &mut State, number: u64) -> Reply {
    let pull = state.pull(number).expect("it exists").clone();
    let approved = pull.reviews.iter().filter(|review| review.state == "APPROVED");
    let approved: Vec<Value> = approved.map(|review| json!({"user": person(state, &review.author)})).collect();
    Reply::of(
        200,
        json!({"user_has_approved": false, "user_can_approve": false, "approved": true, "approved_by": approved}),
    )
}

fn note_value(state: &State, pull: &Pull, index: usize, author: &str, body: &str, system: bool) -> Value {
    json!({
        "id": index + 1, "type": null, "body": body, "author": person(state, author), "created_at": TIME,
        "updated_at": TIME, "system": system, "noteable_id": pull.number, "noteable_type": "MergeRequest",
        "project_id": 42, "noteable_iid": pull.number, "resolvable": false, "confidential": false, "internal": false,
        "imported": false, "imported_from": "none", "commands_changes": {},
    })
}

fn notes(state: &mut State, asked: &Asked<'_>, number: u64) -> Reply {
    let pull = state.pull(number).expect("it exists").clone();
    let mut all = vec![note_value(state, &pull, 0, "sre-1", "requested review from @sre-1", true)];
    all.extend(
        pull.comments
            .iter()
            .enumerate()
            .map(|(index, comment)| note_value(state, &pull, index + 1, &comment.author, &comment.body, false)),
    );
    asked.page(all, PAGE)
}

fn note(state: &mut State, asked: &Asked<'_>, number: u64) -> Reply {
    let author = state.user.clone().unwrap_or_else(|| "project_42_bot_1f0c9ab".to_owned());
    let comment = Comment { author, body: asked.body["body"].as_str().unwrap_or_default().to_owned() };
    let pull = state.pull(number).expect("it exists");
    pull.comments.push(comment.clone());
    let pull = pull.clone();
    Reply::of(201, note_value(state, &pull, pull.comments.len(), &comment.author, &comment.body, false))
}

fn rules(state: &State, asked: &Asked<'_>) -> Reply {
    match state.approvals {
        // As on GitLab Free.
        None => Reply::of(404, json!({"message": "404 Not Found"})),
        Some(0) => asked.page(Vec::new(), PAGE),
        Some(count) => {
            let rule = json!({
                "id": 1, "name": "sre", "rule_type": "regular", "eligible_approvers": [], "approvals_required": count,
                "users": [], "groups": [], "contains_hidden_groups": false, "protected_branches": [],
                "applies_to_all_protected_branches": false,
            });
            asked.page(vec![rule], PAGE)
        }
    }
}

fn protected(state: &mut State, asked: &Asked<'_>, _: u64) -> Reply {
    let level = |number: u64, text: &str| json!({"id": 1, "access_level": number, "access_level_description": text});
    let pushes = if state.rules.pull_request { level(0, "No one") } else { level(40, "Maintainers") };
    let branch = json!({
        "id": 1, "name": "ma*", "push_access_levels": [pushes], "merge_access_levels": [level(40, "Maintainers")],
        "unprotect_access_levels": [], "allow_force_push": false, "code_owner_approval_required": state.rules.owners,
        "inherited": false,
    });
    let protected = state.approvals.is_some_and(|count| count > 0) || state.rules.pull_request;
    asked.page(if protected { vec![branch] } else { Vec::new() }, PAGE)
}

fn merge_request(state: &State, pull: &Pull) -> Value {
    let when = |wanted: PullState| if pull.state == wanted { json!(TIME) } else { Value::Null };
    let mergeable = state.mergeable(&pull.head, &pull.base);
    let head_commit = match pull.state {
        PullState::Open => state.branch(&pull.head).unwrap_or_else(|| pull.head_commit.clone()),
        _ => pull.head_commit.clone(),
    };
    let closer = if pull.state == PullState::Closed { person(state, "sre-1") } else { Value::Null };
    let mut value = json!({
        "id": pull.number + 1000, "iid": pull.number, "project_id": 42, "title": pull.title, "description": pull.body,
        "state": match pull.state {
            PullState::Open => "opened",
            PullState::Closed => "closed",
            PullState::Merged => "merged",
        },
        "created_at": TIME, "updated_at": TIME, "merged_by": null, "merge_user": null,
        "merged_at": when(PullState::Merged), "closed_by": closer, "closed_at": when(PullState::Closed),
        "target_branch": pull.base, "source_branch": pull.head, "user_notes_count": pull.comments.len(), "upvotes": 0,
        "downvotes": 0, "author": person(state, &pull.author), "assignees": [], "assignee": null,
        "reviewers": pull.reviewers.iter().map(|name| person(state, name)).collect::<Vec<_>>(),
        "source_project_id": if pull.fork { 43 } else { 42 }, "target_project_id": 42, "labels": pull.labels,
    });
    let more = json!({
        "draft": pull.draft, "work_in_progress": pull.draft, "milestone": null, "merge_when_pipeline_succeeds": false,
        "merge_status": if mergeable { "can_be_merged" } else { "cannot_be_merged" },
        "detailed_merge_status": if mergeable { "mergeable" } else { "conflict" }, "sha": head_commit,
        "merge_commit_sha": null, "squash_commit_sha": null, "discussion_locked": if pull.locked { json!(true) } else { Value::Null },
        "should_remove_source_branch": null, "force_remove_source_branch": false,
        "reference": format!("!{}", pull.number), "web_url":
            format!("{}/{}/-/merge_requests/{}", state.url, state.repository, pull.number),
        "squash": false, "squash_on_merge": false, "has_conflicts": !mergeable,
        "blocking_discussions_resolved": true,
    });
    value.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    value
}
