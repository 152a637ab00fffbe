//! The check-up: from what the edges saw to checks, each with a level, what is wrong and what helps.
//!
//! Each file judges one subject: it takes values and returns [`Check`](crate::model::Check)s.

mod branch;
mod forge;
mod git;
mod glob;
mod owners;
mod registries;
mod renovate;
mod repository;
mod robots;
mod scripts;
mod targets;

pub use branch::{Wanted, branch};
pub use forge::{ForgeFacts, Scopes, forge};
pub use git::{Fetched, GitFacts, git};
pub use owners::{Dialect, OwnersFile, owners, places as owner_places};
pub use registries::{ChartFacts, Listing, RegistryFacts, charts, registry};
pub use renovate::PLACES as RENOVATE;
pub use repository::{Configured, production_first, repository};
pub use robots::{others, wanted as robot_files};
pub use targets::{Target, production, targets};
