//! How many names the directories of a worktree had when they were last listed.
//!
//! A name that comes or goes moves the times of its directory, so one whose inode and times are as they were has as many names
//! as it had. Where that many tracked names are there too, they are all there is, and the directory need not be listed.
//!
//! Invariants: a listing is kept only if its directory had last changed at least a step of the file system's times before we
//! began, so that whatever happened to it afterwards has left a trace; only on file systems that are known to keep these times;
//! and only of directories on the file system of the root. What is ignored plays no part, so no pattern can make it wrong. The
//! file may be deleted at any time, and one that is damaged says nothing about any directory.

use super::TICK;
use crate::git::Repo;
use rustix::fd::{AsFd, OwnedFd};
use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Its name in the git directory of a linked worktree, with which it goes; the main one's is with all other caches.
const NAME: &str = "ccc-listings";
const MAIN: &str = "listings";
const MAGIC: &[u8; 8] = b"CCCLIST1";
/// A larger file is not read: it is none of ours.
const MAX_BYTES: usize = 64 << 20;

/// A directory as it is: its inode and times, comparable as bytes.
pub(super) type State = [u8; 32];
/// A state and the number of names.
type Record = [u8; 36];

pub(super) struct Listings {
    path: PathBuf,
    /// The file system of the root; nothing where times do not say enough.
    device: Option<u64>,
    begun: Duration,
    /// What the file said, in order.
    kept: Vec<Record>,
    /// What it is to say.
    seen: Vec<Record>,
    news: bool,
}

impl Listings {
    /// Reads what is known of the directories of a worktree.
    pub(super) fn load(repo: &Repo, root: &OwnedFd, now: SystemTime) -> Self {
        let device = device(root);
        let mut listings = Listings {
            path: if repo.git_dir() == repo.common_dir() {
                repo.ccc_dir().join(MAIN)
            } else {
                repo.git_dir().join(NAME)
            },
            device,
            begun: now.duration_since(UNIX_EPOCH).unwrap_or_default(),
            kept: Vec::new(),
            seen: Vec::new(),
            news: false,
        };
        if let Some(device) = device {
            let bytes = crate::fs::read_plain(&listings.path, MAX_BYTES);
            let bytes = bytes.ok().flatten().unwrap_or_default();
            listings.kept = records(&bytes, device).unwrap_or_default().to_vec();
        }
        listings
    }

    /// Looks at a directory itself; nothing if that says nothing.
    pub(super) fn state(&self, dir: &OwnedFd) -> Option<State> {
        let device = self.device?;
        let stat = rustix::fs::fstat(dir).ok()?;
        if wide(stat.st_dev)? != device {
            return None;
        }
        let mut state = State::default();
        let times = [
            (stat.st_mtime, stat.st_mtime_nsec),
            (stat.st_ctime, stat.st_ctime_nsec),
        ];
        state[..8].copy_from_slice(&wide(stat.st_ino)?.to_be_bytes());
        for (at, (seconds, rest)) in [8, 20].into_iter().zip(times) {
            let (seconds, rest) = (u64::try_from(seconds).ok()?, u32::try_from(rest).ok()?);
            state[at..at + 8].copy_from_slice(&seconds.to_be_bytes());
            state[at + 8..at + 12].copy_from_slice(&rest.to_be_bytes());
        }
        Some(state)
    }

    /// Tells whether a directory is known to have so many names.
    pub(super) fn has(&mut self, state: Option<State>, names: usize) -> bool {
        let Some(record) = state.and_then(|state| record(state, names)) else {
            return false;
        };
        let has = self.kept.binary_search(&record).is_ok();
        if has {
            self.seen.push(record);
        }
        has
    }

    /// Notes how many names a directory has, if it had been left alone for long enough when we began.
    pub(super) fn note(&mut self, state: Option<State>, names: usize) {
        let Some(state) = state.filter(|state| self.is_old(state)) else {
            return;
        };
        let Some(record) = record(state, names) else {
            return;
        };
        self.seen.push(record);
        self.news |= self.kept.binary_search(&record).is_err();
    }

    fn is_old(&self, state: &State) -> bool {
        [8, 20].iter().all(|at| {
            let (seconds, rest) = (long(&state[*at..]), word(&state[at + 8..]));
            // Without a fraction, times may move on by whole seconds.
            let step = Duration::from_secs(u64::from(rest == 0)) + Duration::new(0, TICK);
            Duration::new(seconds, rest)
                .checked_add(step)
                .is_some_and(|later| later <= self.begun)
        })
    }

    /// Keeps what was seen for the next time, if that is more than what is there.
    pub(super) fn save(&mut self) {
        let Some(device) = self.device.filter(|_| self.news) else {
            return;
        };
        self.seen.sort_unstable();
        let mut bytes = [&MAGIC[..], &device.to_be_bytes()].concat();
        bytes.extend(self.seen.iter().flatten());
        if bytes.len() <= MAX_BYTES {
            // A cache that cannot be written costs time, nothing else.
            let _ = crate::fs::replace(&self.path, &bytes);
        }
    }
}

