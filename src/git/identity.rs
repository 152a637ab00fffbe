//! Who commits, as Git itself would take it.

use std::fmt;

use super::{Environment, Error, Settings};

/// Author and committer of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub(super) author: Person,
    pub(super) committer: Person,
}

/// A name, an address and a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Person {
    pub name: String,
    pub email: String,
    /// Seconds since 1970.
    pub time: i64,
    /// Minutes east of Greenwich.
    pub offset: i32,
}

impl Identity {
    /// Takes author and committer from `GIT_AUTHOR_*`, `GIT_COMMITTER_*` and the configuration.
    ///
    /// # Errors
    /// [`Error::Identity`] where Git would have to guess, [`Error::Date`] for a date variable it can't be read from.
    pub fn of(settings: &Settings, environment: &Environment) -> Result<Self, Error> {
        let now = jiff::Zoned::now();
        let now = (now.timestamp().as_second(), now.offset().seconds() / 60);
        let author = Person::of(Role::Author, settings, environment, now)?;
        Ok(Self { author, committer: Person::of(Role::Committer, settings, environment, now)? })
    }

    /// Returns the committer as `Name <address>`.
    pub fn committer(&self) -> String {
        self.committer.to_string()
    }
}

#[derive(Clone, Copy)]
enum Role {
    Author,
    Committer,
}

impl Person {
    fn of(role: Role, settings: &Settings, environment: &Environment, now: (i64, i32)) -> Result<Self, Error> {
        let (names, date): ([&str; 4], _) = match role {
            Role::Author => (["GIT_AUTHOR_NAME", "author.name", "GIT_AUTHOR_EMAIL", "author.email"], "GIT_AUTHOR_DATE"),
            Role::Committer => (
                ["GIT_COMMITTER_NAME", "committer.name", "GIT_COMMITTER_EMAIL", "committer.email"],
                "GIT_COMMITTER_DATE",
            ),
        };
        let [name_variable, name_key, email_variable, email_key] = names;
        let found = |variable, key, common| {
            let configured = || settings.value(key).or_else(|| settings.value(common));
            environment.text(variable).or_else(configured).map(clean).filter(|text| !text.is_empty())
        };
        let name = found(name_variable, name_key, "user.name").ok_or(Error::Identity { missing: "user.name" })?;
        let email = found(email_variable, email_key, "user.email")
            .or_else(|| environment.text("EMAIL").map(clean))
            .ok_or(Error::Identity { missing: "user.email" })?;
        let (time, offset) = match environment.text(date) {
            Some(text) => parse_date(text).ok_or(Error::Date { variable: date })?,
            None => now,
        };
        Ok(Self { name, email, time, offset })
    }

    pub fn signature(&self) -> Result<git2::Signature<'static>, Error> {
        let time = git2::Time::new(self.time, self.offset);
        git2::Signature::new(&self.name, &self.email, &time).map_err(Error::object("the committer's identity"))
    }
}

impl fmt::Display for Person {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} <{}>", self.name, self.email)
    }
}

/// Removes what Git removes from names: brackets, line ends, and punctuation around them.
fn clean(text: &str) -> String {
    let kept: String = text.chars().filter(|char| !matches!(char, '<' | '>') && !char.is_control()).collect();
    kept.trim_matches(|char: char| char.is_whitespace() || ".,:;\"\\'".contains(char)).to_owned()
}

/// Reads `1700000000 +0100`, with or without `@`, and RFC 3339.
fn parse_date(text: &str) -> Option<(i64, i32)> {
    let raw = text.trim().strip_prefix('@').unwrap_or(text.trim());
    if let Some((seconds, zone)) = raw.split_once(' ')
        && let (Ok(seconds), Ok(digits)) = (seconds.parse(), zone.parse::<i32>())
        && zone.len() == 5
    {
        return Some((seconds, digits / 100 * 60 + digits % 100));
    }
    let (time, offset) = match text.rfind(['+', '-']).filter(|index| *index > 10) {
        Some(index) => text.split_at(index),
        None => (text, "Z"),
    };
    let zone: i32 = offset.replace(':', "").parse().unwrap_or(0);
    let instant: jiff::Timestamp = format!("{}{offset}", time.trim()).parse().ok()?;
    Some((instant.as_second(), zone / 100 * 60 + zone % 100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_win_and_nothing_is_guessed() {
        let both: Environment = [
            ("GIT_AUTHOR_NAME", " Ada <Lovelace>. "),
            ("GIT_AUTHOR_EMAIL", "ada@example.com"),
            ("GIT_AUTHOR_DATE", "@1700000000 +0130"),
            ("GIT_COMMITTER_NAME", "ci"),
            ("EMAIL", "ci@example.com"),
            ("GIT_COMMITTER_DATE", "2026-11-23T10:00:00-03:30"),
        ]
        .into_iter()
        .collect();
        let identity = Identity::of(&Settings::default(), &both).expect("an identity");
        assert_eq!(identity.author.to_string(), "Ada Lovelace <ada@example.com>");
        assert_eq!((identity.author.time, identity.author.offset), (1_700_000_000, 90));
        assert_eq!(identity.committer(), "ci <ci@example.com>");
        assert_eq!((identity.committer.time, identity.committer.offset), (1_795_440_600, -210));
        let nobody = Identity::of(&Settings::default(), &Environment::default());
        assert!(matches!(nobody, Err(Error::Identity { missing: "user.name" })));
    }
}
