//! Documents on their way into the index: with their fields, and never too many bytes of them at once.

use super::open::Fields;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use tantivy::schema::{
    Document, Field,
    document::{ReferenceValue, ReferenceValueLeaf, Value},
};

/// So many bytes of text wait for the index at most.
const WAITING: usize = 2 * 1024 * 1024;

/// So many documents' parts are kept to be used again, unless their text took more than this.
const SPARE: usize = 1024;
const COMMON: usize = 4096;
/// What a document's properties take, mostly.
const PROPERTIES: usize = 200;

/// A field's value.
#[derive(Clone, Copy, Debug)]
enum Val {
    /// From where to where it stands in the document's text.
    Text(usize, usize),
    Number(u64),
    Signed(i64),
}

/// A field's value, with the text that it stands in.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    text: &'a str,
    val: Val,
}

impl<'a> Value<'a> for Shown<'a> {
    type ArrayIter = std::iter::Empty<Self>;
    type ObjectIter = std::iter::Empty<(&'a str, Self)>;

    fn as_value(&self) -> ReferenceValue<'a, Self> {
        ReferenceValue::Leaf(match self.val {
            Val::Text(from, to) => ReferenceValueLeaf::Str(&self.text[from..to]),
            Val::Number(number) => ReferenceValueLeaf::U64(number),
            Val::Signed(number) => ReferenceValueLeaf::I64(number),
        })
    }
}

/// What a document is made of: what one thread takes from the heap and another gives back, both wait for, so it is as little
/// as can be, and used again.
#[derive(Debug, Default)]
struct Parts {
    text: String,
    values: Vec<(Field, Val)>,
}

/// One document; what it weighs is given back when it is indexed.
#[derive(Debug)]
pub struct Post {
    parts: Parts,
    weight: usize,
    budget: Budget,
}

impl Post {
    /// Adds a number.
    pub fn number(&mut self, field: Field, number: u64) {
        self.parts.values.push((field, Val::Number(number)));
    }

    /// Adds a number with a sign.
    pub fn signed(&mut self, field: Field, number: i64) {
        self.parts.values.push((field, Val::Signed(number)));
    }

    /// Adds a text to fields.
    pub fn text(&mut self, fields: &[Field], text: &str) {
        let from = self.parts.text.len();
        self.parts.text.push_str(text);
        self.value(fields, from);
    }

    /// Adds a property.
    pub fn facet(&mut self, fields: &Fields, name: &str, value: &str) {
        if !value.is_empty() && value.len() < 1000 {
            let from = self.parts.text.len();
            let value = value.to_lowercase();
            self.parts.text.extend([name, ":", &value]);
            self.value(&[fields.facet], from);
        }
    }

    /// Makes what was added to the text since then the value of fields.
    fn value(&mut self, fields: &[Field], from: usize) {
        let val = Val::Text(from, self.parts.text.len());
        let values = fields.iter().map(|field| (*field, val));
        self.parts.values.extend(values);
    }
}

/// The fields and values of a document.
#[derive(Debug)]
pub struct Values<'a> {
    text: &'a str,
    values: std::slice::Iter<'a, (Field, Val)>,
}

impl<'a> Iterator for Values<'a> {
    type Item = (Field, Shown<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (field, val) = *self.values.next()?;
        let text = self.text;
        Some((field, Shown { text, val }))
    }
}

impl Document for Post {
    type Value<'a> = Shown<'a>;
    type FieldsValuesIter<'a> = Values<'a>;

    fn iter_fields_and_values(&self) -> Values<'_> {
        Values {
            text: &self.parts.text,
            values: self.parts.values.iter(),
        }
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        let parts = std::mem::take(&mut self.parts);
        self.budget.give(self.weight, parts);
    }
}

/// Bytes that wait.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    inner: Arc<(Mutex<Waiting>, Condvar)>,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: usize,
    /// Somebody waits for room.
    stopped: bool,
    /// What indexed documents were made of.
    spare: Vec<Parts>,
}

impl Budget {
    /// Begins a document of so many bytes, once there is room for it; a large one waits until it is alone.
    pub fn post(&self, weight: usize) -> Post {
        let (waiting, room) = &*self.inner;
        let mut now = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while now.bytes > 0 && now.bytes + weight > WAITING {
            now.stopped = true;
            now = room.wait(now).unwrap_or_else(PoisonError::into_inner);
        }
        now.stopped = false;
        now.bytes += weight;
        let mut parts = now.spare.pop().unwrap_or_default();
        drop(now);
        parts.text.reserve(weight + PROPERTIES);
        parts.values.reserve(16);
        Post {
            parts,
            weight,
            budget: self.clone(),
        }
    }

    fn give(&self, weight: usize, mut parts: Parts) {
        let (waiting, room) = &*self.inner;
        let mut now = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        now.bytes -= weight;
        if parts.text.capacity() <= COMMON && now.spare.len() < SPARE {
            parts.text.clear();
            parts.values.clear();
            now.spare.push(parts);
        }
        // Whoever stopped goes on for a while: to stop again for every document costs more than the documents.
        if now.stopped && now.bytes <= WAITING / 2 {
            room.notify_one();
        }
    }
}
