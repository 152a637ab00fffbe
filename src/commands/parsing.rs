//! YAML files of a large fleet, parsed on every processor before they are walked.

use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use crate::inventory::{Read, Walker};
use crate::model::{RepoPath, Snapshot};

/// So many files are worth threads of their own.
const MANY: usize = 64;

/// Parses what a snapshot has got since the walker saw it last.
///
/// What isn't parsed here, because it is little or a thread came to no end, the walk parses when it gets there.
pub fn parse_ahead(walker: &Walker, snapshot: &Snapshot) {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    if threads == 1 || snapshot.blobs.len() < MANY {
        return;
    }
    let files = walker.missing(snapshot);
    if files.len() < MANY {
        return;
    }
    let chunks = || files.chunks(files.len().div_ceil(threads));
    thread::scope(|scope| {
        let read = |files: &[(RepoPath, Arc<[u8]>)]| files.iter().map(|(_, bytes)| Read::of(bytes)).collect::<Vec<_>>();
        let running: Vec<_> = chunks().map(|files| scope.spawn(move || read(files))).collect();
        for (files, thread) in chunks().zip(running) {
            for ((path, bytes), read) in files.iter().zip(thread.join().unwrap_or_default()) {
                walker.keep(path, bytes, read);
            }
        }
    });
}
