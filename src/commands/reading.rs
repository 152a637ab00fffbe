//! What is read before anything is decided: a commit, the configuration in it, and its inventory.

use crate::config::repository::{self, Configuration};
use crate::doctor;
use crate::git;
use crate::inventory::{self, Look, Reach, Scope, Walk, Walker};
use crate::model::{EnvironmentName, Finding, FindingCode, Inventory, RepoPath, Snapshot, Stages};
use crate::planner::Fleet;

use super::fault::{Fault, Refusal};
use super::parsing::parse_ahead;
use super::recording;
use super::remotes::Remotes;
use super::session::Session;

/// The commit that was read, the configuration in it, and what its environments run.
pub struct Reading {
    /// The files.
    pub snapshot: Snapshot,
    /// The base branch; none for a working tree or another revision.
    pub base: Option<git::Base>,
    /// What was read, for people: `main 4f1c2a9`.
    pub title: String,
    /// `promote.yaml`.
    pub configuration: Configuration,
    /// The environments.
    pub stages: Stages,
    /// What was looked for, if there is no configuration.
    pub looked_for: Vec<String>,
    /// The stage of those whose names tell no rank, if there is no configuration.
    pub unranked: Option<EnvironmentName>,
    /// What they run.
    pub inventory: Inventory,
    /// What else people should know.
    pub findings: Vec<Finding>,
    /// The URLs of the clone's remotes.
    pub remotes: Vec<String>,
    /// Where the files come from.
    store: Store,
    /// What was parsed of them.
    walker: Walker,
}

/// What a command needs of what it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To look: any revision will do.
    Look,
    /// To check what is checked out: HEAD, where there is a clone.
    Check,
    /// To write: only the remote's newest commit will do.
    Write,
}

/// Where files come from.
enum Store {
    Remote(Box<git::Workspace>),
    Clone,
    Worktree(std::path::PathBuf),
}

/// The configuration, at the repository's root.
pub const CONFIGURATION: &str = "promote.yaml";

impl Reading {
    /// Reads what a command asks for.
    ///
    /// # Errors
    /// The remote or the clone can't be read, or `promote.yaml` is broken.
    pub async fn of(session: &Session, purpose: Purpose, reach: Reach) -> Result<Self, Fault> {
        let mut reading = Self::begin(session, purpose).await?;
        let found = reading.follow_bootstrap(session).await?;
        reading.configure(session, found).await?;
        reading.take_stock(session, reach).await?;
        reading.compare_configuration(session);
        recording::recall(session, &mut reading).await;
        Ok(reading)
    }

    /// Reads what would be found if there were no configuration.
    ///
    /// # Errors
    /// The remote or the clone can't be read.
    pub async fn without_configuration(session: &Session) -> Result<Self, Fault> {
        let mut reading = Self::begin(session, Purpose::Look).await?;
        let found = reading.follow_bootstrap(session).await?;
        reading.find_environments(session, found).await?;
        reading.take_stock(session, Reach::Environments).await?;
        Ok(reading)
    }

    async fn begin(session: &Session, purpose: Purpose) -> Result<Self, Fault> {
        let (store, listing, base, title) = open(session, purpose).await?;
        Ok(Self {
            snapshot: listing.snapshot,
            base,
            title,
            configuration: Configuration::default(),
            stages: Stages { order: crate::model::Order::Unknown, stages: Vec::new() },
            looked_for: Vec::new(),
            unranked: None,
            inventory: Inventory::default(),
            findings: Vec::new(),
            remotes: remotes(session),
            store,
            walker: Walker::default(),
        })
    }

