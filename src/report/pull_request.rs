//! What the approving SRE reads: title and body of a pull request, the commit message.
//!
//! [`Promotion`] holds facts, [`View`] the same as inert texts, the only thing that a template sees. The head (the
//! line that marks an exception, what merging does, the table of facts) is always ours; the rest may be overridden.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::json;
use url::Url;

use super::inert::{self, Within};
use super::template::{self, Error, Template};
use crate::model::{AppName, Chosen, Digest, EnvironmentName, Evidence, RepoPath, Tag};

/// The most bytes a body may have; GitHub takes 65,536 characters.
pub const BODY_LIMIT: usize = 60_000;

const HEAD: Template<'static> =
    Template { name: "templates/pull-request-head.md", text: include_str!("../../templates/pull-request-head.md") };
const BODY: Template<'static> =
    Template { name: "templates/pull-request.md", text: include_str!("../../templates/pull-request.md") };
const COMMIT: Template<'static> =
    Template { name: "templates/commit.txt", text: include_str!("../../templates/commit.txt") };

/// All that is said about one pull request.
#[derive(Clone, Debug)]
pub struct Promotion {
    /// Forward or back.
    pub direction: Direction,
    /// The environment, or the stage if several move.
    pub target: EnvironmentName,
    /// Each app that moves; never empty.
    pub moves: Vec<Move>,
    /// Who asked, as the forge or the CI says; none if neither does.
    pub requester: Option<Requester>,
    /// Why, in the requester's words.
    pub reason: Option<String>,
    /// The rules that were waived.
    pub waived: Vec<Waived>,
    /// What else the approver must know: an unprotected base, checks that may not run.
    pub notes: Vec<String>,
    /// The changed lines.
    pub hunks: Vec<Hunk>,
    /// How many scalars are replaced.
    pub values: usize,
    /// The base commit.
    pub base: String,
    /// Where the rules are written.
    pub rules: Option<Link>,
    /// Whether `promote check` is a required check on the base branch.
    pub checked_again: bool,
    /// The time of writing.
    pub now: Timestamp,
}

/// Which way it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To a newer version.
    Forward,
    /// To a version that ran there before.
    Back,
}

/// Who asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requester {
    /// The account's name.
    pub name: String,
    /// Who says so: the forge's or the CI's host.
    pub origin: String,
}

/// A rule that was waived, and what it would have said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waived {
    /// `soak`, `freeze`, `from`, `range` or `hold`.
    pub rule: String,
    /// What is missing: "soak 0 of 24 h".
    pub message: String,
}

/// One app, in the environments that one slot decides.
#[derive(Clone, Debug)]
pub struct Move {
    /// The app.
    pub app: AppName,
    /// Where it moves; more than one if they share the deciding slot. Never empty.
    pub environments: Vec<EnvironmentName>,
    /// The stage of those.
    pub stage: EnvironmentName,
    /// What is pinned now.
    pub from: Option<Chosen>,
    /// What it moves to.
    pub to: Chosen,
    /// The tag in full, as the target pulls it: `registry.example.com/my-app-config:v1.2.3`.
    pub reference: Option<String>,
    /// What the environments before ran; empty if no earlier stage has the app.
    pub before: Vec<Before>,
    /// What is known of a signature; none where none is demanded and none was found.
    pub signature: Option<String>,
    /// The rules that say yes: "newer than v1.2.1", "not held".
    pub rules: Vec<Kept>,
    /// The other environments of the stage.
    pub mates: Vec<Mate>,
    /// The versions between, oldest first; none if they could not be listed.
    pub skipped: Option<Vec<Tag>>,
    /// How many commits come with it, where that is known.
    pub commits: Option<usize>,
    /// The comparison of the two versions' sources.
    pub compare: Option<Link>,
    /// Dashboards of the environments.
    pub dashboards: Vec<Link>,
    /// Since when `from` has been there.
    pub since: Option<Timestamp>,
    /// What every environment runs.
    pub standing: Vec<Standing>,
    /// What the artifact says of itself.
    pub annotations: Vec<(String, String)>,
}

/// A rule that says yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What it says: "not held", or "within" before a range.
    pub text: String,
    /// The range or version in it, shown as it is written.
    pub code: Option<String>,
}

