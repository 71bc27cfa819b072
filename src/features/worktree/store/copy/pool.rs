//! Directories copied by several threads.
//!
//! The work is the kernel's: names are made, inodes written, extents shared. Two directories are made at the same time without
//! getting in each other's way, names in one directory one after the other. Whoever is free takes what was found last, so few
//! directories are open at a time, and what is open is reached by one step.

use super::{
    Work,
    file::{Worker, linked},
    place,
};
use crate::{
    features::worktree::store::include::Item,
    fs::beneath::{Dir, Entry, Meta, Sort},
};
use std::{
    collections::HashMap,
    ffi::OsStr,
    io::{Error as IoError, Result as IoResult},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, atomic::Ordering::Relaxed},
};

/// So many files of one directory are a job; a larger one is shared.
const BATCH: usize = 256;
/// Below so many directories one is reached from the root again: what is open is counted in most places.
const DEEP: usize = 24;
/// The most threads: more stand in each other's way in most file systems.
const THREADS: usize = 4;
/// How many locks the names of files with several names are spread over.
const SHARDS: usize = 64;

/// A directory and the copy of it.
pub(super) struct Pair {
    pub(super) source: Dir,
    pub(super) target: Dir,
}

enum Job {
    /// A directory that is not there yet, with the one above it unless that lies too deep.
    Dir(PathBuf, Option<Arc<Pair>>),
    /// Some of what is in a directory.
    Some(PathBuf, Arc<Pair>, Vec<Entry>),
}

#[derive(Default)]
struct Jobs {
    open: Vec<Job>,
    busy: usize,
    failed: Option<IoError>,
}

/// One item on its way.
struct Pool<'a> {
    work: &'a Work<'a>,
    from: &'a Dir,
    to: &'a Dir,
    item: &'a Item,
    /// The first name here of each file that has several.
    names: [Mutex<HashMap<(u64, u64), PathBuf>>; SHARDS],
    jobs: Mutex<Jobs>,
    news: Condvar,
}

