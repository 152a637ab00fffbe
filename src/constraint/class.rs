//! Character classes and escapes of Go's regular expressions → what Rust's engine reads the same.

use super::filter::FilterFault;
use super::translate::{At, Cursor};

/// Matches nothing: a surrogate can't occur in UTF-8.
pub(super) const NEVER: &str = r"[^\x{0}-\x{10FFFF}]";
/// The scripts whose names are no longer than their codes.
const SHORT_SCRIPTS: [&str; 15] =
    ["ahom", "cham", "han", "kawi", "lao", "lisu", "miao", "modi", "mro", "newa", "nko", "thai", "toto", "vai", "yi"];

fn hex(code: u32) -> String {
    format!(r"\x{{{code:X}}}")
}

/// Writes a span of a class without the surrogates, which Rust doesn't know; none if nothing is left.
pub(super) fn span(low: u32, high: u32) -> Option<String> {
    let surrogates = 0xD800..=0xDFFF;
    let low = if surrogates.contains(&low) { 0xE000 } else { low };
    let high = if surrogates.contains(&high) { 0xD7FF } else { high };
    (low <= high).then(|| if low == high { hex(low) } else { format!("{}-{}", hex(low), hex(high)) })
}

/// Reads a class, after its `[`.
pub(super) fn class(cursor: &mut Cursor<'_>, start: usize) -> Result<String, At> {
    let negated = cursor.take('^');
    let mut items = String::new();
    let mut first = true;
    while first || cursor.peek() != Some(']') {
        first = false;
        if let Some(item) = posix(cursor)? {
            items.push_str(item);
            continue;
        }
        let at = cursor.at();
        if cursor.rest.starts_with('\\') {
            let before = cursor.rest;
            cursor.next();
            if let Some(set) = set(cursor, at)? {
                items.push_str(&set);
                continue;
            }
            cursor.rest = before;
        }
        let low = member(cursor, start)?;
        let ranges = cursor.rest.starts_with('-') && cursor.rest.len() > 1 && !cursor.rest.starts_with("-]");
        let high = if ranges {
            cursor.next();
            member(cursor, start)?
        } else {
            low
        };
        if high < low {
            return Err((at, FilterFault::Class));
        }
        items.push_str(&span(low, high).unwrap_or_default());
    }
    cursor.next();
    Ok(match (items.is_empty(), negated) {
        (true, false) => NEVER.to_owned(),
        (true, true) => r"[\x{0}-\x{10FFFF}]".to_owned(),
        (false, false) => format!("[{items}]"),
        (false, true) => format!("[^{items}]"),
    })
}

/// Reads one character of a class.
fn member(cursor: &mut Cursor<'_>, class: usize) -> Result<u32, At> {
    let start = cursor.at();
    match cursor.next() {
        None => Err((class, FilterFault::MissingBracket)),
        Some('\\') => escape(cursor, start),
        Some(char) => Ok(u32::from(char)),
    }
}

