//! Rules that need only the version and the time: range, holds, freezes, the reason.

use std::cmp::Ordering;

use jiff::{Timestamp, ToSpan, Zoned, civil};

use super::{Purpose, Request};
use crate::constraint::{Admission, Constraint};
use crate::model::{
    AppDefinition, Environment, EnvironmentName, Freeze, Hold, Place, Reason, ReasonCode, Rule, Stages, Version,
};

/// Returns each of these rules that says no.
pub(super) fn objections(
    request: &Request,
    stages: &Stages,
    definition: Option<&AppDefinition>,
    environment: &Environment,
    version: &Version,
) -> Vec<Reason> {
    let mut reasons = Vec::new();
    reasons.extend(outside_range(environment, version));
    for hold in definition.map_or(&[][..], |definition| &definition.holds) {
        if hold.value.applies(stages, environment, version, request.now) {
            reasons.push(hold.value.objection(hold.place.clone()));
        }
    }
    for freeze in &environment.rules.freeze {
        reasons.extend(frozen(freeze, request.now));
    }
    if request.purpose == Purpose::Write {
        reasons.extend(unreasoned(request, environment));
    }
    reasons
}

/// The range of versions that may ever go to an environment; `*` admits no pre-release.
fn outside_range(environment: &Environment, version: &Version) -> Option<Reason> {
    let rule = environment.rules.range.as_ref();
    let text = rule.map_or("*", |rule| rule.value.as_str());
    let place = rule.and_then(|rule| rule.place.clone());
    let name = &environment.name;
    let constraint = match text.parse::<Constraint>() {
        Ok(constraint) => constraint,
        Err(error) => {
            let message = format!("{name}'s range `{text}` can't be read: {error}");
            return Some(Reason { code: ReasonCode::OutsideRange, message, place });
        }
    };
    let (code, message) = match constraint.explain(version) {
        Admission::Admitted => return None,
        Admission::PreRelease { .. } => {
            let message = format!("a pre-release; {name}'s range `{text}` has no -0, so pre-releases don't match");
            (ReasonCode::PreRelease, message)
        }
        Admission::Outside { .. } => (ReasonCode::OutsideRange, format!("outside {name}'s range `{text}`")),
    };
    Some(Reason { code, message, place })
}

impl Hold {
    fn applies(&self, stages: &Stages, environment: &Environment, version: &Version, now: Timestamp) -> bool {
        let here = |name: &EnvironmentName| stages.named(name).iter().any(|named| named.name == environment.name);
        self.version.precedence(version) == Ordering::Equal
            && self.environment.as_ref().is_none_or(here)
            && self.until.is_none_or(|until| now < until)
    }

    fn objection(&self, place: Option<Place>) -> Reason {
        let mut message = "held".to_owned();
        if let Some(reason) = &self.reason {
            message.push_str(&format!(": {reason}"));
        }
        if let Some(until) = self.until {
            message.push_str(&format!(", until {}", until.strftime("%Y-%m-%d %H:%M UTC")));
        }
        Reason { code: ReasonCode::Held, message, place }
    }
}

fn frozen(rule: &Rule<Freeze>, now: Timestamp) -> Option<Reason> {
    let until = rule.value.holds_until(now)?;
    let zone = until.time_zone().iana_name().unwrap_or("UTC").to_owned();
    let why = rule.value.reason.as_ref().map_or(String::new(), |reason| format!(" ({reason})"));
    let message = format!("frozen until {} {zone}{why}", until.strftime("%a %Y-%m-%d %H:%M"));
    Some(Reason { code: ReasonCode::Frozen, message, place: rule.place.clone() })
}

impl Freeze {
    /// Returns the end of this freeze if it holds at `now`.
    ///
    /// Hours begin on each of `days` and may pass midnight, so yesterday's may still hold today.
    fn holds_until(&self, now: Timestamp) -> Option<Zoned> {
        let local = now.to_zoned(self.zone.clone());
        let start_of = |date: civil::Date| date.to_zoned(self.zone.clone()).ok();
        if let Some((first, last)) = self.dates {
            let end = last.checked_add(1.day()).ok()?;
            let inside = first <= local.date() && local.date() <= last;
            return if inside { start_of(end) } else { None };
        }
        [local.date().yesterday().ok()?, local.date()].into_iter().find_map(|date| {
            if !self.days.contains(&date.weekday()) {
                return None;
            }
            let tomorrow = date.tomorrow().ok()?;
            let (begin, end) = match self.hours {
                None => (start_of(date)?, start_of(tomorrow)?),
                Some((from, None)) => (date.to_datetime(from).to_zoned(self.zone.clone()).ok()?, start_of(tomorrow)?),
                Some((from, Some(until))) => {
                    let last = if until > from { date } else { tomorrow };
                    let zoned = |date: civil::Date, time| date.to_datetime(time).to_zoned(self.zone.clone()).ok();
                    (zoned(date, from)?, zoned(last, until)?)
                }
            };
            (begin <= local && local < end).then_some(end)
        })
    }
}

/// What an environment asks of `--reason`.
fn unreasoned(request: &Request, environment: &Environment) -> Option<Reason> {
    let rule = environment.rules.reason.as_ref()?;
    let name = &environment.name;
    let objection = |code, message| Some(Reason { code, message, place: rule.place.clone() });
    match (&request.reason, &rule.value.pattern) {
        (None, _) if rule.value.required => {
            objection(ReasonCode::ReasonRequired, format!("{name} asks for a reason: --reason TEXT"))
        }
        (Some(reason), Some(pattern)) => match regex::Regex::new(pattern) {
            Ok(regex) if regex.is_match(reason) => None,
            _ => objection(
                ReasonCode::ReasonPattern,
                format!("the reason doesn't match `{pattern}`, which {name} asks for"),
            ),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{Weekday, date, time};
    use jiff::tz::TimeZone;

    use super::*;

    fn freeze(days: &[Weekday], hours: Option<(civil::Time, Option<civil::Time>)>) -> Freeze {
        Freeze { days: days.to_vec(), hours, dates: None, zone: TimeZone::UTC, reason: None }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn hours_begin_on_each_day_and_may_pass_midnight() {
        let friday_night = freeze(&[Weekday::Friday], Some((time(16, 0, 0, 0), Some(time(6, 0, 0, 0)))));
        let until = |text| friday_night.holds_until(at(text)).map(|end| end.timestamp().to_string());
        assert_eq!(until("2026-11-20T15:59:59Z"), None);
        assert_eq!(until("2026-11-20T16:00:00Z"), Some("2026-11-21T06:00:00Z".to_owned()));
        assert_eq!(until("2026-11-21T05:59:59Z"), Some("2026-11-21T06:00:00Z".to_owned()));
        assert_eq!(until("2026-11-21T06:00:00Z"), None);
    }

    #[test]
    fn without_hours_the_whole_day_is_frozen_and_dates_are_inclusive() {
        let weekend = freeze(&[Weekday::Saturday, Weekday::Sunday], None);
        assert!(weekend.holds_until(at("2026-11-22T23:59:59Z")).is_some());
        assert!(weekend.holds_until(at("2026-11-23T00:00:00Z")).is_none());
        let mut year_end = freeze(&[], None);
        year_end.dates = Some((date(2026, 12, 20), date(2027, 1, 3)));
        assert!(year_end.holds_until(at("2026-12-19T23:59:59Z")).is_none());
        assert!(year_end.holds_until(at("2027-01-03T23:59:59Z")).is_some());
        assert!(year_end.holds_until(at("2027-01-04T00:00:00Z")).is_none());
    }
}