    /// Returns what a plan is made from.
    pub fn fleet(&self) -> Fleet<'_> {
        let same = self.configuration.same.as_ref().map_or(&[][..], |same| &same.value);
        Fleet { stages: &self.stages, inventory: &self.inventory, apps: &self.configuration.apps, same }
    }

    /// Computes the sources of the same commit with other bytes in some files; see [`Walker::walk_edited`].
    ///
    /// # Errors
    /// Files that the change reaches can't be read.
    pub async fn inventory_with(
        &mut self,
        session: &Session,
        files: &[(RepoPath, Vec<u8>)],
    ) -> Result<Inventory, Fault> {
        let edited = files.iter().map(|(path, bytes)| (path.clone(), bytes.as_slice().into())).collect();
        let scope = self.scope(Reach::Environments);
        loop {
            match self.walker.walk_edited(&self.snapshot, &scope, &self.inventory, &edited) {
                Walk::Done(inventory) => return Ok(inventory),
                Walk::Needs(paths) => self.store.load(session, &mut self.snapshot, &paths).await?,
            }
        }
    }

    /// Computes the inventory of other files, by the configuration that was read.
    ///
    /// # Errors
    /// Files that the walk reaches can't be read.
    pub async fn inventory_at(&mut self, session: &Session, mut snapshot: Snapshot) -> Result<Inventory, Fault> {
        let scope = self.scope(Reach::Environments);
        self.store.walk(session, &self.walker, &mut snapshot, &scope).await
    }

    /// Returns the private repository in which a change is built.
    pub fn workspace(&mut self) -> Option<&mut git::Workspace> {
        match &mut self.store {
            Store::Remote(workspace) => Some(workspace),
            Store::Clone | Store::Worktree(_) => None,
        }
    }

    /// Returns a file's text, if it was read and is UTF-8.
    pub fn text(&self, path: &RepoPath) -> Option<String> {
        self.snapshot.bytes(path).and_then(|bytes| std::str::from_utf8(bytes).ok()).map(str::to_owned)
    }

    /// Reads files that may be there.
    ///
    /// # Errors
    /// They are there and can't be read.
    pub async fn load(&mut self, session: &Session, paths: &[RepoPath]) -> Result<(), Fault> {
        self.store.load(session, &mut self.snapshot, paths).await
    }

    /// Returns, for each wanted text, the newest commit that brought it and is accepted; none in a working tree.
    ///
    /// # Errors
    /// The history can't be fetched or read.
    pub async fn writers(
        &mut self,
        session: &Session,
        wanted: &[git::Wanted],
        accepts: &git::Accepts<'_>,
    ) -> Result<Vec<Option<git::Touch>>, Fault> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        Ok(match (&mut self.store, &self.base, &session.clone) {
            (Store::Remote(workspace), Some(base), _) => workspace.writers(base, wanted, accepts).await?,
            (Store::Clone, _, Some(clone)) => clone.writers(&self.snapshot.commit, wanted, accepts)?,
            _ => vec![None; wanted.len()],
        })
    }

    fn scope(&self, reach: Reach) -> Scope {
        Scope {
            stages: self.stages.clone(),
            apps: self.configuration.apps.clone(),
            remotes: self.remotes.clone(),
            reach,
        }
    }

    /// The base is the branch that the bootstrap follows, if the remote has it and nobody says otherwise.
    ///
    /// Returns what was found on the way, if it is of the base that is read on.
    async fn follow_bootstrap(&mut self, session: &Session) -> Result<Option<Box<inventory::Discovery>>, Fault> {
        let Some(base) = self.base.clone().filter(|_| session.global.base.is_none()) else { return Ok(None) };
        if !self.snapshot.entries.keys().any(|path| path.file_name() == "gotk-sync.yaml") {
            return Ok(None);
        }
        let found = self.discovery(session).await?;
        let (Some(branch), Store::Remote(workspace)) =
            (found.bootstrap_branch.as_ref().filter(|branch| **branch != base.branch), &mut self.store)
        else {
            return Ok(Some(found));
        };
        if workspace.remote_tip(branch).await?.is_none() {
            return Ok(Some(found));
        }
        let base = workspace.fetch_base(Some(branch)).await?;
        self.snapshot = workspace.snapshot(&base.commit)?.snapshot;
        self.title = title(&base);
        self.base = Some(base);
        Ok(None)
    }

    async fn discovery(&mut self, session: &Session) -> Result<Box<inventory::Discovery>, Fault> {
        loop {
            parse_ahead(&self.walker, &self.snapshot);
            match self.walker.discover(&self.snapshot) {
                Look::Done(discovery) => return Ok(discovery),
                Look::Needs(paths) => self.store.load(session, &mut self.snapshot, &paths).await?,
            }
        }
    }

    /// Reads `promote.yaml`; what it doesn't say is found in the repository.
    async fn configure(&mut self, session: &Session, found: Option<Box<inventory::Discovery>>) -> Result<(), Fault> {
        let path: RepoPath = CONFIGURATION.parse().unwrap_or_else(|_| RepoPath::root());
        if self.snapshot.entry(&path).is_some() {
            let mut paths = vec![path.clone()];
            if matches!(self.store, Store::Remote(_)) {
                // A question to a remote costs more than some files too many in it.
                paths.extend(inventory::likely(&self.snapshot));
            }
            self.store.load(session, &mut self.snapshot, &paths).await?;
        }
        if let Some(bytes) = self.snapshot.bytes(&path) {
            let text = String::from_utf8_lossy(bytes).into_owned();
            self.configuration =
                repository::parse(&path, bytes).map_err(|error| Fault::from(error).with_text(|_| Some(text)))?;
        }
        match &self.configuration.stages {
            Some(stages) => self.stages = stages.clone(),
            None => self.find_environments(session, found).await?,
        }
        Ok(())
    }

    async fn find_environments(
        &mut self,
        session: &Session,
        found: Option<Box<inventory::Discovery>>,
    ) -> Result<(), Fault> {
        let discovery = match found {
            Some(found) => found,
            None => self.discovery(session).await?,
        };
        self.stages = discovery.stages;
        self.looked_for = discovery.looked_for;
        self.unranked = discovery.unranked;
        self.findings.extend(discovery.findings);
        Ok(())
    }

    async fn take_stock(&mut self, session: &Session, reach: Reach) -> Result<(), Fault> {
        let scope = self.scope(reach);
        self.inventory = self.store.walk(session, &self.walker, &mut self.snapshot, &scope).await?;
        doctor::production_first(&mut self.inventory, &self.stages);
        Ok(())
    }

    /// Says so if `promote.yaml` in the working tree is not the one that was read.
    fn compare_configuration(&mut self, session: &Session) {
        let Some(root) = session.clone.as_ref().and_then(|clone| clone.root().ok().flatten()) else { return };
        let Ok(path) = CONFIGURATION.parse::<RepoPath>() else { return };
        let here = std::fs::read(root.join(CONFIGURATION)).ok();
        let there = self.snapshot.bytes(&path);
        if here.as_deref() != there.map(AsRef::as_ref) {
            let message =
                format!("`promote.yaml` in the working tree differs from the one that was read ({})", self.title);
            self.findings.push(Finding { code: FindingCode::ConfigurationDiffers, message, place: None });
        }
    }

    /// Refuses to go on where no environment has a source.
    ///
    /// # Errors
    /// [`Refusal::NoEnvironments`] with what was looked for.
    pub fn must_have_sources(&self) -> Result<(), Fault> {
        if self.inventory.sources.is_empty() {
            let mut looked_for = self.looked_for.clone();
            if looked_for.is_empty() {
                looked_for.push(
                    "OCIRepository, HelmRelease, HelmChart and GitRepository below the paths of promote.yaml"
                        .to_owned(),
                );
            }
            return Err(Refusal::NoEnvironments { looked_for }.into());
        }
        Ok(())
    }
}

