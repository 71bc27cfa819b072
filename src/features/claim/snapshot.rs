//! Loading claims: what a decision sees of them at one tip of the log.

use super::{
    cache::Decoded,
    gone::{self, Present, Walked},
    logic::{self, State},
    model::{Claim, ClaimRecord, PREFIX},
    queue,
};
use crate::{
    base::{
        id::{ClaimId, SessionTag},
        record,
        scope::Scope,
        time::Timestamp,
    },
    error::{Context, Error, Kind, Result},
    features::session::{
        logic::{Life, life},
        store::{self as session_store, ThisHost},
    },
    git::{
        Oid, Repo,
        log::{self, Tip},
        objects,
        refs::{self, Listing},
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
pub(super) fn load_knowing(
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
