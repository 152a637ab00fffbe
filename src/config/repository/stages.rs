//! `stages:` and its short form `environments:`, and the rules on them.

use std::collections::HashSet;

use super::schedule;
use super::shape::{self, OneOrMany};
use super::{Fact, File};
use crate::config::document::{Failure, Located};
use crate::config::fact;
use crate::constraint::Constraint;
use crate::model::{
    DigestRule, Environment, EnvironmentName, Evidence, Extent, Order, Protection, ReasonRule, RepoPath, Rule, Rules,
    Stage, Stages,
};

/// Returns the stages, if any are written.
pub fn stages(file: &File<'_>, written: &shape::Document) -> Result<Option<Stages>, Failure> {
    for (key, empty) in [
        ("stages", written.stages.as_ref().filter(|list| list.value.is_empty()).map(|list| list.at)),
        ("environments", written.environments.as_ref().filter(|list| list.value.is_empty()).map(|list| list.at)),
    ] {
        if let Some(at) = empty {
            return Err(Failure::at(nothing_listed(key), at));
        }
    }
    let stages = match (&written.stages, &written.environments) {
        (None, None) => return Ok(None),
        (Some(_), Some(short)) => return Err(short.wrong(Fact::Both { one: "stages", other: "environments" })),
        (Some(long), None) => {
            long.value.iter().map(|written| stage(file, &written.value)).collect::<Result<Vec<_>, _>>()?
        }
        (None, Some(short)) => {
            let alone = |written| environment(file, written, Rules::default()).map(stage_of_one);
            short.value.iter().map(alone).collect::<Result<Vec<_>, _>>()?
        }
    };
    let stages = Stages { order: Order::Configured, stages };
    let names = Names::of(written);
    names.check()?;
    for (name, rules) in names.rules() {
        if let Some(from) = rules.from {
            names.check_from(&stages, name, from)?;
        }
    }
    check_cycles(&stages, &names)?;
    Ok(Some(stages))
}

fn nothing_listed(key: &str) -> Fact {
    Fact::Malformed { message: format!("`{key}` lists nothing"), help: "list at least one environment" }
}

fn stage_of_one(environment: Environment) -> Stage {
    Stage { name: environment.name.clone(), environments: vec![environment] }
}

fn stage(file: &File<'_>, written: &shape::Stage) -> Result<Stage, Failure> {
    let shared = rules(file, written.rules(), Rules::default())?;
    let environments = &written.environments.value;
    if environments.is_empty() {
        return Err(written.environments.wrong(nothing_listed("environments")));
    }
    Ok(Stage {
        name: name(&written.name)?,
        environments: environments
            .iter()
            .map(|one| environment(file, one, shared.clone()))
            .collect::<Result<_, _>>()?,
    })
}

fn environment(file: &File<'_>, written: &Located<shape::Environment>, shared: Rules) -> Result<Environment, Failure> {
    Ok(Environment {
        name: name(&written.value.name)?,
        extent: extent(&written.value.path)?,
        rules: rules(file, written.value.rules(), shared)?,
        place: Some(file.place(written.at)),
    })
}

/// Parses the name of an environment or of a stage.
pub fn name(written: &Located<String>) -> Result<EnvironmentName, Failure> {
    written.parse(Fact::Name)
}

fn extent(written: &Located<String>) -> Result<Extent, Failure> {
    let path: RepoPath = written.parse(Fact::Path)?;
    let is_glob = written.value.contains(['*', '?', '[', '{']);
    Ok(if is_glob { Extent::Glob(path.as_str().to_owned()) } else { Extent::Directory(path) })
}

/// Returns the rules written here, in place of those that are shared.
fn rules(file: &File<'_>, written: shape::Rules<'_>, shared: Rules) -> Result<Rules, Failure> {
    if let Some(soak) = written.soak {
        return Err(soak.wrong(Fact::NotBuilt { rule: "soak".to_owned() }));
    }
    Ok(Rules {
        from: written.from.map(|from| from_rule(file, from)).transpose()?.or(shared.from),
        range: written.range.map(|one| range(file, one)).transpose()?.or(shared.range),
        evidence: written.evidence.map(|one| evidence(file, one)).transpose()?.or(shared.evidence),
        digest: written.digest.map(|one| digest(file, one)).or(shared.digest),
        freeze: match written.freeze {
            Some(freezes) => freezes.iter().map(|one| schedule::freeze(file, one)).collect::<Result<_, _>>()?,
            None => shared.freeze,
        },
        reason: written.reason.map(|one| reason(file, one)).transpose()?.or(shared.reason),
        protection: written.protection.map(|one| protection(file, one)).or(shared.protection),
    })
}

