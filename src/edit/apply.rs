//! Replacing the bytes of scalars, and nothing else.

use std::collections::BTreeMap;
use std::ops::Range;

use super::permit::{denial, is_lfs_pointer};
use super::{Refusal, writable};
use crate::model::{Edit, Form, Place, RepoPath, Snapshot, Span};
use crate::yaml::{self, Document, Hazard, Position, Stream};

/// One replacement of bytes in the file.
struct Splice {
    range: Range<usize>,
    new: String,
    /// What it does to the outermost scalar; none in a file that is not YAML.
    outer: Option<Outer>,
}

/// What one replacement does to a scalar around it.
struct Outer {
    /// The scalar's bytes.
    scalar: Range<usize>,
    /// The part of its decoded text that is replaced.
    part: Range<usize>,
    /// The text that stands there afterwards.
    new: String,
}

/// Applies all edits of a plan to the files of a snapshot.
///
/// # Errors
/// [`Refusal`] if any of them can't be made surely; then none is made.
pub fn apply_all(snapshot: &Snapshot, edits: &[Edit]) -> Result<BTreeMap<RepoPath, Vec<u8>>, Refusal> {
    let mut by_file: BTreeMap<RepoPath, Vec<&Edit>> = BTreeMap::new();
    for edit in edits {
        by_file.entry(edit.slot.path().clone()).or_default().push(edit);
    }
    let mut files = BTreeMap::new();
    for (path, edits) in by_file {
        let bytes = writable(snapshot, &path)?;
        files.insert(path, apply(bytes, &edits)?);
    }
    Ok(files)
}

/// Applies edits to one file: exactly the bytes of the scalars change.
///
/// # Errors
/// [`Refusal`] for an alias, an anchor that is used elsewhere, a duplicate key, a merge key, a tag of its own, a text
/// that is not what the edit expects, a path that is never written, or a result that does not read as planned.
pub fn apply(bytes: &[u8], edits: &[&Edit]) -> Result<Vec<u8>, Refusal> {
    let Some(first) = edits.first() else { return Ok(bytes.to_vec()) };
    if let Some(what) = denial(first.slot.path()) {
        return Err(Refusal::Denied { path: first.slot.path().clone(), what });
    }
    if is_lfs_pointer(bytes) {
        return Err(Refusal::Denied { path: first.slot.path().clone(), what: "a Git LFS pointer" });
    }
    let unsure = || Refusal::Unsure { place: first.slot.place.clone() };
    let text = std::str::from_utf8(bytes).map_err(|_| unsure())?;
    let stream = Stream::parse(bytes);
    let mut splices = Vec::new();
    for edit in edits {
        let splice = splice(text, &stream, edit)?;
        match splices.iter().find(|other: &&Splice| overlap(&other.range, &splice.range)) {
            Some(same) if same.range == splice.range && same.new == splice.new => {}
            Some(_) => return Err(Refusal::Unsure { place: edit.slot.place.clone() }),
            None => splices.push(splice),
        }
    }
    splices.sort_by_key(|splice| splice.range.start);
    let mut after = String::with_capacity(text.len() + 64);
    let mut at = 0;
    for splice in &splices {
        after.push_str(text.get(at..splice.range.start).ok_or_else(unsure)?);
        after.push_str(&splice.new);
        at = splice.range.end;
    }
    after.push_str(text.get(at..).ok_or_else(unsure)?);
    if splices.iter().all(|splice| splice.outer.is_none()) {
        // A file that is not YAML: what was found there is what was replaced.
        return Ok(after.into_bytes());
    }
    let outer: Vec<&Outer> = splices.iter().filter_map(|splice| splice.outer.as_ref()).collect();
    check(&stream, &Stream::parse(after.as_bytes()), &outer).map_err(|()| Refusal::Misread {
        place: first.slot.place.clone(),
        after: edits.iter().map(|edit| edit.after.as_str()).collect::<Vec<_>>().join(", "),
    })?;
    Ok(after.into_bytes())
}

