//! The folder `shared` beside the repository: fleets and vectors that are too large to be part of it.
#![allow(dead_code)] // Each test crate uses its own part of it.

use std::io::Write as _;
use std::path::PathBuf;

/// Returns a path below it; none, after saying so, where the folder is absent and nobody requires it.
pub fn path(below: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared").join(below);
    if path.exists() {
        return Some(path);
    }
    let is_required = std::env::var_os("PROMOTE_REQUIRE_SHARED").is_some_and(|value| value == "1");
    assert!(!is_required, "../shared/{below} is missing");
    println!("skipped: ../shared/{below} is not here");
    None
}

/// Says how much of it a test has read, for the end of `.ci/run`.
///
/// Nothing is nothing to tell: the folder is absent.
pub fn read(what: &str, count: usize, unit: &str) {
    if count == 0 {
        return;
    }
    let line = format!("shared: {what} {count} {unit}\n");
    print!("{line}");
    let Some(log) = std::env::var_os("PROMOTE_SHARED_LOG") else { return };
    let file = std::fs::OpenOptions::new().append(true).create(true).open(log);
    file.and_then(|mut file| file.write_all(line.as_bytes())).expect("the log of what was read");
}
