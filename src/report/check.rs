//! A check's answers for people: what is wrong first, what is well only counted.

use super::columns::{columns, counted};
use crate::model::{CheckResult, Level};

/// Returns a line for each answer that isn't well, then how many are.
pub fn render(results: &[CheckResult]) -> String {
    let word = |level: Level| match level {
        Level::Ok => "ok",
        Level::Warning => "warn",
        Level::Error => "FAIL",
    };
    let told = results.iter().filter(|result| result.level != Level::Ok);
    let rows = told.map(|result| {
        let place = result.place.as_ref().map(ToString::to_string).unwrap_or_default();
        vec![word(result.level).to_owned(), place, result.message.clone()]
    });
    let mut text = columns(rows, 0);
    let well = results.iter().filter(|result| result.level == Level::Ok).count();
    if well > 0 {
        text.push_str(&format!("ok     {} as it should be   -o json tells each\n", counted(well, "pin")));
    }
    if text.is_empty() { "there is no pin to check\n".to_owned() } else { text }
}
