//! `git ccc worktree adopt`: a worktree or clone that somebody has made by hand, or an agent by itself.

use super::{AdoptArgs, new};
use crate::{
    base::text::{one_line, shell},
    ctx::Ctx,
    error::{Error, Result},
    features::{
        template::store::{self as templates, Found},
        worktree::{
            model::LOCKED,
            store::{
                base,
                command::{self, Moment, Place},
                copy::{self, Brought, Tell},
                equip::{self, Wish},
                include::{self, Said},
                making, record,
            },
            view::Made,
        },
    },
    git::{
        Repo, log,
        worktrees::{self, Worktree},
    },
    ui::progress::Progress,
};
use std::path::{Path, PathBuf};

pub(super) fn run(ctx: &Ctx, args: &AdoptArgs, agents: &dyn Fn(&Ctx) -> Result<()>) -> Result<()> {
    let (home, tree) = meant(ctx, args)?;
    let old = record::load(&tree.git_dir)?;
    let template = args
        .template
        .clone()
        .or_else(|| old.as_ref().and_then(|old| old.template.clone()));
    let found = template
        .as_ref()
        .map(|name| templates::find(&home, name))
        .transpose()?;
    let first = Repo::open(home.repo()?.common_dir())?;
    let root = first.worktree().unwrap_or(&tree.path).to_owned();
    let foreign = include::foreign(&home, &root);
    let brought = bring(ctx, &first, &tree, found.as_ref(), &foreign)?;
    let there = home.in_repo(Repo::open(&tree.git_dir)?)?;
    let branch = there.repo()?.branch();
    let name = old.as_ref().map(|old| old.name.clone());
    let wish = Wish {
        name: name
            .or_else(|| branch.clone())
            .unwrap_or_else(|| tree.name.clone()),
        found: found.as_ref(),
        task: args.task.as_ref().map(|task| one_line(task, 400)),
        labels: args.labels.iter().cloned().collect(),
        base: began(&there)?,
        branch_made: false,
    };
    let equipped = equip::equip(&there, &tree, &wish, agents)?;
    let steps = command::steps(&root, found.as_ref(), &foreign, Moment::Setup);
    let place = Place {
        path: &tree.path,
        root: &root,
        record: &equipped.record,
    };
    let outcome = if args.run {
        command::run(&home, place, &steps)?
    } else {
        command::Outcome::default()
    };
    let path = tree.path.display().to_string();
    let mut left = equipped.left;
    left.extend(
        brought
            .left_out
            .iter()
            .map(|(path, why)| format!("{path}: {why}")),
    );
    let mut made = Made::new(
        (&equipped.record, &equipped.session),
        path.clone(),
        branch,
        (None, new::shown(brought), equipped.written),
        (equipped.brief, equipped.brief_path),
    );
    made.left = left;
    new::said(&mut made, &outcome);
    ctx.ui.answer(&made)?;
    new::result(outcome.failed().cloned(), &path)
}

/// Finds the repository and the worktree that are meant; one that is not set up is refused.
fn meant(ctx: &Ctx, args: &AdoptArgs) -> Result<(Ctx, Worktree)> {
    let path = args.path.clone().unwrap_or_else(|| PathBuf::from("."));
    let path = ctx.cwd().join(path);
    let path = path.canonicalize().unwrap_or(path);
    let (home, tree) = find(ctx, &path)?;
    let home = ctx.in_repo(home)?;
    log::tip(home.repo()?).map_err(|error| {
        let path = shell(&path.display().to_string());
        Error {
            hints: Vec::new(),
            ..error
        }
        .hint(format!("git -C {path} ccc init"))
    })?;
    Ok((home, tree))
}

/// Brings along what the worktree lacks.
fn bring(
    ctx: &Ctx,
    first: &Repo,
    tree: &Worktree,
    found: Option<&Found>,
    foreign: &[Said],
) -> Result<Brought> {
    let (Some(root), false) = (first.worktree(), tree.is_main) else {
        return Ok(Brought::default());
    };
    let items = new::items(first, found, foreign)?;
    let progress = Progress::new(&ctx.ui, "copying");
    let tell = progress.teller();
    let tell = tell.as_ref().map(|tell| tell as &Tell<'_>);
    let brought = copy::bring(root, &tree.path, &items, tell);
    progress.end();
    Ok(lacking(brought?))
}

/// What is there already is not lacking.
fn lacking(mut brought: Brought) -> Brought {
    let there = std::io::Error::from_raw_os_error(rustix::io::Errno::EXIST.raw_os_error());
    let there = there.to_string();
    brought
        .left_out
        .retain(|(_, why)| *why != there && *why != copy::THERE);
    brought
}

/// Where the branch left main: that is what it began from.
fn began(ctx: &Ctx) -> Result<Option<(String, String)>> {
    let repo = ctx.repo()?;
    let (Some((name, target)), Some(head)) =
        (base::newest(repo)?, crate::git::refs::find(repo, "HEAD")?)
    else {
        return Ok(None);
    };
    let base = worktrees::merge_base(repo, head, target)?;
    Ok(base.map(|base| (base::short(&name).to_owned(), base.to_string())))
}

/// Finds the worktree at a path, of this repository or of another one, also one that was moved by hand.
fn find(ctx: &Ctx, path: &Path) -> Result<(Repo, Worktree)> {
    let shown = one_line(&path.display().to_string(), 300);
    let none = || {
        Error::no(format!("{shown} is the root of no worktree"))
            .hint("git ccc worktree list")
            .hint(format!(
                "git -C {} rev-parse --show-toplevel",
                shell(&shown)
            ))
    };
    let repo = ctx.repo()?;
    let trees = worktrees::list(repo)?;
    if let Some(tree) = trees.iter().find(|tree| tree.path == path) {
        if !tree.present {
            return Err(Error::no(format!("the files of {shown} are not there"))
                .hint("git ccc worktree list"));
        }
        // One whose maker is gone is whole by now.
        let busy = making::all(repo).iter().any(|making| making.path == path);
        if !busy && tree.locked.as_deref() == Some(LOCKED) {
            worktrees::unlock(tree)?;
        }
        return Ok((Repo::open(repo.common_dir())?, tree.clone()));
    }
    let moved = trees
        .iter()
        .filter(|tree| !tree.present && !tree.is_main)
        .find(|tree| worktrees::is_of(path, tree));
    if let Some(tree) = moved {
        worktrees::moved(repo, tree, path)?;
        let tree = worktrees::at(repo, path)?.ok_or_else(none)?;
        return Ok((Repo::open(repo.common_dir())?, tree));
    }
    let other = worktrees::repo_at(path).map_err(|_| none())?;
    if other.worktree() != Some(path) {
        return Err(none());
    }
    let home = Repo::open(other.common_dir())?;
    let tree = worktrees::at(&home, path)?.ok_or_else(none)?;
    Ok((home, tree))
}
