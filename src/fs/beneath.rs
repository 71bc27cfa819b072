//! Directories by handle: nothing is reached through a link, so nothing that a tree holds leads out of it.
//!
//! Only the root that is opened may be reached through links; below it every step names one entry of one directory.

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Write},
    os::{
        fd::OwnedFd,
        unix::{
            ffi::{OsStrExt, OsStringExt},
            fs::MetadataExt,
        },
    },
    path::{Component, Path},
};

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// A file.
    File,
    /// A directory.
    Dir,
    /// A link.
    Link,
    /// Anything else.
    Other,
}

/// An entry as its directory lists it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub name: OsString,
    /// What it is; nothing where the file system does not list that.
    pub sort: Option<Sort>,
}

/// What is known of an entry.
#[derive(Clone, Copy, Debug)]
pub struct Meta {
    /// What it is.
    pub sort: Sort,
    /// Its permissions.
    pub mode: u32,
    /// Its size.
    pub size: u64,
    /// How many names it has.
    pub links: u64,
    /// What tells it from all others: device and number.
    pub id: (u64, u64),
    /// The user it belongs to.
    pub owner: u32,
}

impl From<FileType> for Sort {
    fn from(kind: FileType) -> Self {
        match kind {
            FileType::RegularFile => Sort::File,
            FileType::Directory => Sort::Dir,
            FileType::Symlink => Sort::Link,
            _ => Sort::Other,
        }
    }
}

impl From<&std::fs::Metadata> for Meta {
    fn from(meta: &std::fs::Metadata) -> Self {
        let sort = match meta.file_type() {
            kind if kind.is_file() => Sort::File,
            kind if kind.is_dir() => Sort::Dir,
            kind if kind.is_symlink() => Sort::Link,
            _ => Sort::Other,
        };
        Meta {
            sort,
            mode: meta.mode() & 0o777,
            size: meta.size(),
            links: meta.nlink(),
            id: (meta.dev(), meta.ino()),
            owner: meta.uid(),
        }
    }
}

/// An open directory.
#[derive(Debug)]
pub struct Dir {
    fd: OwnedFd,
}

/// What a directory is opened with below the root.
const STEP: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC)
    .union(OFlags::RDONLY);

impl Dir {
    /// Opens a root.
    pub fn root(path: &Path) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
        let fd = rustix::fs::open(path, flags, Mode::empty())?;
        Ok(Dir { fd })
    }

    /// Opens a directory in it.
    pub fn child(&self, name: &OsStr) -> io::Result<Self> {
        let fd = rustix::fs::openat(&self.fd, name, STEP, Mode::empty())?;
        Ok(Dir { fd })
    }

    /// Opens a directory in it, which is made if there is nothing of that name.
    pub fn make(&self, name: &OsStr, mode: u32) -> io::Result<Self> {
        match rustix::fs::mkdirat(&self.fd, name, Mode::from_raw_mode(mode)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => self.child(name),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the directory at a relative path; those that are missing are made, if that is wanted.
    pub fn descend(&self, path: &Path, make: bool) -> io::Result<Self> {
        let mut at = Dir {
            fd: rustix::io::fcntl_dupfd_cloexec(&self.fd, 0)?,
        };
        for step in path.components() {
            at = match step {
                Component::Normal(name) if make => at.make(name, 0o777)?,
                Component::Normal(name) => at.child(name)?,
                Component::CurDir => at,
                _ => return Err(io::ErrorKind::InvalidInput.into()),
            };
        }
        Ok(at)
    }

    /// Looks at an entry.
    pub fn meta(&self, name: &OsStr) -> io::Result<Meta> {
        let stat = rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(Meta {
            sort: FileType::from_raw_mode(stat.st_mode).into(),
            mode: stat.st_mode & 0o777,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            links: wide(stat.st_nlink),
            id: (wide(stat.st_dev), wide(stat.st_ino)),
            owner: stat.st_uid,
        })
    }

    /// Looks at the directory itself.
    pub fn mode(&self) -> io::Result<u32> {
        Ok(rustix::fs::fstat(&self.fd)?.st_mode & 0o777)
    }

    /// Lists what is in it.
    pub fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                entries.push(Entry {
                    name: OsString::from_vec(name.to_vec()),
                    sort: match entry.file_type() {
                        FileType::Unknown => None,
                        known => Some(known.into()),
                    },
                });
            }
        }
        Ok(entries)
    }

    /// Says what an entry is, whether its directory lists that or not.
    pub fn sort(&self, entry: &Entry) -> io::Result<Sort> {
        entry
            .sort
            .map_or_else(|| Ok(self.meta(&entry.name)?.sort), Ok)
    }

    /// Opens a file for reading; a pipe is not waited for.
    pub fn read(&self, name: &OsStr) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.fd, name, flags, Mode::empty())?.into())
    }

    /// Makes a file where nothing is.
    pub fn create(&self, name: &OsStr, mode: u32) -> io::Result<File> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.fd, name, flags, Mode::from_raw_mode(mode))?.into())
    }

    /// Returns where a link leads.
    pub fn read_link(&self, name: &OsStr) -> io::Result<OsString> {
        let target = rustix::fs::readlinkat(&self.fd, name, Vec::new())?;
        Ok(OsStr::from_bytes(target.to_bytes()).to_owned())
    }

    /// Makes a link.
    pub fn symlink(&self, target: &OsStr, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::symlinkat(target, &self.fd, name)?)
    }

    /// Gives a file of another directory a name here too.
    pub fn link(&self, name: &OsStr, (from, file): (&Dir, &OsStr)) -> io::Result<()> {
        Ok(rustix::fs::linkat(
            &from.fd,
            file,
            &self.fd,
            name,
            AtFlags::empty(),
        )?)
    }

    /// Replaces a file, or makes it; a link of that name goes, what it leads to stays.
    pub fn replace(&self, name: &OsStr, bytes: &[u8], mode: u32) -> io::Result<()> {
        let mut temp = OsString::from(".");
        temp.push(name);
        temp.push(format!(".{}.tmp", std::process::id()));
        let fresh = self.create(&temp, mode)?;
        let written = (|| {
            let mut file = fresh;
            file.write_all(bytes)?;
            rustix::fs::renameat(&self.fd, &temp, &self.fd, name)?;
            Ok(())
        })();
        if written.is_err() {
            // Best effort: the error that is returned says more than a left-over file.
            let _ = rustix::fs::unlinkat(&self.fd, &temp, AtFlags::empty());
        }
        written
    }

    /// Returns how many bytes are free on its file system for whoever asks.
    pub fn free(&self) -> io::Result<u64> {
        let stat = rustix::fs::fstatvfs(&self.fd)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

/// Widens what one system has as a wide number and another one as a narrow one.
fn wide<T: TryInto<u64>>(number: T) -> u64 {
    number.try_into().unwrap_or(u64::MAX)
}

/// Lets a file share the bytes of another one until either is changed, where the file system can do that.
pub fn share(from: &File, to: &File) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        Ok(rustix::fs::ioctl_ficlone(to, from)?)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (from, to);
        Err(io::ErrorKind::Unsupported.into())
    }
}
