//! The nouns: what the other modules speak about. Values only, no effects.

mod artifact;
mod backoff;
mod branch;
mod branch_rules;
mod check;
mod checkup;
mod digest;
mod environment;
mod finding;
mod judged;
mod mention;
mod names;
mod place;
mod plan;
mod problem;
mod reference;
mod shard;
mod signature;
mod slot;
mod snapshot;
mod source;
mod tag;
mod version;

pub use artifact::{Artifact, ArtifactError, OciRepository};
pub use backoff::longest_wait;
pub use branch::{BRANCH_PREFIX, BranchName, branch_name, branch_parts, branch_segment, promoted_version};
pub use branch_rules::{BranchRules, Seen};
pub use check::{CheckResult, Level};
pub use checkup::{Check, Subject};
pub use digest::{Digest, DigestError};
pub use environment::{
    AppDefinition, AppPart, DigestRule, Environment, Evidence, Extent, Freeze, Hold, Order, Protection, ReasonRule,
    Rule, Rules, Stage, Stages,
};
pub use finding::{Finding, FindingCode};
pub use judged::{JudgedTag, TagTable, TagVerdict};
pub use mention::Mention;
pub use names::{AppName, EnvironmentName, NameError};
pub use place::{Place, RepoPath, RepoPathError};
pub use plan::{Chosen, Edit, Move, Plan, Proof, Reason, ReasonCode, Step, Verdict};
pub use problem::{Exit, Failure, Problem};
pub use reference::{Choice, FieldName, Reference, Unknown, Value};
pub use shard::{Shard, ShardError};
pub use signature::{Demand, SignerIdentity, Trust, Verify};
pub use slot::{Form, Slot, Span};
pub use snapshot::{BlobId, Entry, EntryKind, Snapshot};
pub use source::{Inventory, Source, SourceId, SourceKind, WrittenValue};
pub use tag::{Tag, TagError};
pub use version::{Version, VersionError};
