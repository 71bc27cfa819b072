//! Edits git's index file as bytes: some entries change, everything else is copied.
//!
//! A path-scoped commit must bring only its own paths up to date in the shared index, while it
//! holds `index.lock`. Parsing and rewriting 100k entries would keep everyone waiting, and gix's
//! writer loses the untracked cache; so the file is scanned once and unchanged spans are copied.
//!
//! Contract: pure, no file is touched. The caller takes `index.lock`, opens the index, takes its
//! mtime from that open file, calls [`patch`], writes the result to the lock and renames it.
//! Whatever is not understood is refused as [`Unsupported`]; the caller then lets git do the work.
//!
//! Invariants of the result:
//! - Entries ascend by (path, stage). A set path has one entry, at stage 0 and without flags
//!   (intent-to-add, skip-worktree, assume-valid), as after `git add`; no entry lies beneath it
//!   or is one of its parent directories.
//! - Entries git would have called racily clean against the *old* file's mtime get size 0, for
//!   the new mtime would hide them; git then compares content. Whole seconds count, since
//!   most builds of git compare no nanoseconds.
//! - `TREE` has no valid node for a directory that differs, as git's `cache_tree_invalidate_path`
//!   leaves it. `REUC` loses changed paths. `UNTR` stays if the same paths are tracked and it
//!   holds no racy stat, else it is emptied but stays switched on. Other optional extensions go:
//!   they index entries by position (`FSMN`, `EOIE`, `IEOT`) or are unknown.
//! - The old checksum is not verified, as git itself does outside of `fsck`.

use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice};
use gix::hash::Kind;

pub use stat::Stat;

use file::{File, GITLINK, HEADER, MODE, MTIME, NAME_MASK, Raw, SIZE, be32, padded};

pub(in crate::git) mod extension;
pub(in crate::git) mod file;
mod stat;
#[cfg(test)]
mod tests;

const MODES: [u32; 4] = [0o100_644, 0o100_755, 0o120_000, GITLINK];

/// What becomes of one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The path gets this entry, replacing all its stages and whatever conflicts as file/directory.
    Set {
        /// Path from the top of the working tree.
        path: BString,
        /// Blob, or commit of a submodule.
        oid: ObjectId,
        /// One of `0o100644`, `0o100755`, `0o120000`, `0o160000`.
        mode: u32,
        /// The file's `lstat`, taken before its content was read.
        stat: Stat,
    },
    /// The path loses all its stages; nothing happens if it has none.
    Remove {
        /// Path from the top of the working tree.
        path: BString,
    },
}

impl Change {
    fn path(&self) -> &BString {
        match self {
            Self::Set { path, .. } | Self::Remove { path } => path,
        }
    }
}

/// An index file as it was read.
#[derive(Debug, Clone, Copy)]
pub struct Old<'a> {
    /// The whole file.
    pub bytes: &'a [u8],
    /// Seconds of the file's mtime, from the same open file as the bytes.
    pub mtime_s: u32,
}

/// Why an index file cannot be patched, or a change not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsupported {
    /// Version 4 compresses paths; later ones are unknown.
    #[error("index version {0} cannot be patched")]
    Version(u32),
    /// Most entries are in another file.
    #[error("a split index cannot be patched")]
    Split,
    /// Directories stand for their entries.
    #[error("a sparse index cannot be patched")]
    Sparse,
    /// An extension that may not be ignored.
    #[error("the index needs the extension {0:?}")]
    Extension(BString),
    /// The file is truncated or damaged.
    #[error("the index is corrupt: {0}")]
    Corrupt(&'static str),
    /// A change that would make an invalid index.
    #[error("cannot put {path:?} into the index: {why}")]
    Change {
        /// The path asked for.
        path: BString,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// What the index holds for a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Blob or commit.
    pub oid: ObjectId,
    /// Type and permission, as in a tree.
    pub mode: u32,
    /// 0, or 1 to 3 in a conflict.
    pub stage: u8,
    /// Flags as stored; the extended ones are in the upper 16 bits.
    pub flags: u32,
}

impl Entry {
    /// Bit of [`Entry::flags`]: changes of the file are to be ignored.
    pub const ASSUME_VALID: u32 = 0x8000;
    /// Bit of [`Entry::flags`]: only announced by `git add -N`; it belongs to no tree yet.
    pub const INTENT_TO_ADD: u32 = 0x2000_0000;
    /// Bit of [`Entry::flags`]: outside of the sparse checkout.
    pub const SKIP_WORKTREE: u32 = 0x4000_0000;
}

/// Finds the first entry of a path: stage 0, or the lowest stage of a conflict.
pub fn entry(old: &[u8], hash: Kind, path: &BStr) -> Result<Option<Entry>, Unsupported> {
    let mut found = None;
    let file = File::open(old, hash)?;
    let end = file.scan(|raw| {
        if found.is_none() && raw.path == path.as_bytes() {
            found = Some(raw.entry(&file)?);
        }
        Ok(())
    })?;
    // A split index may hold the path elsewhere, so the extensions have their say first.
    file.extensions(end).try_for_each(|each| {
        let (name, _) = each?;
        extension::required(name)
    })?;
    Ok(found)
}

/// Applies the changes and returns the new file; without an old one a fresh version 2 index.
///
/// The changes are one set: no path twice, no set path beneath another set path.
pub fn patch(old: Option<Old<'_>>, hash: Kind, changes: &[Change]) -> Result<Vec<u8>, Unsupported> {
    let marks = marks(changes, hash)?;
    let fresh;
    let (bytes, racy_from) = if let Some(Old { bytes, mtime_s }) = old {
        (bytes, mtime_s)
    } else {
        fresh = File::empty(hash);
        (fresh.as_slice(), u32::MAX)
    };
    let file = File::open(bytes, hash)?;
    let room: usize = changes.iter().map(|c| c.path().len() + 128).sum();
    let mut edit = Edit {
        file: &file,
        marks,
        next: 0,
        out: Vec::with_capacity(bytes.len() + room),
        copied: 0,
        count: 0,
        touched: Vec::new(),
        members_differ: false,
    };
    let end = file.scan(|raw| edit.step(raw, racy_from))?;
    while edit.next < edit.marks.len() {
        edit.finish_mark(end);
    }
    edit.copy_to(end);
    edit.seal(end, racy_from)
}

/// A point in the order of paths at which something happens.
struct Mark<'a> {
    key: BString,
    action: Action<'a>,
    seen: Seen,
}

