//! `git ccc claim`, `release`, `claims`, `break`.

use super::{
    error::refused,
    logic::{self, Refusal, Request},
    model::{Claim, join},
    plan::{NewClaim, Plan},
    queue::{self, Place},
    store::{self, About},
    typed::{resolve, resolve_all},
    view::{ClaimList, ClaimView, Claimed, Released},
};
use crate::{
    base::{
        id::{ClaimId, SessionTag},
        scope::Scope,
        text::{one_line, shell},
        time::Ttl,
    },
    ctx::Ctx,
    error::{Error, Result},
    features::{notify, session},
    git::{log::Guard, watch::Alarm},
};
use clap::Args;
use std::time::{Duration, Instant};

/// Arguments of `claim`.
#[derive(Debug, Args)]
pub struct ClaimArgs {
    /// Paths, directories, globs, res:NAME or ~/FILE
    #[arg(required = true, value_name = "SCOPE")]
    pub scopes: Vec<String>,
    /// What it is for
    #[arg(short = 'm', long, value_name = "INTENT")]
    pub intent: Option<String>,
    /// How long it lasts unless renewed (default: setting claims.ttl)
    #[arg(long = "for", value_name = "TIME")]
    pub ttl: Option<Ttl>,
    /// When it should be done, from now
    #[arg(long, value_name = "TIME")]
    pub eta: Option<Ttl>,
    /// Wait for it, at most so long if a time is given
    #[arg(long, value_name = "LIMIT", num_args = 0..=1, require_equals = true)]
    pub wait: Option<Option<Ttl>>,
    /// Give it back with the commit that contains it
    #[arg(long)]
    pub until_commit: bool,
    /// Say what would happen and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `release`.
#[derive(Debug, Args)]
pub struct ReleaseArgs {
    /// What to give back; a wider scope gives back all that it covers
    #[arg(required_unless_present = "all", value_name = "SCOPE")]
    pub scopes: Vec<String>,
    /// Give back everything
    #[arg(long, conflicts_with = "scopes")]
    pub all: bool,
}

/// Arguments of `claims`.
#[derive(Debug, Args)]
pub struct ClaimsArgs {
    /// Only those of this session
    #[arg(long)]
    pub mine: bool,
    /// Only those that overlap this scope
    #[arg(long, value_name = "SCOPE")]
    pub path: Option<String>,
}

/// Arguments of `break`.
#[derive(Debug, Args)]
pub struct BreakArgs {
    /// Id of the claim, as `claims` shows it
    pub claim: String,
    /// Why; recorded in the log for the holder to read
    #[arg(long, required = true)]
    pub why: String,
}

/// Runs `claim`.
pub fn claim(ctx: &Ctx, args: &ClaimArgs) -> Result<()> {
    let session = session::store::current_alive(ctx)?;
    let scopes = resolve_all(ctx, &args.scopes)?;
    let ttl = args
        .ttl
        .map_or_else(|| ctx.settings().map(crate::settings::Settings::ttl), Ok)?;
    let new = NewClaim {
        scopes,
        intent: args.intent.clone(),
        ttl,
        eta: args.eta.map(|eta| ctx.now().after(eta)),
        until_commit: args.until_commit,
    };
    if args.dry_run {
        return dry_run(ctx, &session.tag, &new);
    }
    let claims = match &args.wait {
        Some(limit) => take_waiting(ctx, &session.tag, &new, *limit)?,
        None => store::take(ctx, &session.tag, &new)?,
    };
    ctx.ui.answer(&Claimed::new(&claims, false, ctx.now()))
}

fn dry_run(ctx: &Ctx, session: &SessionTag, new: &NewClaim) -> Result<()> {
    let snapshot = store::load(ctx.repo()?, ctx.now(), About::Scopes(&new.scopes))?;
    snapshot.require_readable()?;
    let request = Request {
        session: session.clone(),
        scopes: new.scopes.clone(),
        ttl: new.ttl,
        ticket: None,
    };
    match logic::decide_take(&snapshot.state, &request) {
        Ok(_) => ctx.ui.answer(&Claimed::new(&[], true, ctx.now())),
        Err(refusal) => Err(refused(&refusal, &new.scopes)),
    }
}

/// One try of a waiting claim.
enum Turn {
    Granted(Vec<Claim>),
    Wait {
        place: Option<Place>,
        refusal: Refusal,
        next: Option<i64>,
    },
}

/// Takes scopes, waiting in the queue while others hold them.
fn take_waiting(
    ctx: &Ctx,
    session: &SessionTag,
    new: &NewClaim,
    limit: Option<Ttl>,
) -> Result<Vec<Claim>> {
    let until = limit.map(|limit| Instant::now() + Duration::from(limit));
    let mut place: Option<Place> = None;
    loop {
        // Listening starts before looking, so that nothing changes unseen in between.
        let alarm = Alarm::new(ctx.repo()?, queue::PLACES);
        match turn(ctx, session, new, place.as_ref())? {
            Turn::Granted(claims) => return Ok(claims),
            Turn::Wait {
                place: entered,
                refusal,
                next,
            } => {
                if place.is_none() {
                    ctx.ui.note(&format!(
                        "waiting for {}: {}",
                        join(&new.scopes),
                        refused(&refusal, &new.scopes).message
                    ));
                }
                place = place.or(entered);
                let left = until.map_or(Duration::MAX, |until| {
                    until.saturating_duration_since(Instant::now())
                });
                if left.is_zero() {
                    let Some(limit) = limit else { continue };
                    let error = refused(&refusal, &new.scopes);
                    return Err(error.because(format!("it was still so after {limit}")));
                }
                // No event announces the end of a lease or the death of a holder.
                let clock = next
                    .map_or(1000, |seconds| seconds.clamp(0, 1) * 1000)
                    .max(50);
                alarm.wait(left.min(Duration::from_millis(clock.unsigned_abs())));
            }
        }
    }
}

fn turn(ctx: &Ctx, session: &SessionTag, new: &NewClaim, place: Option<&Place>) -> Result<Turn> {
    let ticket = place.map(|place| place.ticket.number);
    let mut waiting = None;
    let done = store::transition_perhaps(ctx, session, About::Everything, |snapshot, guard| {
        snapshot.require_readable()?;
        let request = Request {
            session: session.clone(),
            scopes: new.scopes.clone(),
            ttl: new.ttl,
            ticket,
        };
        match logic::decide_take(&snapshot.state, &request) {
            Ok(grant) => Ok((Plan::take(session, &grant, &snapshot.state, new), true)),
            Err(refusal) => {
                let place = place.is_none().then_some(guard);
                waiting = Some(wait(ctx, &snapshot.state, &request, (place, refusal))?);
                Ok((Plan::default(), false))
            }
        }
    })?;
    match waiting {
        Some(turn) if !done.value => Ok(turn),
        _ => Ok(Turn::Granted(done.claims)),
    }
}

/// Prepares to wait for a refused request, entering the queue under the guard unless it is there already.
fn wait(
    ctx: &Ctx,
    state: &logic::State,
    request: &Request,
    (enter, refusal): (Option<&Guard>, Refusal),
) -> Result<Turn> {
    let Request {
        session, scopes, ..
    } = request;
    if let Some(ring) = logic::deadlock(state, session, scopes) {
        return Err(refused(&Refusal::Deadlock(ring), scopes));
    }
    let place = match enter {
        Some(guard) => Some(queue::enter(ctx.repo()?, guard, session, scopes)?),
        None => None,
    };
    let blockers = state.blockers(Some(session), scopes);
    let next = blockers
        .iter()
        .map(|blocker| blocker.claim.record.until.seconds_since(state.now))
        .min();
    Ok(Turn::Wait {
        place,
        refusal,
        next,
    })
}

/// Runs `release`.
pub fn release(ctx: &Ctx, args: &ReleaseArgs) -> Result<()> {
    let session = session::store::current(ctx)?.tag;
    let scopes = if args.all {
        None
    } else {
        Some(resolve_all(ctx, &args.scopes)?)
    };
    let done = store::transition(ctx, &session, About::Scopes(&[]), |snapshot, _| {
        let state = &snapshot.state;
        let give = logic::decide_release(state, &session, scopes.as_deref());
        if let Some(scope) = give.missing.first() {
            return Err(not_held(state, &session, scope));
        }
        let mut plan = Plan {
            act: "release",
            ..Plan::default()
        };
        let mut freed: Vec<Scope> = Vec::new();
        for claim in &state.claims {
            if give.delete.contains(&claim.id) {
                freed.extend(claim.record.scopes.iter().cloned());
                let ended = state.ended(claim).unwrap_or(logic::Ended::Released);
                plan.delete.push((claim.id.clone(), ended.word()));
            } else if let Some((_, keep)) = give.keep.iter().find(|(id, _)| id == &claim.id) {
                freed.extend(
                    claim
                        .record
                        .scopes
                        .iter()
                        .filter(|scope| !keep.contains(scope))
                        .cloned(),
                );
                let mut claim = claim.clone();
                claim.record.scopes.clone_from(keep);
                plan.rewrite.push(claim);
            }
        }
        // Claims come by their ids, which are dice.
        freed.sort_by_key(ToString::to_string);
        plan.subject = format!("release {} by {session}", join(&freed));
        Ok((plan, freed))
    })?;
    let scopes = done.value.iter().map(ToString::to_string).collect();
    ctx.ui.answer(&Released {
        session: session.to_string(),
        scopes,
        why: "done".to_owned(),
    })
}

fn not_held(state: &logic::State, session: &SessionTag, scope: &Scope) -> Error {
    let around = state.held_by(session).find(|claim| {
        claim
            .record
            .scopes
            .iter()
            .any(|held| held.covers(scope, state.fold))
    });
    let error = Error::no(format!("{session} does not hold {scope}"));
    match around {
        Some(claim) => error
            .because(format!(
                "it holds {}, which is given back as a whole",
                join(&claim.record.scopes)
            ))
            .hint(format!(
                "git ccc release {}",
                claim
                    .record
                    .scopes
                    .iter()
                    .map(|held| shell(&held.to_string()))
                    .collect::<Vec<_>>()
                    .join(" ")
            )),
        None => error.hint("git ccc claims --mine"),
    }
}

/// Runs `claims`.
pub fn claims(ctx: &Ctx, args: &ClaimsArgs) -> Result<()> {
    let own = if args.mine {
        Some(session::store::current(ctx)?.tag)
    } else {
        None
    };
    let scope = args
        .path
        .as_ref()
        .map(|path| resolve(ctx, path))
        .transpose()?;
    let snapshot = store::load(ctx.repo()?, ctx.now(), About::Everything)?;
    let state = &snapshot.state;
    let wanted = |claim: &&Claim| {
        own.as_ref().is_none_or(|own| own == &claim.record.session)
            && scope.as_ref().is_none_or(|scope| {
                logic::overlap(
                    &claim.record.scopes,
                    std::slice::from_ref(scope),
                    state.fold,
                )
                .is_some()
            })
    };
    let mut found: Vec<&Claim> = state.claims.iter().filter(wanted).collect();
    found.sort_by_key(|claim| (claim.record.fence, claim.id.clone()));
    let claims = found
        .into_iter()
        .map(|claim| ClaimView::new(claim, state.ended(claim).map_or("live", logic::Ended::word)))
        .collect();
    let unreadable = snapshot
        .unreadable
        .iter()
        .map(|(name, _, why)| (name.clone(), why.clone()))
        .collect();
    let list = ClaimList { claims, unreadable };
    if list.claims.is_empty() && list.unreadable.is_empty() {
        ctx.ui.note("nothing is claimed");
    }
    ctx.ui.answer(&list)
}

/// Runs `break`: takes a claim away from its holder, on the record.
pub fn break_claim(ctx: &Ctx, args: &BreakArgs) -> Result<()> {
    let actor = session::store::current(ctx)?.tag;
    let done = store::transition(ctx, &actor, About::Scopes(&[]), |snapshot, _| {
        let id: ClaimId = args.claim.parse().map_err(|error| {
            Error::usage("no such claim")
                .caused_by(&error)
                .hint("git ccc claims")
        })?;
        let why = one_line(&args.why, 1000);
        let known = snapshot.state.claims.iter().find(|claim| claim.id == id);
        let (holder, scopes) = match known {
            Some(claim) => (
                claim.record.session.to_string(),
                claim
                    .record
                    .scopes
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>(),
            ),
            None => return Err(Error::no(format!("there is no claim {id}")).hint("git ccc claims")),
        };
        let trailers = vec![("Ccc-Holder", holder.clone()), ("Ccc-Why", why.clone())];
        let subject = format!("break {} of {holder} by {actor}", scopes.join(" "));
        let plan = Plan {
            act: "break",
            subject,
            delete: vec![(id, "broken")],
            trailers,
            ..Plan::default()
        };
        Ok((
            plan,
            Released {
                session: holder,
                scopes,
                why: format!("broken by {actor}: {why}"),
            },
        ))
    })?;
    let freed = &done.value;
    let event = notify::Event {
        id: args.claim.clone(),
        kind: notify::Kind::BrokenClaim,
        from: freed.session.clone(),
        repo: ctx.repo()?.name(),
        text: format!("{}: {}", freed.scopes.join(" "), freed.why),
    };
    notify::send(ctx, &event);
    ctx.ui.answer(freed)
}
