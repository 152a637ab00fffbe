//! Where a part of a decoded text stands in the bytes, and how a new one is written there.

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
        Form::Literal => {
            let range = in_literal(raw, decoded, part)?;
            raw.get(range.clone()).filter(|found| *found == wanted).map(|_| range)
        }
        Form::Plain | Form::SingleQuoted | Form::DoubleQuoted | Form::Folded => {
            let quote = usize::from(matches!(form, Form::SingleQuoted | Form::DoubleQuoted));
            let inner = raw.get(quote..raw.len().checked_sub(quote)?)?;
            if inner == decoded {
                return Some(part.start + quote..part.end + quote);
            }
            if form == Form::DoubleQuoted && inner.contains('\\') {
                let range = in_escaped(inner, decoded, part)?;
                return inner
                    .get(range.clone())
                    .filter(|found| *found == wanted)
                    .map(|_| range.start + 1..range.end + 1);
            }
            if wanted.is_empty() {
                return None;
            }
            // Escapes or folding changed the text around it: the same occurrence of the same text, if each is there.
            let before = decoded.match_indices(wanted).position(|(at, _)| at == part.start)?;
            let there: Vec<usize> = inner.match_indices(wanted).map(|(at, _)| at).collect();
            let start = there.get(before).filter(|_| there.len() == decoded.matches(wanted).count())? + quote;
            Some(start..start + wanted.len())
        }
    }
}

/// Follows the escapes of a double-quoted scalar; none if it spans lines.
fn in_escaped(inner: &str, decoded: &str, part: Range<usize>) -> Option<Range<usize>> {
    let mut raw = inner.char_indices();
    let mut start = None;
    for (at, char) in decoded.char_indices().chain([(decoded.len(), '\0')]) {
        let Some((raw_at, raw_char)) = raw.next() else {
            return (at == part.end).then_some(start?..inner.len());
        };
        if at == part.start {
            start = Some(raw_at);
        }
        if at == part.end {
            return Some(start?..raw_at);
        }
        if raw_char == '\\' {
            let digits = match raw.next()?.1 {
                'x' => 2,
                'u' => 4,
                'U' => 8,
                _ => 0,
            };
            raw.by_ref().take(digits).for_each(drop);
        } else if raw_char != char {
            return None;
        }
    }
    None
}

/// A literal's lines differ from its bytes by indentation and line breaks only.
fn in_literal(raw: &str, decoded: &str, part: Range<usize>) -> Option<Range<usize>> {
    // The parser begins the bytes before or behind leading empty lines.
    let empty = |line: &&str| line.trim().is_empty();
    let mut raw_at = raw.split_inclusive('\n').take_while(empty).map(str::len).sum::<usize>();
    let mut decoded_at = decoded.len() - decoded.trim_start_matches('\n').len();
    let mut raw_lines = raw.get(raw_at..)?.split_inclusive('\n');
    for line in decoded.get(decoded_at..)?.split_inclusive('\n') {
        let raw_line = raw_lines.next()?;
        let text = line.strip_suffix('\n').unwrap_or(line);
        let raw_text = raw_line.strip_suffix('\n').unwrap_or(raw_line);
        let raw_text = raw_text.strip_suffix('\r').unwrap_or(raw_text);
        if (decoded_at..=decoded_at + text.len()).contains(&part.start) {
            let indent = raw_text.strip_suffix(text)?;
            if part.end > decoded_at + text.len() || !indent.bytes().all(|byte| byte == b' ') {
                return None;
            }
            let start = raw_at + indent.len() + part.start - decoded_at;
            return Some(start..start + part.len());
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
        assert_eq!(located("a: \"1.2 \\u0031.2\"\n", "1.2"), None);
        assert_eq!(located("a: \"\\u0031.2\\n 1.2\"\n", "1.2").as_deref(), Some("\"\\u0031.2\\n [1.2]\""));
        assert_eq!(located("a: |\r\n  x: 1.2\r\n  y:\r\n    z: 1.2 # c\r\n", "1.2").as_deref().map(str::len), Some(32));
        assert_eq!(
            located("a: |\n\n  x\n   y: 1.2\nb: 1\n", "1.2").as_deref().map(|text| text.contains("y: [1.2]")),
            Some(true)
        );
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
