//! The clouds whose registries take short-lived logins, and which variables their programs need for one.

/// A cloud with a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cloud {
    Amazon,
    Google,
    Azure,
}

impl Cloud {
    const ALL: [Self; 3] = [Self::Amazon, Self::Google, Self::Azure];

    /// Returns the cloud that a registry's host, with or without a port, belongs to.
    pub(super) fn of_host(registry: &str) -> Option<Self> {
        let host = registry.split(':').next().unwrap_or(registry);
        if (host.ends_with(".amazonaws.com") && host.contains(".dkr.ecr.")) || host == "public.ecr.aws" {
            Some(Self::Amazon)
        } else if host.ends_with(".pkg.dev") || host == "gcr.io" || host.ends_with(".gcr.io") {
            Some(Self::Google)
        } else if host.ends_with(".azurecr.io") {
            Some(Self::Azure)
        } else {
            None
        }
    }

    /// Returns the clouds that a credential helper's name speaks of.
    pub(super) fn of_helper(name: &str) -> impl Iterator<Item = Self> + use<'_> {
        let parts = |cloud: &Self| -> &[&str] {
            match cloud {
                Self::Amazon => &["ecr"],
                Self::Google => &["gcr", "gcloud"],
                Self::Azure => &["acr"],
            }
        };
        Self::ALL.into_iter().filter(move |cloud| parts(cloud).iter().any(|part| name.contains(part)))
    }

    /// Tells whether a variable is one that its programs log in with.
    pub(super) fn needs(self, variable: &str) -> bool {
        let beginnings: &[&str] = match self {
            Self::Amazon => &["AWS_"],
            Self::Google => &["GOOGLE_", "CLOUDSDK_"],
            Self::Azure => &["AZURE_", "ACR_"],
        };
        beginnings.iter().any(|beginning| variable.starts_with(beginning))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_belongs_to_its_cloud_only_by_its_ending() {
        for (host, cloud) in [
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", Some(Cloud::Amazon)),
            ("public.ecr.aws", Some(Cloud::Amazon)),
            ("europe-docker.pkg.dev", Some(Cloud::Google)),
            ("eu.gcr.io", Some(Cloud::Google)),
            ("acme.azurecr.io:443", Some(Cloud::Azure)),
            ("gcr.io.evil.example", None),
            ("azurecr.io", None),
            ("s3.amazonaws.com", None),
        ] {
            assert_eq!(Cloud::of_host(host), cloud, "{host}");
        }
    }
}
