//! Brings the extensions of an index file in line with changed entries.
//!
//! Contract: each function takes an extension's data and returns the new data, or `None` if it
//! cannot be parsed. All of these are caches, so the caller may drop any of them.

use std::borrow::Cow;
use std::collections::HashMap;

use gix::ObjectId;
use gix::hash::Kind;

use super::Unsupported;

/// Length of a `stat` as the untracked cache stores it; the mtime is at byte 8.
const STAT: usize = 36;

/// Refuses extensions that a reader must understand: those in lower case.
pub(in crate::git) fn required(name: &[u8]) -> Result<(), Unsupported> {
    match name {
        b"link" => Err(Unsupported::Split),
        b"sdir" => Err(Unsupported::Sparse),
        [b'A'..=b'Z', ..] => Ok(()),
        other => Err(Unsupported::Extension(other.into())),
    }
}

/// Invalidates the nodes of `TREE` on the way to each touched path.
///
/// As git does: a node keeps its place with count -1 and no id; a node that is itself a touched
/// path is gone with all below it, since the name is now a file or nothing. Directories that
/// lost their last entry stay as invalid nodes; git discards them when it next builds the tree.
pub(super) fn invalidate_tree<'a>(
    data: &'a [u8],
    touched: &[&[u8]],
    hash_len: usize,
) -> Option<Cow<'a, [u8]>> {
    if touched.is_empty() {
        return Some(data.into());
    }
    let mut out = Vec::with_capacity(data.len());
    let mut cursor = Cursor(data);
    copy_node(&mut cursor, touched, hash_len, &mut out)?;
    cursor.0.is_empty().then_some(out.into())
}

/// Copies the node at the cursor and all below it; `touched` is relative to it and ascending.
fn copy_node(
    cursor: &mut Cursor<'_>,
    touched: &[&[u8]],
    hash_len: usize,
    out: &mut Vec<u8>,
) -> Option<()> {
    let before = cursor.0;
    if touched.is_empty() {
        skip_node(cursor, hash_len)?;
        out.extend_from_slice(&before[..before.len() - cursor.0.len()]);
        return Some(());
    }
    let (name, children) = cursor.node(hash_len)?;
    let mut kept = 0u32;
    let mut below = Vec::new();
    for _ in 0..children {
        let child = Cursor(cursor.0).until(0)?;
        if touched.binary_search(&child).is_ok() {
            skip_node(cursor, hash_len)?;
            continue;
        }
        let dir = [child, b"/"].concat();
        let from = touched.partition_point(|path| *path < dir.as_slice());
        let inner: Vec<&[u8]> = touched[from..]
            .iter()
            .map_while(|path| path.strip_prefix(dir.as_slice()))
            .collect();
        copy_node(cursor, &inner, hash_len, &mut below)?;
        kept += 1;
    }
    out.extend_from_slice(name);
    out.extend_from_slice(format!("\0-1 {kept}\n").as_bytes());
    out.append(&mut below);
    Some(())
}

/// The trees that `TREE` has ids of, by directory; the root is the empty name.
pub(in crate::git) fn trees(data: &[u8], hash: Kind) -> Option<HashMap<Vec<u8>, ObjectId>> {
    let mut trees = HashMap::new();
    let mut cursor = Cursor(data);
    // What is above the cursor: how much of the path it takes, and how many of its children are still to come.
    let (mut above, mut path): (Vec<(usize, u64)>, Vec<u8>) = (Vec::new(), Vec::new());
    loop {
        let (name, children, oid) = cursor.tree(hash.len_in_bytes())?;
        let before = path.len();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(name);
        if let Some(oid) = oid {
            trees.insert(path.clone(), ObjectId::try_from(oid).ok()?);
        }
        above.push((before, children));
        while let Some((before, 0)) = above.last() {
            path.truncate(*before);
            above.pop();
        }
        let Some((_, left)) = above.last_mut() else {
            return cursor.0.is_empty().then_some(trees);
        };
        *left -= 1;
    }
}

/// The tree of the whole index, if `TREE` has its id.
pub(in crate::git) fn root_tree(data: &[u8], hash: Kind) -> Option<ObjectId> {
    let (_, _, oid) = Cursor(data).tree(hash.len_in_bytes())?;
    ObjectId::try_from(oid?).ok()
}

/// Skips a node and all below it. No recursion: a damaged file must not exhaust the stack.
fn skip_node(cursor: &mut Cursor<'_>, hash_len: usize) -> Option<()> {
    let mut left = 1u64;
    while left > 0 {
        let (_, children) = cursor.node(hash_len)?;
        left = left - 1 + children;
    }
    Some(())
}

/// Drops the touched paths from `REUC`, what `git checkout -m` restores conflicts from.
pub(super) fn drop_resolved<'a>(
    data: &'a [u8],
    touched: &[&[u8]],
    hash_len: usize,
) -> Option<Cow<'a, [u8]>> {
    let mut out = Vec::with_capacity(data.len());
    let mut cursor = Cursor(data);
    while !cursor.0.is_empty() {
        let before = cursor.0;
        let path = cursor.until(0)?;
        let mut present = 0;
        for _ in 0..3 {
            present += usize::from(cursor.until(0)? != b"0");
        }
        cursor.take(present * hash_len)?;
        if touched.binary_search(&path).is_err() {
            out.extend_from_slice(&before[..before.len() - cursor.0.len()]);
        }
    }
    Some(out.into())
}

