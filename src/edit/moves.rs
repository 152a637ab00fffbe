//! The fewest scalars that make a source's effective version the target.

use super::Refusal;
use crate::model::{Choice, Digest, Edit, FieldName, Inventory, Place, Source, Tag, Value, Version};

/// Names the fewest existing scalars that make a source's effective version the target.
///
/// A tag and a digest that stand together move together; an exact constraint keeps its operator.
///
/// # Errors
/// [`Refusal`] if it holds no pin, if a digest decides and the target's is not known, or if what decides it is only a
/// part of the text and the target does not fit around it.
pub fn edits_for(
    source: &Source,
    inventory: &Inventory,
    target: &Tag,
    digest: Option<&Digest>,
) -> Result<Vec<Edit>, Refusal> {
    let place_of = |field: FieldName| value(source, field)?.deciding_slot().map(|slot| slot.place.clone());
    // Where nothing is written for it, the object is the place where something could be.
    let not_pinned = |why: String, place: Option<Place>| Refusal::NotPinned {
        name: source.id.name.clone(),
        why,
        place: Some(place.unwrap_or_else(|| source.place.clone())),
    };
    let field = match &source.choice {
        Choice::Pin { field, .. } => *field,
        Choice::Range { field, constraint, .. } => {
            return Err(not_pinned(format!("it follows `{constraint}`"), place_of(*field)));
        }
        Choice::Floating { field, text } => {
            return Err(not_pinned(format!("it follows `{text}`"), field.and_then(place_of)));
        }
        Choice::Unknown(unknown) => return Err(not_pinned(unknown.message.clone(), unknown.place.clone())),
    };
    let mut edits = Vec::new();
    // What stands under the deciding field moves with it, so that people read what runs.
    let shadowed: &[FieldName] = match field {
        FieldName::Digest | FieldName::Commit => &[FieldName::Tag, FieldName::Semver],
        FieldName::Semver => &[FieldName::Tag],
        _ => &[],
    };
    for field in shadowed.iter().copied().chain([field]) {
        let Some(value) = value(source, field) else { continue };
        let Ok(now) = &value.text else { continue };
        if shadowed.contains(&field) && !names_version(now) {
            continue;
        }
        let Some(slot) = value.deciding_slot() else {
            return Err(not_pinned("nothing is written for it".to_owned(), None));
        };
        let text = match field {
            FieldName::Digest | FieldName::Commit => {
                let digest = digest.ok_or_else(|| Refusal::DigestUnknown { place: slot.place.clone() })?;
                if field == FieldName::Commit { digest.hex() } else { digest.to_string() }
            }
            FieldName::Semver | FieldName::Version => {
                constraint(now, target, source.helm_layer || field == FieldName::Version)
            }
            _ => target.as_str().to_owned(),
        };
        if text == *now {
            continue;
        }
        let Some(written) = inventory.written_at(slot) else {
            return Err(Refusal::Unsure { place: slot.place.clone() });
        };
        let before = written.slot_text().to_owned();
        let after = fit(now, &before, &text)
            .ok_or_else(|| Refusal::Composed { place: slot.place.clone(), after: text.clone() })?;
        let edit = Edit { slot: slot.clone(), field: written.field.clone(), before, after };
        if !edits.contains(&edit) {
            edits.push(edit);
        }
    }
    Ok(edits)
}

fn value(source: &Source, field: FieldName) -> Option<&Value> {
    source.reference.field(field)
}

/// Tells whether a text names one version: `latest` or a range that is shadowed says nothing untrue afterwards.
fn names_version(text: &str) -> bool {
    let version = text.trim().trim_start_matches('=').trim_start();
    Version::parse_flux(version).is_ok()
}

/// Writes an exact constraint anew: what stands before the version stays.
fn constraint(now: &str, target: &Tag, helm: bool) -> String {
    let start = now.find(|char: char| char == 'v' || char.is_ascii_digit()).unwrap_or(0);
    let rest = now.get(start..).unwrap_or_default();
    let trailing = rest.len() - rest.trim_end().len();
    let version = if helm { target.as_str().replace('_', "+") } else { target.as_str().to_owned() };
    let end = rest.get(rest.len() - trailing..).unwrap_or_default();
    format!("{}{version}{end}", now.get(..start).unwrap_or_default())
}

/// The text to write at the slot so that the effective text is `text`, where the slot's text may be only a part of it.
fn fit(effective: &str, slot_text: &str, text: &str) -> Option<String> {
    let slot_text = slot_text.trim_end_matches('\n');
    if effective.trim_end_matches('\n') == slot_text {
        return Some(text.to_owned());
    }
    let mut at = effective.match_indices(slot_text).filter(|_| !slot_text.is_empty());
    let (start, _) = at.next()?;
    if at.next().is_some() {
        return None;
    }
    let prefix = effective.get(..start)?;
    let suffix = effective.get(start + slot_text.len()..)?;
    text.strip_prefix(prefix)?.strip_suffix(suffix).filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constraint_keeps_its_operator() {
        let tag: Tag = "v1.3.0".parse().expect("a tag");
        assert_eq!(constraint("= 1.2.3", &tag, false), "= v1.3.0");
        assert_eq!(constraint("1.2.3", &tag, false), "v1.3.0");
        let tag: Tag = "1.3.0_b".parse().expect("a tag");
        assert_eq!(constraint("=1.2.3", &tag, true), "=1.3.0+b");
    }

    #[test]
    fn a_part_is_written_where_the_target_fits_around_it() {
        assert_eq!(fit("v1.2.3", "1.2.3", "v1.3.0").as_deref(), Some("1.3.0"));
        assert_eq!(fit("v1.2.3", "1.2.3", "1.3.0"), None);
        assert_eq!(fit("1.2.3", "1.2.3", "v1.3.0").as_deref(), Some("v1.3.0"));
        assert_eq!(fit("1.1.1", "1", "1.1.2"), None);
    }
}
