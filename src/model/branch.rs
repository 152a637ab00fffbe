//! The name of a promotion's branch: the same intent has the same name, another intent has another one.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::{AppName, Edit, EnvironmentName};

/// What every branch of ours begins with.
pub const BRANCH_PREFIX: &str = "promote/";

// A loose ref is a file, and most file systems hold 255 bytes a name; `.lock` and the digits need their share.
const SEGMENT_LIMIT: usize = 160;

/// The name of a branch below `promote/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BranchName(String);

impl BranchName {
    /// Returns the name without `refs/heads/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name of the next attempt of the same intent: the first is the name itself, then `.2`, `.3`.
    pub fn attempt(&self, number: u32) -> Self {
        if number < 2 { self.clone() } else { Self(format!("{}.{number}", self.0)) }
    }

    /// Returns the number of the attempt that `branch` is of this intent; none if it is of another.
    pub fn attempt_of(&self, branch: &str) -> Option<u32> {
        match branch.strip_prefix(&self.0)? {
            "" => Some(1),
            rest => {
                let number = rest.strip_prefix('.')?;
                let plain = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
                number.parse().ok().filter(|number| plain && *number > 1)
            }
        }
    }

    /// Tells whether `branch` is of the same intent, whatever its environment, app and version are called: the digits say
    /// which values change to what.
    pub fn is_same_intent(&self, branch: &str) -> bool {
        let digits = |name: &str| {
            let (_, last) = name.rsplit_once('-')?;
            last.split('.').next().map(str::to_owned)
        };
        branch.starts_with(BRANCH_PREFIX) && digits(branch).is_some() && digits(branch) == digits(&self.0)
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Returns `promote/<environment or stage>/<app>/<version>-<12 hex>`; with several apps, `several` stands for
/// `<app>/<version>`. The digits are of a hash over the base branch and every edit.
pub fn branch_name(target: &EnvironmentName, moves: &[(&AppName, &str)], base: &str, edits: &[Edit]) -> BranchName {
    let digits = intent(base, edits);
    let target = branch_segment(target.as_str());
    BranchName(match moves {
        [(app, version)] => {
            format!("{BRANCH_PREFIX}{target}/{}/{}-{digits}", branch_segment(app.as_str()), branch_segment(version))
        }
        _ => format!("{BRANCH_PREFIX}{target}/several-{digits}"),
    })
}

/// Returns the version, as a ref spells it, that a branch of ours promotes an app to; none if it is of another app or
/// target, or of several apps.
pub fn promoted_version<'a>(branch: &'a str, target: &EnvironmentName, app: &AppName) -> Option<&'a str> {
    let rest = branch.strip_prefix(BRANCH_PREFIX)?.strip_prefix(&branch_segment(target.as_str()))?.strip_prefix('/')?;
    let (version, digits) = rest.strip_prefix(&branch_segment(app.as_str()))?.strip_prefix('/')?.rsplit_once('-')?;
    let digits = digits.split('.').next().unwrap_or_default();
    let is_hash = digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_hash && !version.contains('/')).then_some(version)
}

