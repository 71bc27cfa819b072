//! What may be lost with a worktree: commits that nothing else has, work that nothing has, an act in the middle.

use crate::{
    error::Result,
    git::{Oid, Repo, run, trees, worktrees},
};
use std::path::Path;

/// What git is in the middle of, in a worktree's own directory.
const ACTS: &[(&str, &str)] = &[
    ("MERGE_HEAD", "a merge"),
    ("rebase-merge", "a rebase"),
    ("rebase-apply", "a rebase or am"),
    ("CHERRY_PICK_HEAD", "a cherry-pick"),
    ("REVERT_HEAD", "a revert"),
    ("BISECT_LOG", "a bisection"),
];

/// Returns what git is in the middle of there.
pub fn act(git_dir: &Path) -> Option<&'static str> {
    let found = ACTS.iter().find(|(file, _)| git_dir.join(file).exists());
    found.map(|(_, words)| *words)
}

/// How the content of a commit stands to where work goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landed {
    /// The target has the commit itself.
    Merged,
    /// The target has all that it changes, under other commits.
    Squashed,
    /// The target lacks so many of its commits.
    Not(u32),
}

/// Decides whether the target has what a commit brings: by ancestry, by what a merge of it would change, by its patch.
pub fn landed(repo: &Repo, head: Oid, target: Oid) -> Result<Landed> {
    let (ahead, _) = worktrees::apart(repo, head, target)?;
    if ahead == 0 {
        return Ok(Landed::Merged);
    }
    let tree = trees::of(repo, target)?;
    if worktrees::merged_tree(repo, target, head)?.clean() == Some(tree)
        || is_patch_of(repo, head, target)?
    {
        return Ok(Landed::Squashed);
    }
    Ok(Landed::Not(ahead))
}

/// Tells whether one commit of the target has the whole change, whatever was changed on top of it since.
fn is_patch_of(repo: &Repo, head: Oid, target: Oid) -> Result<bool> {
    let Some(base) = worktrees::merge_base(repo, head, target)? else {
        return Ok(false);
    };
    let plain = ["--no-color", "--no-ext-diff", "--no-textconv", "-p"];
    let whole = run::read(repo)
        .args(["diff-tree", "-r"])
        .args(plain)
        .args([base.to_string(), head.to_string()]);
    let whole = patch_ids(repo, run::checked(whole, "compare commits")?.stdout)?;
    let Some(wanted) = whole.first() else {
        return Ok(true);
    };
    let log = run::read(repo)
        .args(["log", "--no-merges", "--max-count=500"])
        .args(plain)
        .arg(format!("{base}..{target}"));
    let log = patch_ids(repo, run::checked(log, "read commits")?.stdout)?;
    Ok(log.contains(wanted))
}

fn patch_ids(repo: &Repo, patches: Vec<u8>) -> Result<Vec<String>> {
    let cmd = run::read(repo)
        .args(["patch-id", "--stable"])
        .input(patches);
    let out = run::checked(cmd, "name the patches")?.stdout_text();
    let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
    Ok(out.lines().filter_map(first).collect())
}

/// Tells whether a branch, tag or remote has a commit, so that it stays when a HEAD that names it goes.
pub fn is_kept(repo: &Repo, commit: Oid) -> Result<bool> {
    let cmd = run::read(repo)
        .args(["for-each-ref", "--count=1", "--format=x", "--contains"])
        .arg(commit.to_string())
        .args(["refs/heads", "refs/remotes", "refs/tags"]);
    Ok(!run::checked(cmd, "look for a branch")?.stdout.is_empty())
}
