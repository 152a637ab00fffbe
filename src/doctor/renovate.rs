//! Which places Renovate writes, by its configuration in the repository.
//!
//! Renovate's `flux` manager reads by default nothing but Flux's own components; what else it reads is configured. Presets
//! that the configuration extends can't be read here.

use globset::GlobMatcher;
use regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::glob::glob;
use super::targets::Target;
use crate::model::{FieldName, RepoPath, SourceKind};

/// Where Renovate's configuration may stand.
pub const PLACES: [&str; 10] = [
    "renovate.json",
    "renovate.json5",
    ".github/renovate.json",
    ".github/renovate.json5",
    ".gitlab/renovate.json",
    ".gitlab/renovate.json5",
    ".renovaterc",
    ".renovaterc.json",
    ".renovaterc.json5",
    ".forgejo/renovate.json",
];

/// The managers that could write such places, and the files that they read unasked.
const MANAGERS: [(&str, &[&str]); 4] = [
    ("flux", &[r"/(^|/)gotk-components\.ya?ml$/"]),
    ("kustomize", &[r"/(^|/)kustomization\.ya?ml$/"]),
    ("helm-values", &[r"/(^|/)values\.ya?ml$/"]),
    ("kubernetes", &[]),
];
/// Presets of Renovate's own that leave such directories alone.
const CAREFUL: [&str; 5] =
    ["config:recommended", "config:base", "config:best-practices", "config:js-app", ":ignoreModulesAndTests"];
const LEFT_ALONE: [&str; 8] = [
    "**/node_modules/**",
    "**/bower_components/**",
    "**/vendor/**",
    "**/examples/**",
    "**/__tests__/**",
    "**/test/**",
    "**/tests/**",
    "**/__fixtures__/**",
];

/// What Renovate writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Touched {
    /// The managers that do, in order.
    pub managers: Vec<String>,
    /// The places, by their number.
    pub targets: Vec<usize>,
    /// The presets that can't be read here.
    pub presets: Vec<String>,
}

/// A pattern of files: a glob, or an expression between slashes; `!` in front turns it round.
struct Pattern {
    test: Test,
    negated: bool,
}

enum Test {
    Glob(GlobMatcher),
    Expression(Regex),
    Text(String),
}

/// One manager as it is configured.
struct Manager {
    name: String,
    files: Vec<Pattern>,
    /// Of a manager of one's own: what it looks for; none of an expression that can't be read here, which may find all.
    finds: Option<Vec<Regex>>,
}

/// A rule that switches updates off or on by file and manager alone.
struct Switch {
    files: Vec<Pattern>,
    managers: Vec<String>,
    on: bool,
}

/// Returns which of the places Renovate writes; `text_of` gives the text of a file.
///
/// # Errors
/// What is wrong with the configuration, where it can't be read.
pub(super) fn touched(
    configuration: &str,
    targets: &[Target],
    text_of: &dyn Fn(&RepoPath) -> Option<String>,
) -> Result<Touched, String> {
    let configuration: Value = json5::from_str(configuration)
        .map_err(|error| error.to_string().lines().next().unwrap_or_default().to_owned())?;
    let extends = texts(&configuration, "extends");
    let mut touched =
        Touched { presets: extends.iter().filter(|name| name.contains('>')).cloned().collect(), ..Touched::default() };
    if configuration.get("enabled") == Some(&Value::Bool(false)) {
        return Ok(touched);
    }
    let managers = managers(&configuration);
    let switches = switches(&configuration);
    let ignored = ignored(&configuration, &extends);
    let included = patterns(&texts(&configuration, "includePaths"), Pattern::glob);
    for (number, target) in targets.iter().enumerate() {
        let path = target.path().as_str();
        let is_left_out = any(&ignored, path) || !included.is_empty() && !any(&included, path);
        if is_left_out {
            continue;
        }
        let writes = |manager: &&Manager| {
            any(&manager.files, path) && manager.writes(target, text_of) && is_on(&switches, &manager.name, path)
        };
        let writers: Vec<&Manager> = managers.iter().filter(writes).collect();
        for manager in &writers {
            if !touched.managers.contains(&manager.name) {
                touched.managers.push(manager.name.clone());
            }
        }
        touched.targets.extend((!writers.is_empty()).then_some(number));
    }
    Ok(touched)
}

