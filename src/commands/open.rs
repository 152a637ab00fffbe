//! Which promotions are open on the forge, for commands that only look.

use super::reading::Reading;
use super::session::Session;
use crate::forge::{Kind, PullRequest};
use crate::model::{Finding, FindingCode, Plan, promoted_version};
use crate::report::documents::{OpenPromotion, PullRequestBody};

/// Returns the open promotion of each step, as far as the forge shows it; without a token nothing is asked.
pub async fn promotions(session: &Session, reading: &mut Reading, plan: &Plan) -> Vec<OpenPromotion> {
    let Some(workspace) = reading.workspace().filter(|_| !session.global.offline) else { return Vec::new() };
    let remote = workspace.connection().remote.to_string();
    // Who has no token can look all the same.
    let Ok(forge) = session.forge(session.forge_asked(), &remote) else { return Vec::new() };
    if forge.kind() == Kind::None {
        return Vec::new();
    }
    match forge.open_ones().await {
        Ok(mut open) => {
            open.retain(PullRequest::is_promotion);
            of_steps(reading, plan, &open)
        }
        Err(error) => {
            let message = format!("which promotions are open can't be told: {error}");
            reading.findings.push(Finding { code: FindingCode::ForgeUnread, message, place: None });
            Vec::new()
        }
    }
}

fn of_steps(reading: &Reading, plan: &Plan, open: &[PullRequest]) -> Vec<OpenPromotion> {
    let base = reading.base.as_ref().map(|base| base.branch.as_str());
    let mut found = Vec::new();
    for step in &plan.steps {
        let stages = reading.stages.stages.iter();
        let stage = stages.filter(|stage| stage.environments.iter().any(|one| one.name == step.environment));
        let targets: Vec<_> = stage.map(|stage| &stage.name).chain([&step.environment]).collect();
        for pull_request in open.iter().filter(|one| base.is_none_or(|base| one.base == base)) {
            let version = targets.iter().find_map(|target| promoted_version(&pull_request.head, target, &step.app));
            let Some(version) = version else { continue };
            found.push(OpenPromotion {
                app: step.app.clone(),
                environment: step.environment.clone(),
                version: version.to_owned(),
                pull_request: PullRequestBody {
                    number: Some(pull_request.number),
                    url: Some(pull_request.url.clone()),
                    branch: pull_request.head.clone(),
                    state: if pull_request.draft { "draft" } else { "open" }.to_owned(),
                    title: pull_request.title.clone(),
                    body: pull_request.body.clone(),
                },
            });
        }
    }
    found
}
