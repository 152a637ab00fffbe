//! The user's own Git configuration, read once and re-applied explicitly where it is needed.

use std::path::Path;
use std::time::Duration;

use super::{Environment, Error, Program, RemoteUrl, escape};
use crate::process::{Child, arguments};

/// Where a value is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The machine's configuration.
    System,
    /// The user's configuration.
    Global,
    /// The clone's own configuration, or its working tree's.
    Local,
    /// `GIT_CONFIG_COUNT` and `-c`.
    Command,
}

/// One value of the configuration.
#[derive(Clone, PartialEq, Eq)]
pub struct Setting {
    /// Where it is configured.
    pub scope: Scope,
    /// The key: section and name in lower case, a subsection verbatim.
    pub key: String,
    /// The value; none for a key that stands alone, which means true.
    pub value: Option<String>,
}

/// All values, in the order in which later ones win.
#[derive(Clone, Debug, Default)]
pub struct Settings(Vec<Setting>);

/// Names below `http.` that say how a host is reached. `sslVerify` and `extraHeader` are not among them.
const HTTP: &[&str] = &[
    "proxy",
    "proxyauthmethod",
    "proxysslcainfo",
    "proxysslcert",
    "proxysslkey",
    "sslcainfo",
    "sslcapath",
    "sslcert",
    "sslkey",
    "sslcerttype",
    "sslkeytype",
    "sslbackend",
    "sslversion",
    "schannelcheckrevoke",
    "schannelusesslcainfo",
    "pinnedpubkey",
    "version",
    "emptyauth",
    "delegation",
];

impl Settings {
    /// Reads what `git` itself would obey in `directory`: system, global, local, and from the environment.
    ///
    /// `git` is asked, because it alone knows every file, include and condition. It ignores the configuration of
    /// a clone that belongs to somebody else.
    ///
    /// # Errors
    /// [`Error::Settings`] if the configuration can't be read.
    pub async fn read(program: &Program, environment: &Environment, directory: &Path) -> Result<Self, Error> {
        let mut variables = environment.allowed();
        variables.extend(environment.beginning("GIT_CONFIG_"));
        variables.push(("LC_ALL".into(), "C".into()));
        let child = Child {
            program: program.path(),
            arguments: arguments(["config", "--list", "--null", "--show-scope", "--includes"]),
            directory,
            environment: variables,
            input: Vec::new(),
            deadline: Duration::from_secs(10),
        };
        let output = child.run().await.map_err(|error| Error::of_child(error, "git config --list"))?;
        if !output.success() {
            return Err(Error::Settings { detail: escape(&String::from_utf8_lossy(&output.stderr), 500) });
        }
        Ok(Self::parse(&String::from_utf8_lossy(&output.stdout)))
    }

    /// Parses `scope NUL key LF value NUL …`.
    fn parse(text: &str) -> Self {
        let mut settings = Vec::new();
        let mut fields = text.split('\0');
        while let (Some(scope), Some(entry)) = (fields.next(), fields.next()) {
            let scope = match scope {
                "system" => Scope::System,
                "global" => Scope::Global,
                "local" | "worktree" => Scope::Local,
                "command" => Scope::Command,
                _ => continue,
            };
            let (key, value) = match entry.split_once('\n') {
                Some((key, value)) => (key, Some(value.to_owned())),
                None => (entry, None),
            };
            settings.push(Setting { scope, key: key.to_owned(), value });
        }
        Self(settings)
    }

    /// Returns every value, in the order in which later ones win.
    pub fn all(&self) -> &[Setting] {
        &self.0
    }

    /// Returns the values of `promote.*`, with the scope of each.
    pub fn of_promote(&self) -> impl Iterator<Item = &Setting> {
        self.0.iter().filter(|setting| setting.key.starts_with("promote."))
    }

    /// Returns the value that wins; an empty one counts as not set.
    pub fn value(&self, key: &str) -> Option<&str> {
        let last = self.0.iter().rev().find(|setting| setting.key == key)?;
        last.value.as_deref().filter(|value| !value.is_empty())
    }

