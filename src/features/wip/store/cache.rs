//! What was read of the files of a worktree for the newest snapshot: a file whose `lstat` is still the same is not read again.
//!
//! `$GIT_COMMON_DIR/ccc/wip/<tag>`, good only while the ref is the commit that it names. A file that was written in the
//! very moment in which it was looked at may change again without a trace in its times: it is not settled, and read again.

use crate::{
    base::id::SessionTag,
    fs,
    git::{Oid, Repo, index::Stat, status::Spot},
};
use gix::bstr::{BString, ByteSlice};
use std::{
    collections::HashMap, fmt::Write as _, fs::File, io::Write as _, os::unix::fs::MetadataExt,
    path::PathBuf,
};

/// A larger cache is none.
const MAX_BYTES: usize = 64 << 20;
/// Times of files move on in steps; a file that is younger than this may change without a new time. In nanoseconds.
const STEP: i128 = 20_000_000;
/// The same where times are whole seconds, or two.
const COARSE_STEP: i128 = 2_000_000_000;

/// What was read of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its content.
    pub spot: Spot,
    /// Its `lstat` from before it was read.
    pub stat: Stat,
    /// The `lstat` alone says that it is the same.
    pub settled: bool,
}

/// What was read of every file, by path.
#[derive(Debug, Default)]
pub struct Cache {
    files: HashMap<BString, Known>,
}

fn path(repo: &Repo, tag: &SessionTag) -> PathBuf {
    repo.ccc_dir().join("wip").join(tag.as_str())
}

impl Cache {
    /// Loads what was read for this commit in this worktree; else nothing.
    pub fn load(repo: &Repo, tag: &SessionTag, tip: Option<Oid>) -> Self {
        let read = || {
            let bytes = fs::read_capped(&path(repo, tag), MAX_BYTES).ok()??;
            parse(&bytes, &head(repo, tip?))
        };
        read().unwrap_or_default()
    }

    /// Returns what is known of a file that looks like this.
    pub fn get(&self, path: &BString, stat: &Stat) -> Option<Known> {
        let known = self.files.get(path)?;
        (known.settled && known.stat == *stat).then_some(*known)
    }
}

/// Removes what is kept of a session.
pub fn forget(repo: &Repo, tag: &SessionTag) {
    // Without the commit that it names it is worth nothing in any case.
    let _ = fs::remove(&path(repo, tag));
}

fn head(repo: &Repo, tip: Oid) -> String {
    let root = repo.worktree().unwrap_or(repo.git_dir());
    format!("1 {tip} {}", root.display())
}

fn parse(bytes: &[u8], head: &str) -> Option<Cache> {
    let mut lines = bytes.split(|byte| *byte == 0);
    if lines.next()? != head.as_bytes() {
        return None;
    }
    let mut cache = Cache::default();
    // A file that was cut short ends in a line without its end, which is left out.
    let whole = lines.clone().count().saturating_sub(1);
    for line in lines.take(whole) {
        let (facts, path) = line.split_once_str("\t")?;
        let mut words = facts.to_str().ok()?.split(' ');
        let oid = Oid::from_hex(words.next()?.as_bytes()).ok()?;
        let mut number = || words.next()?.parse::<u32>().ok();
        let spot = Spot {
            mode: number()?,
            oid,
        };
        let settled = number()? == 1;
        let stat = Stat {
            ctime_s: number()?,
            ctime_ns: number()?,
            mtime_s: number()?,
            mtime_ns: number()?,
            dev: number()?,
            ino: number()?,
            uid: number()?,
            gid: number()?,
            size: number()?,
        };
        let known = Known {
            spot,
            stat,
            settled,
        };
        cache.files.insert(path.into(), known);
    }
    Some(cache)
}

/// A cache that is being written: its file is made before anything is read, so that the file system says when that was.
#[derive(Debug)]
pub struct Probe {
    temp: PathBuf,
    file: File,
    /// Nanoseconds.
    at: i128,
}

impl Probe {
    /// Takes the time of the file system; where nothing can be written there is no cache.
    pub fn new(repo: &Repo, tag: &SessionTag) -> Option<Self> {
        let dir = repo.ccc_dir().join("wip");
        std::fs::create_dir_all(&dir).ok()?;
        let temp = dir.join(format!(".{tag}.{}.tmp", std::process::id()));
        let file = File::create(&temp).ok()?;
        let meta = file.metadata().ok();
        let probe = meta.map(|meta| nanoseconds(meta.mtime(), meta.mtime_nsec()));
        if let Some(at) = probe {
            return Some(Probe { temp, file, at });
        }
        // It is only litter.
        let _ = fs::remove(&temp);
        None
    }

    /// Tells whether a file that looked like this when its reading began cannot have changed since without a trace.
    pub fn settles(&self, meta: &std::fs::Metadata) -> bool {
        let modified = nanoseconds(meta.mtime(), meta.mtime_nsec());
        let changed = nanoseconds(meta.ctime(), meta.ctime_nsec());
        let fine = meta.mtime_nsec() != 0 && meta.ctime_nsec() != 0;
        let step = if fine { STEP } else { COARSE_STEP };
        modified.max(changed) + step < self.at
    }

    /// Puts the cache in place.
    pub fn keep<'a>(
        mut self,
        repo: &Repo,
        tag: &SessionTag,
        tip: Oid,
        files: impl Iterator<Item = (&'a BString, Known)>,
    ) {
        let mut bytes = head(repo, tip).into_bytes();
        bytes.push(0);
        for (path, known) in files {
            let (spot, stat) = (known.spot, known.stat);
            let mut line = format!("{} {} {}", spot.oid, spot.mode, u32::from(known.settled));
            for number in [
                stat.ctime_s,
                stat.ctime_ns,
                stat.mtime_s,
                stat.mtime_ns,
                stat.dev,
                stat.ino,
                stat.uid,
                stat.gid,
                stat.size,
            ] {
                // Writing to a String cannot fail.
                let _ = write!(line, " {number}");
            }
            bytes.extend(line.into_bytes());
            bytes.push(b'\t');
            bytes.extend_from_slice(path);
            bytes.push(0);
        }
        // Without it all is read again.
        let written = self.file.write_all(&bytes);
        let _ = written.and_then(|()| std::fs::rename(&self.temp, path(repo, tag)));
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // After it was put in place there is nothing of this name.
        let _ = fs::remove(&self.temp);
    }
}

fn nanoseconds(seconds: i64, rest: i64) -> i128 {
    i128::from(seconds) * 1_000_000_000 + i128::from(rest)
}
