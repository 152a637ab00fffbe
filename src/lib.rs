//! `promote` moves a version from staging to production in a Flux GitOps repository, by pull request.
//!
//! The way of the data, for `promote my-app v1.2.3`:
//!
//! 1. [`cli`] reads arguments and environment, and calls one of [`commands`].
//! 2. [`git`] gives the [`model::Snapshot`] of the base branch's newest commit.
//! 3. [`config`] reads `promote.yaml` in it, and the user's own configuration.
//! 4. [`inventory`] walks the snapshot as Flux would: which source takes which version in which
//!    environment, and the bytes that decide it ([`model::Slot`]).
//! 5. [`registry`] answers what the versions are: tags, digests.
//! 6. [`planner`] gives each environment a verdict with its reasons.
//! 7. [`edit`] turns the plan into replaced bytes, and proves them by computing the inventory again.
//! 8. [`git`] commits on the base's tree and pushes a branch that must not exist yet.
//! 9. [`forge`] opens the pull request; [`report`] tells what happened.
//!
//! The core (`model`, `constraint`, `yaml`, `inventory`, `planner`, `edit`, `doctor`) maps values to values. The edges
//! (`registry`, `git`, `forge`, `http`, `process`) do one effect each and decide nothing. Only `commands` joins them.

pub mod cli;
pub mod commands;
pub mod config;
pub mod constraint;
pub mod doctor;
pub mod edit;
pub mod failpoint;
pub mod forge;
pub mod git;
pub mod http;
pub mod inventory;
pub mod model;
pub mod planner;
pub mod process;
pub mod registry;
pub mod report;
pub mod yaml;
