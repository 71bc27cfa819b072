//! The vectors of an embedder: one flat file, beside the index and not in it, so that a rebuild keeps them.
//!
//! A row is the hash of a text, a check, a factor and a byte a number; what was embedded once is never embedded again,
//! wherever it is copied to. The file's name and its first lines say whose vectors it holds. It only grows, under a
//! lock, until more than half of it is of texts that are no more; a torn or damaged row counts as not there.

use super::{
    embed::{Down, Embedder},
    hashed::{Map, Set},
    open::{SOURCE, Store},
};
use crate::{
    env,
    error::{Context, Error, Kind, Result},
    features::search::{model::Role, readers::hash},
    fs::{Lock, private_dir, private_file, replace},
};
use std::{
    io::Write as _,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::mpsc,
    time::Duration,
};
use tantivy::{Searcher, TantivyDocument, schema::Value};

/// The first line: another one is another program's.
const HEAD: &str = "git-ccc vectors 1";
/// What stands before the numbers of a row.
const ROW: usize = 8 + 4 + 4;
/// More rows than this of texts that are gone are taken out, if they are most of all.
const SPARE: usize = 4096;

/// Tells whether a block of this role says something in sentences.
pub fn is_prose(role: Role) -> bool {
    matches!(
        role,
        Role::Human
            | Role::Assistant
            | Role::Summary
            | Role::Title
            | Role::Message
            | Role::Memory
            | Role::Plan
    )
}

/// Texts by their hashes.
type Texts = Set<u64>;
type Rows = Map<u64, usize>;

/// The vectors that are known.
#[derive(Debug)]
pub struct Vectors {
    path: PathBuf,
    name: String,
    dim: usize,
    bytes: Vec<u8>,
    rows: Rows,
}

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
    "the vectors cannot be read".to_owned()
}

fn directory() -> Result<PathBuf> {
    let base = env::cache_dir()
        .ok_or_else(|| Error::setup("there is no place for the vectors of semantic search"))?;
    Ok(base.join("vectors-1"))
}

impl Vectors {
    /// Reads what there is of an embedder's vectors.
    pub fn open(embedder: &dyn Embedder) -> Result<Self> {
        let name = embedder.name().to_owned();
        let path = directory()?.join(format!("{:016x}", hash(name.as_bytes())));
        let mut vectors = Vectors {
            path,
            name,
            dim: 0,
            bytes: Vec::new(),
            rows: Rows::default(),
        };
        vectors.read()?;
        Ok(vectors)
    }

