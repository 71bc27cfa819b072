//! Which claims the log says are gone although their ref is still there (a kill before the deletion).
//!
//! The log is walked back, but no entry twice: `$GIT_COMMON_DIR/ccc/gone.json` keeps the tip that was walked to and
//! what that said of each claim whose ref was there, and the next walk ends where it meets that tip. The log only
//! grows, so what was found below a tip stays true; if the tip is not met (the log was set back), or the file is
//! deleted or damaged, the walk is made anew. A claim whose ref is gone is not written again, so the file stays as
//! small as the claims are few; one that comes back is walked for anew.

use crate::{
    base::id::ClaimId,
    git::{
        Oid, Repo,
        log::{Entry, Tip},
    },
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

/// From so many entries on, the walk is made for every claim, and kept: a shorter one is cheaper than writing a file.
const WORTH_KEEPING: usize = 16;
/// A larger file is not read: it is none of ours.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// What a walk from a tip has settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walked {
    tip: String,
    settled: BTreeMap<ClaimId, bool>,
}

impl Walked {
    fn path(repo: &Repo) -> PathBuf {
        repo.ccc_dir().join("gone.json")
    }

    /// A missing or damaged file is no walk.
    pub fn load(repo: &Repo) -> Option<Self> {
        let bytes = crate::fs::read_capped(&Self::path(repo), MAX_BYTES).ok()??;
        serde_json::from_slice(&bytes).ok()
    }

    /// Keeps it for the next command.
    pub fn save(&self, repo: &Repo) {
        if let Ok(text) = serde_json::to_vec(self) {
            // A cache that cannot be written costs time, nothing else.
            let _ = crate::fs::replace(&Self::path(repo), &text);
        }
    }
}

/// A claim whose ref is there.
#[derive(Clone, Debug)]
pub struct Present<'a> {
    /// Its id.
    pub id: &'a ClaimId,
    /// The number of the entry that granted it: nothing before that entry speaks of it.
    pub fence: u64,
    /// The decision depends on it.
    pub asked: bool,
}

/// One entry, as far as it matters here.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its number.
    pub fence: u64,
    /// The entry before it.
    pub parent: Option<Oid>,
    /// The claims it ended.
    pub gone: Vec<ClaimId>,
}

impl From<Entry> for Step {
    fn from(entry: Entry) -> Self {
        let gone = entry.trailers("Ccc-Gone");
        let gone = gone.filter_map(|value| value.split(' ').next()?.parse().ok());
        Step {
            gone: gone.collect(),
            fence: entry.fence,
            parent: entry.parent,
        }
    }
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The claims that are gone; of those not asked for, perhaps not all.
    pub gone: BTreeSet<ClaimId>,
    /// What is worth keeping.
    pub keep: Option<Walked>,
}

