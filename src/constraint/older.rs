//! How Flux before 2.7 chose otherwise: its library decided about pre-releases comparator by comparator.

use super::{Constraint, comparator::Operator, comparator::Wildcard};
use crate::model::Version;

/// The releases of Flux that read ranges alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flux {
    /// 2.4 and older, and 2.6.
    Before2_7,
    /// 2.5, which rejects leading zeros.
    V2_5,
    /// 2.7 and newer.
    Since2_7,
}

impl Flux {
    /// Returns the rules of a minor release of Flux 2.
    pub fn of_minor(minor: u64) -> Self {
        match minor {
            5 => Self::V2_5,
            0..=6 => Self::Before2_7,
            _ => Self::Since2_7,
        }
    }
}

/// Tells whether an older Flux would admit one of the versions that today's doesn't, or the other way round.
pub fn differs<'a>(flux: Flux, constraint: &Constraint, versions: impl IntoIterator<Item = &'a Version>) -> bool {
    flux != Flux::Since2_7
        && versions.into_iter().any(|version| constraint.check(version) != constraint.check_before(flux, version))
}

impl Constraint {
    /// Tells whether an older Flux admits a version.
    pub(super) fn check_before(&self, flux: Flux, version: &Version) -> bool {
        if flux == Flux::V2_5 && (has_leading_zero(version.original()) || self.has_leading_zero()) {
            return false;
        }
        self.groups.iter().any(|group| {
            group.comparators.iter().all(|comparator| {
                // `!=1.2.3` let every pre-release through; `!=1.2` did not.
                let lets_through = comparator.operator == Operator::NotEqual && comparator.wildcard == Wildcard::None;
                let may = !version.is_pre_release() || comparator.version.is_pre_release() || lets_through;
                may && comparator.holds(version)
            })
        })
    }

    fn has_leading_zero(&self) -> bool {
        let comparators = self.groups.iter().flat_map(|group| &group.comparators);
        comparators.into_iter().any(|comparator| has_leading_zero(&comparator.text))
    }
}

fn has_leading_zero(text: &str) -> bool {
    let numbers = text.strip_prefix('v').unwrap_or(text);
    let numbers = numbers.split(['-', '+']).next().unwrap_or(numbers);
    numbers.split('.').any(|part| part.len() > 1 && part.starts_with('0'))
}
