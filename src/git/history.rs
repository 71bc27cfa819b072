//! Walking a chain of commits that may have been merged: newest first, or all that a reader has not behind its marks.

use crate::{
    error::Result,
    git::{
        Oid, Repo,
        notes::{self, Link},
    },
};
use std::{
    cmp::Ordering,
    collections::{BinaryHeap, HashMap, HashSet},
};

/// A commit that waits for its turn: the newest first.
#[derive(Debug)]
struct Waiting(Link);

impl Waiting {
    fn key(&self) -> (i64, Oid) {
        (self.0.published, self.0.oid)
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

/// Walks back from a commit, newest first.
pub fn newest(repo: &Repo, tip: Option<Oid>) -> impl Iterator<Item = Result<Link>> {
    let mut heap: BinaryHeap<Waiting> = BinaryHeap::new();
    let mut seen: HashSet<Oid> = HashSet::new();
    let mut unread: Vec<Oid> = tip.into_iter().collect();
    std::iter::from_fn(move || {
        // The parents of the last one are read when the next one is asked for, not before.
        for oid in std::mem::take(&mut unread) {
            if seen.insert(oid) {
                match notes::read(repo, oid) {
                    Ok(link) => heap.push(Waiting(link)),
                    Err(error) => return Some(Err(error)),
                }
            }
        }
        let Waiting(link) = heap.pop()?;
        unread.clone_from(&link.parents);
        Some(Ok(link))
    })
}

/// Where a reader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Everything this commit descends from is behind it, and it too.
    At(Oid),
    /// Everything published before this second is behind it.
    Since(i64),
}

/// The commits that are not behind every bound.
#[derive(Debug, Default)]
pub struct Span {
    /// The commits, in no order.
    pub links: Vec<Link>,
    /// For each of them and each bound, whether it is beyond the bound.
    pub beyond: Vec<Vec<bool>>,
    /// The walk was cut off at its cap: older commits are missing.
    pub cut: bool,
}

/// After everything seems to be behind, so many more commits are looked at: clocks of others may be wrong.
const SLOP: usize = 8;

struct Paint<'r> {
    repo: &'r Repo,
    bounds: &'r [Bound],
    heap: BinaryHeap<Waiting>,
    behind: HashMap<Oid, u32>,
}

impl Paint<'_> {
    /// Marks a commit as behind some bounds; it waits for its turn again if that is news.
    fn reach(&mut self, oid: Oid, behind: u32) -> Result<()> {
        if self
            .behind
            .get(&oid)
            .is_some_and(|known| known | behind == *known)
        {
            return Ok(());
        }
        let link = notes::read(self.repo, oid)?;
        let mut behind = behind;
        for (index, bound) in self.bounds.iter().enumerate() {
            let passed = match bound {
                Bound::At(mark) => *mark == oid,
                Bound::Since(second) => link.published < *second,
            };
            behind |= u32::from(passed) << index;
        }
        *self.behind.entry(oid).or_default() |= behind;
        self.heap.push(Waiting(link));
        Ok(())
    }
}

/// Finds what is reachable from `tip` and not behind all of the bounds (at most 32), reading at most `cap` commits.
pub fn span(repo: &Repo, tip: Oid, bounds: &[Bound], cap: usize) -> Result<Span> {
    let all = u32::MAX >> (32 - bounds.len());
    let mut paint = Paint {
        repo,
        bounds,
        heap: BinaryHeap::new(),
        behind: HashMap::new(),
    };
    paint.reach(tip, 0)?;
    for bound in bounds {
        if let Bound::At(mark) = bound {
            paint.reach(*mark, 0)?;
        }
    }
    let mut links: HashMap<Oid, Link> = HashMap::new();
    let mut slop = SLOP;
    let mut span = Span::default();
    while slop > 0 {
        let Some(Waiting(link)) = paint.heap.pop() else {
            break;
        };
        let behind = paint.behind.get(&link.oid).copied().unwrap_or_default();
        let open = |waiting: &Waiting| paint.behind.get(&waiting.0.oid) != Some(&all);
        let done = behind == all && !paint.heap.iter().any(open);
        slop = if done { slop - 1 } else { SLOP };
        for parent in link.parents.clone() {
            paint.reach(parent, behind)?;
        }
        links.insert(link.oid, link);
        if links.len() >= cap {
            span.cut = true;
            break;
        }
    }
    for link in links.into_values() {
        let behind = paint.behind.get(&link.oid).copied().unwrap_or_default();
        if behind != all {
            let beyond = |index: usize| behind & (1_u32 << index) == 0;
            span.beyond.push((0..bounds.len()).map(beyond).collect());
            span.links.push(link);
        }
    }
    Ok(span)
}
