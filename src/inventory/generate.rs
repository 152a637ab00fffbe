//! ConfigMaps and Secrets that a kustomization generates.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use super::build::{Build, Builder};
use super::resource::Resource;
use super::text::{Spot, Text};
use super::tree::{Leaf, Tree};
use crate::model::{FindingCode, RepoPath};

/// What stands for the hash of the content in a generated object's name.
pub(super) const HASH: &str = "-(hash)";

/// Generates for the kustomization in one directory.
pub(super) struct Generator<'a> {
    pub builder: &'a Builder<'a>,
    pub directory: &'a RepoPath,
}

/// What is generated so far.
#[derive(Default)]
struct Data {
    entries: Vec<(Arc<str>, Tree)>,
    keys: HashSet<Arc<str>>,
    /// A key that came twice, on which kustomize fails.
    repeated: Option<String>,
}

impl Data {
    fn set(&mut self, key: &str, value: Tree) {
        let key: Arc<str> = Arc::from(key);
        if self.keys.insert(Arc::clone(&key)) {
            self.entries.push((key, value));
        } else {
            self.repeated = Some(key.to_string());
        }
    }
}

impl Generator<'_> {
    /// Generates a ConfigMap, or merges into one that a base generated.
    pub fn config_map(&self, item: &Tree, options: Option<&Tree>, build: &mut Build) {
        let mut data = Data::default();
        for literal in item.items(&["literals"]) {
            self.literal(literal, &mut data);
        }
        let envs = item.items(&["envs"]).iter().chain(item.field("env"));
        for file in envs {
            if let Some(text) = self.file(file, build) {
                env_file(&text, &mut data);
            }
        }
        for file in item.items(&["files"]) {
            self.data_file(file, &mut data, build);
        }
        if let Some(key) = data.repeated {
            build.fails(format!("the key `{key}` is generated twice"), item.first_spot().map(Spot::place));
        }
        self.place(item, "ConfigMap", Tree::Map(data.entries), options, build);
    }

    /// Generates a Secret: its name is known, its values are not read.
    pub fn secret(&self, item: &Tree, build: &mut Build) {
        self.place(item, "Secret", Tree::Map(Vec::new()), None, build);
    }

    fn place(&self, item: &Tree, kind: &str, data: Tree, options: Option<&Tree>, build: &mut Build) {
        let Some(name) = item.text(&["name"]) else { return };
        let namespace = item.text(&["namespace"]);
        let behavior = item.text(&["behavior"]).unwrap_or("create");
        if matches!(behavior, "merge" | "replace") {
            let wanted = namespace.unwrap_or("default");
            let same = build.resources.iter_mut().find(|resource| {
                let original = resource.before.first().map_or_else(|| resource.name(), |id| id.name.as_str());
                let at = |namespace: Option<&str>| namespace.unwrap_or("default") == wanted;
                let there = at(resource.namespace()) || resource.before.iter().any(|id| at(id.namespace.as_deref()));
                resource.kind() == kind && there && (original == name || resource.name() == name)
            });
            if let Some(resource) = same {
                let tree = &mut Rc::make_mut(resource).tree;
                let mut merged = match tree.remove("data") {
                    Some(old) if behavior == "merge" => old,
                    _ => Tree::Map(Vec::new()),
                };
                if let Tree::Map(entries) = data {
                    entries.into_iter().for_each(|(key, value)| merged.set(&key, value));
                }
                tree.set("data", merged);
                return;
            }
            if !build.incomplete {
                let message = format!("there is no {kind} `{name}` to {behavior}");
                build.fails(message, item.first_spot().map(Spot::place));
            }
        }
        let disabled = |options: Option<&Tree>| {
            options.and_then(|options| options.text(&["disableNameSuffixHash"])) == Some("true")
        };
        let mut metadata = Tree::Map(Vec::new());
        metadata.set("name", Tree::Leaf(Leaf::made(name)));
        if let Some(namespace) = namespace {
            metadata.set("namespace", Tree::Leaf(Leaf::made(namespace)));
        }
        let mut tree = Tree::Map(Vec::new());
        tree.set("apiVersion", Tree::Leaf(Leaf::made("v1")));
        tree.set("kind", Tree::Leaf(Leaf::made(kind)));
        tree.set("metadata", metadata);
        tree.set("data", data);
        let Some(spot) = item.first_spot() else { return };
        let text = Rc::clone(&spot.text);
        let mut resource = Resource { tree, before: Vec::new(), text, document: spot.document };
        if !disabled(options) && !disabled(item.field("options")) {
            // The hash itself hangs on the content; that the name is another one is what counts.
            let before = resource.id();
            if let Some(metadata) = resource.tree.field_mut("metadata") {
                metadata.set("name", Tree::Leaf(Leaf::made(&format!("{name}{HASH}"))));
            }
            resource.renamed_from(before);
        }
        build.resources.push(Rc::new(resource));
    }

    /// `key=value` in one scalar.
    fn literal(&self, item: &Tree, data: &mut Data) {
        let Tree::Leaf(leaf) = item else { return };
        let Ok(text) = leaf.text.as_deref() else { return };
        let Some((key, value)) = text.split_once('=') else { return };
        let start = key.len() + 1;
        // kustomize takes quotes around the value off.
        let unquoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
        let (start, value) = unquoted.map_or((start, value), |value| (start + 1, value));
        let chain = leaf.chain.last().map(|spot| spot.part(start..start + value.len()));
        data.set(key, leaf_of(value, chain));
    }

    fn file(&self, item: &Tree, build: &mut Build) -> Option<Rc<Text>> {
        let Tree::Leaf(leaf) = item else { return None };
        self.read(leaf.text.as_deref().ok()?, leaf.chain.last(), build)
    }

    fn read(&self, path: &str, spot: Option<&Spot>, build: &mut Build) -> Option<Rc<Text>> {
        match self.directory.join(path) {
            Ok(path) if self.builder.files.is_file(&path) => {
                build.files.insert(path.clone());
                let text = self.builder.files.plain(&path)?;
                build.files.insert(text.path.clone());
                Some(text)
            }
            Ok(path) => {
                let message = format!("`{path}` does not exist");
                self.builder.lack(build, FindingCode::PathMissing, message, spot.map(Spot::place));
                None
            }
            Err(error) => {
                self.builder.lack(build, FindingCode::PathOutside, error.to_string(), spot.map(Spot::place));
                None
            }
        }
    }

    /// A file whose whole content is a value: `[key=]path`.
    fn data_file(&self, item: &Tree, data: &mut Data, build: &mut Build) {
        let Tree::Leaf(leaf) = item else { return };
        let Ok(text) = leaf.text.as_deref() else { return };
        let (key, path) = text.split_once('=').map_or((None, text), |(key, path)| (Some(key), path));
        let Some(content) = self.read(path, leaf.chain.last(), build) else { return };
        let name = path.rsplit('/').next().unwrap_or(path);
        let value = content.as_str();
        // A version that fills a file is edited without the line break behind it.
        let length = value.trim_end_matches(['\n', '\r']).len();
        let spot = Spot::in_plain_text(&content, 0..length);
        data.set(key.unwrap_or(name), leaf_of(value, Some(spot)));
    }
}

/// Reads the lines `KEY=VALUE` of an `.env` file.
fn env_file(text: &Rc<Text>, data: &mut Data) {
    let content = text.as_str();
    let mut at = if content.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    for line in content.get(at..).unwrap_or_default().split_inclusive('\n') {
        let start = at;
        at += line.len();
        let body = line.trim_end_matches(['\n', '\r']);
        let indent = body.len() - body.trim_start().len();
        let Some(body) = body.get(indent..).filter(|body| !body.starts_with('#')) else { continue };
        let Some((key, value)) = body.split_once('=') else { continue };
        let start = start + indent + key.len() + 1;
        let spot = Spot::in_plain_text(text, start..start + value.len());
        data.set(key, leaf_of(value, Some(spot)));
    }
}

fn leaf_of(value: &str, spot: Option<Spot>) -> Tree {
    let chain = spot.into_iter().collect();
    Tree::Leaf(Rc::new(Leaf { text: Ok(Arc::from(value)), null: false, quoted: true, chain }))
}