fn protection(file: &File<'_>, written: &Located<shape::Protection>) -> Rule<Protection> {
    let protection = match written.value {
        shape::Protection::Warn => Protection::Warn,
        shape::Protection::Require => Protection::Require,
    };
    file.rule(written, protection)
}

/// The text is kept: it is shown as it was written.
fn range(file: &File<'_>, written: &Located<String>) -> Result<Rule<String>, Failure> {
    written.parse::<Constraint>(Fact::Range)?;
    Ok(file.rule(written, written.value.clone()))
}

fn evidence(file: &File<'_>, written: &Located<shape::Evidence>) -> Result<Rule<Evidence>, Failure> {
    let evidence = match written.value {
        shape::Evidence::Admitted => Evidence::Admitted,
        shape::Evidence::Selected => Evidence::Selected,
        shape::Evidence::Observed => {
            return Err(written.wrong(Fact::NotBuilt { rule: "evidence: observed".to_owned() }));
        }
    };
    Ok(file.rule(written, evidence))
}

fn digest(file: &File<'_>, written: &Located<shape::Digest>) -> Rule<DigestRule> {
    let digest = match written.value {
        shape::Digest::Keep => DigestRule::Keep,
        shape::Digest::Required => DigestRule::Required,
    };
    file.rule(written, digest)
}

fn reason(file: &File<'_>, written: &Located<shape::Reason>) -> Result<Rule<ReasonRule>, Failure> {
    let pattern = &written.value.pattern;
    if let Some(pattern) = pattern
        && let Err(error) = regex::Regex::new(&pattern.value)
    {
        let message = match error {
            regex::Error::CompiledTooBig(_) => "the pattern is too large".to_owned(),
            _ => format!("`{}` is no regular expression", pattern.value.escape_debug()),
        };
        return Err(pattern.wrong(Fact::Malformed { message, help: "write it as `CHG-[0-9]+`" }));
    }
    let pattern = pattern.as_ref().map(|pattern| pattern.value.clone());
    Ok(file.rule(written, ReasonRule { required: written.value.required, pattern }))
}

fn from_rule(file: &File<'_>, written: &Located<OneOrMany>) -> Result<Rule<Vec<EnvironmentName>>, Failure> {
    let names = named(written).iter().map(name).collect::<Result<Vec<_>, _>>()?;
    if names.is_empty() {
        let message = "`from` names nothing".to_owned();
        return Err(
            written.wrong(Fact::Malformed { message, help: "name an environment or a stage, or remove `from`" })
        );
    }
    Ok(file.rule(written, names))
}

fn named(written: &Located<OneOrMany>) -> Vec<Located<String>> {
    match &written.value {
        OneOrMany::One(name) => vec![written.with(name.clone())],
        OneOrMany::Many(names) => names.clone(),
    }
}

/// A stage, or what the short form makes one of.
struct NamedStage<'a> {
    name: &'a Located<String>,
    rules: shape::Rules<'a>,
    environments: Vec<&'a Located<shape::Environment>>,
}

/// Every name that is given, with its place.
struct Names<'a> {
    stages: Vec<NamedStage<'a>>,
    short: bool,
}

impl<'a> Names<'a> {
    fn of(written: &'a shape::Document) -> Self {
        let long = written.stages.iter().flat_map(|stages| &stages.value).map(|stage| NamedStage {
            name: &stage.value.name,
            rules: stage.value.rules(),
            environments: stage.value.environments.value.iter().collect(),
        });
        let short = written.environments.iter().flat_map(|environments| &environments.value).map(|one| NamedStage {
            name: &one.value.name,
            rules: one.value.rules(),
            environments: vec![one],
        });
        Self { stages: long.chain(short).collect(), short: written.environments.is_some() }
    }

    fn environments(&self) -> impl Iterator<Item = &'a Located<shape::Environment>> + '_ {
        self.stages.iter().flat_map(|stage| stage.environments.iter().copied())
    }

