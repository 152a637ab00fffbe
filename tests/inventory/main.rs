//! The inventory, straight on the library: what each environment runs, where that is written, and edits to it.

mod direct;
mod discovery;
mod fleets;
mod generated;
mod flux;
mod hostile;
mod laws;
mod layouts;
mod oracle;
mod repository;
#[path = "../support/shared.rs"]
mod shared;
