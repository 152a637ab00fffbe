//! Decisions, with values: a fleet in a few lines, answers of a registry, and the verdict on each environment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::*;
use crate::edit;
use crate::inventory::{Reach, Scope, Walk, walk};
use crate::model::{
    Artifact, BlobId, Digest, DigestRule, Entry, EntryKind, Environment, Extent, Failure, Freeze, Hold, Order, Plan,
    ReasonCode, ReasonRule, RepoPath, Rule, Rules, Snapshot, Stage, Verdict, Version,
};

const ARTIFACT: &str = "oci://registry.example.com/my-app-config";

/// A fleet of one app: an environment each, with what its `ref` says.
struct World {
    stages: Stages,
    files: Vec<(String, String)>,
    apps: Vec<AppDefinition>,
    tags: BTreeMap<String, String>,
    failure: Option<Failure>,
}

fn name(text: &str) -> EnvironmentName {
    text.parse().expect("a name")
}

fn digest(content: &str) -> Digest {
    Digest::of(content.as_bytes())
}

fn rule<T>(value: T) -> Rule<T> {
    Rule { value, place: None }
}

impl World {
    /// Environments in order, one a stage; `stage/environment` puts several into one.
    fn of(environments: &[(&str, &str)]) -> Self {
        let mut stages: Vec<Stage> = Vec::new();
        let mut files = Vec::new();
        for (place, reference) in environments {
            let (stage, environment) = place.split_once('/').unwrap_or((place, place));
            let path: RepoPath = format!("clusters/{environment}").parse().expect("a path");
            files.push((
                format!("{path}/my-app.yaml"),
                format!(
                    "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata:\n  name: my-app\nspec:\n  \
                     url: {ARTIFACT}\n  ref: {{{reference}}}\n"
                ),
            ));
            let environment = Environment {
                name: name(environment),
                extent: Extent::Directory(path),
                rules: Rules::default(),
                place: None,
            };
            match stages.iter_mut().find(|one| one.name == name(stage)) {
                Some(stage) => stage.environments.push(environment),
                None => stages.push(Stage { name: name(stage), environments: vec![environment] }),
            }
        }
        let stages = Stages { order: Order::Configured, stages };
        Self { stages, files, apps: Vec::new(), tags: BTreeMap::new(), failure: None }
    }

    /// The registry's tags; each has content of its own, unless `tag=content` says which.
    fn tags(mut self, tags: &[&str]) -> Self {
        for tag in tags {
            let (tag, content) = tag.split_once('=').unwrap_or((tag, tag));
            self.tags.insert(tag.to_owned(), content.to_owned());
        }
        self
    }

    fn rules(mut self, environment: &str, change: impl Fn(&mut Rules)) -> Self {
        let all = self.stages.stages.iter_mut().flat_map(|stage| &mut stage.environments);
        all.filter(|one| one.name == name(environment)).for_each(|one| change(&mut one.rules));
        self
    }

    fn inventory(&self) -> Inventory {
        let mut entries = BTreeMap::new();
        let mut blobs = std::collections::HashMap::new();
        for (path, text) in &self.files {
            let id = BlobId(path.clone());
            entries.insert(path.parse().expect("a path"), Entry { id: id.clone(), kind: EntryKind::File });
            blobs.insert(id, text.clone().into_bytes().into());
        }
        let snapshot = Snapshot { commit: String::new(), entries: Arc::new(entries), blobs };
        let stages = self.stages.clone();
        let scope = Scope { stages, apps: self.apps.clone(), remotes: Vec::new(), reach: Reach::Environments };
        match walk(&snapshot, &scope) {
            Walk::Done(inventory) => inventory,
            Walk::Needs(paths) => panic!("all files are there: {paths:?}"),
        }
    }

