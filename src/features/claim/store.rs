//! Loading claims and changing them: the race story, told once.
//!
//! Under the flock: read the log's tip, then list the lock refs, decide (pure),
//! then one transaction that ends with the log. A lost swap reads and decides
//! again. After a grant the claims are listed once more and the grant is
//! withdrawn if a live one of another overlaps it. Neither the flock nor the swap is
//! trusted alone.

use super::{
    cache::Decoded,
    error::refused,
    gone::{self, Present, Walked},
    logic::{self, Ended, Request, State},
    lost,
    model::{Claim, ClaimRecord, PREFIX, join},
    plan::{NewClaim, Plan, prepare},
    queue,
};
use crate::{
    base::{
        id::{ClaimId, SessionTag},
        record,
        scope::Scope,
        time::Timestamp,
    },
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    features::session::{
        logic::{Life, life},
        store::{self as session_store, ThisHost},
    },
    git::{
        Oid, Repo,
        log::{self, By, Guard, Tip},
        objects,
        refs::{self, Listing, Lost, Reflog, Writer},
    },
};
use std::collections::{BTreeMap, BTreeSet};

/// The state at one tip and the objects it was read from: the expectations of the swap.
#[derive(Debug)]
pub struct Snapshot {
    /// The log's tip, read before anything else.
    pub tip: Tip,
    /// What decisions see.
    pub state: State,
    /// The object behind each claim.
    pub oids: BTreeMap<ClaimId, Oid>,
    /// The lock refs as they were listed.
    listing: Listing,
    /// Lock refs that cannot be read: they hold something, nobody can say what.
    pub unreadable: Vec<(String, Oid, String)>,
}

impl Snapshot {
    /// Refuses to decide while a claim cannot be read: it may cover anything.
    pub fn require_readable(&self) -> Result<()> {
        let Some((name, _, why)) = self.unreadable.first() else {
            return Ok(());
        };
        Err(Error::setup(format!(
            "{name} cannot be read, so nobody can say what it covers"
        ))
        .because(why)
        .hint("git ccc doctor"))
    }

    /// Returns the object a claim was read from.
    pub fn oid(&self, id: &ClaimId) -> Result<Oid> {
        self.oids
            .get(id)
            .copied()
            .ok_or_else(|| Error::internal(format!("claim {id} was decided on and never read")))
    }
}

/// Returns the ref of a claim.
pub fn ref_name(id: &ClaimId) -> String {
    format!("{PREFIX}{id}")
}

/// Loads every claim at the present tip; whose holders are alive is asked only for those that overlap `scopes`.
pub fn load(repo: &Repo, now: Timestamp, about: About<'_>) -> Result<Snapshot> {
    load_knowing(repo, now, about, None)
}

/// As [`load`]; a record that was read before is not read again, for an object never changes.
fn load_knowing(
    repo: &Repo,
    now: Timestamp,
    about: About<'_>,
    known: Option<&Snapshot>,
) -> Result<Snapshot> {
    let tip = log::tip(repo)?;
    load_at(repo, tip, now, about, known)
}

/// Which claims a decision is about; asking about every holder costs a look at each one's process.
#[derive(Clone, Copy, Debug)]
pub enum About<'a> {
    /// All of them.
    Everything,
    /// Those that overlap these scopes.
    Scopes(&'a [Scope]),
}

fn load_at(
    repo: &Repo,
    tip: Tip,
    now: Timestamp,
    about: About<'_>,
    known: Option<&Snapshot>,
) -> Result<Snapshot> {
    let decoded: BTreeMap<Oid, &Claim> = known
        .into_iter()
        .flat_map(|known| &known.state.claims)
        .filter_map(|claim| Some((*known?.oids.get(&claim.id)?, claim)))
        .collect();
    let read = |cache: &mut Decoded, name: &str, oid: Oid| match decoded.get(&oid) {
        Some(claim) if name.strip_prefix(PREFIX) == Some(claim.id.as_str()) => Ok((*claim).clone()),
        _ => read(repo, cache, name, oid),
    };
    let (mut claims, mut oids, mut unreadable) = (Vec::new(), BTreeMap::new(), Vec::new());
    let mut cache = Decoded::of(repo, known.is_none());
    let listing = refs::look(repo, PREFIX, known.map(|known| &known.listing))?;
    for (name, oid) in listing.refs() {
        match read(&mut cache, name, oid) {
            Ok(claim) => {
                oids.insert(claim.id.clone(), oid);
                claims.push(claim);
            }
            // Deleted between the listing and the read: gone is gone.
            Err(_) if refs::find(repo, name)?.is_none() => {}
            Err(error) => unreadable.push((name.to_owned(), oid, error.to_string())),
        }
    }
    cache.save(oids.values());
    let fold = repo.fold();
    let relevant: Vec<&Claim> = claims
        .iter()
        .filter(|claim| match about {
            About::Everything => true,
            About::Scopes(scopes) => logic::overlap(&claim.record.scopes, scopes, fold).is_some(),
        })
        .collect();
    let dead = dead_holders(repo, &relevant, now);
    let released = released(repo, tip, &claims, &relevant);
    let state = State {
        dead,
        released,
        queue: queue::load(repo),
        now,
        fold,
        claims,
    };
    Ok(Snapshot {
        tip,
        state,
        oids,
        listing,
        unreadable,
    })
}

fn read(repo: &Repo, cache: &mut Decoded, name: &str, oid: Oid) -> Result<Claim> {
    let unreadable = || format!("claim record {oid} cannot be read");
    let id = name
        .strip_prefix(PREFIX)
        .unwrap_or_default()
        .parse()
        .context(Kind::Setup, unreadable)?;
    let record: ClaimRecord = cache.record(oid, || {
        record::decode(&objects::read_record(repo, oid)?).context(Kind::Setup, unreadable)
    })?;
    Ok(Claim { id, record })
}

fn dead_holders(repo: &Repo, claims: &[&Claim], now: Timestamp) -> BTreeSet<SessionTag> {
    let holders: BTreeSet<&SessionTag> = claims.iter().map(|claim| &claim.record.session).collect();
    let host = ThisHost::new();
    let mut dead = BTreeSet::new();
    for tag in holders {
        // A record that is missing or unreadable proves nothing: the claim ends at its stated time.
        if let Ok(Some((session, _))) = session_store::load(repo, tag)
            && life(&session.record, &host, now) == Life::Dead
        {
            dead.insert(tag.clone());
        }
    }
    dead
}

/// Finds claims whose release is in the log although their ref is still there.
fn released(repo: &Repo, tip: Tip, all: &[Claim], asked: &[&Claim]) -> BTreeSet<ClaimId> {
    if asked.is_empty() {
        return BTreeSet::new();
    }
    let asked: BTreeSet<&ClaimId> = asked.iter().map(|claim| &claim.id).collect();
    let present = all.iter().map(|claim| Present {
        id: &claim.id,
        fence: claim.record.fence,
        asked: asked.contains(&claim.id),
    });
    let present: Vec<Present<'_>> = present.collect();
    let known = Walked::load(repo);
    let found = gone::search(known.as_ref(), tip, &present, |oid| {
        // Doctor names an entry that cannot be read.
        log::entry(repo, oid).map(gone::Step::from).ok()
    });
    if let Some(walked) = found.keep {
        walked.save(repo);
    }
    found.gone
}

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
