//! The queue for held scopes: first come, first served, without a daemon.
//!
//! A waiting command keeps a ticket file in `$GIT_COMMON_DIR/ccc/queue/`, numbered
//! under the log's flock, and removes it when it stops waiting. A ticket counts
//! only while its process runs, so a kill frees its place. Losing the directory
//! loses the order, never a claim. Waiters sleep on file-system events of the
//! refs and wake by the clock only for what no event announces: the end of a
//! lease and the death of a holder.

use super::model::Ticket;
use crate::{
    base::{
        id::{ProcessId, SessionTag},
        scope::Scope,
    },
    error::{Context, Error, Kind, Result},
    git::{Repo, log::Guard},
    host,
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where a change can mean that a claim is free now, in the common directory.
pub const PLACES: &[&str] = &["refs/ccc", "refs/ccc/claims", "reftable", "ccc/queue"];

/// A place in the queue, given up when dropped.
#[derive(Debug)]
pub struct Place {
    /// The ticket.
    pub ticket: Ticket,
    path: PathBuf,
}

impl Drop for Place {
    fn drop(&mut self) {
        // A ticket that stays behind is ignored as soon as this process is gone.
        let _ = fs::remove_file(&self.path);
    }
}

fn dir(repo: &Repo) -> PathBuf {
    repo.ccc_dir().join("queue")
}

/// Returns the tickets of processes that still run, lowest number first.
pub fn load(repo: &Repo) -> Vec<Ticket> {
    let Ok(entries) = fs::read_dir(dir(repo)) else {
        return Vec::new();
    };
    let mut tickets: Vec<Ticket> = entries
        .flatten()
        .filter_map(|entry| read(&entry.path()))
        .collect();
    tickets.retain(|ticket| host::is_running(&ticket.process));
    tickets.sort_by_key(|ticket| ticket.number);
    tickets
}

fn read(path: &Path) -> Option<Ticket> {
    let number = path.file_name()?.to_str()?.parse().ok()?;
    // A ticket being written or already gone is not in the queue.
    let mut ticket: Ticket = toml::from_str(&fs::read_to_string(path).ok()?).ok()?;
    ticket.number = number;
    Some(ticket)
}

/// Takes the next place; the guard makes the numbers follow the order of arrival.
pub fn enter(repo: &Repo, _guard: &Guard, session: &SessionTag, scopes: &[Scope]) -> Result<Place> {
    let dir = dir(repo);
    let unwritable = || format!("{} cannot be written", dir.display());
    fs::create_dir_all(&dir).context(Kind::Setup, unwritable)?;
    let mut last = 0;
    for entry in fs::read_dir(&dir)
        .context(Kind::Setup, unwritable)?
        .flatten()
    {
        let number = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u64>().ok());
        last = last.max(number.unwrap_or(0));
        if number.is_some()
            && read(&entry.path()).is_some_and(|ticket| !host::is_running(&ticket.process))
        {
            crate::fs::remove(&entry.path()).context(Kind::Setup, unwritable)?;
        }
    }
    let process = own_process()?;
    let ticket = Ticket {
        number: last + 1,
        session: session.clone(),
        scopes: scopes.to_vec(),
        process,
    };
    let path = dir.join(format!("{:012}", ticket.number));
    let text = toml::to_string(&ticket)
        .context(Kind::Internal, || "the ticket has no file form".to_owned())?;
    crate::fs::replace(&path, text.as_bytes()).context(Kind::Setup, unwritable)?;
    Ok(Place { ticket, path })
}

fn own_process() -> Result<ProcessId> {
    host::process(std::process::id())
        .ok_or_else(|| Error::internal("this process cannot be found on its own host"))
}
