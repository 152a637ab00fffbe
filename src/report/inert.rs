//! Makes text from elsewhere harmless: on a terminal, in a CI log, in Markdown, in a commit message.
//!
//! Tags, annotations, answers of a registry and reasons are data. A terminal would obey escape sequences in them, a CI
//! runner workflow commands, a forge mentions, closing keywords, quick actions, images and HTML. What can't be seen is
//! written as `\u{…}`; what a forge would act on is broken by a zero-width space that we insert.

use std::fmt::Write as _;

/// The zero-width space that breaks what a forge would act on.
pub const BREAK: char = '\u{200b}';

/// How many bytes one value from elsewhere may take.
pub const VALUE_LIMIT: usize = 2048;

/// Where a code span stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// In a sentence.
    Line,
    /// In a cell of a table, where `|` ends the cell even inside a code span.
    Cell,
}

/// How a text is shown, which says what must be broken in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// As formatted text: links and references would become active.
    Prose,
    /// As it is: in a code span or a fence.
    Verbatim,
}

/// Returns one line for a terminal or a CI log: nothing in it is obeyed, and no line break is left.
pub fn terminal(text: &str) -> String {
    let line = visible(text);
    let line = line.replace("##[", "#\\#[");
    // The runner trims before it looks, and a command must be the first thing on its line.
    if line.trim_start().starts_with("::") { format!("\\{}", line.trim_start()) } else { line }
}

/// Returns the same for a text of several lines, which keep their breaks.
pub fn terminal_lines(text: &str) -> String {
    text.split('\n').map(|line| terminal(line.strip_suffix('\r').unwrap_or(line))).collect::<Vec<_>>().join("\n")
}

/// Returns one line for a title, a commit message or a trailer, which a forge reads for references and commands.
pub fn plain(text: &str) -> String {
    let line = defuse(&one_line(text), Shown::Prose);
    if line.starts_with(['/', '#']) { format!("{BREAK}{line}") } else { line }
}

/// Returns one line of Markdown that shows the text and nothing else: no link, no emphasis, no HTML, no cell border.
pub fn inline(text: &str) -> String {
    escaped(&defuse(&one_line(text), Shown::Prose))
}

/// Writes a backslash before what Markdown reads as more than text.
fn escaped(text: &str) -> String {
    let mut markdown = String::with_capacity(text.len());
    if opens_a_block(text) {
        markdown.push(BREAK);
    }
    let chars: Vec<char> = text.chars().collect();
    for (index, char) in chars.iter().copied().enumerate() {
        let inside_a_word =
            |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(|char| char.is_alphanumeric());
        let escaped = match char {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '&' | '|' | '~' | '$' => true,
            '_' => !(inside_a_word(index.checked_sub(1)) && inside_a_word(Some(index + 1))),
            _ => false,
        };
        if escaped {
            markdown.push('\\');
        }
        markdown.push(char);
    }
    markdown
}

/// Returns one line of Markdown for a message of ours, in which values stand in backticks: these become code spans.
pub fn message(text: &str, within: Within) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return inline(text);
    }
    let mut markdown = String::new();
    for (index, part) in parts.into_iter().enumerate() {
        match index % 2 {
            1 => markdown += &code(part, within),
            // The line has begun already, but for the first part; spaces beside a span stay.
            _ if index > 0 && part.starts_with(' ') => markdown += &format!(" {}", inline(part.trim_start())),
            _ => markdown += &inline(part),
        }
        if index % 2 == 0 && part.ends_with(' ') && !markdown.ends_with(' ') {
            markdown.push(' ');
        }
    }
    markdown.trim_end().to_owned()
}

/// Returns the text of a link that we make: as [`inline`], but a commit's name need not be broken in it.
pub fn label(text: &str) -> String {
    escaped(&defuse(&one_line(text), Shown::Verbatim))
}

