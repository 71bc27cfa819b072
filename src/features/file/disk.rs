//! The file itself: where a name leads, what stands there, and replacing it whole.

use super::model::MAX_BYTES;
use crate::{
    env,
    error::{Context, Error, Kind, Result},
    features::file::error,
};
use std::{
    fs::{self, Metadata, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
    path::{Component, Path, PathBuf},
};

/// So many links are followed, as by the kernel.
const MAX_LINKS: usize = 40;

/// Returns the place that a typed path leads to, links followed; the file need not exist.
pub fn resolve(cwd: &Path, typed: &Path) -> Result<PathBuf> {
    if typed.as_os_str().is_empty() {
        return Err(Error::usage("an empty path names no file").hint("git ccc file list"));
    }
    let path = match (typed.strip_prefix("~"), env::home()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => cwd.join(typed),
    };
    let unclear = || format!("{} leads to no place for a file", typed.display());
    let mut path = path;
    for _ in 0..MAX_LINKS {
        match path.canonicalize() {
            Ok(real) => return Ok(real),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(Error::usage(unclear())
                    .caused_by(&error)
                    .hint("git ccc file list"));
            }
        }
        // A link that leads to nothing yet, or a directory that is still to be made.
        match fs::read_link(&path) {
            Ok(to) => path = path.parent().unwrap_or(Path::new("/")).join(to),
            Err(_) => return real_parent(&path).context(Kind::Usage, unclear),
        }
    }
    Err(Error::usage(unclear())
        .because("its links lead in a circle")
        .hint("git ccc file list"))
}

/// Follows the links of the directory as far as it exists.
fn real_parent(path: &Path) -> io::Result<PathBuf> {
    let mut there = path.to_owned();
    let mut rest = Vec::new();
    while !there.exists() {
        match there.components().next_back() {
            Some(Component::Normal(name)) => rest.push(name.to_owned()),
            Some(Component::CurDir) => {}
            // `..` of a directory that is not there names nothing.
            _ => return Err(io::ErrorKind::NotFound.into()),
        }
        if !there.pop() {
            return Err(io::ErrorKind::NotFound.into());
        }
    }
    let mut real = there.canonicalize()?;
    real.extend(rest.into_iter().rev());
    Ok(real)
}

/// What stands at a place.
#[derive(Debug, Default)]
pub struct Found {
    /// The content; nothing if there is no file.
    pub bytes: Option<Vec<u8>>,
    meta: Option<Metadata>,
}

impl Found {
    /// Tells whether the place is still as it was found.
    fn still(&self, path: &Path) -> bool {
        let now = fs::symlink_metadata(path).ok();
        let key = |meta: &Metadata| (file_key(meta), meta.ctime(), meta.ctime_nsec());
        now.as_ref().map(key) == self.meta.as_ref().map(key)
    }

    /// Tells whether a file is what was found, under another name: a rename changes the time of change.
    fn is(&self, path: &Path) -> io::Result<bool> {
        let now = fs::symlink_metadata(path)?;
        Ok(Some(file_key(&now)) == self.meta.as_ref().map(file_key))
    }

    /// Returns how many names the file has.
    pub fn names(&self) -> u64 {
        self.meta.as_ref().map_or(0, MetadataExt::nlink)
    }
}

fn file_key(meta: &Metadata) -> (u64, u64, u64, i64, i64) {
    let modified = (meta.mtime(), meta.mtime_nsec());
    (meta.dev(), meta.ino(), meta.size(), modified.0, modified.1)
}

/// Reads what stands at a place; anything but a file of a size that can be shared is an error.
pub fn read(path: &Path) -> Result<Found> {
    let unreadable = || format!("{} cannot be read", path.display());
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::default()),
        Err(error) => return Err(Error::setup(unreadable()).caused_by(&error)),
    };
    // A pipe would be waited for.
    if !meta.is_file() {
        return Err(error::no_file(path, meta.is_dir()));
    }
    let too_large = || error::too_large(&path.display().to_string());
    if meta.size() > MAX_BYTES as u64 {
        return Err(too_large());
    }
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
        .open(path);
    let file = opened.context(Kind::Setup, unreadable)?;
    let meta = file.metadata().context(Kind::Setup, unreadable)?;
    let mut bytes =
        Vec::with_capacity(usize::try_from(meta.size()).unwrap_or(0).min(MAX_BYTES) + 1);
    file.take(MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .context(Kind::Setup, unreadable)?;
    if bytes.len() > MAX_BYTES {
        return Err(too_large());
    }
    Ok(Found {
        bytes: Some(bytes),
        meta: Some(meta),
    })
}

/// Replaces a file whole, if it is still as it was found; tells whether it was.
///
/// A full disk or a kill leaves the old file or the new one. How far a power cut is waited out is git's setting
/// `core.fsync`: by default the disk has begun with the content before its name changes, as ext4 and btrfs do of
/// themselves; with `loose-object` in it the content is there.
pub fn replace(
    path: &Path,
    (bytes, sync): (&[u8], bool),
    old: &Found,
    temp_name: &str,
) -> Result<bool> {
    let unwritable = || format!("{} cannot be written, and is as it was", path.display());
    if old
        .meta
        .as_ref()
        .is_some_and(|meta| meta.mode() & 0o222 == 0)
    {
        return Err(Error::setup(unwritable())
            .because("it is read-only")
            .hint(format!(
                "ls -l {}",
                crate::base::text::shell(&path.display().to_string())
            )));
    }
    let dir = path.parent().unwrap_or(Path::new("/"));
    let temp = dir.join(temp_name);
    let done = fs::create_dir_all(dir)
        .and_then(|()| prepare(&temp, (bytes, sync), old.meta.as_ref()))
        .and_then(|()| {
            if !old.still(path) {
                return Ok(false);
            }
            let known = |path: &Path| old.is(path);
            let is_old = old.meta.as_ref().map(|_| &known as crate::fs::IsOld<'_>);
            crate::fs::put(&temp, path, is_old)
        });
    if !matches!(done, Ok(true)) {
        // What is returned says more than a left-over file.
        let _ = fs::remove_file(&temp);
    }
    done.context(Kind::Setup, unwritable)
        .map_err(|error| error.hint("git ccc doctor"))
}

/// Removes a file, if it is still as it was found; tells whether it was.
pub fn remove(path: &Path, old: &Found) -> Result<bool> {
    if !old.still(path) {
        return Ok(false);
    }
    crate::fs::remove(path).context(Kind::Setup, || {
        format!("{} cannot be removed", path.display())
    })?;
    Ok(true)
}

fn prepare(temp: &Path, (bytes, sync): (&[u8], bool), old: Option<&Metadata>) -> io::Result<()> {
    // Only who holds the file's lock writes here: what stands there was left by a kill.
    crate::fs::remove(temp)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    if old.is_some() {
        // Nobody reads it before it has the mode of the file.
        options.mode(0o600);
    }
    let mut file = options.open(temp)?;
    file.write_all(bytes)?;
    if let Some(old) = old {
        let new = file.metadata()?;
        if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
            fchown(&file, Some(old.uid()), Some(old.gid()))?;
        }
        file.set_permissions(fs::Permissions::from_mode(old.mode() & 0o7777))?;
    }
    if sync {
        file.sync_all()
    } else {
        crate::fs::begin_writeback(&file);
        Ok(())
    }
}
