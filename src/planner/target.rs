//! From the VERSION that was asked for to the tag that would be written.

use super::inquiry::{Found, Inquiry};
use super::question::Facts;
use crate::model::{Artifact, Failure, Reason, ReasonCode, Tag};

/// What a version is in the registry that the target pulls from.
pub(super) enum Target<'a> {
    /// This tag, with this content.
    Found(Tag, &'a Facts),
    /// There is none, or it can't be told which.
    Refused(Reason),
    /// The registry could not be read.
    Failed(&'a Failure),
}

/// Returns the ways a version may be spelled as a tag: as given, then with or without `v`.
pub fn spellings(version: &str) -> Vec<String> {
    let digit = |text: &str| text.starts_with(|char: char| char.is_ascii_digit());
    let mut spellings = vec![version.to_owned()];
    match version.strip_prefix('v') {
        Some(bare) if digit(bare) => spellings.push(bare.to_owned()),
        None if digit(version) => spellings.push(format!("v{version}")),
        _ => {}
    }
    spellings
}

/// Asks the registry for each spelling. One hit is the tag; several with one digest: in the style that `pinned` has.
pub(super) fn target<'a>(
    artifact: &Artifact,
    spellings: &[String],
    pinned: Option<&str>,
    inquiry: &Inquiry<'a>,
) -> Option<Target<'a>> {
    let tags: Vec<Tag> = spellings.iter().filter_map(|spelling| spelling.parse().ok()).collect();
    let looked_up: Vec<_> = tags.into_iter().map(|tag| (inquiry.manifest(artifact, tag.as_str()), tag)).collect();
    let mut hits = Vec::new();
    for (found, tag) in looked_up {
        match found? {
            Found::Yes(facts) => hits.push((tag, facts)),
            Found::No => {}
            Found::Failed(failure) => return Some(Target::Failed(failure)),
        }
    }
    let refused = |code, message: String| Target::Refused(Reason { code, message, place: None });
    let distinct = hits.windows(2).any(|pair| matches!(pair, [one, two] if one.1.digest != two.1.digest));
    if distinct {
        let names = hits.iter().map(|(tag, facts)| format!("`{tag}` is {}", facts.digest.short()));
        let message =
            format!("two tags are this version, with different content: {}", names.collect::<Vec<_>>().join(", "));
        return Some(refused(ReasonCode::AmbiguousTags, message));
    }
    let has_v = |text: &str| text.starts_with('v');
    let in_style = pinned.and_then(|pinned| hits.iter().position(|(tag, _)| has_v(tag.as_str()) == has_v(pinned)));
    let index = in_style.unwrap_or(0);
    Some(match hits.into_iter().nth(index) {
        Some((tag, facts)) => Target::Found(tag, facts),
        None => {
            let version = spellings.first().map_or("", String::as_str);
            refused(ReasonCode::NotFound, format!("{artifact} has no tag `{version}`"))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_tried_as_given_then_with_or_without_v() {
        assert_eq!(spellings("v1.2.3"), ["v1.2.3", "1.2.3"]);
        assert_eq!(spellings("1.2.3"), ["1.2.3", "v1.2.3"]);
        assert_eq!(spellings("latest"), ["latest"]);
        assert_eq!(spellings("vnext"), ["vnext"]);
    }
}
