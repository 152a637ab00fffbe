//! Fifty apps are released by one pipeline, and one answer in twenty goes wrong: of the forge, the registry and
//! Git's server.

#[path = "support/mod.rs"]
mod support;

use support::Sandbox;
use support::forge::{PullState, Storm};
use support::registry::Fault;

const APPS: usize = 50;
/// How often the job is started again at most.
const AGAIN: usize = 3;
/// Looks for what must appear for a moment only; no run has as many effects.
const BRIEFLY: (&str, &str) = ("PROMOTE_FAILPOINT", "1000000 before fail");

fn source(app: &str, reference: &str) -> String {
    format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata:\n  name: {app}\n  namespace: apps\n\
         spec:\n  url: oci://registry.example.com/{app}-config\n  ref:\n    {reference}\n"
    )
}

fn fleet() -> Sandbox {
    let mut fleet = Sandbox::on_github();
    for number in 0..APPS {
        let app = format!("app-{number:02}");
        fleet = fleet
            .file(&format!("clusters/staging/{app}.yaml"), &source(&app, "semver: \">=1.0.0\""))
            .file(&format!("clusters/production/{app}.yaml"), &source(&app, "tag: v1.0.0"))
            .artifact(&format!("{app}-config"), &["v1.0.0", "v1.1.0"]);
    }
    fleet
}

#[test]
fn fifty_apps_get_a_pull_request_each_whatever_goes_wrong() {
    let fleet = fleet();
    let (forge, git) = (fleet.forge.as_ref().expect("a forge"), fleet.git_server.as_ref().expect("a server"));
    forge.storm(7, 5);
    git.storm(11, 5);
    let mut chance = Storm::new(13, 5);
    for number in 0..4000 {
        let down = Fault::Answer(503, vec![("retry-after".into(), "0".into())], Vec::new());
        if let Some(how) = chance.strikes() {
            fleet.registry.fault(number, if how % 2 == 0 { down } else { Fault::Dropped });
        }
    }
    let mut ends = Vec::new();
    for _ in 0..=AGAIN {
        let (run, _) = fleet.promote_in(&[BRIEFLY], &["auto"]);
        assert!([0, 5].contains(&run.code), "what goes wrong is told as temporary: {run}");
        ends.push((run.code, fleet.pulls().len()));
        if run.code == 0 {
            break;
        }
    }
    assert_eq!(ends.last(), Some(&(0, APPS)), "{ends:?}");
    assert!(ends.len() > 1, "nothing went wrong: {ends:?}");
    let mut heads: Vec<String> = fleet.pulls().into_iter().map(|pull| pull.head).collect();
    assert!(fleet.pulls().iter().all(|pull| pull.state == PullState::Open), "{ends:?}");
    heads.sort();
    heads.dedup();
    assert_eq!(heads, fleet.branches(), "a branch and a pull request for each app, and no more");
    assert_eq!(forge.writes_at_once(), 1, "changes go one after the other");
    forge.storm(0, 0);
    git.storm(0, 0);
    fleet.registry.heal();
    let (calm, wrote) = fleet.promote_in(&[BRIEFLY], &["auto"]);
    assert!(!wrote && calm.code == 0 && fleet.pulls().len() == APPS, "{calm}");
    let labels = fleet.pulls().into_iter().filter(|pull| pull.labels == ["promotion"]).count();
    assert_eq!(labels, APPS, "a label that was lost is set by the next run: {calm}");
}
