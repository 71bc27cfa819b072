//! One pass over the index and the directories of a worktree.
//!
//! What the stat of an entry does not settle is put aside and read at the end, when it is known whether all attributes are
//! there. An entry is settled as git has it, except that nanoseconds count where both sides have them: it is in doubt if it
//! is not older than the index by more than the step in which times of files move on, in place of a whole second. That sees
//! changes within a second to which git is blind, and spares reading all of a fresh checkout.

use super::{Dirt, Stop, TICK, doubt::Doubt, listings::Listings, staged, untracked::Untracked};
use crate::git::{
    Repo,
    index::{
        Entry, Stat, extension,
        file::{File, GITLINK, OID, Raw},
    },
};
use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    fs::{AtFlags, CWD, FileType, Mode, OFlags, openat, statat},
    io::Errno,
};
use std::{io::Read, path::Path, time::SystemTime};

/// What a directory is opened with: never through a link.
pub(super) const STEP: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC)
    .union(OFlags::RDONLY);

/// What of a stat counts, as git's configuration says.
#[derive(Clone, Copy)]
struct Trust {
    /// Who may run a file is known (`core.fileMode`).
    modes: bool,
    /// The time of the inode counts (`core.trustCtime`).
    ctime: bool,
    /// More than seconds and size counts (`core.checkStat`).
    all: bool,
}

struct Scan<'a> {
    file: &'a File<'a>,
    items: &'a [Raw<'a>],
    /// When the index was written: seconds and nanoseconds.
    written: (u32, u32),
    trust: Trust,
    changed: u32,
    /// Entries that must be read to know.
    doubtful: Vec<Raw<'a>>,
    /// Attributes would come from the index, for a file of them is gone.
    attributes_gone: bool,
    untracked: Untracked<'a>,
}

/// Counts all that differs in a worktree; what the index is read into may be used again.
pub(super) fn count(repo: &Repo, now: SystemTime, bytes: &mut Vec<u8>) -> Result<Dirt, Stop> {
    let root = repo.require_worktree()?;
    let trust = trust(repo)?;
    let written = read(repo, bytes)?;
    let file = File::open(bytes, repo.hash())?;
    // As many as it says, if it is as long as that.
    let most = bytes.len() / OID;
    let mut items = Vec::with_capacity(most.min(usize::try_from(file.count).unwrap_or(0)));
    let end = file.scan(|raw| {
        items.push(*raw);
        Ok(())
    })?;
    let mut trees = None;
    for each in file.extensions(end) {
        let (name, data) = each?;
        extension::required(name)?;
        if name == b"TREE" {
            trees = Some(data);
        }
    }
    if items.iter().any(|item| is_special(item)) {
        return Err(Stop::Ask);
    }
    // The root may be reached through links.
    let flags = STEP.difference(OFlags::NOFOLLOW);
    let dir = openat(CWD, root, flags, Mode::empty()).map_err(|_| Stop::Ask)?;
    let mut scan = Scan {
        file: &file,
        items: &items,
        written,
        trust,
        changed: 0,
        doubtful: Vec::new(),
        attributes_gone: false,
        untracked: Untracked::new(repo, root, Listings::load(repo, &dir, now)),
    };
    scan.dir(dir, (0, items.len()), 0)?;
    scan.untracked.listings.save();
    scan.settle(repo, root)?;
    Ok(Dirt {
        staged: staged::count(repo, &file, &items, trees)?,
        changed: scan.changed,
        untracked: scan.untracked.count,
        conflicted: 0,
    })
}

/// Reads the index and returns when it was written; where there is none, nothing is tracked.
fn read(repo: &Repo, bytes: &mut Vec<u8>) -> Result<(u32, u32), Stop> {
    bytes.clear();
    let mut file = match std::fs::File::open(repo.git_dir().join("index")) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            bytes.extend(File::empty(repo.hash()));
            return Ok((0, 0));
        }
        Err(_) => return Err(Stop::Ask),
    };
    let meta = file.metadata().map_err(|_| Stop::Ask)?;
    file.read_to_end(bytes).map_err(|_| Stop::Ask)?;
    let stat = Stat::from(&meta);
    Ok((stat.mtime_s, stat.mtime_ns))
}

fn trust(repo: &Repo) -> Result<Trust, Stop> {
    let config = repo.gix().config_snapshot();
    let is = |key: &str, default| config.boolean(key).unwrap_or(default);
    let folds = is("core.ignoreCase", false) || is("core.precomposeUnicode", false);
    if folds || !is("core.symlinks", true) {
        return Err(Stop::Ask);
    }
    let all = config.string("core.checkStat");
    Ok(Trust {
        modes: is("core.fileMode", true),
        ctime: is("core.trustCtime", true),
        all: all.is_none_or(|word| !word.eq_ignore_ascii_case(b"minimal")),
    })
}

/// Tells whether more than its file says how an entry stands.
fn is_special(item: &Raw<'_>) -> bool {
    let flags = item.all_flags();
    item.stage() != 0 || flags & (Entry::ASSUME_VALID | Entry::SKIP_WORKTREE) != 0
}

