//! `refs/notes/ccc/chat`: a notes tree whose commits are messages.
//!
//! The tree is edited through gix's notes state, so that its fanout is git's
//! and what is no note stays; files that came with messages are kept reachable
//! as `attachments/<blob>`, which is no note to git. A racing stock
//! `git notes append` has the newest commit as its parent and an older tree:
//! what such a commit dropped is found by comparing it with its parent, and
//! put back by the next write.

use crate::{
    base::time::Timestamp,
    error::{Context, Error, Kind, Result},
    git::{
        Oid, Repo,
        objects::{self, Author, persist},
        trees,
    },
};
use gix::{
    bstr::{BString, ByteSlice},
    note::plumbing::State,
    objs::{CommitRef, Kind as ObjectKind, TreeRefIter, tree::EntryKind},
};
use std::collections::{BTreeMap, HashSet};

/// The room's ref.
pub const CHAT: &str = "refs/notes/ccc/chat";
/// The folder of the tree that keeps files reachable.
const ATTACHMENTS: &str = "attachments";

/// One commit of a chain, as read back.
#[derive(Clone, Debug)]
pub struct Link {
    /// The commit.
    pub oid: Oid,
    /// Its parents.
    pub parents: Vec<Oid>,
    /// Its tree.
    pub tree: Oid,
    /// Its author's name.
    pub author: String,
    /// When it was written.
    pub at: Timestamp,
    /// When it was committed; along our own commits this never goes back.
    pub published: i64,
    /// Its message.
    pub message: String,
}

/// Reads a commit.
pub fn read(repo: &Repo, oid: Oid) -> Result<Link> {
    let unreadable = || format!("commit {oid} cannot be read");
    let (kind, data) = objects::read(repo, oid)?;
    let commit = match kind {
        ObjectKind::Commit => CommitRef::from_bytes(&data, repo.hash()),
        _ => return Err(Error::setup(unreadable()).because(format!("it is a {kind}"))),
    };
    let commit = commit.context(Kind::Setup, unreadable)?;
    let author = commit.author().context(Kind::Setup, unreadable)?;
    let at = author.time().map_or(0, |time| time.seconds);
    let committer = commit.committer().context(Kind::Setup, unreadable)?;
    let published = committer.time().map_or(0, |time| time.seconds);
    let epoch = || Timestamp::from_unix(0);
    Ok(Link {
        oid,
        parents: commit.parents().collect(),
        tree: commit.tree(),
        author: author.name.to_str_lossy().into_owned(),
        at: Timestamp::from_unix(at)
            .or_else(epoch)
            .ok_or_else(|| Error::internal(unreadable()))?,
        published,
        message: commit.message.to_str_lossy().into_owned(),
    })
}

/// A commit to be written.
#[derive(Clone, Copy, Debug)]
pub struct NewLink<'a> {
    /// Its parents.
    pub parents: &'a [Oid],
    /// Its tree.
    pub tree: Oid,
    /// Who wrote it, and when.
    pub author: Author<'a>,
    /// When it is committed: not before its parents were.
    pub published: Timestamp,
    /// Its message.
    pub message: &'a str,
}

/// Writes a commit.
pub fn write(repo: &Repo, new: &NewLink<'_>) -> Result<Oid> {
    let committer = Author {
        at: new.published,
        ..new.author
    };
    let commit = gix::objs::Commit {
        tree: new.tree,
        parents: new.parents.iter().copied().collect(),
        author: new.author.signature(),
        committer: committer.signature(),
        encoding: None,
        message: new.message.into(),
        extra_headers: Vec::new(),
    };
    objects::write(repo, &commit)
}

/// Writes a file's content.
pub fn write_blob(repo: &Repo, bytes: &[u8]) -> Result<Oid> {
    objects::write_blob(repo, bytes)
}

/// What is to be in a notes tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Additions {
    /// Lines of notes: (annotated object, line).
    pub lines: Vec<(Oid, String)>,
    /// Blobs to keep reachable.
    pub attachments: Vec<Oid>,
}

