//! Files that are made to exhaust whoever reads them, through the program itself: the kernel gives it so much processor
//! time and so much memory, and it must end by itself, with a finding for the file and the answer for its neighbour.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Seconds of processor time; without optimisation the same work takes many times as long.
const SECONDS: u32 = if cfg!(debug_assertions) { 20 } else { 1 };
/// Memory that may be written to, in KiB.
const MEMORY: u32 = 200 * 1024;

const SOURCE: &str = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {name: my-app}\nspec:\n  url: \
                      oci://registry.example.com/my-app\n  ref: {tag: 1.0.0}\n";

fn kustomization(path: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: bomb}}\nspec:\n  path: {path}\n  \
         sourceRef: {{kind: GitRepository, name: flux-system}}\n"
    )
}

/// What the program finds in a repository, as `code path:line`, under the kernel's limits.
fn findings(files: &[(&str, Vec<u8>)]) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |path: &str, bytes: &[u8]| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    };
    write("clusters/production/source.yaml", SOURCE.as_bytes());
    write(
        "promote.yaml",
        b"version: 1\nstages:\n- name: production\n  environments:\n  - {name: production, path: clusters/production}\n",
    );
    for (path, bytes) in files {
        write(path, bytes);
    }
    let limited = format!("ulimit -t {SECONDS} && ulimit -d {MEMORY} && exec \"$0\" \"$@\"");
    let output = Command::new("sh")
        .args(["-c", &limited, env!("CARGO_BIN_EXE_promote"), "pins", "--at", "worktree", "-o", "json"])
        .current_dir(folder.path())
        .env("HOME", folder.path())
        .stdin(Stdio::null())
        .output()
        .expect("the program");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{}: {said}", output.status);
    let pins: Value = serde_json::from_slice(&output.stdout).expect("a document");
    let values: Vec<&str> =
        pins["pins"].as_array().expect("pins").iter().filter_map(|pin| pin["value"].as_str()).collect();
    assert!(values.contains(&"1.0.0"), "the neighbour is hidden: {pins}");
    let text = |finding: &Value| {
        let (code, path) = (finding["code"].as_str().unwrap_or_default(), finding["path"].as_str().unwrap_or_default());
        format!("{code} {path}:{}", finding["line"])
    };
    pins["findings"].as_array().expect("findings").iter().map(text).collect()
}

fn of_file(text: impl Into<Vec<u8>>) -> Vec<String> {
    findings(&[("clusters/production/bomb.yaml", text.into())])
}

/// The codes alone; each finding has a line.
fn codes(findings: Vec<String>) -> Vec<String> {
    assert!(findings.iter().all(|finding| !finding.ends_with("null")), "{findings:?}");
    findings.iter().filter_map(|finding| finding.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn aliases_that_explode_are_counted_and_one_to_itself_is_told() {
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        laughs.push_str(&format!("a{level}: &a{level} [{}]\n", format!("*a{}, ", level - 1).repeat(10)));
    }
    assert_eq!(of_file(laughs), ["file-too-large clusters/production/bomb.yaml:5"]);
    assert_eq!(of_file("a: &a [1, *a]\n"), ["unreadable-yaml clusters/production/bomb.yaml:1"]);
    // Merge keys, each level with all of the one before, twice.
    let mut merges = String::from("a0: &a0 {x: 1}\n");
    for level in 1..30 {
        merges.push_str(&format!("a{level}: &a{level} {{<<: [*a{0}, *a{0}], x{level}: 1}}\n", level - 1));
    }
    assert_eq!(codes(of_file(merges)), ["file-too-large"]);
}

#[test]
fn deep_nesting_ends_at_its_limit() {
    for text in ["[", "- ", "{a: ", "? ", "!!seq [", "&a ["] {
        let found = of_file(text.repeat(100_000));
        assert_eq!(found, ["unreadable-yaml clusters/production/bomb.yaml:1"], "{text}");
    }
    let found = of_file((0..1000).map(|level| format!("{}a:\n", " ".repeat(level))).collect::<String>());
    assert_eq!(codes(found), ["unreadable-yaml"]);
}

#[test]
fn large_files_and_endless_streams_end_at_their_limits() {
    let too_large = "file-too-large clusters/production/bomb.yaml";
    assert_eq!(of_file(format!("a: {}\n", "x".repeat(5 * 1024 * 1024))), [format!("{too_large}:1")]);
    assert_eq!(of_file("--- 1\n".repeat(600_000)), [format!("{too_large}:10001")]);
    assert_eq!(of_file("---\n".repeat(1_000_000)), [format!("{too_large}:10001")]);
    // As many as there may be, and every one of them broken.
    let broken = of_file("---\n{{ a }}: {{\n".repeat(250_000));
    assert!(broken.iter().all(|finding| !finding.ends_with("null")), "{:?}", broken.last());
}

#[test]
fn the_largest_files_that_are_read_cost_no_more_than_they_may() {
    let size = 4 * 1024 * 1024 - 100;
    let filled = |unit: &str| unit.repeat(size / unit.len());
    for unit in ["- x\n", "? a\n", "- - - - x\n"] {
        assert_eq!(codes(of_file(filled(unit))), ["file-too-large"], "{unit}");
    }
    assert_eq!(codes(of_file(format!("[{}]", "1,".repeat(size / 2 - 1)))), ["file-too-large"]);
    let keys: String = (0..300_000).map(|key| format!("k{key}: v\n")).collect();
    assert_eq!(codes(of_file(keys.clone())), ["file-too-large"]);
    let map =
        |keys: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: bomb}}\ndata:\n{}", indented(keys));
    assert_eq!(codes(of_file(map(&keys))), ["file-too-large"]);
    let few: String = (0..9000).map(|key| format!("k{key}: v\n")).collect();
    assert_eq!(codes(of_file(map(&few))), Vec::<String>::new());
    for text in [
        filled("\n"),
        filled("# x\n"),
        format!("a: |\n{}", " x\n".repeat(size / 3 - 2)),
        format!("a: \"{}\"\n", "\\x41".repeat(size / 4 - 3)),
    ] {
        assert_eq!(codes(of_file(text)), Vec::<String>::new());
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

#[test]
fn what_is_no_text_is_told_with_its_encoding() {
    let wide: Vec<u8> = SOURCE.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [&[0xff, 0xfe][..], &wide].concat();
    for bytes in [wide, marked, b"a: b\nc: \xff\xfe\n".to_vec(), b"\x00\x01\x02".repeat(1000)] {
        let found = of_file(bytes);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("unreadable-") && !found[0].ends_with("null"), "{found:?}");
    }
    let helm = "{{- if .Values.x }}\napiVersion: v1\nkind: {{ .Values.kind }}\n{{- end }}\n";
    assert_eq!(of_file(helm), ["unreadable-yaml clusters/production/bomb.yaml:1"]);
}

