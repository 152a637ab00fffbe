//! Which texts may stand without quotes, and as what they would be read.

/// What YAML 1.1 or 1.2 reads a plain scalar as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainKind {
    /// A string, for both.
    String,
    /// Null.
    Null,
    /// A boolean for one of them: `on`.
    Boolean,
    /// A number for one of them: `1.10`, `0x10`, `1:30`.
    Number,
    /// A timestamp for YAML 1.1.
    Timestamp,
    /// `<<` and `=`, which YAML 1.1 gives a meaning.
    Special,
}

/// Tells what a plain scalar is read as, by YAML 1.1 or 1.2, whichever sees more in it.
pub fn kind_of_plain(text: &str) -> PlainKind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => PlainKind::Null,
        "<<" | "=" => PlainKind::Special,
        _ if is_boolean(text) => PlainKind::Boolean,
        _ if is_number(text) => PlainKind::Number,
        _ if is_timestamp(text) => PlainKind::Timestamp,
        _ => PlainKind::String,
    }
}

/// Tells whether a plain scalar of this text is a string for YAML 1.1 and 1.2.
pub fn is_string(text: &str) -> bool {
    kind_of_plain(text) == PlainKind::String
}

/// Tells whether this text may be written without quotes anywhere, flow collections included, and is a string there.
pub fn is_plain_string(text: &str) -> bool {
    let indicator = |char: char| "-?:,[]{}#&*!|>'\"%@`".contains(char);
    let Some(first) = text.chars().next() else { return false };
    let may_begin = !indicator(first)
        || (matches!(first, '-' | '?' | ':')
            && text.chars().nth(1).is_some_and(|char| char != ' ' && !indicator(char)));
    may_begin
        && is_string(text)
        && text.trim() == text
        && !text.starts_with("---")
        && !text.starts_with("...")
        && !text.ends_with(':')
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.chars().any(|char| char.is_control() || matches!(char, ',' | '[' | ']' | '{' | '}' | '\u{feff}'))
}

fn is_boolean(text: &str) -> bool {
    const WORDS: [&str; 8] = ["y", "n", "yes", "no", "true", "false", "on", "off"];
    let mut chars = text.chars();
    let rest_is = |upper: bool, chars: std::str::Chars<'_>| {
        chars.clone().all(|char| if upper { char.is_ascii_uppercase() } else { char.is_ascii_lowercase() })
    };
    let spelled = match chars.next() {
        Some(first) if first.is_ascii_uppercase() => rest_is(true, chars.clone()) || rest_is(false, chars),
        Some(first) if first.is_ascii_lowercase() => rest_is(false, chars),
        _ => false,
    };
    spelled && WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(text, ".nan" | ".NaN" | ".NAN") || matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    let digits =
        |text: &str, of: fn(u8) -> bool| text.bytes().any(of) && text.bytes().all(|byte| byte == b'_' || of(byte));
    let radix = |prefix: &str, of: fn(u8) -> bool| unsigned.strip_prefix(prefix).is_some_and(|rest| digits(rest, of));
    if radix("0x", |byte| byte.is_ascii_hexdigit())
        || radix("0X", |byte| byte.is_ascii_hexdigit())
        || radix("0o", |byte| matches!(byte, b'0'..=b'7'))
        || radix("0O", |byte| matches!(byte, b'0'..=b'7'))
        || radix("0b", |byte| matches!(byte, b'0' | b'1'))
        || radix("0B", |byte| matches!(byte, b'0' | b'1'))
    {
        return true;
    }
    let decimal = |byte: u8| byte.is_ascii_digit();
    if !unsigned.bytes().next().is_some_and(|byte| decimal(byte) || byte == b'.') {
        return false;
    }
    // Base 60: `1:30`, `12:30:45.5`.
    if let Some((last, rest)) = unsigned.rsplit_once(':').map(|(rest, last)| (last, rest)) {
        return rest.split(':').chain([last.split('.').next().unwrap_or(last)]).all(|part| digits(part, decimal));
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let part = |text: &str| text.bytes().all(|byte| decimal(byte) || byte == b'_');
    mantissa.bytes().any(decimal)
        && part(whole)
        && part(fraction)
        && exponent.is_none_or(|exponent| !exponent.is_empty() && exponent.bytes().all(decimal))
}

fn is_timestamp(text: &str) -> bool {
    let date = text.split(['T', 't', ' ']).next().unwrap_or(text);
    let parts: Vec<&str> = date.split('-').collect();
    let number = |text: &&str, length: std::ops::RangeInclusive<usize>| {
        length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    match &parts[..] {
        [year, month, day] => number(year, 4..=4) && number(month, 1..=2) && number(day, 1..=2),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_either_yaml_reads_as_another_type_is_no_string() {
        for text in [
            "1.10",
            "1e3",
            "0x10",
            "010",
            "0o17",
            "0b11",
            "2026-01-01",
            "null",
            "~",
            "on",
            "Yes",
            "OFF",
            "y",
            "1",
            "-1",
            "+1.5",
            ".5",
            "1.",
            "1_000",
            "1:30",
            "12:30:45",
            ".inf",
            "-.Inf",
            ".nan",
            "2026-01-01T10:00:00Z",
            "",
            "<<",
            "1E5",
            "20240105",
        ] {
            assert!(!is_string(text), "{text}");
        }
        for text in ["1.2.3", "v1", "1.2.3-rc.1", "latest", "oN", "1.2.3e5", "sha256:00", "0x", "main", "1-2", "."] {
            assert!(is_string(text), "{text}");
        }
    }

    #[test]
    fn what_needs_quotes_is_told() {
        for text in
            [">=1.0.0", "*", "- a", "a: b", "a #b", "a,b", " a", "a:", "{a}", "!a", "1.10", "@a", "", "-", "a\n"]
        {
            assert!(!is_plain_string(text), "{text}");
        }
        for text in ["v1.2.3", "1.2.3+b", "^1.0.0", "~1.2.3", "1.x", "sha256:00", "a b", "${V:-1.2.3x"] {
            assert!(is_plain_string(text) || text.contains('{'), "{text}");
        }
    }
}
