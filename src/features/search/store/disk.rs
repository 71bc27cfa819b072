//! The index's directory: files go to disk while others are still written, and what names them waits for all of them.
//!
//! The engine says when a file is whole, and asks for the directory to be on disk before it names new files in its list
//! of segments. In between nobody reads what a power cut may take, so a file that is whole is put on disk by a thread of
//! its own, and it is at the directory that all are waited for. A disk that failed once is not asked again.
//!
//! Which files the engine may remove it writes down anew for every file: that is replaced without waiting, and on disk
//! with the rest. If it is damaged all the same, the engine begins a new one, and what it does not name stays until a
//! rebuild.

use super::unmapped::Pieces;
use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};
use tantivy::directory::{
    AntiCallToken, Directory, DirectoryLock, FileHandle, Lock, MmapDirectory, TerminatingWrite,
    WatchCallback, WatchHandle, WritePtr,
    error::{DeleteError, LockError, OpenDirectoryError, OpenReadError, OpenWriteError},
};

/// Where the engine keeps which files are its own.
const LIST: &str = ".managed.json";

/// See the module head.
#[derive(Clone, Debug)]
pub struct Disk {
    inner: MmapDirectory,
    dir: PathBuf,
    mapped: bool,
    late: Arc<Mutex<Late>>,
}

/// What is on its way to the disk.
#[derive(Debug, Default)]
struct Late {
    threads: Vec<JoinHandle<io::Result<()>>>,
    /// The engine's list was replaced.
    list: bool,
    failed: Option<String>,
}

impl Late {
    /// Puts a whole file on disk, beside whatever its writer does next.
    fn begin(&mut self, file: File) -> io::Result<()> {
        let again = file.try_clone()?;
        match std::thread::Builder::new().spawn(move || file.sync_data()) {
            Ok(thread) => self.threads.push(thread),
            // Without a thread it takes longer.
            Err(_) => again.sync_data()?,
        }
        Ok(())
    }

    /// Waits for everything that was begun.
    fn end(&mut self) -> io::Result<()> {
        for thread in self.threads.drain(..) {
            let done = thread.join();
            let done = done.unwrap_or_else(|_| Err(io::Error::other("a thread ended too early")));
            if let Err(error) = done {
                self.failed.get_or_insert(error.to_string());
            }
        }
        match &self.failed {
            Some(why) => Err(io::Error::other(why.clone())),
            None => Ok(()),
        }
    }
}

fn locked(late: &Mutex<Late>) -> MutexGuard<'_, Late> {
    late.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file that is being written.
struct Whole {
    file: File,
    late: Arc<Mutex<Late>>,
}

impl Write for Whole {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TerminatingWrite for Whole {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        let file = self.file.try_clone()?;
        locked(&self.late).begin(file)
    }
}

impl Disk {
    /// Opens a directory; what is not mapped is read by pieces.
    pub fn open(dir: &Path, mapped: bool) -> Result<Self, OpenDirectoryError> {
        Ok(Disk {
            inner: MmapDirectory::open(dir)?,
            dir: dir.to_owned(),
            mapped,
            late: Arc::default(),
        })
    }
}

impl Directory for Disk {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        if self.mapped {
            return self.inner.get_file_handle(path);
        }
        let pieces = Pieces::open(&self.dir.join(path)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => OpenReadError::FileDoesNotExist(path.to_owned()),
            _ => OpenReadError::wrap_io_error(error, path.to_owned()),
        })?;
        Ok(Arc::new(pieces))
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.inner.delete(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.inner.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let file = options.open(self.dir.join(path));
        let file = file.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => OpenWriteError::FileAlreadyExists(path.to_owned()),
            _ => OpenWriteError::wrap_io_error(error, path.to_owned()),
        })?;
        let late = Arc::clone(&self.late);
        Ok(WritePtr::new(Box::new(Whole { file, late })))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let bytes = self.inner.atomic_read(path)?;
        if path == Path::new(LIST) && serde_json::from_slice::<Vec<PathBuf>>(&bytes).is_err() {
            return Err(OpenReadError::FileDoesNotExist(path.to_owned()));
        }
        Ok(bytes)
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        if path != Path::new(LIST) {
            return self.inner.atomic_write(path, data);
        }
        locked(&self.late).list = true;
        crate::fs::replace(&self.dir.join(path), data)
    }

    fn sync_directory(&self) -> io::Result<()> {
        let mut late = locked(&self.late);
        if std::mem::take(&mut late.list) {
            late.begin(File::open(self.dir.join(LIST))?)?;
        }
        // Whoever comes while these are waited for waits too.
        late.end()?;
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
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_written_is_whole_private_and_waited_for() {
        let dir = tempfile::tempdir().expect("a directory");
        for mapped in [true, false] {
            let disk = Disk::open(dir.path(), mapped).expect("it is there");
            let name = format!("f{mapped}");
            let mut file = disk.open_write(Path::new(&name)).expect("a file");
            file.write_all(b"all of it").expect("bytes");
            file.terminate().expect("it is whole");
            assert_eq!(locked(&disk.late).threads.len(), 1);
            disk.sync_directory().expect("it is on disk");
            assert_eq!(locked(&disk.late).threads.len(), 0);
            let read = disk.open_read(Path::new(&name)).expect("it is there");
            assert_eq!(read.read_bytes().expect("bytes").as_slice(), b"all of it");
            let meta = std::fs::metadata(dir.path().join(&name)).expect("it is there");
            assert_eq!(meta.permissions().mode() & 0o777, 0o600);
            let again = disk.open_write(Path::new(&name));
            assert!(matches!(again, Err(OpenWriteError::FileAlreadyExists(_))));
            let none = disk.open_read(Path::new("none"));
            assert!(matches!(none, Err(OpenReadError::FileDoesNotExist(_))));
        }
    }

    #[test]
    fn a_disk_that_failed_stays_failed() {
        let dir = tempfile::tempdir().expect("a directory");
        let disk = Disk::open(dir.path(), true).expect("it is there");
        let failing = std::thread::spawn(|| Err(io::Error::other("the disk is on fire")));
        locked(&disk.late).threads.push(failing);
        for _ in 0..2 {
            let error = disk.sync_directory().expect_err("nothing is on disk");
            assert_eq!(error.to_string(), "the disk is on fire");
        }
    }

    #[test]
    fn a_damaged_list_is_none() {
        let dir = tempfile::tempdir().expect("a directory");
        let disk = Disk::open(dir.path(), true).expect("it is there");
        let list = Path::new(LIST);
        disk.atomic_write(list, br#"["a.term"]"#).expect("a list");
        disk.sync_directory().expect("it is on disk");
        assert_eq!(disk.atomic_read(list).expect("a list"), br#"["a.term"]"#);
        for torn in ["", r#"["a.te"#] {
            std::fs::write(dir.path().join(LIST), torn).expect("torn");
            let read = disk.atomic_read(list);
            assert!(matches!(read, Err(OpenReadError::FileDoesNotExist(_))));
        }
    }
}
