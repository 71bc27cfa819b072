//! Line by line, in the verdict and the bytes of `git merge-file --zdiff3`.
//!
//! The diffs are gix's. The three-way step is not: gix 0.90 slides changes by indentation before it merges and chooses the line
//! ends of markers its own way, so that 1 % of random triples come out other than in git, some clean where git sees a conflict.

use super::{Merged, Sides};
use crate::base::text::one_line;
use gix::diff::blob::{Algorithm, Diff, Hunk, InternedInput};
use std::ops::Range;

const MARKER_SIZE: usize = 7;

/// What one side made of a stretch of the base.
struct Change {
    before: Range<usize>,
    after: Range<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    Ours,
    Theirs,
    Neither,
}

/// A stretch that is not the same in all three, and whose version goes in.
struct Block {
    taken: Taken,
    base: Range<usize>,
    ours: Range<usize>,
    theirs: Range<usize>,
}

/// The lines of the three versions, with their ends.
struct Texts<'a> {
    base: Vec<&'a [u8]>,
    ours: Vec<&'a [u8]>,
    theirs: Vec<&'a [u8]>,
}

/// Merges line by line.
pub fn merge(sides: &Sides<'_>) -> Merged {
    let texts = Texts {
        base: lines(sides.base.unwrap_or_default()),
        ours: lines(sides.ours),
        theirs: lines(sides.theirs),
    };
    let mut input = InternedInput::default();
    input.update_before(texts.base.iter().copied());
    let ours = changes(&mut input, &texts.ours);
    let theirs = changes(&mut input, &texts.theirs);
    let mut blocks = texts.blocks(&ours, &theirs);
    for block in blocks
        .iter_mut()
        .filter(|block| block.taken == Taken::Neither)
    {
        texts.contract(block);
    }
    texts.render(&blocks, sides)
}

fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').collect()
}

/// What a side made of the base, whose lines `input` has.
fn changes<'a>(input: &mut InternedInput<&'a [u8]>, side: &[&'a [u8]]) -> Vec<Change> {
    input.after.clear();
    input.update_after(side.iter().copied());
    let mut diff = Diff::compute(Algorithm::Myers, input);
    diff.postprocess_no_heuristic(input);
    let wide = |range: Range<u32>| range.start as usize..range.end as usize;
    let change = |hunk: Hunk| Change {
        before: wide(hunk.before),
        after: wide(hunk.after),
    };
    diff.hunks().map(change).collect()
}

impl Texts<'_> {
    /// Lines up the changes of both sides; those that share a line of the base, or touch, are one block for nobody.
    fn blocks(&self, ours: &[Change], theirs: &[Change]) -> Vec<Block> {
        let mut blocks = Vec::new();
        let (mut a, mut b) = (ours.iter().peekable(), theirs.iter().peekable());
        loop {
            match (a.peek().copied(), b.peek().copied()) {
                (None, None) => return blocks,
                (Some(x), y) if y.is_none_or(|y| x.before.end < y.before.start) => {
                    let shift = y.map_or((self.theirs.len(), self.base.len()), |y| {
                        (y.after.start, y.before.start)
                    });
                    let theirs = moved(&x.before, shift);
                    append(
                        &mut blocks,
                        block(Taken::Ours, &x.before, &x.after, &theirs),
                    );
                    a.next();
                }
                (x, Some(y)) if x.is_none_or(|x| y.before.end < x.before.start) => {
                    let shift = x.map_or((self.ours.len(), self.base.len()), |x| {
                        (x.after.start, x.before.start)
                    });
                    let ours = moved(&y.before, shift);
                    append(
                        &mut blocks,
                        block(Taken::Theirs, &y.before, &ours, &y.after),
                    );
                    b.next();
                }
                (Some(x), Some(y)) => {
                    let agreed = x.before == y.before
                        && self.ours[x.after.clone()] == self.theirs[y.after.clone()];
                    if !agreed {
                        append(&mut blocks, collision(x, y));
                    }
                    if x.before.end >= y.before.end {
                        b.next();
                    }
                    if y.before.end >= x.before.end {
                        a.next();
                    }
                }
                _ => unreachable!("a change that stands alone was taken above"),
            }
        }
    }

    /// Leaves out of a conflict what both sides begin and end with.
    fn contract(&self, block: &mut Block) {
        let (ours, theirs) = (
            &self.ours[block.ours.clone()],
            &self.theirs[block.theirs.clone()],
        );
        let same = |(a, b): &(&&[u8], &&[u8])| a == b;
        let head = ours.iter().zip(theirs).take_while(same).count();
        let (ours, theirs) = (&ours[head..], &theirs[head..]);
        let tail = ours
            .iter()
            .rev()
            .zip(theirs.iter().rev())
            .take_while(same)
            .count();
        for side in [&mut block.ours, &mut block.theirs] {
            *side = side.start + head..side.end - tail;
        }
    }

    fn render(&self, blocks: &[Block], sides: &Sides<'_>) -> Merged {
        let mut merged = Merged::default();
        let out = &mut merged.bytes;
        let mut at = 0;
        for block in blocks {
            let [base, ours, theirs] = [
                &self.base[block.base.clone()],
                &self.ours[block.ours.clone()],
                &self.theirs[block.theirs.clone()],
            ];
            out.extend(self.ours[at..block.ours.start].concat());
            at = block.ours.end;
            match block.taken {
                Taken::Ours => out.extend(ours.concat()),
                Taken::Theirs => out.extend(theirs.concat()),
                Taken::Neither => {
                    let (labels, end) = (sides.labels, self.marker_end(block));
                    marker(out, b'<', Some(labels.ours), end);
                    ended(out, ours, end);
                    marker(out, b'|', Some(labels.base), end);
                    ended(out, base, end);
                    marker(out, b'=', None, end);
                    ended(out, theirs, end);
                    marker(out, b'>', Some(labels.theirs), end);
                    let place = format!("line {}", block.ours.start + 1);
                    let base = sides.base.map(|_| base.concat());
                    let (ours, theirs) = (ours.concat(), theirs.concat());
                    merged.conflicts.push(labels.conflict(
                        place,
                        base.as_deref(),
                        Some(&ours),
                        Some(&theirs),
                    ));
                }
            }
        }
        out.extend(self.ours[at..].concat());
        merged
    }

    /// CRLF if both sides use it before the conflict (or at their start) and the base at its start; LF in doubt.
    fn marker_end(&self, block: &Block) -> &'static [u8] {
        let before = |at: usize| at.saturating_sub(1);
        let ends = [
            ends_in_crlf(&self.ours, before(block.ours.start)),
            ends_in_crlf(&self.theirs, before(block.theirs.start)),
            ends_in_crlf(&self.base, 0),
        ];
        // What cannot be told is no objection, unless nothing comes after it.
        let crlf = ends[0] != Some(false) && ends[1] != Some(false) && ends[2] == Some(true);
        if crlf { b"\r\n" } else { b"\n" }
    }
}

