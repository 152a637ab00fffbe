//! The steps of one kustomization, in kustomize's order.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use super::build::{Build, Builder, Overlay};
use super::generate;
use super::images;
use super::named::Named;
use super::patch::{Content, Fault, Identity, Patch, text_of};
use super::replace;
use super::resource::Resource;
use super::selector::Selector;
use super::text::{Spot, Text};
use super::tree::{Leaf, Tree};
use crate::model::{FindingCode, RepoPath, Unknown};

/// Kinds that have no namespace; kustomize's namespace leaves them alone.
const CLUSTER_WIDE: [&str; 16] = [
    "APIService",
    "CSIDriver",
    "ClusterIssuer",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "IngressClass",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
    "ValidatingWebhookConfiguration",
    "VolumeSnapshotClass",
];

/// The keys of a kustomization file; kustomize fails on any other.
const KEYS: [&str; 33] = [
    "apiVersion",
    "bases",
    "buildMetadata",
    "commonAnnotations",
    "commonLabels",
    "components",
    "configMapGenerator",
    "configurations",
    "crds",
    "generatorOptions",
    "generators",
    "helmChartInflationGenerator",
    "helmCharts",
    "helmGlobals",
    "imageTags",
    "images",
    "kind",
    "labels",
    "metadata",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "openapi",
    "patches",
    "patchesJson6902",
    "patchesStrategicMerge",
    "replacements",
    "replicas",
    "resources",
    "secretGenerator",
    "sortOptions",
    "transformers",
    "validators",
];

/// The keys of one entry of `patches`.
const PATCH_KEYS: [&str; 4] = ["options", "patch", "path", "target"];

/// The keys of a `target`.
const TARGET_KEYS: [&str; 7] = ["annotationSelector", "group", "kind", "labelSelector", "name", "namespace", "version"];

/// Returns a key that is none of those known.
fn unknown_key(tree: &Tree, known: &[&str]) -> Option<String> {
    let keys = tree.entries(&[]).iter().map(|(key, _)| key);
    keys.filter(|key| !known.iter().any(|known| known.eq_ignore_ascii_case(key))).map(|key| key.to_string()).next()
}

/// Tells whether a key of a kustomization holds what it should: a list, a mapping or a scalar.
fn is_shaped(key: &str, value: &Tree) -> bool {
    match key {
        _ if value.is_null() => true,
        "apiVersion" | "kind" | "namePrefix" | "nameSuffix" | "namespace" => {
            matches!(value, Tree::Leaf(leaf) if leaf.retyped().is_none())
        }
        "commonAnnotations" | "commonLabels" | "generatorOptions" | "helmGlobals" | "metadata" | "openapi"
        | "sortOptions" => matches!(value, Tree::Map(_)),
        _ => matches!(value, Tree::List(_)),
    }
}

/// As what a kustomization file is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Kustomization,
    Component,
}

/// What a kustomization file says.
#[derive(Default)]
pub(super) struct Transforms {
    tree: Option<Tree>,
}

/// One kustomization file and the directory it stands in.
pub(super) struct Pipeline<'a> {
    pub builder: &'a Builder<'a>,
    pub directory: &'a RepoPath,
    pub kustomization: &'a Transforms,
}

impl Transforms {
    /// Reads a kustomization file.
    pub fn of(text: &Rc<Text>) -> Self {
        let tree = text.stream.documents.first().map(|document| Tree::of(&document.root, text, document.index));
        Self { tree: tree.filter(|tree| matches!(tree, Tree::Map(_))) }
    }

