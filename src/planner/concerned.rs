//! Which apps an event concerns: the artifact is theirs, or the object, or the name.

use std::collections::BTreeSet;

use super::asked::{AskError, app_named};
use crate::model::{AppName, Artifact, Inventory, Mention, Source};

/// The apps to look at because of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Concerned {
    /// The event doesn't tell.
    All,
    /// These, and it tells of no other.
    Only(BTreeSet<AppName>),
}

/// Returns the apps that an event concerns.
pub fn concerned(inventory: &Inventory, mentions: &[Mention]) -> Concerned {
    if mentions.is_empty() {
        return Concerned::All;
    }
    let mut apps = BTreeSet::new();
    for mention in mentions {
        let meant: BTreeSet<AppName> = match mention {
            // A word that means several apps concerns all of them.
            Mention::App(word) => match app_named(inventory, word) {
                Ok(app) => BTreeSet::from([app]),
                Err(AskError::AmbiguousApp { meant, .. }) => {
                    meant.iter().filter_map(|name| name.parse().ok()).collect()
                }
                Err(_) => BTreeSet::new(),
            },
            mention => inventory
                .sources
                .iter()
                .filter(|source| is_of(source, mention))
                .map(|source| source.app.clone())
                .collect(),
        };
        // What such an object applies isn't told by its name alone.
        if meant.is_empty() && matches!(mention, Mention::Object { kind, .. } if kind == "Kustomization") {
            return Concerned::All;
        }
        apps.extend(meant);
    }
    Concerned::Only(apps)
}

fn is_of(source: &Source, mention: &Mention) -> bool {
    match mention {
        Mention::App(_) => false,
        Mention::Object { kind, namespace, name } => {
            let is_there =
                |known: &Option<String>| known.is_none() || namespace.is_none() || known.as_ref() == namespace.as_ref();
            let is_kind = kind == "Kustomization" || source.id.kind.as_str() == kind;
            is_kind && source.id.name == *name && is_there(&source.id.namespace)
        }
        Mention::Repository(path) => match &source.artifact {
            Ok(Artifact::Oci(repository)) => {
                let known = repository.repository();
                known == path || known.strip_suffix(path.as_str()).is_some_and(|before| before.ends_with('/'))
            }
            Ok(Artifact::HelmChart { chart, .. }) => path.rsplit('/').next() == Some(chart),
            Ok(Artifact::Git { .. }) | Err(_) => false,
        },
    }
}
