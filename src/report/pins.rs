//! The inventory for people: every slot, what it decides, and what is odd.

use super::columns::columns;
use crate::model::{Finding, Inventory, WrittenValue};

/// Returns a line for each of `written`, then the findings.
pub fn render<'a>(inventory: &Inventory, written: impl Iterator<Item = &'a WrittenValue>) -> String {
    let mut rows = vec![vec!["WHERE".to_owned(), "VALUE".to_owned(), "FIELD".to_owned(), "DECIDES".to_owned()]];
    rows.extend(written.map(|written| {
        vec![written.slot.place.to_string(), written.text.clone(), written.field.clone(), decides(inventory, written)]
    }));
    let mut text = if rows.len() == 1 { "no version is written here\n".to_owned() } else { columns(rows, 0) };
    if !inventory.findings.is_empty() {
        text.push('\n');
        text.push_str(&findings(&inventory.findings));
    }
    text
}

fn decides(inventory: &Inventory, written: &WrittenValue) -> String {
    if let Some(shadow) = &written.shadowed_by {
        return format!("nothing: shadowed by {}:{}", shadow.path, shadow.line);
    }
    let mut decided: Vec<String> = Vec::new();
    for source in written.decides.iter().filter_map(|(index, _)| inventory.sources.get(*index)) {
        let word = format!("{} in {}", source.app, source.environment);
        if !decided.contains(&word) {
            decided.push(word);
        }
    }
    match (decided.as_slice(), written.environments.as_slice()) {
        ([], []) => "nothing: no environment reaches it".to_owned(),
        ([], _) => "nothing".to_owned(),
        (decided, _) => decided.join(", "),
    }
}

/// Returns a line for each finding, with its place.
pub fn findings(findings: &[Finding]) -> String {
    let is_placed = findings.iter().any(|finding| finding.place.is_some());
    let rows = findings.iter().map(|finding| {
        let place = finding.place.as_ref().map(ToString::to_string).unwrap_or_default();
        let mut row = vec![finding.code.as_str().to_owned(), place, finding.message.clone()];
        if !is_placed {
            row.remove(1);
        }
        row
    });
    columns(rows, 0)
}
