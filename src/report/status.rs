//! What needs somebody, for people: due, stopped, odd; then how many apps are level.

use super::columns::columns;
use super::documents::{OpenPromotion, is_behind, spelled};
use crate::model::{AppName, EnvironmentName, Inventory, Plan, ReasonCode, Stages, Step, Verdict};

/// Where an app stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Due,
    Stopped,
    Odd,
    Level,
}

/// Which apps to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Those that need somebody.
    Open,
    /// All.
    All,
}

/// Returns the tables of `promote status`, from a plan of all that is due.
pub fn render(stages: &Stages, inventory: &Inventory, plan: &Plan, open: &[OpenPromotion], show: Show) -> String {
    let environments: Vec<&EnvironmentName> = stages.environments().map(|environment| &environment.name).collect();
    let mut apps: Vec<(&AppName, Vec<&Step>)> = Vec::new();
    for step in &plan.steps {
        match apps.last_mut() {
            Some((app, steps)) if **app == step.app => steps.push(step),
            _ => apps.push((&step.app, vec![step])),
        }
    }
    let mut text = String::new();
    let groups = [
        (Standing::Due, "TO PROMOTE", "WHAT IT WAITS FOR"),
        (Standing::Stopped, "STOPPED", "BY"),
        (Standing::Odd, "LOOK AT", "WHY"),
        (Standing::Level, "LEVEL", ""),
    ];
    for (standing, title, last) in groups {
        if standing == Standing::Level && show == Show::Open {
            continue;
        }
        let rows: Vec<Vec<String>> = apps
            .iter()
            .filter(|(_, steps)| standing_of(steps) == standing)
            .map(|(app, steps)| row(app, steps, &environments, (standing, open)))
            .collect();
        if rows.is_empty() {
            continue;
        }
        let mut header = vec![title.to_owned()];
        header.extend(environments.iter().map(ToString::to_string));
        header.push(last.to_owned());
        text.push_str(&columns(std::iter::once(header).chain(rows), 0));
        text.push('\n');
    }
    let level = apps.iter().filter(|(_, steps)| standing_of(steps) == Standing::Level).count();
    let noun = if level == 1 { "app is" } else { "apps are" };
    let findings = inventory.findings.len();
    text.push_str(&format!("{level} {noun} level."));
    if show == Show::Open && level > 0 {
        text.push_str("   --all shows them, -o json everything");
    }
    if findings > 0 {
        let noun = if findings == 1 { "finding" } else { "findings" };
        text.push_str(&format!("\n{findings} {noun} in the repository: promote pins"));
    }
    text.push('\n');
    text
}

fn standing_of(steps: &[&Step]) -> Standing {
    let any = |verdict: Verdict| steps.iter().any(|step| step.verdict == verdict);
    if any(Verdict::Advance) || any(Verdict::Waits) {
        Standing::Due
    } else if steps.iter().any(|step| step.verdict == Verdict::Blocked && is_behind(step)) {
        Standing::Stopped
    } else if steps.iter().any(|step| step.verdict == Verdict::Unknown && !floats(step, steps))
        || steps.iter().any(|step| step.verdict == Verdict::Blocked && !is_lone(step))
    {
        Standing::Odd
    } else {
        Standing::Level
    }
}

/// What floats everywhere (a branch, `latest`) is meant to: it is odd only beside a pin.
fn floats(step: &Step, steps: &[&Step]) -> bool {
    let is_floating = step.reasons.iter().all(|reason| reason.code == ReasonCode::Floating);
    is_floating && !step.reasons.is_empty() && steps.iter().all(|step| step.from.is_none())
}

/// An app that stands in one stage only has nothing to be promoted from: that is no trouble.
fn is_lone(step: &Step) -> bool {
    step.reasons.iter().all(|reason| reason.code == ReasonCode::NoEarlierStage)
}

fn row(
    app: &AppName,
    steps: &[&Step],
    environments: &[&EnvironmentName],
    (standing, open): (Standing, &[OpenPromotion]),
) -> Vec<String> {
    let mut cells = vec![app.to_string()];
    for environment in environments {
        let step = steps.iter().find(|step| step.environment == **environment);
        cells.push(step.map_or_else(|| "-".to_owned(), |step| runs(step)));
    }
    cells.push(match standing {
        Standing::Due if open.iter().any(|one| one.app == *app) => waits_for(app, open),
        Standing::Due if steps.iter().any(|step| step.verdict == Verdict::Advance) => format!("nothing: promote {app}"),
        Standing::Due | Standing::Stopped | Standing::Odd => why(steps),
        Standing::Level => String::new(),
    });
    cells
}

/// The pull requests that are open, each once.
fn waits_for(app: &AppName, open: &[OpenPromotion]) -> String {
    let mut told: Vec<String> = Vec::new();
    for one in open.iter().filter(|one| one.app == *app) {
        let number = one.pull_request.number.map_or_else(String::new, |number| format!("#{number} "));
        let word = format!("{number}{} is {}", one.version, one.pull_request.state);
        if !told.contains(&word) {
            told.push(word);
        }
    }
    told.join(", ")
}

fn runs(step: &Step) -> String {
    step.from.as_ref().and_then(spelled).unwrap_or_else(|| "?".to_owned())
}

fn why(steps: &[&Step]) -> String {
    let telling =
        steps.iter().filter(|step| matches!(step.verdict, Verdict::Waits | Verdict::Blocked | Verdict::Unknown));
    let reasons = telling.filter_map(|step| step.reasons.first());
    reasons.map(|reason| reason.message.clone()).next().unwrap_or_default()
}
