//! Tags for people: newest first, what the range selects, and why the others aren't.

use super::columns::columns;
use crate::constraint::Selection;

/// Returns a line for each tag; the last line says what would be taken, if a range was given.
pub fn render(selection: &Selection, range: Option<&str>) -> String {
    let mut text = columns(
        selection.tags.iter().map(|considered| {
            let mark = if selection.selected.as_deref() == Some(&considered.tag) { ">" } else { " " };
            vec![format!("{mark} {}", considered.tag), selection.reason(considered).message]
        }),
        0,
    );
    let Some(range) = range else { return text };
    let line = match (&selection.selected, selection.tied.is_empty()) {
        (Some(tag), _) => format!("`{range}` selects {tag}"),
        (None, true) => format!("`{range}` selects none of {} tags", selection.tags.len()),
        (None, false) => {
            let tied = selection.tied.join(", ");
            format!("`{range}` is ambiguous: {tied} tie, and which one Flux takes hangs on the registry's order")
        }
    };
    text.push_str(&line);
    text.push('\n');
    text
}