    fn answer(&self, question: &Question) -> Answer {
        if let Some(failure) = &self.failure {
            return Answer::Failed(failure.clone());
        }
        match question {
            Question::Tags(_) => Answer::Tags(self.tags.keys().cloned().collect()),
            Question::Manifest(_, tag) => match self.tags.get(tag) {
                Some(content) => Answer::Manifest(Facts { digest: digest(content), annotations: BTreeMap::new() }),
                None => Answer::Missing,
            },
            // No test here plays a program that verifies: whatever is no yes must be none.
            Question::Signature(..) => Answer::Tags(Arc::default()),
        }
    }

    fn request(goal: Goal) -> Request {
        Request {
            apps: vec!["my-app".parse().expect("a name")],
            environments: None,
            goal,
            purpose: Purpose::Write,
            reason: None,
            now: "2026-11-23T12:00:00Z".parse().expect("a time"),
        }
    }

    /// Plans, and counts the rounds of questions.
    fn plan(&self, request: &Request) -> Plan {
        let inventory = self.inventory();
        let fleet = Fleet { stages: &self.stages, inventory: &inventory, apps: &self.apps, same: &[] };
        let mut answers = Answers::default();
        for _ in 0..5 {
            match plan(request, fleet, &answers) {
                Planning::Done(mut plan) => {
                    edit::complete(&mut plan, &inventory, &self.stages);
                    return plan;
                }
                Planning::Needs(questions) => {
                    for question in questions {
                        let answer = self.answer(&question);
                        answers.insert(question, answer);
                    }
                }
            }
        }
        panic!("the questions never end")
    }

    /// Returns the verdict and the codes on one environment.
    fn verdict(&self, environment: &str, goal: Goal) -> (Verdict, Vec<ReasonCode>) {
        let plan = self.plan(&Self::request(goal));
        let step = plan.steps.iter().find(|step| step.environment == name(environment)).expect("a step");
        (step.verdict, step.reasons.iter().map(|reason| reason.code).collect())
    }
}

fn typed(version: &str) -> Goal {
    Goal::Version(version.to_owned())
}

fn usual(production: &str) -> World {
    World::of(&[("staging", "semver: '>=1.0.0'"), ("production", production)])
        .tags(&["v1.2.1", "v1.2.2", "v1.2.3", "latest"])
}

#[test]
fn a_pin_advances_to_what_staging_selects() {
    let world = usual("tag: v1.2.1");
    assert_eq!(world.verdict("production", typed("v1.2.3")), (Verdict::Advance, vec![ReasonCode::FromSelects]));
    assert_eq!(world.verdict("staging", typed("v1.2.3")).0, Verdict::Follows);
    assert_eq!(world.verdict("production", Goal::FollowDue).0, Verdict::Advance);
}

#[test]
fn a_version_that_staging_has_passed_is_admitted_when_typed_and_not_when_due() {
    let world = usual("tag: v1.2.1");
    assert_eq!(world.verdict("production", typed("v1.2.2")), (Verdict::Advance, vec![ReasonCode::FromAdmits]));
    let strict = usual("tag: v1.2.1").rules("production", |rules| rules.evidence = Some(rule(Evidence::Selected)));
    assert_eq!(strict.verdict("production", typed("v1.2.2")), (Verdict::Blocked, vec![ReasonCode::NotInFrom]));
}

#[test]
fn a_pin_that_is_there_or_beyond_does_not_move() {
    assert_eq!(usual("tag: v1.2.3").verdict("production", typed("1.2.3")).0, Verdict::Current);
    assert_eq!(
        usual("tag: v1.2.3").verdict("production", typed("v1.2.1")),
        (Verdict::Blocked, vec![ReasonCode::Older])
    );
    assert_eq!(usual("tag: v1.2.3").verdict("production", Goal::FollowDue).0, Verdict::Current);
}