/// Returns a code span that shows the text.
pub fn code(text: &str, within: Within) -> String {
    let text = defuse(&one_line(text), Shown::Verbatim);
    let text = if text.is_empty() { " ".to_owned() } else { text };
    let text = if within == Within::Cell { text.replace('|', "\\|") } else { text };
    let ticks = "`".repeat(longest_run(&text, '`') + 1);
    // One space inside each end is taken off again, so that a tick at the end isn't read as the delimiter.
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// Returns a fenced block; the fence is longer than any run of its letter inside.
pub fn fence(info: &str, text: &str) -> String {
    let text = text.split('\n').map(fenced_line).collect::<Vec<_>>().join("\n");
    let text = text.trim_end_matches('\n');
    let ticks = "`".repeat((longest_run(text, '`') + 1).max(3));
    format!("{ticks}{info}\n{text}\n{ticks}")
}

/// Returns a fenced block of lines that are inert already, such as those of [`json`].
pub fn fenced_lines(info: &str, lines: impl IntoIterator<Item = String>) -> String {
    format!("```{info}\n{}\n```", lines.into_iter().collect::<Vec<_>>().join("\n"))
}

/// Returns a JSON text in which every letter that a forge could act on is written as an escape.
pub fn json(value: &serde_json::Value) -> String {
    let text = value.to_string();
    let mut inert = String::with_capacity(text.len());
    let mut inside = false;
    let mut escaped = false;
    let mut before = None;
    // The letters of the string before this one, in lower case.
    let mut word = String::new();
    for char in text.chars() {
        let acted_on = match char {
            '@' | '#' | '<' | '>' | '&' | '`' | '!' | '[' => true,
            '/' => before == Some(':'),
            '-' => matches!(word.as_str(), "gh" | "skip"),
            '_' => matches!(word.as_str(), "no" | "skip"),
            '.' => word == "ci",
            char => !char.is_ascii(),
        };
        if inside && acted_on && !escaped {
            for unit in char.encode_utf16(&mut [0; 2]) {
                let _ = write!(inert, "\\u{unit:04x}");
            }
        } else {
            inert.push(char);
        }
        if char == '"' && !escaped {
            inside = !inside;
        }
        escaped = inside && char == '\\' && !escaped;
        before = Some(char);
        if char.is_ascii_alphanumeric() { word.push(char.to_ascii_lowercase()) } else { word.clear() }
    }
    inert
}

/// Returns a JSON document in which what can't be seen stands as an escape: a terminal shows it and obeys nothing.
pub fn json_document(text: &str) -> String {
    let mut inert = String::with_capacity(text.len());
    for char in text.chars() {
        if char != '\n' && is_invisible(char) {
            for unit in char.encode_utf16(&mut [0; 2]) {
                let _ = write!(inert, "\\u{unit:04x}");
            }
        } else {
            inert.push(char);
        }
    }
    inert
}

/// Returns the beginning of a text, at most `limit` bytes of it, with a mark where it was cut.
pub fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut end = limit;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let kept = text.get(..end).unwrap_or_default();
    format!("{kept}... ({} bytes left out)", text.len() - end)
}

/// Tells whether a letter is not seen, or changes how others are seen.
fn is_invisible(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Writes what can't be seen as an escape.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\t' => shown.push(' '),
            char if is_invisible(char) => shown.extend(char.escape_default()),
            char => shown.push(char),
        }
    }
    shown
}

fn one_line(text: &str) -> String {
    let text = cut(text, VALUE_LIMIT);
    visible(&text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" "))
}

fn fenced_line(line: &str) -> String {
    let line = defuse(&visible(line.strip_suffix('\r').unwrap_or(line)), Shown::Verbatim);
    if line.trim_start().starts_with('/') { format!("{BREAK}{line}") } else { line }
}

fn longest_run(text: &str, letter: char) -> usize {
    text.split(|char| char != letter).map(str::len).max().unwrap_or(0)
}

/// Tells whether Markdown, or a forge's command reader, would see more than text at the beginning of a line.
fn opens_a_block(text: &str) -> bool {
    // A list's item is a number, its sign and a space: `1.2.3` is none.
    let rest = text.trim_start_matches(|char: char| char.is_ascii_digit());
    let item =
        rest.strip_prefix(['.', ')']).is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
    text.starts_with(['#', '+', '-', '=', '>', ':', '/', '~', '|', ' ']) || (item && rest.len() < text.len())
}

