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
    /// Which processes of that host its own can see: a pid means nothing in a sandbox or container beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pids: Option<String>,
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
    /// How far along it is, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
    /// How far it has read the room.
    #[serde(default, skip_serializing_if = "Cursor::is_empty")]
    pub cursor: Cursor,
    /// Where on the board it says it stands, until its next act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<StatedColumn>,
    /// The process that stands for it; without one, beats decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessId>,
    /// Made for whoever comes to its worktree first, and not yet taken by anybody.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prepared: bool,
    /// What it is about, a word each: kind, colour, component, type, priority, stage.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub labels: std::collections::BTreeMap<String, String>,
    /// Keys of later versions, kept as they were read.
    #[serde(flatten)]
    pub extra: toml::Table,
}

/// Where the work of a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Column {
    /// It finds out what to do.
    Planning,
    /// It changes something.
    Working,
    /// It waits for what others say about it.
    Review,
    /// It, or somebody, finds out whether it holds.
    Testing,
    /// Somebody else says that it holds.
    Verified,
}

impl Column {
    /// All columns, in the order of the work.
    pub const ALL: [Column; 5] = [
        Column::Planning,
        Column::Working,
        Column::Review,
        Column::Testing,
        Column::Verified,
    ];

    /// Returns the word.
    pub fn word(self) -> &'static str {
        match self {
            Column::Planning => "planning",
            Column::Working => "working",
            Column::Review => "review",
            Column::Testing => "testing",
            Column::Verified => "verified",
        }
    }
}

/// A word that names no column.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected one of planning, working, review, testing, verified")]
pub struct NoColumn;

impl std::str::FromStr for Column {
    type Err = NoColumn;

    fn from_str(text: &str) -> Result<Self, NoColumn> {
        let found = Column::ALL.into_iter().find(|column| column.word() == text);
        found.ok_or(NoColumn)
    }
}

/// A column that a session has stated itself, and when: what it does afterwards is stronger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatedColumn {
    /// The column.
    pub word: Column,
    /// When.
    pub at: Timestamp,
    /// The number of the newest log entry then.
    pub fence: u64,
}

/// How far a session has read the room: a mark for each lane of its attention.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    /// Addressed to it, to be seen at once.
    #[serde(default, skip_serializing_if = "Mark::is_empty")]
    pub now: Mark,
    /// Addressed to it, to be seen at its next turn.
    #[serde(default, skip_serializing_if = "Mark::is_empty")]
    pub next: Mark,
    /// Addressed to it, to be seen when it is idle.
    #[serde(default, skip_serializing_if = "Mark::is_empty")]
    pub later: Mark,
    /// All the rest.
    #[serde(default, skip_serializing_if = "Mark::is_empty")]
    pub room: Mark,
    /// Behind which the session has gone on.
    #[serde(default, skip_serializing_if = "Seen::is_empty")]
    pub seen: Seen,
    /// Lanes of later versions.
    #[serde(flatten)]
    pub extra: toml::Table,
}

/// What the session went on after, which is the proof that it was seen: its marks of an earlier moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// When something was last shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offered: Option<Timestamp>,
    /// As [`Cursor::now`].
    #[serde(default, skip_serializing_if = "Mark::is_empty")]
    pub now: Mark,
    /// As [`Cursor::next`].
    #[serde(default, skip_serializing_if = "Mark::is_empty")]
    pub next: Mark,
    /// As [`Cursor::later`].
    #[serde(default, skip_serializing_if = "Mark::is_empty")]
    pub later: Mark,
}

impl Seen {
    fn is_empty(&self) -> bool {
        *self == Seen::default()
    }
}

/// How far one lane was shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The commit of the room behind which everything was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Messages beyond it that were shown too, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ahead: Vec<String>,
}

impl Mark {
    fn is_empty(&self) -> bool {
        *self == Mark::default()
    }
}

impl Cursor {
    /// Returns a cursor behind which everything up to this commit was shown.
    pub fn at(tip: Option<String>) -> Self {
        let mark = Mark {
            at: tip,
            ahead: Vec::new(),
        };
        Cursor {
            now: mark.clone(),
            next: mark.clone(),
            later: mark.clone(),
            seen: Seen {
                offered: None,
                now: mark.clone(),
                next: mark.clone(),
                later: mark.clone(),
            },
            room: mark,
            extra: toml::Table::new(),
        }
    }

    fn is_empty(&self) -> bool {
        *self == Cursor::default()
    }

    /// Tells whether something was shown that nothing proves to have been seen.
    pub fn awaits_proof(&self) -> bool {
        let seen = &self.seen;
        (&seen.now, &seen.next, &seen.later) != (&self.now, &self.next, &self.later)
    }

    /// Takes notice that a command of the session began at this moment: what was shown before it was seen.
    ///
    /// A command that began in the same second may have run beside the one that showed it, and proves nothing.
    pub fn went_on(&mut self, began: Timestamp) -> bool {
        let after = self.seen.offered.is_none_or(|offered| began > offered);
        let news = after && self.awaits_proof();
        if news {
            self.all_seen();
        }
        news
    }

    /// Takes notice that all that was shown was seen.
    pub fn all_seen(&mut self) {
        self.seen.now.clone_from(&self.now);
        self.seen.next.clone_from(&self.next);
        self.seen.later.clone_from(&self.later);
    }
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
