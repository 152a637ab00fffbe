//! What a registry asks for with `WWW-Authenticate`.

use crate::http::Response;

/// A login that a registry asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User and password with every request.
    Basic,
    /// A token from a token server.
    Bearer {
        /// The token server's URL as it was sent.
        realm: String,
        /// What the token server knows the registry by.
        service: Option<String>,
    },
    /// A way that we don't know.
    Other(String),
}

impl Challenge {
    /// Returns what an answer asks for: a token where it offers that.
    pub(super) fn of(response: &Response) -> Option<Self> {
        let headers = response.headers.get_all(reqwest::header::WWW_AUTHENTICATE);
        let all: Vec<Self> = headers.iter().filter_map(|value| value.to_str().ok()).flat_map(Self::parse).collect();
        let bearer = all.iter().find(|challenge| matches!(challenge, Self::Bearer { .. }));
        let basic = || all.iter().find(|challenge| **challenge == Self::Basic);
        bearer.or_else(basic).or_else(|| all.first()).cloned()
    }

    /// Reads one header, which may hold several challenges: `Bearer realm="…",service="…", Basic realm="…"`.
    fn parse(text: &str) -> Vec<Self> {
        let mut all: Vec<(String, Vec<(String, String)>)> = Vec::new();
        for part in parts(text) {
            let part = part.trim();
            let (head, rest) = part.split_once(char::is_whitespace).unwrap_or((part, ""));
            let parameter = if head.contains('=') {
                part
            } else if !head.is_empty() {
                all.push((head.to_ascii_lowercase(), Vec::new()));
                rest.trim()
            } else {
                continue;
            };
            if let (Some((name, value)), Some((_, parameters))) = (parameter.split_once('='), all.last_mut()) {
                parameters.push((name.trim().to_ascii_lowercase(), unquoted(value.trim())));
            }
        }
        all.into_iter().map(|(scheme, parameters)| Self::from_parts(scheme, &parameters)).collect()
    }

    fn from_parts(scheme: String, parameters: &[(String, String)]) -> Self {
        let find = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        match (scheme.as_str(), find("realm")) {
            ("basic", _) => Self::Basic,
            ("bearer", Some(realm)) => Self::Bearer { realm, service: find("service") },
            _ => Self::Other(scheme.chars().filter(char::is_ascii_alphanumeric).take(20).collect()),
        }
    }
}

/// Splits at commas outside quotes.
fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (index, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                parts.extend(text.get(start..index));
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.extend(text.get(start..));
    parts
}

fn unquoted(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"') else { return text.to_owned() };
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let mut escaped = false;
    inner
        .chars()
        .filter(|letter| {
            escaped = *letter == '\\' && !escaped;
            !escaped
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let bearer = |realm: &str, service: Option<&str>| Challenge::Bearer {
            realm: realm.into(),
            service: service.map(Into::into),
        };
        for (text, expected) in [
            (
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#,
                vec![bearer("https://auth.docker.io/token", Some("registry.docker.io"))],
            ),
            (r#"bearer service=x, realm=https://r/t"#, vec![bearer("https://r/t", Some("x"))]),
            (
                r#"Basic realm="a, \"b\"", Bearer realm="https://r/t""#,
                vec![Challenge::Basic, bearer("https://r/t", None)],
            ),
            ("Basic", vec![Challenge::Basic]),
            ("Negotiate", vec![Challenge::Other("negotiate".into())]),
            (r#"Bearer service="x""#, vec![Challenge::Other("bearer".into())]),
            (r#"Bearer realm="unterminated"#, vec![bearer("unterminated", None)]),
            (r#"Bearer realm="a\\b\"c""#, vec![bearer(r#"a\b"c"#, None)]),
            ("", vec![]),
            (",,=,", vec![]),
        ] {
            assert_eq!(Challenge::parse(text), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_quoted_realm_is_read_whatever_stands_in_it(realm in "[^\\\\\"]*", other in ".*") {
            let found = Challenge::parse(&format!("Bearer service=\"x\",realm=\"{realm}\""));
            proptest::prop_assert_eq!(found, vec![Challenge::Bearer { realm, service: Some("x".into()) }]);
            Challenge::parse(&other);
        }
    }
}
