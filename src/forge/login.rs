//! As whom a forge and the Git server beside it are asked: with a token of the environment, or as a GitHub App.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jsonwebtoken::EncodingKey;

use super::address::{api_of, is_actions_server, is_named, kind_of};
use super::app::{App, Signer};
use super::{Address, Error, Hosts, Kind, token_for};
use crate::http::{Http, Token};

/// No key has as many bytes.
const KEY_CAP: u64 = 64 * 1024;

/// The variables of an App: its id, its key, the file of its key.
struct Variables {
    id: &'static str,
    key: &'static str,
    file: &'static str,
}

const PUBLIC: Variables =
    Variables { id: "GITHUB_APP_ID", key: "GITHUB_APP_PRIVATE_KEY", file: "GITHUB_APP_PRIVATE_KEY_FILE" };
const ENTERPRISE: Variables = Variables {
    id: "GITHUB_ENTERPRISE_APP_ID",
    key: "GITHUB_ENTERPRISE_APP_PRIVATE_KEY",
    file: "GITHUB_ENTERPRISE_APP_PRIVATE_KEY_FILE",
};

/// What the user's environment and configuration say of logins. Clones share what Apps were given.
#[derive(Clone)]
pub struct Logins {
    pub(super) environment: BTreeMap<String, String>,
    pub(super) hosts: Hosts,
    pub(super) http: Http,
    /// By host and path of the repository.
    apps: Arc<Mutex<BTreeMap<(String, String), App>>>,
}

/// A login of one repository.
#[derive(Clone, Debug)]
pub enum Login {
    /// A token that stays as it is, and the variable it is from.
    Token(Token, &'static str),
    /// Tokens that an App is given.
    App(App),
}

impl Logins {
    /// Takes the environment, and what the user's configuration says of hosts.
    pub fn new(environment: BTreeMap<String, String>, hosts: Hosts, http: Http) -> Self {
        Self { environment, hosts, http, apps: Arc::default() }
    }

    /// Returns the login for a host, and for a repository there if it is one; none if nothing is set for it. An App
    /// comes before a token: who sets both has the token for something else. Nothing is asked of the network.
    ///
    /// # Errors
    /// An App without a key, or with one that can't be used.
    pub fn of(&self, host: &str, address: Option<&Address>) -> Result<Option<Login>, Error> {
        let repository = address.filter(|address| address.host == host && address.owner_and_name().is_some());
        if let Some(address) = repository
            && let Some(variables) = self.variables_of(host)
            && let Some(id) = self.value(variables.id)
        {
            return self.app(variables, id, address).map(Login::App).map(Some);
        }
        Ok(token_for(host, &self.environment, &self.hosts).map(|(token, origin)| Login::Token(token, origin)))
    }

    /// Returns the kind of forge at an address; see [`kind_of`].
    ///
    /// # Errors
    /// [`Error::KindUnknown`] if nobody says.
    pub fn kind_of(&self, asked: Option<Kind>, address: Option<&Address>) -> Result<Kind, Error> {
        kind_of(asked, address, &self.environment, &self.hosts)
    }

    /// Returns the variables of the App that is at home on a host, by the rules of tokens.
    fn variables_of(&self, host: &str) -> Option<&'static Variables> {
        let configured = self.hosts.get(host).and_then(|host| host.kind) == Some(Kind::GitHub);
        let enterprise = configured || is_named(host, &self.environment, "GH_HOST");
        let is_public = host == "github.com" || is_actions_server(host, &self.environment);
        let rules = [(host == "github.com", &PUBLIC), (enterprise, &ENTERPRISE), (is_public, &PUBLIC)];
        let mut known = rules.into_iter().filter(|(may, _)| *may).map(|(_, variables)| variables);
        known.find(|variables| self.value(variables.id).is_some())
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    fn app(&self, variables: &Variables, id: &str, address: &Address) -> Result<App, Error> {
        let mut apps = self.apps.lock().unwrap_or_else(PoisonError::into_inner);
        let name = (address.host.clone(), address.path.clone());
        if let Some(app) = apps.get(&name) {
            return Ok(app.clone());
        }
        let signer = Signer { id: id.to_owned(), key: self.key(variables)?, origin: variables.id };
        let api = api_of(Kind::GitHub, address, &self.hosts)?;
        let app = App::new(signer, &address.host, &address.path, api, self.http.clone());
        apps.insert(name, app.clone());
        Ok(app)
    }

    fn key(&self, variables: &Variables) -> Result<EncodingKey, Error> {
        let (text, origin) = match (self.value(variables.key), self.value(variables.file)) {
            (Some(text), _) => (text.to_owned(), variables.key),
            (None, Some(path)) => {
                let unread = |source| Error::AppKey { origin: variables.file.to_owned(), source: Some(source) };
                (read(path).map_err(unread)?, variables.file)
            }
            (None, None) => {
                return Err(Error::AppIncomplete { id: variables.id, key: variables.key, file: variables.file });
            }
        };
        // Where a variable can't hold lines, people write their ends out.
        let text = text.replace("\\n", "\n");
        let unusable = |_| Error::AppKey { origin: origin.to_owned(), source: None };
        EncodingKey::from_rsa_pem(text.as_bytes()).map_err(unusable)
    }
}

fn read(path: &str) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?.take(KEY_CAP).read_to_string(&mut text)?;
    Ok(text)
}

impl Login {
    /// Returns the variable that it is from.
    pub fn origin(&self) -> &'static str {
        match self {
            Self::Token(_, origin) => origin,
            Self::App(app) => app.origin(),
        }
    }

    /// Returns the token to use now.
    ///
    /// # Errors
    /// The App gets none.
    pub async fn token(&self) -> Result<Token, Error> {
        match self {
            Self::Token(token, _) => Ok(token.clone()),
            Self::App(app) => app.token().await,
        }
    }

    /// Returns another token in place of one that was refused; none if there is no other.
    ///
    /// # Errors
    /// The App gets none.
    pub async fn token_after(&self, refused: &Token) -> Result<Option<Token>, Error> {
        match self {
            Self::Token(..) => Ok(None),
            Self::App(app) => app.token_after(refused).await.map(Some),
        }
    }
}
