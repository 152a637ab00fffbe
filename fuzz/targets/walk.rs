//! Any repository is walked within the walk's limits, whatever is fetched when, and what the walk says has its place in
//! a file that is there. Each pin that it finds is then moved: refused with a place, or the inventory differs by that.
//!
//! A repository is files, each begun by `=== path`.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::{Corpus, fuzz_target};
use promote::edit::{Intent, Refusal, apply_all, edits_for, prove};
use promote::inventory::{Look, Reach, Scope, Walk, Walker};
use promote::model::{
    BlobId, Entry, EntryKind, Environment, Extent, FindingCode, Inventory, Order, Place, Problem as _, RepoPath, Rules,
    Slot, Snapshot, Source, Stage, Stages,
};

/// More rounds of fetching than any of these small repositories may need.
const MAX_ROUNDS: usize = 64;

/// The files of an input: those whose path ends in `@` are symbolic links.
fn snapshot(text: &str) -> Snapshot {
    let (mut entries, mut blobs) = (std::collections::BTreeMap::new(), std::collections::HashMap::new());
    for part in text.strip_prefix("=== ").unwrap_or(text).split("\n=== ") {
        let (path, content) = part.split_once('\n').unwrap_or((part, ""));
        let (path, kind) = path.strip_suffix('@').map_or((path, EntryKind::File), |path| (path, EntryKind::Symlink));
        let Ok(path) = path.parse::<RepoPath>() else { continue };
        if path.as_str().is_empty() {
            continue;
        }
        let id = BlobId(path.as_str().to_owned());
        blobs.insert(id.clone(), Arc::from(content.as_bytes()));
        entries.insert(path, Entry { id, kind });
    }
    Snapshot { commit: String::new(), entries: Arc::new(entries), blobs }
}

fn scope(reach: Reach) -> Scope {
    let extents = [
        ("dev", Extent::Glob("apps/*/dev.yaml".to_owned())),
        ("staging", Extent::Directory("clusters/staging".parse().expect("a path"))),
        ("production", Extent::Directory("clusters/production".parse().expect("a path"))),
    ];
    let stage = |(name, extent): (&str, Extent)| {
        let name: promote::model::EnvironmentName = name.parse().expect("a name");
        let environment = Environment { name, extent, rules: Rules::default(), place: None };
        Stage { name: environment.name.clone(), environments: vec![environment] }
    };
    Scope {
        stages: Stages { order: Order::Configured, stages: extents.into_iter().map(stage).collect() },
        apps: Vec::new(),
        remotes: vec!["https://github.com/acme/fleet".to_owned()],
        reach,
    }
}

/// Gives what is asked for, round after round, as from a partial clone.
fn fetched<Answer>(all: &Snapshot, mut ask: impl FnMut(&Snapshot) -> Result<Answer, Vec<RepoPath>>) -> Answer {
    let mut given = Snapshot { blobs: Default::default(), ..all.clone() };
    for _ in 0..MAX_ROUNDS {
        let paths = match ask(&given) {
            Ok(answer) => return answer,
            Err(paths) => paths,
        };
        assert!(!paths.is_empty(), "nothing is asked for");
        for path in paths {
            let entry = all.entry(&path).expect("a file that is there");
            let new = given.blobs.insert(entry.id.clone(), Arc::clone(&all.blobs[&entry.id]));
            assert!(new.is_none(), "{path} was asked for twice");
        }
    }
    panic!("the walk does not end");
}

fn walked(walker: &Walker, snapshot: &Snapshot, scope: &Scope) -> Inventory {
    fetched(snapshot, |snapshot| match walker.walk(snapshot, scope) {
        Walk::Done(inventory) => Ok(inventory),
        Walk::Needs(paths) => Err(paths),
    })
}

/// A place is one in a file that is there: at most behind its last character.
fn stands(place: &Place, snapshot: &Snapshot) {
    let bytes = snapshot.bytes(&place.path).unwrap_or_else(|| panic!("{place} is in no file"));
    let text = String::from_utf8_lossy(bytes);
    // A carriage return alone is a line break for YAML too.
    let lines = text.split(['\n', '\r']).count();
    assert!(place.line > 0 && place.column > 0 && place.line <= lines + 1, "{place}: the file has {lines} lines");
}

