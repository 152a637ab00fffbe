//! What the program reads from the process environment, in one place.
//!
//! The caller gives the variables as a map. An empty variable counts as one that isn't set.

use std::collections::BTreeMap;
use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

use super::user::{ForgeKind, Settings};

/// What the process environment says.
#[derive(Clone, Debug, Default)]
pub struct ProcessEnvironment {
    /// The user's home directory.
    pub home: Option<PathBuf>,
    /// The user's own configuration file: `$PROMOTE_CONFIG`, else `promote/config.yaml` in the configuration folder.
    pub user_file: Option<UserFile>,
    /// Whether colour is unwanted: `NO_COLOR`, or `TERM=dumb`.
    pub is_plain: bool,
    /// Where the run happens, if in CI.
    pub ci: Option<Ci>,
    tokens: BTreeMap<Variable, SecretString>,
    github_host: Option<String>,
}

/// The user's own configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserFile {
    /// Where it is.
    pub path: PathBuf,
    /// Whether the user named it, so that it must exist.
    pub is_named: bool,
}

/// A CI system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ci {
    /// GitHub Actions.
    Github(GithubActions),
    /// GitLab CI.
    Gitlab(GitlabCi),
    /// `CI` is set, and nothing more is known.
    Other,
}

/// What GitHub Actions says about a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GithubActions {
    /// The host of the server that runs it, with a port if it has one.
    pub server: Option<String>,
    /// `owner/name`.
    pub repository: Option<String>,
    /// Who started the run.
    pub actor: Option<String>,
    /// The file that becomes the step's summary.
    pub summary: Option<PathBuf>,
    /// The file that becomes the step's outputs.
    pub output: Option<PathBuf>,
    /// The file with the event that started the run.
    pub event: Option<PathBuf>,
}

/// What GitLab CI says about a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitlabCi {
    /// The host of the server that runs it, with a port if it is not the usual one.
    pub server: Option<String>,
    /// `group/project`.
    pub project: Option<String>,
    /// Who started the pipeline.
    pub user: Option<String>,
    /// The number of the merge request, in its pipelines.
    pub merge_request: Option<u64>,
}

/// The variables that hold a forge's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variable {
    /// `GH_TOKEN`
    Gh,
    /// `GITHUB_TOKEN`
    Github,
    /// `GH_ENTERPRISE_TOKEN`
    GhEnterprise,
    /// `GITLAB_TOKEN`
    Gitlab,
    /// `GITEA_TOKEN`
    Gitea,
    /// `FORGEJO_TOKEN`
    Forgejo,
}

/// A forge's token and where it comes from.
#[derive(Clone, Copy, Debug)]
pub struct ForgeToken<'a> {
    /// The variable.
    pub variable: Variable,
    /// The token.
    pub token: &'a SecretString,
}

impl Variable {
    /// Every variable.
    pub const ALL: [Self; 6] = [Self::Gh, Self::Github, Self::GhEnterprise, Self::Gitlab, Self::Gitea, Self::Forgejo];

    /// Returns the variable's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gh => "GH_TOKEN",
            Self::Github => "GITHUB_TOKEN",
            Self::GhEnterprise => "GH_ENTERPRISE_TOKEN",
            Self::Gitlab => "GITLAB_TOKEN",
            Self::Gitea => "GITEA_TOKEN",
            Self::Forgejo => "FORGEJO_TOKEN",
        }
    }
}

impl ProcessEnvironment {
    /// Reads the variables.
    pub fn read(variables: &BTreeMap<String, String>) -> Self {
        let given = |name: &str| variables.get(name).filter(|value| !value.is_empty()).cloned();
        let path = |name: &str| given(name).map(PathBuf::from);
        let home = path("HOME").or_else(|| path("USERPROFILE"));
        let folder = path("XDG_CONFIG_HOME")
            // The specification of these folders has relative ones ignored.
            .filter(|folder| folder.is_absolute())
            .or_else(|| path("APPDATA"))
            .or_else(|| home.as_ref().map(|home| home.join(".config")));
        let usual = folder.map(|folder| UserFile { path: folder.join("promote/config.yaml"), is_named: false });
        let named = path("PROMOTE_CONFIG").map(|path| UserFile { path, is_named: true });
        let tokens = Variable::ALL.into_iter().filter_map(|variable| {
            // A line break at the end comes with `$(cat file)` of some shells and with secrets that are files.
            given(variable.as_str()).map(|token| (variable, SecretString::from(token.trim().to_owned())))
        });
        Self {
            user_file: named.or(usual),
            is_plain: given("NO_COLOR").is_some() || given("TERM").is_some_and(|term| term == "dumb"),
            ci: ci(&given),
            tokens: tokens.collect(),
            github_host: given("GH_HOST").map(|host| host.to_ascii_lowercase()),
            home,
        }
    }

