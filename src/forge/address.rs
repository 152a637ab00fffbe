//! Where a repository is: which kind of forge, on which host, under which path.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use url::Url;

use super::Error;
use crate::http::is_loopback;
use crate::model::Place;

/// The kinds of forges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// github.com and GitHub Enterprise Server.
    GitHub,
    /// gitlab.com and GitLab of one's own.
    GitLab,
    /// Forgejo and Gitea, which speak alike.
    Forgejo,
    /// No forge: branches are pushed, nothing else.
    None,
}

/// What the user's own configuration says of a host, under `forges.HOST`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// Its kind.
    pub kind: Option<Kind>,
    /// Where its API is, if not where that kind has it.
    pub api: Option<Url>,
    /// Whether it may be asked over plain HTTP.
    pub plain_http: bool,
}

/// What the user's own configuration says of hosts; keys are `host` or `host:port`.
pub type Hosts = BTreeMap<String, Host>;

/// A repository as its remote's URL names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The host in lower case, with the port if an HTTP URL names one.
    pub host: String,
    /// Owner and name, or groups and name: `acme/fleet`.
    pub path: String,
    /// Whether the remote is on this machine, over plain HTTP.
    pub plain_loopback: bool,
}

impl Kind {
    /// The words by which people name a kind.
    pub const WORDS: [&'static str; 5] = ["github", "gitlab", "gitea", "forgejo", "none"];

    /// Returns the ref under which a forge of this kind shows the head of a pull request, also of a fork's.
    pub fn head_ref(self, number: u64) -> String {
        let folder = if self == Self::GitLab { "merge-requests" } else { "pull" };
        format!("refs/{folder}/{number}/head")
    }

    /// Returns the forge's word for its unit of review.
    pub fn unit(self) -> &'static str {
        if self == Self::GitLab { "merge request" } else { "pull request" }
    }

    /// Returns how the forge writes the number of a pull request.
    pub fn reference(self, number: u64) -> String {
        if self == Self::GitLab { format!("!{number}") } else { format!("#{number}") }
    }

    /// Returns how people name a pull request: `pull request #12`, `merge request !12`.
    pub fn name_of(self, number: u64) -> String {
        format!("{} {}", self.unit(), self.reference(number))
    }

    /// Returns the forge's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GitHub => "GitHub",
            Self::GitLab => "GitLab",
            Self::Forgejo => "Forgejo",
            Self::None => "none",
        }
    }

    /// Returns the variables that may hold a token, for a host of this kind.
    pub fn variables(self, host: &str) -> &'static [&'static str] {
        match self {
            Self::GitHub if host == "github.com" => &["GH_TOKEN", "GITHUB_TOKEN"],
            Self::GitHub => &["GH_ENTERPRISE_TOKEN"],
            Self::GitLab => &["GITLAB_TOKEN"],
            Self::Forgejo => &["FORGEJO_TOKEN", "GITEA_TOKEN"],
            Self::None => &[],
        }
    }
}