/// Reads a `[:alpha:]` inside a class. What doesn't end in `:]` is no such thing.
fn posix(cursor: &mut Cursor<'_>) -> Result<Option<&'static str>, At> {
    let Some((name, rest)) = cursor.rest.strip_prefix("[:").and_then(|rest| rest.split_once(":]")) else {
        return Ok(None);
    };
    let (name, negated) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
    let (set, complement) = match name {
        "alnum" => ("0-9A-Za-z", "[^0-9A-Za-z]"),
        "alpha" => ("A-Za-z", "[^A-Za-z]"),
        "ascii" => (r"\x00-\x7F", r"[^\x00-\x7F]"),
        "blank" => (r"\t\x20", r"[^\t\x20]"),
        "cntrl" => (r"\x00-\x1F\x7F", r"[^\x00-\x1F\x7F]"),
        "digit" => ("0-9", "[^0-9]"),
        "graph" => (r"\x21-\x7E", r"[^\x21-\x7E]"),
        "lower" => ("a-z", "[^a-z]"),
        "print" => (r"\x20-\x7E", r"[^\x20-\x7E]"),
        "punct" => (r"\x21-\x2F\x3A-\x40\x5B-\x60\x7B-\x7E", r"[^\x21-\x2F\x3A-\x40\x5B-\x60\x7B-\x7E]"),
        "space" => (r"\x09-\x0D\x20", r"[^\x09-\x0D\x20]"),
        "upper" => ("A-Z", "[^A-Z]"),
        "word" => ("0-9A-Za-z_", "[^0-9A-Za-z_]"),
        "xdigit" => ("0-9A-Fa-f", "[^0-9A-Fa-f]"),
        _ => return Err((cursor.at(), FilterFault::Class)),
    };
    cursor.rest = rest;
    Ok(Some(if negated { complement } else { set }))
}

/// Reads `\d`, `\p{Greek}` and their like after the `\`, as what may stand inside a class; ASCII only, as in Go.
pub(super) fn set(cursor: &mut Cursor<'_>, start: usize) -> Result<Option<String>, At> {
    let text = match cursor.peek() {
        Some('d') => "0-9",
        Some('D') => "[^0-9]",
        Some('s') => r"\t\n\x0C\r\x20",
        Some('S') => r"[^\t\n\x0C\r\x20]",
        Some('w') => "0-9A-Za-z_",
        Some('W') => "[^0-9A-Za-z_]",
        Some('p' | 'P') => return unicode(cursor, start).map(Some),
        _ => return Ok(None),
    };
    cursor.next();
    Ok(Some(text.to_owned()))
}

/// Reads `\pL`, `\p{Greek}`, `\P{^Lu}`, after the `\`.
fn unicode(cursor: &mut Cursor<'_>, start: usize) -> Result<String, At> {
    let fault = (start, FilterFault::Class);
    let mut negated = cursor.next() == Some('P');
    let rest = cursor.rest;
    let name = if cursor.take('{') {
        let (name, rest) = cursor.rest.split_once('}').ok_or(fault)?;
        cursor.rest = rest;
        name
    } else {
        let end = cursor.next().map_or(0, char::len_utf8);
        rest.get(..end).unwrap_or_default()
    };
    let name = name.strip_prefix('^').map_or(name, |name| {
        negated = !negated;
        name
    });
    let letter = if negated { 'P' } else { 'p' };
    let plain: String = name.chars().filter(|char| !matches!(char, ' ' | '_' | '-')).collect();
    if plain.is_empty() || !plain.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(fault);
    }
    let lower = plain.to_ascii_lowercase();
    match lower.as_str() {
        "any" | "assigned" | "ascii" => return Ok(format!(r"\{letter}{{{plain}}}")),
        "cs" | "surrogate" => return Ok(if negated { r"\x{0}-\x{10FFFF}" } else { NEVER }.to_owned()),
        _ => {}
    }
    // Go knows scripts by name only; Rust also by their four-letter codes.
    let is_script = lower.len() > 4 || SHORT_SCRIPTS.contains(&lower.as_str());
    let category = Some(format!(r"\{letter}{{gc={plain}}}"));
    let script = (is_script && lower != "unknown").then(|| format!(r"\{letter}{{sc={plain}}}"));
    [category, script].into_iter().flatten().find(|text| regex::Regex::new(text).is_ok()).ok_or(fault)
}

/// Reads an escaped character, after the `\`.
pub(super) fn escape(cursor: &mut Cursor<'_>, start: usize) -> Result<u32, At> {
    let fault = (start, FilterFault::Escape);
    let char = cursor.next().ok_or(fault)?;
    Ok(match char {
        '0'..='7' => {
            // A single digit but 0 would be a back-reference.
            let more = cursor.rest.bytes().take(2).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
            if char != '0' && more == 0 {
                return Err(fault);
            }
            let mut code = u32::from(char) - u32::from('0');
            for _ in 0..more {
                code = code * 8 + cursor.next().and_then(|char| char.to_digit(8)).unwrap_or_default();
            }
            code
        }
        'x' if cursor.take('{') => {
            let (digits, rest) = cursor.rest.split_once('}').ok_or(fault)?;
            cursor.rest = rest;
            let digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(digits).ok_or(fault)?;
            let significant = digits.trim_start_matches('0');
            let significant = if significant.is_empty() && !digits.is_empty() { "0" } else { significant };
            u32::from_str_radix(significant, 16).ok().filter(|code| *code <= 0x0010_FFFF).ok_or(fault)?
        }
        'x' => {
            let mut digit = || cursor.next().and_then(|char| char.to_digit(16)).ok_or(fault);
            digit()? * 16 + digit()?
        }
        'a' => 7,
        'f' => 12,
        'n' => 10,
        'r' => 13,
        't' => 9,
        'v' => 11,
        char if char.is_ascii() && !char.is_ascii_alphanumeric() => u32::from(char),
        _ => return Err(fault),
    })
}
