//! What the approving SRE reads: title and body of a pull request, the commit message.
//!
//! [`Promotion`] holds facts, `View` the same as inert texts, the only thing that a template sees. The head (the
//! line that marks an exception, what merging does, the table of facts) is always ours; the rest may be overridden.

mod commit;
mod fact;
mod promotion;
mod view;
mod wording;

use url::Url;

pub use self::commit::commit_message;
pub use self::promotion::{
    Before, Content, Direction, How, Hunk, Kept, Link, Mate, Move, Next, Overrides, Promotion, Requester, Shelved,
    Standing, Text, Waived,
};

use self::view::{Detail, View};
use self::wording::capitalised;
use super::inert;
use super::template::{self, Error, Template};
use crate::model::{AppName, Chosen, EnvironmentName, RepoPath};

/// The most bytes a body may have; GitHub takes 65,536 characters.
pub const BODY_LIMIT: usize = 60_000;

const HEAD: Template<'static> =
    Template { name: "templates/pull-request-head.md", text: include_str!("../../templates/pull-request-head.md") };
const BODY: Template<'static> =
    Template { name: "templates/pull-request.md", text: include_str!("../../templates/pull-request.md") };

/// Writes title and body.
///
/// # Errors
/// [`Error`] if an override can't be filled, or all of it is too long however much is folded away.
pub fn pull_request(promotion: &Promotion, overrides: Overrides<'_>) -> Result<Text, Error> {
    let template = overrides.body.unwrap_or(BODY);
    let mut last = None;
    for detail in Detail::LEVELS {
        let view = View::of(promotion, detail);
        let head = template::fill(HEAD, &view, BODY_LIMIT)?;
        let room = BODY_LIMIT.saturating_sub(head.len());
        match template::fill(template, &view, room) {
            Ok(rest) => {
                refuse_commands(template, &rest)?;
                return Ok(Text { title: title(promotion), body: without_gaps(&format!("{head}\n{rest}")) });
            }
            Err(error @ Error::TooLong { .. }) => last = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(last.unwrap_or(Error::TooLong { name: template.name.to_owned(), limit: BODY_LIMIT }))
}

/// Returns the title: `Promote my-app to v1.2.3 in prod-eu`.
pub fn title(promotion: &Promotion) -> String {
    let marked = if promotion.waived.is_empty() { "" } else { "EXCEPTION: " };
    let (verb, preposition) = match promotion.direction {
        Direction::Forward => ("Promote", "to"),
        Direction::Back => ("Roll back", "to"),
    };
    let target = inert::plain(promotion.target.as_str());
    match promotion.moves.as_slice() {
        [one] => {
            format!("{marked}{verb} {} {preposition} {} in {target}", inert::plain(one.app.as_str()), version(&one.to))
        }
        several => format!("{marked}{verb} {} apps in {target}", several.len()),
    }
}

/// Returns the changed lines of a file, each hunk with one line around it.
pub fn hunks(path: &RepoPath, before: &str, after: &str) -> Vec<Hunk> {
    let diff = similar::TextDiff::from_lines(before, after);
    diff.grouped_ops(1)
        .iter()
        .map(|group| {
            let changes: Vec<_> = group.iter().flat_map(|operation| diff.iter_changes(operation)).collect();
            let first = changes.iter().find(|change| change.tag() != similar::ChangeTag::Equal);
            let line = first.and_then(|change| change.old_index().or(change.new_index())).map_or(1, |index| index + 1);
            let lines = changes
                .iter()
                .map(|change| format!("{}{}", change.tag(), change.value().trim_end_matches(['\n', '\r'])));
            Hunk { path: path.clone(), line, lines: lines.collect() }
        })
        .collect()
}

/// Fills a link of `promote.yaml` for one app and environment; none if it is no `https` or `http` URL.
pub fn dashboard(link: &str, app: &AppName, environment: &EnvironmentName) -> Option<Link> {
    let encoded =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    let url = link.replace("{app}", &encoded(app.as_str())).replace("{env}", &encoded(environment.as_str()));
    let url = Url::parse(&url).ok().filter(|url| matches!(url.scheme(), "https" | "http"))?;
    Some(Link { text: format!("Dashboard {environment}"), url })
}

/// Refuses quick actions, such as `/merge`, which an override could write.
fn refuse_commands(template: Template<'_>, text: &str) -> Result<(), Error> {
    let obeyed =
        |line: &&str| line.trim_start().strip_prefix('/').is_some_and(|rest| rest.starts_with(char::is_alphabetic));
    match text.lines().find(obeyed) {
        Some(line) => Err(Error::Command {
            name: template.name.to_owned(),
            line: inert::cut(line.trim(), 80).escape_default().to_string(),
        }),
        None => Ok(()),
    }
}

fn version(chosen: &Chosen) -> String {
    match (&chosen.tag, &chosen.digest) {
        (Some(tag), _) => tag.to_string(),
        (None, Some(digest)) => digest.short(),
        (None, None) => "an unknown version".to_owned(),
    }
}

fn exception(promotion: &Promotion) -> Option<String> {
    let rules = match promotion.waived.len() {
        0 => return None,
        1 => "1 rule".to_owned(),
        count => format!("{count} rules"),
    };
    let said = promotion.waived.iter().map(|waived| waived.message.as_str()).collect::<Vec<_>>().join("; ");
    Some(format!("Exception: skips {rules}. {}.", capitalised(&said)))
}

/// Leaves one empty line at most between two others.
fn without_gaps(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    let mut fence: Option<&str> = None;
    for line in text.lines() {
        let ticks = line.get(..line.len() - line.trim_start_matches('`').len()).filter(|ticks| ticks.len() >= 3);
        match (fence, ticks) {
            (None, Some(_)) => fence = ticks,
            (Some(open), Some(_)) if line == open => fence = None,
            _ => {}
        }
        if fence.is_some() || !line.is_empty() || lines.last().is_some_and(|last| !last.is_empty()) {
            lines.push(line);
        }
    }
    format!("{}\n", lines.join("\n").trim_end())
}
