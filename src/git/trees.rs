//! Trees: written by one editor, read by path.
//!
//! gix's own editor looks, for each tree that it writes, whether every object in it is there: in a large directory that
//! costs more than the rest of a commit. What is named here was written or read by us, so the editor beneath gix's is
//! used and names are checked by us.

use crate::{
    error::{Context, Kind, Result},
    git::{
        Oid, Repo, loose,
        objects::{self, persist},
    },
};
use gix::{
    bstr::{BStr, BString, ByteSlice},
    objs::{
        Kind as ObjectKind, Tree, WriteTo as _,
        tree::{Editor, EntryKind},
    },
    validate::path::component,
};

/// Returns the tree of a commit.
pub fn of(repo: &Repo, commit: Oid) -> Result<Oid> {
    let found = persist(|| repo.gix().find_commit(commit))
        .context(Kind::Setup, || format!("commit {commit} cannot be read"))?;
    let tree = found.tree_id();
    Ok(tree
        .context(Kind::Setup, || format!("commit {commit} has no tree"))?
        .detach())
}

/// As [`of`]; an unborn branch has the empty tree.
pub fn of_or_empty(repo: &Repo, commit: Option<Oid>) -> Result<Oid> {
    commit.map_or_else(|| Ok(repo.gix().empty_tree().id), |commit| of(repo, commit))
}

/// What a path becomes in a tree.
#[derive(Clone, Copy, Debug)]
pub struct Edit<'a> {
    /// With `/`.
    pub path: &'a BStr,
    /// Its new entry; nothing takes it away.
    pub to: Option<(EntryKind, Oid)>,
}

/// Writes the tree that `edits` make of `base`.
pub fn edit(repo: &Repo, base: Oid, edits: &[Edit<'_>]) -> Result<Oid> {
    let unwritable = || "the new tree cannot be written".to_owned();
    if base == repo.gix().empty_tree().id {
        objects::empty_tree(repo)?;
    }
    for Edit { path, to } in edits {
        let link = to.is_some_and(|(kind, _)| kind == EntryKind::Link);
        require_names(path, link).context(Kind::Setup, unwritable)?;
    }
    // Each attempt edits anew, for git may move what is read into a pack. Trees come out from the deepest up, so that
    // what a kill leaves never names what is not there.
    persist(|| {
        let root = repo
            .gix()
            .find_tree(base)
            .context(Kind::Setup, unwritable)?;
        let root = root.decode().context(Kind::Setup, unwritable)?.into_owned();
        let mut editor = Editor::new(root, &repo.gix().objects, repo.hash());
        for Edit { path, to } in edits {
            let names = path.split_str("/").map(BStr::new);
            match to {
                Some((kind, oid)) => editor.upsert(names, *kind, *oid),
                None => editor.remove(names),
            }
            .context(Kind::Setup, unwritable)?;
        }
        let write = |tree: &Tree| {
            let mut data = Vec::new();
            tree.write_to(&mut data)?;
            loose::write(repo, ObjectKind::Tree, &data)
        };
        editor.write(write).context(Kind::Setup, unwritable)
    })
}

/// Requires names that git takes too: none that a file system could read as `.git`.
fn require_names(path: &BStr, link: bool) -> Result<(), component::Error> {
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
