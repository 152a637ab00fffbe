//! Which tag Flux would select, for each kind of object that has a range.

use std::borrow::Cow;

use jiff::Timestamp;

use super::selection::{Row, Rule, Selection, Time, ordered, rank};
use super::{Constraint, ConstraintError, Filter};
use crate::model::{ReasonCode, Version};

/// The layer media type of Helm charts, for which Flux reads `_` in a tag as `+`.
const HELM_CHART_LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// How a version is spelled in a tag, which can't hold a `+`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// As it is.
    Verbatim,
    /// With `_` for `+`, as Helm pushes charts.
    HelmChart,
}

/// What a chart's `version` asks of a Helm repository in an OCI registry.
#[derive(Clone, Debug, PartialEq)]
pub enum Chart {
    /// A version: its tag is pulled without a look at the list.
    Exact {
        /// The tag.
        tag: String,
    },
    /// A range.
    Range(Constraint),
}

/// A version of a chart in the index of a Helm repository over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// The version as the index spells it.
    pub version: String,
    /// When it was made, if the index says so.
    pub created: Option<Timestamp>,
}

/// Selects as an `OCIRepository` with `ref.semver` and `ref.semverFilter` does.
pub fn select<T: AsRef<str>>(
    tags: &[T],
    constraint: &Constraint,
    filter: Option<&Filter>,
    spelling: Spelling,
) -> Selection {
    let rows = tags.iter().map(|tag| {
        let text = tag.as_ref();
        let version = Version::parse_flux(&spelling.version(text)).ok();
        // The filter sees the tag as the registry spells it.
        let filtered_out = filter.is_some_and(|filter| !filter.matches(text));
        let code = if filtered_out { ReasonCode::FilteredOut } else { judge(constraint, version.as_ref()) };
        Row::new(&spelling.tag(text), version, code)
    });
    rank(rows.collect(), Rule::Range(constraint.clone()), filter.map(ToString::to_string))
}

/// Puts tags in order without a range: every version that passes the filter matches, and nothing is selected.
pub fn order<T: AsRef<str>>(tags: &[T], filter: Option<&Filter>, spelling: Spelling) -> Selection {
    let rows = tags.iter().map(|tag| {
        let text = tag.as_ref();
        let version = Version::parse_flux(&spelling.version(text)).ok();
        let code = match (&version, filter.is_none_or(|filter| filter.matches(text))) {
            (_, false) => ReasonCode::FilteredOut,
            (None, true) => ReasonCode::NotAVersion,
            (Some(_), true) => ReasonCode::Matches,
        };
        Row::new(text, version, code)
    });
    ordered(rows.collect(), filter.map(ToString::to_string))
}

/// Selects as a `GitRepository` with `ref.semver` does: of equal precedence, the tag of the latest commit.
///
/// The times are those of the commits that the tags point at; they count only where tags tie.
pub fn select_git<T: AsRef<str>>(tags: &[(T, Option<Timestamp>)], constraint: &Constraint) -> Selection {
    let rows = tags.iter().map(|(tag, time)| {
        let version = Version::parse_flux(tag.as_ref()).ok();
        let code = judge(constraint, version.as_ref());
        let time = time.map_or(Time::Unknown, |time| Time::At(Some(time)));
        Row { time, ..Row::new(tag.as_ref(), version, code) }
    });
    rank(rows.collect(), Rule::Range(constraint.clone()), None)
}

/// Reads a chart's `version` as a Helm repository in an OCI registry does.
///
/// # Errors
/// [`ConstraintError`] if it is neither a version nor a range.
pub fn chart(version: &str) -> Result<Chart, ConstraintError> {
    if Version::parse_flux(version).is_ok() {
        return Ok(Chart::Exact { tag: version.replace('+', "_") });
    }
    stable_unless_given(version).map(Chart::Range)
}

/// Selects as a Helm repository in an OCI registry does for a range: only `1.2.3` is a version there, never `v1.2.3`.
pub fn select_chart<T: AsRef<str>>(tags: &[T], constraint: &Constraint) -> Selection {
    let rows = tags.iter().map(|tag| {
        let version = Version::parse_strict(&Spelling::HelmChart.version(tag.as_ref())).ok();
        let code = judge(constraint, version.as_ref());
        Row::new(tag.as_ref(), version, code)
    });
    rank(rows.collect(), Rule::Range(constraint.clone()), None)
}

