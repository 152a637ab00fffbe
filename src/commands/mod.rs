//! A file a command: calls in a row.
use std::collections::BTreeMap;
use crate::cli::Arguments;
use crate::model::Exit;
pub fn run(_: Arguments, _: BTreeMap<String,String>) -> Exit { Exit::Done }
pub fn print_usage_error(_: &str) {}
