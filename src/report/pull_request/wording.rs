//! Counts, lists, times and words as people read them.

use jiff::{SignedDuration, Timestamp};

use crate::model::Digest;

pub(super) fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| format!("{}{}", first.to_uppercase(), chars.as_str()))
}

/// Quotes a word for a shell where that is needed.
pub(super) fn shell(word: &str) -> String {
    let plain =
        |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.' | '/' | ':' | '@' | '+' | '=');
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

pub(super) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

pub(super) fn listed(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    match names.as_slice() {
        [rest @ .., before, last] => [rest, &[format!("{before} and {last}")]].concat().join(", "),
        _ => names.concat(),
    }
}

pub(super) fn shortened(digest: &Digest) -> String {
    digest.short().replace("...", "…")
}

pub(super) fn moment(time: Timestamp) -> String {
    time.strftime("%a %b %-d %H:%M UTC").to_string()
}

pub(super) fn length(duration: SignedDuration) -> String {
    let minutes = duration.as_secs().max(0) / 60;
    match minutes {
        0..=119 => format!("{minutes} min"),
        120..=4319 => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / 1440),
    }
}