impl Additions {
    /// Tells whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.attachments.is_empty()
    }

    /// Takes in what another has.
    pub fn merge(&mut self, other: Additions) {
        self.lines.extend(other.lines);
        self.attachments.extend(other.attachments);
    }
}

/// Returns `tree` with the additions; what is there already is left alone.
pub fn add(repo: &Repo, tree: Oid, additions: &Additions) -> Result<Oid> {
    // A state or an editor whose write failed has lost its edits: each attempt begins anew.
    persist(|| {
        let tree = add_lines(repo, tree, &additions.lines)?;
        add_attachments(repo, tree, &additions.attachments)
    })
}

fn unwritten() -> String {
    "the notes of the room cannot be written".to_owned()
}

fn add_lines(repo: &Repo, tree: Oid, lines: &[(Oid, String)]) -> Result<Oid> {
    if lines.is_empty() {
        return Ok(tree);
    }
    let objects = &repo.gix().objects;
    let mut state = State::new(tree, objects).context(Kind::Internal, unwritten)?;
    for (anchor, lines) in by_anchor(lines) {
        let mut note = note(repo, &mut state, &anchor)?;
        let added = lacking(&note, &lines);
        if added.is_empty() {
            continue;
        }
        if !note.is_empty() && !note.ends_with(b"\n") {
            note.push(b'\n');
        }
        for line in added {
            note.extend_from_slice(line.as_bytes());
            note.push(b'\n');
        }
        let blob = write_blob(repo, &note)?;
        state
            .edit(anchor, Some(blob), objects)
            .context(Kind::Internal, unwritten)?;
    }
    state.write(objects).context(Kind::Internal, unwritten)
}

/// Lines by the object that they are about, in their order.
fn by_anchor(lines: &[(Oid, String)]) -> BTreeMap<Oid, Vec<&str>> {
    let mut all: BTreeMap<Oid, Vec<&str>> = BTreeMap::new();
    for (anchor, line) in lines {
        all.entry(*anchor).or_default().push(line);
    }
    all
}

fn note(repo: &Repo, state: &mut State, anchor: &Oid) -> Result<Vec<u8>> {
    let blob = state
        .get(anchor, &repo.gix().objects)
        .context(Kind::Internal, unwritten)?;
    blob.map_or_else(|| Ok(Vec::new()), |blob| blob_bytes(repo, blob))
}

/// Returns the lines that a note does not have, each once.
fn lacking<'a>(note: &[u8], lines: &[&'a str]) -> Vec<&'a str> {
    let mut known: HashSet<&[u8]> = note.lines().collect();
    let lines = lines.iter().copied();
    lines.filter(|line| known.insert(line.as_bytes())).collect()
}

/// Returns what of `wanted` a tree does not have.
pub fn missing(repo: &Repo, tree: Oid, wanted: &Additions) -> Result<Additions> {
    let mut missing = Additions::default();
    if !wanted.lines.is_empty() {
        let mut state = State::new(tree, &repo.gix().objects).context(Kind::Internal, unwritten)?;
        for (anchor, lines) in by_anchor(&wanted.lines) {
            let note = note(repo, &mut state, &anchor)?;
            let lacking = lacking(&note, &lines).into_iter();
            missing
                .lines
                .extend(lacking.map(|line| (anchor, line.to_owned())));
        }
    }
    if !wanted.attachments.is_empty() {
        let kept = entries(repo, Some(tree))?.remove(ATTACHMENTS);
        let kept = entries(repo, kept.filter(|item| item.tree).map(|item| item.oid))?;
        let attachments = wanted.attachments.iter().copied();
        missing.attachments = attachments
            .filter(|blob| !kept.contains_key(&blob.to_string()))
            .collect();
    }
    Ok(missing)
}

fn add_attachments(repo: &Repo, tree: Oid, blobs: &[Oid]) -> Result<Oid> {
    if blobs.is_empty() {
        return Ok(tree);
    }
    let named: Vec<BString> = blobs
        .iter()
        .map(|blob| format!("{ATTACHMENTS}/{blob}").into())
        .collect();
    let edits = named.iter().zip(blobs).map(|(path, blob)| trees::Edit {
        path: path.as_bstr(),
        to: Some((EntryKind::Blob, *blob)),
    });
    trees::edit(repo, tree, &edits.collect::<Vec<_>>())
}