impl FromStr for Kind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "github" => Ok(Self::GitHub),
            "gitlab" => Ok(Self::GitLab),
            "gitea" | "forgejo" => Ok(Self::Forgejo),
            "none" => Ok(Self::None),
            _ => Err(Error::NoKind { text: text.escape_default().to_string() }),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Address {
    /// Reads a remote's URL: `https://`, `http://`, `ssh://`, or `user@host:path`; none for a local one.
    ///
    /// # Errors
    /// [`Error::NoRepository`] if it is neither local nor a repository with an owner.
    pub fn of_remote(remote: &str) -> Result<Option<Self>, Error> {
        let unusable = || Error::NoRepository { remote: without_credentials(remote) };
        // A URL's parser drops line breaks and tabs without a word.
        let odd = remote.chars().any(|char| char.is_control() || char.is_whitespace());
        let (host, path) = match remote.split_once("://") {
            Some(("file", _)) => return Ok(None),
            Some(("https" | "http" | "ssh" | "git+ssh" | "ssh+git", _)) if !odd => {
                let url = Url::parse(remote).map_err(|_| unusable())?;
                let host = url.host_str().ok_or_else(unusable)?.to_ascii_lowercase();
                // The port of ssh says nothing of where the API is.
                let port = url.port().filter(|_| url.scheme().starts_with("http"));
                (port.map_or(host.clone(), |port| format!("{host}:{port}")), url.path().to_owned())
            }
            Some(_) => return Err(unusable()),
            None => match remote.split_once(':') {
                // As git decides: a colon before the first slash is a host's, but for a drive letter.
                Some((place, path)) if !place.contains('/') && place.len() > 1 => {
                    let host = place.rsplit_once('@').map_or(place, |(_, host)| host);
                    (host.to_ascii_lowercase(), path.to_owned())
                }
                _ => return Ok(None),
            },
        };
        let host = match host.as_str() {
            // GitHub's and GitLab's names for ssh over port 443.
            "ssh.github.com" => "github.com".to_owned(),
            "altssh.gitlab.com" => "gitlab.com".to_owned(),
            "altssh.codeberg.org" => "codeberg.org".to_owned(),
            _ => host,
        };
        let path = path.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        let here = |url: &Url| url.scheme() == "http" && is_loopback(url);
        let plain_loopback = Url::parse(remote).is_ok_and(|url| here(&url));
        let address = Self { host, path: path.to_owned(), plain_loopback };
        if address.is_plain() { Ok(Some(address)) } else { Err(unusable()) }
    }

    /// Tells whether host and path are made of letters that need no encoding, with two segments at least.
    fn is_plain(&self) -> bool {
        let letter = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.' | '~');
        let host = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '.' | ':' | '[' | ']');
        let segments: Vec<&str> = self.path.split('/').collect();
        !self.host.is_empty()
            && !self.host.starts_with('-')
            && self.host.chars().all(host)
            && segments.len() >= 2
            && segments.iter().all(|segment| {
                !matches!(*segment, "" | "." | "..") && segment.chars().all(letter) && !segment.starts_with('-')
            })
    }

    /// Returns owner and name, if these are all.
    pub fn owner_and_name(&self) -> Option<(&str, &str)> {
        self.path.split_once('/').filter(|(_, name)| !name.contains('/'))
    }
}

/// Returns the kind of forge for a remote: what was asked for, what the user's configuration says, what is well known.
///
/// # Errors
/// [`Error::KindUnknown`] if none of these says.
pub fn kind_of(
    asked: Option<Kind>,
    address: Option<&Address>,
    environment: &BTreeMap<String, String>,
    hosts: &Hosts,
) -> Result<Kind, Error> {
    let Some(address) = address else { return Ok(asked.unwrap_or(Kind::None)) };
    if let Some(kind) = asked.or_else(|| hosts.get(&address.host).and_then(|host| host.kind)) {
        return Ok(kind);
    }
    match address.host.as_str() {
        "github.com" => Ok(Kind::GitHub),
        "gitlab.com" => Ok(Kind::GitLab),
        "codeberg.org" => Ok(Kind::Forgejo),
        host if is_actions_server(host, environment) || is_named(host, environment, "GH_HOST") => Ok(Kind::GitHub),
        host if is_gitlab_server(host, environment) => Ok(Kind::GitLab),
        host => Err(Error::KindUnknown { host: host.to_owned() }),
    }
}

/// Returns where the API of a host is: what the user's configuration says, else where that kind has it.
///
/// # Errors
/// [`Error::NoRepository`] if the host makes no URL.
pub(super) fn api_of(kind: Kind, address: &Address, hosts: &Hosts) -> Result<Url, Error> {
    if let Some(api) = hosts.get(&address.host).and_then(|host| host.api.clone()) {
        return Ok(api);
    }
    let host = &address.host;
    let plain = address.plain_loopback || hosts.get(host).is_some_and(|host| host.plain_http);
    let scheme = if plain { "http" } else { "https" };
    let text = match kind {
        Kind::GitHub if host == "github.com" => "https://api.github.com".to_owned(),
        // GitHub's clouds with a place of residence.
        Kind::GitHub if host.ends_with(".ghe.com") => format!("https://api.{host}"),
        Kind::GitHub => format!("{scheme}://{host}/api/v3"),
        Kind::GitLab => format!("{scheme}://{host}/api/v4"),
        Kind::Forgejo | Kind::None => format!("{scheme}://{host}/api/v1"),
    };
    Url::parse(&text).map_err(|_| Error::NoRepository { remote: host.clone() })
}

/// Returns the text and the URL of a comparison of two revisions, if that is a page of the fleet's own forge:
/// `source` must be an `https` repository there, and both revisions must end in 40 hexadecimal digits.
pub fn comparison(kind: Kind, host: &str, source: &str, from: &str, to: &str) -> Option<(String, Url)> {
    let url = Url::parse(source).ok().filter(|url| url.scheme() == "https" && url.username().is_empty())?;
    let bare = url.query().is_none() && url.fragment().is_none() && url.password().is_none();
    let address = Address::of_remote(source).ok().flatten().filter(|address| bare && address.host == host)?;
    let (from, to) = (commit(from)?, commit(to)?);
    let page = match kind {
        Kind::GitHub | Kind::Forgejo => {
            address.owner_and_name()?;
            "compare"
        }
        Kind::GitLab => "-/compare",
        Kind::None => return None,
    };
    let url = Url::parse(&format!("https://{host}/{}/{page}/{from}...{to}", address.path)).ok()?;
    let short = |commit: &str| commit.chars().take(7).collect::<String>();
    Some((format!("compare {}...{}", short(from), short(to)), url))
}

