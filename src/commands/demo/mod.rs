//! `promote demo`: a playground, and the main job done in it. No account, no server.

mod registry;
mod world;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::arguments;
use super::fault::{Fault, Refusal};
use super::{Outcome, print, print_verbatim};
use crate::git::Seed;
use crate::model::Digest;

use world::{APPS, REGISTRY};

/// Each step of the tour: what it shows, and the command.
const TOUR: [(&str, &[&str]); 5] = [
    ("What runs where, and what waits?", &["status", "--all"]),
    ("What may go to prod-eu, and why not the rest?", &["why", "my-app", "--env", "prod-eu"]),
    ("What would a promotion change?", &["my-app", "v1.2.3", "--to", "prod-eu", "--dry-run"]),
    (
        "Do it: a branch with the change, and the pull request's text.",
        &["my-app", "v1.2.3", "--to", "prod-eu", "--reason", "CHG-8813 spring pricing"],
    ),
    ("The same again: nothing to do.", &["my-app", "v1.2.3", "--to", "prod-eu"]),
];

/// Makes the playground, does the main job in it, and says where it is.
///
/// # Errors
/// A folder that isn't empty or can't be written.
pub async fn run(arguments: &arguments::Demo, variables: &BTreeMap<String, String>) -> Result<Outcome, Fault> {
    let directory = prepare(arguments.directory.as_deref())?;
    plant(&directory)?;
    let fleet = directory.join("fleet");
    for (what, command) in TOUR {
        print(&format!("# {what}\n$ promote {}\n", shown(command)));
        tour(&fleet, command, variables).await?;
        print("\n");
    }
    let place = directory.display();
    print(&format!(
        "# The branch is in {place}/fleet.git. Go on playing:\n\n    cd {place}/fleet\n    promote shop-api --to production --dry-run\n\n{place}\n"
    ));
    Ok(Outcome::default())
}

/// Returns the folder: the one that was named, if it is empty or new; else a new one.
fn prepare(asked: Option<&Path>) -> Result<PathBuf, Fault> {
    let unwritable = |path: &Path| {
        let path = path.display().to_string();
        move |source| Refusal::Playground { path, source }
    };
    let Some(asked) = asked else {
        let parent = std::env::temp_dir();
        let made = tempfile::Builder::new().prefix("promote-demo-").tempdir_in(&parent).map_err(unwritable(&parent))?;
        return Ok(made.keep());
    };
    std::fs::create_dir_all(asked).map_err(unwritable(asked))?;
    let mut entries = std::fs::read_dir(asked).map_err(unwritable(asked))?;
    if entries.next().is_some() {
        return Err(Refusal::NotEmpty { path: asked.display().to_string() }.into());
    }
    Ok(std::path::absolute(asked).map_err(unwritable(asked))?)
}

/// Writes the registry's layouts, the bare remote, and the clone whose own configuration maps the registry's name.
fn plant(directory: &Path) -> Result<(), Fault> {
    let unwritable = |source| Refusal::Playground { path: directory.display().to_string(), source };
    let layouts = directory.join("registry");
    let mut digests: BTreeMap<(&str, String), Digest> = BTreeMap::new();
    for app in &APPS {
        for (tag, digest) in registry::write(&layouts, app.repository, app.tags).map_err(unwritable)? {
            digests.insert((app.name, tag), digest);
        }
    }
    let files = world::files(&|app, tag| digests.get(&(app.name, tag.to_owned())).cloned());
    let settings = [(format!("promote.{REGISTRY}.layout"), layouts.display().to_string())];
    let seed =
        Seed { branch: "main", files: &files, author: ("Promote Demo", "demo@example.com"), settings: &settings };
    seed.plant(&directory.join("fleet.git"), &directory.join("fleet"))?;
    Ok(())
}

/// Runs this program in the playground, as a person would: what it prints goes where ours goes.
async fn tour(fleet: &Path, command: &[&str], variables: &BTreeMap<String, String>) -> Result<(), Fault> {
    let failed = || Refusal::Tour { command: format!("promote {}", command.join(" ")) };
    let unwritable = |source| Refusal::Playground { path: fleet.display().to_string(), source };
    let program = std::env::current_exe().map_err(unwritable)?;
    let mut child = tokio::process::Command::new(program);
    let (reader, writer) = std::io::pipe().map_err(unwritable)?;
    // One pipe for both, so that what is told and what is the result come in the order in which they are said.
    child.stdout(writer.try_clone().map_err(unwritable)?).stderr(writer);
    child.args(command).current_dir(fleet).stdin(Stdio::null()).kill_on_drop(true);
    // A person's identity, tokens and Git variables have no business in the playground.
    for name in variables.keys().filter(|name| name.starts_with("GIT_") || name.starts_with("PROMOTE_")) {
        child.env_remove(name);
    }
    let mut running = child.spawn().map_err(unwritable)?;
    // The command holds the pipe's other end as long as it lives.
    drop(child);
    let said = tokio::task::spawn_blocking(move || std::io::read_to_string(reader)).await;
    if let Ok(Ok(said)) = said {
        print_verbatim(&said);
    }
    let status = running.wait().await.map_err(unwritable)?;
    if status.success() { Ok(()) } else { Err(failed().into()) }
}

fn shown(command: &[&str]) -> String {
    let quoted = command.iter().map(|word| if word.contains(' ') { format!("\"{word}\"") } else { (*word).to_owned() });
    quoted.collect::<Vec<_>>().join(" ")
}
