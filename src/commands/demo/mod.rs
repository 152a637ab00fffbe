//! `promote demo`: a playground, and the main job done in it. No account, no server.

mod registry;

use std::collections::BTreeMap;

use super::fault::Fault;
use super::Outcome;
use crate::cli;

/// stub
pub async fn run(_: &cli::Demo, _: &BTreeMap<String, String>) -> Result<Outcome, Fault> {
    Ok(Outcome::default())
}
