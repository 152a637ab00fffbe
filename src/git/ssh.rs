//! The ssh command that Git is to run.

use std::ffi::OsString;

use super::{Environment, Settings};
use crate::process::search;

/// What ssh is told before anything the user tells it: the first value of an option wins.
const SSH_OPTIONS: &str = "-o BatchMode=yes -o StrictHostKeyChecking=yes";

/// Returns the ssh command as Git would choose it, with our options added, and its variant if one is configured.
pub(super) fn command(environment: &Environment, settings: &Settings) -> (OsString, Option<String>) {
    let variant = environment.text("GIT_SSH_VARIANT").or_else(|| settings.value("ssh.variant")).map(str::to_owned);
    let command = environment
        .text("GIT_SSH_COMMAND")
        .or_else(|| settings.value("core.sshcommand"))
        .map(str::to_owned)
        .or_else(|| environment.text("GIT_SSH").map(quote))
        .or_else(|| search("ssh", environment.value("PATH").unwrap_or_default())?.to_str().map(quote))
        .unwrap_or_else(|| "ssh".to_owned());
    (with_ssh_options(&command, variant.as_deref()).into(), variant)
}

/// Quotes a word for the shell.
fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Adds our options right behind the program if that is surely OpenSSH, else at the end.
fn with_ssh_options(command: &str, variant: Option<&str>) -> String {
    let (assignments_and_program, rest) = split_program(command);
    let program = assignments_and_program.rsplit(['/', '\\', ' ']).next().unwrap_or_default();
    let name = program.trim_matches(['\'', '"']).trim_end_matches(".exe").to_ascii_lowercase();
    match (variant, name.as_str()) {
        (Some("plink" | "putty" | "tortoiseplink"), _) | (None | Some("auto"), "plink" | "putty" | "tortoiseplink") => {
            format!("{assignments_and_program} -batch{rest}")
        }
        (Some("simple"), _) => command.to_owned(),
        (_, "ssh") => format!("{assignments_and_program} {SSH_OPTIONS}{rest}"),
        _ => format!("{command} {SSH_OPTIONS}"),
    }
}

/// Splits a shell command behind its first word that isn't an assignment.
fn split_program(command: &str) -> (&str, &str) {
    let (mut quoted, mut escaped, mut in_word, mut is_assignment) = (None, false, false, false);
    for (index, char) in command.char_indices() {
        match (quoted, char) {
            _ if escaped => escaped = false,
            (None | Some('"'), '\\') => escaped = true,
            (Some(open), _) if open == char => quoted = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => (quoted, in_word) = (Some(char), true),
            (None, ' ' | '\t') if in_word && !is_assignment => return command.split_at(index),
            (None, ' ' | '\t') => (in_word, is_assignment) = (false, false),
            (None, '=') if in_word => is_assignment = true,
            (None, _) => in_word = true,
        }
    }
    (command, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_ssh_options_come_first_where_the_program_is_ssh() {
        let cases = [
            ("ssh -i key", None, "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -i key"),
            ("'/usr/bin/ssh'", None, "'/usr/bin/ssh' -o BatchMode=yes -o StrictHostKeyChecking=yes"),
            ("A='b c' ssh -v", None, "A='b c' ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -v"),
            ("exec ssh -v", None, "exec ssh -v -o BatchMode=yes -o StrictHostKeyChecking=yes"),
            ("my-wrapper", None, "my-wrapper -o BatchMode=yes -o StrictHostKeyChecking=yes"),
            ("plink -i key", None, "plink -batch -i key"),
            ("my-wrapper", Some("simple"), "my-wrapper"),
        ];
        for (command, variant, expected) in cases {
            assert_eq!(with_ssh_options(command, variant), expected, "{command}");
        }
    }
}
