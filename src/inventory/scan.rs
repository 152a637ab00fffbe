//! The scalars that stand at fields which choose versions, in any file, reached or not.

use std::collections::HashSet;
use std::rc::Rc;

use super::resource::{group_and_version, is_flux_group};
use super::text::{Spot, Text};
use super::values::{self, Parts};
use crate::model::Form;
use crate::yaml::{Content, Node};

/// Keys whose scalars choose a version: a variable in one of them is a written version itself.
const VERSION_KEYS: [&str; 11] =
    ["tag", "version", "semver", "digest", "newTag", "ref", "commit", "branch", "image", "newName", "targetRevision"];

/// What stands in some files.
#[derive(Default)]
pub(super) struct Scan {
    found: Vec<(Spot, &'static str)>,
    /// Entries of `postBuild.substitute`, by name.
    variables: Vec<(String, Spot)>,
    /// The variables that version lines use.
    used: HashSet<String>,
}

/// One document while it is looked through.
struct Reader<'a> {
    scan: &'a mut Scan,
    text: &'a Rc<Text>,
    document: usize,
}

impl Scan {
    /// Looks through files.
    pub fn of(texts: &[Rc<Text>]) -> Self {
        let mut scan = Self::default();
        texts.iter().for_each(|text| scan.add(text));
        scan
    }

    /// Returns what was found, and what each is; a variable only if a version line uses it.
    pub fn found(&self) -> impl Iterator<Item = (&Spot, &'static str)> {
        let variables = self.variables.iter().filter(|(name, _)| self.used.contains(name));
        self.found.iter().map(|(spot, kind)| (spot, *kind)).chain(variables.map(|(_, spot)| (spot, "variable")))
    }

    fn add(&mut self, text: &Rc<Text>) {
        for document in &text.stream.documents {
            let mut reader = Reader { scan: self, text, document: document.index };
            reader.object(&document.root);
            reader.variables_used(&document.root, "");
        }
    }
}

