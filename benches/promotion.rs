//! One promotion in a fleet of 20,000 files, beside the same promotion by hand with Git's plumbing alone.
//!
//! Against the local file system, HTTP and ssh, with real servers on loopback: it prints what is missing where they, or
//! the folder `shared` beside the repository, are not there. It fails if a promotion over `file://` or HTTP costs more
//! than [`MOST`] times what it costs by hand.
//!
//! `promote` also asks the registry, walks the inventory, proves its edit and looks at the remote's branches.

#[path = "../tests/support/servers.rs"]
mod servers;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};
use std::time::{Duration, Instant};

use servers::{PASSWORD, RealGit, RealRegistry, USER};

/// How often each way is taken over each transport.
const ROUNDS: usize = 9;
/// How many times as much as by hand a promotion may cost.
const MOST: f64 = 2.5;
const FILLER: usize = 19_700;

/// An app whose production is behind, and the tag it is to have.
struct Due {
    app: String,
    tag: String,
}

/// Everything that the figures are taken in.
struct Field {
    git: RealGit,
    _registry: RealRegistry,
    shared: PathBuf,
    // Fields go in this order: servers end before their folder does.
    folder: tempfile::TempDir,
}

fn main() -> ExitCode {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let mut missing = servers::missing();
    missing.extend((!servers::is_there("python3")).then_some("python3"));
    missing.extend((!shared.join("bench/make_fleet.py").exists()).then_some("../shared/bench"));
    if !missing.is_empty() {
        println!("promotion: not measured, for want of {}", missing.join(", "));
        return ExitCode::SUCCESS;
    }
    let (field, mut due) = Field::lay_out(&shared);
    println!("20,000 files, 100 apps; median of {ROUNDS} (least to most), in ms");
    println!("{:8} {:>26} {:>26} {:>7}", "", "promote", "by hand", "ratio");
    let mut is_fast = true;
    for (name, url) in field.transports() {
        let ratio = field.compare(name, &url, &mut due);
        is_fast &= ratio < MOST || name == "ssh";
    }
    field.count_blobs(&mut due);
    if is_fast {
        return ExitCode::SUCCESS;
    }
    println!("a promotion costs {MOST} times as much as by hand, or more");
    ExitCode::FAILURE
}

impl Field {
    /// Makes the fleet, its registry and its remote; in memory where that is possible, because 20,000 files on a disk
    /// swing several-fold.
    fn lay_out(shared: &Path) -> (Self, Vec<Due>) {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = tempfile::Builder::new().prefix("promote-bench-").tempdir_in(parent).expect("a folder");
        let path = |name: &str| folder.path().join(name);
        for name in ["home", "tmp", "bin"] {
            fs::create_dir(path(name)).expect("a folder");
        }
        let registry = RealRegistry::start(shared, &path("registry"), "plain");
        let fleet = path("fleet");
        let made = Command::new("python3")
            .arg(shared.join("bench/make_fleet.py"))
            .args(["--apps", "100", "--filler", &FILLER.to_string(), "--registry", &registry.host])
            .arg("--repo")
            .arg(&fleet)
            .arg("--store")
            .arg(registry.store())
            .stdout(Stdio::null())
            .status();
        assert!(made.expect("python3").success(), "the fleet");
        let git = RealGit::start(shared, &path("git"));
        git.bare("fleet", Some(&fleet));
        let field = Self { shared: shared.to_owned(), git, _registry: registry, folder };
        field.furnish_home();
        let expected = fs::read_to_string(field.path("fleet.expected.json")).expect("the answers");
        let expected: serde_json::Value = serde_json::from_str(&expected).expect("the answers");
        let due = expected.as_array().into_iter().flatten().filter_map(|app| {
            let text = |key: &str| app[key].as_str().map(str::to_owned);
            Some(Due { app: text("app")?, tag: text("promote_to")? })
        });
        let due = due.collect();
        (field, due)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn furnish_home(&self) {
        let config = format!(
            "[user]\n\tname = Ada Example\n\temail = ada@example.com\n[credential \"http://{}\"]\n\thelper = store\n",
            self.git.host
        );
        fs::write(self.path("home/.gitconfig"), config).expect("a file");
        let login = format!("http://{USER}:{PASSWORD}@{}\n", self.git.host.replace(':', "%3a"));
        let logins = self.path("home/.git-credentials");
        fs::write(&logins, login).expect("a file");
        change_mode(&logins, "600");
    }

    fn transports(&self) -> [(&'static str, String); 3] {
        let bare = self.path("git/repos/fleet.git");
        [
            ("file", format!("file://{}", bare.display())),
            ("http", self.git.http_url("fleet")),
            ("ssh", self.git.ssh_url("fleet")),
        ]
    }

    /// Takes both ways in turn, each time with another app, and prints what they cost.
    fn compare(&self, name: &str, url: &str, due: &mut Vec<Due>) -> f64 {
        // One of each before it counts: caches are warm for both.
        self.promote(url, &next(due));
        self.by_hand(url, &next(due));
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(self.promote(url, &next(due)));
            theirs.push(self.by_hand(url, &next(due)));
        }
        let (our_median, theirs_median) = (median(&mut ours), median(&mut theirs));
        let ratio = our_median.as_secs_f64() / theirs_median.as_secs_f64();
        println!("{name:8} {:>26} {:>26} {ratio:>7.2}", shown(&ours), shown(&theirs));
        ratio
    }

    /// Runs the program on a repository; it must push.
    fn promote(&self, url: &str, due: &Due) -> Duration {
        let (output, time) = timed(self.command(url, due));
        assert!(output.status.success(), "{} {}: {}", due.app, due.tag, said(&output));
        time
    }

    fn command(&self, url: &str, due: &Due) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_promote"));
        command.args([&due.app, &due.tag, "--to", "production", "--forge", "none", "--repo", url]);
        self.prepare(&mut command);
        command
    }

