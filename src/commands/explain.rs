//! `promote explain`: what a code of the JSON documents means.

use super::arguments::Explain;
use super::fault::{Fault, Refusal};
use super::{Outcome, print};
use crate::model::{FindingCode, ReasonCode};

/// Says what a code means, or lists all codes.
///
/// # Errors
/// [`Refusal::UnknownCode`].
pub fn run(arguments: &Explain) -> Result<Outcome, Fault> {
    let reasons = ReasonCode::ALL.iter().map(|code| (code.as_str(), code.meaning()));
    let findings = FindingCode::ALL.iter().map(|code| (code.as_str(), code.meaning()));
    let mut codes: Vec<(&str, &str)> = reasons.chain(findings).collect();
    codes.sort_unstable();
    codes.dedup_by_key(|(code, _)| *code);
    let Some(asked) = &arguments.code else {
        for (code, meaning) in codes {
            print(&format!("{code:24} {}\n", meaning.trim()));
        }
        return Ok(Outcome::default());
    };
    match codes.iter().find(|(code, _)| code == asked) {
        Some((code, meaning)) => {
            print(&format!("{code}: {}\n", meaning.trim()));
            Ok(Outcome::default())
        }
        None => {
            let near = codes.iter().map(|(code, _)| (strsim::jaro_winkler(code, asked), *code));
            let nearest = near.filter(|(score, _)| *score > 0.8).max_by(|one, two| one.0.total_cmp(&two.0));
            let nearest = nearest.map(|(_, code)| code.to_owned());
            Err(Refusal::UnknownCode { code: asked.clone(), nearest }.into())
        }
    }
}
