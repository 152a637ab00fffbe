//! Semver ranges as Flux reads them, and which tag a range selects.
//!
//! Flux reads ranges with Masterminds/semver v3.5.0 and filters with Go's regular expressions; neither means what
//! its Rust namesake means. [`Constraint`] and [`Filter`] give Flux's answers, and [`select()`] Flux's choice among
//! tags, or the tags that tie where only the registry's order would decide.

mod class;
mod comparator;
mod error;
mod filter;
mod hint;
mod hyphen;
mod older;
mod parse;
mod select;
mod selection;
mod translate;

use std::fmt;
use std::str::FromStr;

use crate::model::Version;
use comparator::{Comparator, Operator, Wildcard};

pub use error::{ConstraintError, Fault};
pub use filter::{Filter, FilterError, FilterFault};
pub use older::Flux;
pub use select::{Chart, IndexEntry, Spelling, chart, order, select, select_chart, select_git, select_indexed};
pub use selection::{Considered, Selection};

/// The parsed text of a range, as Masterminds/semver v3.5.0 reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    groups: Vec<Group>,
}

/// Comparators of which all must hold; one group of a constraint is enough.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    comparators: Vec<Comparator>,
    /// Whether any comparator names a pre-release, which opens the whole group to pre-releases.
    admits_pre_releases: bool,
}

/// What a constraint says about a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It admits the version.
    Admitted,
    /// It would, but for the version being a pre-release.
    PreRelease {
        /// The same range with `-0`, which admits it, if there is such a one.
        admitting: Option<String>,
    },
    /// The version is outside; in each group the first comparator that says no.
    Outside {
        /// The comparators, as written but for spaces.
        by: Vec<String>,
    },
}

impl Constraint {
    /// Tells whether the constraint admits a version, as Masterminds' `Check` does.
    pub fn check(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| group.check(version))
    }

    /// Says why a version is admitted or not.
    pub fn explain(&self, version: &Version) -> Admission {
        if self.check(version) {
            return Admission::Admitted;
        }
        if version.is_pre_release() && self.holds_for(version) {
            let admitting = hint::with_pre_releases(self);
            let admitting = admitting.filter(|text| Self::read(text).is_ok_and(|constraint| constraint.check(version)));
            return Admission::PreRelease { admitting };
        }
        let refusals = self.groups.iter().filter_map(|group| group.first_refusal(version));
        Admission::Outside { by: refusals.map(ToString::to_string).collect() }
    }

    /// Tells whether a version is inside, were it not for pre-releases.
    fn holds_for(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| group.first_refusal(version).is_none())
    }

    /// Tells whether any group admits pre-releases.
    pub fn admits_pre_releases(&self) -> bool {
        self.groups.iter().any(|group| group.admits_pre_releases)
    }

    /// Parses without looking for a hint.
    fn read(text: &str) -> Result<Self, ConstraintError> {
        let group = |comparators: Vec<Comparator>| Group {
            admits_pre_releases: comparators.iter().any(|comparator| comparator.version.is_pre_release()),
            comparators,
        };
        Ok(Self { groups: parse::groups(text)?.into_iter().map(group).collect() })
    }

    /// Returns the version of a constraint that is one equality with three parts: a pin.
    pub fn pinned(&self) -> Option<&Version> {
        let [group] = self.groups.as_slice() else { return None };
        let [comparator] = group.comparators.as_slice() else { return None };
        let exact = comparator.operator == Operator::Equal && comparator.wildcard == Wildcard::None;
        exact.then_some(&comparator.version)
    }
}

/// Returns the version that a range pins, if it is one equality with three parts: `6.8.0`, `= 1.2.3`, `v1.2.3`.
pub fn exact(text: &str) -> Option<Version> {
    text.parse::<Constraint>().ok()?.pinned().cloned()
}

impl Group {
    fn check(&self, version: &Version) -> bool {
        (self.admits_pre_releases || !version.is_pre_release())
            && self.comparators.iter().all(|comparator| comparator.holds(version))
    }

    /// Returns the first comparator that says no, pre-releases aside.
    fn first_refusal(&self, version: &Version) -> Option<&Comparator> {
        self.comparators.iter().find(|comparator| !comparator.holds(version))
    }
}

impl FromStr for Constraint {
    type Err = ConstraintError;

    /// Parses as Masterminds' `NewConstraint` does.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::read(text).map_err(|error| hint::add(error, text))
    }
}

