//! Scheme, host and port: the boundary that no credential crosses.

use std::fmt;

use url::{Host, Url};

/// Scheme, host and port of a URL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Origin {
    /// Returns the origin of a URL, with the port that its scheme stands for.
    pub fn of(url: &Url) -> Self {
        Self {
            scheme: url.scheme().to_owned(),
            host: url.host_str().unwrap_or_default().to_owned(),
            port: url.port_or_known_default(),
        }
    }

    /// Returns host, and port unless it is the scheme's own.
    pub fn authority(&self) -> String {
        match (self.scheme.as_str(), self.port) {
            (_, None) | ("https", Some(443)) | ("http", Some(80)) => self.host.clone(),
            (_, Some(port)) => format!("{}:{port}", self.host),
        }
    }

    /// Returns the host without a port.
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.scheme, self.authority())
    }
}

/// Tells whether the URL's host can only be this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Returns the URL as messages show it: without user, query and fragment, any of which may hold a secret.
pub(super) fn shown(url: &Url) -> String {
    format!("{}{}", Origin::of(url), url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_port_is_part_of_the_origin_and_not_shown() {
        let parse = |text: &str| Url::parse(text).map(|url| Origin::of(&url)).unwrap();
        assert_eq!(parse("https://r.example/a"), parse("https://r.example:443/b"));
        assert_ne!(parse("https://r.example"), parse("https://r.example:444"));
        assert_ne!(parse("https://r.example"), parse("http://r.example:443"));
        assert_eq!(parse("https://R.example:443/x").to_string(), "https://r.example");
        assert_eq!(parse("http://r.example:443/x").to_string(), "http://r.example:443");
    }

    #[test]
    fn only_names_and_addresses_of_this_machine_are_loopback() {
        for (url, expected) in [
            ("http://localhost:5000", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:80", true),
            ("http://localhost.", false),
            ("http://localhost.evil.example", false),
            ("http://10.0.0.1", false),
            ("http://0.0.0.0", false),
            ("http://[::ffff:127.0.0.1]", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
