//! What people configure: `promote.yaml` of the repository, the user's own files, the process environment.
//!
//! Everything here takes texts and key/value lists and gives checked values with their places; reading the files,
//! Git's configuration and the environment is the commands' part.
//!
//! [`repository`] says what may go where and may hold nothing that a contributor must not choose: credentials,
//! programs, proxies. Those are [`user`]'s, which never reads the repository's content.

pub mod environment;
pub mod event;
pub mod job;
pub mod repository;
pub mod user;

mod document;
mod fact;
mod host;

pub use fact::Fact;
