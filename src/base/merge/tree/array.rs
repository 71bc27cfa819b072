//! Arrays: by element. Objects that carry a name are found by it, wherever they stand; everything else by what it says and where.

use super::assemble::Item;
use super::value::Merger;
use super::{Body, Node, Slot, Value};
use crate::base::merge::sequence::{Region, State, count, regions, union};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// What names an object among others, the best first.
const NAMES: [&str; 6] = ["id", "name", "key", "path", "matcher", "label"];

struct Lists<'n> {
    base: &'n [Slot],
    ours: &'n [Slot],
    theirs: &'n [Slot],
    said: [Vec<String>; 3],
}

impl Merger<'_> {
    /// Merges by element.
    pub fn array(&mut self, base: Option<&Body>, ours: &Body, theirs: &Body, path: &str) -> String {
        let bodies: Vec<&Body> = [base, Some(ours), Some(theirs)]
            .into_iter()
            .flatten()
            .collect();
        let named = NAMES.iter().find_map(|name| {
            let named: Option<Vec<Body>> = bodies.iter().map(|body| keyed(body, name)).collect();
            named
        });
        let items = if let Some(mut named) = named {
            let (Some(theirs), Some(ours)) = (named.pop(), named.pop()) else {
                unreachable!("two sides went in")
            };
            self.by_key(named.pop().as_ref(), &ours, &theirs, &|slot| {
                format!("{path}[{}]", slot.key)
            })
        } else {
            self.by_place(
                base.map_or(&[], |base| &base.slots),
                &ours.slots,
                &theirs.slots,
                path,
            )
        };
        self.container((base, ours, theirs), &items, path)
    }

    fn by_place(&mut self, base: &[Slot], ours: &[Slot], theirs: &[Slot], path: &str) -> Vec<Item> {
        let said = [base, ours, theirs].map(|slots| {
            slots
                .iter()
                .map(|slot| slot.node.meaning())
                .collect::<Vec<_>>()
        });
        let lists = Lists {
            base,
            ours,
            theirs,
            said,
        };
        let mut items = Vec::new();
        for region in regions(&lists.said[0], &lists.said[1], &lists.said[2]) {
            match region.state {
                // Both may have put it there: then the base has nothing to say about its comments.
                State::Kept => {
                    for n in 0..region.base.len() {
                        let (b, o, t) = (
                            region.base.start + n,
                            region.ours.start + n,
                            region.theirs.start + n,
                        );
                        let at = format!("{path}[{o}]");
                        items.push(self.slot(Some(&base[b]), (&ours[o], o == 0), &theirs[t], &at));
                    }
                }
                State::Ours | State::Agreed => items.extend(
                    region
                        .ours
                        .map(|at| Item::of(self.ours, &ours[at], at == 0, false)),
                ),
                State::Theirs => items.extend(
                    region
                        .theirs
                        .map(|at| Item::of(self.theirs, &theirs[at], at == 0, true)),
                ),
                State::Both => self.both(&lists, &region, path, &mut items),
            }
        }
        if lists.said.iter().all(|said| distinct(said)) {
            self.once(&mut items);
        }
        self.double(&lists, path);
        items
    }

    /// A stretch that both changed.
    fn both(&mut self, lists: &Lists<'_>, region: &Region, path: &str, items: &mut Vec<Item>) {
        let Region {
            base, ours, theirs, ..
        } = region;
        let containers = |slots: &[Slot]| slots.iter().all(|slot| !slot.node.is_scalar());
        if base.len() == ours.len()
            && base.len() == theirs.len()
            && containers(&lists.base[base.clone()])
            && containers(&lists.ours[ours.clone()])
            && containers(&lists.theirs[theirs.clone()])
        {
            for n in 0..base.len() {
                let (b, o, t) = (base.start + n, ours.start + n, theirs.start + n);
                let at = format!("{path}[{o}]");
                items.push(self.slot(
                    Some(&lists.base[b]),
                    (&lists.ours[o], o == 0),
                    &lists.theirs[t],
                    &at,
                ));
            }
            return;
        }
        let said = |side: usize, range: &Range<usize>| &lists.said[side][range.clone()];
        let (b, o, t) = (said(0, base), said(1, ours), said(2, theirs));
        if replaced_by_both(b, o, t) {
            let text = |doc: &super::Doc<'_>, slots: &[Slot]| match (slots.first(), slots.last()) {
                (Some(first), Some(last)) => {
                    Some(doc.text.as_bytes()[first.entry().start..last.entry().end].to_vec())
                }
                _ => None,
            };
            let old = self
                .base
                .and_then(|doc| text(doc, &lists.base[base.clone()]));
            let mine = text(self.ours, &lists.ours[ours.clone()]);
            let other = text(self.theirs, &lists.theirs[theirs.clone()]);
            let at = format!("{path}[{}]", ours.start);
            self.conflicts.push(self.labels.conflict(
                at,
                old.as_deref(),
                mine.as_deref(),
                other.as_deref(),
            ));
            items.extend(
                ours.clone()
                    .map(|at| Item::of(self.ours, &lists.ours[at], at == 0, false)),
            );
            return;
        }
        let (first, second) = union(b, o, t);
        let first = first.into_iter().map(|at| at + ours.start);
        items.extend(first.map(|at| Item::of(self.ours, &lists.ours[at], at == 0, false)));
        let second = second.into_iter().map(|at| at + theirs.start);
        items.extend(second.map(|at| Item::of(self.theirs, &lists.theirs[at], at == 0, true)));
    }

    /// A set keeps one of what both put at different places.
    fn once(&self, items: &mut Vec<Item>) {
        let syntax = self.ours.syntax;
        let mut seen = HashSet::new();
        items.retain(|item| {
            let scalar = syntax.comments(&item.entry).is_empty();
            !scalar || seen.insert(item.entry.clone())
        });
    }

    /// Reports what both added in other words.
    fn double(&mut self, lists: &Lists<'_>, path: &str) {
        let old: HashSet<&String> = lists.said[0].iter().collect();
        let added = |slots: &[Slot], said: &[String]| -> Vec<String> {
            let new = slots
                .iter()
                .zip(said)
                .filter(|(_, said)| !old.contains(said));
            new.filter_map(|(slot, _)| slot.node.as_text().map(str::to_owned))
                .collect()
        };
        let (ours, theirs) = (
            added(lists.ours, &lists.said[1]),
            added(lists.theirs, &lists.said[2]),
        );
        self.duplicates(path, &ours, &theirs);
    }
}

