//! `promote init`: writes down as `promote.yaml` what is found without it.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use super::arguments;
use super::fault::{Fault, Refusal};
use super::reading::{CONFIGURATION, Reading};
use super::session::Session;
use super::{Outcome, print, print_verbatim, tell};
use crate::doctor::RENOVATE;
use crate::forge::{self, Address};
use crate::git;
use crate::inventory::is_production;
use crate::model::{Choice, EnvironmentName, Extent, Inventory, RepoPath, Stage, Stages};
use crate::report;
use crate::report::documents::{Document, InitDocument};
use crate::report::init::Draft;
use crate::yaml::in_flow;

/// Finds the environments and writes or prints the file.
///
/// # Errors
/// The repository can't be read, the file is there already or can't be written.
pub async fn run(session: &Session, arguments: &arguments::Init) -> Result<Outcome, Fault> {
    let file = if arguments.print { None } else { Some(new_file(session)?) };
    let reading = Reading::without_configuration(session).await?;
    if file.is_some() && reading.snapshot.entry(&configuration()).is_some() {
        return Err(Refusal::AlreadyConfigured { path: format!("{CONFIGURATION} ({})", reading.title) }.into());
    }
    reading.must_have_sources()?;
    let draft = Draft {
        stages: &reading.stages,
        unranked: reading.unranked.as_ref(),
        protected: protected(session, &reading).map(|stage| &stage.name),
        quote: in_flow,
    };
    let content = draft.text()?;
    if let Some(path) = &file {
        write_new(path, &content)?;
    }
    if session.is_json() {
        let path = file.as_ref().map_or_else(|| CONFIGURATION.to_owned(), |path| path.display().to_string());
        let body = InitDocument::of(path, file.is_some(), content, &reading.findings);
        print_verbatim(&Document::new("Init", body).to_text());
    } else if let Some(path) = &file {
        tell(&format!("read {}\n\n", reading.title));
        print(&report::init::table(&reading.stages.stages));
        print(&format!("\nwrote {}\n", path.display()));
        tell(&advice(&reading));
    } else {
        tell(&format!("read {}\n", reading.title));
        print_verbatim(&content);
        tell(&advice(&reading));
    }
    Ok(Outcome::default())
}

fn configuration() -> RepoPath {
    CONFIGURATION.parse().unwrap_or_else(|_| RepoPath::root())
}

/// Returns where the file goes: the root of the working tree, where there is none yet.
fn new_file(session: &Session) -> Result<PathBuf, Fault> {
    let root = match &session.clone {
        Some(clone) => clone.root()?.ok_or(Refusal::NoWorkingTree)?,
        None if session.global.repo.is_some() => return Err(Refusal::NoWorkingTree.into()),
        None => git::worktree_root(&session.global.directory.clone().unwrap_or_else(|| ".".into())),
    };
    let path = root.join(CONFIGURATION);
    // A link that leads nowhere is something, too.
    if fs::symlink_metadata(&path).is_ok() {
        return Err(Refusal::AlreadyConfigured { path: path.display().to_string() }.into());
    }
    Ok(path)
}

/// Writes a file that must not be there, whole or not at all.
fn write_new(path: &std::path::Path, content: &str) -> Result<(), Fault> {
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::AlreadyExists => Refusal::AlreadyConfigured { path: path.display().to_string() },
        _ => Refusal::Unwritable { path: path.display().to_string(), source },
    };
    let mut file = fs::File::create_new(path).map_err(failed)?;
    let written = file.write_all(content.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a configuration would be read as a whole one.
        let _ = fs::remove_file(path);
    }
    Ok(written.map_err(failed)?)
}

/// Returns the stage before which an approval must stand: production, where a forge can ask for one.
fn protected<'a>(session: &Session, reading: &'a Reading) -> Option<&'a Stage> {
    let has_forge = reading.remotes.iter().any(|remote| {
        let address = Address::of_remote(remote).ok().flatten();
        let kind = session.logins.kind_of(session.forge_asked(), address.as_ref());
        kind.is_ok_and(|kind| kind != forge::Kind::None)
    });
    production(&reading.stages).filter(|_| has_forge)
}

fn production(stages: &Stages) -> Option<&Stage> {
    stages.stages.iter().rev().find(|stage| stage.environments.iter().any(|one| is_production(one.name.as_str())))
}

/// What to do next.
fn advice(reading: &Reading) -> String {
    let mut text = report::pins::findings(&reading.findings);
    text.push_str("\nnext: put the order right, commit the file, and promote status\n");
    let renovate =
        RENOVATE.iter().find(|path| path.parse::<RepoPath>().is_ok_and(|path| reading.snapshot.entry(&path).is_some()));
    let patterns = pinned_files(&reading.inventory, &reading.stages);
    if let Some(path) = renovate.filter(|_| !patterns.is_empty()) {
        let rule = report::init::renovate_rule(&patterns);
        text.push_str(&format!("\nRenovate may write into the same places. Add to {path}:\n{rule}\n"));
    }
    text
}

/// Returns patterns for the files that hold the pins of production: its directory where they stand below it.
fn pinned_files(inventory: &Inventory, stages: &Stages) -> Vec<String> {
    let Some(stage) = production(stages) else { return Vec::new() };
    let names: Vec<&EnvironmentName> = stage.environments.iter().map(|environment| &environment.name).collect();
    let mut patterns = BTreeSet::new();
    for written in &inventory.written {
        let decides_pin = written
            .decides
            .iter()
            .filter_map(|(index, _)| inventory.sources.get(*index))
            .any(|source| names.contains(&&source.environment) && matches!(source.choice, Choice::Pin { .. }));
        if !decides_pin {
            continue;
        }
        let path = written.slot.path().as_str();
        let directory = stage.environments.iter().find_map(|environment| match &environment.extent {
            Extent::Directory(directory) if !directory.as_str().is_empty() => {
                path.strip_prefix(directory.as_str())?.starts_with('/').then(|| format!("{directory}/**"))
            }
            _ => None,
        });
        patterns.insert(directory.unwrap_or_else(|| path.to_owned()));
    }
    patterns.into_iter().collect()
}
