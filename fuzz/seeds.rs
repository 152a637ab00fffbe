//! Writes the texts of the vectors as the first corpora: `cargo run --bin seeds`, before `cargo +nightly fuzz run`.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::Path;

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

fn main() -> Result<(), Box<dyn Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut inputs = BTreeSet::new();
    for (target, file, fields) in SEEDS {
        for line in fs::read_to_string(here.join("../tests/vectors").join(file))?.lines() {
            let row: serde_json::Value = serde_json::from_str(line)?;
            let texts: Vec<&str> = fields.iter().filter_map(|field| row[field].as_str()).collect();
            inputs.insert((target, texts.join("\n")));
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
