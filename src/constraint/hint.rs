//! The form that works, beside a range that doesn't: guessed from the text, and given only if it parses.

use super::{Constraint, ConstraintError};

/// What people write, and what Masterminds reads instead.
const SPELLINGS: [(&str, &str); 12] = [
    ("\u{a0}", " "),
    ("≥", ">="),
    ("≤", "<="),
    ("≠", "!="),
    ("===", "="),
    ("==", "="),
    ("<>", "!="),
    ("~=", "~"),
    ("=~", "~"),
    ("^=", "^"),
    ("&&", " "),
    (" and ", " "),
];

/// Words that people write where "whatever is newest" is meant.
const NEWEST: [&str; 5] = ["latest", "stable", "newest", "any", "all"];

/// Adds to an error the text that works instead, if one can be told.
pub(super) fn add(error: ConstraintError, text: &str) -> ConstraintError {
    match error {
        ConstraintError::Unreadable { text: printable, column, fault, hint: None } => {
            ConstraintError::Unreadable { text: printable, column, fault, hint: instead(text) }
        }
        other => other,
    }
}

/// Returns the same range with `-0` in each group that admits no pre-releases.
pub(super) fn with_pre_releases(constraint: &Constraint) -> Option<String> {
    let mut groups = Vec::with_capacity(constraint.groups.len());
    for group in &constraint.groups {
        let mut words: Vec<String> = group.comparators.iter().map(ToString::to_string).collect();
        if !group.admits_pre_releases {
            let first = words.first_mut()?;
            let end = first.find('+').unwrap_or(first.len());
            first.insert_str(end, "-0");
        }
        groups.push(words.join(" "));
    }
    Some(groups.join(" || "))
}

/// Returns a range that reads, near a text that doesn't.
fn instead(text: &str) -> Option<String> {
    if NEWEST.contains(&text.trim().to_ascii_lowercase().as_str()) {
        return Some(">=1.0.0".to_owned());
    }
    let mut plain = text.to_owned();
    for (wrong, right) in SPELLINGS {
        plain = plain.replace(wrong, right);
    }
    let candidates =
        [interval(&plain), Some(respaced(&plain)), hyphenated(&plain), Some(three_parts(&respaced(&plain)))];
    candidates.into_iter().flatten().find(|candidate| candidate != text && Constraint::read(candidate).is_ok())
}

/// Returns `>=1.2 <2.0` for `[1.2,2.0)`.
fn interval(text: &str) -> Option<String> {
    let text = text.trim();
    let (from, to) = text.get(1..text.len().checked_sub(1)?)?.split_once(',')?;
    let lower = if text.starts_with('[') { ">=" } else { text.starts_with('(').then_some(">")? };
    let upper = if text.ends_with(']') { "<=" } else { text.ends_with(')').then_some("<")? };
    let sides = [(lower, from.trim()), (upper, to.trim())];
    let sides = sides.into_iter().filter(|(_, version)| !version.is_empty());
    Some(sides.map(|(sign, version)| format!("{sign}{version}")).collect::<Vec<_>>().join(" "))
}

/// Puts spaces before operators and around `||`, joins operators to their versions, drops empty parts and upper-case `V`.
fn respaced(text: &str) -> String {
    let mut words = String::with_capacity(text.len() + 8);
    let mut last = ' ';
    for char in text.replace("||", "\u{0}").chars() {
        let is_sign = |char: char| matches!(char, '=' | '!' | '<' | '>' | '~' | '^');
        match char {
            '\u{0}' | '|' => words.push_str(" || "),
            ',' => words.push(' '),
            'V' if !last.is_ascii_alphanumeric() => words.push('v'),
            char if char.is_whitespace() => words.push(' '),
            char if is_sign(char) && !is_sign(last) => words.extend([' ', char]),
            char => words.push(char),
        }
        last = char;
    }
    // The words are joined anew, so that `> =1`, a trailing comma and an empty alternative go away.
    let mut result: Vec<String> = Vec::new();
    for word in words.split_whitespace() {
        match result.last_mut() {
            Some(last) if last.ends_with(['=', '!', '<', '>', '~', '^']) => last.push_str(word),
            Some(last) if last == "||" && word == "||" => {}
            None if word == "||" => {}
            _ => result.push(word.to_owned()),
        }
    }
    if result.last().is_some_and(|word| word == "||") {
        result.pop();
    }
    result.join(" ")
}

/// Returns `1.0 - 2.0` for `>=1.0 - <=2.0`, and `>=0 >=1.0 <=2.0` where something stands before such a range.
fn hyphenated(text: &str) -> Option<String> {
    let (before, after) = text.split_once(" - ")?;
    let bare = |text: &str| text.trim().trim_start_matches(['=', '!', '<', '>', '~', '^', ' ']).to_owned();
    match before.trim().rsplit_once([' ', ',']) {
        Some((other, from)) => Some(format!("{} >={} <={}", other.trim(), bare(from), bare(after))),
        None => Some(format!("{} - {}", bare(before), bare(after))),
    }
}

/// Cuts what follows a third number: `1.2.3.4`.
fn three_parts(text: &str) -> String {
    let cut = |word: &str| match word.match_indices('.').nth(2) {
        Some((end, _)) if !word.contains(['-', '+']) => word.get(..end).unwrap_or(word).to_owned(),
        _ => word.to_owned(),
    };
    text.split(' ').map(cut).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_that_works_is_told() {
        for (wrong, right) in [
            (">=1<2", ">=1 <2"),
            ("==1.2", "=1.2"),
            ("V1", "v1"),
            ("latest", ">=1.0.0"),
            ("> =1.2", ">=1.2"),
            (">=1.2.3,", ">=1.2.3"),
            ("1.2 ||", "1.2"),
            (">=1.0 && <2.0", ">=1.0 <2.0"),
            ("[1.2,2.0)", ">=1.2 <2.0"),
            ("≥1.2.3", ">=1.2.3"),
            (">=1.0 - 2.0", "1.0 - 2.0"),
            (">=0 1.0 - 2.0", ">=0 >=1.0 <=2.0"),
            ("1.0 - 2.0||3.0 - 4.0", "1.0 - 2.0 || 3.0 - 4.0"),
            ("1.2.3.4", "1.2.3"),
            ("1|2", "1 || 2"),
        ] {
            assert_eq!(instead(wrong).as_deref(), Some(right), "{wrong}");
        }
        for hopeless in ["", "|", "&&", "foo", "main-1234"] {
            assert_eq!(instead(hopeless), None, "{hopeless}");
        }
    }
}
