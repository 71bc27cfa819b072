//! What a message is, whatever it is stored in.

use crate::base::{
    id::{MessageId, RoomName, SessionTag},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The longest text, in bytes.
pub const MAX_TEXT: usize = 64 * 1024;
/// The largest attachment, in bytes.
pub const MAX_ATTACHMENT: usize = 10 * 1024 * 1024;

/// What a message does to its thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Says something.
    #[default]
    Note,
    /// Asks.
    Question,
    /// Proposes something to be done.
    Proposal,
    /// Agrees, or has taken notice.
    Ack,
    /// Objects; the text says why.
    Counter,
    /// Begins to do what was proposed.
    Executing,
    /// Has done it.
    Done,
}

/// A word that is none of those that are allowed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected one of {0}")]
pub struct NotAWord(&'static str);

impl State {
    const ALL: [State; 7] = [
        State::Note,
        State::Question,
        State::Proposal,
        State::Ack,
        State::Counter,
        State::Executing,
        State::Done,
    ];

    /// Returns the word.
    pub fn word(self) -> &'static str {
        match self {
            State::Note => "note",
            State::Question => "question",
            State::Proposal => "proposal",
            State::Ack => "ack",
            State::Counter => "counter",
            State::Executing => "executing",
            State::Done => "done",
        }
    }
}

impl FromStr for State {
    type Err = NotAWord;

    fn from_str(text: &str) -> Result<Self, NotAWord> {
        let found = State::ALL.into_iter().find(|state| state.word() == text);
        found.ok_or(NotAWord(
            "note, question, proposal, ack, counter, executing, done",
        ))
    }
}

/// How soon an addressed session should see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// In the middle of what it does.
    Now,
    /// At its next turn.
    #[default]
    Next,
    /// When it has nothing else to do.
    Later,
}

impl Priority {
    /// Returns the word.
    pub fn word(self) -> &'static str {
        match self {
            Priority::Now => "now",
            Priority::Next => "next",
            Priority::Later => "later",
        }
    }
}

impl FromStr for Priority {
    type Err = NotAWord;

    fn from_str(text: &str) -> Result<Self, NotAWord> {
        let all = [Priority::Now, Priority::Next, Priority::Later];
        let found = all.into_iter().find(|priority| priority.word() == text);
        found.ok_or(NotAWord("now, next, later"))
    }
}

/// Who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sender {
    /// A session.
    Session(SessionTag),
    /// A person without one, by the name git knows them by.
    Person(String),
}

impl Sender {
    /// Returns the session's tag, if it is one.
    pub fn session(&self) -> Option<&SessionTag> {
        match self {
            Sender::Session(tag) => Some(tag),
            Sender::Person(_) => None,
        }
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sender::Session(tag) => f.pad(tag.as_str()),
            Sender::Person(name) => f.pad(&crate::base::text::one_line(name, 60)),
        }
    }
}

/// Whom it is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum To {
    /// One session.
    Session(SessionTag),
    /// The person: `@me`.
    Person,
    /// Every session: `@all`.
    All,
}

impl fmt::Display for To {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            To::Session(tag) => tag.as_str(),
            To::Person => "@me",
            To::All => "@all",
        })
    }
}

impl FromStr for To {
    type Err = crate::base::id::IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "@me" => Ok(To::Person),
            "@all" => Ok(To::All),
            tag => tag.parse().map(To::Session),
        }
    }
}

impl TryFrom<String> for To {
    type Error = crate::base::id::IdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<To> for String {
    fn from(to: To) -> Self {
        to.to_string()
    }
}

/// A file that came with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The blob, in hex.
    pub blob: String,
    /// Its size in bytes.
    pub size: u64,
    /// The file's name, without its directory.
    pub name: String,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Who wrote it.
    pub from: Sender,
    /// When.
    pub at: Timestamp,
    /// What, as it was written.
    pub text: String,
    /// All that is said about it beside the text.
    #[serde(flatten)]
    pub about: About,
}

/// What is said about a message beside its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// What it does to its thread.
    pub state: State,
    /// The room.
    pub room: RoomName,
    /// The first message of its thread; none for a first message.
    pub thread: Option<MessageId>,
    /// The message it answers.
    pub reply_to: Option<MessageId>,
    /// Whom it is for.
    pub to: Vec<To>,
    /// The paths it is about.
    pub paths: Vec<String>,
    /// How soon it should be seen.
    pub priority: Option<Priority>,
    /// The commit it is about, in hex.
    pub commit: Option<String>,
    /// Files that came with it.
    pub attachments: Vec<Attachment>,
    /// The end of a pin, or the stated time of an executor.
    pub until: Option<Timestamp>,
    /// The message it pins, which may be itself.
    pub pin: Option<MessageId>,
    /// The message it unpins.
    pub unpin: Option<MessageId>,
    /// The `executing` message it replaces.
    pub take_over: Option<MessageId>,
    /// Trailers of later versions and other features: (`Ccc-Key`, value).
    pub extra: Vec<(String, String)>,
}

impl Default for About {
    fn default() -> Self {
        About {
            state: State::default(),
            room: RoomName::main(),
            thread: None,
            reply_to: None,
            to: Vec::new(),
            paths: Vec::new(),
            priority: None,
            commit: None,
            attachments: Vec::new(),
            until: None,
            pin: None,
            unpin: None,
            take_over: None,
            extra: Vec::new(),
        }
    }
}

impl About {
    /// Returns what another feature says about it.
    pub fn extra(&self, key: &str) -> Option<&str> {
        let found = self.extra.iter().find(|(known, _)| known == key);
        found.map(|(_, value)| value.as_str())
    }

    /// Says something about it that was not said, or was said otherwise.
    pub fn set_extra(&mut self, key: &str, value: String) {
        self.extra.retain(|(known, _)| known != key);
        self.extra.push((key.to_owned(), value));
    }
}

impl Message {
    /// Returns the id of its thread, which is its own for a first message.
    pub fn thread(&self) -> &MessageId {
        self.about.thread.as_ref().unwrap_or(&self.id)
    }

    /// Tells whether it is for this session by name or for all.
    pub fn is_for(&self, tag: &SessionTag) -> bool {
        self.about.to.iter().any(|to| match to {
            To::Session(named) => named == tag,
            To::All => true,
            To::Person => false,
        })
    }

    /// Returns the first line that says something, on one line and cut to `cap` characters.
    pub fn first_line(&self, cap: usize) -> String {
        let line = self.text.lines().find(|line| !line.trim().is_empty());
        crate::base::text::one_line(line.unwrap_or_default().trim(), cap)
    }
}