    /// Returns the token that may go to a forge's host (with its port, unless it is the scheme's own), if there is one.
    ///
    /// A token goes to the hosts that its name stands for, to those that the user's own configuration calls so, and to
    /// no other: the repository's content never adds one.
    pub fn forge_token(&self, host: &str, settings: &Settings) -> Option<ForgeToken<'_>> {
        let host = host.to_ascii_lowercase();
        let kind = settings.forge_kind(&host);
        let actions = matches!(&self.ci, Some(Ci::Github(run)) if run.server.as_deref() == Some(host.as_str()));
        let gitlab_ci = matches!(&self.ci, Some(Ci::Gitlab(job)) if job.server.as_deref() == Some(host.as_str()));
        let enterprise = kind == Some(ForgeKind::Github) || self.github_host.as_deref() == Some(host.as_str());
        let mut allowed = Vec::new();
        if host == "github.com" || actions {
            allowed.extend([Variable::Gh, Variable::Github]);
        }
        if enterprise && host != "github.com" {
            allowed.push(Variable::GhEnterprise);
        }
        if host == "gitlab.com" || gitlab_ci || kind == Some(ForgeKind::Gitlab) {
            allowed.push(Variable::Gitlab);
        }
        if host == "codeberg.org" || kind == Some(ForgeKind::Forgejo) {
            allowed.push(Variable::Forgejo);
        }
        if host == "codeberg.org" || kind == Some(ForgeKind::Gitea) {
            allowed.push(Variable::Gitea);
        }
        let found = allowed.into_iter().find_map(|variable| Some((variable, self.tokens.get(&variable)?)));
        found.map(|(variable, token)| ForgeToken { variable, token })
    }

    /// Returns every token, so that the output can be searched for them.
    pub fn tokens(&self) -> impl Iterator<Item = &SecretString> {
        self.tokens.values()
    }
}

