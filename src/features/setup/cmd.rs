//! `git ccc init`, `uninstall` and `trust`.

use super::{
    agents,
    logic::Step,
    manual,
    model::Installed,
    store::{self, Installation},
    view::{HookView, InitView, TrustView, UninstallView},
};
use crate::{
    base::text::one_line,
    ctx::Ctx,
    env,
    error::{Context, Error, Kind, Result},
    features::{
        agent::model::Vendor,
        session::{logic::Life, store as session_store},
    },
    fs::{self, Lock},
    git::{
        Repo,
        log::{self, Guard},
        refs::{self, Edit, Reflog},
    },
    settings::{Enforce, MAX_FILE_BYTES, Settings, TrustError, TrustStore},
};
use clap::Args;
use std::path::PathBuf;

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Install hooks, skill and instructions for these agents: claude, codex, none (default: those that are here)
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = agents::parse_vendor)]
    pub agent: Vec<Option<Vendor>>,
}

/// Arguments of `uninstall`.
#[derive(Debug, Args)]
pub struct UninstallArgs {
    /// Delete the log, sessions, claims and the room of this clone too
    #[arg(long)]
    pub purge: bool,
}

/// Arguments of `trust`.
#[derive(Debug, Args)]
pub struct TrustArgs {
    /// Files with commands, such as conductor.json or .ccc/templates/NAME.toml (default: the settings files)
    pub files: Vec<PathBuf>,
    /// Take the trust away, from every version
    #[arg(long, conflicts_with = "files")]
    pub revoke: bool,
}

/// Sets the repository up; doing it again repairs it.
pub fn init(ctx: &Ctx, args: &InitArgs, page: &[u8]) -> Result<()> {
    let repo = ctx.repo()?;
    let vendors = agents::chosen(repo, &args.agent)?;
    let settings = ctx.settings()?;
    let log_begun = log::begin(repo, ctx.now(), &ctx.dice.hex(8))?;
    let guard = log::lock(repo)?;
    let mut installed = store::load(repo)?.unwrap_or_default();
    let done = place(ctx, &guard, &mut installed, settings)?;
    let manual = page_at(ctx, &mut installed, page);
    let files = if args.agent.contains(&None) {
        let left = agents::uninstall(ctx, &mut installed)?;
        say_left(ctx, &left);
        Vec::new()
    } else {
        agents::install(ctx, &mut installed, &vendors)?
    };
    store::save(repo, &installed)?;
    drop(guard);
    if files.iter().any(|file| file == ".codex/hooks.json") {
        ctx.ui.note(
            "once, in Codex: trust this folder and then its hooks (it asks, or type /hooks); until then it runs none",
        );
    }
    let show = |path: &PathBuf| path.display().to_string();
    let hooks = done.hooks.iter().map(|placed| HookView {
        name: placed.name.clone(),
        state: placed.step.word(),
        chained: placed.chained.as_ref().map(show),
    });
    ctx.ui.answer(&InitView {
        log_begun,
        hooks_dir: show(&done.dir),
        hooks: hooks.collect(),
        previous_hooks_dir: done.before,
        manual,
        agents: vendors.iter().map(|vendor| vendor.word()).collect(),
        agent_files: files,
    })
}

/// Puts the hooks in place, under the flock; narrates what somebody should look at.
pub(super) fn place(
    ctx: &Ctx,
    _guard: &Guard,
    installed: &mut Installed,
    settings: &Settings,
) -> Result<Installation> {
    let done = store::install(ctx.repo()?, installed, &hooks(settings))?;
    for placed in &done.hooks {
        if let Some(kept) = &placed.kept {
            ctx.ui.warn(&format!(
                "{} had been replaced since; the hook before is kept as {} and is not run",
                placed.name,
                kept.display()
            ));
        }
        if placed.step == Step::Chain {
            ctx.ui
                .note(&format!("{} of others runs before ours", placed.name));
        }
    }
    Ok(done)
}

fn say_left(ctx: &Ctx, left: &[String]) {
    for path in left {
        ctx.ui.warn(&format!("{path} was changed since and stays"));
    }
}

/// Returns the hooks the settings ask for; strict enforcement needs one more.
pub(super) fn hooks(settings: &Settings) -> Vec<&str> {
    let mut hooks: Vec<&str> = settings.hooks().iter().map(String::as_str).collect();
    if settings.enforce() == Enforce::Strict {
        hooks.push("reference-transaction");
    }
    hooks
}

/// Installs the manual page; without one all but `git ccc --help` works, so a failure is only narrated.
fn page_at(ctx: &Ctx, installed: &mut Installed, page: &[u8]) -> Option<String> {
    let path = manual::place()?;
    match manual::write(installed, &path, page) {
        Ok(true) => Some(path.display().to_string()),
        Ok(false) => {
            ctx.ui
                .note(&format!("{} is not ours and stays", path.display()));
            None
        }
        Err(error) => {
            ctx.ui
                .warn(&format!("the manual page is not installed: {error}"));
            None
        }
    }
}

/// Takes back what `init` did, and with `--purge` the refs.
pub fn uninstall(ctx: &Ctx, args: &UninstallArgs) -> Result<()> {
    let repo = ctx.repo()?;
    if args.purge {
        refuse_while_others_live(ctx, repo)?;
    }
    let guard = log::lock(repo)?;
    let mut installed = store::load(repo)?.unwrap_or_default();
    let hooks = store::uninstall(repo, &mut installed)?;
    manual::remove(&mut installed);
    say_left(ctx, &agents::uninstall(ctx, &mut installed)?);
    store::forget(repo)?;
    let refs = if args.purge {
        purge(ctx, repo, &guard)?
    } else {
        0
    };
    let left = store::left_aside(repo);
    ctx.ui.answer(&UninstallView {
        hooks,
        refs,
        left_aside: left.iter().map(|path| path.display().to_string()).collect(),
    })
}

