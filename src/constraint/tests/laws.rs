//! Laws that hold for every range and every version, over generated ones.

use std::cmp::Ordering;

use proptest::prelude::*;

use super::super::{Constraint, Filter, Spelling, select};
use crate::model::Version;

fn version(text: &str) -> Version {
    Version::parse_lenient(text).expect("a version")
}

fn range(text: &str) -> Constraint {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// Numbers near one another, so that versions meet the bounds of ranges often.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0..4_u64, 1 => 9..12_u64, 1 => any::<u64>()]
}

fn pre_release() -> impl Strategy<Value = String> {
    let identifier =
        prop_oneof![Just("0"), Just("1"), Just("10"), Just("rc"), Just("a-b"), Just("18446744073709551616")];
    proptest::collection::vec(identifier, 0..3)
        .prop_map(|all| if all.is_empty() { String::new() } else { format!("-{}", all.join(".")) })
}

fn versions() -> impl Strategy<Value = String> {
    (number(), number(), number(), pre_release())
        .prop_map(|(major, minor, patch, pre)| format!("{major}.{minor}.{patch}{pre}"))
}

/// A version of a range: whole, short, or with wildcards.
fn partial() -> impl Strategy<Value = String> {
    let part = || prop_oneof![6 => number().prop_map(|number| number.to_string()), 1 => Just("x".to_owned())];
    let short = (part(), proptest::option::of(part()), pre_release()).prop_map(|(major, minor, pre)| {
        let minor = minor.map(|minor| format!(".{minor}")).unwrap_or_default();
        format!("{major}{minor}{pre}")
    });
    prop_oneof![2 => versions(), 1 => versions().prop_map(|text| format!("v{text}")), 2 => short, 1 => Just("*".to_owned())]
}

fn comparator() -> impl Strategy<Value = String> {
    let operators = ["", "=", "!=", ">", ">=", "=>", "<", "<=", "=<", "~", "~>", "^", ">= "];
    (proptest::sample::select(operators.to_vec()), partial()).prop_map(|(sign, version)| format!("{sign}{version}"))
}

fn group() -> impl Strategy<Value = String> {
    proptest::collection::vec(comparator(), 1..4).prop_map(|all| all.join(" "))
}

fn ranges() -> impl Strategy<Value = String> {
    proptest::collection::vec(group(), 1..4).prop_map(|all| all.join(" || "))
}

proptest! {
    #[test]
    fn a_hyphen_range_is_two_comparators(from in partial(), to in partial(), text in versions()) {
        let hyphen = range(&format!("{from} - {to}"));
        prop_assert_eq!(&hyphen, &range(&format!(">={from} <={to}")));
        prop_assert_eq!(hyphen.check(&version(&text)), range(&format!(">={from}, <={to}")).check(&version(&text)));
    }

    #[test]
    fn build_metadata_never_counts(text in ranges(), candidate in versions(), build in "[0-9A-Za-z-]{1,8}") {
        let built = format!("{candidate}+{build}");
        prop_assert_eq!(range(&text).check(&version(&candidate)), range(&text).check(&version(&built)));
        prop_assert_eq!(version(&candidate).precedence(&version(&built)), Ordering::Equal);
        prop_assert!(range(&built).check(&version(&candidate)));
    }

    #[test]
    fn precedence_is_a_total_order(one in versions(), two in versions(), three in versions()) {
        let [one, two, three] = [one, two, three].map(|text| version(&text));
        prop_assert_eq!(one.precedence(&two), two.precedence(&one).reverse());
        prop_assert_eq!(one.precedence(&two).is_eq(), one.to_string() == two.to_string());
        let mut all = [&one, &two, &three];
        all.sort_by(|one, two| one.precedence(two));
        prop_assert!(all[0].precedence(all[1]).is_le() && all[1].precedence(all[2]).is_le());
        prop_assert!(all[0].precedence(all[2]).is_le());
    }

    #[test]
    fn a_group_without_a_pre_release_admits_none(text in group(), candidate in versions()) {
        let (constraint, candidate) = (range(&text), version(&candidate));
        if !constraint.admits_pre_releases() {
            prop_assert!(!candidate.is_pre_release() || !constraint.check(&candidate));
        }
    }

    #[test]
    fn one_group_is_enough(one in group(), two in group(), candidate in versions()) {
        let candidate = version(&candidate);
        let either = range(&one).check(&candidate) || range(&two).check(&candidate);
        prop_assert_eq!(range(&format!("{one} || {two}")).check(&candidate), either);
        prop_assert_eq!(range(&format!("{one}||{two}")).check(&candidate), either);
    }

    #[test]
    fn the_canonical_form_reads_the_same(text in ranges()) {
        let constraint = range(&text);
        prop_assert_eq!(range(&constraint.to_string()), constraint);
    }

    #[test]
    fn a_version_reads_the_same_normalised(text in versions()) {
        let parsed = version(&format!("v0{text}"));
        prop_assert_eq!(version(&parsed.to_string()).precedence(&parsed), Ordering::Equal);
        prop_assert_eq!(Version::parse_strict(&parsed.to_string()).map(|version| version.to_string()), Ok(text));
    }

    #[test]
    fn what_an_explanation_offers_admits_the_version(text in ranges(), candidate in versions()) {
        let (constraint, candidate) = (range(&text), version(&candidate));
        match constraint.explain(&candidate) {
            super::Admission::Admitted => prop_assert!(constraint.check(&candidate)),
            super::Admission::PreRelease { admitting } => {
                prop_assert!(candidate.is_pre_release());
                prop_assert!(admitting.is_none_or(|text| range(&text).check(&candidate)));
            }
            super::Admission::Outside { by } => prop_assert_eq!(by.len(), text.split("||").count()),
        }
    }

    #[test]
    fn no_text_is_too_odd_to_be_judged(text in "[ -~\t\n\u{e9}|]{0,40}") {
        let hint = text.parse::<Constraint>().err().and_then(|error| crate::model::Problem::hint(&error));
        prop_assert!(hint.is_none_or(|hint| !hint.is_empty()));
        prop_assert!(Version::parse_lenient(&text).map_or(true, |version| version.original() == text));
        let refused = text.parse::<Filter>().err().map(|error| error.to_string());
        prop_assert!(refused.is_none_or(|message| message.contains(" filter")));
    }

    #[test]
    fn a_quoted_text_matches_itself(text in "[ -~]{0,20}") {
        prop_assume!(!text.contains(r"\E"));
        let filter = format!(r"^\Q{text}\E$").parse::<Filter>();
        prop_assert!(filter.is_ok_and(|filter| filter.matches(&text)));
    }

    #[test]
    fn the_order_of_the_list_decides_nothing(
        text in ranges(),
        tags in proptest::collection::vec(prop_oneof![versions(), partial()], 0..12),
    ) {
        let constraint = range(&text);
        let forward = select(&tags, &constraint, None, Spelling::Verbatim);
        let backward: Vec<&String> = tags.iter().rev().collect();
        prop_assert_eq!(&forward, &select(&backward, &constraint, None, Spelling::Verbatim));
        let newest = forward.matched().next();
        prop_assert_eq!(forward.selected.is_some(), newest.is_some() && forward.tied.is_empty());
        for (newer, older) in forward.matched().zip(forward.matched().skip(1)) {
            let (newer, older) = (newer.version.as_ref(), older.version.as_ref());
            prop_assert!(newer.zip(older).is_some_and(|(newer, older)| newer.precedence(older).is_ge()));
        }
    }
}
