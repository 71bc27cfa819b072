//! Which hooks git would run, and whether they are ours.

use crate::git::Repo;
use std::path::{Path, PathBuf};

/// How the second line of every shim of ours begins.
const STAMP: &str = "# git-ccc hook ";

/// Returns the directory in force, as `git rev-parse --git-path hooks` does.
pub fn dir(repo: &Repo) -> PathBuf {
    let set = repo
        .gix()
        .config_snapshot()
        .trusted_path("core.hooksPath")
        .ok()
        .flatten();
    match set {
        // A relative one counts from where git runs hooks: the worktree's root.
        Some(path) => repo.worktree().unwrap_or(repo.git_dir()).join(path),
        None => repo.common_dir().join("hooks"),
    }
}

/// Tells whether any of `names` would run something that is not ours.
pub fn any_foreign(repo: &Repo, names: &[&str]) -> bool {
    let dir = dir(repo);
    names.iter().any(|name| is_foreign(repo, &dir, name)) || has_foreign_config_hook(repo)
}

fn is_foreign(repo: &Repo, dir: &Path, name: &str) -> bool {
    let path = dir.join(name);
    if !is_executable(&path) {
        return false;
    }
    match std::fs::read_to_string(&path) {
        Ok(text)
            if text
                .lines()
                .nth(1)
                .is_some_and(|line| line.starts_with(STAMP)) =>
        {
            chained(&text).is_none_or(|next| {
                is_executable(&repo.worktree().unwrap_or(dir).join(resolve(dir, &next)))
            })
        }
        _ => true,
    }
}

/// Returns what a shim passes on to, as it is written there.
fn chained(shim: &str) -> Option<String> {
    let (_, rest) = shim.split_once(" chained=")?;
    Some(
        rest.lines()
            .next()?
            .trim_matches('\'')
            .replace(r"'\''", "'"),
    )
}

fn resolve(dir: &Path, chained: &str) -> PathBuf {
    match chained.strip_prefix("${0%/*}/") {
        Some(beside) => dir.join(beside),
        None => PathBuf::from(chained),
    }
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Config hooks (git 2.54) are `hook.<name>.command`; ours are named `ccc-…`.
fn has_foreign_config_hook(repo: &Repo) -> bool {
    let config = repo.gix().config_snapshot();
    let sections = config.plumbing().sections_by_name("hook");
    sections.into_iter().flatten().any(|section| {
        let name = section.header().subsection_name();
        name.is_some_and(|name| !name.starts_with(b"ccc-"))
            && section.contains_value_name("command")
    })
}
