//! Objects and tables: by key.

use super::assemble::Item;
use super::value::{Merger, Three};
use super::{Body, Node, Slot};
use std::collections::{HashMap, HashSet};

impl Merger<'_> {
    /// Merges by key; with keys that name several entries the container is one value.
    pub fn object(
        &mut self,
        base: Option<&Body>,
        ours: &Body,
        theirs: &Body,
        path: &str,
    ) -> String {
        if ![base, Some(ours), Some(theirs)]
            .into_iter()
            .flatten()
            .all(Body::keys_are_unique)
        {
            return self.opaque(base, ours, theirs, path);
        }
        let items = self.by_key(base, ours, theirs, &|slot| child(path, &slot.key));
        self.container((base, ours, theirs), &items, path)
    }

    /// The entries of all, in our order, each new one of theirs behind the entry it follows there.
    pub fn by_key(
        &mut self,
        base: Option<&Body>,
        ours: &Body,
        theirs: &Body,
        at: &dyn Fn(&Slot) -> String,
    ) -> Vec<Item> {
        let (old, other) = (base.map(index).unwrap_or_default(), index(theirs));
        let mut items = Vec::new();
        let mut added = [Vec::new(), Vec::new()];
        // What is in the result already, or is not to be.
        let mut done = HashSet::new();
        for (n, slot) in ours.slots.iter().enumerate() {
            let (key, place) = (slot.key.as_str(), at(slot));
            let (old, other) = (old.get(key).copied(), other.get(key).copied());
            if old.is_none() && other.is_none() {
                added[0].push(place.clone());
            }
            if old.is_some_and(|old| became_another(old, slot, other)) {
                continue;
            }
            done.insert(key);
            items.extend(self.of_ours((slot, n == 0), old, other, &place));
        }
        let ours = index(ours);
        let mut before: Option<(usize, usize)> = None;
        for (n, slot) in theirs.slots.iter().enumerate() {
            let key = slot.key.as_str();
            if done.contains(key) {
                continue;
            }
            if let Some(old) = old.get(key).filter(|_| !ours.contains_key(key)) {
                if !same(&old.node, &slot.node) {
                    self.removed(&at(slot), old, None, Some(slot));
                }
                continue;
            }
            added[1].push(at(slot));
            // Entries that follow each other there need no search.
            let behind = match before {
                Some((last, place)) if last + 1 == n => place + 1,
                _ => behind(&theirs.slots[..n], &items),
            };
            let place = after_ours(behind, slot, &items, &other);
            items.insert(place, Item::of(self.theirs, slot, n == 0, true));
            before = Some((n, place));
        }
        let [ours, theirs] = added;
        self.duplicates("", &ours, &theirs);
        items
    }

    /// What becomes of an entry of ours; none if it goes.
    fn of_ours(
        &mut self,
        (slot, first): (&Slot, bool),
        old: Option<&Slot>,
        other: Option<&Slot>,
        place: &str,
    ) -> Option<Item> {
        match (old, other) {
            // A key against a table of its own: the two have no common form.
            (old, Some(other)) if slot.table != other.table => {
                let three = Three {
                    base: old.map(|old| &old.node),
                    ours: &slot.node,
                    theirs: &other.node,
                };
                self.whole(three, place);
            }
            (old, Some(other)) => return Some(self.slot(old, (slot, first), other, place)),
            (Some(old), None) if same(&old.node, &slot.node) => return None,
            (Some(old), None) => self.removed(place, old, Some(slot), None),
            (None, None) => {}
        }
        Some(Item::of(self.ours, slot, first, false))
    }

    /// Containers that cannot be looked into.
    fn opaque(&mut self, base: Option<&Body>, ours: &Body, theirs: &Body, path: &str) -> String {
        let node = |body: &Body| Node {
            span: body.open.start..body.tail.end,
            value: super::Value::Object(body.clone()),
        };
        let (base, ours, theirs) = (base.map(node), node(ours), node(theirs));
        self.whole(
            Three {
                base: base.as_ref(),
                ours: &ours,
                theirs: &theirs,
            },
            path,
        )
    }
}

fn index(body: &Body) -> HashMap<&str, &Slot> {
    let slots = body.slots.iter();
    slots.map(|slot| (slot.key.as_str(), slot)).collect()
}

/// They made a table of a key that we left alone, or the reverse.
fn became_another(old: &Slot, ours: &Slot, theirs: Option<&Slot>) -> bool {
    let changed = |theirs: &Slot| theirs.table != ours.table && !same(&ours.node, &theirs.node);
    theirs.is_some_and(changed) && same(&old.node, &ours.node)
}

/// The place behind the nearest entry before it that is in the result.
fn behind(before: &[Slot], items: &[Item]) -> usize {
    let place = |slot: &Slot| items.iter().position(|item| item.key == slot.key);
    before
        .iter()
        .rev()
        .find_map(place)
        .map_or(0, |place| place + 1)
}

/// Of what both added at one place ours comes first; a table stands behind all keys, which would become its own.
fn after_ours(place: usize, slot: &Slot, items: &[Item], theirs: &HashMap<&str, &Slot>) -> usize {
    let first_table = items.iter().position(|item| item.table);
    let first_table = first_table.unwrap_or(items.len());
    let mut place = if slot.table {
        place.max(first_table)
    } else {
        place.min(first_table)
    };
    let ours_alone = |item: &Item| {
        let alone = !item.known && !item.foreign && !theirs.contains_key(item.key.as_str());
        alone && item.table == slot.table
    };
    while items.get(place).is_some_and(ours_alone) {
        place += 1;
    }
    place
}

pub fn same(one: &Node, other: &Node) -> bool {
    one.meaning() == other.meaning()
}

fn child(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    }
}
