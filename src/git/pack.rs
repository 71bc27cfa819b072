//! One pack of a few small objects, in git's own form (gitformat-pack, version 2): two new files instead of one an object.
//!
//! Nothing in it is a delta of another, and its index is put beside it last, when all of it is there. Until a ref names
//! what is in it a `.keep` stands beside it, as for packs that git receives: `git repack -ad` leaves loose objects alone
//! that no ref names, but not packed ones. Later git takes it up with the next `git gc`, as it does loose objects.

use crate::{
    base::time::Timestamp,
    git::{Oid, Repo, loose},
};
use gix::objs::Kind;
use gix::odb::pack::data::entry::Header;
use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// An object: its name, what it is, its content.
pub type Object = (Oid, Kind, Vec<u8>);

/// Tells whether there are so many packs that one more is worse than the files it saves; `git gc --auto` begins at fifty.
pub fn are_many(repo: &Repo) -> bool {
    const MANY: usize = 64;
    let packs = fs::read_dir(dir(repo)).into_iter().flatten().flatten();
    let is_index = |entry: &fs::DirEntry| entry.path().extension().is_some_and(|end| end == "idx");
    packs.filter(is_index).take(MANY).count() == MANY
}

/// A pack that git leaves as it is until this is dropped.
#[derive(Debug)]
pub struct Kept(PathBuf);

impl Drop for Kept {
    fn drop(&mut self) {
        // What stays behind is what `forget` is for.
        let _ = fs::remove_file(&self.0);
    }
}

/// Lets git have the packs that a kill left kept, more than an hour ago.
pub fn forget(repo: &Repo, now: Timestamp) {
    for entry in fs::read_dir(dir(repo)).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|end| end != "keep") {
            continue;
        }
        if let (Ok(keep), Ok(pack)) = (entry.metadata(), fs::metadata(path.with_extension("pack")))
            && keep.ino() == pack.ino()
            && now.unix() - keep.mtime() > 3600
        {
            // Only housekeeping: what fails now is done another time.
            let _ = fs::remove_file(path);
        }
    }
}

/// Writes objects as a pack, each of which is there once.
pub fn write(repo: &Repo, objects: &mut [Object]) -> io::Result<Kept> {
    objects.sort_unstable_by_key(|(oid, ..)| *oid);
    let (pack, places) = pack(repo, objects)?;
    let sum = &pack[pack.len() - repo.hash().len_in_bytes()..];
    let index = index(repo, objects, &places, sum)?;
    let name = Oid::try_from(sum).map_err(io::Error::other)?;
    let dir = dir(repo);
    let path = |end: &str| dir.join(format!("pack-{name}.{end}"));
    put(repo, &path("pack"), &pack)?;
    let kept = Kept(path("keep"));
    // A second name, and not a file of its own. Without its index the pack is none to git.
    let done = fs::hard_link(path("pack"), &kept.0).and_then(|()| put(repo, &path("idx"), &index));
    if done.is_err() {
        // The error that is returned says more than a left-over file.
        let _ = fs::remove_file(path("pack"));
    }
    done.map(|()| kept)
}

fn dir(repo: &Repo) -> PathBuf {
    repo.gix().objects.store_ref().path().join("pack")
}

/// Where an object is in a pack, and the checksum of what stands there.
struct Place {
    at: u32,
    sum: u32,
}

/// Returns the pack, and each object's place in it.
fn pack(repo: &Repo, objects: &[Object]) -> io::Result<(Vec<u8>, Vec<Place>)> {
    let mut bytes = b"PACK".to_vec();
    bytes.extend(2u32.to_be_bytes());
    bytes.extend(number(objects.len())?.to_be_bytes());
    let mut places = Vec::with_capacity(objects.len());
    for (_, kind, data) in objects {
        let header = match kind {
            Kind::Blob => Header::Blob,
            Kind::Tree => Header::Tree,
            Kind::Commit => Header::Commit,
            Kind::Tag => Header::Tag,
        };
        let at = bytes.len();
        header.write_to(data.len() as u64, &mut bytes)?;
        bytes.extend(loose::stored(&[], data));
        places.push(Place {
            at: number(at)?,
            sum: crc32fast::hash(&bytes[at..]),
        });
    }
    seal(repo, &mut bytes)?;
    Ok((bytes, places))
}

/// Returns the index of a pack: how many names begin with each byte or a lower one, the names, the checksums, the places.
fn index(
    repo: &Repo,
    objects: &[Object],
    places: &[Place],
    pack_sum: &[u8],
) -> io::Result<Vec<u8>> {
    let mut bytes = b"\xfftOc".to_vec();
    bytes.extend(2u32.to_be_bytes());
    for first in 0..=u8::MAX {
        let upto = objects.partition_point(|(oid, ..)| oid.as_slice()[0] <= first);
        bytes.extend(number(upto)?.to_be_bytes());
    }
    bytes.extend(objects.iter().flat_map(|(oid, ..)| oid.as_slice()));
    bytes.extend(places.iter().flat_map(|place| place.sum.to_be_bytes()));
    bytes.extend(places.iter().flat_map(|place| place.at.to_be_bytes()));
    bytes.extend(pack_sum);
    seal(repo, &mut bytes)?;
    Ok(bytes)
}

/// Takes a number that has to fit into 31 bits.
fn number(value: usize) -> io::Result<u32> {
    let fits = i32::try_from(value).map_err(|_| ErrorKind::FileTooLarge)?;
    Ok(fits.unsigned_abs())
}

/// Ends a file with the checksum of all that stands before.
fn seal(repo: &Repo, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut hasher = gix::hash::hasher(repo.hash());
    hasher.update(bytes);
    let sum = hasher.try_finalize().map_err(io::Error::other)?;
    bytes.extend(sum.as_slice());
    Ok(())
}

fn put(repo: &Repo, path: &Path, bytes: &[u8]) -> io::Result<()> {
    // `git prune` removes files of this name that a crash has left.
    let temp = path.with_file_name(format!("tmp_ccc{}", std::process::id()));
    let done =
        loose::put(&temp, bytes, repo.syncs_objects()).and_then(|()| fs::rename(&temp, path));
    if done.is_err() {
        // The error that is returned says more than a left-over file.
        let _ = fs::remove_file(&temp);
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_kill_left_kept_is_let_go_after_an_hour() {
        let dir = tempfile::tempdir().unwrap();
        gix::init_bare(dir.path()).unwrap();
        let repo = Repo::open(dir.path()).unwrap();
        let data = b"text".to_vec();
        let oid = gix::objs::compute_hash(repo.hash(), Kind::Blob, &data).unwrap();
        let kept = write(&repo, &mut [(oid, Kind::Blob, data)]).unwrap();
        assert_eq!(repo.gix().find_object(oid).unwrap().data, b"text");
        let written = fs::metadata(&kept.0).unwrap().mtime();
        let at = |second| Timestamp::from_unix(second).unwrap();
        forget(&repo, at(written + 3600));
        assert!(kept.0.exists(), "somebody may be about to name it");
        let own = kept.0.with_file_name("pack-of-a-person.keep");
        fs::write(&own, "").unwrap();
        forget(&repo, at(written + 3601));
        assert!(!kept.0.exists() && own.exists());
    }
}
