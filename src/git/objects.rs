//! Objects, written loose: records (tags of the empty tree) and entries (commits of it).

use crate::{
    base::time::Timestamp,
    error::{Context, Error, Kind, Result},
    git::{Oid, Repo, bulk_checkin, loose},
};
use gix::{
    actor::Signature,
    bstr::{BString, ByteSlice},
    objs::{CommitRef, Kind as ObjectKind, Tag, TagRef, Tree, WriteTo},
};
use std::io;

/// Who writes an object, and when.
#[derive(Clone, Copy, Debug)]
pub struct Author<'a> {
    /// The session's tag, or another readable name.
    pub name: &'a str,
    /// When.
    pub at: Timestamp,
}

impl Author<'_> {
    pub(super) fn signature(self) -> Signature {
        // `.invalid` (RFC 2606) can never be somebody's address.
        // A person's own name may have what would end a name in a commit.
        let name: String = self
            .name
            .chars()
            .filter(|c| !c.is_control() && !matches!(c, '<' | '>'))
            .collect();
        let email = BString::from(format!("{}@git-ccc.invalid", name.replace(' ', ".")));
        Signature {
            name: name.into(),
            email,
            time: gix::date::Time::new(self.at.unix(), 0),
        }
    }
}

/// Writes or reads objects, again if it fails at first: git removes an empty directory below `objects/` while it packs,
/// and the file that was about to be put there is refused; and it moves what was about to be read into a pack.
///
/// Each attempt must start from the beginning, with nothing left of the one that failed.
pub fn persist<T, E>(mut write: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    const ATTEMPTS: usize = 5;
    for _ in 1..ATTEMPTS {
        if let Ok(written) = write() {
            return Ok(written);
        }
    }
    write()
}

/// Writes an object.
pub fn write(repo: &Repo, object: &dyn WriteTo) -> Result<Oid> {
    let mut data = Vec::new();
    let written = object.write_to(&mut data);
    let written = written.and_then(|()| put(repo, object.kind(), &data));
    written.map_err(|error| unwritable(repo, &error))
}

/// Writes a file's content.
pub fn write_blob(repo: &Repo, bytes: &[u8]) -> Result<Oid> {
    put(repo, ObjectKind::Blob, bytes).map_err(|error| unwritable(repo, &error))
}

fn put(repo: &Repo, kind: ObjectKind, data: &[u8]) -> io::Result<Oid> {
    match bulk_checkin::hold(repo, kind, data)? {
        Some(held) => Ok(held),
        None => persist(|| loose::write(repo, kind, data)),
    }
}

/// Writes the empty tree, without which `git fsck` reports our records as broken.
pub fn empty_tree(repo: &Repo) -> Result<Oid> {
    write(repo, &Tree::empty())
}

/// Writes a record: an annotated tag of the empty tree, named by what it is about.
pub fn write_record(repo: &Repo, name: &str, message: &str, author: Author<'_>) -> Result<Oid> {
    let tag = Tag {
        target: empty_tree(repo)?,
        target_kind: ObjectKind::Tree,
        name: name.into(),
        tagger: Some(author.signature()),
        message: message.into(),
        signature: None,
    };
    write(repo, &tag)
}

/// Reads the message of a record.
pub fn read_record(repo: &Repo, oid: Oid) -> Result<String> {
    let unreadable = || format!("object {oid} cannot be read as a record");
    let (kind, data) = read(repo, oid)?;
    let tag = match kind {
        ObjectKind::Tag => TagRef::from_bytes(&data, repo.hash()),
        _ => return Err(Error::setup(unreadable()).because(format!("it is a {kind}"))),
    };
    let tag = tag.context(Kind::Setup, unreadable)?;
    Ok(tag.message.to_str_lossy().into_owned())
}

/// Reads an object, from the repository opened anew if it is not found at first: while git packs, an object can leave
/// its loose file after gix has looked at the packs, or between two looks at that file.
///
/// What is new is loose, and gix would open the packs first, all of them.
pub(super) fn read(repo: &Repo, oid: Oid) -> Result<(ObjectKind, Vec<u8>)> {
    const ATTEMPTS: usize = 5;
    if let Some(found) = bulk_checkin::read(repo, oid).or_else(|| loose::read(repo, oid)) {
        return Ok(found);
    }
    let found = |object: gix::Object<'_>| (object.kind, object.data.clone());
    for _ in 1..ATTEMPTS {
        if let Ok(object) = repo.gix().find_object(oid) {
            return Ok(found(object));
        }
        if let Ok(anew) = Repo::open(repo.git_dir())
            && let Ok(object) = anew.gix().find_object(oid)
        {
            return Ok(found(object));
        }
    }
    let object = repo
        .gix()
        .find_object(oid)
        .context(Kind::Setup, || format!("object {oid} cannot be read"))?;
    Ok(found(object))
}

/// Writes a commit of the empty tree: one entry of a log.
pub fn write_entry(
    repo: &Repo,
    parent: Option<Oid>,
    message: &str,
    author: Author<'_>,
) -> Result<Oid> {
    let commit = gix::objs::Commit {
        tree: empty_tree(repo)?,
        parents: parent.into_iter().collect(),
        author: author.signature(),
        committer: author.signature(),
        encoding: None,
        message: message.into(),
        extra_headers: Vec::new(),
    };
    write(repo, &commit)
}

/// A commit to be written.
#[derive(Clone, Copy, Debug)]
pub struct NewCommit<'a> {
    /// Its tree.
    pub tree: Oid,
    /// Its parents.
    pub parents: &'a [Oid],
    /// Who writes it, and when.
    pub author: Author<'a>,
    /// Its message.
    pub message: &'a str,
}

/// Writes a commit of any tree.
pub fn write_commit(repo: &Repo, new: &NewCommit<'_>) -> Result<Oid> {
    let commit = gix::objs::Commit {
        tree: new.tree,
        parents: new.parents.iter().copied().collect(),
        author: new.author.signature(),
        committer: new.author.signature(),
        encoding: None,
        message: new.message.into(),
        extra_headers: Vec::new(),
    };
    write(repo, &commit)
}

/// Reads an entry: its first parent and its message.
pub fn read_entry(repo: &Repo, oid: Oid) -> Result<(Option<Oid>, String)> {
    let unreadable = || format!("commit {oid} cannot be read");
    let (kind, data) = read(repo, oid)?;
    let commit = match kind {
        ObjectKind::Commit => CommitRef::from_bytes(&data, repo.hash()),
        _ => return Err(Error::setup(unreadable()).because(format!("it is a {kind}"))),
    };
    let commit = commit.context(Kind::Setup, unreadable)?;
    Ok((
        commit.parents().next(),
        commit.message.to_str_lossy().into_owned(),
    ))
}

/// Returns the error for objects that cannot be written.
pub fn unwritable(repo: &Repo, error: &(dyn std::error::Error + 'static)) -> crate::error::Error {
    crate::error::Error::setup(format!(
        "{} cannot be written",
        repo.common_dir().join("objects").display()
    ))
    .caused_by(error)
    .hint("git ccc doctor")
}
