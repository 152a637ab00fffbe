//! Logins from Docker's `config.json` and podman's `auth.json`.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use tokio::sync::OnceCell;

use crate::http::Token;

use super::helper;
use super::once::Once;
use super::{CredentialSettings, Error};

/// What a registry or its token server is given.
#[derive(Clone, Debug)]
pub(super) enum Credential {
    /// Nothing: anonymous.
    None,
    /// User and password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: Token,
    },
    /// A token that is exchanged for another one at the token server.
    Identity(Token),
    /// A token that the registry itself takes.
    Registry(Token),
}

/// Where a login came from, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LoginSource {
    /// There is none.
    #[default]
    Nowhere,
    /// The variable `DOCKER_AUTH_CONFIG`.
    Variable,
    /// A file.
    File(PathBuf),
    /// A helper program that a file names.
    Helper {
        /// The file.
        file: Option<PathBuf>,
        /// The program's name without `docker-credential-`.
        name: String,
    },
}

/// Which login was used, and which was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoginUsed {
    /// Where it came from.
    pub source: LoginSource,
    /// The token server that was not given the login, because nothing says that it may have it.
    pub withheld: Option<String>,
}

/// Every login that the user has.
pub(super) struct Credentials {
    settings: CredentialSettings,
    /// Those that can't be read are told of only if they would decide.
    files: OnceCell<Vec<Result<AuthFile, Error>>>,
    helped: Once<(String, String), Credential>,
}

struct AuthFile {
    path: Option<PathBuf>,
    auths: HashMap<String, AuthEntry>,
    helpers: HashMap<String, String>,
    store: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct AuthText {
    auths: Option<HashMap<String, AuthEntry>>,
    #[serde(rename = "credHelpers")]
    helpers: Option<HashMap<String, String>>,
    #[serde(rename = "credsStore")]
    store: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct AuthEntry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    #[serde(rename = "identitytoken")]
    identity: Option<String>,
    #[serde(rename = "registrytoken")]
    registry: Option<String>,
}

impl Credentials {
    pub(super) fn new(settings: CredentialSettings) -> Self {
        Self { settings, files: OnceCell::new(), helped: Once::default() }
    }

    /// Returns the login for a path at a host, the most specific one of the first source that has any.
    pub(super) async fn of(&self, host: &str, path: Option<&str>) -> Result<(Credential, LoginSource), Error> {
        let files = self.files.get_or_init(|| read(&self.settings)).await;
        let keys = keys(host, path);
        for file in files {
            let file = file.as_ref().map_err(Clone::clone)?;
            if let Some(found) = self.in_file(file, &keys, host).await? {
                return Ok(found);
            }
        }
        Ok((Credential::None, LoginSource::Nowhere))
    }

    async fn in_file(
        &self,
        file: &AuthFile,
        keys: &[String],
        registry: &str,
    ) -> Result<Option<(Credential, LoginSource)>, Error> {
        let helper = keys.iter().find_map(|key| file.helpers.get(key));
        if let Some(name) = helper {
            return self.helped(file, name, registry).await;
        }
        for key in keys {
            if let Some(credential) = file.auths.get(key).map(AuthEntry::credential) {
                let credential = credential.ok_or_else(|| unreadable(file.path.as_deref()))?;
                let source = match &file.path {
                    Some(path) => LoginSource::File(path.clone()),
                    None => LoginSource::Variable,
                };
                if !matches!(credential, Credential::None) {
                    return Ok(Some((credential, source)));
                }
            }
        }
        match &file.store {
            Some(name) if !name.is_empty() => self.helped(file, name, registry).await,
            _ => Ok(None),
        }
    }

