//! Tags in order, newest first, with the reason for each, and the ties that only the registry's order would break.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::{Admission, Constraint};
use crate::model::{Reason, ReasonCode, Version};

/// What Flux would select among tags.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// The tag; none where nothing matches or where several tie.
    pub selected: Option<String>,
    /// The tags of equal precedence that would be selected, in order of their text; empty if there is one at most.
    pub tied: Vec<String>,
    /// Every tag: versions first, newest first, then what is no version.
    pub tags: Vec<Considered>,
    rule: Rule,
    /// The filter's text.
    filter: Option<String>,
}

/// A tag and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Considered {
    /// The tag as the registry spells it.
    pub tag: String,
    /// Its version, if Flux reads one in it.
    pub version: Option<Version>,
    /// Whether it passes the filter and the range.
    pub matches: bool,
    /// Why it is selected, matches or doesn't.
    pub code: ReasonCode,
}

/// What a selection went by.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Rule {
    Range(Constraint),
    /// A chart's version that stands in the index letter for letter.
    Literal(String),
    /// None was given: every version matches and nothing is selected.
    Any,
}

/// A tag before it is ranked.
pub(super) struct Row {
    pub(super) considered: Considered,
    pub(super) time: Time,
}

/// What decides between versions of equal precedence.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Time {
    /// Nothing does, or nobody knows.
    Unknown,
    /// The latest wins; a chart without a time is the oldest.
    At(Option<Timestamp>),
}

impl Selection {
    /// Returns the tags that match, newest first.
    pub fn matched(&self) -> impl Iterator<Item = &Considered> {
        self.tags.iter().filter(|considered| considered.matches)
    }

    /// Returns the range it went by; none where a chart's version was taken letter for letter.
    pub fn constraint(&self) -> Option<&Constraint> {
        match &self.rule {
            Rule::Range(constraint) => Some(constraint),
            Rule::Literal(_) | Rule::Any => None,
        }
    }

    /// Says in a sentence what became of a tag.
    pub fn reason(&self, considered: &Considered) -> Reason {
        Reason { code: considered.code, message: self.message(considered), place: None }
    }

    /// Names the tags that tie with one, a few of them.
    fn rivals(&self, tag: &str) -> String {
        const NAMED: usize = 3;
        let others = self.tied.iter().filter(|other| *other != tag).take(NAMED);
        let mut names: Vec<String> = others.map(|other| format!("`{other}`")).collect();
        match self.tied.len().saturating_sub(NAMED + 1) {
            0 => {}
            more => names.push(format!("{more} more")),
        }
        names.join(", ")
    }

    fn message(&self, considered: &Considered) -> String {
        let Considered { tag, version, code, .. } = considered;
        let rule = match &self.rule {
            Rule::Range(constraint) => constraint.to_string(),
            Rule::Literal(version) => version.clone(),
            Rule::Any => String::new(),
        };
        match code {
            ReasonCode::Selected if self.constraint().is_none() => "stands in the index letter for letter".to_owned(),
            ReasonCode::Selected => format!("the newest that `{rule}` admits"),
            ReasonCode::Matches if self.rule == Rule::Any => "a version".to_owned(),
            ReasonCode::Matches => format!("`{rule}` admits it"),
            ReasonCode::Tied => {
                format!(
                    "of equal precedence with {}: which one Flux takes hangs on the registry's order",
                    self.rivals(tag)
                )
            }
            ReasonCode::FilteredOut => {
                format!("does not match the filter `{}`", self.filter.as_deref().unwrap_or_default())
            }
            ReasonCode::PreRelease | ReasonCode::OutsideRange => match (&self.rule, version) {
                (Rule::Range(constraint), Some(version)) => refusal(constraint, version),
                _ => format!("`{rule}` stands in the index and is taken literally"),
            },
            _ => match Version::parse_flux(tag) {
                Err(error) => error.to_string(),
                Ok(_) => format!("`{tag}` is not a version to Helm, which reads only the form `1.2.3`"),
            },
        }
    }
}

/// Says why a constraint doesn't admit a version.
fn refusal(constraint: &Constraint, version: &Version) -> String {
    match constraint.explain(version) {
        Admission::Admitted => format!("`{constraint}` admits it"),
        Admission::PreRelease { admitting: Some(admitting) } => {
            format!("a pre-release, which `{constraint}` does not admit; `{admitting}` would")
        }
        Admission::PreRelease { admitting: None } => format!("a pre-release, which `{constraint}` does not admit"),
        Admission::Outside { by } => {
            let rule = constraint.to_string();
            if by.len() == 1 && by.contains(&rule) {
                return format!("outside `{rule}`");
            }
            let by: Vec<String> = by.iter().map(|comparator| format!("not `{comparator}`")).collect();
            format!("outside `{rule}`: {}", by.join(", "))
        }
    }
}

impl Row {
    /// Makes a row of which nobody knows the time.
    pub(super) fn new(tag: &str, version: Option<Version>, code: ReasonCode) -> Self {
        let matches = code == ReasonCode::Matches;
        Self { considered: Considered { tag: tag.to_owned(), version, matches, code }, time: Time::Unknown }
    }
}

/// Puts tags in order without a range: nothing is selected.
pub(super) fn ordered(rows: Vec<Row>, filter: Option<String>) -> Selection {
    let tags = in_order(rows).into_iter().map(|row| row.considered).collect();
    Selection { selected: None, tied: Vec::new(), tags, rule: Rule::Any, filter }
}

/// Puts tags in order, and finds the one to select or those that tie.
pub(super) fn rank(rows: Vec<Row>, rule: Rule, filter: Option<String>) -> Selection {
    let mut rows = in_order(rows);
    let best = rows.iter().position(|row| row.considered.matches).unwrap_or(rows.len());
    let (_, candidates) = rows.split_at_mut(best);
    let count = tying(candidates);
    let candidates = candidates.get_mut(..count).unwrap_or_default();
    let mut names = Vec::with_capacity(count);
    for row in candidates {
        names.push(row.considered.tag.clone());
        row.considered.code = if count > 1 { ReasonCode::Tied } else { ReasonCode::Selected };
    }
    names.sort_unstable();
    let (selected, tied) = if count > 1 { (None, names) } else { (names.pop(), Vec::new()) };
    Selection { selected, tied, tags: rows.into_iter().map(|row| row.considered).collect(), rule, filter }
}

/// Returns how many of the rows, the best first, nothing but chance decides between.
fn tying(rows: &[Row]) -> usize {
    let Some(best) = rows.first() else { return 0 };
    let equals = rows.iter().take_while(|row| row.considered.matches && precedence(best, row).is_eq());
    let equals: Vec<&Row> = equals.collect();
    if equals.iter().any(|row| row.time == Time::Unknown) {
        return equals.len();
    }
    equals.iter().take_while(|row| row.time == best.time).count()
}

/// Sorts: newest version first; of equal precedence what matches, then what is later, then by text. Repeated tags go.
fn in_order(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_unstable_by(|one, two| {
        precedence(one, two)
            .then_with(|| two.considered.matches.cmp(&one.considered.matches))
            .then_with(|| two.time.cmp(&one.time))
            .then_with(|| one.considered.tag.cmp(&two.considered.tag))
    });
    rows.dedup_by(|later, earlier| later.considered.tag == earlier.considered.tag);
    rows
}

/// Compares by version, the newest first and no version last.
fn precedence(one: &Row, two: &Row) -> Ordering {
    match (&one.considered.version, &two.considered.version) {
        (Some(one), Some(two)) => two.precedence(one),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}
