//! Three lists side by side: which stretches stayed, which one side changed, and which both did.
//!
//! Unlike a merge of lines, changes that only touch do not collide: an entry added behind one that the other side changed has a
//! place of its own.

use gix::diff::blob::{Algorithm, Diff, InternedInput};
use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Range;

/// What happened in a stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing.
    Kept,
    /// Both changed it to the same.
    Agreed,
    /// Only we changed it.
    Ours,
    /// Only they changed it.
    Theirs,
    /// Both changed it, differently.
    Both,
}

/// A stretch of the three lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    pub state: State,
    pub base: Range<usize>,
    pub ours: Range<usize>,
    pub theirs: Range<usize>,
}

/// One change of one side.
struct Change {
    ours: bool,
    before: Range<usize>,
    /// How much longer the side gets.
    growth: isize,
}

/// Cuts the three lists into stretches that cover them, in order.
pub fn regions<T: Eq + Hash>(base: &[T], ours: &[T], theirs: &[T]) -> Vec<Region> {
    let mut all = changes(base, ours, true);
    all.extend(changes(base, theirs, false));
    // What is inserted before a stretch comes before what is made of the stretch.
    all.sort_by_key(|change| (change.before.start, change.before.end, !change.ours));
    let mut found = Vec::new();
    let mut at = (0, 0, 0);
    let mut rest = all.into_iter().peekable();
    while let Some(first) = rest.next() {
        let mut before = first.before.clone();
        let (mut grown, mut sides) = ([0, 0], [false, false]);
        let mut take = |change: &Change| {
            let side = usize::from(!change.ours);
            grown[side] += change.growth;
            sides[side] = true;
        };
        take(&first);
        while let Some(next) = rest.next_if(|next| collide(&before, &next.before)) {
            before.end = before.end.max(next.before.end);
            take(&next);
        }
        let kept = before.start - at.0;
        push(&mut found, &mut at, State::Kept, [kept, kept, kept]);
        let length = before.len();
        let lengths = grown.map(|grown| length.saturating_add_signed(grown));
        let (ours_at, theirs_at) = (at.1, at.2);
        let same = ours[ours_at..ours_at + lengths[0]] == theirs[theirs_at..theirs_at + lengths[1]];
        let state = match sides {
            [true, true] if same => State::Agreed,
            [true, true] => State::Both,
            [false, true] => State::Theirs,
            _ => State::Ours,
        };
        push(&mut found, &mut at, state, [length, lengths[0], lengths[1]]);
    }
    let kept = base.len() - at.0;
    push(&mut found, &mut at, State::Kept, [kept, kept, kept]);
    found
}

/// Two insertions at one place collide, and so do stretches that share an entry.
fn collide(before: &Range<usize>, next: &Range<usize>) -> bool {
    next.start < before.end || (next.is_empty() && before.is_empty() && next.start == before.start)
}

fn push(
    found: &mut Vec<Region>,
    at: &mut (usize, usize, usize),
    state: State,
    lengths: [usize; 3],
) {
    if lengths == [0, 0, 0] {
        return;
    }
    let [base, ours, theirs] = lengths;
    found.push(Region {
        state,
        base: at.0..at.0 + base,
        ours: at.1..at.1 + ours,
        theirs: at.2..at.2 + theirs,
    });
    *at = (at.0 + base, at.1 + ours, at.2 + theirs);
}

fn changes<T: Eq + Hash>(base: &[T], side: &[T], ours: bool) -> Vec<Change> {
    let mut numbers: HashMap<&T, usize> = HashMap::new();
    let mut number = |entry| {
        let next = numbers.len();
        *numbers.entry(entry).or_insert(next)
    };
    let mut input: InternedInput<usize> = InternedInput::default();
    input.update_before(base.iter().map(&mut number));
    input.update_after(side.iter().map(&mut number));
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_no_heuristic(&input);
    let wide = |range: Range<u32>| range.start as usize..range.end as usize;
    diff.hunks()
        .map(|hunk| {
            let (before, after) = (wide(hunk.before), wide(hunk.after));
            let growth = after.len().cast_signed() - before.len().cast_signed();
            Change {
                ours,
                before,
                growth,
            }
        })
        .collect()
}

/// How often an entry stays when each side may have added or removed it: what both added is added once.
pub fn count(base: usize, ours: usize, theirs: usize) -> usize {
    if ours >= base && theirs >= base {
        ours.max(theirs)
    } else if ours <= base && theirs <= base {
        ours.min(theirs)
    } else {
        (ours + theirs).saturating_sub(base)
    }
}

/// The union of two changes: what stays of ours in our order, then what only they have, in theirs. As indices into both.
pub fn union<T: Eq + Hash>(base: &[T], ours: &[T], theirs: &[T]) -> (Vec<usize>, Vec<usize>) {
    let mut counts: HashMap<&T, [usize; 3]> = HashMap::new();
    for (side, list) in [base, ours, theirs].into_iter().enumerate() {
        for entry in list {
            counts.entry(entry).or_default()[side] += 1;
        }
    }
    let mut counts: HashMap<&T, usize> = counts
        .into_iter()
        .map(|(entry, [base, ours, theirs])| (entry, count(base, ours, theirs)))
        .collect();
    let ours = take(&mut counts, ours);
    let theirs = take(&mut counts, theirs);
    (ours, theirs)
}

fn take<T: Eq + Hash>(left: &mut HashMap<&T, usize>, list: &[T]) -> Vec<usize> {
    let mut taken = Vec::new();
    for (at, entry) in list.iter().enumerate() {
        if let Some(left) = left.get_mut(entry).filter(|left| **left > 0) {
            *left -= 1;
            taken.push(at);
        }
    }
    taken
}
