//! One loose object: read before any pack is opened, and written uncompressed if it is small.
//!
//! Setting up a compressor costs more than all of a small object, and a commit
//! writes eight of them. git reads such objects as it reads those of
//! `core.looseCompression = 0`, and compresses them when it packs. The form is
//! zlib's (RFC 1950) with stored blocks (RFC 1951, 3.2.4).

use crate::git::{Oid, Repo};
use gix::objs::{Kind, Write as _, encode::loose_header};
use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

/// What is larger is worth compressing.
const SMALL: usize = 64 * 1024;
/// A tree is names of objects for the most part, which do not compress.
const SMALL_TREE: usize = 1024 * 1024;
/// The most bytes of one stored block.
const BLOCK: usize = 0xffff;

/// Makes the names of this process's files differ.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// Writes an object, unless it stands there loose already.
pub fn write(repo: &Repo, kind: Kind, data: &[u8]) -> io::Result<Oid> {
    let small = match kind {
        Kind::Tree => SMALL_TREE,
        _ => SMALL,
    };
    let objects = repo.gix().objects.store_ref().path();
    if data.len() > small {
        let oid = repo
            .gix()
            .objects
            .write_buf(kind, data)
            .map_err(io::Error::other)?;
        if repo.syncs_objects() {
            fs::File::open(path_of(objects, oid).1)?.sync_all()?;
        }
        return Ok(oid);
    }
    let oid = gix::objs::compute_hash(repo.hash(), kind, data).map_err(io::Error::other)?;
    let (dir, path) = path_of(objects, oid);
    if path.symlink_metadata().is_ok() {
        return Ok(oid);
    }
    // `git prune` removes files of this name that a crash has left.
    let temp = objects.join(format!(
        "tmp_obj_ccc{}_{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    ));
    let bytes = stored(&loose_header(kind, data.len() as u64), data);
    let done =
        put(&temp, &bytes, repo.syncs_objects()).and_then(|()| into_place(&temp, &dir, &path));
    if done.is_err() {
        // The error that is returned says more than a left-over file.
        let _ = fs::remove_file(&temp);
    }
    done.map(|()| oid)
}

/// Reads an object if it is loose; whatever stands in the way is for the ordinary way of reading to tell.
pub fn read(repo: &Repo, oid: Oid) -> Option<(Kind, Vec<u8>)> {
    let objects = repo.gix().objects.store_ref().path();
    let mut data = Vec::new();
    let store = gix::odb::loose::Store::at(objects, repo.hash());
    let kind = store.try_find(&oid, &mut data).ok()??.kind;
    Some((kind, data))
}

/// Returns an object's directory and its file.
fn path_of(objects: &Path, oid: Oid) -> (PathBuf, PathBuf) {
    let hex = oid.to_string();
    let dir = objects.join(&hex[..2]);
    let path = dir.join(&hex[2..]);
    (dir, path)
}

/// Writes a file that is nobody's yet.
pub(super) fn put(temp: &Path, bytes: &[u8], sync: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create_new(true).mode(0o444);
    let mut file = options.open(temp)?;
    file.write_all(bytes)?;
    if sync { file.sync_all() } else { Ok(()) }
}

fn into_place(temp: &Path, dir: &Path, path: &Path) -> io::Result<()> {
    match fs::rename(temp, path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            match fs::create_dir(dir) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            fs::rename(temp, path)
        }
        done => done,
    }
}

/// Returns header and data as a zlib stream that stores them.
pub(super) fn stored(header: &[u8], data: &[u8]) -> Vec<u8> {
    let all = [header, data].concat();
    let mut out = Vec::with_capacity(all.len() + 16);
    // Deflate with a window of 32 KiB, no dictionary, the lowest level.
    out.extend([0x78, 0x01]);
    let mut blocks = all.chunks(BLOCK).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(u8::from(blocks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    out.extend(adler32(&all).to_be_bytes());
    out
}

/// The checksum of RFC 1950, section 8.2.
fn adler32(bytes: &[u8]) -> u32 {
    const BASE: u32 = 65_521;
    // So many bytes cannot overflow 32 bits.
    const RUN: usize = 5_552;
    let (mut low, mut high) = (1u32, 0u32);
    for run in bytes.chunks(RUN) {
        for byte in run {
            low += u32::from(*byte);
            high += low;
        }
        low %= BASE;
        high %= BASE;
    }
    high << 16 | low
}

#[cfg(test)]
mod tests {
    use super::{adler32, stored};

    #[test]
    fn the_checksum_is_that_of_the_rfc() {
        assert_eq!(adler32(b""), 1);
        assert_eq!(adler32(b"Wikipedia"), 0x11E6_0398);
        assert_eq!(adler32(&vec![0xff; 100_000]), 0x149a_302c);
    }

    #[test]
    fn a_long_object_has_more_than_one_block() {
        let bytes = stored(b"blob 70000\0", &vec![7; 70_000]);
        assert_eq!(&bytes[..7], [0x78, 0x01, 0, 0xff, 0xff, 0, 0]);
        assert_eq!(bytes.len(), 2 + 2 * 5 + 11 + 70_000 + 4);
    }
}
