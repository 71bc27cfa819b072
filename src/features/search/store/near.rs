//! Finding by meaning: the likeness of every passage that may be found to what was asked, one after the other.
//!
//! Everything that is required of a document is required here too, before the nearest are taken.

use super::{
    ask::Question,
    narrow::{self, Bits},
    open::{SOURCE, Store},
    vectors::Vectors,
};
use crate::{
    error::{Context, Kind, Result},
    features::search::model::{Role, Scored},
};
use tantivy::Searcher;

fn unreadable() -> String {
    "the index cannot be read".to_owned()
}

/// Returns the passages that are at least as like to a vector as `floor`.
pub fn near(
    store: &Store,
    searcher: &Searcher,
    question: &Question<'_>,
    (vectors, asked, floor): (&Vectors, &[f32], f32),
) -> Result<Vec<Scored>> {
    let mut all = Vec::new();
    for (ord, segment) in searcher.segment_readers().iter().enumerate() {
        let allowed = match question.need {
            Some(need) => narrow::narrow(need, segment, &store.fields)?,
            None => Bits::all(segment.max_doc()),
        };
        let columns = segment.fast_fields();
        let roles = columns.u64("role").context(Kind::Setup, unreadable)?;
        let hashes = columns.u64("hash").context(Kind::Setup, unreadable)?;
        let sessions = columns.u64("session").context(Kind::Setup, unreadable)?;
        let times = columns.i64("time").context(Kind::Setup, unreadable)?;
        for doc in 0..segment.max_doc() {
            let role = roles.first(doc).unwrap_or(SOURCE);
            if role == SOURCE
                || !Role::of_number(role).is_prose()
                || !allowed.has(doc)
                || segment.is_deleted(doc)
            {
                continue;
            }
            let session = sessions.first(doc).unwrap_or_default();
            let text = hashes.first(doc).unwrap_or_default();
            let like = vectors.likeness(text, asked).unwrap_or(0.0);
            if like < floor || question.without.contains(&session) {
                continue;
            }
            all.push(Scored {
                at: (u32::try_from(ord).unwrap_or(u32::MAX), doc),
                session,
                score: like,
                words: 0,
                time: times.first(doc).unwrap_or_default(),
            });
        }
    }
    Ok(all)
}
