//! Embedding what has no vector yet.

use super::{
    embed::Embedder,
    ingest,
    open::{SOURCE, Store},
    vectors::{Texts, Vectors},
};
use crate::{
    error::{Context, Kind, Result},
    features::search::model::Role,
};
use std::{ops::ControlFlow, sync::mpsc};
use tantivy::{Searcher, SegmentReader, TantivyDocument, schema::Value};

/// The texts of more passages than this are read by pieces: mapped, all of the index would count as memory.
const MANY: usize = 4096;

/// So many batches are read before they are embedded.
const AHEAD: usize = 1;

/// What [`fill`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// Texts that were embedded.
    pub added: u64,
    /// Texts that still have no vector.
    pub left: u64,
    /// Why there is no more.
    pub down: Option<String>,
}

fn unreadable() -> String {
    "the index cannot be read".to_owned()
}

/// Embeds what has no vector yet, at most `limit` texts, and tells how far it is: texts done, of how many.
pub fn fill(
    store: &Store,
    searcher: &Searcher,
    (vectors, embedder): (&mut Vectors, &dyn Embedder),
    limit: usize,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Filled> {
    let mut filled = Filled::default();
    if !lacks(searcher, vectors)? {
        return Ok(filled);
    }
    let Some(_lock) = vectors.lock()? else {
        filled.down = Some("another process is embedding".to_owned());
        return Ok(filled);
    };
    vectors.read()?;
    let (wanted, live) = missing(searcher, vectors)?;
    let all = wanted.len().min(limit);
    let reading = Reading::new(store, searcher, all)?;
    filled.left = (wanted.len() - all) as u64;
    let batches = wanted[..all].chunks(embedder.batch());
    std::thread::scope(|scope| {
        // The next texts are read while these are embedded.
        let (hand, taken) = mpsc::sync_channel(AHEAD);
        let reading = &reading;
        scope.spawn(move || {
            for batch in batches {
                // Nobody takes more once one failed.
                if hand.send((batch, reading.texts(batch))).is_err() {
                    return;
                }
            }
        });
        for (batch, texts) in taken {
            progress(filled.added, all as u64);
            let texts = texts?;
            let parts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let hashes = batch.iter().map(|(text, _)| *text);
            let added = embedder
                .embed(&parts, false)
                .and_then(|found| vectors.append(&hashes.zip(found).collect::<Vec<_>>()));
            if let Err(down) = added {
                filled.left += (all as u64).saturating_sub(filled.added);
                filled.down = Some(down.to_string());
                break;
            }
            filled.added += batch.len() as u64;
        }
        Ok(())
    })?;
    if filled.added > 0 {
        vectors.read()?;
    }
    if filled.down.is_none()
        && let Err(down) = vectors.tidy(&live)
    {
        filled.down = Some(down.to_string());
    }
    Ok(filled)
}

/// A text, and a document that has it.
type Wanted = (u64, (u32, u32));

/// Hands over every text that should have a vector, until it is told to stop.
fn passages(
    searcher: &Searcher,
    each: &mut dyn FnMut(u64, (u32, u32)) -> ControlFlow<()>,
) -> Result<ControlFlow<()>> {
    for (ord, segment) in searcher.segment_readers().iter().enumerate() {
        let ord = u32::try_from(ord).unwrap_or(u32::MAX);
        let columns = segment.fast_fields();
        let roles = columns.u64("role").context(Kind::Setup, unreadable)?;
        let hashes = columns.u64("hash").context(Kind::Setup, unreadable)?;
        for doc in 0..segment.max_doc() {
            let role = roles.first(doc).unwrap_or(SOURCE);
            if role == SOURCE || !Role::of_number(role).is_prose() || segment.is_deleted(doc) {
                continue;
            }
            if each(hashes.first(doc).unwrap_or_default(), (ord, doc)).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Tells whether any text has no vector.
fn lacks(searcher: &Searcher, vectors: &Vectors) -> Result<bool> {
    let found = passages(searcher, &mut |text, _| {
        if vectors.has(text) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    Ok(found.is_break())
}

/// Finds the texts without a vector, and all that should have one.
fn missing(searcher: &Searcher, vectors: &Vectors) -> Result<(Vec<Wanted>, Texts)> {
    let (mut wanted, mut live) = (Vec::new(), Texts::default());
    let _all = passages(searcher, &mut |text, at| {
        if live.insert(text) && !vectors.has(text) {
            wanted.push((text, at));
        }
        ControlFlow::Continue(())
    })?;
    Ok((wanted, live))
}

/// Whoever reads the texts of documents.
struct Reading<'s> {
    store: &'s Store,
    searcher: &'s Searcher,
    /// The same index, read by pieces.
    pieces: Option<Searcher>,
}

impl<'s> Reading<'s> {
    fn new(store: &'s Store, searcher: &'s Searcher, texts: usize) -> Result<Self> {
        let pieces = if texts > MANY {
            Some(ingest::reader(&store.unmapped()?)?.searcher())
        } else {
            None
        };
        Ok(Reading {
            store,
            searcher,
            pieces,
        })
    }

    fn segment(&self, ord: u32) -> &SegmentReader {
        let mapped = self.searcher.segment_reader(ord);
        let mut pieces = self.pieces.iter().flat_map(Searcher::segment_readers);
        // One that was merged into another since then is only there mapped.
        pieces
            .find(|segment| segment.segment_id() == mapped.segment_id())
            .unwrap_or(mapped)
    }

    fn texts(&self, batch: &[Wanted]) -> Result<Vec<String>> {
        let mut texts = Vec::with_capacity(batch.len());
        let mut reader = None;
        for (_, (ord, doc)) in batch {
            if reader.as_ref().is_none_or(|(known, _)| known != ord) {
                let opened = self.segment(*ord).get_store_reader(4);
                reader = Some((*ord, opened.context(Kind::Setup, unreadable)?));
            }
            let Some((_, reader)) = &reader else { continue };
            let document: TantivyDocument = reader.get(*doc).context(Kind::Setup, unreadable)?;
            let body = document.get_first(self.store.fields.body);
            let body = body.and_then(|value| value.as_str().map(str::to_owned));
            texts.push(body.unwrap_or_default());
        }
        Ok(texts)
    }
}
