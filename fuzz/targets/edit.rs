//! A scalar of a file is replaced by any text, whole or in part, or a scalar inside its text: the edit is refused, with
//! a place, or another reader of YAML finds the same leaves but for that one, and there the new text.
//!
//! An input is five bytes that choose (see [`Chosen`]), the new text, and the file.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use promote::edit::{Refusal, apply};
use promote::model::{Edit, Form, Place, Problem as _, Slot, Span};
use promote::yaml::{Document, Node, Scalar, Stream};
use serde_yaml::Value;

/// What the first bytes of an input choose.
struct Chosen {
    /// Which scalar of the file.
    outer: usize,
    /// Which scalar of that one's text, or none.
    inner: Option<usize>,
    /// Which part of the innermost text, or all of it: where it begins, and its length.
    part: Option<(usize, usize)>,
}

impl Chosen {
    fn of(bytes: &[u8]) -> Option<(Self, &str, &str)> {
        let (head, rest) = bytes.split_at_checked(5)?;
        let [outer, inner, start, length, new] = *head else { return None };
        let (new, file) = rest.split_at_checked(usize::from(new & 31))?;
        let part = (length > 0).then_some((usize::from(start), usize::from(length)));
        let chosen = Self { outer: outer.into(), inner: usize::from(inner).checked_sub(1), part };
        Some((chosen, std::str::from_utf8(new).ok()?, std::str::from_utf8(file).ok()?))
    }
}

/// The scalar of that number, or as many further as there are none left.
fn scalar(stream: &Stream, number: usize) -> Option<(&Node, &Scalar)> {
    let mut scalars = Vec::new();
    stream
        .documents
        .iter()
        .for_each(|document: &Document| document.scalars(&mut |node, scalar| scalars.push((node, scalar))));
    scalars.get(number.checked_rem(scalars.len())?).copied()
}

fn span(scalar: &Scalar) -> Span {
    Span { start: scalar.start, end: scalar.end, form: scalar.form }
}

/// Names what is chosen of a file.
fn edit(chosen: &Chosen, file: &str, new: &str) -> Option<Edit> {
    let stream = Stream::parse(file.as_bytes());
    let (node, outer) = scalar(&stream, chosen.outer)?;
    let place = Place {
        path: "apps/app.yaml".parse().expect("a path"),
        line: node.position.line,
        column: node.position.column,
    };
    let (mut spans, mut text) = (vec![span(outer)], outer.text.to_string());
    if let Some(number) = chosen.inner {
        let inner = Stream::parse_text(&text);
        let (_, scalar) = scalar(&inner, number)?;
        spans.push(span(scalar));
        text = scalar.text.to_string();
    }
    if let Some((start, length)) = chosen.part {
        let start = start.min(text.len());
        let end = (start + length).min(text.len());
        text = text.get(start..end)?.to_owned();
        spans.push(Span { start, end, form: Form::Part });
    }
    Some(Edit { slot: Slot { place, spans }, field: String::new(), before: text, after: new.to_owned() })
}

/// The leaves of a text by their path, as another reader finds them; none if it can't read the text.
fn leaves(text: &str) -> Option<Vec<(String, Value)>> {
    fn add(value: &Value, path: &str, leaves: &mut Vec<(String, Value)>) {
        match value {
            Value::Mapping(entries) => {
                for (index, (key, value)) in entries.iter().enumerate() {
                    add(key, &format!("{path}/{index}?"), leaves);
                    add(value, &format!("{path}/{index}:"), leaves);
                }
            }
            Value::Sequence(items) => {
                for (index, item) in items.iter().enumerate() {
                    add(item, &format!("{path}/{index}"), leaves);
                }
            }
            Value::Tagged(tagged) => add(&tagged.value, &format!("{path}/{}", tagged.tag), leaves),
            leaf => leaves.push((path.to_owned(), leaf.clone())),
        }
    }
    let mut all = Vec::new();
    for (index, document) in serde_yaml::Deserializer::from_str(text.trim_start_matches('\u{feff}')).enumerate() {
        let value = <Value as serde::Deserialize>::deserialize(document).ok()?;
        add(&value, &index.to_string(), &mut all);
    }
    Some(all)
}

/// Two readers differ about some texts without an edit: only what both read alike can judge one.
fn is_read_alike(text: &str, leaves: &[(String, Value)]) -> bool {
    let stream = Stream::parse_text(text);
    let (mut ours, mut anchors, mut tags) = (Vec::new(), 0, 0);
    for document in &stream.documents {
        document.scalars(&mut |node, scalar| {
            ours.push(scalar.text.to_string());
            anchors += usize::from(node.anchor.is_some());
            tags += usize::from(node.tag.is_some());
        });
    }
    // The other reader mistakes one anchor for another where a name is used again, and leaves out tags that it knows.
    let plain = anchors == 0 && tags == 0 && ours.len() == leaves.len() && stream.problems.is_empty();
    plain && ours.iter().zip(leaves).all(|(ours, (_, theirs))| theirs.as_str().is_none_or(|theirs| theirs == ours))
}

/// Checks that the text reads as before but for one leaf, and that one as planned.
fn changed(before: &str, after: &str, spans: &[Span], new: &str) {
    let Some(olds) = leaves(before).filter(|leaves| is_read_alike(before, leaves)) else { return };
    let news = leaves(after).unwrap_or_else(|| panic!("no other reader reads\n{after}"));
    assert_eq!(olds.len(), news.len(), "{after}");
    let different = || olds.iter().zip(&news).filter(|(old, new)| old != new);
    assert!(different().count() <= 1, "{:?}", different().collect::<Vec<_>>());
    let Some(((path, old), (new_path, now))) = different().next() else { return };
    assert_eq!(path, new_path);
    if old.as_str().is_none() && spans.len() > 1 {
        // A part of a number: what it is afterwards hangs on the rest of it.
        return;
    }
    let now = now.as_str().unwrap_or_else(|| panic!("{path} was {old:?} and is no text:\n{after}"));
    match (old.as_str(), spans) {
        (_, [_]) => assert_eq!(now.trim_end_matches('\n'), new.trim_end_matches('\n'), "{after}"),
        (Some(old), [_, part]) if part.form == Form::Part => {
            let mut planned = old.to_owned();
            planned.replace_range(part.range(), new);
            assert_eq!(now, planned, "{after}");
        }
        (Some(old), [_, inner @ ..]) => changed(old, now, inner, new),
        (None, _) | (_, []) => {}
    }
}

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Some((chosen, new, file)) = Chosen::of(bytes) else { return Corpus::Reject };
    let Some(edit) = edit(&chosen, file, new) else { return Corpus::Reject };
    match apply(file.as_bytes(), &[&edit]) {
        Ok(after) => {
            let after = String::from_utf8(after).expect("UTF-8 stays UTF-8");
            let outer = edit.slot.spans.first().expect("a span");
            assert!(after.starts_with(&file[..outer.start]) && after.ends_with(&file[outer.end..]), "{after}");
            changed(file, &after, &edit.slot.spans, new);
        }
        Err(Refusal::Denied { .. }) => {}
        Err(refusal) => assert!(refusal.place().is_some_and(|place| place.line > 0), "{refusal}"),
    }
    Corpus::Keep
});
