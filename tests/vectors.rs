//! Every row of the vectors that Flux's own libraries answered, against ours.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::OnceLock;

use promote::constraint::{
    Chart, Constraint, Filter, FilterError, Flux, IndexEntry, Selection, Spelling, chart, select, select_chart,
    select_indexed,
};
use promote::model::Version;
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize)]
struct Check {
    constraint: String,
    version: String,
    ok: bool,
    constraint_error: bool,
    version_error: bool,
}

#[derive(Deserialize)]
struct Parse {
    constraint: String,
    ok: bool,
    string: Option<String>,
}

#[derive(Deserialize)]
struct Raw {
    raw: String,
    strict_ok: bool,
    lenient_ok: bool,
    flux_ok: bool,
    normal: Option<String>,
    major: Option<String>,
    minor: Option<String>,
    patch: Option<String>,
    pre: Option<String>,
    build: Option<String>,
}

#[derive(Deserialize)]
struct Pair {
    a: String,
    b: String,
    cmp: i8,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Select {
    tags: Vec<String>,
    semver: String,
    semver_filter: String,
    media_type: String,
    selected: Option<String>,
    #[serde(rename = "error_kind")]
    error_kind: Option<String>,
    matched: usize,
    tied: Vec<String>,
}

#[derive(Deserialize)]
struct HelmOci {
    tags: Vec<String>,
    version: String,
    listed: bool,
    oci_tag: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct HelmIndex {
    entries: Vec<Entry>,
    version: String,
    selected: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    version: String,
    created: String,
}

#[derive(Deserialize)]
struct Delta {
    constraint: String,
    version: String,
    #[serde(rename = "v3.2.1")]
    v3_2_1: String,
    #[serde(rename = "v3.3.0")]
    v3_3_0: String,
    #[serde(rename = "v3.3.1")]
    v3_3_1: String,
    #[serde(rename = "v3.4.0")]
    v3_4_0: String,
    #[serde(rename = "v3.5.0")]
    now: String,
}

#[derive(Deserialize)]
struct Pattern {
    pattern: String,
    ok: bool,
    matches: Vec<String>,
}

/// Checks every row of a file, and prints how many there are; a check answers what is wrong, if anything.
fn check<R: DeserializeOwned>(file: &str, judge: impl Fn(&R) -> Result<(), String>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (mut rows, mut wrong, mut shown) = (0, 0, String::new());
    for line in text.lines() {
        let row: R = serde_json::from_str(line).unwrap_or_else(|error| panic!("{file}: {error}: {line}"));
        rows += 1;
        if let Err(message) = judge(&row) {
            wrong += 1;
            if wrong <= 10 {
                let _ = write!(shown, "\n  {message}: {}", line.chars().take(1000).collect::<String>());
            }
        }
    }
    println!("{file}: {} of {rows} rows agree", rows - wrong);
    assert!(rows > 0 && wrong == 0, "{file}: {wrong} of {rows} rows differ:{shown}");
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, ours: T, theirs: T) -> Result<(), String> {
    if ours == theirs { Ok(()) } else { Err(format!("{what}: ours {ours:?}, theirs {theirs:?}")) }
}

/// Compares a selection with Go's: where tags tie, Go's is one of them.
fn same_selection(selection: &Selection, theirs: Option<&str>) -> Result<(), String> {
    match (selection.tied.is_empty(), theirs) {
        (false, Some(theirs)) => same("one of those that tie", selection.tied.iter().any(|tag| tag == theirs), true),
        _ => same("selected", selection.selected.as_deref(), theirs),
    }
}

fn same_parse(row: &Parse) -> Result<(), String> {
    let constraint = row.constraint.parse::<Constraint>().ok();
    same("ok", constraint.is_some(), row.ok)?;
    same("string", constraint.map(|constraint| constraint.to_string()), row.string.clone())
}

#[test]
fn a_range_admits_what_flux_admits() {
    check("constraints.jsonl", |row: &Check| {
        let version = Version::parse_lenient(&row.version);
        let constraint = row.constraint.parse::<Constraint>();
        same("version_error", version.is_err(), row.version_error)?;
        same("constraint_error", constraint.is_err(), row.constraint_error)?;
        let ok = version.is_ok_and(|version| constraint.is_ok_and(|constraint| constraint.check(&version)));
        same("ok", ok, row.ok)
    });
}

#[test]
fn a_range_reads_as_flux_reads_it() {
    check("constraint_parse.jsonl", same_parse);
}

#[test]
fn a_version_reads_as_flux_reads_it() {
    check("versions.jsonl", |row: &Raw| {
        same("strict", Version::parse_strict(&row.raw).is_ok(), row.strict_ok)?;
        same("flux", Version::parse_flux(&row.raw).is_ok(), row.flux_ok)?;
        let version = Version::parse_lenient(&row.raw).ok();
        same("lenient", version.is_some(), row.lenient_ok)?;
        let text = |part: fn(&Version) -> String| version.as_ref().map(part);
        same("normal", text(ToString::to_string), row.normal.clone())?;
        same("major", text(|version| version.major().to_string()), row.major.clone())?;
        same("minor", text(|version| version.minor().to_string()), row.minor.clone())?;
        same("patch", text(|version| version.patch().to_string()), row.patch.clone())?;
        same("pre", text(|version| version.pre().to_owned()), row.pre.clone())?;
        same("build", text(|version| version.build().to_owned()), row.build.clone())?;
        same("original", text(|version| version.original().to_owned()), version.as_ref().map(|_| row.raw.clone()))
    });
}

#[test]
fn versions_order_as_flux_orders_them() {
    check("pairs.jsonl", |row: &Pair| {
        let version = |text: &str| Version::parse_lenient(text).map_err(|error| error.to_string());
        same("cmp", version(&row.a)?.precedence(&version(&row.b)?), row.cmp.cmp(&0))?;
        same("reverse", version(&row.b)?.precedence(&version(&row.a)?), Ordering::reverse(row.cmp.cmp(&0)))
    });
}

#[test]
fn an_oci_repository_selects_what_flux_selects() {
    check("select.jsonl", |row: &Select| {
        // Flux compiles the filter before it parses the range.
        let filter = (!row.semver_filter.is_empty()).then(|| row.semver_filter.parse::<Filter>()).transpose();
        let kind = row.error_kind.as_deref();
        same("filter error", filter.is_err(), kind == Some("filter"))?;
        let Ok(filter) = filter else { return Ok(()) };
        let constraint = row.semver.parse::<Constraint>();
        same("constraint error", constraint.is_err(), kind == Some("constraint"))?;
        let Ok(constraint) = constraint else { return Ok(()) };
        let selection = select(&row.tags, &constraint, filter.as_ref(), Spelling::of_layer(&row.media_type));
        same("tied", &selection.tied, &row.tied)?;
        same("matched", selection.matched().count(), row.matched)?;
        same("no match", selection.matched().next().is_none(), kind == Some("no_match"))?;
        same("selected", selection.selected, if row.tied.is_empty() { row.selected.clone() } else { None })
    });
}

#[test]
fn a_helm_repository_in_a_registry_selects_what_flux_selects() {
    check("helm_oci.jsonl", |row: &HelmOci| match chart(&row.version) {
        Ok(Chart::Exact { tag }) => {
            same("listed", row.listed, false)?;
            same("tag", Some(tag), row.oci_tag.clone())
        }
        Ok(Chart::Range(constraint)) => {
            same("listed", row.listed, true)?;
            let selection = select_chart(&row.tags, &constraint);
            same("error", selection.matched().next().is_none(), row.error.is_some())?;
            same_selection(&selection, row.oci_tag.as_deref())
        }
        Err(_) => same("error", row.error.is_some(), true),
    });
}

#[test]
fn a_helm_repository_over_http_selects_what_flux_selects() {
    check("helm_index.jsonl", |row: &HelmIndex| {
        let entry = |entry: &Entry| IndexEntry { version: entry.version.clone(), created: entry.created.parse().ok() };
        let entries: Vec<IndexEntry> = row.entries.iter().map(entry).collect();
        let improper = row.error.as_deref().is_some_and(|error| error.starts_with("improper constraint"));
        match select_indexed(&entries, &row.version) {
            Err(_) => same("constraint error", true, improper),
            Ok(selection) => {
                same("constraint error", false, improper)?;
                same("error", selection.matched().next().is_none(), row.error.is_some())?;
                same_selection(&selection, row.selected.as_deref())
            }
        }
    });
}

#[test]
fn an_older_flux_admits_what_its_library_admits() {
    check("constraints_delta.jsonl", |row: &Delta| {
        let (Ok(constraint), Ok(version)) =
            (row.constraint.parse::<Constraint>(), Version::parse_lenient(&row.version))
        else {
            // What today's Flux can't read has no choice to compare.
            return same("now", row.now.ends_with("_error"), true);
        };
        for (minor, theirs) in
            [(3, &row.v3_2_1), (4, &row.v3_3_0), (5, &row.v3_3_1), (6, &row.v3_3_0), (7, &row.v3_4_0), (9, &row.now)]
        {
            same(&format!("2.{minor}"), Flux { minor }.admits(&constraint, &version), theirs == "ok")?;
        }
        Ok(())
    });
}

#[test]
fn a_range_of_random_pieces_reads_as_flux_reads_it() {
    check("constraint_grammar.jsonl", same_parse);
}

#[test]
fn a_filter_matches_what_go_matches() {
    let texts: OnceLock<Vec<String>> = OnceLock::new();
    check("filters.jsonl", |row: &Pattern| {
        let texts = texts.get_or_init(|| row.matches.clone());
        let filter = row.pattern.parse::<Filter>();
        same("ok", filter.is_ok(), row.ok)?;
        let Ok(filter) = filter else { return Ok(()) };
        let matches: Vec<&String> = texts.iter().filter(|text| filter.matches(text)).collect();
        same("matches", matches, row.matches.iter().collect())
    });
}

#[test]
fn what_go_rejects_as_a_filter_is_rejected() {
    for pattern in
        ["a{1001}", "(?x)a", "(?R)", r"\u0041", "a**", "a++", "(a{100}){11}", "(", "[", r"\1", r"\Z", "(?=a)"]
    {
        assert!(matches!(pattern.parse::<Filter>(), Err(FilterError::Unreadable { .. })), "{pattern}");
    }
}
