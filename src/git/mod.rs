//! The Git room: commits without a checkout, and the network by a `git` child that inherits nothing.
//!
//! Objects are read and written by libgit2, built without network features. Everything that talks to a remote is
//! the user's own `git` program, started with a cleared environment: no hook, filter, redirect, `insteadOf` or
//! `GIT_*` variable of the user's reaches it. What a user legitimately needs of their configuration (proxy, CA,
//! credential helper, ssh command) is read by [`Settings`] and given to the child explicitly, for one host.
//!
//! - [`Program`]: which `git`; [`Environment`]: the variables it may know of.
//! - [`struct@Clone`]: the user's own clone, which is only ever read.
//! - [`Workspace`]: a private bare repository in a temporary folder, in which a promotion is built and from which
//!   it is pushed.

mod base;
mod branch;
mod clone;
mod commit;
mod complaint;
mod connection;
mod environment;
mod error;
mod history;
mod identity;
mod observations;
mod program;
mod proposed;
mod scratch;
mod seed;
mod settings;
mod sign;
mod ssh;
mod tags;
mod transport;
mod tree;
mod untrusted;
mod url;
mod workspace;
mod worktree;
mod writers;

pub use base::{Base, Depth};
pub use branch::{BranchDiff, Change, ChangedFile, RemoteBranch};
pub use clone::{Clone, Tracked};
pub use commit::CommitId;
pub use connection::{Ask, Asked, Connection, HttpLogin, Limits, Password, Proxy};
pub use environment::Environment;
pub use error::Error;
pub use history::{History, Told, Touch, TouchedFile};
pub use identity::Identity;
pub use observations::Observations;
pub use program::{GitVersion, Program};
pub use proposed::{Proposed, merged_file};
pub use scratch::{Scratch, abandon};
pub use seed::Seed;
pub use settings::{Scope, Setting, Settings};
pub use sign::signing;
pub use tags::{RemoteTag, remote_tags};
pub use tree::{FILE_LIMIT, Listing};
pub use untrusted::escape;
pub use url::{RemoteUrl, RemoteUrlError, Scheme};
pub use workspace::Workspace;
pub use worktree::{load_worktree, worktree_root, worktree_snapshot};
pub use writers::{Accepts, Wanted};
