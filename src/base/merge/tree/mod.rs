//! Values with their places in the text: what JSON and TOML have in common.
//!
//! A container is cut without a gap into its opening, its slots (what stands before an entry, the entry, what stands behind it)
//! and its tail, so that a merge moves slots as they are written and writes nothing anew.

mod array;
mod assemble;
mod object;
mod trivia;
mod value;

pub use value::merge;

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

/// A parsed text.
#[derive(Clone, Debug)]
pub struct Doc<'a> {
    pub text: &'a str,
    pub root: Node,
    pub syntax: Syntax,
}

/// What differs between the languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// `//` and `/* */` comments.
    Json,
    /// `#` comments.
    Toml,
}

/// A value and its place.
#[derive(Clone, Debug)]
pub struct Node {
    pub span: Range<usize>,
    pub value: Value,
}

/// A value.
#[derive(Clone, Debug)]
pub enum Value {
    /// What it says, whatever way it is written; strings begin with `"`.
    Scalar(String),
    Object(Body),
    Array(Body),
}

/// The inside of a container.
#[derive(Clone, Debug)]
pub struct Body {
    pub open: Range<usize>,
    pub slots: Vec<Slot>,
    /// From the last slot to the end, with what closes it.
    pub tail: Range<usize>,
    /// Whether commas separate the slots, and not line ends.
    pub commas: bool,
}

/// An entry of a container with what belongs to it.
#[derive(Clone, Debug)]
pub struct Slot {
    /// The key as [`name`] writes it, or nothing in an array.
    pub key: String,
    /// Space and comments before it.
    pub lead: Range<usize>,
    /// The key as written, up to the value.
    pub head: Range<usize>,
    pub node: Node,
    /// Up to the comma or what closes the container.
    pub trail: Range<usize>,
    pub comma: bool,
    /// A comment behind the comma, on its line.
    pub after: Range<usize>,
    /// Whether it is a table with a header of its own, behind all keys.
    pub table: bool,
}

/// A part of a key's path, in quotes if it could be taken for something else.
pub fn name(part: &str) -> String {
    if part.is_empty() || part.contains(['.', '"', '[', ']', '#']) {
        format!("{part:?}")
    } else {
        part.to_owned()
    }
}

impl Doc<'_> {
    pub fn of(&self, span: &Range<usize>) -> &str {
        &self.text[span.clone()]
    }
}

impl Slot {
    /// The entry alone.
    pub fn entry(&self) -> Range<usize> {
        self.head.start..self.node.span.end
    }
}

impl Body {
    pub fn find(&self, key: &str) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.key == key)
    }

    /// Tells whether a key names one entry only.
    pub fn keys_are_unique(&self) -> bool {
        let mut seen = HashSet::new();
        self.slots.iter().all(|slot| seen.insert(slot.key.as_str()))
    }
}

impl Node {
    /// What the value says: equal for values that say the same, however they are written.
    pub fn meaning(&self) -> String {
        let mut out = String::new();
        self.say(&mut out, false);
        out
    }

    /// As [`Node::meaning`], where lists of distinct scalars are sets.
    pub fn meaning_of_sets(&self) -> String {
        let mut out = String::new();
        self.say(&mut out, true);
        out
    }

    fn say(&self, out: &mut String, sets: bool) {
        match &self.value {
            Value::Scalar(scalar) => out.extend([&scalar.len().to_string(), ":", scalar]),
            Value::Object(body) => {
                let mut entries: BTreeMap<&str, Vec<&Node>> = BTreeMap::new();
                for slot in &body.slots {
                    entries.entry(&slot.key).or_default().push(&slot.node);
                }
                out.push('{');
                for (key, nodes) in entries {
                    out.extend([&key.len().to_string(), ":", key, "="]);
                    for node in nodes {
                        node.say(out, sets);
                    }
                }
                out.push('}');
            }
            Value::Array(body) => {
                let mut said: Vec<String> = Vec::new();
                for slot in &body.slots {
                    let mut one = String::new();
                    slot.node.say(&mut one, sets);
                    said.push(one);
                }
                if sets && body.slots.iter().all(|slot| slot.node.is_scalar()) {
                    said.sort();
                }
                out.push('[');
                *out += &said.join(",");
                out.push(']');
            }
        }
    }

    pub fn is_scalar(&self) -> bool {
        matches!(self.value, Value::Scalar(_))
    }

    /// The text, if it is a string.
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) => scalar.strip_prefix('"'),
            _ => None,
        }
    }
}
