//! One result for people and programs: pull requests, commit messages, terminals, JSON.

pub mod inert;
pub mod pull_request;
pub mod template;
