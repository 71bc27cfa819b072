//! Markdown: by section, in a section by block, and lists by item.
//!
//! What merges line by line is left as git merges it. Where lines collide, sections are found by their heading, and what both added
//! to a list or a table at one place is both kept, ours first, or in order where the list is in order. An item is found by what it
//! links to or by its bold key, else by its words; a field of the front matter by its name. Prose that both changed stays a
//! conflict.

mod blocks;
mod lists;

use super::{Duplicate, Merged, Sides, text};
use blocks::{Block, Kind, Section, sections};
use std::collections::HashSet;

use super::sequence::{Region, State, regions};

/// Merges by section.
pub fn merge(sides: &Sides<'_>) -> Merged {
    let read = |bytes| std::str::from_utf8(bytes).ok();
    let (Some(ours), Some(theirs), Some(base)) = (
        read(sides.ours),
        read(sides.theirs),
        read(sides.base.unwrap_or_default()),
    ) else {
        return text::merge(sides);
    };
    let lines = text::merge(sides);
    let (base, ours, theirs) = (sections(base), sections(ours), sections(theirs));
    let mut merged = if lines.is_clean() {
        lines
    } else {
        let mut writer = Writer {
            sides,
            out: Merged::default(),
        };
        writer.document(&base, &ours, &theirs);
        writer.out
    };
    merged.duplicates = duplicates(&base, &ours, &theirs, &merged.bytes);
    merged
}

struct Writer<'a> {
    sides: &'a Sides<'a>,
    out: Merged,
}

impl Writer<'_> {
    fn document(&mut self, base: &[Section<'_>], ours: &[Section<'_>], theirs: &[Section<'_>]) {
        let empty = Section::default();
        for (old, mine, other) in order(base, ours, theirs) {
            match (old, mine, other) {
                (_, Some(mine), Some(other)) => {
                    self.lines(
                        old.map(|old| old.head),
                        Some(mine.head),
                        Some(other.head),
                        mine.head,
                    );
                    self.body(&old.unwrap_or(&empty).blocks, mine, other);
                }
                (None, Some(one), None) | (None, None, Some(one)) => self.put(one.text),
                // Gone on one side: gone, if the other has not touched it.
                (Some(old), Some(one), None) | (Some(old), None, Some(one))
                    if old.text.trim_end() == one.text.trim_end() => {}
                (Some(old), mine, other) => {
                    let text = |section: Option<&Section<'_>>| {
                        section.map(|section| section.text.to_owned())
                    };
                    let (mine, other) = (text(mine), text(other));
                    self.lines(Some(old.text), mine.as_deref(), other.as_deref(), old.head);
                }
                (None, None, None) => {}
            }
        }
    }

    /// The blocks of a section that both have.
    fn body(&mut self, base: &[Block<'_>], ours: &Section<'_>, theirs: &Section<'_>) {
        let (mine, other) = (&ours.blocks, &theirs.blocks);
        for region in regions(&found_by(base), &found_by(mine), &found_by(other)) {
            let Region {
                state,
                base: b,
                ours: o,
                theirs: t,
            } = region;
            // One that was found by its name may have other words now.
            let same = |side: &[Block<'_>]| {
                text_of(side).trim_end() == text_of(&base[b.clone()]).trim_end()
            };
            let state = match state {
                State::Theirs if !same(&mine[o.clone()]) => State::Both,
                State::Ours if !same(&other[t.clone()]) => State::Both,
                state => state,
            };
            match state {
                State::Kept => {
                    for ((b, o), t) in b.zip(o).zip(t) {
                        self.block(Some(&base[b]), &mine[o], &other[t], ours.head);
                    }
                }
                State::Agreed => {
                    for (o, t) in o.zip(t) {
                        self.block(None, &mine[o], &other[t], ours.head);
                    }
                }
                State::Ours => self.put(&text_of(&mine[o])),
                State::Theirs => self.put(&text_of(&other[t])),
                State::Both => {
                    let sorted = lists::in_order(mine) && lists::in_order(other);
                    let parts = [&base[b], &mine[o], &other[t]];
                    if let Some(texts) = lists::union(parts, sorted) {
                        for text in texts {
                            self.put(&text);
                        }
                    } else {
                        let [b, o, t] = parts.map(text_of);
                        self.lines(Some(&b), Some(&o), Some(&t), ours.head);
                    }
                }
            }
        }
    }

    /// A block that both have.
    fn block(
        &mut self,
        base: Option<&Block<'_>>,
        ours: &Block<'_>,
        theirs: &Block<'_>,
        section: &str,
    ) {
        if let Some(text) = lists::item(base.as_ref(), Some(ours), Some(theirs)) {
            self.put(&text.unwrap_or_default());
        } else {
            let base = base.map(|base| base.text);
            self.lines(base, Some(ours.text), Some(theirs.text), section);
        }
    }

    /// A part line by line, with markers where that leaves something open.
    fn lines(
        &mut self,
        base: Option<&str>,
        ours: Option<&str>,
        theirs: Option<&str>,
        section: &str,
    ) {
        let bytes = |text: Option<&str>| text.unwrap_or_default().as_bytes().to_vec();
        let (old, mine, other) = (bytes(base), bytes(ours), bytes(theirs));
        let sides = Sides {
            base: Some(&old),
            ours: &mine,
            theirs: &other,
            labels: self.sides.labels,
        };
        let part = match sides.trivial() {
            Some(bytes) => Merged::clean(bytes),
            None => text::merge(&sides),
        };
        self.put(&String::from_utf8_lossy(&part.bytes));
        for mut conflict in part.conflicts {
            section.trim_end().clone_into(&mut conflict.at);
            conflict.base = conflict
                .base
                .filter(|_| base.is_some() && self.sides.base.is_some());
            conflict.ours = conflict.ours.filter(|_| ours.is_some());
            conflict.theirs = conflict.theirs.filter(|_| theirs.is_some());
            self.out.conflicts.push(conflict);
        }
    }

    /// Adds text; what was the last line of a side gets its end if something follows.
    fn put(&mut self, text: &str) {
        let bytes = &mut self.out.bytes;
        if !text.is_empty() && bytes.last().is_some_and(|last| *last != b'\n') {
            let crlf = bytes.windows(2).any(|pair| pair == b"\r\n");
            bytes.extend(if crlf { b"\r\n".as_slice() } else { b"\n" });
        }
        bytes.extend(text.as_bytes());
    }
}

