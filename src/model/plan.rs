//! What would change, and why the rest stays.

use super::{AppName, Artifact, Digest, EnvironmentName, Evidence, Exit, Failure, Place, Slot, SourceId, Tag, Version};

/// A step for every app and environment that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// In order of app, then of environment.
    pub steps: Vec<Step>,
}

/// One app in one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The app.
    pub app: AppName,
    /// The environment.
    pub environment: EnvironmentName,
    /// The artifact there, if it can be told.
    pub artifact: Option<Artifact>,
    /// What the pin or range chooses now, as the registry spells it; none if that can't be told.
    pub from: Option<Chosen>,
    /// What it would move to: for *follows* what the range selects, for *current* the same as `from`.
    pub to: Option<Chosen>,
    /// The verdict.
    pub verdict: Verdict,
    /// Each rule that says no, or what is worth knowing.
    pub reasons: Vec<Reason>,
    /// From when it may move, for *waits*.
    pub waits: Option<jiff::Timestamp>,
    /// What each source would choose afterwards, if the version is newer than the pin.
    pub moves: Vec<Move>,
    /// The scalars to replace, for *advance*.
    pub edits: Vec<Edit>,
    /// What the environments before say for it, for *advance*.
    pub proofs: Vec<Proof>,
    /// The error that made it unknown, if one did.
    pub failure: Option<Failure>,
}

/// What one source of a step's app would choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The source in the step's environment.
    pub source: SourceId,
    /// The tag to write.
    pub tag: Tag,
    /// What it points at.
    pub digest: Option<Digest>,
}

/// An environment before that ran the version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Its name.
    pub environment: EnvironmentName,
    /// How surely it did.
    pub evidence: Evidence,
    /// Whether its content is known to be the same.
    pub same_content: bool,
    /// What it runs now.
    pub now: Option<Tag>,
}

/// A version in the registry, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The tag; none where only a digest is pinned.
    pub tag: Option<Tag>,
    /// Its version.
    pub version: Option<Version>,
    /// Its digest, where it was asked for or is pinned.
    pub digest: Option<Digest>,
}

/// May it move?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// A range: it moves by itself.
    Follows,
    /// It runs the version.
    Current,
    /// It can move now.
    Advance,
    /// It can move later.
    Waits,
    /// A rule says no.
    Blocked,
    /// Something could not be read; never yes.
    Unknown,
}

/// One rule's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Its stable name.
    pub code: ReasonCode,
    /// For people, one line.
    pub message: String,
    /// Where the rule or the value is written.
    pub place: Option<Place>,
}

/// One replacement: the whole decoded text of one written scalar, or of the part of it that the slot names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Where.
    pub slot: Slot,
    /// The field of the object as written there: `spec.ref.tag`.
    pub field: String,
    /// The decoded text now.
    pub before: String,
    /// The decoded text to write.
    pub after: String,
}

impl Plan {
    /// Returns the exit codes of what could not be told, for a look at the whole plan: a step that stays unknown for a
    /// reason that no other code tells, such as a missing verifier, is as normal there as one that a rule stops.
    pub fn failed(&self) -> impl Iterator<Item = Exit> + Clone {
        self.failures().map(|failure| failure.exit).filter(|exit| *exit != Exit::Refused)
    }

    /// Returns the errors that made steps unknown, in the order of the steps.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> + Clone {
        self.steps.iter().filter_map(|step| step.failure.as_ref())
    }
}

impl Verdict {
    /// Returns the word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Follows => "follows",
            Self::Current => "current",
            Self::Advance => "advance",
            Self::Waits => "waits",
            Self::Blocked => "blocked",
            Self::Unknown => "unknown",
        }
    }
}

macro_rules! reason_codes {
    ($($variant:ident = $text:literal, $doc:literal;)*) => {
        /// The stable names of reasons.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ReasonCode { $(#[doc = $doc] $variant,)* }

        impl ReasonCode {
            /// Every code, in order.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Returns the name as the JSON documents write it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Returns what it means, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $doc,)* }
            }
        }
    };
}

