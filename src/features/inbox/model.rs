//! Receipts: how far a message has come.

use crate::{
    base::id::SessionTag,
    features::{chat::model::Message, session::model::Session},
};
use serde::Serialize;

/// How far a message has come with one receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Receipt {
    /// It is in the room.
    Stored,
    /// It was put before the receiver.
    Offered,
    /// The receiver went on after that.
    Seen,
    /// The receiver answered or acted.
    Acted,
}

impl Receipt {
    /// Returns the word.
    pub fn word(self) -> &'static str {
        match self {
            Receipt::Stored => "stored",
            Receipt::Offered => "offered",
            Receipt::Seen => "seen",
            Receipt::Acted => "acted",
        }
    }
}

/// A message one has sent, and how far it came with one of its receivers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The message.
    pub message: Message,
    /// The receiver.
    pub to: SessionTag,
    /// How far it came.
    pub receipt: Receipt,
}

/// A session somebody wants to reach.
#[derive(Clone, Debug, PartialEq)]
pub struct Peer {
    /// The session.
    pub session: Session,
    /// Its process is proved gone.
    pub dead: bool,
    /// It belongs to another repository.
    pub elsewhere: bool,
}

impl Peer {
    /// Tells whether it may come back under its tag: an agent resumes a conversation under the conversation's id.
    pub fn can_resume(&self) -> bool {
        self.session.record.native.is_some()
    }
}
