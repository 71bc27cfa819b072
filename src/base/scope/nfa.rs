//! Automata over paths, and the questions asked of them: does it match, do two meet, does one include the other.
//!
//! An automaton accepts what its pattern matches and all beneath that. It does not know which paths are valid (no empty
//! component, no `.` or `..`): each question walks `Place`, a four-state automaton of valid paths, beside it. Every state
//! can be reached and, at a component's start, can still accept a valid path: expansions with a component that no valid
//! name matches are left out when it is built.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::charset::{COMPONENT, DOT, ONLY_SLASH, PATH, Range, SLASH, contains, shared};
use super::fold::{Fold, lower};
use super::pattern::{Fault, Token, expand};

/// Most edges that one question of inclusion may follow.
const MAX_WORK: usize = 4_000_000;

/// Most `*` and `**` after expansion: the time to compare two globs grows with these times the length.
const MAX_LOOPS: usize = 512;

/// One state; where it says "next" the state that follows it in the list is meant.
#[derive(Debug)]
enum Op {
    /// Takes one character, then next.
    Char(Range),
    /// Takes one character of a set, then next.
    Set(Vec<Range>),
    /// Takes one character of a component, then next.
    Any,
    /// Takes characters of a component and stays; or next without any.
    Star,
    /// Before a component that `**/` may take (then `DeepIn`, which is next); or the state after that without any.
    Deep,
    /// Inside a component that `**/` takes; its slash leads back to `Deep`.
    DeepIn,
    /// Takes whatever comes: a final `**`; or next without any.
    Rest,
    /// The pattern has matched: accepts; a slash leads to `Below`, which is next.
    Done,
    /// Beneath what has matched: accepts, and takes whatever comes.
    Below,
}

/// On which characters an edge can be taken, and the state it leads to.
type Edge<'n> = (&'n [Range], usize);

/// A pattern as an automaton; the default matches nothing.
#[derive(Debug, Default)]
pub(super) struct Nfa {
    ops: Vec<Op>,
    /// Where its expansions start.
    entries: Vec<usize>,
}

impl Nfa {
    /// Builds the automaton of a glob.
    pub(super) fn glob(tokens: &[Token], fold: Fold) -> Result<Self, Fault> {
        let mut nfa = Self {
            ops: Vec::new(),
            entries: Vec::new(),
        };
        for parts in expand(tokens)? {
            let (start, complete) = (nfa.ops.len(), nfa.push_parts(&parts, fold));
            if complete {
                nfa.entries.push(start);
                nfa.ops.extend([Op::Done, Op::Below]);
            } else {
                nfa.ops.truncate(start);
            }
        }
        let loops = |op: &&Op| matches!(op, Op::Star | Op::Deep | Op::Rest);
        if nfa.ops.iter().filter(loops).count() > MAX_LOOPS {
            return Err(Fault::TooComplex);
        }
        Ok(nfa)
    }

    /// Builds the automaton of a literal path, already folded; the empty one is the root.
    pub(super) fn literal(path: &str) -> Self {
        let mut ops: Vec<Op> = path.chars().map(|c| Op::Char(single(c))).collect();
        if path.is_empty() {
            ops.push(Op::Rest);
        }
        ops.extend([Op::Done, Op::Below]);
        Self {
            ops,
            entries: vec![0],
        }
    }

    /// Whether no path at all matches.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Appends the states of an expansion; false if a component of it can match no valid name.
    fn push_parts(&mut self, parts: &[Vec<&Token>], fold: Fold) -> bool {
        if parts.is_empty() {
            self.ops.push(Op::Rest);
        }
        for (i, part) in parts.iter().enumerate() {
            let last = i + 1 == parts.len();
            if is_deep(part) {
                if last {
                    self.ops.push(Op::Rest);
                } else if !is_deep(&parts[i + 1]) {
                    self.ops.extend([Op::Deep, Op::DeepIn]);
                }
                continue;
            }
            let start = self.ops.len();
            self.push_component(part, fold);
            if !can_name(&self.ops[start..]) {
                return false;
            }
            if !last {
                self.ops.push(Op::Char((SLASH, SLASH)));
            }
        }
        true
    }

