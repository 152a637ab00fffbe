//! What the black-box tests stand on: a fleet in a sandbox, servers on loopback, and what must hold after every run.
//!
//! `#[path = "../support/mod.rs"] mod support;` in a test crate, then [`sandbox::Sandbox`].
#![allow(dead_code, unused_imports)] // Each test crate uses its own part of it.

pub mod contract;
pub mod faults;
pub mod ferro;
pub mod fleet;
pub mod forge;
pub mod git_http;
pub mod listener;
pub mod oracles;
pub mod registry;
pub mod sandbox;
pub mod servers;
pub mod shared;
pub mod world;

pub use registry::certificate;
pub use sandbox::{Run, Sandbox};
