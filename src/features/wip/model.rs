//! What a snapshot says of itself, and what is found in one.

use crate::base::{id::SessionTag, time::Timestamp};
use serde::{Serialize, Serializer};

/// The prefix of the refs.
pub const PREFIX: &str = "refs/ccc/wip/";

/// So many paths that were left out are named in a snapshot; the rest is counted.
pub const NAMED: usize = 100;

/// Why something is not in a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The file is larger than the setting allows.
    TooLarge,
    /// All files together are.
    Total,
    /// There are too many.
    TooMany,
    /// It cannot be read.
    Unreadable,
    /// It is a repository of its own.
    Repository,
    /// It is a submodule whose commit differs.
    Submodule,
    /// It is no file and no link.
    Special,
}

impl Reason {
    const ALL: [Reason; 7] = [
        Reason::TooLarge,
        Reason::Total,
        Reason::TooMany,
        Reason::Unreadable,
        Reason::Repository,
        Reason::Submodule,
        Reason::Special,
    ];

    /// Returns the word of the record.
    pub fn word(self) -> &'static str {
        match self {
            Reason::TooLarge => "too-large",
            Reason::Total => "total",
            Reason::TooMany => "too-many",
            Reason::Unreadable => "unreadable",
            Reason::Repository => "repository",
            Reason::Submodule => "submodule",
            Reason::Special => "special",
        }
    }

    /// Reads the word.
    pub fn of(word: &str) -> Option<Self> {
        Reason::ALL.into_iter().find(|reason| reason.word() == word)
    }

    /// Says it to a person.
    pub fn says(self) -> &'static str {
        match self {
            Reason::TooLarge => "larger than wip.file_mb",
            Reason::Total => "beyond wip.total_mb",
            Reason::TooMany => "too many files",
            Reason::Unreadable => "cannot be read",
            Reason::Repository => "a repository of its own",
            Reason::Submodule => "a submodule",
            Reason::Special => "no file and no link",
        }
    }
}

/// One path that is not in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The path, made safe to show.
    pub path: String,
    /// Its size, if known.
    pub bytes: u64,
    /// Why.
    pub why: Reason,
}

/// What the message of a snapshot says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its name, which stays when the chain is rewritten.
    pub id: String,
    /// Stands for all that it holds: two with the same hold the same.
    pub state: String,
    /// The root of the worktree it was made of.
    pub worktree: String,
    /// The branch that was checked out.
    pub branch: Option<String>,
    /// What it was made for.
    pub why: String,
    /// How many snapshots the chain has, this one among them.
    pub count: u32,
    /// How many paths it holds.
    pub paths: u32,
    /// What is not in it.
    pub left_out: Vec<LeftOut>,
    /// How many more are not in it.
    pub left_more: u32,
    /// Branches whose tips hang on it: name and commit.
    pub keeps: Vec<(String, String)>,
}

/// A file or link: its mode in git's words and its object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Spot {
    /// The mode.
    pub mode: u32,
    /// The object.
    pub oid: String,
}

/// One path of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// From the root of the worktree.
    pub path: Vec<u8>,
    /// What the commit beneath it had.
    pub base: Option<Spot>,
    /// What was staged, if that was something else than what the commit had.
    pub staged: Staged,
    /// What stood on disk; nothing if the file was deleted.
    pub work: Option<Spot>,
    /// git did not track it.
    pub untracked: bool,
}

/// What the index had of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Staged {
    /// What the commit had.
    No,
    /// This.
    As(Spot),
    /// Its removal.
    Removal,
}

/// How a path differed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Changed.
    Changed,
    /// New and tracked.
    Added,
    /// Deleted.
    Deleted,
    /// New and not tracked.
    Untracked,
    /// Staged alone: the file itself was as in the commit.
    Staged,
}

impl Item {
    /// Returns how it differed.
    pub fn shape(&self) -> Shape {
        match (&self.work, &self.base) {
            _ if self.untracked => Shape::Untracked,
            (None, None) => Shape::Staged,
            (None, Some(_)) => Shape::Deleted,
            (Some(_), None) => Shape::Added,
            (Some(work), Some(base)) if work == base => Shape::Staged,
            (Some(_), Some(_)) => Shape::Changed,
        }
    }
}

/// What becomes of a path when a snapshot is restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict", content = "by")]
pub enum Verdict {
    /// It is as it was.
    Same,
    /// It is given back.
    Restored,
    /// What was deleted then is deleted again.
    Deleted,
    /// It has other changes by now, and was not named.
    Changed,
    /// A commit has changed it since, and it was not named.
    Committed,
    /// It was deleted then, and deletions were not asked for.
    Deletion,
    /// Another live session holds it.
    Held(SessionTag),
    /// Something is in its place that could not be saved first.
    InTheWay(String),
}

impl Verdict {
    /// Tells whether something is done.
    pub fn acts(&self) -> bool {
        matches!(self, Verdict::Restored | Verdict::Deleted)
    }

    /// Tells whether a path that was named is not given back.
    pub fn refuses(&self) -> bool {
        matches!(self, Verdict::Held(_) | Verdict::InTheWay(_))
    }

    /// Returns the word before the path.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Same => "same",
            Verdict::Restored => "restored",
            Verdict::Deleted => "deleted",
            Verdict::Changed => "changed since",
            Verdict::Committed => "committed since",
            Verdict::Deletion => "deleted then",
            Verdict::Held(_) => "held",
            Verdict::InTheWay(_) => "in the way",
        }
    }
}

/// A snapshot as it stands in a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its commit, which changes when the chain is rewritten.
    pub oid: String,
    /// Whose.
    pub session: SessionTag,
    /// When.
    pub at: Timestamp,
    /// What it says.
    pub note: Note,
}

/// Writes a path as text that can be shown.
pub fn shown(path: &[u8]) -> String {
    crate::base::text::one_line(&String::from_utf8_lossy(path), 300)
}

/// Writes a path for JSON: as it is, where it is text.
pub fn path_text<S: Serializer>(path: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(path))
}
