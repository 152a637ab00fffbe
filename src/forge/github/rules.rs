//! The rules of a branch: rulesets, classic protection, and the repository's own settings.

use serde::Deserialize;
use serde_json::{Value, json};

use super::wire::RawRule;
use super::{GitHub, NO_QUERY};
use crate::forge::call::Call;
use crate::forge::rest::{encoded, seen};
use crate::forge::{Error, OwnerError};
use crate::model::{BranchRules, Seen};

/// A branch as far as its protection goes.
#[derive(Deserialize)]
struct RawProtected {
    protected: bool,
    protection: Option<RawEnabled>,
}

#[derive(Deserialize)]
struct RawEnabled {
    enabled: Option<bool>,
}

/// What the repository allows.
#[derive(Deserialize)]
struct RawMerging {
    allow_squash_merge: Option<bool>,
    allow_auto_merge: Option<bool>,
    squash_merge_commit_message: Option<String>,
}

#[derive(Deserialize)]
struct RawOwnerErrors {
    errors: Vec<RawOwnerError>,
}

#[derive(Deserialize)]
struct RawOwnerError {
    line: usize,
    column: usize,
    kind: String,
    path: String,
    source: Option<String>,
}

/// The rules of rulesets and the classic protection, each as far as it can be seen.
struct Both {
    rules: Result<Vec<RawRule>, String>,
    classic: Result<Value, String>,
}

impl Both {
    /// Returns whether either has something: a rule of a kind that satisfies, a field of the protection.
    fn either(&self, of_rule: impl Fn(&RawRule) -> bool, of_classic: &str) -> Seen<bool> {
        let rules = match &self.rules {
            Ok(rules) => Seen::Is(rules.iter().any(of_rule)),
            Err(why) => Seen::Hidden(why.clone()),
        };
        rules.or(self.in_classic(of_classic))
    }

    fn in_classic(&self, pointer: &str) -> Seen<bool> {
        match &self.classic {
            Ok(protection) => {
                let found = protection.pointer(pointer);
                Seen::Is(found.is_some_and(|value| value.as_bool().unwrap_or(!value.is_null())))
            }
            Err(why) => Seen::Hidden(why.clone()),
        }
    }

    fn approvals(&self) -> Seen<u64> {
        let count = |parameters: &Value| parameters.get("required_approving_review_count").and_then(Value::as_u64);
        let of_rules = self.rules.as_ref().map(|rules| {
            let asked = rules.iter().filter(|rule| rule.kind == "pull_request");
            asked.filter_map(|rule| count(rule.parameters.as_ref()?)).max().unwrap_or(0)
        });
        let of_classic = self
            .classic
            .as_ref()
            .map(|protection| protection.get("required_pull_request_reviews").and_then(count).unwrap_or(0));
        match (of_rules, of_classic) {
            (Ok(rules), Ok(classic)) => Seen::Is(rules.max(classic)),
            // What can be seen is asked for whatever else there is.
            (Ok(asked), Err(_)) | (Err(_), Ok(asked)) if asked > 0 => Seen::Is(asked),
            (Err(why), _) | (_, Err(why)) => Seen::Hidden(why.clone()),
        }
    }
}

fn has(rule: &RawRule, kind: &str, parameter: &str) -> bool {
    rule.kind == kind
        && rule.parameters.as_ref().and_then(|all| all.get(parameter)).and_then(Value::as_bool).unwrap_or(false)
}

/// Tells whether a rule allows other merges than squashed ones only, or says nothing of it.
fn forbids_squash(rule: &RawRule) -> bool {
    let methods = rule.parameters.as_ref().and_then(|all| all.get("allowed_merge_methods")).and_then(Value::as_array);
    rule.kind == "pull_request" && methods.is_some_and(|methods| !methods.iter().any(|method| method == "squash"))
}