/// Returns the first 12 hexadecimal digits of the hash over the base branch and every edit, in any order.
fn intent(base: &str, edits: &[Edit]) -> String {
    let mut edits: Vec<[&str; 4]> = edits
        .iter()
        .map(|edit| [edit.slot.path().as_str(), edit.field.as_str(), edit.before.as_str(), edit.after.as_str()])
        .collect();
    edits.sort_unstable();
    let mut hash = Sha256::new();
    // Lengths before the texts, so that no two lists run together into the same bytes.
    for text in std::iter::once(base).chain(edits.into_iter().flatten()) {
        hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(text.as_bytes());
    }
    hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the segments of a branch's name that say what it moves: the environment or stage, and the app unless they
/// are several; none if it is no name of ours.
pub fn branch_parts(branch: &str) -> Option<(&str, Option<&str>)> {
    let mut segments = branch.strip_prefix(BRANCH_PREFIX)?.split('/');
    match (segments.next()?, segments.next()?, segments.next()) {
        (target, several, None) if several.starts_with("several-") => Some((target, None)),
        (target, app, Some(_)) => Some((target, Some(app))),
        _ => None,
    }
}

/// Returns one segment of a ref: what `git check-ref-format` refuses, and `/`, becomes `-`.
pub fn branch_segment(text: &str) -> String {
    let refused = |char: char| {
        char.is_control() || char.is_whitespace() || matches!(char, '~' | '^' | ':' | '?' | '*' | '[' | '\\' | '/')
    };
    let mut safe: String = text.chars().map(|char| if refused(char) { '-' } else { char }).collect();
    while safe.contains("..") {
        safe = safe.replace("..", "-");
    }
    safe = safe.replace("@{", "-{");
    if let Some(rest) = safe.strip_prefix('.') {
        safe = format!("-{rest}");
    }
    while safe.len() > SEGMENT_LIMIT {
        safe.pop();
    }
    if let Some(rest) = safe.strip_suffix(".lock") {
        safe = format!("{rest}-lock");
    }
    if let Some(rest) = safe.strip_suffix('.') {
        safe = format!("{rest}-");
    }
    if safe.is_empty() { "-".to_owned() } else { safe }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Place, Slot};

    fn edit(path: &str, line: usize, field: &str, before: &str, after: &str) -> Edit {
        let place = Place { path: path.parse().expect("a path"), line, column: 1 };
        let slot = Slot { place, spans: Vec::new() };
        Edit { slot, field: field.to_owned(), before: before.to_owned(), after: after.to_owned() }
    }

    fn name(target: &str, app: &str, version: &str, base: &str, edits: &[Edit]) -> String {
        let app: AppName = app.parse().expect("a name");
        branch_name(&target.parse().expect("a name"), &[(&app, version)], base, edits).to_string()
    }

    #[test]
    fn a_branch_tells_which_version_it_promotes_whom_to() {
        let version = |branch: &str, target: &str, app: &str| {
            promoted_version(branch, &target.parse().expect("a name"), &app.parse().expect("a name")).map(str::to_owned)
        };
        let branch = name("prod-eu", "my-app", "v1.2.3-rc.1", "main", &[]);
        assert_eq!(version(&branch, "prod-eu", "my-app").as_deref(), Some("v1.2.3-rc.1"));
        assert_eq!(version(&format!("{branch}.2"), "prod-eu", "my-app").as_deref(), Some("v1.2.3-rc.1"));
        for (target, app) in [("prod", "my-app"), ("prod-us", "my-app"), ("prod-eu", "my"), ("prod-eu", "app")] {
            assert_eq!(version(&branch, target, app), None, "{target} {app}");
        }
        assert_eq!(version("promote/prod-eu/my-app/v1-by-hand", "prod-eu", "my-app"), None);
    }

    #[test]
    fn the_same_intent_has_the_same_name_and_another_has_another() {
        let one = edit("a.yaml", 1, "spec.ref.tag", "v1", "v2");
        let two = edit("a.yaml", 2, "spec.ref.digest", "sha256:a", "sha256:b");
        let first = name("prod-eu", "my-app", "v1.2.3", "main", &[one.clone(), two.clone()]);
        assert!(first.starts_with("promote/prod-eu/my-app/v1.2.3-"), "{first}");
        assert_eq!(first.len(), "promote/prod-eu/my-app/v1.2.3-".len() + 12);
        assert_eq!(first, name("prod-eu", "my-app", "v1.2.3", "main", &[two.clone(), one.clone()]));
        for other in [
            name("prod-eu", "my-app", "v1.2.3", "master", &[one.clone(), two.clone()]),
            name("prod-eu", "my-app", "v1.2.3", "main", &[one.clone(), one.clone()]),
            name("prod-eu", "my-app", "v1.2.3", "main", std::slice::from_ref(&one)),
            name("prod-eu", "my-app", "v1.2.3", "main", &[two, edit("b.yaml", 1, "spec.ref.tag", "v1", "v2")]),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn texts_do_not_run_together_in_the_hash() {
        let one = [edit("a", 1, "bc", "d", "e")];
        let two = [edit("ab", 1, "c", "d", "e")];
        assert_ne!(intent("m", &one), intent("m", &two));
    }

    #[test]
    fn letters_that_a_ref_can_not_hold_become_dashes() {
        let cases = [
            ("my app", "my-app"),
            ("a/b", "a-b"),
            ("a..b", "a-b"),
            ("a....b", "a--b"),
            (".hidden", "-hidden"),
            ("x.lock", "x-lock"),
            ("x.", "x-"),
            ("a~b^c:d?e*f[g\\h", "a-b-c-d-e-f-g-h"),
            ("a@{b", "a-{b"),
            ("a\u{7f}b\nc", "a-b-c"),
            ("café", "café"),
        ];
        for (text, safe) in cases {
            assert_eq!(branch_segment(text), safe, "{text:?}");
        }
        assert!(branch_segment(&"é".repeat(500)).len() <= SEGMENT_LIMIT);
    }

    #[test]
    fn several_apps_share_one_name() {
        let (one, two): (AppName, AppName) = ("a".parse().expect("a name"), "b".parse().expect("a name"));
        let name = branch_name(&"production".parse().expect("a name"), &[(&one, "v1"), (&two, "v2")], "main", &[]);
        assert!(name.as_str().starts_with("promote/production/several-"), "{name}");
    }

    #[test]
    fn attempts_are_numbered_from_two() {
        let first = BranchName("promote/prod/app/v1-000000000000".to_owned());
        assert_eq!(first.attempt(1), first);
        assert_eq!(first.attempt(3).as_str(), "promote/prod/app/v1-000000000000.3");
        for (branch, number) in
            [("", Some(1)), (".2", Some(2)), (".11", Some(11)), (".1", None), (".02", None), ("x", None)]
        {
            assert_eq!(first.attempt_of(&format!("{first}{branch}")), number, "{branch}");
        }
        assert_eq!(first.attempt_of("promote/other"), None);
        for (branch, is_same) in [
            ("promote/prod/app/v1-000000000000.2", true),
            ("promote/production/app/v1-000000000000", true),
            ("promote/prod/app/v1-000000000001", false),
            ("other/prod/app/v1-000000000000", false),
            ("promote/x", false),
        ] {
            assert_eq!(first.is_same_intent(branch), is_same, "{branch}");
        }
    }
}
