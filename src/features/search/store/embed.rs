//! What turns text into vectors: the tokens that come with this program, or a model that a server runs.
//!
//! Vectors of two embedders are never compared: whatever keeps them keeps the embedder's name with them.

use super::{builtin::Builtin, remote::Remote};
use crate::{error::Result, settings::Settings};
use std::fmt;

/// Why there are no vectors, in words for a note.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Down(pub String);

/// See the module head.
pub trait Embedder: fmt::Debug {
    /// What tells its vectors from those of others.
    fn name(&self) -> &str;

    /// So many texts are handed over at once.
    fn batch(&self) -> usize;

    /// Whether a text costs microseconds: then nobody waits for all of them.
    fn is_quick(&self) -> bool;

    /// What is less like a question than this is not like it.
    fn floor(&self) -> f32;

    /// Returns each text's vector, of length one; none for a text that says nothing.
    fn embed(&self, texts: &[&str], asked: bool) -> Result<Vec<Option<Vec<f32>>>, Down>;
}

/// Returns the embedder that the settings ask for.
pub fn of(settings: &Settings, key: Option<String>) -> Result<Box<dyn Embedder>> {
    Ok(match settings.search_embedder() {
        "builtin" => Box::new(Builtin::open()?),
        kind => Box::new(Remote::new(kind, settings, key)),
    })
}

/// Brings a vector to length one; one without length is none.
pub fn unit(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if !length.is_finite() || length <= f32::EPSILON {
        return None;
    }
    for x in &mut vector {
        *x /= length;
    }
    Some(vector)
}
