//! The tags of a repository that is only asked, never fetched: their names, and the commits behind them.

use std::collections::HashMap;

use super::{CommitId, Connection, Error, Workspace};
use crate::process::arguments;

/// A tag of a remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteTag {
    /// Its name, without `refs/tags/`.
    pub name: String,
    /// The commit that it names; of an annotated tag the one behind it.
    pub commit: CommitId,
}

/// Lists all tags of a remote, in the order of their names.
///
/// # Errors
/// [`Error`] if the remote can't be asked, or names objects by SHA-256.
pub async fn remote_tags(connection: Connection) -> Result<Vec<RemoteTag>, Error> {
    let mut workspace = Workspace::create(connection)?;
    match (workspace.list_tags().await, workspace.connection().remote.with_suffix()) {
        // As for the base: GitLab redirects `acme/app` to `acme/app.git`, the same host, so it is asked there.
        (Err(moved @ Error::Moved { .. }), Some(remote)) => {
            workspace.transport.set_remote(remote);
            workspace.list_tags().await.map_err(|_| moved)
        }
        (listed, _) => listed,
    }
}

impl Workspace {
    async fn list_tags(&self) -> Result<Vec<RemoteTag>, Error> {
        let command = arguments(["ls-remote", "--quiet", "--tags", "--", &self.remote_argument()]);
        let output = self.transport.must(&self.task(command, Vec::new())).await?;
        parse(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| Error::Sha256 { repository: self.remote_text() })
    }
}

/// Reads `OID TAB refs/tags/NAME`, where the line after an annotated tag ends with `^{}` and names what is behind it.
fn parse(text: &str) -> Option<Vec<RemoteTag>> {
    let mut tags: Vec<RemoteTag> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (oid, name) in text.lines().filter_map(|line| line.split_once('\t')) {
        let Some(name) = name.strip_prefix("refs/tags/") else { continue };
        if oid.len() != 40 {
            return None;
        }
        let commit = CommitId(git2::Oid::from_str(oid).ok()?);
        match name.strip_suffix("^{}") {
            Some(name) => {
                if let Some(tag) = places.get(name).and_then(|place| tags.get_mut(*place)) {
                    tag.commit = commit;
                }
            }
            None => {
                places.insert(name, tags.len());
                tags.push(RemoteTag { name: name.to_owned(), commit });
            }
        }
    }
    Some(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotated_tag_names_the_commit_behind_it() {
        let (one, two, tag) = ("1".repeat(40), "2".repeat(40), "a".repeat(40));
        let text = format!("{one}\trefs/tags/v1.0.0\n{tag}\trefs/tags/v1.1.0\n{two}\trefs/tags/v1.1.0^{{}}\n");
        let tags = parse(&text).expect("tags");
        let tags: Vec<_> = tags.iter().map(|tag| (tag.name.as_str(), tag.commit.to_string())).collect();
        assert_eq!(tags, [("v1.0.0", one), ("v1.1.0", two)]);
        assert_eq!(parse(&format!("{}\trefs/tags/v1.0.0\n", "1".repeat(64))), None);
        assert_eq!(parse(""), Some(Vec::new()));
    }
}
