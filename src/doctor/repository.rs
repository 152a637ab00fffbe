//! What is odd in the repository: first what stands where production is decided.

use std::collections::BTreeSet;

use super::targets::{Target, production};
use crate::inventory::is_production;
use crate::model::{Check, Choice, Finding, FindingCode, Inventory, Order, RepoPath, Stages, Subject};

/// How many findings are shown one by one.
const SHOWN: usize = 10;

/// Whether there is a `promote.yaml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Configured {
    /// There is one.
    Yes,
    /// There is none: all is found and guessed.
    No,
}

/// Judges what was found in the repository.
pub fn repository(
    inventory: &Inventory,
    stages: &Stages,
    targets: &[Target],
    more: &[Finding],
    configured: Configured,
) -> Vec<Check> {
    let mut checks = Vec::new();
    checks.extend(order(stages, configured));
    let findings: Vec<&Finding> = inventory.findings.iter().chain(more).filter(|one| !is_news(one)).collect();
    let files = production_files(inventory, stages, targets);
    let (mut now, later): (Vec<&Finding>, Vec<&Finding>) =
        findings.iter().partition(|finding| matters(finding, &files));
    now.sort_by_key(|finding| finding.place.clone());
    if findings.is_empty() {
        let noun = if targets.len() == 1 { "place decides a version" } else { "places decide versions" };
        checks.push(Check::ok(Subject::Repository, format!("no findings; {} {noun}", targets.len())));
        return checks;
    }
    let noun = if findings.len() == 1 { "finding" } else { "findings" };
    let number = findings.len();
    let message = match now.len() {
        0 => format!("{number} {noun}, none where production is decided"),
        1 => format!("{number} {noun}, 1 matters now"),
        count => format!("{number} {noun}, {count} matter now"),
    };
    let summary = if now.is_empty() {
        Check::ok(Subject::Repository, message)
    } else {
        Check::warning(Subject::Repository, message)
    };
    checks.push(summary.help("promote pins --all shows every one"));
    for finding in now.iter().take(SHOWN) {
        let check = Check::warning(Subject::Repository, finding.message.clone());
        checks.push(finding.place.iter().fold(check, |check, place| check.at(place)));
    }
    if now.len() > SHOWN {
        checks.push(Check::warning(Subject::Repository, format!("and {} more like these", now.len() - SHOWN)));
    }
    checks.extend(counts(&later));
    checks
}

/// Puts the findings that stand where production is decided before all others: people read the first ones.
pub fn production_first(inventory: &mut Inventory, stages: &Stages) {
    let files = production_files(inventory, stages, &[]);
    let later: Vec<bool> = inventory.findings.iter().map(|finding| !matters(finding, &files)).collect();
    let mut findings: Vec<(bool, Finding)> = later.into_iter().zip(std::mem::take(&mut inventory.findings)).collect();
    findings.sort_by_key(|(later, _)| *later);
    inventory.findings = findings.into_iter().map(|(_, finding)| finding).collect();
}

fn order(stages: &Stages, configured: Configured) -> Option<Check> {
    let names = stages.stages.iter().map(|stage| stage.name.as_str()).collect::<Vec<_>>().join(", ");
    let message = match (configured, stages.order) {
        (Configured::Yes, _) | (Configured::No, Order::Configured) => return None,
        (Configured::No, Order::Guessed) => format!("no promote.yaml: the order {names} is a guess from their names"),
        (Configured::No, Order::Unknown) => {
            "no promote.yaml, and no order of environments is known: only `--to` promotes".to_owned()
        }
    };
    let help = "promote init writes it down; put the order right and commit it";
    Some(Check::warning(Subject::Repository, message).help(help))
}

/// What other checks say, or what is as it is meant to be.
fn is_news(finding: &Finding) -> bool {
    matches!(finding.code, FindingCode::GuessedOrder | FindingCode::OwnedByAutomation | FindingCode::BaseUnprotected)
}

/// The files in which production is decided, or that keep it from being told.
fn production_files<'a>(inventory: &'a Inventory, stages: &Stages, targets: &'a [Target]) -> BTreeSet<&'a RepoPath> {
    let production = production(stages);
    let mut files: BTreeSet<&RepoPath> =
        targets.iter().filter(|target| target.in_production).map(Target::path).collect();
    for source in inventory.sources.iter().filter(|source| production.contains(&source.environment)) {
        let slots = source.reference.fields.iter().flat_map(|(_, value)| &value.chain);
        files.extend(slots.map(|slot| slot.path()));
        let why = match (&source.choice, &source.artifact) {
            (Choice::Unknown(why), _) | (_, Err(why)) => why.place.as_ref(),
            _ => None,
        };
        files.extend(why.map(|place| &place.path));
    }
    files
}

fn matters(finding: &Finding, files: &BTreeSet<&RepoPath>) -> bool {
    let Some(place) = &finding.place else { return true };
    match finding.code {
        // What moves together is often meant to.
        FindingCode::SharedSlot => false,
        // Somebody will edit it, and wonder.
        FindingCode::UnreachedFile => is_production(place.path.as_str()),
        _ => files.contains(&place.path),
    }
}

/// The rest, by kind.
fn counts(findings: &[&Finding]) -> Option<Check> {
    let codes: BTreeSet<FindingCode> = findings.iter().map(|finding| finding.code).collect();
    let count = |code: FindingCode| findings.iter().filter(|finding| finding.code == code).count();
    let mut counted: Vec<(usize, &str)> = codes.into_iter().map(|code| (count(code), code.as_str())).collect();
    counted.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let texts: Vec<String> = counted.iter().map(|(count, code)| format!("{code} {count}")).collect();
    (!texts.is_empty()).then(|| Check::ok(Subject::Repository, format!("elsewhere: {}", texts.join(", "))))
}
