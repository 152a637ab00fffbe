//! Flux's `postBuild`: variables in the objects that a Kustomization applies.

use std::cell::Cell;
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use super::resource::Resource;
use super::text::Spot;
use super::tree::{Leaf, Tree};
use crate::model::{FindingCode, Unknown};
use crate::yaml::Stream;

/// What may follow a variable's name; Flux fails on anything else.
const OPERATORS: [char; 7] = [':', '=', ',', '^', '/', '#', '%'];

/// The label and annotation that switches substitution off for an object.
const SWITCH: &str = "kustomize.toolkit.fluxcd.io/substitute";

/// The most bytes that the variables of one Kustomization are written out to.
const MAX_WRITTEN: usize = 16 * 1024 * 1024;

/// The variables of one Kustomization.
#[derive(Default)]
pub(super) struct Variables {
    values: HashMap<String, Rc<Leaf>>,
    /// What else may define variables, but can't be read: a Secret, a missing ConfigMap.
    unknown: Option<Rc<Unknown>>,
    /// Whether variables are substituted even if there are none.
    always: bool,
    /// How many bytes were written for variables so far.
    written: Cell<usize>,
}

/// A part of the text after substitution.
struct Piece {
    text: String,
    /// Where it came from: none for what stood there itself.
    from: Option<From>,
}

enum From {
    Variable(Rc<Leaf>),
    Default(Range<usize>),
}

impl Variables {
    /// Defines a variable; a later definition replaces an earlier one.
    pub fn define(&mut self, name: &str, value: Rc<Leaf>) {
        self.values.insert(name.to_owned(), value);
    }

    /// Notes that variables may be defined where they can't be read.
    pub fn may_hold_more(&mut self, unknown: Unknown) {
        self.unknown.get_or_insert_with(|| Rc::new(unknown));
    }

    /// Substitutes although no variable is defined.
    pub fn always(&mut self) {
        self.always = true;
    }

    /// Tells whether Flux substitutes at all.
    pub fn are_substituted(&self) -> bool {
        self.always || !self.values.is_empty() || self.unknown.is_some()
    }

    /// Returns the object after substitution.
    pub fn resource(&self, resource: &Rc<Resource>) -> Rc<Resource> {
        let switched = |field: &str| resource.tree.text(&["metadata", field, SWITCH]) == Some("disabled");
        if !self.are_substituted() || switched("labels") || switched("annotations") {
            return Rc::clone(resource);
        }
        match self.tree(&resource.tree) {
            None => Rc::clone(resource),
            Some(tree) => Rc::new(Resource { tree, ..(**resource).clone() }),
        }
    }

    /// Returns the leaf after substitution; none if nothing changes.
    pub fn leaf(&self, leaf: &Rc<Leaf>) -> Option<Rc<Leaf>> {
        if !self.are_substituted() {
            return None;
        }
        let text = leaf.text.as_ref().ok().filter(|text| text.contains('$'))?;
        match self.pieces(text, 0) {
            Ok(pieces) => {
                let whole: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
                let mut chain = leaf.chain.clone();
                // Only a text that is read as it is written has parts that can be pointed at.
                let written = leaf.chain.last().filter(|spot| spot.scalar_text() == Some(text) && spot.part.is_none());
                match pieces.iter().rev().find_map(|piece| piece.from.as_ref()) {
                    Some(From::Variable(variable)) => {
                        if let Err(unknown) = &variable.text {
                            return Some(Rc::new(Leaf { text: Err(Rc::clone(unknown)), chain, ..(**leaf).clone() }));
                        }
                        chain.extend(variable.chain.iter().cloned());
                    }
                    Some(From::Default(range)) => chain.extend(written.map(|spot: &Spot| spot.part(range.clone()))),
                    None => {}
                }
                Some(Rc::new(reread(&whole, keeps_quotes(text), chain)))
            }
            Err(mut unknown) => {
                if unknown.place.is_none() {
                    unknown.place = leaf.chain.last().map(Spot::place);
                }
                Some(Rc::new(Leaf { text: Err(Rc::new(unknown)), ..(**leaf).clone() }))
            }
        }
    }