/// Empties `UNTR` but leaves it there.
///
/// Dropping it would switch the cache off for good if it was switched on by
/// `git update-index --untracked-cache`. The stats of the exclude files go too, so git hashes
/// those files again instead of trusting a stat which the new mtime of the index no longer
/// shows to be racy.
pub(super) fn empty_untracked(data: &[u8], hash_len: usize) -> Option<Cow<'_, [u8]>> {
    let mut cursor = Cursor(data);
    let ident_len = cursor.varint()?;
    cursor.take(ident_len)?;
    let stats_at = data.len() - cursor.0.len();
    cursor.take(2 * STAT + 4 + 2 * hash_len)?;
    cursor.until(0)?;
    let mut out = data[..data.len() - cursor.0.len()].to_vec();
    out[stats_at..stats_at + 2 * STAT].fill(0);
    out.push(0);
    Some(out.into())
}

/// Keeps `UNTR` as it is if it holds no racy stat, else empties it.
///
/// git trusts the list of a directory whose stat fits and is older than the index. With a new
/// index mtime a racy stat would look settled, and files made in that second stay unseen.
pub(super) fn settled_untracked(
    data: &[u8],
    racy_from: u32,
    hash_len: usize,
) -> Option<Cow<'_, [u8]>> {
    if is_settled(data, racy_from, hash_len) == Some(true) {
        return Some(data.into());
    }
    empty_untracked(data, hash_len)
}

/// `None` if the data cannot be parsed.
fn is_settled(data: &[u8], racy_from: u32, hash_len: usize) -> Option<bool> {
    let settled = |stats: &[u8]| {
        stats
            .chunks_exact(STAT)
            .all(|stat| Cursor(&stat[8..]).be32().is_some_and(|s| s < racy_from))
    };
    let mut cursor = Cursor(data);
    let ident_len = cursor.varint()?;
    cursor.take(ident_len)?;
    let excludes = cursor.take(2 * STAT)?;
    cursor.take(4 + 2 * hash_len)?;
    cursor.until(0)?;
    let dirs = cursor.varint()?;
    if dirs == 0 {
        return Some(settled(excludes));
    }
    for _ in 0..dirs {
        let names = cursor.varint()?;
        cursor.varint()?;
        for _ in 0..=names {
            cursor.until(0)?;
        }
    }
    let valid = cursor.bitmap_ones()?;
    cursor.bitmap_ones()?;
    let hashes = cursor.bitmap_ones()?;
    let stats = cursor.take(valid.checked_mul(STAT)?)?;
    cursor.take(hashes.checked_mul(hash_len)?)?;
    Some(cursor.0 == [0] && settled(excludes) && settled(stats))
}

/// A node of `TREE`: its name, how many children follow, its id if it is valid.
type Node<'a> = (&'a [u8], u64, Option<&'a [u8]>);

/// The unread rest of some data; every method is `None` beyond its end.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(len)?;
        self.0 = tail;
        Some(head)
    }

    /// Takes all before the byte, and skips the byte.
    fn until(&mut self, byte: u8) -> Option<&'a [u8]> {
        let at = self.0.iter().position(|b| *b == byte)?;
        let head = self.take(at)?;
        self.take(1)?;
        Some(head)
    }

    fn be32(&mut self) -> Option<u32> {
        self.take(4)?.first_chunk().map(|b| u32::from_be_bytes(*b))
    }

    /// Takes one node of `TREE`: its name and how many children follow.
    fn node(&mut self, hash_len: usize) -> Option<(&'a [u8], u64)> {
        let (name, children, _) = self.tree(hash_len)?;
        Some((name, children))
    }

    /// The same with its id, if it is valid.
    fn tree(&mut self, hash_len: usize) -> Option<Node<'a>> {
        let name = self.until(0)?;
        let count: i32 = decimal(self.until(b' ')?)?;
        let children: u32 = decimal(self.until(b'\n')?)?;
        let oid = if count < 0 {
            None
        } else {
            Some(self.take(hash_len)?)
        };
        Some((name, children.into(), oid))
    }

    /// Takes a number of git's variable width, in which each length starts where the last ends.
    fn varint(&mut self) -> Option<usize> {
        let mut value = 0usize;
        loop {
            let [byte] = *self.take(1)?.first_chunk()?;
            value = value.checked_add(usize::from(byte & 0x7f))?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
            value = value.checked_add(1)?.checked_mul(128)?;
        }
    }

    /// Takes an EWAH bitmap and counts the bits that are set.
    fn bitmap_ones(&mut self) -> Option<usize> {
        let bits = usize::try_from(self.be32()?).ok()?;
        let words = usize::try_from(self.be32()?).ok()?;
        let words = self.take(words.checked_mul(8)?)?;
        self.be32()?;
        let mut words = words
            .chunks_exact(8)
            .filter_map(|w| w.first_chunk().map(|w| u64::from_be_bytes(*w)));
        let mut ones = 0usize;
        // A marker: the bit that runs, for how many words (32 bits), how many plain words follow.
        while let Some(marker) = words.next() {
            if marker & 1 == 1 {
                let run = usize::try_from(marker >> 1 & 0xffff_ffff).ok()?;
                ones = ones.checked_add(run.checked_mul(64)?)?;
            }
            for _ in 0..marker >> 33 {
                ones += usize::try_from(words.next()?.count_ones()).ok()?;
            }
        }
        (ones <= bits).then_some(ones)
    }
}

fn decimal<T: std::str::FromStr>(digits: &[u8]) -> Option<T> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}
