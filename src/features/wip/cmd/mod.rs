//! `git ccc wip save|list|show|restore|drop`.

mod restore;

use crate::features::wip::{
    store::{
        self, Outcome, Request,
        chain::{self, Loaded},
        restore as held,
    },
    view::{Dropped, ItemView, Saved, SnapshotDetail, SnapshotList, SnapshotView},
};
use crate::{
    base::{
        id::SessionTag,
        text::{one_line, shell},
    },
    ctx::Ctx,
    error::{Error, Result},
    features::session::{logic::Life, store as sessions},
    git::run,
};
use clap::{Args, Subcommand};

/// What can be done with snapshots of uncommitted work.
#[derive(Debug, Subcommand)]
pub enum WipCommand {
    /// Save what is uncommitted here: changed, staged and not tracked; no file and no index is touched
    Save(SaveArgs),
    /// List this session's snapshots, the newest first
    List(ListArgs),
    /// Show what a snapshot holds (default: the newest)
    Show(ShowArgs),
    /// Give back what is lost; what is there now is saved first
    Restore(restore::RestoreArgs),
    /// Let go of snapshots
    Drop(DropArgs),
}

/// Arguments of `wip save`.
#[derive(Debug, Args)]
pub struct SaveArgs {
    /// What it is saved for
    #[arg(long, short = 'm', value_name = "TEXT")]
    message: Option<String>,
    /// With the files that git ignores
    #[arg(long)]
    ignored: bool,
}

/// Arguments of `wip list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Those of every session, also of those that have ended
    #[arg(long)]
    all: bool,
    /// Those of this session (tag)
    #[arg(long, value_name = "TAG")]
    of: Option<SessionTag>,
}

/// Arguments of `wip show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Name of a snapshot, or its commit
    snapshot: Option<String>,
    /// Of this session (tag)
    #[arg(long, value_name = "TAG")]
    of: Option<SessionTag>,
    /// Show the changes, as git does
    #[arg(long, short = 'p')]
    patch: bool,
}

/// Arguments of `wip drop`.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct DropArgs {
    /// Names of snapshots
    snapshots: Vec<String>,
    /// All of the session's
    #[arg(long, conflicts_with = "snapshots")]
    all: bool,
    /// Of this session (tag), if it is gone
    #[arg(long, value_name = "TAG")]
    of: Option<SessionTag>,
}

/// Runs `wip …`.
pub fn run(ctx: &Ctx, command: &WipCommand) -> Result<()> {
    match command {
        WipCommand::Save(args) => save(ctx, args),
        WipCommand::List(args) => list(ctx, args),
        WipCommand::Show(args) => show(ctx, args),
        WipCommand::Restore(args) => restore::run(ctx, args),
        WipCommand::Drop(args) => drop_command(ctx, args),
    }
}

fn save(ctx: &Ctx, args: &SaveArgs) -> Result<()> {
    let tag = sessions::current(ctx)?.tag;
    let why = args.message.as_deref().unwrap_or("save");
    let request = Request {
        why: &one_line(why, 200),
        ignored: if args.ignored { u64::MAX } else { 0 },
        keeps: &[],
    };
    let taken = store::save(ctx, &tag, request)?;
    let (left_out, left_out_more) = taken.left_out();
    let (saved, snapshot) = match &taken.outcome {
        Outcome::Clean => (false, None),
        Outcome::Same(one) => (false, Some(SnapshotView::new(&one.entry))),
        Outcome::Saved(one) => (true, Some(SnapshotView::new(&one.entry))),
    };
    ctx.ui.answer(&Saved {
        saved,
        snapshot,
        left_out: left_out.to_vec(),
        left_out_more,
    })
}

/// Returns whose snapshots are meant: those named, or one's own; nothing for a person without a session.
fn whose(ctx: &Ctx, of: Option<&SessionTag>) -> Result<Option<SessionTag>> {
    match of {
        Some(tag) => Ok(Some(tag.clone())),
        None => Ok(sessions::current_if_any(ctx)?.map(|session| session.tag)),
    }
}

