//! Makes a new repository: a bare one with a first commit, and a clone of it.

use std::path::Path;

use git2::{Repository, RepositoryInitOptions, Signature};

use super::Error;
use crate::model::RepoPath;

/// What a new repository begins with.
pub struct Seed<'a> {
    /// Its base branch.
    pub branch: &'a str,
    /// Its files.
    pub files: &'a [(RepoPath, Vec<u8>)],
    /// Name and address of who commits them.
    pub author: (&'a str, &'a str),
    /// Keys and values of the clone's own configuration.
    pub settings: &'a [(String, String)],
}

impl Seed<'_> {
    /// Makes a bare repository in `bare` with one commit, and a clone of it in `clone`, whose own configuration is set.
    ///
    /// # Errors
    /// [`Error::Object`] or [`Error::File`] if one of them can't be written.
    pub fn plant(&self, bare: &Path, clone: &Path) -> Result<(), Error> {
        let failed = || Error::object(format!("the new repository `{}`", bare.display()));
        let mut options = RepositoryInitOptions::new();
        options.bare(true).initial_head(self.branch).external_template(false);
        let remote = Repository::init_opts(bare, &options).map_err(failed())?;
        let mut index = git2::Index::new().map_err(failed())?;
        for (path, bytes) in self.files {
            let id = remote.blob(bytes).map_err(failed())?;
            index.add(&entry(path, id)).map_err(failed())?;
        }
        let tree = index.write_tree_to(&remote).and_then(|id| remote.find_tree(id)).map_err(failed())?;
        let (name, address) = self.author;
        let author = Signature::now(name, address).map_err(failed())?;
        let head = format!("refs/heads/{}", self.branch);
        remote.commit(Some(&head), &author, &author, "Begin the fleet\n", &tree, &[]).map_err(failed())?;
        // Partial fetches from it must work as they do from every forge.
        let configure = |repository: &Repository, key: &str, value: &str| {
            repository.config().and_then(|mut config| config.set_str(key, value)).map_err(failed())
        };
        configure(&remote, "uploadpack.allowFilter", "true")?;
        configure(&remote, "uploadpack.allowAnySHA1InWant", "true")?;
        let working = Repository::clone(&bare.to_string_lossy(), clone).map_err(failed())?;
        configure(&working, "user.name", name)?;
        configure(&working, "user.email", address)?;
        for (key, value) in self.settings {
            configure(&working, key, value)?;
        }
        Ok(())
    }
}

fn entry(path: &RepoPath, id: git2::Oid) -> git2::IndexEntry {
    let never = git2::IndexTime::new(0, 0);
    git2::IndexEntry {
        ctime: never,
        mtime: never,
        dev: 0,
        ino: 0,
        mode: 0o100_644,
        uid: 0,
        gid: 0,
        file_size: 0,
        id,
        flags: 0,
        flags_extended: 0,
        path: path.as_str().as_bytes().to_vec(),
    }
}