/// What an environment before ran.
#[derive(Clone, Debug)]
pub struct Before {
    /// Its name.
    pub name: EnvironmentName,
    /// How that is known.
    pub evidence: Evidence,
    /// Whether its content is the same.
    pub content: Content,
    /// Since when it was seen there, and until when; none if nobody knows.
    pub seen: Option<(Timestamp, Option<Timestamp>)>,
    /// How long is asked for.
    pub asked: Option<SignedDuration>,
    /// What it is on now.
    pub now: Option<Tag>,
}

/// Is it the content that was tried before?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// The digests are equal.
    Same,
    /// One of the digests isn't known.
    NotKnown,
}

/// Another environment of the stage, and what becomes of it.
#[derive(Clone, Debug)]
pub struct Mate {
    /// Its name.
    pub name: EnvironmentName,
    /// What happens there.
    pub next: Next,
}

/// What happens in another environment of the stage.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Next {
    /// It follows in a pull request of its own, after this long.
    Follows(Option<SignedDuration>),
    /// It stays as it is.
    Stays,
    /// It runs the version already.
    Runs,
}

/// What an environment runs and how that is chosen.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Environments for which both are the same.
    pub names: Vec<EnvironmentName>,
    /// What runs; none if it isn't known.
    pub now: Option<String>,
    /// How it is chosen.
    pub how: How,
}

/// How a version is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// A pin.
    Pinned,
    /// A range, as written.
    Follows(String),
    /// Something whose version can't be told.
    Floating(String),
    /// It can't be told.
    NotKnown,
}

/// A link that we made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What is read.
    pub text: String,
    /// Where it leads.
    pub url: Url,
}

/// Changed lines of one file with what stands around them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk {
    /// The file.
    pub path: RepoPath,
    /// The line of the first change, from 1.
    pub line: usize,
    /// Each line, with ` `, `-` or `+` before it.
    pub lines: Vec<String>,
}

/// Replacements for our templates, read at the base commit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Overrides<'a> {
    /// What stands below the facts.
    pub body: Option<Template<'a>>,
    /// What stands above the trailers.
    pub commit: Option<Template<'a>>,
}

/// Title and body of a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The title.
    pub title: String,
    /// The body, in Markdown.
    pub body: String,
}

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
            Ok(rest) => return Ok(Text { title: title(promotion), body: without_gaps(&format!("{head}\n{rest}")) }),
            Err(error @ Error::TooLong { .. }) => last = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(last.unwrap_or(Error::TooLong { name: template.name.to_owned(), limit: BODY_LIMIT }))
}

