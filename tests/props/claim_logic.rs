//! The decisions about claims against a model: whatever happens in whatever order, no two live claims of different sessions overlap.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use git_ccc::base::id::{ClaimId, ProcessId, SessionTag};
use git_ccc::base::scope::{Fold, Scope};
use git_ccc::base::time::{Timestamp, Ttl};
use git_ccc::features::claim::logic::{
    Ended, Refusal, Request, State, deadlock, decide_release, decide_renew, decide_take,
    must_withdraw, overlap,
};
use git_ccc::features::claim::model::{Claim, ClaimRecord, Ticket};
use proptest::prelude::*;

const SCOPES: &[&str] = &[
    "a", "a/b", "a/b/c.rs", "a/*.rs", "a/x.rs", "**/*.rs", "d", "d/{b,c}", "d/[ab]", "res:r",
    "res:s", "~/f", ".",
];

#[derive(Clone, Debug)]
enum Op {
    Take(usize, Vec<usize>, u64),
    Release(usize, Option<Vec<usize>>),
    Renew(usize),
    Tick(i64),
    Die(usize),
    Live(usize),
    Break(usize),
    Wait(usize, Vec<usize>),
    Leave(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let who = || 0..4_usize;
    let scopes = || prop::collection::vec(0..SCOPES.len(), 1..4);
    prop_oneof![
        6 => (who(), scopes(), 1..200_u64).prop_map(|(s, scopes, ttl)| Op::Take(s, scopes, ttl)),
        2 => (who(), prop::option::of(scopes())).prop_map(|(s, scopes)| Op::Release(s, scopes)),
        1 => who().prop_map(Op::Renew),
        2 => (1..120_i64).prop_map(Op::Tick),
        1 => who().prop_map(Op::Die),
        1 => who().prop_map(Op::Live),
        1 => (0..8_usize).prop_map(Op::Break),
        2 => (who(), scopes()).prop_map(|(s, scopes)| Op::Wait(s, scopes)),
        1 => (0..8_usize).prop_map(Op::Leave),
    ]
}

fn tag(n: usize) -> SessionTag {
    format!("s{n}-000{n}").parse().expect("a tag")
}

fn pick(scopes: &[usize]) -> Vec<Scope> {
    scopes
        .iter()
        .map(|n| SCOPES[*n].parse().expect("a scope"))
        .collect()
}

fn empty() -> State {
    State {
        claims: Vec::new(),
        dead: BTreeSet::new(),
        released: BTreeSet::new(),
        queue: Vec::new(),
        now: Timestamp::from_unix(1_000_000).expect("a time"),
        fold: Fold::default(),
    }
}

fn claim(state: &State, session: SessionTag, scopes: Vec<Scope>, ttl: Ttl) -> Claim {
    // Only that no two are equal matters.
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let fence = NEXT.fetch_add(1, Ordering::Relaxed);
    let record = ClaimRecord {
        session,
        scopes,
        intent: None,
        taken: state.now,
        until: state.now.after(ttl),
        ttl,
        eta: None,
        worktree: None,
        until_commit: false,
        fence,
        entry: format!("{fence:040}"),
        nonce: String::new(),
        extra: toml::Table::new(),
    };
    Claim {
        id: format!("{fence:012x}").parse().expect("an id"),
        record,
    }
}

/// Carries a request out and checks what must be true of its answer.
fn take(
    state: &mut State,
    session: &SessionTag,
    scopes: &[Scope],
    ttl: u64,
) -> Result<(), TestCaseError> {
    let ttl = Ttl::from_seconds(ttl).expect("a length");
    let own = state
        .queue
        .iter()
        .find(|ticket| &ticket.session == session && ticket.scopes == scopes);
    let ticket = own.map(|ticket| ticket.number);
    let request = Request {
        session: session.clone(),
        scopes: scopes.to_vec(),
        ttl,
        ticket,
    };
    let grant = match decide_take(state, &request) {
        Ok(grant) => grant,
        Err(Refusal::Held(blockers)) => {
            prop_assert!(!blockers.is_empty());
            for blocker in blockers {
                prop_assert!(
                    state.ended(&blocker.claim).is_none(),
                    "what has ended never blocks"
                );
                prop_assert!(
                    &blocker.claim.record.session != session,
                    "nobody is in his own way"
                );
                prop_assert!(blocker.held.overlaps(&blocker.wanted, state.fold));
            }
            return Ok(());
        }
        Err(Refusal::Queued(ahead)) => {
            for other in ahead {
                prop_assert!(&other.session != session);
                prop_assert!(
                    ticket.is_none_or(|own| other.number < own),
                    "only who came first is first"
                );
                prop_assert!(overlap(&other.scopes, scopes, state.fold).is_some());
            }
            return Ok(());
        }
        Err(refusal) => return Err(TestCaseError::fail(format!("{refusal:?}"))),
    };
    for other in &state.queue {
        let first = &other.session != session && ticket.is_none_or(|own| other.number < own);
        let jumped = first && overlap(&other.scopes, &grant.create, state.fold).is_some();
        prop_assert!(!jumped, "a grant passes nobody in the queue");
    }
    for (id, ended) in &grant.clear {
        let gone = state
            .claims
            .iter()
            .find(|claim| &claim.id == id)
            .expect("a claim that is there");
        prop_assert_eq!(
            state.ended(gone),
            Some(*ended),
            "only what has ended is cleared away"
        );
    }
    let before: BTreeMap<ClaimId, Timestamp> = state
        .held_by(session)
        .map(|claim| (claim.id.clone(), claim.record.until))
        .collect();
    state.claims.retain(|claim| {
        !grant.absorb.contains(&claim.id) && !grant.clear.iter().any(|(id, _)| id == &claim.id)
    });
    for (id, until) in &grant.renew {
        let mine = state
            .claims
            .iter_mut()
            .find(|claim| &claim.id == id)
            .expect("it is there");
        prop_assert!(
            &mine.record.session == session && *until >= before[id],
            "renewing never shortens"
        );
        mine.record.until = *until;
    }
    if !grant.create.is_empty() {
        let new = claim(state, session.clone(), grant.create, ttl);
        state.claims.push(new);
    }
    if !state.dead.contains(session) {
        for scope in scopes {
            let held = state.held_by(session).any(|claim| {
                claim.record.until >= state.now.after(ttl)
                    && claim
                        .record
                        .scopes
                        .iter()
                        .any(|held| held.covers(scope, state.fold))
            });
            prop_assert!(held, "{scope} is held for as long as was asked");
        }
    }
    Ok(())
}

fn release(
    state: &mut State,
    session: &SessionTag,
    scopes: Option<&[Scope]>,
) -> Result<(), TestCaseError> {
    let others: Vec<Claim> = state
        .claims
        .iter()
        .filter(|claim| &claim.record.session != session)
        .cloned()
        .collect();
    let give = decide_release(state, session, scopes);
    state
        .claims
        .retain(|claim| !give.delete.contains(&claim.id));
    for claim in &mut state.claims {
        if let Some((_, keep)) = give.keep.iter().find(|(id, _)| id == &claim.id) {
            prop_assert!(!keep.is_empty());
            claim.record.scopes.clone_from(keep);
        }
    }
    let again = decide_release(state, session, scopes);
    prop_assert!(
        again.delete.is_empty() && again.keep.is_empty(),
        "giving back twice changes nothing"
    );
    prop_assert!(
        others.iter().all(|other| state.claims.contains(other)),
        "others keep theirs"
    );
    Ok(())
}

/// Whether `waiter` waits for `other`, said again in the plainest way.
fn waits_for(
    state: &State,
    waiter: &SessionTag,
    other: &SessionTag,
    asks: &[(SessionTag, Vec<Scope>, u64)],
) -> bool {
    asks.iter()
        .filter(|(session, _, _)| session == waiter)
        .any(|(_, scopes, number)| {
            let held = state
                .held_by(other)
                .any(|claim| overlap(&claim.record.scopes, scopes, state.fold).is_some());
            let open: Vec<Scope> = scopes
                .iter()
                .filter(|scope| {
                    !state.held_by(waiter).any(|mine| {
                        mine.record
                            .scopes
                            .iter()
                            .any(|held| held.covers(scope, state.fold))
                    })
                })
                .cloned()
                .collect();
            let first = state.queue.iter().any(|ticket| {
                &ticket.session == other
                    && ticket.number < *number
                    && overlap(&ticket.scopes, &open, state.fold).is_some()
            });
            waiter != other && (held || first)
        })
}

fn ring(state: &State, session: &SessionTag, scopes: &[Scope]) -> Result<(), TestCaseError> {
    let mut asks: Vec<_> = state
        .queue
        .iter()
        .map(|ticket| (ticket.session.clone(), ticket.scopes.clone(), ticket.number))
        .collect();
    if !asks
        .iter()
        .any(|(who, wants, _)| who == session && wants == scopes)
    {
        asks.push((session.clone(), scopes.to_vec(), u64::MAX));
    }
    let waits = |one: &SessionTag, two: &SessionTag| waits_for(state, one, two, &asks);
    if let Some(ring) = deadlock(state, session, scopes) {
        prop_assert_eq!(&ring[0], session, "the ring is told from the asker on");
        for (n, one) in ring.iter().enumerate() {
            prop_assert!(
                waits(one, &ring[(n + 1) % ring.len()]),
                "each waits for the next: {:?}",
                ring
            );
        }
        return Ok(());
    }
    let mut reached = BTreeSet::new();
    let mut open = vec![session.clone()];
    while let Some(one) = open.pop() {
        for two in (0..4).map(tag).filter(|two| waits(&one, two)) {
            prop_assert!(&two != session, "a ring through the asker is found");
            if reached.insert(two.clone()) {
                open.push(two);
            }
        }
    }
    Ok(())
}

fn step(state: &mut State, op: &Op) -> Result<(), TestCaseError> {
    match op {
        Op::Take(s, scopes, ttl) => take(state, &tag(*s), &pick(scopes), *ttl)?,
        Op::Release(s, scopes) => {
            let scopes = scopes.as_deref().map(pick);
            release(state, &tag(*s), scopes.as_deref())?;
        }
        Op::Renew(s) => {
            for (id, until) in decide_renew(state, &tag(*s)) {
                let mine = state
                    .claims
                    .iter_mut()
                    .find(|claim| claim.id == id)
                    .expect("it is there");
                prop_assert!(until >= mine.record.until && mine.record.session == tag(*s));
                mine.record.until = until;
            }
        }
        Op::Tick(seconds) => {
            state.now = Timestamp::from_unix(state.now.unix() + seconds).expect("a time");
        }
        Op::Die(s) => drop(state.dead.insert(tag(*s))),
        // A session that is registered again under its tag finds what it held cleared or still its own.
        Op::Live(s) => {
            let back = tag(*s);
            state
                .claims
                .retain(|claim| claim.record.session != back || !state.dead.contains(&back));
            state.dead.remove(&back);
        }
        Op::Break(n) => {
            if !state.claims.is_empty() {
                state.claims.remove(n % state.claims.len());
            }
        }
        Op::Wait(s, scopes) => {
            ring(state, &tag(*s), &pick(scopes))?;
            let number = state.queue.last().map_or(1, |last| last.number + 1);
            let process = ProcessId {
                pid: 1,
                start: String::new(),
            };
            state.queue.push(Ticket {
                number,
                session: tag(*s),
                scopes: pick(scopes),
                process,
            });
        }
        Op::Leave(n) => {
            if !state.queue.is_empty() {
                state.queue.remove(n % state.queue.len());
            }
        }
    }
    Ok(())
}

fn one_holder(state: &State) -> Result<(), TestCaseError> {
    let live: Vec<&Claim> = state.live().collect();
    for (n, one) in live.iter().enumerate() {
        prop_assert!(one.record.until > state.now && !state.dead.contains(&one.record.session));
        for two in &live[n + 1..] {
            let both = one.record.session != two.record.session
                && overlap(&one.record.scopes, &two.record.scopes, state.fold).is_some();
            prop_assert!(!both, "two holders: {one:?} {two:?}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn one_holder_after_any_sequence(ops in prop::collection::vec(op(), 1..40)) {
        let mut state = empty();
        for op in &ops {
            step(&mut state, op)?;
            one_holder(&state)?;
        }
    }

    #[test]
    fn what_has_ended_never_blocks(scopes in prop::collection::vec(0..SCOPES.len(), 1..3), why in 0..3_usize) {
        let mut state = empty();
        let left = claim(&state, tag(0), pick(&scopes), Ttl::from_seconds(60).expect("a length"));
        match why {
            0 => state.now = left.record.until,
            1 => drop(state.dead.insert(tag(0))),
            _ => drop(state.released.insert(left.id.clone())),
        }
        state.claims.push(left);
        take(&mut state, &tag(1), &pick(&scopes), 60)?;
        prop_assert_eq!(state.claims.len(), 1, "it is cleared away by the grant");
        prop_assert_eq!(state.claims[0].record.session.clone(), tag(1));
    }

    #[test]
    fn of_two_grants_that_see_each_other_none_stays(scopes in prop::collection::vec(0..SCOPES.len(), 1..3), older in any::<bool>()) {
        let mut state = empty();
        let hour = Ttl::from_seconds(3600).expect("a length");
        let mut mine = claim(&state, tag(0), pick(&scopes), hour);
        let mut other = claim(&state, tag(1), pick(&scopes), hour);
        if older {
            // Fences of two that were fooled may be in any order.
            std::mem::swap(&mut mine.record.fence, &mut other.record.fence);
        }
        state.claims = vec![mine.clone(), other.clone()];
        prop_assert!(must_withdraw(&state, &mine) && must_withdraw(&state, &other));
        state.released.insert(other.id.clone());
        prop_assert!(!must_withdraw(&state, &mine), "what has ended does not count");
        prop_assert_eq!(state.ended(&other), Some(Ended::Released));
    }
}
