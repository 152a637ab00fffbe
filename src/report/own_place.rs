//! What to add so that an environment has a place of its own for a version that it shares with others.

use std::fmt::Write as _;

use crate::model::{Choice, FieldName, Inventory, Source, SourceKind, Step, WrittenValue};

/// Returns what a person can paste so that the step's environment no longer shares the place of its version.
///
/// It holds what runs there now, so that adding it changes nothing and the next promotion moves that environment alone.
/// None if no place is shared, or if the text that would have to stand there can't be told.
pub fn own_place(step: &Step, inventory: &Inventory) -> Option<String> {
    let mut entries: Vec<String> = Vec::new();
    for source in inventory.sources_of(&step.app, &step.environment) {
        if let Some(entry) = entry(source, inventory).filter(|entry| !entries.contains(entry)) {
            entries.push(entry);
        }
    }
    let head = format!("give {} a place of its own, and promote again; ", step.environment);
    (!entries.is_empty()).then(|| format!("{head}{}", entries.join("\n")))
}

fn entry(source: &Source, inventory: &Inventory) -> Option<String> {
    let Choice::Pin { field, .. } = &source.choice else { return None };
    let value = source.reference.field(*field)?;
    let deciding = inventory.written_at(value.deciding_slot()?)?;
    let mut decided = deciding.decides.iter().filter_map(|(index, _)| inventory.sources.get(*index));
    if decided.all(|other| other.environment == source.environment) {
        return None;
    }
    let text = value.text.as_deref().ok()?;
    let read = value.chain.first().and_then(|slot| inventory.written_at(slot));
    let variable = read.and_then(|read| variable(read, text));
    variable.or_else(|| if is_of_kustomize(source, deciding) { image(source) } else { operations(source, deciding) })
}

/// A variable is given by the Flux Kustomization of the environment alone, whatever a ConfigMap or a default says.
fn variable(read: &WrittenValue, text: &str) -> Option<String> {
    let (before, rest) = read.text.split_once("${")?;
    let (inside, after) = rest.split_once('}')?;
    let end = inside.find(|char: char| !char.is_ascii_alphanumeric() && char != '_').unwrap_or(inside.len());
    let (name, rest) = inside.split_at(end);
    // Whatever else the expression does to the value would be done to this one too.
    let takes_it_as_it_is = rest.is_empty() || [":=", ":-", "="].iter().any(|operator| rest.starts_with(operator));
    let value = text.strip_prefix(before)?.strip_suffix(after)?;
    (takes_it_as_it_is && !name.is_empty()).then(|| {
        format!(
            "under `spec` of the Flux Kustomization that only it reads:\npostBuild:\n  substitute:\n    {name}: \
             \"{value}\""
        )
    })
}

/// Tells whether an image's tag is one of kustomize's `images`, not of a release's values.
fn is_of_kustomize(source: &Source, deciding: &WrittenValue) -> bool {
    source.id.kind == SourceKind::Image && !deciding.field.contains("values.")
}

const WHERE: &str = "in the kustomization.yaml that only it reads, or under `spec` of its Flux Kustomization:\n";

fn image(source: &Source) -> Option<String> {
    let mut text = format!("{WHERE}images:\n  - name: {}", source.id.name);
    for (field, value) in &source.reference.fields {
        let key = if *field == FieldName::Tag { "newTag" } else { "digest" };
        let _ = write!(text, "\n    {key}: \"{}\"", value.text.as_deref().ok()?);
    }
    Some(text)
}

fn operations(source: &Source, deciding: &WrittenValue) -> Option<String> {
    let object = match source.id.kind {
        SourceKind::Image => deciding,
        // A release's values are those of the object around them.
        _ => return patch(source.id.kind.as_str(), &source.id.name, &fields(source)?),
    };
    let text = source.reference.fields.first().and_then(|(_, value)| value.text.as_deref().ok())?;
    let whole = (source.reference.fields.len() == 1 && object.text == text).then_some(text)?;
    patch(&object.kind, object.name.as_deref()?, &[(object.field.clone(), whole.to_owned())])
}

/// The fields that are written for the version, as they are now.
fn fields(source: &Source) -> Option<Vec<(String, String)>> {
    let Choice::Pin { field: decides, .. } = &source.choice else { return None };
    let beside = [FieldName::Tag].into_iter().filter(|_| *decides == FieldName::Digest);
    let mut fields = Vec::new();
    for field in beside.chain([*decides]) {
        if let Some(value) = source.reference.field(field) {
            fields.push((source.id.kind.path_of(field), value.text.as_deref().ok()?.to_owned()));
        }
    }
    Some(fields)
}

fn patch(kind: &str, name: &str, fields: &[(String, String)]) -> Option<String> {
    let mut text = format!("{WHERE}patches:\n  - target: {{kind: {kind}, name: {name}}}\n    patch: |");
    for (field, value) in fields {
        // A key with a dot, or an item of a list, has no path that could be told from its name.
        if field.contains(['[', '/']) || field.is_empty() {
            return None;
        }
        let path = field.replace('.', "/");
        let _ = write!(text, "\n      - op: add\n        path: /{path}\n        value: \"{value}\"");
    }
    Some(text)
}