enum Action<'a> {
    /// Drop the path's entries and write this one.
    Set(&'a Change, NewEntry<'a>),
    /// Drop the path's entries.
    Remove(&'a Change),
    /// Drop the path's entry: it is now a directory.
    Parent,
    /// Drop everything that starts with the key: it was a directory.
    Beneath,
}

struct NewEntry<'a> {
    oid: &'a ObjectId,
    mode: u32,
    stat: &'a Stat,
}

/// What a mark has dropped so far.
#[derive(PartialEq)]
enum Seen {
    Nothing,
    /// Only an entry that makes the same tree.
    Same,
    Other,
}

/// Checks the changes and sorts what is to happen by path.
fn marks(changes: &[Change], hash: Kind) -> Result<Vec<Mark<'_>>, Unsupported> {
    let mut marks = Vec::with_capacity(changes.len() * 2);
    let mut push = |key: &[u8], action| {
        marks.push(Mark {
            key: key.into(),
            action,
            seen: Seen::Nothing,
        });
    };
    let refuse = |path: &BString, why| Unsupported::Change {
        path: path.clone(),
        why,
    };
    for change in changes {
        let path = change.path();
        if !path.split(|b| *b == b'/').all(is_plain) {
            return Err(refuse(path, "not a plain path"));
        }
        let Change::Set {
            oid, mode, stat, ..
        } = change
        else {
            push(path, Action::Remove(change));
            continue;
        };
        let mode = *mode;
        if !MODES.contains(&mode) || oid.kind() != hash || oid.is_null() {
            return Err(refuse(path, "wrong mode or object id"));
        }
        push(path, Action::Set(change, NewEntry { oid, mode, stat }));
        push(&[path.as_slice(), b"/"].concat(), Action::Beneath);
        for slash in path.find_iter("/") {
            push(&path[..slash], Action::Parent);
        }
    }
    // Stable, and changes come before parents: the duplicate that goes is the parent.
    marks.sort_by(|a, b| (&a.key, a.rank()).cmp(&(&b.key, b.rank())));
    for pair in marks.windows(2) {
        let twice = pair[0].key == pair[1].key;
        if twice && (pair[1].rank() == 0 || matches!(pair[0].action, Action::Set(..))) {
            return Err(refuse(&pair[0].key, "the changes contradict each other"));
        }
    }
    marks.dedup_by(|b, a| a.key == b.key);
    Ok(marks)
}

fn is_plain(part: &[u8]) -> bool {
    !matches!(part, b"" | b"." | b"..") && !part.eq_ignore_ascii_case(b".git") && !part.contains(&0)
}

impl Mark<'_> {
    fn rank(&self) -> u8 {
        match self.action {
            Action::Set(..) | Action::Remove(_) => 0,
            Action::Parent | Action::Beneath => 1,
        }
    }
}

/// The file being written.
struct Edit<'a> {
    file: &'a File<'a>,
    marks: Vec<Mark<'a>>,
    next: usize,
    out: Vec<u8>,
    /// How much of the old file is in `out` or was left out on purpose.
    copied: usize,
    count: u32,
    /// Paths whose directories make another tree now.
    touched: Vec<BString>,
    /// A path came or went.
    members_differ: bool,
}

