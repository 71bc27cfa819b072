//! How much of a worktree is uncommitted: what `git status` counts, without starting it for each worktree.
//!
//! No lock is taken, and nothing is written but a cache: how many names each directory had, so that one that has not changed
//! since is not listed again. Renames are not looked for, submodules are compared by their commit alone, a directory of which
//! git tracks nothing counts as one. The index is read as bytes, each directory is listed at most once, each tracked file is
//! looked at by one `lstat` beside its handle, and only files that their stat does not settle are read.
//!
//! Invariants: the numbers are those of `git status`, or git itself is asked. It is asked for whatever is decided by more
//! than the index, the files and the patterns of what to ignore: filters and line ends of a file in doubt, submodules that
//! are checked out, sparse and split indexes, unfinished merges, files that were declared unchanged, file systems that fold
//! names, and whatever cannot be read. The untracked cache and the file system monitor would only save work that is small
//! here, so they are not needed and not asked.

mod doubt;
mod listings;
mod scan;
mod staged;
mod untracked;

use crate::{
    error::{Error, Result},
    git::{
        Repo,
        index::Unsupported,
        repo::Backend,
        status::{self, Work},
    },
};
use std::time::SystemTime;

/// Times of files move on in steps that are shorter than this. In nanoseconds.
const TICK: u32 = 20_000_000;

/// Paths that differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dirt {
    /// Between HEAD and the index.
    pub staged: u32,
    /// Between the index and the files.
    pub changed: u32,
    /// Not tracked.
    pub untracked: u32,
    /// In a merge that is not finished.
    pub conflicted: u32,
}

impl Dirt {
    /// Tells whether nothing differs.
    pub fn is_clean(&self) -> bool {
        *self == Dirt::default()
    }
}

/// Why a count ended early.
enum Stop {
    /// Only git knows.
    Ask,
    /// It cannot be known.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Failed(error)
    }
}

impl From<Unsupported> for Stop {
    // git reads what we do not, and says what is wrong with what nobody can read.
    fn from(_: Unsupported) -> Self {
        Stop::Ask
    }
}

/// What is used again from one worktree to the next: an index is long, and memory that is new to a process takes time.
#[derive(Debug, Default)]
pub struct Scratch {
    index: Vec<u8>,
}

/// Counts what differs in a worktree.
///
/// `now` is the real time, for times of files are compared with it.
pub fn count(repo: &Repo, now: SystemTime, scratch: &mut Scratch) -> Result<Dirt> {
    if repo.backend() == Backend::Foreign {
        return asked(repo);
    }
    match scan::count(repo, now, &mut scratch.index) {
        Ok(dirt) => Ok(dirt),
        Err(Stop::Ask) => asked(repo),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// The same, asked of git.
fn asked(repo: &Repo) -> Result<Dirt> {
    let status = status::brief(repo)?;
    let mut dirt = Dirt {
        untracked: number(status.untracked.len()),
        ..Dirt::default()
    };
    for tracked in &status.tracked {
        if tracked.unmerged {
            dirt.conflicted += 1;
            continue;
        }
        dirt.staged += u32::from(tracked.head != tracked.index);
        dirt.changed += u32::from(tracked.work != Work::Same);
    }
    Ok(dirt)
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
