//! Strict enforcement: judges every move of a branch, whoever makes it, when git has prepared it.
//!
//! Judged are the paths of the commits that the branch gains and that no branch here and no remote has yet, and, when
//! it goes back to an ancestor, the paths it loses. So plumbing is stopped, while fast-forwards to what others have
//! committed and rebases onto it are not.

use super::guard;
use crate::{
    ctx::Ctx,
    error::Result,
    git::{Oid, Repo, changes, refs, run, trees},
    settings::Enforce,
};
use gix::bstr::BString;

/// Most branches of one transaction that are looked at; a mirror's fetch moves thousands.
const MAX_BRANCHES: usize = 64;

/// Judges a prepared transaction: lines of `<old> <new> <ref>`.
pub fn prepared(ctx: &Ctx, lines: &str) -> Result<()> {
    let moves: Vec<(Oid, &str)> = lines.lines().filter_map(branch).collect();
    if moves.is_empty() || guard::policy(ctx)?.enforce() != Enforce::Strict {
        return Ok(());
    }
    guard::judge(ctx, |repo| {
        let mut paths = Vec::new();
        for (new, name) in moves.into_iter().take(MAX_BRANCHES) {
            // The old id of the line is null when the caller did not say; the ref itself still has it.
            paths.extend(gained(repo, new)?);
            if let Some(old) = refs::find(repo, name)? {
                paths.extend(lost(repo, old, new)?);
            }
        }
        paths.sort();
        paths.dedup();
        Ok(paths)
    })
}

/// Reads a line that sets a branch.
fn branch(line: &str) -> Option<(Oid, &str)> {
    let mut words = line.splitn(3, ' ');
    let (_, new, name) = (words.next()?, words.next()?, words.next()?);
    let new = Oid::from_hex(new.as_bytes()).ok()?;
    (name.starts_with("refs/heads/") && !new.is_null()).then_some((new, name))
}

/// The paths of the commits that nothing has yet.
fn gained(repo: &Repo, new: Oid) -> Result<Vec<BString>> {
    let cmd = run::read(repo)
        .args([
            "log",
            "-z",
            "--format=",
            "--name-only",
            "--no-renames",
            "--diff-merges=combined",
        ])
        .arg(new.to_string())
        .args(["--not", "--branches", "--remotes", "--"]);
    let out = run::checked(cmd, "list the new commits")?;
    Ok(out
        .stdout
        .split(|byte| matches!(byte, 0 | b'\n'))
        .filter(|path| !path.is_empty())
        .map(BString::from)
        .collect())
}

/// The paths that differ when a branch goes back to one of its ancestors.
fn lost(repo: &Repo, old: Oid, new: Oid) -> Result<Vec<BString>> {
    let cmd = run::read(repo).args(["merge-base", "--is-ancestor"]);
    let back = cmd.arg(new.to_string()).arg(old.to_string()).run()?;
    if old == new || !back.ok() {
        return Ok(Vec::new());
    }
    let (old, new) = (trees::of(repo, old)?, trees::of(repo, new)?);
    changes::between(repo, Some(old), Some(new))
}
