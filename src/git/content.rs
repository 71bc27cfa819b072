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
        refs,
    },
};
use gix::{
    bstr::{BStr, BString, ByteSlice},
    objs::{Kind as ObjectKind, Tree, WriteTo as _, tree::Editor, tree::EntryKind},
    validate::path::component,
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
            let base = tree_of(repo, refs::find(repo, "HEAD")?)?;
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
        if let Some((oid, mode)) = lookup(repo, base, path.as_bstr())? {
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

/// Returns the tree of a commit; an unborn branch has the empty one.
pub fn tree_of(repo: &Repo, commit: Option<Oid>) -> Result<Oid> {
    let Some(commit) = commit else {
        return Ok(repo.gix().empty_tree().id);
    };
    let found = persist(|| repo.gix().find_commit(commit))
        .context(Kind::Setup, || format!("commit {commit} cannot be read"))?;
    Ok(found
        .tree_id()
        .context(Kind::Setup, || format!("commit {commit} has no tree"))?
        .detach())
}

/// Writes the tree that has `staged` on top of `base`.
pub fn edit_tree(repo: &Repo, base: Oid, staged: &[Staged]) -> Result<Oid> {
    let unwritable = || "the new tree cannot be written".to_owned();
    if base == repo.gix().empty_tree().id {
        super::objects::empty_tree(repo)?;
    }
    for Staged { path, blob } in staged {
        let link = blob
            .as_ref()
            .is_some_and(|blob| blob.kind == EntryKind::Link);
        require_names(path, link).context(Kind::Setup, unwritable)?;
    }
    // Each attempt edits anew, for git may move what is read into a pack. gix's own editor looks, for each tree that it
    // writes, whether every object in it is there: in a large directory that costs more than the rest of a commit. Trees come
    // out from the deepest up, so that what a kill leaves never names what is not there.
    persist(|| {
        let root = repo
            .gix()
            .find_tree(base)
            .context(Kind::Setup, unwritable)?;
        let root = root.decode().context(Kind::Setup, unwritable)?.into_owned();
        let mut editor = Editor::new(root, &repo.gix().objects, repo.hash());
        for Staged { path, blob } in staged {
            let names = path.split_str("/").map(BStr::new);
            match blob {
                Some(blob) => editor.upsert(names, blob.kind, blob.oid),
                None => editor.remove(names),
            }
            .context(Kind::Setup, unwritable)?;
        }
        let write = |tree: &Tree| {
            let mut data = Vec::new();
            tree.write_to(&mut data)?;
            super::loose::write(repo, ObjectKind::Tree, &data)
        };
        editor.write(write).context(Kind::Setup, unwritable)
    })
}

/// Requires names that git takes too: none that a file system could read as `.git`.
fn require_names(path: &BString, link: bool) -> Result<(), component::Error> {
    let mode = link.then_some(component::Mode::Symlink);
    let options = component::Options {
        // A name such as `a:b` is as good as any where this runs.
        protect_windows: false,
        ..component::Options::default()
    };
    for name in path.split_str("/") {
        gix::validate::path::component(name.into(), mode, options)?;
    }
    Ok(())
}

/// Returns the file, link or submodule that a tree has at a path: object and mode. A directory is none of these.
pub fn lookup(repo: &Repo, tree: Oid, path: &BStr) -> Result<Option<(Oid, u32)>> {
    let mut tree = tree;
    let mut names = path.split_str("/").peekable();
    while let Some(name) = names.next() {
        let unreadable = || format!("tree {tree} cannot be read");
        let found = persist(|| repo.gix().find_tree(tree)).context(Kind::Setup, unreadable)?;
        let Some(entry) = found.find_entry(BString::from(name)) else {
            return Ok(None);
        };
        match (names.peek(), entry.mode().is_tree()) {
            (Some(_), true) => tree = entry.object_id(),
            (None, false) => {
                return Ok(Some((entry.object_id(), u32::from(entry.mode().value()))));
            }
            // Nothing lies beneath a file or a submodule.
            _ => return Ok(None),
        }
    }
    Ok(None)
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
