//! What an environment runs: what its pin says or its range selects.

use jiff::Timestamp;

use super::inquiry::{Found, Inquiry};
use super::question::{Selected, Selector};

use crate::constraint::{self, Constraint, Filter, IndexEntry, Selection, Spelling};
use crate::model::{
    Artifact, Choice, Chosen, Digest, Failure, FieldName, Place, Reason, ReasonCode, Source, SourceKind, Tag, Version,
};

/// What a source chooses now.
pub(super) enum Running<'a> {
    /// A pin says so.
    Pinned(Chosen),
    /// A range selects it among all tags.
    Selected(Chosen),
    /// It is known that nothing is chosen, or that it can't be told.
    Nothing(Reason),
    /// The registry could not be read.
    Failed(&'a Failure, Reason),
}

impl Running<'_> {
    /// Returns the chosen version, if there is one.
    pub(super) fn chosen(&self) -> Option<&Chosen> {
        match self {
            Self::Pinned(chosen) | Self::Selected(chosen) => Some(chosen),
            Self::Nothing(_) | Self::Failed(..) => None,
        }
    }
}

/// Returns where the reference's deciding value is written.
pub(super) fn place_of(source: &Source) -> Option<Place> {
    let field = match &source.choice {
        Choice::Pin { field, .. } | Choice::Range { field, .. } => Some(*field),
        Choice::Floating { field, .. } => *field,
        Choice::Unknown(unknown) => return unknown.place.clone(),
    };
    let value = field.and_then(|field| source.reference.field(field))?;
    value.deciding_slot().map(|slot| slot.place.clone())
}

/// Returns what a source chooses now; none while a question is open.
pub(super) fn running<'a>(source: &Source, inquiry: &Inquiry<'a>) -> Option<Running<'a>> {
    let nothing = |code, message: String| Some(Running::Nothing(Reason { code, message, place: place_of(source) }));
    match &source.choice {
        Choice::Pin { version: None, digest: Some(digest), .. } => pinned_digest(source, digest, inquiry),
        Choice::Pin { tag, version, digest, .. } => {
            Some(Running::Pinned(Chosen { tag: tag.clone(), version: version.clone(), digest: digest.clone() }))
        }
        Choice::Floating { text, field } => {
            let environment = &source.environment;
            let message = match field {
                Some(FieldName::Branch | FieldName::Commit | FieldName::Name) => {
                    format!("{environment} follows `{text}`, which is no version")
                }
                Some(_) => format!("{environment} follows the tag `{text}`, which is no version"),
                None => format!("{environment} names no version: Flux takes `{text}`"),
            };
            nothing(ReasonCode::Floating, message)
        }
        Choice::Unknown(unknown) => nothing(ReasonCode::VersionUnknown, unknown.message.clone()),
        Choice::Range { constraint, filter, .. } => selected(source, constraint, filter.as_deref(), inquiry),
    }
}

/// What the artifact says of itself: its version, or the tag before the commit that Flux writes as its revision.
const SAID: [&str; 2] = ["org.opencontainers.image.version", "org.opencontainers.image.revision"];

/// Returns what a digest alone pins: the version is what the artifact's annotations say, if they say one.
fn pinned_digest<'a>(source: &Source, digest: &Digest, inquiry: &Inquiry<'a>) -> Option<Running<'a>> {
    let found = source.artifact.as_ref().ok().map(|artifact| inquiry.manifest(artifact, &digest.to_string()));
    let facts = match found {
        Some(found) => match found? {
            Found::Yes(facts) => Some(facts),
            Found::Failed(failure) if failure.code != Failure::OFFLINE => {
                let (code, place) = (ReasonCode::RegistryUnreadable, place_of(source));
                let message = format!("which version {} pins can't be told: {}", source.environment, failure.message);
                return Some(Running::Failed(failure, Reason { code, message, place }));
            }
            Found::No | Found::Failed(_) => None,
        },
        None => None,
    };
    let said = facts.into_iter().flat_map(|facts| SAID.iter().filter_map(|key| facts.annotations.get(*key)));
    let mut tags = said.filter_map(|text| text.split('@').next()?.replace('+', "_").parse::<Tag>().ok());
    let known = tags.find_map(|tag| Some((version_of(source, &tag)?, tag)));
    let (version, tag) = known.map_or((None, None), |(version, tag)| (Some(version), Some(tag)));
    Some(Running::Pinned(Chosen { tag, version, digest: Some(digest.clone()) }))
}

