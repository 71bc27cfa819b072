//! What is recorded of a claim.

use crate::base::{
    id::{ClaimId, ProcessId, SessionTag},
    scope::Scope,
    time::{Timestamp, Ttl},
};
use serde::{Deserialize, Serialize};

/// The prefix of lock refs.
pub const PREFIX: &str = "refs/ccc/claims/";

/// The body of a claim's tag object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimRecord {
    /// The holder.
    pub session: SessionTag,
    /// What it covers.
    pub scopes: Vec<Scope>,
    /// What for, in the holder's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<String>,
    /// When it was granted.
    pub taken: Timestamp,
    /// When it ends unless it is renewed.
    pub until: Timestamp,
    /// How long a renewal lasts.
    pub ttl: Ttl,
    /// When the holder expects to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta: Option<Timestamp>,
    /// The holder's worktree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worktree: Option<String>,
    /// Given back by the commit that contains its paths.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub until_commit: bool,
    /// The number of the log entry that granted it.
    pub fence: u64,
    /// That entry's commit; two entries may carry one number, no two one commit.
    pub entry: String,
    /// Makes every write a new object: equal objects defeat create-only swaps.
    pub nonce: String,
    /// Keys of later versions, kept as they were read.
    #[serde(flatten)]
    pub extra: toml::Table,
}

impl ClaimRecord {
    /// Returns the subject of the tag object: what plain git shows.
    pub fn subject(&self) -> String {
        format!("{} held by {}", join(&self.scopes), self.session)
    }
}

/// Returns scopes as one readable line.
pub fn join(scopes: &[Scope]) -> String {
    scopes
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}

/// A claim and its id.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// The last component of its ref.
    pub id: ClaimId,
    /// What is recorded.
    pub record: ClaimRecord,
}

/// A place in the queue for scopes that are held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    /// Its number: lower is served first.
    #[serde(skip)]
    pub number: u64,
    /// Who waits.
    pub session: SessionTag,
    /// For what.
    pub scopes: Vec<Scope>,
    /// The waiting process; a ticket of a process that is gone does not count.
    pub process: ProcessId,
}
