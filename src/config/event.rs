//! What an event names: a registry's webhook, a notification of Flux, or the event that started a CI job.
//!
//! An event is written by others, so that nothing is taken from it but names, and these only choose among the apps that
//! are there. Forms that aren't known name nothing.

use serde_json::Value;

use crate::model::Mention;

/// Returns what the text of an event names, once each; nothing if it names nothing that is known.
///
/// # Errors
/// The text is no JSON.
pub fn mentions(text: &str) -> Result<Vec<Mention>, serde_json::Error> {
    let event: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))?;
    let mut found = Vec::new();
    // GitHub wraps what others send, and what people type; CloudEvents wrap what registries tell.
    let wrapped = ["client_payload", "inputs", "data"].into_iter().filter_map(|key| event.get(key));
    for event in std::iter::once(&event).chain(wrapped) {
        own(event, &mut found);
        flux(event, &mut found);
        registries(event, &mut found);
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// What people write on purpose: `{"app": "my-app"}`, `{"apps": ["my-app", "cart"]}`, `{"artifact": "oci://…"}`.
fn own(event: &Value, found: &mut Vec<Mention>) {
    let listed = event.get("apps").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    // An input of a workflow is one text.
    let typed = [text(event, "/app"), text(event, "/apps")].into_iter().flatten();
    let words = listed.chain(typed.flat_map(|text| text.split([',', ' ', '\n'])));
    found.extend(words.map(str::trim).filter(|word| !word.is_empty()).map(|word| Mention::App(word.to_owned())));
    found.extend(text(event, "/artifact").and_then(repository));
}

/// An event of Flux's notification controller, sent by a generic or a `githubdispatch` provider.
/// <https://fluxcd.io/flux/components/notification/events/>
fn flux(event: &Value, found: &mut Vec<Mention>) {
    let object = |field: &str| text(event, &format!("/involvedObject/{field}")).map(str::to_owned);
    if let (Some(kind), Some(name)) = (object("kind"), object("name")) {
        found.push(Mention::Object { kind, namespace: object("namespace"), name });
    }
}

fn registries(event: &Value, found: &mut Vec<Mention>) {
    // Distribution (registry, Zot as CloudEvents aside), https://distribution.github.io/distribution/about/notifications/
    let events = event.get("events").and_then(Value::as_array).into_iter().flatten();
    found.extend(events.filter_map(|event| repository(text(event, "/target/repository")?)));
    let named = [
        // Azure Container Registry.
        "/target/repository",
        // Harbor.
        "/event_data/repository/repo_full_name",
        "/repository/repo_full_name",
        // Docker Hub.
        "/repository/repo_name",
        // Quay.
        "/docker_url",
        // Amazon ECR, through EventBridge.
        "/detail/repository-name",
        // Artifactory.
        "/image_name",
    ];
    found.extend(named.into_iter().filter_map(|pointer| repository(text(event, pointer)?)));
    // Google's registries name the whole reference.
    if text(event, "/action").is_some_and(|action| matches!(action, "INSERT" | "DELETE")) {
        found.extend(["/tag", "/digest"].into_iter().filter_map(|pointer| repository(text(event, pointer)?)));
    }
    // Zot.
    if text(event, "/reference").is_some() && text(event, "/mediaType").is_some() {
        found.extend(text(event, "/name").and_then(repository));
    }
    // Packages of GitHub, Forgejo and Gitea.
    for package in ["registry_package", "package"].into_iter().filter_map(|key| event.get(key)) {
        let kind = text(package, "/package_type").or_else(|| text(package, "/type")).unwrap_or_default();
        let owner = text(package, "/namespace").or_else(|| text(package, "/owner/login"));
        let name = text(package, "/name");
        if kind.eq_ignore_ascii_case("container")
            && let (Some(owner), Some(name)) = (owner, name)
        {
            let path = if name.starts_with(&format!("{owner}/")) { name.to_owned() } else { format!("{owner}/{name}") };
            found.extend(repository(&path));
        }
    }
}

/// Returns the repository in `oci://host/path:tag@digest`, without host, tag and digest.
fn repository(reference: &str) -> Option<Mention> {
    let (has_scheme, bare) = match reference.split_once("://") {
        Some((_, bare)) => (true, bare),
        None => (false, reference),
    };
    let bare = bare.split('@').next().unwrap_or_default();
    let path = match bare.split_once('/') {
        // As Docker decides: what looks like a host is one.
        Some((host, path)) if has_scheme || host.contains(['.', ':']) || host == "localhost" => path,
        _ => bare,
    };
    let last = path.rfind('/').map_or(0, |slash| slash + 1);
    let end = path.get(last..).and_then(|name| name.find(':')).map_or(path.len(), |colon| last + colon);
    let path = path.get(..end).unwrap_or_default().trim_matches('/').to_ascii_lowercase();
    (!path.is_empty()).then_some(Mention::Repository(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let shown = |mention: Mention| match mention {
            Mention::App(name) => format!("app {name}"),
            Mention::Object { kind, namespace, name } => format!("{kind} {}/{name}", namespace.unwrap_or_default()),
            Mention::Repository(path) => format!("repository {path}"),
        };
        mentions(text).expect(text).into_iter().map(shown).collect()
    }

    #[test]
    fn each_sender_names_things_in_its_own_way() {
        for (sender, text, expected) in [
            ("people", r#"{"client_payload": {"app": "my-app", "version": "v9"}}"#, vec!["app my-app"]),
            ("a form", r#"{"inputs": {"apps": "cart, shop"}}"#, vec!["app cart", "app shop"]),
            ("a list", r#"{"apps": ["cart", "cart", 7]}"#, vec!["app cart"]),
            (
                "Flux",
                r#"{"action": "OCIRepository/my-app.apps", "client_payload": {"involvedObject": {"kind":
                    "OCIRepository", "namespace": "apps", "name": "my-app", "uid": "1"}, "severity": "info",
                    "metadata": {"revision": "v1.2.3@sha256:00"}}, "repository": {"full_name": "acme/fleet"}}"#,
                vec!["OCIRepository apps/my-app"],
            ),
            (
                "distribution",
                r#"{"events": [{"action": "push", "target": {"repository": "team/my-app", "tag": "v1"}}, {"id": 1}]}"#,
                vec!["repository team/my-app"],
            ),
            (
                "ACR",
                r#"{"action": "push", "target": {"repository": "my-app", "tag": "v1"}}"#,
                vec!["repository my-app"],
            ),
            (
                "Harbor",
                r#"{"type": "PUSH_ARTIFACT", "event_data": {"resources": [{"tag": "v1"}], "repository":
                    {"name": "my-app", "repo_full_name": "library/my-app"}}}"#,
                vec!["repository library/my-app"],
            ),
            (
                "Harbor as CloudEvent",
                r#"{"specversion": "1.0", "data": {"repository": {"repo_full_name": "library/my-app"}}}"#,
                vec!["repository library/my-app"],
            ),
            (
                "Docker Hub",
                r#"{"push_data": {}, "repository": {"repo_name": "acme/App"}}"#,
                vec!["repository acme/app"],
            ),
            (
                "Quay",
                r#"{"repository": "acme/my-app", "docker_url": "quay.io/acme/my-app", "updated_tags": ["v1"]}"#,
                vec!["repository acme/my-app"],
            ),
            (
                "ECR",
                r#"{"source": "aws.ecr", "detail": {"repository-name": "acme/my-app"}}"#,
                vec!["repository acme/my-app"],
            ),
            (
                "Google",
                r#"{"action": "INSERT", "digest": "eu-docker.pkg.dev/p/r/my-app@sha256:0", "tag": "eu-docker.pkg.dev/p/r/my-app:v1"}"#,
                vec!["repository p/r/my-app"],
            ),
            (
                "GitHub",
                r#"{"action": "published", "registry_package": {"name": "my-app", "namespace": "Acme", "package_type": "CONTAINER"}}"#,
                vec!["repository acme/my-app"],
            ),
            (
                "Forgejo",
                r#"{"action": "created", "package": {"name": "my-app", "type": "container", "owner": {"login": "acme"}}}"#,
                vec!["repository acme/my-app"],
            ),
            (
                "Artifactory",
                r#"{"domain": "docker", "data": {"image_name": "my-app", "tag": "v1"}}"#,
                vec!["repository my-app"],
            ),
            ("a schedule", r#"{"schedule": "0 8 * * *", "repository": {"full_name": "acme/fleet"}}"#, vec![]),
            ("a push", r#"{"ref": "refs/heads/main", "repository": {"name": "fleet"}, "commits": []}"#, vec![]),
            ("somebody", r#"[1, {"app": 2}]"#, vec![]),
        ] {
            assert_eq!(found(text), expected, "{sender}");
        }
        assert!(mentions("app: my-app").is_err() && mentions("").is_err());
    }

    #[test]
    fn a_reference_loses_host_tag_and_digest() {
        for (reference, path) in [
            ("oci://registry.example.com/a/b:v1@sha256:0", Some("a/b")),
            ("localhost:5000/a", Some("a")),
            ("a/b", Some("a/b")),
            ("a:v1", Some("a")),
            ("oci://registry", Some("registry")),
            ("/", None),
            ("@", None),
        ] {
            assert_eq!(repository(reference), path.map(|path| Mention::Repository(path.to_owned())), "{reference}");
        }
    }
}
