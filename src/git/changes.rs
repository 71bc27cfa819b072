//! Which paths differ between two of: the index, a tree, nothing.
//!
//! One walk compares directories by name. Two directories that name the same tree are not opened, and an index
//! directory names its tree through the `TREE` extension while that is valid: the cost is that of the directories
//! that changed. Sparse directories and split indexes are understood; `git add -N` entries are in no commit and
//! do not count; a conflicted entry always differs.

use crate::{
    error::{Context, Kind, Result},
    git::{Oid, Repo, objects::persist, trees},
};
use gix::{
    bstr::{BString, ByteSlice},
    index::{Entry, PathStorageRef, entry, extension},
};
use std::{borrow::Cow, cmp::Ordering, path::Path};

/// Deepest directory that is walked; a damaged tree must not exhaust the stack.
const MAX_DEPTH: usize = 1000;

/// Returns the paths that differ between an index file and every one of the trees; no tree is the empty one.
pub fn staged(repo: &Repo, index: &Path, trees: &[Oid]) -> Result<Vec<BString>> {
    let unreadable = || format!("{} cannot be read", index.display());
    let file = gix::index::File::at_or_default(
        index,
        repo.hash(),
        true,
        gix::index::decode::Options::default(),
    )
    .context(Kind::Setup, unreadable)?;
    let paths = file.path_backing();
    let side = || Side::Index {
        entries: file.entries(),
        node: file.tree(),
    };
    if trees.is_empty() {
        return Walk::differing(repo, paths, Side::Nothing, side());
    }
    in_all(trees, |tree| {
        Walk::differing(repo, paths, Side::Tree(tree), side())
    })
}

/// Returns the paths that differ between two trees.
pub fn between(repo: &Repo, old: Option<Oid>, new: Option<Oid>) -> Result<Vec<BString>> {
    let side = |tree: Option<Oid>| tree.map_or(Side::Nothing, Side::Tree);
    Walk::differing(repo, &[], side(old), side(new))
}

/// Returns the paths a commit changed: those that differ from every parent.
pub fn of_commit(repo: &Repo, commit: Oid) -> Result<Vec<BString>> {
    let unreadable = || format!("commit {commit} cannot be read");
    let object = persist(|| repo.gix().find_commit(commit)).context(Kind::Setup, unreadable)?;
    let tree = object.tree_id().context(Kind::Setup, unreadable)?;
    let parents: Vec<Oid> = object.parent_ids().map(gix::Id::detach).collect();
    if parents.is_empty() {
        return between(repo, None, Some(tree.detach()));
    }
    let trees = parents
        .into_iter()
        .map(|parent| trees::of(repo, parent))
        .collect::<Result<Vec<_>>>()?;
    in_all(&trees, |parent| {
        between(repo, Some(parent), Some(tree.detach()))
    })
}

/// Returns the paths that every one of the comparisons names.
fn in_all(
    trees: &[Oid],
    mut compare: impl FnMut(Oid) -> Result<Vec<BString>>,
) -> Result<Vec<BString>> {
    let mut found: Option<Vec<BString>> = None;
    for tree in trees {
        let mut other = compare(*tree)?;
        other.sort();
        found = Some(match found {
            None => other,
            Some(mut kept) => {
                kept.retain(|path| other.binary_search(path).is_ok());
                kept
            }
        });
    }
    Ok(found.unwrap_or_default())
}

/// One directory of one side.
#[derive(Clone, Copy)]
enum Side<'a> {
    Nothing,
    Tree(Oid),
    Index {
        entries: &'a [Entry],
        node: Option<&'a extension::Tree>,
    },
}

impl Side<'_> {
    /// The tree this directory would be, if that is known without building it.
    fn tree(&self) -> Option<Oid> {
        match self {
            Side::Nothing => None,
            Side::Tree(oid) => Some(*oid),
            Side::Index { entries, node } => {
                let node = (*node)?;
                let count = usize::try_from(node.num_entries?).ok()?;
                // git believes the extension; a count that does not fit is a reason not to.
                (count == entries.len()).then_some(node.id)
            }
        }
    }
}

/// What a directory holds under one name.
enum Child<'a> {
    File(u32, Oid),
    Dir(Side<'a>),
}

type Children<'a> = Vec<(Cow<'a, [u8]>, Child<'a>)>;

struct Walk<'a> {
    repo: &'a Repo,
    paths: &'a PathStorageRef,
    /// The directory that is compared: empty, or with a slash at its end.
    prefix: BString,
    depth: usize,
    found: Vec<BString>,
}

impl<'a> Walk<'a> {
    fn differing(
        repo: &'a Repo,
        paths: &'a PathStorageRef,
        old: Side<'a>,
        new: Side<'a>,
    ) -> Result<Vec<BString>> {
        let mut walk = Walk {
            repo,
            paths,
            prefix: BString::default(),
            depth: 0,
            found: Vec::new(),
        };
        walk.directory(old, new)?;
        Ok(walk.found)
    }