    /// Tells why kustomize fails on the file, if it does.
    pub fn flaw(&self, role: Role) -> Option<String> {
        let entries = self.tree.as_ref().map(|tree| tree.entries(&[])).unwrap_or_default();
        let text = |key: &str| self.leaf(key).and_then(|leaf| leaf.text.as_deref().ok());
        let component = text("kind") == Some("Component");
        let api = if component { "kustomize.config.k8s.io/v1alpha1" } else { "kustomize.config.k8s.io/v1beta1" };
        let unknown = entries
            .iter()
            .find(|(key, _)| !KEYS.iter().any(|known| known.eq_ignore_ascii_case(key)) && &**key != "vars");
        if entries.iter().all(|(key, value)| matches!(&**key, "apiVersion" | "kind") || value.is_null()) {
            Some("the kustomization is empty".to_owned())
        } else if text("kind").is_some_and(|kind| !matches!(kind, "Kustomization" | "Component")) {
            Some("`kind` is neither Kustomization nor Component".to_owned())
        } else if text("apiVersion").is_some_and(|version| version != api) {
            Some(format!("`apiVersion` is not `{api}`"))
        } else if component != (role == Role::Component) {
            let (listed, is) = if component { ("resource", "component") } else { ("component", "kustomization") };
            Some(format!("a {is} is listed as a {listed}"))
        } else if let Some((key, _)) = entries.iter().find(|(key, value)| !is_shaped(key, value)) {
            Some(format!("`{key}` holds a value of another kind than kustomize reads there"))
        } else {
            let nested = || {
                let patches = self.items("patches").iter().chain(self.items("patchesJson6902"));
                let patch = |item: &Tree| {
                    let target = item.field("target").and_then(|target| unknown_key(target, &TARGET_KEYS));
                    unknown_key(item, &PATCH_KEYS).or(target)
                };
                patches.filter_map(patch).next()
            };
            let unknown = unknown.map(|(key, _)| key.to_string()).or_else(nested);
            unknown.map(|key| format!("`{key}` is no key that kustomize knows there"))
        }
    }

    fn items(&self, key: &str) -> &[Tree] {
        self.tree.as_ref().map(|tree| tree.items(&[key])).unwrap_or_default()
    }

    fn leaf(&self, key: &str) -> Option<&Rc<Leaf>> {
        self.tree.as_ref()?.leaf(&[key]).filter(|leaf| leaf.text.as_deref() != Ok(""))
    }
}