    /// Returns every value of a key, in order.
    pub fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |setting| setting.key == key).filter_map(|setting| setting.value.as_deref())
    }

    /// Tells whether a key is set to one of Git's spellings of true.
    pub fn is_true(&self, key: &str) -> bool {
        let Some(last) = self.0.iter().rev().find(|setting| setting.key == key) else { return false };
        match last.value.as_deref() {
            None => true,
            Some(value) => {
                ["true", "yes", "on"].iter().any(|yes| value.eq_ignore_ascii_case(yes))
                    || value.parse::<i64>().is_ok_and(|number| number != 0)
            }
        }
    }

    /// Returns the names of the remotes that have a URL, in order.
    pub fn remotes(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for setting in &self.0 {
            let name = setting.key.strip_prefix("remote.").and_then(|rest| rest.strip_suffix(".url"));
            if let Some(name) = name
                && !names.contains(&name)
            {
                names.push(name);
            }
        }
        names
    }

    /// Returns the first URL of a remote, from which Git fetches.
    pub fn remote_url(&self, name: &str) -> Option<&str> {
        let key = format!("remote.{name}.url");
        self.0.iter().find(|setting| setting.key == key)?.value.as_deref()
    }

    /// Returns the credential helpers that Git would ask for this remote, in order.
    pub(super) fn credential_helpers(&self, remote: &RemoteUrl) -> Vec<&str> {
        let mut helpers = Vec::new();
        for setting in &self.0 {
            if url_of(&setting.key, "credential", "helper").is_some_and(|url| covers(url, remote)) {
                match setting.value.as_deref() {
                    // An empty value forgets the helpers of wider configuration.
                    None | Some("") => helpers.clear(),
                    Some(helper) => helpers.push(helper),
                }
            }
        }
        helpers
    }

    /// Returns the value of `credential.[url.]<name>` that Git would obey for this remote.
    pub(super) fn credential(&self, name: &str, remote: &RemoteUrl) -> Option<&str> {
        self.closest("credential", name, remote)
    }

    /// Returns what `http.[url.]*` says of how to reach this remote, by the names below `http.`.
    pub(super) fn http(&self, remote: &RemoteUrl) -> Vec<(&'static str, &str)> {
        HTTP.iter().filter_map(|name| self.closest("http", name, remote).map(|value| (*name, value))).collect()
    }

    /// Of equally close ones the later wins; `section.name` without a URL is the farthest.
    fn closest(&self, section: &str, name: &str, remote: &RemoteUrl) -> Option<&str> {
        let candidate = |setting: &'_ Setting| {
            let url = url_of(&setting.key, section, name)?;
            covers(url, remote).then(|| url.and_then(|url| remote.matched_by(url)))
        };
        let candidates = self.0.iter().filter_map(|setting| Some((candidate(setting)?, setting.value.as_deref()?)));
        candidates.max_by_key(|(closeness, _)| *closeness).map(|(_, value)| value)
    }
}

impl std::fmt::Debug for Setting {
    /// Without the value: proxies have passwords.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:?} {}", self.scope, self.key)
    }
}

/// Returns the URL of `section.<url>.name`: `Some(None)` for `section.name`, none for another key.
fn url_of<'a>(key: &'a str, section: &str, name: &str) -> Option<Option<&'a str>> {
    let rest = key.strip_prefix(section)?.strip_prefix('.')?;
    if rest == name {
        return Some(None);
    }
    Some(Some(rest.strip_suffix(name)?.strip_suffix('.')?))
}

fn covers(url: Option<&str>, remote: &RemoteUrl) -> bool {
    url.is_none_or(|url| remote.matched_by(url).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(entries: &[(&str, &str)]) -> Settings {
        let entry = |(key, value): &(&str, &str)| format!("global\0{key}\n{value}\0");
        Settings::parse(&entries.iter().map(entry).collect::<String>())
    }

    fn remote(text: &str) -> RemoteUrl {
        RemoteUrl::parse(text, Path::new("/"), &[]).expect(text)
    }

    #[test]
    fn helpers_are_those_that_git_would_ask_for_the_host() {
        let settings = settings(&[
            ("credential.helper", "store"),
            ("credential.https://github.com.helper", ""),
            ("credential.https://github.com.helper", "!gh auth git-credential"),
            ("credential.https://*.corp.helper", "corp"),
            ("credential.https://github.com/other.helper", "other"),
        ]);
        let helpers = |url| settings.credential_helpers(&remote(url));
        assert_eq!(helpers("https://github.com/acme/fleet"), ["!gh auth git-credential"]);
        assert_eq!(helpers("https://git.corp/acme/fleet"), ["store", "corp"]);
        assert_eq!(helpers("https://github.com.evil/acme/fleet"), ["store"]);
        assert_eq!(helpers("https://github.com:8443/acme/fleet"), ["store"]);
    }

    #[test]
    fn the_closest_url_decides_and_verification_is_never_switched_off() {
        let settings = settings(&[
            ("http.https://git.corp/acme.proxy", "http://near:1"),
            ("http.proxy", "http://far:1"),
            ("http.https://git.corp.sslcainfo", "/ca.pem"),
            ("http.sslverify", "false"),
            ("http.extraheader", "Authorization: x"),
        ]);
        let http = settings.http(&remote("https://git.corp/acme/fleet"));
        assert_eq!(http, [("proxy", "http://near:1"), ("sslcainfo", "/ca.pem")]);
        assert_eq!(settings.http(&remote("https://git.corp/acmes/fleet"))[0], ("proxy", "http://far:1"));
    }

    #[test]
    fn values_keep_their_scope_and_a_key_alone_is_true() {
        let text = "system\0core.bare\0global\0promote.git.corp.kind\ngitlab\0local\0remote.origin.url\nfile:///a\nb\0";
        let settings = Settings::parse(text);
        assert!(settings.is_true("core.bare"));
        assert_eq!(settings.of_promote().map(|setting| setting.scope).collect::<Vec<_>>(), [Scope::Global]);
        assert_eq!(settings.remote_url("origin"), Some("file:///a\nb"));
        assert_eq!(settings.remotes(), ["origin"]);
    }
}
