//! `git ccc wip save|list|show|restore|drop`.

use super::{
    model::Verdict,
    store::{
        self, Outcome, Request, Taken,
        chain::{self, Loaded},
        restore::{self, Step, Wanted},
    },
    view::{
        Dropped, ItemView, Restored, Saved, SnapshotDetail, SnapshotList, SnapshotView, StepView,
    },
};
use crate::{
    base::{
        id::SessionTag,
        scope::Scope,
        text::{one_line, shell},
        time::{Timestamp, parse_duration},
    },
    ctx::Ctx,
    error::{Error, Result},
    features::{
        claim::typed,
        session::{
            logic::Life,
            store::{self as sessions},
        },
    },
    git::run,
};
use clap::{Args, Subcommand};
use std::path::PathBuf;

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
    Restore(RestoreArgs),
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

/// Arguments of `wip restore`.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct RestoreArgs {
    /// Only these paths, over later changes too (default: every path whose change is gone)
    paths: Vec<String>,
    /// From this snapshot
    #[arg(long, value_name = "SNAPSHOT", conflicts_with = "at")]
    from: Option<String>,
    /// As it was then: a time such as 2026-01-02T03:04:05Z, or how long ago, such as 20m
    #[arg(long, value_name = "TIME", value_parser = parse_at)]
    at: Option<At>,
    /// From the snapshots of this session (tag), also if it has ended
    #[arg(long, value_name = "TAG")]
    of: Option<SessionTag>,
    /// Into this directory instead of in place
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Every path that differs, over later changes and commits too
    #[arg(long, conflicts_with = "paths")]
    all: bool,
    /// Delete again what was deleted then
    #[arg(long)]
    deletions: bool,
    /// Leave the index alone
    #[arg(long)]
    no_index: bool,
    /// With --to: what was staged instead of what stood on disk
    #[arg(long, requires = "to")]
    staged: bool,
    /// Only say what would be done
    #[arg(long, short = 'n')]
    dry_run: bool,
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

/// A moment on the command line.
#[derive(Clone, Copy, Debug)]
enum At {
    Time(Timestamp),
    Ago(i64),
}

fn parse_at(text: &str) -> Result<At, crate::base::time::TimeError> {
    match text.parse() {
        Ok(time) => Ok(At::Time(time)),
        Err(error) if text.contains('T') => Err(error),
        Err(_) => parse_duration(text).map(|ago| At::Ago(i64::from(ago.seconds()))),
    }
}