impl Store {
    /// Walks a snapshot, giving it the files that the walk asks for.
    async fn walk(
        &mut self,
        session: &Session,
        walker: &Walker,
        snapshot: &mut Snapshot,
        scope: &Scope,
    ) -> Result<Inventory, Fault> {
        loop {
            parse_ahead(walker, snapshot);
            match walker.walk(snapshot, scope) {
                Walk::Done(inventory) => return Ok(inventory),
                Walk::Needs(paths) => self.load(session, snapshot, &paths).await?,
            }
        }
    }

    async fn load(&mut self, session: &Session, snapshot: &mut Snapshot, paths: &[RepoPath]) -> Result<(), Fault> {
        match self {
            Self::Remote(workspace) => workspace.load(snapshot, paths).await?,
            Self::Clone => {
                if let Some(clone) = &session.clone {
                    clone.load(snapshot, paths)?;
                }
            }
            Self::Worktree(root) => git::load_worktree(root, snapshot, paths)?,
        }
        Ok(())
    }
}

fn title(base: &git::Base) -> String {
    format!("{} {}", base.branch, base.commit.to_string().chars().take(7).collect::<String>())
}

fn remotes(session: &Session) -> Vec<String> {
    let urls = session.clone.as_ref().map(|clone| clone.remote_urls(&session.plain_http())).unwrap_or_default();
    urls.iter().map(ToString::to_string).chain(session.global.repo.clone()).collect()
}

