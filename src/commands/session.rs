//! What every command starts from: the arguments, the user's own configuration, the clone.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use super::arguments::{ForgeChoice, Global, Output};
use super::fault::{Fault, Refusal};
use super::job::Job;
use super::progress;
use super::remotes::Remotes;
use super::trail::Trail;
use crate::config::environment::ProcessEnvironment;
use crate::config::user;
use crate::forge::{self, Forge};
use crate::git;
use crate::http::{self, Http};
use crate::registry::{self, Registries};

/// The arguments, the user's own configuration, the clone.
pub struct Session {
    /// The arguments that every command has.
    pub global: Global,
    /// The process's environment.
    pub variables: BTreeMap<String, String>,
    /// The same, as Git's children may see it.
    pub environment: git::Environment,
    /// The `git` program.
    pub program: git::Program,
    /// The clone it was started in; none with `--repo`.
    pub clone: Option<git::Clone>,
    /// Git's configuration.
    pub git: git::Settings,
    /// The user's own configuration.
    pub user: user::Settings,
    /// The one HTTP client.
    pub http: Http,
    /// As whom the forge and its Git server are asked.
    pub logins: forge::Logins,
    /// What this run has written so far.
    pub trail: Trail,
    /// What it has to tell the CI job around it.
    pub job: Job,
}

impl Session {
    /// Finds the clone and reads the user's own configuration.
    ///
    /// # Errors
    /// No `git`, no clone, a configuration that can't be read.
    pub async fn open(
        global: Global,
        variables: BTreeMap<String, String>,
        trail: Trail,
        job: Job,
    ) -> Result<Self, Fault> {
        let process = ProcessEnvironment::read(&variables);
        let environment = git::Environment::of_process();
        let program = git::Program::find(&environment).await?;
        let directory = global.directory.clone().unwrap_or_else(|| PathBuf::from("."));
        let reads_files_only = global.at.as_deref() == Some("worktree");
        let clone = match git::Clone::open(&program, &environment, &directory).await {
            _ if global.repo.is_some() => None,
            Err(git::Error::NotAClone { .. }) if reads_files_only => None,
            found => Some(found?),
        };
        let git = match &clone {
            Some(clone) => clone.settings().clone(),
            None => git::Settings::read(&program, &environment, &directory).await?,
        };
        let root = clone.as_ref().and_then(|clone| clone.root().ok().flatten());
        let user = user_settings(&process, &git, root, &variables)?;
        let http = Http::new(http_settings(&user, &process, &variables))?;
        let logins = forge::Logins::new(variables.clone(), forge_hosts(&user), http.clone());
        Ok(Self { global, variables, environment, program, clone, git, user, http, logins, trail, job })
    }

    /// Returns every registry, as the user's own configuration reaches it.
    pub fn registries(&self) -> Registries {
        let hosts = self.user.registries.iter().map(|(host, settings)| {
            let settings = registry::HostSettings {
                layout: settings.layout.as_ref().map(|layout| layout.value.clone()),
                mirror: settings.mirror.as_ref().map(|mirror| mirror.value.clone()),
                plain_http: settings.plain_http.as_ref().is_some_and(|plain| plain.value),
                realms: settings.realms.as_ref().map(|realms| realms.value.clone()).unwrap_or_default(),
                ca: settings.ca.as_ref().map(|ca| ca.value.clone()),
                verify_key: settings.verify_key.as_ref().map(|key| key.value.clone()),
            };
            (host.clone(), settings)
        });
        let credentials = registry::CredentialSettings::from_environment();
        let quiet = self.is_json() || self.global.verbose > 0;
        let progress = if quiet { registry::Watch::default() } else { progress::on_terminal() };
        let remotes = Remotes::of(self);
        let remotes = registry::Remotes::new(move |url| remotes.connection_to(url));
        let registries = hosts.collect();
        let settings = registry::Settings { registries, credentials, remotes: Some(remotes), progress };
        Registries::new(self.http.clone(), settings)
    }

    /// Returns the forge that was asked for.
    pub fn forge_asked(&self) -> Option<forge::Kind> {
        self.global.forge.map(|choice| match choice {
            ForgeChoice::Github => forge::Kind::GitHub,
            ForgeChoice::Gitlab => forge::Kind::GitLab,
            ForgeChoice::Gitea | ForgeChoice::Forgejo => forge::Kind::Forgejo,
            ForgeChoice::None => forge::Kind::None,
        })
    }