/// The records of a file, if it is of this file system.
fn records(bytes: &[u8], device: u64) -> Option<&[Record]> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (records, cut) = rest
        .strip_prefix(&device.to_be_bytes()[..])?
        .as_chunks::<36>();
    cut.is_empty().then_some(records)
}

fn record(state: State, names: usize) -> Option<Record> {
    let mut record: Record = [0; 36];
    record[..32].copy_from_slice(&state);
    record[32..].copy_from_slice(&u32::try_from(names).ok()?.to_be_bytes());
    Some(record)
}

/// Takes a number of a stat, which is of another width and sign on each platform.
fn wide(number: impl Into<i128>) -> Option<u64> {
    u64::try_from(number.into()).ok()
}

fn long(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |b| u64::from_be_bytes(*b))
}

fn word(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |b| u32::from_be_bytes(*b))
}

/// The device of a directory on a file system of which we know that each change of a directory moves its times on.
#[cfg(target_os = "linux")]
fn device(root: &OwnedFd) -> Option<u64> {
    /// ext2 to ext4, XFS, btrfs, tmpfs, F2FS, overlay, ZFS, bcachefs; see statfs(2).
    const KNOWN: [u32; 8] = [
        0xEF53,
        0x5846_5342,
        0x9123_683E,
        0x0102_1994,
        0xF2F5_2010,
        0x794C_7630,
        0x2FC1_2FC1,
        0xCA45_1A4E,
    ];
    let kind = rustix::fs::fstatfs(root.as_fd()).ok()?.f_type;
    // Signed and wide on some processors, and the upper half says nothing.
    let [.., a, b, c, d] = i128::from(kind).to_be_bytes();
    if !KNOWN.contains(&u32::from_be_bytes([a, b, c, d])) {
        return None;
    }
    wide(rustix::fs::fstat(root).ok()?.st_dev)
}

#[cfg(not(target_os = "linux"))]
fn device(_root: &OwnedFd) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(ino: u64, times: [(u64, u32); 2]) -> State {
        let mut state = State::default();
        state[..8].copy_from_slice(&ino.to_be_bytes());
        for (at, (seconds, rest)) in [8, 20].into_iter().zip(times) {
            state[at..at + 8].copy_from_slice(&seconds.to_be_bytes());
            state[at + 8..at + 12].copy_from_slice(&rest.to_be_bytes());
        }
        state
    }

    fn at(begun: Duration) -> Listings {
        Listings {
            path: PathBuf::new(),
            device: Some(7),
            begun,
            kept: Vec::new(),
            seen: Vec::new(),
            news: false,
        }
    }

    #[test]
    fn only_what_was_left_alone_is_kept() {
        let kept = |times, begun| {
            let mut listings = at(begun);
            listings.note(Some(state(1, times)), 3);
            listings.news
        };
        let (early, late) = ((100, 5), (100, 600_000_000));
        let begun = |nanos| Duration::new(100, nanos);
        assert!(kept([early, early], begun(20_000_005)));
        assert!(!kept([early, early], begun(20_000_004)));
        // Either time counts: only one of them can be set by hand.
        assert!(!kept([early, late], begun(610_000_000)));
        assert!(!kept([late, early], begun(610_000_000)));
        assert!(kept([early, late], begun(620_000_000)));
        // Whole seconds say less.
        assert!(!kept([(100, 0), (100, 0)], begun(999_999_999)));
        assert!(kept([(100, 0), (100, 0)], Duration::new(101, 20_000_000)));
        // A time to come, or none that a clock can reach.
        assert!(!kept([(200, 1), (200, 1)], begun(0)));
        assert!(!kept([(u64::MAX, 1), early], begun(999_999_999)));
    }

    #[test]
    fn a_listing_counts_for_the_same_directory_alone() {
        let mut listings = at(Duration::from_secs(1000));
        let old = [(100, 5), (101, 6)];
        listings.note(Some(state(1, old)), 3);
        listings.note(Some(state(2, old)), 4);
        listings.kept = std::mem::take(&mut listings.seen);
        assert!(listings.has(Some(state(1, old)), 3));
        assert!(listings.has(Some(state(2, old)), 4));
        for (other, names) in [
            (state(1, old), 4),
            (state(3, old), 3),
            (state(1, [(100, 6), (101, 6)]), 3),
            (state(1, [(100, 5), (101, 7)]), 3),
        ] {
            assert!(!listings.has(Some(other), names));
        }
        assert!(!listings.has(None, 3));
    }

    #[test]
    fn a_file_that_is_not_whole_says_nothing() {
        let record = record(state(1, [(100, 5), (101, 6)]), 3).expect("it fits");
        let whole = [&MAGIC[..], &7_u64.to_be_bytes(), &record].concat();
        assert_eq!(records(&whole, 7), Some(&[record][..]));
        assert_eq!(records(&whole, 8), None);
        for cut in 0..whole.len() {
            let found = records(&whole[..cut], 7);
            assert!(found.is_none_or(<[Record]>::is_empty), "{cut}");
        }
    }
}
