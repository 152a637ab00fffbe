//! Tags in order, each with what became of it.

use super::{EnvironmentName, Reason, Verdict, Version};

/// The tags of an artifact, and which one Flux would select.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagTable {
    /// The tag; none where nothing matches or where several tie.
    pub selected: Option<String>,
    /// The tags that tie; else empty.
    pub tied: Vec<String>,
    /// Every tag: versions first, newest first, then what is no version.
    pub tags: Vec<JudgedTag>,
}

/// A tag and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgedTag {
    /// The tag as the registry spells it.
    pub tag: String,
    /// Its version, if Flux reads one in it.
    pub version: Option<Version>,
    /// Whether it passes the filter and the range.
    pub matches: bool,
    /// Why it is selected, matches or doesn't.
    pub reason: Reason,
}

/// The verdict on one tag in one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagVerdict {
    /// The tag.
    pub tag: String,
    /// The environment.
    pub environment: EnvironmentName,
    /// May it go there? *Advance* is yes.
    pub verdict: Verdict,
    /// Each rule that says no, or what speaks for it.
    pub reasons: Vec<Reason>,
}
