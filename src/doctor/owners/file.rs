//! One `CODEOWNERS`, as the forge that it is for reads it.

use globset::GlobMatcher;
use regex::Regex;

use crate::doctor::glob::{glob, stars_only};
use crate::model::RepoPath;

/// How a forge reads the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Patterns; the last match wins.
    GitHub,
    /// Patterns in sections; in each the last match wins.
    GitLab,
    /// Regular expressions; every match counts.
    Forgejo,
}

/// A `CODEOWNERS`, read.
#[derive(Debug)]
pub struct OwnersFile {
    /// Where it stands.
    pub path: RepoPath,
    dialect: Dialect,
    entries: Vec<Entry>,
    /// Lines that the forge passes over, and why.
    pub(super) problems: Vec<(usize, String)>,
}

/// Who owns a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ownership {
    /// These.
    Owned(Vec<String>),
    /// Somebody whose approval isn't needed.
    Optional,
    /// Nobody.
    Nobody,
}

#[derive(Debug)]
struct Entry {
    /// Which section it is in; 0 before the first.
    section: usize,
    is_optional: bool,
    /// It takes paths out instead.
    excludes: bool,
    matcher: Matcher,
    owners: Vec<String>,
}

#[derive(Debug)]
enum Matcher {
    Globs(Vec<GlobMatcher>),
    Pattern { regex: Regex, negated: bool },
}

/// A section of GitLab's.
#[derive(Clone, Debug, Default)]
struct Section {
    number: usize,
    is_optional: bool,
    owners: Vec<String>,
}

impl Dialect {
    /// Returns where the file may stand, in the order in which the forge looks.
    pub(super) fn places(self) -> &'static [&'static str] {
        match self {
            Self::GitHub => &[".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"],
            Self::GitLab => &["CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"],
            Self::Forgejo => &["CODEOWNERS", "docs/CODEOWNERS", ".gitea/CODEOWNERS", ".forgejo/CODEOWNERS"],
        }
    }

    /// Returns a line that gives a file or directory an owner.
    pub(super) fn example(self, path: &str) -> String {
        let is_file = path.rsplit('/').next().is_some_and(|name| name.contains('.') || name == "CODEOWNERS");
        match (self, path) {
            (Self::Forgejo, "") => ".* @org/team".to_owned(),
            (_, "") => "* @org/team".to_owned(),
            (Self::Forgejo, path) if is_file => format!("{} @org/team", path.replace('.', "\\\\.")),
            (Self::Forgejo, path) => format!("{}/.* @org/team", path.replace('.', "\\\\.")),
            (_, path) if is_file => format!("/{path} @org/team"),
            (_, path) => format!("/{path}/ @org/team"),
        }
    }
}

impl OwnersFile {
    /// Reads a file.
    pub fn parse(path: RepoPath, text: &str, dialect: Dialect) -> Self {
        let mut file = Self { path, dialect, entries: Vec::new(), problems: Vec::new() };
        let mut sections: Vec<(String, usize)> = Vec::new();
        let mut section = Section::default();
        for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if dialect == Dialect::GitLab
                && let Some((name, header)) = header(line)
            {
                let name = name.to_lowercase();
                let known = sections.iter().find(|(known, _)| *known == name).map(|(_, number)| *number);
                let number = known.unwrap_or(sections.len() + 1);
                if known.is_none() {
                    sections.push((name, number));
                }
                section = Section { number, ..header };
                continue;
            }
            match entry(dialect, &words(line), &section) {
                Ok(entry) => file.entries.push(entry),
                Err(why) => file.problems.push((number, why)),
            }
        }
        file
    }

    /// Returns who owns a path.
    pub(super) fn of(&self, path: &str) -> Ownership {
        let matching: Vec<&Entry> = self.entries.iter().filter(|entry| entry.matcher.matches(path)).collect();
        let deciding: Vec<&Entry> = match self.dialect {
            Dialect::GitHub => matching.last().into_iter().copied().collect(),
            Dialect::Forgejo => matching,
            Dialect::GitLab => {
                let mut last: Vec<&Entry> = Vec::new();
                for entry in &matching {
                    // What a section takes out is out of it for good.
                    let is_out = matching.iter().any(|other| other.excludes && other.section == entry.section);
                    last.retain(|other| other.section != entry.section);
                    last.extend((!is_out).then_some(*entry));
                }
                last
            }
        };
        let owners = |is_optional: bool| {
            let of_kind = deciding.iter().filter(move |entry| entry.is_optional == is_optional);
            of_kind.flat_map(|entry| entry.owners.clone()).collect::<Vec<_>>()
        };
        match (owners(false), owners(true)) {
            (required, _) if !required.is_empty() => Ownership::Owned(required),
            (_, optional) if !optional.is_empty() => Ownership::Optional,
            _ => Ownership::Nobody,
        }
    }
}

