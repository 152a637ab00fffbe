//! Text of people who can push an artifact, in what the approvers of the fleet read: it is text and nothing else.

use std::collections::BTreeMap;

use crate::fleet::*;
use crate::markdown::{HOSTILE, active, obeyed};
use crate::support::Sandbox;
use crate::support::forge::Kind;
use crate::support::registry::{OCI_MANIFEST, flux_manifest};
use crate::support::sandbox::ARTIFACT;

const KEYS: [&str; 4] = ["created", "source", "revision", "version"];
const PLAIN: &str = "plain words";

/// Pushes an artifact that says something of itself.
fn push_saying(fleet: &Sandbox, repository: &str, tag: &str, says: &[(&str, &str)]) {
    let mut manifest: serde_json::Value = serde_json::from_slice(&flux_manifest(repository, tag)).expect("a manifest");
    for (key, text) in says {
        manifest["annotations"][format!("org.opencontainers.image.{key}")] = (*text).into();
    }
    fleet.registry.push(repository, tag, OCI_MANIFEST, manifest.to_string().as_bytes());
}

/// An app for each text, whose new version says it in every annotation that a pull request shows.
fn fleet_that_says(kind: Kind, texts: &[&str]) -> Sandbox {
    let mut fleet = Sandbox::on_forge(kind).file("promote.yaml", ONE);
    for (number, text) in texts.iter().enumerate() {
        let (app, artifact) = (format!("app-{number:02}"), format!("config-{number:02}"));
        fleet = fleet
            .file(&format!("clusters/staging/{app}.yaml"), &of_app(&app, &artifact, "semver: \">=1.0.0 <2.0.0\""))
            .file(&format!("clusters/prod-eu/{app}.yaml"), &of_app(&app, &artifact, "tag: v1.2.1"));
        for tag in ["v1.2.1", "v1.2.3"] {
            push_saying(&fleet, &artifact, tag, &KEYS.map(|key| (key, *text)));
        }
    }
    fleet
}

/// The body of each app's pull request, by app.
fn bodies(document: &serde_json::Value) -> BTreeMap<String, String> {
    let steps = document["steps"].as_array().expect("steps").iter();
    let bodies = steps.filter_map(|step| {
        let body = step["pullRequest"]["body"].as_str()?;
        Some((step["app"].as_str()?.to_owned(), body.to_owned()))
    });
    bodies.collect()
}

#[test]
fn whatever_an_artifact_says_of_itself_is_nothing_but_text_on_every_forge() {
    let texts: Vec<&str> = std::iter::once(PLAIN).chain(HOSTILE).collect();
    let mut seen = 0;
    for kind in KINDS {
        let run = fleet_that_says(kind, &texts).promote(&["auto", "--dry-run", "-o", "json"]);
        assert_eq!(run.code, 0, "{kind:?}: {run}");
        let bodies = bodies(&run.json());
        assert_eq!(bodies.len(), texts.len(), "{kind:?}: {run}");
        let expected = active(&bodies["app-00"]);
        assert!(bodies["app-00"].contains(PLAIN), "{}", bodies["app-00"]);
        for (number, text) in texts.iter().enumerate() {
            let body = &bodies[&format!("app-{number:02}")];
            assert_eq!(active(body), expected, "{kind:?}: {text:?} is active in\n{body}");
            assert_eq!(obeyed(body), Vec::<String>::new(), "{kind:?}: {text:?} is obeyed in\n{body}");
            seen += 1;
        }
    }
    println!("{} hostile texts on {} forges: {seen} bodies looked at", HOSTILE.len(), KINDS.len());
    assert!(HOSTILE.len() >= 30 && seen == 3 * (HOSTILE.len() + 1));
}

