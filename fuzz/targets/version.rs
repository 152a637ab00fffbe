//! No text panics the reader of versions, and what it reads obeys the order's laws. Two versions, one a line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use promote::model::Version;

fuzz_target!(|text: &str| {
    let (one, two) = text.split_once('\n').unwrap_or((text, "1.2.3"));
    let Ok(version) = Version::parse_lenient(one) else {
        assert!(Version::parse_strict(one).is_err() && Version::parse_flux(one).is_err());
        return;
    };
    assert_eq!(version.original(), one);
    let normal = Version::parse_strict(&version.to_string());
    assert!(normal.is_ok_and(|normal| normal.precedence(&version).is_eq()) || version.to_string().len() > 256);
    if let Ok(other) = Version::parse_lenient(two) {
        assert_eq!(version.precedence(&other), other.precedence(&version).reverse());
    }
});
