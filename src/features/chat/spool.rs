//! Messages on their way: files that wait for whoever has the room's lock.
//!
//! A file appears whole, by a rename, and is removed only after its message is
//! in the room. `published` holds the tip that was last written and which
//! messages of the spool went into it, so that their posters need not look.

use super::model::Message;
use crate::{
    base::id::MessageId,
    error::{Context, Kind, Result},
    git::{Oid, Repo},
};
use std::{fmt::Write as _, fs, path::PathBuf};

/// So many published messages are remembered.
const REMEMBERED: usize = 512;
/// A larger file is not read: it is none of ours.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Returns the folder of everything that belongs to posting.
pub fn dir(repo: &Repo) -> PathBuf {
    repo.ccc_dir().join("chat")
}

fn path(repo: &Repo, id: &MessageId) -> PathBuf {
    dir(repo).join("spool").join(id.as_str())
}

/// Leaves a message for whoever has the lock.
pub fn put(repo: &Repo, message: &Message) -> Result<()> {
    let path = path(repo, &message.id);
    let text = serde_json::to_vec(message)
        .context(Kind::Internal, || "the message has no file form".to_owned())?;
    crate::fs::replace(&path, &text).context(Kind::Setup, || {
        format!("{} cannot be written", path.display())
    })
}

/// Tells whether a message still waits.
pub fn has(repo: &Repo, id: &MessageId) -> bool {
    path(repo, id).exists()
}

/// Takes a message back, or away after it was published.
pub fn remove(repo: &Repo, id: &MessageId) -> Result<()> {
    let path = path(repo, id);
    crate::fs::remove(&path).context(Kind::Setup, || {
        format!("{} cannot be removed", path.display())
    })
}

/// Returns what waits, in the order of the ids.
pub fn list(repo: &Repo) -> Vec<Message> {
    let Ok(entries) = fs::read_dir(dir(repo).join("spool")) else {
        return Vec::new();
    };
    let mut found: Vec<Message> = entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            name.to_str()
                .is_some_and(|name| name.parse::<MessageId>().is_ok())
        })
        // What cannot be read was taken by another, or is none of ours.
        .filter_map(|entry| {
            crate::fs::read_capped(&entry.path(), MAX_BYTES)
                .ok()
                .flatten()
        })
        .filter_map(|bytes| serde_json::from_slice(&bytes).ok())
        .collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found
}

/// What the last publisher wrote.
#[derive(Clone, Debug, Default)]
pub struct Published {
    /// The room's tip after it.
    pub tip: Option<Oid>,
    /// What somebody was about to swap in and did not live to say whether it got in.
    pub pending: Option<Oid>,
    /// The newest commit whose tree is known to have all lines and files of ours.
    pub whole: Option<Oid>,
    /// Messages of the spool and their commits, newest last.
    pub messages: Vec<(MessageId, Oid)>,
}

impl Published {
    /// Reads the file; a missing or damaged one says nothing.
    pub fn load(repo: &Repo) -> Self {
        let path = dir(repo).join("published");
        let bytes = crate::fs::read_capped(&path, MAX_BYTES).ok().flatten();
        let text = bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let Some(text) = text else {
            return Published::default();
        };
        let oid = |text: &str| Oid::from_hex(text.as_bytes()).ok();
        let mut lines = text.lines();
        Published {
            tip: lines.next().and_then(oid),
            whole: lines.next().and_then(oid),
            pending: lines.next().and_then(oid),
            messages: lines
                .filter_map(|line| {
                    let (id, commit) = line.split_once(' ')?;
                    Some((id.parse().ok()?, oid(commit)?))
                })
                .collect(),
        }
    }

    /// Returns the commit of a message.
    pub fn commit(&self, id: &MessageId) -> Option<Oid> {
        let found = self.messages.iter().rev().find(|(known, _)| known == id);
        found.map(|(_, commit)| *commit)
    }

    /// Writes the file with a new tip, whether its tree is whole, and what went into it.
    pub fn advance(mut self, repo: &Repo, tip: Oid, whole: Option<Oid>, new: &[(MessageId, Oid)]) {
        self.messages.extend_from_slice(new);
        self.whole = whole.or(self.whole);
        self.tip = Some(tip);
        self.pending = None;
        self.save(repo);
    }

    /// Writes down what is about to be swapped in, or that nothing is any more.
    pub fn intend(&mut self, repo: &Repo, pending: Option<Oid>) {
        self.pending = pending;
        self.save(repo);
    }

    fn save(&self, repo: &Repo) {
        let skip = self.messages.len().saturating_sub(REMEMBERED);
        let word = |oid: Option<Oid>| oid.map_or_else(|| "-".to_owned(), |oid| oid.to_string());
        let mut text = String::new();
        for oid in [self.tip, self.whole, self.pending] {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}", word(oid));
        }
        for (id, commit) in self.messages.iter().skip(skip) {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{id} {commit}");
        }
        // Without it the next publisher and the waiting posters look into the room itself.
        let _ = crate::fs::replace_soon(&dir(repo).join("published"), text.as_bytes());
    }
}
