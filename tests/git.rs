//! The Git room against the real `git` and bare repositories in temporary folders.

#[path = "support/git_server.rs"]
mod git_server;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use git_server::GitServer;
use promote::git::HttpLogin;
use promote::git::{
    Change, Clone, CommitId, Connection, Depth, Environment, Error, Identity, Limits, Program, Proposed, Proxy,
    RemoteUrl, Settings, Touch, Wanted, Workspace,
};
use promote::model::{EntryKind, Exit, Problem, RepoPath};

/// A home, a remote and a working clone, all in one folder; nothing of the machine's configuration counts.
struct Sandbox {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Sandbox {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let variables = vec![
            ("PATH".to_owned(), std::env::var("PATH").expect("PATH")),
            ("HOME".to_owned(), folder.path().join("home").display().to_string()),
            ("TMPDIR".to_owned(), folder.path().join("tmp").display().to_string()),
            ("GIT_CONFIG_NOSYSTEM".to_owned(), "1".to_owned()),
        ];
        let sandbox = Self { folder, variables };
        for name in ["home", "tmp"] {
            fs::create_dir(sandbox.path(name)).expect("a folder");
        }
        let config = "[user]\nname = Ada\nemail = ada@example.com\n[init]\ndefaultBranch = main\n[protocol \"file\"]\nallow = always\n";
        fs::write(sandbox.path("home/.gitconfig"), config).expect("a file");
        sandbox.git(".", &["init", "-q", "--bare", "remote.git"]);
        sandbox.git("remote.git", &["config", "uploadpack.allowFilter", "true"]);
        sandbox.git(".", &["init", "-q", "work"]);
        sandbox.git("work", &["remote", "add", "origin", "../remote.git"]);
        sandbox
    }

    /// With one commit that holds everything that is left alone.
    fn with_fleet() -> Self {
        let sandbox = Self::new();
        sandbox.write("apps/a.yaml", b"tag: 1.0.0 # pinned\r\nother: x");
        sandbox.write("apps/run.sh", b"#!/bin/sh\nTAG=1.0.0\n");
        sandbox.write("apps/large.yaml", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
        sandbox.write(".gitattributes", b"*.large filter=lfs\n* text=auto\n");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let script = sandbox.path("work/apps/run.sh");
            fs::set_permissions(script, fs::Permissions::from_mode(0o755)).expect("a mode");
            std::os::unix::fs::symlink("a.yaml", sandbox.path("work/apps/link.yaml")).expect("a link");
        }
        // The bytes go in as they are, CRLF included.
        fs::write(sandbox.path("work/.git/info/attributes"), "* -text\n").expect("a file");
        sandbox.git("work", &["add", "."]);
        let submodule = "160000,1111111111111111111111111111111111111111,vendor/module";
        fs::create_dir_all(sandbox.path("work/vendor/module")).expect("a folder");
        sandbox.git("work", &["update-index", "--add", "--cacheinfo", submodule]);
        sandbox.git("work", &["commit", "-q", "-m", "base"]);
        sandbox.git("work", &["push", "-q", "-u", "origin", "main"]);
        sandbox
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path("work").join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }

    fn git(&self, directory: &str, arguments: &[&str]) -> String {
        let variables = self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let output = Command::new("git")
            .args(arguments)
            .current_dir(self.path(directory))
            .env_clear()
            .envs(variables)
            .output()
            .expect("git");
        let text = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        text
    }

    fn environment(&self) -> Environment {
        self.variables.iter().cloned().collect()
    }

    fn environment_with(&self, more: &[(&str, &str)]) -> Environment {
        let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.variables.iter().cloned().chain(more).collect()
    }

    async fn program(&self) -> Program {
        Program::find(&self.environment()).await.expect("git")
    }

    async fn clone_at(&self, directory: &str) -> Clone {
        let (program, environment) = (self.program().await, self.environment());
        Clone::open(&program, &environment, &self.path(directory)).await.expect("a clone")
    }

    async fn connection(&self) -> Connection {
        self.connection_with(self.environment()).await
    }

    async fn connection_with(&self, environment: Environment) -> Connection {
        let program = self.program().await;
        let settings = Settings::read(&program, &environment, &self.path("work")).await.expect("settings");
        let remote = RemoteUrl::parse("remote.git", self.folder.path(), &[]).expect("a url");
        let limits = Limits::default();
        Connection { program, environment, settings, remote, login: None, proxy: None, ca: None, limits }
    }

    async fn workspace(&self) -> Workspace {
        Workspace::create(self.connection().await).expect("a workspace")
    }

    /// Every ref of the remote, one a line.
    fn refs(&self) -> String {
        self.git("remote.git", &["for-each-ref", "--format=%(refname) %(objectname)"])
    }

    /// A commit that replaces one file.
    async fn edit(&self, workspace: &Workspace, parent: &CommitId, path: &str, bytes: &[u8]) -> CommitId {
        let identity = Identity::of(&workspace.connection().settings, &self.environment()).expect("an identity");
        let files = [(repo_path(path), bytes.to_vec())];
        workspace.commit(parent, &files, "Promote a to 1.1.0\n\nPromote-App: a", &identity).await.expect("a commit")
    }
}

fn repo_path(text: &str) -> RepoPath {
    text.parse().expect(text)
}

#[tokio::test]
async fn a_commit_changes_exactly_the_given_bytes_and_keeps_modes() {
    let sandbox = Sandbox::with_fleet();
    let mut workspace = sandbox.workspace().await;

    let base = workspace.fetch_base(None).await.expect("a base");
    let first = sandbox.edit(&workspace, &base.commit, "apps/a.yaml", b"tag: 1.1.0 # pinned\r\nother: x").await;
    let second = sandbox.edit(&workspace, &first, "apps/run.sh", b"#!/bin/sh\nTAG=1.1.0\n").await;
    workspace.push_new(&second, "promote/production/a/1.1.0-0123456789ab").await.expect("a push");

    assert_eq!((base.branch.as_str(), base.depth), ("main", Depth::Blobless));
    let branch = "promote/production/a/1.1.0-0123456789ab";
    let changes = sandbox.git("remote.git", &["diff-tree", "-r", "--name-status", "--summary", "main", branch]);
    assert_eq!(changes, "M\tapps/a.yaml\nM\tapps/run.sh");
    let bytes = sandbox.git("remote.git", &["cat-file", "blob", &format!("{branch}:apps/a.yaml")]);
    assert_eq!(bytes, "tag: 1.1.0 # pinned\r\nother: x");
    assert!(sandbox.git("remote.git", &["ls-tree", branch, "apps/run.sh"]).starts_with("100755 "));
    let log =
        sandbox.git("remote.git", &["log", "--format=%an <%ae>|%cn|%s|%(trailers:key=Promote-App,valueonly)", branch]);
    assert_eq!(log.lines().next(), Some("Ada <ada@example.com>|Ada|Promote a to 1.1.0|a"));
    sandbox.git("remote.git", &["fsck", "--strict", "--no-dangling"]);
}

#[tokio::test]
async fn a_snapshot_lists_every_file_and_loads_contents_in_one_batch() {
    let sandbox = Sandbox::with_fleet();
    sandbox.write("apps/big.yaml", &vec![b'#'; promote::git::FILE_LIMIT + 10]);
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::ffi::OsStrExt as _;
        let name = std::ffi::OsStr::from_bytes(b"work/apps/caf\xe9.yaml");
        fs::write(sandbox.folder.path().join(name), "a: b\n").expect("a file");
    }
    sandbox.git("work", &["add", "."]);
    sandbox.git("work", &["commit", "-q", "-m", "more"]);
    sandbox.git("work", &["push", "-q"]);
    let mut workspace = sandbox.workspace().await;

    let base = workspace.fetch_base(Some("main")).await.expect("a base");
    let mut listing = workspace.snapshot(&base.commit).expect("a listing");
    let paths = ["apps/a.yaml", "apps/big.yaml", "apps/link.yaml", "vendor/module", "absent.yaml"].map(repo_path);
    workspace.load(&mut listing.snapshot, &paths).await.expect("the files");

    let snapshot = &listing.snapshot;
    let kind = |path| snapshot.entry(&repo_path(path)).map(|entry| entry.kind);
    assert_eq!(kind("apps/a.yaml"), Some(EntryKind::File));
    assert_eq!(kind("apps/link.yaml"), Some(EntryKind::Symlink));
    assert_eq!(kind("vendor/module"), Some(EntryKind::Submodule));
    let bytes = |path| snapshot.bytes(&repo_path(path)).map(|bytes| bytes.len());
    assert_eq!(bytes("apps/a.yaml"), Some(29));
    assert_eq!(bytes("apps/big.yaml"), Some(promote::git::FILE_LIMIT + 1));
    assert_eq!((bytes("vendor/module"), bytes("absent.yaml")), (None, None));
    if cfg!(target_os = "linux") {
        assert_eq!(listing.skipped, ["apps/caf\u{fffd}.yaml"]);
    }
}

