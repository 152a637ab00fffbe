//! Whether a registry answers and takes the login, for `doctor`.

use super::credentials::LoginSource;
use super::{Error, LoginUsed, Shared};

/// What is known of a registry.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The registry as references name it.
    pub host: String,
    /// The mirror that is asked instead.
    pub mirror: Option<String>,
    /// The folder that is read instead.
    pub layout: Option<std::path::PathBuf>,
    /// The login that the user has for it, whether or not it was asked for.
    pub login: LoginSource,
    /// Whether it asked for a login.
    pub asks: bool,
    /// Whether it was asked over plain HTTP.
    pub plain_http: bool,
    /// Why it can't be read, if so.
    pub problem: Option<Error>,
}

/// Asks for `/v2/`, with the login if the registry wants one.
pub(super) async fn run(shared: &Shared, host: &str) -> Probe {
    let known = shared.settings.host(host);
    let mut probe = Probe {
        host: host.to_owned(),
        mirror: known.and_then(|known| known.mirror.clone()),
        layout: known.and_then(|known| known.layout.clone()),
        login: LoginSource::Nowhere,
        asks: false,
        plain_http: false,
        problem: None,
    };
    if let Some(layout) = &probe.layout {
        let unreadable = |source| Error::LayoutFile { path: layout.clone(), source: std::sync::Arc::new(source) };
        probe.problem = tokio::fs::read_dir(layout).await.err().map(unreadable);
        return probe;
    }
    let asked = probe.mirror.clone().unwrap_or_else(|| host.to_owned());
    let connection = shared.connection(&asked, None);
    match shared.credentials.of(&asked, None).await {
        Ok((_, source)) => probe.login = source,
        Err(error) => probe.problem = Some(error),
    }
    match connection.get("v2/", "application/json", 64 * 1024).await {
        Ok(response) => {
            probe.problem = match response.status.as_u16() {
                200 => probe.problem,
                401 | 403 => Some(Error::LoginRefused {
                    server: asked.clone(),
                    registry: asked,
                    login: Box::new(connection.login.used().await),
                }),
                _ => Some(Error::answer(&response, "nothing that a registry answers")),
            };
        }
        Err(error) => probe.problem = Some(error),
    }
    probe.asks = connection.endpoint.challenge().is_some();
    probe.plain_http = connection.endpoint.origin().is_ok_and(|origin| origin.to_string().starts_with("http://"));
    if let LoginUsed { withheld: Some(server), .. } = connection.login.used().await
        && probe.problem.is_none()
    {
        probe.problem = Some(Error::Withheld { registry: connection.endpoint.host().to_owned(), server });
    }
    probe
}
