//! A part of all apps, for jobs that share the work.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use super::AppName;

/// The `index`th of `count` shards, from 1. An app is always in the same one of as many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    count: u64,
}

/// A text that names no shard.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is no shard: write `i/n`, with i from 1 to n, such as `1/4`")]
pub struct ShardError {
    text: String,
}

impl Shard {
    /// Tells whether an app is in it.
    pub fn holds(self, app: &AppName) -> bool {
        let hash = Sha256::digest(app.as_str().as_bytes());
        let number = hash.iter().take(8).fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        number.checked_rem(self.count).is_some_and(|rest| rest + 1 == self.index)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| text.parse::<u64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        let parts = text.split_once('/').and_then(|(index, count)| Some((number(index)?, number(count)?)));
        match parts {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Self { index, count }),
            _ => Err(ShardError { text: text.escape_default().to_string() }),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_app_is_in_exactly_one_shard_and_stays_there() {
        for count in 1..=7 {
            let shards: Vec<Shard> = (1..=count).map(|index| format!("{index}/{count}").parse().unwrap()).collect();
            let mut sizes = vec![0; shards.len()];
            for number in 0..700 {
                let app: AppName = format!("app-{number}").parse().unwrap();
                let held: Vec<usize> = (0..shards.len()).filter(|at| shards[*at].holds(&app)).collect();
                assert_eq!(held.len(), 1, "{app} of {count}");
                sizes[held[0]] += 1;
            }
            assert!(sizes.iter().all(|size| *size > 700 / shards.len() / 2), "{sizes:?}");
        }
        // A job that is restarted with another version of this program must find the same ones.
        let third: Shard = "3/4".parse().unwrap();
        let held = ["cart", "my-app", "orders", "search", "shop"].map(|app| third.holds(&app.parse().unwrap()));
        assert_eq!(held, [false, true, false, false, false]);
    }

    #[test]
    fn a_shard_is_one_of_so_many() {
        for text in ["0/3", "4/3", "1", "1/", "/3", "1/0", "+1/3", "1/3/5", "a/b", "", "1 / 3"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
        assert_eq!("2/3".parse::<Shard>().unwrap().to_string(), "2/3");
    }
}
