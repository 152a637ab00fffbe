//! Which app, environment or stage a word on the command line means.

use std::collections::BTreeSet;

use crate::model::{AppName, EnvironmentName, Exit, Inventory, Problem, Stages, Version};

/// So many apps are listed where one that is unknown was asked for.
const FEW: usize = 10;

/// Why a word means nothing, or more than one thing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AskError {
    /// No app is called so.
    #[error("there is no app `{asked}`")]
    UnknownApp {
        /// The word.
        asked: String,
        /// Names that are near to it.
        nearest: Vec<String>,
        /// All names, if they are few.
        known: Vec<String>,
    },
    /// Several apps are called so.
    #[error("`{asked}` means more than one app: {}", meant.join(", "))]
    AmbiguousApp {
        /// The word.
        asked: String,
        /// The apps, each by a word that means it alone.
        meant: Vec<String>,
    },
    /// No environment and no stage is called so.
    #[error("there is no environment or stage `{asked}`")]
    UnknownEnvironment {
        /// The word.
        asked: String,
        /// Those that exist.
        known: Vec<String>,
    },
}

impl Problem for AskError {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownApp { .. } => "unknown-app",
            Self::AmbiguousApp { .. } => "ambiguous-app",
            Self::UnknownEnvironment { .. } => "unknown-environment",
        }
    }

    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownApp { nearest, .. } if !nearest.is_empty() => {
                Some(format!("did you mean {}?", quoted(nearest, " or ")))
            }
            Self::UnknownApp { known, .. } if !known.is_empty() => {
                let verb = if known.len() == 1 { "is" } else { "are" };
                Some(format!("there {verb} {}", quoted(known, ", ")))
            }
            Self::UnknownApp { .. } => Some("promote pins --all lists every version that is written here".to_owned()),
            Self::AmbiguousApp { meant, .. } => meant.first().map(|first| format!("say which: promote {first} ...")),
            Self::UnknownEnvironment { known, .. } => Some(format!("there are {}", quoted(known, ", "))),
        }
    }
}

fn quoted(names: &[String], separator: &str) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(separator)
}

/// Returns every app of the inventory, by name.
pub fn apps(inventory: &Inventory) -> Vec<AppName> {
    let names: BTreeSet<&AppName> = inventory.sources.iter().map(|source| &source.app).collect();
    names.into_iter().cloned().collect()
}

/// Returns the app that `asked` means: an app's name, `namespace/name`, the last segment of its artifact, or the artifact.
///
/// # Errors
/// [`AskError`] if there is none, or several.
pub fn app_named(inventory: &Inventory, asked: &str) -> Result<AppName, AskError> {
    let meaning = |means: &dyn Fn(&crate::model::Source) -> bool| -> BTreeSet<&AppName> {
        inventory.sources.iter().filter(|source| means(source)).map(|source| &source.app).collect()
    };
    let artifact_is = |text: &str| {
        let text = text.trim_end_matches('/').to_owned();
        move |source: &crate::model::Source| source.artifact.as_ref().is_ok_and(|artifact| artifact.to_string() == text)
    };
    let namespaced = |source: &crate::model::Source| {
        asked.split_once('/').is_some_and(|(namespace, name)| {
            source.id.namespace.as_deref() == Some(namespace) && (source.id.name == name || source.app.as_str() == name)
        })
    };
    let last_segment =
        |source: &crate::model::Source| source.artifact.as_ref().is_ok_and(|artifact| artifact.last_segment() == asked);
    // The first way of reading the word that means anything is its meaning.
    let readings: [BTreeSet<&AppName>; 4] = [
        meaning(&|source| source.app.as_str() == asked),
        meaning(&artifact_is(asked)),
        meaning(&namespaced),
        meaning(&last_segment),
    ];
    let meant = readings.into_iter().find(|apps| !apps.is_empty()).unwrap_or_default();
    let mut meant = meant.into_iter();
    match (meant.next(), meant.len()) {
        (Some(app), 0) => Ok(app.clone()),
        (Some(first), _) => {
            let meant = std::iter::once(first).chain(meant).map(ToString::to_string).collect();
            Err(AskError::AmbiguousApp { asked: asked.to_owned(), meant })
        }
        (None, _) => {
            let all = apps(inventory);
            let known = if all.len() <= FEW { all.iter().map(ToString::to_string).collect() } else { Vec::new() };
            Err(AskError::UnknownApp { asked: asked.to_owned(), nearest: nearest(asked, &all), known })
        }
    }
}

/// Returns the environments that each word means: an environment, or all of a stage.
///
/// # Errors
/// [`AskError::UnknownEnvironment`] for a word that means neither.
pub fn environments_named(stages: &Stages, asked: &[String]) -> Result<BTreeSet<EnvironmentName>, AskError> {
    let mut names = BTreeSet::new();
    for word in asked {
        let named = word.parse().map(|name| stages.named(&name)).unwrap_or_default();
        if named.is_empty() {
            let mut known: Vec<String> =
                stages.environments().map(|environment| environment.name.to_string()).collect();
            for stage in stages.stages.iter().map(|stage| stage.name.to_string()) {
                if !known.contains(&stage) {
                    known.push(stage);
                }
            }
            return Err(AskError::UnknownEnvironment { asked: word.clone(), known });
        }
        names.extend(named.into_iter().map(|environment| environment.name.clone()));
    }
    Ok(names)
}

/// Returns up to three names that are near to a word.
fn nearest(asked: &str, apps: &[AppName]) -> Vec<String> {
    let mut scored: Vec<(f64, &AppName)> = apps
        .iter()
        .map(|app| (strsim::jaro_winkler(asked, app.as_str()), app))
        .filter(|(score, _)| *score > 0.75)
        .collect();
    scored.sort_by(|one, two| two.0.total_cmp(&one.0));
    scored.into_iter().take(3).map(|(_, app)| app.to_string()).collect()
}

/// Returns up to three tags that are near to a version that doesn't exist; of those equally near the newest.
pub fn nearest_tags(asked: &str, tags: &[String]) -> Vec<String> {
    let bare = asked.trim_start_matches('v');
    let mut scored: Vec<(f64, &String)> =
        tags.iter().map(|tag| (strsim::jaro_winkler(bare, tag.trim_start_matches('v')), tag)).collect();
    scored.retain(|(score, _)| *score > 0.7);
    let version = |tag: &String| Version::parse_flux(tag).ok();
    scored.sort_by(|one, two| {
        let newest_first = match (version(one.1), version(two.1)) {
            (Some(this), Some(that)) => that.precedence(&this),
            (this, that) => that.is_some().cmp(&this.is_some()),
        };
        two.0.total_cmp(&one.0).then(newest_first)
    });
    scored.into_iter().take(3).map(|(_, tag)| tag.clone()).collect()
}
