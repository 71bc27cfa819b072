//! `git ccc memory …`.

use super::{
    dir, logic,
    merge::{self, Done, Request},
    model::MAIN,
    place::{self, Place},
    store,
    tell::undecided,
    view::{
        Content, Difference, Forked, Kept, Log, MergedView, Pruned, Restored, SpaceView, Status,
    },
};
use crate::{
    base::text::one_line,
    ctx::Ctx,
    error::{Error, Result},
    git::{Oid, folder, run},
};
use clap::{Args, Subcommand};

/// What can be done with memory.
#[derive(Debug, Subcommand)]
pub enum MemoryCommand {
    /// Show the namespaces and what each has that main has not
    Status,
    /// Give this branch or session a copy of its own, and print its directory
    Fork(ForkArgs),
    /// Show what a namespace has other than main, as a patch
    Diff(NameArgs),
    /// Merge a namespace into main, three ways
    Merge(MergeArgs),
    /// Merge single files now, and leave the others for later
    Promote(PromoteArgs),
    /// Tell the versions of a namespace, the newest first
    Log(LogArgs),
    /// Print a file as a version has it
    Show(ShowArgs),
    /// Bring a file back as a version has it
    Restore(RestoreArgs),
    /// Take away namespaces that are merged and whose branch and session are gone
    Prune(PruneArgs),
}

/// Arguments of `memory fork`.
#[derive(Debug, Args)]
pub struct ForkArgs {
    /// Name of the namespace (default: the branch, else the session)
    name: Option<String>,
    /// Make Claude Code in this worktree use it (.claude/settings.local.json)
    #[arg(long)]
    claude: bool,
}

/// Arguments of `memory diff`.
#[derive(Debug, Args)]
pub struct NameArgs {
    /// Name of the namespace (default: the branch, else the session)
    name: Option<String>,
}

/// Arguments of `memory merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// Name of the namespace (default: the branch, else the session)
    name: Option<String>,
    /// Take conflicts as you have decided them in the files put side by side
    #[arg(long)]
    resolved: bool,
    /// Only what the setting memory.shared names
    #[arg(long, conflicts_with = "resolved")]
    shared: bool,
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Arguments of `memory promote`.
#[derive(Debug, Args)]
pub struct PromoteArgs {
    /// Files, folders or globs in the memory directory
    #[arg(required = true)]
    paths: Vec<String>,
    /// Name of the namespace (default: the branch, else the session)
    #[arg(long, value_name = "NAME")]
    of: Option<String>,
}

/// Arguments of `memory log`.
#[derive(Debug, Args)]
pub struct LogArgs {
    /// Name of the namespace
    #[arg(default_value = MAIN)]
    name: String,
    /// Only versions that changed this file
    #[arg(long)]
    path: Option<String>,
    /// At most so many
    #[arg(short = 'n', long, default_value_t = 20)]
    limit: usize,
}

/// Arguments of `memory show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// File in the memory directory
    path: String,
    /// Name of the namespace
    #[arg(long, value_name = "NAME", default_value = MAIN)]
    of: String,
    /// Version, or the beginning of one (default: the newest)
    #[arg(long, value_name = "VERSION")]
    at: Option<String>,
}

/// Arguments of `memory restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// File in the memory directory
    path: String,
    /// Version, or the beginning of one
    #[arg(long, value_name = "VERSION")]
    at: String,
    /// Name of the namespace
    #[arg(long, value_name = "NAME", default_value = MAIN)]
    of: String,
}

/// Arguments of `memory prune`.
#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Say what would go, and take nothing away
    #[arg(long)]
    dry_run: bool,
}

/// Runs `memory …`.
pub fn run(ctx: &Ctx, command: &MemoryCommand) -> Result<()> {
    match command {
        MemoryCommand::Status => status(ctx),
        MemoryCommand::Fork(args) => fork(ctx, args),
        MemoryCommand::Diff(args) => diff(ctx, args),
        MemoryCommand::Merge(args) => merge(ctx, args),
        MemoryCommand::Promote(args) => promote(ctx, args),
        MemoryCommand::Log(args) => log(ctx, args),
        MemoryCommand::Show(args) => show(ctx, args),
        MemoryCommand::Restore(args) => restore(ctx, args),
        MemoryCommand::Prune(args) => prune(ctx, args),
    }
}

