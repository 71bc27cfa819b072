//! Which hooks git would run, and whether they are ours.

use crate::git::Repo;
use gix::bstr::ByteSlice;
use std::path::{Path, PathBuf};

/// What every shim of ours says about itself in its second line.
pub const STAMP: &str = "git-ccc hook shim";
/// What a hook that stood there before us is called beside our shim.
pub const CHAINED: &str = "ccc-chained";

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
    names.iter().any(|name| is_foreign(&dir, name)) || has_foreign_config_hook(repo)
}

fn is_foreign(dir: &Path, name: &str) -> bool {
    let path = dir.join(name);
    if !is_executable(&path) {
        return false;
    }
    dir.join(format!("{name}.{CHAINED}")).exists()
        || !std::fs::read(&path).is_ok_and(|text| text.contains_str(STAMP))
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
