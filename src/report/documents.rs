//! The JSON documents of `-o json`: one a run, on failure too.

use std::collections::BTreeMap;

use serde::Serialize;

use super::inert;
use crate::model::{
    AppName, CheckResult, Chosen, Digest, Edit, EnvironmentName, Exit, Failure, Finding, Inventory, Place, Plan,
    Problem, Reason, Source, Stages, Step, Tag, TagTable, TagVerdict, Version, WrittenValue,
};

/// A document: `apiVersion`, `kind`, then its own fields.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document<T: Serialize> {
    api_version: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    body: T,
}

impl<T: Serialize> Document<T> {
    /// Wraps the fields of a kind.
    pub fn new(kind: &'static str, body: T) -> Self {
        Self { api_version: "promote/v1", kind, body }
    }

    /// Returns the document as text with a final newline.
    pub fn to_text(&self) -> String {
        // Every body is a tree of texts, numbers and lists with text keys: serialising it can't go wrong.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_else(|error| format!("{{\"error\": \"{error}\"}}"));
        text.push('\n');
        inert::json_document(&text)
    }
}

/// A reason, a finding or a check's result.
#[derive(Serialize)]
pub struct Fact {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
}

impl Fact {
    fn new(code: &'static str, message: &str, place: Option<&Place>) -> Self {
        Self {
            code,
            message: message.to_owned(),
            path: place.map(|place| place.path.to_string()),
            line: place.map(|place| place.line),
        }
    }
}

impl From<&Reason> for Fact {
    fn from(reason: &Reason) -> Self {
        Self::new(reason.code.as_str(), &reason.message, reason.place.as_ref())
    }
}

impl From<&Finding> for Fact {
    fn from(finding: &Finding) -> Self {
        Self::new(finding.code.as_str(), &finding.message, finding.place.as_ref())
    }
}

/// `kind: Error`, and the `error` of a step.
#[derive(Serialize)]
pub struct ErrorBody {
    code: String,
    exit: u8,
    message: String,
    path: Option<String>,
    line: Option<usize>,
    help: Option<String>,
}

impl ErrorBody {
    /// Takes what an error says, with its causes.
    pub fn of(problem: &dyn Problem) -> Self {
        let failure = Failure::of(problem);
        let place = problem.place();
        Self {
            path: place.map(|place| place.path.to_string()),
            line: place.map(|place| place.line),
            ..Self::from(&failure)
        }
    }

    /// Says that the arguments are wrong.
    pub fn usage(message: &str) -> Self {
        let message = message.trim().trim_start_matches("error: ").to_owned();
        Self { code: "usage".to_owned(), exit: Exit::Usage.code(), message, path: None, line: None, help: None }
    }
}

impl From<&Failure> for ErrorBody {
    fn from(failure: &Failure) -> Self {
        Self {
            code: failure.code.to_owned(),
            exit: failure.exit.code(),
            message: failure.message.clone(),
            path: None,
            line: None,
            help: failure.hint.clone(),
        }
    }
}

/// The body of `kind: Error`.
#[derive(Serialize)]
pub struct ErrorDocument {
    /// What went wrong.
    pub error: ErrorBody,
}

/// The body of `kind: Plan`.
#[derive(Serialize)]
pub struct PlanDocument {
    /// A step for every app and environment asked for.
    pub steps: Vec<StepBody>,
    /// Whether this run wrote to the remote or the forge.
    pub changed: bool,
}

/// One step of a plan.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepBody {
    app: AppName,
    environment: EnvironmentName,
    from: Option<String>,
    to: Option<String>,
    digest: Option<String>,
    verdict: &'static str,
    reasons: Vec<Fact>,
    waits: Option<String>,
    edits: Vec<EditBody>,
    /// The pull request that moves it, if there is one.
    pub pull_request: Option<PullRequestBody>,
    /// What failed.
    pub error: Option<ErrorBody>,
}

/// One replaced scalar.
#[derive(Serialize)]
pub struct EditBody {
    path: String,
    line: usize,
    field: String,
    before: String,
    after: String,
}

/// The pull request of a step.
#[derive(Clone, Serialize)]
pub struct PullRequestBody {
    /// Its number; none before it is opened, or without a forge.
    pub number: Option<u64>,
    /// Its address.
    pub url: Option<String>,
    /// Its head branch.
    pub branch: String,
    /// `planned`, `pushed`, `opened`, `open`, ...
    pub state: String,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
}

