//! What is recorded of a session.

use crate::base::{
    id::{ProcessId, SessionTag},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// The prefix of session refs.
pub const PREFIX: &str = "refs/ccc/sessions/";

/// The body of a session's tag object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// The readable name it was started with.
    pub name: String,
    /// The program: `claude`, `codex`, or nothing for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The agent's own id of the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<String>,
    /// The host it runs on.
    pub host: String,
    /// That host's boot id; a pid means nothing under another one.
    #[serde(default)]
    pub boot: String,
    /// The repository's common directory, so that the hub can say where it is.
    pub repo: String,
    /// The root of its worktree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worktree: Option<String>,
    /// The branch it was on when it last said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// What it is doing, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// When it was first registered.
    pub started: Timestamp,
    /// When a command of it was last seen.
    pub beat: Timestamp,
    /// Makes every write a new object: equal objects defeat create-only swaps.
    pub nonce: String,
    /// The process that stands for it; without one, beats decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessId>,
    /// Keys of later versions, kept as they were read.
    #[serde(flatten)]
    pub extra: toml::Table,
}

/// A session and its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// The name.
    pub tag: SessionTag,
    /// What is recorded.
    pub record: SessionRecord,
}

impl SessionRecord {
    /// Returns the subject of the tag object: what plain git shows.
    pub fn subject(&self, tag: &SessionTag) -> String {
        let mut text = tag.to_string();
        if let Some(task) = &self.task {
            text.push_str(": ");
            text.push_str(task);
        }
        if let Some(branch) = &self.branch {
            text.push_str(" on ");
            text.push_str(branch);
        }
        text
    }
}
