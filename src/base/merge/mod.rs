//! Three-way merge by structure: what two writers did to one file since they both read it.
//!
//! Text and code merge line by line, Markdown by section and list item, JSON and TOML by key (arrays that are sets by element),
//! line lists and JSONL by union. Invariants, each a property in `tests/props/merge_laws.rs`:
//!
//! - **Laws.** `merge(b, x, b) = x`, `merge(b, b, x) = x`, `merge(b, x, x) = x`, byte for byte, whatever the bytes are.
//! - **Nothing is dropped silently.** What a side added is in the result, or in a [`Conflict`] with both values and the base.
//! - **Untouched bytes stay.** JSON and TOML are merged on the places of values in the text, never written anew.
//! - **A structured file never gets markers.** On a conflict `bytes` keeps ours at that key; text and Markdown get the
//!   markers of `git merge-file --zdiff3`.
//! - **Nothing is repaired.** A side that does not parse is kept as it is and reported in [`Merged::invalid`].
//! - Swapping the sides swaps the conflicts and changes a clean result in the order of what both added at most.

mod json;
mod lines;
mod markdown;
mod sequence;
mod structured;
mod text;
mod toml;
mod tree;

use std::path::Path;

/// Above this size a file is merged as text: the places of all its values would cost many times the file.
const STRUCTURE_LIMIT: usize = 8 << 20;
/// Where git looks for a zero byte.
const BINARY_WINDOW: usize = 8000;

/// How a file is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Line by line, as git does.
    Text,
    /// By section and list item.
    Markdown,
    /// By key, with comments and trailing commas allowed.
    Json,
    /// By key.
    Toml,
    /// JSONL and line lists: the union of both sides.
    Lines,
    /// Not at all: one side or a conflict.
    Binary,
}

impl Kind {
    /// Takes the kind from a file's name, and from its bytes what is binary.
    pub fn of(path: impl AsRef<Path>, bytes: &[u8]) -> Self {
        if is_binary(bytes) {
            return Kind::Binary;
        }
        let path = path.as_ref();
        let lower = |part: Option<&std::ffi::OsStr>| {
            part.map(|part| part.to_string_lossy().to_lowercase())
                .unwrap_or_default()
        };
        let name = lower(path.file_name());
        match lower(path.extension()).as_str() {
            "md" | "markdown" | "mdc" => Kind::Markdown,
            "json" | "jsonc" | "code-workspace" | "webmanifest" => Kind::Json,
            "toml" => Kind::Toml,
            "jsonl" | "ndjson" => Kind::Lines,
            _ if name.starts_with('.') && name.ends_with("ignore") => Kind::Lines,
            _ => Kind::Text,
        }
    }

    /// Tells whether conflict markers would break the file for its readers.
    pub fn is_structured(self) -> bool {
        matches!(self, Kind::Json | Kind::Toml | Kind::Lines | Kind::Binary)
    }
}

/// Who wrote the three versions, for conflicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Labels<'a> {
    /// The version that both sides started from.
    pub base: &'a str,
    /// The writer of our side.
    pub ours: &'a str,
    /// The writer of their side.
    pub theirs: &'a str,
}

/// One of the sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What both started from.
    Base,
    /// Ours.
    Ours,
    /// Theirs.
    Theirs,
}

/// What a merge came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// The merged file; with conflicts see [`Kind::is_structured`].
    pub bytes: Vec<u8>,
    /// What only a person or an agent can decide.
    pub conflicts: Vec<Conflict>,
    /// Entries that say the same after a union, and did not before.
    pub duplicates: Vec<Duplicate>,
    /// Sides that do not parse; with one of ours or theirs the whole file is a conflict, unless the base did not parse either.
    pub invalid: Vec<Invalid>,
}

/// Two values for one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Where: `line 12`, `permissions.allow[3]`, `## Decisions`; empty for the whole file.
    pub at: String,
    /// What both started from; none if it was not there.
    pub base: Option<Vec<u8>>,
    /// Ours; none if we removed it.
    pub ours: Option<Vec<u8>>,
    /// Theirs; none if they removed it.
    pub theirs: Option<Vec<u8>>,
    /// The writer of the base.
    pub base_by: String,
    /// The writer of ours.
    pub ours_by: String,
    /// The writer of theirs.
    pub theirs_by: String,
}

/// Two entries that mean the same, brought together by a union.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// Where they are.
    pub at: String,
    /// The one that comes first.
    pub first: String,
    /// The other one.
    pub second: String,
}

/// A side that is no valid file of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Which.
    pub side: Side,
    /// Why, in the parser's words.
    pub why: String,
}

impl Merged {
    fn clean(bytes: &[u8]) -> Self {
        Merged {
            bytes: bytes.to_vec(),
            ..Merged::default()
        }
    }

