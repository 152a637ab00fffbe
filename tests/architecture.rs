//! Keeps the arrows true: which room may use which, and that the core knows no effect.
//!
//! Rooms are the modules of `src/lib.rs`. What a file uses is read from its text, without comments, string literals
//! and test code: paths that begin with `crate::`, or that climb out of their room by `super::`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Each room and the rooms it may use beside itself.
const ARROWS: [(&str, &[&str]); 18] = [
    ("main", &["cli"]),
    ("cli", &["commands", "config", "model", "report"]),
    (
        "commands",
        &[
            "config",
            "constraint",
            "doctor",
            "edit",
            "failpoint",
            "forge",
            "git",
            "http",
            "inventory",
            "model",
            "planner",
            "registry",
            "report",
            "yaml",
        ],
    ),
    ("config", &["constraint", "model", "yaml"]),
    ("report", &["model"]),
    // The core: values in, values out.
    ("model", &[]),
    ("constraint", &["model"]),
    ("yaml", &["model"]),
    ("inventory", &["constraint", "model", "yaml"]),
    ("planner", &["constraint", "inventory", "model"]),
    ("edit", &["inventory", "model", "yaml"]),
    ("doctor", &["inventory", "model", "planner", "yaml"]),
    // The edges: one effect each.
    ("http", &["failpoint", "model"]),
    ("process", &["failpoint"]),
    ("git", &["failpoint", "model", "process"]),
    ("registry", &["failpoint", "git", "http", "model", "process"]),
    ("forge", &["failpoint", "http", "model"]),
    // What their effects pass, so that tests can break each.
    ("failpoint", &[]),
];

const CORE: [&str; 7] = ["model", "constraint", "yaml", "inventory", "planner", "edit", "doctor"];

/// Paths of effects, which no core room may name.
const EFFECTS: [&str; 22] = [
    "std::fs",
    "std::process",
    "std::net",
    "std::env",
    "std::os",
    "std::thread",
    "std::io",
    "std::time::SystemTime",
    "std::time::Instant",
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "tokio",
    "reqwest",
    "git2",
    "tempfile",
    "octocrab",
    "println!",
    "eprintln!",
    "print!",
    "dbg!",
];

/// Crates, or their clients, that only one room knows; of reqwest and oci-client the plain types are everybody's.
const ONE_ROOM: [(&str, &str); 11] = [
    ("granit_parser", "yaml"),
    ("git2", "git"),
    ("serde_yaml", "config"),
    ("reqwest::Client", "http"),
    ("reqwest::ClientBuilder", "http"),
    ("reqwest::blocking", "http"),
    // Its lists are cut short and its login trusts any realm.
    ("oci_client::Client", "nobody"),
    ("docker_credential", "registry"),
    ("octocrab", "forge"),
    ("clap", "cli"),
    ("comfy_table", "report"),
];

/// Files that know such a crate nevertheless.
const NEVERTHELESS: [(&str, &str); 1] = [
    // A Helm repository's index is 20 MB and more: read as events it takes an eighth of what serde takes. It is no file
    // of the repository, so that two readers still can't disagree about one.
    ("granit_parser", "src/registry/helm.rs"),
];

/// What ends a run without an answer, or is not finished.
const ABORTS: [&str; 8] = [
    ".unwrap()",
    ".expect(",
    "panic!(",
    "todo!(",
    "unimplemented!(",
    "unreachable!(",
    "process::exit",
    ".unwrap_err()",
];

/// File names that say nothing.
const EMPTY_NAMES: [&str; 7] = ["utils", "util", "helpers", "common", "manager", "handler", "types"];

/// A source file without comments, literals and test code.
struct Source {
    path: PathBuf,
    /// The same, below the repository.
    inside: String,
    room: String,
    /// The modules it is in, from the crate's root.
    depth: usize,
    text: String,
    code: String,
    /// The code without white space that means nothing.
    dense: String,
}

