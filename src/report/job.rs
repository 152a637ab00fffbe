//! What a run tells the CI job around it: annotations, a summary and outputs in GitHub Actions, a dotenv report in GitLab.
//!
//! A runner obeys what stands at the beginning of a line, and reads files line by line: no text from elsewhere gets a
//! line of its own here, and an output is left out unless it is what its name says.

use super::documents::{PlanDocument, PullRequestBody, StepBody};
use super::inert::{self, Within};
use crate::model::{CheckResult, Exit, Failure, Finding, Level, Place, Problem, Verdict};

/// GitHub shows as many errors, and as many warnings, of one step.
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>
const SHOWN: usize = 10;
/// A summary may have a MiB for a whole step, in which others may write, too.
const ROWS: usize = 500;
/// One message in a summary or an annotation.
const LENGTH: usize = 1000;
/// GitLab refuses a report of more than 5 KiB.
/// <https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsdotenv>
const REPORT: usize = 5 * 1024;

/// Everything that a run tells.
#[derive(Clone, Debug, Default)]
pub struct JobReport {
    notes: Vec<Note>,
    rows: Vec<Row>,
    /// The rows are answers of a check.
    is_check: bool,
    changed: bool,
    due: usize,
    pull_requests: Vec<String>,
    branches: Vec<String>,
}

/// Something that is to be seen beside the file that it is about.
#[derive(Clone, Debug)]
struct Note {
    level: Level,
    path: Option<String>,
    line: Option<usize>,
    column: Option<usize>,
    title: String,
    message: String,
}

/// A line of the summary.
#[derive(Clone, Debug)]
struct Row {
    what: String,
    detail: String,
    state: String,
    link: Option<(u64, String)>,
}

impl JobReport {
    /// Tells a plan, and what became of it. What is level, or moves by itself, is left out.
    pub fn of_plan(document: &PlanDocument, findings: &[Finding]) -> Self {
        let mut report = Self { changed: document.changed, ..Self::default() };
        for step in &document.steps {
            report.due += usize::from(step.verdict() == Verdict::Advance.as_str());
            if let Some(error) = &step.error {
                let title = format!("{} in {}", step.app(), step.environment());
                report.notes.push(Note { title, ..Note::of_error(error.message(), error.place()) });
            }
            if let Some(pull_request) = &step.pull_request {
                report.add(pull_request);
            }
            report.rows.extend(Row::of_step(step));
        }
        report.notes.extend(findings.iter().map(Note::of_finding));
        report
    }

    /// Tells a check's answers.
    pub fn of_check(results: &[CheckResult]) -> Self {
        let told = results.iter().filter(|result| result.level != Level::Ok);
        Self {
            notes: told.map(Note::of_result).collect(),
            rows: results.iter().map(Row::of_result).collect(),
            is_check: true,
            ..Self::default()
        }
    }

    /// Adds an error that ended the run, or that a step was refused for.
    pub fn add_error(&mut self, title: &str, message: &str, place: Option<&Place>) {
        let place = place.map(|place| (place.path.to_string(), place.line));
        self.notes.push(Note { title: title.to_owned(), ..Note::of_error(message.trim_end(), place) });
    }

    /// Adds the error that ended the run.
    pub fn add_problem(&mut self, problem: &dyn Problem) {
        let Failure { code, message, hint, .. } = Failure::of(problem);
        let help = hint.map_or_else(String::new, |hint| format!("\nhelp: {hint}"));
        self.add_error(code, &format!("{message}{help}"), problem.place());
    }

    /// One pull request may move several steps.
    fn add(&mut self, pull_request: &PullRequestBody) {
        let is_new = |known: &[String], value: &String| !known.contains(value) && is_word(value);
        if let Some(url) = pull_request.url.as_ref().filter(|url| is_new(&self.pull_requests, url)) {
            self.pull_requests.push(url.clone());
        }
        if is_new(&self.branches, &pull_request.branch) && pull_request.state != "planned" {
            self.branches.push(pull_request.branch.clone());
        }
    }

    /// Returns workflow commands for GitHub Actions: errors before warnings, no more of each than are shown.
    pub fn annotations(&self) -> String {
        let of_level = |level: Level| self.notes.iter().filter(move |note| note.level == level).take(SHOWN);
        of_level(Level::Error).chain(of_level(Level::Warning)).map(Note::to_command).collect()
    }

    /// Returns a summary of the step, in Markdown.
    pub fn summary(&self, exit: Exit) -> String {
        let mut text = String::from("### promote\n\n");
        if !self.rows.is_empty() {
            let heading = if self.is_check { "| | what | where |" } else { "| what | versions | state |" };
            text.push_str(&format!("{heading}\n| --- | --- | --- |\n"));
            self.rows.iter().take(ROWS).for_each(|row| text.push_str(&row.to_markdown(self.is_check)));
            if self.rows.len() > ROWS {
                text.push_str(&format!("\nand {} more\n", self.rows.len() - ROWS));
            }
            text.push('\n');
        }
        // A check's answers stand in its table.
        let notes: Vec<&Note> = self.notes.iter().filter(|_| !self.is_check).take(ROWS).collect();
        for note in &notes {
            text.push_str(&note.to_item());
        }
        if self.rows.is_empty() && notes.is_empty() {
            text.push_str("Nothing to do.\n");
        }
        text.push_str(&format!("\nexit {}\n\n", exit.code()));
        text
    }

