//! A world of its own for one test: home, PATH, git configuration, clock and ids, and a repository with one commit.
//!
//! Nothing leaks in: the environment of every child is cleared and built here. Nothing leaks out: all files are below one temporary
//! directory, and a child is killed when its handle goes. Worlds share nothing, so tests run beside each other.
//!
//! The clock starts at 2026-01-01T00:00:00Z and ticks one second per command; `CCC_TEST_SEED` is a number that differs for each command
//! of a world and is the same in each run. So object ids are stable and may stand in snapshots. A world with a real clock has neither: use
//! it where liveness or a race is tested.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

use super::command::Cmd;
use super::output::CommandOutput;
use super::session::Session;

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_git-ccc");

/// 2026-01-01T00:00:00Z.
const EPOCH: i64 = 1_767_225_600;

/// How a world differs from the plain one.
#[expect(
    clippy::struct_excessive_bools,
    reason = "four independent dimensions, each named by the method that sets it"
)]
#[derive(Debug, Clone, Default)]
pub struct Options {
    sha256: bool,
    reftable: bool,
    linked: bool,
    real_clock: bool,
}

impl Options {
    /// Objects are named by SHA-256.
    pub fn sha256(mut self) -> Self {
        self.sha256 = true;
        self
    }

    /// Refs are kept in a reftable; ask [`git_knows_reftable`] first.
    pub fn reftable(mut self) -> Self {
        self.reftable = true;
        self
    }

    /// Commands run in a linked worktree (`$REPO.linked`) instead of the main one.
    pub fn linked_worktree(mut self) -> Self {
        self.linked = true;
        self
    }

    /// The product reads the machine's clock and draws its own random numbers.
    pub fn real_clock(mut self) -> Self {
        self.real_clock = true;
        self
    }

    /// Makes the world.
    pub fn build(self) -> World {
        World::with(self)
    }
}