    async fn helped(
        &self,
        file: &AuthFile,
        name: &str,
        registry: &str,
    ) -> Result<Option<(Credential, LoginSource)>, Error> {
        // Docker Hub's logins are kept under the URL of its first API.
        let server = if registry == HUB { HUB_KEY } else { registry };
        let key = (name.to_owned(), server.to_owned());
        let credential = self.helped.get(key, helper::run(name, server, &self.settings)).await?;
        let source = LoginSource::Helper { file: file.path.clone(), name: name.to_owned() };
        Ok((!matches!(credential, Credential::None)).then_some((credential, source)))
    }
}

const HUB: &str = "index.docker.io";
const HUB_KEY: &str = "https://index.docker.io/v1/";

/// Returns the names under which a login may stand, the most specific first: `host/a/b`, `host/a`, `host`.
fn keys(host: &str, path: Option<&str>) -> Vec<String> {
    let hosts: &[&str] = match host {
        HUB => &[HUB, "docker.io", "registry-1.docker.io"],
        host => &[host],
    };
    let (mut keys, mut path) = (Vec::new(), path);
    while let Some(current) = path {
        keys.extend(hosts.iter().map(|host| format!("{host}/{current}")));
        path = current.rsplit_once('/').map(|(parent, _)| parent);
    }
    keys.extend(hosts.iter().map(ToString::to_string));
    keys
}

/// Returns a key of a file without what Docker's versions wrote around the host.
fn normal(key: &str) -> String {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let bare = bare.trim_end_matches('/');
    let bare = bare.strip_suffix("/v1").or_else(|| bare.strip_suffix("/v2")).unwrap_or(bare);
    bare.to_owned()
}

fn unreadable(path: Option<&Path>) -> Error {
    Error::LoginFile { path: path.unwrap_or(Path::new("DOCKER_AUTH_CONFIG")).to_owned(), source: None }
}

async fn read(settings: &CredentialSettings) -> Vec<Result<AuthFile, Error>> {
    let mut files = Vec::new();
    if let Some(text) = &settings.inline {
        files.push(parse(text.expose().as_bytes(), None));
    }
    for path in &settings.files {
        match tokio::fs::read(path).await {
            Ok(bytes) => files.push(parse(&bytes, Some(path))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {}
            Err(source) => files.push(Err(Error::LoginFile { path: path.clone(), source: Some(Arc::new(source)) })),
        }
    }
    files
}

fn parse(bytes: &[u8], path: Option<&Path>) -> Result<AuthFile, Error> {
    // The parser's message may quote the file, and with it a password.
    let text: AuthText = serde_json::from_slice(bytes).map_err(|_| unreadable(path))?;
    let auths = text.auths.unwrap_or_default().into_iter().map(|(key, entry)| (normal(&key), entry)).collect();
    let helpers = text.helpers.unwrap_or_default().into_iter().map(|(key, name)| (normal(&key), name)).collect();
    Ok(AuthFile { path: path.map(Path::to_owned), auths, helpers, store: text.store })
}

impl AuthEntry {
    /// Returns the login; none if it is written as none can be.
    fn credential(&self) -> Option<Credential> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(token) = given(&self.registry) {
            return Some(Credential::Registry(Token::new(token)));
        }
        if let Some(token) = given(&self.identity) {
            return Some(Credential::Identity(Token::new(token)));
        }
        let pair = match given(&self.auth) {
            Some(auth) => Some(decoded(&auth)?),
            None => given(&self.username).zip(given(&self.password)),
        };
        Some(pair.map_or(Credential::None, |(user, password)| Credential::of(user, password)))
    }
}

impl Credential {
    /// Returns the login that a user and a secret stand for; the user `<token>` marks an identity token.
    pub(super) fn of(user: String, secret: String) -> Self {
        let secret = Token::new(secret);
        if user == "<token>" { Self::Identity(secret) } else { Self::Password { user, password: secret } }
    }
}

fn decoded(auth: &str) -> Option<(String, String)> {
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes = GeneralPurpose::new(&alphabet::STANDARD, lenient).decode(auth.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.trim_end_matches('\0').to_owned()))
}

impl fmt::Display for LoginSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => formatter.write_str("no login"),
            Self::Variable => formatter.write_str("login from DOCKER_AUTH_CONFIG"),
            Self::File(path) => write!(formatter, "login from {}", path.display()),
            Self::Helper { file: Some(path), name } => {
                write!(formatter, "login from {} (helper {name})", path.display())
            }
            Self::Helper { file: None, name } => write!(formatter, "login from DOCKER_AUTH_CONFIG (helper {name})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_looked_up_before_its_host() {
        let keys = keys("reg.example:5000", Some("acme/team/app"));
        let expected = ["reg.example:5000/acme/team/app", "reg.example:5000/acme/team", "reg.example:5000/acme"];
        assert_eq!(keys[..3], expected);
        assert_eq!(keys[3], "reg.example:5000");
    }

    #[test]
    fn hosts_are_found_however_docker_wrote_them() {
        for key in ["index.docker.io", "https://index.docker.io/v1/", "http://index.docker.io/v2", "index.docker.io/"] {
            assert_eq!(normal(key), "index.docker.io", "{key}");
        }
        assert!(keys(HUB, Some("acme/app")).contains(&"docker.io".to_owned()));
        assert_eq!(normal("https://reg.example/acme/v1"), "reg.example/acme");
    }

    #[test]
    fn a_password_may_hold_colons_and_an_auth_may_lack_padding() {
        assert_eq!(decoded("Y2k6czM6Y3I="), Some(("ci".into(), "s3:cr".into())));
        assert_eq!(decoded("Y2k6czM6Y3I"), Some(("ci".into(), "s3:cr".into())));
        assert_eq!(decoded("Y2k="), None);
        assert_eq!(decoded("%%%"), None);
    }
}
