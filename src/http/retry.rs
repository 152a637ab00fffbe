//! When to try again, and how long to wait before.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;

use super::{Error, Response};
use crate::model::longest_wait;

/// GitHub asks for a minute after a secondary limit that names no time.
const SECONDARY: Duration = Duration::from_secs(60);

/// A wait before another try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pause {
    /// What the other side asked for.
    pub(super) asked: Option<Duration>,
}

/// Returns the wait after an outcome that another try may change; none if it is final.
pub(super) fn pause(outcome: &Result<Response, Error>) -> Option<Pause> {
    match outcome {
        Err(error) if error.is_passing() => Some(Pause { asked: None }),
        Err(_) => None,
        Ok(response) => {
            let now = jiff::Timestamp::now();
            match response.status.as_u16() {
                408 | 429 | 500 | 502 | 503 | 504 => Some(Pause { asked: asked(response, now) }),
                403 if is_rate_limit(response) => {
                    Some(Pause { asked: Some(asked(response, now).unwrap_or(SECONDARY)) })
                }
                _ => None,
            }
        }
    }
}

impl Pause {
    /// Returns how long to wait after `tries` tries: never less than asked, else full jitter over a doubling range.
    pub(super) fn length(self, tries: u32, backoff: Duration) -> Duration {
        let wait = longest_wait(backoff, tries).mul_f64(fastrand::f64());
        self.asked.unwrap_or_default().saturating_add(wait)
    }
}

fn is_rate_limit(response: &Response) -> bool {
    response.headers.contains_key(RETRY_AFTER)
        || response.header("x-ratelimit-remaining") == Some("0")
        || response.bytes.windows(20).any(|window| window.eq_ignore_ascii_case(b"secondary rate limit"))
}

fn asked(response: &Response, now: jiff::Timestamp) -> Option<Duration> {
    if let Some(wait) = response.header(RETRY_AFTER.as_str()).and_then(|text| retry_after(text, now)) {
        return Some(wait);
    }
    if response.header("x-ratelimit-remaining") != Some("0") {
        return None;
    }
    let reset = response.header("x-ratelimit-reset")?.trim().parse::<i64>().ok()?;
    u64::try_from(reset.saturating_sub(now.as_second())).ok().map(Duration::from_secs)
}

/// Reads `Retry-After`: seconds or an HTTP date. What is neither, negative or past asks for nothing.
fn retry_after(text: &str, now: jiff::Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    u64::try_from(date.as_second().saturating_sub(now.as_second())).ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date_and_anything_else_asks_for_nothing() {
        let now = "1994-11-06T08:49:00Z".parse().unwrap();
        for (text, expected) in [
            ("0", Some(0)),
            ("120", Some(120)),
            ("99999999", Some(99_999_999)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(37)),
            ("Sun, 06 Nov 1994 08:48:37 GMT", None),
        ] {
            assert_eq!(retry_after(text, now), expected.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn a_wait_is_never_shorter_than_asked_and_never_overflows() {
        let asked = Duration::from_secs(7);
        for tries in [1, 2, 31, 32, 33, u32::MAX] {
            let length = Pause { asked: Some(asked) }.length(tries, Duration::from_millis(500));
            assert!(length >= asked && length <= asked + Duration::from_secs(20), "{tries}: {length:?}");
        }
        let forever = Pause { asked: Some(Duration::MAX) };
        assert_eq!(forever.length(3, Duration::from_millis(500)), Duration::MAX);
    }
}
