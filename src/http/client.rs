//! The connections under [`super::Http`]: one pool for each set of certificates, made when first needed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client};
use url::Url;

use super::proxy;
use super::{Error, Route, Settings, is_loopback, lock};

/// What a pool of connections hangs on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Pool {
    tls: bool,
    loopback: bool,
    proxied: bool,
    ca: Option<PathBuf>,
}

/// Every pool so far. Not `Debug`: a proxy shows its password.
#[derive(Default)]
pub(super) struct Clients {
    pools: Mutex<HashMap<Pool, Client>>,
}

impl Clients {
    /// Returns the client for a URL.
    pub(super) fn of(&self, url: &Url, settings: &Settings) -> Result<Client, Error> {
        let tls = url.scheme() == "https";
        let ca = settings.host(url).and_then(|host| host.ca.clone()).filter(|_| tls);
        let route = settings.proxies.route(url);
        let pool = Pool { tls, loopback: is_loopback(url), proxied: route.proxy().is_some(), ca };
        let mut pools = lock(&self.pools);
        if let Some(client) = pools.get(&pool) {
            return Ok(client.clone());
        }
        let client = build(&pool, route, settings)?;
        pools.insert(pool, client.clone());
        Ok(client)
    }
}

fn build(pool: &Pool, route: Route<'_>, settings: &Settings) -> Result<Client, Error> {
    let mut builder = Client::builder()
        .user_agent(concat!("promote/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(settings.connect_timeout)
        .read_timeout(settings.idle_timeout)
        // Nothing but the route says which proxy.
        .no_proxy()
        .pool_max_idle_per_host(settings.per_origin);
    if let Some(url) = route.proxy() {
        builder = builder.proxy(proxy::client(url)?);
    }
    if !pool.tls && pool.loopback {
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

fn certificates(path: &Path) -> Result<Vec<Certificate>, Error> {
    let bytes =
        std::fs::read(path).map_err(|source| Error::Ca { path: path.to_owned(), source: Some(Arc::new(source)) })?;
    match Certificate::from_pem_bundle(&bytes) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(Error::Ca { path: path.to_owned(), source: None }),
    }
}