    /// Does the same with Git's plumbing: a blobless bare clone, one blob, one push.
    fn by_hand(&self, url: &str, due: &Due) -> Duration {
        let work = self.path("by-hand");
        fs::create_dir(&work).expect("a folder");
        let mut command = Command::new("bash");
        command.arg(self.shared.join("bench/one_promotion.sh")).args([url, "plumb", &due.app, &due.tag]);
        self.prepare(&mut command);
        let (output, time) = timed(command.env("W", &work));
        assert!(output.status.success(), "{} {} by hand: {}", due.app, due.tag, said(&output));
        fs::remove_dir_all(work).expect("a folder");
        time
    }

    fn prepare(&self, command: &mut Command) {
        command
            .current_dir(self.path("home"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"))
            .env("GIT_SSH_COMMAND", &self.git.ssh_command)
            .stdin(Stdio::null());
    }

    /// Prints how many files one promotion asks for, and in how many calls of Git: a `git` that writes both down stands
    /// before the real one.
    fn count_blobs(&self, due: &mut Vec<Due>) {
        let (names, calls) = (self.path("names"), self.path("calls"));
        let script = format!(
            "#!/bin/sh\nPATH=${{PATH#*:}}\necho \"$*\" >>'{}'\ncase \" $* \" in *' --stdin '*) tee -a '{}' | git \"$@\" ;; \
             *) exec git \"$@\" ;; esac\n",
            calls.display(),
            names.display()
        );
        let git = self.path("bin/git");
        fs::write(&git, script).expect("a file");
        change_mode(&git, "755");
        let mut command = self.command(&self.transports()[0].1, &next(due));
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap_or_default());
        let (output, _) = timed(command.env("PATH", path));
        assert!(output.status.success(), "{}", said(&output));
        let count = |path: &Path| fs::read_to_string(path).unwrap_or_default().lines().count();
        println!("one promotion asks for {} files of 20,001, in {} calls of git", count(&names), count(&calls));
    }
}

fn change_mode(path: &Path, mode: &str) {
    assert!(Command::new("chmod").arg(mode).arg(path).status().expect("chmod").success(), "a mode");
}

fn next(due: &mut Vec<Due>) -> Due {
    due.pop().expect("an app that is behind")
}

fn timed(mut command: impl std::borrow::BorrowMut<Command>) -> (Output, Duration) {
    let start = Instant::now();
    let output = command.borrow_mut().output().expect("the program");
    (output, start.elapsed())
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

/// Returns the one in the middle, of an odd number.
fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Returns the median and the range of sorted times.
fn shown(times: &[Duration]) -> String {
    let ms = |time: &Duration| time.as_secs_f64() * 1000.0;
    let (least, most) = (&times[0], &times[times.len() - 1]);
    format!("{:.0} ({:.0} to {:.0})", ms(&times[times.len() / 2]), ms(least), ms(most))
}
