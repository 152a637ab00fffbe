//! What `doctor` asks of the forge and of registries, at the same time where it can be.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use futures_util::stream;

use super::reading::{Reading, connection};
use super::session::Session;
use crate::doctor::{self, ChartFacts, ForgeFacts, Listing, RegistryFacts, Scopes, Wanted, production};
use crate::forge::{self, Address, Forge, Kind};
use crate::model::{
    AppName, Artifact, BranchRules, Check, Choice, Failure, Inventory, OciRepository, Place, RepoPath, Stages, Subject,
};
use crate::registry::Registries;

/// So many registries are asked at once.
const AT_ONCE: usize = 16;
/// So many artifacts of a registry are tried before one that isn't there is held against it.
const TRIED: usize = 3;
/// What is said of what isn't asked.
const OFFLINE: &str = "it isn't asked with `--offline`";

/// The forge, or why there is no way to it.
pub struct Connected {
    /// The remote's URL, if there is one.
    pub remote: Option<String>,
    /// The kind of forge, as far as it is known.
    pub kind: Kind,
    host: String,
    way: Result<Box<dyn Forge>, Failure>,
}

/// Finds the forge of the remote. Nothing is asked of the network.
pub fn connect(session: &Session) -> Connected {
    let remote = connection(session).ok().map(|connection| connection.remote.to_string());
    let text = remote.clone().unwrap_or_default();
    let address = Address::of_remote(&text).ok().flatten();
    let kind = session.logins.kind_of(session.forge_asked(), address.as_ref());
    let asked = if remote.is_none() { Some(Kind::None) } else { session.forge_asked() };
    let way = session.forge(asked, &text);
    let kind = if remote.is_none() { Kind::None } else { kind.unwrap_or(Kind::None) };
    let way = way.map_err(|error| {
        let job = matches!(error, forge::Error::TokenMissing { .. }) && session.variables.contains_key("CI_JOB_TOKEN");
        let mut failure = Failure::of(&error);
        if job && kind == Kind::GitLab {
            failure.hint = Some(
                "set GITLAB_TOKEN to a project's access token with the scope `api`: CI_JOB_TOKEN can't open merge requests"
                    .to_owned(),
            );
        }
        failure
    });
    Connected { remote, kind, host: address.map(|address| address.host).unwrap_or_default(), way }
}

/// Asks whose token it is and what it may do; tells also why the forge can't be asked, if so.
pub async fn examine_forge(session: &Session, connected: &Connected) -> (Vec<Check>, Option<Failure>) {
    let forge = match &connected.way {
        Ok(forge) => forge,
        Err(failure) => return (vec![Check::failed(Subject::Forge, failure)], Some(failure.clone())),
    };
    if forge.kind() == Kind::None {
        let message = "no forge: branches are pushed, and the text of the pull request is printed";
        return (vec![Check::ok(Subject::Forge, message)], None);
    }
    if session.global.offline {
        let message = format!("{}: {OFFLINE}", connected.host);
        return (vec![Check::warning(Subject::Forge, message)], None);
    }
    let (account, access) = tokio::join!(forge.identity(), forge.access());
    let told = forge.told();
    let facts = ForgeFacts {
        host: connected.host.clone(),
        kind: forge.kind().to_string(),
        origin: forge.token_origin().unwrap_or_default().to_owned(),
        account: account.map(|account| account.map(|account| account.name)).map_err(|error| Failure::of(&error)),
        access: access.map(|access| (access.push, access.archived)).map_err(|error| Failure::of(&error)),
        scopes: match told.has_enough_scopes() {
            None => Scopes::Untold,
            Some(true) => Scopes::Enough(told.needless_scopes().into_iter().map(str::to_owned).collect()),
            Some(false) => Scopes::TooFew(told.scopes.clone().unwrap_or_default()),
        },
        skew: told.skew,
        notices: forge::notices(forge.kind(), forge.token_origin(), &session.variables),
    };
    let refused = facts.access.as_ref().err().cloned();
    (doctor::forge(&facts), refused)
}

/// Asks what the rules of the base branch are, and what the forge finds wrong with the owners.
pub async fn examine_branch(
    session: &Session,
    connected: &Connected,
    reading: &Reading,
    is_required: bool,
    refused: Option<Failure>,
) -> Vec<Check> {
    let base = reading.base.as_ref().map(|base| base.branch.clone());
    let branch = base.or_else(|| session.global.base.clone()).unwrap_or_else(|| "the base branch".to_owned());
    let settings = match connected.kind {
        Kind::GitHub => format!("Settings > Rules > {branch}"),
        Kind::GitLab => "Settings > Repository > Protected branches, Merge requests > Approvals".to_owned(),
        Kind::Forgejo => format!("Settings > Branches > {branch}"),
        Kind::None => "on the server".to_owned(),
    };
    let has_configuration = reading.configuration.stages.is_some();
    let wanted = Wanted { branch: &branch, is_required, settings: &settings, has_configuration };
    let hidden = |why: &str| doctor::branch(&BranchRules::hidden(why), &wanted);
    let forge = match (&connected.way, &refused) {
        (_, Some(failure)) | (Err(failure), None) => return hidden(&failure.message),
        (Ok(_), None) if session.global.offline && connected.kind != Kind::None => return hidden(OFFLINE),
        (Ok(forge), None) => forge,
    };
    let (rules, wrong) = tokio::join!(forge.branch_rules(&branch), forge.owner_errors(&branch));
    let mut checks = match rules {
        Ok(rules) => doctor::branch(&rules, &wanted),
        Err(error) => vec![Check::failed(Subject::Branch, &Failure::of(&error))],
    };
    match wrong {
        Ok(wrong) => checks.extend(wrong.into_iter().map(|wrong| {
            let line = wrong.source.map(|source| format!(": {}", source.trim())).unwrap_or_default();
            let check = Check::warning(Subject::Owners, format!("GitHub finds a mistake: {}{line}", wrong.kind));
            let path: Option<RepoPath> = wrong.path.parse().ok();
            match path {
                Some(path) => check.at(&Place { path, line: wrong.line, column: wrong.column }),
                None => check,
            }
        })),
        Err(error) => checks.push(Check::failed(Subject::Owners, &Failure::of(&error))),
    }
    checks
}