fn overlap(one: &Range<usize>, two: &Range<usize>) -> bool {
    one.start < two.end && two.start < one.end || one == two
}

/// Finds the bytes of one edit, and how the new text is written there.
fn splice(text: &str, stream: &Stream, edit: &Edit) -> Result<Splice, Refusal> {
    let place = &edit.slot.place;
    let unsure = || Refusal::Unsure { place: place.clone() };
    let (first, inner) = edit.slot.spans.split_first().ok_or_else(unsure)?;
    if first.form == Form::Part {
        let range = first.range();
        let now = text.get(range.clone()).ok_or_else(unsure)?;
        if now != edit.before || !inner.is_empty() {
            return Err(Refusal::Changed { place: place.clone(), expected: edit.before.clone() });
        }
        let new = yaml::escaped(Form::Part, &edit.after).ok_or_else(unsure)?;
        return Ok(Splice { range, new, outer: None });
    }
    let decoded = scalar(stream, first, place, |position| Place {
        path: place.path.clone(),
        line: position.line,
        column: position.column,
    })?;
    let (part, new, whole) = descend(&decoded, first, inner, edit)?;
    let raw = text.get(first.range()).ok_or_else(unsure)?;
    let outer = Some(Outer { scalar: first.range(), part: part.clone(), new: new.clone() });
    let (range, new) = if whole {
        (0..raw.len(), yaml::written_as(first.form, &new).ok_or_else(unsure)?)
    } else {
        let range = yaml::locate(raw, first.form, &decoded, part).ok_or_else(unsure)?;
        (range, yaml::escaped(first.form, &new).ok_or_else(unsure)?)
    };
    let range = first.start + range.start..first.start + range.end;
    Ok(Splice { outer, range, new })
}

/// Goes down the spans inside a scalar: the part of its decoded text to replace, what to write there, and whether the
/// whole scalar is rewritten.
fn descend(decoded: &str, span: &Span, inner: &[Span], edit: &Edit) -> Result<(Range<usize>, String, bool), Refusal> {
    let place = &edit.slot.place;
    let unsure = || Refusal::Unsure { place: place.clone() };
    let changed = || Refusal::Changed { place: place.clone(), expected: edit.before.clone() };
    let Some((next, rest)) = inner.split_first() else {
        if matches!(span.form, Form::Literal | Form::Folded) {
            // The line breaks at the end belong to the block, not to the version.
            let (text, breaks) = decoded.split_at(decoded.trim_end_matches('\n').len());
            let after = match edit.before == decoded {
                true => edit.after.strip_suffix(breaks).unwrap_or(&edit.after),
                false if edit.before == text => &edit.after,
                false => return Err(changed()),
            };
            return Ok((0..text.len(), after.to_owned(), false));
        }
        return if decoded == edit.before { Ok((0..decoded.len(), edit.after.clone(), true)) } else { Err(changed()) };
    };
    if next.form == Form::Part {
        let now = decoded.get(next.range()).ok_or_else(unsure)?;
        if now != edit.before || !rest.is_empty() {
            return Err(changed());
        }
        // What is plain must stay the kind of plain that it was, quotes added if need be.
        let after = format!(
            "{}{}{}",
            decoded.get(..next.start).unwrap_or_default(),
            edit.after,
            decoded.get(next.end..).unwrap_or_default()
        );
        if span.form == Form::Plain && yaml::is_string(decoded) && !yaml::is_string(&after) {
            return Ok((0..decoded.len(), after, true));
        }
        return Ok((next.range(), edit.after.clone(), false));
    }
    let stream = Stream::parse_text(decoded);
    let text = scalar(&stream, next, place, |_| place.clone())?;
    let (part, new, whole) = descend(&text, next, rest, edit)?;
    let outer = Outer { scalar: next.range(), part: part.clone(), new: new.clone() };
    let raw = decoded.get(next.range()).ok_or_else(unsure)?;
    let (range, new) = if whole {
        (0..raw.len(), yaml::written_as(next.form, &new).ok_or_else(unsure)?)
    } else {
        let range = yaml::locate(raw, next.form, &text, part).ok_or_else(unsure)?;
        (range, yaml::escaped(next.form, &new).ok_or_else(unsure)?)
    };
    let range = next.start + range.start..next.start + range.end;
    let mut after = decoded.to_owned();
    after.replace_range(range.clone(), &new);
    check(&stream, &Stream::parse_text(&after), &[&outer])
        .map_err(|()| Refusal::Misread { place: place.clone(), after: edit.after.clone() })?;
    Ok((range, new, false))
}

