//! Pure decisions about claims; the only place that says who may hold what.

use super::model::{Claim, Ticket};
use crate::base::{
    id::{ClaimId, SessionTag},
    scope::{Fold, Scope},
    time::{Timestamp, Ttl},
};
use std::collections::{BTreeMap, BTreeSet};

/// Everything a decision depends on, as read at one log tip.
#[derive(Clone, Debug)]
pub struct State {
    /// The claims that have a lock ref.
    pub claims: Vec<Claim>,
    /// Sessions whose process is proved gone.
    pub dead: BTreeSet<SessionTag>,
    /// Claims whose release is already in the log: a kill kept their ref.
    pub released: BTreeSet<ClaimId>,
    /// Who waits, in order.
    pub queue: Vec<Ticket>,
    /// The time.
    pub now: Timestamp,
    /// What the file system does not tell apart.
    pub fold: Fold,
}

/// Why a claim whose ref is still there holds nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Its time is over.
    Expired,
    /// Its holder's process is gone.
    HolderGone,
    /// Its release is in the log.
    Released,
}

impl Ended {
    /// Returns the word the log uses.
    pub fn word(self) -> &'static str {
        match self {
            Ended::Expired => "expired",
            Ended::HolderGone => "holder-gone",
            Ended::Released => "released",
        }
    }
}

impl State {
    /// Tells whether and why a claim holds nothing any more.
    pub fn ended(&self, claim: &Claim) -> Option<Ended> {
        if self.released.contains(&claim.id) {
            Some(Ended::Released)
        } else if claim.record.until <= self.now {
            Some(Ended::Expired)
        } else if self.dead.contains(&claim.record.session) {
            Some(Ended::HolderGone)
        } else {
            None
        }
    }

    /// Tells the same of the claim with this id.
    pub fn ended_by(&self, id: &ClaimId) -> Option<Ended> {
        let claim = self.claims.iter().find(|claim| &claim.id == id)?;
        self.ended(claim)
    }

    /// Returns the live claims.
    pub fn live(&self) -> impl Iterator<Item = &Claim> {
        self.claims
            .iter()
            .filter(|claim| self.ended(claim).is_none())
    }

    /// Returns the live claims of one session.
    pub fn held_by<'a>(&'a self, session: &'a SessionTag) -> impl Iterator<Item = &'a Claim> {
        self.live()
            .filter(move |claim| &claim.record.session == session)
    }

    /// Returns the live claims of others that overlap any of `scopes`, with what overlaps what.
    pub fn blockers(&self, session: Option<&SessionTag>, scopes: &[Scope]) -> Vec<Blocker> {
        self.live()
            .filter(|claim| Some(&claim.record.session) != session)
            .filter_map(|claim| self.blocks(claim, scopes))
            .collect()
    }

    fn blocks(&self, claim: &Claim, scopes: &[Scope]) -> Option<Blocker> {
        let (held, wanted) = overlap(&claim.record.scopes, scopes, self.fold)?;
        Some(Blocker {
            claim: claim.clone(),
            held: held.clone(),
            wanted: wanted.clone(),
        })
    }
}

/// Returns the first pair that overlaps.
pub fn overlap<'a>(
    held: &'a [Scope],
    wanted: &'a [Scope],
    fold: Fold,
) -> Option<(&'a Scope, &'a Scope)> {
    held.iter().find_map(|held| {
        wanted
            .iter()
            .find(|wanted| held.overlaps(wanted, fold))
            .map(|wanted| (held, wanted))
    })
}

/// A claim that stands in the way.
#[derive(Clone, Debug, PartialEq)]
pub struct Blocker {
    /// The claim.
    pub claim: Claim,
    /// Which of its scopes.
    pub held: Scope,
    /// Which of the wanted ones.
    pub wanted: Scope,
}

/// What a session asks for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who asks.
    pub session: SessionTag,
    /// For what; at least one.
    pub scopes: Vec<Scope>,
    /// For how long.
    pub ttl: Ttl,
    /// Its own place in the queue, if it waits.
    pub ticket: Option<u64>,
}

