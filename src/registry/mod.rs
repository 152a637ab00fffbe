//! Registries, and Git repositories with tags: lists tags, resolves versions to digests, and says which login was used.
//!
//! Everything is asked through [`crate::http`]; a digest is always computed here from the bytes that came. Each artifact
//! is listed once and each manifest fetched once for each [`Registries`], however many callers ask at the same time.

mod challenge;
mod cloud;
mod connection;
mod credentials;
mod endpoint;
mod error;
mod helm;
mod helper;
mod layout;
mod link;
mod login;
mod manifest;
mod once;
mod probe;
mod progress;
mod realm;
mod referrers;
mod settings;
mod signature;
mod tags;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use crate::git::{self, RemoteTag};
use crate::http::{Http, Response};
use crate::model::{Demand, Digest, OciRepository};

pub use self::credentials::{LoginSource, LoginUsed};
pub use self::error::Error;
pub use self::helm::ChartVersion;
pub use self::manifest::{Descriptor, Manifest, ManifestKind, ManifestReference};
pub use self::probe::Probe;
pub use self::progress::{Progress, Watch};
pub use self::referrers::Referrer;
pub use self::settings::{CredentialSettings, HostSettings, Remotes, Settings};
pub use self::signature::Signed;

use self::connection::Connection;
use self::credentials::Credentials;
use self::endpoint::Endpoint;
use self::error::Subject;
use self::helm::ChartIndex;
use self::layout::Layout;
use self::login::Login;
use self::once::Once;

/// How many programs of others run at once.
const PROGRAMS: usize = 8;

/// Every registry of a run. Clones share what is known.
#[derive(Clone)]
pub struct Registries {
    shared: Arc<Shared>,
}

struct Shared {
    http: Http,
    settings: Settings,
    credentials: Credentials,
    endpoints: Mutex<HashMap<String, Arc<Endpoint>>>,
    logins: Mutex<HashMap<LoginKey, Arc<Login>>>,
    tags: Once<OciRepository, Arc<[String]>>,
    manifests: Once<(OciRepository, ManifestReference), Arc<Manifest>>,
    indexes: Once<String, Arc<ChartIndex>>,
    git_tags: Once<String, Arc<[RemoteTag]>>,
    /// Only so many programs run at once.
    programs: Semaphore,
}

/// A host, and the path at it for which a login is made.
type LoginKey = (String, Option<String>);

impl Registries {
    /// Makes a view of all registries; nothing is asked and no credential is read before it is needed.
    ///
    /// `http` must know the same hosts: see [`Settings::http_hosts`].
    pub fn new(http: Http, settings: Settings) -> Self {
        let credentials = Credentials::new(settings.credentials.clone());
        Self {
            shared: Arc::new(Shared {
                http,
                settings,
                credentials,
                endpoints: Mutex::default(),
                logins: Mutex::default(),
                tags: Once::default(),
                manifests: Once::default(),
                indexes: Once::default(),
                git_tags: Once::default(),
                programs: Semaphore::new(PROGRAMS),
            }),
        }
    }

    /// Returns every tag, in the registry's order, each once. The list is complete or an error says why it isn't.
    ///
    /// # Errors
    /// [`Error`], by what went wrong.
    pub async fn tags(&self, repository: &OciRepository) -> Result<Arc<[String]>, Error> {
        let list = async {
            match self.layout(repository) {
                Some(layout) => layout.tags(repository).await.map(Arc::from),
                None => tags::list(&self.session(repository)).await.map(Arc::from),
            }
        };
        self.shared.tags.get(repository.clone(), list).await
    }

    /// Returns the manifest under a tag or digest, as it was first seen in this run.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the registry says that there is none; else [`Error`], by what went wrong.
    pub async fn manifest(
        &self,
        repository: &OciRepository,
        reference: &ManifestReference,
    ) -> Result<Arc<Manifest>, Error> {
        let key = (repository.clone(), reference.clone());
        self.shared.manifests.get(key, self.manifest_again(repository, reference)).await
    }

    /// Returns the manifest under a tag or digest as it is now, for the last look before something is written.
    ///
    /// # Errors
    /// As [`Registries::manifest`].
    pub async fn manifest_again(
        &self,
        repository: &OciRepository,
        reference: &ManifestReference,
    ) -> Result<Arc<Manifest>, Error> {
        match self.layout(repository) {
            Some(layout) => layout.manifest(repository, reference).await.map(Arc::new),
            None => manifest::fetch(&self.session(repository), reference).await.map(Arc::new),
        }
    }

