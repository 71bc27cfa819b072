//! Lists of lines and JSONL: the union of both sides, in their order; a line is one entry and is never changed, only added or removed.
//!
//! So there are no conflicts: an entry that one side rewrote is one entry removed and another added. Entries that say the same
//! in other words, or carry the same id, are reported.

use super::sequence::{Region, State, regions, union};
use super::{Duplicate, Merged, Sides};
use std::collections::HashMap;

/// Merges by union.
pub fn merge(sides: &Sides<'_>) -> Merged {
    let [base, ours, theirs] =
        [sides.base.unwrap_or_default(), sides.ours, sides.theirs].map(Lines::of);
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut added: [Vec<&[u8]>; 2] = Default::default();
    for Region {
        state,
        base: b,
        ours: o,
        theirs: t,
    } in regions(&base.keys, &ours.keys, &theirs.keys)
    {
        match state {
            // Where only the line's end differs, the side that changed it has its way.
            State::Kept => kept.extend(b.zip(o).zip(t).map(|((b, o), t)| {
                if ours.raw[o] == base.raw[b] {
                    theirs.raw[t]
                } else {
                    ours.raw[o]
                }
            })),
            State::Ours | State::Agreed => {
                kept.extend(&ours.raw[o.clone()]);
                added[0].extend(&ours.keys[o]);
            }
            State::Theirs => {
                kept.extend(&theirs.raw[t.clone()]);
                added[1].extend(&theirs.keys[t]);
            }
            State::Both => {
                let (first, second) = union(
                    &base.keys[b.clone()],
                    &ours.keys[o.clone()],
                    &theirs.keys[t.clone()],
                );
                kept.extend(first.iter().map(|at| ours.raw[o.start + at]));
                kept.extend(second.iter().map(|at| theirs.raw[t.start + at]));
                added[0].extend(first.iter().map(|at| ours.keys[o.start + at]));
                added[1].extend(second.iter().map(|at| theirs.keys[t.start + at]));
            }
        }
    }
    let ends = [&base, &ours, &theirs].map(|lines| lines.ended);
    let ended = if ends[1] == ends[0] { ends[2] } else { ends[1] };
    Merged {
        bytes: join(&kept, ours.end, ended),
        duplicates: duplicates(&added[0], &added[1]),
        ..Merged::default()
    }
}

/// A text as lines.
pub struct Lines<'a> {
    /// With their ends.
    pub raw: Vec<&'a [u8]>,
    /// Without their ends.
    pub keys: Vec<&'a [u8]>,
    /// The end of the first line.
    pub end: &'static [u8],
    /// Whether the last line has an end; an empty text has.
    pub ended: bool,
}

impl<'a> Lines<'a> {
    /// Cuts a text.
    pub fn of(text: &'a [u8]) -> Self {
        let raw: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
        let keys = raw.iter().map(|line| trim_end(line)).collect();
        let end: &[u8] = match raw.first() {
            Some(first) if first.ends_with(b"\r\n") => b"\r\n",
            _ => b"\n",
        };
        Lines {
            raw,
            keys,
            end,
            ended: text.is_empty() || text.ends_with(b"\n"),
        }
    }
}

/// A line without its end.
pub fn trim_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Puts lines together: each but the last has an end.
pub fn join(lines: &[&[u8]], end: &[u8], ended: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let last = at + 1 == lines.len();
        if last && !ended {
            out.extend_from_slice(trim_end(line));
        } else {
            out.extend_from_slice(line);
            if !line.ends_with(b"\n") {
                out.extend_from_slice(end);
            }
        }
    }
    out
}

/// Entries of one side that mean what an entry of the other side means.
fn duplicates(ours: &[&[u8]], theirs: &[&[u8]]) -> Vec<Duplicate> {
    let text = |line: &[u8]| String::from_utf8_lossy(line).into_owned();
    let known: HashMap<String, &[u8]> = ours
        .iter()
        .filter_map(|line| Some((meaning(&text(line))?, *line)))
        .collect();
    let twice = theirs.iter().filter_map(|line| {
        let first = known.get(&meaning(&text(line))?)?;
        (first != line).then(|| Duplicate {
            at: String::new(),
            first: text(first),
            second: text(line),
        })
    });
    twice.collect()
}

/// What a line is about: the id of a JSON object, else its words.
fn meaning(line: &str) -> Option<String> {
    if let Ok(serde_json::Value::Object(object)) = serde_json::from_str(line) {
        let id = ["id", "uuid", "key"]
            .iter()
            .find_map(|name| object.get(*name));
        return Some(id.map_or_else(
            || format!("={}", serde_json::Value::Object(object.clone())),
            ToString::to_string,
        ));
    }
    super::plain(line)
}
