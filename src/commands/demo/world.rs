//! The playground's files: a fleet of four environments and two apps.

use crate::model::{Digest, RepoPath};

/// An app of the playground.
pub struct App {
    /// Its name.
    pub name: &'static str,
    /// Its repository in the registry.
    pub repository: &'static str,
    /// Its tags, oldest first.
    pub tags: &'static [&'static str],
    /// What dev and staging follow.
    pub ranges: [&'static str; 2],
    /// What both production clusters pin.
    pub pin: &'static str,
}

/// The registry's name; nobody asks it, its layouts are in the playground.
pub const REGISTRY: &str = "registry.example.com";

/// The apps.
pub const APPS: [App; 2] = [
    App {
        name: "my-app",
        repository: "my-app-config",
        tags: &[
            "v1.0.0",
            "v1.0.1",
            "v1.1.0",
            "v1.1.1",
            "v1.2.0",
            "v1.2.1",
            "v1.2.2",
            "v1.2.3",
            "v1.3.0-rc.1",
            "v2.0.0-beta.1",
            "main-4f1c2a9",
            "latest",
        ],
        ranges: [">=1.0.0-0 <2.0.0-0", ">=1.0.0 <2.0.0"],
        pin: "v1.2.1",
    },
    App {
        name: "shop-api",
        repository: "shop/api",
        tags: &["1.6.0", "1.7.0", "1.7.1", "1.8.0"],
        ranges: [">=1.6.0", "~1.7"],
        pin: "1.7.0",
    },
];

const SOURCE: &str = include_str!("../../../templates/demo/source.yaml");
const CONFIGURATION: &str = include_str!("../../../templates/demo/promote.yaml");
const README: &str = include_str!("../../../templates/demo/README.md");

/// Returns every file of the fleet. `digest` tells what a tag of an app points at.
pub fn files(digest: &dyn Fn(&App, &str) -> Option<Digest>) -> Vec<(RepoPath, Vec<u8>)> {
    let mut files: Vec<(String, String)> =
        vec![("promote.yaml".to_owned(), CONFIGURATION.to_owned()), ("README.md".to_owned(), README.to_owned())];
    for app in &APPS {
        let [dev, staging] = app.ranges.map(|range| format!("    semver: \"{range}\""));
        let tag = format!("    tag: {}   # moved by promote", app.pin);
        let pinned = match digest(app, app.pin) {
            Some(digest) => format!("{tag}\n    digest: {digest}"),
            None => tag.clone(),
        };
        // One cluster pins the digest, too: tag and digest move together there.
        for (environment, reference) in [("dev", dev), ("staging", staging), ("prod-eu", pinned), ("prod-us", tag)] {
            let text = SOURCE
                .replace("{app}", app.name)
                .replace("{environment}", environment)
                .replace("{artifact}", &format!("{REGISTRY}/{}", app.repository))
                .replace("{reference}", &reference);
            files.push((format!("clusters/{environment}/{}.yaml", app.name), text));
        }
    }
    let files = files.into_iter().filter_map(|(path, text)| Some((path.parse().ok()?, text.into_bytes())));
    files.collect()
}
