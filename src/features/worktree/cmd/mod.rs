//! `git ccc worktree …`.

mod adopt;
mod list;
mod new;
mod remove;
mod sync;
mod verify;

use crate::{
    base::text::{one_line, shell},
    ctx::Ctx,
    error::{Error, Result},
    features::worktree::store::making,
    git::worktrees::{self, Worktree},
};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What can be done with worktrees.
#[derive(Debug, Subcommand)]
pub enum WorktreeCommand {
    /// Make a worktree for a session: fresh base, what git ignores, ports, memory, a brief
    New(Box<NewArgs>),
    /// Show how all worktrees stand
    List(ListArgs),
    /// Bring worktrees onto main: fetch, then rebase or merge each; what would conflict stays as it is
    Sync(SyncArgs),
    /// Take a worktree away; what is uncommitted is saved first, and what main has not stays a branch
    Remove(RemoveArgs),
    /// Set up a worktree or clone that somebody has made by hand, or find one that was moved
    Adopt(AdoptArgs),
    /// Run the checks of its template: how it ended before the work, and after it
    Verify(VerifyArgs),
}

/// Arguments of `worktree new`.
#[derive(Debug, Args)]
pub struct NewArgs {
    /// Name: of the directory, the session and, unless said otherwise, the branch
    pub name: String,
    /// Made after this template (git ccc template list)
    #[arg(long, short = 't', value_name = "TEMPLATE")]
    pub template: Option<String>,
    /// Begin from this (default: main as it is newest here)
    #[arg(long, value_name = "REF")]
    pub from: Option<String>,
    /// Name of the branch; one that is there is checked out
    #[arg(long, value_name = "BRANCH")]
    pub branch: Option<String>,
    /// Where (default: beside the repository, or the setting worktree.dir)
    #[arg(long, value_name = "DIR")]
    pub path: Option<PathBuf>,
    /// What it is for
    #[arg(long, short = 'm', value_name = "TEXT")]
    pub task: Option<String>,
    /// Label it, such as component=cart or priority=high
    #[arg(long = "label", value_name = "KEY=WORD", value_parser = parse_label)]
    pub labels: Vec<(String, String)>,
    /// Fetch first
    #[arg(long)]
    pub fetch: bool,
    /// Bring nothing along that git ignores
    #[arg(long)]
    pub no_copy: bool,
    /// Run no command, also none that is trusted
    #[arg(long)]
    pub no_run: bool,
}

/// Arguments of `worktree list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Add up what each takes on the disk
    #[arg(long)]
    pub disk: bool,
}

/// Arguments of `worktree sync`.
#[derive(Debug, Args)]
pub struct SyncArgs {
    /// Names, branches or paths (default: all)
    pub worktrees: Vec<String>,
    /// Say what would be done and touch nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
    /// Take main as it is newest here
    #[arg(long)]
    pub no_fetch: bool,
}

/// Arguments of `worktree remove`.
#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// Name, branch or path
    pub worktree: String,
    /// Keep the branch even if main has all of it
    #[arg(long)]
    pub keep_branch: bool,
    /// Say what would be done and touch nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
}

/// Arguments of `worktree adopt`.
#[derive(Debug, Args)]
pub struct AdoptArgs {
    /// Its root (default: here)
    pub path: Option<PathBuf>,
    /// Set it up after this template (git ccc template list)
    #[arg(long, short = 't', value_name = "TEMPLATE")]
    pub template: Option<String>,
    /// What it is for
    #[arg(long, short = 'm', value_name = "TEXT")]
    pub task: Option<String>,
    /// Label it, such as component=cart or priority=high
    #[arg(long = "label", value_name = "KEY=WORD", value_parser = parse_label)]
    pub labels: Vec<(String, String)>,
    /// Run the commands that set it up, if they are trusted
    #[arg(long)]
    pub run: bool,
}

/// Arguments of `worktree verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Name, branch or path (default: this one)
    pub worktree: Option<String>,
    /// Before the work: what it is compared with later
    #[arg(long)]
    pub before: bool,
}

fn parse_label(text: &str) -> Result<(String, String), String> {
    use crate::features::template::model::{LABELS, is_word};
    let (key, word) = text
        .split_once('=')
        .ok_or_else(|| "expected KEY=WORD".to_owned())?;
    if !LABELS.contains(&key) {
        return Err(format!("expected one of {}", LABELS.join(", ")));
    }
    if !is_word(word) {
        return Err("expected a word of letters, digits and -".to_owned());
    }
    Ok((key.to_owned(), word.to_owned()))
}

/// Runs `worktree …`; `agents` sets up the agents in a worktree as `init` did in the first one.
pub fn run(
    ctx: &Ctx,
    command: &WorktreeCommand,
    agents: &dyn Fn(&Ctx) -> Result<()>,
) -> Result<()> {
    making::repair_and_say(ctx)?;
    match command {
        WorktreeCommand::New(args) => new::run(ctx, args, agents),
        WorktreeCommand::List(args) => list::run(ctx, args),
        WorktreeCommand::Sync(args) => sync::run(ctx, args),
        WorktreeCommand::Remove(args) => remove::run(ctx, args),
        WorktreeCommand::Adopt(args) => adopt::run(ctx, args, agents),
        WorktreeCommand::Verify(args) => verify::run(ctx, args),
    }
}

/// Finds the worktree that somebody means: by its name, its branch or its path.
fn named(ctx: &Ctx, word: &str) -> Result<Worktree> {
    let repo = ctx.repo()?;
    let path = ctx.cwd().join(word);
    let path = path.canonicalize().unwrap_or(path);
    let mut found = Vec::new();
    for tree in worktrees::list(repo)? {
        let branch = crate::git::Repo::open(&tree.git_dir)
            .ok()
            .and_then(|opened| opened.branch());
        let record = crate::features::worktree::store::record::load(&tree.git_dir);
        let called = record.ok().flatten().map(|record| record.name);
        if tree.path == path {
            return Ok(tree);
        }
        if tree.name == word || branch.as_deref() == Some(word) || called.as_deref() == Some(word) {
            found.push(tree);
        }
    }
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(
            Error::no(format!("there is no worktree {}", one_line(word, 100)))
                .hint("git ccc worktree list"),
        ),
        _ => Err(Error::usage(format!(
            "{} could be more than one worktree",
            one_line(word, 100)
        ))
        .because(
            found
                .iter()
                .map(|tree| shell(&tree.path.display().to_string()))
                .collect::<Vec<_>>()
                .join(", "),
        )
        .hint("git ccc worktree list")),
    }
}
