//! Blocks become documents: cut into pieces, counted, each record under one owner.

use super::{
    cursor::{self, Cursor},
    hashed::Map,
    open::Store,
    post::{Budget, Post},
    record,
};
use crate::{
    env,
    error::{Context, Error, Kind, Result},
    features::search::{
        logic::pieces::pieces,
        model::{Block, Source},
        readers::hash,
    },
};
use std::collections::HashSet;
use tantivy::{
    DocSet, Index, IndexReader, IndexWriter, ReloadPolicy, Searcher, TERMINATED, Term,
    indexer::{IndexWriterOptions, LogMergePolicy},
    schema::IndexRecordOption,
};

/// After so many bytes of text the index is committed, unless a test says otherwise: what a kill costs.
const COMMIT: usize = 96 * 1024 * 1024;
/// A segment of more documents than this is not merged with others: memory has a bound.
const SEGMENT: usize = 150_000;
/// From so many lookups on it pays to look at all keys once.
const MANY: usize = 4096;

/// See the module head.
pub struct Ingest<'s> {
    store: &'s Store,
    writer: IndexWriter<Post>,
    reader: IndexReader,
    searcher: Searcher,
    budget: Budget,
    /// Records that were read since the last commit, and of which source.
    fresh: Map<u64, u64>,
    known: Option<Sieve>,
    lookups: usize,
    /// Sources whose documents were taken out since the last commit.
    forgotten: HashSet<u64>,
    text: usize,
    step: usize,
    commits: u64,
    /// Documents that were added.
    pub added: u64,
    /// Records that another source owns.
    pub copies: u64,
}

impl std::fmt::Debug for Ingest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ingest")
            .field("added", &self.added)
            .finish_non_exhaustive()
    }
}

/// The source whose records are being read.
#[derive(Debug)]
pub struct From<'c> {
    /// Its number.
    pub id: u64,
    /// The number of its conversation.
    pub session: u64,
    /// Sources that own records which this one repeats.
    pub owners: &'c mut Vec<u64>,
}

/// Where a block stands: the byte of its record, and which block of the record it is.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The byte at which the record begins, or another number that grows.
    pub offset: u64,
    /// The next piece's number.
    pub piece: u64,
}

/// Returns what names a record: what its writer calls it, else where it stands.
fn key_of(from: &From<'_>, place: &Place, block: &Block<'_>) -> u64 {
    if block.record.is_empty() {
        hash(format!("{:x}@{}.{}", from.id, place.offset, place.piece).as_bytes())
    } else {
        hash(block.record.as_bytes())
    }
}

fn unwritable() -> String {
    "the index cannot be written".to_owned()
}

impl<'s> Ingest<'s> {
    /// Begins to write; `large` work gets more threads.
    pub fn new(store: &'s Store, large: bool) -> Result<Self> {
        let (threads, memory) = if large {
            (2, 24_000_000)
        } else {
            (1, 15_000_000)
        };
        let options = IndexWriterOptions::builder()
            .num_worker_threads(threads)
            .memory_budget_per_thread(memory)
            .num_merge_threads(1)
            .build();
        let step = env::index_step();
        let index = if large || step.is_some() {
            store.unmapped()?
        } else {
            store.index.clone()
        };
        let writer = index
            .writer_with_options(options)
            .context(Kind::Setup, unwritable)?;
        let mut policy = LogMergePolicy::default();
        policy.set_max_docs_before_merge(SEGMENT);
        // While much is added, merging what will be merged again costs a fifth of the time.
        policy.set_min_num_segments(if large { 16 } else { 8 });
        policy.set_del_docs_ratio_before_merge(0.5);
        writer.set_merge_policy(Box::new(policy));
        let reader = reader(&store.index)?;
        Ok(Ingest {
            store,
            writer,
            searcher: reader.searcher(),
            reader,
            budget: Budget::default(),
            fresh: Map::default(),
            known: None,
            lookups: 0,
            forgotten: HashSet::new(),
            text: 0,
            step: step.unwrap_or(COMMIT),
            commits: 0,
            added: 0,
            copies: 0,
        })
    }

    /// Returns what is known of a source.
    pub fn source(&self, id: u64) -> Result<Option<Source>> {
        record::load(self.store, &self.searcher, id)
    }

