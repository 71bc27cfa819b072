//! Files of our own: whole-file replacement and locks.
//!
//! A file is replaced by rename, so a reader sees the old or the new one and
//! never a part. A lock file is never removed: another process may be waiting
//! on the very inode.

pub mod beneath;
mod exchange;

pub use exchange::{IsOld, put, replace_if, replace_soon};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{OnceLock, mpsc},
    time::{Duration, Instant},
};

/// The longest that this process waits for any lock, whatever its caller would wait.
static LIMIT: OnceLock<Duration> = OnceLock::new();

/// Who waits for a lock that may become needless looks up for the first time after this, about as long as a turn takes,
const FIRST_LOOK: Duration = Duration::from_millis(4);
/// and at least so often.
const LAST_LOOK: Duration = Duration::from_millis(64);

/// Bounds every wait of this process: whoever runs inside another program's event must not hold that up.
pub fn hurry(limit: Duration) {
    // The first bound stands: there is one such decision a process.
    let _ = LIMIT.set(limit);
}

/// Returns `patience`, bounded by [`hurry`].
pub fn bounded(patience: Duration) -> Duration {
    LIMIT.get().map_or(patience, |limit| patience.min(*limit))
}

/// An exclusive lock on a file, held until dropped.
#[derive(Debug)]
pub struct Lock {
    file: Option<File>,
}

impl Lock {
    /// Takes the lock at `path`, waiting at most `limit`; `None` means somebody else kept it.
    ///
    /// On a file system without locks the returned lock excludes nobody; callers
    /// must be correct without it (the compare-and-swap decides, this is order and speed).
    pub fn acquire(path: &Path, limit: Duration) -> io::Result<Option<Lock>> {
        Lock::wait(path, limit, limit, || false)
    }

    /// As [`Lock::acquire`], until it is needless: `None` may mean that too.
    pub fn acquire_unless(
        path: &Path,
        limit: Duration,
        needless: impl FnMut() -> bool,
    ) -> io::Result<Option<Lock>> {
        Lock::wait(path, limit, FIRST_LOOK, needless)
    }

    /// Waits for the lock and looks up after `pause`, then ever more rarely.
    fn wait(
        path: &Path,
        limit: Duration,
        mut pause: Duration,
        mut needless: impl FnMut() -> bool,
    ) -> io::Result<Option<Lock>> {
        let file = open_in_place(path)?;
        if let Some(lock) = try_file(&file)? {
            return Ok(Some(lock.into_lock(file)));
        }
        let until = Instant::now() + bounded(limit);
        // The kernel queues blocked waiters; polling would starve under load. The
        // thread exists because a blocking lock has no time-out of its own.
        let (done, wait) = mpsc::channel();
        std::thread::spawn(move || {
            let taken = file.lock().map(|()| file);
            // If nobody waits any more the file closes here, which gives the lock back.
            let _ = done.send(taken);
        });
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match wait.recv_timeout(pause.min(left)) {
                Ok(Ok(file)) => return Ok(Some(Lock { file: Some(file) })),
                Ok(Err(error)) => return Err(error),
                Err(_) if left <= pause || needless() => return Ok(None),
                Err(_) => pause = (pause * 2).min(LAST_LOOK),
            }
        }
    }

    /// As [`Lock::acquire`], without waiting.
    pub fn try_acquire(path: &Path) -> io::Result<Option<Lock>> {
        let file = open_in_place(path)?;
        Ok(try_file(&file)?.map(|lock| lock.into_lock(file)))
    }
}

impl Lock {
    /// Lets every child that is started from now on hold the lock too: it is free when all of them have ended.
    pub fn hand_down(&self) -> io::Result<()> {
        match &self.file {
            Some(file) => Ok(rustix::io::fcntl_setfd(file, rustix::io::FdFlags::empty())?),
            None => Ok(()),
        }
    }

    /// Tells whether the file system has locks, so that holding one proves something.
    pub fn excludes(&self) -> bool {
        self.file.is_some()
    }
}

/// Whether a lock that was given excludes anybody.
enum Given {
    Excludes,
    Unsupported,
}

impl Given {
    fn into_lock(self, file: File) -> Lock {
        match self {
            Given::Excludes => Lock { file: Some(file) },
            Given::Unsupported => Lock { file: None },
        }
    }
}

/// Opens a file as it stands for writing, or makes it and the directory that it lies in.
fn open_in_place(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let options = options.create(true).truncate(false).write(true);
    match (options.open(path), path.parent()) {
        (Err(error), Some(dir)) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(dir)?;
            options.open(path)
        }
        (opened, _) => opened,
    }
}

