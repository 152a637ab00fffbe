//! On a terminal: progress where it takes long, colour where it is wanted.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::fleet::*;
use crate::support::Sandbox;
use crate::support::registry::Fault;

/// Starts the program on a terminal of its own; what it shows there is standard output of the child.
///
/// `script` (util-linux) makes the terminal.
fn on_terminal(fleet: &Sandbox, variables: &[(&str, &str)], arguments: &[&str]) -> Child {
    let command = fleet.command(arguments);
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<String> = words.map(|word| format!("'{}'", word.to_str().expect("UTF-8"))).collect();
    let mut terminal = Command::new("script");
    terminal.args(["--quiet", "--return", "--flush", "--command", &words.join(" "), "/dev/null"]);
    terminal.env_clear().env("TERM", "xterm-256color");
    for (name, value) in command.get_envs() {
        terminal.env(name, value.expect("a value"));
    }
    terminal.envs(variables.iter().copied()).current_dir(command.get_current_dir().expect("a folder"));
    terminal.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("script")
}

/// Tells whether a terminal can be made here.
fn is_possible() -> bool {
    let there =
        Command::new("script").arg("--version").output().is_ok_and(|run| run.stdout.starts_with(b"script from"));
    if !there {
        println!("skipped: script of util-linux is not there");
    }
    there
}

/// Everything that was shown until the program ended.
fn shown(fleet: &Sandbox, variables: &[(&str, &str)], arguments: &[&str]) -> String {
    let output = on_terminal(fleet, variables, arguments).wait_with_output().expect("an end");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Waits until a text is shown, and ends the program.
fn shows(mut child: Child, text: &str) -> bool {
    let mut output = child.stdout.take().expect("a terminal");
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(length @ 1..) = output.read(&mut bytes) {
            if tell.send(bytes[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    let mut seen = Vec::new();
    let found = loop {
        match told.recv_timeout(Duration::from_secs(60)) {
            Ok(bytes) => seen.extend(bytes),
            Err(_) => break false,
        }
        if String::from_utf8_lossy(&seen).contains(text) {
            break true;
        }
    };
    child.kill().expect("the program");
    child.wait().expect("an end");
    found
}

#[test]
fn who_waits_for_a_registry_sees_for_which() {
    if !is_possible() {
        return;
    }
    let fleet = fleet();
    fleet.settle();
    fleet.registry.fault(0, Fault::Silent);
    assert!(shows(on_terminal(&fleet, &[], &["tags", "my-app"]), "registry.example.com/my-app-config"));
}

#[test]
fn nothing_of_the_progress_stays_beside_the_answer() {
    if !is_possible() {
        return;
    }
    let fleet = fleet();
    fleet.settle();
    let text = shown(&fleet, &[("NO_COLOR", "1")], &["tags", "my-app"]);
    // What is before the last line that was wiped can't be seen any more.
    let left = text.rsplit("\u{1b}[2K").next().unwrap_or_default();
    assert!(left.contains("v1.2.3   a version\r\n"), "{text:?}");
    assert!(!left.contains("registry.example.com"), "{text:?}");
}

#[test]
fn colour_is_for_terminals_that_have_it_and_for_people_who_want_it() {
    if !is_possible() {
        return;
    }
    let fleet = fleet();
    fleet.settle();
    let refused = ["my-app", "v9.9.9"];
    assert!(shown(&fleet, &[], &refused).contains("\u{1b}[31merror:"));
    for variable in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let text = shown(&fleet, &[variable], &refused);
        assert!(
            text.contains("error:") && !text.contains("\u{1b}[3") && !text.contains("\u{1b}[1m"),
            "{variable:?}: {text:?}"
        );
    }
    let forced = fleet.command(&refused).env("CLICOLOR_FORCE", "1").output().expect("the program");
    assert!(String::from_utf8_lossy(&forced.stderr).contains("\u{1b}[31merror:"), "{forced:?}");
    let run = fleet.promote(&refused);
    assert!(!run.stderr.contains('\u{1b}'), "{run}");
}
