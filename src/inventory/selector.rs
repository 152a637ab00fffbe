//! Which objects a patch or a replacement is for.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::rc::Rc;

use super::generate::HASH;
use super::named::Named;
use super::resource::{Resource, ResourceId};
use super::tree::Tree;
use crate::constraint::Filter;

/// The fields of a target, each an anchored regular expression; none admits all.
pub(super) struct Selector {
    group: Pattern,
    version: Pattern,
    kind: Pattern,
    name: Pattern,
    namespace: Pattern,
    labels: Option<String>,
    annotations: Option<String>,
}

enum Pattern {
    Any,
    Text(String),
    Regex(Box<Filter>),
    /// Not an expression: admits nothing, as kustomize fails on it.
    Broken,
}

impl Pattern {
    fn of(tree: &Tree, key: &str) -> Self {
        let Some(text) = tree.text(&[key]).filter(|text| !text.is_empty()) else { return Self::Any };
        if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Self::Text(text.to_owned());
        }
        format!("^(?:{text})$").parse::<Filter>().map_or(Self::Broken, |regex| Self::Regex(Box::new(regex)))
    }

    fn admits(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Text(wanted) => wanted == text,
            Self::Regex(regex) => regex.matches(text),
            Self::Broken => false,
        }
    }
}

impl Selector {
    /// Reads a target.
    pub fn of(tree: &Tree) -> Self {
        let text = |key: &str| tree.text(&[key]).filter(|text| !text.is_empty()).map(str::to_owned);
        Self {
            group: Pattern::of(tree, "group"),
            version: Pattern::of(tree, "version"),
            kind: Pattern::of(tree, "kind"),
            name: Pattern::of(tree, "name"),
            namespace: Pattern::of(tree, "namespace"),
            labels: text("labelSelector"),
            annotations: text("annotationSelector"),
        }
    }

    /// Tells whether kustomize can't read it.
    pub fn is_broken(&self) -> bool {
        let patterns = [&self.group, &self.version, &self.kind, &self.name, &self.namespace];
        let labels = [&self.labels, &self.annotations].into_iter().flatten();
        patterns.into_iter().any(|pattern| matches!(pattern, Pattern::Broken))
            || labels.into_iter().any(|selector| !is_selector(selector))
    }

    /// Returns where the objects stand that it may select, in order.
    pub fn candidates(&self, resources: &[Rc<Resource>], named: &mut Named) -> Vec<usize> {
        match &self.name {
            Pattern::Text(name) => named.called(name, resources),
            Pattern::Any | Pattern::Regex(_) => (0..resources.len()).collect(),
            Pattern::Broken => Vec::new(),
        }
    }

    /// Tells whether it selects an object, by its present names or any that it had before.
    pub fn admits(&self, resource: &Resource) -> bool {
        if !self.kind.admits(resource.kind()) {
            return false;
        }
        let now = resource.id();
        let ids = || resource.before.iter().chain([&now]);
        self.group.admits(&now.group)
            && self.version.admits(&now.version)
            && ids().any(|id| self.name.admits(&id.name) || self.name.admits(&unhashed(&id.name)))
            && ids().any(|id| self.namespace.admits(effective_namespace(id)))
            && self.labels.as_ref().is_none_or(|selector| admits_labels(selector, resource, "labels"))
            && self.annotations.as_ref().is_none_or(|selector| admits_labels(selector, resource, "annotations"))
    }
}

/// The hash comes into a generated object's name at the very end: until then it is found by the name without.
pub(super) fn unhashed(name: &str) -> Cow<'_, str> {
    if name.contains(HASH) { name.replacen(HASH, "", 1).into() } else { name.into() }
}

/// An object without namespace is in `default` for kustomize.
fn effective_namespace(id: &ResourceId) -> &str {
    id.namespace.as_deref().unwrap_or("default")
}

/// Tells whether two objects are one for a patch without a target.
pub(super) fn is_same(one: &ResourceId, two: &ResourceId) -> bool {
    one.group == two.group
        && one.version == two.version
        && one.kind == two.kind
        && one.name == two.name
        && effective_namespace(one) == effective_namespace(two)
}

/// Tells whether a text is a selector: every requirement begins with a key.
fn is_selector(selector: &str) -> bool {
    let key = |text: &str| text.trim_start().trim_start_matches('!').trim_start().starts_with(char::is_alphanumeric);
    let open = selector.matches('(').count() == selector.matches(')').count();
    open && (selector.trim().is_empty() || selector.split(',').all(key))
}

/// Kubernetes' selectors: `a=b`, `a!=b`, `a in (b, c)`, `a notin (b)`, `a`, `!a`, joined by commas.
fn admits_labels(selector: &str, resource: &Resource, field: &str) -> bool {
    let value = |key: &str| resource.tree.text(&["metadata", field, key.trim()]);
    let mut requirements = Vec::new();
    let mut depth = 0;
    let mut start = 0;
    for (at, char) in selector.char_indices() {
        match char {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                requirements.push(selector.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    requirements.push(selector.get(start..).unwrap_or_default());
    requirements.into_iter().map(str::trim).filter(|requirement| !requirement.is_empty()).all(|requirement| {
        let set = |list: &str, key: &str| {
            let list = list.trim().trim_start_matches('(').trim_end_matches(')');
            value(key).is_some_and(|value| list.split(',').any(|item| item.trim() == value))
        };
        let number = |text: &str| text.trim().parse::<i64>().ok();
        let ordered = |key: &str, other: &str| Some(value(key).and_then(number)?.cmp(&number(other)?));
        // `tier in(a)` and `tier in (a)` are one.
        let (head, list) = requirement.split_once('(').unwrap_or((requirement, ""));
        if let Some(key) = head.trim_end().strip_suffix(" notin") {
            !set(list, key)
        } else if let Some(key) = head.trim_end().strip_suffix(" in") {
            set(list, key)
        } else if let Some((key, other)) = requirement.split_once('>') {
            ordered(key, other) == Some(Ordering::Greater)
        } else if let Some((key, other)) = requirement.split_once('<') {
            ordered(key, other) == Some(Ordering::Less)
        } else if let Some((key, wanted)) = requirement.split_once("!=") {
            value(key) != Some(wanted.trim())
        } else if let Some((key, wanted)) = requirement.split_once("==").or_else(|| requirement.split_once('=')) {
            value(key) == Some(wanted.trim())
        } else if let Some(key) = requirement.strip_prefix('!') {
            value(key).is_none()
        } else {
            value(requirement).is_some()
        }
    })
}
