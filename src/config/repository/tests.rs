//! What people may write, and what they are told when it can't be read.

use insta::assert_snapshot;

use super::*;
use crate::model::{AppPart, DigestRule, Evidence, Extent, Order};

fn read(text: &str) -> Result<Configuration, Error> {
    parse(&"promote.yaml".parse().expect("a path"), text.as_bytes())
}

fn configuration(text: &str) -> Configuration {
    match read(text) {
        Ok(configuration) => configuration,
        Err(error) => panic!("{}: {error}", error.place),
    }
}

/// Place, message and help, as they are shown.
fn complaint(text: &str) -> String {
    let error = read(text).expect_err("an error");
    assert!(!error.code().is_empty());
    assert_eq!(error.exit(), Exit::Usage);
    format!("{}: {error}; help: {}", error.place, error.hint().expect("a hint"))
}

const CONTRACT: &str = r#"version: 1
stages:                      # in order; rules may stand here once, or per environment
  - name: staging
    environments: [{name: staging, path: clusters/staging}]   # a directory, or a glob of manifests
  - name: production
    environments:
      - {name: prod-eu, path: clusters/prod-eu}
      - {name: prod-us, path: clusters/prod-us/*.yaml, from: [prod-eu]}   # a second wave
    from: [staging]
    range: ">=1.0.0 <2.0.0"  # what may ever go there
    evidence: admitted
    digest: required
    protection: warn
    freeze:
      - {days: [Sat, Sun], zone: Europe/Berlin}
      - {days: [Fri], hours: "16:00-24:00", zone: Europe/Berlin}
      - {from: 2026-12-20, until: 2027-01-03, reason: "year end"}
    reason: {required: false, pattern: "(CHG|INC)-[0-9]+"}
apps:
  my-app:
    artifact: oci://registry.example.com/my-app-config
    team: payments
    holds:
      - {version: v1.2.4, environment: prod-eu, reason: "leaks memory, OPS-311", until: 2026-12-01}
  shop:
    parts:
      - {artifact: oci://registry.example.com/shop-config}
      - {chart: oci://registry.example.com/charts/shop}
same: [oci://registry.example.com, oci://mirror.corp]
auto: {apps: ["*"], limit: 6, hours: "09:00-15:00", zone: Europe/Berlin}
pull_request: {labels: [promotion], reviewers: [], teams: [sre], draft: false}
links: {dashboard: "https://grafana.example/d/app?var-app={app}&var-env={environment}"}
"#;

#[test]
fn all_of_it_is_optional() {
    for nothing in ["", "# nothing\n", "version: 1\n", "---\n", "{}"] {
        assert_eq!(configuration(nothing), Configuration::default(), "{nothing}");
    }
    let defaults = Configuration::default();
    assert_eq!(defaults.auto.apps, ["*"]);
    assert_eq!(defaults.pull_request.labels, ["promotion"]);
    assert!(defaults.auto.limit.is_none() && defaults.auto.hours.is_none() && !defaults.pull_request.draft);
}

#[test]
fn stages_stand_in_order_and_each_rule_knows_its_place() {
    let stages = configuration(CONTRACT).stages.expect("stages");
    assert_eq!(stages.order, Order::Configured);
    let names: Vec<String> = stages.environments().map(|one| one.name.to_string()).collect();
    assert_eq!(names, ["staging", "prod-eu", "prod-us"]);

    let prod_eu = stages.environment(&"prod-eu".parse().expect("a name")).expect("an environment");
    let at = |place: &Option<Place>| place.as_ref().expect("a place").to_string();
    assert_eq!(prod_eu.extent, Extent::Directory("clusters/prod-eu".parse().expect("a path")));
    assert_eq!(at(&prod_eu.place), "promote.yaml:7:9");
    let range = prod_eu.rules.range.as_ref().expect("a range");
    assert_eq!((range.value.as_str(), at(&range.place).as_str()), (">=1.0.0 <2.0.0", "promote.yaml:10:12"));
    assert_eq!(prod_eu.rules.evidence.as_ref().map(|rule| rule.value), Some(Evidence::Admitted));
    assert_eq!(prod_eu.rules.digest.as_ref().map(|rule| rule.value), Some(DigestRule::Required));
    let reason = prod_eu.rules.reason.as_ref().expect("a reason");
    assert_eq!(reason.value.pattern.as_deref(), Some("(CHG|INC)-[0-9]+"));
    assert!(stages.environments().next().is_some_and(|staging| staging.rules == crate::model::Rules::default()));
}

#[test]
fn a_rule_on_an_environment_replaces_its_stages() {
    let stages = configuration(CONTRACT).stages.expect("stages");
    let from = |name: &str| {
        let environment = stages.environment(&name.parse().expect("a name")).expect("an environment");
        let from = environment.rules.from.clone().expect("from");
        (from.value.iter().map(ToString::to_string).collect::<Vec<_>>(), from.place.expect("a place").to_string())
    };
    assert_eq!(from("prod-eu"), (vec!["staging".to_owned()], "promote.yaml:9:11".to_owned()));
    assert_eq!(from("prod-us"), (vec!["prod-eu".to_owned()], "promote.yaml:8:62".to_owned()));
    let prod_us = stages.environment(&"prod-us".parse().expect("a name")).expect("an environment");
    assert_eq!(prod_us.extent, Extent::Glob("clusters/prod-us/*.yaml".to_owned()));
    assert_eq!(prod_us.rules.freeze.len(), 3, "what it does not replace stays");

    let lifted = configuration(
        "stages:\n- name: prod\n  freeze: [{days: [Fri]}]\n  environments: [{name: eu, path: eu, freeze: []}]\n",
    );
    assert!(lifted.stages.expect("stages").environments().all(|one| one.rules.freeze.is_empty()));
}

#[test]
fn a_freeze_is_read_as_days_hours_and_inclusive_dates() {
    let stages = configuration(CONTRACT).stages.expect("stages");
    let prod_eu = stages.environment(&"prod-eu".parse().expect("a name")).expect("an environment");
    let [weekend, friday, year_end] = prod_eu.rules.freeze.as_slice() else { panic!("three freezes") };
    assert_eq!(weekend.value.days, [civil::Weekday::Saturday, civil::Weekday::Sunday]);
    assert_eq!(weekend.value.hours, None);
    assert_eq!(weekend.value.zone.iana_name(), Some("Europe/Berlin"));
    assert_eq!(friday.value.hours, Some((civil::time(16, 0, 0, 0), None)));
    assert_eq!(year_end.value.dates, Some((civil::date(2026, 12, 20), civil::date(2027, 1, 3))));
    assert_eq!((year_end.value.zone.clone(), year_end.value.reason.as_deref()), (TimeZone::UTC, Some("year end")));
    assert_eq!(friday.place.as_ref().expect("a place").to_string(), "promote.yaml:16:9");
}

#[test]
fn apps_have_parts_teams_and_holds() {
    let configuration = configuration(CONTRACT);
    let [my_app, shop] = configuration.apps.as_slice() else { panic!("two apps") };
    let artifact = |text: &str| AppPart::Everywhere(text.parse().expect("an artifact"));
    assert_eq!(my_app.parts, [artifact("oci://registry.example.com/my-app-config")]);
    assert_eq!(my_app.team.as_deref(), Some("payments"));
    let [hold] = my_app.holds.as_slice() else { panic!("one hold") };
    assert_eq!(hold.value.version.original(), "v1.2.4");
    assert_eq!(hold.value.until, Some("2026-12-02T00:00:00Z".parse().expect("a moment")), "the date is inclusive");
    assert_eq!(hold.place.as_ref().expect("a place").to_string(), "promote.yaml:24:9");
    assert_eq!(shop.parts.len(), 2);
    assert_eq!(shop.place.to_string(), "promote.yaml:25:3");
    assert_eq!(configuration.same.expect("names").value, ["registry.example.com", "mirror.corp"]);
}

#[test]
fn an_artifact_may_differ_by_environment_and_an_entry_may_only_name_a_team() {
    let found = configuration(
        "environments: [{name: dev, path: d}, {name: prod, path: p}]\napps:\n  a: {artifact: {dev: oci://one.example/a, prod: \
         'oci://two.example/a'}}\n  b: {team: shop}\n",
    );
    let parts: Vec<_> = found.apps.iter().map(|app| app.parts.clone()).collect();
    let [a, b] = parts.as_slice() else { panic!("two apps") };
    assert!(matches!(a.as_slice(), [AppPart::PerEnvironment(each)] if each.len() == 2));
    assert!(b.is_empty());
}

#[test]
fn the_short_form_makes_each_environment_a_stage() {
    let found = configuration("environments:\n- {name: staging, path: s}\n- {name: prod, path: p, from: staging}\n");
    let stages = found.stages.expect("stages");
    assert_eq!(stages.stages.len(), 2);
    assert_eq!(stages.rank(&"prod".parse().expect("a name")), Some(1));
    assert!(stages.stages.iter().all(|stage| stage.environments.iter().all(|one| one.name == stage.name)));
}

#[test]
fn what_auto_may_do_is_read_with_its_places() {
    let auto = configuration(CONTRACT).auto;
    let limit = auto.limit.expect("a limit");
    assert_eq!((limit.value, limit.place.expect("a place").to_string()), (6, "promote.yaml:30:28".to_owned()));
    let hours = auto.hours.expect("hours").value;
    assert_eq!(hours, (civil::time(9, 0, 0, 0), Some(civil::time(15, 0, 0, 0))));
    assert_eq!(auto.zone.iana_name(), Some("Europe/Berlin"));
}

#[test]
fn an_alias_is_followed_and_its_rule_stands_where_the_anchor_is() {
    let found = configuration(
        "environments:\n- {name: a, path: a, freeze: &weekend [{days: [Sat]}]}\n- {name: b, path: b, freeze: *weekend}\n",
    );
    let stages = found.stages.expect("stages");
    assert!(stages.environments().all(|one| one.rules.freeze.len() == 1));
}

#[test]
fn an_unknown_key_is_an_error_with_the_nearest_known_one() {
    assert_snapshot!(complaint("version: 1\nstagse: []\n"), @"promote.yaml:2:1: unknown key `stagse`; help: did you mean `stages`?");
    assert_snapshot!(complaint("pull-request: {draft: true}\n"), @"promote.yaml:1:1: unknown key `pull-request`; help: did you mean `pull_request`?");
    assert_snapshot!(complaint("environments: [{name: a, path: b, frezze: []}]\n"), @"promote.yaml:1:35: unknown key `frezze`; help: did you mean `freeze`?");
    assert_snapshot!(complaint("auto: {limits: 3}\n"), @"promote.yaml:1:8: unknown key `limits`; help: did you mean `limit`?");
    assert_snapshot!(complaint("links: {}\napps: {a: {zzz: 1}}\n"), @"promote.yaml:2:12: unknown key `zzz`; help: these keys may stand here: `artifact`, `team`, `holds`, `parts`");
    assert_snapshot!(complaint("registries: {a: {}}\n"), @"promote.yaml:1:1: unknown key `registries`; help: these keys may stand here: `version`, `stages`, `environments`, `apps`, `same`, `auto`, `pull_request`, `links`");
}

#[test]
fn a_rule_that_is_not_built_is_refused_and_never_ignored() {
    assert_snapshot!(complaint("environments: [{name: a, path: a, soak: 24h}]\n"), @"promote.yaml:1:41: `soak` is not built yet, and no rule is ever ignored; help: remove it until a version of promote knows it");
    assert_snapshot!(complaint("stages:\n- name: p\n  soak: 24h\n  environments: [{name: a, path: a}]\n"), @"promote.yaml:3:9: `soak` is not built yet, and no rule is ever ignored; help: remove it until a version of promote knows it");
    assert_snapshot!(complaint("environments: [{name: a, path: a, soak: }]\n"), @"promote.yaml:1:39: `soak` is not built yet, and no rule is ever ignored; help: remove it until a version of promote knows it");
    assert_snapshot!(complaint("environments: [{name: a, path: a, evidence: observed}]\n"), @"promote.yaml:1:45: `evidence: observed` is not built yet, and no rule is ever ignored; help: remove it until a version of promote knows it");
}

#[test]
fn a_wrong_type_says_what_was_expected_and_found() {
    assert_snapshot!(complaint("stages: {a: b}\n"), @"promote.yaml:1:9: expected a list, found a mapping; help: write a list");
    assert_snapshot!(complaint("environments: [{name: 1.20, path: a}]\n"), @"promote.yaml:1:23: expected a text, found the number 1.2; help: put it in quotes");
    assert_snapshot!(complaint("apps:\n"), @"promote.yaml:1:5: expected a mapping, found nothing; help: give it a value, or remove the key");
    assert_snapshot!(complaint("pull_request: {draft: yes}\n"), @"promote.yaml:1:23: expected `true` or `false`, found a text; help: write `true` or `false`");
    assert_snapshot!(complaint("auto: [a, b]\n"), @"promote.yaml:1:7: expected a mapping, found a list; help: write a mapping");
    assert_snapshot!(complaint("apps: {1: {team: a}}\n"), @"promote.yaml:1:8: expected a text as key, found the number 1; help: put it in quotes");
    assert_snapshot!(complaint("- a\n"), @"promote.yaml:1:1: expected a mapping, found a list; help: write a mapping");
    assert_snapshot!(complaint("auto: {limit: -1}\n"), @"promote.yaml:1:15: expected a number, found the number -1; help: write a number");
    assert_snapshot!(complaint("auto: !special {}\n"), @"promote.yaml:1:16: expected a mapping, found the tag `!special`; help: write a mapping");
    assert_snapshot!(complaint("environments: [{name: a}]\n"), @"promote.yaml:1:16: the key `path` is missing; help: add `path:`");
}

#[test]
fn yaml_that_cannot_be_read_is_named_with_its_place() {
    assert_snapshot!(complaint("version: 1\nversion: 1\n"), @"promote.yaml:2:1: the key `version` stands here twice; help: keep one `version`");
    assert_snapshot!(complaint("apps: {a: {team: x}, a: {team: y}}\n"), @"promote.yaml:1:22: the key `a` stands here twice; help: keep one `a`");
    assert_snapshot!(complaint("stages: [\n"), @"promote.yaml:2:1: did not find expected node content; help: the file must be one YAML document");
    assert_snapshot!(complaint("a: 1\n---\nb: 1\n"), @"promote.yaml:1:1: the file holds more than one document; help: the file must be one YAML document");
    assert_snapshot!(complaint("version: *nowhere\n"), @"promote.yaml:1:10: unknown anchor; help: the file must be one YAML document");
    let error = parse(&"promote.yaml".parse().expect("a path"), b"version: 1\n# \xff").expect_err("an error");
    assert_eq!(
        (error.place.to_string().as_str(), error.to_string().as_str()),
        ("promote.yaml:2:3", "the text is not UTF-8")
    );
}

#[test]
fn a_bomb_of_aliases_or_brackets_is_an_error_and_not_a_crash() {
    let mut bomb = "a: &a0 [x]\n".to_owned();
    for level in 1..30 {
        bomb.push_str(&format!("b{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 10].join(", ")));
    }
    assert!(read(&bomb).is_err());
    assert!(read(&"[".repeat(100_000)).is_err());
    assert!(read(&"- ".repeat(100_000)).is_err());
    assert!(read(&format!("apps: {}", "{a: ".repeat(200))).is_err());
    assert!(read(&" ".repeat(5 * 1024 * 1024)).is_err());
}

#[test]
fn times_are_checked() {
    let freeze = |text: &str| complaint(&format!("environments: [{{name: a, path: a, freeze: [{text}]}}]\n"));
    assert_snapshot!(freeze("{days: [Saturday]}"), @"promote.yaml:1:52: `Saturday` is not one of `Mon`, `Tue`, `Wed`, `Thu`, `Fri`, `Sat`, `Sun`; help: write one of `Mon`, `Tue`, `Wed`, `Thu`, `Fri`, `Sat`, `Sun`");
    assert_snapshot!(freeze("{days: [sat]}"), @"promote.yaml:1:52: `sat` is not one of `Mon`, `Tue`, `Wed`, `Thu`, `Fri`, `Sat`, `Sun`; help: did you mean `Sat`?");
    assert_snapshot!(freeze("{days: [Sat], zone: Europe/Berlinn}"), @"promote.yaml:1:64: `Europe/Berlinn` is no time zone; help: write a name of the IANA database, such as `Europe/Berlin`");
    assert_snapshot!(freeze("{days: [Sat], hours: 16-24}"), @r#"promote.yaml:1:65: `16-24` is no span of hours; help: write it as `"09:00-15:00"`, until `24:00` at most"#);
    assert_snapshot!(freeze("{days: [Sat], hours: '16:00-25:00'}"), @r#"promote.yaml:1:65: `16:00-25:00` is no span of hours; help: write it as `"09:00-15:00"`, until `24:00` at most"#);
    assert_snapshot!(freeze("{from: 2026-12-20}"), @"promote.yaml:1:44: the key `until` is missing; help: add `until:`");
    assert_snapshot!(freeze("{from: 2026-02-30, until: 2026-03-01}"), @"promote.yaml:1:51: `2026-02-30` is no date; help: write it as `2026-12-20`");
    assert_snapshot!(freeze("{from: 2026-12-20, until: 2026-12-19}"), @"promote.yaml:1:70: 2026-12-19 is before 2026-12-20; help: both dates are inclusive, the first first");
    assert_snapshot!(freeze("{hours: '16:00-24:00'}"), @"promote.yaml:1:44: the freeze names neither `days` nor dates; help: write `days: [Sat, Sun]`, or `from: 2026-12-20, until: 2027-01-03`");
    assert_snapshot!(complaint("apps: {a: {holds: [{version: v1.2.3, until: tomorrow}]}}\n"), @"promote.yaml:1:45: `tomorrow` is no date; help: write it as `2026-12-20`");
    assert_snapshot!(complaint("auto: {hours: '15:00-15:00'}\n"), @r#"promote.yaml:1:15: `15:00-15:00` is no span of hours; help: write it as `"09:00-15:00"`, until `24:00` at most"#);
    assert_snapshot!(complaint("auto: {limit: 0}\n"), @"promote.yaml:1:15: a limit of 0 opens nothing, ever; help: write `apps: []` if `auto` should do nothing");
}

#[test]
fn hours_may_pass_midnight() {
    let hours = configuration("auto: {hours: '22:00-06:00'}\n").auto.hours.expect("hours").value;
    assert_eq!(hours, (civil::time(22, 0, 0, 0), Some(civil::time(6, 0, 0, 0))));
}

#[test]
fn names_must_exist_and_mean_one_thing() {
    assert_snapshot!(complaint("environments: [{name: staging, path: a}, {name: prod, path: b, from: stagng}]\n"), @"promote.yaml:1:70: no environment and no stage is called `stagng`; help: did you mean `staging`?");
    assert_snapshot!(complaint("environments: [{name: a, path: a}, {name: a, path: b}]\n"), @"promote.yaml:1:43: the name `a` is given twice; help: give each its own name");
    assert_snapshot!(complaint("environments: [{name: a, path: a, from: a}]\n"), @"promote.yaml:1:41: `a` can't wait for itself; help: name an environment or a stage that comes before it");
    assert_snapshot!(complaint("environments: [{name: a, path: a, from: b}, {name: b, path: b}]\n"), @"promote.yaml:1:41: `b` comes later than `a`; help: name an earlier stage, or move it up: stages stand in order");
    assert_snapshot!(complaint("environments: [{name: a, path: a, from: []}]\n"), @"promote.yaml:1:41: `from` names nothing; help: name an environment or a stage, or remove `from`");
    assert_snapshot!(complaint("stages: [{name: p, environments: [{name: a, path: a, from: b}, {name: b, path: b, from: a}]}]\n"), @"promote.yaml:1:60: `a`, `b` wait for one another; help: let one of them wait for an earlier stage");
    assert_snapshot!(complaint("stages: [{name: p, from: a, environments: [{name: a, path: a}, {name: b, path: b}]}]\n"), @"promote.yaml:1:26: `a` can't wait for itself; help: name an environment or a stage that comes before it");
    assert_snapshot!(complaint("stages: [{name: p, environments: [{name: p, path: a}, {name: b, path: b}]}]\n"), @"promote.yaml:1:17: `p` names a stage and an environment that is not all of it; help: give the stage or the environment another name");
    assert_snapshot!(complaint("stages: []\nenvironments: []\n"), @"promote.yaml:1:9: `stages` lists nothing; help: list at least one environment");
    assert_snapshot!(complaint("stages: [{name: a, environments: [{name: a, path: a}]}]\nenvironments: [{name: a, path: a}]\n"), @"promote.yaml:2:15: `stages` and `environments` exclude each other; help: keep `stages` or `environments`");
    assert_snapshot!(complaint("environments: [{name: a, path: a}]\napps: {x: {holds: [{version: v1.0.0, environment: b}]}}\n"), @"promote.yaml:2:51: no environment and no stage is called `b`; help: names of environments and stages stand under `stages:`");
    assert_snapshot!(complaint("environments: [{name: -a, path: a}]\n"), @"promote.yaml:1:23: `-a` begins with `-`; help: write a name without control characters that does not begin with `-`");
}

#[test]
fn values_must_be_what_they_say() {
    assert_snapshot!(complaint("environments: [{name: a, path: a, range: '>=1.0 <<2'}]\n"), @"promote.yaml:1:42: `>=1.0 <<2` is no range that Flux reads: `<<` is no operator at column 7; help: a range looks like `>=1.0.0`, `>=1.0.0 <2.0.0`, `~1.2` or `1.x || 2.x`");
    assert_snapshot!(complaint("version: 2\n"), @"promote.yaml:1:10: version 2 of this file is not known here; help: write `version: 1`, or use a newer promote");
    assert_snapshot!(complaint("environments: [{name: a, path: ../b}]\n"), @"promote.yaml:1:32: `../b` leads out of the repository; help: write a path below the repository's root, such as `clusters/production`");
    assert_snapshot!(complaint("environments: [{name: a, path: a, evidence: selectd}]\n"), @"promote.yaml:1:45: `selectd` is not one of `admitted`, `selected`, `observed`; help: did you mean `selected`?");
    assert_snapshot!(complaint("environments: [{name: a, path: a, reason: {pattern: '('}}]\n"), @"promote.yaml:1:53: `(` is no regular expression; help: write it as `CHG-[0-9]+`");
    assert_snapshot!(complaint("apps: {a: {artifact: registry.example.com/a}}\n"), @"promote.yaml:1:22: `registry.example.com/a` does not begin with `oci://`; help: write it as `oci://registry.example.com/my-app`");
    assert_snapshot!(complaint("apps: {a: {artifact: 'oci://r.example/a:v1'}}\n"), @"promote.yaml:1:22: `r.example/a:v1` must not contain a tag; remove `:v1`; help: write it as `oci://registry.example.com/my-app`");
    assert_snapshot!(complaint("apps: {a: {artifact: oci://r.example/a, parts: []}}\n"), @"promote.yaml:1:48: `artifact` and `parts` exclude each other; help: keep `artifact` or `parts`");
    assert_snapshot!(complaint("apps: {a: {parts: [{}]}}\n"), @"promote.yaml:1:20: the key `artifact` is missing; help: add `artifact:`");
    assert_snapshot!(complaint("apps: {a: {holds: [{version: latest}]}}\n"), @"promote.yaml:1:30: `latest` is not a version; help: write a whole version, such as `v1.2.3`");
    assert_snapshot!(complaint("same: [oci://one.example]\n"), @"promote.yaml:1:7: `same` names fewer than two registries; help: name two registries, or remove `same`");
    assert_snapshot!(complaint("same: [oci://one.example, oci://two.example/path]\n"), @"promote.yaml:1:27: `oci://two.example/path` is no registry; help: write its host alone, as `oci://registry.example.com`");
    assert_snapshot!(complaint("links: {dashboard: 'javascript:alert(1)'}\n"), @"promote.yaml:1:20: `javascript:alert(1)` is no URL of the web; help: begin it with `https://`");
    assert_snapshot!(complaint("links: {dashboard: 'https://g.example/{version}'}\n"), @"promote.yaml:1:20: `{version}` is not one of `{app}`, `{environment}`; help: write one of `{app}`, `{environment}`");
    assert_snapshot!(complaint("pull_request: {labels: ['a,b']}\n"), @"promote.yaml:1:25: `a,b` is no name of a label, an account or a team; help: write one name an entry");
}
