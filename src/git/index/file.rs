//! Reads the layout of an index file, versions 2 and 3.
//!
//! Contract: what is handed out lies within the file, so callers may index with it. Entries are
//! handed out in order or not at all. No extension is interpreted here.

use std::ffi::CStr;

use gix::ObjectId;
use gix::bstr::ByteSlice;
use gix::hash::Kind;

use super::{Entry, Stat, Unsupported};

pub(in crate::git) const SIGNATURE: &[u8; 4] = b"DIRC";
pub(in crate::git) const HEADER: usize = 12;
pub(in crate::git) const MTIME: usize = 8;
pub(in crate::git) const MODE: usize = 24;
pub(in crate::git) const SIZE: usize = 36;
pub(in crate::git) const OID: usize = 40;
pub(in crate::git) const GITLINK: u32 = 0o160_000;
pub(in crate::git) const NAME_MASK: u16 = 0x0fff;
const EXTENDED: u16 = 0x4000;

/// The parts of an index file that do not differ between entries.
pub(in crate::git) struct File<'a> {
    pub(in crate::git) bytes: &'a [u8],
    pub(in crate::git) hash: Kind,
    pub(in crate::git) count: u32,
    /// Where the trailing checksum starts.
    pub(in crate::git) trailer: usize,
}

/// One entry in place.
#[derive(Clone, Copy)]
pub(in crate::git) struct Raw<'a> {
    pub(in crate::git) start: usize,
    pub(in crate::git) end: usize,
    pub(in crate::git) path: &'a [u8],
    pub(in crate::git) flags: u16,
    pub(in crate::git) extended: u16,
}

impl<'a> File<'a> {
    pub(in crate::git) fn open(bytes: &'a [u8], hash: Kind) -> Result<Self, Unsupported> {
        let trailer = bytes
            .len()
            .checked_sub(hash.len_in_bytes())
            .filter(|at| *at >= HEADER)
            .ok_or(Unsupported::Corrupt("too short"))?;
        if !bytes.starts_with(SIGNATURE) {
            return Err(Unsupported::Corrupt("no DIRC signature"));
        }
        match be32(bytes, 4) {
            2 | 3 => Ok(Self {
                bytes,
                hash,
                count: be32(bytes, 8),
                trailer,
            }),
            other => Err(Unsupported::Version(other)),
        }
    }

    /// Returns a file without entries.
    pub(in crate::git) fn empty(hash: Kind) -> Vec<u8> {
        // The trailer is only looked at for being zero.
        let trailer = vec![1; hash.len_in_bytes()];
        [&SIGNATURE[..], &[0, 0, 0, 2, 0, 0, 0, 0], &trailer].concat()
    }

    /// Visits every entry in order and returns where they end.
    pub(in crate::git) fn scan(
        &self,
        mut visit: impl FnMut(&Raw<'a>) -> Result<(), Unsupported>,
    ) -> Result<usize, Unsupported> {
        let mut at = HEADER;
        let mut last: (&[u8], u16) = (b"", 0);
        for _ in 0..self.count {
            let raw = self
                .raw(at)
                .ok_or(Unsupported::Corrupt("an entry is cut off"))?;
            let now = (raw.path, raw.flags & 0x3000);
            // Only a split index has nameless entries: they replace those of the shared file.
            if raw.path.is_empty() {
                return Err(Unsupported::Split);
            }
            // Marks are merged by order, so a file that is out of order would be edited wrongly.
            if last >= now {
                return Err(Unsupported::Corrupt("entries are out of order"));
            }
            last = now;
            visit(&raw)?;
            at = raw.end;
        }
        Ok(at)
    }

    fn raw(&self, start: usize) -> Option<Raw<'a>> {
        let body = &self.bytes[..self.trailer];
        let flags_at = start + OID + self.hash.len_in_bytes();
        let flags = be16(body.get(flags_at..)?)?;
        let (extended, name_at) = if flags & EXTENDED == 0 {
            (0, flags_at + 2)
        } else {
            (be16(body.get(flags_at + 2..)?)?, flags_at + 4)
        };
        let rest = body.get(name_at..)?;
        let len = match flags & NAME_MASK {
            NAME_MASK => rest.find_byte(0)?,
            short => usize::from(short),
        };
        let end = start + padded(name_at - start + len);
        if *rest.get(len)? != 0 || end > body.len() {
            return None;
        }
        Some(Raw {
            start,
            end,
            path: &rest[..len],
            flags,
            extended,
        })
    }