fn list(ctx: &Ctx, args: &ListArgs) -> Result<()> {
    let repo = ctx.repo()?;
    let own = if args.all {
        None
    } else {
        whose(ctx, args.of.as_ref())?
    };
    let (mut found, mut unreadable) = (Vec::new(), Vec::new());
    for (tag, oid) in chain::tags(repo)? {
        if own.as_ref().is_some_and(|own| *own != tag) {
            continue;
        }
        for loaded in chain::walk(repo, &tag, Some(oid)) {
            match loaded {
                Ok(loaded) => found.push(loaded),
                Err(error) => unreadable.push((tag.to_string(), error.to_string())),
            }
        }
    }
    // The sort keeps the order within a chain, whatever the clocks said.
    found.sort_by_key(|loaded| std::cmp::Reverse(loaded.entry.at));
    ctx.ui.answer(&SnapshotList {
        snapshots: found
            .iter()
            .map(|loaded| SnapshotView::new(&loaded.entry))
            .collect(),
        unreadable,
    })
}

/// Loads the snapshots that may be meant: of one session, or of all, the newest first.
fn candidates(ctx: &Ctx, of: Option<&SessionTag>) -> Result<Vec<Loaded>> {
    let repo = ctx.repo()?;
    let mut all = if let Some(tag) = whose(ctx, of)? {
        chain::load(repo, &tag)?
    } else {
        everybody(ctx)?
    };
    all.sort_by_key(|loaded| std::cmp::Reverse(loaded.entry.at));
    Ok(all)
}

fn show(ctx: &Ctx, args: &ShowArgs) -> Result<()> {
    let repo = ctx.repo()?;
    let all = candidates(ctx, args.of.as_ref())?;
    let loaded = match &args.snapshot {
        // A name stands for itself: it need not be one's own.
        Some(word) => match store::named(&all, word) {
            Ok(found) => found,
            Err(_) if args.of.is_none() => store::named(&everybody(ctx)?, word)?,
            Err(error) => return Err(error),
        },
        None => all.into_iter().next().ok_or_else(nothing)?,
    };
    if args.patch {
        let oid = loaded.link.oid.to_string();
        let base = loaded.places()?[0].to_string();
        let cmd = run::read(repo).args(["diff", "--no-ext-diff", "--no-textconv", &base, &oid]);
        let out = run::checked(cmd, "show the snapshot")?;
        return ctx.ui.raw(&out.stdout);
    }
    let items = held::items(repo, &loaded)?;
    ctx.ui.answer(&SnapshotDetail {
        snapshot: SnapshotView::new(&loaded.entry),
        paths: items.iter().map(ItemView::new).collect(),
    })
}

fn everybody(ctx: &Ctx) -> Result<Vec<Loaded>> {
    let repo = ctx.repo()?;
    let mut all = Vec::new();
    for (tag, _) in chain::tags(repo)? {
        all.extend(chain::load(repo, &tag)?);
    }
    Ok(all)
}

fn nothing() -> Error {
    Error::no("there is no snapshot").hint("git ccc wip list --all")
}

fn drop_command(ctx: &Ctx, args: &DropArgs) -> Result<()> {
    let repo = ctx.repo()?;
    let own = sessions::current_if_any(ctx)?.map(|session| session.tag);
    let tag = match (&args.of, &own) {
        (Some(tag), _) => tag.clone(),
        (None, Some(own)) => own.clone(),
        (None, None) => sessions::current(ctx)?.tag,
    };
    if own.as_ref() != Some(&tag)
        && let Some((session, _)) = sessions::load(repo, &tag)?
        && sessions::life(&session.record, ctx.now()) == Life::Alive
    {
        return Err(Error::no(format!(
            "session {tag} is alive and its snapshots are not yours"
        ))
        .hint(format!("git ccc wip list --of {}", shell(tag.as_str()))));
    }
    let chain = chain::load(repo, &tag)?;
    if chain.is_empty() {
        return Err(nothing());
    }
    let (dropped, ids) = if args.all {
        (chain, None)
    } else {
        let mut dropped = Vec::new();
        for word in &args.snapshots {
            dropped.push(store::named(&chain, word)?);
        }
        let ids: Vec<String> = dropped
            .iter()
            .map(|one| one.entry.note.id.clone())
            .collect();
        (dropped, Some(ids))
    };
    let left = store::drop_some(ctx, &tag, ids.as_deref())?;
    ctx.ui.answer(&Dropped {
        session: tag.to_string(),
        dropped: dropped
            .iter()
            .map(|one| SnapshotView::new(&one.entry))
            .collect(),
        left,
    })
}
