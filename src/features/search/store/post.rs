//! Documents on their way into the index: with their fields, and never too many bytes of them at once.

use super::open::Fields;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use tantivy::schema::{
    Document, Field,
    document::{ReferenceValue, ReferenceValueLeaf, Value},
};

/// So many bytes of text wait for the index at most.
const WAITING: usize = 6 * 1024 * 1024;

/// A field's value.
#[derive(Clone, Debug)]
pub enum Val {
    /// Text, shared by the fields that hold the same.
    Text(Arc<str>),
    /// A number.
    Number(u64),
    /// A number with a sign.
    Signed(i64),
}

impl<'a> Value<'a> for &'a Val {
    type ArrayIter = std::iter::Empty<Self>;
    type ObjectIter = std::iter::Empty<(&'a str, Self)>;

    fn as_value(&self) -> ReferenceValue<'a, Self> {
        ReferenceValue::Leaf(match self {
            Val::Text(text) => ReferenceValueLeaf::Str(text),
            Val::Number(number) => ReferenceValueLeaf::U64(*number),
            Val::Signed(number) => ReferenceValueLeaf::I64(*number),
        })
    }
}

/// One document; what it weighs is given back when it is indexed.
#[derive(Debug)]
pub struct Post {
    values: Vec<(Field, Val)>,
    weight: usize,
    budget: Budget,
}

impl Post {
    /// Adds a number.
    pub fn number(&mut self, field: Field, number: u64) {
        self.values.push((field, Val::Number(number)));
    }

    /// Adds a number with a sign.
    pub fn signed(&mut self, field: Field, number: i64) {
        self.values.push((field, Val::Signed(number)));
    }

    /// Adds a text.
    pub fn text(&mut self, field: Field, text: &Arc<str>) {
        self.values.push((field, Val::Text(Arc::clone(text))));
    }

    /// Adds a property.
    pub fn facet(&mut self, fields: &Fields, name: &str, value: &str) {
        if !value.is_empty() && value.len() < 1000 {
            let text = format!("{name}:{}", value.to_lowercase());
            self.values.push((fields.facet, Val::Text(text.into())));
        }
    }
}

impl Document for Post {
    type Value<'a> = &'a Val;
    type FieldsValuesIter<'a> = std::iter::Map<
        std::slice::Iter<'a, (Field, Val)>,
        fn(&'a (Field, Val)) -> (Field, &'a Val),
    >;

    fn iter_fields_and_values(&self) -> Self::FieldsValuesIter<'_> {
        self.values.iter().map(|(field, value)| (*field, value))
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        self.budget.give(self.weight);
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
        Post {
            values: Vec::with_capacity(16),
            weight,
            budget: self.clone(),
        }
    }

    fn give(&self, weight: usize) {
        let (waiting, room) = &*self.inner;
        let mut now = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        now.bytes -= weight;
        // Whoever stopped goes on for a while: to stop again for every document costs more than the documents.
        if now.stopped && now.bytes <= WAITING / 2 {
            room.notify_one();
        }
    }
}
