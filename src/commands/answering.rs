//! Asks registries what the planner must know, all of a batch at once.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use futures_util::stream;

use super::fault::Fault;
use super::reading::Reading;
use super::session::Session;
use crate::edit;
use crate::git::RemoteTag;
use crate::inventory::flux_releases;
use crate::model::{
    Artifact, CheckResult, Chosen, Digest, Exit, Failure, Finding, Plan, Problem, Source, TagVerdict, Version,
};
use crate::planner::{
    Answer, Answers, Base, Checking, Facts, Fleet, Planning, Question, Request, Tagged, check, known, older_choices,
    plan, why,
};
use crate::registry::{self, ManifestReference, Registries, Signed};

/// What an artifact says its version is.
const VERSION: &str = "org.opencontainers.image.version";

/// More than all registries together take: each of them is asked eight things at once, by the HTTP client.
const AT_ONCE: usize = 64;

/// What registries answered so far, and how to ask more.
pub struct Inquirer {
    registries: Option<Registries>,
    answers: Answers,
}

impl Inquirer {
    /// Asks as the session reaches registries; with `--offline` every question fails.
    pub fn of(session: &Session) -> Self {
        let registries = (!session.global.offline).then(|| session.registries());
        Self { registries, answers: Answers::default() }
    }

    /// Returns the registries that are asked; none with `--offline`.
    pub fn registries(&self) -> Option<&Registries> {
        self.registries.as_ref()
    }

    /// Plans, asking until nothing is open.
    pub async fn plan(&mut self, request: &Request, fleet: Fleet<'_>) -> Plan {
        loop {
            match plan(request, fleet, &self.answers) {
                Planning::Done(mut plan) => {
                    edit::complete(&mut plan, fleet.inventory, fleet.stages);
                    return plan;
                }
                Planning::Needs(questions) => self.ask(questions).await,
            }
        }
    }

    /// Checks the base, asking until nothing is open.
    pub async fn check(&mut self, base: &Base<'_>) -> Vec<CheckResult> {
        loop {
            match check(base, &self.answers) {
                Checking::Done(results) => return results,
                Checking::Needs(questions) => self.ask(questions).await,
            }
        }
    }

    /// Judges every tag, asking until nothing is open.
    pub async fn why(&mut self, request: &Request, fleet: Fleet<'_>) -> Vec<TagVerdict> {
        loop {
            match why(request, fleet, &self.answers) {
                Tagged::Done(verdicts) => return verdicts,
                Tagged::Needs(questions) => self.ask(questions).await,
            }
        }
    }

    /// Returns what a source chooses, if that is known without asking anything more.
    pub fn known(&self, source: &Source) -> Option<Chosen> {
        known(source, &self.answers)
    }

    /// Returns the ranges that an environment's own, older Flux reads otherwise.
    pub fn older_choices(&self, reading: &Reading) -> Vec<Finding> {
        let releases = flux_releases(&reading.snapshot, &reading.stages);
        older_choices(&reading.inventory, &releases, &self.answers)
    }

    /// Returns the tags of an artifact, for suggestions: none if they can't be listed.
    pub async fn tags(&mut self, artifact: &Artifact) -> Vec<String> {
        let question = Question::Tags(artifact.clone());
        if self.answers.to(&question).is_none() {
            self.ask(BTreeSet::from([question.clone()])).await;
        }
        match self.answers.to(&question) {
            Some(Answer::Tags(tags)) => tags.to_vec(),
            _ => Vec::new(),
        }
    }

    /// Returns what the first of these tags or digests that there is points at.
    ///
    /// # Errors
    /// Whether it is there can't be told.
    pub async fn digest(&mut self, artifact: &Artifact, references: &[String]) -> Result<Option<Digest>, Failure> {
        let questions: Vec<Question> =
            references.iter().map(|one| Question::Manifest(artifact.clone(), one.clone())).collect();
        self.ask(questions.iter().filter(|one| self.answers.to(one).is_none()).cloned().collect()).await;
        let mut found = None;
        for question in &questions {
            match self.answers.to(question) {
                Some(Answer::Manifest(facts)) => found = found.or(Some(facts.digest.clone())),
                Some(Answer::Failed(failure)) => return Err(failure.clone()),
                _ => {}
            }
        }
        Ok(found)
    }

    /// Returns the failure that decides the exit code, if a question was asked in vain.
    pub fn failure(&self) -> Option<Failure> {
        let gravest = Exit::gravest(self.answers.failures().map(|(_, failure)| failure.exit));
        let mut failures: Vec<_> = self.answers.failures().filter(|(_, failure)| failure.exit == gravest).collect();
        failures.sort_by_key(|(question, _)| *question);
        failures.first().map(|(_, failure)| (*failure).clone())
    }

    /// Returns what was learnt of a manifest.
    pub fn facts(&self, artifact: &Artifact, tag: &str) -> Option<&Facts> {
        match self.answers.to(&Question::Manifest(artifact.clone(), tag.to_owned())) {
            Some(Answer::Manifest(facts)) => Some(facts),
            _ => None,
        }
    }

    /// Returns the tags of an artifact if they were listed.
    pub fn listed(&self, artifact: &Artifact) -> Option<&[String]> {
        match self.answers.to(&Question::Tags(artifact.clone())) {
            Some(Answer::Tags(tags)) => Some(tags),
            _ => None,
        }
    }

    async fn ask(&mut self, questions: BTreeSet<Question>) {
        let registries = self.registries.clone();
        let answered = stream::iter(questions).map(|question| {
            let registries = registries.clone();
            async move {
                let answer = match &registries {
                    Some(registries) => answer(registries, &question).await,
                    None => Answer::Failed(Failure::offline()),
                };
                (question, answer)
            }
        });
        let answered: Vec<(Question, Answer)> = answered.buffer_unordered(AT_ONCE).collect().await;
        for (question, answer) in answered {
            self.answers.insert(question, answer);
        }
    }
}

