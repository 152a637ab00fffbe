//! How older releases of Flux choose otherwise: their libraries read some ranges, versions and tags differently.

use super::comparator::{Operator, Wildcard};
use super::{Considered, Constraint, Selection};
use crate::model::{ReasonCode, Version};

/// A minor release of Flux 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flux {
    /// The 6 of 2.6.
    pub minor: u64,
}

impl Flux {
    /// Tells whether each comparator decides about pre-releases for itself, and `!=1.2.3` admits them all.
    fn judges_pre_releases_by_comparator(self) -> bool {
        self.minor < 7
    }

    /// Tells whether `01.2.3` is no version: in one release only, which went back on it.
    fn rejects_leading_zeros(self) -> bool {
        self.minor == 5
    }

    /// Tells whether `_` in the tags of Helm charts is read as `+` by an `OCIRepository`.
    fn reads_underscores(self) -> bool {
        self.minor >= 9
    }

    /// Tells whether this release admits a version to a range.
    pub fn admits(self, constraint: &Constraint, version: &Version) -> bool {
        if self.rejects_leading_zeros()
            && (has_leading_zero(version.original()) || constraint.texts().any(has_leading_zero))
        {
            return false;
        }
        if self.judges_pre_releases_by_comparator() {
            constraint.check_by_comparator(version)
        } else {
            constraint.check(version)
        }
    }

    fn sees(self, considered: &Considered) -> bool {
        let verbatim = considered.version.as_ref().is_some_and(|version| version.original() == considered.tag);
        considered.code != ReasonCode::FilteredOut && (verbatim || self.reads_underscores())
    }
}

impl Selection {
    /// Tells whether another release of Flux would take another tag, or tie otherwise.
    pub fn differs_in(&self, flux: Flux) -> bool {
        let Some(constraint) = self.constraint() else { return false };
        let admitted = |considered: &&Considered| {
            let version = considered.version.as_ref();
            flux.sees(considered) && version.is_some_and(|version| flux.admits(constraint, version))
        };
        let Some(best) = self.tags.iter().find(admitted) else { return self.matched().next().is_some() };
        let equals = |considered: &&Considered| {
            let both = best.version.as_ref().zip(considered.version.as_ref());
            both.is_some_and(|(best, version)| best.precedence(version).is_eq())
        };
        let theirs = self.tags.iter().filter(admitted).filter(equals).map(|considered| &considered.tag);
        let ours = self.matched().filter(equals).map(|considered| &considered.tag);
        !self.matched().next().is_some_and(|newest| equals(&newest)) || theirs.ne(ours)
    }
}

impl Constraint {
    /// Returns the versions of the comparators, as written.
    fn texts(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().flat_map(|group| &group.comparators).map(|comparator| comparator.text.as_str())
    }

    fn check_by_comparator(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| {
            group.comparators.iter().all(|comparator| {
                let lets_through = comparator.operator == Operator::NotEqual && comparator.wildcard == Wildcard::None;
                let may = !version.is_pre_release() || comparator.version.is_pre_release() || lets_through;
                may && comparator.holds(version)
            })
        })
    }
}

fn has_leading_zero(text: &str) -> bool {
    let numbers = text.strip_prefix('v').unwrap_or(text);
    let numbers = numbers.split(['-', '+']).next().unwrap_or(numbers);
    numbers.split('.').any(|part| part.len() > 1 && part.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constraint::{Spelling, select};

    fn differs(minor: u64, range: &str, tags: &[&str], spelling: Spelling) -> bool {
        select(tags, &range.parse().expect("a range"), None, spelling).differs_in(Flux { minor })
    }

    #[test]
    fn only_another_choice_is_another_choice() {
        let tags = ["1.0.0", "1.1.0-rc.1", "1.2.0", "2.0.0-rc.1", "02.0.0"];
        // Before 2.7 one `-0` opened its own comparator only.
        assert!(differs(6, ">=1.0.0-0 <2.0.0", &["1.0.0", "1.1.0-rc.1"], Spelling::Verbatim));
        assert!(!differs(6, ">=1.0.0-0 <2.0.0", &["1.0.0", "1.1.0-rc.1", "1.2.0"], Spelling::Verbatim));
        assert!(differs(4, "!=1.2.0", &["1.1.0", "1.2.0", "1.3.0-rc.1"], Spelling::Verbatim));
        assert!(differs(5, "*", &tags, Spelling::Verbatim));
        assert!(!differs(6, "*", &tags, Spelling::Verbatim));
        assert!(!differs(7, ">=1.0.0-0 <2.0.0", &tags, Spelling::Verbatim));
    }

    #[test]
    fn an_underscore_is_no_version_before_2_9() {
        assert!(differs(8, "*", &["1.0.0", "1.1.0_b"], Spelling::HelmChart));
        assert!(differs(8, "*", &["1.1.0", "1.1.0_b"], Spelling::HelmChart));
        assert!(!differs(9, "*", &["1.0.0", "1.1.0_b"], Spelling::HelmChart));
    }
}