/// Returns the decoded text of the scalar at a span, unless replacing it is unsafe.
fn scalar(stream: &Stream, span: &Span, place: &Place, at: impl Fn(Position) -> Place) -> Result<String, Refusal> {
    let found = |document: &Document| {
        document.hazards(span.start, span.end).map(|(scalar, hazards)| (scalar.text.to_string(), hazards))
    };
    let Some((text, hazards)) = stream.documents.iter().find_map(found) else {
        return Err(Refusal::Unsure { place: place.clone() });
    };
    let place = place.clone();
    match hazards.first() {
        None => Ok(text),
        Some(Hazard::Aliased { at: anchor }) => Err(Refusal::Aliased { place, anchor: at(*anchor) }),
        Some(Hazard::DuplicateKey { at: other }) => Err(Refusal::DuplicateKey { place, other: at(*other) }),
        Some(Hazard::MergeKey { at: merge }) => Err(Refusal::MergeKey { place, merge: at(*merge) }),
        Some(Hazard::CustomTag { .. }) => Err(Refusal::CustomTag { place }),
    }
}

/// Checks that a file, or the text of a scalar, reads as before but for the planned scalars.
fn check(before: &Stream, after: &Stream, planned: &[&Outer]) -> Result<(), ()> {
    if before.documents.len() != after.documents.len() || before.problems.len() != after.problems.len() {
        return Err(());
    }
    for (old, new) in before.documents.iter().zip(&after.documents) {
        let (mut olds, mut news) = (Vec::new(), Vec::new());
        old.scalars(&mut |node, scalar| olds.push((node, scalar)));
        new.scalars(&mut |node, scalar| news.push((node, scalar)));
        if olds.len() != news.len() || shape(&old.root) != shape(&new.root) {
            return Err(());
        }
        for ((old_node, old), (new_node, new)) in olds.iter().zip(&news) {
            let mut parts: Vec<&&Outer> = planned.iter().filter(|outer| outer.scalar == (old.start..old.end)).collect();
            let text_is_planned = if parts.is_empty() {
                old.text == new.text && old.form == new.form
            } else {
                // From the last part to the first, so that the places of the others stay.
                parts.sort_by_key(|outer| std::cmp::Reverse(outer.part.start));
                let mut text = old.text.to_string();
                for outer in parts {
                    if text.get(outer.part.clone()).is_none() {
                        return Err(());
                    }
                    text.replace_range(outer.part.clone(), &outer.new);
                }
                *new.text == *text && (new.form != Form::Plain || yaml::is_string(&text) || !yaml::is_string(&old.text))
            };
            if !text_is_planned || old_node.tag != new_node.tag || old_node.anchor != new_node.anchor {
                return Err(());
            }
        }
    }
    Ok(())
}

/// The structure of a document without its scalars' texts.
fn shape(node: &yaml::Node) -> String {
    fn write(node: &yaml::Node, shape: &mut String) {
        match &node.content {
            yaml::Content::Scalar(_) => shape.push('s'),
            yaml::Content::Alias(anchor, _) => shape.push_str(&format!("*{}", anchor.0)),
            yaml::Content::Sequence(items) => {
                shape.push('[');
                items.iter().for_each(|item| write(item, shape));
                shape.push(']');
            }
            yaml::Content::Mapping(entries) => {
                shape.push('{');
                for (key, value) in entries {
                    write(key, shape);
                    write(value, shape);
                }
                shape.push('}');
            }
        }
    }
    let mut text = String::new();
    write(node, &mut text);
    text
}
