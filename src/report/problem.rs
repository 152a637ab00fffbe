//! An error as people see it: what, where with the line, why, and what to do next.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::model::{Failure, Place, Problem};

/// Returns an error's text: `error: …`, its place with the line if the file's text is given, then `help: …`.
///
/// `source` is the whole text of the file that [`Problem::place`] names.
pub fn render(problem: &dyn Problem, source: Option<&str>) -> String {
    let failure = Failure::of(problem);
    let mut text = match (problem.place(), source) {
        (Some(place), Some(source)) => with_line(&failure.message, place, source),
        (Some(place), None) => format!("error: {}\n  --> {place}", failure.message),
        (None, _) => format!("error: {}", failure.message),
    };
    text.push('\n');
    if let Some(hint) = failure.hint {
        text.push_str("help: ");
        text.push_str(&hint.replace('\n', "\n      "));
        text.push('\n');
    }
    text
}

fn with_line(message: &str, place: &Place, source: &str) -> String {
    let path = place.path.to_string();
    let Some(line) = source.lines().nth(place.line.saturating_sub(1)) else {
        return format!("error: {message}\n  --> {place}");
    };
    let start = line.char_indices().nth(place.column.saturating_sub(1)).map_or(line.len(), |(index, _)| index);
    let rest = line.get(start..).unwrap_or_default();
    let length = rest.find(|char: char| char.is_whitespace() || char == ',').unwrap_or(rest.len());
    let snippet = Snippet::source(line)
        .path(&path)
        .line_start(place.line)
        .annotation(AnnotationKind::Primary.span(start..(start + length).min(line.len())));
    Renderer::plain().render(&[Level::ERROR.primary_title(message).element(snippet)])
}
