//! Bringing files and directories into a new worktree: shared bytes where the file system can, hard links where that is
//! safe, else copies.
//!
//! Modes, times, links and hard links among the files stay as they are. Links are copied as links and never followed.
//! Something that cannot be copied whole is left out whole, and said: half a `node_modules` is worse than none.
//!
//! [`pool`] goes through directories with as many threads as there are processors, [`file`](self::file) copies one file.

mod file;
mod pool;

use super::include::Item;
use crate::{
    base::text::one_line,
    error::{Context, Kind, Result},
    fs::beneath::{Dir, Sort},
};
use std::{
    ffi::{OsStr, OsString},
    io,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

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

/// Hears how many of how many bytes are copied.
pub type Tell<'a> = dyn Fn(u64, u64) + Sync + 'a;

/// What everybody who copies shares.
struct Work<'a> {
    counts: Counts,
    /// The file system shares bytes, as far as is known.
    shares: AtomicBool,
    /// How many bytes there are, if somebody watches.
    total: u64,
    tell: Option<&'a Tell<'a>>,
}

impl Work<'_> {
    fn tell(&self) {
        if let Some(tell) = self.tell {
            tell(self.counts.bytes.load(Relaxed), self.total);
        }
    }
}

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
    let mut work = Work {
        counts: Counts::default(),
        shares: AtomicBool::new(true),
        total: 0,
        tell,
    };
    // Adding up takes time of its own: only for somebody who watches.
    if tell.is_some() {
        work.total = items.iter().map(|item| weight(&source, &item.path)).sum();
        work.tell();
    }
    for item in items {
        let shown = one_line(&item.path.to_string_lossy(), 200);
        if item.dir && is_there(&target, &item.path) {
            done.left_out.push((shown, THERE.to_owned()));
            continue;
        }
        match pool::copy(&work, (&source, &target), item) {
            Ok(()) if item.dir => done.entries.push(format!("{shown}/")),
            Ok(()) => done.entries.push(shown),
            Err(error) => {
                // Only what we made ourselves just now can be there: nothing else was.
                if item.dir {
                    let _ = std::fs::remove_dir_all(to.join(&item.path));
                }
                done.left_out.push((shown, error.to_string()));
            }
        }
    }
    work.counts.into(&mut done);
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

/// Opens the directory of a path; those above it are made if that is wanted.
fn place(root: &Dir, path: &Path, make: bool) -> io::Result<(Dir, OsString)> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let dir = root.descend(path.parent().unwrap_or(Path::new("")), make)?;
    Ok((dir, name.to_owned()))
}

fn is_there(root: &Dir, path: &Path) -> bool {
    place(root, path, false).is_ok_and(|(dir, name)| dir.meta(&name).is_ok())
}

/// Adds up a file or directory, for the bar; what cannot be read weighs nothing.
fn weight(root: &Dir, path: &Path) -> u64 {
    let place = place(root, path, false);
    place.map_or(0, |(dir, name)| weight_of(&dir, &name, None))
}

fn weight_of(dir: &Dir, name: &OsStr, sort: Option<Sort>) -> u64 {
    if sort != Some(Sort::Dir) {
        match dir.meta(name) {
            Ok(meta) if meta.sort == Sort::Dir => {}
            Ok(meta) if meta.sort == Sort::File => return meta.size,
            _ => return 0,
        }
    }
    let Ok(child) = dir.child(name) else { return 0 };
    let entries = child.entries().unwrap_or_default();
    let weights = entries
        .iter()
        .map(|entry| weight_of(&child, &entry.name, entry.sort));
    weights.sum()
}
