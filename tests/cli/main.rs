//! What people see, through the binary: real Git, a bare remote, a registry and a forge on loopback.
//!
//! Every run asserts the oracles of `support::oracles`; a run that wrote is followed by a second one.

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/markdown.rs"]
mod markdown;

use support::fleet;

mod app;
mod attempts;
mod auto;
mod auto_groups;
mod check;
mod clone;
mod digests;
mod doctor;
mod documents;
mod git_sources;
mod github_apps;
mod hostile;
mod init;
mod job;
mod judging;
mod large;
mod logins;
mod looking;
mod machine;
mod parts;
mod promoting;
mod protection;
mod proxies;
mod refusals;
mod registries;
mod remotes;
mod rules;
mod secrets;
mod shared_places;
mod signatures;
mod superseding;
mod tags;
mod terminal;
mod usage;
