//! Commands in pipelines and scripts that edit files: `yq -i`, `sed -i`, `kustomize edit set image`, and their like.

use regex::Regex;

use super::targets::Target;
use crate::model::{Place, RepoPath};

/// A line that edits places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Editor {
    /// The program.
    pub program: &'static str,
    /// The line.
    pub place: Place,
    /// Which of the places it may write, by their number.
    pub targets: Vec<usize>,
    /// Whether the names of the files are in the line; else a variable decides.
    pub is_certain: bool,
}

/// How an editor is told, and whether it edits YAML by what it means.
struct Program {
    name: &'static str,
    pattern: &'static str,
    /// The files that it edits without being told.
    usual: Option<&'static str>,
}

const PROGRAMS: [Program; 4] = [
    Program { name: "yq", pattern: r"\byq\b.*\s(-[a-zA-Z]*i[a-zA-Z]*|--inplace|--in-place)\b", usual: None },
    Program {
        name: "yq",
        pattern: r"\byq\s+(w|write)\s.*\s(-i|--inplace)\b|\byq\s+(w|write)\s+(-i|--inplace)\b",
        usual: None,
    },
    Program {
        name: "sed",
        pattern: r"\bg?sed\b.*\s(-[a-zA-Z]*i\S*|--in-place\S*)(\s|$)|\bperl\b.*\s-[a-zA-Z]*i\S*(\s|$)",
        usual: None,
    },
    Program { name: "kustomize", pattern: r"\bkustomize\s+edit\s+set\s+image\b", usual: Some("kustomization.yaml") },
];

/// Tells whether a file may hold such commands.
pub(super) fn is_script(path: &RepoPath) -> bool {
    let text = path.as_str();
    let is_yaml = text.ends_with(".yml") || text.ends_with(".yaml");
    let below = |directory: &str| text.starts_with(directory) && is_yaml;
    let name = path.file_name();
    [".github/", ".gitea/", ".forgejo/", ".gitlab/", ".circleci/", ".woodpecker/", ".tekton/"].into_iter().any(below)
        || matches!(
            name,
            ".gitlab-ci.yml"
                | ".gitlab-ci.yaml"
                | ".drone.yml"
                | ".woodpecker.yml"
                | ".woodpecker.yaml"
                | ".travis.yml"
                | "azure-pipelines.yml"
                | "azure-pipelines.yaml"
                | "bitbucket-pipelines.yml"
                | "Jenkinsfile"
                | "Makefile"
                | "justfile"
                | "Taskfile.yml"
                | "Taskfile.yaml"
        )
        || [".sh", ".bash", ".mk", ".gitlab-ci.yml"].iter().any(|end| name.ends_with(end))
}

/// Returns the lines of a script that may write the places.
pub(super) fn editors(path: &RepoPath, text: &str, targets: &[Target]) -> Vec<Editor> {
    let programs: Vec<(&Program, Regex)> =
        PROGRAMS.iter().filter_map(|program| Some((program, Regex::new(program.pattern).ok()?))).collect();
    let mut found = Vec::new();
    let mut directory: Option<Vec<String>> = None;
    for (number, line) in commands(text) {
        let bare = line.trim_start();
        if bare.starts_with('#') || bare.starts_with("//") {
            continue;
        }
        if let Some(entered) = entered(&line) {
            directory = Some(entered);
        }
        let Some((program, _)) = programs.iter().find(|(_, pattern)| pattern.is_match(&line)) else { continue };
        let mut wanted: Vec<String> = paths(&line);
        if let Some(usual) = program.usual {
            wanted = vec![usual.to_owned()];
        }
        let inside = directory.clone().unwrap_or_default();
        let written = named(&wanted, &inside, targets);
        let is_certain = match program.usual {
            Some(_) => !inside.is_empty(),
            None => wanted.iter().any(|pattern| has_a_name(pattern)),
        };
        // A stream editor whose files nobody can tell may edit anything, and mostly does something else.
        if written.is_empty() || !is_certain && program.name == "sed" {
            continue;
        }
        let place = Place { path: path.clone(), line: number, column: 1 + line.len() - bare.len() };
        found.push(Editor { program: program.name, place, targets: written, is_certain });
    }
    found
}

/// Joins lines that a backslash continues, each with the number of its first.
fn commands(text: &str) -> Vec<(usize, String)> {
    let mut joined: Vec<(usize, String)> = Vec::new();
    let mut continues = false;
    for (number, line) in (1..).zip(text.lines()) {
        let (part, goes_on) = match line.trim_end().strip_suffix('\\') {
            Some(part) => (part, true),
            None => (line, false),
        };
        match joined.last_mut() {
            Some((_, whole)) if continues => {
                whole.push(' ');
                whole.push_str(part.trim_start());
            }
            _ => joined.push((number, part.to_owned())),
        }
        continues = goes_on;
    }
    joined
}

/// Returns the directory that a line enters: `cd DIR`, `working-directory: DIR`; of a new job or step, none.
fn entered(line: &str) -> Option<Vec<String>> {
    let bare = line.trim().trim_start_matches("- ");
    if ["run:", "name:", "steps:", "script:", "uses:"].iter().any(|key| bare.starts_with(key)) && !bare.contains("cd ")
    {
        return Some(Vec::new());
    }
    let named = bare.strip_prefix("working-directory:");
    let after =
        named.or_else(|| bare.split_once("cd ").filter(|(before, _)| is_beginning(before)).map(|(_, rest)| rest))?;
    let word = after.trim().split([' ', ';', '&', ')']).next()?;
    Some(vec![plain(word)])
}

/// Tells whether a command may begin after this.
fn is_beginning(before: &str) -> bool {
    let before = before.trim_end();
    before.is_empty() || before.ends_with([';', '&', '(', '|', ':']) || before.ends_with("run:")
}