/// Both took out the same element, and each put another one in its place.
fn replaced_by_both(base: &[String], ours: &[String], theirs: &[String]) -> bool {
    let tally = |list: &[String]| {
        let mut tally: HashMap<String, usize> = HashMap::new();
        for said in list {
            *tally.entry(said.clone()).or_default() += 1;
        }
        tally
    };
    let (b, o, t) = (tally(base), tally(ours), tally(theirs));
    let of = |tally: &HashMap<String, usize>, said: &String| tally.get(said).copied().unwrap_or(0);
    let gone = b
        .iter()
        .any(|(said, times)| of(&o, said) < *times && of(&t, said) < *times);
    let new = |side: &HashMap<String, usize>, other: &HashMap<String, usize>| {
        side.iter().any(|(said, times)| {
            *times > of(&b, said) && count(of(&b, said), *times, of(other, said)) > of(other, said)
        })
    };
    gone && (new(&o, &t) || new(&t, &o))
}

fn distinct(said: &[String]) -> bool {
    let mut seen = HashSet::new();
    said.iter().all(|said| seen.insert(said))
}

/// The body with each element under what this field names it; none if one has no such name, or two have the same.
fn keyed(body: &Body, name: &str) -> Option<Body> {
    let mut keyed = body.clone();
    for slot in &mut keyed.slots {
        let Value::Object(object) = &slot.node.value else {
            return None;
        };
        slot.key = object
            .find(name)
            .map(|field| &field.node)
            .filter(|node: &&Node| node.is_scalar())?
            .meaning();
    }
    keyed.keys_are_unique().then_some(keyed)
}
