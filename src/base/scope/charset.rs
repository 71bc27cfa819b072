//! Sets of characters as sorted, disjoint, closed ranges of code points.
//!
//! The universe is what a path's component may hold: every character but NUL and `/`.

use super::fold::cased;

/// A closed range of code points.
pub(super) type Range = (u32, u32);

/// Code point of `.`, which validity of a component turns on.
pub(super) const DOT: u32 = '.' as u32;
/// Code point of `/`.
pub(super) const SLASH: u32 = '/' as u32;
/// The separator alone.
pub(super) const ONLY_SLASH: &[Range] = &[(SLASH, SLASH)];
/// Every character of a component.
pub(super) const COMPONENT: &[Range] = &[
    (1, SLASH - 1),
    (SLASH + 1, 0xD7FF),
    (0xE000, char::MAX as u32),
];
/// Every character of a path.
pub(super) const PATH: &[Range] = &[(1, 0xD7FF), (0xE000, char::MAX as u32)];

/// Whether a set holds a code point.
pub(super) fn contains(set: &[Range], c: u32) -> bool {
    let after = set.partition_point(|r| r.0 <= c);
    after > 0 && set[after - 1].1 >= c
}

/// Which kinds of character two sets share.
#[derive(Clone, Copy, Default)]
pub(super) struct Shared {
    /// They share `.`.
    pub(super) dot: bool,
    /// They share `/`.
    pub(super) slash: bool,
    /// They share anything else.
    pub(super) other: bool,
}

/// Says which kinds of character two sets share, without building their intersection.
pub(super) fn shared(a: &[Range], b: &[Range]) -> Shared {
    let mut out = Shared::default();
    let (mut i, mut j) = (0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        let (lo, hi) = (x.0.max(y.0), x.1.min(y.1));
        if lo <= hi {
            let dot = lo <= DOT && DOT <= hi;
            let slash = lo <= SLASH && SLASH <= hi;
            out.dot |= dot;
            out.slash |= slash;
            out.other |= hi - lo + 1 > u32::from(dot) + u32::from(slash);
        }
        if x.1 < y.1 { i += 1 } else { j += 1 }
    }
    out
}

/// A character class as written, before folding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Class {
    /// The text between and with the brackets, kept for display.
    pub(super) raw: String,
    /// The members as written: unsorted, perhaps overlapping.
    pub(super) members: Vec<Range>,
    /// Whether it stands for what is not a member.
    pub(super) negated: bool,
}

impl Class {
    /// The set it stands for; with `case`, members are folded before negation, and only folded characters remain.
    pub(super) fn set(&self, case: bool) -> Vec<Range> {
        let mut members = self.members.clone();
        if case {
            let written = sorted(members.clone());
            let lowered = cased().iter().filter(|(from, _)| contains(&written, *from));
            members.extend(lowered.map(|&(_, to)| (to, to)));
        }
        let members = sorted(members);
        let members = if self.negated {
            minus(COMPONENT, &members)
        } else {
            minus(&members, &outside_component())
        };
        if case {
            let changed = cased().iter().map(|&(from, _)| (from, from)).collect();
            minus(&members, &sorted(changed))
        } else {
            members
        }
    }
}

/// The code points that no component holds.
fn outside_component() -> [Range; 3] {
    [(0, 0), (SLASH, SLASH), (0xD800, 0xDFFF)]
}

/// Sorts ranges and joins those that touch.
fn sorted(mut ranges: Vec<Range>) -> Vec<Range> {
    ranges.sort_unstable();
    let mut out: Vec<Range> = Vec::with_capacity(ranges.len());
    for (lo, hi) in ranges {
        match out.last_mut() {
            Some(last) if lo <= last.1.saturating_add(1) => last.1 = last.1.max(hi),
            _ => out.push((lo, hi)),
        }
    }
    out
}

/// What is in `from` and not in `take`; both sorted.
fn minus(from: &[Range], take: &[Range]) -> Vec<Range> {
    let mut out = Vec::new();
    let mut first = 0;
    for &(mut lo, hi) in from {
        while take.get(first).is_some_and(|t| t.1 < lo) {
            first += 1;
        }
        for t in take[first..].iter().take_while(|t| t.0 <= hi) {
            if t.0 > lo {
                out.push((lo, t.0 - 1));
            }
            lo = lo.max(t.1 + 1);
        }
        if lo <= hi {
            out.push((lo, hi));
        }
    }
    out
}

/// The ASCII members of a POSIX class such as `alpha`.
pub(super) fn posix(name: &str) -> Option<&'static [Range]> {
    Some(match name {
        "alnum" => &[(0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)],
        "alpha" => &[(0x41, 0x5A), (0x61, 0x7A)],
        "blank" => &[(0x09, 0x09), (0x20, 0x20)],
        "cntrl" => &[(0x00, 0x1F), (0x7F, 0x7F)],
        "digit" => &[(0x30, 0x39)],
        "graph" => &[(0x21, 0x7E)],
        "lower" => &[(0x61, 0x7A)],
        "print" => &[(0x20, 0x7E)],
        "punct" => &[(0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)],
        "space" => &[(0x09, 0x0D), (0x20, 0x20)],
        "upper" => &[(0x41, 0x5A)],
        "xdigit" => &[(0x30, 0x39), (0x41, 0x46), (0x61, 0x66)],
        _ => return None,
    })
}