impl GitHub {
    pub(super) async fn all_rules(&self, branch: &str) -> Result<BranchRules, Error> {
        let name = encoded(branch);
        let path = self.path(&format!("/rules/branches/{name}"));
        let rules = seen(self.pages(Call::Rules, &path, json!({}), usize::MAX).await)?;
        let both = Both { rules, classic: self.classic(&name).await? };
        let merging = seen(self.get::<RawMerging>(Call::Repository, &self.path(""), &NO_QUERY).await)?;
        let only_by_pull_request = both.either(|rule| rule.kind == "pull_request", "/required_pull_request_reviews");
        let takes_pushes = match only_by_pull_request {
            Seen::Is(only) => Seen::Is(!only),
            other => other,
        };
        let unchecked = both.in_classic("/enforce_admins/enabled");
        let has_classic = both.classic.as_ref().is_ok_and(|protection| !protection.is_null());
        Ok(BranchRules {
            approvals: both.approvals(),
            dismisses_stale: both.either(
                |rule| has(rule, "pull_request", "dismiss_stale_reviews_on_push"),
                "/required_pull_request_reviews/dismiss_stale_reviews",
            ),
            owners_approve: both.either(
                |rule| has(rule, "pull_request", "require_code_owner_review"),
                "/required_pull_request_reviews/require_code_owner_reviews",
            ),
            up_to_date: both.either(
                |rule| has(rule, "required_status_checks", "strict_required_status_checks_policy"),
                "/required_status_checks/strict",
            ),
            takes_pushes,
            // Classic protection holds its queue where no call shows it.
            queue: match &both.rules {
                Ok(rules) => Seen::Is(rules.iter().any(|rule| rule.kind == "merge_queue")),
                Err(why) => Seen::Hidden(why.clone()),
            },
            auto_merge: shown(merging.as_ref().map(|merging| merging.allow_auto_merge)),
            keeps_trailers: match &both.rules {
                Ok(rules) if rules.iter().any(forbids_squash) => Seen::Is(true),
                _ => shown(merging.as_ref().map(|merging| match merging.allow_squash_merge? {
                    true => merging.squash_merge_commit_message.as_ref().map(|text| text == "COMMIT_MESSAGES"),
                    false => Some(true),
                })),
            },
            bypass: match unchecked {
                Seen::Is(false) if has_classic => Seen::Is(true),
                _ => Seen::Hidden("only administrators are shown who may pass the rules by".to_owned()),
            },
        })
    }

    /// Reads the classic protection; `null` where there is none.
    async fn classic(&self, name: &str) -> Result<Result<Value, String>, Error> {
        let path = self.path(&format!("/branches/{name}"));
        let branch = match seen(self.get::<RawProtected>(Call::Branch, &path, &NO_QUERY).await)? {
            Ok(branch) => branch,
            Err(why) => return Ok(Err(why)),
        };
        // A branch that rulesets alone protect says so here.
        let may_be_classic = branch.protection.and_then(|protection| protection.enabled).unwrap_or(branch.protected);
        if !may_be_classic {
            return Ok(Ok(Value::Null));
        }
        let path = self.path(&format!("/branches/{name}/protection"));
        let read = seen(self.get::<Value>(Call::Protection, &path, &NO_QUERY).await)?;
        Ok(read.map_err(|_| "only administrators are shown the classic protection of a branch".to_owned()))
    }

    pub(super) async fn errors_of_owners(&self, branch: &str) -> Result<Vec<OwnerError>, Error> {
        let path = self.path("/codeowners/errors");
        let found = seen(self.get::<RawOwnerErrors>(Call::OwnerErrors, &path, &json!({"ref": branch})).await)?;
        let errors = found.map(|found| found.errors).unwrap_or_default().into_iter().map(|raw| OwnerError {
            path: raw.path,
            line: raw.line,
            column: raw.column,
            kind: raw.kind,
            source: raw.source,
        });
        Ok(errors.collect())
    }
}

/// The settings of merging are shown to those who may push.
fn shown(value: Result<Option<bool>, &String>) -> Seen<bool> {
    match value {
        Ok(Some(value)) => Seen::Is(value),
        Ok(None) => Seen::Hidden("the token isn't shown how the repository merges".to_owned()),
        Err(why) => Seen::Hidden(why.clone()),
    }
}
