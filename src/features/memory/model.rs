//! What is known of a memory directory and its copies.

use crate::base::{text::one_line, time::Timestamp};
use serde::Serialize;

/// Where the chains are.
pub const PREFIX: &str = "refs/ccc/memory/";
/// The namespace that all others are merged into.
pub const MAIN: &str = "main";

/// One version, as shown.
#[derive(Clone, Debug, Serialize)]
pub struct Version {
    /// Its commit.
    pub version: String,
    /// Who made it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What changed, in words.
    pub subject: String,
}

/// A file that a merge changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// Its path in the directory.
    pub path: String,
    /// What becomes of it in main.
    pub how: How,
}

/// What a merge does with a file of main.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// It was not there.
    Added,
    /// The namespace removed it.
    Removed,
    /// The namespace alone changed it.
    Changed,
    /// Both changed it.
    Merged,
}

impl How {
    /// Returns the word.
    pub fn word(self) -> &'static str {
        match self {
            How::Added => "added",
            How::Removed => "removed",
            How::Changed => "changed",
            How::Merged => "merged",
        }
    }
}

/// What only somebody who knows what is meant can decide.
#[derive(Clone, Debug, Serialize)]
pub struct Open {
    /// The file.
    pub path: String,
    /// Where in it; empty for the whole file.
    pub at: String,
    /// What both started from; none if it was not there, or is no text.
    pub base: Option<String>,
    /// What main has.
    pub main: Option<String>,
    /// What the namespace has.
    pub theirs: Option<String>,
}

impl Open {
    /// The place, on one line.
    pub fn spot(&self) -> String {
        let path = one_line(&self.path, 200);
        if self.at.is_empty() {
            path
        } else {
            format!("{path} ({})", one_line(&self.at, 100))
        }
    }
}

/// Two entries that say the same after a merge.
#[derive(Clone, Debug, Serialize)]
pub struct Twice {
    /// The file.
    pub path: String,
    /// Where in it.
    pub at: String,
    /// One of them.
    pub first: String,
    /// The other one.
    pub second: String,
}