    /// Appends the states of one component; text is folded as runs, because composition spans characters.
    fn push_component(&mut self, part: &[&Token], fold: Fold) {
        let mut run = String::new();
        for (i, token) in part.iter().enumerate() {
            if let Token::Char(c) = token {
                run.push(*c);
                if matches!(part.get(i + 1), Some(Token::Char(_))) {
                    continue;
                }
                let folded = fold.apply(&run);
                self.ops.extend(folded.chars().map(|c| Op::Char(single(c))));
                run.clear();
            }
            match token {
                Token::Any => self.ops.push(Op::Any),
                Token::Star if !matches!(self.ops.last(), Some(Op::Star)) => {
                    self.ops.push(Op::Star);
                }
                Token::Class(class) => self.ops.push(Op::Set(class.set(fold.case))),
                _ => {}
            }
        }
    }

    /// The edges that leave a state: on which characters, and where to.
    fn edges(&self, at: usize) -> impl Iterator<Item = Edge<'_>> {
        let (first, second): (Edge<'_>, Option<Edge<'_>>) = match &self.ops[at] {
            Op::Char(range) => ((std::slice::from_ref(range), at + 1), None),
            Op::Set(set) => ((set, at + 1), None),
            Op::Any | Op::Deep => ((COMPONENT, at + 1), None),
            Op::Star => ((COMPONENT, at), None),
            Op::DeepIn => ((COMPONENT, at), Some((ONLY_SLASH, at - 1))),
            Op::Rest | Op::Below => ((PATH, at), None),
            Op::Done => ((ONLY_SLASH, at + 1), None),
        };
        std::iter::once(first).chain(second)
    }

    /// A state and those it leads to without taking a character.
    fn closure(&self, at: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(at), |&at| match self.ops[at] {
            Op::Star | Op::Rest => Some(at + 1),
            Op::Deep => Some(at + 2),
            _ => None,
        })
    }

    fn accepts(&self, at: usize) -> bool {
        matches!(self.ops[at], Op::Done | Op::Below)
    }

    fn start(&self) -> BTreeSet<usize> {
        self.entries.iter().flat_map(|&e| self.closure(e)).collect()
    }

    fn step(&self, from: &BTreeSet<usize>, c: u32) -> BTreeSet<usize> {
        let edges = from.iter().flat_map(|&at| self.edges(at));
        let taken = edges.filter(|(set, _)| contains(set, c));
        taken.flat_map(|(_, to)| self.closure(to)).collect()
    }

    fn run(&self, path: &str) -> BTreeSet<usize> {
        let mut states = self.start();
        for c in path.chars() {
            if states.is_empty() {
                break;
            }
            states = self.step(&states, u32::from(c));
        }
        states
    }

    /// Whether a valid, folded path is matched or lies beneath one that is.
    pub(super) fn matches(&self, path: &str) -> bool {
        self.run(path).iter().any(|&at| self.accepts(at))
    }

    /// Whether a valid, folded path, or one beneath it, is accepted; the empty path is the root.
    pub(super) fn meets_literal(&self, path: &str) -> bool {
        if path.is_empty() {
            return !self.is_empty();
        }
        let states = self.run(path);
        // At a component's start every state can still accept (module head), so having one is enough.
        states.iter().any(|&at| self.accepts(at)) || !self.step(&states, SLASH).is_empty()
    }

    /// Whether some valid path is accepted by both: a walk over pairs of states.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let width = other.ops.len();
        let number = |a: usize, b: usize, place: Place| (a * width + b) * 4 + place as usize;
        let mut seen = vec![0u64; self.ops.len() * width / 16 + 1];
        let mut todo = Vec::new();
        let mut visit = |todo: &mut Vec<_>, a: usize, b: usize, place| {
            for x in self.closure(a) {
                for y in other.closure(b) {
                    let n = number(x, y, place);
                    let (word, bit) = (n / 64, 1 << (n % 64));
                    if seen[word] & bit == 0 {
                        seen[word] |= bit;
                        todo.push((x, y, place));
                    }
                }
            }
        };
        for &a in &self.entries {
            for &b in &other.entries {
                visit(&mut todo, a, b, Place::Start);
            }
        }
        while let Some((a, b, place)) = todo.pop() {
            if place == Place::Inside && self.accepts(a) && other.accepts(b) {
                return true;
            }
            for (x, to_a) in self.edges(a) {
                for (y, to_b) in other.edges(b) {
                    let both = shared(x, y);
                    let kinds = [(both.dot, DOT), (both.slash, SLASH), (both.other, 0)];
                    for (_, c) in kinds.into_iter().filter(|kind| kind.0) {
                        if let Some(place) = place.step(c) {
                            visit(&mut todo, to_a, to_b, place);
                        }
                    }
                }
            }
        }
        false
    }

    /// Whether every valid path that `other` accepts is accepted: a search for one that is not, over pairs of a state of
    /// `other` and the set of own states. Sets can be exponentially many, so past a cap it answers no.
    pub(super) fn includes(&self, other: &Self, case: bool) -> bool {
        let letters = letters(&[self, other], case);
        let mut sets = vec![self.start()];
        let mut known = HashMap::from([(sets[0].clone(), 0)]);
        let mut steps: HashMap<(usize, u32), usize> = HashMap::new();
        let starts = other.start();
        let mut todo: Vec<_> = starts.iter().map(|&b| (b, 0, Place::Start)).collect();
        let mut seen: HashSet<_> = todo.iter().copied().collect();
        let mut work = 0;
        while let Some((b, id, place)) = todo.pop() {
            let own = &sets[id];
            if own
                .iter()
                .any(|&at| matches!(self.ops[at], Op::Below | Op::Rest))
            {
                continue; // all that follows is accepted
            }
            if place == Place::Inside && other.accepts(b) && !own.iter().any(|&at| self.accepts(at))
            {
                return false;
            }
            for (set, to) in other.edges(b) {
                work += letters.len();
                for &c in letters.iter().filter(|&&c| contains(set, c)) {
                    let Some(place) = place.step(c) else { continue };
                    let next = if let Some(&next) = steps.get(&(id, c)) {
                        next
                    } else {
                        let stepped = self.step(&sets[id], c);
                        work += sets[id].len() + stepped.len();
                        let next = *known.entry(stepped).or_insert_with_key(|stepped| {
                            sets.push(stepped.clone());
                            sets.len() - 1
                        });
                        steps.insert((id, c), next);
                        next
                    };
                    if work > MAX_WORK {
                        return false;
                    }
                    let found = other.closure(to).map(|to| (to, next, place));
                    todo.extend(found.filter(|&at| seen.insert(at)));
                }
            }
        }
        true
    }
}

