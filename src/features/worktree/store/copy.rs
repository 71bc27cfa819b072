//! Bringing files and directories into a new worktree: shared bytes where the file system can, hard links where that is
//! safe, else copies by several threads.
//!
//! Modes, times, links and hard links among the files stay as they are. Links are copied as links and never followed.
//! Something that cannot be copied whole is left out whole, and said: half a `node_modules` is worse than none.

use super::include::Item;
use crate::{
    base::text::one_line,
    error::{Context, Kind, Result},
    fs::beneath::{Dir, Meta, Sort, share},
};
use std::{
    collections::{HashMap, VecDeque},
    ffi::{OsStr, OsString},
    io::{self, Error as IoError},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

/// So much stays free on the disk: a full one stops everybody's work.
const RESERVE: u64 = 512 << 20;
/// After so many bytes the disk is asked how full it is.
const ASK: u64 = 64 << 20;
/// The most threads: they wait for the disk more than they work.
const THREADS: usize = 4;

/// Why a directory is not brought along that is there already.
pub const THERE: &str = "the new worktree has it already";

/// What was brought along.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brought {
    /// The entries that were named: path and, of a directory, a slash.
    pub entries: Vec<String>,
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Of these, bytes that are shared until changed.
    pub shared: u64,
    /// Of these, bytes of files that have one more name now.
    pub linked: u64,
    /// What was left out, and why.
    pub left_out: Vec<(String, String)>,
}

/// What all threads count.
#[derive(Default)]
struct Counts {
    files: AtomicU64,
    bytes: AtomicU64,
    shared: AtomicU64,
    linked: AtomicU64,
    asked: AtomicU64,
    skipped: AtomicU64,
}

/// One item on its way.
struct Copy<'a> {
    from: &'a Dir,
    to: &'a Dir,
    immutable: bool,
    counts: &'a Counts,
    shares: &'a AtomicBool,
    /// The first name here of each file that has several.
    names: Mutex<HashMap<(u64, u64), PathBuf>>,
    work: Mutex<Work>,
    news: Condvar,
}

#[derive(Default)]
struct Work {
    dirs: VecDeque<PathBuf>,
    busy: usize,
    failed: Option<IoError>,
}

/// Hears how many of how many bytes are copied.
pub type Tell<'a> = dyn Fn(u64, u64) + Sync + 'a;

/// Brings items from one tree into another one that has none of them.
pub fn bring(from: &Path, to: &Path, items: &[Item], tell: Option<&Tell<'_>>) -> Result<Brought> {
    let mut done = Brought::default();
    if items.is_empty() {
        return Ok(done);
    }
    let open = |path: &Path| {
        Dir::root(path).context(Kind::Setup, || {
            format!("{} cannot be opened", path.display())
        })
    };
    let (source, target) = (open(from)?, open(to)?);
    let (counts, shares) = (Counts::default(), AtomicBool::new(true));
    // Adding up takes time of its own: only for somebody who watches.
    let total = tell.map_or(0, |_| {
        items.iter().map(|item| size(&source, &item.path)).sum()
    });
    for item in items {
        let copy = Copy {
            from: &source,
            to: &target,
            immutable: item.immutable,
            counts: &counts,
            shares: &shares,
            names: Mutex::default(),
            work: Mutex::default(),
            news: Condvar::new(),
        };
        let told = || {
            if let Some(tell) = tell {
                tell(counts.bytes.load(Relaxed), total);
            }
        };
        let shown = one_line(&item.path.to_string_lossy(), 200);
        let copied = if item.dir {
            copy.directory(&item.path, &told)
        } else {
            copy.one(&item.path)
        };
        match copied {
            Ok(()) if item.dir => done.entries.push(format!("{shown}/")),
            Ok(()) => done.entries.push(shown),
            Err(error) => {
                // Only what we made ourselves just now can be there: nothing else was.
                if item.dir && error.kind() != io::ErrorKind::AlreadyExists {
                    let _ = std::fs::remove_dir_all(to.join(&item.path));
                }
                done.left_out.push((shown, error.to_string()));
            }
        }
    }
    counts.into(&mut done);
    Ok(done)
}

impl Counts {
    fn into(self, done: &mut Brought) {
        let skipped = self.skipped.into_inner();
        if skipped > 0 {
            let what = format!("{skipped} that are no files, directories or links");
            done.left_out.push((what, "not copied".to_owned()));
        }
        done.files = self.files.into_inner();
        done.bytes = self.bytes.into_inner();
        done.shared = self.shared.into_inner();
        done.linked = self.linked.into_inner();
    }
}

/// Adds up a file or directory, for the bar.
fn size(root: &Dir, path: &Path) -> u64 {
    let mut total = 0;
    let mut rest = vec![path.to_owned()];
    while let Some(path) = rest.pop() {
        let Some((dir, name)) = place(root, &path, false).ok() else {
            continue;
        };
        match dir.meta(&name) {
            Ok(meta) if meta.sort == Sort::File => total += meta.size,
            Ok(meta) if meta.sort == Sort::Dir => {
                let names = dir.child(&name).and_then(|dir| dir.names());
                rest.extend(
                    names
                        .unwrap_or_default()
                        .into_iter()
                        .map(|name| path.join(name)),
                );
            }
            _ => {}
        }
    }
    total
}

/// Opens the directory of a path; those above it are made if that is wanted.
fn place(root: &Dir, path: &Path, make: bool) -> io::Result<(Dir, OsString)> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let dir = root.descend(path.parent().unwrap_or(Path::new("")), make)?;
    Ok((dir, name.to_owned()))
}