    /// Returns outputs as GitHub Actions reads them; `delimiter` is one that nobody could know before.
    pub fn outputs(&self, exit: Exit, delimiter: &str) -> String {
        let lists = [("pull-requests", &self.pull_requests), ("branches", &self.branches)];
        let mut text = format!("changed={}\ndue={}\nexit-code={}\n", self.changed, self.due, exit.code());
        for (name, values) in lists {
            let values = values.iter().map(|value| format!("{value}\n")).collect::<String>();
            text.push_str(&format!("{name}<<{delimiter}\n{values}{delimiter}\n"));
        }
        text
    }

    /// Returns a report as GitLab reads it: a variable a line, nothing quoted. What doesn't fit is only counted.
    pub fn dotenv(&self, exit: Exit) -> String {
        let count = self.pull_requests.len();
        let mut text = format!(
            "PROMOTE_CHANGED={}\nPROMOTE_DUE={}\nPROMOTE_EXIT_CODE={}\nPROMOTE_PULL_REQUEST_COUNT={count}\n",
            self.changed,
            self.due,
            exit.code()
        );
        for (name, values) in [("PROMOTE_PULL_REQUESTS", &self.pull_requests), ("PROMOTE_BRANCHES", &self.branches)] {
            let room = (REPORT - 512) / 2;
            let mut line = String::new();
            for value in values {
                if line.len() + value.len() + 1 > room {
                    break;
                }
                let space = if line.is_empty() { "" } else { " " };
                line.push_str(&format!("{space}{value}"));
            }
            text.push_str(&format!("{name}={line}\n"));
        }
        text
    }
}

/// Tells whether a value is one word that can be seen: a URL, a branch.
fn is_word(value: &str) -> bool {
    !value.is_empty() && value.chars().all(|char| char.is_ascii_graphic())
}

impl Note {
    fn of_error(message: &str, place: Option<(String, usize)>) -> Self {
        let (path, line) = place.unzip();
        Self { level: Level::Error, path, line, column: None, title: String::new(), message: message.to_owned() }
    }

    fn of_finding(finding: &Finding) -> Self {
        let place = finding.place.as_ref();
        Self {
            level: Level::Warning,
            path: place.map(|place| place.path.to_string()),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            title: finding.code.as_str().to_owned(),
            message: finding.message.clone(),
        }
    }

    fn of_result(result: &CheckResult) -> Self {
        let place = result.place.as_ref();
        Self {
            level: result.level,
            path: place.map(|place| place.path.to_string()),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            title: result.code.to_owned(),
            message: result.message.clone(),
        }
    }

    fn to_command(&self) -> String {
        let word = if self.level == Level::Error { "error" } else { "warning" };
        let properties = [
            self.path.as_ref().map(|path| ("file", path.clone())),
            self.line.map(|line| ("line", line.to_string())),
            self.column.map(|column| ("col", column.to_string())),
            Some(("title", format!("promote: {}", self.title))),
        ];
        let properties: Vec<String> =
            properties.into_iter().flatten().map(|(name, value)| format!("{name}={}", property(&value))).collect();
        let message = inert::cut(&self.message, LENGTH);
        format!("::{word} {}::{}\n", properties.join(","), data(&message))
    }

    fn to_item(&self) -> String {
        let word = if self.level == Level::Error { "error" } else { "note" };
        let place = self.path.iter().map(|path| match self.line {
            Some(line) => format!(" {}", inert::code(&format!("{path}:{line}"), Within::Line)),
            None => format!(" {}", inert::code(path, Within::Line)),
        });
        let title = if self.title.is_empty() { String::new() } else { format!(" {}:", inert::inline(&self.title)) };
        let message = inert::cut(&self.message, LENGTH);
        format!("- {word}{title} {}{}\n", inert::message(&message, Within::Line), place.collect::<String>())
    }
}

