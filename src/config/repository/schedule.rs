//! Times: `freeze:`, `auto:`, and the dates of holds.

use jiff::civil::{self, Weekday};
use jiff::tz::TimeZone;

use super::shape;
use super::{Auto, Fact, File};
use crate::config::document::{Failure, Located};
use crate::model::{Freeze, Rule};

const DAYS: [(&str, Weekday); 7] = [
    ("Mon", Weekday::Monday),
    ("Tue", Weekday::Tuesday),
    ("Wed", Weekday::Wednesday),
    ("Thu", Weekday::Thursday),
    ("Fri", Weekday::Friday),
    ("Sat", Weekday::Saturday),
    ("Sun", Weekday::Sunday),
];

/// Returns one freeze.
pub fn freeze(file: &File<'_>, written: &Located<shape::Freeze>) -> Result<Rule<Freeze>, Failure> {
    let entry = &written.value;
    let days = entry.days.iter().flatten().map(weekday).collect::<Result<Vec<_>, _>>()?;
    let dates = match (&entry.from, &entry.until) {
        (None, None) => None,
        (Some(_), None) => return Err(written.wrong(Fact::MissingKey { key: "until".to_owned() })),
        (None, Some(_)) => return Err(written.wrong(Fact::MissingKey { key: "from".to_owned() })),
        (Some(from), Some(until)) => {
            let (first, last) = (date(from)?, date(until)?);
            if last < first {
                let message = format!("{last} is before {first}");
                return Err(until.wrong(Fact::Malformed { message, help: "both dates are inclusive, the first first" }));
            }
            Some((first, last))
        }
    };
    if days.is_empty() && dates.is_none() {
        let message = "the freeze names neither `days` nor dates".to_owned();
        let help = "write `days: [Sat, Sun]`, or `from: 2026-12-20, until: 2027-01-03`";
        return Err(written.wrong(Fact::Malformed { message, help }));
    }
    let freeze = Freeze {
        days,
        hours: entry.hours.as_ref().map(hours).transpose()?,
        dates,
        zone: zone(entry.zone.as_ref())?,
        reason: entry.reason.clone(),
    };
    Ok(file.rule(written, freeze))
}

/// Returns what `auto:` says.
pub fn auto(file: &File<'_>, written: &shape::Auto) -> Result<Auto, Failure> {
    if let Some(limit) = &written.limit
        && limit.value == 0
    {
        let message = "a limit of 0 opens nothing, ever".to_owned();
        return Err(limit.wrong(Fact::Malformed { message, help: "write `apps: []` if `auto` should do nothing" }));
    }
    let defaults = Auto::default();
    Ok(Auto {
        apps: match &written.apps {
            Some(apps) => apps.iter().map(|app| app.value.clone()).collect(),
            None => defaults.apps,
        },
        limit: written.limit.as_ref().map(|limit| file.rule(limit, limit.value)),
        hours: match &written.hours {
            Some(written) => Some(file.rule(written, hours(written)?)),
            None => None,
        },
        zone: zone(written.zone.as_ref())?,
    })
}

fn weekday(written: &Located<String>) -> Result<Weekday, Failure> {
    let known = DAYS.iter().map(|(name, _)| *name);
    match DAYS.iter().find(|(name, _)| *name == written.value) {
        Some((_, day)) => Ok(*day),
        None => Err(written.wrong(Fact::unknown_word(&written.value, known))),
    }
}

/// Parses a date, `2026-12-20`.
pub fn date(written: &Located<String>) -> Result<civil::Date, Failure> {
    let malformed = || {
        let message = format!("`{}` is no date", written.value.escape_debug());
        written.wrong(Fact::Malformed { message, help: "write it as `2026-12-20`" })
    };
    // The type's own parser would take `20261220` and a time behind the date as well.
    let digits = |range: std::ops::Range<usize>| written.value.get(range).is_some_and(is_number);
    let shaped = written.value.len() == 10 && digits(0..4) && digits(5..7) && digits(8..10);
    if !shaped {
        return Err(malformed());
    }
    written.value.parse().map_err(|_| malformed())
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Parses `16:00-24:00`; no second time is midnight, the end of the day.
fn hours(written: &Located<String>) -> Result<(civil::Time, Option<civil::Time>), Failure> {
    let malformed = || {
        let message = format!("`{}` is no span of hours", written.value.escape_debug());
        written.wrong(Fact::Malformed { message, help: "write it as `\"09:00-15:00\"`, until `24:00` at most" })
    };
    let (from, until) = written.value.split_once('-').ok_or_else(malformed)?;
    let (from, until) = (time(from).ok_or_else(malformed)?, time(until).ok_or_else(malformed)?);
    match (from, until) {
        (Clock::Midnight, _) => Err(malformed()),
        (Clock::At(from), Clock::At(until)) if from == until => Err(malformed()),
        (Clock::At(from), Clock::At(until)) => Ok((from, Some(until))),
        (Clock::At(from), Clock::Midnight) => Ok((from, None)),
    }
}

enum Clock {
    At(civil::Time),
    /// `24:00`, the end of the day.
    Midnight,
}

fn time(text: &str) -> Option<Clock> {
    let (hour, minute) = text.trim().split_once(':')?;
    if hour.len() != 2 || minute.len() != 2 || !is_number(hour) || !is_number(minute) {
        return None;
    }
    let (hour, minute) = (hour.parse().ok()?, minute.parse().ok()?);
    if (hour, minute) == (24, 0) {
        return Some(Clock::Midnight);
    }
    civil::Time::new(hour, minute, 0, 0).ok().map(Clock::At)
}

fn zone(written: Option<&Located<String>>) -> Result<TimeZone, Failure> {
    let Some(written) = written else {
        return Ok(TimeZone::UTC);
    };
    TimeZone::get(&written.value).map_err(|_| {
        let message = format!("`{}` is no time zone", written.value.escape_debug());
        written.wrong(Fact::Malformed { message, help: "write a name of the IANA database, such as `Europe/Berlin`" })
    })
}
