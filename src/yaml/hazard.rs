//! What makes it unsafe to replace a scalar.

use std::collections::HashSet;

use super::{Anchor, Content, Document, Node, Position, Scalar};

/// Why a scalar can't be replaced surely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hazard {
    /// It, or something around it, has an anchor that an alias uses: other places would change too.
    Aliased {
        /// The anchored node.
        at: Position,
    },
    /// A key on the way to it is written twice.
    DuplicateKey {
        /// The other key.
        at: Position,
    },
    /// It stands under a merge key `<<`.
    MergeKey {
        /// The merge key.
        at: Position,
    },
    /// It has a tag that is not YAML's own.
    CustomTag {
        /// The scalar.
        at: Position,
    },
}

impl Document {
    /// Returns the scalar that stands in exactly these bytes, and what makes replacing it unsafe.
    pub fn hazards(&self, start: usize, end: usize) -> Option<(&Scalar, Vec<Hazard>)> {
        let mut used = HashSet::new();
        aliases(&self.root, &mut used);
        let mut found = Vec::new();
        let scalar = find(&self.root, start, end, &used, &mut found)?;
        Some((scalar, found))
    }

    /// Calls `each` with every scalar as written, keys included, in order; aliases are not followed.
    pub fn scalars<'a>(&'a self, each: &mut impl FnMut(&'a Node, &'a Scalar)) {
        visit(&self.root, each);
    }
}

fn visit<'a>(node: &'a Node, each: &mut impl FnMut(&'a Node, &'a Scalar)) {
    match &node.content {
        Content::Scalar(scalar) => each(node, scalar),
        Content::Alias(..) => {}
        Content::Sequence(items) => items.iter().for_each(|item| visit(item, each)),
        Content::Mapping(entries) => {
            for (key, value) in entries {
                visit(key, each);
                visit(value, each);
            }
        }
    }
}

fn aliases(node: &Node, used: &mut HashSet<Anchor>) {
    match &node.content {
        Content::Scalar(_) => {}
        Content::Alias(anchor, _) => {
            used.insert(*anchor);
        }
        Content::Sequence(items) => items.iter().for_each(|item| aliases(item, used)),
        Content::Mapping(entries) => {
            for (key, value) in entries {
                aliases(key, used);
                aliases(value, used);
            }
        }
    }
}

fn find<'a>(
    node: &'a Node,
    start: usize,
    end: usize,
    used: &HashSet<Anchor>,
    hazards: &mut Vec<Hazard>,
) -> Option<&'a Scalar> {
    let found = match &node.content {
        Content::Alias(..) => None,
        Content::Scalar(scalar) => {
            let found = (scalar.start == start && scalar.end == end).then_some(scalar)?;
            // `!!str` and the non-specific `!` leave the text a string, whatever it is.
            if node.tag.as_deref().is_some_and(|tag| tag != "!!str" && tag != "!") {
                hazards.push(Hazard::CustomTag { at: node.position });
            }
            Some(found)
        }
        Content::Sequence(items) => items.iter().find_map(|item| find(item, start, end, used, hazards)),
        Content::Mapping(entries) => entries.iter().enumerate().find_map(|(index, (key, value))| {
            let found = find(value, start, end, used, hazards)?;
            let same = |(other, (name, _)): (usize, &'a (Node, Node))| {
                (other != index && key.text().is_some() && name.text() == key.text()).then_some(name.position)
            };
            if let Some(at) = entries.iter().enumerate().find_map(same) {
                hazards.push(Hazard::DuplicateKey { at });
            }
            if key.text() == Some("<<") {
                hazards.push(Hazard::MergeKey { at: key.position });
            }
            Some(found)
        }),
    };
    if found.is_some() && node.anchor.is_some_and(|anchor| used.contains(&anchor)) {
        hazards.push(Hazard::Aliased { at: node.position });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::Stream;
    use super::*;

    fn hazards(text: &str, value: &str) -> Vec<Hazard> {
        let stream = Stream::parse(text.as_bytes());
        let start = text.find(value).expect("the value is there");
        stream.documents[0].hazards(start, start + value.len()).expect("a scalar").1
    }

    #[test]
    fn shared_and_doubled_scalars_are_unsafe() {
        assert_eq!(hazards("a: &x 1.0.0\nb: 2\n", "1.0.0"), []);
        assert!(matches!(hazards("a: &x 1.0.0\nb: *x\n", "1.0.0")[..], [Hazard::Aliased { .. }]));
        assert!(matches!(hazards("a: &x\n  t: 1.0.0\nb: *x\n", "1.0.0")[..], [Hazard::Aliased { .. }]));
        assert!(matches!(hazards("a: 1.0.0\na: 2\n", "1.0.0")[..], [Hazard::DuplicateKey { .. }]));
        assert!(matches!(hazards("<<: {a: 1.0.0}\n", "1.0.0")[..], [Hazard::MergeKey { .. }]));
        assert!(matches!(hazards("a: !v 1.0.0\n", "1.0.0")[..], [Hazard::CustomTag { .. }]));
        assert_eq!(hazards("a: !!str 1.0.0\n", "1.0.0"), []);
    }
}