/// Breaks what a forge would act on.
fn defuse(text: &str, shown: Shown) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut inert = String::with_capacity(text.len() + 16);
    let mut index = 0;
    while let Some(&char) = chars.get(index) {
        let rest = chars.get(index + 1..).unwrap_or_default();
        let before = index.checked_sub(1).and_then(|before| chars.get(before)).copied();
        let word = word_at(&chars, index, before);
        if !word.is_empty() {
            inert.push_str(&defuse_word(&word, before, chars.get(index + word.len()..).unwrap_or_default(), shown));
            index += word.len();
            continue;
        }
        inert.push(char);
        if breaks_after(char, rest, shown) {
            inert.push(BREAK);
        }
        index += 1;
    }
    inert
}

/// Tells whether a reference begins with this letter.
fn breaks_after(char: char, rest: &[char], shown: Shown) -> bool {
    let next = rest.first().copied();
    let digit = next.is_some_and(|char| char.is_ascii_digit());
    let begins = |word: &str| {
        word.chars().zip(rest.iter().chain(std::iter::repeat(&'\0'))).all(|(a, b)| a == b.to_ascii_lowercase())
    };
    match char {
        // Flux and OCI write revisions and digests with `@`: nobody is called that in a code span.
        '@' if shown == Shown::Verbatim && ["sha1:", "sha256:", "sha512:"].into_iter().any(begins) => false,
        '@' => next.is_some_and(|char| !char.is_whitespace()),
        '#' | '!' => digit,
        '$' | '%' | '&' | '~' | '^' => shown == Shown::Prose && digit,
        ':' => shown == Shown::Prose && begins("//"),
        '[' => {
            let inside: String = rest.iter().take(40).take_while(|char| **char != ']').collect();
            let inside = inside.to_ascii_lowercase();
            inside.contains("skip") || inside.split(|char: char| !char.is_alphanumeric()).any(|word| word == "ci")
        }
        _ => false,
    }
}

/// Returns the ASCII letters and digits that begin here, if a word begins here.
fn word_at(chars: &[char], index: usize, before: Option<char>) -> String {
    if before.is_some_and(|char| char.is_alphanumeric()) {
        return String::new();
    }
    chars.get(index..).unwrap_or_default().iter().take_while(|char| char.is_ascii_alphanumeric()).collect()
}