/// Returns what `before` has and `after` lacks, of attachments and of the note lines that are `ours`.
pub fn dropped(
    repo: &Repo,
    before: Oid,
    after: Oid,
    ours: impl Fn(&str) -> bool,
) -> Result<Additions> {
    let mut changed = BTreeMap::new();
    differ(repo, (Some(before), Some(after)), "", &mut changed)?;
    let mut lost = Additions::default();
    for (path, (old, new)) in changed {
        let Some(old) = old else { continue };
        if path
            .strip_prefix(ATTACHMENTS)
            .is_some_and(|rest| rest.starts_with('/'))
        {
            if new.is_none() {
                lost.attachments.push(old);
            }
            continue;
        }
        let Ok(anchor) = Oid::from_hex(path.replace('/', "").as_bytes()) else {
            continue;
        };
        let old = blob_bytes(repo, old)?;
        let new = new.map_or_else(|| Ok(Vec::new()), |blob| blob_bytes(repo, blob))?;
        // What was only appended to has lost nothing.
        if new.starts_with(&old) {
            continue;
        }
        let kept: HashSet<&[u8]> = new.lines().collect();
        for line in old.lines().filter(|line| !kept.contains(line)) {
            if let Some(line) = line.to_str().ok().filter(|line| ours(line)) {
                lost.lines.push((anchor, line.to_owned()));
            }
        }
    }
    Ok(lost)
}

type Changed = BTreeMap<String, (Option<Oid>, Option<Oid>)>;

/// Collects the files that two trees do not share; a note has one name whatever the fanout.
fn differ(
    repo: &Repo,
    (before, after): (Option<Oid>, Option<Oid>),
    path: &str,
    changed: &mut Changed,
) -> Result<()> {
    let (mut old, new) = (entries(repo, before)?, entries(repo, after)?);
    let mut pairs: Vec<(String, Option<Item>, Option<Item>)> = Vec::new();
    for (name, item) in new {
        let was = old.remove(&name);
        if was != Some(item) {
            pairs.push((name, was, Some(item)));
        }
    }
    pairs.extend(old.into_iter().map(|(name, item)| (name, Some(item), None)));
    for (name, was, is) in pairs {
        let full = match path {
            "" => name.clone(),
            ATTACHMENTS => format!("{path}/{name}"),
            _ => format!("{path}{name}"),
        };
        let tree = |item: Option<Item>| item.filter(|item| item.tree).map(|item| item.oid);
        let file = |item: Option<Item>| item.filter(|item| !item.tree).map(|item| item.oid);
        if tree(was).is_some() || tree(is).is_some() {
            differ(repo, (tree(was), tree(is)), &full, changed)?;
        }
        if file(was).is_some() || file(is).is_some() {
            let slot = changed.entry(full).or_default();
            slot.0 = slot.0.or(file(was));
            slot.1 = slot.1.or(file(is));
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Item {
    tree: bool,
    oid: Oid,
}

fn entries(repo: &Repo, tree: Option<Oid>) -> Result<BTreeMap<String, Item>> {
    let Some(tree) = tree else {
        return Ok(BTreeMap::new());
    };
    let unreadable = || format!("tree {tree} cannot be read");
    let (_, data) = objects::read(repo, tree)?;
    let mut found = BTreeMap::new();
    for entry in TreeRefIter::from_bytes(&data, repo.hash()) {
        let entry = entry.context(Kind::Internal, unreadable)?;
        let item = Item {
            tree: entry.mode.is_tree(),
            oid: entry.oid.to_owned(),
        };
        found.insert(entry.filename.to_str_lossy().into_owned(), item);
    }
    Ok(found)
}

fn blob_bytes(repo: &Repo, blob: Oid) -> Result<Vec<u8>> {
    objects::read(repo, blob).map(|(_, data)| data)
}