reason_codes! {
    FollowsRange = "follows-range", "The environment follows a range and moves by itself.";
    RunsVersion = "runs-version", "The environment runs this version already.";
    Newer = "newer", "The version is newer than the pin.";
    Older = "older", "The version is older than what is pinned; only a rollback goes back.";
    NotFound = "not-found", "The registry has no such version.";
    NotMirrored = "not-mirrored", "Another name of the artifact has the version, this one does not have it yet.";
    InRegistry = "in-registry", "The pinned version is in its registry.";
    Shadowed = "shadowed-field", "A field that Flux ignores because another one takes precedence.";
    OutsideRange = "outside-range", "The version is outside the range that may ever go there.";
    PreRelease = "pre-release", "A pre-release, which the range does not admit.";
    NotAVersion = "not-a-version", "The tag is not a version.";
    FilteredOut = "filtered-out", "The tag does not match the filter.";
    NewerExists = "newer-exists", "The version could go there, but a newer one could too.";
    Selected = "selected", "The version that the range selects.";
    Matches = "matches", "The range admits the version.";
    Tied = "tied", "Other tags have equal precedence; which one Flux takes hangs on the registry's order.";
    NotInFrom = "not-in-from", "The environment before did not run this version.";
    FromAdmits = "from-admits", "The environment before admits the version; nobody knows whether it ran there.";
    FromSelects = "from-selects", "The environment before chooses exactly this version now.";
    FromUnknown = "from-unknown", "What the environment before runs can't be told.";
    NoEarlierStage = "no-earlier-stage", "No earlier stage has the app.";
    DigestDiffers = "digest-differs", "The content under the tag is not what the environment before runs.";
    DigestRequired = "digest-required", "A digest is required there, and none stands beside the tag.";
    Held = "held", "The version is held.";
    Frozen = "frozen", "The environment is frozen now.";
    SoakTooShort = "soak-too-short", "The version has not been in the environment before for long enough.";
    ReasonRequired = "reason-required", "The environment asks for a reason.";
    ReasonPattern = "reason-pattern", "The reason does not say what the environment asks for.";
    OwnedByAutomation = "owned-by-automation", "An image update automation owns the value.";
    Suspended = "suspended", "The object is suspended: nothing happens until it is resumed.";
    NotPinned = "not-pinned", "The environment holds no pin that could be moved.";
    Floating = "floating", "The environment follows a tag or branch that is no version.";
    VersionUnknown = "version-unknown", "The version that is pinned can't be told.";
    ArtifactUnknown = "artifact-unknown", "Where the artifact is can't be told.";
    RegistryUnreadable = "registry-unreadable", "The registry could not be read.";
    SharedOutsideStage = "shared-outside-stage", "The deciding place is shared with an environment outside the stage.";
    NotEditable = "not-editable", "The deciding place can't be edited surely.";
    SignatureUnverified = "signature-unverified", "A signature is demanded there and could not be verified.";
    SignatureMissing = "signature-missing", "A signature is demanded there, and none that holds is on this content.";
    SignatureHolds = "signature-holds", "The content carries a signature as it is demanded there.";
    AmbiguousTags = "ambiguous-tags", "Several tags of equal precedence have different digests.";
    PartsDiffer = "parts-differ", "The parts of the app can't move together.";
    ExactChange = "exact-change", "The pull request changes exactly the values of its promotion.";
    OtherChange = "other-change", "The pull request changes something beside the values of its promotion.";
    NothingMoves = "nothing-moves", "The pull request is called a promotion and moves no version.";
    SameContent = "same-content", "The tag points at the content that the pull request promotes.";
    TagMoved = "tag-moved", "The tag points at other content than when the pull request was opened.";
    WithinRules = "within-rules", "Newer than the pin, inside the range, not held, not frozen.";
    RanBefore = "ran-before", "An older version, which ran there before.";
    NeverRan = "never-ran", "An older version, and the history doesn't show that it ran there.";
    TrailersAgree = "trailers-agree", "The trailers of the commits say what the pull request changes.";
    TrailersDiffer = "trailers-differ", "The trailers of the commits say something else than the pull request changes.";
    BranchDiffers = "branch-differs", "The branch's name stands for another change than the branch holds.";
    OtherBase = "other-base", "The pull request goes to another branch than the base.";
    NotMergeable = "not-mergeable", "The pull request can't be merged as it is.";
    Merged = "merged", "The pull request is merged: nothing is left to judge.";
    Closed = "closed", "The pull request is closed.";
    NoPromotion = "no-promotion", "The pull request moves no version that a rule guards.";
    Approved = "approved", "Somebody else than who asked for it has approved.";
    NotApproved = "not-approved", "Nobody has approved yet.";
    ApprovedByRequester = "approved-by-requester", "Who asked for the promotion, or opened it, has approved it.";
    PinLost = "pin-lost", "What is pinned would no longer be.";
    NewPin = "new-pin", "A pin where none stood: no rule can compare it with what ran.";
    PinRemoved = "pin-removed", "A pinned object would be gone.";
    ArtifactChanged = "artifact-changed", "The version would be pulled from another artifact.";
    RulesChange = "rules-change", "The pull request changes `promote.yaml`; it is judged by the rules of the base.";
    EnvironmentInTag = "environment-in-tag", "The tag names its environment; it is never copied to another one.";
}
