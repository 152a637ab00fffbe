//! Globs of manifests: `apps/*/staging.yaml`.

use crate::model::RepoPath;

/// A glob, taken to pieces once for the many paths that it is compared with.
pub(super) struct Glob<'a> {
    segments: Vec<&'a str>,
}

impl<'a> Glob<'a> {
    /// Reads a glob: `*` and `?` stay in a segment, `**` is any number of segments.
    pub fn of(glob: &'a str) -> Self {
        let segments = glob.trim_start_matches("./").split('/').filter(|segment| !segment.is_empty());
        Self { segments: segments.collect() }
    }

    /// Returns the directory that holds all that it can match: its segments before the first wildcard.
    pub fn directory(&self) -> RepoPath {
        let parents = self.segments.split_last().map_or(&[][..], |(_, parents)| parents);
        let literal: Vec<&str> = parents.iter().copied().take_while(|segment| !segment.contains(['*', '?'])).collect();
        literal.join("/").parse().unwrap_or_else(|_| RepoPath::root())
    }

    /// Tells whether a path matches.
    pub fn matches(&self, path: &str) -> bool {
        if self.segments.contains(&"**") {
            return self.matches_across(path);
        }
        // From the end: the files of one environment have one name, and the directories before it are everybody's.
        let mut names = path.rsplit('/');
        let all =
            self.segments.iter().rev().all(|segment| names.next().is_some_and(|name| segment_matches(segment, name)));
        all && names.next().is_none()
    }

    fn matches_across(&self, path: &str) -> bool {
        let path: Vec<&str> = path.split('/').collect();
        // Which beginnings of the path the glob's segments so far may stand for.
        let mut reached = vec![false; path.len() + 1];
        if let Some(first) = reached.first_mut() {
            *first = true;
        }
        for segment in &self.segments {
            let mut next = vec![false; path.len() + 1];
            if *segment == "**" {
                let mut any = false;
                for (from, to) in reached.iter().zip(&mut next) {
                    any |= from;
                    *to = any;
                }
            } else {
                for ((from, name), to) in reached.iter().zip(&path).zip(next.iter_mut().skip(1)) {
                    *to = *from && segment_matches(segment, name);
                }
            }
            reached = next;
        }
        reached.last().copied().unwrap_or_default()
    }
}

fn segment_matches(glob: &str, name: &str) -> bool {
    match glob {
        "*" => return true,
        _ if !glob.contains(['*', '?']) => return glob == name,
        _ => {}
    }
    let name: Vec<char> = name.chars().collect();
    let mut reached = vec![false; name.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    for wanted in glob.chars() {
        let mut next = vec![false; name.len() + 1];
        if wanted == '*' {
            let mut any = false;
            for (from, to) in reached.iter().zip(&mut next) {
                any |= from;
                *to = any;
            }
        } else {
            for ((from, char), to) in reached.iter().zip(&name).zip(next.iter_mut().skip(1)) {
                *to = *from && (wanted == '?' || wanted == *char);
            }
        }
        reached = next;
    }
    reached.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Glob;

    fn matches(glob: &str, path: &str) -> bool {
        Glob::of(glob).matches(path)
    }

    #[test]
    fn only_the_directory_before_the_first_wildcard_is_searched() {
        let cases = [
            ("apps/*/staging.yaml", "apps"),
            ("apps/team/pay*/staging.yaml", "apps/team"),
            ("apps/staging.yaml", "apps"),
            ("./apps/v?/**", "apps"),
            ("**/staging.yaml", ""),
            ("*.yaml", ""),
        ];
        for (glob, expected) in cases {
            assert_eq!(Glob::of(glob).directory().as_str(), expected, "{glob}");
        }
    }

    #[test]
    fn a_star_stays_in_its_segment_and_two_cross() {
        assert!(matches("apps/*/staging.yaml", "apps/cart/staging.yaml"));
        assert!(!matches("apps/*/staging.yaml", "apps/a/b/staging.yaml"));
        assert!(matches("apps/**/staging.yaml", "apps/a/b/staging.yaml"));
        assert!(matches("apps/**/staging.yaml", "apps/staging.yaml"));
        assert!(matches("**/*-prod.y?ml", "a/b/x-prod.yaml"));
        assert!(matches("./apps/cart.yaml", "apps/cart.yaml"));
        assert!(!matches("apps/*", "apps"));
        assert!(!matches("apps/cart", "apps/cart/x.yaml"));
        assert!(!matches(&"*a".repeat(200), &"a".repeat(400).replace("aa", "ab")));
    }
}
