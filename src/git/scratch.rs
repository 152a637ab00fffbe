//! A private temporary folder that is gone afterwards, also after a crash.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::Error;
use crate::failpoint::{self, Needs};
use crate::process;

const PREFIX: &str = "promote-git-";
const LOCK: &str = "lock";
/// A folder of a run that was killed stays this long.
const AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// The folders of this process.
static OPEN: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Ends all children and removes all folders of this process: for a program that ends without unwinding.
pub fn abandon() {
    process::end_all();
    let open = std::mem::take(&mut *OPEN.lock().unwrap_or_else(PoisonError::into_inner));
    for folder in open {
        // What can't be removed now is reaped later.
        let _ = fs::remove_dir_all(folder);
    }
}

/// A folder only this user may enter, locked while the run lasts, removed on drop.
pub struct Scratch {
    folder: tempfile::TempDir,
    /// Holds the lock; the kernel releases it however the process ends.
    _lock: File,
    _listed: Listed,
}

impl Scratch {
    /// Creates the folder in `parent`, and removes those that killed runs left there.
    ///
    /// # Errors
    /// [`Error::File`] if there is no folder to write in.
    pub fn create(parent: &Path) -> Result<Self, Error> {
        reap(parent, SystemTime::now());
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            builder.permissions(fs::Permissions::from_mode(0o700));
        }
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::File { path, source }
        };
        let (folder, listed) = failpoint::passed(Needs::Room, "make the folder", failed(parent), || {
            let folder = builder.tempdir_in(parent).map_err(failed(parent))?;
            let listed = Listed::new(folder.path());
            Ok((folder, listed))
        })?;
        let lock = failpoint::passed(Needs::Room, "make its lock", failed(folder.path()), || {
            File::create_new(folder.path().join(LOCK)).map_err(failed(folder.path()))
        })?;
        // Nobody else knows the folder yet: the lock can't be taken.
        let _ = is_locked_now(&lock);
        Ok(Self { folder, _lock: lock, _listed: listed })
    }

    /// Returns the folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// A folder's place among those of this process, as long as it lives.
struct Listed(PathBuf);

impl Listed {
    fn new(folder: &Path) -> Self {
        OPEN.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned());
        Self(folder.to_owned())
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        OPEN.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

/// Removes this user's folders that are old and whose lock nobody holds. What can't be looked at is left alone.
fn reap(parent: &Path, now: SystemTime) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let Ok(metadata) = entry.path().symlink_metadata() else { continue };
        let age = metadata.modified().ok().and_then(|modified| now.duration_since(modified).ok());
        if !metadata.is_dir() || age.is_none_or(|age| age < AGE) || !is_ours(&metadata) {
            continue;
        }
        if let Ok(lock) = File::open(entry.path().join(LOCK))
            && is_locked_now(&lock)
        {
            // Another run may be removing it too.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Takes the lock, if nobody has it.
#[cfg(unix)]
fn is_locked_now(file: &File) -> bool {
    rustix::fs::flock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_ok()
}

/// Without locks nothing is ever reaped.
#[cfg(not(unix))]
fn is_locked_now(_: &File) -> bool {
    false
}

#[cfg(unix)]
fn is_ours(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o077 == 0
}

#[cfg(not(unix))]
fn is_ours(_: &fs::Metadata) -> bool {
    false
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn only_old_folders_whose_lock_is_free_are_reaped() {
        let parent = tempfile::tempdir().expect("a folder");
        let alive = Scratch::create(parent.path()).expect("a folder");
        let dead = Scratch::create(parent.path()).expect("a folder");
        let dead_path = dead.path().to_owned();
        // As after SIGKILL: the lock is free and the folder is still there.
        let _ = dead.folder.keep();
        drop(dead._lock);
        let foreign = parent.path().join("promote-git-without-lock");
        fs::create_dir(&foreign).expect("a folder");

        reap(parent.path(), SystemTime::now() + AGE / 2);
        assert!(dead_path.exists());
        reap(parent.path(), SystemTime::now() + AGE * 2);
        assert!(!dead_path.exists());
        assert!(alive.path().exists() && foreign.exists());
    }

    #[test]
    fn nobody_else_may_enter_and_nothing_is_left() {
        use std::os::unix::fs::PermissionsExt as _;
        let parent = tempfile::tempdir().expect("a folder");
        let scratch = Scratch::create(parent.path()).expect("a folder");
        assert_eq!(scratch.path().metadata().expect("metadata").permissions().mode() & 0o777, 0o700);
        drop(scratch);
        assert_eq!(fs::read_dir(parent.path()).expect("entries").count(), 0);
    }
}
