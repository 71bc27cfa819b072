//! From files in the worktree to blobs and trees, without the shared index.
//!
//! Content passes the clean filters, `eol`, encoding and symlink rules as in
//! `git add`. The `lstat` is taken before the content is read, so a file that
//! changes meanwhile looks changed to git, never clean.

use crate::{
    error::{Context, Error, Kind, Result},
    git::{
        Oid, Repo,
        index::{Change, Stat},
        objects::persist,
    },
};
use gix::{
    bstr::{BStr, BString, ByteSlice},
    objs::tree::EntryKind,
};
use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::Path};

/// What a path is to become.
#[derive(Clone, Debug)]
pub struct Staged {
    /// Path from the root of the worktree.
    pub path: BString,
    /// Its new content; nothing when the file is gone.
    pub blob: Option<Blob>,
}

/// Content that has been written as an object.
#[derive(Clone, Debug)]
pub struct Blob {
    /// The blob.
    pub oid: Oid,
    /// File, executable or symbolic link.
    pub kind: EntryKind,
    /// The file's `lstat` from before it was read.
    pub stat: Stat,
}

impl Staged {
    /// Returns the change of the index that says the same.
    pub fn change(&self) -> Change {
        match &self.blob {
            None => Change::Remove {
                path: self.path.clone(),
            },
            Some(blob) => Change::Set {
                path: self.path.clone(),
                oid: blob.oid,
                mode: u32::from(blob.kind as u16),
                stat: blob.stat,
            },
        }
    }
}

/// Writes the files at `paths` as blobs.
pub fn stage(repo: &Repo, paths: &[BString]) -> Result<Vec<Staged>> {
    let doing = || "the attributes of the worktree cannot be read".to_owned();
    // No index is loaded: attributes are read from the worktree, which is what is being committed.
    let none = gix::index::State::new(repo.hash());
    let source = gix::worktree::stack::state::attributes::Source::WorktreeThenIdMapping;
    let stack = repo
        .gix()
        .attributes_only(&none, source)
        .context(Kind::Internal, doing)?;
    let mut pipe =
        gix::filter::Pipeline::new(repo.gix(), stack.detach()).context(Kind::Internal, doing)?;
    let mut staged = Vec::with_capacity(paths.len());
    for path in paths {
        let found = persist(|| pipe.worktree_file_to_object(path.as_ref(), &none))
            .context(Kind::Internal, || {
                format!("{path} cannot be read into the repository")
            })?;
        let blob = found.map(|(oid, kind, meta)| Blob {
            oid,
            kind,
            stat: Stat::from(&meta),
        });
        staged.push(Staged {
            path: path.clone(),
            blob,
        });
    }
    Ok(staged)
}

/// Stages again what has changed on disk since it was staged.
pub fn restage(repo: &Repo, staged: &mut [Staged]) -> Result<()> {
    let root = repo.require_worktree()?;
    for entry in staged {
        let path = Path::new(OsStr::from_bytes(&entry.path));
        let now = root.join(path).symlink_metadata().ok();
        let now = now.map(|meta| Stat::from(&meta));
        if now != entry.blob.as_ref().map(|blob| blob.stat) {
            let again = stage(repo, std::slice::from_ref(&entry.path))?;
            if let Some(again) = again.into_iter().next() {
                *entry = again;
            }
        }
    }
    Ok(())
}

/// Returns the tree of a commit; an unborn branch has the empty one.
pub fn tree_of(repo: &Repo, commit: Option<Oid>) -> Result<Oid> {
    let Some(commit) = commit else {
        return Ok(repo.gix().empty_tree().id);
    };
    let found = persist(|| repo.gix().find_commit(commit))
        .context(Kind::Internal, || format!("commit {commit} cannot be read"))?;
    Ok(found
        .tree_id()
        .context(Kind::Internal, || format!("commit {commit} has no tree"))?
        .detach())
}

/// Writes the tree that has `staged` on top of `base`.
pub fn edit_tree(repo: &Repo, base: Oid, staged: &[Staged]) -> Result<Oid> {
    let unwritable = || "the new tree cannot be written".to_owned();
    if base == repo.gix().empty_tree().id {
        super::objects::empty_tree(repo)?;
    }
    // Each attempt edits anew: an editor that failed half way has forgotten what it was about to write.
    persist(|| {
        let mut editor = repo
            .gix()
            .edit_tree(base)
            .context(Kind::Internal, unwritable)?;
        for Staged { path, blob } in staged {
            match blob {
                Some(blob) => editor
                    .upsert(path, blob.kind, blob.oid)
                    .context(Kind::Internal, unwritable)?,
                None => editor.remove(path).context(Kind::Internal, unwritable)?,
            };
        }
        Ok(editor.write().context(Kind::Internal, unwritable)?.detach())
    })
}

/// Returns what a tree has at a path: object and mode.
pub fn lookup(repo: &Repo, tree: Oid, path: &BStr) -> Result<Option<(Oid, u32)>> {
    let unreadable = || format!("tree {tree} cannot be read");
    let tree = persist(|| repo.gix().find_tree(tree)).context(Kind::Internal, unreadable)?;
    let found = tree
        .lookup_entry(path.split_str("/"))
        .context(Kind::Internal, unreadable)?;
    Ok(found.map(|entry| (entry.object_id(), u32::from(entry.mode().value()))))
}

/// Turns a path of the platform into one of the repository.
pub fn repo_path(path: &str) -> Result<BString> {
    if path.is_empty()
        || path
            .split('/')
            .any(|part| part.is_empty() || part.eq_ignore_ascii_case(".git"))
    {
        return Err(Error::usage(format!(
            "{} cannot be committed",
            crate::base::text::one_line(path, 200)
        )));
    }
    Ok(path.into())
}
