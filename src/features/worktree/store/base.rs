//! What a new worktree begins from, and how fresh that is.

use crate::{
    base::text::{one_line, shell},
    ctx::Ctx,
    error::{Error, Result},
    git::{Oid, Repo, refs, run, worktrees},
};

/// What a worktree begins from.
#[derive(Clone, Debug)]
pub struct Base {
    /// As people call it.
    pub name: String,
    /// The commit.
    pub commit: Oid,
    /// What it is compared with: what is newest of the branch that work goes to.
    pub target: String,
    /// How many commits that has which it lacks.
    pub behind: u32,
}

/// A ref as people call it.
pub fn short(name: &str) -> &str {
    ["refs/heads/", "refs/remotes/", "refs/tags/"]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name)
}

/// The branch that work goes to as it is newest: the remote's, unless the local one has all of it and more.
pub fn newest(repo: &Repo) -> Result<Option<(String, Oid)>> {
    let Some(target) = worktrees::target(repo)? else {
        return Ok(None);
    };
    let Some(commit) = refs::find(repo, &target)? else {
        return Ok(None);
    };
    let local = target
        .strip_prefix("refs/remotes/")
        .and_then(|rest| rest.split_once('/'))
        .map(|(_, branch)| format!("refs/heads/{branch}"));
    if let Some(local) = local
        && let Some(own) = refs::find(repo, &local)?
        && worktrees::apart(repo, own, commit)?.1 == 0
    {
        return Ok(Some((local, own)));
    }
    Ok(Some((target, commit)))
}

/// Finds what to begin from; one that is further behind than policy allows is refused. `again` asks for the same with no base.
pub fn choose(ctx: &Ctx, from: Option<&str>, again: &str) -> Result<Base> {
    let repo = ctx.repo()?;
    let newest = newest(repo)?;
    let unborn = || {
        Error::no("this repository has no commit to begin from")
            .hint("git commit --allow-empty -m Start")
    };
    let (name, commit) = if let Some(name) = from {
        let found = worktrees::commit(repo, name)?.ok_or_else(|| {
            Error::usage(format!("{} names no commit", one_line(name, 100)))
                .hint("git branch --all")
        })?;
        (name.to_owned(), found)
    } else {
        let (name, commit) = newest.clone().ok_or_else(unborn)?;
        (short(&name).to_owned(), commit)
    };
    let (target, tip) = newest.unwrap_or_else(|| (name.clone(), commit));
    let behind = worktrees::apart(repo, commit, tip)?.1;
    let target = short(&target).to_owned();
    if let Some(most) = ctx.settings()?.worktree_max_behind()
        && behind > most
    {
        return Err(Error::no(format!(
            "{} is {behind} commits behind {}",
            one_line(&name, 100),
            one_line(&target, 100)
        ))
        .because(format!("worktree.max_behind allows {most}"))
        .hint(format!("{again} --from {}", shell(&target))));
    }
    Ok(Base {
        name,
        commit,
        target,
        behind,
    })
}

/// Fetches what is newest of the remote that main is of, without touching what other commands share.
pub fn fetch(ctx: &Ctx) -> Result<()> {
    let repo = ctx.repo()?;
    let remote = repo
        .config("checkout.defaultRemote")
        .unwrap_or_else(|| "origin".to_owned());
    // A name that is no configured remote would be a path, and a repository there brings its own hooks.
    if repo.config(&format!("remote.{remote}.url")).is_none() {
        return Ok(());
    }
    let cmd = run::on(repo).args([
        "fetch",
        "-q",
        "--no-write-fetch-head",
        "--no-tags",
        "--no-auto-maintenance",
        "--",
        &remote,
    ]);
    run::checked(cmd, "fetch").map(drop).map_err(|error| {
        let again = Error::busy(error.message);
        error
            .because
            .iter()
            .fold(again, Error::because)
            .hint("git fetch")
    })
}
