//! A session comes back to its worktree: what was leased for it is held again, or something else in its place, and the files that the
//! template writes say which.
//!
//! The claims of a lease end with the process that held them; the worktree's record keeps others from being given the same. Only
//! whoever claims it by name can have taken it meanwhile.

use super::{equip, lease, record};
use crate::{
    base::scope::Scope,
    ctx::Ctx,
    error::Result,
    features::{
        claim::{
            logic::overlap,
            store::{self as claims, About},
        },
        session::model::Session,
        template::store as templates,
        worktree::{
            logic::lease::{as_before, wants},
            model::{Lease, Record},
        },
    },
    git::worktrees,
};

/// What is different now.
#[derive(Debug)]
pub struct Back {
    /// What was leased, and what is leased in its place.
    pub moved: Vec<(Lease, Lease)>,
    /// The files that were written anew.
    pub written: Vec<String>,
    /// What could not be written, and why.
    pub left: Vec<String>,
}

/// Leases again what the session of this worktree does not hold; nothing if it holds all, or there is none.
pub fn hold_again(ctx: &Ctx) -> Result<Option<Back>> {
    let repo = ctx.repo()?;
    if repo.worktree().is_none() {
        return Ok(None);
    }
    let Some(mut known) = record::load(repo.git_dir())? else {
        return Ok(None);
    };
    if known.leases.is_empty() {
        return Ok(None);
    }
    let Some(session) = worker(ctx, &known)? else {
        return Ok(None);
    };
    if holds_all(ctx, &session, &known)? {
        return Ok(None);
    }
    let found = match &known.template {
        Some(name) => templates::find(ctx, name).ok(),
        None => None,
    };
    let wants = found.as_ref().map_or_else(
        || as_before(&known.leases),
        |found| wants(&found.template.lease, &known.leases),
    );
    let time = equip::lease_time(ctx, found.as_ref())?;
    let had = std::mem::take(&mut known.leases);
    let own = (repo.git_dir(), time);
    known.leases = lease::take(ctx, &session.tag, (&wants, &had), own)?;
    known.session = Some(session.tag);
    record::save(repo.git_dir(), &known)?;
    let mut back = Back {
        moved: moved(&had, &known.leases),
        written: Vec::new(),
        left: Vec::new(),
    };
    let tree = worktrees::at(repo, repo.require_worktree()?)?;
    if let (Some(tree), false) = (tree, back.moved.is_empty()) {
        (back.written, back.left) = equip::put_all(&tree, &known, found.as_ref());
    }
    Ok(Some(back))
}

/// The session that the leases are for: the one on record while it is alive, else the only one here.
fn worker(ctx: &Ctx, known: &Record) -> Result<Option<Session>> {
    let mut here = equip::workers(ctx)?;
    if let Some(at) = here
        .iter()
        .position(|one| Some(&one.tag) == known.session.as_ref())
    {
        return Ok(Some(here.swap_remove(at)));
    }
    Ok(if here.len() == 1 { here.pop() } else { None })
}

fn holds_all(ctx: &Ctx, session: &Session, known: &Record) -> Result<bool> {
    let snapshot = claims::load(ctx.repo()?, ctx.now(), About::Everything)?;
    let state = &snapshot.state;
    Ok(known.leases.iter().all(|lease| {
        Scope::parse(&lease.scope).is_ok_and(|scope| {
            let scopes = [scope];
            state
                .held_by(&session.tag)
                .any(|claim| overlap(&claim.record.scopes, &scopes, state.fold).is_some())
        })
    }))
}

fn moved(had: &[Lease], have: &[Lease]) -> Vec<(Lease, Lease)> {
    let pair = |new: &Lease| {
        let old = had.iter().find(|old| old.name == new.name)?;
        (old.value != new.value).then(|| (old.clone(), new.clone()))
    };
    have.iter().filter_map(pair).collect()
}
