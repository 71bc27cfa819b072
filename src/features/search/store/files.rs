//! Which transcripts there are: a walk of the roots, a look at each file's size and time, nothing read.

use super::hashed::Set;
use crate::features::search::readers::{self, Places, Reader};
use std::{
    fs::Metadata,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// A transcript as it lies there.
#[derive(Clone, Debug)]
pub struct Found {
    /// Where.
    pub path: PathBuf,
    /// Who wrote it, if its place says so.
    pub reader: Option<&'static dyn Reader>,
    /// Device and inode.
    pub file: (u64, u64),
    /// Its size.
    pub size: u64,
    /// Its modification time in nanoseconds.
    pub mtime: i64,
}

/// What a walk found.
#[derive(Debug, Default)]
pub struct Walk {
    /// The transcripts, each file once.
    pub found: Vec<Found>,
    /// Roots that are there.
    pub roots: Vec<PathBuf>,
    /// What could not be looked into, and why.
    pub unreadable: Vec<(PathBuf, String)>,
}

/// Device and inode of what was found.
type Seen = Set<(u64, u64)>;

/// Deeper than this no agent writes; a loop of links ends here at the latest.
const DEEP: usize = 12;

/// Looks for transcripts below the agents' roots and others that were named.
pub fn walk(places: &Places, extra: &[PathBuf]) -> Walk {
    let mut walk = Walk::default();
    let mut seen = Seen::default();
    for reader in readers::ALL {
        for root in reader.roots(places) {
            enter(&mut walk, &mut seen, &root, Some(*reader));
        }
    }
    for root in extra {
        enter(&mut walk, &mut seen, root, None);
    }
    walk
}

fn enter(walk: &mut Walk, seen: &mut Seen, root: &Path, reader: Option<&'static dyn Reader>) {
    match std::fs::metadata(root) {
        Ok(meta) if meta.is_file() => add(walk, seen, root.to_owned(), &meta, reader),
        Ok(_) => {
            walk.roots.push(root.to_owned());
            descend(walk, seen, root, reader, 0);
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => walk.unreadable.push((root.to_owned(), error.to_string())),
    }
}

fn descend(
    walk: &mut Walk,
    seen: &mut Seen,
    dir: &Path,
    reader: Option<&'static dyn Reader>,
    depth: usize,
) {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => return walk.unreadable.push((dir.to_owned(), error.to_string())),
    };
    let mut inside: Vec<_> = entries.flatten().collect();
    inside.sort_by_cached_key(std::fs::DirEntry::file_name);
    for entry in inside {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        let wanted = match reader {
            Some(reader) => reader.wants(&path),
            None => readers::ALL.iter().any(|reader| reader.wants(&path)),
        };
        if !kind.is_dir() && !kind.is_symlink() && !wanted {
            continue;
        }
        let meta = if kind.is_symlink() {
            std::fs::metadata(&path)
        } else {
            entry.metadata()
        };
        match meta {
            Ok(meta) if meta.is_dir() => {
                if depth < DEEP && seen.insert((meta.dev(), meta.ino())) {
                    descend(walk, seen, &path, reader, depth + 1);
                }
            }
            Ok(meta) if meta.is_file() && wanted => add(walk, seen, path, &meta, reader),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => walk.unreadable.push((path, error.to_string())),
        }
    }
}

fn add(
    walk: &mut Walk,
    seen: &mut Seen,
    path: PathBuf,
    meta: &Metadata,
    reader: Option<&'static dyn Reader>,
) {
    // A second name of a file is no second conversation.
    if seen.insert((meta.dev(), meta.ino())) {
        walk.found.push(Found {
            path,
            reader,
            file: (meta.dev(), meta.ino()),
            size: meta.size(),
            mtime: meta
                .mtime()
                .saturating_mul(1_000_000_000)
                .saturating_add(meta.mtime_nsec()),
        });
    }
}
