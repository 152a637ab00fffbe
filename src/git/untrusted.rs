//! Text of a remote or of a child, made safe to show.

/// Returns `text` on one line, without characters that steer a terminal or reorder text, cut after `limit` bytes.
///
/// Lines are joined by ` / `, so that no line of the output ever begins with what a remote wrote.
pub fn escape(text: &str, limit: usize) -> String {
    let mut escaped = String::new();
    let lines = text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty());
    for (index, line) in lines.enumerate() {
        if index > 0 {
            escaped.push_str(" / ");
        }
        for char in line.chars() {
            if escaped.len() >= limit {
                escaped.push('…');
                return escaped;
            }
            if is_unsafe(char) { escaped.extend(char.escape_unicode()) } else { escaped.push(char) }
        }
    }
    escaped
}

/// Tells whether a character is a control character, changes the direction of text, or can't be seen.
pub(super) fn is_unsafe(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_or_begins_a_line_is_made_visible() {
        assert_eq!(escape("a\u{1b}[31mb", 100), "a\\u{1b}[31mb");
        assert_eq!(escape("x\n::add-mask::y\r\n\n z", 100), "x / ::add-mask::y / z");
        assert_eq!(escape("abc\u{202e}def\u{200b}", 100), "abc\\u{202e}def\\u{200b}");
        assert_eq!(escape("äöü", 3), "äö…");
    }
}