/// Returns the words of a line that may be paths, variables as `*`.
pub(super) fn paths(line: &str) -> Vec<String> {
    let plain_line = with_variables_as_stars(line);
    let split = |char: char| {
        char.is_whitespace() || matches!(char, '"' | '\'' | '`' | '=' | '(' | ')' | ';' | '>' | '<' | ',' | '|')
    };
    let words = plain_line.split(split).map(|word| word.trim_start_matches("./").to_owned());
    let is_path = |word: &String| {
        let is_yaml = [".yaml", ".yml", ".env"].iter().any(|end| word.ends_with(end));
        is_yaml || *word == "*" || word.contains('/') && word.ends_with('*')
    };
    // An expression such as `.spec.ref.tag` or `s/old/new/` is no path.
    words.filter(|word| is_path(word) && !word.starts_with("s/") && !word.starts_with('.')).collect()
}

fn plain(word: &str) -> String {
    let word = with_variables_as_stars(word);
    word.trim_matches(['"', '\'']).trim_start_matches("./").trim_end_matches('/').to_owned()
}

/// Writes `${{ … }}`, `${…}`, `$(…)`, `$NAME` and `{{ … }}` as `*`.
fn with_variables_as_stars(text: &str) -> String {
    let pattern = r"\$\{\{.*?\}\}|\{\{.*?\}\}|\$\{[^}]*\}|\$\([^)]*\)|\$[A-Za-z_][A-Za-z0-9_]*";
    Regex::new(pattern).map_or_else(|_| text.to_owned(), |found| found.replace_all(text, "*").into_owned())
}

/// Tells whether a pattern names something: more than variables and an ending.
fn has_a_name(pattern: &str) -> bool {
    let bare = pattern.trim_end_matches(".yaml").trim_end_matches(".yml").trim_end_matches(".env");
    bare.chars().any(char::is_alphanumeric)
}

/// Returns the numbers of the places that patterns may name: `*` is anything; the directory may be known in part, or not.
pub(super) fn named(patterns: &[String], inside: &[String], targets: &[Target]) -> Vec<usize> {
    let expressions = patterns.iter().filter_map(|pattern| {
        let whole = match inside {
            [directory] if !directory.is_empty() && directory != "." => format!("{directory}/{pattern}"),
            _ => pattern.clone(),
        };
        let expression = regex::escape(&whole).replace("\\*", ".*");
        Regex::new(&format!("^(.*/)?{}$", expression.replace("kustomization\\.yaml", "kustomization\\.ya?ml"))).ok()
    });
    let expressions: Vec<Regex> = expressions.collect();
    let hit = |target: &Target| expressions.iter().any(|one| one.is_match(target.path().as_str()));
    targets.iter().enumerate().filter(|(_, target)| hit(target)).map(|(at, _)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FieldName, SourceKind};

    fn target(path: &str) -> Target {
        Target {
            place: Place { path: path.parse().expect(path), line: 12, column: 10 },
            app: "my-app".parse().expect("a name"),
            source: SourceKind::OciRepository,
            field: FieldName::Tag,
            written_in: "OCIRepository".to_owned(),
            marker: None,
            is_pin: true,
            in_production: true,
        }
    }

    fn found(line: &str) -> Option<(&'static str, Vec<usize>, bool)> {
        let targets = [target("clusters/prod-eu/my-app.yaml"), target("apps/cart/production/kustomization.yaml")];
        let path = ".github/workflows/promote.yml".parse().expect("a path");
        let editor = editors(&path, line, &targets).into_iter().next()?;
        Some((editor.program, editor.targets, editor.is_certain))
    }

    #[test]
    fn commands_that_edit_a_place_are_found_whatever_stands_for_its_name() {
        for (line, expected) in [
            ("run: yq -i '.spec.ref.tag = \"v1\"' clusters/prod-eu/my-app.yaml", Some(("yq", vec![0], true))),
            (
                "  yq eval --inplace \".spec.ref.tag=\\\"$TAG\\\"\" ./clusters/$ENV/my-app.yaml",
                Some(("yq", vec![0], true)),
            ),
            ("yq e -i '.x = 1' clusters/${{ inputs.cluster }}/${{ inputs.app }}.yaml", Some(("yq", vec![0], true))),
            ("yq -i '.x = 1' \"$FILE\"", Some(("yq", vec![0, 1], false))),
            ("yq '.x' clusters/prod-eu/my-app.yaml", None),
            ("sed -i \"s/tag: .*/tag: $TAG/\" clusters/prod-eu/*.yaml", Some(("sed", vec![0], true))),
            ("sed -i.bak s/a/b/ my-app.yaml", Some(("sed", vec![0], true))),
            ("sed -i s/a/b/ \"$FILE\"", None),
            ("sed s/a/b/ clusters/prod-eu/my-app.yaml", None),
            ("sed -i s/a/b/ README.md", None),
            ("# sed -i s/a/b/ my-app.yaml", None),
            ("cd apps/cart/production && kustomize edit set image cart=cart:$TAG", Some(("kustomize", vec![1], true))),
            ("cd apps/shop && kustomize edit set image cart=cart:$TAG", None),
            ("cd clusters/prod-eu\nyq -i '.x = 1' my-app.yaml", Some(("yq", vec![0], true))),
            ("cd clusters/prod-us\nyq -i '.x = 1' my-app.yaml", None),
            ("yq -i \\\n  '.x = 1' \\\n  clusters/prod-eu/my-app.yaml", Some(("yq", vec![0], true))),
            ("perl -pi -e 's/a/b/' clusters/prod-eu/my-app.yaml", Some(("sed", vec![0], true))),
        ] {
            assert_eq!(found(line), expected, "{line}");
        }
    }
}
