//! Points that break: `PROMOTE_FAILPOINT=NUMBER MOMENT FAULT`.
//!
//! `PROMOTE_FAILPOINT_LOG` names a file to which each point that is passed adds a line, and `broken` if it was the one.
//! `PROMOTE_FAILPOINT_DEADLINE` is the longest that an effect may take, in milliseconds.

use std::future::Future;
use std::io::{self, Write as _};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::Signal;

use super::Needs;

/// How many points were passed.
static PASSED: AtomicUsize = AtomicUsize::new(0);
/// Whether the disk is full from now on.
static FULL: AtomicBool = AtomicBool::new(false);
/// As the environment says.
static ARMED: OnceLock<Armed> = OnceLock::new();

/// A signal is on its way to the thread that waits for it.
const DELIVERY: Duration = Duration::from_millis(100);
/// How long to look for what must appear.
const PATIENCE: Duration = Duration::from_millis(300);

#[derive(Default)]
struct Armed {
    trap: Option<(usize, Trap)>,
    log: Option<String>,
    deadline: Option<Duration>,
}

#[derive(Clone, Copy)]
struct Trap {
    moment: Moment,
    fault: Fault,
}

/// When it breaks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// Nothing is done.
    Before,
    /// All is done, and the answer is lost.
    After,
}

/// How it breaks.
#[derive(Clone, Copy)]
enum Fault {
    Fail,
    Hang,
    Full,
    Signal(Signal),
}

impl Armed {
    fn of_environment() -> &'static Self {
        ARMED.get_or_init(|| Self {
            trap: std::env::var("PROMOTE_FAILPOINT").ok().as_deref().and_then(Trap::parse),
            log: std::env::var("PROMOTE_FAILPOINT_LOG").ok(),
            deadline: std::env::var("PROMOTE_FAILPOINT_DEADLINE")
                .ok()
                .and_then(|text| text.parse().ok())
                .map(Duration::from_millis),
        })
    }

    /// Counts a point and returns what is to happen there.
    fn trap_at(&self, name: &str) -> Option<Trap> {
        let number = PASSED.fetch_add(1, Ordering::SeqCst) + 1;
        let trap = self.trap.filter(|(wanted, _)| *wanted == number).map(|(_, trap)| trap);
        if let Some(log) = &self.log {
            let line = format!("{number} {name}{}\n", if trap.is_some() { " broken" } else { "" });
            let opened = std::fs::OpenOptions::new().append(true).create(true).open(log);
            // A log that can't be written is missed by the test that asked for it.
            let _ = opened.and_then(|mut file| file.write_all(line.as_bytes()));
        }
        trap
    }
}

impl Trap {
    fn parse(text: &str) -> Option<(usize, Self)> {
        let mut words = text.split(' ');
        let number = words.next()?.parse().ok()?;
        let moment = match words.next()? {
            "before" => Moment::Before,
            "after" => Moment::After,
            _ => return None,
        };
        let fault = match words.next()? {
            "fail" => Fault::Fail,
            "hang" => Fault::Hang,
            "full" => Fault::Full,
            "interrupt" => Fault::Signal(Signal::INT),
            "terminate" => Fault::Signal(Signal::TERM),
            "kill" => Fault::Signal(Signal::KILL),
            _ => return None,
        };
        Some((number, Self { moment, fault }))
    }
}

/// See the same without the feature.
///
/// # Errors
/// As there, and what was asked for.
pub async fn awaited<T, E>(
    needs: Needs,
    name: impl FnOnce() -> String,
    broken: impl FnOnce(io::Error) -> E,
    effect: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let trap = Armed::of_environment().trap_at(&name());
    if let Some(trap) = trap.filter(|trap| trap.moment == Moment::Before)
        && let Err(cause) = trap.spring().await
    {
        return Err(broken(cause));
    }
    if let Err(cause) = room(needs) {
        return Err(broken(cause));
    }
    let result = effect.await?;
    match trap.filter(|trap| trap.moment == Moment::After) {
        Some(trap) => trap.spring().await.map_err(broken).map(|()| result),
        None => Ok(result),
    }
}

/// See the same without the feature.
///
/// # Errors
/// As there, and what was asked for.
pub fn passed<T, E>(
    needs: Needs,
    name: &'static str,
    broken: impl FnOnce(io::Error) -> E,
    effect: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    let trap = Armed::of_environment().trap_at(&format!("{name} on the spot"));
    if let Some(trap) = trap.filter(|trap| trap.moment == Moment::Before)
        && let Err(cause) = trap.spring_here()
    {
        return Err(broken(cause));
    }
    if let Err(cause) = room(needs) {
        return Err(broken(cause));
    }
    let result = effect()?;
    match trap.filter(|trap| trap.moment == Moment::After) {
        Some(trap) => trap.spring_here().map_err(broken).map(|()| result),
        None => Ok(result),
    }
}

/// See the same without the feature.
pub fn deadline(usual: Duration) -> Duration {
    Armed::of_environment().deadline.map_or(usual, |deadline| deadline.min(usual))
}

/// See the same without the feature.
pub fn patience(usual: Duration) -> Duration {
    if Armed::of_environment().trap.is_some() { PATIENCE.min(usual) } else { usual }
}

fn room(needs: Needs) -> io::Result<()> {
    let is_full = needs == Needs::Room && FULL.load(Ordering::SeqCst);
    if is_full { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
}

impl Trap {
    async fn spring(self) -> io::Result<()> {
        match self.fault {
            Fault::Fail => Err(io::Error::other("broken on purpose")),
            Fault::Full => {
                FULL.store(true, Ordering::SeqCst);
                Ok(())
            }
            Fault::Hang => std::future::pending().await,
            Fault::Signal(signal) => {
                raise(signal);
                std::future::pending().await
            }
        }
    }

    /// What happens on the spot can't be left at a deadline: it hangs until somebody ends the program.
    fn spring_here(self) -> io::Result<()> {
        match self.fault {
            Fault::Fail => Err(io::Error::other("broken on purpose")),
            Fault::Full => {
                FULL.store(true, Ordering::SeqCst);
                Ok(())
            }
            Fault::Hang => {
                // Somebody loses patience.
                raise(Signal::TERM);
                loop {
                    std::thread::park();
                }
            }
            Fault::Signal(signal) => {
                raise(signal);
                std::thread::sleep(DELIVERY);
                Ok(())
            }
        }
    }
}

fn raise(signal: Signal) {
    // To oneself it always arrives.
    let _ = rustix::process::kill_process(rustix::process::getpid(), signal);
}
