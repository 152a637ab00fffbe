//! Hyphen ranges, `1.2 - 2.3`: Masterminds rewrites them in the text, before it parses anything.
//!
//! That order shows: the rewriting takes the spaces around the range with it, so `>=0 1.0 - 2.0` becomes
//! `>=0>= 1.0, <= 2.0 ` and is rejected, while `1.0 - 2.0!=1.5` becomes readable. So it is done on the text here, too.

use std::ops::Range;

/// A rewritten text, and for each of its bytes the byte of the original that it stands for.
pub(super) struct Rewritten {
    pub(super) text: String,
    pub(super) origin: Vec<usize>,
}

/// One hyphen range in a text: all that is replaced, and the versions in it.
struct Match {
    whole: Range<usize>,
    from: Range<usize>,
    to: Range<usize>,
}

/// Rewrites `1.2 - 2.3` to `>= 1.2, <= 2.3 `; none if there is no hyphen range.
pub(super) fn rewrite(text: &str) -> Option<Rewritten> {
    let mut result: Option<Rewritten> = None;
    let mut at = 0;
    // Matches are found in the original, then each is replaced at its text's first place in the result so far.
    while let Some(found) = find(text.as_bytes(), at) {
        at = found.whole.end;
        let before =
            result.take().unwrap_or_else(|| Rewritten { text: text.to_owned(), origin: (0..text.len()).collect() });
        result = Some(before.replace(text, &found));
    }
    result
}

impl Rewritten {
    fn replace(mut self, original: &str, found: &Match) -> Self {
        let part = |range: &Range<usize>| original.get(range.clone()).unwrap_or_default();
        let Some(start) = self.text.find(part(&found.whole)) else { return self };
        let end = start + found.whole.len();
        let mut replacement = String::with_capacity(found.whole.len() + 8);
        let mut origin = Vec::with_capacity(found.whole.len() + 8);
        for (sign, version) in [(">= ", &found.from), (", <= ", &found.to)] {
            replacement.push_str(sign);
            origin.extend(sign.bytes().map(|_| version.start));
            replacement.push_str(part(version));
            origin.extend(version.clone());
        }
        replacement.push(' ');
        origin.push(found.to.end);
        self.text.replace_range(start..end, &replacement);
        self.origin.splice(start..end, origin);
        self
    }
}

/// Finds the leftmost `/\s*(CV)\s+-\s+(CV)\s*/` at or after a byte.
fn find(bytes: &[u8], from: usize) -> Option<Match> {
    let mut start = from;
    while start < bytes.len() {
        let begin = spaces(bytes, start);
        if let Some(found) = match_at(bytes, start, begin) {
            return Some(found);
        }
        // A later start inside one run of `X` characters would end the same, so the run is passed as a whole.
        start = run(bytes, begin, is_x).max(begin + 1);
    }
    None
}

fn match_at(bytes: &[u8], whole: usize, begin: usize) -> Option<Match> {
    let from = begin..version(bytes, begin)?;
    let hyphen = spaces(bytes, from.end);
    if hyphen == from.end || bytes.get(hyphen) != Some(&b'-') {
        return None;
    }
    let second = spaces(bytes, hyphen + 1);
    if second == hyphen + 1 {
        return None;
    }
    let to = second..version(bytes, second)?;
    Some(Match { whole: whole..spaces(bytes, to.end), from, to })
}

/// Returns where the version that begins at a byte ends: `v?X(\.X)?(\.X)?(-PRE)?(\+META)?`, as long as possible.
pub(super) fn version(bytes: &[u8], start: usize) -> Option<usize> {
    let first = start + usize::from(bytes.get(start) == Some(&b'v'));
    let mut end = run(bytes, first, is_x);
    if end == first {
        return None;
    }
    for _ in 0..2 {
        if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).copied().is_some_and(is_x) {
            end = run(bytes, end + 1, is_x);
        } else {
            break;
        }
    }
    for mark in *b"-+" {
        if bytes.get(end) == Some(&mark) && bytes.get(end + 1).copied().is_some_and(is_identifier) {
            end = run(bytes, end + 1, is_identifier);
            while bytes.get(end) == Some(&b'.') && bytes.get(end + 1).copied().is_some_and(is_identifier) {
                end = run(bytes, end + 1, is_identifier);
            }
        }
    }
    Some(end)
}

/// Tells whether a byte may be part of a number or wildcard. `|` is one by a slip in Masterminds' expression.
pub(super) fn is_x(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'|' | b'x' | b'X' | b'*')
}

fn is_identifier(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

/// Tells whether a byte is what Go's `\s` matches: no vertical tab, nothing beyond ASCII.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')
}

/// Returns where the white space that begins at a byte ends.
pub(super) fn spaces(bytes: &[u8], start: usize) -> usize {
    run(bytes, start, is_space)
}

/// Returns where the run of bytes of a class that begins at a byte ends.
pub(super) fn run(bytes: &[u8], start: usize, class: fn(u8) -> bool) -> usize {
    start + bytes.get(start..).unwrap_or_default().iter().take_while(|byte| class(**byte)).count()
}