#[tokio::test]
async fn links_submodules_pointers_and_forge_files_are_never_edited() {
    let sandbox = Sandbox::with_fleet();
    let mut workspace = sandbox.workspace().await;
    let base = workspace.fetch_base(None).await.expect("a base");
    let mut listing = workspace.snapshot(&base.commit).expect("a listing");
    workspace.load(&mut listing.snapshot, &[repo_path("apps/large.yaml")]).await.expect("the pointer");
    let identity = Identity::of(&workspace.connection().settings, &sandbox.environment()).expect("an identity");

    for path in ["apps/link.yaml", "vendor/module", "apps/large.yaml", ".gitattributes", "apps", "apps/new.yaml"] {
        let files = [(repo_path(path), b"x".to_vec())];
        let error = workspace.commit(&base.commit, &files, "x", &identity).await.expect_err(path);
        assert!(matches!(&error, Error::NotEditable { .. }), "{path}: {error}");
        assert_eq!(error.exit(), Exit::Refused);
    }
}

#[tokio::test]
async fn of_twenty_pushes_of_one_branch_one_wins_and_the_others_see_it() {
    let sandbox = Sandbox::with_fleet();
    let mut pushes = tokio::task::JoinSet::new();
    for index in 0..20 {
        let mut workspace = sandbox.workspace().await;
        let base = workspace.fetch_base(None).await.expect("a base");
        let commit = sandbox.edit(&workspace, &base.commit, "apps/a.yaml", format!("tag: {index}").as_bytes()).await;
        pushes.spawn(async move { (commit.clone(), workspace.push_new(&commit, "promote/x").await) });
    }
    let outcomes = pushes.join_all().await;

    let winners: Vec<_> = outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).map(|(commit, _)| commit).collect();
    assert_eq!(winners.len(), 1);
    let there = sandbox.git("remote.git", &["rev-parse", "refs/heads/promote/x"]);
    assert_eq!(winners[0].to_string(), there);
    for (_, outcome) in outcomes.iter().filter(|(_, outcome)| outcome.is_err()) {
        let error = outcome.as_ref().expect_err("a loser");
        assert!(matches!(error, Error::BranchExists { commit, .. } if *commit == there), "{error}");
    }
}

#[tokio::test]
async fn a_rejected_branch_carries_the_servers_words_and_is_not_there() {
    let sandbox = Sandbox::with_fleet();
    let hook = sandbox.path("remote.git/hooks/pre-receive");
    let script = "#!/bin/sh\nprintf 'all commits\\033[31m must be signed\\n::error::x\\n' >&2\nexit 1\n";
    fs::create_dir_all(hook.parent().expect("a parent")).expect("a folder");
    fs::write(&hook, script).expect("a hook");
    make_executable(&hook);
    let before = sandbox.refs();
    let mut workspace = sandbox.workspace().await;
    let base = workspace.fetch_base(None).await.expect("a base");
    let commit = sandbox.edit(&workspace, &base.commit, "apps/a.yaml", b"tag: 1.1.0").await;

    let error = workspace.push_new(&commit, "promote/x").await.expect_err("a rejection");

    assert_eq!((error.code(), error.exit()), ("push-rejected", Exit::Refused));
    insta::assert_snapshot!(error.to_string(), @r"the server rejected branch `promote/x`: all commits\u{1b}[31m must be signed / ::error::x / [remote rejected] (pre-receive hook declined)");
    assert_eq!(sandbox.refs(), before);
}

#[tokio::test]
async fn a_branch_beside_a_directory_of_its_name_is_explained() {
    let sandbox = Sandbox::with_fleet();
    sandbox.git("work", &["push", "-q", "origin", "main:refs/heads/promote"]);
    let mut workspace = sandbox.workspace().await;
    let base = workspace.fetch_base(None).await.expect("a base");
    let commit = sandbox.edit(&workspace, &base.commit, "apps/a.yaml", b"tag: 1.1.0").await;

    let error = workspace.push_new(&commit, "promote/production/a").await.expect_err("a blocked branch");

    insta::assert_snapshot!(error.to_string(), @"branch `promote/production/a` can't be created beside branch `promote`: one name is a directory of the other");
    assert_eq!(error.exit(), Exit::Refused);
}

#[tokio::test]
async fn a_push_whose_answer_is_lost_is_found_to_have_worked() {
    let sandbox = Sandbox::with_fleet();
    // A `git` that pushes and then fails as a broken connection does.
    let real = sandbox.program().await.path().display().to_string();
    let script = format!(
        "#!/bin/sh\n{real} \"$@\" >/tmp/promote-git-test.$$ 2>&1; code=$?\n\
         case \" $* \" in *' push '*) rm -f /tmp/promote-git-test.$$; echo 'fatal: the remote end hung up unexpectedly' >&2; exit 128;; esac\n\
         cat /tmp/promote-git-test.$$; rm -f /tmp/promote-git-test.$$; exit $code\n"
    );
    let folder = sandbox.path("bin");
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("git"), script).expect("a program");
    make_executable(&folder.join("git"));
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").expect("PATH"));
    let environment = sandbox.environment_with(&[("PATH", &path)]);
    let mut connection = sandbox.connection_with(environment.clone()).await;
    connection.program = Program::find(&environment).await.expect("the other git");
    let mut workspace = Workspace::create(connection).expect("a workspace");
    let base = workspace.fetch_base(None).await.expect("a base");
    let commit = sandbox.edit(&workspace, &base.commit, "apps/a.yaml", b"tag: 1.1.0").await;

    workspace.push_new(&commit, "promote/x").await.expect("a branch that is there");

    assert_eq!(sandbox.git("remote.git", &["rev-parse", "promote/x"]), commit.to_string());
}

#[tokio::test]
async fn hooks_rewrites_and_variables_of_the_user_have_no_effect() {
    let sandbox = Sandbox::with_fleet();
    let canary = sandbox.path("canary");
    let hooks = sandbox.path("hooks");
    fs::create_dir(&hooks).expect("a folder");
    for name in ["pre-push", "reference-transaction", "post-checkout", "pre-auto-gc"] {
        fs::write(hooks.join(name), format!("#!/bin/sh\ntouch '{}'\n", canary.display())).expect("a hook");
        make_executable(&hooks.join(name));
    }
    let elsewhere = sandbox.path("elsewhere");
    let remote = format!("file://{}", sandbox.path("remote.git").canonicalize().expect("a path").display());
    sandbox.git("work", &["config", "--global", "core.hooksPath", &hooks.display().to_string()]);
    sandbox.git("work", &["config", "--global", &format!("url.{}.insteadOf", elsewhere.display()), &remote]);
    let git_dir = sandbox.path("work/.git").display().to_string();
    let environment = sandbox.environment_with(&[
        ("GIT_DIR", &git_dir),
        ("GIT_INDEX_FILE", "/nonexistent/index"),
        ("GIT_WORK_TREE", "/nonexistent"),
        ("GIT_OBJECT_DIRECTORY", "/nonexistent/objects"),
        ("GIT_TRACE", &sandbox.path("trace").display().to_string()),
        ("GIT_SSH_COMMAND", &format!("touch '{}'", canary.display())),
        ("GIT_EXEC_PATH", "/nonexistent"),
    ]);
    let before = digest_of(&sandbox.path("work"));
    let mut connection = sandbox.connection().await;
    connection.settings =
        Settings::read(&connection.program, &environment, &sandbox.path("work")).await.expect("settings");
    connection.environment = environment.clone();
    let program = connection.program.clone();
    let mut workspace = Workspace::create(connection).expect("a workspace");

    let clone = Clone::open(&program, &environment, &sandbox.path("work/apps")).await.expect("a clone");
    let base = workspace.fetch_base(None).await.expect("a base");
    let commit = sandbox.edit(&workspace, &base.commit, "apps/a.yaml", b"tag: 1.1.0").await;
    workspace.push_new(&commit, "promote/x").await.expect("a push");

    assert_eq!(clone.choose_remote(None).expect("a remote"), "origin");
    assert!(!canary.exists(), "a hook or command of the user ran");
    assert!(!sandbox.path("trace").exists());
    assert_eq!(digest_of(&sandbox.path("work")), before, "the user's clone was touched");
    assert_eq!(sandbox.git("remote.git", &["rev-parse", "promote/x"]), commit.to_string());
    drop(workspace);
    assert_eq!(fs::read_dir(sandbox.path("tmp")).expect("entries").count(), 0, "something is left behind");
}

