//! Ranges that the Flux of this repository reads otherwise than today's.

use std::collections::BTreeMap;

use super::running::{place_of, select};
use super::{Answer, Answers, Question};
use crate::constraint::Flux;
use crate::model::{Choice, EnvironmentName, Finding, FindingCode, Inventory};

/// Returns a finding for each range for which the environment's own, older Flux would choose another tag.
///
/// `releases` holds the minor number of Flux 2 by environment, as far as it is known. Only tags that were listed for
/// the plan are looked at: nothing more is asked.
pub fn older_choices(
    inventory: &Inventory,
    releases: &BTreeMap<EnvironmentName, u64>,
    answers: &Answers,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in &inventory.sources {
        let Some(minor) = releases.get(&source.environment).copied() else { continue };
        let (Choice::Range { constraint, filter, .. }, Ok(artifact)) = (&source.choice, &source.artifact) else {
            continue;
        };
        let Some(Answer::Tags(tags)) = answers.to(&Question::Tags(artifact.clone())) else { continue };
        let Ok(selection) = select(source, tags, constraint, filter.as_deref()) else { continue };
        if selection.differs_in(Flux { minor }) {
            let environment = &source.environment;
            let message = format!(
                "`{constraint}` of {} in {environment} means something else to its Flux 2.{minor} than to Flux 2.9",
                source.app
            );
            findings.push(Finding { code: FindingCode::OlderFlux, message, place: place_of(source) });
        }
    }
    findings
}
