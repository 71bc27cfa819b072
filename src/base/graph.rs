//! Orders in a history: which entries come before which, when some of them were merged.
//!
//! A history is given as the parents of each entry, by index; parents outside
//! of it are left out. Everything here is decided by that shape and a key, so
//! two clones with the same commits show the same order.

use std::{cmp::Reverse, collections::BinaryHeap};

/// Returns the indices oldest first: parents before children, ties by key.
pub fn topological<K: Ord>(parents: &[Vec<usize>], keys: &[K]) -> Vec<usize> {
    let mut children = vec![Vec::new(); parents.len()];
    let mut waits: Vec<usize> = parents.iter().map(Vec::len).collect();
    for (child, all) in parents.iter().enumerate() {
        for parent in all {
            children[*parent].push(child);
        }
    }
    let mut ready: BinaryHeap<_> = (0..parents.len())
        .filter(|index| waits[*index] == 0)
        .map(|index| Reverse((&keys[index], index)))
        .collect();
    let mut order = Vec::with_capacity(parents.len());
    while let Some(Reverse((_, index))) = ready.pop() {
        order.push(index);
        for child in &children[index] {
            waits[*child] -= 1;
            if waits[*child] == 0 {
                ready.push(Reverse((&keys[*child], *child)));
            }
        }
    }
    order
}

/// Marks `from` and all that it descends from.
pub fn ancestors(parents: &[Vec<usize>], from: usize) -> Vec<bool> {
    let mut seen = vec![false; parents.len()];
    let mut next = vec![from];
    while let Some(index) = next.pop() {
        if !std::mem::replace(&mut seen[index], true) {
            next.extend(&parents[index]);
        }
    }
    seen
}

/// Returns the last entry of `order` that neither is nor descends from one that holds: how far a reader may move.
///
/// `look` says of an entry whether it holds, and whether it may be moved to.
pub fn furthest(
    parents: &[Vec<usize>],
    order: &[usize],
    look: impl Fn(usize) -> (bool, bool),
) -> Option<usize> {
    let mut blocked = vec![false; parents.len()];
    let mut best = None;
    for index in order {
        let (holds, allowed) = look(*index);
        blocked[*index] = holds || parents[*index].iter().any(|parent| blocked[*parent]);
        if allowed && !blocked[*index] {
            best = Some(*index);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A history in which each entry has one or two earlier parents.
    pub(super) fn history() -> impl Strategy<Value = Vec<Vec<usize>>> {
        prop::collection::vec(any::<(u32, u32, bool)>(), 1..40).prop_map(|seeds| {
            let pick = |seed: u32, below: usize| seed as usize % below;
            let parents = |(index, (a, b, merge)): (usize, (u32, u32, bool))| match index {
                0 => Vec::new(),
                _ if merge => {
                    let mut two = vec![pick(a, index), pick(b, index)];
                    two.dedup();
                    two
                }
                _ => vec![pick(a, index)],
            };
            seeds.into_iter().enumerate().map(parents).collect()
        })
    }

    proptest! {
        #[test]
        fn parents_come_first_and_nothing_is_left_out(parents in history(), keys in prop::collection::vec(0_u8..4, 40)) {
            let order = topological(&parents, &keys[..parents.len()]);
            let mut place = vec![usize::MAX; parents.len()];
            for (at, index) in order.iter().enumerate() {
                place[*index] = at;
            }
            prop_assert_eq!(order.len(), parents.len());
            for (child, all) in parents.iter().enumerate() {
                prop_assert!(all.iter().all(|parent| place[*parent] < place[child]));
            }
        }

        #[test]
        fn nobody_moves_past_what_holds(parents in history(), held in prop::collection::vec(any::<bool>(), 40)) {
            let keys = vec![0; parents.len()];
            let order = topological(&parents, &keys);
            if let Some(best) = furthest(&parents, &order, |index| (held[index], true)) {
                let covered = ancestors(&parents, best);
                prop_assert!((0..parents.len()).all(|index| !(covered[index] && held[index])));
            }
        }
    }

    #[test]
    fn a_chain_keeps_its_order_whatever_the_keys() {
        let parents = [vec![], vec![0], vec![1], vec![2]];
        assert_eq!(topological(&parents, &[9, 3, 5, 1]), [0, 1, 2, 3]);
        assert_eq!(
            furthest(&parents, &[0, 1, 2, 3], |index| (index == 2, true)),
            Some(1)
        );
    }
}