    fn tree(&self, tree: &Tree) -> Option<Tree> {
        match tree {
            Tree::Leaf(leaf) => self.leaf(leaf).map(Tree::Leaf),
            Tree::Map(entries) => {
                let new: Vec<Option<Tree>> = entries.iter().map(|(_, value)| self.tree(value)).collect();
                new.iter().any(Option::is_some).then(|| {
                    let pairs = entries.iter().zip(new);
                    let entry = |((key, old), new): (&(Arc<str>, Tree), Option<Tree>)| {
                        (Arc::clone(key), new.unwrap_or_else(|| old.clone()))
                    };
                    Tree::Map(pairs.map(entry).collect())
                })
            }
            Tree::List(items) => {
                let new: Vec<Option<Tree>> = items.iter().map(|item| self.tree(item)).collect();
                new.iter().any(Option::is_some).then(|| {
                    Tree::List(items.iter().zip(new).map(|(old, new)| new.unwrap_or_else(|| old.clone())).collect())
                })
            }
        }
    }

    /// Returns why Flux fails on the variables: one has a name that it doesn't take.
    pub fn fault(&self) -> Option<Unknown> {
        let is_name = |name: &str| {
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                && name.starts_with(|char: char| char == '_' || char.is_ascii_alphabetic())
        };
        let (name, leaf) = self.values.iter().filter(|(name, _)| !is_name(name)).min_by_key(|(name, _)| *name)?;
        let message =
            format!("`{name}` is no name of a variable: Flux fails on it, and applies nothing of its Kustomization");
        Some(Unknown { code: FindingCode::BuildFails, message, place: leaf.chain.last().map(Spot::place) })
    }

    /// Splits a text into what stays and what is substituted. `base` is where it begins in the scalar's text.
    fn pieces(&self, text: &str, base: usize) -> Result<Vec<Piece>, Unknown> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        let mut at = base;
        while let Some(dollar) = rest.find('$') {
            plain.push_str(rest.get(..dollar).unwrap_or_default());
            let behind = rest.get(dollar + 1..).unwrap_or_default();
            if let Some(escaped) = behind.strip_prefix('$') {
                plain.push('$');
                at += dollar + 2;
                rest = escaped;
                // `$${V}` is the text `${V}`.
                if let Some(inner) = rest.strip_prefix('{') {
                    plain.push('{');
                    at += 1;
                    rest = inner;
                }
            } else if let Some(expression) = behind.strip_prefix('{') {
                let length = closing(expression).ok_or_else(|| rejected(&format!("${{{expression}")))?;
                pieces.push(Piece { text: std::mem::take(&mut plain), from: None });
                let inner = expression.get(..length).unwrap_or_default();
                pieces.extend(self.expression(inner, at + dollar + 2)?);
                at += dollar + 2 + length + 1;
                rest = expression.get(length + 1..).unwrap_or_default();
            } else {
                plain.push('$');
                at += dollar + 1;
                rest = behind;
            }
        }
        plain.push_str(rest);
        pieces.push(Piece { text: plain, from: None });
        Ok(pieces)
    }

    fn expression(&self, expression: &str, base: usize) -> Result<Vec<Piece>, Unknown> {
        let (length_of, named) = expression.strip_prefix('#').map_or((false, expression), |named| (true, named));
        let name_length = named.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let (name, operator) = named.split_at_checked(name_length).unwrap_or_default();
        if name.is_empty() || !operator.is_empty() && (length_of || !operator.starts_with(OPERATORS)) {
            return Err(rejected(&format!("${{{expression}}}")));
        }
        // In Flux's library all of these mean: the value, or what follows if it is empty or unset.
        let default = [":-", ":=", ":?", ":+", "="].iter().find_map(|mark| operator.strip_prefix(mark));
        let applied = |text: &str| match (length_of, default) {
            (true, _) => Ok(text.len().to_string()),
            (_, Some(_)) => Ok(text.to_owned()),
            _ => operated(text, operator).ok_or_else(|| exotic(&format!("${{{expression}}}"))),
        };
        if let Some(variable) = self.values.get(name) {
            match &variable.text {
                Err(unknown) => return Err((**unknown).clone()),
                Ok(text) if !text.is_empty() => {
                    let text = applied(&text.replace('\n', ""))?;
                    self.written.set(self.written.get() + text.len());
                    if self.written.get() > MAX_WRITTEN {
                        return Err(exotic(&format!("${{{expression}}}")));
                    }
                    return Ok(vec![Piece { text, from: Some(From::Variable(Rc::clone(variable))) }]);
                }
                Ok(_) => {}
            }
        } else if let Some(unknown) = &self.unknown {
            let message = format!("`${{{name}}}`: {}", unknown.message);
            return Err(Unknown { code: unknown.code, message, place: unknown.place.clone() });
        }
        let Some(default) = default else {
            let message = format!("`${{{name}}}` has no value in this repository");
            return Err(Unknown { code: FindingCode::UnresolvedVariable, message, place: None });
        };
        let start = base + expression.len() - default.len();
        if default.contains('$') {
            return self.pieces(default, start);
        }
        let from = Some(From::Default(start..start + default.len()));
        Ok(vec![Piece { text: default.to_owned(), from }])
    }
}