fn ci(given: &impl Fn(&str) -> Option<String>) -> Option<Ci> {
    let is_true = |name: &str| given(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if is_true("GITHUB_ACTIONS") {
        return Some(Ci::Github(GithubActions {
            server: given("GITHUB_SERVER_URL").and_then(|url| host_of(&url)),
            repository: given("GITHUB_REPOSITORY"),
            actor: given("GITHUB_TRIGGERING_ACTOR").or_else(|| given("GITHUB_ACTOR")),
            summary: given("GITHUB_STEP_SUMMARY").map(PathBuf::from),
            output: given("GITHUB_OUTPUT").map(PathBuf::from),
            event: given("GITHUB_EVENT_PATH").map(PathBuf::from),
        }));
    }
    if is_true("GITLAB_CI") {
        let port = given("CI_SERVER_PORT").filter(|port| !matches!(port.as_str(), "80" | "443"));
        let server = given("CI_SERVER_HOST").map(|host| host.to_ascii_lowercase());
        return Some(Ci::Gitlab(GitlabCi {
            server: server.map(|host| port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"))),
            project: given("CI_PROJECT_PATH"),
            user: given("GITLAB_USER_LOGIN"),
            merge_request: given("CI_MERGE_REQUEST_IID").and_then(|number| number.parse().ok()),
        }));
    }
    given("CI").filter(|value| !matches!(value.to_ascii_lowercase().as_str(), "false" | "0" | "no")).map(|_| Ci::Other)
}

fn host_of(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str()?.to_ascii_lowercase();
    Some(url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}")))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::super::user::Sources;
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> ProcessEnvironment {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        ProcessEnvironment::read(&owned)
    }

    const TOKENS: [(&str, &str); 6] = [
        ("GH_TOKEN", "gh"),
        ("GITHUB_TOKEN", "github"),
        ("GH_ENTERPRISE_TOKEN", "enterprise"),
        ("GITLAB_TOKEN", "gitlab"),
        ("GITEA_TOKEN", "gitea"),
        ("FORGEJO_TOKEN", "forgejo"),
    ];

    #[test]
    fn a_token_goes_to_its_hosts_and_to_no_other() {
        let file = "forges: {ghe.corp: {kind: github}, lab.corp: {kind: gitlab}, tea.corp: {kind: gitea}, \
                    fj.corp: {kind: forgejo}, 'lab.corp:8443': {kind: gitlab}, unknown.corp: {plain_http: true}}";
        let sources = Sources { file: Some(("config.yaml".into(), file.to_owned())), ..Sources::default() };
        let settings = Settings::merge(&sources).expect("settings");
        let mut variables = TOKENS.to_vec();
        variables.extend([
            ("GH_HOST", "own.corp"),
            ("GITHUB_SERVER_URL", "https://actions.corp"),
            ("CI_SERVER_HOST", "x"),
        ]);
        let environment_ = environment(&variables);
        let token =
            |host: &str| environment_.forge_token(host, &settings).map(|found| found.token.expose_secret().to_owned());
        for (host, expected) in [
            ("github.com", Some("gh")),
            ("GitHub.com", Some("gh")),
            ("github.com:8443", None),
            ("evil-github.com", None),
            ("github.com.evil.example", None),
            ("ghe.corp", Some("enterprise")),
            ("own.corp", Some("enterprise")),
            ("actions.corp", None),
            ("gitlab.com", Some("gitlab")),
            ("lab.corp", Some("gitlab")),
            ("lab.corp:8443", Some("gitlab")),
            ("lab.corp:9443", None),
            ("x", None),
            ("tea.corp", Some("gitea")),
            ("fj.corp", Some("forgejo")),
            ("codeberg.org", Some("forgejo")),
            ("unknown.corp", None),
        ] {
            assert_eq!(token(host).as_deref(), expected, "{host}");
        }
    }

    #[test]
    fn the_server_of_a_ci_run_gets_that_ci_s_token() {
        let mut variables = TOKENS.to_vec();
        variables.extend([("GITHUB_ACTIONS", "true"), ("GITHUB_SERVER_URL", "https://ghe.corp:8443/")]);
        let actions = environment(&variables);
        let found = actions.forge_token("ghe.corp:8443", &Settings::default()).expect("a token");
        assert_eq!(found.variable.as_str(), "GH_TOKEN");
        assert!(actions.forge_token("ghe.corp", &Settings::default()).is_none());

        let mut variables = TOKENS.to_vec();
        variables.extend([("GITLAB_CI", "true"), ("CI_SERVER_HOST", "Lab.corp"), ("CI_SERVER_PORT", "443")]);
        let job = environment(&variables);
        assert!(job.forge_token("lab.corp", &Settings::default()).is_some());
    }

    #[test]
    fn no_token_shows_in_debug_output() {
        let shown = format!("{:?}", environment(&[("GITLAB_TOKEN", "canary-4711")]));
        assert!(!shown.contains("canary"), "{shown}");
    }

    #[test]
    fn the_users_file_is_the_named_one_or_in_the_configuration_folder() {
        let file = |variables: &[(&str, &str)]| environment(variables).user_file.map(|file| (file.path, file.is_named));
        let usual = |path: &str| Some((PathBuf::from(path), false));
        assert_eq!(file(&[("PROMOTE_CONFIG", "/a.yaml"), ("HOME", "/h")]), Some(("/a.yaml".into(), true)));
        assert_eq!(file(&[("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")]), usual("/x/promote/config.yaml"));
        assert_eq!(file(&[("XDG_CONFIG_HOME", "x"), ("HOME", "/h")]), usual("/h/.config/promote/config.yaml"));
        assert_eq!(file(&[("PROMOTE_CONFIG", ""), ("HOME", "/h")]), usual("/h/.config/promote/config.yaml"));
        assert_eq!(file(&[]), None);
    }

    #[test]
    fn ci_and_colour_are_told_from_the_usual_variables() {
        assert_eq!(environment(&[("CI", "true")]).ci, Some(Ci::Other));
        assert_eq!(environment(&[("CI", "false")]).ci, None);
        let run =
            environment(&[("GITHUB_ACTIONS", "true"), ("GITHUB_ACTOR", "one"), ("GITHUB_TRIGGERING_ACTOR", "two")]);
        assert!(matches!(run.ci, Some(Ci::Github(run)) if run.actor.as_deref() == Some("two")));
        assert!(environment(&[("NO_COLOR", "1")]).is_plain && environment(&[("TERM", "dumb")]).is_plain);
        assert!(!environment(&[("NO_COLOR", "")]).is_plain);
    }
}