impl Pipeline<'_> {
    /// Runs every step over what was built so far.
    pub fn run(&self, build: &mut Build, overlay: &Overlay) {
        for key in ["resources", "bases"] {
            for item in self.kustomization.items(key) {
                if let Some((target, spot)) = text_and_spot(item) {
                    self.builder.resource(self.directory, &target, spot.as_ref(), build);
                }
            }
        }
        self.distinct(build);
        self.generators(build);
        for item in self.kustomization.items("components") {
            if let Some((target, spot)) = text_and_spot(item) {
                self.component(&target, spot.as_ref(), build);
            }
        }
        for (target, spot) in &overlay.components {
            self.component(target, spot.as_ref(), build);
        }
        let mut named = Named::default();
        for item in self.kustomization.items("patchesStrategicMerge") {
            let patch = self.merge_patch(item, build);
            self.apply(patch, build, &mut named);
        }
        for item in self.kustomization.items("patches") {
            self.apply(self.patch(item, build), build, &mut named);
        }
        for item in &overlay.patches {
            self.apply(self.patch(item, build), build, &mut named);
        }
        self.names(build, overlay);
        named.forget();
        self.distinct(build);
        for item in self.kustomization.items("patchesJson6902") {
            let patch = self.patch(item, build).map(|patch| Patch { remembers_names: false, ..patch });
            self.apply(self.not_empty(patch, build), build, &mut named);
        }
        let mut entries = images::entries(self.kustomization.items("images"));
        entries.extend(images::entries(self.kustomization.items("imageTags")));
        if let Some(leaf) = entries.iter().find_map(images::Entry::retyped) {
            build.fails("a tag without quotes is read as no string", leaf.chain.last().map(Spot::place));
        }
        images::merge(&mut entries, &overlay.images);
        self.leave_out_unused(&mut entries, build);
        images::apply(&mut build.images, &entries);
        self.replacements(build);
        self.replicas(build);
        for item in self.kustomization.items("transformers") {
            self.transformer(item, build);
        }
        build.resources.retain(|resource| !resource.is_local());
    }

    fn say(&self, code: FindingCode, message: String, spot: Option<&Spot>) {
        self.builder.files.say(code, message, spot.map(Spot::place));
    }

    fn lack(&self, build: &mut Build, code: FindingCode, message: String, spot: Option<&Spot>) {
        self.builder.lack(build, code, message, spot.map(Spot::place));
    }

    fn component(&self, target: &str, spot: Option<&Spot>, build: &mut Build) {
        match self.directory.join(target) {
            Ok(path) if self.builder.kustomization(&path).is_some() => self.builder.component(&path, build),
            Ok(_) if target.contains("://") => {
                build.incomplete = true;
                self.say(FindingCode::RemoteBase, format!("`{target}` is outside the repository"), spot);
            }
            Ok(path) => {
                self.lack(build, FindingCode::PathMissing, format!("component `{path}` does not exist"), spot);
            }
            Err(error) => self.lack(build, FindingCode::PathOutside, error.to_string(), spot),
        }
    }

    fn generators(&self, build: &mut Build) {
        let generator = generate::Generator { builder: self.builder, directory: self.directory };
        let options = self.kustomization.tree.as_ref().and_then(|tree| tree.field("generatorOptions"));
        for item in self.kustomization.items("configMapGenerator") {
            generator.config_map(item, options, build);
        }
        for item in self.kustomization.items("secretGenerator") {
            generator.secret(item, build);
        }
        for key in ["helmCharts", "helmChartInflationGenerator", "generators"] {
            if let Some(item) = self.kustomization.items(key).first() {
                let message = format!("`{key}` is not built by Flux, nor here");
                build.incomplete = true;
                build.fails(message, item.first_spot().map(Spot::place));
            }
        }
    }

    /// Reads one entry of `patches` or `patchesJson6902`.
    fn patch(&self, item: &Tree, build: &mut Build) -> Option<Patch> {
        let target = item.field("target").filter(|target| matches!(target, Tree::Map(_))).map(Selector::of);
        let spot = item.first_spot().cloned();
        if target.as_ref().is_some_and(Selector::is_broken) {
            build.fails("the target can't be read", spot.as_ref().map(Spot::place));
        }
        let content = match (item.leaf(&["patch"]), item.text(&["path"])) {
            (Some(_), Some(_)) => {
                build.fails("`patch` and `path` can't stand together", spot.as_ref().map(Spot::place));
                None
            }
            // What is left out is the same as an empty text.
            (Some(leaf), None) if leaf.text.as_deref() != Ok("") => {
                text_of(leaf).and_then(|text| self.content(&text, build))
            }
            (None, Some(path)) => self.patch_file(path, spot.as_ref(), build),
            _ => None,
        };
        self.expect_patch(content.as_ref(), spot.as_ref(), build);
        Some(Patch { content: content?, target, spot, remembers_names: true, may_change: Identity::of(item) })
    }

    /// Reads one entry of `patchesStrategicMerge`: a file, or the patch itself.
    fn merge_patch(&self, item: &Tree, build: &mut Build) -> Option<Patch> {
        let Tree::Leaf(leaf) = item else { return None };
        let text = leaf.text.as_deref().ok()?;
        let spot = leaf.chain.last().cloned();
        let is_file =
            !text.contains('\n') && self.directory.join(text).is_ok_and(|path| self.builder.files.is_file(&path));
        let content = if is_file || !text.contains(':') {
            self.patch_file(text, spot.as_ref(), build)
        } else {
            text_of(leaf).and_then(|text| self.content(&text, build))
        };
        self.expect_patch(content.as_ref(), spot.as_ref(), build);
        let may_change = Identity::default();
        self.not_empty(Some(Patch { content: content?, target: None, spot, remembers_names: true, may_change }), build)
    }

    /// Leaves out a patch of the older lists that does nothing: kustomize fails on it, as it doesn't in `patches`.
    fn not_empty(&self, patch: Option<Patch>, build: &mut Build) -> Option<Patch> {
        let patch = patch?;
        if matches!(patch.content, Content::Nothing) {
            build.fails("the patch is empty", patch.spot.as_ref().map(Spot::place));
            return None;
        }
        Some(patch)
    }

    /// Notes that kustomize fails where a patch should be; not if it could not be read.
    fn expect_patch(&self, content: Option<&Content>, spot: Option<&Spot>, build: &mut Build) {
        if content.is_none() && !build.incomplete {
            build.fails("this is no patch", spot.map(Spot::place));
        }
    }

    fn patch_file(&self, path: &str, spot: Option<&Spot>, build: &mut Build) -> Option<Content> {
        match self.directory.join(path) {
            Ok(path) if self.builder.files.is_file(&path) => {
                let text = self.builder.read(&path, build)?;
                self.content(&text, build)
            }
            Ok(path) => {
                self.lack(build, FindingCode::PathMissing, format!("patch `{path}` does not exist"), spot);
                None
            }
            Err(error) => {
                self.lack(build, FindingCode::PathOutside, error.to_string(), spot);
                None
            }
        }
    }

    fn content(&self, text: &Rc<Text>, build: &mut Build) -> Option<Content> {
        build.incomplete |= !text.stream.problems.is_empty();
        // The problems of a file were noted when it was read.
        for problem in text.stream.problems.iter().filter(|_| text.is_inside()) {
            self.builder.files.say(problem.finding(), problem.to_string(), Some(text.place(problem.position())));
        }
        // Of a text that can't be read nobody knows that it is empty.
        let is_read = text.stream.problems.is_empty();
        Content::of(text).filter(|content| is_read || !matches!(content, Content::Nothing))
    }

    fn apply(&self, patch: Option<Patch>, build: &mut Build, named: &mut Named) {
        let Some(patch) = patch else { return };
        images::in_patch(&patch.content, &mut build.image_names);
        let outcome = patch.apply(&mut build.resources, named);
        self.note(&patch, outcome, build);
    }

    fn note(&self, patch: &Patch, outcome: Result<(), Fault>, build: &mut Build) {
        let Err(fault) = outcome else { return };
        // What it is for may be in what could not be read.
        if fault != Fault::Unmatched || !build.incomplete {
            build.fails(fault.message(), patch.spot.as_ref().map(Spot::place));
        }
    }

    /// Leaves out the `images` that no container has, where all that is built is known: they decide nothing.
    fn leave_out_unused(&self, entries: &mut Vec<images::Entry>, build: &mut Build) {
        let elsewhere = |key: &&str| !self.kustomization.items(key).is_empty();
        // What `configurations` name may be an image too.
        if entries.is_empty() || build.incomplete || ["configurations", "crds"].iter().any(elsewhere) {
            return;
        }
        let mut names = build.image_names.clone();
        names.extend(build.images.iter().map(|image| image.name.clone()));
        for resource in &build.resources {
            if let Some(document) = resource.text.document(resource.document) {
                images::in_object(&document.root, &mut names);
            }
        }
        entries.retain(|entry| {
            let unused = !entry.is_used(&mut names);
            if let Some(spot) = entry.spot().filter(|_| unused) {
                let message = format!("no container has the image `{}`: the entry decides nothing", entry.name());
                self.builder.files.say(FindingCode::UnusedImage, message, Some(spot.place()));
            }
            !unused
        });
        build.image_names.extend(entries.iter().filter_map(images::Entry::new_name));
    }

    /// Notes that two objects have one identity.
    fn distinct(&self, build: &mut Build) {
        let mut seen = HashSet::with_capacity(build.resources.len());
        let twice = build.resources.iter().find(|resource| !seen.insert(resource.identity()));
        if let Some(resource) = twice {
            let message = format!("{} `{}` is there twice", resource.kind(), resource.name());
            let place = resource.place();
            build.fails(message, Some(place));
        }
    }

    /// Namespace, prefix, suffix, labels and annotations.
    fn names(&self, build: &mut Build, overlay: &Overlay) {
        let namespace = overlay.namespace.as_ref().or(self.kustomization.leaf("namespace"));
        let prefix = overlay.prefix.as_ref().or(self.kustomization.leaf("namePrefix"));
        let suffix = overlay.suffix.as_ref().or(self.kustomization.leaf("nameSuffix"));
        if let Some(namespace) = namespace {
            set_namespace(build, namespace, false);
        }
        if prefix.is_some() || suffix.is_some() {
            let text = |leaf: Option<&Rc<Leaf>>| {
                leaf.and_then(|leaf| leaf.text.as_deref().ok()).unwrap_or_default().to_owned()
            };
            rename(build, &text(prefix), &text(suffix));
        }
        let own = self.kustomization.tree.as_ref();
        let mut labels: Vec<(Arc<str>, Tree)> =
            own.map(|tree| tree.entries(&["commonLabels"]).to_vec()).unwrap_or_default();
        for item in self.kustomization.items("labels") {
            labels.extend(item.entries(&["pairs"]).to_vec());
        }
        labels.extend(overlay.labels.iter().cloned());
        let annotations = own.map(|tree| tree.entries(&["commonAnnotations"]).to_vec()).unwrap_or_default();
        annotate(build, "labels", &labels);
        annotate(build, "annotations", &annotations);
    }

    fn replacements(&self, build: &mut Build) {
        for item in self.kustomization.items("replacements") {
            if let Some(path) = item.text(&["path"]) {
                let file = self.directory.join(path).ok().filter(|path| self.builder.files.is_file(path));
                let Some(file) = file else {
                    let message = format!("replacement `{path}` does not exist");
                    self.lack(build, FindingCode::PathMissing, message, item.first_spot());
                    continue;
                };
                let Some(text) = self.builder.read(&file, build) else { continue };
                for document in &text.stream.documents {
                    match Tree::of(&document.root, &text, document.index) {
                        Tree::List(items) => items.iter().for_each(|item| self.replacement(item, build)),
                        tree => self.replacement(&tree, build),
                    }
                }
            } else {
                self.replacement(item, build);
            }
        }
    }

    /// Notes that `replicas` names an object that isn't there.
    fn replicas(&self, build: &mut Build) {
        const KINDS: [&str; 4] = ["Deployment", "ReplicaSet", "ReplicationController", "StatefulSet"];
        for item in self.kustomization.items("replicas") {
            let name = item.text(&["name"]).unwrap_or_default();
            let is_it = |resource: &Rc<Resource>| {
                KINDS.contains(&resource.kind())
                    && (resource.name() == name || resource.before.iter().any(|before| before.name == name))
            };
            if !build.incomplete && !build.resources.iter().any(is_it) {
                let message = format!("`replicas` names `{name}`, which is not there");
                build.fails(message, item.first_spot().map(Spot::place));
            }
        }
    }

    fn replacement(&self, item: &Tree, build: &mut Build) {
        if let Err(message) = replace::apply(item, &mut build.resources)
            && !build.incomplete
        {
            build.fails(message, item.first_spot().map(Spot::place));
        }
    }

    /// Applies a transformer of kustomize's own; any other makes what it could change unknown.
    fn transformer(&self, item: &Tree, build: &mut Build) {
        let Tree::Leaf(leaf) = item else { return };
        let Ok(text) = leaf.text.as_deref() else { return };
        let path = self.directory.join(text).ok();
        let content = match path {
            Some(path) if !text.contains('\n') && self.builder.files.is_file(&path) => self.builder.read(&path, build),
            _ if text.contains('\n') => text_of(leaf),
            _ => None,
        };
        let Some(content) = content else {
            let message = format!("transformer `{text}` can't be evaluated here");
            self.unsupported(message, leaf.chain.last(), build);
            return;
        };
        for document in &content.stream.documents {
            let tree = Tree::of(&document.root, &content, document.index);
            self.builtin(&tree, build);
        }
    }

    fn builtin(&self, tree: &Tree, build: &mut Build) {
        match tree.text(&["kind"]).unwrap_or_default() {
            "LabelTransformer" => annotate(build, "labels", tree.entries(&["labels"])),
            "AnnotationsTransformer" => annotate(build, "annotations", tree.entries(&["annotations"])),
            "NamespaceTransformer" => {
                if let Some(namespace) = tree.leaf(&["metadata", "namespace"]) {
                    set_namespace(build, &Rc::clone(namespace), tree.text(&["unsetOnly"]) == Some("true"));
                }
            }
            "PrefixTransformer" | "PrefixSuffixTransformer" | "SuffixTransformer" => {
                let text = |key: &str| tree.text(&[key]).unwrap_or_default().to_owned();
                rename(build, &text("prefix"), &text("suffix"));
            }
            "PatchTransformer" | "PatchJson6902Transformer" | "PatchStrategicMergeTransformer" => {
                self.apply(self.patch(tree, build), build, &mut Named::default());
            }
            "ReplicaCountTransformer" | "HashTransformer" => {}
            "ImageTagTransformer" => {
                let entries = images::entries(&[tree.field("imageTag").cloned().unwrap_or(Tree::List(Vec::new()))]);
                images::apply(&mut build.images, &entries);
            }
            kind => {
                let message = format!("transformer `{kind}` can't be evaluated here");
                self.unsupported(message, tree.first_spot(), build);
            }
        }
    }

    fn unsupported(&self, message: String, spot: Option<&Spot>, build: &mut Build) {
        let unknown = Unknown { code: FindingCode::UnsupportedTransformer, message, place: spot.map(Spot::place) };
        self.builder.files.say(unknown.code, unknown.message.clone(), unknown.place.clone());
        let unknown = Rc::new(unknown);
        for resource in &mut build.resources {
            if let Some(spec) = Rc::make_mut(resource).tree.field_mut("spec") {
                make_unknown(spec, &unknown);
            }
        }
    }
}

