//! The `Link` header of RFC 8288, as far as registries use it: where the next page is.

use reqwest::header::{HeaderMap, LINK};

/// Where the next page is, if the answer says that there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// This was the last page.
    None,
    /// There, relative to the answer's URL.
    Page(String),
    /// There is one, but it can't be read where.
    Unreadable,
}

/// Reads every `Link` header of an answer.
pub(super) fn next(headers: &HeaderMap) -> Next {
    for value in headers.get_all(LINK) {
        let Ok(text) = value.to_str() else { return Next::Unreadable };
        match next_of(text) {
            Next::None => {}
            found => return found,
        }
    }
    Next::None
}

fn next_of(text: &str) -> Next {
    let mut rest = text.trim();
    while !rest.is_empty() {
        let Some((target, after)) = rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) else {
            // Whatever this is, it must not be taken for the end of the list if it may be a next page.
            return if rest.to_ascii_lowercase().contains("next") { Next::Unreadable } else { Next::None };
        };
        let (parameters, after) = split(after);
        if parameters.iter().any(|parameter| is_next(parameter)) {
            return Next::Page(target.trim().to_owned());
        }
        rest = after.trim_start();
    }
    Next::None
}

/// Splits `; a=b; c="d, e", <…` into its parameters and what follows the comma.
fn split(text: &str) -> (Vec<&str>, &str) {
    let (mut parameters, mut start, mut quoted) = (Vec::new(), 0, false);
    for (index, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            ';' | ',' if !quoted => {
                parameters.extend(text.get(start..index));
                start = index + 1;
                if letter == ',' {
                    return (parameters, text.get(start..).unwrap_or_default());
                }
            }
            _ => {}
        }
    }
    parameters.extend(text.get(start..));
    (parameters, "")
}

fn is_next(parameter: &str) -> bool {
    parameter.split_once('=').is_some_and(|(name, value)| {
        name.trim().eq_ignore_ascii_case("rel")
            && value.trim().trim_matches('"').split_whitespace().any(|word| word.eq_ignore_ascii_case("next"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_however_it_is_written() {
        for (text, expected) in [
            (r#"</v2/a/tags/list?last=b>; rel="next""#, Next::Page("/v2/a/tags/list?last=b".into())),
            ("<x>;rel=next", Next::Page("x".into())),
            (r#"<a>; rel="prev", <b>; title="x, y"; REL="last next""#, Next::Page("b".into())),
            (r#"<a,b;c>; rel=next"#, Next::Page("a,b;c".into())),
            (r#"<a>; rel="prev""#, Next::None),
            ("", Next::None),
            (r#"/v2/a?last=b; rel="next""#, Next::Unreadable),
            (r#"<a; rel="next""#, Next::Unreadable),
            ("garbage", Next::None),
        ] {
            assert_eq!(next_of(text), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_may_be_a_next_page_is_never_the_end(target in "[^<>]*", before in "[^<>\"]*") {
            let link = format!("<a>; title=\"{before}\", <{target}>; rel=next");
            proptest::prop_assert_eq!(next_of(&link), Next::Page(target.trim().to_owned()));
            proptest::prop_assert_ne!(next_of(&format!("{target}; rel=next")), Next::None);
        }
    }
}
