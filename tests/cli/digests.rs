//! Pins of a digest alone: the version is what the commit that wrote it recorded, else what the artifact says.

use insta::assert_snapshot;

use crate::fleet::*;
use crate::support::Sandbox;
use crate::support::registry::{OCI_MANIFEST, digest};
use crate::support::sandbox::ARTIFACT;

/// A manifest that says nothing of its version.
fn mute(tag: &str) -> Vec<u8> {
    let blob = |text: &str| serde_json::json!({"mediaType": "application/octet-stream", "size": 1, "digest": digest(text.as_bytes())});
    serde_json::json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": blob("{}"), "layers": [blob(tag)]})
        .to_string()
        .into_bytes()
}

fn pinned(digest: &str) -> String {
    source(&format!("digest: {digest} # by digest"))
}

/// Production pins the digest of v1.2.1, which says its version; the versions after it say nothing.
fn by_digest(sandbox: Sandbox) -> Sandbox {
    let fleet = sandbox
        .file("promote.yaml", ONE)
        .file("clusters/staging/my-app.yaml", &range(STAGING))
        .file(PIN, &pinned(&digest_of("v1.2.1")))
        .tags(&["v1.2.0", "v1.2.1"]);
    fleet.registry.push(ARTIFACT, "v1.2.2", OCI_MANIFEST, &mute("v1.2.2"));
    fleet
}

fn release(fleet: &Sandbox, tag: &str) {
    fleet.registry.push(ARTIFACT, tag, OCI_MANIFEST, &mute(tag));
}

#[test]
fn the_artifact_says_which_version_the_digest_is() {
    let fleet = by_digest(Sandbox::new());
    let run = fleet.promote(&["my-app", "v1.2.2", "--dry-run"]);
    assert_snapshot!(run.shown(&run.stdout).split("\nWould push").next().expect("text"), @"
    my-app   oci://registry.example.com/my-app-config   main [commit]

      staging   v1.2.2             follows >=1.0.0 <2.0.0
      prod-eu   v1.2.1 -> v1.2.2   pinned; this promotion

      clusters/prod-eu/my-app.yaml
      9        ref:
      10   -     digest: sha256:d966b07f8a8d63d879a03deda0917551324b53b7548bb362bd83bdbe5130770c # by digest
      10   +     digest: sha256:1f57136d71fe40084c415462bd335fc54a6ed90bfd14a1ef215548e9e00ca555 # by digest

      ok     in prod-eu's registry, sha256:1f57136d...ca555
      ok     staging selects exactly this content now
      ok     newer than v1.2.1, within the rules
    ");
    let run = fleet.promote(&["my-app"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(fleet.text_on(&fleet.branches()[0], PIN), pinned(&digest(&mute("v1.2.2"))));
}

#[test]
fn the_commit_that_wrote_the_digest_recorded_its_version() {
    let fleet = by_digest(Sandbox::on_github());
    let (first, _) = fleet.promote_once(&["my-app", "v1.2.2"]);
    assert_eq!(first.code, 0, "{first}");
    fleet.forge.as_ref().expect("a forge").state().merge(1);
    release(&fleet, "v1.2.3");
    let (second, _) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert_eq!(second.code, 0, "{second}");
    let pulls = fleet.pulls();
    assert!(pulls[1].body.starts_with("**my-app** in **prod-eu**: `v1.2.2` → `v1.2.3`."), "{}", pulls[1].body);
    let status = fleet.promote(&["status", "-o", "json"]).json();
    assert_eq!(status["apps"][0]["environments"]["prod-eu"]["version"], "v1.2.2", "{status:#}");
}

#[test]
fn a_squashed_merge_keeps_what_was_recorded() {
    let fleet = by_digest(Sandbox::new());
    commit(&fleet, &pinned(&digest(&mute("v1.2.2"))), &squashed("prod-eu", &digest(&mute("v1.2.2"))));
    release(&fleet, "v1.2.3");
    let run = fleet.promote(&["my-app"]);
    assert!(run.stderr.contains("v1.2.2 -> v1.2.3"), "{run}");
}

#[test]
fn a_digest_that_somebody_wrote_by_hand_is_no_version() {
    let fleet = by_digest(Sandbox::new());
    commit(&fleet, &pinned(&digest(&mute("v1.2.2"))), "Bump my-app");
    release(&fleet, "v1.2.3");
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert!(fleet.branches().is_empty(), "{run}");
    assert_snapshot!(run, @"
    --- stderr
    my-app   oci://registry.example.com/my-app-config   main [commit]

      staging   v1.2.3                                                                    follows >=1.0.0 <2.0.0
      prod-eu   sha256:1f57136d71fe40084c415462bd335fc54a6ed90bfd14a1ef215548e9e00ca555   can't tell: a digest alone is pinned: neither the commit that wrote it nor the artifact says its version

    error: my-app in prod-eu: can't tell
      1  a digest alone is pinned: neither the commit that wrote it nor the artifact says its version
         --> clusters/prod-eu/my-app.yaml:10:13
    help: promote why my-app --env prod-eu
    --- exit 3
    ");
}

#[test]
fn what_was_recorded_of_another_environment_or_digest_or_file_does_not_count() {
    let here = digest(&mute("v1.2.2"));
    for message in [squashed("prod-us", &here), squashed("prod-eu", &digest(b"another"))] {
        let fleet = by_digest(Sandbox::new());
        commit(&fleet, &pinned(&here), &message);
        let run = fleet.promote(&["my-app", "v1.2.2"]);
        assert_eq!(run.code, 3, "{message}: {run}");
    }
    let fleet = by_digest(Sandbox::new());
    commit(&fleet, &pinned(&here), "Bump my-app");
    fleet.change("README.md", "later\n");
    fleet.git("seed", &["add", "-A"]);
    fleet.git("seed", &["commit", "-q", "-m", &squashed("prod-eu", &here)]);
    let run = fleet.promote(&["my-app", "v1.2.2"]);
    assert_eq!(run.code, 3, "{run}");
}

#[test]
fn a_registry_that_cannot_be_asked_leaves_it_unknown() {
    let fleet = by_digest(Sandbox::new());
    fleet.registry.fault_at("/manifests/sha256:", crate::support::registry::Fault::Answer(403, Vec::new(), Vec::new()));
    let run = fleet.promote(&["my-app", "v1.2.2"]);
    assert_eq!((run.code, fleet.branches().len()), (4, 0), "{run}");
    let offline = fleet.promote(&["plan", "my-app", "--offline", "--env", "prod-eu", "-o", "json"]).json();
    assert_eq!(offline["steps"][0]["verdict"], "unknown", "{offline:#}");
}

/// A pin as it comes to the base in a commit of its own.
fn commit(fleet: &Sandbox, text: &str, message: &str) {
    fleet.settle();
    fleet.change(PIN, text);
    fleet.git("seed", &["add", "-A"]);
    fleet.git("seed", &["commit", "-q", "-m", message]);
}

/// What a forge makes of two commits when it squashes them.
fn squashed(environment: &str, digest: &str) -> String {
    format!(
        "Promote several apps (#7)\n\n* Promote cart to v2.0.0\n\nPromote-App: cart\nPromote-Environment: {environment}\n\
         Promote-To: v2.0.0\nPromote-Digest: {digest}\n\n* Promote my-app to v1.2.2\n\nPromote-App: my-app\n\
         Promote-Environment: {environment}\nPromote-To: v1.2.2\nPromote-Digest: {digest}\n\n\
         ---------\n\nCo-authored-by: sre-1 <sre-1@example.com>\n"
    )
}