fn status(ctx: &Ctx) -> Result<()> {
    let (repo, place) = (ctx.repo()?, Place::find(ctx)?);
    let guard = store::lock(repo)?;
    let main = store::sweep(ctx, &place, MAIN, &guard)?;
    let mut namespaces = Vec::new();
    for name in store::names(repo)?.into_iter().filter(|name| name != MAIN) {
        let look = Request {
            dry_run: true,
            ..Request::default()
        };
        let Done { changed, open, .. } = merge::merge(ctx, &place, &name, &look, &guard)?;
        let space = store::required(repo, &name)?;
        let dir = place.of(&name);
        namespaces.push(SpaceView {
            present: dir.is_dir(),
            directory: dir.display().to_string(),
            version: space.tip.to_string(),
            files: space.files.len(),
            name,
            changed,
            open,
        });
    }
    ctx.ui.answer(&Status {
        directory: place.main.display().to_string(),
        version: main.map(|main| main.tip.to_string()),
        namespaces,
    })
}

fn fork(ctx: &Ctx, args: &ForkArgs) -> Result<()> {
    let name = place::own(ctx, args.name.as_deref())?;
    if name == MAIN {
        return Err(Error::usage("main is what namespaces fork from").hint("git ccc memory status"));
    }
    let place = Place::find(ctx)?;
    let guard = store::lock(ctx.repo()?)?;
    let (space, new) = store::fork(ctx, &place, &name, &guard)?;
    let dir = place.of(&name);
    if args.claude {
        place::point_claude(ctx.repo()?.require_worktree()?, &dir)?;
    }
    ctx.ui.answer(&Forked {
        name,
        directory: dir.display().to_string(),
        version: space.tip.to_string(),
        new,
    })
}

fn diff(ctx: &Ctx, args: &NameArgs) -> Result<()> {
    let name = place::own(ctx, args.name.as_deref())?;
    let (repo, place) = (ctx.repo()?, Place::find(ctx)?);
    let guard = store::lock(repo)?;
    let main = store::main(ctx, &place, &guard)?;
    store::sweep(ctx, &place, &name, &guard)?;
    let space = store::required(repo, &name)?;
    drop(guard);
    let cmd = run::read(repo)
        .args(["diff", "--no-color", "--no-ext-diff", "--no-textconv"])
        .args([main.tip.to_string(), space.tip.to_string()]);
    let patch = run::checked(cmd, "compare two versions of the memory")?.stdout_text();
    ctx.ui.answer(&Difference { name, patch })
}

fn merge(ctx: &Ctx, args: &MergeArgs) -> Result<()> {
    let name = place::own(ctx, args.name.as_deref())?;
    let only = if args.shared {
        Some(merge::shared(ctx)?)
    } else {
        None
    };
    let request = Request {
        only,
        resolved: args.resolved,
        dry_run: args.dry_run,
    };
    merge_now(ctx, name, &request)
}

fn promote(ctx: &Ctx, args: &PromoteArgs) -> Result<()> {
    let name = place::own(ctx, args.of.as_deref())?;
    let request = Request {
        only: Some(merge::scopes(&args.paths)?),
        ..Request::default()
    };
    merge_now(ctx, name, &request)
}

fn merge_now(ctx: &Ctx, name: String, request: &Request) -> Result<()> {
    if name == MAIN {
        return Err(
            Error::usage("main is what namespaces are merged into").hint("git ccc memory status")
        );
    }
    let place = Place::find(ctx)?;
    let guard = store::lock(ctx.repo()?)?;
    let done = merge::merge(ctx, &place, &name, request, &guard)?;
    drop(guard);
    if !done.open.is_empty() {
        return Err(undecided(ctx, &name, &done, request.dry_run));
    }
    ctx.ui.answer(&MergedView {
        name,
        version: done.version.map(|version| version.to_string()),
        dry_run: request.dry_run,
        changed: done.changed,
        duplicates: done.duplicates,
    })
}