#[test]
fn every_room_uses_only_the_rooms_its_arrows_lead_to() {
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.into_iter().collect();
    let mut wrong = Vec::new();
    for source in sources() {
        let Some(allowed) = arrows.get(source.room.as_str()) else {
            wrong.push(format!("{}: no arrows are written down for this room", source.path.display()));
            continue;
        };
        for used in rooms_used(&source.dense, source.depth) {
            if used != source.room && arrows.contains_key(used.as_str()) && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{}: `{}` may not use `{used}`", source.path.display(), source.room));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_core_knows_no_file_process_socket_clock_or_environment() {
    let named = |source: &Source| {
        let effects = EFFECTS.into_iter().filter(|effect| names(&source.dense, effect)).collect::<Vec<_>>();
        (!effects.is_empty()).then(|| format!("{}: {}", source.path.display(), effects.join(", ")))
    };
    let core = sources().into_iter().filter(|source| CORE.contains(&source.room.as_str()));
    let wrong: Vec<String> = core.filter_map(|source| named(&source)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_crate_with_an_effect_or_a_format_is_known_to_one_room() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (name, room) in ONE_ROOM {
            // Commands hand over arguments, whose types derive clap's traits.
            let is_arguments = name == "clap" && source.room == "commands";
            let is_known = NEVERTHELESS.contains(&(name, source.inside.as_str()));
            if source.room != room && !is_arguments && !is_known && names(&source.dense, name) {
                wrong.push(format!("{}: `{name}` belongs to `{room}`", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_aborts_outside_tests() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (number, line) in source.code.lines().enumerate() {
            for abort in ABORTS.into_iter().filter(|abort| line.contains(abort)) {
                wrong.push(format!("{}:{}: {abort}", source.path.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is_for_and_has_a_name_that_says_something() {
    let mut wrong = Vec::new();
    for source in sources() {
        let stem = source.path.file_stem().unwrap_or_default().to_string_lossy();
        if !source.text.starts_with("//! ") {
            wrong.push(format!("{}: does not open with `//!`", source.path.display()));
        }
        if source.text.starts_with("//! Placeholder") {
            continue;
        }
        if EMPTY_NAMES.contains(&stem.as_ref()) {
            wrong.push(format!("{}: the name says nothing", source.path.display()));
        }
        if source.text.contains(concat!("TO", "DO")) || source.text.contains(concat!("FIX", "ME")) {
            wrong.push(format!("{}: unfinished", source.path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_arrows_lead_to_rooms_that_exist_and_never_in_a_circle() {
    let library = fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs");
    let declared: BTreeSet<&str> =
        library.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let drawn: BTreeSet<&str> = ARROWS.into_iter().map(|(room, _)| room).filter(|room| *room != "main").collect();
    assert_eq!(declared, drawn);

    let mut settled: Vec<&str> = Vec::new();
    while settled.len() < ARROWS.len() {
        let is_free = |uses: &[&str]| uses.iter().all(|used| settled.contains(used));
        let next = ARROWS.into_iter().find(|(room, uses)| !settled.contains(room) && is_free(uses));
        settled.push(next.expect("a room whose arrows lead to settled rooms").0);
    }
}

#[test]
fn uses_are_read_from_groups_paths_and_climbs_but_not_from_comments_texts_or_tests() {
    let code = |text: &str| dense(&code_of(text));
    let uses = |text: &str, depth: usize| rooms_used(&code(text), depth).into_iter().collect::<Vec<_>>();
    assert_eq!(uses("use crate::{git::Remote, model::{self, Tag}};", 1), ["git", "model"]);
    assert_eq!(uses("fn f() -> crate::http::Client { crate ::forge::x() }", 1), ["forge", "http"]);
    assert_eq!(uses("use super::yaml::Node;", 1), ["yaml"]);
    assert_eq!(uses("use super::{yaml, inventory::Walk};", 1), ["inventory", "yaml"]);
    assert_eq!(uses("use super::yaml::Node;", 2), Vec::<String>::new());
    assert_eq!(uses("use super::super::yaml::Node;", 2), ["yaml"]);
    assert_eq!(uses("// crate::git\n/* crate::git */ const A: &str = \"crate::git\";", 1), Vec::<String>::new());
    assert_eq!(uses("const A: &str = r#\"a \" crate::git\"#; const B: char = '\"'; use crate::edit;", 1), ["edit"]);
    assert_eq!(uses("#[cfg(test)]\nmod tests { use crate::git; fn f() { {} } }\nuse crate::edit;", 1), ["edit"]);
    assert_eq!(uses("#[cfg(all(test, unix))]\nmod tests { use crate::git; }\nuse crate::edit;", 1), ["edit"]);
    assert_eq!(uses("#[cfg(not(test))]\nuse crate::git;\n#[cfg(unix)]\nuse crate::edit;", 1), ["edit", "git"]);
    assert_eq!(uses("#[cfg(test)]\nuse crate::git;\nfn f<'a>(x: &'a str) {} use crate::edit;", 1), ["edit"]);
    assert!(names(&code("let now = jiff::Timestamp::now();"), "Timestamp::now"));
    assert!(names(&code("use std::{collections::BTreeMap, fs};"), "std::fs"));
    assert!(names(&code("use std::time::{Duration, Instant};"), "std::time::Instant"));
    assert!(!names(&code("use std::fmt; let std_fs = 1;"), "std::fs"));
    assert!(!names(&code("my_println!()"), "println!"));
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    collect(&root().join("src"), &mut found);
    // Modules that their parents declare under `cfg(test)`, with all that is below them.
    let tests: Vec<PathBuf> = found.iter().flat_map(test_modules).collect();
    found.retain(|source| !tests.iter().any(|test| source.path.with_extension("").starts_with(test)));
    assert!(found.len() > 20, "the sources are not where this test looks for them");
    found
}

fn collect(directory: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.extend(source(&path));
        }
    }
}

/// Returns where the modules are that a file declares under `cfg(test)`.
fn test_modules(source: &Source) -> Vec<PathBuf> {
    let is_folder = source.path.file_stem().is_some_and(|stem| stem == "mod");
    let folder =
        if is_folder { source.path.parent().expect("a folder").to_owned() } else { source.path.with_extension("") };
    let code = without_comments_and_literals(&source.text);
    let items = test_items(&code).into_iter().map(|range| code[range].to_owned());
    // Both `mod laws;` and `mod tests { mod laws; }`.
    let name = |item: String| item.split_once("mod ")?.1.split([';', '{']).next().map(|name| name.trim().to_owned());
    items.filter_map(name).map(|name| folder.join(name)).collect()
}

fn source(path: &Path) -> Option<Source> {
    let text = fs::read_to_string(path).expect("a source file");
    let inside = path.strip_prefix(root().join("src")).expect("a path below src").with_extension("");
    let mut modules: Vec<String> = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    modules.retain(|name| name != "mod");
    if modules == ["lib"] {
        return None;
    }
    let room = modules.first()?.clone();
    let inside = path.strip_prefix(root()).expect("a path below the repository").display().to_string();
    let code = code_of(&text);
    Some(Source { path: path.to_owned(), inside, room, depth: modules.len(), dense: dense(&code), code, text })
}

/// Returns the text without comments, literals and items under `cfg(test)`; line breaks stay.
fn code_of(text: &str) -> String {
    without_tests(&without_comments_and_literals(text))
}

fn without_comments_and_literals(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = comment(rest).or_else(|| literal(rest, code.chars().next_back())).unwrap_or(0);
        if length == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            code.extend(rest[..length].chars().filter(|char| *char == '\n'));
            code.push(' ');
            rest = &rest[length..];
        }
    }
    code
}

fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if !text.starts_with("/*") {
        return None;
    }
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match text.get(at..at + 2) {
            Some("/*") => (depth, at) = (depth + 1, at + 2),
            Some("*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return Some(at);
        }
    }
    Some(text.len())
}

fn literal(text: &str, before: Option<char>) -> Option<usize> {
    let in_a_word = before.is_some_and(|char| char.is_alphanumeric() || char == '_');
    let raw = text.strip_prefix("br").or_else(|| text.strip_prefix('r')).filter(|_| !in_a_word);
    if let Some(raw) = raw {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let opening = text.len() - raw.len() + hashes + 1;
            return Some(text[opening..].find(&end).map_or(text.len(), |found| opening + found + end.len()));
        }
    }
    let quote = text.chars().next()?;
    if quote == '\'' {
        // A character, not a lifetime: something, and a quote behind it.
        let second = text[1..].chars().next()?;
        let closes = text[1 + second.len_utf8()..].starts_with('\'');
        if second != '\\' {
            return closes.then_some(2 + second.len_utf8());
        }
    } else if quote != '"' {
        return None;
    }
    let mut escaped = false;
    for (at, char) in text.char_indices().skip(1) {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if char == quote => return Some(at + 1),
            _ => {}
        }
    }
    Some(text.len())
}

fn without_tests(code: &str) -> String {
    let mut kept = String::with_capacity(code.len());
    let mut end = 0;
    for item in test_items(code) {
        kept.push_str(&code[end..item.start]);
        kept.extend(code[item.clone()].chars().filter(|char| *char == '\n'));
        end = item.end;
    }
    kept.push_str(&code[end..]);
    kept
}

/// Returns where the items under `cfg(test)`, `cfg(all(test, …))` and their like stand, attribute and all.
fn test_items(code: &str) -> Vec<Range<usize>> {
    let mut items: Vec<Range<usize>> = Vec::new();
    for (at, _) in code.match_indices("#[cfg(") {
        let attribute = code[at..].find(']').map_or(code.len(), |end| at + end);
        let condition = code[at..attribute].split(|char: char| !char.is_alphanumeric() && char != '_');
        let is_test = condition.clone().any(|word| word == "test") && !condition.clone().any(|word| word == "not");
        if is_test && items.last().is_none_or(|last| last.end <= at) {
            items.push(at..at + item_length(&code[at..]));
        }
    }
    items
}

/// An item ends with its first `;` outside braces, or with the brace that closes its first one.
fn item_length(item: &str) -> usize {
    let mut depth = 0;
    for (at, char) in item.char_indices() {
        match char {
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    item.len()
}

/// Returns the rooms that paths from the crate's root name.
fn rooms_used(dense: &str, depth: usize) -> BTreeSet<String> {
    let climb = "super::".repeat(depth);
    let mut used = BTreeSet::new();
    for start in ["crate::", "promote::", climb.as_str()] {
        for (at, _) in dense.match_indices(start) {
            let before = dense[..at].chars().next_back();
            if before.is_some_and(|char| char.is_alphanumeric() || matches!(char, '_' | ':' | '$')) {
                continue;
            }
            used.extend(first_segments(&dense[at + start.len()..]));
        }
    }
    used
}

/// Returns the first segment of a path, or those of a group `{a, b::c}`.
fn first_segments(path: &str) -> Vec<String> {
    let segment =
        |text: &str| text.chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect::<String>();
    let Some(group) = path.strip_prefix('{') else {
        return vec![segment(path)];
    };
    let (mut depth, mut found, mut starts) = (0, Vec::new(), true);
    for (at, char) in group.char_indices() {
        if starts && depth == 0 {
            found.push(segment(&group[at..]));
        }
        starts = false;
        match char {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' => starts = true,
            _ => {}
        }
    }
    found
}

/// Tells whether dense code names a path, written out or in a group of `use`.
fn names(dense: &str, path: &str) -> bool {
    let is_word = |char: char| char.is_alphanumeric() || char == '_';
    let written_out = dense.match_indices(path).any(|(at, _)| {
        let before = dense[..at].chars().next_back();
        let after = dense[at + path.len()..].chars().next();
        let ends = !path.ends_with(is_word) || !after.is_some_and(is_word);
        !before.is_some_and(is_word) && ends
    });
    let in_a_group = path.rsplit_once("::").is_some_and(|(start, last)| {
        let start = format!("{start}::{{");
        let mut groups = dense.match_indices(&start);
        !last.is_empty()
            && groups.any(|(at, _)| first_segments(&dense[at + start.len() - 1..]).iter().any(|one| one == last))
    });
    written_out || in_a_group
}

/// Returns the code without white space around `::`, braces and commas.
fn dense(code: &str) -> String {
    let mut dense = String::with_capacity(code.len());
    for word in code.split_whitespace() {
        let joins = |char: char| matches!(char, ':' | '{' | '}' | ',');
        if !dense.is_empty() && !dense.ends_with(joins) && !word.starts_with(joins) {
            dense.push(' ');
        }
        dense.push_str(word);
    }
    dense
}