impl Copy<'_> {
    /// Copies one file or link.
    fn one(&self, path: &Path) -> io::Result<()> {
        let (source, name) = place(self.from, path, false)?;
        let (target, _) = place(self.to, path, true)?;
        let meta = source.meta(&name)?;
        self.entry((&source, &target), &name, &meta, path)
    }

    /// Copies a directory and all that is in it.
    fn directory(&self, path: &Path, tell: &(dyn Fn() + Sync)) -> io::Result<()> {
        let (source, name) = place(self.from, path, false)?;
        let (target, _) = place(self.to, path, true)?;
        if target.meta(&name).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, THERE));
        }
        let meta = source.meta(&name)?;
        target.make(&name, meta.mode | 0o700)?;
        self.lock().dirs.push_back(path.to_owned());
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 1..threads.min(THREADS) {
                scope.spawn(|| self.serve(&|| {}));
            }
            self.serve(tell);
        });
        match self.lock().failed.take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes directories until there are none and nobody can find another one.
    fn serve(&self, tell: &dyn Fn()) {
        let mut work = self.lock();
        loop {
            if work.failed.is_some() {
                return;
            }
            let Some(path) = work.dirs.pop_back() else {
                if work.busy == 0 {
                    self.news.notify_all();
                    return;
                }
                work = self.news.wait(work).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            work.busy += 1;
            drop(work);
            let done = self.level(&path);
            tell();
            work = self.lock();
            work.busy -= 1;
            match done {
                Ok(dirs) => work.dirs.extend(dirs),
                Err(error) => {
                    work.failed.get_or_insert(error);
                }
            }
            self.news.notify_all();
        }
    }

    /// Copies what is directly in a directory; the directories in it are made and returned.
    fn level(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let (source, target) = (
            self.from.descend(path, false)?,
            self.to.descend(path, false)?,
        );
        let mut dirs = Vec::new();
        for name in source.names()? {
            let meta = source.meta(&name)?;
            let below = path.join(&name);
            if meta.sort == Sort::Dir {
                // A worktree in it is one of somebody's, and would be of the same branch twice.
                let pointer = source.child(&name)?.meta(OsStr::new(".git"));
                if pointer.is_ok_and(|meta| meta.sort == Sort::File) {
                    self.counts.skipped.fetch_add(1, Relaxed);
                    continue;
                }
                target.make(&name, meta.mode | 0o700)?;
                dirs.push(below);
            } else {
                self.entry((&source, &target), &name, &meta, &below)?;
            }
        }
        Ok(dirs)
    }

    fn entry(
        &self,
        (source, target): (&Dir, &Dir),
        name: &OsStr,
        meta: &Meta,
        path: &Path,
    ) -> io::Result<()> {
        match meta.sort {
            Sort::Link => target.symlink(&source.read_link(name)?, name),
            Sort::File if meta.links > 1 && !self.immutable => {
                // Held while the first of them is copied, so that the second finds it whole.
                let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(first) = names.get(&meta.id) {
                    let (dir, first) = place(self.to, first, false)?;
                    self.counts.files.fetch_add(1, Relaxed);
                    return target.link(name, (&dir, &first));
                }
                self.file((source, target), name, meta)?;
                names.insert(meta.id, path.to_owned());
                Ok(())
            }
            Sort::File => self.file((source, target), name, meta),
            Sort::Dir | Sort::Other => {
                self.counts.skipped.fetch_add(1, Relaxed);
                Ok(())
            }
        }
    }

    fn file(&self, (source, target): (&Dir, &Dir), name: &OsStr, meta: &Meta) -> io::Result<()> {
        // What nobody may write to is replaced and not changed by whoever wants another content.
        let safe = self.immutable || meta.mode & 0o222 == 0;
        if safe && target.link(name, (source, name)).is_ok() {
            self.counts.files.fetch_add(1, Relaxed);
            self.counts.linked.fetch_add(meta.size, Relaxed);
            self.counts.bytes.fetch_add(meta.size, Relaxed);
            return Ok(());
        }
        let from = source.read(name)?;
        let to = target.create(name, meta.mode | 0o200)?;
        let shared = self.shares.load(Relaxed) && self.share(&from, &to);
        if shared {
            self.counts.shared.fetch_add(meta.size, Relaxed);
        } else {
            self.require_room(target, meta.size)?;
            io::copy(&mut &from, &mut &to)?;
        }
        let old = from.metadata()?;
        to.set_permissions(std::fs::Permissions::from_mode(meta.mode))?;
        // Builds compare times.
        let times = std::fs::FileTimes::new().set_modified(old.modified()?);
        to.set_times(times)?;
        self.counts.files.fetch_add(1, Relaxed);
        self.counts.bytes.fetch_add(meta.size, Relaxed);
        Ok(())
    }

    /// Shares the bytes; a file system that cannot is not asked again.
    fn share(&self, from: &std::fs::File, to: &std::fs::File) -> bool {
        let done = share(from, to).is_ok();
        if !done {
            self.shares.store(false, Relaxed);
        }
        done
    }

    fn require_room(&self, target: &Dir, size: u64) -> io::Result<()> {
        let before = self.counts.asked.fetch_add(size, Relaxed);
        if before / ASK == (before + size) / ASK {
            return Ok(());
        }
        if target.free()? < RESERVE.saturating_add(size) {
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                "less than 512 MiB of the disk would be free",
            ));
        }
        Ok(())
    }
}