#[test]
fn two_spellings_are_one_version_only_with_one_digest() {
    let staging = ("staging", "tag: 1.3.0");
    let world = |tags: &[&str]| World::of(&[staging, ("production", "tag: v1.2.1")]).tags(tags);
    let plan = world(&["v1.2.1", "1.3.0=same", "v1.3.0=same"]).plan(&World::request(typed("1.3.0")));
    let to = plan.steps.iter().find(|step| step.verdict == Verdict::Advance).and_then(|step| step.to.clone());
    assert_eq!(to.and_then(|to| to.tag).map(|tag| tag.to_string()).as_deref(), Some("v1.3.0"), "the pin's style");
    let differs = world(&["v1.2.1", "1.3.0=one", "v1.3.0=other"]).verdict("production", typed("1.3.0"));
    assert_eq!(differs, (Verdict::Blocked, vec![ReasonCode::AmbiguousTags]));
}

#[test]
fn content_that_staging_never_had_is_refused() {
    let old = digest("before it was pushed again");
    let world = World::of(&[("staging", &format!("tag: v1.2.3, digest: '{old}'")), ("production", "tag: v1.2.1")])
        .tags(&["v1.2.1", "v1.2.3"]);
    assert_eq!(world.verdict("production", typed("v1.2.3")), (Verdict::Blocked, vec![ReasonCode::DigestDiffers]));
}

#[test]
fn a_tag_and_its_digest_move_together() {
    let pinned = format!("tag: v1.2.1, digest: '{}'", digest("v1.2.1"));
    let plan = usual(&pinned).plan(&World::request(typed("v1.2.3")));
    let edits: Vec<(String, String)> =
        plan.steps.iter().flat_map(|step| &step.edits).map(|edit| (edit.field.clone(), edit.after.clone())).collect();
    let expected = [
        ("spec.ref.tag".to_owned(), "v1.2.3".to_owned()),
        ("spec.ref.digest".to_owned(), digest("v1.2.3").to_string()),
    ];
    assert_eq!(edits, expected);
}

#[test]
fn every_rule_that_says_no_is_named_at_once() {
    let mut world = usual("tag: v1.2.1").tags(&["v2.0.0-rc.1"]).rules("production", |rules| {
        rules.range = Some(rule(">=1.0.0 <2.0.0".to_owned()));
        rules.freeze = vec![rule(Freeze {
            days: vec![jiff::civil::Weekday::Monday],
            hours: None,
            dates: None,
            zone: jiff::tz::TimeZone::UTC,
            reason: None,
        })];
        rules.reason = Some(rule(ReasonRule { required: true, pattern: None }));
        rules.digest = Some(rule(DigestRule::Required));
    });
    world.apps = vec![AppDefinition {
        name: "my-app".parse().expect("a name"),
        parts: Vec::new(),
        team: None,
        holds: vec![rule(Hold {
            version: Version::parse_flux("2.0.0-rc.1").expect("a version"),
            environment: None,
            reason: Some("OPS-311".to_owned()),
            until: None,
        })],
        place: crate::model::Place { path: "promote.yaml".parse().expect("a path"), line: 1, column: 1 },
    }];
    let (verdict, codes) = world.verdict("production", typed("v2.0.0-rc.1"));
    let named: BTreeSet<ReasonCode> = codes.into_iter().collect();
    let expected = [
        ReasonCode::PreRelease,
        ReasonCode::Held,
        ReasonCode::Frozen,
        ReasonCode::ReasonRequired,
        ReasonCode::NotInFrom,
        ReasonCode::DigestRequired,
    ];
    assert_eq!((verdict, named), (Verdict::Blocked, BTreeSet::from(expected)));
}

#[test]
fn without_a_range_no_pre_release_may_go() {
    let world = World::of(&[("staging", "semver: '>=1.0.0-0'"), ("production", "tag: v1.2.1")])
        .tags(&["v1.2.1", "v1.3.0-rc.1"]);
    assert_eq!(world.verdict("production", typed("v1.3.0-rc.1")), (Verdict::Blocked, vec![ReasonCode::PreRelease]));
}

