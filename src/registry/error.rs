//! Why a registry's answer is missing, or may not be used.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use crate::git;
use crate::http::{self, Response};
use crate::model::{Digest, Exit, OciRepository, Problem};

use super::cloud::Cloud;
use super::{LoginSource, LoginUsed, realm};

/// Why a question to a registry has no answer. Clones share their cause.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// No answer came.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// A Git repository whose tags are versions can't be asked.
    #[error(transparent)]
    Git(Arc<git::Error>),
    /// The address of a Git repository isn't used.
    #[error(transparent)]
    GitUrl(git::RemoteUrlError),
    /// Nobody said how Git repositories are reached.
    #[error("Git repositories aren't asked here")]
    NoGit,
    /// Nobody here can verify the signatures that are demanded.
    #[error("{why}")]
    SignatureUnsupported {
        /// Why.
        why: String,
    },
    /// What verifies the signatures is in a Secret that can't be read.
    #[error("what verifies it is in Secret `{secret}`, which {why}")]
    TrustUnknown {
        /// `namespace/name`.
        secret: String,
        /// What is the matter with it, and where.
        why: String,
        /// The registry.
        registry: String,
    },
    /// What the user supplied in the place of the Secret can't be read, or the copy of it can't be written.
    #[error("`{}` can't be used", path.display())]
    TrustFile {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: Arc<std::io::Error>,
    },
    /// The program that verifies is not there.
    #[error("`{program}` is not in PATH")]
    VerifierMissing {
        /// Its name.
        program: &'static str,
    },
    /// The program that verifies gave no answer.
    #[error("`{program}` {reason}")]
    Verifier {
        /// Its name.
        program: &'static str,
        /// What happened.
        reason: String,
        /// What that means for the run.
        exit: Exit,
    },
    /// The registry has no such repository.
    #[error("`{registry}` has no repository `{}`", artifact.repository())]
    NoRepository {
        /// The artifact.
        artifact: OciRepository,
        /// Who was asked.
        registry: String,
    },
    /// There is no Helm repository at the address.
    #[error("`{repository}` has no `index.yaml`")]
    NoIndex {
        /// The Helm repository's URL.
        repository: String,
    },
    /// The Helm repository let nobody in, or not this login.
    #[error("`{repository}` refuses its `index.yaml` with status {status} ({})", login.source)]
    IndexDenied {
        /// The Helm repository's URL.
        repository: String,
        /// 401 or 403.
        status: u16,
        /// Which login was used.
        login: Box<LoginUsed>,
    },
    /// The Helm repository has no such chart.
    #[error("`{repository}` has no chart `{chart}`")]
    NoChart {
        /// The Helm repository's URL.
        repository: String,
        /// The chart.
        chart: String,
    },
    /// The registry has no such tag or digest.
    #[error("`{artifact}` has no `{reference}`")]
    NotFound {
        /// The artifact.
        artifact: OciRepository,
        /// The tag or digest.
        reference: String,
    },
    /// The registry let nobody in, or not this login.
    #[error("`{registry}` refuses to read `{}` with status {status} ({})", artifact.repository(), login.source)]
    Denied {
        /// The artifact.
        artifact: OciRepository,
        /// Who was asked.
        registry: String,
        /// 401 or 403.
        status: u16,
        /// Which login was used.
        login: Box<LoginUsed>,
    },
    /// The registry gives some pages of the list to anybody, and the rest to others: Docker Hub does.
    #[error("`{registry}` refuses what follows the first {tags} tags of `{}` with status {status} ({})", artifact.repository(), login.source)]
    PageDenied {
        /// The artifact.
        artifact: OciRepository,
        /// Who was asked.
        registry: String,
        /// 401 or 403.
        status: u16,
        /// How many tags it gave.
        tags: usize,
        /// Which login was used.
        login: Box<LoginUsed>,
    },
    /// The token server refused.
    #[error("`{server}` refuses access ({})", login.source)]
    LoginRefused {
        /// The token server.
        server: String,
        /// The registry that named it.
        registry: String,
        /// Which login was used.
        login: Box<LoginUsed>,
    },
    /// The registry can be read, but without the login that there is for it.
    #[error("the login for `{registry}` was kept from the token server `{server}`")]
    Withheld {
        /// The registry.
        registry: String,
        /// The token server.
        server: String,
    },
    /// The registry wants a login of a kind that we don't know.
    #[error("`{registry}` asks for a login by `{scheme}`, which is none that registries use")]
    LoginScheme {
        /// The registry.
        registry: String,
        /// What it asks for.
        scheme: String,
    },
    /// The registry names a token server that must not be asked.
    #[error("`{registry}` sends logins to `{realm}`, which {reason}")]
    Realm {
        /// The registry.
        registry: String,
        /// The token server's URL, escaped.
        realm: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A file of logins that can't be read, or one that holds what is no login.
    #[error("the logins in `{}` can't be read", path.display())]
    LoginFile {
        /// The file.
        path: PathBuf,
        /// Why, if it could not be opened.
        source: Option<Arc<std::io::Error>>,
    },
    /// A credential helper that gives no login.
    #[error("the credential helper `docker-credential-{name}` {reason}")]
    Helper {
        /// Its name.
        name: String,
        /// What happened.
        reason: String,
    },
    /// The answer is none that a registry gives.
    #[error("`{url}` answered {status} with {problem}{}", quoted(excerpt))]
    Answer {
        /// What was asked.
        url: String,
        /// The status.
        status: u16,
        /// What is wrong with the answer.
        problem: String,
        /// How it begins, escaped.
        excerpt: String,
    },
    /// The bytes aren't those that were asked for or announced.
    #[error("`{artifact}` announced `{announced}` and sent `{sent}`")]
    DigestDiffers {
        /// The artifact, at the registry that was asked.
        artifact: OciRepository,
        /// What was asked for, or what the header says, escaped.
        announced: String,
        /// What the bytes are.
        sent: Digest,
    },
    /// The pages of a list lead nowhere, in a circle or elsewhere.
    #[error("the tag list of `{artifact}` is incomplete: {reason}")]
    Pages {
        /// The artifact.
        artifact: OciRepository,
        /// What is wrong.
        reason: String,
    },
    /// A folder or file of an image layout can't be read.
    #[error("`{}` can't be read", path.display())]
    LayoutFile {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: Arc<std::io::Error>,
    },
    /// An image layout that isn't one.
    #[error("`{}` {problem}", path.display())]
    Layout {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Subject<'a> {
    /// Something of the repository itself.
    Repository,
    /// What follows so many tags of its list.
    Page(usize),
    /// A tag or digest in it.
    Reference(&'a str),
}

#[derive(Deserialize)]
struct Body {
    errors: Vec<BodyError>,
}

#[derive(Deserialize)]
struct BodyError {
    code: String,
}

impl Error {
    /// Sorts an answer whose status is not 200.
    pub(super) fn of_status(
        response: &Response,
        artifact: &OciRepository,
        registry: &str,
        subject: Subject<'_>,
        login: LoginUsed,
    ) -> Self {
        let (artifact, registry) = (artifact.clone(), registry.to_owned());
        match (response.status.as_u16(), subject) {
            (404, Subject::Reference(reference)) if !has_code(response, "NAME_UNKNOWN") => {
                Self::NotFound { artifact, reference: reference.to_owned() }
            }
            (404, _) => Self::NoRepository { artifact, registry },
            (status @ (401 | 403), Subject::Page(tags)) => {
                Self::PageDenied { artifact, registry, status, tags, login: Box::new(login) }
            }
            (status @ (401 | 403), _) => Self::Denied { artifact, registry, status, login: Box::new(login) },
            _ => Self::answer(response, "nothing that a registry answers"),
        }
    }

    /// Makes the error for an answer that is none.
    pub(super) fn answer(response: &Response, problem: impl Into<String>) -> Self {
        let url = &response.url;
        Self::Answer {
            url: format!("{}{}", http::Origin::of(url), url.path()),
            status: response.status.as_u16(),
            problem: problem.into(),
            excerpt: response.excerpt(),
        }
    }

    /// Tells whether asking again in this run would only fail again.
    pub(super) fn is_lasting(&self) -> bool {
        self.exit() != Exit::Temporary
    }
}

/// Tells whether a registry's error answer holds a code of the distribution specification.
pub(super) fn has_code(response: &Response, code: &str) -> bool {
    serde_json::from_slice::<Body>(&response.bytes).is_ok_and(|body| body.errors.iter().any(|error| error.code == code))
}

impl From<git::Error> for Error {
    fn from(error: git::Error) -> Self {
        Self::Git(Arc::new(error))
    }
}

impl Problem for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Http(error) => error.code(),
            Self::Git(error) => error.code(),
            Self::GitUrl(_) => "url-refused",
            Self::NoGit => "git-not-asked",
            Self::SignatureUnsupported { .. } => "signature-unsupported",
            Self::TrustUnknown { .. } => "verify-key-unknown",
            Self::TrustFile { .. } => "verify-key-unreadable",
            Self::VerifierMissing { .. } => "verifier-missing",
            Self::Verifier { .. } => "verifier-failed",
            Self::NoRepository { .. } => "repository-not-found",
            Self::NoIndex { .. } => "index-not-found",
            Self::IndexDenied { .. } => "index-denied",
            Self::NoChart { .. } => "chart-not-found",
            Self::Withheld { .. } => "login-withheld",
            Self::NotFound { .. } => "not-found",
            Self::Denied { .. } | Self::PageDenied { .. } => "registry-denied",
            Self::LoginRefused { .. } => "login-refused",
            Self::LoginScheme { .. } => "login-unknown",
            Self::Realm { .. } => "realm-untrusted",
            Self::LoginFile { .. } => "login-unreadable",
            Self::Helper { .. } => "helper-failed",
            Self::Answer { .. } => "answer-unusable",
            Self::DigestDiffers { .. } => "digest-differs",
            Self::Pages { .. } => "list-incomplete",
            Self::LayoutFile { .. } => "layout-unreadable",
            Self::Layout { .. } => "layout-broken",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Http(error) => error.exit(),
            Self::Git(error) => error.exit(),
            Self::GitUrl(_) => Exit::Usage,
            Self::NoGit => Exit::Bug,
            Self::Verifier { exit, .. } => *exit,
            Self::SignatureUnsupported { .. } | Self::TrustUnknown { .. } | Self::VerifierMissing { .. } => {
                Exit::Refused
            }
            Self::TrustFile { .. } => Exit::Local,
            Self::NoRepository { .. } | Self::NoIndex { .. } | Self::NoChart { .. } | Self::NotFound { .. } => {
                Exit::Refused
            }
            Self::Denied { .. }
            | Self::PageDenied { .. }
            | Self::IndexDenied { .. }
            | Self::Withheld { .. }
            | Self::LoginRefused { .. }
            | Self::LoginScheme { .. }
            | Self::LoginFile { .. }
            | Self::Helper { .. } => Exit::Authentication,
            Self::Realm { .. }
            | Self::Answer { .. }
            | Self::DigestDiffers { .. }
            | Self::Pages { .. }
            | Self::Layout { .. } => Exit::Untrusted,
            Self::LayoutFile { .. } => Exit::Local,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Http(error) => error.hint(),
            Self::Git(error) if matches!(**error, git::Error::Moved { .. }) => {
                Some("write the new address into `url` of the GitRepository".to_owned())
            }
            Self::Git(error) => error.hint(),
            Self::TrustUnknown { registry, .. } => Some(format!(
                "put what it holds into a file or folder and name it: git config --global \
                 promote.{registry}.verify-key PATH"
            )),
            Self::TrustFile { .. } => Some("check `verify_key:` in your own configuration".to_owned()),
            Self::VerifierMissing { program } => Some(install(program).to_owned()),
            Self::Verifier { program, exit: Exit::Authentication, .. } => {
                Some(format!("log in with `docker login`: `{program}` reads Docker's configuration itself"))
            }
            Self::Verifier { exit: Exit::Temporary, .. } => Some("run again".to_owned()),
            Self::Verifier { program, .. } => Some(format!("try `{program} verify` by hand")),
            Self::GitUrl(git::RemoteUrlError::PlainHttp { host }) => {
                Some(format!("use https, or allow it: git config --global promote.{host}.plain-http true"))
            }
            Self::Denied { registry, login, .. } | Self::PageDenied { registry, login, .. } => {
                Some(login.hint(registry))
            }
            Self::LoginRefused { registry, login, .. } => Some(login.hint(registry)),
            Self::IndexDenied { repository, login, .. } => {
                let host = repository.split('/').nth(2).unwrap_or(repository);
                Some(login.hint(host))
            }
            Self::Withheld { registry, server } => Some(withheld_hint(server, registry)),
            Self::Realm { registry, reason, .. } => (*reason == realm::INTERNAL)
                .then(|| format!("if that is right, add it to `realms:` of `{registry}` in your own configuration")),
            Self::LoginFile { .. } => Some("repair the file, or log in again with `docker login`".to_owned()),
            Self::Helper { name, .. } => Some(format!("try `docker-credential-{name} get` by hand")),
            Self::Pages { .. } => Some("an incomplete list decides nothing; ask whoever runs the registry".to_owned()),
            Self::LayoutFile { .. } => Some("check `layout:` in your own configuration".to_owned()),
            Self::NoRepository { .. }
            | Self::NoIndex { .. }
            | Self::NoChart { .. }
            | Self::NotFound { .. }
            | Self::GitUrl(_)
            | Self::NoGit
            | Self::SignatureUnsupported { .. }
            | Self::LoginScheme { .. }
            | Self::Answer { .. }
            | Self::DigestDiffers { .. }
            | Self::Layout { .. } => None,
        }
    }
}

