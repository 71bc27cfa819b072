//! A file of the index for whoever writes much: it is read by pieces and not mapped.
//!
//! Joining segments reads all of them. Mapped, they count as memory of this process until the kernel wants it back,
//! which is as much as the segments are large; read by pieces it is a piece for each file.

use std::{
    fs::File,
    io,
    ops::Range,
    os::unix::fs::FileExt,
    path::Path,
    sync::{Mutex, PoisonError},
};
use tantivy::{
    HasLen,
    directory::{FileHandle, OwnedBytes},
};

/// So much is read at once, since who reads a little reads what follows next.
const PIECE: usize = 64 * 1024;

/// A file, and the piece of it that was read last: where it begins, and its bytes.
#[derive(Debug)]
pub struct Pieces {
    file: File,
    length: usize,
    last: Mutex<(usize, OwnedBytes)>,
}

impl Pieces {
    /// Opens a file.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        Ok(Pieces {
            file,
            length,
            last: Mutex::new((0, OwnedBytes::empty())),
        })
    }

    fn read(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        let mut bytes = vec![0; range.len()];
        self.file.read_exact_at(&mut bytes, range.start as u64)?;
        Ok(OwnedBytes::new(bytes))
    }
}

impl HasLen for Pieces {
    fn len(&self) -> usize {
        self.length
    }
}

impl FileHandle for Pieces {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        if range.end > self.length || range.start > range.end {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if range.len() >= PIECE {
            return self.read(range);
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (start, bytes) = &*last;
        if range.start < *start || range.end > start + bytes.len() {
            let end = self.length.min(range.start + PIECE);
            *last = (range.start, self.read(range.start..end)?);
        }
        let (start, bytes) = &*last;
        Ok(bytes.slice(range.start - start..range.end - start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_it_is_wherever_one_begins_to_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let all: Vec<u8> = (0..=250).cycle().take(3 * PIECE + 7).collect();
        std::fs::write(dir.path().join("f"), &all).expect("a file");
        let file = Pieces::open(&dir.path().join("f")).expect("it is there");
        assert_eq!(file.len(), all.len());
        for (from, to) in [
            (0, 5),
            (3, 9),
            (2, 3),
            (PIECE - 1, PIECE + 1),
            (10, 10 + 2 * PIECE),
            (all.len() - 3, all.len()),
            (4, 4),
        ] {
            let read = file.read_bytes(from..to).expect("it is inside");
            assert_eq!(read.as_slice(), &all[from..to], "{from}..{to}");
        }
        assert!(file.read_bytes(1..all.len() + 1).is_err());
        assert!(Pieces::open(&dir.path().join("none")).is_err());
    }
}
