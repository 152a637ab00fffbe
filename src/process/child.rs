//! One child process: cleared environment, own process group, bounded output, a deadline.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use crate::failpoint::{self, Needs};

/// Output over this is read and thrown away. A hundred thousand annotated tags are 16 MiB.
const OUTPUT_LIMIT: usize = 64 << 20;
/// How long a pipe may stay open after the child ended: a program it left behind, such as the master of an ssh
/// connection that others share, keeps it open for minutes.
const PIPE_GRACE: Duration = Duration::from_millis(300);

/// What to run.
pub struct Child<'a> {
    /// Absolute path of the program.
    pub program: &'a Path,
    /// Its arguments: never a secret.
    pub arguments: Vec<OsString>,
    /// Where it runs.
    pub directory: &'a Path,
    /// Its whole environment.
    pub environment: Vec<(OsString, OsString)>,
    /// What it reads.
    pub input: Vec<u8>,
    /// When its process group is killed.
    pub deadline: Duration,
}

/// What a child answered.
pub struct Output {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it complained of.
    pub stderr: Vec<u8>,
}

/// Why a child gave no answer.
#[derive(Debug)]
pub enum ChildError {
    /// It could not be started or waited for.
    Start(io::Error),
    /// The deadline passed.
    TimedOut(Duration),
    /// It printed more than anybody wants to read.
    Output,
}

impl Child<'_> {
    /// Runs it to its end. Dropping the future kills the whole process group.
    pub async fn run(self) -> Result<Output, ChildError> {
        let deadline = failpoint::deadline(self.deadline);
        let needs = if self.writes() { Needs::Room } else { Needs::Others };
        let name = self.name();
        let run = failpoint::awaited(needs, || name, ChildError::Start, self.wait_for_all());
        tokio::time::timeout(deadline, run).await.map_err(|_| ChildError::TimedOut(deadline))?
    }

    /// Its program's name and its first argument that isn't an option.
    fn name(&self) -> String {
        let program = self.program.file_name().unwrap_or_default().to_string_lossy();
        let mut words = self.arguments.iter().map(|word| word.to_string_lossy());
        let command = words.find(|word| !word.starts_with('-') && !word.contains('=')).unwrap_or_default();
        format!("{program} {command}")
    }

    /// Tells whether it writes files of any size.
    fn writes(&self) -> bool {
        let is_git = self.program.file_stem().is_some_and(|name| name == "git");
        !is_git || self.arguments.iter().any(|word| word == "clone" || word == "fetch")
    }

    async fn wait_for_all(self) -> Result<Output, ChildError> {
        let mut command = Command::new(self.program);
        command.args(&self.arguments).current_dir(self.directory).env_clear().envs(self.environment);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(ChildError::Start)?;
        let mut group = Group::of(&child);
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let input = self.input;
        let pipes = async {
            let write = async {
                if let Some(mut stdin) = stdin {
                    // A child that ends early doesn't read its input; its exit code says why.
                    let _ = stdin.write_all(&input).await;
                }
            };
            tokio::join!(write, read(stdout, &mut out), read(stderr, &mut err));
        };
        let ended = {
            tokio::pin!(pipes);
            let life = async {
                let mut drained = false;
                let status = loop {
                    tokio::select! {
                        status = child.wait() => break status,
                        () = &mut pipes, if !drained => drained = true,
                    }
                };
                if !drained {
                    let _ = tokio::time::timeout(PIPE_GRACE, &mut pipes).await;
                }
                status
            };
            life.await
        };
        let status = ended.map_err(ChildError::Start)?;
        // What a helper left running on purpose (a credential cache) is the user's.
        group.release();
        if out.len() > OUTPUT_LIMIT {
            return Err(ChildError::Output);
        }
        Ok(Output { code: status.code(), stdout: out, stderr: err })
    }
}

impl Output {
    /// Tells whether it ended well.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }
}

/// Reads until the end, keeping what is within the limit and the first byte over it.
async fn read(pipe: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut pipe) = pipe else { return };
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
        let room = (OUTPUT_LIMIT + 1).saturating_sub(kept.len());
        kept.extend(buffer.iter().take(count.min(room)));
    }
}

/// The process groups of children that run now.
static RUNNING: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// Kills the process groups of all children that run now.
pub fn end_all() {
    let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    running.iter().copied().for_each(kill);
}

/// The child's process group, killed on drop unless released.
struct Group(Option<u32>);

impl Group {
    fn of(child: &tokio::process::Child) -> Self {
        let id = child.id();
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).extend(id);
        Self(id)
    }

    fn release(&mut self) {
        if let Some(id) = self.0.take() {
            RUNNING.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.0 {
            kill(id);
            self.release();
        }
    }
}

#[cfg(unix)]
fn kill(group: u32) {
    if let Some(leader) = i32::try_from(group).ok().and_then(rustix::process::Pid::from_raw) {
        // Nobody is left to kill, or all of them are gone: both are what was wanted.
        let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
    }
}

#[cfg(not(unix))]
fn kill(_: u32) {}

/// Turns texts into arguments.
pub fn arguments<I>(texts: I) -> Vec<OsString>
where
    I: IntoIterator,
    I::Item: AsRef<OsStr>,
{
    texts.into_iter().map(|text| text.as_ref().to_owned()).collect()
}