    fn read(&mut self) -> Result<()> {
        (self.dim, self.bytes) = (0, Vec::new());
        self.rows.clear();
        let bytes = match std::fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error).context(Kind::Setup, unreadable),
        };
        // A file that is another's, or of which nothing is whole, is written anew.
        let Some((dim, start)) = head(&bytes, &self.name) else {
            return Ok(());
        };
        self.dim = dim;
        let size = ROW + dim;
        self.rows.reserve((bytes.len() - start) / size);
        for at in (start..bytes.len()).step_by(size) {
            let Some(row) = bytes.get(at..at + size) else {
                break;
            };
            if let Some(text) = whole(row) {
                self.rows.insert(text, at);
            }
        }
        self.bytes = bytes;
        Ok(())
    }

    /// Tells whether a text was embedded.
    pub fn has(&self, text: u64) -> bool {
        self.rows.contains_key(&text)
    }

    /// So many texts were.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Tells whether none was.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns how like a text's vector is to another, at most one.
    pub fn likeness(&self, text: u64, other: &[f32]) -> Option<f32> {
        let row = self.bytes.get(*self.rows.get(&text)?..)?;
        let factor = f32::from_le_bytes(*row.get(12..)?.first_chunk()?);
        let numbers = row.get(ROW..ROW + self.dim)?;
        (other.len() == self.dim).then(|| factor * dot(numbers, other))
    }

    /// Appends rows; the first ones decide how long all are.
    fn append(&mut self, rows: &[(u64, Option<Vec<f32>>)]) -> Result<(), Down> {
        let length = rows
            .iter()
            .find_map(|(_, vector)| Some(vector.as_ref()?.len()));
        if self.dim == 0 {
            // Without a single vector there is nothing to be kept yet.
            let Some(dim) = length else { return Ok(()) };
            self.dim = dim;
            self.bytes = format!("{HEAD}\n{}\n{dim}\n", self.name).into_bytes();
            write(&self.path, |path| replace(path, &self.bytes))?;
        }
        let from = self.bytes.len();
        for (text, vector) in rows {
            if vector
                .as_ref()
                .is_some_and(|vector| vector.len() != self.dim)
            {
                let why = "the model's vectors are not as long as they were".to_owned();
                return Err(Down(why));
            }
            self.rows.insert(*text, self.bytes.len());
            push(&mut self.bytes, *text, vector.as_deref(), self.dim);
        }
        let fresh = &self.bytes[from..];
        write(&self.path, |path| {
            let mut file = std::fs::OpenOptions::new().append(true).open(path)?;
            file.write_all(fresh)
        })
    }

    /// Takes out what no text has any more, if that is most of it.
    fn tidy(&mut self, live: &Texts) -> Result<(), Down> {
        let gone = self.rows.len().saturating_sub(live.len());
        if gone < SPARE || gone < live.len() {
            return Ok(());
        }
        let mut bytes = format!("{HEAD}\n{}\n{}\n", self.name, self.dim).into_bytes();
        let mut rows = Rows::default();
        for text in live {
            if let Some(at) = self.rows.get(text) {
                rows.insert(*text, bytes.len());
                bytes.extend_from_slice(&self.bytes[*at..*at + ROW + self.dim]);
            }
        }
        write(&self.path, |path| replace(path, &bytes))?;
        (self.bytes, self.rows) = (bytes, rows);
        Ok(())
    }
}

/// Reads whose vectors a file holds: how long each is, and where the first row begins.
fn head(bytes: &[u8], name: &str) -> Option<(usize, usize)> {
    let mut lines = bytes.splitn(4, |byte| *byte == b'\n');
    let (first, whose) = (lines.next()?, lines.next()?);
    let dim = std::str::from_utf8(lines.next()?).ok()?;
    lines.next()?;
    let fits = first == HEAD.as_bytes() && whose == name.as_bytes();
    let start = HEAD.len() + name.len() + dim.len() + 3;
    let dim: usize = dim.parse().ok()?;
    (fits && (1..=65_536).contains(&dim)).then_some((dim, start))
}

/// Returns the text of a row, if the row is what was written.
fn whole(row: &[u8]) -> Option<u64> {
    let text = row.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))?;
    let check = row.get(8..)?.first_chunk()?;
    (*check == seal(text, &row[12..])).then_some(text)
}

fn seal(text: u64, rest: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = (hash(rest) ^ text).to_le_bytes();
    [a, b, c, d]
}

/// Adds a row: the largest number of a vector is 127 of its factor. A text that says nothing is like nothing.
#[expect(clippy::cast_possible_truncation, reason = "at most 127")]
fn push(bytes: &mut Vec<u8>, text: u64, vector: Option<&[f32]>, dim: usize) {
    let vector = vector.unwrap_or_default();
    let factor = vector.iter().fold(0.0_f32, |most, x| most.max(x.abs())) / 127.0;
    let mut rest = factor.to_le_bytes().to_vec();
    rest.extend(
        vector
            .iter()
            .map(|x| ((x / factor).round() as i8).cast_unsigned()),
    );
    rest.resize(4 + dim, 0);
    bytes.extend_from_slice(&text.to_le_bytes());
    bytes.extend_from_slice(&seal(text, &rest));
    bytes.extend_from_slice(&rest);
}

