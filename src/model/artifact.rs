//! What has versions: an OCI repository, a Helm chart in a Helm repository, a Git repository with tags.

use std::fmt;
use std::str::FromStr;

/// What the registry stores, without a tag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Artifact {
    /// `oci://host/path`: Flux artifacts, Helm charts and images in a registry.
    Oci(OciRepository),
    /// `https://host/path#chart`: a chart in a Helm repository over HTTP.
    HelmChart {
        /// The Helm repository's URL, without a trailing `/`.
        repository: String,
        /// The chart's name.
        chart: String,
    },
    /// A Git repository with tags, by its URL.
    Git {
        /// The URL as the `GitRepository` writes it.
        url: String,
    },
}

/// A repository of an OCI registry: `ghcr.io/acme/my-app`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OciRepository {
    registry: String,
    repository: String,
}

/// Why a text names no artifact.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ArtifactError {
    /// The scheme is missing or is none that has versions.
    #[error("`{text}` does not begin with `oci://`")]
    Scheme {
        /// The text as it was given.
        text: String,
    },
    /// Flux stalls on a URL with a tag: it belongs into `spec.ref.tag`.
    #[error("`{text}` must not contain a tag; remove `:{tag}`")]
    Tagged {
        /// The text as it was given.
        text: String,
        /// What follows the last colon.
        tag: String,
    },
    /// A character outside `[a-z0-9._-/]`, or an empty or too long name.
    #[error("`{text}` is no repository name: lower-case letters, digits, `.`, `_`, `-` and `/` only, 255 at most")]
    Name {
        /// The text as it was given, escaped.
        text: String,
    },
    /// A user name or password in the URL.
    #[error("the URL holds a user name or password")]
    Credentials,
}

impl OciRepository {
    /// Returns the registry: host, and port if one was written; Docker Hub is `index.docker.io`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Returns the path inside the registry: `acme/my-app`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Returns the last segment of the path.
    pub fn last_segment(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or(&self.repository)
    }

    /// Returns the same repository under another name of its registry.
    pub fn at(&self, registry: &str) -> Self {
        Self { registry: registry.to_owned(), repository: self.repository.clone() }
    }

    /// Parses `host/path` without a scheme, as go-containerregistry's `name.NewRepository` (weak) does:
    /// the first segment is the registry if it is `localhost` or holds a `.` or `:`; else Docker Hub.
    ///
    /// # Errors
    /// [`ArtifactError`] for a tag, a character outside the grammar, or credentials.
    pub fn parse(text: &str) -> Result<Self, ArtifactError> {
        const HUB: &str = "index.docker.io";
        let malformed = || ArtifactError::Name { text: text.escape_default().to_string() };
        if text.contains('@') {
            return Err(ArtifactError::Credentials);
        }
        let (registry, repository) = match text.split_once('/') {
            Some((first, rest)) if first == "localhost" || first.contains(['.', ':']) => (first, rest.to_owned()),
            Some(_) | None => (HUB, text.to_owned()),
        };
        let registry = if registry == "docker.io" { HUB } else { registry };
        // As in go-containerregistry, which reads these URLs inside Flux (`hasImplicitNamespace`).
        let repository =
            if registry == HUB && !repository.contains('/') { format!("library/{repository}") } else { repository };
        if let Some((_, tag)) = repository.rsplit_once(':') {
            return Err(ArtifactError::Tagged { text: text.to_owned(), tag: tag.to_owned() });
        }
        let host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']' | b'_');
        let name =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-' | b'/');
        let port_is_number =
            registry.rsplit_once(':').is_none_or(|(_, port)| port.ends_with(']') || port.parse::<u16>().is_ok());
        let segments_named =
            repository.split('/').all(|segment| !segment.is_empty() && segment != "." && segment != "..");
        if registry.is_empty()
            || registry.starts_with(['-', ':', '.'])
            || !registry.bytes().all(host)
            || !port_is_number
            || !(1..=255).contains(&repository.len())
            || !repository.bytes().all(name)
            || !segments_named
        {
            return Err(malformed());
        }
        Ok(Self { registry: registry.to_ascii_lowercase(), repository })
    }
}

