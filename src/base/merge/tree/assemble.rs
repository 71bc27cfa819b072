//! Slots of both sides put together to one container.

use super::value::{Merger, part};
use super::{Body, Doc, Slot};

/// A slot on its way into the result.
#[expect(
    clippy::struct_excessive_bools,
    reason = "five independent facts, each with its sentence"
)]
pub struct Item {
    pub key: String,
    pub lead: String,
    pub entry: String,
    pub trail: String,
    pub comma: bool,
    pub after: String,
    /// Whether it was the first where it comes from.
    pub first: bool,
    /// Whether it comes from their side.
    pub foreign: bool,
    /// Whether the base has it.
    pub known: bool,
    /// Whether it is a table with a header of its own.
    pub table: bool,
}

impl Item {
    pub fn of(doc: &Doc<'_>, slot: &Slot, first: bool, foreign: bool) -> Self {
        let text = |range| part(doc, range).to_owned();
        Item {
            key: slot.key.clone(),
            lead: text(&slot.lead),
            entry: text(&slot.entry()),
            trail: text(&slot.trail),
            comma: slot.comma,
            after: text(&slot.after),
            first,
            foreign,
            known: false,
            table: slot.table,
        }
    }
}

impl Merger<'_> {
    /// A slot that all have: its value merged, its comments from whoever changed them.
    pub fn slot(
        &mut self,
        base: Option<&Slot>,
        ours: (&Slot, bool),
        theirs: &Slot,
        path: &str,
    ) -> Item {
        let (ours, first) = ours;
        let mut item = Item::of(self.ours, ours, first, false);
        item.known = base.is_some();
        let three = super::value::Three {
            base: base.map(|slot| &slot.node),
            ours: &ours.node,
            theirs: &theirs.node,
        };
        let value = self.value(three, path);
        item.entry = format!("{}{value}", part(self.ours, &ours.head));
        let old = |range: fn(&Slot) -> &std::ops::Range<usize>| {
            self.base
                .zip(base)
                .map(|(doc, slot)| part(doc, range(slot)))
        };
        let (lead, trail, after) = (
            old(|slot| &slot.lead),
            old(|slot| &slot.trail),
            old(|slot| &slot.after),
        );
        let (mine, other) = (self.ours, self.theirs);
        let (text, taken) = self.comment(
            lead,
            part(mine, &ours.lead),
            part(other, &theirs.lead),
            path,
        );
        if taken {
            text.clone_into(&mut item.lead);
        }
        // What stands behind an entry changes its side of the comma when the entry stops to be the last: one text.
        let joined = |trail: &str, after: &str| format!("{trail}{after}");
        let base_behind = trail.zip(after).map(|(trail, after)| joined(trail, after));
        let ours_behind = joined(&item.trail, &item.after);
        let theirs_behind = joined(part(other, &theirs.trail), part(other, &theirs.after));
        let (_, taken) = self.comment(base_behind.as_deref(), &ours_behind, &theirs_behind, path);
        if taken {
            part(other, &theirs.trail).clone_into(&mut item.trail);
            part(other, &theirs.after).clone_into(&mut item.after);
            item.comma = theirs.comma;
        }
        item
    }

    /// The text of a container with these items.
    pub fn container(
        &mut self,
        (base, ours, theirs): (Option<&Body>, &Body, &Body),
        items: &[Item],
        path: &str,
    ) -> String {
        let (mine, other) = (self.ours, self.theirs);
        let old = self.base.zip(base);
        let old_open = old.map(|(doc, body)| part(doc, &body.open));
        let old_tail = old.map(|(doc, body)| part(doc, &body.tail));
        let (our_open, their_open) = (part(mine, &ours.open), part(other, &theirs.open));
        let (our_tail, their_tail) = (part(mine, &ours.tail), part(other, &theirs.tail));
        let (open, _) = self.comment(old_open, our_open, their_open, path);
        let (mut tail, _) = self.comment(old_tail, our_tail, their_tail, path);
        if ours.slots.is_empty() && !items.is_empty() && mine.syntax.comments(tail).is_empty() {
            tail = their_tail;
        }
        if !ours.commas {
            return lines(open, items, mine.line_end()) + tail;
        }
        let pattern = Pattern::of(mine, ours).or_else(|| Pattern::of(other, theirs));
        let last = ours.slots.last().or(theirs.slots.last());
        let ends_with_comma = last.is_some_and(|slot| slot.comma);
        let mut out = open.to_owned();
        for (n, item) in items.iter().enumerate() {
            let pattern = pattern.as_ref();
            out += pattern.map_or(item.lead.as_str(), |pattern| pattern.lead(item, n == 0));
            out += &item.entry;
            let Item { trail, after, .. } = item;
            let behind = match (item.comma, n + 1 < items.len() || ends_with_comma) {
                (true, true) => format!("{trail},{after}"),
                (false, true) => format!(",{trail}{after}"),
                (_, false) => format!("{trail}{after}"),
            };
            out += &behind;
        }
        // A line comment must not swallow what closes the container.
        let behind = items.last().map(|last| [&last.trail, &last.after]);
        let comment = behind.is_some_and(|behind| behind.iter().any(|part| !part.is_empty()));
        if comment && !tail.trim_start_matches([' ', '\t', '\r']).starts_with('\n') {
            out += mine.line_end();
        }
        out + tail
    }
}

/// Entries that end with their lines.
fn lines(open: &str, items: &[Item], end: &str) -> String {
    let mut out = open.to_owned();
    for item in items {
        if !out.is_empty() && !out.ends_with('\n') {
            out += end;
        }
        out += &[item.lead.as_str(), &item.entry, &item.trail, &item.after].concat();
    }
    out
}

/// The space before the entries of a container: before its first one and before the others.
struct Pattern<'a> {
    first: &'a str,
    other: Option<&'a str>,
}

impl<'a> Pattern<'a> {
    fn of(doc: &'a Doc<'a>, body: &Body) -> Option<Self> {
        let first = part(doc, &body.slots.first()?.lead);
        let blank = |slot: &&Slot| part(doc, &slot.lead).trim().is_empty();
        let other = body
            .slots
            .iter()
            .skip(1)
            .find(blank)
            .map(|slot| part(doc, &slot.lead));
        Some(Pattern { first, other })
    }

    /// The space before an item at its new place.
    fn lead<'i>(&'i self, item: &'i Item, first: bool) -> &'i str {
        let same_place = item.first == first;
        if !item.lead.trim().is_empty() || (same_place && !item.foreign) {
            return &item.lead;
        }
        let own_line = |lead: &str| lead.contains('\n');
        let first_lead = if self.first.trim().is_empty() {
            self.first
        } else {
            self.other.unwrap_or(&item.lead)
        };
        let wanted = match (first, self.other) {
            (true, _) => first_lead,
            (false, Some(other)) => other,
            // One entry tells what a line of its own looks like, and nothing about entries on one line.
            (false, None) if own_line(first_lead) => first_lead,
            (false, None) if item.first || own_line(&item.lead) => " ",
            (false, None) => &item.lead,
        };
        if same_place && own_line(&item.lead) == own_line(wanted) && !item.foreign {
            &item.lead
        } else {
            wanted
        }
    }
}

impl Doc<'_> {
    pub fn line_end(&self) -> &'static str {
        let crlf = self
            .text
            .find('\n')
            .is_some_and(|at| self.text[..at].ends_with('\r'));
        if crlf { "\r\n" } else { "\n" }
    }
}