/// Where in a valid path a walk stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    /// At the start of a component.
    Start,
    /// After `.`, which is no component.
    Dot,
    /// After `..`, which is none either.
    DotDot,
    /// In a valid component: the path may end here.
    Inside,
}

impl Place {
    fn step(self, c: u32) -> Option<Self> {
        match (self, c) {
            (Self::Inside, SLASH) => Some(Self::Start),
            (_, SLASH) => None,
            (Self::Start, DOT) => Some(Self::Dot),
            (Self::Dot, DOT) => Some(Self::DotDot),
            _ => Some(Self::Inside),
        }
    }
}

fn single(c: char) -> Range {
    (u32::from(c), u32::from(c))
}

fn is_deep(part: &[&Token]) -> bool {
    matches!(part, [Token::Star, Token::Star])
}

/// Whether the states of one component can take a valid name: not nothing, `.` or `..`.
fn can_name(ops: &[Op]) -> bool {
    let other = |set: &[Range]| shared(set, COMPONENT).other;
    let free = ops.iter().any(|op| match op {
        Op::Char(range) => other(std::slice::from_ref(range)),
        Op::Set(set) => other(set),
        _ => true,
    });
    let takes_nothing = |op: &Op| matches!(op, Op::Set(set) if set.is_empty());
    !ops.iter().any(takes_nothing) && (free || ops.len() > 2)
}

/// One character for each way in which the automata can tell characters apart; with `case`, folded ones only.
fn letters(automata: &[&Nfa], case: bool) -> Vec<u32> {
    let mut named = BTreeSet::from([DOT, SLASH]);
    let mut sets: BTreeSet<&[Range]> = BTreeSet::new();
    for op in automata.iter().flat_map(|nfa| &nfa.ops) {
        match op {
            Op::Char((c, _)) => drop(named.insert(*c)),
            Op::Set(set) => drop(sets.insert(set)),
            _ => {}
        }
    }
    let mut cuts: BTreeSet<u32> = named.iter().flat_map(|&c| [c, c + 1]).collect();
    for &(lo, hi) in sets.iter().copied().flatten().chain(PATH) {
        cuts.extend([lo, hi + 1]);
    }
    let cuts: Vec<u32> = cuts.into_iter().collect();
    // A folded class has hundreds of ranges that mean the same: one letter for all that the same sets hold is enough.
    let mut known = HashSet::new();
    let pick = |pair: &[u32]| {
        let mut chars = (pair[0]..pair[1]).filter_map(char::from_u32);
        let c = u32::from(chars.find(|&c| !case || lower(c) == c)?);
        let held: Vec<bool> = sets.iter().map(|set| contains(set, c)).collect();
        (named.contains(&c) || known.insert(held)).then_some(c)
    };
    cuts.windows(2).filter_map(pick).collect()
}
