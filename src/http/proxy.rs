//! Which proxy a request goes through: one answer, for our own client and for the `git` program.

use std::net::IpAddr;

use ipnet::IpNet;
use reqwest::Proxy;
use url::{Host, Url};

use super::{Error, Token, is_loopback};

/// The proxies of the environment and of the user's configuration, and the hosts that are reached without.
///
/// The variables are those of curl, in either case: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`. Where they say
/// nothing of a URL's scheme, the configured proxy is taken. Loopback is always reached directly.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    https: Option<Chosen>,
    http: Option<Chosen>,
    exceptions: Vec<Exception>,
}

/// How a URL is reached.
#[derive(Clone, Copy, Debug)]
pub enum Route<'a> {
    /// Directly, because nothing names a proxy.
    Open,
    /// Directly, because it is this machine or an exception of `NO_PROXY`.
    Excepted,
    /// Through a proxy that the environment names; its URL may hold a password.
    Environment(&'a Token),
    /// Through the configured proxy; its URL may hold a password.
    Configured(&'a Token),
}

impl<'a> Route<'a> {
    /// The URL of the proxy, if there is one on the way.
    pub fn proxy(self) -> Option<&'a Token> {
        match self {
            Self::Open | Self::Excepted => None,
            Self::Environment(proxy) | Self::Configured(proxy) => Some(proxy),
        }
    }
}

#[derive(Clone, Debug)]
enum Chosen {
    Environment(Token),
    Configured(Token),
}

/// One entry of `NO_PROXY`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Exception {
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    All,
    /// This name and every name below it; lower case, without a dot at either end.
    Domain(String),
    Network(IpNet),
}

impl Proxies {
    /// Reads what the environment names; `configured` is the URL of the user's own configuration.
    pub fn new(variable: impl Fn(&str) -> Option<String>, configured: Option<Token>) -> Self {
        let given = |names: &[&str]| names.iter().find_map(|name| variable(name).filter(|value| !value.is_empty()));
        let choose = |names: &[&str]| {
            let environment = given(names).map(|url| Chosen::Environment(Token::new(with_scheme(&url))));
            environment.or_else(|| configured.clone().map(Chosen::Configured))
        };
        Self {
            https: choose(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]),
            http: choose(&["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"]),
            exceptions: exceptions(&given(&["NO_PROXY", "no_proxy"]).unwrap_or_default()),
        }
    }

    /// Tells how a URL is reached.
    pub fn route(&self, url: &Url) -> Route<'_> {
        if is_loopback(url) || self.exceptions.iter().any(|exception| exception.covers(url)) {
            return Route::Excepted;
        }
        match if url.scheme() == "https" { &self.https } else { &self.http } {
            None => Route::Open,
            Some(Chosen::Environment(proxy)) => Route::Environment(proxy),
            Some(Chosen::Configured(proxy)) => Route::Configured(proxy),
        }
    }
}

/// Makes reqwest's view of a proxy.
///
/// # Errors
/// [`Error::Proxy`] for one that no client can use: a silent way around it would lead past the user's rules.
pub(super) fn client(url: &Token) -> Result<Proxy, Error> {
    // reqwest goes past a proxy whose scheme it doesn't know.
    let url = Url::parse(url.expose()).map_err(|_| Error::Proxy)?;
    let is_known = matches!(url.scheme(), "http" | "https" | "socks4" | "socks4a" | "socks5" | "socks5h");
    if !is_known || url.host().is_none() {
        return Err(Error::Proxy);
    }
    Proxy::all(url).map_err(|_| Error::Proxy)
}

/// As curl and Git, takes `proxy.corp:3128` for plain HTTP.
fn with_scheme(url: &str) -> String {
    if url.contains("://") { url.to_owned() } else { format!("http://{url}") }
}

/// Reads `NO_PROXY`: entries between commas or spaces, each a name, an address, a network or `*`, and perhaps a port.
///
/// The union of what curl (names and what is below them, networks, `*`) and Go (a port, a leading `*.`) make of it,
/// because the same variable is set for both. An entry that means nothing excepts nothing.
fn exceptions(text: &str) -> Vec<Exception> {
    text.split([',', ' ', '\t']).filter(|entry| !entry.is_empty()).filter_map(Exception::parse).collect()
}

