//! One result for people, for programs and for the pull request: terminal, JSON, Markdown.

pub mod check;
mod columns;
pub mod doctor;
pub mod documents;
pub mod inert;
pub mod init;
pub mod job;
mod own_place;
pub mod paint;
pub mod pins;
pub mod problem;
pub mod promotion;
pub mod pull_request;
pub mod status;
pub mod tags;
pub mod template;
pub mod why;

pub use columns::counted;