#[test]
fn what_the_registry_does_not_answer_is_unknown_and_never_yes() {
    let mut world = usual("tag: v1.2.1");
    world.failure = Some(Failure::offline());
    let (verdict, codes) = world.verdict("production", typed("v1.2.3"));
    assert_eq!((verdict, codes), (Verdict::Unknown, vec![ReasonCode::RegistryUnreadable]));
    assert_eq!(world.verdict("production", Goal::FollowDue).0, Verdict::Unknown);
}

#[test]
fn a_version_that_is_nowhere_is_refused() {
    assert_eq!(
        usual("tag: v1.2.1").verdict("production", typed("v9.9.9")),
        (Verdict::Blocked, vec![ReasonCode::NotFound])
    );
}

#[test]
fn a_floating_environment_before_proves_nothing() {
    let world =
        World::of(&[("staging", "tag: latest"), ("production", "tag: v1.2.1")]).tags(&["v1.2.1", "v1.2.3", "latest"]);
    assert_eq!(world.verdict("production", typed("v1.2.3")), (Verdict::Unknown, vec![ReasonCode::FromUnknown]));
}

#[test]
fn where_no_earlier_stage_has_the_app_only_a_person_may_move_it() {
    let world = World::of(&[("production", "tag: v1.2.1")]).tags(&["v1.2.1", "v1.2.3"]);
    assert_eq!(world.verdict("production", typed("v1.2.3")), (Verdict::Advance, vec![ReasonCode::NoEarlierStage]));
    assert_eq!(world.verdict("production", Goal::FollowDue), (Verdict::Blocked, vec![ReasonCode::NoEarlierStage]));
}

#[test]
fn a_second_wave_waits_for_the_first() {
    let world = World::of(&[
        ("staging", "semver: '>=1.0.0'"),
        ("production/prod-eu", "tag: v1.2.1"),
        ("production/prod-us", "tag: v1.2.1"),
    ])
    .tags(&["v1.2.1", "v1.2.3"])
    .rules("prod-us", |rules| rules.from = Some(rule(vec![name("prod-eu")])));
    assert_eq!(world.verdict("prod-eu", typed("v1.2.3")).0, Verdict::Advance);
    assert_eq!(world.verdict("prod-us", typed("v1.2.3")), (Verdict::Blocked, vec![ReasonCode::NotInFrom]));
}

#[test]
fn a_list_in_from_means_all_of_them() {
    let world = |qa: &str| {
        World::of(&[("qa", qa), ("staging", "tag: v1.2.3"), ("production", "tag: v1.2.1")])
            .tags(&["v1.2.1", "v1.2.2", "v1.2.3"])
            .rules("production", |rules| rules.from = Some(rule(vec![name("qa"), name("staging")])))
    };
    assert_eq!(world("tag: v1.2.3").verdict("production", typed("v1.2.3")).0, Verdict::Advance);
    assert_eq!(world("tag: v1.2.2").verdict("production", typed("v1.2.3")).0, Verdict::Blocked);
    let due = world("tag: v1.2.2").plan(&World::request(Goal::FollowDue));
    let to = due.steps.last().and_then(|step| step.to.clone()).and_then(|to| to.tag);
    assert_eq!(to.map(|tag| tag.to_string()).as_deref(), Some("v1.2.2"), "what both came to");
}

#[test]
fn a_version_that_needs_no_range_resolved_never_lists() {
    let world = World::of(&[("staging", "tag: v1.2.3"), ("production", "tag: v1.2.1")]).tags(&["v1.2.1", "v1.2.3"]);
    let inventory = world.inventory();
    let fleet = Fleet { stages: &world.stages, inventory: &inventory, apps: &[], same: &[] };
    let Planning::Needs(asked) = plan(&World::request(typed("v1.2.3")), fleet, &Answers::default()) else {
        panic!("nothing was asked")
    };
    let artifact: Artifact = ARTIFACT.parse().expect("an artifact");
    let manifests = ["v1.2.3", "1.2.3"].map(|tag| Question::Manifest(artifact.clone(), tag.to_owned()));
    assert_eq!(asked, BTreeSet::from(manifests));
}
