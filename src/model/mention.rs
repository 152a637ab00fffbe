//! What an event from elsewhere names. It is a hint at which apps to look, and decides nothing.

/// One thing that an event names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mention {
    /// An app, or whatever else people call it by.
    App(String),
    /// A Flux object.
    Object {
        /// Its kind, as Kubernetes writes it.
        kind: String,
        /// Its namespace, if that is told.
        namespace: Option<String>,
        /// Its name.
        name: String,
    },
    /// A repository of a registry, without the host: who pushes may know the registry by another name.
    Repository(String),
}