    /// Tells whether nothing is left to decide.
    pub fn is_clean(&self) -> bool {
        self.conflicts.is_empty()
    }
}

/// Merges two versions that started from `base`; without a base both sides count as new.
pub fn merge(
    kind: Kind,
    base: Option<&[u8]>,
    ours: &[u8],
    theirs: &[u8],
    labels: &Labels<'_>,
) -> Merged {
    let sides = Sides {
        base,
        ours,
        theirs,
        labels,
    };
    let kind = if base.into_iter().chain([ours, theirs]).any(is_binary) {
        Kind::Binary
    } else {
        kind
    };
    let trivial = sides.trivial();
    // An empty file is where a structured file starts, and no version of one.
    let blank = |bytes: &&[u8]| bytes.trim_ascii().is_empty();
    let parsed = matches!(kind, Kind::Json | Kind::Toml);
    let sides = Sides {
        base: base.filter(|base| !parsed || !blank(base)),
        ..sides
    };
    let invalid = sides.invalid(kind);
    let mut merged = match trivial {
        Some(bytes) => Merged::clean(bytes),
        None => sides.merge(kind, &invalid),
    };
    merged.invalid = invalid;
    merged
}

/// Tells whether git would call these bytes binary.
pub fn is_binary(bytes: &[u8]) -> bool {
    bytes.iter().take(BINARY_WINDOW).any(|byte| *byte == 0)
}

/// The three versions of a file, or of a part of it.
#[derive(Clone, Copy)]
struct Sides<'a> {
    base: Option<&'a [u8]>,
    ours: &'a [u8],
    theirs: &'a [u8],
    labels: &'a Labels<'a>,
}

impl<'a> Sides<'a> {
    /// The answer if only one side changed, or both did the same.
    fn trivial(&self) -> Option<&'a [u8]> {
        if self.ours == self.theirs || self.base == Some(self.theirs) {
            Some(self.ours)
        } else if self.base == Some(self.ours) {
            Some(self.theirs)
        } else {
            None
        }
    }

    fn merge(&self, kind: Kind, invalid: &[Invalid]) -> Merged {
        let large = self.all().any(|(_, bytes)| bytes.len() > STRUCTURE_LIMIT);
        match kind {
            Kind::Binary => self.keep_ours(),
            Kind::Text => text::merge(self),
            Kind::Markdown if large => text::merge(self),
            Kind::Markdown => markdown::merge(self),
            _ if large => self.without_markers(),
            Kind::Lines => lines::merge(self),
            Kind::Json => structured::merge(self, invalid, json::parse),
            Kind::Toml => structured::merge(self, invalid, toml::parse),
        }
    }

    fn invalid(&self, kind: Kind) -> Vec<Invalid> {
        let check = match kind {
            Kind::Json => json::check,
            Kind::Toml => toml::check,
            _ => return Vec::new(),
        };
        let small = self
            .all()
            .filter(|(_, bytes)| bytes.len() <= STRUCTURE_LIMIT);
        small
            .filter_map(|(side, bytes)| {
                structured::check(bytes, check).map(|why| Invalid { side, why })
            })
            .collect()
    }

    fn all(&self) -> impl Iterator<Item = (Side, &'a [u8])> {
        let base = self.base.map(|base| (Side::Base, base));
        base.into_iter()
            .chain([(Side::Ours, self.ours), (Side::Theirs, self.theirs)])
    }

    /// Line by line; where that leaves something open, ours whole and the open parts as conflicts.
    fn without_markers(&self) -> Merged {
        let mut merged = text::merge(self);
        if !merged.is_clean() {
            merged.bytes = self.ours.to_vec();
        }
        merged
    }

    /// Ours, and the whole file as one conflict.
    fn keep_ours(&self) -> Merged {
        Merged {
            bytes: self.ours.to_vec(),
            conflicts: vec![self.labels.conflict(
                String::new(),
                self.base,
                Some(self.ours),
                Some(self.theirs),
            )],
            ..Merged::default()
        }
    }
}

impl Labels<'_> {
    fn conflict(
        &self,
        at: String,
        base: Option<&[u8]>,
        ours: Option<&[u8]>,
        theirs: Option<&[u8]>,
    ) -> Conflict {
        let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
        Conflict {
            at,
            base: owned(base),
            ours: owned(ours),
            theirs: owned(theirs),
            base_by: self.base.to_owned(),
            ours_by: self.ours.to_owned(),
            theirs_by: self.theirs.to_owned(),
        }
    }
}

/// What a line says, without case, punctuation and spacing: two that are equal here mean the same. None if it says nothing.
fn plain(line: &str) -> Option<String> {
    let words = line.split(|c: char| !c.is_alphanumeric());
    let words: Vec<String> = words
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}

#[cfg(test)]
mod tests;
