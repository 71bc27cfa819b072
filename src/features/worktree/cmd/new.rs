//! `git ccc worktree new`.

use super::NewArgs;
use crate::{
    base::text::{one_line, shell},
    ctx::Ctx,
    env,
    error::{Context, Error, Kind, Result},
    features::{
        template::{
            logic::{Values, fill},
            store::{self as templates, Found},
        },
        worktree::{
            logic::name,
            store::{
                base::{self, Base},
                build::{self, Built, Plan},
                command::{self, Moment, Place, Ran},
                copy::{Brought, Tell},
                equip::{self, Equipped, Wish},
                include::{self, Item, Said},
            },
            view::{BaseView, BroughtView, Made, RanView},
        },
    },
    git::{
        Repo, refs,
        worktrees::{self, Worktree},
    },
    ui::progress::Progress,
};
use std::{collections::BTreeMap, path::PathBuf};

/// What is decided before anything is made.
struct Decided {
    directory: PathBuf,
    branch: String,
    existing: bool,
    base: Base,
    found: Option<Found>,
}

pub(super) fn run(ctx: &Ctx, args: &NewArgs, agents: &dyn Fn(&Ctx) -> Result<()>) -> Result<()> {
    let repo = ctx.repo()?;
    let decided = decide(ctx, args)?;
    // What is brought along is where the user works: in the first worktree, or in this one if there is no first.
    let first = Repo::open(repo.common_dir())?;
    let source = if first.worktree().is_some() {
        &first
    } else {
        repo
    };
    let root = source.worktree();
    let foreign = root.map_or_else(Vec::new, |root| include::foreign(ctx, root));
    let items = if args.no_copy || root.is_none() {
        Vec::new()
    } else {
        items(source, decided.found.as_ref(), &foreign)?
    };
    let progress = Progress::new(&ctx.ui, "copying");
    let tell = progress.teller();
    let built = build::build(
        ctx,
        &Plan {
            name: &args.name,
            path: decided.directory.clone(),
            branch: decided.branch.clone(),
            existing: decided.existing,
            base: &decided.base,
            items: &items,
            from: root.unwrap_or(repo.common_dir()),
            tell: tell.as_ref().map(|tell| tell as &Tell<'_>),
        },
    );
    progress.end();
    equip(ctx, args, (&decided, &foreign), built?, agents)
}

/// Finds what is brought along; no worktree is copied into another one.
pub(super) fn items(source: &Repo, found: Option<&Found>, foreign: &[Said]) -> Result<Vec<Item>> {
    let trees = worktrees::list(source)?.into_iter();
    let trees: Vec<PathBuf> = trees
        .filter(|tree| !tree.is_main)
        .map(|tree| tree.path)
        .collect();
    include::find(source, found, foreign, &trees)
}

fn equip(
    ctx: &Ctx,
    args: &NewArgs,
    (decided, foreign): (&Decided, &[Said]),
    built: Built,
    agents: &dyn Fn(&Ctx) -> Result<()>,
) -> Result<()> {
    let there = ctx.in_repo(Repo::open(&built.tree.git_dir)?)?;
    let wish = Wish {
        name: args.name.clone(),
        found: decided.found.as_ref(),
        task: args.task.as_ref().map(|task| one_line(task, 400)),
        labels: args.labels.iter().cloned().collect::<BTreeMap<_, _>>(),
        base: Some((decided.base.name.clone(), decided.base.commit.to_string())),
        branch_made: !decided.existing,
    };
    let equipped = equip::equip(&there, &built.tree, &wish, agents);
    // It is whole in any case: what is missing is who works in it.
    worktrees::unlock(&built.tree)?;
    built.journal.end()?;
    let equipped = equipped.map_err(|error| {
        let path = built.tree.path.display().to_string();
        error
            .because("the worktree is there, and not all of it is set up")
            .hint(format!("git ccc worktree adopt {}", shell(&path)))
    })?;
    let done = (&built.tree, built.brought, equipped);
    finish(ctx, args, (&there, decided, foreign), done)
}

fn decide(ctx: &Ctx, args: &NewArgs) -> Result<Decided> {
    let repo = ctx.repo()?;
    let directory = name::directory(&args.name).ok_or_else(|| {
        Error::usage(format!(
            "{} is no name of a worktree",
            one_line(&args.name, 100)
        ))
        .because("it is made of letters, digits and . _ - + /")
        .hint("git ccc help worktree")
    })?;
    let found = args
        .template
        .as_ref()
        .map(|name| templates::find(ctx, name))
        .transpose()?;
    let template = found.as_ref().map(|found| &found.template);
    let written = template.and_then(|template| template.branch.as_deref());
    let branch = match (&args.branch, written) {
        (Some(branch), _) => branch.clone(),
        (None, Some(written)) => {
            let values = Values::from([("name".to_owned(), args.name.clone())]);
            fill(written, &values).map_err(|word| {
                Error::usage(format!("nothing is known of {}", one_line(&word, 80)))
                    .hint("git ccc template list")
            })?
        }
        (None, None) => args.name.clone(),
    };
    if !name::is_branch(&branch) {
        return Err(
            Error::usage(format!("{} is no name of a branch", one_line(&branch, 100)))
                .hint("git help check-ref-format"),
        );
    }
    let existing =
        args.branch.is_some() && refs::find(repo, &format!("refs/heads/{branch}"))?.is_some();
    if args.fetch || ctx.settings()?.worktree_fetch() {
        base::fetch(ctx)?;
    }
    let written = || template.and_then(|template| template.base.as_deref());
    let from = if existing {
        Some(branch.as_str())
    } else {
        args.from.as_deref().or_else(written)
    };
    let base = base::choose(ctx, from, &again(args))?;
    Ok(Decided {
        directory: place(ctx, args, &directory)?,
        branch,
        existing,
        base,
        found,
    })
}

/// Asks for the same, with the base left open.
fn again(args: &NewArgs) -> String {
    let name = format!("git ccc worktree new {}", shell(&args.name));
    match &args.template {
        Some(template) => format!("{name} --template {}", shell(template)),
        None => name,
    }
}

/// Returns where the worktree goes, with all links on the way followed.
fn place(ctx: &Ctx, args: &NewArgs, directory: &str) -> Result<PathBuf> {
    let repo = ctx.repo()?;
    let path = match (&args.path, ctx.settings()?.worktree_dir()) {
        (Some(path), _) => ctx.cwd().join(path),
        (None, Some(written)) => {
            let dir = match written.strip_prefix("~/") {
                Some(below) => env::home()
                    .ok_or_else(|| Error::setup("HOME is not set"))?
                    .join(below),
                None => PathBuf::from(written),
            };
            dir.join(format!("{}.{directory}", repo.name()))
        }
        (None, None) => {
            let first = Repo::open(repo.common_dir())?;
            let beside = first.worktree().unwrap_or(repo.common_dir());
            let beside = beside.parent().unwrap_or(beside);
            beside.join(format!("{}.{directory}", repo.name()))
        }
    };
    let shown = one_line(&path.display().to_string(), 300);
    let name = path.file_name().map(std::ffi::OsStr::to_owned);
    let name = name.ok_or_else(|| {
        Error::usage(format!("{shown} names no directory")).hint("git ccc help worktree")
    })?;
    let dir = path.parent().unwrap_or(&path);
    let unmade = || format!("{} cannot be created", dir.display());
    std::fs::create_dir_all(dir).context(Kind::Setup, unmade)?;
    let dir = dir.canonicalize().context(Kind::Setup, unmade)?;
    if dir.starts_with(repo.common_dir()) {
        return Err(
            Error::usage(format!("{shown} is within git's own directory"))
                .hint("git ccc worktree list"),
        );
    }
    Ok(dir.join(name))
}

fn finish(
    ctx: &Ctx,
    args: &NewArgs,
    (there, decided, foreign): (&Ctx, &Decided, &[Said]),
    (tree, brought, equipped): (&Worktree, Brought, Equipped),
) -> Result<()> {
    let repo = ctx.repo()?;
    let mut left = equipped.left;
    if let Err(error) = equip::post_checkout(there, &decided.base.commit.to_string()) {
        left.push(error.to_string());
    }
    let first = Repo::open(repo.common_dir())?;
    let root = first.worktree().unwrap_or(&tree.path);
    let steps = command::steps(root, decided.found.as_ref(), foreign, Moment::Setup);
    let place = Place {
        path: &tree.path,
        root,
        record: &equipped.record,
    };
    let outcome = if args.no_run {
        command::Outcome::default()
    } else {
        command::run(ctx, place, &steps)?
    };
    let failed = outcome.failed().cloned();
    left.extend(
        brought
            .left_out
            .iter()
            .map(|(path, why)| format!("{path}: {why}")),
    );
    let path = tree.path.display().to_string();
    let base = BaseView {
        name: decided.base.name.clone(),
        commit: decided.base.commit.to_string(),
        target: decided.base.target.clone(),
        behind: decided.base.behind,
    };
    let mut made = Made::new(
        (&equipped.record, &equipped.session),
        path.clone(),
        Some(decided.branch.clone()),
        (Some(base), shown(brought), equipped.written),
        (equipped.brief, equipped.brief_path),
    );
    made.left = left;
    said(&mut made, &outcome);
    ctx.ui.answer(&made)?;
    result(failed, &path)
}

/// Shows what was brought along.
pub(super) fn shown(brought: Brought) -> BroughtView {
    BroughtView {
        entries: brought.entries,
        files: brought.files,
        bytes: brought.bytes,
        shared_bytes: brought.shared,
        linked_bytes: brought.linked,
    }
}

/// Shows what became of the commands.
pub(super) fn said(made: &mut Made, outcome: &command::Outcome) {
    let ran = outcome.ran.iter().map(|ran| RanView {
        command: ran.command.clone(),
        code: ran.code,
    });
    made.ran = ran.collect();
    made.untrusted = outcome.waiting.iter().cloned().collect();
    made.not_understood.clone_from(&outcome.foreign);
}

/// A command that failed is a no, although the worktree is there.
pub(super) fn result(failed: Option<Ran>, path: &str) -> Result<()> {
    match failed {
        None => Ok(()),
        Some(ran) => Err(Error::no(format!(
            "the worktree is there, and a command that sets it up ended with {}",
            ran.code
        ))
        .because(ran.command)
        .hint(format!("cd {}", shell(path)))),
    }
}