fn refuse_while_others_live(ctx: &Ctx, repo: &Repo) -> Result<()> {
    // Whoever names a session that is gone, or could be two, is none of those who are here.
    let own = session_store::current_if_any(ctx).ok().flatten();
    let own = own.map(|session| session.tag);
    let sessions = session_store::load_readable(repo)?.into_iter();
    let others: Vec<String> = sessions
        .filter(|session| Some(&session.tag) != own.as_ref())
        .filter(|session| session_store::life(&session.record, ctx.now()) == Life::Alive)
        .map(|session| session.tag.to_string())
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    Err(Error::no(format!(
        "{} still here: {}",
        count(&others),
        others.join(", ")
    ))
    .because("their claims and messages would be deleted under them")
    .detail(serde_json::json!({ "sessions": others }))
    .hint("git ccc session list --alive"))
}

fn count(others: &[String]) -> String {
    match others.len() {
        1 => "another session is".to_owned(),
        several => format!("{several} other sessions are"),
    }
}

/// Deletes the refs of this clone, the log last, and takes its sessions out of the hub.
fn purge(ctx: &Ctx, repo: &Repo, _guard: &Guard) -> Result<usize> {
    refuse_while_others_live(ctx, repo)?;
    for session in session_store::load_readable(repo)? {
        session_store::publish(ctx, &session, true);
    }
    let mut edits = Vec::new();
    for prefix in ["refs/ccc/", "refs/notes/ccc/"] {
        for (name, oid) in refs::list(repo, prefix)? {
            edits.push(Edit::delete(name, oid));
        }
    }
    if edits.is_empty() {
        return Ok(0);
    }
    edits.sort_by_key(|edit| edit.name == log::REF);
    refs::transact(repo, &edits, Reflog::Message("git ccc uninstall --purge"))
        .map_err(|lost| lost.into_error("delete the refs"))?;
    Ok(edits.len())
}

/// Lets the commands in this clone's settings files run, in the version they have now.
pub fn trust(ctx: &Ctx, args: &TrustArgs) -> Result<()> {
    let repo = ctx.repo()?;
    let dir = env::state_dir().ok_or_else(|| {
        Error::setup("there is no directory for the user's state: HOME is not set")
    })?;
    let (path, lock) = (dir.join("trust.toml"), dir.join("trust.lock"));
    let unwritable = || format!("{} cannot be written", path.display());
    let _lock = Lock::acquire(&lock, log::PATIENCE)
        .context(Kind::Setup, unwritable)?
        .ok_or_else(|| Error::busy(format!("{} is held by another git-ccc", lock.display())))?;
    let text = fs::read_capped(&path, MAX_FILE_BYTES).context(Kind::Setup, unwritable)?;
    let mut grants = TrustStore::parse(&String::from_utf8_lossy(&text.unwrap_or_default()))
        .map_err(|error| refused(&error))?;
    let (files, changed) = if args.revoke {
        (Vec::new(), grants.revoke(repo.common_dir()) > 0)
    } else {
        grant(ctx, &args.files, &mut grants)?
    };
    if changed {
        let text = grants.encode().map_err(|error| refused(&error))?;
        fs::replace(&path, text.as_bytes()).context(Kind::Setup, unwritable)?;
    }
    let state = match (args.revoke, changed) {
        (false, true) => "trusted",
        (false, false) => "already_trusted",
        (true, true) => "revoked",
        (true, false) => "not_trusted",
    };
    ctx.ui.answer(&TrustView {
        repo: repo.common_dir().display().to_string(),
        state,
        files,
    })
}

fn refused(error: &TrustError) -> Error {
    Error::setup("the trust was not changed").caused_by(error)
}

fn grant(ctx: &Ctx, named: &[PathBuf], grants: &mut TrustStore) -> Result<(Vec<String>, bool)> {
    let repo = ctx.repo()?;
    let policy = repo.worktree().map(|root| root.join(".ccc.toml"));
    let own = [repo.common_dir().join("ccc.toml")];
    let paths: Vec<PathBuf> = if named.is_empty() {
        policy.into_iter().chain(own).collect()
    } else {
        named.iter().map(|path| ctx.cwd().join(path)).collect()
    };
    let (mut files, mut changed) = (Vec::new(), false);
    for path in paths {
        let shown = one_line(&path.display().to_string(), 300);
        let unreadable = || format!("{shown} cannot be read");
        let content = if named.is_empty() {
            fs::read_capped(&path, MAX_FILE_BYTES + 1)
        } else {
            // A link could show one file and run another one.
            fs::read_plain(&path, MAX_FILE_BYTES + 1)
        };
        let content = content.context(Kind::Usage, unreadable)?;
        match content {
            Some(content) if content.len() <= MAX_FILE_BYTES => {
                let new = grants.grant(repo.common_dir(), &content, ctx.now());
                changed |= new.map_err(|error| refused(&error))?;
                files.push(path.display().to_string());
            }
            Some(_) => return Err(Error::usage(format!("{shown} is too large to be trusted"))),
            None if named.is_empty() => {}
            None => {
                return Err(Error::usage(format!("{shown} is no file")).hint("git ccc help trust"));
            }
        }
    }
    if files.is_empty() {
        return Err(Error::no("this clone has no settings file to trust").hint("git ccc man"));
    }
    Ok((files, changed))
}
