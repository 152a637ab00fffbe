//! Which token server may get a login.
//!
//! A registry names its token server in an answer that anyone on the way may have written. So a login only goes to the
//! registry's own origin, to a token server that is known to be the registry's, or to one that the user listed.

use std::net::{IpAddr, Ipv4Addr};

use url::{Host, Url};

use crate::http::Origin;

/// What a token server may get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// The login for the registry.
    Login,
    /// A request without any login.
    Nothing,
}

/// What is wrong with a token server that only the user can vouch for.
pub(super) const INTERNAL: &str = "is inside a private network";

/// Token servers that belong to a registry of another name.
const KNOWN: &[(&str, &str)] = &[
    ("index.docker.io", "auth.docker.io"),
    ("registry-1.docker.io", "auth.docker.io"),
    ("docker.io", "auth.docker.io"),
    ("registry.gitlab.com", "gitlab.com"),
    ("registry.redhat.io", "sso.redhat.com"),
    ("registry.connect.redhat.com", "sso.redhat.com"),
    ("registry.digitalocean.com", "api.digitalocean.com"),
];

/// Judges the token server that a registry names.
///
/// # Errors
/// What is wrong with it, if it must not even be asked.
pub(super) fn judge(realm: &str, registry: &Origin, listed: &[String]) -> Result<(Url, Trust), &'static str> {
    let url = Url::parse(realm).map_err(|_| "is no URL")?;
    let origin = Origin::of(&url);
    match url.scheme() {
        "https" => {}
        // A registry over plain HTTP has no secret that its token server could lose.
        "http" if registry.to_string().starts_with("http://") => {}
        "http" => return Err("is asked over plain HTTP, the registry is not"),
        _ => return Err("is neither `https` nor `http`"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user name or password");
    }
    let Some(host) = url.host() else { return Err("has no host") };
    let authority = origin.authority();
    if origin == *registry || listed.iter().any(|name| *name == authority || *name == origin.host()) {
        return Ok((url, Trust::Login));
    }
    // The same host and port by another scheme is still the registry, but may not get the login.
    if authority != registry.authority() && is_internal(&host) {
        return Err(INTERNAL);
    }
    let known = KNOWN.iter().any(|(name, server)| registry.authority() == *name && authority == *server);
    let secure = url.scheme() == "https";
    Ok((url, if known && secure { Trust::Login } else { Trust::Nothing }))
}

fn is_internal(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            let inside = ["localhost", "local", "internal", "localdomain"];
            !name.contains('.') || inside.iter().any(|end| name.rsplit('.').next() == Some(end))
        }
        Host::Ipv4(address) => is_internal_address(IpAddr::V4(*address)),
        Host::Ipv6(address) => is_internal_address(IpAddr::V6(*address)),
    }
}

fn is_internal_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_internal_v4(address),
        IpAddr::V6(address) => {
            let parts = address.segments();
            address.is_loopback()
                || address.is_unspecified()
                || address.is_multicast()
                || address.is_unique_local()
                || address.is_unicast_link_local()
                // Site-local, long deprecated and still routed inside some networks.
                || parts.first().is_some_and(|first| first & 0xffc0 == 0xfec0)
                || carried_v4(&parts).is_some_and(is_internal_v4)
        }
    }
}

fn is_internal_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 0
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_multicast()
        // RFC 6598: shared by carriers, and where clouds keep their metadata services.
        || (first == 100 && (64..128).contains(&second))
        // RFC 2544: benchmarks.
        || (first == 198 && (18..20).contains(&second))
}

