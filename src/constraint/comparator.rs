//! One comparator of a range: an operator and a version, parts of which may be wildcards.
//!
//! Each rule is Masterminds/semver v3.5.0's (`constraints.go`), also where it surprises: `^*` and `<=*` admit
//! next to nothing, and `~0.0.0` admits everything.

use std::cmp::Ordering;
use std::fmt;

use crate::model::Version;

/// A comparator: it holds for a version or doesn't. Whether pre-releases are looked at all is the group's matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Comparator {
    pub(super) operator: Operator,
    /// The operator as written: `=>` and `>=` are one operator.
    pub(super) spelling: &'static str,
    /// The version as written, `v` and wildcards included.
    pub(super) text: String,
    /// The version with wildcards and missing parts as zeros.
    pub(super) version: Version,
    pub(super) wildcard: Wildcard,
}

/// What a comparator asks of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Tilde,
    Caret,
}

/// The first part that is a wildcard or missing; those after it don't count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wildcard {
    None,
    Patch,
    Minor,
    Major,
}

impl Operator {
    /// Reads an operator; the text must be all of it.
    pub(super) fn read(text: &str) -> Option<(Self, &'static str)> {
        Some(match text {
            "" => (Self::Equal, ""),
            "=" => (Self::Equal, "="),
            "!=" => (Self::NotEqual, "!="),
            ">" => (Self::Greater, ">"),
            ">=" => (Self::GreaterOrEqual, ">="),
            "=>" => (Self::GreaterOrEqual, "=>"),
            "<" => (Self::Less, "<"),
            "<=" => (Self::LessOrEqual, "<="),
            "=<" => (Self::LessOrEqual, "=<"),
            "~" => (Self::Tilde, "~"),
            "~>" => (Self::Tilde, "~>"),
            "^" => (Self::Caret, "^"),
            _ => return None,
        })
    }
}

impl Comparator {
    /// Tells whether it holds for a version, pre-release or not.
    pub(super) fn holds(&self, version: &Version) -> bool {
        let order = || version.precedence(&self.version);
        match (self.operator, self.wildcard) {
            (Operator::Equal, Wildcard::None) => order().is_eq(),
            (Operator::Equal | Operator::Tilde, _) => self.tilde(version),
            (Operator::Caret, _) => self.caret(version),
            (Operator::NotEqual, Wildcard::None) => order().is_ne(),
            (Operator::NotEqual, _) => self.differs(version),
            (Operator::Greater, Wildcard::None) => order().is_gt(),
            (Operator::Greater, _) => self.greater(version),
            (Operator::GreaterOrEqual, _) => order().is_ge(),
            (Operator::Less, _) => order().is_lt(),
            (Operator::LessOrEqual, Wildcard::None) => order().is_le(),
            (Operator::LessOrEqual, _) => match version.major().cmp(&self.version.major()) {
                Ordering::Less => true,
                Ordering::Equal => self.wildcard == Wildcard::Minor || version.minor() <= self.version.minor(),
                Ordering::Greater => false,
            },
        }
    }

    fn tilde(&self, version: &Version) -> bool {
        if version.precedence(&self.version).is_lt() {
            return false;
        }
        if self.version.core() == (0, 0, 0) && matches!(self.wildcard, Wildcard::None | Wildcard::Major) {
            return true;
        }
        version.major() == self.version.major()
            && (self.wildcard == Wildcard::Minor || version.minor() == self.version.minor())
    }

    fn caret(&self, version: &Version) -> bool {
        if version.precedence(&self.version).is_lt() || version.major() != self.version.major() {
            return false;
        }
        if self.version.major() > 0 || self.wildcard == Wildcard::Minor {
            return true;
        }
        if version.minor() != self.version.minor() {
            return false;
        }
        self.version.minor() > 0 || self.wildcard == Wildcard::Patch || version.patch() == self.version.patch()
    }

    /// `!=` with a wildcard.
    fn differs(&self, version: &Version) -> bool {
        if version.major() != self.version.major() {
            return true;
        }
        match self.wildcard {
            Wildcard::Minor => false,
            // Pre-releases of `!=1.2-rc.1` are told apart by their identifiers alone, whatever the patch.
            Wildcard::Patch => version.minor() != self.version.minor() || version.pre() != self.version.pre(),
            Wildcard::None | Wildcard::Major => version.precedence(&self.version).is_ne(),
        }
    }

    /// `>` with a wildcard: `>1` begins at 2, `>1.2` at 1.3.
    fn greater(&self, version: &Version) -> bool {
        match version.major().cmp(&self.version.major()) {
            Ordering::Greater => true,
            Ordering::Less => false,
            Ordering::Equal => match self.wildcard {
                Wildcard::Minor => false,
                Wildcard::Patch => version.minor() > self.version.minor(),
                Wildcard::None | Wildcard::Major => version.precedence(&self.version).is_gt(),
            },
        }
    }
}

impl fmt::Display for Comparator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.spelling, self.text)
    }
}
