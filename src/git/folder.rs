//! A folder of files as a tree, and chains of its versions.
//!
//! A version is a commit whose tree is the folder; only plain files are in it. What a chain's ref names is swapped by its owner.

use crate::{
    base::time::Timestamp,
    error::{Context, Kind, Result},
    git::{
        Oid, Repo,
        notes::{self, Link, NewLink},
        objects::{self, Author, persist},
        trees,
    },
};
use gix::{bstr::ByteSlice, objs::tree::EntryKind};
use std::collections::BTreeMap;

/// The files of a folder: path with `/`, content.
pub type Files = BTreeMap<String, Oid>;

/// Writes a content.
pub fn write_blob(repo: &Repo, bytes: &[u8]) -> Result<Oid> {
    notes::write_blob(repo, bytes)
}

/// Reads a content.
pub fn read_blob(repo: &Repo, oid: Oid) -> Result<Vec<u8>> {
    objects::read(repo, oid).map(|(_, bytes)| bytes)
}

/// Writes a folder.
pub fn write(repo: &Repo, files: &Files) -> Result<Oid> {
    let edits = files.iter().map(|(path, oid)| trees::Edit {
        path: path.as_bytes().as_bstr(),
        to: Some((EntryKind::Blob, *oid)),
    });
    trees::edit(repo, objects::empty_tree(repo)?, &edits.collect::<Vec<_>>())
}

/// Reads a folder; what is no plain file is passed over.
pub fn read(repo: &Repo, tree: Oid) -> Result<Files> {
    let mut files = Files::new();
    let mut rest = vec![(String::new(), tree)];
    while let Some((folder, tree)) = rest.pop() {
        let unreadable = || format!("tree {tree} cannot be read");
        let found = persist(|| repo.gix().find_tree(tree)).context(Kind::Setup, unreadable)?;
        for entry in found.iter() {
            let entry = entry.context(Kind::Setup, unreadable)?;
            let Ok(name) = entry.filename().to_str() else {
                continue;
            };
            let path = format!("{folder}{name}");
            if entry.mode().is_tree() {
                rest.push((format!("{path}/"), entry.object_id()));
            } else if entry.mode().is_blob() {
                files.insert(path, entry.object_id());
            }
        }
    }
    Ok(files)
}

/// Writes a version of a folder; its ref is the caller's to swap.
pub fn commit(
    repo: &Repo,
    parents: &[Oid],
    tree: Oid,
    author: Author<'_>,
    message: &str,
) -> Result<Oid> {
    let published: Timestamp = author.at;
    notes::write(
        repo,
        &NewLink {
            parents,
            tree,
            author,
            published,
            message,
        },
    )
}

/// Reads a version.
pub fn version(repo: &Repo, oid: Oid) -> Result<Link> {
    notes::read(repo, oid)
}
