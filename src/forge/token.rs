//! Which token goes to which host, and to no other, ever.

use std::collections::BTreeMap;

use super::address::{is_actions_server, is_gitlab_server, is_named};
use super::{Hosts, Kind};
use crate::http::Token;

/// Returns the token for a host, and the variable it is from.
///
/// `GH_TOKEN` and `GITHUB_TOKEN` go to github.com and Actions' own server, `GH_ENTERPRISE_TOKEN` to `GH_HOST` and hosts
/// that the user's configuration calls `github`, `GITLAB_TOKEN` to gitlab.com, `CI_SERVER_HOST` and hosts called
/// `gitlab`, `FORGEJO_TOKEN` and `GITEA_TOKEN` to codeberg.org and hosts called so.
pub fn token_for(host: &str, environment: &BTreeMap<String, String>, hosts: &Hosts) -> Option<(Token, &'static str)> {
    let configured = hosts.get(host).and_then(|host| host.kind);
    let rules: [(bool, &[&'static str]); 4] = [
        (
            configured == Some(Kind::GitHub) || is_named(host, environment, "GH_HOST"),
            // github.com's own variables come first there.
            if host == "github.com" {
                &["GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN"]
            } else {
                &["GH_ENTERPRISE_TOKEN"]
            },
        ),
        (host == "github.com" || is_actions_server(host, environment), &["GH_TOKEN", "GITHUB_TOKEN"]),
        (
            host == "gitlab.com" || is_gitlab_server(host, environment) || configured == Some(Kind::GitLab),
            &["GITLAB_TOKEN"],
        ),
        (host == "codeberg.org" || configured == Some(Kind::Forgejo), &["FORGEJO_TOKEN", "GITEA_TOKEN"]),
    ];
    let variables = rules.into_iter().filter(|(may, _)| *may).flat_map(|(_, variables)| variables);
    variables
        .filter_map(|name| Some((environment.get(*name)?.trim(), *name)))
        .find(|(value, _)| !value.is_empty())
        .map(|(value, name)| (Token::new(value), name))
}

/// Returns the variables that could hold a token for this host.
pub(super) fn variables_for(kind: Kind, host: &str, environment: &BTreeMap<String, String>) -> &'static [&'static str] {
    if kind == Kind::GitHub && is_actions_server(host, environment) {
        return &["GH_TOKEN", "GITHUB_TOKEN"];
    }
    kind.variables(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::Host;

    const ALL: [&str; 6] =
        ["GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITLAB_TOKEN", "GITEA_TOKEN", "FORGEJO_TOKEN"];

    fn origin(host: &str, variables: &[(&str, &str)], kind: Option<Kind>) -> Option<&'static str> {
        let mut environment: BTreeMap<String, String> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        for name in ALL {
            environment.entry(name.to_owned()).or_insert_with(|| format!("secret of {name}"));
        }
        let hosts = Hosts::from([("git.corp".to_owned(), Host { kind, ..Host::default() })]);
        token_for(host, &environment, &hosts).map(|(token, name)| {
            assert_eq!(token.expose(), format!("secret of {name}"));
            name
        })
    }

    #[test]
    fn a_token_goes_to_its_hosts_and_to_no_other() {
        let actions = [("GITHUB_ACTIONS", "true"), ("GITHUB_SERVER_URL", "https://ghe.corp")];
        type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], Option<Kind>, Option<&'a str>);
        let cases: &[Case<'_>] = &[
            ("github.com", &[], None, Some("GH_TOKEN")),
            ("github.com", &[("GH_TOKEN", " ")], None, Some("GITHUB_TOKEN")),
            ("github.com", &[("GH_TOKEN", ""), ("GITHUB_TOKEN", "")], None, None),
            ("api.github.com", &[], None, None),
            ("github.com.evil.example", &[], None, None),
            ("github.com:8443", &[], None, None),
            ("git.corp", &[], None, None),
            ("git.corp", &[], Some(Kind::GitHub), Some("GH_ENTERPRISE_TOKEN")),
            ("git.corp", &[], Some(Kind::GitLab), Some("GITLAB_TOKEN")),
            ("git.corp", &[], Some(Kind::Forgejo), Some("FORGEJO_TOKEN")),
            ("git.corp", &[], Some(Kind::None), None),
            ("git.corp:444", &[], Some(Kind::GitHub), None),
            ("git.corp", &[("GH_HOST", "git.corp")], None, Some("GH_ENTERPRISE_TOKEN")),
            ("ghe.corp", &actions, None, Some("GH_TOKEN")),
            ("ghe.corp", &[("GITHUB_SERVER_URL", "https://ghe.corp")], None, None),
            ("evil.example", &actions, None, None),
            ("gitlab.com", &[], None, Some("GITLAB_TOKEN")),
            ("gl.corp", &[("CI_SERVER_HOST", "gl.corp")], None, Some("GITLAB_TOKEN")),
            ("gl.corp:8443", &[("CI_SERVER_HOST", "gl.corp")], None, None),
            ("gl.corp:8443", &[("CI_SERVER_HOST", "gl.corp"), ("CI_SERVER_PORT", "8443")], None, Some("GITLAB_TOKEN")),
            ("codeberg.org", &[], None, Some("FORGEJO_TOKEN")),
            ("codeberg.org", &[("FORGEJO_TOKEN", "")], None, Some("GITEA_TOKEN")),
        ];
        for (host, variables, kind, expected) in cases {
            assert_eq!(origin(host, variables, *kind), *expected, "{host} {variables:?} {kind:?}");
        }
    }
}