/// A promotion that is open on the forge.
pub struct OpenPromotion {
    /// The app.
    pub app: AppName,
    /// The environment that it moves.
    pub environment: EnvironmentName,
    /// The version, as its branch spells it.
    pub version: String,
    /// The pull request.
    pub pull_request: PullRequestBody,
}

/// Returns what a choice is called: its tag, else its version, else its digest.
pub fn spelled(chosen: &Chosen) -> Option<String> {
    let Chosen { tag, version, digest } = chosen;
    let known = tag.is_some() || version.is_some() || digest.is_some();
    known.then(|| spelled_tag(tag.as_ref(), version.as_ref(), digest.as_ref()))
}

/// Returns the first that is known of tag, version and digest; else `?`.
pub fn spelled_tag(tag: Option<&Tag>, version: Option<&Version>, digest: Option<&Digest>) -> String {
    match (tag, version, digest) {
        (Some(tag), _, _) => tag.to_string(),
        (None, Some(version), _) => version.to_string(),
        (None, None, Some(digest)) => digest.to_string(),
        (None, None, None) => "?".to_owned(),
    }
}

impl From<&Edit> for EditBody {
    fn from(edit: &Edit) -> Self {
        Self {
            path: edit.slot.path().to_string(),
            line: edit.slot.place.line,
            field: edit.field.clone(),
            before: edit.before.clone(),
            after: edit.after.clone(),
        }
    }
}

impl From<&Step> for StepBody {
    fn from(step: &Step) -> Self {
        let digest = step.to.as_ref().and_then(|to| to.digest.as_ref());
        Self {
            app: step.app.clone(),
            environment: step.environment.clone(),
            from: step.from.as_ref().and_then(spelled),
            to: step.to.as_ref().and_then(spelled),
            digest: digest.map(ToString::to_string),
            verdict: step.verdict.as_str(),
            reasons: step.reasons.iter().map(Fact::from).collect(),
            waits: step.waits.map(|waits| waits.to_string()),
            edits: step.edits.iter().map(EditBody::from).collect(),
            pull_request: None,
            error: step.failure.as_ref().map(ErrorBody::from),
        }
    }
}

impl ErrorBody {
    /// Returns the message with its causes.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns path and line, if it is in a file of the repository.
    pub fn place(&self) -> Option<(String, usize)> {
        self.path.clone().zip(self.line)
    }
}

impl StepBody {
    /// Returns the app.
    pub fn app(&self) -> &str {
        self.app.as_str()
    }

    /// Returns the environment.
    pub fn environment(&self) -> &str {
        self.environment.as_str()
    }

    /// Returns the verdict's word.
    pub fn verdict(&self) -> &'static str {
        self.verdict
    }

    /// Returns each reason's message.
    pub fn reasons(&self) -> impl Iterator<Item = &str> {
        self.reasons.iter().map(|reason| reason.message.as_str())
    }

    /// Returns where it is and where it would go, as far as that is known.
    pub fn versions(&self) -> String {
        let known = |version: &Option<String>| version.clone().unwrap_or_else(|| "?".to_owned());
        match (&self.from, &self.to) {
            (from, Some(to)) if from.as_ref() != Some(to) => format!("{} -> {to}", known(from)),
            (from, _) => known(from),
        }
    }
}

impl PlanDocument {
    /// A plan that nothing was written for.
    pub fn of(plan: &Plan) -> Self {
        Self { steps: plan.steps.iter().map(StepBody::from).collect(), changed: false }
    }
}

/// The body of `kind: Check`.
#[derive(Serialize)]
pub struct CheckDocument {
    results: Vec<CheckBody>,
}

/// One answer of a check.
#[derive(Serialize)]
struct CheckBody {
    code: &'static str,
    level: &'static str,
    message: String,
    path: Option<String>,
    line: Option<usize>,
}

impl CheckDocument {
    /// Tells every answer.
    pub fn of(results: &[CheckResult]) -> Self {
        let body = |result: &CheckResult| CheckBody {
            code: result.code,
            level: result.level.as_str(),
            message: result.message.clone(),
            path: result.place.as_ref().map(|place| place.path.to_string()),
            line: result.place.as_ref().map(|place| place.line),
        };
        Self { results: results.iter().map(body).collect() }
    }
}

