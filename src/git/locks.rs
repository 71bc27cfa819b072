//! Lock files that a kill left behind: whose they are, and when they may go.
//!
//! A lock is a file beside what it guards, and git closes it while it holds it: neither its age nor an open descriptor
//! proves that it is dead. None is removed unless the log's flock is held and one of these holds:
//!
//! 1. **It guards a ref below `refs/ccc/` or `refs/notes/ccc/`**, which only our transactions, `git notes` and git's
//!    packing take, for milliseconds: it is older than ten seconds, and no process of this host that could be one of
//!    these is as old.
//! 2. **It holds the very object** that a transaction of ours was to write there, and we saw that git die. Objects
//!    of ours are unique, so it is no other's; a commit's might not be, so for a branch no git may be left that is
//!    as old as the lock.
//! 3. **It was made while a transaction of ours ran that takes it** (HEAD, its branch, packed-refs, a reftable), and the
//!    git of that transaction is dead: the lock is older than ten seconds, no git that could work in this
//!    repository is as old, and no process has the file open.
//!
//! [`running`] is where transactions are written down, [`holders`] who is looked at. Where a host does not show its
//! processes the first rule goes by age alone, and the third never holds. Every other lock is somebody's: it is
//! reported with its age and who might have it, and a person decides.
//!
//! `packed-refs.new` is no lock, but a git that dies while it writes it stops every later deletion and packing. Only
//! who holds `packed-refs.lock` may touch it, so we take that, and remove the file.

mod holders;
mod running;

pub use running::Running;

use crate::{
    error::{Context, Kind, Result},
    git::{Repo, repo::Backend},
};
use holders::Lock;
use running::{Evidence, Killed, nanos};
use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

/// Where refs are that nobody but this tool, stock `git notes` and git's packing writes.
const OURS: [&str; 2] = ["refs/ccc", "refs/notes/ccc"];
/// A lock this old was not just taken: our transactions take milliseconds.
pub const CRASHED_AFTER: Duration = Duration::from_secs(10);
/// A lock this old stops whoever meets it, if nobody is there who could give it back.
const STUCK_AFTER: Duration = Duration::from_secs(60);
/// A record of a killed transaction that has left no lock is kept so long, for its git may still run.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);
/// A lock holds an object id, or nothing that is compared.
const CONTENT_CAP: usize = 200;

/// A lock that somebody left.
#[derive(Clone, Debug)]
pub struct Left {
    /// The file.
    pub path: PathBuf,
    /// How old it is.
    pub age: Duration,
    /// It is proved to be nobody's any more.
    pub dead: bool,
    /// Who might have it, in words; empty if nobody who can be seen does.
    pub holders: String,
}

impl Left {
    /// Says what is known of it.
    pub fn fact(&self) -> String {
        let (shown, age) = (self.path.display(), self.age.as_secs());
        let whose = if self.dead {
            "a git that was killed left it".to_owned()
        } else if self.holders.is_empty() {
            "nobody is seen here who could have it".to_owned()
        } else {
            format!("{} may have it", self.holders)
        };
        format!("{shown} is {age} s old, and {whose}")
    }
}

/// Removes the locks that are proved dead; the caller holds the log's flock. Returns whether there were any.
pub(super) fn repair(repo: &Repo) -> Result<bool> {
    let killed = running::killed(repo);
    let mut removed = false;
    for path in candidates(repo, &killed) {
        removed |= remove_if_dead(repo, &path, &killed)?;
    }
    removed |= sweep_packed(repo)?;
    for record in &killed {
        let clean = !record.locks(repo).iter().any(|lock| lock.exists());
        if clean && age_of(repo, &record.path)?.is_some_and(|age| age >= FORGOTTEN_AFTER) {
            crate::fs::remove(&record.path).context(Kind::Setup, || unremovable(&record.path))?;
        }
    }
    Ok(removed)
}

/// Lists every lock that is older than ten seconds, for a report; nothing is changed.
pub fn survey(repo: &Repo) -> Result<Vec<Left>> {
    let killed = running::killed(repo);
    let (common, own) = (repo.common_dir(), repo.git_dir());
    let mut paths = candidates(repo, &killed);
    paths.extend(locks_below(&common.join("refs/heads")));
    paths.extend(locks_below(&common.join("reftable")));
    for dir in [common, own] {
        paths.extend(["HEAD.lock", "index.lock"].map(|name| dir.join(name)));
    }
    paths.extend(
        ["packed-refs.lock", "packed-refs.new", "config.lock"].map(|name| common.join(name)),
    );
    paths.sort();
    paths.dedup();
    let mut found = Vec::new();
    for path in paths {
        let Some((meta, age)) = stat(repo, &path)? else {
            continue;
        };
        if age >= CRASHED_AFTER {
            let holders = holders::of(repo, &path, age, kind(repo, &path)).unwrap_or_default();
            found.push(Left {
                dead: is_dead(repo, &path, &meta, age, &killed),
                holders: named(&holders),
                path,
                age,
            });
        }
    }
    Ok(found)
}

