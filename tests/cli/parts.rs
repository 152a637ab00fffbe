//! An app of several parts: all of them move, in one step, or none.

use insta::assert_snapshot;

use crate::fleet::*;
use crate::support::Sandbox;

const SHOP: &str = "apps:
  shop:
    parts:
      - {artifact: oci://registry.example.com/shop-config}
      - {image: registry.example.com/shop}
";

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: shop}
spec: {template: {spec: {containers: [{name: shop, image: registry.example.com/shop}]}}}
";

fn images(tag: &str) -> String {
    format!(
        "resources: [config.yaml, deployment.yaml]\nimages:\n  - name: registry.example.com/shop\n    newTag: {tag} # the image\n"
    )
}

/// Staging follows the configuration's range and pins the image.
fn shop(staging_image: &str) -> Sandbox {
    Sandbox::new()
        .file("promote.yaml", &format!("{ONE}{SHOP}"))
        .file("clusters/staging/config.yaml", &of_app("shop", "shop-config", "semver: 4.x"))
        .file("clusters/staging/deployment.yaml", DEPLOYMENT)
        .file("clusters/staging/kustomization.yaml", &images(staging_image))
        .file("clusters/prod-eu/config.yaml", &of_app("shop", "shop-config", "tag: 4.1.3"))
        .file("clusters/prod-eu/deployment.yaml", DEPLOYMENT)
        .file("clusters/prod-eu/kustomization.yaml", &images("4.1.3"))
        .artifact("shop-config", &["4.1.3", "4.2.0"])
        .artifact("shop", &["4.1.3", "4.2.0"])
}

#[test]
fn the_parts_move_together_in_one_step() {
    let changed = |arguments: &[&str]| {
        let fleet = shop("4.2.0");
        let run = fleet.promote(arguments);
        assert_eq!((run.code, fleet.branches().len()), (0, 1), "{run}");
        let diff = fleet.diff(&fleet.branches()[0]);
        diff.lines().filter(|line| line.starts_with(['+', '-'])).collect::<Vec<_>>().join("\n")
    };
    let typed = changed(&["shop", "4.2.0", "--to", "prod-eu"]);
    assert_eq!(typed, changed(&["shop", "--to", "prod-eu"]));
    assert_snapshot!(typed, @"
    --- a/clusters/prod-eu/config.yaml
    +++ b/clusters/prod-eu/config.yaml
    -    tag: 4.1.3
    +    tag: 4.2.0
    --- a/clusters/prod-eu/kustomization.yaml
    +++ b/clusters/prod-eu/kustomization.yaml
    -    newTag: 4.1.3 # the image
    +    newTag: 4.2.0 # the image
    ");
}

#[test]
fn one_part_that_may_not_move_stops_the_others() {
    let fleet = shop("4.2.0").artifact("shop-config", &["4.3.0"]);
    let run = fleet.promote(&["shop", "4.3.0", "--to", "prod-eu"]);
    assert_eq!((run.code, fleet.branches().len()), (3, 0), "{run}");
    assert!(run.stderr.contains("oci://registry.example.com/shop has no tag `4.3.0`"), "{run}");
}

#[test]
fn what_one_part_ran_in_staging_is_no_evidence_for_another() {
    let fleet = shop("4.1.3");
    let run = fleet.promote(&["shop", "4.2.0", "--to", "prod-eu"]);
    assert_eq!((run.code, fleet.branches().len()), (3, 0), "{run}");
    assert!(run.stderr.contains("staging is pinned to 4.1.3, not 4.2.0"), "{run}");
}

#[test]
fn a_part_that_staging_does_not_have_is_no_evidence_either() {
    let fleet = shop("4.2.0").file("clusters/staging/kustomization.yaml", "resources: [config.yaml]\n");
    for arguments in [&["shop", "4.2.0", "--to", "prod-eu"][..], &["shop", "--to", "prod-eu"][..]] {
        let run = fleet.promote(arguments);
        assert_eq!((run.code, fleet.branches().len()), (3, 0), "{run}");
    }
}

#[test]
fn an_image_with_a_tag_or_a_scheme_is_no_part() {
    for image in ["registry.example.com/shop:1.2.3", "oci://registry.example.com/shop", "Shop"] {
        let text = format!("{ONE}apps: {{shop: {{parts: [{{image: \"{image}\"}}]}}}}\n");
        let run = shop("4.2.0").file("promote.yaml", &text).promote(&["status"]);
        assert_eq!(run.code, 2, "{image}: {run}");
        assert!(run.stderr.contains("promote.yaml:"), "{image}: {run}");
    }
}
