//! Which app each source belongs to.

use std::collections::HashMap;

use super::words::{Rank, without_environment};
use crate::model::{AppDefinition, AppName, AppPart, Artifact, EnvironmentName, Source, SourceKind};

/// Gives every source its app: what `apps:` says, else its name and artifact.
pub(super) fn name_apps(sources: &mut [Source], definitions: &[AppDefinition]) {
    let mut ranks: HashMap<&EnvironmentName, Option<Rank>> = HashMap::new();
    let mut names: Vec<&str> = Vec::with_capacity(sources.len());
    for Source { id, environment, .. } in sources.iter() {
        let rank = *ranks.entry(environment).or_insert_with(|| Rank::of_name(environment.as_str()));
        names.push(without_environment(&id.name, environment.as_str(), rank));
    }
    let defined: Vec<Option<AppName>> =
        sources.iter().zip(&names).map(|(source, name)| definition(source, name, definitions)).collect();
    let keys: Vec<(String, String)> = sources.iter().zip(&names).map(|(source, name)| key(source, name)).collect();
    let mut artifacts: HashMap<&str, Vec<&str>> = HashMap::new();
    for ((name, artifact), defined) in keys.iter().zip(&defined) {
        let known = artifacts.entry(name).or_default();
        if defined.is_none() && !artifact.is_empty() && !known.contains(&artifact.as_str()) {
            known.push(artifact);
        }
    }
    let names: Vec<String> = keys
        .iter()
        .map(|(name, artifact)| {
            // A definition without an artifact is about the app of that name, whatever it is.
            let claims = |definition: &AppDefinition| definition.name.as_str() == name && !definition.parts.is_empty();
            let taken = definitions.iter().any(claims);
            let artifacts = artifacts.get(name.as_str()).map(Vec::as_slice).unwrap_or_default();
            // A source whose artifact can't be told joins the only app of its name.
            match artifacts.len() {
                0 | 1 if !taken => name.clone(),
                _ if artifact.is_empty() => format!("{name} (unknown)"),
                _ => format!("{name} ({artifact})"),
            }
        })
        .collect();
    for ((source, defined), name) in sources.iter_mut().zip(defined).zip(names) {
        source.app = defined.or_else(|| name.parse().ok()).unwrap_or_else(AppName::nameless);
    }
}

/// The name without its environment, and the artifact without its host; empty if it can't be told.
fn key(source: &Source, name: &str) -> (String, String) {
    let artifact = match &source.artifact {
        Ok(Artifact::Oci(oci)) => oci.repository().to_owned(),
        Ok(Artifact::HelmChart { chart, .. }) => format!("#{chart}"),
        Ok(Artifact::Git { url }) => url.clone(),
        Err(_) => String::new(),
    };
    let name = match source.id.kind {
        // An image is an app of its own, by its full name.
        SourceKind::Image => source.id.name.as_str(),
        _ => name,
    };
    (name.to_owned(), artifact)
}

/// Returns the app whose definition names the source's artifact.
fn definition(source: &Source, name: &str, definitions: &[AppDefinition]) -> Option<AppName> {
    let artifact = source.artifact.as_ref().ok();
    let holds =
        |definition: &&AppDefinition| definition.parts.iter().any(|part| is_part(source, artifact, part, false));
    let exact = definitions.iter().find(holds);
    // Where production pulls from another host, the name tells that it is the same app.
    let by_name = || {
        definitions.iter().find(|definition| {
            definition.name.as_str() == name
                && definition.parts.iter().any(|part| is_part(source, artifact, part, true))
        })
    };
    exact.or_else(by_name).map(|definition| definition.name.clone())
}

/// Tells whether two sources of one app are the same part of it: what the one runs is evidence for the other.
pub fn same_part(definition: Option<&AppDefinition>, one: &Source, other: &Source) -> bool {
    if (one.id.kind == SourceKind::Image) != (other.id.kind == SourceKind::Image) {
        return false;
    }
    match (&one.artifact, &other.artifact) {
        (Ok(here), Ok(there)) if here == there || here.is_same_but_for_host(there) => true,
        (Ok(here), Ok(there)) => definition.is_some_and(|definition| {
            let mut parts = definition.parts.iter();
            parts.any(|part| is_part(one, Some(here), part, true) && is_part(other, Some(there), part, true))
        }),
        // Where one of them can't be told, they may be: what is unknown stays so.
        _ => true,
    }
}

fn is_part(source: &Source, artifact: Option<&Artifact>, part: &AppPart, any_host: bool) -> bool {
    let same = |wanted: &Artifact| {
        artifact.is_some_and(|artifact| artifact == wanted || any_host && artifact.is_same_but_for_host(wanted))
    };
    let here = |environment: &EnvironmentName| *environment == source.environment;
    match part {
        AppPart::Everywhere(wanted) => source.id.kind != SourceKind::Image && same(wanted),
        AppPart::PerEnvironment(parts) => parts.iter().any(|(environment, wanted)| here(environment) && same(wanted)),
        AppPart::Image(wanted) => source.id.kind == SourceKind::Image && same(wanted),
    }
}