/// Each span of a slot lies within the text of the one around it, as far as these are the file's own bytes.
fn lies_within(slot: &Slot, snapshot: &Snapshot) {
    stands(&slot.place, snapshot);
    let bytes = snapshot.bytes(slot.path()).expect("the file");
    let outer = slot.spans.first().expect("a span");
    let text = std::str::from_utf8(bytes).expect("what is read is UTF-8");
    assert!(text.get(outer.range()).is_some(), "{} {:?}", slot.place, slot.spans);
    assert!(slot.spans.iter().all(|span| span.start <= span.end));
}

fn has_its_places(inventory: &Inventory, snapshot: &Snapshot) {
    for finding in &inventory.findings {
        match &finding.place {
            Some(place) => stands(place, snapshot),
            // An environment without a place of its own, whose directory is not there.
            None => assert!(finding.code == FindingCode::PathMissing, "{finding:?}"),
        }
    }
    for written in &inventory.written {
        lies_within(&written.slot, snapshot);
        assert!(written.decides.iter().all(|(source, _)| *source < inventory.sources.len()));
        assert!(written.text.contains(written.slot_text()));
    }
    for source in &inventory.sources {
        stands(&source.place, snapshot);
        for (_, value) in &source.reference.fields {
            value.chain.iter().for_each(|slot| lies_within(slot, snapshot));
        }
    }
}

/// Moves one pin.
fn promoted(source: &Source, before: &Inventory, snapshot: &Snapshot, walker: &Walker, scope: &Scope) {
    let tag: promote::model::Tag = "v7.8.9".parse().expect("a tag");
    let digest: promote::model::Digest = format!("sha256:{}", "ab".repeat(32)).parse().expect("a digest");
    let edits = match edits_for(source, before, &tag, Some(&digest)) {
        Ok(edits) => edits,
        Err(refusal) => return refused(&refusal, snapshot),
    };
    let files = match apply_all(snapshot, &edits) {
        Ok(files) => files,
        Err(refusal) => return refused(&refusal, snapshot),
    };
    let mut after = snapshot.clone();
    for (path, bytes) in files {
        after = after.with_file(&path, bytes);
    }
    let inventory = walked(walker, &after, scope);
    has_its_places(&inventory, &after);
    // Every source that one of these places decides is meant to move: then nothing else may.
    let moved = before.sources.iter().filter(|other| {
        let mut slots = other.reference.fields.iter().filter_map(|(_, value)| value.deciding_slot());
        slots.any(|slot| edits.iter().any(|edit| edit.slot == *slot))
    });
    let intent = |source: &Source| Intent {
        environment: source.environment.clone(),
        source: source.id.clone(),
        tag: tag.clone(),
        digest: Some(digest.clone()),
    };
    let intents: Vec<Intent> = moved.map(intent).collect();
    if let Err(refusal) = prove(before, &inventory, &edits, &intents) {
        refused(&refusal, snapshot);
    }
}

fn refused(refusal: &Refusal, snapshot: &Snapshot) {
    match refusal.place() {
        Some(place) => stands(place, snapshot),
        None => assert!(matches!(refusal, Refusal::Denied { .. } | Refusal::Ineffective { .. }), "{refusal}"),
    }
}

fuzz_target!(|text: &str| -> Corpus {
    let snapshot = snapshot(text);
    if snapshot.entries.is_empty() {
        return Corpus::Reject;
    }
    let walker = Walker::default();
    fetched(&snapshot, |snapshot| match walker.discover(snapshot) {
        Look::Done(discovery) => Ok(discovery),
        Look::Needs(paths) => Err(paths),
    });
    let scope = scope(Reach::Environments);
    let inventory = walked(&walker, &snapshot, &scope);
    has_its_places(&inventory, &snapshot);
    // What was fetched when changes nothing.
    match Walker::default().walk(&snapshot, &scope) {
        Walk::Done(at_once) => assert_eq!(inventory, at_once),
        Walk::Needs(paths) => panic!("{paths:?} are there"),
    }
    has_its_places(&walked(&walker, &snapshot, &self::scope(Reach::Repository)), &snapshot);
    for source in inventory.sources.iter().take(4) {
        promoted(source, &inventory, &snapshot, &walker, &scope);
    }
    Corpus::Keep
});
