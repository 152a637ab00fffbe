//! What this machine does to a run: the Git that is here, the disk, a kill, and who reads the output.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::fleet::*;
use crate::support::Sandbox;
use crate::support::sandbox::GitFault;

const PROMOTE: &[&str] = &["my-app", "v1.2.3"];

/// Puts a `git` of one's own before the sandbox's, which it finds as `$git`.
fn with_wrapper(fleet: Sandbox, script: &str) -> Sandbox {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = fleet.path("wrapped");
    fs::create_dir_all(&folder).expect("a folder");
    let script = format!("#!/bin/sh\ngit='{}'\n{script}\n", fleet.path("bin/git").display());
    fs::write(folder.join("git"), script).expect("a file");
    fs::set_permissions(folder.join("git"), fs::Permissions::from_mode(0o755)).expect("a mode");
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").expect("PATH"));
    fleet.variable("PATH", &path)
}

#[test]
fn without_git_or_with_too_old_a_one_that_is_said_before_anything_is_done() {
    let fleet = on_github();
    let nowhere = fleet.path("nowhere").display().to_string();
    let missing = fleet.variable("PATH", &nowhere);
    let old = on_github().git_says("git version 2.20.1\n");
    for (fleet, words) in [(missing, "git 2.31 or newer"), (old, "2.20.1")] {
        for command in [PROMOTE, &["auto"], &["status"], &["plan"]] {
            let (run, wrote) = fleet.promote_once(command);
            assert!(!wrote && run.code == 8, "{command:?}: {run}");
            assert!(run.stderr.contains(words), "{command:?}: {run}");
        }
        let (doctor, _) = fleet.promote_once(&["doctor"]);
        assert!(doctor.code != 0 && doctor.to_string().contains(words), "{doctor}");
        assert_eq!(fleet.forge.as_ref().expect("a forge").writes(), Vec::<String>::new());
    }
}

#[test]
fn a_git_that_talks_or_speaks_another_language_is_understood() {
    // It is told to speak as programs read it, and the user's language does not come through.
    let fleet = with_wrapper(
        on_github(),
        r#"echo 'Willkommen bei Firmen-Git' >&2
[ "$LC_ALL" = C ] || { echo "fatal: $LC_ALL" >&2; exit 97; }
[ -z "${LANGUAGE-}" ] || { echo "fatal: $LANGUAGE" >&2; exit 97; }
if [ "$1" = --version ]; then echo 'Firmen-Git 7'; "$git" "$@"; echo 'Wird überwacht'; exit; fi
exec "$git" "$@""#,
    )
    .variable("LANG", "de_DE.UTF-8")
    .variable("LC_ALL", "de_DE.UTF-8")
    .variable("LANGUAGE", "de");
    let run = fleet.promote(PROMOTE);
    assert_eq!((run.code, open_heads(&fleet).len()), (0, 1), "{run}");

    let strange = on_github().git_says("hub version 2.14.2\n");
    let (run, wrote) = strange.promote_once(PROMOTE);
    assert!(!wrote && run.code == 8 && run.stderr.contains("hub version 2.14.2"), "{run}");
}

#[test]
fn a_program_in_the_working_directory_is_never_started() {
    use std::os::unix::fs::PermissionsExt as _;
    let fleet = on_github();
    fleet.settle();
    let canary = fleet.path("canary");
    for name in ["git", "ssh", "gpg", "ssh-keygen", "docker-credential-evil"] {
        let path = fleet.path("fleet").join(name);
        fs::write(&path, format!("#!/bin/sh\necho {name} >>'{}'\n", canary.display())).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    let path = format!(".::{}:{}", fleet.path("bin").display(), std::env::var("PATH").expect("PATH"));
    let fleet = fleet.variable("PATH", &path);
    let run = fleet.promote(PROMOTE);
    assert_eq!((run.code, open_heads(&fleet).len()), (0, 1), "{run}");
    assert!(!canary.exists(), "{:?}: {run}", fs::read_to_string(&canary));
}

/// Runs on a disk of its own with so much room, and tells whether anything was left on it.
fn on_a_disk_of(options: &str) -> String {
    format!(
        "unshare --mount --map-root-user sh -c 'mount -t tmpfs -o {options},mode=700 tmpfs \"$TMPDIR\" || exit 98\n\
         \"$@\"\ncode=$?\n[ -z \"$(ls -A \"$TMPDIR\")\" ] || exit 99\nexit $code' sh \"$@\""
    )
}

/// Runs where no file may grow beyond so many blocks of 512 bytes.
fn with_files_of(blocks: usize) -> String {
    // Else the kernel ends the program where a full disk would only fail a write.
    format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"")
}

