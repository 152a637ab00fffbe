//! Git's configuration: `promote.<HOST>.<key>`, `promote.proxy`, `promote.ca`.

use super::value::{self, Root};
use super::{Error, Origin, Setting, Settings};
use crate::config::Fact;

/// The keys below a host. Most are of a registry or of a forge; the last two are of both.
const OF_HOST: [&str; 8] = ["layout", "mirror", "realms", "verify-key", "kind", "api", "plain-http", "ca"];
const OF_ALL: [&str; 2] = ["proxy", "ca"];

/// Reads the keys of `promote`, and passes over all others.
///
/// A key that is repeated is a list where lists are taken; else the last one counts, as for Git.
pub fn settings(
    entries: &[(String, String)],
    root: &Root,
    origin: impl Fn(String) -> Origin,
) -> Result<Settings, Error> {
    let mut settings = Settings::default();
    for (key, text) in entries {
        let Some(rest) = own(key) else { continue };
        let origin = origin(key.clone());
        match rest.rsplit_once('.') {
            Some((host, name)) => of_host(&mut settings, (host, name), text, root, origin)?,
            None => of_all(&mut settings, rest, text, root, origin)?,
        }
    }
    Ok(settings)
}

/// Git's sections have no case.
fn own(key: &str) -> Option<&str> {
    let (section, rest) = key.split_once('.')?;
    section.eq_ignore_ascii_case("promote").then_some(rest)
}

fn of_all(settings: &mut Settings, name: &str, text: &str, root: &Root, origin: Origin) -> Result<(), Error> {
    match name.to_ascii_lowercase().as_str() {
        "proxy" => settings.proxy = Some(value::setting(text, origin, value::proxy)?),
        "ca" => settings.ca = Some(value::setting(text, origin, |text| root.path(text))?),
        _ => return Err(Error { origin, fact: Box::new(Fact::unknown_key(name, OF_ALL)) }),
    }
    Ok(())
}

fn of_host(settings: &mut Settings, key: (&str, &str), text: &str, root: &Root, origin: Origin) -> Result<(), Error> {
    let (host, name) = key;
    let host = value::setting(host, origin.clone(), value::host)?.value;
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "layout" => settings.of_registry(host).layout = Some(value::setting(text, origin, |text| root.path(text))?),
        "verify-key" => {
            settings.of_registry(host).verify_key = Some(value::setting(text, origin, |text| root.path(text))?);
        }
        "mirror" => settings.of_registry(host).mirror = Some(value::setting(text, origin, value::host)?),
        "realms" => {
            let realm = value::setting(text, origin, value::host)?;
            let realms = &mut settings.of_registry(host).realms;
            match realms {
                Some(realms) => realms.value.push(realm.value),
                None => *realms = Some(Setting { value: vec![realm.value], origin: realm.origin }),
            }
        }
        "kind" => settings.of_forge(host).kind = Some(value::setting(text, origin, value::kind)?),
        "api" => settings.of_forge(host).api = Some(value::setting(text, origin, value::api)?),
        "plain-http" => {
            let plain = value::setting(text, origin, value::truth)?;
            settings.of_registry(host.clone()).plain_http = Some(plain.clone());
            settings.of_forge(host).plain_http = Some(plain);
        }
        "ca" => {
            let ca = value::setting(text, origin, |text| root.path(text))?;
            settings.of_registry(host.clone()).ca = Some(ca.clone());
            settings.of_forge(host).ca = Some(ca);
        }
        _ => return Err(Error { origin, fact: Box::new(Fact::unknown_key(&name, OF_HOST)) }),
    }
    Ok(())
}
