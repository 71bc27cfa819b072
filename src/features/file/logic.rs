//! Pure parts of a write: line ends, edits by text, what lines went and whose they were.

use crate::base::merge::{self, Kind, Labels, Side};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Returns `input` with the byte order mark and the line ends of the text that it replaces.
///
/// Only where the old text has one kind of line end throughout, and the new one another throughout: mixed ones are left.
pub fn like(current: &[u8], input: Vec<u8>) -> Vec<u8> {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    if current.contains(&0) || input.contains(&0) || input.is_empty() {
        return input;
    }
    let input = match (ends(current), ends(&input)) {
        (Some(true), Some(false)) => to_crlf(&input),
        (Some(false), Some(true)) => without_cr(&input),
        _ => input,
    };
    if current.starts_with(MARK) && !input.starts_with(MARK) {
        return [MARK, &input].concat();
    }
    input
}

/// Tells whether all lines end in CR LF, or none; a text without or with both has no kind.
fn ends(text: &[u8]) -> Option<bool> {
    let mut kinds = text
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at > 0 && text[at - 1] == b'\r');
    let first = kinds.next()?;
    kinds.all(|kind| kind == first).then_some(first)
}

fn to_crlf(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 16);
    for byte in text {
        if *byte == b'\n' {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out
}

fn without_cr(text: &[u8]) -> Vec<u8> {
    let next = text.iter().skip(1).chain([&0]);
    let pairs = text.iter().zip(next);
    pairs
        .filter(|(byte, next)| !(**byte == b'\r' && **next == b'\n'))
        .map(|(byte, _)| *byte)
        .collect()
}

/// One change of a text by what stands there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Edit {
    /// A text is replaced by another.
    Replace {
        /// What stands there.
        old: String,
        /// What is to stand there.
        new: String,
        /// Everywhere, not only where it stands alone.
        all: bool,
    },
    /// A text is put at the end, on a line of its own.
    Append(String),
}

/// Why an edit does not apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// The text is nowhere.
    Absent(String),
    /// The text is there more than once.
    Several(String, usize),
    /// There is no text to be replaced.
    Empty,
}

/// Applies edits in order; all of them or none.
pub fn apply(text: &[u8], edits: &[Edit]) -> Result<Vec<u8>, Misfit> {
    let mut text = text.to_vec();
    for edit in edits {
        text = match edit {
            Edit::Append(more) => append(&text, more.as_bytes()),
            Edit::Replace { old, .. } if old.is_empty() => return Err(Misfit::Empty),
            Edit::Replace { old, new, all } => {
                let ends = like(&text, new.clone().into_bytes());
                // A mark belongs to the beginning of a file, not to a part of it.
                let new = match ends.strip_prefix(b"\xef\xbb\xbf") {
                    Some(rest) if !new.starts_with('\u{feff}') => rest.to_vec(),
                    _ => ends,
                };
                replace(&text, old, &new, *all)?
            }
        };
    }
    Ok(text)
}

fn replace(text: &[u8], old: &str, new: &[u8], all: bool) -> Result<Vec<u8>, Misfit> {
    let mut places = find_all(text, old.as_bytes());
    let mut wanted = old.as_bytes().to_vec();
    if places.is_empty() && ends(text) == Some(true) {
        // Agents see lines without their CR.
        wanted = to_crlf(&without_cr(old.as_bytes()));
        places = find_all(text, &wanted);
    }
    match places.len() {
        0 => return Err(Misfit::Absent(old.to_owned())),
        1 => {}
        more if !all => return Err(Misfit::Several(old.to_owned(), more)),
        _ => {}
    }
    let mut out = Vec::with_capacity(text.len());
    let mut from = 0;
    for at in places {
        out.extend(&text[from..at]);
        out.extend(new);
        from = at + wanted.len();
    }
    out.extend(&text[from..]);
    Ok(out)
}

/// Finds where a text stands, without overlaps.
fn find_all(text: &[u8], needle: &[u8]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text
        .get(from..)
        .filter(|rest| rest.len() >= needle.len())
        .and_then(|rest| rest.windows(needle.len()).position(|part| part == needle))
    {
        found.push(from + at);
        from += at + needle.len();
    }
    found
}

/// Tells whether a text stands in another.
pub fn contains(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
}

fn append(text: &[u8], more: &[u8]) -> Vec<u8> {
    let end: &[u8] = if ends(text) == Some(true) {
        b"\r\n"
    } else {
        b"\n"
    };
    let mut out = text.to_vec();
    if !out.is_empty() && !out.ends_with(b"\n") {
        out.extend(end);
    }
    out.extend(
        like(text, more.to_vec())
            .strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(more),
    );
    if !out.ends_with(b"\n") {
        out.extend(end);
    }
    out
}