impl FromStr for OciRepository {
    type Err = ArtifactError;

    /// Parses `oci://host/path`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("oci://").ok_or_else(|| ArtifactError::Scheme { text: text.to_owned() })?;
        Self::parse(rest)
    }
}

impl fmt::Display for OciRepository {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.registry, self.repository)
    }
}

impl Artifact {
    /// Returns the last segment of its name, by which people may call it.
    pub fn last_segment(&self) -> &str {
        match self {
            Self::Oci(oci) => oci.last_segment(),
            Self::HelmChart { chart, .. } => chart,
            Self::Git { url } => {
                let name = url.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or(url);
                name.strip_suffix(".git").unwrap_or(name)
            }
        }
    }

    /// Tells whether both are equal, or equal but for the host.
    pub fn is_same_but_for_host(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Oci(one), Self::Oci(two)) => one.repository == two.repository,
            (Self::HelmChart { chart: one, .. }, Self::HelmChart { chart: two, .. }) => one == two,
            _ => self == other,
        }
    }
}

impl FromStr for Artifact {
    type Err = ArtifactError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some((repository, chart)) = text.split_once('#')
            && repository.starts_with("http")
        {
            let repository = repository.trim_end_matches('/').to_owned();
            return Ok(Self::HelmChart { repository, chart: chart.to_owned() });
        }
        match text.split_once("://") {
            Some(("oci", _)) => text.parse().map(Self::Oci),
            Some(("https" | "http" | "ssh" | "git", _)) => Ok(Self::Git { url: text.to_owned() }),
            _ => Err(ArtifactError::Scheme { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for Artifact {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oci(repository) => write!(formatter, "oci://{repository}"),
            Self::HelmChart { repository, chart } => write!(formatter, "{repository}#{chart}"),
            Self::Git { url } => formatter.write_str(url),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_segment_is_the_registry_only_if_it_looks_like_a_host() {
        let cases = [
            ("ghcr.io/acme/app", "ghcr.io", "acme/app"),
            ("localhost/app", "localhost", "app"),
            ("127.0.0.1:5000/app", "127.0.0.1:5000", "app"),
            ("acme/app", "index.docker.io", "acme/app"),
            ("app", "index.docker.io", "library/app"),
            ("docker.io/acme/app", "index.docker.io", "acme/app"),
            ("docker.io/app", "index.docker.io", "library/app"),
            ("index.docker.io/app", "index.docker.io", "library/app"),
            ("registry-1.docker.io/app", "registry-1.docker.io", "app"),
        ];
        for (text, registry, repository) in cases {
            let parsed: OciRepository = format!("oci://{text}").parse().expect(text);
            assert_eq!((parsed.registry(), parsed.repository()), (registry, repository), "{text}");
        }
    }

    #[test]
    fn a_url_that_flux_refuses_names_no_repository() {
        assert!(matches!("https://ghcr.io/a/b".parse::<OciRepository>(), Err(ArtifactError::Scheme { .. })));
        assert!(matches!("oci://ghcr.io/a/b:1.2".parse::<OciRepository>(), Err(ArtifactError::Tagged { .. })));
        for bad in [
            "oci://ghcr.io/A/b",
            "oci://ghcr.io/",
            "oci://ghcr.io/а/b",
            "oci://ghcr.io/a\u{202e}b",
            "oci://ghcr.io/a/../b",
            "oci://-x.io/a",
        ] {
            assert!(matches!(bad.parse::<OciRepository>(), Err(ArtifactError::Name { .. })), "{bad}");
        }
        assert_eq!("oci://user:pass@ghcr.io/a".parse::<OciRepository>(), Err(ArtifactError::Credentials));
    }
}