impl Matcher {
    fn matches(&self, path: &str) -> bool {
        match self {
            Self::Globs(globs) => globs.iter().any(|glob| glob.is_match(path)),
            Self::Pattern { regex, negated } => regex.is_match(path) != *negated,
        }
    }
}

/// Reads `^[Name][2] @owner`: the name, and what holds in the section.
fn header(line: &str) -> Option<(&str, Section)> {
    let (is_optional, rest) = match line.strip_prefix('^') {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let (name, mut rest) = rest.strip_prefix('[')?.split_once(']')?;
    if let Some((count, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        count.trim().parse::<u32>().ok()?;
        rest = after;
    }
    let owners = words(rest).into_iter().filter(|word| is_owner(word)).collect();
    Some((name.trim(), Section { number: 0, is_optional, owners }))
}

/// Splits a line at blanks that aren't escaped, as far as its comment. Escapes stay.
fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut escaped = false;
    for char in line.chars() {
        let is_first = words.last().is_some_and(String::is_empty);
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '#' if is_first => break,
            _ if char.is_whitespace() => {
                if !is_first {
                    words.push(String::new());
                }
                continue;
            }
            _ => {}
        }
        if let Some(word) = words.last_mut() {
            word.push(char);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A user, a group, a role, or an address.
fn is_owner(word: &str) -> bool {
    word.starts_with('@') && word.len() > 1 || word.contains('@') && !word.starts_with('@') && !word.ends_with('@')
}

fn entry(dialect: Dialect, words: &[String], section: &Section) -> Result<Entry, String> {
    let (pattern, owners) = words.split_first().ok_or("the line holds nothing")?;
    let (excludes, bare) = match (dialect, pattern.strip_prefix('!')) {
        (Dialect::GitLab, Some(rest)) => (true, rest),
        _ => (false, pattern.as_str()),
    };
    if let Some(wrong) = owners.iter().find(|owner| !is_owner(owner)) {
        return Err(format!("the forge passes this line over: `{wrong}` is no owner"));
    }
    let matcher = match dialect {
        Dialect::GitHub => github(bare)?,
        Dialect::GitLab => gitlab(bare)?,
        Dialect::Forgejo if owners.is_empty() => {
            return Err("the forge passes this line over: it has no owner".to_owned());
        }
        Dialect::Forgejo => forgejo(bare)?,
    };
    let owners = if owners.is_empty() { section.owners.clone() } else { owners.to_vec() };
    Ok(Entry { section: section.number, is_optional: section.is_optional, excludes, matcher, owners })
}

/// Patterns of `.gitignore` but for `!`, `[]` and `\#`: <https://docs.github.com/en/repositories>, "About code owners".
fn github(pattern: &str) -> Result<Matcher, String> {
    let passed_over = |what: &str| format!("GitHub passes this line over: it reads no {what}");
    if pattern.starts_with('!') {
        return Err(passed_over("`!` in patterns"));
    }
    if pattern.starts_with("\\#") {
        return Err(passed_over("`\\#` in patterns"));
    }
    if pattern.contains(['[', ']']) {
        return Err(passed_over("`[ ]` in patterns"));
    }
    let stem = pattern.trim_end_matches('/');
    // A slash at the beginning or in the middle ties the pattern to the root.
    let (prefix, stem) = match stem.strip_prefix('/') {
        Some(rest) => ("", rest),
        None if stem.contains('/') => ("", stem),
        None => ("**/", stem),
    };
    let stem = stars_only(stem);
    let mut globs = Vec::new();
    if stem.is_empty() {
        globs.push("**".to_owned());
    }
    if !pattern.ends_with('/') {
        globs.push(format!("{prefix}{stem}"));
    }
    // `docs/*` is the files in it, and not those below.
    if !stem.ends_with("/*") {
        globs.push(format!("{prefix}{stem}/**"));
    }
    compiled(&globs)
}

/// As Ruby's `fnmatch` with paths: <https://docs.gitlab.com/user/project/codeowners/reference/>.
fn gitlab(pattern: &str) -> Result<Matcher, String> {
    let pattern = pattern.strip_prefix("\\#").map_or_else(|| pattern.to_owned(), |rest| format!("#{rest}"));
    if pattern == "*" {
        return compiled(&["**".to_owned()]);
    }
    let anchored = match pattern.strip_prefix('/') {
        Some(rest) => rest.to_owned(),
        None => format!("**/{pattern}"),
    };
    let whole = if anchored.ends_with('/') { format!("{anchored}**") } else { anchored };
    compiled(&[whole.replace('{', "\\{").replace('}', "\\}")])
}

fn compiled(globs: &[String]) -> Result<Matcher, String> {
    let compiled: Option<Vec<GlobMatcher>> = globs.iter().map(|text| glob(text)).collect();
    compiled.map(Matcher::Globs).ok_or_else(|| "the forge can't read this pattern".to_owned())
}

/// Go's regular expressions over the whole path; one escape is taken off first.
fn forgejo(pattern: &str) -> Result<Matcher, String> {
    let (negated, pattern) = match pattern.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    let mut plain = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => plain.extend(chars.next()),
            char => plain.push(char),
        }
    }
    let regex = Regex::new(&format!("^{plain}$")).map_err(|_| "the forge can't read this expression".to_owned())?;
    Ok(Matcher::Pattern { regex, negated })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owners(dialect: Dialect, text: &str, path: &str) -> String {
        let file = OwnersFile::parse("CODEOWNERS".parse().expect("a path"), text, dialect);
        match file.of(path) {
            Ownership::Owned(owners) => owners.join(" "),
            Ownership::Optional => "optional".to_owned(),
            Ownership::Nobody => "nobody".to_owned(),
        }
    }

    #[test]
    fn github_reads_patterns_and_the_last_match_wins() {
        let file = "* @all\n/clusters/ @clusters\nprod-us/ @us # and why\n/clusters/prod-eu/*.yaml @eu\n\
                    /clusters/prod-ap/ \n**/keys @keys\n/docs/* @docs\napps/cart @cart\n*.md @md\n\
                    !/clusters/ @not\n/[ab]/ @not\n/x y\n\\#file @not\n";
        for (path, expected) in [
            ("README", "@all"),
            ("clusters/dev/a.yaml", "@clusters"),
            ("clusters/prod-us/deep/a.yaml", "@us"),
            ("apps/prod-us/a.yaml", "@us"),
            ("clusters/prod-eu/a.yaml", "@eu"),
            ("clusters/prod-eu/deep/a.yaml", "@clusters"),
            ("clusters/prod-ap/a.yaml", "nobody"),
            ("a/b/keys", "@keys"),
            ("a/keys/b", "@keys"),
            ("docs/a", "@docs"),
            ("docs/a/b", "@all"),
            ("apps/cart/a.yaml", "@cart"),
            ("more/apps/cart/a.yaml", "@all"),
            ("a/b/c.md", "@md"),
            ("prod-us.yaml", "@all"),
        ] {
            assert_eq!(owners(Dialect::GitHub, file, path), expected, "{path}");
        }
        let read = OwnersFile::parse("CODEOWNERS".parse().expect("a path"), file, Dialect::GitHub);
        assert_eq!(read.problems.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [10, 11, 12, 13]);
    }

    #[test]
    fn gitlab_reads_sections_in_each_of_which_the_last_match_wins() {
        let file = "* @all\n\n[Production][2] @sre\n/clusters/prod-eu/\n/clusters/prod-us/ @us @us-lead\n\
                    !/clusters/prod-us/notes.md\n\n^[Docs] @docs\n*.md\n\n[production]\nclusters/prod-ap/ a@example.com\n";
        for (path, expected) in [
            ("README", "@all"),
            ("clusters/prod-eu/a/b.yaml", "@all @sre"),
            ("clusters/prod-us/a.yaml", "@all @us @us-lead"),
            ("clusters/prod-us/notes.md", "@all"),
            ("deep/clusters/prod-ap/a.yaml", "@all a@example.com"),
        ] {
            assert_eq!(owners(Dialect::GitLab, file, path), expected, "{path}");
        }
        let bare = "^[Docs] @docs\n*.md\n[Others]\n/a\n";
        assert_eq!(owners(Dialect::GitLab, bare, "x/a.md"), "optional");
        assert_eq!(owners(Dialect::GitLab, bare, "a"), "nobody");
        assert_eq!(owners(Dialect::GitLab, "/docs @docs\n", "docs/a"), "nobody");
        assert_eq!(owners(Dialect::GitLab, "/a\\ b/ @x\n", "a b/c"), "@x");
    }

    #[test]
    fn forgejo_reads_expressions_over_the_whole_path_and_all_matches_count() {
        let file = "clusters/prod-.* @sre\n.*\\\\.yaml @yaml\n!clusters/.* @rest\nx(  @broken\nnobody/.*\n";
        for (path, expected) in [
            ("clusters/prod-eu/a.yaml", "@sre @yaml"),
            ("clusters/dev/a", "nobody"),
            ("apps/a", "@rest"),
            ("axyaml", "@rest"),
        ] {
            assert_eq!(owners(Dialect::Forgejo, file, path), expected, "{path}");
        }
    }
}