/// Whether the git on PATH can keep refs in a reftable (2.45 and newer).
pub fn git_knows_reftable() -> bool {
    let root = tempfile::tempdir().expect("a temporary directory");
    std::process::Command::new("git")
        .args(["init", "-q", "--ref-format=reftable"])
        .current_dir(root.path())
        .stderr(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// See the module head. Cheap to clone: handles keep it alive.
#[derive(Debug, Clone)]
pub struct World {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    options: Options,
    now: AtomicI64,
    commands: AtomicU64,
    _dir: tempfile::TempDir,
}

impl World {
    /// SHA-1, files, main worktree, fixed clock.
    pub fn new() -> Self {
        Options::default().build()
    }

    /// The way to another kind of world: `World::options().sha256().build()`.
    pub fn options() -> Options {
        Options::default()
    }

    /// One set of options for each object format and ref backend that this git knows.
    pub fn matrix() -> Vec<Options> {
        let mut all = vec![World::options(), World::options().sha256()];
        if git_knows_reftable() {
            all.push(World::options().reftable());
            all.push(World::options().reftable().sha256());
        }
        all
    }

    fn with(options: Options) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("ccc-")
            .tempdir()
            .expect("a temporary directory");
        let root = dir
            .path()
            .canonicalize()
            .expect("the temporary directory exists");
        for folder in ["home", "bin", "tmp", "repo", "outside"] {
            fs::create_dir(root.join(folder)).expect("a fresh directory");
        }
        let inner = Inner {
            root,
            options,
            now: AtomicI64::new(EPOCH),
            commands: AtomicU64::new(0),
            _dir: dir,
        };
        let world = World {
            inner: Arc::new(inner),
        };
        world.init();
        world
    }

    fn init(&self) {
        let Options {
            sha256,
            reftable,
            linked,
            ..
        } = self.inner.options;
        let mut init = vec!["init", "-q"];
        if sha256 {
            init.push("--object-format=sha256");
        }
        if reftable {
            init.push("--ref-format=reftable");
        }
        let main = self.main_worktree();
        self.command("git", init).cwd(&main).run().ok();
        self.command("git", ["commit", "-q", "--allow-empty", "-m", "Start"])
            .cwd(&main)
            .run()
            .ok();
        if linked {
            self.worktree("linked");
        }
    }

    /// The directory in which commands run: the repository's main worktree, or the linked one if the world was made so.
    pub fn repo(&self) -> PathBuf {
        if self.inner.options.linked {
            self.inner.root.join("repo.linked")
        } else {
            self.main_worktree()
        }
    }

    /// The repository's main worktree; `$REPO` in output.
    pub fn main_worktree(&self) -> PathBuf {
        self.inner.root.join("repo")
    }

    /// Adds a linked worktree on a new branch `name`, at `$REPO.<name>`.
    pub fn worktree(&self, name: &str) -> PathBuf {
        let path = self.inner.root.join(format!("repo.{name}"));
        let add = ["worktree", "add", "-q", "-b", name].map(OsString::from);
        let args = add.into_iter().chain([path.clone().into_os_string()]);
        self.command("git", args)
            .cwd(self.main_worktree())
            .run()
            .ok();
        path
    }

    /// A directory in no repository.
    pub fn outside(&self) -> PathBuf {
        self.inner.root.join("outside")
    }

    /// The home directory; `$HOME` in output.
    pub fn home(&self) -> PathBuf {
        self.inner.root.join("home")
    }

    /// Scratch space outside the repository, for what a test or the harness itself needs to put somewhere.
    pub fn tmp(&self) -> PathBuf {
        self.inner.root.join("tmp")
    }

    /// Whether the product reads the machine's clock here.
    pub fn has_real_clock(&self) -> bool {
        self.inner.options.real_clock
    }

    /// Starts a session called `name`, with a process of its own that lives as long as the handle.
    pub fn session(&self, name: &str) -> Session {
        Session::start(self, name, &self.repo())
    }

    /// The same, in another worktree.
    pub fn session_in(&self, dir: &Path, name: &str) -> Session {
        Session::start(self, name, dir)
    }

    /// Runs `git ccc` with no session.
    pub fn ccc<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> CommandOutput {
        self.command(BINARY, args).run()
    }

    /// Runs plain git.
    pub fn git<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> CommandOutput {
        self.command("git", args).run()
    }

    /// What git printed, trimmed; git must have said yes.
    #[track_caller]
    pub fn git_text<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        self.git(args).ok().stdout.trim_end().to_owned()
    }

    /// Any program, not yet run. Name the product as [`BINARY`]: started as `git ccc`, git would put its own directory first on PATH and so
    /// hide the `git` that [`Cmd::kill_at`] puts there, and a kill would hit git instead of the product.
    pub fn command<S: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        args: impl IntoIterator<Item = S>,
    ) -> Cmd {
        Cmd::new(self, program.as_ref(), args)
    }

    /// Writes a file of the repository, with the folders above it.
    pub fn write(&self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) {
        let path = self.repo().join(path);
        let folder = path.parent().expect("a file has a folder");
        fs::create_dir_all(folder).expect("the folders of a test file");
        fs::write(&path, text).expect("a test file");
    }

    /// Reads a file of the repository.
    #[track_caller]
    pub fn read(&self, path: impl AsRef<Path>) -> String {
        let path = self.repo().join(path);
        fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{} must be readable: {error}", path.display()))
    }

    /// The hub: the repository of what is no repository's own.
    pub fn hub(&self) -> PathBuf {
        self.home().join(".local/state/git-ccc/hub.git")
    }

    /// Puts a shell script on PATH before everything else: a fake tool. The `#!` line is added.
    pub fn tool(&self, name: &str, script: &str) {
        write_script(&self.inner.root.join("bin").join(name), script);
    }

    /// Takes a fake tool away, also from who has looked up where it is.
    pub fn real_tool(&self, name: &str) {
        self.tool(name, &format!("PATH=${{PATH#*:}} exec {name} \"$@\""));
    }

    /// The time at which the next command runs, less its tick.
    pub fn now(&self) -> DateTime<Utc> {
        at(self.inner.now.load(Ordering::SeqCst))
    }

    /// Moves the clock; backwards too, as a clock may.
    pub fn advance(&self, seconds: i64) {
        self.inner.now.fetch_add(seconds, Ordering::SeqCst);
    }

    /// `$REPO` and `$HOME` in place of the two paths that change from run to run.
    pub fn redact(&self, text: &str) -> String {
        let text = text.replace(&*self.home().to_string_lossy(), "$HOME");
        text.replace(&*self.main_worktree().to_string_lossy(), "$REPO")
    }

    /// The whole environment of the next child: one tick of the clock, one new seed.
    pub(super) fn environment(&self) -> Vec<(OsString, OsString)> {
        let home = self.home();
        let mut env: Vec<(OsString, OsString)> = Vec::new();
        let mut set = |name: &str, value: OsString| env.push((name.into(), value));
        set("PATH", self.path());
        set("HOME", home.clone().into());
        set("TMPDIR", self.tmp().into());
        for (name, folder) in [
            ("XDG_CONFIG_HOME", ".config"),
            ("XDG_STATE_HOME", ".local/state"),
            ("XDG_DATA_HOME", ".local/share"),
            ("XDG_CACHE_HOME", ".cache"),
            ("XDG_RUNTIME_DIR", ".run"),
        ] {
            set(name, home.join(folder).into());
        }
        for (name, value) in [
            ("LC_ALL", "C"),
            ("TZ", "UTC"),
            ("TERM", "dumb"),
            ("GIT_TERMINAL_PROMPT", "0"),
        ] {
            set(name, value.into());
        }
        set("GIT_CONFIG_GLOBAL", "/dev/null".into());
        set("GIT_CONFIG_SYSTEM", "/dev/null".into());
        set("GIT_CEILING_DIRECTORIES", self.inner.root.clone().into());
        let config = [
            ("user.name", "Test User"),
            ("user.email", "test@example.com"),
            ("init.defaultBranch", "main"),
            ("gc.auto", "0"),
            ("maintenance.auto", "false"),
        ];
        set("GIT_CONFIG_COUNT", config.len().to_string().into());
        for (n, (key, value)) in config.into_iter().enumerate() {
            set(&format!("GIT_CONFIG_KEY_{n}"), key.into());
            set(&format!("GIT_CONFIG_VALUE_{n}"), value.into());
        }
        if !self.inner.options.real_clock {
            let now = at(self.inner.now.fetch_add(1, Ordering::SeqCst) + 1);
            let seed = self.inner.commands.fetch_add(1, Ordering::SeqCst) + 1;
            let stamp = now.to_rfc3339_opts(SecondsFormat::Secs, true);
            set("CCC_TEST_NOW", stamp.clone().into());
            set("CCC_TEST_SEED", seed.to_string().into());
            set("GIT_AUTHOR_DATE", stamp.clone().into());
            set("GIT_COMMITTER_DATE", stamp.into());
        }
        env
    }

    /// Fake tools, then the product, then what the machine has.
    fn path(&self) -> OsString {
        let machine =
            std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
        let product = Path::new(BINARY)
            .parent()
            .expect("a binary has a folder")
            .to_owned();
        let folders = [self.inner.root.join("bin"), product];
        std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&machine)))
            .expect("no folder on PATH has a colon in its name")
    }
}

/// How long a test waits for what must happen, before it says that it did not.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Asks again until there is an answer; panics with `what` at the deadline.
#[track_caller]
pub fn poll<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = std::time::Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(
            start.elapsed() < DEADLINE,
            "{what}: not within {DEADLINE:?}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Writes an executable shell script. A child does the writing: were it done here, a fork in another thread could hold the file open for
/// writing for a moment, and running it would fail with "text file busy".
pub(super) fn write_script(path: &Path, script: &str) {
    let status = std::process::Command::new("sh")
        .args([
            "-c",
            r#"printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod 755 "$1""#,
            "sh",
        ])
        .args([path.as_os_str(), OsStr::new(script)])
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "{} must be writable",
        path.display()
    );
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).expect("a test's clock stays within the calendar")
}