    /// Returns the forge of a remote. Nothing is asked of the network.
    ///
    /// # Errors
    /// The remote is on no known forge, or there is no login for its host.
    pub fn forge(&self, asked: Option<forge::Kind>, remote: &str) -> Result<Box<dyn Forge>, forge::Error> {
        forge::connect(asked, remote, &self.logins, forge::Patience::default())
    }

    /// Returns the hosts that may be spoken to over plain HTTP.
    pub fn plain_http(&self) -> Vec<String> {
        let plain = |setting: &Option<user::Setting<bool>>| setting.as_ref().is_some_and(|plain| plain.value);
        self.user.forges.iter().filter(|(_, host)| plain(&host.plain_http)).map(|(name, _)| name.clone()).collect()
    }

    /// Tells whether the result is one JSON document.
    pub fn is_json(&self) -> bool {
        self.global.output == Output::Json
    }

    /// Tells whether a person reads the output or could be asked.
    pub fn is_attended() -> bool {
        std::io::stdout().is_terminal() || std::io::stdin().is_terminal()
    }
}

/// Merges the user's file with both of Git's configurations and the environment.
fn user_settings(
    process: &ProcessEnvironment,
    git: &git::Settings,
    clone: Option<PathBuf>,
    variables: &BTreeMap<String, String>,
) -> Result<user::Settings, Fault> {
    let of_scope = |wanted: fn(&git::Scope) -> bool| -> Vec<(String, String)> {
        let settings = git.of_promote().filter(|setting| wanted(&setting.scope));
        settings
            .map(|setting| (setting.key.clone(), setting.value.clone().unwrap_or_else(|| "true".to_owned())))
            .collect()
    };
    let local = of_scope(|scope| matches!(scope, git::Scope::Local | git::Scope::Command));
    let global = of_scope(|scope| matches!(scope, git::Scope::Global | git::Scope::System));
    let environment: Vec<(String, String)> =
        variables.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let file = match &process.user_file {
        Some(file) => match std::fs::read_to_string(&file.path) {
            Ok(text) => Some((file.path.clone(), text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !file.is_named => None,
            Err(source) => return Err(Refusal::UserFile { path: file.path.display().to_string(), source }.into()),
        },
        None => None,
    };
    let sources = user::Sources { file, clone, git_local: &local, git_global: &global, environment: &environment };
    Ok(user::Settings::merge(&sources)?)
}

/// Returns what the user's own configuration says of forges.
fn forge_hosts(user: &user::Settings) -> forge::Hosts {
    let hosts = user.forges.iter().map(|(host, settings)| {
        let kind = settings.kind.as_ref().map(|kind| match kind.value {
            user::ForgeKind::Github => forge::Kind::GitHub,
            user::ForgeKind::Gitlab => forge::Kind::GitLab,
            user::ForgeKind::Gitea | user::ForgeKind::Forgejo => forge::Kind::Forgejo,
        });
        let settings = forge::Host {
            kind,
            api: settings.api.as_ref().map(|api| api.value.clone()),
            plain_http: settings.plain_http.as_ref().is_some_and(|plain| plain.value),
        };
        (host.clone(), settings)
    });
    hosts.collect()
}

fn http_settings(
    user: &user::Settings,
    process: &ProcessEnvironment,
    variables: &BTreeMap<String, String>,
) -> http::Settings {
    let mut settings = if process.ci.is_some() { http::Settings::unattended() } else { http::Settings::default() };
    let plain = |setting: &Option<user::Setting<bool>>| setting.as_ref().is_some_and(|plain| plain.value);
    let ca = |setting: &Option<user::Setting<PathBuf>>| setting.as_ref().map(|ca| ca.value.clone());
    for (host, registry) in &user.registries {
        let host_settings = http::HostSettings { ca: ca(&registry.ca), plain_http: plain(&registry.plain_http) };
        settings.hosts.insert(host.clone(), host_settings);
    }
    for (host, forge) in &user.forges {
        let host_settings = http::HostSettings { ca: ca(&forge.ca), plain_http: plain(&forge.plain_http) };
        settings.hosts.insert(host.clone(), host_settings.clone());
        // An API may have a host of its own.
        if let Some(api) = forge.api.as_ref().and_then(|api| api.value.host_str().map(str::to_owned)) {
            settings.hosts.entry(api).or_insert(host_settings);
        }
    }
    let proxy = user.proxy.as_ref().map(|proxy| http::Token::new(proxy.value.expose()));
    settings.proxies = http::Proxies::new(|name| variables.get(name).cloned(), proxy);
    settings.ca = ca(&user.ca);
    settings
}
