//! Globs as other programs read them: `*` stays in a segment, `**` doesn't.

use globset::{GlobBuilder, GlobMatcher};

/// Returns a matcher of whole paths; none for what is no glob.
pub(super) fn glob(pattern: &str) -> Option<GlobMatcher> {
    let glob = GlobBuilder::new(pattern).literal_separator(true).backslash_escape(true).build().ok()?;
    Some(glob.compile_matcher())
}

/// Returns a text in which only `*` and `?` mean anything, as a glob.
pub(super) fn stars_only(text: &str) -> String {
    let mut glob = String::with_capacity(text.len());
    for char in text.chars() {
        if matches!(char, '[' | ']' | '{' | '}' | '!') {
            glob.push('\\');
        }
        glob.push(char);
    }
    glob
}
