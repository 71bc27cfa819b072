//! Chains of versions of one file: each version is a commit whose tree has that file, or nothing where the file is gone.
//!
//! The first parent is the version before; a second one is what somebody wrote
//! who had read an older version, so that the history shows a merge as one.

use crate::{
    error::{Context, Error, Kind, Result},
    git::{
        Oid, Repo, notes,
        objects::{self, Author},
    },
};
use gix::objs::{
    BlobRef, Commit, Tree, TreeRefIter,
    tree::{Entry, EntryKind},
};

pub use notes::Link;

/// A version to be written.
#[derive(Clone, Copy, Debug)]
pub struct NewVersion<'a> {
    /// The version before, then what was merged into it.
    pub parents: &'a [Oid],
    /// The file's name in the tree.
    pub name: &'a str,
    /// Its content; nothing where the file is gone.
    pub blob: Option<Oid>,
    /// Who and when.
    pub author: Author<'a>,
    /// The message.
    pub message: &'a str,
}

/// Writes content.
pub fn write_blob(repo: &Repo, bytes: &[u8]) -> Result<Oid> {
    objects::write(repo, &BlobRef { data: bytes })
}

/// Reads content.
pub fn read_blob(repo: &Repo, oid: Oid) -> Result<Vec<u8>> {
    match objects::read(repo, oid)? {
        (gix::objs::Kind::Blob, data) => Ok(data),
        (kind, _) => Err(Error::setup(format!("object {oid} is a {kind}"))),
    }
}

/// Writes a version; no ref names it yet.
pub fn write(repo: &Repo, new: &NewVersion<'_>) -> Result<Oid> {
    let entry = |oid| Entry {
        mode: EntryKind::Blob.into(),
        // Names that git keeps for itself would fail its check of objects.
        filename: if new.name.to_ascii_lowercase().starts_with(".git") {
            "content".into()
        } else {
            new.name.into()
        },
        oid,
    };
    let tree = Tree {
        entries: new.blob.map(entry).into_iter().collect(),
    };
    let signature = new.author.signature();
    let commit = Commit {
        tree: objects::write(repo, &tree)?,
        parents: new.parents.iter().copied().collect(),
        author: signature.clone(),
        committer: signature,
        encoding: None,
        message: new.message.into(),
        extra_headers: Vec::new(),
    };
    objects::write(repo, &commit)
}

/// Reads a version: its commit and its content's object.
pub fn read(repo: &Repo, oid: Oid) -> Result<(Link, Option<Oid>)> {
    let link = notes::read(repo, oid)?;
    let (_, data) = objects::read(repo, link.tree)?;
    let mut blob = None;
    for entry in TreeRefIter::from_bytes(&data, repo.hash()) {
        let entry = entry.context(Kind::Setup, || format!("tree {} cannot be read", link.tree))?;
        blob = entry.mode.is_blob().then(|| entry.oid.to_owned());
    }
    Ok((link, blob))
}

/// Returns the name that content has as an object, without writing it.
pub fn name_blob(repo: &Repo, bytes: &[u8]) -> Result<Oid> {
    gix::objs::compute_hash(repo.hash(), gix::objs::Kind::Blob, bytes)
        .context(Kind::Internal, || "content could not be hashed".to_owned())
}