impl Edit<'_> {
    fn copy_to(&mut self, to: usize) {
        self.out
            .extend_from_slice(&self.file.bytes[self.copied..to]);
        self.copied = to;
    }

    fn step(&mut self, raw: &Raw<'_>, racy_from: u32) -> Result<(), Unsupported> {
        while let Some(mark) = self.marks.get_mut(self.next) {
            let key = mark.key.as_slice();
            let beneath = matches!(mark.action, Action::Beneath);
            if key == raw.path || beneath && raw.path.starts_with(key) {
                mark.seen = match (&mark.action, &mark.seen) {
                    (Action::Set(_, new), Seen::Nothing) if new.same_as(&raw.entry(self.file)?) => {
                        Seen::Same
                    }
                    _ => Seen::Other,
                };
                self.copy_to(raw.start);
                self.copied = raw.end;
                return Ok(());
            }
            if key > raw.path {
                break;
            }
            self.finish_mark(raw.start);
        }
        self.count += 1;
        let bytes = self.file.bytes;
        // git spares submodules too: it compares their HEAD, never their size.
        if be32(bytes, raw.start + MTIME) >= racy_from
            && raw.flags & 0x3000 == 0
            && be32(bytes, raw.start + MODE) != GITLINK
        {
            self.copy_to(raw.start + SIZE);
            self.out.extend_from_slice(&[0; 4]);
            self.copied += 4;
        }
        Ok(())
    }

    /// Closes the current mark; `at` is where the next old entry starts.
    fn finish_mark(&mut self, at: usize) {
        self.copy_to(at);
        let Some(mark) = self.marks.get(self.next) else {
            return;
        };
        self.next += 1;
        match &mark.action {
            Action::Set(change, new) => {
                new.write(change.path(), &mut self.out);
                self.count += 1;
                self.members_differ |= mark.seen == Seen::Nothing;
                if mark.seen != Seen::Same {
                    self.touched.push(change.path().clone());
                }
            }
            Action::Remove(change) if mark.seen != Seen::Nothing => {
                self.members_differ = true;
                self.touched.push(change.path().clone());
            }
            Action::Parent | Action::Beneath if mark.seen != Seen::Nothing => {
                self.members_differ = true;
                let dir = mark.key.strip_suffix(b"/").unwrap_or(&mark.key);
                self.touched.push(dir.into());
            }
            Action::Remove(_) | Action::Parent | Action::Beneath => {}
        }
    }

    /// Writes header, extensions and checksum.
    fn seal(mut self, end: usize, racy_from: u32) -> Result<Vec<u8>, Unsupported> {
        self.out[8..HEADER].copy_from_slice(&self.count.to_be_bytes());
        let hash_len = self.file.hash.len_in_bytes();
        self.touched.sort();
        self.touched.dedup();
        let touched: Vec<&[u8]> = self.touched.iter().map(|path| path.as_slice()).collect();
        for each in self.file.extensions(end) {
            let (name, data) = each?;
            extension::required(name)?;
            let kept = match name {
                b"TREE" => extension::invalidate_tree(data, &touched, hash_len),
                b"REUC" => extension::drop_resolved(data, &touched, hash_len),
                b"UNTR" if self.members_differ => extension::empty_untracked(data, hash_len),
                b"UNTR" => extension::settled_untracked(data, racy_from, hash_len),
                _ => None,
            };
            // Nothing kept, or one that cannot be parsed: git rebuilds what it needs.
            let Some(kept) = kept.filter(|data| !data.is_empty()) else {
                continue;
            };
            let len = u32::try_from(kept.len())
                .map_err(|_| Unsupported::Corrupt("an extension is too long"))?;
            self.out.extend_from_slice(name);
            self.out.extend_from_slice(&len.to_be_bytes());
            self.out.extend_from_slice(&kept);
        }
        // `index.skipHash` writes zeros in place of a checksum.
        if self.file.bytes[self.file.trailer..].iter().all(|b| *b == 0) {
            self.out.resize(self.out.len() + hash_len, 0);
        } else {
            let sum = checksum(&self.out, self.file.hash)?;
            self.out.extend_from_slice(&sum);
        }
        Ok(self.out)
    }
}

impl NewEntry<'_> {
    fn same_as(&self, entry: &Entry) -> bool {
        entry.oid == *self.oid
            && entry.mode == self.mode
            && entry.stage == 0
            && entry.flags & Entry::INTENT_TO_ADD == 0
    }

    fn write(&self, path: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        let Stat {
            ctime_s,
            ctime_ns,
            mtime_s,
            mtime_ns,
            dev,
            ino,
            uid,
            gid,
            size,
        } = *self.stat;
        let mode = self.mode;
        for word in [
            ctime_s, ctime_ns, mtime_s, mtime_ns, dev, ino, mode, uid, gid, size,
        ] {
            out.extend_from_slice(&word.to_be_bytes());
        }
        out.extend_from_slice(self.oid.as_slice());
        let len = u16::try_from(path.len()).map_or(NAME_MASK, |len| len.min(NAME_MASK));
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(path);
        out.resize(start + padded(out.len() - start), 0);
    }
}

/// Sums up a local file. Neither names an object nor meets an adversary, so the sums gix uses
/// for object ids, which look for collisions and take five times as long, would buy nothing.
fn checksum(bytes: &[u8], hash: Kind) -> Result<Vec<u8>, Unsupported> {
    use sha2::Digest;
    match hash {
        Kind::Sha1 => Ok(sha1::Sha1::digest(bytes).to_vec()),
        Kind::Sha256 => Ok(sha2::Sha256::digest(bytes).to_vec()),
        _ => Err(Unsupported::Corrupt("unknown hash")),
    }
}