impl<'a> Scan<'a> {
    /// Looks at a directory: the entries of `range` lie in it, and so many bytes of their paths name it.
    fn dir(&mut self, dir: OwnedFd, (from, to): (usize, usize), prefix: usize) -> Result<(), Stop> {
        // Before anything is looked at: what changes from here on is seen the next time.
        let state = self.untracked.listings.state(&dir);
        let (items, mut at) = (self.items, from);
        let mut known: Vec<&'a [u8]> = Vec::new();
        while at < to {
            let fd = dir.as_fd();
            let (item, name) = (&items[at], &items[at].path[prefix..]);
            let Some(slash) = memchr::memchr(b'/', name) else {
                if self.entry(fd, item, prefix)? {
                    known.push(name);
                }
                at += 1;
                continue;
            };
            let (name, stem) = (&name[..slash], &item.path[..=prefix + slash]);
            // Often all the rest: a directory that holds nothing but another one.
            let all = items[to - 1].path.starts_with(stem);
            let end = if all {
                to
            } else {
                at + items[at..to].partition_point(|item| item.path.starts_with(stem))
            };
            match openat(fd, name, STEP, Mode::empty()) {
                Ok(child) => {
                    known.push(name);
                    self.dir(child, (at, end), stem.len())?;
                }
                Err(error) if is_gone(error) => {
                    items[at..end].iter().for_each(|item| self.gone(item));
                }
                Err(_) => return Err(Stop::Ask),
            }
            at = end;
        }
        let path = items
            .get(from)
            .map_or(&b""[..], |item| &item.path[..prefix]);
        self.untracked.rest(dir, state, path, known)
    }

    fn gone(&mut self, item: &Raw<'_>) {
        self.changed += 1;
        self.attributes_gone |= item.path.ends_with(b".gitattributes");
    }

    /// Looks at one file and tells whether there is something of its name.
    fn entry(&mut self, dir: BorrowedFd<'_>, item: &Raw<'a>, prefix: usize) -> Result<bool, Stop> {
        let name = item.name(self.file, prefix).ok_or(Stop::Ask)?;
        let stat = match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(error) if is_gone(error) => {
                self.gone(item);
                return Ok(false);
            }
            Err(_) => return Err(Stop::Ask),
        };
        let mode = item.mode(self.file);
        let (kind, recorded) = (
            FileType::from_raw_mode(stat.st_mode),
            FileType::from_raw_mode(mode),
        );
        if mode == GITLINK {
            self.submodule(dir, name.to_bytes(), kind)?;
            return Ok(true);
        }
        let runs = 0o100 & (mode ^ stat.st_mode) != 0;
        let changed = kind != recorded
            || item.all_flags() & Entry::INTENT_TO_ADD != 0
            || kind == FileType::RegularFile && self.trust.modes && runs;
        if changed {
            self.changed += 1;
            return Ok(true);
        }
        let (now, then) = (Stat::from(&stat), item.stat(self.file));
        if now.size != then.size && then.size != 0 {
            self.changed += 1;
        } else if !self.trust.is_same(&now, &then) || self.is_young(&then) {
            self.doubtful.push(*item);
        }
        Ok(true)
    }

    /// A submodule of which nothing is checked out is as it was committed.
    fn submodule(&mut self, dir: BorrowedFd<'_>, name: &[u8], kind: FileType) -> Result<(), Stop> {
        if kind != FileType::Directory {
            self.changed += 1;
            return Ok(());
        }
        let git = [name, b"/.git"].concat();
        match statat(dir, git.as_slice(), AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(()),
            _ => Err(Stop::Ask),
        }
    }

    /// Tells whether the file may have changed after it was recorded without a trace in its times.
    fn is_young(&self, then: &Stat) -> bool {
        let whole = then.mtime_ns == 0 || self.written.1 == 0 || !self.trust.all;
        if whole {
            return then.mtime_s >= self.written.0;
        }
        let time =
            |(seconds, rest): (u32, u32)| u64::from(seconds) * 1_000_000_000 + u64::from(rest);
        time((then.mtime_s, then.mtime_ns)) + u64::from(TICK) >= time(self.written)
    }

    /// Reads what is in doubt.
    fn settle(&mut self, repo: &Repo, root: &Path) -> Result<(), Stop> {
        if self.doubtful.is_empty() {
            return Ok(());
        }
        if self.attributes_gone {
            return Err(Stop::Ask);
        }
        let mut doubt = Doubt::new(repo, root)?;
        for item in &self.doubtful {
            let entry = item.entry(self.file)?;
            self.changed += u32::from(!doubt.is_same(item.path, &entry)?);
        }
        Ok(())
    }
}

impl Trust {
    /// Compares what git compares: neither the device nor, where one side lacks them, nanoseconds.
    fn is_same(self, now: &Stat, then: &Stat) -> bool {
        let rest = |now: u32, then: u32| !self.all || now == 0 || then == 0 || now == then;
        now.size == then.size
            && now.mtime_s == then.mtime_s
            && rest(now.mtime_ns, then.mtime_ns)
            && (!self.ctime
                || !self.all
                || now.ctime_s == then.ctime_s && rest(now.ctime_ns, then.ctime_ns))
            && (!self.all || (now.ino, now.uid, now.gid) == (then.ino, then.uid, then.gid))
    }
}

/// Tells whether there is nothing, or nothing that leads there without a link.
fn is_gone(error: Errno) -> bool {
    matches!(error, Errno::NOENT | Errno::NOTDIR | Errno::LOOP)
}