/// In lanes, so that the compiler can do several at once.
fn dot(numbers: &[u8], other: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0_f32; LANES];
    let (mine, theirs) = (numbers.chunks_exact(LANES), other.chunks_exact(LANES));
    let rest = mine.remainder().iter().zip(theirs.remainder());
    let rest: f32 = rest.map(|(a, b)| f32::from(a.cast_signed()) * b).sum();
    for (a, b) in mine.zip(theirs) {
        for lane in 0..LANES {
            sums[lane] += f32::from(a[lane].cast_signed()) * b[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

fn write(path: &Path, how: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<(), Down> {
    let dir = path.parent().unwrap_or(path);
    let written = private_dir(dir)
        .and_then(|()| how(path))
        .and_then(|()| private_file(path));
    written.map_err(|error| Down(format!("the vectors cannot be written: {}", error.kind())))
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
    let lock = Lock::acquire(&vectors.path.with_extension("lock"), Duration::ZERO);
    let Some(_lock) = lock.context(Kind::Setup, unreadable)? else {
        filled.down = Some("another process is embedding".to_owned());
        return Ok(filled);
    };
    vectors.read()?;
    let (wanted, live) = missing(searcher, vectors)?;
    let all = wanted.len().min(limit);
    filled.left = (wanted.len() - all) as u64;
    let batches = wanted[..all].chunks(embedder.batch());
    std::thread::scope(|scope| {
        // The next texts are read while these are embedded.
        let (hand, taken) = mpsc::sync_channel(0);
        scope.spawn(move || {
            for batch in batches {
                // Nobody takes more once one failed.
                if hand.send((batch, texts(store, searcher, batch))).is_err() {
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
            if role == SOURCE || !is_prose(Role::of_number(role)) || segment.is_deleted(doc) {
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

fn texts(store: &Store, searcher: &Searcher, batch: &[Wanted]) -> Result<Vec<String>> {
    let mut texts = Vec::with_capacity(batch.len());
    let mut reader = None;
    for (_, (ord, doc)) in batch {
        if reader.as_ref().is_none_or(|(known, _)| known != ord) {
            let segment = searcher.segment_reader(*ord);
            let opened = segment
                .get_store_reader(4)
                .context(Kind::Setup, unreadable)?;
            reader = Some((*ord, opened));
        }
        let Some((_, reader)) = &reader else { continue };
        let document: TantivyDocument = reader.get(*doc).context(Kind::Setup, unreadable)?;
        let body = document.get_first(store.fields.body);
        let body = body.and_then(|value| value.as_str().map(str::to_owned));
        texts.push(body.unwrap_or_default());
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors(path: &Path) -> Vectors {
        let mut vectors = Vectors {
            path: path.to_owned(),
            name: "a model".to_owned(),
            dim: 0,
            bytes: Vec::new(),
            rows: Rows::default(),
        };
        vectors.read().expect("it can be read");
        vectors
    }

    #[test]
    fn rows_come_back_and_what_is_torn_is_not_there() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("v");
        let mut first = vectors(&path);
        let half = std::f32::consts::FRAC_1_SQRT_2;
        let rows = [(7, Some(vec![half, -half, 0.0])), (8, None)];
        first.append(&rows).expect("it is written");
        let again = vectors(&path);
        assert!(again.has(7) && again.has(8) && again.len() == 2);
        let like = again.likeness(7, &[half, -half, 0.0]).expect("it is there");
        assert!((like - 1.0).abs() < 0.01, "{like}");
        assert_eq!(again.likeness(8, &[1.0, 0.0, 0.0]), Some(0.0));
        assert_eq!(again.likeness(7, &[1.0]), None, "of another model");
        let mut bytes = std::fs::read(&path).expect("the file");
        bytes.truncate(bytes.len() - 1);
        std::fs::write(&path, &bytes).expect("torn");
        assert_eq!(vectors(&path).len(), 1);
        let last = bytes.len() - ROW - 4;
        bytes[last] ^= 1;
        std::fs::write(&path, &bytes).expect("damaged");
        assert_eq!(vectors(&path).len(), 0);
        std::fs::write(&path, "git-ccc vectors 1\nanother\n3\n").expect("another's");
        assert_eq!(vectors(&path).dim, 0);
    }

    #[test]
    fn lanes_add_up() {
        let other: Vec<f32> = (0..37_u8).map(f32::from).collect();
        let numbers: Vec<u8> = (0..37_u8).map(|x| x.wrapping_sub(9)).collect();
        let sum: i32 = (0..37).map(|x| (x - 9) * x).sum();
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let sum = sum as f32;
        assert!((dot(&numbers, &other) - sum).abs() < 0.5);
    }
}
