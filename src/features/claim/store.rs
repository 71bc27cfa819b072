//! Changing claims: the race story, told once.
//!
//! Under the flock: read the log's tip, then list the lock refs, decide (pure),
//! then one transaction that ends with the log. A lost swap reads and decides
//! again. After a grant the claims are listed once more and the grant is
//! withdrawn if a live one of another overlaps it. Neither the flock nor the swap is
//! trusted alone.

pub use super::snapshot::{About, Snapshot, load, ref_name};
use super::{
    error::refused,
    logic::{self, Ended, Request},
    lost,
    model::{Claim, join},
    plan::{NewClaim, Plan, prepare},
    snapshot::load_knowing,
};
use crate::{
    base::{id::SessionTag, scope::Scope},
    ctx::Ctx,
    error::Result,
    git::{
        log::{self, By, Guard, Tip},
        refs::{Lost, Reflog, Writer},
    },
};
use std::collections::BTreeMap;

/// What a transition did.
#[derive(Debug)]
pub struct Done<T> {
    /// What the decision returned.
    pub value: T,
    /// The claims it created or rewrote.
    pub claims: Vec<Claim>,
    /// The entry it appended, if anything changed.
    pub entry: Option<Tip>,
}

/// Decides under the flock and writes in one transaction; a lost swap decides again.
pub fn transition<T>(
    ctx: &Ctx,
    actor: &SessionTag,
    about: About<'_>,
    decide: impl FnMut(&Snapshot, &Guard) -> Result<(Plan, T)>,
) -> Result<Done<T>> {
    // git gets ready while the claims are read.
    let reflog = format!("by {actor}");
    let writer = Writer::early(ctx.repo()?, Reflog::Message(&reflog));
    transit(ctx, actor, about, writer, decide)
}

/// As [`transition`], for decisions that mostly change nothing.
pub fn transition_perhaps<T>(
    ctx: &Ctx,
    actor: &SessionTag,
    about: About<'_>,
    decide: impl FnMut(&Snapshot, &Guard) -> Result<(Plan, T)>,
) -> Result<Done<T>> {
    transit(ctx, actor, about, None, decide)
}

fn transit<T>(
    ctx: &Ctx,
    actor: &SessionTag,
    about: About<'_>,
    mut writer: Option<Writer>,
    mut decide: impl FnMut(&Snapshot, &Guard) -> Result<(Plan, T)>,
) -> Result<Done<T>> {
    let repo = ctx.repo()?;
    let guard = log::lock(repo)?;
    let mut retry = log::Retry::new(log::PATIENCE);
    loop {
        let snapshot = load(repo, ctx.now(), about)?;
        let (plan, value) = decide(&snapshot, &guard)?;
        if logic::decide_renew(&snapshot.state, actor).is_empty() {
            ctx.note_leases_kept(actor);
        }
        if plan.is_empty() {
            return Ok(Done {
                value,
                claims: Vec::new(),
                entry: None,
            });
        }
        match apply(ctx, actor, &snapshot, &plan, writer.take()) {
            Ok((entry, claims)) => {
                lost::put_back_if_any(ctx, &guard);
                if plan.create.is_empty() || confirm(ctx, actor, &claims, (&snapshot, &guard))? {
                    return Ok(Done {
                        value,
                        claims,
                        entry: Some(entry),
                    });
                }
            }
            Err(lost) => {
                if matches!(lost, Lost::Busy(_)) && log::repair_lock(repo, &guard)? {
                    ctx.ui.note("a lock left by a crash was removed");
                }
                retry.again(lost, "change the claims", ctx.dice.roll())?;
            }
        }
    }
}

/// Writes a plan on top of the snapshot it was decided on.
fn apply(
    ctx: &Ctx,
    actor: &SessionTag,
    snapshot: &Snapshot,
    plan: &Plan,
    writer: Option<Writer>,
) -> Result<(Tip, Vec<Claim>), Lost> {
    let (entry, claims, around) = prepare(ctx, actor, snapshot, plan).map_err(Lost::Failed)?;
    log::append(
        ctx.repo().map_err(Lost::Failed)?,
        &snapshot.tip,
        &entry,
        around,
        writer.map_or(By::New(&plan.subject), By::Ready),
    )?;
    Ok((entry, claims))
}