impl LoginUsed {
    fn hint(&self, registry: &str) -> String {
        match (&self.withheld, &self.source) {
            (Some(server), _) => withheld_hint(server, registry),
            (None, LoginSource::Nowhere) => {
                format!("{}; registries answer the same for what does not exist", way_in(registry))
            }
            (None, _) => format!(
                "check that the login may read it, or log in again with `docker login {registry}`; registries answer \
                 the same for what does not exist"
            ),
        }
    }
}

/// Returns how to get a login; those of clouds come from programs, not from the surroundings.
fn way_in(registry: &str) -> String {
    let helper = |name: &str| {
        format!(
            "set `{name}` for `{registry}` in `credHelpers` of Docker's `config.json`, or log in with `docker login`"
        )
    };
    match Cloud::of_host(registry) {
        Some(Cloud::Amazon) => helper("ecr-login"),
        Some(Cloud::Google) => {
            let host = registry.split(':').next().unwrap_or(registry);
            format!("log in with `gcloud auth configure-docker {host}`, or {}", helper("gcloud"))
        }
        Some(Cloud::Azure) => {
            let host = registry.split(':').next().unwrap_or(registry);
            format!("log in with `az acr login --name {}`", host.trim_end_matches(".azurecr.io"))
        }
        None => format!("log in with `docker login {registry}`"),
    }
}

fn install(program: &str) -> &'static str {
    match program {
        "notation" => "install notation: https://notaryproject.dev/docs/user-guides/installation/cli/",
        _ => "install cosign 3: https://docs.sigstore.dev/cosign/system_config/installation/",
    }
}

fn withheld_hint(server: &str, registry: &str) -> String {
    format!(
        "if the token server `{server}` belongs to the registry, and may get the login, add `realms: [{server}]` for \
         `{registry}` in your own configuration"
    )
}

fn quoted(excerpt: &str) -> String {
    if excerpt.is_empty() { String::new() } else { format!(": `{excerpt}`") }
}
