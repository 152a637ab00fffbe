//! `OCIRepository`s that are written directly in the manifests of an environment.

use insta::assert_snapshot;
use promote::edit::{self, Intent, apply, edits_for};
use promote::model::{Edit, Form, Place, Slot, Span};

use crate::repository::{Repository, findings, line, lines, name, scope, tag};

const STAGING: &str = "\
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata:
  name: my-app
  namespace: flux-system
spec:
  interval: 5m
  url: oci://registry.example.com/my-app-config
  ref:
    semver: \">=1.0.0 <2.0.0\"
";

const PRODUCTION: &str = "\
# production
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata:
  name: my-app-prod
  namespace: flux-system
spec:
  interval: 5m
  url: oci://mirror.corp/my-app-config   # the mirror
  ref:
    tag: v1.2.1 # {\"$imagepolicy\": \"flux-system:my-app:tag\"}
    digest: 'sha256:5b0c77aa1f5b0c77aa1f5b0c77aa1f5b0c77aa1f5b0c77aa1f5b0c77aa1fe19d'";

fn fleet() -> Repository {
    Repository::new(&[("clusters/staging/my-app.yaml", STAGING), ("clusters/production/apps/my-app.yaml", PRODUCTION)])
}

const SCOPE: &[(&str, &str)] = &[("staging", "clusters/staging"), ("production", "clusters/production")];

