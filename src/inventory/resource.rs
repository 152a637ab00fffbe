//! One Kubernetes object, and the names it had on its way.

use std::rc::Rc;

use super::text::Text;
use super::tree::Tree;
use crate::model::Place;
use crate::yaml::Node;

/// One Kubernetes object.
#[derive(Clone)]
pub(super) struct Resource {
    /// Its content; only `apiVersion`, `kind` and `metadata` of objects that no version hangs on.
    pub tree: Tree,
    /// The names it had before, the first one as it is written.
    pub before: Vec<ResourceId>,
    /// Where it is written.
    pub text: Rc<Text>,
    /// Which document of the text.
    pub document: usize,
}

/// What kustomize identifies an object by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ResourceId {
    pub group: String,
    pub version: String,
    pub kind: String,
    pub namespace: Option<String>,
    pub name: String,
}

impl Resource {
    /// Takes over the objects of one document: the items of a list, else itself.
    pub fn of_document(text: &Rc<Text>, document: usize, root: &Node) -> Vec<Self> {
        let kind = root.text_at(&["kind"]).unwrap_or_default();
        if kind.ends_with("List") && root.field("items").is_some_and(|items| !items.items().is_empty()) {
            let items = root.field("items").map(Node::items).unwrap_or_default();
            return items.iter().filter_map(|item| Self::of_node(text, document, item)).collect();
        }
        Self::of_node(text, document, root).into_iter().collect()
    }

    /// Tells why kustomize takes a document for no object, if it doesn't.
    pub fn flaw(root: &Node) -> Option<&'static str> {
        let kind = root.text_at(&["kind"]).unwrap_or_default();
        if root.is_null() {
            None
        } else if kind.is_empty() {
            Some("an object has no `kind`")
        } else if root.text_at(&["metadata", "name"]).is_none() && !kind.ends_with("List") {
            Some("an object has no `metadata.name`")
        } else {
            None
        }
    }

    fn of_node(text: &Rc<Text>, document: usize, node: &Node) -> Option<Self> {
        let kind = node.text_at(&["kind"])?;
        let version = node.text_at(&["apiVersion"]).unwrap_or_default();
        let tree = if decides_versions(version, kind) {
            Tree::of(node, text, document)
        } else {
            let header = ["apiVersion", "kind", "metadata"];
            let entries = header
                .iter()
                .filter_map(|key| node.field(key).map(|value| ((*key).into(), Tree::of(value, text, document))));
            Tree::Map(entries.collect())
        };
        Some(Self { tree, before: Vec::new(), text: Rc::clone(text), document })
    }

    /// Returns what kustomize tells it from others by: group and version, kind, namespace, name.
    pub fn identity(&self) -> (&str, &str, &str, &str) {
        let version = self.tree.text(&["apiVersion"]).unwrap_or_default();
        (version, self.kind(), self.namespace().unwrap_or("default"), self.name())
    }

    /// Returns what identifies it now.
    pub fn id(&self) -> ResourceId {
        let (group, version) = group_and_version(self.tree.text(&["apiVersion"]).unwrap_or_default());
        ResourceId {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: self.kind().to_owned(),
            namespace: self.namespace().map(str::to_owned),
            name: self.name().to_owned(),
        }
    }

    /// Remembers the name that it had, if it has another one now.
    pub fn renamed_from(&mut self, before: ResourceId) {
        if before != self.id() && !self.before.contains(&before) {
            self.before.push(before);
        }
    }

    /// Tells whether only its names were taken over: no version hangs on it.
    pub fn is_header_only(&self) -> bool {
        let version = self.tree.text(&["apiVersion"]).unwrap_or_default();
        !decides_versions(version, self.kind())
    }

    /// Takes over the whole object where only its names were.
    pub fn completed(&self) -> Tree {
        let document = self.text.document(self.document);
        match document {
            Some(document) if self.is_header_only() => Tree::of(&document.root, &self.text, self.document),
            _ => self.tree.clone(),
        }
    }

    /// Returns its kind.
    pub fn kind(&self) -> &str {
        self.tree.text(&["kind"]).unwrap_or_default()
    }

    /// Returns its API group.
    pub fn group(&self) -> &str {
        group_and_version(self.tree.text(&["apiVersion"]).unwrap_or_default()).0
    }

    /// Returns its name.
    pub fn name(&self) -> &str {
        self.tree.text(&["metadata", "name"]).unwrap_or_default()
    }

    /// Returns its namespace, if one is given.
    pub fn namespace(&self) -> Option<&str> {
        self.tree.text(&["metadata", "namespace"]).filter(|namespace| !namespace.is_empty())
    }

    /// Tells whether kustomize only uses it and leaves it out of what it builds.
    pub fn is_local(&self) -> bool {
        let annotation = "config.kubernetes.io/local-config";
        self.tree.text(&["metadata", "annotations", annotation]).is_some_and(|value| value != "false")
    }

    /// Tells whether it is this kind of Flux object.
    pub fn is_flux(&self, kind: &str) -> bool {
        self.kind() == kind && is_flux_group(self.group())
    }

    /// Returns where it begins.
    pub fn place(&self) -> Place {
        match self.tree.first_spot() {
            Some(spot) => spot.place(),
            None => Place { path: self.text.path.clone(), line: 1, column: 1 },
        }
    }
}

/// Splits `apiVersion`.
pub(super) fn group_and_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// Tells whether an API group is one of Flux's.
pub(super) fn is_flux_group(group: &str) -> bool {
    group.ends_with(".fluxcd.io") || group == "fluxcd.controlplane.io"
}

/// Tells whether the whole object is needed: it chooses versions, or may hold variables.
fn decides_versions(api_version: &str, kind: &str) -> bool {
    is_flux_group(group_and_version(api_version).0) || matches!(kind, "ConfigMap" | "Secret")
}
