//! Listing the refs below one flat prefix.
//!
//! Loose files are read first and packed-refs second, each time anew: a ref that
//! exists throughout is then seen, for `pack-refs` writes it to packed-refs before
//! it removes the file. A file that is gone between its directory entry and its
//! read starts the listing again; so does any other error. Whatever is not a
//! plain flat ref (a directory, a symbolic ref) is left to gix, and a backend that
//! gix does not know to git itself.

use crate::{
    error::{Context, Error, Kind, Result},
    git::{Oid, Repo, repo::Backend, run},
};
use gix::bstr::ByteSlice;
use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, openat};
use std::{collections::BTreeMap, ffi::CStr, os::fd::AsFd};

/// What was found below a prefix, and what tells whether it is still the same.
#[derive(Debug, Default)]
pub struct Listing {
    refs: BTreeMap<String, Oid>,
    /// The inodes of loose refs: git replaces a ref by renaming a new file over it.
    inodes: BTreeMap<String, u64>,
}

impl Listing {
    /// Returns the refs with the objects they name, sorted by name.
    pub fn refs(&self) -> impl Iterator<Item = (&str, Oid)> {
        self.refs.iter().map(|(name, oid)| (name.as_str(), *oid))
    }

    fn of(refs: Vec<(String, Oid)>) -> Self {
        Listing {
            refs: refs.into_iter().collect(),
            inodes: BTreeMap::new(),
        }
    }

    fn inode(&self, name: &str) -> Option<u64> {
        self.inodes.get(name).copied()
    }
}

/// Lists the refs below `prefix` (which ends in `/`) with the objects they name, sorted by name.
pub fn list(repo: &Repo, prefix: &str) -> Result<Vec<(String, Oid)>> {
    Ok(look(repo, prefix, None)?.refs.into_iter().collect())
}

/// Lists the refs below `prefix`; a loose ref that is still the file of an earlier listing is not read again.
///
/// Only for listings of one command, milliseconds apart: an inode is used again some time after its file has gone.
pub fn look(repo: &Repo, prefix: &str, before: Option<&Listing>) -> Result<Listing> {
    match repo.backend() {
        Backend::Files => list_files(repo, prefix, before),
        Backend::Foreign => list_by_git(repo, prefix).map(Listing::of),
    }
}

/// How often a listing that met an error is started again; during `pack-refs` one in a hundred does.
const RESTARTS: usize = 50;

fn list_files(repo: &Repo, prefix: &str, before: Option<&Listing>) -> Result<Listing> {
    let mut last = None;
    for _ in 0..RESTARTS {
        let found = match list_flat(repo, prefix, before) {
            Ok(None) => super::steady(repo, || list_by_gix(repo, prefix).map(Listing::of)),
            other => other,
        };
        match found {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => {}
            Err(error) => last = Some(error),
        }
    }
    // git sees every ref of a repository that we cannot finish listing, or says what is wrong with it.
    list_by_git(repo, prefix)
        .map(Listing::of)
        .map_err(|error| last.into_iter().fold(error, Error::because))
}

/// Returns nothing if there is something below the prefix that is no flat ref.
fn list_flat(repo: &Repo, prefix: &str, before: Option<&Listing>) -> Result<Option<Listing>> {
    let unreadable = || format!("the refs below {prefix} cannot be read");
    let mut found = Listing::default();
    let path = repo.common_dir().join(prefix);
    match openat(CWD, &path, READ | OFlags::DIRECTORY, Mode::empty()) {
        Err(rustix::io::Errno::NOENT) => {}
        Err(error) => return Err(error).context(Kind::Setup, unreadable),
        Ok(dir) => {
            for entry in Dir::read_from(&dir).context(Kind::Setup, unreadable)? {
                let entry = entry.context(Kind::Setup, unreadable)?;
                let name = entry.file_name().to_bytes();
                if name.starts_with(b".") || name.ends_with(b".lock") {
                    continue;
                }
                let (FileType::RegularFile | FileType::Unknown, Ok(name)) =
                    (entry.file_type(), name.to_str())
                else {
                    return Ok(None);
                };
                let full = format!("{prefix}{name}");
                let unchanged = |before: &&Listing| before.inode(&full) == Some(entry.ino());
                let known = before.filter(unchanged);
                let oid = match known.and_then(|before| before.refs.get(&full)) {
                    Some(oid) => Some(*oid),
                    None => read_loose(&dir, entry.file_name()).context(Kind::Setup, unreadable)?,
                };
                let Some(oid) = oid else { return Ok(None) };
                // A file that was replaced since its entry was read is read again next time: no harm.
                found.inodes.insert(full.clone(), entry.ino());
                found.refs.insert(full, oid);
            }
        }
    }
    add_packed(repo, prefix, &mut found)?;
    Ok(Some(found))
}

