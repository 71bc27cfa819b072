//! `git ccc worktree remove`.

use super::{RemoveArgs, named};
use crate::{
    base::text::{one_line, shell},
    ctx::Ctx,
    error::{Error, Result},
    features::{
        template::store as templates,
        worktree::{
            store::{
                command::{self, Moment, Place},
                include,
                keep::Landed,
                remove::{self, Kept, Looked},
            },
            view::outcome::{Removed, SnapshotView},
        },
    },
    git::Repo,
};

pub(super) fn run(ctx: &Ctx, args: &RemoveArgs) -> Result<()> {
    let tree = named(ctx, &args.worktree)?;
    let looked = remove::look(ctx, tree)?;
    if args.dry_run {
        let going = remove::going(ctx, &looked)?.filter(|_| !args.keep_branch);
        let would = Kept {
            deleted: going.map(|(branch, head)| (branch, head.to_string())),
            ..Kept::default()
        };
        return ctx.ui.answer(&answer(&looked, &would, true));
    }
    let mut kept = Kept {
        snapshot: remove::save(ctx, &looked)?,
        ..Kept::default()
    };
    teardown(ctx, &looked)?;
    // Whatever was written meanwhile is saved too.
    if let Some(again) = remove::save(ctx, &looked)? {
        kept.snapshot = Some(again);
    }
    remove::farewell(ctx, &looked, &mut kept)?;
    remove::take_away(ctx, &looked, args.keep_branch, &mut kept)?;
    ctx.ui.answer(&answer(&looked, &kept, false))
}

/// Runs what the template and other tools run at the end; one that fails stops the removal.
fn teardown(ctx: &Ctx, looked: &Looked) -> Result<()> {
    let Some(record) = &looked.record else {
        return Ok(());
    };
    if looked.missing {
        return Ok(());
    }
    let repo = ctx.repo()?;
    let first = Repo::open(repo.common_dir())?;
    let root = first.worktree().unwrap_or(&looked.tree.path);
    let found = record
        .template
        .as_ref()
        .and_then(|name| templates::find(ctx, name).ok());
    let foreign = include::foreign(ctx, root);
    let steps = command::steps(root, found.as_ref(), &foreign, Moment::Teardown);
    let place = Place {
        path: &looked.tree.path,
        root,
        record,
    };
    let outcome = command::run(ctx, place, &steps)?;
    for file in &outcome.waiting {
        ctx.ui.note(&format!(
            "did not run what {} says: git ccc trust {}",
            one_line(file, 200),
            shell(file)
        ));
    }
    match outcome.failed() {
        None => Ok(()),
        Some(ran) => Err(Error::no(format!(
            "the worktree stays: a command before its end ended with {}",
            ran.code
        ))
        .because(ran.command.clone())
        .hint("git ccc worktree list")),
    }
}

fn answer(looked: &Looked, kept: &Kept, dry_run: bool) -> Removed {
    let path = looked.tree.path.display().to_string();
    Removed {
        name: looked
            .record
            .as_ref()
            .map_or_else(|| looked.tree.name.clone(), |record| record.name.clone()),
        path,
        dry_run,
        dirty: looked.dirty,
        landed: looked.landed.map(|landed| match landed {
            Landed::Merged => "merged",
            Landed::Squashed => "squashed",
            Landed::Not(_) => "not",
        }),
        unmerged: match looked.landed {
            Some(Landed::Not(ahead)) => ahead,
            _ => 0,
        },
        target: looked.target.clone(),
        snapshot: kept.snapshot.as_ref().map(|(session, id)| SnapshotView {
            session: session.to_string(),
            snapshot: id.clone(),
        }),
        branch: looked.branch.clone(),
        branch_deleted: kept.deleted.is_some(),
        head: looked.head.map(|head| head.to_string()),
        ended: kept.ended.clone(),
        claims: kept.claims,
    }
}
