//! The connections under [`super::Http`]: one pool for each set of certificates, made when first needed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, NoProxy, Proxy};
use url::Url;

use super::{Error, Settings, is_loopback, lock};

/// What a pool of connections hangs on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Pool {
    tls: bool,
    direct: bool,
    ca: Option<PathBuf>,
}

/// Every pool so far. Not `Debug`: a proxy shows its password.
pub(super) struct Clients {
    pools: Mutex<HashMap<Pool, Client>>,
    proxy: Option<Proxy>,
}

impl Clients {
    pub(super) fn new(settings: &Settings) -> Result<Self, Error> {
        let named = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        // The environment stands before the configuration file.
        let environment = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
        let proxy = match &settings.proxy {
            Some(proxy) if !environment.iter().any(named) => {
                let proxy = Proxy::all(proxy.expose()).map_err(|_| Error::Proxy)?;
                Some(proxy.no_proxy(NoProxy::from_env()))
            }
            _ => None,
        };
        Ok(Self { pools: Mutex::default(), proxy })
    }

    /// Returns the client for a URL.
    pub(super) fn of(&self, url: &Url, settings: &Settings) -> Result<Client, Error> {
        let tls = url.scheme() == "https";
        let ca = settings.host(url).and_then(|host| host.ca.clone()).filter(|_| tls);
        let pool = Pool { tls, direct: is_loopback(url), ca };
        let mut pools = lock(&self.pools);
        if let Some(client) = pools.get(&pool) {
            return Ok(client.clone());
        }
        let client = self.build(&pool, settings)?;
        pools.insert(pool, client.clone());
        Ok(client)
    }

    fn build(&self, pool: &Pool, settings: &Settings) -> Result<Client, Error> {
        let mut builder = Client::builder()
            .user_agent(concat!("promote/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(settings.connect_timeout)
            .read_timeout(settings.idle_timeout)
            .pool_max_idle_per_host(settings.per_origin);
        if pool.direct {
            builder = builder.no_proxy();
        } else if let Some(proxy) = &self.proxy {
            builder = builder.proxy(proxy.clone());
        }
        if !pool.tls && pool.direct {
            // No certificate is read where none is needed: a container without any can still use loopback.
            return builder.tls_certs_only([]).build().map_err(|source| Error::Setup { source: Arc::new(source) });
        }
        let mut extra = Vec::new();
        for path in settings.ca.iter().chain(&pool.ca) {
            extra.extend(certificates(path)?);
        }
        if let Some(path) = std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty()) {
            // The verifier itself loads it; a file that can't be used would be ignored without a word.
            certificates(Path::new(&path))?;
        }
        builder.tls_certs_merge(extra).build().map_err(|source| Error::Setup { source: Arc::new(source) })
    }
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, Error> {
    let bytes =
        std::fs::read(path).map_err(|source| Error::Ca { path: path.to_owned(), source: Some(Arc::new(source)) })?;
    match Certificate::from_pem_bundle(&bytes) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(Error::Ca { path: path.to_owned(), source: None }),
    }
}