fn managers(configuration: &Value) -> Vec<Manager> {
    let enabled = texts(configuration, "enabledManagers");
    let may = |name: &str| {
        enabled.is_empty() || enabled.iter().any(|one| one == name || one.strip_prefix("custom.") == Some(name))
    };
    let mut managers = Vec::new();
    for (name, usual) in MANAGERS.into_iter().filter(|(name, _)| may(name)) {
        let own = configuration.get(name).unwrap_or(&Value::Null);
        if own.get("enabled") == Some(&Value::Bool(false)) {
            continue;
        }
        let mut files = patterns(&usual.iter().map(ToString::to_string).collect::<Vec<_>>(), Pattern::of);
        files.extend(files_of(own));
        managers.push(Manager { name: name.to_owned(), files, finds: Some(Vec::new()) });
    }
    let custom = ["customManagers", "regexManagers"].into_iter().filter_map(|key| configuration.get(key)?.as_array());
    for one in custom.flatten().filter(|_| may("regex")) {
        let wanted = texts(one, "matchStrings");
        let found: Option<Vec<Regex>> = wanted.iter().map(|text| Regex::new(text).ok()).collect();
        let is_regex = one.get("customType").is_none_or(|kind| kind == "regex");
        managers.push(Manager {
            name: "a manager of your own".to_owned(),
            files: files_of(one),
            finds: found.filter(|_| is_regex),
        });
    }
    managers
}

/// `managerFilePatterns` are globs or expressions between slashes; `fileMatch`, its older name, is expressions.
fn files_of(manager: &Value) -> Vec<Pattern> {
    let mut files = patterns(&texts(manager, "managerFilePatterns"), Pattern::of);
    files.extend(patterns(&texts(manager, "fileMatch"), Pattern::expression));
    files
}

fn ignored(configuration: &Value, extends: &[String]) -> Vec<Pattern> {
    let own = configuration.get("ignorePaths").is_some();
    let careful = extends.iter().any(|name| CAREFUL.contains(&name.as_str()));
    let mut wanted = texts(configuration, "ignorePaths");
    if !own && careful {
        wanted.extend(LEFT_ALONE.map(str::to_owned));
    }
    let mut ignored = patterns(&wanted, Pattern::glob);
    // A part of the path is enough.
    ignored.extend(wanted.into_iter().map(|text| Pattern { test: Test::Text(text), negated: false }));
    ignored
}

fn switches(configuration: &Value) -> Vec<Switch> {
    let rules = configuration.get("packageRules").and_then(Value::as_array).into_iter().flatten();
    let switch = |rule: &Value| {
        let on = rule.get("enabled")?.as_bool()?;
        let known = ["matchFileNames", "matchPaths", "matchManagers"];
        let conditions = rule.as_object()?.keys().filter(|key| key.starts_with("match") || key.starts_with("exclude"));
        // What holds for some packages only leaves the others to Renovate.
        let by_place_alone = conditions.clone().all(|key| known.contains(&key.as_str())) || on;
        by_place_alone.then(|| Switch {
            files: patterns(&[texts(rule, "matchFileNames"), texts(rule, "matchPaths")].concat(), Pattern::of),
            managers: texts(rule, "matchManagers"),
            on,
        })
    };
    rules.filter_map(switch).collect()
}

/// The last rule that holds decides.
fn is_on(switches: &[Switch], manager: &str, path: &str) -> bool {
    let holds = |switch: &&Switch| {
        let of_manager = switch.managers.is_empty()
            || switch.managers.iter().any(|one| one == manager || one.contains("custom") || one == "regex");
        of_manager && (switch.files.is_empty() || any(&switch.files, path))
    };
    switches.iter().rev().find(holds).is_none_or(|switch| switch.on)
}

impl Manager {
    fn writes(&self, target: &Target, text_of: &dyn Fn(&RepoPath) -> Option<String>) -> bool {
        let is_chart_or_source =
            matches!(target.written_in.as_str(), "HelmRelease" | "HelmChart" | "OCIRepository" | "GitRepository");
        match self.name.as_str() {
            "flux" => is_chart_or_source && target.source != SourceKind::Image,
            "kustomize" | "helm-values" => target.source == SourceKind::Image,
            "kubernetes" => target.field == FieldName::Image,
            _ => match &self.finds {
                None => true,
                Some(finds) => text_of(target.path())
                    .is_some_and(|text| finds.iter().any(|one| found_at(one, &text, target.place.line))),
            },
        }
    }
}

/// Tells whether an expression finds a value on a line.
fn found_at(expression: &Regex, text: &str, line: usize) -> bool {
    let line_of = |offset: usize| 1 + text.get(..offset).unwrap_or(text).matches('\n').count();
    expression.captures_iter(text).any(|found| {
        let value = ["currentValue", "currentDigest"].into_iter().find_map(|name| found.name(name));
        value.or_else(|| found.get(0)).is_some_and(|span| (line_of(span.start())..=line_of(span.end())).contains(&line))
    })
}

impl Pattern {
    /// Reads a glob, or an expression between slashes.
    fn of(text: &str) -> Option<Self> {
        let (negated, bare) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let between = bare.strip_prefix('/').and_then(|rest| rest.rsplit_once('/'));
        let test = match between {
            Some((expression, flags @ ("" | "i"))) => {
                Test::Expression(RegexBuilder::new(expression).case_insensitive(flags == "i").build().ok()?)
            }
            _ => Test::Glob(glob(bare)?),
        };
        Some(Self { test, negated })
    }

