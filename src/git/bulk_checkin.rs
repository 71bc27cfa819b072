//! Objects that are written together (git's bulk check-in): what is made meanwhile is held back, can be read, and is on
//! the disk when [`BulkCheckin::write`] returns.
//!
//! A group of versions is many small objects, and a file for each costs more than all the rest of the group.

use crate::{
    error::Result,
    git::{
        Oid, Repo, loose, objects,
        pack::{self, Kept, Object},
    },
};
use gix::objs::Kind;
use std::io;

pub use pack::forget;

/// So many objects are not worth a pack, which git would have to clear away again.
const FEW: usize = 6;
/// What is larger is not held back.
const SMALL: usize = 64 * 1024;

/// Objects that are held back; dropped, they never were.
#[derive(Debug)]
pub struct BulkCheckin<'a>(&'a Repo);

impl<'a> BulkCheckin<'a> {
    /// Holds back what is written from now on.
    pub fn begin(repo: &'a Repo) -> Self {
        repo.held.replace(Some(Vec::new()));
        BulkCheckin(repo)
    }

    /// Writes what was held back; what is returned is to be dropped once a ref names it.
    pub fn write(self) -> Result<Option<Kept>> {
        let repo = self.0;
        let mut all = repo.held.take().unwrap_or_default();
        if all.len() > FEW && !pack::are_many(repo) {
            // Where a pack cannot be written loose objects may be, or say why not.
            if let Ok(kept) = pack::write(repo, &mut all) {
                return Ok(Some(kept));
            }
        }
        for (_, kind, data) in all {
            objects::persist(|| loose::write(repo, kind, &data))
                .map_err(|error| objects::unwritable(repo, &error))?;
        }
        Ok(None)
    }
}

impl Drop for BulkCheckin<'_> {
    fn drop(&mut self) {
        self.0.held.take();
    }
}

/// Holds an object back, if that is what is done and it is small.
pub(super) fn hold(repo: &Repo, kind: Kind, data: &[u8]) -> io::Result<Option<Oid>> {
    let mut held = repo.held.borrow_mut();
    let Some(held) = held.as_mut().filter(|_| data.len() <= SMALL) else {
        return Ok(None);
    };
    let oid = gix::objs::compute_hash(repo.hash(), kind, data).map_err(io::Error::other)?;
    if held.iter().all(|(known, ..)| *known != oid) {
        held.push((oid, kind, data.to_vec()));
    }
    Ok(Some(oid))
}

/// Reads an object that is held back.
pub(super) fn read(repo: &Repo, oid: Oid) -> Option<(Kind, Vec<u8>)> {
    let held = repo.held.borrow();
    let same = |(known, ..): &&Object| *known == oid;
    let (_, kind, data) = held.as_ref()?.iter().find(same)?;
    Some((*kind, data.clone()))
}