    fn check(&self) -> Result<(), Failure> {
        let mut seen = HashSet::new();
        for environment in self.environments() {
            let name = &environment.value.name;
            if !seen.insert(name.value.as_str()) {
                return Err(name.wrong(Fact::DuplicateName { name: name.value.clone() }));
            }
        }
        let mut seen = HashSet::new();
        for NamedStage { name, environments, .. } in &self.stages {
            if !seen.insert(name.value.as_str()) {
                return Err(name.wrong(Fact::DuplicateName { name: name.value.clone() }));
            }
            let names_an_environment = self.environments().any(|one| one.value.name.value == name.value);
            let is_all_of_it = matches!(environments.as_slice(), [only] if only.value.name.value == name.value);
            if names_an_environment && !is_all_of_it {
                return Err(name.wrong(Fact::AmbiguousName { name: name.value.clone() }));
            }
        }
        Ok(())
    }

    /// Returns the rules of each stage and of each environment, under its name.
    fn rules(&self) -> Vec<(&'a str, shape::Rules<'a>)> {
        let stages = self.stages.iter().filter(|_| !self.short).map(|stage| (stage.name.value.as_str(), stage.rules));
        let environments = self.environments().map(|one| (one.value.name.value.as_str(), one.value.rules()));
        stages.chain(environments).collect()
    }

    fn all(&self) -> impl Iterator<Item = &'a str> + '_ {
        let stages = self.stages.iter().map(|stage| stage.name.value.as_str());
        stages.chain(self.environments().map(|one| one.value.name.value.as_str()))
    }

    fn check_from(&self, stages: &Stages, owner: &str, from: &Located<OneOrMany>) -> Result<(), Failure> {
        let rank = |name: &str| -> Option<usize> {
            let holds = |stage: &Stage| stage.environments.iter().any(|one| one.name.as_str() == name);
            stages.stages.iter().position(|stage| stage.name.as_str() == name || holds(stage))
        };
        for written in named(from) {
            let Some(its_rank) = rank(&written.value) else {
                let nearest = fact::nearest(&written.value, self.all());
                return Err(written.wrong(Fact::UnknownPlace { name: written.value.clone(), nearest }));
            };
            if written.value == owner {
                return Err(written.wrong(Fact::FromItself { name: owner.to_owned() }));
            }
            if rank(owner).is_some_and(|own| its_rank > own) {
                let environment = owner.to_owned();
                return Err(written.wrong(Fact::FromLater { name: written.value.clone(), environment }));
            }
        }
        Ok(())
    }

    fn place_of_from(&self, environment: &str) -> Option<&'a Located<OneOrMany>> {
        let holds = |environments: &[&Located<shape::Environment>]| {
            environments.iter().any(|one| one.value.name.value == environment)
        };
        let own = self.environments().find(|one| one.value.name.value == environment)?.value.rules().from;
        own.or_else(|| self.stages.iter().find(|stage| holds(&stage.environments)).and_then(|stage| stage.rules.from))
    }
}

/// Follows `from` inside each stage: between stages it only leads backwards.
fn check_cycles(stages: &Stages, names: &Names<'_>) -> Result<(), Failure> {
    for environment in stages.environments() {
        let mut path = vec![environment.name.clone()];
        if let Some(cycle) = cycle(stages, environment, &mut path) {
            let Some(written) = names.place_of_from(environment.name.as_str()) else {
                continue;
            };
            let fact = match cycle.as_slice() {
                [only] => Fact::FromItself { name: only.to_string() },
                names => Fact::FromCycle { names: names.iter().map(ToString::to_string).collect() },
            };
            return Err(written.wrong(fact));
        }
    }
    Ok(())
}

fn cycle(stages: &Stages, at: &Environment, path: &mut Vec<EnvironmentName>) -> Option<Vec<EnvironmentName>> {
    let from = at.rules.from.as_ref()?;
    for next in from.value.iter().flat_map(|name| stages.named(name)) {
        if path.first() == Some(&next.name) {
            return Some(path.clone());
        }
        if path.contains(&next.name) {
            continue;
        }
        path.push(next.name.clone());
        let found = cycle(stages, next, path);
        path.pop();
        if found.is_some() {
            return found;
        }
    }
    None
}