/// Escapes the text of a workflow command, which is one line.
fn data(text: &str) -> String {
    let shown = inert::terminal_lines(text);
    shown.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property of a workflow command, which ends at a comma or a colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

impl Row {
    fn of_step(step: &StepBody) -> Option<Self> {
        let is_news = step.pull_request.is_some()
            || step.error.is_some()
            || ![Verdict::Current, Verdict::Follows].iter().any(|quiet| quiet.as_str() == step.verdict());
        if !is_news {
            return None;
        }
        let link = step.pull_request.as_ref().and_then(|pull_request| {
            let url = pull_request.url.clone().filter(|url| is_word(url) && url.starts_with("http"))?;
            Some((pull_request.number?, url))
        });
        let state = match (&step.pull_request, &step.error, step.reasons().next()) {
            (Some(pull_request), None, _) => pull_request.state.clone(),
            (_, Some(error), _) => format!("failed: {}", error.message()),
            (None, None, Some(reason)) => format!("{}: {reason}", step.verdict()),
            (None, None, None) => step.verdict().to_owned(),
        };
        Some(Self { what: format!("{} in {}", step.app(), step.environment()), detail: step.versions(), state, link })
    }

    fn of_result(result: &CheckResult) -> Self {
        Self {
            what: result.level.as_str().to_owned(),
            detail: result.message.clone(),
            state: result.place.as_ref().map(ToString::to_string).unwrap_or_default(),
            link: None,
        }
    }

    fn to_markdown(&self, is_check: bool) -> String {
        let cell = |text: &str| inert::message(&inert::cut(text, LENGTH), Within::Cell);
        let place = |text: &str| if text.is_empty() { String::new() } else { inert::code(text, Within::Cell) };
        if is_check {
            return format!("| {} | {} | {} |\n", self.what, cell(&self.detail), place(&self.state));
        }
        let link = self.link.as_ref().map(|(number, url)| format!(" [#{number}]({url})"));
        let state = format!("{}{}", cell(&self.state), link.unwrap_or_default());
        format!("| {} | {} | {state} |\n", cell(&self.what), place(&self.detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FindingCode;
    use insta::assert_snapshot;

    fn warned(message: &str) -> JobReport {
        let place = Some(Place { path: "apps/a,b:c.yaml".parse().unwrap(), line: 3, column: 5 });
        let finding = Finding { code: FindingCode::BaseUnprotected, message: message.to_owned(), place };
        JobReport::of_plan(&PlanDocument { steps: Vec::new(), changed: false }, &[finding])
    }

    #[test]
    fn a_command_is_one_line_whatever_it_tells() {
        let hostile = "100 %\n::add-mask::x\r\n##[error]y\u{202e}\u{1b}[31m";
        assert_snapshot!(warned(hostile).annotations(), @r"::warning file=apps/a%2Cb%3Ac.yaml,line=3,col=5,title=promote%3A base-unprotected::100 %25%0A\::add-mask::x%0A#\#[error]y\u{202e}\u{1b}[31m");
    }

    #[test]
    fn only_as_many_are_told_as_are_shown_and_errors_come_first() {
        let mut report = warned("a warning");
        (0..30).for_each(|number| report.add_error("refused", &format!("error {number}"), None));
        let text = report.annotations();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), SHOWN + 1);
        assert_eq!(lines[0], "::error title=promote%3A refused::error 0");
        assert!(lines[SHOWN].starts_with("::warning "));
    }

    #[test]
    fn outputs_hold_words_only() {
        let mut report = JobReport::default();
        for (url, branch) in [
            ("https://forge.example/acme/fleet/pull/1", "promote/prod-eu/a/v1-1"),
            ("https://forge.example/acme/fleet/pull/1", "promote/prod-eu/a/v1-1"),
            ("https://forge.example/x\nchanged=true", "a\nEOF\nchanged=true"),
        ] {
            let (number, url) = (Some(1), Some(url.to_owned()));
            let (branch, state) = (branch.to_owned(), "open".to_owned());
            report.add(&PullRequestBody { number, url, branch, state, title: String::new(), body: String::new() });
        }
        assert_snapshot!(report.outputs(Exit::Done, "EOF"), @r"
        changed=false
        due=0
        exit-code=0
        pull-requests<<EOF
        https://forge.example/acme/fleet/pull/1
        EOF
        branches<<EOF
        promote/prod-eu/a/v1-1
        EOF
        ");
        assert_snapshot!(report.dotenv(Exit::Temporary), @r"
        PROMOTE_CHANGED=false
        PROMOTE_DUE=0
        PROMOTE_EXIT_CODE=5
        PROMOTE_PULL_REQUEST_COUNT=1
        PROMOTE_PULL_REQUESTS=https://forge.example/acme/fleet/pull/1
        PROMOTE_BRANCHES=promote/prod-eu/a/v1-1
        ");
    }

    #[test]
    fn a_report_stays_below_what_gitlab_takes() {
        let mut report = JobReport::default();
        for number in 0..500 {
            report.pull_requests.push(format!("https://forge.example/acme/fleet/-/merge_requests/{number}"));
            report.branches.push(format!("promote/prod-eu/app-{number}/v1.2.3-0123456789ab"));
        }
        let text = report.dotenv(Exit::Done);
        assert!(text.len() <= REPORT && text.contains("PROMOTE_PULL_REQUEST_COUNT=500\n"), "{}", text.len());
        assert!(text.lines().all(|line| line.split_once('=').is_some_and(|(name, _)| name.starts_with("PROMOTE_"))));
    }
}
