//! Which files may be written at all.

use std::sync::Arc;

use super::Refusal;
use crate::model::{EntryKind, RepoPath, Snapshot};

/// Returns the bytes of a file that may be written: a regular file whose path governs nobody's rights.
///
/// # Errors
/// [`Refusal::Denied`] for forge and Git configuration, CODEOWNERS, symbolic links, submodules and LFS pointers.
pub fn writable<'a>(snapshot: &'a Snapshot, path: &RepoPath) -> Result<&'a Arc<[u8]>, Refusal> {
    let denied = |what| Refusal::Denied { path: path.clone(), what };
    if let Some(what) = denial(path) {
        return Err(denied(what));
    }
    let entry = snapshot.entry(path).ok_or_else(|| denied("not in the repository"))?;
    match entry.kind {
        EntryKind::File => {}
        EntryKind::Symlink => return Err(denied("a symbolic link")),
        EntryKind::Submodule => return Err(denied("a submodule")),
    }
    let bytes = snapshot.bytes(path).ok_or_else(|| denied("not read"))?;
    if is_lfs_pointer(bytes) {
        return Err(denied("a Git LFS pointer"));
    }
    Ok(bytes)
}

/// Tells whether a file's content is kept by Git LFS.
pub(super) fn is_lfs_pointer(bytes: &[u8]) -> bool {
    bytes.starts_with(b"version https://git-lfs.github.com/spec/")
}

/// Tells what a path that is never written is.
pub(super) fn denial(path: &RepoPath) -> Option<&'static str> {
    // Names are compared as file systems without case, and those that drop invisible characters, would.
    let segments: Vec<String> = path
        .as_str()
        .split('/')
        .map(|segment| {
            let visible = segment.chars().filter(|char| !is_invisible(*char)).collect::<String>();
            visible.trim_end_matches(['.', ' ']).to_lowercase()
        })
        .collect();
    let first = segments.first().map_or("", String::as_str);
    let last = segments.last().map_or("", String::as_str);
    if path.as_str().is_empty() || path.as_str().contains(['\\', ':']) {
        return Some("no file of a repository");
    }
    if path.as_str().chars().any(|char| char.is_control() || is_invisible(char)) {
        return Some("a path with invisible characters");
    }
    if segments.iter().any(|segment| segment.starts_with(".git") || segment.starts_with("git~")) {
        return Some("configuration of Git or of the forge");
    }
    if matches!(first, ".gitea" | ".forgejo" | ".circleci" | ".woodpecker" | ".drone" | ".promote") {
        return Some("configuration of the forge or the pipeline");
    }
    if last == "codeowners" {
        return Some("a list of code owners");
    }
    None
}

fn is_invisible(char: char) -> bool {
    matches!(char, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_govern_rights_are_never_written() {
        for path in [
            ".github/workflows/x.yaml",
            ".GITHUB/x.yaml",
            "a/../.github/x.yaml",
            ".gitlab-ci.yml",
            ".gitea/x.yaml",
            ".forgejo/x.yaml",
            "CODEOWNERS",
            "docs/CODEOWNERS",
            "codeowners",
            ".gitmodules",
            ".gitattributes",
            ".git/config",
            "a/.git/config",
            ".g\u{200c}it/config",
            ".git./config",
            ".git /config",
            "git~1/config",
            "C:/x.yaml",
            "a\u{202e}b.yaml",
            "",
            ".promote/pull-request.md",
        ] {
            let path: RepoPath = path.parse().expect("a path");
            assert!(denial(&path).is_some(), "{path}");
        }
        for path in ["apps/prod/my-app.yaml", "github/x.yaml", "clusters/prod/gitops.yaml", "a b/c.yaml"] {
            let path: RepoPath = path.parse().expect("a path");
            assert_eq!(denial(&path), None, "{path}");
        }
    }
}