/// Writes the message of the commit for one of the moves; its trailers can't be overridden.
///
/// # Errors
/// [`Error`] if an override can't be filled.
pub fn commit_message(promotion: &Promotion, one: &Move, overrides: Overrides<'_>) -> Result<String, Error> {
    let alone = Promotion { moves: vec![one.clone()], target: place_of(promotion, one), ..promotion.clone() };
    let view = CommitView {
        title: title(&alone),
        exception: exception(promotion).map(|text| inert::plain(&text)),
        reason: promotion.reason.as_deref().map(inert::plain),
        app: inert::plain(one.app.as_str()),
        environments: one.environments.iter().map(|name| inert::plain(name.as_str())).collect(),
        from: one.from.as_ref().map(version),
        to: version(&one.to),
    };
    let message = template::fill(overrides.commit.unwrap_or(COMMIT), &view, BODY_LIMIT)?;
    Ok(format!("{}\n\n{}\n", without_gaps(&message).trim_end(), trailers(promotion, one).join("\n")))
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

fn place_of(promotion: &Promotion, one: &Move) -> EnvironmentName {
    match one.environments.as_slice() {
        [only] => only.clone(),
        _ => promotion.target.clone(),
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

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| format!("{}{}", first.to_uppercase(), chars.as_str()))
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

fn trailers(promotion: &Promotion, one: &Move) -> Vec<String> {
    let mut trailers = vec![format!("Promote-App: {}", inert::plain(one.app.as_str()))];
    let mut add = |key: &str, value: String| {
        // Git reads a trailer's value to the end of its line; an inert text has no other.
        trailers.push(format!("Promote-{key}: {value}"));
    };
    for environment in &one.environments {
        add("Environment", inert::plain(environment.as_str()));
    }
    if let Some(from) = &one.from {
        add("From", version(from));
    }
    add("To", version(&one.to));
    if let Some(digest) = &one.to.digest {
        add("Digest", digest.to_string());
    }
    for before in &one.before {
        add("Evidence", evidence(before));
    }
    if let Some(requester) = &promotion.requester {
        add("Requested-By", format!("{} ({})", inert::plain(&requester.name), inert::plain(&requester.origin)));
    }
    if let Some(reason) = &promotion.reason {
        add("Reason", inert::plain(reason));
    }
    if !promotion.waived.is_empty() {
        let rules = promotion.waived.iter().map(|waived| inert::plain(&waived.rule)).collect::<Vec<_>>();
        add("Waived", rules.join(","));
    }
    if let (Direction::Back, Some(from)) = (promotion.direction, &one.from) {
        add("Rolled-Back", version(from));
    }
    trailers
}

fn evidence(before: &Before) -> String {
    let minutes = |time: &Timestamp| time.strftime("%Y-%m-%dT%H:%MZ").to_string();
    let word = match before.evidence {
        Evidence::Admitted => "admitted",
        Evidence::Selected => "selected",
    };
    let times = match &before.seen {
        Some((first, Some(left))) => format!(" {}..{}", minutes(first), minutes(left)),
        Some((first, None)) => format!(" since {}", minutes(first)),
        None => String::new(),
    };
    format!("{word} in {}{times}", inert::plain(before.name.as_str()))
}

/// How much is told; less where all of it is too long.
#[derive(Clone, Copy)]
struct Detail {
    diff_lines: usize,
    standing: bool,
    annotations: bool,
}

impl Detail {
    const LEVELS: [Self; 4] = [
        Self { diff_lines: 400, standing: true, annotations: true },
        Self { diff_lines: 200, standing: true, annotations: false },
        Self { diff_lines: 60, standing: false, annotations: false },
        Self { diff_lines: 10, standing: false, annotations: false },
    ];
}

/// What a commit message's template sees.
#[derive(Serialize)]
struct CommitView {
    title: String,
    exception: Option<String>,
    reason: Option<String>,
    app: String,
    environments: Vec<String>,
    from: Option<String>,
    to: String,
}

/// What a body's template sees: inert Markdown.
#[derive(Serialize)]
struct View {
    title: String,
    target: String,
    exception: Option<String>,
    requester: Option<String>,
    reason: Option<String>,
    moves: Vec<MoveView>,
    change: ChangeView,
    base: String,
    rules: Option<String>,
    tool: &'static str,
    promotions: String,
}

#[derive(Serialize)]
struct MoveView {
    app: String,
    headline: String,
    merging: String,
    facts: Vec<Fact>,
    comes_with: Option<ComesWith>,
    compare: Option<String>,
    dashboards: Vec<String>,
    undo: String,
    environments: Vec<Row>,
    digests: String,
    annotations: Option<String>,
}

#[derive(Serialize)]
struct Fact {
    label: String,
    value: String,
}

#[derive(Serialize)]
struct ComesWith {
    counted: String,
    versions: String,
}

#[derive(Serialize)]
struct Row {
    names: String,
    now: String,
    how: String,
}

#[derive(Serialize)]
struct ChangeView {
    counted: String,
    diff: String,
}

impl View {
    fn of(promotion: &Promotion, detail: Detail) -> Self {
        let reason = promotion.reason.as_deref().map(inert::inline);
        let requester = promotion.requester.as_ref().map(|requester| inert::inline(&requester.name));
        let words = [requester.clone(), reason.clone()].into_iter().flatten().collect::<Vec<_>>().join(": ");
        Self {
            title: inert::inline(&title(promotion)),
            target: inert::inline(promotion.target.as_str()),
            exception: exception(promotion).map(|text| {
                let (first, rest) = text.split_once(". ").unwrap_or((&text, ""));
                format!("**{}.** {} {words}", inert::inline(first), inert::inline(rest)).trim_end().to_owned()
            }),
            moves: promotion.moves.iter().map(|one| MoveView::of(promotion, one, detail)).collect(),
            change: ChangeView::of(promotion, detail),
            base: promotion.base.chars().filter(char::is_ascii_hexdigit).take(7).collect(),
            rules: promotion.rules.as_ref().map(link),
            tool: env!("CARGO_PKG_VERSION"),
            promotions: inert::fenced_lines("json", promotion.moves.iter().flat_map(promotion_documents)),
            requester,
            reason,
        }
    }
}

impl MoveView {
    fn of(promotion: &Promotion, one: &Move, detail: Detail) -> Self {
        let annotations = one.annotations.iter().map(|(key, value)| annotation(key, value)).collect::<Vec<_>>();
        Self {
            app: inert::inline(one.app.as_str()),
            headline: headline(promotion, one),
            merging: merging(promotion, one),
            facts: facts(promotion, one),
            comes_with: comes_with(promotion, one),
            compare: one.compare.as_ref().map(link),
            dashboards: one.dashboards.iter().map(link).collect(),
            undo: undo(promotion, one),
            environments: if detail.standing {
                one.standing.iter().map(|row| standing(one, row)).collect()
            } else {
                Vec::new()
            },
            digests: digests(one),
            annotations: (detail.annotations && !annotations.is_empty())
                .then(|| inert::fence("text", &annotations.join("\n"))),
        }
    }
}

impl ChangeView {
    fn of(promotion: &Promotion, detail: Detail) -> Self {
        let mut paths: Vec<&RepoPath> = promotion.hunks.iter().map(|hunk| &hunk.path).collect();
        paths.sort_unstable();
        paths.dedup();
        let mut lines = Vec::new();
        for hunk in &promotion.hunks {
            lines.push(format!(" {}:{}", hunk.path, hunk.line));
            lines.extend(hunk.lines.iter().map(|line| inert::cut(line, inert::VALUE_LIMIT)));
        }
        if lines.len() > detail.diff_lines {
            let left_out = lines.len() - detail.diff_lines;
            lines.truncate(detail.diff_lines);
            lines.push(format!(" ({left_out} more lines: see the changed files)"));
        }
        let values = counted(promotion.values, "value");
        Self {
            counted: format!("{values} in {}", counted(paths.len(), "file")),
            diff: inert::fence("diff", &lines.join("\n")),
        }
    }
}

fn headline(promotion: &Promotion, one: &Move) -> String {
    let from = one.from.as_ref().map_or("**not known**".to_owned(), |from| inert::code(&version(from), Within::Line));
    let asked = match &promotion.requester {
        Some(requester) => format!("Asked for by {}", inert::inline(&requester.name)),
        None => "Who asked is **not known**".to_owned(),
    };
    let reason = promotion.reason.as_deref().map_or(String::new(), |reason| format!(": *{}*", inert::inline(reason)));
    let places = listed(one.environments.iter().map(|name| format!("**{}**", inert::inline(name.as_str()))));
    let back = if promotion.direction == Direction::Back { " back" } else { "" };
    let to = inert::code(&version(&one.to), Within::Line);
    format!("**{}** in {places}:{back} {from} → {to}. {asked}{reason}.", inert::inline(one.app.as_str()))
}

fn merging(promotion: &Promotion, one: &Move) -> String {
    let places = listed(one.environments.iter().map(|name| inert::inline(name.as_str())));
    let mut sentence = format!("Merging this lets Flux deploy it to **{places} only**.");
    let mut nexts: Vec<&Next> = Vec::new();
    for mate in &one.mates {
        if !nexts.contains(&&mate.next) {
            nexts.push(&mate.next);
        }
    }
    for next in nexts {
        let mates: Vec<&Mate> = one.mates.iter().filter(|mate| mate.next == *next).collect();
        let names = listed(mates.iter().map(|mate| inert::code(mate.name.as_str(), Within::Line)));
        let plural = mates.len() > 1;
        let (own, requests) = if plural { ("their own", "pull requests") } else { ("its own", "pull request") };
        sentence += &match next {
            Next::Follows(after) => {
                let after = after.map_or(String::new(), |after| format!(" after {}", length(after)));
                format!(" {names} {}{after}, in {own} {requests}.", if plural { "follow" } else { "follows" })
            }
            Next::Stays => format!(
                " {names} {} as {}.",
                if plural { "stay" } else { "stays" },
                if plural { "they are" } else { "it is" }
            ),
            Next::Runs => format!(" {names} {} it already.", if plural { "run" } else { "runs" }),
        };
    }
    if promotion.direction == Direction::Back {
        sentence += " No other file changes.";
    }
    sentence
}

fn facts(promotion: &Promotion, one: &Move) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |label: String, value: String| facts.push(Fact { label, value });
    if let Some(reference) = &one.reference {
        let stage = inert::inline(one.stage.as_str());
        add(format!("In {stage}'s registry"), format!("yes, {}", inert::code(reference, Within::Cell)));
    }
    add("Content".to_owned(), content(one));
    for before in &one.before {
        let name = inert::inline(before.name.as_str());
        add(format!("In {name}"), seen(before, promotion.now));
        let nobody = format!("**not known**: nobody reports {name}'s health to promote");
        add(format!("Worked in {name}"), nobody);
    }
    if one.before.is_empty() && promotion.direction == Direction::Forward {
        add("Tried before".to_owned(), "**not known**: no earlier stage has this app".to_owned());
    }
    if let Some(signature) = &one.signature {
        add("Signature".to_owned(), inert::inline(signature));
    }
    if !one.rules.is_empty() {
        add("Rules".to_owned(), one.rules.iter().map(kept).collect::<Vec<_>>().join(", "));
    }
    for note in &promotion.notes {
        add("Note".to_owned(), inert::inline(note));
    }
    if promotion.checked_again {
        add("Before you merge".to_owned(), "the check `promote` asks all of this again".to_owned());
    }
    facts
}

fn kept(rule: &Kept) -> String {
    let code = rule.code.as_deref().map_or(String::new(), |code| format!(" {}", inert::code(code, Within::Cell)));
    format!("{}{code}", inert::inline(&rule.text))
}

fn content(one: &Move) -> String {
    let Some(digest) = &one.to.digest else {
        return "**not known**: no digest could be read".to_owned();
    };
    let digest = inert::code(&shortened(digest), Within::Cell);
    let same: Vec<&Before> = one.before.iter().filter(|before| before.content == Content::Same).collect();
    let names = |all: &[&Before]| listed(all.iter().map(|before| inert::inline(before.name.as_str())));
    let unlike: Vec<&Before> = one.before.iter().filter(|before| before.content == Content::NotKnown).collect();
    let mut text = digest;
    if !same.is_empty() {
        text += &format!(", the same that {} selected", names(&same));
    }
    if !unlike.is_empty() {
        text += &format!(", **not known** whether {} had the same", names(&unlike));
    }
    text
}

fn seen(before: &Before, now: Timestamp) -> String {
    let asked = before.asked.map(|asked| format!("{} asked", length(asked)));
    let known = match (&before.evidence, &before.seen) {
        (Evidence::Admitted, None) => "its range admits it; **not known** whether it ever ran there".to_owned(),
        (Evidence::Selected, None) => "it chooses exactly this now; **not known** since when".to_owned(),
        (_, Some((first, left))) => {
            let age = format!("{} ago", length(now.duration_since(*first)));
            let inside = [Some(age), asked.clone()].into_iter().flatten().collect::<Vec<_>>().join("; ");
            let left = left.map_or(String::new(), |left| format!(", left {}", moment(left)));
            format!("first seen {} ({inside}){left}", moment(*first))
        }
    };
    let asked = asked.filter(|_| before.seen.is_none()).map_or(String::new(), |asked| format!(" ({asked})"));
    let stands = before.now.as_ref().map_or(String::new(), |now| {
        format!(". {} is on {} now", capitalised(&inert::inline(before.name.as_str())), inert::inline(now.as_str()))
    });
    format!("{known}{asked}{stands}")
}

fn comes_with(promotion: &Promotion, one: &Move) -> Option<ComesWith> {
    if promotion.direction == Direction::Back {
        return None;
    }
    let from = one.from.as_ref()?;
    let Some(skipped) = &one.skipped else {
        let versions = "**not known**: the versions between could not be listed".to_owned();
        return Some(ComesWith { counted: "**not known** how much".to_owned(), versions });
    };
    let code = |text: &str| inert::code(text, Within::Line);
    let mut counts = vec![counted(skipped.len() + 1, "version")];
    counts.extend(one.commits.map(|commits| counted(commits, "commit")));
    let mut versions = vec![code(&version(from))];
    match skipped.as_slice() {
        [first, between @ .., last] if between.len() > 8 => {
            versions.extend([code(first.as_str()), format!("{} more", between.len()), code(last.as_str())]);
        }
        all => versions.extend(all.iter().map(|tag| code(tag.as_str()))),
    }
    versions.push(code(&version(&one.to)));
    Some(ComesWith { counted: counts.join(", "), versions: versions.join(" → ") })
}

fn undo(promotion: &Promotion, one: &Move) -> String {
    let Some(first) = one.environments.first() else { return String::new() };
    let place = if one.environments.len() > 1 { &promotion.target } else { first };
    let command = match (promotion.direction, &one.from) {
        (Direction::Back, Some(from)) => {
            format!("promote {} {} --to {}", shell(one.app.as_str()), version(from), shell(place.as_str()))
        }
        _ => format!("promote rollback {} --to {}", shell(one.app.as_str()), shell(place.as_str())),
    };
    let back = one.from.as_ref().map_or(String::new(), |from| {
        let since = one.since.map_or(String::new(), |since| format!(", here since {}", since.strftime("%b %-d")));
        let way = if promotion.direction == Direction::Back { "forward" } else { "back" };
        format!(" ({way} to {}{since})", inert::inline(&version(from)))
    });
    format!("{}{back}", inert::code(&command, Within::Line))
}

fn standing(one: &Move, row: &Standing) -> Row {
    let now = row.now.as_deref().map_or("**not known**".to_owned(), inert::inline);
    let moves = row.names.iter().any(|name| one.environments.contains(name));
    Row {
        names: row.names.iter().map(|name| inert::inline(name.as_str())).collect::<Vec<_>>().join(", "),
        now: if moves { format!("{now} → **{}**", inert::inline(&version(&one.to))) } else { now },
        how: match &row.how {
            How::Pinned => "pinned".to_owned(),
            How::Follows(range) => format!("follows {}", inert::code(range, Within::Cell)),
            How::Floating(text) => format!("floats: {}", inert::code(text, Within::Cell)),
            How::NotKnown => "**not known**".to_owned(),
        },
    }
}

fn digests(one: &Move) -> String {
    let shown = |chosen: Option<&Chosen>| match chosen.and_then(|chosen| chosen.digest.as_ref()) {
        Some(digest) => inert::code(&digest.to_string(), Within::Line),
        None => "**not known**".to_owned(),
    };
    let pulled = match (&one.reference, &one.to.digest) {
        (Some(reference), Some(digest)) => inert::code(&format!("{reference}@{digest}"), Within::Line),
        _ => shown(Some(&one.to)),
    };
    format!("Full digests: from {} to {pulled}", shown(one.from.as_ref()))
}

fn annotation(key: &str, value: &str) -> String {
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{:<8} {}", inert::cut(&one_line(key), 64), inert::cut(&one_line(value), inert::VALUE_LIMIT))
}

fn promotion_documents(one: &Move) -> Vec<String> {
    let document = |environment: &EnvironmentName| {
        inert::json(&json!({
            "apiVersion": "promote/v1",
            "kind": "Promotion",
            "app": one.app,
            "environment": environment,
            "from": one.from.as_ref().map(version),
            "to": version(&one.to),
        }))
    };
    one.environments.iter().map(document).collect()
}

fn link(link: &Link) -> String {
    // A URL of the `url` crate holds no space, quote or angle bracket; a parenthesis or bar would end it here.
    let url = link.url.as_str().replace('(', "%28").replace(')', "%29").replace('|', "%7C").replace('\\', "%5C");
    format!("[{}]({url})", inert::label(&link.text))
}

/// Quotes a word for a shell where that is needed.
fn shell(word: &str) -> String {
    let plain =
        |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.' | '/' | ':' | '@' | '+' | '=');
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn listed(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    match names.as_slice() {
        [rest @ .., before, last] => [rest, &[format!("{before} and {last}")]].concat().join(", "),
        _ => names.concat(),
    }
}

fn shortened(digest: &Digest) -> String {
    digest.short().replace("...", "…")
}

fn moment(time: Timestamp) -> String {
    time.strftime("%a %b %-d %H:%M UTC").to_string()
}

fn length(duration: SignedDuration) -> String {
    let minutes = duration.as_secs().max(0) / 60;
    match minutes {
        0..=119 => format!("{minutes} min"),
        120..=4319 => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / 1440),
    }
}
