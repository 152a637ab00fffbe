//! What is copied from the folder `shared` beside the repository is still what stands there.

#[path = "support/shared.rs"]
mod shared;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Rules that this version doesn't have, so that nothing here reads their vectors.
const NOT_COPIED: [&str; 1] = ["imagepolicy.jsonl"];

#[test]
fn the_vectors_are_those_that_fluxs_libraries_answered() {
    let Some(folder) = shared::path("spec/vectors") else { return };
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let names = |folder: &Path| -> BTreeSet<String> {
        let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
        entries.map(|name| name.to_string_lossy().into_owned()).filter(|name| name.ends_with(".jsonl")).collect()
    };
    let mut theirs = names(&folder);
    theirs.retain(|name| !NOT_COPIED.contains(&name.as_str()));
    // Ours may be more: answers of Go itself to questions that theirs don't ask.
    let copied = names(&here);
    let missing: Vec<&String> = theirs.difference(&copied).collect();
    assert!(missing.is_empty(), "vectors that are not copied: {missing:?}");
    for name in theirs {
        let (ours, theirs) = (fs::read(here.join(&name)).expect(&name), fs::read(folder.join(&name)).expect(&name));
        assert!(ours == theirs, "tests/vectors/{name} differs from ../shared/spec/vectors/{name}");
        shared::read(&name, ours.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count(), "rows");
    }
}
