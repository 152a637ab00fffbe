//! `promote doctor`: looks at everything a promotion needs, and writes nothing.

use std::collections::BTreeMap;
use std::time::Instant;

use super::arguments::{Global, Output};
use super::examining::{ask_registries, connect, examine_branch, examine_forge};
use super::fault::Fault;
use super::job::Job;
use super::reading::{CONFIGURATION, Purpose, Reading};
use super::session::Session;
use super::trail::Trail;
use super::{Outcome, print, print_verbatim};
use crate::doctor::{self, Configured, Dialect, Fetched, GitFacts, OwnersFile, Target};
use crate::forge::Kind;
use crate::git;
use crate::inventory::Reach;
use crate::model::{Check, Failure, Protection, RepoPath, Subject};
use crate::report;
use crate::report::doctor::DoctorDocument;
use crate::report::documents::Document;

/// Looks at everything and tells what it found. What can't be looked at is a check, not an error.
pub async fn run(global: Global, variables: BTreeMap<String, String>) -> Outcome {
    let output = global.output;
    let mut checks = match Session::open(global, variables, Trail::default(), Job::default()).await {
        Ok(session) => examine(session).await,
        Err(fault) => vec![failed(Subject::Git, &fault)],
    };
    checks.sort_by_key(|check| check.subject);
    match output {
        Output::Json => print_verbatim(&Document::new("Doctor", DoctorDocument::of(&checks)).to_text()),
        Output::Text => print(&report::doctor::render(&checks)),
    }
    Outcome(Check::exit_of(&checks))
}

fn failed(subject: Subject, fault: &Fault) -> Check {
    let check = Check::failed(subject, &Failure::of(fault.problem()));
    fault.problem().place().into_iter().fold(check, |check, place| check.at(place))
}

async fn examine(mut session: Session) -> Vec<Check> {
    let began = Instant::now();
    let forge = connect(&session);
    let (read, (of_forge, refused)) =
        tokio::join!(Reading::of(&session, Purpose::Look, Reach::Repository), examine_forge(&session, &forge));
    let mut checks = of_forge;
    let time = began.elapsed();
    let mut unread = None;
    let (fetched, reading) = match read {
        Ok(reading) => (fetched(&session, &reading, time), Some(reading)),
        // The remote was read well if what is wrong stands in a file of it.
        Err(fault) if fault.problem().place().is_some() => {
            unread = Some(failed(Subject::Repository, &fault));
            (Fetched::Within(time), None)
        }
        Err(fault) => (Fetched::Failed(Failure::of(fault.problem())), as_last_fetched(&mut session).await),
    };
    checks.extend(git_checks(&session, &forge, fetched));
    let Some(mut reading) = reading else {
        let unread = unread.unwrap_or_else(|| {
            let message = "the repository can't be read: owners, registries and other programs weren't looked at";
            Check::warning(Subject::Repository, message)
        });
        checks.push(unread);
        return checks;
    };
    checks.extend(loaded(&session, &mut reading, forge.kind).await);
    let targets = doctor::targets(&reading.inventory, &reading.stages);
    let required = reading
        .stages
        .environments()
        .find_map(|environment| environment.rules.protection.as_ref().filter(|rule| rule.value == Protection::Require));
    let (of_branch, of_registries) = tokio::join!(
        examine_branch(&session, &forge, &reading, required.is_some(), refused),
        ask_registries(&session, &reading.inventory, &reading.stages)
    );
    checks.extend(of_branch);
    checks.extend(of_registries);
    checks.extend(owner_checks(&reading, forge.kind, &targets));
    checks.extend(doctor::others(&reading.snapshot, &targets));
    checks.extend(repository_checks(&reading, &targets));
    checks
}

/// Says how the base was read.
fn fetched(session: &Session, reading: &Reading, time: std::time::Duration) -> Fetched {
    match reading.base.as_ref().map(|base| base.depth) {
        Some(git::Depth::Blobless) => Fetched::Within(time),
        Some(git::Depth::Shallow) => Fetched::WithFiles(time),
        Some(git::Depth::Full) => Fetched::Whole(time),
        None if session.global.offline => Fetched::Not("it isn't asked with `--offline`"),
        None if session.global.at.is_some() => Fetched::Not("`--at` reads something else"),
        None => Fetched::Not("there is no remote"),
    }
}

/// Reads what was fetched last, where the remote can't be read now: most can be told of that, too.
async fn as_last_fetched(session: &mut Session) -> Option<Reading> {
    session.clone.as_ref()?;
    let was_offline = std::mem::replace(&mut session.global.offline, true);
    let reading = Reading::of(session, Purpose::Look, Reach::Repository).await.ok();
    session.global.offline = was_offline;
    reading
}

fn git_checks(session: &Session, forge: &super::examining::Connected, fetched: Fetched) -> Vec<Check> {
    doctor::git(&GitFacts {
        version: session.program.version().to_string(),
        lacks_security_fixes: session.program.lacks_security_fixes(),
        remote: forge.remote.clone(),
        fetched,
        identity: git::Identity::of(&session.git, &session.environment)
            .map(|identity| identity.committer())
            .map_err(|error| Failure::of(&error)),
        signing: git::signing(&session.git, &session.environment).map_err(|error| Failure::of(&error)),
    })
}

fn dialect(kind: Kind) -> Option<Dialect> {
    match kind {
        Kind::GitHub => Some(Dialect::GitHub),
        Kind::GitLab => Some(Dialect::GitLab),
        Kind::Forgejo => Some(Dialect::Forgejo),
        Kind::None => None,
    }
}

/// Loads the files that say who owns and who else writes.
async fn loaded(session: &Session, reading: &mut Reading, kind: Kind) -> Option<Check> {
    let mut wanted = doctor::robot_files(&reading.snapshot);
    wanted.extend(dialect(kind).map(doctor::owner_places).unwrap_or_default());
    let loaded = reading.load(session, &wanted).await;
    loaded.err().map(|fault| failed(Subject::Others, &fault))
}

fn owner_checks(reading: &Reading, kind: Kind, targets: &[Target]) -> Vec<Check> {
    let Some(dialect) = dialect(kind) else { return Vec::new() };
    let places = doctor::owner_places(dialect);
    let mut there = places.into_iter().filter(|path| reading.snapshot.entry(path).is_some());
    let file = there.next().map(|path| {
        let text = reading.text(&path).unwrap_or_default();
        OwnersFile::parse(path, &text, dialect)
    });
    doctor::owners(dialect, file.as_ref(), &there.collect::<Vec<_>>(), targets)
}

fn repository_checks(reading: &Reading, targets: &[Target]) -> Vec<Check> {
    if let Err(fault) = reading.must_have_sources() {
        return vec![failed(Subject::Repository, &fault)];
    }
    let path: Option<RepoPath> = CONFIGURATION.parse().ok();
    let configured = match path.is_some_and(|path| reading.snapshot.entry(&path).is_some()) {
        true => Configured::Yes,
        false => Configured::No,
    };
    doctor::repository(&reading.inventory, &reading.stages, targets, &reading.findings, configured)
}
