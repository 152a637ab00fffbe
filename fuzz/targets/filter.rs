//! No text panics the reader of filters, and whatever passes the translation is a pattern that the engine takes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use promote::constraint::{Filter, FilterError};

fuzz_target!(|text: &str| {
    match text.parse::<Filter>() {
        Ok(filter) => {
            for tag in ["", "v1.2.3-rc.1", "a{,5}[", "\u{e9}"] {
                filter.matches(tag);
            }
        }
        Err(FilterError::Unreadable { column, .. }) => assert!(column <= text.chars().count() + 1),
        // The only patterns that Go may take and the engine not are those over its size limit.
        Err(error @ FilterError::TooLarge { .. }) => {
            assert!(format!("{error:?}").contains("CompiledTooBig"), "{error:?}");
        }
    }
});
