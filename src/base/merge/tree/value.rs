//! The merge of one value, and of a whole document around it.

use super::{Doc, Node, Slot, Value};
use crate::base::merge::{Conflict, Duplicate, Labels, Merged};
use std::ops::Range;

/// One value in the three documents.
#[derive(Clone, Copy)]
pub struct Three<'n> {
    pub base: Option<&'n Node>,
    pub ours: &'n Node,
    pub theirs: &'n Node,
}

/// The documents and what was found so far.
pub struct Merger<'a> {
    pub base: Option<&'a Doc<'a>>,
    pub ours: &'a Doc<'a>,
    pub theirs: &'a Doc<'a>,
    pub labels: &'a Labels<'a>,
    pub conflicts: Vec<Conflict>,
    pub duplicates: Vec<Duplicate>,
}

/// Merges three documents by key.
pub fn merge<'a>(
    base: Option<&'a Doc<'a>>,
    ours: &'a Doc<'a>,
    theirs: &'a Doc<'a>,
    labels: &'a Labels<'a>,
) -> Merged {
    let mut merger = Merger {
        base,
        ours,
        theirs,
        labels,
        conflicts: Vec::new(),
        duplicates: Vec::new(),
    };
    let ends = |doc: &Doc<'_>| [0..doc.root.span.start, doc.root.span.end..doc.text.len()];
    let around = [0, 1].map(|end: usize| {
        let base = base.map(|base| base.of(&ends(base)[end]));
        merger
            .comment(
                base,
                ours.of(&ends(ours)[end]),
                theirs.of(&ends(theirs)[end]),
                "",
            )
            .0
    });
    let three = Three {
        base: base.map(|base| &base.root),
        ours: &ours.root,
        theirs: &theirs.root,
    };
    let value = merger.value(three, "");
    Merged {
        bytes: format!("{}{value}{}", around[0], around[1]).into_bytes(),
        conflicts: merger.conflicts,
        duplicates: merger.duplicates,
        ..Merged::default()
    }
}

impl<'a> Merger<'a> {
    /// The text of the merged value.
    pub fn value(&mut self, three: Three<'_>, path: &str) -> String {
        let Three { base, ours, theirs } = three;
        let (base_text, ours_text, theirs_text) = self.texts(three);
        if ours_text == theirs_text || base_text == Some(theirs_text) {
            return ours_text.to_owned();
        }
        if base_text == Some(ours_text) {
            return theirs_text.to_owned();
        }
        let commas = |node: &Node| match &node.value {
            Value::Object(body) | Value::Array(body) => Some(body.commas),
            Value::Scalar(_) => None,
        };
        if commas(ours) != commas(theirs) {
            return self.whole(three, path);
        }
        let known = base.map(|base| &base.value);
        match (known, &ours.value, &theirs.value) {
            (Some(Value::Object(b)), Value::Object(o), Value::Object(t)) => {
                self.object(Some(b), o, t, path)
            }
            (None | Some(_), Value::Object(o), Value::Object(t)) => self.object(None, o, t, path),
            (Some(Value::Array(b)), Value::Array(o), Value::Array(t)) => {
                self.array(Some(b), o, t, path)
            }
            (None | Some(_), Value::Array(o), Value::Array(t)) => self.array(None, o, t, path),
            _ => self.whole(three, path),
        }
    }

    /// One of the two as a whole.
    pub fn whole(&mut self, three: Three<'_>, path: &str) -> String {
        let Three { base, ours, theirs } = three;
        let (base_text, ours_text, theirs_text) = self.texts(three);
        let meant = [base, Some(ours), Some(theirs)].map(|node| node.map(Node::meaning));
        if meant[1] == meant[2] || meant[0] == meant[2] {
            return ours_text.to_owned();
        }
        if meant[0] == meant[1] {
            return theirs_text.to_owned();
        }
        let conflict = self.labels.conflict(
            path.to_owned(),
            base_text.map(str::as_bytes),
            Some(ours_text.as_bytes()),
            Some(theirs_text.as_bytes()),
        );
        self.conflicts.push(conflict);
        ours_text.to_owned()
    }

    fn texts(&self, three: Three<'_>) -> (Option<&'a str>, &'a str, &'a str) {
        let base = self.base.zip(three.base);
        (
            base.map(|(doc, node)| &doc.text[node.span.clone()]),
            &self.ours.text[three.ours.span.clone()],
            &self.theirs.text[three.theirs.span.clone()],
        )
    }

    /// One side removed what the other changed.
    pub fn removed(&mut self, path: &str, base: &Slot, ours: Option<&Slot>, theirs: Option<&Slot>) {
        let text = |doc: &'a Doc<'a>, slot: &Slot| doc.text[slot.entry()].as_bytes();
        let base = self.base.map(|doc| text(doc, base));
        let ours = ours.map(|slot| text(self.ours, slot));
        let theirs = theirs.map(|slot| text(self.theirs, slot));
        self.conflicts
            .push(self.labels.conflict(path.to_owned(), base, ours, theirs));
    }

    /// Space and comments: space is ours; comments of whoever changed them. Tells whether theirs were taken.
    pub fn comment<'t>(
        &mut self,
        base: Option<&'t str>,
        ours: &'t str,
        theirs: &'t str,
        path: &str,
    ) -> (&'t str, bool) {
        let syntax = self.ours.syntax;
        let [b, o, t] =
            [base, Some(ours), Some(theirs)].map(|text| text.map(|text| syntax.comments(text)));
        let b = b.or_else(|| Some(String::new()));
        if o == t || b == t {
            (ours, false)
        } else if b == o {
            (theirs, true)
        } else {
            let at = if path.is_empty() {
                "a comment".to_owned()
            } else {
                format!("{path} (comment)")
            };
            let bytes = |text: &'t str| Some(text.as_bytes());
            self.conflicts.push(self.labels.conflict(
                at,
                base.and_then(bytes),
                bytes(ours),
                bytes(theirs),
            ));
            (ours, false)
        }
    }

    /// Both added entries that mean the same in other words.
    pub fn duplicates(&mut self, path: &str, ours: &[String], theirs: &[String]) {
        for second in theirs {
            let meaning = crate::base::merge::plain(second);
            let same = |first: &&String| {
                meaning.is_some() && *first != second && crate::base::merge::plain(first) == meaning
            };
            if let Some(first) = ours.iter().find(same) {
                self.duplicates.push(Duplicate {
                    at: path.to_owned(),
                    first: first.clone(),
                    second: second.clone(),
                });
            }
        }
    }
}

/// A part of a slot in a document.
pub fn part<'a>(doc: &'a Doc<'a>, range: &Range<usize>) -> &'a str {
    &doc.text[range.clone()]
}
