//! Which `git` program runs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Environment, Error, escape};
use crate::process::{Child, arguments, search};

/// The oldest version whose options and configuration variables all exist.
const MINIMUM: GitVersion = GitVersion(2, 31, 0);
/// The first safe patch of each release line since the fixes of July 2025 (CVE-2025-48384 and others).
const FIXED: &[GitVersion] = &[
    GitVersion(2, 43, 7),
    GitVersion(2, 44, 4),
    GitVersion(2, 45, 4),
    GitVersion(2, 46, 4),
    GitVersion(2, 47, 3),
    GitVersion(2, 48, 2),
    GitVersion(2, 49, 1),
    GitVersion(2, 50, 1),
];

/// The `git` program: an absolute path and its version.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    version: GitVersion,
}

/// A version of `git`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GitVersion(
    /// Major.
    pub u32,
    /// Minor.
    pub u32,
    /// Patch.
    pub u32,
);

impl Program {
    /// Finds `git` in the absolute folders of `PATH` and asks for its version.
    ///
    /// # Errors
    /// [`Error::GitMissing`] and [`Error::GitTooOld`].
    pub async fn find(environment: &Environment) -> Result<Self, Error> {
        let path = search("git", environment.value("PATH").unwrap_or_default()).ok_or(Error::GitMissing)?;
        let child = Child {
            program: &path,
            arguments: arguments(["--version"]),
            directory: Path::new("/"),
            environment: [environment.allowed(), vec![("LC_ALL".into(), "C".into())]].concat(),
            input: Vec::new(),
            deadline: Duration::from_secs(10),
        };
        let output = child.run().await.map_err(|error| Error::of_child(error, "git --version"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        // A wrapper may print lines of its own around it.
        let version = text.lines().find_map(GitVersion::parse).ok_or_else(|| Error::GitUnknown {
            path: path.clone(),
            detail: escape(&format!("{text}\n{}", String::from_utf8_lossy(&output.stderr)), 200),
        })?;
        if version < MINIMUM {
            return Err(Error::GitTooOld { path, version, minimum: MINIMUM });
        }
        Ok(Self { path, version })
    }

    /// Returns its absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns its version.
    pub fn version(&self) -> GitVersion {
        self.version
    }

    /// Tells whether it lacks the security fixes of July 2025.
    pub fn lacks_security_fixes(&self) -> bool {
        self.version.lacks_security_fixes()
    }
}

impl GitVersion {
    fn parse(line: &str) -> Option<Self> {
        let text = line.trim().strip_prefix("git version ")?;
        let mut numbers = text.split(['.', ' ', '-']).map_while(|part| part.parse().ok());
        Some(Self(numbers.next()?, numbers.next()?, numbers.next().unwrap_or(0)))
    }

    fn lacks_security_fixes(self) -> bool {
        match FIXED.iter().find(|fixed| (fixed.0, fixed.1) == (self.0, self.1)) {
            Some(fixed) => self < *fixed,
            None => FIXED.last().is_some_and(|newest| self < *newest),
        }
    }
}

impl fmt::Display for GitVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_every_spelling_that_vendors_use() {
        let cases = [
            ("git version 2.39.5", Some(GitVersion(2, 39, 5))),
            ("git version 2.39.5 (Apple Git-154)", Some(GitVersion(2, 39, 5))),
            ("git version 2.47.1.windows.2", Some(GitVersion(2, 47, 1))),
            ("git version 2.51.0-rc1", Some(GitVersion(2, 51, 0))),
            ("hub version 2.14.2", None),
        ];
        for (line, version) in cases {
            assert_eq!(GitVersion::parse(line), version, "{line}");
        }
    }

    #[test]
    fn a_version_before_its_lines_fix_is_named_unsafe() {
        for (version, lacks) in [
            (GitVersion(2, 39, 5), true),
            (GitVersion(2, 43, 6), true),
            (GitVersion(2, 43, 7), false),
            (GitVersion(2, 47, 3), false),
            (GitVersion(2, 50, 0), true),
            (GitVersion(2, 51, 0), false),
            (GitVersion(3, 0, 0), false),
        ] {
            assert_eq!(version.lacks_security_fixes(), lacks, "{version}");
        }
    }
}