    /// Takes a source's documents out.
    pub fn forget(&mut self, id: u64) {
        self.writer
            .delete_term(Term::from_field_u64(self.store.fields.source, id));
        self.forgotten.insert(id);
        self.fresh.retain(|_, owner| *owner != id);
    }

    /// Writes what is known of a source.
    pub fn describe(&mut self, source: &Source, id: u64) -> Result<()> {
        let fields = &self.store.fields;
        self.writer
            .delete_term(Term::from_field_u64(fields.key, record::key(id)));
        let post = record::post(source, id, fields, &self.budget)?;
        self.writer
            .add_document(post)
            .context(Kind::Setup, unwritable)?;
        Ok(())
    }

    /// Adds a block, unless its record is here already.
    pub fn add(
        &mut self,
        from: &mut From<'_>,
        place: &mut Place,
        block: &Block<'_>,
        facets: &[(&str, &str)],
    ) -> Result<()> {
        if !self.take(from, place, block)? {
            return Ok(());
        }
        let key = key_of(from, place, block);
        for piece in pieces(&block.text) {
            let at = (place.offset << 16) | place.piece.min(0xffff);
            place.piece += 1;
            if piece.trim().is_empty() {
                continue;
            }
            let mut post = self.document(piece, block);
            let fields = &self.store.fields;
            post.number(fields.key, key);
            post.number(fields.source, from.id);
            post.number(fields.session, from.session);
            post.number(fields.at, at);
            for (name, value) in facets {
                post.facet(fields, name, value);
            }
            self.writer
                .add_document(post)
                .context(Kind::Setup, unwritable)?;
            self.added += 1;
            self.text += piece.len();
        }
        Ok(())
    }

    /// Tells whether a record is to be added for this source, and notes that it is.
    fn take(&mut self, from: &mut From<'_>, place: &Place, block: &Block<'_>) -> Result<bool> {
        let key = key_of(from, place, block);
        match self.owner(key)? {
            Some(owner) if owner != from.id => {
                self.copies += 1;
                if !from.owners.contains(&owner) {
                    from.owners.push(owner);
                }
                return Ok(false);
            }
            Some(_) => return Ok(false),
            None => _ = self.fresh.insert(key, from.id),
        }
        if let Some(known) = &mut self.known {
            known.hold(key);
        }
        Ok(true)
    }

    /// Begins the document of a piece of a block.
    fn document(&self, piece: &str, block: &Block<'_>) -> Post {
        let fields = &self.store.fields;
        let mut post = self.budget.post(piece.len());
        post.number(fields.role, block.role.number());
        post.signed(fields.time, block.time.unwrap_or(0));
        post.number(fields.hash, hash(piece.as_bytes()));
        let words = if block.role.is_bulk() {
            fields.bulk
        } else {
            fields.said
        };
        post.text(&[words, fields.body], piece);
        if !block.tool.is_empty() {
            post.text(&[fields.tool], &block.tool);
            post.facet(fields, "tool", &block.tool);
        }
        for path in &block.paths {
            post.text(&[fields.path], path);
        }
        post
    }

    /// Tells whether it is time to commit.
    pub fn is_due(&self) -> bool {
        self.text >= self.step
    }

    /// Commits what was added together with how far it was read, and goes on.
    pub fn commit(&mut self, cursors: &[Cursor]) -> Result<()> {
        self.keep(cursors)?;
        self.reader.reload().context(Kind::Setup, unwritable)?;
        self.searcher = self.reader.searcher();
        self.fresh.clear();
        self.forgotten.clear();
        self.text = 0;
        Ok(())
    }

    fn keep(&mut self, cursors: &[Cursor]) -> Result<()> {
        self.commits += 1;
        let dir = &self.store.dir;
        let nonce = (u64::from(std::process::id()) << 16) | self.commits;
        let writer = &mut self.writer;
        // Both wait for the disk.
        let (saved, prepared) = std::thread::scope(|scope| {
            let saving = scope.spawn(|| cursor::save(dir, cursors, nonce));
            let prepared = writer.prepare_commit();
            (saving.join(), prepared)
        });
        let saved = saved.map_err(|_| Error::internal("writing the cursors failed"))?;
        let name = saved.context(Kind::Setup, unwritable)?;
        let mut prepared = prepared.context(Kind::Setup, unwritable)?;
        prepared.set_payload(&name);
        prepared.commit().context(Kind::Setup, unwritable)?;
        Ok(())
    }

