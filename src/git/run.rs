//! git as a child: a scrubbed environment, a fixed locale, machine formats only.
//!
//! Variables that would point git at another repository or index are taken
//! away; identity and `-c` settings of the user stay. Reads do not take the
//! optional index lock, so that looking never blocks a sibling's commit.

use crate::{
    error::{Error, Kind, Result},
    git::Repo,
    proc::{Cmd, Output},
};
use std::path::Path;

/// What `git rev-parse --local-env-vars` lists, less the `-c` settings, which belong to the user's call.
const REPOSITORY_VARS: &[&str] = &[
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// Returns a program that no variable points at a repository: what git it runs looks where it stands.
pub fn unpointed(program: &str) -> Cmd {
    REPOSITORY_VARS.iter().fold(Cmd::new(program), Cmd::without)
}

/// Returns git without any repository, to be pointed at one by the caller.
pub fn bare() -> Cmd {
    unpointed("git").env("LC_ALL", "C").env("LANGUAGE", "C")
}

/// Returns git as the user would run it in `dir`: in their language, on their terminal.
pub fn speaking(repo: &Repo, dir: &Path) -> Cmd {
    let cmd = REPOSITORY_VARS
        .iter()
        .fold(Cmd::new("git"), Cmd::without)
        .dir(dir);
    let found_there = repo
        .worktree()
        .is_some_and(|root| dir.starts_with(root) && root.join(".git").exists());
    if found_there {
        return cmd;
    }
    let cmd = cmd.arg("--git-dir").arg(repo.git_dir());
    match repo.worktree() {
        Some(root) => cmd.arg("--work-tree").arg(root),
        None => cmd,
    }
}

/// Returns git in `dir`, for what must be discovered there.
pub fn at(dir: &Path) -> Cmd {
    bare().dir(dir)
}

/// Returns git on this repository's git directory and, if it has one, from its worktree's root.
pub fn on(repo: &Repo) -> Cmd {
    let mut cmd = bare().arg("--git-dir").arg(repo.git_dir());
    if let Some(root) = repo.worktree() {
        cmd = cmd.arg("--work-tree").arg(root).dir(root);
    }
    cmd
}

/// As [`on`], for commands that only look.
pub fn read(repo: &Repo) -> Cmd {
    on(repo).env("GIT_OPTIONAL_LOCKS", "0")
}

/// Runs `cmd` and turns a non-zero exit into an error that shows what git said.
pub fn checked(cmd: Cmd, doing: &str) -> Result<Output> {
    let out = cmd.run()?;
    if out.ok() {
        Ok(out)
    } else {
        Err(failure(doing, &out))
    }
}

/// What git says of a repository that is none and of a disk that takes nothing.
const AROUND: &[&str] = &[
    "not a git repository",
    "dubious ownership",
    "bad object",
    "unable to read",
    "Permission denied",
    "Read-only file system",
    "No space left",
    "File too large",
    "Disk quota",
];

/// Returns the error for a git that failed: what was being done, the exit, its words.
pub fn failure(doing: &str, out: &Output) -> Error {
    let code = crate::proc::exit_code(out.status);
    let text = out.stderr_text();
    // A repository or a machine that is not as it must be is no defect of ours.
    let around = AROUND.iter().any(|words| text.contains(words));
    let kind = if around { Kind::Setup } else { Kind::Internal };
    let mut error = Error::new(kind, format!("git could not {doing} (exit {code})"));
    for line in text.lines().take(6) {
        error = error.because(crate::base::text::one_line(line, 300));
    }
    error
}
