//! No text panics the reader of ranges, and what it reads, explains and hints agrees with itself. A range, then a
//! version on the last line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use promote::constraint::{Admission, Constraint};
use promote::model::{Problem, Version};

fuzz_target!(|text: &str| {
    let (range, version) = text.rsplit_once('\n').unwrap_or((text, "1.2.3-rc.1"));
    let constraint = match range.parse::<Constraint>() {
        Ok(constraint) => constraint,
        Err(error) => {
            assert!(error.column().is_none_or(|column| column <= range.chars().count() + 1));
            let hint = error.hint().unwrap_or_default();
            if let Some(instead) = hint.strip_prefix("write `").and_then(|rest| rest.strip_suffix('`')) {
                assert!(instead.parse::<Constraint>().is_ok(), "{instead}");
            }
            return;
        }
    };
    let canonical = constraint.to_string();
    assert!(canonical.len() > 512 || canonical.parse().as_ref() == Ok(&constraint), "{canonical}");
    if let Ok(version) = Version::parse_lenient(version) {
        assert_eq!(constraint.explain(&version) == Admission::Admitted, constraint.check(&version));
    }
});
