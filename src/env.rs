//! Every environment variable that is read, and the only place that reads one.
//!
//! `CCC_TEST_*` are the product's only test seams: they pin the clock and the
//! dice so that object ids can stand in snapshots.

use std::{ffi::OsString, path::PathBuf};

/// The session to act as.
pub const SESSION: &str = "CCC_SESSION";
/// The long-lived process that stands for the session.
pub const PID: &str = "CCC_PID";
/// A reason that lets one commit pass a claim held by another; recorded in the log.
pub const OVERRIDE: &str = "CCC_OVERRIDE";
/// Set in children so that our own hooks stay out of our own commits.
pub const INTERNAL_LANE: &str = "CCC_INTERNAL_LANE";
/// A file to which every hook that runs adds its name, and does nothing else: how doctor sees that hooks run.
pub const PROBE: &str = "CCC_PROBE";
/// The index that git tells its hooks to look at.
pub const INDEX_FILE: &str = "GIT_INDEX_FILE";
/// The repository that git tells its hooks to look at.
pub const GIT_DIR: &str = "GIT_DIR";
/// Its worktree.
pub const GIT_WORK_TREE: &str = "GIT_WORK_TREE";
/// Where Claude Code keeps the user's settings, if not in `~/.claude`.
pub const CLAUDE_DIR: &str = "CLAUDE_CONFIG_DIR";
/// Where Codex keeps the user's settings, if not in `~/.codex`.
pub const CODEX_DIR: &str = "CODEX_HOME";
/// Pins the clock (RFC 3339).
pub const TEST_NOW: &str = "CCC_TEST_NOW";
/// Pins the ids.
pub const TEST_SEED: &str = "CCC_TEST_SEED";
/// Writes the index of search as if there were much of it, and commits after so many bytes of text.
pub const TEST_INDEX_STEP: &str = "CCC_TEST_INDEX_STEP";
/// From how many bytes on glibc gives a freed block back to the system (`mallopt(3)`).
pub const HEAP: &str = "MALLOC_MMAP_THRESHOLD_";
/// Home of the user.
pub const HOME: &str = "HOME";
/// Where agents say which conversation is speaking, most specific first: (variable, agent).
pub const AGENT_IDS: &[(&str, &str)] = &[
    ("CLAUDE_CODE_SESSION_ID", "claude"),
    ("CODEX_THREAD_ID", "codex"),
];
/// Where agents say which process they are.
pub const AGENT_PIDS: &[&str] = &["CLAUDE_PID"];

/// Where Claude Code says what it runs in: `cli` is a terminal.
pub const CLAUDE_ENTRYPOINT: &str = "CLAUDE_CODE_ENTRYPOINT";
/// Where Claude Code says whether a person is there: `0` is nobody.
pub const CLAUDE_ATTENDED: &str = "CLAUDE_CODE_SESSION_ATTENDED";

/// Returns a variable's value if it is set, not empty and valid Unicode.
#[expect(
    clippy::disallowed_methods,
    reason = "the one reader of the environment"
)]
pub fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns a variable's raw value if it is set and not empty.
#[expect(
    clippy::disallowed_methods,
    reason = "the one reader of the environment"
)]
pub fn var_os(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Returns the `CCC_*` variables, for settings.
#[expect(
    clippy::disallowed_methods,
    reason = "the one reader of the environment"
)]
pub fn ccc_vars() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("CCC_"))
        .collect()
}

/// Returns the working directory.
#[expect(
    clippy::disallowed_methods,
    reason = "the one reader of the working directory"
)]
pub fn cwd() -> std::io::Result<PathBuf> {
    std::env::current_dir()
}

/// Returns the user's home directory.
pub fn home() -> Option<PathBuf> {
    var_os(HOME).map(PathBuf::from)
}

/// Returns the directory for state that must outlive a cache sweep (`$XDG_STATE_HOME/git-ccc`).
pub fn state_dir() -> Option<PathBuf> {
    xdg("XDG_STATE_HOME", ".local/state")
}

/// Returns the directory for what can be made again (`$XDG_CACHE_HOME/git-ccc`).
pub fn cache_dir() -> Option<PathBuf> {
    xdg("XDG_CACHE_HOME", ".cache")
}

/// Returns the directory of every program's settings (`$XDG_CONFIG_HOME`), if it is set.
pub fn config_home() -> Option<PathBuf> {
    var_os("XDG_CONFIG_HOME").map(PathBuf::from)
}

/// Returns after how many bytes of text the index of search is committed in a test.
pub fn index_step() -> Option<usize> {
    var(TEST_INDEX_STEP)?.parse().ok()
}

/// Returns the key of a server of embeddings, as programs that talk to one expect it.
pub fn embedder_key() -> Option<String> {
    var("OPENAI_API_KEY").filter(|key| !key.is_empty())
}

/// Returns the editor to open files in.
pub fn editor() -> Option<String> {
    var("VISUAL").or_else(|| var("EDITOR"))
}

/// Returns the directory of the user's own settings (`$XDG_CONFIG_HOME/git-ccc`).
pub fn config_dir() -> Option<PathBuf> {
    xdg("XDG_CONFIG_HOME", ".config")
}

/// Returns this program's file, and the arguments that it was started with.
pub fn invocation() -> std::io::Result<(PathBuf, Vec<OsString>)> {
    Ok((
        std::env::current_exe()?,
        std::env::args_os().skip(1).collect(),
    ))
}

/// Returns the directories that programs are looked for in (`$PATH`).
pub fn programs() -> Vec<PathBuf> {
    let path = var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).collect()
}

/// Returns the user's data directory (`$XDG_DATA_HOME`), where man pages and completions go.
pub fn data_home() -> Option<PathBuf> {
    var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(home()?.join(".local/share")))
}

fn xdg(name: &str, fallback: &str) -> Option<PathBuf> {
    let base = match var_os(name).map(PathBuf::from) {
        // The XDG base directory specification: a relative path is invalid and is ignored.
        Some(path) if path.is_absolute() => path,
        _ => home()?.join(fallback),
    };
    Some(base.join("git-ccc"))
}
