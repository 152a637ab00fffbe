//! Colour: what a line means, told a second time to those who see it. No meaning is in the colour alone.

use anstyle::{AnsiColor, Effects, Style};

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const DOUBT: Style = AnsiColor::Yellow.on_default();
const STRONG: Style = Style::new().effects(Effects::BOLD);

/// Words that begin a line and say how it is meant.
const WORDS: [(&str, Style); 12] = [
    ("error:", BAD.effects(Effects::BOLD)),
    ("warning:", DOUBT.effects(Effects::BOLD)),
    ("help:", STRONG),
    ("ok ", GOOD),
    ("note ", DOUBT),
    ("warn ", DOUBT),
    ("FAIL ", BAD),
    ("opened ", GOOD),
    ("waiting ", DOUBT),
    ("blocked ", BAD),
    ("unclear ", DOUBT),
    ("failed ", BAD),
];

/// Returns text for people with styles around what they look for first; the stream takes them off where nobody sees them.
///
/// `text` is inert already: whatever escape it had is visible characters now.
pub fn painted(text: &str) -> String {
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

fn line(line: &str) -> String {
    if let Some(style) = change(line) {
        return styled(line, style);
    }
    let indent = line.len() - line.trim_start().len();
    let (space, rest) = line.split_at(indent);
    for (word, style) in WORDS {
        if let Some(rest) = rest.strip_prefix(word) {
            return format!("{space}{}{rest}", styled(word, style));
        }
    }
    if is_heading(rest) { format!("{space}{}", styled(rest, STRONG)) } else { line.to_owned() }
}

fn styled(text: &str, style: Style) -> String {
    let bare = text.trim_end();
    format!("{style}{bare}{style:#}{}", &text[bare.len()..])
}

/// A line of a change: `  12   -    tag: v1.2.1`, or `+    tag: v1.2.3` as Git shows it.
fn change(line: &str) -> Option<Style> {
    let numbered = line.trim_start().trim_start_matches(|char: char| char.is_ascii_digit());
    let is_numbered = line.starts_with(' ') && numbered.len() < line.trim_start().len();
    let sign = if is_numbered { numbered.trim_start().get(..2)? } else { line.get(..2)? };
    match sign {
        "- " => Some(BAD),
        "+ " => Some(GOOD),
        _ => None,
    }
}

/// A table's head, or a section's name: `TO PROMOTE   staging   prod-eu`.
fn is_heading(line: &str) -> bool {
    let first = line.split("   ").next().unwrap_or_default();
    let letters = first.chars().filter(|char| char.is_alphabetic());
    letters.clone().count() > 2 && first.chars().all(|char| char.is_ascii_uppercase() || char == ' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        painted(text)
            .replace("\u{1b}[0m", "]")
            .replace('\u{1b}', "")
            .replace("[31m", "[red ")
            .replace("[32m", "[green ")
    }

    #[test]
    fn what_people_look_for_first_has_a_style() {
        for (text, expected) in [
            ("error: no", "[1m[red error:] no"),
            ("  ok     in the registry", "  [green ok]     in the registry"),
            ("FAIL   gone", "[red FAIL]   gone"),
            ("  12   -    tag: v1.2.1", "[red   12   -    tag: v1.2.1]"),
            ("  12   +    tag: v1.2.3", "[green   12   +    tag: v1.2.3]"),
            ("+    tag: v1.2.3", "[green +    tag: v1.2.3]"),
            ("TO PROMOTE   staging", "[1mTO PROMOTE   staging]"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn everything_else_is_as_it_was() {
        for text in
            ["", "\n", "okay", "v1.2.3         a version", "erroneous: x", "OK", "  prod-eu   v1.2.1", "-1", "a - b"]
        {
            assert_eq!(painted(text), text);
        }
        let text = "error: a\n  12   -    b\n\nhelp: c\n";
        let bare: String = anstream::adapter::strip_str(&painted(text)).to_string();
        assert_eq!(bare, text);
    }
}