#[tokio::test]
async fn a_planted_git_is_never_found() {
    let sandbox = Sandbox::new();
    let planted = sandbox.path("work/git");
    fs::write(&planted, "#!/bin/sh\necho git version 9.9.9\n").expect("a program");
    make_executable(&planted);
    let path = format!(".:work::{}", std::env::var("PATH").expect("PATH"));

    let found = Program::find(&sandbox.environment_with(&[("PATH", &path)])).await.expect("git");

    assert!(found.path().is_absolute() && found.version().0 == 2, "{found:?}");
    let nowhere = Program::find(&sandbox.environment_with(&[("PATH", ".:work:")])).await;
    assert!(matches!(nowhere, Err(Error::GitMissing)));
}

#[tokio::test]
async fn an_old_git_is_refused_and_a_wrapper_that_talks_is_not() {
    let sandbox = Sandbox::new();
    for (text, is_old) in [("git version 2.30.9", true), ("hello\\ngit version 2.40.0\\nbye", false)] {
        let folder = sandbox.path("bin");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("git"), format!("#!/bin/sh\nprintf '{text}\\n'\n")).expect("a program");
        make_executable(&folder.join("git"));
        let found = Program::find(&sandbox.environment_with(&[("PATH", &folder.display().to_string())])).await;
        match found {
            Ok(program) => assert!(!is_old && program.lacks_security_fixes()),
            Err(error) => assert!(is_old && error.exit() == Exit::Local, "{error}"),
        }
    }
}

#[tokio::test]
async fn the_remote_is_the_asked_one_else_the_upstreams_else_origin_else_the_only_one() {
    let sandbox = Sandbox::with_fleet();
    let chosen = async |asked: Option<&str>| sandbox.clone_at("work").await.choose_remote(asked);
    assert_eq!(chosen(None).await.expect("a remote"), "origin");
    sandbox.git("work", &["remote", "add", "fork", "https://github.com/me/fleet"]);
    sandbox.git("work", &["config", "branch.main.remote", "fork"]);
    assert_eq!(chosen(None).await.expect("a remote"), "fork");
    assert_eq!(chosen(Some("origin")).await.expect("a remote"), "origin");
    sandbox.git("work", &["checkout", "-q", "--detach"]);
    assert_eq!(chosen(None).await.expect("a remote"), "origin");
    let unknown = chosen(Some("upstream")).await.expect_err("an unknown remote");
    assert_eq!((unknown.exit(), unknown.hint()), (Exit::Usage, Some("the remotes are origin, fork".to_owned())));
    sandbox.git("work", &["remote", "rename", "origin", "corp"]);
    assert!(matches!(chosen(None).await, Err(Error::RemoteAmbiguous { .. })));
    sandbox.git("work", &["remote", "remove", "fork"]);
    assert_eq!(chosen(None).await.expect("a remote"), "corp");
    sandbox.git("work", &["remote", "remove", "corp"]);
    assert!(matches!(chosen(None).await, Err(Error::NoRemote)));
}

#[tokio::test]
async fn a_clone_is_read_in_a_linked_worktree_a_bare_one_and_as_last_fetched() {
    let sandbox = Sandbox::with_fleet();
    sandbox.git("work", &["worktree", "add", "-q", "../linked", "-b", "side"]);
    sandbox.git("work", &["remote", "set-head", "origin", "-a"]);
    sandbox.write("apps/a.yaml", b"tag: 2.0.0");
    sandbox.git("work", &["commit", "-q", "-a", "-m", "local"]);

    let work = sandbox.clone_at("work/apps").await;
    let linked = sandbox.clone_at("linked").await;
    let bare = sandbox.clone_at("remote.git").await;
    let bytes = |clone: &Clone, revision: &str| {
        let mut listing = clone.snapshot_at(revision).expect("a listing");
        let path = repo_path("apps/a.yaml");
        clone.load(&mut listing.snapshot, std::slice::from_ref(&path)).expect("the file");
        String::from_utf8_lossy(listing.snapshot.bytes(&path).expect("bytes")).into_owned()
    };

    assert_eq!(bytes(&work, "HEAD"), "tag: 2.0.0");
    assert_eq!(bytes(&linked, "HEAD"), "tag: 1.0.0 # pinned\r\nother: x");
    assert_eq!(bytes(&bare, "main"), "tag: 1.0.0 # pinned\r\nother: x");
    let tracked = work.tracked("origin", None).expect("a tracked branch");
    assert_eq!(tracked.branch, "main");
    assert_eq!(bytes(&work, &tracked.commit), "tag: 1.0.0 # pinned\r\nother: x");
    assert_eq!(linked.current_branch().as_deref(), Some("side"));
    assert!(matches!(work.snapshot_at("--output=x"), Err(Error::RevisionUnknown { .. })));
    let outside = Clone::open(&sandbox.program().await, &sandbox.environment(), &sandbox.path("home")).await;
    assert!(matches!(outside, Err(Error::NotAClone { .. })));
}

#[tokio::test]
async fn a_working_tree_is_read_as_it_is_with_and_without_git() {
    let sandbox = Sandbox::with_fleet();
    sandbox.write("apps/a.yaml", b"tag: 3.0.0");
    sandbox.write("new.yaml", b"untracked");
    sandbox.write("build/out.yaml", b"ignored");
    sandbox.write("build/kept/forced.yaml", b"tracked all the same");
    sandbox.write(".gitignore", b"build/\n");
    sandbox.git("work", &["add", "-f", "build/kept/forced.yaml"]);
    let root = promote::git::worktree_root(&sandbox.path("work/apps"));
    let mut listing = promote::git::worktree_snapshot(&root).expect("a listing");
    let path = repo_path("apps/a.yaml");
    promote::git::load_worktree(&root, &mut listing.snapshot, std::slice::from_ref(&path)).expect("the file");

    assert_eq!(listing.snapshot.bytes(&path).map(|bytes| bytes.to_vec()), Some(b"tag: 3.0.0".to_vec()));
    assert!(listing.snapshot.entry(&repo_path("new.yaml")).is_some());
    assert!(listing.snapshot.entry(&repo_path("build/out.yaml")).is_none());
    assert!(listing.snapshot.entry(&repo_path("build/kept/forced.yaml")).is_some());
    let plain = sandbox.path("home/plain");
    fs::create_dir_all(plain.join("a")).expect("a folder");
    fs::write(plain.join("a/b.yaml"), "x").expect("a file");
    let plain = promote::git::worktree_snapshot(&plain).expect("a listing");
    assert_eq!(plain.snapshot.entries.keys().map(RepoPath::as_str).collect::<Vec<_>>(), ["a/b.yaml"]);
}

#[tokio::test]
async fn a_server_without_filter_or_names_is_served_thicker() {
    let sandbox = Sandbox::with_fleet();
    sandbox.git("remote.git", &["config", "uploadpack.allowFilter", "false"]);
    let mut workspace = sandbox.workspace().await;

    let base = workspace.fetch_base(None).await.expect("a base");
    let mut listing = workspace.snapshot(&base.commit).expect("a listing");
    let path = repo_path("apps/a.yaml");
    workspace.load(&mut listing.snapshot, std::slice::from_ref(&path)).await.expect("the file");

    assert!(listing.snapshot.bytes(&path).is_some());
}

#[tokio::test]
async fn the_base_is_fetched_again_when_it_has_moved_or_was_rewritten() {
    let sandbox = Sandbox::with_fleet();
    let mut workspace = sandbox.workspace().await;
    let first = workspace.fetch_base(None).await.expect("a base");
    sandbox.write("apps/a.yaml", b"tag: 2.0.0");
    sandbox.git("work", &["commit", "-q", "-a", "--amend", "-m", "rewritten"]);
    sandbox.git("work", &["push", "-q", "-f"]);
    sandbox.git("work", &["push", "-q", "origin", "main:refs/heads/release/1"]);

    let second = workspace.fetch_base(None).await.expect("the base again");
    let other = workspace.fetch_base(Some("release/1")).await.expect("another base");
    let mut listing = workspace.snapshot(&second.commit).expect("a listing");
    let path = repo_path("apps/a.yaml");
    workspace.load(&mut listing.snapshot, std::slice::from_ref(&path)).await.expect("the file");

    assert_ne!(first.commit, second.commit);
    assert_eq!((second.branch.as_str(), other.branch.as_str()), ("main", "release/1"));
    assert_eq!(second.commit, other.commit);
    assert_eq!(listing.snapshot.bytes(&path).map(|bytes| bytes.to_vec()), Some(b"tag: 2.0.0".to_vec()));
}

