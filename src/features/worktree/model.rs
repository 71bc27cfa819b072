//! What is recorded of a worktree, and of one that is being made or removed.

use crate::base::{
    id::{ProcessId, SessionTag},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};

/// The file of a [`Record`], in the worktree's own git directory.
pub const RECORD: &str = "ccc-worktree.toml";
/// The file of the brief beside it.
pub const BRIEF: &str = "ccc-brief.md";
/// How the directory begins in which a worktree is built.
pub const BUILDING: &str = ".ccc-making-";
/// How the directory begins in which one is taken apart.
pub const REMOVING: &str = ".ccc-removing-";
/// Why a worktree that is being made is locked.
pub const LOCKED: &str = "git-ccc makes it";
/// The version of both records.
pub const VERSION: i64 = 1;

/// What is known of a worktree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The version.
    pub v: i64,
    /// What it was called when it was made.
    pub name: String,
    /// The template it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The kind of work.
    #[serde(default)]
    pub kind: String,
    /// What it is for.
    #[serde(default)]
    pub purpose: String,
    /// What must not be done in it.
    #[serde(default)]
    pub limits: Vec<String>,
    /// What it began from: a name and a commit.
    #[serde(default)]
    pub base: String,
    /// The commit that it is at.
    #[serde(default)]
    pub base_commit: String,
    /// When it was made or adopted.
    pub made: Timestamp,
    /// The session that was prepared with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionTag>,
    /// Its branch was made with it.
    #[serde(default)]
    pub branch_made: bool,
    /// The memory namespace that was made with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    /// Kind, colour, component and the like.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// What was leased for it.
    #[serde(default, rename = "lease", skip_serializing_if = "Vec::is_empty")]
    pub leases: Vec<Lease>,
    /// What the checks of its template said.
    #[serde(default, rename = "check", skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Checked>,
    /// Keys of later versions, kept as they were read.
    #[serde(flatten)]
    pub extra: toml::Table,
}

/// A port or slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// What stands for it in texts: `port.web`, `slot.db`.
    pub name: String,
    /// The claim's scope: `res:port/3000`.
    pub scope: String,
    /// What it is: `3000`.
    pub value: String,
}

/// What a check said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// Its name.
    pub name: String,
    /// `before` or `after`.
    pub when: String,
    /// The commit that was checked out.
    pub commit: String,
    /// When.
    pub at: Timestamp,
    /// It ended as it should.
    pub good: bool,
    /// The names of the tests, if they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

/// What is being done with a worktree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Act {
    /// It is being made.
    Make,
    /// It is being removed: all that is to be kept is.
    Remove,
}

/// A worktree that is being made or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Making {
    /// The version.
    pub v: i64,
    /// What names it: the journal, the lock, the hidden directory.
    pub id: String,
    /// What is being done.
    pub act: Act,
    /// The name that was asked for.
    pub name: String,
    /// Where it is or shall be.
    pub path: PathBuf,
    /// The hidden directory in which it is made or taken apart.
    pub hidden: PathBuf,
    /// The branch, if it is made or goes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The commit that it is at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Who does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessId>,
    /// On which host, since which boot.
    pub host: String,
    /// Since which boot.
    pub boot: String,
}

impl Making {
    /// Where the tree is built or taken apart.
    pub fn inside(&self) -> PathBuf {
        self.hidden
            .join(self.path.file_name().unwrap_or(self.name.as_ref()))
    }
}
