//! Records of what ran where, kept in a ref of the remote beside its branches.

use std::collections::BTreeMap;
use std::sync::Arc;

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Repository};

use super::base::FETCH;
use super::{CommitId, Error, Identity, Workspace, tree};
use crate::model::RepoPath;
use crate::process::arguments;

/// The one ref beside `refs/heads/promote/` that is ever written.
const REF: &str = "refs/promote/observations";

/// The records as they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observations {
    /// The commit they were read from; none if nothing was recorded yet.
    pub commit: Option<CommitId>,
    /// The files, by path.
    pub files: BTreeMap<RepoPath, Arc<[u8]>>,
}

impl Workspace {
    /// Reads the remote's records.
    ///
    /// # Errors
    /// [`Error`] if the remote can't be asked.
    pub async fn observations(&mut self) -> Result<Observations, Error> {
        self.ensure_repository().await?;
        let mut command = arguments(FETCH);
        command.extend(arguments(["--depth=1", "--no-filter", "origin", &format!("+{REF}:{REF}")]));
        let output = self.transport.run(&self.task(command, Vec::new())).await?;
        if !output.success() {
            let is_absent = String::from_utf8_lossy(&output.stderr).contains("couldn't find remote ref");
            return if is_absent { Ok(Observations::default()) } else { Err(self.transport.failure(&output)) };
        }
        let repository = self.repository()?;
        let commit = repository.refname_to_id(REF).map_err(Error::object(REF))?;
        let mut snapshot = tree::list(&repository, commit)?.snapshot;
        let paths: Vec<RepoPath> = snapshot.entries.keys().cloned().collect();
        let wanted = tree::wanted(&snapshot, &paths);
        tree::read(&repository, &mut snapshot, wanted)?;
        let file = |path: RepoPath| Some((path.clone(), snapshot.bytes(&path)?.clone()));
        Ok(Observations { commit: Some(CommitId(commit)), files: paths.into_iter().filter_map(file).collect() })
    }

    /// Writes files into the records, on top of those that were read.
    ///
    /// # Errors
    /// [`Error::ObservationsMoved`] if somebody else wrote since: read again and decide anew.
    pub async fn record(
        &mut self,
        known: &Observations,
        files: &[(RepoPath, Vec<u8>)],
        message: &str,
        identity: &Identity,
    ) -> Result<CommitId, Error> {
        self.ensure_repository().await?;
        let buffer = create_buffer(&self.repository()?, known, files, message, identity)?;
        let commit = self.write_commit(buffer, identity).await?;
        let expected = known.commit.as_ref().map(ToString::to_string).unwrap_or_default();
        let mut command = arguments(["push", "--porcelain", "--no-verify", "--no-thin", "--no-follow-tags"]);
        command.push(format!("--force-with-lease={REF}:{expected}").into());
        command.extend(arguments(["origin", &format!("{commit}:{REF}")]));
        let pushed = self.transport.run(&self.task(command, Vec::new())).await;
        let failure = match pushed {
            Ok(output) if output.success() => return Ok(commit),
            Ok(output) => self.transport.failure(&output),
            Err(error) => error,
        };
        // The answer may be lost though it was written.
        match self.remote_ref(REF).await {
            Ok(Some(there)) if there == commit => Ok(commit),
            Ok(there) if there != known.commit => Err(Error::ObservationsMoved),
            _ => Err(failure),
        }
    }

    async fn ensure_repository(&mut self) -> Result<(), Error> {
        if self.depth.is_none() {
            self.fetch_base(None).await?;
        }
        Ok(())
    }
}

fn create_buffer(
    repository: &Repository,
    known: &Observations,
    files: &[(RepoPath, Vec<u8>)],
    message: &str,
    identity: &Identity,
) -> Result<Vec<u8>, Error> {
    let failed = || Error::object("the records");
    let parent = known.commit.as_ref().map(|commit| repository.find_commit(commit.0)).transpose().map_err(failed())?;
    let before = match &parent {
        Some(parent) => parent.tree(),
        None => repository.treebuilder(None).and_then(|empty| empty.write()).and_then(|id| repository.find_tree(id)),
    };
    let before = before.map_err(failed())?;
    let mut updates = TreeUpdateBuilder::new();
    for (path, bytes) in files {
        let blob = repository.blob(bytes).map_err(failed())?;
        updates.upsert(path.as_str(), blob, FileMode::Blob);
    }
    let tree = updates.create_updated(repository, &before).and_then(|id| repository.find_tree(id)).map_err(failed())?;
    let (author, committer) = (identity.author.signature()?, identity.committer.signature()?);
    let parents: Vec<&git2::Commit<'_>> = parent.iter().collect();
    let message = format!("{}\n", message.trim_end());
    let buffer = repository.commit_create_buffer(&author, &committer, &message, &tree, &parents);
    Ok(buffer.map_err(failed())?.to_vec())
}
