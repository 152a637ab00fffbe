//! What a body's template sees: the facts as inert Markdown.

use serde::Serialize;
use serde_json::json;

use super::fact::{Fact, facts};
use super::promotion::{Direction, How, Link, Mate, Move, Next, Promotion, Shelved, Standing};
use super::wording::{counted, length, listed, shell};
use super::{exception, title, version};
use crate::model::{Chosen, EnvironmentName, RepoPath};
use crate::report::inert::{self, Within};

/// How much is told; less where all of it is too long.
#[derive(Clone, Copy)]
pub(super) struct Detail {
    diff_lines: usize,
    standing: bool,
    annotations: bool,
}

impl Detail {
    pub(super) const LEVELS: [Self; 4] = [
        Self { diff_lines: 400, standing: true, annotations: true },
        Self { diff_lines: 200, standing: true, annotations: false },
        Self { diff_lines: 60, standing: false, annotations: false },
        Self { diff_lines: 10, standing: false, annotations: false },
    ];
}

/// What a body's template sees: inert Markdown.
#[derive(Serialize)]
pub(super) struct View {
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
    pub(super) fn of(promotion: &Promotion, detail: Detail) -> Self {
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
        Some(requester) if requester.is_by_rules && requester.name == "ci" => "Due by the rules".to_owned(),
        Some(requester) if requester.is_by_rules => {
            format!("Due by the rules; {} started the job", inert::inline(&requester.name))
        }
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
        let (own, s) = if plural { ("their own", "s") } else { ("its own", "") };
        let unit = promotion.unit;
        sentence += &match next {
            Next::Follows(after) => {
                let after = after.map_or(String::new(), |after| format!(" after {}", length(after)));
                format!(" {names} {}{after}, in {own} {unit}{s}.", if plural { "follow" } else { "follows" })
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
    let way_out = match (promotion.direction, &one.from) {
        (Direction::Back, Some(from)) => {
            let command =
                format!("promote {} {} --to {}", shell(one.app.as_str()), version(from), shell(place.as_str()));
            inert::code(&command, Within::Line)
        }
        _ => format!("revert this {}", promotion.unit),
    };
    let back = one.from.as_ref().map_or(String::new(), |from| {
        let since = one.since.map_or(String::new(), |since| format!(", here since {}", since.strftime("%b %-d")));
        let way = if promotion.direction == Direction::Back { "forward" } else { "back" };
        format!(" ({way} to {}{since})", inert::inline(&version(from)))
    });
    format!("{way_out}{back}")
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
        (Some(Shelved::InRegistry(reference)), Some(digest)) => {
            inert::code(&format!("{reference}@{digest}"), Within::Line)
        }
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
