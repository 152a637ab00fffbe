//! What Git's complaints mean. It has one exit code for all of them, so its words decide, untranslated by `LC_ALL=C`.

use super::{Error, RemoteUrl, Scheme, escape};

/// Tells what a complaint about a remote means.
pub(super) fn classify(text: &str, remote: &RemoteUrl) -> Error {
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let remote_text = remote.to_string();
    let detail = summary(text);
    let is_moved = [301, 302, 303, 307, 308].iter().any(|code| text.contains(&format!("returned error: {code}")));
    let is_local = remote.scheme() == Scheme::File;
    let remote = remote_text;
    if is_moved || has(&["unable to update url base from redirection"]) {
        Error::Moved { remote }
    } else if has(&["returned error: 407", "HTTP code 407", "response 407"]) {
        Error::ProxyAuthentication { remote }
    } else if has(&["Host key verification failed", "REMOTE HOST IDENTIFICATION HAS CHANGED"]) {
        Error::HostKey { remote, detail }
    } else if has(&[
        "SSL certificate problem",
        "certificate verif",
        "SSL: no alternative certificate",
        "server certificate",
    ]) {
        Error::Certificate { remote, detail }
    } else if has(&["not our ref", "unadvertised object"]) {
        Error::Remote { remote, detail }
    } else if has(&["was archived so it is read-only", "repository is archived", "Repository is read-only"]) {
        Error::ReadOnly { remote, detail }
    } else if has(&[
        "Authentication failed",
        "could not read Username",
        "could not read Password",
        "returned error: 401",
        "returned error: 403",
        "Permission denied (",
        "Permission to ",
        "HTTP Basic: Access denied",
    ]) {
        Error::Authentication { remote, detail }
    } else if has(&["dubious ownership", "unsafe repository"]) {
        Error::Ownership { remote }
    } else if has(&["does not support shallow capabilities", "dumb http"]) {
        Error::DumbHttp { remote }
    } else if has(&["not valid: is this a git repository?"]) {
        Error::NotGit { remote }
    } else if is_disk(text) {
        Error::Disk { detail }
    } else if is_local && has(&["does not appear to be a git repository", "does not exist", "not a git repository"]) {
        Error::PathMissing { remote }
    } else if has(&[
        "repository '",
        "Repository not found",
        "returned error: 404",
        "does not appear to be a git repository",
        "could not be found",
    ]) && has(&["not found", "returned error: 404", "does not appear to be", "could not be found"])
    {
        Error::NotFound { remote }
    } else if has(&["fsck error", "index-pack failed", "bad object", "inflate", "did not send all necessary objects"])
        && !has(&["early EOF", "unexpected disconnect", "hung up unexpectedly", "RPC failed"])
    {
        Error::Objects { remote, detail }
    } else if has(&[
        "Could not resolve",
        "Failed to connect",
        "Connection refused",
        "Connection reset",
        "Connection timed out",
        "Operation timed out",
        "Operation too slow",
        "Couldn't connect",
        "Empty reply",
        "CONNECT tunnel failed",
        "Proxy CONNECT aborted",
        "early EOF",
        "unexpected disconnect",
        "hung up",
        "RPC failed",
        "returned error: 429",
        "returned error: 5",
        "Network is unreachable",
        "No route to host",
        "Could not read from remote repository",
    ]) {
        Error::Unreachable { remote, detail }
    } else {
        Error::Remote { remote, detail }
    }
}

/// Tells whether this machine's disk is what is complained of, and not the server's.
fn is_disk(text: &str) -> bool {
    const WORDS: [&str; 9] = [
        "No space left on device",
        "Disk quota exceeded",
        "Read-only file system",
        "Too many open files",
        "File too large",
        "write error",
        // Git doesn't always say why it can't.
        "failed to write new configuration file",
        "unable to write",
        "unable to create temporary",
    ];
    let mut here = text.lines().filter(|line| !line.starts_with("remote:"));
    here.any(|line| WORDS.iter().any(|word| line.contains(word)))
}

/// The lines of a complaint that say something, at most 2 KiB.
pub(super) fn summary(text: &str) -> String {
    let noise = |line: &&str| {
        let line = line.trim();
        line.is_empty()
            || line.starts_with("Cloning into")
            || line.starts_with("hint:")
            || line.starts_with("Please make sure you have the correct access rights")
            || line.starts_with("and the repository exists.")
    };
    let lines: Vec<&str> = text.lines().filter(|line| !noise(line)).collect();
    escape(&lines.join("\n"), 2048)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn gits_complaints_have_the_exit_codes_of_the_contract() {
        use crate::model::Problem as _;
        let https = RemoteUrl::parse("https://git.corp/a/b", Path::new("/"), &[]).expect("a url");
        let file = RemoteUrl::parse("file:///srv/a", Path::new("/"), &[]).expect("a url");
        let cases = [
            (&https, "fatal: unable to access 'https://git.corp/a/b/': The requested URL returned error: 302", 7),
            (&https, "fatal: unable to access 'x': SSL certificate problem: self-signed certificate", 7),
            (&https, "fatal: could not read Username for 'https://git.corp': terminal prompts disabled", 4),
            (&https, "fatal: Authentication failed for 'https://git.corp/a/b/'", 4),
            (&https, "remote: Repository not found.\nfatal: repository 'https://git.corp/a/b/' not found", 4),
            (&https, "fatal: unable to access 'x': Could not resolve host: git.corp", 5),
            (&https, "fatal: unable to access 'x': The requested URL returned error: 503", 5),
            (&https, "error: RPC failed; curl 18\nfatal: early EOF\nfatal: fetch-pack: invalid index-pack output", 5),
            (&https, "fatal: dumb http transport does not support shallow capabilities", 8),
            (&https, "fatal: write error: No space left on device", 8),
            (
                &https,
                "error: failed to write new configuration file /tmp/x/config.lock\nfatal: could not set 'a' to '0'",
                8,
            ),
            (&https, "remote: fatal: write error: No space left on device\nfatal: something new", 5),
            (&https, "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.", 4),
            (&https, "Host key verification failed.\nfatal: Could not read from remote repository.", 4),
            (&file, "fatal: '/srv/a' does not appear to be a git repository", 2),
            (&https, "error: object 12: missingEmail: invalid\nfatal: fsck error in packed object", 7),
            (&https, "remote: This repository was archived so it is read-only.\nfatal: returned error: 403", 3),
            (&https, "something new", 5),
        ];
        for (remote, text, exit) in cases {
            assert_eq!(classify(text, remote).exit().code(), exit, "{text}");
        }
    }
}
