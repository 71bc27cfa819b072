//! The shared index after a commit: the committed entries are taken over, everything else stays.
//!
//! The index is read after `index.lock` is held, so nothing a sibling staged is
//! lost. The lock is a hard link to a file of ours, whose inode stands in a
//! journal before HEAD moves: after a kill whoever waits for the lock knows that
//! it is a dead process's and removes it, and the next commit finishes what was begun.

use crate::{
    base::id::ProcessId,
    error::{Context, Error, Kind, Result},
    fs::Lock,
    git::{
        Oid, Repo, index,
        index::{Change, Stat, Unsupported},
        refs, run, trees,
    },
    host,
};
use gix::bstr::{BString, ByteSlice};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::Write as _,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// How long we wait for somebody else's `index.lock`.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often we look meanwhile whether that is a dead process's.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A commit that has begun: what a later command needs to finish it.
#[derive(Debug, Serialize, Deserialize)]
struct Journal {
    process: ProcessId,
    /// The worktree's git directory.
    git_dir: PathBuf,
    /// Of our lock file; 0 once that is known to be gone, for the number may be another file's by then.
    inode: u64,
    /// HEAD before the commit, if it had one.
    parent: Option<String>,
    /// The named paths.
    paths: Vec<String>,
}

/// A commit under way; dropping it leaves nothing behind but, if the index could not be written, the journal.
#[derive(Debug)]
pub struct Pending<'a> {
    repo: &'a Repo,
    journal: PathBuf,
    temp: PathBuf,
    locked: bool,
    unfinished: bool,
}

impl Journal {
    fn save(&self, path: &Path) -> Result<()> {
        let text = toml::to_string(self)
            .context(Kind::Internal, || "the journal has no file form".to_owned())?;
        crate::fs::replace(path, text.as_bytes()).context(Kind::Setup, || {
            format!("{} cannot be written", path.display())
        })
    }
}

fn journals(repo: &Repo) -> PathBuf {
    repo.ccc_dir().join("pending")
}

fn index_path(repo: &Repo) -> PathBuf {
    repo.git_dir().join("index")
}

fn lock_path(repo: &Repo) -> PathBuf {
    repo.git_dir().join("index.lock")
}

impl<'a> Pending<'a> {
    /// Writes the journal; call before HEAD moves.
    pub fn begin(repo: &'a Repo, parent: Option<Oid>, paths: &[BString]) -> Result<Self> {
        let pid = std::process::id();
        let temp = repo.git_dir().join(format!("ccc-index.{pid}"));
        let journal = journals(repo).join(pid.to_string());
        let shown = temp.display().to_string();
        let unwritable = || format!("{shown} cannot be written");
        let file = fs::File::create(&temp).context(Kind::Setup, unwritable)?;
        let inode = file.metadata().context(Kind::Setup, unwritable)?.ino();
        let process = host::process(pid)
            .ok_or_else(|| Error::internal("this process cannot be found on its own host"))?;
        let entry = Journal {
            process,
            git_dir: repo.git_dir().to_owned(),
            inode,
            parent: parent.map(|oid| oid.to_string()),
            paths: paths.iter().map(ToString::to_string).collect(),
        };
        let pending = Pending {
            repo,
            journal,
            temp,
            locked: false,
            unfinished: false,
        };
        entry.save(&pending.journal)?;
        Ok(pending)
    }

    /// Takes a place among our own commits that wait for `index.lock`: git's lock has no queue.
    fn queue(&self) -> Result<Option<Lock>> {
        let name = format!("index-{}.flock", self.repo.worktree_name());
        let path = self.repo.ccc_dir().join(name);
        Lock::acquire(&path, PATIENCE).context(Kind::Setup, || {
            format!("{} cannot be locked", path.display())
        })
    }

    /// Takes `index.lock`, waiting for whoever has it.
    pub fn lock(&mut self) -> Result<()> {
        let path = lock_path(self.repo);
        let until = Instant::now() + PATIENCE;
        let mut look = Instant::now() + LOOK_EVERY;
        let mut pause = Duration::from_micros(200);
        while let Err(error) = fs::hard_link(&self.temp, &path) {
            if error.kind() != std::io::ErrorKind::AlreadyExists {
                return Err(
                    Error::setup(format!("{} cannot be created", path.display())).caused_by(&error),
                );
            }
            if Instant::now() >= until {
                return Err(Error::busy(format!(
                    "{} has been held for {} s",
                    path.display(),
                    PATIENCE.as_secs()
                ))
                .hint("git ccc doctor"));
            }
            if Instant::now() >= look {
                remove_stale_lock(self.repo)?;
                look = Instant::now() + LOOK_EVERY;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(10));
        }
        self.locked = true;
        Ok(())
    }

