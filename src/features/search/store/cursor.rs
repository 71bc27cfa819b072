//! How far every source was read, committed together with what was read of it.
//!
//! The cursors are one file, written before the commit that names it: whatever kills us in between, the commit that
//! counts names a whole file of its own time. A line a source, fields by tabs, paths escaped.

use crate::{
    error::{Context, Error, Kind, Result},
    features::search::readers::hash,
};
use std::{
    ffi::OsString,
    fmt::Write as _,
    io::Write as _,
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::PermissionsExt,
    },
    path::{Path, PathBuf},
};
use tantivy::Index;

/// The first line: another one is another program's.
const HEAD: &str = "git-ccc cursors 1";
/// So many bytes before the end of what was read prove that it is still the same.
pub const TAIL: u64 = 4096;

/// The modification time of a file that is still to be read, for it has no such time: whatever interrupts us, it is looked
/// at again.
pub const UNREAD: i64 = i64::MIN;

/// How far one source was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The source.
    pub id: u64,
    /// Its reader.
    pub agent: String,
    /// Where it is.
    pub path: PathBuf,
    /// The file that was read: device and inode.
    pub file: (u64, u64),
    /// Its size then.
    pub size: u64,
    /// Its modification time then, in nanoseconds.
    pub mtime: i64,
    /// Where the first line begins that was not read for good.
    pub offset: u64,
    /// The hash of the first bytes, at most [`TAIL`], of what was read.
    pub head: u64,
    /// The hash of the last bytes of it.
    pub tail: u64,
    /// It was not there when it was last looked for.
    pub gone: bool,
    /// For refs: the commit up to which was read.
    pub mark: String,
    /// Sources that own records which this one repeats.
    pub owners: Vec<u64>,
}

/// Reads the cursors that belong to the index as it is.
pub fn load(index: &Index, dir: &Path) -> Result<Vec<Cursor>> {
    // A commit beside us replaces the file: then the next look finds the next one.
    for _ in 0..20 {
        let metas = index
            .load_metas()
            .context(Kind::Setup, || "the index cannot be read".to_owned())?;
        let Some(name) = metas.payload else {
            return Ok(Vec::new());
        };
        let path = dir.join(&name);
        match std::fs::read_to_string(&path) {
            Ok(text) => return decode(&text).ok_or_else(|| damaged(&path)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error)
                    .context(Kind::Setup, || format!("{} cannot be read", path.display()));
            }
        }
    }
    Err(damaged(dir))
}

fn damaged(path: &Path) -> Error {
    Error::setup(format!(
        "the index is damaged: {} is not what it was",
        path.display()
    ))
    .hint("git ccc index --rebuild")
}

/// Writes the cursors and returns the name for the commit.
pub fn save(dir: &Path, cursors: &[Cursor], nonce: u64) -> std::io::Result<String> {
    let text = encode(cursors);
    let name = format!("cursors-{:016x}-{nonce:x}", hash(text.as_bytes()));
    let path = dir.join(&name);
    let mut file = std::fs::File::create(&path)?;
    file.write_all(text.as_bytes())?;
    crate::fs::private_file(&path)?;
    file.sync_data()?;
    Ok(name)
}

/// Removes what no commit names any more, and keeps others out of the rest.
pub fn tidy(dir: &Path, named: &str) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("cursors-") && name != named {
            crate::fs::remove(&entry.path())?;
            continue;
        }
        // The engine removes files of its own beside us.
        let absent = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        };
        match entry.metadata() {
            Ok(meta) if meta.is_file() && meta.permissions().mode() & 0o777 != 0o600 => {
                crate::fs::private_file(&entry.path()).or_else(absent)?;
            }
            Ok(_) => {}
            Err(error) => absent(error)?,
        }
    }
    Ok(())
}

fn encode(cursors: &[Cursor]) -> String {
    let mut out = format!("{HEAD}\n");
    for cursor in cursors {
        let owners: Vec<String> = cursor
            .owners
            .iter()
            .map(|owner| format!("{owner:x}"))
            .collect();
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "{:x}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{:x}\t{:x}\t{}\t{}\t{}",
            cursor.id,
            cursor.agent,
            escape(cursor.path.as_os_str().as_bytes()),
            cursor.file.0,
            cursor.file.1,
            cursor.size,
            cursor.mtime,
            cursor.offset,
            cursor.head,
            cursor.tail,
            u8::from(cursor.gone),
            cursor.mark,
            owners.join(","),
        );
    }
    out
}

fn decode(text: &str) -> Option<Vec<Cursor>> {
    let mut lines = text.lines();
    if lines.next() != Some(HEAD) || !text.ends_with('\n') {
        return None;
    }
    lines.map(decode_line).collect()
}

fn decode_line(line: &str) -> Option<Cursor> {
    let mut fields = line.split('\t');
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    let mut next = || fields.next();
    Some(Cursor {
        id: hex(next()?)?,
        agent: next()?.to_owned(),
        path: PathBuf::from(OsString::from_vec(unescape(next()?)?)),
        file: (next()?.parse().ok()?, next()?.parse().ok()?),
        size: next()?.parse().ok()?,
        mtime: next()?.parse().ok()?,
        offset: next()?.parse().ok()?,
        head: hex(next()?)?,
        tail: hex(next()?)?,
        gone: next()? == "1",
        mark: next()?.to_owned(),
        owners: {
            let list = next()?;
            list.split(',')
                .filter(|owner| !owner.is_empty())
                .map(hex)
                .collect::<Option<_>>()?
        },
    })
}

fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_graphic() && *byte != b'%' {
            out.push(char::from(*byte));
        } else {
            let _ = write!(out, "%{byte:02x}");
        }
    }
    out
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            out.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            out.push(byte);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back_as_they_were() {
        let odd = PathBuf::from(OsString::from_vec(b"/a b\t%\n\xff".to_vec()));
        let cursors = vec![
            Cursor {
                id: u64::MAX,
                agent: "claude".into(),
                path: odd,
                file: (1, 2),
                size: 3,
                mtime: -4,
                ..Cursor::default()
            },
            Cursor {
                gone: true,
                mark: "abc".into(),
                owners: vec![1, u64::MAX],
                head: 5,
                tail: 6,
                ..Cursor::default()
            },
        ];
        let text = encode(&cursors);
        assert_eq!(decode(&text), Some(cursors));
        assert_eq!(
            decode(&text[..text.len() - 1]),
            None,
            "a torn file is damaged"
        );
        assert_eq!(decode("git-ccc cursors 2\n"), None);
    }
}