#[test]
fn each_environment_tells_what_it_runs_and_where_that_is_written() {
    let (inventory, rounds, _) = fleet().walk_rounds(&scope(SCOPE));
    assert_snapshot!(lines(&inventory), @"
    staging my-app oci://registry.example.com/my-app-config range >=1.0.0 <2.0.0 clusters/staging/my-app.yaml:10:13
    production my-app oci://mirror.corp/my-app-config pin v1.2.1@sha256:5b0c77aa...fe19d clusters/production/apps/my-app.yaml:12:13
    ");
    assert_snapshot!(findings(&inventory), @"shadowed-field clusters/production/apps/my-app.yaml:11:10 Flux ignores `tag` of `my-app-prod`: `digest` takes precedence");
    assert_eq!(rounds, 2);
    let marker = inventory.sources[1].reference.fields[1].1.marker.clone();
    assert_eq!(marker.as_deref(), Some("flux-system:my-app:tag"));
}

#[test]
fn tag_and_digest_move_together_and_no_other_byte_changes() {
    let fleet = fleet();
    let before = fleet.walk(&scope(SCOPE));
    let digest = format!("sha256:{}", "ab".repeat(32)).parse().expect("a digest");
    let target = tag("v1.2.3");

    let edits = edits_for(&before.sources[1], &before, &target, Some(&digest)).expect("edits");
    let edited = fleet.edited(&edits).expect("the edited repository");
    let after = edited.walk(&scope(SCOPE));

    let path = "clusters/production/apps/my-app.yaml";
    let expected = PRODUCTION.replace("v1.2.1", "v1.2.3");
    let old = "sha256:5b0c77aa1f5b0c77aa1f5b0c77aa1f5b0c77aa1f5b0c77aa1f5b0c77aa1fe19d";
    assert_eq!(edited.text(path), expected.replace(old, &digest.to_string()));
    assert_snapshot!(line(&after.sources[1]), @"production my-app oci://mirror.corp/my-app-config pin v1.2.3@sha256:abababab...babab clusters/production/apps/my-app.yaml:12:13");
    let source = before.sources[1].id.clone();
    let intent = Intent { environment: name("production"), source, tag: target, digest: Some(digest) };
    assert_eq!(edit::prove(&before, &after, &edits, std::slice::from_ref(&intent)), Ok(()));
    assert!(edit::prove(&before, &after, &edits, &[]).is_err());
    assert!(edit::prove(&before, &before, &edits, &[intent]).is_err());
}

#[test]
fn a_digest_without_the_targets_digest_and_a_range_are_refused() {
    let before = fleet().walk(&scope(SCOPE));
    let refusal = |index: usize| edits_for(&before.sources[index], &before, &tag("v1.2.3"), None).expect_err("refused");
    assert_snapshot!(refusal(0), @"`my-app` holds no pin that could be moved: it follows `>=1.0.0 <2.0.0`");
    assert_snapshot!(refusal(1), @"a digest decides the version at clusters/production/apps/my-app.yaml:12:13, and the target's digest is not known");
}

#[test]
fn crlf_bom_and_quotes_stay_and_a_text_of_another_type_gets_quotes() {
    let manifest =
        format!("\u{feff}{}", STAGING.replace("semver: \">=1.0.0 <2.0.0\"", "tag: 1.2.3   # c").replace('\n', "\r\n"));
    let fleet = Repository::new(&[("clusters/staging/my-app.yaml", &manifest)]);
    let before = fleet.walk(&scope(&SCOPE[..1]));
    let edit_to = |text: &str| {
        let edits = edits_for(&before.sources[0], &before, &tag(text), None).expect("edits");
        fleet.edited(&edits).expect("edited").text("clusters/staging/my-app.yaml").to_owned()
    };
    assert_eq!(edit_to("1.3.0"), manifest.replace("1.2.3", "1.3.0"));
    assert_eq!(edit_to("1.10"), manifest.replace("1.2.3", "\"1.10\""));
}

#[test]
fn an_anchor_whose_name_is_used_again_shares_only_what_an_alias_means() {
    let edit = |reference: &str| {
        let manifest = STAGING.replace("  ref:\n    semver: \">=1.0.0 <2.0.0\"\n", reference);
        let fleet = Repository::new(&[("clusters/staging/my-app.yaml", &manifest)]);
        let before = fleet.walk(&scope(&SCOPE[..1]));
        let edits = edits_for(&before.sources[0], &before, &tag("v9.9.9"), None).expect("edits");
        let path = "clusters/staging/my-app.yaml";
        let edited = fleet.edited(&edits).map(|edited| edited.text(path).to_owned());
        assert!(edited.as_ref().is_ok_and(|text| *text == manifest.replace("v1.0.0", "v9.9.9")) || edited.is_err());
        edited.map(|_| ()).map_err(|refusal| refusal.to_string())
    };
    // YAML 1.2, 7.1: an alias means the anchor of that name that stands last before it.
    assert_eq!(edit("  x: &t other\n  y: *t\n  ref: {tag: &t v1.0.0}\n"), Ok(()));
    assert_eq!(edit("  ref: {tag: &t v1.0.0}\n  x: &t other\n  y: *t\n"), Ok(()));
    assert_snapshot!(edit("  x: &t other\n  ref: {tag: &t v1.0.0}\n  y: *t\n").expect_err("shared"), @"clusters/staging/my-app.yaml:10:17 is shared by an anchor that an alias uses: other values would change with it");
}

#[test]
fn aliases_anchors_duplicates_and_merges_are_refused_with_their_place() {
    let refusal = |reference: &str| {
        let manifest = STAGING.replace("  ref:\n    semver: \">=1.0.0 <2.0.0\"\n", reference);
        let fleet = Repository::new(&[("clusters/staging/my-app.yaml", &manifest)]);
        let before = fleet.walk(&scope(&SCOPE[..1]));
        let edits = edits_for(&before.sources[0], &before, &tag("v9.9.9"), None).expect("edits");
        fleet.edited(&edits).err().expect("refused").to_string()
    };
    assert_snapshot!(refusal("  ref: {tag: &t v1.0.0}\n  x: *t\n"), @"clusters/staging/my-app.yaml:9:17 is shared by an anchor that an alias uses: other values would change with it");
    assert_snapshot!(refusal("  x: &t v1.0.0\n  ref: {tag: *t}\n"), @"clusters/staging/my-app.yaml:9:9 is shared by an anchor that an alias uses: other values would change with it");
    assert_snapshot!(refusal("  ref:\n    tag: v1.0.0\n    tag: v1.0.1\n"), @"clusters/staging/my-app.yaml:11:10 stands under a key that is written twice, again at clusters/staging/my-app.yaml:10:5");
    assert_snapshot!(refusal("  ref:\n    <<: {tag: v1.0.0}\n"), @"clusters/staging/my-app.yaml:10:15 is merged into other mappings by `<<` at clusters/staging/my-app.yaml:10:5");
    assert_snapshot!(refusal("  ref: {tag: !v v1.0.0}\n"), @"clusters/staging/my-app.yaml:9:17 has a tag of its own, whose meaning is unknown");
}

#[test]
fn a_glob_reads_only_what_it_follows() {
    let fleet = Repository::new(&[
        ("apps/cart/staging.yaml", STAGING),
        ("apps/cart/production.yaml", PRODUCTION),
        ("apps/cart/notes.yaml", "a: 1\n"),
        ("apps/a/b/staging.yaml", STAGING),
    ]);
    let (inventory, rounds, read) = fleet.walk_rounds(&scope(&[("staging", "apps/*/staging.yaml")]));
    assert_snapshot!(lines(&inventory), @"staging my-app oci://registry.example.com/my-app-config range >=1.0.0 <2.0.0 apps/cart/staging.yaml:10:13");
    assert_eq!((rounds, read), (2, 1));
}

#[test]
fn an_unreadable_file_is_a_finding_and_stops_nothing() {
    let fleet =
        fleet().with("clusters/staging/bad.yaml", "a: [\n---\n{{ if }}\n").with("clusters/staging/wide.yaml", "a\0:\0");
    let inventory = fleet.walk(&scope(&SCOPE[..1]));
    assert_eq!(inventory.sources.len(), 1);
    assert_snapshot!(findings(&inventory), @"
    unreadable-yaml clusters/staging/bad.yaml:1:4 not YAML: unclosed bracket '['
    unreadable-encoding clusters/staging/wide.yaml:1:1 the file is UTF-16, only UTF-8 is read
    ");
}

#[test]
fn what_stands_inside_a_text_reads_as_planned_or_is_refused() {
    let file = "patches:\n- patch: |\n    image: shop:v1.0.0\n";
    let outer = Span { start: file.find("image").expect("a block"), end: file.len(), form: Form::Literal };
    let inner = Span { start: 7, end: 18, form: Form::Plain };
    let part = Span { start: 5, end: 11, form: Form::Part };
    let place = Place { path: "apps/kustomization.yaml".parse().expect("a path"), line: 3, column: 12 };
    let edit = |after: &str| Edit {
        slot: Slot { place: place.clone(), spans: vec![outer, inner, part] },
        field: "image".to_owned(),
        before: "v1.0.0".to_owned(),
        after: after.to_owned(),
    };
    let edited = |after: &str| apply(file.as_bytes(), &[&edit(after)]).map_err(|refusal| refusal.to_string());
    assert_eq!(edited("v1.1.0"), Ok(file.replace("v1.0.0", "v1.1.0").into_bytes()));
    // The file would still be YAML, and the patch in it another one.
    for after in ["v1: 1", "v1 #1"] {
        assert_eq!(
            edited(after),
            Err(format!("apps/kustomization.yaml:3:12 would not read as `{after}` after the change"))
        );
    }
}
