//! Breadth-first search over every reachable state of a [`World`].
//!
//! Contract: visits each state once (told apart by a 128-bit fingerprint), stops at the first violation, and
//! since the search is breadth first the trace it returns is a shortest one. A search that meets its cap
//! panics: "no violation found" is only said of a space that was seen whole.

use super::model::{State, Step, World};
use std::collections::{HashSet, VecDeque};
use std::fmt::Write as _;
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// What a search found.
pub struct Outcome {
    /// Number of distinct states visited.
    pub states: usize,
    /// The violated property and a shortest way to it.
    pub violation: Option<Violation>,
}

/// A broken property with its shortest trace.
pub struct Violation {
    pub what: &'static str,
    pub steps: usize,
    pub trace: String,
}

/// Hashes small integers into 128 bits; std's SipHash costs most of the run in a debug build.
struct Fingerprint(u64, u64);

impl Fingerprint {
    fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
        self.1 = (self.1 ^ word)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29);
    }
}

impl Hasher for Fingerprint {
    fn finish(&self) -> u64 {
        self.0 ^ self.1
    }
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
    }
    fn write_u8(&mut self, v: u8) {
        self.mix(u64::from(v));
    }
    fn write_u16(&mut self, v: u16) {
        self.mix(u64::from(v));
    }
    fn write_usize(&mut self, v: usize) {
        self.mix(v as u64);
    }
    fn write_isize(&mut self, v: isize) {
        self.mix(v.cast_unsigned() as u64);
    }
}

/// The visited set's keys are hashes already.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are u128");
    }
    fn write_u128(&mut self, v: u128) {
        let folded = (v >> 64) ^ v;
        self.0 = u64::try_from(folded & u128::from(u64::MAX)).expect("masked to 64 bits");
    }
}

fn fingerprint(state: &State) -> u128 {
    let mut h = Fingerprint(0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344);
    state.hash(&mut h);
    (u128::from(h.0) << 64) | u128::from(h.1 ^ (h.0 >> 31))
}

/// Searches the whole space below the world's first state.
///
/// # Panics
/// When more than `cap` states are reachable.
pub fn explore(world: &mut World, cap: usize) -> Outcome {
    let first = world.first();
    let mut seen: HashSet<u128, BuildHasherDefault<Identity>> = HashSet::default();
    // One line per visited state: its parent and which of the parent's steps led here.
    let mut from: Vec<(u32, u8)> = vec![(0, 0)];
    let mut queue = VecDeque::from([(0_u32, first)]);
    seen.insert(fingerprint(&first));
    let mut next = Vec::new();
    while let Some((id, state)) = queue.pop_front() {
        next.clear();
        world.successors(&state, &mut next);
        for (nth, (_, after, broken)) in next.iter().enumerate() {
            let nth = u8::try_from(nth).expect("few steps leave a state");
            if let Some(what) = broken.or_else(|| world.violated(after)) {
                let trace = replay(world, first, &path(&from, id, nth));
                return Outcome {
                    states: seen.len(),
                    violation: Some(Violation {
                        what,
                        steps: trace.lines().count(),
                        trace,
                    }),
                };
            }
            if seen.insert(fingerprint(after)) {
                from.push((id, nth));
                queue.push_back((
                    u32::try_from(from.len() - 1).expect("below the cap"),
                    *after,
                ));
                assert!(
                    seen.len() <= cap,
                    "more than {cap} states: narrow the bounds"
                );
            }
        }
    }
    Outcome {
        states: seen.len(),
        violation: None,
    }
}

fn path(from: &[(u32, u8)], mut id: u32, last: u8) -> Vec<u8> {
    let mut steps = vec![last];
    while id != 0 {
        let (parent, nth) = from[id as usize];
        steps.push(nth);
        id = parent;
    }
    steps.reverse();
    steps
}

fn replay(world: &mut World, mut state: State, steps: &[u8]) -> String {
    let mut out = String::new();
    for nth in steps {
        let mut next: Vec<(Step, State, Option<&'static str>)> = Vec::new();
        world.successors(&state, &mut next);
        let (step, after, _) = next[usize::from(*nth)];
        writeln!(
            out,
            "{:52} | {}",
            world.tell(&state, step),
            world.show(&after)
        )
        .expect("writing to a string");
        state = after;
    }
    out
}