/// The body of `kind: Init`.
#[derive(Serialize)]
pub struct InitDocument {
    /// Where the file is, or would be.
    path: String,
    /// Whether it was written.
    written: bool,
    /// Its text.
    content: String,
    findings: Vec<Fact>,
}

impl InitDocument {
    /// Tells what was found, and whether it was written down.
    pub fn of(path: String, written: bool, content: String, findings: &[Finding]) -> Self {
        Self { path, written, content, findings: findings.iter().map(Fact::from).collect() }
    }
}

/// The body of `kind: Tags`.
#[derive(Serialize)]
pub struct TagsDocument {
    artifact: Option<String>,
    range: Option<String>,
    filter: Option<String>,
    selected: Option<String>,
    matched: Vec<String>,
    tied: Vec<String>,
    tags: Vec<TagBody>,
}

/// One tag.
#[derive(Serialize)]
pub struct TagBody {
    tag: String,
    version: Option<String>,
    matches: bool,
    reason: Fact,
}

impl TagsDocument {
    /// Tells what was asked and what Flux would take.
    pub fn of(artifact: Option<String>, range: Option<String>, filter: Option<String>, table: &TagTable) -> Self {
        let tags = table.tags.iter().map(|judged| TagBody {
            tag: judged.tag.clone(),
            version: judged.version.as_ref().map(ToString::to_string),
            matches: judged.matches,
            reason: Fact::from(&judged.reason),
        });
        Self {
            artifact,
            range,
            filter,
            selected: table.selected.clone(),
            matched: table.tags.iter().filter(|tag| tag.matches).map(|tag| tag.tag.clone()).collect(),
            tied: table.tied.clone(),
            tags: tags.collect(),
        }
    }
}

/// The body of `kind: Pins`.
#[derive(Serialize)]
pub struct PinsDocument {
    pins: Vec<PinBody>,
    findings: Vec<Fact>,
}

/// One slot.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PinBody {
    path: String,
    line: usize,
    column: usize,
    document: usize,
    kind: String,
    namespace: Option<String>,
    name: Option<String>,
    field: String,
    value: String,
    #[serde(rename = "type")]
    kind_of_value: &'static str,
    effective: bool,
    shadowed_by: Option<ShadowBody>,
    environments: Vec<EnvironmentName>,
    decides: Vec<DecidesBody>,
}

/// What shadows a slot.
#[derive(Serialize)]
pub struct ShadowBody {
    path: String,
    line: usize,
}

/// One field of one source that a slot decides.
#[derive(Serialize)]
pub struct DecidesBody {
    environment: EnvironmentName,
    app: AppName,
    artifact: Option<String>,
    kind: &'static str,
    namespace: Option<String>,
    name: String,
    field: String,
    value: Option<String>,
}

impl PinsDocument {
    /// Tells each of `written`, which are slots of the inventory.
    pub fn of<'a>(inventory: &'a Inventory, written: impl Iterator<Item = &'a WrittenValue>) -> Self {
        Self {
            pins: written.map(|written| PinBody::of(inventory, written)).collect(),
            findings: inventory.findings.iter().map(Fact::from).collect(),
        }
    }
}

impl PinBody {
    fn of(inventory: &Inventory, written: &WrittenValue) -> Self {
        let sources = written.decides.iter();
        let sources = sources.filter_map(|(index, field)| inventory.sources.get(*index).map(|source| (source, *field)));
        let decides: Vec<DecidesBody> = sources.map(|(source, field)| DecidesBody::of(source, field)).collect();
        Self {
            path: written.slot.path().to_string(),
            line: written.slot.place.line,
            column: written.slot.place.column,
            document: written.document,
            kind: written.kind.clone(),
            namespace: written.namespace.clone(),
            name: written.name.clone(),
            field: written.field.clone(),
            value: written.text.clone(),
            kind_of_value: written.kind_of_value,
            effective: !decides.is_empty() && written.shadowed_by.is_none(),
            shadowed_by: written
                .shadowed_by
                .as_ref()
                .map(|place| ShadowBody { path: place.path.to_string(), line: place.line }),
            environments: written.environments.clone(),
            decides,
        }
    }
}

impl DecidesBody {
    fn of(source: &Source, field: crate::model::FieldName) -> Self {
        Self {
            environment: source.environment.clone(),
            app: source.app.clone(),
            artifact: source.artifact.as_ref().ok().map(ToString::to_string),
            kind: source.id.kind.as_str(),
            namespace: source.id.namespace.clone(),
            name: source.id.name.clone(),
            field: source.id.kind.path_of(field),
            value: source.reference.field(field).and_then(|value| value.text.as_ref().ok().cloned()),
        }
    }
}