#[tokio::test]
async fn a_base_that_is_not_there_is_named() {
    let sandbox = Sandbox::new();
    let mut workspace = sandbox.workspace().await;
    let empty = workspace.fetch_base(None).await.expect_err("an empty remote");
    assert!(matches!(empty, Error::Empty { .. }), "{empty}");
    let sandbox = Sandbox::with_fleet();
    sandbox.git("work", &["tag", "v1"]);
    sandbox.git("work", &["push", "-q", "origin", "v1"]);
    for (branch, code) in
        [("absent", "branch-missing"), ("v1", "branch-missing"), ("-x", "branch-name"), ("a..b", "branch-name")]
    {
        let error = sandbox.workspace().await.fetch_base(Some(branch)).await.expect_err(branch);
        assert_eq!((error.code(), error.exit()), (code, Exit::Usage), "{error}");
    }
    let mut workspace = sandbox.workspace().await;
    workspace.fetch_base(None).await.expect("a base");
    let error = workspace.fetch_base(Some("absent")).await.expect_err("no such branch");
    assert_eq!(error.code(), "branch-missing", "{error}");
    let tree = sandbox.git("remote.git", &["rev-parse", "main^{tree}"]);
    let commit = sandbox.git("remote.git", &["commit-tree", "-m", "on no branch", &tree]);
    sandbox.git("remote.git", &["update-ref", "--no-deref", "HEAD", &commit]);
    let detached = sandbox.workspace().await.fetch_base(None).await.expect_err("no branch");
    assert!(matches!(detached, Error::HeadDetached { .. }), "{detached}");
    fs::remove_dir_all(sandbox.path("remote.git")).expect("a removal");
    let gone = sandbox.workspace().await.fetch_base(None).await.expect_err("no repository");
    assert_eq!((gone.code(), gone.exit()), ("no-repository", Exit::Usage), "{gone}");
}

#[tokio::test]
async fn a_sha256_repository_is_refused_with_the_reason() {
    let sandbox = Sandbox::new();
    fs::remove_dir_all(sandbox.path("remote.git")).expect("a removal");
    sandbox.git(".", &["init", "-q", "--bare", "--object-format=sha256", "remote.git"]);
    sandbox.git(".", &["init", "-q", "--object-format=sha256", "other"]);
    sandbox.git("other", &["commit", "-q", "--allow-empty", "-m", "x"]);
    sandbox.git("other", &["push", "-q", "../remote.git", "main"]);
    let mut workspace = sandbox.workspace().await;

    let error = workspace.fetch_base(None).await.expect_err("a refusal");
    let clone = sandbox.clone_at("other").await;

    assert_eq!((error.code(), error.exit()), ("sha256-repository", Exit::Usage), "{error}");
    assert!(matches!(clone.head_snapshot(), Err(Error::Sha256 { .. })));
}

#[tokio::test]
async fn a_branch_is_compared_with_its_merge_base_also_after_the_base_moved_and_was_merged() {
    let sandbox = Sandbox::with_fleet();
    let mut workspace = sandbox.workspace().await;
    let base = workspace.fetch_base(None).await.expect("a base");
    let after = b"tag: 1.1.0 # pinned\r\nother: x";
    let commit = sandbox.edit(&workspace, &base.commit, "apps/a.yaml", after).await;
    workspace.push_new(&commit, "promote/x").await.expect("a push");
    for index in 0..70 {
        sandbox.write("other.yaml", format!("n: {index}\n").as_bytes());
        sandbox.git("work", &["add", "."]);
        sandbox.git("work", &["commit", "-q", "-m", "unrelated"]);
    }
    sandbox.git("work", &["push", "-q", "origin", "main"]);

    let mut later = sandbox.workspace().await;
    later.fetch_base(None).await.expect("a base");
    let moved = later.diff_against_merge_base("promote/x", "main").await.expect("a diff");
    sandbox.git("work", &["fetch", "-q", "origin"]);
    sandbox.git("work", &["checkout", "-q", "-b", "update", "origin/promote/x"]);
    sandbox.git("work", &["merge", "-q", "-m", "Update branch", "main"]);
    sandbox.git("work", &["push", "-q", "origin", "update:promote/x"]);
    let merged = sandbox.workspace().await.diff_against_merge_base("promote/x", "main").await.expect("a diff");

    assert_eq!(moved.merge_base.as_ref(), Some(&base.commit));
    assert_eq!(merged.merge_base.as_ref(), Some(&merged.base));
    for diff in [moved, merged] {
        let [file] = diff.files.as_slice() else { panic!("{:?}", diff.files) };
        let Change::Edited { before, after: found, .. } = &file.change else { panic!("{file:?}") };
        assert_eq!(file.path, "apps/a.yaml");
        assert_eq!(
            (before.as_ref(), found.as_ref()),
            (b"tag: 1.0.0 # pinned\r\nother: x".as_slice(), after.as_slice())
        );
    }
}

#[tokio::test]
async fn what_a_pull_request_proposes_is_read_from_any_ref_against_the_base_as_it_was_read() {
    let sandbox = Sandbox::with_fleet();
    let mut workspace = sandbox.workspace().await;
    let base = workspace.fetch_base(None).await.expect("a base");
    sandbox.git("work", &["checkout", "-q", "-b", "theirs"]);
    sandbox.write("apps/a.yaml", b"tag: 1.1.0 # pinned\r\nother: x");
    sandbox.git("work", &["commit", "-q", "-a", "-m", "one"]);
    sandbox.git("work", &["checkout", "-q", "main"]);
    sandbox.write("other.yaml", b"n: 1\n");
    sandbox.git("work", &["add", "."]);
    sandbox.git("work", &["commit", "-q", "-m", "meanwhile"]);
    sandbox.git("work", &["push", "-q", "origin", "main"]);
    sandbox.git("work", &["checkout", "-q", "theirs"]);
    sandbox.git("work", &["merge", "-q", "-m", "Update branch", "main"]);
    sandbox.git("work", &["rm", "-q", "apps/link.yaml"]);
    sandbox.git("work", &["commit", "-q", "-m", "two"]);
    sandbox.git("work", &["push", "-q", "origin", "theirs:refs/pull/7/head"]);

    let before = workspace.proposed("refs/pull/7/head", &base).await.expect("a proposal");
    let base_now = workspace.fetch_base(None).await.expect("a base");
    let after = workspace.proposed("refs/pull/7/head", &base_now).await.expect("a proposal");
    let absent = workspace.proposed("refs/pull/8/head", &base_now).await.expect_err("no such ref");
    let odd = workspace.proposed("--upload-pack=x", &base_now).await.expect_err("no ref");

    // Of a base that moved meanwhile what came with it counts as proposed, and it is told that it moved.
    let paths = |proposed: &Proposed| proposed.diff.files.iter().map(|file| file.path.clone()).collect::<Vec<_>>();
    assert_eq!(paths(&before), ["apps/a.yaml", "apps/link.yaml", "other.yaml"]);
    assert_eq!((before.diff.base == base.commit, before.base_now == base_now.commit), (true, true));
    assert_eq!(paths(&after), ["apps/a.yaml", "apps/link.yaml"]);
    assert!(after.holds_merges && !after.is_cut && after.base_now == after.diff.base);
    assert_eq!(after.commits.iter().map(|commit| commit.message.trim()).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(after.diff.files.iter().map(|file| file.entry.is_some()).collect::<Vec<_>>(), [true, false]);
    assert_eq!((absent.code(), odd.code()), ("branch-missing", "branch-name"));
}

#[tokio::test]
async fn a_branch_without_common_history_or_with_more_than_edits_is_seen_as_such() {
    let sandbox = Sandbox::with_fleet();
    sandbox.git("work", &["checkout", "-q", "-b", "promote/odd"]);
    sandbox.write("added.yaml", b"x");
    sandbox.git("work", &["add", "."]);
    sandbox.git("work", &["rm", "-q", "apps/link.yaml"]);
    sandbox.git("work", &["update-index", "--chmod=-x", "apps/run.sh"]);
    sandbox.git("work", &["commit", "-q", "-m", "odd"]);
    sandbox.git("work", &["checkout", "-q", "--orphan", "promote/orphan"]);
    sandbox.git("work", &["commit", "-q", "-m", "orphan"]);
    sandbox.git("work", &["push", "-q", "origin", "promote/odd", "promote/orphan"]);
    let mut workspace = sandbox.workspace().await;

    let odd = workspace.diff_against_merge_base("promote/odd", "main").await.expect("a diff");
    let orphan = workspace.diff_against_merge_base("promote/orphan", "main").await.expect("a diff");
    let absent = workspace.diff_against_merge_base("promote/absent", "main").await.expect_err("no branch");
    let branches = workspace.branches("promote/o").await.expect("branches");

    let files: Vec<_> = odd.files.iter().map(|file| (file.path.as_str(), file.change == Change::Other)).collect();
    assert_eq!(files, [("added.yaml", true), ("apps/link.yaml", true), ("apps/run.sh", true)]);
    assert_eq!((orphan.merge_base, orphan.files.len()), (None, 0));
    assert_eq!(absent.code(), "branch-missing", "{absent}");
    assert_eq!(
        branches.iter().map(|branch| branch.name.as_str()).collect::<Vec<_>>(),
        ["promote/odd", "promote/orphan"]
    );
    assert_eq!(workspace.remote_tip("promote/odd").await.expect("a tip"), Some(odd.tip));
    assert_eq!(workspace.remote_tip("promote").await.expect("no tip"), None);
}

fn make_executable(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a mode");
    }
}