    /// Takes changes over into the shared index; they are asked for once it is locked.
    ///
    /// HEAD has moved by now. If the index cannot follow, the next command finds the journal and finishes.
    pub fn adopt(mut self, changes: impl FnOnce() -> Result<Vec<Change>>) -> Result<()> {
        let done = self.take_over(changes);
        self.unfinished = done.is_err();
        done
    }

    fn take_over(&mut self, changes: impl FnOnce() -> Result<Vec<Change>>) -> Result<()> {
        let _turn = if self.locked {
            None
        } else {
            let turn = self.queue()?;
            self.lock()?;
            turn
        };
        let changes = changes()?;
        if changes.is_empty() {
            return Ok(());
        }
        let path = index_path(self.repo);
        match patched(self.repo, &path, &changes)? {
            Ok(bytes) => {
                let unwritable = || format!("{} cannot be written", path.display());
                let mut file = fs::File::create(&self.temp).context(Kind::Setup, unwritable)?;
                file.write_all(&bytes).context(Kind::Setup, unwritable)?;
                fs::rename(lock_path(self.repo), &path).context(Kind::Setup, unwritable)?;
                self.locked = false;
            }
            // A format we do not patch: git edits a copy, which then takes the same way.
            Err(_) => self.adopt_by_git(&path, &changes)?,
        }
        Ok(())
    }

    fn adopt_by_git(&mut self, path: &Path, changes: &[Change]) -> Result<()> {
        let unwritable = || format!("{} cannot be written", path.display());
        let copy = self
            .repo
            .git_dir()
            .join(format!("ccc-copy.{}", std::process::id()));
        copy_index(path, &copy).context(Kind::Setup, unwritable)?;
        let mut input = Vec::new();
        let null = Oid::null(self.repo.hash());
        for change in changes {
            let (mode, oid, path) = match change {
                Change::Set {
                    path, oid, mode, ..
                } => (*mode, *oid, path),
                Change::Remove { path } => (0, null, path),
            };
            // Removing first also clears conflict stages.
            input.extend(format!("0 {null}\t{path}\0").into_bytes());
            if mode != 0 {
                input.extend(format!("{mode:o} {oid}\t{path}\0").into_bytes());
            }
        }
        let cmd = run::on(self.repo)
            .env("GIT_INDEX_FILE", &copy)
            .args(["update-index", "-z", "--index-info"])
            .input(input);
        let done = run::checked(cmd, "update the index");
        let done = done.and_then(|_| {
            // Fills in the lstat of the new entries; a file that differs is not an error here.
            run::on(self.repo)
                .env("GIT_INDEX_FILE", &copy)
                .args(["update-index", "-q", "--refresh"])
                .run()?;
            fs::rename(&copy, &self.temp).context(Kind::Setup, unwritable)?;
            fs::rename(&self.temp, path).context(Kind::Setup, unwritable)
        });
        // Only present if something above failed.
        let _ = fs::remove_file(&copy);
        done
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if self.locked {
            // The lock is ours by construction; leaving it would stop everybody.
            let _ = fs::remove_file(lock_path(self.repo));
        }
        // What cannot be removed is swept by the next commit.
        let _ = fs::remove_file(&self.temp);
        if !self.unfinished {
            let _ = fs::remove_file(&self.journal);
        }
    }
}

/// Copies an index with its time: git suspects the entries that are as young as their index, and a younger copy would clear them.
pub fn copy_index(from: &Path, to: &Path) -> std::io::Result<()> {
    let mut source = match fs::File::open(from) {
        Ok(source) => source,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut target = fs::File::create(to)?;
    std::io::copy(&mut source, &mut target)?;
    target.set_modified(source.metadata()?.modified()?)
}

fn patched(repo: &Repo, path: &Path, changes: &[Change]) -> Result<Result<Vec<u8>, Unsupported>> {
    let unreadable = || format!("{} cannot be read", path.display());
    let old = match fs::File::open(path) {
        Ok(mut file) => {
            let mtime = file.metadata().context(Kind::Setup, unreadable)?.mtime();
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut file, &mut bytes).context(Kind::Setup, unreadable)?;
            Some((bytes, u32::try_from(mtime).unwrap_or(0)))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).context(Kind::Setup, unreadable),
    };
    let old = old.as_ref().map(|(bytes, mtime_s)| index::Old {
        bytes,
        mtime_s: *mtime_s,
    });
    Ok(index::patch(old, repo.hash(), changes))
}

