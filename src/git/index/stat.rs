//! The `lstat` of a file as an index keeps it.

use std::os::unix::fs::MetadataExt;

/// The cached `lstat` of a file, cut to 32 bits as git cuts it.
///
/// It must have been taken before the content was read. All zero means "unknown": git will
/// compare content; so does `size` 0 unless the blob is empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stat {
    /// Seconds of the inode's change time.
    pub ctime_s: u32,
    /// Nanoseconds of the inode's change time.
    pub ctime_ns: u32,
    /// Seconds of the modification time.
    pub mtime_s: u32,
    /// Nanoseconds of the modification time.
    pub mtime_ns: u32,
    /// Device number.
    pub dev: u32,
    /// Inode number.
    pub ino: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Size in bytes.
    pub size: u32,
}

impl From<&std::fs::Metadata> for Stat {
    fn from(meta: &std::fs::Metadata) -> Self {
        Self {
            ctime_s: low(meta.ctime().cast_unsigned()),
            ctime_ns: low(meta.ctime_nsec().cast_unsigned()),
            mtime_s: low(meta.mtime().cast_unsigned()),
            mtime_ns: low(meta.mtime_nsec().cast_unsigned()),
            dev: low(meta.dev()),
            ino: low(meta.ino()),
            uid: meta.uid(),
            gid: meta.gid(),
            size: size(meta.size()),
        }
    }
}

impl From<&rustix::fs::Stat> for Stat {
    fn from(stat: &rustix::fs::Stat) -> Self {
        // The widths differ from system to system; what is cut off is cut off in any case.
        let cut = |number: i128| {
            let [.., a, b, c, d] = number.to_be_bytes();
            u32::from_be_bytes([a, b, c, d])
        };
        Self {
            ctime_s: cut(stat.st_ctime.into()),
            ctime_ns: cut(stat.st_ctime_nsec.into()),
            mtime_s: cut(stat.st_mtime.into()),
            mtime_ns: cut(stat.st_mtime_nsec.into()),
            dev: cut(stat.st_dev.into()),
            ino: cut(stat.st_ino.into()),
            uid: stat.st_uid,
            gid: stat.st_gid,
            size: size(u64::try_from(stat.st_size).unwrap_or(0)),
        }
    }
}

/// As git's munge_st_size: a multiple of 4 GiB must not look like "unknown".
fn size(wide: u64) -> u32 {
    match low(wide) {
        0 if wide != 0 => 0x8000_0000,
        low => low,
    }
}

fn low(wide: u64) -> u32 {
    let [.., a, b, c, d] = wide.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}
