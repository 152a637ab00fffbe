//! Effects are done, and that is all.

use std::future::Future;
use std::io;
use std::time::Duration;

use super::Needs;

/// Does an effect that is waited for. `name` says which it is, `broken` turns a cause into the caller's error.
///
/// # Errors
/// What the effect fails with; with the feature also what a test asks for.
#[inline]
pub async fn awaited<T, E>(
    _needs: Needs,
    _name: impl FnOnce() -> String,
    _broken: impl FnOnce(io::Error) -> E,
    effect: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    effect.await
}

/// Does an effect on the spot. `name` says which it is, `broken` turns a cause into the caller's error.
///
/// # Errors
/// What the effect fails with; with the feature also what a test asks for.
#[inline]
pub fn passed<T, E>(
    _needs: Needs,
    _name: &'static str,
    _broken: impl FnOnce(io::Error) -> E,
    effect: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    effect()
}

/// Returns how long an effect may take: as usual, or what a test allows.
#[inline]
pub fn deadline(usual: Duration) -> Duration {
    usual
}

/// Returns how long to look for what must appear: as usual, or only briefly in a test.
#[inline]
pub fn patience(usual: Duration) -> Duration {
    usual
}