/// Lists the journals of processes that were killed in this worktree.
fn crashed(repo: &Repo) -> Vec<(PathBuf, Journal)> {
    let entries = fs::read_dir(journals(repo)).into_iter().flatten().flatten();
    let journals = entries.filter_map(|entry| {
        // A journal that is being written or was just removed is nobody's crash.
        let text = fs::read_to_string(entry.path()).ok()?;
        Some((entry.path(), toml::from_str::<Journal>(&text).ok()?))
    });
    journals
        .filter(|(_, journal)| journal.git_dir == repo.git_dir())
        .filter(|(_, journal)| !host::is_running(&journal.process))
        .collect()
}

/// Takes the right to change what killed processes have left; it takes a moment.
fn recovery_lock(repo: &Repo) -> Result<Lock> {
    let name = format!("index-{}.recovery.flock", repo.worktree_name());
    let path = repo.ccc_dir().join(name);
    let lock = Lock::acquire(&path, PATIENCE).context(Kind::Setup, || {
        format!("{} cannot be locked", path.display())
    })?;
    lock.ok_or_else(|| Error::busy(format!("{} is held", path.display())).hint("git ccc doctor"))
}

/// Removes the `index.lock` of processes that were killed in this worktree.
fn remove_stale_lock(repo: &Repo) -> Result<()> {
    if crashed(repo).iter().all(|(_, journal)| journal.inode == 0) {
        return Ok(());
    }
    let _recovery = recovery_lock(repo)?;
    let lock = lock_path(repo);
    // Looked at again: somebody else may have been here, and the inode be a live lock's by now.
    for (path, mut journal) in crashed(repo) {
        if fs::symlink_metadata(&lock).is_ok_and(|meta| meta.ino() == journal.inode) {
            crate::fs::remove(&lock).context(Kind::Setup, || left(&lock))?;
        }
        if journal.inode != 0 {
            journal.inode = 0;
            journal.save(&path)?;
        }
    }
    Ok(())
}

fn left(path: &Path) -> String {
    format!(
        "{} was left by a crash and cannot be removed",
        path.display()
    )
}

/// Finishes the commits of processes that were killed in this worktree; returns how many. The caller holds the lane.
pub fn recover(repo: &Repo) -> Result<usize> {
    remove_stale_lock(repo)?;
    let mut crashed = crashed(repo);
    // Who has died since then may have left its lock, and is for the next one.
    crashed.retain(|(_, journal)| journal.inode == 0);
    for (path, journal) in &crashed {
        finish(repo, journal)?;
        let _recovery = recovery_lock(repo)?;
        crate::fs::remove(path).context(Kind::Setup, || left(path))?;
    }
    Ok(crashed.len())
}

fn finish(repo: &Repo, journal: &Journal) -> Result<()> {
    for name in ["ccc-index", "ccc-copy", "ccc-private"] {
        let name = format!("{name}.{}", journal.process.pid);
        let path = repo.git_dir().join(name);
        crate::fs::remove(&path).context(Kind::Setup, || left(&path))?;
    }
    let parent = journal.parent.as_ref();
    let parent = parent.and_then(|hex| Oid::from_hex(hex.as_bytes()).ok());
    let head = refs::find(repo, "HEAD")?;
    let changes = || unadopted(repo, parent, head, &journal.paths);
    if head == parent || changes()?.is_empty() {
        return Ok(());
    }
    // Asked again once nobody can stage: what a sibling stages until then is its own.
    Pending::begin(repo, head, &[])?.adopt(changes)
}

/// Returns the paths whose index entry still is what HEAD had before the commit, with what HEAD has now.
fn unadopted(
    repo: &Repo,
    parent: Option<Oid>,
    head: Option<Oid>,
    paths: &[String],
) -> Result<Vec<Change>> {
    let (before, after) = (
        trees::of_or_empty(repo, parent)?,
        trees::of_or_empty(repo, head)?,
    );
    let bytes = fs::read(index_path(repo)).unwrap_or_default();
    let mut changes = Vec::new();
    for path in paths {
        let path: BString = path.as_str().into();
        let old = trees::lookup(repo, before, path.as_bstr())?;
        let new = trees::lookup(repo, after, path.as_bstr())?;
        let staged = index::entry(&bytes, repo.hash(), path.as_bstr())
            .ok()
            .flatten()
            .map(|entry| (entry.oid, entry.mode));
        if staged == old && old != new {
            changes.push(match new {
                Some((oid, mode)) => Change::Set {
                    path,
                    oid,
                    mode,
                    stat: Stat::default(),
                },
                None => Change::Remove { path },
            });
        }
    }
    Ok(changes)
}
