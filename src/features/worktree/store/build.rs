//! Building a worktree beside its place and moving it there when its files are whole.

use super::{
    base::Base,
    copy::{self, Brought, Tell},
    include::Item,
    making::{self, Journal},
};
use crate::{
    base::text::{one_line, shell},
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    features::worktree::model::{Act, LOCKED},
    git::{
        Repo, log,
        refs::{self, Edit, Held, Lost, Reflog},
        worktrees::{self, Worktree},
    },
};
use std::path::{Path, PathBuf};

/// What is to be built.
pub struct Plan<'a> {
    /// The name that was asked for.
    pub name: &'a str,
    /// Where.
    pub path: PathBuf,
    /// The branch.
    pub branch: String,
    /// Whether the branch is there already.
    pub existing: bool,
    /// What it begins from.
    pub base: &'a Base,
    /// What is brought along.
    pub items: &'a [Item],
    /// From where that is brought.
    pub from: &'a Path,
    /// Hears how far copying is.
    pub tell: Option<&'a Tell<'a>>,
}

/// A worktree in its place, not yet set up; its journal is open.
#[derive(Debug)]
pub struct Built {
    /// The worktree.
    pub tree: Worktree,
    /// What was brought along.
    pub brought: Brought,
    /// To be ended when it is set up.
    pub journal: Journal,
}

/// Builds a worktree; if that fails nothing is left of it.
pub fn build(ctx: &Ctx, plan: &Plan<'_>) -> Result<Built> {
    let repo = ctx.repo()?;
    let mut journal = add(ctx, plan)?;
    match fill(ctx, plan, &mut journal) {
        Ok((tree, brought)) => Ok(Built {
            tree,
            brought,
            journal,
        }),
        Err(error) => {
            let turn = making::turn(repo)?;
            if let Err(left) = journal.undo(repo) {
                ctx.ui.warn(&format!(
                    "what was made could not be taken back, so the next command does: {left}"
                ));
            }
            drop(turn);
            Err(error)
        }
    }
}

/// Reserves the place, makes the branch and lets git add the worktree, one at a time.
fn add(ctx: &Ctx, plan: &Plan<'_>) -> Result<Journal> {
    let repo = ctx.repo()?;
    let turn = making::turn(repo)?;
    making::say(ctx, &making::repair(repo, &turn)?);
    require_free(repo, plan)?;
    let mut retry = log::Retry::new(log::PATIENCE);
    loop {
        let mut journal = making::begin(ctx, Act::Make, plan.name, &plan.path)?;
        match add_once(repo, plan, &mut journal) {
            Ok(()) => return Ok(journal),
            Err(error) => {
                journal.undo(repo)?;
                // Another git, which knows nothing of turns, may have been in the way.
                let text = error.to_string();
                let held = Held { text, stuck: None };
                if retry
                    .again(Lost::Busy(held), "add the worktree", ctx.dice.roll())
                    .is_err()
                    || require_free(repo, plan).is_err()
                    || error.kind == Kind::Setup
                {
                    return Err(error);
                }
            }
        }
    }
}

fn add_once(repo: &Repo, plan: &Plan<'_>, journal: &mut Journal) -> Result<()> {
    let hidden = journal.making.hidden.clone();
    std::fs::create_dir(&hidden).context(Kind::Setup, || {
        format!("{} cannot be created", hidden.display())
    })?;
    if !plan.existing {
        journal.making.branch = Some(plan.branch.clone());
        journal.making.commit = Some(plan.base.commit.to_string());
        journal.save()?;
        let name = format!("refs/heads/{}", plan.branch);
        let said = format!("branch: Created from {}", one_line(&plan.base.name, 100));
        let edit = Edit::create(name, plan.base.commit);
        refs::transact(repo, &[edit], Reflog::Begin(&said)).map_err(|lost| {
            // It is not ours to take back.
            journal.making.branch = None;
            lost.into_error("make the branch")
        })?;
    }
    worktrees::add(repo, &journal.making.inside(), &plan.branch, LOCKED)
}

/// Refuses a place or a branch that somebody has, or is about to have.
fn require_free(repo: &Repo, plan: &Plan<'_>) -> Result<()> {
    let shown = one_line(&plan.path.display().to_string(), 300);
    let taken = |why: &str| {
        Error::no(format!("{shown} {why}"))
            .hint("git ccc worktree list")
            .hint(format!(
                "git ccc worktree new {} --path DIR",
                shell(plan.name)
            ))
    };
    if plan.path.symlink_metadata().is_ok() {
        return Err(taken("is there"));
    }
    let trees = worktrees::list(repo)?;
    if trees.iter().any(|tree| tree.path == plan.path) {
        return Err(taken("is that of a worktree whose files are missing"));
    }
    let others = making::all(repo);
    if others.iter().any(|other| other.path == plan.path) {
        return Err(taken("is just being made"));
    }
    let full = format!("refs/heads/{}", plan.branch);
    let branch = one_line(&plan.branch, 100);
    if !plan.existing && refs::find(repo, &full)?.is_some() {
        return Err(Error::no(format!("branch {branch} is there")).hint(format!(
            "git ccc worktree new {} --branch {}",
            shell(plan.name),
            shell(&plan.branch)
        )));
    }
    for tree in trees.iter().filter(|tree| tree.present) {
        let opened = Repo::open(&tree.git_dir)?;
        if plan.existing && opened.branch().as_ref() == Some(&plan.branch) {
            return Err(Error::no(format!(
                "branch {branch} is checked out in {}",
                one_line(&tree.path.display().to_string(), 300)
            ))
            .hint("git ccc worktree list"));
        }
    }
    Ok(())
}

/// Writes the files, brings along what git ignores, and moves the whole into its place.
fn fill(ctx: &Ctx, plan: &Plan<'_>, journal: &mut Journal) -> Result<(Worktree, Brought)> {
    let repo = ctx.repo()?;
    let inside = journal.making.inside();
    let missing = || Error::internal(format!("git has added no worktree at {}", inside.display()));
    let tree = worktrees::at(repo, &inside)?.ok_or_else(missing)?;
    worktrees::fill(&Repo::open(&tree.git_dir)?)?;
    let brought = copy::bring(plan.from, &inside, plan.items, plan.tell)?;
    let turn = making::turn(repo)?;
    require_place(&plan.path)?;
    let unmovable = || format!("{} cannot be moved into its place", inside.display());
    std::fs::rename(&inside, &plan.path).context(Kind::Setup, unmovable)?;
    worktrees::moved(repo, &tree, &plan.path)?;
    // It is empty by now.
    let _ = std::fs::remove_dir(&journal.making.hidden);
    let tree = worktrees::at(repo, &plan.path)?.ok_or_else(missing)?;
    drop(turn);
    Ok((tree, brought))
}

/// A rename would replace an empty directory without a word.
fn require_place(path: &Path) -> Result<()> {
    if path.symlink_metadata().is_ok() {
        let shown = one_line(&path.display().to_string(), 300);
        return Err(
            Error::no(format!("{shown} has come up meanwhile")).hint("git ccc worktree list")
        );
    }
    Ok(())
}