    /// Splits what follows the entries into extensions, each a name and its data.
    pub(in crate::git) fn extensions(
        &self,
        start: usize,
    ) -> impl Iterator<Item = Result<(&'a [u8], &'a [u8]), Unsupported>> {
        let mut rest = &self.bytes[start..self.trailer];
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let split = rest.split_at_checked(8).and_then(|(head, tail)| {
                let len = usize::try_from(be32(head, 4)).ok()?;
                let (data, tail) = tail.split_at_checked(len)?;
                rest = tail;
                Some((&head[..4], data))
            });
            if split.is_none() {
                rest = &[];
            }
            Some(split.ok_or(Unsupported::Corrupt("an extension is cut off")))
        })
    }
}

impl<'a> Raw<'a> {
    /// Returns the path from a byte on as the system takes it.
    pub(in crate::git) fn name(&self, file: &File<'a>, from: usize) -> Option<&'a CStr> {
        let fields = if self.flags & EXTENDED == 0 { 2 } else { 4 };
        let at = self.start + OID + file.hash.len_in_bytes() + fields;
        // Zeros follow every path.
        let name = file.bytes.get(at + from..=at + self.path.len())?;
        CStr::from_bytes_with_nul(name).ok()
    }

    /// Returns the recorded `lstat`.
    pub(in crate::git) fn stat(&self, file: &File<'_>) -> Stat {
        let word = |at| be32(file.bytes, self.start + at);
        Stat {
            ctime_s: word(0),
            ctime_ns: word(4),
            mtime_s: word(MTIME),
            mtime_ns: word(12),
            dev: word(16),
            ino: word(20),
            uid: word(28),
            gid: word(32),
            size: word(SIZE),
        }
    }

    pub(in crate::git) fn stage(&self) -> u8 {
        (self.flags >> 12).to_be_bytes()[1] & 3
    }

    /// Returns the flags as [`Entry::flags`] has them.
    pub(in crate::git) fn all_flags(&self) -> u32 {
        u32::from(self.flags) | u32::from(self.extended) << 16
    }

    /// Returns the recorded type and permission.
    pub(in crate::git) fn mode(&self, file: &File<'_>) -> u32 {
        be32(file.bytes, self.start + MODE)
    }

    pub(in crate::git) fn entry(&self, file: &File<'_>) -> Result<Entry, Unsupported> {
        let at = self.start + OID;
        let oid = ObjectId::try_from(&file.bytes[at..at + file.hash.len_in_bytes()])
            .map_err(|_| Unsupported::Corrupt("an object id"))?;
        Ok(Entry {
            oid,
            mode: be32(file.bytes, self.start + MODE),
            stage: self.stage(),
            flags: self.all_flags(),
        })
    }
}

/// The length of an entry whose fields and path take `len`: one to eight zeros follow.
pub(in crate::git) fn padded(len: usize) -> usize {
    (len + 8) & !7
}

fn be16(bytes: &[u8]) -> Option<u16> {
    bytes.first_chunk().map(|b| u16::from_be_bytes(*b))
}

/// Reads a word that is known to be there.
pub(in crate::git) fn be32(bytes: &[u8], at: usize) -> u32 {
    let [a, b, c, d] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
    u32::from_be_bytes([a, b, c, d])
}