/// Copies an item from one tree to the same place in another one.
pub(super) fn copy(work: &Work<'_>, (from, to): (&Dir, &Dir), item: &Item) -> IoResult<()> {
    let pool = Pool {
        work,
        from,
        to,
        item,
        names: std::array::from_fn(|_| Mutex::default()),
        jobs: Mutex::default(),
        news: Condvar::new(),
    };
    let (source, name) = place(from, &item.path, false)?;
    let (target, _) = place(to, &item.path, true)?;
    let pair = Pair { source, target };
    if !item.dir {
        let entry = Entry { name, sort: None };
        pool.entry(&pair, &mut Worker::default(), &entry, &item.path)?;
        work.tell();
        return Ok(());
    }
    pool.jobs().open = vec![Job::Dir(item.path.clone(), Some(Arc::new(pair)))];
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 1..threads.min(THREADS) {
            scope.spawn(|| pool.serve());
        }
        pool.serve();
    });
    match pool.jobs().failed.take() {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool<'_> {
    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        locked(&self.jobs)
    }

    /// Takes jobs until there are none and nobody can find another one.
    fn serve(&self) {
        let mut worker = Worker::default();
        let mut jobs = self.jobs();
        loop {
            if jobs.failed.is_some() {
                return;
            }
            let Some(job) = jobs.open.pop() else {
                if jobs.busy == 0 {
                    self.news.notify_all();
                    return;
                }
                jobs = self.news.wait(jobs).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            jobs.busy += 1;
            drop(jobs);
            let done = match job {
                Job::Dir(path, above) => self.dir(&mut worker, &path, above),
                Job::Some(path, pair, entries) => self
                    .entries(&mut worker, &pair, &path, &entries)
                    .map(|()| Vec::new()),
            };
            self.work.tell();
            jobs = self.jobs();
            jobs.busy -= 1;
            match done {
                Ok(found) => jobs.open.extend(found),
                Err(error) => {
                    jobs.failed.get_or_insert(error);
                }
            }
            self.news.notify_all();
        }
    }

    /// Makes the copy of a directory, with what is directly in it, and returns what else there is to do.
    fn dir(
        &self,
        worker: &mut Worker,
        path: &Path,
        above: Option<Arc<Pair>>,
    ) -> IoResult<Vec<Job>> {
        let at = |error| said(path, &error);
        let above = match above {
            Some(above) => above,
            None => Arc::new(self.reach(path).map_err(at)?),
        };
        let name = path.file_name().unwrap_or_default();
        let source = above.source.child(name).map_err(at)?;
        let mut entries = source.entries().map_err(at)?;
        // A worktree in it is one of somebody's, and would be of the same branch twice.
        if path != self.item.path && is_worktree(&source, &entries).map_err(at)? {
            self.work.counts.skipped.fetch_add(1, Relaxed);
            return Ok(Vec::new());
        }
        let mode = source.mode().map_err(at)?;
        let target = above.target.make(name, mode | 0o700).map_err(at)?;
        drop(above);
        let pair = Arc::new(Pair { source, target });
        let mut jobs = Vec::new();
        let deep = path.components().count() >= DEEP;
        let mut dirs = Vec::new();
        for n in (0..entries.len()).rev() {
            if pair.source.sort(&entries[n]).map_err(at)? == Sort::Dir {
                dirs.push(entries.swap_remove(n));
            }
        }
        jobs.extend(dirs.into_iter().map(|entry| {
            let above = (!deep).then(|| Arc::clone(&pair));
            Job::Dir(path.join(entry.name), above)
        }));
        while entries.len() > 2 * BATCH {
            let some = entries.split_off(entries.len() - BATCH);
            jobs.push(Job::Some(path.to_owned(), Arc::clone(&pair), some));
        }
        if jobs.len() > 1 && !entries.is_empty() {
            // Others begin with what was found, and not when this is done.
            jobs.push(Job::Some(path.to_owned(), pair, entries));
            return Ok(jobs);
        }
        self.entries(worker, &pair, path, &entries)?;
        Ok(jobs)
    }

    /// Opens what a directory and its copy lie in.
    fn reach(&self, path: &Path) -> IoResult<Pair> {
        let above = path.parent().unwrap_or(Path::new(""));
        Ok(Pair {
            source: self.from.descend(above, false)?,
            target: self.to.descend(above, false)?,
        })
    }

    fn entries(
        &self,
        worker: &mut Worker,
        pair: &Pair,
        path: &Path,
        entries: &[Entry],
    ) -> IoResult<()> {
        worker.enter();
        for entry in entries {
            let path = path.join(&entry.name);
            self.entry(pair, worker, entry, &path)
                .map_err(|error| said(&path, &error))?;
        }
        Ok(())
    }

    /// Copies what is no directory.
    fn entry(&self, pair: &Pair, worker: &mut Worker, entry: &Entry, path: &Path) -> IoResult<()> {
        match pair.source.sort(entry)? {
            Sort::Link => {
                let target = pair.source.read_link(&entry.name)?;
                pair.target.symlink(&target, &entry.name)
            }
            Sort::File => self.file(pair, worker, &entry.name, path),
            Sort::Dir | Sort::Other => {
                self.work.counts.skipped.fetch_add(1, Relaxed);
                Ok(())
            }
        }
    }

    fn file(&self, pair: &Pair, worker: &mut Worker, name: &OsStr, path: &Path) -> IoResult<()> {
        let file = match pair.source.read(name) {
            Ok(file) => file,
            Err(error) => {
                // What may not be read may yet get one more name.
                let meta = pair.source.meta(name)?;
                return if linked(self.work, pair, name, (&meta, self.item.immutable)) {
                    Ok(())
                } else {
                    Err(error)
                };
            }
        };
        let old = file.metadata()?;
        let meta = Meta::from(&old);
        if meta.sort != Sort::File {
            self.work.counts.skipped.fetch_add(1, Relaxed);
            return Ok(());
        }
        if linked(self.work, pair, name, (&meta, self.item.immutable)) {
            return Ok(());
        }
        let mut copy = || worker.copy(self.work, &pair.target, name, (&file, &old));
        if meta.links < 2 {
            return copy();
        }
        // Held while the first of them is copied, so that the second finds it whole.
        let shard = usize::try_from(meta.id.1 % SHARDS as u64).unwrap_or(0);
        let mut names = locked(&self.names[shard]);
        if let Some(first) = names.get(&meta.id) {
            let (dir, first) = place(self.to, first, false)?;
            self.work.counts.files.fetch_add(1, Relaxed);
            return pair.target.link(name, (&dir, &first));
        }
        copy()?;
        names.insert(meta.id, path.to_owned());
        Ok(())
    }
}

fn is_worktree(dir: &Dir, entries: &[Entry]) -> IoResult<bool> {
    match entries.iter().find(|entry| entry.name == ".git") {
        Some(entry) => Ok(dir.sort(entry)? == Sort::File),
        None => Ok(false),
    }
}

/// Says where it went wrong: an item may be of many thousand files.
fn said(path: &Path, error: &IoError) -> IoError {
    let shown = crate::base::text::one_line(&path.to_string_lossy(), 200);
    IoError::new(error.kind(), format!("{shown}: {error}"))
}