/// What to write so that a request is granted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grant {
    /// The scopes of the new claim; empty if what is held covers everything.
    pub create: Vec<Scope>,
    /// Own claims to extend to the given time.
    pub renew: Vec<(ClaimId, Timestamp)>,
    /// Own claims that the new one covers.
    pub absorb: Vec<ClaimId>,
    /// Claims in the way that hold nothing any more.
    pub clear: Vec<(ClaimId, Ended)>,
}

/// Why a request is not granted.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// Others hold it.
    Held(Vec<Blocker>),
    /// Others wait for it and came first.
    Queued(Vec<Ticket>),
    /// Waiting would never end: everybody in the ring waits for the next.
    Deadlock(Vec<SessionTag>),
}

/// Decides a request: all of its scopes or none.
pub fn decide_take(state: &State, request: &Request) -> Result<Grant, Refusal> {
    let blockers = state.blockers(Some(&request.session), &request.scopes);
    if !blockers.is_empty() {
        return Err(Refusal::Held(blockers));
    }
    let own: Vec<&Claim> = state.held_by(&request.session).collect();
    let mut create = uncovered(state, &request.session, &request.scopes);
    create.sort();
    create.dedup();
    let ahead = ahead_of(state, request, &create);
    if !ahead.is_empty() {
        return Err(Refusal::Queued(ahead));
    }
    let until = state.now.after(request.ttl);
    let mut grant = Grant {
        create,
        ..Grant::default()
    };
    for claim in own {
        let scopes = &claim.record.scopes;
        if scopes
            .iter()
            .all(|held| grant.create.iter().any(|new| new.covers(held, state.fold)))
        {
            grant.absorb.push(claim.id.clone());
        } else if scopes.iter().any(|held| {
            request
                .scopes
                .iter()
                .any(|wanted| held.covers(wanted, state.fold))
        }) {
            grant
                .renew
                .push((claim.id.clone(), until.max(claim.record.until)));
        }
    }
    grant.clear = clear(state, &grant.create, Some(&request.session));
    Ok(grant)
}

/// Returns those of `scopes` that no live claim of the session covers yet.
fn uncovered(state: &State, session: &SessionTag, scopes: &[Scope]) -> Vec<Scope> {
    let covered = |scope: &&Scope| {
        state
            .held_by(session)
            .flat_map(|claim| &claim.record.scopes)
            .any(|held| held.covers(scope, state.fold))
    };
    scopes
        .iter()
        .filter(|scope| !covered(scope))
        .cloned()
        .collect()
}

/// Returns those who came first for what is not yet held; what one holds one may always extend.
fn ahead_of(state: &State, request: &Request, create: &[Scope]) -> Vec<Ticket> {
    let first = |ticket: &&Ticket| request.ticket.is_none_or(|own| ticket.number < own);
    let contended = |ticket: &&Ticket| {
        ticket.session != request.session && overlap(&ticket.scopes, create, state.fold).is_some()
    };
    state
        .queue
        .iter()
        .filter(first)
        .filter(contended)
        .cloned()
        .collect()
}

/// Returns the ended claims to delete with a grant: those in its way and the asker's own.
///
/// They must go in the very transaction that grants: the collision on their ref
/// is what stops a delayed commit of the old holder.
pub fn clear(
    state: &State,
    scopes: &[Scope],
    session: Option<&SessionTag>,
) -> Vec<(ClaimId, Ended)> {
    let concerned = |claim: &Claim| {
        Some(&claim.record.session) == session
            || overlap(&claim.record.scopes, scopes, state.fold).is_some()
    };
    let ended = |claim: &Claim| Some((claim.id.clone(), state.ended(claim)?));
    state
        .claims
        .iter()
        .filter(|claim| concerned(claim))
        .filter_map(ended)
        .collect()
}

