//! Who asked: from the forge or the CI, never from Git's configuration.

use std::collections::BTreeMap;

use super::{Account, Kind};

/// Who asked for a promotion, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requester {
    /// The account's name.
    pub name: String,
    /// The forge's or the CI's host.
    pub origin: String,
}

/// Returns who asked: the person who started the CI job, else the token's owner.
pub fn requester(host: &str, identity: Option<&Account>, environment: &BTreeMap<String, String>) -> Option<Requester> {
    let set = |name: &str| environment.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
    let person = if set("GITHUB_ACTIONS") == Some("true") {
        // Who ran a job again counts, not who ran it first.
        set("GITHUB_TRIGGERING_ACTOR").or_else(|| set("GITHUB_ACTOR")).map(|name| (name, "GitHub Actions"))
    } else if set("GITLAB_CI") == Some("true") {
        set("GITLAB_USER_LOGIN").map(|name| (name, "GitLab CI"))
    } else {
        None
    };
    match (person, identity) {
        (Some((name, origin)), _) => Some(Requester { name: name.to_owned(), origin: origin.to_owned() }),
        (None, Some(account)) => Some(Requester { name: account.name.clone(), origin: host.to_owned() }),
        (None, None) => None,
    }
}

/// What stands in place of the origin where the rules asked, not a person.
pub const AUTO: &str = "auto";

/// Returns who is named for what a job opens by the rules: whoever started it, `ci` where a schedule or an event did.
pub fn job_requester(host: &str, identity: Option<&Account>, environment: &BTreeMap<String, String>) -> Requester {
    const EVENTS: [(&str, &[&str]); 2] = [
        ("GITHUB_EVENT_NAME", &["schedule", "repository_dispatch", "registry_package", "workflow_run"]),
        ("CI_PIPELINE_SOURCE", &["schedule", "trigger", "pipeline", "api"]),
    ];
    let is_event = EVENTS
        .iter()
        .any(|(variable, events)| environment.get(*variable).is_some_and(|event| events.contains(&event.trim())));
    let person = requester(host, identity, environment).filter(|_| !is_event);
    Requester { name: person.map_or_else(|| "ci".to_owned(), |person| person.name), origin: AUTO.to_owned() }
}

/// Returns what must be said of the token in use: checks on a pull request that Actions' own token opens may not run.
pub fn notices(kind: Kind, token_origin: Option<&str>, environment: &BTreeMap<String, String>) -> Vec<String> {
    let actions = environment.get("GITHUB_ACTIONS").is_some_and(|value| value == "true");
    // Workflows often hand the same token on under the other name.
    let own = environment.get("GITHUB_TOKEN").map(String::as_str);
    let used = token_origin.and_then(|origin| environment.get(origin)).map(String::as_str);
    if kind == Kind::GitHub && actions && own.is_some() && used == own {
        return vec![
            "opened with the workflow's own token: required checks may not start until somebody approves them to run; \
             the token of a GitHub App avoids that"
                .to_owned(),
        ];
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_person_who_started_the_job_asked_else_the_owner_of_the_token() {
        let bot = Account { name: "fleet-app[bot]".to_owned(), bot: true };
        let name = |variables: &[(&str, &str)]| {
            requester("github.com", Some(&bot), &environment(variables)).map(|requester| requester.name)
        };
        assert_eq!(name(&[]).as_deref(), Some("fleet-app[bot]"));
        assert_eq!(name(&[("GITHUB_ACTOR", "somebody")]).as_deref(), Some("fleet-app[bot]"));
        let job =
            [("GITHUB_ACTIONS", "true"), ("GITHUB_ACTOR", "release-eng"), ("GITHUB_TRIGGERING_ACTOR", "oncall-2")];
        assert_eq!(name(&job).as_deref(), Some("oncall-2"));
        assert_eq!(requester("github.com", None, &environment(&[])), None);
    }

    #[test]
    fn a_job_names_who_started_it_and_nobody_for_an_event() {
        let job = |event: &str| {
            let variables = [("GITHUB_ACTIONS", "true"), ("GITHUB_ACTOR", "release-eng"), ("GITHUB_EVENT_NAME", event)];
            let requester = job_requester("github.com", None, &environment(&variables));
            (requester.name, requester.origin)
        };
        assert_eq!(job("schedule"), ("ci".to_owned(), AUTO.to_owned()));
        assert_eq!(job("workflow_dispatch"), ("release-eng".to_owned(), AUTO.to_owned()));
        assert_eq!(job_requester("github.com", None, &environment(&[])).name, "ci");
    }

    #[test]
    fn the_workflow_s_own_token_is_warned_about() {
        let actions = environment(&[("GITHUB_ACTIONS", "true"), ("GITHUB_TOKEN", "ghs_x"), ("GH_TOKEN", "ghp_x")]);
        assert_eq!(notices(Kind::GitHub, Some("GITHUB_TOKEN"), &actions).len(), 1);
        assert!(notices(Kind::GitHub, Some("GH_TOKEN"), &actions).is_empty());
        assert!(notices(Kind::GitHub, Some("GITHUB_TOKEN"), &environment(&[])).is_empty());
    }
}