/// Returns what a range selects among all tags.
fn selected<'a>(source: &Source, constraint: &str, filter: Option<&str>, inquiry: &Inquiry<'a>) -> Option<Running<'a>> {
    let reason = |code, message: String| Reason { code, message, place: place_of(source) };
    let artifact = match &source.artifact {
        Ok(artifact) => artifact,
        Err(unknown) => return Some(Running::Nothing(reason(ReasonCode::ArtifactUnknown, unknown.message.clone()))),
    };
    let tags = match inquiry.tags(artifact)? {
        Ok(tags) => tags,
        Err(failure) => {
            let message = format!("what {} runs can't be told: {}", source.environment, failure.message);
            return Some(Running::Failed(failure, reason(ReasonCode::RegistryUnreadable, message)));
        }
    };
    let selector = Selector {
        artifact: artifact.clone(),
        kind: source.id.kind,
        helm_layer: source.helm_layer,
        constraint: constraint.to_owned(),
        filter: filter.map(str::to_owned),
    };
    let among = || {
        let Selection { selected, tied, .. } = select(source, tags, constraint, filter)?;
        Ok(Selected { tag: selected, tied })
    };
    let selection = match inquiry.selected(selector, among) {
        Ok(selection) => selection,
        Err(message) => return Some(Running::Nothing(reason(ReasonCode::VersionUnknown, message))),
    };
    if selection.tied.is_empty() {
        if let Some(Err(error)) = selection.tag.as_deref().map(str::parse::<Tag>) {
            let message = format!("what `{constraint}` selects can't be written as a tag: {error}");
            return Some(Running::Nothing(reason(ReasonCode::VersionUnknown, message)));
        }
        return Some(match selection.tag.and_then(|tag| tag.parse::<Tag>().ok()) {
            Some(tag) => Running::Selected(Chosen { version: version_of(source, &tag), tag: Some(tag), digest: None }),
            None => {
                let message = format!("`{constraint}` selects none of the {} tags of {artifact}", tags.len());
                Running::Nothing(reason(ReasonCode::VersionUnknown, message))
            }
        });
    }
    tied(source, artifact, &selection.tied, inquiry, &reason)
}

/// Tags of equal precedence are one version only if their content is one.
fn tied<'a>(
    source: &Source,
    artifact: &Artifact,
    tags: &[String],
    inquiry: &Inquiry<'a>,
    reason: &dyn Fn(ReasonCode, String) -> Reason,
) -> Option<Running<'a>> {
    let looked_up: Vec<_> = tags.iter().map(|tag| inquiry.manifest(artifact, tag)).collect();
    let mut digests = Vec::new();
    for found in looked_up {
        match found? {
            Found::Yes(facts) => digests.push(&facts.digest),
            Found::No => {}
            Found::Failed(failure) => {
                let message = format!("what {} runs can't be told: {}", source.environment, failure.message);
                return Some(Running::Failed(failure, reason(ReasonCode::RegistryUnreadable, message)));
            }
        }
    }
    let equal = digests.len() == tags.len() && digests.windows(2).all(|pair| pair.first() == pair.last());
    Some(match tags.first().and_then(|tag| tag.parse::<Tag>().ok()) {
        Some(tag) if equal => Running::Selected(Chosen {
            version: version_of(source, &tag),
            tag: Some(tag),
            digest: digests.first().map(|digest| (*digest).clone()),
        }),
        _ => {
            let names = tags.iter().map(|tag| format!("`{tag}`")).collect::<Vec<_>>().join(", ");
            let message = match artifact {
                Artifact::Git { .. } => format!(
                    "{names} tie and name different commits: Flux takes the younger one, which only a fetch could tell"
                ),
                _ => format!("{names} tie with different content: which one Flux takes hangs on the registry's order"),
            };
            Running::Nothing(reason(ReasonCode::AmbiguousTags, message))
        }
    })
}

/// Returns the version in a tag as the source's kind reads it.
pub(super) fn version_of(source: &Source, tag: &Tag) -> Option<Version> {
    if is_chart(source) { Version::parse_flux(&tag.as_str().replace('_', "+")).ok() } else { tag.version().cloned() }
}

fn is_chart(source: &Source) -> bool {
    source.helm_layer || matches!(source.id.kind, SourceKind::HelmRelease | SourceKind::HelmChart)
}

/// Selects as Flux does for the source's kind; the error says what Flux would reject.
pub(super) fn select(
    source: &Source,
    tags: &[String],
    constraint: &str,
    filter: Option<&str>,
) -> Result<Selection, String> {
    let range = || constraint.parse::<Constraint>().map_err(|error| error.to_string());
    match (source.id.kind, &source.artifact) {
        (SourceKind::HelmRelease | SourceKind::HelmChart, Ok(Artifact::HelmChart { .. })) => {
            let entry = |tag: &String| IndexEntry { version: tag.clone(), created: None };
            let entries: Vec<IndexEntry> = tags.iter().map(entry).collect();
            constraint::select_indexed(&entries, constraint).map_err(|error| error.to_string())
        }
        (SourceKind::HelmRelease | SourceKind::HelmChart, _) => Ok(constraint::select_chart(tags, &range()?)),
        (SourceKind::GitRepository, _) => {
            let tags: Vec<(&String, Option<Timestamp>)> = tags.iter().map(|tag| (tag, None)).collect();
            Ok(constraint::select_git(&tags, &range()?))
        }
        _ => {
            let filter = filter.map(str::parse::<Filter>).transpose().map_err(|error| error.to_string())?;
            let spelling = if source.helm_layer { Spelling::HelmChart } else { Spelling::Verbatim };
            Ok(constraint::select(tags, &range()?, filter.as_ref(), spelling))
        }
    }
}
