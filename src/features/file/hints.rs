//! Where locks and hints of shared files lie in the hub's own folder, and how long they stay.

use super::place::Place;
use crate::{
    base::time::Timestamp,
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    fs::Lock,
    git::{Repo, log},
    host,
};
use std::{os::unix::fs::MetadataExt, path::PathBuf};

/// After so many seconds it is forgotten what a reader knows.
const KNOWN_FOR: i64 = 60 * 24 * 3600;

/// Where locks and hints are.
pub fn folder(hub: &Repo) -> PathBuf {
    hub.ccc_dir().join("files")
}

fn lock_file(place: &Place) -> PathBuf {
    folder(&place.hub).join(format!("{}.flock", place.id))
}

/// Takes the file's lock if nobody has it.
pub fn try_lock(place: &Place) -> Result<Option<Lock>> {
    let path = lock_file(place);
    Lock::try_acquire(&path).context(Kind::Setup, || {
        format!("{} cannot be locked", path.display())
    })
}

/// Takes the file's lock.
pub fn lock(place: &Place) -> Result<Lock> {
    lock_unless(place, || false)
}

/// As [`lock`], until it is needless: an error may mean that too.
pub fn lock_unless(place: &Place, needless: impl FnMut() -> bool) -> Result<Lock> {
    let path = lock_file(place);
    let taken = Lock::acquire_unless(&path, log::PATIENCE, needless)
        .context(Kind::Setup, || {
            format!("{} cannot be locked", path.display())
        })?;
    taken.ok_or_else(|| {
        Error::busy(format!("{} is being written by another", place.shown))
            .because(format!("{} was held all the time", path.display()))
            .hint("git ccc doctor")
    })
}

/// Where it is kept what readers of a file know.
pub fn known(place: &Place) -> PathBuf {
    folder(&place.hub).join("known").join(place.id.to_string())
}

/// Where orders wait.
pub fn queue(place: &Place) -> PathBuf {
    folder(&place.hub).join("queue").join(place.id.to_string())
}

/// Names a new order of this process.
pub fn new_order(ctx: &Ctx, place: &Place) -> PathBuf {
    let (at, random, pid) = (ctx.millis(), ctx.dice.hex(4), std::process::id());
    queue(place).join(format!("{at:016x}-{random}.{pid}"))
}

/// Lists the orders of processes that are gone; what their names do not say is not looked for.
pub fn orphans(place: &Place) -> Vec<PathBuf> {
    let orders = std::fs::read_dir(queue(place))
        .into_iter()
        .flatten()
        .flatten();
    let is_gone = |path: &PathBuf| {
        let pid = path.extension().and_then(|pid| pid.to_str()?.parse().ok());
        pid.is_some_and(|pid| host::process(pid).is_none())
    };
    orders.map(|order| order.path()).filter(is_gone).collect()
}

/// Where it stands what a write is about to do.
pub fn doing(place: &Place) -> PathBuf {
    folder(&place.hub).join("doing").join(place.id.to_string())
}

/// Returns a line that is as long as any other of two object ids.
pub fn record(line: &str) -> Vec<u8> {
    const LONGEST: usize = 2 * 64 + 1;
    format!("{line:<LONGEST$}\n").into_bytes()
}

/// Forgets what readers knew long ago, and orders that nobody came back for.
pub fn forget(place: &Place, now: Timestamp) {
    let folders = [known(place), queue(place)];
    let all = folders.iter().filter_map(|dir| std::fs::read_dir(dir).ok());
    for entry in all.flatten().flatten() {
        let written = entry.metadata().map(|meta| meta.mtime());
        if written.is_ok_and(|at| now.unix() - at > KNOWN_FOR) {
            // Only housekeeping: what fails now is done another time.
            let _ = crate::fs::remove(&entry.path());
        }
    }
}
