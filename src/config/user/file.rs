//! `promote/config.yaml`.

use std::path::Path;

use serde::Deserialize;

use super::value::{self, Root};
use super::{Error, Forge, Origin, Registry, Setting, Settings};
use crate::config::Fact;
use crate::config::document::{self, Located, Named};
use crate::yaml::Position;

/// The keys of the file as people write them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Document {
    registries: Named<RegistryEntry>,
    forges: Named<ForgeEntry>,
    proxy: Option<Located<String>>,
    ca: Option<Located<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RegistryEntry {
    layout: Option<Located<String>>,
    mirror: Option<Located<String>>,
    plain_http: Option<Located<bool>>,
    realms: Option<Located<Vec<Located<String>>>>,
    ca: Option<Located<String>>,
    verify_key: Option<Located<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ForgeEntry {
    kind: Option<Located<String>>,
    api: Option<Located<String>>,
    plain_http: Option<Located<bool>>,
    ca: Option<Located<String>>,
}

/// Reads the file.
pub fn settings(path: &Path, text: &str, root: &Root) -> Result<Settings, Error> {
    let file = File { path, root };
    let written: Document = document::read(text.as_bytes()).map_err(|failure| {
        let origin = file.origin(failure.position());
        Error { origin, fact: Box::new(failure.fact) }
    })?;
    let mut settings = Settings {
        proxy: file.read(written.proxy.as_ref(), value::proxy)?,
        ca: file.path(written.ca.as_ref())?,
        ..Settings::default()
    };
    for (host, entry) in &written.registries.0 {
        settings.registries.insert(file.host(host)?, file.registry(&entry.value)?);
    }
    for (host, entry) in &written.forges.0 {
        settings.forges.insert(file.host(host)?, file.forge(&entry.value)?);
    }
    Ok(settings)
}

struct File<'a> {
    path: &'a Path,
    root: &'a Root,
}

impl File<'_> {
    fn origin(&self, at: Position) -> Origin {
        Origin::File { path: self.path.to_owned(), line: at.line, column: at.column }
    }

    fn read<T>(
        &self,
        written: Option<&Located<String>>,
        parse: impl FnOnce(&str) -> Result<T, Fact>,
    ) -> Result<Option<Setting<T>>, Error> {
        written.map(|written| value::setting(&written.value, self.origin(written.at), parse)).transpose()
    }

    fn path(&self, written: Option<&Located<String>>) -> Result<Option<Setting<std::path::PathBuf>>, Error> {
        self.read(written, |text| self.root.path(text))
    }

    fn host(&self, written: &Located<String>) -> Result<String, Error> {
        value::setting(&written.value, self.origin(written.at), value::host).map(|host| host.value)
    }

    fn truth(&self, written: Option<&Located<bool>>) -> Option<Setting<bool>> {
        written.map(|written| Setting { value: written.value, origin: self.origin(written.at) })
    }

    fn registry(&self, written: &RegistryEntry) -> Result<Registry, Error> {
        let realms = match &written.realms {
            None => None,
            Some(realms) => {
                let hosts = realms.value.iter().map(|realm| self.host(realm)).collect::<Result<Vec<_>, _>>()?;
                Some(Setting { value: hosts, origin: self.origin(realms.at) })
            }
        };
        Ok(Registry {
            layout: self.path(written.layout.as_ref())?,
            mirror: self.read(written.mirror.as_ref(), value::host)?,
            plain_http: self.truth(written.plain_http.as_ref()),
            realms,
            ca: self.path(written.ca.as_ref())?,
            verify_key: self.path(written.verify_key.as_ref())?,
        })
    }

    fn forge(&self, written: &ForgeEntry) -> Result<Forge, Error> {
        Ok(Forge {
            kind: self.read(written.kind.as_ref(), value::kind)?,
            api: self.read(written.api.as_ref(), value::api)?,
            plain_http: self.truth(written.plain_http.as_ref()),
            ca: self.path(written.ca.as_ref())?,
        })
    }
}