/// Tells whether a finding says at this place that the build ends there.
fn ends_at(found: &[String], place: &str) -> bool {
    let ends = |finding: &String| {
        ["invalid-object ", "build-fails "].iter().any(|code| finding.strip_prefix(code) == Some(place))
    };
    found.iter().any(ends)
}

#[test]
fn loops_and_doubling_between_files_end() {
    let files = |files: &[(&str, &str)]| {
        let mut all = vec![("clusters/production/bomb.yaml", kustomization("./bomb").into_bytes())];
        all.extend(files.iter().map(|(path, text)| (*path, text.as_bytes().to_vec())));
        findings(&all)
    };
    let found = files(&[
        ("bomb/kustomization.yaml", "resources: [../other]\n"),
        ("other/kustomization.yaml", "resources: [../bomb]\n"),
    ]);
    assert!(ends_at(&found, "bomb/kustomization.yaml:1"), "{found:?}");
    let found = files(&[
        ("bomb/kustomization.yaml", "components: [../part]\n"),
        ("part/kustomization.yaml", "kind: Component\ncomponents: [../part]\n"),
    ]);
    assert!(ends_at(&found, "part/kustomization.yaml:1"), "{found:?}");
    let found = files(&[("bomb/kustomization.yaml", "patches: [{path: kustomization.yaml}]\n")]);
    assert!(ends_at(&found, "bomb/kustomization.yaml:1"), "{found:?}");
    // Each component has the next one twice: 2^40 of them.
    let levels: Vec<(String, String)> = (0..40)
        .map(|level| {
            let next = format!("kind: Component\ncomponents: [../c{0}, ../c{0}]\n", level + 1);
            (format!("c{level}/kustomization.yaml"), if level == 39 { "kind: Component\n".to_owned() } else { next })
        })
        .collect();
    let mut doubling: Vec<(&str, &str)> = levels.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    doubling.push(("bomb/kustomization.yaml", "components: [../c0]\n"));
    let found = files(&doubling);
    assert!(found.iter().any(|finding| finding.starts_with("invalid-object c")), "{found:?}");
    // Each directory has the objects of the next one twice.
    let levels: Vec<(String, String)> = (0..40)
        .map(|level| {
            let next = format!("resources: [../r{0}, ../r{0}, source.yaml]\n", level + 1);
            (
                format!("r{level}/kustomization.yaml"),
                if level == 39 { "resources: [source.yaml]\n".to_owned() } else { next },
            )
        })
        .collect();
    let sources: Vec<String> = (0..40).map(|level| format!("r{level}/source.yaml")).collect();
    let mut doubling: Vec<(&str, &str)> = levels.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    doubling.extend(sources.iter().map(|path| (path.as_str(), SOURCE)));
    doubling.push(("bomb/kustomization.yaml", "resources: [../r0]\n"));
    let found = files(&doubling);
    assert!(found.iter().any(|finding| finding.starts_with("invalid-object")), "{found:?}");
}

#[test]
fn patches_that_copy_into_themselves_end() {
    // `copy` of the whole object into a field of it, again and again, doubles it each time.
    let operations: String =
        (0..60).map(|number| format!("    - {{op: copy, from: /spec, path: /spec/x{number}}}\n")).collect();
    let found = findings(&[
        ("clusters/production/bomb.yaml", kustomization("./bomb").into_bytes()),
        ("bomb/source.yaml", SOURCE.as_bytes().to_vec()),
        (
            "bomb/kustomization.yaml",
            format!("resources: [source.yaml]\npatches:\n- target: {{kind: OCIRepository}}\n  patch: |\n{operations}")
                .into_bytes(),
        ),
    ]);
    assert!(ends_at(&found, "bomb/kustomization.yaml:3"), "{found:?}");
}

#[test]
fn variables_that_multiply_end() {
    let long = "x".repeat(100_000);
    let values: String = (0..50).map(|number| format!("      V{number}: {long}\n")).collect();
    let all: String = (0..50).map(|number| format!("${{V{number}}}")).collect::<String>().repeat(400);
    findings(&[
        (
            "clusters/production/bomb.yaml",
            format!("{}  postBuild:\n    substitute:\n{values}", kustomization("./bomb")).into_bytes(),
        ),
        ("bomb/source.yaml", SOURCE.replace("1.0.0", &format!("\"{all}\"")).into_bytes()),
    ]);
}