fn make_unknown(tree: &mut Tree, unknown: &Rc<Unknown>) {
    match tree {
        Tree::Leaf(leaf) => Rc::make_mut(leaf).text = Err(Rc::clone(unknown)),
        Tree::Map(entries) => entries.iter_mut().for_each(|(_, value)| make_unknown(value, unknown)),
        Tree::List(items) => items.iter_mut().for_each(|item| make_unknown(item, unknown)),
    }
}

fn text_and_spot(item: &Tree) -> Option<(String, Option<Spot>)> {
    match item {
        Tree::Leaf(leaf) => Some((leaf.text.as_deref().ok()?.to_owned(), leaf.chain.last().cloned())),
        _ => None,
    }
}

fn set_namespace(build: &mut Build, namespace: &Rc<Leaf>, unset_only: bool) {
    change(build, |resource| {
        // kustomize takes the namespace for the name of a Namespace.
        let named = resource.kind() == "Namespace";
        if CLUSTER_WIDE.contains(&resource.kind()) && !named || unset_only && resource.namespace().is_some() {
            return;
        }
        let mut metadata = resource.tree.field("metadata").cloned().unwrap_or(Tree::Map(Vec::new()));
        metadata.set(if named { "name" } else { "namespace" }, Tree::Leaf(Rc::clone(namespace)));
        resource.tree.set("metadata", metadata);
    });
}

