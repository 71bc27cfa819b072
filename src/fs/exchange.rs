//! Replacing a file only if it still is what was read, though its other writers take no lock.
//!
//! A look and then a rename leaves a moment in which another writer's file is lost. So the two files trade places, which the kernel does in
//! one step, and the look comes after that: what was taken out is known, or it is put back.

use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};
use std::{
    fs,
    io::{self, ErrorKind},
    path::Path,
};

/// Tells whether a file that was taken out is the one that may go.
pub type IsOld<'a> = &'a dyn Fn(&Path) -> io::Result<bool>;

/// Puts `temp` in the place of `path` if what stands there may go, or if nothing stands there and `is_old` is none; tells whether it did.
///
/// Both are in one directory. What is not put in its place stays at `temp`, which the caller removes. On a file system that
/// cannot exchange names there is a moment between the look and the rename.
pub fn put(temp: &Path, path: &Path, is_old: Option<IsOld<'_>>) -> io::Result<bool> {
    let Some(is_old) = is_old else {
        return put_new(temp, path);
    };
    let ours = identity(temp)?;
    match exchange(temp, path) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) if is_unsupported(&error) => {
            if !is_old(path)? {
                return Ok(false);
            }
            return fs::rename(temp, path).map(|()| true);
        }
        Err(error) => return Err(error),
    }
    if matches!(is_old(temp), Ok(true)) {
        // The new file is in its place; what is left over is tidied by the caller's next write.
        let _ = fs::remove_file(temp);
        return Ok(true);
    }
    exchange(temp, path)?;
    if identity(temp)? != ours {
        // Somebody has replaced ours in between: theirs is the newest.
        exchange(temp, path)?;
    }
    Ok(false)
}

/// Replaces `path` with `bytes` without bringing them to the disk first, which some file systems wait for when a file is
/// renamed over another: for what a power cut may take.
pub fn replace_soon(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temp = super::prepare(path, bytes)?;
    let done = match exchange(&temp, path) {
        Ok(()) => fs::remove_file(&temp),
        // Nothing stands there yet, or names cannot be exchanged.
        Err(_) => fs::rename(&temp, path),
    };
    if done.is_err() {
        // What is returned says more than a left-over file.
        let _ = fs::remove_file(&temp);
    }
    done
}

/// Replaces a file if its content still is `was`, or if there is none and `was` is none; tells whether it did.
pub fn replace_if(path: &Path, bytes: &[u8], was: Option<&[u8]>) -> io::Result<bool> {
    let temp = super::prepare(path, bytes)?;
    let is_old = |path: &Path| Ok(Some(fs::read(path)?.as_slice()) == was);
    let done = put(&temp, path, was.map(|_| &is_old as IsOld<'_>));
    if !matches!(done, Ok(true)) {
        // What is returned says more than a left-over file.
        let _ = fs::remove_file(&temp);
    }
    done
}

fn put_new(temp: &Path, path: &Path) -> io::Result<bool> {
    match renameat_with(CWD, temp, CWD, path, RenameFlags::NOREPLACE).map_err(io::Error::from) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) if is_unsupported(&error) => match fs::hard_link(temp, path) {
            Ok(()) => fs::remove_file(temp).map(|()| true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    }
}

fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

fn is_unsupported(error: &io::Error) -> bool {
    let unsupported = [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP].map(Errno::raw_os_error);
    error
        .raw_os_error()
        .is_some_and(|code| unsupported.contains(&code))
}

/// Which file it is, whatever it is called.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let meta = fs::symlink_metadata(path)?;
    Ok((meta.dev(), meta.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_put_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let says = || fs::read_to_string(&path).unwrap();
        assert!(replace_if(&path, b"1", None).unwrap());
        assert!(!replace_if(&path, b"x", None).unwrap());
        assert_eq!(says(), "1");
        assert!(replace_if(&path, b"2", Some(b"1")).unwrap());
        assert!(!replace_if(&path, b"x", Some(b"1")).unwrap());
        assert_eq!(says(), "2");
        fs::remove_file(&path).unwrap();
        assert!(!replace_if(&path, b"x", Some(b"2")).unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn who_writes_in_between_is_not_lost() {
        let dir = tempfile::tempdir().unwrap();
        let [path, temp, theirs] = ["file", "temp", "theirs"].map(|name| dir.path().join(name));
        fs::write(&path, "unknown").unwrap();
        fs::write(&temp, "ours").unwrap();
        // At the moment of the look a third one puts a file of its own in the place of ours.
        let look = |_: &Path| {
            fs::write(&theirs, "newest")?;
            fs::rename(&theirs, &path)?;
            Ok(false)
        };
        assert!(!put(&temp, &path, Some(&look)).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "newest");
    }
}