/// Names, modes and bytes of everything below a folder.
fn digest_of(folder: &Path) -> String {
    let mut lines = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        for entry in fs::read_dir(path).expect("entries").flatten() {
            let kind = entry.file_type().expect("a type");
            if kind.is_dir() {
                waiting.push(entry.path());
            } else if kind.is_file() {
                let bytes = fs::read(entry.path()).expect("bytes");
                lines.push(format!("{} {}", entry.path().display(), promote::model::Digest::of(&bytes)));
            }
        }
    }
    lines.sort();
    lines.join("\n")
}

/// A server that answers every request with one response and keeps what it was asked.
struct Answering {
    address: std::net::SocketAddr,
    requests: std::sync::Arc<std::sync::Mutex<Vec<String>>>,
}

impl Answering {
    fn with(response: String) -> Self {
        Self::by(move |_| response.clone())
    }

    fn by(answer: impl Fn(&str) -> String + Send + 'static) -> Self {
        use std::io::{Read as _, Write as _};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let kept = requests.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut request = Vec::new();
                let mut buffer = [0; 4096];
                while !request.ends_with(b"\r\n\r\n") {
                    match stream.read(&mut buffer) {
                        Ok(0) | Err(_) => break,
                        Ok(count) => request.extend_from_slice(&buffer[..count]),
                    }
                }
                let request = String::from_utf8_lossy(&request).into_owned();
                let response = answer(&request);
                kept.lock().expect("a lock").push(request);
                let _ = stream.write_all(response.as_bytes());
            }
        });
        Self { address, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("a lock").clone()
    }
}

#[tokio::test]
async fn a_redirecting_server_gets_no_login_and_neither_does_its_target() {
    let sandbox = Sandbox::with_fleet();
    let target = Answering::with(
        "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".into(),
    );
    let redirect = format!(
        "HTTP/1.1 302 Found\r\nLocation: http://{}/fleet.git/info/refs?service=git-upload-pack\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        target.address
    );
    let server = Answering::with(redirect);
    sandbox.git(
        "work",
        &["config", "--global", "credential.helper", "!f() { echo username=u; echo password=canary; }; f"],
    );
    let mut connection = sandbox.connection().await;
    connection.settings =
        Settings::read(&connection.program, &sandbox.environment(), &sandbox.path("work")).await.expect("settings");
    connection.remote =
        RemoteUrl::parse(&format!("http://{}/fleet.git", server.address), Path::new("/"), &[]).expect("a url");
    connection.login = Some(HttpLogin { username: "x".into(), password: "canary".into() });

    let error = Workspace::create(connection).expect("a workspace").fetch_base(None).await.expect_err("a redirect");

    assert_eq!((error.code(), error.exit()), ("repository-moved", Exit::Untrusted), "{error}");
    assert_eq!(target.requests(), Vec::<String>::new());
    assert!(server.requests().iter().all(|request| !request.contains("Authorization")), "{:?}", server.requests());
}

#[tokio::test]
async fn the_helpers_login_is_tried_before_the_token_and_neither_is_shown() {
    let sandbox = Sandbox::with_fleet();
    let refusal =
        "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let server = Answering::with(refusal.into());
    let stored = sandbox.path("stored");
    let helper =
        format!("!f() {{ echo \"$1\" >> '{}'; echo username=helper; echo password=canary-1; }}; f", stored.display());
    sandbox.git("work", &["config", "--global", "credential.helper", &helper]);
    let mut connection = sandbox.connection().await;
    connection.settings =
        Settings::read(&connection.program, &sandbox.environment(), &sandbox.path("work")).await.expect("settings");
    connection.remote =
        RemoteUrl::parse(&format!("http://{}/fleet.git", server.address), Path::new("/"), &[]).expect("a url");
    connection.login = Some(HttpLogin { username: "token".into(), password: "canary-2".into() });

    let error = Workspace::create(connection).expect("a workspace").fetch_base(None).await.expect_err("a refusal");

    assert_eq!(error.exit(), Exit::Authentication, "{error}");
    let sent: Vec<String> = server
        .requests()
        .iter()
        .filter_map(|request| Some(request.split("Authorization: Basic ").nth(1)?.lines().next()?.to_owned()))
        .collect();
    // helper:canary-1, then token:canary-2
    assert_eq!(sent, ["aGVscGVyOmNhbmFyeS0x", "dG9rZW46Y2FuYXJ5LTI="]);
    // The token is neither stored with nor erased from the user's helper.
    assert_eq!(fs::read_to_string(stored).expect("a file"), "get\nerase\n");
    assert!(!format!("{error} {error:?}").contains("canary"));
}

#[tokio::test]
async fn children_know_only_the_allowed_variables_and_secrets_are_in_no_argument() {
    let sandbox = Sandbox::with_fleet();
    let refusal =
        "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let server = Answering::with(refusal.into());
    let (log, real) = (sandbox.path("log"), sandbox.program().await.path().display().to_string());
    let folder = sandbox.path("bin");
    fs::create_dir(&folder).expect("a folder");
    let script = format!("#!/bin/sh\n(echo \"argv $*\"; env) >> '{}'\nexec {real} \"$@\"\n", log.display());
    fs::write(folder.join("git"), script).expect("a program");
    make_executable(&folder.join("git"));
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").expect("PATH"));
    let environment = sandbox.environment_with(&[
        ("PATH", &path),
        ("GITHUB_TOKEN", "canary"),
        ("AWS_SECRET_ACCESS_KEY", "canary"),
        ("GIT_ASKPASS", "/bin/canary"),
        ("LD_PRELOAD", "canary"),
        ("HTTPS_PROXY", "http://proxy.example:3128"),
        ("GIT_SSL_CAINFO", "/ca/near.pem"),
        ("SSL_CERT_FILE", "/ca/far.pem"),
    ]);
    for (name, value) in [("http.sslVerify", "false"), ("http.extraHeader", "X: canary"), ("http.sslKey", "/key.pem")] {
        sandbox.git("work", &["config", "--global", name, value]);
    }
    let mut connection = sandbox.connection_with(environment.clone()).await;
    connection.program = Program::find(&environment).await.expect("the wrapper");
    connection.remote =
        RemoteUrl::parse(&format!("http://{}/fleet.git", server.address), Path::new("/"), &[]).expect("a url");
    connection.login = Some(HttpLogin { username: "token".into(), password: "s3same".into() });

    Workspace::create(connection).expect("a workspace").fetch_base(None).await.expect_err("a refusal");

    let log = fs::read_to_string(log).expect("a log");
    assert!(!log.contains("canary"), "{log}");
    // What says how to reach the host is passed on; what weakens it is not.
    let passed = |value: &str| log.lines().any(|line| line.starts_with("GIT_CONFIG_VALUE_") && line.ends_with(value));
    assert!(passed("=/ca/near.pem") && !passed("=/ca/far.pem") && passed("=/key.pem"), "{log}");
    assert!(!log.to_lowercase().contains("sslverify"), "{log}");
    assert!(log.lines().filter(|line| line.starts_with("argv ")).all(|line| !line.contains("s3same")), "{log}");
    let names: std::collections::BTreeSet<&str> = log
        .lines()
        .filter(|line| !line.starts_with("argv "))
        .filter_map(|line| line.split_once('=').map(|(name, _)| name))
        .map(|name| name.trim_end_matches(|char: char| char.is_ascii_digit()))
        // What the shell of the wrapper adds, and the lines of the helper itself.
        .filter(|name| {
            !["PWD", "_", "SHLVL", "OLDPWD"].contains(name) && !name.contains(' ') && !name.starts_with("__")
        })
        .collect();
    insta::assert_snapshot!(names.into_iter().collect::<Vec<_>>().join(" "), @"GIT_ALLOW_PROTOCOL GIT_CEILING_DIRECTORIES GIT_CONFIG_COUNT GIT_CONFIG_GLOBAL GIT_CONFIG_KEY_ GIT_CONFIG_NOSYSTEM GIT_CONFIG_VALUE_ GIT_HTTP_LOW_SPEED_LIMIT GIT_HTTP_LOW_SPEED_TIME GIT_NO_LAZY_FETCH GIT_TERMINAL_PROMPT HOME HTTPS_PROXY LC_ALL PATH PROMOTE_GIT_PASSWORD PROMOTE_GIT_USERNAME SSL_CERT_FILE TMPDIR");
}