#[test]
fn a_disk_that_is_full_is_found_before_anything_is_pushed() {
    let may_mount = std::process::Command::new("unshare")
        .args(["--mount", "--map-root-user", "mount", "-t", "tmpfs", "tmpfs", "/tmp"])
        .output()
        .is_ok_and(|output| output.status.success());
    let script = |step: u32| -> Vec<String> {
        if may_mount {
            // Kilobytes, then files.
            let by_room = on_a_disk_of(&format!("size={}k", 4 << step));
            vec![by_room, on_a_disk_of(&format!("size=64m,nr_inodes={}", 2 << step))]
        } else {
            vec![with_files_of(1 << step)]
        }
    };
    let ways = script(0).len();
    let (mut full, mut fits) = (vec![0; ways], vec![false; ways]);
    for step in 0..13 {
        for (way, script) in script(step).iter().enumerate().filter(|(way, _)| !fits[*way]).collect::<Vec<_>>() {
            let fleet = on_github();
            let (run, wrote) = fleet.promote_by(script, PROMOTE);
            if run.code == 0 {
                fits[way] = true;
                assert_eq!(open_heads(&fleet).len(), 1, "{script}: {run}");
                continue;
            }
            full[way] += 1;
            assert!(run.code == 8 && !wrote, "{script}: {run}");
            assert!(fleet.branches().is_empty() && fleet.pulls().is_empty(), "{script}: {run}");
            let (again, _) = fleet.promote_once(PROMOTE);
            assert_eq!((again.code, open_heads(&fleet).len()), (0, 1), "after {script}: {again}");
        }
    }
    println!("full disks: {full:?}, by {}", if may_mount { "room and by inodes" } else { "a limit of files" });
    assert!(full.iter().all(|count| *count > 0) && fits.iter().all(|fits| *fits), "{full:?} {fits:?}");
}

#[test]
fn what_a_killed_run_left_is_removed_when_it_is_old_and_nobody_holds_it() {
    let folders = |fleet: &Sandbox| -> Vec<PathBuf> {
        fs::read_dir(fleet.path("tmp")).expect("a folder").flatten().map(|entry| entry.path()).collect()
    };
    let age = |folder: &PathBuf| {
        let then = SystemTime::now() - Duration::from_secs(25 * 60 * 60);
        fs::File::open(folder).expect("a folder").set_modified(then).expect("a time");
    };
    let (undisturbed, _) = on_github().promote_once(PROMOTE);
    let fleet = on_github();
    fleet.break_git(undisturbed.push(), GitFault::Kill);
    let (killed, _) = fleet.promote_once(PROMOTE);
    assert!(fleet.mend_git() && killed.code == 137, "{killed}");
    let left = folders(&fleet);
    assert_eq!(left.len(), 1, "{left:?}: {killed}");

    // It may be somebody's who is only slow.
    let (run, _) = fleet.promote_once(&["status"]);
    assert_eq!((run.code, folders(&fleet)), (0, left.clone()), "{run}");
    age(&left[0]);
    let lock = fs::File::open(left[0].join("lock")).expect("a lock");
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).expect("the lock");
    let (run, _) = fleet.promote_once(&["status"]);
    assert_eq!((run.code, folders(&fleet)), (0, left), "{run}");
    drop(lock);
    // The oracle for what a run leaves would take the folder that is gone for one.
    let output = fleet.command(PROMOTE).output().expect("a run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((folders(&fleet), open_heads(&fleet).len()), (Vec::new(), 1));
}

#[test]
fn whoever_reads_the_output_or_does_not_the_work_is_done() {
    for script in [
        "exec \"$@\" >&-",
        "exec \"$@\" 2>&-",
        "exec \"$@\" >&- 2>&-",
        "exec \"$@\" <&- >&- 2>&-",
        "\"$@\" | head -c 0; exec \"$@\"",
        "\"$@\" 2>&1 | head -c 1 >/dev/null; exec \"$@\"",
        "exec \"$@\" >/dev/full",
        "exec \"$@\" 2>/dev/full",
    ] {
        let fleet = on_github();
        let (run, _) = fleet.promote_by(script, PROMOTE);
        assert_eq!((run.code, open_heads(&fleet).len()), (0, 1), "{script}: {run}");
        assert!(!run.stderr.contains("panicked"), "{script}: {run}");
        let (again, wrote) = fleet.promote_once(PROMOTE);
        assert!(again.code == 0 && !wrote, "{script}: {again}");
        let (looked, _) = fleet.promote_by(script, &["status", "--all"]);
        assert_eq!(looked.code, 0, "{script}: {looked}");
    }
    // What a terminal is called and how wide it is decides nothing.
    let mut results = Vec::new();
    for variables in [&[("TERM", "dumb")][..], &[("NO_COLOR", "1"), ("COLUMNS", "10")], &[]] {
        let fleet = on_github();
        let (run, _) = fleet.promote_in(variables, PROMOTE);
        assert_eq!(run.code, 0, "{variables:?}: {run}");
        results.push((fleet.branches(), fleet.shown(&fleet.pulls()[0].body), run.shown(&run.stdout)));
    }
    assert!(results.windows(2).all(|two| two[0] == two[1]), "{results:#?}");
}