/// A stretch of the base, in a side that has not changed it.
fn moved(before: &Range<usize>, (to, from): (usize, usize)) -> Range<usize> {
    // Below zero only where it continues a conflict, whose start it does not move.
    (before.start + to).saturating_sub(from)..(before.end + to).saturating_sub(from)
}

fn block(taken: Taken, base: &Range<usize>, ours: &Range<usize>, theirs: &Range<usize>) -> Block {
    Block {
        taken,
        base: base.clone(),
        ours: ours.clone(),
        theirs: theirs.clone(),
    }
}

/// Both changes, each widened to the stretch that the two cover.
fn collision(x: &Change, y: &Change) -> Block {
    let start = x.before.start.min(y.before.start);
    let end = x.before.end.max(y.before.end);
    let widened = |change: &Change| {
        // Too far left only if the change before it is part of the conflict: then the start is not asked for.
        let from = (change.after.start + start).saturating_sub(change.before.start);
        from..change.after.end + (end - change.before.end)
    };
    block(Taken::Neither, &(start..end), &widened(x), &widened(y))
}

/// Adds a block, or makes one of it and the last if they touch in a side.
fn append(blocks: &mut Vec<Block>, next: Block) {
    match blocks.last_mut() {
        Some(last) if next.ours.start <= last.ours.end || next.theirs.start <= last.theirs.end => {
            if last.taken != next.taken {
                last.taken = Taken::Neither;
            }
            last.base.end = next.base.end;
            last.ours.end = next.ours.end;
            last.theirs.end = next.theirs.end;
        }
        _ => blocks.push(next),
    }
}

/// Tells the end of a line, for a last line without one that of the line before; none if nothing tells.
fn ends_in_crlf(lines: &[&[u8]], at: usize) -> Option<bool> {
    let line = lines.get(at)?;
    if line.ends_with(b"\n") {
        return Some(line.ends_with(b"\r\n"));
    }
    let before = at.checked_sub(1)?;
    Some(lines[before].ends_with(b"\r\n"))
}

fn marker(out: &mut Vec<u8>, sign: u8, label: Option<&str>, end: &[u8]) {
    out.extend([sign; MARKER_SIZE]);
    if let Some(label) = label {
        out.push(b' ');
        out.extend(one_line(label, 200).as_bytes());
    }
    out.extend(end);
}

fn ended(out: &mut Vec<u8>, lines: &[&[u8]], end: &[u8]) {
    out.extend(lines.concat());
    if lines.last().is_some_and(|last| !last.ends_with(b"\n")) {
        out.extend(end);
    }
}
