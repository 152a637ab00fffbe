//! Text → comparators, by Masterminds' grammar, in one pass.
//!
//! ```text
//! range      = group ("||" group)*                        at most 32, in at most 512 bytes
//! group      = comparator ((space+ | "," space*) comparator)*
//! comparator = space* operator space* version space*
//! version    = "v"? X ("." X)? ("." X)? ("-" PRE)? ("+" META)?    X = [0-9|xX*]+
//! ```

use super::comparator::{Comparator, Operator, Wildcard};
use super::error::printable;
use super::hyphen::{self, run, spaces};
use super::{ConstraintError, Fault};
use crate::model::Version;

/// The bytes of the longest range.
const LONGEST: usize = 512;
/// The most alternatives of a range.
const MOST_GROUPS: usize = 32;

/// A fault at a byte of the (rewritten) text.
struct At(usize, Fault);

/// Parses a range to its groups of comparators.
pub(super) fn groups(text: &str) -> Result<Vec<Vec<Comparator>>, ConstraintError> {
    if text.len() > LONGEST {
        return Err(ConstraintError::TooLong { length: text.len() });
    }
    let rewritten = hyphen::rewrite(text);
    let readable = rewritten.as_ref().map_or(text, |rewritten| rewritten.text.as_str());
    let count = readable.split("||").count();
    if count > MOST_GROUPS {
        return Err(ConstraintError::TooManyGroups { groups: count });
    }
    let mut groups = Vec::with_capacity(count);
    let mut start = 0;
    for part in readable.split("||") {
        groups.push(group(part).map_err(|At(byte, fault)| {
            let byte = start + byte;
            let byte = match &rewritten {
                Some(rewritten) => rewritten.origin.get(byte).copied().unwrap_or(text.len()),
                None => byte,
            };
            let column = text.char_indices().take_while(|(index, _)| *index < byte).count() + 1;
            ConstraintError::Unreadable { text: printable(text), column, fault, hint: None }
        })?);
        start += part.len() + 2;
    }
    Ok(groups)
}

fn group(text: &str) -> Result<Vec<Comparator>, At> {
    let bytes = text.as_bytes();
    let mut comparators = Vec::with_capacity(1);
    let mut at = spaces(bytes, 0);
    loop {
        let (comparator, end) = comparator(text, at)?;
        comparators.push(comparator);
        at = spaces(bytes, end);
        match bytes.get(at) {
            None => return Ok(comparators),
            Some(b',') => at = spaces(bytes, at + 1),
            Some(_) if at > end => {}
            Some(_) => return Err(At(at, Fault::Separator(word(text, at)))),
        }
    }
}

/// Parses the comparator that begins at a byte, and returns where it ends.
fn comparator(text: &str, at: usize) -> Result<(Comparator, usize), At> {
    let bytes = text.as_bytes();
    let sign = text.get(at..run(bytes, at, is_operator)).unwrap_or_default();
    let (operator, spelling) = Operator::read(sign).ok_or_else(|| At(at, Fault::Operator(sign.to_owned())))?;
    let start = spaces(bytes, at + sign.len());
    let end = hyphen::version(bytes, start).ok_or_else(|| match bytes.get(start) {
        Some(byte) if is_operator(*byte) => {
            At(at, Fault::Operator(text.get(at..run(bytes, start, is_operator)).unwrap_or_default().to_owned()))
        }
        None | Some(b',') => At(start, Fault::Missing),
        Some(_) => At(start, Fault::Version(word(text, start))),
    })?;
    let text = text.get(start..end).unwrap_or_default();
    let (version, wildcard) = version(text).ok_or_else(|| At(start, Fault::Version(printable(text))))?;
    Ok((Comparator { operator, spelling, text: text.to_owned(), version, wildcard }, end))
}

fn is_operator(byte: u8) -> bool {
    matches!(byte, b'=' | b'!' | b'<' | b'>' | b'~' | b'^')
}

/// Returns the text from a byte to the next space or comma, for a message.
fn word(text: &str, at: usize) -> String {
    let rest = text.get(at..).unwrap_or_default();
    printable(rest.split([' ', ',', '\t', '\n', '\r', '\x0c']).next().unwrap_or(rest))
}

/// Reads a version whose parts may be wildcards; what follows a wildcard doesn't count, but for a pre-release.
fn version(text: &str) -> Option<(Version, Wildcard)> {
    let plain = text.strip_prefix('v').unwrap_or(text);
    let numbers = plain.split(['-', '+']).next().unwrap_or(plain);
    let rest = plain.get(numbers.len()..).unwrap_or_default();
    let pre = if rest.starts_with('-') { rest.split('+').next().unwrap_or(rest) } else { "" };
    let mut parts = numbers.split('.');
    let mut part = || parts.next().filter(|part| !matches!(*part, "x" | "X" | "*"));
    // The texts are put together as Masterminds does, because their length is limited, too.
    let (wildcard, text) = match (part(), part(), part()) {
        (None, _, _) => (Wildcard::Major, format!("0.0.0{pre}")),
        (Some(major), None, _) => (Wildcard::Minor, format!("{major}.0.0{pre}")),
        (Some(major), Some(minor), None) => (Wildcard::Patch, format!("{major}.{minor}.0{pre}")),
        (Some(_), Some(_), Some(_)) => return Some((Version::parse_lenient(text).ok()?, Wildcard::None)),
    };
    Some((Version::parse_lenient(&text).ok()?, wildcard))
}