    /// Commits what is left and ends: waits for segments that are being merged.
    pub fn finish(mut self, cursors: &[Cursor]) -> Result<()> {
        self.keep(cursors)?;
        let dir = self.store.dir.clone();
        let index = self.store.index.clone();
        self.writer
            .wait_merging_threads()
            .context(Kind::Setup, unwritable)?;
        let metas = index.load_metas().context(Kind::Setup, unwritable)?;
        cursor::tidy(&dir, metas.payload.as_deref().unwrap_or_default())
            .context(Kind::Setup, unwritable)
    }

    /// Returns the source that owns a record.
    fn owner(&mut self, key: u64) -> Result<Option<u64>> {
        if let Some(owner) = self.fresh.get(&key) {
            return Ok(Some(*owner));
        }
        if self.searcher.num_docs() == 0 {
            return Ok(None);
        }
        self.lookups += 1;
        if self.lookups > MANY && self.known.is_none() {
            self.known = Some(Sieve::of(&self.searcher)?);
        }
        if self
            .known
            .as_ref()
            .is_some_and(|known| !known.may_hold(key))
        {
            return Ok(None);
        }
        self.look_up(key)
    }

    fn look_up(&self, key: u64) -> Result<Option<u64>> {
        let unreadable = || "the index cannot be read".to_owned();
        let term = Term::from_field_u64(self.store.fields.key, key);
        for segment in self.searcher.segment_readers() {
            let index = segment
                .inverted_index(self.store.fields.key)
                .context(Kind::Setup, unreadable)?;
            let postings = index
                .read_postings(&term, IndexRecordOption::Basic)
                .context(Kind::Setup, unreadable)?;
            let Some(mut postings) = postings else {
                continue;
            };
            let sources = segment
                .fast_fields()
                .u64("source")
                .context(Kind::Setup, unreadable)?;
            while postings.doc() != TERMINATED {
                let owner = sources.first(postings.doc());
                if let Some(owner) = owner
                    && !segment.is_deleted(postings.doc())
                    && !self.forgotten.contains(&owner)
                {
                    return Ok(Some(owner));
                }
                postings.advance();
            }
        }
        Ok(None)
    }
}

/// Opens the index for reading, as it is now.
pub fn reader(index: &Index) -> Result<IndexReader> {
    let reader = index
        .reader_builder()
        .reload_policy(ReloadPolicy::Manual)
        .try_into();
    reader.map_err(|error: tantivy::TantivyError| {
        Error::setup("the index cannot be read")
            .caused_by(&error)
            .hint("git ccc index --rebuild")
    })
}

/// Tells of most keys at once that they are not in the index, in four megabytes whatever the index.
struct Sieve {
    bits: Vec<u64>,
}

const SIEVE: u64 = 1 << 25;

impl Sieve {
    fn of(searcher: &Searcher) -> Result<Self> {
        let words = usize::try_from(SIEVE / 64).unwrap_or_default();
        let mut sieve = Sieve {
            bits: vec![0; words],
        };
        for segment in searcher.segment_readers() {
            let keys = segment
                .fast_fields()
                .u64("key")
                .context(Kind::Setup, || "the index cannot be read".to_owned())?;
            for doc in 0..segment.max_doc() {
                keys.first(doc).into_iter().for_each(|key| sieve.hold(key));
            }
        }
        Ok(sieve)
    }

    fn hold(&mut self, key: u64) {
        for (word, bit) in places(key) {
            self.bits[word] |= bit;
        }
    }

    fn may_hold(&self, key: u64) -> bool {
        places(key)
            .into_iter()
            .all(|(word, bit)| self.bits[word] & bit != 0)
    }
}

fn places(key: u64) -> [(usize, u64); 3] {
    [0, 20, 39].map(|shift| {
        let bit = (key >> shift) % SIEVE;
        (
            usize::try_from(bit / 64).unwrap_or_default(),
            1 << (bit % 64),
        )
    })
}
