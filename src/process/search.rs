//! Where programs are: in absolute folders only.

use std::ffi::OsStr;
use std::path::PathBuf;

/// Returns the first file called `name` in the absolute folders of `path`: a program planted in the working
/// directory is never found through an empty or relative entry.
pub fn search(name: &str, path: &OsStr) -> Option<PathBuf> {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(path).filter(|folder| folder.is_absolute()).map(|folder| folder.join(&file)).find(
        |candidate| {
            let Ok(metadata) = candidate.metadata() else { return false };
            metadata.is_file() && is_executable(&metadata)
        },
    )
}

#[cfg(unix)]
fn is_executable(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &std::fs::Metadata) -> bool {
    true
}
