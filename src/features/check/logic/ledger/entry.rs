//! One entry of the log as it was read: its trailers, its number and the subject that it says again.

use crate::base::time::Timestamp;

/// An entry as it was read.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its commit.
    pub oid: String,
    /// What it follows.
    pub parents: Vec<String>,
    /// When it was written.
    pub at: Timestamp,
    /// Its message.
    pub message: String,
}

impl Entry {
    /// Trailers with the line they are on, from 1 in the message.
    pub(super) fn trailers(&self) -> impl Iterator<Item = (u32, &str, &str)> {
        self.message.lines().zip(1..).filter_map(|(line, number)| {
            let (key, value) = line.split_once(": ")?;
            key.starts_with("Ccc-").then_some((number, key, value))
        })
    }

    pub(super) fn one(&self, wanted: &str) -> Option<&str> {
        self.trailers()
            .find(|(_, key, _)| *key == wanted)
            .map(|(_, _, value)| value)
    }

    pub(super) fn all<'a>(&'a self, wanted: &'a str) -> impl Iterator<Item = &'a str> {
        self.trailers()
            .filter(move |(_, key, _)| *key == wanted)
            .map(|(_, _, value)| value)
    }

    pub(super) fn fence(&self) -> Option<u64> {
        self.all("Ccc-Fence").last()?.parse().ok()
    }
}

/// The subject of the commit that an entry is about: `commit <short> by <tag>: <subject>`.
pub(super) fn subject_of_commit(entry: &Entry) -> Option<&str> {
    let rest = entry.message.lines().next()?.strip_prefix("commit ")?;
    Some(rest.split_once(" by ")?.1.split_once(": ")?.1)
}

/// Tells whether a line is a subject that the log has, cut as the log cuts it.
pub fn is_subject(recorded: &str, line: &str) -> bool {
    let line = crate::base::text::one_line(line.trim(), 1000);
    match recorded.strip_suffix('…') {
        Some(beginning) => !beginning.is_empty() && line.starts_with(beginning),
        None => !recorded.is_empty() && line == recorded,
    }
}
