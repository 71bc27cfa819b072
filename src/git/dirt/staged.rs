//! What differs between HEAD's tree and the index.
//!
//! The index says of most directories which tree they are (`TREE`), so only what differs is read.

use super::{Stop, number};
use crate::{
    error::{Context, Kind},
    git::{
        Oid, Repo,
        index::{
            Entry, extension,
            file::{File, Raw},
        },
        objects::persist,
        refs, trees,
    },
};
use std::{cmp::Ordering, collections::HashMap};

struct Staged<'a> {
    repo: &'a Repo,
    file: &'a File<'a>,
    /// The trees that directories of the index are.
    trees: HashMap<Vec<u8>, Oid>,
    count: u32,
}

/// Something in a tree: its name, which ends in a slash if it is a tree.
struct Node {
    name: Vec<u8>,
    mode: u32,
    oid: Oid,
}

/// Counts the paths that differ.
pub(super) fn count(
    repo: &Repo,
    file: &File<'_>,
    items: &[Raw<'_>],
    trees: Option<&[u8]>,
) -> Result<u32, Stop> {
    let tree = trees::of_or_empty(repo, refs::find(repo, "HEAD")?)?;
    let root = trees.and_then(|data| extension::root_tree(data, repo.hash()));
    if root == Some(tree) {
        return Ok(0);
    }
    let known = trees.and_then(|data| extension::trees(data, repo.hash()));
    let mut staged = Staged {
        repo,
        file,
        trees: known.unwrap_or_default(),
        count: 0,
    };
    staged.compare(tree, items, 0)?;
    Ok(staged.count)
}

impl Staged<'_> {
    /// Compares a tree with the entries in its directory, which so many bytes of their paths name.
    fn compare(&mut self, tree: Oid, items: &[Raw<'_>], prefix: usize) -> Result<(), Stop> {
        let dir = items.first().map_or(&b""[..], |item| &item.path[..prefix]);
        let dir = dir.strip_suffix(b"/").unwrap_or(dir);
        if self.trees.get(dir) == Some(&tree) {
            return Ok(());
        }
        let mut nodes = self.nodes(tree)?.into_iter().peekable();
        let mut at = 0;
        while at < items.len() || nodes.peek().is_some() {
            let name = items.get(at).map(|item| name(item.path, prefix));
            // A tree is sorted as the index is: a directory as if its name ended in a slash.
            let order = match (name, nodes.peek()) {
                (Some(name), Some(node)) => name.cmp(&node.name),
                (Some(_), None) => Ordering::Less,
                (None, _) => Ordering::Greater,
            };
            if order == Ordering::Greater {
                if let Some(node) = nodes.next() {
                    self.only_in_tree(&node)?;
                }
                continue;
            }
            let name = name.unwrap_or_default();
            let stem = &items[at].path[..prefix + name.len()];
            let is_dir = name.ends_with(b"/");
            let end = if is_dir {
                at + items[at..].partition_point(|item| item.path.starts_with(stem))
            } else {
                at + 1
            };
            let node = if order == Ordering::Equal {
                nodes.next()
            } else {
                None
            };
            match node {
                Some(node) if is_dir => self.compare(node.oid, &items[at..end], stem.len())?,
                Some(node) => {
                    let entry = items[at].entry(self.file)?;
                    let same = (entry.oid, entry.mode) == (node.oid, node.mode);
                    self.count += u32::from(!same || is_intended(&items[at]));
                }
                None => {
                    let added = items[at..end].iter().filter(|item| !is_intended(item));
                    self.count += number(added.count());
                }
            }
            at = end;
        }
        Ok(())
    }

    fn only_in_tree(&mut self, node: &Node) -> Result<(), Stop> {
        if !node.name.ends_with(b"/") {
            self.count += 1;
            return Ok(());
        }
        for node in self.nodes(node.oid)? {
            self.only_in_tree(&node)?;
        }
        Ok(())
    }

    fn nodes(&self, tree: Oid) -> Result<Vec<Node>, Stop> {
        if tree == self.repo.gix().empty_tree().id {
            return Ok(Vec::new());
        }
        let unreadable = || format!("tree {tree} cannot be read");
        let found = persist(|| self.repo.gix().find_tree(tree)).context(Kind::Setup, unreadable)?;
        let mut nodes = Vec::new();
        for entry in found.iter() {
            let entry = entry.context(Kind::Setup, unreadable)?;
            let mut name = entry.filename().to_vec();
            if entry.mode().is_tree() {
                name.push(b'/');
            }
            nodes.push(Node {
                name,
                // Old trees have more permissions than there are kinds.
                mode: u32::from(entry.mode().kind() as u16),
                oid: entry.object_id(),
            });
        }
        Ok(nodes)
    }
}

/// The next step of a path: a file, or a directory with its slash.
fn name(path: &[u8], prefix: usize) -> &[u8] {
    let rest = &path[prefix..];
    memchr::memchr(b'/', rest).map_or(rest, |slash| &rest[..=slash])
}

/// Announced by `git add -N`, it is in no tree yet.
fn is_intended(item: &Raw<'_>) -> bool {
    item.all_flags() & Entry::INTENT_TO_ADD != 0
}
