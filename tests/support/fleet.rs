//! The fleets that most tests start from.

use super::forge::{Kind, PullState};
use super::registry::{digest, flux_manifest};
use super::sandbox::{ARTIFACT, Sandbox};

/// Every kind of forge.
pub const KINDS: [Kind; 3] = [Kind::GitHub, Kind::GitLab, Kind::Forgejo];
/// What dev follows, pre-releases included.
pub const DEV: &str = ">=1.0.0-0 <2.0.0-0";
/// What staging follows.
pub const STAGING: &str = ">=1.0.0 <2.0.0";
/// Where the one production cluster's pin stands.
pub const PIN: &str = "clusters/prod-eu/my-app.yaml";
/// The same of the second one.
pub const OTHER_PIN: &str = "clusters/prod-us/my-app.yaml";

/// One production cluster after staging.
pub const ONE: &str = "version: 1
stages:
  - name: staging
    environments: [{name: staging, path: clusters/staging}]
  - name: production
    environments: [{name: prod-eu, path: clusters/prod-eu}]
";

/// Two production clusters after staging.
pub const TWO: &str = "version: 1
stages:
  - name: staging
    environments: [{name: staging, path: clusters/staging}]
  - name: production
    environments:
      - {name: prod-eu, path: clusters/prod-eu}
      - {name: prod-us, path: clusters/prod-us}
";

/// An `OCIRepository` with these lines as its `ref`.
pub fn source(reference: &str) -> String {
    of_app("my-app", ARTIFACT, reference)
}

/// An `OCIRepository` of another app.
pub fn of_app(name: &str, artifact: &str, reference: &str) -> String {
    let lines: String = reference.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata:\n  name: {name}\n  \
         namespace: flux-system\nspec:\n  interval: 5m\n  url: oci://registry.example.com/{artifact}\n  ref:\n{lines}"
    )
}

pub fn range(range: &str) -> String {
    source(&format!("semver: \"{range}\""))
}

pub fn pin(tag: &str) -> String {
    source(&format!("tag: {tag} # moved by promote"))
}

/// What a tag of the one artifact points at.
pub fn digest_of(tag: &str) -> String {
    digest(&flux_manifest(ARTIFACT, tag))
}

fn filled(sandbox: Sandbox) -> Sandbox {
    sandbox
        .file("promote.yaml", ONE)
        .file("clusters/staging/my-app.yaml", &range(STAGING))
        .file(PIN, &pin("v1.2.1"))
        .tags(&["v1.2.0", "v1.2.1", "v1.2.2", "v1.2.3"])
}

/// Staging follows a range and selects v1.2.3; one production cluster is pinned to v1.2.1. No forge.
pub fn fleet() -> Sandbox {
    filled(Sandbox::new())
}

/// The same on a GitHub.
pub fn on_github() -> Sandbox {
    filled(Sandbox::on_github())
}

/// The same on a forge of some kind.
pub fn on_forge(kind: Kind) -> Sandbox {
    filled(Sandbox::on_forge(kind))
}

/// The same with rules for production, as lines of its stage.
pub fn with_rules(rules: &str) -> Sandbox {
    fleet().file("promote.yaml", &configured(rules, ""))
}

/// A `promote.yaml` with rules for production, and whatever else.
pub fn configured(rules: &str, more: &str) -> String {
    let rules: String = rules.lines().map(|line| format!("    {line}\n")).collect();
    format!("{ONE}{rules}{more}")
}

/// Two production clusters, both pinned to v1.2.1.
pub fn two_clusters(sandbox: Sandbox) -> Sandbox {
    filled(sandbox).file("promote.yaml", TWO).file(OTHER_PIN, &pin("v1.2.1"))
}

/// The branches of the open pull requests.
pub fn open_heads(fleet: &Sandbox) -> Vec<String> {
    fleet.pulls().into_iter().filter(|pull| pull.state == PullState::Open).map(|pull| pull.head).collect()
}

/// The lines that a branch changes in the base as it is now.
pub fn changed_lines(fleet: &Sandbox, branch: &str) -> Vec<String> {
    let diff = fleet.diff(branch);
    let is_change = |line: &&str| line.starts_with(['+', '-']) && !line.starts_with("+++") && !line.starts_with("---");
    diff.lines().filter(is_change).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}
