//! Who owns the files that decide production, by the `CODEOWNERS` of each forge.
//!
//! The format has no standard: GitHub reads patterns like `.gitignore`'s without `!` and `[]`, the last match wins;
//! GitLab has sections, in each of which the last match wins, and `!`; Forgejo and Gitea read regular expressions, and
//! every match counts.

mod file;

use std::collections::{BTreeMap, BTreeSet};

use super::targets::Target;
use crate::model::{Check, Place, RepoPath, Subject};

use file::Ownership;
pub use file::{Dialect, OwnersFile};

/// How many groups of paths are shown one by one.
const SHOWN: usize = 10;

/// Returns where the file may stand, in the order in which the forge looks.
pub fn places(dialect: Dialect) -> Vec<RepoPath> {
    dialect.places().iter().filter_map(|path| path.parse().ok()).collect()
}

/// Judges who owns the files that decide production; `others` are files that the forge passes over.
pub fn owners(dialect: Dialect, file: Option<&OwnersFile>, others: &[RepoPath], targets: &[Target]) -> Vec<Check> {
    let mut first: BTreeMap<&RepoPath, &Place> = BTreeMap::new();
    for target in targets.iter().filter(|target| target.in_production) {
        first.entry(target.path()).or_insert(&target.place);
    }
    let Some(file) = file else {
        let directory = first.keys().next().map(|path| path.parent().as_str().to_owned()).unwrap_or_default();
        let [usual, ..] = dialect.places() else { return Vec::new() };
        let line = dialect.example(&directory);
        let message =
            format!("no CODEOWNERS: no one in particular is asked about the {}", production_files(first.len()));
        return vec![Check::warning(Subject::Owners, message).help(format!("write {usual}: {line}"))];
    };
    let mut checks = Vec::new();
    let judged: Vec<(&RepoPath, Ownership)> = first.keys().map(|path| (*path, file.of(path.as_str()))).collect();
    let owned: BTreeSet<&str> = judged
        .iter()
        .flat_map(|(_, ownership)| match ownership {
            Ownership::Owned(owners) => owners.as_slice(),
            _ => &[],
        })
        .map(String::as_str)
        .collect();
    let names = owned.iter().copied().take(4).collect::<Vec<_>>().join(" ");
    let has: Vec<&RepoPath> =
        judged.iter().filter(|(_, one)| matches!(one, Ownership::Owned(_))).map(|(path, _)| *path).collect();
    let lacks: Vec<&RepoPath> =
        judged.iter().filter(|(_, one)| !matches!(one, Ownership::Owned(_))).map(|(path, _)| *path).collect();
    let groups = groups(&lacks, &has);
    let shown = groups.iter().take(SHOWN);
    checks.extend(shown.map(|(group, paths)| {
        let optional = paths.iter().all(|path| judged.contains(&(*path, Ownership::Optional)));
        let lack = if optional { "has owners in optional sections only" } else { "has no owner" };
        let rest = if has.is_empty() { String::new() } else { format!(" (other production files have {names})") };
        let message = format!("{group} {lack} in {}{rest}", file.path);
        let help = format!("add to {}: {}", file.path, dialect.example(group.trim_end_matches("/**")));
        let check = Check::warning(Subject::Owners, message).help(help);
        paths.first().and_then(|path| first.get(path)).into_iter().fold(check, |check, place| check.at(place))
    }));
    if groups.len() > SHOWN {
        let message = format!("{} more places have no owner in {}", groups.len() - SHOWN, file.path);
        checks.push(Check::warning(Subject::Owners, message));
    }
    if lacks.is_empty() {
        let has_owner = if has.len() == 1 { "has an owner" } else { "have owners" };
        let message = format!("the {} {has_owner} in {} ({names})", production_files(has.len()), file.path);
        checks.push(Check::ok(Subject::Owners, message));
        if !matches!(file.of(file.path.as_str()), Ownership::Owned(_)) {
            let message =
                format!("{} itself has no owner: whoever may write may change who owns production", file.path);
            let help = format!("add to it: {}", dialect.example(file.path.as_str()));
            checks.push(Check::warning(Subject::Owners, message).help(help));
        }
    }
    checks.extend(file.problems.iter().map(|(line, message)| {
        let place = Place { path: file.path.clone(), line: *line, column: 1 };
        Check::warning(Subject::Owners, message.clone()).at(&place)
    }));
    checks.extend(others.iter().map(|other| {
        let message = format!("{other} is passed over: the forge reads {} first", file.path);
        Check::warning(Subject::Owners, message).at(&Place { path: other.clone(), line: 1, column: 1 })
    }));
    checks
}

fn production_files(count: usize) -> String {
    if count == 1 {
        "1 file that decides production".to_owned()
    } else {
        format!("{count} files that decide production")
    }
}

/// Groups paths by the highest directory in which no path of `has` stands.
fn groups<'a>(lacks: &[&'a RepoPath], has: &[&RepoPath]) -> Vec<(String, Vec<&'a RepoPath>)> {
    let mut groups: Vec<(String, Vec<&RepoPath>)> = Vec::new();
    for path in lacks {
        let name = group_of(path, lacks, has);
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, paths)) => paths.push(path),
            None => groups.push((name, vec![path])),
        }
    }
    groups
}

fn group_of(path: &RepoPath, lacks: &[&RepoPath], has: &[&RepoPath]) -> String {
    let mut best = None;
    let mut directory = path.parent();
    while !directory.as_str().is_empty() && !has.iter().any(|one| one.is_within(&directory)) {
        // Where nothing below has an owner the directory that all share is high enough.
        let together = lacks.iter().filter(|one| one.is_within(&directory)).count();
        if best.as_ref().is_none_or(|(_, count)| together > *count) {
            best = Some((directory.clone(), together));
        }
        directory = directory.parent();
    }
    best.map_or_else(|| path.to_string(), |(directory, _)| format!("{directory}/**"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RepoPath {
        text.parse().expect(text)
    }

    #[test]
    fn paths_are_grouped_by_the_highest_directory_without_an_owner() {
        let (eu, us, map) = (path("clusters/prod-eu/a.yaml"), path("clusters/prod-us/a.yaml"), path("apps/map.yaml"));
        let (us_too, own) = (path("clusters/prod-us/more/b.yaml"), path("apps/own.yaml"));
        let found = groups(&[&us, &us_too, &map], &[&eu, &own]);
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["clusters/prod-us/**", "apps/map.yaml"]);
        let none = groups(&[&eu, &us], &[]);
        assert_eq!(none.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["clusters/**"]);
    }
}