/// Returns the page of a line of the repository at a commit; `repository` is the repository's own page.
pub fn line_page(kind: Kind, repository: &Url, commit: &str, place: &Place) -> Option<Url> {
    let at_commit: &[&str] = match kind {
        Kind::GitHub => &["blob"],
        Kind::GitLab => &["-", "blob"],
        Kind::Forgejo => &["src", "commit"],
        Kind::None => return None,
    };
    let mut url = repository.clone();
    let path = place.path.as_str().split('/');
    url.path_segments_mut().ok()?.pop_if_empty().extend(at_commit).push(commit).extend(path);
    url.set_fragment(Some(&format!("L{}", place.line)));
    Some(url)
}

/// Returns the commit in a revision such as `v1.2.3@sha1:77ad…` or `77ad…`.
fn commit(revision: &str) -> Option<&str> {
    let hex = revision.rsplit(['@', ':', '/']).next()?;
    let lower_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (hex.len() == 40 && hex.bytes().all(lower_hex)).then_some(hex)
}

pub(super) fn is_actions_server(host: &str, environment: &BTreeMap<String, String>) -> bool {
    let server = || environment.get("GITHUB_SERVER_URL").and_then(|url| Url::parse(url).ok());
    environment.get("GITHUB_ACTIONS").is_some_and(|value| value == "true")
        && server().and_then(|url| authority(&url)).is_some_and(|server| server == host)
}

pub(super) fn is_named(host: &str, environment: &BTreeMap<String, String>, variable: &str) -> bool {
    environment.get(variable).is_some_and(|named| named.trim().eq_ignore_ascii_case(host))
}

pub(super) fn is_gitlab_server(host: &str, environment: &BTreeMap<String, String>) -> bool {
    let Some(server) = environment.get("CI_SERVER_HOST").map(|host| host.trim().to_ascii_lowercase()) else {
        return false;
    };
    let port = environment.get("CI_SERVER_PORT").map(|port| port.trim());
    host == server || port.is_some_and(|port| !server.is_empty() && host == format!("{server}:{port}"))
}

fn authority(url: &Url) -> Option<String> {
    let host = url.host_str()?.to_ascii_lowercase();
    Some(url.port().map_or(host.clone(), |port| format!("{host}:{port}")))
}

