//! One open pull request for an app and environment: a newer version takes the place of an older one.

use crate::fleet::on_github;
use crate::support::forge::PullState;

#[test]
fn a_newer_version_closes_the_older_promotion_with_one_comment() {
    let fleet = on_github();
    let (first, _) = fleet.promote_once(&["my-app", "v1.2.2"]);
    assert_eq!(first.code, 0, "{first}");
    let (second, wrote) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert!(wrote && second.code == 0, "{second}");
    assert!(second.stderr.contains("takes the place of #1 (Promote my-app to v1.2.2 in prod-eu)"), "{second}");
    let pulls = fleet.pulls();
    let open: Vec<_> =
        pulls.iter().filter(|pull| pull.state == PullState::Open).map(|pull| pull.title.as_str()).collect();
    assert_eq!(open, ["Promote my-app to v1.2.3 in prod-eu"]);
    assert_eq!(pulls.len(), 2);
    let (third, wrote) = fleet.promote_once(&["my-app", "v1.2.3"]);
    assert!(!wrote && third.code == 0, "{third}");
}

#[test]
fn an_older_version_than_an_open_one_is_refused_unless_it_is_to_take_its_place() {
    let fleet = on_github();
    fleet.promote_once(&["my-app", "v1.2.3"]);
    let (refused, wrote) = fleet.promote_once(&["my-app", "v1.2.2"]);
    assert!(!wrote && refused.code == 6, "{refused}");
    assert!(refused.stderr.contains("--supersede"), "{refused}");
    let (taken, wrote) = fleet.promote_once(&["my-app", "v1.2.2", "--supersede"]);
    assert!(wrote && taken.code == 0, "{taken}");
    let pulls = fleet.pulls();
    let open: Vec<_> =
        pulls.iter().filter(|pull| pull.state == PullState::Open).map(|pull| pull.title.as_str()).collect();
    assert_eq!(open, ["Promote my-app to v1.2.2 in prod-eu"]);
}
