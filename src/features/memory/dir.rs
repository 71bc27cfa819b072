//! A memory directory on disk: read by stat sweep, written file by file and only over what was read.

use super::logic::is_inside;
use crate::{
    base::text::one_line,
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    git::{
        Oid, Repo,
        folder::{self, Files},
    },
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// A larger file is no memory; it is named, and left alone.
const MAX_BYTES: u64 = 16 << 20;
/// A file that changed so shortly before it was read may have changed again with the same time.
const RACY_NANOS: i64 = 2_000_000_000;
const MAX_FILES: usize = 10_000;

/// What a file was when it was read, keyed by path: a cache that may be lost at any time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Seen {
    at: i64,
    files: BTreeMap<String, (u64, i64, u64, String)>,
}

/// Reads a directory into contents; none if it is not there.
pub fn read(ctx: &Ctx, dir: &Path, name: &str) -> Result<Option<Files>> {
    let repo = ctx.repo()?;
    let unreadable = || format!("{} cannot be read", dir.display());
    match fs::metadata(dir) {
        Ok(meta) if meta.is_dir() => {}
        Ok(_) => return Err(Error::setup(format!("{} is no directory", dir.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::setup(unreadable()).caused_by(&error)),
    }
    let cache = repo.ccc_dir().join(format!("memory-{name}.json"));
    let known: Seen = crate::fs::read_capped(&cache, 8 << 20)
        .ok()
        .flatten()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let mut seen = Seen {
        at: ctx.now().unix().saturating_mul(1_000_000_000),
        ..Seen::default()
    };
    let mut files = Files::new();
    for path in list(ctx, dir).context(Kind::Setup, unreadable)? {
        let full = dir.join(&path);
        let Some((stat, oid)) = content(ctx, repo, (&full, &path), &known)
            .context(Kind::Setup, || format!("{} cannot be read", full.display()))?
        else {
            continue;
        };
        let oid = oid?;
        seen.files
            .insert(path.clone(), (stat.0, stat.1, stat.2, oid.to_string()));
        files.insert(path, oid);
    }
    if seen.files != known.files {
        let text = serde_json::to_vec(&seen).context(Kind::Internal, unreadable)?;
        // A cache that cannot be written costs time, nothing else.
        let _ = crate::fs::replace(&cache, &text);
    }
    Ok(Some(files))
}

type Stat = (u64, i64, u64);

/// The content of one file; none if it is not ours to keep, or gone by now.
fn content(
    ctx: &Ctx,
    repo: &Repo,
    (full, path): (&Path, &str),
    known: &Seen,
) -> io::Result<Option<(Stat, Result<Oid>)>> {
    let meta = match fs::symlink_metadata(full) {
        Ok(meta) if meta.is_file() => meta,
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let changed = meta.mtime().saturating_mul(1_000_000_000) + meta.mtime_nsec();
    let stat = (meta.len(), changed, meta.ino());
    if meta.len() > MAX_BYTES {
        ctx.ui.warn(&format!(
            "{} is above 16 MiB and is not kept",
            one_line(path, 200)
        ));
        return Ok(None);
    }
    if let Some((size, time, inode, oid)) = known.files.get(path)
        && (*size, *time, *inode) == stat
        && changed + RACY_NANOS < known.at
        && let Ok(oid) = oid.parse::<Oid>()
        && repo.gix().has_object(oid)
    {
        return Ok(Some((stat, Ok(oid))));
    }
    match fs::read(full) {
        Ok(bytes) => Ok(Some((stat, folder::write_blob(repo, &bytes)))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The paths of all files, sorted; hidden ones and links are left out.
fn list(ctx: &Ctx, dir: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut rest: Vec<PathBuf> = vec![PathBuf::new()];
    while let Some(folder) = rest.pop() {
        let entries = match fs::read_dir(dir.join(&folder)) {
            Err(error)
                if error.kind() == io::ErrorKind::NotFound
                    && folder.components().next().is_some() =>
            {
                continue;
            }
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            let Some(name) = path.to_str().map(str::to_owned) else {
                ctx.ui.warn(&format!(
                    "{} has no readable name and is not kept",
                    one_line(&path.to_string_lossy(), 200)
                ));
                continue;
            };
            if !is_inside(&name) {
                continue;
            }
            let kind = entry.file_type()?;
            if kind.is_dir() {
                rest.push(path);
            } else if kind.is_file() {
                found.push(name);
            }
        }
        if found.len() > MAX_FILES {
            return Err(io::Error::other(format!(
                "it has more than {MAX_FILES} files"
            )));
        }
    }
    found.sort();
    Ok(found)
}

/// Replaces or removes a file if it still is what was read; `false` if it is not.
pub fn write(dir: &Path, path: &str, was: Option<&[u8]>, new: Option<&[u8]>) -> Result<bool> {
    if !is_inside(path) {
        return Err(Error::setup(format!(
            "{} is no path of a memory directory",
            one_line(path, 200)
        )));
    }
    let full = dir.join(path);
    let unwritten = || format!("{} cannot be written", full.display());
    let is = match fs::read(&full) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(Error::setup(unwritten()).caused_by(&error)),
    };
    if is.as_deref() == new {
        return Ok(true);
    }
    if is.as_deref() != was {
        return Ok(false);
    }
    match new {
        Some(bytes) => crate::fs::replace_if(&full, bytes, was),
        None => crate::fs::remove(&full).map(|()| true),
    }
    .context(Kind::Setup, unwritten)
}
