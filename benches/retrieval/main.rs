//! How well and how fast search finds, on the development split of the retrieval kit.
//!
//! `CCC_RETRIEVAL=DIR cargo bench --bench retrieval -- [rank] [speed] [why]`, where `DIR` holds what the kit makes: `home/`,
//! `t1.json` (commit subject → sessions), `t2.json` (line → sessions) and `runs/` with the baselines' answers. `why` needs
//! `CCC_RETRIEVAL_REPO`, the git directory that the kit was made from; `big`, only if it is named, makes a corpus of `CCC_BIG` MB
//! (5,000) out of the kit's. Nothing of it is kept or printed but figures.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench starts processes, reads the time and prints"
)]

mod big;
mod keys;
mod score;
mod speed;
mod why;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The binary under test.
const BINARY: &str = env!("CARGO_BIN_EXE_git-ccc");

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let Some(dir) = std::env::var_os("CCC_RETRIEVAL").map(PathBuf::from) else {
        println!("CCC_RETRIEVAL names no directory of the retrieval kit: nothing is measured");
        return;
    };
    if wanted.iter().any(|word| word == "keys-inside") {
        return keys::inside(&dir);
    }
    if wanted.iter().any(|word| word == "big") {
        return big::run(&dir);
    }
    let all = wanted.is_empty();
    if all || wanted.iter().any(|word| word == "rank") {
        score::run(&dir);
    }
    if all || wanted.iter().any(|word| word == "speed") {
        speed::run(&dir);
    }
    if all || wanted.iter().any(|word| word == "why") {
        match std::env::var_os("CCC_RETRIEVAL_REPO").map(PathBuf::from) {
            Some(repo) => why::run(&dir, &repo),
            None => println!("CCC_RETRIEVAL_REPO names no git directory: why is not measured"),
        }
    }
}

/// A home of its own, whose transcripts are those of the kit, and an index of its own.
struct World {
    home: tempfile::TempDir,
}

impl World {
    /// A home without a transcript.
    fn empty() -> Self {
        World {
            home: tempfile::tempdir().expect("a temporary directory"),
        }
    }

    fn new(kit: &Path) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let projects = home.path().join(".claude/projects");
        std::fs::create_dir_all(&projects).expect("a fresh directory");
        let inside = std::fs::canonicalize(kit.join("home/.claude/projects"))
            .expect("the kit has transcripts");
        std::os::unix::fs::symlink(inside, projects.join("kit")).expect("a fresh name");
        World { home }
    }

    fn path(&self) -> &Path {
        self.home.path()
    }

    fn ccc(&self, args: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(args).current_dir(self.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.path());
        command.stdin(Stdio::null()).stderr(Stdio::null());
        command
    }
}