/// Breaks a word that a forge acts on: a closing keyword, a commit's name, `www.`, a word that stops the CI.
fn defuse_word(word: &str, before: Option<char>, rest: &[char], shown: Shown) -> String {
    const CLOSING: [&str; 17] = [
        "close",
        "closes",
        "closed",
        "closing",
        "fix",
        "fixes",
        "fixed",
        "fixing",
        "resolve",
        "resolves",
        "resolved",
        "resolving",
        "implement",
        "implements",
        "implemented",
        "implementing",
        "gh",
    ];
    let lower = word.to_ascii_lowercase();
    let after: String = rest.iter().take(12).collect();
    let after_lower = after.to_ascii_lowercase();
    let target: String = rest
        .iter()
        .skip_while(|char| **char == ':' || char.is_whitespace())
        .take_while(|char| !char.is_whitespace())
        .collect();
    let acted_on = match lower.as_str() {
        "gh" => after.strip_prefix('-').is_some_and(|rest| rest.starts_with(|char: char| char.is_ascii_digit())),
        "skip" => after_lower.starts_with("-checks") || after_lower.starts_with("_ci"),
        "no" => after_lower.starts_with("_ci"),
        "ci" => after_lower.starts_with(".skip"),
        "www" => shown == Shown::Prose && after.starts_with('.'),
        keyword if CLOSING.contains(&keyword) => target.contains(|char: char| !char.is_alphabetic()),
        _ => {
            let hex = lower.len() >= 7 && lower.bytes().all(|byte| byte.is_ascii_hexdigit());
            hex && shown == Shown::Prose && before != Some(':')
        }
    };
    let mut chars = word.chars();
    match chars.next() {
        Some(first) if acted_on && lower == "www" => format!("{first}{}{BREAK}", chars.as_str()),
        Some(first) if acted_on => format!("{first}{BREAK}{}", chars.as_str()),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_nothing() {
        let cases = [
            ("v1.2.3", "v1.2.3"),
            ("a\u{1b}[31mred", "a\\u{1b}[31mred"),
            ("a\u{9b}31m", "a\\u{9b}31m"),
            ("x\ny", "x\\ny"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("a\u{200b}b\u{7f}", "a\\u{200b}b\\u{7f}"),
            ("::add-mask::x", "\\::add-mask::x"),
            ("  ::error::x", "\\::error::x"),
            ("x ##[error]y", "x #\\#[error]y"),
            ("a::b", "a::b"),
        ];
        for (text, shown) in cases {
            assert_eq!(terminal(text), shown, "{text:?}");
        }
        assert_eq!(terminal_lines("a\r\n::b\n\u{1b}"), "a\n\\::b\n\\u{1b}");
    }

    #[test]
    fn prose_names_nobody_and_closes_nothing() {
        let shown = |text: &str| inline(text).replace(BREAK, "·");
        let cases = [
            ("CHG-8813 spring pricing", "CHG-8813 spring pricing"),
            ("ask @acme/sre", "ask @·acme/sre"),
            ("fixes #1", "f·ixes #·1"),
            ("Closes: acme/fleet#12", "C·loses: acme/fleet#·12"),
            ("fix double charges", "fix double charges"),
            ("see GH-7 and !12", "see G·H-7 and !·12"),
            ("[skip ci] now", "\\[·skip ci\\] now"),
            ("skip-checks: true", "s·kip-checks: true"),
            ("https://evil.example/x", "https:·//evil.example/x"),
            ("www.evil.example", "www·.evil.example"),
            ("<img src=x>", "\\<img src=x\\>"),
            ("![x](y)", "!\\[x\\](y)"),
            ("&#64;sre", "\\&#·64;sre"),
            ("- [ ] task", "·- \\[ \\] task"),
            ("/approve", "·/approve"),
            ("1. one", "·1. one"),
            ("a_b _c_", "a_b \\_c\\_"),
            ("in 77ad310c1f0c9ab", "in 7·7ad310c1f0c9ab"),
            ("two\n\nlines", "two lines"),
        ];
        for (text, markdown) in cases {
            assert_eq!(shown(text), markdown, "{text:?}");
        }
    }

    #[test]
    fn a_version_is_no_list_and_stays_as_it_is() {
        for text in ["1.2.4", "v1.2.4", "1.2.4-rc.1", "2.", "1)"] {
            let broken = inline(text).contains(BREAK);
            assert_eq!(broken, matches!(text, "2." | "1)"), "{text}");
        }
    }

    #[test]
    fn values_in_messages_become_code_spans() {
        assert_eq!(message("the rules of `main` ask", Within::Cell), "the rules of `main` ask");
        assert_eq!(message("`a|b` and `@sre`, c", Within::Cell), format!("`a\\|b` and `@{BREAK}sre`, c"));
        assert_eq!(message("half `a * span", Within::Line), "half \\`a \\* span");
        assert_eq!(message("``", Within::Line), "` `");
    }

    #[test]
    fn a_code_span_is_longer_than_the_ticks_in_it() {
        assert_eq!(code("v1.2.3", Within::Line), "`v1.2.3`");
        assert_eq!(code("a`b", Within::Line), "``a`b``");
        assert_eq!(code("`", Within::Line), "`` ` ``");
        assert_eq!(code(">=1 || >=3", Within::Cell), "`>=1 \\|\\| >=3`");
        assert_eq!(code("v1@sha256:ab", Within::Line), "`v1@sha256:ab`");
    }

    #[test]
    fn a_fence_is_longer_than_the_ticks_in_it() {
        assert_eq!(fence("text", "a\n````\n/merge\n"), format!("`````text\na\n````\n{BREAK}/merge\n`````"));
    }

    #[test]
    fn json_is_read_back_as_it_was() {
        let value = serde_json::json!({"app": "@sre `x` #1 <b> é\u{1f600} https://x"});
        let text = json(&value);
        assert!(text.is_ascii() && !text.contains(['@', '#', '<', '`']), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).ok(), Some(value));
    }

    #[test]
    fn a_long_value_is_cut_between_letters() {
        assert_eq!(cut("éé", 3), "é... (2 bytes left out)");
        assert_eq!(cut("abc", 3), "abc");
    }
}