fn without_credentials(remote: &str) -> String {
    let (scheme, rest) = remote.split_once("://").map_or(("", remote), |(scheme, rest)| (scheme, rest));
    let rest = rest.split_once('@').map_or(rest, |(_, rest)| rest);
    let text = if scheme.is_empty() { rest.to_owned() } else { format!("{scheme}://{rest}") };
    text.escape_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_names_host_and_path() {
        let cases = [
            ("https://github.com/acme/fleet.git", "github.com", "acme/fleet"),
            ("https://user:secret@GitHub.com/acme/fleet", "github.com", "acme/fleet"),
            ("git@github.com:acme/fleet.git", "github.com", "acme/fleet"),
            ("ssh://git@ssh.github.com:443/acme/fleet.git", "github.com", "acme/fleet"),
            ("ssh://git@git.corp:2222/group/sub/fleet", "git.corp", "group/sub/fleet"),
            ("http://127.0.0.1:8080/acme/fleet/", "127.0.0.1:8080", "acme/fleet"),
        ];
        for (remote, host, path) in cases {
            let address = Address::of_remote(remote).expect(remote).expect(remote);
            assert_eq!((address.host.as_str(), address.path.as_str()), (host, path), "{remote}");
        }
        for local in ["/srv/fleet.git", "../fleet", "file:///srv/fleet.git", "C:\\fleet"] {
            assert_eq!(Address::of_remote(local).expect(local), None, "{local}");
        }
        for bad in ["https://github.com/fleet", "ext::sh -c x", "https://h/a/../b%2f", "git@-x:a/b", "https://h/a b/c"]
        {
            assert!(Address::of_remote(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_refused_remote_shows_no_password() {
        let error = Address::of_remote("https://user:s3cret@h/x").expect_err("one segment");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }

    #[test]
    fn the_kind_is_asked_for_configured_or_well_known() {
        let none = BTreeMap::new();
        let hosts = Hosts::from([("git.corp".to_owned(), Host { kind: Some(Kind::GitLab), ..Host::default() })]);
        let kind = |asked, host: &str, environment: &BTreeMap<String, String>| {
            let address = Address { host: host.to_owned(), path: "a/b".to_owned(), plain_loopback: false };
            kind_of(asked, Some(&address), environment, &hosts).ok()
        };
        assert_eq!(kind(None, "github.com", &none), Some(Kind::GitHub));
        assert_eq!(kind(None, "git.corp", &none), Some(Kind::GitLab));
        assert_eq!(kind(Some(Kind::None), "git.corp", &none), Some(Kind::None));
        assert_eq!(kind(None, "github.com.evil.example", &none), None);
        let actions = BTreeMap::from([
            ("GITHUB_ACTIONS".to_owned(), "true".to_owned()),
            ("GITHUB_SERVER_URL".to_owned(), "https://ghe.corp".to_owned()),
        ]);
        assert_eq!(kind(None, "ghe.corp", &actions), Some(Kind::GitHub));
        assert!(matches!(kind_of(None, None, &none, &hosts), Ok(Kind::None)));
    }

    #[test]
    fn the_api_is_over_tls_unless_it_is_this_machine_or_listed() {
        let api = |kind, remote: &str, hosts: &Hosts| {
            let address = Address::of_remote(remote).ok().flatten().expect(remote);
            api_of(kind, &address, hosts).map(|url| url.to_string()).expect(remote)
        };
        let none = Hosts::new();
        assert_eq!(api(Kind::GitHub, "http://github.com/a/b", &none), "https://api.github.com/");
        assert_eq!(api(Kind::GitHub, "git@acme.ghe.com:a/b", &none), "https://api.acme.ghe.com/");
        assert_eq!(api(Kind::GitHub, "ssh://git@ghe.corp:2222/a/b", &none), "https://ghe.corp/api/v3");
        assert_eq!(api(Kind::GitLab, "http://git.corp/a/b", &none), "https://git.corp/api/v4");
        assert_eq!(api(Kind::Forgejo, "http://127.0.0.1:3000/a/b", &none), "http://127.0.0.1:3000/api/v1");
        let listed = Hosts::from([("git.corp:8080".to_owned(), Host { plain_http: true, ..Host::default() })]);
        assert_eq!(api(Kind::GitLab, "http://git.corp:8080/a/b", &listed), "http://git.corp:8080/api/v4");
    }

    #[test]
    fn a_line_has_a_page_on_every_forge() {
        let repository = Url::parse("https://git.corp/acme/fleet").expect("a URL");
        let place = Place { path: "a b/promote.yaml".parse().expect("a path"), line: 14, column: 3 };
        let page = |kind| line_page(kind, &repository, "4f1c2a9", &place).map(|url| url.to_string());
        for (kind, between) in [(Kind::GitHub, "blob"), (Kind::GitLab, "-/blob"), (Kind::Forgejo, "src/commit")] {
            let expected = format!("https://git.corp/acme/fleet/{between}/4f1c2a9/a%20b/promote.yaml#L14");
            assert_eq!(page(kind), Some(expected));
        }
        assert_eq!(page(Kind::None), None);
    }

    #[test]
    fn a_comparison_is_a_page_of_the_own_forge_or_nothing() {
        let (one, two) = ("1".repeat(40), format!("v1.2.3@sha1:{}", "a".repeat(40)));
        let page = |kind, source: &str, to: &str| {
            comparison(kind, "github.com", source, &one, to).map(|(_, url)| url.to_string())
        };
        assert_eq!(
            page(Kind::GitHub, "https://github.com/acme/my-app.git", &two),
            Some(format!("https://github.com/acme/my-app/compare/{one}...{}", "a".repeat(40)))
        );
        for source in [
            "https://evil.example/acme/my-app",
            "https://github.com.evil.example/acme/my-app",
            "http://github.com/acme/my-app",
            "https://github.com/acme/my-app?x",
            "https://github.com/acme/my-app#x",
            "https://x@github.com/acme/my-app",
            "https://github.com/acme/my-app/tree/main",
            "https://github.com/acme/..",
            "https://github.com/acme/a)b",
        ] {
            assert_eq!(page(Kind::GitHub, source, &two), None, "{source}");
        }
        assert_eq!(page(Kind::GitHub, "https://github.com/acme/my-app", "main"), None);
    }
}
