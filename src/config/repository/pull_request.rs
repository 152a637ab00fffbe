//! `pull_request:` and `links:`: what the approving people see beside the change.

use super::shape;
use super::{Fact, File, Link, PullRequest};
use crate::config::document::{Failure, Located};

/// What a link may hold in braces.
const PLACEHOLDERS: [&str; 2] = ["app", "environment"];

/// Returns how pull requests are opened.
pub fn settings(written: &shape::PullRequest) -> Result<PullRequest, Failure> {
    let defaults = PullRequest::default();
    Ok(PullRequest {
        labels: match &written.labels {
            Some(labels) => words(labels)?,
            None => defaults.labels,
        },
        reviewers: words(&written.reviewers)?,
        teams: words(&written.teams)?,
        draft: written.draft,
    })
}

fn words(written: &[Located<String>]) -> Result<Vec<String>, Failure> {
    written.iter().map(word).collect()
}

fn word(written: &Located<String>) -> Result<String, Failure> {
    let text = written.value.trim();
    // GitLab takes labels as one text with commas between them.
    if text.is_empty() || text.contains(',') || text.chars().any(char::is_control) {
        let message = format!("`{}` is no name of a label, an account or a team", written.value.escape_debug());
        return Err(written.wrong(Fact::Malformed { message, help: "write one name an entry" }));
    }
    Ok(text.trim_start_matches('@').to_owned())
}

/// Returns the links, in the order they are written.
pub fn links(file: &File<'_>, written: &shape::Document) -> Result<Vec<Link>, Failure> {
    written.links.0.iter().map(|(name, template)| link(file, name, template)).collect()
}

fn link(file: &File<'_>, name: &Located<String>, template: &Located<String>) -> Result<Link, Failure> {
    let is_web = template.value.starts_with("https://") || template.value.starts_with("http://");
    let plain = |char: char| char.is_ascii_graphic() && !matches!(char, '<' | '>' | '"' | '\\' | '`');
    if !is_web || !template.value.chars().all(plain) {
        let message = format!("`{}` is no URL of the web", template.value.escape_debug());
        return Err(template.wrong(Fact::Malformed { message, help: "begin it with `https://`" }));
    }
    for placeholder in template.value.split('{').skip(1) {
        let word = placeholder.split('}').next().unwrap_or(placeholder);
        if !placeholder.contains('}') || !PLACEHOLDERS.contains(&word) {
            return Err(template.wrong(Fact::unknown_word(&format!("{{{word}}}"), ["{app}", "{environment}"])));
        }
    }
    if name.value.trim().is_empty() || name.value.chars().any(char::is_control) {
        let message = "the link has no name".to_owned();
        return Err(name.wrong(Fact::Malformed { message, help: "name it as people call it, such as `dashboard`" }));
    }
    Ok(Link { name: name.value.clone(), template: template.value.clone(), place: file.place(template.at) })
}
