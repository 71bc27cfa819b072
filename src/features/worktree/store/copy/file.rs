//! One file, by as few calls as make it: opened, looked at, made, shared, dated.
//!
//! A copy is of what the file was when it was looked at: its time is read before its bytes, so that what is written meanwhile
//! is never dated younger than what was copied.

use super::{Work, pool::Pair};
use crate::fs::beneath::{Dir, Meta, share};
use std::{
    ffi::OsStr,
    fs::{File, FileTimes, Metadata, Permissions},
    io::{Error as IoError, ErrorKind, Read, Result as IoResult, Write, copy},
    os::unix::fs::PermissionsExt,
    sync::atomic::Ordering::Relaxed,
};

/// So much stays free on the disk: a full one stops everybody's work.
const RESERVE: u64 = 512 << 20;
/// After so many bytes the disk is asked how full it is.
const ASK: u64 = 64 << 20;
/// A file of at most so many bytes is read and written at once.
const PIECE: usize = 128 << 10;
/// After so many bytes of a larger one it is told how far that is.
const STRETCH: u64 = 32 << 20;

/// Gives a file of which nobody changes the bytes one more name, if it is one.
pub(super) fn linked(
    work: &Work<'_>,
    pair: &Pair,
    name: &OsStr,
    (meta, immutable): (&Meta, bool),
) -> bool {
    // What nobody may write to is replaced and not changed by whoever wants another content.
    let safe = immutable || meta.mode & 0o222 == 0;
    if !safe || pair.target.link(name, (&pair.source, name)).is_err() {
        return false;
    }
    work.counts.files.fetch_add(1, Relaxed);
    work.counts.linked.fetch_add(meta.size, Relaxed);
    work.counts.bytes.fetch_add(meta.size, Relaxed);
    true
}

/// What one thread works with.
#[derive(Default)]
pub(super) struct Worker {
    /// Which modes files in this directory get as they are asked for. That is up to the umask and to the directory's own rules,
    /// so it is seen in the first file of each mode.
    exact: Vec<(u32, bool)>,
    buffer: Vec<u8>,
}

impl Worker {
    /// Goes on in another directory.
    pub(super) fn enter(&mut self) {
        self.exact.clear();
    }

    /// Copies a file into a directory that has none of its name.
    pub(super) fn copy(
        &mut self,
        work: &Work<'_>,
        target: &Dir,
        name: &OsStr,
        (from, old): (&File, &Metadata),
    ) -> IoResult<()> {
        let Meta { mode, size, .. } = Meta::from(old);
        let to = target.create(name, mode | 0o200)?;
        if size > 0 && is_shared(work, from, &to) {
            work.counts.shared.fetch_add(size, Relaxed);
            work.counts.bytes.fetch_add(size, Relaxed);
        } else {
            require_room(work, target, size)?;
            self.write(work, from, &to, size)?;
        }
        if !self.is_exact(&to, mode)? {
            to.set_permissions(Permissions::from_mode(mode))?;
        }
        // Builds compare times.
        to.set_times(FileTimes::new().set_modified(old.modified()?))?;
        work.counts.files.fetch_add(1, Relaxed);
        Ok(())
    }

    fn is_exact(&mut self, to: &File, mode: u32) -> IoResult<bool> {
        if let Some((_, exact)) = self.exact.iter().find(|(seen, _)| *seen == mode) {
            return Ok(*exact);
        }
        let exact = to.metadata()?.permissions().mode() & 0o777 == mode;
        self.exact.push((mode, exact));
        Ok(exact)
    }

    fn write(
        &mut self,
        work: &Work<'_>,
        mut from: &File,
        mut to: &File,
        size: u64,
    ) -> IoResult<()> {
        let told = |bytes: u64| work.counts.bytes.fetch_add(bytes, Relaxed);
        if size < PIECE as u64 {
            self.buffer.resize(PIECE, 0);
            let mut done = 0;
            loop {
                let read = from.read(&mut self.buffer)?;
                to.write_all(&self.buffer[..read])?;
                told(read as u64);
                done += read as u64;
                // Some file systems give less than was asked for before the end; where the end was, only a full buffer leaves open.
                if read == 0 || done >= size && read < PIECE {
                    return Ok(());
                }
            }
        }
        // The kernel moves these, on some file systems without a byte coming by here.
        loop {
            let copied = copy(&mut from.take(STRETCH), &mut to)?;
            told(copied);
            if copied < STRETCH {
                return Ok(());
            }
            work.tell();
        }
    }
}

/// Shares the bytes; a file system that cannot is not asked again.
fn is_shared(work: &Work<'_>, from: &File, to: &File) -> bool {
    if !work.shares.load(Relaxed) {
        return false;
    }
    match share(from, to) {
        Ok(()) => true,
        Err(error) => {
            let never = [ErrorKind::Unsupported, ErrorKind::CrossesDevices];
            let unknown = rustix::io::Errno::NOTTY.raw_os_error();
            if never.contains(&error.kind()) || error.raw_os_error() == Some(unknown) {
                work.shares.store(false, Relaxed);
            }
            false
        }
    }
}

fn require_room(work: &Work<'_>, target: &Dir, size: u64) -> IoResult<()> {
    let before = work.counts.asked.fetch_add(size, Relaxed);
    if before / ASK == (before + size) / ASK {
        return Ok(());
    }
    if target.free()? < RESERVE.saturating_add(size) {
        return Err(IoError::new(
            ErrorKind::StorageFull,
            "less than 512 MiB of the disk would be free",
        ));
    }
    Ok(())
}
