//! The inventory, straight on the library: what each environment runs, where that is written, and edits to it.

mod bombs;
mod direct;
mod discovery;
mod edited;
mod fleets;
mod flux;
mod generated;
mod hostile;
mod laws;
mod layouts;
mod oracle;
mod provenance;
mod repository;

#[path = "../support/shared.rs"]
mod shared;
