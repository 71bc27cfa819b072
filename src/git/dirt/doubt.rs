//! Files whose stat does not say whether they are what the index has: they are read.
//!
//! A file counts as read into the repository as it is, without filter, encoding, `ident` or a change of its line ends. Where
//! one of these may apply, git is asked.

use super::Stop;
use crate::{
    error::{Context, Kind},
    git::{Oid, Repo, index::Entry},
};
use gix::{
    AttributeStack,
    attrs::{StateRef, search::Outcome},
    bstr::{BStr, ByteSlice},
    objs::{Kind as ObjectKind, encode::loose_header},
};
use rustix::fs::OFlags;
use std::{
    ffi::OsStr,
    fs::OpenOptions,
    io::Read,
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, OpenOptionsExt},
    },
    path::Path,
};

/// Attributes that change content, first those of line ends.
const ATTRIBUTES: [&str; 6] = [
    "text",
    "crlf",
    "eol",
    "filter",
    "ident",
    "working-tree-encoding",
];
const LINK: u32 = 0o120_000;
/// So much of a file is read at once.
const PIECE: usize = 32 << 10;

pub(super) struct Doubt<'a> {
    repo: &'a Repo,
    root: &'a Path,
    stack: AttributeStack<'a>,
    found: Outcome,
    /// Line ends change without an attribute.
    auto: bool,
}

/// What becomes of a file's line ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    Stay,
    MayChange,
}

impl<'a> Doubt<'a> {
    pub(super) fn new(repo: &'a Repo, root: &'a Path) -> Result<Self, Stop> {
        // A file that is missing in the worktree is not looked up: the caller has seen that none is.
        let none = gix::index::State::new(repo.hash());
        let source = gix::worktree::stack::state::attributes::Source::WorktreeThenIdMapping;
        let stack = repo
            .gix()
            .attributes_only(&none, source)
            .context(Kind::Setup, || {
                "the attributes of the worktree cannot be read".to_owned()
            })?;
        let found = stack.selected_attribute_matches(ATTRIBUTES);
        let auto = repo.config("core.autocrlf");
        Ok(Doubt {
            repo,
            root,
            stack,
            found,
            auto: auto.is_some_and(|word| {
                !["false", "no", "off", "0"].contains(&word.to_ascii_lowercase().as_str())
            }),
        })
    }

    /// Tells whether a file is what the index has.
    pub(super) fn is_same(&mut self, path: &[u8], entry: &Entry) -> Result<bool, Stop> {
        let place = self.root.join(OsStr::from_bytes(path));
        if entry.mode == LINK {
            let target = match std::fs::read_link(&place) {
                Ok(target) => target,
                Err(error) => return unread(&error),
            };
            let target = target.as_os_str().as_bytes();
            let oid = gix::objs::compute_hash(self.repo.hash(), ObjectKind::Blob, target);
            return Ok(oid.map_err(|_| Stop::Ask)? == entry.oid);
        }
        let ends = self.ends(path.as_bstr())?;
        let (oid, returns) = match sum(self.repo, &place) {
            Ok(Some(sum)) => sum,
            // It changes just now.
            Ok(None) => return Ok(false),
            Err(error) => return unread(&error),
        };
        if returns && ends == Ends::MayChange {
            return Err(Stop::Ask);
        }
        Ok(oid == entry.oid)
    }

    fn ends(&mut self, path: &BStr) -> Result<Ends, Stop> {
        let place = self.stack.at_entry(path, None).map_err(|_| Stop::Ask)?;
        place.matching_attributes(&mut self.found);
        let (mut may_change, mut binary) = (self.auto, false);
        for found in self.found.iter_selected() {
            match (found.assignment.name.as_str(), found.assignment.state) {
                (_, StateRef::Unspecified) => {}
                ("text", StateRef::Unset) => binary = true,
                ("text" | "crlf" | "eol", _) => may_change = true,
                (_, StateRef::Unset) => {}
                _ => return Err(Stop::Ask),
            }
        }
        Ok(if may_change && !binary {
            Ends::MayChange
        } else {
            Ends::Stay
        })
    }
}

fn unread(error: &std::io::Error) -> Result<bool, Stop> {
    match error.kind() {
        // It has gone since, or is something else now.
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Ok(false),
        _ => Err(Stop::Ask),
    }
}

/// Returns the id of a file as a blob and whether it has carriage returns; nothing if it changes meanwhile.
fn sum(repo: &Repo, place: &Path) -> std::io::Result<Option<(Oid, bool)>> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(place)?;
    let size = file.metadata()?.size();
    let mut hasher = gix::hash::hasher(repo.hash());
    hasher.update(&loose_header(ObjectKind::Blob, size));
    let (mut left, mut returns) = (size, false);
    let mut buffer = vec![0; PIECE];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        let Some(rest) = left.checked_sub(read as u64) else {
            return Ok(None);
        };
        left = rest;
        returns |= memchr::memchr(b'\r', &buffer[..read]).is_some();
        hasher.update(&buffer[..read]);
    }
    if left > 0 {
        return Ok(None);
    }
    let oid = hasher.try_finalize().map_err(std::io::Error::other)?;
    Ok(Some((oid, returns)))
}
