//! Writes the texts of the vectors, and the repositories of the fixtures, as the first corpora: `cargo run --bin seeds`,
//! before `cargo +nightly fuzz run`.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// Target, vectors file, and the fields whose texts, one a line, make one input.
const SEEDS: [(&str, &str, &[&str]); 7] = [
    ("version", "versions.jsonl", &["raw"]),
    ("version", "pairs.jsonl", &["a", "b"]),
    ("constraint", "constraints.jsonl", &["constraint", "version"]),
    ("constraint", "constraint_parse.jsonl", &["constraint"]),
    ("constraint", "constraint_grammar.jsonl", &["constraint"]),
    ("filter", "filters.jsonl", &["pattern"]),
    ("filter", "select.jsonl", &["semverFilter"]),
];

/// What an edit's seeds choose: the scalar, the one in its text, the part's begin and length, the new text's length.
const CHOICES: [[u8; 5]; 5] = [[5, 0, 0, 0, 6], [9, 0, 0, 0, 4], [13, 0, 1, 3, 6], [7, 3, 0, 0, 6], [20, 6, 1, 2, 4]];

type Inputs = BTreeSet<(&'static str, Vec<u8>)>;

fn main() -> Result<(), Box<dyn Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = here.join("../tests");
    let mut inputs = Inputs::new();
    for (target, file, fields) in SEEDS {
        for line in fs::read_to_string(tests.join("vectors").join(file))?.lines() {
            let row: serde_json::Value = serde_json::from_str(line)?;
            let texts: Vec<&str> = fields.iter().filter_map(|field| row[field].as_str()).collect();
            inputs.insert((target, texts.join("\n").into_bytes()));
        }
    }
    for layout in fs::read_dir(tests.join("fixtures/layouts"))? {
        let layout = layout?.path();
        add_repository(&files_below(&layout, &layout)?, &mut inputs);
    }
    for cases in fs::read_dir(tests.join("fixtures/kustomize"))? {
        for case in fs::read_to_string(cases?.path())?.split("=== ").skip(1) {
            add_repository(&files_of_case(case), &mut inputs);
        }
    }
    for (number, (target, text)) in inputs.iter().enumerate() {
        let directory = here.join("corpus").join(target);
        fs::create_dir_all(&directory)?;
        fs::write(directory.join(format!("seed-{number}")), text)?;
    }
    println!("{} inputs", inputs.len());
    Ok(())
}

/// One input of the walk, and some of the edit for each of its files.
fn add_repository(files: &[(String, String)], inputs: &mut Inputs) {
    let whole: Vec<String> = files.iter().map(|(path, text)| format!("=== {path}\n{text}")).collect();
    inputs.insert(("walk", whole.join("\n").into_bytes()));
    for (number, (_, text)) in files.iter().enumerate() {
        let choice = CHOICES[number % CHOICES.len()];
        let new = &"v1.10'"[..usize::from(choice[4])];
        inputs.insert(("edit", [&choice, new.as_bytes(), text.as_bytes()].concat()));
    }
}

fn files_below(root: &Path, directory: &Path) -> Result<Vec<(String, String)>, Box<dyn Error>> {
    let mut files = Vec::new();
    let mut paths: Vec<PathBuf> =
        fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files.extend(files_below(root, &path)?);
        } else {
            files.push((path.strip_prefix(root)?.to_string_lossy().into_owned(), fs::read_to_string(&path)?));
        }
    }
    Ok(files)
}

/// The files of a written case (see `tests/inventory/oracle.rs`), below the directory of an environment.
fn files_of_case(case: &str) -> Vec<(String, String)> {
    let parts = case.split("\n-- ").skip(1).filter_map(|part| part.split_once(" --\n"));
    let file = |(path, text): (&str, &str)| {
        let path = path.strip_prefix("top/").map_or(path.to_owned(), |path| format!("clusters/production/{path}"));
        (path, text.replace("../", "../../"))
    };
    parts.map(file).collect()
}