/// Finds the commit to read: the remote's newest, unless something else is asked for.
async fn open(session: &Session, purpose: Purpose) -> Result<(Store, git::Listing, Option<git::Base>, String), Fault> {
    let global = &session.global;
    if purpose == Purpose::Write {
        if global.at.is_some() {
            return Err(Refusal::ReadsOnly { flag: "--at" }.into());
        }
        if global.offline {
            return Err(Refusal::ReadsOnly { flag: "--offline" }.into());
        }
    }
    match (global.at.as_deref(), &session.clone) {
        (Some("worktree"), _) => {
            let directory = global.directory.clone().unwrap_or_else(|| ".".into());
            let root = git::worktree_root(&directory);
            let listing = git::worktree_snapshot(&root)?;
            Ok((Store::Worktree(root), listing, None, "the working tree".to_owned()))
        }
        (Some(revision), Some(clone)) => {
            let listing = clone.snapshot_at(revision)?;
            let short: String = listing.snapshot.commit.chars().take(7).collect();
            Ok((Store::Clone, listing, None, format!("{revision} {short}")))
        }
        (None, Some(clone)) if purpose == Purpose::Check => {
            let listing = clone.head_snapshot()?;
            let short: String = listing.snapshot.commit.chars().take(7).collect();
            Ok((Store::Clone, listing, None, format!("HEAD {short}")))
        }
        (None, Some(clone)) if global.offline => {
            let remote = clone.choose_remote(global.remote.as_deref())?;
            let tracked = clone.tracked(&remote, global.base.as_deref())?;
            let listing = clone.snapshot_at(&tracked.commit)?;
            let short: String = tracked.commit.chars().take(7).collect();
            Ok((Store::Clone, listing, None, format!("{} {short}, as last fetched", tracked.branch)))
        }
        (None, Some(clone)) if purpose == Purpose::Look && clone.has_no_remote() && global.remote.is_none() => {
            let listing = clone.head_snapshot()?;
            let short: String = listing.snapshot.commit.chars().take(7).collect();
            Ok((Store::Clone, listing, None, format!("HEAD {short}; there is no remote")))
        }
        _ => {
            let mut workspace = git::Workspace::create(connection(session)?)?;
            let base = workspace.fetch_base(global.base.as_deref()).await?;
            let listing = workspace.snapshot(&base.commit)?;
            let title = title(&base);
            Ok((Store::Remote(Box::new(workspace)), listing, Some(base), title))
        }
    }
}

/// Says how the remote is reached.
pub(super) fn connection(session: &Session) -> Result<git::Connection, Fault> {
    let plain_http = session.plain_http();
    let remote = match (&session.global.repo, &session.clone) {
        (Some(url), _) => {
            let here = std::env::current_dir().unwrap_or_else(|_| "/".into());
            git::RemoteUrl::parse(url, &here, &plain_http).map_err(|source| git::Error::Url { remote: None, source })?
        }
        (None, Some(clone)) => {
            clone.remote_url(&clone.choose_remote(session.global.remote.as_deref())?, &plain_http)?
        }
        (None, None) => return Err(git::Error::NoRemote.into()),
    };
    Ok(Remotes::of(session).connection(remote))
}
