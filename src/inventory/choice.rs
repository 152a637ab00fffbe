//! Which version a reference chooses, by Flux's precedence of its fields.

use crate::constraint::{self, Constraint};
use crate::model::{
    Choice, Digest, DigestError, FieldName, FindingCode, Reference, SourceKind, Tag, Unknown, Value, Version,
};

/// How tags stand for versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tags {
    /// As they are.
    Verbatim,
    /// Of Helm charts: `_` is `+`.
    Charts,
}

impl Tags {
    fn version(self, tag: &Tag) -> Option<Version> {
        match self {
            Self::Verbatim => tag.version().cloned(),
            Self::Charts => Version::parse_flux(&tag.as_str().replace('_', "+")).ok(),
        }
    }
}

/// The fields in the order in which Flux obeys them: the first that is given wins, the others are ignored.
fn precedence(kind: SourceKind) -> &'static [FieldName] {
    match kind {
        SourceKind::OciRepository => &[FieldName::Digest, FieldName::Semver, FieldName::Tag],
        SourceKind::HelmRelease | SourceKind::HelmChart => &[FieldName::Version],
        // The code, not the documentation: `tag` beats `semver`.
        SourceKind::GitRepository => {
            &[FieldName::Commit, FieldName::Name, FieldName::Tag, FieldName::Semver, FieldName::Branch]
        }
        SourceKind::Image => &[FieldName::Image, FieldName::Digest, FieldName::Tag],
    }
}

/// Notes for each field which other one Flux obeys instead.
pub(super) fn note_shadows(kind: SourceKind, reference: &mut Reference) {
    let order = precedence(kind);
    let Some(decides) = order.iter().copied().find(|name| reference.field(*name).is_some()) else { return };
    for (name, value) in &mut reference.fields {
        let filter_of_semver = *name == FieldName::SemverFilter && decides == FieldName::Semver;
        value.shadowed_by = (*name != decides && !filter_of_semver).then_some(decides);
    }
}

/// Tells what a reference chooses.
pub(super) fn choose(kind: SourceKind, reference: &Reference, tags: Tags) -> Choice {
    let Some(field) = precedence(kind).iter().copied().find(|name| reference.field(*name).is_some()) else {
        return match kind {
            SourceKind::HelmRelease | SourceKind::HelmChart => {
                Choice::Range { field: FieldName::Version, constraint: "*".to_owned(), filter: None }
            }
            SourceKind::OciRepository => Choice::Floating { field: None, text: "latest".to_owned() },
            SourceKind::GitRepository => Choice::Floating { field: None, text: "master".to_owned() },
            SourceKind::Image => Choice::Floating { field: None, text: String::new() },
        };
    };
    let text = match reference.field(field).map(|value| &value.text) {
        Some(Ok(text)) => text.clone(),
        Some(Err(unknown)) => return Choice::Unknown(unknown.clone()),
        None => String::new(),
    };
    match field {
        FieldName::Digest => by_content(reference, field, text.parse::<Digest>(), tags),
        FieldName::Commit => by_content(reference, field, Digest::of_commit(&text), tags),
        FieldName::Semver | FieldName::Version => by_constraint(reference, field, &text),
        FieldName::Tag => by_tag(field, &text, tags),
        _ => Choice::Floating { field: Some(field), text },
    }
}

/// Content alone says no version: the tag beside it does, though Flux doesn't read it.
fn by_content(reference: &Reference, field: FieldName, content: Result<Digest, DigestError>, tags: Tags) -> Choice {
    let digest = match content {
        Ok(digest) => digest,
        Err(error) => {
            let place = reference.field(field).and_then(Value::deciding_slot).map(|slot| slot.place.clone());
            return Choice::Unknown(Unknown { code: FindingCode::InvalidReference, message: error.to_string(), place });
        }
    };
    let tag = reference.field(FieldName::Tag).and_then(|value| value.text.as_ref().ok());
    let tag = tag.and_then(|text| text.parse::<Tag>().ok());
    let version = tag.as_ref().and_then(|tag| tags.version(tag));
    Choice::Pin { field, tag, version, digest: Some(digest) }
}

fn by_constraint(reference: &Reference, field: FieldName, text: &str) -> Choice {
    if let Some(version) = constraint::exact(text) {
        let tag = version.original().parse::<Tag>().ok();
        return Choice::Pin { field, tag, version: Some(version), digest: None };
    }
    if let Err(error) = text.parse::<Constraint>() {
        let place = reference.field(field).and_then(Value::deciding_slot).map(|slot| slot.place.clone());
        let message = format!("`{text}`: {error}");
        return Choice::Unknown(Unknown { code: FindingCode::InvalidReference, message, place });
    }
    let filter = reference.field(FieldName::SemverFilter).filter(|_| field == FieldName::Semver);
    match filter.map(|value| value.text.clone()).transpose() {
        Ok(filter) => Choice::Range { field, constraint: text.to_owned(), filter },
        Err(unknown) => Choice::Unknown(unknown),
    }
}