/// Says why a text is no valid file of its kind.
pub fn invalid(kind: Kind, bytes: &[u8]) -> Option<String> {
    // A merge in which the others agree looks at ours alone.
    let labels = Labels {
        base: "",
        ours: "",
        theirs: "",
    };
    let (base, theirs): (&[u8], &[u8]) = match kind {
        Kind::Json => (b"{}", b"{ }"),
        Kind::Toml => (b"", b"\n"),
        _ => return None,
    };
    let merged = merge::merge(kind, Some(base), bytes, theirs, &labels);
    let ours = merged
        .invalid
        .into_iter()
        .find(|found| found.side == Side::Ours);
    ours.map(|found| found.why)
}

/// How many lines a version has more and less than the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Lines that are new.
    pub added: usize,
    /// Lines that are gone.
    pub removed: usize,
}

/// Who wrote the lines that a version took away: (version, lines).
pub type Taken = Vec<(u64, usize)>;

/// Follows a file from version to version and remembers whose each line is.
#[derive(Debug, Default)]
pub struct Story {
    /// Each line's owners, one for each time that it stands there.
    owners: HashMap<Vec<u8>, Vec<u64>>,
}

impl Story {
    /// Takes the next version; returns what it changed, and whose lines it took away.
    pub fn next(&mut self, number: u64, content: &[u8]) -> (Count, Taken) {
        let mut now: HashMap<&[u8], usize> = HashMap::new();
        for line in content.split_inclusive(|byte| *byte == b'\n') {
            *now.entry(line).or_default() += 1;
        }
        let mut count = Count::default();
        let mut taken: HashMap<u64, usize> = HashMap::new();
        for (line, owners) in &mut self.owners {
            let keep = now.get(line.as_slice()).copied().unwrap_or_default();
            while owners.len() > keep {
                count.removed += 1;
                // Of equal lines the newest goes first.
                *taken.entry(owners.pop().unwrap_or_default()).or_default() += 1;
            }
        }
        self.owners.retain(|_, owners| !owners.is_empty());
        for (line, there) in now {
            let owners = self.owners.entry(line.to_vec()).or_default();
            count.added += there - owners.len();
            owners.resize(there, number);
        }
        let mut taken: Taken = taken.into_iter().collect();
        taken.sort_unstable();
        (count, taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(old: &str, new: &str, all: bool) -> Edit {
        Edit::Replace {
            old: old.to_owned(),
            new: new.to_owned(),
            all,
        }
    }

    #[test]
    fn line_ends_and_the_mark_are_those_of_the_file() {
        assert_eq!(like(b"a\r\nb\r\n", b"x\ny\n".to_vec()), b"x\r\ny\r\n");
        assert_eq!(like(b"a\nb\n", b"x\r\ny\r\n".to_vec()), b"x\ny\n");
        assert_eq!(like(b"a\r\nb\n", b"x\n".to_vec()), b"x\n", "mixed");
        assert_eq!(
            like(b"\xef\xbb\xbfa\n", b"x\n".to_vec()),
            b"\xef\xbb\xbfx\n"
        );
        assert_eq!(like(b"a\r\n\0", b"x\n".to_vec()), b"x\n", "binary");
        assert_eq!(like(b"", b"x\r\n".to_vec()), b"x\r\n");
    }

    #[test]
    fn an_edit_needs_its_text_exactly_once() {
        assert_eq!(
            apply(b"a b c", &[edit("b", "x", false)]),
            Ok(b"a x c".to_vec())
        );
        assert_eq!(
            apply(b"b b", &[edit("b", "x", false)]),
            Err(Misfit::Several("b".to_owned(), 2))
        );
        assert_eq!(apply(b"b b", &[edit("b", "x", true)]), Ok(b"x x".to_vec()));
        assert_eq!(
            apply(b"a", &[edit("a", "b", false), edit("q", "x", false)]),
            Err(Misfit::Absent("q".to_owned())),
            "all or none"
        );
        assert_eq!(apply(b"a", &[edit("", "x", false)]), Err(Misfit::Empty));
        assert_eq!(
            apply(b"a\r\nb\r\n", &[edit("a\nb", "x\ny", false)]),
            Ok(b"x\r\ny\r\n".to_vec())
        );
    }

    #[test]
    fn what_is_appended_has_a_line_of_its_own() {
        let more = || [Edit::Append("- x".to_owned())];
        assert_eq!(apply(b"", &more()), Ok(b"- x\n".to_vec()));
        assert_eq!(apply(b"- a", &more()), Ok(b"- a\n- x\n".to_vec()));
        assert_eq!(apply(b"- a\r\n", &more()), Ok(b"- a\r\n- x\r\n".to_vec()));
    }

    #[test]
    fn lines_that_go_have_an_owner() {
        let mut story = Story::default();
        assert_eq!(story.next(1, b"a\n").0.added, 1);
        assert_eq!(
            story.next(2, b"a\nb\nb\n").0,
            Count {
                added: 2,
                removed: 0
            }
        );
        let (count, taken) = story.next(3, b"b\nc\n");
        assert_eq!(
            count,
            Count {
                added: 1,
                removed: 2
            }
        );
        assert_eq!(taken, [(1, 1), (2, 1)]);
        assert_eq!(story.next(4, b"").1, [(2, 1), (3, 1)]);
    }
}
