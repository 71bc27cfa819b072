//! Names in a directory that the index does not have, less what git ignores.
//!
//! A directory of which nothing is tracked counts as one if it holds a file that is not ignored, at any depth, or is a
//! repository of its own. Sockets and the like count for nothing.

use super::{
    Stop,
    listings::{Listings, State},
    scan::STEP,
};
use crate::{
    error::{Context, Kind},
    git::Repo,
};
use gix::{AttributeStack, bstr::ByteSlice, index::entry::Mode as EntryMode};
use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    fs::{AtFlags, Dir, DirEntry, FileType, Mode, openat, statat},
};
use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

pub(super) struct Untracked<'a> {
    repo: &'a Repo,
    root: &'a Path,
    /// What git ignores; read when first asked for.
    ignores: Option<AttributeStack<'a>>,
    /// What need not be listed again.
    pub(super) listings: Listings,
    /// How many there are.
    pub(super) count: u32,
}

impl<'a> Untracked<'a> {
    pub(super) fn new(repo: &'a Repo, root: &'a Path, listings: Listings) -> Self {
        Untracked {
            repo,
            root,
            ignores: None,
            listings,
            count: 0,
        }
    }

    /// Counts what is in a directory beside what is known to be there; its path ends in a slash unless it is the root.
    pub(super) fn rest(
        &mut self,
        dir: OwnedFd,
        state: Option<State>,
        path: &[u8],
        mut known: Vec<&[u8]>,
    ) -> Result<(), Stop> {
        // All that is known is there: as many names as that are the same names.
        if self.listings.has(state, known.len()) {
            return Ok(());
        }
        let mut dir = Dir::new(dir).map_err(|_| Stop::Ask)?;
        let names = names(&mut dir)?;
        self.listings.note(state, names.len());
        if names.len() == known.len() {
            return Ok(());
        }
        known.sort_unstable();
        let others = names
            .into_iter()
            .filter(|name| known.binary_search(&name.file_name().to_bytes()).is_err());
        let mut others = others.peekable();
        if others.peek().is_none() || self.lies_ignored(path)? {
            return Ok(());
        }
        let fd = dir.fd().map_err(|_| Stop::Ask)?;
        for other in others {
            self.count += u32::from(self.counts(fd, path, &other)?);
        }
        Ok(())
    }

    /// Tells whether a name counts: a file, or a directory with a file, that git does not ignore.
    fn counts(&mut self, dir: BorrowedFd<'_>, path: &[u8], name: &DirEntry) -> Result<bool, Stop> {
        let place = [path, name.file_name().to_bytes()].concat();
        match kind(dir, name)? {
            FileType::RegularFile | FileType::Symlink => {
                Ok(!self.is_ignored(&place, EntryMode::FILE)?)
            }
            FileType::Directory => {
                if self.is_ignored(&place, EntryMode::DIR)? {
                    return Ok(false);
                }
                self.is_repository(&place).and_then(|repository| {
                    Ok(repository || self.holds(dir, name, &[&place[..], b"/"].concat())?)
                })
            }
            _ => Ok(false),
        }
    }

    /// Tells whether a directory of which nothing is tracked holds something that counts.
    fn holds(&mut self, dir: BorrowedFd<'_>, name: &DirEntry, path: &[u8]) -> Result<bool, Stop> {
        let child = openat(dir, name.file_name(), STEP, Mode::empty()).map_err(|_| Stop::Ask)?;
        let mut child = Dir::new(child).map_err(|_| Stop::Ask)?;
        let mut names = names(&mut child)?;
        // Files say it soonest.
        names.sort_by_key(|name| name.file_type() == FileType::Directory);
        let fd = child.fd().map_err(|_| Stop::Ask)?;
        for name in names {
            if self.counts(fd.as_fd(), path, &name)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Tells whether a directory lies in one that git ignores, though something in it is tracked.
    fn lies_ignored(&mut self, path: &[u8]) -> Result<bool, Stop> {
        for slash in memchr::memchr_iter(b'/', path) {
            if self.is_ignored(&path[..slash], EntryMode::DIR)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_ignored(&mut self, path: &[u8], mode: EntryMode) -> Result<bool, Stop> {
        let ignores = match &mut self.ignores {
            Some(ignores) => ignores,
            none => none.insert(ignores(self.repo)?),
        };
        let place = ignores.at_entry(path.as_bstr(), Some(mode));
        Ok(place.map_err(|_| Stop::Ask)?.is_excluded())
    }

    /// Tells whether a directory is a repository, or the worktree of one.
    fn is_repository(&self, path: &[u8]) -> Result<bool, Stop> {
        let place = self.root.join(OsStr::from_bytes(path));
        let git = place.join(".git");
        let meta = match git.metadata() {
            Ok(meta) => meta,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(_) => return Err(Stop::Ask),
        };
        // With `core.worktree`, our own may be anywhere.
        let dir = if meta.is_dir() {
            Some(git)
        } else {
            target(&git, &place)
        };
        let sure = dir.is_some_and(|dir| is_git_dir(&dir));
        if sure && self.repo.config("core.worktree").is_none() {
            Ok(true)
        } else {
            Err(Stop::Ask)
        }
    }
}

fn ignores(repo: &Repo) -> Result<AttributeStack<'_>, Stop> {
    let none = gix::index::State::new(repo.hash());
    let source = gix::worktree::stack::state::ignore::Source::WorktreeThenIdMappingIfNotSkipped;
    let stack = repo.gix().excludes(&none, None, source);
    Ok(stack.context(Kind::Setup, || {
        "what git ignores in the worktree cannot be read".to_owned()
    })?)
}

/// Lists a directory, without what git never looks at.
fn names(dir: &mut Dir) -> Result<Vec<DirEntry>, Stop> {
    let mut names = Vec::new();
    while let Some(entry) = dir.read() {
        let entry = entry.map_err(|_| Stop::Ask)?;
        if !matches!(entry.file_name().to_bytes(), b"." | b".." | b".git") {
            names.push(entry);
        }
    }
    Ok(names)
}

fn kind(dir: BorrowedFd<'_>, name: &DirEntry) -> Result<FileType, Stop> {
    match name.file_type() {
        FileType::Unknown => {
            let stat = statat(dir, name.file_name(), AtFlags::SYMLINK_NOFOLLOW);
            let stat = stat.map_err(|_| Stop::Ask)?;
            Ok(FileType::from_raw_mode(stat.st_mode))
        }
        known => Ok(known),
    }
}

/// Reads which directory a `.git` file names.
fn target(file: &Path, place: &Path) -> Option<PathBuf> {
    let text = std::fs::read(file).ok()?;
    let named = text
        .strip_prefix(b"gitdir: ")?
        .trim_end_with(|c| c == '\n' || c == '\r');
    Some(place.join(OsStr::from_bytes(named)))
}

/// Tells whether git would certainly take a directory for one of its own.
fn is_git_dir(dir: &Path) -> bool {
    let Ok(head) = std::fs::read(dir.join("HEAD")) else {
        return false;
    };
    let head = head.trim_end();
    let named = head.starts_with(b"ref: refs/")
        || [40, 64].contains(&head.len()) && head.iter().all(u8::is_ascii_hexdigit);
    let stores = ["objects", "refs"]
        .iter()
        .all(|name| dir.join(name).is_dir());
    named && (stores || dir.join("commondir").is_file())
}