    /// Returns every version of a chart in a Helm repository over HTTP, in the order of its `index.yaml`.
    ///
    /// # Errors
    /// [`Error::NoChart`] if the index has no such chart; else [`Error`], by what went wrong.
    pub async fn chart_versions(&self, repository: &str, chart: &str) -> Result<Arc<[ChartVersion]>, Error> {
        let index = self.shared.indexes.get(repository.to_owned(), helm::fetch(&self.shared, repository)).await?;
        let absent = || Error::NoChart { repository: repository.to_owned(), chart: chart.to_owned() };
        index.versions(chart).ok_or_else(absent)
    }

    /// Returns every tag of a Git repository, in the order of their names, as it was first seen in this run.
    ///
    /// # Errors
    /// [`Error::Git`], by what went wrong.
    pub async fn git_tags(&self, url: &str) -> Result<Arc<[RemoteTag]>, Error> {
        self.shared.git_tags.get(url.to_owned(), self.git_tags_again(url)).await
    }

    /// Returns every tag of a Git repository as it is now, for the last look before something is written.
    ///
    /// # Errors
    /// As [`Registries::git_tags`].
    pub async fn git_tags_again(&self, url: &str) -> Result<Arc<[RemoteTag]>, Error> {
        let remotes = self.shared.settings.remotes.as_ref().ok_or(Error::NoGit)?;
        let _running = self.shared.programs.acquire().await;
        let connection = remotes.connection(url).map_err(Error::GitUrl)?;
        Ok(git::remote_tags(connection).await?.into())
    }

    /// Returns what points at a manifest: signatures and attestations. None is an empty list, never an error.
    ///
    /// # Errors
    /// [`Error`], by what went wrong; then nobody knows whether there are any.
    pub async fn referrers(&self, repository: &OciRepository, digest: &Digest) -> Result<Vec<Referrer>, Error> {
        match self.layout(repository) {
            Some(layout) => layout.referrers(repository, digest).await,
            None => referrers::list(&self.session(repository), digest).await,
        }
    }

    /// Tells whether content carries a signature that is demanded, by the program that verifies such ones.
    ///
    /// # Errors
    /// [`Error`] if that can't be told: the program or a key is missing, the registry doesn't answer.
    pub async fn signature(
        &self,
        repository: &OciRepository,
        digest: &Digest,
        demand: &Demand,
    ) -> Result<Signed, Error> {
        signature::verify(self, repository, digest, demand).await
    }

    /// Asks a registry for nothing but whether it answers and takes the login.
    pub async fn probe(&self, host: &str) -> Probe {
        probe::run(&self.shared, host).await
    }

    fn layout(&self, repository: &OciRepository) -> Option<Layout<'_>> {
        self.shared.settings.host(repository.registry())?.layout.as_deref().map(Layout::new)
    }

    /// Returns what is needed to ask about one repository, at its mirror if the user named one.
    fn session(&self, repository: &OciRepository) -> Session<'_> {
        let mirror = self.shared.settings.host(repository.registry()).and_then(|host| host.mirror.as_deref());
        let asked = mirror.map_or_else(|| repository.clone(), |mirror| repository.at(mirror));
        let connection = self.shared.connection(asked.registry(), Some(asked.repository()));
        Session { connection, artifact: repository.clone(), asked }
    }
}

impl Shared {
    /// Returns the connection to a registry, for a repository there or for itself.
    fn connection(&self, host: &str, path: Option<&str>) -> Connection<'_> {
        let fresh = || Arc::new(Endpoint::new(host, &self.settings));
        let endpoint = Arc::clone(lock(&self.endpoints).entry(host.to_owned()).or_insert_with(fresh));
        let key = (host.to_owned(), path.map(str::to_owned));
        let login = Arc::clone(lock(&self.logins).entry(key).or_default());
        Connection { shared: self, path: path.map(str::to_owned), endpoint, login }
    }
}

impl std::fmt::Debug for Registries {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Registries").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}

/// One repository of one registry.
struct Session<'a> {
    connection: Connection<'a>,
    /// The repository as the caller names it.
    artifact: OciRepository,
    /// The repository that is asked: at the mirror, if there is one.
    asked: OciRepository,
}

impl Session<'_> {
    /// Asks for a path below the repository, such as `tags/list`.
    async fn get(&self, rest: &str, accept: &str, cap: usize) -> Result<Response, Error> {
        self.connection.get(&format!("v2/{}/{rest}", self.asked.repository()), accept, cap).await
    }

    /// Returns the error that a status other than 200 means.
    async fn refusal(&self, response: &Response, subject: Subject<'_>) -> Error {
        let login = self.connection.login.used().await;
        Error::of_status(response, &self.artifact, self.asked.registry(), subject, login)
    }

    fn watch(&self, progress: Progress<'_>) {
        self.connection.shared.settings.progress.tell(progress);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
