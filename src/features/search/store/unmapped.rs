//! The index's directory for whoever writes much: its files are read by pieces and not mapped.
//!
//! Joining segments reads all of them. Mapped, they count as memory of this process until the kernel wants it back,
//! which is as much as the segments are large; read by pieces it is a piece for each file.

use std::{
    fs::File,
    io,
    ops::Range,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use tantivy::{
    HasLen,
    directory::{
        Directory, DirectoryLock, FileHandle, Lock, MmapDirectory, OwnedBytes, WatchCallback,
        WatchHandle, WritePtr,
        error::{DeleteError, LockError, OpenReadError, OpenWriteError},
    },
};

/// So much is read at once, since who reads a little reads what follows next.
const PIECE: usize = 64 * 1024;

/// See the module head.
#[derive(Clone, Debug)]
pub struct Unmapped {
    inner: MmapDirectory,
    dir: PathBuf,
}

impl Unmapped {
    /// Opens a directory.
    pub fn open(dir: &Path) -> Result<Self, tantivy::directory::error::OpenDirectoryError> {
        Ok(Unmapped {
            inner: MmapDirectory::open(dir)?,
            dir: dir.to_owned(),
        })
    }
}

/// A file, and the piece of it that was read last: where it begins, and its bytes.
#[derive(Debug)]
struct Pieces {
    file: File,
    length: usize,
    last: Mutex<(usize, OwnedBytes)>,
}

impl Pieces {
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

impl Directory for Unmapped {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => OpenReadError::FileDoesNotExist(path.to_owned()),
            _ => OpenReadError::wrap_io_error(error, path.to_owned()),
        };
        let file = File::open(self.dir.join(path)).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let length = usize::try_from(length).map_err(|error| failed(io::Error::other(error)))?;
        Ok(Arc::new(Pieces {
            file,
            length,
            last: Mutex::new((0, OwnedBytes::empty())),
        }))
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.inner.delete(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.inner.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        self.inner.open_write(path)
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        self.inner.atomic_read(path)
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.inner.atomic_write(path, data)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.inner.sync_directory()
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        self.inner.acquire_lock(lock)
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.inner.watch(callback)
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
        let directory = Unmapped::open(dir.path()).expect("it is there");
        let file = directory
            .get_file_handle(Path::new("f"))
            .expect("it is there");
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
        let none = directory.get_file_handle(Path::new("none"));
        assert!(matches!(none, Err(OpenReadError::FileDoesNotExist(_))));
    }
}
