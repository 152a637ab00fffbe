//! Runs the work beside a watch for signals: the first asks it to stop; a second, or its not stopping, ends the program.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::model::Exit;

/// How long the work may take to stop: it only has to end its children and to remove its folder.
const GRACE: Duration = Duration::from_millis(1500);
/// How long the last words may take.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// As a main thread has: documents are nested deeply, and walked by recursion.
const STACK: usize = 8 << 20;

/// Tells the work that it is to stop, and with which exit code.
pub(super) type Stop = oneshot::Receiver<Exit>;

/// How the work ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By itself, also after it was asked to stop.
    Finished(Exit),
    /// It was left where it was, because a second signal came or it didn't stop.
    Abandoned(Exit),
}

/// Runs the work in a thread of its own, which may hang where no signal reaches it: in a call to a dead disk, or in
/// writing to a pipe that nobody reads.
///
/// # Errors
/// The machine gives no threads.
pub(super) fn supervise(work: impl FnOnce(Stop) -> Exit + Send + 'static) -> std::io::Result<End> {
    supervise_for(GRACE, work)
}

fn supervise_for(grace: Duration, work: impl FnOnce(Stop) -> Exit + Send + 'static) -> std::io::Result<End> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let (stop, stopped) = oneshot::channel();
        let (tell, mut told) = oneshot::channel();
        let thread = std::thread::Builder::new().name("work".to_owned()).stack_size(STACK);
        thread.spawn(move || {
            // Nobody listens any more once it was abandoned.
            let _ = tell.send(work(stopped));
        })?;
        // A sender that is gone without a word is a panic, which has printed its message.
        let finished = |exit: Result<Exit, _>| End::Finished(exit.unwrap_or(Exit::Bug));
        let asked = tokio::select! {
            exit = &mut told => return Ok(finished(exit)),
            asked = signals.next() => asked,
        };
        let _ = stop.send(asked);
        Ok(tokio::select! {
            exit = &mut told => finished(exit),
            _ = signals.next() => End::Abandoned(asked),
            () = tokio::time::sleep(grace) => End::Abandoned(asked),
        })
    })
}

/// Does something that may hang, and goes on after a moment all the same: what hung may be the output itself.
pub(super) fn without_waiting(last: impl FnOnce() + Send + 'static) {
    let (tell, told) = std::sync::mpsc::channel();
    let thread = std::thread::Builder::new().spawn(move || {
        last();
        // Nobody listens any more once the moment is over.
        let _ = tell.send(());
    });
    if thread.is_ok() {
        // That it is over or that it hangs are the same here.
        let _ = told.recv_timeout(LAST_WORDS);
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Exit {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Exit::Interrupted,
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    fn raise(signal: Signal) {
        kill_process(getpid(), signal).expect("a signal");
    }

    #[test]
    fn one_signal_asks_to_stop_and_a_second_ends_what_does_not() {
        let ended = supervise(|_| Exit::Due).expect("threads");
        assert_eq!(ended, End::Finished(Exit::Due));

        let ended = supervise(|stop| {
            raise(Signal::TERM);
            stop.blocking_recv().expect("to be asked")
        });
        assert_eq!(ended.expect("threads"), End::Finished(Exit::Terminated));

        let ended = supervise_for(Duration::MAX, |stop| {
            raise(Signal::INT);
            let asked = stop.blocking_recv().expect("to be asked");
            raise(Signal::TERM);
            loop {
                std::thread::park_timeout(Duration::MAX);
                assert_eq!(asked, Exit::Interrupted);
            }
        });
        assert_eq!(ended.expect("threads"), End::Abandoned(Exit::Interrupted));

        let ended = supervise_for(Duration::ZERO, |stop| {
            raise(Signal::INT);
            drop(stop);
            loop {
                std::thread::park();
            }
        });
        assert_eq!(ended.expect("threads"), End::Abandoned(Exit::Interrupted), "it doesn't stop");
    }
}