/// Says of a lock that stopped us for long, if nobody is seen who could give it back; the log's flock need not be held.
pub(super) fn stuck(repo: &Repo, path: &Path) -> Option<Left> {
    let (_, age) = stat(repo, path).ok()??;
    if age < STUCK_AFTER {
        return None;
    }
    let holders = holders::of(repo, path, age, kind(repo, path)).unwrap_or_default();
    holders.is_empty().then(|| Left {
        path: path.to_owned(),
        age,
        dead: false,
        holders: String::new(),
    })
}

fn named(holders: &[crate::host::Seen]) -> String {
    let named: Vec<String> = holders
        .iter()
        .take(5)
        .map(|seen| {
            let args = crate::base::text::one_line(&seen.args().join(" "), 60);
            format!("process {} ({args})", seen.pid)
        })
        .collect();
    named.join(", ")
}

/// The locks that may be removed at all: those of our refs, and those that a killed transaction takes.
fn candidates(repo: &Repo, killed: &[Killed]) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = OURS
        .iter()
        .flat_map(|ours| locks_below(&repo.common_dir().join(ours)))
        .collect();
    paths.extend(killed.iter().flat_map(|record| record.locks(repo)));
    paths.sort();
    paths.dedup();
    paths
}

/// Lists the lock files below a directory.
fn locks_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(path);
            } else if path.extension().is_some_and(|end| end == "lock") {
                found.push(path);
            }
        }
    }
    found
}

fn kind(repo: &Repo, path: &Path) -> Lock {
    let below = |ours: &str| path.starts_with(repo.common_dir().join(ours));
    if OURS.iter().any(|ours| below(ours)) {
        Lock::Ours
    } else {
        Lock::Shared
    }
}

fn stat(repo: &Repo, path: &Path) -> Result<Option<(fs::Metadata, Duration)>> {
    let Ok(meta) = fs::symlink_metadata(path) else {
        return Ok(None);
    };
    // The file system judges its own times: clocks of hosts that share it may differ.
    let probe = repo.ccc_dir().join("now");
    let age = crate::fs::age(&meta, &probe).context(Kind::Setup, || {
        format!("{} cannot be written", probe.display())
    })?;
    Ok(Some((meta, age)))
}

fn age_of(repo: &Repo, path: &Path) -> Result<Option<Duration>> {
    Ok(stat(repo, path)?.map(|(_, age)| age))
}

fn is_dead(
    repo: &Repo,
    path: &Path,
    meta: &fs::Metadata,
    age: Duration,
    killed: &[Killed],
) -> bool {
    let content = crate::fs::read_capped(path, CONTENT_CAP).ok().flatten();
    let content = String::from_utf8_lossy(&content.unwrap_or_default()).into_owned();
    let evidence = killed
        .iter()
        .filter_map(|record| record.evidence(repo, path, nanos(meta), &content))
        .max();
    let lock = kind(repo, path);
    let free = || holders::of(repo, path, age, lock).map(|holders| holders.is_empty());
    match (lock, evidence) {
        (Lock::Ours, Some(Evidence::Content)) => true,
        (Lock::Shared, Some(Evidence::Content)) => free() == Some(true),
        (Lock::Ours, _) => age >= CRASHED_AFTER && free() != Some(false),
        (Lock::Shared, Some(Evidence::Time)) => age >= CRASHED_AFTER && free() == Some(true),
        (Lock::Shared, None) => false,
    }
}

fn unremovable(path: &Path) -> String {
    format!(
        "{} was left by a crash and cannot be removed",
        path.display()
    )
}

fn remove_if_dead(repo: &Repo, path: &Path, killed: &[Killed]) -> Result<bool> {
    let Some((meta, age)) = stat(repo, path)? else {
        return Ok(false);
    };
    if !is_dead(repo, path, &meta, age, killed) {
        return Ok(false);
    }
    // Somebody may have cleared it away and another taken it since: what was taken aside is looked at again.
    let aside = repo.ccc_dir().join(format!("aside.{}", std::process::id()));
    let taken = || -> io::Result<bool> {
        match fs::rename(path, &aside) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            other => other?,
        }
        let now = fs::symlink_metadata(&aside)?;
        let same = now.ino() == meta.ino() && nanos(&now) == nanos(&meta);
        if !same {
            fs::hard_link(&aside, path)?;
        }
        crate::fs::remove(&aside)?;
        Ok(same)
    };
    taken().context(Kind::Setup, || unremovable(path))
}

/// Removes a `packed-refs.new` that nobody writes any more.
fn sweep_packed(repo: &Repo) -> Result<bool> {
    let new = repo.common_dir().join("packed-refs.new");
    let lock = repo.common_dir().join("packed-refs.lock");
    if repo.backend() != Backend::Files || age_of(repo, &new)?.is_none_or(|age| age < CRASHED_AFTER)
    {
        return Ok(false);
    }
    let running = Running::begin(repo, &[]);
    let held = fs::File::create_new(&lock);
    let swept = match held {
        // Whoever writes it holds the lock, and that is us.
        Ok(_) => crate::fs::remove(&new)
            .and_then(|()| crate::fs::remove(&lock))
            .map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    };
    running.ended();
    swept.context(Kind::Setup, || unremovable(&new))
}
