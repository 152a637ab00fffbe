//! Parsing a range, checking a version, choosing among many tags.

use std::fs;
use std::path::Path;

use divan::{Bencher, black_box};
use promote::constraint::{Constraint, Filter, Spelling, select};
use promote::model::Version;

fn main() {
    divan::main();
}

/// Returns the texts of one field of a vectors file.
fn texts(file: &str, field: &str) -> Vec<String> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors")).join(file);
    let text = fs::read_to_string(path).expect("the vectors");
    let row = |line| serde_json::from_str::<serde_json::Value>(line).expect("a row");
    text.lines().map(|line| row(line)[field].as_str().expect("a text").to_owned()).collect()
}

/// Returns ranges that parse, each once, in order of length.
fn ranges() -> Vec<String> {
    let mut ranges = texts("constraint_parse.jsonl", "constraint");
    ranges.retain(|range| range.parse::<Constraint>().is_ok());
    ranges.sort_by_key(String::len);
    ranges
}

/// Returns tags as a busy pipeline leaves them: releases, candidates, branches and signatures, in no order.
fn tags(count: u64) -> Vec<String> {
    let tag = |number: u64| {
        // A multiplicative shuffle, so that no sort finds a run.
        let number = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        let (major, minor, patch) = (number >> 20 & 7, number >> 12 & 255, number & 4095);
        match number % 10 {
            0 => format!("main-{number:x}"),
            1 => format!("sha256-{number:064x}.sig"),
            2..5 => format!("v{major}.{minor}.{patch}-rc.{}", number % 7),
            _ => format!("v{major}.{minor}.{patch}"),
        }
    };
    (0..count).map(tag).collect()
}

#[divan::bench]
fn parse_the_range_of_median_length(bencher: Bencher) {
    let ranges = ranges();
    let median = &ranges[ranges.len() / 2];
    bencher.bench(|| black_box(median).parse::<Constraint>());
}

#[divan::bench]
fn parse_every_range_of_the_vectors(bencher: Bencher) {
    let ranges = ranges();
    bencher
        .counter(divan::counter::ItemsCount::new(ranges.len()))
        .bench(|| ranges.iter().filter(|range| black_box(range).parse::<Constraint>().is_ok()).count());
}

#[divan::bench(args = ["^1.2.3", ">=1.2.3 <2.0.0", "1.0 - 2.0 || 3.x", "=1.9.12"])]
fn check_a_release(bencher: Bencher, range: &str) {
    let constraint: Constraint = range.parse().expect("a range");
    let version = Version::parse_flux("v1.9.12").expect("a version");
    bencher.bench(|| black_box(&constraint).check(black_box(&version)));
}

#[divan::bench(args = ["*", ">=1.0.0-0 <2.0.0", ">=1.9.12-rc.10 !=1.9.12-rc.11"])]
fn check_a_pre_release(bencher: Bencher, range: &str) {
    let constraint: Constraint = range.parse().expect("a range");
    let version = Version::parse_flux("v1.9.12-rc.12").expect("a version");
    bencher.bench(|| black_box(&constraint).check(black_box(&version)));
}

#[divan::bench]
fn parse_a_version() -> Option<Version> {
    Version::parse_flux(black_box("v1.9.12-rc.1")).ok()
}

#[divan::bench]
fn reject_a_range_with_a_hint() -> bool {
    black_box(">=1.0<2.0").parse::<Constraint>().is_err()
}

#[divan::bench(args = [200, 10_000, 100_000])]
fn select_among_tags(bencher: Bencher, count: u64) {
    let tags = tags(count);
    let constraint: Constraint = ">=1.0.0".parse().expect("a range");
    bencher.bench(|| select(black_box(&tags), &constraint, None, Spelling::Verbatim));
}

#[divan::bench]
fn select_among_100_000_filtered_tags(bencher: Bencher) {
    let tags = tags(100_000);
    let constraint: Constraint = ">=1.0.0-0".parse().expect("a range");
    let filter: Filter = r"^v\d+\.\d+\.\d+-rc\.\d+$".parse().expect("a filter");
    bencher.bench(|| select(black_box(&tags), &constraint, Some(&filter), Spelling::HelmChart));
}
