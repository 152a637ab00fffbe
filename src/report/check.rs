//! A check's answers for people: what is wrong first, what is well only counted.

use std::collections::BTreeMap;

use super::columns::{columns, counted};
use crate::model::{CheckResult, Level};

/// Returns what was judged, then a line for each answer, also for those that are well.
pub fn judgement(heading: &str, results: &[CheckResult]) -> String {
    let rows = results.iter().map(|result| {
        let place = result.place.as_ref().map(ToString::to_string).unwrap_or_default();
        vec![word(result.level).to_owned(), result.message.clone(), place]
    });
    format!("{heading}\n{}", columns(rows, 2))
}

/// Returns a line for each answer that isn't well, then how many are. What one error keeps from being told stands in
/// one line.
pub fn render(results: &[CheckResult]) -> String {
    let told = results.iter().filter(|result| result.level != Level::Ok && result.failure.is_none());
    let row = |result: &CheckResult| {
        let place = result.place.as_ref().map(ToString::to_string);
        [Some(word(result.level).to_owned()), place, Some(result.message.clone())].into_iter().flatten().collect()
    };
    let (placed, lone): (Vec<&CheckResult>, Vec<_>) = told.partition(|result| result.place.is_some());
    let mut text = columns(placed.into_iter().map(row), 0);
    text.extend(unread(results));
    text.push_str(&columns(lone.into_iter().map(row), 0));
    let well = results.iter().filter(|result| result.level == Level::Ok).count();
    if well > 0 {
        text.push_str(&format!("ok     {} in the registry   -o json tells each\n", counted(well, "pin")));
    }
    if text.is_empty() { "there is no pin to check\n".to_owned() } else { text }
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Ok => "ok",
        Level::Warning => "warn",
        Level::Error => "FAIL",
    }
}

/// What could not be read, by error, with the apps that hang on it.
fn unread(results: &[CheckResult]) -> Vec<String> {
    const FEW: usize = 3;
    let mut errors: BTreeMap<&str, (Option<&str>, Vec<String>)> = BTreeMap::new();
    for result in results {
        let Some(failure) = &result.failure else { continue };
        let (hint, apps) = errors.entry(&failure.message).or_default();
        *hint = failure.hint.as_deref();
        if let Some((app, environment)) = &result.app {
            apps.push(format!("{app} in {environment}"));
        }
    }
    let line = |(message, (hint, apps)): (&str, (Option<&str>, Vec<String>))| {
        let named = apps.iter().take(FEW).cloned().collect::<Vec<_>>().join(", ");
        let more = apps.len().saturating_sub(FEW);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let hint = hint.map_or_else(String::new, |hint| format!("       help: {hint}\n"));
        format!("FAIL   can't tell for {named}{more}: {message}\n{hint}")
    };
    errors.into_iter().map(line).collect()
}