#[test]
fn all_of_it_at_once_is_nothing_but_text_in_what_is_really_opened_and_committed() {
    let (first, second) = HOSTILE.split_at(HOSTILE.len() / 2);
    let says = [("created", first.join("\n")), ("source", second.join("\n")), ("revision", HOSTILE.join(" "))];
    for kind in KINDS {
        let fleet = on_forge(kind);
        let plain = fleet.promote(&["my-app", "v1.2.3", "--reason", PLAIN]);
        assert_eq!(plain.code, 0, "{plain}");
        let plain_body = fleet.shown(&fleet.pulls()[0].body);
        let plain_message = fleet.message(&fleet.branches()[0]);

        let fleet = on_forge(kind);
        push_saying(&fleet, ARTIFACT, "v1.2.3", &says.each_ref().map(|(key, text)| (*key, text.as_str())));
        let run = fleet.promote(&["my-app", "v1.2.3", "--reason", &HOSTILE.join("\n")]);
        assert_eq!(run.code, 0, "{run}");
        let (pull, branch) = (&fleet.pulls()[0], &fleet.branches()[0]);
        assert_eq!(active(&fleet.shown(&pull.body)), active(&plain_body), "{kind:?}: active in\n{}", pull.body);
        assert_eq!(pull.title, "Promote my-app to v1.2.3 in prod-eu");
        assert!(branch.starts_with("promote/prod-eu/my-app/v1.2.3-"), "{branch}");
        let message = fleet.message(branch);
        for text in [&pull.body, &message] {
            assert_eq!(obeyed(text), Vec::<String>::new(), "{kind:?}: obeyed in\n{text}");
        }
        assert_eq!(trailers(&fleet, branch), keys(&plain_message), "{kind:?}: {message}");
        assert!(!message.contains("plain") && message.contains("Promote-To: v1.2.3\n"), "{kind:?}: {message}");
    }
}

/// The keys of a commit's trailers as Git reads them.
fn trailers(fleet: &Sandbox, branch: &str) -> Vec<String> {
    keys(&fleet.git("remote.git", &["log", "-1", "--format=%(trailers:only,unfold)", branch]))
}

fn keys(message: &str) -> Vec<String> {
    let keys = message.lines().filter_map(|line| line.split_once(": ")).map(|(key, _)| key.to_owned());
    keys.filter(|key| key.starts_with("Promote-")).collect()
}

#[test]
fn a_link_to_the_sources_leads_to_the_fleets_own_forge_or_nowhere() {
    let commit = |letter: &str| format!("v1@sha1:{}", letter.repeat(40));
    for kind in KINDS {
        for (source, is_linked) in [
            ("https://[host]/acme/my-app", true),
            ("https://[host]/acme/my-app)[x](https://evil.example", false),
            ("https://[host]/acme/my-app\n[x](https://evil.example)", false),
            ("https://[host]@evil.example/acme/my-app", false),
            ("https://evil.example/[host]/acme", false),
            ("https://evil.example\\@[host]/acme/my-app", false),
            ("https://[host]/acme/my-app?x=](https://evil.example)", false),
            ("https://[host]/acme/my-app#](https://evil.example)", false),
            ("javascript://[host]/acme/my-app", false),
            ("https://[host]/../../evil/x", false),
        ] {
            let fleet = on_forge(kind);
            let host = fleet.git_server.as_ref().expect("a server").host();
            let source = source.replace("[host]", &host);
            for (tag, letter) in [("v1.2.1", "1"), ("v1.2.3", "3")] {
                push_saying(&fleet, ARTIFACT, tag, &[("source", &source), ("revision", &commit(letter))]);
            }
            let run = fleet.promote(&["my-app", "v1.2.3", "--dry-run", "-o", "json"]);
            assert_eq!(run.code, 0, "{source:?}: {run}");
            let body = bodies(&run.json()).remove("my-app").expect("a body");
            let links: Vec<String> =
                active(&body).into_iter().filter_map(|found| found.strip_prefix("link ").map(str::to_owned)).collect();
            assert!(links.iter().all(|link| link.starts_with(&format!("https://{host}/"))), "{source:?}: {body}");
            assert!(!is_linked || links.len() == 1, "{source:?}: {body}");
        }
    }
}

#[test]
fn letters_that_only_look_like_the_approved_ones_are_named_or_refused() {
    let fleet = on_github();
    for version in ["v1.2.\u{0663}", "\u{0475}1.2.3", "v1.2.3\u{202e}", "v1.2\u{2024}3"] {
        let run = fleet.promote(&["my-app", version]);
        assert_eq!(run.code, 2, "{version:?}: {run}");
        assert!(fleet.branches().is_empty(), "{version:?}: {run}");
    }
    for artifact in ["my-\u{0430}pp-config", "my-app-config\u{202e}"] {
        let fleet = on_github().file(PIN, &of_app("my-app", artifact, "tag: v1.2.1"));
        let run = fleet.promote(&["my-app", "v1.2.3", "--to", "prod-eu"]);
        assert!([2, 3].contains(&run.code), "{artifact:?}: {run}");
        assert!(fleet.branches().is_empty(), "{artifact:?}: {run}");
    }
}