fn rename(build: &mut Build, prefix: &str, suffix: &str) {
    change(build, |resource| {
        if matches!(resource.kind(), "CustomResourceDefinition" | "Namespace" | "APIService") {
            return;
        }
        let name = format!("{prefix}{}{suffix}", resource.name());
        if let Some(metadata) = resource.tree.field_mut("metadata") {
            metadata.set("name", Tree::Leaf(Leaf::made(&name)));
        }
    });
}

fn annotate(build: &mut Build, field: &str, pairs: &[(Arc<str>, Tree)]) {
    if pairs.is_empty() {
        return;
    }
    for resource in &mut build.resources {
        let tree = &mut Rc::make_mut(resource).tree;
        let mut metadata = tree.field("metadata").cloned().unwrap_or(Tree::Map(Vec::new()));
        let mut values = metadata.field(field).cloned().unwrap_or(Tree::Map(Vec::new()));
        for (key, value) in pairs {
            values.set(key, value.clone());
        }
        metadata.set(field, values);
        tree.set("metadata", metadata);
    }
}

/// Changes every object, and remembers the names that it had.
fn change(build: &mut Build, each: impl Fn(&mut Resource)) {
    for resource in &mut build.resources {
        let resource = Rc::make_mut(resource);
        let before = resource.id();
        each(resource);
        resource.renamed_from(before);
    }
}
