//! A plan for people: what runs where, what would change, and why the rest stays.

use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};

use super::columns::columns;
use super::documents::spelled;
use crate::model::{RepoPath, Step, Verdict};

/// One line an environment: what it runs, where it goes, why.
pub fn table(steps: &[&Step]) -> String {
    columns(steps.iter().map(|step| row(step).to_vec()), 2)
}

fn row(step: &Step) -> [String; 3] {
    let from = step.from.as_ref().and_then(spelled).unwrap_or_else(|| "?".to_owned());
    let to = step.to.as_ref().and_then(spelled).unwrap_or_default();
    let first_reason = step.reasons.first().map_or(String::new(), |reason| reason.message.clone());
    let (versions, why) = match step.verdict {
        Verdict::Advance => (format!("{from} -> {to}"), "pinned; this promotion".to_owned()),
        Verdict::Follows => (from, first_reason),
        Verdict::Current => (from, "pinned; up to date".to_owned()),
        Verdict::Waits | Verdict::Blocked => (from, format!("pinned; may not move: {first_reason}")),
        Verdict::Unknown => (from, format!("can't tell: {first_reason}")),
    };
    [step.environment.to_string(), versions, why]
}

/// The changed lines of one file with a line of context, numbered.
pub fn diff(path: &RepoPath, before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let mut text = format!("  {path}\n");
    for (index, group) in diff.grouped_ops(1).iter().enumerate() {
        if index > 0 {
            text.push_str("  ...\n");
        }
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            let number = change.old_index().or(change.new_index()).map_or(0, |index| index + 1);
            let line = change.value().trim_end_matches(['\n', '\r']);
            let _ = writeln!(text, "  {number:<4} {sign} {line}");
        }
    }
    text
}

/// What speaks for the promotion and what people should know: `ok` and `note` lines.
pub fn grounds(step: &Step) -> String {
    let mut text = String::new();
    if let Some(to) = &step.to
        && let Some(digest) = &to.digest
    {
        let _ = writeln!(text, "  ok     in {}'s registry, {}", step.environment, digest.short());
    }
    for reason in &step.reasons {
        let word = match reason.code {
            crate::model::ReasonCode::FromSelects => "ok",
            _ => "note",
        };
        let _ = writeln!(text, "  {word:<6} {}", reason.message);
    }
    if let Some(from) = step.from.as_ref().and_then(spelled) {
        let _ = writeln!(text, "  ok     newer than {from}, within the rules");
    }
    text
}

/// Why an environment may not move: each rule that says no, numbered, with its place.
pub fn refusal(step: &Step) -> String {
    let to = step.to.as_ref().and_then(spelled).unwrap_or_default();
    let (app, environment) = (&step.app, &step.environment);
    let mut text = match step.verdict {
        Verdict::Unknown => format!("{app} in {environment}: can't tell\n"),
        _ if to.is_empty() => format!("{app} may not move in {environment}\n"),
        _ => format!("{app} {to} may not go to {environment}\n"),
    };
    for (number, reason) in step.reasons.iter().enumerate() {
        let _ = writeln!(text, "  {}  {}", number + 1, reason.message);
        if let Some(place) = &reason.place {
            let _ = writeln!(text, "     --> {place}");
        }
    }
    text
}