/// Finds the ring that `session` would close by waiting for `scopes`, from itself on.
///
/// A waiter waits for who holds what it wants, and for who came first in the queue for it.
pub fn deadlock(state: &State, session: &SessionTag, scopes: &[Scope]) -> Option<Vec<SessionTag>> {
    let mut waits: BTreeMap<&SessionTag, BTreeSet<&SessionTag>> = BTreeMap::new();
    let mut wanted: Vec<(&SessionTag, &[Scope], u64)> = state
        .queue
        .iter()
        .map(|ticket| (&ticket.session, ticket.scopes.as_slice(), ticket.number))
        .collect();
    if !wanted
        .iter()
        .any(|(waiter, wants, _)| *waiter == session && *wants == scopes)
    {
        wanted.push((session, scopes, u64::MAX));
    }
    for (waiter, scopes, number) in wanted {
        let holders = state.live().filter(|claim| {
            &claim.record.session != waiter
                && overlap(&claim.record.scopes, scopes, state.fold).is_some()
        });
        let open = uncovered(state, waiter, scopes);
        let earlier = state.queue.iter().filter(|ticket| {
            ticket.number < number
                && &ticket.session != waiter
                && overlap(&ticket.scopes, &open, state.fold).is_some()
        });
        waits.entry(waiter).or_default().extend(
            holders
                .map(|claim| &claim.record.session)
                .chain(earlier.map(|ticket| &ticket.session)),
        );
    }
    let mut path = vec![session];
    let mut seen = BTreeSet::new();
    find_ring(&waits, session, &mut path, &mut seen).then(|| path.into_iter().cloned().collect())
}

fn find_ring<'a>(
    waits: &BTreeMap<&'a SessionTag, BTreeSet<&'a SessionTag>>,
    goal: &SessionTag,
    path: &mut Vec<&'a SessionTag>,
    seen: &mut BTreeSet<&'a SessionTag>,
) -> bool {
    let Some(next) = path.last().and_then(|last| waits.get(last)) else {
        return false;
    };
    for session in next {
        if *session == goal {
            return true;
        }
        if seen.insert(session) {
            path.push(session);
            if find_ring(waits, goal, path, seen) {
                return true;
            }
            path.pop();
        }
    }
    false
}

/// What to write so that scopes are given back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Give {
    /// Claims to delete.
    pub delete: Vec<ClaimId>,
    /// Claims that keep some of their scopes.
    pub keep: Vec<(ClaimId, Vec<Scope>)>,
    /// Asked for, but not held as such.
    pub missing: Vec<Scope>,
}

/// Decides a release: `None` gives back everything. What is already gone is no error when all is given back.
pub fn decide_release(state: &State, session: &SessionTag, scopes: Option<&[Scope]>) -> Give {
    let own = || {
        state
            .claims
            .iter()
            .filter(|claim| &claim.record.session == session)
    };
    let Some(scopes) = scopes else {
        return Give {
            delete: own().map(|claim| claim.id.clone()).collect(),
            ..Give::default()
        };
    };
    let mut give = Give::default();
    let released = |held: &Scope| scopes.iter().any(|scope| scope.covers(held, state.fold));
    for claim in own() {
        let keep: Vec<Scope> = claim
            .record
            .scopes
            .iter()
            .filter(|held| !released(held))
            .cloned()
            .collect();
        if keep.is_empty() {
            give.delete.push(claim.id.clone());
        } else if keep.len() < claim.record.scopes.len() {
            give.keep.push((claim.id.clone(), keep));
        }
    }
    let held: Vec<&Scope> = own().flat_map(|claim| &claim.record.scopes).collect();
    give.missing = scopes
        .iter()
        .filter(|scope| !held.iter().any(|held| scope.covers(held, state.fold)))
        .cloned()
        .collect();
    give
}

/// Returns the session's claims that are past the middle of their lease, with their new end.
pub fn decide_renew(state: &State, session: &SessionTag) -> Vec<(ClaimId, Timestamp)> {
    let due = |claim: &&Claim| {
        let left = claim.record.until.unix() - state.now.unix();
        left < i64::from(claim.record.ttl.seconds()) / 2
    };
    state
        .held_by(session)
        .filter(due)
        .map(|claim| (claim.id.clone(), state.now.after(claim.record.ttl)))
        .collect()
}

/// Tells whether a grant that is already visible must be withdrawn: a live claim of another overlaps it.
///
/// This runs after the transaction said yes, because git's compare-and-swap can
/// be fooled. Fences do not decide: two that were fooled may carry one number,
/// and a late one even a lower (tests/props/claim_protocol.rs has the traces).
/// Both sides may withdraw; both then decide again.
pub fn must_withdraw(state: &State, mine: &Claim) -> bool {
    !state
        .blockers(Some(&mine.record.session), &mine.record.scopes)
        .is_empty()
}
