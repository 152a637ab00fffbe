//! Everything that a run could change, as it is at one moment.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::forge::PullState;
use super::registry::digest;
use super::sandbox::Sandbox;

/// Everything that a run could change.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The remote's refs and what they point at.
    pub refs: BTreeMap<String, String>,
    /// The user's clone: every file of the working tree and of `.git`, with mode and digest.
    pub clone: BTreeMap<PathBuf, String>,
    /// The user's home.
    pub home: BTreeMap<PathBuf, String>,
    /// The folder for temporary files.
    pub temporary: BTreeMap<PathBuf, String>,
    /// How many requests the registry, the forge and the Git server have heard.
    pub heard: [usize; 3],
    /// Branch and state of every pull request.
    pub pulls: Vec<(String, PullState)>,
}

impl World {
    /// Looks at the sandbox.
    pub fn of(sandbox: &Sandbox) -> Self {
        Self {
            refs: refs(sandbox),
            clone: files(&sandbox.path("fleet")),
            home: files(&sandbox.path("home")),
            temporary: files(&sandbox.path("tmp")),
            heard: [
                sandbox.registry.requests().len(),
                sandbox.forge.as_ref().map_or(0, |forge| forge.requests().len()),
                sandbox.git_server.as_ref().map_or(0, |server| server.requests().len()),
            ],
            pulls: sandbox.pulls().iter().map(|pull| (pull.head.clone(), pull.state)).collect(),
        }
    }

    /// Returns the refs that are new or moved since an earlier moment.
    pub fn moved<'a>(&'a self, before: &Self) -> Vec<(&'a str, &'a str)> {
        let changed = |(name, target): &(&String, &String)| before.refs.get(*name) != Some(*target);
        self.refs.iter().filter(changed).map(|(name, target)| (name.as_str(), target.as_str())).collect()
    }
}

fn refs(sandbox: &Sandbox) -> BTreeMap<String, String> {
    let listed = sandbox.git("remote.git", &["for-each-ref", "--format=%(refname) %(objectname)"]);
    let pair = |line: &str| line.split_once(' ').map(|(name, target)| (name.to_owned(), target.to_owned()));
    let mut refs: BTreeMap<String, String> = listed.lines().filter_map(pair).collect();
    refs.insert("HEAD".to_owned(), fs::read_to_string(sandbox.path("remote.git/HEAD")).expect("HEAD"));
    refs
}

fn files(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let Ok(entries) = fs::read_dir(&next) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            let Ok(about) = fs::symlink_metadata(&path) else { continue };
            let content = if about.is_dir() {
                folders.push(path.clone());
                "folder".to_owned()
            } else if about.is_symlink() {
                format!("link to {}", fs::read_link(&path).unwrap_or_default().display())
            } else {
                digest(&fs::read(&path).unwrap_or_default())
            };
            let inside = path.strip_prefix(folder).expect("a path below the folder").to_owned();
            found.insert(inside, format!("{} {content}", mode(&about)));
        }
    }
    found
}

#[cfg(unix)]
fn mode(about: &fs::Metadata) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    format!("{:o}", about.permissions().mode())
}

#[cfg(not(unix))]
fn mode(about: &fs::Metadata) -> String {
    format!("{}", about.permissions().readonly())
}