/// Returns the IPv4 address inside an IPv6 address that only carries one: mapped, compatible, NAT64, 6to4.
fn carried_v4(parts: &[u16; 8]) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match *parts {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => Some(join(high, low)),
        [0, 0, 0, 0, 0xffff, 0, high, low] => Some(join(high, low)),
        // RFC 6052 and RFC 8215: any NAT64 prefix of these ends in the address.
        [0x64, 0xff9b, .., high, low] => Some(join(high, low)),
        [0x2002, high, low, ..] => Some(join(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(realm: &str, registry: &str, listed: &[&str]) -> Option<Trust> {
        let registry = Origin::of(&Url::parse(registry).unwrap());
        let listed: Vec<String> = listed.iter().map(ToString::to_string).collect();
        judge(realm, &registry, &listed).ok().map(|(_, trust)| trust)
    }

    #[test]
    fn a_login_goes_to_the_registry_itself_a_known_or_a_listed_token_server_only() {
        let registry = "https://reg.example";
        for (realm, expected) in [
            ("https://reg.example/token", Some(Trust::Login)),
            ("https://reg.example:443/token", Some(Trust::Login)),
            ("https://reg.example:8443/token", Some(Trust::Nothing)),
            ("https://auth.example/token", Some(Trust::Nothing)),
            ("https://evil.example/reg.example", Some(Trust::Nothing)),
            ("https://reg.example.evil.example/", Some(Trust::Nothing)),
            ("https://203.0.113.9/token", Some(Trust::Nothing)),
            ("http://reg.example/token", None),
            ("file:///etc/passwd", None),
            ("https://u@reg.example/token", None),
            ("https://u:p@reg.example/token", None),
            ("//reg.example/token", None),
            ("", None),
            ("https://169.254.169.254/latest", None),
            ("https://[::ffff:169.254.169.254]/", None),
            ("https://[::ffff:a9fe:a9fe]/", None),
            ("https://[64:ff9b::a9fe:a9fe]/", None),
            ("https://[64:ff9b:1::a9fe:a9fe]/", None),
            ("https://[2002:a9fe:a9fe::]/", None),
            ("https://[fe80::1]/", None),
            ("https://[fd00::1]/", None),
            ("https://[::1]/", None),
            ("https://[::]/", None),
            ("https://0/", None),
            ("https://2130706433/", None),
            ("https://0x7f.1/", None),
            ("https://127.1/", None),
            ("https://localhost/", None),
            ("https://localhost./", None),
            ("https://a.localhost/", None),
            ("https://169。254。169。254/", None),
            ("https://10.0.0.1/", None),
            ("https://172.16.0.1/", None),
            ("https://192.168.0.1/", None),
            ("https://100.100.100.200/", None),
            ("https://metadata.google.internal/", None),
            ("https://vault/", None),
        ] {
            assert_eq!(verdict(realm, registry, &[]), expected, "{realm}");
        }
    }

    #[test]
    fn a_private_registry_may_be_its_own_token_server() {
        assert_eq!(verdict("https://10.0.0.1/service/token", "https://10.0.0.1", &[]), Some(Trust::Login));
        assert_eq!(verdict("https://10.0.0.1:444/token", "https://10.0.0.1", &[]), None);
        assert_eq!(verdict("http://127.0.0.1:5000/t", "http://127.0.0.1:5000", &[]), Some(Trust::Login));
        assert_eq!(verdict("http://127.0.0.1:5001/t", "http://127.0.0.1:5000", &[]), None);
        assert_eq!(verdict("http://harbor/service/token", "http://harbor", &[]), Some(Trust::Login));
    }

    #[test]
    fn the_user_may_list_a_token_server_but_not_plain_http_for_a_registry_over_tls() {
        assert_eq!(verdict("https://auth.corp/t", "https://reg.corp", &["auth.corp"]), Some(Trust::Login));
        assert_eq!(verdict("https://auth.corp:444/t", "https://reg.corp", &["auth.corp:444"]), Some(Trust::Login));
        assert_eq!(verdict("https://10.0.0.2/t", "https://reg.corp", &["10.0.0.2"]), Some(Trust::Login));
        assert_eq!(verdict("http://auth.corp/t", "https://reg.corp", &["auth.corp"]), None);
        assert_eq!(
            verdict("https://auth.corp.evil.example/t", "https://reg.corp", &["auth.corp"]),
            Some(Trust::Nothing)
        );
    }

    #[test]
    fn docker_hub_and_gitlab_have_token_servers_of_another_name() {
        assert_eq!(verdict("https://auth.docker.io/token", "https://index.docker.io", &[]), Some(Trust::Login));
        assert_eq!(verdict("https://gitlab.com/jwt/auth", "https://registry.gitlab.com", &[]), Some(Trust::Login));
        assert_eq!(verdict("https://auth.docker.io/token", "https://reg.example", &[]), Some(Trust::Nothing));
    }
}