/// The body of `kind: Status`.
#[derive(Serialize)]
pub struct StatusDocument {
    environments: Vec<EnvironmentBody>,
    apps: Vec<AppBody>,
    findings: Vec<Fact>,
}

/// An environment and its stage.
#[derive(Serialize)]
pub struct EnvironmentBody {
    name: EnvironmentName,
    stage: EnvironmentName,
}

/// An app and what each environment runs.
#[derive(Serialize)]
pub struct AppBody {
    app: AppName,
    artifact: Option<String>,
    environments: BTreeMap<String, StandingBody>,
}

/// What one environment runs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StandingBody {
    reference: Option<String>,
    version: Option<String>,
    digest: Option<String>,
    resolved: bool,
    behind: bool,
    pull_requests: Vec<PullRequestBody>,
}

impl StatusDocument {
    /// Tells what every app runs where, from a plan of all that is due.
    pub fn of(
        stages: &Stages,
        inventory: &Inventory,
        plan: &Plan,
        findings: &[Finding],
        open: &[OpenPromotion],
    ) -> Self {
        let environments = stages.stages.iter().flat_map(|stage| {
            let named = stage.environments.iter().map(|environment| &environment.name);
            named.map(|name| EnvironmentBody { name: name.clone(), stage: stage.name.clone() })
        });
        let mut apps: Vec<AppBody> = Vec::new();
        for step in &plan.steps {
            if apps.last().is_none_or(|app| app.app != step.app) {
                let artifact = step.artifact.as_ref().map(ToString::to_string);
                apps.push(AppBody { app: step.app.clone(), artifact, environments: BTreeMap::new() });
            }
            if let Some(app) = apps.last_mut() {
                app.environments.insert(step.environment.to_string(), StandingBody::of(inventory, step, open));
            }
        }
        Self {
            environments: environments.collect(),
            apps,
            findings: inventory.findings.iter().chain(findings).map(Fact::from).collect(),
        }
    }
}

impl StandingBody {
    fn of(inventory: &Inventory, step: &Step, open: &[OpenPromotion]) -> Self {
        let of_it = open.iter().filter(|one| one.app == step.app && one.environment == step.environment);
        let source = inventory.sources_of(&step.app, &step.environment).next();
        let from = step.from.as_ref();
        Self {
            reference: source.and_then(reference_of),
            version: from.and_then(spelled),
            digest: from.and_then(|from| from.digest.as_ref()).map(ToString::to_string),
            resolved: from.is_some(),
            behind: is_behind(step),
            pull_requests: of_it.map(|one| one.pull_request.clone()).collect(),
        }
    }
}

/// Tells whether the environment before runs something newer.
pub fn is_behind(step: &Step) -> bool {
    let versions = |chosen: &Option<Chosen>| chosen.as_ref().and_then(|chosen| chosen.version.clone());
    match (versions(&step.from), versions(&step.to)) {
        (Some(from), Some(to)) => from.precedence(&to).is_lt(),
        _ => false,
    }
}

/// Returns what a source's reference says, as written: the field that Flux obeys.
pub fn reference_of(source: &Source) -> Option<String> {
    let obeyed = source.reference.fields.iter().find(|(_, value)| value.shadowed_by.is_none());
    obeyed.and_then(|(_, value)| value.text.as_ref().ok().cloned())
}

/// The body of `kind: Why`.
#[derive(Serialize)]
pub struct WhyDocument {
    app: String,
    tags: Vec<WhyTag>,
}

/// The verdict on one tag in one environment.
#[derive(Serialize)]
pub struct WhyTag {
    tag: String,
    environment: EnvironmentName,
    verdict: &'static str,
    reasons: Vec<Fact>,
}

impl WhyDocument {
    /// Tells each verdict.
    pub fn of(app: String, verdicts: &[TagVerdict]) -> Self {
        let tags = verdicts.iter().map(|verdict| WhyTag {
            tag: verdict.tag.clone(),
            environment: verdict.environment.clone(),
            verdict: verdict.verdict.as_str(),
            reasons: verdict.reasons.iter().map(Fact::from).collect(),
        });
        Self { app, tags: tags.collect() }
    }
}
