//! `promote tags`: the tags, newest version first, and which one Flux would select.

use std::io::Read as _;

use super::answering::answer_tags;
use super::arguments;
use super::fault::{Fault, Refusal};
use super::reading::{Purpose, Reading};
use super::session::Session;
use super::{Outcome, print, print_verbatim};
use crate::constraint::{self, Constraint, Filter, Selection, Spelling};
use crate::inventory::Reach;
use crate::model::{Artifact, Choice, JudgedTag, TagTable};
use crate::planner::app_named;
use crate::report;
use crate::report::documents::{Document, TagsDocument};

/// What tags are judged by.
struct Rule {
    artifact: Option<Artifact>,
    range: Option<String>,
    filter: Option<String>,
    spelling: Spelling,
}

/// Lists the tags of an app or artifact.
///
/// # Errors
/// An unknown app, a range or filter that Flux rejects, a registry that can't be read.
pub async fn run(session: &Session, arguments: &arguments::Tags) -> Result<Outcome, Fault> {
    let asked = arguments.artifact.as_deref().unwrap_or_default();
    let mut rule = rule_of(arguments);
    if asked.contains("://") {
        rule.artifact = Some(artifact(asked)?);
    } else {
        let reading = Reading::of(session, Purpose::Look, Reach::Environments).await?;
        reading.must_have_sources()?;
        let app = app_named(&reading.inventory, asked)?;
        let mut sources = reading.inventory.sources.iter().filter(|source| source.app == app);
        let source = sources.find(|source| source.artifact.is_ok());
        if let Some(source) = source {
            rule.artifact = source.artifact.as_ref().ok().cloned();
            if source.helm_layer && arguments.layer_media_type.is_none() {
                rule.spelling = Spelling::HelmChart;
            }
        }
        narrow_to_environment(session, &reading, &app, &mut rule)?;
    }
    let tags = match &rule.artifact {
        Some(artifact) => answer_tags(session, artifact).await?,
        None => Vec::new(),
    };
    tell(session.is_json(), &rule, &tags)
}

/// Reads an artifact on the command line; a repository on this machine may be named there, and nowhere else.
fn artifact(asked: &str) -> Result<Artifact, AskedArtifact> {
    if asked.starts_with("file://") {
        return Ok(Artifact::Git { url: asked.to_owned() });
    }
    asked.parse().map_err(AskedArtifact)
}

/// Judges tags that are given on standard input, one a line: no registry, no repository.
///
/// # Errors
/// A range or filter that Flux rejects, input that can't be read.
pub fn run_on_stdin(is_json: bool, arguments: &arguments::Tags) -> Result<Outcome, Fault> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(|source| Refusal::StandardInput { source })?;
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().map(|line| line.trim_end_matches('\r')).filter(|line| !line.is_empty());
    let tags: Vec<String> = lines.map(str::to_owned).collect();
    tell(is_json, &rule_of(arguments), &tags)
}

fn rule_of(arguments: &arguments::Tags) -> Rule {
    Rule {
        artifact: None,
        range: arguments.range.clone(),
        filter: arguments.filter.clone(),
        spelling: arguments.layer_media_type.as_deref().map_or(Spelling::Verbatim, Spelling::of_layer),
    }
}

/// `--env` without a range asks what that environment's own range selects.
fn narrow_to_environment(
    session: &Session,
    reading: &Reading,
    app: &crate::model::AppName,
    rule: &mut Rule,
) -> Result<(), Fault> {
    if session.global.environments.is_empty() {
        return Ok(());
    }
    let named = crate::planner::environments_named(&reading.stages, &session.global.environments)?;
    let mut sources = reading.inventory.sources.iter().filter(|source| source.app == *app);
    if let Some(source) = sources.find(|source| named.contains(&source.environment)) {
        rule.artifact = source.artifact.as_ref().ok().cloned();
        if let (Choice::Range { constraint, filter, .. }, None) = (&source.choice, &rule.range) {
            rule.range = Some(constraint.clone());
            rule.filter = rule.filter.take().or_else(|| filter.clone());
        }
    }
    Ok(())
}

fn tell(is_json: bool, rule: &Rule, tags: &[String]) -> Result<Outcome, Fault> {
    // The filter is read first, as Flux does: with both wrong, that is what it says.
    let filter = rule.filter.as_deref().filter(|filter| !filter.is_empty()).map(str::parse::<Filter>).transpose()?;
    let constraint = rule.range.as_deref().map(str::parse::<Constraint>).transpose()?;
    let selection = match &constraint {
        // Of tags that tie Flux takes the one whose commit is younger, and nobody knows that before a fetch.
        Some(constraint) if matches!(rule.artifact, Some(Artifact::Git { .. })) && filter.is_none() => {
            let tags: Vec<(&String, Option<jiff::Timestamp>)> = tags.iter().map(|tag| (tag, None)).collect();
            constraint::select_git(&tags, constraint)
        }
        Some(constraint) => constraint::select(tags, constraint, filter.as_ref(), rule.spelling),
        None => constraint::order(tags, filter.as_ref(), rule.spelling),
    };
    let table = table(&selection);
    if is_json {
        let artifact = rule.artifact.as_ref().map(ToString::to_string);
        let body = TagsDocument::of(artifact, rule.range.clone(), rule.filter.clone(), &table);
        print_verbatim(&Document::new("Tags", body).to_text());
    } else {
        print(&report::tags::render(&table, rule.range.as_deref()));
    }
    Ok(Outcome::default())
}

/// Takes from a selection what is told.
fn table(selection: &Selection) -> TagTable {
    let judged = selection.tags.iter().map(|considered| JudgedTag {
        tag: considered.tag.clone(),
        version: considered.version.clone(),
        matches: considered.matches,
        reason: selection.reason(considered),
    });
    TagTable { selected: selection.selected.clone(), tied: selection.tied.clone(), tags: judged.collect() }
}

/// An artifact on the command line that is none.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct AskedArtifact(crate::model::ArtifactError);

impl crate::model::Problem for AskedArtifact {
    fn code(&self) -> &'static str {
        "no-artifact"
    }

    fn exit(&self) -> crate::model::Exit {
        crate::model::Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(
            "an artifact looks like oci://registry.example.com/my-app-config, https://charts.example.com#my-chart or \
             https://github.com/acme/my-app"
                .to_owned(),
        )
    }
}
