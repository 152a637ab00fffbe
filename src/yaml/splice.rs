//! Where a part of a decoded text stands in the bytes, and how a new one is written there.

use std::borrow::Cow;
use std::ops::Range;

use super::is_plain_string;
use crate::model::Form;

/// Finds a part of a decoded text in the bytes that it was decoded from.
///
/// `raw` is the scalar as written, quotes included. None where the way back isn't certain.
pub fn locate(raw: &str, form: Form, decoded: &str, part: Range<usize>) -> Option<Range<usize>> {
    let wanted = decoded.get(part.clone())?;
    match form {
        Form::Part => raw.get(part.clone()).filter(|_| raw == decoded).map(|_| part),
        Form::Literal => in_literal(raw, decoded, part),
        Form::Plain | Form::SingleQuoted | Form::DoubleQuoted => {
            let quote = usize::from(form != Form::Plain);
            let inner = raw.get(quote..raw.len().checked_sub(quote)?)?;
            let range = if inner == decoded { part } else { in_lines(inner, form, decoded, part)? };
            Some(range.start + quote..range.end + quote)
        }
        Form::Folded => {
            if wanted.is_empty() {
                return None;
            }
            // Folding changed the text around it: the same occurrence of the same text, if each is there.
            let before = decoded.match_indices(wanted).position(|(at, _)| at == part.start)?;
            let there: Vec<usize> = raw.match_indices(wanted).map(|(at, _)| at).collect();
            let start = *there.get(before).filter(|_| there.len() == decoded.matches(wanted).count())?;
            Some(start..start + wanted.len())
        }
    }
}

/// Follows escapes and folded lines of a plain or quoted scalar; none if that does not lead to the decoded text.
fn in_lines(inner: &str, form: Form, decoded: &str, part: Range<usize>) -> Option<Range<usize>> {
    let mut rest = inner;
    let (mut at, mut start, mut end) = (0, None, None);
    while !rest.is_empty() || at < decoded.len() {
        let begin = inner.len() - rest.len();
        if start.is_none() && at == part.start {
            start = Some(begin);
        }
        if at == part.end {
            end.get_or_insert(begin);
        }
        let (length, text) = unit(rest, form)?;
        match text {
            // An escape: which character it stands for is in the decoded text.
            None => at += decoded.get(at..)?.chars().next()?.len_utf8(),
            Some(text) => {
                if !decoded.get(at..)?.starts_with(&*text) {
                    return None;
                }
                at += text.len();
            }
        }
        rest = rest.get(length..)?;
    }
    let end = if at == part.end { end.unwrap_or(inner.len()) } else { end? };
    Some(start.unwrap_or(inner.len())..end)
}

/// The bytes of the next thing in a plain or quoted scalar, and what it stands for; none for a character by its number
/// or letter.
fn unit(rest: &str, form: Form) -> Option<(usize, Option<Cow<'static, str>>)> {
    let white = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    if rest.get(white..)?.starts_with(['\n', '\r']) {
        return Some(folded(rest));
    }
    let mut chars = rest.chars();
    let first = chars.next()?;
    match (form, first) {
        (Form::SingleQuoted, '\'') => (chars.next()? == '\'').then_some((2, Some("'".into()))),
        (Form::DoubleQuoted, '\\') => {
            let second = chars.next()?;
            match second {
                '\n' | '\r' => {
                    let (length, text) = folded(rest.get(1..)?);
                    // The first of these line breaks is escaped, so that only empty lines behind it count.
                    let text = text.filter(|text| text.starts_with('\n')).unwrap_or_default();
                    Some((1 + length, Some(text)))
                }
                'x' => Some((4, None)),
                'u' => Some((6, None)),
                'U' => Some((10, None)),
                second => Some((1 + second.len_utf8(), None)),
            }
        }
        (_, first) => Some((first.len_utf8(), Some(first.to_string().into()))),
    }
}

/// The bytes of a line break with the spaces around it, and what is read for it.
fn folded(rest: &str) -> (usize, Option<Cow<'static, str>>) {
    let length = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    let breaks = rest.get(..length).unwrap_or_default().matches('\n').count();
    let text = if breaks > 1 { "\n".repeat(breaks - 1).into() } else { " ".into() };
    (length, Some(text))
}

/// A literal's lines differ from its bytes by indentation and line breaks only.
fn in_literal(raw: &str, decoded: &str, part: Range<usize>) -> Option<Range<usize>> {
    // The parser begins the bytes before or behind leading empty lines.
    let empty = |line: &&str| line.trim().is_empty();
    let mut raw_at = raw.split_inclusive('\n').take_while(empty).map(str::len).sum::<usize>();
    let mut decoded_at = decoded.len() - decoded.trim_start_matches('\n').len();
    let mut raw_lines = raw.get(raw_at..)?.split_inclusive('\n');
    let mut start = None;
    for line in decoded.get(decoded_at..)?.split_inclusive('\n') {
        let raw_line = raw_lines.next()?;
        let text = line.strip_suffix('\n').unwrap_or(line);
        let raw_text = raw_line.strip_suffix('\n').unwrap_or(raw_line);
        let raw_text = raw_text.strip_suffix('\r').unwrap_or(raw_text);
        let indent = raw_text.strip_suffix(text).filter(|indent| indent.bytes().all(|byte| byte == b' '));
        let here = decoded_at..=decoded_at + text.len();
        if start.is_none() && here.contains(&part.start) {
            start = Some(raw_at + indent?.len() + part.start - decoded_at);
        }
        if start.is_some() && here.contains(&part.end) {
            return Some(start?..raw_at + indent?.len() + part.end - decoded_at);
        }
        raw_at += raw_line.len();
        decoded_at += line.len();
    }
    None
}