#[tokio::test]
async fn a_proxy_that_repeats_its_login_is_quoted_without_it() {
    let sandbox = Sandbox::with_fleet();
    let proxy = Answering::by(|request| {
        let Some(login) = request.lines().find(|line| line.starts_with("Proxy-Authorization")) else {
            return "HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                .into();
        };
        let body = format!("refused: {login} ca/nary ca%2Fnary\n");
        let length = body.len();
        format!(
            "HTTP/1.1 500 No\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
    });
    let mut connection = sandbox.connection().await;
    connection.remote =
        RemoteUrl::parse("http://git.corp/fleet.git", Path::new("/"), &["git.corp".into()]).expect("a url");
    connection.proxy = Some(Proxy::Configured(format!("http://robot:ca%2Fnary@{}", proxy.address).into()));
    connection.limits.backoff = std::time::Duration::ZERO;

    let mut workspace = Workspace::create(connection).expect("a workspace");
    let error = workspace.fetch_base(None).await.expect_err("a refusal").to_string();

    assert!(proxy.requests().len() > 1 && error.contains("refused: Proxy-Authorization: Basic …"), "{error}");
    assert!(!error.contains("nary"), "{error}");
}

#[tokio::test]
async fn a_server_that_never_answers_is_left_at_the_deadline() {
    let sandbox = Sandbox::with_fleet();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut connection = sandbox.connection().await;
    let url = format!("http://{}/fleet.git", listener.local_addr().expect("an address"));
    connection.remote = RemoteUrl::parse(&url, Path::new("/"), &[]).expect("a url");
    connection.limits.total = std::time::Duration::from_millis(300);

    let mut workspace = Workspace::create(connection).expect("a workspace");
    let error = workspace.fetch_base(None).await.expect_err("a timeout");

    assert_eq!((error.code(), error.exit()), ("git-timeout", Exit::Temporary), "{error}");
}

#[tokio::test]
async fn a_cancelled_fetch_ends_with_all_its_children() {
    use std::io::Read as _;
    let sandbox = Sandbox::with_fleet();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut connection = sandbox.connection().await;
    let url = format!("http://{}/fleet.git", listener.local_addr().expect("an address"));
    connection.remote = RemoteUrl::parse(&url, Path::new("/"), &[]).expect("a url");
    let (accepted, connected) = tokio::sync::oneshot::channel();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        accepted.send(()).expect("somebody who waits");
        // Ends when the last process that has the connection is gone: a grandchild of ours.
        stream.read_to_end(&mut Vec::new()).map(|_| ())
    });

    let mut workspace = Workspace::create(connection).expect("a workspace");
    tokio::select! {
        result = workspace.fetch_base(None) => panic!("{result:?}"),
        result = connected => result.expect("a connection"),
    }

    // Killed in the middle, the connection may also be reset.
    let _ = server.join().expect("the end of the connection");
}

#[tokio::test]
async fn a_server_of_files_alone_is_named() {
    let sandbox = Sandbox::with_fleet();
    let server = Answering::by(|request| {
        let refs = format!("{}\trefs/heads/main\n", "1".repeat(40));
        let body = if request.starts_with("GET /fleet.git/HEAD ") { "ref: refs/heads/main\n" } else { &refs };
        let length = body.len();
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
    });
    let mut connection = sandbox.connection().await;
    connection.remote =
        RemoteUrl::parse(&format!("http://{}/fleet.git", server.address), Path::new("/"), &[]).expect("a url");

    let error = Workspace::create(connection).expect("a workspace").fetch_base(None).await.expect_err("a refusal");

    assert_eq!((error.code(), error.exit()), ("dumb-http", Exit::Local), "{error}");
}

#[tokio::test]
async fn an_old_protocol_that_serves_no_names_gives_everything_instead() {
    let sandbox = Sandbox::with_fleet();
    // An ssh that runs the command here and forgets GIT_PROTOCOL, as servers without `AcceptEnv` do.
    let script = "#!/bin/sh\nfor last; do :; done\nunset GIT_PROTOCOL\nexec sh -c \"$last\"\n";
    let ssh = sandbox.path("old-ssh");
    fs::write(&ssh, script).expect("a program");
    make_executable(&ssh);
    let environment = sandbox.environment_with(&[("GIT_SSH", &ssh.display().to_string()), ("GIT_SSH_VARIANT", "ssh")]);
    let mut connection = sandbox.connection_with(environment).await;
    let path = sandbox.path("remote.git").canonicalize().expect("a path");
    connection.remote = RemoteUrl::parse(&format!("ssh://host{}", path.display()), Path::new("/"), &[]).expect("a url");
    let mut workspace = Workspace::create(connection).expect("a workspace");

    let base = workspace.fetch_base(None).await.expect("a base");
    let first = sandbox.edit(&workspace, &base.commit, "apps/run.sh", b"new").await;
    let mut listing = workspace.snapshot(&base.commit).expect("a listing");
    workspace.load(&mut listing.snapshot, &[repo_path("apps/a.yaml")]).await.expect("the file");
    let second = sandbox.edit(&workspace, &first, "apps/a.yaml", b"tag: 1.1.0").await;
    workspace.push_new(&second, "promote/x").await.expect("a push");

    assert_eq!(base.depth, Depth::Blobless);
    assert!(listing.snapshot.bytes(&repo_path("apps/a.yaml")).is_some());
    assert_eq!(sandbox.git("remote.git", &["rev-parse", "promote/x"]), second.to_string());
}

