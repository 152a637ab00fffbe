//! What people should know about the repository, with its place.

use super::Place;

/// Something odd, with its place. A finding stops nothing; what it makes unknown is never yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its stable name.
    pub code: FindingCode,
    /// For people, one line.
    pub message: String,
    /// Where it is.
    pub place: Option<Place>,
}

macro_rules! finding_codes {
    ($($variant:ident = $text:literal, $doc:literal;)*) => {
        /// The stable names of findings.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FindingCode { $(#[doc = $doc] $variant,)* }

        impl FindingCode {
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

finding_codes! {
    UnreadableYaml = "unreadable-yaml", "A file below an environment is not YAML that can be read; what it would decide is unknown.";
    FileTooLarge = "file-too-large", "A file is over the size, depth or alias limit; what it would decide is unknown.";
    UnreadableEncoding = "unreadable-encoding", "A file is not UTF-8; what it would decide is unknown.";
    ShadowedField = "shadowed-field", "A field that Flux ignores because another one takes precedence.";
    SharedSlot = "shared-slot", "One place decides the version of several environments.";
    UnreachedFile = "unreached-file", "A patch or directory that no environment reaches: editing it changes nothing.";
    UnusedImage = "unused-image", "An entry of `images` that no container uses: editing it changes nothing.";
    Suspended = "suspended", "The object is suspended: a change has no effect until it is resumed.";
    OwnedByAutomation = "owned-by-automation", "An image update automation writes this value.";
    EnvironmentInTag = "environment-in-tag", "The tag names its environment; it is never copied to another one.";
    PathOutside = "path-outside", "A path leads out of the repository.";
    PathMissing = "path-missing", "A path that is named does not exist in the repository.";
    SourceMissing = "source-missing", "An object names a source that is not found here.";
    RemoteBase = "remote-base", "A base outside the repository can't be read here.";
    SecretValue = "secret-value", "A value comes from a Secret and can't be told.";
    UnsupportedTemplate = "unsupported-template", "A template of another tool can't be evaluated.";
    UnsupportedTransformer = "unsupported-transformer", "A transformer that can't be evaluated here.";
    UnresolvedVariable = "unresolved-variable", "A variable has no value in this repository.";
    InvalidReference = "invalid-reference", "Flux would refuse this reference.";
    InvalidArtifact = "invalid-artifact", "The URL names no artifact that Flux accepts.";
    BuildFails = "build-fails", "Flux can't build a kustomization: nothing of it is applied until it is mended.";
    InvalidObject = "invalid-object", "A Flux object lacks what Flux requires of it.";
    AmbiguousTags = "ambiguous-tags", "Tags of equal precedence: which one Flux takes hangs on the registry's order.";
    OlderFlux = "older-flux", "The Flux in this repository chooses versions by older rules.";
    ConfigurationDiffers = "configuration-differs", "`promote.yaml` in the working tree differs from the base branch's.";
    GuessedOrder = "guessed-order", "The order of environments is a guess from their names.";
    LabelsNotSet = "labels-not-set", "Labels could not be set on the pull request; the next run tries again.";
    ReviewersNotSet = "reviewers-not-set", "Reviewers could not be asked; the next run tries again.";
    WaitsForOpen = "waits-for-open", "Another promotion of the same app and environment is open, and is waited for.";
    RivalPullRequest = "rival-pull-request", "A pull request that is not promote's changes the same place.";
    NotSuperseded = "not-superseded", "An older pull request of ours could not be closed; the next run tries again.";
    ForgeUnread = "forge-unread", "The forge could not be read; which promotions are open is unknown.";
    HistoryUnread = "history-unread", "The history could not be read; what commits recorded is unknown.";
    ChecksMayNotStart = "checks-may-not-start", "The workflow's own token opens the pull request: required checks may not start by themselves.";
    BaseUnprotected = "base-unprotected", "The base branch's rules ask for no approval, or could not be read.";
}