    fn glob(text: &str) -> Option<Self> {
        Some(Self { test: Test::Glob(glob(text)?), negated: false })
    }

    fn expression(text: &str) -> Option<Self> {
        Some(Self { test: Test::Expression(Regex::new(text).ok()?), negated: false })
    }

    fn matches(&self, path: &str) -> bool {
        let matches = match &self.test {
            Test::Glob(glob) => glob.is_match(path),
            Test::Expression(expression) => expression.is_match(path),
            Test::Text(text) => path.contains(text.as_str()),
        };
        matches != self.negated
    }
}

/// Tells whether a list of patterns holds a path: one matches, and none that is turned round says no.
fn any(patterns: &[Pattern], path: &str) -> bool {
    let refused = patterns.iter().any(|one| one.negated && !one.matches(path));
    let wanted = patterns.iter().any(|one| !one.negated && one.matches(path));
    !refused && (wanted || !patterns.is_empty() && patterns.iter().all(|one| one.negated))
}

fn patterns(all: &[String], read: fn(&str) -> Option<Pattern>) -> Vec<Pattern> {
    all.iter().filter_map(|text| read(text)).collect()
}

/// Returns a text or a list of texts.
fn texts(value: &Value, key: &str) -> Vec<String> {
    match value.get(key) {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(all)) => all.iter().filter_map(|one| Some(one.as_str()?.to_owned())).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Place;

    const TEXT: &str = "spec:\n  ref:\n    # renovate: datasource=docker depName=x\n    tag: v1.2.1\n";

    fn target(path: &str, written_in: &str, source: SourceKind) -> Target {
        Target {
            place: Place { path: path.parse().expect(path), line: 4, column: 10 },
            app: "my-app".parse().expect("a name"),
            source,
            field: FieldName::Tag,
            written_in: written_in.to_owned(),
            marker: None,
            is_pin: true,
            in_production: true,
        }
    }

    fn found(configuration: &str) -> (Vec<usize>, Vec<String>) {
        let targets = [
            target("clusters/prod-eu/my-app.yaml", "OCIRepository", SourceKind::OciRepository),
            target("apps/tests/my-app.yaml", "HelmRelease", SourceKind::HelmRelease),
            target("apps/cart/kustomization.yaml", "", SourceKind::Image),
        ];
        let touched = touched(configuration, &targets, &|_| Some(TEXT.to_owned())).expect(configuration);
        (touched.targets, touched.managers)
    }

    #[test]
    fn the_configuration_says_which_places_are_written() {
        let one = r#"{"flux": {"managerFilePatterns": ["/\\.yaml$/"]}}"#;
        for (configuration, expected) in [
            ("{}", vec![2]),
            ("// a comment\n{enabledManagers: ['flux'],}", vec![]),
            (r#"{"enabled": false}"#, vec![]),
            (r#"{"kustomize": {"enabled": false}}"#, vec![]),
            (one, vec![0, 1, 2]),
            (r#"{"flux": {"fileMatch": ["^clusters/"]}, "kustomize": {"enabled": false}}"#, vec![0]),
            (r#"{"extends": ["config:recommended"], "flux": {"managerFilePatterns": ["**/*.yaml"]}}"#, vec![0, 2]),
            (r#"{"ignorePaths": ["clusters/**"], "flux": {"managerFilePatterns": ["**/*.yaml"]}}"#, vec![1, 2]),
            (r#"{"includePaths": ["clusters/**"], "flux": {"managerFilePatterns": ["**/*.yaml"]}}"#, vec![0]),
            (
                r#"{"flux": {"fileMatch": ["yaml$"]}, "packageRules": [{"matchFileNames": ["clusters/prod-*/**"], "enabled": false}]}"#,
                vec![1, 2],
            ),
            (
                r#"{"flux": {"fileMatch": ["yaml$"]}, "packageRules": [{"matchPackageNames": ["x"], "enabled": false}]}"#,
                vec![0, 1, 2],
            ),
            (
                r##"{"customManagers": [{"customType": "regex", "managerFilePatterns": ["clusters/**"],
                    "matchStrings": ["depName=(?<depName>\\S+)\\s+tag: (?<currentValue>\\S+)"]}]}"##,
                vec![0, 2],
            ),
            (
                r#"{"regexManagers": [{"fileMatch": ["^clusters/"], "matchStrings": ["version: (?<currentValue>.*)"]}]}"#,
                vec![2],
            ),
        ] {
            assert_eq!(found(configuration).0, expected, "{configuration}");
        }
        assert_eq!(found(one).1, ["flux", "kustomize"]);
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        assert!(touched("{", &[], &|_| None).is_err());
        let presets = touched(r#"{"extends": ["config:recommended", "github>acme/renovate"]}"#, &[], &|_| None);
        assert_eq!(presets.expect("a configuration").presets, ["github>acme/renovate"]);
    }
}
