//! A plan for people: what runs where, what would change, and why the rest stays.

use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};

use super::columns::columns;
use super::documents::spelled;
use super::own_place::own_place;
use super::pull_request::Hunk;
use crate::model::{Inventory, ReasonCode, RepoPath, Step, Verdict};

/// One line an environment: what it runs, where it goes, why. `advancing` says what comes of one that may move.
pub fn table(steps: &[&Step], advancing: &str) -> String {
    columns(steps.iter().map(|step| row(step, advancing).to_vec()), 2)
}

fn row(step: &Step, advancing: &str) -> [String; 3] {
    let from = step.from.as_ref().and_then(spelled).unwrap_or_else(|| "?".to_owned());
    let to = step.to.as_ref().and_then(spelled).unwrap_or_default();
    let first_reason = step.reasons.first().map_or(String::new(), |reason| reason.message.clone());
    let (versions, why) = match step.verdict {
        Verdict::Advance => (format!("{from} -> {to}"), format!("pinned; {advancing}")),
        Verdict::Follows => (from, first_reason),
        Verdict::Current => (from, "pinned; up to date".to_owned()),
        Verdict::Waits | Verdict::Blocked => (from, format!("pinned; may not move: {first_reason}")),
        Verdict::Unknown => (from, format!("can't tell: {first_reason}")),
    };
    [step.environment.to_string(), versions, why]
}

/// The changed lines, with their numbers and a line of context.
pub fn hunks(hunks: &[Hunk]) -> String {
    let mut text = String::new();
    let mut path: Option<&RepoPath> = None;
    for hunk in hunks {
        if path != Some(&hunk.path) {
            let _ = writeln!(text, "\n  {}", hunk.path);
            path = Some(&hunk.path);
        }
        let context = hunk.lines.iter().take_while(|line| line.starts_with(' ')).count();
        let (mut old, mut new) = (hunk.line.saturating_sub(context), hunk.line.saturating_sub(context));
        for line in &hunk.lines {
            let (sign, rest) = line.split_at_checked(1).unwrap_or((line, ""));
            let number = if sign == "+" { new } else { old };
            let _ = writeln!(text, "  {number:<4} {sign} {rest}");
            old += usize::from(sign != "+");
            new += usize::from(sign != "-");
        }
    }
    text
}

/// What a refused person can do next.
pub fn hint(step: &Step, inventory: &Inventory) -> Option<String> {
    let has = |code| step.reasons.iter().any(|reason| reason.code == code);
    let app = &step.app;
    if has(ReasonCode::NotPinned) {
        return Some(format!("promote tags {app} --env {} shows what its range selects", step.environment));
    }
    if has(ReasonCode::NotFound) {
        return Some(format!("promote tags {app}"));
    }
    let asks_reason = |code| matches!(code, ReasonCode::ReasonRequired | ReasonCode::ReasonPattern);
    if step.reasons.iter().all(|reason| asks_reason(reason.code)) {
        return step.reasons.first().map(|_| "say why: --reason \"...\"".to_owned());
    }
    if has(ReasonCode::Older) {
        return Some(format!("promote why {app} --env {} shows what may go there", step.environment));
    }
    if has(ReasonCode::SharedOutsideStage) {
        let general =
            || format!("give {} a place of its own: a patch with the version in its overlay", step.environment);
        return Some(own_place(step, inventory).unwrap_or_else(general));
    }
    let to = step.to.as_ref().and_then(spelled).unwrap_or_default();
    (!step.reasons.is_empty()).then(|| format!("promote why {app} {to} --env {}", step.environment).replace("  ", " "))
}

/// The lines that a change removes and adds, in order, whatever stands around them.
pub fn changed_lines(before: &[u8], after: &[u8]) -> Vec<(ChangeTag, Vec<u8>)> {
    let diff = TextDiff::from_lines(before, after);
    let changes = diff.iter_all_changes().filter(|change| change.tag() != ChangeTag::Equal);
    changes.map(|change| (change.tag(), change.value().to_vec())).collect()
}

/// What speaks for the promotion and what people should know: `ok` and `note` lines.
pub fn grounds(step: &Step) -> String {
    let mut text = String::new();
    if let Some(to) = &step.to
        && let Some(digest) = &to.digest
    {
        let keeper = if digest.is_commit() { "Git repository" } else { "registry" };
        let _ = writeln!(text, "  ok     in {}'s {keeper}, {}", step.environment, digest.short());
    }
    for reason in &step.reasons {
        let word = match reason.code {
            ReasonCode::FromSelects | ReasonCode::SignatureHolds => "ok",
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
