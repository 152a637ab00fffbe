//! What the trailers of commits record of a pin: the version behind a digest, and the content that was approved.

use super::reading::Reading;
use super::session::Session;
use crate::git::{Told, Touch, Wanted};
use crate::model::{
    AppName, Choice, Digest, EnvironmentName, FieldName, Finding, FindingCode, Inventory, Source, Tag, Version,
};

/// What a commit recorded of one promotion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// `Promote-To`.
    pub to: Tag,
    /// `Promote-Digest`, where the registry was asked for it.
    pub digest: Option<Digest>,
}

impl Recorded {
    /// Returns what a commit, or what it merged, recorded of an app in an environment; the newest that `fits`.
    pub fn of(
        touch: &Touch,
        app: &AppName,
        environment: &EnvironmentName,
        fits: impl Fn(&Self) -> bool,
    ) -> Option<Self> {
        let told = std::iter::once(&touch.commit).chain(&touch.merged);
        told.flat_map(Told::trailers).find_map(|block| Self::in_block(&block, app, environment).filter(&fits))
    }

    fn in_block(block: &[(String, String)], app: &AppName, environment: &EnvironmentName) -> Option<Self> {
        let values = |wanted: &'static str| {
            let named = block.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(wanted));
            named.map(|(_, value)| value.as_str())
        };
        let is_ours = values("Promote-App").any(|value| value == app.as_str())
            && values("Promote-Environment").any(|value| value == environment.as_str());
        let to = values("Promote-To").next()?.parse().ok().filter(|_| is_ours)?;
        Some(Self { to, digest: values("Promote-Digest").next().and_then(Digest::recorded) })
    }
}

/// Gives each pin of a digest alone the version that the commit which wrote it recorded.
///
/// What can't be read is a finding; the version stays unknown.
pub async fn recall(session: &Session, reading: &mut Reading) {
    let lone: Vec<usize> =
        (0..).zip(&reading.inventory.sources).filter_map(|(at, one)| lone_digest(one).and(Some(at))).collect();
    let wanted: Vec<(Wanted, AppName, EnvironmentName, Digest)> = lone
        .iter()
        .filter_map(|at| reading.inventory.sources.get(*at))
        .filter_map(|source| {
            let digest = lone_digest(source)?.clone();
            let field = if digest.is_commit() { FieldName::Commit } else { FieldName::Digest };
            let value = source.reference.field(field)?;
            let wanted =
                Wanted { path: value.deciding_slot()?.path().clone(), text: value.text.as_ref().ok()?.clone() };
            Some((wanted, source.app.clone(), source.environment.clone(), digest))
        })
        .collect();
    let recorded = |at: usize, touch: &Touch| {
        let (_, app, environment, digest) = wanted.get(at)?;
        Recorded::of(touch, app, environment, |recorded| recorded.digest.as_ref() == Some(digest))
    };
    let texts: Vec<Wanted> = wanted.iter().map(|(wanted, ..)| wanted.clone()).collect();
    match reading.writers(session, &texts, &|at, touch| recorded(at, touch).is_some()).await {
        Ok(touches) => {
            for (at, touch) in touches.iter().enumerate() {
                let found = touch.as_ref().and_then(|touch| recorded(at, touch));
                if let (Some(found), Some((_, app, environment, digest))) = (found, wanted.get(at)) {
                    remember(&mut reading.inventory, (app, environment, digest), &found.to);
                }
            }
        }
        Err(fault) => {
            let message = format!("which version a pinned digest is can't be told: {}", fault.problem());
            reading.findings.push(Finding { code: FindingCode::HistoryUnread, message, place: None });
        }
    }
}

/// Returns the digest of a pin that says nothing else.
fn lone_digest(source: &Source) -> Option<&Digest> {
    match &source.choice {
        Choice::Pin { version: None, digest: Some(digest), .. } => Some(digest),
        _ => None,
    }
}

/// Gives each pin of a digest alone that a commit recorded the version that it recorded.
pub fn remember(
    inventory: &mut Inventory,
    (app, environment, wanted): (&AppName, &EnvironmentName, &Digest),
    to: &Tag,
) {
    for source in &mut inventory.sources {
        let is_it = source.app == *app && source.environment == *environment && lone_digest(source) == Some(wanted);
        if let (true, Choice::Pin { tag, version, .. }) = (is_it, &mut source.choice) {
            // Helm charts write `+` as `_` in tags.
            let spelled = if source.helm_layer { to.as_str().replace('_', "+") } else { to.to_string() };
            *version = Version::parse_flux(&spelled).ok();
            *tag = Some(to.clone());
        }
    }
}
