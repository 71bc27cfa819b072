//! `git ccc wip restore`: which snapshot is meant, what it gives back, and saying so.

use super::{candidates, everybody, nothing};
use crate::{
    base::{
        id::SessionTag,
        scope::Scope,
        time::{Timestamp, parse_duration},
    },
    ctx::Ctx,
    error::{Error, Result},
    features::{
        claim::typed,
        session::store as sessions,
        wip::{
            model::{Item, Verdict},
            store::{
                self, Outcome, Request, Taken,
                chain::Loaded,
                give,
                restore::{self, Step, Wanted},
            },
            view::{Restored, SnapshotView, StepView},
        },
    },
    git::log,
};
use clap::Args;
use std::path::{Path, PathBuf};

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

/// Runs `wip restore`.
pub fn run(ctx: &Ctx, args: &RestoreArgs) -> Result<()> {
    let repo = ctx.repo()?;
    log::tip(repo)?;
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
        give::apply(ctx, &mut steps)?;
        if steps.iter().any(Step::acts) {
            // Else the newest snapshot would be the state that this restore ended, and a later restore would go back to that.
            let why = "after wip restore";
            store::save(ctx, &tag, Request { why, ..request })?;
        }
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
    dir: &Path,
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
            give::export(repo, &dir, &items, args.staged)?
        };
        let refused = done.iter().filter(|(_, verdict)| verdict.refuses()).count();
        let path = |item: &Item| String::from_utf8_lossy(&item.path).into_owned();
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
