//! Rows of cells as aligned columns, without borders.

use comfy_table::{ContentArrangement, Table, presets};

/// Aligns `rows`, each after `indent` blanks, with three blanks between columns and none at a line's end.
pub fn columns(rows: impl IntoIterator<Item = Vec<String>>, indent: usize) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 3));
    }
    let margin = " ".repeat(indent);
    table.to_string().lines().map(|line| format!("{margin}{}", line.trim_end()).trim_end().to_owned() + "\n").collect()
}

/// Returns a number with its noun: `1 app`, `2 apps`.
pub fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_lines_end_without_blanks() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let text = columns([row(["a", "long", ""]), row(["longer", "b", "c"])], 2);
        assert_eq!(text, "  a        long\n  longer   b      c\n");
    }
}