impl Reader<'_> {
    fn object(&mut self, root: &Node) {
        let kind = root.text_at(&["kind"]).unwrap_or_default();
        let group = group_and_version(root.text_at(&["apiVersion"]).unwrap_or_default()).0;
        if kind.ends_with("List") {
            root.field("items").map(Node::items).unwrap_or_default().iter().for_each(|item| self.object(item));
        }
        root.items().iter().for_each(|item| self.operation(item));
        let name = self.text.path.file_name();
        let is_kustomization = matches!(name, "kustomization.yaml" | "kustomization.yml" | "Kustomization");
        if group == "kustomize.config.k8s.io" || is_kustomization && kind.is_empty() {
            return self.kustomization(root);
        }
        if !is_flux_group(group) {
            return;
        }
        match kind {
            "OCIRepository" => self.fields(root, &["spec", "ref"], &["tag", "semver", "digest"]),
            "GitRepository" => self.fields(root, &["spec", "ref"], &["tag", "semver", "commit", "branch", "name"]),
            "HelmRelease" => {
                self.fields(root, &["spec", "chart", "spec"], &["version"]);
                if let Some(values) = root.field("spec").and_then(|spec| spec.field("values")) {
                    self.values(values);
                }
            }
            "HelmChart" => self.fields(root, &["spec"], &["version"]),
            "Kustomization" => self.flux_kustomization(root),
            _ => {}
        }
    }

    fn kustomization(&mut self, root: &Node) {
        let items = |key: &str| root.field(key).map(Node::items).unwrap_or_default();
        items("images").iter().for_each(|item| self.image(item));
        for item in items("patches").iter().chain(items("patchesJson6902")) {
            if let Some(patch) = item.field("patch") {
                self.inside(patch);
            }
        }
        items("patchesStrategicMerge").iter().for_each(|item| self.inside(item));
    }

    fn flux_kustomization(&mut self, root: &Node) {
        let Some(spec) = root.field("spec") else { return };
        spec.field("images").map(Node::items).unwrap_or_default().iter().for_each(|item| self.image(item));
        for item in spec.field("patches").map(Node::items).unwrap_or_default() {
            if let Some(patch) = item.field("patch") {
                self.inside(patch);
            }
        }
        let substitute = spec.field("postBuild").and_then(|build| build.field("substitute"));
        for (name, value) in substitute.map(Node::entries).unwrap_or_default() {
            let value = value.resolved();
            if let (Some(name), Some(scalar)) = (name.text(), value.scalar().filter(|scalar| !scalar.text.is_empty())) {
                let spot = Spot::of(self.text, self.document, value, scalar);
                self.scan.variables.push((name.to_owned(), spot));
            }
        }
    }

    /// Looks through the text of a scalar: a patch inside a kustomization.
    fn inside(&mut self, node: &Node) {
        let node = node.resolved();
        let Some(scalar) = node.scalar().filter(|scalar| scalar.text.contains('\n')) else { return };
        let spot = Spot::of(self.text, self.document, node, scalar);
        let text = Text::inside(spot, &scalar.text);
        self.scan.add(&text);
    }

    /// One entry of `images`.
    fn image(&mut self, item: &Node) {
        self.fields(item, &[], &["newTag", "digest"]);
    }

    /// One operation of JSON 6902.
    fn operation(&mut self, item: &Node) {
        let (Some(path), Some(value)) = (item.text_at(&["path"]), item.field("value")) else { return };
        let is_scalar = matches!(value.resolved().content, Content::Scalar(_));
        match path {
            "/spec/ref/tag" if is_scalar => self.scalar(value, "tag"),
            "/spec/ref/semver" if is_scalar => self.scalar(value, "semver"),
            "/spec/ref/digest" if is_scalar => self.scalar(value, "digest"),
            "/spec/ref/commit" if is_scalar => self.scalar(value, "commit"),
            "/spec/ref/branch" if is_scalar => self.scalar(value, "branch"),
            "/spec/chart/spec/version" if is_scalar => self.scalar(value, "version"),
            "/spec/ref" => self.fields(value, &[], &["tag", "semver", "digest", "commit", "branch", "name"]),
            "/spec/chart/spec" => self.fields(value, &[], &["version"]),
            "/spec/chart" => self.fields(value, &["spec"], &["version"]),
            _ => {}
        }
    }

    fn fields(&mut self, root: &Node, base: &[&str], keys: &[&'static str]) {
        let Some(parent) = base.iter().try_fold(root, |node, key| node.field(key)) else { return };
        for key in keys {
            let kind = match *key {
                "name" => "branch",
                "newTag" => "tag",
                key => key,
            };
            // A key that is written twice is a written version twice.
            for (_, value) in parent.entries().iter().filter(|(name, _)| name.text() == Some(key)) {
                self.scalar(value, kind);
            }
        }
    }

    fn scalar(&mut self, node: &Node, kind: &'static str) {
        let node = node.resolved();
        if let Some(scalar) = node.scalar().filter(|scalar| !scalar.is_null() && !scalar.text.is_empty()) {
            self.scan.found.push((Spot::of(self.text, self.document, node, scalar), kind));
        }
    }

    /// The images in a release's values.
    fn values(&mut self, node: &Node) {
        let entries = node.entries();
        let given = |key: &str| node.field(key).filter(|value| matches!(value.resolved().content, Content::Scalar(_)));
        if given("repository").is_some() {
            for (key, kind) in [("tag", "tag"), ("digest", "digest")] {
                if let Some(value) = given(key) {
                    self.image_value(value, kind);
                }
            }
        }
        for value in entries.iter().map(|(_, value)| value).chain(node.items()) {
            match &value.content {
                Content::Scalar(scalar) if scalar.form != Form::Literal && scalar.form != Form::Folded => {
                    let spot = Spot::of(self.text, self.document, value, scalar);
                    if let Some(marker) = spot.marker() {
                        let kind = values::kind_of_marker(&marker);
                        if let Some(kind) = kind {
                            self.image_value(value, kind);
                        }
                    }
                }
                Content::Mapping(_) | Content::Sequence(_) => self.values(value),
                _ => {}
            }
        }
    }

    fn image_value(&mut self, node: &Node, kind: &'static str) {
        let node = node.resolved();
        let Some(scalar) = node.scalar().filter(|scalar| !scalar.is_null() && !scalar.text.is_empty()) else { return };
        let spot = Spot::of(self.text, self.document, node, scalar);
        let parts = Parts::of(&scalar.text, kind);
        let known = |found: &[(Spot, &str)], spot: &Spot| found.iter().any(|(other, _)| other.is_same(spot));
        for (part, kind) in parts.spots(&spot) {
            if !known(&self.scan.found, &part) {
                self.scan.found.push((part, kind));
            }
        }
    }

    fn variables_used(&mut self, node: &Node, key: &str) {
        match &node.content {
            Content::Scalar(scalar) if VERSION_KEYS.contains(&key) && scalar.text.contains("${") => {
                for expression in scalar.text.split("${").skip(1) {
                    let length =
                        expression.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
                    if let Some(name) = expression.get(..length).filter(|name| !name.is_empty()) {
                        self.scan.used.insert(name.to_owned());
                    }
                }
            }
            Content::Mapping(entries) => {
                entries.iter().for_each(|(key, value)| self.variables_used(value, key.text().unwrap_or_default()));
            }
            Content::Sequence(items) => items.iter().for_each(|item| self.variables_used(item, key)),
            _ => {}
        }
    }
}
