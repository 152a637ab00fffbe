//! `apps:` and `same:`: what people promote, and where it is.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::shape::{self, OneOrNamed};
use super::{Fact, File, schedule, stages};
use crate::config::document::{Failure, Located};
use crate::config::{fact, host};
use crate::model::{AppDefinition, AppPart, Artifact, EnvironmentName, Hold, Rule, Stages, Version};

/// Returns the apps, in the order they are written.
pub fn apps(
    file: &File<'_>,
    written: &shape::Document,
    stages: Option<&Stages>,
) -> Result<Vec<AppDefinition>, Failure> {
    written.apps.0.iter().map(|(name, definition)| app(file, name, definition, stages)).collect()
}

fn app(
    file: &File<'_>,
    name: &Located<String>,
    written: &Located<shape::App>,
    stages: Option<&Stages>,
) -> Result<AppDefinition, Failure> {
    let parts = match (&written.value.artifact, &written.value.parts) {
        (None, None) => Vec::new(),
        (Some(artifact), None) => vec![part(artifact, stages)?],
        (Some(_), Some(parts)) => return Err(parts.wrong(Fact::Both { one: "artifact", other: "parts" })),
        (None, Some(parts)) => {
            parts.value.iter().map(|part| one_of_several(part, stages)).collect::<Result<Vec<_>, _>>()?
        }
    };
    Ok(AppDefinition {
        name: name.parse(Fact::Name)?,
        parts,
        team: written.value.team.as_ref().map(|team| team.value.clone()),
        holds: written.value.holds.iter().map(|one| hold(file, one, stages)).collect::<Result<_, _>>()?,
        place: file.place(name.at),
    })
}

fn one_of_several(written: &Located<shape::Part>, stages: Option<&Stages>) -> Result<AppPart, Failure> {
    let shape::Part { artifact, chart, image } = &written.value;
    match (artifact, chart, image) {
        (Some(one), None, None) | (None, Some(one), None) => part(one, stages),
        (None, None, Some(one)) => image_part(one),
        (Some(_), Some(_), _) => Err(written.wrong(Fact::Both { one: "artifact", other: "chart" })),
        (Some(_), _, Some(_)) => Err(written.wrong(Fact::Both { one: "artifact", other: "image" })),
        (_, Some(_), Some(_)) => Err(written.wrong(Fact::Both { one: "chart", other: "image" })),
        (None, None, None) => Err(written.wrong(Fact::MissingKey { key: "artifact".to_owned() })),
    }
}

/// An image is named as containers name it, without a tag.
fn image_part(written: &Located<String>) -> Result<AppPart, Failure> {
    if written.value.contains("://") {
        let message = format!("`{}` is no name of an image", written.value.escape_debug());
        return Err(written.wrong(Fact::Malformed { message, help: "write it as `registry.example.com/shop`" }));
    }
    artifact(&written.with(format!("oci://{}", written.value))).map(AppPart::Image)
}

fn part(written: &Located<OneOrNamed>, stages: Option<&Stages>) -> Result<AppPart, Failure> {
    match &written.value {
        OneOrNamed::One(text) => artifact(&written.with(text.clone())).map(AppPart::Everywhere),
        OneOrNamed::Each(each) => {
            let one = |(name, text): &(Located<String>, Located<String>)| Ok((known(name, stages)?, artifact(text)?));
            each.0.iter().map(one).collect::<Result<Vec<_>, Failure>>().map(AppPart::PerEnvironment)
        }
    }
}

fn artifact(written: &Located<String>) -> Result<Artifact, Failure> {
    written.parse(Fact::Artifact)
}

/// Parses the name of an environment or of a stage that is configured, if any is.
fn known(written: &Located<String>, stages: Option<&Stages>) -> Result<EnvironmentName, Failure> {
    let name = stages::name(written)?;
    let Some(stages) = stages.filter(|stages| stages.named(&name).is_empty()) else {
        return Ok(name);
    };
    let names = stages.environments().map(|one| one.name.as_str());
    let nearest = fact::nearest(&written.value, names.chain(stages.stages.iter().map(|stage| stage.name.as_str())));
    Err(written.wrong(Fact::UnknownPlace { name: written.value.clone(), nearest }))
}

fn hold(file: &File<'_>, written: &Located<shape::Hold>, stages: Option<&Stages>) -> Result<Rule<Hold>, Failure> {
    let shape::Hold { version, environment, reason, until } = &written.value;
    let hold = Hold {
        version: Version::parse_flux(&version.value).map_err(|error| version.wrong(Fact::Version(error)))?,
        environment: environment.as_ref().map(|name| known(name, stages)).transpose()?,
        reason: reason.clone(),
        until: until.as_ref().map(end_of_day).transpose()?,
    };
    Ok(file.rule(written, hold))
}

/// Dates are inclusive: the hold ends with the day.
fn end_of_day(written: &Located<String>) -> Result<Timestamp, Failure> {
    let date = schedule::date(written)?;
    let end = date.tomorrow().and_then(|next| next.to_zoned(TimeZone::UTC)).map(|moment| moment.timestamp());
    end.map_err(|_| {
        let message = format!("`{date}` is too far away");
        written.wrong(Fact::Malformed { message, help: "write a date of this century, or none" })
    })
}

/// Returns the hosts that are names of one registry.
pub fn same(file: &File<'_>, written: &Located<Vec<Located<String>>>) -> Result<Rule<Vec<String>>, Failure> {
    let hosts = written.value.iter().map(registry).collect::<Result<Vec<_>, _>>()?;
    if hosts.len() < 2 {
        let message = "`same` names fewer than two registries".to_owned();
        return Err(written.wrong(Fact::Malformed { message, help: "name two registries, or remove `same`" }));
    }
    Ok(file.rule(written, hosts))
}

fn registry(written: &Located<String>) -> Result<String, Failure> {
    let text = written.value.strip_prefix("oci://").map(|host| host.trim_end_matches('/'));
    text.and_then(host::parse).ok_or_else(|| {
        let message = format!("`{}` is no registry", written.value.escape_debug());
        written.wrong(Fact::Malformed { message, help: "write its host alone, as `oci://registry.example.com`" })
    })
}
