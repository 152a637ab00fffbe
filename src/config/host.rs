//! Hosts, with a port if one is written.

use crate::model::OciRepository;

/// Returns the host as it is compared, lower-case and Docker Hub under its one name; none if the text is no host.
pub fn parse(text: &str) -> Option<String> {
    if text.contains('/') {
        return None;
    }
    // A repository's grammar is the one place that knows what a host may be. Behind one segment that does not look like
    // a host it would see a path on Docker Hub.
    let text = text.to_ascii_lowercase();
    let repository = OciRepository::parse(&format!("{text}/x/x")).ok().filter(|one| one.repository() == "x/x")?;
    Some(repository.registry().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_may_have_a_port_and_nothing_else() {
        for (text, host) in [
            ("Registry.Example.com", "registry.example.com"),
            ("localhost:5000", "localhost:5000"),
            ("docker.io", "index.docker.io"),
            ("127.0.0.1:5000", "127.0.0.1:5000"),
            ("[::1]:5000", "[::1]:5000"),
        ] {
            assert_eq!(parse(text).as_deref(), Some(host), "{text}");
        }
        for text in
            ["", "a", "https://a.example", "a.example/b", "-a.example", "a.example:x", "u@a.example", "a b.example"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
