//! Registries: lists tags, resolves versions to digests, and says which login was used.
//!
//! Everything is asked through [`crate::http`]; a digest is always computed here from the bytes that came. Each artifact
//! is listed once and each manifest fetched once for each [`Registries`], however many callers ask at the same time.

mod challenge;
mod credentials;
mod endpoint;
mod error;
mod helper;
mod layout;
mod link;
mod login;
mod manifest;
mod once;
mod realm;
mod settings;
mod tags;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::http::{Http, Request, Response};
use crate::model::OciRepository;

pub use self::credentials::{LoginSource, LoginUsed};
pub use self::error::Error;
pub use self::manifest::{Descriptor, Manifest, ManifestKind, ManifestReference};
pub use self::settings::{CredentialSettings, HostSettings, Settings};

use self::credentials::Credentials;
use self::endpoint::Endpoint;
use self::error::Subject;
use self::layout::Layout;
use self::login::Login;
use self::once::Once;

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
    logins: Mutex<HashMap<OciRepository, Arc<Login>>>,
    tags: Once<OciRepository, Arc<[String]>>,
    manifests: Once<(OciRepository, ManifestReference), Arc<Manifest>>,
}

impl Registries {
    /// Makes a view of all registries; nothing is asked and no credential is read before it is needed.
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

    fn layout(&self, repository: &OciRepository) -> Option<Layout<'_>> {
        self.shared.settings.host(repository.registry())?.layout.as_deref().map(Layout::new)
    }

    /// Returns what is needed to ask about one repository, at its mirror if the user named one.
    fn session(&self, repository: &OciRepository) -> Session<'_> {
        let shared = &self.shared;
        let host = shared.settings.host(repository.registry());
        let asked = match host.and_then(|host| host.mirror.as_deref()) {
            Some(mirror) => repository.at(mirror),
            None => repository.clone(),
        };
        let endpoint = Arc::clone(
            lock(&shared.endpoints)
                .entry(asked.registry().to_owned())
                .or_insert_with(|| Arc::new(Endpoint::new(asked.registry(), &shared.settings))),
        );
        let login = Arc::clone(lock(&shared.logins).entry(asked.clone()).or_default());
        Session { shared, artifact: repository.clone(), asked, endpoint, login }
    }
}

impl std::fmt::Debug for Registries {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Registries").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}

/// One repository, its endpoint and its login.
struct Session<'a> {
    shared: &'a Shared,
    /// The repository as the caller names it.
    artifact: OciRepository,
    /// The repository that is asked: at the mirror, if there is one.
    asked: OciRepository,
    endpoint: Arc<Endpoint>,
    login: Arc<Login>,
}

impl Session<'_> {
    /// Returns the URL of a path below the repository, such as `tags/list`.
    fn url(&self, rest: &str) -> Result<url::Url, Error> {
        self.endpoint.url(&format!("v2/{}/{rest}", self.asked.repository()))
    }

    /// Asks for a path below the repository, logging in if the registry wants that.
    async fn get(&self, rest: &str, accept: &str, cap: usize) -> Result<Response, Error> {
        let response = self.get_url(self.url(rest)?, accept, cap).await?;
        if self.endpoint.learns_tls(&response) {
            return self.get_url(self.url(rest)?, accept, cap).await;
        }
        Ok(response)
    }

    /// Asks for a URL of the registry's own origin.
    async fn get_url(&self, url: url::Url, accept: &str, cap: usize) -> Result<Response, Error> {
        let ask = |pass: &login::Pass| {
            let mut request = Request::get(url.clone(), cap).authorized(pass.token.clone());
            if let Ok(value) = reqwest::header::HeaderValue::from_str(accept) {
                request.headers.insert(reqwest::header::ACCEPT, value);
            }
            self.shared.http.send(request)
        };
        let pass = self.login.pass(self).await?;
        let response = ask(&pass).await?;
        if response.status != reqwest::StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        match self.login.renew(self, &response, &pass).await? {
            Some(pass) => Ok(ask(&pass).await?),
            None => Ok(response),
        }
    }

    /// Returns the error that a status other than 200 means.
    async fn refusal(&self, response: &Response, subject: Subject<'_>) -> Error {
        let pass = self.login.current().await;
        Error::of_status(response, &self.artifact, self.asked.registry(), subject, &pass)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