/// Returns the complete list of an artifact's tags.
///
/// # Errors
/// The registry can't be read, or doesn't have it.
pub async fn answer_tags(session: &Session, artifact: &Artifact) -> Result<Vec<String>, Fault> {
    let mut inquirer = Inquirer::of(session);
    let question = Question::Tags(artifact.clone());
    inquirer.ask(BTreeSet::from([question.clone()])).await;
    match (inquirer.answers.to(&question), artifact, &inquirer.registries) {
        (Some(Answer::Tags(tags)), _, _) => Ok(tags.to_vec()),
        (Some(Answer::Failed(failure)), _, _) => Err(Unanswered(failure.clone()).into()),
        // What is missing has an error of its own, which the cache of this run repeats without asking again.
        (_, Artifact::Oci(repository), Some(registries)) => Ok(registries.tags(repository).await?.to_vec()),
        _ => Ok(Vec::new()),
    }
}

/// A question that got no answer.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message)]
pub struct Unanswered(pub Failure);

impl Problem for Unanswered {
    fn code(&self) -> &'static str {
        self.0.code
    }

    fn exit(&self) -> Exit {
        self.0.exit
    }

    fn hint(&self) -> Option<String> {
        self.0.hint.clone()
    }
}

async fn answer(registries: &Registries, question: &Question) -> Answer {
    let failed = |error: registry::Error| match error {
        registry::Error::NotFound { .. } | registry::Error::NoChart { .. } => Answer::Missing,
        error => Answer::Failed(Failure::of(&error)),
    };
    match question {
        Question::Tags(Artifact::Oci(repository)) => match registries.tags(repository).await {
            Ok(tags) => Answer::Tags(tags),
            Err(error) => failed(error),
        },
        Question::Manifest(Artifact::Oci(repository), reference) => {
            let reference = match (reference.parse(), reference.parse()) {
                (Ok(digest), _) => ManifestReference::Digest(digest),
                (Err(_), Ok(tag)) => ManifestReference::Tag(tag),
                (Err(_), Err(_)) => return Answer::Missing,
            };
            match registries.manifest(repository, &reference).await {
                Ok(manifest) => Answer::Manifest(Facts {
                    digest: manifest.digest.clone(),
                    annotations: manifest.annotations.clone(),
                }),
                Err(error) => failed(error),
            }
        }
        Question::Tags(Artifact::HelmChart { repository, chart }) => {
            match registries.chart_versions(repository, chart).await {
                Ok(versions) => Answer::Tags(versions.iter().map(|entry| entry.version.clone()).collect()),
                Err(error) => failed(error),
            }
        }
        Question::Manifest(artifact @ Artifact::HelmChart { repository, chart }, version) => {
            let versions = match registries.chart_versions(repository, chart).await {
                Ok(versions) => versions,
                Err(error) => return failed(error),
            };
            // A chart in an index has no manifest: its entry, with the package's digest, stands for it.
            match versions.iter().find(|entry| entry.version == *version).map(|entry| entry.digest.clone()) {
                Some(Some(digest)) => Answer::Manifest(Facts { digest, annotations: BTreeMap::new() }),
                Some(None) => Answer::Failed(Failure {
                    code: "no-digest",
                    exit: Exit::Refused,
                    message: format!("the index of {artifact} names no digest for {version}"),
                    hint: None,
                }),
                None => Answer::Missing,
            }
        }
        Question::Signature(Artifact::Oci(repository), digest, demand) => {
            match registries.signature(repository, digest, demand).await {
                Ok(Signed::Yes(whose)) => Answer::Signed(whose),
                Ok(Signed::No(why)) => Answer::Unsigned(why),
                Err(error) => Answer::Failed(Failure::of(&error)),
            }
        }
        Question::Signature(artifact, ..) => Answer::Unsigned(format!("{artifact} is in no registry")),
        Question::Tags(Artifact::Git { url }) => match registries.git_tags(url).await {
            Ok(tags) => Answer::Tags(tags.iter().map(|tag| tag.name.clone()).collect()),
            Err(error) => failed(error),
        },
        // A Git tag has no manifest: its commit stands for it.
        Question::Manifest(Artifact::Git { url }, name) => match registries.git_tags(url).await {
            Ok(tags) => tagged(&tags, name).map_or(Answer::Missing, Answer::Manifest),
            Err(error) => failed(error),
        },
    }
}

/// Returns what is known of a tag; of a commit as `sha1:…` the version of the only tag that names it.
fn tagged(tags: &[RemoteTag], name: &str) -> Option<Facts> {
    let Some(digest) = Digest::recorded(name).filter(Digest::is_commit) else {
        return Some(Facts { digest: commit_of(tags, name)?, annotations: BTreeMap::new() });
    };
    let hex = digest.hex();
    let versions = tags.iter().filter(|tag| tag.commit.to_string() == hex && Version::parse_flux(&tag.name).is_ok());
    let versions: Vec<&RemoteTag> = versions.collect();
    let said = match versions.as_slice() {
        [only] => Some((VERSION.to_owned(), only.name.clone())),
        _ => None,
    };
    Some(Facts { digest, annotations: said.into_iter().collect() })
}

/// Returns the commit that a tag names.
pub fn commit_of(tags: &[RemoteTag], name: &str) -> Option<Digest> {
    let tag = tags.iter().find(|tag| tag.name == name)?;
    Digest::of_commit(&tag.commit.to_string()).ok()
}