/// Selects as a Helm repository over HTTP does: a version letter for letter, else by range, then the latest made.
///
/// # Errors
/// [`ConstraintError`] if the version stands in no entry and is no range.
pub fn select_indexed(entries: &[IndexEntry], version: &str) -> Result<Selection, ConstraintError> {
    // Helm drops entries without a version when it reads the index.
    let readable = |entry: &&IndexEntry| Version::parse_lenient(&entry.version).is_ok();
    let literal = entries.iter().filter(readable).any(|entry| entry.version == version);
    let rule = if literal { Rule::Literal(version.to_owned()) } else { Rule::Range(stable_unless_given(version)?) };
    let rows = entries.iter().map(|entry| {
        let parsed = match rule {
            Rule::Literal(_) => Version::parse_lenient(&entry.version),
            Rule::Range(_) | Rule::Any => Version::parse_flux(&entry.version),
        };
        let parsed = parsed.ok();
        let code = match &rule {
            Rule::Range(constraint) => judge(constraint, parsed.as_ref()),
            Rule::Literal(version) if *version == entry.version => ReasonCode::Matches,
            _ if parsed.is_none() => ReasonCode::NotAVersion,
            Rule::Literal(_) | Rule::Any => ReasonCode::OutsideRange,
        };
        Row { time: Time::At(entry.created), ..Row::new(&entry.version, parsed, code) }
    });
    Ok(rank(rows.collect(), rule.clone(), None))
}

/// Parses a chart's range; nothing given means what `*` means.
fn stable_unless_given(version: &str) -> Result<Constraint, ConstraintError> {
    if version.is_empty() { "*".parse() } else { version.parse() }
}

fn judge(constraint: &Constraint, version: Option<&Version>) -> ReasonCode {
    let Some(version) = version else { return ReasonCode::NotAVersion };
    if constraint.check(version) {
        return ReasonCode::Matches;
    }
    let only_for_being_a_pre_release = version.is_pre_release() && constraint.holds_for(version);
    if only_for_being_a_pre_release { ReasonCode::PreRelease } else { ReasonCode::OutsideRange }
}

impl Spelling {
    /// Returns the spelling for an `OCIRepository`'s `layerSelector.mediaType`.
    pub fn of_layer(media_type: &str) -> Self {
        if media_type == HELM_CHART_LAYER { Self::HelmChart } else { Self::Verbatim }
    }