fn by_tag(field: FieldName, text: &str, tags: Tags) -> Choice {
    let tag = text.parse::<Tag>().ok();
    match tag.as_ref().and_then(|tag| tags.version(tag)) {
        Some(version) => Choice::Pin { field, tag, version: Some(version), digest: None },
        None => Choice::Floating { field: Some(field), text: text.to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(fields: &[(FieldName, &str)]) -> Reference {
        let value =
            |text: &str| Value { text: Ok(text.to_owned()), chain: Vec::new(), shadowed_by: None, marker: None };
        Reference { fields: fields.iter().map(|(name, text)| (*name, value(text))).collect() }
    }

    fn chosen(kind: SourceKind, fields: &[(FieldName, &str)]) -> String {
        match choose(kind, &reference(fields), Tags::Verbatim) {
            Choice::Pin { field, tag, version, digest } => {
                let tag = tag.map(|tag| tag.to_string());
                let version = version.map(|version| version.to_string());
                format!("pin {field:?} {tag:?} {version:?} {}", digest.is_some())
            }
            Choice::Range { field, constraint, filter } => format!("range {field:?} {constraint} {filter:?}"),
            Choice::Floating { field, text } => format!("floating {field:?} {text}"),
            Choice::Unknown(unknown) => format!("unknown {}", unknown.code.as_str()),
        }
    }

    #[test]
    fn digest_beats_semver_beats_tag() {
        use FieldName::{Digest, Semver, SemverFilter, Tag};
        let oci = |fields: &[(FieldName, &str)]| chosen(SourceKind::OciRepository, fields);
        let digest = format!("sha256:{}", "0".repeat(64));
        assert_eq!(oci(&[]), "floating None latest");
        assert_eq!(oci(&[(Tag, "v1.2.3")]), r#"pin Tag Some("v1.2.3") Some("1.2.3") false"#);
        assert_eq!(oci(&[(Tag, "1.2")]), "floating Some(Tag) 1.2");
        assert_eq!(oci(&[(Semver, ">=1.0.0"), (Tag, "v1.2.3")]), "range Semver >=1.0.0 None");
        assert_eq!(oci(&[(Semver, "1.x"), (SemverFilter, "rc")]), r#"range Semver 1.x Some("rc")"#);
        assert_eq!(oci(&[(Semver, "= 1.2.3")]), r#"pin Semver Some("1.2.3") Some("1.2.3") false"#);
        assert_eq!(oci(&[(Semver, "v1.2.3")]), r#"pin Semver Some("v1.2.3") Some("1.2.3") false"#);
        assert_eq!(oci(&[(Semver, "1.2")]), "range Semver 1.2 None");
        assert_eq!(
            oci(&[(Digest, &digest), (Semver, "1.x"), (Tag, "v1.2.3")]),
            r#"pin Digest Some("v1.2.3") Some("1.2.3") true"#
        );
        assert_eq!(oci(&[(Digest, "sha256:1"), (Tag, "v1.2.3")]), "unknown invalid-reference");
    }

    #[test]
    fn a_git_tag_beats_its_semver_and_a_commit_beats_all() {
        use FieldName::{Branch, Commit, Semver, Tag, Version};
        let git = |fields: &[(FieldName, &str)]| chosen(SourceKind::GitRepository, fields);
        assert_eq!(git(&[(Tag, "v1.0.0"), (Semver, "1.x")]), r#"pin Tag Some("v1.0.0") Some("1.0.0") false"#);
        let commit = "0f".repeat(20);
        assert_eq!(git(&[(Commit, &commit), (Tag, "v1.0.0")]), r#"pin Commit Some("v1.0.0") Some("1.0.0") true"#);
        assert_eq!(git(&[(Commit, &commit)]), "pin Commit None None true");
        assert_eq!(git(&[(Commit, "abc"), (Tag, "v1.0.0")]), "unknown invalid-reference");
        assert_eq!(git(&[(Branch, "main")]), "floating Some(Branch) main");
        assert_eq!(chosen(SourceKind::HelmRelease, &[]), "range Version * None");
        assert_eq!(
            chosen(SourceKind::HelmRelease, &[(Version, "6.8.0")]),
            r#"pin Version Some("6.8.0") Some("6.8.0") false"#
        );
    }
}