/// Runs `wip …`.
pub fn run(ctx: &Ctx, command: &WipCommand) -> Result<()> {
    match command {
        WipCommand::Save(args) => save(ctx, args),
        WipCommand::List(args) => list(ctx, args),
        WipCommand::Show(args) => show(ctx, args),
        WipCommand::Restore(args) => restore_command(ctx, args),
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
    let mut all = match whose(ctx, of)? {
        Some(tag) => chain::load(repo, &tag)?,
        None => {
            let mut all = Vec::new();
            for (tag, _) in chain::tags(repo)? {
                all.extend(chain::load(repo, &tag)?);
            }
            all
        }
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
    let items = restore::items(repo, &loaded)?;
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

fn restore_command(ctx: &Ctx, args: &RestoreArgs) -> Result<()> {
    let repo = ctx.repo()?;
    restore::require_set_up(repo)?;
    let own = sessions::current_if_any(ctx)?.map(|session| session.tag);
    let scopes = typed::resolve_all(ctx, &args.paths)?;
    let mut all = candidates(ctx, args.of.as_ref())?;
    if let Some(word) = &args.from {
        let one = match store::named(&all, word) {
            Ok(one) => one,
            Err(_) => store::named(&everybody(ctx)?, word)?,
        };
        all = vec![one];
    } else {
        all = meant(ctx, all, args.at);
    }
    if all.is_empty() {
        return Err(nothing());
    }
    if let Some(dir) = &args.to {
        return export(ctx, args, (&all, &scopes), dir);
    }
    // What is there now, first: nothing is written over that is not kept.
    let tag = own.clone().or_else(|| args.of.clone());
    let tag = tag.or_else(|| all.first().map(|one| one.entry.session.clone()));
    let tag = tag.ok_or_else(nothing)?;
    let request = Request {
        why: "before wip restore",
        ignored: 0,
        keeps: &[],
    };
    let taken = store::save(ctx, &tag, request)?;
    let wanted = Wanted {
        scopes: &scopes,
        all: args.all,
        deletions: args.deletions,
        no_index: args.no_index,
    };
    let (loaded, mut steps) = choose(ctx, own.as_ref(), (&all, &taken), wanted)?;
    if !args.dry_run {
        restore::apply(ctx, &mut steps)?;
    }
    finish(ctx, args, (&loaded, &taken), &steps)
}

/// Leaves those that a restore in this worktree means: made here, if any was, and not after the given time.
fn meant(ctx: &Ctx, all: Vec<Loaded>, at: Option<At>) -> Vec<Loaded> {
    let at = at.map(|at| match at {
        At::Time(time) => time.unix(),
        At::Ago(seconds) => ctx.now().unix() - seconds,
    });
    let root = ctx
        .repo()
        .ok()
        .and_then(|repo| repo.worktree())
        .map(|root| root.display().to_string());
    let early = |one: &Loaded| at.is_none_or(|at| one.entry.at.unix() <= at);
    let mut all: Vec<Loaded> = all.into_iter().filter(early).collect();
    let here = |one: &Loaded| Some(&one.entry.note.worktree) == root.as_ref();
    if all.iter().any(here) {
        all.retain(here);
    }
    if at.is_some() {
        all.truncate(1);
    }
    all
}

/// Takes the newest snapshot that has something to give.
fn choose(
    ctx: &Ctx,
    own: Option<&SessionTag>,
    (all, taken): (&[Loaded], &Taken),
    wanted: Wanted<'_>,
) -> Result<(Loaded, Vec<Step>)> {
    let mut first = None;
    for loaded in all {
        let steps = restore::plan(ctx, own, (loaded, &taken.found), wanted)?;
        let refuses = steps.iter().any(|step| step.verdict.refuses());
        if steps.iter().any(Step::acts) || (refuses && !wanted.scopes.is_empty()) {
            return Ok((loaded.clone(), steps));
        }
        let differs = steps.iter().any(|step| step.verdict != Verdict::Same);
        if first.is_none() && differs {
            first = Some((loaded.clone(), steps));
        }
    }
    match (first, all.first()) {
        (Some(found), _) => Ok(found),
        (None, Some(newest)) => Ok((newest.clone(), Vec::new())),
        (None, None) => Err(nothing()),
    }
}

fn finish(
    ctx: &Ctx,
    args: &RestoreArgs,
    (loaded, taken): (&Loaded, &Taken),
    steps: &[Step],
) -> Result<()> {
    let acted = steps.iter().any(Step::acts);
    let before = match &taken.outcome {
        Outcome::Saved(one) | Outcome::Same(one) if acted => Some(SnapshotView::new(&one.entry)),
        _ => None,
    };
    let said = steps
        .iter()
        .filter(|step| step.verdict != Verdict::Same || step.stage);
    let answer = Restored {
        dry_run: args.dry_run,
        snapshot: SnapshotView::new(&loaded.entry),
        before,
        to: None,
        paths: said
            .map(|step| StepView {
                path: String::from_utf8_lossy(&step.item.path).into_owned(),
                verdict: step.verdict.clone(),
                staged: step.stage,
            })
            .collect(),
    };
    ctx.ui.answer(&answer)?;
    let refused = steps.iter().filter(|step| step.verdict.refuses()).count();
    let id = &loaded.entry.note.id;
    if refused > 0 {
        let paths = if refused == 1 {
            "path was"
        } else {
            "paths were"
        };
        return Err(Error::no(format!("{refused} {paths} not given back"))
            .hint(format!("git ccc wip restore --from {id} --to DIR")));
    }
    if acted {
        return Ok(());
    }
    let error = Error::no("no change is lost that a snapshot has");
    Err(if answer.paths.is_empty() {
        error.hint("git ccc wip list")
    } else {
        error
            .because(
                "the paths above have later changes or commits: name those that are to come back",
            )
            .hint(format!("git ccc wip restore --from {id} --to DIR"))
    })
}

fn export(
    ctx: &Ctx,
    args: &RestoreArgs,
    (all, scopes): (&[Loaded], &[Scope]),
    dir: &std::path::Path,
) -> Result<()> {
    let repo = ctx.repo()?;
    let fold = repo.fold();
    let covered = |path: &[u8]| {
        let path = String::from_utf8_lossy(path);
        scopes.is_empty() || scopes.iter().any(|scope| scope.covers_path(&path, fold))
    };
    for loaded in all {
        let mut items = restore::items(repo, loaded)?;
        items.retain(|item| covered(&item.path));
        if items.is_empty() {
            continue;
        }
        let dir = ctx.cwd().join(dir);
        let done = if args.dry_run {
            let would = |item| (item, Verdict::Restored);
            items.into_iter().map(would).collect()
        } else {
            restore::export(repo, &dir, &items, args.staged)?
        };
        let refused = done.iter().filter(|(_, verdict)| verdict.refuses()).count();
        let path = |item: &super::model::Item| String::from_utf8_lossy(&item.path).into_owned();
        ctx.ui.answer(&Restored {
            dry_run: args.dry_run,
            snapshot: SnapshotView::new(&loaded.entry),
            before: None,
            to: Some(dir.display().to_string()),
            paths: done
                .iter()
                .filter(|(_, verdict)| *verdict != Verdict::Same)
                .map(|(item, verdict)| StepView {
                    path: path(item),
                    verdict: verdict.clone(),
                    staged: false,
                })
                .collect(),
        })?;
        if refused > 0 {
            return Err(Error::no(format!("{refused} paths were not written"))
                .hint("git ccc wip restore --to ANOTHER-DIR"));
        }
        return Ok(());
    }
    Err(Error::no("no snapshot has these paths").hint("git ccc wip list"))
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