impl Exception {
    fn parse(entry: &str) -> Option<Self> {
        let address = |text: &str| {
            let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
            let network = bare.parse::<IpNet>().ok();
            network.or_else(|| bare.parse::<IpAddr>().ok().map(IpNet::from)).map(Hosts::Network)
        };
        if let Some(hosts) = address(entry) {
            return Some(Self { hosts, port: None });
        }
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (entry, None),
        };
        let hosts = address(host).or_else(|| match host {
            "*" => Some(Hosts::All),
            _ => {
                let name = host.strip_prefix("*.").unwrap_or(host).trim_matches('.').to_ascii_lowercase();
                (!name.is_empty()).then_some(Hosts::Domain(name))
            }
        });
        Some(Self { hosts: hosts?, port })
    }

    fn covers(&self, url: &Url) -> bool {
        if self.port.is_some_and(|port| url.port_or_known_default() != Some(port)) {
            return false;
        }
        match (&self.hosts, url.host()) {
            (_, None) => false,
            (Hosts::All, Some(_)) => true,
            (Hosts::Domain(domain), Some(Host::Domain(name))) => {
                let name = name.trim_end_matches('.').to_ascii_lowercase();
                name.strip_suffix(domain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            (Hosts::Network(network), Some(Host::Ipv4(address))) => network.contains(&IpAddr::V4(address)),
            (Hosts::Network(network), Some(Host::Ipv6(address))) => network.contains(&address.to_canonical()),
            (Hosts::Domain(_), Some(_)) | (Hosts::Network(_), Some(Host::Domain(_))) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)], configured: Option<&str>) -> Proxies {
        let variable =
            |wanted: &str| variables.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned());
        Proxies::new(variable, configured.map(Token::new))
    }

    fn route(proxies: &Proxies, url: &str) -> String {
        match proxies.route(&Url::parse(url).unwrap()) {
            Route::Open => "open".to_owned(),
            Route::Excepted => "excepted".to_owned(),
            Route::Environment(proxy) => format!("environment {}", proxy.expose()),
            Route::Configured(proxy) => format!("configured {}", proxy.expose()),
        }
    }

    #[test]
    fn the_environment_stands_before_the_configuration_for_each_scheme() {
        let secure = "https://reg.corp/v2/";
        let plain = "http://reg.corp/v2/";
        for (variables, configured, of_secure, of_plain) in [
            (&[][..], None, "open", "open"),
            (&[], Some("http://mine:1"), "configured http://mine:1", "configured http://mine:1"),
            (&[("HTTPS_PROXY", "a:1")], Some("http://mine:1"), "environment http://a:1", "configured http://mine:1"),
            (&[("https_proxy", "http://a:1")], None, "environment http://a:1", "open"),
            (&[("HTTP_PROXY", "http://a:1")], None, "open", "environment http://a:1"),
            (&[("http_proxy", "http://a:1"), ("HTTP_PROXY", "http://b:1")], None, "open", "environment http://a:1"),
            (&[("ALL_PROXY", "socks5://a:1")], None, "environment socks5://a:1", "environment socks5://a:1"),
            (
                &[("all_proxy", "http://a:1"), ("HTTPS_PROXY", "")],
                None,
                "environment http://a:1",
                "environment http://a:1",
            ),
            (&[("HTTPS_PROXY", "http://a:1"), ("NO_PROXY", "corp")], Some("http://mine:1"), "excepted", "excepted"),
        ] {
            let proxies = proxies(variables, configured);
            assert_eq!(route(&proxies, secure), of_secure, "{variables:?} {configured:?}");
            assert_eq!(route(&proxies, plain), of_plain, "{variables:?} {configured:?}");
        }
    }

    #[test]
    fn no_proxy_excepts_names_and_what_is_below_them_networks_ports_and_everything() {
        for (text, url, excepted) in [
            ("reg.corp", "https://reg.corp/v2/", true),
            ("REG.corp", "https://reg.corp/v2/", true),
            ("reg.corp", "https://reg.corp./v2/", true),
            (".corp", "https://reg.corp/v2/", true),
            ("corp", "https://reg.corp:5000/v2/", true),
            ("*.corp", "https://reg.corp/v2/", true),
            ("corp.", "https://corp/v2/", true),
            ("eg.corp", "https://reg.corp/v2/", false),
            ("reg.corp.example", "https://reg.corp/v2/", false),
            ("reg.corp:5000", "https://reg.corp:5000/v2/", true),
            ("reg.corp:5000", "https://reg.corp/v2/", false),
            ("reg.corp:443", "https://reg.corp/v2/", true),
            ("reg.corp:port", "https://reg.corp/v2/", false),
            ("a.example, reg.corp", "https://reg.corp/v2/", true),
            ("a.example reg.corp", "https://reg.corp/v2/", true),
            ("*", "https://reg.corp/v2/", true),
            ("*", "https://192.0.2.7/v2/", true),
            ("a.example,*", "https://reg.corp/v2/", true),
            ("192.0.2.7", "https://192.0.2.7/v2/", true),
            ("192.0.2.7", "https://192.0.2.77/v2/", false),
            ("192.0.2.7:5000", "https://192.0.2.7:5000/v2/", true),
            ("192.0.2.7:5000", "https://192.0.2.7/v2/", false),
            ("192.0.2.0/24", "https://192.0.2.7/v2/", true),
            ("192.0.2.0/24", "https://192.0.3.7/v2/", false),
            ("192.0.2.0/24", "https://[::ffff:192.0.2.7]/v2/", true),
            ("2001:db8::/32", "https://[2001:db8::1]/v2/", true),
            ("2001:db8::1", "https://[2001:db8::1]:5000/v2/", true),
            ("[2001:db8::1]:5000", "https://[2001:db8::1]:5000/v2/", true),
            ("[2001:db8::1]:5000", "https://[2001:db8::1]/v2/", false),
            ("", "https://reg.corp/v2/", false),
            (" , ,", "https://reg.corp/v2/", false),
            ("", "http://127.0.0.1:5000/v2/", true),
            ("", "http://localhost:5000/v2/", true),
        ] {
            let proxies = proxies(&[("ALL_PROXY", "http://proxy:1"), ("no_proxy", text)], None);
            let expected = if excepted { "excepted" } else { "environment http://proxy:1" };
            assert_eq!(route(&proxies, url), expected, "{text} {url}");
        }
    }

    #[test]
    fn a_proxy_that_no_client_can_use_is_an_error_and_does_not_print() {
        let is_broken = |url: &str| client(&Token::new(url)).is_err();
        assert!(is_broken("ftp://proxy:1"));
        assert!(is_broken("http://"));
        assert!(!is_broken("socks5h://proxy:1"));
        assert!(!format!("{:?}", proxies(&[("ALL_PROXY", "http://ci:hunter2@proxy:1")], None)).contains("hunter2"));
    }
}
