//! What people see, through the binary: real Git, a bare remote, a registry and a forge on loopback.
//!
//! Every run asserts the oracles of `support::oracles`; a run that wrote is followed by a second one.

#[path = "../support/mod.rs"]
mod support;

mod app;
mod auto;
mod auto_groups;
mod check;
mod clone;
mod digests;
mod doctor;
mod documents;
mod fleet;
mod git_sources;
mod github_apps;
mod init;
mod job;
mod judging;
mod logins;
mod looking;
mod parts;
mod promoting;
mod protection;
mod proxies;
mod refusals;
mod registries;
mod rules;
mod secrets;
mod shared_places;
mod signatures;
mod superseding;
mod tags;
mod terminal;
mod usage;
