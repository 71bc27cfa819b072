//! Finds the conflict markers that a range has brought.

use super::range::Resolved;
use crate::{
    error::{Context, Kind, Result},
    features::check::{
        logic::marker::{self, Block},
        model::snapshot::{Commit, Marker},
    },
    git::{Oid, Repo, trees},
};
use gix::bstr::ByteSlice;
use std::collections::BTreeMap;

/// A larger file is not read.
const MOST: u64 = 8 << 20;

/// Tells whether a mode is that of a file, not of a link or a submodule.
pub fn is_file(mode: u32) -> bool {
    mode & 0o170_000 == 0o100_000
}

/// Finds the blocks that the files changed by these commits have at the tip and had not before.
pub fn left(repo: &Repo, resolved: &Resolved, commits: &[Commit]) -> Result<Vec<Marker>> {
    let tip = trees::of(repo, resolved.tip)?;
    let base = match resolved.base {
        Some(base) => Some(trees::of(repo, base)?),
        None => None,
    };
    // The newest commit of each file wins.
    let mut files: BTreeMap<&str, &str> = BTreeMap::new();
    for commit in commits {
        for file in &commit.files {
            files.insert(file, &commit.made.oid);
        }
    }
    let (mut found, mut before) = (Vec::new(), Vec::new());
    for (file, commit) in files {
        let now = trees::lookup(repo, tip, file.into())?;
        let then = match base {
            Some(base) => trees::lookup(repo, base, file.into())?,
            None => None,
        };
        if now == then {
            continue;
        }
        // What was in a file that is renamed or gone was there before as well.
        before.extend(blocks(repo, then)?.into_iter().map(|block| block.text));
        let blocks = blocks(repo, now)?;
        if !blocks.is_empty() {
            found.push((file, commit, blocks));
        }
    }
    let marked = found.into_iter().flat_map(|(file, commit, blocks)| {
        let new = marker::new_blocks(blocks, &mut before).into_iter();
        let one = |block: Block| Marker {
            path: file.to_owned(),
            line: block.line,
            text: block.text,
            commit: Some(commit.to_owned()),
        };
        new.map(one).collect::<Vec<_>>()
    });
    Ok(marked.collect())
}

/// Finds the blocks of a file.
pub fn blocks(repo: &Repo, file: Option<(Oid, u32)>) -> Result<Vec<Block>> {
    Ok(text(repo, file)?.map_or_else(Vec::new, |bytes| {
        // Most files have none: one look for the sign is cheaper than lines.
        let any = bytes.find(b"<<<<<<<").is_some();
        if any {
            marker::blocks(&bytes)
        } else {
            Vec::new()
        }
    }))
}

/// Reads a file of a tree; a link, a submodule and what is too large are none.
pub fn text(repo: &Repo, file: Option<(Oid, u32)>) -> Result<Option<Vec<u8>>> {
    let Some((oid, _)) = file.filter(|(_, mode)| is_file(*mode)) else {
        return Ok(None);
    };
    let unreadable = || format!("object {oid} cannot be read");
    let size = repo
        .gix()
        .find_header(oid)
        .context(Kind::Setup, unreadable)?
        .size();
    if size > MOST {
        return Ok(None);
    }
    let object = repo
        .gix()
        .find_object(oid)
        .context(Kind::Setup, unreadable)?;
    Ok(Some(object.data.clone()))
}
