//! Every crate that is built has a licence of the list in `deny.toml`.
//!
//! The list is read from that file, so that `cargo deny` and this test can't disagree; Cargo says what is built.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// What `deny.toml` allows.
#[derive(Debug)]
struct Allowed {
    everywhere: Vec<String>,
    exceptions: BTreeMap<String, Vec<String>>,
}

#[test]
fn every_crate_that_is_built_has_a_licence_of_the_list() {
    let allowed = Allowed::read(&std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml"));
    let mut refused = Vec::new();
    let packages = packages();
    for (name, version, licence) in &packages {
        let also = allowed.exceptions.get(name).map(Vec::as_slice).unwrap_or_default();
        let is_allowed = |one: &str| allowed.everywhere.iter().chain(also).any(|known| known == one);
        if !is_satisfied(licence, &is_allowed) {
            refused.push(format!("{name} {version}: {licence}"));
        }
    }
    assert!(packages.len() > 100, "Cargo told of {} packages only", packages.len());
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn an_expression_holds_if_one_of_its_alternatives_is_all_allowed() {
    let is_allowed = |one: &str| ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].contains(&one);
    for good in [
        "MIT",
        "GPL-3.0 OR MIT",
        "MIT/Apache-2.0",
        "Apache-2.0 / MIT",
        "(GPL-3.0 OR ISC) AND MIT",
        "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
        "ISC AND (Apache-2.0 OR ISC) AND (GPL-3.0 OR (MIT AND ISC))",
    ] {
        assert!(is_satisfied(good, &is_allowed), "{good}");
    }
    for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC) AND GPL-3.0", "Apache-2.0", "MIT-0", "(MIT"] {
        assert!(!is_satisfied(bad, &is_allowed), "{bad}");
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Name, version and licence of each package of this platform's graph.
fn packages() -> Vec<(String, String, String)> {
    let host = Command::new("rustc").arg("-vV").output().expect("rustc");
    let host = String::from_utf8(host.stdout).expect("text");
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).expect("the host's triple").to_owned();
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", &host])
        .current_dir(root())
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = |package: &serde_json::Value, key: &str| package[key].as_str().unwrap_or_default().to_owned();
    let packages = metadata["packages"].as_array().expect("packages");
    packages.iter().map(|one| (text(one, "name"), text(one, "version"), text(one, "license"))).collect()
}

impl Allowed {
    /// Reads the two lists; the file is ours, so its lines are as we write them.
    fn read(text: &str) -> Self {
        let list = |key: &str| {
            let start = text.find(&format!("\n{key} = [\n")).expect("the list") + key.len() + 6;
            let end = start + text[start..].find("\n]").expect("the end of the list");
            text[start..end].lines().map(str::trim).collect::<Vec<_>>()
        };
        let texts = |line: &str| line.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        let exception = |line: &str| {
            let mut texts = texts(line).into_iter();
            (texts.next().expect("a crate"), texts.collect())
        };
        Self {
            everywhere: list("allow").into_iter().flat_map(texts).collect(),
            exceptions: list("exceptions").into_iter().map(exception).collect(),
        }
    }
}

/// Tells whether an SPDX expression can be satisfied; `/` is Cargo's older spelling of `OR`.
fn is_satisfied(expression: &str, is_allowed: &impl Fn(&str) -> bool) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any(&mut rest, is_allowed).unwrap_or(false) && rest.is_empty()
}

fn any(words: &mut &[&str], is_allowed: &impl Fn(&str) -> bool) -> Option<bool> {
    let mut satisfied = all(words, is_allowed)?;
    while let Some(rest) = words.strip_prefix(&["OR"]) {
        *words = rest;
        satisfied |= all(words, is_allowed)?;
    }
    Some(satisfied)
}

fn all(words: &mut &[&str], is_allowed: &impl Fn(&str) -> bool) -> Option<bool> {
    let mut satisfied = one(words, is_allowed)?;
    while let Some(rest) = words.strip_prefix(&["AND"]) {
        *words = rest;
        satisfied &= one(words, is_allowed)?;
    }
    Some(satisfied)
}

fn one(words: &mut &[&str], is_allowed: &impl Fn(&str) -> bool) -> Option<bool> {
    let (first, rest) = words.split_first()?;
    *words = rest;
    if *first == "(" {
        let inside = any(words, is_allowed)?;
        *words = words.strip_prefix(&[")"])?;
        return Some(inside);
    }
    if let [with, exception, rest @ ..] = *words
        && *with == "WITH"
    {
        *words = rest;
        return Some(is_allowed(&format!("{first} WITH {exception}")));
    }
    Some(is_allowed(first))
}