/// Returns how far the expression goes, up to its own closing brace.
fn closing(expression: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (at, byte) in expression.bytes().enumerate() {
        match byte {
            b'{' if at > 0 && expression.as_bytes().get(at - 1) == Some(&b'$') => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Carries out what stands behind a variable's name, as Flux's library does; none for patterns.
fn operated(value: &str, operator: &str) -> Option<String> {
    let literal = |pattern: &str| !pattern.contains(['*', '?', '[', '\\', '$']);
    let replaced = |rest: &str, replace: &dyn Fn(&str, &str) -> String| {
        let (pattern, new) = rest.split_once('/').unwrap_or((rest, ""));
        literal(rest).then(|| replace(pattern, new))
    };
    let first = |change: fn(char) -> String| {
        let mut chars = value.chars();
        chars.next().map(change).unwrap_or_default() + chars.as_str()
    };
    match operator {
        "" => Some(value.to_owned()),
        "^^" => Some(value.to_uppercase()),
        ",," => Some(value.to_lowercase()),
        "^" => Some(first(|char| char.to_uppercase().to_string())),
        "," => Some(first(|char| char.to_lowercase().to_string())),
        _ => {
            let cut = |prefixes: [&str; 2], cut: &dyn Fn(&str) -> Option<String>| {
                let pattern = prefixes.iter().find_map(|prefix| operator.strip_prefix(prefix))?;
                literal(pattern).then(|| cut(pattern).unwrap_or_else(|| value.to_owned()))
            };
            if let Some(rest) = operator.strip_prefix("//") {
                replaced(rest, &|pattern, new| value.replace(pattern, new))
            } else if let Some(rest) = operator.strip_prefix("/#") {
                replaced(rest, &|pattern, new| {
                    value.strip_prefix(pattern).map_or_else(|| value.to_owned(), |rest| format!("{new}{rest}"))
                })
            } else if let Some(rest) = operator.strip_prefix("/%") {
                replaced(rest, &|pattern, new| {
                    value.strip_suffix(pattern).map_or_else(|| value.to_owned(), |rest| format!("{rest}{new}"))
                })
            } else if let Some(rest) = operator.strip_prefix('/') {
                replaced(rest, &|pattern, new| value.replacen(pattern, new, 1))
            } else if operator.starts_with('#') {
                cut(["##", "#"], &|pattern| value.strip_prefix(pattern).map(str::to_owned))
            } else if operator.starts_with('%') {
                cut(["%%", "%"], &|pattern| value.strip_suffix(pattern).map(str::to_owned))
            } else {
                part(value, operator.strip_prefix(':')?)
            }
        }
    }
}

/// `pos` or `pos:length`; a negative position counts from the end.
fn part(value: &str, range: &str) -> Option<String> {
    let (position, length) = range.split_once(':').map_or((range, None), |(from, length)| (from, Some(length)));
    let position: i64 = position.trim().parse().ok()?;
    let start = match usize::try_from(position) {
        Ok(start) => start,
        Err(_) => match value.len().checked_sub(usize::try_from(-position).ok()?) {
            Some(start) => start,
            None => return Some(value.to_owned()),
        },
    };
    let end = match length {
        Some(length) => start.checked_add(length.trim().parse().ok()?)?.min(value.len()),
        None => value.len(),
    };
    Some(value.get(start.min(end)..end)?.to_owned())
}

/// Tells whether a text still stands in quotes, or in a block, in what kustomize hands to substitution.
fn keeps_quotes(text: &str) -> bool {
    text.contains('\n')
        || text.contains(": ")
        || text.contains(" #")
        || text.ends_with(':')
        || text.trim() != text
        || text.starts_with(['"', '\'', '&', '*', '!', '%', '@', '`', '|', '>', '{', '[', ',', '#', '?'])
        || text.starts_with("- ")
}

/// Reads a text again after substitution: quotes that a variable brings are quotes, what looks like a number is one.
fn reread(whole: &str, quoted: bool, chain: Vec<Spot>) -> Leaf {
    let plain = |text: Arc<str>, quoted: bool| Leaf { null: !quoted && text.is_empty(), text: Ok(text), quoted, chain };
    if !quoted && whole.starts_with(['"', '\'']) {
        let stream = Stream::parse_text(whole);
        if let Some(scalar) = stream.documents.first().and_then(|document| document.root.scalar()) {
            return plain(Arc::clone(&scalar.text), true);
        }
    }
    plain(Arc::from(whole), quoted)
}

/// What fails the whole Kustomization.
fn rejected(expression: &str) -> Unknown {
    let short: String = expression.chars().take(60).collect();
    let message = format!("`{short}` is no substitution: Flux fails on it, and applies nothing of its Kustomization");
    Unknown { code: FindingCode::BuildFails, message, place: None }
}

fn exotic(expression: &str) -> Unknown {
    let short: String = expression.chars().take(60).collect();
    let message = format!("`{short}` is a substitution that is not evaluated here");
    Unknown { code: FindingCode::UnsupportedTemplate, message, place: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn substituted(text: &str) -> String {
        let mut variables = Variables::default();
        variables.define("V", Leaf::made("1.2.3"));
        variables.define("WORD", Leaf::made("aBc"));
        variables.define("QUOTED", Leaf::made("\"1.10\""));
        variables.define("EMPTY", Leaf::made(""));
        variables.define("LINES", Leaf::made("a\nb"));
        match variables.leaf(&Leaf::made(text)).map(|leaf| leaf.text.clone()) {
            None => "unchanged".to_owned(),
            Some(Ok(text)) => text.to_string(),
            Some(Err(unknown)) => unknown.code.as_str().to_owned(),
        }
    }

    #[test]
    fn variables_are_substituted_as_flux_does() {
        for (text, expected) in [
            ("plain", "unchanged"),
            ("${V}", "1.2.3"),
            ("v${V}-x", "v1.2.3-x"),
            ("${V:-9}", "1.2.3"),
            ("${W:-9}", "9"),
            ("${W:=9}", "9"),
            ("${W=9}", "9"),
            ("${EMPTY:-9}", "9"),
            ("${W:-${V}}", "1.2.3"),
            ("${W:-a${X:-b}c}", "abc"),
            ("${LINES}", "ab"),
            ("$V $ ${V}", "$V $ 1.2.3"),
            ("$$V", "$V"),
            ("$${V}", "${V}"),
            ("${W}", "unresolved-variable"),
            ("${EMPTY}", "unresolved-variable"),
            ("${V/1/2}", "2.2.3"),
            ("${V//./-}", "1-2-3"),
            ("${V/#1./v}", "v2.3"),
            ("${V/%.3/.4}", "1.2.4"),
            ("${V#1.}", "2.3"),
            ("${V%.3}", "1.2"),
            ("${V%%.3}", "1.2"),
            ("${V%.*}", "unsupported-template"),
            ("${V:0:1}", "1"),
            ("${V:2}", "2.3"),
            ("${V: -1}", "3"),
            ("${V:0:99}", "1.2.3"),
            ("${V:99}", ""),
            ("${WORD^^}", "ABC"),
            ("${WORD^}", "ABc"),
            ("${WORD,,}", "abc"),
            ("${#V}", "5"),
            ("${W:-{}}", "{}"),
            ("${QUOTED}", "1.10"),
            ("${V-d}", "build-fails"),
            ("${V+d}", "build-fails"),
            ("${V.d}", "build-fails"),
            ("${V[0]}", "build-fails"),
            ("${V", "build-fails"),
            ("${}", "build-fails"),
        ] {
            assert_eq!(substituted(text), expected, "{text}");
        }
    }
}