const READ: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC);

/// Returns nothing if the file holds no object id.
fn read_loose(dir: impl AsFd, name: &CStr) -> rustix::io::Result<Option<Oid>> {
    let file = openat(dir, name, READ, Mode::empty())?;
    // Longer than any object id; a symbolic ref need not fit, it only must not parse.
    let mut buffer = [0u8; 80];
    let read = rustix::io::read(&file, &mut buffer)?;
    Ok(Oid::from_hex(buffer[..read].trim_end()).ok())
}

/// Adds the packed refs that no loose one of the same name hides.
fn add_packed(repo: &Repo, prefix: &str, found: &mut Listing) -> Result<()> {
    let unreadable = || "the packed refs cannot be read".to_owned();
    let store = gix::refs::file::Store::at(repo.common_dir().to_owned(), repo.hash());
    let packed = store
        .open_packed_buffer()
        .context(Kind::Setup, unreadable)?;
    let Some(packed) = packed else {
        return Ok(());
    };
    let below = packed
        .iter_prefixed(prefix.into())
        .context(Kind::Setup, unreadable)?;
    for reference in below {
        let reference = reference.context(Kind::Setup, unreadable)?;
        found
            .refs
            .entry(reference.name.as_bstr().to_string())
            .or_insert_with(|| reference.target());
    }
    Ok(())
}

fn list_by_gix(repo: &Repo, prefix: &str) -> Result<Vec<(String, Oid)>> {
    // A store of our own each time: a kept one may hold a packed-refs that has been replaced.
    let store = gix::refs::file::Store::at(repo.common_dir().to_owned(), repo.hash());
    let unreadable = || format!("the refs below {prefix} cannot be read");
    let prefix_path: &gix::path::RelativePath =
        prefix.try_into().context(Kind::Setup, unreadable)?;
    let platform = store.iter().context(Kind::Setup, unreadable)?;
    let mut found = Vec::new();
    for item in platform
        .prefixed(prefix_path)
        .context(Kind::Setup, unreadable)?
    {
        let reference = item.context(Kind::Setup, unreadable)?;
        if let gix::refs::Target::Object(oid) = reference.target {
            found.push((reference.name.as_bstr().to_string(), oid));
        }
    }
    Ok(found)
}

fn list_by_git(repo: &Repo, prefix: &str) -> Result<Vec<(String, Oid)>> {
    let cmd = run::read(repo).args([
        "for-each-ref",
        "--format=%(objectname) %(refname)",
        prefix.trim_end_matches('/'),
    ]);
    let out = run::checked(cmd, "list refs")?;
    out.stdout_text().lines().map(parse_line).collect()
}

/// Reads `<oid> <name>`.
pub(super) fn parse_line(line: &str) -> Result<(String, Oid)> {
    let (oid, name) = line
        .split_once(' ')
        .ok_or_else(|| Error::internal("git listed a ref in an unknown form"))?;
    let oid = Oid::from_hex(oid.as_bytes()).context(Kind::Internal, || {
        "git listed a ref without an object".to_owned()
    })?;
    Ok((name.to_owned(), oid))
}
