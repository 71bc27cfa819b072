//! What memory does when sessions start, work and end, and how it says what it cannot decide.

use super::{
    logic,
    merge::{self, Done, Request},
    model::{MAIN, Open},
    place::{self, Place},
    store,
};
use crate::{
    base::{
        id::SessionTag,
        text::{counted, shell},
    },
    ctx::Ctx,
    error::{Error, Kind, Result},
    features::{
        chat::{draft, model::About},
        session::store as sessions,
    },
};

/// Says what is left to decide and where; the room is told once.
pub fn undecided(ctx: &Ctx, name: &str, done: &Done, dry_run: bool) -> Error {
    let at = done
        .conflicts
        .as_ref()
        .map(|at| at.display().to_string())
        .unwrap_or_default();
    let spots: Vec<String> = done.open.iter().map(Open::spot).collect();
    let text = format!(
        "memory of {name}: main and {name} differ in {}; main is as it was, all versions are in {at}",
        spots.join(", ")
    );
    if done.new_conflict
        && let Err(error) = tell(ctx, &text)
    {
        ctx.ui.warn(&format!("the room could not be told: {error}"));
    }
    let mut error = Error::new(
        Kind::Conflict,
        format!("the memory of {name} needs a decision, and main is as it was"),
    );
    for spot in spots.iter().take(10) {
        error = error.because(format!("both changed {spot}"));
    }
    let detail = serde_json::json!({ "namespace": name, "directory": at, "open": done.open });
    if !dry_run {
        error = error.hint(format!("ls {}", shell(&at)));
    }
    error
        .hint(format!("git ccc memory merge {name} --resolved"))
        .detail(detail)
}

fn tell(ctx: &Ctx, text: &str) -> Result<()> {
    let me = sessions::current_if_any(ctx)?.is_none();
    let from = draft::sender(ctx, me)?;
    let message = draft::letter(ctx, from, text.to_owned(), About::default())?;
    draft::say(ctx, message).map(drop)
}

/// What the start of a session does where the settings ask for it: a linked worktree gets a copy, and its agent is told.
pub fn at_start(ctx: &Ctx) -> Result<()> {
    let repo = ctx.repo()?;
    let Some(root) = repo
        .worktree()
        .filter(|_| repo.git_dir() != repo.common_dir())
    else {
        return Ok(());
    };
    if !ctx.settings()?.memory_fork() {
        return Ok(());
    }
    let (name, place) = (place::own(ctx, None)?, Place::find(ctx)?);
    let guard = store::lock(repo)?;
    let (_, new) = store::fork(ctx, &place, &name, &guard)?;
    place::point_claude(root, &place.of(&name))?;
    if new {
        ctx.ui.note(&format!(
            "memory of {name} is in {}",
            place.of(&name).display()
        ));
    }
    Ok(())
}

/// What is done between the turns of an agent: what the directories hold becomes a version, and what is shared at once is merged.
pub fn notice(ctx: &Ctx) -> Result<()> {
    let repo = ctx.repo()?;
    if store::load(repo, MAIN)?.is_none() {
        return Ok(());
    }
    let place = Place::find(ctx)?;
    let guard = store::lock(repo)?;
    store::sweep(ctx, &place, MAIN, &guard)?;
    let Ok(name) = place::own(ctx, None) else {
        return Ok(());
    };
    if store::sweep(ctx, &place, &name, &guard)?.is_none() {
        return Ok(());
    }
    let only = merge::shared(ctx)?;
    if only.is_empty() {
        return Ok(());
    }
    let request = Request {
        only: Some(only),
        ..Request::default()
    };
    let done = merge::merge(ctx, &place, &name, &request, &guard)?;
    drop(guard);
    if done.new_conflict {
        ctx.ui
            .warn(&undecided(ctx, &name, &done, false).to_string());
    }
    Ok(())
}

/// What the end of a session does: its memory, if it has one of its own, is merged. What is left to decide is told to the
/// room; nothing of it holds up the end.
pub fn at_end(ctx: &Ctx, session: &SessionTag) {
    if let Err(error) = merge_at_end(ctx, session) {
        ctx.ui
            .warn(&format!("the memory of {session} is not merged: {error}"));
    }
}

fn merge_at_end(ctx: &Ctx, session: &SessionTag) -> Result<()> {
    let repo = ctx.repo()?;
    let name = logic::namespace(session.as_str());
    let branch = repo.branch().map(|branch| logic::namespace(&branch));
    for name in [Some(name), branch].into_iter().flatten() {
        if name == MAIN || store::load(repo, &name)?.is_none() {
            continue;
        }
        let place = Place::find(ctx)?;
        let guard = store::lock(repo)?;
        let done = merge::merge(ctx, &place, &name, &Request::default(), &guard)?;
        drop(guard);
        if done.open.is_empty() {
            ctx.ui.note(&format!(
                "memory of {name} merged: {}",
                counted(done.changed.len(), "file")
            ));
        } else {
            ctx.ui
                .warn(&undecided(ctx, &name, &done, false).to_string());
        }
    }
    Ok(())
}