    fn directory(&mut self, old: Side<'a>, new: Side<'a>) -> Result<()> {
        if self.depth > MAX_DEPTH || old.tree().is_some_and(|tree| new.tree() == Some(tree)) {
            return Ok(());
        }
        self.depth += 1;
        let mut before = self
            .children(old, self.prefix.len())?
            .into_iter()
            .peekable();
        let mut after = self
            .children(new, self.prefix.len())?
            .into_iter()
            .peekable();
        loop {
            let order = match (before.peek(), after.peek()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((old, _)), Some((new, _))) => old.cmp(new),
            };
            let old = before.next_if(|_| order.is_le());
            let new = after.next_if(|_| order.is_ge());
            let Some((name, old, new)) = (match (old, new) {
                (Some((name, old)), new) => Some((name, Some(old), new.map(|(_, new)| new))),
                (None, new) => new.map(|(name, new)| (name, None, Some(new))),
            }) else {
                break;
            };
            self.child(&name, old, new)?;
        }
        self.depth -= 1;
        Ok(())
    }

    fn child(&mut self, name: &[u8], old: Option<Child<'a>>, new: Option<Child<'a>>) -> Result<()> {
        let length = self.prefix.len();
        self.prefix.extend_from_slice(name);
        let file = |child: &Option<Child<'_>>| match child {
            Some(Child::File(mode, oid)) => Some((*mode, *oid)),
            _ => None,
        };
        if file(&old) != file(&new) {
            self.found.push(self.prefix.clone());
        }
        let side = |child: Option<Child<'a>>| match child {
            Some(Child::Dir(side)) => side,
            _ => Side::Nothing,
        };
        let (old, new) = (side(old), side(new));
        if !matches!((&old, &new), (Side::Nothing, Side::Nothing)) {
            self.prefix.push(b'/');
            self.directory(old, new)?;
        }
        self.prefix.truncate(length);
        Ok(())
    }

    /// Returns what a directory holds, sorted by name, each name once.
    fn children(&self, side: Side<'a>, prefix: usize) -> Result<Children<'a>> {
        let mut children = match side {
            Side::Nothing => Vec::new(),
            Side::Tree(oid) => self.tree_children(oid)?,
            Side::Index { entries, node } => self.index_children(entries, node, prefix),
        };
        // git sorts a directory as if its name ended in a slash; the sort is stable and nearly free.
        children.sort_by(|(left, _), (right, _)| left.cmp(right));
        // The stages of a conflict share a name, as may a file and a directory; one of them differs from all.
        children.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        Ok(children)
    }

    fn tree_children(&self, oid: Oid) -> Result<Children<'a>> {
        let unreadable = || format!("tree {oid} cannot be read");
        let mut children = Vec::new();
        let tree = persist(|| self.repo.gix().find_tree(oid)).context(Kind::Setup, unreadable)?;
        for entry in tree.iter() {
            let entry = entry.context(Kind::Setup, unreadable)?;
            let id = entry.object_id();
            let child = if entry.mode().is_tree() {
                Child::Dir(Side::Tree(id))
            } else {
                Child::File(canonical(u32::from(entry.mode().value())), id)
            };
            children.push((Cow::Owned(entry.filename().to_vec()), child));
        }
        Ok(children)
    }

    fn index_children(
        &self,
        mut entries: &'a [Entry],
        node: Option<&'a extension::Tree>,
        prefix: usize,
    ) -> Children<'a> {
        let mut children = Vec::with_capacity(entries.len().min(4096));
        while let Some(first) = entries.first() {
            let path = first.path_in(self.paths);
            let rest = &path.as_bytes()[prefix.min(path.len())..];
            let Some(slash) = rest.find_byte(b'/') else {
                if !first.flags.contains(entry::Flags::INTENT_TO_ADD) {
                    // Mode 0 is in no tree: a conflict differs from everything.
                    let mode = match first.stage_raw() {
                        0 => canonical(first.mode.bits()),
                        _ => 0,
                    };
                    children.push((Cow::Borrowed(rest), Child::File(mode, first.id)));
                }
                entries = &entries[1..];
                continue;
            };
            let (name, dir) = (&rest[..slash], &path[..=prefix + slash]);
            let count = entries.partition_point(|entry| entry.path_in(self.paths).starts_with(dir));
            let (inside, after) = entries.split_at(count.max(1));
            let side = if first.mode == entry::Mode::DIR {
                Side::Tree(first.id)
            } else {
                let below = |node: &'a extension::Tree| {
                    node.children
                        .iter()
                        .find(|child| child.name.as_slice() == name)
                };
                Side::Index {
                    entries: inside,
                    node: node.and_then(below),
                }
            };
            children.push((Cow::Borrowed(name), Child::Dir(side)));
            entries = after;
        }
        children
    }
}

/// As git reads the modes of old trees: of a file only the executable bit counts.
fn canonical(mode: u32) -> u32 {
    match mode & 0o170_000 {
        0o100_000 if mode & 0o111 != 0 => 0o100_755,
        0o100_000 => 0o100_644,
        _ => mode,
    }
}
