//! One result for people and for programs: terminal and JSON.

mod columns;
pub mod documents;
pub mod pins;
pub mod problem;
pub mod promotion;
pub mod status;
pub mod tags;
