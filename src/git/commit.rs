//! A commit built on another commit's tree, without a checkout.

use std::fmt;
use std::path::Path;

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, ObjectType, Oid, Repository};

use super::sign::Signer;
use super::{Error, Identity, Workspace};
use crate::failpoint::{self, Needs};
use crate::model::RepoPath;

/// The name of a commit: 40 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId(pub(super) Oid);

impl CommitId {
    /// Returns the first twelve digits.
    pub fn short(&self) -> String {
        self.to_string().chars().take(12).collect()
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Debug for CommitId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CommitId({self})")
    }
}

impl Workspace {
    /// Commits new bytes for files that `parent` has, on its tree; modes stay as they are. Signed if Git is
    /// configured to sign.
    ///
    /// # Errors
    /// [`Error::NotEditable`] for anything but a regular file whose bytes are in Git, and for the files that steer
    /// the forge; [`Error::Signing`]; [`Error::Object`] if it can't be written.
    pub async fn commit(
        &self,
        parent: &CommitId,
        files: &[(RepoPath, Vec<u8>)],
        message: &str,
        identity: &Identity,
    ) -> Result<CommitId, Error> {
        let buffer = create_buffer(&self.repository()?, parent.0, files, message, identity)?;
        self.write_commit(buffer, identity).await
    }

    /// Signs a commit's bytes if Git is configured to, and writes them.
    pub(super) async fn write_commit(&self, buffer: Vec<u8>, identity: &Identity) -> Result<CommitId, Error> {
        let connection = self.connection();
        let signature = match Signer::of(&connection.settings, &connection.environment)? {
            Some(signer) => Some(signer.sign(&buffer, identity, self.folder()).await?),
            None => None,
        };
        let repository = self.repository()?;
        let write = || match signature {
            Some(signature) => {
                let text = String::from_utf8_lossy(&buffer);
                // Git folds the signature into a header: the line end at its end is not a part of it.
                repository.commit_signed(&text, signature.trim_end(), None)
            }
            None => repository.odb().and_then(|store| store.write(ObjectType::Commit, &buffer)),
        };
        failpoint::passed(Needs::Room, "write the commit", broken("the commit"), || {
            write().map(CommitId).map_err(Error::object("the commit"))
        })
    }
}

/// An object that the disk doesn't take, as libgit2 would tell it.
fn broken(what: &str) -> impl FnOnce(std::io::Error) -> Error {
    let failed = Error::object(what);
    |cause| failed(git2::Error::new(git2::ErrorCode::GenericError, git2::ErrorClass::Os, cause.to_string()))
}

fn create_buffer(
    repository: &Repository,
    parent: Oid,
    files: &[(RepoPath, Vec<u8>)],
    message: &str,
    identity: &Identity,
) -> Result<Vec<u8>, Error> {
    let parent = repository.find_commit(parent).map_err(Error::object(format!("commit {parent}")))?;
    let base = parent.tree().map_err(Error::object("the base's tree"))?;
    let mut updates = TreeUpdateBuilder::new();
    for (path, bytes) in files {
        let mode = editable_mode(repository, &base, path)?;
        let what = format!("`{path}`");
        let blob = failpoint::passed(Needs::Room, "write a blob", broken(&what), || {
            repository.blob(bytes).map_err(Error::object(what.clone()))
        })?;
        updates.upsert(path.as_str(), blob, mode);
    }
    let tree = failpoint::passed(Needs::Room, "write the tree", broken("the new tree"), || {
        updates.create_updated(repository, &base).map_err(Error::object("the new tree"))
    })?;
    let tree = repository.find_tree(tree).map_err(Error::object("the new tree"))?;
    let (author, committer) = (identity.author.signature()?, identity.committer.signature()?);
    let message = format!("{}\n", message.trim_end());
    let buffer = repository
        .commit_create_buffer(&author, &committer, &message, &tree, &[&parent])
        .map_err(Error::object("the commit"))?;
    Ok(buffer.to_vec())
}

/// The mode that a file keeps, if it is one that may be edited.
fn editable_mode(repository: &Repository, tree: &git2::Tree<'_>, path: &RepoPath) -> Result<FileMode, Error> {
    let refused = |what| Error::NotEditable { path: path.clone(), what };
    if steers_the_forge(path) {
        return Err(refused("a file that steers Git or the forge, which is never edited"));
    }
    let entry = tree.get_path(Path::new(path.as_str())).map_err(|_| refused("not in the base commit"))?;
    let mode = match entry.filemode() {
        0o100_755 => FileMode::BlobExecutable,
        0o100_644 | 0o100_664 => FileMode::Blob,
        0o120_000 => return Err(refused("a symbolic link, which is never edited")),
        0o160_000 => return Err(refused("a submodule, which is never edited")),
        _ => return Err(refused("not a regular file")),
    };
    // A pointer's bytes are read before they are edited, so a blob that isn't here is no reason to refuse.
    let is_pointer = repository
        .find_blob(entry.id())
        .is_ok_and(|blob| blob.content().starts_with(b"version https://git-lfs.github.com/spec/"));
    if is_pointer { Err(refused("kept in Git LFS, which is never edited")) } else { Ok(mode) }
}

/// Workflows, code owners, and Git's own files, in any spelling that a file system may take for them.
fn steers_the_forge(path: &RepoPath) -> bool {
    let steers = |segment: &str| {
        let plain: String = segment.chars().filter(|char| !super::untrusted::is_unsafe(*char)).collect();
        let name = plain.trim_end_matches(['.', ' ']).to_lowercase();
        name.starts_with(".git") || name.starts_with("git~") || name == ".forgejo" || name == "codeowners"
    };
    path.as_str().split('/').any(steers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_steer_the_forge_are_known_in_every_spelling() {
        for path in [
            ".github/workflows/x.yml",
            ".GITHUB/x",
            ".gitlab-ci.yml",
            ".gitattributes",
            ".gitea/x",
            ".forgejo/x",
            "docs/CODEOWNERS",
            "a/.g\u{200c}it/config",
            "GIT~1/config",
            ".git./x",
        ] {
            assert!(steers_the_forge(&path.parse().expect(path)), "{path}");
        }
        for path in ["apps/github/x.yaml", "gitops/x.yaml", "a/git/b.yaml", "codeowners-app/x.yaml"] {
            assert!(!steers_the_forge(&path.parse().expect(path)), "{path}");
        }
    }
}
