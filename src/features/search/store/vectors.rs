//! The vectors of an embedder: one flat file, beside the index and not in it, so that a rebuild keeps them.
//!
//! A row is the hash of a text, a check, a factor and a byte a number; what was embedded once is never embedded again,
//! wherever it is copied to. The file's name and its first lines say whose vectors it holds. It only grows, under a
//! lock, until more than half of it is of texts that are no more; a torn or damaged row counts as not there.

use super::{
    embed::{Down, Embedder},
    hashed::{Map, Set},
};
use crate::{
    env,
    error::{Context, Error, Kind, Result},
    features::search::readers::hash,
    fs::{Lock, private_dir, private_file, replace},
};
use std::{
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    time::Duration,
};
use tantivy::directory::{Directory as _, MmapDirectory, OwnedBytes};

/// The first line: another one is another program's.
const HEAD: &str = "git-ccc vectors 1";
/// What stands before the numbers of a row.
const ROW: usize = 8 + 4 + 4;
/// More rows than this of texts that are gone are taken out, if they are most of all.
const SPARE: usize = 4096;

/// Texts by their hashes.
pub type Texts = Set<u64>;
type Rows = Map<u64, usize>;

/// The vectors that are known.
#[derive(Debug)]
pub struct Vectors {
    path: PathBuf,
    name: String,
    dim: usize,
    /// The file as it was read, and where the next row goes.
    bytes: OwnedBytes,
    end: usize,
    rows: Rows,
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
            bytes: OwnedBytes::empty(),
            end: 0,
            rows: Rows::default(),
        };
        vectors.read()?;
        Ok(vectors)
    }

    /// Reads the file anew: what others have added, and what was added here.
    pub fn read(&mut self) -> Result<()> {
        (self.dim, self.end, self.bytes) = (0, 0, OwnedBytes::empty());
        self.rows.clear();
        let bytes = match mapped(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error).context(Kind::Setup, unreadable),
        };
        // A file that is another's, or of which nothing is whole, is written anew.
        let Some((dim, start)) = head(&bytes, &self.name) else {
            return Ok(());
        };
        let size = ROW + dim;
        let count = (bytes.len() - start) / size;
        self.rows.reserve(count);
        for at in (0..count).map(|row| start + row * size) {
            if let Some(text) = whole(&bytes[at..at + size]) {
                self.rows.insert(text, at);
            }
        }
        (self.dim, self.end, self.bytes) = (dim, start + count * size, bytes);
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

    /// Takes the right to add rows: `None` if another process has it.
    pub fn lock(&self) -> Result<Option<Lock>> {
        Lock::acquire(&self.path.with_extension("lock"), Duration::ZERO)
            .context(Kind::Setup, unreadable)
    }

    /// Adds rows; the first ones decide how long all are. They are there, but for their numbers until [`Vectors::read`].
    pub fn append(&mut self, rows: &[(u64, Option<Vec<f32>>)]) -> Result<(), Down> {
        let length = rows
            .iter()
            .find_map(|(_, vector)| Some(vector.as_ref()?.len()));
        if self.dim == 0 {
            // Without a single vector there is nothing to be kept yet.
            let Some(dim) = length else { return Ok(()) };
            let head = first_lines(&self.name, dim);
            write(&self.path, |path| replace(path, &head))?;
            (self.dim, self.end) = (dim, head.len());
        }
        let mut fresh = Vec::with_capacity(rows.len() * (ROW + self.dim));
        for (text, vector) in rows {
            if vector
                .as_ref()
                .is_some_and(|vector| vector.len() != self.dim)
            {
                let why = "the model's vectors are not as long as they were".to_owned();
                return Err(Down(why));
            }
            self.rows.insert(*text, self.end + fresh.len());
            push(&mut fresh, *text, vector.as_deref(), self.dim);
        }
        // Over what a killed process has left of a row, or none after it would stand where it is looked for.
        write(&self.path, |path| {
            let file = std::fs::OpenOptions::new().write(true).open(path)?;
            file.write_all_at(&fresh, self.end as u64)
        })?;
        self.end += fresh.len();
        Ok(())
    }

    /// Takes out what no text has any more, if that is most of it; [`Vectors::read`] comes before.
    pub fn tidy(&mut self, live: &Texts) -> Result<(), Down> {
        let gone = self.rows.len().saturating_sub(live.len());
        if gone < SPARE || gone < live.len() {
            return Ok(());
        }
        let mut bytes = first_lines(&self.name, self.dim);
        for text in live {
            let row = self.rows.get(text);
            bytes.extend_from_slice(
                row.and_then(|at| self.bytes.get(*at..*at + ROW + self.dim))
                    .unwrap_or_default(),
            );
        }
        write(&self.path, |path| replace(path, &bytes))?;
        self.read().map_err(|error| Down(error.to_string()))
    }
}

/// Maps a file, so that what is not looked at is not read.
fn mapped(path: &Path) -> std::io::Result<OwnedBytes> {
    let other = |error: &dyn std::error::Error| std::io::Error::other(error.to_string());
    let (dir, name) = (path.parent(), path.file_name());
    // What the engine says of a file that is not there is no `NotFound`.
    std::fs::metadata(path)?;
    let directory = MmapDirectory::open(dir.unwrap_or(path)).map_err(|error| other(&error))?;
    let file = directory
        .open_read(Path::new(name.unwrap_or_default()))
        .map_err(|error| other(&error))?;
    file.read_bytes()
}

/// What stands before the rows.
fn first_lines(name: &str, dim: usize) -> Vec<u8> {
    format!("{HEAD}\n{name}\n{dim}\n").into_bytes()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors(path: &Path) -> Vectors {
        let mut vectors = Vectors {
            path: path.to_owned(),
            name: "a model".to_owned(),
            dim: 0,
            bytes: OwnedBytes::empty(),
            end: 0,
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
        bytes.pop();
        std::fs::write(&path, &bytes).expect("torn");
        let mut torn = vectors(&path);
        assert_eq!(torn.len(), 1);
        torn.append(&rows[1..]).expect("it is written");
        assert_eq!(vectors(&path).len(), 2, "over what was torn");
        let mut bytes = std::fs::read(&path).expect("the file");
        let first = bytes.len() - 2 * (ROW + 3);
        bytes[first] ^= 1;
        std::fs::write(&path, &bytes).expect("damaged");
        assert_eq!(vectors(&path).len(), 1);
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