/// The apps of one registry or Helm repository, and some of its artifacts, those of production first.
struct Used<T> {
    apps: BTreeSet<AppName>,
    artifacts: Vec<T>,
}

impl<T> Default for Used<T> {
    fn default() -> Self {
        Self { apps: BTreeSet::new(), artifacts: Vec::new() }
    }
}

/// Asks every registry of the fleet whether it answers, takes the login, and lists an artifact completely.
pub async fn ask_registries(session: &Session, inventory: &Inventory, stages: &Stages) -> Vec<Check> {
    let (images, charts) = used(inventory, stages);
    if session.global.offline {
        let names: Vec<&str> = images.keys().chain(charts.keys()).map(String::as_str).collect();
        let asked = |name: &&str| Check::warning(Subject::Registry, format!("{name}: {OFFLINE}"));
        return names.iter().map(asked).collect();
    }
    let registries = session.registries();
    let home = session.variables.get("HOME").map(String::as_str).unwrap_or_default();
    let of_registries = stream::iter(images)
        .map(|(host, used)| {
            let registries = registries.clone();
            async move { (host.clone(), doctor::registry(&ask_registry(&registries, host, used, home).await)) }
        })
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<_>>();
    let of_charts = stream::iter(charts)
        .map(|(repository, used)| {
            let registries = registries.clone();
            async move { (repository.clone(), doctor::charts(&ask_charts(&registries, repository, used).await)) }
        })
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<_>>();
    let (mut checks, more) = tokio::join!(of_registries, of_charts);
    checks.extend(more);
    checks.sort_by(|(one, _), (two, _)| one.cmp(two));
    checks.into_iter().map(|(_, check)| check).collect()
}

fn used(
    inventory: &Inventory,
    stages: &Stages,
) -> (BTreeMap<String, Used<OciRepository>>, BTreeMap<String, Used<String>>) {
    let first = production(stages);
    // What floats is asked for nowhere.
    let chooses = |choice: &Choice| matches!(choice, Choice::Pin { .. } | Choice::Range { .. });
    let mut sources: Vec<_> = inventory.sources.iter().filter(|source| chooses(&source.choice)).collect();
    sources.sort_by_key(|source| !first.contains(&source.environment));
    let mut images: BTreeMap<String, Used<OciRepository>> = BTreeMap::new();
    let mut charts: BTreeMap<String, Used<String>> = BTreeMap::new();
    for source in sources {
        match &source.artifact {
            Ok(Artifact::Oci(repository)) => {
                images.entry(repository.registry().to_owned()).or_default().add(&source.app, repository);
            }
            Ok(Artifact::HelmChart { repository, chart }) => {
                charts.entry(repository.clone()).or_default().add(&source.app, chart);
            }
            Ok(Artifact::Git { .. }) | Err(_) => {}
        }
    }
    (images, charts)
}

impl<T: Clone + PartialEq> Used<T> {
    fn add(&mut self, app: &AppName, artifact: &T) {
        self.apps.insert(app.clone());
        if self.artifacts.len() < TRIED && !self.artifacts.contains(artifact) {
            self.artifacts.push(artifact.clone());
        }
    }
}

async fn ask_registry(registries: &Registries, host: String, used: Used<OciRepository>, home: &str) -> RegistryFacts {
    let list = async {
        let mut listing = Listing::Complete(0);
        for artifact in &used.artifacts {
            listing = match registries.tags(artifact).await {
                Ok(tags) => Listing::Complete(tags.len()),
                Err(error) => Listing::Failed(Failure::of(&error)),
            };
            // An artifact that isn't there says nothing of the registry, as long as another one is.
            if !matches!(&listing, Listing::Failed(failure) if failure.code == "repository-not-found") {
                break;
            }
        }
        listing
    };
    let (probe, listing) = tokio::join!(registries.probe(&host), list);
    let login = probe.login.to_string();
    let layout = probe.layout.map(|layout| layout.display().to_string());
    RegistryFacts {
        host,
        apps: used.apps.len(),
        login: if home.is_empty() { login } else { login.replace(home, "~") },
        instead: layout.or(probe.mirror),
        plain_http: probe.plain_http,
        problem: probe.problem.as_ref().map(|problem| Failure::of(problem)),
        listing,
    }
}

async fn ask_charts(registries: &Registries, repository: String, used: Used<String>) -> ChartFacts {
    let mut listing = Listing::Complete(0);
    for chart in &used.artifacts {
        listing = match registries.chart_versions(&repository, chart).await {
            Ok(versions) => Listing::Complete(versions.len()),
            Err(error) => Listing::Failed(Failure::of(&error)),
        };
        if !matches!(&listing, Listing::Failed(failure) if failure.code == "chart-not-found") {
            break;
        }
    }
    ChartFacts { repository, apps: used.apps.len(), listing }
}