/// Returns how a whole scalar with a new text is written, in the form of the old one.
///
/// A plain scalar gets double quotes if YAML would read the new text as another type. None where the form can't hold it.
pub fn written_as(form: Form, text: &str) -> Option<String> {
    match form {
        Form::Plain if is_plain_string(text) => Some(text.to_owned()),
        Form::Plain | Form::DoubleQuoted => Some(format!("\"{}\"", escaped(Form::DoubleQuoted, text)?)),
        Form::SingleQuoted => Some(format!("'{}'", escaped(form, text)?)),
        Form::Literal | Form::Folded | Form::Part => escaped(form, text),
    }
}

/// Returns how a text is written as a scalar of its own in a flow mapping, where commas and brackets end a plain one.
pub fn in_flow(text: &str) -> String {
    let is_bare = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.' | '/');
    let is_plain = text.chars().all(is_bare) && is_plain_string(text);
    // JSON's strings are YAML's double-quoted ones.
    if is_plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

/// Returns how a part of a scalar's text is written inside a scalar of this form; None where it can't be.
pub fn escaped(form: Form, text: &str) -> Option<String> {
    if text.chars().any(char::is_control) {
        return None;
    }
    match form {
        Form::DoubleQuoted => Some(text.replace('\\', "\\\\").replace('"', "\\\"")),
        Form::SingleQuoted => Some(text.replace('\'', "''")),
        Form::Plain | Form::Literal | Form::Folded | Form::Part => Some(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Node, Stream};
    use super::*;

    #[test]
    fn in_a_flow_mapping_a_text_is_quoted_where_yaml_would_read_it_otherwise() {
        for (text, written) in [
            ("prod-eu", "prod-eu"),
            ("clusters/prod", "clusters/prod"),
            (".", "."),
            ("1.10", "\"1.10\""),
            ("on", "\"on\""),
            ("a, b", "\"a, b\""),
            ("a #b", "\"a #b\""),
            ("say \"x\"", "\"say \\\"x\\\"\""),
        ] {
            assert_eq!(in_flow(text), written);
            let stream = Stream::parse(format!("{{a: {written}}}").as_bytes());
            assert_eq!(stream.documents[0].root.text_at(&["a"]), Some(text));
        }
    }

    fn located(text: &str, part: &str) -> Option<String> {
        let stream = Stream::parse(text.as_bytes());
        let scalar = stream.documents[0].root.field("a").and_then(Node::scalar).expect("a scalar");
        let at = scalar.text.rfind(part).expect("the part");
        let raw = &text[scalar.start..scalar.end];
        let range = locate(raw, scalar.form, &scalar.text, at..at + part.len())?;
        Some(format!("{}[{}]{}", &raw[..range.start], &raw[range.clone()], &raw[range.end..]))
    }

    #[test]
    fn a_part_is_found_where_it_is_written() {
        assert_eq!(located("a: x 1.2\n", "1.2").as_deref(), Some("x [1.2]"));
        assert_eq!(located("a: 'x 1.2'\n", "1.2").as_deref(), Some("'x [1.2]'"));
        assert_eq!(located("a: 'it''s 1.2'\n", "1.2").as_deref(), Some("'it''s [1.2]'"));
        assert_eq!(located("a: \"1.2 \\u0031.2\"\n", "1.2").as_deref(), Some("\"1.2 [\\u0031.2]\""));
        assert_eq!(located("a: '''1.2'''\n", "'1.2'").as_deref(), Some("'[''1.2'']'"));
        assert_eq!(located("a: \"\\\"1.2\\\" \"\n", "\"1.2\"").as_deref(), Some("\"[\\\"1.2\\\"] \""));
        assert_eq!(located("a: x\n  1.2\n\n  1.2\n", "x 1.2").as_deref(), Some("[x\n  1.2]\n\n  1.2"));
        assert_eq!(
            located("a: \"x\\\n  \\ 1.2 \n\n  1.2\"\n", "x 1.2").as_deref(),
            Some("\"[x\\\n  \\ 1.2] \n\n  1.2\"")
        );
        assert_eq!(located("a: \"\\u0031.2\\n 1.2\"\n", "1.2").as_deref(), Some("\"\\u0031.2\\n [1.2]\""));
        assert_eq!(located("a: |\r\n  x: 1.2\r\n  y:\r\n    z: 1.2 # c\r\n", "1.2").as_deref().map(str::len), Some(32));
        assert_eq!(
            located("a: |\n\n  x\n   y: 1.2\nb: 1\n", "1.2").as_deref().map(|text| text.contains("y: [1.2]")),
            Some(true)
        );
        assert_eq!(located("a: |\n  x: 'y\n    1.2'\n", "y\n  1.2").as_deref(), Some("x: '[y\n    1.2]'\n"));
        assert_eq!(located("a: >-\n  x\n  y: 1.2\n", "1.2").as_deref(), Some("x\n  y: [1.2]\n"));
    }

    #[test]
    fn a_new_text_keeps_its_type() {
        assert_eq!(written_as(Form::Plain, "1.2.3").as_deref(), Some("1.2.3"));
        assert_eq!(written_as(Form::Plain, "1.10").as_deref(), Some("\"1.10\""));
        assert_eq!(written_as(Form::SingleQuoted, "1.10").as_deref(), Some("'1.10'"));
        assert_eq!(written_as(Form::Plain, "a\nb"), None);
    }
}
