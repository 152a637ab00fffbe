//! STUB
use crate::model::*;
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct Refusal;
impl Refusal { pub fn into_reason(self) -> Reason { Reason { code: ReasonCode::NotEditable, message: String::new(), place: None } } }
pub fn edits_for(_: &Source, _: &Inventory, _: &Tag, _: Option<&Digest>) -> Result<Vec<Edit>, Refusal> { Ok(vec![]) }