#[tokio::test]
async fn commits_are_signed_by_ssh_where_git_says_so() {
    let sandbox = Sandbox::with_fleet();
    let key = sandbox.path("home/key").display().to_string();
    run(&sandbox, "ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "ada", "-f", &key]);
    let public = fs::read_to_string(format!("{key}.pub")).expect("a key");
    fs::write(sandbox.path("home/allowed"), format!("ada@example.com {public}")).expect("a file");
    let allowed = sandbox.path("home/allowed").display().to_string();
    for (name, value) in [
        ("commit.gpgSign", "true"),
        ("gpg.format", "ssh"),
        ("user.signingKey", "~/key"),
        ("gpg.ssh.allowedSignersFile", &allowed),
    ] {
        sandbox.git("work", &["config", "--global", name, value]);
    }
    let mut workspace = sandbox.workspace().await;
    let base = workspace.fetch_base(None).await.expect("a base");

    let first = sandbox.edit(&workspace, &base.commit, "apps/a.yaml", b"tag: 1.1.0").await;
    let second = sandbox.edit(&workspace, &first, "apps/run.sh", b"TAG=1.1.0").await;
    workspace.push_new(&second, "promote/x").await.expect("a push");

    sandbox.git("remote.git", &["verify-commit", &first.to_string()]);
    sandbox.git("remote.git", &["verify-commit", &second.to_string()]);
    let log = sandbox
        .git("remote.git", &["log", "-1", "--format=%s|%G?|%GS|%(trailers:key=Promote-App,valueonly)", "promote/x"]);
    assert_eq!(log.lines().next(), Some("Promote a to 1.1.0|G|ada@example.com|a"));
    sandbox.git("remote.git", &["fsck", "--strict", "--no-dangling"]);
}

#[tokio::test]
async fn commits_are_signed_by_openpgp_where_git_says_so() {
    let mut sandbox = Sandbox::with_fleet();
    if Command::new("gpg").arg("--version").output().is_err() {
        eprintln!("skipped: needs gpg");
        return;
    }
    // The agent's socket has a path of a hundred characters at most.
    let home = tempfile::Builder::new().prefix("gpg").tempdir_in("/tmp").expect("a folder");
    sandbox.variables.push(("GNUPGHOME".to_owned(), home.path().display().to_string()));
    let user = "Ada <ada@example.com>";
    run(&sandbox, "gpg", &["--batch", "--quiet", "--passphrase", "", "--quick-gen-key", user, "ed25519", "sign"]);
    sandbox.git("work", &["config", "--global", "commit.gpgSign", "yes"]);
    let mut workspace = sandbox.workspace().await;
    let base = workspace.fetch_base(None).await.expect("a base");

    let commit = sandbox.edit(&workspace, &base.commit, "apps/a.yaml", b"tag: 1.1.0").await;
    workspace.push_new(&commit, "promote/x").await.expect("a push");

    sandbox.git("remote.git", &["verify-commit", "promote/x"]);
    run(&sandbox, "gpgconf", &["--kill", "all"]);
}

#[tokio::test]
async fn a_signer_that_fails_stops_everything() {
    let sandbox = Sandbox::with_fleet();
    sandbox.git("work", &["config", "--global", "commit.gpgSign", "true"]);
    let identity = async |workspace: &Workspace| {
        Identity::of(&workspace.connection().settings, &sandbox.environment()).expect("an identity")
    };
    let silent = sandbox.path("silent");
    fs::write(&silent, "#!/bin/sh\ncat >/dev/null\nexit 0\n").expect("a program");
    make_executable(&silent);
    let silent = silent.display().to_string();
    let cases: [&[(&str, &str)]; 5] = [
        &[("gpg.program", &silent)],
        &[("gpg.program", "no-such-program")],
        &[("gpg.format", "ssh")],
        &[("gpg.format", "ssh"), ("user.signingKey", "~/absent")],
        &[("gpg.format", "pigeon")],
    ];
    let mut said = Vec::new();
    for settings in cases {
        for (name, value) in settings {
            sandbox.git("work", &["config", "--global", name, value]);
        }
        let mut workspace = sandbox.workspace().await;
        let base = workspace.fetch_base(None).await.expect("a base");
        let files = [(repo_path("apps/a.yaml"), b"tag: 1.1.0".to_vec())];
        let identity = identity(&workspace).await;
        let error = workspace.commit(&base.commit, &files, "x", &identity).await.expect_err("no signature");
        assert_eq!((error.code(), error.exit()), ("not-signed", Exit::Local));
        said.push(error.to_string());
    }
    // The fourth has ssh-keygen's own words.
    assert!(said.remove(3).contains("home/absent"));
    insta::assert_snapshot!(said.join("\n"), @r"
    the commit can't be signed by openpgp: the program gave no signature
    the commit can't be signed by openpgp: `no-such-program` is not in PATH
    the commit can't be signed by ssh: `user.signingKey` is not set
    the commit can't be signed by an unknown format: `gpg.format` is `pigeon`
    ");
}

#[tokio::test]
async fn smart_http_with_a_login_serves_the_whole_way() {
    let sandbox = Sandbox::with_fleet();
    let Some(server) = GitServer::start() else { return };
    server.serve("fleet", &sandbox.path("work"));
    let mut connection = sandbox.connection().await;
    connection.remote = RemoteUrl::parse(&server.http("fleet"), Path::new("/"), &[]).expect("a url");
    let anonymous = Workspace::create(connection.clone()).expect("a workspace").fetch_base(None).await;
    connection.login = Some(HttpLogin { username: "ci".into(), password: "wrong".into() });
    let refused = Workspace::create(connection.clone()).expect("a workspace").fetch_base(None).await;
    connection.login = Some(HttpLogin { username: "ci".into(), password: "s3cret".into() });

    let mut workspace = Workspace::create(connection.clone()).expect("a workspace");
    let base = workspace.fetch_base(None).await.expect("a base");
    let mut listing = workspace.snapshot(&base.commit).expect("a listing");
    workspace.load(&mut listing.snapshot, &[repo_path("apps/a.yaml")]).await.expect("the file");
    let commit = sandbox.edit(&workspace, &base.commit, "apps/a.yaml", b"tag: 1.1.0").await;
    workspace.push_new(&commit, "promote/x").await.expect("a push");
    let again = workspace.push_new(&base.commit, "promote/x").await.expect_err("a branch that is there");
    let diff = workspace.diff_against_merge_base("promote/x", "main").await.expect("a diff");
    connection.remote = RemoteUrl::parse(&server.http("absent"), Path::new("/"), &[]).expect("a url");
    let absent = Workspace::create(connection).expect("a workspace").fetch_base(None).await.expect_err("nothing");

    assert_eq!(anonymous.expect_err("no login").code(), "git-authentication");
    assert_eq!(refused.expect_err("a wrong login").code(), "git-authentication");
    assert!(matches!(again, Error::BranchExists { .. }), "{again}");
    assert_eq!((base.depth, diff.tip, diff.files.len()), (Depth::Blobless, commit, 1));
    assert_eq!(absent.code(), "repository-not-found", "{absent}");
}

#[tokio::test]
async fn ssh_serves_the_whole_way_and_an_unknown_host_key_is_never_taken() {
    let sandbox = Sandbox::with_fleet();
    let Some(server) = GitServer::start() else { return };
    server.serve("fleet", &sandbox.path("work"));
    let connection = async |command: &str| {
        let environment = sandbox.environment_with(&[("GIT_SSH_COMMAND", command)]);
        let mut connection = sandbox.connection_with(environment).await;
        connection.remote = RemoteUrl::parse(&server.ssh("fleet"), Path::new("/"), &[]).expect("a url");
        connection
    };
    let careless = format!("{} -o StrictHostKeyChecking=no", server.ssh_command("absent"));
    let unknown = Workspace::create(connection(&careless).await).expect("a workspace").fetch_base(None).await;
    // The server's own key is not authorized.
    let keyless = server.ssh_command("known_hosts").replace("/ssh/id ", "/ssh/host ");
    let refused = Workspace::create(connection(&keyless).await).expect("a workspace").fetch_base(None).await;

    let mut workspace = Workspace::create(connection(&server.ssh_command("known_hosts")).await).expect("a workspace");
    let base = workspace.fetch_base(None).await.expect("a base");
    let mut listing = workspace.snapshot(&base.commit).expect("a listing");
    workspace.load(&mut listing.snapshot, &[repo_path("apps/a.yaml")]).await.expect("the file");
    let commit = sandbox.edit(&workspace, &base.commit, "apps/a.yaml", b"tag: 1.1.0").await;
    workspace.push_new(&commit, "promote/x").await.expect("a push");

    assert_eq!(unknown.expect_err("an unknown key").code(), "host-key");
    let refused = refused.expect_err("no key");
    assert_eq!(refused.code(), "git-authentication", "{refused}");
    assert_eq!(base.depth, Depth::Blobless);
}

fn run(sandbox: &Sandbox, program: &str, arguments: &[&str]) {
    let variables = sandbox.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let output = Command::new(program).args(arguments).env_clear().envs(variables).output().expect(program);
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn the_history_of_a_file_tells_when_it_came_to_the_base_and_what_was_merged() {
    let sandbox = Sandbox::with_fleet();
    let mut workspace = sandbox.workspace().await;
    let base = workspace.fetch_base(None).await.expect("a base");
    let commit = sandbox.edit(&workspace, &base.commit, "apps/a.yaml", b"tag: 1.1.0").await;
    workspace.push_new(&commit, "promote/x").await.expect("a push");
    sandbox.write("other.yaml", b"unrelated");
    sandbox.git("work", &["add", "."]);
    sandbox.git("work", &["commit", "-q", "-m", "unrelated"]);
    sandbox.git("work", &["fetch", "-q"]);
    sandbox.git("work", &["merge", "-q", "--no-ff", "-m", "Merge pull request 7\n\n:100644 x", "origin/promote/x"]);
    sandbox.write("apps/a.yaml", b"tag: 1.2.0");
    sandbox.git("work", &["commit", "-q", "-a", "-m", "by hand"]);
    sandbox.git("work", &["push", "-q"]);

    let mut workspace = sandbox.workspace().await;
    let base = workspace.fetch_base(None).await.expect("a base");
    let paths = [repo_path("apps/a.yaml")];
    let newest = workspace.history(&base, &paths, 1).await.expect("a history");
    let history = workspace.history(&base, &paths, 10).await.expect("a history");

    assert_eq!((newest.touches.len(), newest.is_complete), (1, false));
    assert_eq!(newest.touches.first(), history.touches.first());
    assert!(history.is_complete);
    let told: Vec<String> = history
        .touches
        .iter()
        .map(|touch| {
            let [file] = touch.files.as_slice() else { panic!("{:?}", touch.files) };
            let text = |bytes: &Option<std::sync::Arc<[u8]>>| {
                bytes.as_ref().map_or("-".to_owned(), |bytes| String::from_utf8_lossy(bytes).escape_debug().to_string())
            };
            let merged: Vec<_> = touch.merged.iter().map(|told| told.message.replace('\n', "/")).collect();
            let subject = touch.commit.message.lines().next().unwrap_or_default();
            format!("{subject} | {merged:?} | {} -> {}", text(&file.before), text(&file.after))
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    by hand | [] | tag: 1.1.0 -> tag: 1.2.0
    Merge pull request 7 | ["Promote a to 1.1.0//Promote-App: a/"] | tag: 1.0.0 # pinned\r\nother: x -> tag: 1.1.0
    base | [] | - -> tag: 1.0.0 # pinned\r\nother: x
    "#);
}

#[tokio::test]
async fn a_redirect_that_only_adds_the_suffix_is_asked_on_the_same_host() {
    let sandbox = Sandbox::with_fleet();
    let server = Answering::by(|request| {
        let head = if request.starts_with("GET /acme/fleet/info/refs") {
            "301 Moved\r\nLocation: /acme/fleet.git/info/refs?service=git-upload-pack"
        } else {
            "401 No\r\nWWW-Authenticate: Basic realm=\"x\""
        };
        format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    });
    let mut connection = sandbox.connection().await;
    let url = format!("http://{}/acme/fleet", server.address);
    connection.remote = RemoteUrl::parse(&url, Path::new("/"), &[]).expect("a url");
    let mut workspace = Workspace::create(connection).expect("a workspace");

    let error = workspace.fetch_base(None).await.expect_err("no login");

    // Where the other address doesn't serve either, the first answer stands.
    assert_eq!(error.code(), "repository-moved", "{error}");
    let asked: Vec<_> =
        server.requests().iter().filter_map(|request| Some(request.split(' ').nth(1)?.to_owned())).collect();
    insta::assert_snapshot!(asked.join("\n"), @r"
    /acme/fleet/info/refs?service=git-upload-pack
    /acme/fleet.git/info/refs?service=git-upload-pack
    ");
    assert_eq!(workspace.connection().remote.info_refs(), Some(format!("{url}/info/refs?service=git-upload-pack")));
}

#[tokio::test]
async fn a_base_that_is_gone_from_the_remote_is_no_ground_to_push_from() {
    let sandbox = Sandbox::with_fleet();
    let mut workspace = sandbox.workspace().await;
    let base = workspace.fetch_base(None).await.expect("a base");
    let commit = sandbox.edit(&workspace, &base.commit, "apps/a.yaml", b"tag: 1.1.0").await;
    sandbox.git("work", &["commit", "-q", "--amend", "-m", "rewritten"]);
    sandbox.git("work", &["push", "-q", "-f"]);
    sandbox.git("remote.git", &["reflog", "expire", "--expire=now", "--all"]);
    sandbox.git("remote.git", &["-c", "gc.pruneExpire=now", "gc", "-q"]);

    let error = workspace.push_new(&commit, "promote/x").await.expect_err("a refusal");

    assert_eq!((error.code(), error.exit()), ("base-gone", Exit::Temporary), "{error}");
    assert_eq!(workspace.branches("promote/").await.expect("branches"), []);
}

#[tokio::test]
async fn a_repository_of_somebody_else_is_used_only_where_the_user_calls_it_safe() {
    let sandbox = Sandbox::with_fleet();
    let real = sandbox.program().await.path().display().to_string();
    let folder = sandbox.path("bin");
    fs::create_dir(&folder).expect("a folder");
    let script = format!("#!/bin/sh\nexport GIT_TEST_ASSUME_DIFFERENT_OWNER=1\nexec {real} \"$@\"\n");
    fs::write(folder.join("git"), script).expect("a program");
    make_executable(&folder.join("git"));
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").expect("PATH"));
    let environment = sandbox.environment_with(&[("PATH", &path)]);
    let connect = async || {
        let mut connection = sandbox.connection().await;
        connection.program = Program::find(&environment).await.expect("the wrapper");
        Workspace::create(connection).expect("a workspace")
    };

    let refused = connect().await.fetch_base(None).await;
    let hint = refused.as_ref().err().and_then(Problem::hint).unwrap_or_default();
    let safe = hint.trim_start_matches("git config --global --add safe.directory '").trim_end_matches('\'');
    sandbox.git("work", &["config", "--global", "--add", "safe.directory", safe]);
    let served = connect().await.fetch_base(None).await;

    let refused = refused.expect_err("a refusal");
    assert_eq!((refused.code(), refused.exit()), ("repository-ownership", Exit::Usage), "{refused}");
    assert!(served.is_ok(), "{served:?}");
}

#[tokio::test]
async fn a_push_is_unaffected_by_a_base_that_moves_on() {
    let sandbox = Sandbox::with_fleet();
    let mut workspace = sandbox.workspace().await;
    let base = workspace.fetch_base(None).await.expect("a base");
    let commit = sandbox.edit(&workspace, &base.commit, "apps/a.yaml", b"tag: 1.1.0").await;
    for index in 0..3 {
        sandbox.write("apps/run.sh", format!("# {index}").as_bytes());
        sandbox.git("work", &["commit", "-q", "-a", "-m", "unrelated"]);
    }
    sandbox.git("work", &["push", "-q"]);

    workspace.push_new(&commit, "promote/x").await.expect("a push");

    assert_eq!(sandbox.git("remote.git", &["rev-parse", "promote/x^"]), base.commit.to_string());
    assert_eq!(sandbox.git("remote.git", &["diff", "--name-only", "main...promote/x"]), "apps/a.yaml");
    sandbox.git("remote.git", &["fsck", "--strict", "--no-dangling"]);
}

#[tokio::test]
async fn records_are_written_beside_the_branches_and_never_over_somebody_elses() {
    let sandbox = Sandbox::with_fleet();
    let branches = sandbox.refs();
    let (mut one, mut two) = (sandbox.workspace().await, sandbox.workspace().await);
    let identity = Identity::of(&one.connection().settings, &sandbox.environment()).expect("an identity");
    let file = |name: &str, text: &str| vec![(repo_path(name), text.as_bytes().to_vec())];

    let nothing = one.observations().await.expect("no records");
    let first = one.record(&nothing, &file("staging/a.json", "1"), "Observe", &identity).await.expect("a record");
    let late = two.record(&nothing, &file("staging/b.json", "2"), "Observe", &identity).await;
    let known = two.observations().await.expect("the records");
    two.record(&known, &file("staging/b.json", "2"), "Observe", &identity).await.expect("a record");
    let all = one.observations().await.expect("the records");

    assert_eq!((nothing.commit, known.commit), (None, Some(first)));
    let late = late.expect_err("a lost race");
    assert_eq!((late.code(), late.exit()), ("observations-moved", Exit::Temporary), "{late}");
    let files: Vec<_> = all.files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_ref())).collect();
    assert_eq!(files, [("staging/a.json", b"1".as_slice()), ("staging/b.json", b"2".as_slice())]);
    assert_eq!(
        sandbox.refs().replace(&format!("\nrefs/promote/observations {}", all.commit.expect("a commit")), ""),
        branches
    );
}

/// Commits that change nothing, straight into the remote.
fn go_on(sandbox: &Sandbox, count: usize) {
    let repository = git2::Repository::open_bare(sandbox.path("remote.git")).expect("the remote");
    let author =
        git2::Signature::new("Ada", "ada@example.com", &git2::Time::new(1_790_000_000, 0)).expect("a signature");
    for _ in 0..count {
        let tip = repository.refname_to_id("refs/heads/main").and_then(|id| repository.find_commit(id)).expect("main");
        let tree = tip.tree().expect("a tree");
        repository.commit(Some("refs/heads/main"), &author, &author, "nothing", &tree, &[&tip]).expect("a commit");
    }
}

#[tokio::test]
async fn the_writer_of_a_text_is_found_behind_what_was_fetched_first_and_never_guessed_at_its_end() {
    let sandbox = Sandbox::with_fleet();
    sandbox.write("apps/a.yaml", b"tag: 1.1.0\n");
    sandbox.git("work", &["commit", "-q", "-a", "-m", "Promote a\n\nPromote-App: a\nPromote-To: 1.1.0"]);
    sandbox.git("work", &["push", "-q"]);
    go_on(&sandbox, 320);

    let mut workspace = sandbox.workspace().await;
    let base = workspace.fetch_base(None).await.expect("a base");
    let wanted = |text: &str| Wanted { path: repo_path("apps/a.yaml"), text: text.to_owned() };
    let wanted = [wanted("1.1.0"), wanted("never written")];
    let found = workspace.writers(&base, &wanted, &|_, _| true).await.expect("an answer");
    let subjects = |found: &[Option<Touch>]| -> Vec<Option<String>> {
        found.iter().map(|one| Some(one.as_ref()?.commit.message.lines().next()?.to_owned())).collect()
    };
    assert_eq!(subjects(&found), [Some("Promote a".to_owned()), None]);
    let trailers = found[0].as_ref().expect("a commit").commit.trailers();
    assert_eq!(trailers, [[("Promote-App".to_owned(), "a".to_owned()), ("Promote-To".to_owned(), "1.1.0".to_owned())]]);

    // A commit whose parent was not fetched seems to have written everything: it is no writer.
    let url = format!("file://{}", sandbox.path("remote.git").display());
    sandbox.git(".", &["clone", "-q", "--depth=2", &url, "shallow"]);
    let shallow = sandbox.clone_at("shallow").await;
    let tip = sandbox.git("shallow", &["rev-parse", "HEAD"]);
    assert_eq!(subjects(&shallow.writers(&tip, &wanted, &|_, _| true).expect("an answer")), [None, None]);
    let whole = sandbox.clone_at("remote.git").await;
    let found = whole.writers(&tip, &wanted, &|_, _| true).expect("an answer");
    assert_eq!(subjects(&found), [Some("Promote a".to_owned()), None]);
}