/// What each block is found by: its name, else its words.
fn found_by(blocks: &[Block<'_>]) -> Vec<String> {
    let found_by = |block: &Block<'_>| match &block.name {
        Some(name) => format!("\u{0}{name}"),
        None => block.text.trim_end().to_owned(),
    };
    blocks.iter().map(found_by).collect()
}

fn text_of(blocks: &[Block<'_>]) -> String {
    blocks.iter().map(|block| block.text).collect()
}

type Three<'s, 't> = (
    Option<&'s Section<'t>>,
    Option<&'s Section<'t>>,
    Option<&'s Section<'t>>,
);

/// All sections in our order, each new one of theirs behind the section it follows there.
fn order<'s, 't>(
    base: &'s [Section<'t>],
    ours: &'s [Section<'t>],
    theirs: &'s [Section<'t>],
) -> Vec<Three<'s, 't>> {
    let find = |list: &'s [Section<'t>], key: &str| list.iter().find(|section| section.key == key);
    let mut all: Vec<(&str, Three<'s, 't>)> = Vec::new();
    for section in ours {
        let key = section.key.as_str();
        all.push((key, (find(base, key), Some(section), find(theirs, key))));
    }
    for (n, section) in theirs.iter().enumerate() {
        let key = section.key.as_str();
        if all.iter().any(|(known, _)| *known == key) {
            continue;
        }
        let before = theirs[..n]
            .iter()
            .rev()
            .find_map(|before| all.iter().position(|(key, _)| *key == before.key));
        let mut place = before.map_or(0, |before| before + 1);
        // Of what both added at one place ours comes first.
        while all
            .get(place)
            .is_some_and(|(_, (old, _, other))| old.is_none() && other.is_none())
        {
            place += 1;
        }
        all.insert(place, (key, (find(base, key), None, Some(section))));
    }
    // Sections that both removed have nothing to say.
    all.into_iter().map(|(_, three)| three).collect()
}

/// Items and headings that both added, in other words or at other places.
fn duplicates(
    base: &[Section<'_>],
    ours: &[Section<'_>],
    theirs: &[Section<'_>],
    merged: &[u8],
) -> Vec<Duplicate> {
    let said = |sections: &[Section<'_>]| -> Vec<(String, String, String)> {
        let mut said = Vec::new();
        for section in sections {
            let at = section.head.trim_end().to_owned();
            let mut add = |text: &str| {
                if let Some(meaning) = super::plain(text) {
                    said.push((meaning, text.trim().to_owned(), at.clone()));
                }
            };
            add(section.head);
            let items = section
                .blocks
                .iter()
                .filter(|block| block.kind == Kind::Item);
            items.for_each(|block| add(block.text));
        }
        said
    };
    let old: HashSet<String> = said(base)
        .into_iter()
        .map(|(meaning, ..)| meaning)
        .collect();
    let (ours, theirs, merged) = (
        said(ours),
        said(theirs),
        said(&sections(&String::from_utf8_lossy(merged))),
    );
    let times = |list: &[(String, String, String)], meaning: &str| {
        list.iter().filter(|(other, ..)| other == meaning).count()
    };
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    for (meaning, first, at) in &ours {
        let twice = times(&merged, meaning) > times(&ours, meaning).max(times(&theirs, meaning));
        if old.contains(meaning) || !twice || !seen.insert(meaning) {
            continue;
        }
        if let Some((_, second, _)) = theirs.iter().find(|(other, ..)| other == meaning) {
            found.push(Duplicate {
                at: at.clone(),
                first: first.clone(),
                second: second.clone(),
            });
        }
    }
    found
}