    fn version(self, tag: &str) -> Cow<'_, str> {
        match self {
            Self::HelmChart if tag.contains('_') => Cow::Owned(tag.replace('_', "+")),
            Self::HelmChart | Self::Verbatim => Cow::Borrowed(tag),
        }
    }

    fn tag(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::HelmChart if text.contains('+') => Cow::Owned(text.replace('+', "_")),
            Self::HelmChart | Self::Verbatim => Cow::Borrowed(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a selection as a table: what is selected, then each tag with its reason.
    fn table(selection: &Selection) -> String {
        let rows = selection.tags.iter().map(|considered| {
            let reason = selection.reason(considered);
            format!("{} {}: {}", considered.tag, reason.code.as_str(), reason.message)
        });
        let first = format!("selected {:?}, tied {:?}", selection.selected, selection.tied);
        std::iter::once(first).chain(rows).collect::<Vec<_>>().join("\n")
    }

    fn range(text: &str) -> Constraint {
        text.parse().expect("a range")
    }

    #[test]
    fn every_tag_has_its_reason_newest_first() {
        let tags = ["latest", "1.2", "v1.2.3", "v1.2.3", "v2.0.0", "v1.3.0-rc.1", "v1.2.2", "v0.9.0", "v1.2.4-debug"];
        let filter: Filter = "^v?[0-9.]+(-rc.*)?$|^[a-z]+$".parse().expect("a filter");
        let selection = select(&tags, &range(">=1.0.0 <2.0.0"), Some(&filter), Spelling::Verbatim);
        insta::assert_snapshot!(table(&selection), @r#"
        selected Some("v1.2.3"), tied []
        v2.0.0 outside-range: outside `>=1.0.0 <2.0.0`: not `<2.0.0`
        v1.3.0-rc.1 pre-release: a pre-release, which `>=1.0.0 <2.0.0` does not admit; `>=1.0.0-0 <2.0.0` would
        v1.2.4-debug filtered-out: does not match the filter `^v?[0-9.]+(-rc.*)?$|^[a-z]+$`
        v1.2.3 selected: the newest that `>=1.0.0 <2.0.0` admits
        v1.2.2 matches: `>=1.0.0 <2.0.0` admits it
        v0.9.0 outside-range: outside `>=1.0.0 <2.0.0`: not `>=1.0.0`
        1.2 not-a-version: `1.2` is not a version: three numbers are needed
        latest not-a-version: `latest` is not a version
        "#);
    }

    #[test]
    fn tags_of_equal_precedence_tie() {
        let tags = ["v1.2.3", "1.2.2", "01.2.3", "1.2.3_b", "1.2.3"];
        insta::assert_snapshot!(table(&select(&tags, &range("1.x"), None, Spelling::HelmChart)), @r#"
        selected None, tied ["01.2.3", "1.2.3", "1.2.3_b", "v1.2.3"]
        01.2.3 tied: of equal precedence with `1.2.3`, `1.2.3_b`, `v1.2.3`: which one Flux takes hangs on the registry's order
        1.2.3 tied: of equal precedence with `01.2.3`, `1.2.3_b`, `v1.2.3`: which one Flux takes hangs on the registry's order
        1.2.3_b tied: of equal precedence with `01.2.3`, `1.2.3`, `v1.2.3`: which one Flux takes hangs on the registry's order
        v1.2.3 tied: of equal precedence with `01.2.3`, `1.2.3`, `1.2.3_b`: which one Flux takes hangs on the registry's order
        1.2.2 matches: `1.x` admits it
        "#);
    }

    #[test]
    fn helm_in_a_registry_reads_only_strict_versions() {
        let tags = ["v1.3.0", "1.2.3_b", "01.4.0", "1.2"];
        insta::assert_snapshot!(table(&select_chart(&tags, &range("*"))), @r#"
        selected Some("1.2.3_b"), tied []
        1.2.3_b selected: the newest that `*` admits
        01.4.0 not-a-version: `01.4.0` is not a version to Helm, which reads only the form `1.2.3`
        1.2 not-a-version: `1.2` is not a version: three numbers are needed
        v1.3.0 not-a-version: `v1.3.0` is not a version to Helm, which reads only the form `1.2.3`
        "#);
        assert_eq!(chart("v1.2.3+b"), Ok(Chart::Exact { tag: "v1.2.3_b".to_owned() }));
        assert_eq!(chart(""), Ok(Chart::Range(range("*"))));
        assert!(chart("latest").is_err());
    }

    #[test]
    fn an_index_is_searched_for_the_very_text_first_and_then_for_the_latest_made() {
        let entry = |version: &str, created: Option<&str>| IndexEntry {
            version: version.to_owned(),
            created: created.map(|time| time.parse().expect("a time")),
        };
        let entries = [
            entry("1.2", None),
            entry("1.2.3+a", Some("2024-01-01T00:00:00Z")),
            entry("1.2.3+b", Some("2024-01-02T00:00:00Z")),
            entry("1.2.3+c", None),
            entry("bogus", None),
        ];
        let selected = |version: &str| select_indexed(&entries, version).map(|selection| selection.selected);
        assert_eq!(selected("1.2"), Ok(Some("1.2".to_owned())));
        assert_eq!(selected("1.2.x"), Ok(Some("1.2.3+b".to_owned())));
        assert!(selected("bogus").is_err());
        insta::assert_snapshot!(table(&select_indexed(&entries, "1.2").expect("a version")), @r#"
        selected Some("1.2"), tied []
        1.2.3+b outside-range: `1.2` stands in the index and is taken literally
        1.2.3+a outside-range: `1.2` stands in the index and is taken literally
        1.2.3+c outside-range: `1.2` stands in the index and is taken literally
        1.2 selected: stands in the index letter for letter
        bogus not-a-version: `bogus` is not a version
        "#);
    }

    #[test]
    fn git_tags_of_equal_precedence_go_by_the_commits_time_if_all_are_known() {
        let (early, late) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
        let known = [("v1.0.0", Some(early)), ("1.0.0", Some(late))];
        assert_eq!(select_git(&known, &range("*")).selected.as_deref(), Some("1.0.0"));
        let unknown = [("v1.0.0", Some(late)), ("1.0.0", None)];
        assert_eq!(select_git(&unknown, &range("*")).tied, ["1.0.0", "v1.0.0"]);
    }
}
