//! What the trailers of a pull request's commits say that it does.

use std::collections::BTreeMap;

use crate::git::Told;
use crate::model::{AppName, Digest, EnvironmentName};
use crate::report::inert;

/// What stands for who asked where a schedule or an event started the job.
const BY_RULES: &str = "ci (auto)";

/// What one commit says of one app in one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// `Promote-From`.
    pub from: Option<String>,
    /// `Promote-To`.
    pub to: Option<String>,
    /// `Promote-Digest`.
    pub digest: Option<Digest>,
    /// `Promote-Reason`.
    pub reason: Option<String>,
}

/// What all commits say.
#[derive(Default)]
pub struct Claims {
    /// By app and environment, as the trailers write them; of several commits the last one counts.
    by_place: BTreeMap<(String, String), Claim>,
    /// Who asked, as far as the trailers name them.
    pub requesters: Vec<String>,
    /// Whether one of them was due by the rules, and nobody asked.
    pub is_by_rules: bool,
    /// The commits that say nothing of a promotion, each by the beginning of its name.
    pub silent: Vec<String>,
}

impl Claims {
    /// Reads the trailers of commits, oldest first.
    pub fn of(commits: &[Told]) -> Self {
        let mut claims = Self::default();
        for commit in commits {
            let mut says = false;
            for block in &commit.trailers() {
                says |= claims.take(block);
            }
            if !says {
                claims.silent.push(commit.id.short());
            }
        }
        claims
    }

    /// Takes a paragraph of trailers; false if it says nothing of a promotion.
    fn take(&mut self, block: &[(String, String)]) -> bool {
        let values = |wanted: &'static str| {
            let named = block.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(wanted));
            named.map(|(_, value)| value.trim().to_owned())
        };
        let claim = Claim {
            from: values("Promote-From").next(),
            to: values("Promote-To").next(),
            digest: values("Promote-Digest").next().and_then(|digest| Digest::recorded(&digest)),
            reason: values("Promote-Reason").next(),
        };
        let mut says = false;
        for app in values("Promote-App") {
            for environment in values("Promote-Environment") {
                self.by_place.insert((app.clone(), environment), claim.clone());
                says = true;
            }
        }
        for requester in values("Promote-Requested-By") {
            // Behind the name stands who says so.
            let name = requester.rsplit_once(" (").map_or(requester.as_str(), |(name, _)| name).to_owned();
            if says && requester == BY_RULES {
                self.is_by_rules = true;
            } else if says && !self.requesters.contains(&name) {
                self.requesters.push(name);
            }
        }
        says
    }

    /// Returns what is said of an app in an environment.
    pub fn claim(&self, app: &AppName, environment: &EnvironmentName) -> Option<&Claim> {
        self.by_place.get(&place(app, environment))
    }

    /// Returns the reason that is given, if there is one.
    pub fn reason(&self) -> Option<String> {
        self.by_place.values().find_map(|claim| claim.reason.clone())
    }

    /// Returns the apps and environments of which something is said, but that aren't among these.
    pub fn beside<'a>(&self, moved: impl Iterator<Item = (&'a AppName, &'a EnvironmentName)>) -> Vec<(String, String)> {
        let moved: Vec<(String, String)> = moved.map(|(app, environment)| place(app, environment)).collect();
        self.by_place.keys().filter(|key| !moved.contains(key)).cloned().collect()
    }
}

/// Names as trailers write them.
fn place(app: &AppName, environment: &EnvironmentName) -> (String, String) {
    (inert::plain(app.as_str()), inert::plain(environment.as_str()))
}
