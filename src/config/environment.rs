//! What the program reads from the process environment, but for the tokens, which are the forge's to bind to hosts.
//!
//! The caller gives the variables as a map. An empty variable counts as one that isn't set.

use std::collections::BTreeMap;
use std::path::PathBuf;

use url::Url;

/// What the process environment says.
#[derive(Clone, Debug, Default)]
pub struct ProcessEnvironment {
    /// The user's home directory.
    pub home: Option<PathBuf>,
    /// The user's own configuration file: `$PROMOTE_CONFIG`, else `promote/config.yaml` in the configuration folder.
    pub user_file: Option<UserFile>,
    /// Where the run happens, if in CI.
    pub ci: Option<Ci>,
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
    /// The file that a job may name as its dotenv report: `promote.env` in the project's directory.
    pub dotenv: Option<PathBuf>,
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
        Self { user_file: named.or(usual), ci: ci(&given), home }
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
            dotenv: given("CI_PROJECT_DIR").map(|directory| PathBuf::from(directory).join("promote.env")),
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
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> ProcessEnvironment {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        ProcessEnvironment::read(&owned)
    }

    #[test]
    fn the_server_of_a_ci_run_is_its_host_with_a_port_that_is_not_the_usual_one() {
        let server = |variables: &[(&str, &str)]| match environment(variables).ci {
            Some(Ci::Github(run)) => run.server,
            Some(Ci::Gitlab(job)) => job.server,
            _ => None,
        };
        let actions = |url: &str| server(&[("GITHUB_ACTIONS", "true"), ("GITHUB_SERVER_URL", url)]);
        assert_eq!(actions("https://GHE.corp:8443/").as_deref(), Some("ghe.corp:8443"));
        assert_eq!(actions("https://github.com").as_deref(), Some("github.com"));
        assert_eq!(actions("no URL"), None);
        let job =
            |port: &str| server(&[("GITLAB_CI", "true"), ("CI_SERVER_HOST", "Lab.corp"), ("CI_SERVER_PORT", port)]);
        assert_eq!(job("443").as_deref(), Some("lab.corp"));
        assert_eq!(job("8443").as_deref(), Some("lab.corp:8443"));
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
    fn ci_is_told_from_its_usual_variables() {
        assert_eq!(environment(&[("CI", "true")]).ci, Some(Ci::Other));
        assert_eq!(environment(&[("CI", "false")]).ci, None);
        let run =
            environment(&[("GITHUB_ACTIONS", "true"), ("GITHUB_ACTOR", "one"), ("GITHUB_TRIGGERING_ACTOR", "two")]);
        assert!(matches!(run.ci, Some(Ci::Github(run)) if run.actor.as_deref() == Some("two")));
    }
}
