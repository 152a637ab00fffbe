//! `semverFilter`: Go's regular expressions, on Rust's engine.
//!
//! The pattern is translated piece by piece, so that what Go reads as a literal is one here, and what Go rejects is
//! rejected. Both engines take time linear in the text.

use std::fmt;
use std::str::FromStr;

use super::error::printable;
use super::translate;
use crate::model::{Exit, Problem};

/// The most bytes that a compiled filter may take.
const LARGEST: usize = 32 << 20;

/// How deep the translated pattern may nest; the translation itself counts as Go does.
const NESTING: u32 = 5000;

/// A parsed `semverFilter`: tags that it doesn't match are not looked at.
#[derive(Clone, Debug)]
pub struct Filter {
    text: String,
    regex: regex::Regex,
}

/// Why Flux rejects a text as a filter.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum FilterError {
    /// Outside Go's grammar.
    #[error("`{text}` is no filter that Flux reads: {fault} at column {column}")]
    Unreadable {
        /// The text, control characters escaped.
        text: String,
        /// Where it goes wrong, in characters from 1.
        column: usize,
        /// What is wrong there.
        fault: FilterFault,
    },
    /// It would take too much memory.
    #[error("`{text}` is too large a filter")]
    TooLarge {
        /// The text, control characters escaped.
        text: String,
        /// What the engine says.
        source: regex::Error,
    },
}

/// What is wrong at a place of a filter.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum FilterFault {
    /// A group is never closed.
    #[error("a `(` that is never closed")]
    MissingParenthesis,
    /// A group is closed that was never opened.
    #[error("an unexpected `)`")]
    UnexpectedParenthesis,
    /// A class is never closed.
    #[error("a `[` that is never closed")]
    MissingBracket,
    /// Nothing stands before `*`, `+`, `?` or `{2}`.
    #[error("nothing to repeat")]
    NothingToRepeat,
    /// A repetition of a repetition: `a**`.
    #[error("a repetition of a repetition")]
    NestedRepetition,
    /// A count over 1000, also by nesting, or the wrong way round.
    #[error("a count over 1000 or the wrong way round")]
    Count,
    /// An escape that Go doesn't know.
    #[error("an escape that Go doesn't know")]
    Escape,
    /// A range or class that Go doesn't know.
    #[error("a class that Go doesn't know")]
    Class,
    /// A group or flag that Go doesn't know, look-around among them.
    #[error("a group that Go doesn't know")]
    Group,
    /// A group with a name that is none.
    #[error("a group with a name that is none")]
    Name,
    /// Groups in groups, over 1000 deep.
    #[error("groups too deep in one another")]
    Depth,
}

impl Filter {
    /// Tells whether the filter matches somewhere in a tag.
    pub fn matches(&self, tag: &str) -> bool {
        self.regex.is_match(tag)
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    /// Parses as Go's `regexp.Compile` does.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let pattern = translate::translate(text).map_err(|(byte, fault)| FilterError::Unreadable {
            text: printable(text),
            column: text.char_indices().take_while(|(index, _)| *index < byte).count() + 1,
            fault,
        })?;
        let mut builder = regex::RegexBuilder::new(&pattern);
        builder.size_limit(LARGEST).dfa_size_limit(LARGEST).nest_limit(NESTING);
        match builder.build() {
            Ok(regex) => Ok(Self { text: text.to_owned(), regex }),
            Err(source) => Err(FilterError::TooLarge { text: printable(text), source }),
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Problem for FilterError {
    fn code(&self) -> &'static str {
        "invalid-filter"
    }

    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::TooLarge { .. } => "write a shorter filter, such as `^v?[0-9]+\\.[0-9]+\\.[0-9]+$`",
            Self::Unreadable { fault: FilterFault::NothingToRepeat, .. } => {
                "a filter is a regular expression: write `.*` for anything, and `\\*` for a star"
            }
            Self::Unreadable { fault: FilterFault::Group | FilterFault::Escape, .. } => {
                "Go's regular expressions have no look-around and no back-references: https://github.com/google/re2/wiki/Syntax"
            }
            Self::Unreadable { fault: FilterFault::Count, .. } => "repeat 1000 times at most, or with `*` or `+`",
            Self::Unreadable { .. } => "what Go's regular expressions allow: https://github.com/google/re2/wiki/Syntax",
        };
        Some(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let error = text.parse::<Filter>().expect_err("no filter");
        format!("{error}\nhelp: {}", error.hint().unwrap_or_default())
    }

    #[test]
    fn a_filter_that_flux_rejects_says_where_and_why() {
        for (text, fault) in [
            ("(", FilterFault::MissingParenthesis),
            ("a)", FilterFault::UnexpectedParenthesis),
            ("[a", FilterFault::MissingBracket),
            ("é(*a)", FilterFault::NothingToRepeat),
            ("a**", FilterFault::NestedRepetition),
            ("(a{100}){11}", FilterFault::Count),
            (r"\Z", FilterFault::Escape),
            ("[z-a]", FilterFault::Class),
            ("(?=a)", FilterFault::Group),
            ("(?P<a-b>c)", FilterFault::Name),
        ] {
            assert!(
                matches!(text.parse::<Filter>(), Err(FilterError::Unreadable { fault: ours, .. }) if ours == fault)
            );
        }
        insta::assert_snapshot!(refused("*.1"), @r"
        `*.1` is no filter that Flux reads: nothing to repeat at column 1
        help: a filter is a regular expression: write `.*` for anything, and `\*` for a star
        ");
        insta::assert_snapshot!(refused("v(?!2)"), @"
        `v(?!2)` is no filter that Flux reads: a group that Go doesn't know at column 2
        help: Go's regular expressions have no look-around and no back-references: https://github.com/google/re2/wiki/Syntax
        ");
        insta::assert_snapshot!(refused("é[a"), @"
        `é[a` is no filter that Flux reads: a `[` that is never closed at column 2
        help: what Go's regular expressions allow: https://github.com/google/re2/wiki/Syntax
        ");
        insta::assert_snapshot!(refused("a{1001}"), @"
        `a{1001}` is no filter that Flux reads: a count over 1000 or the wrong way round at column 2
        help: repeat 1000 times at most, or with `*` or `+`
        ");
    }

    #[test]
    fn groups_may_be_deep_but_not_endless() {
        let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth)).parse::<Filter>();
        assert!(nested(990).is_ok_and(|filter| filter.matches("a")));
        assert!(matches!(nested(2000), Err(FilterError::Unreadable { fault: FilterFault::Depth, .. })));
        assert!(matches!(r"(\pL{1000}|\PL{1000}){1}|".repeat(20).parse::<Filter>(), Err(FilterError::TooLarge { .. })));
    }
}