/// Lists again after a grant; withdraws it and returns false if a claim of another overlaps.
fn confirm(
    ctx: &Ctx,
    actor: &SessionTag,
    granted: &[Claim],
    (known, guard): (&Snapshot, &Guard),
) -> Result<bool> {
    let repo = ctx.repo()?;
    let mut retry = log::Retry::new(log::PATIENCE);
    loop {
        let scopes: Vec<Scope> = granted
            .iter()
            .flat_map(|claim| claim.record.scopes.clone())
            .collect();
        let snapshot = load_knowing(repo, ctx.now(), About::Scopes(&scopes), Some(known))?;
        let lost: Vec<&Claim> = granted
            .iter()
            .filter(|mine| logic::must_withdraw(&snapshot.state, mine))
            .collect();
        if lost.is_empty() {
            return Ok(true);
        }
        let delete = granted
            .iter()
            .filter(|claim| snapshot.oids.contains_key(&claim.id))
            .map(|claim| (claim.id.clone(), "withdrawn"));
        let plan = Plan {
            act: "withdraw",
            subject: format!("withdraw {} by {actor}", join(&scopes)),
            delete: delete.collect(),
            ..Plan::default()
        };
        match apply(ctx, actor, &snapshot, &plan, None) {
            Ok(_) => return Ok(false),
            Err(lost) => {
                if matches!(lost, Lost::Busy(_)) {
                    log::repair_lock(repo, guard)?;
                }
                retry.again(lost, "withdraw a claim", ctx.dice.roll())?;
            }
        }
    }
}

/// Takes scopes or says who is in the way.
pub fn take(ctx: &Ctx, session: &SessionTag, new: &NewClaim) -> Result<Vec<Claim>> {
    let done = transition(ctx, session, About::Scopes(&new.scopes), |snapshot, _| {
        snapshot.require_readable()?;
        let request = Request {
            session: session.clone(),
            scopes: new.scopes.clone(),
            ttl: new.ttl,
            ticket: None,
        };
        let grant = logic::decide_take(&snapshot.state, &request)
            .map_err(|refusal| refused(&refusal, &new.scopes))?;
        Ok((Plan::take(session, &grant, &snapshot.state, new), ()))
    })?;
    Ok(done.claims)
}

/// Renews the session's claims that are past the middle of their lease; cheap when none is.
pub fn renew_due(ctx: &Ctx, session: &SessionTag) -> Result<()> {
    let repo = ctx.repo()?;
    let snapshot = load(repo, ctx.now(), About::Scopes(&[]))?;
    if logic::decide_renew(&snapshot.state, session).is_empty() {
        return Ok(());
    }
    transition(ctx, session, About::Scopes(&[]), |snapshot, _| {
        let due: BTreeMap<_, _> = logic::decide_renew(&snapshot.state, session)
            .into_iter()
            .collect();
        let mut plan = Plan {
            act: "renew",
            subject: format!("renew {} claims of {session}", due.len()),
            ..Plan::default()
        };
        for claim in &snapshot.state.claims {
            if let Some(until) = due.get(&claim.id) {
                let mut claim = claim.clone();
                claim.record.until = *until;
                plan.rewrite.push(claim);
            }
        }
        Ok((plan, ()))
    })
    .map(drop)
}

/// Gives back everything a session holds and returns how many claims that were.
pub fn release_all(ctx: &Ctx, session: &SessionTag) -> Result<usize> {
    // Whether they still hold is asked, so that the log says truly until when they did.
    let done = transition(ctx, session, About::Everything, |snapshot, _| {
        let give = logic::decide_release(&snapshot.state, session, None);
        let count = give.delete.len();
        let delete = give
            .delete
            .into_iter()
            .map(|id| {
                let ended = snapshot.state.ended_by(&id).unwrap_or(Ended::Released);
                (id, ended.word())
            })
            .collect();
        Ok((
            Plan {
                act: "release",
                subject: format!("release {count} claims by {session}"),
                delete,
                ..Plan::default()
            },
            count,
        ))
    })?;
    Ok(done.value)
}
