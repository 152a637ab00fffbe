//! For people: may a tag go there, and which rules say no, each with its line.

use std::fmt::Write as _;

use super::columns::columns;
use super::documents::spelled_tag;
use crate::model::{AppName, Choice, Inventory, Place, ReasonCode, RepoPath, Source, TagVerdict, Verdict};

/// Older tags and what is no version are summed up, unless all are asked for.
const FEW: usize = 1;

/// Returns, for each environment that holds a pin, what it runs and a line for each tag.
pub fn tags(inventory: &Inventory, apps: &[AppName], verdicts: &[TagVerdict], all: bool) -> String {
    let mut text = String::new();
    let asked = inventory.sources.iter().filter(|source| apps.contains(&source.app));
    let mut environments: Vec<&crate::model::EnvironmentName> = Vec::new();
    for source in asked {
        if environments.contains(&&source.environment) {
            continue;
        }
        environments.push(&source.environment);
        let here: Vec<&TagVerdict> =
            verdicts.iter().filter(|verdict| verdict.environment == source.environment).collect();
        if here.is_empty() {
            continue;
        }
        let _ = writeln!(text, "{}", standing(source));
        if let Some(place) = deciding_place(source) {
            let _ = writeln!(text, "  --> {place}");
        }
        text.push('\n');
        text.push_str(&table(source, &here, all));
        text.push('\n');
    }
    if text.is_empty() {
        text.push_str("no environment that was asked for holds a pin whose tags can be judged\n");
    }
    text
}

fn standing(source: &Source) -> String {
    let environment = &source.environment;
    match &source.choice {
        Choice::Pin { tag, version, digest, .. } => {
            let what = spelled_tag(tag.as_ref(), version.as_ref(), digest.as_ref());
            format!("{environment} runs {what} and moves only by a change in Git: pinned")
        }
        Choice::Range { constraint, .. } => format!("{environment} follows {constraint} and moves by itself"),
        Choice::Floating { text, .. } => format!("{environment} follows `{text}`, whose version can't be told"),
        Choice::Unknown(unknown) => format!("what {environment} runs can't be told: {}", unknown.message),
    }
}

fn deciding_place(source: &Source) -> Option<&Place> {
    let obeyed = source.reference.fields.iter().find(|(_, value)| value.shadowed_by.is_none());
    obeyed.and_then(|(_, value)| value.deciding_slot()).map(|slot| &slot.place)
}

fn table(source: &Source, verdicts: &[&TagVerdict], all: bool) -> String {
    let is = |verdict: &TagVerdict, code| verdict.reasons.iter().any(|reason| reason.code == code);
    let question = format!("MAY IT GO TO {}?", source.environment.as_str().to_uppercase());
    let mut rows = vec![vec!["TAG".to_owned(), question, String::new(), String::new()]];
    for (code, noun) in [(None, ""), (Some(ReasonCode::Older), "older"), (Some(ReasonCode::NotAVersion), "no version")]
    {
        let matching: Vec<_> = verdicts
            .iter()
            .filter(|verdict| match code {
                Some(code) => is(verdict, code),
                None => !is(verdict, ReasonCode::Older) && !is(verdict, ReasonCode::NotAVersion),
            })
            .collect();
        let shown = if code.is_none() || all { matching.len() } else { FEW };
        let more = matching.len().saturating_sub(shown);
        for (index, verdict) in matching.iter().take(shown).enumerate() {
            let mut row = row(verdict);
            if more > 0
                && index + 1 == shown
                && let Some(last) = row.last_mut()
            {
                *last = format!("and {more} more {noun}, --all");
            }
            rows.push(row);
        }
    }
    columns(rows, 0)
}

fn row(verdict: &TagVerdict) -> Vec<String> {
    let is = |code| verdict.reasons.iter().any(|reason| reason.code == code);
    let word = match verdict.verdict {
        Verdict::Advance if is(ReasonCode::NewerExists) => "yes",
        Verdict::Advance => "YES",
        Verdict::Current => "runs",
        Verdict::Waits => "not yet",
        Verdict::Unknown => "can't tell",
        Verdict::Blocked if is(ReasonCode::NotAVersion) => "-",
        Verdict::Blocked | Verdict::Follows => "no",
    };
    let first = verdict.reasons.first();
    let message = match (verdict.verdict, first) {
        (Verdict::Current, _) => String::new(),
        (_, first) => first.map(|reason| reason.message.clone()).unwrap_or_default(),
    };
    let place = match verdict.verdict {
        Verdict::Blocked | Verdict::Unknown if !is(ReasonCode::Older) && !is(ReasonCode::NotAVersion) => {
            first.and_then(|reason| reason.place.as_ref()).map(|place| format!("{}:{}", place.path, place.line))
        }
        _ => None,
    };
    vec![verdict.tag.clone(), word.to_owned(), message, place.unwrap_or_default()]
}

/// Returns, for one version, yes or no for each environment and every rule that says so, with its line.
pub fn version(app: &str, verdicts: &[TagVerdict], source: &dyn Fn(&RepoPath) -> Option<String>) -> String {
    let mut text = String::new();
    for verdict in verdicts {
        let TagVerdict { tag, environment, reasons, .. } = verdict;
        let count = if reasons.len() == 1 { "1 reason".to_owned() } else { format!("{} reasons", reasons.len()) };
        let head = match verdict.verdict {
            Verdict::Advance => format!("yes: {app} {tag} may go to {environment}"),
            Verdict::Current => format!("{environment} runs {tag}"),
            Verdict::Follows => format!("{environment} moves by itself"),
            Verdict::Waits => format!("not yet: {tag} may not go to {environment}, for {count}"),
            Verdict::Blocked => format!("no: {tag} may not go to {environment}, for {count}"),
            Verdict::Unknown => format!("can't tell whether {tag} may go to {environment}, for {count}"),
        };
        let _ = writeln!(text, "{head}");
        for (index, reason) in reasons.iter().enumerate() {
            let _ = writeln!(text, "  {}  {}", index + 1, reason.message);
            if let Some(place) = &reason.place {
                let _ = writeln!(text, "     --> {place}");
                if let Some(line) =
                    source(&place.path).and_then(|text| text.lines().nth(place.line - 1).map(str::to_owned))
                {
                    let _ = writeln!(text, "     {} | {}", place.line, line.trim_end());
                }
            }
        }
        text.push('\n');
    }
    text
}
