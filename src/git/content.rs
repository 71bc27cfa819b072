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
        refs, trees,
    },
};
use gix::{
    bstr::{BString, ByteSlice},
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

/// Attributes are read from the worktree, which is what is being committed.
const SOURCE: gix::worktree::stack::state::attributes::Source =
    gix::worktree::stack::state::attributes::Source::WorktreeThenIdMapping;

/// Writes the files at `paths` as blobs, where `base` is the tree they have been in.
pub fn stage(repo: &Repo, base: Oid, paths: &[BString]) -> Result<Vec<Staged>> {
    let doing = || "the attributes of the worktree cannot be read".to_owned();
    let before = entries(repo, base, paths)?;
    let stack = repo
        .gix()
        .attributes_only(&before, SOURCE)
        .context(Kind::Setup, doing)?;
    let mut pipe =
        gix::filter::Pipeline::new(repo.gix(), stack.detach()).context(Kind::Setup, doing)?;
    let mut staged = Vec::with_capacity(paths.len());
    for path in paths {
        let found = persist(|| pipe.worktree_file_to_object(path.as_ref(), &before))
            // A file that a filter, an encoding or a permission keeps from being read: git refuses it too.
            .context(Kind::No, || {
                format!("{path} cannot be read into the repository")
            })?;
        if found.is_none() {
            require_gone(repo, path)?;
        }
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
            let base = trees::of_or_empty(repo, refs::find(repo, "HEAD")?)?;
            let again = stage(repo, base, std::slice::from_ref(&entry.path))?;
            if let Some(again) = again.into_iter().next() {
                *entry = again;
            }
        }
    }
    Ok(())
}

/// Returns an index of these paths alone, as the tree has them: carriage returns that are there already stay (`core.autocrlf`).
fn entries(repo: &Repo, base: Oid, paths: &[BString]) -> Result<gix::index::State> {
    use gix::index::entry::{Flags, Mode, Stat};
    let mut index = gix::index::State::new(repo.hash());
    for path in paths {
        if let Some((oid, mode)) = trees::lookup(repo, base, path.as_bstr())? {
            let mode = Mode::from_bits_truncate(mode);
            index.dangerously_push_entry(
                Stat::default(),
                oid,
                Flags::empty(),
                mode,
                path.as_bstr(),
            );
        }
    }
    index.sort_entries();
    Ok(index)
}

/// Refuses what is there and can be in no commit; it is no deletion.
fn require_gone(repo: &Repo, path: &BString) -> Result<()> {
    let there = repo
        .worktree()
        .and_then(|root| root.join(path.to_path_lossy()).symlink_metadata().ok());
    match there {
        Some(meta) if !meta.is_dir() => Err(Error::no(format!(
            "{path} is neither a file nor a link, so it cannot be committed"
        ))
        .hint("git status")),
        _ => Ok(()),
    }
}

/// Writes the tree that has `staged` on top of `base`.
pub fn edit_tree(repo: &Repo, base: Oid, staged: &[Staged]) -> Result<Oid> {
    let edits = staged.iter().map(|Staged { path, blob }| trees::Edit {
        path: path.as_bstr(),
        to: blob.as_ref().map(|blob| (blob.kind, blob.oid)),
    });
    trees::edit(repo, base, &edits.collect::<Vec<_>>())
}

/// Tells whether git alone reads a file as git would: gix asks for no byte order mark.
pub fn is_encoded(repo: &Repo, paths: &[String]) -> Result<bool> {
    let unreadable = || "the attributes of the worktree cannot be read".to_owned();
    let none = gix::index::State::new(repo.hash());
    let mut stack = repo
        .gix()
        .attributes_only(&none, SOURCE)
        .context(Kind::Setup, unreadable)?;
    let mut found = stack.selected_attribute_matches(["working-tree-encoding"]);
    for path in paths {
        let place = stack
            .at_entry(path.as_str(), None)
            .context(Kind::Setup, unreadable)?;
        place.matching_attributes(&mut found);
        if found
            .iter_selected()
            .any(|one| !one.assignment.state.is_unspecified())
        {
            return Ok(true);
        }
    }
    Ok(false)
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