fn log(ctx: &Ctx, args: &LogArgs) -> Result<()> {
    let (repo, place) = (ctx.repo()?, Place::find(ctx)?);
    let name = logic::namespace(&args.name);
    let guard = store::lock(repo)?;
    store::sweep(ctx, &place, &name, &guard)?;
    drop(guard);
    let versions = store::versions(repo, &name, args.path.as_deref(), args.limit)?;
    ctx.ui.answer(&Log { name, versions })
}

fn show(ctx: &Ctx, args: &ShowArgs) -> Result<()> {
    let (repo, place) = (ctx.repo()?, Place::find(ctx)?);
    let name = logic::namespace(&args.of);
    let guard = store::lock(repo)?;
    store::sweep(ctx, &place, &name, &guard)?;
    drop(guard);
    let version = match &args.at {
        Some(at) => store::find_version(repo, &name, at)?,
        None => store::required(repo, &name)?.tip,
    };
    let files = store::at(repo, &name, version)?.files;
    let oid = files.get(&args.path).ok_or_else(|| {
        Error::no(format!(
            "{} is not in version {version} of {name}",
            one_line(&args.path, 200)
        ))
        .hint(format!("git ccc memory log {name}"))
    })?;
    let bytes = folder::read_blob(repo, *oid)?;
    if !ctx.ui.json {
        return ctx.ui.raw(&bytes);
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    ctx.ui.answer(&Content {
        path: args.path.clone(),
        version: version.to_string(),
        text,
    })
}

fn restore(ctx: &Ctx, args: &RestoreArgs) -> Result<()> {
    let (repo, place) = (ctx.repo()?, Place::find(ctx)?);
    let name = logic::namespace(&args.of);
    let guard = store::lock(repo)?;
    store::sweep(ctx, &place, &name, &guard)?;
    let space = store::required(repo, &name)?;
    let version = store::find_version(repo, &name, &args.at)?;
    let (is, was) = (
        space.files.get(&args.path),
        store::at(repo, &name, version)?.files.remove(&args.path),
    );
    if is.is_none() && was.is_none() {
        return Err(Error::no(format!(
            "neither {name} nor its version {version} has {}",
            one_line(&args.path, 200)
        ))
        .hint(format!("git ccc memory log {name}")));
    }
    let read = |oid: Option<Oid>| oid.map(|oid| folder::read_blob(repo, oid)).transpose();
    let (old, new) = (read(is.copied())?, read(was)?);
    if !dir::write(&place.of(&name), &args.path, old.as_deref(), new.as_deref())? {
        return Err(Error::busy(format!(
            "{} changes at this moment",
            one_line(&args.path, 200)
        ))
        .hint("git ccc memory status"));
    }
    store::sweep(ctx, &place, &name, &guard)?;
    ctx.ui.answer(&Restored {
        path: args.path.clone(),
        from: version.to_string(),
        before: space.tip.to_string(),
        present: was.is_some(),
    })
}

fn prune(ctx: &Ctx, args: &PruneArgs) -> Result<()> {
    let (repo, place) = (ctx.repo()?, Place::find(ctx)?);
    let guard = store::lock(repo)?;
    let (mut pruned, mut kept) = (Vec::new(), Vec::new());
    for name in store::names(repo)?.into_iter().filter(|name| name != MAIN) {
        let look = Request {
            dry_run: true,
            ..Request::default()
        };
        let Done { changed, open, .. } = merge::merge(ctx, &place, &name, &look, &guard)?;
        if !changed.is_empty() || !open.is_empty() {
            kept.push(Kept {
                name,
                why: "it has what main has not",
            });
        } else if store::is_in_use(repo, &name)? {
            kept.push(Kept {
                name,
                why: "its branch or session is there",
            });
        } else {
            if !args.dry_run {
                store::remove(ctx, &place, &name, &guard)?;
            }
            pruned.push(name);
        }
    }
    ctx.ui.answer(&Pruned {
        pruned,
        kept,
        dry_run: args.dry_run,
    })
}