/// Walks from the tip to the grant of the oldest claim that is asked for and that `known` does not settle.
///
/// An entry that cannot be read ends the walk: whatever it and those before it ended counts as held until its stated time.
pub fn search(
    known: Option<&Walked>,
    tip: Tip,
    present: &[Present<'_>],
    mut read: impl FnMut(Oid) -> Option<Step>,
) -> Found {
    let met = known.and_then(|known| Oid::from_hex(known.tip.as_bytes()).ok());
    let (mut gone, mut joined, mut steps) = (BTreeSet::new(), None::<&Walked>, 0);
    // Every entry with a larger number than this has been read; the next one's is not larger.
    let mut floor = tip.fence;
    let (mut next, mut broken) = (Some(tip.oid), false);
    while let Some(oid) = next {
        joined = joined.or(known.filter(|_| met == Some(oid)));
        let open = |claim: &&Present<'_>| {
            (claim.asked || steps >= WORTH_KEEPING)
                && !joined.is_some_and(|known| known.settled.contains_key(claim.id))
        };
        let oldest = present.iter().filter(open).map(|claim| claim.fence).min();
        // A grant itself ends nothing of what it grants.
        if oldest.is_none_or(|oldest| oldest >= floor) {
            break;
        }
        let Some(step) = read(oid) else {
            broken = true;
            break;
        };
        (steps, next) = (steps + 1, step.parent);
        floor = step.fence.saturating_sub(1);
        gone.extend(step.gone);
    }
    let before = |id: &ClaimId| joined.and_then(|known| known.settled.get(id)).copied();
    let ids = present.iter().map(|claim| claim.id.clone());
    let gone: BTreeSet<ClaimId> = ids
        .filter(|id| gone.contains(id) || before(id) == Some(true))
        .collect();
    let settled = present
        .iter()
        .filter(|claim| claim.fence >= floor || before(claim.id).is_some())
        .map(|claim| (claim.id.clone(), gone.contains(claim.id)));
    let keep = (steps >= WORTH_KEEPING && !broken).then(|| Walked {
        tip: tip.oid.to_string(),
        settled: settled.collect(),
    });
    Found { gone, keep }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn oid(number: u64, fork: u64) -> Oid {
        Oid::from_hex(format!("{fork:020x}{number:020x}").as_bytes()).expect("forty digits")
    }

    fn id(number: u64) -> ClaimId {
        format!("{number:012x}").parse().expect("a claim id")
    }

    /// A log of which every entry says what it ended.
    #[derive(Default)]
    struct Log {
        steps: BTreeMap<Oid, Step>,
        tip: Option<Tip>,
        reads: usize,
    }

    impl Log {
        fn add(&mut self, fork: u64, gone: Vec<ClaimId>) -> u64 {
            let fence = self.tip.map_or(0, |tip| tip.fence + 1);
            let step = Step {
                fence,
                parent: self.tip.map(|tip| tip.oid),
                gone,
            };
            let oid = oid(fence, fork);
            self.steps.insert(oid, step);
            self.tip = Some(Tip { oid, fence });
            fence
        }

        fn ask(&mut self, known: Option<&Walked>, present: &[Present<'_>]) -> Found {
            let tip = self.tip.expect("a log has entries");
            self.reads = 0;
            let read = |oid| {
                self.reads += 1;
                self.steps.get(&oid).cloned()
            };
            search(known, tip, present, read)
        }
    }

    fn asked(id: &ClaimId, fence: u64) -> Present<'_> {
        Present {
            id,
            fence,
            asked: true,
        }
    }

    #[test]
    fn no_entry_of_a_long_log_is_read_twice() {
        let (mut log, ids) = (Log::default(), [id(1), id(2), id(3)]);
        let (old, lost) = (log.add(0, vec![]), log.add(0, vec![]));
        log.add(0, vec![ids[1].clone()]);
        for _ in 0..20_000 {
            log.add(0, vec![]);
        }
        let late = log.add(0, vec![]);
        let present = [
            asked(&ids[0], old),
            asked(&ids[1], lost),
            asked(&ids[2], late),
        ];
        let first = log.ask(None, &present);
        assert_eq!((log.reads, &first.gone), (20_003, &[id(2)].into()));
        let second = log.ask(first.keep.as_ref(), &present);
        assert_eq!(
            (log.reads, &second.gone, second.keep),
            (0, &[id(2)].into(), None)
        );
        for _ in 0..WORTH_KEEPING {
            log.add(0, vec![id(3)]);
        }
        let third = log.ask(first.keep.as_ref(), &present);
        assert_eq!(
            (log.reads, third.gone),
            (WORTH_KEEPING, [id(2), id(3)].into())
        );
        let kept = third.keep.expect("as many entries as are worth it");
        // A ref that went and came back is not settled.
        let fewer = log.ask(None, &present[2..]).keep.expect("worth it");
        assert_eq!(fewer.settled.len(), 1);
        assert_eq!(log.ask(Some(&fewer), &present).gone, [id(2), id(3)].into());
        assert!(log.reads > 20_000);
        assert_eq!(kept.settled.len(), 3);
    }

    #[test]
    fn a_hole_in_the_log_hides_what_is_behind_it_and_nothing_else() {
        let (mut log, ids) = (Log::default(), [id(1), id(2)]);
        let granted = log.add(0, vec![]);
        log.add(0, vec![id(1)]);
        log.add(0, vec![]);
        log.steps.remove(&log.tip.expect("it has entries").oid);
        for _ in 0..WORTH_KEEPING {
            log.add(0, vec![id(2)]);
        }
        let present = [asked(&ids[0], granted), asked(&ids[1], granted)];
        let found = log.ask(None, &present);
        assert_eq!((found.gone, found.keep), ([id(2)].into(), None));
    }

    #[test]
    fn a_log_that_was_set_back_is_walked_anew() {
        let (mut log, claim) = (Log::default(), id(1));
        let granted = log.add(0, vec![]);
        let before = log.tip;
        for _ in 0..WORTH_KEEPING {
            log.add(0, vec![claim.clone()]);
        }
        let known = log.ask(None, &[asked(&claim, granted)]).keep;
        log.tip = before;
        for _ in 0..2 * WORTH_KEEPING {
            log.add(1, vec![]);
        }
        let again = log.ask(known.as_ref(), &[asked(&claim, granted)]);
        assert_eq!(again.gone, BTreeSet::new());
        assert_eq!(log.reads, 2 * WORTH_KEEPING);
    }

    proptest! {
        /// Whatever was kept at whichever time, and whichever claims are asked for, the answer is that of a whole walk.
        #[test]
        fn what_was_kept_changes_no_answer(
            moves in prop::collection::vec((0u64..12, 0u8..6, any::<u16>()), 1..120),
        ) {
            let mut log = Log::default();
            log.add(0, vec![]);
            let (mut granted, mut ended) = (BTreeMap::new(), BTreeSet::new());
            let mut known: Option<Walked> = None;
            for (n, what, mask) in moves {
                match what {
                    0 => {
                        let fence = log.add(0, vec![]);
                        granted.entry(n).or_insert(fence);
                    }
                    1 if granted.contains_key(&n) => {
                        log.add(0, vec![id(n)]);
                        ended.insert(n);
                    }
                    2 | 3 => {
                        for _ in 0..n * 3 {
                            log.add(0, vec![]);
                        }
                    }
                    _ => {
                        // Bits say which refs are listed, and which of those matter.
                        let ids: Vec<(u64, ClaimId, u64)> = granted
                            .iter()
                            .filter(|(n, _)| mask & (1 << **n) != 0 || what == 5)
                            .map(|(n, fence)| (*n, id(*n), *fence))
                            .collect();
                        let present: Vec<Present<'_>> = ids
                            .iter()
                            .map(|(n, id, fence)| Present {
                                id,
                                fence: *fence,
                                asked: mask & (1 << (n + 4)) == 0,
                            })
                            .collect();
                        let found = log.ask(known.as_ref(), &present);
                        for ((n, id, _), claim) in ids.iter().zip(&present) {
                            if claim.asked {
                                prop_assert_eq!(found.gone.contains(id), ended.contains(n));
                            } else {
                                prop_assert!(!found.gone.contains(id) || ended.contains(n));
                            }
                        }
                        if let Some(kept) = found.keep {
                            prop_assert!(kept.settled.len() <= present.len());
                            known = Some(kept);
                        }
                    }
                }
            }
        }
    }
}