impl fmt::Display for Constraint {
    /// Writes the canonical form, as Masterminds' `String` does.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, group) in self.groups.iter().enumerate() {
            formatter.write_str(if index > 0 { " || " } else { "" })?;
            for (index, comparator) in group.comparators.iter().enumerate() {
                formatter.write_str(if index > 0 { " " } else { "" })?;
                comparator.fmt(formatter)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    mod laws;

    use super::*;
    use crate::model::Problem as _;

    fn refused(text: &str) -> String {
        let error = text.parse::<Constraint>().expect_err("no range");
        format!("{error}\nhelp: {}", error.hint().unwrap_or_default())
    }

    #[test]
    fn a_range_that_flux_rejects_says_where_and_what_works() {
        insta::assert_snapshot!(refused(">=1<2"), @"
        `>=1<2` is no range that Flux reads: `<2` follows without a space or comma at column 4
        help: write `>=1 <2`
        ");
        insta::assert_snapshot!(refused("==1.2"), @"
        `==1.2` is no range that Flux reads: `==` is no operator at column 1
        help: write `=1.2`
        ");
        insta::assert_snapshot!(refused("V1"), @"
        `V1` is no range that Flux reads: `V1` is no version at column 1
        help: write `v1`
        ");
        insta::assert_snapshot!(refused("latest"), @"
        `latest` is no range that Flux reads: `latest` is no version at column 1
        help: write `>=1.0.0`
        ");
        insta::assert_snapshot!(refused(""), @"
        `` is no range that Flux reads: a version is missing at column 1
        help: a range looks like `>=1.0.0`, `>=1.0.0 <2.0.0`, `~1.2` or `1.x || 2.x`
        ");
        insta::assert_snapshot!(refused("1.2 ||"), @"
        `1.2 ||` is no range that Flux reads: a version is missing at column 7
        help: write `1.2`
        ");
        insta::assert_snapshot!(refused("≥1, 2 "), @"
        `≥1, 2 ` is no range that Flux reads: `≥1` is no version at column 1
        help: write `>=1 2`
        ");
        insta::assert_snapshot!(refused("1.0 - 2.0, > =3"), @"
        `1.0 - 2.0, > =3` is no range that Flux reads: `> =` is no operator at column 12
        help: write `1.0 - 2.0 >=3`
        ");
        insta::assert_snapshot!(refused("1.0 - 2.0||3.0 - 4.0"), @"
        `1.0 - 2.0||3.0 - 4.0` is no range that Flux reads: `-` is no version at column 16
        help: write `1.0 - 2.0 || 3.0 - 4.0`
        ");
        insta::assert_snapshot!(refused("1.2.3-01"), @"
        `1.2.3-01` is no range that Flux reads: `1.2.3-01` is no version at column 1
        help: a range looks like `>=1.0.0`, `>=1.0.0 <2.0.0`, `~1.2` or `1.x || 2.x`
        ");
        insta::assert_snapshot!(refused("a\u{1b}[31m"), @r"
        `a\u{1b}[31m` is no range that Flux reads: `a\u{1b}[31m` is no version at column 1
        help: a range looks like `>=1.0.0`, `>=1.0.0 <2.0.0`, `~1.2` or `1.x || 2.x`
        ");
        insta::assert_snapshot!(refused(&"1 ".repeat(257)), @"
        a range of 514 bytes is too long: Flux reads 512
        help: write fewer alternatives, such as `>=1.0.0 <2.0.0`
        ");
        insta::assert_snapshot!(refused(&["1"; 33].join("||")), @"
        a range of 33 alternatives is too long: Flux reads 32
        help: write fewer alternatives, such as `>=1.0.0 <2.0.0`
        ");
    }

    #[test]
    fn one_equality_with_three_parts_is_a_pin() {
        for (text, original) in
            [("6.8.0", "6.8.0"), ("= 1.2.3", "1.2.3"), ("v1.2.3", "v1.2.3"), ("1.2.3-rc.1", "1.2.3-rc.1")]
        {
            assert_eq!(exact(text).as_ref().map(Version::original), Some(original), "{text}");
        }
        for text in
            ["1.2", "1.2.x", "~1.2.3", ">=1.2.3", "1.2.3 || 1.2.4", "1.2.3 1.2.3", "1.2.3 - 1.2.3", "latest", ""]
        {
            assert_eq!(exact(text), None, "{text}");
        }
    }
}
