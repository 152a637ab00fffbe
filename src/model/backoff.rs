//! How long to wait before another try.

use std::time::Duration;

/// The longest wait that we choose ourselves.
const LONGEST: Duration = Duration::from_secs(20);

/// Returns the longest wait after `tries` tries, from 1: `first`, doubled with each further one, 20 seconds at most.
///
/// The wait itself is drawn out of all of it (full jitter), so that runs which failed together don't come back together.
pub fn longest_wait(first: Duration, tries: u32) -> Duration {
    first.saturating_mul(1_u32.checked_shl(tries.saturating_sub(1)).unwrap_or(u32::MAX)).min(LONGEST)
}
