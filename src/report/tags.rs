//! Tags for people: newest first, what the range selects, and why the others aren't.

use super::columns::columns;
use crate::model::TagTable;

/// Returns a line for each tag; the last line says what would be taken, if a range was given.
pub fn render(table: &TagTable, range: Option<&str>) -> String {
    let mut text = columns(
        table.tags.iter().map(|judged| {
            let mark = if table.selected.as_deref() == Some(&judged.tag) { ">" } else { " " };
            vec![format!("{mark} {}", judged.tag), judged.reason.message.clone()]
        }),
        0,
    );
    let Some(range) = range else { return text };
    let line = match (&table.selected, table.tied.is_empty()) {
        (Some(tag), _) => format!("`{range}` selects {tag}"),
        (None, true) => format!("`{range}` selects none of {} tags", table.tags.len()),
        (None, false) => {
            let tied = table.tied.join(", ");
            format!("`{range}` is ambiguous: {tied} tie, and which one Flux takes hangs on the registry's order")
        }
    };
    text.push_str(&line);
    text.push('\n');
    text
}
