//! The environment variables that this room may know of.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// Variables that `git`, `ssh` and credential helpers need to find their way; none of them begins with `GIT_`.
const ALLOWED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "SSH_AUTH_SOCK",
    "SSH_AGENT_PID",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    // Windows finds its libraries, folders and programs by these.
    "SYSTEMROOT",
    "SystemRoot",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "PROGRAMDATA",
    "TEMP",
    "TMP",
    "COMSPEC",
    "PATHEXT",
];

/// A copy of environment variables, taken once.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// Copies the variables of this process.
    pub fn of_process() -> Self {
        std::env::vars_os().collect()
    }

    /// Returns a variable that is set and not empty.
    pub fn value(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// Returns a variable that is set, not empty, and UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.value(name).and_then(OsStr::to_str)
    }

    /// Returns the variables that any child may have. `PATH` keeps its absolute folders only.
    pub(super) fn allowed(&self) -> Vec<(OsString, OsString)> {
        let mut variables = self.named(ALLOWED);
        for (_, value) in variables.iter_mut().filter(|(name, _)| name == "PATH") {
            let absolute: Vec<_> = std::env::split_paths(value).filter(|folder| folder.is_absolute()).collect();
            *value = std::env::join_paths(absolute).unwrap_or_default();
        }
        variables
    }

    /// Returns those of the named variables that are set.
    pub(super) fn named(&self, names: &[&str]) -> Vec<(OsString, OsString)> {
        names.iter().filter_map(|name| self.value(name).map(|value| (name.into(), value.to_owned()))).collect()
    }

    /// Returns the variables whose name begins with `prefix`.
    pub(super) fn beginning(&self, prefix: &str) -> Vec<(OsString, OsString)> {
        let begins = |name: &OsStr| name.to_str().is_some_and(|name| name.starts_with(prefix));
        self.0.iter().filter(|(name, _)| begins(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

impl<Name: Into<OsString>, Value: Into<OsString>> FromIterator<(Name, Value)> for Environment {
    fn from_iter<I: IntoIterator<Item = (Name, Value)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl std::fmt::Debug for Environment {
    /// Names only: values may be secrets.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}