fn try_file(file: &File) -> io::Result<Option<Given>> {
    match file.try_lock() {
        Ok(()) => Ok(Some(Given::Excludes)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) if is_unsupported(&error) => Ok(Some(Given::Unsupported)),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn is_unsupported(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
        || error.raw_os_error() == Some(rustix::io::Errno::NOLCK.raw_os_error())
}

/// Replaces `path` with `bytes` by a rename in the same directory.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temp = prepare(path, bytes)?;
    let renamed = fs::rename(&temp, path);
    if renamed.is_err() {
        // Best effort: the error that is returned says more than a left-over file.
        let _ = fs::remove_file(&temp);
    }
    renamed
}

/// Writes `bytes` over the beginning of a file, in place: no name changes and no length shrinks, so nothing waits for a disk.
///
/// For records of one length, of which a reader takes no notice if they are torn.
pub fn overwrite(path: &Path, bytes: &[u8]) -> io::Result<()> {
    open_in_place(path)?.write_all(bytes)
}

/// Writes what is to become `path` beside it, with its mode.
fn prepare(path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temp = dir.join(format!(".{name}.{}.tmp", std::process::id()));
    let written = File::create(&temp)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| match fs::metadata(path) {
            Ok(old) => fs::set_permissions(&temp, old.permissions()),
            Err(_) => Ok(()),
        });
    if let Err(error) = written {
        // Best effort, as above.
        let _ = fs::remove_file(&temp);
        return Err(error);
    }
    Ok(temp)
}

/// Has the disk begin with what was written to a file, and waits for no more than that.
///
/// A rename that follows is then on the disk after the content, or a moment before it, and not the half minute that
/// the kernel keeps new content back for.
pub fn begin_writeback(file: &fs::File) {
    // Content that nobody needs in memory is written at once; what is being written stays there all the same. A file
    // system that takes no advice writes when it likes, as it does for everybody.
    #[cfg(target_os = "linux")]
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
    #[cfg(not(target_os = "linux"))]
    let _ = rustix::fs::fsync(file);
}

/// Makes a directory, with those above it, that nobody else can look into.
pub fn private_dir(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Makes a file one that nobody else can read.
pub fn private_file(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

/// Reads at most `cap` bytes of a file; an absent one is `None`.
pub fn read_capped(path: &Path, cap: usize) -> io::Result<Option<Vec<u8>>> {
    use std::io::Read;
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(u64::try_from(cap).unwrap_or(u64::MAX))
        .read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Reads at most `cap` bytes of what is a file itself: no link is followed, no pipe is waited for. Anything else is `None`.
pub fn read_plain(path: &Path, cap: usize) -> io::Result<Option<Vec<u8>>> {
    use std::{io::Read, os::unix::fs::OpenOptionsExt};
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(u64::try_from(cap).unwrap_or(u64::MAX))
        .read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Returns the age of a file by the clock of its file system, which `probe` (touched for it) tells.
pub fn age(meta: &fs::Metadata, probe: &Path) -> io::Result<Duration> {
    // A write of nothing may leave the time as it was.
    fs::write(probe, b"now\n")?;
    let now = fs::metadata(probe)?.modified()?;
    Ok(now.duration_since(meta.modified()?).unwrap_or_default())
}

/// Removes a file; an absent one is no error.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Wakes when something below some directories changes.
#[derive(Debug)]
pub struct Watch {
    _watcher: Option<notify::RecommendedWatcher>,
    events: mpsc::Receiver<()>,
    /// Kept so that a missing watcher does not look like an endless stream of events.
    _sender: mpsc::Sender<()>,
}

impl Watch {
    /// Starts listening; what cannot be listened to is left to the clock.
    pub fn below(dirs: &[std::path::PathBuf]) -> Self {
        use notify::{EventKind, RecursiveMode, Watcher};
        let (sender, events) = mpsc::channel();
        let heard = sender.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !matches!(event.kind, EventKind::Access(_))) {
                // The receiver is gone only when nobody waits any more.
                let _ = heard.send(());
            }
        });
        let mut watcher = watcher.ok();
        for dir in dirs {
            if let Some(watcher) = &mut watcher {
                // A directory that is gone by now cannot change.
                let _ = watcher.watch(dir, RecursiveMode::Recursive);
            }
        }
        Watch {
            _watcher: watcher,
            events,
            _sender: sender,
        }
    }

    /// Waits for a change, at most `limit`, and then until none came for as long as `settled`.
    pub fn wait(&self, limit: Duration, settled: Duration) {
        if self.events.recv_timeout(limit).is_ok() {
            while self.events.recv_timeout(settled).is_ok() {}
        }
    }
}
