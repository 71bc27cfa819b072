//! The figures of the README: each against a baseline in the same run, in turns, so that a slow machine slows both.
//!
//! `cargo bench --bench figures -- [NAME…]` prints one row a figure. A figure is a file beside this one and a line in [`FIGURES`].

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench starts processes, reads the time and prints"
)]

mod board;
mod chat;
mod check;
mod claim;
mod commit;
mod file;
mod hook;
mod inbox;
mod wip;
mod worktree;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::time::{Duration, Instant};

/// The binary under test.
const BINARY: &str = env!("CARGO_BIN_EXE_git-ccc");

/// Every group of figures and what measures it.
const FIGURES: &[(&str, fn())] = &[
    ("chat", chat::run),
    ("commit", commit::run),
    ("claim", claim::run),
    ("hook", hook::run),
    ("inbox", inbox::run),
    ("board", board::run),
    ("wip", wip::run),
    ("worktree", worktree::run),
    ("check", check::run),
    ("file", file::run),
];

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    println!(
        "{:<34} {:>8} {:>8} {:>8}   {:>8} {:>8} {:>8}   ratio  bar",
        "figure (ms)", "min", "median", "p95", "base min", "median", "p95"
    );
    for (name, run) in FIGURES {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            run();
        }
    }
}

/// Lets `writers` do `work` at once, behind a barrier; returns how long all took, and each act.
fn storm(
    writers: usize,
    work: impl Fn(usize) -> Vec<Duration> + Sync,
) -> (Duration, Vec<Duration>) {
    let barrier = Barrier::new(writers + 1);
    std::thread::scope(|scope| {
        let (barrier, work) = (&barrier, &work);
        let started: Vec<_> = (0..writers)
            .map(|n| {
                scope.spawn(move || {
                    barrier.wait();
                    work(n)
                })
            })
            .collect();
        barrier.wait();
        let start = Instant::now();
        let each = started
            .into_iter()
            .flat_map(|writer| writer.join().expect("a writer"))
            .collect();
        (start.elapsed(), each)
    })
}

/// Prints one row: times of ours, of the baseline, the ratio of the medians.
fn row(name: &str, ours: &mut [Duration], base: &mut [Duration], bar: &str) {
    let (ours, base) = (summary(ours), summary(base));
    let ratio = ours[1] / base[1];
    println!(
        "{name:<34} {:>8.2} {:>8.2} {:>8.2}   {:>8.2} {:>8.2} {:>8.2}   {ratio:>5.2}  {bar}",
        ours[0], ours[1], ours[2], base[0], base[1], base[2]
    );
}

/// Minimum, median and 95th percentile in milliseconds.
fn summary(times: &mut [Duration]) -> [f64; 3] {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    [at(0), at(50), at(95)]
}

/// A repository of its own, with no configuration but its own.
struct Repo {
    dir: tempfile::TempDir,
}

impl Repo {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let repo = Repo { dir };
        std::fs::create_dir(repo.path()).expect("a fresh directory");
        repo.git(&["init", "-q", "-b", "main"]);
        repo.git(&["commit", "-q", "--allow-empty", "-m", "Start"]);
        repo
    }

    /// One that is set up, with a commit of so many files in folders and a `.gitignore`.
    fn with_files(count: usize, text: impl Fn(usize) -> String) -> Self {
        let repo = Repo::new();
        repo.set_up();
        for name in ["gc.auto", "maintenance.auto"] {
            repo.git(&["config", name, "0"]);
        }
        for n in 0..count {
            repo.write(Repo::file(n), text(n));
        }
        repo.write(".gitignore", "node_modules/\n");
        repo.git(&["add", "."]);
        repo.git(&["commit", "-qm", "base"]);
        repo.git(&["repack", "-adq"]);
        repo
    }

    /// The name of such a file.
    fn file(n: usize) -> String {
        format!("d{}/some/path/file{n}.txt", n % 100)
    }

    fn write(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(path, bytes).expect("a file");
    }

    /// Makes the index of a worktree younger than its files, as it is wherever somebody works: every look at one that is as old
    /// reads them all.
    fn settle(&self, tree: &Path) {
        let tree = tree.display().to_string();
        let index = self.git(&[
            "-C",
            &tree,
            "rev-parse",
            "--path-format=absolute",
            "--git-path",
            "index",
        ]);
        self.git(&[
            "-C",
            &tree,
            "update-index",
            "-q",
            "--refresh",
            "--really-refresh",
            "--unmerged",
            "--ignore-missing",
            "--",
            ".gitignore",
        ]);
        let file = std::fs::File::options().write(true).open(index);
        let later = std::time::SystemTime::now() + Duration::from_secs(5);
        file.expect("the index")
            .set_modified(later)
            .expect("a time");
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("repo")
    }

    fn command(&self, program: impl AsRef<Path>, args: &[&str]) -> Command {
        let mut command = Command::new(program.as_ref());
        command.args(args).current_dir(self.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.dir.path());
        for name in ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"] {
            command.env(name, "/dev/null");
        }
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "Bench");
            command.env(format!("GIT_{role}_EMAIL"), "bench@example.com");
        }
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        command
    }

    fn git(&self, args: &[&str]) -> String {
        said(&mut self.command("git", args))
    }

    /// Runs a command as a session and returns how long it took.
    fn timed(&self, program: &str, args: &[&str], session: &str) -> Duration {
        let mut command = self.command(program, args);
        command.env("CCC_SESSION", session);
        let start = Instant::now();
        said(&mut command);
        start.elapsed()
    }

    /// Makes it ready for `git ccc`.
    fn set_up(&self) {
        said(&mut self.command(BINARY, &["init", "-q"]));
    }

    /// Registers a session whose process is this bench.
    fn session(&self, name: &str) -> String {
        let pid = std::process::id().to_string();
        let args = ["session", "start", "--name", name, "--pid", &pid, "-q"];
        said(&mut self.command(BINARY, &args))
    }
}

/// Runs to the end and returns what was printed; a failure ends the bench, for its figure would be wrong.
fn said(command: &mut Command) -> String {
    let out = command.output().expect("it starts");
    let err = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{command:?} failed: {err}");
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}
